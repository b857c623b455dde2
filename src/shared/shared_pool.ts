/**
 * `SharedPool`: records of one struct, for many threads at once.
 *
 * @module
 */
import { checkGrowth } from "../memory/isolation.ts";
import { SharedBlock } from "./block.ts";
import {
  selectShared,
  type SharedLoop,
  sharedLoopFunction,
  sharedLoopOf,
  type Stripe,
} from "./iterate.ts";
import { readShape, SharedLayout, type SharedShape } from "./layout.ts";
import { shared, type SharedSlab, type SharedSlabClass, sharedSlabClass } from "./slab.ts";
import { CHUNK_BITS } from "./protocol.ts";
import { showAs, summary } from "../messages/show.ts";
import { checkOptions } from "../messages/nearest.ts";
import { MapCode, type MapSource } from "../pool/handle_map.ts";
import { checkPoolOptions, type PoolOptions, resolveOptions } from "../pool/options.ts";
import { asStruct, checkFunction, viewError } from "../pool/pool_base.ts";
import { LoopsByText, RecentLoops, type Visitor } from "../slab/iterate.ts";
import { compilerForStruct } from "../slab/own_code.ts";
import { Packer, packSelected, type PackTarget } from "../slab/pack.ts";
import type { SlabConfig } from "../slab/slab.ts";
import type { Writer } from "../struct/record.ts";
import type { Handle } from "../struct/ref.ts";
import type { AnyStruct, FieldName, Fields, Init, StructOf } from "../struct/schema.ts";
import { arraysOf } from "../struct/typed_arrays.ts";
import {
  isDebugView,
  type RecordView,
  type RecordViewClass,
  rootOf,
  structCode,
  structOf,
  type View,
} from "../struct/view.ts";

export type { Stripe };

/** Options of a shared pool; every one may be left out. */
export type SharedPoolOptions = Omit<PoolOptions, "memory" | "debug" | "reuse">;

/** All that another thread needs to join a shared pool; goes through `postMessage`. */
export interface SharedPoolToken {
  /** Name of the pool. */
  readonly name: string;
  /** Its memory, metadata and all. */
  readonly buffer: SharedArrayBuffer;
}

/** Which blocks a pass visits where nobody says: all. */
const ALL: Stripe = { stripe: 0, of: 1 };

/**
 * Records of one struct that many threads take, read, write and give back at once, without locks.
 *
 * Use it where workers share a world: one spawns, another steps, a third frees. Where one thread alone takes and gives back,
 * and others read or write at most, a {@linkcode Pool} in {@linkcode sharedMemory} is simpler and faster.
 *
 * `create` makes the pool in one thread; `share` gives a token to post to a worker, and `attach` joins there. Each block
 * of records is owned by the thread that added it, which takes and frees in it without contention; what others free comes
 * back to it through a list that needs one compare-and-swap. The pool grows without a message: all threads see all blocks.
 *
 * The pool guards its metadata, not the records: two threads that write the same field race, as they do on any shared memory.
 * Who reads what another thread has written needs something that orders the two: a message, `Atomics`, or the end of a pass.
 *
 * Memory is taken block by block and kept until no thread refers to the pool: no engine takes part of a
 * `SharedArrayBuffer` back. Blocks that a thread has emptied go to whichever needs one.
 *
 * @typeParam T The struct type, or the plain fields it is made of.
 *
 * @example Usage
 * ```ts
 * import { SharedPool } from "@slabs/pool";
 * import { assertEquals } from "@std/assert";
 *
 * const Particle = { x: "f32", vx: "f32" } as const;
 * using pool = SharedPool.create(Particle, { name: "particles" });
 * const token = pool.share(); // worker.postMessage(token)
 *
 * using there = SharedPool.attach(Particle, token); // in the worker
 * const particle = there.alloc({ x: 1, vx: 2 });
 * assertEquals(pool.get(particle).vx, 2);
 * pool.free(particle); // by another thread than allocated it
 * assertEquals(there.has(particle), false);
 * ```
 */
