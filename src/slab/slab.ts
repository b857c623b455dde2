/**
 * The slab: a growing set of blocks, and the one engine behind every pool.
 *
 * It knows chunks, handles and bytes, and nothing of fields. Handles come in unchecked and are checked here: every
 * member that takes one says whether it was live.
 *
 * @module
 */
import { heapMemory, type MemoryRegion, type MemoryResource } from "../memory/resource.ts";
import type { Target } from "../struct/record.ts";
import type { Compile } from "../struct/scalars.ts";
import type { RecordView } from "../struct/view.ts";
import { type Block, type BlockOwner, type Geometry, NO_BLOCK } from "./block.ts";
import { BlockSet } from "./block_set.ts";
import { chunkWordsFor, linkStrideFor } from "./chunk_memory.ts";
import { DisposedError, type PoolExhaustedError } from "../errors.ts";
import type { HandleCodec } from "./handle.ts";
import { Observers, type SlabObserver } from "./observers.ts";
import { detachedError, exhaustedError, staleError } from "./slab_errors.ts";

/** The slabs of each pool, for the files that look inside one: a set of pools has several. */
export const slabs: WeakMap<object, readonly Slab[]> = new WeakMap();

/** What a slab is built from: options that are checked and complete. */
export interface SlabConfig {
  /** Name of the pool. */
  readonly name: string;
  /** How errors call the pool, `Pool "bullets"`. */
  readonly label: string;
  /** Chunks in each block, a power of two. */
  readonly chunksPerBlock: number;
  /** Blocks at the most. */
  readonly maxBlocks: number;
  /** What the first block is called; the others count on from it. */
  readonly firstBlock: number;
  /** How handles are packed. */
  readonly codec: HandleCodec;
  /** Empty blocks kept for reuse. */
  readonly keepEmptyBlocks: number;
  /** Where blocks come from. */
  readonly memory: MemoryResource;
  /** Whether mistakes are looked for that cost time to find. */
  readonly debug: boolean;
  /** Whether the pool may have code of its own. */
  readonly specialize: boolean;
  /** Whether a freed chunk rests before it is given out again. */
  readonly spread: boolean;
}

/** What a slab is told of its chunks. */
export type Chunk = Pick<Geometry, "chunkBytes" | "align" | "arrays" | "tagged">;

/** What a snapshot holds of a slab, beside its blocks. */
export interface SlabState {
  readonly allocs: number;
  readonly frees: number;
  readonly peakSize: number;
  readonly reserved: number;
  /** Position of the block that the next chunk comes from; -1 before there is one. */
  readonly current: number;
  readonly queue: QueueState;
  /** Numbers that handles have in debug mode, by position and chunk; left out where the snapshot is of a pool without that. */
  readonly numbers?: (position: number, chunk: number) => number;
}

/** The queue of free chunks of a slab whose reuse is spread; see `spread.ts`. */
export interface QueueState {
  /** Index of the first chunk in it, and of the last. */
  readonly first: number;
  readonly last: number;
  readonly queued: number;
  /** Position of the block whose chunks are used for the first time; -1 when there is none. */
  readonly fresh: number;
  /** Position from which on a block is looked for that has no memory any more. */
  readonly vacant: number;
}

/** Where there is no queue. */
export const NO_QUEUE: QueueState = { first: 0, last: 0, queued: 0, fresh: -1, vacant: 0 };

/** Who knows the slab of a handle: a slab itself, or a set of them. */
export interface SlabOwner {
  /**
   * @param handle Any number.
   * @returns The slab that has to know it.
   */
  _slabOf(handle: number): Slab;
}

/** Makes slabs of one geometry. */
export type SlabClass = new (config: SlabConfig, chunk: Chunk) => Slab;

/** What a {@linkcode SlabClass} makes: a slab with its hot part. */
export declare class WholeSlab extends Slab {
  override alloc(): number;
  override free(handle: number): boolean;
  override find(handle: number): Block | undefined;
  override bindTo(view: RecordView, handle: number): number;
  override flipLiveBit(handle: number, expected: boolean): boolean;
  override freeMany(handles: readonly number[], count: number, owner: SlabOwner): number;
  protected override freeChunk(block: Block, chunk: number): void;
  protected override fill(count: number, out: { [i: number]: number }): boolean;
}

