/**
 * `ErasedPool`: records of any struct that fits, in chunks of one size.
 *
 * @module
 */
import { type Block, NO_BLOCK } from "../slab/block.ts";
import type { DebugMode, EngineConfig } from "../slab/debug_mode.ts";
import type { HandleCodec, HandlePart } from "../slab/handle.ts";
import { ALL_KINDS, HandleIterator } from "../slab/iterate.ts";
import { codeIn, compilerFor } from "../slab/own_code.ts";
import { noteOwn } from "../slab/own_functions.ts";
import type { Slab } from "../slab/slab.ts";
import { codeKey } from "../slab/slab_class.ts";
import { linkedSlabsOf } from "../slab/typed_slab.ts";
import type { ReusedIterator } from "../struct/array_view.ts";
import type { Target } from "../struct/record.ts";
import type { Compile } from "../struct/scalars.ts";
import type { AnyHandle, Handle } from "../struct/handle_type.ts";
import type { AnyStruct, Init } from "../struct/schema.ts";
import { arraysOf, arraysWithin } from "../struct/typed_arrays.ts";
import { isDebugView, type RecordView, structOf, type View } from "../struct/view.ts";
import { checkFits, checkStruct, GeometryCode, Kinds, type Passes } from "./kinds.ts";
import type { MapSource } from "./handle_map.ts";
import { checkPoolOptions, type PoolOptions, resolveChunk, resolveOptions } from "./options.ts";
import { viewError } from "./checks.ts";
import {
  allocMany,
  type HandleArray,
  type HandleOf,
  loopOver,
  PoolBase,
  reserve,
  type ScopedRecord,
  TRACED,
} from "./pool_base.ts";

export type { HandleOf };

/**
 * Options of an {@linkcode ErasedPool}.
 *
 * @category Pools
 * @typeParam S The structs of its records, as a union.
 */
export interface ErasedPoolOptions<S extends AnyStruct = AnyStruct> extends PoolOptions {
  /** Bytes of a chunk: an integer from 1 to 2^26, a multiple of `align`. */
  readonly size: number;
  /**
   * The alignment of chunks in bytes, a power of two up to 4096. @default {the largest power of two
   * up to 8 that divides size}
   */
  readonly align?: number | undefined;
  /**
   * The structs that may be stored, at most 256. With `types` the struct of each record is kept in
   * a byte beside its chunk, and checked. Without `types` any struct that fits may be stored, and
   * the caller is trusted to name the right one.
   */
  // The empty tuple makes the compiler infer a tuple from an array literal, so that it does not
  // merge structs that have fields in common.
  readonly types?: readonly S[] | readonly [] | undefined;
}

/**
 * A pool of records of several structs, in chunks of one size.
 *
 * Use it where records of several structs refer to each other, live and die together, or should
 * share their blocks: the nodes of a syntax tree, the cells of a garbage collector, the components
 * of an entity. If all records are of one struct, {@linkcode Pool} is simpler and faster; if their
 * sizes differ much, a {@linkcode PoolSet} wastes less memory.
 *
 * `alloc`, `free` and `get` are O(1) and allocate nothing on the JavaScript heap but views. Members
 * that are not explained here do the same as those of {@linkcode Pool}.
 *
 * @category Pools
 * @typeParam S The structs of its records, as a union.
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
 * for (const it of cells) sum += it.x; // of both structs
 * cells.forEach(Spark, (spark) => sum += spark.x);
 * assertEquals(sum, 5);
 * ```
 */
export class ErasedPool<S extends AnyStruct = AnyStruct> extends PoolBase<View<S>, HandleOf<S>> {
  // `declare`, as the constructor may return another object, which has these fields instead.
  /** @ignore */
  declare protected readonly _slab: Slab;
  /** @ignore */
  declare protected readonly _kinds: Kinds;
  /**
   * Whether the struct of each record is kept beside its chunk.
   *
   * @ignore
   */
  declare protected readonly _tagged: boolean;
  /**
   * The target that `set` writes to; made by its first call.
   *
   * @ignore
   */
  declare protected _target: Target | undefined;
  /** The methods of the class that was compiled for the geometry, for pools of a derived class. */
  declare private readonly _own: Hot;
  declare private readonly _code: ErasedCode;

