/**
 * `PoolSet`: its size classes, what its handles say of them, and what the classes share. What it
 * promises of records of several structs is in `erased_pool_test.ts`, and what it has in common
 * with all pools in `pool_base_test.ts`.
 *
 * @module
 */
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  array,
  DisposedError,
  ErasedPool,
  heapMemory,
  pack,
  PoolSet,
  StaleHandleError,
  struct,
  validate,
} from "../../mod.ts";
import type { AnyHandle, AnyStruct, HandleKind, PoolSetOptions, PoolSetStats } from "../../mod.ts";
import { assertError, assertHarmless, fill, forge, KINDS, Num, untyped } from "../_support.ts";
import type { MixedKind as Kind } from "../_support.ts";

/** 64 chunks of 4, 8 and 16 bytes each, in blocks of 16. */
function setOf(options: Partial<PoolSetOptions<Kind>> = {}): PoolSet<Kind> {
  const some = { chunksPerBlock: 16, maxChunks: 256, name: "cells" };
  return new PoolSet<Kind>({ sizes: [4, 8, 16], ...some, ...options });
}

/** A struct of so many bytes, aligned to 1. */
function bytes(count: number): AnyStruct {
  return struct({ all: array("u8", count) });
}

/** Defines a test for both kinds of handles. */
function each(claim: string, test: (handles: HandleKind) => void): void {
  for (const handles of ["compact", "wide"] satisfies HandleKind[]) {
    Deno.test(`${claim} (${handles})`, () => test(handles));
  }
}

// -- size classes --

Deno.test("PoolSet has a pool for each size, by size, and leaves the array of sizes as it was", () => {
  const sizes = [64, 8, 24, 1];
  using set = new PoolSet({ sizes, chunksPerBlock: 16, maxChunks: 1024 });
  assertEquals(set.pools.map((pool) => pool.chunkBytes), [1, 8, 24, 64]);
  assertEquals(set.pools.map((pool) => pool.align), [1, 8, 8, 8]);
  assertEquals([set.name, ...set.pools.map((pool) => pool.name)], Array(5).fill("pool"));
  assertEquals(sizes, [64, 8, 24, 1]);
});

Deno.test("PoolSet stores each struct in the smallest class that fits, by size and alignment", () => {
  using set = new PoolSet({ sizes: [1, 2, 12, 16, 40] });
  const cases: [AnyStruct, number][] = [
    [bytes(1), 1],
    [bytes(2), 2],
    [bytes(3), 12],
    [bytes(9), 12],
    [bytes(12), 12],
    [bytes(13), 16],
    [struct({ a: "u16" }), 2],
    [struct({ a: "f64" }), 16], // aligned to 8
    [struct({ a: array("u32", 3) }), 12],
    [struct({ a: "f64", b: "u8" }), 16],
    [struct({ a: array("f64", 5) }), 40],
  ];
  for (const [struct, size] of cases) {
    // More structs than are found without a Map, so both ways to find them are used.
    for (const _ of [1, 2]) assertEquals(set.poolFor(struct).chunkBytes, size);
    const handle = set.alloc(struct);
    assertEquals([set.bytes(handle).length, set.poolFor(struct).has(handle)], [size, true]);
  }
  for (const [struct, size] of cases) assertEquals(set.poolFor(struct).chunkBytes, size);
});

// -- handles --

each("PoolSet shares records, handles and indices with its pools", (handles) => {
  using set = setOf({ handles });
  const all = fill(set, 150);
  all.forEach((handle, n) => {
    assertEquals(set.pools.map((pool) => pool.has(handle)), [0, 1, 2].map((k) => k === n % 3));
  });
  assertEquals(new Set(all.map((handle) => set.indexOf(handle))).size, 150);
  const [nums, poses] = set.pools;
  const made = nums.alloc(Num, { n: 3 });
  poses.free(all[1]);
  assertEquals([set.get(Num, made).n, set.has(all[1]), set.size], [3, false, 150]);
  validate(set);
});

