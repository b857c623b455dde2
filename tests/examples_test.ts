/**
 * The examples: what they draw, count and check. `flights.ts` reads its data only when it is run.
 */
import { assert, assertEquals, assertGreater, assertNotEquals, assertThrows } from "@std/assert";
import { type AnyHandle, NULL_HANDLE, StaleHandleError, validate } from "@slabs/pool";
import { checks as treeChecks, forests } from "../examples/binary_trees.ts";
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
import { run as runOnGpu } from "../examples/gpu.ts";
import { demo as listDemo, LinkedList, type NodeHandle } from "../examples/linked_list.ts";
import { Atom, type Cells, collect, Cons, demo, newCells } from "../examples/mark_sweep.ts";
import { Game, inputsOf, MAX_DELAY, play, playLate } from "../examples/rollback.ts";
import { FILE, Game as SavedGame, writeVersion1 } from "../examples/save_game.ts";
import { demo as spritesDemo, Fleet } from "../examples/sprites.ts";
import { play as playWithWorkers } from "../examples/workers.ts";

const canRead = (await Deno.permissions.query({ name: "read", path: "." })).state === "granted";

/** Returns a function that returns numbers from 0 to below 1, the same ones in each run. */
function randomNumbers(): () => number {
  let seed = 1;
  return () => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) / 2 ** 32;
}

// -- chart.ts --

/** Minutes of so many half hours, each with one count. */
function halfHours(...counts: number[]): number[] {
  return counts.flatMap((count) => new Array(30).fill(count));
}

Deno.test("chart() draws half an hour a column, as high as its highest minute", () => {
  const perMinute = halfHours(0, 0);
  perMinute[17] = 2;
  perMinute[59] = 4;
  const charts: [number[], rows: number, string[]][] = [
    [halfHours(0, 5, 10, 15, 20, 25, 30, 35, 40, 60, 80), 2, [
      "80 ┤         ▄█",
      "40 ┤ ▁▂▃▄▅▆▇███",
      " 0 └┬─────┬────",
      "    00    03",
    ]],
    [perMinute, 1, ["4 ┤▄█", "0 └┬─", "   00"]],
    [[], 2, ["2 ┤", "1 ┤", "0 └", "   "]],
    // The end would not show; the hours go on past midnight.
    [halfHours(...new Array(52).fill(1000), ...new Array(40).fill(1)), 1, [
      "1,000 ┤" + "█".repeat(52),
      "    0 └" + "┬─────".repeat(8) + "┬───",
      "       " + "00    03    06    09    12    15    18    21    00",
    ]],
  ];
  for (const [minutes, rows, lines] of charts) {
    assertEquals(chart(minutes, rows).split("\n"), lines);
  }
});

Deno.test("chart() labels rows in round steps, and stays within 80 columns", () => {
  const lines = chart(halfHours(26_301), 7).split("\n").map((line) => line.split(" ┤")[0]);
  const labels = ["28,000", "24,000", "20,000", "16,000", "12,000", " 8,000", " 4,000"];
  assertEquals(lines, [...labels, "     0 └┬", "        00"]);
  for (const line of chart(halfHours(...new Array(400).fill(999_999)), 7).split("\n")) {
    assert(line.length <= 80, line);
  }
});

// -- flights.ts --

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

Deno.test("peakOf() counts the most intervals that overlap, arrivals before departures", () => {
  const cases: [departures: number[], arrivals: number[], peak: number][] = [
    [[0, 10, 20], [15, 25, 30], 2],
    [[0, 1, 2, 50], [9, 8, 7, 60], 3],
    [[30, 5], [40, 35], 2],
    [[], [], 0],
    [[0, 10, 20], [10, 20, 30], 1],
    [[0, 0, 10], [10, 11, 20], 2],
  ];
  for (const [departures, arrivals, peak] of cases) {
    assertEquals(peakOf(departures, arrivals), peak);
  }
});

Deno.test("toFlight() adds 500 mph, 30 minutes on the ground and the delay, and 1 at the least", () => {
  const cases: [time: number, distance: number, delay: number, departs: number, lands: number][] = [
    [6.5, 500, 12, 390, 390 + 60 + 30 + 12],
    [0, 250, -20, 0, 40],
    [0, 250, -86, 0, 1],
    [23.5, 1000, 0, 1410, 1440 + 120],
  ];
  for (const [time, distance, delay, departs, lands] of cases) {
    assertEquals(toFlight({ time, distance, delay }), { departs, lands, distance, delay });
  }
});

