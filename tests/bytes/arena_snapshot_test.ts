/** Snapshots of arenas: what comes back, what is refused, and that nothing is touched then. */
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  Arena,
  type ArenaOptions,
  DisposedError,
  OutOfMemoryError,
  Pool,
  SnapshotError,
  StaleHandleError,
  struct,
  validate,
} from "../../mod.ts";
import { assertUntouched, spaceOf, WasmStandIn } from "./_support.ts";
import { assertSameBytes, randomOf } from "../slab/_snapshots.ts";
import { untyped } from "../_support.ts";
import { Ledger } from "../_ledger.ts";

const OPTIONS: ArenaOptions = { name: "it", blockBytes: 256 };

function fill(arena: Arena, sizes: readonly number[]): number[] {
  return sizes.map((size, i) => {
    const address = arena.alloc(size);
    arena.bytes(address, size).fill(i + 1);
    return address;
  });
}

/** How to bring a new arena into each state. */
const STATES: Readonly<Record<string, (arena: Arena) => void>> = {
  "nothing": () => {},
  "one byte": (arena) => void fill(arena, [1]),
  "a full block": (arena) => void fill(arena, [256]),
  "blocks of several sizes": (arena) => void fill(arena, [200, 100, 5000, 3, 40_000, 250, 9]),
  "empty blocks past the current one": (arena) => {
    fill(arena, [100]);
    using _scope = arena.scope();
    fill(arena, [250, 1000, 200]);
  },
  "all of it taken back": (arena) => {
    fill(arena, [100, 250, 1000]);
    arena.reset();
  },
  "blocks given back": (arena) => {
    const mark = (fill(arena, [250]), arena.mark());
    fill(arena, [250, 1000, 250]);
    arena.rewind(mark);
    arena.trim();
    fill(arena, [30]);
  },
  "all blocks given back": (arena) => {
    fill(arena, [250, 1000]);
    arena.reset();
    arena.trim();
  },
  "blocks in another order than they came": (arena) => {
    const mark = (fill(arena, [100]), arena.mark());
    fill(arena, [256, 3000]);
    arena.rewind(mark);
    fill(arena, [2000, 200]);
  },
};

/** Goes on in a way that depends on the seed, and tells every address. */
function goOn(arena: Arena, seed: number, steps = 60): unknown[] {
  const random = randomOf(seed);
  const answers: unknown[] = [];
  const marks: number[] = [];
  for (let i = 0; i < steps; i++) {
    const op = random(20);
    if (op < 12) {
      const size = 1 + random(random(8) === 0 ? 2000 : 120);
      answers.push(...fill(arena, [size]));
    } else if (op < 15) marks.push(arena.mark());
    else if (op < 18 && marks.length > 0) {
      const mark = marks.splice(random(marks.length))[0];
      if (mark <= arena.mark()) arena.rewind(mark);
    } else if (op === 18) answers.push(arena.trim());
    else if (random(4) === 0) arena.reset();
    validate(arena);
  }
  return [...answers, { ...arena.stats() }];
}

for (const [state, bring] of Object.entries(STATES)) {
  for (const debug of [false, true]) {
    const title = `${state}${debug ? ", debug" : ""}`;

    Deno.test(`Arena.restore() brings everything back, and the same calls give the same addresses (${title})`, () => {
      for (let seed = 0; seed < (debug ? 4 : 20); seed++) {
        using arena = new Arena({ ...OPTIONS, debug });
        bring(arena);
        const saved = arena.snapshot();
        const stats = { ...arena.stats() };
        const answers = goOn(arena, seed);
        arena.restore(saved);
        validate(arena);
        assertEquals({ ...arena.stats() }, stats);
        assertSameBytes(arena.snapshot(), saved);
        assertEquals(goOn(arena, seed), answers);
      }
    });
  }

  Deno.test(`Arena.restore() works in a new arena that was created in the same way (${state})`, () => {
    for (const before of Object.values(STATES)) {
      using arena = new Arena(OPTIONS);
      bring(arena);
      const saved = arena.snapshot();
      using other = new Arena(OPTIONS);
      before(other);
      other.restore(saved);
      validate(other);
      assertSameBytes(other.snapshot(), saved);
      assertEquals(goOn(other, 5), goOn(arena, 5));
    }
  });

  Deno.test(`Arena.restore() changes nothing where memory runs out (${state})`, () => {
    using arena = new Arena(OPTIONS);
    bring(arena);
    const saved = arena.snapshot();
    for (let budget = 0; budget < arena.stats().blocks; budget++) {
      const memory = new Ledger();
      using other = new Arena({ ...OPTIONS, memory });
      fill(other, [3, 300]);
      const { byteLength } = memory;
      memory.budget = budget;
      // The first block may be the same as one that is there.
      if (budget < arena.stats().blocks - 2) {
        assertUntouched(other, () => other.restore(saved), OutOfMemoryError, "budget is spent");
        assertEquals(memory.byteLength, byteLength);
      }
      memory.budget = Infinity;
      other.restore(saved);
      validate(other);
      assertEquals(memory.byteLength, arena.stats().byteLength);
    }
  });
}

