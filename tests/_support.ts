/**
 * What many test files share: pools and structs, the visible state of a pool, and assertions that a
 * failed call changed nothing.
 *
 * @module
 */
import { slabClassFor } from "../src/slab/slab_class.ts";
import { compilerFor } from "../src/slab/own_code.ts";
import { type Chunk, type Slab, type SlabConfig, slabs } from "../src/slab/slab.ts";
import type { DebugMode } from "../src/slab/debug_mode.ts";
import { assertEquals, AssertionError, assertThrows } from "@std/assert";
import { array, heapMemory, Pool, struct, validate, wasmMemory } from "../mod.ts";
import type {
  AnyHandle,
  ErasedPool,
  MemoryResource,
  PoolBlock,
  PoolOptions,
  PoolSet,
  PoolStats,
  Struct,
} from "../mod.ts";

/** At most two small blocks, so that their edges and exhaustion are near. */
export const SMALL: PoolOptions = { chunksPerBlock: 16, maxChunks: 32 };

/** A pool of records that hold one number. */
export function counters(options: PoolOptions = SMALL): Pool<{ n: "u32" }> {
  return new Pool({ n: "u32" }, options);
}

// -- records of several structs --

type NumFields = { readonly n: "u32" };
type PosFields = { readonly n: "u32"; readonly x: "f32" };
type RealFields = { readonly v: "f64"; readonly n: "u32" };

/** 4 bytes. In all of these structs `n` counts the records. */
export const Num: Struct<NumFields> = struct({ n: "u32" }, { name: "Num" });
/** 8 bytes, aligned to 4. */
export const Pos: Struct<PosFields> = struct({ n: "u32", x: "f32" }, { name: "Pos" });
/** 16 bytes, aligned to 8. */
export const Real: Struct<RealFields> = struct({ v: "f64", n: "u32" }, { name: "Real" });
/** 40 bytes: too large for every pool below. */
export const Huge: Struct<{ readonly of: ReturnType<typeof array<"f64">> }> = struct(
  { of: array("f64", 5) },
  { name: "Huge" },
);

/** A struct of a mixed pool. */
export type MixedKind = typeof Num | typeof Pos | typeof Real;

/** These structs, from the smallest to the largest. */
export const KINDS: readonly MixedKind[] = [Num, Pos, Real];

/** The members that an `ErasedPool` and a `PoolSet` have in common. */
export type MixedPool = Pick<
  ErasedPool<MixedKind>,
  Exclude<keyof ErasedPool<MixedKind> & keyof PoolSet<MixedKind>, "reserve">
>;

/** Allocates records of all kinds in turn, `n` counted up. */
export function fill(pool: MixedPool, count: number): AnyHandle[] {
  return Array.from({ length: count }, (_, n) => pool.alloc(KINDS[n % 3], { n }));
}

// -- state --

/** The members of a pool that show its state. */
export interface Watched {
  readonly size: number;
  readonly capacity: number;
  readonly byteLength: number;
  readonly blocks: readonly PoolBlock[];
  handles(): Iterable<number>;
  stats(): PoolStats;
}

/** All state of a pool that is visible from outside, every byte of its blocks included. */
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

/** The same without the counts of blocks that were taken and given back. */
export function figuresOf(pool: Watched): unknown {
  const { stats, ...rest } = stateOf(pool) as { stats: Record<string, number> };
  const { size, capacity, blocks, byteLength, peakSize, allocs, frees, retired } = stats;
  return { ...rest, size, capacity, blocks, byteLength, peakSize, allocs, frees, retired };
}

/** A class of errors, for `instanceof`. */
// deno-lint-ignore no-explicit-any -- `unknown` would not accept constructors with parameters
export type ErrorClass<E extends Error = Error> = abstract new (...args: any[]) => E;

/** Asserts that a call throws, and that what `look` returns is the same as before. */
export function assertUnchanged<E extends Error>(
  look: () => unknown,
  call: () => unknown,
  errorClass: ErrorClass<E>,
  messageIncludes: string,
): E {
  const before = look();
  const error = assertThrows(call, errorClass, messageIncludes);
  assertEquals(look(), before);
  return error;
}

