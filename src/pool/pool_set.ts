/**
 * `PoolSet`: records of any struct, in the smallest of several sizes of chunk.
 *
 * @module
 */
import { SchemaError } from "../errors.ts";
import { noteOwn, RUNS_NO_USER_CODE, traceCalls, type TracedCalls } from "../slab/call_stack.ts";
import { storesOf } from "../slab/compact.ts";
import type { HandleCodec } from "../slab/handle.ts";
import { Chain } from "../slab/iterate.ts";
import { compilerFor } from "../slab/own_code.ts";
import { packChunks, type Packer, type PackTarget } from "../slab/pack.ts";
import { type Slab, slabs } from "../slab/slab.ts";
import { slabText, snappedOf } from "../slab/snapshot.ts";
import type { Handle } from "../struct/ref.ts";
import type { Compile } from "../struct/scalars.ts";
import { type AnyStruct, type FieldName, type Init, Struct } from "../struct/schema.ts";
import { structTitle } from "../struct/text.ts";
import type { View } from "../struct/view.ts";
import {
  type ErasedPool,
  type HandleOf,
  isStructForm,
  passesOf,
  sizeClass,
} from "./erased_pool.ts";
import type { MapSource } from "./handle_map.ts";
import { shown } from "./kinds.ts";
import { loopFunction } from "./loop.ts";
import {
  checkPoolOptions,
  naturalAlign,
  partsOf,
  type PoolOptions,
  poolOptionsOf,
} from "./options.ts";
import {
  type HandleArray,
  PoolBase,
  type PoolStats,
  type ScopedRecord,
  TRACED,
} from "./pool_base.ts";

/**
 * Options of a set of pools. `chunksPerBlock` and `keepEmptyBlocks` are of each class; `maxChunks` is shared out evenly,
 * so that of 4 classes each may have a quarter of them.
 *
 * @typeParam S Its structs, as a union.
 */
export interface PoolSetOptions<S extends AnyStruct = AnyStruct> extends PoolOptions {
  /**
   * Bytes of a chunk of each class, at most 64 of them, no two the same. Chunks are aligned to the largest power of two up
   * to 8 that divides their size.
   */
  readonly sizes: readonly number[];
  /** The structs that may be stored; by default any that fits. */
  readonly types?: readonly S[] | readonly []; // the empty tuple as in ErasedPoolOptions
}

/** The figures of one size class. */
export interface SizeClassStats extends PoolStats {
  /** Bytes of a chunk. */
  chunkBytes: number;
  /** Bytes of live records' chunks that their structs leave unused. */
  lostBytes: number;
}

/** The figures of a set of pools: those of all classes together, and of each. */
export interface PoolSetStats extends PoolStats {
  /** Bytes of live records' chunks that their structs leave unused: what other `sizes` could save. */
  lostBytes: number;
  /** By size. */
  classes: SizeClassStats[];
}

/** The figures that classes have and their sum makes sense. */
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

/** Structs that are found without a Map. */
const LISTED = 8;

