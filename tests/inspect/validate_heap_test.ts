/** validate() of heaps: it finds what tests corrupt by hand in chunks, index and counts. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { FreeListAllocator, InvariantError, validate } from "../../mod.ts";
// Faults are planted behind the API.
import type { Extent } from "../../src/bytes/address_space.ts";
import { unitOf } from "../../src/bytes/chunks.ts";
import type { FreeList } from "../../src/bytes/free_list.ts";
import type { FreeTree } from "../../src/bytes/free_tree.ts";
import { type Heap, heaps } from "../../src/bytes/heap.ts";
import { flipStart } from "../../src/bytes/joining.ts";

/** What the error says, and the fault to plant into a heap with these free and used chunks. */
type Fault<H = Heap> = readonly [
  says: string,
  plant: (heap: H, free: number[], used: number[]) => void,
];

/**
 * Asserts for each fault that validate() accepts a heap, and not with the fault. The heap has 15
 * chunks, and two extents more, of which the first is spare.
 */
function assertFound<H>(
  index: "list" | "tree",
  faults: readonly Fault<H>[],
  isEqual = false,
): void {
  const fit = index === "list" ? "next" : "best";
  const options = { name: "test", byteLength: 2048, index, fit, grow: true } as const;
  for (const [says, plant] of faults) {
    const allocator = new FreeListAllocator(options);
    const units = Array.from({ length: 14 }, (_, i) => {
      return unitOf(allocator.alloc(isEqual ? 40 : 24 + 8 * i));
    });
    allocator.alloc(allocator.stats().largestFreeBytes);
    const [spare] = [allocator.alloc(2000), allocator.alloc(5000)];
    allocator.free(spare);
    const free = units.filter((_, i) => i % 2 === 0);
    const used = units.filter((_, i) => i % 2 === 1);
    for (const unit of free) allocator.free(unit * 8 + 8);
    validate(allocator);
    const heap = heaps.get(allocator)!; // every such allocator has one
    plant(heap as H, free, used); // it has the index that the fault is for
    const error = assertThrows(() => validate(allocator), InvariantError, says);
    assert(error.message.startsWith('Cannot validate FreeListAllocator "test": '), error.message);
    assertEquals(error.pool, "test");
  }
}

// Words of a chunk: 0 is its header, 1 the bytes asked for, and of a free one 1 to 3 its links.
const CHUNK_FAULTS: readonly Fault[] = [
  ["has 4096 bytes, ", ({ chunks }, _, [used]) => chunks.setWord(used, 0, 4096 | 1)],
  ["has 0 bytes, ", ({ chunks }, _, [used]) => chunks.setWord(used, 0, 1)],
  ["its footer says 8", ({ chunks }, [, it]) => chunks.setWord(it, chunks.sizeOf(it) / 4 - 1, 8)],
  ["says that the chunk before it is used", (heap, _, [used]) => flip(heap, used, 2)],
  ["are free, and not joined", (heap, _, [used]) => flip(heap, used, 1)],
  ["its end reads 11", (heap) => heap.chunks.setWord(extentOf(heap).firstUnit + 255, 0, 8 | 3)],
  ["33 were asked for", ({ chunks }, _, [used]) => chunks.setWord(used, 1, 33)],
  ["is no multiple of its alignment, 2048", (heap, _, [used]) => flip(heap, used, 2 << 30)],
  // A chunk is named by the address of its header.
  ["block 0: the chunk at 4128 is used, and not marked", (heap, _, [used]) => flipAt(heap, used)],
  ["9 starts are marked, and 8 chunks are used", (heap, [free]) => flipAt(heap, free)],
  ["it counts 9 free chunks, and has 8", (heap) => heap.freeChunks++],
  ["bytes of free chunks, and has", (heap) => heap.freeChunkBytes += 8],
  ["it counts 8 allocations, and has 9", (heap) => heap.allocations--],
  ["used bytes, and has", (heap) => heap.usedBytes--],
  ["it counts 9113 bytes, and has 9112", (heap) => heap.space.byteLength++],
  ["the peak is 1 bytes", (heap) => heap.peakBytes = 1],
  ["it counts 0 spare extents, and has 1", (heap) => heap.spares.pop()],
  ["block 1: it is empty, and not spare", (heap) => heap.spares[0] = heap.space.extents[2]],
  ["it counts 2049 spare bytes, and has 2048", (heap) => heap.spareBytes++],
  ["it counts 4095 bytes of shared extents, and has 4096", (heap) => heap.sharedBytes--],
];

/** Changes bits in the header of a chunk. */
function flip({ chunks }: Heap, unit: number, bits: number): void {
  chunks.setWord(unit, 0, chunks.word(unit, 0) ^ bits);
}

function extentOf({ space: { extents: [extent] } }: Heap): Extent {
  return extent;
}

function flipAt(heap: Heap, unit: number): void {
  flipStart(extentOf(heap), unit - extentOf(heap).firstUnit);
}

for (const index of ["list", "tree"] as const) {
  Deno.test(`validate() finds every fault in the chunks and counts of a heap with a ${index}`, () => {
    assertFound(index, CHUNK_FAULTS);
  });
}

Deno.test("validate() finds every fault in the list of a heap", () => {
  const twice = "which is not free, or holds it twice";
  assertFound<Heap & { index: FreeList }>("list", [
    ["the index holds 7 of 8 free chunks", ({ chunks }, free) => {
      chunks.setWord(free[1], 1, free[3]);
      chunks.setWord(free[3], 2, free[1]);
    }],
    [twice, ({ chunks }, [, free], [used]) => chunks.setWord(free, 1, used)],
    [twice, ({ chunks }, free) => chunks.setWord(free[6], 1, free[4])],
    [twice, ({ chunks }, free) => chunks.setWord(free[6], 1, 2 ** 28)],
    ["comes after", ({ chunks, index }, free) => {
      index.head = free[1];
      chunks.setWord(free[1], 2, 0);
      chunks.setWord(free[1], 1, free[0]);
      chunks.setWord(free[0], 2, free[1]);
    }],
    ["links back to", ({ chunks }, free) => chunks.setWord(free[3], 2, free[1])],
    ["the search goes on at", ({ index }, free) => index.rover = free[2]],
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
    ["the root of the tree is red", ({ chunks, index }) => chunks.setWord(index.root, 3, 1)],
    ["links up to", ({ chunks, index }, free) => {
      chunks.setWord(index.left(index.root), 3, free[6] << 1);
    }],
    ["the index holds 1 of 8 free chunks", ({ chunks, index }) => {
      for (const word of [1, 2]) chunks.setWord(index.root, word, 0);
    }],
    ["black nodes on the left", ({ chunks, index }) => chunks.setWord(index.root, 1, 0)],
    ["are red", ({ chunks, index }, free) => {
      for (const it of free) if (it !== index.root) chunks.setWord(it, 3, chunks.word(it, 3) | 1);
    }],
    ["in the tree", swapChildren],
  ]);
  assertFound("tree", [["comes after", swapChildren]], true); // by address, as sizes are equal
});
