/**
 * A block: equal chunks over one memory region, and the metadata about them.
 *
 * ```text
 * region    [ record | record | freed: link, old bytes | record | never used … ]
 *                                                               └ bump pointer
 * stamps    generation × 2 + live, 2 or 4 bytes a chunk         outside the region
 * liveBits  occupancy bitmap, 1 bit a chunk                     outside the region
 * tags      number of the record's struct, 1 byte a chunk       outside the region, if tagged
 * next      link of the queue of free chunks, 4 bytes a chunk   outside, with spread reuse only
 * ```
 *
 * Chunks from the bump pointer on are free: they are given out in order and need no links. The free
 * chunks below it form a list through their own first bytes: the intrusive free list of fixed-size
 * block allocators (Kenwright, "Fast Efficient Fixed-Size Memory Pool", 2012). The counts give its
 * length, so no link value marks the end: links of 1 byte serve 256 chunks, of 2 bytes 65,536.
 *
 * @module
 */
import { showAs } from "../messages/show.ts";
import { ChunkMemory } from "./chunk_memory.ts";
import type { MemoryRegion } from "../memory/resource.ts";
import { ARRAY_BIT, type RecordKeeper } from "../struct/typed_arrays.ts";

/** What all blocks of a slab share. */
export interface Geometry {
  /** Bytes of a chunk. */
  readonly chunkBytes: number;
  /** Alignment of chunks, in bytes. */
  readonly align: number;
  /** Chunks in a block. */
  readonly chunkCount: number;
  /** Bytes of a stamp, see {@linkcode HandleCodec}. */
  readonly stampBytes: 2 | 4;
  /** Bit set of the typed arrays that records are read and written through, see `ARRAY_BIT`. */
  readonly arrays: number;
  /** Whether each chunk has a tag, which tells the struct of its record. */
  readonly tagged: boolean;
  /** Whether free chunks form one queue through all blocks, see `spread.ts`. */
  readonly spread: boolean;
  /** Index of the first block. */
  readonly firstBlock: number;
  /** Top bits that all handles of the slab share, see {@linkcode HandleCodec.first}. */
  readonly firstHandle: number;
  /** The slab that the blocks belong to. */
  readonly owner: BlockOwner;
}

/** The slab of a block, which knows handles and makes errors. */
export interface BlockOwner {
  /** In debug mode: tells whether records are live. */
  readonly keeper?: RecordKeeper;
  /**
   * @param verb The operation that failed.
   * @param block A block of this slab whose buffer was detached.
   * @returns The error for it.
   */
  detachedError(verb: string, block: Block): Error;
}

/** The stamp of a free chunk at generation 1. */
export const FIRST_STAMP = 2;

/** Shared by all blocks without tags, and by all without a queue. */
const NO_TAGS = /* @__PURE__ */ new Uint8Array(0);
const NO_LINKS = /* @__PURE__ */ new Int32Array(0);

/**
 * @param geometry Geometry of the slab.
 * @returns Bytes of the metadata of each of its blocks.
 */
export function metadataBytes({ chunkCount, stampBytes, tagged, spread }: Geometry): number {
  return (chunkCount + 31 >> 5) * 4 +
    chunkCount * ((spread ? 4 : 0) + stampBytes + (tagged ? 1 : 0));
}

/** The most chunks that links of 1 byte can address. */
const SHORT_REACH = 256;

/**
 * @param chunkCount Chunks in a block, at most 65,536.
 * @returns Bytes of a link that can address each of them: 1 or 2.
 */
export function linkBytesFor(chunkCount: number): number {
  return chunkCount <= SHORT_REACH ? 1 : 2;
}

/**
 * @param chunkCount Chunks in a block.
 * @param chunkBytes Bytes of each.
 * @returns Distance between the links of neighbouring chunks, in elements of `u16`; 0 unless links
 * have 2 bytes and lie at even addresses.
 */
export function linkStrideFor(chunkCount: number, chunkBytes: number): number {
  return linkBytesFor(chunkCount) === 2 && chunkBytes % 2 === 0 ? chunkBytes >> 1 : 0;
}

/** Equal chunks over one region. */
export class Block extends ChunkMemory {
  // The fields that alloc and free touch come first, so that they lie close together in the object.
  /** Number of live chunks. */
  live = 0;
  /** Number of retired chunks, whose generations are used up. */
  retired = 0;
  /**
   * The bump pointer: chunks below are live, freed or retired; from here on all are free, unlinked.
   */
  bump = 0;
  /**
   * The first chunk of the free list, valid only while `live + retired < bump`. With spread reuse
   * the index of the first chunk in the block's own chain.
   */
  head = 0;
  /** With spread reuse, the length of the block's own chain. */
  waiting = 0;
  /** With spread reuse, the index of the last chunk in that chain. */
  lastWaiting = 0;
  /** With spread reuse, how many chunks of the block are in the slab's queue. */
  queued = 0;
  /** Stamp of each chunk; 0 if it is retired. A later block at this position takes them over. */
  readonly stamps: Uint16Array | Uint32Array;
  /** Bit `c & 31` of word `c >> 5` is set while chunk `c` is live. */
  readonly liveBits: Int32Array;
  /** Bytes of a link: 1 or 2. */
  readonly linkBytes: number;
  /** See {@linkcode linkStrideFor}. */
  readonly linkStride: number;
  /** Index in the slab of the first chunk, plus the geometry's `firstHandle`. */
  readonly firstIndex: number;
  /** Tag of the last record in each chunk, live or dead; empty unless the geometry is tagged. */
  readonly tags: Uint8Array;
  /** With spread reuse, the index of the chunk that follows each in the queue; else empty. */
  readonly next: Int32Array;
  /** Live bits, links of the queue, stamps and tags, as bytes. */
  readonly metadata: Uint8Array;
  readonly geometry: Geometry;
  /** Position in the slab, from 0. */
  readonly position: number;
  /** Index that users see: the position plus the geometry's `firstBlock`. */
  readonly index: number;
  /** The memory; `undefined` once it was given back. */
  region: MemoryRegion | undefined;

