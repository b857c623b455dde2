/**
 * `HandleMap`: values of any kind beside the records of a pool.
 *
 * ```text
 * handles   [ handle | 0      | handle | … ]      by the index of the record's chunk, 4 or 8 bytes each
 * values    [ value  | nothing | value | … ]      by the same
 * ```
 *
 * A look-up is that of an array: the handle that is noted has to be the one that is asked for. The slab tells its maps of each record
 * that is freed, and they drop its value, so what is noted is live; a shared slab, where other threads free, does not, and is asked
 * each time.
 *
 * @module
 */
import type { HandleCodec } from "../slab/handle.ts";
import type { SlabObserver } from "../slab/observers.ts";
import type { Compile } from "../struct/scalars.ts";
import type { AnyStruct, Fields } from "../struct/schema.ts";
import type { HandleOf } from "./pool_base.ts";

/**
 * A pool that a {@linkcode HandleMap} can be beside: each of them is.
 *
 * @typeParam S The struct type, or the plain fields it is made of; of several the union.
 */
export interface HandleMapPool<S extends AnyStruct | Fields> {
  /** Tells whether a record is live. A property, so that the handles of another struct are refused. */
  readonly has: (handle: HandleOf<S>) => boolean;
  /** Tells the index of a live record. */
  readonly indexOf: (handle: HandleOf<S>) => number;
  /** Chunks that the pool may have at the most. */
  readonly maxChunks: number;
}

/**
 * Any values beside records, by their handles: sprites, strings, physics bodies, promises.
 *
 * Use it for what cannot be a field. A value is there as long as its record is: once that is freed nobody sees it any more, not the
 * next record in the same chunk either. For numbers an array of yours, by `pool.indexOf(handle)`, is smaller.
 *
 * `get`, `has`, `set` and `delete` are O(1), without hashing, and allocate nothing once there is room: 12 bytes, of wide handles 16, for
 * each index up to the highest that has a value. As pools give out low indices first, that is about what the most records that were live at
 * once need; {@linkcode sweep} gives back what is beyond the highest. As long as there is a map, freeing a record drops its value as well,
 * which makes that a little slower.
 *
 * A value stays through `pool.trim()` and `pool.rebind()`, and moves with its record in `pool.compact()`. `pool.restore()` keeps those
 * of the records that were live before and are live after, by their handles; `pool.load()` drops all. After the pool's `dispose` every
 * call throws `DisposedError` but `size`, which is 0, and {@linkcode clear}.
 *
 * Beside a `SharedPool` a map is of one thread. Which records others have freed it finds out when it is asked, and what those have
 * left is dropped by `sweep`, and bit by bit by `set`, which looks at a few values each time. Compact handles come round without its
 * knowing: the value of a dead record can be seen by one that has its very handle again, after as many reuses of the chunk as there are
 * generations, if nothing was swept in the meantime. Wide handles never come round.
 *
 * @typeParam S The struct type of the records, `HandleMap<typeof Ship, Sprite>`; of several the union.
 * @typeParam V The values.
 *
 * @example Usage
 * ```ts
 * import { HandleMap, Pool, struct } from "@slabs/pool";
 * import { assertEquals } from "@std/assert";
 *
 * const Ship = struct({ x: "f32", y: "f32" }, { name: "Ship" });
 * using ships = new Pool(Ship);
 * const names = new HandleMap<typeof Ship, string>(ships);
 *
 * const ship = ships.alloc();
 * names.set(ship, "Beagle");
 * assertEquals(names.get(ship), "Beagle");
 *
 * ships.free(ship);
 * const next = ships.alloc(); // in the same chunk
 * assertEquals(names.get(ship), undefined);
 * assertEquals(names.get(next), undefined);
 * ```
 */
export class HandleMap<S extends AnyStruct | Fields, V> implements Iterable<[HandleOf<S>, V]> {
  // `declare`, as the constructor may return before it sets them: then they are another object's.
  /**
   * The values, by slab of the pool.
   *
   * @internal
   */
  declare protected readonly _stores: readonly Store[];
  /**
   * The first of them, which is the only one but beside a set of pools.
   *
   * @internal
   */
  declare protected readonly _store: Store;
  /**
   * Tells whose a handle is.
   *
   * @internal
   */
  declare protected readonly _partOf: (handle: number) => number;
  /** The methods of the map's own class. */
  declare private readonly _own: Hot;

