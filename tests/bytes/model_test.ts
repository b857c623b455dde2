/**
 * Random operations on each byte allocator, checked after every step against a model: where each
 * allocation must lie, that it is aligned, zeroed and apart from all others, that it keeps its
 * bytes, and that `validate()` accepts the allocator. A failure names the seed.
 *
 * The numbers come from a generator of our own: fast-check would take too long for five million
 * operations. The model reads `src/` to know the blocks and chunks, from which it derives where an
 * allocation must lie.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import {
  type AnyStruct,
  Arena,
  type ByteAllocator,
  type CountingMemory,
  countingMemory,
  FreeListAllocator,
  type FreeListOptions,
  InvalidAddressError,
  LifoOrderError,
  type MemoryResource,
  OutOfMemoryError,
  StackAllocator,
  struct,
  validate,
} from "../../mod.ts";
import type { Extent } from "../../src/bytes/address_space.ts";
import { addressOf, endOf, unitOf } from "../../src/bytes/chunks.ts";
import { type Heap, heaps } from "../../src/bytes/heap.ts";
import { arenas } from "../../src/bytes/metadata.ts";
import {
  eachSeed,
  fail,
  FITS,
  type Interval,
  Intervals,
  SOURCES,
  spaceOf,
  throws,
} from "./_support.ts";
import { Random } from "../_random.ts";

const SEEDS = 1000;

/** Regions some bytes into their buffers, or at the next multiple of the alignment. */
function offsetMemory(seed: number, fill = 0): MemoryResource {
  const start = 8 * (seed % 512);
  return {
    allocate(byteLength, align) {
      const byteOffset = Math.ceil(start / align) * align;
      const { buffer } = new Uint8Array(byteOffset + byteLength).fill(fill);
      return { buffer, byteOffset, byteLength };
    },
    release() {},
  };
}

/** A run of operations on one allocator. */
abstract class Run<A extends ByteAllocator> {
  readonly allocator: A;
  readonly intervals: Intervals;
  readonly numbers: Random;

  constructor(allocator: A, numbers: Random) {
    this.allocator = allocator;
    this.numbers = numbers;
    this.intervals = new Intervals(allocator);
  }

  run(operations: number): void {
    for (let i = 0; i < operations; i++) {
      this.step();
      validate(this.allocator);
      this.check();
    }
    for (const it of this.intervals.live) this.intervals.check(it);
    this.end();
  }

  end(): void {
    this.allocator.dispose();
  }

  abstract step(): void;
  abstract check(): void;

  /** Mostly small alignments, seldom one up to 4096. */
  someAlign(): number {
    const { numbers } = this;
    return numbers.below(4) > 0 ? 8 : 1 << numbers.below(numbers.below(8) > 0 ? 8 : 13);
  }

  maybeAlign(): number | undefined {
    return this.numbers.below(2) === 0 ? this.someAlign() : undefined;
  }

  pick(): Interval | undefined {
    return this.intervals.live[this.numbers.below(this.intervals.live.length)];
  }

  reset(): void {
    this.allocator.reset();
    this.intervals.truncate(0);
  }
}

// -- FreeListAllocator --

/** Small heaps, so that they are often full, and validated soon. */
const HEAP_BYTES = 640;

class HeapRun extends Run<FreeListAllocator> {
  readonly heap: Heap;
  readonly fit: string;
  readonly canGrow: boolean;
  /** Addresses that were freed, and may have been allocated again. */
  readonly freed: number[] = [];
  /** The unit where the last allocation ended, for the next fit. */
  mark = 0;

  constructor(options: FreeListOptions, seed: number) {
    const numbers = new Random(seed);
    const byteLength = HEAP_BYTES - numbers.below(64);
    const memory = offsetMemory(seed % 2 * seed, 255); // it must be cleared before it is allocated
    super(new FreeListAllocator({ byteLength, grow: seed % 3 === 0, memory, ...options }), numbers);
    this.heap = heaps.get(this.allocator)!; // every such allocator has one
    this.fit = options.fit ?? "best";
    this.canGrow = options.grow ?? seed % 3 === 0;
  }

