/** What `bench/plot.ts` makes of its figures, without a measurement: the table, the guesses and the chart's description. */
import { assert, assertEquals } from "@std/assert";
import {
  chartSpec,
  duration,
  expectMillis,
  LINES,
  PATTERNS,
  type Point,
  tables,
} from "../../bench/_plot_chart.ts";
import { subjects, timeOnce } from "../../bench/_plot_subjects.ts";

const points: readonly Point[] = [
  { subject: "Pool", pattern: "alloc", count: 1000, millis: 0.02 },
  { subject: "Pool", pattern: "alloc", count: 10_000, millis: 1.5 },
  { subject: "plain objects", pattern: "alloc", count: 1000, millis: 0.0101 },
  { subject: "Pool", pattern: "at random", count: 1000, millis: 2 },
  {
    subject: "Pool",
    pattern: "at random",
    count: 10_000,
    millis: undefined,
    expectedMillis: 200_000,
  },
];

Deno.test("tables() has a row for each subject that did the pattern, and tells guesses as such", () => {
  assertEquals(
    tables(points.filter(({ pattern }) => pattern === "alloc")).split("\n").slice(0, 6),
    [
      "**alloc alone**, ns an item",
      "",
      "|               | 1,000 | 10,000 |",
      "| ------------- | ----: | -----: |",
      "| Pool          |  20.0 |    150 |",
      "| plain objects |  10.1 |        |",
    ],
  );
  const random = tables(points).split("\n");
  assertEquals(random.at(-2), "| Pool | 2,000 | ≈ 3.3 min |");
});

Deno.test("expectMillis() goes on with the power of the last two steps, from 1 to 2", () => {
  const at = (...millis: number[]) =>
    expectMillis(
      millis.map((millis, i) => ({ count: 10 * 4 ** i, millis })),
      10 * 4 ** millis.length,
    );
  assertEquals(at(5), 20);
  assertEquals(at(1, 8), 64); // a power of 1.5
  assertEquals(at(100, 1, 8, 64), 512);
  assertEquals(at(8, 8), 32);
  assertEquals(at(1, 1000), 16_000);
});

Deno.test("duration() has a unit that suits", () => {
  assertEquals([4.26, 730, 3330, 41_000, 200_000, 7_200_000].map(duration), [
    "4.3 ms",
    "730 ms",
    "3.3 s",
    "41 s",
    "3.3 min",
    "2.0 h",
  ]);
});

Deno.test("chartSpec() draws what was measured, and marks the last point before what was not", () => {
  const spec = chartSpec(points, ["a", "b"]);
  const { values } = spec.data as { values: Record<string, unknown>[] };
  assertEquals(
    values.map(({ title, count, millis, stopped }) => [title, count, millis, stopped]),
    [
      [PATTERNS.alloc, 1000, 0.02, false],
      [PATTERNS.alloc, 10_000, 1.5, false],
      [PATTERNS.alloc, 1000, 0.0101, false],
      [PATTERNS["at random"], 1000, 2, true],
    ],
  );
});

Deno.test("chartSpec() has log axes, and a colour and a dash for each subject it shows", () => {
  const text = JSON.stringify(chartSpec(points, []));
  assertEquals(text.split('"type":"log"').length - 1, 2);
  const scale = /"domain":\["Pool","plain objects"\],"range":\["#0b5fa5","#111111"\]/;
  assert(scale.test(text), text);
});

Deno.test("the lines of the chart are the subjects that are measured, no two of them alike", () => {
  assertEquals(
    LINES.map(({ subject }) => subject).sort(),
    subjects.map(({ name }) => name).sort(),
  );
  assertEquals(new Set(LINES.map(({ color }) => color)).size, LINES.length);
});

Deno.test("every subject does each of its patterns, again and again", () => {
  const count = 300;
  const orders = {
    "alloc": undefined,
    "in order": Int32Array.from({ length: count }, (_, i) => i),
    "in reverse": Int32Array.from({ length: count }, (_, i) => count - 1 - i),
    "at random": Int32Array.from({ length: count }, (_, i) => i * 7 % count),
  };
  for (const { name, patterns, make } of subjects) {
    const items = make(count);
    for (const pattern of [...patterns, ...patterns]) {
      assert(timeOnce(items, orders[pattern], count) >= 0, name); // which looks at every item
    }
  }
});
