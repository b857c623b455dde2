/**
 * What the tests of `SharedPool` need: parts of one pool in one thread, which know as little of each other as threads do.
 *
 * @module
 */
import { assertEquals, assertThrows } from "@std/assert";
import {
  type AnyStruct,
  type Fields,
  type Handle,
  SharedPool,
  type SharedPoolOptions,
  type Struct,
  validate,
} from "../../mod.ts";
import { shared, type SharedSlab } from "../../src/shared/slab.ts";
import type { ErrorClass } from "../_support.ts";

/** Records that hold one number. */
export const Num = { n: "u32" } as const;
/** A handle of one. */
export type NumHandle = Handle<Struct<typeof Num>>;
/** A part in a pool of them. */
export type NumPool = SharedPool<typeof Num>;

/** Two blocks at the most, so that block edges and exhaustion are near. */
export const SMALL: SharedPoolOptions = { chunksPerBlock: 16, maxChunks: 32, name: "motes" };
/** Four. */
export const MIDDLE: SharedPoolOptions = { chunksPerBlock: 16, maxChunks: 64, name: "motes" };

/**
 * @param type What the records are.
 * @param count How many threads seem to take part.
 * @param options Of the pool.
 * @returns The part of each, the creator's first.
 */
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

/** What a pass over a pool, or a stripe of it, sees. */
export function seenBy(pool: NumPool, stripe?: { stripe: number; of: number }): NumHandle[] {
  const seen: NumHandle[] = [];
  pool.forEach((_, handle) => seen.push(handle), stripe);
  return seen;
}

/** The slab behind a part. */
export function slabOf(pool: object): SharedSlab {
  return shared.get(pool)!; // every part has one
}

/** Has the chunks of a part retire, or begin again, after their first record. */
export function retireAtOnce(pool: object): void {
  Object.assign(slabOf(pool), { lastStamp: 1 });
}

/** Every byte of a pool, metadata and all. */
export function bytesOf(pool: object): Uint8Array {
  return new Uint8Array(slabOf(pool).layout.buffer).slice();
}

/** Asserts that a call throws, that no byte of the pool changed, and that its metadata balance. */
export function assertRefused<E extends Error>(
  pool: object,
  call: () => unknown,
  errorClass: ErrorClass<E>,
  messageIncludes: string,
): E {
  const before = bytesOf(pool);
  const error = assertThrows(call, errorClass, messageIncludes);
  assertEquals(bytesOf(pool), before);
  validate(pool);
  return error;
}
