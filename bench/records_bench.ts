/**
 * What does it cost to allocate a record and to free it, to reach one by its handle, or a value that
 * is kept beside it, and what does it cost in the other kinds of pool and of memory?
 */
import { type Handle, HandleMap, Pool } from "@slabs/pool";
import { BY_HAND_TOO, type Question, show, sumOf, type Work } from "./harness/question.ts";
import { Particle, shuffled } from "./particles/particle.ts";
import { type NamedParticles, on, without } from "./particles/particles.ts";
import { ALLOCATORS, MALLOC, NAMED, POOLS } from "./particles/storages.ts";

const common = {
  missing: "columns by hand, whose records move, so that none can be named.",
  baseline: "slab",
  plan: { count: 50_000, warmUp: 10, samples: 20, batch: 1, rounds: 5 },
  quickCount: 300,
} as const;

const labels = { pool: "Pool.allocAt, free", forOf: "Pool.alloc({ … }), free" };

// -- records one by one --

/** Allocates one particle and frees it, over and over. */
function hotWork(particles: NamedParticles, count: number): Work {
  return sumOf(() => {
    let sum = 0;
    for (let i = 0; i < count; i++) sum += particles.once(i);
    return sum;
  });
}

/** Reads each particle in random order, frees it and allocates another. */
function replaceWork(particles: NamedParticles, count: number): Work {
  const refs = particles.refs(count);
  const order = shuffled(count);
  let round = 0;
  for (let i = 0; i < count; i++) refs[i] = particles.add(i, i);
  return sumOf(() => {
    let sum = 0;
    round++;
    for (let i = 0; i < count; i++) {
      const slot = order[i];
      sum += particles.lifeOf(refs[slot]);
      particles.remove(refs[slot]);
      refs[slot] = particles.add(i, slot + round);
    }
    return sum;
  });
}

/** Reads one field of each particle in random order, by its reference. */
function randomWork(particles: NamedParticles, count: number): Work {
  const order = shuffled(count);
  const made = particles.refs(count);
  const refs = particles.refs(count);
  for (let i = 0; i < count; i++) made[i] = particles.add(i, 1);
  for (let i = 0; i < count; i++) refs[i] = made[order[i]];
  return sumOf(() => {
    let sum = 0;
    for (let i = 0; i < count; i++) sum += particles.xOf(refs[i]);
    return sum;
  });
}

// -- all of them, in an order --

/** The orders in which records are freed, and their titles. */
const ORDERS = {
  "in-order": "Allocated, then freed in order",
  "in-reverse": "Allocated, then freed in reverse",
  "at-random": "Allocated, then freed at random",
} as const;

type Order = keyof typeof ORDERS;

/** Allocates all, then frees them in an order. */
function orderedWork(order: Order, particles: NamedParticles, count: number): Work {
  const refs = particles.refs(count);
  const indices = order === "at-random" ? shuffled(count) : new Int32Array(count).map((_, i) => i);
  if (order === "in-reverse") indices.reverse(); // a stack can be emptied in reverse only
  const allocAll = () => {
    for (let i = 0; i < count; i++) refs[i] = particles.take(i);
  };
  return {
    run() {
      allocAll();
      particles.removeAll(refs, indices);
    },
    checksum() {
      allocAll();
      let sum = 0;
      for (let i = 0; i < count; i++) if (particles.lifeOf(refs[i]) === i) sum++;
      return sum;
    },
  };
}

/** Who is asked for other numbers of items as well. A list is too slow for a million. */
const SCALED = ["pool", "slab", "objects", "arena", "best-tree", "first-list"];

function orderOf(order: Order, count = 10_000): Question {
  const isScaled = count !== 10_000;
  const unable = order === "in-reverse" ? [] : ["stack"];
  if (isScaled) unable.push(...Object.keys(ALLOCATORS).filter((it) => !SCALED.includes(it)));
  if (count > 100_000) unable.push("first-list");
  const samples = Math.ceil(100_000 / count);
  return {
    ...common,
    name: `records/${order}${isScaled ? `-${count}` : ""}`,
    title: `${ORDERS[order]}: ${count.toLocaleString("en")} items of 20 bytes`,
    method:
      "A record is allocated, zeroed, with one field written, as memory that nobody writes to is no use. The table has the mean " +
      "of each process, and the median of those. All have the memory that they need. What is on the engine's heap is freed by " +
      "being forgotten, and its collections fall where they fall. A stack frees in reverse only, and an arena all at once.",
    compare: "mean",
    contestants: on(
      without(ALLOCATORS, ...unable),
      (particles, count) => orderedWork(order, particles, count),
      labels,
    ),
    apart: isScaled,
    plan: { count, warmUp: samples, samples, batch: 1, rounds: isScaled ? 3 : 5 },
    quickCount: 100,
  };
}

