/**
 * Spread reuse: slabs whose free chunks form one queue, so that each rests as long as can be before it is given out again.
 *
 * A freed chunk goes to the end of the queue, and the first one is taken only while more than {@linkcode restOf} chunks are in it.
 * With fewer the slab takes chunks that were never used, and grows as long as `maxChunks` allows. So at least that many others are
 * freed before a chunk comes again, and a compact handle is not accepted by mistake until its chunk has come as often as it has
 * generations.
 *
 * The links are outside of the chunks, as they lead from block to block. When a block is given back its chunks keep their places;
 * whoever comes upon one of those sets it aside, in the block's own chain. That goes to the front of the queue when the block has
 * memory again, as its chunks have rested: at the end they would bring the others' turn forward, which have not.
 *
 * ```text
 * queue        first → next → … → last          through all blocks
 * own chain    head → next → … → lastWaiting    of a block without memory: chunks that the queue has passed
 * ```
 *
 * @module
 */
import type { Compile } from "../struct/scalars.ts";
import { type Block, NO_BLOCK } from "./block.ts";
import type { BlockSet } from "./block_set.ts";
import { chunkWordsFor } from "./chunk_memory.ts";
import type { HandleCodec } from "./handle.ts";
import type { Slab, SlabClass, SlabConfig, SlabState, WholeSlab } from "./slab.ts";

/** Chunks that are freed at the least before one comes again. */
const MIN_REST = 1024;

/** Allocations within which no handle is accepted by mistake. */
const SAFE_ALLOCS = 2 ** 20;

/**
 * @param codec How handles are packed.
 * @returns How many chunks have to be freed before one comes again: fewer generations need more.
 */
function restOf({ maxGeneration, wraps }: HandleCodec): number {
  return wraps ? Math.max(MIN_REST, Math.ceil(SAFE_ALLOCS / maxGeneration)) : MIN_REST;
}

/**
 * Makes the class of the slabs of one geometry whose reuse is spread.
 *
 * @param Base Such slabs without that.
 * @param config Checked options.
 * @param chunkBytes Bytes of a chunk.
 * @param compile Makes it.
 * @returns The class.
 */
export function spreadSlabClass(
  Base: SlabClass,
  { codec, chunksPerBlock }: SlabConfig,
  chunkBytes: number,
  compile: Compile,
): SlabClass {
  return compile(defineSpreadSlab, Base as unknown as typeof WholeSlab, NO_BLOCK, codec, {
    chunkCount: chunksPerBlock,
    chunkWords: chunkWordsFor(chunkBytes),
    lastStamp: codec.maxGeneration * 2 + 1,
    rest: restOf(codec),
  }, growFor) as unknown as SlabClass;
}

/** What is the same for all slabs of a class. */
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
 * The queue. Its text is compiled anew for each geometry, so nothing in it is free but its parameters.
 *
 * @param Base The class of slabs that it is for.
 * @param noBlock A block without chunks.
 * @param codec How handles are packed.
 * @param constants What is the same for all slabs of the class.
 * @param growFor Grows for many records at once.
 * @returns The class.
 */