/**
 * Records of any struct, each in the smallest of several sizes of chunk that fits: one {@linkcode ErasedPool} a size class,
 * behind one kind of handle, which tells the class.
 *
 * Use it where records of very different sizes come and go and none of them deserves a pool of its own. The struct of each
 * record is remembered, in a byte beside its chunk, and checked, whether the set has `types` or not.
 *
 * `alloc`, `free` and `get` are O(1); the class of a struct is looked up once. Iteration goes from the smallest class to
 * the largest, and through each as {@linkcode ErasedPool} does.
 *
 * @typeParam S Its structs, as a union.
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
  /** The pool of each class, by size. Its handles are those of the set. */
  readonly pools: readonly ErasedPool<S>[];
  private readonly _classSlabs: readonly Slab[];
  /** Bytes of a chunk of each class, ascending. */
  private readonly _sizes: readonly number[];
  /** Packs whole chunks of each class. */
  private readonly _packers: readonly Packer[];
  /** Tells the class of a handle. */
  private readonly _parts: Pick<HandleCodec, "partOf">;
  /** The pool of each struct that was asked for; of the first few also in two lists, by the same place. */
  private readonly _poolOf = new Map<AnyStruct, ErasedPool<S>>();
  private readonly _structs: AnyStruct[] = [];
  private readonly _poolsOf: ErasedPool<S>[] = [];
  /**
   * Creates a set without any block: the first `alloc` takes one.
   *
   * @param options See {@linkcode PoolSetOptions}.
   * @throws {SchemaError} when one of the types does not fit into the largest chunk.
   * @throws {RangeError} when a number of the options is out of its range.
   * @throws {TypeError} when an option is unknown or has the wrong type.
   */
  constructor(options: PoolSetOptions<S>) {
    checkPoolOptions("PoolSet", "pool", options, ["sizes", "types"]);
    const { sizes, types } = options;
    const rest = poolOptionsOf(options);
    const { name, maxChunks, parts } = partsOf("PoolSet", sizes, types, rest);
    const sorted = [...sizes].sort((a, b) => a - b);
    const classes = types?.map((struct) => classOf(sorted, "create", `PoolSet "${name}"`, struct));
    const { debug, specialize = true } = rest;
    let compile: Compile | undefined; // one for all classes whose code is not there yet
    const compiler = () => compile ??= compilerFor(name, specialize && debug !== true);
    const pools = sorted.map((size, i) => {
      const stored = types?.filter((_, at) => classes![at] === i); // as there are types
      const own = { ...rest, name, maxChunks, size };
      const options = stored === undefined ? own : { ...own, types: stored };
      return sizeClass<S>(options, parts[i], compiler);
    });
    super(pools.flatMap((pool) => snappedOf.get(pool)!)); // every pool has one
    this.pools = pools;
    this._classSlabs = slabs.get(this)!; // as was set just now
    const stores = this._classSlabs.flatMap((slab) => storesOf.get(slab)!); // every pool has one
    for (const slab of this._classSlabs) storesOf.set(slab, stores);
    const [{ codec }] = this._classSlabs;
    this._parts = debug === true ? new NumberedParts(this._classSlabs) : codec;
    this._sizes = sorted;
    this._packers = pools.map((pool) => pool._packer());
    if (debug) traceCalls(this, TRACED_OF_SET, PoolSet.prototype);
  }

  /** @internal */
  protected override _layoutText(): string {
    return "PoolSet" + this._classSlabs.map(slabText).join();
  }

  /**
   * What a map beside the set needs of it.
   *
   * @internal
   */
  _beside(): MapSource {
    return {
      parts: this.pools.flatMap((pool) => pool._beside().parts),
      partOf: (handle) => this.#classOf(handle),
    };
  }

  /** @internal */
  override _slabOf(handle: number): Slab {
    return this._classSlabs[this.#classOf(handle)] ?? this._classSlabs[0];
  }

  // -- one record --

  /**
   * Allocates a record of a struct, zeroed, in the smallest class that fits, in O(1).
   *
   * @typeParam T The struct type.
   * @param struct What the record is to be.
   * @param init Fields to set; those left out stay zero.
   * @returns Its handle.
   * @throws {SchemaError} when the struct does not fit into the largest chunk; it gives both sizes.
   * @throws {TypeMismatchError} when it is not one of `types`.
   * @throws {PoolExhaustedError} when its class has all its chunks taken, whatever the other classes have left.
   * @throws {OutOfMemoryError} when the memory resource has no block to give.
   * @throws {TypeError} when `init` names an unknown field or a value does not fit its type.
   * @throws {DisposedError} after `dispose`.
   */
  alloc<T extends S>(struct: T, init?: Init<T>): Handle<T> {
    return this.poolFor(struct).alloc(struct, init);
  }

  /**
   * Allocates a record as {@linkcode alloc} does, unless its class is exhausted.
   *
   * @typeParam T The struct type.
   * @param struct What the record is to be.
   * @param init Fields to set; those left out stay zero.
   * @returns Its handle; `undefined` when its class has all its chunks taken.
   * @throws {SchemaError | TypeMismatchError | OutOfMemoryError | TypeError | DisposedError} as {@linkcode alloc} does.
   */
  tryAlloc<T extends S>(struct: T, init?: Init<T>): Handle<T> | undefined {
    return this.poolFor(struct).tryAlloc(struct, init);
  }

  /**
   * Frees a record, whatever it is, in O(1): the handle tells its class. It is stale from then on.
   *
   * @param handle Handle of a live record.
   * @throws {StaleHandleError} when it is stale, null, forged, or freed already; nothing changes then.
   * @throws {DisposedError} after `dispose`.
   */
  free(handle: HandleOf<S>): void {
    const slab = this._slabOf(handle);
    if (!slab.free(handle)) throw slab.staleError("free", handle);
  }

  /**
   * Frees a record if it is live, in O(1).
   *
   * @param handle Any handle.
   * @returns Whether it was live.
   * @throws {DisposedError} after `dispose`.
   */
  tryFree(handle: HandleOf<S>): boolean {
    return this.#poolOf(handle).tryFree(handle);
  }

  /**
   * Tells whether a record is live, in O(1).
   *
   * @param handle Any handle.
   * @returns Whether it is live.
   * @throws {DisposedError} after `dispose`.
   */
  has(handle: HandleOf<S>): boolean {
    return this.#poolOf(handle).has(handle);
  }

  /**
   * Tells the index of a record, in O(1), for arrays of your own; see `indexOf` of {@linkcode PoolBase}.
   *
   * @param handle Handle of a live record.
   * @returns 0 to `maxChunks` - 1, of no other live record of any class.
   * @throws {StaleHandleError} when it is stale, null or forged.
   * @throws {DisposedError} after `dispose`.
   */
  override indexOf(handle: HandleOf<S>): number {
    const at = this.#classOf(handle);
    const slab = this._classSlabs[at] ?? this._classSlabs[0];
    if (slab.find(handle) === undefined) throw slab.staleError("tell the index", handle);
    return at * slab.maxChunks + slab.codec.index(handle);
  }

  /**
   * Tells what a record is, in O(1).
   *
   * @param handle Handle of a live record.
   * @returns Its struct.
   * @throws {StaleHandleError} when it is stale, null or forged.
   * @throws {DisposedError} after `dispose`.
   */
  typeOf(handle: HandleOf<S>): S {
    return this.#poolOf(handle).typeOf(handle);
  }

  /**
   * Views a record, in O(1). The view is its own object, safe to keep beside others.
   *
   * @typeParam T The struct type.
   * @param struct What the record is.
   * @param handle Handle of a live record.
   * @returns A view of it.
   * @throws {StaleHandleError} when it is stale, null or forged.
   * @throws {TypeMismatchError} when the record is of another struct.
   * @throws {DisposedError} after `dispose`.
   */
  get<T extends S>(struct: T, handle: Handle<T>): View<T> {
    return this.#poolOf(handle).get(struct, handle);
  }

  /**
   * Views a record if it is live, in O(1).
   *
   * @typeParam T The struct type.
   * @param struct What the record is.
   * @param handle Any handle.
   * @returns A view of it; `undefined` when it is not live.
   * @throws {TypeMismatchError | DisposedError} as {@linkcode get} does.
   */
  tryGet<T extends S>(struct: T, handle: Handle<T>): View<T> | undefined {
    return this.#poolOf(handle).tryGet(struct, handle);
  }

  /**
   * Writes the named fields of a record; the others stay as they are.
   *
   * @typeParam T The struct type.
   * @param struct What the record is.
   * @param handle Handle of a live record.
   * @param init Fields to set.
   * @throws {StaleHandleError} when it is stale, null or forged.
   * @throws {TypeMismatchError} when the record is of another struct.
   * @throws {TypeError} when `init` names an unknown field or a value does not fit its type; nothing is written then.
   * @throws {DisposedError} after `dispose`.
   */
  set<T extends S>(struct: T, handle: Handle<T>, init: Init<T>): void {
    this.#poolOf(handle).set(struct, handle, init);
  }

  /**
   * Gives the bytes of a record's chunk, in O(1), nothing copied.
   *
   * @param handle Handle of a live record.
   * @returns All bytes of the chunk. They outlive the record, and belong to the next one then.
   * @throws {StaleHandleError} when it is stale, null or forged.
   * @throws {DisposedError} after `dispose`.
   */
  bytes(handle: HandleOf<S>): Uint8Array {
    return this.#poolOf(handle).bytes(handle);
  }

  /**
   * Takes a number for a handle of a record of a struct, in O(1): one that comes back out of a typed array, a message or JSON.
   * Neither is looked at, and the number is returned as it is; whether its record is live, and of the struct, every call that takes it
   * will say.
   *
   * @typeParam T The struct type.
   * @param struct What the record is.
   * @param n Any number.
   * @returns The same number.
   */
  override handle<T extends S>(struct: T, n: number): Handle<T>;
  /**
   * The same for a record of any of the structs.
   *
   * @param n Any number.
   * @returns The same number.
   */
  override handle(n: number): HandleOf<S>;
  override handle(structOrNumber: S | number, n: unknown = structOrNumber): HandleOf<S> {
    return n as HandleOf<S>; // as the caller says
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
    return this.poolFor(struct).cursor(struct);
  }

  /**
   * Moves a view to a record of its struct, in O(1), allocating nothing.
   *
   * @typeParam T The struct type.
   * @param cursor A view of a whole record, of any pool.
   * @param handle Handle of a live record.
   * @returns The view.
   * @throws {StaleHandleError} when the handle is stale, null or forged; the view stays where it is.
   * @throws {TypeMismatchError} when the record is of another struct.
   * @throws {TypeError} when the argument is no view of a whole record.
   * @throws {DisposedError} after `dispose`.
   */
  seek<T extends S>(cursor: View<T>, handle: Handle<T>): View<T> {
    return this.#poolOf(handle).seek(cursor, handle);
  }

  /**
   * Allocates a record, zeroed, and moves a view to it, in O(1), allocating nothing on the heap.
   *
   * @typeParam T The struct type.
   * @param struct What the record is to be.
   * @param cursor A view of that struct.
   * @returns Handle of the new record.
   * @throws {TypeError} when the view is of another struct; nothing changes then.
   * @throws {SchemaError | TypeMismatchError | PoolExhaustedError | OutOfMemoryError | DisposedError} as
   * {@linkcode alloc} does; the view stays where it is.
   */
  allocAt<T extends S>(struct: T, cursor: View<T>): Handle<T> {
    return this.poolFor(struct).allocAt(struct, cursor);
  }

  // -- every record --

  /**
   * Calls a function with every live record of one struct. Freeing the current record, or any other, meanwhile is safe; a
   * record allocated meanwhile may or may not be seen.
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
    this._checkUsable("iterate");
    for (let i = 0; i < this.pools.length && !this._classSlabs[i].disposed; i++) {
      this.pools[i].forEach(structOrFn);
    }
  }

  /**
   * Makes a function that does what `forEach(struct, fn)` does, compiled for this set and this callback; see `loop` of
   * {@linkcode Pool}.
   *
   * @typeParam T Struct of the records.
   * @typeParam A Types of the arguments, up to four.
   * @param struct Struct of the records that count.
   * @param fn Gets a view, the same one moved along, the handle, and the arguments of the call.
   * @returns The function. It throws {@linkcode DisposedError} after the set's `dispose`.
   * @throws {TypeError | SchemaError | DisposedError} as `forEach` does.
   */
  loop<T extends S, A extends unknown[] = []>(
    struct: T,
    fn: (view: View<T>, handle: Handle<T>, ...args: A) => void,
  ): (...args: A) => void;
  /**
   * The same for the records of all structs, class by class.
   *
   * @typeParam A Types of the arguments, up to four.
   * @param fn Gets a view of the record's struct, the handle, and the arguments of the call.
   * @returns The function.
   */
  loop<A extends unknown[] = []>(
    fn: (view: View<S>, handle: HandleOf<S>, ...args: A) => void,
  ): (...args: A) => void;
  loop(structOrFn: unknown, fn?: unknown): (...args: unknown[]) => void {
    if (typeof structOrFn !== "function") {
      return this.poolFor(structOrFn as S).loop(structOrFn as S, fn as () => void); // which both check
    }
    return loopFunction(this._classSlabs, this.pools.map(passesOf), structOrFn);
  }

  /**
   * Walks every live record, under the same rules as {@linkcode forEach}.
   *
   * @returns An iterator; it gives one view for each struct and class, moved along.
   * @throws {DisposedError} after `dispose`.
   */
  [Symbol.iterator](): IterableIterator<View<S>> {
    return new Chain(this.pools.map((pool) => pool[Symbol.iterator]()));
  }

  /**
   * Walks every live record of one struct, under the same rules as {@linkcode forEach}.
   *
   * @typeParam T The struct type.
   * @param struct What the records are.
   * @returns An iterator; the view that it gives is the same one, moved along.
   * @throws {SchemaError | TypeMismatchError} when no such record can be stored here.
   * @throws {DisposedError} after `dispose`.
   */
  all<T extends S>(struct: T): IterableIterator<View<T>> {
    return this.poolFor(struct).all(struct);
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
    if (struct !== undefined) return this.poolFor(struct).handles(struct);
    return new Chain(this.pools.map((pool) => pool.handles<T>()));
  }

  /**
   * Copies every live record of one struct tight into an array of yours, in memory order; see `pack` of {@linkcode Pool}.
   *
   * @typeParam T The struct type.
   * @param struct What the records are.
   * @param out A typed array or `DataView`, filled from its start.
   * @param fields Names of fields; left out, whole records: the bytes of the struct, not of the chunk.
   * @returns How many records.
   * @throws {RangeError} when `out` is too short; it says which length is needed. Nothing is written then.
   * @throws {TypeError} when a field is unknown, or does not go into such an array.
   * @throws {SchemaError | TypeMismatchError} when no such record can be stored here.
   * @throws {DisposedError} after `dispose`.
   */
  pack<T extends S>(struct: T, out: PackTarget, fields?: readonly FieldName<T>[]): number;
  /**
   * Copies the whole chunk of every live record tight into an array of yours, class by class from the smallest: `stats().classes` has how
   * many there are of each, and their `chunkBytes`.
   *
   * @param out A typed array or `DataView`, filled from its start.
   * @returns How many records.
   * @throws {RangeError} when `out` is too short; it says which length is needed. Nothing is written then.
   * @throws {DisposedError} after `dispose`.
   */
  pack(out: PackTarget): number;
  pack(structOrOut: unknown, outOrFields?: unknown, fields?: readonly FieldName<S>[]): number {
    if (isStructForm(structOrOut)) {
      const struct = structOrOut as S; // or it is refused
      return this.poolFor(struct).pack(struct, outOrFields as PackTarget, fields);
    }
    this._classSlabs[0].checkThere();
    // Which says that fields are of one struct.
    if (outOrFields !== undefined) {
      return this.pools[0].pack(structOrOut as never, outOrFields as never);
    }
    return packChunks(this._classSlabs, this._packers, structOrOut as PackTarget);
  }

  /**
   * Frees every record of one struct that a predicate is false for; the others stay.
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
   * Frees every record, whatever it is, that a predicate is false for.
   *
   * @param pred Gets a view, one for each struct moved along, and the handle.
   * @returns How many were freed.
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
    this._checkUsable("retain");
    let freed = 0;
    for (let i = 0; i < this.pools.length && !this._classSlabs[i].disposed; i++) {
      freed += this.pools[i].retain(structOrPred);
    }
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
    return this.poolFor(struct).allocMany(struct, count, out);
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
    return this.poolFor(struct).scoped(struct, init);
  }

  /**
   * Tells which pool the records of a struct go to, in O(1) but for the first time.
   *
   * @param struct A struct.
   * @returns The pool of the smallest class that it fits.
   * @throws {SchemaError} when it fits none.
   * @throws {TypeError} when it is no struct.
   * @throws {DisposedError} after `dispose`.
   */
  poolFor(struct: S): ErasedPool<S> {
    const structs = this._structs;
    // To look through a few is faster than a Map, which takes a tenth of an alloc and free.
    for (let i = 0; i < structs.length; i++) if (structs[i] === struct) return this._poolsOf[i];
    return this._poolOf.get(struct) ?? this.#add(struct);
  }

  /**
   * Grows the class of a struct until it has at least so many chunks, so that no `alloc` has to. Blocks are not given back
   * below that until {@linkcode trim} or {@linkcode freeBlock} says so.
   *
   * @param struct What the records are to be.
   * @param chunks How many chunks of its class, an integer from 0.
   * @throws {PoolExhaustedError} when `maxChunks` do not allow them; nothing changes then.
   * @throws {SchemaError | TypeError | OutOfMemoryError | RangeError | DisposedError} as {@linkcode alloc} does.
   */
  reserve(struct: S, chunks: number): void {
    this.poolFor(struct).reserve(chunks);
  }

  /**
   * Tells the figures of the set and of each class, in O(size + capacity / 32).
   *
   * The peak of the set is the sum of the peaks of its classes, which need not have been at the same time.
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
    const classes = out.classes ??= [];
    classes.length = this.pools.length;
    for (const key of FIGURES) out[key] = 0;
    for (let i = 0; i < classes.length; i++) {
      const pool = this.pools[i];
      const of = classes[i] ??= {} as SizeClassStats; // filled at once
      pool.stats(of);
      of.chunkBytes = pool.chunkBytes;
      of.lostBytes = pool.lostBytes();
      for (const key of FIGURES) out[key]! += of[key]; // which was set above
    }
    return out as PoolSetStats; // every member was just set
  }

  /**
   * Gives all memory back. Any later call throws {@linkcode DisposedError}; disposing twice is harmless.
   *
   * @throws {LeakError} in debug mode, when records of any class were live, after the memory was given back.
   */
  override dispose(): void {
    try {
      super.dispose();
    } finally {
      this._poolOf.clear(); // so that poolFor() looks anew, and sees it
      this._structs.length = 0;
    }
  }

  /** The pool of a struct that is asked for the first time. */
  #add(struct: S): ErasedPool<S> {
    this._classSlabs[0].checkThere();
    const pool = this.pools[classOf(this._sizes, "alloc in", this._classSlabs[0].label, struct)];
    this._poolOf.set(struct, pool);
    if (this._structs.length < LISTED) {
      this._poolsOf[this._structs.length] = pool;
      this._structs.push(struct);
    }
    return pool;
  }

  /** The pool of a handle's class; of what is no handle the first one, which will say so. */
  #poolOf(handle: number): ErasedPool<S> {
    return this.pools[this.#classOf(handle)] ?? this.pools[0];
  }

  #classOf(handle: number): number {
    return typeof handle === "number" ? this._parts.partOf(handle) : -1;
  }
}

