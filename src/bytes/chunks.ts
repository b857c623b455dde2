/**
 * `Chunks`: how an extent is divided into used and free chunks, with boundary tags in the memory
 * itself.
 *
 * ```text
 * extent   [ used chunk ][ free chunk          ][ used chunk ] … [ end ]
 *
 * used     │ size + flags │ bytes asked for + flags │ payload …               │
 * free     │ size + flags │ links of the index: 2 or 3 words │ … │ size        │
 * end      │ 0 + flags    │                                           └ footer
 * ```
 *
 * Sizes are in bytes and multiples of 8, so the lowest three bits are free for flags. A free chunk
 * is marked at both ends: by its own header, and by the header after it, which has the flag
 * {@linkcode PREVIOUS_USED} clear and the size of the free chunk right before it. So a chunk that
 * is freed finds both neighbours in O(1) (Knuth, "The Art of Computer Programming" 1, 2.5, boundary
 * tags; that used chunks need no footer is due to Doug Lea). The end counts as used, and so does
 * what lies before the start.
 *
 * A used chunk records the alignment that was asked for, since `realloc` keeps it when it moves the
 * allocation. The alignment of its address would not do: that is often larger by chance, and a
 * moved chunk would then waste room. The record takes no extra byte: an extent has at most 2^30
 * bytes, so bits 30 and 31 of both header words are free. They hold log2 of the alignment minus 3,
 * from 0 to 9, the high half in the first word. 0 stands for 8 and below.
 *
 * A chunk is identified by its unit, its address divided by 8: below 2^29, so V8 never boxes it.
 *
 * @module
 */
import { type AddressSpace, type Extent, UNIT_SHIFT } from "./address_space.ts";

/** Flag of a used chunk. */
export const USED = 1;

/** Flag of a chunk after a used one. */
export const PREVIOUS_USED = 2;

/** Flag of a used chunk that `realloc` made larger: it may be a buffer that goes on growing. */
const GREW = 4;

/** Masks that clear the flags of the first and of the second word. */
const SIZE_MASK = 0x3fff_fff8;
const ASKED_MASK = 0x3fff_ffff;

/** Position of the two halves of an alignment, in both words. */
const ALIGN_SHIFT = 30;

/** Bytes before a payload. */
export const HEADER_BYTES = 8;

/**
 * @param unit A chunk.
 * @returns The address of its payload: a product, since a shift would make large addresses
 * negative.
 */
export function addressOf(unit: number): number {
  return unit * 8 + HEADER_BYTES;
}

/**
 * @param address The address of a payload.
 * @returns Its chunk.
 */
export function unitOf(address: number): number {
  return (address >>> UNIT_SHIFT) - 1;
}

/**
 * @param extent The extent of a chunk.
 * @param unit The chunk.
 * @returns Byte offset of its payload in the extent.
 */
export function payloadAt({ firstUnit }: Extent, unit: number): number {
  return (unit - firstUnit << UNIT_SHIFT) + HEADER_BYTES;
}

/**
 * @param extent An extent that is divided into chunks.
 * @returns The unit of its end.
 */
export function endOf(extent: Extent): number {
  return extent.firstUnit + (extent.byteLength >> UNIT_SHIFT) - 1;
}

/** An index of the free chunks. Each kind keeps its links in the chunks. */
export interface FreeIndex {
  /**
   * Adds a free chunk.
   *
   * @param unit The chunk, its tags written.
   */
  insert(unit: number): void;
  /**
   * Removes a chunk.
   *
   * @param unit The chunk, its header as it was when it was inserted.
   */
  remove(unit: number): void;
  /**
   * Finds a free chunk with room for another chunk.
   *
   * @param bytes Size of the other chunk.
   * @param align Power of two that the address of its payload is to be a multiple of.
   * @returns The free chunk; 0 when there is none.
   */
  find(bytes: number, align: number): number;
  /** @returns The largest chunk; 0 when there is none. */
  largest(): number;
  /** Removes all chunks. */
  clear(): void;
}

/** Reads and writes the header words of the chunks of an address space. */
export class Chunks {
  private readonly table: readonly Extent[];
  /** log2 of the units of a granule. */
  private readonly shift: number;
  /** The fewest bytes of a chunk. */
  readonly minBytes: number;

  /**
   * @param space The address space.
   * @param minBytes The fewest bytes of a chunk.
   */
  constructor(space: AddressSpace, minBytes: number) {
    this.table = space.table;
    this.shift = space.shift - UNIT_SHIFT;
    this.minBytes = minBytes;
  }

  /**
   * @param unit A chunk.
   * @param k Index of a word, counted from its header.
   * @returns The word.
   */
  word(unit: number, k: number): number {
    const extent = this.table[unit >> this.shift];
    return extent.i32[(unit - extent.firstUnit << 1) + k];
  }

  /**
   * @param unit A chunk.
   * @param k Index of a word, counted from its header.
   * @param value The word.
   */
  setWord(unit: number, k: number, value: number): void {
    const extent = this.table[unit >> this.shift];
    extent.i32[(unit - extent.firstUnit << 1) + k] = value;
  }

