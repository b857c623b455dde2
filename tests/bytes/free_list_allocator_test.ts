import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import {
  Arena,
  DisposedError,
  type Fit,
  FreeListAllocator,
  type FreeListOptions,
  heapMemory,
  InvalidAddressError,
  type MemoryRegion,
  OutOfMemoryError,
  Pool,
  struct,
  validate,
} from "../../mod.ts";
import { auditHeap } from "../../src/inspect/validate_heap.ts";
import { heaps } from "../../src/bytes/heap.ts";
import { assertUntouched, spaceOf, WasmStandIn } from "./_support.ts";
import { untyped } from "../_support.ts";
import { Ledger } from "../_ledger.ts";

const Vec2 = struct({ x: "f32", y: "f32" }, { name: "Vec2" });

/** 1000 bytes of chunks, and 8 for the end. */
function small(options: FreeListOptions = {}): FreeListAllocator {
  return new FreeListAllocator({ byteLength: 1008, ...options });
}

/** Free chunks of 104, 56, 80, 56, and 80 bytes, one after the other with used ones between, and no other. */
function holey(fit: Fit, index?: "list" | "tree"): { heap: FreeListAllocator; holes: number[] } {
  const heap = small({ fit, ...index === undefined ? {} : { index } });
  const addresses: number[] = [];
  for (const size of [96, 48, 72, 48, 72]) {
    addresses.push(heap.alloc(size));
    heap.alloc(8);
  }
  heap.alloc(heap.stats().largestFreeBytes);
  for (const it of addresses) heap.free(it);
  auditHeap(heap);
  return { heap, holes: addresses };
}

// -- fits --

Deno.test("FreeListAllocator takes the first chunk with room for the first fit", () => {
  const { heap, holes } = holey("first");
  assertEquals(heap.alloc(60), holes[0]);
  assertEquals([heap.alloc(48), heap.alloc(40)], [holes[1], holes[2]]);
});

Deno.test("FreeListAllocator takes the first chunk after the last allocation for the next fit, and starts over", () => {
  const { heap, holes } = holey("next");
  assertEquals(heap.alloc(20), holes[0]);
  assertEquals(heap.alloc(20), holes[0] + 32); // right after it
  assertEquals(heap.alloc(60), holes[2]);
  assertEquals(heap.alloc(40), holes[3]);
  assertEquals(heap.alloc(40), holes[4]);
  assertEquals(heap.alloc(40), holes[1]);
  heap.free(holes[3]);
  heap.free(holes[2]);
  assertEquals(heap.alloc(60), holes[2]);
  assertEquals(heap.alloc(40), holes[3]);
});

Deno.test("FreeListAllocator takes the smallest chunk with room for the best fit, the first of equals", () => {
  for (const index of ["list", "tree"] as const) {
    const { heap, holes } = holey("best", index);
    assertEquals([heap.alloc(72), heap.alloc(40), heap.alloc(48)], [holes[2], holes[1], holes[3]]);
    assertEquals([heap.alloc(60), heap.alloc(60)], [holes[4], holes[0]]);
    auditHeap(heap);
  }
});

Deno.test("FreeListAllocator takes the largest chunk for the worst fit, the first of equals", () => {
  const { heap, holes } = holey("worst");
  assertEquals(heap.alloc(8), holes[0]);
  assertEquals(heap.alloc(8), holes[0] + 16);
  assertEquals(heap.alloc(8), holes[2]);
  assertEquals(heap.alloc(8), holes[4]);
});

Deno.test("FreeListAllocator passes over chunks that have no room for the alignment", () => {
  for (const fit of ["first", "next", "best", "worst"] as const) {
    for (const index of fit === "best" ? ["list", "tree"] as const : [undefined]) {
      const { heap, holes } = holey(fit, index);
      // The first hole is 24 bytes before a multiple of 32, which is enough for a chunk of its own.
      const address = heap.alloc(32, 32);
      assertEquals(address % 32, 0);
      assert(holes.some((it, i) => it <= address && address + 32 <= it + [96, 48, 72, 48, 72][i]));
      auditHeap(heap);
      assertUntouched(heap, () => heap.alloc(60, 4096), OutOfMemoryError, "no free chunk has room");
    }
  }
});