  /**
   * Creates a map without any value.
   *
   * @param pool A `Pool`, `ErasedPool`, `PoolSet` or `SharedPool`. The map refers to it.
   * @throws {TypeError} when it is none.
   * @throws {DisposedError} after its `dispose`.
   */
  constructor(pool: HandleMapPool<S>);
  constructor(pool: HandleMapPool<S> | Setup) {
    const setup = pool instanceof Setup ? pool : new Setup(pool);
    // A map is of a class made for the pool's struct and geometry, which extends this one.
    if (new.target === HandleMap) return new setup.Own(setup) as unknown as HandleMap<S, V>;
    this._stores = setup.stores;
    this._store = setup.stores[0];
    this._partOf = setup.partOf;
    this._own = setup.Own.prototype as unknown as Hot;
    for (const store of setup.stores) {
      collected.register(this, { slab: new WeakRef(store.slab), store: new WeakRef(store) });
    }
  }

  /**
   * Tells the value of a record, in O(1).
   *
   * @param handle Any handle.
   * @returns The value; `undefined` when the record is not live, or has none.
   * @throws {DisposedError} after the pool's `dispose`.
   */
  get(handle: HandleOf<S>): V | undefined {
    return this._own.get.call(this, handle) as V | undefined; // which set() has put there
  }

  /**
   * Tells whether a record has a value, in O(1): `undefined` is one as well.
   *
   * @param handle Any handle.
   * @returns Whether it is live and has one.
   * @throws {DisposedError} after the pool's `dispose`.
   */
  has(handle: HandleOf<S>): boolean {
    return this._own.has.call(this, handle);
  }

  /**
   * Gives a record a value, in O(1); where there is no room for its index, room is made for twice as many.
   *
   * @param handle Handle of a live record.
   * @param value Its value from now on.
   * @returns This map.
   * @throws {StaleHandleError} when the handle is stale, null or forged; nothing changes then.
   * @throws {DisposedError} after the pool's `dispose`.
   */
  set(handle: HandleOf<S>, value: V): this {
    this._own.set.call(this, handle, value);
    return this;
  }

  /**
   * Takes a record's value away, in O(1).
   *
   * @param handle Any handle.
   * @returns Whether it was live and had one.
   * @throws {DisposedError} after the pool's `dispose`.
   */
  delete(handle: HandleOf<S>): boolean {
    return this._own.delete.call(this, handle);
  }

  /** Values of live records, in O(1); beside a `SharedPool` in O(highest index with a value). After the pool's `dispose` it is 0. */
  get size(): number {
    let sum = 0;
    for (const store of this._stores) sum += store.size();
    return sum;
  }

  /**
   * Calls a function with every value of a live record, in memory order. Freeing the current record, or any other, and deleting
   * are safe meanwhile; a value that is set meanwhile may or may not be seen. Nothing is allocated.
   *
   * @param fn Gets the value and the handle.
   * @throws {TypeError} when `fn` is no function, or the pool's memory was detached.
   * @throws {DisposedError} after the pool's `dispose`.
   *
   * @example Usage
   * ```ts
   * import { HandleMap, Pool } from "@slabs/pool";
   * import { assertEquals } from "@std/assert";
   *
   * using pool = new Pool({ x: "f32" });
   * const names = new HandleMap<typeof pool.struct, string>(pool);
   * for (const name of ["a", "b", "c"]) names.set(pool.alloc(), name);
   * let all = "";
   * names.forEach((name) => all += name);
   * assertEquals(all, "abc");
   * ```
   */
  forEach(fn: (value: V, handle: HandleOf<S>) => void): void {
    this.#check("iterate");
    if (typeof fn !== "function") {
      throw new TypeError(
        `Cannot iterate over a HandleMap of ${this._store.slab.label}: the argument must be a function`,
      );
    }
    for (const store of this._stores) {
      for (let at = store.next(-1); at >= 0; at = store.next(at)) {
        fn(store.values[at] as V, store.handles[at] as HandleOf<S>);
      }
    }
  }

  /**
   * Iterates over the handles and values of live records, in memory order, under the rules of {@linkcode forEach}.
   *
   * @returns An iterator of pairs, each an array of its own.
   * @throws {TypeError} when the pool's memory was detached.
   * @throws {DisposedError} after the pool's `dispose`.
   *
   * @example Usage
   * ```ts
   * import { HandleMap, Pool } from "@slabs/pool";
   * import { assertEquals } from "@std/assert";
   *
   * using pool = new Pool({ x: "f32" });
   * const names = new HandleMap<typeof pool.struct, string>(pool);
   * const [a, b] = pool.allocMany(2);
   * names.set(b, "b").set(a, "a");
   * assertEquals([...names], [[a, "a"], [b, "b"]]);
   * ```
   */
  [Symbol.iterator](): IterableIterator<[HandleOf<S>, V]> {
    this.#check("iterate");
    return pairs(this._stores) as IterableIterator<[HandleOf<S>, V]>;
  }

