/**
 * Draws what it costs to get and give back memory, for 1,000 to 1,000,000 items: `deno task plot`.
 *
 * Question: which allocator for what, and how does each go on as there are more items?
 *
 * Method: `_plot_subjects.ts` says what is compared. Each has an isolate of its own, so that none is compiled for another's sake. For
 * each number of items and each pattern they have their turn one after the other, in an order that shifts by one from
 * repetition to repetition. A repetition of few items is the mean of several runs. The first warms up and is not counted, and
 * the median of the rest is told. Every run looks at every item.
 *
 * What would take longer than five seconds by the points before it is not measured: the table has the guess then, and
 * the chart a cross. A stack frees in reverse only, and is left out of the other orders; an arena frees nothing singly, and is reset.
 *
 * Prints a table, and writes `docs/allocators.svg` and `docs/allocators.png`. `--quick` looks at little, once, and writes nothing.
 *
 * Caveats: the engine's collections fall into the time of whoever is running. Objects that are freed are taken later, or not within the
 * time at all: for them to free is to forget.
 *
 * @module
 */
import {
  chartSpec,
  expectMillis,
  type Pattern,
  PATTERNS,
  type Point,
  tables,
} from "./_plot_chart.ts";
import { render } from "./_plot_render.ts";
import { subjects } from "./_plot_subjects.ts";
import { Player } from "./_plot_worker.ts";

// -- the figures --

interface Plan {
  readonly counts: readonly number[];
  readonly repetitions: number;
  /** Items of a repetition, at the least. */
  readonly minItems: number;
}

const FULL: Plan = {
  counts: [1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000],
  repetitions: 7,
  minItems: 100_000,
};
const QUICK: Plan = { counts: [100, 300], repetitions: 1, minItems: 1 };

/**
 * Nothing is measured that is expected to take longer; from a tenth of it on three repetitions are enough, and none is
 * needed to warm up.
 */
const LIMIT_MILLIS = 5_000;
const FEW_REPETITIONS = 3;

async function measureAll(plan: Plan): Promise<Point[]> {
  using isolates = new DisposableStack();
  const players = subjects.map((_, i) => isolates.use(new Player(i)));
  const points: Point[] = [];
  for (const count of plan.counts) {
    for (const pattern of Object.keys(PATTERNS) as Pattern[]) { // which are its keys
      points.push(...await measurePattern(plan, players, points, pattern, count));
    }
  }
  progress("");
  return points;
}

async function measurePattern(
  plan: Plan,
  players: readonly Player[],
  before: readonly Point[],
  pattern: Pattern,
  count: number,
): Promise<Point[]> {
  const able = subjects.map((_, i) => i).filter((i) => subjects[i].patterns.includes(pattern));
  const expected = able.map((i) => expectedOf(before, subjects[i].name, pattern, count));
  const times = able.map((): number[] => []);
  const runs = Math.ceil(plan.minItems / count);
  for (let repetition = 0; repetition <= plan.repetitions; repetition++) {
    for (let turn = 0; turn < able.length; turn++) {
      const i = (turn + repetition) % able.length;
      const isSlow = expected[i] > LIMIT_MILLIS / 10;
      const isNeeded = !isSlow || repetition > 0 && repetition <= FEW_REPETITIONS;
      if (expected[i] > LIMIT_MILLIS || !isNeeded) continue;
      progress(
        `${count.toLocaleString("en")} items, ${PATTERNS[pattern]}: ${subjects[able[i]].name}`,
      );
      const millis = await players[able[i]].measure({ pattern, count, runs });
      if (repetition > 0) times[i].push(millis);
    }
  }
  return able.map((subject, i) => ({
    subject: subjects[subject].name,
    pattern,
    count,
    ...times[i].length > 0
      ? { millis: median(times[i]) }
      : { millis: undefined, expectedMillis: expected[i] },
  }));
}

/** What a subject is expected to take; 0 where nothing is known. */
function expectedOf(
  points: readonly Point[],
  subject: string,
  pattern: Pattern,
  count: number,
): number {
  const times = points.flatMap((it) =>
    it.subject === subject && it.pattern === pattern && it.millis !== undefined
      ? [{ count: it.count, millis: it.millis }]
      : []
  );
  return times.length === 0 ? 0 : expectMillis(times, count);
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}

/** One line that is written over and over; nothing in a pipe. */
function progress(text: string): void {
  if (!Deno.stderr.isTerminal()) return;
  Deno.stderr.writeSync(new TextEncoder().encode(`\r\x1b[K${text}${text === "" ? "" : "\r"}`));
}

// -- the picture --

/** Draws the chart. */
function draw(points: readonly Point[]): Promise<{ svg: string; png: Uint8Array }> {
  return render(chartSpec(points, [
    `Deno ${Deno.version.deno}, ${Deno.build.os} ${Deno.build.arch}: median of ${FULL.repetitions} repetitions, ${FEW_REPETITIONS} where they are slow, in memory that is there already`,
    "✕: more items would take longer than five seconds. A stack frees in reverse only. An arena frees all at once.",
  ]));
}

async function main(): Promise<void> {
  const isQuick = Deno.args.includes("--quick");
  if (Deno.args.some((arg) => arg !== "--quick")) {
    console.error("deno task plot [--quick]");
    Deno.exit(2);
  }
  const points = await measureAll(isQuick ? QUICK : FULL);
  console.log(tables(points));
  const { svg, png } = await draw(points);
  if (isQuick) {
    console.log(
      `drawn: ${svg.length} characters of SVG, ${png.length} bytes of PNG; nothing is written`,
    );
    return;
  }
  const docs = new URL("../docs/", import.meta.url);
  await Deno.mkdir(docs, { recursive: true });
  await Deno.writeTextFile(new URL("allocators.svg", docs), svg);
  await Deno.writeFile(new URL("allocators.png", docs), png);
  console.log("written: docs/allocators.svg, docs/allocators.png");
}

if (import.meta.main) await main();
