/**
 * `ErasedPool`: records of any struct that fits, in chunks of one size.
 *
 * @module
 */
import {
  allocMany,
  checkThere,
  fillStats,
  freeBlock,
  handleOf,
  type PoolBlock,
  type PoolStats,
  reserve,
  viewError,
} from "./_face.ts";
import type { Block } from "./_block.ts";
import { type Kind, Kinds } from "./_kinds.ts";
import { createSlab } from "./_debug.ts";
import { fingerprintOf, type SnapshotOptions } from "./_envelope.ts";
import {
  readSnapshot,
  slabText,
  type Snapped,
  snappedOf,
  WITH_CHECKSUM,
  writeSnapshot,
} from "./_slab_snapshot.ts";
import { lanesOf, lanesWithin } from "./_lanes.ts";
import { checkRecord, writeRecord } from "./_record.ts";
import { showAs, summary, together } from "./_show.ts";
import { Slab, slabs } from "./_slab.ts";
import { type RecordView, structOf, type View, type Visit } from "./_view.ts";
import { ALL_KINDS, HandleWalk, KindVisit, KindWalk, Walk } from "./_walk.ts";
import type { AnyHandle, Handle, HandlePart } from "./handle.ts";
import { type PoolOptions, resolveChunk, resolveOptions } from "./options.ts";
import type { HandleArray, ScopedRecord } from "./pool.ts";
import type { AnyStruct, Init } from "./schema.ts";

/**
 * Options of an erased pool.
 *
 * @typeParam S Its structs, as a union.
 */
export interface ErasedPoolOptions<S extends AnyStruct = AnyStruct> extends PoolOptions {
  /** Bytes of a chunk, an integer from 1, a multiple of `align`. */
  readonly size: number;
  /**
   * Bytes that chunks are aligned to, a power of two up to 4096. @default {the largest power of two up to 8 that divides
   * size}
   */
  readonly align?: number;
  /**
   * The structs that may be stored, at most 256. With them the struct of each record is remembered, in a byte beside its
   * chunk, and checked. Without them any struct that fits may be stored, and the caller is trusted to know which it was.
   */
  // The empty tuple has the compiler take a literal for a tuple, and so keep a struct apart whose fields another one has.
  readonly types?: readonly S[] | readonly [];
}

/**
 * A handle of any of several structs.
 *
 * @typeParam S The structs, as a union; `AnyStruct` for whatever fits.
 */
export type HandleOf<S extends AnyStruct> = AnyStruct extends S ? AnyHandle
  : S extends AnyStruct ? Handle<S>
  : never;

/**
 * Records of any struct that fits, in chunks of one size and behind one kind of handle.
 *
 * Use it where records of several structs refer to each other, live and die together, or should share their blocks: the
 * nodes of a syntax tree, the cells of a collector, the components of an entity. Where all records are of one struct
 * {@linkcode Pool} says so in its types and is simpler; where sizes differ much a {@linkcode PoolSet} wastes less.
 *
 * `alloc`, `free` and `get` are O(1), and all that is said of {@linkcode Pool} holds here, too.
 *
 * @typeParam S Its structs, as a union.
 *
 * @example Usage
 * ```ts
 * import { ErasedPool, struct, TypeMismatchError } from "@slabs/pool";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * const Bullet = struct({ x: "f32", y: "f32", damage: "u8" }, { name: "Bullet" });
 * const Spark = struct({ x: "f32", heat: "u8" }, { name: "Spark" });
 *
 * using cells = new ErasedPool({ size: 16, types: [Bullet, Spark] });
 * const bullet = cells.alloc(Bullet, { x: 1, damage: 3 });
 * cells.alloc(Spark, { x: 2 });
 * assertEquals(cells.get(Bullet, bullet).damage, 3);
 * assertEquals(cells.typeOf(bullet), Bullet);
 * assertThrows(() => cells.get(Spark, bullet as never), TypeMismatchError);
 *
 * let sum = 0;
 * for (const it of cells) sum += it.x; // of both kinds
 * cells.forEach(Spark, (spark) => sum += spark.x);
 * assertEquals(sum, 5);
 * ```
 */
