/**
 * Measures the module against what its users would pick instead, and against what can be had by hand: `deno task report`.
 *
 * Runs every scenario of `report/all.ts`, each contestant in processes of its own, and writes `bench/REPORT.md` and the charts in
 * `docs/`. The module and the slab by hand run on Node and Bun as well, which are installed from npm for it.
 *
 * `--only name,…` runs the scenarios of these names, `frames` being all that start with `frames-`, prints their tables, and writes nothing. `--quick` does everything once with few
 * records, several processes at a time, to see that it works: its figures mean nothing, and go to a directory that is removed.
 *
 * @module
 */
import { cpus } from "node:os";
import { render } from "./_plot_render.ts";
import { scenarios } from "./report/all.ts";
import { framesSpec, memorySpec, type Spec, throughputSpec } from "./report/charts.ts";
import { goalsOf, lookIn } from "./report/goals.ts";
import {
  type Chart,
  type Measurement,
  recordBytesOf,
  report,
  rssOf,
  type Run,
  section,
} from "./report/markdown.ts";
import type { Figures } from "./report/result.ts";
import { type Commands, finish, play, type Player, playersOf } from "./report/runner.ts";
import { allRuntimes, denoOnly, type Runtimes } from "./report/runtimes.ts";
import { type Plan, quickPlan, type Scenario } from "./report/scenario.ts";

// -- options --

interface Options {
  readonly quick: boolean;
  /** Names of scenarios, or what they have before a dash; empty for all. */
  readonly only: readonly string[];
}

function optionsOf(args: readonly string[]): Options | undefined {
  const only = args.indexOf("--only");
  const names = only < 0 ? "" : args[only + 1] ?? "";
  const known = args.filter((arg, i) =>
    arg === "--quick" || only >= 0 && (i === only || i === only + 1)
  );
  if (known.length < args.length || only >= 0 && names === "") return undefined;
  return { quick: args.includes("--quick"), only: names.split(",").filter((it) => it !== "") };
}

function chosen({ only }: Options): Scenario[] {
  return scenarios.filter(({ name }) =>
    only.length === 0 || only.some((it) => name === it || name.startsWith(`${it}-`))
  );
}

// -- the figures --

/** Turns of a scenario, in the order in which they are taken, and what each is expected to cost beside the others. */
function turnsOf(players: readonly Player[], { rounds }: Plan): Player[] {
  return Array.from(
    { length: rounds },
    (_, round) => players.map((_, turn) => players[(turn + round) % players.length]),
  ).flat();
}

/** Tells how far it is: time left is guessed from the processes so far, each of the weight of its scenario. */
class Progress {
  readonly #start = performance.now();
  #done = 0;
  #title = "";

  constructor(readonly all: number) {}

