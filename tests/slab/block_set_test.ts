import { assertEquals, assertThrows } from "@std/assert";
import { ErasedPool, OutOfMemoryError, Pool, validate } from "../../mod.ts";
// Options of pools allow no generations so short that a chunk is retired in a test.
import { WHOLE, WideHandles } from "../../src/slab/handle.ts";
import { slabs } from "../../src/slab/slab.ts";
import { Ledger } from "../_ledger.ts";
import { createSlab, Num } from "../_support.ts";

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
