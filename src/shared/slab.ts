/**
 * One thread's part in a shared pool: the blocks that it has mapped, those that it owns, and how it comes to
 * more.
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
import type { HandleCodec } from "../slab/handle.ts";
import type { SlabConfig } from "../slab/slab.ts";
import { Observers, type SlabObserver } from "../slab/observers.ts";
import { staleError } from "../slab/slab_errors.ts";
import type { Target } from "../struct/record.ts";
import type { Compile } from "../struct/scalars.ts";
import type { RecordView } from "../struct/view.ts";

/** The slab of each shared pool, for the files that look inside one. */
export const shared: WeakMap<object, SharedSlab> = new WeakMap();

/** Makes the slabs of one geometry. */
export type SharedSlabClass = new (
  config: SlabConfig,
  layout: SharedLayout,
  arrays: number,
) => SharedSlab;

/**
 * The chunks of a shared pool, for one thread: what of it need not be fast. {@linkcode sharedSlabClass} makes the rest.
 */
export abstract class SharedSlab implements Target {
  /** Where the next chunk comes from, and right after an alloc the last one came from. */
  current: SharedBlock;
  /** The blocks that this thread has mapped, by position: all up to the last that it had to do with. */
  blocks: SharedBlock[] = [];
  /** Stamp of a record of the last generation. */
  readonly lastStamp: number;
  disposed = false;

  readonly name: string;
  readonly label: string;
  readonly codec: HandleCodec;
  readonly layout: SharedLayout;
  readonly chunkBytes: number;
  /** This thread's number in the pool, from 1. */
  readonly thread: number;
  /** What a view is bound to that is bound to no record. */
  readonly unbound: SharedBlock;

  /** Sum of the bits of the typed arrays that records are read and written through. */
  private readonly arrays: number;
  /** chunksPerBlock - 1. */
  private readonly chunkMask: number;
  private readonly maxBlocks: number;
  /** The blocks that this thread owns. */
  private mine: SharedBlock[] = [];
  /** Those of them, but for the current one, whose own list has chunks. */
  private roomy: SharedBlock[] = [];
  /** Which of `mine` was last looked at for what others have freed. */
  private turn = 0;
  private readonly keepEmptyBlocks: number;
  private observers: Observers | undefined = undefined;

  /**
   * @param config Checked options.
   * @param layout Where everything is.
   * @param arrays Sum of the bits of the typed arrays that records are read and written through.
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
    this.lastStamp = codec.maxGeneration * 2 + 1 - FIRST_STAMP;
    this.current = this.unbound = new SharedBlock(layout, -1, 0);
    this.thread = Atomics.add(layout.header, HEADER.joined, 1) + 1;
  }

  // -- one record: in the class made for the geometry --

  /**
   * Takes a chunk, clears it and lets others see it, in O(1) but for growing and adopting.
   *
   * @returns Its handle; 0 when there is none to be had.
   * @throws {DisposedError | OutOfMemoryError}
   */
  abstract alloc(): number;

  /**
   * Moves a view to a record, in O(1). A new one is in a chunk that was taken and cleared, and that nobody sees before
   * {@linkcode publishTaken}; nothing of the user's may run until then.
   *
   * @param view The view.
   * @param handle Its handle, any number; 0 for a new record.
   * @returns Its handle; 0 when there is no chunk to be had, and the view stays where it was.
   * @throws {StaleHandleError} when the handle is not live.
   * @throws {DisposedError | OutOfMemoryError}
   */
  abstract bindTo(view: RecordView, handle: number): number;

  /**
   * Lets others see the new record that {@linkcode bindTo} moved a view to.
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

  // -- where a record is --

  /**
   * @param block A block of this pool.
   * @param offset Byte offset of a record in it.
   * @returns Handle of the record there, live or not.
   */
  handleAt(block: SharedBlock, offset: number): number {
    const chunk = offset / this.chunkBytes;
    const stamp = block.loadStamp(chunk) & ~PENDING;
    // Of a dead chunk the one before, which is that of the record that was there last.
    return this.codec.encode(block.firstIndex + chunk, stamp + FIRST_STAMP - (~stamp & 1));
  }

  /**
   * @param index Index of a chunk.
   * @returns The generation that it is at; 0 when it is retired, -1 when there is none.
   */
  generationOf(index: number): number {
    const position = Math.floor(index / (this.chunkMask + 1));
    if (position >= this.blocks.length && !this.map(position)) return -1;
    const stamp = this.blocks[position].loadStamp(index & this.chunkMask);
    return stamp === RETIRED ? 0 : (stamp & ~PENDING) + FIRST_STAMP >>> 1;
  }