  step(): void {
    const turn = this.numbers.below(100);
    const it = this.pick();
    if (turn < 38) this.alloc();
    else if (turn < 75) it && this.freeOne(it);
    else if (turn < 93) it && this.resize(it, this.someSize(), this.maybeAlign());
    else if (turn < 98) this.misuse();
    else if (turn < 99) this.trim();
    else if (this.numbers.below(5) === 0) {
      this.freed.push(...this.intervals.live.map(({ address }) => address));
      this.reset();
      this.mark = 0;
    }
  }

  trim(): void {
    const { byteLength } = this.allocator.stats();
    const released = this.allocator.trim();
    if (this.heap.spares.length > 0) fail(`${this.heap.spares.length} spare extents are left`);
    if (this.allocator.stats().byteLength !== byteLength - released) fail(`released ${released}`);
  }

  /** Most sizes are small; some fill a third of the heap. */
  someSize(): number {
    return 1 + this.numbers.below(this.numbers.below(8) === 0 ? 180 : 40);
  }

  chunkBytes(byteLength: number): number {
    return Math.max(byteLength + 15 & ~7, this.heap.chunks.minBytes);
  }

  alloc(): void {
    // A heap that may grow gets a few extents only.
    if (this.canGrow && this.intervals.live.length > 20) return;
    this.allocBytes(this.someSize(), this.someAlign());
  }

  allocBytes(byteLength: number, align: number): void {
    const expected = this.expected(this.chunkBytes(byteLength), align);
    if (expected === 0 && !this.canGrow) {
      const call = () => this.allocator.alloc(byteLength, align);
      if (!throws(call, OutOfMemoryError)) fail(`${byteLength} bytes do not fit`);
      return;
    }
    const address = this.allocator.alloc(byteLength, align);
    if (expected !== 0 && address !== expected) fail(`${byteLength} bytes at ${address}`);
    this.intervals.add(address, byteLength, align);
    this.mark = this.heap.chunks.next(unitOf(address));
  }

  /** The address that the fit demands, found by trying every chunk; 0 for none. */
  expected(bytes: number, align: number): number {
    const { chunks, space } = this.heap;
    let [found, size, isPast] = [0, 0, false];
    for (const extent of space.extents.toSorted((a, b) => a.base - b.base)) {
      for (let unit = extent.firstUnit; unit < endOf(extent); unit = chunks.next(unit)) {
        if (!chunks.isFree(unit)) continue;
        const here = chunks.sizeOf(unit);
        const address = this.payloadIn(unit, align);
        if (address - 8 + bytes > unit * 8 + here) continue;
        const herePast = chunks.next(unit) > this.mark;
        const isBetter = found === 0 || this.fit === "best" && here < size ||
          this.fit === "worst" && here > size ||
          this.fit === "next" && herePast && !isPast;
        if (isBetter) [found, size, isPast] = [address, here, herePast];
      }
    }
    return found;
  }

  /** The most bytes that a free chunk has room for. */
  largest(): number {
    const { chunks, space } = this.heap;
    let most = 8;
    for (const extent of space.extents) {
      for (let unit = extent.firstUnit; unit < endOf(extent); unit = chunks.next(unit)) {
        if (chunks.isFree(unit)) most = Math.max(most, chunks.sizeOf(unit));
      }
    }
    return most - 8;
  }

  /** The first aligned payload in a free chunk: at its start, or with a chunk of its own before. */
  payloadIn(unit: number, align: number): number {
    let gap = 0;
    while ((addressOf(unit) + gap) % align !== 0 || gap > 0 && gap < this.heap.chunks.minBytes) {
      gap += 8;
    }
    return addressOf(unit) + gap;
  }

  freeOne(it: Interval): void {
    this.intervals.check(it);
    this.intervals.drop(it);
    this.allocator.free(it.address);
    this.freed.push(it.address);
  }

