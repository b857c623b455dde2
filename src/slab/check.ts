/**
 * Checks the metadata of blocks, in a pool or in a snapshot: counts, live bits, free lists and the
 * queue.
 *
 * @module
 */
import { type HandleCodec, lastStampOf } from "./handle.ts";
import type { QueueState } from "./rebuild.ts";

/**
 * The metadata of one block. Each array may also hold data of other blocks, as in a snapshot.
 */
export interface BlockMetadata {
  readonly chunkCount: number;
  readonly bump: number;
  readonly head: number;
  readonly live: number;
  readonly retired: number;
  /** Whether it has memory. A block without memory has no live record and no free list. */
  readonly isMapped: boolean;
  readonly stamps: Uint16Array | Uint32Array;
  /** Position of the block's first stamp in `stamps`. */
  readonly firstStamp: number;
  readonly liveBits: Int32Array;
  /** Position of the block's first word in `liveBits`. */
  readonly firstWord: number;
  /** The array that the links are in. */
  readonly links: Uint8Array | Uint16Array;
  /** Position of the first chunk's link in `links`. */
  readonly firstLink: number;
  /** Distance between links in `links`; 0 if they are read by `readLink` instead. */
  readonly linkStride: number;
  readLink(chunk: number): number;
  /** Links of the queue; left out without spread reuse. */
  readonly next?: Int32Array;
  /** Position of the block's first link in `next`. */
  readonly firstNext?: number;
  /** See `Block` for these three. */
  readonly queued: number;
  readonly waiting: number;
  readonly lastWaiting: number;
}

/**
 * The link of each free chunk of the block that is checked, -1 everywhere else. The links are read
 * in memory order, which is fast, and followed in here. Each is set to -1 once it was followed, so
 * a list that comes to a chunk a second time is noticed.
 */
let next = /* @__PURE__ */ new Int32Array(0);

/**
 * Checks a block, in O(chunks). It allocates only when a block is larger than all before.
 *
 * @param metadata Metadata of the block.
 * @param codec The packing of its handles.
 * @returns The first fault that was found; `undefined` if there is none.
 */
export function auditBlock(metadata: BlockMetadata, codec: HandleCodec): string | undefined {
  const { chunkCount, bump, isMapped, next: queue } = metadata;
  const most = isMapped || queue !== undefined ? chunkCount : 0;
  if (!(bump >= 0 && bump <= most)) return `the bump pointer is ${bump}, out of range 0 to ${most}`;
  if (next.length < chunkCount) next = new Int32Array(chunkCount).fill(-1);
  const isList = isMapped && queue === undefined;
  const problem = auditStamps(metadata, codec) ?? (isList ? auditFreeList(metadata) : undefined);
  if (problem !== undefined) next.fill(-1);
  return problem;
}

/**
 * Counts live and retired chunks by their stamps, and compares the results with the live bits and
 * with the block's own counts.
 */
function auditStamps(metadata: BlockMetadata, codec: HandleCodec): string | undefined {
  const { chunkCount, stamps, firstStamp, liveBits, firstWord } = metadata;
  const lastStamp = lastStampOf(codec);
  let live = 0, retired = 0, bits = 0;
  for (let word = 0; word << 5 < chunkCount; word++) {
    const from = word << 5;
    const end = Math.min(from + 32, chunkCount);
    let lived = 0, odd = 0;
    for (let at = firstStamp + from, chunk = from; chunk < end; chunk++) {
      const stamp = stamps[at++];
      odd |= (stamp - 2) | (lastStamp - stamp); // negative if a stamp is out of range
      lived |= (stamp & 1) << (chunk & 31);
    }
    if (odd < 0) {
      for (let chunk = from; chunk < end; chunk++) {
        const stamp = stamps[firstStamp + chunk];
        if (stamp === 0) retired++;
        else if (stamp < 2 || stamp > lastStamp) {
          return rangeProblem(chunk, stamp, codec.maxGeneration);
        }
      }
    }
    const marked = liveBits[firstWord + word];
    if (lived !== marked) {
      const problem = bitProblem(metadata, from, end, lived ^ marked);
      if (problem !== undefined) return problem;
    }
    live += countBits(lived);
    bits += countBits(marked);
  }
  return auditCounts(metadata, codec, live, bits, retired);
}

