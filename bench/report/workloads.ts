/** Three of the five workloads of the public js-ecs-benchmarks, and the Benchmarks Game's binary-trees. */
import type { Contestant, Scenario } from "./scenario.ts";
import type { World } from "./worlds/world.ts";

const worlds: Record<string, { label: string; load(): Promise<World> }> = {
  pool: { label: "Pool.forEach", load: async () => (await import("./worlds/own.ts")).pools },
  walks: { label: "for…of Pool", load: async () => (await import("./worlds/own.ts")).walks },
  columns: {
    label: "columns by hand",
    load: async () => (await import("./worlds/own.ts")).columns,
  },
  objects: { label: "plain objects", load: async () => (await import("./worlds/own.ts")).objects },
  bitecs: { label: "bitecs", load: async () => (await import("./worlds/bitecs.ts")).bitecs },
  wolf: { label: "wolf-ecs", load: async () => (await import("./worlds/wolf.ts")).wolf },
  elics: { label: "elics", load: async () => (await import("./worlds/elics.ts")).elics },
};

function onWorlds(name: keyof World): Contestant[] {
  return Object.entries(worlds).map(([key, { label, load }]) => ({
    key,
    label,
    make: async (count) => (await load())[name](count),
  }));
}

const LEFT_OUT =
  "structurae and deepool, which know no components. Of the public benchmarks' five workloads fragmented iteration " +
  "and adding and removing of a component are not here, as they ask what it costs to have entities of many sets of components " +
  "and to change the set: a record has one struct for life.";

/** 20,000 steps before any counts: a function that does no more than to call is compiled that late. */
const plan = { count: 1_000, warmUp: 2_000, samples: 200, batch: 10, rounds: 3 };

function workloadOf(name: keyof World, title: string, method: string): Scenario {
  return {
    name,
    title,
    method,
    missing: LEFT_OUT,
    measure: "time",
    baseline: "columns",
    contestants: onWorlds(name),
    full: plan,
    quickCount: 20,
  };
}

// -- binary-trees --

const treeLabels: Record<string, string> = {
  objects: "plain objects",
  pool: "Pool, cleared",
  arena: "Arena, reset",
  byHand: "one typed array by hand",
};

/** One of the four kinds of memory of the example, which is loaded here, since it is a program too. */
function treesIn(key: string, forest: number): Contestant {
  return {
    key,
    label: treeLabels[key],
    async make(depth) {
      const { checks, forests } = await import("../../examples/binary_trees.ts");
      const it = forests(depth)[forest];
      let output = "";
      return {
        run() {
          output = checks(it, depth).join("\n");
        },
        checksum: () => output,
      };
    },
  };
}

export const workloads: readonly Scenario[] = [
  workloadOf(
    "packed",
    "Packed iteration, of the js-ecs-benchmarks",
    "1,000 entities have five components; each of five systems doubles one of them, or halves it every other time.",
  ),
  workloadOf(
    "simple",
    "Simple iteration, of the js-ecs-benchmarks",
    "1,000 entities each of A B, A B C, A B C D and A B C E; three systems swap A and B, C and D, C and E.",
  ),
  workloadOf(
    "cycle",
    "Entity cycle, of the js-ecs-benchmarks",
    "1,000 entities of A; for each one of B is made, then every B is destroyed.",
  ),
  {
    name: "trees",
    title: "binary-trees, of the Benchmarks Game",
    method:
      "Depth 16: trees of two references a node are made, walked and dropped as a whole, which is what a collector's " +
      "nursery is best at. An arena is for this; a pool, which can free each node singly, is not.",
    missing: "the packages, as nobody would make a tree of their entities.",
    measure: "time",
    whole: true,
    baseline: "objects",
    contestants: Object.keys(treeLabels).map(treesIn),
    full: { count: 16, warmUp: 1, samples: 3, batch: 1, rounds: 3 },
    quickCount: 6,
  },
];
