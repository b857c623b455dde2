/** The examples: what they draw, count and check. `flights.ts` reads its data only when it is run. */
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
import { Game, inputsOf, MAX_DELAY, play, playLate } from "../examples/rollback.ts";
import { demo as spritesDemo, Fleet } from "../examples/sprites.ts";
import { FILE, Game as SavedGame, writeVersion1 } from "../examples/save_game.ts";
import { play as playWithWorkers } from "../examples/workers.ts";
import { Atom, type Cells, collect, Cons, demo, newCells } from "../examples/mark_sweep.ts";

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

// -- collect() --

/** A cell as plain data; what it refers to by place in the list of all, -1 for nothing. */
interface Plain {
  readonly handle: AnyHandle;
  readonly isCons: boolean;
  head: number;
  tail: number;
}

/** Places of the cells that can be reached, by going over all references until none adds one. */
function reachable(graph: readonly Plain[], roots: readonly number[]): Set<number> {
  const reached = new Set(roots);
  for (let before = -1; before < reached.size;) {
    before = reached.size;
    graph.forEach(({ head, tail }, i) => {
      if (!reached.has(i)) return;
      if (head >= 0) reached.add(head);
      if (tail >= 0) reached.add(tail);
    });
  }
  return reached;
}

/** Adds cells that refer to any others, those that were there included, and changes some of those. */
function tangle(cells: Cells, graph: Plain[], length: number, random: () => number): void {
  const count = graph.length + length;
  const any = () => Math.floor(random() * 1.3 * count); // beyond the last: nothing
  while (graph.length < count) {
    const isCons = random() < 0.6;
    const handle = isCons ? cells.alloc(Cons) : cells.alloc(Atom, { value: graph.length });
    graph.push({ handle, isCons, head: -1, tail: -1 });
  }
  for (const it of graph) {
    if (!it.isCons || random() < 0.3) continue;
    [it.head, it.tail] = [any(), any()].map((at) => at < count ? at : -1);
    const [head, tail] = [it.head, it.tail].map((at) => graph[at]?.handle ?? NULL_HANDLE);
    cells.set(Cons, it.handle, { head, tail });
  }
}

Deno.test("collect() keeps exactly the cells that can be reached, in any tangle, round after round", () => {
  let seed = 1;
  const random = () => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) / 2 ** 32;
  using cells = newCells();
  let graph: Plain[] = [];
  let cyclic = 0;
  for (let round = 0; round < 200; round++) {
    tangle(cells, graph, 1 + Math.floor(random() * 30), random);
    const roots = graph.map((_, i) => i).filter(() => random() < 0.1);
    const reached = reachable(graph, roots);
    const { kept, freed } = collect(cells, roots.map((i) => graph[i].handle));

    validate(cells);
    assertEquals(graph.map(({ handle }) => cells.has(handle)), graph.map((_, i) => reached.has(i)));
    const count = (live: boolean, isCons: boolean) =>
      graph.filter((it, i) => reached.has(i) === live && it.isCons === isCons).length;
    assertEquals(kept, { conses: count(true, true), atoms: count(true, false) });
    assertEquals(freed, { conses: count(false, true), atoms: count(false, false) });

    const handleAt = (i: number) => graph[i]?.handle ?? NULL_HANDLE;
    for (const i of reached) {
      const { handle, isCons, head, tail } = graph[i];
      if (!isCons) continue;
      const { marked, ...cell } = cells.get(Cons, handle).toJSON();
      assertEquals(marked, false);
      assertEquals(cell, { head: handleAt(head), tail: handleAt(tail) });
    }
    cyclic += graph.filter((_, i) => !reached.has(i) && reachesItself(graph, i)).length;
    graph = compact(graph, reached);
  }
  assertGreater(cyclic, 100); // and not only trees were freed
});

function reachesItself(graph: readonly Plain[], i: number): boolean {
  const { head, tail } = graph[i];
  return reachable(graph, [head, tail].filter((at) => at >= 0)).has(i);
}

/** The cells that were kept, their references by their new places. */
function compact(graph: readonly Plain[], reached: ReadonlySet<number>): Plain[] {
  const left = graph.map((_, i) => i).filter((i) => reached.has(i));
  const placeOf = new Map(left.map((i, place) => [i, place]));
  return left.map((i) => ({
    ...graph[i],
    head: placeOf.get(graph[i].head) ?? -1,
    tail: placeOf.get(graph[i].tail) ?? -1,
  }));
}

/** Two conses that refer to each other, both to one atom. */
function pair(cells: Cells): { one: AnyHandle; other: AnyHandle; atom: AnyHandle } {
  const atom = cells.alloc(Atom, { value: 7 });
  const one = cells.alloc(Cons, { head: atom });
  const other = cells.alloc(Cons, { head: atom, tail: one });
  cells.get(Cons, one).tail = other;
  return { one, other, atom };
}

