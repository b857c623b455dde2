/** Frames with churn, at several numbers of records. */
import { DT, shuffled } from "../_particles.ts";
import { onEvery } from "./contestants.ts";
import { type Herd, shown } from "./herd.ts";
import type { Scenario, Work } from "./scenario.ts";

/** Frames that a particle lives, so that a 20th of them ends in each. */
const LIFE = 20;

/** @param lives From which each of the first has its frames to live. */
function frameWork(herd: Herd, count: number, lives: ArrayLike<number>): Work {
  let born = 0;
  for (; born < count; born++) herd.spawn(born, lives[born] % LIFE + 1);
  return {
    run() {
      herd.frame(DT);
      while (herd.size < count) herd.spawn(born++, LIFE);
    },
    checksum: () => shown(herd.sums()),
  };
}

const names = { pool: "Pool.forEach", forOf: "for…of Pool" };

function framesOf(count: number, samples: number, warmUp: number, rounds: number): Scenario {
  return {
    name: `frames-${count}`,
    title: `Frames with churn, ${count.toLocaleString("en")} live`,
    method:
      "A frame moves every particle, frees the 5 % whose life ends, here and there without a pattern, and " +
      "allocates as many anew. Collections that fall into the frames that count are from V8's own trace. " +
      "Columns have no identity: their records are moved about, and nothing can refer to one.",
    measure: "frames",
    baseline: "columns",
    contestants: onEvery((herd, count) => frameWork(herd, count, shuffled(count)), {
      labels: names,
    }),
    traced: true,
    everywhere: count === 100_000,
    full: { count, samples, warmUp, batch: 1, rounds },
    quickCount: count > 300_000 ? 400 : 200,
  };
}

/** Those that come nearest to the limits, for the other case. */
const NEAREST = ["columns", "pool", "forOf", "wide", "slab", "objects", "wolf"];

function evenFramesOf(count: number, samples: number, warmUp: number, rounds: number): Scenario {
  const others = framesOf(count, samples, warmUp, rounds);
  const inOrder = (herd: Herd, count: number) =>
    frameWork(herd, count, Int32Array.from({ length: count }, (_, i) => i));
  return {
    ...others,
    name: `${others.name}-even`,
    title: `${others.title}, every ${LIFE}th ending`,
    method:
      `The same, but for the order: every ${LIFE}th particle ends, so that a processor sees it coming, and where the next ` +
      "one is to be written. It is the best case of records that stay where they are.",
    missing: "whoever is far behind these in the table before.",
    contestants: onEvery(inOrder, { labels: names }).filter(({ key }) => NEAREST.includes(key)),
    everywhere: false,
  };
}

export const frames: readonly Scenario[] = [
  framesOf(1_000, 600, 600, 1),
  framesOf(5_000, 600, 300, 1),
  framesOf(20_000, 200, 200, 3),
  framesOf(100_000, 200, 100, 3),
  evenFramesOf(100_000, 200, 100, 3),
  framesOf(300_000, 100, 40, 1),
  framesOf(1_000_000, 600, 40, 1),
  evenFramesOf(1_000_000, 600, 40, 1),
];
