/**
 * Measures questions, and prints their tables.
 *
 * - `deno task bench [name…]`: a name is that of a file, `records` for `records_bench.ts`, or of a
 *   question in it, `records/hot`. Without one, all are measured but the game.
 * - `deno task game`: the six-kind game, which `game/game.ts` describes. It is `game/six-kinds`.
 * - `deno task report`: all, written to `bench/REPORT.md` and `bench/figures.json`, and drawn in the
 *   charts of `docs/`
 *
 * Each contestant runs in processes of its own, which take turns. The options are:
 *
 * - `--contestant name`: this one and the baseline; may be given again; `loop` means all of `loop/…`
 * - `--runtime deno|node20|node24|bun|chromium|firefox|all`: all contestants run there; may be given
 *   again. Without it, some contestants of some questions also run on Node and Bun, which come from
 *   npm, and in browsers. Those that are not installed are left out.
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
import { type Answer, answerOf, section } from "./harness/table.ts";
import { draw, type Report } from "./plot.ts";

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
  if (names.length === 0) return all.filter(({ name }) => report || !isMeant(name, "game"));
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
  const isGiven = values.runtime.length > 0 && !values.runtime.includes("all");
  if (isGiven) return values.runtime as Runtime[]; // see above
  const isEverywhere = questions.some(({ everywhere }) => everywhere?.length);
  return isEverywhere ? known.filter(isInstalled) : ["deno"];
}

// -- the report --

const INTRO =
  "Each contestant runs in processes of its own, one after the other in an order that shifts by one from round to round, and its code " +
  "is warm before anything counts. All contestants of a question do the same work on the same values: each comes to a checksum in the " +
  "end, and the run fails unless all are equal. The figures are those of one run: ratios hold elsewhere, times do not. The best is " +
  "that of the processes. A percentile is that of each process, and the median of those.";

/** @returns What is to be known of a run, with the answers. */
function reportOf(commands: readonly Command[], answers: Record<string, Answer>): Report {
  const gib = (Deno.systemMemoryInfo().total / 2 ** 30).toFixed(0);
  return {
    date: new Date().toISOString().slice(0, 10),
    machine: `${cpus()[0]?.model ?? Deno.build.arch}, ${navigator.hardwareConcurrency} cores, ` +
      `${gib} GiB, ${Deno.build.os} ${Deno.build.arch}`,
    versions: [
      ...commands.map(({ runtime, version }) =>
        `${RUNTIME_NAMES[runtime].split(" ")[0]} ${version}`
      ),
      `V8 ${Deno.version.v8}`,
      ...Object.entries(config.imports).map(([name, it]) => `${name} ${it.split("@").at(-1)}`),
    ],
    answers,
  };
}

/** @returns JSON with four digits that count, and a line for each object that has no other. */
function jsonOf(report: Report): string {
  const text = JSON.stringify(report, (_, value) => {
    if (typeof value !== "number") return value;
    return Number.isFinite(value) ? Number(value.toPrecision(4)) : undefined;
  }, 2);
  return text.replace(/\{[^{}]*\}/g, (it) => it.replace(/\s+/g, " "));
}

const questions = chosen(await allQuestions()).map(asked);
await withCommands(runtimesOf(questions), async (commands) => {
  const sections: string[] = [];
  const answers: Record<string, Answer> = {};
  for await (const measurement of measure(questions, commands, quick)) {
    const { question } = measurement;
    answers[question.name] = answerOf(measurement);
    sections.push(section(question, answers[question.name]));
    console.log(`${sections.at(-1)}\n`);
  }
  if (!report) return;
  const figures = reportOf(commands, answers);
  const load = Deno.loadavg().map((it) => it.toFixed(1)).join(", ");
  const about = [
    `\`deno task report\`, ${figures.date}`,
    `${figures.machine}; load averages as it ended: ${load}`,
    figures.versions.join(", "),
  ].map((it) => `- ${it}`).join("\n");
  const text = ["# Report", INTRO, about, ...sections].join("\n\n");
  if (!quick) {
    await Deno.writeTextFile(new URL("REPORT.md", import.meta.url), `${text}\n`);
    await Deno.writeTextFile(new URL("figures.json", import.meta.url), `${jsonOf(figures)}\n`);
  }
  await draw(figures, { isTrial: quick });
  console.log(`report: ${sections.length} questions${quick ? ", not written" : ", written"}`);
});
