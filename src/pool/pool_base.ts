/**
 * `PoolBase`: what `Pool`, `ErasedPool` and `PoolSet` have in common, whatever their records'
 * types.
 *
 * @module
 */
import { type Called, checkLoop, viewError } from "./checks.ts";
import { showAs, showValue, summary } from "../messages/show.ts";
import { Block } from "../slab/block.ts";
import { RUNS_NO_USER_CODE, RUNS_USER_CODE, type TracedCalls } from "../slab/call_stack.ts";
import type { Iteration, Visitor } from "../slab/iterate.ts";
import { type Slab, type SlabOwner, slabs } from "../slab/slab.ts";
import { type TypedSlab, typedSlabsOf } from "../slab/typed_slab.ts";
import type { ReusedIterator } from "../struct/array_view.ts";
import type { AnyHandle, Handle } from "../struct/handle_type.ts";
import type { AnyStruct, Fields } from "../struct/schema.ts";
import { type RecordView, rootOf, type View } from "../struct/view.ts";

/**
 * A block of chunks, as `pool.blocks` lists it.
 *
 * @category Pools
 */
export interface PoolBlock {
  /**
   * The number that `freeBlock` takes, from 0. In a {@linkcode PoolSet} each size class has a range
   * of its own.
   */
  readonly index: number;
  /**
   * The memory of the records, not a copy. A free chunk holds a link of the free list in its
   * first bytes: do not write there. Empty once the block was given back.
   */
  readonly bytes: Uint8Array;
  /** Chunks in the block. */
  readonly chunkCount: number;
  /** Records that are live. */
  readonly live: number;
}

/**
 * The figures that `stats()` gives of a pool.
 *
 * @category Pools
 */
export interface PoolStats {
  /** Records that are live. */
  size: number;
  /** Chunks that exist. */
  capacity: number;
  /** Blocks that exist. */
  blocks: number;
  /** Bytes of all blocks. */
  byteLength: number;
  /**
   * Bytes of metadata beside the blocks (generations, occupancy bitmaps, types), including what is
   * kept for blocks that were given back.
   */
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
  /**
   * Chunks that are never given out again, as their generations are used up (wide handles only).
   */
  retired: number;
}

/**
 * A record that is freed at the end of its `using` scope; see `scoped` of {@linkcode Pool}.
 *
 * @category Pools
 * @typeParam S The struct of the record.
 */
export interface ScopedRecord<S extends AnyStruct | Fields> extends Disposable {
  /** Its handle. */
  readonly handle: Handle<S>;
  /** A view of its own. */
  readonly view: View<S>;
}

/**
 * Typed arrays that hold handles as plain numbers; `pool.handle(n)` gives such a number the type of
 * a handle again.
 *
 * @category Pools
 * @internal
 */
export type HandleNumbers = Int32Array | Uint32Array | Float64Array;

/**
 * Arrays that `allocMany` can fill and `freeMany` takes.
 *
 * @category Pools
 * @typeParam S The struct of the records.
 */
export type HandleArray<S extends AnyStruct | Fields> =
  | Handle<S>[]
  | HandleNumbers;

/**
 * A handle of any of several structs.
 *
 * @category Pools
 * @typeParam S The structs, as a union; `AnyStruct` for any struct.
 */
export type HandleOf<S extends AnyStruct | Fields> = AnyStruct extends S ? AnyHandle : Handle<S>;

/** What a pool uses of its only slab, or of a `SlabSet`, which stands for several slabs. */
export type Slabs =
  & SlabOwner
  & Pick<
    Slab,
    | "name"
    | "label"
    | "disposed"
    | "size"
    | "capacity"
    | "maxChunks"
    | "byteLength"
    | "mappedBlocks"
    | "checkThere"
    | "checkUsable"
    | "freeMany"
    | "clear"
    | "freeBlock"
    | "trim"
    | "rebind"
    | "dispose"
  >;

/**
 * The members that {@linkcode Pool}, {@linkcode ErasedPool} and {@linkcode PoolSet} have in common.
 * It cannot be extended directly: extend one of those.
 *
 * @category Pools
 * @typeParam V View of a record.
 * @typeParam H Handle of a record.
 */
