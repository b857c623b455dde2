/**
 * What a pool does without memory, and what the system gets back. That a pool asks for blocks only
 * once it needs them, and that each comes back once, is what all tests with a `Ledger` show.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { array, OutOfMemoryError, Pool, struct } from "../../mod.ts";
import { Ledger } from "../_ledger.ts";
import { counters } from "../_support.ts";

Deno.test("Pool throws the error of its memory resource, which was called once", () => {
  const memory = new Ledger();
  using pool = counters({ chunksPerBlock: 16, memory });
  memory.budget = 0;
  const calls = [
    ...[() => pool.alloc(), () => pool.tryAlloc(), () => pool.scoped()],
    ...[() => pool.reserve(40), () => pool.allocMany(40)],
  ];
  for (const call of calls) {
    const refusals = memory.refusals + 1;
    const error = assertThrows(call, OutOfMemoryError, "the budget is spent");
    assertEquals([error.byteLength, memory.refusals], [64, refusals]);
  }
});

// Blocks of 64 MiB: of smaller ones glibc keeps up to 32 MiB for the process once it has seen one
// freed.
const Large = struct({ of: array("f64", 128) });
const LARGE = 65_536;
const RESIDENT_BYTES = 4 * LARGE * Large.size;

Deno.test("Pool.trim() gives 256 MiB back to the system at once", () => {
  let most = 0;
  // Other tests run beside this one.
  for (let attempt = 0; attempt < 4 && most < 0.8 * RESIDENT_BYTES; attempt++) {
    using pool = new Pool(Large, { chunksPerBlock: LARGE, keepEmptyBlocks: 4 });
    pool.allocMany(4 * LARGE, new Int32Array(4 * LARGE)); // which writes every byte
    pool.clear();
    const before = Deno.memoryUsage().rss;
    assertEquals(pool.trim(), RESIDENT_BYTES);
    most = Math.max(most, before - Deno.memoryUsage().rss);
  }
  assert(most >= 0.8 * RESIDENT_BYTES, `${most} bytes`);
});
