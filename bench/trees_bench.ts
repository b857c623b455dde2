/**
 * The Benchmarks Game's binary-trees, on the four kinds of memory of `examples/binary_trees.ts`.
 */
import { type Contestant, type Question, show } from "./harness/question.ts";

/** @param forest The index of a kind of memory in the list of the example. */
function treesIn(label: string, forest: number): Contestant {
  return {
    label,
    async make(depth) {
      const { checks, forests } = await import("../examples/binary_trees.ts"); // a program, so it is loaded here
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

export const questions: readonly Question[] = show([{
  name: "trees/trees",
  title: "binary-trees, of the Benchmarks Game",
  method:
    "Depth 16: trees of two references a node are made, walked and dropped as a whole, which is what a collector's " +
    "nursery is best at. An arena is for this; a pool, which can free each node singly, is not.",
  missing: "the packages, as nobody would make a tree of their entities.",
  whole: true,
  baseline: "objects",
  contestants: {
    objects: treesIn("plain objects", 0),
    pool: treesIn("Pool, cleared", 1),
    arena: treesIn("Arena, reset", 2),
    byHand: treesIn("one typed array by hand", 3),
  },
  plan: { count: 16, warmUp: 1, samples: 3, batch: 1, rounds: 3 },
  quickCount: 6,
}]);