export abstract class PoolBase<V, H extends number> implements Iterable<V>, Disposable {
  /** The name of the pool, as errors show it. */
  readonly name: string;
  /** The slabs that hold the records: one, or one for each size class. */
  private readonly _slabs: readonly Slab[];
  /** The only slab, or all of them as one. */
  private readonly _all: Slabs;

  /**
   * Takes the slabs that the constructor of a pool has made.
   *
   * @param typedSlabs The slabs, at least one, with the structs of their records.
   * @param all The only slab, or all of them as one.
   * @ignore
   */
  protected constructor(typedSlabs: readonly TypedSlab[], all: Slabs) {
    this._all = all;
    this._slabs = typedSlabs.map(({ slab }) => slab);
    this.name = all.name;
    slabs.set(this, this._slabs);
    typedSlabsOf.set(this, typedSlabs);
    showAs<PoolBase<unknown, number>>(PoolBase.prototype, (pool) => summary(pool._all));
  }

  /**
   * Iterates over every live record once, in block and chunk order, under the rules of `forEach`.
   *
   * @returns An iterator. It yields the same view each time, moved to the next record.
   * @throws {DisposedError} after `dispose`.
   */
  abstract [Symbol.iterator](): ReusedIterator<V>;

  // -- records --

  /**
   * Returns the index of a record, in O(1), allocating nothing. Use it for arrays of your own
   * beside the pool, which then need no more than {@linkcode maxChunks} elements and no hashing.
   *
   * The index does not change while the record lives, and the next record in the same chunk gets it
   * again. For values that must vanish with their record use {@linkcode HandleMap}.
   *
   * @param handle Handle of a live record.
   * @returns An integer from 0 to `maxChunks` - 1, different for each live record of the pool. Low
   * indices are given out first.
   * @throws {StaleHandleError} when it is stale, null or forged.
   * @throws {DisposedError} after `dispose`.
   *
   * @example Usage
   * ```ts
   * import { Pool } from "@slabs/pool";
   * import { assertEquals } from "@std/assert";
   *
   * using pool = new Pool({ hp: "u8" }, { maxChunks: 1024 });
   * const distance = new Float64Array(pool.maxChunks);
   * const imp = pool.alloc();
   * distance[pool.indexOf(imp)] = 2.5;
   * assertEquals(distance[pool.indexOf(imp)], 2.5);
   * ```
   */
  abstract indexOf(handle: H): number;

  /**
   * Returns the handle of the record that a view is bound to, in O(1), allocating nothing.
   *
   * @param view Any view of this pool, including those of nested structs and arrays.
   * @returns The handle.
   * @throws {StaleHandleError} when the record is not live any more.
   * @throws {TypeError} when it is no view of this pool, or is unbound.
   * @throws {DisposedError} after `dispose`.
   *
   * @example Usage
   * ```ts
   * import { Pool } from "@slabs/pool";
   * import { assertEquals } from "@std/assert";
   *
   * using pool = new Pool({ hp: "u8" });
   * const imp = pool.alloc({ hp: 7 });
   * for (const enemy of pool) assertEquals(pool.handleOf(enemy), imp);
   * ```
   */
  handleOf(view: object): H {
    this._all.checkThere();
    const root = rootOf(view);
    const slab = slabOfView(this._slabs, root);
    if (root === undefined || slab === undefined) {
      throw viewError(this._all, "tell the handle", "is no view of this pool, or is unbound");
    }
    const block = root._b as Block; // slabOfView() checks that
    block.checkAttached("tell the handle");
    const chunk = (root._o << root._u) / block.chunkBytes;
    const handle = slab.handleAt(block, chunk);
    if (slab.find(handle) === block) return handle as H;
    throw slab.staleError("tell the handle", slab.lastHandleAt(block, chunk));
  }