// -- alloc() --

Deno.test("FreeListAllocator.alloc() puts a header of 8 bytes before a payload, and rounds up to 8", () => {
  using heap = small({ index: "list" });
  const first = heap.alloc(1);
  assertEquals([heap.alloc(8) - first, heap.alloc(9) - first, heap.alloc(1) - first], [16, 32, 56]);
  using tree = small();
  const node = tree.alloc(1);
  assertEquals([tree.alloc(16) - node, tree.alloc(17) - node, tree.alloc(1) - node], [24, 48, 80]);
});

Deno.test("FreeListAllocator.alloc() aligns address and memory to any power of two up to 4096", () => {
  for (const skew of [0, 8, 1000, 4088]) {
    for (const index of ["list", "tree"] as const) {
      using heap = new FreeListAllocator({
        byteLength: 32_768,
        index,
        memory: new WasmStandIn(skew),
      });
      for (let align = 1; align <= 4096; align *= 2) {
        heap.alloc(1, 1);
        const address = heap.alloc(10, align);
        assertEquals([address % align, heap.bytes(address, 1).byteOffset % align], [0, 0]);
        auditHeap(heap);
      }
    }
  }
});

Deno.test("FreeListAllocator.alloc() leaves what is before an aligned payload free", () => {
  using heap = small();
  const address = heap.alloc(16, 256);
  const { freeChunks, allocations } = heap.stats();
  assertEquals([freeChunks, allocations], [2, 1]);
  assert(heap.alloc(16) < address);
  heap.free(address);
  auditHeap(heap);
});

Deno.test("FreeListAllocator.alloc() zeroes what was used before, links and tags included", () => {
  for (const index of ["list", "tree"] as const) {
    using heap = small({ index });
    for (const size of [1, 7, 8, 30, 255, 256, 257, 900]) {
      const a = heap.alloc(size);
      assert(heap.bytes(a, size).every((byte) => byte === 0), `${size}`);
      heap.bytes(a, size).fill(255);
      heap.free(a);
    }
  }
});

Deno.test("FreeListAllocator.alloc() can take all that there is, and no byte more", () => {
  for (const index of ["list", "tree"] as const) {
    using heap = small({ name: "test", index });
    const { largestFreeBytes, freeBytes } = heap.stats();
    assertEquals([largestFreeBytes, freeBytes], [992, 992]);
    const error = assertUntouched(
      heap,
      () => heap.alloc(993),
      OutOfMemoryError,
      'Cannot alloc in FreeListAllocator "test": no free chunk has room for 993 bytes, the largest holds 992; 0 of 1008 bytes are in use',
    );
    assertEquals(error.byteLength, 993);
    const all = heap.alloc(992);
    assertEquals([heap.stats().freeChunks, heap.stats().largestFreeBytes], [0, 0]);
    assertUntouched(
      heap,
      () => heap.alloc(1),
      OutOfMemoryError,
      "the largest holds 0; 992 of 1008",
    );
    heap.free(all);
    assertEquals(heap.stats().largestFreeBytes, 992);
  }
});

Deno.test("FreeListAllocator works where its memory is no multiple of 8", () => {
  for (let byteLength = 64; byteLength < 80; byteLength++) {
    using heap = new FreeListAllocator({ byteLength });
    const { largestFreeBytes } = heap.stats();
    assertEquals(largestFreeBytes, (byteLength & -8) - 16);
    const all = heap.alloc(largestFreeBytes);
    heap.bytes(all, largestFreeBytes).fill(255);
    auditHeap(heap);
    heap.free(all);
    auditHeap(heap);
  }
});

// -- free() --

Deno.test("FreeListAllocator.free() joins a chunk with free neighbours on both sides, in any order", () => {
  const orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
  for (const order of orders) {
    for (const index of ["list", "tree"] as const) {
      using heap = small({ index });
      const chunks = [heap.alloc(40), heap.alloc(40), heap.alloc(40)];
      heap.alloc(40);
      for (const i of order) {
        heap.free(chunks[i]);
        auditHeap(heap);
      }
      assertEquals(heap.stats().freeChunks, 2);
      assertEquals(heap.alloc(136), chunks[0]); // the three with the tags of two
    }
  }
});

