/** The examples: what they draw, count and check. `flights.ts` reads its data only when it is run. */
import { assert, assertEquals, assertGreater } from "@std/assert";
import { chart } from "../examples/chart.ts";
import {
  checks,
  type Day,
  type Flight,
  fly,
  peakOf,
  percentile,
  toFlight,
} from "../examples/flights.ts";
import { fireworks } from "../examples/game_loop.ts";

/** Minutes of `hours` half hours, each with one count. */
function halfHours(...counts: number[]): number[] {
  return counts.flatMap((count) => new Array(30).fill(count));
}

/** A list that is the same each time: every flight overlaps some others, some pass midnight. */
function someFlights(length: number): Flight[] {
  return Array.from({ length }, (_, i) =>
    toFlight({
      time: (i * 7919 % 1440) / 60,
      distance: 50 + i * 104729 % 4000,
      delay: i * 31 % 90 - 20,
    }));
}

function faultsOf(flights: readonly Flight[], day: Day): string[] {
  return checks(flights, day).filter(([, got, want]) => got !== want).map(([what]) => what);
}

// -- chart() --

Deno.test("chart() draws half an hour a column, in eighths of a row", () => {
  assertEquals(
    chart(halfHours(0, 5, 10, 15, 20, 25, 30, 35, 40, 60, 80), 2),
    [
      "80 ┤         ▄█",
      "40 ┤ ▁▂▃▄▅▆▇███",
      " 0 └┬─────┬────",
      "    00    03",
    ].join("\n"),
  );
});

Deno.test("chart() gives a column the height of its highest minute", () => {
  const perMinute = halfHours(0, 0);
  perMinute[17] = 2;
  perMinute[59] = 4;
  assertEquals(chart(perMinute, 1), ["4 ┤▄█", "0 └┬─", "   00"].join("\n"));
});

Deno.test("chart() labels rows in round steps that the peak fits", () => {
  assertEquals(
    chart(halfHours(26_301), 7).split("\n").map((line) => line.split(" ┤")[0]),
    [
      "28,000",
      "24,000",
      "20,000",
      "16,000",
      "12,000",
      " 8,000",
      " 4,000",
      "     0 └┬",
      "        00",
    ],
  );
});

Deno.test("chart() leaves off the end that would not show, and goes on past midnight", () => {
  const day = halfHours(...new Array(52).fill(1000), ...new Array(40).fill(1));
  const [bars, axis, hours] = chart(day, 1).split("\n");
  assertEquals(bars, "1,000 ┤" + "█".repeat(52));
  assertEquals(axis.length, "    0 └".length + 52);
  assertEquals(hours.trim().split(/ +/).join(" "), "00 03 06 09 12 15 18 21 00");
});

Deno.test("chart() stays within 80 columns however long the day", () => {
  const lines = chart(halfHours(...new Array(400).fill(999_999)), 7).split("\n");
  for (const line of lines) assert(line.length <= 80, line);
});

Deno.test("chart() draws a day without flights as an axis alone", () => {
  assertEquals(chart([], 2), ["2 ┤", "1 ┤", "0 └", "   "].join("\n"));
});

// -- peakOf() --

Deno.test("peakOf() counts the most intervals that overlap", () => {
  assertEquals(peakOf([0, 10, 20], [15, 25, 30]), 2);
  assertEquals(peakOf([0, 1, 2, 50], [9, 8, 7, 60]), 3);
  assertEquals(peakOf([30, 5], [40, 35]), 2);
  assertEquals(peakOf([], []), 0);
});

Deno.test("peakOf() takes arrivals of a minute before its departures", () => {
  assertEquals(peakOf([0, 10, 20], [10, 20, 30]), 1);
  assertEquals(peakOf([0, 0, 10], [10, 11, 20]), 2);
});

// -- toFlight() --

Deno.test("toFlight() adds 500 mph, 30 minutes on the ground and the delay", () => {
  assertEquals(toFlight({ time: 6.5, distance: 500, delay: 12 }), {
    departs: 390,
    lands: 390 + 60 + 30 + 12,
    distance: 500,
    delay: 12,
  });
});

Deno.test("toFlight() lands early on a negative delay, yet never within the frame of departure", () => {
  assertEquals(toFlight({ time: 0, distance: 250, delay: -20 }).lands, 40);
  assertEquals(toFlight({ time: 0, distance: 250, delay: -86 }).lands, 1);
});

