/**
 * The slab: a growing set of blocks with handles to their chunks, the engine behind every pool.
 *
 * It knows chunks, handles and bytes, but no fields. Pools pass handles unchecked: every member
 * that takes one checks it, and its result says whether the record was live.
 *
 * @module
 */
import { releaseAll } from "../memory/region.ts";
import type { MemoryRegion, MemoryResource } from "../memory/resource.ts";
import type { Compile } from "../struct/scalars.ts";
import type { Target } from "../struct/record.ts";
import type { RecordView } from "../struct/view.ts";
import { type Block, type BlockOwner, FIRST_STAMP, type Geometry, NO_BLOCK } from "./block.ts";
import { BlockSet } from "./block_set.ts";
import { DisposedError, type PoolExhaustedError } from "../errors.ts";
import { type HandleCodec, lastStampOf } from "./handle.ts";
import type { Observed, SlabObserver } from "./observers.ts";
import { detachedError, exhaustedError, staleError } from "./slab_errors.ts";

/** The slabs of each pool, for snapshots, inspection and tests. A `PoolSet` has several. */
export const slabs: WeakMap<object, readonly Slab[]> = new WeakMap();

/** The options of a slab, checked and complete. */
export interface SlabConfig {
  /** Name of the pool. */
  readonly name: string;
  /** The pool's name in errors, `Pool "bullets"`. */
  readonly label: string;
  /** Chunks in each block, a power of two. */
  readonly chunksPerBlock: number;
  /** The most blocks that may exist at once. */
  readonly maxBlocks: number;
  /** Index of the first block. */
  readonly firstBlock: number;
  /** The packing of handles. */
  readonly codec: HandleCodec;
  /** Empty blocks kept for reuse. */
  readonly keepEmptyBlocks: number;
  /** Where blocks come from. */
  readonly memory: MemoryResource;
  /** Whether the pool may have code of its own, see `own_code.ts`. */
  readonly specialize: boolean;
  /** How chunks are reused; `undefined` where the one that was freed last is. */
  readonly reuse: SpreadReuse | undefined;
}

/** The part of the geometry that depends on the records. */
export type Chunk = Pick<Geometry, "chunkBytes" | "align" | "arrays" | "tagged">;

/** A slab, or a set of slabs that share their handles. */
export interface SlabOwner {
  /**
   * @param handle Any number.
   * @returns The slab that the handle belongs to; any slab if the number is no handle.
   */
  _slabOf(handle: number): Slab;
}

/** The class of slabs of one geometry. */
export type SlabClass = new (config: SlabConfig, chunk: Chunk) => Slab;

/**
 * The type of {@linkcode spread}, a value of the option `reuse`. Its members are internal.
 *
 * @category Pools
 */
export interface SpreadReuse {
  /** @ignore */
  slabClass(Base: SlabClass, config: SlabConfig, chunkBytes: number, compile: Compile): SlabClass;
}

/** An instance of a {@linkcode SlabClass}: a slab with its hot part, for subclasses. */
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

/** A growing set of blocks of equal chunks, without its hot part, which `slab_class.ts` adds. */
export abstract class Slab implements SlabOwner, BlockOwner, Target, Observed {
  /** The block that the next chunk comes from. Right after an alloc: the block of that record. */
  current: Block = NO_BLOCK;
  /** Records allocated so far. */
  allocs = 0;
  /** Records freed so far. */
  frees = 0;
  /** The highest number of live records noted so far; it is noted before frees. See `peakSize`. */
  peak = 0;
  /**
   * By position. A block that was given back stays here without memory, as it keeps the
   * generations.
   */
  blocks: Block[];
  readonly blockSet: BlockSet;
  disposed = false;
  /** A block with memory, checked for all: a wasm memory that grows detaches all blocks at once. */
  protected probe: Block = NO_BLOCK;
  /** Its observers; `undefined` while there are none. */
  observers: SlabObserver | undefined = undefined;

  readonly name: string;
  readonly label: string;
  readonly codec: HandleCodec;
  readonly geometry: Geometry;
  readonly maxBlocks: number;
  /** The live stamp of the last generation. */
  private readonly lastStamp: number;

