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
import type { Question } from "./harness/question.ts";
import { measure } from "./harness/run.ts";
import { type Command, withCommands } from "./harness/runtimes.ts";
import { type Measurement, typicalOf } from "./harness/statistics.ts";
import { section } from "./harness/table.ts";
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
const quick = Deno.args.includes("--quick");
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
const DRAWN = /^(pool|types|arena|bump|stack|objects|recycled|.*-(list|tree))$/;

/** Measures an order for a number of items. */
async function pointsOf(
  [key, panel]: readonly [string, string],
  count: number,
  before: readonly Point[],
  commands: readonly Command[],
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
  const title = `${panel}: ${count.toLocaleString("en")} items of 20 bytes`;
  const asked: Question = { ...question, title, contestants, plan, baseline: "pool" };
  const tell = (it: Measurement) => console.log(`${section(it)}\n`);
  const [{ figures }] = await measure([asked], commands, { quick: false, tell });
  return figures.map((it) => {
    const name = contestants[it.contestant].label;
    return { panel, name, count, millis: typicalOf(question, it) };
  });
}

// -- the chart --

/** A Vega-Lite specification. */
type Spec = Record<string, unknown>;

/** The colors of lines, in the order in which their names come first. */
const COLORS = (
  "#0b5fa5 #111111 #777777 #3aa7dd #1b7f3b #7ab51d #7b3fb5 #c8102e #ef6c00 #f5a623 #9c4a1a"
).split(" ");

const CONFIG = {
  font: "DejaVu Sans, Verdana, Arial, sans-serif",
  view: { stroke: "#cccccc" },
  axis: { labelFontSize: 12, titleFontSize: 13, gridColor: "#e6e6e6", domainColor: "#888888" },
  header: { labelFontSize: 15, labelFontWeight: "bold", labelPadding: 8 },
  legend: { labelFontSize: 13, labelLimit: 300, rowPadding: 6, offset: 24 },
  title: { fontSize: 19, subtitleFontSize: 13, subtitlePadding: 6, offset: 18 },
};

/** @returns A logarithmic axis. */
function logAxis(field: string, title: string, labels: Spec): Spec {
  const values = Array.from({ length: 16 }, (_, i) => 10 ** (i - 5)); // other ticks would crowd the axes
  return {
    field,
    type: "quantitative",
    scale: { type: "log" },
    axis: { title, values, titlePadding: 8, ...labels },
  };
}

/**
 * @returns A Vega-Lite specification: a panel for each order. The last point before one that was
 * not measured is crossed out.
 */
export function chartSpec(points: readonly Point[], subtitle: readonly string[]): Spec {
  const most = Math.max(...points.map(({ count }) => count));
  const isLast = ({ name, panel, count }: Point) =>
    !points.some((it) => it.name === name && it.panel === panel && it.count > count);
  const distinct = (key: "name" | "panel") => [...new Set(points.map((it) => it[key]))];
  const millisLabel =
    "datum.value >= 1000 ? datum.value / 1000 + ' s' : datum.value >= 1 ? datum.value + ' ms' : datum.value * 1000 + ' µs'";
  const encoding = {
    x: logAxis("count", "items", { format: "~s" }),
    y: logAxis("millis", "time for all of them", { labelExpr: millisLabel }),
    color: {
      field: "name",
      type: "nominal",
      scale: { domain: distinct("name"), range: COLORS },
      legend: { title: null, symbolType: "stroke", symbolSize: 700, symbolStrokeWidth: 2.5 },
    },
  };
  const cross = { type: "text", text: "✕", dx: 12, fontSize: 13, fontWeight: "bold" };
  return {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    background: "white",
    padding: 16,
    title: { text: "Allocating and freeing items of 20 bytes", subtitle, anchor: "start" },
    data: { values: points.map((it) => ({ ...it, stopped: it.count < most && isLast(it) })) },
    config: CONFIG,
    facet: { field: "panel", type: "nominal", title: null, sort: distinct("panel") },
    columns: 2,
    spec: {
      width: 440,
      height: 400,
      encoding,
      layer: [
        { mark: { type: "line", strokeWidth: 2.2, point: { size: 34, filled: true } } },
        { transform: [{ filter: "datum.stopped" }], mark: cross },
      ],
    },
  };
}

/** Draws a chart, and writes `<base>.svg` and `<base>.png` where there is a base. */
async function draw(spec: Spec, base?: URL): Promise<void> {
  const vega = await import("vega"); // here, as the tests may not load a native library
  const { compile } = await import("vega-lite");
  const { Resvg } = await import("@resvg/resvg-js");
  const { spec: compiled } = compile(spec as unknown as Parameters<typeof compile>[0]); // which checks it
  const svg = await new vega.View(vega.parse(compiled), { renderer: "none" }).toSVG();
  const png = new Resvg(svg, { fitTo: { mode: "zoom", value: 1.5 } }).render().asPng();
  if (base === undefined) return;
  await Deno.writeTextFile(`${base.pathname}.svg`, svg);
  await Deno.writeFile(`${base.pathname}.png`, png);
}

if (import.meta.main) {
  await withCommands(["deno"], false, async (commands) => {
    const points: Point[] = [];
    for (const count of quick ? QUICK_COUNTS : COUNTS) {
      for (const order of Object.entries(ORDERS)) {
        points.push(...await pointsOf(order, count, points, commands));
      }
    }
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
