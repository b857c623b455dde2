/**
 * Debug mode of a heap: it remembers where each allocation was made, overwrites what was freed, and makes its views throw.
 *
 * It is a class of its own, so that a heap without debug mode has not a single test for it.
 *
 * @module
 */
import { UNIT_SHIFT } from "./address_space.ts";
import { addressOf, HEADER_BYTES } from "./chunks.ts";
import { callOrigin, type Origin } from "../slab/call_stack.ts";
import { POISON, throwLeaks } from "../slab/debug.ts";
import { Heap } from "./heap.ts";

/** A heap in debug mode. */
export class DebugHeap extends Heap {
  /** Where each live allocation was made, by address. */
  readonly #origins = new Map<number, Origin>();

  override take(asked: number, align: number, bytes?: number): number {
    const unit = super.take(asked, align, bytes);
    if (unit !== 0) this.#origins.set(addressOf(unit), callOrigin());
    return unit;
  }

  override give(unit: number): void {
    this.#end(unit, 0, this.chunks.askedOf(unit));
    this.#origins.delete(addressOf(unit));
    super.give(unit); // writes its links over that
  }

  override resize(unit: number, asked: number, align: number): boolean {
    const before = this.chunks.askedOf(unit);
    // What it shrinks by has room for what comes there, so that never fails.
    if (asked < before) this.#end(unit, asked, before);
    return super.resize(unit, asked, align);
  }

  override reset(): void {
    for (const address of this.#origins.keys()) {
      const unit = (address - HEADER_BYTES) / 8;
      this.#end(unit, 0, this.chunks.askedOf(unit));
    }
    this.#origins.clear();
    super.reset();
  }

  override close(name: string): void {
    throwLeaks(this.space.label, name, this.#origins);
  }

  /** Ends the life of some bytes of a payload. */
  #end(unit: number, from: number, to: number): void {
    const extent = this.chunks.extentOf(unit);
    const at = (unit - extent.firstUnit << UNIT_SHIFT) + HEADER_BYTES;
    extent.u8.fill(POISON, at + from, at + to);
    extent.endLives(at + from, at + to);
  }
}