export class ErasedPool<S extends AnyStruct = AnyStruct> implements Iterable<View<S>>, Disposable {
  /** Shown in errors. */
  readonly name: string;
  private readonly _slab: Slab;
  private readonly _kinds: Kinds;
  private readonly _tagged: boolean;
  private readonly _snapped: readonly Snapped[];
  private _fingerprint: number | undefined;
  /** Views of iterations that have ended, for the next ones: of mixed kinds, and of one where no kinds are kept. */
  private readonly _spareVisits: KindVisit[] = [];
  private readonly _spareViews: (RecordView[] | undefined)[] = [];

  /**
   * Creates a pool without any block: the first `alloc` takes one.
   *
   * @param options See {@linkcode ErasedPoolOptions}.
   * @throws {SchemaError} when one of the types does not fit into a chunk.
   * @throws {RangeError} when a number of the options is out of its range.
   * @throws {TypeError} when an option has the wrong type.
   */
  constructor(options: ErasedPoolOptions<S>);
  // A size class of a set remembers types in any case; only pool_set.ts creates one.
  constructor(options: ErasedPoolOptions<S>, part?: HandlePart) {
    const { types } = options;
    const kind = part === undefined ? "ErasedPool" : "PoolSet";
    const { size: chunkBytes, align } = resolveChunk(kind, options);
    const config = resolveOptions(kind, "pool", chunkBytes, options, part);
    this.name = config.name;
    this._tagged = types !== undefined || part !== undefined;
    this._kinds = new Kinds({ ...config, chunkBytes, align, tagged: this._tagged }, types);
    const lanes = types === undefined
      ? lanesWithin(align)
      : types.reduce((lanes, struct) => lanes | lanesOf(struct), 0);
    this._slab = createSlab(config, { chunkBytes, align, lanes, tagged: this._tagged });
    this._snapped = [{ slab: this._slab, kinds: this._tagged ? this._kinds.all : [] }];
    snappedOf.set(this, this._snapped);
    slabs.set(this, [this._slab]);
  }

  // -- one record --

  /**
   * Allocates a record of a struct, zeroed, in O(1).
   *
   * @typeParam T The struct type.
   * @param struct What the record is to be.
   * @param init Fields to set; those left out stay zero.
   * @returns Its handle.
   * @throws {SchemaError} when the struct does not fit into a chunk; it gives both sizes.
   * @throws {TypeMismatchError} when it is not one of `types`.
   * @throws {PoolExhaustedError} when `maxChunks` are taken.
   * @throws {OutOfMemoryError} when the memory resource has no block to give.
   * @throws {TypeError} when `init` names an unknown field or a value does not fit its type.
   * @throws {DisposedError} after `dispose`.
   */
  alloc<T extends S>(struct: T, init?: Init<T>): Handle<T> {
    const handle = this.#take("alloc", struct, init);
    if (handle === 0) throw this._slab.exhaustedError("alloc");
    return handle as Handle<T>;
  }

  /**
   * Allocates a record as {@linkcode alloc} does, unless the pool is exhausted.
   *
   * @typeParam T The struct type.
   * @param struct What the record is to be.
   * @param init Fields to set; those left out stay zero.
   * @returns Its handle; `undefined` when `maxChunks` are taken.
   * @throws {SchemaError | TypeMismatchError | OutOfMemoryError | TypeError | DisposedError} as {@linkcode alloc} does.
   */
  tryAlloc<T extends S>(struct: T, init?: Init<T>): Handle<T> | undefined {
    const handle = this.#take("alloc", struct, init);
    return handle === 0 ? undefined : handle as Handle<T>;
  }

  /**
   * Frees a record, whatever it is, in O(1). Its handle is stale from then on.
   *
   * @param handle Handle of a live record.
   * @throws {StaleHandleError} when it is stale, null, forged, or freed already; nothing changes then.
   * @throws {DisposedError} after `dispose`.
   */
  free(handle: HandleOf<S>): void {
    if (!this._slab.free(handle)) throw this._slab.staleError("free", handle);
  }

  /**
   * Frees a record if it is live, in O(1).
   *
   * @param handle Any handle.
   * @returns Whether it was live.
   * @throws {DisposedError} after `dispose`.
   */
  tryFree(handle: HandleOf<S>): boolean {
    return this._slab.free(handle) || this.#refuse();
  }