  /**
   * Creates a pool. It takes no memory: the first `alloc` adds a block.
   *
   * @param options See {@linkcode ErasedPoolOptions}.
   * @throws {SchemaError} when one of the types does not fit into a chunk.
   * @throws {RangeError} when a number of the options is out of its range.
   * @throws {TypeError} when an option is unknown or has the wrong type.
   */
  constructor(options: ErasedPoolOptions<S>);
  constructor(options: ErasedPoolOptions<S> | Setup) {
    const setup = options instanceof Setup ? options : new Setup(options);
    // `new ErasedPool` makes an instance of the derived class that is compiled for the geometry.
    if (new.target === ErasedPool) return new setup.code.Pool(setup) as unknown as ErasedPool<S>;
    const { slab, kinds, tagged, code } = setup;
    super([{ slab, kinds: tagged ? kinds.all : [], code }], slab);
    this._slab = slab;
    this._kinds = kinds;
    this._tagged = tagged;
    this._target = undefined;
    this._own = code.Pool.prototype as unknown as Hot;
    this._code = code;
    linkedSlabsOf.set(slab, [{ slab, kinds: kinds.all }]);
    setup.debug?.traceCalls(this, TRACED, ErasedPool.prototype, code.Pool.prototype);
  }

  /**
   * Returns what a {@linkcode HandleMap} needs of the pool.
   *
   * @ignore
   */
  _beside(): MapSource {
    const { _slab: slab, _code: code } = this;
    return { parts: [{ slab, code, isShared: false }], partOf: () => 0 };
  }

  /**
   * Returns the tag of a struct, which is added if the pool takes any struct.
   *
   * @param verb What the call does, for errors.
   * @param struct A struct.
   * @returns Its tag.
   * @ignore
   */
  _tagOf(verb: string, struct: AnyStruct): number {
    return this._kinds.of(verb, struct).tag;
  }

  // -- one record --
  //
  // The class that is compiled for the geometry overrides most of these methods. A class of the
  // user's extends this one instead, and calls the compiled methods through these.

  /**
   * Allocates a zeroed record of a struct, in O(1).
   *
   * @typeParam T The struct type.
   * @param struct The struct of the record.
   * @param init Values of fields; those left out stay zero.
   * @returns The handle of the record.
   * @throws {SchemaError} when the struct does not fit into a chunk; the error gives both sizes.
   * @throws {TypeMismatchError} when the struct is not one of `types`.
   * @throws {PoolExhaustedError} when all `maxChunks` chunks are live; nothing changes then.
   * @throws {OutOfMemoryError} when the memory resource has no block to give.
   * @throws {TypeError} when `init` names an unknown field or a value does not fit its type.
   * @throws {DisposedError} after `dispose`.
   */
  alloc<T extends S>(struct: T, init?: Init<T>): Handle<T> {
    return this._own.alloc.call(this, struct, init);
  }

  /**
   * Allocates a zeroed record as {@linkcode alloc} does, unless the pool is exhausted, in O(1).
   *
   * @typeParam T The struct type.
   * @param struct The struct of the record.
   * @param init Values of fields; those left out stay zero.
   * @returns The handle of the record; `undefined` when all `maxChunks` chunks are live.
   * @throws {SchemaError | TypeMismatchError | OutOfMemoryError | TypeError | DisposedError} as
   * {@linkcode alloc} does.
   */
  tryAlloc<T extends S>(struct: T, init?: Init<T>): Handle<T> | undefined {
    return this._own.tryAlloc.call(this, struct, init);
  }

  /**
   * Frees a record of any struct, in O(1), allocating nothing. Its handle is stale from then on.
   *
   * @param handle Handle of a live record.
   * @throws {StaleHandleError} when it is stale, null, forged, or freed already; nothing changes
   * then.
   * @throws {DisposedError} after `dispose`.
   */
  free(handle: HandleOf<S>): void {
    this._own.free.call(this, handle);
  }

  /**
   * Frees a record if it is live, in O(1), allocating nothing.
   *
   * @param handle Any handle.
   * @returns `true` if the record was live.
   * @throws {DisposedError} after `dispose`.
   */
  tryFree(handle: HandleOf<S>): boolean {
    return this._own.tryFree.call(this, handle);
  }

  /**
   * Returns whether a record is live, in O(1), allocating nothing.
   *
   * @param handle Any handle.
   * @returns `true` if it is live.
   * @throws {DisposedError} after `dispose`.
   */
  has(handle: HandleOf<S>): boolean {
    return this._own.has.call(this, handle);
  }

  /**
   * Returns the index of a record, in O(1), for arrays of your own; see `indexOf` of
   * {@linkcode PoolBase}.
   *
   * @param handle Handle of a live record.
   * @returns An integer from 0 to `maxChunks` - 1, different for each live record of the pool.
   * @throws {StaleHandleError} when it is stale, null or forged.
   * @throws {DisposedError} after `dispose`.
   */
  override indexOf(handle: HandleOf<S>): number {
    return this._own.indexOf.call(this, handle);
  }

