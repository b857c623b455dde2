/**
 * What does it cost to get memory for many items, and to give it back in some order?
 *
 * An item is a particle of 20 bytes, zeroed, with its number written into it, as memory that nobody
 * writes to is no use. An allocator has all the memory that it needs before the time is taken. What
 * is on the engine's heap comes from there, and its collections fall where they fall. `deno task
 * plot` asks this for 1,000 to 1,000,000 items.
 */
import {
  Arena,
  type ByteAllocator,
  ErasedPool,
  FreeListAllocator,
  type Handle,
  Pool,
  StackAllocator,
} from "@slabs/pool";
import { type Contestant, type Question, show, type Work } from "./harness/question.ts";
import { FITS } from "./particles/fits.ts";
import { Particle, shuffled } from "./particles/particle.ts";

/** The order in which items are freed. */
type Pattern = "alloc" | "in-order" | "in-reverse" | "at-random";

/** The patterns with their titles. */
const PATTERNS: Readonly<Record<Pattern, string>> = {
  "alloc": "alloc alone",
  "in-order": "alloc, then free in order",
  "in-reverse": "alloc, then free in reverse",
  "at-random": "alloc, then free at random",
};

/** Room for a number of items, each with a number of its own. */
interface Items {
  alloc(i: number): void;
  /** The number in an item, and anything else where it is not live. */
  numberOf(i: number): number;
  free(i: number): void;
  /** Frees all at once. */
  clear(): void;
  /** Frees all, where items cannot be freed one by one. */
  freeAll?(): void;
}

// -- pools --

function inPool(count: number): Items {
  const pool = new Pool(Particle);
  pool.reserve(count);
  const at = pool.cursor();
  const handles: Handle<typeof Particle>[] = new Array(count).fill(0);
  return {
    alloc(i) {
      handles[i] = pool.allocAt(at);
      at.life = i;
    },
    numberOf: (i) => pool.get(handles[i]).life,
    free: (i) => pool.free(handles[i]),
    clear: () => pool.clear(),
  };
}

function inErasedPool(count: number): Items {
  const pool = new ErasedPool({ size: Particle.size, types: [Particle] });
  pool.reserve(count);
  const at = pool.cursor(Particle);
  const handles: Handle<typeof Particle>[] = new Array(count).fill(0);
  return {
    alloc(i) {
      handles[i] = pool.allocAt(Particle, at);
      at.life = i;
    },
    numberOf: (i) => pool.get(Particle, handles[i]).life,
    free: (i) => pool.free(handles[i]),
    clear: () => pool.clear(),
  };
}

// -- by address --

/** Bytes of an item in a stack or a heap: rounded up to 8, and a header of 8. */
const CHUNK_BYTES = 32;

function byAddress<A extends ByteAllocator>(
  make: (byteLength: number) => A,
  free: (memory: A, address: number) => void,
  freesAll = false,
): (count: number) => Items {
  return (count) => {
    const memory = make(count * CHUNK_BYTES + 4096);
    const addresses = new Int32Array(count);
    const at = memory.cursor(Particle);
    const items: Items = {
      alloc(i) {
        addresses[i] = memory.allocAt(at);
        at.life = i;
      },
      numberOf: (i) => memory.seek(at, addresses[i]).life,
      free: (i) => free(memory, addresses[i]),
      clear: () => memory.reset(),
      ...freesAll ? { freeAll: () => memory.reset() } : {},
    };
    for (let i = 0; i < count; i++) items.alloc(i); // so that an arena has its blocks
    items.clear();
    return items;
  };
}

// -- on the engine's heap --

class Mote {
  x = 0;
  y = 0;
  vx = 0;
  vy = 0;
  constructor(public life: number) {}
}

/** Items that are freed by being forgotten. */
function inSlots<T extends object>(
  make: (i: number) => T,
  numberOf: (it: T) => number,
  recycle?: (it: T) => void,
): (count: number) => Items {
  return (count) => {
    const slots: (T | undefined)[] = new Array(count).fill(undefined);
    const free = (i: number) => {
      const it = slots[i];
      if (recycle !== undefined && it !== undefined) recycle(it);
      slots[i] = undefined;
    };
    return {
      alloc(i) {
        slots[i] = make(i);
      },
      numberOf: (i) => slots[i] === undefined ? -1 : numberOf(slots[i]!), // see the condition
      free,
      clear() {
        for (let i = 0; i < count; i++) free(i);
      },
    };
  };
}