Deno.test("collect() frees a cycle that refers to a live one, and keeps the live one", () => {
  using cells = newCells();
  const live = pair(cells);
  const dead = pair(cells);
  cells.get(Cons, dead.other).head = live.atom;
  const { kept, freed } = collect(cells, [live.one]);
  assertEquals([kept, freed], [{ conses: 2, atoms: 1 }, { conses: 2, atoms: 1 }]);
  for (const handle of Object.values(live)) assert(cells.has(handle));
  for (const handle of Object.values(dead)) assert(!cells.has(handle));
});

Deno.test("collect() leaves handles to freed cells stale, also when their chunks are used again", () => {
  using cells = newCells();
  const dead = pair(cells);
  collect(cells, []);
  const { capacity } = cells;
  const live = pair(cells);
  assertEquals([cells.size, cells.capacity], [3, capacity]);
  assertThrows(() => cells.get(Cons, dead.one), StaleHandleError);
  assertThrows(() => cells.typeOf(dead.atom), StaleHandleError);
  assertEquals(cells.get(Atom, live.atom).value, 7);
});

Deno.test("collect() keeps the same cells when asked twice", () => {
  using cells = newCells();
  const { one } = pair(cells);
  const first = collect(cells, [one]);
  assertEquals(collect(cells, [one]), { kept: first.kept, freed: { conses: 0, atoms: 0 } });
});

Deno.test("collect() follows a list longer than the call stack is deep", () => {
  using cells = newCells();
  let list: AnyHandle = NULL_HANDLE;
  for (let i = 0; i < 100_000; i++) list = cells.alloc(Cons, { tail: list });
  assertEquals(collect(cells, [list]).kept, { conses: 100_000, atoms: 0 });
});

Deno.test("collect() takes the null handle and stale ones as leading nowhere", () => {
  using cells = newCells();
  const { one, other, atom } = pair(cells);
  cells.free(other);
  const { kept, freed } = collect(cells, [NULL_HANDLE, other, one]);
  assertEquals([kept, freed], [{ conses: 1, atoms: 1 }, { conses: 0, atoms: 0 }]);
  assert(cells.has(atom));
});

Deno.test("demo() reuses the chunks of what was freed and gives every block back", () => {
  assertEquals(demo(), [
    "1000 rings made           blocks: 20, cells: 5000",
    "collected from 250 roots  blocks: 20, kept 1000 + 250, freed 3000 + 750",
    "750 rings made            blocks: 20, cells: 5000",
    "collected from no roots   blocks: 1, kept 0 + 0, freed 4000 + 1000",
    "trimmed                   blocks: 0",
  ]);
});

// -- LinkedList --

/** Asserts that a list is what an array of nodes and values says, in both directions. */
function assertList(
  list: LinkedList,
  wanted: readonly { node: NodeHandle; value: number }[],
): void {
  assertEquals([...list], wanted.map(({ value }) => value));
  assertEquals([...list.nodes()], wanted.map(({ node }) => node));
  assertEquals([...list.nodes("prev")], wanted.map(({ node }) => node).reverse());
  assertEquals(list.size, wanted.length);
}

Deno.test("LinkedList does what an array does, whatever is inserted, removed and sorted", () => {
  let seed = 1;
  const random = (below: number) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return Math.floor(seed / 2 ** 32 * below);
  };
  for (let round = 0; round < 40; round++) {
    using list = new LinkedList();
    const model: { node: NodeHandle; value: number }[] = [];
    for (let step = 0; step < 60; step++) {
      const at = random(model.length + 1);
      const kind = random(20);
      if (kind === 0) {
        list.sort();
        model.sort((a, b) => a.value - b.value); // stable, as the list's is
      } else if (kind < 7 && at < model.length) {
        assertEquals(list.remove(model[at].node), model[at].value);
        model.splice(at, 1);
      } else {
        const value = random(10); // so that many are equal
        model.splice(at, 0, { node: list.insert(value, model[at]?.node), value });
      }
      assertList(list, model);
    }
  }
});

Deno.test("LinkedList.sort() sorts lists of every length around the powers of two", () => {
  for (let length = 0; length <= 70; length++) {
    const values = Array.from({ length }, (_, i) => i * 7919 % 31 - 15);
    using list = new LinkedList(values);
    const nodes = [...list.nodes()].map((node, i) => ({ node, value: values[i] }));
    list.sort();
    assertList(list, nodes.sort((a, b) => a.value - b.value));
    list.sort();
    assertList(list, nodes);
  }
});

Deno.test("LinkedList.sort() sorts 100,000 numbers", () => {
  const values = Array.from({ length: 100_000 }, (_, i) => i * 104729 % 99_991);
  using list = new LinkedList(values);
  list.sort();
  assertEquals([...list], values.sort((a, b) => a - b));
});

