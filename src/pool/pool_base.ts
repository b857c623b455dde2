/**
 * What all pools have in common: everything that does not depend on how their records are typed.
 *
 * @module
 */
import { showAs, summary, together } from "../messages/show.ts";
import { Block } from "../slab/block.ts";
import {
  noteOwn,
  RUNS_NO_USER_CODE,
  RUNS_USER_CODE,
  type TracedCalls,
} from "../slab/call_stack.ts";
import { compact, type Moved } from "../slab/compact.ts";
import { disposeAll } from "../slab/debug.ts";
import { fingerprintOf, type SnapshotOptions, WITH_CHECKSUM } from "../slab/envelope.ts";
import type { Slab } from "../slab/slab.ts";
import { slabs } from "../slab/slab.ts";
import { readSnapshot, type Snapped, writeSnapshot } from "../slab/snapshot.ts";
import type { AnyHandle, Handle } from "../struct/ref.ts";
import { type AnyStruct, type Fields, Struct } from "../struct/schema.ts";
import { type LoadOptions, type LoadReport, readSave, writeSave } from "./save.ts";
import { type RecordView, rootOf, type View } from "../struct/view.ts";

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
  /** Bytes beside them (generations, live bits, types), those kept for blocks given back included. */
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

/** A record that is freed at the end of its `using` scope. */
export interface ScopedRecord<S extends AnyStruct | Fields> extends Disposable {
  /** Its handle. */
  readonly handle: Handle<S>;
  /** A view of its own. */
  readonly view: View<S>;
}

/** Typed arrays that hold handles as bare numbers; `pool.handle(n)` makes handles of them again. */
export type HandleNumbers = Int32Array | Uint32Array | Float64Array;

/** What `freeMany` takes and `allocMany` can fill. */
export type HandleArray<S extends AnyStruct | Fields> =
  | Handle<S>[]
  | HandleNumbers;

/**
 * A handle of any of several structs.
 *
 * @typeParam S The structs, as a union; `AnyStruct` for whatever fits.
 */
export type HandleOf<S extends AnyStruct | Fields> = AnyStruct extends S ? AnyHandle : Handle<S>;

/**
 * The calls that {@linkcode Pool}, {@linkcode ErasedPool} and {@linkcode PoolSet} share.
 *
 * @typeParam V View of a record.
 * @typeParam H Handle of a record.
 */
export abstract class PoolBase<V, H extends number> implements Iterable<V>, Disposable {
  /** Shown in errors. */
  readonly name: string;
  /** Where the records are: one slab, or one for each size class. */
  private readonly _slabs: readonly Slab[];
  /** The same, as snapshots write them. */
  private readonly _snapped: readonly Snapped[];
  private _fingerprint: number | undefined;
  /** What each slab had for blocks, and the blocks of all of them, when they were last asked for. */
  private readonly _mapped: (readonly Block[])[] = [];
  private _blocks: readonly Block[] = [];

  /**
   * Takes over the slabs; a pool's own constructor makes them.
   *
   * @param snapped The slabs, at least one.
   * @internal
   */
  protected constructor(snapped: readonly Snapped[]) {
    this._snapped = snapped;
    this._slabs = snapped.map(({ slab }) => slab);
    this.name = this._slabs[0].name;
    slabs.set(this, this._slabs);
  }

  /**
   * All that a snapshot depends on.
   *
   * @internal
   */
  protected abstract _layoutText(): string;

  /**
   * Iterates over every live record once, in block and chunk order, under the rules of `forEach`.
   *
   * @returns An iterator; the view that it gives is the same one, moved along.
   * @throws {DisposedError} after `dispose`.
   */
  abstract [Symbol.iterator](): IterableIterator<V>;

  /**
   * Finds the slab that has to know a handle, for {@linkcode freeMany}.
   *
   * @param _handle Any number.
   * @returns The slab.
   * @internal
   */
  _slabOf(_handle: number): Slab {
    return this._slabs[0];
  }

  // -- records --