  resize(it: Interval, byteLength: number, given: number | undefined): void {
    const align = given ?? it.align;
    const { chunks } = this.heap;
    const unit = unitOf(it.address);
    const next = chunks.next(unit);
    const room = chunks.sizeOf(unit) + (chunks.isFree(next) ? chunks.sizeOf(next) : 0);
    const isInPlace = this.chunkBytes(byteLength) <= room && it.address % align === 0;
    let address = 0;
    const call = () => address = this.allocator.realloc(it.address, byteLength, given);
    if (throws(call, OutOfMemoryError)) {
      if (isInPlace || this.canGrow) fail(`${byteLength} bytes have room in place`);
      this.intervals.check(it);
      return;
    }
    if (isInPlace && address !== it.address) fail(`moved from ${it.address} to ${address}`);
    this.intervals.resize(it, address, byteLength, align);
    if (address === it.address) return;
    this.freed.push(it.address);
    this.mark = chunks.next(unitOf(address));
  }

  /** One call with a bad address; not more, as throwing takes longer than all else here. */
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
    if (!throws(call, InvalidAddressError)) fail(`${call} accepted ${address}`);
  }

  check(): void {
    const { live, usedBytes, peakBytes } = this.intervals;
    const { heap, allocator } = this;
    const stats = allocator.stats();
    const sum = usedBytes + stats.freeBytes + stats.overheadBytes;
    if (stats.byteLength !== sum) fail(`${stats.byteLength} bytes, not ${sum}`);
    if (stats.largestFreeBytes !== this.largest()) fail(`${stats.largestFreeBytes} bytes fit`);
    if (heap.usedBytes !== usedBytes) fail(`${heap.usedBytes} bytes used, not ${usedBytes}`);
    if (heap.peakBytes !== peakBytes) fail(`a peak of ${heap.peakBytes}, not ${peakBytes}`);
    if (heap.allocations !== live.length) fail(`${heap.allocations} allocations`);
    for (const it of live) {
      if (allocator.sizeOf(it.address) !== it.byteLength) fail(`the size at ${it.address}`);
    }
  }
}

for (const kind of FITS) {
  Deno.test(`FreeListAllocator follows a model (${kind.fit} fit, ${kind.index})`, () => {
    eachSeed(SEEDS, (seed) => new HeapRun(kind, seed).run(1000));
  });
}

/** The bytes of the first extent of a heap that grows. */
const EXTENT_BYTES = 2048;

/** A heap that grows without limit, in memory that is counted. */
class GrowingRun extends HeapRun {
  readonly memory: CountingMemory;
  /** The most bytes that were live, with their headers and alignments. */
  most = 0;

  constructor(options: FreeListOptions, seed: number) {
    const memory = countingMemory(options.memory);
    super({ ...options, grow: true, byteLength: EXTENT_BYTES, memory }, seed);
    this.memory = memory;
  }

  override step(): void {
    if (this.numbers.below(3) === 0) this.append();
    else super.step();
  }

  /** Makes an allocation larger ten times, as a buffer that is appended to among others. */
  append(): void {
    const { intervals, numbers } = this;
    let buffer = this.pick();
    if (buffer === undefined) return;
    const bytes = 1 + (this.someSize() >> 4);
    for (let i = 0; i < 10; i++) {
      this.resize(buffer, buffer.byteLength + bytes, undefined);
      buffer = intervals.live[intervals.live.length - 1];
      this.allocBytes(1 + numbers.below(50), 8);
      this.freeOne(intervals.live[intervals.live.length - 1]);
      this.check();
    }
  }

  /** Most sizes are small, some are larger than an extent. */
  override someSize(): number {
    const { numbers } = this;
    const turn = numbers.below(9);
    return 1 + (turn < 6 ? numbers.below(100) : numbers.below(turn < 8 ? 3000 : 20_000));
  }

  override check(): void {
    super.check();
    const { live, usedBytes } = this.intervals;
    const overhead = live.reduce((sum, { align }) => sum + 16 + align, 0);
    this.most = Math.max(this.most, usedBytes + overhead);
    const { peakBytes } = this.memory;
    if (peakBytes > 6 * this.most + 2 * EXTENT_BYTES) fail(`${peakBytes} bytes for ${this.most}`);
  }

  override end(): void {
    for (const { address } of this.intervals.live) this.allocator.free(address);
    this.allocator.trim();
    assertEquals(this.memory.usedBytes, EXTENT_BYTES);
    super.end();
    assertEquals(this.memory.regions, 0);
  }
}