export abstract class SharedPool<T extends AnyStruct | Fields> implements Disposable {
  /** Shown in errors. */
  readonly name: string;
  /** What its records are. */
  readonly struct: StructOf<T>;
  /** @ignore */
  protected readonly _slab: SharedSlab;
  /**
   * What `alloc` and `set` write through.
   *
   * @ignore
   */
  protected readonly _scratch: RecordView;
  /**
   * Views of iterations that have ended, for the next ones: a nested one finds none and makes its own.
   *
   * @ignore
   */
  protected readonly _spareViews: RecordView[] = [];
  /** @internal */
  protected readonly _loops: RecentLoops<SharedLoop>;
  private readonly _code: SharedCode;

  private constructor({ struct, config, layout, code }: Setup) {
    this.name = config.name;
    this.struct = struct as StructOf<T>; // as asStruct made it
    this._code = code;
    this._loops = new RecentLoops(code.loops);
    this._slab = new code.Slab(config, layout, arraysOf(struct));
    this._scratch = new code.View(this._slab.unbound, 0);
    shared.set(this, this._slab);
  }

  /**
   * Creates a pool, and joins it. Addresses are set aside for `maxChunks` at once, memory is taken block by block.
   *
   * @typeParam T The struct type, or the plain fields it is made of.
   * @param type A struct, or the fields of one.
   * @param options See {@linkcode SharedPoolOptions}; `chunksPerBlock` is 32,768 at most, and
   * `keepEmptyBlocks` is what each thread keeps before others may have them.
   * @returns This thread's part in the pool.
   * @throws {Error} where memory cannot be shared between threads, or not grow: it says what to enable.
   * @throws {SchemaError} when plain fields make no struct.
   * @throws {RangeError} when a number of the options is out of its range.
   * @throws {TypeError} when an option is unknown or has the wrong type.
   * @throws {OutOfMemoryError} when there is no room for `maxChunks`.
   */
  static create<T extends AnyStruct | Fields>(
    type: T,
    options: SharedPoolOptions = {},
  ): SharedPool<T> {
    checkGrowth("SharedPool");
    const struct = asStruct(type);
    const config = configOf(struct, options);
    const { chunksPerBlock, keepEmptyBlocks } = config;
    const layout = new SharedLayout({
      chunkBytes: struct.size,
      chunksPerBlock,
      maxChunks: config.maxBlocks * chunksPerBlock,
      handles: config.codec.wraps ? "compact" : "wide",
      keepEmptyBlocks,
    }, config.label);
    layout.seal(struct);
    return make({ struct, config, layout, code: codeFor(struct, config) });
  }

  /**
   * Joins a pool that another thread has created.
   *
   * @typeParam T The struct type, or the plain fields it is made of.
   * @param type The same struct: the same names, types and order of fields.
   * @param token What {@linkcode share} returned, there.
   * @param options Those that are this thread's own; all others are the pool's.
   * @param options.specialize As for `create`.
   * @returns This thread's part in the pool.
   * @throws {SchemaError} when the struct has another layout.
   * @throws {TypeError} when `token` is none, or the option has the wrong type.
   *
   * @example Usage
   * ```ts
   * import { SchemaError, SharedPool } from "@slabs/pool";
   * import { assertThrows } from "@std/assert";
   *
   * using pool = SharedPool.create({ x: "f32" });
   * assertThrows(() => SharedPool.attach({ x: "f64" }, pool.share()), SchemaError, "another layout");
   * ```
   */
  static attach<T extends AnyStruct | Fields>(
    type: T,
    token: SharedPoolToken,
    options: Pick<SharedPoolOptions, "specialize"> = {},
  ): SharedPool<T> {
    checkGrowth("SharedPool");
    const struct = asStruct(type);
    const name = typeof token?.name === "string" ? token.name : struct.name || "pool";
    checkOptions(`Cannot attach SharedPool "${name}"`, options, ["specialize"]);
    const { specialize } = options;
    const shape: SharedShape = readShape(token?.buffer, struct, name);
    const { chunksPerBlock, maxChunks, handles, keepEmptyBlocks } = shape;
    const config = configOf(struct, {
      ...{ name, chunksPerBlock, maxChunks, handles, keepEmptyBlocks },
      ...(specialize === undefined ? {} : { specialize }),
    });
    const layout = new SharedLayout(shape, config.label, token.buffer);
    return make({ struct, config, layout, code: codeFor(struct, config) });
  }

