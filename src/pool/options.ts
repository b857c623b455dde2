/**
 * The options of pools: their checks and their defaults.
 *
 * @module
 */
import {
  DEBUG_VALUES,
  type DebugMode,
  type EngineConfig,
  isDebugOption,
} from "../slab/debug_mode.ts";
import {
  CompactHandles,
  type HandleKind,
  type HandlePart,
  WHOLE,
  WideHandles,
} from "../slab/handle.ts";
import type { SpreadReuse } from "../slab/slab.ts";
import { MAX_ALIGN } from "../memory/region.ts";
import { heapMemory, type MemoryResource } from "../memory/resource.ts";
import { checkOptions, titleWith } from "../messages/nearest.ts";
import { showValue } from "../messages/show.ts";

/**
 * Options of a {@linkcode Pool}, which the other classes of pools take as well; each may be left
 * out.
 *
 * @category Pools
 */
export interface PoolOptions {
  /** The name of the pool in errors. @default {the struct's name, else "pool"} */
  readonly name?: string | undefined;
  /**
   * The number of chunks in each block: a power of two from 16 to 65,536, not above `maxChunks`; at
   * most 256 for records of 1 byte, as their chunks have room for a link of 1 byte only. @default
   * {so many that a block is about 64 KiB}
   */
  readonly chunksPerBlock?: number | undefined;
  /**
   * The most chunks that the pool may have: a power of two from 16 to 2^22 (compact handles) or
   * 2^32 (wide handles). It determines how many bits of a handle are the index, and so how many are
   * left for the generation. @default {2^20}
   */
  readonly maxChunks?: number | undefined;
  /**
   * `"compact"`: handles are below 2^30 and generations wrap. `"wide"`: handles are below 2^53, and
   * chunks are retired when their generations are used up, so that a stale handle is never
   * accepted. @default {"compact"}
   */
  readonly handles?: HandleKind | undefined;
  /**
   * The number of empty blocks kept for reuse, 0 or more; others are given back when they become
   * empty. @default {1}
   */
  readonly keepEmptyBlocks?: number | undefined;
  /** The resource that blocks are allocated from. @default {heapMemory} */
  readonly memory?: MemoryResource | undefined;
  /**
   * {@linkcode debug} for extra checks, which cost time. Freed records are overwritten, a view that
   * is used after its record's `free` throws, and `dispose` throws {@linkcode LeakError} if records
   * are live. Handles are numbers from one counter of the whole program, so that neither a stale
   * handle nor one of another debug pool is ever accepted. @default {false}
   */
  readonly debug?: DebugMode | false | undefined;
  /**
   * Which free chunk `alloc` takes. `"recent"`: the one that was freed last, whose bytes are still
   * in the cache. {@linkcode spread}: the one that was freed longest ago, so that a stale compact
   * handle is not accepted by mistake for long. @default {"recent"}
   */
  readonly reuse?: "recent" | SpreadReuse | undefined;
  /**
   * `false`: the pool uses the module's shared code instead of code that is compiled for its
   * struct. @default {true, as far as `configure` and the platform allow}
   */
  readonly specialize?: boolean | undefined;
}

const BLOCK_BYTES = 65_536;
const MIN_CHUNKS = 16;
const DEFAULT_MAX_CHUNKS = 0x10_0000;
/** The most size classes of a set: 6 bits of a handle. */
const MAX_CLASSES = 64;
const MAX_CHUNKS_PER_BLOCK = 65_536;
/** The widest values of records: `f64`, `i64` and `u64`. */
const MAX_SCALAR_BYTES = 8;
/** The loops over a block index its typed arrays with 31 bits. */
const MAX_BLOCK_BYTES = 0x4000_0000;

/** The name of every option of a pool; the type makes the list complete. */
const POOL_OPTIONS: Readonly<Record<keyof PoolOptions, true>> = {
  name: true,
  chunksPerBlock: true,
  maxChunks: true,
  handles: true,
  keepEmptyBlocks: true,
  memory: true,
  debug: true,
  reuse: true,
  specialize: true,
};

/**
 * Checks the names of options.
 *
 * @param kind The class of the pool, for errors.
 * @param defaultName The name of the pool if the options have none.
 * @param options The options of the user.
 * @param own The names of the options that this class of pools has beside {@linkcode PoolOptions}.
 * @throws {TypeError} when an option is unknown, or `options` is no object.
 */
export function checkPoolOptions(
  kind: string,
  defaultName: string,
  options: PoolOptions,
  own: readonly string[] = [],
): void {
  const title = titleWith(`Cannot create ${kind}`, options?.name, defaultName);
  checkOptions(title, options, [...own, ...Object.keys(POOL_OPTIONS)]);
}