for (const [source, memoryOf] of Object.entries(SOURCES)) {
  Deno.test(`FreeListAllocator follows a model in at most 6 times what was live, in ${source}`, () => {
    eachSeed(50, (seed) => {
      const kind = FITS[seed % FITS.length];
      new GrowingRun({ ...kind, debug: seed % 2 === 0, memory: memoryOf() }, seed).run(100);
    });
  });
}

Deno.test("FreeListAllocator with hundreds of free chunks keeps a red-black tree", () => {
  eachSeed(10, (seed) => {
    const numbers = new Random(seed);
    using heap = new FreeListAllocator({ byteLength: 65_536 });
    const live: number[] = [];
    for (let i = 0; i < 1000; i++) {
      if (live.length < 200) {
        while (live.length < 900) live.push(heap.alloc(1 + numbers.below(48)));
      }
      const at = numbers.below(live.length);
      heap.free(live[at]);
      if (i % 3 === 0) live[at] = heap.alloc(1 + numbers.below(48));
      else live.splice(at, 1);
      validate(heap);
    }
    assertEquals(heap.stats().allocations, live.length);
  });
});

// -- Arena --

const STRUCTS: readonly AnyStruct[] = [
  struct({ n: "u8" }),
  struct({ x: "f32", y: "f32" }),
  struct({ a: "u8", b: "f64" }),
];

class ArenaRun extends Run<Arena> {
  readonly marks: { mark: number; live: number; used: number }[] = [];
  readonly blockBytes: number;
  peak = 0;

  constructor(seed: number) {
    const numbers = new Random(seed);
    const blockBytes = 64 + numbers.below(200);
    super(new Arena({ blockBytes, memory: offsetMemory(seed) }), numbers);
    this.blockBytes = blockBytes;
  }

  step(): void {
    const { allocator, intervals, numbers, marks } = this;
    const turn = numbers.below(40);
    if (turn < 28) this.alloc();
    else if (turn < 34) {
      const { usedBytes } = allocator.stats();
      marks.push({ mark: allocator.mark(), live: intervals.live.length, used: usedBytes });
    } else if (turn < 38 && marks.length > 0) {
      const kept = numbers.below(marks.length);
      const { mark, live, used } = marks[kept];
      marks.length = kept;
      allocator.rewind(mark);
      intervals.truncate(live);
      if (allocator.stats().usedBytes !== used) fail(`rewound to another position`);
    } else if (numbers.below(10) === 0) {
      this.reset();
      marks.length = 0;
    } else if (numbers.below(4) === 0) allocator.trim();
    else this.misuse();
  }

  /** Allocates in one of five ways, all of which must give the same address. */
  alloc(): void {
    const { allocator, intervals, numbers } = this;
    const kind = STRUCTS[numbers.below(STRUCTS.length)];
    const way = numbers.below(8);
    let [byteLength, align] = [kind.size, kind.align];
    if (way === 3) [byteLength, align] = [4 * (1 + numbers.below(9)), 4];
    if (way > 3) {
      byteLength = 1 + numbers.below(numbers.below(10) === 0 ? 400 : 30);
      align = this.someAlign();
    }
    const expected = this.expected(byteLength, align);
    const address = way === 0
      ? allocator.allocRecord(kind)
      : way === 1
      ? allocator.allocRecord(kind, {})
      : way === 2
      ? allocator.allocAt(allocator.cursor(kind))
      : way === 3
      ? allocator.addressOf(allocator.allocArray("f32", byteLength / 4))
      : allocator.alloc(byteLength, align);
    const block = spaceOf(allocator).find(address);
    if (expected === undefined) {
      if (address !== startIn(block, 0, align)) fail(`${address} is not at the start of its block`);
      if (block.byteLength < this.blockBytes) fail(`a block of ${block.byteLength} bytes`);
    } else if (address !== expected) fail(`${byteLength} bytes at ${address}, not ${expected}`);
    intervals.add(address, byteLength, align);
  }

