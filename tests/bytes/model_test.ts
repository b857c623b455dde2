/**
 * Random operations on each byte allocator, compared with the model after every step. A failure
 * names what it takes to repeat it.
 *
 * @module
 */
import { validate } from "../../mod.ts";
import { BYTE_KINDS, type ByteModel, someByteModel } from "../model/_bytes.ts";
import { SOURCES } from "../model/_memories.ts";
import { Random } from "../_random.ts";

/** Names the seed in an error. */
function eachSeed(seeds: number, run: (seed: number, random: Random) => void): void {
  for (let seed = 1; seed <= seeds; seed++) {
    try {
      run(seed, new Random(seed));
    } catch (cause) {
      throw new Error(`seed ${seed}: ${(cause as Error).message}`, { cause });
    }
  }
}

function play(it: ByteModel, random: Random, steps: number, checkEvery: number): void {
  for (let i = 1; i <= steps; i++) {
    it.step(random);
    if (i % checkEvery === 0) it.check();
    else validate(it.allocator);
  }
  it.dispose();
}

for (const kind of Object.keys(BYTE_KINDS)) {
  Deno.test(`${kind} does what the model does on every memory, in debug mode and without`, () => {
    eachSeed(3 * SOURCES.length, (seed, random) => {
      const memory = SOURCES[seed % SOURCES.length];
      play(someByteModel(random, kind, memory, false, 30), random, 400, 1);
      play(someByteModel(random, kind, memory, true, 30), random, 100, 1);
    });
  });

  Deno.test(`${kind} does what the model does with hundreds of allocations`, () => {
    eachSeed(3, (_, random) => {
      play(someByteModel(random, kind, "heap", false, 900), random, 2000, 100);
    });
  });
}