Deno.test("Arena.restore() makes marks of that moment valid, and keeps the memory of blocks that stay", () => {
  using arena = new Arena(OPTIONS);
  const [a] = fill(arena, [100]);
  const mark = arena.mark();
  const [b] = fill(arena, [250]);
  const saved = arena.snapshot();
  const { buffer } = arena.bytes(a, 1);
  arena.reset();
  fill(arena, [16]);
  arena.restore(saved);
  assertStrictEquals(arena.bytes(a, 1).buffer, buffer);
  assertEquals([arena.bytes(a, 100)[99], arena.bytes(b, 250)[249]], [1, 1]);
  arena.rewind(mark);
  assertEquals(arena.stats().usedBytes, 100);
});

Deno.test("Arena.restore() makes debug views from before throw", () => {
  using arena = new Arena({ ...OPTIONS, debug: true });
  const Point = struct({ x: "u32" });
  const address = arena.allocRecord(Point, { x: 7 });
  const view = arena.view(address, Point);
  arena.restore(arena.snapshot());
  assertThrows(() => view.x, StaleHandleError);
  assertEquals(arena.view(address, Point).x, 7);
});

Deno.test("Arena.snapshot() writes into an array with room, and makes one otherwise", () => {
  using arena = new Arena(OPTIONS);
  fill(arena, [300]);
  const saved = arena.snapshot();
  const into = new Uint8Array(saved.length + 8).fill(9);
  assertStrictEquals(arena.snapshot(into), into);
  assertSameBytes(into.subarray(0, saved.length), saved);
  assertEquals(into.at(-1), 9);
  assertEquals(arena.snapshot(new Uint8Array(saved.length - 1)).length, saved.length);
  assertThrows(() => arena.snapshot(into.subarray(4)), RangeError, "a multiple of 8");
  assertThrows(() => arena.snapshot(untyped([])), TypeError, "into must be a Uint8Array");
  arena.restore(into);
});

Deno.test("Arena.restore() follows the skew of its memory, or refuses", () => {
  using arena = new Arena({ ...OPTIONS, memory: new WasmStandIn(72) });
  fill(arena, [30, 250]);
  const saved = arena.snapshot();
  using same = new Arena({ ...OPTIONS, memory: new WasmStandIn(72) });
  same.restore(saved);
  validate(same);
  assertSameBytes(same.snapshot(), saved);
  using other = new Arena({ ...OPTIONS, memory: new WasmStandIn(8 + 64 * 2) });
  assertUntouched(other, () => other.restore(saved), SnapshotError, "lies elsewhere");
});

Deno.test("Arena.restore() refuses what is no snapshot of such an arena", () => {
  using arena = new Arena(OPTIONS);
  fill(arena, [30, 250]);
  const saved = arena.snapshot();
  using pool = new Pool({ n: "u8" });
  using larger = new Arena({ ...OPTIONS, blockBytes: 512 });
  using debug = new Arena({ ...OPTIONS, debug: true });
  for (const bytes of [pool.snapshot(), larger.snapshot(), debug.snapshot()]) {
    assertUntouched(arena, () => arena.restore(bytes), SnapshotError, "another layout");
  }
  assertUntouched(arena, () => arena.restore(untyped("x")), TypeError, "must be a Uint8Array");
  for (let length = 0; length < saved.length; length++) {
    assertUntouched(arena, () => arena.restore(saved.slice(0, length)), SnapshotError, "cut off");
  }
  arena.dispose();
  assertThrows(() => arena.snapshot(), DisposedError);
  assertThrows(() => arena.restore(saved), DisposedError);
});

