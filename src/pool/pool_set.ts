/**
 * `PoolSet`: records of any struct, in the smallest of several sizes of chunk.
 *
 * @module
 */
import { RUNS_NO_USER_CODE, type TracedCalls } from "../slab/call_stack.ts";
import type { HandleCodec } from "../slab/handle.ts";
import { Chain } from "../slab/iterate.ts";
import { compilerFor } from "../slab/own_code.ts";
import { noteOwn } from "../slab/own_functions.ts";
import type { Slab } from "../slab/slab.ts";
import { linkedSlabsOf, typedSlabsOf } from "../slab/typed_slab.ts";
import type { ReusedIterator } from "../struct/array_view.ts";
import type { Handle } from "../struct/handle_type.ts";
import type { Compile } from "../struct/scalars.ts";
import type { AnyStruct, Init } from "../struct/schema.ts";
import type { View } from "../struct/view.ts";
import { type ErasedPool, type HandleOf, passesOf, sizeClass } from "./erased_pool.ts";
import type { MapSource } from "./handle_map.ts";
import { checkStruct, fitError } from "./kinds.ts";
import {
  checkPoolOptions,
  naturalAlign,
  partsOf,
  type PoolOptions,
  poolOptionsOf,
} from "./options.ts";
import {
  type HandleArray,
  loopOver,
  PoolBase,
  type PoolStats,
  type ScopedRecord,
  TRACED,
} from "./pool_base.ts";
import { SlabSet } from "./slab_set.ts";

/**
 * Options of a {@linkcode PoolSet}. `chunksPerBlock` and `keepEmptyBlocks` apply to each size
 * class. `maxChunks` is divided by the number of classes, rounded up to a power of two: each of 3
 * or 4 classes may have a quarter.
 *
 * @category Pools
 * @typeParam S The structs of its records, as a union.
 */
export interface PoolSetOptions<S extends AnyStruct = AnyStruct> extends PoolOptions {
  /**
   * Bytes of a chunk of each class: 1 to 64 different integers from 1. Chunks are aligned to the
   * largest power of two up to 8 that divides their size.
   */
  readonly sizes: readonly number[];
  /** The structs that may be stored, at most 256 in each class; by default any that fits. */
  readonly types?: readonly S[] | readonly [] | undefined; // see ErasedPoolOptions for the empty tuple
}

/**
 * The figures of one size class of a {@linkcode PoolSet}.
 *
 * @category Pools
 */
export interface SizeClassStats extends PoolStats {
  /** Bytes of a chunk. */
  chunkBytes: number;
  /** Bytes that live records leave unused in their chunks. */
  lostBytes: number;
}

/**
 * The figures of a {@linkcode PoolSet}: of all classes together, and of each.
 *
 * @category Pools
 */
export interface PoolSetStats extends PoolStats {
  /** Bytes that live records leave unused in their chunks, which other `sizes` could save. */
  lostBytes: number;
  /** The figures of each class, by size. */
  classes: SizeClassStats[];
}

/** The figures of a set that are the sums of its classes' figures. */
const FIGURES = [
  "size",
  "capacity",
  "blocks",
  "byteLength",
  "overheadBytes",
  "peakSize",
  "allocs",
  "frees",
  "grown",
  "released",
  "retired",
  "lostBytes",
] as const;

/** The most structs that are found without a Map. */
const LISTED = 8;

/**
 * A pool of records of many structs, each in the smallest of several sizes of chunk that fits. It
 * has one {@linkcode ErasedPool} for each size class, and its handles contain the class.
 *
 * Use it where records of very different sizes come and go, with too few of each struct for a
 * {@linkcode Pool} of its own. The struct of each record is kept in a byte beside its chunk, and
 * checked, with and without `types`.
 *
 * `alloc`, `free` and `get` are O(1) and allocate nothing on the JavaScript heap but views; the
 * class of a struct is looked up once. Iteration goes from the smallest class to the largest, and
 * through each as in an {@linkcode ErasedPool}.
 *
 * @category Pools
 * @typeParam S The structs of its records, as a union.
 *
 * @example Usage
 * ```ts
 * import { PoolSet, struct } from "@slabs/pool";
 * import { assertEquals } from "@std/assert";
 *
 * const Spark = struct({ x: "f32", heat: "u8" }, { name: "Spark" }); // 8 bytes
 * const Ship = struct({ x: "f64", y: "f64", hp: "u16" }, { name: "Ship" }); // 24 bytes
 *
 * using things = new PoolSet({ sizes: [8, 16, 32] });
 * const spark = things.alloc(Spark, { heat: 9 });
 * const ship = things.alloc(Ship, { hp: 100 });
 * assertEquals(things.get(Ship, ship).hp, 100);
 * assertEquals(things.stats().lostBytes, 8); // 32 - 24
 * things.free(spark);
 * ```
 */
