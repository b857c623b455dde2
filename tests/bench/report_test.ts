import { assert, assertEquals, assertThrows } from "@std/assert";
import { scenarios } from "../../bench/report/all.ts";
import { framesSpec, memorySpec, throughputSpec } from "../../bench/report/charts.ts";
import { type Goal, goalsOf, isMet, lookIn } from "../../bench/report/goals.ts";
import {
  type Measurement,
  number,
  recordBytesOf,
  report,
  rssOf,
  section,
  table,
} from "../../bench/report/markdown.ts";
import {
  checkAgreed,
  type Figures,
  figuresOf,
  MARK,
  parseResult,
  parseTrace,
} from "../../bench/report/result.ts";
import { playersOf } from "../../bench/report/runner.ts";
import { quickPlan, type Scenario } from "../../bench/report/scenario.ts";

// -- the work --

/** As often as its process would: what fills a herd once has no room for a second time. */
function stepsOf({ measure, quickCount }: Scenario): number {
  return measure === "memory" ? 1 : measure === "growth" ? quickPlanSteps(quickCount) : 45;
}

/** Growth adds 64 a step. */
function quickPlanSteps(count: number): number {
  return count / 64;
}

for (const scenario of scenarios) {
  Deno.test(`report: all contestants of ${scenario.name} do the same work`, async () => {
    const sums = [];
    for (const { key, make } of scenario.contestants) {
      const work = await make(scenario.quickCount);
      for (let step = 0; step < stepsOf(scenario); step++) work.run();
      if (key !== "nothing") sums.push({ who: key, checksum: work.checksum() });
    }
    checkAgreed(scenario.name, sums);
    assert(!/NaN|undefined/.test(sums[0].checksum), sums[0].checksum);
  });
}

Deno.test("every contestant of the report has a key of its own, and so has every scenario", () => {
  assertEquals(new Set(scenarios.map(({ name }) => name)).size, scenarios.length);
  for (const { contestants, baseline, name } of scenarios) {
    const keys = contestants.map(({ key }) => key);
    assertEquals(new Set(keys).size, keys.length, name);
    assert(keys.includes(baseline), name);
  }
});

Deno.test("every goal is about contestants and scenarios that there are", () => {
  const asked: string[] = [];
  const known = scenarios.flatMap(({ name, contestants }) =>
    contestants.map(({ key }) => `${name} ${key}`)
  );
  for (const { figure, scenario } of goalsOf(scenarios, () => 1, () => 1)) {
    assert(scenarios.some(({ name }) => name === scenario), scenario);
    figure((name, contestant) => {
      asked.push(`${name} ${contestant}`);
      return 1;
    });
  }
  assertEquals(asked.filter((it) => !known.includes(it)), []);
});

// -- results --

const SCAVENGE =
  "[12:0x5]       15 ms: Scavenge (during sweeping) 3.2 (3.8) -> 2.8 (4.2) MB, pooled: 0.0 MB, 0.80 / 0.00 ms (average mu = 0.7, current mu = 0.7) allocation failure; ";
const ASKED =
  "[12:0x5]       12 ms: Mark-Compact 2.3 (2.8) -> 2.2 (2.8) MB, pooled: 0.0 MB, 3.00 / 0.00 ms (average mu = 0.7, current mu = 0.7) testing; GC in old space requested";
const IN_STEPS =
  "[12:0x5]       92 ms: Incremental Mark-Compact 19.4 (28.1) -> 16.9 (25.7) MB, pooled: 0.0 MB, 2.00 / 0.00 ms (+ 1.5 ms in 22 steps since start of marking, biggest step 0.4 ms, walltime since start of marking 30 ms) (average mu = 0.7, current mu = 0.7) finalize incremental marking via stack guard; GC in old space requested";

Deno.test("parseTrace() counts what is between the two collections that were asked for", () => {
  const trace = [SCAVENGE, ASKED, SCAVENGE, "some other line", IN_STEPS, ASKED, SCAVENGE];
  const { count, millis } = parseTrace(trace.join("\n"))!;
  assertEquals([count, millis.toFixed(2)], [2, "4.30"]);
});

Deno.test("parseTrace() tells that there were none, and that there is no trace", () => {
  assertEquals(parseTrace([ASKED, ASKED].join("\n")), { count: 0, millis: 0 });
  assertEquals(parseTrace([SCAVENGE, ASKED].join("\n")), undefined);
});

Deno.test("parseResult() finds the result among other lines", () => {
  const result = { samples: [1, 2], checksum: "7" };
  assertEquals(parseResult(`a warning\n${MARK}${JSON.stringify(result)}\n`), result);
  assertEquals(parseResult("error: no such file"), undefined);
});

Deno.test("checkAgreed() names two that came to something else", () => {
  const sums = [{ who: "a", checksum: "1" }, { who: "b", checksum: "1" }];
  checkAgreed("hot", sums);
  checkAgreed("hot", []);
  const odd = [...sums, { who: "c", checksum: "2" }];
  assertThrows(() => checkAgreed("hot", odd), Error, `a came to "1", c to "2"`);
});