  /**
   * Returns the struct of a record, in O(1), allocating nothing.
   *
   * @param handle Handle of a live record.
   * @returns The struct.
   * @throws {StaleHandleError} when it is stale, null or forged.
   * @throws {TypeError} when the pool was created without `types`.
   * @throws {DisposedError} after `dispose`.
   */
  typeOf(handle: HandleOf<S>): S {
    this._slab.checkThere();
    this.#checkTagged("tell the type");
    const block = this.#find("tell the type", handle);
    block.checkAttached("tell the type");
    const tag = block.tags[this._slab.chunkOf(handle)];
    return this._kinds.all[tag].struct as S; // structs are checked as records are allocated
  }

  /**
   * Returns a view of a record, in O(1). Each call makes a new view, which may be kept beside
   * others; a view that stays in a local variable costs no allocation in optimised code.
   *
   * @typeParam T The struct type.
   * @param struct The struct of the record.
   * @param handle Handle of a live record.
   * @returns A view of the record.
   * @throws {StaleHandleError} when it is stale, null or forged.
   * @throws {TypeMismatchError} when the pool has `types` and the record is of another struct.
   * @throws {SchemaError} when the struct does not fit into a chunk.
   * @throws {TypeError} when `struct` is no struct.
   * @throws {DisposedError} after `dispose`.
   */
  get<T extends S>(struct: T, handle: Handle<T>): View<T> {
    return this._own.get.call(this, struct, handle);
  }

  /**
   * Returns a view of a record if it is live, in O(1).
   *
   * @typeParam T The struct type.
   * @param struct The struct of the record.
   * @param handle Any handle.
   * @returns A view of the record; `undefined` when it is not live.
   * @throws {TypeMismatchError | SchemaError | TypeError | DisposedError} as {@linkcode get} does.
   */
  tryGet<T extends S>(struct: T, handle: Handle<T>): View<T> | undefined {
    if (this._slab.find(handle) !== undefined) return this.get(struct, handle);
    this._slab.checkThere();
    checkStruct(this._slab.label, "get in", struct);
    return undefined;
  }

  /**
   * Writes the named fields of a record, in O(fields), allocating nothing; the others stay as they
   * are.
   *
   * @typeParam T The struct type.
   * @param struct The struct of the record.
   * @param handle Handle of a live record.
   * @param init Values of the fields to set.
   * @throws {StaleHandleError} when it is stale, null or forged.
   * @throws {TypeMismatchError} when the pool has `types` and the record is of another struct.
   * @throws {TypeError} when `struct` is no struct, `init` names an unknown field or a value does
   * not fit its type; nothing is written then.
   * @throws {DisposedError} after `dispose`.
   */
  set<T extends S>(struct: T, handle: Handle<T>, init: Init<T>): void {
    this._own.set.call(this, struct, handle, init);
  }

  /**
   * Returns the bytes of a record's chunk, in O(1), without a copy.
   *
   * @param handle Handle of a live record.
   * @returns A new array over all bytes of the chunk. After the record is freed they are those of
   * the next record in the chunk.
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
    const start = this._slab.chunkOf(handle) * this._slab.chunkBytes;
    return block.bytes.subarray(start, start + block.chunkBytes);
  }

  /**
   * Gives a number from a typed array, a message or JSON the type of a handle of a record of a
   * struct, in O(1). Neither argument is checked here; every call that takes a handle checks it.
   *
   * @typeParam T The struct type.
   * @param struct The struct of the record.
   * @param n Any number.
   * @returns The same number.
   *
   * @example Usage
   * ```ts
   * import { ErasedPool, struct } from "@slabs/pool";
   * import { assertEquals } from "@std/assert";
   *
   * const Spark = struct({ heat: "u8" }, { name: "Spark" });
   * using cells = new ErasedPool({ size: 8, types: [Spark] });
   * const sparks = cells.allocMany(Spark, 3, new Int32Array(3));
   * cells.get(Spark, cells.handle(Spark, sparks[1])).heat = 7;
   * cells.free(cells.handle(sparks[0]));
   * assertEquals(cells.size, 2);
   * ```
   */
  override handle<T extends S>(struct: T, n: number): Handle<T>;
  /**
   * Gives a number the type of a handle of a record of any of the structs, in O(1).
   * @param n Any number.
   * @returns The same number.
   */
  override handle(n: number): HandleOf<S>;
  override handle(structOrNumber: S | number, n: unknown = structOrNumber): HandleOf<S> {
    return n as HandleOf<S>; // checked where it is used
  }

  // -- cursors --

  /**
   * Makes a view that {@linkcode seek} moves from record to record of one struct.
   *
   * @typeParam T The struct type.
   * @param struct The struct of the records.
   * @returns An unbound view, whose fields read as 0, `false` or `0n`.
   * @throws {SchemaError | TypeMismatchError} when records of the struct cannot be stored here.
   * @throws {DisposedError} after `dispose`.
   */
  cursor<T extends S>(struct: T): View<T> {
    this._slab.checkUsable("make a cursor");
    const { View } = this._kinds.of("make a cursor", struct);
    return new View(NO_BLOCK, 0) as unknown as View<T>; // the same object, typed by its fields
  }

