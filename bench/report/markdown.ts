/** The report as Markdown. Nothing is measured or read here. */
import { type Goal, isMet, type Look, lookIn } from "./goals.ts";
import { type Figures, quantile, type Runtime } from "./result.ts";
import type { Scenario } from "./scenario.ts";

/** What the report tells of the run itself. */
export interface Run {
  readonly command: string;
  readonly date: string;
  readonly machine: string;
  /** Names and versions of the runtimes and packages. */
  readonly versions: readonly (readonly [string, string])[];
  /** What could not be done, and why. */
  readonly notes: readonly string[];
}

/** A scenario with what was measured of it. */
export interface Measurement {
  readonly scenario: Scenario;
  /** Records, as this run had them. */
  readonly count: number;
  readonly figures: readonly Figures[];
}

/** A chart, by its path from the report, and what it shows. */
export interface Chart {
  readonly path: string;
  readonly title: string;
}

const INTRO =
  "Each contestant runs in processes of its own, one after the other in an order that shifts by one from round to round, and its code " +
  "is warm before anything counts. All contestants of a scenario do the same work on the same values: each comes to a checksum in the " +
  "end, and the run fails unless all are equal. The figures are those of one run: ratios hold elsewhere, times do not.";

/** @returns The whole report. */
export function report(
  run: Run,
  measurements: readonly Measurement[],
  goals: readonly Goal[],
  charts: readonly Chart[],
): string {
  const look = lookIn(measurements.flatMap(({ figures }) => figures));
  return [
    "# Report",
    INTRO,
    about(run),
    "## What was wanted",
    goalTable(goals, look, (goal) => titleOf(measurements, goal)),
    ...charts.map(({ path, title }) => `![${title}](${path})`),
    ...measurements.map((it) => section(it, goals, look)),
  ].join("\n\n") + "\n";
}

function about({ command, date, machine, versions, notes }: Run): string {
  return [
    `- \`${command}\`, ${date}`,
    `- ${machine}`,
    `- ${versions.map(([name, version]) => `${name} ${version}`).join(", ")}`,
    ...notes.map((note) => `- ${note}`),
  ].join("\n");
}

function titleOf(measurements: readonly Measurement[], goal: Goal): string {
  return measurements.find(({ scenario }) => scenario.name === goal.scenario)?.scenario.title ??
    goal.scenario;
}

// -- goals --

function goalTable(goals: readonly Goal[], look: Look, title?: (goal: Goal) => string): string {
  const head = [...title === undefined ? [] : [""], "wanted", "limit", "figure", ""];
  return table(
    head,
    goals.map((goal) => [...title === undefined ? [] : [title(goal)], ...goalCells(goal, look)]),
    title === undefined ? 1 : 2,
  );
}

function goalCells(goal: Goal, look: Look): string[] {
  const figure = goal.figure(look);
  const limit = `${goal.sense} ${number(goal.limit)}`;
  if (figure === undefined) return [goal.text, limit, "", "not measured"];
  const verdict = isMet(goal, figure) ? "met" : "**missed**";
  return [goal.text, limit, number(figure), verdict];
}

// -- scenarios --

/** @returns A scenario's part of the report: what was done, its table, and its goals. */
export function section(
  measurement: Measurement,
  goals: readonly Goal[],
  look: Look,
): string {
  const { scenario, figures } = measurement;
  const wanted = goals.filter((goal) => goal.scenario === scenario.name);
  const others = elsewhere(measurement);
  return [
    `## ${scenario.title}`,
    scenario.method + (scenario.missing === undefined ? "" : `\n\nLeft out: ${scenario.missing}`),
    TABLES[scenario.measure](measurement, figures.filter(({ runtime }) => runtime === "deno")),
    ...others === undefined ? [] : [others],
    ...wanted.length === 0 ? [] : [goalTable(wanted, look)],
  ].join("\n\n");
}

type Rows = (measurement: Measurement, figures: readonly Figures[]) => string;

const TABLES: Readonly<Record<Scenario["measure"], Rows>> = {
  time: timeTable,
  frames: frameTable,
  growth: growthTable,
  memory: memoryTable,
};

/** A statistic of a scenario of the measure `time`: the median, or the mean where that is compared. */
export function typicalOf({ compare }: Scenario, { samples, mean }: Figures): number {
  return compare === "mean" ? mean : quantile(samples, 0.5);
}

/** Nanoseconds for each of the many of a step; milliseconds of a step that is told whole. */
function unitsOf({ scenario, count }: Measurement, millis: number): number {
  return scenario.whole === true ? millis : millis * 1e6 / count;
}

function timeTable(measurement: Measurement, figures: readonly Figures[]): string {
  const { scenario } = measurement;
  const { compare = "median", whole, traced = false } = scenario;
  const base = baselineOf(measurement, (it) => typicalOf(scenario, it));
  const rows = figures.map((it) => [
    labelOf(scenario, it),
    times(typicalOf(scenario, it), base),
    number(unitsOf(measurement, typicalOf(scenario, it))),
    number(unitsOf(measurement, quantile(it.samples, 0.99))),
    ...traced ? collectionCells(it) : [],
  ]);
  const unit = whole === true ? "ms a run" : "ns each";
  const head = [
    "",
    `× ${baselineLabel(scenario)}`,
    `${compare}, ${unit}`,
    `99th percentile, ${unit}`,
    ...traced ? ["collections", "their pauses, ms"] : [],
  ];
  return table(head, rows);
}