Deno.test("Arena.restore() of 20,000 snapshots with flipped bits throws SnapshotError, and changes nothing", () => {
  using small = new Arena(OPTIONS);
  STATES["empty blocks past the current one"](small);
  const saved = small.snapshot();
  const random = randomOf(7);
  for (let i = 0; i < 20_000; i++) {
    const bad = saved.slice();
    for (let flips = random(3); flips >= 0; flips--) bad[random(bad.length)] ^= 1 << random(8);
    if (bad.every((byte, at) => byte === saved[at])) continue;
    assertThrows(() => small.restore(bad), SnapshotError);
  }
  assertSameBytes(small.snapshot(), saved);
  validate(small);
});

Deno.test("Arena.restore() of snapshots without a checksum never breaks the books, whatever was flipped", () => {
  const random = randomOf(9);
  let taken = 0, refused = 0;
  for (let i = 0; i < 4000; i++) {
    const memory = new Ledger({
      allocate(byteLength) {
        if (byteLength > 1 << 16) throw new OutOfMemoryError("Cannot: too much", byteLength);
        return { buffer: new ArrayBuffer(byteLength), byteOffset: 0, byteLength };
      },
      release() {},
    });
    using arena = new Arena({ ...OPTIONS, memory });
    STATES[Object.keys(STATES)[i % 9]](arena);
    const bad = arena.snapshot(undefined, { checksum: false });
    const within = 32 + random(bad.length - 32);
    const at = random(2) === 0 ? within : 32 + random(Math.min(80, bad.length - 32));
    bad[at] ^= 1 << random(8);
    const before = arena.snapshot();
    try {
      arena.restore(bad);
      taken++;
    } catch (error) {
      assert(error instanceof SnapshotError || error instanceof OutOfMemoryError, `${error}`);
      assertSameBytes(arena.snapshot(), before);
      refused++;
    }
    validate(arena);
    goOn(arena, i, 5);
    assertEquals(memory.byteLength, spaceOf(arena).byteLength);
  }
  assert(taken > 500 && refused > 500, `${taken} were taken, ${refused} refused`);
});

Deno.test("Arena.restore() refuses a current block that is followed by one in use", () => {
  using arena = new Arena(OPTIONS);
  fill(arena, [200, 200]);
  const bad = arena.snapshot(undefined, { checksum: false });
  new Int32Array(bad.buffer)[9] = 0;
  assertUntouched(arena, () => arena.restore(bad), SnapshotError, "block 1: 256 bytes at address");
});

/** What is wrong with a snapshot of one block of 256 bytes, 100 of them given out; how it gets that way; bytes added. */
const FORGERIES: [string, (words: Int32Array, peak: Float64Array) => void, number?][] = [
  ["8 bytes are left", () => {}, 8],
  ["its current block is 1 of 1", (words) => void (words[9] = 1)],
  ["granules of addresses", (words) => void (words[10] = 2 ** 20 + 1)],
  ["is beyond the last", (words) => void (words[10] = 1)],
  ["is that of two blocks or of none", (words) => void (words[14] = 0)],
  ["256 bytes at address 4100", (words) => void (words[14] += 4)],
  ["248 bytes at address 4096", (words) => void (words[15] = 248)],
  ["257 of them given out", (words, peak) => void (words[16] = peak[0] = 257), 160],
  ["a need of 101 exceeds the peak, 100", (words) => void (words[11] = 101)],
  ["a peak of 99 does not go with 100 used bytes", (_, peak) => void (peak[0] = 99)],
];

Deno.test("Arena.restore() refuses every figure that no arena has", () => {
  using arena = new Arena(OPTIONS);
  fill(arena, [100]);
  const saved = arena.snapshot(undefined, { checksum: false });
  for (const [problem, forge, added = 0] of FORGERIES) {
    const bad = new Uint8Array(saved.length + added);
    bad.set(saved);
    const words = new Int32Array(bad.buffer);
    words[6] += added; // the length in the header
    forge(words, new Float64Array(bad.buffer, 48, 1));
    assertUntouched(arena, () => arena.restore(bad), SnapshotError, problem);
  }
});

Deno.test("Arena.restore() in debug mode refuses the snapshot of another debug arena, whose addresses are others", () => {
  using arena = new Arena({ ...OPTIONS, debug: true });
  using other = new Arena({ ...OPTIONS, debug: true });
  for (const it of [arena, other]) fill(it, [100]);
  const foreign = other.snapshot();
  assertUntouched(arena, () => arena.restore(foreign), SnapshotError, "another layout");
  arena.restore(arena.snapshot());
});
