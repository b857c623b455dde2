/** validate() of heaps: it finds what tests corrupt by hand in chunks, index and counts. */
import { assertEquals, assertThrows } from "@std/assert";
import { FreeListAllocator, InvariantError, validate } from "../../mod.ts";
import { unitOf } from "../../src/bytes/chunks.ts"; // to corrupt what is private
import type { FreeList } from "../../src/bytes/free_list.ts";
import type { FreeTree } from "../../src/bytes/free_tree.ts";
import { type Heap, heaps } from "../../src/bytes/heap.ts";

type Index = "list" | "tree";

/** A fault to plant into a heap with these free and used chunks, and what the error says. */
type Fault<H = Heap> = readonly [
  plant: (heap: H, free: number[], used: number[]) => void,
  says: string,
];

function heapOf(allocator: FreeListAllocator): Heap {
  return heaps.get(allocator)!; // every such allocator has one
}

/** Asserts for each fault that validate() accepts a heap of 15 chunks, and not with the fault. */
function assertFound<H>(index: Index, faults: readonly Fault<H>[], isEqual = false): void {
  const fit = index === "list" ? "next" : "best";
  for (const [plant, says] of faults) {
    const allocator = new FreeListAllocator({ name: "test", byteLength: 2048, index, fit });
    const units = Array.from({ length: 14 }, (_, i) => {
      return unitOf(allocator.alloc(isEqual ? 40 : 24 + 8 * i));
    });
    allocator.alloc(allocator.stats().largestFreeBytes);
    const free = units.filter((_, i) => i % 2 === 0);
    const used = units.filter((_, i) => i % 2 === 1);
    for (const unit of free) allocator.free(unit * 8 + 8);
    validate(allocator);
    plant(heapOf(allocator) as H, free, used); // a heap with the index that a fault is for
    const error = assertThrows(() => validate(allocator), InvariantError, says);
    assertEquals(error.pool, "test");
    assertEquals(error.message.indexOf('Cannot validate FreeListAllocator "test": '), 0);
  }
}

// Words of a chunk: 0 is its header, 1 the bytes asked for, and of a free one 1 to 3 its links.
const CHUNK_FAULTS: readonly Fault[] = [
  [({ chunks }, _, [used]) => chunks.setWord(used, 0, 4096 | 1), "has 4096 bytes, "],
  [({ chunks }, _, [used]) => chunks.setWord(used, 0, 1), "has 0 bytes, "],
  [
    ({ chunks }, [, free]) => chunks.setWord(free, chunks.sizeOf(free) / 4 - 1, 8),
    "its footer says 8",
  ],
  [
    ({ chunks }, _, [used]) => chunks.setWord(used, 0, chunks.word(used, 0) | 2),
    "says that the chunk before it is used",
  ],
  [
    ({ chunks }, _, [used]) => chunks.setWord(used, 0, chunks.word(used, 0) & ~1),
    "are free, and not joined",
  ],
  [
    ({ chunks, space }) => chunks.setWord(space.extents[0].firstUnit + 255, 0, 8 | 3),
    "its end reads 11",
  ],
  [({ chunks }, _, [used]) => chunks.setWord(used, 1, 33), "33 were asked for"],
  [
    ({ chunks }, _, [used]) => chunks.setWord(used, 0, chunks.word(used, 0) | 2 << 30),
    "is no multiple of its alignment, 2048",
  ],
  [
    ({ space: { extents: [extent] } }, _, [used]) => extent.flipStart(used - extent.firstUnit),
    "is used, and not marked as a start",
  ],
  [
    ({ space: { extents: [extent] } }, [free]) => extent.flipStart(free - extent.firstUnit),
    "9 starts are marked, and 8 chunks are used",
  ],
  [(heap) => heap.freeChunks++, "it counts 8 free chunks, and has 7"],
  [(heap) => heap.freeChunkBytes += 8, "bytes of free chunks, and has"],
  [(heap) => heap.allocations--, "it counts 7 allocations, and has 8"],
  [(heap) => heap.usedBytes--, "used bytes, and has"],
  [(heap) => heap.space.byteLength++, "it counts 2049 bytes, and has 2048"],
  [(heap) => heap.peakBytes = 1, "the peak is 1 bytes"],
];

