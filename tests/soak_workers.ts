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
import { numbersOf, show } from "./_options.ts";

/** Values of `maxChunks` in turn: with room, and so tight that workers often find no chunk. */
const SIZES = [16_384, 2048];

const { rounds = 20, operations = 1_000_000, seed = Math.floor(Math.random() * 2 ** 32) } =
  numbersOf("rounds", "operations", "seed");
const start = performance.now();
let total = 0;
for (const workerCount of [2, 4]) {
  using workers = new Workers(workerCount);
  for (let round = 0; round < rounds; round++) {
    const handles = round % 2 === 0 ? "compact" : "wide";
    const maxChunks = SIZES[(round >> 1) % SIZES.length];
    const counts = await churn(workers, { handles, maxChunks, operations, seed: seed + round });
    total += workerCount * operations;
    const figures = Object.entries(counts).map(([what, times]) => `${show(times)} ${what}`);
    const setting = `${workerCount} workers, round ${round + 1}, ${handles}, ${show(maxChunks)}`;
    console.log(`${setting} chunks: ${figures.join(", ")}`);
  }
}
const seconds = ((performance.now() - start) / 1000).toFixed(1);
console.log(`passed: ${show(total)} operations in ${seconds} s, seed ${seed}`);
