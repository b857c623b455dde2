/** Frames with churn, at several numbers of records. */
import { shuffled } from "../_particles.ts";
import { onEvery } from "./contestants.ts";
import { type Herd, shown } from "./herd.ts";
import type { Scenario, Work } from "./scenario.ts";

/** Frames that a particle lives, so that a 20th of them ends in each. */
const LIFE = 20;

function frameWork(herd: Herd, count: number): Work {
  // Which ones end in a frame has no pattern that a processor could learn.
  const lives = shuffled(count);
  let born = 0;
  for (; born < count; born++) herd.spawn(born, lives[born] % LIFE + 1);
  return {
    run() {
      herd.frame();
      while (herd.size < count) herd.spawn(born++, LIFE);
    },
    checksum: () => shown(herd.sums()),
  };
}

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
    contestants: onEvery(frameWork, { labels: { pool: "Pool.forEach", forOf: "for…of Pool" } }),
    traced: true,
    everywhere: count === 100_000,
    full: { count, samples, warmUp, batch: 1, rounds },
    quickCount: count > 300_000 ? 400 : 200,
  };
}

export const frames: readonly Scenario[] = [
  framesOf(1_000, 600, 600, 1),
  framesOf(5_000, 600, 300, 1),
  framesOf(20_000, 200, 200, 3),
  framesOf(100_000, 200, 100, 3),
  framesOf(300_000, 100, 40, 1),
  framesOf(1_000_000, 300, 40, 2),
];
