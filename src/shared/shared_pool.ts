/**
 * `SharedPool`: a pool of records of one struct that many threads use at once.
 *
 * @module
 */
import { checkGrowth } from "../memory/isolation.ts";
import { SharedBlock } from "./block.ts";
import { selectShared, type SharedLoop, sharedLoopFunction, sharedLoopOf } from "./iterate.ts";
import { readShape, SharedLayout } from "./layout.ts";
import { shared, type SharedSlab, type SharedSlabClass, sharedSlabClass } from "./slab.ts";
import { CHUNK_BITS } from "./protocol.ts";
import { showAs, showValue, summary } from "../messages/show.ts";
import { checkOptions, titleWith } from "../messages/nearest.ts";
import type { MapSource } from "../pool/handle_map.ts";
import { checkPoolOptions, type PoolOptions, resolveOptions } from "../pool/options.ts";
import type { Stripe } from "../pool/pack.ts";
import { asStruct, checkFunction, checkLoop, viewError } from "../pool/checks.ts";
import { WHOLE } from "../slab/handle.ts";
import { NO_HANDLES, type Visitor } from "../slab/iterate.ts";
import { Loops, RecentLoops } from "../slab/loops.ts";
import type { OwnCode } from "../slab/typed_slab.ts";
import { codeIn, compilerForStruct } from "../slab/own_code.ts";
import type { PackedSlab, Selection } from "../slab/pack.ts";
import type { SlabConfig } from "../slab/slab.ts";
import type { Writer } from "../struct/record.ts";
import type { Handle } from "../struct/handle_type.ts";
import type { AnyStruct, Fields, Init, StructOf } from "../struct/schema.ts";
import { arraysOf } from "../struct/typed_arrays.ts";
import {
  inUnits,
  isDebugView,
  type RecordView,
  type RecordViewClass,
  rootOf,
  structCode,
  structOf,
  type View,
} from "../struct/view.ts";

export type { Stripe };

/**
 * Options of a shared pool, all optional.
 *
 * @category Shared pools
 */
export type SharedPoolOptions = Omit<PoolOptions, "memory" | "debug" | "reuse">;

/**
 * What another thread needs to join a shared pool: a plain object for `postMessage`.
 *
 * @category Shared pools
 */
export interface SharedPoolToken {
  /** Name of the pool. */
  readonly name: string;
  /** Its memory, with records and metadata. */
  readonly buffer: SharedArrayBuffer;
}

/** The stripe of a pass over all blocks. */
const ALL: Stripe = { stripe: 0, of: 1 };