each("PoolSet of 64 classes keeps the handles of all of them apart", (handles) => {
  const sizes = Array.from({ length: 64 }, (_, i) => i + 1);
  using set = new PoolSet({ sizes, handles, chunksPerBlock: 16, maxChunks: 1024 });
  const structs = sizes.map(bytes);
  const all = new Set<number>();
  for (let round = 0; round < 3; round++) {
    const made = structs.flatMap((struct) => set.allocMany(struct, 16));
    made.forEach((handle, i) => {
      assert(!all.has(handle));
      all.add(handle);
      assertEquals(set.bytes(handle).length, (i >> 4) + 1);
    });
    set.freeMany(made);
  }
  const limit = handles === "compact" ? 2 ** 30 : 2 ** 53;
  for (const handle of all) assert(handle > 0 && handle < limit && !set.has(forge(handle)));
  validate(set);
});

each("PoolSet's pools reject the handles of another class", (handles) => {
  using set = setOf({ handles });
  const all = fill(set, 3);
  set.pools.forEach((pool, i) => {
    const handle = all[(i + 1) % 3];
    const message = `${handle} is not a handle of this pool`;
    assertHarmless(set, () => pool.has(handle), false);
    assertHarmless(set, () => pool.tryFree(handle), false);
    assertError(set, () => pool.free(handle), StaleHandleError, message);
    assertError(set, () => pool.freeMany([all[i], handle]), StaleHandleError, message);
    assertError(set, () => pool.get(KINDS[i], handle), StaleHandleError, message);
  });
  // 3 classes share the handles that there would be for 4.
  using four = new PoolSet({ sizes: [4, 8, 16, 40], chunksPerBlock: 16, maxChunks: 256, handles });
  const foreign: AnyHandle = four.alloc(bytes(40));
  assertHarmless(set, () => set.has(foreign), false);
  assertError(set, () => set.free(foreign), StaleHandleError, "is not a handle of this");
  assertError(set, () => set.freeMany([foreign]), StaleHandleError, "at position 0");
});

each("PoolSet keeps classes apart after an ErasedPool of equal chunks and indices", (handles) => {
  const Cell = struct({ a: "u32", b: "u32" }, { name: "Cell" });
  // Its handles have no bits for a class, and so more for generations.
  using alone = new ErasedPool({ size: 8, maxChunks: 2 ** 14, types: [Cell], handles });
  alone.alloc(Cell);
  using set = new PoolSet({ sizes: [8, 16, 32, 64], maxChunks: 2 ** 16, handles });
  // One chunk through more generations than a compact handle of the set can tell apart.
  for (let i = 0; i < 2 ** 15; i++) {
    const handle = set.alloc(Cell);
    assert(set.has(handle), `handle ${handle}, number ${i}`);
    set.free(handle);
  }
  validate(set);
  assertEquals([alone.size, set.size], [1, 0]);
});

// -- memory --

Deno.test("PoolSet divides maxChunks evenly, among a power of two of classes", () => {
  const share = (count: number) => {
    const sizes = Array.from({ length: count }, (_, i) => (i + 1) * 8);
    using set = new PoolSet({ sizes, maxChunks: 1024, chunksPerBlock: 16 });
    assertEquals(set.maxChunks, set.pools.length * set.pools[0].maxChunks);
    assertEquals(new Set(set.pools.map((pool) => pool.maxChunks)).size, 1);
    return set.pools[0].maxChunks;
  };
  assertEquals([1, 2, 3, 4, 5, 8, 9, 64].map(share), [1024, 512, 256, 256, 128, 128, 64, 16]);
});

