/**
 * Question: what does a value beside a record cost, by the record's handle?
 *
 * Method: 50,000 live records with a sprite each, an object, of which every pass adds a field up: in one random order, and in memory
 * order. The baseline has the sprites in an array and gets them by number, in the same order; it knows nothing of records, while
 * a map sees at each `get` that the record is live. The sum is the proof.
 *
 * Caveat: where all fits into the first-level cache a plain array costs but a nanosecond, and to look at the handle three; so the rows
 * in memory order are far apart as ratios, and near in time.
 */
import { HandleMap, Pool } from "@slabs/pool";
import { Particle, shuffled } from "./_particles.ts";
import { bench, same, type Scenario, size, type Work } from "./_scenario.ts";

const N = size(50_000, 1_000);

const random = shuffled(N);
const inOrder = Int32Array.from({ length: N }, (_, i) => i);

/** What a drawing program keeps beside a record. */
class Sprite {
  frame: number;
  name: string;
  alpha = 1;
  layer = 0;

  constructor(i: number) {
    this.frame = i & 1023;
    this.name = `sprite ${i}`;
  }
}

function work(sumOnce: () => number): Work {
  let wanted = 0, got = 0;
  for (let i = 0; i < N; i++) wanted += i & 1023;
  return {
    run() {
      got = sumOnce();
    },
    verify: () => same("the sum of frames", got, wanted),
  };
}

function byNumber(order: Int32Array): Work {
  const sprites = Array.from({ length: N }, (_, i) => new Sprite(i));
  const numbers = Array.from(order);
  return work(() => {
    let sum = 0;
    for (let i = 0; i < N; i++) sum += sprites[numbers[i]].frame;
    return sum;
  });
}

function filled(order: Int32Array) {
  const pool = new Pool(Particle);
  const handles = pool.allocMany(N);
  const sprites = handles.map((_, i) => new Sprite(i));
  return { pool, handles, sprites, ordered: Array.from(order, (i) => handles[i]) };
}

function byIndexOf(order: Int32Array): Work {
  const { pool, sprites, ordered } = filled(order);
  return work(() => {
    let sum = 0;
    for (let i = 0; i < N; i++) sum += sprites[pool.indexOf(ordered[i])].frame;
    return sum;
  });
}

function byHandleMap(order: Int32Array): Work {
  const { pool, handles, sprites, ordered } = filled(order);
  const map = new HandleMap<typeof Particle, Sprite>(pool);
  handles.forEach((handle, i) => map.set(handle, sprites[i]));
  return work(() => {
    let sum = 0;
    for (let i = 0; i < N; i++) sum += map.get(ordered[i])!.frame; // each has one
    return sum;
  });
}

function byMap(order: Int32Array): Work {
  const { handles, sprites, ordered } = filled(order);
  const map = new Map(handles.map((handle, i) => [handle, sprites[i]]));
  return work(() => {
    let sum = 0;
    for (let i = 0; i < N; i++) sum += map.get(ordered[i])!.frame;
    return sum;
  });
}

export const beside: Scenario = {
  name: "beside",
  apart: true, // a contestant is a program of its own
  question: "an object beside each of 50,000 records, in random order",
  contestants: [
    { name: "array, by number", make: () => byNumber(random) },
    { name: "HandleMap.get(handle)", make: () => byHandleMap(random), limit: 1.5 },
    { name: "array, by Pool.indexOf(handle)", make: () => byIndexOf(random) },
    { name: "Map.get(handle)", make: () => byMap(random) },
  ],
};

export const besideInOrder: Scenario = {
  name: "beside-order",
  apart: true,
  question: "an object beside each of 50,000 records, in memory order",
  contestants: [
    { name: "array, by number", make: () => byNumber(inOrder) },
    { name: "HandleMap.get(handle)", make: () => byHandleMap(inOrder) },
    { name: "array, by Pool.indexOf(handle)", make: () => byIndexOf(inOrder) },
    { name: "Map.get(handle)", make: () => byMap(inOrder) },
  ],
};

bench(beside);
bench(besideInOrder);