/**
 * A pool of records of one struct that many threads allocate, read, write and free at once, without
 * locks.
 *
 * Use it where several workers allocate or free: one spawns, another steps, a third frees. Where
 * only one thread does, and the others just read or write, a {@linkcode Pool} in
 * {@linkcode sharedMemory} is simpler and faster.
 *
 * `create` makes the pool in one thread. `share` returns a token to post to a worker, and `attach`
 * joins the pool there. Each block is owned by the thread that added it, which allocates and frees
 * in it without contention. Records that other threads free come back to the owner through a list,
 * at the price of one more compare-and-swap. The pool grows without a message: all threads see all
 * blocks.
 *
 * The pool guards its metadata, not the records. Two threads that write the same field race, as on
 * any shared memory. A thread that writes to a record while another one frees it may write to the
 * next record in that chunk. A thread that reads what another one wrote needs something that orders
 * the two: a message, or `Atomics`.
 *
 * Memory is taken block by block and kept until no thread refers to the pool, as no engine takes
 * back a part of a `SharedArrayBuffer`. Blocks that a thread has emptied go to any thread that
 * needs one.
 *
 * @category Shared pools
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
  /** The struct of its records. */
  readonly struct: StructOf<T>;
  /** @ignore */
  protected readonly _slab: SharedSlab;
  /**
   * The view that `alloc` and `set` write through.
   *
   * @ignore
   */
  protected readonly _scratch: RecordView;
  /**
   * Views for iterations. A pass takes one and puts it back; a nested pass finds none and makes
   * one.
   *
   * @ignore
   */
  protected readonly _spareViews: RecordView[] = [];
  /** @ignore */
  protected readonly _loops: RecentLoops<SharedLoop>;
  private readonly _code: SharedCode;

  private constructor(setup: Setup) {
    if (setup?.layout === undefined) { // plain JavaScript may call `new SharedPool(struct)`
      const instead = "call SharedPool.create(struct), or SharedPool.attach(struct, token)";
      throw new TypeError(`Cannot create SharedPool with new: ${instead}`);
    }
    const { struct, config, layout, code } = setup;
    this.name = config.name;
    this.struct = struct as StructOf<T>; // as asStruct made it
    this._code = code;
    this._loops = new RecentLoops(code.loops.byText(0));
    this._slab = new code.Slab(config, layout, arraysOf(struct));
    this._scratch = new code.View(this._slab.unbound, 0);
    shared.set(this, this._slab);
  }

  /**
   * Creates a pool and joins it. It reserves addresses for `maxChunks`, and takes memory block by
   * block.
   *
   * @typeParam T The struct type, or the plain fields it is made of.
   * @param type A struct, or the fields of one.
   * @param options See {@linkcode SharedPoolOptions}. `chunksPerBlock` is at most 32,768.
   * `keepEmptyBlocks` is how many empty blocks each thread keeps before it gives them up to others.
   * @returns The pool, for this thread.
   * @throws {Error} where memory cannot be shared between threads or cannot grow; it says what to
   * enable.
   * @throws {SchemaError} when plain fields make no struct.
   * @throws {RangeError} when an option is out of its range.
   * @throws {TypeError} when an option is unknown or has the wrong type.
   * @throws {OutOfMemoryError} when there are no addresses for `maxChunks`.
   */
  static create<T extends AnyStruct | Fields>(
    type: T,
    options: SharedPoolOptions = {},
  ): SharedPool<T> {
    checkGrowth("SharedPool");
    const struct = asStruct(type);
    const config = configOf(struct, options);
    const { chunksPerBlock } = config;
    const keepEmptyBlocks = Math.min(config.keepEmptyBlocks, config.maxBlocks); // a word holds it
    const layout = new SharedLayout({
      chunkBytes: struct.size,
      chunksPerBlock,
      maxChunks: config.maxBlocks * chunksPerBlock,
      handles: config.codec.wraps ? "compact" : "wide",
      keepEmptyBlocks,
    }, config.label);
    layout.seal(struct);
    return make(struct, config, layout);
  }

  /**
   * Joins a pool that another thread created.
   *
   * @typeParam T The struct type, or the plain fields it is made of.
   * @param type The same struct: the same names, types and order of fields.
   * @param token What {@linkcode share} returned there.
   * @param options Options of this thread; all others are stored in the pool.
   * @param options.specialize As for `create`.
   * @returns The pool, for this thread.
   * @throws {SchemaError} when the struct has another layout.
   * @throws {TypeError} when `token` is not one or comes first, or the option has the wrong type.
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
    const swapped = type as Partial<SharedPoolToken> | undefined;
    if (swapped?.buffer instanceof SharedArrayBuffer) {
      const title = `Cannot attach SharedPool "${swapped.name}"`;
      throw new TypeError(`${title}: the struct must come first, got the token`);
    }
    const struct = asStruct(type);
    const name = typeof token?.name === "string" ? token.name : struct.name || "pool";
    const title = `Cannot attach SharedPool "${name}"`;
    checkOptions(title, options, ["specialize"]);
    const { specialize } = options;
    const shape = readShape(token?.buffer, struct, title);
    const { chunkBytes: _, ...stored } = shape;
    const config = configOf(struct, { ...stored, name, specialize });
    return make(struct, config, new SharedLayout(shape, config.label, token.buffer));
  }

  /**
   * Returns what another thread needs to join the pool, in O(1).
   *
   * @returns A plain object for `postMessage`.
   * @throws {DisposedError} after `dispose`.
   */
  share(): SharedPoolToken {
    this._slab.checkThere();
    return { name: this.name, buffer: this._slab.layout.buffer };
  }

  /**
   * Number of this thread in the pool, from 1. Threads are numbered in the order in which they
   * join.
   */
  get thread(): number {
    return this._slab.thread;
  }

  // -- one record --

  /**
   * Allocates a zeroed record and sets the fields of `init`, in O(1). Now and then it takes
   * O(blocks) to find a block with a free chunk, or O(chunksPerBlock) to adopt one; where
   * `maxChunks` exist it takes O(blocks) each time that this thread has used up a block. Other
   * threads see the record with its fields set, or not at all.
   *
   * @param init Fields to set; the others stay zero.
   * @returns Its handle, valid in every thread.
   * @throws {PoolExhaustedError} when `maxChunks` exist and this thread finds no free chunk. It
   * cannot take free chunks in blocks that other threads own.
   * @throws {OutOfMemoryError} when there is no memory for another block.
   * @throws {TypeError} when `init` names an unknown field or a value does not fit its type.
   * @throws {DisposedError} after `dispose`.
   */
  abstract alloc(init?: Init<T>): Handle<T>;

  /**
   * Allocates a record as {@linkcode alloc} does, without an error when there is no free chunk.
   *
   * @param init Fields to set; the others stay zero.
   * @returns Its handle; `undefined` where `alloc` would throw {@linkcode PoolExhaustedError}.
   * @throws {OutOfMemoryError | TypeError | DisposedError} as {@linkcode alloc} does.
   */
  abstract tryAlloc(init?: Init<T>): Handle<T> | undefined;

  /**
   * Allocates a zeroed record and moves a view to it, in O(1), allocating nothing on the heap.
   * Another thread's `forEach` may visit the record before its fields are written. Where that
   * matters, use {@linkcode alloc}.
   *
   * @param cursor A view of this pool's struct.
   * @returns Handle of the new record.
   * @throws {PoolExhaustedError | OutOfMemoryError | DisposedError} as {@linkcode alloc} does; the
   * view is not moved.
   * @throws {TypeError} when the view is of another struct.
   */
  abstract allocAt(cursor: View<T>): Handle<T>;

  /**
   * Frees a record that any thread allocated, in O(1). When several threads free the same record at
   * once, one of them succeeds.
   *
   * @param handle Handle of a live record.
   * @throws {StaleHandleError} when it is stale, null or forged; nothing changes then.
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
   * Returns whether a record is live at this moment, in O(1).
   *
   * @param handle Any handle.
   * @returns Whether it is live.
   * @throws {DisposedError} after `dispose`.
   */
  abstract has(handle: Handle<T>): boolean;

  /**
   * Returns the index of a record, in O(1), for arrays of your own beside the pool, of `maxChunks`
   * elements. It is the same in every thread as long as the record is live. The next record in the
   * same chunk has the same index.
   *
   * @param handle Handle of a live record.
   * @returns 0 to `maxChunks` - 1. No other live record of the pool has it.
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
   * Makes a view of a record, in O(1). Another thread can free the record while the view is used.
   *
   * @param handle Handle of a live record.
   * @returns A new view.
   * @throws {StaleHandleError} when it is stale, null or forged.
   * @throws {DisposedError} after `dispose`.
   */
  abstract get(handle: Handle<T>): View<T>;

  /**
   * Makes a view of a record if it is live, in O(1).
   *
   * @param handle Any handle.
   * @returns A new view; `undefined` when the record is not live.
   * @throws {DisposedError} after `dispose`.
   */
  abstract tryGet(handle: Handle<T>): View<T> | undefined;

  /**
   * Sets fields of a record, in O(fields); the others stay as they are.
   *
   * @param handle Handle of a live record.
   * @param init Fields to set.
   * @throws {StaleHandleError} when it is stale, null or forged.
   * @throws {TypeError} when `init` names an unknown field or a value does not fit its type;
   * nothing is written then.
   * @throws {DisposedError} after `dispose`.
   */
  abstract set(handle: Handle<T>, init: Init<T>): void;

  // -- cursors --

  /**
   * Makes a view that {@linkcode seek} and {@linkcode allocAt} move from record to record.
   *
   * @returns An unbound view, whose fields read as 0, `false` or `0n`.
   * @throws {DisposedError} after `dispose`.
   */
  cursor(): View<T> {
    this._slab.checkThere();
    return new this._code.View(this._slab.unbound, 0) as unknown as View<T>;
  }

  /**
   * Moves a view to a record, in O(1), allocating nothing on the heap.
   *
   * @param cursor A view of this pool's struct.
   * @param handle Handle of a live record.
   * @returns The view.
   * @throws {StaleHandleError} when the handle is stale, null or forged; the view is not moved.
   * @throws {TypeError} when the view is of another struct.
   * @throws {DisposedError} after `dispose`.
   */
  abstract seek(cursor: View<T>, handle: Handle<T>): View<T>;

  /**
   * Returns the handle of the record that a view is bound to, in O(1).
   *
   * @param view A view of this pool that this thread made; it may be of a nested struct.
   * @returns The handle.
   * @throws {StaleHandleError} when the record is not live any more.
   * @throws {TypeError} when it is not a view of this pool, or unbound.
   * @throws {DisposedError} after `dispose`.
   */
  handleOf(view: object): Handle<T> {
    this._slab.checkThere();
    const root = rootOf(view);
    const block = root?._b;
    const isMine = block instanceof SharedBlock && block.layout === this._slab.layout;
    if (root === undefined || !isMine || block.position < 0) {
      throw viewError(this._slab, "tell the handle", "is no view of this pool, or is unbound");
    }
    const handle = this._slab.handleAt(block, root._o << root._u);
    if (this._slab.find(handle) === undefined) {
      throw this._slab.staleError("tell the handle", handle);
    }
    return handle as Handle<T>;
  }

  /**
   * Types a number as a handle of this pool, in O(1). Use it for handles that come out of a
   * message, a typed array or JSON. It checks nothing: each call that takes the handle does.
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
   * Calls a function with every live record, in block and chunk order, while other threads go on.
   * In O(capacity).
   *
   * A record that is live all the time is visited once. One that any thread allocates or frees
   * meanwhile may be visited or not. A record is checked to be live right before the call, so one
   * that this thread has freed is not visited.
   *
   * To share a pass among threads, give each of them a stripe. Together they visit all records.
   *
   * @param fn Gets a view, which is the same one for all records, and the handle.
   * @param stripe The blocks to visit, by default all.
   * @throws {TypeError} when `fn` is not a function.
   * @throws {RangeError} when the stripe is out of range.
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
   * Makes a function that does what `forEach(fn, stripe)` does, with a loop that is compiled for
   * this pool and this callback. It is the fastest iteration there is. Make it once, and call it in
   * every frame; a call allocates nothing.
   *
   * @typeParam A Types of the arguments, up to four.
   * @param fn Gets a view, which is the same one for all records, the handle, and the arguments of
   * the call.
   * @param stripe The blocks to visit, by default all.
   * @returns The function. It throws {@linkcode DisposedError} after `dispose`.
   * @throws {TypeError} when `fn` is not a function, or takes more than six arguments.
   * @throws {RangeError} when the stripe is out of range.
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
    const { _slab: slab, _code: { View, loops } } = this;
    slab.checkThere();
    checkLoop(slab, fn);
    checkStripe(slab, stripe);
    const { stripe: first, of: step } = stripe;
    const visitor = fn as unknown as Visitor; // as was just checked
    const findLoop = loops.finderFor(fn, loops.takeOwn());
    const loop = sharedLoopFunction(slab, View, visitor, first, step, findLoop);
    return loop as unknown as (...args: A) => void; // which hands on what it is called with
  }

  /**
   * Returns the slab, for `pack`.
   *
   * @returns The slab.
   * @ignore
   */
  _packed(): PackedSlab {
    this._slab.checkThere();
    return this._slab;
  }

  /**
   * Returns the code of the pool, for `pack`.
   *
   * @returns The code.
   * @ignore
   */
  _ownCode(): OwnCode {
    return this._code;
  }

  /**
   * Selects the records of a stripe that are live at this moment, for `pack`.
   *
   * @param selection Receives the records.
   * @param stripe The stripe.
   * @ignore
   */
  _select(selection: Selection, stripe: Stripe = ALL): void {
    this._slab.checkThere(); // again, as user code may have run since
    checkStripe(this._slab, stripe);
    selectShared(this._slab, selection, stripe.stripe, stripe.of);
  }

  /**
   * What a `HandleMap` beside the pool needs.
   *
   * @ignore
   */
  _beside(): MapSource {
    const { _slab: slab, _code: code } = this;
    return { parts: [{ slab, code, isShared: true }], partOf: () => 0 };
  }

  // -- memory --

  /**
   * Number of live records, in O(blocks). Exact only while no thread is in the middle of a call.
   */
  get size(): number {
    return this._slab.size;
  }

  /** Number of chunks in all blocks. */
  get capacity(): number {
    return this._slab.capacity;
  }

  /** Largest number of chunks that the pool can have. */
  get maxChunks(): number {
    return this._slab.maxChunks;
  }

  /** Chunks in each block. */
  get chunksPerBlock(): number {
    return this._slab.layout.shape.chunksPerBlock;
  }

  /** Bytes of the records of all blocks. */
  get byteLength(): number {
    return this._slab.byteLength;
  }

  /**
   * Makes this thread the owner of the blocks of a thread that ended without {@linkcode dispose},
   * in O(`capacity`), so that their free chunks can be used again. The records stay as they are.
   * One chunk may be lost: that which the thread was freeing in another's block when it ended.
   *
   * Call it only when the thread has really stopped. `Worker.terminate` returns before that. In
   * Deno a worker goes on until its next task, so a loop, an `await` of a settled promise, or
   * `Atomics.wait` can keep it running for ever. There and in browsers a Web Lock is a sound way to
   * know: the worker holds it all the time, and it becomes free only when the worker has stopped,
   * even if the worker closed itself or threw.
   *
   * ```ts ignore
   * const lock = crypto.randomUUID(); // in the thread that starts the worker, which gets it with the token
   *
   * navigator.locks.request(lock, () => { // in the worker, before it allocates
   *   postMessage(pool.thread);
   *   return new Promise(() => {});
   * });
   *
   * await navigator.locks.request(lock, () => pool.adopt(thread)); // once the worker has posted its thread
   * ```
   *
   * On Node and Bun, which keep or have no such locks, `await worker.terminate()` of
   * `node:worker_threads` is enough, and so is the worker's `exit` event.
   *
   * @param thread Its {@linkcode thread}.
   * @returns How many blocks this thread adopted.
   * @throws {RangeError} when there is no such thread, or it is this thread.
   * @throws {DisposedError} after `dispose`.
   */
  adopt(thread: number): number {
    this._slab.checkThere();
    if (Number.isInteger(thread) && thread > 0 && thread <= this._slab.threads) {
      if (thread !== this.thread) return this._slab.adoptFrom(thread);
    }
    throw new RangeError(
      `Cannot adopt in ${this._slab.label}: it must be another thread, from 1 to ${this._slab.threads}, got ${
        showValue(thread)
      }`,
    );
  }

  /**
   * Leaves the pool. The records stay for the other threads, which adopt the blocks of this thread
   * when they need them. Later calls throw {@linkcode DisposedError}; a second `dispose` does
   * nothing.
   *
   * The engine takes the memory back when no thread refers to the pool or to a view of it.
   */
  dispose(): void {
    this._slab.dispose();
  }

  /** Calls {@linkcode dispose} at the end of a `using` scope. */
  [Symbol.dispose](): void {
    this._slab.dispose();
  }
}