  /**
   * Moves a view to a record of its struct, in O(1), allocating nothing.
   *
   * @typeParam T The struct type.
   * @param cursor A view of a whole record, of any pool.
   * @param handle Handle of a live record.
   * @returns `cursor`.
   * @throws {StaleHandleError} when the handle is stale, null or forged; the view stays where it
   * is.
   * @throws {TypeMismatchError} when the pool has `types` and the record is of another struct.
   * @throws {TypeError} when the argument is no view of a whole record.
   * @throws {DisposedError} after `dispose`.
   */
  seek<T extends S>(cursor: View<T>, handle: Handle<T>): View<T> {
    return this._own.seek.call(this, cursor, handle);
  }

  /**
   * Allocates a zeroed record and moves a view to it, in O(1). Use it in loops that make thousands
   * of records: nothing is allocated on the heap, and no field is looked up by name.
   *
   * @typeParam T The struct type.
   * @param struct The struct of the record.
   * @param cursor A view of that struct.
   * @returns The handle of the new record.
   * @throws {TypeError} when the view is of another struct; nothing changes then.
   * @throws {SchemaError | TypeMismatchError | PoolExhaustedError | OutOfMemoryError |
   * DisposedError} as {@linkcode alloc} does; the view stays where it is.
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
    return this._own.allocAt.call(this, struct, cursor);
  }

  // -- every record --

  /**
   * Calls a function with every live record of one struct, in block and chunk order, in
   * O(`capacity` / 32 + `size`), allocating nothing; the rules are those of `forEach` of
   * {@linkcode Pool}. A pool without `types` visits every record, as if it were of the struct.
   *
   * @typeParam T The struct type.
   * @param struct The struct of the records.
   * @param fn Called with a view that is moved to each record, and the handle.
   * @throws {SchemaError | TypeMismatchError} when records of the struct cannot be stored here.
   * @throws {TypeError} when `fn` is no function.
   * @throws {DisposedError} after `dispose`.
   */
  forEach<T extends S>(struct: T, fn: (view: View<T>, handle: Handle<T>) => void): void;
  /**
   * Calls a function with every live record of any struct, in the same way.
   *
   * @param fn Called with a view of the record's struct, of which there is one for each struct, and
   * the handle.
   * @throws {TypeError} when the pool was created without `types`, or `fn` is no function.
   * @throws {DisposedError} after `dispose`.
   */
  forEach(fn: (view: View<S>, handle: HandleOf<S>) => void): void;
  forEach(structOrFn: unknown, fn: unknown = structOrFn): void {
    const passes = this.#passesFor("iterate", structOrFn);
    passes.run("iterate", this._slab, passes.loops, fn);
  }

  /**
   * Makes a function that does what `forEach(struct, fn)` does, compiled for this pool and this
   * callback; see `loop` of {@linkcode Pool}.
   *
   * @typeParam T The struct type.
   * @typeParam A Types of the arguments that are handed on, up to four.
   * @param struct The struct of the records.
   * @param fn Called with a view that is moved to each record, the handle, and the arguments of the
   * call.
   * @returns The function. It throws {@linkcode DisposedError} after the pool's `dispose`.
   * @throws {TypeError | SchemaError | DisposedError} as `forEach` does, or when `fn` takes more
   * than six arguments.
   *
   * @example Usage
   * ```ts
   * import { ErasedPool, struct } from "@slabs/pool";
   * import { assertEquals } from "@std/assert";
   *
   * const Spark = struct({ heat: "f32" });
   * using cells = new ErasedPool({ size: 8, types: [Spark] });
   * const spark = cells.alloc(Spark, { heat: 4 });
   * const cool = cells.loop(Spark, (it, _handle, by: number) => {
   *   it.heat *= by;
   * });
   * cool(0.5);
   * assertEquals(cells.get(Spark, spark).heat, 2);
   * ```
   */
  loop<T extends S, A extends unknown[] = []>(
    struct: T,
    fn: (view: View<T>, handle: Handle<T>, ...args: A) => void,
  ): (...args: A) => void;
  /**
   * Makes such a function for the records of all structs.
   *
   * @typeParam A Types of the arguments that are handed on, up to four.
   * @param fn Called with a view of the record's struct, the handle, and the arguments of the call.
   * @returns The function. It throws {@linkcode DisposedError} after the pool's `dispose`.
   * @throws {TypeError} when the pool was created without `types`, or `fn` is no function or
   * takes more than six arguments.
   * @throws {DisposedError} after `dispose`.
   */
  loop<A extends unknown[] = []>(
    fn: (view: View<S>, handle: HandleOf<S>, ...args: A) => void,
  ): (...args: A) => void;
  loop(structOrFn: unknown, fn: unknown = structOrFn): (...args: unknown[]) => void {
    const passes = this.#passesFor("loop", structOrFn);
    return loopOver(this._slab, passes, fn);
  }

