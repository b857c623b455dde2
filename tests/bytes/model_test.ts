/**
 * Random operations on the byte allocators beside a model of intervals: 1,000 seeds of 1,000 operations for each fit and
 * index of the free list, with the whole heap audited after every one. On failure the seed is printed.
 *
 * The numbers come from a generator of our own, not from fast-check: five million operations take too long with it.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import {
  Arena,
  type Fit,
  type FreeIndexKind,
  FreeListAllocator,
  heapMemory,
  InvalidAddressError,
  LifoOrderError,
  type MemoryResource,
  OutOfMemoryError,
  StackAllocator,
} from "../../mod.ts";
import { auditHeap } from "../../src/inspect/validate_heap.ts";
import { type Heap, heaps } from "../../src/bytes/heap.ts";
import { eachSeed, fail, type Interval, Intervals, Numbers } from "./_intervals.ts";

const SEEDS = 1000;
const OPERATIONS = 1000;

/** What a call threw, if it was of a class; anything else is thrown on. */
function refused(call: () => unknown, errorClass: new (...args: never[]) => Error): boolean {
  try {
    call();
  } catch (error) {
    if (error instanceof errorClass) return true;
    throw error;
  }
  return false;
}

// -- FreeListAllocator --

/** Small heaps, so that they are often full, and soon walked. */
const HEAP_BYTES = 640;

/** Most sizes are small; some fill a third of the heap. */
function someSize(numbers: Numbers): number {
  return 1 + numbers.below(numbers.below(8) === 0 ? 180 : 40);
}

/** Mostly the default; the largest would fill the heap with gaps. */
function someAlign(numbers: Numbers): number {
  return numbers.below(4) === 0 ? 1 << numbers.below(8) : 8;
}

/** Where the payload has to be that the fit asks for, searched for by hand; 0 for nowhere. */
function expected(heap: Heap, fit: Fit, bytes: number, align: number, mark: number): number {
  const { chunks, space } = heap;
  let found = 0;
  let size = 0;
  let isPast = false;
  for (const { firstUnit, byteLength } of space.extents.toSorted((a, b) => a.base - b.base)) {
    const end = firstUnit + (byteLength >> 3) - 1;
    for (let unit = firstUnit; unit < end; unit = chunks.next(unit)) {
      const address = placeIn(unit, align, chunks.minBytes);
      const here = chunks.sizeOf(unit);
      if (!chunks.isFree(unit) || address - 8 + bytes > unit * 8 + here) continue;
      const herePast = chunks.next(unit) > mark;
      const isBetter = found === 0 || fit === "best" && here < size ||
        fit === "worst" && here > size ||
        fit === "next" && herePast && !isPast;
      if (!isBetter) continue;
      found = address;
      size = here;
      isPast = herePast;
    }
  }
  return found;
}

/** The first aligned payload in a free chunk: right at its start, or where what is before it is a chunk of its own. */
function placeIn(unit: number, align: number, minBytes: number): number {
  let gap = 0;
  while ((unit * 8 + gap + 8) % align !== 0 || gap > 0 && gap < minBytes) gap += 8;
  return unit * 8 + gap + 8;
}

/** One run of operations on a free list. */
class HeapRun {
  readonly allocator: FreeListAllocator;
  readonly heap: Heap;
  readonly intervals: Intervals;
  readonly numbers: Numbers;
  readonly fit: Fit;
  readonly canGrow: boolean;
  /** Addresses that were freed and may have been given out again since. */
  readonly freed: number[] = [];
  /** Where the last allocation ended, for the next fit. */
  mark = 0;
  /** What each allocation was to be aligned to. */
  readonly aligns: Map<number, number> = new Map();

  constructor(fit: Fit, index: FreeIndexKind, seed: number) {
    this.numbers = new Numbers(seed);
    this.fit = fit;
    this.canGrow = seed % 3 === 0;
    this.allocator = new FreeListAllocator({
      byteLength: HEAP_BYTES - this.numbers.below(64),
      fit,
      index,
      grow: this.canGrow,
      memory: seed % 2 === 0 ? heapMemory : offsetMemory(8 * (seed % 512)),
    });
    this.heap = heaps.get(this.allocator)!; // every free list has one
    this.intervals = new Intervals(this.allocator);
  }

  run(): void {
    for (let i = 0; i < OPERATIONS; i++) {
      const turn = this.numbers.below(100);
      if (turn < 38) this.alloc();
      else if (turn < 75) this.free();
      else if (turn < 93) this.realloc();
      else if (turn < 98) this.misuse();
      else if (turn < 99) this.allocator.trim();
      else if (this.numbers.below(5) === 0) this.reset();
      this.audit();
    }
    for (const it of this.intervals.live) this.intervals.check(it);
    this.allocator.dispose();
  }