  // -- values beside records --

  /**
   * @param handle A handle that was good once.
   * @returns Whether its record is live.
   */
  isLive(handle: number): boolean {
    return this.find(handle) !== undefined;
  }

  /** @throws {DisposedError} after this thread has left the pool. */
  checkUsable(): void {
    this.checkThere();
  }

  /** @param observer Is told when this thread leaves the pool. */
  observe(observer: SlabObserver): void {
    (this.observers ??= new Observers()).add(observer);
  }

  /** @param observer Is told no more. */
  unobserve(observer: SlabObserver): void {
    this.observers?.remove(observer);
  }

  // -- blocks --

  /** Records that are live: exact while no thread is in the middle of something. */
  get size(): number {
    let size = 0;
    for (let i = 0; i < this.blocks.length || this.map(i); i++) size += this.blocks[i].live;
    return size;
  }

  /** Blocks that there are. */
  get blockCount(): number {
    return Atomics.load(this.layout.header, HEADER.blocks);
  }

  /** Chunks that exist. */
  get capacity(): number {
    return this.blockCount * (this.chunkMask + 1);
  }

  /** Chunks that there ever were: none is given back. */
  get everChunks(): number {
    return this.capacity;
  }

  /** Chunks at the most. */
  get maxChunks(): number {
    return this.layout.shape.maxChunks;
  }

  /** Bytes of the records of all blocks. */
  get byteLength(): number {
    return this.capacity * this.chunkBytes;
  }

  /** Chunks that are given out no more. */
  get retired(): number {
    return this.mappedBlocks().reduce((sum, block) => sum + block.retired, 0);
  }

  /** Threads that joined so far. */
  get threads(): number {
    return Atomics.load(this.layout.header, HEADER.joined);
  }

  /** Threads that joined and have not left, this one among them; those that ended without leaving count. */
  get threadsAround(): number {
    return this.threads - Atomics.load(this.layout.header, HEADER.left);
  }

  /** The blocks that there are. */
  mappedBlocks(): readonly SharedBlock[] {
    this.map(this.blockCount - 1);
    return this.blocks;
  }

  /**
   * Maps all blocks up to a position: makes what this thread reads and writes them through.
   *
   * @param position Position of a block.
   * @returns Whether there are so many.
   */
  map(position: number): boolean {
    if (this.disposed || !(position < this.blockCount)) return false;
    for (let i = this.blocks.length; i <= position; i++) {
      this.blocks.push(new SharedBlock(this.layout, i, this.arrays));
    }
    return true;
  }

  /**
   * Finds a block with a free chunk: among this thread's own, first by what it knows and then by what others have freed;
   * among those that nobody owns; and where there is none, a new one.
   */
  protected advance(): boolean {
    this.checkThere();
    if (this.current.isMine && drain(this.current)) return true;
    const block = this.roomy.pop() ?? this.drainOne() ?? this.adoptOne() ?? this.addBlock();
    if (block === undefined) return false;
    this.current = block;
    return true;
  }

  /** Takes what others have freed in the next own block that has any. */
  private drainOne(): SharedBlock | undefined {
    const { mine } = this;
    for (let i = 0; i < mine.length; i++) {
      this.turn = this.turn + 1 < mine.length ? this.turn + 1 : 0;
      if (drain(mine[this.turn])) return mine[this.turn];
    }
    return undefined;
  }

  /** Takes over a block that nobody owns and that has room. */
  private adoptOne(): SharedBlock | undefined {
    const { header } = this.layout;
    if (Atomics.load(header, HEADER.orphans) === 0) return undefined;
    for (const block of this.mappedBlocks()) {
      if (block.owner !== ORPHAN || !block.hasRoom || !adopt(block, ORPHAN, this.thread)) continue;
      Atomics.sub(header, HEADER.orphans, 1);
      this.own(block);
      if (hasChunk(block) || drain(block)) return block;
    }
    return undefined;
  }

  /** Adds a block to the pool, unless that is at its end. */
  private addBlock(): SharedBlock | undefined {
    const { header } = this.layout;
    for (;;) {
      const position = this.blockCount;
      if (position === this.maxBlocks) return undefined;
      this.layout.growTo(position + 1, this.label);
      if (Atomics.compareExchange(header, HEADER.blocks, position, position + 1) !== position) {
        continue; // another thread has it; there may be one more
      }
      this.map(position);
      const block = this.blocks[position];
      if (!block.swapOwner(NEW, this.thread)) continue; // another thread took this one for ended, and adopted it
      this.own(block);
      return block;
    }
  }

  private own(block: SharedBlock): void {
    block.isMine = true;
    this.mine.push(block);
  }