/** A growing set of blocks of equal chunks: what of it need not be fast. {@linkcode slabClass} makes the rest. */
export abstract class Slab implements SlabOwner, BlockOwner, Target {
  /** Where the next chunk comes from, and right after an alloc the last one came from. */
  current: Block = NO_BLOCK;
  /** Records allocated and freed so far. */
  allocs = 0;
  frees = 0;
  /** The most that were live whenever one was freed; `peakSize` knows the rest. */
  peak = 0;
  /** By position; one that was given back stays, without memory, for its generations. */
  blocks: Block[];
  readonly blockSet: BlockSet;
  disposed = false;
  /** Who keeps values beside its records; `undefined` as long as nobody does. */
  observers: Observers | undefined = undefined;

  readonly name: string;
  readonly label: string;
  readonly codec: HandleCodec;
  readonly geometry: Geometry;
  readonly maxBlocks: number;
  /** The live stamp of the last generation. */
  private readonly lastStamp: number;

  /**
   * @param config Checked options.
   * @param chunk Size, alignment and typed arrays of a chunk.
   */
  constructor(config: SlabConfig, chunk: Chunk) {
    const { name, label, chunksPerBlock, maxBlocks, codec } = config;
    this.name = name;
    this.label = label;
    this.codec = codec;
    this.maxBlocks = maxBlocks;
    this.geometry = {
      ...chunk,
      chunkCount: chunksPerBlock,
      stampBytes: codec.stampBytes,
      firstBlock: config.firstBlock,
      firstHandle: codec.first,
      spread: config.spread,
      owner: this,
    };
    this.blockSet = new BlockSet(this, { ...config, geometry: this.geometry });
    this.blocks = this.blockSet.all;
    this.lastStamp = lastStampOf(codec);
  }

  /** Records that are live. */
  get size(): number {
    return this.allocs - this.frees;
  }

  /** The most records that were live at once. */
  get peakSize(): number {
    return Math.max(this.peak, this.size);
  }

  // -- one record: in the class made for the geometry --

  /**
   * Takes a chunk and clears it, in O(1); growing takes a block from the memory resource.
   *
   * @returns Its handle; 0 when every chunk is taken.
   * @throws {DisposedError | OutOfMemoryError}
   */
  abstract alloc(): number;

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
  abstract find(handle: number): Block | undefined;

  /**
   * Moves a view to a record, in O(1).
   *
   * @param view The view.
   * @param handle Its handle, any number; 0 for a new record.
   * @returns Its handle; 0 when every chunk is taken, and the view stays where it was.
   * @throws {StaleHandleError} when the handle is not live.
   */
  abstract bindTo(view: RecordView, handle: number): number;

  /** Frees the record in a live chunk. A block that empties may be given back. */
  protected abstract freeChunk(block: Block, chunk: number): void;

  /**
   * Turns the live bit of a live record over, for {@linkcode freeMany}.
   *
   * @param handle Any number.
   * @param expected What the bit has to be.
   * @returns Whether it was that; if not, nothing changed.
   */
  abstract flipLiveBit(handle: number, expected: boolean): boolean;

  /** Allocates records, all or none; tells whether there was room. */
  protected abstract fill(count: number, out: { [i: number]: number }): boolean;

  /**
   * Frees records, all or none, in O(n).
   *
   * @param handles Any values. Nobody else has the array.
   * @param count How many of them count.
   * @param owner Knows the slab of each.
   * @returns Position of the first that is not live or comes a second time, when nothing changed; -1 when all
   * were freed.
   */
  abstract freeMany(handles: readonly number[], count: number, owner: SlabOwner): number;

  // -- where a record is --

  /**
   * @param handle Any number.
   * @returns The chunk that it names in its block.
   */
  chunkOf(handle: number): number {
    return this.codec.index(handle) & maskOf(this.geometry.chunkCount);
  }

  /**
   * @param handle Any number.
   * @returns Byte offset in its block of the chunk that it names.
   */
  offsetOf(handle: number): number {
    return this.chunkOf(handle) * this.geometry.chunkBytes;
  }

  /**
   * @param block A block of this slab.
   * @param chunk A chunk in it.
   * @returns Handle of the record there.
   */
  handleAt(block: Block, chunk: number): number {
    return this.codec.encode(block.firstIndex + chunk, block.stamps[chunk]);
  }