for (const index of ["list", "tree"] as const) {
  Deno.test(`validate() finds every fault in the chunks and counts of a heap with a ${index}`, () => {
    assertFound(index, CHUNK_FAULTS);
  });
}

Deno.test("validate() finds every fault in the list of a heap", () => {
  const twice = "which is not free, or holds it twice";
  assertFound<Heap & { index: FreeList }>("list", [
    [
      ({ chunks }, free) => {
        chunks.setWord(free[1], 1, free[3]);
        chunks.setWord(free[3], 2, free[1]);
      },
      "the index holds 6 of 7 free chunks",
    ],
    [({ chunks }, [, free], [used]) => chunks.setWord(free, 1, used), twice],
    [({ chunks }, free) => chunks.setWord(free[6], 1, free[0]), twice],
    [({ chunks }, free) => chunks.setWord(free[6], 1, 2 ** 28), twice],
    [
      ({ chunks, index }, free) => {
        index.head = free[1];
        chunks.setWord(free[1], 2, 0);
        chunks.setWord(free[1], 1, free[0]);
        chunks.setWord(free[0], 2, free[1]);
      },
      "comes after",
    ],
    [({ chunks }, free) => chunks.setWord(free[3], 2, free[1]), "links back to"],
    [({ index }, free) => index.rover = free[2], "the search goes on at"],
  ]);
});

/** Exchanges the children of the root, which puts the tree out of order. */
function swapChildren({ chunks, index }: Heap & { index: FreeTree }): void {
  const { root } = index;
  const [left, right] = [index.left(root), index.right(root)];
  chunks.setWord(root, 1, right);
  chunks.setWord(root, 2, left);
}

Deno.test("validate() finds every fault in the tree of a heap", () => {
  assertFound<Heap & { index: FreeTree }>("tree", [
    [({ chunks, index }) => chunks.setWord(index.root, 3, 1), "the root of the tree is red"],
    [
      ({ chunks, index }, free) => chunks.setWord(index.left(index.root), 3, free[6] << 1),
      "links up to",
    ],
    [
      ({ chunks, index }) => {
        chunks.setWord(index.root, 1, 0);
        chunks.setWord(index.root, 2, 0);
      },
      "the index holds 1 of 7 free chunks",
    ],
    [({ chunks, index }) => chunks.setWord(index.root, 1, 0), "black nodes on the left"],
    [
      ({ chunks, index }, free) => {
        for (const unit of free) {
          if (unit !== index.root) chunks.setWord(unit, 3, chunks.word(unit, 3) | 1);
        }
      },
      "are red",
    ],
    [swapChildren, "in the tree"],
  ]);
  assertFound("tree", [[swapChildren, "comes after"]], true); // by address, as sizes are equal
});

Deno.test("validate() finds every fault in the spare extents of a heap", () => {
  const faults: Fault[] = [
    [(heap) => heap.spares.pop(), "it counts 0 spare extents, and has 1"],
    [(heap) => heap.spares[0] = heap.space.extents[2], "extent 1: it is empty, and not spare"],
    [(heap) => heap.spareBytes++, "it counts 1025 spare bytes, and has 1024"],
    [(heap) => heap.sharedBytes--, "it counts 2047 bytes of shared extents, and has 2048"],
  ];
  for (const [plant, says] of faults) {
    const allocator = new FreeListAllocator({ byteLength: 1024, grow: true });
    const addresses = [900, 900, 2000].map((size) => allocator.alloc(size));
    allocator.free(addresses[1]);
    validate(allocator);
    plant(heapOf(allocator), [], []);
    assertThrows(() => validate(allocator), InvariantError, says);
  }
});
