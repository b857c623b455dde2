/**
 * What the faces of a slab have in common: the checks of their arguments, their figures, and whose a view is.
 *
 * @module
 */
import { Block } from "./_block.ts";
import { checkRecord, writeRecord } from "./_record.ts";
import type { Slab } from "./_slab.ts";
import { offsetOf, type RecordView, rootOf } from "./_view.ts";
import { type AnyStruct, type Fields, Struct } from "./schema.ts";

/** A block, as `pool.blocks` shows it. */
export interface PoolBlock {
  /** What `freeBlock` takes: its position in the pool; in a set of pools, that counted on from the class's first. */
  readonly index: number;
  /**
   * The records' own memory, nothing copied. A free chunk in it holds a link in its first bytes: leave those alone.
   * Empty once the block was given back.
   */
  readonly bytes: Uint8Array;
  /** Chunks in the block. */
  readonly chunkCount: number;
  /** Records that are live. */
  readonly live: number;
}

/** The figures of a pool. */
export interface PoolStats {
  /** Records that are live. */
  size: number;
  /** Chunks that exist. */
  capacity: number;
  /** Blocks that exist. */
  blocks: number;
  /** Bytes of all blocks. */
  byteLength: number;
  /** Bytes of the books beside them (generations, live bits, types), those kept for blocks given back included. */
  overheadBytes: number;
  /** The most records that were live at once. */
  peakSize: number;
  /** Records allocated so far. */
  allocs: number;
  /** Records freed so far. */
  frees: number;
  /** Blocks taken from the memory resource so far. */
  grown: number;
  /** Blocks given back to it so far. */
  released: number;
  /** Chunks that are given out no more, as their generations are used up (wide handles only). */
  retired: number;
}

/**
 * @param type A struct, or the fields of one.
 * @returns The struct.
 * @throws {SchemaError} when the fields make none.
 */
export function asStruct(type: AnyStruct | Fields): AnyStruct {
  return type instanceof Struct ? type : new Struct(type as Fields);
}

/**
 * @param slab A slab.
 * @throws {DisposedError} after its disposal.
 */
export function checkThere(slab: Pick<Slab, "disposed" | "disposedError">): void {
  if (slab.disposed) throw slab.disposedError();
}

/**
 * @param slab A slab.
 * @param verb What is tried.
 * @param count How many.
 * @throws {RangeError} when it is no integer from 0.
 * @throws {DisposedError} after the slab's disposal.
 */
export function checkCount(slab: Slab, verb: string, count: number): void {
  checkThere(slab);
  if (Number.isInteger(count) && count >= 0) return;
  throw new RangeError(
    `Cannot ${verb} in ${slab.label}: the count must be an integer from 0, got ${String(count)}`,
  );
}

/**
 * @param slab A slab.
 * @param count How many handles are wanted.
 * @param out Where they are to go.
 * @throws {TypeError | RangeError} when they cannot.
 */
export function checkOut(slab: Slab, count: number, out: { readonly length: number }): void {
  if (Array.isArray(out)) {
    if (Object.isExtensible(out)) return;
    throw new TypeError(
      `Cannot allocMany in ${slab.label}: out is frozen, sealed or not extensible`,
    );
  }
  const wide = !slab.codec.wraps;
  const fits = out instanceof Float64Array ||
    !wide && (out instanceof Int32Array || out instanceof Uint32Array);
  if (!fits) {
    const kinds = wide
      ? "an array or Float64Array"
      : "an array, Int32Array, Uint32Array or Float64Array";
    throw new TypeError(`Cannot allocMany in ${slab.label}: handles go into ${kinds}`);
  }
  if (out.length < count) {
    throw new RangeError(
      `Cannot allocMany in ${slab.label}: out has room for ${out.length} handles, ${count} are wanted`,
    );
  }
}

/**
 * Allocates a record and writes to it. The value is checked first, so that a bad one changes nothing.
 *
 * @param slab A slab.
 * @param struct What the record is.
 * @param init Fields to set.
 * @returns Its handle; 0 when the slab is exhausted.
 */
