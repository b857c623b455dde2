/**
 * `compact()`: where records move to, its errors, and what its callback and memory resources may
 * do.
 *
 * That as few records move as can, that links follow them, and that no block is left over is
 * checked in random states by the model tests.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  compact,
  countingMemory,
  debug as debugMode,
  DisposedError,
  ErasedPool,
  heapMemory,
  LeakError,
  Pool,
  ref,
  spread,
  StaleHandleError,
  struct,
  validate,
} from "../../mod.ts";
import type { AnyHandle, AnyStruct, MemoryResource, PoolBase, PoolOptions } from "../../mod.ts";
import { slabs } from "../../src/slab/slab.ts"; // to locate chunks, and to wear out generations
import { drop, fillKind, type OfKind, POOL_KINDS } from "../_kinds.ts";
import { reserveIn, testKinds } from "../_kinds.ts";
import { assertError, counters, forge, Num, untyped } from "../_support.ts";

const SIXTEENS: PoolOptions = { chunksPerBlock: 16, maxChunks: 256 };

function each(claim: string, test: (make: (options?: PoolOptions) => OfKind) => void): void {
  testKinds(claim, Num, SIXTEENS, test);
}

/** Block and chunk of a live record. */
function chunkOf(pool: object, handle: number): [block: number, chunk: number] {
  const slab = slabs.get(pool)!.at(-1)!; // every pool has a slab
  const index = slab.codec.index(handle);
  return [Math.floor(index / 16), index % 16];
}

function numberIn({ pool, of }: OfKind, handle: number): number {
  return pool.get<{ n: number }>(...of, handle).n;
}

/**
 * Fills blocks, frees all but so many records of each, spread evenly, and returns the handles of
 * those.
 */
function thinned(it: OfKind, keeps: readonly number[]): AnyHandle[] {
  return fillKind(it, keeps.length * 16).filter((handle, i) => {
    const keep = keeps[Math.floor(i / 16)];
    const isKept = Math.floor((i % 16 + 1) * keep / 16) > Math.floor(i % 16 * keep / 16);
    if (!isKept) it.pool.free(handle);
    return isKept;
  });
}

/** Compacts, and returns what it returned and passed to its callback. */
function compacted(pool: PoolBase<unknown, number>) {
  const moves: [from: number, to: number][] = [];
  const bytes = compact(pool, (from, to) => void moves.push([from, to]));
  validate(pool);
  for (const { blockSet } of slabs.get(pool)!) assertEquals(blockSet.reserved, 0); // it has slabs
  return { moves, bytes };
}

// -- what moves, and where to --

each("compact() fills the densest blocks from the lowest chunk", (make) => {
  const memory = countingMemory();
  const it = make({ memory, keepEmptyBlocks: 9 });
  const { pool } = it;
  const kept = thinned(it, [3, 15, 2, 11, 1]); // 32 records: 2 blocks
  reserveIn(it, 80); // which compact() sets back
  const before = kept.map((handle) => chunkOf(pool, handle)[0]);
  const { allocations } = memory;
  const { moves, bytes } = compacted(pool);
  assertEquals(pool.blocks.map(({ index, live }) => [index % 16, live]), [[1, 16], [3, 16]]);
  assertEquals([bytes, memory.usedBytes, memory.allocations], [192, 128, allocations]);
  assertEquals(moves.map(([from]) => from), kept.filter((_, i) => ![1, 3].includes(before[i])));
  const chunks = moves.map(([, to]) => chunkOf(pool, to));
  assertEquals(chunks.map(([block]) => block), [1, 3, 3, 3, 3, 3]);
  assertEquals(chunks[0], [1, 0]);
  assertEquals(chunks.slice(1), chunks.slice(1).sort(([, a], [, b]) => a - b));
  drop(pool);
});

each("compact() keeps the lowest of equal blocks, which is filled first", (make) => {
  const it = make({ reuse: "recent" });
  thinned(it, [2, 2, 2, 2, 2]);
  assertEquals(compact(it.pool), 4 * 64); // also without a callback
  validate(it.pool);
  for (const handle of it.pool.allocMany(...it.of, 6)) assertEquals(numberIn(it, handle), 0);
  assertEquals(it.pool.blocks.map(({ index, live }) => [index % 16, live]), [[0, 16]]);
  drop(it.pool);
});

// -- links --

