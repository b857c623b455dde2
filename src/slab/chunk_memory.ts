/**
 * The memory of a block: reads and writes links in free chunks, and clears and copies chunks.
 *
 * @module
 */
import { ARRAY_BIT, TypedArrays } from "../struct/typed_arrays.ts";
import type { MemoryRegion } from "../memory/resource.ts";

/** The most chunks that links of 1 and of 2 bytes can address. */
const LINK_REACH = [256, 65_536];

/**
 * @param chunkCount Chunks in a block.
 * @returns Bytes of a link that can address each of them: 1, 2 or 4.
 */
export function linkBytesFor(chunkCount: number): number {
  return chunkCount <= LINK_REACH[0] ? 1 : chunkCount <= LINK_REACH[1] ? 2 : 4;
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

/** From this size on, `TypedArray.fill` is faster than a loop. */
export const FILL_BYTES = 256;

/**
 * @param chunkBytes Bytes of a chunk.
 * @returns Words of 4 bytes to clear it with a loop; 0 if it is cleared by bytes.
 */
export function chunkWordsFor(chunkBytes: number): number {
  return chunkBytes % 4 === 0 && chunkBytes < FILL_BYTES ? chunkBytes >> 2 : 0;
}

/** Equal chunks in a row. */
export class ChunkMemory extends TypedArrays {
  /** Number of chunks, a power of two except in tests. */
  readonly chunkCount: number;
  /** Bytes of a chunk. */
  readonly chunkBytes: number;
  /** Bytes of a link: 1, 2 or 4. */
  readonly linkBytes: number;
  /** See {@linkcode linkStrideFor}. */
  readonly linkStride: number;
  /** See {@linkcode chunkWordsFor}. */
  readonly chunkWords: number;

  /**
   * @param chunkCount Chunks in the block.
   * @param chunkBytes Bytes of each.
   */
  constructor(chunkCount: number, chunkBytes: number) {
    super();
    this.chunkCount = chunkCount;
    this.chunkBytes = chunkBytes;
    this.linkBytes = linkBytesFor(chunkCount);
    this.linkStride = linkStrideFor(chunkCount, chunkBytes);
    this.chunkWords = chunkWordsFor(chunkBytes);
  }

  /**
   * Makes the typed arrays over a region that records, links and clearing need.
   *
   * @param region `chunkCount * chunkBytes` bytes or more, aligned for every typed array.
   * @param arrays Bit set of the typed arrays that records need, see `ARRAY_BIT`.
   */
  protected attachChunks(region: MemoryRegion, arrays: number): void {
    const byLink = this.linkStride > 0 ? ARRAY_BIT.u16 : 0;
    const byZero = this.chunkWords > 0 ? ARRAY_BIT.i32 : 0;
    this.attach(region, this.chunkCount * this.chunkBytes, arrays | byLink | byZero);
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

  /**
   * Sets all bytes of a chunk to 0.
   *
   * @param chunk The chunk.
   */
  zero(chunk: number): void {
    const i32 = this.i32;
    const words = this.chunkWords;
    if (words === 0) this.zeroBytes(chunk * this.chunkBytes);
    for (let i = chunk * words, end = i + words; i < end; i++) i32[i] = 0;
  }

  private zeroBytes(at: number): void {
    if (this.chunkBytes >= FILL_BYTES) {
      this.u8.fill(0, at, at + this.chunkBytes);
    } else {
      for (let i = at; i < at + this.chunkBytes; i++) this.u8[i] = 0;
    }
  }
}