/** What the constructor gets. */
interface Setup {
  readonly struct: AnyStruct;
  readonly config: SlabConfig;
  readonly layout: SharedLayout;
  readonly code: SharedCode;
}

/** The code that is compiled for a struct and a geometry, and shared by all pools of both. */
interface SharedCode extends OwnCode {
  readonly Slab: SharedSlabClass;
  readonly View: RecordViewClass;
  readonly SharedPool: OwnClass;
  readonly loops: Loops<SharedLoop>;
}

// deno-lint-ignore no-explicit-any -- one class serves pools of any struct
type OwnClass = new (setup: Setup) => SharedPool<any>;

function make<T extends AnyStruct | Fields>(
  struct: AnyStruct,
  config: SlabConfig,
  layout: SharedLayout,
): SharedPool<T> {
  // Every pool has a slab.
  showAs<SharedPool<AnyStruct>>(SharedPool.prototype, (pool) => summary(shared.get(pool)!));
  const code = codeFor(struct, config);
  return new code.SharedPool({ struct, config, layout, code });
}

const codes = new WeakMap<AnyStruct, Map<string, SharedCode>>();

function codeFor(struct: AnyStruct, config: SlabConfig): SharedCode {
  const { chunksPerBlock, codec, specialize } = config;
  const key = [chunksPerBlock, codec.key, specialize].join();
  let made = codes.get(struct);
  if (made === undefined) codes.set(struct, made = new Map());
  return codeIn(made, key, specialize, () => makeCode(struct, config));
}

