/**
 * The block set: which blocks a slab has, which of them have room, and where the next one comes
 * from.
 *
 * A slab calls it only when a block fills, empties or gets its first record.
 *
 * @module
 */
import type { MemoryRegion, MemoryResource } from "../memory/resource.ts";
import { releaseAll, takeRegion } from "../memory/region.ts";
import { Block, type Geometry, NO_BLOCK } from "./block.ts";

/** The options of a block set. */
interface BlockSetConfig {
  /** The pool's name in errors, `Pool "bullets"`. */
  readonly label: string;
  readonly geometry: Geometry;
  /** The most blocks that may exist at once. */
  readonly maxBlocks: number;
  /** Empty blocks kept for reuse; more are given back. */
  readonly keepEmptyBlocks: number;
  /** Where blocks come from. */
  readonly memory: MemoryResource;
}

/** The slab that allocates from the blocks. */
interface Allocating {
  /** The block that the next chunk comes from. */
  current: Block;
  /** @throws {DisposedError} after its disposal. */
  checkThere(): void;
  /**
   * Overrides the choice of the next block's position, which is otherwise the lowest without
   * memory.
   *
   * @returns The position; `maxBlocks` when no more blocks are allowed.
   */
  vacancy?(): number;
  /**
   * @param block A block that has just got its memory.
   * @param wasNext Whether its position is the one that {@linkcode vacancy} chose.
   */
  noteMapped?(block: Block, wasNext: boolean): void;
  /** @param block A block that is about to lose its memory. */
  noteUnmapping?(block: Block): void;
  /** An emptied block is given back only if at least this many chunks, and `reserved`, are left. */
  readonly keptChunks: number;
}

/** The blocks of a slab. */
export class BlockSet {
  /**
   * By position. A block that was given back stays here without memory, as it keeps the
   * generations.
   */
  readonly all: Block[] = [];
  /** Blocks taken from the memory resource so far. */
  grown = 0;
  /** Blocks given back to the memory resource so far. */
  released = 0;
  /**
   * The most chunks that reserve() was called with. An emptied block is not given back if fewer
   * chunks than that would be left.
   */
  reserved = 0;

  /**
   * Bit `p & 31` of word `p >> 5` is set if the block at position p may have room, and clear if it
   * has none. The slab sets it whenever it frees a chunk.
   */
  roomBits: Int32Array = new Int32Array(1);
  /**
   * Blocks with memory and no live record. The slab decrements it when such a block gets a record.
   */
  emptyCount = 0;

  private readonly slab: Allocating;
  readonly config: BlockSetConfig;
  /** How many blocks have memory. */
  private mappedCount = 0;
  /** Every position below it has memory, or has a block whose chunks are all retired. */
  private vacant = 0;
  /** The result of {@linkcode mappedBlocks}; `undefined` if blocks came or went since. */
  private mappedCache: readonly Block[] | undefined = [];
  /** Whether a call of the memory resource for a block is under way. */
  isGrowing = false;

  /**
   * @param slab The slab that allocates from the blocks.
   * @param config Checked options of the slab.
   */
  constructor(slab: Allocating, config: BlockSetConfig) {
    this.slab = slab;
    this.config = config;
  }

  /** Chunks in blocks that have memory. */
  get capacity(): number {
    return this.mappedCount * this.config.geometry.chunkCount;
  }

  /** @returns The blocks that have memory, by position; the same array until blocks come or go. */
  mappedBlocks(): readonly Block[] {
    return this.mappedCache ??= this.all.filter((block) => block.isMapped);
  }

  // -- room --

  /**
   * Finds room, in O(blocks / 32). The search starts at the current block: whatever gives a lower
   * block room also makes it the current one.
   *
   * @returns The lowest block that has room, and memory; `undefined` when there is none.
   */
  lowestWithRoom(): Block | undefined {
    const words = this.roomBits;
    for (let word = Math.max(0, this.slab.current.position) >> 5; word < words.length; word++) {
      let left = words[word];
      while (left !== 0) {
        const block = this.all[word * 32 + 31 - Math.clz32(left & -left)];
        if (block.live + block.retired < block.chunkCount) return block;
        left &= left - 1;
        words[word] = left;
      }
    }
    return undefined;
  }

  /** Notes that a block has room, and makes it the current one if it is lower. */
  private noteRoom(block: Block): void {
    const word = block.position >>> 5;
    if (word >= this.roomBits.length) {
      const longer = new Int32Array(Math.max(word + 1, this.roomBits.length * 2));
      longer.set(this.roomBits);
      this.roomBits = longer;
    }
    this.roomBits[word] |= 1 << (block.position & 31);
    if (block.position < this.slab.current.position) this.slab.current = block;
  }

  /**
   * Notes that a block has lost its last record, and gives it back if enough empty blocks are kept.
   *
   * @param block The block.
   */
  noteEmpty(block: Block): void {
    if (++this.emptyCount <= this.config.keepEmptyBlocks) return;
    const kept = Math.max(this.reserved, this.slab.keptChunks);
    if (this.capacity - block.chunkCount >= kept) this.release(block);
  }

  /** @param block A block that was cleared and keeps its memory. */
  noteCleared(block: Block): void {
    this.emptyCount++;
    this.noteRoom(block);
  }

  // -- growing and giving back --