  /**
   * @param config Checked options.
   * @param chunk Size, alignment, typed arrays and tags of its chunks.
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
      spread: config.reuse !== undefined,
      owner: this,
    };
    this.blockSet = new BlockSet(this, { ...config, geometry: this.geometry });
    this.blocks = this.blockSet.all;
    this.lastStamp = lastStampOf(codec);
  }

  /** Live records. */
  get size(): number {
    return this.allocs - this.frees;
  }

  /** The most records that were live at once. */
  get peakSize(): number {
    return Math.max(this.peak, this.size);
  }

  // -- one record: implemented by the class that is compiled for the geometry --

  /**
   * Allocates a chunk and zeroes it, in O(1); growing takes a block from the memory resource.
   *
   * @returns Its handle; 0 when every chunk is taken.
   * @throws {DisposedError | OutOfMemoryError}
   */
  abstract alloc(): number;

  /**
   * Frees a record, in O(1).
   *
   * @param handle Any number.
   * @returns Whether the record was live; if not, nothing changed.
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
   * Binds a view to a record, in O(1).
   *
   * @param view The view.
   * @param handle Handle of the record, any number; 0 to allocate one.
   * @returns Handle of the record; 0 when every chunk is taken, and the view keeps its record.
   * @throws {StaleHandleError} when the handle is not live.
   */
  abstract bindTo(view: RecordView, handle: number): number;

  /** Frees the record in a live chunk. Its block may be given back if that empties it. */
  protected abstract freeChunk(block: Block, chunk: number): void;

  /**
   * Flips the live bit of a live record, for {@linkcode freeMany}.
   *
   * @param handle Any number.
   * @param expected The value that the bit must have.
   * @returns Whether it had that value; if not, nothing changed.
   */
  abstract flipLiveBit(handle: number, expected: boolean): boolean;

  /** Allocates records, all or none; returns whether there was room. */
  protected abstract fill(count: number, out: { [i: number]: number }): boolean;

  /**
   * Frees records, all or none, in O(n).
   *
   * @param handles Any values, in an array that no user code can change meanwhile.
   * @param count How many to free, from the start of the array.
   * @param owner The slab or set of slabs that the handles belong to.
   * @returns -1 if all were freed. Else nothing changed, and it is the position of the first handle
   * that is not live or that is repeated.
   */
  abstract freeMany(handles: readonly number[], count: number, owner: SlabOwner): number;

  // -- handles and chunks --

  /**
   * @param handle Any number.
   * @returns The chunk that the handle stands for, as its index within its block.
   */
  chunkOf(handle: number): number {
    return this.codec.index(handle) & maskOf(this.geometry.chunkCount);
  }

  /**
   * @param block A block of this slab.
   * @param chunk A live chunk in it.
   * @returns Handle of its record.
   */
  handleAt(block: Block, chunk: number): number {
    return this.codec.encode(block.firstIndex + chunk, block.stamps[chunk]);
  }

  /**
   * @param block A block of this slab, with memory or without.
   * @param chunk A dead chunk in it.
   * @returns Handle of its last record, that of the last generation if it wrapped or was retired.
   */
  lastHandleAt(block: Block, chunk: number): number {
    const stamp = block.stamps[chunk];
    const last = stamp > FIRST_STAMP ? stamp - 1 : this.lastStamp;
    return this.codec.encode(block.firstIndex + chunk, last);
  }

  /**
   * @param index Index of a chunk.
   * @returns Its generation; 0 if it is retired, -1 if there is no such chunk.
   */
  generationOf(index: number): number {
    const { chunkCount } = this.geometry;
    const block = this.blocks[Math.floor(index / chunkCount)] as Block | undefined; // any index
    return block === undefined ? -1 : block.stamps[index % chunkCount] >>> 1;
  }

  /** @returns This slab, for every handle. */
  _slabOf(): Slab {
    return this;
  }

  // -- many records --

  /**
   * Allocates records, all or none, in O(n).
   *
   * @param count How many, 0 or more.
   * @param out Receives the handles, from position 0 on.
   * @returns Whether there was room; if not, nothing changed.
   * @throws {DisposedError | OutOfMemoryError}
   */
  allocMany(count: number, out: { [i: number]: number }): boolean {
    if (count > this.maxChunks - this.size - this.retired) return false;
    let room = -this.size;
    for (const block of this.mappedBlocks()) room += block.chunkCount - block.retired;
    return this.blockSet.growBy(count - room, true) && this.fillAll(count, out);
  }