  /**
   * Gives back the room beyond the highest index that has a value, and drops what dead records still hold, which is so beside a
   * `SharedPool` alone; in O(indices that there is room for).
   *
   * @returns How many values were dropped.
   * @throws {TypeError} when the pool's memory was detached.
   * @throws {DisposedError} after the pool's `dispose`.
   *
   * @example Usage
   * ```ts
   * import { HandleMap, SharedPool } from "@slabs/pool";
   * import { assertEquals } from "@std/assert";
   *
   * using pool = SharedPool.create({ x: "f32" });
   * const bodies = new HandleMap<typeof pool.struct, object>(pool);
   * const body = pool.alloc();
   * bodies.set(body, {});
   * pool.free(body); // in whatever thread
   * assertEquals(bodies.get(body), undefined);
   * assertEquals(bodies.sweep(), 1);
   * ```
   */
  sweep(): number {
    this.#check("sweep");
    let dropped = 0;
    for (const store of this._stores) dropped += store.sweep();
    return dropped;
  }

  /** Drops every value, and gives all room back. It may be called after the pool's `dispose` as well. */
  clear(): void {
    for (const store of this._stores) store.onDispose();
  }

  /** Checks that the pool is of use. */
  #check(verb: string): void {
    for (const { slab } of this._stores) slab.checkUsable(verb);
  }
}

/** Slabs tell the values of maps that are no more about nothing. The values may refer to the map, so none of this holds them. */
const collected = new FinalizationRegistry<{ slab: WeakRef<MapSlab>; store: WeakRef<Store> }>(
  ({ slab, store }) => {
    const gone = store.deref();
    if (gone !== undefined) slab.deref()?.unobserve(gone);
  },
);

function* pairs(stores: readonly Store[]): IterableIterator<[number, unknown]> {
  for (const store of stores) {
    for (let at = store.next(-1); at >= 0; at = store.next(at)) {
      yield [store.handles[at], store.values[at]];
    }
  }
}

// -- what a pool gives to a map --

/** The slab of a pool, as a map sees it. */
export interface MapSlab {
  /** How errors call the pool. */
  readonly label: string;
  readonly codec: HandleCodec;
  find(handle: number): object | undefined;
  isLive(handle: number): boolean;
  checkThere(): void;
  checkUsable(verb: string): void;
  staleError(verb: string, handle: number): Error;
  observe(observer: SlabObserver): void;
  unobserve(observer: SlabObserver): void;
}

/** What a map needs of a pool. */
export interface MapSource {
  /** One for each slab. */
  readonly parts: readonly { readonly slab: MapSlab; readonly code: MapCode }[];
  /**
   * @param handle Any value.
   * @returns Position of the part that has to know it; anything else for what is no handle.
   */
  partOf(handle: number): number;
}

/** The code of the maps beside pools of one struct and geometry, compiled when there is one. */
export class MapCode {
  readonly #codec: HandleCodec;
  readonly #compile: Compile;
  readonly #mayDetach: boolean;
  readonly #isShared: boolean;
  #made: Made | undefined;

  /**
   * @param codec How handles are packed.
   * @param compile Makes it.
   * @param mayDetach Whether the memory of records may be detached, which has to be seen.
   * @param isShared Whether other threads free records, and do not tell.
   */
  constructor(codec: HandleCodec, compile: Compile, mayDetach: boolean, isShared = false) {
    this.#codec = codec;
    this.#compile = compile;
    this.#mayDetach = mayDetach;
    this.#isShared = isShared;
  }

  /** The class of the maps, and what it consists of. */
  get made(): Made {
    return this.#made ??= this.#compile(
      defineHandleMap,
      HandleMap as unknown as BaseClass, // of maps of any struct
      this.#codec,
      this.#mayDetach || this.#isShared,
      this.#isShared ? STEPS : 0,
    );
  }
}

/** Indices that there is room for at the least. */
const LEAST_ROOM = 16;

/** Values that are looked at by each `set` where records go without notice. */
const STEPS = 4;

type OwnClass = new (setup: Setup) => HandleMap<AnyStruct, unknown>;
type BaseClass = new (setup: Setup) => HandleMap<AnyStruct, unknown>;

/** What the hot part of a map does, to the values beside one slab. */
interface Operations {
  get(store: Store, handle: number): unknown;
  has(store: Store, handle: number): boolean;
  set(store: Store, handle: number, value: unknown): void;
  delete(store: Store, handle: number): boolean;
  /** Whether records go without notice. */
  readonly isShared: boolean;
}

