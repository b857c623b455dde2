/** The tables of questions, and the report, as Markdown. */
import type { Limit, Measure, Question, Statistic } from "../harness/question.ts";
import type { Runtime } from "../harness/runtimes.ts";
import {
  bestOf,
  bytesOf,
  collectionsOf,
  type Figures,
  type Measurement,
  quantile,
  samplesOf,
  statisticOf,
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
export interface Chart {
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
  const look = lookIn(measurements);
  const limits = measurements.flatMap(({ question }) =>
    limitsOf(question).map((it) => [question.title, ...limitCells(question, it, look)])
  );
  return [
    "# Report",
    INTRO,
    [
      `- \`deno task report\`, ${date}`,
      `- ${machine}`,
      `- ${versions.map((it) => it.join(" ")).join(", ")}`,
      ...notes.map((it) => `- ${it}`),
    ].join("\n"),
    "## What was wanted",
    table(["", ...LIMIT_HEAD], limits, 2),
    ...charts.map(({ path, title }) => `![${title}](${path})`),
    ...measurements.map((it) => section(it, look)),
  ].join("\n\n") + "\n";
}

/** @returns A question's part of the report: what was done, its table, and its limits. */
export function section(measurement: Measurement, look: Look): string {
  const { question } = measurement;
  const limits = limitsOf(question).map((it) => limitCells(question, it, look));
  const others = runtimeTable(measurement);
  return [
    `## ${question.title}`,
    question.method,
    ...question.missing === undefined ? [] : [`Left out: ${question.missing}`],
    mainTable(measurement),
    ...others === undefined ? [] : [others],
    ...limits.length === 0 ? [] : [table(LIMIT_HEAD, limits)],
  ].join("\n\n");
}

// -- the table of a question --

/** A column after that of the names. */
type Column = readonly [head: string, cell: (measurement: Measurement, it: Figures) => string];

/** The statistic that the column of ratios is made of. */
const RATIO_OF: Readonly<Record<Measure, Statistic>> = {
  time: "typical",
  frames: "typical",
  growth: "worst",
  memory: "rss",
};

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
      ["bytes a record", (m, it) => number(statisticOf(m, it, "bytes"))],
      ["resident, MiB", (m, it) => number(bytesOf(m, it, "rssBytes") / 2 ** 20)],
    ],
  };
  return each[measure];
}

/** Nanoseconds for each of the many of a step; milliseconds of a step that is told whole. */
function unitsOf({ question, count }: Measurement, millis: number): number {
  return question.whole ? millis : millis * 1e6 / count;
}

function mainTable(measurement: Measurement): string {
  const { question } = measurement;
  const { baseline, contestants, measure = "time" } = question;
  const figures = measurement.figures.filter(({ runtime }) => runtime === "deno");
  const statistic = (it: Figures) => statisticOf(measurement, it, RATIO_OF[measure]);
  const base = statistic(figures.find(({ contestant }) => contestant === baseline)!); // it always runs
  const columns = columnsOf(question);
  const rows = figures.filter(({ contestant }) => contestant !== "nothing").map((it) => [
    contestants[it.contestant].label,
    number(statistic(it) / base),
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
  const look = lookIn([measurement]);
  const of = (contestant: string, runtime: Runtime) =>
    unitsOf(measurement, look(question, contestant, "typical", runtime) ?? NaN);
  return table(["ns each, on", ...runtimes.map((it) => RUNTIME_NAMES[it] ?? it)], [
    ["Pool", ...runtimes.map((it) => number(of("pool", it)))],
    ["slab by hand", ...runtimes.map((it) => number(of("slab", it)))],
    ["Pool ÷ slab by hand", ...runtimes.map((it) => number(of("pool", it) / of("slab", it)))],
  ]);
}

// -- limits --

/** Finds a statistic of a contestant; `undefined` where it was not measured. */
export type Look = (
  question: Question,
  contestant: string,
  statistic: Statistic,
  runtime?: Runtime,
) => number | undefined;

/** @returns Where to look for the statistics of what was measured. */
export function lookIn(measurements: readonly Measurement[]): Look {
  return (question, contestant, statistic, runtime = "deno") => {
    const [key, name = question.name] = contestant.split(" ").reverse();
    const measurement = measurements.find((it) => it.question.name === name);
    const figures = measurement?.figures.find((it) =>
      it.contestant === key && it.runtime === runtime
    );
    return figures && statisticOf(measurement!, figures, statistic); // whose figures they are
  };
}

/** A limit, on one runtime. */
type RuntimeLimit = Limit & { readonly runtime?: Runtime };

function limitsOf({ limits = [], everywhere }: Question): RuntimeLimit[] {
  const others = everywhere ? ["node20", "bun"] as const : [];
  return [
    ...limits,
    ...others.map((runtime) => ({ of: "pool", by: "slab", atMost: 2, runtime })),
  ];
}

const LIMIT_HEAD = ["wanted", "limit", "figure", ""];

const STATISTIC_NAMES: Readonly<Record<Statistic, string>> = {
  typical: "",
  p99: "99th percentile of ",
  worst: "worst of ",
  scavenges: "collections of ",
  bytes: "bytes a record of ",
  rss: "resident size of ",
};

function limitCells(question: Question, limit: RuntimeLimit, look: Look): string[] {
  const { of, by, statistic = "typical", atMost, atLeast, runtime } = limit;
  const text = STATISTIC_NAMES[statistic] +
    (typeof of === "string" ? nameOf(question, of) : "the fastest package") +
    (by === undefined ? "" : ` ÷ ${nameOf(question, by)}`) +
    (runtime === undefined ? "" : `, on ${RUNTIME_NAMES[runtime]}`);
  const wanted = atMost === undefined
    ? `at least ${number(atLeast!)}`
    : `at most ${number(atMost)}`; // one is there
  const found = [of].flat().flatMap((it) => look(question, it, statistic, runtime) ?? []);
  const divisor = by === undefined ? 1 : look(question, by, statistic, runtime);
  if (found.length === 0 || divisor === undefined) return [text, wanted, "", "not measured"];
  const figure = Math.min(...found) / divisor;
  const isMet = atMost === undefined ? figure >= atLeast! : figure <= atMost; // see above
  return [text, wanted, number(figure), isMet ? "met" : "**missed**"];
}

function nameOf({ contestants }: Question, contestant: string): string {
  const [key, name] = contestant.split(" ").reverse();
  return name === undefined ? contestants[key].label : `${contestants[key].label} in ${name}`;
}