  /**
   * Gives a number from a typed array, a message or JSON the type of a handle of this pool, in
   * O(1). The number is not checked here; every call that takes a handle checks it.
   *
   * @param n Any number.
   * @returns The same number.
   *
   * @example Usage
   * ```ts
   * import { Pool } from "@slabs/pool";
   * import { assertEquals } from "@std/assert";
   *
   * using pool = new Pool({ hp: "u8" });
   * const squad = pool.allocMany(3, new Int32Array(3));
   * pool.get(pool.handle(squad[1])).hp = 7;
   * const saved = JSON.stringify([...squad]);
   * const [, second] = (JSON.parse(saved) as number[]).map((n) => pool.handle(n));
   * assertEquals(pool.get(second).hp, 7);
   * assertEquals(pool.has(pool.handle(-1)), false);
   * ```
   */
  handle(n: number): H {
    return n as H; // checked where it is used
  }

  /**
   * Frees records, all or none, in O(n + blocks), allocating nothing.
   *
   * @param handles Handles of live records, none of them twice.
   * @throws {StaleHandleError} when one is not live or comes twice; nothing changes then.
   * @throws {TypeError} when `handles` is not array-like.
   * @throws {DisposedError} after `dispose`.
   *
   * @example Usage
   * ```ts
   * import { Pool } from "@slabs/pool";
   * import { assertEquals } from "@std/assert";
   *
   * using pool = new Pool({ hp: "u8" });
   * const handles = pool.allocMany(100, new Int32Array(100));
   * pool.freeMany(handles.subarray(0, 60));
   * assertEquals(pool.size, 40);
   * ```
   */
  freeMany(handles: ArrayLike<H> | HandleNumbers): void {
    const all = this._all;
    const list = takeList();
    try {
      const count = readHandles(all, handles, list);
      all.checkUsable("freeMany");
      const bad = all.freeMany(list, count, all);
      if (bad < 0) return;
      const slab = all._slabOf(list[bad]);
      throw slab.staleError(`free ${count} records`, list[bad], bad);
    } finally {
      giveList(list);
    }
  }

  /**
   * Frees every record and keeps the memory, in O(size + capacity / 32). Every handle is stale from
   * then on.
   *
   * @throws {DisposedError} after `dispose`.
   *
   * @example Usage
   * ```ts
   * import { Pool } from "@slabs/pool";
   * import { assertEquals } from "@std/assert";
   *
   * using pool = new Pool({ hp: "u8" }, { chunksPerBlock: 16 });
   * const [imp] = pool.allocMany(20);
   * pool.clear();
   * assertEquals([pool.size, pool.capacity, pool.has(imp)], [0, 32, false]);
   * ```
   */
  clear(): void {
    this._all.checkUsable("clear");
    this._all.clear();
  }

  // -- memory --

  /** Records that are live. */
  get size(): number {
    return this._all.size;
  }

  /** Chunks that exist. */
  get capacity(): number {
    return this._all.capacity;
  }

  /** The most chunks that the pool may have. */
  get maxChunks(): number {
    return this._all.maxChunks;
  }

  /** Bytes of all blocks. */
  get byteLength(): number {
    return this._all.byteLength;
  }

  /** The blocks that exist, by `index`; the same array until one is added or given back. */
  get blocks(): readonly PoolBlock[] {
    return this._all.mappedBlocks();
  }

  /**
   * Frees every record of a block and gives its memory back at once, in O(chunks of the block).
   * Views and typed arrays of its memory are detached.
   *
   * @param index The `index` of one of {@linkcode blocks}.
   * @throws {RangeError} when there is no such block.
   * @throws {DisposedError} after `dispose`.
   *
   * @example Usage
   * ```ts
   * import { Pool } from "@slabs/pool";
   * import { assertEquals } from "@std/assert";
   *
   * using pool = new Pool({ hp: "u8" }, { chunksPerBlock: 16 });
   * pool.allocMany(40);
   * const sparse = pool.blocks.filter((block) => block.live < 16);
   * for (const { index } of sparse) pool.freeBlock(index);
   * assertEquals([pool.size, pool.capacity], [32, 32]);
   * ```
   */
  freeBlock(index: number): void {
    const all = this._all;
    all.checkThere();
    if (typeof index === "number" && all.freeBlock(index)) return;
    const known = this.blocks.map((block) => block.index).join(", ") || "none";
    throw new RangeError(
      `Cannot free a block of ${all.label}: there is no block ${
        showValue(index)
      }, there are ${known}`,
    );
  }

