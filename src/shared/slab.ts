/**
 * One thread's part in a shared pool: the blocks that it has mapped, those that it owns, and how it
 * gets more.
 *
 * @module
 */
import { SharedBlock } from "./block.ts";
import { HEADER, type SharedLayout } from "./layout.ts";
import {
  adopt,
  drain,
  enliven,
  FIRST_STAMP,
  freeOwn,
  freeRemote,
  NEW,
  ORPHAN,
  PENDING,
  publish,
  RETIRED,
  takeChunk,
} from "./protocol.ts";
import { DisposedError, PoolExhaustedError, type StaleHandleError } from "../errors.ts";
import { type HandleCodec, lastStampOf } from "../slab/handle.ts";
import type { SlabConfig } from "../slab/slab.ts";
import type { SlabObserver } from "../slab/observers.ts";
import { staleError } from "../slab/slab_errors.ts";
import type { Target } from "../struct/record.ts";
import type { Compile } from "../struct/scalars.ts";
import type { RecordView } from "../struct/view.ts";

/** The slab of each shared pool, for inspection and tests. */
export const shared: WeakMap<object, SharedSlab> = new WeakMap();

/** How many blocks most searches look at. Each takes an atomic operation or two, some 10 ns. */
const LOOKED_AT = 256;

/** Makes the slabs of one geometry. */
export type SharedSlabClass = new (
  config: SlabConfig,
  layout: SharedLayout,
  arrays: number,
) => SharedSlab;

/**
 * The chunks of a shared pool in one thread: the parts that need not be fast.
 * {@linkcode sharedSlabClass} adds the members for single records.
 */
export abstract class SharedSlab implements Target {
  /**
   * The block that the next chunk is taken from. Right after an alloc it is the block of the new
   * record.
   */
  current: SharedBlock;
  /**
   * The blocks that this thread has mapped, by position. It maps them in order, as it needs them.
   */
  blocks: SharedBlock[] = [];
  /** Live stamp of the last generation. */
  readonly lastStamp: number;
  disposed = false;

  readonly name: string;
  readonly label: string;
  readonly codec: HandleCodec;
  readonly layout: SharedLayout;
  readonly chunkBytes: number;
  /** This thread's number in the pool, from 1. */
  readonly thread: number;
  /** The block of unbound views, without chunks. */
  readonly unbound: SharedBlock;

  /** Bits of the typed arrays that the views of the struct use. */
  private readonly arrays: number;
  /** chunksPerBlock - 1. */
  private readonly chunkMask: number;
  private readonly maxBlocks: number;
  /** The blocks that this thread owns. */
  private mine: SharedBlock[] = [];
  /**
   * The blocks of `mine` whose free lists have chunks, except the current one. It may also contain
   * blocks that this thread has given up since.
   */
  private roomy: SharedBlock[] = [];
  /** The blocks of `mine` that had no live record when they were added here. */
  private empty: SharedBlock[] = [];
  private readonly keepEmptyBlocks: number;
  /** How many more searches look at a few blocks, before one looks at all. */
  private untilAll = 0;
  /** Where the search in `mine` for a remote list goes on, and that in `blocks` for an orphan. */
  private remoteTurn = 0;
  private orphanTurn = 0;
  /** Whether a search looks at orphans before own blocks: where the last one found a block. */
  private adoptsFirst = false;
  /** Called when this thread leaves the pool; `undefined` while there are none. */
  observers: SlabObserver | undefined = undefined;

  /**
   * @param config Checked options.
   * @param layout Layout of the pool.
   * @param arrays Bits of the typed arrays that the views of the struct use.
   */
  constructor(config: SlabConfig, layout: SharedLayout, arrays: number) {
    const { name, label, codec, chunksPerBlock, maxBlocks, keepEmptyBlocks } = config;
    this.name = name;
    this.label = label;
    this.codec = codec;
    this.layout = layout;
    this.arrays = arrays;
    this.chunkBytes = layout.shape.chunkBytes;
    this.chunkMask = chunksPerBlock - 1;
    this.maxBlocks = maxBlocks;
    this.keepEmptyBlocks = keepEmptyBlocks;
    this.lastStamp = lastStampOf(codec) - FIRST_STAMP;
    this.current = this.unbound = new SharedBlock(layout, -1, 0);
    this.thread = Atomics.add(layout.header, HEADER.joined, 1) + 1;
  }

  // -- one record, in the class that is compiled for the geometry --

