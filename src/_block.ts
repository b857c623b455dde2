/**
 * A block: equal chunks over one region, and the books about them.
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
import { LANE, Lanes } from "./_lanes.ts";
import type { MemoryRegion } from "./memory.ts";

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
  /** Set of lanes that records are read and written through. */
  readonly lanes: number;
  /** Whether each chunk has a tag. */
  readonly tagged: boolean;
  /** What the first block is called. */
  readonly firstBlock: number;
  /** What all handles have in their top bits. */
  readonly firstHandle: number;
  /** Makes the error for a view that outlived the record of a stamp at an index. */
  readonly deadError: (index: number, stamp: number) => Error;
}

/** Chunks up to which a link of 1 and of 2 bytes can name every chunk of a block. */
const LINK_REACH = [256, 65_536];

/**
 * @param chunkCount Chunks in a block.
 * @returns Bytes of a link that can name each of them.
 */
export function linkBytesFor(chunkCount: number): number {
  return chunkCount <= LINK_REACH[0] ? 1 : chunkCount <= LINK_REACH[1] ? 2 : 4;
}

/** The tags of a block that has none. */
const NO_TAGS = new Uint8Array(0);

/** From this size on the engine's own fill beats a loop. */
const FILL_BYTES = 256;

/** Equal chunks over one region. */
export class Block extends Lanes {
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
  /** Chunks, a power of two but for tests. */
  readonly chunkCount: number;
  /** Distance of links in the u16 lane; 0 where a link is not 2 bytes at an even address. */
  readonly linkStride: number;
  /** Words of a chunk, to clear it by; 0 where it is cleared by bytes. */
  readonly chunkWords: number;
  /** Bytes of a chunk. */
  readonly chunkBytes: number;
  /** Which struct the record in each chunk is of, or was; empty where that is not kept. */
  readonly tags: Uint8Array;
  /** Live bits, stamps and tags, as bytes. */
  readonly books: Uint8Array;
  /** Bytes of a link: 1, 2 or 4. */
  readonly linkBytes: number;
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
   * @param region `chunkCount * chunkBytes` bytes or more, aligned for every lane.
   * @param before The block that was in this position, whose generations go on.
   */
  constructor(
    position: number,
    geometry: Geometry,
    region: MemoryRegion | undefined,
    before?: Block,
  ) {
    super();
    const { chunkCount, chunkBytes, stampBytes, tagged, firstBlock, firstHandle } = geometry;
    this.geometry = geometry;
    this.position = position;
    this.index = firstBlock + position;
    this.chunkCount = chunkCount;
    this.firstIndex = firstHandle + position * chunkCount;
    this.chunkBytes = chunkBytes;
    this.linkBytes = linkBytesFor(chunkCount);
    this.linkStride = this.linkBytes === 2 && chunkBytes % 2 === 0 ? chunkBytes >> 1 : 0;
    this.chunkWords = chunkBytes % 4 === 0 && chunkBytes < FILL_BYTES ? chunkBytes >> 2 : 0;
    this.region = region;
    this.mount();
    // One buffer for all books, as each costs a few hundred bytes; the bits come first, so that all are aligned.
    const words = (chunkCount + 31) >> 5;
    const stampsEnd = words * 4 + chunkCount * stampBytes;
    const books = new ArrayBuffer(stampsEnd + (tagged ? chunkCount : 0));
    this.books = new Uint8Array(books);
    this.liveBits = new Int32Array(books, 0, words);
    this.stamps = stampBytes === 2
      ? new Uint16Array(books, words * 4, chunkCount)
      : new Uint32Array(books, words * 4, chunkCount);
    this.tags = tagged ? new Uint8Array(books, stampsEnd) : NO_TAGS;
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

  /**
   * @param chunk A chunk in the free list.
   * @returns The chunk that follows it there; of the last one, whatever was the head once.
   */
  readLink(chunk: number): number {
    // Never through a float lane: NaN bits may change.
    return this.linkStride > 0
      ? this.u16[chunk * this.linkStride]
      : this.#readBytes(chunk * this.chunkBytes);
  }

  /**
   * @param chunk A chunk below the bump mark.
   * @param link The chunk that follows it in the free list.
   */
  writeLink(chunk: number, link: number): void {
    if (this.linkStride > 0) this.u16[chunk * this.linkStride] = link;
    else this.#writeBytes(chunk * this.chunkBytes, link);
  }

  #readBytes(at: number): number {
    let link = 0;
    for (let i = this.linkBytes - 1; i >= 0; i--) link = link << 8 | this.u8[at + i];
    return link;
  }

  #writeBytes(at: number, link: number): void {
    for (let i = 0; i < this.linkBytes; i++) this.u8[at + i] = link >> 8 * i;
  }

  /**
   * Clears the bytes of a chunk.
   *
   * @param chunk A chunk.
   */
  zero(chunk: number): void {
    const i32 = this.i32;
    const words = this.chunkWords;
    if (words === 0) this.#zeroBytes(chunk * this.chunkBytes);
    for (let i = chunk * words, end = i + words; i < end; i++) i32[i] = 0;
  }

  #zeroBytes(at: number): void {
    if (this.chunkBytes >= FILL_BYTES) {
      this.u8.fill(0, at, at + this.chunkBytes);
    } else {
      for (let i = at; i < at + this.chunkBytes; i++) this.u8[i] = 0;
    }
  }

  override lifeAt(offset: number): number {
    return this.stamps[offset / this.chunkBytes];
  }

  override deadError(offset: number, life: number): Error {
    return this.geometry.deadError(this.firstIndex + offset / this.chunkBytes, life);
  }

  /**
   * Finds the next live chunk, in O(chunks skipped / 32).
   *
   * @param from First chunk that will do, 0 or more.
   * @returns The chunk; the bump mark or more when there is none.
   */
  nextLive(from: number): number {
    if (from >= this.bump) return this.bump;
    const bits = this.liveBits;
    let word = from >> 5;
    let left = bits[word] & (-1 << (from & 31));
    while (left === 0) {
      if (++word << 5 >= this.bump) return this.bump;
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

  /** Lays the lanes over the region; anew where its buffer was replaced by another with the same bytes. */
  mount(): void {
    if (this.region === undefined) return;
    const { lanes, chunkCount, chunkBytes } = this.geometry;
    const byLink = this.linkStride > 0 ? LANE.u16 : 0;
    const byZero = this.chunkWords > 0 ? LANE.i32 : 0;
    this.attach(this.region, chunkCount * chunkBytes, lanes | byLink | byZero);
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