  /**
   * Tells the index of a record, in O(1): for arrays of your own beside the pool, which then need no more than {@linkcode maxChunks}
   * elements, and no hashing. It is the same for the record's whole life, and the next record in its chunk has it again. For values
   * that have to vanish with their record there is {@linkcode HandleMap}.
   *
   * @param handle Handle of a live record.
   * @returns 0 to `maxChunks` - 1, of no other live record of the pool. Low indices are given out first.
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
   * Tells the handle of the record that a view stands on, in O(1).
   *
   * @param view Any view of this pool, a nested one included.
   * @returns The handle.
   * @throws {StaleHandleError} when the record is not live any more.
   * @throws {TypeError} when it is no view of this pool.
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
    this._checkUsable("tell the handle");
    const root = rootOf(view);
    const slab = slabOfView(this._slabs, root);
    if (root === undefined || slab === undefined) {
      throw viewError(
        this._slabs[0],
        "tell the handle",
        "is no view of this pool, or stands nowhere",
      );
    }
    const block = root._b as Block; // as slabOfView says
    const chunk = root._o / block.chunkBytes;
    const handle = slab.handleAt(block, chunk);
    if (slab.find(handle) === block) return handle as H;
    throw slab.staleError("tell the handle", slab.lastHandleAt(block, chunk));
  }

  /**
   * Takes a number for a handle of this pool, in O(1): one that comes back out of a typed array, a message or JSON. It is not looked
   * at, and returned as it is; whether its record is live every call that takes it will say.
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
    return n as H; // as the caller says
  }

  /**
   * Frees records, all or none, in O(n).
   *
   * @param handles Handles of live records, none of them twice.
   * @throws {StaleHandleError} when one is not live or comes twice; nothing changes then.
   * @throws {DisposedError} after `dispose`.
   */
  freeMany(handles: ArrayLike<H> | HandleNumbers): void {
    const [first] = this._slabs;
    const list = takeList();
    try {
      const count = readHandles(first, handles, list);
      this._checkUsable("freeMany");
      const owner = this._slabs.length === 1 ? first : this;
      const bad = first.freeMany(list, count, owner);
      if (bad < 0) return;
      const slab = this._slabOf(list[bad]);
      throw slab.staleError(`free ${count} records`, list[bad], bad);
    } finally {
      giveList(list);
    }
  }

  /**
   * Frees every record and keeps the memory, in O(size + capacity / 32). Every handle is stale from then on.
   *
   * @throws {DisposedError} after `dispose`.
   */
  clear(): void {
    this._checkUsable("clear");
    for (const slab of this._slabs) slab.clear();
  }

  // -- memory --

  /** Records that are live. */
  get size(): number {
    let sum = 0;
    for (let i = 0; i < this._slabs.length; i++) sum += this._slabs[i].size;
    return sum;
  }

  /** Chunks that exist. */
  get capacity(): number {
    let sum = 0;
    for (let i = 0; i < this._slabs.length; i++) sum += this._slabs[i].capacity;
    return sum;
  }

  /** Chunks that the pool may have at the most. */
  get maxChunks(): number {
    return this._slabs.length * this._slabs[0].maxChunks;
  }

  /** Bytes of all blocks. */
  get byteLength(): number {
    let sum = 0;
    for (let i = 0; i < this._slabs.length; i++) sum += this._slabs[i].byteLength;
    return sum;
  }

  /** The blocks that exist, by position; the same array until one is added or given back. */
  get blocks(): readonly PoolBlock[] {
    const slabs = this._slabs;
    if (slabs.length === 1) return slabs[0].mappedBlocks();
    let isSame = true;
    for (let i = 0; i < slabs.length; i++) {
      const mapped = slabs[i].mappedBlocks();
      if (mapped === this._mapped[i]) continue;
      this._mapped[i] = mapped;
      isSame = false;
    }
    if (!isSame) this._blocks = this._mapped.flat();
    return this._blocks;
  }

  /**
   * Frees every record of a block and gives its memory back at once.
   *
   * @param index The `index` of one of {@linkcode blocks}.
   * @throws {RangeError} when there is no such block.
   * @throws {DisposedError} after `dispose`.
   */
  freeBlock(index: number): void {
    const [first] = this._slabs;
    this._checkUsable("freeBlock");
    if (this._slabs.some((slab) => slab.freeBlock(index))) return;
    const known = this.blocks.map((block) => block.index).join(", ") || "none";
    throw new RangeError(
      `Cannot free a block of ${first.label}: there is no block ${
        String(index)
      }, there are ${known}`,
    );
  }

  /**
   * Gives back every empty block, at once.
   *
   * @returns Bytes given back.
   * @throws {DisposedError} after `dispose`.
   */
  trim(): number {
    this._checkUsable("trim");
    let bytes = 0;
    for (let i = 0; i < this._slabs.length; i++) bytes += this._slabs[i].trim();
    return bytes;
  }

