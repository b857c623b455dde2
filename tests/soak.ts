/**
 * Plays random operations on every allocator for as long as asked, and compares each allocator with
 * its model.
 *
 * ```sh
 * deno task soak --minutes 10
 * deno task soak --operations 10000000 --seed 1
 * ```
 *
 * The same seed and number of operations make the same run, so a failure can be repeated.
 */
import { BYTES } from "./model/_bytes.ts";
import { numbersOf, show } from "./_options.ts";
import { POOLS, soak } from "./model/_soak.ts";

/** All allocators. */
const MAKERS = [...POOLS, ...BYTES];

/** Milliseconds from one progress line to the next. */
const REFRESH = 15_000;

const { operations = Infinity, seed = Math.floor(Math.random() * 2 ** 32), ...given } = numbersOf(
  "minutes",
  "operations",
  "seed",
);
const minutes = given.minutes ?? (operations < Infinity ? Infinity : 1);
const start = performance.now();
const end = start + minutes * 60_000;
let shown = start;
console.log(`seed ${seed}, ${MAKERS.length} allocators`);
const tally = soak(seed, MAKERS, operations, goesOn);
const rows = [...tally].sort(([a], [b]) => a < b ? -1 : 1);
const total = rows.reduce((sum, [, times]) => sum + times, 0);
const seconds = (performance.now() - start) / 1000;
console.log(`passed: ${show(total)} operations in ${seconds.toFixed(1)} s, seed ${seed}`);
for (const [what, times] of rows) console.log(`${show(times).padStart(14)}  ${what}`);

/** Shows now and then how far it is, and returns whether there is time left. */
function goesOn(done: number): boolean {
  const now = performance.now();
  if (now - shown >= REFRESH) {
    shown = now;
    const left = operations < Infinity
      ? `${Math.floor(done / operations * 100)} %`
      : `${((end - now) / 60_000).toFixed(1)} min left`;
    console.log(`${show(done)} operations, ${left}`);
  }
  return now < end;
}
