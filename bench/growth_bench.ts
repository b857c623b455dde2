/**
 * From nothing to 1,000,000 records: what does the worst step cost, and how much memory does it all
 * take?
 */
import { type Question, show, type Work } from "./harness/question.ts";
import { on, type Particles, without } from "./particles/particles.ts";
import { ALL } from "./particles/storages.ts";

/** A single `alloc` is too short for the clock, so a step adds so many. */
const BATCH = 64;
const COUNT = 1_000_000;

/** A step adds so many to those that there are. */
function addWork(particles: Particles, count: number): Work {
  return {
    run() {
      for (let i = 0; i < count; i++) particles.spawn(particles.size, 1);
    },
    checksum: () => particles.sums(),
  };
}

const ROOM_AHEAD = "wolf-ecs has all its room from the start, as it wants its size then.";

export const questions: readonly Question[] = show([
  {
    apart: true,
    name: "growth/growth",
    title: "Growth from empty to 1,000,000",
    method:
      `Records are added one by one; the time is taken of ${BATCH} in a row, as a single one is too short for the ` +
      "clock. The table has the worst of these, the least over the rounds, since whatever else the machine does can only add to it. " +
      "Another storage grew to a fourth of the size before, so that the code is compiled. Columns are doubled by copying. " +
      ROOM_AHEAD,
    measure: "growth",
    baseline: "columns",
    contestants: on(without(ALL, "forOf"), (particles) => addWork(particles, BATCH)),
    plan: { count: COUNT, warmUp: 0, samples: COUNT / BATCH, batch: 1, rounds: 9 },
    quickCount: 2 * BATCH,
  },
  {
    apart: true,
    name: "growth/memory",
    title: "Memory of 1,000,000 records of 20 bytes",
    method:
      "Bytes a record are those of the engine's heap and of all buffers; the resident size is that of the process, less " +
      `that of one that did nothing; both after a full collection. ${ROOM_AHEAD}`,
    missing: "recycled objects, which are plain objects while they live.",
    measure: "memory",
    baseline: "objects",
    contestants: {
      nothing: { label: "an empty process", make: () => ({ run() {}, checksum: () => "" }) },
      ...on(without(ALL, "forOf", "recycled"), addWork),
    },
    plan: { count: COUNT, warmUp: 0, samples: 1, batch: 1, rounds: 3 },
    quickCount: 300,
  },
]);
