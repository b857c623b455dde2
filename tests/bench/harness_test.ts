/**
 * The harness of the benches: what it reads of processes, and what it makes of their figures. `deno
 * task report --quick` runs the questions.
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { allQuestions } from "../../bench/all.ts";
import { checkAgreed, planOf, type Question } from "../../bench/harness/question.ts";
import { MARK, parseResult, parseTrace, type Round } from "../../bench/harness/result.ts";
import {
  bestOf,
  bytesOf,
  collectionsOf,
  type Figures,
  type Measurement,
  samplesOf,
  typicalOf,
  worstOf,
} from "../../bench/harness/statistics.ts";
import { number, table } from "../../bench/harness/table.ts";
import { chartSpec, LOOKS, type Point, tables } from "../../bench/plot.ts";
import { framesSpec, memorySpec, throughputSpec } from "../../bench/report/charts.ts";
import { report, section } from "../../bench/report/markdown.ts";

// -- questions --

Deno.test("every question has a name of its own, and a baseline among its contestants", async () => {
  const questions = await allQuestions();
  assertEquals(new Set(questions.map(({ name }) => name)).size, questions.length);
  for (const { name, baseline, contestants } of questions) assert(baseline in contestants, name);
});

Deno.test("planOf() gives a quick run few records, and next to no samples", () => {
  assertEquals(planOf(BASE, false), BASE.plan);
  assertEquals(planOf(BASE, true), { count: 10, warmUp: 25, samples: 2, batch: 1, rounds: 1 });
});

Deno.test("checkAgreed() names who did other work", () => {
  checkAgreed("hot", "1", "Pool", "1");
  assertThrows(() => checkAgreed("hot", "1", "Pool", "2"), Error, "hot: Pool did other work");
});

// -- what processes write --

const SCAVENGE =
  "[12:0x5]       15 ms: Scavenge (during sweeping) 3.2 (3.8) -> 2.8 (4.2) MB, pooled: 0.0 MB, 0.80 / 0.00 ms (average mu = 0.7, current mu = 0.7) allocation failure; ";
const ASKED =
  "[12:0x5]       12 ms: Mark-Compact 2.3 (2.8) -> 2.2 (2.8) MB, pooled: 0.0 MB, 3.00 / 0.00 ms (average mu = 0.7, current mu = 0.7) testing; GC in old space requested";
const IN_STEPS =
  "[12:0x5]       92 ms: Incremental Mark-Compact 19.4 (28.1) -> 16.9 (25.7) MB, pooled: 0.0 MB, 2.00 / 0.00 ms (+ 1.5 ms in 22 steps since start of marking, biggest step 0.4 ms, walltime since start of marking 30 ms) (average mu = 0.7, current mu = 0.7) finalize incremental marking via stack guard; GC in old space requested";

Deno.test("parseTrace() counts what is between the last two collections that were asked for", () => {
  const trace = [SCAVENGE, ASKED, SCAVENGE, "some other line", IN_STEPS, ASKED, SCAVENGE];
  const { millis, ...counts } = parseTrace(trace.join("\n"));
  assertEquals([counts, millis.toFixed(2)], [{ scavenges: 1, markCompacts: 1 }, "4.30"]);
  assertEquals(parseTrace(`${ASKED}\n${ASKED}`), { scavenges: 0, markCompacts: 0, millis: 0 });
  assertThrows(() => parseTrace(`${SCAVENGE}\n${ASKED}`), Error, "Cannot read the trace");
});

Deno.test("parseResult() finds the result among other lines", () => {
  const result = { samples: [1, 2], checksum: "7" };
  assertEquals(parseResult(`a warning\n${MARK}${JSON.stringify(result)}\n`), result);
  assertEquals(parseResult("error: no such file"), undefined);
});

// -- statistics --

const BASE: Question = {
  name: "alloc/hot",
  title: "Hot",
  method: "What is done.",
  missing: "somebody.",
  baseline: "slab",
  contestants: Object.fromEntries(
    [["nothing", ""], ["pool", "Pool"], ["slab", "slab by hand"]]
      .map(([key, label]) => [key, { label, make: () => Promise.reject() }]),
  ),
  plan: { count: 1000, warmUp: 40, samples: 5, batch: 4, rounds: 3 },
  quickCount: 10,
};

function figures(contestant: string, ...rounds: (readonly number[] | Partial<Round>)[]): Figures {
  return {
    contestant,
    runtime: "deno",
    rounds: rounds.map((it) => ({
      samples: [],
      checksum: "",
      ...it instanceof Array ? { samples: it } : it,
    })),
  };
}

function measured(more: Partial<Question>, ...all: Figures[]): Measurement {
  return { question: { ...BASE, ...more }, count: 1000, figures: all };
}

Deno.test("statistics are of all samples, or of each process", () => {
  const it = figures("pool", [3, 9], [5, 1], [6, 2, 4]);
  assertEquals(samplesOf(it), [3, 9, 5, 1, 6, 2, 4]);
  assertEquals([typicalOf(BASE, it), bestOf(BASE, it), worstOf(it)], [4, 4, 5]);
  const mean = { ...BASE, compare: "mean" } as const;
  assertEquals([typicalOf(mean, it), bestOf(mean, it)], [4, 3]);
});

Deno.test("collectionsOf() has all of frames, else the mean of a process, counts rounded up", () => {
  const collections = { scavenges: 1, markCompacts: 2, millis: 2 };
  const none = { scavenges: 0, markCompacts: 0, millis: 0 };
  const it = figures("pool", { collections }, { collections: none });
  assertEquals(collectionsOf(BASE, it), { scavenges: 1, markCompacts: 1, millis: 1 });
  assertEquals(collectionsOf({ ...BASE, measure: "frames" }, it), collections);
  assertEquals(collectionsOf(BASE, figures("pool", [1])), undefined);
});

// -- tables --

Deno.test("number() shows three digits that count", () => {
  const values = [0, 12, 1234.5, 12.345, 0.01234, 0.00001234, NaN, 1];
  assertEquals(values.map(number), ["0", "12", "1,235", "12.3", "0.0123", "0.000012", "", "1"]);
});

Deno.test("table() aligns its columns", () => {
  assertEquals(
    table(["a", "long"], [["wide cell", "1"]]),
    "| a         | long |\n| --------- | ---: |\n| wide cell |    1 |",
  );
});

Deno.test("section() shows what was done, and the times beside the baseline", () => {
  const it = measured({}, figures("pool", [2, 3, 4]), figures("slab", [1, 2, 2]));
  assertEquals(
    section(it),
    `
## Hot

What is done.

Left out: somebody.

|              | × slab by hand | best, ns each | median, ns each | 99th percentile, ns each |
| ------------ | -------------: | ------------: | --------------: | -----------------------: |
| Pool         |           1.50 |         3,000 |           3,000 |                    4,000 |
| slab by hand |              1 |         2,000 |           2,000 |                    2,000 |
`.trim(),
  );
});

/** The cells of the row of the pool, without its name. */
function cellsOf(it: Measurement): string[] {
  const row = section(it).split("\n").find((row) => row.startsWith("| Pool "))!;
  return row.split("|").slice(2, -1).map((cell) => cell.trim());
}

