/**
 * Draws what it costs to get and give back memory, for 1,000 to 1,000,000 items: `deno task plot [--quick]`.
 *
 * The questions are those of `allocators_bench.ts`, asked for each number of items. A process does several runs of few items, of
 * which the first warm up; its mean is taken, and the median of all processes. What would take longer than five seconds, by the
 * points before it, is not measured: the table has the guess then, and the chart a cross.
 *
 * Prints tables, and writes `docs/allocators.svg` and `docs/allocators.png`. `--quick` does little, once, and writes nothing.
 *
 * Caveats: the engine's collections fall into the time of whoever is running. Objects that are freed are taken later, or not within
 * the time at all.
 *
 * @module
 */
import { questions } from "./allocators_bench.ts";
import { draw, logAxis, type Look, looksOf, type Spec, specOf } from "./harness/chart.ts";
import type { Question } from "./harness/question.ts";
import { measure } from "./harness/run.ts";
import { type Command, commandsOf } from "./harness/runtimes.ts";
import { typicalOf } from "./harness/statistics.ts";
import { number, table } from "./harness/table.ts";

/** A contestant at a number of items. */
export interface Point {
  readonly pattern: string;
  readonly name: string;
  readonly count: number;
  /** Milliseconds of all items. */
  readonly millis: number;
  /** Whether it is a guess, as to measure it would take too long. */
  readonly isGuess: boolean;
}

const COUNTS = [1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000];
const QUICK_COUNTS = [30, 100];
const ROUNDS = 7;
/** Nothing is measured that is expected to take longer. From a tenth of it on fewer rounds are enough, without a warm-up. */
const LIMIT_MILLIS = 5_000;
const FEW_ROUNDS = 3;
/** Items of all samples of a process, at the least. */
const ITEMS = 100_000;

// -- the figures --

/**
 * Guesses a time from those before it: what grew with a power of the number of items over the last two steps goes on so.
 *
 * @param times The times so far by number of items, in order.
 * @returns Milliseconds, grown as the number at the least, and as its square at the most; 0 where nothing is known.
 */
export function expectMillis(
  times: readonly Pick<Point, "count" | "millis">[],
  count: number,
): number {
  const last = times.at(-1);
  if (last === undefined) return 0;
  const before = times.at(-3) ?? times[0];
  const power = Math.log(last.millis / before.millis) / Math.log(last.count / before.count);
  return last.millis * (count / last.count) ** Math.min(Math.max(1, power || 1), 2);
}

/** Measures a pattern for a number of items, or guesses where that takes too long. */
async function pointsOf(
  question: Question,
  count: number,
  before: readonly Point[],
  commands: readonly Command[],
  quick: boolean,
): Promise<Point[]> {
  const all = Object.entries(question.contestants).map(([key, contestant]) => {
    const times = before.filter((it) =>
      it.name === contestant.label && it.pattern === question.name
    );
    return { key, contestant, expected: expectMillis(times, count) };
  });
  const samples = quick ? 1 : Math.ceil(ITEMS / count);
  const base = { pattern: question.name, count };
  const points: Point[] = [];
  for (const isSlow of [false, true]) {
    const some = all.filter(({ expected }) =>
      expected <= LIMIT_MILLIS && expected > LIMIT_MILLIS / 10 === isSlow
    );
    if (some.length === 0) continue;
    const rounds = quick ? 1 : isSlow ? FEW_ROUNDS : ROUNDS;
    const [{ figures }] = await measure(
      [{
        ...question,
        contestants: Object.fromEntries(some.map(({ key, contestant }) => [key, contestant])),
        plan: { count, warmUp: isSlow ? 0 : samples, samples, batch: 1, rounds },
      }],
      commands,
      { quick: false },
    );
    for (const it of figures) {
      const { label } = question.contestants[it.contestant];
      points.push({ ...base, name: label, millis: typicalOf(question, it), isGuess: false });
    }
  }
  for (const { contestant: { label }, expected } of all) {
    if (expected > LIMIT_MILLIS) {
      points.push({ ...base, name: label, millis: expected, isGuess: true });
    }
  }
  return points;
}

// -- the tables --

/** @returns A table for each pattern: nanoseconds an item, by contestant and number of items. */
export function tables(points: readonly Point[]): string {
  const counts = [...new Set(points.map(({ count }) => count))];
  const cell = (point: Point | undefined) => {
    if (point === undefined) return "";
    return point.isGuess ? `≈ ${duration(point.millis)}` : number(point.millis * 1e6 / point.count);
  };
  return titles(points).map(([pattern, title]) => {
    const some = points.filter((it) => it.pattern === pattern);
    const names = LOOKS.map(({ name }) => name).filter((it) =>
      some.some(({ name }) => name === it)
    );
    const rows = names.map((name) => [
      name,
      ...counts.map((count) => cell(some.find((it) => it.name === name && it.count === count))),
    ]);
    const head = ["", ...counts.map((it) => it.toLocaleString("en"))];
    return `**${title}**, ns an item\n\n${table(head, rows)}\n`;
  }).join("\n");
}