  /**
   * @param unit A chunk.
   * @returns Its extent.
   */
  extentOf(unit: number): Extent {
    return this.table[unit >> this.shift];
  }

  /**
   * @param unit A chunk.
   * @returns Its bytes.
   */
  sizeOf(unit: number): number {
    return this.word(unit, 0) & SIZE_MASK;
  }

  /**
   * @param unit A used chunk.
   * @returns Bytes that were asked for.
   */
  askedOf(unit: number): number {
    return this.word(unit, 1) & ASKED_MASK;
  }

  /**
   * @param unit A used chunk.
   * @returns The alignment that was asked for, 8 if that was less.
   */
  alignOf(unit: number): number {
    const high = this.word(unit, 0) >>> ALIGN_SHIFT;
    return 8 << (high << 2 | this.word(unit, 1) >>> ALIGN_SHIFT);
  }

  /**
   * @param unit A used chunk.
   * @returns Whether `realloc` made it larger.
   */
  hasGrown(unit: number): boolean {
    return (this.word(unit, 0) & GREW) !== 0;
  }

  /**
   * Marks a chunk as made larger by `realloc`.
   *
   * @param unit A used chunk.
   */
  markGrown(unit: number): void {
    this.setWord(unit, 0, this.word(unit, 0) | GREW);
  }

  /**
   * @param unit A chunk.
   * @returns The chunk after it, or the end of the extent.
   */
  next(unit: number): number {
    return unit + (this.sizeOf(unit) >> UNIT_SHIFT);
  }

  /**
   * @param unit A chunk after a free one.
   * @returns The free chunk.
   */
  previous(unit: number): number {
    return unit - (this.word(unit, -1) >> UNIT_SHIFT); // its footer
  }

  /**
   * @param unit A chunk, or the end of an extent.
   * @returns Whether it is free.
   */
  isFree(unit: number): boolean {
    return (this.word(unit, 0) & USED) === 0;
  }

  /**
   * @param unit A chunk, or the end of an extent.
   * @returns Whether the chunk before it is free.
   */
  isAfterFree(unit: number): boolean {
    return (this.word(unit, 0) & PREVIOUS_USED) === 0;
  }

  /**
   * Writes both tags of a free chunk and the flag in the header after it. The chunk before it must
   * be used, as adjacent free chunks are joined.
   *
   * @param unit The chunk.
   * @param bytes Its size.
   */
  writeFree(unit: number, bytes: number): void {
    this.setWord(unit, 0, bytes | PREVIOUS_USED);
    this.setWord(unit, (bytes >> 2) - 1, bytes);
    const next = unit + (bytes >> UNIT_SHIFT);
    this.setWord(next, 0, this.word(next, 0) & ~PREVIOUS_USED);
  }

  /**
   * Writes the header of a used chunk and the flag in the header after it.
   *
   * @param unit The chunk.
   * @param bytes Its size.
   * @param asked Bytes that were asked for.
   * @param previousUsed {@linkcode PREVIOUS_USED} or 0.
   * @param align Power of two up to 4096 that was asked for.
   */
  writeUsed(
    unit: number,
    bytes: number,
    asked: number,
    previousUsed: number,
    align: number,
  ): void {
    const code = align <= 8 ? 0 : 28 - Math.clz32(align); // log2 minus 3
    this.setWord(unit, 0, bytes | previousUsed | USED | code >> 2 << ALIGN_SHIFT);
    this.setWord(unit, 1, asked | code << ALIGN_SHIFT);
    const next = unit + (bytes >> UNIT_SHIFT);
    this.setWord(next, 0, this.word(next, 0) | PREVIOUS_USED);
  }

  /**
   * Writes the end of an extent: the header of a used chunk of 0 bytes.
   *
   * @param unit The unit of the end.
   * @param previousUsed {@linkcode PREVIOUS_USED} or 0.
   */
  writeEnd(unit: number, previousUsed: number): void {
    this.setWord(unit, 0, previousUsed | USED);
  }

  /**
   * Returns how far into a free chunk another one can start.
   *
   * @param unit The free chunk.
   * @param align Power of two that the address of the payload is to be a multiple of.
   * @returns Bytes: 0, or enough for a free chunk before it.
   */
  gapOf(unit: number, align: number): number {
    if (align <= 8) return 0;
    let gap = -((unit << UNIT_SHIFT) + HEADER_BYTES) & align - 1;
    while (gap > 0 && gap < this.minBytes) gap += align;
    return gap;
  }

  /**
   * @param unit A free chunk.
   * @param bytes Size of another chunk.
   * @param align Power of two that the address of its payload is to be a multiple of.
   * @returns Whether the free chunk has room for it.
   */
  fits(unit: number, bytes: number, align: number): boolean {
    return this.sizeOf(unit) - this.gapOf(unit, align) >= bytes;
  }
}
