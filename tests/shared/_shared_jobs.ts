/**
 * What the main thread and its workers agree on in the tests of `SharedPool`.
 *
 * @module
 */
import type { SharedPool, SharedPoolToken } from "../../mod.ts";

/** A record: who holds it, how often it was written, and a seal over both and the handle. */
export const Cell = { owner: "u32", counter: "u32", seal: "u32" } as const;
/** A part in a pool of them. */
export type CellPool = SharedPool<typeof Cell>;

/** The seal of a record. */
export function sealOf(owner: number, counter: number, handle: number): number {
  const mixed = Math.imul(owner, 0x9e3779b1) ^ Math.imul(counter + 1, 0x85ebca77) ^
    handle % 2 ** 31;
  return Math.imul(mixed ^ mixed >>> 15, 0x2c1b3c6d) >>> 0;
}

/** What there is of Web Locks here, and used. */
interface Locks {
  request(name: string, fn: () => unknown): Promise<unknown>;
}

/**
 * Web Locks: one that a worker holds is free when the worker is no more. Deno has them, its types
 * do not.
 */
export const locks: Locks | undefined = (navigator as { locks?: Locks }).locks;

/** Words of the memory that workers meet in; from `paces` on one for each worker. */
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

/** Hands handles from thread to thread: a slot is empty, full, or somebody is at it. */
export class Slots {
  readonly #states: Int32Array;
  readonly #handles: Float64Array;

  /** @param buffer 12 bytes a slot. */
  constructor(buffer: SharedArrayBuffer) {
    const count = buffer.byteLength / 12;
    this.#handles = new Float64Array(buffer, 0, count);
    this.#states = new Int32Array(buffer, 8 * count, count);
  }

  get count(): number {
    return this.#states.length;
  }

  /** @returns Whether the slot was empty, and now has it. */
  put(slot: number, handle: number): boolean {
    if (Atomics.compareExchange(this.#states, slot, 0, 1) !== 0) return false;
    this.#handles[slot] = handle;
    Atomics.store(this.#states, slot, 2);
    return true;
  }

  /** @returns What was in the slot; 0 when it was empty. */
  take(slot: number): number {
    if (Atomics.compareExchange(this.#states, slot, 2, 1) !== 2) return 0;
    const handle = this.#handles[slot];
    Atomics.store(this.#states, slot, 0);
    return handle;
  }
}

/** What all jobs are told. */
export interface Common {
  readonly token: SharedPoolToken;
  readonly control: SharedArrayBuffer;
  /** Number of the worker, from 1, and how many there are. */
  readonly id: number;
  readonly of: number;
}

/** Random operations on records of one's own and of others. */
export interface Churn extends Common {
  readonly job: "churn";
  readonly slots: SharedArrayBuffer;
  /** Who holds each chunk, 0 for none. */
  readonly holders: SharedArrayBuffer;
  readonly seed: number;
  /** Operations; without an end where it is `Infinity`, until it is told to stop. */
  readonly operations: number;
  /** Records that it holds at the most. */
  readonly most: number;
  /** Whether a handle never comes round again, so that what was freed is refused for ever. */
  readonly isWide: boolean;
}

/** What came of it. */
export interface Churned {
  readonly operations: number;
  readonly allocs: number;
  readonly frees: number;
  /** Frees of records that another worker had allocated, or had held last. */
  readonly taken: number;
  /** Times when there was no chunk. */
  readonly full: number;
  /** Own records seen in passes. */
  readonly visited: number;
  /** What it still holds. */
  readonly live: number[];
}

/** Allocates, and hands over; or takes over, and frees. */
export interface Convey extends Common {
  readonly job: "produce" | "consume";
  /** Handles on their way, a ring. */
  readonly ring: SharedArrayBuffer;
  readonly count: number;
}

/** Frees what another worker frees at the same time. */
export interface FreeSame extends Common {
  readonly job: "freeSame";
  /** Handles, in batches that the workers begin together; within one they keep pace. */
  readonly handles: SharedArrayBuffer;
  readonly batch: number;
  /** Whether each of the workers frees every second one instead, and its chunk retires. */
  readonly isSplit: boolean;
  /** How often each was freed. */
  readonly wins: SharedArrayBuffer;
  /** Worker that allocates them; 0 where the main thread has done so. */
  readonly allocator: number;
}

/**
 * Joins many pools, one after the other at the same moment as the other workers, and fills a part
 * of each.
 */
export interface Rush extends Common {
  readonly job: "rush";
  readonly tokens: readonly SharedPoolToken[];
  /** Who holds each chunk of all of them. */
  readonly holders: SharedArrayBuffer;
  /** Records that each worker takes of each. */
  readonly count: number;
}

/** Visits a stripe. */
export interface Visit extends Common {
  readonly job: "visit";
  /** How often each chunk was visited. */
  readonly visits: SharedArrayBuffer;
}

/** Takes and frees records until it is terminated. */
export interface Die extends Common {
  readonly job: "die";
  /** Parks for good in the middle of its work, or goes on with it. */
  readonly how: "park" | "go on" | "close";
  /** Lock that it holds as long as it lives. */
  readonly lock: string;
}

/** Everything a worker can be told. */
export type Job = Churn | Convey | FreeSame | Rush | Visit | Die;
