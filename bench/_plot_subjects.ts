/**
 * The ways of getting memory for many items that `plot.ts` compares.
 *
 * An item is a particle of 20 bytes. To allocate one is to have it zeroed, with its number written into it: memory that nobody
 * writes to is no use. An allocator has all the memory that it needs before the time is taken; what is on the engine's heap
 * comes from there, and its collections fall where they fall.
 *
 * @module
 */
import {
  Arena,
  type ByteAllocator,
  ErasedPool,
  type FreeIndexKind,
  FreeListAllocator,
  type Handle,
  Pool,
  StackAllocator,
} from "@slabs/pool";
import { heapKinds } from "./_heaps.ts";
import { Particle } from "./_particles.ts";
import type { Pattern } from "./_plot_chart.ts";
import { same } from "./_scenario.ts";

/** Room for a number of items. */
export interface Items {
  /** Allocates all. */
  alloc(): void;
  /** The number that stands in an item. */
  valueOf(i: number): number;
  /** Frees all, in an order, or all at once where there is no other way. */
  free(order: Int32Array): void;
  /** Takes all back at once. */
  clear(): void;
  /** How many are live, as far as that is known. */
  liveCount(): number;
}

/** One way. */
export interface Subject {
  readonly name: string;
  /** What it can do. */
  readonly patterns: readonly Pattern[];
  make(count: number): Items;
}

const ALL: readonly Pattern[] = ["alloc", "in order", "in reverse", "at random"];

/** Bytes of an item in a stack or a heap: rounded up to 8, and a header of 8. */
const CHUNK_BYTES = 32;
const SPARE_BYTES = 4096;

// -- pools --

function inPool(count: number): Items {
  const pool = new Pool(Particle);
  pool.reserve(count);
  const at = pool.cursor();
  const handles: Handle<typeof Particle>[] = new Array(count).fill(0);
  return {
    alloc() {
      for (let i = 0; i < count; i++) {
        handles[i] = pool.allocAt(at);
        at.life = i;
      }
    },
    valueOf: (i) => pool.get(handles[i]).life,
    free(order) {
      for (let i = 0; i < count; i++) pool.free(handles[order[i]]);
    },
    clear: () => pool.clear(),
    liveCount: () => pool.size,
  };
}

function inErasedPool(count: number): Items {
  const pool = new ErasedPool({ size: Particle.size, types: [Particle] });
  pool.reserve(count);
  const at = pool.cursor(Particle);
  const handles: Handle<typeof Particle>[] = new Array(count).fill(0);
  return {
    alloc() {
      for (let i = 0; i < count; i++) {
        handles[i] = pool.allocAt(Particle, at);
        at.life = i;
      }
    },
    valueOf: (i) => pool.get(Particle, handles[i]).life,
    free(order) {
      for (let i = 0; i < count; i++) pool.free(handles[order[i]]);
    },
    clear: () => pool.clear(),
    liveCount: () => pool.size,
  };
}

// -- by address --

function byAddress(
  count: number,
  memory: ByteAllocator,
  free: (addresses: Int32Array, order: Int32Array) => void,
  liveCount: () => number,
): Items {
  const addresses = new Int32Array(count);
  const at = memory.cursor(Particle);
  const items: Items = {
    alloc() {
      for (let i = 0; i < count; i++) {
        addresses[i] = memory.allocAt(at);
        at.life = i;
      }
    },
    valueOf: (i) => memory.seek(at, addresses[i]).life,
    free: (order) => free(addresses, order),
    clear: () => memory.reset(),
    liveCount,
  };
  items.alloc(); // so that an arena has its blocks
  items.clear();
  return items;
}

function inArena(count: number): Items {
  const arena = new Arena();
  return byAddress(
    count,
    arena,
    () => arena.reset(),
    () => arena.stats().usedBytes / Particle.size,
  );
}

function inStack(count: number): Items {
  const stack = new StackAllocator({ byteLength: count * CHUNK_BYTES + SPARE_BYTES });
  return byAddress(count, stack, (addresses, order) => {
    for (let i = 0; i < count; i++) stack.free(addresses[order[i]]);
  }, () => stack.stats().allocations);
}

