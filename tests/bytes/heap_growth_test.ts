/** How much memory a `FreeListAllocator` that grows takes, while what is live grows, comes and goes. */
import { assert, assertEquals, assertLessOrEqual, assertThrows } from "@std/assert";
import {
  Arena,
  type CountingMemory,
  countingMemory,
  type Fit,
  type FreeIndexKind,
  FreeListAllocator,
  type FreeListOptions,
  heapMemory,
  InvalidAddressError,
  type MemoryRegion,
  type MemoryResource,
  OutOfMemoryError,
  sharedMemory,
  struct,
  validate,
  wasmMemory,
} from "../../mod.ts";
import { spaceOf } from "./_support.ts";
import { Ledger } from "../_ledger.ts";

const KIB = 1024;
const MIB = 2 ** 20;

const KINDS: readonly [Fit, FreeIndexKind][] = [
  ["first", "list"],
  ["next", "list"],
  ["best", "list"],
  ["worst", "list"],
  ["best", "tree"],
];

/** A heap that grows, what it took, and the claim of how much that may be. */
class Watched {
  readonly counter: CountingMemory;
  readonly heap: FreeListAllocator;
  readonly #extentBytes: number;
  readonly #times: number;
  #peakBefore: number;

  constructor(times: number, options: FreeListOptions & { byteLength: number }) {
    this.counter = countingMemory(options.memory ?? heapMemory);
    this.heap = new FreeListAllocator({ ...options, grow: true, memory: this.counter });
    this.#extentBytes = options.byteLength;
    this.#times = times;
    this.#peakBefore = this.counter.peakBytes;
  }

  /** Asserts that no more is taken, and was not since the last time, than so many times what is live, and an extent. */
  check(): void {
    const { usedBytes, byteLength } = this.heap.stats();
    const most = this.#times * usedBytes + this.#extentBytes;
    assertEquals(byteLength, this.counter.usedBytes);
    assertLessOrEqual(byteLength, most, `with ${usedBytes} bytes live`);
    // While it moves, too.
    const { peakBytes } = this.counter;
    if (peakBytes > this.#peakBefore) {
      assertLessOrEqual(peakBytes, most, `on the way to ${usedBytes} bytes`);
    }
    this.#peakBefore = peakBytes;
  }
}

function filled(heap: FreeListAllocator, address: number, byteLength: number): boolean {
  return heap.bytes(address, byteLength).every((byte, i) => byte === (i * 7 & 255));
}

function fill(heap: FreeListAllocator, address: number, from: number, byteLength: number): void {
  const bytes = heap.bytes(address, byteLength);
  for (let i = from; i < byteLength; i++) bytes[i] = i * 7;
}

// -- one buffer --

for (const [fit, index] of KINDS) {
  for (const debug of [false, true]) {
    const kind = `${fit} fit, ${index}${debug ? ", debug" : ""}`;

    Deno.test(`A buffer that grows by a step takes at most 4 times its bytes (${kind})`, () => {
      const it = new Watched(4, { byteLength: 64 * KIB, fit, index, debug });
      let address = it.heap.alloc(64 * KIB);
      for (let bytes = 65 * KIB; bytes <= 512 * KIB; bytes += KIB) {
        address = it.heap.realloc(address, bytes);
        it.check();
      }
      validate(it.heap);
      it.heap.free(address);
      it.heap.dispose();
      assertEquals(it.counter.regions, 0);
    });

    Deno.test(`A buffer among small allocations takes at most 4 times what is live (${kind})`, () => {
      for (const every of [1, 3, 10]) {
        const it = new Watched(4, { byteLength: 64 * KIB, fit, index, debug });
        let address = it.heap.alloc(512);
        fill(it.heap, address, 0, 512);
        const small: number[] = [];
        for (let bytes = 640, i = 0; bytes <= (debug ? 100_000 : 400_000); bytes += 128, i++) {
          address = it.heap.realloc(address, bytes);
          fill(it.heap, address, bytes - 128, bytes);
          it.check();
          if (i % every === 0) small.push(it.heap.alloc(16 + i % 24));
          it.check();
        }
        assert(filled(it.heap, address, it.heap.sizeOf(address)));
        validate(it.heap);
        for (const at of [...small, address]) it.heap.free(at);
        validate(it.heap);
        assertLessOrEqual(it.counter.usedBytes, 2 * 64 * KIB);
        it.heap.dispose();
      }
    });
  }

  Deno.test(`Buffers that grow in turn take at most 6 times what is live (${fit} fit, ${index})`, () => {
    for (const count of [2, 3, 7]) {
      for (const step of [100, 4096]) {
        const it = new Watched(6, { byteLength: 16 * KIB, fit, index });
        const addresses = Array.from({ length: count }, () => it.heap.alloc(64));
        for (let bytes = 64 + step, i = 0; bytes < 400 * KIB / count; bytes += step) {
          for (let k = 0; k < count; k++, i++) {
            addresses[k] = it.heap.realloc(addresses[k], bytes);
            it.check();
          }
        }
        validate(it.heap);
        it.heap.dispose();
      }
    }
  });
}

