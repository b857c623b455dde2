/** From nothing to many: the worst step of the way, and what memory it all takes. */
import type { Contestant, Scenario, Work } from "./scenario.ts";
import { onEvery } from "./contestants.ts";
import { type Herd, shown } from "./herd.ts";

/** A single alloc is too short for a clock; the worst of so many is told for everybody. */
const BATCH = 64;

type Growing = Pick<Herd, "size" | "spawn" | "sums">;

function growthWork(herd: Growing): Work {
  return {
    run() {
      for (let i = 0; i < BATCH; i++) herd.spawn(herd.size, 1);
    },
    checksum: () => shown(herd.sums()),
  };
}

const doubling: Contestant = {
  key: "doubling",
  label: "array doubled by copying",
  make: async () => growthWork(new (await import("./herds/columns.ts")).DoublingHerd()),
};

const COUNT = 1_000_000;

function fillWork(herd: Herd, count: number): Work {
  return {
    run() {
      for (let i = 0; i < count; i++) herd.spawn(i, 1);
    },
    checksum: () => shown(herd.sums()),
  };
}

/** Measured like everybody, and taken off their resident sizes. */
const nothing: Contestant = {
  key: "nothing",
  label: "an empty process",
  make: () => Promise.resolve({ run() {}, checksum: () => "" }),
};

const ROOM_AHEAD =
  "wolf-ecs, elics and structurae have all their room from the start, as they want its size then; so has bitecs " +
  "in its typed arrays.";

export const growth: readonly Scenario[] = [
  {
    name: "growth",
    title: "Growth from empty to 1,000,000",
    method:
      `Records are added one by one; the time is taken of ${BATCH} in a row, as a single one is too short for the clock, and ` +
      "the worst of these is told, the least over the rounds, since whatever else the machine does can only add to it. Another herd of a fourth of the size grew before, so that the code is " +
      `compiled. ${ROOM_AHEAD}`,
    missing: "columns by hand, which are doubled as the array here is, one after the other.",
    measure: "growth",
    baseline: "doubling",
    contestants: [
      doubling,
      ...onEvery(growthWork, { without: ["forOf"] }).filter(({ key }) => key !== "columns"),
    ],
    full: { count: COUNT, warmUp: 0, samples: COUNT / BATCH, batch: 1, rounds: 9 },
    quickCount: 2 * BATCH,
  },
  {
    name: "memory",
    title: "Memory of 1,000,000 records of 20 bytes",
    method:
      "Bytes a record are those of the engine's heap and of all buffers; the resident size is that of the process, less that of " +
      `one that did nothing; both after a full collection. ${ROOM_AHEAD}`,
    missing: "recycled objects and deepool's, which are plain objects while they live.",
    measure: "memory",
    baseline: "objects",
    contestants: [
      nothing,
      ...onEvery(fillWork, { without: ["forOf", "recycled", "deepool"] }),
    ],
    full: { count: COUNT, warmUp: 0, samples: 1, batch: 1, rounds: 3 },
    quickCount: 300,
  },
];
