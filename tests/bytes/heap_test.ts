/** How much memory a `FreeListAllocator` takes, while what is live grows, comes and goes. */
import { assert, assertEquals, assertLessOrEqual, assertThrows } from "@std/assert";
import {
  countingMemory,
  debug as debugMode,
  FreeListAllocator,
  type FreeListOptions,
  heapMemory,
  OutOfMemoryError,
  struct,
  validate,
} from "../../mod.ts";
import { FITS, spaceOf, wasmAt } from "./_support.ts";

const KIB = 1024;
const MIB = 2 ** 20;

/** A heap that grows in memory that is counted. */
function counted(options: FreeListOptions = {}) {
  const memory = countingMemory(options.memory ?? heapMemory);
  const heap = new FreeListAllocator({ byteLength: 4 * KIB, grow: true, ...options, memory });
  return { heap, memory };
}

/** The same in memory where each region lies right behind the one before. */
function adjacent(options: FreeListOptions = {}) {
  const upstream = wasmAt(0);
  return { wasm: upstream.memory, ...counted({ ...options, memory: upstream }) };
}

// -- buffers that grow --

/**
 * Buffers that grow in turn by `step` bytes, with a small allocation after `every` so many steps
 * (0: none), and how many `times` what is live may be taken.
 */
const GROWTHS = [
  { buffers: 1, step: KIB, to: 512 * KIB, every: 0, extentBytes: 64 * KIB, times: 4 },
  ...[1, 3, 10].map((every) => (
    { buffers: 1, step: 128, to: 400_000, every, extentBytes: 64 * KIB, times: 4 }
  )),
  ...[2, 3, 7].flatMap((buffers) =>
    [100, 4096].map((step) => (
      { buffers, step, to: 400 * KIB / buffers, every: 0, extentBytes: 16 * KIB, times: 6 }
    ))
  ),
];
type Growth = typeof GROWTHS[number];

/** Grows buffers, which never move where one of them has all memory behind it. */
function grow(
  { buffers, step, to, every, extentBytes, times }: Growth,
  make: typeof counted,
  options: FreeListOptions,
): void {
  const { heap, memory } = make({ ...options, byteLength: extentBytes });
  let { peakBytes } = memory;
  const check = () => {
    const { usedBytes, byteLength } = heap.stats();
    const most = times * usedBytes + extentBytes;
    assertEquals(byteLength, memory.usedBytes);
    assertLessOrEqual(byteLength, most, `with ${usedBytes} bytes live`);
    const isMoving = memory.peakBytes > peakBytes;
    if (isMoving) assertLessOrEqual(memory.peakBytes, most, `moving to ${usedBytes} bytes`);
    ({ peakBytes } = memory);
  };
  const addresses = Array.from({ length: buffers }, (_, k) => heap.alloc(step, 8 << 3 * (k & 1)));
  const small: number[] = [];
  let moves = 0;
  for (let bytes = 2 * step, i = 0; bytes < (options.debug ? to / 4 : to); bytes += step) {
    for (let k = 0; k < buffers; k++, i++) {
      const before = addresses[k];
      addresses[k] = heap.realloc(before, bytes);
      if (addresses[k] !== before) moves++;
      check();
      if (every > 0 && i % every === 0) small.push(heap.alloc(8 + i % 60));
      check();
    }
  }
  const isInPlace = make === adjacent && buffers === 1 && every === 0;
  assertLessOrEqual(moves, isInPlace ? 0 : 20 * buffers);
  for (const at of [...small, ...addresses]) heap.free(at);
  heap.trim();
  assertEquals(memory.usedBytes, extentBytes);
}

for (const kind of FITS) {
  const { fit, index } = kind;
  Deno.test(`One buffer that grows takes at most 4 times what is live, several 6 times, and moves seldom, or never with memory behind it (${fit} fit, ${index})`, () => {
    for (const debug of [false, debugMode] as const) {
      for (const growth of GROWTHS) {
        for (const make of [counted, adjacent]) grow(growth, make, { ...kind, debug });
      }
    }
  });
}

