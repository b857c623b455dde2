/**
 * `FreeList`: the free chunks as a doubly linked list in address order, its links in the chunks,
 * and the four ways to search it.
 *
 * @module
 */
import { UNIT_SHIFT } from "./address_space.ts";
import type { Chunks, FreeIndex } from "./chunks.ts";

/**
 * Which of the free chunks with room an allocation gets: the first, the first after the last
 * allocation, the smallest, or the largest. The first of equal chunks wins.
 *
 * @category Byte allocators
 */
export type Fit = "first" | "next" | "best" | "worst";

/** The fewest bytes of a chunk: two tags and two links. */
export const LIST_MIN_BYTES = 16;

// Words of a free chunk.
const NEXT = 1;
const PREVIOUS = 2;

/** A list of free chunks in address order. */
export class FreeList implements FreeIndex {
  readonly minBytes: number = LIST_MIN_BYTES;
  /** The first chunk; 0 when there is none. */
  head = 0;
  /** Where `"next"` starts to search: the first chunk that ends past the mark; 0 for none. */
  rover = 0;
  /** The unit where the last allocation ended. */
  mark = 0;
  /**
   * A chunk near the last change; 0 for the head. Changes tend to be adjacent, so a search from
   * here is short.
   */
  private hint = 0;
  private readonly chunks: Chunks;
  private readonly fit: Fit;

  /**
   * @param chunks The header words of the chunks.
   * @param fit Which of the chunks with room {@linkcode find} returns.
   */
  constructor(chunks: Chunks, fit: Fit) {
    this.chunks = chunks;
    this.fit = fit;
  }

  /**
   * @param unit A chunk of the list.
   * @returns The one after it; 0 when there is none.
   */
  next(unit: number): number {
    return this.chunks.word(unit, NEXT);
  }

  /**
   * @param unit A chunk of the list.
   * @returns The one before it; 0 when there is none.
   */
  previous(unit: number): number {
    return this.chunks.word(unit, PREVIOUS);
  }

  /**
   * Adds a chunk, in O(chunks between it and the last change).
   *
   * @param unit A free chunk.
   */
  insert(unit: number): void {
    const before = this.predecessor(unit);
    const after = before === 0 ? this.head : this.next(before);
    this.link(before, unit);
    this.link(unit, after);
    this.hint = unit;
    const isPastMark = this.chunks.next(unit) > this.mark;
    if (isPastMark && (this.rover === 0 || unit < this.rover)) this.rover = unit;
  }

  /**
   * Removes a chunk, in O(1).
   *
   * @param unit A chunk of the list.
   */
  remove(unit: number): void {
    const before = this.previous(unit);
    const after = this.next(unit);
    this.link(before, after);
    if (this.rover === unit) this.rover = after;
    this.hint = before;
  }

  /**
   * Finds a chunk, in O(chunks).
   *
   * @param bytes Size of the chunk that has to fit in.
   * @param align Alignment of its payload.
   * @returns The chunk; 0 when there is none.
   */
  find(bytes: number, align: number): number {
    if (this.fit === "first") return this.first(this.head, 0, bytes, align);
    if (this.fit === "best") return this.best(bytes, align);
    if (this.fit === "worst") return this.worst(bytes, align);
    const { rover } = this;
    const found = this.first(rover, 0, bytes, align) ||
      (rover === this.head ? 0 : this.first(this.head, rover, bytes, align));
    if (found !== 0) this.moveOn(found, bytes, align);
    return found;
  }

  /** @returns The largest chunk, the first among equals, in O(chunks); 0 when there is none. */
  largest(): number {
    return this.worst(0, 1);
  }

  /** Removes all chunks. */
  clear(): void {
    this.head = 0;
    this.rover = 0;
    this.mark = 0;
    this.hint = 0;
  }

  /** The last chunk before a unit; 0 when there is none. */
  private predecessor(unit: number): number {
    let at = this.hint;
    while (at > unit) at = this.previous(at);
    let after = at === 0 ? this.head : this.next(at);
    while (after !== 0 && after < unit) {
      at = after;
      after = this.next(at);
    }
    return at;
  }

  /** Links one chunk to the one after it; 0 stands for the end on either side. */
  private link(before: number, after: number): void {
    if (before === 0) this.head = after;
    else this.chunks.setWord(before, NEXT, after);
    if (after !== 0) this.chunks.setWord(after, PREVIOUS, before);
  }

  /** The first chunk with room, from one chunk up to but not including another; 0 for none. */
  private first(from: number, until: number, bytes: number, align: number): number {
    let at = from;
    while (at !== until && !this.chunks.fits(at, bytes, align)) at = this.next(at);
    return at === until ? 0 : at;
  }

  /**
   * Moves the mark to where an allocation will end. The heap then removes the chunk that was found,
   * and inserts what is left of it, past the mark, as another.
   */
  private moveOn(found: number, bytes: number, align: number): void {
    const { chunks } = this;
    const end = chunks.gapOf(found, align) + bytes;
    const isSplit = chunks.sizeOf(found) - end >= this.minBytes;
    this.mark = isSplit ? found + (end >> UNIT_SHIFT) : chunks.next(found);
    this.rover = found;
  }

  private best(bytes: number, align: number): number {
    let best = 0;
    let least = Infinity;
    for (let at = this.head; at !== 0; at = this.next(at)) {
      const size = this.chunks.sizeOf(at);
      if (size < bytes || size >= least || !this.chunks.fits(at, bytes, align)) continue;
      if (size === bytes) return at; // none is smaller
      best = at;
      least = size;
    }
    return best;
  }

  private worst(bytes: number, align: number): number {
    let worst = 0;
    let most = 0;
    for (let at = this.head; at !== 0; at = this.next(at)) {
      const size = this.chunks.sizeOf(at);
      if (size <= most || !this.chunks.fits(at, bytes, align)) continue;
      worst = at;
      most = size;
    }
    return worst;
  }
}
