/**
 * What all pools have in common: everything that does not depend on how their records are typed.
 *
 * @module
 */
import { showAs, summary, together } from "../_show.ts";
import { Block } from "../slab/block.ts";
import { disposeAll } from "../slab/debug.ts";
import { fingerprintOf, type SnapshotOptions, WITH_CHECKSUM } from "../slab/envelope.ts";
import type { Slab } from "../slab/slab.ts";
import { slabs } from "../slab/slab.ts";
import { readSnapshot, type Snapped, writeSnapshot } from "../slab/snapshot.ts";
import type { Handle } from "../struct/ref.ts";
import { type AnyStruct, type Fields, Struct } from "../struct/schema.ts";
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
export interface ScopedRecord<S extends AnyStruct> extends Disposable {
  /** Its handle. */
  readonly handle: Handle<S>;
  /** A view of its own. */
  readonly view: View<S>;
}

/** What `freeMany` takes and `allocMany` can fill. */
export type HandleArray<S extends AnyStruct> =
  | Handle<S>[]
  | Int32Array
  | Uint32Array
  | Float64Array;

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
  private readonly _mounted: (readonly Block[])[] = [];
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
    this._slabs[0].checkThere();
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
   * Frees records, all or none, in O(n).
   *
   * @param handles Handles of live records, none of them twice.
   * @throws {StaleHandleError} when one is not live or comes twice; nothing changes then.
   * @throws {DisposedError} after `dispose`.
   */
  freeMany(handles: ArrayLike<H> | Int32Array | Uint32Array | Float64Array): void {
    const [first] = this._slabs;
    first.checkThere();
    const owner = this._slabs.length === 1 ? first : this;
    const bad = first.freeMany(handles, owner);
    if (bad < 0) return;
    const slab = this._slabOf(handles[bad]);
    throw slab.staleError(`free ${handles.length} records`, handles[bad], bad);
  }

  /**
   * Frees every record and keeps the memory, in O(size + capacity / 32). Every handle is stale from then on.
   *
   * @throws {DisposedError} after `dispose`.
   */
  clear(): void {
    this._slabs[0].checkThere();
    for (const slab of this._slabs) slab.checkAttached("clear"); // before any is cleared
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
    if (slabs.length === 1) return slabs[0].mounted();
    let isSame = true;
    for (let i = 0; i < slabs.length; i++) {
      const mounted = slabs[i].mounted();
      if (mounted === this._mounted[i]) continue;
      this._mounted[i] = mounted;
      isSame = false;
    }
    if (!isSame) this._blocks = this._mounted.flat();
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
    first.checkThere();
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
    this._slabs[0].checkThere();
    let bytes = 0;
    for (let i = 0; i < this._slabs.length; i++) bytes += this._slabs[i].trim();
    return bytes;
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
   * Until it is called views of such a pool read nothing, and calls that would take or give back a chunk throw.
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
    this._slabs[0].checkThere();
    return writeSnapshot(this._snapped, this.#fingerprint(), into, options);
  }

  /**
   * Goes back to a snapshot, in O(`byteLength`). Handles of that moment are valid again, later ones stale, and the same
   * calls as then give the same handles. Views and cursors from before must be fetched or moved anew.
   *
   * @param bytes What {@linkcode snapshot} wrote, of this pool or of one that was created in the same way; it may be longer. A
   * debug pool, whose handles no other has, takes its own alone.
   * @throws {SnapshotError} when it is none that the pool can go back to; nothing changes then.
   * @throws {TypeError} when `bytes` is no `Uint8Array`, or the pool's memory was detached.
   * @throws {OutOfMemoryError} when the memory resource has no block to give; nothing changes then.
   * @throws {DisposedError} after `dispose`.
   */
  restore(bytes: Uint8Array): void {
    this._slabs[0].checkThere();
    readSnapshot(this._snapped, this.#fingerprint(), bytes);
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

  #fingerprint(): number {
    return this._fingerprint ??= fingerprintOf(this._layoutText());
  }
}

// every pool has slabs
showAs<PoolBase<unknown, number>>(
  PoolBase.prototype,
  (pool) => summary(together(slabs.get(pool)!)),
);

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
  slab.checkThere();
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
 * @param chunks Chunks wanted.
 */
export function reserve(slab: Slab, chunks: number): void {
  checkCount(slab, "reserve", chunks);
  if (!slab.reserve(chunks)) throw slab.exhaustedError(`reserve ${chunks} chunks`);
}

function fillStats<O extends Partial<PoolStats>>(slab: Slab, out: O): O & PoolStats {
  slab.checkThere();
  out.size = slab.size;
  out.capacity = slab.capacity;
  out.blocks = slab.mounted().length;
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