  /**
   * Moves records out of the sparsest blocks into free chunks of the others and gives the empty blocks back, so that there are no more
   * than the records need: after a peak, when a level is done, or where memory is short. It takes none from the memory resource.
   * Where no block can be spared nothing moves and it returns 0. What was reserved is forgotten. A set does so in each of its classes.
   *
   * A moved record has a new handle, its old one is stale. Typed `ref` fields of this pool that held the old one hold the new one, at any
   * depth, where they lead to a struct that the pool stores; a {@linkcode HandleMap} keeps its values. What else has old handles is
   * the program's to change, in `moved`: variables, untyped `"ref"` fields, links in other pools. Views, cursors and `bytes` of moved
   * records must be fetched anew. During an iteration records that move may be seen twice, or not at all.
   *
   * A pool without `types` does not know which struct a record is of. It sets links right where all the structs that it was asked for
   * agree where they are, and else refuses.
   *
   * The densest blocks are kept, and of them the chunks that are free are taken from the lowest on, at the price of their rest where
   * `reuse` is `"spread"`. A move is neither an alloc nor a free in {@linkcode stats}; the chunk that a record leaves is at its next
   * generation. Takes O(blocks × log blocks), and O(live records × their links) where there are such.
   *
   * @param moved Gets the old and the new handle of each moved record, in block and chunk order, when all is done and the blocks have been
   * given back. It may call the pool. If it throws, the others are told all the same, and then `compact` throws the first error.
   * @returns Bytes given back.
   * @throws {TypeError} when `moved` is no function, the pool's memory was detached, or a pool without `types` cannot tell where links
   * are; nothing changes then.
   * @throws {RangeError} when a wide handle that a `ref` holds would become one of 2^32 or more; nothing changes then.
   * @throws {DisposedError} after `dispose`.
   *
   * @example Usage
   * ```ts
   * import { Pool, ref, struct } from "@slabs/pool";
   * import { assertEquals } from "@std/assert";
   *
   * const Unit = struct({ hp: "u16", leader: ref("self") }, { name: "Unit" });
   * using units = new Pool(Unit, { chunksPerBlock: 16 });
   * const all = units.allocMany(64);
   * const soldier = all[0];
   * let captain = all[63];
   * units.set(soldier, { leader: captain });
   * units.freeMany(all.slice(1, 63));
   *
   * const bytes = units.compact((from, to) => {
   *   if (captain === from) captain = to;
   * });
   * assertEquals([bytes, units.blocks.length], [256, 1]);
   * assertEquals(units.get(soldier).leader, captain);
   * assertEquals(units.has(all[63]), false);
   * ```
   */
  compact(moved?: (from: H, to: H) => void): number {
    this._checkUsable("compact");
    if (moved !== undefined) checkFunction(this._slabs[0], "compact", moved);
    return compact(this._slabs, moved as Moved | undefined); // which gets handles of this pool
  }

  /**
   * Tells the figures of the pool, in O(blocks).
   *
   * @param out An object to fill instead of a new one.
   * @returns `out`, or a new object.
   * @throws {DisposedError} after `dispose`.
   */
  stats(out: Partial<PoolStats> = {}): PoolStats {
    return fillStats(this._slabs[0], out);
  }

  /**
   * Makes the pool whole again after somebody grew the `WebAssembly.Memory` that its blocks lie in, in O(blocks): growing
   * detaches every typed array over a memory that is not shared. Views and cursors from before are good again, too; typed
   * arrays of `blocks[i].bytes` have to be fetched anew. Harmless where nothing was grown.
   *
   * Until it is called every other call but `dispose` throws `TypeError` before anything happens, and views read 0.
   *
   * @throws {DisposedError} after `dispose`.
   */
  rebind(): void {
    this._slabs[0].checkThere();
    for (const slab of this._slabs) slab.rebind();
  }