  alloc(): void {
    // A heap that may grow is let grow to a few extents.
    if (this.canGrow && this.intervals.live.length > 20) return;
    const byteLength = someSize(this.numbers);
    const align = someAlign(this.numbers);
    const bytes = Math.max(byteLength + 15 & ~7, this.heap.chunks.minBytes);
    const place = expected(this.heap, this.fit, bytes, align, this.mark);
    if (place === 0 && !this.canGrow) {
      const call = () => this.allocator.alloc(byteLength, align);
      if (!refused(call, OutOfMemoryError)) fail(`${byteLength} bytes fit nowhere`);
      return;
    }
    const address = this.allocator.alloc(byteLength, align);
    if (place !== 0 && address !== place) fail(`${byteLength} bytes at ${address}, not ${place}`);
    this.intervals.add(address, byteLength, align);
    this.aligns.set(address, align);
    this.mark = this.heap.chunks.next(address / 8 - 1);
  }

  free(): void {
    const it = this.pick();
    if (it === undefined) return;
    this.intervals.remove(it);
    this.allocator.free(it.address);
    this.freed.push(it.address);
  }

  realloc(): void {
    const it = this.pick();
    if (it === undefined) return;
    const byteLength = someSize(this.numbers);
    const told = this.numbers.below(2) === 0 ? someAlign(this.numbers) : undefined;
    const align = told ?? this.aligns.get(it.address) ?? 8;
    const { chunks } = this.heap;
    const unit = it.address / 8 - 1;
    const next = chunks.next(unit);
    const room = chunks.sizeOf(unit) + (chunks.isFree(next) ? chunks.sizeOf(next) : 0);
    const bytes = Math.max(byteLength + 15 & ~7, chunks.minBytes);
    const isInPlace = bytes <= room && it.address % align === 0;
    let address = 0;
    if (
      refused(
        () => address = this.allocator.realloc(it.address, byteLength, told),
        OutOfMemoryError,
      )
    ) {
      if (isInPlace || this.canGrow) fail(`${byteLength} bytes fit where they are`);
      this.intervals.check(it);
      return;
    }
    if (isInPlace && address !== it.address) fail(`moved from ${it.address} to ${address}`);
    this.intervals.moved(it, address, byteLength, align);
    this.aligns.set(address, align);
    if (address === it.address) return;
    this.freed.push(it.address);
    this.mark = chunks.next(address / 8 - 1);
  }

  /** One bad address and one call with it, as throwing takes longer than all else here. */
  misuse(): void {
    const { allocator, numbers } = this;
    const it = this.pick();
    const wrong = [0, HEAP_BYTES, this.freed[numbers.below(this.freed.length)] ?? 8];
    if (it !== undefined) wrong.push(it.address + 8 * (1 + numbers.below(4)), it.address + 4);
    const address = wrong[numbers.below(wrong.length)];
    if (this.intervals.live.some((it) => it.address === address)) return;
    const calls = [
      () => allocator.free(address),
      () => allocator.sizeOf(address),
      () => allocator.realloc(address, 8),
      () => allocator.bytes(address, 1),
    ];
    const call = calls[numbers.below(calls.length)];
    if (!refused(call, InvalidAddressError)) fail(`${call} took ${address}`);
  }

  reset(): void {
    this.allocator.reset();
    for (const it of [...this.intervals.live]) this.intervals.drop(it);
    this.mark = 0;
  }

  audit(): void {
    auditHeap(this.allocator);
    const { live, usedBytes, peakBytes } = this.intervals;
    if (this.heap.usedBytes !== usedBytes) {
      fail(`${this.heap.usedBytes} bytes, not ${usedBytes}`);
    }
    if (this.heap.peakBytes !== peakBytes) fail(`${this.heap.peakBytes} bytes, not ${peakBytes}`);
    if (this.heap.allocations !== live.length) fail(`not ${live.length} allocations`);
    for (const it of live) {
      if (this.allocator.sizeOf(it.address) !== it.byteLength) fail(`the size at ${it.address}`);
    }
  }

  pick(): Interval | undefined {
    return this.intervals.live[this.numbers.below(this.intervals.live.length)];
  }
}

/** Regions some bytes into their buffers, or more where the alignment asks for it. */
function offsetMemory(start: number): MemoryResource {
  return {
    allocate(byteLength, align) {
      const byteOffset = Math.ceil(start / align) * align;
      return { buffer: new ArrayBuffer(byteOffset + byteLength), byteOffset, byteLength };
    },
    release() {},
  };
}

const COMBINATIONS: [Fit, FreeIndexKind][] = [
  ["first", "list"],
  ["next", "list"],
  ["best", "list"],
  ["worst", "list"],
  ["best", "tree"],
];

for (const [fit, index] of COMBINATIONS) {
  Deno.test(`FreeListAllocator with the ${fit} fit in a ${index} is a set of intervals, ${SEEDS} x ${OPERATIONS} operations`, () => {
    eachSeed(SEEDS, (seed) => new HeapRun(fit, index, seed).run());
  });
}

