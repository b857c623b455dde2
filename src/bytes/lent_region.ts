/**
 * A region inside an allocator's own memory, as it lends it where it is a memory resource itself.
 *
 * @module
 */
import type { Extent } from "./address_space.ts";
import type { MemoryRegion } from "../memory/resource.ts";

/** A region inside an extent. */
export class LentRegion implements MemoryRegion {
  readonly byteOffset: number;
  readonly byteLength: number;
  /** Its address in the allocator that lent it. */
  readonly address: number;
  /** The region that it is in. */
  readonly #upstream: MemoryRegion;

  /**
   * @param extent What it is in.
   * @param address Its address.
   * @param byteLength Its bytes.
   */
  constructor(extent: Extent, address: number, byteLength: number) {
    this.#upstream = extent.region!; // memory that is given out is there
    this.address = address;
    this.byteOffset = this.#upstream.byteOffset + (address - extent.base);
    this.byteLength = byteLength;
  }

  /** The buffer as it is now: where the region's own follows a memory that grows, so does this. */
  get buffer(): ArrayBufferLike {
    return this.#upstream.buffer;
  }
}