Deno.test("FreeListAllocator.free() refuses addresses where nothing live starts, and changes nothing", () => {
  for (const index of ["list", "tree"] as const) {
    using heap = small({ name: "test", index });
    using other = small({ index });
    const [a, b] = [heap.alloc(64), heap.alloc(64)];
    other.alloc(8);
    const foreign = other.alloc(8);
    heap.bytes(a, 64).fill(9); // reads as a used header wherever it is looked at as one
    heap.free(b);
    const wrong = [
      a + 8,
      a - 8,
      a + 32,
      b,
      b + 8,
      foreign,
      8,
      2 ** 31,
      2 ** 32 - 8,
      a + 2 ** 32,
      a + 4,
    ];
    const uses = [
      (at: number) => heap.free(at),
      (at: number) => heap.realloc(at, 8),
      (at: number) => heap.realloc(at, 8000),
      (at: number) => heap.sizeOf(at),
      (at: number) => heap.view(at, Vec2),
      (at: number) => heap.bytes(at, 1),
    ];
    for (const use of uses) {
      for (const it of wrong) {
        const error = assertUntouched(
          heap,
          () => use(it),
          InvalidAddressError,
          `in FreeListAllocator "test": address ${it} is not in use, no live allocation starts there`,
        );
        assertEquals([error.pool, error.address], ["test", it]);
      }
      assertUntouched(heap, () => use(0), InvalidAddressError, "address 0 is the null address");
      for (const it of [-8, NaN, a + 0.5, untyped<number>(String(a)), untyped<number>(null)]) {
        assertUntouched(heap, () => use(it), InvalidAddressError, "is no address");
      }
    }
  }
});

// -- realloc() --

Deno.test("FreeListAllocator.realloc() shrinks in place, and what it loses can be used", () => {
  for (const index of ["list", "tree"] as const) {
    using heap = small({ index });
    const a = heap.alloc(200);
    const b = heap.alloc(8);
    heap.bytes(a, 200).fill(7);
    assertEquals([heap.realloc(a, 100), heap.sizeOf(a)], [a, 100]);
    auditHeap(heap);
    assert(heap.bytes(a, 100).every((byte) => byte === 7));
    const c = heap.alloc(80);
    assert(a < c && c < b);
    assert(heap.bytes(c, 80).every((byte) => byte === 0));
  }
});

Deno.test("FreeListAllocator.realloc() shrinks by less than a chunk, and grows again, zeroed", () => {
  using heap = small();
  const a = heap.alloc(40);
  heap.alloc(8);
  heap.bytes(a, 40).fill(7);
  assertEquals([heap.realloc(a, 33), heap.sizeOf(a)], [a, 33]);
  assertUntouched(
    heap,
    () => heap.bytes(a, 34),
    InvalidAddressError,
    "holds 33 bytes, fewer than 34",
  );
  assertEquals(heap.realloc(a, 40), a);
  assertEquals([...heap.bytes(a, 40)], [...Array(33).fill(7), ...Array(7).fill(0)]);
});

Deno.test("FreeListAllocator.realloc() grows into a free neighbour, zeroed, and leaves the rest of it free", () => {
  for (const index of ["list", "tree"] as const) {
    using heap = small({ index });
    const a = heap.alloc(40);
    const b = heap.alloc(100);
    const c = heap.alloc(8);
    heap.bytes(a, 40).fill(7);
    heap.bytes(b, 100).fill(8);
    heap.free(b);
    assertEquals(heap.realloc(a, 80), a);
    auditHeap(heap);
    assertEquals([...heap.bytes(a, 80)], [...Array(40).fill(7), ...Array(40).fill(0)]);
    assertEquals(heap.realloc(a, 152), a); // to the last byte before c
    auditHeap(heap);
    assertEquals(heap.stats().freeChunks, 1);
    assertEquals([heap.sizeOf(a), heap.sizeOf(c)], [152, 8]);
    const d = heap.realloc(a, 153);
    assertNotEquals(d, a);
  }
});

