/** The byte allocators: a working set of many sizes, and one allocation at a time. */
import { Arena, FreeListAllocator, StackAllocator } from "@slabs/pool";
import { shuffled } from "../_particles.ts";
import type { Contestant, Scenario, Work } from "./scenario.ts";

const MIN_BYTES = 16;
const MAX_BYTES = 256;

/** The two calls of an allocator. */
interface Heap {
  alloc(bytes: number): number;
  free(address: number): void;
}

/** Room enough that nobody has to grow. */
function roomFor(count: number): number {
  return count * MAX_BYTES * 4 + 4096;
}

async function thingMalloc(count: number): Promise<Heap> {
  const pool = new (await import("../_mem_pool.ts")).MemPool({ size: roomFor(count) });
  return { alloc: (bytes) => pool.malloc(bytes), free: (address) => void pool.free(address) };
}

const heaps: Record<string, { label: string; make(count: number): Promise<Heap> }> = {
  malloc: { label: "@thi.ng/malloc", make: thingMalloc },
  tree: {
    label: "FreeListAllocator, best fit, tree",
    make: (count) =>
      Promise.resolve(
        new FreeListAllocator({ fit: "best", index: "tree", byteLength: roomFor(count) }),
      ),
  },
  list: {
    label: "FreeListAllocator, first fit, list",
    make: (count) =>
      Promise.resolve(
        new FreeListAllocator({ fit: "first", index: "list", byteLength: roomFor(count) }),
      ),
  },
};

const buffers: Contestant = {
  key: "buffers",
  label: "new ArrayBuffer each",
  make(count) {
    const all: (ArrayBuffer | undefined)[] = new Array(count);
    return Promise.resolve(replaceWork(count, (slot, bytes) => {
      all[slot] = undefined;
      all[slot] = new ArrayBuffer(bytes);
      return bytes;
    }));
  },
};

/** Sizes without a pattern, each about as often: multiplied by 2^32 / golden ratio, as Knuth hashes. */
function bytesOf(i: number): number {
  return MIN_BYTES + (Math.imul(i, 2_654_435_761) >>> 8) % (MAX_BYTES - MIN_BYTES + 1);
}

/** Each slot is replaced once a step, in random order; the bytes that were asked for are the checksum. */
function replaceWork(count: number, replace: (slot: number, bytes: number) => number): Work {
  const order = shuffled(count);
  let step = 0, asked = 0;
  return {
    run() {
      step++;
      for (let i = 0; i < count; i++) asked += replace(order[i], bytesOf(order[i] + step));
    },
    checksum: () => String(asked),
  };
}

function replaceIn(heap: Heap, count: number): Work {
  const addresses = new Int32Array(count);
  for (let i = 0; i < count; i++) addresses[i] = heap.alloc(bytesOf(i));
  return replaceWork(count, (slot, bytes) => {
    heap.free(addresses[slot]);
    const address = heap.alloc(bytes);
    addresses[slot] = address;
    return address > 0 ? bytes : NaN; // none was to be had
  });
}

/** One allocation, given back before the next. */
function hotIn(once: () => number, count: number): Work {
  let taken = 0;
  return {
    run() {
      for (let i = 0; i < count; i++) if (once() > 0) taken++;
    },
    checksum: () => String(taken),
  };
}

const HOT_BYTES = 24;

function hotHeap({ alloc, free }: Heap): () => number {
  return () => {
    const address = alloc(HOT_BYTES);
    free(address);
    return address;
  };
}

const hot: readonly Contestant[] = [
  ...Object.entries(heaps).map(([key, { label, make }]): Contestant => ({
    key,
    label,
    async make(count) {
      const heap = await make(count);
      const once = hotHeap({
        alloc: (bytes) => heap.alloc(bytes),
        free: (address) => heap.free(address),
      });
      return hotIn(once, count);
    },
  })),
  {
    key: "stack",
    label: "StackAllocator",
    make(count) {
      const stack = new StackAllocator({ byteLength: 1 << 16 });
      return Promise.resolve(hotIn(() => {
        const address = stack.alloc(HOT_BYTES);
        stack.free(address);
        return address;
      }, count));
    },
  },
  {
    key: "arena",
    label: "Arena, mark and rewind",
    make(count) {
      const arena = new Arena();
      return Promise.resolve(hotIn(() => {
        const mark = arena.mark();
        const address = arena.alloc(HOT_BYTES);
        arena.rewind(mark);
        return address;
      }, count));
    },
  },
];

export const bytes: readonly Scenario[] = [
  {
    name: "bytes",
    title: "Byte allocators: many sizes, replaced at random",
    method:
      "10,000 allocations of 16 to 256 bytes are live; a step frees each, in random order, and allocates another of another " +
      "size. What ours give out is zero; @thi.ng/malloc, with its default settings, leaves it as it was.",
    missing: "Arena and StackAllocator, which free nothing singly and nothing out of order.",
    measure: "time",
    compare: "mean",
    baseline: "malloc",
    contestants: [
      ...Object.entries(heaps).map(([key, { label, make }]): Contestant => ({
        key,
        label,
        make: async (count) => replaceIn(await make(count), count),
      })),
      buffers,
    ],
    full: { count: 10_000, warmUp: 2, samples: 4, batch: 1, rounds: 3 },
    quickCount: 50,
  },
  {
    name: "bytes-hot",
    title: "Byte allocators: taken and given back at once",
    method: "24 bytes are allocated and given back, 50,000 times a step.",
    measure: "time",
    baseline: "malloc",
    contestants: hot,
    full: { count: 50_000, warmUp: 10, samples: 20, batch: 1, rounds: 3 },
    quickCount: 50,
  },
];
