/**
 * What do the byte allocators cost, against a few lines by hand and against another allocator of
 * this kind?
 */
import process from "node:process";
import { Arena, FreeListAllocator, StackAllocator } from "@slabs/pool";
import { type Contestant, type Question, show, type Work } from "./harness/question.ts";
import { FITS } from "./particles/fits.ts";
import { Particle, shuffled, WORDS } from "./particles/particle.ts";

const MIN_BYTES = 16;
const MAX_BYTES = 256;

/**
 * Sizes without a pattern, each about as often: multiplied by 2^32 / golden ratio, as Knuth hashes.
 */
function bytesOf(i: number): number {
  return MIN_BYTES + (Math.imul(i, 2_654_435_761) >>> 8) % (MAX_BYTES - MIN_BYTES + 1);
}

// -- allocators --

interface Allocator {
  alloc(bytes: number): number;
  free(address: number): void;
}

/** Bytes that are enough, so that no allocator has to grow. */
function roomFor(count: number): number {
  return count * MAX_BYTES * 4 + 4096;
}

/**
 * @thi.ng/malloc with its default settings: first fit, in lists of the free and of the used blocks.
 * One of its modules reads `NODE_ENV` when it is loaded, which would take a permission, so it finds
 * an empty environment.
 */
async function thingMalloc(count: number): Promise<Allocator> {
  const { env } = process;
  const set = (value: object) =>
    Object.defineProperty(process, "env", { value, configurable: true, writable: true });
  set({});
  const { MemPool } = await import("@thi.ng/malloc");
  set(env);
  const pool = new MemPool({ size: roomFor(count) });
  return { alloc: (bytes) => pool.malloc(bytes), free: (address) => void pool.free(address) };
}

function onAllocators(
  work: (allocator: Allocator, count: number) => Work,
): Record<string, Contestant> {
  const lists = FITS.map(({ fit, index }): [string, Contestant] => [`${fit}-${index}`, {
    label: `FreeListAllocator, ${fit} fit, ${index}`,
    make(count) {
      const heap = new FreeListAllocator({ fit, index, byteLength: roomFor(count) });
      const alloc = (bytes: number) => heap.alloc(bytes);
      return work({ alloc, free: (address) => heap.free(address) }, count);
    },
  }]);
  return {
    malloc: {
      label: "@thi.ng/malloc",
      make: async (count) => work(await thingMalloc(count), count),
    },
    ...Object.fromEntries(lists),
  };
}

// -- many sizes --

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

function replaceIn({ alloc, free }: Allocator, count: number): Work {
  const addresses = Int32Array.from({ length: count }, (_, i) => alloc(bytesOf(i)));
  return replaceWork(count, (slot, bytes) => {
    free(addresses[slot]);
    const address = alloc(bytes);
    addresses[slot] = address;
    return address > 0 ? bytes : NaN; // none was free
  });
}

const BUFFERS: Contestant = {
  label: "new ArrayBuffer each",
  make(count) {
    const all: (ArrayBuffer | undefined)[] = new Array(count);
    return replaceWork(count, (slot, bytes) => {
      all[slot] = undefined;
      all[slot] = new ArrayBuffer(bytes);
      return bytes;
    });
  },
};

/** All are allocated, then freed in random order. */
function fillIn({ alloc, free }: Allocator, count: number): Work {
  const order = shuffled(count);
  const addresses = new Int32Array(count);
  let rounds = 0;
  return {
    run() {
      for (let i = 0; i < count; i++) addresses[i] = alloc(bytesOf(i + rounds));
      rounds++;
      for (let i = 0; i < count; i++) free(addresses[order[i]]);
    },
    checksum: () => new Set(addresses).size,
  };
}

// -- one at a time --

const HOT_BYTES = 24;

function hotWork(once: () => number, count: number): Work {
  let taken = 0;
  return {
    run() {
      for (let i = 0; i < count; i++) if (once() > 0) taken++;
    },
    checksum: () => taken,
  };
}

function hotIn({ alloc, free }: Allocator, count: number): Work {
  return hotWork(() => {
    const address = alloc(HOT_BYTES);
    free(address);
    return address;
  }, count);
}

function hotArena(count: number): Work {
  const arena = new Arena();
  return hotWork(() => {
    const mark = arena.mark();
    const address = arena.alloc(HOT_BYTES);
    arena.rewind(mark);
    return address;
  }, count);
}

// -- an arena of records --

