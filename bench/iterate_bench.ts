/**
 * What does a pass over all records cost: by how much of a pool is live, by how many fields of a
 * record are touched, and when two fields are copied out of each?
 *
 * One kind of record in a process is the best case of an optimising compiler. `deno task game` has
 * six kinds.
 */
import { BY_HAND_TOO, type Question, show, type Work } from "./harness/question.ts";
import { DT, shuffled } from "./particles/particle.ts";
import { type NamedParticles, on, type Particles } from "./particles/particles.ts";
import { ALL, POOLS } from "./particles/storages.ts";

const COUNT = 100_000;
const ITEMS = COUNT.toLocaleString("en");
const labels = { pool: "Pool.forEach", forOf: "for…of Pool" };

/**
 * Fills a storage and frees all but a share again. Dense columns have no gaps, so they never have
 * the others.
 */
function thinned(particles: Particles | NamedParticles, count: number, percent: number): void {
  const kept = Math.ceil(count * percent / 100);
  const order = shuffled(count);
  const freed: unknown[] = [];
  for (let i = 0; i < count; i++) {
    if (order[i] < kept) particles.spawn(i, 1);
    else if ("add" in particles) freed.push(particles.add(i, 1));
  }
  if ("remove" in particles) { for (const ref of freed) particles.remove(ref); }
}

const common = {
  baseline: "slab",
  plan: { count: COUNT, warmUp: 20, samples: 40, batch: 4, rounds: 3 },
  quickCount: 300,
} as const;

/** What `thinned` leaves, in words. */
function occupancyOf(percent: number): string {
  const freed = percent === 100
    ? "none of them freed"
    : `all but ${percent} % freed, here and there without a pattern`;
  return `${ITEMS} particles are allocated and ${freed}`;
}

function iterationOf(percent: number, batch: number): Question {
  return {
    ...common,
    name: `iterate/${percent}`,
    title: `Iteration at ${percent} % occupancy`,
    method:
      `${
        occupancyOf(percent)
      }; a step moves those that are left. Times are for each of all chunks, ` +
      "live or not. Columns and plain objects have no gaps to skip; each recycled object is looked at.",
    contestants: on(percent === 100 ? { ...ALL, ...POOLS } : ALL, (particles, count) => {
      thinned(particles, count, percent);
      return { run: () => particles.pass(DT), checksum: () => particles.sums() };
    }, labels),
    everywhere: percent >= 2 ? BY_HAND_TOO : [],
    plan: { ...common.plan, warmUp: 40, batch },
  };
}

function touchOf(): Question {
  return {
    ...common,
    name: "iterate/one-field",
    title: "One field of five touched",
    method: `1 is added to it, in each of ${ITEMS} particles.`,
    contestants: on(ALL, (particles, count) => {
      thinned(particles, count, 100);
      return { run: () => particles.touchOne(), checksum: () => particles.sums() };
    }, labels),
  };
}

function packWork(particles: Particles, count: number): Work {
  const out = new Float32Array(2 * count);
  return {
    run() {
      out[7] = -1; // so that the sum shows when nothing is copied
      particles.pack(out);
    },
    checksum: () => out.reduce((sum, it) => sum + it, 0),
  };
}

function packOf(percent: number): Question {
  return {
    ...common,
    name: `iterate/pack-${percent}`,
    title: `Two of five fields into a Float32Array, at ${percent} % occupancy`,
    method:
      `${
        occupancyOf(percent)
      }; a step copies x and y of those that are left. Times are for each of ` +
      "all chunks.",
    contestants: on(ALL, (particles, count) => {
      thinned(particles, count, percent);
      return packWork(particles, count);
    }, {
      pool: "pack(pool, out, fields)",
      forOf: "for…of Pool",
      wide: "Pool.forEach, wide handles",
    }),
  };
}

export const questions: readonly Question[] = show([
  iterationOf(100, 4),
  iterationOf(50, 4),
  iterationOf(10, 10),
  iterationOf(2, 20),
  iterationOf(0.1, 50),
  touchOf(),
  packOf(100),
  packOf(50),
]);
