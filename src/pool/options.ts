/**
 * The options of a pool: their checks and their defaults.
 *
 * @module
 */
import { DebugHandles } from "../slab/debug_handles.ts";
import {
  CompactHandles,
  type HandleKind,
  type HandlePart,
  WHOLE,
  WideHandles,
} from "../slab/handle.ts";
import type { SlabConfig } from "../slab/slab.ts";
import { MAX_ALIGN } from "../memory/region.ts";
import { heapMemory, type MemoryResource } from "../memory/resource.ts";
import { checkOptions, titleWith } from "../messages/nearest.ts";

/** Options of a pool; every one may be left out. */
export interface PoolOptions {
  /** Shown in errors and stats. @default {the struct's name, else "pool"} */
  readonly name?: string;
  /**
   * Chunks in each block: a power of two from 16 to 65,536; at most 256 for records of 1 byte, whose chunks have no
   * room for a wider link. @default {so many that a block is about 64 KiB}
   */
  readonly chunksPerBlock?: number;
  /**
   * Chunks that the pool may have at the most: a power of two from 16 to 2^22 (compact) or 2^32 (wide). It sets how
   * many bits of a handle the index takes, and so how many are left for the generation. @default {2^20}
   */
  readonly maxChunks?: number;
  /**
   * `"compact"`: handles below 2^30, generations that wrap. `"wide"`: handles below 2^53, chunks that retire
   * instead, so that a stale handle is never accepted. @default {"compact"}
   */
  readonly handles?: HandleKind;
  /** Empty blocks kept for reuse, 0 or more; any more are given back as they empty. @default {1} */
  readonly keepEmptyBlocks?: number;
  /** Where blocks come from. @default {heapMemory} */
  readonly memory?: MemoryResource;
  /**
   * Whether mistakes are looked for that cost time to find: freed records are overwritten, a view kept past its record's
   * `free` throws at each access, `dispose` throws {@linkcode LeakError} with records still live, and handles are numbers from one
   * counter of the whole program, so that a stale one is never accepted, nor one of another debug pool. @default {false}
   */
  readonly debug?: boolean;
  /**
   * Which free chunk `alloc` takes. `"recent"`: the one freed last, whose bytes are still in the cache. `"spread"`: the one freed
   * longest ago, with at least 1,024 others freed in between while `maxChunks` allows, so that a stale compact handle is not
   * accepted by mistake until its pool has freed 2^20 records. About 1,024 free chunks are then kept, whatever `reserve` and the memory
   * resource have, and 4 bytes beside each chunk.
   * @default {"recent"}
   */
  readonly reuse?: "recent" | "spread";
  /**
   * `false`: the pool shares the engine's code, instead of having some compiled for its struct. @default {true, as
   * far as `configure` and the platform allow}
   */
  readonly specialize?: boolean;
}

const BLOCK_BYTES = 65_536;
const MIN_CHUNKS = 16;
const DEFAULT_MAX_CHUNKS = 2 ** 20;
/** Size classes of a set: 6 bits of a handle. */
const MAX_CLASSES = 64;
const MAX_CHUNKS_PER_BLOCK = 65_536;
/** No value of a record is wider. */
const MAX_SCALAR_BYTES = 8;
/** Typed arrays are indexed with 31 bits in the loops of a block. */
const MAX_BLOCK_BYTES = 2 ** 30;

/** Every option of a pool, as the compiler sees to. */
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
 * Refuses options that no pool has.
 *
 * @param kind Class of the pool, for errors.
 * @param defaultName Name where the options have none.
 * @param options As the user gave them.
 * @param own Names of the options that this class of pools has beside {@linkcode PoolOptions}.
 * @throws {TypeError} when there is another one, or they are no object.
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
 * Takes the options of a pool out of others, wherever in their chain of prototypes they are.
 *
 * @param options As the user gave them.
 * @returns Those that are given, in a new object.
 */
export function poolOptionsOf(options: PoolOptions): PoolOptions {
  const given = Object.keys(POOL_OPTIONS).map((name) => [name, Reflect.get(options, name)]);
  return Object.fromEntries(given.filter(([, value]) => value !== undefined));
}

