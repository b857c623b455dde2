/**
 * No memory, at whatever call that happens: nothing changes, and with memory again the same calls
 * have the same results. And what the system gets back: that each block comes back once is what all
 * tests with a `Ledger` show.
 *
 * @module
 */
import { assert, assertEquals, assertGreater, assertStrictEquals, assertThrows } from "@std/assert";
import { array, debug, OutOfMemoryError, Pool, struct } from "../../mod.ts";
import { counters } from "../_support.ts";
import { BYTE_KINDS, ByteModel } from "./_bytes.ts";
import { OUT_OF_MEMORY } from "./_memories.ts";
import { KINDS, structsOf, subjectOf } from "./_runs.ts";
import type { Player } from "./_soak.ts";

/**
 * Plays operations with all memory that they need, and once more for each region that they need,
 * which is then not to be had.
 *
 * @param make Makes an allocator.
 * @param names The operations; each needs memory in one call at most.
 * @param asks How often an operation asks at most for the memory that it needs.
 * @returns How many regions were needed.
 */
function exhaust(make: () => Player, names: readonly string[], asks: number): number {
  const whole = make();
  const { ledger } = whole.source;
  const first = ledger.lent.size;
  names.forEach((name, seed) => whole.play(name, seed));
  const total = ledger.lent.size + ledger.returned.size - first;
  for (let n = 0; n < total; n++) {
    const it = make();
    const { ledger } = it.source;
    ledger.budget = n;
    names.forEach((name, seed) => {
      const { size } = ledger.lent;
      if (it.play(name, seed) !== OUT_OF_MEMORY) return;
      assertEquals(ledger.lent.size, size, `regions after ${name} failed`);
      it.check();
      for (let i = 0; i < 2; i++) assertEquals(it.play(name, seed), OUT_OF_MEMORY);
      it.check();
      ledger.budget = Infinity;
      assert(it.play(name, seed) !== OUT_OF_MEMORY);
    });
    const { refusals } = ledger; // of one operation, which was played three times
    assert(refusals >= 3 && refusals <= 3 * asks, `${refusals} refusals of region ${n}`);
    it.check();
    assertEquals(it.all(), whole.all(), `where region ${n} was not to be had`);
    it.dispose();
  }
  whole.dispose();
  return total;
}

function times(count: number, name: string): string[] {
  return Array<string>(count).fill(name);
}

// -- pools --

const POOL_SCRIPT = [
  ...[...times(40, "alloc"), ...times(4, "allocMany"), "snapshot", "save", "reserve", "reserve"],
  ...[...times(3, "freeMany"), "clear", "trim", ...times(24, "allocAt"), "compact", "freeBlock"],
  ...["clear", "trim", "restore", "freeBlock", ...times(20, "alloc"), "clear", "trim", "load"],
  ...[...times(8, "alloc"), "clear", "trim", ...times(4, "scoped"), "restore"],
  ...times(4, "allocMany"),
];

for (const [name, kind] of Object.entries(KINDS)) {
  if (kind.isShared) continue; // it has all of its memory from the start
  for (const mode of ["compact", "wide", "debug"] as const) {
    Deno.test(`${name} loses nothing where memory runs out and comes back (${mode})`, () => {
      const structs = structsOf(kind);
      const options = mode === "debug" ? { debug } : { handles: mode };
      const sized = { ...options, chunksPerBlock: 16, keepEmptyBlocks: 0 };
      const make = () => subjectOf(kind, structs, sized, "tight", 128);
      assertGreater(exhaust(make, POOL_SCRIPT, 1), 10);
    });
  }
}

Deno.test("Pool throws the error of its memory resource", () => {
  const error = new OutOfMemoryError("Cannot allocate: there is none", 64);
  const allocate = () => {
    throw error;
  };
  using pool = counters({ memory: { allocate, release() {} } });
  assertStrictEquals(assertThrows(() => pool.alloc()), error);
});

// -- byte allocators --

const ALLOCS = times(10, "alloc").flatMap((it) => [it, "allocRecord", "allocArray"]);
const ARENA_SCRIPT = [
  ...[...ALLOCS, "snapshot", ...ALLOCS, "reset", "trim", "restore", ...ALLOCS],
];
const HEAP_SCRIPT = [1, 2, 3, 4].flatMap(() => [
  ...[...ALLOCS, ...times(20, "realloc"), ...times(40, "free"), "trim"],
]);

for (const kind of Object.keys(BYTE_KINDS)) {
  if (kind === "StackAllocator") continue; // it has all of its memory from the start
  // Blocks or extents of a size at which it needs memory often.
  const [byteLength, script, asks] = kind === "Arena"
    ? [400, ARENA_SCRIPT, 1]
    : [600, HEAP_SCRIPT, 2];
  for (const debug of [false, true]) {
    Deno.test(`${kind} loses nothing where memory runs out and comes back (debug ${debug})`, () => {
      const memory = { memory: "tight", byteLength, grow: true } as const;
      const make = () => new ByteModel({ ...memory, kind, debug, maxLive: 300 });
      assertGreater(exhaust(make, script, asks), 5);
    });
  }
}

// -- what the system gets back --

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
