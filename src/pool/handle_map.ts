/**
 * `HandleMap`: values of any type beside the records of a pool, by handle.
 *
 * ```text
 * handles   [ handle | 0         | handle | … ]   by chunk index, 4 or 8 bytes each
 * values    [ value  | undefined | value  | … ]   by chunk index
 * ```
 *
 * A look-up reads both arrays at the index of the handle, and compares the handle there with the
 * given one. A slab notifies its maps of every freed record, and they drop its value, so every
 * handle in them is live. A shared slab, whose records other threads free, does not notify, so
 * there every look-up asks the slab as well.
 *
 * @module
 */
import { count, showAs } from "../messages/show.ts";
import type { Block } from "../slab/block.ts";
import type { HandleCodec } from "../slab/handle.ts";
import { observe, type Observed, type SlabObserver, unobserve } from "../slab/observers.ts";
import type { Slab } from "../slab/slab.ts";
import { mayDetach } from "../slab/slab_class.ts";
import type { OwnCode } from "../slab/typed_slab.ts";
import { type Reference, referTo, whenCollected } from "../slab/weak.ts";
import type { AnyStruct, Fields } from "../struct/schema.ts";
import type { HandleOf } from "./pool_base.ts";

/**
 * A pool that a {@linkcode HandleMap} can be created for, such as every pool of this module.
 *
 * @category Beside the records
 * @typeParam S The struct type or plain fields of the records; the union of several.
 */
export interface HandleMapPool<S extends AnyStruct | Fields> {
  /**
   * Returns whether a record is live. It is a property and no method, so that handles of another
   * struct are a type error.
   */
  readonly has: (handle: HandleOf<S>) => boolean;
  /** Returns the index of a live record. */
  readonly indexOf: (handle: HandleOf<S>) => number;
  /** The most chunks that the pool can have. */
  readonly maxChunks: number;
}

