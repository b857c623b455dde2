/** What the models do not show of heaps: figures, errors, and sizes at the edges. */
import { assertEquals } from "@std/assert";
import { FreeListAllocator, type FreeListOptions, OutOfMemoryError } from "../../mod.ts";
import { assertUntouched } from "./_support.ts";

/** Distances between allocations of 1, 8, 9, 16, 17 and 1 bytes, and what has them. */
const DISTANCES: readonly [distances: number[], ...options: FreeListOptions[]][] = [
  [[24, 24, 24, 24, 32], {}, { fit: "best" }, { index: "tree" }],
  [[16, 16, 24, 24, 32], { index: "list" }, { fit: "first" }, { fit: "next" }, { fit: "worst" }],
];

Deno.test("FreeListAllocator rounds sizes up to 8, to 24 with a tree and to 16 with a list", () => {
  for (const [distances, ...all] of DISTANCES) {
    for (const options of all) {
      using heap = new FreeListAllocator(options);
      const addresses = [1, 8, 9, 16, 17, 1].map((size) => heap.alloc(size));
      assertEquals(addresses.slice(1).map((it, i) => it - addresses[i]), distances);
    }
  }
});

Deno.test("FreeListAllocator can allocate all of its memory, and no byte more", () => {
  for (const index of ["list", "tree"] as const) {
    using heap = new FreeListAllocator({ name: "test", byteLength: 1015, index });
    const message = '"test": no free chunk has room for 993 bytes, the largest holds 992; 0 of ' +
      "1015 bytes are in use";
    assertUntouched(heap, () => heap.alloc(993), OutOfMemoryError, message);
    heap.bytes(heap.alloc(992), 992).fill(255);
    assertUntouched(heap, () => heap.alloc(1), OutOfMemoryError, "the largest holds 0; 992 of");
    assertEquals(heap.stats().fragmentation, 0);
  }
});

Deno.test("FreeListAllocator.stats() accounts for every byte", () => {
  using heap = new FreeListAllocator({ byteLength: 1008 });
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
});