export class PoolSet<S extends AnyStruct = AnyStruct> extends PoolBase<View<S>, HandleOf<S>> {
  /**
   * The pool of each size class, by size. Its handles are handles of the set, too. An iteration of
   * the set over one struct visits only the pool that {@linkcode poolFor} returns, so allocate the
   * records of the struct in that pool.
   */
  readonly pools: readonly ErasedPool<S>[];
  private readonly _classSlabs: readonly Slab[];
  /** The slabs as one. */
  private readonly _together: SlabSet;
  /** Bytes of a chunk of each class, ascending. */
  private readonly _sizes: readonly number[];
  /** Finds the class of a handle. */
  private readonly _parts: Pick<HandleCodec, "partOf">;
  /** The pool of each struct that was used so far; the first few are also in the lists below. */
  private readonly _poolOf = new Map<AnyStruct, ErasedPool<S>>();
  private readonly _structs: AnyStruct[] = [];
  private readonly _poolsOf: ErasedPool<S>[] = [];

  /**
   * Creates a set. It takes no memory: the first `alloc` adds a block.
   *
   * @param options See {@linkcode PoolSetOptions}.
   * @throws {SchemaError} when one of the types fits no class.
   * @throws {RangeError} when a number of the options is out of its range.
   * @throws {TypeError} when an option is unknown or has the wrong type.
   */
  constructor(options: PoolSetOptions<S>) {
    checkPoolOptions("PoolSet", "pool", options, ["sizes", "types"]);
    const { sizes, types } = options;
    const rest = poolOptionsOf(options);
    const { name, maxChunks, parts: handleParts } = partsOf("PoolSet", sizes, types, rest);
    const sorted = [...sizes].sort((a, b) => a - b);
    const classes = types?.map((struct) => classOf(sorted, "create", `PoolSet "${name}"`, struct));
    const { debug, specialize = true } = rest;
    let compile: Compile | undefined; // one for all classes that need new code
    const compiler = () => compile ??= compilerFor(name, specialize && !debug);
    const pools = sorted.map((size, i) => {
      const stored = types?.filter((_, at) => classes![at] === i); // set, as there are types
      const own = { ...rest, name, maxChunks, size };
      const options = stored === undefined ? own : { ...own, types: stored };
      return sizeClass<S>(options, handleParts[i], compiler);
    });
    noteOwn(PoolSet.prototype);
    const typedSlabs = pools.flatMap((pool) => typedSlabsOf.get(pool)!); // every pool has one
    const slabs = typedSlabs.map(({ slab }) => slab);
    const parts = debug ? new NumberedParts(slabs) : slabs[0].codec;
    const all = new SlabSet(slabs, parts, debug || undefined);
    super(typedSlabs, all);
    this.pools = pools;
    this._classSlabs = slabs;
    this._together = all;
    // Every slab has one.
    const linkedSlabs = this._classSlabs.flatMap((slab) => linkedSlabsOf.get(slab)!);
    for (const slab of this._classSlabs) linkedSlabsOf.set(slab, linkedSlabs);
    this._parts = parts;
    this._sizes = sorted;
    if (debug) debug.traceCalls(this, tracedOfSet(), PoolSet.prototype);
  }

  /**
   * Returns what a {@linkcode HandleMap} needs of the set.
   *
   * @ignore
   */
  _beside(): MapSource {
    return {
      parts: this.pools.flatMap((pool) => pool._beside().parts),
      partOf: (handle) => this.#classOf(handle),
    };
  }

  // -- one record --