function makeCode(struct: AnyStruct, config: SlabConfig): SharedCode {
  const { codec, chunksPerBlock, specialize } = config;
  const compile = compilerForStruct(struct, specialize);
  const { View, write } = structCode(struct, compile);
  const chunkUnits = inUnits(View, struct.size);
  const makeLoop = (args: number, isViewAlone: boolean) =>
    sharedLoopOf(isViewAlone ? NO_HANDLES : codec, chunkUnits, args, compile);
  // The constructor of SharedPool is private, and so no type of a class to extend.
  const Base = SharedPool as unknown as BaseClass;
  const Own = compile(defineSharedPool, Base, View, {
    chunkUnits,
    chunkMask: chunksPerBlock - 1,
    write,
    isView: (view) => structOf(view) === struct && !isDebugView(view),
    checkFunction,
    checkStripe,
    viewError,
  });
  const Slab = sharedSlabClass(config, struct.size, compile);
  return { compile, Slab, View, loops: new Loops(makeLoop), SharedPool: Own };
}

type BaseClass = abstract new (setup: Setup) => SharedPool<AnyStruct>;

/**
 * Defines the hot part of a shared pool. Its text is compiled anew for each struct and geometry, so
 * it uses nothing but its parameters.
 *
 * @param Base {@linkcode SharedPool}.
 * @param View Class of the views.
 * @param own Constants and functions that are the same for all pools of the class.
 * @returns The class.
 */
