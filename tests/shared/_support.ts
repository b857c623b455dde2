/**
 * What the tests of `SharedPool` share: parts of one pool in one thread, which know as little of
 * each other as threads do.
 *
 * @module
 */
import { SharedPool, validate } from "../../mod.ts";
import type { AnyStruct, Fields, Handle, SharedPoolOptions, Struct } from "../../mod.ts";
import { shared, type SharedSlab } from "../../src/shared/slab.ts";
import { assertUnchanged, type ErrorClass } from "../_support.ts";

/** Records that hold one number. */
export const Num = { n: "u32" } as const;
/** A handle of one. */
export type NumHandle = Handle<Struct<typeof Num>>;
/** A part in a pool of them. */
export type NumPool = SharedPool<typeof Num>;

/** At most two blocks, so that the ends of blocks and of the pool are near. */
export const SMALL: SharedPoolOptions = { chunksPerBlock: 16, maxChunks: 32, name: "motes" };
/** At most four blocks. */
export const MIDDLE: SharedPoolOptions = { chunksPerBlock: 16, maxChunks: 64, name: "motes" };

/** Creates a pool and attaches to it until it has `count` parts; the creator's comes first. */
export function partsOf<T extends AnyStruct | Fields>(
  type: T,
  count: number,
  options: SharedPoolOptions,
): SharedPool<T>[] {
  const first = SharedPool.create(type, options);
  const others = Array.from({ length: count - 1 }, () => SharedPool.attach(type, first.share()));
  return [first, ...others];
}

/** Two parts in a pool of numbers. */
export function pair(options: SharedPoolOptions = SMALL): [NumPool, NumPool] {
  const [here, there] = partsOf(Num, 2, options);
  return [here, there];
}

/** Allocates records, `n` counted up. */
export function take(pool: NumPool, count: number): NumHandle[] {
  return Array.from({ length: count }, (_, n) => pool.alloc({ n }));
}

/** The handles that a pass over a pool, or over a stripe of it, visits. */
export function seenBy(pool: NumPool, stripe?: { stripe: number; of: number }): NumHandle[] {
  const seen: NumHandle[] = [];
  pool.forEach((_, handle) => seen.push(handle), stripe);
  return seen;
}

/** The slab behind a part. */
export function slabOf(pool: object): SharedSlab {
  return shared.get(pool)!; // every part has one
}

/**
 * Makes generation 1 the last for what a part frees: chunks retire, or start again, at their first
 * free.
 */
export function retireAtOnce(pool: object): void {
  Object.assign(slabOf(pool), { lastStamp: 1 });
}

/** Every byte of a pool, metadata and all. */
export function bytesOf(pool: object): Uint8Array {
  return new Uint8Array(slabOf(pool).layout.buffer).slice();
}

/** With code of its own for each pool, and with the module's shared code. */
export const BOTH = [true, false] as const;

/** Asserts that a call throws, that no byte of the pool changed, and that its metadata balance. */
export function assertError<E extends Error>(
  pool: object,
  call: () => unknown,
  errorClass: ErrorClass<E>,
  messageIncludes: string,
): E {
  const error = assertUnchanged(() => bytesOf(pool), call, errorClass, messageIncludes);
  validate(pool);
  return error;
}
