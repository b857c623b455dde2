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
import { type Maker, POOLS, Soak, SoakError } from "./model/_soak.ts";

/** All allocators. */
const MAKERS: readonly Maker[] = [...POOLS, ...BYTES];

/** Milliseconds from one progress line to the next, on a terminal and elsewhere. */
const REFRESH = Deno.stdout.isTerminal() ? 250 : 15_000;

const { operations = Infinity, seed = Math.floor(Math.random() * 2 ** 32), ...given } = numbersOf(
  "minutes",
  "operations",
  "seed",
);
const minutes = given.minutes ?? (operations < Infinity ? Infinity : 1);
const soak = new Soak(seed, MAKERS);
const start = performance.now();
console.log(`seed ${seed}, ${MAKERS.length} allocators`);
try {
  run();
  report();
} catch (error) {
  if (!(error instanceof SoakError)) throw error;
  showProgress("");
  console.error(error.message);
  console.error(error.cause);
  Deno.exit(1);
}

function run(): void {
  const end = start + minutes * 60_000;
  let shown = start;
  while (soak.operations < operations && performance.now() < end) {
    soak.turn(operations - soak.operations);
    const now = performance.now();
    if (now - shown < REFRESH) continue;
    shown = now;
    const rate = show(soak.operations / (now - start) * 1000);
    const left = operations < Infinity
      ? `${Math.floor(soak.operations / operations * 100)} %`
      : `${((end - now) / 60_000).toFixed(1)} min left`;
    showProgress(
      `${show(soak.operations)} operations, ${rate} a second, ${show(soak.live)} live, ${left}`,
    );
  }
  soak.end();
  showProgress("");
}

/** Replaces the last line on a terminal; prints a new one elsewhere. */
function showProgress(line: string): void {
  if (Deno.stdout.isTerminal()) {
    Deno.stdout.writeSync(new TextEncoder().encode(`\r\x1b[K${line.slice(0, 79)}`));
  } else if (line !== "") console.log(line);
}

function report(): void {
  const seconds = (performance.now() - start) / 1000;
  console.log(
    `passed: ${show(soak.operations)} operations in ${seconds.toFixed(1)} s, seed ${seed}`,
  );
  console.log(
    `${MAKERS.length} allocators, ${show(soak.checks)} checks of one as a whole, ` +
      `${show(soak.disposals)} disposals`,
  );
  const rows = [...soak.tally].sort(([a], [b]) => a < b ? -1 : 1);
  for (const [what, times] of rows) console.log(`${show(times).padStart(14)}  ${what}`);
}