/**
 * Values of any type beside the records of a pool, by handle: sprites, strings, physics bodies.
 *
 * Use it for values that cannot be fields. The value of a record is dropped when the record is
 * freed, and the next record in its chunk does not have it. For numbers an array of your own,
 * indexed by `pool.indexOf(handle)`, is smaller.
 *
 * `get`, `has`, `set` and `delete` are O(1), without hashing, and allocate nothing once there is
 * room. A map takes 12 bytes, with wide handles 16, for each index up to the highest with a value.
 * Pools give out low indices first, so that is about the most records that were live at once;
 * {@linkcode sweep} gives back the room beyond the highest. Maps make freeing a record a little
 * slower.
 *
 * Values stay after `pool.trim()` and `pool.rebind()`, and move with their records in `compact`.
 * `restore` keeps the values of handles that are live in the same chunk before and after it, even if
 * a handle is then of another record; set the values again after a `restore`. `load` drops all
 * values. After the pool's `dispose` all calls but {@linkcode clear} throw `DisposedError`, and
 * `size` is 0.
 *
 * Beside a `SharedPool` a map belongs to one thread. It does not notice when another thread frees a
 * record: every look-up checks whether the record is live, and values of dead records are dropped
 * by `sweep` and, a few at a time, by `set`. A compact handle is given out again after as many
 * reuses of its chunk as there are generations; a record with that handle then has the value of the
 * dead one, unless it was dropped before. A wide handle is never given out again.
 *
 * @category Beside the records
 * @typeParam S The struct type of the records, as in `HandleMap<typeof Ship, Sprite>`; the union of
 * several.
 * @typeParam V The type of the values.
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
  // `declare` makes no fields, as the constructor may return another object instead of setting
  // them.
  /**
   * The values for each slab of the pool.
   *
   * @ignore
   */
  declare protected readonly _stores: readonly Store[];
  /**
   * The values of the first slab, which is the only one except in a `PoolSet`.
   *
   * @ignore
   */
  declare protected readonly _store: Store;
  /**
   * Returns the position of the slab that a handle belongs to.
   *
   * @ignore
   */
  declare protected readonly _partOf: (handle: number) => number;
  /** The methods of the map's own class. */
  declare private readonly _own: OwnMethods;

  /**
   * Creates an empty map.
   *
   * @param pool A `Pool`, `ErasedPool`, `PoolSet` or `SharedPool`. The map keeps it alive.
   * @throws {TypeError} when it is no pool.
   * @throws {DisposedError} after the pool's `dispose`.
   */
  constructor(pool: HandleMapPool<S>);
  constructor(pool: HandleMapPool<S> | Setup) {
    const setup = pool instanceof Setup ? pool : new Setup(pool);
    // The class of a map extends this one, and is compiled for the pool's struct and geometry.
    if (new.target === HandleMap) return new setup.Own(setup) as unknown as HandleMap<S, V>;
    this._stores = setup.stores;
    this._store = setup.stores[0];
    this._partOf = setup.partOf;
    this._own = setup.Own.prototype as unknown as OwnMethods;
    showAs<HandleMap<S, V>>(HandleMap.prototype, (it) => {
      return `HandleMap of ${it._store.slab.label}, size ${count(it.size)}`;
    });
    for (const store of setup.stores) {
      whenCollected(this, removal(referTo(store.slab), store.observer));
    }
  }

  /**
   * Returns the value of a record, in O(1).
   *
   * @param handle Any handle.
   * @returns The value; `undefined` when the record is not live, or has none.
   * @throws {DisposedError} after the pool's `dispose`.
   */
  get(handle: HandleOf<S>): V | undefined {
    return this._own.get.call(this, handle) as V | undefined; // only set() stores values
  }

  /**
   * Returns whether a record has a value, in O(1). `undefined` is a value as well.
   *
   * @param handle Any handle.
   * @returns Whether the record is live and has a value.
   * @throws {DisposedError} after the pool's `dispose`.
   */
  has(handle: HandleOf<S>): boolean {
    return this._own.has.call(this, handle);
  }

  /**
   * Sets the value of a record, in amortized O(1): where there is no room for its index, the room
   * is doubled.
   *
   * @param handle Handle of a live record.
   * @param value Its new value.
   * @returns This map.
   * @throws {StaleHandleError} when the handle is stale, null or forged; nothing changes then.
   * @throws {DisposedError} after the pool's `dispose`.
   */
  set(handle: HandleOf<S>, value: V): this {
    this._own.set.call(this, handle, value);
    return this;
  }

  /**
   * Drops the value of a record, in O(1).
   *
   * @param handle Any handle.
   * @returns Whether the record was live and had a value.
   * @throws {DisposedError} after the pool's `dispose`.
   */
  delete(handle: HandleOf<S>): boolean {
    return this._own.delete.call(this, handle);
  }

  /**
   * Number of values, in O(1); beside a `SharedPool` in O(highest index with a value). After the
   * pool's `dispose` it is 0.
   */
  get size(): number {
    let sum = 0;
    for (const store of this._stores) sum += store.size();
    return sum;
  }

  /**
   * Calls a function with the value and the handle of every live record that has one, in memory
   * order. The function may free any record and delete any value; it may or may not be called for a
   * value that is set meanwhile. Nothing is allocated.
   *
   * @param fn Called with the value and the handle.
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
   * Iterates over the handles and values in memory order, under the rules of {@linkcode forEach}.
   *
   * @returns An iterator over pairs; each is a new array.
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
  [Symbol.iterator](): Generator<[HandleOf<S>, V], void, unknown> {
    this.#check("iterate");
    return pairs(this._stores) as Generator<[HandleOf<S>, V], void, unknown>;
  }

  /**
   * Gives back the room beyond the highest index with a value and, beside a `SharedPool`, drops the
   * values of dead records, in O(indices that there is room for).
   *
   * @returns How many values of dead records were dropped.
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
   * pool.free(body); // in any thread
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

  /**
   * Drops every value, and gives all room back. It may also be called after the pool's `dispose`.
   */
  clear(): void {
    for (const store of this._stores) store.onDispose();
  }

  /** Throws where the pool cannot be used. */
  #check(verb: string): void {
    for (const { slab } of this._stores) slab.checkUsable(verb);
  }
}

/** Removes an observer from its slab. */
function removal(slab: Reference<MapSlab>, observer: SlabObserver): () => void {
  return () => {
    const from = slab.deref();
    if (from !== undefined) unobserve(from, observer);
  };
}

function* pairs(stores: readonly Store[]): Generator<[number, unknown], void, unknown> {
  for (const store of stores) {
    for (let at = store.next(-1); at >= 0; at = store.next(at)) {
      yield [store.handles[at], store.values[at]];
    }
  }
}

// -- what a pool provides --

/** What a map uses of a slab. */
interface MapSlab extends Observed {
  /** How errors call the pool. */
  readonly label: string;
  readonly codec: HandleCodec;
  find(handle: number): object | undefined;
  checkThere(): void;
  checkUsable(verb: string): void;
  staleError(verb: string, handle: number): Error;
}

/** A slab of a pool. */
interface MapPart {
  readonly slab: MapSlab;
  /** The code of its geometry. */
  readonly code: OwnCode;
  /** Whether other threads free records, without a notification. */
  readonly isShared: boolean;
}

/** What a pool provides for its maps. */
export interface MapSource {
  /** The slabs. */
  readonly parts: readonly MapPart[];
  /**
   * Returns the position in `parts` of the slab that a handle belongs to.
   *
   * @param handle Any value.
   * @returns The position; any other number if it is no handle.
   */
  partOf(handle: number): number;
}