function frameTable(measurement: Measurement, figures: readonly Figures[]): string {
  const { scenario } = measurement;
  const base = baselineOf(measurement, ({ samples }) => quantile(samples, 0.5));
  const rows = figures.map((it) => {
    const at = (q: number) => number(quantile(it.samples, q));
    return [
      labelOf(scenario, it),
      times(quantile(it.samples, 0.5), base),
      ...[0.5, 0.99, 0.999, 1].map(at),
      ...collectionCells(it),
    ];
  });
  return table(
    [
      "frames of",
      `× ${baselineLabel(scenario)}`,
      "median, ms",
      "99th percentile",
      "99.9th",
      "maximum",
      "collections",
      "their pauses, ms",
    ],
    rows,
  );
}

function growthTable(measurement: Measurement, figures: readonly Figures[]): string {
  const { scenario } = measurement;
  const base = baselineOf(measurement, ({ worst }) => worst);
  const rows = figures.map((it) => [
    labelOf(scenario, it),
    times(it.worst, base),
    number(it.worst * 1000),
    number(it.total),
  ]);
  return table(["", `× ${baselineLabel(scenario)}`, "worst, µs", "all, ms"], rows);
}

function memoryTable(measurement: Measurement, figures: readonly Figures[]): string {
  const { scenario } = measurement;
  const base = baselineOf(measurement, (it) => rssOf(measurement, it));
  const rows = figures.filter(({ contestant }) => contestant !== "nothing").map((it) => [
    labelOf(scenario, it),
    number(recordBytesOf(measurement, it)),
    number(rssOf(measurement, it) / 2 ** 20),
    times(rssOf(measurement, it), base),
  ]);
  return table(
    ["", "bytes a record", "resident, MiB", `resident × ${baselineLabel(scenario)}`],
    rows,
  );
}

/** Bytes of heap and buffers for a record, beyond those of a process that did nothing. */
export function recordBytesOf(measurement: Measurement, figures: Figures): number {
  return beyondNothing(measurement, figures, "heapBytes") / measurement.count;
}

/** Resident bytes beyond those of a process that did nothing. */
export function rssOf(measurement: Measurement, figures: Figures): number {
  return beyondNothing(measurement, figures, "rssBytes");
}

function beyondNothing(
  { figures: all }: Measurement,
  figures: Figures,
  key: "heapBytes" | "rssBytes",
): number {
  const nothing = all.find(({ contestant }) => contestant === "nothing");
  return Math.max(0, (figures[key] ?? 0) - (nothing?.[key] ?? 0));
}

// -- runtimes --

const RUNTIMES: Readonly<Record<Runtime, string>> = { deno: "Deno", node: "Node", bun: "Bun" };

/** The module and the slab by hand on each runtime; `undefined` where there is but one. */
function elsewhere(measurement: Measurement): string | undefined {
  const { scenario, figures } = measurement;
  const runtimes = (Object.keys(RUNTIMES) as Runtime[]).filter((runtime) =>
    // its keys
    figures.some((it) => it.runtime === runtime)
  );
  if (runtimes.length < 2) return undefined;
  const of = (contestant: string, runtime: Runtime) => {
    const found = figures.find((it) => it.contestant === contestant && it.runtime === runtime);
    return found === undefined ? NaN : typicalOf(scenario, found);
  };
  const row = (contestant: string, label: string) => [
    label,
    ...runtimes.map((it) => number(unitsOf(measurement, of(contestant, it)))),
  ];
  return table(["ns each, on", ...runtimes.map((it) => RUNTIMES[it])], [
    row("pool", "Pool"),
    row("slab", "slab by hand"),
    ["Pool ÷ slab by hand", ...runtimes.map((it) => number(of("pool", it) / of("slab", it)))],
  ]);
}

// -- cells --

function labelOf({ contestants }: Scenario, { contestant }: Figures): string {
  return contestants.find(({ key }) => key === contestant)?.label ?? contestant;
}

function baselineLabel({ contestants, baseline }: Scenario): string {
  return contestants.find(({ key }) => key === baseline)?.label ?? baseline;
}

function baselineOf(
  { scenario, figures }: Measurement,
  stat: (figures: Figures) => number,
): number {
  const found = figures.find(({ contestant, runtime }) =>
    contestant === scenario.baseline && runtime === "deno"
  );
  return found === undefined ? NaN : stat(found);
}

function collectionCells({ collections }: Figures): string[] {
  if (collections === undefined) return ["", ""];
  return [number(collections.count), number(collections.millis)];
}

function times(value: number, base: number): string {
  return number(value / base);
}

/** A figure with three digits that count. */
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

/** A Markdown table, its columns as wide as their widest cells; all but the first few to the right. */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  leftColumns = 1,
): string {
  const widths = head.map((_, i) => Math.max(3, ...[head, ...rows].map((row) => row[i].length)));
  const line = (cells: readonly string[]) =>
    `| ${
      cells.map((cell, i) => i < leftColumns ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))
        .join(" | ")
    } |`;
  const rule = widths.map((width, i) =>
    i < leftColumns ? "-".repeat(width) : `${"-".repeat(width - 1)}:`
  );
  return [line(head), line(rule), ...rows.map(line)].join("\n");
}