  /**
   * Iterates over every live record, under the rules of {@linkcode forEach}.
   *
   * @returns An iterator. It yields one view for each struct, moved to the next record.
   * @throws {TypeError} when the pool was created without `types`.
   * @throws {DisposedError} after `dispose`.
   */
  [Symbol.iterator](): ReusedIterator<View<S>> {
    this._slab.checkUsable("iterate");
    this.#checkTagged("iterate over all records");
    const { iteration: { RecordIterator } } = this._kinds.passes;
    return new RecordIterator(this._slab) as unknown as ReusedIterator<View<S>>;
  }

  /**
   * Iterates over every live record of one struct, under the rules of {@linkcode forEach}.
   *
   * @typeParam T The struct type.
   * @param struct The struct of the records.
   * @returns An iterator. It yields the same view each time, moved to the next record.
   * @throws {SchemaError | TypeMismatchError} when records of the struct cannot be stored here.
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
  all<T extends S>(struct: T): ReusedIterator<View<T>> {
    this._slab.checkUsable("iterate");
    const { iteration: { RecordIterator } } = this._kinds.of("iterate", struct).passes;
    return new RecordIterator(this._slab) as unknown as ReusedIterator<View<T>>;
  }

  /**
   * Iterates over the handles of every live record, or of those of one struct, under the rules of
   * {@linkcode forEach}.
   *
   * @typeParam T The struct type.
   * @param struct The struct of the records; all records if left out.
   * @returns An iterator of handles.
   * @throws {SchemaError | TypeMismatchError} when records of the struct cannot be stored here.
   * @throws {DisposedError} after `dispose`.
   */
  handles<T extends S>(struct?: T): ReusedIterator<HandleOf<T>> {
    this._slab.checkUsable("iterate");
    const kind = struct === undefined ? undefined : this._kinds.of("iterate", struct);
    const only = this._tagged && kind !== undefined ? kind.tag : ALL_KINDS;
    return new HandleIterator(this._slab, only) as unknown as ReusedIterator<HandleOf<T>>;
  }

  /**
   * Frees every record of one struct for which a predicate returns false, in O(`capacity` / 32 +
   * `size`), allocating nothing. A pool without `types` visits every record.
   *
   * @typeParam T The struct type.
   * @param struct The struct of the records.
   * @param pred Called with a view that is moved to each record, and the handle. If it throws, the
   * records freed so far stay freed.
   * @returns How many records were freed.
   * @throws {SchemaError | TypeMismatchError} when records of the struct cannot be stored here.
   * @throws {DisposedError} after `dispose`.
   */
  retain<T extends S>(struct: T, pred: (view: View<T>, handle: Handle<T>) => boolean): number;
  /**
   * Frees every record of any struct for which a predicate returns false: the sweep of a
   * mark-and-sweep collector.
   *
   * @param pred Called with a view of the record's struct, and the handle.
   * @returns How many records were freed.
   * @throws {TypeError} when the pool was created without `types`, or `pred` is no function.
   * @throws {DisposedError} after `dispose`.
   */
  retain(pred: (view: View<S>, handle: HandleOf<S>) => boolean): number;
  retain(structOrPred: unknown, pred: unknown = structOrPred): number {
    const passes = this.#passesFor("retain", structOrPred);
    return passes.run("retain", this._slab, passes.retainLoops, pred);
  }

  // -- many records --

  /**
   * Allocates zeroed records of one struct, all or none, in O(n + blocks).
   *
   * @typeParam T The struct type.
   * @param struct The struct of the records.
   * @param count How many, an integer from 0.
   * @param out An array to fill from its start and to return; a new one by default.
   * @returns The handles of the records.
   * @throws {SchemaError | TypeMismatchError | PoolExhaustedError | OutOfMemoryError} as
   * {@linkcode alloc} does.
   * @throws {RangeError} when `count` is no integer from 0, or a typed array is too short.
   * @throws {TypeError} when a typed array cannot hold handles, or an array cannot be written.
   * @throws {DisposedError} after `dispose`.
   */
  allocMany<T extends S>(struct: T, count: number, out?: Handle<T>[]): Handle<T>[];
  /**
   * Allocates zeroed records as above and writes their handles to an array of the caller's: nothing
   * is allocated on the heap.
   *
   * @typeParam T The struct type.
   * @typeParam O The type of the array.
   * @param struct The struct of the records.
   * @param count How many, an integer from 0.
   * @param out An array or typed array to fill from its start; a plain array ends up `count` long.
   * @returns `out`.
   */
  allocMany<T extends S, O extends HandleArray<T>>(struct: T, count: number, out: O): O;
  allocMany<T extends S>(struct: T, count: number, out: HandleArray<T> = []): HandleArray<T> {
    const slab = this._slab;
    slab.checkUsable("allocMany");
    const { tag } = this._kinds.of("allocMany", struct);
    const list = out as Handle<T>[]; // only its elements and its length are used
    return allocMany(slab, count, list, this._tagged ? tag : -1);
  }

