/** What does it cost to reach a record by its handle, or a value that is kept beside a record? */
import { type Handle, HandleMap, Pool } from "@slabs/pool";
import { type Question, show, sumOf, type Work } from "./harness/question.ts";
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

function sprites(count: number): Sprite[] {
  return Array.from({ length: count }, (_, i) => new Sprite(i));
}

function byNumber(count: number): Work {
  const all = sprites(count);
  const numbers = Array.from(shuffled(count));
  return sumOf(() => {
    let sum = 0;
    for (let i = 0; i < count; i++) sum += all[numbers[i]].frame;
    return sum;
  });
}

/** A map of either kind from the handle of a record to its sprite. */
function inMap(count: number, mapOf: (pool: Pool<typeof Particle>) => SpriteMap): Work {
  const pool = new Pool(Particle);
  const handles = pool.allocMany(count);
  const map = mapOf(pool);
  sprites(count).forEach((it, i) => map.set(handles[i], it));
  const ordered = Array.from(shuffled(count), (i) => handles[i]);
  return sumOf(() => {
    let sum = 0;
    for (let i = 0; i < count; i++) sum += map.get(ordered[i])!.frame; // each has one
    return sum;
  });
}

interface SpriteMap {
  set(handle: Handle<typeof Particle>, sprite: Sprite): unknown;
  get(handle: Handle<typeof Particle>): Sprite | undefined;
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
  {
    name: "access/beside",
    title: "An object beside each record",
    method:
      "50,000 live records have a sprite each, an object, and a step adds up a field of each, in random order. The baseline gets it " +
      "by number and knows nothing of records; a `HandleMap` checks at each `get` that the record is live.",
    baseline: "array",
    contestants: {
      array: { label: "array, by number", make: byNumber },
      handleMap: {
        label: "HandleMap.get(handle)",
        make: (count) => inMap(count, (pool) => new HandleMap<typeof Particle, Sprite>(pool)),
      },
      map: { label: "Map.get(handle)", make: (count) => inMap(count, () => new Map()) },
    },
    plan: { count: 50_000, warmUp: 30, samples: 60, batch: 1, rounds: 5 },
    quickCount: 300,
  },
]);
