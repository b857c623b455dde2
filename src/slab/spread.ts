/**
 * Spread reuse: slabs whose free chunks form one queue, so that each is reused as late as possible.
 *
 * A freed chunk goes to the end of the queue. The first one is taken only while the queue has more
 * than {@linkcode restOf} chunks. Otherwise the slab takes chunks that were never used, and grows
 * as long as `maxChunks` allows. So at least that many other chunks are freed before a chunk is
 * reused, and a stale compact handle is rejected until its chunk was reused as often as there are
 * generations.
 *
 * The links lead from block to block, so they are kept outside of the chunks. When a block is given
 * back, its chunks stay in the queue. Alloc moves those that it comes to into the block's own
 * chain. When the block has memory again, its chain goes to the front of the queue, as its chunks
 * were freed longest ago. At the end of the queue they would let the other chunks be reused too
 * early.
 *
 * ```text
 * queue        first → next → … → last          through all blocks
 * own chain    head → next → … → lastWaiting    chunks of a block without memory, out of the queue
 * ```
 *
 * @module
 */
import type { Compile } from "../struct/scalars.ts";
import { type Block, NO_BLOCK } from "./block.ts";
import type { BlockSet } from "./block_set.ts";
import { chunkWordsFor } from "./chunk_memory.ts";
import { type HandleCodec, lastStampOf } from "./handle.ts";
import type { Slab, SlabClass, SlabConfig, SpreadReuse, WholeSlab } from "./slab.ts";

/** The fewest frees before a chunk is reused. */
const MIN_REST = 1024;

/** No stale handle is accepted within this many allocations. */
const SAFE_ALLOCS = 0x10_0000;

/**
 * @param codec The packing of handles.
 * @returns How many chunks must rest in the queue: the fewer generations, the more.
 */
export function restOf({ maxGeneration, wraps }: HandleCodec): number {
  return wraps ? Math.max(MIN_REST, Math.ceil(SAFE_ALLOCS / maxGeneration)) : MIN_REST;
}

/**
 * The value of the option `reuse` with which a pool reuses the chunk that was freed longest ago, so
 * that a stale compact handle is not accepted by mistake until the pool has freed 2^20 records.
 *
 * It keeps about 1,024 chunks free (more if a generation has fewer than 10 bits), and takes 4 bytes
 * of metadata for each chunk. At least 1,024 other chunks are freed before a chunk is reused, while
 * `maxChunks` allows. A call that runs out of memory changes no record, but may change which chunks
 * come next.
 *
 * @category Pools
 *
 * @example Usage
 * ```ts
 * import { Pool, spread } from "@slabs/pool";
 * import { assert } from "@std/assert";
 *
 * using sparks = new Pool({ x: "f32" }, { reuse: spread });
 * const first = sparks.alloc();
 * sparks.free(first);
 * assert(sparks.indexOf(sparks.alloc()) !== 0); // not in the chunk of the first
 * ```
 */
export const spread: SpreadReuse = { slabClass: spreadSlabClass };

/**
 * Makes the class of slabs with spread reuse of one geometry.
 *
 * @param Base The class of the same slabs without spread reuse.
 * @param config Checked options.
 * @param chunkBytes Bytes of a chunk.
 * @param compile Compiles it.
 * @returns The class.
 */
function spreadSlabClass(
  Base: SlabClass,
  { codec, chunksPerBlock }: SlabConfig,
  chunkBytes: number,
  compile: Compile,
): SlabClass {
  return compile(defineSpreadSlab, Base as unknown as typeof WholeSlab, NO_BLOCK, codec, {
    chunkCount: chunksPerBlock,
    chunkWords: chunkWordsFor(chunkBytes),
    lastStamp: lastStampOf(codec),
    rest: restOf(codec),
  }, growFor) as unknown as SlabClass;
}

/** A slab with spread reuse. */
export interface SpreadSlab extends Slab {
  /** Index of the first chunk in the queue. */
  _first: number;
  /** Index of the last chunk in the queue. */
  _last: number;
  /** Length of the queue. */
  _queued: number;
  /** How many chunks of the queue are in blocks that have memory. */
  _ready: number;
  /** The block that alloc takes never used chunks from. */
  _fresh: Block;
  /** Position where the search for a block without memory starts. */
  _vacant: number;
  /** Every chunk of the blocks below this position was used. */
  _used: number;
  /**
   * Alloc reuses a chunk only while more are ready: `rest`, or less once the slab cannot grow.
   */
  _least: number;
  /** Puts a chunk at the end of the queue. */
  _put(block: Block, chunk: number): void;
}