const Leaf = struct({ n: "u32" }, { name: "Leaf" });
const Link = struct({ n: "u32", next: ref("self") }, { name: "Link" });

Deno.test("compact() of a pool without types throws TypeError where a struct has other data in place of a link", () => {
  const others = [{ a: "u8" }, { a: "u32" }, { a: "ref" }, { a: ref(Leaf) }] as const;
  for (const fields of others) {
    const pool = new ErasedPool({ size: 8, ...SIXTEENS, name: "cells" });
    pool.freeMany(pool.allocMany(Link, 17).slice(1, 16));
    pool.cursor<AnyStruct>(struct({ n: "u32", ...fields }, { name: "Bad" })); // makes it known
    assertError(
      pool,
      () => compact(pool),
      TypeError,
      'Cannot compact ErasedPool "cells": it was created without types, so it cannot tell a link of struct "Link" at byte 4 from what struct "Bad" has there',
    );
  }
});

Deno.test("compact() throws RangeError where a link would have to hold a wide handle of 2^32 or more", () => {
  const pool = new Pool(Link, { ...SIXTEENS, handles: "wide", name: "links" });
  const handles = pool.allocMany(17);
  pool.freeMany(handles.slice(1, 16));
  const [slab] = slabs.get(pool)!; // every pool has a slab
  slab.blocks[0].stamps[1] = 2 ** 25; // generation 2^24, of 8 index bits
  const [first, last] = [handles[0], handles[16]];
  pool.set(first, { next: last });
  const to = 2 ** 32 + 1;
  assertError(
    pool,
    () => compact(pool),
    RangeError,
    `Cannot compact Pool "links": a ref holds a handle below 2^32, and handle ${last}, which one holds, would become ${to}; ` +
      "a wide handle fits in an f64",
  );
  pool.set(first, { next: null });
  assertEquals(compacted(pool).moves, [[last, to]]);
});

// -- generations --

Deno.test("compact() gives a chunk its last generation, and wraps that of a compact handle", () => {
  for (const handles of ["wide", "compact"] as const) {
    const pool = counters({ chunksPerBlock: 16, maxChunks: 64, handles });
    const all = pool.allocMany(17);
    pool.freeMany(all.slice(1, 16));
    const [slab] = slabs.get(pool)!; // every pool has a slab
    const last = slab.codec.maxGeneration * 2 + 1;
    slab.blocks[0].stamps[1] = last - 1;
    slab.blocks[1].stamps[0] = last;
    const [[, to]] = compacted(pool).moves;
    assertEquals([chunkOf(pool, to), slab.blocks[0].stamps[1]], [[0, 1], last]);
    assertEquals(slab.blocks[1].stamps[0], handles === "wide" ? 0 : 2);
    pool.free(forge(to));
    assertEquals(pool.stats().retired, handles === "wide" ? 2 : 0);
    validate(pool);
  }
});

Deno.test("compact() keeps the order in which chunks come again where reuse is spread", () => {
  for (const debug of [false, debugMode] as const) {
    const pool = counters({ chunksPerBlock: 16, maxChunks: 64, reuse: spread, debug });
    const at = (handle: number) => slabs.get(pool)![0].codec.index(handle);
    const handles = pool.allocMany(64).sort((a, b) => at(a) - at(b));
    const order = [20, 3, 40, 9, 50, 5, 33, 12, 60, 7];
    for (const i of order) pool.free(handles[i]);
    // All of block 2 but two records, and all of block 3.
    const rest = handles.filter((_, i) => i >= 32 && i !== 34 && i !== 35 && !order.includes(i));
    const restAt = rest.map(at); // in debug mode a handle has an index only while it is live
    pool.freeMany(rest);
    assertEquals(pool.blocks.length, 4); // the freed chunks rest
    compacted(pool);
    assertEquals(pool.blocks.map(({ index, live }) => [index, live]), [[0, 13], [1, 15]]);
    // The lowest two, 3 and 5, were taken. The chunks that the records left come last.
    const expected = [...order.filter((i) => i !== 3 && i !== 5), ...restAt, 34, 35];
    assertEquals(pool.allocMany(expected.length).map(at), expected);
    validate(pool);
    drop(pool);
  }
});

// -- the callback and the resource --