function auditCounts(
  metadata: BlockMetadata,
  codec: HandleCodec,
  live: number,
  bits: number,
  retired: number,
): string | undefined {
  const { chunkCount, bump, stamps, firstStamp, isMapped } = metadata;
  for (let chunk = bump; chunk < chunkCount; chunk++) {
    const stamp = stamps[firstStamp + chunk];
    if ((stamp & 1) === 1) return `chunk ${chunk} is live, the bump pointer is ${bump}`;
    if (stamp === 0 && isMapped) {
      return `chunk ${chunk} is retired, the bump pointer is ${bump}`;
    }
  }
  if (bits !== live) return `${bits} live bits are set, and ${live} chunks are live`;
  if (metadata.live !== live) return `it counts ${metadata.live} live chunks, and has ${live}`;
  if (metadata.retired !== retired) {
    return `it counts ${metadata.retired} retired chunks, and has ${retired}`;
  }
  return retired > 0 && codec.wraps
    ? `${retired} chunks are retired, where generations wrap`
    : undefined;
}

function rangeProblem(chunk: number, stamp: number, maxGeneration: number): string {
  return `chunk ${chunk} is at generation ${stamp >>> 1}, out of range 1 to ${maxGeneration}`;
}

/**
 * Describes the first chunk whose live bit differs from its stamp; ignores bits past the last
 * chunk.
 */
function bitProblem(
  { stamps, firstStamp }: BlockMetadata,
  from: number,
  end: number,
  wrong: number,
): string | undefined {
  for (let chunk = from; chunk < end; chunk++) {
    if ((wrong >>> (chunk & 31) & 1) === 0) continue;
    const stamp = stamps[firstStamp + chunk];
    return `the live bit of chunk ${chunk} is ${1 - (stamp & 1)}, its stamp ${stamp}`;
  }
  return undefined;
}

/**
 * Reads the links of all free chunks. The live bits, which were checked before, tell which these
 * are.
 */
function gatherLinks(metadata: BlockMetadata): void {
  const { bump, retired, stamps, firstStamp, liveBits, firstWord } = metadata;
  const { links, firstLink, linkStride } = metadata;
  const into = next;
  for (let from = 0; from < bump; from += 32) {
    let free = ~liveBits[firstWord + (from >> 5)];
    if (bump - from < 32) free &= (1 << bump - from) - 1;
    while (free !== 0) {
      const chunk = from + 31 - Math.clz32(free & -free);
      free &= free - 1;
      if (retired > 0 && stamps[firstStamp + chunk] === 0) continue;
      into[chunk] = linkStride > 0
        ? links[firstLink + chunk * linkStride]
        : metadata.readLink(chunk);
    }
  }
}

/** Follows the free list, which must have as many chunks as are free, none of them twice. */
function auditFreeList(metadata: BlockMetadata): string | undefined {
  const { bump, live, retired, head } = metadata;
  const length = bump - live - retired;
  if (length === 0) return undefined;
  gatherLinks(metadata);
  const following = next;
  let before = -1;
  let chunk = head;
  for (let i = 0; i < length; i++) {
    const link = following[chunk];
    if (!(link >= 0)) return linkProblem(metadata, before, chunk);
    following[chunk] = -1;
    before = chunk;
    chunk = link;
  }
  return undefined;
}

/**
 * Checks the queue of free chunks of a slab, whose blocks were checked before. The queue and the
 * blocks' own chains must hold each free chunk that was used before exactly once, and nothing else.
 *
 * @param blocks The blocks, by position.
 * @param queue The queue.
 * @returns The first fault that was found; `undefined` if there is none.
 */