  /**
   * Allocates a zeroed record, in O(1) unless it has to grow the pool or to adopt a block.
   *
   * @returns Its handle; 0 when this thread finds no free chunk and the pool cannot grow.
   * @throws {DisposedError | OutOfMemoryError}
   */
  abstract alloc(): number;

  /**
   * Binds a view to a record, in O(1). A new record is in a taken and cleared chunk. Other threads
   * see it after {@linkcode publishTaken}; no user code may run before that.
   *
   * @param view The view.
   * @param handle Handle of the record, any number; 0 for a new record.
   * @returns The handle; 0 when there is no free chunk, and the view is not moved.
   * @throws {StaleHandleError} when the handle is not live.
   * @throws {DisposedError | OutOfMemoryError}
   */
  abstract bindTo(view: RecordView, handle: number): number;

  /**
   * Makes the new record live that {@linkcode bindTo} bound a view to.
   *
   * @param handle Its handle.
   */
  abstract publishTaken(handle: number): void;

  /**
   * Frees a record, in O(1).
   *
   * @param handle Any number.
   * @returns Whether it was live; if not, nothing changed.
   */
  abstract free(handle: number): boolean;

  /**
   * Finds the block of a live record, in O(1).
   *
   * @param handle Any number.
   * @returns The block; `undefined` when the handle is not live.
   */
  abstract find(handle: number): SharedBlock | undefined;

  // -- handles --

  /**
   * @param block A block of this pool.
   * @param offset Byte offset of a record in it.
   * @returns Handle of the record there, live or not.
   */
  handleAt(block: SharedBlock, offset: number): number {
    const chunk = offset / this.chunkBytes;
    const stamp = block.loadStamp(chunk);
    const dead = stamp & ~PENDING;
    // For a dead chunk: the stamp before, which is that of the last record in it.
    const isLast = stamp === RETIRED || dead === 0 && this.codec.wraps;
    const last = isLast ? this.lastStamp : dead - (~dead & 1);
    return this.codec.encode(block.firstIndex + chunk, last + FIRST_STAMP);
  }

  /**
   * @param index Index of a chunk.
   * @returns Its generation; 0 when it is retired, -1 when there is no such chunk.
   */
  generationOf(index: number): number {
    const position = Math.floor(index / (this.chunkMask + 1));
    if (position >= this.blocks.length && !this.map(position)) return -1;
    const stamp = this.blocks[position].loadStamp(index & this.chunkMask);
    return stamp === RETIRED ? 0 : (stamp & ~PENDING) + FIRST_STAMP >>> 1;
  }

  // -- for maps beside the pool --

  /** As {@linkcode checkThere}, by the name that all slabs have. */
  checkUsable(): void {
    this.checkThere();
  }

  // -- blocks --

  /** Number of live records; exact only while no thread is in the middle of a call. */
  get size(): number {
    let size = 0;
    for (let i = 0; i < this.blocks.length || this.map(i); i++) size += this.blocks[i].live;
    return size;
  }

  /** Number of blocks in the pool; 0 for a thread that has left it. */
  get blockCount(): number {
    return this.disposed ? 0 : Atomics.load(this.layout.header, HEADER.blocks);
  }

  /** Number of chunks in all blocks. */
  get capacity(): number {
    return this.blockCount * (this.chunkMask + 1);
  }

  /** Number of chunks that ever existed: blocks are never given back. */
  get everChunks(): number {
    return this.capacity;
  }

  /** Largest number of chunks. */
  get maxChunks(): number {
    return this.layout.shape.maxChunks;
  }

  /** Bytes of the records of all blocks. */
  get byteLength(): number {
    return this.capacity * this.chunkBytes;
  }

  /** Number of retired chunks, which are not given out again. */
  get retired(): number {
    return this.mappedBlocks().reduce((sum, block) => sum + block.retired, 0);
  }

  /** Number of threads that joined so far. */
  get threads(): number {
    return Atomics.load(this.layout.header, HEADER.joined);
  }

  /**
   * Number of threads that have not left, with this one and with those that ended without leaving.
   */
  get threadsAround(): number {
    return this.threads - Atomics.load(this.layout.header, HEADER.left);
  }

  /** All blocks, which this thread maps now unless it has. */
  mappedBlocks(): readonly SharedBlock[] {
    this.map(this.blockCount - 1);
    return this.blocks;
  }

