/**
 * Draws what it costs to get and give back memory, for 1,000 to 1,000,000 items: `deno task plot
 * [--quick]`.
 *
 * The questions are those of `records_bench.ts` by the order in which records are freed, asked for
 * each number of items. A process does several runs of few items; its mean is taken, and the median
 * of all processes. Who would take many seconds is not measured with more items: the chart has a
 * cross there.
 *
 * Prints tables, and writes `docs/allocators.svg` and `docs/allocators.png`. `--quick` does little,
 * once, and writes nothing.
 *
 * Caveats: the engine's collections count for the contestant that runs. Freed objects are collected
 * later, or not within the time at all.
 *
 * @module
 */
import { draw, lines, logAxis, type Spec } from "./harness/chart.ts";
import type { Question } from "./harness/question.ts";
import { measure } from "./harness/run.ts";
import { type Command, withCommands } from "./harness/runtimes.ts";
import { typicalOf } from "./harness/statistics.ts";
import { number, table } from "./harness/table.ts";
import { ORDERS, questions } from "./records_bench.ts";

/** A contestant at a number of items. */
export interface Point {
  /** The order in which items are freed. */
  readonly panel: string;
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

/** The contestants that are drawn: no packages, and each way to store records but once. */
const DRAWN = /^(pool|types|arena|bump|stack|objects|recycled|buffers|.*-(list|tree))$/;

/** Measures an order for a number of items. */
async function pointsOf(
  [key, panel]: readonly [string, string],
  count: number,
  before: readonly Point[],
  commands: readonly Command[],
  quick: boolean,
): Promise<Point[]> {
  const question = questions.find(({ name }) => name === `records/${key}`)!; // there is one for each
  const isFast = (name: string) => {
    const last = before.findLast((it) => it.name === name && it.panel === panel);
    return last === undefined || last.millis * (count / last.count) ** 2 <= LIMIT_MILLIS;
  };
  const contestants = Object.fromEntries(
    Object.entries(question.contestants)
      .filter(([key, { label }]) => DRAWN.test(key) && isFast(label)),
  );
  const samples = quick ? 1 : Math.ceil(ITEMS / count);
  const plan = { count, warmUp: samples, samples, batch: 1, rounds: quick ? 1 : ROUNDS };
  const asked: Question = { ...question, contestants, plan, baseline: "pool" };
  const [{ figures }] = await measure([asked], commands, { quick: false });
  return figures.map((it) => {
    const name = contestants[it.contestant].label;
    return { panel, name, count, millis: typicalOf(question, it) };
  });
}

/** @returns A table for each order: nanoseconds an item, by contestant and number of items. */
export function tables(points: readonly Point[]): string {
  const counts = [...new Set(points.map(({ count }) => count))];
  const cell = (point: Point | undefined) =>
    point === undefined ? "" : number(point.millis * 1e6 / point.count);
  return [...new Set(points.map(({ panel }) => panel))].map((panel) => {
    const some = points.filter((it) => it.panel === panel);
    const rows = [...new Set(some.map(({ name }) => name))].map((name) => [
      name,
      ...counts.map((count) => cell(some.find((it) => it.name === name && it.count === count))),
    ]);
    const head = ["", ...counts.map((it) => it.toLocaleString("en"))];
    return `**${panel}**, ns an item\n\n${table(head, rows)}\n`;
  }).join("\n");
}

/**
 * @returns The chart: a panel for each order. The last point before one that was not measured is
 * crossed out.
 */
export function chartSpec(points: readonly Point[], subtitle: readonly string[]): Spec {
  const most = Math.max(...points.map(({ count }) => count));
  const isLast = ({ name, panel, count }: Point) =>
    !points.some((it) => it.name === name && it.panel === panel && it.count > count);
  return lines({
    title: "Allocating and freeing items of 20 bytes",
    subtitle,
    values: points.map((it) => ({ ...it, stopped: it.count < most && isLast(it) })),
    panels: [...new Set(points.map(({ panel }) => panel))],
    x: logAxis("count", "items", { format: "~s" }),
    y: logAxis("millis", "time for all of them", {
      labelExpr:
        "datum.value >= 1000 ? datum.value / 1000 + ' s' : datum.value >= 1 ? datum.value + ' ms' : datum.value * 1000 + ' µs'",
    }),
  });
}

if (import.meta.main) {
  const quick = Deno.args.includes("--quick");
  await withCommands(["deno"], false, async (commands) => {
    const points: Point[] = [];
    for (const count of quick ? QUICK_COUNTS : COUNTS) {
      for (const order of Object.entries(ORDERS)) {
        points.push(...await pointsOf(order, count, points, commands, quick));
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
  });
}
