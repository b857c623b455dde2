/**
 * Chunks: how an extent is cut into used and free ones, with boundary tags, in the memory itself.
 *
 * ```text
 * extent   [ used chunk ][ free chunk          ][ used chunk ] … [ end ]
 *
 * used     │ size + flags │ bytes asked for + flags │ payload …               │
 * free     │ size + flags │ links of the index: 2 or 3 words │ … │ size        │
 * end      │ 0 + flags    │                                           └ footer
 * ```
 *
 * Sizes are in bytes and multiples of 8, so the lowest bits are free for flags. That a chunk is free stands at both its
 * ends: its own header says so, and the one after it has the flag {@linkcode PREVIOUS_USED} clear and its size right
 * before. So a freed chunk finds both neighbours in O(1) (Knuth, "The Art of Computer Programming" 1, 2.5, boundary
 * tags; that used chunks need no footer is Doug Lea's). The end counts as used, and so does what is before the start.
 *
 * A used chunk remembers the alignment that it was asked for, since `realloc` must keep it where it moves. It does so in
 * bits that are spare in any case, and takes no byte more: no extent has more than 2^30 bytes, so both words of a header
 * have bits 30 and 31 free. The four of them hold log2 of the alignment less 3, 0 to 9, the high half in the first word:
 * 0 stands for 8 and all below, so that nothing is written for an ordinary chunk. The alignment of its address would not do:
 * that is often larger by chance, and a chunk that moved would take more room, and a longer search, for nothing.
 *
 * A chunk is known by its unit, its address divided by 8: below 2^29, so that the engine never boxes it.
 *
 * @module
 */
import { type AddressSpace, type Extent, UNIT_SHIFT } from "./address_space.ts";

/** Flag of a chunk that is used. */
export const USED = 1;

/** Flag of a chunk that comes after a used one. */
export const PREVIOUS_USED = 2;

/** Flag of a used chunk that was made larger: it may be a buffer that grows. */
const GREW = 4;

/** Clears the flags of the first word, and of the second. */
const SIZE_MASK = 2 ** 30 - 8;
const ASKED_MASK = 2 ** 30 - 1;

/** Where the halves of an alignment stand in both words. */
const ALIGN_SHIFT = 30;

/** Bytes before a payload. */
export const HEADER_BYTES = 8;

/**
 * @param unit A chunk.
 * @returns The address of its payload: a product, since a shift would make large addresses negative.
 */
export function addressOf(unit: number): number {
  return unit * 8 + HEADER_BYTES;
}

/** Knows the free chunks by what is searched for. Both ways of doing so keep their links in the chunks. */
export interface FreeIndex {
  /** The least bytes that a chunk must have to hold the links and its tags. */
  readonly minBytes: number;
  /**
   * Takes up a free chunk.
   *
   * @param unit The chunk, its tags written.
   */
  insert(unit: number): void;
  /**
   * Forgets a chunk.
   *
   * @param unit The chunk, its header as it was when it was inserted.
   */
  remove(unit: number): void;
  /**
   * Finds a chunk with room for another.
   *
   * @param bytes Size of that chunk.
   * @param align Power of two that its payload's address is to be a multiple of.
   * @returns The chunk; 0 when there is none.
   */
  find(bytes: number, align: number): number;
  /** @returns The largest chunk; 0 when there is none. */
  largest(): number;
  /** Forgets every chunk. */
  clear(): void;
}

/** The words of the chunks of an address space. */
export class Chunks {
  private readonly table: readonly Extent[];
  /** log2 of the units of a granule. */
  private readonly shift: number;
  /** The least bytes of a chunk. */
  readonly minBytes: number;

  /**
   * @param space Where the chunks are.
   * @param minBytes The least bytes of a chunk.
   */
  constructor(space: AddressSpace, minBytes: number) {
    this.table = space.table;
    this.shift = space.shift - UNIT_SHIFT;
    this.minBytes = minBytes;
  }

  /**
   * @param unit A chunk.
   * @param k Which word of it.
   * @returns The word.
   */
  word(unit: number, k: number): number {
    const extent = this.table[unit >> this.shift];
    return extent.i32[(unit - extent.firstUnit << 1) + k];
  }

  /**
   * @param unit A chunk.
   * @param k Which word of it.
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
   * @returns The alignment that it was asked for, 8 where that was less.
   */
  alignOf(unit: number): number {
    const high = this.word(unit, 0) >>> ALIGN_SHIFT;
    return 8 << (high << 2 | this.word(unit, 1) >>> ALIGN_SHIFT);
  }

  /**
   * @param unit A used chunk.
   * @returns Whether it was made larger since it was taken.
   */
  hasGrown(unit: number): boolean {
    return (this.word(unit, 0) & GREW) !== 0;
  }

  /**
   * Notes that a chunk was made larger.
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
   * @param unit A chunk that comes after a free one.
   * @returns That one.
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
   * @returns Whether the one before it is free.
   */
  isAfterFree(unit: number): boolean {
    return (this.word(unit, 0) & PREVIOUS_USED) === 0;
  }

  /**
   * Writes both tags of a free chunk, and tells the one after it. The one before it is used, as free ones are joined.
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
   * Writes the header of a used chunk, and tells the one after it.
   *
   * @param unit The chunk.
   * @param bytes Its size.
   * @param asked Bytes that were asked for.
   * @param previousUsed {@linkcode PREVIOUS_USED} or 0.
   * @param align Power of two up to 4096 that they were to be aligned to.
   */
  writeUsed(
    unit: number,
    bytes: number,
    asked: number,
    previousUsed: number,
    align: number,
  ): void {
    const code = align <= 8 ? 0 : 28 - Math.clz32(align); // log2 less 3
    this.setWord(unit, 0, bytes | previousUsed | USED | code >> 2 << ALIGN_SHIFT);
    this.setWord(unit, 1, asked | code << ALIGN_SHIFT);
    const next = unit + (bytes >> UNIT_SHIFT);
    this.setWord(next, 0, this.word(next, 0) | PREVIOUS_USED);
  }

  /**
   * Writes the end of an extent: a header that says used, and has no bytes.
   *
   * @param unit Where it is.
   * @param previousUsed {@linkcode PREVIOUS_USED} or 0.
   */
  writeEnd(unit: number, previousUsed: number): void {
    this.setWord(unit, 0, previousUsed | USED);
  }

  /**
   * Tells how far into a free chunk another one can start.
   *
   * @param unit The free chunk.
   * @param align Power of two that the payload's address is to be a multiple of.
   * @returns Bytes: 0, or so many that they make a chunk of their own.
   */
  gapOf(unit: number, align: number): number {
    if (align <= 8) return 0;
    let gap = -((unit << UNIT_SHIFT) + HEADER_BYTES) & align - 1;
    while (gap > 0 && gap < this.minBytes) gap += align;
    return gap;
  }

  /**
   * @param unit A free chunk.
   * @param bytes Size of another one.
   * @param align Power of two that its payload's address is to be a multiple of.
   * @returns Whether the free one has room for it.
   */
  fits(unit: number, bytes: number, align: number): boolean {
    return this.sizeOf(unit) - this.gapOf(unit, align) >= bytes;
  }
}