  /**
   * Allocates records, all or none; throws if a memory resource that was called frees some of them.
   */
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

  /** Frees every record and keeps the memory, which must be attached, in O(records + blocks). */
  clear(): void {
    for (const block of this.mappedBlocks()) this.clearBlock(block);
  }

  /**
   * @param verb The operation, for the error.
   * @throws {TypeError} when the memory of a block was detached from outside.
   */
  checkAttached(verb: string): void {
    const blocks = this.mappedBlocks();
    for (let i = 0; i < blocks.length; i++) blocks[i].checkAttached(verb);
  }

  /**
   * Checks that the slab can be used, in O(blocks).
   *
   * @param verb The operation, for the error.
   * @throws {DisposedError} after its disposal.
   * @throws {TypeError} when the memory of a block was detached from outside.
   */
  checkUsable(verb: string): void {
    this.checkThere();
    this.checkAttached(verb);
  }

  /**
   * @returns The blocks to iterate over, which are those with memory.
   * @throws {TypeError} when the memory of a block was detached from outside.
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

  /** Chunks in blocks that have memory. */
  get capacity(): number {
    return this.blockSet.capacity;
  }

  /** The most chunks that may exist at once. */
  get maxChunks(): number {
    return this.maxBlocks * this.geometry.chunkCount;
  }

  /** Chunks that ever existed, those of blocks given back included. */
  get everChunks(): number {
    return this.blocks.length * this.geometry.chunkCount;
  }

  /** Bytes of all blocks. */
  get byteLength(): number {
    return this.capacity * this.geometry.chunkBytes;
  }

  /** @returns The blocks that have memory, by position; the same array until blocks come or go. */
  mappedBlocks(): readonly Block[] {
    return this.blockSet.mappedBlocks();
  }

  /** Retired chunks, those of blocks given back included. */
  get retired(): number {
    let sum = 0;
    // With compact handles no chunk is ever retired.
    if (!this.codec.wraps) { for (const block of this.blocks) sum += block.retired; }
    return sum;
  }

  /** Bytes of metadata, that of blocks given back included. */
  get overheadBytes(): number {
    let sum = 0;
    for (const { metadata } of this.blocks) sum += metadata.length;
    return sum;
  }

  /**
   * Grows until `capacity` is at least a number of chunks.
   *
   * @param chunks The number.
   * @returns Whether `maxChunks` and retired blocks allow them; if not, nothing changed.
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
    const block = this.blocks[index - this.geometry.firstBlock] as Block | undefined; // any index
    if (!block?.isMapped) return false;
    block.checkAttached("freeBlock");
    this.clearBlock(block);
    this.blockSet.release(block);
    return true;
  }

  /**
   * Gives back every empty block, even if the resource throws, and ends the effect of
   * {@linkcode reserve}.
   *
   * @returns Bytes given back.
   */
  trim(): number {
    const { blockSet } = this;
    blockSet.reserved = 0;
    if (blockSet.emptyCount === 0) return 0; // without an array, as most calls find none
    const regions = this.unmapBlocks(({ live }) => live === 0);
    releaseAll(blockSet.config.memory, regions);
    return regions.length * this.geometry.chunkCount * this.chunkBytes;
  }

  /**
   * Makes the typed arrays of every block again, after the buffer of its region was replaced by a
   * longer one.
   */
  rebind(): void {
    for (const block of this.mappedBlocks()) block.map();
  }

  /**
   * Gives all memory back. The slab cannot be used from then on, not even by the memory resource.
   */
  dispose(): void {
    this.disposed = true;
    const regions = this.unmapBlocks(() => true);
    this.blocks = [];
    this.observers?.onDispose();
    releaseAll(this.blockSet.config.memory, regions);
  }

  /**
   * Frees the records of blocks, and takes their memory.
   *
   * @param isMeant Tells whether a block is one of them.
   * @returns The regions, for the caller to give back.
   */
  unmapBlocks(isMeant: (block: Block) => boolean): MemoryRegion[] {
    return this.mappedBlocks().filter(isMeant).map((block) => {
      this.clearBlock(block);
      return this.blockSet.unmap(block);
    });
  }