  /**
   * Tells whether a record is live, in O(1).
   *
   * @param handle Any handle.
   * @returns Whether it is live.
   * @throws {DisposedError} after `dispose`.
   */
  has(handle: HandleOf<S>): boolean {
    return this._slab.find(handle) !== undefined || this.#refuse();
  }

  /**
   * Tells what a record is, in O(1).
   *
   * @param handle Handle of a live record.
   * @returns Its struct.
   * @throws {StaleHandleError} when it is stale, null or forged.
   * @throws {TypeError} when the pool was created without `types`, and so does not know.
   * @throws {DisposedError} after `dispose`.
   */
  typeOf(handle: HandleOf<S>): S {
    checkThere(this._slab);
    this.#checkTagged("tell the type");
    const block = this.#find("tell the type", handle);
    const tag = block.tags[this._slab.chunkOf(handle)];
    return this._kinds.all[tag].struct as S; // no other is stored
  }

  /**
   * Views a record, in O(1). The view is its own object, safe to keep beside others.
   *
   * @typeParam T The struct type.
   * @param struct What the record is.
   * @param handle Handle of a live record.
   * @returns A view of it.
   * @throws {StaleHandleError} when it is stale, null or forged.
   * @throws {TypeMismatchError} when the record is of another struct, and the pool has `types`.
   * @throws {SchemaError} when the struct does not fit into a chunk.
   * @throws {DisposedError} after `dispose`.
   */
  get<T extends S>(struct: T, handle: Handle<T>): View<T> {
    const slab = this._slab;
    const block = slab.find(handle);
    if (block === undefined) throw slab.staleError("get", handle);
    const kind = this._kinds.at("get", struct, block, slab.chunkOf(handle), handle);
    return asView<T>(new kind.View(block, slab.offsetOf(handle)));
  }

  /**
   * Views a record if it is live, in O(1).
   *
   * @typeParam T The struct type.
   * @param struct What the record is.
   * @param handle Any handle.
   * @returns A view of it; `undefined` when it is not live.
   * @throws {TypeMismatchError | SchemaError | DisposedError} as {@linkcode get} does.
   */
  tryGet<T extends S>(struct: T, handle: Handle<T>): View<T> | undefined {
    if (this._slab.find(handle) !== undefined) return this.get(struct, handle);
    checkThere(this._slab);
    return undefined;
  }

  /**
   * Writes the named fields of a record; the others stay as they are.
   *
   * @typeParam T The struct type.
   * @param struct What the record is.
   * @param handle Handle of a live record.
   * @param init Fields to set.
   * @throws {StaleHandleError} when it is stale, null or forged.
   * @throws {TypeMismatchError} when the record is of another struct, and the pool has `types`.
   * @throws {TypeError} when `init` names an unknown field or a value does not fit its type; nothing is written then.
   * @throws {DisposedError} after `dispose`.
   */
  set<T extends S>(struct: T, handle: Handle<T>, init: Init<T>): void {
    const block = this.#find("set", handle);
    this._kinds.at("set", struct, block, this._slab.chunkOf(handle), handle);
    checkRecord(struct, init);
    writeRecord(block, this._slab.offsetOf(handle), struct, init as object); // as just checked
  }

  /**
   * Gives the bytes of a record's chunk, in O(1), nothing copied.
   *
   * @param handle Handle of a live record.
   * @returns All bytes of the chunk. They outlive the record, and belong to the next one then.
   * @throws {StaleHandleError} when it is stale, null or forged.
   * @throws {DisposedError} after `dispose`.
   *
   * @example Usage
   * ```ts
   * import { ErasedPool, struct } from "@slabs/pool";
   * import { assertEquals } from "@std/assert";
   *
   * const Color = struct({ rgb: "u32" });
   * using cells = new ErasedPool({ size: 8 });
   * const red = cells.alloc(Color, { rgb: 0xff });
   * assertEquals(cells.bytes(red), Uint8Array.of(255, 0, 0, 0, 0, 0, 0, 0));
   * ```
   */
  bytes(handle: HandleOf<S>): Uint8Array {
    const block = this.#find("give the bytes", handle);
    const start = this._slab.offsetOf(handle);
    return block.bytes.subarray(start, start + block.chunkBytes);
  }

