/** What does it cost to take a record and to give it back? */
import { type Question, show, sumOf, type Work } from "./harness/question.ts";
import { shuffled } from "./particles/particle.ts";
import { type NamedParticles, onNamed } from "./particles/particles.ts";

function hotWork(particles: NamedParticles, count: number): Work {
  return sumOf(() => {
    let sum = 0;
    for (let i = 0; i < count; i++) sum += particles.once(i);
    return sum;
  });
}

/** Takes all, then gives them back in an order. */
function fillAndEmpty(particles: NamedParticles, count: number, at: (i: number) => number): Work {
  const refs = particles.refs(count);
  return sumOf(() => {
    let sum = 0;
    for (let i = 0; i < count; i++) refs[i] = particles.take(i);
    for (let i = 0; i < count; i++) {
      const ref = refs[at(i)];
      sum += particles.lifeOf(ref);
      particles.remove(ref);
    }
    return sum;
  });
}

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

function question(
  name: string,
  title: string,
  method: string,
  work: (particles: NamedParticles, count: number) => Work,
): Question {
  return {
    name: `alloc/${name}`,
    title,
    method,
    missing: "columns by hand, whose records move, so that none can be named.",
    baseline: "slab",
    contestants: onNamed(work, {
      labels: { pool: "Pool.allocAt, free", forOf: "Pool.alloc({ … }), free" },
    }),
    plan: { count: 50_000, warmUp: 10, samples: 20, batch: 1, rounds: 5 },
    quickCount: 300,
  };
}

export const questions: readonly Question[] = show([
  {
    ...question(
      "hot",
      "Taken and given back at once",
      "One record is taken, zeroed, one field written and read, and given back, 50,000 times a step.",
      hotWork,
    ),
    everywhere: true,
  },
  question(
    "lifo",
    "Taken, and given back newest first",
    "50,000 records are taken, each with one field written, then read and given back in reverse.",
    (particles, count) => fillAndEmpty(particles, count, (i) => count - 1 - i),
  ),
  question(
    "fifo",
    "Taken, and given back oldest first",
    "50,000 records are taken, each with one field written, then read and given back in order.",
    (particles, count) => fillAndEmpty(particles, count, (i) => i),
  ),
  {
    ...question(
      "replace",
      "Replaced at random, and what is left for the collector",
      "50,000 records are live; a step reads each, in random order, gives it back and takes another, all five fields " +
        "written. The table has the mean of each process, and the median of those, as collections are part of the price; " +
        "and how many there were in 1,000,000 replacements once all was warm, from V8's own trace.",
      replaceWork,
    ),
    compare: "mean",
    baseline: "objects",
    traced: true,
    everywhere: true,
  },
]);
