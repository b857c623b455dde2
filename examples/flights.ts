/**
 * A day of 200,000 real flights through one pool: `deno task demo`.
 *
 * A flight is a record that is allocated at its departure, moved every frame and freed at its
 * arrival. A frame is a minute.
 *
 * - A flight takes its distance at 500 miles an hour, 30 minutes on the ground and its delay, in
 *   whole minutes. It counts as in the air all that time, and moves evenly over it.
 * - A negative delay brings the arrival forward. No flight takes less than a frame.
 * - The rows tell the hour of departure, not the date, so all of them are flown on one day. It
 *   starts with nothing in the air, and the frames go on past midnight until the last has landed.
 * - A minute starts with its arrivals. Departures follow, so they can have the chunks just freed.
 *
 * @module
 */
import { Pool, type PoolStats, struct } from "@slabs/pool";
import { chart } from "./chart.ts";

/** A row of the data: hour of departure, miles, minutes. */
export interface Row {
  readonly time: number;
  readonly distance: number;
  readonly delay: number;
}

/** A row with its times worked out, in minutes since the day's midnight. */
export interface Flight {
  readonly departs: number;
  readonly lands: number;
  readonly distance: number;
  readonly delay: number;
}

/** What came of it, as the records tell it. */
export interface Day {
  landed: number;
  /** Of those that landed: 15 minutes late or more, and not at their distance. */
  late: number;
  astray: number;
  /** Sums over those that landed. */
  miles: number;
  minutes: number;
  /** By frame: flights in the air at its end, and the time that it took. */
  readonly inAir: number[];
  readonly frameMillis: number[];
  /** The most bytes of the pool's blocks, and its figures after the last frame. */
  peakBytes: number;
  readonly stats: PoolStats;
}

const MILES_PER_MINUTE = 500 / 60;
const GROUND_MINUTES = 30;
const MINUTES_PER_DAY = 24 * 60;
/** From here on an arrival counts as late in the statistics that the rows come from. */
const LATE_MINUTES = 15;

/**
 * Small blocks, so that many come and go with the traffic: by default seven would hold the peak.
 */
const CHUNKS_PER_BLOCK = 512;

/** 16 bytes, no padding. 16 bits hold the minutes of 45 days. */
const InAir = struct({
  flown: "f32", // miles so far
  milesPerFrame: "f32",
  departs: "u16",
  lands: "u16",
  distance: "u16",
  delay: "i16",
}, { name: "InAir" });

// -- the flights --

/** Works out when a flight lands. */
export function toFlight({ time, distance, delay }: Row): Flight {
  const departs = Math.round(time * 60);
  const minutes = Math.round(distance / MILES_PER_MINUTE + GROUND_MINUTES + delay);
  return { departs, lands: departs + Math.max(1, minutes), distance, delay };
}

/**
 * Flies every flight.
 *
 * @param flights In any order.
 * @param onFrame Called after each frame with its minute and the flights in the air.
 */
export function fly(
  flights: readonly Flight[],
  onFrame: (minute: number, inAir: number) => void = () => {},
): Day {
  using pool = new Pool(InAir, { chunksPerBlock: CHUNKS_PER_BLOCK });
  const day = newDay(pool.stats());
  const queue = flights.toSorted((a, b) => a.departs - b.departs);
  const at = pool.cursor();
  let next = 0;
  for (let minute = 0; next < queue.length || pool.size > 0; minute++) {
    const start = performance.now();
    pool.forEach((flight, handle) => {
      flight.flown += flight.milesPerFrame;
      if (flight.lands > minute) return;
      day.landed++;
      day.miles += Math.round(flight.flown);
      day.minutes += minute - flight.departs;
      if (Math.round(flight.flown) !== flight.distance) day.astray++;
      if (flight.delay >= LATE_MINUTES) day.late++;
      pool.free(handle);
    });
    while (next < queue.length && queue[next].departs === minute) {
      const { departs, lands, distance, delay } = queue[next++];
      // Written through a cursor, a field costs neither an object nor a look-up by name.
      pool.seek(at, pool.alloc());
      at.departs = departs;
      at.lands = lands;
      at.distance = distance;
      at.delay = delay;
      at.milesPerFrame = distance / (lands - departs);
    }
    day.frameMillis.push(performance.now() - start);
    day.inAir.push(pool.size);
    day.peakBytes = Math.max(day.peakBytes, pool.byteLength);
    onFrame(minute, pool.size);
  }
  pool.stats(day.stats);
  return day;
}

function newDay(stats: PoolStats): Day {
  const none = { landed: 0, late: 0, astray: 0, miles: 0, minutes: 0, peakBytes: 0 };
  return { ...none, inAir: [], frameMillis: [], stats };
}

// -- the check --

/** The most flights in the air at once, from the data alone: no frames and no pool. */
export function peakOf(departures: readonly number[], arrivals: readonly number[]): number {
  const ups = departures.toSorted((a, b) => a - b);
  const downs = arrivals.toSorted((a, b) => a - b);
  let peak = 0;
  let landed = 0;
  for (let departed = 1; departed <= ups.length; departed++) {
    while (downs[landed] <= ups[departed - 1]) landed++;
    peak = Math.max(peak, departed - landed);
  }
  return peak;
}

