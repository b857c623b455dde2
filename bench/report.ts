/**
 * Measures all questions, and writes `bench/REPORT.md` and the chart `docs/frames`: `deno task
 * report [--quick]`.
 *
 * Some contestants also run on Node and Bun, which are installed from npm for it. `--quick` does
 * everything once with few records, several processes at a time, to see that it works; it writes
 * nothing.
 *
 * @module
 */
import { cpus } from "node:os";
import config from "./deno.json" with { type: "json" };
import { allQuestions } from "./all.ts";
import { draw, lines, logAxis, type Spec } from "./harness/chart.ts";
import { measure } from "./harness/run.ts";
import { type Command, withCommands } from "./harness/runtimes.ts";
import { type Measurement, quantile, samplesOf } from "./harness/statistics.ts";
import { section } from "./harness/table.ts";

// -- the text --

const INTRO =
  "Each contestant runs in processes of its own, one after the other in an order that shifts by one from round to round, and its code " +
  "is warm before anything counts. All contestants of a question do the same work on the same values: each comes to a checksum in the " +
  "end, and the run fails unless all are equal. The figures are those of one run: ratios hold elsewhere, times do not.";

/** @returns What is to be known of a run: a list in Markdown. */
function runOf(commands: readonly Command[], notes: readonly string[]): string {
  const gib = (Deno.systemMemoryInfo().total / 2 ** 30).toFixed(0);
  const load = Deno.loadavg().map((it) => it.toFixed(1)).join(", ");
  const cpu = cpus()[0]?.model ?? Deno.build.arch;
  const tools = ["vega", "vega-lite", "@resvg/resvg-js"];
  const versions = [
    ...commands.map(({ runtime, version }) => `${runtime} ${version}`),
    `V8 ${Deno.version.v8}`,
    ...Object.entries(config.imports).filter(([name]) => !tools.includes(name))
      .map(([name, it]) => `${name} ${it.slice(it.lastIndexOf("@") + 1)}`),
  ];
  return [
    `\`deno task report\`, ${new Date().toISOString().slice(0, 10)}`,
    `${cpu}, ${navigator.hardwareConcurrency} cores, ${gib} GiB, ${Deno.build.os} ${Deno.build.arch}; ` +
    `load averages as it ended: ${load}`,
    versions.join(", "),
    ...notes,
  ].map((it) => `- ${it}`).join("\n");
}

// -- the chart --

/** The contestants that are drawn. */
const DRAWN = ["columns", "pool", "forOf", "slab", "objects", "recycled", "wolf"];

/** Shares of the frames. On the axis each further nine is as far as the one before. */
const SHARES = [0, 0.5, 0.75, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 1];

function positionOf(share: number): number {
  return share === 1 ? 3.3 : -Math.log10(1 - share);
}

/**
 * @returns How long frames take on Deno: the time that a share of them stays below, in a panel for
 * each measurement.
 */
export function framesSpec(measurements: readonly Measurement[], subtitle: string): Spec {
  const panelOf = (count: number) => `${count.toLocaleString("en")} live`;
  const values = measurements.flatMap(({ question, count, figures }) =>
    figures
      .filter(({ runtime, contestant }) => runtime === "deno" && DRAWN.includes(contestant))
      .flatMap((it) =>
        SHARES.map((share) => ({
          name: question.contestants[it.contestant].label,
          panel: panelOf(count),
          position: positionOf(share),
          millis: Math.max(1e-4, quantile(samplesOf(it), share)),
        }))
      )
  );
  return lines({
    title: "Frames with churn: 5 % of the records replaced in each",
    subtitle,
    values,
    panels: measurements.map(({ count }) => panelOf(count)),
    isIndependent: true,
    x: {
      field: "position",
      type: "quantitative",
      axis: {
        title: "share of frames that are as fast, up to all",
        values: [0, 0.5, 0.9, 0.99, 0.999].map(positionOf),
        labelOverlap: false,
        labelFlush: false,
        labelExpr: "format(1 - pow(10, -datum.value), '~p')",
      },
    },
    y: logAxis("millis", "milliseconds", { format: "~g" }),
  });
}

if (import.meta.main) {
  const quick = Deno.args.includes("--quick");
  await withCommands(["deno", "node20", "bun"], true, async (commands, notes) => {
    const measurements = await measure(await allQuestions(), commands, { quick });
    const drawn = measurements.filter(({ question }) =>
      /^frames\/(20000|100000|1000000)$/.test(question.name)
    );
    const spec = framesSpec(
      drawn,
      `Deno ${Deno.version.deno}, ${Deno.build.os} ${Deno.build.arch}; ` +
        "bench/REPORT.md has the figures and says how they were taken",
    );
    await draw(spec, quick ? undefined : new URL("../docs/frames", import.meta.url));
    const parts = [
      "# Report",
      INTRO,
      runOf(commands, notes),
      "![How long frames take](../docs/frames.svg)",
      ...measurements.map(section),
    ];
    if (!quick) {
      await Deno.writeTextFile(new URL("REPORT.md", import.meta.url), `${parts.join("\n\n")}\n`);
    }
    const written = quick
      ? "and not written, as this was a quick run"
      : "and written to bench/ and docs/";
    console.log(`report: ${measurements.length} questions and a chart, ${written}`);
  });
}