/** What a map's text gives. */
interface Made extends Operations {
  readonly Map: OwnClass;
}

/** What is in the map's own class. */
interface Hot {
  get(handle: number): unknown;
  has(handle: number): boolean;
  set(handle: number, value: unknown): unknown;
  delete(handle: number): boolean;
}

/** What the argument of a map's constructor comes to. */
class Setup {
  readonly stores: readonly Store[];
  readonly partOf: (handle: number) => number;
  readonly Own: OwnClass;

  constructor(pool: object) {
    const { _beside } = Object(pool) as { _beside?: () => MapSource };
    if (typeof _beside !== "function") {
      throw new TypeError(
        `Cannot create a HandleMap: it must be beside a pool, got ${typeof pool}`,
      );
    }
    const source = _beside.call(pool);
    for (const { slab } of source.parts) slab.checkThere();
    this.stores = source.parts.map(({ slab, code }) => new Store(slab, code.made));
    for (const store of this.stores) store.slab.observe(store);
    this.partOf = source.partOf;
    this.Own = this.stores.length > 1
      ? MapOfSet as unknown as OwnClass
      : source.parts[0].code.made.Map;
  }
}

/** A map beside a set of pools, which has the values of each class apart. */
class MapOfSet extends (HandleMap as unknown as BaseClass) {
  override get(handle: number): unknown {
    const store = storeOf(this._stores, this._partOf, handle);
    return store.operations.get(store, handle);
  }

  override has(handle: number): boolean {
    const store = storeOf(this._stores, this._partOf, handle);
    return store.operations.has(store, handle);
  }

  override set(handle: number, value: unknown): this {
    const store = storeOf(this._stores, this._partOf, handle);
    store.operations.set(store, handle, value);
    return this;
  }

  override delete(handle: number): boolean {
    const store = storeOf(this._stores, this._partOf, handle);
    return store.operations.delete(store, handle);
  }
}

/** The values of a handle's class; of what is no handle the first ones, which will say so. */
function storeOf(
  stores: readonly Store[],
  partOf: (handle: number) => number,
  handle: number,
): Store {
  return stores[partOf(handle)] ?? stores[0];
}

// -- the values --

/** The values beside one slab. */
export class Store implements SlabObserver {
  readonly slab: MapSlab;
  readonly operations: Operations;
  /** The handle that each value was set for, by index; 0 where there is none. */
  handles: Int32Array | Float64Array;
  /** As many values. */
  values: unknown[] = [];
  /** Values that are held, those of dead records included. */
  count = 0;
  /** Index that the next `set` looks at. */
  sweepAt = 0;
  private readonly isShared: boolean;
  /** The value of a record that is being moved. */
  private lifted: unknown = undefined;
  private isLifted = false;

  /**
   * @param slab Whose records they are of.
   * @param operations What is done to them.
   */
  constructor(slab: MapSlab, operations: Operations) {
    const { codec } = slab;
    this.slab = slab;
    this.operations = operations;
    this.isShared = operations.isShared;
    // Handles of debug mode count on for ever.
    const isSmall = codec.wraps && !codec.areNumbers;
    this.handles = isSmall ? new Int32Array(0) : new Float64Array(0);
  }

  /**
   * @returns `undefined`.
   * @throws {DisposedError} after the slab's disposal.
   */
  miss(): undefined {
    this.slab.checkThere();
    return undefined;
  }

  /**
   * Notes a value.
   *
   * @param index Index of its record's chunk, where there is none.
   * @param handle The record's handle.
   * @param value The value.
   */
  add(index: number, handle: number, value: unknown): void {
    if (index >= this.handles.length) {
      this.#resize(Math.max(LEAST_ROOM, this.handles.length * 2, index + 1));
    }
    this.handles[index] = handle;
    this.values[index] = value;
    this.count++;
  }

