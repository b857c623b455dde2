/**
 * A pool with code of its own and one that shares the module's do the same, to the bit: random
 * operations on both.
 *
 * @module
 */
import { assert } from "@std/assert";
import { Pool, struct } from "../../mod.ts";
import { CAN_COMPILE, textsOf } from "../slab/_own_texts.ts";
import { KINDS, runModel } from "./_runs.ts";

for (const [name, kind] of Object.entries(KINDS)) {
  Deno.test({
    name: `${name} does the same with own code and without`,
    ignore: !CAN_COMPILE,
    fn() {
      const modes = [{ specialize: true }, { specialize: false }];
      // One geometry, as only 64 pools get code of their own, and more chunks, as passes over few
      // share their loops.
      const room = { chunksPerBlock: 32, maxChunks: 128 };
      const texts = textsOf(() => runModel(kind, { ...room, modes, runs: 60, isSame: true }));
      assert(texts.length > 0, "no code was compiled");
      const more = textsOf(() => new Pool(struct({ n: "u8" })));
      assert(more.length > 0, "no room was left, so some pools had no code of their own");
    },
  });
}
