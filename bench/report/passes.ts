/** Walks over records: how much of a pool is live, and how much of a record is touched. */
import { DT, shuffled } from "../_particles.ts";
import { onEvery } from "./contestants.ts";
import { type Herd, type NamedHerd, shown } from "./herd.ts";
import type { Scenario, Work } from "./scenario.ts";

const CAPACITY = 100_000;

function stepsOf(herd: Herd, step: () => void): Work {
  return { run: step, checksum: () => shown(herd.sums()) };
}

/**
 * Fills a herd of which all but a share is freed again. Not by a walk, as that would be seen by the compiler: what is measured is the
 * walk of a program that has one. A herd without names has no gaps, and never has the others.
 */
function thinned(herd: Herd | NamedHerd<unknown>, count: number, percent: number): Herd {
  const kept = Math.ceil(count * percent / 100);
  const order = shuffled(count);
  const freed: unknown[] = [];
  for (let i = 0; i < count; i++) {
    if (order[i] < kept) herd.spawn(i, 1);
    else if ("add" in herd) freed.push(herd.add(i, 1));
  }
  if ("remove" in herd) { for (const ref of freed) herd.remove(ref); }
  return herd;
}

const names = { pool: "Pool.forEach", forOf: "for…of Pool" };

function iterationOf(percent: number, batch: number): Scenario {
  return {
    name: `iterate-${percent}`,
    title: `Iteration at ${percent} % occupancy`,
    method:
      `${CAPACITY.toLocaleString("en")} particles are allocated and ${
        freedText(percent)
      }; a step moves those that are left. Times are ` +
      "for each of all chunks, live or not. Columns and objects have no gaps to skip.",
    measure: "time",
    baseline: "slab",
    contestants: onEvery((herd, count) => {
      thinned(herd, count, percent);
      return stepsOf(herd, () => herd.pass(DT));
    }, { labels: names }),
    everywhere: percent >= 2,
    share: percent / 100,
    full: { count: CAPACITY, warmUp: 40, samples: 40, batch, rounds: 3 },
    quickCount: 300,
  };
}

function freedText(percent: number): string {
  return percent === 100
    ? "none of them freed"
    : `all but ${percent} % freed, here and there without a pattern`;
}

function touchOf(name: string, title: string, step: (herd: Herd) => void): Scenario {
  return {
    name,
    title,
    method: `1 is added to it, in each of ${CAPACITY.toLocaleString("en")} particles.`,
    measure: "time",
    baseline: "slab",
    contestants: onEvery((herd, count) => {
      for (let i = 0; i < count; i++) herd.spawn(i, 1);
      return stepsOf(herd, () => step(herd));
    }, { labels: names }),
    full: { count: CAPACITY, warmUp: 20, samples: 40, batch: 4, rounds: 3 },
    quickCount: 300,
  };
}

export const passes: readonly Scenario[] = [
  iterationOf(100, 4),
  iterationOf(50, 4),
  iterationOf(10, 10),
  iterationOf(2, 20),
  iterationOf(0.1, 50),
  touchOf("touch-one", "One field of five touched", (herd) => herd.touchOne()),
  touchOf("touch-all", "Five fields of five touched", (herd) => herd.touchAll()),
];