// -- an object beside a record --

/** What a drawing program keeps beside a record. */
function spriteOf(i: number) {
  return { frame: i & 1023, name: `sprite ${i}`, alpha: 1, layer: 0 };
}

type Sprite = ReturnType<typeof spriteOf>;

/** @param keys What the sprites are kept and found by. */
function besideWork<K>(
  keys: ArrayLike<K>,
  set: (key: K, sprite: Sprite) => unknown,
  get: (key: K) => Sprite | undefined,
): Work {
  const count = keys.length;
  for (let i = 0; i < count; i++) set(keys[i], spriteOf(i));
  const ordered = Array.from(shuffled(count), (i) => keys[i]);
  return sumOf(() => {
    let sum = 0;
    for (let i = 0; i < count; i++) sum += get(ordered[i])!.frame; // each has one
    return sum;
  });
}

function besideInArray(count: number): Work {
  const all: Sprite[] = [];
  const numbers = Array.from({ length: count }, (_, i) => i);
  return besideWork(numbers, (i, sprite) => all[i] = sprite, (i) => all[i]);
}

type Ref = Handle<typeof Particle>;

/** Sprites in a map by the handles of a pool's records. */
function besideInMap(
  count: number,
  mapOf: (pool: Pool<typeof Particle>) => HandleMap<typeof Particle, Sprite> | Map<Ref, Sprite>,
): Work {
  const pool = new Pool(Particle);
  const map = mapOf(pool);
  return besideWork(
    pool.allocMany(count),
    (handle, sprite) => map.set(handle, sprite),
    (handle) => map.get(handle),
  );
}

export const questions: readonly Question[] = show([
  {
    ...common,
    name: "records/random",
    title: "Random access by handle",
    method:
      "One field of each of 100,000 records, in random order, through what names it. Only a pool's handle is checked: " +
      "the others read what is there, whether or not it is the same record still.",
    contestants: on({ ...NAMED, ...POOLS }, randomWork, {
      pool: "Pool.get(handle).x",
      forOf: "Pool.seek(cursor, handle).x",
      wide: "Pool.get(handle).x, wide handles",
    }),
    everywhere: BY_HAND_TOO,
    plan: { ...common.plan, count: 100_000, samples: 40 },
  },
  {
    name: "records/beside",
    title: "An object beside each record",
    method:
      "50,000 live records have a sprite each, an object, and a step adds up a field of each, in random order. The baseline gets it " +
      "by number and knows nothing of records; a `HandleMap` checks at each `get` that the record is live.",
    baseline: "array",
    contestants: {
      array: { label: "array, by number", make: besideInArray },
      handleMap: {
        label: "HandleMap.get(handle)",
        make: (count) => besideInMap(count, (pool) => new HandleMap(pool)),
      },
      map: { label: "Map.get(handle)", make: (count) => besideInMap(count, () => new Map()) },
    },
    plan: { count: 50_000, warmUp: 30, samples: 60, batch: 1, rounds: 5 },
    quickCount: 300,
  },
  {
    ...common,
    name: "records/hot",
    title: "Allocated and freed at once",
    method:
      "One record is allocated, zeroed, one field written and read, and freed, 50,000 times a step.",
    contestants: on({ ...ALLOCATORS, malloc: MALLOC }, hotWork, {
      ...labels,
      arena: "Arena, mark and rewind",
    }),
    everywhere: BY_HAND_TOO,
  },
  ...(Object.keys(ORDERS) as Order[]).map((it) => orderOf(it)), // which are its keys
  ...[1_000, 100_000, 1_000_000].map((count) => orderOf("at-random", count)),
  {
    ...common,
    name: "records/replace",
    title: "Replaced at random, and what is left for the collector",
    method:
      "50,000 records are live; a step reads each, in random order, frees it and allocates another, all five fields " +
      "written. The table has the mean of each process, and the median of those, as collections are part of the price; " +
      "and how many there were in 1,000,000 replacements once all was warm, from V8's own trace. A `SharedPool` does one atomic operation for each `alloc` and `free`, " +
      "which is a call of a built-in function.",
    compare: "mean",
    baseline: "objects",
    contestants: on({ ...NAMED, ...POOLS }, replaceWork, labels),
    traced: true,
    everywhere: ["objects", ...BY_HAND_TOO],
  },
]);