Deno.test("A buffer of 1 MiB grows to 128 by 1 MiB, in few moves, and what it leaves goes back", () => {
  const it = new Watched(4, { byteLength: MIB });
  let address = it.heap.alloc(MIB);
  let moves = 0;
  for (let mebibytes = 2; mebibytes <= 128; mebibytes++) {
    it.heap.bytes(address, 1)[0] = mebibytes;
    const moved = it.heap.realloc(address, mebibytes * MIB);
    assertEquals(it.heap.bytes(moved, 1)[0], mebibytes & 255);
    if (moved !== address) moves++;
    address = moved;
    it.check();
  }
  assertLessOrEqual(moves, 16);
  it.heap.free(address);
  assertEquals(it.heap.stats().byteLength, MIB);
  it.heap.dispose();
});

Deno.test("An allocation that is made larger once gets no more room than it asks for", () => {
  using heap = new FreeListAllocator({ byteLength: 64 * KIB, grow: true });
  const address = heap.realloc(heap.alloc(100), 100_000);
  assertEquals(heap.stats().byteLength, 64 * KIB + 100_000 + 16);
  const again = heap.realloc(address, 100_008);
  assertEquals(heap.stats().byteLength, 64 * KIB + 150_008 + 16 + 8);
  heap.alloc(30_000);
  assertEquals(heap.realloc(again, 150_000), again);
});

Deno.test("A buffer that others replace, without realloc(), takes at most 4 times its bytes", () => {
  const it = new Watched(4, { byteLength: 64 * KIB });
  let address = it.heap.alloc(64 * KIB);
  for (let bytes = 65 * KIB; bytes <= MIB; bytes += KIB) {
    const next = it.heap.alloc(bytes);
    it.heap.free(address);
    address = next;
    it.check();
  }
  it.heap.dispose();
});

// -- what comes and goes --

/** Lends one buffer of 64 MiB over and over, so that no time is spent on taking memory from the system. */
class Recycled implements MemoryResource {
  readonly #buffer = new ArrayBuffer(64 * MIB);
  readonly #others = new Ledger();

