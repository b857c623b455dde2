/**
 * No memory, at whatever call that happens: nothing changes, and with memory again the same calls
 * have the same results.
 *
 * @module
 */
import { debug as debugMode, snapshot } from "../../mod.ts";
import { assert, assertEquals, assertGreater } from "@std/assert";
import type { PoolOptions } from "../../mod.ts";
import type { Ledger } from "../_ledger.ts";
import { BYTE_KINDS, ByteModel } from "./_bytes.ts";
import { play } from "./_operations.ts";
import { Random } from "../_random.ts";
import { KINDS, subjectsOf } from "./_runs.ts";
import { makeStructs } from "./_values.ts";

/** An allocator that operations are played on. */
interface Scenario {
  readonly ledger: Ledger;
  /** Does an operation; returns false where there was no memory for it. */
  play(name: string, seed: number): boolean;
  check(): void;
  /** All that a later call can depend on. */
  state(): unknown;
  dispose(): void;
}

/**
 * Plays operations with all memory that they need, and once more for each region that they need,
 * which is then not to be had.
 *
 * @param make Makes an allocator.
 * @param names The operations; each asks for memory in one call at most.
 * @param failures How often in a row there is no memory.
 * @returns How many regions were needed.
 */
function exhaust(make: () => Scenario, names: readonly string[], failures: number): number {
  const whole = make();
  const first = whole.ledger.lent.size;
  names.forEach((name, seed) => whole.play(name, seed));
  const total = whole.ledger.lent.size + whole.ledger.returned.size - first;
  for (let n = 0; n < total; n++) {
    const it = make();
    it.ledger.budget = n;
    let hasFailed = false;
    names.forEach((name, seed) => {
      if (it.play(name, seed)) return;
      assert(!hasFailed, `${name} of step ${seed} had no memory`);
      hasFailed = true;
      it.check();
      for (let i = 1; i < failures; i++) assert(!it.play(name, seed));
      it.check();
      it.ledger.budget = Infinity;
      assert(it.play(name, seed));
    });
    assert(hasFailed, `no operation needed region ${n}`);
    it.check();
    assertEquals(it.state(), whole.state(), `where region ${n} was not to be had`);
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

const MODES: Readonly<Record<string, PoolOptions>> = {
  "compact": {},
  "wide": { handles: "wide" },
  "debug": { debug: debugMode },
};

for (const [name, kind] of Object.entries(KINDS)) {
  if (kind.isShared) continue; // it has all of its memory from the start
  for (const [mode, options] of Object.entries(MODES)) {
    Deno.test(`${name} loses nothing where memory runs out and comes back (${mode})`, () => {
      const structs = kind.structs(makeStructs());
      const make = (): Scenario => {
        const sized = { ...options, chunksPerBlock: 16, keepEmptyBlocks: 0 };
        const [it] = subjectsOf(kind, structs, sized, "tight", [{}], 128);
        return {
          ledger: it.setting.source.ledger,
          play: (name, seed) => play(it, name, seed) !== `"out of memory"`,
          check: () => it.compare(),
          // No two debug pools have the same handles.
          state: () => it.isDebug ? it.state.live.size : snapshot(it.pool),
          dispose: () => it.dispose(),
        };
      };
      for (const failures of [1, 3]) assertGreater(exhaust(make, POOL_SCRIPT, failures), 10);
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

/** A script, and a size of blocks or extents at which it needs memory often. */
const BYTE_SCRIPTS: readonly [kind: string, byteLength: number, script: string[]][] = [
  ["Arena", 400, ARENA_SCRIPT],
  ...Object.keys(BYTE_KINDS).slice(2).map((kind) =>
    [kind, 600, HEAP_SCRIPT] as [string, number, string[]]
  ),
];

for (const [kind, byteLength, script] of BYTE_SCRIPTS) {
  for (const debug of [false, true]) {
    Deno.test(`${kind} loses nothing where memory runs out and comes back (debug ${debug})`, () => {
      const setting = {
        kind,
        memory: "tight",
        debug,
        byteLength,
        grow: true,
        maxLive: 300,
      } as const;
      const make = (): Scenario => {
        const it = new ByteModel(setting);
        return {
          ledger: it.source.ledger,
          play: (name, seed) => it.play(name, new Random(seed)),
          check: () => it.check(),
          // The addresses of two debug allocators differ by a multiple of 2^27.
          state: () => it.held.map(({ address, bytes }) => [address % 2 ** 27, bytes.length]),
          dispose: () => it.dispose(),
        };
      };
      for (const failures of [1, 2]) assertGreater(exhaust(make, script, failures), 5);
    });
  }
}