  /**
   * Tells what another thread needs to join, in O(1).
   *
   * @returns A plain object for `postMessage`.
   * @throws {DisposedError} after `dispose`.
   */
  share(): SharedPoolToken {
    this._slab.checkThere();
    return { name: this.name, buffer: this._slab.layout.buffer };
  }

  /** Number of this thread in the pool, from 1, in the order in which they joined. */
  get thread(): number {
    return this._slab.thread;
  }

  // -- one record --

  /**
   * Allocates a record, zeroed, in O(1); to find a block with room now and then takes O(blocks). Other threads see it with
   * the fields of `init` in it, or not at all.
   *
   * @param init Fields to set; those left out stay zero.
   * @returns Its handle, good in every thread.
   * @throws {PoolExhaustedError} when `maxChunks` exist and this thread finds none that is free: chunks in blocks that
   * others own are theirs.
   * @throws {OutOfMemoryError} when there is no memory for another block.
   * @throws {TypeError} when `init` names an unknown field or a value does not fit its type.
   * @throws {DisposedError} after `dispose`.
   */
  abstract alloc(init?: Init<T>): Handle<T>;

  /**
   * Allocates a record as {@linkcode alloc} does, unless there is none to be had.
   *
   * @param init Fields to set; those left out stay zero.
   * @returns Its handle; `undefined` where `alloc` would throw exhausted.
   * @throws {OutOfMemoryError | TypeError | DisposedError} as {@linkcode alloc} does.
   */
  abstract tryAlloc(init?: Init<T>): Handle<T> | undefined;

  /**
   * Allocates a record, zeroed, and moves a view to it, in O(1), allocating nothing on the heap. Other threads can come upon
   * it in `forEach` before its fields are written: where they do while this one allocates, use {@linkcode alloc}.
   *
   * @param cursor A view of this pool's struct.
   * @returns Handle of the new record.
   * @throws {PoolExhaustedError | OutOfMemoryError | DisposedError} as {@linkcode alloc} does; the view stays where it is.
   * @throws {TypeError} when the view is of another struct.
   */
  abstract allocAt(cursor: View<T>): Handle<T>;

  /**
   * Frees a record, in O(1), whichever thread allocated it. Of threads that free the same record at once, one succeeds.
   *
   * @param handle Handle of a live record.
   * @throws {StaleHandleError} when it is stale, null, forged, or freed already; nothing changes then.
   * @throws {DisposedError} after `dispose`.
   */
  abstract free(handle: Handle<T>): void;

  /**
   * Frees a record if it is live, in O(1).
   *
   * @param handle Any handle.
   * @returns Whether it was live, and this call freed it.
   * @throws {DisposedError} after `dispose`.
   */
  abstract tryFree(handle: Handle<T>): boolean;

  /**
   * Tells whether a record is live at this moment, in O(1).
   *
   * @param handle Any handle.
   * @returns Whether it is live.
   * @throws {DisposedError} after `dispose`.
   */
  abstract has(handle: Handle<T>): boolean;