Deno.test("fly() agrees with a count of the flights minute by minute", () => {
  const few = [
    { departs: 3, lands: 4, distance: 10, delay: 0 },
    { departs: 1, lands: 4, distance: 300, delay: 15 },
    { departs: 4, lands: 6, distance: 100, delay: -5 },
  ];
  for (const flights of [few, someFlights(3000), []]) {
    const seen: number[] = [];
    const day = fly(flights, (minute, inAir) => seen[minute] = inAir);
    const length = Math.max(-1, ...flights.map((it) => it.lands)) + 1;
    const counted = Array.from(
      { length },
      (_, minute) => flights.filter((it) => it.departs <= minute && minute < it.lands).length,
    );
    assertEquals([day.inAir, seen, day.frameMillis.length], [counted, counted, length]);
    assertEquals([day.stats.peakSize, day.stats.size], [Math.max(0, ...counted), 0]);
    assertEquals([day.landed, day.astray], [flights.length, 0]);
    assertEquals(faultsOf(flights, day), []);
    if (flights === few) assertEquals([day.late, day.miles, day.minutes], [1, 410, 6]);
  }
});

Deno.test("fly() grows blocks, reuses their chunks and gives them back", () => {
  const { stats, peakBytes } = fly(someFlights(20_000));
  assertGreater(stats.grown, 4);
  assertGreater(stats.allocs, stats.grown * 512 * 2);
  assertEquals(stats.released, stats.grown - stats.blocks);
  assertEquals(peakBytes, Math.ceil(stats.peakSize / 512) * 512 * 16);
  assertEquals(stats.byteLength, 512 * 16);
});

Deno.test("checks() names each figure that does not agree with the flights", () => {
  const flights = someFlights(100);
  const day = fly(flights);
  assertEquals(faultsOf(flights, { ...day, landed: 99 }), ["flights landed"]);
  assertEquals(faultsOf(flights, { ...day, astray: 1 }), ["flights off their distance"]);
  assertEquals(faultsOf(flights, { ...day, stats: { ...day.stats, size: 1, peakSize: 1 } }), [
    "in the air at the peak",
    "records left in the pool",
  ]);
  assert(faultsOf(flights.slice(1), day).includes("miles flown"));
});

Deno.test("percentile() is the value that so many do not exceed", () => {
  const values = [5, 1, 4, 2, 3];
  assertEquals([0, 0.2, 0.5, 0.99, 1].map((share) => percentile(values, share)), [1, 1, 3, 5, 5]);
  assertEquals(values, [5, 1, 4, 2, 3]);
});

// -- game_loop.ts --

Deno.test("fireworks() is the same show each time, in no more blocks than it needs", () => {
  assertEquals(fireworks(150).stats, fireworks(150).stats);
  const { stats, frameMillis } = fireworks(200);
  assertEquals([frameMillis.length, stats.allocs, stats.frees], [200, 3000 * 8, 3000 * 8]);
  assertEquals([stats.size, stats.blocks, stats.released], [0, 1, stats.grown - 1]);
  assert(stats.peakSize > 3000 && stats.peakSize <= 3000 * 12, String(stats.peakSize));
  assertEquals(stats.grown, Math.ceil(stats.peakSize / (stats.capacity / stats.blocks)));
});

// -- mark_sweep.ts --

/** A cell, and the cells that it refers to. */
interface Cell {
  readonly handle: AnyHandle;
  readonly isCons: boolean;
  head?: Cell | undefined;
  tail?: Cell | undefined;
}

/** The cells that can be reached from some. */
function reachable(...roots: (Cell | undefined)[]): Set<Cell> {
  const reached = new Set<Cell>();
  const add = (cell: Cell | undefined) => cell && reached.add(cell);
  roots.forEach(add);
  for (const cell of reached) [cell.head, cell.tail].forEach(add); // those added are visited as well
  return reached;
}

