/**
 * Draws what it costs to get and give back memory, for 1,000 to 1,000,000 items: `deno task plot
 * [--quick]`.
 *
 * The questions are those of `allocators_bench.ts`, asked for each number of items. A process does
 * several runs of few items; its mean is taken, and the median of all processes. Who would take
 * many seconds is not measured with more items: the chart has a cross there.
 *
 * Prints tables, and writes `docs/allocators.svg` and `docs/allocators.png`. `--quick` does little,
 * once, and writes nothing.
 *
 * Caveats: the engine's collections count for the contestant that runs. Freed objects are collected
 * later, or not within the time at all.
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
}

const COUNTS = [1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000];
const QUICK_COUNTS = [30, 100];
const ROUNDS = 5;
/** Items of all samples of a process, at the least. */
const ITEMS = 100_000;
/**
 * Who would take longer, if its time grew with the square of the number of items, is not measured
 * with more.
 */
const LIMIT_MILLIS = 10_000;

// -- the figures --

/** Measures a pattern for a number of items. */
async function pointsOf(
  question: Question,
  count: number,
  before: readonly Point[],
  commands: readonly Command[],
  quick: boolean,
): Promise<Point[]> {
  const pattern = question.name;
  const isFast = (name: string) => {
    const last = before.findLast((it) => it.name === name && it.pattern === pattern);
    return last === undefined || last.millis * (count / last.count) ** 2 <= LIMIT_MILLIS;
  };
  const contestants = Object.fromEntries(
    Object.entries(question.contestants).filter(([, { label }]) => isFast(label)),
  );
  const samples = quick ? 1 : Math.ceil(ITEMS / count);
  const plan = { count, warmUp: samples, samples, batch: 1, rounds: quick ? 1 : ROUNDS };
  const [{ figures }] = await measure([{ ...question, contestants, plan }], commands, {
    quick: false,
  });
  return figures.map((it) => {
    const { label } = contestants[it.contestant];
    return { pattern, name: label, count, millis: typicalOf(question, it) };
  });
}

// -- the tables --

/** @returns A table for each pattern: nanoseconds an item, by contestant and number of items. */
export function tables(points: readonly Point[]): string {
  const counts = [...new Set(points.map(({ count }) => count))];
  const cell = (point: Point | undefined) =>
    point === undefined ? "" : number(point.millis * 1e6 / point.count);
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

// -- the chart --

/**
 * In the order of the legend and of the tables. Colors go by family, and dashes tell its members
 * apart.
 */
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

/**
 * @returns The chart: a panel for each pattern. The last point before one that was not measured is
 * crossed out.
 */
export function chartSpec(points: readonly Point[], subtitle: readonly string[]): Spec {
  const named = titles(points);
  const most = Math.max(...points.map(({ count }) => count));
  const values = points.map((point) => ({
    ...point,
    title: named.find(([it]) => it === point.pattern)![1], // the patterns are of these points
    stopped: point.count < most &&
      !points.some((it) =>
        it.name === point.name && it.pattern === point.pattern && it.count > point.count
      ),
  }));
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
    `Deno ${Deno.version.deno}, ${Deno.build.os} ${Deno.build.arch}: median of ${ROUNDS} processes, in memory that is there already`,
    "✕: more items would take many seconds. A stack frees in reverse only. An arena frees all at once.",
  ]);
  await draw(spec, quick ? undefined : new URL("../docs/allocators", import.meta.url));
  console.log(
    quick ? "drawn, and not written" : "written: docs/allocators.svg, docs/allocators.png",
  );
}

if (import.meta.main) await main();