  /**
   * Tells the index of a record, in O(1): for arrays of your own beside the pool, of `maxChunks` elements. It is the same in
   * every thread and for the record's whole life, and the next record in its chunk has it again.
   *
   * @param handle Handle of a live record.
   * @returns 0 to `maxChunks` - 1, of no other live record of the pool.
   * @throws {StaleHandleError} when it is stale, null or forged.
   * @throws {DisposedError} after `dispose`.
   *
   * @example Usage
   * ```ts
   * import { SharedPool } from "@slabs/pool";
   * import { assertEquals } from "@std/assert";
   *
   * using pool = SharedPool.create({ hp: "u8" }, { maxChunks: 1024 });
   * const owner = new Uint8Array(new SharedArrayBuffer(pool.maxChunks)); // which thread steps each record
   * const imp = pool.alloc();
   * owner[pool.indexOf(imp)] = 3;
   * assertEquals(pool.indexOf(imp), 0);
   * ```
   */
  abstract indexOf(handle: Handle<T>): number;

  /**
   * Views a record, in O(1). Nothing keeps another thread from freeing it while the view is used.
   *
   * @param handle Handle of a live record.
   * @returns A view of its own.
   * @throws {StaleHandleError} when it is stale, null or forged.
   * @throws {DisposedError} after `dispose`.
   */
  abstract get(handle: Handle<T>): View<T>;

  /**
   * Views a record if it is live, in O(1).
   *
   * @param handle Any handle.
   * @returns A view of it; `undefined` when it is not live.
   * @throws {DisposedError} after `dispose`.
   */
  abstract tryGet(handle: Handle<T>): View<T> | undefined;

  /**
   * Writes the named fields of a record; the others stay as they are.
   *
   * @param handle Handle of a live record.
   * @param init Fields to set.
   * @throws {StaleHandleError} when it is stale, null or forged.
   * @throws {TypeError} when `init` names an unknown field or a value does not fit its type; nothing is written then.
   * @throws {DisposedError} after `dispose`.
   */
  abstract set(handle: Handle<T>, init: Init<T>): void;

  // -- cursors --

