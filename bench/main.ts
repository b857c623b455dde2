/**
 * Measures questions, and prints their tables: `deno task bench [--quick] [name…]`. Measures all of
 * them, and writes `bench/REPORT.md`: `deno task report [--quick]`.
 *
 * A name is that of a file, `records` for `records_bench.ts`, or of a question in it, `records/hot`;
 * without one all are measured. Each contestant runs in processes of its own, some also on Node and
 * Bun, which are installed from npm for it. `--quick` does all once with few records, several
 * processes at a time, which only proves that it works; it writes nothing.
 *
 * @module
 */
import { cpus } from "node:os";
import config from "./deno.json" with { type: "json" };
import { allQuestions } from "./all.ts";
import type { Question } from "./harness/question.ts";
import { measure } from "./harness/run.ts";
import { type Command, withCommands } from "./harness/runtimes.ts";
import { section } from "./harness/table.ts";

const INTRO =
  "Each contestant runs in processes of its own, one after the other in an order that shifts by one from round to round, and its code " +
  "is warm before anything counts. All contestants of a question do the same work on the same values: each comes to a checksum in the " +
  "end, and the run fails unless all are equal. The figures are those of one run: ratios hold elsewhere, times do not. The best is " +
  "that of the processes. A percentile is that of each process, and the median of those.";

/** @returns What is to be known of a run: a list in Markdown. */
function aboutRun(commands: readonly Command[], notes: readonly string[]): string {
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

function chosen(all: readonly Question[], names: readonly string[]): readonly Question[] {
  const isMeant = ({ name }: Question, by: string) => `${name}/`.startsWith(`${by}/`);
  const unknown = names.find((by) => !all.some((it) => isMeant(it, by)));
  if (unknown !== undefined) {
    const known = all.map(({ name }) => name).join(", ");
    console.error(`There is no question ${unknown}. The questions are ${known}`);
    Deno.exit(2);
  }
  return names.length === 0 ? all : all.filter((it) => names.some((by) => isMeant(it, by)));
}

const quick = Deno.args.includes("--quick");
const isReport = Deno.args.includes("--report");
const names = Deno.args.filter((it) => it !== "--quick" && it !== "--report");
const questions = chosen(await allQuestions(), names);
const isEverywhere = questions.some(({ everywhere = [] }) => everywhere.length > 0);
const runtimes = isEverywhere ? ["deno", "node20", "bun"] as const : ["deno"] as const;
await withCommands(runtimes, true, async (commands, notes) => {
  const sections: string[] = [];
  await measure(questions, commands, {
    quick,
    tell(measurement) {
      sections.push(section(measurement));
      console.log(`${sections.at(-1)}\n`);
    },
  });
  if (!isReport) return;
  const text = ["# Report", INTRO, aboutRun(commands, notes), ...sections].join("\n\n");
  if (!quick) await Deno.writeTextFile(new URL("REPORT.md", import.meta.url), `${text}\n`);
  console.log(`report: ${sections.length} questions${quick ? ", not written" : ", written"}`);
});