  /**
   * @param block A block of this slab, with memory or without.
   * @param chunk A dead chunk in it.
   * @returns Handle of the record that was there last.
   */
  lastHandleAt(block: Block, chunk: number): number {
    return this.codec.encode(block.firstIndex + chunk, block.stamps[chunk] - 1);
  }

  /**
   * @param index Index of a chunk.
   * @returns The generation that it is at; 0 when it is retired, -1 when there is none.
   */
  generationOf(index: number): number {
    const { chunkCount } = this.geometry;
    const block = this.blocks[Math.floor(index / chunkCount)] as Block | undefined; // the index may be any
    return block === undefined ? -1 : block.stamps[index % chunkCount] >>> 1;
  }

  /** @returns Itself, as it knows every handle. */
  _slabOf(): Slab {
    return this;
  }

  /**
   * Tells whether a record is live, whatever became of its memory.
   *
   * @param handle A handle that was good once.
   * @returns Whether it is.
   */
  isLive(handle: number): boolean {
    const { codec, blocks, geometry: { chunkCount } } = this;
    const index = codec.index(handle);
    const position = index < 0 ? -1 : Math.floor(index / chunkCount);
    const block = blocks[position] as Block | undefined; // beyond the last there is none
    return block !== undefined && block.stamps[index % chunkCount] === codec.liveStamp(handle);
  }

  /** @param observer Is told of each record that is freed from here on. */
  observe(observer: SlabObserver): void {
    if (this.observers === undefined) {
      this.observers = new Observers();
      this.noteFrees(this.observers);
    }
    this.observers.add(observer);
  }

  /** Has frees noted from here on: a slab that nobody observes has not a single test for it. */
  private noteFrees(observers: Observers): void {
    const { freeChunk } = this;
    this.freeChunk = function (block, chunk) {
      observers.forget(block.position * block.chunkCount + chunk);
      freeChunk.call(this, block, chunk);
    };
  }

  /** @param observer Is told no more. */
  unobserve(observer: SlabObserver): void {
    if (this.observers?.remove(observer) !== 0) return;
    this.observers = undefined;
    Reflect.deleteProperty(this, "freeChunk"); // that of its class is left
  }

  // -- many records --

  /**
   * Allocates records, all or none, in O(n).
   *
   * @param count How many, 0 or more.
   * @param out Filled with their handles from its start.
   * @returns Whether there was room; if not, nothing changed.
   * @throws {DisposedError | OutOfMemoryError}
   */
  allocMany(count: number, out: { [i: number]: number }): boolean {
    if (count > this.maxChunks - this.size - this.retired) return false;
    let room = -this.size;
    for (const block of this.mappedBlocks()) room += block.chunkCount - block.retired;
    return this.blockSet.growBy(count - room, true) && this.fillAll(count, out);
  }

  /** Allocates records, all or none, and sees to it that a memory resource which is called meanwhile frees none of them. */
  protected fillAll(count: number, out: { [i: number]: number }): boolean {
    const { grown } = this.blockSet;
    if (!this.fill(count, out)) return false;
    if (this.blockSet.grown === grown) return true;
    let live = 0;
    for (let i = 0; i < count; i++) if (this.find(out[i]) !== undefined) live++;
    if (live === count) return true;
    for (let i = 0; i < count; i++) this.free(out[i]);
    throw new Error(
      `Cannot allocMany in ${this.label}: its memory resource freed some of the records meanwhile`,
    );
  }

  /** Frees every record and keeps the memory, which has to be attached, in O(records + blocks). */
  clear(): void {
    for (const block of this.mappedBlocks()) this.clearBlock(block);
  }

  /**
   * @param verb What is tried.
   * @throws {TypeError} when somebody has detached the memory of a block.
   */
  checkAttached(verb: string): void {
    const blocks = this.mappedBlocks();
    for (let i = 0; i < blocks.length; i++) blocks[i].checkAttached(verb);
  }

  /**
   * Checks that the slab is of use, in O(blocks).
   *
   * @param verb What is tried.
   * @throws {DisposedError} after its disposal.
   * @throws {TypeError} when somebody has detached the memory of a block.
   */
  checkUsable(verb: string): void {
    this.checkThere();
    this.checkAttached(verb);
  }

