/**
 * What compaction, snapshots and saves do to a slab: they move records, and take over saved ones.
 *
 * These are functions and not methods of the slab, so that bundles have only those they use.
 *
 * @module
 */
import { type Block, FIRST_STAMP, NO_BLOCK } from "./block.ts";
import type { Slab } from "./slab.ts";
import { restOf, type SpreadSlab } from "./spread.ts";

/** The part of a snapshot that is about the slab as a whole. */
export interface SlabState {
  readonly allocs: number;
  readonly frees: number;
  readonly peakSize: number;
  readonly reserved: number;
  /** Position of the block that the next chunk comes from; -1 if there is none. */
  readonly current: number;
  readonly queue: QueueState;
  /**
   * Returns the handle of a record, by block position and chunk; left out if the pool of the
   * snapshot was not in debug mode.
   */
  readonly numbers?: (position: number, chunk: number) => number;
}

/** The queue of free chunks of a slab with spread reuse, see `spread.ts`. */
export interface QueueState {
  /** Index of the first chunk in the queue. */
  readonly first: number;
  /** Index of the last chunk in the queue. */
  readonly last: number;
  /** Length of the queue. */
  readonly queued: number;
  /** Position of the block that alloc takes never used chunks from; -1 if there is none. */
  readonly fresh: number;
  /** Position where the search for a block without memory starts. */
  readonly vacant: number;
}

/** Stands for the queue where a slab has none, as without spread reuse. */
export const NO_QUEUE: QueueState = { first: 0, last: 0, queued: 0, fresh: -1, vacant: 0 };

/**
 * @param slab A slab.
 * @returns Its queue of free chunks.
 */
export function queueOf(slab: Slab): QueueState {
  const spread = spreadOf(slab);
  return spread === undefined ? NO_QUEUE : {
    first: spread._first,
    last: spread._last,
    queued: spread._queued,
    fresh: spread._fresh.position,
    vacant: spread._vacant,
  };
}

/**
 * Keeps the position where the search for a block without memory starts in range, after blocks
 * were dropped.
 *
 * @param slab The slab.
 */
export function clampQueue(slab: Slab): void {
  const spread = spreadOf(slab);
  if (spread !== undefined) spread._vacant = Math.min(spread._vacant, spread.blocks.length);
}

/** Returns the slab, typed as one with spread reuse; `undefined` if it has none. */
function spreadOf(slab: Slab): SpreadSlab | undefined {
  return slab.geometry.spread ? slab as SpreadSlab : undefined;
}

/**
 * Moves a record to a free chunk of another block. Generations advance as if it were freed and
 * allocated, but `allocs` and `frees` do not. The free list of the target block is invalid until
 * {@linkcode relinkBlocks}.
 *
 * @param slab The slab.
 * @param from The block that the record is in.
 * @param chunk Its chunk.
 * @param to The target block.
 * @param target The lowest free chunk of the target block.
 * @returns The handle that the record had.
 */
export function moveRecord(
  slab: Slab,
  from: Block,
  chunk: number,
  to: Block,
  target: number,
): number {
  const { observers, geometry: { chunkCount, tagged } } = slab;
  const before = slab.handleAt(from, chunk);
  observers?.beforeMove(from.position * chunkCount + chunk, before);
  copyChunk(from, chunk, to, target);
  if (tagged) to.tags[target] = from.tags[chunk];
  from.liveBits[chunk >> 5] &= ~(1 << (chunk & 31));
  to.liveBits[target >> 5] |= 1 << (target & 31);
  to.stamps[target]++;
  observers?.afterMove(to.position * chunkCount + target, slab.handleAt(to, target));
  slab.endChunk(from, chunk);
  if (target >= to.bump) to.bump = target + 1;
  if (to.live++ === 0) slab.blockSet.emptyCount--;
  if (--from.live === 0) slab.blockSet.emptyCount++;
  slab.noteMoved?.(before, from, chunk, to, target);
  return before;
}

/** Copies the bytes of a chunk, by words where the blocks have an array of them. */
function copyChunk(from: Block, chunk: number, to: Block, target: number): void {
  const { chunkBytes, chunkWords } = from;
  if (chunkWords > 0) {
    const at = chunk * chunkWords, targetAt = target * chunkWords;
    for (let i = 0; i < chunkWords; i++) to.i32[targetAt + i] = from.i32[at + i];
  } else {
    const at = chunk * chunkBytes;
    to.u8.set(from.u8.subarray(at, at + chunkBytes), target * chunkBytes);
  }
}

/**
 * Rebuilds the free lists after records were moved.
 *
 * @param slab The slab.
 * @param filled The blocks that records were moved to.
 */
