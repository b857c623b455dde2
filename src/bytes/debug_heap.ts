/**
 * `DebugHeap`: a heap that records where each allocation was made, overwrites what is freed, and
 * makes views of it throw. It is a class of its own, so that a plain heap need not test for
 * debug mode.
 *
 * @module
 */
import { addressOf, payloadAt, unitOf } from "./chunks.ts";
import type { Origin } from "../slab/call_stack.ts";
import { type DebugMode, POISON } from "../slab/debug_mode.ts";
import type { AddressSpace } from "./address_space.ts";
import type { Fit } from "./free_list.ts";
import { Heap } from "./heap.ts";

/** A heap in debug mode. */
export class DebugHeap extends Heap {
  /** Where each live allocation was made, by address. */
  readonly #origins = new Map<number, Origin>();
  readonly #debug: DebugMode;

  /**
   * @param space See {@linkcode Heap}.
   * @param fit See {@linkcode Heap}.
   * @param isTree See {@linkcode Heap}.
   * @param debug Debug mode.
   */
  constructor(space: AddressSpace, fit: Fit, isTree: boolean, debug: DebugMode) {
    super(space, fit, isTree);
    this.#debug = debug;
  }

  override allocate(asked: number, align: number, bytes?: number): number {
    const unit = super.allocate(asked, align, bytes);
    if (unit !== 0) this.#origins.set(addressOf(unit), this.#debug.callOrigin());
    return unit;
  }

  override free(unit: number): void {
    this.#poison(unit, 0, this.chunks.askedOf(unit));
    this.#origins.delete(addressOf(unit));
    super.free(unit); // after that, as it writes the links of the index there
  }

  override resize(unit: number, asked: number, align: number): boolean {
    const before = this.chunks.askedOf(unit);
    // A chunk that shrinks always has room, so the call below does not fail then.
    if (asked < before) this.#poison(unit, asked, before);
    return super.resize(unit, asked, align);
  }

  override reset(): void {
    for (const address of this.#origins.keys()) {
      const unit = unitOf(address);
      this.#poison(unit, 0, this.chunks.askedOf(unit));
    }
    this.#origins.clear();
    super.reset();
  }

  override checkLeaks(name: string): void {
    this.#debug.throwLeaks(this.space.label, name, this.#origins);
  }

  /** Overwrites bytes of a payload and starts a new epoch for them. */
  #poison(unit: number, from: number, to: number): void {
    const extent = this.chunks.extentOf(unit);
    const at = payloadAt(extent, unit);
    extent.u8.fill(POISON, at + from, at + to);
    extent.endEpoch(at + from, at + to);
  }
}