  /**
   * @returns The blocks to iterate over: those that have memory.
   * @throws {TypeError} when somebody has detached that of one.
   */
  iterable(): readonly Block[] {
    this.checkAttached("iterate");
    return this.mappedBlocks();
  }

  /** @throws {DisposedError} after the slab's disposal. */
  checkThere(): void {
    if (this.disposed) throw this.disposedError();
  }

  // -- memory --

  /** Bytes of a chunk. */
  get chunkBytes(): number {
    return this.geometry.chunkBytes;
  }

  /** Chunks that exist. */
  get capacity(): number {
    return this.blockSet.capacity;
  }

  /** Chunks at the most. */
  get maxChunks(): number {
    return this.maxBlocks * this.geometry.chunkCount;
  }

  /** Chunks that there ever were, those of blocks given back included. */
  get everChunks(): number {
    return this.blocks.length * this.geometry.chunkCount;
  }

  /** Bytes of all blocks. */
  get byteLength(): number {
    return this.capacity * this.geometry.chunkBytes;
  }

  /** @returns The blocks that have memory, in order of position; the same array until that changes. */
  mappedBlocks(): readonly Block[] {
    return this.blockSet.mappedBlocks();
  }

  /** Chunks that are given out no more, those of blocks given back included. */
  get retired(): number {
    let sum = 0;
    // Compact handles retire nothing.
    if (!this.codec.wraps) { for (const block of this.blocks) sum += block.retired; }
    return sum;
  }

  /** Bytes of generations and live bits, those of blocks given back included. */
  get overheadBytes(): number {
    let sum = 0;
    for (const { metadata } of this.blocks) sum += metadata.length;
    return sum;
  }

  /**
   * Grows until there are so many chunks.
   *
   * @param chunks Chunks wanted.
   * @returns Whether `maxChunks` and worn-out blocks allow them; if not, nothing changed.
   * @throws {DisposedError | OutOfMemoryError}
   */
  reserve(chunks: number): boolean {
    const { blockSet } = this;
    if (chunks > this.maxChunks || !blockSet.growBy(chunks - this.capacity, false)) return false;
    blockSet.reserved = Math.max(blockSet.reserved, chunks);
    return true;
  }

  /**
   * Frees every record of a block and gives its memory back.
   *
   * @param index Index of the block.
   * @returns Whether there is such a block.
   */
  freeBlock(index: number): boolean {
    const block = this.blocks[index - this.geometry.firstBlock];
    if (block === undefined || block.index !== index || block.region === undefined) return false;
    this.clearBlock(block);
    this.blockSet.release(block);
    return true;
  }

  /**
   * Gives back every empty block, and forgets what was reserved.
   *
   * @returns Bytes given back.
   */
  trim(): number {
    const blockBytes = this.chunkBytes * this.geometry.chunkCount;
    let bytes = 0;
    this.blockSet.reserved = 0;
    // A memory resource may have called, and given one back as well.
    for (const block of this.mappedBlocks()) {
      if (block.live > 0 || !block.isMapped) continue;
      bytes += blockBytes;
      this.blockSet.release(block);
    }
    return bytes;
  }

  /** Makes the typed arrays of every block anew, after somebody replaced the buffer of its region by a longer one. */
  rebind(): void {
    for (const block of this.mappedBlocks()) block.map();
  }

  /** Gives all memory back; the slab is of no use from then on, nor is it to a memory resource that calls meanwhile. */
  dispose(): void {
    this.disposed = true;
    const regions: MemoryRegion[] = [];
    for (const block of this.mappedBlocks()) {
      this.clearBlock(block);
      regions.push(this.blockSet.unmap(block));
    }
    this.blocks = [];
    this.observers?.onDispose();
    this.blockSet.giveBack(regions);
  }

  /** Makes the lowest block with room the current one, or grows. False when it cannot. */
  protected advance(): boolean {
    this.checkUsable("alloc");
    let block = this.blockSet.lowestWithRoom();
    if (block === undefined) {
      if (this.blockSet.grow() === undefined) return false;
      block = this.blockSet.lowestWithRoom()!; // the memory resource may have given others room meanwhile
    }
    this.current = block;
    return true;
  }

  /** What follows the stamp of a record that is freed: after the last generation the first one, or the chunk is retired. */
  protected nextStamp(block: Block, stamp: number, chunk: number): number {
    this.observers?.forget(block.position * block.chunkCount + chunk);
    if (stamp !== this.lastStamp) return stamp + 1;
    if (this.codec.wraps) return 2;
    block.retired++;
    return 0;
  }