  /**
   * @param position Position in the slab, from 0.
   * @param geometry Geometry of the slab.
   * @param region `chunkCount * chunkBytes` bytes or more, aligned for every typed array.
   * @param before The previous block at this position, whose generations this one continues.
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
    showAs<Block>(Block.prototype, ({ index, chunkCount, live, bytes }) => {
      return { index, chunkCount, live, bytes: bytes.length };
    });
    this.linkBytes = linkBytesFor(chunkCount);
    this.linkStride = linkStrideFor(chunkCount, chunkBytes);
    this.geometry = geometry;
    this.position = position;
    this.index = firstBlock + position;
    this.firstIndex = firstHandle + position * chunkCount;
    this.region = region;
    this.map();
    // All metadata share one buffer, as each buffer costs a few hundred bytes. The arrays are in
    // order of their element size, so that each is aligned.
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

  /**
   * Takes over the generations of the previous block at this position, and its state in the queue.
   */
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

  /** Whether it has memory. */
  get isMapped(): boolean {
    return this.region !== undefined;
  }

  /** The bytes of all chunks. */
  get bytes(): Uint8Array {
    return this.u8;
  }

  override get keeper(): RecordKeeper | undefined {
    return this.geometry.owner.keeper;
  }

  /**
   * Finds the next live chunk, in O(chunks skipped / 32).
   *
   * @param from The chunk to start at, 0 or more.
   * @param end The chunk to stop before.
   * @returns The first live chunk from `from` on; `end` or more when there is none below `end`.
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
   * Marks every chunk as dead and resets the free list. The caller advances the generations, and
   * with spread reuse maintains the queue.
   */
  reset(): void {
    this.liveBits.fill(0, 0, this.bump + 31 >> 5); // no bit is set beyond the bump pointer
    this.live = 0;
    if (this.geometry.spread) return;
    this.bump = 0;
    if (this.retired > 0) this.#linkAll();
  }

  /**
   * Makes the typed arrays over the region. It is called again when the region's buffer was
   * replaced by one with the same bytes.
   */
  map(): void {
    if (this.region === undefined) return;
    const byLink = this.linkStride > 0 ? ARRAY_BIT.u16 : 0;
    this.attachChunks(this.region, this.geometry.arrays | byLink);
  }

  /**
   * Whether it has memory whose buffer was detached from outside, as `WebAssembly.Memory.grow`
   * does.
   */
  get isDetached(): boolean {
    return this.u8.length === 0 && this.region !== undefined;
  }

  /**
   * @param verb The operation, for the error.
   * @throws {TypeError} when its buffer was detached from outside.
   */
  checkAttached(verb: string): void {
    if (this.isDetached) throw this.geometry.owner.detachedError(verb, this);
  }

  /** Resets the block and drops its region, which the caller gives back to the memory resource. */
  unmap(): void {
    this.reset();
    if (!this.geometry.spread) this.bump = 0;
    this.detach();
    this.region = undefined;
  }

  /**
   * @param chunk A chunk in the free list.
   * @returns The next chunk in the list; meaningless for the last one.
   */
  readLink(chunk: number): number {
    // Never through a float array, which may change the bits of a NaN.
    return this.linkStride > 0
      ? this.u16[chunk * this.linkStride]
      : this.readBytes(chunk * this.chunkBytes);
  }

  /**
   * @param chunk A free chunk.
   * @param link The next chunk in the free list.
   */
  writeLink(chunk: number, link: number): void {
    if (this.linkStride > 0) this.u16[chunk * this.linkStride] = link;
    else this.writeBytes(chunk * this.chunkBytes, link);
  }

  private readBytes(at: number): number {
    let link = 0;
    for (let i = this.linkBytes - 1; i >= 0; i--) link = link << 8 | this.u8[at + i];
    return link;
  }

  private writeBytes(at: number, link: number): void {
    for (let i = 0; i < this.linkBytes; i++) this.u8[at + i] = link >> 8 * i;
  }

  /** Links every chunk that is not retired: the bump pointer would give out retired ones, too. */
  #linkAll(): void {
    this.bump = this.chunkCount;
    for (let chunk = this.chunkCount - 1; chunk >= 0; chunk--) {
      if (this.stamps[chunk] === 0) continue;
      this.writeLink(chunk, this.head);
      this.head = chunk;
    }
  }
}

/**
 * Stands for the current block of a slab that has none. It has no memory, so alloc needs no check
 * of its own for it: the check for detached memory finds it, too.
 */
export const NO_BLOCK: Block = /* @__PURE__ */ new Block(
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
    owner: { detachedError: () => new Error() }, // not called, as there is no region
  },
  undefined,
);
