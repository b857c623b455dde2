/**
 * `Pool`: records of one struct, packed into blocks.
 *
 * @module
 */
import { createSlab } from "./_debug.ts";
import { fingerprintOf, layoutText, type SnapshotOptions } from "./_envelope.ts";
import {
  readSnapshot,
  slabText,
  type Snapped,
  WITH_CHECKSUM,
  writeSnapshot,
} from "./_slab_snapshot.ts";
import { lanesOf } from "./_lanes.ts";
import { checkRecord, writeRecord } from "./_record.ts";
import { showAs, summary, together } from "./_show.ts";
import { Slab, slabs } from "./_slab.ts";
import {
  allocMany,
  allocWith,
  asStruct,
  checkThere,
  fillStats,
  freeBlock,
  handleOf,
  type PoolBlock,
  type PoolStats,
  reserve,
  viewError,
} from "./_face.ts";
import {
  type RecordView,
  type RecordViewClass,
  recordViewClass,
  type View,
  type Visit,
} from "./_view.ts";
import { HandleWalk, Walk } from "./_walk.ts";
import type { Handle } from "./handle.ts";
import { type PoolOptions, resolveOptions } from "./options.ts";
import type { AnyStruct, Fields, Init, StructOf } from "./schema.ts";

export type { SnapshotOptions } from "./_envelope.ts";
export type { PoolBlock, PoolStats } from "./_face.ts";
export type { ArrayView, FieldView, View } from "./_view.ts";

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
 * Records of one struct, taken and given back in constant time.
 *
 * Use it for what is made and dropped all the time and referred to while it lives: bullets, particles, nodes, sessions.
 * For values that all die at once an arena is faster; for a handful of long-lived ones plain objects are simpler.
 *
 * Records lie in blocks that are added on demand and never move. `alloc` and `free` are O(1) and allocate nothing on
 * the JavaScript heap.
 *
 * @typeParam T The struct type, or the plain fields it is made of.
 *
 * @example Usage
 * ```ts
 * import { Pool } from "@slabs/pool";
 * import { assertEquals } from "@std/assert";
 *
 * using bullets = new Pool({ x: "f32", y: "f32", damage: "u8" }, { name: "bullets" });
 * const bullet = bullets.alloc({ x: 10, damage: 3 });
 * bullets.get(bullet).x += 1;
 * assertEquals(bullets.get(bullet).toJSON(), { x: 11, y: 0, damage: 3 });
 * bullets.free(bullet);
 * assertEquals(bullets.has(bullet), false);
 * ```
 */
export class Pool<T extends AnyStruct | Fields> implements Iterable<View<StructOf<T>>>, Disposable {
  /** Shown in errors. */
  readonly name: string;
  /** What its records are. */
  readonly struct: StructOf<T>;
  private readonly _slab: Slab;
  private readonly _View: RecordViewClass;
  private readonly _snapped: readonly Snapped[];
  private _fingerprint: number | undefined;
  /** Views of iterations that have ended, for the next ones. */
  private readonly _spareViews: RecordView[] = [];

  /**
   * Creates a pool without any block: the first `alloc` takes one.
   *
   * @param type A struct, or the fields of one.
   * @param options See {@linkcode PoolOptions}.
   * @throws {SchemaError} when plain fields make no struct.
   * @throws {RangeError} when a number of the options is out of its range.
   * @throws {TypeError} when an option has the wrong type.
   */
  constructor(type: T, options: PoolOptions = {}) {
    const struct = asStruct(type);
    const config = resolveOptions("Pool", struct.name || "pool", struct.size, options);
    this.name = config.name;
    this.struct = struct as StructOf<T>; // StructOf<T> is T for a struct and Struct<T> for fields, as just made
    this._View = recordViewClass(struct, config.debug);
    this._slab = createSlab(config, {
      chunkBytes: struct.size,
      align: struct.align,
      lanes: lanesOf(struct),
      tagged: false,
    });
    this._snapped = [{ slab: this._slab, kinds: [] }];
    slabs.set(this, [this._slab]);
  }