  /**
   * Allocates a zeroed record that is freed at the end of its `using` scope, unless it was freed
   * before, in O(1).
   *
   * The scope frees by handle: a record that `compact` has moved is not freed, and another record
   * that has the same handle after a `restore` within the scope is freed.
   *
   * @typeParam T The struct type.
   * @param struct The struct of the record.
   * @param init Values of fields; those left out stay zero.
   * @returns The handle and a view of the record, in an object that `using` disposes of.
   * @throws {SchemaError | TypeMismatchError | PoolExhaustedError | OutOfMemoryError | TypeError |
   * DisposedError} as {@linkcode alloc} does.
   */
  scoped<T extends S>(struct: T, init?: Init<T>): ScopedRecord<T> {
    const handle = this.alloc(struct, init);
    const view = this.get(struct, handle);
    return { handle, view, [Symbol.dispose]: () => void this._slab.free(handle) };
  }

  /** Chunks in each block. */
  get chunksPerBlock(): number {
    return this._slab.geometry.chunkCount;
  }

  /** Bytes of a chunk. */
  get chunkBytes(): number {
    return this._slab.geometry.chunkBytes;
  }

  /** The alignment of chunks in bytes. */
  get align(): number {
    return this._slab.geometry.align;
  }

  /**
   * Counts the bytes that live records leave unused in their chunks, in O(`size` + `capacity` /
   * 32).
   *
   * @returns The bytes lost to the rounding of sizes.
   * @throws {TypeError} when the pool was created without `types`.
   * @throws {DisposedError} after `dispose`.
   */
  lostBytes(): number {
    this._slab.checkUsable("count the lost bytes");
    this.#checkTagged("count the lost bytes");
    const kinds = this._kinds.all;
    let sum = 0;
    for (const block of this._slab.mappedBlocks()) {
      const { tags, bump } = block;
      for (let at = block.nextLive(0); at < bump; at = block.nextLive(at + 1)) {
        sum += kinds[tags[at]].lostBytes;
      }
    }
    return sum;
  }

  /**
   * Adds blocks until `capacity` is at least `chunks`, so that `alloc` adds none, in O(blocks). The
   * pool keeps that capacity until {@linkcode trim} or {@linkcode compact} is called.
   *
   * @param chunks How many chunks, an integer from 0.
   * @throws {PoolExhaustedError} when it is more than `maxChunks`; nothing changes then.
   * @throws {OutOfMemoryError} when the memory resource cannot give the blocks; nothing changes
   * then.
   * @throws {RangeError} when `chunks` is no integer from 0.
   * @throws {DisposedError} after `dispose`.
   */
  reserve(chunks: number): void {
    reserve(this._slab, chunks);
  }

  /** Returns the block of a live record. */
  #find(verb: string, handle: number): Block {
    const block = this._slab.find(handle);
    if (block === undefined) throw this._slab.staleError(verb, handle);
    return block;
  }

  /**
   * Returns the passes over the records of one struct, or over all if the first argument is a
   * function.
   */
  #passesFor(verb: string, structOrFn: unknown): Passes {
    this._slab.checkUsable(verb);
    if (typeof structOrFn !== "function") {
      return this._kinds.of(verb, structOrFn as AnyStruct).passes; // checked by of()
    }
    this.#checkTagged(`${verb} over all records`);
    return this._kinds.passes;
  }

  #checkTagged(verb: string): void {
    if (this._tagged) return;
    throw new TypeError(
      `Cannot ${verb} in ${this._slab.label}: it was created without types, so say which struct they are`,
    );
  }
}

/**
 * Returns the passes over all records of a pool.
 *
 * @typeParam S The structs of its records, as a union.
 * @param pool A pool with types.
 * @returns The passes.
 */
export function passesOf<S extends AnyStruct>(pool: ErasedPool<S>): Passes {
  return pool["_kinds"].passes; // in brackets, as it is protected
}

/**
 * The methods of the class that is compiled for a geometry. `never` fits the generic return types
 * of the methods that call them.
 */
interface Hot {
  alloc(struct: AnyStruct, init: unknown): never;
  tryAlloc(struct: AnyStruct, init: unknown): never;
  free(handle: number): void;
  tryFree(handle: number): boolean;
  has(handle: number): boolean;
  indexOf(handle: number): number;
  get(struct: AnyStruct, handle: number): never;
  set(struct: AnyStruct, handle: number, init: unknown): void;
  seek(cursor: object, handle: number): never;
  allocAt(struct: AnyStruct, cursor: object): never;
}