function defineSpreadSlab(
  Base: typeof WholeSlab,
  noBlock: Block,
  codec: HandleCodec,
  constants: Constants,
  growFor: (slab: Growing, count: number, unused: number, rest: number) => void,
): new (...args: ConstructorParameters<SlabClass>) => Slab {
  const chunkCount = constants.chunkCount;
  const chunkBits = 31 - Math.clz32(chunkCount);
  const chunkMask = chunkCount - 1;
  const chunkWords = constants.chunkWords;
  const lastStamp = constants.lastStamp;
  const retires = !codec.wraps;
  const rest = constants.rest;

  return class SpreadSlab extends Base {
    /** The first and the last chunk in the queue, by index, and how many are in it. */
    declare _first: number;
    declare _last: number;
    declare _queued: number;
    /** How many of them are in blocks that have memory. */
    declare _ready: number;
    /** The block whose chunks are used for the first time. */
    declare _fresh: Block;
    /** Position from which on a block is looked for that has no memory any more. */
    declare _vacant: number;
    /** A chunk is taken while more than so many are ready: `rest`, or 0 once `maxChunks` allows no others. */
    declare _least: number;

    constructor(config: SlabConfig, chunk: ConstructorParameters<SlabClass>[1]) {
      super(config, chunk);
      this._first = 0;
      this._last = 0;
      this._queued = 0;
      this._ready = 0;
      this._fresh = noBlock;
      this._vacant = 0;
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

    /** Puts a chunk at the end of the queue. */
    _put(block: Block, chunk: number): void {
      const index = block.position * chunkCount + chunk;
      if (this._queued === 0) this._first = index;
      else this.blocks[this._last >>> chunkBits].next[this._last & chunkMask] = index;
      this._last = index;
      this._queued++;
      this._ready++;
      block.queued++;
    }

    /** Takes the first chunk whose block has memory, of which there has to be one. Amortised, in O(1). */
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

    /** Finds chunks that were never used, or takes memory for more, or has none rest; tells whether there is any to take. */
    _advance(): boolean {
      this.checkUsable("alloc");
      this._least = rest;
      const blocks = this.mappedBlocks();
      for (let i = 0; i < blocks.length; i++) {
        if (blocks[i].bump < chunkCount) {
          this._fresh = blocks[i];
          return true;
        }
      }
      const ready = this._ready;
      const block = this.blockSet.grow();
      if (block === undefined) this._least = 0;
      else if (block.bump < chunkCount || this._ready > ready) return true;
      else this._least = Math.min(rest, this._ready - 1); // the memory resource gives back as much as it lends
      return this._ready > 0;
    }

    /** As chunks have to rest, more memory may be wanted than for as many records elsewhere. */
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

    /** A block that was given back, whose turn it is, if enough chunks rest; a new one as long as there may be one. */
    override vacancy(): number {
      const blocks = this.blocks;
      const isNew = blocks.length < this.maxBlocks;
      const resting = blocks.length * chunkCount - this.size - this.retired;
      if (isNew && resting <= rest + chunkCount) return blocks.length;
      for (let i = 0; i < blocks.length; i++) {
        const at = (this._vacant + i) % blocks.length;
        const block = blocks[at];
        if (block.region === undefined && block.retired < chunkCount) return at;
      }
      return blocks.length;
    }

    override noteMapped(block: Block): void {
      this._vacant = block.position + 1;
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

    /** As many chunks as have to rest are kept, and a block more, so that it is not taken and given back in turn. */
    override get keptChunks(): number {
      return this.size + rest + chunkCount;
    }

    protected override clearBlock(block: Block): void {
      if (block.live === 0) return;
      this.peak = this.peakSize;
      this.frees += block.live;
      for (let chunk = block.nextLive(0); chunk < block.bump; chunk = block.nextLive(chunk + 1)) {
        const next = this.nextStamp(block, block.stamps[chunk], chunk);
        block.stamps[chunk] = next;
        if (next !== 0) this._put(block, chunk);
      }
      block.reset();
      this.blockSet.noteCleared(block);
    }

    override moveRecord(from: Block, chunk: number, to: Block, target: number): void {
      super.moveRecord(from, chunk, to, target);
      if (from.stamps[chunk] !== 0) this._put(from, chunk);
    }

    /**
     * Chunks that records came to leave the queue, if they were in it; its order stays. Those that were passed over come to its end.
     */
    override noteMoved(filled: readonly Block[]): void {
      const before: number[] = []; // their bump marks: what is free below is in the queue, or waits
      for (let i = 0; i < filled.length; i++) before.push(filled[i].bump);
      super.noteMoved(filled);
      const blocks = this.blocks;
      const order = this._inOrder();
      this._queued = 0;
      for (let i = 0; i < blocks.length; i++) {
        blocks[i].queued = 0;
        blocks[i].waiting = 0;
      }
      for (let i = 0; i < order.length; i++) {
        this._putFree(blocks[order[i] >>> chunkBits], order[i] & chunkMask);
      }
      for (let i = 0; i < filled.length; i++) {
        const end = filled[i].bump;
        for (let chunk = before[i]; chunk < end; chunk++) this._putFree(filled[i], chunk);
      }
      this._countReady();
    }

    /** Puts a chunk at the end of the queue if it is free. */
    _putFree(block: Block, chunk: number): void {
      const stamp = block.stamps[chunk];
      if (stamp !== 0 && (stamp & 1) === 0) this._put(block, chunk);
    }

    /** The chunks that wait for their blocks, as they have rested, and then those in the queue. */
    _inOrder(): number[] {
      const blocks = this.blocks;
      const order: number[] = [];
      for (let i = 0; i < blocks.length; i++) {
        this._follow(blocks[i].head, blocks[i].waiting, order);
      }
      this._follow(this._first, this._queued, order);
      return order;
    }

    /** Goes along so many links. */
    _follow(index: number, length: number, order: number[]): void {
      for (; length > 0; length--) {
        order.push(index);
        index = this.blocks[index >>> chunkBits].next[index & chunkMask];
      }
    }

    /** Works out how many chunks of the queue are in blocks that have memory. */
    _countReady(): void {
      this._ready = 0;
      const blocks = this.mappedBlocks();
      for (let i = 0; i < blocks.length; i++) this._ready += blocks[i].queued;
    }

    override get queue() {
      return {
        first: this._first,
        last: this._last,
        queued: this._queued,
        fresh: this._fresh.position,
        vacant: this._vacant,
      };
    }

    override settle(state: SlabState): void {
      super.settle(state);
      this.current = state.current < 0 ? noBlock : this.blocks[state.current];
      const queue = state.queue;
      this._first = queue.first;
      this._last = queue.last;
      this._queued = queue.queued;
      this._fresh = queue.fresh < 0 ? noBlock : this.blocks[queue.fresh];
      this._vacant = queue.vacant;
      this._least = rest;
      this._countReady();
    }
  };
}

/** What {@linkcode growFor} is to know of a slab. */
interface Growing {
  readonly blockSet: BlockSet;
  readonly _ready: number;
}

/**
 * Grows so that records can be allocated without, as far as `maxChunks` allows.
 *
 * @param slab The slab.
 * @param count How many records.
 * @param unused How many chunks it has that were never used.
 * @param rest How many that were have to rest.
 */
function growFor(slab: Growing, count: number, unused: number, rest: number): void {
  let before = -1;
  slab.blockSet.growWhile((block) => {
    if (block !== undefined) unused += block.chunkCount - block.bump;
    // Without progress the memory resource gives back as much as it lends.
    const isMore = unused + slab._ready > before;
    before = unused + slab._ready;
    return isMore && unused + Math.max(0, slab._ready - rest) < count;
  }, true);
}
