/** What the model does not show of arenas: errors, scopes, regions, and how much memory is kept. */
import { assert, assertEquals, assertLessOrEqual, assertThrows } from "@std/assert";
import {
  Arena,
  countingMemory,
  InvalidAddressError,
  type MemoryRegion,
  struct,
  validate,
} from "../../mod.ts";
import { assertUntouched, spaceOf, wasmAt } from "./_support.ts";
import { Random } from "../_random.ts";
import { untyped } from "../_support.ts";

const Vec2 = struct({ x: "f32", y: "f32" }, { name: "Vec2" });

// -- views --

Deno.test("Arena.view() and seek() accept any aligned address of allocated bytes, and no other", () => {
  using arena = new Arena({ name: "frame" });
  const address = arena.alloc(24);
  const cursor = arena.cursor(Vec2);
  arena.array(address, "f32", 6).set([1, 2, 3, 4, 5, 6]);
  assertEquals(arena.seek(cursor, address + 16).toJSON(), { x: 5, y: 6 });
  assertEquals(arena.view(address + 4, Vec2).toJSON(), { x: 2, y: 3 });
  const wrong: [number, string][] = [
    [address + 20, "does not hold 8 bytes, 4 are allocated from there on"],
    [address + 24, "does not hold 8 bytes, 0 are allocated from there on"],
    [address - 4, "does not hold 8 bytes"],
    [2 ** 31, "does not hold 8 bytes"],
    [address + 2, "is no multiple of 4"],
  ];
  for (const [at, problem] of wrong) {
    const message = `in Arena "frame": address ${at} ${problem}`;
    for (const look of [() => arena.view(at, Vec2), () => arena.seek(cursor, at)]) {
      assertUntouched(arena, look, InvalidAddressError, message);
    }
  }
  assertEquals(arena.addressOf(cursor), address + 16);
});

// -- rewinding --

Deno.test("Arena.rewind() throws RangeError on marks past its position, of others, and on no mark", () => {
  using arena = new Arena({ name: "frame" });
  using other = new Arena();
  const early = arena.mark();
  arena.alloc(100);
  other.alloc(50);
  const late = arena.mark();
  arena.rewind(early);
  arena.alloc(40);
  const message = `Cannot rewind in Arena "frame": mark ${late} is 60 bytes past its position`;
  assertUntouched(arena, () => arena.rewind(late), RangeError, message);
  const wrong = [other.mark(), 0, 8, -1, NaN, 1.5, early + 0.5, Infinity, "8", 8n, undefined];
  for (const mark of wrong) {
    const call = () => arena.rewind(untyped(mark));
    assertUntouched(arena, call, RangeError, typeof mark === "string" ? '"8" is no mark' : "mark");
  }
});

Deno.test("Arena.scope() rewinds once, not while memory is detached, nor after dispose()", () => {
  const memory = wasmAt(16);
  const arena = new Arena({ memory });
  const scope = arena.scope();
  arena.alloc(100);
  memory.memory.grow(1);
  assertThrows(() => scope[Symbol.dispose](), TypeError, "call rebind() first");
  arena.rebind();
  scope[Symbol.dispose]();
  arena.alloc(8);
  scope[Symbol.dispose](); // does nothing
  assertEquals(arena.stats().usedBytes, 8);
  const last = arena.scope();
  for (let i = 0; i < 3; i++) arena.alloc(40_000); // in several blocks
  arena.dispose();
  last[Symbol.dispose]();
});

// -- blocks --

Deno.test("Arena takes blocks when they are needed, and releases empty ones on trim()", () => {
  const memory = countingMemory();
  using arena = new Arena({ blockBytes: 64, memory });
  assertEquals([arena.trim(), arena.stats().byteLength, memory.regions], [0, 0, 0]);
  for (const [bytes, align] of [[64, 8], [1, 1], [65, 8], [5000, 4096], [60, 1]]) {
    arena.alloc(bytes, align);
  }
  const sizes = () => spaceOf(arena).extents.map(({ byteLength }) => byteLength);
  assertEquals([arena.trim(), sizes()], [0, [64, 64, 65, 5000, 64]]);
  arena.reset();
  arena.alloc(64);
  const mark = arena.mark();
  arena.alloc(8);
  arena.rewind(mark); // to the end of the first block
  const before = memory.usedBytes;
  assertEquals([arena.trim(), sizes()], [before - 64, [64]]);
  arena.reset();
  assertEquals([arena.trim(), memory.regions, arena.stats().blocks], [64, 0, 0]);
});