/** The code of the maps beside pools of one struct and geometry. */
const mapParts = new WeakMap<OwnCode, MapParts>();

/** Returns the class of a slab's maps and their hot functions, compiled for the first map. */
function mapPartsFor({ slab, code, isShared }: MapPart): MapParts {
  let made = mapParts.get(code);
  if (made === undefined) {
    made = code.compile(
      defineHandleMap,
      HandleMap as unknown as BaseClass, // the base of maps of any struct
      slab.codec,
      isShared || mayDetach((slab as Slab).blockSet.config), // any other slab is one
      isShared ? STEPS : 0,
    );
    mapParts.set(code, made);
  }
  return made;
}

/** The fewest indices that a map has room for after it has grown. */
const LEAST_ROOM = 16;

/** How many values each `set` checks beside a shared pool. */
const STEPS = 4;

type OwnClass = new (setup: Setup) => HandleMap<AnyStruct, unknown>;
type BaseClass = new (setup: Setup) => HandleMap<AnyStruct, unknown>;

/** The hot functions of a map, on the values of one slab. */
interface Operations {
  get(store: Store, handle: number): unknown;
  has(store: Store, handle: number): boolean;
  set(store: Store, handle: number, value: unknown): void;
  delete(store: Store, handle: number): boolean;
  /** Whether records are freed without a notification. */
  readonly isShared: boolean;
}

/** What {@linkcode defineHandleMap} returns. */
interface MapParts extends Operations {
  readonly Map: OwnClass;
}

/** The methods of the compiled class. */
interface OwnMethods {
  get(handle: number): unknown;
  has(handle: number): boolean;
  set(handle: number, value: unknown): unknown;
  delete(handle: number): boolean;
}

/** What the constructor of a map takes from its pool. */
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
    const made = source.parts.map(mapPartsFor);
    this.stores = source.parts.map(({ slab }, i) => new Store(slab, made[i]));
    for (const { slab, observer } of this.stores) observe(slab, observer);
    this.partOf = source.partOf;
    this.Own = this.stores.length > 1 ? MapOfSet as unknown as OwnClass : made[0].Map;
  }
}

/** A map beside a `PoolSet`, with a store for each size class. */
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

/** Returns the store of a handle; the first one for what is no handle, whose calls reject it. */
function storeOf(
  stores: readonly Store[],
  partOf: (handle: number) => number,
  handle: number,
): Store {
  return stores[partOf(handle)] ?? stores[0];
}

// -- the values --

/**
 * The observer that a slab calls for a store. It does not keep the store alive: values may refer to
 * their map, which otherwise would not be collected while their records live.
 */
class StoreObserver implements SlabObserver {
  /** The same array as `handles` of the store. */
  handles: Int32Array | Float64Array;
  readonly #store: Reference<Store>;

  /** @param store The store. */
  constructor(store: Store) {
    this.handles = store.handles;
    this.#store = referTo(store);
  }

  forget(index: number): void {
    if (index < this.handles.length && this.handles[index] !== 0) {
      this.#store.deref()?.forget(index);
    }
  }

  onRestore(): void {
    this.#store.deref()?.onRestore();
  }

  onDispose(): void {
    this.#store.deref()?.onDispose();
  }

  beforeMove(index: number, handle: number): void {
    this.#store.deref()?.beforeMove(index, handle);
  }

  afterMove(index: number, handle: number): void {
    this.#store.deref()?.afterMove(index, handle);
  }
}

/** The values of the records of one slab. */
class Store implements SlabObserver {
  readonly slab: MapSlab;
  readonly operations: Operations;
  readonly observer: StoreObserver;
  /** The handle of each value, by index; 0 where there is no value. */
  handles: Int32Array | Float64Array;
  /** The values by index; as long as `handles`. */
  values: unknown[] = [];
  /** Number of values, those of dead records included. */
  count = 0;
  /** Index that the next `set` checks first. */
  sweepAt = 0;
  private readonly isShared: boolean;
  /** The value of a record while it is moved. */
  private movedValue: unknown = undefined;
  private hasMovedValue = false;

  /**
   * Creates a store without room.
   *
   * @param slab The slab of the records.
   * @param operations The hot functions.
   */
  constructor(slab: MapSlab, operations: Operations) {
    const { codec } = slab;
    this.slab = slab;
    this.operations = operations;
    this.isShared = operations.isShared;
    // Handles of debug mode are not bounded.
    const isSmall = codec.wraps && !codec.areNumbers;
    this.handles = isSmall ? new Int32Array(0) : new Float64Array(0);
    this.observer = new StoreObserver(this);
  }

  /**
   * Returns `undefined`, the value of a record without one.
   *
   * @returns `undefined`.
   * @throws {DisposedError} after the slab's disposal.
   */
  miss(): undefined {
    this.slab.checkThere();
    return undefined;
  }