  // -- one record --

  /**
   * Allocates a record, zeroed, in O(1).
   *
   * In the hottest loops leave `init` out and write through a cursor: that costs no object and no look-up by name.
   *
   * @param init Fields to set; those left out stay zero.
   * @returns Its handle.
   * @throws {PoolExhaustedError} when `maxChunks` are taken.
   * @throws {OutOfMemoryError} when the memory resource has no block to give.
   * @throws {TypeError} when `init` names an unknown field or a value does not fit its type.
   * @throws {DisposedError} after `dispose`.
   *
   * @example Usage
   * ```ts
   * import { Pool } from "@slabs/pool";
   * import { assertEquals } from "@std/assert";
   *
   * using enemies = new Pool({ hp: "u16", speed: "f32" });
   * const enemy = enemies.alloc({ hp: 100 });
   * assertEquals(enemies.get(enemy).speed, 0);
   * ```
   */
  alloc(init?: Init<StructOf<T>>): Handle<StructOf<T>> {
    const handle = init === undefined
      ? this._slab.alloc()
      : allocWith(this._slab, this.struct, init);
    if (handle === 0) throw this._slab.exhaustedError("alloc");
    return handle as Handle<StructOf<T>>;
  }

  /**
   * Allocates a record as {@linkcode alloc} does, unless the pool is exhausted.
   *
   * @param init Fields to set; those left out stay zero.
   * @returns Its handle; `undefined` when `maxChunks` are taken.
   * @throws {OutOfMemoryError} when the memory resource has no block to give.
   * @throws {TypeError} when `init` names an unknown field or a value does not fit its type.
   * @throws {DisposedError} after `dispose`.
   *
   * @example Usage
   * ```ts
   * import { Pool } from "@slabs/pool";
   * import { assertEquals } from "@std/assert";
   *
   * using sparks = new Pool({ heat: "u8" }, { maxChunks: 16, chunksPerBlock: 16 });
   * sparks.allocMany(16);
   * assertEquals(sparks.tryAlloc(), undefined);
   * ```
   */
  tryAlloc(init?: Init<StructOf<T>>): Handle<StructOf<T>> | undefined {
    const handle = init === undefined
      ? this._slab.alloc()
      : allocWith(this._slab, this.struct, init);
    return handle === 0 ? undefined : handle as Handle<StructOf<T>>;
  }

  /**
   * Frees a record, in O(1). Its handle is stale from then on.
   *
   * @param handle Handle of a live record.
   * @throws {StaleHandleError} when it is stale, null, forged, or freed already; nothing changes then.
   * @throws {DisposedError} after `dispose`.
   */
  free(handle: Handle<StructOf<T>>): void {
    if (!this._slab.free(handle)) throw this._slab.staleError("free", handle);
  }

  /**
   * Frees a record if it is live, in O(1).
   *
   * @param handle Any handle.
   * @returns Whether it was live.
   * @throws {DisposedError} after `dispose`.
   */
  tryFree(handle: Handle<StructOf<T>>): boolean {
    return this._slab.free(handle) || this.#refuse();
  }

  /**
   * Tells whether a record is live, in O(1).
   *
   * @param handle Any handle.
   * @returns Whether it is live.
   * @throws {DisposedError} after `dispose`.
   */
  has(handle: Handle<StructOf<T>>): boolean {
    return this._slab.find(handle) !== undefined || this.#refuse();
  }

  /**
   * Views a record, in O(1). The view is its own object, safe to keep beside others; one that stays local costs no
   * allocation in optimised code.
   *
   * @param handle Handle of a live record.
   * @returns A view of it.
   * @throws {StaleHandleError} when it is stale, null or forged.
   * @throws {DisposedError} after `dispose`.
   *
   * @example Usage
   * ```ts
   * import { Pool, StaleHandleError } from "@slabs/pool";
   * import { assertEquals, assertThrows } from "@std/assert";
   *
   * using crates = new Pool({ weight: "f64" });
   * const crate = crates.alloc({ weight: 2.5 });
   * assertEquals(crates.get(crate).weight, 2.5);
   * crates.free(crate);
   * assertThrows(() => crates.get(crate), StaleHandleError, "is stale");
   * ```
   */
  get(handle: Handle<StructOf<T>>): View<StructOf<T>> {
    const block = this._slab.find(handle);
    if (block === undefined) throw this._slab.staleError("get", handle);
    return this._asView(new this._View(block, this._slab.offsetOf(handle)));
  }

