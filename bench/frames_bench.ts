/**
 * What does a whole frame cost with so many particles, and what does the worst frame?
 *
 * The method is in `METHOD`. Dense columns are the limit for code that needs neither handles nor
 * identity.
 */
import { BY_HAND_TOO, type Plan, type Question, show, type Work } from "./harness/question.ts";
import { DT, shuffled } from "./particles/particle.ts";
import { on, type Particles } from "./particles/particles.ts";
import { ALL, RETAIN, SPREAD } from "./particles/storages.ts";

const METHOD =
  "A frame moves every particle, frees the 5 % whose life ends, here and there without a pattern, and allocates as many anew. " +
  "Collections that fall into the frames that count are from V8's own trace. Columns have no identity: their records " +
  "are moved about, and nothing can refer to one.";

/** Frames that a particle lives, so that a 20th of them ends in each. */
const LIFE = 20;

/** @param lives The frames that each of the first particles still has, modulo `LIFE`. */
function frameWork(particles: Particles, count: number, lives: ArrayLike<number>): Work {
  let born = 0;
  for (; born < count; born++) particles.spawn(born, lives[born] % LIFE + 1);
  return {
    run() {
      particles.frame(DT);
      while (particles.size < count) particles.spawn(born++, LIFE);
    },
    checksum: () => particles.sums(),
  };
}

function framesOf(plan: Plan): Question {
  const { count } = plan;
  const isMain = count === 100_000;
  return {
    name: `frames/${count}`,
    title: `Frames with churn, ${count.toLocaleString("en")} live`,
    method: METHOD,
    measure: "frames",
    baseline: "columns",
    contestants: on(
      isMain ? { ...ALL, retain: RETAIN, spread: SPREAD } : ALL,
      (particles, count) => frameWork(particles, count, shuffled(count)),
      { pool: "Pool.forEach", retain: "Pool.retain", forOf: "for…of Pool" },
    ),
    traced: true,
    everywhere: isMain ? ["columns", "objects", "retain", ...BY_HAND_TOO] : [],
    apart: count > 100_000,
    plan,
    quickCount: 200,
  };
}

function plan(count: number, samples: number, warmUp: number, rounds: number): Plan {
  return { count, samples, warmUp, batch: 1, rounds };
}

export const questions: readonly Question[] = show([
  framesOf(plan(1_000, 600, 600, 1)),
  framesOf(plan(5_000, 600, 300, 1)),
  framesOf(plan(20_000, 200, 200, 3)),
  framesOf(plan(100_000, 200, 100, 3)),
  framesOf(plan(300_000, 100, 40, 1)),
  framesOf(plan(1_000_000, 200, 40, 1)),
]);