  /**
   * Makes a view that {@linkcode seek} and {@linkcode allocAt} move from record to record.
   *
   * @returns A view that stands nowhere yet: its fields read as nothing.
   * @throws {DisposedError} after `dispose`.
   */
  cursor(): View<T> {
    this._slab.checkThere();
    return new this._code.View(this._slab.unbound, 0) as unknown as View<T>;
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
  abstract seek(cursor: View<T>, handle: Handle<T>): View<T>;

  /**
   * Tells the handle of the record that a view stands on, in O(1).
   *
   * @param view Any view of this pool that this thread made, a nested one included.
   * @returns The handle.
   * @throws {StaleHandleError} when the record is not live any more.
   * @throws {TypeError} when it is no view of this pool.
   * @throws {DisposedError} after `dispose`.
   */
  handleOf(view: object): Handle<T> {
    this._slab.checkThere();
    const root = rootOf(view);
    const block = root?._b;
    const isMine = block instanceof SharedBlock && block.layout === this._slab.layout;
    if (root === undefined || !isMine || block.position < 0) {
      throw viewError(
        this._slab,
        "tell the handle",
        "is no view of this pool, or stands nowhere",
      );
    }
    const handle = this._slab.handleAt(block, root._o);
    if (this._slab.find(handle) === undefined) {
      throw this._slab.staleError("tell the handle", handle);
    }
    return handle as Handle<T>;
  }

  /**
   * Takes a number for a handle of this pool, in O(1): one that comes back out of a message, a typed array or JSON. It is not looked
   * at, and returned as it is; whether its record is live every call that takes it will say.
   *
   * @param n Any number.
   * @returns The same number.
   *
   * @example Usage
   * ```ts
   * import { SharedPool } from "@slabs/pool";
   * import { assertEquals } from "@std/assert";
   *
   * using pool = SharedPool.create({ hp: "u8" });
   * const squad = Int32Array.of(pool.alloc(), pool.alloc()); // worker.postMessage(squad)
   * pool.get(pool.handle(squad[1])).hp = 7; // in the worker
   * assertEquals(pool.get(pool.handle(squad[1])).hp, 7);
   * ```
   */
  handle(n: number): Handle<T> {
    return n as Handle<T>; // as the caller says
  }

  // -- every record --

  /**
   * Calls a function with every live record, in block and chunk order, while other threads go on. A record that is live all
   * the time is visited once; one that is allocated or freed meanwhile, by whomever, may or may not be. Whether it is live is looked
   * at right before the call; a record that this thread has freed is not visited.
   *
   * To share a pass among threads, give each a stripe: together they visit what one would alone.
   *
   * @param fn Gets a view, the same one moved along, and the handle.
   * @param stripe Which blocks, by default all.
   * @throws {TypeError} when `fn` is no function.
   * @throws {RangeError} when the stripe is none.
   * @throws {DisposedError} after `dispose`.
   *
   * @example Usage
   * ```ts
   * import { SharedPool } from "@slabs/pool";
   * import { assertEquals } from "@std/assert";
   *
   * using pool = SharedPool.create({ hp: "u8" }, { chunksPerBlock: 16 });
   * for (let i = 0; i < 100; i++) pool.alloc({ hp: 1 });
   * const seen = [0, 0];
   * for (let stripe = 0; stripe < 2; stripe++) { // each in a worker of its own
   *   pool.forEach((it) => seen[stripe] += it.hp, { stripe, of: 2 });
   * }
   * assertEquals(seen, [52, 48]); // blocks 0, 2, 4, 6 and 1, 3, 5
   * ```
   */
  abstract forEach(
    fn: (view: View<T>, handle: Handle<T>) => void,
    stripe?: Stripe,
  ): void;

  /**
   * Makes a function that does what `forEach(fn, stripe)` does, compiled for this pool and this callback: the fastest way through a
   * pool in any program. Make it once, and call it in every frame: it allocates nothing.
   *
   * @typeParam A Types of the arguments, up to four.
   * @param fn Gets a view, the same one moved along, the handle, and the arguments of the call.
   * @param stripe Which blocks, by default all.
   * @returns The function. It throws {@linkcode DisposedError} after `dispose`.
   * @throws {TypeError} when `fn` is no function.
   * @throws {RangeError} when the stripe is none.
   * @throws {DisposedError} after `dispose`.
   *
   * @example Usage
   * ```ts
   * import { SharedPool } from "@slabs/pool";
   * import { assertEquals } from "@std/assert";
   *
   * using sparks = SharedPool.create({ x: "f32", vx: "f32" });
   * const spark = sparks.alloc({ x: 1, vx: 2 });
   * const move = sparks.loop((it, _handle, dt: number) => {
   *   it.x += it.vx * dt;
   * }, { stripe: 0, of: 1 }); // as many stripes as there are workers, each of which makes its own
   * move(0.5);
   * assertEquals(sparks.get(spark).x, 2);
   * ```
   */
  loop<A extends unknown[] = []>(
    fn: (view: View<T>, handle: Handle<T>, ...args: A) => void,
    stripe: Stripe = ALL,
  ): (...args: A) => void {
    const { _slab: slab, _code: { View, makeLoop } } = this;
    slab.checkThere();
    checkFunction(slab, "loop", fn);
    const { stripe: first, of: step } = stripe;
    checkStripe(slab, first, step);
    const visitor = fn as unknown as Visitor; // as was just checked
    const loop = sharedLoopFunction(slab, View, visitor, first, step, makeLoop);
    return loop as unknown as (...args: A) => void; // which hands on what it is called with
  }

  /**
   * Copies every live record tight into an array of yours, in memory order, while other threads go on; see `pack` of
   * {@linkcode Pool}. Which records are live is looked at right before any is copied; what others write or free meanwhile may be copied
   * as it was, as it is then, or half.
   *
   * @param out A typed array or `DataView`, filled from its start.
   * @param fields Names of fields; left out, whole records.
   * @param stripe Which blocks, by default all.
   * @returns How many records.
   * @throws {RangeError} when `out` is too short, and says which length is needed, or the stripe is none. Nothing is written then.
   * @throws {TypeError} when a field is unknown, or does not go into such an array.
   * @throws {DisposedError} after `dispose`.
   *
   * @example Usage
   * ```ts
   * import { SharedPool } from "@slabs/pool";
   * import { assertEquals } from "@std/assert";
   *
   * using sparks = SharedPool.create({ x: "f32", y: "f32", heat: "u8" });
   * sparks.alloc({ x: 1, y: 2 });
   * const instances = new Float32Array(200);
   * assertEquals(sparks.pack(instances, ["x", "y"]), 1);
   * assertEquals([...instances.subarray(0, 2)], [1, 2]);
   * ```
   */
  pack(out: PackTarget, fields?: readonly FieldName<T>[], stripe: Stripe = ALL): number {
    const { _slab: slab } = this;
    slab.checkThere();
    const plan = this._code.packer.plan(slab.label, out, fields, slab.mappedBlocks()[0]);
    const { stripe: first, of: step } = stripe;
    slab.checkThere(); // reading the names may have run code of the user's
    checkStripe(slab, first, step);
    return packSelected(slab.label, plan, out, selectShared(slab, first, step));
  }

  /**
   * What a map beside the pool needs of it.
   *
   * @ignore
   */
  _beside(): MapSource {
    return { parts: [{ slab: this._slab, code: this._code.maps }], partOf: () => 0 };
  }

  // -- memory --

  /** Records that are live, counted in O(blocks): exact while no thread is in the middle of something. */
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
    return this._slab.layout.shape.chunksPerBlock;
  }