Deno.test("figuresOf() sorts all samples, and takes the least of the worst", () => {
  const figures = figuresOf({
    scenario: "hot",
    contestant: "pool",
    runtime: "deno",
    results: [
      { samples: [3, 9], checksum: "7", rssBytes: 10, heapBytes: 4 },
      { samples: [5, 1], checksum: "7", rssBytes: 30, heapBytes: 6 },
      { samples: [6, 2], checksum: "7", rssBytes: 20, heapBytes: 5 },
    ],
    collections: [{ count: 1, millis: 2 }, { count: 0, millis: 0 }],
    together: false,
  });
  assertEquals(figures.samples, [1, 2, 3, 5, 6, 9]);
  assertEquals([figures.worst, figures.mean, figures.total], [5, 4, 8]);
  assertEquals([figures.rssBytes, figures.heapBytes], [20, 5]);
  assertEquals(figures.collections, { count: 1, millis: 1 });
});

Deno.test("playersOf() has the module and the slab by hand on the runtimes that are there", () => {
  const command = { program: "x", args: [] };
  const hot = scenarios.find(({ name }) => name === "hot")!;
  const there = playersOf(hot, { deno: command, bun: command })
    .filter(({ runtime }) => runtime !== "deno");
  assertEquals(there.map(({ contestant, runtime }) => [contestant, runtime]), [
    ["pool", "bun"],
    ["slab", "bun"],
  ]);
  const lifo = scenarios.find(({ name }) => name === "lifo")!;
  const commands = { deno: command, node: command, bun: command };
  assertEquals(playersOf(lifo, commands).length, lifo.contestants.length);
});

// -- Markdown --

function contestant(key: string, label: string) {
  return { key, label, make: () => Promise.reject() };
}

const BASE: Scenario = {
  name: "hot",
  title: "Hot",
  method: "What is done.",
  missing: "somebody.",
  measure: "time",
  baseline: "slab",
  contestants: [contestant("pool", "Pool"), contestant("slab", "slab by hand")],
  full: { count: 1000, warmUp: 0, samples: 1, batch: 1, rounds: 1 },
  quickCount: 10,
};

function figures(
  contestant: string,
  samples: number[],
  more: Partial<Figures> = {},
): Figures {
  return {
    scenario: "hot",
    contestant,
    runtime: "deno",
    samples,
    worst: samples.at(-1) ?? 0,
    mean: samples.reduce((a, b) => a + b, 0) / samples.length,
    total: samples.reduce((a, b) => a + b, 0),
    checksum: "",
    ...more,
  };
}

function measured(more: Partial<Scenario>, all: Figures[]): Measurement {
  return { scenario: { ...BASE, ...more }, count: 1000, figures: all };
}

function goal(limit: number): Goal {
  return {
    scenario: "hot",
    text: "Pool ÷ slab",
    limit,
    sense: "at most",
    figure: (look) =>
      look("hot", "pool", ({ samples }) => samples[1])! /
      look("hot", "slab", ({ samples }) => samples[1])!,
  };
}

Deno.test("section() shows what was done, the times beside the baseline, and the goals", () => {
  const it = measured({}, [figures("pool", [2, 3, 4]), figures("slab", [1, 2, 2])]);
  assertEquals(
    section(it, [goal(1.5), goal(1)], lookIn(it.figures)),
    `
## Hot

What is done.

Left out: somebody.

|              | × slab by hand | median, ns each | 99th percentile, ns each |
| ------------ | -------------: | --------------: | -----------------------: |
| Pool         |           1.50 |           3,000 |                    4,000 |
| slab by hand |              1 |           2,000 |                    2,000 |

| wanted      |        limit | figure |            |
| ----------- | -----------: | -----: | ---------: |
| Pool ÷ slab | at most 1.50 |   1.50 |        met |
| Pool ÷ slab |    at most 1 |   1.50 | **missed** |
`.trim(),
  );
});

Deno.test("section() shows frames with their percentiles and collections", () => {
  const collections = { count: 3, millis: 4.5 };
  const it = measured({ measure: "frames" }, [
    figures("pool", [1, 2, 3], { collections }),
    figures("slab", [1, 1, 1], { collections: { count: 0, millis: 0 } }),
  ]);
  const rows = section(it, [], lookIn(it.figures)).split("\n");
  const cells = rows.find((row) => row.includes("| Pool "))!.split("|").map((it) => it.trim());
  assertEquals(cells.slice(1, -1), ["Pool", "2", "2", "3", "3", "3", "3", "4.50"]);
});

