/**
 * `Pool`: records of one struct, packed into blocks.
 *
 * @module
 */
import { type Block, NO_BLOCK } from "../slab/block.ts";
import type { EngineConfig } from "../slab/debug_mode.ts";
import type { HandleCodec } from "../slab/handle.ts";
import {
  HandleIterator,
  type Iteration,
  iterationOf,
  type IteratorClass,
  type Loop,
  type Visitor,
} from "../slab/iterate.ts";
import { RecentLoops, RETAIN } from "../slab/loops.ts";
import { codeIn, compilerForStruct } from "../slab/own_code.ts";
import { noteOwn } from "../slab/own_functions.ts";
import type { Chunk, Slab, SlabClass } from "../slab/slab.ts";
import { codeKey, slabClassFor } from "../slab/slab_class.ts";
import type { OwnCode } from "../slab/typed_slab.ts";
import type { ReusedIterator } from "../struct/array_view.ts";
import type { Writer } from "../struct/record.ts";
import type { Handle } from "../struct/handle_type.ts";
import type { AnyStruct, Fields, Init, StructOf } from "../struct/schema.ts";
import { arraysOf } from "../struct/typed_arrays.ts";
import {
  inUnits,
  isDebugView,
  type RecordView,
  type RecordViewClass,
  structCode,
  structOf,
  type View,
} from "../struct/view.ts";
import type { MapSource } from "./handle_map.ts";
import { checkPoolOptions, type PoolOptions, resolveOptions } from "./options.ts";
import { asStruct, checkFunction, viewError } from "./checks.ts";
import {
  allocMany,
  type HandleArray,
  loopOver,
  PoolBase,
  reserve,
  type ScopedRecord,
  TRACED,
} from "./pool_base.ts";