/** Adds cells that refer to any others, and changes the references of some. */
function tangle(cells: Cells, graph: Cell[], length: number, random: () => number): void {
  for (let i = 0; i < length; i++) {
    const isCons = random() < 0.6;
    graph.push({ handle: isCons ? cells.alloc(Cons) : cells.alloc(Atom, { value: i }), isCons });
  }
  for (const it of graph) {
    if (!it.isCons || random() < 0.3) continue;
    // Some are beyond the last, and so none.
    [it.head, it.tail] = [0, 0].map(() => graph[Math.floor(random() * 1.3 * graph.length)]);
    const [head, tail] = [it.head, it.tail].map((cell) => cell?.handle ?? NULL_HANDLE);
    cells.set(Cons, it.handle, { head, tail });
  }
}

Deno.test("collect() keeps exactly the cells that can be reached, in any tangle, round after round", () => {
  const random = randomNumbers();
  using cells = newCells();
  let graph: Cell[] = [];
  let cyclic = 0;
  for (let round = 0; round < 200; round++) {
    tangle(cells, graph, 1 + Math.floor(random() * 30), random);
    const roots = graph.filter(() => random() < 0.1);
    const reached = reachable(...roots);
    const { kept, freed } = collect(cells, roots.map(({ handle }) => handle));

    validate(cells);
    assertEquals(graph.map(({ handle }) => cells.has(handle)), graph.map((it) => reached.has(it)));
    const count = (live: boolean, isCons: boolean) =>
      graph.filter((it) => reached.has(it) === live && it.isCons === isCons).length;
    assertEquals(kept, { conses: count(true, true), atoms: count(true, false) });
    assertEquals(freed, { conses: count(false, true), atoms: count(false, false) });
    for (const { handle, isCons, ...refs } of reached) {
      if (!isCons) continue;
      const [head, tail] = [refs.head, refs.tail].map((cell) => cell?.handle ?? NULL_HANDLE);
      assertEquals(cells.get(Cons, handle).toJSON(), { head, tail, marked: false });
    }
    cyclic += graph.filter((it) => {
      return !reached.has(it) && reachable(it.head, it.tail).has(it);
    }).length;
    graph = graph.filter((it) => reached.has(it));
  }
  assertGreater(cyclic, 100); // not only trees were freed
});

Deno.test("collect() ignores null and stale handles, and makes those of freed cells stale", () => {
  using cells = newCells();
  const atom = cells.alloc(Atom, { value: 7 });
  const [one, other] = [cells.alloc(Cons, { head: atom }), cells.alloc(Cons, { head: atom })];
  cells.get(Cons, one).tail = other;
  cells.free(other);
  const { kept, freed } = collect(cells, [NULL_HANDLE, other, one]);
  assertEquals([kept, freed], [{ conses: 1, atoms: 1 }, { conses: 0, atoms: 0 }]);
  assertEquals(cells.get(Atom, atom).value, 7);
  collect(cells, []);
  const { capacity } = cells;
  for (let i = 0; i < 2; i++) cells.alloc(Cons); // in the same chunks
  assertEquals([cells.size, cells.capacity], [2, capacity]);
  assertThrows(() => cells.get(Cons, one), StaleHandleError);
  assertThrows(() => cells.typeOf(atom), StaleHandleError);
});

Deno.test("collect() follows a list longer than the call stack is deep", () => {
  using cells = newCells();
  let list: AnyHandle = NULL_HANDLE;
  for (let i = 0; i < 100_000; i++) list = cells.alloc(Cons, { tail: list });
  for (let i = 0; i < 2; i++) {
    assertEquals(collect(cells, [list]).kept, { conses: 100_000, atoms: 0 });
  }
});

Deno.test("The demo of collect() reuses the chunks of what was freed and gives every block back", () => {
  assertEquals(demo(), [
    "1000 rings made           blocks: 20, cells: 5000",
    "collected from 250 roots  blocks: 20, kept 1000 + 250, freed 3000 + 750",
    "750 rings made            blocks: 20, cells: 5000",
    "collected from no roots   blocks: 1, kept 0 + 0, freed 4000 + 1000",
    "trimmed                   blocks: 0",
  ]);
});

// -- linked_list.ts --

interface Item {
  readonly node: NodeHandle;
  readonly value: number;
}

/** Asserts that a list has these nodes and values, in both directions. */
function assertList(list: LinkedList, wanted: readonly Item[]): void {
  assertEquals([...list], wanted.map(({ value }) => value));
  assertEquals([...list.nodes()], wanted.map(({ node }) => node));
  assertEquals([...list.nodes("prev")], wanted.map(({ node }) => node).reverse());
  assertEquals(list.size, wanted.length);
}

