/**
 * The model that a pool is compared with: a `Map` from each live handle to what its record holds, and
 * the set of all handles that are stale.
 *
 * @module
 */
import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import {
  type AnyHandle,
  type AnyStruct,
  type Pool,
  StaleHandleError,
  validate,
} from "../../mod.ts";
import { slabs } from "../../src/_slab.ts";
import { forge } from "../_support.ts";
import type { Ledger } from "./_ledger.ts";

/** A pool of records of any struct. */
export type AnyPool = Pool<AnyStruct>;

/** A record as a plain value. */
export type Plain = Record<string, unknown>;

/** Chunks that a pool under test may have, so few that it is often exhausted. */
export const MAX_CHUNKS = 64;

/** What is expected of a pool. */
export class Model {
  /** What each live record holds. */
  readonly live: Map<number, Plain> = new Map();
  /** Every handle whose record was freed. */
  readonly stale: Set<number> = new Set();
  readonly zero: Plain;
  readonly ledger: Ledger;
  readonly isWide: boolean;
  readonly indexOf: (handle: number) => number;
  allocs: number = 0;
  peak: number = 0;
  /** Rotates through the stale handles, since throwing for each of them would take long. */
  turn: number = 0;

  constructor(pool: AnyPool, ledger: Ledger, isWide: boolean) {
    const codec = slabs.get(pool)![0].codec; // every pool has a slab
    this.indexOf = (handle) => codec.index(handle);
    this.ledger = ledger;
    this.isWide = isWide;
    const handle = pool.alloc();
    this.zero = pool.get(handle).toJSON();
    this.allocs++;
    this.peak = 1;
    pool.free(handle);
    this.stale.add(handle);
  }

  /** The live handles in block and chunk order. */
  ordered(): number[] {
    return [...this.live.keys()].sort((a, b) => this.indexOf(a) - this.indexOf(b));
  }

  /** Some live handle, chosen by any number. */
  pick(nat: number): AnyHandle {
    return forge([...this.live.keys()][nat % this.live.size]);
  }

  added(handle: number, init: Plain = {}): void {
    assertNotEquals(handle, 0);
    assert(!this.live.has(handle), `handle ${handle} was given out while it was live`);
    assert(!this.stale.has(handle), `handle ${handle} was given out a second time`);
    this.live.set(handle, { ...this.zero, ...init });
    this.allocs++;
    this.peak = Math.max(this.peak, this.live.size);
  }

  freed(handle: number): void {
    assert(this.live.delete(handle), `record ${handle} was freed and not live`);
    this.stale.add(handle);
  }

  /** Drops what a predicate is true for. */
  freedWhere(isFreed: (handle: number) => boolean): void {
    for (const handle of [...this.live.keys()]) if (isFreed(handle)) this.freed(handle);
  }

  compare(pool: AnyPool): void {
    validate(pool);
    this.#compareFigures(pool);
    const ordered = this.ordered();
    assertEquals<number[]>([...pool.handles()], ordered);
    for (const [handle, record] of this.live) {
      assertSame(pool.get(forge(handle)).toJSON(), record, handle);
    }
    this.#compareStale(pool);
  }

  #compareFigures(pool: AnyPool): void {
    const { size, capacity, byteLength } = pool;
    assertEquals(size, this.live.size);
    assertEquals(byteLength, this.ledger.byteLength);
    assertEquals(byteLength, capacity * pool.struct.size);
    assert(size <= capacity && capacity <= MAX_CHUNKS);
    const { allocs, frees, peakSize } = pool.stats();
    assertEquals([allocs, frees, peakSize], [this.allocs, this.allocs - size, this.peak]);
    const chunkCount = pool.blocks[0]?.chunkCount ?? 1;
    for (const block of pool.blocks) {
      const here = [...this.live.keys()].filter((handle) =>
        Math.floor(this.indexOf(handle) / chunkCount) === block.index
      );
      assertEquals(block.live, here.length);
      assertEquals(block.bytes.length, chunkCount * pool.struct.size);
    }
  }

  #compareStale(pool: AnyPool): void {
    for (const stale of this.stale) {
      const handle = forge(stale);
      const accepted = pool.has(handle) || pool.tryGet(handle) !== undefined ||
        pool.tryFree(handle);
      assert(!accepted, `stale handle ${stale} was accepted`);
    }
    const stale = forge([...this.stale][this.turn++ % this.stale.size]);
    assertThrows(() => pool.free(stale), StaleHandleError);
    assertThrows(() => pool.get(stale), StaleHandleError);
    assertEquals(pool.size, this.live.size);
  }
}

/** Compares two plain records, quickly while they are the same. */
export function assertSame(actual: unknown, expected: Plain, handle: number): void {
  if (JSON.stringify(actual) === JSON.stringify(expected)) return;
  assertEquals(actual, expected, `record ${handle}`);
}