Deno.test("LinkedList knows a node that was removed, and is as it was after an error", () => {
  using list = new LinkedList([1, 2, 3]);
  const [first, second] = list.nodes();
  list.remove(first);
  assertThrows(() => list.remove(first), StaleHandleError);
  assertThrows(() => list.insert(0, first), StaleHandleError);
  assertThrows(() => list.valueOf(first), StaleHandleError);
  assertEquals([[...list], list.size], [[2, 3], 2]);
  assertEquals(list.valueOf(second), 2);
});

Deno.test("LinkedList.nodes() goes on when the node that it gave is removed", () => {
  using list = new LinkedList([1, 2, 3, 4, 5]);
  const removed: number[] = [];
  for (const node of list.nodes()) removed.push(list.remove(node));
  assertEquals([removed, [...list], list.size], [[1, 2, 3, 4, 5], [], 0]);
  list.insert(6);
  assertEquals([...list], [6]);
});

Deno.test("LinkedList's demo sorts, and takes every other number out", () => {
  const [made, sorted, halved] = listDemo(9).map((line) => line.slice(8).split(" ").map(Number));
  const wanted = made.toSorted((a, b) => a - b);
  assertEquals(sorted, wanted);
  assertEquals(halved, wanted.filter((_, i) => i % 2 === 1));
});

// -- binary trees --

Deno.test("binary_trees has the format of the Benchmarks Game, on all four kinds of memory", () => {
  // As its binarytrees-output.txt for 10.
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
  for (const forest of all) assertEquals(treeChecks(forest, 10), wanted, forest.name);
});

Deno.test("binary_trees goes to a depth of 6 at the least, and comes to the same again", () => {
  for (const forest of forests(6)) {
    const first = treeChecks(forest, 0);
    assertEquals(first[0], "stretch tree of depth 7\t check: 255");
    assertEquals(first.at(-1), "long lived tree of depth 6\t check: 127");
    assertEquals(treeChecks(forest, 6), first);
  }
});

// -- playLate() --

Deno.test("playLate() ends as play() does, however late the inputs arrive", () => {
  const frames = 150;
  for (let seed = 1; seed <= 4; seed++) {
    const inputs = inputsOf(frames, seed);
    const inTime = play(frames, inputs);
    const delays: ((i: number) => number)[] = [
      (i) => (i * 7 + seed) % (MAX_DELAY + 1),
      () => MAX_DELAY,
      (i) => i % 2 * seed,
    ];
    for (const delay of delays) {
      const late = playLate(frames, inputs, (_, i) => delay(i));
      assertEquals(late.state, inTime);
      assertGreater(late.rollbacks, 10);
      assert(late.replayed <= late.rollbacks * MAX_DELAY);
      assertEquals(late.millis.length, late.rollbacks);
    }
  }
});

Deno.test("playLate() goes back by as many frames as an input is late, and not at all for one in time", () => {
  const inputs = [20, 40].map((frame) => ({ frame, player: 0, aim: 5, shots: 50 }));
  for (let delay = 0; delay <= MAX_DELAY; delay++) {
    const { rollbacks, replayed } = playLate(60, inputs, () => delay);
    assertEquals([rollbacks, replayed], delay === 0 ? [0, 0] : [2, 2 * delay]);
  }
  // At the very end as well, when no frame follows.
  const last = [{ frame: 59, player: 1, aim: 5, shots: 50 }];
  assertEquals(playLate(60, last, () => MAX_DELAY).state, play(60, last));
});

Deno.test("play() is another game where an input comes a frame later, of 2,000 projectiles at least", () => {
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

Deno.test("save_game's version 1 writes the same file each time", () => {
  assertEquals(writeVersion1(), writeVersion1());
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
    const wanted = Array.from(fleet.ships, ({ x, y }) => [x, y]).flat();
    assertEquals([...instances], wanted);
    const shown = Array.from(fleet.ships.handles(), (it) => fleet.sprites.get(it)!); // each has one
    assertEquals(labels, shown.map((it) => `${it.name}/${it.frame}`));
  }
  assertGreater(names.size, 300);
  validate(fleet.ships);
});

Deno.test("The sprites' demo tells of every tenth frame", () => {
  const lines = spritesDemo(30);
  assertEquals(lines.length, 4);
  assertEquals(lines[0], "frame 0: 6 ships, the first at 10, -1: HMS 0/1");
});

// -- workers.ts --

const canRead = (await Deno.permissions.query({ name: "read", path: "." })).state === "granted";

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
  const none = { requestAdapter: () => Promise.resolve(null) } as GPU; // all that is asked of it
  for (const gpu of [undefined, none]) {
    assertEquals(await runOnGpu(gpu), "WebGPU has no adapter here: nothing was run");
  }
});