  /**
   * Views a record if it is live, in O(1).
   *
   * @param handle Any handle.
   * @returns A view of it; `undefined` when it is not live.
   * @throws {DisposedError} after `dispose`.
   */
  tryGet(handle: Handle<StructOf<T>>): View<StructOf<T>> | undefined {
    const block = this._slab.find(handle);
    if (block !== undefined) {
      return this._asView(new this._View(block, this._slab.offsetOf(handle)));
    }
    this.#refuse();
    return undefined;
  }

  /**
   * Writes the named fields of a record; the others stay as they are.
   *
   * @param handle Handle of a live record.
   * @param init Fields to set.
   * @throws {StaleHandleError} when it is stale, null or forged.
   * @throws {TypeError} when `init` names an unknown field or a value does not fit its type; nothing is written then.
   * @throws {DisposedError} after `dispose`.
   *
   * @example Usage
   * ```ts
   * import { Pool } from "@slabs/pool";
   * import { assertEquals } from "@std/assert";
   *
   * using pool = new Pool({ x: "i32", y: "i32" });
   * const point = pool.alloc({ x: 1, y: 2 });
   * pool.set(point, { y: 5 });
   * assertEquals(pool.get(point).toJSON(), { x: 1, y: 5 });
   * ```
   */
  set(handle: Handle<StructOf<T>>, init: Init<StructOf<T>>): void {
    const block = this._slab.find(handle);
    if (block === undefined) throw this._slab.staleError("set", handle);
    checkRecord(this.struct, init);
    writeRecord(block, this._slab.offsetOf(handle), this.struct, init as object);
  }

  // -- cursors --

  /**
   * Allocates a record, zeroed, and moves a view to it, in O(1): what {@linkcode alloc} and {@linkcode seek} do, for the
   * loops that spawn thousands. Nothing is allocated on the heap, and no field is looked up by name.
   *
   * @param cursor A view of this pool's struct.
   * @returns Handle of the new record.
   * @throws {PoolExhaustedError} when `maxChunks` are taken; the view stays where it is.
   * @throws {OutOfMemoryError} when the memory resource has no block to give.
   * @throws {TypeError} when the view is of another struct.
   * @throws {DisposedError} after `dispose`.
   *
   * @example Usage
   * ```ts
   * import { Pool } from "@slabs/pool";
   * import { assertEquals } from "@std/assert";
   *
   * using sparks = new Pool({ x: "f32", heat: "u8" });
   * const spark = sparks.cursor();
   * for (let i = 0; i < 100; i++) {
   *   sparks.allocAt(spark);
   *   spark.x = i;
   *   spark.heat = 255;
   * }
   * assertEquals(sparks.size, 100);
   * ```
   */
  allocAt(cursor: View<StructOf<T>>): Handle<StructOf<T>> {
    const view = this._checkCursor("allocAt", cursor);
    const handle = this._slab.alloc();
    if (handle === 0) throw this._slab.exhaustedError("alloc");
    this._slab.current.place(view, this._slab.offsetOf(handle));
    return handle as Handle<StructOf<T>>;
  }