  /**
   * Gives the memory of every empty block back at once, in O(blocks).
   *
   * @returns The bytes that were given back.
   * @throws {DisposedError} after `dispose`.
   *
   * @example Usage
   * ```ts
   * import { Pool } from "@slabs/pool";
   * import { assertEquals } from "@std/assert";
   *
   * using pool = new Pool({ hp: "u8" }, { chunksPerBlock: 16 });
   * pool.allocMany(40);
   * pool.clear();
   * assertEquals([pool.trim(), pool.byteLength], [48, 0]);
   * ```
   */
  trim(): number {
    this._all.checkUsable("trim");
    return this._all.trim();
  }

  /**
   * Returns the figures of the pool, in O(blocks). Nothing is allocated if `out` is given.
   *
   * @param out An object to fill instead of a new one.
   * @returns `out`, or a new object.
   * @throws {DisposedError} after `dispose`.
   *
   * @example Usage
   * ```ts
   * import { Pool } from "@slabs/pool";
   * import { assertEquals } from "@std/assert";
   *
   * using pool = new Pool({ hp: "u8" });
   * pool.freeMany(pool.allocMany(100));
   * const { size, peakSize, allocs, frees } = pool.stats();
   * assertEquals([size, peakSize, allocs, frees], [0, 100, 100, 100]);
   * ```
   */
  stats(out: Partial<PoolStats> = {}): PoolStats {
    const slab = this._slabs[0];
    slab.checkUsable("tell the figures");
    out.size = slab.size;
    out.capacity = slab.capacity;
    out.blocks = slab.mappedBlocks().length;
    out.byteLength = slab.byteLength;
    out.overheadBytes = slab.overheadBytes;
    out.peakSize = slab.peakSize;
    out.allocs = slab.allocs;
    out.frees = slab.frees;
    out.grown = slab.blockSet.grown;
    out.released = slab.blockSet.released;
    out.retired = slab.retired;
    return out as PoolStats; // every member was just set
  }

  /**
   * Makes the pool usable again after the `WebAssembly.Memory` that its blocks lie in has grown, in
   * O(blocks): growth detaches every typed array over a memory that is not shared. Earlier views
   * and cursors work again, too; typed arrays from `blocks[i].bytes` must be fetched again.
   * Harmless if nothing has grown.
   *
   * Until then every other call but `dispose` that needs the memory throws `TypeError` before it
   * changes anything, and views read 0.
   *
   * @throws {DisposedError} after `dispose`.
   */
  rebind(): void {
    this._all.checkThere();
    this._all.rebind();
  }

  /**
   * Gives all memory back, in O(blocks). Any later call throws {@linkcode DisposedError}; disposing
   * twice is harmless.
   *
   * @throws {LeakError} in debug mode when records were live, after the memory has been given back.
   */
  dispose(): void {
    this._all.dispose();
  }

  /** Does what {@linkcode dispose} does, at the end of a `using` scope. */
  [Symbol.dispose](): void {
    this.dispose();
  }
}

/**
 * Makes the function that `loop(fn)` returns for one slab, with loops that were compiled for `fn`.
 *
 * @typeParam A Types of the arguments that are handed on.
 * @param slab The slab.
 * @param passes How to iterate over it.
 * @param fn The function that is called with each record.
 * @returns The function.
 * @throws {TypeError} when `fn` is no function, or takes more than six arguments.
 * @throws {DisposedError} after `dispose`.
 */
export function loopOver<A extends unknown[]>(
  slab: Slab,
  { iteration, makeView }: { readonly iteration: Iteration; readonly makeView: () => RecordView },
  fn: unknown,
): (...args: A) => void {
  slab.checkUsable("loop");
  checkLoop(slab, fn);
  return iteration.call(slab, fn as Visitor, makeView); // a function, as was just checked
}

/**
 * The calls that allocate records, which debug mode traces, and whether they run code of the user's
 * before they do.
 */
export const TRACED: TracedCalls = {
  alloc: RUNS_USER_CODE,
  tryAlloc: RUNS_USER_CODE,
  allocAt: RUNS_USER_CODE,
  allocMany: RUNS_NO_USER_CODE,
  scoped: RUNS_NO_USER_CODE,
  reserve: RUNS_NO_USER_CODE,
};