Deno.test("FreeListAllocator.realloc() moves where there is no room, keeps the bytes, zeroes the rest, frees the old", () => {
  for (const index of ["list", "tree"] as const) {
    using heap = small({ index });
    const a = heap.alloc(40);
    heap.alloc(8);
    heap.bytes(a, 40).fill(7);
    const b = heap.realloc(a, 300);
    assertNotEquals(b, a);
    assertEquals([...heap.bytes(b, 300)], [...Array(40).fill(7), ...Array(260).fill(0)]);
    assertUntouched(heap, () => heap.free(a), InvalidAddressError, "is not in use");
    assertEquals(heap.stats().allocations, 2);
    assertEquals(heap.alloc(40), a);
  }
});

Deno.test("FreeListAllocator.realloc() moves to meet an alignment, also to become smaller", () => {
  using heap = new FreeListAllocator({ byteLength: 16_384 });
  const a = heap.alloc(40);
  heap.bytes(a, 40).fill(7);
  const b = heap.realloc(a, 20, 4096);
  assertEquals([b % 4096, heap.sizeOf(b)], [0, 20]);
  assertEquals([...heap.bytes(b, 20)], Array(20).fill(7));
  assertEquals(heap.realloc(b, 200, 4096), b);
  auditHeap(heap);
});

Deno.test("FreeListAllocator.realloc() keeps the alignment where it moves, however often", () => {
  for (const debug of [false, true]) {
    for (const index of ["list", "tree"] as const) {
      for (const memory of [heapMemory, new WasmStandIn(1000)]) {
        using heap = new FreeListAllocator({
          byteLength: 20_000,
          grow: true,
          index,
          debug,
          memory,
        });
        for (let align = 1; align <= 4096; align *= 2) {
          let address = heap.alloc(40, align);
          heap.bytes(address, 40).fill(align);
          for (let size = 41; size < 10_000; size = size * 3 >> 1) {
            heap.alloc(8); // in the way
            address = heap.realloc(address, size);
            assertEquals([address % align, heap.bytes(address, 1).byteOffset % align], [0, 0]);
          }
          address = heap.realloc(heap.realloc(address, 10), 5000);
          assertEquals(address % align, 0);
          assert(heap.bytes(address, 10).every((byte) => byte === (align & 255)));
          auditHeap(heap);
        }
        heap.reset();
      }
    }
  }
});

Deno.test("FreeListAllocator.realloc() moves the smallest aligned allocation to where it is aligned as before", () => {
  using heap = new FreeListAllocator({ byteLength: 16_384 });
  const a = heap.alloc(8, 64);
  heap.alloc(1000); // right behind it, as it is too large for what is before
  const b = heap.realloc(a, 100);
  assertNotEquals(b, a);
  assertEquals(b % 64, 0);
});

Deno.test("FreeListAllocator.realloc() takes an alignment that it is told from then on, a smaller one too", () => {
  using heap = new FreeListAllocator({ byteLength: 65_536 });
  const alignOf = (address: number) => heaps.get(heap)!.chunks.alignOf(address / 8 - 1); // it has one
  const a = heap.alloc(8, 4096);
  assertEquals(alignOf(a), 4096);
  const b = heap.realloc(a, 16, 512); // where it is
  assertEquals([b, alignOf(b)], [a, 512]);
  assertEquals(alignOf(heap.realloc(b, 16, 1)), 8);
  const c = heap.realloc(heap.alloc(8), 100, 256);
  heap.alloc(10_000);
  const d = heap.realloc(c, 9000, undefined);
  assertEquals([d === c, d % 256, alignOf(d)], [false, 0, 256]);
});