  /** Bytes of all blocks. */
  get byteLength(): number {
    return this._slab.byteLength;
  }

  /**
   * Takes over the blocks of a thread that ended without {@linkcode dispose}, in O(`capacity`), so that its free chunks can be used
   * again; its records stay as they are. The chunk that it was moving in the moment when it ended may be lost.
   *
   * Call it when the thread has really stopped. `Worker.terminate` returns before it has, and in Deno a worker goes on
   * until its next task: a loop, `await` of what is settled, or `Atomics.wait` holds that off for ever. A Web Lock
   * that the worker holds as long as it lives tells soundly, also where it closed itself or threw: it is free when the worker is no
   * more.
   *
   * ```ts ignore
   * navigator.locks.request(`thread ${pool.thread}`, () => new Promise(() => {})); // in the worker, before it begins
   * await navigator.locks.request(`thread ${thread}`, () => pool.adopt(thread)); // in another thread
   * ```
   *
   * @param thread Its {@linkcode thread}.
   * @returns Blocks that are this thread's now.
   * @throws {RangeError} when there is no such thread, or it is this one.
   * @throws {DisposedError} after `dispose`.
   */
  adopt(thread: number): number {
    this._slab.checkThere();
    if (Number.isInteger(thread) && thread > 0 && thread <= this._slab.threads) {
      if (thread !== this.thread) return this._slab.adoptFrom(thread);
    }
    throw new RangeError(
      `Cannot adopt in ${this._slab.label}: it must be another thread, from 1 to ${this._slab.threads}, got ${thread}`,
    );
  }

  /**
   * Leaves the pool. Records stay for the other threads, and blocks of this one go to whichever needs them. Any later
   * call throws {@linkcode DisposedError}; disposing twice is harmless.
   *
   * The memory is free when no thread refers to the pool, or to a view of it, any more.
   */
  dispose(): void {
    this._slab.dispose();
  }

  /** Does what {@linkcode dispose} does, at the end of a `using` scope. */
  [Symbol.dispose](): void {
    this._slab.dispose();
  }
}

showAs<SharedPool<AnyStruct>>(SharedPool.prototype, (pool) => summary(shared.get(pool)!)); // every pool has one

