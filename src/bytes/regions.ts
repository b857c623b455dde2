/**
 * The regions that an allocator allocates as a memory resource.
 *
 * @module
 */
import type { Extent } from "./address_space.ts";
import type { MemoryRegion } from "../memory/resource.ts";

/** A region inside an extent. */
export class InnerRegion implements MemoryRegion {
  readonly byteOffset: number;
  readonly byteLength: number;
  /** Its address in the allocator. */
  readonly address: number;
  /** The first region of the extent, over the same buffer. */
  readonly #upstream: MemoryRegion;

  /**
   * @param extent The extent that it is in.
   * @param address Its address.
   * @param byteLength Its bytes.
   */
  constructor(extent: Extent, address: number, byteLength: number) {
    this.#upstream = extent.region!; // an extent with allocations is mapped
    this.address = address;
    this.byteOffset = this.#upstream.byteOffset + (address - extent.base);
    this.byteLength = byteLength;
  }

  /** The current buffer, which follows a wasm memory that grows. */
  get buffer(): ArrayBufferLike {
    return this.#upstream.buffer;
  }
}

/** A run of bytes in a block. */
interface Span {
  /** Bytes of the blocks before, plus the offset in its block, as in a mark of the arena. */
  readonly position: number;
  readonly block: Extent;
  /** Byte offset in the block. */
  readonly at: number;
  readonly byteLength: number;
}

/**
 * The regions of an arena, and the bytes of those that were released.
 *
 * An arena cannot free, so it allocates released bytes again, whole or in part. Otherwise a pool or
 * a heap that takes memory and releases it would fill its arena.
 */
export class ArenaRegions {
  /** The span of every region that was not released, even if a rewind has freed the region. */
  readonly #spanOf = new WeakMap<MemoryRegion, Span>();
  /** The spans that are allocated and those that are free, each in order of position. */
  readonly #allocated: Span[] = [];
  readonly #free: Span[] = [];

  /**
   * Adds a region that was allocated.
   *
   * @param region The region.
   * @param block The block that it is in.
   * @param at Its byte offset in the block.
   * @param position Its position in the arena.
   */
  add(region: MemoryRegion, block: Extent, at: number, position: number): void {
    const span = { position, block, at, byteLength: region.byteLength };
    this.#spanOf.set(region, span);
    this.#allocated.splice(indexIn(this.#allocated, position), 0, span);
  }

  /**
   * Releases a region. Its bytes can be allocated again, unless the arena was rewound to before it.
   *
   * @param region Anything.
   * @returns Whether it was a region of this arena that was not released before.
   */
  release(region: MemoryRegion): boolean {
    const span = this.#spanOf.get(region);
    if (span === undefined) return false;
    this.#spanOf.delete(region);
    const i = indexIn(this.#allocated, span.position);
    if (this.#allocated[i] !== span) return true; // a rewind removed it
    this.#allocated.splice(i, 1);
    const at = indexIn(this.#free, span.position);
    this.#free.splice(at, 0, span);
    this.#join(at);
    return true;
  }

  /**
   * Allocates released bytes, the first that have room.
   *
   * @param byteLength Bytes wanted.
   * @param align Power of two up to 4096 that their address is to be a multiple of.
   * @param from The least position that may be used.
   * @returns Where they are; `undefined` when there is no room.
   */
  reuse(
    byteLength: number,
    align: number,
    from: number,
  ): { readonly block: Extent; readonly at: number; readonly position: number } | undefined {
    // The span before may reach past the position, as spans that touch are joined.
    for (let i = Math.max(0, indexIn(this.#free, from) - 1); i < this.#free.length; i++) {
      const { block, at: start, byteLength: bytes, position } = this.#free[i];
      const at = block.alignUp(start + Math.max(0, from - position), align);
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
   * Removes all spans past a position, as a rewind frees what is there.
   *
   * @param to The position.
   */
  truncate(to: number): void {
    truncate(this.#allocated, to);
    truncate(this.#free, to);
    // The last free span may reach past the position, since adjacent spans were joined.
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

function truncate(spans: Span[], to: number): void {
  while (spans.length > 0 && spans[spans.length - 1].position >= to) spans.pop();
}

/** Index of the first span at a position or past it, by binary search. */
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
