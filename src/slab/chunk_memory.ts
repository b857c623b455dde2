/**
 * The memory of a block: equal chunks in a row, and the function that zeroes a chunk.
 *
 * @module
 */
import { ARRAY_BIT, TypedArrays } from "../struct/typed_arrays.ts";
import type { MemoryRegion } from "../memory/resource.ts";

/** From this size on, `TypedArray.fill` is faster than a loop. */
export const FILL_BYTES = 256;

/**
 * @param chunkBytes Bytes of a chunk.
 * @returns How many 4-byte words a loop zeroes to clear a chunk; 0 if it is cleared by bytes.
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
    this.chunkWords = chunkWordsFor(chunkBytes);
  }

  /**
   * Makes the typed arrays over a region that records and clearing need.
   *
   * @param region `chunkCount * chunkBytes` bytes or more, aligned for every typed array.
   * @param arrays Bit set of the typed arrays that records need, see `ARRAY_BIT`.
   */
  protected attachChunks(region: MemoryRegion, arrays: number): void {
    const byZero = this.chunkWords > 0 ? ARRAY_BIT.i32 : 0;
    this.attach(region, this.chunkCount * this.chunkBytes, arrays | byZero);
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
