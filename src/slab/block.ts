/**
 * A block: equal chunks over one region, and the metadata about them.
 *
 * ```text
 * region    [ record | record | freed: link, old bytes | record | never used … ]
 *                                                               └ bump mark
 * stamps    generation × 2 + live, 2 or 4 bytes a chunk         outside the region
 * liveBits  1 bit a chunk, for iteration to skip the dead       outside the region
 * tags      which struct, 1 byte a chunk, if that is kept       outside the region
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
  /** What the first block is called. */
  readonly firstBlock: number;
  /** What all handles have in their top bits. */
  readonly firstHandle: number;
  /** Makes the error for a view of the record that was at an index, with that stamp. */
  readonly staleError: (index: number, stamp: number) => Error;
}

/** The tags of a block that has none. */
const NO_TAGS = new Uint8Array(0);

/** Equal chunks over one region. */
export class Block extends ChunkMemory {
  // What alloc and free touch comes first, close together in the object as the engine lays it out.
  /** Chunks that are live. */
  live = 0;
  /** Chunks that are given out no more. */
  retired = 0;
  /** Chunks below are live, freed or retired; those from here on were never used. */
  bump = 0;
  /** The chunk freed last; means something only while `live + retired < bump`. */
  head = 0;
  /** Generation and live bit of each chunk; 0 for a retired one. Outlives the memory, for its successor. */
  readonly stamps: Uint16Array | Uint32Array;
  /** Bit `c & 31` of word `c >> 5` is set while chunk `c` is live. */
  readonly liveBits: Int32Array;
  /** Index in the whole slab of the first chunk, with what all handles have in their top bits. */
  readonly firstIndex: number;
  /** Which struct the record in each chunk is of, or was; empty where that is not kept. */
  readonly tags: Uint8Array;
  /** Live bits, stamps and tags, as bytes. */
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
    const { chunkCount, chunkBytes, stampBytes, tagged, firstBlock, firstHandle } = geometry;
    super(chunkCount, chunkBytes);
    this.geometry = geometry;
    this.position = position;
    this.index = firstBlock + position;
    this.firstIndex = firstHandle + position * chunkCount;
    this.region = region;
    this.mount();
    // One buffer for all metadata, as each costs a few hundred bytes; the bits come first, so that all are aligned.
    const words = (chunkCount + 31) >> 5;
    const stampsEnd = words * 4 + chunkCount * stampBytes;
    const metadata = new ArrayBuffer(stampsEnd + (tagged ? chunkCount : 0));
    this.metadata = new Uint8Array(metadata);
    this.liveBits = new Int32Array(metadata, 0, words);
    this.stamps = stampBytes === 2
      ? new Uint16Array(metadata, words * 4, chunkCount)
      : new Uint32Array(metadata, words * 4, chunkCount);
    this.tags = tagged ? new Uint8Array(metadata, stampsEnd) : NO_TAGS;
    if (before === undefined) {
      this.stamps.fill(2); // generation 1, free
    } else {
      this.stamps.set(before.stamps);
      this.retired = before.retired;
      if (this.retired > 0) this.#linkAll();
    }
  }

  /** Whether there is memory. */
  get isMounted(): boolean {
    return this.region !== undefined;
  }

  /** The records' own memory. */
  get bytes(): Uint8Array {
    return this.u8;
  }

  override epochAt(offset: number): number {
    return this.stamps[offset / this.chunkBytes];
  }

  override staleError(offset: number, epoch: number): Error {
    return this.geometry.staleError(this.firstIndex + offset / this.chunkBytes, epoch);
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

  /** Forgets every record and the free list. The generations of what was live are the caller's part. */
  reset(): void {
    this.liveBits.fill(0, 0, this.bump + 31 >> 5); // none is set beyond
    this.live = 0;
    this.bump = 0;
    if (this.retired > 0) this.#linkAll();
  }

  /** Makes the typed arrays over the region; anew where its buffer was replaced by another with the same bytes. */
  mount(): void {
    if (this.region !== undefined) this.attachChunks(this.region, this.geometry.arrays);
  }

  /** Whether there is memory, and its buffer was detached by somebody else. */
  get isDetached(): boolean {
    return this.u8.length === 0 && this.region !== undefined;
  }

  /** Lets go of the memory, which is the caller's to give back. */
  unmount(): void {
    this.reset();
    this.bump = 0;
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
    firstBlock: -1,
    firstHandle: 0,
    staleError: () => new Error("Cannot use a view: it is bound to no record"),
  },
  undefined,
);