  // -- cursors --

  /**
   * Makes a view that {@linkcode seek} moves from record to record of one struct.
   *
   * @typeParam T The struct type.
   * @param struct What the records are.
   * @returns A view that stands nowhere yet: its fields read as nothing.
   * @throws {SchemaError | TypeMismatchError} when no such record can be stored here.
   * @throws {DisposedError} after `dispose`.
   */
  cursor<T extends S>(struct: T): View<T> {
    checkThere(this._slab);
    return asView<T>(new (this._kinds.of("make a cursor", struct).View)(Slab.NOWHERE, 0));
  }

  /**
   * Moves a view to a record of its struct, in O(1), allocating nothing.
   *
   * @typeParam T The struct type.
   * @param cursor A view of a whole record, of any pool.
   * @param handle Handle of a live record.
   * @returns The view.
   * @throws {StaleHandleError} when the handle is stale, null or forged; the view stays where it is.
   * @throws {TypeMismatchError} when the record is of another struct, and the pool has `types`.
   * @throws {TypeError} when the argument is no view of a whole record.
   * @throws {DisposedError} after `dispose`.
   */
  seek<T extends S>(cursor: View<T>, handle: Handle<T>): View<T> {
    const slab = this._slab;
    const block = slab.find(handle);
    if (block === undefined) throw slab.staleError("seek", handle);
    const struct = structOf(cursor);
    if (struct === undefined) throw viewError(slab, "seek", "is no view of a whole record");
    this._kinds.at("seek", struct, block, slab.chunkOf(handle), handle);
    block.place(asRecordView(cursor), slab.offsetOf(handle));
    return cursor;
  }

  /**
   * Allocates a record, zeroed, and moves a view to it, in O(1): for the loops that spawn thousands. Nothing is allocated
   * on the heap, and no field is looked up by name.
   *
   * @typeParam T The struct type.
   * @param struct What the record is to be.
   * @param cursor A view of that struct.
   * @returns Handle of the new record.
   * @throws {TypeError} when the view is of another struct; nothing changes then.
   * @throws {SchemaError | TypeMismatchError | PoolExhaustedError | OutOfMemoryError | DisposedError} as
   * {@linkcode alloc} does; the view stays where it is.
   *
   * @example Usage
   * ```ts
   * import { ErasedPool, struct } from "@slabs/pool";
   * import { assertEquals } from "@std/assert";
   *
   * const Spark = struct({ x: "f32", heat: "u8" });
   * using cells = new ErasedPool({ size: 16 });
   * const spark = cells.cursor(Spark);
   * for (let i = 0; i < 100; i++) {
   *   cells.allocAt(Spark, spark);
   *   spark.heat = i;
   * }
   * assertEquals(cells.size, 100);
   * ```
   */
  allocAt<T extends S>(struct: T, cursor: View<T>): Handle<T> {
    const slab = this._slab;
    if (structOf(cursor) !== struct) throw viewError(slab, "allocAt", "is no view of that struct");
    const handle = this.#take("allocAt", struct, undefined);
    if (handle === 0) throw slab.exhaustedError("allocAt");
    slab.current.place(asRecordView(cursor), slab.offsetOf(handle));
    return handle as Handle<T>;
  }

  /**
   * Tells the handle of the record that a view stands on, in O(1).
   *
   * @param view Any view of this pool, a nested one included.
   * @returns The handle.
   * @throws {StaleHandleError} when the record is not live any more.
   * @throws {TypeError} when it is no view of this pool.
   * @throws {DisposedError} after `dispose`.
   */
  handleOf(view: object): HandleOf<S> {
    return handleOf(this._slab, view) as HandleOf<S>;
  }

  // -- every record --