Deno.test("FreeListAllocator remembers an alignment in no byte of a payload, and takes none more for it", () => {
  for (const index of ["list", "tree"] as const) {
    using heap = new FreeListAllocator({ byteLength: 65_536, index });
    for (let align = 1; align <= 4096; align *= 2) {
      const { usedBytes, freeBytes } = heap.stats();
      const address = heap.alloc(40, align);
      heap.bytes(address, 40).fill(255);
      assertEquals([heap.sizeOf(address), heap.stats().usedBytes - usedBytes], [40, 40]);
      const taken = freeBytes - heap.stats().freeBytes;
      assert(taken === 48 || taken === 56, `${taken}`); // one header, and that of what is before
      heap.free(address);
      heap.reset();
    }
    const all = heap.stats().largestFreeBytes;
    const address = heap.alloc(all, 8);
    assertEquals(heap.sizeOf(address), all);
    heap.free(address);
  }
});

Deno.test("FreeListAllocator.realloc() that fails leaves the allocation as it was", () => {
  for (const index of ["list", "tree"] as const) {
    using heap = small({ index });
    const a = heap.alloc(40);
    heap.alloc(400);
    heap.bytes(a, 40).fill(7);
    assertUntouched(heap, () => heap.realloc(a, 600), OutOfMemoryError, "Cannot realloc in Free");
    assertUntouched(heap, () => heap.realloc(a, 2 ** 31), OutOfMemoryError, "2147483648 bytes");
    assertUntouched(heap, () => heap.realloc(a, 1e300), OutOfMemoryError, "no free chunk has room");
    for (const size of [0, -1, 1.5, NaN, Infinity, untyped<number>("8")]) {
      assertUntouched(heap, () => heap.realloc(a, size), RangeError, "must be a positive integer");
    }
    for (const align of [0, 3, 8192, NaN]) {
      assertUntouched(heap, () => heap.realloc(a, 8, align), RangeError, "must be a power of two");
    }
  }
});

// -- grow and trim() --

Deno.test("FreeListAllocator grows by extents of its size, and larger ones for what does not fit those", () => {
  for (const index of ["list", "tree"] as const) {
    const ledger = new Ledger();
    using heap = new FreeListAllocator({ byteLength: 256, grow: true, index, memory: ledger });
    const addresses = [200, 200, 5000, 100, 3000].map((size) => heap.alloc(size));
    assertEquals([...ledger.lent].map((it) => it.byteLength), [256, 256, 5016, 256, 3016]);
    auditHeap(heap);
    const aligned = heap.alloc(100, 4096);
    assertEquals(aligned % 4096, 0);
    auditHeap(heap);
    for (const it of addresses) heap.free(it);
    auditHeap(heap);
    assertEquals(heap.alloc(200), addresses[0]); // one index spans all extents
    assertNotEquals(heap.alloc(5000), addresses[2]); // which went back
    auditHeap(heap);
  }
});

Deno.test("FreeListAllocator does not join chunks across extents", () => {
  // Extents of 4096 bytes lie side by side.
  using heap = new FreeListAllocator({ byteLength: 4096, grow: true });
  const [a, b] = [heap.alloc(4080), heap.alloc(4080)];
  assertEquals(b - a, 4096);
  heap.free(a);
  heap.free(b);
  auditHeap(heap);
  assertEquals(heap.stats().freeChunks, 2);
});

Deno.test("FreeListAllocator that may not grow, or cannot, says so and changes nothing", () => {
  const ledger = new Ledger();
  ledger.budget = 2;
  using heap = new FreeListAllocator({ byteLength: 256, grow: true, memory: ledger });
  const a = heap.alloc(240);
  heap.alloc(240);
  assertUntouched(heap, () => heap.alloc(100), OutOfMemoryError, "the budget is spent");
  assertUntouched(heap, () => heap.realloc(a, 241), OutOfMemoryError, "the budget is spent");
  assertUntouched(heap, () => heap.allocate(100, 8), OutOfMemoryError, "the budget is spent");
  assertUntouched(heap, () => heap.alloc(2 ** 30), OutOfMemoryError, "1073741840 bytes in a row");
});

Deno.test("FreeListAllocator.realloc() grows the heap where it may", () => {
  using heap = new FreeListAllocator({ byteLength: 256, grow: true });
  const a = heap.alloc(200);
  heap.bytes(a, 200).fill(3);
  const b = heap.realloc(a, 1000);
  assertEquals([...heap.bytes(b, 1000)], [...Array(200).fill(3), ...Array(800).fill(0)]);
  auditHeap(heap);
});

