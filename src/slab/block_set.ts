/**
 * The block set: which blocks a slab has, which of them have room, and where the next one comes from.
 *
 * A slab calls it when a block fills, empties or gets its first record, and not in between.
 *
 * @module
 */
import type { MemoryRegion, MemoryResource } from "../memory/resource.ts";
import { takeRegion } from "../memory/region.ts";
import { Block, type Geometry, NO_BLOCK } from "./block.ts";

/** What a block set is told of its slab. */
export interface BlockSetConfig {
  /** How errors call the pool. */
  readonly label: string;
  readonly geometry: Geometry;
  /** Blocks at the most. */
  readonly maxBlocks: number;
  /** Empty blocks kept for reuse; more are given back. */
  readonly keepEmptyBlocks: number;
  /** Where blocks come from. */
  readonly memory: MemoryResource;
}

/** The slab that allocates from the blocks. */
interface Allocating {
  /** Where the next chunk comes from. */
  current: Block;
  /** @throws {DisposedError} after its disposal. */
  checkThere(): void;
  /**
   * @returns The position that the next block is to have; `maxBlocks` when there may be no more. Left out, it is the lowest without
   * memory.
   */
  vacancy?(): number;
  /** @param block A block that has got its memory. */
  noteMapped(block: Block): void;
  /** @param block A block that is about to lose it. */
  noteUnmapping(block: Block): void;
  /** So many chunks are to be kept. */
  readonly keptChunks: number;
}

/** The blocks of a slab. */
export class BlockSet {
  /** By position; one that was given back stays, without memory, for its generations. */
  readonly all: Block[] = [];
  /** Blocks taken from and given back to the memory resource so far. */
  grown = 0;
  released = 0;
  /** Chunks that were asked for with reserve(): blocks are not given back below it unless told to. */
  reserved = 0;

  /**
   * Bit `p & 31` of word `p >> 5` is set where the block at position p may have room, clear where it has none. A slab sets
   * it whenever it frees a chunk.
   */
  roomBits: Int32Array = new Int32Array(1);
  /** Blocks that have memory and no live record. A slab counts those off that get their first. */
  emptyCount = 0;

  private readonly slab: Allocating;
  private readonly config: BlockSetConfig;
  /** How many blocks have memory, and no position before `vacant` is without. */
  private mappedCount = 0;
  private vacant = 0;
  /** Blocks that have memory; `undefined` when that has changed since it was last asked for. */
  private mappedCache: readonly Block[] | undefined = [];
  /** Whether the memory resource is being asked for a block. */
  private isGrowing = false;

  /**
   * @param slab Allocates from the blocks.
   * @param config What it is told of that.
   */
  constructor(slab: Allocating, config: BlockSetConfig) {
    this.slab = slab;
    this.config = config;
  }

  /** Chunks that exist. */
  get capacity(): number {
    return this.mappedCount * this.config.geometry.chunkCount;
  }

  /** @returns The blocks that have memory, in order of position; the same array until that changes. */
  mappedBlocks(): readonly Block[] {
    return this.mappedCache ??= this.all.filter((block) => block.region !== undefined);
  }

  // -- room --

  /**
   * Finds room, in O(blocks / 32). None is below the current block: whatever gives a block room makes it the current one
   * if it is lower.
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

  /** Notes that a block has room, which makes it the current one if it is lower. */
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
   * Notes that a block has lost its last record, and gives its memory back when enough empty blocks are kept.
   *
   * @param block The block.
   */
  noteEmpty(block: Block): void {
    if (++this.emptyCount <= this.config.keepEmptyBlocks) return;
    const kept = Math.max(this.reserved, this.slab.keptChunks);
    if (this.capacity - block.chunkCount >= kept) this.release(block);
  }

  /** @param block A block that was cleared, and keeps its memory. */
  noteCleared(block: Block): void {
    this.emptyCount++;
    this.noteRoom(block);
  }

  // -- growing and giving back --