  /**
   * Makes a view that {@linkcode seek} moves from record to record, so that a whole loop needs but one.
   *
   * @returns A view that stands nowhere yet: its fields read as nothing.
   *
   * @example Usage
   * ```ts
   * import { Pool } from "@slabs/pool";
   * import { assertEquals } from "@std/assert";
   *
   * using pool = new Pool({ next: "ref", value: "u8" });
   * const tail = pool.alloc({ value: 2 });
   * const head = pool.alloc({ value: 1, next: tail });
   * const at = pool.cursor();
   * let sum = 0;
   * for (let node = head; pool.has(node); node = at.next) sum += pool.seek(at, node).value;
   * assertEquals(sum, 3);
   * ```
   */
  cursor(): View<StructOf<T>> {
    checkThere(this._slab);
    return this._asView(new this._View(Slab.NOWHERE, 0));
  }

  /**
   * Moves a view to a record, in O(1), allocating nothing.
   *
   * @param cursor A view of this pool's struct.
   * @param handle Handle of a live record.
   * @returns The view.
   * @throws {StaleHandleError} when the handle is stale, null or forged; the view stays where it is.
   * @throws {TypeError} when the view is of another struct.
   * @throws {DisposedError} after `dispose`.
   */
  seek(cursor: View<StructOf<T>>, handle: Handle<StructOf<T>>): View<StructOf<T>> {
    const block = this._slab.find(handle);
    if (block === undefined) throw this._slab.staleError("seek", handle);
    const view = this._checkCursor("seek", cursor);
    block.place(view, this._slab.offsetOf(handle));
    return cursor;
  }

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
  handleOf(view: object): Handle<StructOf<T>> {
    return handleOf(this._slab, view) as Handle<StructOf<T>>;
  }

  // -- every record --

  /**
   * Calls a function with every live record once, in block and chunk order: the fastest way through a pool once the
   * function that calls it is hot, if it has no other loop. Freeing the current record, or any other, meanwhile is safe; a
   * record allocated meanwhile may or may not be seen.
   *
   * @param fn Gets a view, the same one moved along, and the handle.
   * @throws {DisposedError} after `dispose`.
   *
   * @example Usage
   * ```ts
   * import { Pool } from "@slabs/pool";
   * import { assertEquals } from "@std/assert";
   *
   * using pool = new Pool({ hp: "u8" });
   * pool.alloc({ hp: 0 });
   * pool.alloc({ hp: 1 });
   * pool.forEach((it, handle) => {
   *   if (it.hp === 0) pool.free(handle);
   * });
   * assertEquals(pool.size, 1);
   * ```
   */
  forEach(fn: (view: View<StructOf<T>>, handle: Handle<StructOf<T>>) => void): void {
    const view = this.#takeView();
    this._slab.forEach(view, fn as unknown as Visit);
    this._spareViews.push(view);
  }

  /**
   * Walks every live record once, in block and chunk order, under the same rules as {@linkcode forEach}.
   *
   * @returns An iterator; the view that it gives is the same one, moved along.
   * @throws {DisposedError} after `dispose`.
   */
  [Symbol.iterator](): IterableIterator<View<StructOf<T>>> {
    checkThere(this._slab);
    const view = new this._View(Slab.NOWHERE, 0);
    return new Walk(this._slab, view) as unknown as IterableIterator<View<StructOf<T>>>;
  }

  /**
   * Walks the handles of every live record, under the same rules as {@linkcode forEach}.
   *
   * @returns An iterator of handles.
   * @throws {DisposedError} after `dispose`.
   */
  handles(): IterableIterator<Handle<StructOf<T>>> {
    checkThere(this._slab);
    return new HandleWalk(this._slab) as unknown as IterableIterator<Handle<StructOf<T>>>;
  }

  /**
   * Frees every record that a predicate is false for, in O(capacity / 32 + size): the sweep of a mark-and-sweep.
   *
   * @param pred Gets a view, the same one moved along, and the handle. If it throws, what was freed stays freed.
   * @returns How many were freed.
   * @throws {DisposedError} after `dispose`.
   *
   * @example Usage
   * ```ts
   * import { Pool } from "@slabs/pool";
   * import { assertEquals } from "@std/assert";
   *
   * using pool = new Pool({ marked: "bool" });
   * pool.alloc({ marked: true });
   * pool.alloc();
   * assertEquals(pool.retain((it) => it.marked), 1);
   * assertEquals(pool.size, 1);
   * ```
   */
  retain(pred: (view: View<StructOf<T>>, handle: Handle<StructOf<T>>) => boolean): number {
    const view = this.#takeView();
    const keep = pred as unknown as (view: RecordView, handle: number) => boolean;
    const freed = this._slab.retain(view, keep);
    this._spareViews.push(view);
    return freed;
  }

