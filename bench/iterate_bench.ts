/**
 * What does a pass over all records cost: by how much of a pool is live, and by how many fields of
 * a record are touched?
 *
 * One kind of record in a process is the best case of an optimising compiler. `deno task game` has
 * six kinds.
 */
import { type Question, show, type Work } from "./harness/question.ts";
import { DT, shuffled } from "./particles/particle.ts";
import { type NamedParticles, onAll, type Particles } from "./particles/particles.ts";

const labels = { pool: "Pool.forEach", forOf: "for…of Pool" };
const COUNT = 100_000;
const ALL = COUNT.toLocaleString("en");

/**
 * Fills a storage and frees all but a share again. Dense columns have no gaps, and never have the
 * others.
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

function stepsOf(particles: Particles, run: () => void): Work {
  return { run, checksum: () => particles.sums() };
}

function iterationOf(percent: number, batch: number): Question {
  const freed = percent === 100
    ? "none of them freed"
    : `all but ${percent} % freed, here and there without a pattern`;
  return {
    name: `iterate/${percent}`,
    title: `Iteration at ${percent} % occupancy`,
    method:
      `${ALL} particles are allocated and ${freed}; a step moves those that are left. Times are for each of all ` +
      "chunks, live or not. Columns and objects have no gaps to skip.",
    baseline: "slab",
    contestants: onAll((particles, count) => {
      thinned(particles, count, percent);
      return stepsOf(particles, () => particles.pass(DT));
    }, { labels }),
    everywhere: percent >= 2,
    plan: { count: COUNT, warmUp: 40, samples: 40, batch, rounds: 3 },
    quickCount: 300,
  };
}

function touchOf(name: string, title: string, step: (particles: Particles) => void): Question {
  return {
    name: `iterate/${name}`,
    title,
    method: `1 is added to it, in each of ${ALL} particles.`,
    baseline: "slab",
    contestants: onAll((particles, count) => {
      for (let i = 0; i < count; i++) particles.spawn(i, 1);
      return stepsOf(particles, () => step(particles));
    }, { labels }),
    plan: { count: COUNT, warmUp: 20, samples: 40, batch: 4, rounds: 3 },
    quickCount: 300,
  };
}

export const questions: readonly Question[] = show([
  iterationOf(100, 4),
  iterationOf(50, 4),
  iterationOf(10, 10),
  iterationOf(2, 20),
  iterationOf(0.1, 50),
  touchOf("one-field", "One field of five touched", (particles) => particles.touchOne()),
  touchOf("all-fields", "Five fields of five touched", (particles) => particles.touchAll()),
]);