function defineSharedPool(
  Base: BaseClass,
  View: RecordViewClass,
  own: {
    /** From one record to the next, in units of the view. */
    readonly chunkUnits: number;
    readonly chunkMask: number;
    readonly write: Writer;
    /**
     * Whether a view of another class is of the same struct, such as one of a pool of another
     * geometry.
     */
    readonly isView: (view: unknown) => boolean;
    readonly checkFunction: (slab: SharedSlab, verb: string, fn: unknown) => void;
    readonly checkStripe: (slab: SharedSlab, stripe: Stripe) => void;
    readonly viewError: (slab: SharedSlab, verb: string, problem: string) => Error;
  },
): OwnClass {
  const chunkUnits = own.chunkUnits;
  const chunkMask = own.chunkMask;
  const write = own.write;
  const isView = own.isView;

  /** A view: `View` types its fields for the user, `RecordView` its state for this class. */
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

    /**
     * Reads and checks all values before it takes a chunk, and writes them before other threads see
     * it.
     */
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
      view._o = (handle & chunkMask) * chunkUnits;
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
      return new View(block, (handle & chunkMask) * chunkUnits) as unknown as V;
    }

    override tryGet(handle: H): V | undefined {
      const slab = this._slab;
      const block = slab.find(handle);
      if (block !== undefined) {
        return new View(block, (handle & chunkMask) * chunkUnits) as unknown as V;
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
      view._o = (handle & chunkMask) * chunkUnits;
      return cursor;
    }

    override forEach(fn: (view: View<AnyStruct>, handle: H) => void, stripe?: Stripe): void {
      const slab = this._slab;
      slab.checkThere();
      own.checkFunction(slab, "forEach", fn);
      if (stripe !== undefined) own.checkStripe(slab, stripe);
      const first = stripe === undefined ? 0 : stripe.stripe;
      const step = stripe === undefined ? 1 : stripe.of;
      const view = this._spareViews.pop() || new View(slab.unbound, 0);
      const visitor = fn as unknown as Visitor;
      // A pass takes time for all chunks, so their number decides whether compiling a loop pays.
      this._loops.find(visitor, slab.capacity)(slab, view, visitor, first, step);
      this._spareViews.push(view);
    }
  };
}

