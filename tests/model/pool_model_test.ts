/**
 * Random operations on every kind of pool and on a model of it, compared after every step.
 *
 * On failure fast-check prints the seed and the shortest sequence of operations that it finds.
 *
 * @module
 */
import { assert } from "@std/assert";
import fc from "fast-check";
import { array, debug, spread, struct } from "../../mod.ts";
import { KINDS, poolOf, type Run, runModel } from "./_runs.ts";
import { anyStruct } from "./_values.ts";

const RUNS: Readonly<Record<string, Run>> = {
  "as it is": { modes: [{}], runs: 120 },
  "debug": { modes: [{ debug }], runs: 40 },
  "as another does that it is restored from": {
    ...{ modes: [{}, {}], runs: 30, isSame: true, isRestored: true },
  },
};

for (const [name, kind] of Object.entries(KINDS)) {
  for (const [what, run] of Object.entries(RUNS)) {
    if (kind.isShared && what !== "as it is") continue;
    Deno.test(`${name} does what a Map does (${what})`, () => {
      const { moves } = runModel(kind, run);
      assert(kind.isShared || moves > 0, "nothing was compacted");
    });
  }
}

Deno.test("Pool of any struct does what a Map does", () => {
  fc.assert(
    fc.property(anyStruct, (struct) => void runModel(poolOf(struct), { modes: [{}], runs: 2 })),
    { numRuns: 100 },
  );
});

// -- larger pools --

const CHURN = [
  ...["thin", "allocMany", "allocMany", "allocMany", "freeMany", "freeMany", "freeMany"],
  ...["alloc", "free", "reserve", "clear", "trim", "freeBlock", "iterate", "snapshot", "restore"],
];
const RESTORED = { runs: 5, isSame: true, isRestored: true } as const;

for (const name of ["Pool of 3 bytes", "ErasedPool without types", "PoolSet"]) {
  for (const [maxChunks, chunksPerBlock] of [[4096, 16], [4096, 4096], [8192, 64]]) {
    if (name === "PoolSet" && chunksPerBlock > 256) continue; // a link of 1 byte reaches no further
    const what = `${maxChunks} chunks, ${chunksPerBlock} a block`;
    Deno.test(`${name} with spread reuse gives out no chunk before 1,024 others were freed (${what})`, () => {
      const modes = [{ reuse: spread }, { reuse: spread }] as const;
      const run = { ...RESTORED, names: CHURN, modes, maxChunks, chunksPerBlock };
      assert(runModel(KINDS[name], run).reuses > 0);
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
  Deno.test(`Pool's records do not overlap (${bytes} bytes, ${chunksPerBlock} a block)`, () => {
    const kind = poolOf(struct({ bytes: array("u8", bytes) }));
    // 64 blocks of the fewest chunks, which are more than a word has bits.
    const maxChunks = Math.max(chunksPerBlock === 16 ? 1024 : 256, chunksPerBlock * 2);
    const names = [...CHURN, "fragment", "compact", "compact", "compact"];
    runModel(kind, { ...RESTORED, names, modes: [{}, {}], maxChunks, chunksPerBlock });
  });
}