  /**
   * Calls a function with every live record of one struct, in block and chunk order. Freeing the current record, or any
   * other, meanwhile is safe; a record allocated meanwhile may or may not be seen. In a pool without `types` every record
   * counts, as the caller is trusted.
   *
   * @typeParam T The struct type.
   * @param struct What the records are.
   * @param fn Gets a view, the same one moved along, and the handle.
   * @throws {SchemaError | TypeMismatchError} when no such record can be stored here.
   * @throws {DisposedError} after `dispose`.
   */
  forEach<T extends S>(struct: T, fn: (view: View<T>, handle: Handle<T>) => void): void;
  /**
   * Calls a function with every live record, whatever it is, in the same way.
   *
   * @param fn Gets a view, one for each struct moved along, and the handle.
   * @throws {TypeError} when the pool was created without `types`: it has to be told what to view records as.
   * @throws {DisposedError} after `dispose`.
   */
  forEach(fn: (view: View<S>, handle: HandleOf<S>) => void): void;
  forEach(structOrFn: unknown, fn: unknown = structOrFn): void {
    const kind = this.#kindFor("iterate", structOrFn);
    const visit = this.#asFunction("iterate", fn) as Visit; // views are typed for the user, and plain in here
    if (this._tagged) {
      const visits = this._spareVisits.pop() ?? new KindVisit(this._slab, this._kinds.all);
      visits.forEach(kind?.tag ?? ALL_KINDS, visit);
      this._spareVisits.push(visits);
    } else {
      const spare = this.#spareViewsOf(kind!); // without tags there is a kind
      const view = spare.pop() ?? new kind!.View(Slab.NOWHERE, 0);
      this._slab.forEach(view, visit);
      spare.push(view);
    }
  }

  /**
   * Walks every live record, under the same rules as {@linkcode forEach}.
   *
   * @returns An iterator; it gives one view for each struct, moved along.
   * @throws {TypeError} when the pool was created without `types`.
   * @throws {DisposedError} after `dispose`.
   */
  [Symbol.iterator](): IterableIterator<View<S>> {
    checkThere(this._slab);
    this.#checkTagged("iterate over all records");
    return asViews(new KindWalk(this._slab, this._kinds.all, ALL_KINDS));
  }

  /**
   * Walks every live record of one struct, under the same rules as {@linkcode forEach}.
   *
   * @typeParam T The struct type.
   * @param struct What the records are.
   * @returns An iterator; the view that it gives is the same one, moved along.
   * @throws {SchemaError | TypeMismatchError} when no such record can be stored here.
   * @throws {DisposedError} after `dispose`.
   *
   * @example Usage
   * ```ts
   * import { ErasedPool, struct } from "@slabs/pool";
   * import { assertEquals } from "@std/assert";
   *
   * const Leaf = struct({ value: "u8" });
   * const Branch = struct({ left: "ref", right: "ref" });
   * using nodes = new ErasedPool({ size: 8, types: [Leaf, Branch] });
   * nodes.alloc(Branch, { left: nodes.alloc(Leaf, { value: 1 }), right: nodes.alloc(Leaf, { value: 2 }) });
   * assertEquals(Array.from(nodes.all(Leaf), (leaf) => leaf.value), [1, 2]);
   * ```
   */
  all<T extends S>(struct: T): IterableIterator<View<T>> {
    checkThere(this._slab);
    const { tag, View } = this._kinds.of("iterate", struct);
    return asViews(
      this._tagged
        ? new KindWalk(this._slab, this._kinds.all, tag)
        : new Walk(this._slab, new View(Slab.NOWHERE, 0)),
    );
  }

  /**
   * Walks the handles of every live record, or of those of one struct, under the same rules as {@linkcode forEach}.
   *
   * @typeParam T The struct type.
   * @param struct What the records are, if not all of them count.
   * @returns An iterator of handles.
   * @throws {SchemaError | TypeMismatchError} when no such record can be stored here.
   * @throws {DisposedError} after `dispose`.
   */
  handles<T extends S>(struct?: T): IterableIterator<HandleOf<T>> {
    checkThere(this._slab);
    const kind = struct === undefined ? undefined : this._kinds.of("iterate", struct);
    const only = this._tagged && kind !== undefined ? kind.tag : ALL_KINDS;
    return new HandleWalk(this._slab, only) as unknown as IterableIterator<HandleOf<T>>;
  }