  // -- many records --

  /**
   * Allocates records, zeroed, all or none, in O(n).
   *
   * @param count How many, an integer from 0.
   * @returns Their handles.
   * @throws {PoolExhaustedError} when `maxChunks` do not allow them all.
   * @throws {OutOfMemoryError} when the memory resource does not.
   * @throws {RangeError} when `count` is no integer from 0, or a typed array is too short.
   * @throws {TypeError} when a typed array cannot hold handles, or an array cannot be written.
   * @throws {DisposedError} after `dispose`.
   *
   * @example Usage
   * ```ts
   * import { Pool } from "@slabs/pool";
   * import { assertEquals } from "@std/assert";
   *
   * using pool = new Pool({ x: "f32" });
   * const handles = pool.allocMany(100);
   * pool.freeMany(handles);
   * assertEquals(pool.size, 0);
   * ```
   */
  allocMany(count: number): Handle<StructOf<T>>[];
  /**
   * Allocates records as above, into an array of the caller's: nothing is allocated on the heap.
   *
   * @typeParam O What is filled.
   * @param count How many, an integer from 0.
   * @param out An array or typed array to fill from its start; a plain array ends up `count` long.
   * @returns `out`.
   */
  allocMany<O extends HandleArray<StructOf<T>>>(count: number, out: O): O;
  allocMany(count: number, out: HandleArray<StructOf<T>> = []): HandleArray<StructOf<T>> {
    return allocMany(this._slab, count, out as Handle<StructOf<T>>[]); // which all of them look like
  }

  /**
   * Frees records, all or none, in O(n).
   *
   * @param handles Handles of live records, none of them twice.
   * @throws {StaleHandleError} when one is not live or comes twice; nothing changes then.
   * @throws {DisposedError} after `dispose`.
   */
  freeMany(
    handles: ArrayLike<Handle<StructOf<T>>> | Int32Array | Uint32Array | Float64Array,
  ): void {
    checkThere(this._slab);
    const bad = Slab.freeMany(handles, this._slab);
    if (bad < 0) return;
    throw this._slab.staleError(`free ${handles.length} records`, handles[bad], bad);
  }

  /**
   * Frees every record and keeps the memory, in O(size + capacity / 32). Every handle is stale from then on.
   *
   * @throws {DisposedError} after `dispose`.
   */
  clear(): void {
    checkThere(this._slab);
    this._slab.clear();
  }

  /**
   * Allocates a record that is freed at the end of its `using` scope, unless it was freed before.
   *
   * @param init Fields to set; those left out stay zero.
   * @returns The handle, a view, and the disposal.
   * @throws {PoolExhaustedError | OutOfMemoryError | TypeError | DisposedError} as {@linkcode alloc} does.
   *
   * @example Usage
   * ```ts
   * import { Pool } from "@slabs/pool";
   * import { assertEquals } from "@std/assert";
   *
   * using pool = new Pool({ x: "f32" });
   * {
   *   using scratch = pool.scoped({ x: 1 });
   *   scratch.view.x += 1;
   *   assertEquals(pool.size, 1);
   * }
   * assertEquals(pool.size, 0);
   * ```
   */
  scoped(init?: Init<StructOf<T>>): ScopedRecord<StructOf<T>> {
    const handle = this.alloc(init);
    return { handle, view: this.get(handle), [Symbol.dispose]: () => void this._slab.free(handle) };
  }

  // -- memory --

  /** Records that are live. */
  get size(): number {
    return this._slab.size;
  }

  /** Chunks that exist. */
  get capacity(): number {
    return this._slab.capacity;
  }

