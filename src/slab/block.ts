/**
 * A block: equal chunks over one region, and the metadata about them.
 *
 * ```text
 * region    [ record | record | freed: link, old bytes | record | never used … ]
 *                                                               └ bump mark
 * stamps    generation × 2 + live, 2 or 4 bytes a chunk         outside the region
 * liveBits  1 bit a chunk, for iteration to skip the dead       outside the region
 * tags      which struct, 1 byte a chunk, if that is kept       outside the region
 * next      the queue of free chunks, 4 bytes a chunk, if there is one
 * ```
 *
 * Chunks below the bump mark were given out at least once since the block was last cleared; those above are handed
 * out in order, unlinked. Freed chunks form a list through their own first bytes: the intrusive free list of fixed-size
 * block allocators (Kenwright, "Fast Efficient Fixed-Size Memory Pool", 2012). Its length is known from the counts, so
 * no value of a link is spent to mark the end, and 256 chunks get by with links of 1 byte, 65,536 with 2.
 *
 * @module
 */
import { ChunkMemory } from "./chunk_memory.ts";
import type { MemoryRegion } from "../memory/resource.ts";
import { unboundError } from "./slab_errors.ts";

/** What all blocks of a slab share. */
export interface Geometry {
  /** Bytes of a chunk. */
  readonly chunkBytes: number;
  /** Bytes that chunks are aligned to. */
  readonly align: number;
  /** Chunks in a block. */
  readonly chunkCount: number;
  /** Bytes of a stamp. */
  readonly stampBytes: 2 | 4;
  /** Sum of the bits of the typed arrays that records are read and written through. */
  readonly arrays: number;
  /** Whether each chunk has a tag. */
  readonly tagged: boolean;
  /** Whether free chunks form one queue through all blocks, with links outside of the chunks; see `spread.ts`. */
  readonly spread: boolean;
  /** What the first block is called. */
  readonly firstBlock: number;
  /** What all handles have in their top bits. */
  readonly firstHandle: number;
  /** Whose blocks they are. */
  readonly owner: BlockOwner;
}

/** Who knows what the records of a block are called. */
export interface BlockOwner {
  /**
   * @param block One of its blocks.
   * @param chunk A chunk in it.
   * @returns What tells the record there from all others that are ever there; NaN where there is none. For debug mode.
   */
  epochAt(block: Block, chunk: number): number;
  /**
   * @param block One of its blocks.
   * @param epoch What a view of it has noted.
   * @returns The error for that view, whose record is gone.
   */
  viewError(block: Block, epoch: number): Error;
  /**
   * @param verb What is tried.
   * @param block One of its blocks, whose buffer somebody has detached.
   * @returns The error for that.
   */
  detachedError(verb: string, block: Block): Error;
}

/** Generation 1, free. */
const FIRST_STAMP = 2;

/** The tags of a block that has none, and the links. */
const NO_TAGS = new Uint8Array(0);
const NO_LINKS = new Int32Array(0);

/**
 * @param geometry What all blocks of a slab share.
 * @returns Bytes of the metadata of a block.
 */
export function metadataBytes({ chunkCount, stampBytes, tagged, spread }: Geometry): number {
  return (chunkCount + 31 >> 5) * 4 +
    chunkCount * ((spread ? 4 : 0) + stampBytes + (tagged ? 1 : 0));
}

/** Equal chunks over one region. */
export class Block extends ChunkMemory {
  // What alloc and free touch comes first, close together in the object as the engine lays it out.
  /** Chunks that are live. */
  live = 0;
  /** Chunks that are given out no more. */
  retired = 0;
  /** Chunks below are live, freed or retired; those from here on were never used. */
  bump = 0;
  /** The chunk freed last; means something only while `live + retired < bump`. In a queue the first that waits. */
  head = 0;
  /** In a queue: chunks that wait for the block to have memory, the last of them, and those that are in the queue. */
  waiting = 0;
  lastWaiting = 0;
  queued = 0;
  /** Generation and live bit of each chunk; 0 for a retired one. Outlives the memory, for its successor. */
  readonly stamps: Uint16Array | Uint32Array;
  /** Bit `c & 31` of word `c >> 5` is set while chunk `c` is live. */
  readonly liveBits: Int32Array;
  /** Index in the whole slab of the first chunk, with what all handles have in their top bits. */
  readonly firstIndex: number;
  /** Which struct the record in each chunk is of, or was; empty where that is not kept. */
  readonly tags: Uint8Array;
  /** Index of the chunk that follows each in the queue; empty where there is none. */
  readonly next: Int32Array;
  /** Live bits, links of the queue, stamps and tags, as bytes. */
  readonly metadata: Uint8Array;
  /** What all blocks of the slab share, and so whose block this is. */
  readonly geometry: Geometry;
  /** Position in the slab. */
  readonly position: number;
  /** What it is called: its position, counted on from the slab's first. */
  readonly index: number;
  /** The memory; `undefined` once it was given back. */
  region: MemoryRegion | undefined;