  /**
   * Takes a block from the memory resource.
   *
   * @param position Position of the block; by default the one that {@linkcode vacancy} chooses.
   * @returns The block; `undefined` when no more blocks are allowed.
   * @throws {OutOfMemoryError | TypeError | RangeError} when the memory resource throws it, or when
   * it returns no usable region.
   * @throws {Error} when the memory resource calls back and needs a block of the pool that is
   * growing.
   */
  grow(position?: number): Block | undefined {
    const { geometry, maxBlocks } = this.config;
    const isNext = position === undefined;
    if (isNext && this.vacancy() === maxBlocks) return undefined;
    const region = this.takeRegion();
    position ??= this.vacancy(); // again, as the memory resource may have freed blocks meanwhile
    const block = new Block(position, geometry, region, this.all[position]);
    this.all[position] = block;
    this.mappedCache = undefined;
    this.mappedCount++;
    this.emptyCount++;
    this.grown++;
    this.noteRoom(block);
    this.slab.noteMapped?.(block, isNext);
    return block;
  }

  /**
   * Takes memory for a block. The resource may call the slab meanwhile for anything but growing.
   */
  private takeRegion(): MemoryRegion {
    const { geometry, label, memory } = this.config;
    const { chunkCount, chunkBytes, align } = geometry;
    if (this.isGrowing) {
      throw new Error(
        `Cannot grow ${label}: it is growing already, and its memory resource allocates from it`,
      );
    }
    this.isGrowing = true;
    let region;
    try {
      // At least 8, so that every typed array can be made over the region.
      region = takeRegion(memory, label, chunkCount * chunkBytes, Math.max(8, align));
    } finally {
      this.isGrowing = false;
    }
    try {
      this.slab.checkThere();
    } catch (error) {
      memory.release(region);
      throw error;
    }
    return region;
  }

  /**
   * Grows by a number of chunks, or not at all.
   *
   * @param chunks Chunks to add at least; nothing happens for 0 or less.
   * @param isUsable Whether only chunks that are not retired count.
   * @returns Whether that was possible; if not, the new blocks were given back.
   * @throws {OutOfMemoryError | TypeError | RangeError} as {@linkcode grow} does.
   */
  growBy(chunks: number, isUsable: boolean): boolean {
    return chunks <= 0 || this.growByMore(chunks, isUsable);
  }

  /** A function of its own, so that calls that need no growth create no closure. */
  private growByMore(chunks: number, isUsable: boolean): boolean {
    return this.growWhile((block) => {
      if (block !== undefined) chunks -= block.chunkCount - (isUsable ? block.retired : 0);
      return chunks > 0;
    }, false);
  }

  /**
   * Grows as long as a function wants more, or not at all.
   *
   * @param isWanted Returns whether another block is wanted. Its argument is the block that was
   * added last, `undefined` at first.
   * @param mayFallShort Whether reaching `maxBlocks` early counts as success.
   * @returns Whether it succeeded; if not, the new blocks were given back.
   * @throws {OutOfMemoryError | TypeError | RangeError} as {@linkcode grow} does.
   */
  growWhile(isWanted: (last: Block | undefined) => boolean, mayFallShort: boolean): boolean {
    let grown: Block[] | undefined;
    try {
      let block: Block | undefined;
      while (isWanted(block)) {
        block = this.grow();
        if (block === undefined) {
          if (mayFallShort) break;
          return false;
        }
        (grown ??= []).push(block);
      }
      grown = undefined;
      return true;
    } finally {
      if (grown !== undefined) releaseAll(this.config.memory, this.unmapEmpty(grown));
    }
  }

  /** Position of the next block: the lowest without memory whose chunks are not all retired. */
  private vacancy(): number {
    if (this.slab.vacancy !== undefined) return this.slab.vacancy();
    if (this.mappedCount === this.all.length) return this.all.length;
    for (; this.vacant < this.all.length; this.vacant++) {
      const { isMapped, retired, chunkCount } = this.all[this.vacant];
      if (!isMapped && retired < chunkCount) break;
    }
    return this.vacant;
  }

  /**
   * Gives the memory of an empty block back to the memory resource.
   *
   * @param block A block with memory and no live record.
   */
  release(block: Block): void {
    this.config.memory.release(this.unmap(block));
  }

  /**
   * Takes the memory from blocks that a failed call has added. The memory resource may have
   * allocated in some of them meanwhile, or given some back: those stay as they are.
   *
   * @param added The blocks.
   * @returns The regions, which the caller gives back with `releaseAll`.
   */
  unmapEmpty(added: readonly Block[]): MemoryRegion[] {
    return added.filter((block) => block.live === 0 && block.isMapped)
      .map((block) => this.unmap(block));
  }

  /**
   * Takes the memory from an empty block.
   *
   * @param block A block with memory and no live record.
   * @returns The region, which the caller gives back, several with `releaseAll`.
   */
  unmap(block: Block): MemoryRegion {
    const region = block.region!; // callers pass only blocks with memory
    this.slab.noteUnmapping?.(block);
    block.unmap();
    if (this.slab.current === block) this.slab.current = NO_BLOCK;
    this.roomBits[block.position >>> 5] &= ~(1 << (block.position & 31));
    this.mappedCache = undefined;
    this.mappedCount--;
    if (block.position < this.vacant) this.vacant = block.position;
    this.emptyCount--;
    this.released++;
    return region;
  }

  // -- snapshots --

  /** Recomputes the counts and the room bits from the blocks after a snapshot was restored. */
  recount(): void {
    this.emptyCount = 0;
    this.vacant = 0;
    this.roomBits.fill(0);
    for (const block of this.mappedBlocks()) {
      if (block.live === 0) this.emptyCount++;
      if (block.live + block.retired < block.chunkCount) this.noteRoom(block);
    }
  }
}
