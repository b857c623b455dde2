/** What the models do not show of heaps: figures, errors, and sizes at the edges. */
import { assertEquals } from "@std/assert";
import { FreeListAllocator, type FreeListOptions, OutOfMemoryError } from "../../mod.ts";
import { assertUntouched } from "./_support.ts";

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
  for (const index of ["list", "tree"] as const) {
    for (let byteLength = 1008; byteLength < 1016; byteLength++) {
      using heap = small({ byteLength, index });
      const message = `"test": no free chunk has room for 993 bytes, the largest holds 992; 0 of ` +
        `${byteLength} bytes are in use`;
      assertUntouched(heap, () => heap.alloc(993), OutOfMemoryError, message);
      const all = heap.alloc(992);
      heap.bytes(all, 992).fill(255);
      assertUntouched(heap, () => heap.alloc(1), OutOfMemoryError, "the largest holds 0; 992 of");
      assertEquals(heap.stats().fragmentation, 0);
      heap.free(all);
      assertEquals(heap.stats().largestFreeBytes, 992);
    }
  }
});

Deno.test("FreeListAllocator.stats() accounts for every byte", () => {
  using heap = small();
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
