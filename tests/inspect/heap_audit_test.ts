/** The audit of a heap: each book that it holds against another, put out of balance by hand. */
import { assertEquals, assertThrows } from "@std/assert";
import { Arena, FreeListAllocator, InvariantError } from "../../mod.ts";
import { auditHeap } from "../../src/inspect/validate_heap.ts";
import { FreeList } from "../../src/bytes/free_list.ts";
import { FreeTree } from "../../src/bytes/free_tree.ts";
import { type Heap, heaps } from "../../src/bytes/heap.ts";

/** A heap with seven free chunks between used ones, and the units of all chunks in order. */
function prepare(index: "list" | "tree"): {
  allocator: FreeListAllocator;
  heap: Heap;
  free: number[];
  used: number[];
} {
  const allocator = new FreeListAllocator({
    name: "test",
    byteLength: 2048,
    index,
    ...index === "list" ? { fit: "next" } : {},
  });
  const addresses = Array.from({ length: 14 }, (_, i) => allocator.alloc(24 + 8 * i));
  allocator.alloc(allocator.stats().largestFreeBytes);
  for (let i = 0; i < 14; i += 2) allocator.free(addresses[i]);
  auditHeap(allocator);
  const units = addresses.map((it) => it / 8 - 1);
  return {
    allocator,
    heap: heaps.get(allocator)!, // every free list has one
    free: units.filter((_, i) => i % 2 === 0),
    used: units.filter((_, i) => i % 2 === 1),
  };
}

/** What is put out of balance, in which index, how, and what the audit says. */
const FAULTS: [
  string,
  ("list" | "tree")[],
  (heap: Heap, free: number[], used: number[]) => void,
  string,
][] = [
  [
    "a size beyond the extent",
    ["list", "tree"],
    ({ chunks }, _, [used]) => chunks.setWord(used, 0, 4096 | 1),
    "has 4096 bytes, ",
  ],
  [
    "a size of nothing",
    ["list", "tree"],
    ({ chunks }, _, [used]) => chunks.setWord(used, 0, 1),
    "has 0 bytes, ",
  ],
  [
    "a footer",
    ["list", "tree"],
    ({ chunks }, [, free]) => chunks.setWord(free, chunks.sizeOf(free) / 4 - 1, 8),
    "its footer says 8",
  ],
  [
    "a flag of the chunk before",
    ["list", "tree"],
    ({ chunks }, _, [used]) => chunks.setWord(used, 0, chunks.word(used, 0) | 2),
    "says that the chunk before it is used",
  ],
  [
    "a free chunk after a free one",
    ["list", "tree"],
    ({ chunks }, _, [used]) => chunks.setWord(used, 0, chunks.word(used, 0) & ~1),
    "are free, and not joined",
  ],
  [
    "the end of an extent",
    ["list", "tree"],
    ({ chunks, space }) => chunks.setWord(space.extents[0].firstUnit + 255, 0, 8 | 3),
    "its end reads 11",
  ],
  [
    "bytes asked for beyond the chunk",
    ["list", "tree"],
    ({ chunks }, _, [used]) => chunks.setWord(used, 1, 33),
    "33 were asked for",
  ],
  [
    "a payload that is not aligned as was asked for",
    ["list", "tree"],
    ({ chunks }, _, [used]) => chunks.setWord(used, 0, chunks.word(used, 0) | 2 << 30),
    "is no multiple of its alignment, 2048",
  ],
  [
    "a start that is not marked",
    ["list", "tree"],
    ({ space: { extents: [extent] } }, _, [used]) => extent.flipStart(used - extent.firstUnit),
    "is used, and not marked as a start",
  ],
  [
    "a mark where nothing starts",
    ["list", "tree"],
    ({ space: { extents: [extent] } }, [free]) => extent.flipStart(free - extent.firstUnit),
    "9 starts are marked, and 8 chunks are used",
  ],
  [
    "the count of free chunks",
    ["list", "tree"],
    (heap) => heap.freeChunks++,
    "it counts 8 free chunks, and has 7",
  ],
  [
    "the free bytes",
    ["list", "tree"],
    (heap) => heap.freeChunkBytes += 8,
    "bytes of free chunks, and has",
  ],
  [
    "the allocations",
    ["list", "tree"],
    (heap) => heap.allocations--,
    "it counts 7 allocations, and has 8",
  ],
  ["the used bytes", ["list", "tree"], (heap) => heap.usedBytes--, "used bytes, and has"],
  [
    "the bytes",
    ["list", "tree"],
    (heap) => heap.space.byteLength++,
    "it counts 2049 bytes, and has 2048",
  ],
  ["the peak", ["list", "tree"], (heap) => heap.peakBytes = 1, "the peak is 1 bytes"],
  [
    "a chunk that the list leaves out",
    ["list"],
    ({ chunks }, free) => {
      chunks.setWord(free[1], 1, free[3]);
      chunks.setWord(free[3], 2, free[1]);
    },
    "the index holds 6 of 7 free chunks",
  ],
  [
    "a used chunk in the list",
    ["list"],
    ({ chunks }, free, [used]) => chunks.setWord(free[1], 1, used),
    "which is not free, or holds it twice",
  ],
  [
    "a list that goes round",
    ["list"],
    ({ chunks }, free) => chunks.setWord(free[6], 1, free[0]),
    "which is not free, or holds it twice",
  ],
  [
    "a list that leads out of the heap",
    ["list"],
    ({ chunks }, free) => chunks.setWord(free[6], 1, 2 ** 28),
    "which is not free, or holds it twice",
  ],
  [
    "the order of the list",
    ["list"],
    ({ chunks, index }, free) => {
      if (!(index instanceof FreeList)) return;
      index.head = free[1];
      chunks.setWord(free[1], 2, 0);
      chunks.setWord(free[1], 1, free[0]);
      chunks.setWord(free[0], 2, free[1]);
    },
    "comes after",
  ],
  [
    "a link back",
    ["list"],
    ({ chunks }, free) => chunks.setWord(free[3], 2, free[1]),
    "links back to",
  ],
  [
    "where the search goes on",
    ["list"],
    ({ index }, free) => {
      if (index instanceof FreeList) index.rover = free[2];
    },
    "the search goes on at",
  ],
  [
    "a red root",
    ["tree"],
    ({ chunks, index }) => {
      if (index instanceof FreeTree) chunks.setWord(index.root, 3, 1);
    },
    "the root of the tree is red",
  ],
  [
    "a link up",
    ["tree"],
    ({ chunks, index }, free) => {
      if (index instanceof FreeTree) chunks.setWord(index.left(index.root), 3, free[6] << 1);
    },
    "links up to",
  ],
  [
    "a subtree that is gone",
    ["tree"],
    ({ chunks, index }) => {
      if (index instanceof FreeTree) {
        chunks.setWord(index.root, 1, 0);
        chunks.setWord(index.root, 2, 0);
      }
    },
    "the index holds 1 of 7 free chunks",
  ],
  [
    "the number of black nodes",
    ["tree"],
    ({ chunks, index }) => {
      if (index instanceof FreeTree) chunks.setWord(index.root, 1, 0);
    },
    "black nodes on the left",
  ],
  [
    "a red child of a red node",
    ["tree"],
    ({ chunks, index }, free) => {
      if (!(index instanceof FreeTree)) return;
      for (const unit of free) {
        if (unit !== index.root) chunks.setWord(unit, 3, chunks.word(unit, 3) | 1);
      }
    },
    "are red",
  ],
  [
    "the order of the tree",
    ["tree"],
    ({ chunks, index }) => {
      if (!(index instanceof FreeTree)) return;
      const { root } = index;
      const [left, right] = [index.left(root), index.right(root)];
      chunks.setWord(root, 1, right);
      chunks.setWord(root, 2, left);
    },
    "in the tree",
  ],
];

