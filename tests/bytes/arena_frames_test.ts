/** How much memory an arena keeps from frame to frame, and what it takes anew. */
import { assert, assertEquals, assertLessOrEqual, assertThrows } from "@std/assert";
import {
  Arena,
  type CountingMemory,
  countingMemory,
  FreeListAllocator,
  heapMemory,
  type MemoryResource,
  OutOfMemoryError,
  Pool,
  sharedMemory,
  struct,
  validate,
  wasmMemory,
} from "../../mod.ts";
import { Numbers } from "./_intervals.ts";

const KIB = 1024;

/** An arena, what it took, and the claim of how much that may be: 4 times the largest frame, and a block. */
class Watched {
  readonly counter: CountingMemory;
  readonly arena: Arena;
  readonly #blockBytes: number;
  /** Bytes asked for in this frame, and in the largest. */
  #frame = 0;
  #largest = 0;

  constructor(blockBytes: number, memory: MemoryResource = heapMemory, debug = false) {
    this.#blockBytes = blockBytes;
    this.counter = countingMemory(memory);
    this.arena = new Arena({ blockBytes, memory: this.counter, debug });
  }

  alloc(bytes: number): number {
    const address = this.arena.alloc(bytes);
    this.#frame += bytes + 7 & ~7;
    this.#largest = Math.max(this.#largest, this.#frame);
    this.check();
    return address;
  }

  /** One frame: allocates, and takes all back. */
  frame(sizes: readonly number[], end: () => void = () => this.arena.reset()): void {
    const before = this.#frame;
    for (const bytes of sizes) this.alloc(bytes);
    end();
    this.#frame = before;
    this.check();
  }

  check(): void {
    const most = 4 * this.#largest + this.#blockBytes;
    assertEquals(this.counter.usedBytes, this.arena.stats().byteLength);
    assertLessOrEqual(this.counter.peakBytes, most, `frames of up to ${this.#largest} bytes`);
  }
}

/** Frames of a number of bytes, with some of it in one allocation. */
const SHAPES: Record<string, (bytes: number) => number[]> = {
  "one allocation": (bytes) => [bytes],
  "two of a size": (bytes) => [bytes >> 1, bytes >> 1],
  "one large, many small": (bytes) => [bytes >> 1, ...Array(20).fill(Math.ceil(bytes / 40))],
  "many small, one large": (bytes) => [...Array(20).fill(Math.ceil(bytes / 40)), bytes >> 1],
  "ever smaller": (bytes) => Array.from({ length: 8 }, (_, i) => Math.ceil(bytes / 2 ** (i + 1))),
  "ever larger": (bytes) => Array.from({ length: 8 }, (_, i) => Math.ceil(bytes / 2 ** (8 - i))),
};

for (const [shape, sizesOf] of Object.entries(SHAPES)) {
  for (const blockBytes of [64, 4096, 65_536, 300_000]) {
    const kind = `${shape}, blocks of ${blockBytes}`;

    Deno.test(`Frames that grow keep at most 4 times the largest, and a block (${kind})`, () => {
      const it = new Watched(blockBytes);
      for (let f = 0; f < 1000; f++) it.frame(sizesOf(65_536 + 64 * f));
      validate(it.arena);
    });

    Deno.test(`Frames that shrink, and any, keep at most 4 times the largest, and a block (${kind})`, () => {
      const it = new Watched(blockBytes);
      for (let f = 1000; f > 0; f -= 3) it.frame(sizesOf(64 * f));
      const numbers = new Numbers(1);
      for (let f = 0; f < 500; f++) it.frame(sizesOf(16 + numbers.below(2 ** numbers.below(20))));
      validate(it.arena);
    });

    Deno.test(`Frames that need no more take nothing, and give nothing back (${kind})`, () => {
      const it = new Watched(blockBytes);
      const patterns = [[90_000], [90_000, 1000], [1000, 90_000, 20_000], [100, 200, 300, 250_000]];
      for (const pattern of patterns) {
        for (let f = 0; f < 20 * pattern.length; f++) {
          it.frame(sizesOf(pattern[f % pattern.length]));
        }
        const { allocations, releases } = it.counter;
        for (let f = 0; f < 200; f++) it.frame(sizesOf(pattern[f % pattern.length]));
        assertEquals([it.counter.allocations, it.counter.releases], [allocations, releases]);
      }
    });
  }
}