/** All that a thread's part in a pool is made of. */
interface Setup {
  readonly struct: AnyStruct;
  readonly config: SlabConfig;
  readonly layout: SharedLayout;
  readonly code: SharedCode;
}

/** What is made for a struct and a geometry, and shared by all pools of both. */
interface SharedCode {
  readonly Slab: SharedSlabClass;
  readonly View: RecordViewClass;
  readonly makeLoop: (args: number) => SharedLoop;
  readonly SharedPool: OwnClass;
  readonly loops: LoopsByText<SharedLoop>;
  readonly maps: MapCode;
  readonly packer: Packer;
}

// deno-lint-ignore no-explicit-any -- it serves pools of any struct, which is the one asked for in truth
type OwnClass = new (setup: Setup) => SharedPool<any>;

function make<T extends AnyStruct | Fields>(setup: Setup): SharedPool<T> {
  return new setup.code.SharedPool(setup);
}

const codes = new WeakMap<AnyStruct, Map<string, SharedCode>>();

function codeFor(struct: AnyStruct, config: SlabConfig): SharedCode {
  const { chunksPerBlock, codec, specialize } = config;
  const key = [chunksPerBlock, codec.key, specialize].join();
  let made = codes.get(struct);
  if (made === undefined) codes.set(struct, made = new Map());
  let code = made.get(key);
  if (code === undefined) made.set(key, code = makeCode(struct, config));
  return code;
}

function makeCode(struct: AnyStruct, config: SlabConfig): SharedCode {
  const { codec, chunksPerBlock, specialize } = config;
  const compile = compilerForStruct(struct, specialize);
  const { View, write } = structCode(struct, compile, false);
  const makeLoop = (args: number) => sharedLoopOf(codec, struct.size, args, compile);
  // Its constructor is that of SharedPool, which is private to everybody else.
  const Base = SharedPool as unknown as BaseClass;
  const Own = compile(defineSharedPool, Base, View, {
    chunkBytes: struct.size,
    chunkMask: chunksPerBlock - 1,
    write,
    isView: (view) => structOf(view) === struct && !isDebugView(view),
    checkFunction,
    checkStripe,
    viewError,
  });
  const loops = new LoopsByText(() => makeLoop(0));
  const Slab = sharedSlabClass(config, struct.size, compile);
  const maps = new MapCode(codec, compile, false, true);
  const packer = new Packer(struct, struct.size, compile);
  return { Slab, View, makeLoop, loops, maps, packer, SharedPool: Own };
}

type BaseClass = abstract new (setup: Setup) => SharedPool<AnyStruct>;

/**
 * The hot part of a shared pool. Its text is compiled anew for each struct and geometry, so nothing in it is free but its
 * parameters.
 *
 * @param Base {@linkcode SharedPool}.
 * @param View Class of the records' views.
 * @param own What is the same for all pools of the class.
 * @returns The class.
 */
