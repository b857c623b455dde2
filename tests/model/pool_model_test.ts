/**
 * Random operations on every kind of pool and on a model of it, compared after every step.
 *
 * On failure fast-check prints the seed and the shortest sequence of operations that it finds.
 *
 * @module
 */
import { assert } from "@std/assert";
import fc from "fast-check";
import { array, debug, type PoolOptions, restore, snapshot, struct } from "../../mod.ts";
import { play } from "./_operations.ts";
import { type Kind, KINDS, type Modes, poolKind, runModel, stepsOf, subjectsOf } from "./_runs.ts";
import { assertSameBytes } from "../slab/_snapshots.ts";
import { anyStruct, makeStructs } from "./_values.ts";

const MODES: Readonly<Record<string, Modes>> = {
  "as it is": { modes: [{}], runs: 120 },
  "debug": { modes: [{ debug }], runs: 40 },
  "debug as without": { modes: [{}, { debug }], runs: 40 },
};

for (const [name, kind] of Object.entries(KINDS)) {
  for (const [what, modes] of Object.entries(MODES)) {
    if (kind.isShared && what !== "as it is") continue;
    Deno.test(`${name} does what a Map does (${what})`, () => {
      const moves = runModel(kind, modes);
      assert(kind.isShared || moves > 0, "nothing was compacted");
    });
  }
}

Deno.test("Pool of any struct does what a Map does", () => {
  fc.assert(
    fc.property(anyStruct, (struct) => {
      runModel(poolKind(struct), { modes: [{}], runs: 2 });
    }),
    { numRuns: 100 },
  );
});

// -- larger pools --

const CHURN = [
  ...["fragment", "thin", "allocMany", "allocMany", "freeMany", "freeMany", "freeMany"],
  ...["alloc", "free", "reserve", "clear", "trim", "freeBlock", "iterate", "snapshot", "restore"],
];

/**
 * Plays sequences of at least so many such operations, restores each state in another pool, and
 * returns how many chunks came again.
 */
function churn(
  kind: Kind,
  options: PoolOptions,
  maxChunks: number,
  numRuns: number,
  least = 1,
): number {
  const structs = kind.structs(makeStructs());
  let reuses = 0;
  const property = fc.property(stepsOf(CHURN, 40, least), fc.nat(3), (steps, keepEmptyBlocks) => {
    const all = { ...options, keepEmptyBlocks };
    const [it, other] = subjectsOf(kind, structs, all, "heap", [{}, {}], maxChunks);
    for (const [name, seed] of steps) {
      play(it, name, seed);
      restore(other.pool, snapshot(it.pool));
      assertSameBytes(snapshot(other.pool), snapshot(it.pool), "what was restored");
    }
    it.compare();
    reuses += it.reuses;
    it.dispose();
    other.pool.dispose();
  });
  // With some seeds no chunk is reused.
  fc.assert(property, { numRuns, seed: 3 });
  return reuses;
}

for (const name of ["Pool of 3 bytes", "ErasedPool without types", "PoolSet"]) {
  for (const [maxChunks, chunksPerBlock] of [[4096, 16], [4096, 4096], [8192, 64]]) {
    if (name === "PoolSet" && chunksPerBlock > 256) continue; // a link of 1 byte reaches no further
    const what = `${maxChunks} chunks, ${chunksPerBlock} a block`;
    Deno.test(`${name} with spread reuse gives out no chunk before 1,024 others were freed (${what})`, () => {
      assert(churn(KINDS[name], { reuse: "spread", chunksPerBlock }, maxChunks, 10) > 0);
    });
  }
}

// Links of 1, 2 and 4 bytes, blocks of their fewest and most chunks, and chunks that no other kind
// has.
const SHAPES = [
  ...[[1, 64], [1, 256], [2, 1024], [3, 256], [5, 1024], [33, 512]],
  ...[[255, 16], [256, 64], [300, 512], [1024, 16], [1024, 64]],
];

for (const [bytes, chunksPerBlock] of SHAPES) {
  for (const handles of ["compact", "wide"] as const) {
    const shape = `${bytes} bytes, ${chunksPerBlock} a block, ${handles}`;
    Deno.test(`Pool's records do not overlap (${shape})`, () => {
      const kind = poolKind(struct({ bytes: array("u8", bytes) }));
      churn(kind, { handles, chunksPerBlock }, Math.max(64, chunksPerBlock * 2), 3, 25);
    });
  }
}
