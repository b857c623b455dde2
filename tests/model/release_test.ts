/**
 * What a pool does without memory, and what the system gets back. That a pool asks for blocks only
 * once it needs them, and that each comes back once, is what all tests with a `Ledger` show.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { array, ErasedPool, OutOfMemoryError, Pool, struct } from "../../mod.ts";
import { Ledger } from "../_ledger.ts";
import { counters } from "../_support.ts";

Deno.test("Pool throws the error of its memory resource, which was called once", () => {
  const calls: ((it: ReturnType<typeof counters>) => unknown)[] = [
    (it) => it.alloc(),
    (it) => it.tryAlloc(),
    (it) => it.scoped(),
    (it) => it.reserve(40),
    (it) => it.allocMany(40),
  ];
  for (const call of calls) {
    const memory = new Ledger();
    using pool = counters({ chunksPerBlock: 16, memory });
    memory.budget = 0;
    const error = assertThrows(() => call(pool), OutOfMemoryError, "the budget is spent");
    assertEquals([error.byteLength, memory.refusals], [64, 1]);
  }
});

// -- what the system gets back --

// Blocks of 64 MiB: of smaller ones glibc keeps up to 32 MiB for the process once it has seen one
// freed.
const Large = struct({ of: array("f64", 128) });
const LARGE = 65_536;
const RESIDENT_BYTES = 4 * LARGE * Large.size;

/** Pools with 256 MiB, and calls that give them back. */
const GIVING: Readonly<Record<string, () => () => void>> = {
  "Pool.trim()": () => {
    const pool = new Pool(Large, { chunksPerBlock: LARGE, keepEmptyBlocks: 4 });
    pool.allocMany(4 * LARGE, new Int32Array(4 * LARGE)); // which writes every byte
    pool.clear();
    assertEquals(pool.byteLength, RESIDENT_BYTES);
    return () => assertEquals(pool.trim(), RESIDENT_BYTES);
  },
  "ErasedPool.freeBlock()": () => {
    const cells = new ErasedPool({ size: Large.size, types: [Large], chunksPerBlock: LARGE });
    cells.allocMany(Large, 4 * LARGE, new Int32Array(4 * LARGE));
    return () => {
      for (const { index } of cells.blocks) cells.freeBlock(index);
      assertEquals(cells.byteLength, 0);
    };
  },
};

for (const [name, prepare] of Object.entries(GIVING)) {
  Deno.test(`${name} gives 256 MiB back to the system at once`, () => {
    let most = 0;
    // Other tests run beside this one.
    for (let attempt = 0; attempt < 4 && most < 0.8 * RESIDENT_BYTES; attempt++) {
      const call = prepare();
      const before = Deno.memoryUsage().rss;
      call();
      most = Math.max(most, before - Deno.memoryUsage().rss);
    }
    assert(most >= 0.8 * RESIDENT_BYTES, `${most} bytes`);
  });
}