Deno.test("section() shows the percentiles of frames, the worst of growth, and memory beyond an empty process", () => {
  const collections = { scavenges: 2, markCompacts: 1, millis: 4.5 };
  const frames = measured(
    { measure: "frames", traced: true },
    figures("pool", { samples: [1, 2, 3], collections }),
    figures("slab", { samples: [1, 1, 1], collections }),
  );
  assertEquals(cellsOf(frames), ["2", "2", "2", "3", "3", "3", "3", "4.50"]);
  const growth = measured(
    { measure: "growth" },
    figures("pool", [0.5, 0.25]),
    figures("slab", [2]),
  );
  assertEquals(cellsOf(growth), ["0.250", "500", "0.750"]);
  const memory = measured(
    { measure: "memory" },
    figures("nothing", { rssBytes: 1 << 20, heapBytes: 500 }),
    figures("pool", { rssBytes: 3 << 20, heapBytes: 20_500 }),
    figures("slab", { rssBytes: 2 << 20, heapBytes: 10_500 }),
  );
  assertEquals(cellsOf(memory), ["2", "20", "2"]);
  assertEquals(bytesOf(memory, memory.figures[1], "heapBytes"), 20_000);
});

Deno.test("section() has a column for each runtime", () => {
  const node = { runtime: "node20" } as const;
  const it = measured(
    {},
    figures("pool", [1]),
    figures("slab", [1]),
    { ...figures("pool", [3]), ...node },
    { ...figures("slab", [2]), ...node },
  );
  const text = section(it);
  assert(/\| ns each, on +\| +Deno \| +Node 20 \|/.test(text), text);
  assert(/\| Pool ÷ slab by hand \| +1 \| +1\.50 \|/.test(text), text);
});

