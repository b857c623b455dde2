/**
 * The soak of `SharedPool`: rounds in which real workers allocate, write, hand over and free
 * records of one pool.
 *
 * ```sh
 * deno task soak:workers
 * deno task soak:workers --rounds 100 --operations 1000000 --seed 1
 * ```
 *
 * Each record has the number of its holder. Each worker checks that before each free, and in passes
 * over the whole pool. After each round the pool is validated, and every chunk is allocated once
 * more. The seed sets what each worker does, not the order in which the workers run.
 */
import { churn, Workers } from "./shared/_workers.ts";

const OPTIONS = ["--rounds", "--operations", "--seed"];
const USAGE = "Usage: deno task soak:workers [--rounds N] [--operations N] [--seed S]";

/** Values of `maxChunks` in turn: with room, and so tight that workers often find no chunk. */
const SIZES = [16_384, 2048];

const { rounds, operations, seed } = optionsOf(Deno.args);
const start = performance.now();
let total = 0;
for (const workerCount of [2, 4]) {
  using workers = new Workers(workerCount);
  for (let round = 0; round < rounds; round++) {
    const handles = round % 2 === 0 ? "compact" : "wide";
    const maxChunks = SIZES[(round >> 1) % SIZES.length];
    const begun = performance.now();
    const all = await churn(workers, { handles, maxChunks, operations, seed: seed + round });
    total += all.operations;
    const seconds = ((performance.now() - begun) / 1000).toFixed(1);
    console.log(
      `${workerCount} workers, round ${round + 1}, ${handles}, ${count(maxChunks)} chunks: ` +
        `${count(all.operations)} operations, ${count(all.allocs)} allocs, ${
          count(all.taken)
        } taken over, ` +
        `${count(all.full)} times full, ${count(all.visited)} visited, ${seconds} s`,
    );
  }
}
const seconds = ((performance.now() - start) / 1000).toFixed(1);
console.log(`passed: ${count(total)} operations in ${seconds} s, seed ${seed}`);

function count(n: number): string {
  return n.toLocaleString("en-US");
}

/**
 * Reads the options; one that is unknown, or whose value is not a number from 0, ends the program.
 */
function optionsOf(args: readonly string[]): { rounds: number; operations: number; seed: number } {
  const given = new Map<string, number>();
  for (let i = 0; i < args.length; i += 2) {
    const value = Number(args[i + 1]);
    if (!OPTIONS.includes(args[i]) || !(value >= 0) || args[i + 1] === "") {
      console.error(`Cannot soak with ${args.slice(i, i + 2).join(" ")}\n${USAGE}`);
      Deno.exit(2);
    }
    given.set(args[i], value);
  }
  return {
    rounds: given.get("--rounds") ?? 20,
    operations: given.get("--operations") ?? 1_000_000,
    seed: given.get("--seed") ?? Math.floor(Math.random() * 2 ** 32),
  };
}
