/**
 * Measures all questions, and writes `bench/REPORT.md` and the charts in `docs/`: `deno task report
 * [--quick]`.
 *
 * The pool and the slab by hand also run on Node and Bun, which are installed from npm for it.
 * `--quick` does everything once with few records, several processes at a time, to see that it
 * works; it writes nothing.
 *
 * @module
 */
import { cpus } from "node:os";
import config from "./deno.json" with { type: "json" };
import { allQuestions } from "./all.ts";
import { draw, type Spec } from "./harness/chart.ts";
import { measure } from "./harness/run.ts";
import { allCommands, type Command } from "./harness/runtimes.ts";
import type { Measurement } from "./harness/statistics.ts";
import { framesSpec, memorySpec, throughputSpec } from "./report/charts.ts";
import { report, type Run } from "./report/markdown.ts";

function runOf(commands: readonly Command[], notes: readonly string[]): Run {
  const gib = (Deno.systemMemoryInfo().total / 2 ** 30).toFixed(0);
  const load = Deno.loadavg().map((it) => it.toFixed(1)).join(", ");
  const tools = ["vega", "vega-lite", "@resvg/resvg-js"];
  return {
    date: new Date().toISOString().slice(0, 10),
    machine:
      `${
        cpus()[0]?.model ?? Deno.build.arch
      }, ${navigator.hardwareConcurrency} cores, ${gib} GiB, ` +
      `${Deno.build.os} ${Deno.build.arch}; load averages as it ended: ${load}`,
    versions: [
      ...commands.map(({ runtime, version }) => [runtime, version] as const),
      ["V8", Deno.version.v8],
      ...Object.entries(config.imports).filter(([name]) => !tools.includes(name))
        .map(([name, it]) => [name, it.slice(it.lastIndexOf("@") + 1)] as const),
    ],
    notes,
  };
}

/** The charts, by the names of their files. */
function chartsOf(
  measurements: readonly Measurement[],
): Record<string, { title: string; spec: Spec }> {
  const note = `Deno ${Deno.version.deno}, ${Deno.build.os} ${Deno.build.arch}; ` +
    "bench/REPORT.md has the figures and says how they were taken";
  const named = (test: RegExp) => measurements.filter(({ question }) => test.test(question.name));
  const [memory] = named(/^growth\/memory$/);
  return {
    frames: {
      title: "How long frames take",
      spec: framesSpec(named(/^frames\/(20000|100000|1000000)$/), note),
    },
    throughput: {
      title: "Records a second",
      spec: throughputSpec(named(/^frames\/\d+$/), note),
    },
    memory: { title: "Resident bytes a record", spec: memorySpec(memory, note) },
  };
}

const quick = Deno.args.includes("--quick");
const dir = await Deno.makeTempDir();
try {
  const { commands, notes } = await allCommands(true, dir);
  for (const note of notes) console.error(note);
  const measurements = await measure(await allQuestions(), commands, { quick });
  const charts = [];
  for (const [name, { title, spec }] of Object.entries(chartsOf(measurements))) {
    await draw(spec, quick ? undefined : new URL(`../docs/${name}`, import.meta.url));
    charts.push({ path: `../docs/${name}.svg`, title });
  }
  const text = report(runOf(commands, notes), measurements, charts);
  if (!quick) await Deno.writeTextFile(new URL("REPORT.md", import.meta.url), text);
  const written = quick
    ? "and not written, as this was a quick run"
    : "and written to bench/ and docs/";
  console.log(`report: ${measurements.length} questions and ${charts.length} charts, ${written}`);
} finally {
  await Deno.remove(dir, { recursive: true });
}