Deno.test("toFlight() lands past midnight", () => {
  assertEquals(toFlight({ time: 23.5, distance: 1000, delay: 0 }).lands, 1440 + 120);
});

// -- fly() --

Deno.test("fly() has each flight in the air from its departure until its arrival", () => {
  const flights = [
    { departs: 3, lands: 4, distance: 10, delay: 0 },
    { departs: 1, lands: 4, distance: 300, delay: 15 },
    { departs: 4, lands: 6, distance: 100, delay: -5 },
  ];
  const seen: [number, number][] = [];
  const day = fly(flights, (minute, inAir) => seen.push([minute, inAir]));
  assertEquals(day.inAir, [0, 1, 1, 2, 1, 1, 0]);
  assertEquals(seen, day.inAir.map((inAir, minute) => [minute, inAir]));
  assertEquals([day.landed, day.late, day.astray], [3, 1, 0]);
  assertEquals([day.miles, day.minutes], [410, 6]);
  assertEquals([day.stats.peakSize, day.stats.allocs, day.stats.size], [2, 3, 0]);
  assertEquals(faultsOf(flights, day), []);
});

Deno.test("fly() agrees with a count of the flights minute by minute", () => {
  const flights = someFlights(3000);
  const day = fly(flights);
  const last = Math.max(...flights.map((it) => it.lands));
  const counted = Array.from(
    { length: last + 1 },
    (_, minute) => flights.filter((it) => it.departs <= minute && minute < it.lands).length,
  );
  assertEquals(day.inAir, counted);
  assertEquals(day.stats.peakSize, Math.max(...counted));
  assertEquals(day.frameMillis.length, last + 1);
  assertEquals(faultsOf(flights, day), []);
});

Deno.test("fly() grows blocks, reuses their chunks and gives them back", () => {
  const { stats, peakBytes } = fly(someFlights(20_000));
  assertGreater(stats.grown, 4);
  assertGreater(stats.allocs, stats.grown * 512 * 2);
  assertEquals(stats.released, stats.grown - stats.blocks);
  assertEquals(peakBytes, Math.ceil(stats.peakSize / 512) * 512 * 16);
  assertEquals(stats.byteLength, 512 * 16);
});

Deno.test("fly() comes to an end without flights", () => {
  const day = fly([]);
  assertEquals(day.inAir, []);
  assertEquals(faultsOf([], day), []);
});

Deno.test("checks() names each figure that does not agree with the flights", () => {
  const flights = someFlights(100);
  const day = fly(flights);
  assertEquals(faultsOf(flights, day), []);
  assertEquals(faultsOf(flights, { ...day, landed: 99 }), ["flights landed"]);
  assertEquals(faultsOf(flights, { ...day, astray: 1 }), ["flights off their distance"]);
  assertEquals(faultsOf(flights, { ...day, stats: { ...day.stats, size: 1, peakSize: 1 } }), [
    "in the air at the peak",
    "records left in the pool",
  ]);
  assertEquals(faultsOf(flights.slice(1), day).includes("miles flown"), true);
});

Deno.test("percentile() is the value that so many do not exceed", () => {
  const values = [5, 1, 4, 2, 3];
  assertEquals([0, 0.2, 0.5, 0.99, 1].map((share) => percentile(values, share)), [1, 1, 3, 5, 5]);
  assertEquals(values, [5, 1, 4, 2, 3]);
});

// -- fireworks() --

Deno.test("fireworks() is the same show each time", () => {
  assertEquals(fireworks(150).stats, fireworks(150).stats);
});

Deno.test("fireworks() ends with every spark out and one block kept", () => {
  const { stats, frameMillis } = fireworks(200);
  assertEquals(frameMillis.length, 200);
  assertEquals(stats.allocs, 3000 * 8);
  assertEquals([stats.size, stats.frees], [0, stats.allocs]);
  assertEquals([stats.blocks, stats.released], [1, stats.grown - 1]);
});

Deno.test("fireworks() has no more sparks at once than live bursts allow, in the blocks for them", () => {
  const { stats } = fireworks(400);
  assertGreater(stats.peakSize, 3000);
  assert(stats.peakSize <= 3000 * 12, String(stats.peakSize));
  const perBlock = stats.capacity / stats.blocks;
  assertEquals(stats.grown, Math.ceil(stats.peakSize / perBlock));
});