/** @returns The patterns of points, with their titles. */
function titles(points: readonly Point[]): [string, string][] {
  const used = questions.filter(({ name }) => points.some(({ pattern }) => pattern === name));
  return used.map(({ name, title }) => [name, title.replace(/^.*: /, "")]);
}

/** @returns A time as people say it. */
export function duration(millis: number): string {
  const [value, unit] = millis < 1000
    ? [millis, "ms"]
    : millis < 100_000
    ? [millis / 1000, "s"]
    : millis < 6_000_000
    ? [millis / 60_000, "min"]
    : [millis / 3_600_000, "h"];
  return `${value < 10 ? value.toFixed(1) : value.toFixed(0)} ${unit}`;
}

// -- the chart --

/** In the order of the legend and of the tables. Colors go by family, and dashes tell its members apart. */
export const LOOKS: readonly Look[] = [
  { name: "Pool", color: "#0b5fa5", dash: [1, 0] },
  { name: "ErasedPool", color: "#3aa7dd", dash: [1, 0] },
  { name: "Arena, reset", color: "#1b7f3b", dash: [1, 0] },
  { name: "StackAllocator", color: "#7ab51d", dash: [1, 0] },
  { name: "free list, best fit, tree", color: "#c8102e", dash: [1, 0] },
  { name: "free list, first fit, list", color: "#ef6c00", dash: [6, 3] },
  { name: "free list, next fit, list", color: "#f5a623", dash: [2, 2] },
  { name: "free list, best fit, list", color: "#9c4a1a", dash: [8, 3, 2, 3] },
  { name: "free list, worst fit, list", color: "#b8860b", dash: [1, 3] },
  { name: "plain objects", color: "#111111", dash: [1, 0] },
  { name: "recycled objects", color: "#777777", dash: [6, 3] },
  { name: "new ArrayBuffer each", color: "#7b3fb5", dash: [1, 0] },
];

/** @returns The chart: a panel for each pattern. The last point before one that was not measured is crossed out. */
export function chartSpec(points: readonly Point[], subtitle: readonly string[]): Spec {
  const named = titles(points);
  const values = points.filter(({ isGuess }) => !isGuess).map((point) => {
    const next = points.find((it) =>
      it.name === point.name && it.pattern === point.pattern && it.count > point.count
    );
    return {
      ...point,
      title: named.find(([it]) => it === point.pattern)![1],
      stopped: next?.isGuess ?? false,
    };
  });
  const { color, strokeDash } = looksOf(
    LOOKS.filter(({ name }) => values.some((it) => it.name === name)),
  );
  return {
    ...specOf("Allocating and freeing items of 20 bytes", subtitle, values),
    facet: { field: "title", type: "nominal", title: null, sort: named.map(([, title]) => title) },
    columns: 2,
    spec: {
      width: 440,
      height: 400,
      encoding: {
        x: logAxis("count", "items"),
        y: logAxis("millis", "time for all of them", {
          labelExpr:
            "datum.value >= 1000 ? datum.value / 1000 + ' s' : datum.value >= 1 ? datum.value + ' ms' : datum.value * 1000 + ' µs'",
        }),
        color,
      },
      layer: [
        { mark: { type: "line", strokeWidth: 2 }, encoding: { strokeDash } },
        { mark: { type: "point", filled: true, size: 42, opacity: 1 } },
        {
          transform: [{ filter: "datum.stopped" }],
          mark: { type: "text", text: "✕", dx: 12, fontSize: 13, fontWeight: "bold" },
        },
      ],
    },
  };
}

async function main(): Promise<void> {
  const quick = Deno.args.includes("--quick");
  const commands = await commandsOf(["deno"], "");
  const points: Point[] = [];
  for (const count of quick ? QUICK_COUNTS : COUNTS) {
    for (const question of questions) {
      points.push(...await pointsOf(question, count, points, commands, quick));
    }
  }
  console.log(tables(points));
  const spec = chartSpec(points, [
    `Deno ${Deno.version.deno}, ${Deno.build.os} ${Deno.build.arch}: median of ${ROUNDS} processes, ${FEW_ROUNDS} where they are slow, in memory that is there already`,
    "✕: more items would take longer than five seconds. A stack frees in reverse only. An arena frees all at once.",
  ]);
  await draw(spec, quick ? undefined : new URL("../docs/allocators", import.meta.url));
  console.log(
    quick ? "drawn, and not written" : "written: docs/allocators.svg, docs/allocators.png",
  );
}

if (import.meta.main) await main();