Deno.test("report() has the run, the charts and the sections", () => {
  const run = {
    date: "2030-01-02",
    machine: "a machine",
    versions: [["Deno", "9.9.9"], ["bitecs", "0.4.0"]] as const,
    notes: ["Bun was not to be had"],
  };
  const it = measured({}, figures("pool", [1, 1]), figures("slab", [1, 1]));
  const text = report(run, [it], [{ path: "../docs/a.svg", title: "A" }]);
  for (
    const wanted of [
      "- `deno task report`, 2030-01-02\n- a machine\n- Deno 9.9.9, bitecs 0.4.0\n- Bun was not to be had",
      "![A](../docs/a.svg)",
      "## Hot",
    ]
  ) assert(text.includes(wanted), `${wanted}\n${text}`);
});

// -- charts --

Deno.test("the charts of the report draw each contestant on Deno that has a look", () => {
  const node = { ...figures("pool", [1, 2]), runtime: "node20" } as const;
  const it = measured(
    {},
    figures("pool", [1, 2]),
    node,
    figures("forOf", [1]),
    figures("slab", [1, 4]),
  );
  for (const spec of [framesSpec([it], ""), throughputSpec([it], ""), memorySpec(it, "")]) {
    const { values } = spec.data as { values: { name: string }[] };
    assertEquals([...new Set(values.map(({ name }) => name))], ["Pool", "slab by hand"]);
  }
  const { values } = throughputSpec([it], "").data as { values: { rate: number }[] };
  assertEquals(values.map(({ rate }) => rate), [500_000, 250_000]);
});

const point = (name: string, count: number, millis: number): Point => ({
  pattern: "allocators/alloc",
  name,
  count,
  millis,
});

Deno.test("the plot has a row for each contestant, and crosses the last point of those that stop", () => {
  const points = [
    point("Pool", 1000, 0.02),
    point("plain objects", 1000, 0.01),
    point("Pool", 3000, 0.09),
  ];
  assertEquals(tables(points).trim().split("\n").slice(2), [
    "|               | 1,000 | 3,000 |",
    "| ------------- | ----: | ----: |",
    "| Pool          |    20 |    30 |",
    "| plain objects |    10 |       |",
  ]);
  const { values } = chartSpec(points, []).data as { values: { stopped: boolean }[] };
  assertEquals(values.map(({ stopped }) => stopped), [false, true, false]);
});

Deno.test("the lines of the plot are the contestants that are measured, no two of them alike", async () => {
  const questions = (await allQuestions()).filter(({ name }) => name.startsWith("allocators/"));
  const labels = questions.flatMap(({ contestants }) =>
    Object.values(contestants).map(({ label }) => label)
  );
  assertEquals(LOOKS.map(({ name }) => name).sort(), [...new Set(labels)].sort());
  assertEquals(new Set(LOOKS.map(({ color }) => color)).size, LOOKS.length);
});