  /**
   * Adds a value.
   *
   * @param index Index of its record, which has no value yet.
   * @param handle Handle of the record.
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

  /** Sets the number of indices that there is room for. */
  #resize(length: number): void {
    const { handles, values } = this;
    // It may also be a `Float64ArrayConstructor`, which is called in the same way.
    const Handles = handles.constructor as Int32ArrayConstructor;
    const resized = new Handles(length);
    resized.set(length < handles.length ? handles.subarray(0, length) : handles);
    this.handles = this.observer.handles = resized;
    if (values.length > length) values.length = length;
    // Filled, as arrays that never had holes are faster in V8.
    while (values.length < length) values.push(undefined);
  }

  /** Returns the number of values of live records. */
  size(): number {
    if (this.isShared) this.onRestore();
    return this.count;
  }

  /**
   * Drops the values of dead records and the room beyond the last value, and returns how many
   * values were dropped.
   */
  sweep(): number {
    const before = this.count;
    if (this.isShared) this.onRestore();
    let length = this.count === 0 ? 0 : this.handles.length;
    while (length > 0 && this.handles[length - 1] === 0) length--;
    if (length < this.handles.length) this.#resize(length);
    return before - this.count;
  }

  /**
   * Returns the next index with the value of a live record.
   *
   * @param index An index; -1 to start with the first.
   * @returns The next index; -1 when there is none.
   */
  next(index: number): number {
    for (let i = index + 1; i < this.handles.length; i++) {
      const handle = this.handles[i];
      if (handle !== 0 && (!this.isShared || this.isLive(handle))) return i;
    }
    return -1;
  }

  /** Tells whether a record is live, even if its memory is detached. */
  private isLive(handle: number): boolean {
    if (this.isShared) return this.slab.find(handle) !== undefined;
    const { codec, blocks, geometry: { chunkCount } } = this.slab as Slab; // as it is not shared
    const index = codec.index(handle);
    const block = blocks[Math.floor(index / chunkCount)] as Block | undefined; // may be out of range
    return block?.stamps[index % chunkCount] === codec.liveStamp(handle);
  }

  // -- notifications of the slab --

  forget(index: number): void {
    if (index >= this.handles.length || this.handles[index] === 0) return;
    this.handles[index] = 0;
    this.values[index] = undefined;
    this.count--;
  }

  onRestore(): void {
    const { handles } = this;
    for (let i = 0; i < handles.length; i++) {
      const handle = handles[i];
      if (handle === 0) continue;
      // In debug mode the handle may be of a record in another chunk now.
      if (this.slab.codec.index(handle) !== i || !this.isLive(handle)) this.forget(i);
    }
  }

  onDispose(): void {
    this.count = this.sweepAt = 0;
    this.#resize(0);
  }

  beforeMove(index: number, handle: number): void {
    this.hasMovedValue = this.handles[index] === handle;
    if (!this.hasMovedValue) return;
    this.movedValue = this.values[index];
    this.forget(index);
  }

  afterMove(index: number, handle: number): void {
    if (!this.hasMovedValue) return;
    this.add(index, handle, this.movedValue);
    this.hasMovedValue = false;
    this.movedValue = undefined;
  }
}

/**
 * Defines the hot functions of maps. Its text is compiled again for each struct and geometry, so
 * all that it uses is a parameter, a local or a global.
 *
 * @param Base {@linkcode HandleMap}.
 * @param codec Encoding of handles.
 * @param mustFind Whether a look-up must ask the slab, as records may be freed without a
 * notification or memory may be detached.
 * @param steps How many values each `set` checks; 0 where the slab notifies of freed records.
 * @returns The functions on the values of one slab, and the class of maps with one slab.
 */
function defineHandleMap(
  Base: BaseClass,
  codec: HandleCodec,
  mustFind: boolean,
  steps: number,
): MapParts {
  // In debug mode a stale or forged handle may have no index.
  const mayHaveNoIndex = codec.areNumbers;

  function get(store: Store, handle: number): unknown {
    if (mustFind ? store.slab.find(handle) !== undefined : typeof handle === "number") {
      const index = codec.index(handle);
      const handles = store.handles;
      if (index < handles.length && (!mayHaveNoIndex || index >= 0) && handles[index] === handle) {
        return store.values[index];
      }
    }
    return store.miss();
  }

  function has(store: Store, handle: number): boolean {
    if (mustFind ? store.slab.find(handle) !== undefined : typeof handle === "number") {
      const index = codec.index(handle);
      const handles = store.handles;
      if (index < handles.length && (!mayHaveNoIndex || index >= 0)) {
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
      // The value of a dead record, beside a shared pool.
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