Deno.test("Frames by rewind() and by scope(), also above what stays, keep at most 4 times the largest", () => {
  for (const kept of [0, 1000, 500_000]) {
    for (const debug of [false, true]) {
      const it = new Watched(65_536, heapMemory, debug);
      if (kept > 0) it.arena.bytes(it.alloc(kept), kept).fill(3);
      for (let f = 0; f < (debug ? 50 : 500); f++) {
        const mark = it.arena.mark();
        it.frame([65_536 + 64 * f, 100], () => it.arena.rewind(mark));
        const scope = it.arena.scope();
        it.frame([65_600 + 64 * f, 100], () => scope[Symbol.dispose]());
      }
      validate(it.arena);
      const { allocations } = it.counter;
      for (let f = 0; f < 100; f++) {
        const scope = it.arena.scope();
        it.frame(f % 2 === 0 ? [70_000] : [10], () => scope[Symbol.dispose]());
      }
      assertEquals(it.counter.allocations, allocations);
    }
  }
});

Deno.test("Frames in frames keep at most 4 times the most that was given out", () => {
  const it = new Watched(4096);
  const nest = (depth: number, bytes: number): void => {
    const scope = it.arena.scope();
    it.frame([bytes], () => {
      if (depth > 0) { for (let i = 0; i < 3; i++) nest(depth - 1, bytes + 100 * i); }
      scope[Symbol.dispose]();
    });
  };
  for (let f = 0; f < 60; f++) nest(3, 3000 + 50 * f);
  assertEquals(it.arena.stats().usedBytes, 0);
  validate(it.arena);
});

for (const blockBytes of [64, 65_536]) {
  for (const sizes of [[100], [60, 60, 60], [5000, 70_000]]) {
    Deno.test(`After one huge frame the memory comes down (blocks of ${blockBytes}, frames of ${sizes})`, () => {
      const it = new Watched(blockBytes);
      for (const huge of [[50_000_000], Array(200).fill(250_000), [10, 50_000_000]]) {
        it.frame(huge);
        assert(it.counter.usedBytes >= 50_000_000);
        for (let f = 0; f < 20; f++) it.frame(sizes); // it is kept for a while
        assert(it.counter.usedBytes >= 50_000_000);
        for (let f = 0; f < 3000; f++) it.frame(sizes);
        const bytes = sizes.reduce((sum, it) => sum + it);
        assertLessOrEqual(it.counter.usedBytes, 4 * (bytes + 512) + blockBytes);
        validate(it.arena);
        const { allocations } = it.counter;
        for (let f = 0; f < 1000; f++) it.frame(sizes);
        assertEquals(it.counter.allocations, allocations);
      }
    });
  }
}

Deno.test("A scope that takes nothing, and a rewind to where the arena stands, let no memory go", () => {
  const arena = new Arena();
  arena.alloc(1_000_000);
  arena.reset();
  const { byteLength } = arena.stats();
  for (let i = 0; i < 10_000; i++) {
    using _scope = arena.scope();
    arena.rewind(arena.mark());
  }
  assertEquals(arena.stats().byteLength, byteLength);
});

Deno.test("Alignments that leave most of each block take nothing anew, frame after frame", () => {
  const counter = countingMemory();
  const arena = new Arena({ blockBytes: 4100, memory: counter });
  const frame = () => {
    for (let i = 0; i < 10; i++) arena.alloc(8, 4096);
    arena.reset();
  };
  for (let f = 0; f < 10; f++) frame();
  const { allocations } = counter;
  for (let f = 0; f < 100; f++) frame();
  assertEquals(counter.allocations, allocations);
});

const SOURCES: Record<string, () => MemoryResource> = {
  shared: sharedMemory,
  wasm: () => wasmMemory(new WebAssembly.Memory({ initial: 100 }), { byteOffset: 13 }),
  arena: () => new Arena(),
  heap: () => new FreeListAllocator({ grow: true }),
};

for (const [name, sourceOf] of Object.entries(SOURCES)) {
  Deno.test(`Frames of any size hold what they are filled with, and keep to the bound (${name})`, () => {
    const it = new Watched(4096, sourceOf());
    const numbers = new Numbers(7);
    const kept = it.alloc(500);
    it.arena.bytes(kept, 500).fill(9);
    for (let f = 0; f < 300; f++) {
      const mark = it.arena.mark();
      const sizes = Array.from({ length: 1 + numbers.below(8) }, () => 1 + numbers.below(20_000));
      it.frame([], () => {
        const addresses = sizes.map((bytes) => it.alloc(bytes));
        addresses.forEach((at, i) => it.arena.bytes(at, sizes[i]).fill(i + 1));
        addresses.forEach((at, i) => {
          assert(it.arena.bytes(at, sizes[i]).every((byte) => byte === i + 1));
        });
        it.arena.rewind(mark);
      });
      if (f % 20 === 0) validate(it.arena);
    }
    assert(it.arena.bytes(kept, 500).every((byte) => byte === 9));
    it.arena.dispose();
    assertEquals(it.counter.regions, 0);
  });
}

