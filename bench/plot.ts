/**
 * Draws the charts of the README and the guide, `docs/chart_*.svg` and `.png`, from the figures of
 * the last report: `deno task plot`. It measures nothing.
 *
 * `charts/charts.json` says what each chart shows, and `charts/look.json` how, in Vega-Lite. What is
 * this module's is blue, everything else grey.
 *
 * @module
 */
import CHARTS from "./charts/charts.json" with { type: "json" };
import LOOK from "./charts/look.json" with { type: "json" };
import { type Runtime, RUNTIME_NAMES } from "./harness/runtimes.ts";
import { median } from "./harness/statistics.ts";
import { type Answer, number } from "./harness/table.ts";

/** What a report measured: `bench/figures.json`. */
export interface Report {
  /** The day of the run. */
  readonly date: string;
  readonly machine: string;
  /** Of runtimes and packages; Deno's is the first. */
  readonly versions: readonly string[];
  /** By the names of the questions. */
  readonly answers: Readonly<Record<string, Answer>>;
}

/** A chart of bars or of lines in `charts.json`. */
interface Chart {
  /**
   * A name in braces stands for its figure; in a chart of lines `name at x`. `least` and `most` are
   * those of this module.
   */
  readonly title: string;
  readonly subtitle: string;
  /** Names of questions, with where they are on the x axis of lines. Bars have one question. */
  readonly questions: Readonly<Record<string, number>>;
  /** The head of the column that is shown, and of that with the median, up to which bars are dark. */
  readonly column: string;
  readonly dark?: string;
  /** Bars are cut short at so many times the median one. */
  readonly cut?: number;
  /** Whether the figures of all chunks are made those of the x % that are live. */
  readonly isOfLive?: boolean;
  readonly unit: string;
  /** Whether there are bars for each runtime, not for Deno alone. */
  readonly isEverywhere?: boolean;
  /** Names of contestants. Who has no figure in a question has no bar or point. */
  readonly names: Readonly<Record<string, string>>;
  /** What the x axis of a chart of lines has beside what all of them have, in Vega-Lite. */
  readonly x?: Readonly<Partial<Record<"scale" | "axis", object>>>;
}

/** A bar, or a point of a line. */
type Row = ReturnType<typeof rowsOf>[number];

const OURS = "#0b5fa5", OTHERS = "#7d7d7d";

/**
 * @returns The Vega-Lite specifications of all charts, by the names of their files.
 * @throws {Error} when a question was not measured.
 */
export function chartsOf(report: Report): Record<string, object> {
  const charts: [string, Chart][] = Object.entries(CHARTS as Record<string, Chart>);
  return Object.fromEntries(charts.map(([name, it]) => [name, chartOf(report, it)]));
}

function chartOf(report: Report, chart: Chart): object {
  const { title, subtitle, x } = chart;
  const rows = Object.entries(chart.questions).flatMap((it) => rowsOf(report, chart, ...it));
  const ours = rows.filter(({ color }) => color === OURS).map(({ value }) => value);
  const figures = new Map([["least", Math.min(...ours)], ["most", Math.max(...ours)]]);
  for (const it of rows) figures.set(x ? `${it.name} at ${it.x}` : it.name, it.value);
  const text = title.replace(/\{(.*?)\}/g, (_, it) => number(figures.get(it) ?? NaN));
  return {
    ...LOOK.all,
    title: {
      text,
      subtitle: [subtitle, `${report.versions[0]}, ${report.machine}, ${report.date}`],
    },
    ...x === undefined ? barsOf(rows, chart.cut) : linesOf(rows, x),
  };
}

