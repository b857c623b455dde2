/**
 * Random operations on every kind of pool and on a model of it, compared after every step.
 *
 * On failure fast-check prints the seed and the shortest sequence of operations that it finds.
 *
 * @module
 */
import { assert } from "@std/assert";
import fc from "fast-check";
import { play } from "./_operations.ts";
import { KINDS, type Modes, poolKind, runModel, stepsOf, subjectsOf } from "./_runs.ts";
import { anyStruct } from "./_values.ts";

const MODES: Readonly<Record<string, Modes>> = {
  "as it is": { modes: [{}], runs: 120 },
  "debug": { modes: [{ debug: true }], runs: 40 },
  "debug as without": { modes: [{}, { debug: true }], runs: 40 },
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

// -- chunks that rest --

const RESTING = [
  ...["fragment", "thin", "allocMany", "allocMany", "freeMany", "freeMany", "freeMany"],
  ...["alloc", "free", "reserve", "clear", "trim", "freeBlock", "iterate"],
];

for (const name of ["Pool of 3 bytes", "ErasedPool without types", "PoolSet"]) {
  for (const [maxChunks, chunksPerBlock] of [[4096, 16], [4096, 4096], [8192, 64]]) {
    if (name === "PoolSet" && chunksPerBlock > 256) continue; // a link of 1 byte reaches no further
    const what = `${maxChunks} chunks, ${chunksPerBlock} a block`;
    Deno.test(`${name} with spread reuse gives out no chunk before 1,024 others were freed (${what})`, () => {
      const kind = KINDS[name];
      const prepared = kind.prepare();
      let reuses = 0;
      const property = fc.property(stepsOf(RESTING, 40), fc.nat(3), (steps, keepEmptyBlocks) => {
        const options = { reuse: "spread", chunksPerBlock, keepEmptyBlocks } as const;
        const [it] = subjectsOf(kind, prepared, options, "heap", [{}], maxChunks);
        for (const [name, seed] of steps) play(it, name, seed);
        it.compare();
        reuses += it.reuses;
        it.dispose();
      });
      fc.assert(property, { numRuns: 10, seed: 3 }); // the same in every run, as with some no chunk comes again
      assert(reuses > 0);
    });
  }
}
