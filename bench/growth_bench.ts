/**
 * From nothing to 1,000,000 records: what does the worst step cost, and how much memory does it all
 * take?
 */
import { type Question, show, type Work } from "./harness/question.ts";
import { speedX, speedY, startX, startY } from "./particles/particle.ts";
import { onAll, type Particles } from "./particles/particles.ts";

/** A single `alloc` is too short for the clock, so a step adds so many. */
const BATCH = 64;
const COUNT = 1_000_000;

function growthWork(particles: Pick<Particles, "size" | "spawn" | "sums">): Work {
  return {
    run() {
      for (let i = 0; i < BATCH; i++) particles.spawn(particles.size, 1);
    },
    checksum: () => particles.sums(),
  };
}

function fillWork(particles: Particles, count: number): Work {
  return {
    run() {
      for (let i = 0; i < count; i++) particles.spawn(i, 1);
    },
    checksum: () => particles.sums(),
  };
}

/**
 * The five fields in one array, record by record, doubled by copying: what growth costs without
 * blocks.
 */
class DoublingArray {
  size = 0;
  #floats = new Float32Array(16 * 5);

  spawn(i: number, life: number): void {
    const at = this.size++ * 5;
    if (at === this.#floats.length) {
      const twice = new Float32Array(at * 2);
      twice.set(this.#floats);
      this.#floats = twice;
    }
    const floats = this.#floats;
    floats[at] = startX(i);
    floats[at + 1] = startY(i);
    floats[at + 2] = speedX(i);
    floats[at + 3] = speedY(i);
    floats[at + 4] = life; // below 2^24, and so exact
  }

  sums(): string {
    const sums = [0, 0, 0, 0, 0];
    for (let at = 0; at < this.size * 5; at++) sums[at % 5] += this.#floats[at];
    return [this.size, ...sums].join(" ");
  }
}

const ROOM_AHEAD =
  "wolf-ecs, elics and structurae have all their room from the start, as they want its size then; so has " +
  "bitecs in its typed arrays.";

export const questions: readonly Question[] = show([
  {
    name: "growth/growth",
    title: "Growth from empty to 1,000,000",
    method:
      `Records are added one by one; the time is taken of ${BATCH} in a row, as a single one is too short for the ` +
      "clock. The table has the worst of these, the least over the rounds, since whatever else the machine does can only add to it. " +
      `Another storage grew to a fourth of the size before, so that the code is compiled. ${ROOM_AHEAD}`,
    missing: "columns by hand, which are doubled as the array here is, one after the other.",
    measure: "growth",
    baseline: "doubling",
    contestants: {
      doubling: { label: "array doubled by copying", make: () => growthWork(new DoublingArray()) },
      ...onAll(growthWork, { without: ["columns", "forOf"] }),
    },
    apart: true,
    plan: { count: COUNT, warmUp: 0, samples: COUNT / BATCH, batch: 1, rounds: 9 },
    quickCount: 2 * BATCH,
  },
  {
    name: "growth/memory",
    title: "Memory of 1,000,000 records of 20 bytes",
    method:
      "Bytes a record are those of the engine's heap and of all buffers; the resident size is that of the process, less " +
      `that of one that did nothing; both after a full collection. ${ROOM_AHEAD}`,
    missing: "recycled objects and deepool's, which are plain objects while they live.",
    measure: "memory",
    baseline: "objects",
    contestants: {
      nothing: { label: "an empty process", make: () => ({ run() {}, checksum: () => "" }) },
      ...onAll(fillWork, { without: ["forOf", "spread", "recycled", "deepool"] }),
    },
    apart: true,
    plan: { count: COUNT, warmUp: 0, samples: 1, batch: 1, rounds: 3 },
    quickCount: 300,
  },
]);
