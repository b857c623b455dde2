/**
 * What the main thread and its workers share in the tests of `SharedPool`: the records, and the
 * words by which they meet.
 *
 * @module
 */
import type { SharedPool } from "../../mod.ts";

/**
 * A record: the worker that holds it, how often it was written, and a seal over both and the
 * handle.
 */
export const Cell = { owner: "u32", counter: "u32", seal: "u32" } as const;
/** A part in a pool of them. */
export type CellPool = SharedPool<typeof Cell>;

/** Computes the seal of a record. */
export function sealOf(owner: number, counter: number, handle: number): number {
  const mixed = Math.imul(owner, 0x9e3779b1) ^ Math.imul(counter + 1, 0x85ebca77) ^
    handle % 2 ** 31;
  return Math.imul(mixed ^ mixed >>> 15, 0x2c1b3c6d) >>> 0;
}

/**
 * Web Locks: one that a worker holds is free when the worker has stopped. Deno has them, its types
 * do not.
 */
export const locks: { request(name: string, fn: () => unknown): Promise<unknown> } | undefined =
  (navigator as { locks?: never }).locks;

/** Words of the control memory. From `paces` on there is one for each worker. */
export const CONTROL = {
  arrived: 0,
  turn: 1,
  failed: 2,
  stop: 3,
  head: 4,
  tail: 5,
  beat: 6,
  paces: 8,
} as const;

/** Passes handles from thread to thread. A slot is empty, busy or full: 0, 1 or 2. */
export class Slots {
  readonly #states: Int32Array;
  readonly #handles: Float64Array;

  /** @param buffer 12 bytes for each slot. */
  constructor(buffer: SharedArrayBuffer) {
    const count = buffer.byteLength / 12;
    this.#handles = new Float64Array(buffer, 0, count);
    this.#states = new Int32Array(buffer, 8 * count, count);
  }

  get count(): number {
    return this.#states.length;
  }

  /** Puts a handle into a slot; returns whether that was empty. */
  put(slot: number, handle: number): boolean {
    if (Atomics.compareExchange(this.#states, slot, 0, 1) !== 0) return false;
    this.#handles[slot] = handle;
    Atomics.store(this.#states, slot, 2);
    return true;
  }

  /** Takes the handle out of a slot; returns 0 when that was empty. */
  take(slot: number): number {
    if (Atomics.compareExchange(this.#states, slot, 2, 1) !== 2) return 0;
    const handle = this.#handles[slot];
    Atomics.store(this.#states, slot, 0);
    return handle;
  }
}