function checkStripe({ label }: SharedSlab, given: Stripe): void {
  const { stripe, of } = given ?? {}; // a JavaScript caller may pass null
  if (Number.isInteger(stripe) && Number.isInteger(of) && stripe >= 0 && stripe < of) return;
  throw new RangeError(
    `Cannot iterate over ${label}: stripe must be an integer from 0 to of - 1, got ${
      showValue(stripe)
    } of ${showValue(of)}`,
  );
}

function configOf(struct: AnyStruct, options: SharedPoolOptions): SlabConfig {
  const defaultName = struct.name || "pool";
  checkPoolOptions("SharedPool", defaultName, options);
  // The type has no such options, but options of a Pool can be passed in its place.
  const { name, memory, debug, reuse }: PoolOptions = options;
  const title = titleWith("Cannot create SharedPool", name, defaultName);
  if (memory !== undefined) throw leftOutError(title, "memory", memory);
  if (debug) throw leftOutError(title, "debug", debug);
  if (reuse !== undefined && reuse !== "recent") throw leftOutError(title, "reuse", reuse);
  return resolveOptions("SharedPool", defaultName, struct.size, options, WHOLE, 1 << CHUNK_BITS);
}

function leftOutError(title: string, option: string, value: unknown): TypeError {
  const got = showValue(value);
  return new TypeError(
    `${title}: ${option} must be left out, got ${got}; a shared pool has no such option`,
  );
}