Deno.test("FreeListAllocator with a tree of hundreds of chunks stays a red-black tree", () => {
  eachSeed(10, (seed) => {
    const numbers = new Numbers(seed);
    using heap = new FreeListAllocator({ byteLength: 65_536 });
    const live = Array.from({ length: 900 }, () => heap.alloc(1 + numbers.below(48)));
    for (let i = 0; i < 1000; i++) {
      const at = numbers.below(live.length);
      heap.free(live[at]);
      if (i % 3 === 0) live[at] = heap.alloc(1 + numbers.below(48));
      else live.splice(at, 1);
      if (live.length < 200) {
        while (live.length < 900) live.push(heap.alloc(1 + numbers.below(48)));
      }
      auditHeap(heap);
    }
    assertEquals(heap.stats().allocations, live.length);
  });
});

// -- Arena --

Deno.test("Arena is a set of intervals that marks cut, 1000 seeds of 300 operations", () => {
  eachSeed(SEEDS, (seed) => {
    const numbers = new Numbers(seed);
    using arena = new Arena({
      blockBytes: 64 + numbers.below(200),
      memory: offsetMemory(8 * (seed % 512)),
    });
    const intervals = new Intervals(arena);
    const marks: { mark: number; live: number }[] = [];
    for (let i = 0; i < 300; i++) {
      const turn = numbers.below(20);
      if (turn < 14) {
        const byteLength = 1 + numbers.below(numbers.below(10) === 0 ? 400 : 30);
        const align = 1 << numbers.below(numbers.below(10) === 0 ? 13 : 4);
        intervals.add(arena.alloc(byteLength, align), byteLength, align);
      } else if (turn < 17) {
        marks.push({ mark: arena.mark(), live: intervals.live.length });
      } else if (turn < 19 && marks.length > 0) {
        const kept = numbers.below(marks.length);
        const { mark, live } = marks[kept];
        marks.length = kept;
        const gone = intervals.live.slice(live);
        arena.rewind(mark);
        // The newest first, as an interval that goes is replaced by the last.
        for (const it of gone.reverse()) intervals.drop(it);
      } else if (numbers.below(10) === 0) {
        arena.reset();
        for (const it of [...intervals.live].reverse()) intervals.drop(it);
        marks.length = 0;
      } else if (numbers.below(4) === 0) arena.trim();
      for (const it of intervals.live) intervals.check(it);
      const { usedBytes, byteLength } = arena.stats();
      if (usedBytes < intervals.usedBytes || usedBytes > byteLength) {
        fail(`${usedBytes} bytes used`);
      }
    }
  });
});

// -- StackAllocator --

Deno.test("StackAllocator is a stack of intervals, 1000 seeds of 300 operations", () => {
  eachSeed(SEEDS, (seed) => {
    const numbers = new Numbers(seed);
    using stack = new StackAllocator({ byteLength: 1024, memory: offsetMemory(8 * (seed % 512)) });
    const intervals = new Intervals(stack);
    const order: Interval[] = [];
    for (let i = 0; i < 300; i++) {
      const turn = numbers.below(20);
      const newest = order[order.length - 1];
      if (turn < 11) {
        const byteLength = 1 + numbers.below(60);
        const align = 1 << numbers.below(7);
        const { usedBytes } = stack.stats();
        let address = 0;
        if (refused(() => address = stack.alloc(byteLength, align), OutOfMemoryError)) {
          if (usedBytes + 8 + Math.max(align, 8) + byteLength <= 1024) {
            fail(`${byteLength} bytes fit`);
          }
          if (stack.stats().usedBytes !== usedBytes) fail("a refused alloc changed the top");
        } else {
          intervals.add(address, byteLength, align);
          order.push(intervals.live[intervals.live.length - 1]);
        }
      } else if (turn < 18 && newest !== undefined) {
        intervals.remove(newest);
        stack.free(newest.address);
        order.pop();
        if (!refused(() => stack.free(newest.address), InvalidAddressError)) fail("freed twice");
      } else if (order.length > 1) {
        const older = order[numbers.below(order.length - 1)];
        if (!refused(() => stack.free(older.address), LifoOrderError)) fail("freed out of order");
        if (!refused(() => stack.free(older.address + 8), InvalidAddressError)) {
          fail("freed inside");
        }
      } else if (turn === 19) {
        stack.reset();
        for (const it of [...order].reverse()) intervals.drop(it);
        order.length = 0;
      }
      for (const it of intervals.live) intervals.check(it);
      const { usedBytes, allocations } = stack.stats();
      if (allocations !== order.length) fail(`${allocations} allocations, not ${order.length}`);
      const last = order[order.length - 1];
      if (last === undefined) {
        if (usedBytes !== 0) fail(`${usedBytes} bytes used by nothing`);
      }
      for (const it of order) if (stack.sizeOf(it.address) !== it.byteLength) fail("the size");
    }
  });
});