  /** Chunks that the pool may have at the most. */
  get maxChunks(): number {
    return this._slab.maxChunks;
  }

  /** Chunks in each block. */
  get chunksPerBlock(): number {
    return this._slab.geometry.chunkCount;
  }

  /** Bytes of all blocks. */
  get byteLength(): number {
    return this._slab.byteLength;
  }

  /** The blocks that exist, by position; the same array until one is added or given back. */
  get blocks(): readonly PoolBlock[] {
    return this._slab.mounted();
  }

  /**
   * Grows until `capacity` is at least `chunks`, so that no `alloc` has to. Blocks are not given back below it until
   * {@linkcode trim} or {@linkcode freeBlock} says so.
   *
   * @param chunks How many, an integer from 0.
   * @throws {PoolExhaustedError} when `maxChunks` do not allow them; nothing changes then.
   * @throws {OutOfMemoryError} when the memory resource does not; nothing changes then.
   * @throws {RangeError} when `chunks` is no integer from 0.
   * @throws {DisposedError} after `dispose`.
   */
  reserve(chunks: number): void {
    reserve(this._slab, chunks);
  }

  /**
   * Frees every record of a block and gives its memory back at once.
   *
   * @param index The `index` of one of {@linkcode blocks}.
   * @throws {RangeError} when there is no such block.
   * @throws {DisposedError} after `dispose`.
   */
  freeBlock(index: number): void {
    freeBlock(this._slab, index);
  }

  /**
   * Gives back every empty block, at once.
   *
   * @returns Bytes given back.
   * @throws {DisposedError} after `dispose`.
   */
  trim(): number {
    checkThere(this._slab);
    return this._slab.trim();
  }

  /**
   * Tells the figures of the pool, in O(blocks).
   *
   * @param out An object to fill instead of a new one.
   * @returns `out`, or a new object.
   * @throws {DisposedError} after `dispose`.
   */
  stats(out: Partial<PoolStats> = {}): PoolStats {
    return fillStats(this._slab, out);
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
    checkThere(this._slab);
    this._slab.rebind();
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
    checkThere(this._slab);
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
    checkThere(this._slab);
    readSnapshot(this._snapped, this.#fingerprint(), bytes);
  }

  /**
   * Gives all memory back. Any later call throws {@linkcode DisposedError}; disposing twice is harmless.
   *
   * @throws {LeakError} in debug mode, when records were live, after the memory was given back.
   */
  dispose(): void {
    this._slab.dispose();
  }

  /** Does what {@linkcode dispose} does, at the end of a `using` scope. */
  [Symbol.dispose](): void {
    this._slab.dispose();
  }

  /** Of all that a snapshot depends on. */
  #fingerprint(): number {
    return this._fingerprint ??= fingerprintOf(
      "Pool" + slabText(this._slab) + layoutText(this.struct),
    );
  }

  /** The answer of a call that found no live record: false, unless there is no pool any more. */
  #refuse(): false {
    checkThere(this._slab);
    return false;
  }

  /**
   * A view for one iteration, which puts it back when it ends: a nested one finds none and makes its own. A callback that
   * throws loses the view, which costs the next iteration a new one; try and finally would cost every iteration a third.
   */
  #takeView(): RecordView {
    checkThere(this._slab);
    return this._spareViews.pop() ?? new this._View(Slab.NOWHERE, 0);
  }

  // These two are not `#`, as that would have a brand checked at each call.

  /** A view is typed by its fields for the user and by its state in here; both are true of the same object. */
  private _asView(view: RecordView): View<StructOf<T>> {
    return view as unknown as View<StructOf<T>>;
  }

  /** The cursor, if it is a view of the struct. */
  private _checkCursor(verb: string, cursor: View<StructOf<T>>): RecordView {
    if (cursor instanceof this._View) return cursor;
    throw viewError(this._slab, verb, "is no view of this pool's struct");
  }
}

showAs<Pool<AnyStruct>>(Pool.prototype, (pool) => summary(together(slabs.get(pool)!))); // every pool has one
