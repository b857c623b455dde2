/** What the models do not show of heaps: figures, errors, and sizes at the edges. */
import { assert, assertEquals } from "@std/assert";
import { FreeListAllocator, type FreeListOptions, OutOfMemoryError } from "../../mod.ts";
import { unitOf } from "../../src/bytes/chunks.ts"; // for alignments, which are not public
import { heaps } from "../../src/bytes/heap.ts";
import { Ledger } from "../_ledger.ts";
import { assertUntouched, spaceOf } from "./_support.ts";

const INDEXES = ["list", "tree"] as const;

/** 1000 bytes of chunks, and 8 for the end. */
function small(options: FreeListOptions = {}): FreeListAllocator {
  return new FreeListAllocator({ name: "test", byteLength: 1008, ...options });
}

// -- sizes --

Deno.test("FreeListAllocator rounds sizes up to 8, to 24 with a tree and to 16 with a list", () => {
  const distances = (options: FreeListOptions) => {
    using heap = small(options);
    const [first, ...others] = [1, 8, 9, 16, 17, 1].map((size) => heap.alloc(size));
    return others.map((it) => it - first);
  };
  const [list, tree] = [[16, 32, 56, 80, 112], [24, 48, 72, 96, 128]];
  for (const options of [{}, { fit: "best" }, { index: "tree" }] as const) {
    assertEquals(distances(options), tree);
  }
  assertEquals(distances({ index: "list" }), list);
  for (const fit of ["first", "next", "worst"] as const) assertEquals(distances({ fit }), list);
});

Deno.test("FreeListAllocator can allocate all of its memory, and no byte more", () => {
  for (const index of INDEXES) {
    for (let byteLength = 1008; byteLength < 1016; byteLength++) {
      using heap = small({ byteLength, index });
      const message = `"test": no free chunk has room for 993 bytes, the largest holds 992; 0 of ` +
        `${byteLength} bytes are in use`;
      assertUntouched(heap, () => heap.alloc(993), OutOfMemoryError, message);
      const all = heap.alloc(992);
      heap.bytes(all, 992).fill(255);
      assertUntouched(heap, () => heap.alloc(1), OutOfMemoryError, "the largest holds 0; 992 of");
      heap.free(all);
      assertEquals(heap.stats().largestFreeBytes, 992);
    }
  }
});

Deno.test("FreeListAllocator.stats() accounts for every byte", () => {
  using heap = small();
  assertEquals(heap.stats().fragmentation, 0);
  const [a, , c] = [50, 100, 10, 1].map((size) => heap.alloc(size));
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
  heap.reset();
  heap.alloc(992);
  const { freeBytes, freeChunks, fragmentation, overheadBytes } = heap.stats();
  assertEquals([freeBytes, freeChunks, fragmentation, overheadBytes], [0, 0, 0, 16]);
});

// -- realloc() --

Deno.test("FreeListAllocator.realloc() keeps an alignment, in no byte of the payload", () => {
  for (const index of INDEXES) {
    using heap = new FreeListAllocator({ byteLength: 65_536, index });
    const alignOf = (address: number) => heaps.get(heap)!.chunks.alignOf(unitOf(address)); // has one
    for (let align = 1; align <= 4096; align *= 2) {
      const { freeBytes } = heap.stats();
      const address = heap.alloc(40, align);
      heap.bytes(address, 40).fill(255);
      assertEquals([heap.sizeOf(address), alignOf(address)], [40, Math.max(8, align)]);
      const taken = freeBytes - heap.stats().freeBytes;
      assert(taken === 48 || taken === 56, `${taken}`); // with a free chunk before it, or without
      heap.alloc(8); // in the way
      const moved = heap.realloc(address, 3000);
      assertEquals([moved % align, alignOf(moved)], [0, Math.max(8, align)]);
      const halved = heap.realloc(moved, 3000, Math.max(1, align / 2));
      assertEquals([halved, alignOf(halved)], [moved, Math.max(8, align / 2)]);
      heap.reset();
    }
  }
});

// -- extents --

Deno.test("FreeListAllocator grows by extents of its size, and larger ones for larger sizes", () => {
  using heap = small({ byteLength: 256, grow: true });
  for (const size of [200, 200, 5000, 100, 3000]) heap.alloc(size);
  const sizes = spaceOf(heap).extents.map(({ byteLength }) => byteLength);
  assertEquals(sizes, [256, 256, 5016, 256, 3016]);
});

Deno.test("FreeListAllocator that cannot grow throws and changes nothing", () => {
  const ledger = new Ledger();
  ledger.budget = 2;
  using heap = small({ byteLength: 256, grow: true, memory: ledger });
  const a = heap.alloc(240);
  heap.alloc(240);
  const calls = [() => heap.alloc(100), () => heap.realloc(a, 241), () => heap.allocate(100, 8)];
  for (const call of calls) assertUntouched(heap, call, OutOfMemoryError, "the budget is spent");
  assertUntouched(heap, () => heap.alloc(2 ** 30), OutOfMemoryError, "1073741840 bytes in a row");
});