  /**
   * Takes a block from the memory resource.
   *
   * @param position Where it goes; by default the lowest position that is without.
   * @returns The block; `undefined` when there may be no more.
   * @throws {OutOfMemoryError | TypeError | RangeError} as the memory resource does, or for what it returns.
   * @throws {Error} when the memory resource itself has called, and needs a block of the pool that it is to give one to.
   */
  grow(position?: number): Block | undefined {
    const { geometry, maxBlocks } = this.config;
    if (position === undefined && this.vacancy() === maxBlocks) return undefined;
    const region = this.takeRegion();
    position ??= this.vacancy(); // others may have become vacant meanwhile
    const block = new Block(position, geometry, region, this.all[position]);
    this.all[position] = block;
    this.mappedCache = undefined;
    this.mappedCount++;
    this.emptyCount++;
    this.grown++;
    this.noteRoom(block);
    this.slab.noteMapped(block);
    return block;
  }

  /** Memory for a block. The resource may call the slab meanwhile, for anything that takes no block. */
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
      // 8 at least, so that every typed array can be made over the region.
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
   * @param verb What is tried.
   * @throws {Error} when the memory resource tries it, while it is being asked for a block.
   */
  checkAtRest(verb: string): void {
    if (!this.isGrowing) return;
    throw new Error(
      `Cannot ${verb} ${this.config.label}: it is growing, and its memory resource calls meanwhile`,
    );
  }

  /**
   * Grows by some chunks, or not at all.
   *
   * @param chunks How many at the least.
   * @param isUsable Whether retired chunks do not count.
   * @returns Whether that was possible; if not, what was grown went back.
   * @throws {OutOfMemoryError | TypeError | RangeError} as {@linkcode grow} does.
   */
  growBy(chunks: number, isUsable: boolean): boolean {
    return chunks <= 0 || this.growByMore(chunks, isUsable);
  }

  /** Apart, as its function takes memory. */
  private growByMore(chunks: number, isUsable: boolean): boolean {
    return this.growWhile((block) => {
      if (block !== undefined) chunks -= block.chunkCount - (isUsable ? block.retired : 0);
      return chunks > 0;
    }, false);
  }

  /**
   * Grows as long as a function says so, or not at all.
   *
   * @param isWanted Tells whether another block is wanted; gets the last one that came, `undefined` before the first.
   * @param mayFallShort Whether it is enough to grow as far as possible.
   * @returns Whether it came to its end; if not, what was grown went back.
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
      // Others may have come to have records meanwhile, or have been given back.
      grown?.forEach((block) => block.live === 0 && block.isMapped && this.release(block));
    }
  }

  /** The lowest position without memory whose chunks are not all retired. */
  private vacancy(): number {
    if (this.slab.vacancy !== undefined) return this.slab.vacancy();
    if (this.mappedCount === this.all.length) return this.all.length;
    for (; this.vacant < this.all.length; this.vacant++) {
      const { region, retired, chunkCount } = this.all[this.vacant];
      if (region === undefined && retired < chunkCount) break;
    }
    return this.vacant;
  }

  /**
   * Gives the memory of an empty block back.
   *
   * @param block One that has memory.
   */
  release(block: Block): void {
    this.config.memory.release(this.unmap(block));
  }

  /**
   * Takes the memory of an empty block away, for those who give back several at once.
   *
   * @param block One that has memory.
   * @returns The memory, which is to be given back.
   */
  unmap(block: Block): MemoryRegion {
    const region = block.region!; // only blocks that have memory come here
    this.slab.noteUnmapping(block);
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

  /** @param regions Memory of blocks that have none any more. */
  giveBack(regions: readonly MemoryRegion[]): void {
    const errors: unknown[] = [];
    for (const region of regions) {
      try {
        this.config.memory.release(region);
      } catch (error) {
        errors.push(error); // the others go back all the same
      }
    }
    if (errors.length > 0) throw errors[0];
  }

  // -- snapshots --

  /** Works out from the blocks, which a snapshot has set, what follows from them. */
  settle(): void {
    this.emptyCount = 0;
    this.vacant = 0;
    this.roomBits.fill(0);
    for (const block of this.mappedBlocks()) {
      if (block.live === 0) this.emptyCount++;
      if (block.live + block.retired < block.chunkCount) this.noteRoom(block);
    }
  }
}
