/**
 * What several test files need: the visible state of a pool, and the claim that a refused call left
 * it alone.
 *
 * @module
 */
import { slabClassFor } from "../src/slab/slab_class.ts";
import { compilerFor } from "../src/slab/own_code.ts";
import type { Chunk, Slab, SlabConfig } from "../src/slab/slab.ts";
import { DebugHandles } from "../src/slab/debug_handles.ts";
import { assertEquals, assertThrows } from "@std/assert";
import {
  type AnyHandle,
  array,
  ErasedPool,
  type Handle,
  Pool,
  type PoolBlock,
  type PoolOptions,
  PoolSet,
  type PoolStats,
  type Struct,
  struct,
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

// -- records of several structs --

type NumFields = { readonly n: "u32" };
type PosFields = { readonly n: "u32"; readonly x: "f32" };
type RealFields = { readonly v: "f64"; readonly n: "u32" };

/** 4 bytes. As of the others, `n` counts the records. */
export const Num: Struct<NumFields> = struct({ n: "u32" }, { name: "Num" });
/** 8 bytes, aligned to 4. */
export const Pos: Struct<PosFields> = struct({ n: "u32", x: "f32" }, { name: "Pos" });
/** 16 bytes, aligned to 8. */
export const Real: Struct<RealFields> = struct({ v: "f64", n: "u32" }, { name: "Real" });
/** 40 bytes: too large for every pool of these. */
export const Huge: Struct<{ readonly of: ReturnType<typeof array<"f64">> }> = struct(
  { of: array("f64", 5) },
  { name: "Huge" },
);

/** Any of the structs that a mixed pool holds. */
export type MixedKind = typeof Num | typeof Pos | typeof Real;

/** Those structs, from the smallest to the largest. */
export const KINDS: readonly MixedKind[] = [Num, Pos, Real];

/** What an `ErasedPool` and a `PoolSet` have in common. */
export type MixedPool = Pick<
  ErasedPool<MixedKind>,
  Exclude<keyof ErasedPool<MixedKind> & keyof PoolSet<MixedKind>, "reserve">
>;

const SIXTEENS: PoolOptions = { chunksPerBlock: 16, maxChunks: 64, name: "cells" };

/** Every pool of records of several structs: 64 chunks of each size, in blocks of 16. */
export const FACES: Readonly<Record<string, (options?: PoolOptions) => MixedPool>> = {
  "ErasedPool": (options) =>
    new ErasedPool<MixedKind>({ size: 16, ...SIXTEENS, types: KINDS, ...options }),
  "ErasedPool without types": (options) =>
    new ErasedPool<MixedKind>({ size: 16, ...SIXTEENS, ...options }),
  "PoolSet": (options) =>
    new PoolSet<MixedKind>({ sizes: [4, 8, 16], ...SIXTEENS, maxChunks: 256, ...options }),
  "PoolSet with types": (options) =>
    new PoolSet<MixedKind>({
      sizes: [16, 4, 8],
      ...SIXTEENS,
      maxChunks: 256,
      types: KINDS,
      ...options,
    }),
};

/** Makes room in the class of a struct; in a pool of one class that is the whole pool. */
export function reserveIn(pool: MixedPool, kind: MixedKind, chunks: number): void {
  if (pool instanceof PoolSet) pool.reserve(kind, chunks);
  else (pool as ErasedPool<MixedKind>).reserve(chunks); // it is one of the two
}

/** Allocates records of all kinds in turn, `n` counted up. */
export function fill(pool: MixedPool, count: number): AnyHandle[] {
  return Array.from({ length: count }, (_, n) => pool.alloc(KINDS[n % 3], { n }));
}

/** What every pool can do without being told a struct. */
export interface AnyKindOfPool extends Watched, Disposable {
  free(handle: AnyHandle): void;
  freeMany(handles: AnyHandle[]): void;
  clear(): void;
  freeBlock(index: number): void;
  trim(): number;
  rebind(): void;
  dispose(): void;
}

/** A pool of any kind, of which one struct is asked. */
export interface Face {
  readonly pool: AnyKindOfPool;
  alloc(init?: { n: number }): AnyHandle;
  allocMany(count: number): AnyHandle[];
  reserve(chunks: number): void;
  get(handle: AnyHandle): { n: number };
}

/** Every kind of pool. */
export const POOLS: Readonly<Record<string, (options?: PoolOptions) => Face>> = {
  "Pool": (options) => {
    const pool = new Pool(Real, { ...SIXTEENS, ...options });
    return {
      pool,
      alloc: (init) => pool.alloc(init) as AnyHandle,
      allocMany: (count) => pool.allocMany(count) as AnyHandle[],
      reserve: (chunks) => pool.reserve(chunks),
      get: (handle) => pool.get(handle),
    };
  },
  ...Object.fromEntries(
    Object.entries(FACES).map(([name, create]) => [name, (options) => {
      const pool = create(options);
      return {
        pool,
        alloc: (init) => pool.alloc(Real, init) as AnyHandle,
        allocMany: (count) => pool.allocMany(Real, count) as AnyHandle[],
        reserve: (chunks) => reserveIn(pool, Real, chunks),
        get: (handle) => pool.get(Real, handle),
      };
    }]),
  ) as Record<string, (options?: PoolOptions) => Face>,
};

// -- state --

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

/** What can be seen of a pool, less the count of what went to and fro with its memory resource. */
export function figuresOf(pool: Watched): unknown {
  const { stats, ...rest } = stateOf(pool) as { stats: Record<string, number> };
  const { size, capacity, blocks, byteLength, peakSize, allocs, frees, retired } = stats;
  return { ...rest, size, capacity, blocks, byteLength, peakSize, allocs, frees, retired };
}

/** A class of errors, of which nothing but `instanceof` is asked. */
// deno-lint-ignore no-explicit-any -- `unknown` would refuse constructors that take arguments
export type ErrorClass<E extends Error = Error> = abstract new (...args: any[]) => E;

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

/**
 * Makes a slab without a pool, for what no pool's options allow.
 *
 * @param config As pools hand it on; what is left out is as by default.
 * @param chunk What a slab is told of its chunks.
 * @returns The slab.
 */
export function createSlab(
  config: Omit<SlabConfig, "specialize" | "spread"> & { readonly spread?: boolean },
  chunk: Omit<Chunk, "arrays">,
): Slab {
  const { spread = false, debug } = config;
  const codec = debug ? new DebugHandles(config.codec) : config.codec;
  const whole = { ...config, codec, spread, specialize: !debug };
  const bytes = { ...chunk, arrays: 0 };
  return new (slabClassFor(whole, chunk.chunkBytes, compilerFor("test", whole.specialize)))(
    whole,
    bytes,
  );
}
