/**
 * The harness of the benches: what it reads of processes, and what it makes of their figures. `deno
 * task report --quick` runs the questions.
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { allQuestions } from "../../bench/all.ts";
import { questions as games } from "../../bench/game/game.ts";
import { planOf, type Question } from "../../bench/harness/question.ts";
import { MARK, parseResult, parseTrace, type Round } from "../../bench/harness/result.ts";
import { checkAgreed } from "../../bench/harness/run.ts";
import {
  bestOf,
  bytesOf,
  collectionsOf,
  percentileOf,
  typicalOf,
  worstOf,
} from "../../bench/harness/statistics.ts";
import type { Figures, Measurement } from "../../bench/harness/statistics.ts";
import { answerOf, number, section } from "../../bench/harness/table.ts";
import CHARTS from "../../bench/charts/charts.json" with { type: "json" };
import { chartsOf, type Report } from "../../bench/plot.ts";

// -- questions --

Deno.test("every question has a name of its own, and a baseline that runs wherever others do", async () => {
  const questions = await allQuestions();
  assertEquals(new Set(questions.map(({ name }) => name)).size, questions.length);
  for (const { name, baseline, contestants, everywhere = [] } of questions) {
    assert(baseline in contestants, name);
    for (const it of everywhere) assert(it in contestants, name);
    assert(everywhere.length === 0 || everywhere.includes(baseline), name);
  }
});

Deno.test("planOf() gives a quick run few records, and next to no samples", () => {
  assertEquals(planOf(BASE, false), BASE.plan);
  assertEquals(planOf(BASE, true), { count: 10, warmUp: 25, samples: 2, batch: 1, rounds: 1 });
});

// -- what processes write --

/** A line of `--trace-gc`: what was collected, the milliseconds, and what asked for it. */
function traced(what: string, millis: string, why: string): string {
  return `[12:0x5]       92 ms: ${what} 19.4 (28.1) -> 16.9 (25.7) MB, pooled: 0.0 MB, ${millis} ` +
    `(average mu = 0.7, current mu = 0.7) ${why}; GC in old space requested`;
}

Deno.test("parseTrace() counts what is between the last two collections that were asked for", () => {
  const scavenge = traced("Scavenge (during sweeping)", "0.80 / 0.00 ms", "allocation failure");
  const asked = traced("Mark-Compact", "3.00 / 0.00 ms", "testing");
  const steps = "2.00 / 0.00 ms (+ 1.5 ms in 22 steps since start of marking, biggest step 0.4 ms)";
  const inSteps = traced("Incremental Mark-Compact", steps, "finalize incremental marking");
  const trace = [scavenge, asked, scavenge, "some other line", inSteps, asked, scavenge];
  const { millis, ...counts } = parseTrace(trace.join("\n"));
  assertEquals([counts, millis.toFixed(2)], [{ scavenges: 1, markCompacts: 1 }, "4.30"]);
  assertEquals(parseTrace(`${asked}\n${asked}`), { scavenges: 0, markCompacts: 0, millis: 0 });
  assertThrows(() => parseTrace(`${scavenge}\n${asked}`), Error, "Cannot read the trace");
});

Deno.test("parseResult() finds the result among other lines", () => {
  const result = { samples: [1, 2], checksum: "7" };
  assertEquals(parseResult(`a warning\n${MARK}${JSON.stringify(result)}\n`), result);
  assertEquals(parseResult("error: no such file"), undefined);
});

// -- statistics --