Deno.test("Arena takes a quarter more for a large block if one from before is too small", () => {
  using arena = new Arena({ blockBytes: 64 });
  arena.alloc(1000);
  arena.reset();
  arena.alloc(1200);
  assertEquals(spaceOf(arena).find(arena.alloc(200)).byteLength, 1500);
});

// -- frames --

/** An arena in counted memory, which keeps at most 4 times the largest frame, plus a block. */
function frames(blockBytes: number) {
  const memory = countingMemory();
  const arena = new Arena({ blockBytes, memory });
  let [now, largest] = [0, 0];

  function alloc(bytes: number): void {
    arena.alloc(bytes);
    now += bytes + 7 & ~7;
    largest = Math.max(largest, now);
    assertLessOrEqual(memory.peakBytes, 4 * largest + blockBytes, `frames of ${largest} bytes`);
  }

  /** One frame: allocates, and frees all of it. */
  function frame(sizes: readonly number[], end: () => void = () => arena.reset()): void {
    const before = now;
    for (const bytes of sizes) alloc(bytes);
    end();
    now = before;
    assertEquals(memory.usedBytes, arena.stats().byteLength);
  }

  return { arena, memory, alloc, frame };
}

/** Frames of a number of bytes, with some of it in one allocation. */
const SHAPES: Readonly<Record<string, (bytes: number) => number[]>> = {
  "one allocation": (bytes) => [bytes],
  "one large, many small": (bytes) => [bytes >> 1, ...Array(20).fill(Math.ceil(bytes / 40))],
  "many small, one large": (bytes) => [...Array(20).fill(Math.ceil(bytes / 40)), bytes >> 1],
  "ever smaller": (bytes) => Array.from({ length: 8 }, (_, i) => Math.ceil(bytes / 2 ** (i + 1))),
  "ever larger": (bytes) => Array.from({ length: 8 }, (_, i) => Math.ceil(bytes / 2 ** (8 - i))),
};

for (const [shape, sizesOf] of Object.entries(SHAPES)) {
  Deno.test(`Frames keep at most 4 times the largest, and a block, and take no more again (${shape})`, () => {
    for (const blockBytes of [64, 4096, 65_536, 300_000]) {
      const numbers = new Random(1);
      const rounds = [
        Array.from({ length: 1000 }, (_, f) => 65_536 + 64 * f),
        Array.from({ length: 333 }, (_, f) => 64_000 - 192 * f),
        Array.from({ length: 500 }, () => 16 + numbers.below(2 ** numbers.below(20))),
      ];
      for (const round of rounds) {
        const { arena, frame } = frames(blockBytes);
        for (const bytes of round) frame(sizesOf(bytes));
        validate(arena);
      }
      const { memory, frame } = frames(blockBytes);
      for (const sizes of [[90_000], [90_000, 1000], [1000, 90_000, 20_000], [100, 200, 250_000]]) {
        let before: number[] = [];
        for (let f = 0; f < 60 + 200; f++) {
          frame(sizesOf(sizes[f % sizes.length]));
          if (f === 60) before = [memory.allocations, memory.releases];
        }
        assertEquals([memory.allocations, memory.releases], before);
      }
    }
  });
}

Deno.test("Frames by rewind() and scope(), nested and above what stays, keep to the bound", () => {
  for (const kept of [0, 1000, 500_000]) {
    const { arena, memory, alloc, frame } = frames(65_536);
    if (kept > 0) alloc(kept);
    const nest = (depth: number, bytes: number): void => {
      const scope = arena.scope();
      frame([bytes, 100], () => {
        if (depth > 0) { for (let i = 0; i < 3; i++) nest(depth - 1, bytes + 100 * i); }
        scope[Symbol.dispose]();
      });
    };
    for (let f = 0; f < 60; f++) {
      const mark = arena.mark();
      frame([65_536 + 640 * f, 100], () => arena.rewind(mark));
      nest(3, 3000 + 500 * f);
    }
    validate(arena);
    const { allocations } = memory;
    for (let f = 0; f < 100; f++) nest(0, f % 2 === 0 ? 70_000 : 10);
    for (let f = 0; f < 10_000; f++) arena.rewind(arena.mark()); // frees nothing
    assertEquals(memory.allocations, allocations);
  }
});