noteOwn(PoolSet.prototype);

/** What debug mode traces: its pools write the records. */
const TRACED_OF_SET: TracedCalls = Object.fromEntries(
  Object.keys(TRACED).map((name) => [name, RUNS_NO_USER_CODE]),
);

/** In debug mode a handle is a number that tells nothing, and each class has a table of its own. */
class NumberedParts {
  readonly #slabs: readonly Slab[];

  constructor(slabs: readonly Slab[]) {
    this.#slabs = slabs;
  }

  partOf(handle: number): number {
    return this.#slabs.findIndex(({ codec }) => codec.liveStamp(handle) >= 0);
  }
}

/** The smallest class that a struct fits, by its place among the sizes. */
function classOf(sizes: readonly number[], verb: string, label: string, struct: AnyStruct): number {
  if (!(struct instanceof Struct)) {
    throw new TypeError(
      `Cannot ${verb} ${label}: the type must be a struct, got ${shown(struct)}`,
    );
  }
  const at = sizes.findIndex((size) => struct.size <= size && struct.align <= naturalAlign(size));
  if (at >= 0) return at;
  throw new SchemaError(
    `Cannot ${verb} ${label}: ${
      structTitle(struct)
    } of ${struct.size} bytes, aligned to ${struct.align}, ` +
      `fits none of the classes of ${sizes.join(", ")} bytes`,
    struct.name,
    "",
  );
}