  /**
   * @param position Position in the slab.
   * @param geometry What all blocks of the slab share.
   * @param region `chunkCount * chunkBytes` bytes or more, aligned for every typed array.
   * @param before The block that was in this position, whose generations go on.
   */
  constructor(
    position: number,
    geometry: Geometry,
    region: MemoryRegion | undefined,
    before?: Block,
  ) {
    const { chunkCount, chunkBytes, stampBytes, tagged, spread, firstBlock, firstHandle } =
      geometry;
    super(chunkCount, chunkBytes);
    this.geometry = geometry;
    this.position = position;
    this.index = firstBlock + position;
    this.firstIndex = firstHandle + position * chunkCount;
    this.region = region;
    this.map();
    // One buffer for all metadata, as each costs a few hundred bytes; the bits come first, so that all are aligned.
    const words = (chunkCount + 31) >> 5;
    const stampsAt = (words + (spread ? chunkCount : 0)) * 4;
    const metadata = new ArrayBuffer(metadataBytes(geometry));
    this.metadata = new Uint8Array(metadata);
    this.liveBits = new Int32Array(metadata, 0, words);
    this.next = spread ? new Int32Array(metadata, words * 4, chunkCount) : NO_LINKS;
    this.stamps = stampBytes === 2
      ? new Uint16Array(metadata, stampsAt, chunkCount)
      : new Uint32Array(metadata, stampsAt, chunkCount);
    this.tags = tagged ? new Uint8Array(metadata, stampsAt + chunkCount * stampBytes) : NO_TAGS;
    if (before === undefined) this.stamps.fill(FIRST_STAMP);
    else this.#succeed(before);
  }

  /** Goes on with the generations of the block that was in this position, and with its place in the queue. */
  #succeed(before: Block): void {
    this.retired = before.retired;
    this.stamps.set(before.stamps);
    if (this.geometry.spread) {
      this.next.set(before.next);
      this.bump = before.bump;
      this.head = before.head;
      this.waiting = before.waiting;
      this.lastWaiting = before.lastWaiting;
      this.queued = before.queued;
    } else if (this.retired > 0) this.#linkAll();
  }

  /** Whether no record ever was in it. */
  get isUnused(): boolean {
    return this.stamps.every((stamp) => stamp === FIRST_STAMP);
  }

  /** Whether there is memory. */
  get isMapped(): boolean {
    return this.region !== undefined;
  }

  /** The records' own memory. */
  get bytes(): Uint8Array {
    return this.u8;
  }

  override epochAt(offset: number): number {
    return this.geometry.owner.epochAt(this, offset / this.chunkBytes);
  }

  override staleError(_offset: number, epoch: number): Error {
    return this.geometry.owner.viewError(this, epoch);
  }

  /**
   * Finds the next live chunk, in O(chunks skipped / 32).
   *
   * @param from First chunk that will do, 0 or more.
   * @param end The chunks from here on do not count.
   * @returns The chunk; `end` or more when there is none.
   */
  nextLive(from: number, end: number = this.bump): number {
    if (from >= end) return end;
    const bits = this.liveBits;
    let word = from >> 5;
    let left = bits[word] & (-1 << (from & 31));
    while (left === 0) {
      if (++word << 5 >= end) return end;
      left = bits[word];
    }
    return (word << 5) + 31 - Math.clz32(left & -left);
  }

  /**
   * Forgets every record, and the free list unless it is a queue. The generations of what was live are the caller's part, and the
   * queue.
   */
  reset(): void {
    this.liveBits.fill(0, 0, this.bump + 31 >> 5); // none is set beyond
    this.live = 0;
    if (this.geometry.spread) return;
    this.bump = 0;
    if (this.retired > 0) this.#linkAll();
  }

  /**
   * Works the counts, the live bits and the free list out anew from the stamps, which somebody has set. Where free chunks form a queue
   * that is the caller's part.
   */
  relink(): void {
    const { chunkCount, stamps, liveBits } = this;
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
    this.live = live;
    this.retired = retired;
    const least = this.retired > 0 ? chunkCount : last + 1; // bumping would run into retired chunks
    if (this.geometry.spread) {
      this.bump = Math.max(this.bump, least);
      return;
    }
    this.bump = this.region === undefined ? 0 : least;
    for (let chunk = this.bump - 1; chunk >= 0; chunk--) {
      if (stamps[chunk] === 0 || (stamps[chunk] & 1) === 1) continue;
      this.writeLink(chunk, this.head);
      this.head = chunk;
    }
  }

  /** Makes the typed arrays over the region; anew where its buffer was replaced by another with the same bytes. */
  map(): void {
    if (this.region !== undefined) this.attachChunks(this.region, this.geometry.arrays);
  }

  /** Whether there is memory, and its buffer was detached by somebody else. */
  get isDetached(): boolean {
    return this.u8.length === 0 && this.region !== undefined;
  }

  /**
   * @param verb What is tried.
   * @throws {TypeError} when its buffer was detached by somebody else.
   */
  checkAttached(verb: string): void {
    if (this.isDetached) throw this.geometry.owner.detachedError(verb, this);
  }

  /** Lets go of the memory, which is the caller's to give back. */
  unmap(): void {
    this.reset();
    if (!this.geometry.spread) this.bump = 0;
    this.detach();
    this.region = undefined;
  }

  /** Links every chunk that is not retired, the first at the head: bumping would run into the retired ones. */
  #linkAll(): void {
    this.bump = this.chunkCount;
    if (this.region === undefined) return;
    for (let chunk = this.chunkCount - 1; chunk >= 0; chunk--) {
      if (this.stamps[chunk] === 0) continue;
      this.writeLink(chunk, this.head);
      this.head = chunk;
    }
  }
}

/** What a slab allocates from until it has a block: it has no memory, which is noticed where that of a block is detached. */
export const NO_BLOCK: Block = new Block(
  -1,
  {
    chunkBytes: 1,
    align: 1,
    chunkCount: 0,
    stampBytes: 2,
    arrays: 0,
    tagged: false,
    spread: false,
    firstBlock: -1,
    firstHandle: 0,
    owner: {
      epochAt: () => NaN, // equal to no epoch, not to itself either
      viewError: unboundError,
      detachedError: unboundError,
    },
  },
  undefined,
);