function recycledObjects(count: number): Items {
  const spare = Array.from({ length: count }, () => new Mote(0));
  const make = (i: number) => {
    const mote = spare.pop() ?? new Mote(0);
    mote.x = 0;
    mote.y = 0;
    mote.vx = 0;
    mote.vy = 0;
    mote.life = i;
    return mote;
  };
  return inSlots(make, ({ life }: Mote) => life, (mote) => void spare.push(mote))(count);
}

/** A buffer is no use without something to write through. */
function wordsOf(i: number): Int32Array {
  const words = new Int32Array(new ArrayBuffer(Particle.size));
  words[4] = i;
  return words;
}

// -- the questions --

/** All ways to get memory. */
const SUBJECTS: Readonly<Record<string, { label: string; make(count: number): Items }>> = {
  pool: { label: "Pool", make: inPool },
  erased: { label: "ErasedPool", make: inErasedPool },
  arena: { label: "Arena, reset", make: byAddress(() => new Arena(), () => {}, true) },
  stack: {
    label: "StackAllocator",
    make: byAddress(
      (byteLength) => new StackAllocator({ byteLength }),
      (stack, it) => stack.free(it),
    ),
  },
  ...Object.fromEntries(FITS.map(({ fit, index }) => [`${fit}-${index}`, {
    label: `free list, ${fit} fit, ${index}`,
    make: byAddress(
      (byteLength) => new FreeListAllocator({ fit, index, byteLength }),
      (heap, it) => heap.free(it),
    ),
  }])),
  objects: { label: "plain objects", make: inSlots((i) => new Mote(i), ({ life }) => life) },
  recycled: { label: "recycled objects", make: recycledObjects },
  buffers: { label: "new ArrayBuffer each", make: inSlots(wordsOf, (words) => words[4]) },
};

function ordersOf(pattern: Pattern, count: number): Int32Array | undefined {
  if (pattern === "alloc") return undefined;
  if (pattern === "at-random") return shuffled(count);
  return Int32Array.from({ length: count }, (_, i) => pattern === "in-order" ? i : count - 1 - i);
}

function workOf(items: Items, pattern: Pattern, count: number): Work {
  const order = ordersOf(pattern, count);
  const { freeAll } = items;
  const allocAll = () => {
    for (let i = 0; i < count; i++) items.alloc(i);
  };
  let isFull = false;
  return {
    before() {
      if (isFull) items.clear();
      isFull = false;
    },
    run() {
      allocAll();
      isFull = order === undefined;
      if (order === undefined) return;
      if (freeAll !== undefined) return freeAll();
      for (let i = 0; i < count; i++) items.free(order[i]);
    },
    /** Looks at every item. */
    checksum() {
      if (!isFull) allocAll();
      isFull = true;
      let right = 0;
      for (let i = 0; i < count; i++) if (items.numberOf(i) === i) right++;
      return right;
    },
  };
}

function question(pattern: Pattern): Question {
  const able = Object.entries(SUBJECTS)
    .filter(([key]) => key !== "stack" || pattern === "alloc" || pattern === "in-reverse");
  return {
    name: `allocators/${pattern}`,
    title: `10,000 items of 20 bytes: ${PATTERNS[pattern]}`,
    method:
      "An allocator has all the memory that it needs from the start. The table has the mean of each process, and the median of those. " +
      "A stack frees in reverse only, and an arena all at once. To free an object is to forget it: a collector takes it later.",
    compare: "mean",
    baseline: "pool",
    contestants: Object.fromEntries(
      able.map(([key, { label, make }]): [string, Contestant] => [key, {
        label,
        make: (count) => workOf(make(count), pattern, count),
      }]),
    ),
    plan: { count: 10_000, warmUp: 10, samples: 10, batch: 1, rounds: 5 },
    quickCount: 100,
  };
}

export const questions: readonly Question[] = show(
  (Object.keys(PATTERNS) as Pattern[]).map(question), // which are its keys
);
