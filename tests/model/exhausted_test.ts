/**
 * No memory, at whatever call that happens: nothing changes, and with memory again the same calls
 * have the same results.
 *
 * @module
 */
import { debug } from "../../mod.ts";
import { assert, assertEquals, assertGreater } from "@std/assert";
import { BYTE_KINDS, ByteModel } from "./_bytes.ts";
import { OUT_OF_MEMORY } from "./_memories.ts";
import { KINDS, structsOf, subjectOf } from "./_runs.ts";
import type { Player } from "./_soak.ts";

/**
 * Plays operations with all memory that they need, and once more for each region that they need,
 * which is then not to be had.
 *
 * @param make Makes an allocator.
 * @param names The operations; each asks for memory in one call at most.
 * @returns How many regions were needed.
 */
function exhaust(make: () => Player, names: readonly string[]): number {
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
      const hasFailed = ledger.refusals > 0;
      if (it.play(name, seed) !== OUT_OF_MEMORY) return;
      assert(!hasFailed, `${name} of step ${seed} had no memory`);
      it.check();
      for (let i = 0; i < 2; i++) assertEquals(it.play(name, seed), OUT_OF_MEMORY);
      it.check();
      ledger.budget = Infinity;
      assert(it.play(name, seed) !== OUT_OF_MEMORY);
    });
    assert(ledger.refusals > 0, `no operation needed region ${n}`);
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
      assertGreater(exhaust(make, POOL_SCRIPT), 10);
    });
  }
}

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
  const [byteLength, script] = kind === "Arena" ? [400, ARENA_SCRIPT] : [600, HEAP_SCRIPT];
  for (const debug of [false, true]) {
    Deno.test(`${kind} loses nothing where memory runs out and comes back (debug ${debug})`, () => {
      const setting = {
        kind,
        debug,
        byteLength,
        memory: "tight",
        grow: true,
        maxLive: 300,
      } as const;
      const make = () => new ByteModel(setting);
      assertGreater(exhaust(make, script), 5);
    });
  }
}
