/**
 * What `plot.ts` makes of its figures: the table, and the chart as a Vega-Lite specification. Nothing is drawn here.
 *
 * @module
 */

/** What is done with so many items. */
export type Pattern = "alloc" | "in order" | "in reverse" | "at random";

/** Each pattern with what it is called. */
export const PATTERNS: Readonly<Record<Pattern, string>> = {
  "alloc": "alloc alone",
  "in order": "alloc, then free in order",
  "in reverse": "alloc, then free in reverse",
  "at random": "alloc, then free at random",
};

/** A subject at a number of items. */
export interface Point {
  readonly subject: string;
  readonly pattern: Pattern;
  readonly count: number;
  /** The median time of all items; `undefined` where it was not measured, as it would take too long. */
  readonly millis: number | undefined;
  /** What it would take, where it was not measured. */
  readonly expectedMillis?: number;
}

/** How a subject is drawn. */
export interface Line {
  readonly subject: string;
  readonly color: string;
  /** Lengths of strokes and gaps. */
  readonly dash: readonly number[];
}

/** In the order of the legend and of the table. Hues go by family: what tells members apart is the dash. */
export const LINES: readonly Line[] = [
  { subject: "Pool", color: "#0b5fa5", dash: [1, 0] },
  { subject: "ErasedPool", color: "#3aa7dd", dash: [1, 0] },
  { subject: "Arena, reset", color: "#1b7f3b", dash: [1, 0] },
  { subject: "StackAllocator", color: "#7ab51d", dash: [1, 0] },
  { subject: "free list, best fit, tree", color: "#c8102e", dash: [1, 0] },
  { subject: "free list, first fit, list", color: "#ef6c00", dash: [6, 3] },
  { subject: "free list, next fit, list", color: "#f5a623", dash: [2, 2] },
  {
    subject: "free list, best fit, list",
    color: "#9c4a1a",
    dash: [8, 3, 2, 3],
  },
  { subject: "free list, worst fit, list", color: "#b8860b", dash: [1, 3] },
  { subject: "plain objects", color: "#111111", dash: [1, 0] },
  { subject: "recycled objects", color: "#777777", dash: [6, 3] },
  { subject: "new ArrayBuffer each", color: "#7b3fb5", dash: [1, 0] },
];

/** What is done here grows with the square of the number of items at the most. */
const MAX_POWER = 2;

/**
 * Guesses a time from those before it: what grew with a power of the number of items over the last two steps goes on so.
 *
 * @param times The times so far by number of items, in order; one at the least.
 * @param count The next number of items.
 * @returns Milliseconds; grown as the number at the least, and as its square at the most.
 */
export function expectMillis(
  times: readonly { count: number; millis: number }[],
  count: number,
): number {
  const last = times[times.length - 1];
  const before = times.at(-3) ?? times[0];
  const power = Math.log(last.millis / before.millis) / Math.log(last.count / before.count);
  return last.millis * (count / last.count) ** Math.min(Math.max(1, power || 1), MAX_POWER);
}

/** Shows points as tables, one for each pattern: nanoseconds an item, by subject and number of items. */
export function tables(points: readonly Point[]): string {
  const counts = [...new Set(points.map(({ count }) => count))];
  const head = ["", ...counts.map((count) => count.toLocaleString("en"))];
  return Object.entries(PATTERNS).map(([pattern, title]) => {
    const rows = LINES.map(({ subject }) => [
      subject,
      ...counts.map((count) =>
        cell(
          points.find((it) =>
            it.subject === subject && it.pattern === pattern && it.count === count
          ),
        )
      ),
    ]).filter(([, ...cells]) => cells.some((text) => text !== NOT_DONE));
    const widths = head.map((_, i) => Math.max(...[head, ...rows].map((row) => row[i].length)));
    const line = (cells: readonly string[]) =>
      `| ${
        cells.map((text, i) => i === 0 ? text.padEnd(widths[0]) : text.padStart(widths[i])).join(
          " | ",
        )
      } |`;
    const rule = widths.map((width, i) =>
      i === 0 ? "-".repeat(width) : "-".repeat(width - 1) + ":"
    );
    return [`**${title}**, ns an item`, "", line(head), line(rule), ...rows.map(line), ""].join(
      "\n",
    );
  }).join("\n");
}