for (const [what, kinds, spoil, message] of FAULTS) {
  for (const index of kinds) {
    Deno.test(`auditHeap() sees ${what} in a heap with a ${index}`, () => {
      const { allocator, heap, free, used } = prepare(index);
      spoil(heap, free, used);
      const error = assertThrows(() => auditHeap(allocator), InvariantError, message);
      assertEquals([error.pool, error.message.slice(0, 41)], [
        "test",
        'Cannot validate FreeListAllocator "test":',
      ]);
    });
  }
}

/** A heap with an extent that is empty, and one that is not. */
function spared(): { allocator: FreeListAllocator; heap: Heap } {
  const allocator = new FreeListAllocator({ name: "test", byteLength: 1024, grow: true });
  const addresses = [900, 900, 2000].map((size) => allocator.alloc(size));
  allocator.free(addresses[1]);
  auditHeap(allocator);
  return { allocator, heap: heaps.get(allocator)! }; // every free list has one
}

Deno.test("auditHeap() sees spare extents that are not noted, or are none, and wrong counts of bytes", () => {
  const faults: [(heap: Heap) => void, string][] = [
    [(heap) => void heap.spares.pop(), "it counts 0 spare extents, and has 1"],
    [(heap) => heap.spares[0] = heap.space.extents[2], "extent 1: it is empty, and not spare"],
    [(heap) => heap.spareBytes++, "it counts 1025 spare bytes, and has 1024"],
    [(heap) => heap.sharedBytes--, "it counts 2047 bytes of shared extents, and has 2048"],
  ];
  for (const [spoil, message] of faults) {
    const { allocator, heap } = spared();
    spoil(heap);
    assertThrows(() => auditHeap(allocator), InvariantError, message);
  }
});

Deno.test("auditHeap() looks at a FreeListAllocator alone", () => {
  assertEquals([auditHeap(new Arena()), auditHeap({})], [false, false]);
  assertEquals(auditHeap(new FreeListAllocator()), true);
});

Deno.test("auditHeap() finds equal chunks in another order than that of their addresses", () => {
  const allocator = new FreeListAllocator({ name: "test", byteLength: 1024 });
  const addresses = Array.from({ length: 6 }, () => allocator.alloc(40));
  allocator.alloc(allocator.stats().largestFreeBytes);
  for (let i = 0; i < 6; i += 2) allocator.free(addresses[i]);
  auditHeap(allocator);
  const { chunks, index } = heaps.get(allocator)!; // every free list has one
  const { root } = index as FreeTree; // as of the best fit
  const [left, right] = [chunks.word(root, 1), chunks.word(root, 2)];
  chunks.setWord(root, 1, right);
  chunks.setWord(root, 2, left);
  assertThrows(() => auditHeap(allocator), InvariantError, "comes after");
});
