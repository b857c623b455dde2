/**
 * What several test files need: the visible state of a pool, and the claim that a refused call left
 * it alone.
 *
 * @module
 */
import { assertEquals, assertThrows } from "@std/assert";
import {
  type AnyHandle,
  type Handle,
  Pool,
  type PoolBlock,
  type PoolOptions,
  type PoolStats,
  type Struct,
  validate,
} from "../mod.ts";

/** Two blocks at the most, so that block edges and exhaustion are near. */
export const SMALL: PoolOptions = { chunksPerBlock: 16, maxChunks: 32 };

/** A pool of records that hold one number. */
export function counters(options: PoolOptions = SMALL): Pool<{ n: "u32" }> {
  return new Pool({ n: "u32" }, options);
}

/** A full pool of 48 records in three blocks, `n` counted up, some of them freed. */
export function holey(
  isFreed: (n: number) => boolean,
): { pool: Pool<{ n: "u32" }>; handles: Handle<Struct<{ n: "u32" }>>[] } {
  const pool = counters({ chunksPerBlock: 16, maxChunks: 64 });
  const handles = pool.allocMany(48);
  handles.forEach((handle, n) => pool.set(handle, { n }));
  handles.forEach((handle, n) => isFreed(n) && pool.free(handle));
  return { pool, handles };
}

/** The part of a pool that shows its state, whatever its records are. */
export interface Watched {
  readonly size: number;
  readonly capacity: number;
  readonly byteLength: number;
  readonly blocks: readonly PoolBlock[];
  handles(): Iterable<number>;
  stats(): PoolStats;
}

/** Everything about a pool that can be seen from outside, every byte of its blocks included. */
export function stateOf(pool: Watched): unknown {
  return {
    size: pool.size,
    capacity: pool.capacity,
    byteLength: pool.byteLength,
    handles: [...pool.handles()],
    stats: { ...pool.stats() },
    blocks: pool.blocks.map((it) => ({
      index: it.index,
      chunkCount: it.chunkCount,
      live: it.live,
      bytes: [...it.bytes],
    })),
  };
}

/** A class of errors, of which nothing but `instanceof` is asked. */
// deno-lint-ignore no-explicit-any -- `unknown` would refuse constructors that take arguments
type ErrorClass<E extends Error> = abstract new (...args: any[]) => E;

/** Asserts that a call throws, that the pool is as it was before, and that its books balance. */
export function assertRefused<E extends Error>(
  pool: Watched,
  call: () => unknown,
  errorClass: ErrorClass<E>,
  messageIncludes: string,
): E {
  const before = stateOf(pool);
  const error = assertThrows(call, errorClass, messageIncludes);
  assertEquals(stateOf(pool), before);
  validate(pool);
  return error;
}

/** Asserts that a call returns a value, that the pool is as it was before, and that its books balance. */
export function assertHarmless<T>(pool: Watched, call: () => T, returned: T): void {
  const before = stateOf(pool);
  assertEquals(call(), returned);
  assertEquals(stateOf(pool), before);
  validate(pool);
}

/** Passes any value for a handle, as plain JavaScript can. */
export function forge(value: unknown): AnyHandle {
  return value as AnyHandle; // the cast is the point
}

/** Passes any value where the compiler would refuse it, as plain JavaScript can. */
export function untyped<T>(value: unknown): T {
  return value as T; // the cast is the point
}
