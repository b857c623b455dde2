/**
 * Heaps that grow, beside a model of intervals: what is live holds what it did, aligned as it was asked for and apart from
 * all else, the books balance, and no more memory is taken than a few times what was live, for every fit, kind of memory
 * and mode.
 *
 * @module
 */
import { assertEquals, assertLessOrEqual, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  Arena,
  countingMemory,
  type Fit,
  type FreeIndexKind,
  FreeListAllocator,
  heapMemory,
  InvalidAddressError,
  type MemoryResource,
  sharedMemory,
  validate,
  wasmMemory,
} from "../../mod.ts";
import { type Interval, Intervals } from "./_intervals.ts";

const EXTENT_BYTES = 2048;

/** How many times the most that was live may be taken: any number of buffers grow, shrink and go, in any order. */
const TIMES = 6;

const KINDS: readonly [Fit, FreeIndexKind][] = [
  ["first", "list"],
  ["next", "list"],
  ["best", "list"],
  ["worst", "list"],
  ["best", "tree"],
];

const SOURCES: Record<string, () => MemoryResource> = {
  heap: () => heapMemory,
  shared: sharedMemory,
  wasm: () => wasmMemory(new WebAssembly.Memory({ initial: 100 })),
  "wasm, skewed": () => wasmMemory(new WebAssembly.Memory({ initial: 100 }), { byteOffset: 1000 }),
  counted: () => countingMemory(),
  arena: () => new Arena({ blockBytes: 8192 }),
  "a heap": () => new FreeListAllocator({ byteLength: 4096, grow: true }),
};

/** One step: what is done, to which allocation, with how many bytes and which alignment. */
interface Step {
  readonly call: "alloc" | "free" | "realloc" | "grow" | "reset" | "trim" | "misuse";
  readonly which: number;
  readonly bytes: number;
  readonly align: number | undefined;
}

/** Most sizes are small, some are larger than an extent. */
const someBytes = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 1, max: 100 }) },
  { weight: 2, arbitrary: fc.integer({ min: 100, max: 3000 }) },
  { weight: 1, arbitrary: fc.integer({ min: 3000, max: 20_000 }) },
);
const someAlign = fc.oneof(
  { weight: 3, arbitrary: fc.constant(undefined) },
  { weight: 1, arbitrary: fc.nat(7).map((power) => 1 << power) },
);
const someCall = fc.oneof(
  { weight: 30, arbitrary: fc.constantFrom<Step["call"]>("alloc", "free") },
  { weight: 30, arbitrary: fc.constantFrom<Step["call"]>("realloc", "grow", "grow") },
  { weight: 2, arbitrary: fc.constantFrom<Step["call"]>("reset", "trim", "misuse") },
);
const someSteps = fc.array(
  fc.record({ call: someCall, which: fc.nat(1000), bytes: someBytes, align: someAlign }),
  { minLength: 1, maxLength: 150, size: "max" },
);

/** A heap beside its model. */
class Run {
  readonly counter;
  readonly heap: FreeListAllocator;
  readonly intervals: Intervals;
  readonly aligns = new Map<number, number>();
  /** Addresses that were freed. */
  readonly freed: number[] = [];
  /** The most that was live, with what alignments and headers take at the most. */
  #most = 0;

  constructor(memory: MemoryResource, fit: Fit, index: FreeIndexKind, debug: boolean) {
    this.counter = countingMemory(memory);
    this.heap = new FreeListAllocator({
      byteLength: EXTENT_BYTES,
      grow: true,
      memory: this.counter,
      fit,
      index,
      debug,
    });
    this.intervals = new Intervals(this.heap);
  }

  step({ call, which, bytes, align }: Step): void {
    const { live } = this.intervals;
    const it = live[which % live.length];
    if (call === "alloc") this.alloc(bytes, align);
    else if (call === "reset") this.reset();
    else if (call === "trim") this.heap.trim();
    else if (call === "misuse") this.misuse(which);
    else if (it === undefined) return;
    else if (call === "free") this.free(it);
    else if (call === "realloc") this.realloc(it, bytes, align);
    else this.grow(it, bytes);
    this.check();
  }

  alloc(bytes: number, align = 8): void {
    const address = this.heap.alloc(bytes, align);
    this.intervals.add(address, bytes, align);
    this.aligns.set(address, align);
  }

  free(it: Interval): void {
    this.intervals.remove(it);
    this.heap.free(it.address);
    this.freed.push(it.address);
  }

  /** A few times in a row, as a buffer grows that is appended to. */
  grow(it: Interval, bytes: number): void {
    const { live } = this.intervals;
    let now = it;
    for (let i = 0; i < 10; i++) {
      this.realloc(now, now.byteLength + (bytes >> 4) + 1, undefined);
      now = live[live.length - 1];
      if (i % 2 === 0) this.alloc(1 + bytes % 50);
      if (i % 2 === 0) this.free(live[live.length - 1]);
      this.check();
    }
  }

  realloc(it: Interval, bytes: number, align: number | undefined): void {
    const wanted = align ?? this.aligns.get(it.address) ?? 8;
    const address = this.heap.realloc(it.address, bytes, align);
    this.intervals.moved(it, address, bytes, wanted);
    this.aligns.set(address, wanted);
    if (address !== it.address) this.freed.push(it.address);
  }

  reset(): void {
    this.heap.reset();
    for (const it of [...this.intervals.live]) this.intervals.drop(it);
  }

  misuse(which: number): void {
    const address = this.freed[which % this.freed.length];
    if (address === undefined || this.intervals.live.some((it) => it.address === address)) return;
    assertThrows(() => this.heap.free(address), InvalidAddressError);
  }

  check(): void {
    const { usedBytes, live } = this.intervals;
    const stats = this.heap.stats();
    assertEquals([stats.usedBytes, stats.allocations], [usedBytes, live.length]);
    assertEquals(stats.byteLength, this.counter.usedBytes);
    assertEquals(stats.byteLength, stats.usedBytes + stats.freeBytes + stats.overheadBytes);
    this.#most = Math.max(this.#most, usedBytes + 24 * live.length);
    assertLessOrEqual(this.counter.peakBytes, TIMES * this.#most + 2 * EXTENT_BYTES);
    validate(this.heap);
  }

  end(): void {
    for (const it of this.intervals.live) this.intervals.check(it);
    for (const it of [...this.intervals.live]) this.free(it);
    this.check();
    this.heap.trim();
    assertEquals(this.counter.usedBytes, EXTENT_BYTES);
    validate(this.heap);
    this.heap.dispose();
    assertEquals([this.counter.regions, this.counter.usedBytes], [0, 0]);
  }
}

for (const [fit, index] of KINDS) {
  for (const [source, sourceOf] of Object.entries(SOURCES)) {
    Deno.test(`A heap that grows holds what it must in at most ${TIMES} times the memory (${fit} fit, ${index}, ${source})`, () => {
      const property = fc.property(someSteps, fc.boolean(), (steps, debug) => {
        const run = new Run(sourceOf(), fit, index, debug);
        for (const step of steps) run.step(step);
        run.end();
      });
      fc.assert(property, { numRuns: 12 });
    });
  }
}