Deno.test("FreeListAllocator.trim() keeps an extent whose first chunk alone is free", () => {
  for (const fit of ["first", "best"] as const) {
    using heap = small({ fit, grow: true });
    heap.alloc(992);
    const [first, second] = [heap.alloc(100), heap.alloc(100)];
    heap.free(first);
    assertEquals(heap.trim(), 0);
    auditHeap(heap);
    heap.free(second);
    assertEquals(heap.trim(), 1008);
  }
});

Deno.test("FreeListAllocator.trim() gives back extents that are wholly free, but the first", () => {
  for (const index of ["list", "tree"] as const) {
    const ledger = new Ledger();
    using heap = new FreeListAllocator({ byteLength: 256, grow: true, index, memory: ledger });
    const addresses = Array.from({ length: 4 }, () => heap.alloc(240));
    assertEquals(heap.trim(), 0);
    for (const i of [0, 1, 3]) heap.free(addresses[i]);
    assertEquals([ledger.lent.size, ledger.returned.size], [3, 1]); // one is kept to spare
    assertEquals([heap.trim(), ledger.lent.size, ledger.returned.size], [256, 2, 2]);
    auditHeap(heap);
    assertEquals(heap.trim(), 0);
    for (const i of [1, 3]) {
      assertUntouched(heap, () => heap.free(addresses[i]), InvalidAddressError, "is not in use");
    }
    assertEquals(heap.alloc(240), addresses[0]);
    heap.free(addresses[2]);
    assertEquals(heap.stats().byteLength, 512);
  }
});

// -- stats() --

Deno.test("FreeListAllocator.stats() accounts for every byte", () => {
  using heap = small();
  const [a, , c] = [heap.alloc(50), heap.alloc(100), heap.alloc(10)];
  heap.alloc(1);
  heap.free(a);
  assertEquals(heap.stats(), {
    byteLength: 1008,
    usedBytes: 111,
    peakBytes: 161,
    freeBytes: 56 + 768,
    largestFreeBytes: 768,
    freeChunks: 2,
    fragmentation: 1 - 768 / 824,
    overheadBytes: 1008 - 111 - 824,
    allocations: 3,
  });
  heap.free(c);
  assertEquals([heap.stats().usedBytes, heap.stats().peakBytes], [101, 161]);
  const out = {};
  assert(heap.stats(out) === out);
});

Deno.test("FreeListAllocator.stats() finds the largest free chunk, wherever it is, with every fit", () => {
  for (const fit of ["first", "next", "best", "worst"] as const) {
    using heap = small({ fit, index: "list" });
    const first = heap.alloc(96);
    heap.alloc(96);
    heap.free(first);
    assertEquals(heap.stats().largestFreeBytes, 1000 - 2 * 104 - 8);
  }
});

Deno.test("FreeListAllocator.stats() gives no fragmentation where nothing or one chunk is free", () => {
  using heap = small();
  assertEquals(heap.stats().fragmentation, 0);
  heap.alloc(992);
  const { freeBytes, fragmentation, overheadBytes } = heap.stats();
  assertEquals([freeBytes, fragmentation, overheadBytes], [0, 0, 16]);
});

// -- reset() and dispose() --

Deno.test("FreeListAllocator.reset() frees everything and keeps the memory", () => {
  for (const fit of ["first", "next", "best"] as const) {
    using heap = small({ fit, grow: true });
    const addresses = [300, 300, 300, 5000, 40].map((size) => heap.alloc(size));
    heap.free(addresses[1]);
    const { byteLength } = heap.stats();
    heap.reset();
    auditHeap(heap);
    const stats = heap.stats();
    assertEquals([stats.byteLength, stats.usedBytes, stats.freeChunks], [byteLength, 0, 2]);
    for (const it of addresses) {
      assertUntouched(heap, () => heap.free(it), InvalidAddressError, "is not in use");
    }
    assertEquals(heap.alloc(300), addresses[0]);
    auditHeap(heap);
  }
});