  /** Frees every record of a block, which keeps its memory. */
  protected clearBlock(block: Block): void {
    if (block.live === 0) return;
    this.peak = this.peakSize;
    this.frees += block.live;
    for (let chunk = block.nextLive(0); chunk < block.bump; chunk = block.nextLive(chunk + 1)) {
      block.stamps[chunk] = this.nextStamp(block, block.stamps[chunk], chunk);
    }
    block.reset();
    this.blockSet.noteCleared(block);
  }

  // -- compaction; slabs whose reuse is spread have more to do, and debug mode --

  /**
   * Moves a record to a free chunk of another block. Generations go on as when one was freed and the other allocated; it counts for
   * neither. Until {@linkcode noteMoved} the free chunks of the block that it comes to are in no order.
   *
   * @param from The block that it is in.
   * @param chunk Its chunk.
   * @param to The block that it comes to, which is not given back for it.
   * @param target The lowest free chunk of that.
   */
  moveRecord(from: Block, chunk: number, to: Block, target: number): void {
    const { observers, geometry: { chunkCount, tagged } } = this;
    observers?.beforeMove(from.position * chunkCount + chunk, this.handleAt(from, chunk));
    to.copyChunk(target, from, chunk);
    if (tagged) to.tags[target] = from.tags[chunk];
    from.liveBits[chunk >> 5] &= ~(1 << (chunk & 31));
    to.liveBits[target >> 5] |= 1 << (target & 31);
    to.stamps[target]++;
    observers?.afterMove(to.position * chunkCount + target, this.handleAt(to, target));
    from.stamps[chunk] = this.nextStamp(from, from.stamps[chunk], chunk);
    if (target >= to.bump) to.bump = target + 1;
    if (to.live++ === 0) this.blockSet.emptyCount--;
    if (--from.live === 0) this.blockSet.emptyCount++;
  }

  /**
   * Brings the free chunks in order after records were moved.
   *
   * @param filled The blocks that records came to.
   */
  noteMoved(filled: readonly Block[]): void {
    for (const block of filled) block.relink();
  }

  // -- what a block set asks and tells; slabs whose reuse is spread have more to say --

  vacancy?(): number;

  /** @param _block A block that has got its memory. */
  noteMapped(_block: Block): void {}

  /** @param _block A block that is about to lose it. */
  noteUnmapping(_block: Block): void {}

  /** Chunks that are kept, beside those that were reserved. */
  get keptChunks(): number {
    return 0;
  }

  // -- snapshots --

  /** The queue of free chunks. */
  get queue(): QueueState {
    return NO_QUEUE;
  }

  /**
   * Takes memory from all blocks but some, which frees their records, and forgets those beyond.
   *
   * @param mapped By position, whether the block is to have memory.
   * @returns The memory, which is to be given back once all is restored: its resource may call.
   */
  keepOnly(mapped: readonly boolean[]): MemoryRegion[] {
    const regions: MemoryRegion[] = [];
    for (const block of this.mappedBlocks()) {
      if (mapped[block.position]) continue;
      this.clearBlock(block);
      regions.push(this.blockSet.unmap(block));
    }
    this.blocks.length = mapped.length;
    return regions;
  }

  /**
   * Takes over what a snapshot held, and works out from the blocks what follows from them.
   *
   * @param state As it was.
   */
  settle({ allocs, frees, peakSize, reserved, current }: SlabState): void {
    this.allocs = allocs;
    this.frees = frees;
    this.peak = peakSize;
    this.blockSet.reserved = reserved;
    this.current = current < 0 ? NO_BLOCK : this.blocks[current];
    this.blockSet.settle();
  }

  // -- errors --

  /**
   * @param verb What was tried.
   * @param handle What it was tried with.
   * @param position Where it stood among others, if it did.
   * @returns The error for it.
   */
  staleError(verb: string, handle: number, position = -1): Error {
    return this.disposed ? this.disposedError() : staleError(this, verb, handle, position);
  }

  /**
   * @param _handle What is no handle of a live record here.
   * @returns How errors call the pool where it is one; `undefined` where nobody knows. Debug mode does.
   */
  ownerOf(_handle: number): string | undefined {
    return undefined;
  }