Deno.test("An allocation gets spare room from the second time on that it is made larger", () => {
  using heap = new FreeListAllocator({ byteLength: 64 * KIB, grow: true });
  const address = heap.realloc(heap.alloc(100), 100_000);
  assertEquals(heap.stats().byteLength, 64 * KIB + 100_000 + 16);
  const again = heap.realloc(address, 100_008);
  assertEquals(heap.stats().byteLength, 64 * KIB + 150_008 + 16 + 8);
  heap.alloc(30_000);
  assertEquals(heap.realloc(again, 150_000), again);

  using other = new FreeListAllocator({ byteLength: 64 * KIB, grow: true });
  const aligned = other.realloc(other.alloc(100), 90, 4096); // moves, but is not made larger
  other.realloc(aligned, 100_000);
  assertLessOrEqual(other.stats().byteLength, 64 * KIB + 100_000 + 4096 + 64);

  using small = new FreeListAllocator({ byteLength: 4096 });
  const first = small.realloc(small.alloc(1000), 1100);
  assertEquals(small.realloc(first, 1200), first);
  assertLessOrEqual(2000, small.stats().freeBytes); // it leaves most of the extent to others
});

// -- what comes and goes --

Deno.test("A heap takes no memory each time at the edge of an extent, and keeps one spare at most when it is emptied", () => {
  for (const kind of FITS) {
    const { heap, memory } = counted(kind);
    const live: number[] = [];
    while (memory.regions < 2) live.push(heap.alloc(100));
    const { allocations } = memory;
    for (let i = 0; i < 100; i++) {
      heap.free(live.pop()!); // there are many
      live.push(heap.alloc(100));
    }
    assertEquals(memory.allocations, allocations);
    for (let i = 0; i < 300; i++) live.push(heap.alloc(50 + i * 40));
    for (let i = 0; i < live.length; i++) heap.free(live[i * 7 % live.length]);
    assertLessOrEqual(memory.usedBytes, 2 * 4096);
    heap.trim();
    assertEquals(memory.usedBytes, 4096);
  }
});

Deno.test("Extents that are taken again are kept from then on while they are used, until trim()", () => {
  const rounds = [[10_000], [100_000], [10_000, 10_000], [10_000, 50_000, 20_000], [
    50_000,
    10_000,
  ]];
  for (const [sizes, live] of rounds.flatMap((it) => [[it, 0], [it, 100]] as const)) {
    const { heap, memory } = counted();
    if (live > 0) heap.alloc(live);
    const round = () => {
      for (const it of sizes.map((bytes) => heap.alloc(bytes))) heap.free(it);
    };
    round();
    assertLessOrEqual(memory.usedBytes, 2 * 4096);
    for (let i = 0; i < 10; i++) round();
    const { allocations } = memory;
    for (let i = 0; i < 100; i++) round();
    assertEquals(memory.allocations, allocations);
    assertLessOrEqual(memory.usedBytes, sizes.reduce((sum, bytes) => sum + bytes, 10_000));
    validate(heap);
    heap.trim();
    assertEquals(memory.usedBytes, 4096);
    round();
    assertLessOrEqual(memory.usedBytes, 2 * 4096);
  }
});

Deno.test("Extents of small allocations grow with the heap, so that they are few", () => {
  using heap = new FreeListAllocator({ byteLength: 4096, grow: true });
  while (heap.stats().byteLength < 8 * MIB) for (let i = 0; i < 1000; i++) heap.alloc(48);
  assertLessOrEqual(spaceOf(heap).extents.length, 50);
  const { usedBytes, byteLength } = heap.stats();
  assertLessOrEqual(byteLength, 2 * usedBytes);
});