function arenaWork(
  count: number,
  round: (first: number) => void,
  lifeOf: (i: number) => number,
): Work {
  let rounds = 0;
  return {
    run: () => round(rounds++),
    checksum() {
      let sum = 0;
      for (let i = 0; i < count; i++) sum += lifeOf(i);
      return sum;
    },
  };
}

/** The least that an arena can be: an index that goes up over one typed array, without a check. */
function arenaByHand(count: number, isCleared: boolean): Work {
  const words = new Float32Array(count * WORDS);
  const addresses = new Int32Array(count);
  return arenaWork(count, (first) => {
    let top = 0;
    if (isCleared) words.fill(0);
    for (let i = 0; i < count; i++) {
      const at = top;
      top += WORDS;
      words[at] = i + 0.5;
      words[at + 1] = 0.5;
      words[at + 2] = i;
      words[at + 3] = 1.5;
      words[at + 4] = first + i;
      addresses[i] = at;
    }
  }, (i) => words[addresses[i] + 4]);
}

function arenaAllocAt(count: number): Work {
  const arena = new Arena();
  const addresses = new Int32Array(count);
  const it = arena.cursor(Particle);
  return arenaWork(count, (first) => {
    arena.reset();
    for (let i = 0; i < count; i++) {
      addresses[i] = arena.allocAt(it);
      it.x = i + 0.5;
      it.y = 0.5;
      it.vx = i;
      it.vy = 1.5;
      it.life = first + i;
    }
  }, (i) => arena.view(addresses[i], Particle).life);
}

function arenaInit(count: number): Work {
  const arena = new Arena();
  const addresses = new Int32Array(count);
  return arenaWork(count, (first) => {
    arena.reset();
    for (let i = 0; i < count; i++) {
      const init = { x: i + 0.5, y: 0.5, vx: i, vy: 1.5, life: first + i };
      addresses[i] = arena.allocRecord(Particle, init);
    }
  }, (i) => arena.view(addresses[i], Particle).life);
}

const manySizes = {
  baseline: "malloc",
  plan: { count: 10_000, warmUp: 2, samples: 4, batch: 1, rounds: 3 },
  quickCount: 50,
} as const;

export const questions: readonly Question[] = show([
  {
    ...manySizes,
    name: "bytes/replace",
    title: "Byte allocators: many sizes, replaced at random",
    method:
      "10,000 allocations of 16 to 256 bytes are live; a step frees each, in random order, and allocates another of another " +
      "size. What ours give out is zero; @thi.ng/malloc, with its default settings, leaves it as it was.",
    missing: "Arena and StackAllocator, which free nothing singly and nothing out of order.",
    compare: "mean",
    contestants: { ...onAllocators(replaceIn), buffers: BUFFERS },
  },
  {
    ...manySizes,
    name: "bytes/fill",
    title: "Byte allocators: many sizes, freed at random",
    method: "A step makes 10,000 allocations of 16 to 256 bytes, and frees them in random order.",
    contestants: onAllocators(fillIn),
  },
  {
    name: "bytes/hot",
    title: "Byte allocators: taken and given back at once",
    method: "24 bytes are allocated and given back, 50,000 times a step.",
    baseline: "malloc",
    contestants: {
      ...onAllocators(hotIn),
      stack: {
        label: "StackAllocator",
        make(count) {
          const stack = new StackAllocator({ byteLength: 1 << 16 });
          const alloc = (bytes: number) => stack.alloc(bytes);
          return hotIn({ alloc, free: (address) => stack.free(address) }, count);
        },
      },
      arena: { label: "Arena, mark and rewind", make: hotArena },
    },
    plan: { count: 50_000, warmUp: 10, samples: 20, batch: 1, rounds: 3 },
    quickCount: 50,
  },
  {
    name: "bytes/arena",
    title: "An arena: records allocated, written, and all taken back",
    method:
      "50,000 records are allocated and their five fields written; each step starts with taking all back. An arena zeroes what " +
      "it takes back, as new memory is zero.",
    baseline: "byHand",
    contestants: {
      byHand: { label: "one typed array by hand", make: (count) => arenaByHand(count, false) },
      cleared: {
        label: "one typed array by hand, zeroed",
        make: (count) => arenaByHand(count, true),
      },
      allocAt: { label: "Arena.allocAt, write", make: arenaAllocAt },
      init: { label: "Arena.allocRecord({ … })", make: arenaInit },
    },
    plan: { count: 50_000, warmUp: 40, samples: 60, batch: 1, rounds: 5 },
    quickCount: 300,
  },
]);