  epochAt(block: Block, chunk: number): number {
    const isLive = (block.stamps[chunk] & 1) === 1 && block.u8.length > 0;
    return isLive ? this.handleAt(block, chunk) : NaN;
  }

  viewError(block: Block, epoch: number): Error {
    return block.isDetached
      ? this.detachedError("use a view", block)
      : staleError(this, "use a view", epoch, -1);
  }

  detachedError(verb: string, block: Block): Error {
    return detachedError(`${verb} in ${this.label}`, `the memory of block ${block.index}`);
  }

  /**
   * @param verb What was tried.
   * @returns The error for a pool that cannot grow.
   */
  exhaustedError(verb: string): PoolExhaustedError {
    return exhaustedError(this, verb);
  }

  /** @returns The error for a pool that was disposed of. */
  disposedError(): DisposedError {
    return new DisposedError(`Cannot use ${this.label}: it was disposed of`, this.name);
  }
}

/** So many ones that they can name each chunk. */
function maskOf(chunkCount: number): number {
  return (1 << 32 - Math.clz32(chunkCount - 1)) - 1;
}

function lastStampOf({ maxGeneration }: HandleCodec): number {
  return maxGeneration * 2 + 1;
}

/**
 * Makes the class of the slabs of one geometry.
 *
 * @param config Checked options: what of them is the same for all of the class goes into its code.
 * @param chunkBytes Bytes of a chunk.
 * @param compile Makes it.
 * @returns The class.
 */
export function slabClass(config: SlabConfig, chunkBytes: number, compile: Compile): SlabClass {
  const { chunksPerBlock, codec } = config;
  return compile(defineSlab, Slab, codec, {
    chunkBytes,
    chunkCount: chunksPerBlock,
    chunkMask: maskOf(chunksPerBlock),
    chunkWords: chunkWordsFor(chunkBytes),
    halfStride: linkStrideFor(chunksPerBlock, chunkBytes),
    lastStamp: lastStampOf(codec),
    mayDetach: mayDetach(config),
  });
}

/** What is the same for all slabs of a class. */
interface Constants {
  readonly chunkBytes: number;
  readonly chunkCount: number;
  /** Ones where a handle has the chunk in its block. */
  readonly chunkMask: number;
  /** See {@linkcode chunkWordsFor}. */
  readonly chunkWords: number;
  /** See {@linkcode linkStrideFor}. */
  readonly halfStride: number;
  /** The live stamp of the last generation. */
  readonly lastStamp: number;
  readonly mayDetach: boolean;
}

/**
 * @param config Checked options.
 * @returns Whether blocks lie in memory that others have as well, and may detach. To look whether they did takes a tenth of a `get`.
 */
export function mayDetach({ memory }: SlabConfig): boolean {
  return memory !== heapMemory;
}

/**
 * The hot part of a slab. Its text is compiled anew for each geometry, so nothing in it is free but its parameters.
 *
 * @param Base {@linkcode Slab}.
 * @param codec How handles are packed.
 * @param constants What is the same for all slabs of the class.
 * @returns The class.
 */
