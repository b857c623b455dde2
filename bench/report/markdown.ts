/** The tables of questions, and the report, as Markdown. */
import type { Measure, Question } from "../harness/question.ts";
import type { Runtime } from "../harness/runtimes.ts";
import {
  bestOf,
  bytesOf,
  collectionsOf,
  type Figures,
  type Measurement,
  quantile,
  samplesOf,
  typicalOf,
  worstOf,
} from "../harness/statistics.ts";
import { number, table } from "../harness/table.ts";

// -- the report --

/** What the report says about the run. */
export interface Run {
  readonly date: string;
  readonly machine: string;
  /** Names and versions of the runtimes and packages. */
  readonly versions: readonly (readonly [string, string])[];
  /** What could not be done, and why. */
  readonly notes: readonly string[];
}

/** A chart. */
interface Chart {
  /** Its path from the report. */
  readonly path: string;
  readonly title: string;
}

const INTRO =
  "Each contestant runs in processes of its own, one after the other in an order that shifts by one from round to round, and its code " +
  "is warm before anything counts. All contestants of a question do the same work on the same values: each comes to a checksum in the " +
  "end, and the run fails unless all are equal. The figures are those of one run: ratios hold elsewhere, times do not.";

/** @returns The whole report. */
export function report(
  { date, machine, versions, notes }: Run,
  measurements: readonly Measurement[],
  charts: readonly Chart[],
): string {
  return [
    "# Report",
    INTRO,
    [
      `- \`deno task report\`, ${date}`,
      `- ${machine}`,
      `- ${versions.map((it) => it.join(" ")).join(", ")}`,
      ...notes.map((it) => `- ${it}`),
    ].join("\n"),
    ...charts.map(({ path, title }) => `![${title}](${path})`),
    ...measurements.map(section),
  ].join("\n\n") + "\n";
}

/** @returns A question's part of the report: what was done, and its table. */
export function section(measurement: Measurement): string {
  const { question } = measurement;
  const others = runtimeTable(measurement);
  return [
    `## ${question.title}`,
    question.method,
    ...question.missing === undefined ? [] : [`Left out: ${question.missing}`],
    mainTable(measurement),
    ...others === undefined ? [] : [others],
  ].join("\n\n");
}

// -- the table of a question --

/** A column after that of the names. */
type Column = readonly [head: string, cell: (measurement: Measurement, it: Figures) => string];

/** The figure that the column of ratios is made of. */
function comparedOf(measurement: Measurement, it: Figures): number {
  const { question } = measurement;
  if (question.measure === "growth") return worstOf(it);
  return question.measure === "memory"
    ? bytesOf(measurement, it, "rssBytes")
    : typicalOf(question, it);
}

function columnsOf({ compare = "median", whole, traced, measure = "time" }: Question): Column[] {
  const unit = whole ? "ms a run" : "ns each";
  const millis = (share: number): Column[1] => (_, it) => number(quantile(samplesOf(it), share));
  const collections: Column[] = traced
    ? [
      ["collections", ({ question }, it) => {
        const { scavenges, markCompacts } = collectionsOf(question, it) ?? {};
        return number(scavenges! + markCompacts!); // NaN, an empty cell, where it was not traced
      }],
      [
        "their pauses, ms",
        ({ question }, it) => number(collectionsOf(question, it)?.millis ?? NaN),
      ],
    ]
    : [];
  const each: Record<Measure, Column[]> = {
    time: [
      [`best, ${unit}`, (m, it) => number(unitsOf(m, bestOf(m.question, it)))],
      [`${compare}, ${unit}`, (m, it) => number(unitsOf(m, typicalOf(m.question, it)))],
      [`99th percentile, ${unit}`, (m, it) => number(unitsOf(m, quantile(samplesOf(it), 0.99)))],
      ...collections,
    ],
    frames: [
      ["best, ms", (m, it) => number(bestOf(m.question, it))],
      ["median, ms", millis(0.5)],
      ["99th percentile", millis(0.99)],
      ["99.9th", millis(0.999)],
      ["maximum", millis(1)],
      ...collections,
    ],
    growth: [
      ["worst, µs", (_, it) => number(worstOf(it) * 1000)],
      [
        "all, ms",
        (_, it) =>
          number(quantile(it.rounds.map(({ samples }) => samples.reduce((a, b) => a + b, 0)), 0.5)),
      ],
    ],
    memory: [
      ["bytes a record", (m, it) => number(bytesOf(m, it, "heapBytes") / m.count)],
      ["resident, MiB", (m, it) => number(bytesOf(m, it, "rssBytes") / 2 ** 20)],
    ],
  };
  return each[measure];
}

/** Nanoseconds for each of the many of a step; milliseconds where a step counts as a whole. */
function unitsOf({ question, count }: Measurement, millis: number): number {
  return question.whole ? millis : millis * 1e6 / count;
}

function mainTable(measurement: Measurement): string {
  const { question } = measurement;
  const { baseline, contestants } = question;
  const figures = measurement.figures.filter(({ runtime }) => runtime === "deno");
  const compared = (it: Figures) => comparedOf(measurement, it);
  const base = compared(figures.find(({ contestant }) => contestant === baseline)!); // it always runs
  const columns = columnsOf(question);
  const rows = figures.filter(({ contestant }) => contestant !== "nothing").map((it) => [
    contestants[it.contestant].label,
    number(compared(it) / base),
    ...columns.map(([, cell]) => cell(measurement, it)),
  ]);
  return table(["", `× ${contestants[baseline].label}`, ...columns.map(([head]) => head)], rows);
}

const RUNTIME_NAMES: Readonly<Partial<Record<Runtime, string>>> = {
  deno: "Deno",
  node20: "Node 20",
  bun: "Bun",
};

/** The pool and the slab by hand on each runtime; `undefined` where they ran on one alone. */
function runtimeTable(measurement: Measurement): string | undefined {
  const { question, figures } = measurement;
  const runtimes = [...new Set(figures.map(({ runtime }) => runtime))];
  if (runtimes.length < 2) return undefined;
  const of = (contestant: string, runtime: Runtime) => {
    const found = figures.find((it) => it.contestant === contestant && it.runtime === runtime);
    return found === undefined ? NaN : unitsOf(measurement, typicalOf(question, found));
  };
  return table(["ns each, on", ...runtimes.map((it) => RUNTIME_NAMES[it] ?? it)], [
    ["Pool", ...runtimes.map((it) => number(of("pool", it)))],
    ["slab by hand", ...runtimes.map((it) => number(of("slab", it)))],
    ["Pool ÷ slab by hand", ...runtimes.map((it) => number(of("pool", it) / of("slab", it)))],
  ]);
}