/** Each check: what it says, what came out of the pool, and what the data says. */
export function checks(flights: readonly Flight[], day: Day): [string, number, number][] {
  const sum = (of: (flight: Flight) => number) => flights.reduce((all, it) => all + of(it), 0);
  const peak = peakOf(flights.map((it) => it.departs), flights.map((it) => it.lands));
  return [
    ["flights landed", day.landed, flights.length],
    ["late arrivals", day.late, sum((it) => it.delay >= LATE_MINUTES ? 1 : 0)],
    ["flights off their distance", day.astray, 0],
    ["miles flown", day.miles, sum((it) => it.distance)],
    ["minutes in the air", day.minutes, sum((it) => it.lands - it.departs)],
    ["in the air at the peak", day.stats.peakSize, peak],
    ["records left in the pool", day.stats.size, 0],
  ];
}

// -- the report --

/** The value that `share` of all values do not exceed. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)];
}

function report({ landed, late, miles, inAir, frameMillis, peakBytes, stats }: Day): string[] {
  const chunks = stats.grown * CHUNKS_PER_BLOCK;
  const totalMillis = frameMillis.reduce((sum, millis) => sum + millis, 0);
  const beforeMidnight = frameMillis.slice(0, MINUTES_PER_DAY);
  const { rss } = Deno.memoryUsage();
  return [
    `flown       ${count(landed)} flights, ${count(miles)} miles`,
    `            ${(late / landed * 100).toFixed(1)} % landed ${LATE_MINUTES} minutes late or more`,
    `in the air  ${count(stats.peakSize)} at the peak, ${clock(inAir.indexOf(stats.peakSize))}`,
    `blocks      ${stats.grown} grown, ${stats.released} given back, ${stats.blocks} kept for reuse`,
    `            each of ${CHUNKS_PER_BLOCK} chunks of ${InAir.size} bytes`,
    `chunks      ${count(stats.allocs)} allocated, ${count(chunks)} ever existed`,
    `            so each was used ${(stats.allocs / chunks).toFixed(1)} times`,
    `frames      ${count(frameMillis.length)} in ${totalMillis.toFixed(0)} ms`,
    `            the ${count(beforeMidnight.length)} before midnight: ${
      frameTimes(beforeMidnight)
    }`,
    `memory      ${kib(peakBytes)} of blocks at the peak, ${kib(stats.byteLength)} now`,
    `            ${kib(stats.overheadBytes)} of bookkeeping beside them`,
    `            ${count(Math.round(rss / 2 ** 20))} MiB rss, with the rows and all of Deno`,
  ];
}

function frameTimes(millis: readonly number[]): string {
  const at = (share: number) => percentile(millis, share).toFixed(3);
  return `median ${at(0.5)}, p99 ${at(0.99)}, max ${at(1)} ms`;
}

function count(value: number): string {
  return value.toLocaleString("en");
}

function kib(bytes: number): string {
  return `${count(Math.round(bytes / 1024))} KiB`;
}

function clock(minute: number): string {
  const two = (value: number) => String(value).padStart(2, "0");
  return `${two(Math.floor(minute / 60) % 24)}:${two(minute % 60)}`;
}

// -- the run --

const onTerminal = Deno.stdout.isTerminal();

function paint(ansi: number, text: string): string {
  return onTerminal && !Deno.noColor ? `\x1b[${ansi}m${text}\x1b[39m` : text;
}

const red = (text: string) => paint(31, text);
const green = (text: string) => paint(32, text);
const cyan = (text: string) => paint(36, text);

/** One line that is written over and over; nothing in a pipe. */
function progress(text: string): void {
  if (onTerminal) Deno.stdout.writeSync(new TextEncoder().encode(`\r${text.padEnd(40)}\r`));
}

async function loadRows(): Promise<Row[]> {
  // The package exports no data, just code. Importing that gets the package; the data is beside it.
  await import("vega-datasets");
  const url = new URL("../data/flights-200k.json", import.meta.resolve("vega-datasets"));
  const { default: rows } = await import(url.href, { with: { type: "json" } });
  return rows;
}

async function main(): Promise<void> {
  const start = performance.now();
  progress("reading the flights");
  const flights = (await loadRows()).map(toFlight);
  const day = fly(flights, (minute, inAir) => {
    if (minute % 30 === 0) progress(`${clock(minute)}  ${count(inAir)} in the air`);
  });
  progress("");
  console.log("Flights in the air, by hour of the day\n");
  console.log(chart(day.inAir, 7).replace(/[▁-█]+/g, cyan) + "\n");
  for (const line of report(day)) console.log(line);
  console.log(
    `whole run   ${((performance.now() - start) / 1000).toFixed(2)} s, reading included\n`,
  );
  console.log("The records, checked against the data alone:");
  const all = checks(flights, day);
  for (const [what, got, want] of all) {
    if (got === want) console.log(`${green("✓")} ${count(got)} ${what}`);
    else console.log(`${red("✗")} ${count(got)} ${what}, but ${count(want)} by the data`);
  }
  if (all.some(([, got, want]) => got !== want)) Deno.exit(1);
}

if (import.meta.main) await main();
