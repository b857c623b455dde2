/**
 * Measures questions, and prints their tables.
 *
 * - `deno task bench [name…]`: a name is that of a file, `records` for `records_bench.ts`, or of a
 *   question in it, `records/hot`. Without one, all are measured but the game.
 * - `deno task game`: the six-kind game, which `game/game.ts` describes. It is `game/six-kinds`.
 * - `deno task report`: all, written to `bench/REPORT.md`
 *
 * Each contestant runs in processes of its own, which take turns. The options are:
 *
 * - `--contestant name`: this one and the baseline; may be given again; `loop` means all of `loop/…`
 * - `--runtime deno|node20|node24|bun|chromium|firefox|all`: all contestants run there; may be given
 *   again. Without it, some contestants of some questions also run on Node 20 and Bun, which come
 *   from npm, and in browsers. Those that are not installed are left out.
 * - `--count n`, `--samples n`, `--warm-up n`, `--rounds n`: more or less than the question has. In
 *   the game `--warm-up 20000` has frames late in a long game, and `--count 300` 50 of each kind.
 * - `--quick`: all once with few records, several processes at a time, which only proves that it
 *   works; it writes nothing
 *
 * @module
 */
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { allQuestions } from "./all.ts";
import config from "./deno.json" with { type: "json" };
import type { Question } from "./harness/question.ts";
import { measure } from "./harness/run.ts";
import {
  type Command,
  isInstalled,
  type Runtime,
  RUNTIME_NAMES,
  withCommands,
} from "./harness/runtimes.ts";
import { section } from "./harness/table.ts";

const { values, positionals: names } = parseArgs({
  allowPositionals: true,
  options: {
    "contestant": { type: "string", multiple: true, default: [] },
    "runtime": { type: "string", multiple: true, default: [] },
    "count": { type: "string" },
    "samples": { type: "string" },
    "warm-up": { type: "string" },
    "rounds": { type: "string" },
    "report": { type: "boolean", default: false },
    "quick": { type: "boolean", default: false },
  },
});

const { quick, report } = values;

// -- what is asked --

/** @throws {Error} where a name of one that is wanted is none of those that there are. */
function checkKnown(what: string, wanted: readonly string[], known: readonly string[]): void {
  const unknown = wanted.find((by) => !known.some((it) => isMeant(it, by)));
  if (unknown === undefined) return;
  throw new Error(`There is no ${what} ${unknown}. There are ${known.join(", ")}`);
}

/** @returns Whether a name is that of one, or of a group that it is in. */
function isMeant(name: string, by: string): boolean {
  return `${name}/`.startsWith(`${by}/`);
}

function chosen(all: readonly Question[]): readonly Question[] {
  checkKnown("question", names, all.map(({ name }) => name));
  const usual = (name: string) => !isMeant(name, "game") || report && name === "game/six-kinds";
  if (names.length === 0) return all.filter(({ name }) => usual(name));
  return all.filter(({ name }) => names.some((by) => isMeant(name, by)));
}

/** @returns The question with the contestants and the plan of the options. */
function asked(question: Question): Question {
  const { baseline, contestants, plan } = question;
  const wanted = values.contestant;
  const isDenoOnly = isMeant(question.name, "game") && !report;
  checkKnown("contestant", wanted, Object.keys(contestants));
  const keys = Object.keys(contestants).filter((key) =>
    wanted.length === 0 || key === baseline || wanted.some((by) => isMeant(key, by))
  );
  const given = (name: "count" | "samples" | "warm-up" | "rounds", usual: number) => {
    const value = Number(values[name]);
    if (values[name] === undefined) return usual;
    if (Number.isInteger(value) && value > 0) return value;
    throw new Error(`--${name} must be a positive integer, got ${values[name]}`);
  };
  return {
    ...question,
    contestants: Object.fromEntries(keys.map((it) => [it, contestants[it]])),
    everywhere: values.runtime.length > 0 ? keys : isDenoOnly ? [] : question.everywhere ?? [],
    plan: {
      ...plan,
      count: given("count", plan.count),
      samples: given("samples", plan.samples),
      warmUp: given("warm-up", plan.warmUp),
      rounds: given("rounds", plan.rounds),
    },
  };
}

function runtimesOf(questions: readonly Question[]): readonly Runtime[] {
  const known = Object.keys(RUNTIME_NAMES) as Runtime[]; // its keys are
  checkKnown("runtime", values.runtime, [...known, "all"]);
  if (values.runtime.includes("all")) return known.filter(isInstalled);
  if (values.runtime.length > 0) return values.runtime as Runtime[]; // see above
  return questions.some(({ everywhere }) => everywhere?.length)
    ? known.filter((it) => it !== "node24" && isInstalled(it))
    : ["deno"];
}

// -- the report --

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

const questions = chosen(await allQuestions()).map(asked);
const isOptional = values.runtime.length === 0;
await withCommands(runtimesOf(questions), isOptional, async (commands, notes) => {
  const sections: string[] = [];
  await measure(questions, commands, {
    quick,
    tell(measurement) {
      sections.push(section(measurement));
      console.log(`${sections.at(-1)}\n`);
    },
  });
  if (!report) return;
  const text = ["# Report", INTRO, aboutRun(commands, notes), ...sections].join("\n\n");
  if (!quick) await Deno.writeTextFile(new URL("REPORT.md", import.meta.url), `${text}\n`);
  console.log(`report: ${sections.length} questions${quick ? ", not written" : ", written"}`);
});
