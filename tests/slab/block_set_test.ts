import { assert, assertEquals, assertThrows } from "@std/assert";
import { ErasedPool, OutOfMemoryError, spread, validate } from "../../mod.ts";
import type { PoolOptions } from "../../mod.ts";
// Options of pools allow no generations so short that a chunk is retired in a test.
import { WHOLE, WideHandles } from "../../src/slab/handle.ts";
import { type Slab, slabs } from "../../src/slab/slab.ts";
import { Ledger } from "../_ledger.ts";
import type { Block } from "../../src/slab/block.ts";
import { counters, createSlab, Num, withProperties } from "../_support.ts";

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

Deno.test("Slab gives out each wide handle once, and takes no block whose chunks are all retired", () => {
  for (const after of [() => {}, (it: Slab) => it.freeBlock(0), (it: Slab) => it.trim()]) {
    for (const maxBlocks of [1, 3]) {
      const codec = new WideHandles(2, WHOLE, 2); // generations 1 to 3
      const sizes = { chunksPerBlock: 3 / maxBlocks, maxBlocks };
      const slab = createSlab({ ...sizes, codec }, { chunkBytes: 1 });
      const handles: number[] = [];
      for (let handle = slab.alloc(); handle !== 0; handle = slab.alloc()) {
        handles.push(handle);
        assert(handles.length <= 9 && slab.free(handle));
        after(slab);
        for (const it of handles) assertEquals([slab.find(it), slab.free(it)], [undefined, false]);
        validate(slab);
      }
      assertEquals(new Set(handles).size, 9);
      slab.trim();
      assertEquals([slab.alloc(), slab.mappedBlocks().length], [0, 0]);
      assert(!slab.allocMany(1, []));
      const { message } = slab.exhaustedError("alloc");
      assert(message.endsWith("0 of 3 chunks of maxChunks are live, 3 retired"), message);
    }
  }
});

// -- how many blocks calls look at --

/** Counts how often a pool looks up a block, one or all of them, while it does something. */
function looksOf(pool: object, run: () => void): number {
  const [slab] = slabs.get(pool)!; // every pool has a slab
  let looks = 0;
  const get = (target: readonly Block[], key: string | symbol) => {
    if (/^\d+$/.test(String(key))) looks++;
    return Reflect.get(target, key);
  };
  const blocks = { value: new Proxy(slab.blocks, { get }) };
  const mappedBlocks = { value: () => blocks.value.filter((it) => it.isMapped) };
  withProperties(slab, { blocks, mappedBlocks }, () => {
    withProperties(slab.blockSet, { all: blocks }, run);
  });
  return looks;
}

type Counters = ReturnType<typeof counters>;

/** Asserts that a hundred calls look at a few blocks of a pool that has 2,048 full ones. */
function assertFewLooks(
  options: PoolOptions,
  prepare: (pool: Counters, all: ReturnType<Counters["alloc"]>[]) => (i: number) => void,
): void {
  const pool = counters({ chunksPerBlock: 16, maxChunks: 2 ** 16, ...options });
  const call = prepare(pool, pool.allocMany(2 ** 15));
  const looks = looksOf(pool, () => {
    for (let i = 0; i < 100; i++) call(i);
  });
  assert(looks < 5000, `${looks}`);
  validate(pool);
}

Deno.test("A pool that is full or grows, of either reuse, looks at a few blocks only", () => {
  for (const reuse of ["recent", spread] as const) {
    assertFewLooks({ reuse, maxChunks: 2 ** 15 }, (pool, all) => {
      pool.tryAlloc();
      return (i) => {
        assertEquals(pool.tryAlloc(), undefined);
        pool.free(all[i]);
        all[i] = pool.alloc();
      };
    });
    assertFewLooks({ reuse }, (pool) => () => {
      for (let i = 0; i < 16; i++) pool.alloc();
    });
  }
});

Deno.test("After a peak, alloc() looks at a few of the blocks that were given back", () => {
  // All but the highest block, or the highest alone.
  for (const [from, to] of [[0, -16], [-16]]) {
    assertFewLooks({ keepEmptyBlocks: 0 }, (pool, all) => {
      for (const handle of all.slice(from, to)) pool.free(handle);
      pool.free(pool.alloc());
      return () => pool.free(pool.alloc());
    });
  }
});

Deno.test("freeBlock(), handleOf() and typeOf() look at the blocks that they need alone", () => {
  assertFewLooks({}, (pool) => (i) => pool.freeBlock(10 * i));
  using pool = new ErasedPool({ size: 4, chunksPerBlock: 16, types: [Num] });
  const handles = pool.allocMany(Num, 1600);
  const looks = looksOf(pool, () => {
    for (const handle of handles.slice(0, 20)) {
      assertEquals(pool.handleOf(pool.get(Num, handle)), handle);
      assertEquals(pool.typeOf(handle), Num);
    }
  });
  assert(looks < 200, `${looks}`);
});