  /**
   * Maps all blocks up to a position: makes this thread's typed arrays over them.
   *
   * @param position Position of a block.
   * @returns Whether there is such a block.
   */
  map(position: number): boolean {
    if (!(position < this.blockCount)) return false;
    this.mapTo(position);
    return true;
  }

  private mapTo(position: number): void {
    for (let i = this.blocks.length; i <= position; i++) {
      this.blocks.push(new SharedBlock(this.layout, i, this.arrays));
    }
  }

  /**
   * Makes a block with a free chunk current, and returns whether there was one. It looks in this
   * order: free lists of own blocks, their remote lists, orphans, a new block. After a search that
   * found an orphan, orphans come before remote lists, until there is none.
   */
  protected advance(): boolean {
    this.checkThere();
    if (this.current.isMine && drain(this.current)) return true;
    const block = this.popRoomy() ?? this.search(this.nextReach()) ?? this.addOrSearch();
    if (block === undefined) return false;
    if (block.emptyPlace >= 0) removeFrom(this.empty, "emptyPlace", block);
    this.current = block;
    return true;
  }

  /**
   * Returns how many blocks the next search looks at: a few, or now and then all. Searches of
   * all are so rare that on average they add O(chunks of a block) to each search.
   */
  private nextReach(): number {
    if (this.untilAll-- > 0) return LOOKED_AT;
    this.untilAll = Math.floor(this.blockCount / (this.chunkMask + 1));
    return Infinity;
  }

  /** Finds a block with a free chunk that was freed by another thread, or that has no owner. */
  private search(most: number): SharedBlock | undefined {
    const { adoptsFirst } = this;
    const first = adoptsFirst ? this.adoptOne(most) : this.drainSome(most);
    if (first !== undefined) return first;
    const second = adoptsFirst ? this.drainSome(most) : this.adoptOne(most);
    if (second !== undefined) this.adoptsFirst = !adoptsFirst;
    return second;
  }

  /** Adds a block; where that is not possible it looks at all blocks before it gives up. */
  private addOrSearch(): SharedBlock | undefined {
    try {
      return this.addBlock() ?? this.search(Infinity);
    } catch (error) {
      const block = this.search(Infinity);
      if (block === undefined) throw error;
      return block;
    }
  }

  private popRoomy(): SharedBlock | undefined {
    for (;;) {
      const block = this.roomy.pop();
      if (block === undefined || block.isMine && hasChunk(block)) return block;
    }
  }

  /** Drains the next `most` own blocks, and returns one of those whose remote lists had chunks. */
  private drainSome(most: number): SharedBlock | undefined {
    const { mine } = this;
    let found: SharedBlock | undefined;
    for (let left = Math.min(most, mine.length); left > 0; left--) {
      this.remoteTurn = (this.remoteTurn + 1) % mine.length;
      const block = mine[this.remoteTurn];
      if (!drain(block)) continue;
      found ??= block;
      // The loop meets `found` again where a block was given up meanwhile. It is never given up.
      if (block === found) continue;
      this.roomy.push(block);
      if (block.free === block.bump) this.noteEmpty(block);
      if (!block.isMine) this.remoteTurn--; // another block took its place in `mine`
    }
    return found;
  }

  /** Adopts the next orphan with a free chunk, among the next `most` blocks. */
  private adoptOne(most: number): SharedBlock | undefined {
    const { header } = this.layout;
    if (Atomics.load(header, HEADER.orphans) === 0) return undefined;
    const blocks = this.mappedBlocks();
    for (let left = Math.min(most, blocks.length); left > 0; left--) {
      this.orphanTurn = (this.orphanTurn + 1) % blocks.length;
      const block = blocks[this.orphanTurn];
      if (block.owner !== ORPHAN || !block.hasRoom || !adopt(block, ORPHAN, this.thread)) continue;
      Atomics.sub(header, HEADER.orphans, 1);
      this.own(block);
      if (hasChunk(block)) return block;
    }
    return undefined;
  }

  /** Adds a block to the pool, unless it has `maxChunks`. */
  private addBlock(): SharedBlock | undefined {
    const { header } = this.layout;
    for (;;) {
      const position = this.blockCount;
      if (position === this.maxBlocks) return undefined;
      this.layout.growTo(position + 1, this.label);
      this.mapTo(position); // before the block is there, as this may throw
      if (Atomics.compareExchange(header, HEADER.blocks, position, position + 1) !== position) {
        continue; // another thread added this one; try the next
      }
      const block = this.blocks[position];
      if (!block.swapOwner(NEW, this.thread)) continue; // adoptFrom() of another thread was faster
      this.own(block);
      return block;
    }
  }