export function allocWith(slab: Slab, struct: AnyStruct, init: unknown): number {
  checkRecord(struct, init);
  const handle = slab.alloc();
  if (handle !== 0) {
    writeRecord(slab.current, slab.offsetOf(handle), struct, init as object); // as just checked
  }
  return handle;
}

/**
 * Allocates records, all or none.
 *
 * @typeParam O What is filled.
 * @param slab A slab.
 * @param count How many.
 * @param out Filled from its start; a plain array ends up `count` long.
 * @returns `out`.
 */
export function allocMany<O extends { length: number; [i: number]: number }>(
  slab: Slab,
  count: number,
  out: O,
): O {
  checkCount(slab, "allocMany", count);
  checkOut(slab, count, out);
  if (!slab.allocMany(count, out)) throw slab.exhaustedError(`allocMany ${count} records`);
  if (Array.isArray(out)) out.length = count;
  return out;
}

/**
 * @param slab A slab.
 * @param index Index of one of its blocks.
 * @throws {RangeError} when there is no such block.
 */
export function freeBlock(slab: Slab, index: number): void {
  if (slab.freeBlock(index)) return;
  checkThere(slab);
  throw noBlockError(slab.label, index, slab.mounted());
}

/**
 * @param label How errors call the pool.
 * @param index What was asked for.
 * @param blocks What there is.
 * @returns The error that it deserves.
 */
export function noBlockError(
  label: string,
  index: number,
  blocks: readonly PoolBlock[],
): RangeError {
  const there = blocks.map((block) => block.index).join(", ") || "none";
  return new RangeError(
    `Cannot free a block of ${label}: there is no block ${String(index)}, there are ${there}`,
  );
}

/**
 * @param slab A slab.
 * @param chunks Chunks wanted.
 */
export function reserve(slab: Slab, chunks: number): void {
  checkCount(slab, "reserve", chunks);
  if (!slab.reserve(chunks)) throw slab.exhaustedError(`reserve ${chunks} chunks`);
}

/**
 * @param slab A slab.
 * @param out Filled with its figures.
 * @returns `out`.
 */
export function fillStats<O extends Partial<PoolStats>>(slab: Slab, out: O): O & PoolStats {
  checkThere(slab);
  out.size = slab.size;
  out.capacity = slab.capacity;
  out.blocks = slab.mounted().length;
  out.byteLength = slab.byteLength;
  out.overheadBytes = slab.overheadBytes;
  out.peakSize = slab.peakSize;
  out.allocs = slab.allocs;
  out.frees = slab.allocs - slab.size;
  out.grown = slab.grown;
  out.released = slab.released;
  out.retired = slab.retired;
  return out as O & PoolStats; // every member was just set
}

/**
 * @param slab A slab.
 * @param view Any value.
 * @returns The view of a whole record that it is, or is a part of; `undefined` when that is none of the slab's.
 */
export function viewIn(slab: Slab, view: unknown): RecordView | undefined {
  const root = rootOf(view);
  return root?._b instanceof Block && root._b.geometry === slab.geometry ? root : undefined;
}

/**
 * @param slab A slab.
 * @param view Any value.
 * @returns Handle of the record that the view stands on.
 * @throws {StaleHandleError} when it is not live any more.
 * @throws {TypeError} when it is no view of this slab.
 */
export function handleOf(slab: Slab, view: unknown): number {
  checkThere(slab);
  const root = viewIn(slab, view);
  if (root === undefined) {
    throw viewError(slab, "tell the handle", "is no view of this pool, or stands nowhere");
  }
  const block = root._b as Block; // as viewIn says
  const chunk = offsetOf(root) / block.chunkBytes;
  const handle = slab.handleAt(block, chunk);
  if (slab.find(handle) === block) return handle;
  throw slab.staleError("tell the handle", slab.lastHandleAt(block, chunk));
}

/**
 * @param slab A slab.
 * @param verb What was tried.
 * @param problem What is wrong with the view.
 * @returns The error that it deserves.
 */
export function viewError(slab: { label: string }, verb: string, problem: string): TypeError {
  return new TypeError(`Cannot ${verb} in ${slab.label}: the argument ${problem}`);
}