/** The arguments of the constructor, checked, with the code for them. */
class Setup {
  readonly slab: Slab;
  readonly kinds: Kinds;
  /** Whether the struct of each record is kept beside its chunk. */
  readonly tagged: boolean;
  readonly debug: DebugMode | undefined;
  readonly code: ErasedCode;

  /**
   * @param options The options of the pool.
   * @param part The handles of the pool if it is a size class of a set; such a pool always keeps
   * the structs of its records.
   * @param compiler Returns the compiler of a size class.
   */
  constructor(options: ErasedPoolOptions, part?: HandlePart, compiler?: () => Compile) {
    const title = part === undefined ? "ErasedPool" : "PoolSet";
    checkPoolOptions(title, "pool", options, ["size", "align", "types"]);
    const { types } = options;
    const { size: chunkBytes, align } = resolveChunk(title, options);
    const config = resolveOptions(title, "pool", chunkBytes, options, part);
    const tagged = this.tagged = types !== undefined || part !== undefined;
    this.debug = config.debug;
    // The types are checked before any code is compiled.
    const { label } = config;
    for (const struct of types ?? []) checkFits({ label, chunkBytes, align }, "create", struct);
    const code = codeFor(config, chunkBytes, compiler);
    const arrays = types === undefined
      ? arraysWithin(align)
      : types.reduce((sum: number, struct) => sum | arraysOf(struct), 0);
    this.slab = new code.Slab(config, { chunkBytes, align, arrays, tagged });
    this.kinds = new Kinds(this.slab, types, code);
    this.code = code;
  }
}

/** Does what {@linkcode structOf} does, but only for views of debug mode, which check liveness. */
function structOfDebugView(view: unknown): AnyStruct | undefined {
  return isDebugView(view) ? structOf(view) : undefined;
}

/** The code that is compiled for a geometry, with the class of its pools. */
class ErasedCode extends GeometryCode {
  readonly Pool: { new (setup: Setup): ErasedPool; readonly prototype: ErasedPool };

  constructor(config: EngineConfig, chunkBytes: number, compile: Compile) {
    super(config, chunkBytes, compile);
    const chunkMask = config.chunksPerBlock - 1;
    const own = {
      ...{ chunkBytes, chunkMask, codec: config.codec, viewError },
      structOf: config.debug === undefined ? structOf : structOfDebugView,
    };
    // ErasedPool's constructor takes a Setup as well.
    this.Pool = compile(defineErasedPool, ErasedPool, own) as unknown as ErasedCode["Pool"];
    noteOwn(PoolBase.prototype, ErasedPool.prototype, this.Pool.prototype);
  }
}

const codes = new Map<string, ErasedCode>();

function codeFor(
  config: EngineConfig,
  chunkBytes: number,
  compiler: () => Compile = () => compilerFor(config.name, config.specialize),
): ErasedCode {
  const make = () => new ErasedCode(config, chunkBytes, compiler());
  if (config.debug) return make(); // each debug pool has a handle table of its own
  return codeIn(codes, `${chunkBytes},${codeKey(config)}`, config.specialize, make);
}

/**
 * Creates the pool of a size class.
 *
 * @typeParam S The structs of its records, as a union.
 * @param options The options of the pool.
 * @param part The handles that the class gives out.
 * @param compiler Returns the compiler for its code.
 * @returns The pool.
 */
export function sizeClass<S extends AnyStruct>(
  options: ErasedPoolOptions<S>,
  part: HandlePart,
  compiler: () => Compile,
): ErasedPool<S> {
  const setup = new Setup(options, part, compiler);
  return new setup.code.Pool(setup) as unknown as ErasedPool<S>; // it checks structs as they are used
}

/**
 * Defines the hot part of an erased pool. The text of this function is compiled again for each
 * geometry, so it may use its parameters and globals only.
 *
 * @param Base {@linkcode ErasedPool}.
 * @param own Constants and helpers of the geometry.
 * @returns The class.
 */