Deno.test("FreeListAllocator takes its memory at once, and gives it back", () => {
  const ledger = new Ledger();
  const heap = new FreeListAllocator({ byteLength: 100, grow: true, memory: ledger });
  assertEquals(ledger.byteLength, 100);
  const address = heap.alloc(8);
  heap.alloc(1000);
  heap.dispose();
  heap.dispose();
  assertEquals([ledger.lent.size, ledger.returned.size], [0, 2]);
  const calls = [
    () => heap.alloc(8),
    () => heap.free(address),
    () => heap.realloc(address, 8),
    () => heap.sizeOf(address),
    () => heap.bytes(address, 8),
    () => heap.allocRecord(Vec2),
    () => heap.allocate(8, 8),
    () => heap.reset(),
    () => heap.trim(),
    () => heap.stats(),
    () => heap.rebind(),
  ];
  for (const call of calls) {
    assertThrows(call, DisposedError, 'Cannot use FreeListAllocator "heap": it was disposed of');
  }
  ledger.budget = 0;
  assertThrows(() => new FreeListAllocator({ memory: ledger }), OutOfMemoryError);
});

Deno.test("FreeListAllocator refuses options that are none", () => {
  const wrong: [unknown, typeof RangeError | typeof TypeError, string][] = [
    [{ byteLength: 0 }, RangeError, "byteLength must be an integer from 64 to 1073741824, got 0"],
    [{ byteLength: 63 }, RangeError, "got 63"],
    [{ byteLength: 2 ** 30 + 1 }, RangeError, "got 1073741825"],
    [{ byteLength: 100.5 }, RangeError, "got 100.5"],
    [{ byteLength: "128" }, RangeError, 'got "128"'],
    [{ fit: "buddy" }, TypeError, 'fit must be "first", "next", "best" or "worst", got "buddy"'],
    [{ fit: null }, TypeError, "got null"],
    [{ index: "heap" }, TypeError, 'index must be "list" or "tree", got "heap"'],
    [
      { fit: "first", index: "tree" },
      TypeError,
      'index must be "list" for fit "first", got "tree"',
    ],
    [{ grow: 1 }, TypeError, "grow must be a boolean, got 1"],
    [{ name: 5 }, TypeError, "Cannot create FreeListAllocator: name must be a string, got 5"],
    [{ memory: 5 }, TypeError, "memory must be an object with allocate and release, got 5"],
  ];
  for (const [options, errorClass, message] of wrong) {
    assertThrows(() => new FreeListAllocator(untyped(options)), errorClass, message);
  }
});

Deno.test("FreeListAllocator has a tree by default for the best fit, and a list for the others", () => {
  const leastOf = (options: FreeListOptions) => {
    using heap = small(options);
    return -heap.alloc(1) + heap.alloc(1); // a node of the tree takes 24 bytes, of the list 16
  };
  assertEquals(
    [{}, { fit: "best" }, { index: "list" }].map((it) => leastOf(it as FreeListOptions)),
    [
      24,
      24,
      16,
    ],
  );
  assertEquals((["first", "next", "worst"] as const).map((fit) => leastOf({ fit })), [16, 16, 16]);
});

// -- as a memory resource --

Deno.test("FreeListAllocator.allocate() lends regions of its own memory, and release() frees them", () => {
  using heap = small({ memory: new WasmStandIn(24) });
  const region = heap.allocate(100, 64);
  assertEquals([region.byteLength, region.byteOffset % 64], [100, 0]);
  const bytes = new Uint8Array(region.buffer, region.byteOffset, 100);
  assert(bytes.every((byte) => byte === 0));
  bytes.fill(7);
  assertEquals(heap.sizeOf(heap.addressOf(bytes)), 100);
  heap.release(region);
  assertEquals(heap.stats().allocations, 0);
  auditHeap(heap);
});

