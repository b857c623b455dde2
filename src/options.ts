/**
 * The options of a pool: their checks and their defaults.
 *
 * @module
 */
import { CompactHandles, type HandleCodec, type HandleKind, WideHandles } from "./handle.ts";
import { heapMemory, type MemoryResource } from "./memory.ts";

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
}

/** What a slab is built from: options that are checked and complete. */
export interface SlabConfig {
  /** Name of the pool. */
  readonly name: string;
  /** How errors call the pool, `Pool "bullets"`. */
  readonly label: string;
  /** Chunks in each block, a power of two. */
  readonly chunksPerBlock: number;
  /** Blocks at the most. */
  readonly maxBlocks: number;
  /** How handles are packed. */
  readonly codec: HandleCodec;
  /** Empty blocks kept for reuse. */
  readonly keepEmptyBlocks: number;
  /** Where blocks come from. */
  readonly memory: MemoryResource;
}

const BLOCK_BYTES = 65_536;
const MIN_CHUNKS = 16;
const MAX_CHUNKS_PER_BLOCK = 65_536;
/** Typed arrays are indexed with 31 bits in the loops of a block. */
const MAX_BLOCK_BYTES = 2 ** 30;

/**
 * Checks options and fills in the rest.
 *
 * @param kind Class of the pool, for errors.
 * @param defaultName Name where the options have none.
 * @param chunkBytes Bytes of a chunk.
 * @param options As the user gave them.
 * @returns The checked options.
 * @throws {RangeError} when a number is out of its range.
 * @throws {TypeError} when an option has the wrong type.
 */
export function resolveOptions(
  kind: string,
  defaultName: string,
  chunkBytes: number,
  options: PoolOptions,
): SlabConfig {
  const { name = defaultName, handles = "compact", keepEmptyBlocks = 1, memory = heapMemory } =
    options;
  const label = `${kind} "${name}"`;
  if (typeof name !== "string") throw typeError(`${kind}`, "name", "a string", name);
  if (handles !== "compact" && handles !== "wide") {
    throw typeError(label, "handles", '"compact" or "wide"', handles);
  }
  if (typeof memory?.allocate !== "function" || typeof memory.release !== "function") {
    throw typeError(label, "memory", "an object with allocate and release", memory);
  }
  if (!Number.isInteger(keepEmptyBlocks) || keepEmptyBlocks < 0) {
    throw rangeError(label, "keepEmptyBlocks", "an integer from 0", keepEmptyBlocks);
  }
  const compact = handles === "compact";
  const { maxChunks = 2 ** 20 } = options;
  checkPowerOfTwo(label, "maxChunks", maxChunks, compact ? 2 ** 22 : 2 ** 32);
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
  return {
    name,
    label,
    chunksPerBlock: chunksPerBlock | 0, // an integer to the engine, also where it came out of Math.log2
    maxBlocks: maxChunks / chunksPerBlock,
    codec: compact ? new CompactHandles(indexBits) : new WideHandles(indexBits),
    keepEmptyBlocks,
    memory,
  };
}

/** The power of two that brings a block nearest to 64 KiB. */
function defaultChunks(chunkBytes: number, most: number): number {
  const nearest = 2 ** Math.round(Math.log2(BLOCK_BYTES / chunkBytes));
  return Math.max(MIN_CHUNKS, Math.min(nearest, most));
}

function checkPowerOfTwo(label: string, option: string, value: number, most: number): void {
  const whole = Number.isInteger(value) && Number.isInteger(Math.log2(value));
  if (!whole || value < MIN_CHUNKS || value > most) {
    throw rangeError(label, option, `a power of two from ${MIN_CHUNKS} to ${most}`, value);
  }
}

function rangeError(label: string, option: string, must: string, got: unknown): RangeError {
  return new RangeError(`Cannot create ${label}: ${option} must be ${must}, got ${String(got)}`);
}

function typeError(label: string, option: string, must: string, got: unknown): TypeError {
  const shown = typeof got === "string" ? `"${got}"` : String(got);
  return new TypeError(`Cannot create ${label}: ${option} must be ${must}, got ${shown}`);
}