  /** The address in the first block from the current one on that has room; none for a new block. */
  expected(byteLength: number, align: number): number | undefined {
    const { blocks, block, index } = arenas.get(this.allocator)!(); // every arena has metadata
    const found = [block, ...blocks.slice(index + 1)].find((it) =>
      it.alignUp(it.top, align) + byteLength <= it.byteLength
    );
    return found && startIn(found, found.top, align);
  }

  misuse(): void {
    const { allocator } = this;
    const stand = allocator.mark();
    const { base, top } = arenas.get(allocator)!().block;
    if (!throws(() => allocator.bytes(base + top, 1), InvalidAddressError)) fail("past the top");
    if (!throws(() => allocator.rewind(stand + 1), RangeError)) fail("past the position");
  }

  check(): void {
    const { intervals } = this;
    for (const it of intervals.live) intervals.check(it);
    const { usedBytes, byteLength, peakBytes } = this.allocator.stats();
    if (usedBytes < intervals.usedBytes || usedBytes > byteLength) fail(`${usedBytes} bytes used`);
    this.peak = Math.max(this.peak, usedBytes);
    if (peakBytes !== this.peak) fail(`a peak of ${peakBytes}, not ${this.peak}`);
  }
}

function startIn(block: Extent, top: number, align: number): number {
  return block.base + block.alignUp(top, align);
}

Deno.test("Arena follows a model", () => {
  eachSeed(SEEDS, (seed) => new ArenaRun(seed).run(300));
});

// -- StackAllocator --

const STACK_BYTES = 1024;

class StackRun extends Run<StackAllocator> {
  /** The used bytes before each live allocation. */
  readonly tops: number[] = [];

  constructor(seed: number) {
    const memory = offsetMemory(seed);
    super(new StackAllocator({ byteLength: STACK_BYTES, memory }), new Random(seed));
  }

  step(): void {
    const { allocator, intervals, numbers, tops } = this;
    const turn = numbers.below(20);
    const newest = intervals.live[intervals.live.length - 1];
    if (turn < 11) this.alloc(1 + numbers.below(60), this.someAlign());
    else if (turn < 17 && newest !== undefined) {
      intervals.drop(newest);
      allocator.free(newest.address);
      if (allocator.stats().usedBytes !== tops.pop()) fail("the top after free()");
      if (!throws(() => allocator.free(newest.address), InvalidAddressError)) fail("freed twice");
    } else if (turn < 19 && newest !== undefined) {
      const { address } = this.pick()!; // as there is a newest one
      const isOld = address !== newest.address;
      if (isOld && !throws(() => allocator.free(address), LifoOrderError)) fail("freed an old one");
      if (!throws(() => allocator.free(address + 8), InvalidAddressError)) fail("freed inside");
    } else if (numbers.below(4) === 0) {
      this.reset();
      tops.length = 0;
    }
  }

  alloc(byteLength: number, align: number): void {
    const { allocator } = this;
    const { usedBytes } = allocator.stats();
    const [extent] = spaceOf(allocator).extents;
    const at = extent.alignUp(usedBytes + 8, Math.max(align, 8));
    let address = 0;
    if (throws(() => address = allocator.alloc(byteLength, align), OutOfMemoryError)) {
      if (at + byteLength <= STACK_BYTES) fail(`${byteLength} bytes have room`);
      return;
    }
    if (address !== extent.base + at) fail(`${byteLength} bytes at ${address}`);
    this.intervals.add(address, byteLength, Math.max(align, 8));
    this.tops.push(usedBytes);
  }

  check(): void {
    const { live } = this.intervals;
    for (const it of live) {
      this.intervals.check(it);
      if (this.allocator.sizeOf(it.address) !== it.byteLength) fail(`the size at ${it.address}`);
    }
    const { usedBytes, allocations } = this.allocator.stats();
    if (allocations !== live.length) fail(`${allocations} allocations, not ${live.length}`);
    if (live.length === 0 && usedBytes !== 0) fail(`${usedBytes} bytes used by nothing`);
  }
}

Deno.test("StackAllocator follows a model", () => {
  eachSeed(SEEDS, (seed) => new StackRun(seed).run(300));
});
