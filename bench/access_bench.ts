/** What does it cost to reach a record by its handle, or a value that is kept beside a record? */
import { HandleMap, Pool } from "@slabs/pool";
import { type Contestant, type Question, show, sumOf, type Work } from "./harness/question.ts";
import { Particle, shuffled } from "./particles/particle.ts";
import { type NamedParticles, onNamed } from "./particles/particles.ts";

// -- a field of a record --

function accessWork(particles: NamedParticles, count: number): Work {
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

// -- an object beside a record --

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

function byNumber(order: Int32Array): Work {
  const sprites = Array.from(order, (_, i) => new Sprite(i));
  const numbers = Array.from(order);
  return sumOf(() => {
    let sum = 0;
    for (let i = 0; i < numbers.length; i++) sum += sprites[numbers[i]].frame;
    return sum;
  });
}

function filled(order: Int32Array) {
  const pool = new Pool(Particle);
  const handles = pool.allocMany(order.length);
  const sprites = handles.map((_, i) => new Sprite(i));
  return { pool, handles, sprites, ordered: Array.from(order, (i) => handles[i]) };
}

function byIndexOf(order: Int32Array): Work {
  const { pool, sprites, ordered } = filled(order);
  return sumOf(() => {
    let sum = 0;
    for (let i = 0; i < ordered.length; i++) sum += sprites[pool.indexOf(ordered[i])].frame;
    return sum;
  });
}

function byHandleMap(order: Int32Array): Work {
  const { pool, handles, sprites, ordered } = filled(order);
  const map = new HandleMap<typeof Particle, Sprite>(pool);
  handles.forEach((handle, i) => map.set(handle, sprites[i]));
  return sumOf(() => {
    let sum = 0;
    for (let i = 0; i < ordered.length; i++) sum += map.get(ordered[i])!.frame; // each has one
    return sum;
  });
}

function byMap(order: Int32Array): Work {
  const { handles, sprites, ordered } = filled(order);
  const map = new Map(handles.map((handle, i) => [handle, sprites[i]]));
  return sumOf(() => {
    let sum = 0;
    for (let i = 0; i < ordered.length; i++) sum += map.get(ordered[i])!.frame; // each has one
    return sum;
  });
}

function besideOf(name: string, title: string, orderOf: (count: number) => Int32Array): Question {
  const on = (label: string, work: (order: Int32Array) => Work): Contestant => ({
    label,
    make: (count) => work(orderOf(count)),
  });
  return {
    name: `access/${name}`,
    title,
    method:
      "50,000 live records have a sprite each, an object, and a step adds up a field of each. The baseline gets it by number " +
      "and knows nothing of records; a `HandleMap` checks at each `get` that the record is live. In the cache of the first level a plain " +
      "array costs a nanosecond and the check of a handle three: rows in memory order are far apart as ratios, and near in time.",
    baseline: "array",
    contestants: {
      array: on("array, by number", byNumber),
      handleMap: on("HandleMap.get(handle)", byHandleMap),
      indexOf: on("array, by Pool.indexOf(handle)", byIndexOf),
      map: on("Map.get(handle)", byMap),
    },
    limits: name === "beside" ? [{ of: "handleMap", by: "array", atMost: 1.5 }] : [],
    plan: { count: 50_000, warmUp: 30, samples: 60, batch: 1, rounds: 5 },
    quickCount: 300,
  };
}

export const questions: readonly Question[] = show([
  {
    name: "access/random",
    title: "Random access by handle",
    method:
      "One field of each of 100,000 records, in random order, through what names it. Only a pool's handle is checked: " +
      "the others read what is there, whether or not it is the same record still.",
    missing: "columns by hand, whose records move, so that none can be named.",
    baseline: "slab",
    contestants: onNamed(accessWork, {
      labels: {
        pool: "Pool.get(handle).x",
        forOf: "Pool.seek(cursor, handle).x",
        wide: "Pool.get(handle).x, wide handles",
      },
    }),
    everywhere: true,
    plan: { count: 100_000, warmUp: 10, samples: 40, batch: 1, rounds: 5 },
    quickCount: 300,
  },
  besideOf("beside", "An object beside each record, in random order", shuffled),
  besideOf(
    "beside-in-order",
    "An object beside each record, in memory order",
    (count) => Int32Array.from({ length: count }, (_, i) => i),
  ),
]);