/**
 * A pool of records of one struct, allocated and freed in constant time.
 *
 * Use it for records that come and go all the time and are referred to while they live: bullets,
 * particles, nodes, sessions. For values that are all dropped at once an {@linkcode Arena} is
 * faster; for records of several structs use {@linkcode ErasedPool} or {@linkcode PoolSet}; for a
 * handful of long-lived values plain objects are simpler.
 *
 * Records lie in blocks that are added on demand, and never move except by `compact`. `alloc` and
 * `free` are O(1) and allocate nothing on the JavaScript heap.
 *
 * @category Pools
 * @typeParam T The type of the struct, or of its plain fields.
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
export class Pool<T extends AnyStruct | Fields> extends PoolBase<View<T>, Handle<T>> {
  /** The struct of the records. */
  declare readonly struct: StructOf<T>;
  // `declare`, as the constructor may return another object, which has these fields instead.
  /** @ignore */
  declare protected readonly _slab: Slab;
  /**
   * The view through which `alloc` and `set` write.
   *
   * @ignore
   */
  declare protected readonly _scratch: RecordView;
  /**
   * Views of iterations that have ended, for the next ones. A nested iteration finds none and makes
   * its own.
   *
   * @ignore
   */
  declare protected readonly _spareViews: RecordView[];
  /** @ignore */
  declare protected readonly _loops: RecentLoops<Loop>;
  /** @ignore */
  declare protected readonly _retainLoops: RecentLoops<Loop>;
  declare private readonly _code: PoolCode;
  /** The methods of the class that was compiled for the struct, for pools of a derived class. */
  declare private readonly _own: Hot<T>;

  /**
   * Creates a pool. It takes no memory: the first `alloc` adds a block.
   *
   * @param type A struct, or the fields of one.
   * @param options See {@linkcode PoolOptions}.
   * @throws {SchemaError} when plain fields are not those of a struct.
   * @throws {RangeError} when a number of the options is out of its range.
   * @throws {TypeError} when an option is unknown or has the wrong type.
   */
  constructor(type: T, options?: PoolOptions);
  constructor(type: T | Setup, options: PoolOptions = {}) {
    const setup = type instanceof Setup ? type : new Setup(type, options);
    // `new Pool` makes an instance of the derived class that is compiled for the struct.
    if (new.target === Pool) return new setup.code.Pool(setup) as Pool<T>;
    const { struct, code, config } = setup;
    const slab = new code.Slab(config, chunkOf(struct));
    super([{ slab, kinds: [], struct, code }], slab);
    this.struct = struct as StructOf<T>; // T, or the struct made of the fields T
    this._slab = slab;
    this._scratch = new code.View(NO_BLOCK, 0);
    this._spareViews = [];
    this._loops = new RecentLoops(code.iteration.loopsFor(0));
    this._retainLoops = new RecentLoops(code.iteration.loopsFor(RETAIN));
    this._code = code;
    this._own = code.Pool.prototype as unknown as Hot<T>; // its struct is that of T
    config.debug?.traceCalls(this, TRACED, Pool.prototype, code.Pool.prototype);
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

  // -- one record --
  //
  // The class that is compiled for the struct overrides these methods. A class of the user's
  // extends this one instead, and calls the compiled methods through these.

  /**
   * Allocates a zeroed record, in O(1).
   *
   * In the hottest loops use {@linkcode allocAt} and write through a cursor: that needs no `init`
   * object and looks up no field by name.
   *
   * @param init Values of fields; those left out stay zero.
   * @returns The handle of the record.
   * @throws {PoolExhaustedError} when all `maxChunks` chunks are live; nothing changes then.
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
  alloc(init?: Init<T>): Handle<T> {
    return this._own.alloc.call(this, init);
  }

  /**
   * Allocates a zeroed record as {@linkcode alloc} does, unless the pool is exhausted, in O(1).
   *
   * @param init Values of fields; those left out stay zero.
   * @returns The handle of the record; `undefined` when all `maxChunks` chunks are live.
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
  tryAlloc(init?: Init<T>): Handle<T> | undefined {
    return this._own.tryAlloc.call(this, init);
  }

  /**
   * Frees a record, in O(1), allocating nothing. Its handle is stale from then on.
   *
   * @param handle Handle of a live record.
   * @throws {StaleHandleError} when it is stale, null, forged, or freed already; nothing changes
   * then.
   * @throws {DisposedError} after `dispose`.
   *
   * @example Usage
   * ```ts
   * import { Pool } from "@slabs/pool";
   * import { assertEquals } from "@std/assert";
   *
   * using pool = new Pool({ hp: "u8" });
   * const imp = pool.alloc();
   * pool.free(imp);
   * assertEquals(pool.has(imp), false);
   * assertEquals(pool.tryFree(imp), false); // free() would throw StaleHandleError
   * ```
   */
  free(handle: Handle<T>): void {
    this._own.free.call(this, handle);
  }

  /**
   * Frees a record if it is live, in O(1), allocating nothing.
   *
   * @param handle Any handle.
   * @returns `true` if the record was live.
   * @throws {DisposedError} after `dispose`.
   */
  tryFree(handle: Handle<T>): boolean {
    return this._own.tryFree.call(this, handle);
  }

  /**
   * Returns whether a record is live, in O(1), allocating nothing.
   *
   * @param handle Any handle.
   * @returns `true` if it is live.
   * @throws {DisposedError} after `dispose`.
   */
  has(handle: Handle<T>): boolean {
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
  override indexOf(handle: Handle<T>): number {
    return this._own.indexOf.call(this, handle);
  }

  /**
   * Returns a view of a record, in O(1). Each call makes a new view, which may be kept beside
   * others; a view that stays in a local variable costs no allocation in optimised code.
   *
   * @param handle Handle of a live record.
   * @returns A view of the record.
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
  get(handle: Handle<T>): View<T> {
    return this._own.get.call(this, handle);
  }

  /**
   * Returns a view of a record if it is live, in O(1).
   *
   * @param handle Any handle.
   * @returns A view of the record; `undefined` when it is not live.
   * @throws {DisposedError} after `dispose`.
   */
  tryGet(handle: Handle<T>): View<T> | undefined {
    return this._own.tryGet.call(this, handle);
  }

  /**
   * Writes the named fields of a record, in O(fields), allocating nothing; the others stay as they
   * are.
   *
   * @param handle Handle of a live record.
   * @param init Values of the fields to set.
   * @throws {StaleHandleError} when it is stale, null or forged.
   * @throws {TypeError} when `init` names an unknown field or a value does not fit its type;
   * nothing is written then.
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
  set(handle: Handle<T>, init: Init<T>): void {
    this._own.set.call(this, handle, init);
  }

  // -- cursors --

  /**
   * Allocates a zeroed record and moves a view to it, in O(1), as {@linkcode alloc} and
   * {@linkcode seek} do. Use it in loops that make thousands of records: nothing is allocated on
   * the heap, and no field is looked up by name.
   *
   * @param cursor A view of this pool's struct.
   * @returns The handle of the new record.
   * @throws {PoolExhaustedError} when all `maxChunks` chunks are live; the view stays where it is.
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
  allocAt(cursor: View<T>): Handle<T> {
    return this._own.allocAt.call(this, cursor);
  }

  /**
   * Makes a view that {@linkcode seek} moves from record to record, so that a whole loop needs only
   * one.
   *
   * @returns An unbound view, whose fields read as 0, `false` or `0n`.
   * @throws {DisposedError} after `dispose`.
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
  cursor(): View<T> {
    this._slab.checkUsable("make a cursor");
    return new this._code.View(NO_BLOCK, 0) as unknown as View<T>;
  }

  /**
   * Moves a view to a record, in O(1), allocating nothing.
   *
   * @param cursor A view of this pool's struct: a cursor, or what {@linkcode get} returned.
   * @param handle Handle of a live record.
   * @returns `cursor`.
   * @throws {StaleHandleError} when the handle is stale, null or forged; the view stays where it
   * is.
   * @throws {TypeError} when the view is of another struct.
   * @throws {DisposedError} after `dispose`.
   */
  seek(cursor: View<T>, handle: Handle<T>): View<T> {
    return this._own.seek.call(this, cursor, handle);
  }

  // -- every record --

  /**
   * Calls a function with every live record once, in block and chunk order, in O(`capacity` / 32 +
   * `size`), allocating nothing.
   *
   * The function may free the current record or any other. A record that is allocated during the
   * iteration may or may not be visited; blocks that are added during the iteration are not, so
   * that it ends.
   *
   * A callback written in place gets a loop that is compiled for its text at the first call and
   * found again at later ones. A function that {@linkcode loop} returns is faster still.
   *
   * @param fn Called with a view and the handle of the record. It is the same view each time, moved
   * to the next record: to keep one, take `pool.get(handle)`.
   * @throws {TypeError} when `fn` is no function.
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
  forEach(fn: (view: View<T>, handle: Handle<T>) => void): void {
    this._own.forEach.call(this, fn);
  }

  /**
   * Makes a function that does what `forEach(fn)` does, compiled for this pool and this callback:
   * the fastest way to iterate over a pool. Make it once and call it in every frame: the calls
   * allocate nothing. For one struct 256 loops are compiled; further ones share one for each text.
   *
   * @typeParam A Types of the arguments that are handed on, up to four.
   * @param fn Called with a view that is moved to each record, the handle, and the arguments of the
   * call.
   * @returns The function. It throws {@linkcode DisposedError} after the pool's `dispose`.
   * @throws {TypeError} when `fn` is no function, or takes more than six arguments.
   * @throws {DisposedError} after `dispose`.
   *
   * @example Usage
   * ```ts
   * import { Pool } from "@slabs/pool";
   * import { assertEquals } from "@std/assert";
   *
   * using ships = new Pool({ x: "f32", vx: "f32" });
   * const ship = ships.alloc({ x: 1, vx: 2 });
   * const move = ships.loop((it, _handle, dt: number) => {
   *   it.x += it.vx * dt;
   * });
   * move(0.5);
   * assertEquals(ships.get(ship).x, 2);
   * ```
   */
  loop<A extends unknown[] = []>(
    fn: (view: View<T>, handle: Handle<T>, ...args: A) => void,
  ): (...args: A) => void {
    const { iteration, View } = this._code;
    return loopOver(this._slab, { iteration, makeView: () => new View(NO_BLOCK, 0) }, fn);
  }

  /**
   * Iterates over every live record once, in block and chunk order, under the rules of
   * {@linkcode forEach}.
   *
   * @returns An iterator. It yields the same view each time, moved to the next record.
   * @throws {DisposedError} after `dispose`.
   *
   * @example Usage
   * ```ts
   * import { Pool } from "@slabs/pool";
   * import { assertEquals } from "@std/assert";
   *
   * using pool = new Pool({ hp: "u8" });
   * for (const hp of [1, 2, 3]) pool.alloc({ hp });
   * let sum = 0;
   * for (const { hp } of pool) sum += hp;
   * assertEquals(sum, 6);
   * ```
   */
  [Symbol.iterator](): ReusedIterator<View<T>> {
    return this._own[Symbol.iterator].call(this);
  }

  /**
   * Iterates over the handles of every live record, under the rules of {@linkcode forEach}.
   *
   * @returns An iterator of handles.
   * @throws {DisposedError} after `dispose`.
   *
   * @example Usage
   * ```ts
   * import { Pool } from "@slabs/pool";
   * import { assertEquals } from "@std/assert";
   *
   * using pool = new Pool({ hp: "u8" });
   * const handles = pool.allocMany(3);
   * assertEquals([...pool.handles()], handles);
   * ```
   */
  handles(): ReusedIterator<Handle<T>> {
    this._slab.checkUsable("iterate");
    return new HandleIterator(this._slab) as unknown as ReusedIterator<Handle<T>>;
  }

  /**
   * Frees every record for which a predicate returns false, in O(`capacity` / 32 + `size`),
   * allocating nothing: the sweep of a mark-and-sweep collector.
   *
   * @param pred Called with a view that is moved to each record, and the handle. If it throws, the
   * records freed so far stay freed.
   * @returns How many records were freed.
   * @throws {TypeError} when `pred` is no function.
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
  retain(pred: (view: View<T>, handle: Handle<T>) => boolean): number {
    return this._own.retain.call(this, pred);
  }

  // -- many records --

  /**
   * Allocates zeroed records, all or none, in O(n + blocks).
   *
   * @param count How many, an integer from 0.
   * @param out An array to fill from its start and to return; a new one by default.
   * @returns The handles of the records.
   * @throws {PoolExhaustedError} when `maxChunks` does not leave room for all of them; nothing
   * changes then.
   * @throws {OutOfMemoryError} when the memory resource cannot give the blocks; nothing changes
   * then.
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
  allocMany(count: number, out?: Handle<T>[]): Handle<T>[];
  /**
   * Allocates zeroed records as above and writes their handles to an array of the caller's: nothing
   * is allocated on the heap.
   *
   * @typeParam O The type of the array.
   * @param count How many, an integer from 0.
   * @param out An array or typed array to fill from its start; a plain array ends up `count` long.
   * @returns `out`.
   */
  allocMany<O extends HandleArray<T>>(count: number, out: O): O;
  allocMany(count: number, out: HandleArray<T> = []): HandleArray<T> {
    return allocMany(this._slab, count, out as Handle<T>[]); // only elements and length are used
  }

  /**
   * Allocates a zeroed record that is freed at the end of its `using` scope, unless it was freed
   * before, in O(1).
   *
   * The scope frees by handle: a record that `compact` has moved is not freed, and another record
   * that has the same handle after a `restore` within the scope is freed.
   *
   * @param init Values of fields; those left out stay zero.
   * @returns The handle and a view of the record, in an object that `using` disposes of.
   * @throws {PoolExhaustedError | OutOfMemoryError | TypeError | DisposedError} as
   * {@linkcode alloc} does.
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
  scoped(init?: Init<T>): ScopedRecord<T> {
    const handle = this.alloc(init);
    return { handle, view: this.get(handle), [Symbol.dispose]: () => void this._slab.free(handle) };
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
   *
   * @example Usage
   * ```ts
   * import { Pool } from "@slabs/pool";
   * import { assertEquals } from "@std/assert";
   *
   * using pool = new Pool({ hp: "u8" }, { chunksPerBlock: 64 });
   * pool.reserve(100); // before the game begins
   * assertEquals([pool.size, pool.capacity], [0, 128]);
   * ```
   */
  reserve(chunks: number): void {
    reserve(this._slab, chunks);
  }

  /** Chunks in each block. */
  get chunksPerBlock(): number {
    return this._slab.geometry.chunkCount;
  }
}

/** The methods of the class that is compiled for a struct. */
type Hot<T extends AnyStruct | Fields> = Pick<
  Pool<T>,
  | "alloc"
  | "tryAlloc"
  | "free"
  | "tryFree"
  | "has"
  | "indexOf"
  | "get"
  | "tryGet"
  | "set"
  | "allocAt"
  | "seek"
  | "forEach"
  | "retain"
  | typeof Symbol.iterator
>;

/** The code that is compiled for a struct and a geometry, and shared by all pools of both. */
interface PoolCode extends OwnCode {
  readonly Slab: SlabClass;
  readonly View: RecordViewClass;
  readonly iteration: Iteration;
  // deno-lint-ignore no-explicit-any -- Pool<T> of each T uses it, for a struct of T
  readonly Pool: { new (setup: Setup): Pool<any>; readonly prototype: Pool<any> };
}

/** The arguments of the constructor, checked, with the code for them. */
class Setup {
  readonly struct: AnyStruct;
  readonly config: EngineConfig;
  readonly code: PoolCode;

  constructor(type: AnyStruct | Fields, options: PoolOptions) {
    this.struct = asStruct(type);
    const { struct } = this;
    checkPoolOptions("Pool", struct.name || "pool", options);
    this.config = resolveOptions("Pool", struct.name || "pool", struct.size, options);
    this.code = codeFor(struct, this.config);
  }
}

function chunkOf(struct: AnyStruct): Chunk {
  return { chunkBytes: struct.size, align: struct.align, arrays: arraysOf(struct), tagged: false };
}

const codes = new WeakMap<AnyStruct, Map<string, PoolCode>>();

function codeFor(struct: AnyStruct, config: EngineConfig): PoolCode {
  if (config.debug) return makeCode(struct, config); // each debug pool has a handle table of its own
  let made = codes.get(struct);
  if (made === undefined) codes.set(struct, made = new Map());
  return codeIn(made, codeKey(config), config.specialize, () => makeCode(struct, config));
}

function makeCode(struct: AnyStruct, config: EngineConfig): PoolCode {
  const { debug, codec, chunksPerBlock } = config;
  const compile = compilerForStruct(struct, config.specialize);
  const { View, write } = structCode(struct, compile, debug?.views);
  const Slab = slabClassFor(config, struct.size, compile);
  const iteration = debug?.iterationOf(() => View) ??
    iterationOf(View, codec, struct.size, compile);
  const isView = (view: unknown) =>
    structOf(view) === struct && isDebugView(view) === (debug !== undefined);
  const OwnPool = compile(definePool, Pool, NO_BLOCK, View, iteration.RecordIterator, {
    chunkUnits: inUnits(View, struct.size),
    chunkMask: chunksPerBlock - 1,
    codec,
    write,
    isView,
    checkFunction,
    viewError,
  });
  noteOwn(PoolBase.prototype, Pool.prototype, OwnPool.prototype);
  return {
    compile,
    Slab,
    View,
    iteration,
    Pool: OwnPool as unknown as PoolCode["Pool"], // Pool's constructor takes a Setup as well
  };
}

/**
 * Defines the hot part of a pool. The text of this function is compiled again for each struct and
 * geometry, so it may use its parameters and globals only.
 *
 * @param Base {@linkcode Pool}.
 * @param noBlock The block that unbound views are bound to.
 * @param View The class of the records' views.
 * @param RecordIterator The class of the iterators.
 * @param own Constants and helpers of the struct and geometry.
 * @returns The class.
 */
function definePool(
  Base: typeof Pool,
  noBlock: Block,
  View: RecordViewClass,
  RecordIterator: IteratorClass,
  own: {
    /** Distance from one record to the next, in units of the view. */
    readonly chunkUnits: number;
    readonly chunkMask: number;
    readonly codec: HandleCodec;
    readonly write: Writer;
    /** Whether a view is of this struct although its class was compiled for another geometry. */
    readonly isView: (view: unknown) => boolean;
    readonly checkFunction: (slab: Slab, verb: string, fn: unknown) => void;
    readonly viewError: (slab: Slab, verb: string, problem: string) => Error;
  },
): new (type: AnyStruct) => Pool<AnyStruct> {
  const chunkUnits = own.chunkUnits;
  const chunkMask = own.chunkMask;
  const codec = own.codec;
  const write = own.write;
  const isView = own.isView;

  /** The same view object, typed by its fields for the user and by its internal state. */
  type V = View<AnyStruct> & RecordView;
  type H = Handle<AnyStruct>;

  return class Pool extends Base<AnyStruct> {
    override alloc(init?: Init<AnyStruct>): H {
      const slab = this._slab;
      const handle = init === undefined
        ? slab.alloc()
        : write(init, 0, this._scratch, slab, 0, undefined);
      if (handle === 0) throw slab.exhaustedError("alloc");
      return handle as H;
    }

    override tryAlloc(init?: Init<AnyStruct>): H | undefined {
      const slab = this._slab;
      const handle = init === undefined
        ? slab.alloc()
        : write(init, 0, this._scratch, slab, 0, undefined);
      return handle === 0 ? undefined : handle as H;
    }

    override free(handle: H): void {
      if (!this._slab.free(handle)) throw this._slab.staleError("free", handle);
    }

    override tryFree(handle: H): boolean {
      const slab = this._slab;
      if (slab.free(handle)) return true;
      slab.checkThere();
      return false;
    }

    override has(handle: H): boolean {
      const slab = this._slab;
      if (slab.find(handle) !== undefined) return true;
      slab.checkThere();
      return false;
    }

    override indexOf(handle: H): number {
      const slab = this._slab;
      if (slab.find(handle) === undefined) throw slab.staleError("tell the index", handle);
      return codec.index(handle);
    }

    override get(handle: H): V {
      const block = this._slab.find(handle);
      if (block === undefined) throw this._slab.staleError("get", handle);
      return new View(block, (codec.index(handle) & chunkMask) * chunkUnits) as unknown as V;
    }

    override tryGet(handle: H): V | undefined {
      const slab = this._slab;
      const block = slab.find(handle);
      if (block !== undefined) {
        return new View(block, (codec.index(handle) & chunkMask) * chunkUnits) as unknown as V;
      }
      slab.checkThere();
      return undefined;
    }

    override set(handle: H, init: Init<AnyStruct>): void {
      const slab = this._slab;
      if (slab.find(handle) === undefined) throw slab.staleError("set", handle);
      write(init, 0, this._scratch, slab, handle, undefined);
    }

    override allocAt(cursor: View<AnyStruct>): H {
      const slab = this._slab;
      if (!(cursor instanceof View) && !isView(cursor)) {
        throw own.viewError(slab, "allocAt", "is no view of this pool's struct");
      }
      const handle = slab.alloc();
      if (handle === 0) throw slab.exhaustedError("alloc");
      const view = cursor as V;
      view._b = slab.current;
      view._o = (codec.index(handle) & chunkMask) * chunkUnits;
      return handle as H;
    }

    override seek(cursor: View<AnyStruct>, handle: H): View<AnyStruct> {
      const slab = this._slab;
      const block = slab.find(handle);
      if (block === undefined) throw slab.staleError("seek", handle);
      if (!(cursor instanceof View) && !isView(cursor)) {
        throw own.viewError(slab, "seek", "is no view of this pool's struct");
      }
      const view = cursor as V;
      view._b = block;
      view._o = (codec.index(handle) & chunkMask) * chunkUnits;
      return cursor;
    }

    override forEach(fn: (view: View<AnyStruct>, handle: H) => void): void {
      const slab = this._slab;
      slab.checkThere();
      own.checkFunction(slab, "forEach", fn);
      const view = this._spareViews.pop() || new View(noBlock, 0);
      const visitor = fn as unknown as Visitor;
      this._loops.find(visitor, slab.allocs - slab.frees)(slab, slab.iterable(), view, visitor);
      this._spareViews.push(view);
    }

    override retain(pred: (view: View<AnyStruct>, handle: H) => boolean): number {
      const slab = this._slab;
      slab.checkThere();
      own.checkFunction(slab, "retain", pred);
      const view = this._spareViews.pop() || new View(noBlock, 0);
      const visitor = pred as unknown as Visitor;
      const freed = this._retainLoops.find(visitor, slab.allocs - slab.frees)(
        slab,
        slab.iterable(),
        view,
        visitor,
      );
      this._spareViews.push(view);
      return freed;
    }

    override [Symbol.iterator](): ReusedIterator<View<AnyStruct>> {
      const slab = this._slab;
      slab.checkThere();
      return new RecordIterator(slab) as unknown as ReusedIterator<View<AnyStruct>>;
    }

    override get size(): number {
      return this._slab.allocs - this._slab.frees;
    }
  };
}
