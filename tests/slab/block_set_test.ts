import { assert, assertEquals, assertThrows } from "@std/assert";
import { ErasedPool, OutOfMemoryError, Pool, validate } from "../../mod.ts";
// Options of pools allow no generations so short that a chunk is retired in a test.
import { WHOLE, WideHandles } from "../../src/slab/handle.ts";
import { slabs } from "../../src/slab/slab.ts";
import { Ledger } from "../_ledger.ts";
import type { Block } from "../../src/slab/block.ts";
import { counters, createSlab, Num } from "../_support.ts";

Deno.test("allocMany() counts no retired chunk as room, and so allocates all or none", () => {
  const memory = new Ledger();
  const codec = new WideHandles(6, WHOLE, 1); // a chunk is retired after its first record
  const sizes = { chunksPerBlock: 16, maxBlocks: 4, keepEmptyBlocks: 4 };
  const slab = createSlab({ ...sizes, codec, memory }, { chunkBytes: 1 });
  const handles: number[] = [];
  slab.allocMany(16, handles);
  for (const handle of handles.slice(8)) slab.free(handle);
  memory.budget = 1;
  assertThrows(() => slab.allocMany(20, handles), OutOfMemoryError);
  assertEquals([slab.size, slab.retired, slab.capacity], [8, 8, 16]);
  validate(slab);
});

Deno.test("alloc(), handleOf() and typeOf() look at the blocks that they need alone", () => {
  using pool = new ErasedPool({ size: 4, chunksPerBlock: 16, types: [Num] });
  const handles = pool.allocMany(Num, 160);
  const [slab] = slabs.get(pool)!; // every pool has a slab
  let looks = 0;
  const all = slab.mappedBlocks();
  slab.mappedBlocks = () => {
    looks++;
    return all;
  };
  for (const i of [3, 20, 150, 151]) pool.free(handles[i]);
  for (let i = 0; i < 20; i++) {
    const handle = pool.alloc(Num);
    assertEquals(pool.handleOf(pool.get(Num, handle)), handle);
    assertEquals(pool.typeOf(handle), Num);
  }
  assertEquals([looks, pool.size], [0, 176]);
});

Deno.test("Pool gives out what is free in any of many blocks, the lowest first", () => {
  using pool = new Pool({ n: "u16" }, { chunksPerBlock: 16, maxChunks: 2048 });
  const handles = pool.allocMany(2048);
  for (const blocks of [[40], [100], [31, 32], [63, 5, 64, 127], [96, 95, 33]]) {
    for (const block of blocks) pool.free(handles[block * 16 + 3]);
    for (const block of blocks.toSorted((a, b) => a - b)) {
      const handle = pool.alloc();
      assertEquals(pool.indexOf(handle), block * 16 + 3);
      handles[block * 16 + 3] = handle;
    }
    assertEquals(pool.tryAlloc(), undefined);
  }
});

// -- how many blocks calls look at --

/** Counts how often a pool looks up one of its blocks while it does something. */
function looksOf(pool: Pool<{ n: "u32" }>, run: () => void): number {
  const [slab] = slabs.get(pool)!; // every pool has a slab
  const { blocks } = slab;
  let looks = 0;
  const get = (target: Block[], key: string | symbol) => {
    if (/^\d+$/.test(String(key))) looks++;
    return Reflect.get(target, key);
  };
  const counted = new Proxy(blocks, { get });
  Object.assign(slab, { blocks: counted });
  Object.assign(slab.blockSet, { all: counted });
  run();
  Object.assign(slab, { blocks });
  Object.assign(slab.blockSet, { all: blocks });
  return looks;
}

const MANY = 2000;

Deno.test("A pool that is full, of either reuse, looks at a few blocks only", () => {
  for (const reuse of ["recent", "spread"] as const) {
    const pool = counters({ reuse, chunksPerBlock: 16, maxChunks: 2 ** 14 });
    const handles = pool.allocMany(2 ** 14);
    pool.tryAlloc();
    const looks = looksOf(pool, () => {
      for (let i = 0; i < 100; i++) {
        assertEquals(pool.tryAlloc(), undefined);
        pool.free(handles[i]);
        handles[i] = pool.alloc();
      }
    });
    assert(looks < 5000, `${looks} for ${reuse}`);
    validate(pool);
  }
});

Deno.test("A pool that grows, of either reuse, looks at a few blocks for each", () => {
  for (const reuse of ["recent", "spread"] as const) {
    const pool = counters({ reuse, chunksPerBlock: 16, maxChunks: 2 ** 16 });
    const looks = looksOf(pool, () => {
      for (let i = 0; i < MANY * 16; i++) pool.alloc();
    });
    assert(looks < 10 * MANY, `${looks} for ${reuse}`);
    validate(pool);
  }
});

Deno.test("After a peak, alloc() looks at a few of the blocks that were given back", () => {
  const pool = counters({ chunksPerBlock: 16, maxChunks: 2 ** 16, keepEmptyBlocks: 0 });
  const handles = pool.allocMany(MANY * 16);
  for (const handle of handles.slice(0, -16)) pool.free(handle); // the highest block is left
  pool.free(pool.alloc());
  const looks = looksOf(pool, () => {
    for (let i = 0; i < 100; i++) pool.free(pool.alloc());
  });
  assert(looks < 5000, `${looks}`);
  validate(pool);
});

Deno.test("freeBlock() looks at its block only", () => {
  const pool = counters({ chunksPerBlock: 16, maxChunks: 2 ** 16 });
  pool.allocMany(MANY * 16);
  const looks = looksOf(pool, () => {
    for (let i = 0; i < 100; i++) pool.freeBlock(10 * i);
  });
  assert(looks < 5000, `${looks}`);
  assertEquals(pool.size, (MANY - 100) * 16);
  validate(pool);
});