// -- where memory is short --

Deno.test("An arena takes a block in the place of those that are too small, where memory is short", () => {
  const memory = countingMemory(heapMemory, { limit: 100_000 });
  const arena = new Arena({ blockBytes: 1024, memory });
  arena.alloc(40_000);
  arena.alloc(40_000);
  arena.reset();
  const before = { ...arena.stats() };
  assertThrows(() => arena.alloc(110_000), OutOfMemoryError);
  assertEquals({ ...arena.stats() }, before);
  validate(arena);
  const address = arena.alloc(90_000);
  assert(arena.bytes(address, 90_000).every((byte) => byte === 0));
  assertEquals(memory.usedBytes, 90_000);
  validate(arena);
});

// -- as a memory resource --

Deno.test("An arena lends again what came back, so that a heap and a pool in it can take and give for ever", () => {
  const arena = new Arena({ blockBytes: 16 * KIB });
  using heap = new FreeListAllocator({ byteLength: 4096, grow: true, memory: arena });
  using pool = new Pool({ n: "u32" }, { chunksPerBlock: 256, keepEmptyBlocks: 0, memory: arena });
  for (let i = 0; i < 1000; i++) {
    const address = heap.alloc(10_000);
    heap.bytes(address, 10_000).fill(255);
    const handles = pool.allocMany(600);
    assertEquals(pool.get(handles[599]).n, 0);
    pool.set(handles[599], { n: i });
    heap.free(address);
    pool.freeMany(handles);
  }
  assertLessOrEqual(arena.stats().byteLength, 4 * 16 * KIB);
  validate(arena);
});

Deno.test("Arena.allocate() joins what came back side by side, and keeps what is left of it", () => {
  const arena = new Arena({ blockBytes: 4096 });
  const addressOf = ({ buffer, byteOffset }: { buffer: ArrayBufferLike; byteOffset: number }) =>
    arena.addressOf(new Uint8Array(buffer, byteOffset, 1));
  const regions = Array.from({ length: 5 }, () => arena.allocate(100, 4));
  const [first] = regions;
  const start = addressOf(first);
  for (const i of [1, 3, 2]) arena.release(regions[i]);
  const joined = arena.allocate(296, 4);
  assertEquals(addressOf(joined), start + 100);
  new Uint8Array(joined.buffer, joined.byteOffset, 296).fill(7);
  assertEquals(addressOf(arena.allocate(4, 4)), start + 396);
  arena.release(joined);
  const again = arena.allocate(8, 64);
  assertEquals(addressOf(again) % 64, 0);
  assert(addressOf(again) < start + 396);
  assert(new Uint8Array(again.buffer, again.byteOffset, 8).every((byte) => byte === 0));
  assertEquals(addressOf(arena.allocate(1, 1)), start + 100);
});

Deno.test("Arena.rewind() takes back what was lent since the mark, also where it is released later", () => {
  const arena = new Arena({ blockBytes: 4096 });
  const early = arena.allocate(64, 8);
  arena.release(early);
  const mark = arena.mark();
  const late = arena.allocate(64, 8); // not in the place of the early one, which is before the mark
  assertEquals(late.byteOffset, early.byteOffset + 64);
  arena.rewind(mark);
  const address = arena.alloc(64);
  arena.bytes(address, 64).fill(5);
  arena.release(late);
  const other = arena.allocate(64, 8);
  assertEquals(other.byteOffset, late.byteOffset + 64);
  assert(arena.bytes(address, 64).every((byte) => byte === 5));
  arena.reset();
  arena.release(other);
  arena.alloc(8);
  assertEquals(arena.allocate(64, 8).byteOffset, early.byteOffset + 8);
});

Deno.test("A scope that ended does not keep what came back before it from being lent again", () => {
  const arena = new Arena();
  const early = arena.allocate(64, 8);
  arena.release(early);
  {
    using _scope = arena.scope();
    arena.alloc(100);
  }
  assertEquals(arena.allocate(64, 8).byteOffset, early.byteOffset);
});

Deno.test("A debug view of lent memory throws once that is lent again", () => {
  const Point = struct({ x: "u32" });
  using arena = new Arena({ debug: true });
  const region = arena.allocate(64, 8);
  const view = arena.view(
    arena.addressOf(new Uint8Array(region.buffer, region.byteOffset, 8)),
    Point,
  );
  view.x = 4;
  arena.release(region);
  arena.allocate(64, 8);
  assertThrows(() => view.x);
});
