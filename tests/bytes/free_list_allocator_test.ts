/** What the models do not show of heaps: figures, errors, and sizes at the edges. */
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import {
  FreeListAllocator,
  type FreeListOptions,
  heapMemory,
  InvalidAddressError,
  OutOfMemoryError,
  validate,
} from "../../mod.ts";
import { unitOf } from "../../src/bytes/chunks.ts"; // for alignments, which are not public
import { heaps } from "../../src/bytes/heap.ts";
import { Ledger } from "../_ledger.ts";
import { assertUntouched, FITS, spaceOf } from "./_support.ts";

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

Deno.test("FreeListAllocator.stats() finds the largest free chunk with every fit and index", () => {
  for (const kind of FITS) {
    using heap = small(kind);
    const addresses = [96, 8, 200, 8].map((size) => heap.alloc(size));
    heap.free(addresses[0]);
    heap.alloc(heap.stats().largestFreeBytes);
    heap.free(addresses[2]);
    assertEquals(heap.stats().largestFreeBytes, 200);
  }
});

// -- addresses --

Deno.test("FreeListAllocator throws on addresses where no live allocation starts", () => {
  for (const index of INDEXES) {
    using heap = small({ index });
    using other = small({ index });
    const [a, b] = [heap.alloc(64), heap.alloc(64)];
    const foreign = (other.alloc(8), other.alloc(8));
    heap.bytes(a, 64).fill(9); // reads as the header of a used chunk
    heap.free(b);
    for (const at of [a + 8, a - 8, a + 32, a + 4, b, b + 8, foreign, 2 ** 31, a + 2 ** 32]) {
      const uses = [
        () => heap.free(at),
        () => heap.realloc(at, 8),
        () => heap.realloc(at, 8000),
        () => heap.sizeOf(at),
        () => heap.bytes(at, 1),
      ];
      const message = `"test": address ${at} is not in use, no live allocation starts there`;
      for (const use of uses) assertUntouched(heap, use, InvalidAddressError, message);
    }
    assertUntouched(heap, () => heap.bytes(a, 65), InvalidAddressError, "holds 64 bytes, fewer");
  }
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

Deno.test("FreeListAllocator.realloc() that fails leaves the allocation as it was", () => {
  for (const index of INDEXES) {
    using heap = small({ index });
    const a = heap.alloc(40);
    heap.alloc(400);
    heap.bytes(a, 40).fill(7);
    for (const size of [600, 2 ** 31, 1e300]) {
      const message = 'Cannot realloc in FreeListAllocator "test": no free chunk has room';
      assertUntouched(heap, () => heap.realloc(a, size), OutOfMemoryError, message);
    }
    assertUntouched(heap, () => heap.allocate(600, 8), OutOfMemoryError, "Cannot allocate in Free");
  }
});

// -- extents --

Deno.test("FreeListAllocator grows by extents of its size, and larger ones for larger sizes", () => {
  for (const index of INDEXES) {
    const ledger = new Ledger();
    using heap = small({ byteLength: 256, grow: true, index, memory: ledger });
    const addresses = [200, 200, 5000, 100, 3000].map((size) => heap.alloc(size));
    const sizes = spaceOf(heap).extents.map(({ byteLength }) => byteLength);
    assertEquals(sizes, [256, 256, 5016, 256, 3016]);
    assertEquals(heap.alloc(100, 4096) % 4096, 0);
    for (const it of addresses) heap.free(it);
    validate(heap);
    assertEquals(heap.alloc(200), addresses[0]); // one index spans all extents
    assertNotEquals(heap.alloc(5000), addresses[2]); // that extent was released
  }
});

Deno.test("FreeListAllocator does not join chunks of adjacent extents", () => {
  using heap = new FreeListAllocator({ byteLength: 4096, grow: true });
  const [a, b] = [heap.alloc(4080), heap.alloc(4080)];
  assertEquals(b - a, 4096);
  heap.free(a);
  heap.free(b);
  validate(heap);
  assertEquals(heap.stats().freeChunks, 2);
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

Deno.test("FreeListAllocator.trim() releases empty extents, but the first", () => {
  for (const index of INDEXES) {
    const ledger = new Ledger();
    using heap = small({ byteLength: 256, grow: true, index, memory: ledger });
    const addresses = Array.from({ length: 4 }, () => heap.alloc(240));
    const parts = [heap.alloc(100), heap.alloc(100)];
    heap.free(parts[0]);
    assertEquals(heap.trim(), 0); // the first chunk of an extent is free, and no extent is empty
    heap.free(parts[1]);
    assertEquals(heap.trim(), 256);
    for (const i of [0, 1, 3]) heap.free(addresses[i]);
    assertEquals(ledger.lent.size, 3); // one is spare
    assertEquals([heap.trim(), ledger.lent.size, heap.trim()], [256, 2, 0]);
    for (const i of [1, 3]) {
      assertUntouched(heap, () => heap.free(addresses[i]), InvalidAddressError, "is not in use");
    }
    assertEquals(heap.alloc(240), addresses[0]);
  }
});

Deno.test("FreeListAllocator.reset() frees everything and keeps the memory", () => {
  for (const kind of FITS) {
    using heap = small({ ...kind, grow: true });
    const addresses = [300, 300, 300, 5000, 40].map((size) => heap.alloc(size));
    heap.free(addresses[1]);
    const { byteLength } = heap.stats();
    heap.reset();
    validate(heap);
    const { usedBytes, freeChunks } = heap.stats();
    assertEquals([heap.stats().byteLength, usedBytes, freeChunks], [byteLength, 0, 2]);
    for (const it of addresses) {
      assertUntouched(heap, () => heap.free(it), InvalidAddressError, "is not in use");
    }
    assertEquals(
      heap.alloc(kind.fit === "worst" ? 5000 : 300),
      addresses[kind.fit === "worst" ? 3 : 0],
    );
  }
});

Deno.test("FreeListAllocator zeroes memory that its resource gave it dirty", () => {
  const memory = {
    allocate(byteLength: number, align: number) {
      const region = heapMemory.allocate(byteLength, align);
      new Uint8Array(region.buffer).fill(255);
      return region;
    },
    release() {},
  };
  using heap = small({ memory });
  for (const size of [1, 7, 255, 256, 257]) {
    assert(heap.bytes(heap.alloc(size), size).every((byte) => byte === 0));
  }
  validate(heap);
});