  /** A block of this thread's has got its first free chunk. */
  protected noteRoom(block: SharedBlock): void {
    if (block !== this.current && block.bump === block.chunkCount) this.roomy.push(block);
  }

  /** A block of this thread's has no live record: it goes to whoever needs one, if enough of them are kept. */
  protected noteEmpty(block: SharedBlock): void {
    if (block === this.current) return;
    let empty = 0;
    for (const it of this.mine) if (it !== this.current && it.free === it.bump) empty++;
    if (empty <= this.keepEmptyBlocks) return;
    this.mine = this.mine.filter((it) => it !== block);
    this.roomy = this.roomy.filter((it) => it !== block);
    this.abandon(block);
  }

  /** Gives up a block, which whoever needs one may adopt. */
  private abandon(block: SharedBlock): void {
    block.isMine = false;
    // Counted first: a thread that ends between the two leaves one too many, which costs a look now and then. One too few
    // would hide the block from all.
    Atomics.add(this.layout.header, HEADER.orphans, 1);
    block.storeOwner(ORPHAN);
  }

  /**
   * Takes over the blocks of a thread that is no more, in O(chunks of all blocks), and any that was added and has no
   * owner yet: that thread may have ended right then.
   *
   * @param thread Its number.
   * @returns How many they were.
   */
  adoptFrom(thread: number): number {
    const blocks = this.mappedBlocks().filter((block) =>
      adopt(block, thread, this.thread) || adopt(block, NEW, this.thread)
    );
    for (const block of blocks) {
      this.own(block);
      if (hasChunk(block)) this.roomy.push(block);
    }
    return blocks.length;
  }

  /** Leaves the pool: what this thread owns is there for the others. */
  dispose(): void {
    if (this.disposed) return;
    for (const block of this.mine) this.abandon(block);
    Atomics.add(this.layout.header, HEADER.left, 1);
    this.disposed = true;
    this.blocks = this.mine = this.roomy = [];
    this.current = this.unbound;
    this.observers?.onDispose();
  }

  // -- errors --

  /** @throws {DisposedError} after this thread has left the pool. */
  checkThere(): void {
    if (this.disposed) throw this.disposedError();
  }

  /**
   * @param verb What was tried.
   * @returns The error for a thread that finds no chunk.
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
   * @param verb What was tried.
   * @param handle What it was tried with.
   * @returns The error that it deserves.
   */
  staleError(verb: string, handle: number): StaleHandleError | DisposedError {
    return this.disposed ? this.disposedError() : staleError(this, verb, handle, -1);
  }

  /** @returns The error for any call after the disposal. */
  disposedError(): DisposedError {
    return new DisposedError(`Cannot use ${this.label}: it was disposed of`, this.name);
  }
}

/** Whether the owner has a chunk to give out. */
function hasChunk(block: SharedBlock): boolean {
  return block.free > 0 || block.bump < block.chunkCount;
}

/**
 * Makes the class of the slabs of one geometry.
 *
 * @param config Checked options: what of them is the same for all of the class goes into its code.
 * @param chunkBytes Bytes of a chunk.
 * @param compile Makes it.
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
    { takeChunk, enliven, publish, freeOwn, freeRemote },
  );
}

/** What is the same for all slabs of a class. */
interface Constants {
  readonly chunkBytes: number;
  /** log2 of the chunks of a block. */
  readonly chunkBits: number;
  readonly firstStamp: number;
  /** Stamp of a chunk whose record of the last generation was freed. */
  readonly stampAfterLast: number;
}

/** What threads do to a block, as `_shared_steps.ts` says. */
interface Steps {
  readonly takeChunk: typeof takeChunk;
  readonly enliven: typeof enliven;
  readonly publish: typeof publish;
  readonly freeOwn: typeof freeOwn;
  readonly freeRemote: typeof freeRemote;
}

/**
 * The hot part of a shared slab. Its text is compiled anew for each geometry, so nothing in it is free but its
 * parameters.
 *
 * @param Base {@linkcode SharedSlab}.
 * @param codec How handles are packed.
 * @param constants What is the same for all slabs of the class.
 * @param steps What is done to a block.
 * @returns The class.
 */
function defineSharedSlab(
  Base: typeof SharedSlab,
  codec: HandleCodec,
  constants: Constants,
  steps: Steps,
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
      view._o = (handle & chunkMask) * chunkBytes; // the lowest bits of a handle are the index
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
      const live = codec.liveStamp(handle) - firstStamp; // of no handle an odd number below 0, which no chunk has
      const last = this.lastStamp;
      // A wide handle may name a generation past the last, of which a swap would see the low bits alone.
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
