/** Figures, tables and the sections of questions, as Markdown. */
import type { Measure, Question } from "./question.ts";
import type { Collections } from "./result.ts";
import { RUNTIME_NAMES } from "./runtimes.ts";
import {
  bestOf,
  bytesOf,
  collectionsOf,
  type Figures,
  type Measurement,
  median,
  percentileOf,
  quantile,
  samplesOf,
  typicalOf,
  worstOf,
} from "./statistics.ts";

/** @returns A figure with three digits that count; empty where there is none. */
export function number(value: number): string {
  if (!Number.isFinite(value)) return "";
  if (value === 0) return "0";
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  if (digits > 4) return value.toPrecision(2);
  const text = value.toLocaleString("en", {
    maximumFractionDigits: digits,
    minimumFractionDigits: digits,
  });
  return Number.isInteger(value) ? text.replace(/\.0+$/, "") : text;
}

/**
 * @returns A table with columns as wide as their widest cells, all but the first aligned to the
 * right.
 */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const widths = head.map((_, i) => Math.max(3, ...[head, ...rows].map((row) => row[i].length)));
  const pad = (cell: string, i: number) =>
    i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]);
  const line = (cells: readonly string[]) => `| ${cells.map(pad).join(" | ")} |`;
  const rule = widths.map((width, i) => i === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`);
  return [line(head), line(rule), ...rows.map(line)].join("\n");
}

/** @returns What was done in a question, and a table for each runtime. */
export function section(measurement: Measurement): string {
  const { question, figures } = measurement;
  const runtimes = new Set(figures.map(({ runtime }) => runtime));
  return [
    `## ${question.title}`,
    question.method,
    ...question.missing === undefined ? [] : [`Left out: ${question.missing}`],
    ...[...runtimes].map((it) =>
      tableOf(measurement, figures.filter(({ runtime }) => runtime === it))
    ),
  ].join("\n\n");
}

/** @param figures Those of one runtime. */
function tableOf(measurement: Measurement, figures: readonly Figures[]): string {
  const { question, count } = measurement;
  const { baseline, contestants, whole, measure = "time" } = question;
  const compared = (it: Figures) => comparedOf(measurement, it);
  const base = compared(figures.find(({ contestant }) => contestant === baseline)!); // it always runs
  const unit = whole ? 1 : 1e6 / count;
  const columns = [...COLUMNS[measure](question), ...question.traced ? COLLECTIONS : []];
  const rows = figures.filter(({ contestant }) => contestant !== "nothing").map((it) => [
    contestants[it.contestant].label,
    number(compared(it) / base),
    ...columns.map(([, cell]) => number(cell(it, measurement, unit))),
  ]);
  const head = [`× ${contestants[baseline].label}`, ...columns.map(([head]) => head)];
  return table([RUNTIME_NAMES[figures[0].runtime], ...head], rows);
}

/** The figure that the column of ratios is made of. */
function comparedOf(measurement: Measurement, it: Figures): number {
  const { question } = measurement;
  if (question.measure === "growth") return worstOf(it);
  if (question.measure === "memory") return bytesOf(measurement, it, "rssBytes");
  return typicalOf(question, it);
}

/** A column after that of the ratios. `unit` makes a time of milliseconds of a step. */
type Column = readonly [
  head: string,
  cell: (it: Figures, measurement: Measurement, unit: number) => number,
];

const COLUMNS: Readonly<Record<Measure, (question: Question) => Column[]>> = {
  time: ({ compare = "median", whole }) => {
    const name = whole ? "ms a run" : "ns each";
    return [
      [`best, ${name}`, (it, { question }, unit) => bestOf(question, it) * unit],
      [`${compare}, ${name}`, (it, { question }, unit) => typicalOf(question, it) * unit],
      [`99th percentile, ${name}`, (it, _, unit) => percentileOf(it, 0.99) * unit],
    ];
  },
  frames: () => [
    ["best, ns each", (it, { question }, unit) => bestOf(question, it) * unit],
    ["median", (it, _, unit) => median(samplesOf(it)) * unit],
    ["99th percentile, ms", (it) => percentileOf(it, 0.99)],
    ["99.9th", (it) => percentileOf(it, 0.999)],
    ["maximum", (it) => quantile(samplesOf(it), 1)],
  ],
  growth: () => [
    ["worst, µs", (it) => worstOf(it) * 1000],
    [
      "all, ms",
      ({ rounds }) => median(rounds.map(({ samples }) => samples.reduce((a, b) => a + b, 0))),
    ],
  ],
  memory: () => [
    [
      "bytes a record",
      (it, measurement) => bytesOf(measurement, it, "heapBytes") / measurement.count,
    ],
    ["resident, MiB", (it, measurement) => bytesOf(measurement, it, "rssBytes") / 2 ** 20],
  ],
};

/** Bun has no trace of its collections. Their cells are empty there. */
const collections = (key: keyof Collections): Column[1] => (it) => collectionsOf(it)?.[key] ?? NaN;

const COLLECTIONS: readonly Column[] = [
  ["scavenges", collections("scavenges")],
  ["mark-compacts", collections("markCompacts")],
  ["their pauses, ms", collections("millis")],
];
