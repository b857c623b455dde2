/**
 * Question: what do the byte allocators cost, against a few lines by hand and against another allocator of this kind?
 *
 * `arena`: 50,000 records allocated, their five fields written, and all taken back at once. The baseline is the least that
 * an arena can be: an index that goes up over one typed array, without a check, a second block, or zeros. What is taken
 * back is zeroed in the arena, as new memory is zero; the second row does that by hand.
 *
 * `heap`: 10,000 allocations of 16 to 256 bytes, then freed in random order. `heap-replace`: 10,000 are live all the time,
 * and each is freed once a round, in random order, and replaced by one of another size. The baseline is the `MemPool` of
 * @thi.ng/malloc with its default settings: first fit, in lists of the free blocks and of the used ones, both of which it walks. Its
 * `malloc` does not clear what it gives out; a `FreeListAllocator` does, and keeps a bit for each 8 bytes beside, so that it
 * can tell a bad address.
 *
 * Caveats: `ratios.ts` gives each contestant an isolate of its own. All have the memory that they need from the start.
 */
import { Arena, FreeListAllocator } from "@slabs/pool";
import { MemPool } from "./_mem_pool.ts";
import { heapKinds } from "./_heaps.ts";
import { Particle, shuffled, WORDS } from "./_particles.ts";
import { bench, type Contestant, same, type Scenario, size, type Work } from "./_scenario.ts";

// -- arena --

const N = size(50_000, 1_000);

/** Proves that every record holds what the last round wrote. */
function arenaWork(round: (first: number) => void, lifeOf: (i: number) => number): Work {
  let rounds = 0;
  return {
    run: () => round(rounds++),
    verify() {
      let got = 0;
      for (let i = 0; i < N; i++) got += lifeOf(i);
      same("the sum of life", got, N * (N - 1) / 2 + N * (rounds - 1));
    },
  };
}

function arenaByHand(clear: boolean): Work {
  const words = new Float32Array(N * WORDS);
  const places = new Int32Array(N);
  return arenaWork((first) => {
    let top = 0;
    if (clear) words.fill(0);
    for (let i = 0; i < N; i++) {
      const at = top;
      top += WORDS;
      words[at] = i + 0.5;
      words[at + 1] = 0.5;
      words[at + 2] = i;
      words[at + 3] = 1.5;
      words[at + 4] = first + i;
      places[i] = at;
    }
  }, (i) => words[places[i] + 4]);
}

function arenaAllocAt(): Work {
  const arena = new Arena();
  const addresses = new Int32Array(N);
  const it = arena.cursor(Particle);
  return arenaWork((first) => {
    arena.reset();
    for (let i = 0; i < N; i++) {
      addresses[i] = arena.allocAt(it);
      it.x = i + 0.5;
      it.y = 0.5;
      it.vx = i;
      it.vy = 1.5;
      it.life = first + i;
    }
  }, (i) => arena.view(addresses[i], Particle).life);
}

function arenaAllocRecord(): Work {
  const arena = new Arena();
  const addresses = new Int32Array(N);
  const it = arena.cursor(Particle);
  return arenaWork((first) => {
    arena.reset();
    for (let i = 0; i < N; i++) {
      const address = arena.allocRecord(Particle);
      arena.seek(it, address);
      it.x = i + 0.5;
      it.y = 0.5;
      it.vx = i;
      it.vy = 1.5;
      it.life = first + i;
      addresses[i] = address;
    }
  }, (i) => arena.view(addresses[i], Particle).life);
}

function arenaInit(): Work {
  const arena = new Arena();
  const addresses = new Int32Array(N);
  return arenaWork((first) => {
    arena.reset();
    for (let i = 0; i < N; i++) {
      addresses[i] = arena.allocRecord(Particle, {
        x: i + 0.5,
        y: 0.5,
        vx: i,
        vy: 1.5,
        life: first + i,
      });
    }
  }, (i) => arena.view(addresses[i], Particle).life);
}