/** The constants in the code of a class. */
interface Constants {
  readonly chunkCount: number;
  /** See {@linkcode chunkWordsFor}. */
  readonly chunkWords: number;
  /** The live stamp of the last generation. */
  readonly lastStamp: number;
  /** See {@linkcode restOf}. */
  readonly rest: number;
}

/**
 * A slab with a queue of free chunks. Its text is compiled anew for each geometry, so it uses only
 * its parameters and globals.
 *
 * @param Base The class of the same slabs without spread reuse.
 * @param noBlock {@linkcode NO_BLOCK}.
 * @param codec The packing of handles.
 * @param constants The constants of the class.
 * @param growFor {@linkcode growFor}.
 * @returns The class.
 */
function defineSpreadSlab(
  Base: typeof WholeSlab,
  noBlock: Block,
  codec: HandleCodec,
  constants: Constants,
  growFor: (slab: Growing, count: number, unused: number, rest: number) => void,
): new (...args: ConstructorParameters<SlabClass>) => SpreadSlab {
  const chunkCount = constants.chunkCount;
  const chunkBits = 31 - Math.clz32(chunkCount);
  const chunkMask = chunkCount - 1;
  const chunkWords = constants.chunkWords;
  const lastStamp = constants.lastStamp;
  const retires = !codec.wraps;
  const rest = constants.rest;

  return class extends Base implements SpreadSlab {
    declare _first: number;
    declare _last: number;
    declare _queued: number;
    declare _ready: number;
    declare _fresh: Block;
    declare _vacant: number;
    /** Every chunk of the blocks below this position was used. */
    declare _used: number;
    declare _least: number;

    constructor(config: SlabConfig, chunk: ConstructorParameters<SlabClass>[1]) {
      super(config, chunk);
      this._first = 0;
      this._last = 0;
      this._queued = 0;
      this._ready = 0;
      this._fresh = noBlock;
      this._vacant = 0;
      this._used = 0;
      this._least = rest;
    }

    override alloc(): number {
      let block = this._fresh;
      let chunk;
      if (this._ready > this._least) {
        const index = this._take();
        block = this.blocks[index >>> chunkBits];
        chunk = index & chunkMask;
      } else {
        chunk = block.bump;
        if (chunk >= chunkCount || block.u8.length === 0) return this._advance() ? this.alloc() : 0;
        block.bump = chunk + 1;
      }
      this.current = block;
      if (chunkWords > 0) {
        const i32 = block.i32;
        const at = chunk * chunkWords;
        i32[at] = 0;
        for (let i = 1; i < chunkWords; i++) i32[at + i] = 0;
      } else block.zero(chunk);
      block.liveBits[chunk >> 5] |= 1 << (chunk & 31);
      if (block.live++ === 0) this.blockSet.emptyCount--;
      this.allocs++;
      return codec.encode(block.firstIndex + chunk, ++block.stamps[chunk]);
    }

    protected override freeChunk(block: Block, chunk: number): void {
      const size = this.allocs - this.frees++;
      if (size > this.peak) this.peak = size;
      block.liveBits[chunk >> 5] &= ~(1 << (chunk & 31));
      const stamp = block.stamps[chunk];
      let next = stamp + 1;
      if (stamp === lastStamp) next = retires ? this.nextStamp(block, stamp, chunk) : 2;
      block.stamps[chunk] = next;
      if (next !== 0) this._put(block, chunk);
      if (--block.live === 0) this.blockSet.noteEmpty(block);
    }

    _put(block: Block, chunk: number): void {
      const index = block.position * chunkCount + chunk;
      if (this._queued === 0) this._first = index;
      else this.blocks[this._last >>> chunkBits].next[this._last & chunkMask] = index;
      this._last = index;
      this._queued++;
      this._ready++;
      block.queued++;
    }

    override endChunk(block: Block, chunk: number): void {
      const next = this.nextStamp(block, block.stamps[chunk], chunk);
      block.stamps[chunk] = next;
      if (next !== 0) this._put(block, chunk);
    }

    /** Takes the first chunk whose block has memory; there must be one. O(1) amortised. */
    _take(): number {
      for (;;) {
        const index = this._first;
        const block = this.blocks[index >>> chunkBits];
        const chunk = index & chunkMask;
        if (block.u8.length === 0) block.checkAttached("alloc");
        this._first = block.next[chunk];
        this._queued--;
        block.queued--;
        if (block.region !== undefined) {
          this._ready--;
          return index;
        }
        if (block.waiting === 0) block.head = index;
        else block.next[block.lastWaiting & chunkMask] = index;
        block.lastWaiting = index;
        block.waiting++;
      }
    }

    /**
     * Finds a block with chunks that were never used, or grows, or else allows chunks to be reused
     * early. Returns whether there is any chunk to take.
     */
    _advance(): boolean {
      this.checkThere();
      this.checkSome();
      this._least = rest;
      const blocks = this.blocks;
      let from = this._used;
      while (from < blocks.length && blocks[from].bump === chunkCount) from++;
      this._used = from;
      for (let i = from; i < blocks.length; i++) {
        if (blocks[i].bump < chunkCount && blocks[i].region !== undefined) {
          this._fresh = blocks[i];
          return true;
        }
      }
      const ready = this._ready;
      const block = this.blockSet.grow();
      if (block === undefined) this._least = 0;
      else if (block.bump < chunkCount || this._ready > ready) return true;
      // The new block is no gain: the memory resource allocated or gave back as many chunks.
      else this._least = Math.min(rest, this._ready - 1);
      return this._ready > 0;
    }

    /** Grows first: some free chunks must rest, so it may need more than without spread reuse. */
    override allocMany(count: number, out: { [i: number]: number }): boolean {
      if (count > this.maxChunks - this.size - this.retired) return false;
      const blocks = this.mappedBlocks();
      let unused = 0;
      for (let i = 0; i < blocks.length; i++) unused += chunkCount - blocks[i].bump;
      if (unused + Math.max(0, this._ready - this._least) < count) {
        growFor(this, count, unused, rest);
      }
      return this.fillAll(count, out);
    }

    /** Returns the position of a new block while too few chunks rest, else of an unmapped one. */
    override vacancy(): number {
      const blocks = this.blocks;
      const isNew = blocks.length < this.maxBlocks;
      const resting = blocks.length * chunkCount - this.size - this.retired;
      if (isNew && resting <= rest + chunkCount) return blocks.length;
      if (this.capacity === blocks.length * chunkCount) return blocks.length;
      for (let i = 0; i < blocks.length; i++) {
        const at = (this._vacant + i) % blocks.length;
        const block = blocks[at];
        if (block.region === undefined && block.retired < chunkCount) return at;
      }
      return blocks.length;
    }

    override noteMapped(block: Block, wasNext: boolean): void {
      if (wasNext) this._vacant = block.position + 1;
      this._ready += block.queued;
      if (block.bump < chunkCount) this._fresh = block;
      if (block.waiting === 0) return;
      if (this._queued === 0) this._last = block.lastWaiting;
      else block.next[block.lastWaiting & chunkMask] = this._first;
      this._first = block.head;
      this._queued += block.waiting;
      this._ready += block.waiting;
      block.queued += block.waiting;
      block.waiting = 0;
    }

    override noteUnmapping(block: Block): void {
      this._least = rest;
      this._ready -= block.queued;
      if (this._fresh === block) this._fresh = noBlock;
    }

    /**
     * Keeps the chunks that must rest, and one block more, so that no block is taken and given back
     * over and over.
     */
    override get keptChunks(): number {
      return this.size + rest + chunkCount;
    }
  };
}

/** The properties of a slab that {@linkcode growFor} reads. */
interface Growing {
  readonly blockSet: BlockSet;
  readonly _ready: number;
}

/**
 * Grows until records can be allocated without growing, as far as `maxChunks` allows.
 *
 * @param slab The slab.
 * @param count How many records.
 * @param unused How many of its chunks were never used.
 * @param rest How many chunks must rest in the queue.
 */
function growFor(slab: Growing, count: number, unused: number, rest: number): void {
  let before = -1;
  slab.blockSet.growWhile((block) => {
    if (block !== undefined) unused += block.chunkCount - block.bump;
    // Stops without progress: the memory resource allocated or gave back as many chunks.
    const isMore = unused + slab._ready > before;
    before = unused + slab._ready;
    return isMore && unused + Math.max(0, slab._ready - rest) < count;
  }, true);
}