Deno.test("FreeListAllocator.release() takes a region that it lent once, and one from before a reset as come back", () => {
  const heap = small();
  using other = small();
  const [a, b, c] = [8, 8, 8].map((size) => heap.allocate(size, 8));
  heap.release(a);
  heap.alloc(8); // in its place
  assertUntouched(heap, () => heap.release(a), InvalidAddressError, "was not allocated by it");
  const copy: MemoryRegion = { buffer: b.buffer, byteOffset: b.byteOffset, byteLength: 8 };
  assertUntouched(heap, () => heap.release(copy), InvalidAddressError, "was not allocated by it");
  assertUntouched(other, () => other.release(b), InvalidAddressError, "was not allocated by it");
  assertUntouched(
    heap,
    () => heap.release(untyped(null)),
    InvalidAddressError,
    "was not allocated by it",
  );
  heap.reset();
  heap.alloc(8);
  heap.alloc(8);
  heap.release(b);
  assertEquals(heap.stats().allocations, 2);
  assertUntouched(heap, () => heap.release(b), InvalidAddressError, "was not allocated by it");
  const late = heap.allocate(8, 8);
  heap.dispose();
  heap.release(late);
  heap.release(c);
});

Deno.test("FreeListAllocator.allocate() refuses what alloc() refuses", () => {
  using heap = small();
  for (const size of [0, -8, 1.5, NaN]) {
    assertUntouched(heap, () => heap.allocate(size, 8), RangeError, "must be a positive integer");
  }
  assertUntouched(heap, () => heap.allocate(8, 3), RangeError, "must be a power of two");
  assertUntouched(heap, () => heap.allocate(5000, 8), OutOfMemoryError, "Cannot allocate in Free");
});

Deno.test("Pools grow and shrink inside a FreeListAllocator, which is empty after them", () => {
  using heap = new FreeListAllocator({ byteLength: 4096, grow: true });
  {
    using a = new Pool(Vec2, { chunksPerBlock: 16, memory: heap });
    using b = new Pool({ n: "f64" }, { chunksPerBlock: 32, memory: heap });
    const [left, right] = [a.allocMany(200), b.allocMany(200)];
    left.forEach((handle, i) => a.set(handle, { x: i }));
    right.forEach((handle, i) => b.set(handle, { n: i }));
    auditHeap(heap);
    a.freeMany(left.slice(0, 150));
    for (let i = 150; i < 200; i++) assertEquals(a.get(left[i]).x, i);
    for (let i = 0; i < 200; i++) assertEquals(b.get(right[i]).n, i);
    for (const pool of [a, b]) validate(pool);
    auditHeap(heap);
  }
  assertEquals(heap.stats().allocations, 0);
  heap.trim();
  assertEquals(heap.stats().byteLength, 4096);
});

Deno.test("A FreeListAllocator lives in an Arena in the memory of a wasm module, and follows it when it grows", () => {
  const memory = new WasmStandIn(40);
  using arena = new Arena({ blockBytes: 16_384, memory });
  arena.alloc(5, 1);
  using heap = new FreeListAllocator({ byteLength: 2048, grow: true, memory: arena });
  const addresses = Array.from({ length: 50 }, (_, i) => heap.allocRecord(Vec2, { x: i }));
  heap.free(addresses[7]);
  memory.grow();
  const calls = [
    () => heap.alloc(8),
    () => heap.free(addresses[0]),
    () => heap.realloc(addresses[0], 16),
    () => heap.sizeOf(addresses[0]),
    () => heap.view(addresses[0], Vec2),
    () => heap.stats(),
    () => heap.reset(),
    () => heap.trim(),
  ];
  for (const call of calls) assertThrows(call, TypeError, "call rebind() first");
  arena.rebind();
  heap.rebind();
  auditHeap(heap);
  addresses.forEach((it, i) => i === 7 || assertEquals(heap.view(it, Vec2).x, i));
  assertEquals(heap.alloc(8), addresses[7]);
  const [{ u8 }] = spaceOf(heap).extents;
  assertEquals(u8.buffer, memory.memory.buffer);
});

Deno.test("FreeListAllocator zeroes memory that its resource lent dirty", () => {
  const dirty = {
    allocate(byteLength: number, align: number) {
      const region = heapMemory.allocate(byteLength, align);
      new Uint8Array(region.buffer).fill(255);
      return region;
    },
    release: heapMemory.release,
  };
  using heap = small({ memory: dirty });
  auditHeap(heap);
  const a = heap.alloc(500);
  assert(heap.bytes(a, 500).every((byte) => byte === 0));
});