export function auditQueue(
  blocks: readonly BlockMetadata[],
  { first, last, queued, fresh, vacant }: QueueState,
): string | undefined {
  const chains = new Chains(blocks);
  const problem = chains.follow("the queue", first, last, queued);
  if (problem !== undefined) return problem;
  for (let position = 0; position < blocks.length; position++) {
    const { bump, live, retired, waiting, head, lastWaiting, isMapped } = blocks[position];
    const { counts } = chains;
    const found = counts[position];
    const place = `the chain of block ${position}`;
    if (found !== blocks[position].queued || isMapped && waiting !== 0) {
      return `block ${position} has ${found} chunks in the queue and ${waiting} that wait, ` +
        `it counts ${blocks[position].queued}`;
    }
    const problem = chains.follow(place, head, lastWaiting, waiting);
    if (problem !== undefined) return problem;
    const free = bump - live - retired; // chunks from the bump pointer on were never used
    if (counts[position] !== free || counts[position] !== found + waiting) {
      return `${place} and the queue have ${counts[position]} chunks, and ${free} are free`;
    }
  }
  const isFresh = fresh === -1 || fresh >= 0 && blocks[fresh]?.isMapped;
  if (!isFresh || !(vacant >= 0 && vacant <= blocks.length)) {
    return `it goes on from blocks ${fresh} and ${vacant}`;
  }
  return undefined;
}

/** Follows the chains of free chunks of a slab, none of which may have a chunk of another. */
class Chains {
  /** How many chunks of each block were found so far, by position. */
  readonly counts: Int32Array;
  readonly #blocks: readonly BlockMetadata[];
  readonly #chunkCount: number;
  /** 1 for each chunk that was found, by index. */
  readonly #seen: Uint8Array;

  constructor(blocks: readonly BlockMetadata[]) {
    this.#blocks = blocks;
    this.#chunkCount = blocks[0]?.chunkCount ?? 1;
    this.#seen = new Uint8Array(blocks.length * this.#chunkCount);
    this.counts = new Int32Array(blocks.length);
  }

  /** Follows a chain by its links; returns what is wrong with it. */
  follow(place: string, from: number, end: number, length: number): string | undefined {
    if (length < 0) return `${place} has ${length} chunks`;
    let index = from;
    for (let i = 0; i < length; i++) {
      if (!(index >= 0 && index < this.#seen.length)) return `${place} leads to chunk ${index}`;
      const position = Math.floor(index / this.#chunkCount);
      const block = this.#blocks[position];
      const chunk = index % this.#chunkCount;
      const stamp = block.stamps[block.firstStamp + chunk];
      if (chunk >= block.bump || stamp === 0 || (stamp & 1) === 1) {
        return `${place} has chunk ${index}, which is not free or was never used`;
      }
      if (this.#seen[index] === 1) return `${place} has chunk ${index} a second time`;
      this.#seen[index] = 1;
      this.counts[position]++;
      if (i === length - 1) {
        return index === end ? undefined : `${place} ends at chunk ${index}, not ${end}`;
      }
      index = block.next![block.firstNext! + chunk]; // set for all blocks with a queue
    }
    return undefined;
  }
}

function linkProblem(
  { bump, stamps, firstStamp }: BlockMetadata,
  before: number,
  chunk: number,
): string {
  const stamp = stamps[firstStamp + chunk];
  const problem = !(chunk >= 0 && chunk < bump)
    ? `out of range 0 to ${bump - 1}`
    : stamp === 0
    ? "which is retired"
    : (stamp & 1) === 1
    ? "which is live"
    : "a second time";
  const place = before < 0 ? "the head of the free list" : `chunk ${before}`;
  return `${place} links to chunk ${chunk}, ${problem}`;
}

function countBits(word: number): number {
  let left = word - (word >>> 1 & 0x55555555);
  left = (left & 0x33333333) + (left >>> 2 & 0x33333333);
  return Math.imul(left + (left >>> 4) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