  /**
   * Writes the whole state of the pool as bytes, in O(`byteLength`): records, handles, generations and the order in which
   * chunks will be given out. For rollback within a process leave the checksum out and hand in an array that is used
   * again: then nothing is allocated.
   *
   * @param into Where to write, starting at a multiple of 8 bytes of its buffer. If it has no room a new array is made.
   * @param options See {@linkcode SnapshotOptions}.
   * @returns `into`, or a new array; what is beyond the snapshot in it is left as it was.
   * @throws {TypeError} when `into` is no `Uint8Array`, or the pool's memory was detached.
   * @throws {RangeError} when `into` starts elsewhere.
   * @throws {DisposedError} after `dispose`.
   *
   * @example Usage
   * ```ts
   * import { Pool } from "@slabs/pool";
   * import { assertEquals } from "@std/assert";
   *
   * using pool = new Pool({ hp: "u8" });
   * const imp = pool.alloc({ hp: 7 });
   * const saved = pool.snapshot();
   * pool.free(imp);
   * const later = pool.alloc();
   *
   * pool.restore(saved);
   * assertEquals(pool.get(imp).hp, 7);
   * assertEquals(pool.has(later), false);
   * ```
   */
  snapshot(into?: Uint8Array, options: SnapshotOptions = WITH_CHECKSUM): Uint8Array {
    this._checkUsable("snapshot");
    return writeSnapshot(this._snapped, this.#fingerprint(), into, options);
  }

  /**
   * Goes back to a snapshot, in O(`byteLength`). Handles of that moment are valid again, later ones stale, and the same
   * calls as then give the same handles. Views and cursors from before must be fetched or moved anew.
   *
   * @param bytes What {@linkcode snapshot} wrote, of this pool or of one that was created in the same way; it may be longer. A
   * pool in debug mode takes that of one without as well, and then calls give other handles than they did there.
   * @throws {SnapshotError} when it is none that the pool can go back to; nothing changes then.
   * @throws {TypeError} when `bytes` is no `Uint8Array`, or the pool's memory was detached.
   * @throws {OutOfMemoryError} when the memory resource has no block to give; nothing changes then.
   * @throws {DisposedError} after `dispose`.
   */
  restore(bytes: Uint8Array): void {
    this._checkUsable("restore");
    readSnapshot(this._snapped, this.#fingerprint(), bytes);
  }

  /**
   * Writes all records as bytes that say what they are, in O(`byteLength`): for saved games and files, which outlive the version of the
   * program that wrote them. {@linkcode load} reads it into a pool whose struct, options or both have changed. For rollback
   * {@linkcode snapshot} is smaller, and writes into an array of yours.
   *
   * @returns A new array.
   * @throws {TypeError} when the pool's memory was detached.
   * @throws {DisposedError} after `dispose`.
   *
   * @example Usage
   * ```ts
   * import { Pool } from "@slabs/pool";
   * import { assertEquals } from "@std/assert";
   *
   * using old = new Pool({ hp: "u8", x: "f32" });
   * const imp = old.alloc({ hp: 7, x: 1.5 });
   * const saved = old.save();
   *
   * using game = new Pool({ x: "f64", y: "f64", health: "u16" }); // a later version
   * const { added } = game.load(saved, { rename: { hp: "health" } });
   * assertEquals(game.get(game.handle(imp)).toJSON(), { x: 1.5, y: 0, health: 7 });
   * assertEquals(added, ["struct.y"]);
   * ```
   */
  save(): Uint8Array {
    this._checkUsable("save");
    return writeSave(this._snapped);
  }

  /**
   * Replaces all records by those of a save, in O(records × fields). Structs are found by their names and fields by theirs, whatever the
   * options of the pool: fields that the save does not have are zero, those that the pool does not have are dropped, and numbers are
   * converted as a typed array converts them.
   *
   * A record keeps its handle where that number can be one of the pool's: its generation fits, and its chunk is not retired and not taken.
   * That is so with the same `maxChunks`, whatever the other options. Else it has a new one, in the chunk of the same index if that can be
   * had; `moved` tells, and typed `ref` fields that lead to it are set right. Handles from before are stale, but those of the save. Views
   * and cursors must be fetched anew. Memory is kept, as {@linkcode clear} keeps it.
   *
   * @param bytes What {@linkcode save} wrote; it may be longer.
   * @param options See {@linkcode LoadOptions}.
   * @returns What was done; see {@linkcode LoadReport}.
   * @throws {SnapshotError} when it is no save, or was damaged, or has records of a struct that the pool does not know, or more than
   * it may have, or a `ref` cannot hold a new handle; nothing changes then.
   * @throws {OutOfMemoryError} when the memory resource has no block to give; nothing changes then.
   * @throws {TypeError} when an argument has the wrong type, or the pool's memory was detached.
   * @throws {DisposedError} after `dispose`.
   */
  load(bytes: Uint8Array, options: LoadOptions = {}): LoadReport {
    this._checkUsable("load");
    return readSave(this._snapped, bytes, options);
  }

  /**
   * Gives all memory back. Any later call throws {@linkcode DisposedError}; disposing twice is harmless.
   *
   * @throws {LeakError} in debug mode, when records were live, after the memory was given back.
   */
  dispose(): void {
    disposeAll(this._slabs);
  }

  /** Does what {@linkcode dispose} does, at the end of a `using` scope. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  /**
   * Checks that every slab is of use, before a call changes any.
   *
   * @param verb What is tried.
   * @internal
   */
  protected _checkUsable(verb: string): void {
    for (let i = 0; i < this._slabs.length; i++) this._slabs[i].checkUsable(verb);
  }

  #fingerprint(): number {
    return this._fingerprint ??= fingerprintOf(this._layoutText());
  }
}

// every pool has slabs
showAs<PoolBase<unknown, number>>(
  PoolBase.prototype,
  (pool) => summary(together(slabs.get(pool)!)),
);

noteOwn(PoolBase.prototype);

/** What debug mode traces of a pool; where a record is written first a debug slab hands the origin on. */
export const TRACED: TracedCalls = {
  alloc: RUNS_USER_CODE,
  tryAlloc: RUNS_USER_CODE,
  allocAt: RUNS_USER_CODE,
  allocMany: RUNS_NO_USER_CODE,
  scoped: RUNS_NO_USER_CODE,
  reserve: RUNS_NO_USER_CODE,
  restore: RUNS_NO_USER_CODE,
  load: RUNS_NO_USER_CODE,
};

/** The slab that a view is bound to a block of. */
function slabOfView(slabs: readonly Slab[], root: RecordView | undefined): Slab | undefined {
  if (!(root?._b instanceof Block)) return undefined;
  const { geometry } = root._b;
  for (let i = 0; i < slabs.length; i++) if (slabs[i].geometry === geometry) return slabs[i];
  return undefined;
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
 * @param verb What is tried.
 * @param count How many.
 * @throws {RangeError} when it is no integer from 0.
 * @throws {DisposedError} after the slab's disposal.
 */
function checkCount(slab: Slab, verb: string, count: number): void {
  slab.checkUsable(verb);
  if (Number.isInteger(count) && count >= 0) return;
  throw new RangeError(
    `Cannot ${verb} in ${slab.label}: the count must be an integer from 0, got ${String(count)}`,
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
 * Allocates records, all or none.
 *
 * @typeParam O What is filled.
 * @param slab A slab.
 * @param count How many.
 * @param out Filled from its start; a plain array ends up `count` long.
 * @param tag Of the records, where there are any; -1 where there are none.
 * @returns `out`.
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
  // A plain array may have setters, which then find all handles live.
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

/** Copies handles to an array of the user's, or frees them if it does not take them. */
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

/** What handles are written to. */
type HandleList = { length: number; [i: number]: number };

/** Handles that a list is kept for. */
const KEPT_HANDLES = 65_536;

/** A list for the handles of a call, kept for the next one. A call within another finds none, and makes its own. */
let spareList: number[] | undefined;

function takeList(): number[] {
  const list = spareList ?? [];
  spareList = undefined;
  return list;
}

function giveList(list: number[]): void {
  if (list.length <= KEPT_HANDLES) spareList = list;
}

/** Copies handles, each read once, as it may be a getter. */
function readHandles(slab: Slab, handles: ArrayLike<number>, list: number[]): number {
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
 * @param slab A slab.
 * @param chunks Chunks wanted.
 */
export function reserve(slab: Slab, chunks: number): void {
  checkCount(slab, "reserve", chunks);
  if (!slab.reserve(chunks)) throw slab.exhaustedError(`reserve ${chunks} chunks`);
}

function fillStats<O extends Partial<PoolStats>>(slab: Slab, out: O): O & PoolStats {
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
  return out as O & PoolStats; // every member was just set
}

/**
 * @param slab A slab.
 * @param verb What was tried.
 * @param problem What is wrong with the argument.
 * @returns The error for it.
 */
export function viewError(slab: { label: string }, verb: string, problem: string): TypeError {
  return new TypeError(`Cannot ${verb} in ${slab.label}: the argument ${problem}`);
}

/**
 * @param slab A slab.
 * @param verb What was tried.
 * @param fn What has to be a function.
 * @throws {TypeError} when it is none.
 */
export function checkFunction(slab: { label: string }, verb: string, fn: unknown): void {
  if (typeof fn !== "function") throw viewError(slab, verb, "must be a function");
}
