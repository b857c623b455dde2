/** Snapshots of arenas: what they restore, and which are rejected without a change. */
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  Arena,
  type ArenaOptions,
  countingMemory,
  debug as debugMode,
  FreeListAllocator,
  heapMemory,
  OutOfMemoryError,
  Pool,
  restoreArena,
  snapshot,
  snapshotArena,
  SnapshotError,
  validate,
} from "../../mod.ts";
import { assertUntouched, calling, spaceOf, wasmAt } from "./_support.ts";
import { Random } from "../_random.ts";
import { untyped } from "../_support.ts";

const OPTIONS: ArenaOptions = { name: "it", blockBytes: 256 };

function fill(arena: Arena, sizes: readonly number[]): number[] {
  return sizes.map((size, i) => {
    const address = arena.alloc(size);
    arena.bytes(address, size).fill(i + 1);
    return address;
  });
}

/** Takes steps that depend on a seed, and returns every address and the figures at the end. */
function goOn(arena: Arena, seed: number, steps = 60): unknown[] {
  const numbers = new Random(seed);
  const answers: unknown[] = [];
  const marks: number[] = [];
  for (let i = 0; i < steps; i++) {
    const turn = numbers.below(20);
    if (turn < 11) answers.push(...fill(arena, [1 + numbers.below(numbers.oneIn(8) ? 5000 : 250)]));
    else if (turn < 14) marks.push(arena.mark());
    else if (turn < 17 && marks.length > 0) {
      const [mark] = marks.splice(numbers.below(marks.length));
      if (mark <= arena.mark()) arena.rewind(mark);
    } else if (turn === 17) answers.push(arena.trim());
    else if (turn === 18) {
      const region = arena.allocate(40, 8);
      answers.push(arena.addressOf(new Uint8Array(region.buffer, region.byteOffset, 1)));
      if (i % 2 === 0) arena.release(region);
    } else if (numbers.oneIn(2)) arena.reset();
  }
  validate(arena);
  return [...answers, { ...arena.stats() }];
}

/** An arena from empty to several blocks in any order, some of them empty. */
function stateful(seed: number, options: ArenaOptions = {}): Arena {
  const arena = new Arena({ ...OPTIONS, ...options });
  goOn(arena, seed, seed % 40);
  return arena;
}

Deno.test("restoreArena() restores all that snapshotArena() wrote, and keeps blocks: the same calls return the same addresses", () => {
  for (let seed = 0; seed < 200; seed++) {
    using arena = stateful(seed, { debug: seed % 4 === 0 && debugMode });
    const saved = snapshotArena(arena, new Uint8Array(7)); // too short, so it makes one
    const into = new Uint8Array(saved.length + 8).fill(9);
    const stats = { ...arena.stats() };
    const answers = goOn(arena, 2 * seed);
    using another = stateful(3 * seed + 1); // was created in the same way
    for (const it of seed % 4 === 0 ? [arena] : [arena, another]) {
      restoreArena(it, saved);
      assertEquals(goOn(it, 2 * seed), answers); // before snapshotArena(), which forgets regions
      restoreArena(it, saved);
      const regions = spaceOf(it).extents.map(({ region }) => region);
      restoreArena(it, saved);
      spaceOf(it).extents.forEach(({ region }, i) => assertStrictEquals(region, regions[i]));
      validate(it);
      assertStrictEquals(snapshotArena(it, into), into);
      assertEquals([into.subarray(0, saved.length), into.at(-1)], [saved, 9]);
      assertEquals({ ...it.stats() }, stats);
      restoreArena(it, into);
    }
  }
});

Deno.test("restoreArena() throws on what is no snapshot of such an arena, and changes nothing", () => {
  using arena = new Arena(OPTIONS);
  fill(arena, [30, 250]);
  const saved = snapshotArena(arena);
  using debug = new Arena({ ...OPTIONS, debug: debugMode });
  const skewed = (skew: number) => new Arena({ ...OPTIONS, memory: wasmAt(skew) });
  const there = skewed(72);
  fill(there, [30, 250]);
  const bad: (readonly [Arena, bytes: Uint8Array, message: string])[] = [
    [arena, snapshot(new Pool({ n: "u8" })), "another layout"],
    [arena, snapshotArena(new Arena({ ...OPTIONS, blockBytes: 512 })), "another layout"],
    [arena, snapshotArena(debug), "another layout"],
    [debug, snapshotArena(new Arena({ ...OPTIONS, debug: debugMode })), "another layout"],
    [skewed(136), snapshotArena(there), "block 0: the memory that there is lies elsewhere modulo"],
    ...Array.from(saved, (_, i) => [arena, saved.slice(0, i), "cut off"] as const),
  ];
  for (const [it, bytes, message] of bad) {
    assertUntouched(it, () => restoreArena(it, bytes), SnapshotError, message);
  }
  const readText = () => restoreArena(arena, untyped("x"));
  assertUntouched(arena, readText, TypeError, "must be a Uint8Array");
  for (const bad of [undefined, {}, new FreeListAllocator()].map((it) => untyped<Arena>(it))) {
    const message = "the first argument must be an Arena, got ";
    assertThrows(() => snapshotArena(bad), TypeError, `Cannot snapshot: ${message}`);
    assertThrows(() => restoreArena(bad, saved), TypeError, `Cannot restore: ${message}`);
  }
});