  private own(block: SharedBlock): void {
    block.isMine = true;
    block.place = this.mine.push(block) - 1;
  }

  /** Called when the free list of an own block gets its first chunk. */
  protected noteRoom(block: SharedBlock): void {
    if (block !== this.current && block.bump === block.chunkCount) this.roomy.push(block);
  }

  /**
   * Called when an own block has no live record left. The thread keeps it, or gives it up if it has
   * `keepEmptyBlocks` of them.
   */
  protected noteEmpty(block: SharedBlock): void {
    const { empty } = this;
    if (block === this.current) return;
    if (empty.length < this.keepEmptyBlocks) block.emptyPlace = empty.push(block) - 1;
    else this.giveUp(block);
  }

  /** Makes an own block an orphan, in O(1). */
  private giveUp(block: SharedBlock): void {
    removeFrom(this.mine, "place", block);
    this.abandon(block);
  }

  /** Makes a block an orphan, which any thread may adopt. */
  private abandon(block: SharedBlock): void {
    block.isMine = false;
    // Counted first: if the thread ends between the two steps, the count is one too high, which
    // costs a useless search now and then. If it were one too low, no thread would find the block.
    Atomics.add(this.layout.header, HEADER.orphans, 1);
    block.storeOwner(ORPHAN);
  }

  /**
   * Adopts the blocks of a thread that has ended, in O(chunks of all blocks). It also adopts any
   * block that was added and has no owner yet, as the thread may have ended right then.
   *
   * @param thread Number of the thread.
   * @returns How many blocks were adopted.
   */
  adoptFrom(thread: number): number {
    const blocks = this.mappedBlocks().filter((block) =>
      adopt(block, thread, this.thread) || adopt(block, NEW, this.thread)
    );
    for (const block of blocks) {
      this.own(block);
      if (hasChunk(block)) this.roomy.push(block);
      if (block.free === block.bump) this.noteEmpty(block);
    }
    return blocks.length;
  }

  /** Leaves the pool. The blocks of this thread become orphans. */
  dispose(): void {
    if (this.disposed) return;
    for (const block of this.mine) this.abandon(block);
    for (const block of this.blocks) block.forget(); // ends a pass that is inside one
    Atomics.add(this.layout.header, HEADER.left, 1);
    this.disposed = true;
    this.blocks = this.mine = [];
    this.roomy = this.empty = [];
    this.current = this.unbound;
    this.observers?.onDispose();
  }

  // -- errors --

  /** @throws {DisposedError} after this thread has left the pool. */
  checkThere(): void {
    if (this.disposed) throw this.disposedError();
  }

  /**
   * @param verb What the call does.
   * @returns The error where this thread finds no free chunk.
   */
  exhaustedError(verb: string): PoolExhaustedError {
    const { name, label, size, maxChunks, retired } = this;
    const elsewhere = maxChunks - size - retired;
    const state = elsewhere > 0
      ? `${size} of ${maxChunks} chunks are live, ${retired} retired, and ${elsewhere} free in blocks that other threads own`
      : `all ${maxChunks} chunks of maxChunks are live or retired`;
    return new PoolExhaustedError(`Cannot ${verb} in ${label}: ${state}`, name, size, maxChunks);
  }

  /**
   * @param verb What the call does.
   * @param handle The handle that it got, which is not live.
   * @returns The error for it.
   */
  staleError(verb: string, handle: number): StaleHandleError | DisposedError {
    return this.disposed ? this.disposedError() : staleError(this, verb, handle, -1);
  }

  /** @returns The error for any call after `dispose`. */
  disposedError(): DisposedError {
    return new DisposedError(`Cannot use ${this.label}: it was disposed of`, this.name);
  }
}

/** Removes a block from a list in which it knows its place; the last one takes that. O(1). */
function removeFrom(list: SharedBlock[], key: "place" | "emptyPlace", block: SharedBlock): void {
  const last = list.pop()!; // the list has `block`
  if (last !== block) {
    list[block[key]] = last;
    last[key] = block[key];
  }
  block[key] = -1;
}

/** Whether the owner has a free chunk, drained or never used. */
function hasChunk(block: SharedBlock): boolean {
  return block.free > 0 || block.bump < block.chunkCount;
}

/**
 * Makes the class of the slabs of one geometry, with code of its own.
 *
 * @param config Checked options; the geometry is compiled in.
 * @param chunkBytes Bytes of a chunk.
 * @param compile Compiles it.
 * @returns The class.
 */