export const arena: Scenario = {
  name: "arena",
  question: "allocate 50,000 records, write them, and take all back",
  apart: true,
  contestants: [
    { name: "one typed array by hand", make: () => arenaByHand(false) },
    { name: "one typed array by hand, zeroed", make: () => arenaByHand(true) },
    { name: "Arena.allocAt, write", make: arenaAllocAt, limit: 1.5 },
    { name: "Arena.allocRecord, seek, write", make: arenaAllocRecord, limit: 1.5 },
    { name: "Arena.allocRecord({ … })", make: arenaInit },
  ],
};

// -- heap --

const LIVE = size(10_000, 300);
const MIN_BYTES = 16;
const MAX_BYTES = 256;

const order = shuffled(LIVE);

/** Sizes without a pattern, each about as often: multiplied by 2^32 / golden ratio, as Knuth hashes. */
function bytesOf(i: number): number {
  return MIN_BYTES + (Math.imul(i, 2_654_435_761) >>> 8) % (MAX_BYTES - MIN_BYTES + 1);
}

/** The two calls of an allocator, and how many allocations it says are live. */
interface HeapFace {
  alloc(bytes: number): number;
  free(address: number): void;
  liveCount(): number;
}

function thingMalloc(): HeapFace {
  const pool = new MemPool({ size: LIVE * MAX_BYTES * 4 });
  return {
    alloc: (bytes) => pool.malloc(bytes),
    free: (address) => void pool.free(address),
    liveCount: () => pool.stats().used.count,
  };
}

function freeList(kind: typeof heapKinds[number]): HeapFace {
  const heap = new FreeListAllocator({ ...kind, byteLength: LIVE * MAX_BYTES * 4 });
  return {
    alloc: (bytes) => heap.alloc(bytes),
    free: (address) => heap.free(address),
    liveCount: () => heap.stats().allocations,
  };
}

function fillAndFree(heap: HeapFace): Work {
  const addresses = new Int32Array(LIVE);
  let seen = 0, rounds = 0;
  return {
    run() {
      for (let i = 0; i < LIVE; i++) addresses[i] = heap.alloc(bytesOf(i + rounds));
      rounds++;
      seen = addresses[0];
      for (let i = 0; i < LIVE; i++) heap.free(addresses[order[i]]);
    },
    verify() {
      same("whether there was an address", Math.sign(seen), 1);
      same("the count of different addresses", new Set(addresses).size, LIVE);
      same("the count of live allocations", heap.liveCount(), 0);
    },
  };
}

function replaceEach(heap: HeapFace): Work {
  const addresses = new Int32Array(LIVE);
  let rounds = 0;
  for (let i = 0; i < LIVE; i++) addresses[i] = heap.alloc(bytesOf(i));
  return {
    run() {
      rounds++;
      for (let i = 0; i < LIVE; i++) {
        const slot = order[i];
        heap.free(addresses[slot]);
        addresses[slot] = heap.alloc(bytesOf(slot + rounds));
      }
    },
    verify() {
      same("the count of different addresses", new Set(addresses).size, LIVE);
      same("the count of live allocations", heap.liveCount(), LIVE);
    },
  };
}

function onEach(work: (heap: HeapFace) => Work): Contestant[] {
  return [
    { name: "@thi.ng/malloc", make: () => work(thingMalloc()) },
    ...heapKinds.map((kind): Contestant => ({
      name: `FreeListAllocator, ${kind.fit} fit, ${kind.index}`,
      make: () => work(freeList(kind)),
      ...kind.index === "tree" ? { limit: 0.2 } : {},
    })),
  ];
}

export const heap: Scenario = {
  name: "heap",
  question: "10,000 allocations of 16 to 256 bytes, freed in random order",
  apart: true,
  batch: 1,
  rounds: 45,
  contestants: onEach(fillAndFree),
};

export const heapReplace: Scenario = {
  name: "heap-replace",
  question:
    "10,000 live allocations, each freed in random order and replaced by one of another size",
  apart: true,
  batch: 1,
  rounds: 45,
  contestants: onEach(replaceEach),
};

bench(arena);
bench(heap);
bench(heapReplace);