  /**
   * Allocates a zeroed record of a struct in the smallest class that fits, in O(1).
   *
   * @typeParam T The struct type.
   * @param struct The struct of the record.
   * @param init Values of fields; those left out stay zero.
   * @returns The handle of the record.
   * @throws {SchemaError} when the struct fits no class; the error gives the sizes.
   * @throws {TypeMismatchError} when the struct is not one of `types`.
   * @throws {PoolExhaustedError} when all chunks of its class are live, whatever the other classes
   * have left; nothing changes then.
   * @throws {RangeError} when its class holds records of 256 other structs already.
   * @throws {OutOfMemoryError} when the memory resource has no block to give.
   * @throws {TypeError} when `init` names an unknown field or a value does not fit its type.
   * @throws {DisposedError} after `dispose`.
   */
  alloc<T extends S>(struct: T, init?: Init<T>): Handle<T> {
    return this.poolFor(struct).alloc(struct, init);
  }

  /**
   * Allocates a zeroed record as {@linkcode alloc} does, unless its class is exhausted, in O(1).
   *
   * @typeParam T The struct type.
   * @param struct The struct of the record.
   * @param init Values of fields; those left out stay zero.
   * @returns The handle of the record; `undefined` when all chunks of its class are live.
   * @throws {SchemaError | TypeMismatchError | OutOfMemoryError | TypeError | DisposedError} as
   * {@linkcode alloc} does.
   */
  tryAlloc<T extends S>(struct: T, init?: Init<T>): Handle<T> | undefined {
    return this.poolFor(struct).tryAlloc(struct, init);
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
    const slab = this._classSlabs[this.#classOf(handle)] ?? this._classSlabs[0];
    if (!slab.free(handle)) throw slab.staleError("free", handle);
  }

  /**
   * Frees a record if it is live, in O(1), allocating nothing.
   *
   * @param handle Any handle.
   * @returns `true` if the record was live.
   * @throws {DisposedError} after `dispose`.
   */
  tryFree(handle: HandleOf<S>): boolean {
    return this.#poolOf(handle).tryFree(handle);
  }

  /**
   * Returns whether a record is live, in O(1), allocating nothing.
   *
   * @param handle Any handle.
   * @returns `true` if it is live.
   * @throws {DisposedError} after `dispose`.
   */
  has(handle: HandleOf<S>): boolean {
    return this.#poolOf(handle).has(handle);
  }

  /**
   * Returns the index of a record, in O(1), for arrays of your own; see `indexOf` of
   * {@linkcode PoolBase}.
   *
   * @param handle Handle of a live record.
   * @returns An integer from 0 to `maxChunks` - 1, different for each live record of any class.
   * @throws {StaleHandleError} when it is stale, null or forged.
   * @throws {DisposedError} after `dispose`.
   */
  override indexOf(handle: HandleOf<S>): number {
    const index = this.#poolOf(handle).indexOf(handle);
    return this.#classOf(handle) * this._classSlabs[0].maxChunks + index;
  }

  /**
   * Returns the struct of a record, in O(1), allocating nothing.
   *
   * @param handle Handle of a live record.
   * @returns The struct.
   * @throws {StaleHandleError} when it is stale, null or forged.
   * @throws {DisposedError} after `dispose`.
   */
  typeOf(handle: HandleOf<S>): S {
    return this.#poolOf(handle).typeOf(handle);
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
   * @throws {TypeMismatchError} when the record is of another struct.
   * @throws {TypeError} when `struct` is no struct.
   * @throws {DisposedError} after `dispose`.
   */
  get<T extends S>(struct: T, handle: Handle<T>): View<T> {
    return this.#poolOf(handle).get(struct, handle);
  }

  /**
   * Returns a view of a record if it is live, in O(1).
   *
   * @typeParam T The struct type.
   * @param struct The struct of the record.
   * @param handle Any handle.
   * @returns A view of the record; `undefined` when it is not live.
   * @throws {TypeMismatchError | TypeError | DisposedError} as {@linkcode get} does.
   */
  tryGet<T extends S>(struct: T, handle: Handle<T>): View<T> | undefined {
    return this.#poolOf(handle).tryGet(struct, handle);
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
   * @throws {TypeMismatchError} when the record is of another struct.
   * @throws {TypeError} when `struct` is no struct, `init` names an unknown field or a value does
   * not fit its type; nothing is written then.
   * @throws {DisposedError} after `dispose`.
   */
  set<T extends S>(struct: T, handle: Handle<T>, init: Init<T>): void {
    this.#poolOf(handle).set(struct, handle, init);
  }

  /**
   * Returns the bytes of a record's chunk, in O(1), without a copy.
   *
   * @param handle Handle of a live record.
   * @returns A new array over all bytes of the chunk. After the record is freed they are those of
   * the next record in the chunk.
   * @throws {StaleHandleError} when it is stale, null or forged.
   * @throws {DisposedError} after `dispose`.
   */
  bytes(handle: HandleOf<S>): Uint8Array {
    return this.#poolOf(handle).bytes(handle);
  }

  /**
   * Gives a number from a typed array, a message or JSON the type of a handle of a record of a
   * struct, in O(1). Neither argument is checked here; every call that takes a handle checks it.
   *
   * @typeParam T The struct type.
   * @param struct The struct of the record.
   * @param n Any number.
   * @returns The same number.
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
    return this.poolFor(struct).cursor(struct);
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
   * @throws {TypeMismatchError} when the record is of another struct.
   * @throws {TypeError} when the argument is no view of a whole record.
   * @throws {DisposedError} after `dispose`.
   */
  seek<T extends S>(cursor: View<T>, handle: Handle<T>): View<T> {
    return this.#poolOf(handle).seek(cursor, handle);
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
   */
  allocAt<T extends S>(struct: T, cursor: View<T>): Handle<T> {
    return this.poolFor(struct).allocAt(struct, cursor);
  }

  // -- every record --

  /**
   * Calls a function with every live record of one struct, in O(`capacity` / 32 + `size`) of its
   * class, allocating nothing; the rules are those of `forEach` of {@linkcode Pool}.
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
   * Calls a function with every live record of any struct, class by class from the smallest.
   *
   * @param fn Called with a view of the record's struct, and the handle.
   * @throws {TypeError} when `fn` is no function.
   * @throws {DisposedError} after `dispose`.
   */
  forEach(fn: (view: View<S>, handle: HandleOf<S>) => void): void;
  forEach<T extends S>(
    structOrFn: T | ((view: View<S>, handle: HandleOf<S>) => void),
    fn?: (view: View<T>, handle: Handle<T>) => void,
  ): void {
    if (typeof structOrFn !== "function") {
      this.poolFor(structOrFn).forEach(structOrFn, fn!); // as the overloads say
      return;
    }
    this._together.checkUsable("iterate");
    for (let i = 0; i < this.pools.length && !this._classSlabs[i].disposed; i++) {
      this.pools[i].forEach(structOrFn);
    }
  }

  /**
   * Makes a function that does what `forEach(struct, fn)` does, compiled for this set and this
   * callback; see `loop` of {@linkcode Pool}.
   *
   * @typeParam T The struct type.
   * @typeParam A Types of the arguments that are handed on, up to four.
   * @param struct The struct of the records.
   * @param fn Called with a view that is moved to each record, the handle, and the arguments of the
   * call.
   * @returns The function. It throws {@linkcode DisposedError} after the set's `dispose`.
   * @throws {TypeError | SchemaError | DisposedError} as `forEach` does, or when `fn` takes more
   * than six arguments.
   */
  loop<T extends S, A extends unknown[] = []>(
    struct: T,
    fn: (view: View<T>, handle: Handle<T>, ...args: A) => void,
  ): (...args: A) => void;
  /**
   * Makes such a function for the records of all structs, class by class from the smallest.
   *
   * @typeParam A Types of the arguments that are handed on, up to four.
   * @param fn Called with a view of the record's struct, the handle, and the arguments of the call.
   * @returns The function. It throws {@linkcode DisposedError} after the set's `dispose`.
   * @throws {TypeError | DisposedError} as `forEach` does, or when `fn` takes more than six
   * arguments.
   */
  loop<A extends unknown[] = []>(
    fn: (view: View<S>, handle: HandleOf<S>, ...args: A) => void,
  ): (...args: A) => void;
  loop(structOrFn: unknown, fn?: unknown): (...args: unknown[]) => void {
    if (typeof structOrFn !== "function") {
      return this.poolFor(structOrFn as S).loop(structOrFn as S, fn as () => void); // checked by both
    }
    const all = this._together, slabs = this._classSlabs;
    all.checkUsable("loop");
    const calls = this.pools.map((pool, i) => loopOver(slabs[i], passesOf(pool), structOrFn));
    return calls.length === 1 ? calls[0] : function () {
      all.checkUsable("iterate");
      for (let i = 0; i < calls.length; i++) {
        // As with forEach(), the iteration ends where its function disposes of the pool.
        if (!slabs[i].disposed) calls[i].apply(undefined, arguments as unknown as unknown[]);
      }
    };
  }

  /**
   * Iterates over every live record, under the rules of {@linkcode forEach}.
   *
   * @returns An iterator. It yields one view for each struct, moved to the next record.
   * @throws {DisposedError} after `dispose`.
   */
  [Symbol.iterator](): ReusedIterator<View<S>> {
    return new Chain(this.pools.map((pool) => pool[Symbol.iterator]()));
  }

  /**
   * Iterates over every live record of one struct, under the rules of {@linkcode forEach}.
   *
   * @typeParam T The struct type.
   * @param struct The struct of the records.
   * @returns An iterator. It yields the same view each time, moved to the next record.
   * @throws {SchemaError | TypeMismatchError} when records of the struct cannot be stored here.
   * @throws {DisposedError} after `dispose`.
   */
  all<T extends S>(struct: T): ReusedIterator<View<T>> {
    return this.poolFor(struct).all(struct);
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
    if (struct !== undefined) return this.poolFor(struct).handles(struct);
    return new Chain(this.pools.map((pool) => pool.handles<T>()));
  }

  /**
   * Frees every record of one struct for which a predicate returns false, in O(`capacity` / 32 +
   * `size`) of its class, allocating nothing.
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
   * Frees every record of any struct for which a predicate returns false.
   *
   * @param pred Called with a view of the record's struct, and the handle.
   * @returns How many records were freed.
   * @throws {TypeError} when `pred` is no function.
   * @throws {DisposedError} after `dispose`.
   */
  retain(pred: (view: View<S>, handle: HandleOf<S>) => boolean): number;
  retain<T extends S>(
    structOrPred: T | ((view: View<S>, handle: HandleOf<S>) => boolean),
    pred?: (view: View<T>, handle: Handle<T>) => boolean,
  ): number {
    if (typeof structOrPred !== "function") {
      return this.poolFor(structOrPred).retain(structOrPred, pred!); // as the overloads say
    }
    this._together.checkUsable("retain");
    let freed = 0;
    for (let i = 0; i < this.pools.length && !this._classSlabs[i].disposed; i++) {
      freed += this.pools[i].retain(structOrPred);
    }
    return freed;
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
    return this.poolFor(struct).allocMany(struct, count, out);
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
    return this.poolFor(struct).scoped(struct, init);
  }

  /**
   * Returns the pool that holds the records of a struct, in O(1) after the first call.
   *
   * @param struct A struct.
   * @returns The pool of the smallest class that it fits.
   * @throws {SchemaError} when it fits none.
   * @throws {TypeError} when it is no struct.
   * @throws {DisposedError} after `dispose`.
   */
  poolFor(struct: S): ErasedPool<S> {
    const structs = this._structs;
    // For few structs a search is faster than a Map, which takes a tenth of an alloc and free.
    for (let i = 0; i < structs.length; i++) if (structs[i] === struct) return this._poolsOf[i];
    return this._poolOf.get(struct) ?? this.#add(struct);
  }

  /**
   * Adds blocks to the class of a struct until it has at least `chunks` chunks, so that `alloc`
   * adds none, in O(blocks). The class keeps them until {@linkcode trim} or {@linkcode compact}
   * is called.
   *
   * @param struct The struct of the records.
   * @param chunks How many chunks of its class, an integer from 0.
   * @throws {PoolExhaustedError} when it is more than the class may have; nothing changes then.
   * @throws {SchemaError | TypeError | OutOfMemoryError | RangeError | DisposedError} as
   * {@linkcode alloc} does.
   */
  reserve(struct: S, chunks: number): void {
    this.poolFor(struct).reserve(chunks);
  }

  /**
   * Returns the figures of the set and of each class, in O(`size` + `capacity` / 32). Nothing is
   * allocated if `out` is given.
   *
   * `peakSize` of the set is the sum of the peaks of its classes, which may have been at different
   * times.
   *
   * @param out An object to fill instead of a new one.
   * @returns `out`, or a new object.
   * @throws {DisposedError} after `dispose`.
   *
   * @example Usage
   * ```ts
   * import { PoolSet, struct } from "@slabs/pool";
   * import { assertEquals } from "@std/assert";
   *
   * const Point = struct({ x: "f32", y: "f32", z: "f32" }); // 12 bytes
   * using set = new PoolSet({ sizes: [8, 16] });
   * set.allocMany(Point, 100);
   * const { lostBytes, classes } = set.stats();
   * assertEquals(lostBytes, 400); // a class of 12 bytes would lose none
   * assertEquals(classes.map((it) => it.size), [0, 100]);
   * ```
   */
  override stats(out: Partial<PoolSetStats> = {}): PoolSetStats {
    this._together.checkUsable("tell the figures");
    const classes = out.classes ??= [];
    classes.length = this.pools.length;
    for (const key of FIGURES) out[key] = 0;
    for (let i = 0; i < classes.length; i++) {
      const pool = this.pools[i];
      const of = classes[i] ??= {} as SizeClassStats; // filled below
      pool.stats(of);
      of.chunkBytes = pool.chunkBytes;
      of.lostBytes = pool.lostBytes();
      for (const key of FIGURES) out[key]! += of[key]; // set above
    }
    return out as PoolSetStats; // every member was just set
  }

  /**
   * Gives all memory back, in O(blocks). Any later call throws {@linkcode DisposedError}; disposing
   * twice is harmless.
   *
   * @throws {LeakError} in debug mode when records of any class were live, after the memory has
   * been given back.
   */
  override dispose(): void {
    // First, as a memory resource may call the set meanwhile: poolFor() then calls #add(), which
    // throws.
    this._poolOf.clear();
    this._structs.length = 0;
    super.dispose();
  }

  /** Returns the pool of a struct that is used for the first time. */
  #add(struct: S): ErasedPool<S> {
    this._classSlabs[0].checkThere();
    const pool =
      this.pools[classOf(this._sizes, "find a pool in", this._classSlabs[0].label, struct)];
    this._poolOf.set(struct, pool);
    if (this._structs.length < LISTED) {
      this._poolsOf[this._structs.length] = pool;
      this._structs.push(struct);
    }
    return pool;
  }

  /** Returns the pool of a handle's class; for anything else the first one, which rejects it. */
  #poolOf(handle: number): ErasedPool<S> {
    return this.pools[this.#classOf(handle)] ?? this.pools[0];
  }

  /** Returns the class of a handle, or -1. */
  #classOf(handle: number): number {
    return typeof handle === "number" ? this._parts.partOf(handle) : -1;
  }
}

/**
 * The calls that debug mode traces. None runs code of the user's itself, as the pools of the
 * classes write the records.
 */
function tracedOfSet(): TracedCalls {
  return Object.fromEntries(Object.keys(TRACED).map((name) => [name, RUNS_NO_USER_CODE]));
}

/** Finds the class of a debug handle, a serial number, in the handle tables of the classes. */
class NumberedParts {
  readonly #slabs: readonly Slab[];

  constructor(slabs: readonly Slab[]) {
    this.#slabs = slabs;
  }

  partOf(handle: number): number {
    return this.#slabs.findIndex(({ codec }) => codec.liveStamp(handle) >= 0);
  }
}

/** Returns the index of the smallest class that a struct fits. */
function classOf(sizes: readonly number[], verb: string, label: string, struct: AnyStruct): number {
  checkStruct(label, verb, struct);
  const at = sizes.findIndex((size) => struct.size <= size && struct.align <= naturalAlign(size));
  if (at >= 0) return at;
  throw fitError(label, verb, struct, `fits none of the classes of ${sizes.join(", ")} bytes`);
}