const BASE: Question = {
  name: "records/hot",
  title: "Hot",
  method: "What is done.",
  missing: "somebody.",
  baseline: "slab",
  contestants: Object.fromEntries(
    [["nothing", ""], ["pool", "Pool"], ["forOf", "for…of"], ["slab", "slab by hand"]]
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
  assertEquals([typicalOf(BASE, it), bestOf(BASE, it), worstOf(it)], [4, 4, 5]);
  assertEquals([percentileOf(it, 1), percentileOf(it, 0)], [6, 2]);
  const mean = { ...BASE, compare: "mean" } as const;
  assertEquals([typicalOf(mean, it), bestOf(mean, it)], [4, 3]);
  assertEquals(typicalOf({ ...BASE, compare: "best" }, it), 4);
  // The mean of the processes that were traced, counts rounded up.
  const collections = { scavenges: 1, markCompacts: 2, millis: 2 };
  const none = { scavenges: 0, markCompacts: 0, millis: 0 };
  const traced = figures("pool", { collections }, { collections: none }, [1]);
  assertEquals(collectionsOf(traced), { scavenges: 1, markCompacts: 1, millis: 1 });
  assertEquals(collectionsOf(it), undefined);
});

// -- agreement --

/** Checks that two contestants agree, the baseline first. */
function check(question: Question, baseline: string, contestant: string, other: string): void {
  const sums = Object.entries({ [question.baseline]: baseline, [contestant]: other });
  checkAgreed(question, question.plan, sums.map(([it, checksum]) => figures(it, { checksum })));
}

Deno.test("checkAgreed() names the contestant that did other work", () => {
  check(BASE, "1", "pool", "1");
  check(BASE, "1", "nothing", "");
  const message = "records/hot: pool on deno did other work";
  assertThrows(() => check(BASE, "1", "pool", "2"), Error, message);
});

Deno.test("contestants of the game agree on counts and integers exactly, and doubles on floats nearly", () => {
  const sums = { records: 3, integers: 7, floats: 1000 };
  const checkGame = (contestant: string, more: Partial<typeof sums>) =>
    check(games[0], JSON.stringify(sums), contestant, JSON.stringify({ ...sums, ...more }));
  for (const it of ["objects/kinds", "koota"]) checkGame(it, { floats: 1000.001 });
  checkGame("slab", { floats: 1000.0000001 });
  assertThrows(() => checkGame("slab", { floats: 1000.001 }));
  for (const more of [{ floats: 1001 }, { records: 2 }, { integers: 8 }]) {
    assertThrows(() => checkGame("objects", more));
  }
});

// -- tables --

Deno.test("number() shows three digits that count", () => {
  const values = [0, 12, 1234.5, 12.345, 0.01234, 0.00001234, NaN, 1];
  assertEquals(values.map(number), ["0", "12", "1,235", "12.3", "0.0123", "0.000012", "", "1"]);
});

function shown(it: Measurement): string {
  return section(it.question, answerOf(it));
}

Deno.test("section() shows what was done, and the times beside the baseline, by runtime", () => {
  const bun = [figures("pool", [3]), figures("slab", [2])].map((it): Figures => {
    return { ...it, runtime: "bun" };
  });
  const it = measured({}, figures("pool", [2, 3, 4]), figures("slab", [1, 2, 2]), ...bun);
  assertEquals(
    shown(it),
    `
## Hot

What is done.

Left out: somebody.

| Deno         | × slab by hand | best, ns each | median, ns each | 99th percentile, ns each |
| ------------ | -------------: | ------------: | --------------: | -----------------------: |
| Pool         |           1.50 |         3,000 |           3,000 |                    4,000 |
| slab by hand |              1 |         2,000 |           2,000 |                    2,000 |

| Bun          | × slab by hand | best, ns each | median, ns each | 99th percentile, ns each |
| ------------ | -------------: | ------------: | --------------: | -----------------------: |
| Pool         |           1.50 |         3,000 |           3,000 |                    3,000 |
| slab by hand |              1 |         2,000 |           2,000 |                    2,000 |
`.trim(),
  );
});

/** The cells of the rows of the pool, without its name. */
function cellsOf(it: Measurement): string[][] {
  return shown(it).split("\n").filter((row) => row.startsWith("| Pool "))
    .map((row) => row.split("|").slice(2, -1).map((cell) => cell.trim()));
}