function defineSharedPool(
  Base: BaseClass,
  View: RecordViewClass,
  own: {
    readonly chunkBytes: number;
    readonly chunkMask: number;
    readonly write: Writer;
    /** Whether a view of another class is one of the struct as well: that of a pool of another geometry, for instance. */
    readonly isView: (view: unknown) => boolean;
    readonly checkFunction: (slab: SharedSlab, verb: string, fn: unknown) => void;
    readonly checkStripe: (slab: SharedSlab, stripe: number, of: number) => void;
    readonly viewError: (slab: SharedSlab, verb: string, problem: string) => Error;
  },
): OwnClass {
  const chunkBytes = own.chunkBytes;
  const chunkMask = own.chunkMask;
  const write = own.write;
  const isView = own.isView;

  /** A view is typed by its fields for the user and by its state in here; both are true of the same object. */
  type V = View<AnyStruct> & RecordView;
  type H = Handle<AnyStruct>;

  return class SharedPool extends Base {
    override alloc(init?: Init<AnyStruct>): H {
      const handle = init === undefined ? this._slab.alloc() : this._allocWith(init);
      if (handle === 0) throw this._slab.exhaustedError("alloc");
      return handle as H;
    }

    override tryAlloc(init?: Init<AnyStruct>): H | undefined {
      const handle = init === undefined ? this._slab.alloc() : this._allocWith(init);
      return handle === 0 ? undefined : handle as H;
    }

    /** All of the values are read and checked before a chunk is taken, and written before others see it. */
    _allocWith(init: Init<AnyStruct>): number {
      const slab = this._slab;
      const handle = write(init, 0, this._scratch, slab, 0, undefined);
      if (handle !== 0) slab.publishTaken(handle);
      return handle;
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
      view._o = (handle & chunkMask) * chunkBytes;
      return handle as H;
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
      return slab.codec.index(handle);
    }

    override get(handle: H): V {
      const block = this._slab.find(handle);
      if (block === undefined) throw this._slab.staleError("get", handle);
      return new View(block, (handle & chunkMask) * chunkBytes) as unknown as V;
    }

    override tryGet(handle: H): V | undefined {
      const slab = this._slab;
      const block = slab.find(handle);
      if (block !== undefined) {
        return new View(block, (handle & chunkMask) * chunkBytes) as unknown as V;
      }
      slab.checkThere();
      return undefined;
    }

    override set(handle: H, init: Init<AnyStruct>): void {
      const slab = this._slab;
      if (slab.find(handle) === undefined) throw slab.staleError("set", handle);
      write(init, 0, this._scratch, slab, handle, undefined);
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
      view._o = (handle & chunkMask) * chunkBytes;
      return cursor;
    }

    override forEach(fn: (view: View<AnyStruct>, handle: H) => void, stripe?: Stripe): void {
      const slab = this._slab;
      slab.checkThere();
      own.checkFunction(slab, "forEach", fn);
      const first = stripe === undefined ? 0 : stripe.stripe;
      const step = stripe === undefined ? 1 : stripe.of;
      own.checkStripe(slab, first, step);
      const view = this._spareViews.pop() || new View(slab.unbound, 0);
      const visitor = fn as unknown as Visitor;
      // A pass looks at every chunk, so their number says whether finding a loop pays.
      this._loops.find(visitor, slab.capacity)(slab, view, visitor, first, step);
      this._spareViews.push(view);
    }
  };
}

function checkStripe({ label }: SharedSlab, stripe: number, of: number): void {
  if (Number.isInteger(stripe) && Number.isInteger(of) && stripe >= 0 && stripe < of) return;
  throw new RangeError(
    `Cannot iterate over ${label}: stripe must be an integer from 0 to of - 1, got ${stripe} of ${of}`,
  );
}

function configOf(struct: AnyStruct, options: SharedPoolOptions): SlabConfig {
  checkPoolOptions("SharedPool", struct.name || "pool", options);
  const config = resolveOptions("SharedPool", struct.name || "pool", struct.size, options);
  const { label, chunksPerBlock } = config;
  const { memory, debug, reuse }: PoolOptions = options; // those of another pool have them, and pass for these
  if (memory !== undefined) throw leftOutError(label, "memory", memory);
  if (debug === true) throw leftOutError(label, "debug", debug);
  if (reuse === "spread") throw leftOutError(label, "reuse", reuse);
  if (chunksPerBlock > 1 << CHUNK_BITS) {
    throw new RangeError(
      `Cannot create ${label}: chunksPerBlock must be at most ${
        1 << CHUNK_BITS
      }, got ${chunksPerBlock}`,
    );
  }
  return config;
}

function leftOutError(label: string, option: string, value: unknown): TypeError {
  return new TypeError(
    `Cannot create ${label}: ${option} must be left out, got ${
      String(value)
    }; a shared pool has no such option`,
  );
}