each("compact() calls back when all is done, then throws the first error", (make) => {
  for (const isFailing of [false, true]) {
    let releases = -Infinity;
    const release: MemoryResource["release"] = (region) => {
      heapMemory.release(region);
      if (++releases === 1 && isFailing) throw new RangeError("the resource");
    };
    const it = make({ memory: { allocate: heapMemory.allocate, release } });
    const { pool } = it;
    const kept = thinned(it, [8, 4, 3]);
    const moved: number[] = [];
    releases = 0;
    const call = () =>
      compact(pool, (from, to) => {
        moved.push(from);
        validate(pool);
        assertEquals([pool.blocks.length, pool.has(from), pool.has(to)], [1, false, true]);
        if (moved.length === 2) throw undefined; // it is an error as well
        if (moved.length > 2) throw new RangeError("a later one");
      });
    let thrown: unknown = new Error("nothing");
    try {
      call();
    } catch (error) {
      thrown = error;
    }
    assertEquals((thrown as Error | undefined)?.message, isFailing ? "the resource" : undefined);
    assertEquals([moved, releases, pool.size], [kept.slice(8), 2, 15]);
    validate(pool);
    drop(pool);
  }
});

each("the callback of compact() may alloc, free, compact, clear and dispose", (make) => {
  const CALLS: Record<string, [size: number, call: (it: OfKind, to: AnyHandle) => void]> = {
    alloc: [20, ({ pool, of }) => void pool.alloc(...of, { n: 9 })],
    free: [6, ({ pool }, to) => pool.free(to)],
    compact: [13, ({ pool }) => void compact(pool, () => assert(false))],
    clear: [0, ({ pool }) => pool.clear()],
    dispose: [0, (it) => it.pool.size > 0 && drop(it.pool)],
  };
  for (const [name, [size, call]] of Object.entries(CALLS)) {
    const it = make();
    thinned(it, [6, 4, 3]);
    let calls = 0;
    compact(it.pool, (_from, to) => {
      calls++;
      call(it, to);
      if (name !== "dispose") validate(it.pool);
    });
    assertEquals([calls, it.pool.size], [7, size], name);
    if (name === "dispose") assertThrows(() => compact(it.pool), DisposedError);
    else drop(it.pool);
  }
});

Deno.test("compact() throws TypeError on a callback that is no function", () => {
  const pool = counters();
  for (const bad of [null, "f", {}]) {
    assertError(pool, () => compact(pool, untyped(bad)), TypeError, "Cannot compact in");
  }
});

// -- debug mode --

for (const [kind, make] of Object.entries(POOL_KINDS)) {
  Deno.test(`${kind}: in debug mode a moved record keeps the stack of its alloc, and its old handle and views of it are stale`, () => {
    for (const reuse of ["recent", spread] as const) {
      const memory = { allocate: heapMemory.allocate, release() {} }; // so that bytes stay readable
      const it = make(Num, { ...SIXTEENS, debug: debugMode, reuse, memory });
      const other = counters({ debug: debugMode });
      const { pool, of } = it;
      const kept = thinned(it, [6, 4]);
      const special = (function allocatedHere() {
        return pool.alloc(...of, { n: 77 });
      })();
      const all = [...kept, special];
      const views = all.map((handle) => pool.get<{ n: number }>(...of, handle));
      const { bytes } = pool.blocks[1];
      const to = new Map(compacted(pool).moves);
      assert(bytes.every((byte, at) => at % 4 === 0 || byte === 0xdd), "what it left is poisoned");
      const assertStale = (use: () => unknown, problem: string) =>
        assertThrows(use, StaleHandleError, problem);
      all.forEach((handle, i) => {
        if (to.has(handle)) {
          assertStale(() => views[i].n, "is stale");
          assertStale(() => other.free(forge(handle)), "is stale: it was given out before");
        } else assertEquals(views[i].n, numberIn(it, handle));
      });
      for (const handle of to.values()) {
        assert(handle > special, "no handle is used again");
        assertStale(() => other.free(forge(handle)), "is a handle of");
      }
      const { leaks } = assertThrows(() => pool.dispose(), LeakError);
      const now = (handle: number) => to.get(handle) ?? handle;
      assertEquals(new Set(leaks.map(({ handle }) => handle)), new Set(all.map(now)));
      const stacks = new Map(leaks.map(({ handle, stack }) => [handle, stack]));
      assert(stacks.get(now(special))!.includes("allocatedHere")); // one of the leaks
    }
  });
}