  /** @param weight What is done now. */
  tell(title: string, detail: string, weight: number): void {
    const share = this.#done / this.all;
    const left = share === 0 ? NaN : (performance.now() - this.#start) / share * (1 - share);
    const text = `${(share * 100).toFixed(0).padStart(3)} %  ${title}  ${leftText(left)}`;
    if (Deno.stderr.isTerminal()) write(`\r\x1b[K${text}  ${detail}`);
    else if (title !== this.#title) write(`${text}\n`);
    this.#title = title;
    this.#done += weight;
  }

  end(): void {
    if (Deno.stderr.isTerminal()) write("\r\x1b[K");
  }
}

function leftText(millis: number): string {
  if (Number.isNaN(millis)) return "";
  return millis < 90_000
    ? `${Math.ceil(millis / 1000)} s left`
    : `${Math.ceil(millis / 60_000)} min left`;
}

function write(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(text));
}

/** Records that are handled in a process, as far as that says how long it takes; some for the start of the process. */
function weightOf(
  { count, warmUp, samples, batch }: Plan,
  { measure, share = 1 }: Scenario,
): number {
  const steps = measure === "growth" || measure === "memory" ? 2 : (warmUp + samples) * batch;
  return 1e6 + count * share * steps;
}

/** @param tell Called after each scenario with all that is measured so far. */
async function measureAll(
  chosen: readonly Scenario[],
  commands: Commands,
  quick: boolean,
  tell: (measurements: readonly Measurement[]) => void,
): Promise<Measurement[]> {
  const jobs = chosen.map((scenario) => {
    const plan = quick ? quickPlan(scenario) : scenario.full;
    const players = playersOf(scenario, commands);
    return { scenario, plan, players, turns: turnsOf(players, plan) };
  });
  const weights = jobs.map(({ plan, scenario, turns }) => weightOf(plan, scenario) * turns.length);
  const progress = new Progress(weights.reduce((a, b) => a + b, 0));
  const measurements: Measurement[] = [];
  for (const { scenario, plan, players, turns } of jobs) {
    await inTurn(turns, quick ? navigator.hardwareConcurrency : 1, async (player) => {
      const detail = `${player.contestant} on ${player.runtime}`;
      progress.tell(scenario.title, detail, weightOf(plan, scenario));
      await play(player, commands, plan);
    });
    measurements.push({ scenario, count: plan.count, figures: finish(scenario, players) });
    tell(measurements);
  }
  progress.end();
  return measurements;
}

/** Does all in order, so many at a time. */
async function inTurn<T>(
  all: readonly T[],
  atOnce: number,
  work: (it: T) => Promise<void>,
): Promise<void> {
  let next = 0;
  const lane = async () => {
    while (next < all.length) await work(all[next++]);
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
}

// -- what is told --

function goalsFor(measurements: readonly Measurement[]) {
  const memory = measurements.find(({ scenario }) => scenario.measure === "memory");
  const ofMemory =
    (stat: (measurement: Measurement, figures: Figures) => number) => (figures: Figures) =>
      memory === undefined ? undefined : stat(memory, figures);
  return goalsOf(scenarios, ofMemory(recordBytesOf), ofMemory(rssOf));
}

function machine(): string {
  const cpu = cpus()[0]?.model ?? Deno.build.arch;
  const gib = (Deno.systemMemoryInfo().total / 2 ** 30).toFixed(0);
  const load = Deno.loadavg().map((it) => it.toFixed(1)).join(", ");
  return `${cpu}, ${navigator.hardwareConcurrency} cores, ${gib} GiB, ${Deno.build.os} ${Deno.build.arch}; load averages as it ended: ${load}`;
}

/** The packages that are compared, with their versions, as `bench/deno.json` pins them. */
async function packages(): Promise<[string, string][]> {
  const { default: config } = await import("./deno.json", { with: { type: "json" } });
  const measured = ["bitecs", "wolf-ecs", "elics", "structurae", "deepool", "@thi.ng/malloc"];
  return Object.entries(config.imports).filter(([name]) => measured.includes(name))
    .map(([name, specifier]) => [name, specifier.slice(specifier.lastIndexOf("@") + 1)]);
}

async function runOf({ versions, notes }: Runtimes): Promise<Run> {
  return {
    command: "deno task report",
    date: new Date().toISOString().slice(0, 10),
    machine: machine(),
    versions: [
      ["Deno", Deno.version.deno],
      ["V8", Deno.version.v8],
      ...versions,
      ...await packages(),
    ],
    notes,
  };
}

/** The charts that there are figures for, by name. */
function specsOf(
  measurements: readonly Measurement[],
): Record<string, { title: string; spec: Spec }> {
  const note =
    `Deno ${Deno.version.deno}, ${Deno.build.os} ${Deno.build.arch}; bench/REPORT.md has the figures and says how they were taken`;
  const frames = measurements.filter(({ scenario: { measure, name } }) =>
    measure === "frames" && !name.endsWith("-even")
  );
  const main = frames.filter(({ scenario }) => MAIN_FRAMES.includes(scenario.name));
  const memory = measurements.find(({ scenario }) => scenario.measure === "memory");
  return {
    ...main.length === 0 ? {} : {
      frames: { title: "How long frames take", spec: framesSpec(main, note) },
    },
    ...frames.length === 0 ? {} : {
      throughput: { title: "Records a second", spec: throughputSpec(frames, note) },
    },
    ...memory === undefined ? {} : {
      memory: { title: "Resident bytes a record", spec: memorySpec(memory, note) },
    },
  };
}

const MAIN_FRAMES = ["frames-20000", "frames-100000", "frames-1000000"];

/** Writes the report and its charts, which it tells. */
async function writeAll(
  measurements: readonly Measurement[],
  run: Run,
  root: URL,
): Promise<readonly Chart[]> {
  const docs = new URL("docs/", root), bench = new URL("bench/", root);
  await Deno.mkdir(docs, { recursive: true });
  await Deno.mkdir(bench, { recursive: true });
  const charts: Chart[] = [];
  for (const [name, { title, spec }] of Object.entries(specsOf(measurements))) {
    const { svg, png } = await render(spec);
    await Deno.writeTextFile(new URL(`${name}.svg`, docs), svg);
    await Deno.writeFile(new URL(`${name}.png`, docs), png);
    charts.push({ path: `../docs/${name}.svg`, title });
  }
  const text = report(run, measurements, goalsFor(measurements), charts);
  await Deno.writeTextFile(new URL("REPORT.md", bench), text);
  return charts;
}

/** Prints the table of the last scenario. */
function print(measurements: readonly Measurement[]): void {
  const look = lookIn(measurements.flatMap(({ figures }) => figures));
  const last = measurements[measurements.length - 1];
  console.log(section(last, goalsFor(measurements), look) + "\n");
}

async function main(): Promise<void> {
  const options = optionsOf(Deno.args);
  if (options === undefined || chosen(options).length === 0) {
    console.error("deno task report [--quick] [--only name,…]");
    console.error(`names: ${scenarios.map(({ name }) => name).join(", ")}`);
    Deno.exit(2);
  }
  const dir = await Deno.makeTempDir();
  try {
    const runtimes = chosen(options).some((it) => it.everywhere)
      ? await allRuntimes(dir)
      : denoOnly();
    for (const note of runtimes.notes) console.error(note);
    const { quick, only } = options;
    const tell = only.length > 0 ? print : () => {};
    const measurements = await measureAll(chosen(options), runtimes.commands, quick, tell);
    if (only.length > 0) return;
    const root = quick ? new URL(`file://${dir}/`) : new URL("../", import.meta.url);
    const charts = await writeAll(measurements, await runOf(runtimes), root);
    const kept = quick ? "all of it removed again, as this was a quick run" : "in docs/";
    console.log(`written: bench/REPORT.md and ${charts.length} charts, ${kept}`);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

if (import.meta.main) await main();