function defineErasedPool(
  Base: typeof ErasedPool,
  own: {
    readonly chunkMask: number;
    readonly codec: HandleCodec;
    readonly structOf: (view: unknown) => AnyStruct | undefined;
    readonly viewError: (slab: Slab, verb: string, problem: string) => Error;
  },
): new (options: ErasedPoolOptions) => ErasedPool {
  const chunkMask = own.chunkMask;
  const codec = own.codec;

  /**
   * Allocates a record. It is no method of the class below: a class of the user's that extends
   * ErasedPool would not have it.
   */
  function take(
    slab: Slab,
    kinds: Kinds,
    tagged: boolean,
    verb: string,
    struct: AnyStruct,
    init: unknown,
  ): number {
    const kind = kinds.of(verb, struct);
    const handle = init === undefined
      ? slab.alloc()
      : kind.write(init, 0, kind.scratch, slab, 0, undefined);
    if (handle !== 0 && tagged) slab.current.tags[codec.index(handle) & chunkMask] = kind.tag;
    return handle;
  }

  /**
   * A target that checks the struct of the record again, as a getter among the values may restore a
   * snapshot in which the handle is of a record of another struct.
   */
  class TypedTarget implements Target {
    declare slab: Slab;
    declare kinds: Kinds;
    constructor(slab: Slab, kinds: Kinds) {
      this.slab = slab;
      this.kinds = kinds;
    }
    bindTo(view: RecordView, handle: number): number {
      const block = this.slab.find(handle);
      if (block === undefined) throw this.slab.staleError("set", handle);
      const chunk = codec.index(handle) & chunkMask;
      const struct = own.structOf(view)!; // a view of a whole record has one
      const kind = this.kinds.at("set", struct, block, chunk, handle);
      view._b = block;
      view._o = chunk * kind.chunkUnits;
      return handle;
    }
  }

  return class ErasedPool extends Base {
    override alloc<T extends AnyStruct>(struct: T, init?: Init<T>): Handle<T> {
      const handle = take(this._slab, this._kinds, this._tagged, "alloc", struct, init);
      if (handle === 0) throw this._slab.exhaustedError("alloc");
      return handle as Handle<T>;
    }

    override tryAlloc<T extends AnyStruct>(struct: T, init?: Init<T>): Handle<T> | undefined {
      const handle = take(this._slab, this._kinds, this._tagged, "alloc", struct, init);
      return handle === 0 ? undefined : handle as Handle<T>;
    }

    override free(handle: AnyHandle): void {
      if (!this._slab.free(handle)) throw this._slab.staleError("free", handle);
    }

    override tryFree(handle: AnyHandle): boolean {
      const slab = this._slab;
      if (slab.free(handle)) return true;
      slab.checkThere();
      return false;
    }

    override has(handle: AnyHandle): boolean {
      const slab = this._slab;
      if (slab.find(handle) !== undefined) return true;
      slab.checkThere();
      return false;
    }

    override indexOf(handle: AnyHandle): number {
      const slab = this._slab;
      if (slab.find(handle) === undefined) throw slab.staleError("tell the index", handle);
      return codec.index(handle);
    }

    override get<T extends AnyStruct>(struct: T, handle: Handle<T>): View<T> {
      const block = this._slab.find(handle);
      if (block === undefined) throw this._kinds.missing("get", struct, this._slab, handle);
      const chunk = codec.index(handle) & chunkMask;
      const kind = this._kinds.at("get", struct, block, chunk, handle);
      return new kind.View(block, chunk * kind.chunkUnits) as unknown as View<T>;
    }

    override set<T extends AnyStruct>(struct: T, handle: Handle<T>, init: Init<T>): void {
      const slab = this._slab;
      const block = slab.find(handle);
      if (block === undefined) throw this._kinds.missing("set", struct, slab, handle);
      const kind = this._kinds.at("set", struct, block, codec.index(handle) & chunkMask, handle);
      let target = this._target;
      if (target === undefined) {
        target = this._target = this._tagged ? new TypedTarget(slab, this._kinds) : slab;
      }
      kind.write(init, 0, kind.scratch, target, handle, undefined);
    }

    override seek<T extends AnyStruct>(cursor: View<T>, handle: Handle<T>): View<T> {
      const slab = this._slab;
      const block = slab.find(handle);
      if (block === undefined) throw slab.staleError("seek", handle);
      const struct = own.structOf(cursor);
      if (struct === undefined) throw own.viewError(slab, "seek", "is no view of a whole record");
      const chunk = codec.index(handle) & chunkMask;
      const kind = this._kinds.at("seek", struct, block, chunk, handle);
      // The same object, typed by its internal state.
      const view = cursor as unknown as RecordView;
      view._b = block;
      view._o = chunk * kind.chunkUnits;
      return cursor;
    }

    override allocAt<T extends AnyStruct>(struct: T, cursor: View<T>): Handle<T> {
      const slab = this._slab;
      if (own.structOf(cursor) !== struct) {
        throw own.viewError(slab, "allocAt", "is no view of that struct");
      }
      const handle = take(slab, this._kinds, this._tagged, "allocAt", struct, undefined);
      if (handle === 0) throw slab.exhaustedError("allocAt");
      const view = cursor as unknown as RecordView;
      view._b = slab.current;
      view._o = (codec.index(handle) & chunkMask) * this._kinds.of("allocAt", struct).chunkUnits;
      return handle as Handle<T>;
    }
  };
}