Deno.test("LinkedList does what an array does, whatever is inserted, removed and sorted", () => {
  const random = randomNumbers();
  const below = (limit: number) => Math.floor(random() * limit);
  for (let round = 0; round < 40; round++) {
    using list = new LinkedList();
    const model: Item[] = [];
    for (let step = 0; step < 60; step++) {
      const at = below(model.length + 1);
      const kind = below(20);
      if (kind === 0) {
        list.sort();
        model.sort((a, b) => a.value - b.value); // stable, as the list's is
      } else if (kind < 7 && at < model.length) {
        assertEquals(list.remove(model[at].node), model[at].value);
        const [{ node }] = model.splice(at, 1);
        assertThrows(() => list.remove(node), StaleHandleError);
        assertThrows(() => list.insert(0, node), StaleHandleError);
        assertThrows(() => list.valueOf(node), StaleHandleError);
      } else {
        const value = below(10); // so that many are equal
        model.splice(at, 0, { node: list.insert(value, model[at]?.node), value });
        assertEquals(list.valueOf(model[at].node), value);
      }
      assertList(list, model);
    }
  }
});

Deno.test("LinkedList.sort() sorts lists of every length around the powers of two, and long ones", () => {
  for (const length of [...Array(71).keys(), 20_000]) {
    const values = Array.from({ length }, (_, i) => i * 7919 % 9973 % 31 - 15);
    using list = new LinkedList(values);
    const items = [...list.nodes()].map((node, i) => ({ node, value: values[i] }));
    list.sort();
    assertList(list, items.sort((a, b) => a.value - b.value));
  }
});

Deno.test("LinkedList.nodes() goes on when the node that it gave is removed", () => {
  using list = new LinkedList([1, 2, 3, 4, 5]);
  assertEquals(Array.from(list.nodes(), (node) => list.remove(node)), [1, 2, 3, 4, 5]);
  assertEquals([[...list], list.size], [[], 0]);
});

Deno.test("LinkedList's demo sorts, and takes every other number out", () => {
  const [made, sorted, halved] = listDemo(9).map((line) => line.slice(8).split(" ").map(Number));
  const wanted = made.toSorted((a, b) => a - b);
  assertEquals([sorted, halved], [wanted, wanted.filter((_, i) => i % 2 === 1)]);
});

// -- binary_trees.ts --

Deno.test("binary_trees prints what the Benchmarks Game does, on all four kinds of memory", () => {
  // From its binarytrees-output.txt for 10, and the least depth of 6.
  const wanted = [
    "stretch tree of depth 11\t check: 4095",
    "1024\t trees of depth 4\t check: 31744",
    "256\t trees of depth 6\t check: 32512",
    "64\t trees of depth 8\t check: 32704",
    "16\t trees of depth 10\t check: 32752",
    "long lived tree of depth 10\t check: 2047",
  ];
  const all = forests(10);
  assertEquals(all.map(({ name }) => name), ["plain objects", "Pool", "Arena", "by hand"]);
  for (const forest of all) {
    assertEquals(treeChecks(forest, 10), wanted, forest.name);
    const small = treeChecks(forest, 0);
    const [first, last] = [small[0], small.at(-1)];
    assertEquals(first, "stretch tree of depth 7\t check: 255");
    assertEquals(last, "long lived tree of depth 6\t check: 127");
    assertEquals(treeChecks(forest, 6), small);
  }
});

// -- rollback.ts --

Deno.test("playLate() ends as play() does, however late the inputs arrive", () => {
  for (let seed = 1; seed <= 4; seed++) {
    const inputs = inputsOf(150, seed);
    const inTime = play(150, inputs);
    const delays = [
      (i: number) => (i * 7 + seed) % (MAX_DELAY + 1),
      () => MAX_DELAY,
      (i: number) => i % 2 * seed,
    ];
    for (const delay of delays) {
      const late = playLate(150, inputs, (_, i) => delay(i));
      assertEquals([late.state, late.millis.length], [inTime, late.rollbacks]);
      assert(late.rollbacks > 10 && late.replayed <= late.rollbacks * MAX_DELAY);
    }
  }
  // At the very end as well, when no frame follows.
  const last = [{ frame: 59, player: 1, aim: 5, shots: 50 }];
  assertEquals(playLate(60, last, () => MAX_DELAY).state, play(60, last));
});