  /**
   * Makes the lowest block with room the current one, or grows; returns false if neither is
   * possible.
   */
  protected advance(): boolean {
    this.checkThere();
    // Blocks that are not looked at here are not checked, so that the call takes O(1).
    this.current.checkAttached("alloc");
    let block = this.blockSet.lowestWithRoom();
    if (block === undefined) {
      this.checkSome();
      if (this.blockSet.grow() === undefined) return false;
      block = this.blockSet.lowestWithRoom()!; // the memory resource may have freed in a lower one
    }
    block.checkAttached("alloc");
    this.current = block;
    return true;
  }

  /** Checks that one mapped block is attached: in O(1), or O(blocks) if the last one is gone. */
  protected checkSome(): void {
    if (!this.probe.isMapped) this.probe = this.blocks.find((it) => it.isMapped) ?? NO_BLOCK;
    this.probe.checkAttached("alloc");
  }

  /**
   * Returns the stamp that follows when a record is freed. The last generation is followed by the
   * first, or the chunk is retired.
   */
  protected nextStamp(block: Block, stamp: number, chunk: number): number {
    this.observers?.forget(block.position * block.chunkCount + chunk);
    if (stamp !== this.lastStamp) return stamp + 1;
    if (this.codec.wraps) return 2;
    block.retired++;
    return 0;
  }

  /** Advances the generation of a live chunk; with spread reuse also puts it into the queue. */
  endChunk(block: Block, chunk: number): void {
    block.stamps[chunk] = this.nextStamp(block, block.stamps[chunk], chunk);
  }

  /** Frees every record of a block and keeps its memory. */
  clearBlock(block: Block): void {
    if (block.live === 0) return;
    this.peak = this.peakSize;
    this.frees += block.live;
    for (let chunk = block.nextLive(0); chunk < block.bump; chunk = block.nextLive(chunk + 1)) {
      this.endChunk(block, chunk);
    }
    block.reset();
    this.blockSet.noteCleared(block);
  }

  // -- defined in debug mode; `rebuild.ts` calls the first two --

  /**
   * A record was moved.
   *
   * @param before Its handle before.
   * @param from The block that it was in.
   * @param chunk Its chunk there.
   * @param to The block that it is in.
   * @param target Its chunk there.
   */
  noteMoved?(before: number, from: Block, chunk: number, to: Block, target: number): void;

  /**
   * The state of a snapshot was taken over.
   *
   * @param numbers See `SlabState`.
   */
  noteSettled?(numbers: ((position: number, chunk: number) => number) | undefined): void;

  /**
   * Recognises the handles of other debug pools.
   *
   * @param handle A number that is not the handle of a live record of this slab.
   * @returns The label of the pool that has it; `undefined` if it is unknown.
   */
  ownerOf?(handle: number): string | undefined;

  // -- called by the block set: defined or overridden for spread reuse --

  vacancy?(): number;

  /**
   * @param block A block that has just got its memory.
   * @param wasNext Whether its position is the one that {@linkcode vacancy} chose.
   */
  noteMapped?(block: Block, wasNext: boolean): void;

  /** @param block A block that is about to lose its memory. */
  noteUnmapping?(block: Block): void;

  /** An emptied block is given back only if at least this many chunks are left. */
  get keptChunks(): number {
    return 0;
  }

  // -- errors --

  /**
   * @param verb The operation.
   * @param handle The value that is not the handle of a live record.
   * @param position Its position in the list that was passed; -1 if it was passed alone.
   * @returns The error for it.
   */
  staleError(verb: string, handle: number, position = -1): Error {
    return this.disposed ? this.disposedError() : staleError(this, verb, handle, position);
  }

  detachedError(verb: string, block: Block): Error {
    return detachedError(`${verb} in ${this.label}`, `the memory of block ${block.index}`);
  }

  /**
   * @param verb The operation.
   * @returns The error for a pool that cannot grow.
   */
  exhaustedError(verb: string): PoolExhaustedError {
    return exhaustedError(this, verb);
  }

  /** @returns The error for a slab that was disposed of. */
  disposedError(): DisposedError {
    return new DisposedError(`Cannot use ${this.label}: it was disposed of`, this.name);
  }
}

/**
 * @param chunkCount Chunks in a block.
 * @returns A bit mask for the low bits of a chunk's index, which are its position in its block.
 */
export function maskOf(chunkCount: number): number {
  return (1 << 32 - Math.clz32(chunkCount - 1)) - 1;
}