const NOT_DONE = "";

function cell(point: Point | undefined): string {
  if (point === undefined) return NOT_DONE;
  const { millis, expectedMillis, count } = point;
  if (millis !== undefined) return nanos(millis * 1e6 / count);
  return `≈ ${duration(expectedMillis!)}`; // one of both is there
}

function nanos(value: number): string {
  return value < 100 ? value.toFixed(1) : Math.round(value).toLocaleString("en");
}

/** A time as people say it. */
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

/** From 10 ns to 100 s, and from 100 to 100,000: other ticks would crowd the axes. */
const POWERS_OF_TEN = Array.from({ length: 12 }, (_, i) => 10 ** (i - 5));

/**
 * Describes the chart: a panel for each pattern, time against number of items, both on log axes.
 *
 * @param points What to show; what was not measured is not drawn, and the point before it crossed out.
 * @param subtitle Lines below the title.
 * @returns A Vega-Lite specification.
 */
export function chartSpec(
  points: readonly Point[],
  subtitle: readonly string[],
): Record<string, unknown> {
  const used = LINES.filter(({ subject }) => points.some((it) => it.subject === subject));
  const domain = used.map(({ subject }) => subject);
  const scaled = (range: readonly unknown[]) => ({
    field: "subject",
    type: "nominal",
    scale: { domain, range },
    legend: { title: null, symbolType: "stroke", symbolSize: 700, symbolStrokeWidth: 2.5 },
  });
  const axis = { values: POWERS_OF_TEN, titlePadding: 8 };
  return {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    background: "white",
    padding: 16,
    title: { text: "Allocating and freeing items of 20 bytes", subtitle, anchor: "start" },
    data: { values: drawn(points) },
    facet: { field: "title", type: "nominal", title: null, sort: Object.values(PATTERNS) },
    columns: 2,
    spec: {
      width: 440,
      height: 400,
      encoding: {
        x: {
          field: "count",
          type: "quantitative",
          scale: { type: "log" },
          axis: { ...axis, title: "items", format: "~s" },
        },
        y: {
          field: "millis",
          type: "quantitative",
          scale: { type: "log" },
          axis: {
            ...axis,
            title: "time for all of them",
            labelExpr:
              "datum.value >= 1000 ? datum.value / 1000 + ' s' : datum.value >= 1 ? datum.value + ' ms' : datum.value * 1000 + ' µs'",
          },
        },
        color: scaled(used.map(({ color }) => color)),
      },
      layer: [
        {
          mark: { type: "line", strokeWidth: 2 },
          encoding: { strokeDash: scaled(used.map(({ dash }) => dash)) },
        },
        {
          mark: { type: "point", filled: true, size: 42, opacity: 1 },
        },
        {
          transform: [{ filter: "datum.stopped" }],
          mark: { type: "text", text: "✕", dx: 12, fontSize: 13, fontWeight: "bold" },
        },
      ],
    },
    config: {
      font: "DejaVu Sans, Verdana, Arial, sans-serif",
      view: { stroke: "#cccccc" },
      axis: { labelFontSize: 12, titleFontSize: 13, gridColor: "#e6e6e6", domainColor: "#888888" },
      header: { labelFontSize: 15, labelFontWeight: "bold", labelPadding: 8 },
      legend: { labelFontSize: 13, labelLimit: 300, rowPadding: 6, offset: 24 },
      title: { fontSize: 19, subtitleFontSize: 13, subtitlePadding: 6, offset: 18 },
    },
  };
}

/** The points that were measured, and whether the next one of the subject was not. */
function drawn(points: readonly Point[]): Record<string, unknown>[] {
  const values = [];
  for (const point of points) {
    const { subject, pattern, count, millis } = point;
    if (millis === undefined) continue;
    const next = points.find((it) =>
      it.subject === subject && it.pattern === pattern && it.count > count
    );
    const stopped = next !== undefined && next.millis === undefined;
    values.push({ subject, title: PATTERNS[pattern], count, millis, stopped });
  }
  return values;
}