/** Asserts that a call throws, that the pool is as before, and that its metadata are valid. */
export function assertError<E extends Error>(
  pool: Watched,
  call: () => unknown,
  errorClass: ErrorClass<E>,
  messageIncludes: string,
): E {
  const error = assertUnchanged(() => stateOf(pool), call, errorClass, messageIncludes);
  validate(pool);
  return error;
}

/**
 * Asserts that a call returns a value, that the pool is as before, and that its metadata are valid.
 */
export function assertHarmless<T>(pool: Watched, call: () => T, returned: T): void {
  const before = stateOf(pool);
  assertEquals(call(), returned);
  assertEquals(stateOf(pool), before);
  validate(pool);
}

/** The result of a call, or its error as a text. */
export function outcomeOf(call: () => unknown): unknown {
  try {
    return call();
  } catch (error) {
    if (error instanceof AssertionError) throw error;
    return `${(error as Error).constructor.name}: ${(error as Error).message}`;
  }
}

/** Passes any value as a handle, as plain JavaScript can. */
export function forge(value: unknown): AnyHandle {
  return value as AnyHandle; // the cast is the point
}

/** Passes any value where the compiler would reject it, as plain JavaScript can. */
export function untyped<T>(value: unknown): T {
  return value as T; // the cast is the point
}

/** How errors show a value. */
export function shown(value: unknown): string {
  if (typeof value === "string") return `"${value}"`;
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "function") return "a function";
  return typeof value === "object" && value !== null ? "an object" : String(value);
}

/** Calls a function while properties of an object are others, or missing where `undefined`. */
export function withProperties<R>(
  of: object,
  properties: Readonly<Record<string, PropertyDescriptor | undefined>>,
  call: () => R,
): R {
  const before = Object.keys(properties).map((key) =>
    [key, Object.getOwnPropertyDescriptor(of, key)] as const
  );
  const set = (key: string, as: PropertyDescriptor | undefined) => {
    Reflect.deleteProperty(of, key);
    if (as !== undefined) Object.defineProperty(of, key, { configurable: true, ...as });
  };
  try {
    for (const [key, as] of Object.entries(properties)) set(key, as);
    return call();
  } finally {
    for (const [key, as] of before) set(key, as);
  }
}

/**
 * Makes a slab without a pool, which `validate` takes, with a geometry or a codec that no pool's
 * options allow.
 */
export function createSlab(
  config: Partial<SlabConfig> & Pick<SlabConfig, "chunksPerBlock" | "maxBlocks" | "codec"> & {
    readonly debug?: DebugMode | false;
  },
  chunk: Partial<Chunk> & Pick<Chunk, "chunkBytes">,
): Slab {
  const debug = config.debug || undefined;
  const whole = {
    ...{ name: "tiny", label: 'Pool "tiny"', firstBlock: 0, keepEmptyBlocks: 1 },
    ...{ memory: heapMemory, reuse: undefined, specialize: debug === undefined, ...config, debug },
    codec: debug?.handlesFor(config.codec) ?? config.codec,
  };
  const compile = compilerFor("test", whole.specialize);
  const bytes = { align: 1, tagged: false, arrays: 0, ...chunk };
  const slab = new (slabClassFor(whole, chunk.chunkBytes, compile))(whole, bytes);
  slabs.set(slab, [slab]);
  return slab;
}

/** A resource in a WebAssembly memory that grows where it is full, which detaches all regions. */
export function growing(): MemoryResource {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const window = wasmMemory(memory);
  const allocate = (byteLength: number, align: number) => {
    try {
      return window.allocate(byteLength, align);
    } catch {
      memory.grow(Math.ceil(byteLength / 65_536));
      return window.allocate(byteLength, align);
    }
  };
  return { allocate, release: (region) => window.release(region) };
}