Deno.test("playLate() goes back by as many frames as an input is late, not at all for one in time", () => {
  const inputs = [20, 40].map((frame) => ({ frame, player: 0, aim: 5, shots: 50 }));
  for (let delay = 0; delay <= MAX_DELAY; delay++) {
    const { rollbacks, replayed } = playLate(60, inputs, () => delay);
    assertEquals([rollbacks, replayed], delay === 0 ? [0, 0] : [2, 2 * delay]);
  }
});

Deno.test("play() is another game where an input comes a frame later, of 2,000 projectiles", () => {
  const inputs = inputsOf(100, 1);
  const shifted = inputs.map((it, i) => i === 20 ? { ...it, frame: it.frame + 1 } : it);
  assertNotEquals(play(100, shifted), play(100, inputs));
  using game = new Game();
  game.step([]);
  assertEquals(game.projectiles.size, 2000);
  assertGreater(play(100, inputs).split("\n").length, 1999);
});

// -- save_game.ts --

Deno.test({
  name: "save_game reads the file that version 1 wrote, into structs and options of version 2",
  ignore: (await Deno.permissions.query({ name: "read", path: FILE })).state !== "granted",
  async fn() {
    const file = await Deno.readFile(FILE);
    assertEquals(file, writeVersion1()); // as long as the module writes saves as it did then
    using game = new SavedGame(file);
    assertEquals(game.report, [
      "5 records, 5 of them with new handles, 0 numbers wrapped",
      "new: Vessel.shield; dropped: Vessel.fuel",
    ]);
    assertEquals(game.lines(), [
      "(0, 0) health 0, shield 0, follows the vessel at 40",
      "(20, -2) health 100, shield 0, follows the vessel at 40",
      "(30, -3) health 150, shield 0, follows the vessel at 40",
      "(40, -4) health 200, shield 0, the flagship",
      "(50, -5) health 250, shield 0, follows the vessel at 40",
    ]);
    validate(game.vessels);
  },
});

// -- sprites.ts --

Deno.test("Fleet draws what its ships are, each with the sprite that it was launched with", () => {
  using fleet = new Fleet();
  const names = new Map<number, string>();
  for (let frame = 0; frame < 200; frame++) {
    if (frame % 3 === 0) fleet.launch(5);
    for (const [ship, { name }] of fleet.sprites) {
      if (!names.has(ship)) names.set(ship, name); // generations are many more than frames
      assertEquals(names.get(ship), name);
    }
    fleet.step();
    if (frame % 4 === 0) fleet.hit(3);
    const { count, instances, labels } = fleet.draw();
    assertEquals([count, labels.length, fleet.sprites.size], Array(3).fill(fleet.ships.size));
    assertEquals([...instances], Array.from(fleet.ships, ({ x, y }) => [x, y]).flat());
    const shown = Array.from(fleet.ships.handles(), (it) => fleet.sprites.get(it)!); // each has one
    assertEquals(labels, shown.map((it) => `${it.name}/${it.frame}`));
  }
  assertGreater(names.size, 300);
  validate(fleet.ships);
  const lines = spritesDemo(30); // every tenth frame
  assertEquals([lines.length, lines[0]], [4, "frame 0: 6 ships, the first at 10, -1: HMS 0/1"]);
});

// -- workers.ts --

Deno.test({
  name: "Workers step, free and make sparks in one pool, and none is lost (needs --allow-read)",
  ignore: !canRead,
  async fn() {
    const { workers, millis, made, freed, live } = await playWithWorkers(2, 30, 2_000);
    assertEquals([workers, millis.length, live], [2, 30, 2_000]);
    assertEquals(made - freed, live);
    assertGreater(freed, 100); // lives are 10 frames and more
  },
});

// -- gpu.ts --

// That it moves particles on a GPU is shown in `layouts/layouts.ts`.
Deno.test("examples/gpu.ts says so where there is no adapter", async () => {
  const none = { requestAdapter: () => Promise.resolve(null) } as GPU; // no other member is read
  for (const gpu of [undefined, none]) {
    assertEquals(await runOnGpu(gpu), "WebGPU has no adapter here: nothing was run");
  }
});