// -- damage --

Deno.test("restoreArena() of a damaged snapshot throws, or is consistent without a checksum", () => {
  const numbers = new Random(9);
  let [accepted, rejected] = [0, 0];
  for (let i = 0; i < 6000; i++) {
    const memory = countingMemory(heapMemory, { limit: 1 << 20 });
    using arena = stateful(i % 100, { memory });
    const checksum = i % 2 === 0;
    const bad = snapshotArena(arena, undefined, { checksum });
    const from = checksum ? 0 : 32;
    const range = numbers.oneIn(2) ? bad.length : Math.min(112, bad.length);
    bad[from + numbers.below(range - from)] ^= 1 << numbers.below(8);
    const before = snapshotArena(arena);
    try {
      restoreArena(arena, bad);
      accepted++;
      assert(!checksum, "a wrong checksum was accepted");
    } catch (error) {
      assert(error instanceof SnapshotError || error instanceof OutOfMemoryError, `${error}`);
      assertEquals(snapshotArena(arena), before);
      rejected++;
    }
    validate(arena);
    assertEquals(memory.usedBytes, arena.stats().byteLength);
    goOn(arena, i, 5);
  }
  assert(accepted > 500 && rejected > 3500, `${accepted} accepted, ${rejected} rejected`);
});

type Forgery = (words: Int32Array, peak: Float64Array) => void;

/** What is wrong with a snapshot of one block of 256 bytes and a top of 100, and bytes to add. */
const FORGERIES: [problem: string, forge: Forgery, added?: number][] = [
  ["8 bytes are left", () => {}, 8],
  ["its current block is 1 of 1", (words) => words[9] = 1],
  ["granules of addresses", (words) => words[10] = 2 ** 20 + 1],
  ["is beyond the last", (words) => words[10] = 1],
  ["is that of two blocks or of none", (words) => words[14] = 0],
  ["256 bytes at address 4100", (words) => words[14] += 4],
  ["248 bytes at address 4096", (words) => words[15] = 248],
  ["257 of them allocated", (words, peak) => words[16] = peak[0] = 257, 160],
  ["a need of 101 exceeds the peak, 100", (words) => words[11] = 101],
  ["a peak of 99 does not go with 100 used bytes", (_, peak) => peak[0] = 99],
  ["a peak of 4294967297 does not go", (_, peak) => peak[0] = 2 ** 32 + 1],
];

Deno.test("restoreArena() throws SnapshotError on every figure that no arena has", () => {
  using arena = new Arena(OPTIONS);
  fill(arena, [100]);
  const saved = snapshotArena(arena, undefined, { checksum: false });
  for (const [problem, forge, added = 0] of FORGERIES) {
    const bad = new Uint8Array(saved.length + added);
    bad.set(saved);
    const words = new Int32Array(bad.buffer);
    words[6] += added; // the length in the header
    forge(words, new Float64Array(bad.buffer, 48, 1));
    assertUntouched(arena, () => restoreArena(arena, bad), SnapshotError, problem);
  }
  const most = saved.slice();
  new Int32Array(most.buffer)[10] = 2 ** 20; // granules of 4 KiB, up to the last address
  restoreArena(arena, most);
  validate(arena);
  restoreArena(arena, saved);
  fill(arena, [200]);
  const empty = new Arena(OPTIONS);
  for (const [it, problem] of [[arena, "block 1: 256 bytes"], [empty, "0 of 0"]] as const) {
    const bad = snapshotArena(it, undefined, { checksum: false });
    new Int32Array(bad.buffer)[9] = 0; // the current block
    assertUntouched(it, () => restoreArena(it, bad), SnapshotError, problem);
  }
});

Deno.test("restoreArena() restores nothing where its resource changes the arena, or takes the bytes", () => {
  let saved = new Uint8Array(0);
  const meanwhile: Record<string, (arena: Arena) => unknown> = {
    "has changed its blocks meanwhile": (arena) => arena.alloc(200), // in a block of its own
    "has detached the bytes to read": () => saved.buffer.transfer(),
  };
  for (const [problem, call] of Object.entries(meanwhile)) {
    const { memory, next } = calling();
    using arena = new Arena({ ...OPTIONS, memory });
    fill(arena, [200, 200, 200]);
    saved = snapshotArena(arena);
    arena.reset();
    arena.trim();
    const [address] = fill(arena, [200]);
    next(() => call(arena));
    const message = `Arena "it": its memory resource ${problem}`;
    assertThrows(() => restoreArena(arena, saved), Error, message);
    assertEquals([arena.bytes(address, 200)[7], memory.regions], [1, arena.stats().blocks]);
    validate(arena);
  }
});