/**
 * Checks options and fills in the rest.
 *
 * @param kind Class of the pool, for errors.
 * @param defaultName Name where the options have none.
 * @param chunkBytes Bytes of a chunk.
 * @param options As the user gave them.
 * @param part The handles that it gives out, where it shares them with other slabs.
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
): SlabConfig {
  const { name = defaultName, handles = "compact", keepEmptyBlocks = 1, memory = heapMemory } =
    options;
  const { debug = false, reuse = "recent", specialize = true } = options;
  const label = `${kind} "${name}"`;
  if (typeof name !== "string") throw typeError(`${kind}`, "name", "a string", name);
  if (handles !== "compact" && handles !== "wide") {
    throw typeError(label, "handles", '"compact" or "wide"', handles);
  }
  if (typeof memory?.allocate !== "function" || typeof memory.release !== "function") {
    throw typeError(label, "memory", "an object with allocate and release", memory);
  }
  if (typeof debug !== "boolean") throw typeError(label, "debug", "a boolean", debug);
  if (reuse !== "recent" && reuse !== "spread") {
    throw typeError(label, "reuse", '"recent" or "spread"', reuse);
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
  const most = Math.min(maxChunks, chunkBytes === 1 ? 256 : MAX_CHUNKS_PER_BLOCK);
  const { chunksPerBlock = defaultChunks(chunkBytes, most) } = options;
  checkPowerOfTwo(label, "chunksPerBlock", chunksPerBlock, MAX_CHUNKS_PER_BLOCK);
  if (chunksPerBlock > most) {
    const why = maxChunks < chunksPerBlock
      ? `maxChunks is ${maxChunks}`
      : "a link of 1 byte reaches no further";
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
    chunksPerBlock: chunksPerBlock | 0, // an integer to the engine, also where it came out of Math.log2
    maxBlocks: maxChunks / chunksPerBlock,
    firstBlock: (part.sizeClass ?? 0) * (maxChunks / MIN_CHUNKS),
    codec: debug ? new DebugHandles(packed) : packed,
    keepEmptyBlocks,
    memory,
    debug,
    specialize: specialize && !debug, // debug mode is slow in any case
    spread: reuse === "spread",
  };
}

/**
 * Checks the size and alignment of the chunks of an erased pool.
 *
 * @param kind Class of the pool, for errors.
 * @param options As the user gave them.
 * @returns Both, complete.
 * @throws {RangeError} when one is out of its range.
 * @throws {TypeError} when there are no options, or no array of types.
 */
export function resolveChunk(
  kind: string,
  options: { name?: string; size: number; align?: number; types?: readonly unknown[] },
): { size: number; align: number } {
  const { name = "pool", size, types = [] } = options;
  const label = `${kind} "${name}"`;
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
 * @param size Bytes of a chunk.
 * @returns The largest alignment that its chunks have, one after the other, and that a value can need.
 */
export function naturalAlign(size: number): number {
  return Math.min(MAX_SCALAR_BYTES, size & -size);
}

/**
 * Shares the handles and chunks of a set of pools out to its size classes.
 *
 * @param kind Class of the set, for errors.
 * @param sizes Bytes of a chunk of each class.
 * @param types The structs that may be stored, if they are named.
 * @param options As the user gave them.
 * @returns Name of the set, chunks that each class may have at the most, and the part of the handles that each gives out.
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
  const label = `${kind} "${name}"`;
  if (!Array.isArray(sizes)) throw typeError(label, "sizes", "an array of bytes", sizes);
  const odd = sizes.find((size) => !Number.isInteger(size) || size < 1);
  if (odd !== undefined) throw rangeError(label, "each of sizes", "an integer from 1", odd);
  if (sizes.length < 1 || sizes.length > MAX_CLASSES || new Set(sizes).size < sizes.length) {
    throw rangeError(label, "sizes", `1 to ${MAX_CLASSES} different numbers`, sizes.join(", "));
  }
  if (types !== undefined && !Array.isArray(types)) {
    throw typeError(label, "types", "an array of structs", types);
  }
  const bits = 32 - Math.clz32(sizes.length - 1);
  checkPowerOfTwo(label, "maxChunks", maxChunks, mostChunks(handles), MIN_CHUNKS << bits);
  return {
    name,
    maxChunks: maxChunks / (1 << bits),
    parts: sizes.map((_, i) => ({ bits, part: i, sizeClass: i })),
  };
}

/** The power of two that brings a block nearest to 64 KiB. */
function defaultChunks(chunkBytes: number, most: number): number {
  const nearest = 2 ** Math.round(Math.log2(BLOCK_BYTES / chunkBytes));
  return Math.max(MIN_CHUNKS, Math.min(nearest, most));
}

/** The largest maxChunks. */
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
  return new RangeError(`Cannot create ${label}: ${option} must be ${must}, got ${String(got)}`);
}

function typeError(label: string, option: string, must: string, got: unknown): TypeError {
  const shown = typeof got === "string" ? `"${got}"` : String(got);
  return new TypeError(`Cannot create ${label}: ${option} must be ${must}, got ${shown}`);
}
