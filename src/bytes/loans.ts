/**
 * What an arena lends as a memory resource, and what of that came back before the arena was rewound.
 *
 * An arena has no way to free, so a region that comes back is lent again, whole or in part: else a pool or a heap that takes
 * memory and gives it back would fill its arena. Spans are known by their position, as marks are: the bytes of the blocks
 * before, and the offset in their own. A rewind cuts them off there.
 *
 * @module
 */
import type { Extent } from "./address_space.ts";
import type { MemoryRegion } from "../memory/resource.ts";

/** A run of bytes in a block. */
interface Span {
  readonly position: number;
  readonly block: Extent;
  /** Byte offset in the block, and bytes. */
  readonly at: number;
  readonly byteLength: number;
}

/** The loans of an arena. */
export class Loans {
  /** Every region that was lent and not released; a loan of before a rewind has no span any more. */
  readonly #lent = new WeakMap<MemoryRegion, Span>();
  /** The spans that are lent, and those that came back, in order of position. */
  readonly #spans: Span[] = [];
  readonly #free: Span[] = [];

  /**
   * Notes a loan.
   *
   * @param region The region.
   * @param block The block that it is in.
   * @param at Its offset there.
   * @param position Its position.
   */
  lend(region: MemoryRegion, block: Extent, at: number, position: number): void {
    const span = { position, block, at, byteLength: region.byteLength };
    this.#lent.set(region, span);
    this.#spans.splice(indexIn(this.#spans, position), 0, span);
  }

  /**
   * Ends a loan.
   *
   * @param region Anything.
   * @returns Whether it was one. Its bytes can be lent again, unless the arena was rewound to before it.
   */
  release(region: MemoryRegion): boolean {
    const span = this.#lent.get(region);
    if (span === undefined) return false;
    this.#lent.delete(region);
    const i = indexIn(this.#spans, span.position);
    if (this.#spans[i] !== span) return true; // taken back by a rewind
    this.#spans.splice(i, 1);
    this.#free.splice(indexIn(this.#free, span.position), 0, span);
    this.#join(indexIn(this.#free, span.position));
    return true;
  }

  /**
   * Finds bytes that came back, the first with room.
   *
   * @param byteLength Bytes wanted.
   * @param align Power of two up to 4096 that their address is to be a multiple of.
   * @param from Position that they must not be before.
   * @returns Where; `undefined` where there is none.
   */
  take(
    byteLength: number,
    align: number,
    from: number,
  ): { readonly block: Extent; readonly at: number; readonly position: number } | undefined {
    for (let i = indexIn(this.#free, from); i < this.#free.length; i++) {
      const { block, at: start, byteLength: bytes, position } = this.#free[i];
      const at = block.alignUp(start, align);
      const rest = start + bytes - at - byteLength;
      if (rest < 0) continue;
      const left: Span[] = [];
      if (at > start) left.push({ position, block, at: start, byteLength: at - start });
      if (rest > 0) {
        const end = at + byteLength;
        left.push({ position: position + end - start, block, at: end, byteLength: rest });
      }
      this.#free.splice(i, 1, ...left);
      return { block, at, position: position + at - start };
    }
    return undefined;
  }

  /**
   * Forgets what lies past a position, as a rewind takes it back.
   *
   * @param to The position.
   */
  cut(to: number): void {
    cutSpans(this.#spans, to);
    cutSpans(this.#free, to);
    // A span that came back may reach past it, joined of several.
    const last = this.#free[this.#free.length - 1];
    if (last === undefined || last.position + last.byteLength <= to) return;
    this.#free[this.#free.length - 1] = { ...last, byteLength: to - last.position };
  }

  /** Joins a free span with those that it touches in its block. */
  #join(i: number): void {
    for (let at = i; at >= i - 1 && at >= 0; at--) {
      const [a, b] = [this.#free[at], this.#free[at + 1]];
      if (b === undefined || a.block !== b.block || a.at + a.byteLength !== b.at) continue;
      this.#free.splice(at, 2, { ...a, byteLength: a.byteLength + b.byteLength });
    }
  }
}

function cutSpans(spans: Span[], to: number): void {
  while (spans.length > 0 && spans[spans.length - 1].position >= to) spans.pop();
}

/** The first span from a position on. */
function indexIn(spans: readonly Span[], position: number): number {
  let low = 0;
  let high = spans.length;
  while (low < high) {
    const middle = low + high >> 1;
    if (spans[middle].position < position) low = middle + 1;
    else high = middle;
  }
  return low;
}