Deno.test("section() shows the percentiles of frames, the worst of growth, and memory beyond an empty process", () => {
  const collections = { scavenges: 2, markCompacts: 1, millis: 4.5 };
  const frames = measured(
    { measure: "frames", traced: true },
    figures("pool", { samples: [1, 2, 3], collections }),
    figures("slab", { samples: [1, 1, 1], collections }),
  );
  assertEquals(cellsOf(frames), [["2", "2,000", "2", "3", "3", "3", "2", "1", "4.50"]]);
  const untraced = measured({ traced: true }, figures("pool", [1]), figures("slab", [1]));
  assertEquals(cellsOf(untraced), [["1", "1,000", "1,000", "1,000", "", "", ""]]);
  const all = [figures("pool", [0.5, 0.25]), figures("slab", [2])];
  const growth = measured({ measure: "growth" }, ...all);
  assertEquals(cellsOf(growth), [["0.250", "500", "0.750"]]);
  const memory = measured(
    { measure: "memory" },
    figures("nothing", { rssBytes: 1 << 20, heapBytes: 500 }),
    figures("pool", { rssBytes: 3 << 20, heapBytes: 20_500 }),
    figures("slab", { rssBytes: 2 << 20, heapBytes: 10_500 }),
  );
  assertEquals(cellsOf(memory), [["2", "20", "2"]]);
  assertEquals(bytesOf(memory, memory.figures[1], "heapBytes"), 20_000);
});

// -- charts --

/** What of a chart is looked at. */
interface Chart {
  readonly title: { readonly text: string };
  readonly datasets: Readonly<Record<"rows" | "ends", readonly Row[]>>;
}

type Row = Readonly<
  Record<"name" | "label", string> & Record<"x" | "value" | "dark" | "end", number>
>;

/** A report in which all contestants of every question took a millisecond and a megabyte. */
async function evenReport(): Promise<Report> {
  const round = { samples: [1], checksum: "", rssBytes: 1e6, heapBytes: 1e6 };
  const answers = (await allQuestions()).map((question) => {
    const { name, contestants, plan: { count } } = question;
    const all = Object.keys(contestants).map((it) => figures(it, round));
    return [name, answerOf({ question, count, figures: all })];
  });
  const versions = ["Deno 2"];
  return { date: "today", machine: "here", versions, answers: Object.fromEntries(answers) };
}

Deno.test("every name and figure of the charts is one of the questions", async () => {
  const charts = chartsOf(await evenReport());
  for (const [chart, { names, questions }] of Object.entries(CHARTS)) {
    const { title, datasets: { rows } } = charts[chart] as Chart;
    assert(!/[{}]|NaN/.test(title.text), title.text);
    assertEquals(new Set(rows.map(({ name }) => name)), new Set(Object.values(names)));
    assertEquals(new Set(rows.map(({ x }) => x)), new Set(Object.values(questions)));
    for (const { value, dark, label } of rows) assert(value >= 0 && dark >= 0, label);
  }
});

Deno.test("chartsOf() cuts bars that are far off, keeps labels apart, and says what was not measured", async () => {
  const report = await evenReport();
  const { deno } = report.answers["game/six-kinds"];
  const game = { ...deno, bitecs: { ...deno!.bitecs, "best, ns each": 1e6 } };
  const answers = { ...report.answers, "game/six-kinds": { deno: game } };
  const charts = chartsOf({ ...report, answers }) as Record<string, Chart>;
  const bars = charts.chart_game.datasets.rows;
  const cut = bars.filter(({ end, value }) => end < value);
  assertEquals(cut.map(({ name, label }) => [name, label]), [["bitecs", "1,000,000 ns"]]);
  const ends = charts.chart_alloc.datasets.ends.filter(({ x }) => x === 1e6);
  assertEquals(new Set(ends.map(({ value }) => value)).size, ends.length);
  assertThrows(() => chartsOf({ ...report, answers: {} }), Error, "run deno task report first");
});