export function relinkBlocks(slab: Slab, filled: readonly Block[]): void {
  // Free chunks below the bump pointers are in the queue or in the block's own chain.
  const bumpsBefore = filled.map((block) => block.bump);
  for (const block of filled) relink(block);
  const spread = spreadOf(slab);
  if (spread !== undefined) rebuildQueue(spread, filled, bumpsBefore);
}

/**
 * Recomputes the counts, the live bits and the free list of a block from the stamps, in O(chunks).
 */
function relink(block: Block): void {
  const { chunkCount, stamps, liveBits } = block;
  let live = 0, retired = 0, last = -1;
  for (let from = 0; from < chunkCount; from += 32) {
    let bits = 0;
    for (let chunk = from, end = Math.min(from + 32, chunkCount); chunk < end; chunk++) {
      const stamp = stamps[chunk];
      bits |= (stamp & 1) << (chunk & 31);
      live += stamp & 1;
      if (stamp === 0) retired++;
    }
    liveBits[from >> 5] = bits;
    if (bits !== 0) last = from + 31 - Math.clz32(bits);
  }
  block.live = live;
  block.retired = retired;
  // The bump pointer would give out retired chunks, so a block with some links all its free ones.
  const least = retired > 0 ? chunkCount : last + 1;
  if (block.geometry.spread) {
    block.bump = Math.max(block.bump, least);
    return;
  }
  block.bump = block.isMapped ? least : 0;
  for (let chunk = block.bump - 1; chunk >= 0; chunk--) {
    if (!isFree(stamps[chunk])) continue;
    block.writeLink(chunk, block.head);
    block.head = chunk;
  }
}

/**
 * @param block A block.
 * @returns Whether it ever held a record.
 */
export function wasUsed(block: Block): boolean {
  return block.stamps.some((stamp) => stamp !== FIRST_STAMP);
}

/** Tells whether the chunk with a stamp is neither live nor retired. */
function isFree(stamp: number): boolean {
  return stamp !== 0 && (stamp & 1) === 0;
}

/**
 * Rebuilds the queue in its order without the chunks that records were moved to. Free chunks that
 * the bump pointers have passed meanwhile go to its end.
 */
function rebuildQueue(
  slab: SpreadSlab,
  filled: readonly Block[],
  bumpsBefore: readonly number[],
): void {
  const { blocks, geometry: { chunkCount } } = slab;
  const putFree = (block: Block, chunk: number) => {
    if (isFree(block.stamps[chunk])) slab._put(block, chunk);
  };
  const order = chunksInOrder(slab);
  slab._queued = 0;
  for (const block of blocks) block.queued = block.waiting = 0;
  for (const index of order) putFree(blocks[Math.floor(index / chunkCount)], index % chunkCount);
  filled.forEach((block, i) => {
    for (let chunk = bumpsBefore[i]; chunk < block.bump; chunk++) putFree(block, chunk);
  });
  countReady(slab);
}

/**
 * Returns the indices of the chunks of all own chains, which were freed longest ago, and then those
 * of the queue.
 */
function chunksInOrder({ blocks, geometry: { chunkCount }, _first, _queued }: SpreadSlab) {
  const order: number[] = [];
  const follow = (index: number, length: number) => {
    for (; length > 0; length--) {
      order.push(index);
      index = blocks[Math.floor(index / chunkCount)].next[index % chunkCount];
    }
  };
  for (const { head, waiting } of blocks) follow(head, waiting);
  follow(_first, _queued);
  return order;
}

/** Recomputes how many chunks of the queue are in blocks that have memory. */
function countReady(slab: SpreadSlab): void {
  slab._ready = slab.mappedBlocks().reduce((sum, block) => sum + block.queued, 0);
}

/**
 * Takes over the state that a snapshot holds, after its blocks were restored.
 *
 * @param slab The slab.
 * @param state The state.
 */
export function settle(slab: Slab, state: SlabState): void {
  const { current, queue } = state;
  slab.allocs = state.allocs;
  slab.frees = state.frees;
  slab.peak = state.peakSize;
  slab.blockSet.reserved = state.reserved;
  slab.current = blockAt(slab, current);
  slab.blockSet.recount();
  const spread = spreadOf(slab);
  if (spread !== undefined) {
    slab.current = blockAt(slab, current); // where it was, not the lowest block with room
    spread._first = queue.first;
    spread._last = queue.last;
    spread._queued = queue.queued;
    spread._fresh = blockAt(slab, queue.fresh);
    spread._vacant = queue.vacant;
    spread._least = restOf(slab.codec);
    spread._used = 0;
    countReady(spread);
  }
  slab.noteSettled?.(state.numbers);
}

/** Returns the block at a position; {@linkcode NO_BLOCK} for -1. */
function blockAt(slab: Slab, position: number): Block {
  return position < 0 ? NO_BLOCK : slab.blocks[position];
}