export function sharedSlabClass(
  { chunksPerBlock, codec }: SlabConfig,
  chunkBytes: number,
  compile: Compile,
): SharedSlabClass {
  return compile(
    defineSharedSlab,
    SharedSlab,
    codec,
    {
      chunkBytes,
      chunkBits: 31 - Math.clz32(chunksPerBlock),
      firstStamp: FIRST_STAMP,
      stampAfterLast: codec.wraps ? 0 : RETIRED,
    },
    STEPS,
  );
}

/** The constants that are compiled into a class. */
interface Constants {
  readonly chunkBytes: number;
  /** log2 of the chunks of a block. */
  readonly chunkBits: number;
  readonly firstStamp: number;
  /** Stamp of a chunk whose record of the last generation was freed. */
  readonly stampAfterLast: number;
}

/** The functions of `protocol.ts` that the class calls. */
const STEPS = { takeChunk, enliven, publish, freeOwn, freeRemote };

/**
 * Defines the hot part of a shared slab. Its text is compiled anew for each geometry, so it uses
 * nothing but its parameters.
 *
 * @param Base {@linkcode SharedSlab}.
 * @param codec How handles are packed.
 * @param constants The geometry.
 * @param steps The protocol.
 * @returns The class.
 */
function defineSharedSlab(
  Base: typeof SharedSlab,
  codec: HandleCodec,
  constants: Constants,
  steps: typeof STEPS,
): SharedSlabClass {
  const chunkBytes = constants.chunkBytes;
  const chunkBits = constants.chunkBits;
  const chunkMask = (1 << chunkBits) - 1;
  const firstStamp = constants.firstStamp;
  const stampAfterLast = constants.stampAfterLast;
  const takeChunk = steps.takeChunk;
  const enliven = steps.enliven;
  const publish = steps.publish;
  const freeOwn = steps.freeOwn;
  const freeRemote = steps.freeRemote;

  return class SharedSlab extends Base {
    override alloc(): number {
      const block = this.current;
      const chunk = takeChunk(block);
      if (chunk < 0) return this.advance() ? this.alloc() : 0;
      return codec.encode(block.firstIndex + chunk, enliven(block, chunk) + firstStamp);
    }

    override bindTo(view: RecordView, handle: number): number {
      let block: SharedBlock | undefined;
      if (handle === 0) {
        handle = this._take();
        if (handle === 0) return 0;
        block = this.current;
      } else {
        block = this.find(handle);
        if (block === undefined) throw this.staleError("set", handle);
      }
      view._b = block;
      // The lowest bits of a handle are the index.
      view._o = (handle & chunkMask) * chunkBytes >> view._u;
      return handle;
    }

    _take(): number {
      const block = this.current;
      const chunk = takeChunk(block);
      if (chunk < 0) return this.advance() ? this._take() : 0;
      block.zero(chunk);
      return codec.encode(block.firstIndex + chunk, block.ownStamp(chunk) + 1 + firstStamp);
    }

    override publishTaken(handle: number): void {
      publish(this.current, handle & chunkMask);
    }

    override free(handle: number): boolean {
      if (typeof handle !== "number") return false;
      const index = codec.index(handle);
      const position = index >>> chunkBits;
      if (position >= this.blocks.length && !this.map(position)) return false;
      const block = this.blocks[position];
      const chunk = index & chunkMask;
      // For any other number this is odd and below 0, which is the stamp of no chunk.
      const live = codec.liveStamp(handle) - firstStamp;
      const last = this.lastStamp;
      // A forged wide handle may have a generation past the last. A swap would compare its low 32
      // bits only.
      if (live > last) return false;
      const dead = live === last ? stampAfterLast : live + 1;
      if (!block.isMine) return freeRemote(block, chunk, live, dead);
      if (!freeOwn(block, chunk, live, dead)) return false;
      if (block.free === 1) this.noteRoom(block);
      if (block.free === block.bump) this.noteEmpty(block);
      return true;
    }

    override find(handle: number): SharedBlock | undefined {
      if (typeof handle !== "number") return undefined;
      const index = codec.index(handle);
      const position = index >>> chunkBits;
      if (position >= this.blocks.length && !this.map(position)) return undefined;
      const block = this.blocks[position];
      const live = codec.liveStamp(handle) - firstStamp;
      return block.loadStamp(index & chunkMask) === live ? block : undefined;
    }
  };
}