Deno.test("Frames that end with reset() keep at most 4 times the largest, and come down, also by what was appended to the first extent", () => {
  for (const make of [counted, adjacent]) {
    const { heap, memory } = make({ byteLength: 64 * KIB });
    const frame = (bytes: number, count = 3) => {
      for (let i = 0; i < count; i++) heap.alloc(bytes);
      const most = 4 * heap.stats().peakBytes + 64 * KIB;
      heap.reset();
      assertLessOrEqual(memory.peakBytes, most);
    };
    frame(3000, 30); // which the first extent grows for
    for (let f = 0; f < 300; f++) frame(65_536 + 64 * f);
    validate(heap);
    const { allocations } = memory;
    for (let f = 0; f < 100; f++) frame(f % 2 === 0 ? 65_536 : 500);
    assertEquals(memory.allocations, allocations);
    for (let f = 0; f < 1000; f++) frame(500);
    assertEquals(memory.usedBytes, 64 * KIB);
    validate(heap);
  }
});

Deno.test("reset() keeps the memory of a larger frame for some 350 resets", () => {
  const { heap, memory } = counted();
  heap.alloc(MIB);
  let resets = 0;
  for (; memory.regions > 1 && resets < 1000; resets++) {
    heap.reset();
    heap.alloc(100);
  }
  // A past need counts for 1/256 less at each, and four times as much is kept.
  assert(resets > 350 && resets < 360, `${resets} resets`);
});

// -- little memory --

Deno.test("A heap takes less where the resource has less, and then replaces its spare extents", () => {
  const limited = countingMemory(heapMemory, { limit: 300_000 });
  const { heap, memory } = counted({ byteLength: 64 * KIB, memory: limited });
  const buffer = heap.realloc(heap.realloc(heap.alloc(60_000), 90_000), 90_100); // no spare room
  assertEquals(heap.sizeOf(buffer), 90_100);
  heap.free(buffer);
  const spare = heap.alloc(66_000);
  heap.alloc(140_000);
  heap.free(spare); // is kept, as it is less than half
  const before = { ...heap.stats() };
  assertThrows(() => heap.alloc(240_000), OutOfMemoryError);
  assertEquals([{ ...heap.stats() }, memory.usedBytes], [before, before.byteLength]);
  validate(heap);
  assertEquals(heap.alloc(66_000), spare);
  heap.free(spare);
  assertEquals(heap.sizeOf(heap.alloc(80_000)), 80_000);
  assertEquals(memory.usedBytes, 64 * KIB + 140_016 + 80_016);
  validate(heap);
});

// -- adjacent regions --

Deno.test("Memory right behind an extent is appended: chunks span both, and nothing moves", () => {
  const Point = struct({ x: "u32" });
  const { heap, memory, wasm } = adjacent({ byteLength: 64 * KIB, debug: debugMode });
  const first = heap.allocRecord(Point, { x: 7 });
  const view = heap.view(first, Point);
  const large = heap.alloc(60_000);
  const small = Array.from({ length: 30 }, () => heap.alloc(3000));
  assertEquals([spaceOf(heap).extents.length, memory.regions], [1, 3]);
  for (const at of [...small.splice(0, 20), large]) heap.free(at);
  validate(heap);
  assertLessOrEqual(110_000, heap.stats().largestFreeBytes); // more than a region
  wasm.grow(1);
  heap.rebind();
  assertEquals(view.x, 7);
  for (const at of [first, ...small]) heap.free(at);
  assertLessOrEqual(heap.stats().byteLength, 2 * 64 * KIB);
  heap.trim();
  assertEquals([memory.regions, memory.usedBytes], [1, 64 * KIB]);
  validate(heap);
});

Deno.test("An extent that is full up to an appended region is consistent when that is released", () => {
  const { heap, memory } = adjacent();
  const all = heap.alloc(heap.stats().largestFreeBytes);
  heap.free(heap.alloc(100));
  assertEquals([heap.trim(), memory.regions], [4096, 1]);
  validate(heap);
  heap.free(all);
  validate(heap);
});
