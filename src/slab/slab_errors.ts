/**
 * What a slab says when it refuses: the errors for handles that are not live, for chunks that are all taken, and for
 * memory that is not there.
 *
 * @module
 */
import { showValue } from "../messages/show.ts";
import { PoolExhaustedError, StaleHandleError } from "../errors.ts";
import type { HandleCodec } from "./handle.ts";

/** What there is to be known of a slab for its errors. */
interface Refusing {
  readonly name: string;
  readonly label: string;
  readonly codec: HandleCodec;
  readonly chunkBytes: number;
  /** Chunks that there ever were. */
  readonly everChunks: number;
  readonly size: number;
  readonly maxChunks: number;
  readonly retired: number;
  readonly disposed: boolean;
  find(handle: number): unknown;
  /** Generation that a chunk is at, 0 when it is retired, -1 when there is none. */
  generationOf(index: number): number;
  /** Whose it is, where somebody knows that. */
  ownerOf?(handle: number): string | undefined;
}

/**
 * @param slab Who refuses.
 * @param verb What was tried.
 * @param value What it was tried with: any value.
 * @param position Where it stood among others; -1 if it did not.
 * @returns The error for it.
 */
export function staleError(
  slab: Refusing,
  verb: string,
  value: unknown,
  position: number,
): StaleHandleError {
  const { name, label, codec, everChunks } = slab;
  const handle = typeof value === "number" ? value : NaN;
  const isOpaque = typeof value === "function" || typeof value === "object" && value !== null;
  const shown = isOpaque ? `a value of type ${typeof value}` : showValue(value);
  const stamp = codec.liveStamp(handle);
  const index = stamp < 0 ? -1 : codec.index(handle);
  const generation = stamp < 0 ? -1 : stamp >>> 1;
  const chunkGeneration = index < 0 ? -1 : slab.generationOf(index);
  const title = `handle ${shown} (index ${index}, generation ${generation})`;
  const owner = slab.ownerOf?.(handle);
  const problem = handle === 0
    ? "handle 0 is the null handle"
    : owner !== undefined
    ? `${shown} is a handle of ${owner}`
    : stamp < 0
    ? codec.wasGiven?.(value) === true
      ? `handle ${shown} is stale: it was given out before, and is of no live record`
      : `${shown} is not a handle of this pool`
    : slab.disposed
    ? `${title} is stale, the pool was disposed of`
    : chunkGeneration < 0
    ? `${title} is beyond the ${everChunks} chunks that there ever were`
    : slab.find(handle) !== undefined
    ? `${title} comes twice`
    : chunkGeneration === 0
    ? `${title} is stale, the chunk is retired`
    : `${title} is stale, the chunk is at generation ${chunkGeneration}`;
  const where = position < 0 ? "" : `, at position ${position}`;
  return new StaleHandleError(`Cannot ${verb} in ${label}: ${problem}${where}`, {
    pool: name,
    handle: value as number, // as it was passed in
    index,
    generation,
    chunkGeneration,
  });
}

/**
 * @param slab Who refuses.
 * @param verb What was tried.
 * @returns The error for a slab that cannot grow.
 */
export function exhaustedError(slab: Refusing, verb: string): PoolExhaustedError {
  const { name, label, codec, chunkBytes, maxChunks, size, retired } = slab;
  const chunks = codec.isSizeClass ? `chunks of ${chunkBytes} bytes` : "chunks of maxChunks";
  const state = size === maxChunks
    ? `all ${maxChunks} ${chunks} are live`
    : `${size} of ${maxChunks} ${chunks} are live, ${retired} retired`;
  return new PoolExhaustedError(`Cannot ${verb} in ${label}: ${state}`, name, size, maxChunks);
}

/**
 * @param what What is tried, and where: `alloc in Pool "bullets"`.
 * @param memory The memory that somebody has detached: `its memory`.
 * @returns The error for that.
 */
export function detachedError(what: string, memory: string): TypeError {
  return new TypeError(
    `Cannot ${what}: ${memory} was detached, ` +
      "as that of a WebAssembly.Memory is when it grows; call rebind() first",
  );
}

/** @returns The error for a view that is bound to no record, in debug mode. */
export function unboundError(): StaleHandleError {
  return new StaleHandleError("Cannot use a view: it is bound to no record", {
    pool: "",
    handle: 0,
    index: -1,
    generation: -1,
    chunkGeneration: -1,
  });
}