/** @returns What a chart shows of a question. */
function rowsOf({ answers }: Report, chart: Chart, question: string, x: number) {
  if (!(question in answers)) {
    throw new Error(`No figures of ${question}, run deno task report first`);
  }
  const { column, isEverywhere, isOfLive, names, unit } = chart;
  const tables = Object.entries(answers[question])
    .filter(([runtime]) => isEverywhere || runtime === "deno");
  return tables.flatMap(([runtime, table]) =>
    Object.entries(names).filter(([it]) => it in table).map(([it, name]) => {
      const value = table[it][column] * (isOfLive ? 100 / x : 1);
      const dark = chart.dark ? table[it][chart.dark] : value;
      const more = isEverywhere ? ` ${name}` : chart.dark ? `, median ${number(dark)}` : "";
      return {
        name,
        group: isEverywhere ? RUNTIME_NAMES[runtime as Runtime] : name, // its keys are runtimes
        x,
        value,
        dark,
        label: `${number(value)} ${unit}${more}`,
        color: /^(Pool|Arena|FreeList)/.test(name) ? OURS : OTHERS,
      };
    })
  );
}

/** @returns Horizontal bars. */
function barsOf(rows: readonly Row[], cut?: number): object {
  const most = cut ? cut * median(rows.map(({ value }) => value)) : Infinity;
  const values = rows.map((it) => ({
    ...it,
    end: Math.min(it.value, most),
    dark: Math.min(it.dark, most),
    offset: it.group === it.name ? "" : it.name,
  }));
  return { ...LOOK.bars, datasets: { rows: values } };
}

/** @returns Lines, with names and figures behind their last points. */
function linesOf(rows: readonly Row[], own: NonNullable<Chart["x"]>): object {
  const { height, encoding: { x, y, color } } = LOOK.lines;
  const values = rows.map(({ value }) => value);
  const domain = [Math.min(...values) / 1.2, Math.max(...values) * 1.2];
  const labelHeight = (domain[1] / domain[0]) ** (19 / height); // of 19 pixels, as a factor
  const ends: Row[] = [];
  for (const row of rows.toSorted((a, b) => a.value - b.value)) {
    if (rows.findLast(({ name }) => name === row.name) !== row) continue;
    const below = ends.findLast((it) => it.x === row.x)?.value ?? 0;
    const value = Math.max(row.value, below * labelHeight); // so that labels do not overlap
    ends.push({ ...row, value, label: `${row.name} ${row.label}` });
  }
  const encoding = {
    x: { ...x, scale: { ...x.scale, ...own.scale }, axis: { ...x.axis, ...own.axis } },
    y: { ...y, scale: { ...y.scale, domain } },
    color,
  };
  return { ...LOOK.lines, encoding, datasets: { rows, ends } };
}

/** @returns About how wide DejaVu Sans makes a text. Vega's own guess is a third more. */
function widthOf({ fontSize }: { fontSize: number }, text: unknown): number {
  return 0.62 * fontSize * String(text).length;
}

/** Draws all charts, and writes them unless it is a trial. */
export async function draw(report: Report, { isTrial }: { isTrial: boolean }): Promise<void> {
  const vega = await import("vega"); // here, as the tests may not load a native library
  const { textMetrics } = vega as unknown as { textMetrics: object }; // its types lack it
  Object.assign(textMetrics, { width: widthOf });
  const { compile } = await import("vega-lite");
  const { Resvg } = await import("@resvg/resvg-js");
  const logger = vega.logger(vega.Error); // without its warnings
  for (const [name, spec] of Object.entries(chartsOf(report))) {
    const { spec: compiled } = compile(spec as Parameters<typeof compile>[0], { logger }); // which checks it
    const svg = await new vega.View(vega.parse(compiled), { renderer: "none" }).toSVG();
    const png = new Resvg(svg, { fitTo: { mode: "zoom", value: 1.5 } }).render().asPng();
    if (isTrial) continue;
    const base = new URL(`../docs/${name}`, import.meta.url).pathname;
    await Deno.writeTextFile(`${base}.svg`, svg);
    await Deno.writeFile(`${base}.png`, png);
  }
}

if (import.meta.main) {
  const text = await Deno.readTextFile(new URL("figures.json", import.meta.url)).catch(() => {
    throw new Error("There is no bench/figures.json, run deno task report first");
  });
  await draw(JSON.parse(text), { isTrial: false });
  console.log("written: docs/chart_*.svg, docs/chart_*.png");
}