  allocate(byteLength: number, align: number): MemoryRegion {
    return byteLength < 32 * MIB
      ? this.#others.allocate(byteLength, align)
      : { buffer: this.#buffer, byteOffset: 0, byteLength };
  }

  release(region: MemoryRegion): void {
    if (region.buffer !== this.#buffer) this.#others.release(region);
  }
}

Deno.test("Addresses that went back are used again, so that a heap can run for ever", () => {
  for (const debug of [false, true]) {
    using heap = new FreeListAllocator({
      byteLength: MIB,
      grow: true,
      debug,
      memory: new Recycled(),
    });
    const kept = heap.alloc(100);
    heap.bytes(kept, 100).fill(9);
    const addresses = new Set<number>();
    const bytes = (debug ? 32 : 63) * MIB;
    const rounds = debug ? 5 : 150; // without debug mode more than there are addresses, twice
    for (let i = 0; i < rounds; i++) {
      const address = heap.alloc(bytes);
      addresses.add(address);
      heap.free(address);
      heap.trim();
      assertEquals(heap.stats().byteLength, MIB);
    }
    assertLessOrEqual(addresses.size, 20);
    assert(heap.bytes(kept, 100).every((byte) => byte === 9));
    const { table, firstGranule } = spaceOf(heap);
    assertLessOrEqual(table.length, firstGranule + 1024 + 2 * 1010);
    validate(heap);
    heap.free(kept);
  }
});

Deno.test("An address that went back stays invalid for long, and one that is live leads to what it did", () => {
  const heap = new FreeListAllocator({ byteLength: 4096, grow: true, name: "it" });
  const kept = heap.alloc(5000);
  heap.bytes(kept, 5000).fill(7);
  const gone = heap.alloc(50_000);
  heap.free(gone);
  for (let i = 0; i < 20; i++) {
    heap.free(heap.alloc(50_000));
    heap.trim();
  }
  assertThrows(() => heap.free(gone), InvalidAddressError, "is not in use");
  for (let i = 0; i < 2000; i++) {
    heap.free(heap.alloc(50_000));
    heap.trim();
  }
  assert(heap.bytes(kept, 5000).every((byte) => byte === 7));
  validate(heap);
});

Deno.test("A heap at the edge of an extent takes nothing from the resource each time", () => {
  for (const [fit, index] of KINDS) {
    const counter = countingMemory();
    using heap = new FreeListAllocator({
      byteLength: 4096,
      grow: true,
      memory: counter,
      fit,
      index,
    });
    const live: number[] = [];
    while (counter.regions < 9) live.push(heap.alloc(100));
    const { allocations } = counter;
    for (let i = 0; i < 100; i++) {
      heap.free(live.pop()!); // there are many
      live.push(heap.alloc(100));
    }
    assertLessOrEqual(counter.allocations, allocations + 1);
  }
});

Deno.test("What is taken again after it went back is kept from then on, as long as it is used, and goes on trim()", () => {
  const counter = countingMemory();
  using heap = new FreeListAllocator({ byteLength: 4096, grow: true, memory: counter });
  heap.alloc(100);
  const round = () => {
    const live = [10_000, 50_000, 20_000].map((bytes) => heap.alloc(bytes));
    for (const it of live) heap.free(it);
  };
  round();
  assertLessOrEqual(counter.usedBytes, 2 * 4096); // it was once
  for (let i = 0; i < 10; i++) round();
  const { allocations } = counter;
  for (let i = 0; i < 100; i++) round();
  assertEquals(counter.allocations, allocations);
  assertLessOrEqual(counter.usedBytes, 90_000);
  validate(heap);
  heap.trim();
  assertEquals(counter.usedBytes, 4096);
  round();
  assertLessOrEqual(counter.usedBytes, 2 * 4096);
});

Deno.test("Extents of small allocations are few, as they grow with the heap", () => {
  using heap = new FreeListAllocator({ byteLength: 4096, grow: true });
  while (heap.stats().byteLength < 8 * MIB) for (let i = 0; i < 1000; i++) heap.alloc(48);
  assertLessOrEqual(spaceOf(heap).extents.length, 50);
  const { usedBytes, byteLength } = heap.stats();
  assertLessOrEqual(byteLength, 2 * usedBytes);
});

Deno.test("A heap that is emptied keeps one extent to spare at the most, and gives that back on trim()", () => {
  for (const [fit, index] of KINDS) {
    for (const debug of [false, true]) {
      const ledger = new Ledger();
      const heap = new FreeListAllocator({
        byteLength: 4096,
        grow: true,
        memory: ledger,
        fit,
        index,
        debug,
      });
      const live = Array.from({ length: 300 }, (_, i) => heap.alloc(50 + i * 40));
      validate(heap);
      for (let i = 0; i < 300; i++) {
        heap.free(live[i * 7 % 300]);
        if (i % 20 === 0) validate(heap);
      }
      validate(heap);
      assertLessOrEqual(ledger.byteLength, 2 * 4096);
      heap.trim();
      assertEquals(ledger.byteLength, 4096);
      heap.dispose();
      assertEquals(ledger.lent.size, 0);
    }
  }
});

Deno.test("Frames on a heap, each of a little more, keep at most 4 times the largest after reset()", () => {
  for (const debug of [false, true]) {
    const counter = countingMemory();
    using heap = new FreeListAllocator({
      byteLength: 64 * KIB,
      grow: true,
      memory: counter,
      debug,
    });
    for (let frame = 0; frame < 300; frame++) {
      for (let i = 0; i < 3; i++) heap.alloc(65_536 + 64 * frame);
      const most = 4 * heap.stats().peakBytes + 64 * KIB;
      heap.reset();
      assertLessOrEqual(counter.peakBytes, most);
    }
    validate(heap);
    const { allocations } = counter;
    for (let frame = 0; frame < 100; frame++) {
      for (let i = 0; i < 3; i++) heap.alloc(frame % 2 === 0 ? 65_536 : 500);
      heap.reset();
    }
    assertEquals(counter.allocations, allocations);
    for (let frame = 0; frame < 1000; frame++) {
      heap.alloc(500);
      heap.reset();
    }
    assertEquals(counter.usedBytes, 64 * KIB);
  }
});

// -- where memory is short --

Deno.test("A heap takes less where the resource has not so much, and then what it holds to spare", () => {
  const memory = countingMemory(heapMemory, { limit: 300_000 });
  using heap = new FreeListAllocator({ byteLength: 64 * KIB, grow: true, memory });
  const address = heap.realloc(heap.realloc(heap.alloc(60_000), 90_000), 90_100); // not half as much again
  assertEquals(heap.sizeOf(address), 90_100);
  heap.free(address);
  const spare = heap.alloc(66_000);
  const other = heap.alloc(140_000);
  heap.free(spare); // kept, as it is no more than half
  assertEquals(memory.usedBytes, 64 * KIB + 66_016 + 140_016);
  const large = heap.alloc(80_000);
  assertEquals(heap.sizeOf(large), 80_000);
  assertEquals(memory.usedBytes, 64 * KIB + 140_016 + 80_016);
  heap.free(other);
  validate(heap);
});

Deno.test("A heap that is refused memory keeps what it holds to spare, and is as it was", () => {
  const memory = countingMemory(heapMemory, { limit: 300_000 });
  using heap = new FreeListAllocator({ byteLength: 64 * KIB, grow: true, memory });
  const spare = heap.alloc(66_000);
  heap.alloc(140_000);
  heap.free(spare);
  const before = { ...heap.stats() };
  assertThrows(() => heap.alloc(240_000), OutOfMemoryError);
  assertEquals({ ...heap.stats() }, before);
  assertEquals(memory.usedBytes, before.byteLength);
  validate(heap);
  assertEquals(heap.alloc(66_000), spare);
});

// -- regions side by side --

/** A heap in a window of a wasm module's memory. */
function inWasm(options: FreeListOptions = {}) {
  const memory = new WebAssembly.Memory({ initial: 100 });
  const window = wasmMemory(memory);
  const heap = new FreeListAllocator({
    byteLength: 64 * KIB,
    grow: true,
    memory: window,
    ...options,
  });
  return { memory, window, heap };
}

Deno.test("Memory that lies behind an extent joins it: chunks span both, and nothing moves", () => {
  for (const debug of [false, true]) {
    const { heap, window, memory } = inWasm({ debug });
    const Point = struct({ x: "u32" });
    const first = heap.allocRecord(Point, { x: 7 });
    const view = heap.view(first, Point);
    const large = heap.alloc(60_000);
    const small = Array.from({ length: 30 }, () => heap.alloc(3000));
    assertEquals(spaceOf(heap).extents.length, 1);
    assertEquals(window.regions, 3);
    validate(heap);
    for (const at of small.slice(0, 20)) heap.free(at);
    heap.free(large);
    validate(heap);
    assertLessOrEqual(110_000, heap.stats().largestFreeBytes); // more than a region
    assertEquals([view.x, heap.view(first, Point).x], [7, 7]);
    memory.grow(1);
    heap.rebind();
    assertEquals(view.x, 7);
    for (const at of [first, ...small.slice(20)]) heap.free(at);
    validate(heap);
    assertLessOrEqual(heap.stats().byteLength, 2 * 64 * KIB);
    heap.trim();
    assertEquals([window.regions, window.usedBytes], [1, 64 * KIB]);
    validate(heap);
    heap.dispose();
    assertEquals(window.usedBytes, 0);
  }
});

Deno.test("A buffer with free memory behind it grows where it is", () => {
  const { heap, window } = inWasm();
  let address = heap.alloc(100_000);
  const start = address;
  fill(heap, address, 0, 100_000);
  for (let bytes = 110_000; bytes <= 2_000_000; bytes += 10_000) {
    address = heap.realloc(address, bytes);
    assertLessOrEqual(window.usedBytes, 4 * bytes + 64 * KIB);
  }
  assertEquals(address, start);
  assert(filled(heap, address, 100_000));
  assert(heap.bytes(address, 2_000_000).subarray(100_000).every((byte) => byte === 0));
  validate(heap);
  heap.free(address);
  assertEquals(window.usedBytes, 64 * KIB);
  heap.dispose();
});

/** Each kind of memory, and one that regions never come back to from the middle. */
const SOURCES: Record<string, () => MemoryResource> = {
  heap: () => heapMemory,
  shared: sharedMemory,
  wasm: () => wasmMemory(new WebAssembly.Memory({ initial: 200 })),
  "wasm, skewed": () => wasmMemory(new WebAssembly.Memory({ initial: 200 }), { byteOffset: 1001 }),
  counted: () => countingMemory(countingMemory()),
  arena: () => new Arena({ blockBytes: 16 * KIB }),
  heap_: () => new FreeListAllocator({ byteLength: 32 * KIB, grow: true }),
};

for (const [name, sourceOf] of Object.entries(SOURCES)) {
  Deno.test(`Buffers and small allocations hold what they did, and take at most 6 times that (${name})`, () => {
    for (const [fit, index] of KINDS) {
      const it = new Watched(6, { byteLength: 8 * KIB, memory: sourceOf(), fit, index });
      const { heap } = it;
      const buffers = [heap.alloc(100), heap.alloc(100, 64)];
      for (const at of buffers) fill(heap, at, 0, 100);
      const small: number[] = [];
      for (let bytes = 164, i = 0; bytes < 100_000; bytes += 164, i++) {
        const k = i & 1;
        const before = heap.sizeOf(buffers[k]);
        buffers[k] = heap.realloc(buffers[k], bytes);
        fill(heap, buffers[k], before, bytes);
        small.push(heap.alloc(8 + i % 60));
        if (i % 3 === 0) heap.free(small.splice(i * 7 % small.length, 1)[0]);
        if (i % 50 === 0) validate(heap);
        it.check();
      }
      for (const at of buffers) assert(filled(heap, at, heap.sizeOf(at)));
      assertEquals(buffers[1] % 64, 0);
      validate(heap);
      for (const at of [...small, ...buffers]) heap.free(at);
      assertLessOrEqual(heap.stats().byteLength, 2 * 8 * KIB);
      validate(heap);
      heap.dispose();
      assertEquals(it.counter.regions, 0);
    }
  });
}