  /**
   * Frees every record of one struct that a predicate is false for, in O(capacity / 32 + size); the others stay. In a pool
   * without `types` every record counts.
   *
   * @typeParam T The struct type.
   * @param struct What the records are.
   * @param pred Gets a view, the same one moved along, and the handle. If it throws, what was freed stays freed.
   * @returns How many were freed.
   * @throws {SchemaError | TypeMismatchError} when no such record can be stored here.
   * @throws {DisposedError} after `dispose`.
   */
  retain<T extends S>(struct: T, pred: (view: View<T>, handle: Handle<T>) => boolean): number;
  /**
   * Frees every record, whatever it is, that a predicate is false for: the sweep of a mark-and-sweep.
   *
   * @param pred Gets a view, one for each struct moved along, and the handle.
   * @returns How many were freed.
   * @throws {TypeError} when the pool was created without `types`.
   * @throws {DisposedError} after `dispose`.
   */
  retain(pred: (view: View<S>, handle: HandleOf<S>) => boolean): number;
  retain(structOrPred: unknown, pred: unknown = structOrPred): number {
    const kind = this.#kindFor("retain", structOrPred);
    const keep = this.#asFunction("retain", pred) as (view: RecordView, handle: number) => boolean; // as in forEach()
    if (!this._tagged) {
      const spare = this.#spareViewsOf(kind!); // as in forEach()
      const view = spare.pop() ?? new kind!.View(Slab.NOWHERE, 0);
      const freed = this._slab.retain(view, keep);
      spare.push(view);
      return freed;
    }
    const visits = this._spareVisits.pop() ?? new KindVisit(this._slab, this._kinds.all);
    const freed = visits.retain(kind?.tag ?? ALL_KINDS, keep);
    this._spareVisits.push(visits);
    return freed;
  }

  // -- many records --

  /**
   * Allocates records of one struct, zeroed, all or none, in O(n).
   *
   * @typeParam T The struct type.
   * @param struct What the records are to be.
   * @param count How many, an integer from 0.
   * @returns Their handles.
   * @throws {SchemaError | TypeMismatchError | PoolExhaustedError | OutOfMemoryError} as {@linkcode alloc} does.
   * @throws {RangeError} when `count` is no integer from 0, or a typed array is too short.
   * @throws {TypeError} when a typed array cannot hold handles, or an array cannot be written.
   * @throws {DisposedError} after `dispose`.
   */
  allocMany<T extends S>(struct: T, count: number): Handle<T>[];
  /**
   * Allocates records as above, into an array of the caller's: nothing is allocated on the heap.
   *
   * @typeParam T The struct type.
   * @typeParam O What is filled.
   * @param struct What the records are to be.
   * @param count How many, an integer from 0.
   * @param out An array or typed array to fill from its start; a plain array ends up `count` long.
   * @returns `out`.
   */
  allocMany<T extends S, O extends HandleArray<T>>(struct: T, count: number, out: O): O;
  allocMany<T extends S>(struct: T, count: number, out: HandleArray<T> = []): HandleArray<T> {
    const slab = this._slab;
    checkThere(slab);
    const { tag } = this._kinds.of("allocMany", struct);
    const handles = allocMany(slab, count, out as Handle<T>[]); // which all of them look like
    for (let i = 0; i < count && this._tagged; i++) {
      const block = slab.find(handles[i])!; // just allocated
      block.tags[slab.chunkOf(handles[i])] = tag;
    }
    return handles;
  }