/** Returns the slab whose block a view is bound to. */
function slabOfView(slabs: readonly Slab[], root: RecordView | undefined): Slab | undefined {
  if (!(root?._b instanceof Block)) return undefined;
  const { geometry } = root._b;
  for (let i = 0; i < slabs.length; i++) if (slabs[i].geometry === geometry) return slabs[i];
  return undefined;
}

/** Throws unless a count of records or chunks is an integer from 0. */
function checkCount(slab: Slab, verb: string, count: number): void {
  slab.checkUsable(verb);
  if (Number.isInteger(count) && count >= 0) return;
  throw new RangeError(
    `Cannot ${verb} in ${slab.label}: the count must be an integer from 0, got ${showValue(count)}`,
  );
}

function checkOut(slab: Slab, count: number, out: { readonly length: number }): void {
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
 * Allocates records of one slab, all or none.
 *
 * @typeParam O The array that is filled.
 * @param slab The slab.
 * @param count How many records, an integer from 0.
 * @param out The array to fill from its start; a plain array ends up `count` long.
 * @param tag The tag of the records' struct; -1 if the slab keeps none.
 * @returns `out`.
 * @throws {PoolExhaustedError | OutOfMemoryError | RangeError | TypeError | DisposedError} as
 * `allocMany` does.
 */
export function allocMany<O extends { length: number; [i: number]: number }>(
  slab: Slab,
  count: number,
  out: O,
  tag: number = -1,
): O {
  checkCount(slab, "allocMany", count);
  checkOut(slab, count, out);
  if (!Array.isArray(out)) {
    takeMany(slab, count, out, tag);
    return out;
  }
  // A plain array may have setters, which must find all handles live.
  const list = takeList();
  try {
    takeMany(slab, count, list, tag);
    handOver(slab, list, count, out);
  } finally {
    giveList(list);
  }
  return out;
}

function takeMany(slab: Slab, count: number, out: HandleList, tag: number): void {
  if (!slab.allocMany(count, out)) throw slab.exhaustedError(`allocMany ${count} records`);
  for (let i = 0; i < count && tag >= 0; i++) {
    const block = slab.find(out[i])!; // just allocated
    block.tags[slab.chunkOf(out[i])] = tag;
  }
}

/** Copies handles to an array of the caller's, and frees them if writing to it throws. */
function handOver(slab: Slab, list: readonly number[], count: number, out: HandleList): void {
  let isDone = false;
  try {
    for (let i = 0; i < count; i++) out[i] = list[i];
    out.length = count;
    isDone = true;
  } finally {
    for (let i = 0; i < count && !isDone; i++) slab.free(list[i]);
  }
}

/** An array that handles are written to. */
type HandleList = { length: number; [i: number]: number };

/** The most handles that a list may have to be kept for the next call. */
const KEPT_HANDLES = 65_536;

/**
 * A list of handles, kept for the next call. A call within another finds none and makes its own.
 */
let spareList: number[] | undefined;

function takeList(): number[] {
  const list = spareList ?? [];
  spareList = undefined;
  return list;
}

function giveList(list: number[]): void {
  if (list.length <= KEPT_HANDLES) spareList = list;
}

/** Copies handles into a list and returns how many. Each is read once, as it may be a getter. */
function readHandles(slab: Called, handles: ArrayLike<number>, list: number[]): number {
  const count: unknown = typeof handles === "object" && handles !== null
    ? handles.length
    : undefined;
  if (typeof count !== "number" || !(Number.isInteger(count) && count >= 0)) {
    throw viewError(slab, "freeMany", "must be array-like");
  }
  for (let i = 0; i < count; i++) list[i] = handles[i];
  return count;
}

/**
 * Grows a slab until it has at least a number of chunks.
 *
 * @param slab The slab.
 * @param chunks The number, an integer from 0.
 * @throws {PoolExhaustedError | OutOfMemoryError | RangeError | DisposedError} as `reserve` does.
 */
export function reserve(slab: Slab, chunks: number): void {
  checkCount(slab, "reserve", chunks);
  if (!slab.reserve(chunks)) throw slab.exhaustedError(`reserve ${chunks} chunks`);
}