  /** Makes room for so many indices, and no more. */
  #resize(length: number): void {
    const { handles, values } = this;
    const Handles = handles.constructor as Int32ArrayConstructor; // or the other one, which is made and filled in the same way
    const resized = new Handles(length);
    resized.set(length < handles.length ? handles.subarray(0, length) : handles);
    this.handles = resized;
    if (values.length > length) values.length = length;
    while (values.length < length) values.push(undefined); // one by one, so that none is a hole to the engine
  }

  /** @returns How many values there are of live records. */
  size(): number {
    if (this.isShared) this.onRestore();
    return this.count;
  }

  /** @returns How many values of dead records were dropped. */
  sweep(): number {
    const before = this.count;
    if (this.isShared) this.onRestore();
    let length = this.count === 0 ? 0 : this.handles.length;
    while (length > 0 && this.handles[length - 1] === 0) length--;
    if (length < this.handles.length) this.#resize(length);
    return before - this.count;
  }

  /**
   * @param index Index of a chunk; -1 for what is before the first.
   * @returns Index of the next live record that has a value; -1 when there is none.
   */
  next(index: number): number {
    for (let i = index + 1; i < this.handles.length; i++) {
      const handle = this.handles[i];
      if (handle !== 0 && (!this.isShared || this.slab.isLive(handle))) return i;
    }
    return -1;
  }

  // -- what the slab tells --

  forget(index: number): void {
    if (index >= this.handles.length || this.handles[index] === 0) return;
    this.handles[index] = 0;
    this.values[index] = undefined;
    this.count--;
  }

  onRestore(): void {
    const { handles, slab } = this;
    for (let i = 0; i < handles.length; i++) {
      if (handles[i] !== 0 && !slab.isLive(handles[i])) this.forget(i);
    }
  }

  onDispose(): void {
    this.count = this.sweepAt = 0;
    this.#resize(0);
  }

  beforeMove(index: number, handle: number): void {
    this.isLifted = this.handles[index] === handle;
    if (!this.isLifted) return;
    this.lifted = this.values[index];
    this.forget(index);
  }

  afterMove(index: number, handle: number): void {
    if (!this.isLifted) return;
    this.add(index, handle, this.lifted);
    this.isLifted = false;
    this.lifted = undefined;
  }
}

/**
 * The hot part of a map. Its text is compiled anew for each struct and geometry, so nothing in it is free but its parameters.
 *
 * @param Base {@linkcode HandleMap}.
 * @param codec How handles are packed.
 * @param looks Whether the slab has to be asked whether a record is live, or whether there is memory.
 * @param steps Values that are looked at by each `set`; 0 where the slab tells of each record that is freed.
 * @returns What is done to the values beside one slab, and the class of the maps that have but one.
 */
function defineHandleMap(
  Base: BaseClass,
  codec: HandleCodec,
  looks: boolean,
  steps: number,
): Made {
  // In debug mode a handle that is none has no index.
  const mayMiss = codec.areNumbers;

  function get(store: Store, handle: number): unknown {
    if (looks ? store.slab.find(handle) !== undefined : typeof handle === "number") {
      const index = codec.index(handle);
      const handles = store.handles;
      if (index < handles.length && (!mayMiss || index >= 0) && handles[index] === handle) {
        return store.values[index];
      }
    }
    return store.miss();
  }

  function has(store: Store, handle: number): boolean {
    if (looks ? store.slab.find(handle) !== undefined : typeof handle === "number") {
      const index = codec.index(handle);
      const handles = store.handles;
      if (index < handles.length && (!mayMiss || index >= 0)) {
        return handles[index] === handle && handle !== 0 || store.miss() !== undefined;
      }
    }
    store.miss();
    return false;
  }

  function set(store: Store, handle: number, value: unknown): void {
    const slab = store.slab;
    if (slab.find(handle) === undefined) throw slab.staleError("set a value", handle);
    if (steps > 0) sweepSome(store);
    const index = codec.index(handle);
    const handles = store.handles;
    if (index < handles.length) {
      const before = handles[index];
      if (before === handle) {
        store.values[index] = value;
        return;
      }
      // Of a record that nobody has told of; elsewhere there is none.
      if (before !== 0) store.forget(index);
    }
    store.add(index, handle, value);
  }

  function remove(store: Store, handle: number): boolean {
    if (!has(store, handle)) return false;
    store.forget(codec.index(handle));
    return true;
  }

  function sweepSome(store: Store): void {
    const handles = store.handles;
    for (let i = 0; i < steps; i++) {
      const at = store.sweepAt < handles.length ? store.sweepAt : 0;
      store.sweepAt = at + 1;
      const handle = at < handles.length ? handles[at] : 0;
      if (handle !== 0 && store.slab.find(handle) === undefined) store.forget(at);
    }
  }

  class HandleMap extends Base {
    override get(handle: number): unknown {
      return get(this._store, handle);
    }

    override has(handle: number): boolean {
      return has(this._store, handle);
    }

    override set(handle: number, value: unknown): this {
      set(this._store, handle, value);
      return this;
    }

    override delete(handle: number): boolean {
      return remove(this._store, handle);
    }
  }

  return {
    Map: HandleMap,
    get: get,
    has: has,
    set: set,
    delete: remove,
    isShared: steps > 0,
  };
}