  /**
   * Frees records, whatever they are, all or none, in O(n).
   *
   * @param handles Handles of live records, none of them twice.
   * @throws {StaleHandleError} when one is not live or comes twice; nothing changes then.
   * @throws {DisposedError} after `dispose`.
   */
  freeMany(handles: ArrayLike<HandleOf<S>> | Int32Array | Uint32Array | Float64Array): void {
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
   * @typeParam T The struct type.
   * @param struct What the record is to be.
   * @param init Fields to set; those left out stay zero.
   * @returns The handle, a view, and the disposal.
   * @throws {SchemaError | TypeMismatchError | PoolExhaustedError | OutOfMemoryError | TypeError | DisposedError} as
   * {@linkcode alloc} does.
   */
  scoped<T extends S>(struct: T, init?: Init<T>): ScopedRecord<T> {
    const handle = this.alloc(struct, init);
    const view = this.get(struct, handle);
    return { handle, view, [Symbol.dispose]: () => void this._slab.free(handle) };
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

  /** Bytes of a chunk. */
  get chunkBytes(): number {
    return this._slab.geometry.chunkBytes;
  }

  /** Bytes that chunks are aligned to. */
  get align(): number {
    return this._slab.geometry.align;
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
   * Counts the bytes of live records' chunks that their structs leave unused, in O(size + capacity / 32).
   *
   * @returns Bytes lost to rounding.
   * @throws {TypeError} when the pool was created without `types`, and so does not know.
   * @throws {DisposedError} after `dispose`.
   */
  lostBytes(): number {
    checkThere(this._slab);
    this.#checkTagged("count the lost bytes");
    const kinds = this._kinds.all;
    let sum = 0;
    for (const block of this._slab.mounted()) {
      const { tags, bump } = block;
      for (let at = block.nextLive(0); at < bump; at = block.nextLive(at + 1)) {
        sum += kinds[tags[at]].lostBytes;
      }
    }
    return sum;
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
   * Makes the pool whole again after somebody grew the `WebAssembly.Memory` that its blocks lie in, in O(blocks), as
   * {@linkcode Pool.rebind} does.
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
   * import { ErasedPool, struct } from "@slabs/pool";
   * import { assertEquals } from "@std/assert";
   *
   * const Imp = struct({ hp: "u8" });
   * using cells = new ErasedPool({ size: 4, types: [Imp] });
   * const imp = cells.alloc(Imp, { hp: 7 });
   * const saved = cells.snapshot();
   * cells.free(imp);
   * cells.restore(saved);
   * assertEquals(cells.get(Imp, imp).hp, 7);
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

  /** Allocates, notes the struct, and writes; 0 when exhausted. */
  #take(verb: string, struct: AnyStruct, init: unknown): number {
    const slab = this._slab;
    const { tag } = this._kinds.of(verb, struct);
    if (init !== undefined) checkRecord(struct, init);
    const handle = slab.alloc();
    if (handle === 0) return 0;
    // The struct first: to write is to call the getters of `init`, which may allocate and so move `current`.
    const block = slab.current;
    if (this._tagged) block.tags[slab.chunkOf(handle)] = tag;
    if (init !== undefined) writeRecord(block, slab.offsetOf(handle), struct, init as object); // as just checked
    return handle;
  }

  /** The block of a live record. */
  #find(verb: string, handle: number): Block {
    const block = this._slab.find(handle);
    if (block === undefined) throw this._slab.staleError(verb, handle);
    return block;
  }

  /** Of all that a snapshot depends on. */
  #fingerprint(): number {
    return this._fingerprint ??= fingerprintOf("ErasedPool" + slabText(this._slab));
  }

  /** The answer of a call that found no live record: false, unless there is no pool any more. */
  #refuse(): false {
    checkThere(this._slab);
    return false;
  }

  /** The kind that an iteration is over; `undefined` for all of them, which only a pool with types can tell. */
  #kindFor(verb: string, structOrFn: unknown): Kind | undefined {
    checkThere(this._slab);
    if (typeof structOrFn !== "function") return this._kinds.of(verb, structOrFn as AnyStruct); // which of() checks
    this.#checkTagged(`${verb} over all records`);
    return undefined;
  }

  #spareViewsOf({ tag }: Kind): RecordView[] {
    return this._spareViews[tag] ??= [];
  }

  #asFunction(verb: string, fn: unknown): (...args: never[]) => unknown {
    if (typeof fn === "function") return fn as (...args: never[]) => unknown; // as just told
    throw viewError(this._slab, verb, "after the struct must be a function");
  }

  #checkTagged(verb: string): void {
    if (this._tagged) return;
    throw new TypeError(
      `Cannot ${verb} in ${this._slab.label}: it was created without types, so say which struct they are`,
    );
  }
}

showAs<ErasedPool>(ErasedPool.prototype, (pool) => summary(together(slabs.get(pool)!))); // every pool has one

// A view is typed by its fields for the user and by its state in here; both are true of the same object.
function asRecordView(view: unknown): RecordView {
  return view as RecordView;
}

function asView<T extends AnyStruct>(view: RecordView): View<T> {
  return view as unknown as View<T>;
}

function asViews<T extends AnyStruct>(
  walk: IterableIterator<RecordView>,
): IterableIterator<View<T>> {
  return walk as unknown as IterableIterator<View<T>>;
}
