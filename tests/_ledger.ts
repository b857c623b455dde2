/**
 * A memory resource that records which regions it has given out, for tests.
 *
 * @module
 */
import { assert } from "@std/assert";
import { heapMemory, type MemoryRegion, type MemoryResource, OutOfMemoryError } from "../mod.ts";

/**
 * Gives out regions of another resource or of the heap, checks every call, and throws once its
 * budget is used up.
 */
export class Ledger implements MemoryResource {
  readonly #upstream: MemoryResource;
  readonly lent: Set<MemoryRegion> = new Set();
  readonly returned: Set<MemoryRegion> = new Set();
  /** Regions that may still be given out. */
  budget: number = Infinity;
  refusals: number = 0;

  constructor(upstream: MemoryResource = heapMemory) {
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
    const region = this.#upstream.allocate(byteLength, align);
    this.lent.add(region);
    return region;
  }

  release(region: MemoryRegion): void {
    assert(!this.returned.has(region), "a region was released twice");
    assert(this.lent.delete(region), "something was released that was never lent");
    this.returned.add(region);
    this.#upstream.release(region);
  }

  get byteLength(): number {
    return [...this.lent].reduce((sum, region) => sum + region.byteLength, 0);
  }
}
