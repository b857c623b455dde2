/**
 * The errors of slabs: for handles that are not live, pools that are full, and memory that was
 * detached.
 *
 * @module
 */
import { showValue } from "../messages/show.ts";
import { PoolExhaustedError, StaleHandleError } from "../errors.ts";
import type { HandleCodec } from "./handle.ts";

/** The properties of a slab that its errors show. */
interface ErrorSource {
  readonly name: string;
  readonly label: string;
  readonly codec: HandleCodec;
  readonly chunkBytes: number;
  /** Chunks that ever existed, those of blocks given back included. */
  readonly everChunks: number;
  readonly size: number;
  readonly maxChunks: number;
  readonly retired: number;
  readonly disposed: boolean;
  find(handle: number): unknown;
  /** Generation of a chunk, 0 if it is retired, -1 if there is no such chunk. */
  generationOf(index: number): number;
  /** Label of the pool that a handle belongs to, if it is known. */
  ownerOf?(handle: number): string | undefined;
}

/**
 * Makes the error for a value that is not the handle of a live record.
 *
 * @param slab The slab that was called.
 * @param verb The operation.
 * @param value The value, which may be anything.
 * @param position Its position in the list that was passed; -1 if it was passed alone.
 * @returns The error, which says why the value is not accepted.
 */
export function staleError(
  slab: ErrorSource,
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
    : generation === chunkGeneration
    ? `${title} is of no live record, the chunk is free`
    : `${title} is stale, the chunk is at generation ${chunkGeneration}`;
  const where = position < 0 ? "" : `, at position ${position}`;
  return new StaleHandleError(`Cannot ${verb} in ${label}: ${problem}${where}`, {
    pool: name,
    handle: value as number, // as it was passed, whatever it is
    index,
    generation,
    chunkGeneration,
  });
}

/**
 * @param slab The slab that was called.
 * @param verb The operation.
 * @returns The error for a slab that cannot grow.
 */
export function exhaustedError(slab: ErrorSource, verb: string): PoolExhaustedError {
  const { name, label, codec, chunkBytes, maxChunks, size, retired } = slab;
  const chunks = codec.isSizeClass ? `chunks of ${chunkBytes} bytes` : "chunks of maxChunks";
  const state = size === maxChunks
    ? `all ${maxChunks} ${chunks} are live`
    : `${size} of ${maxChunks} ${chunks} are live, ${retired} retired`;
  return new PoolExhaustedError(`Cannot ${verb} in ${label}: ${state}`, name, size, maxChunks);
}

/**
 * @param what The operation and its pool, `alloc in Pool "bullets"`.
 * @param memory What was detached, `its memory`.
 * @returns The error for it.
 */
export function detachedError(what: string, memory: string): TypeError {
  return new TypeError(
    `Cannot ${what}: ${memory} was detached, ` +
      "as that of a WebAssembly.Memory is when it grows; call rebind() first",
  );
}