/**
 * Copies the options of a pool from the options of a set, inherited properties included.
 *
 * @param options The options of the user.
 * @returns Those that are not `undefined`, in a new object.
 */
export function poolOptionsOf(options: PoolOptions): PoolOptions {
  const given = Object.keys(POOL_OPTIONS).map((name) => [name, Reflect.get(options, name)]);
  return Object.fromEntries(given.filter(([, value]) => value !== undefined));
}

/**
 * Checks options and fills in the defaults.
 *
 * @param kind The class of the pool, for errors.
 * @param defaultName The name of the pool if the options have none.
 * @param chunkBytes Bytes of a chunk.
 * @param options The options of the user.
 * @param part The handles that the pool gives out, if it is a size class.
 * @param reach The most chunks of a block that links can address.
 * @returns The checked options.
 * @throws {RangeError} when a number is out of its range.
 * @throws {TypeError} when an option has the wrong type.
 */
export function resolveOptions(
  kind: string,
  defaultName: string,
  chunkBytes: number,
  options: PoolOptions,
  part: HandlePart = WHOLE,
  reach: number = chunkBytes === 1 ? 256 : MAX_CHUNKS_PER_BLOCK,
): EngineConfig {
  const { name = defaultName, handles = "compact", keepEmptyBlocks = 1, memory = heapMemory } =
    options;
  const { debug = false, reuse = "recent", specialize = true } = options;
  const label = labelOf(kind, name);
  if (handles !== "compact" && handles !== "wide") {
    throw typeError(label, "handles", '"compact" or "wide"', handles);
  }
  if (typeof memory?.allocate !== "function" || typeof memory.release !== "function") {
    throw typeError(label, "memory", "an object with allocate and release", memory);
  }
  if (!isDebugOption(debug)) throw typeError(label, "debug", DEBUG_VALUES, debug);
  if (reuse !== "recent" && typeof reuse?.slabClass !== "function") {
    throw typeError(label, "reuse", '"recent" or `spread`, which the module exports', reuse);
  }
  if (typeof specialize !== "boolean") {
    throw typeError(label, "specialize", "a boolean", specialize);
  }
  if (!Number.isInteger(keepEmptyBlocks) || keepEmptyBlocks < 0) {
    throw rangeError(label, "keepEmptyBlocks", "an integer from 0", keepEmptyBlocks);
  }
  const compact = handles === "compact";
  const { maxChunks = DEFAULT_MAX_CHUNKS } = options;
  checkPowerOfTwo(label, "maxChunks", maxChunks, mostChunks(handles));
  const most = Math.min(maxChunks, reach);
  const { chunksPerBlock = defaultChunks(chunkBytes, most) } = options;
  checkPowerOfTwo(label, "chunksPerBlock", chunksPerBlock, MAX_CHUNKS_PER_BLOCK);
  if (chunksPerBlock > most) {
    const why = maxChunks < chunksPerBlock
      ? `maxChunks${part.isSizeClass ? " of a class" : ""} is ${maxChunks}`
      : `${reach === 256 ? "a link of 1 byte reaches" : "links reach"} no further`;
    throw new RangeError(
      `Cannot create ${label}: chunksPerBlock must be at most ${most}, as ${why}, got ${chunksPerBlock}`,
    );
  }
  if (chunksPerBlock * chunkBytes > MAX_BLOCK_BYTES) {
    throw new RangeError(
      `Cannot create ${label}: a block of ${chunksPerBlock} chunks of ${chunkBytes} bytes exceeds ${MAX_BLOCK_BYTES} bytes`,
    );
  }
  const indexBits = Math.log2(maxChunks) | 0;
  const packed = compact ? new CompactHandles(indexBits, part) : new WideHandles(indexBits, part);
  return {
    name,
    label,
    chunksPerBlock: chunksPerBlock | 0, // a small integer to the engine, also if computed by Math.log2
    maxBlocks: maxChunks / chunksPerBlock,
    firstBlock: part.part * (maxChunks / MIN_CHUNKS),
    codec: debug ? debug.handlesFor(packed) : packed,
    keepEmptyBlocks,
    memory,
    debug: debug || undefined,
    specialize: specialize && !debug, // debug mode would be slow even with compiled code
    reuse: reuse === "recent" ? undefined : reuse,
  };
}

/**
 * Checks the size and alignment of the chunks of an erased pool.
 *
 * @param kind The class of the pool, for errors.
 * @param options The options of the user.
 * @returns Both, with the default of `align`.
 * @throws {RangeError} when one is out of its range.
 * @throws {TypeError} when `types` is no array.
 */
