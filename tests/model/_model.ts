/**
 * The model that a pool is compared with: a `Map` from each live handle to what its record is and holds, and
 * the set of all handles that are stale.
 *
 * @module
 */
import {
  assert,
  assertEquals,
  assertNotEquals,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import type fc from "fast-check";
import {
  type AnyHandle,
  type AnyStruct,
  ErasedPool,
  type PoolSet,
  StaleHandleError,
  validate,
} from "../../mod.ts";
import { slabs } from "../../src/slab/slab.ts";
import { forge } from "../_support.ts";
import type { Ledger } from "../_ledger.ts";

/**
 * A pool of records of any struct, which is named in each call. A `PoolSet` is one, an `ErasedPool` but for
 * `reserve`, and a `Pool` in disguise.
 */
export type AnyPool = Pick<
  ErasedPool,
  Exclude<keyof ErasedPool & keyof PoolSet, "bytes" | "reserve" | "rebind" | "maxChunks" | "name">
>;

/** A record as a plain value. */
export type Plain = Record<string, unknown>;

/** A struct, and what its records can hold. */
export interface Subject {
  readonly struct: AnyStruct;
  readonly record: fc.Arbitrary<Plain>;
}

/** Chunks that a pool under test may have in each size class, so few that it is often exhausted. */
export const MAX_CHUNKS = 64;

/** What a pool under test is. */
export interface Shape {
  readonly subjects: readonly Subject[];
  /** Bytes and alignment of a chunk of each size class, ascending. */
  readonly classes: readonly { readonly size: number; readonly align: number }[];
  readonly chunksPerBlock: number;
  readonly isWide: boolean;
  /** Whether the pool knows what each record is. */
  readonly isKnowing: boolean;
}

/** What a live record is, and what it holds. */
interface Held {
  readonly struct: AnyStruct;
  readonly record: Plain;
}

/** What is expected of a pool. */
export class Model {
  readonly live: Map<number, Held> = new Map();
  /** Every handle whose record was freed. */
  readonly stale: Set<number> = new Set();
  readonly shape: Shape;
  readonly ledger: Ledger;
  readonly #zeros = new Map<AnyStruct, Plain>();
  readonly #placeOf: (handle: number) => readonly [part: number, index: number];
  allocs: number = 0;
  /** The most records that were live at once in each class. */
  readonly #peaks: number[];
  /** Rotates through the stale handles, since throwing for each of them would take long. */
  turn: number = 0;

  constructor(pool: AnyPool, shape: Shape, ledger: Ledger) {
    const codec = slabs.get(pool)![0].codec; // every pool has a slab
    this.#placeOf = (handle) => [codec.partOf(handle), codec.index(handle)];
    this.shape = shape;
    this.ledger = ledger;
    this.#peaks = shape.classes.map(() => 0);
    for (const { struct } of shape.subjects) {
      const handle = pool.alloc(struct);
      this.#zeros.set(struct, pool.get(struct, handle).toJSON());
      this.added(handle, struct);
      pool.free(handle);
      this.freed(handle);
    }
  }

  /** A record of a struct that nothing was written to. */
  zeroOf(struct: AnyStruct): Plain {
    return this.#zeros.get(struct)!; // it is one of the subjects
  }

  /** The place of a handle's chunk among all that the pool may have. */
  indexOf(handle: number): number {
    const [part, index] = this.#placeOf(handle);
    return part * MAX_CHUNKS + index;
  }

  /** What the block of a handle is called. */
  blockOf(handle: number): number {
    const [part, index] = this.#placeOf(handle);
    // Blocks of 16 chunks, the least, would fill each class's share of the numbers.
    return part * (MAX_CHUNKS / 16) + Math.floor(index / this.shape.chunksPerBlock);
  }

  /** The size class that a struct's records go to. */
  classOf(struct: AnyStruct): number {
    return this.shape.classes.findIndex((it) => struct.size <= it.size && struct.align <= it.align);
  }

  /** How many records are live in the class of a struct. */
  sizeOf(struct: AnyStruct): number {
    const of = this.classOf(struct);
    let size = 0;
    for (const held of this.live.values()) if (this.classOf(held.struct) === of) size++;
    return size;
  }

  isFull(struct: AnyStruct): boolean {
    return this.sizeOf(struct) === MAX_CHUNKS;
  }

  /** The live handles in block and chunk order; of one struct alone, where the pool knows. */
  ordered(struct?: AnyStruct): number[] {
    const counts = (held: Held) =>
      struct === undefined || !this.shape.isKnowing || held.struct === struct;
    return [...this.live].filter(([, held]) => counts(held)).map(([handle]) => handle)
      .sort((a, b) => this.indexOf(a) - this.indexOf(b));
  }

  /** Some live handle, chosen by any number. */
  pick(nat: number): AnyHandle {
    return forge([...this.live.keys()][nat % this.live.size]);
  }

  added(handle: number, struct: AnyStruct, init: Plain = {}): void {
    assertNotEquals(handle, 0);
    assert(!this.live.has(handle), `handle ${handle} was given out while it was live`);
    assert(!this.stale.has(handle), `handle ${handle} was given out a second time`);
    this.live.set(handle, { struct, record: { ...this.zeroOf(struct), ...init } });
    this.allocs++;
    const of = this.classOf(struct);
    this.#peaks[of] = Math.max(this.#peaks[of], this.sizeOf(struct));
  }

  wrote(handle: number, part: Plain): void {
    const { struct, record } = this.live.get(handle)!; // it is live
    this.live.set(handle, { struct, record: { ...record, ...part } });
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
    assertEquals<number[]>([...pool.handles()], this.ordered());
    for (const [handle, { struct, record }] of this.live) {
      assertSame(pool.get(struct, forge(handle)).toJSON(), record, handle);
      if (this.shape.isKnowing) assertStrictEquals(pool.typeOf(forge(handle)), struct);
    }
    this.#compareStale(pool);
  }

  #compareFigures(pool: AnyPool): void {
    const { size, capacity, byteLength, blocks } = pool;
    assertEquals(size, this.live.size);
    assertEquals(byteLength, this.ledger.byteLength);
    assert(size <= capacity && capacity <= MAX_CHUNKS * this.shape.classes.length);
    const { allocs, frees, peakSize } = pool.stats();
    const peak = this.#peaks.reduce((sum, it) => sum + it);
    assertEquals([allocs, frees, peakSize], [this.allocs, this.allocs - size, peak]);
    const { chunksPerBlock, classes } = this.shape;
    let bytes = 0;
    for (const block of blocks) {
      const here = [...this.live.keys()].filter((handle) => this.blockOf(handle) === block.index);
      assertEquals([block.live, block.chunkCount], [here.length, chunksPerBlock]);
      const of = Math.floor(block.index / (MAX_CHUNKS / 16));
      assertEquals(block.bytes.length, chunksPerBlock * classes[of].size);
      bytes += block.bytes.length;
    }
    assertEquals([bytes, blocks.length * chunksPerBlock], [byteLength, capacity]);
  }

  #compareStale(pool: AnyPool): void {
    const { struct } = this.shape.subjects[0];
    for (const stale of this.stale) {
      const handle = forge(stale);
      const accepted = pool.has(handle) || pool.tryGet(struct, handle) !== undefined ||
        pool.tryFree(handle);
      assert(!accepted, `stale handle ${stale} was accepted`);
    }
    const stale = forge([...this.stale][this.turn++ % this.stale.size]);
    assertThrows(() => pool.free(stale), StaleHandleError);
    assertThrows(() => pool.get(struct, stale), StaleHandleError);
    assertEquals(pool.size, this.live.size);
  }
}

/** Makes room in the class of a struct; in a pool of one class that is the whole pool. */
export function reserveIn(pool: AnyPool, struct: AnyStruct, chunks: number): void {
  if (pool instanceof ErasedPool) pool.reserve(chunks);
  else (pool as PoolSet).reserve(struct, chunks); // a set has it, and a disguise does as well
}

/** Compares two plain records, quickly while they are the same. */
export function assertSame(actual: unknown, expected: Plain, handle: number): void {
  if (JSON.stringify(actual) === JSON.stringify(expected)) return;
  assertEquals(actual, expected, `record ${handle}`);
}