each("PoolSet.blocks are those of its pools, numbered over all, for freeBlock()", (handles) => {
  using set = setOf({ handles });
  fill(set, 150); // 4 blocks of each class
  const { blocks } = set;
  assertEquals(blocks, set.pools.flatMap((pool) => [...pool.blocks]));
  const indices = blocks.map((block) => block.index);
  const [, , , , , , { index }] = blocks;
  set.freeBlock(index);
  assertEquals(set.blocks, blocks.toSpliced(6, 1));
  assertEquals(set.pools.map((pool) => pool.size), [50, 34, 50]);
  const message = `there is no block ${index}, there are ${indices.toSpliced(6, 1).join(", ")}`;
  assertError(set, () => set.freeBlock(index), RangeError, message);
  assertThrows(() => set.pools[0].freeBlock(indices[5]), RangeError, "no block");
  validate(set);
  using full = new PoolSet({ sizes: [1, 2, 4, 8], maxChunks: 64, chunksPerBlock: 16, handles });
  for (const count of [1, 2, 4, 8]) full.allocMany(bytes(count), 16);
  assertEquals(full.blocks.map((block) => block.index), [0, 1, 2, 3]);
});

Deno.test("pack() of a PoolSet passes over size classes without records, whatever their size", () => {
  using set = new PoolSet({ sizes: [2, 4] });
  set.alloc(Num, { n: 7 });
  const out = new Uint32Array(2);
  assertEquals([pack(set, out), [...out]], [1, [7, 0]]);
});

// -- figures --

Deno.test("PoolSet.stats() gives the figures of each class, and their sums, in the objects it is given", () => {
  using set = setOf();
  const all = fill(set, 150);
  const Wide = struct({ n: "u32", a: array("u8", 6) }); // 12 of 16 bytes
  set.alloc(untyped<typeof Num>(Wide));
  set.freeMany(all.filter((_, n) => n % 3 === 1));
  const { classes, ...sums } = set.stats();
  assertEquals(classes.map((it) => [it.chunkBytes, it.lostBytes]), [[4, 0], [8, 0], [16, 4]]);
  assertEquals(classes.map((it) => [it.peakSize, it.frees, it.released]), [
    ...[[50, 0, 0], [50, 50, 3], [51, 0, 0]],
  ]);
  const overhead = 4 + 16 * 2 + 16; // a block: occupancy bits, generations, types
  assert(classes.every(({ overheadBytes }) => overheadBytes === 4 * overhead));
  set.pools.forEach((pool, i) => {
    const { chunkBytes, lostBytes, ...figures } = classes[i];
    assertEquals([chunkBytes, lostBytes], [pool.chunkBytes, pool.lostBytes()]);
    assertEquals(figures, pool.stats());
  });
  for (const [figure, sum] of Object.entries(sums)) {
    const parts = classes.map((it) => untyped<Record<string, number>>(it)[figure]);
    assertEquals(sum, parts.reduce((a, b) => a + b), figure);
  }
  using small = new PoolSet<Kind>({ sizes: [4, 8] });
  const out: Partial<PoolSetStats> = small.stats();
  const { classes: its = [] } = out;
  const [first] = its;
  assertStrictEquals(set.stats(out), out);
  assertEquals(out, set.stats());
  assert(out.classes === its && its[0] === first); // both were filled
  assertEquals(small.stats(out), small.stats()); // which has fewer classes
  small.alloc(Num);
  small.stats(out);
  const before = structuredClone(out);
  small.dispose();
  assertThrows(() => small.stats(out), DisposedError);
  assertEquals(out, before);
});

Deno.test("PoolSet throws DisposedError where its memory resource calls it during dispose()", () => {
  let call = () => {};
  const set = setOf({
    memory: {
      allocate: (byteLength, align) => heapMemory.allocate(byteLength, align),
      release: () => call(),
    },
  });
  fill(set, 3); // a record in each class
  let calls = 0;
  call = () => {
    calls++;
    for (const kind of KINDS) assertThrows(() => set.alloc(kind), DisposedError);
  };
  set.dispose();
  assertEquals(calls, 3);
});