Deno.test("After a huge frame the memory comes down", () => {
  for (const blockBytes of [64, 65_536]) {
    for (const sizes of [[100], [60, 60, 60], [5000, 70_000]]) {
      const { arena, memory, frame } = frames(blockBytes);
      const run = (count: number) => {
        for (let f = 0; f < count; f++) frame(sizes);
      };
      for (const huge of [[50_000_000], Array(200).fill(250_000), [10, 50_000_000]]) {
        frame(huge);
        run(20); // it is kept for a while
        assert(memory.usedBytes >= 50_000_000);
        run(3000);
        const bytes = sizes.reduce((sum, size) => sum + size);
        assertLessOrEqual(memory.usedBytes, 4 * (bytes + 512) + blockBytes);
        validate(arena);
        const { allocations } = memory;
        run(1000);
        assertEquals(memory.allocations, allocations);
      }
    }
  }
});

Deno.test("Alignments that leave most of each block take nothing in each frame", () => {
  const memory = countingMemory();
  const arena = new Arena({ blockBytes: 4100, memory });
  const taken = Array.from({ length: 110 }, () => {
    for (let i = 0; i < 10; i++) arena.alloc(8, 4096);
    arena.reset();
    return memory.allocations;
  });
  assertEquals(taken[109], taken[10]);
});

// -- regions --

Deno.test("Arena.allocate() joins no released regions of two blocks", () => {
  const arena = new Arena({ blockBytes: 128 });
  const [a, , c] = [96, 96, 32].map((byteLength) => arena.allocate(byteLength, 8));
  for (const region of [a, c]) arena.release(region); // of two blocks, one from byte 96 on
  assert(arena.allocate(128, 8).buffer !== a.buffer);
});

/** A mark or an open scope, which protects what is before it. */
interface Guard {
  readonly to: number;
  readonly isScope: boolean;
  rewind(): void;
}

/** Takes random steps with regions in one block, each of which must lie where the model has it. */
function playRegions(numbers: Random): void {
  using arena = new Arena();
  arena.alloc(65_536); // the block before, so that no position is an offset
  let top = 0;
  const isReleased = new Uint8Array(65_536);
  const regions: { region: MemoryRegion; at: number }[] = [];
  let guards: Guard[] = [marked()];

  function marked(): Guard {
    const mark = arena.mark();
    return { to: top, isScope: false, rewind: () => arena.rewind(mark) };
  }

  function scoped(): Guard {
    const scope = arena.scope();
    return { to: top, isScope: true, rewind: () => scope[Symbol.dispose]() };
  }

  function allocate(byteLength: number, align: number): void {
    const alignUp = (at: number) => Math.ceil(at / align) * align;
    let at = alignUp(Math.max(...guards.map(({ to }) => to)));
    const isRoom = () => isReleased.subarray(at, at + byteLength).every((it) => it === 1);
    while (at + byteLength <= top && !isRoom()) at += align;
    if (at + byteLength > top) at = alignUp(top);
    const region = arena.allocate(byteLength, align);
    assertEquals(region.byteOffset, at);
    const bytes = new Uint8Array(region.buffer, at, byteLength);
    assert(bytes.every((byte) => byte === 0));
    bytes.fill(7);
    isReleased.fill(0, at, at + byteLength);
    top = Math.max(top, at + byteLength);
    regions.push({ region, at });
  }

  function release(): void {
    const [{ region, at }] = regions.splice(numbers.below(regions.length), 1);
    arena.release(region);
    if (at >= 0) isReleased.fill(1, at, at + region.byteLength); // else a rewind freed it
  }

  function rewind(guard: Guard): void {
    guard.rewind();
    top = guard.to;
    isReleased.fill(0, top);
    guards = guards.filter((it) => it.to <= top && !(it === guard && it.isScope));
    for (const it of regions) if (it.at >= top) it.at = -1;
  }

  for (let step = 0; step < 100; step++) {
    const turn = numbers.below(20);
    if (turn < 7) allocate(numbers.pick([1, 4, 60, 64, 100]), 1 << numbers.below(8));
    else if (turn < 14 && regions.length > 0) release();
    else if (turn === 14) top = arena.alloc(8) % 65_536 + 8;
    else if (turn === 15) guards.push(marked());
    else if (turn === 16) guards.push(scoped());
    else rewind(numbers.pick(guards)); // the first is always there
  }
  validate(arena);
}

Deno.test("Arena.allocate() takes the first released bytes past all marks and open scopes, else new ones", () => {
  for (let seed = 0; seed < 1000; seed++) playRegions(new Random(seed));
});