Deno.test("section() shows the worst of growth, and memory beyond that of a process that did nothing", () => {
  const growing = measured({ measure: "growth" }, [
    figures("pool", [1], { worst: 0.5 }),
    figures("slab", [1], { worst: 2 }),
  ]);
  assert(/\| Pool +\| +0\.250 \| +500 \| +1 \|/.test(section(growing, [], lookIn([]))));
  const weighed = measured({ measure: "memory" }, [
    figures("nothing", [], { rssBytes: 1 << 20, heapBytes: 500 }),
    figures("pool", [], { rssBytes: 3 << 20, heapBytes: 20_500 }),
    figures("slab", [], { rssBytes: 2 << 20, heapBytes: 10_500 }),
  ]);
  const text = section(weighed, [], lookIn([]));
  assert(/\| Pool +\| +20 \| +2 \| +2 \|/.test(text), text);
  assert(!text.includes("nothing"), text);
  const pool = weighed.figures[1];
  assertEquals([recordBytesOf(weighed, pool), rssOf(weighed, pool)], [20, 2 << 20]);
});

Deno.test("section() has a column for each runtime", () => {
  const it = measured({}, [
    figures("pool", [1]),
    figures("slab", [1]),
    figures("pool", [3], { runtime: "node" }),
    figures("slab", [2], { runtime: "node" }),
  ]);
  const text = section(it, [], lookIn(it.figures));
  assert(/\| ns each, on +\| +Deno \| +Node \|/.test(text), text);
  assert(/\| Pool ÷ slab by hand \| +1 \| +1\.50 \|/.test(text), text);
  assert(!text.includes("Bun"), text);
});

Deno.test("report() tells the run, all goals, and what was not measured", () => {
  const run = {
    command: "deno task report",
    date: "2030-01-02",
    machine: "a machine",
    versions: [["Deno", "9.9.9"], ["bitecs", "0.4.0"]] as const,
    notes: ["Bun was not to be had"],
  };
  const missing: Goal = { ...goal(1), scenario: "growth", figure: () => undefined };
  const it = measured({}, [figures("pool", [1, 1]), figures("slab", [1, 1])]);
  const text = report(run, [it], [goal(2), missing], [{ path: "../docs/a.svg", title: "A" }]);
  for (
    const wanted of [
      "- `deno task report`, 2030-01-02\n- a machine\n- Deno 9.9.9, bitecs 0.4.0\n- Bun was not to be had",
      "| Hot    | Pool ÷ slab | at most 2 |      1 |          met |",
      "| growth | Pool ÷ slab | at most 1 |        | not measured |",
      "![A](../docs/a.svg)",
      "## Hot",
    ]
  ) assert(text.includes(wanted), `${wanted}\n${text}`);
});

Deno.test("isMet() reads a limit both ways", () => {
  const least: Goal = { ...goal(3), sense: "at least" };
  assertEquals([isMet(goal(2), 2), isMet(goal(2), 2.1)], [true, false]);
  assertEquals([isMet(least, 3), isMet(least, 2.9)], [true, false]);
});

Deno.test("number() shows three digits that count", () => {
  assertEquals([0, 12, 1234.5, 12.345, 0.01234, 0.00001234, NaN, 1].map(number), [
    "0",
    "12",
    "1,235",
    "12.3",
    "0.0123",
    "0.000012",
    "",
    "1",
  ]);
});

Deno.test("table() aligns its columns", () => {
  assertEquals(
    table(["a", "long"], [["wide cell", "1"]]),
    [
      "| a         | long |",
      "| --------- | ---: |",
      "| wide cell |    1 |",
    ].join("\n"),
  );
});

// -- charts --

Deno.test("the charts draw each contestant on Deno that has a look, and no other", () => {
  const it = measured({ measure: "frames" }, [
    figures("pool", [1, 2]),
    figures("pool", [1, 2], { runtime: "node" }),
    figures("forOf", [1, 2]),
    figures("slab", [1, 4]),
  ]);
  const named = (spec: Record<string, unknown>) => {
    const { values } = spec.data as { values: { name: string }[] };
    return [...new Set(values.map(({ name }) => name))];
  };
  const wanted = ["Pool", "slab by hand"];
  assertEquals(named(framesSpec([it], "")), wanted);
  assertEquals(named(throughputSpec([it], "")), wanted);
  assertEquals(named(memorySpec(it, "")), wanted);
  const { values } = throughputSpec([it], "").data as { values: { rate: number }[] };
  assertEquals(values.map(({ rate }) => rate), [500_000, 250_000]);
});

Deno.test("framesSpec() has the same shares for each contestant, and the maximum last", () => {
  const it = measured({ measure: "frames" }, [figures("pool", [1, 2, 3, 9])]);
  const { values } = framesSpec([it], "").data as { values: { place: number; millis: number }[] };
  assertEquals([values[0].millis, values.at(-1)!.millis], [1, 9]);
  assertEquals(values.map(({ place }) => place), values.map(({ place }) => place).toSorted());
});

Deno.test("a quick run has the counts of quickCount, and next to no samples", () => {
  assertEquals(quickPlan(BASE), { count: 10, warmUp: 1, samples: 2, batch: 1, rounds: 1 });
});