function defineSlab(
  Base: typeof Slab,
  codec: HandleCodec,
  constants: Constants,
): SlabClass {
  const chunkBytes = constants.chunkBytes;
  const chunkCount = constants.chunkCount;
  const chunkMask = constants.chunkMask;
  const chunkBits = 32 - Math.clz32(chunkMask);
  const chunkWords = constants.chunkWords;
  const halfStride = constants.halfStride;
  const lastStamp = constants.lastStamp;
  const retires = !codec.wraps;
  const mayDetach = constants.mayDetach;

  return class Slab extends Base {
    override alloc(): number {
      const block = this.current;
      const bump = block.bump;
      // Without a block the current one has no memory either.
      if (block.u8.length === 0) return this.advance() ? this.alloc() : 0;
      let chunk = bump;
      if ((retires ? block.live + block.retired : block.live) < bump) {
        chunk = block.head;
        block.head = halfStride > 0 ? block.u16[chunk * halfStride] : block.readLink(chunk);
      } else {
        if (bump === chunkCount) return this.advance() ? this.alloc() : 0;
        block.bump = bump + 1;
      }
      if (chunkWords > 0) {
        const i32 = block.i32;
        const at = chunk * chunkWords;
        i32[at] = 0; // before the loop, which is then shorter to enter
        for (let i = 1; i < chunkWords; i++) i32[at + i] = 0;
      } else block.zero(chunk);
      block.liveBits[chunk >> 5] |= 1 << (chunk & 31);
      if (block.live++ === 0) this.blockSet.emptyCount--;
      this.allocs++;
      return codec.encode(block.firstIndex + chunk, ++block.stamps[chunk]);
    }

    override free(handle: number): boolean {
      if (typeof handle !== "number") return false;
      const index = codec.index(handle);
      const position = index >>> chunkBits;
      const blocks = this.blocks;
      if (position >= blocks.length) return false;
      const block = blocks[position];
      if (block.u8.length === 0) block.checkAttached("free");
      const chunk = index & chunkMask;
      if (block.stamps[chunk] !== codec.liveStamp(handle)) return false;
      this.freeChunk(block, chunk);
      return true;
    }

    override find(handle: number): Block | undefined {
      if (typeof handle !== "number") return undefined;
      const index = codec.index(handle);
      const position = index >>> chunkBits;
      const blocks = this.blocks;
      if (position >= blocks.length) return undefined;
      const block = blocks[position];
      if (mayDetach && block.u8.length === 0) block.checkAttached("use a handle");
      return block.stamps[index & chunkMask] === codec.liveStamp(handle) ? block : undefined;
    }

    override bindTo(view: RecordView, handle: number): number {
      let block;
      if (handle === 0) {
        handle = this.alloc();
        if (handle === 0) return 0;
        block = this.current;
      } else {
        block = this.find(handle);
        if (block === undefined) throw this.staleError("set", handle);
      }
      view._b = block;
      view._o = (codec.index(handle) & chunkMask) * chunkBytes;
      return handle;
    }

    protected override freeChunk(block: Block, chunk: number): void {
      // A peak is over when a record is freed, so that is when it is noted.
      const size = this.allocs - this.frees++;
      if (size > this.peak) this.peak = size;
      block.liveBits[chunk >> 5] &= ~(1 << (chunk & 31));
      const stamp = block.stamps[chunk];
      // After the last generation comes the first one, or the chunk is retired.
      let next = stamp + 1;
      if (stamp === lastStamp) next = retires ? this.nextStamp(block, stamp, chunk) : 2;
      block.stamps[chunk] = next;
      if (next !== 0) {
        if (halfStride > 0) block.u16[chunk * halfStride] = block.head;
        else block.writeLink(chunk, block.head);
        block.head = chunk;
        const position = block.position;
        this.blockSet.roomBits[position >> 5] |= 1 << (position & 31);
        // Records gather in the lowest blocks, so that passes stay dense and the highest blocks empty.
        if (position < this.current.position) this.current = block;
      }
      if (--block.live === 0) this.blockSet.noteEmpty(block);
    }

    protected override fill(count: number, out: { [i: number]: number }): boolean {
      let done = 0;
      try {
        for (; done < count; done++) {
          const handle = this.alloc();
          if (handle === 0) break;
          out[done] = handle;
        }
      } finally {
        // Only a memory resource that allocated from the pool as well has it fail.
        if (done < count) { for (let i = 0; i < done; i++) this.free(out[i]); }
      }
      return done === count;
    }

    override freeMany(handles: readonly number[], count: number, owner: SlabOwner): number {
      // The live bit of each record is turned off for a moment, so that a handle that comes twice is seen.
      let seen = 0;
      try {
        while (seen < count) {
          const handle = handles[seen];
          if (!owner._slabOf(handle).flipLiveBit(handle, true)) break;
          seen++;
        }
      } finally {
        for (let i = 0; i < seen; i++) owner._slabOf(handles[i]).flipLiveBit(handles[i], false);
      }
      if (seen < count) return seen;
      for (let i = 0; i < seen; i++) owner._slabOf(handles[i]).free(handles[i]);
      return -1;
    }

    override flipLiveBit(handle: number, expected: boolean): boolean {
      const block = this.find(handle);
      if (block === undefined) return false;
      const chunk = codec.index(handle) & chunkMask;
      const bit = 1 << (chunk & 31);
      if (((block.liveBits[chunk >> 5] & bit) !== 0) !== expected) return false;
      block.liveBits[chunk >> 5] ^= bit;
      return true;
    }
  };
}
