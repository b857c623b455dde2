/** Figures, tables and the sections of questions, as Markdown. */
import type { Measure, Question } from "./question.ts";
import type { Collections } from "./result.ts";
import { type Runtime, RUNTIME_NAMES } from "./runtimes.ts";
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

/** The figures of a contestant, by the heads of their columns. `ratio` comes first. */
type Row = Readonly<Record<string, number>>;

/** The figures of a question by runtime and contestant, as tables and charts show them. */
export type Answer = { readonly [R in Runtime]?: Readonly<Record<string, Row>> };

/** @returns The figures of all contestants but `nothing`. */
export function answerOf(measurement: Measurement): Answer {
  const { question, count, figures } = measurement;
  const columns = columnsOf(question);
  const unit = question.whole ? 1 : 1e6 / count;
  const tables: { [R in Runtime]?: Record<string, Row> } = {};
  for (const it of figures) {
    if (it.contestant === "nothing") continue;
    const base = figures.find(({ contestant, runtime }) =>
      contestant === question.baseline && runtime === it.runtime
    )!; // it always runs
    const ratio = comparedOf(measurement, it) / comparedOf(measurement, base);
    const cells = columns.map(([head, cell]) => [head, cell(it, measurement, unit)]);
    (tables[it.runtime] ??= {})[it.contestant] = { ratio, ...Object.fromEntries(cells) };
  }
  return tables;
}

/** @returns What was done in a question, and a table for each runtime. */
export function section(question: Question, answer: Answer): string {
  const { contestants, baseline } = question;
  const heads = [`× ${contestants[baseline].label}`, ...columnsOf(question).map(([head]) => head)];
  const cells = (rows: Readonly<Record<string, Row>>) =>
    Object.entries(rows).map(([it, row]) => [
      contestants[it].label,
      ...Object.values(row).map(number),
    ]);
  return [
    `## ${question.title}`,
    question.method,
    ...question.missing === undefined ? [] : [`Left out: ${question.missing}`],
    ...Object.entries(answer).map(([runtime, rows]) =>
      table([RUNTIME_NAMES[runtime as Runtime], ...heads], cells(rows)) // its keys are runtimes
    ),
  ].join("\n\n");
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

/** @returns The columns after that of the ratios. */
function columnsOf(question: Question): readonly Column[] {
  const { measure = "time", traced } = question;
  return [...COLUMNS[measure](question), ...traced ? COLLECTIONS : []];
}

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
    ["median, ms", (it) => median(samplesOf(it))],
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
