/**
 * A memory resource that keeps books of what it lent.
 *
 * @module
 */
import { assert } from "@std/assert";
import { type MemoryRegion, type MemoryResource, OutOfMemoryError } from "../../mod.ts";

/** Lends what another resource has, or the heap, counts it, checks every call, and refuses past a budget. */
export class Ledger implements MemoryResource {
  readonly #upstream: MemoryResource | undefined;
  readonly lent: Set<MemoryRegion> = new Set();
  readonly returned: Set<MemoryRegion> = new Set();
  /** Regions that are left to lend. */
  budget: number = Infinity;
  refusals: number = 0;

  constructor(upstream?: MemoryResource) {
    this.#upstream = upstream;
  }

  allocate(byteLength: number, align: number): MemoryRegion {
    assert(Number.isInteger(byteLength) && byteLength > 0, `asked for ${byteLength} bytes`);
    assert(Number.isInteger(Math.log2(align)), `asked for an alignment of ${align}`);
    if (this.budget === 0) {
      this.refusals++;
      throw new OutOfMemoryError("Cannot allocate: the budget is spent", byteLength);
    }
    this.budget--;
    const region = this.#upstream?.allocate(byteLength, align) ??
      { buffer: new ArrayBuffer(byteLength), byteOffset: 0, byteLength };
    this.lent.add(region);
    return region;
  }

  release(region: MemoryRegion): void {
    assert(!this.returned.has(region), "a region was released twice");
    assert(this.lent.delete(region), "something was released that was never lent");
    this.returned.add(region);
    if (this.#upstream !== undefined) this.#upstream.release(region);
    else (region.buffer as ArrayBuffer).transfer(0); // allocate() makes ArrayBuffers
  }

  get byteLength(): number {
    let sum = 0;
    for (const region of this.lent) sum += region.byteLength;
    return sum;
  }
}