function inHeap(count: number, fit: typeof heapKinds[number]["fit"], index: FreeIndexKind): Items {
  const heap = new FreeListAllocator({ fit, index, byteLength: count * CHUNK_BYTES + SPARE_BYTES });
  return byAddress(count, heap, (addresses, order) => {
    for (let i = 0; i < count; i++) heap.free(addresses[order[i]]);
  }, () => heap.stats().allocations);
}

// -- on the engine's heap --

class Mote {
  x = 0;
  y = 0;
  vx = 0;
  vy = 0;
  constructor(public life: number) {}
}

function countOf(slots: readonly unknown[]): number {
  return slots.reduce((sum: number, it) => it === undefined ? sum : sum + 1, 0);
}

function asObjects(count: number): Items {
  const slots: (Mote | undefined)[] = new Array(count).fill(undefined);
  return {
    alloc() {
      for (let i = 0; i < count; i++) slots[i] = new Mote(i);
    },
    valueOf: (i) => slots[i]?.life ?? -1,
    free(order) {
      for (let i = 0; i < count; i++) slots[order[i]] = undefined;
    },
    clear: () => void slots.fill(undefined),
    liveCount: () => countOf(slots),
  };
}

function asRecycledObjects(count: number): Items {
  const slots: (Mote | undefined)[] = new Array(count).fill(undefined);
  const spare = Array.from({ length: count }, () => new Mote(0));
  const giveBack = (slot: number) => {
    const mote = slots[slot];
    if (mote !== undefined) spare.push(mote);
    slots[slot] = undefined;
  };
  return {
    alloc() {
      for (let i = 0; i < count; i++) {
        const mote = spare.pop() ?? new Mote(0);
        mote.x =
          mote.y =
          mote.vx =
          mote.vy =
            0;
        mote.life = i;
        slots[i] = mote;
      }
    },
    valueOf: (i) => slots[i]?.life ?? -1,
    free(order) {
      for (let i = 0; i < count; i++) giveBack(order[i]);
    },
    clear() {
      for (let i = 0; i < count; i++) giveBack(i);
    },
    liveCount: () => countOf(slots),
  };
}

/** A buffer is no use without something to write through. */
function asBuffers(count: number): Items {
  const slots: (Int32Array | undefined)[] = new Array(count).fill(undefined);
  return {
    alloc() {
      for (let i = 0; i < count; i++) {
        const words = new Int32Array(new ArrayBuffer(Particle.size));
        words[4] = i;
        slots[i] = words;
      }
    },
    valueOf: (i) => slots[i]?.[4] ?? -1,
    free(order) {
      for (let i = 0; i < count; i++) slots[order[i]] = undefined;
    },
    clear: () => void slots.fill(undefined),
    liveCount: () => countOf(slots),
  };
}

export const subjects: readonly Subject[] = [
  { name: "Pool", patterns: ALL, make: inPool },
  { name: "ErasedPool", patterns: ALL, make: inErasedPool },
  { name: "Arena, reset", patterns: ALL, make: inArena },
  { name: "StackAllocator", patterns: ["alloc", "in reverse"], make: inStack },
  ...heapKinds.map(({ fit, index }): Subject => ({
    name: `free list, ${fit} fit, ${index}`,
    patterns: ALL,
    make: (count) => inHeap(count, fit, index),
  })),
  { name: "plain objects", patterns: ALL, make: asObjects },
  { name: "recycled objects", patterns: ALL, make: asRecycledObjects },
  { name: "new ArrayBuffer each", patterns: ALL, make: asBuffers },
];

/**
 * Does a pattern once, and looks at every item between and after.
 *
 * @param items Room for the items.
 * @param order Their numbers in the order to free them in; undefined where they are not freed one by one.
 * @param count How many there are.
 * @returns Milliseconds, those of looking left out.
 */
export function timeOnce(items: Items, order: Int32Array | undefined, count: number): number {
  const start = performance.now();
  items.alloc();
  let millis = performance.now() - start;
  let right = 0;
  for (let i = 0; i < count; i++) if (items.valueOf(i) === i) right++;
  same("the count of items that hold their number", right, count);
  same("the count of live items", items.liveCount(), count);
  if (order === undefined) {
    items.clear();
  } else {
    const start = performance.now();
    items.free(order);
    millis += performance.now() - start;
  }
  same("the count of live items in the end", items.liveCount(), 0);
  return millis;
}
