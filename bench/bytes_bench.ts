/**
 * What do bytes of many sizes cost in a `FreeListAllocator`, against another allocator of this kind
 * and the engine's buffers, and what do trees cost in an arena?
 *
 * `records_bench.ts` has the byte allocators beside the pools.
 */
import { FreeListAllocator } from "@slabs/pool";
import { type Contestant, type Question, show, type Work } from "./harness/question.ts";
import { shuffled } from "./particles/particle.ts";
import { FITS, importMalloc } from "./particles/storages.ts";

// -- bytes of many sizes --

const MIN_BYTES = 16;
const MAX_BYTES = 256;

/** Bytes that are enough, so that no allocator has to grow. */
function roomFor(count: number): number {
  return count * MAX_BYTES * 4 + 4096;
}

/**
 * Sizes without a pattern, each about as often: multiplied by 2^32 / golden ratio, as Knuth hashes.
 */
function bytesOf(i: number): number {
  return MIN_BYTES + (Math.imul(i, 2_654_435_761) >>> 8) % (MAX_BYTES - MIN_BYTES + 1);
}

/**
 * Each slot is replaced once a step, in random order. The bytes that were asked for are the
 * checksum.
 */
function replaceWork(count: number, replace: (slot: number, bytes: number) => number): Work {
  const order = shuffled(count);
  let step = 0, asked = 0;
  return {
    run() {
      step++;
      for (let i = 0; i < count; i++) asked += replace(order[i], bytesOf(order[i] + step));
    },
    checksum: () => asked,
  };
}

function replaceIn(
  count: number,
  alloc: (bytes: number) => number,
  free: (address: number) => void,
): Work {
  const addresses = Int32Array.from({ length: count }, (_, i) => alloc(bytesOf(i)));
  return replaceWork(count, (slot, bytes) => {
    free(addresses[slot]);
    const address = alloc(bytes);
    addresses[slot] = address;
    return address > 0 ? bytes : NaN; // none was free
  });
}

const THING: Contestant = {
  label: "@thi.ng/malloc",
  async make(count) {
    const { MemPool } = await importMalloc();
    const pool = new MemPool({ size: roomFor(count) });
    return replaceIn(count, (bytes) => pool.malloc(bytes), (address) => void pool.free(address));
  },
};

const LISTS = FITS.map(({ fit, index }): [string, Contestant] => [`${fit}-${index}`, {
  label: `FreeListAllocator, ${fit} fit, ${index}`,
  make(count) {
    const heap = new FreeListAllocator({ fit, index, byteLength: roomFor(count) });
    return replaceIn(count, (bytes) => heap.alloc(bytes), (address) => heap.free(address));
  },
}]);

// -- binary-trees --

/** @param forest The index of a kind of memory in the list of the example. */
function treesIn(label: string, forest: number): Contestant {
  return {
    label,
    async make(depth) {
      const { checks, forests } = await import("../examples/binary_trees.ts"); // a program, so it is loaded here
      const it = forests(depth)[forest];
      let output = "";
      return {
        run() {
          output = checks(it, depth).join("\n");
        },
        checksum: () => output,
      };
    },
  };
}

export const questions: readonly Question[] = show([
  {
    name: "bytes/replace",
    title: "Byte allocators: many sizes, replaced at random",
    method:
      "10,000 allocations of 16 to 256 bytes are live; a step frees each, in random order, and allocates another of another " +
      "size. What ours give out is zero; @thi.ng/malloc, with its default settings, leaves it as it was.",
    missing: "Arena and StackAllocator, which free nothing singly and nothing out of order.",
    compare: "mean",
    baseline: "malloc",
    contestants: {
      malloc: THING,
      ...Object.fromEntries(LISTS),
    },
    plan: { count: 10_000, warmUp: 2, samples: 4, batch: 1, rounds: 3 },
    quickCount: 50,
  },
  {
    name: "bytes/trees",
    title: "binary-trees, of the Benchmarks Game",
    method:
      "Depth 16: trees of two references a node are made, visited and dropped as a whole, which is what a collector's " +
      "nursery is best at. An arena is for this; a pool, which can free each node singly, is not.",
    missing: "the packages, as nobody would make a tree of their entities.",
    whole: true,
    baseline: "objects",
    contestants: {
      objects: treesIn("plain objects", 0),
      pool: treesIn("Pool, cleared", 1),
      arena: treesIn("Arena, reset", 2),
      byHand: treesIn("one typed array by hand", 3),
    },
    plan: { count: 16, warmUp: 1, samples: 3, batch: 1, rounds: 3 },
    quickCount: 6,
  },
]);