export function resolveChunk(
  kind: string,
  options: PoolOptions & {
    readonly size: number;
    readonly align?: number | undefined;
    readonly types?: readonly unknown[] | undefined;
  },
): { size: number; align: number } {
  const { name = "pool", size, types = [] } = options;
  const label = labelOf(kind, name);
  if (!Number.isInteger(size) || size < 1 || size > MAX_BLOCK_BYTES / MIN_CHUNKS) {
    throw rangeError(label, "size", `an integer from 1 to ${MAX_BLOCK_BYTES / MIN_CHUNKS}`, size);
  }
  const { align = naturalAlign(size) } = options;
  checkPowerOfTwo(label, "align", align, MAX_ALIGN, 1);
  if (size % align !== 0) {
    throw rangeError(label, "size", `a multiple of align, which is ${align}`, size);
  }
  if (!Array.isArray(types)) throw typeError(label, "types", "an array of structs", types);
  return { size, align };
}

/**
 * Returns the default alignment of chunks.
 *
 * @param size Bytes of a chunk.
 * @returns The largest power of two up to 8 that divides `size`.
 */
export function naturalAlign(size: number): number {
  return Math.min(MAX_SCALAR_BYTES, size & -size);
}

/**
 * Divides the handles and chunks of a set among its size classes.
 *
 * @param kind The class of the set, for errors.
 * @param sizes Bytes of a chunk of each class.
 * @param types The structs that may be stored, if the options name them.
 * @param options The options of the user.
 * @returns The name of the set, the most chunks of each class, and the handles that each class
 * gives out.
 * @throws {RangeError} when a number is out of its range.
 * @throws {TypeError} when an option has the wrong type.
 */
export function partsOf(
  kind: string,
  sizes: readonly number[],
  types: readonly unknown[] | undefined,
  options: PoolOptions,
): { name: string; maxChunks: number; parts: readonly HandlePart[] } {
  const { name = "pool", maxChunks = DEFAULT_MAX_CHUNKS, handles } = options;
  const label = labelOf(kind, name);
  if (!Array.isArray(sizes)) throw typeError(label, "sizes", "an array of bytes", sizes);
  const odd = sizes.find((size) => !Number.isInteger(size) || size < 1);
  if (odd !== undefined) throw rangeError(label, "each of sizes", "an integer from 1", odd);
  if (sizes.length < 1 || sizes.length > MAX_CLASSES || new Set(sizes).size < sizes.length) {
    const must = `sizes must be 1 to ${MAX_CLASSES} different numbers`;
    throw new RangeError(`Cannot create ${label}: ${must}, got ${sizes.join(", ")}`);
  }
  if (types !== undefined && !Array.isArray(types)) {
    throw typeError(label, "types", "an array of structs", types);
  }
  const bits = 32 - Math.clz32(sizes.length - 1);
  checkPowerOfTwo(label, "maxChunks", maxChunks, mostChunks(handles), MIN_CHUNKS << bits);
  return {
    name,
    maxChunks: maxChunks / (1 << bits),
    parts: sizes.map((_, i) => ({ bits, part: i, isSizeClass: true })),
  };
}

/** Returns how errors name a pool. */
function labelOf(kind: string, name: unknown): string {
  if (typeof name !== "string") throw typeError(kind, "name", "a string", name);
  return `${kind} "${name}"`;
}

/** Returns the number of chunks, a power of two, that makes a block nearest to 64 KiB. */
function defaultChunks(chunkBytes: number, most: number): number {
  const nearest = 2 ** Math.round(Math.log2(BLOCK_BYTES / chunkBytes));
  return Math.max(MIN_CHUNKS, Math.min(nearest, most));
}

/** Returns the largest `maxChunks` that this kind of handles allows. */
function mostChunks(handles: HandleKind = "compact"): number {
  return handles === "compact" ? 2 ** 22 : 2 ** 32;
}

function checkPowerOfTwo(
  label: string,
  option: string,
  value: number,
  most: number,
  least = MIN_CHUNKS,
): void {
  const whole = Number.isInteger(value) && Number.isInteger(Math.log2(value));
  if (!whole || value < least || value > most) {
    throw rangeError(label, option, `a power of two from ${least} to ${most}`, value);
  }
}

function rangeError(label: string, option: string, must: string, got: unknown): RangeError {
  return new RangeError(`Cannot create ${label}: ${option} must be ${must}, got ${showValue(got)}`);
}

function typeError(label: string, option: string, must: string, got: unknown): TypeError {
  return new TypeError(`Cannot create ${label}: ${option} must be ${must}, got ${showValue(got)}`);
}
