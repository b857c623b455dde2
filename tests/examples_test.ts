/**
 * The examples: what they draw, count and check. `flights.ts` reads its data only when it is run.
 */
import { assert, assertEquals, assertGreater, assertThrows } from "@std/assert";
import { type AnyHandle, NULL_HANDLE, StaleHandleError, validate } from "@slabs/pool";
import { checks as treeChecks, forests } from "../examples/binary_trees.ts";
import { chart } from "../examples/chart.ts";
import { checks, fly, percentile, toFlight } from "../examples/flights.ts";
import type { Day } from "../examples/flights.ts";
import { fireworks } from "../examples/game_loop.ts";
import { run as runOnGpu } from "../examples/gpu.ts";
import { demo as listDemo, LinkedList, type NodeHandle } from "../examples/linked_list.ts";
import { Atom, collect, Cons, demo, newCells } from "../examples/mark_sweep.ts";
import { inputsOf, MAX_DELAY, play, playLate } from "../examples/rollback.ts";
import { FILE, Game, writeVersion1 } from "../examples/save_game.ts";
import { demo as spritesDemo, Fleet } from "../examples/sprites.ts";
import { play as playWithWorkers } from "../examples/workers.ts";
import { Random } from "./_random.ts";

// -- chart.ts --

/** Minutes of so many half hours, each with one count. */
function halfHours(...counts: number[]): number[] {
  return counts.flatMap((count) => new Array(30).fill(count));
}

Deno.test("chart() draws half an hour a column, as high as its highest minute, in 80 columns", () => {
  const minutes = halfHours(0, 5, 10, 15, 20, 25, 30, 35, 40, 60, 80);
  minutes[17] = 3;
  assertEquals(chart(minutes, 2).split("\n"), [
    "80 ┤         ▄█",
    "40 ┤▁▁▂▃▄▅▆▇███",
    " 0 └┬─────┬────",
    "    00    03",
  ]);
  assertEquals(chart([], 2).split("\n"), ["2 ┤", "1 ┤", "0 └", "   "]);
  // The end would not show; the hours go on past midnight.
  const days = chart(halfHours(...Array(52).fill(1000), ...Array(400).fill(1)), 1).split("\n");
  assertEquals(days[0], "1,000 ┤" + "█".repeat(52));
  assert(days[2].includes("18    21    00"));
  assert(days.every((line) => line.length <= 80));
  const steps = chart(halfHours(26_301), 7).split("\n").map((line) => line.split(" ┤")[0]);
  assertEquals(steps.slice(0, 3), ["28,000", "24,000", "20,000"]); // round ones
});

// -- flights.ts --

Deno.test("percentile() and toFlight() tell what the report is made of", () => {
  const values = [5, 1, 4, 2, 3];
  assertEquals([0, 0.2, 0.5, 1].map((share) => percentile(values, share)), [1, 1, 3, 5]);
  // 500 mph, 30 minutes on the ground and the delay, and 1 at the least.
  const { departs, lands } = toFlight({ time: 23.5, distance: 1000, delay: 12 });
  assertEquals([departs, lands], [1410, 1410 + 120 + 30 + 12]);
  assertEquals(toFlight({ time: 0, distance: 250, delay: -86 }).lands, 1);
});

Deno.test("fly() agrees with a count of the flights minute by minute, and checks() with it", () => {
  // Every flight overlaps some others, and some pass midnight.
  const some = Array.from({ length: 3000 }, (_, i) => {
    const [time, distance] = [(i * 7919 % 1440) / 60, 50 + i * 104729 % 4000];
    return toFlight({ time, distance, delay: i * 31 % 90 - 20 });
  });
  for (const flights of [some, []]) {
    const seen: number[] = [];
    const day = fly(flights, (minute, inAir) => seen[minute] = inAir);
    const length = Math.max(-1, ...flights.map((it) => it.lands)) + 1;
    const inAirAt = (minute: number) =>
      flights.filter((it) => it.departs <= minute && minute < it.lands).length;
    const counted = Array.from({ length }, (_, minute) => inAirAt(minute));
    assertEquals([day.inAir, seen, day.frameMillis.length], [counted, counted, length]);
    const { peakSize, size, grown, released, blocks } = day.stats;
    assertEquals([peakSize, size, released], [Math.max(0, ...counted), 0, grown - blocks]);
    const faultsOf = (day: Day) =>
      checks(flights, day).filter(([, got, want]) => got !== want).map(([what]) => what);
    assertEquals(faultsOf(day), []);
    assertEquals(faultsOf({ ...day, landed: 99, astray: 1 }).length, 2);
  }
});

// -- game_loop.ts --

Deno.test("fireworks() is the same show each time, in no more blocks than it needs", () => {
  const { stats, frameMillis } = fireworks(200);
  assertEquals(fireworks(200).stats, stats);
  assertEquals([frameMillis.length, stats.allocs, stats.frees], [200, 3000 * 8, 3000 * 8]);
  assertEquals([stats.size, stats.blocks, stats.released], [0, 1, stats.grown - 1]);
  assert(stats.peakSize > 3000 && stats.peakSize <= 3000 * 12, String(stats.peakSize));
  assertEquals(stats.grown, Math.ceil(stats.peakSize / (stats.capacity / stats.blocks)));
});

// -- mark_sweep.ts --

Deno.test("collect() keeps exactly the cells that can be reached, in any tangle", () => {
  const random = new Random(1);
  for (let round = 0; round < 100; round++) {
    using cells = newCells();
    const conses: AnyHandle[] = Array.from({ length: 40 }, () => cells.alloc(Cons));
    const atoms: AnyHandle[] = Array.from({ length: 20 }, () => cells.alloc(Atom));
    const all = [...conses, ...atoms];
    const refs = new Map(conses.map((it) => [it, [random.pick(all), random.pick(all)]]));
    for (const [it, [head, tail]] of refs) cells.set(Cons, it, { head, tail });
    let before = all;
    let roots = all;
    for (let i = 0; i < 3; i++) {
      roots = roots.filter(() => random.oneIn(4));
      const reached = new Set(roots);
      // A set visits those that are added meanwhile as well.
      for (const it of reached) for (const to of refs.get(it) ?? []) reached.add(to);
      const { kept, freed } = collect(cells, roots);
      validate(cells);
      assertEquals(all.filter((it) => cells.has(it)), all.filter((it) => reached.has(it)));
      const count = (isCons: boolean, isKept: boolean) =>
        before.filter((it) => refs.has(it) === isCons && reached.has(it) === isKept).length;
      assertEquals(kept, { conses: count(true, true), atoms: count(false, true) });
      assertEquals(freed, { conses: count(true, false), atoms: count(false, false) });
      before = [...reached];
    }
    for (const it of before) if (refs.has(it)) assert(!cells.get(Cons, it).marked);
  }
});

Deno.test("collect() ignores null and stale handles, and follows lists deeper than the call stack", () => {
  using cells = newCells();
  let list = cells.alloc(Atom, { value: 7 }) as AnyHandle;
  const other = cells.alloc(Cons, { head: list });
  cells.free(other);
  for (let i = 0; i < 100_000; i++) list = cells.alloc(Cons, { tail: list, head: other });
  assertEquals(collect(cells, [NULL_HANDLE, other, list]).kept, { conses: 100_000, atoms: 1 });
  assertEquals(demo(), [
    "1000 rings made           blocks: 20, cells: 5000",
    "collected from 250 roots  blocks: 20, kept 1000 + 250, freed 3000 + 750",
    "750 rings made            blocks: 20, cells: 5000",
    "collected from no roots   blocks: 1, kept 0 + 0, freed 4000 + 1000",
    "trimmed                   blocks: 0",
  ]);
});

// -- linked_list.ts --

Deno.test("LinkedList does what an array does, whatever is inserted, removed and sorted, also a long list", () => {
  const random = new Random(1);
  for (let round = 0; round < 40; round++) {
    using list = new LinkedList();
    const model: { node: NodeHandle; value: number }[] = [];
    for (let step = 0; step < 60; step++) {
      const at = random.below(model.length + 1);
      const kind = random.below(20);
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
        const value = random.below(10); // so that many are equal
        model.splice(at, 0, { node: list.insert(value, model[at]?.node), value });
        assertEquals(list.valueOf(model[at].node), value);
      }
      const nodes = model.map(({ node }) => node);
      assertEquals([list.size, ...list], [model.length, ...model.map(({ value }) => value)]);
      assertEquals([[...list.nodes()], [...list.nodes("prev")]], [nodes, nodes.toReversed()]);
    }
  }
  const values = Array.from({ length: 20_000 }, (_, i) => i * 7919 % 9973);
  using long = new LinkedList(values);
  long.sort();
  assertEquals([...long], values.sort((a, b) => a - b));
  assertEquals(listDemo(9).length, 3);
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
    assertEquals(treeChecks(forest, 0), treeChecks(forest, 6)); // the least depth is 6
  }
});

// -- rollback.ts --

Deno.test("playLate() ends as play() does, however late the inputs arrive", () => {
  for (let seed = 1; seed <= 4; seed++) {
    const inputs = inputsOf(150, seed);
    const delays = [(i: number) => (i * 7 + seed) % (MAX_DELAY + 1), (i: number) => i % 2 * seed];
    for (const delay of [...delays, () => MAX_DELAY]) {
      const late = playLate(150, inputs, (_, i) => delay(i));
      assertEquals([late.state, late.millis.length], [play(150, inputs), late.rollbacks]);
      assertGreater(late.rollbacks, 10);
    }
  }
  // At the very end as well, when no frame follows.
  const inputs = [20, 59].map((frame) => ({ frame, player: 0, aim: 5, shots: 50 }));
  assertEquals(playLate(60, inputs, () => MAX_DELAY).state, play(60, inputs));
  assert(play(60, inputs.slice(1)) !== play(60, inputs));
  // It goes back by as many frames as an input is late.
  for (let delay = 0; delay <= MAX_DELAY; delay++) {
    const { rollbacks, replayed } = playLate(60, inputs.slice(0, 1), () => delay);
    assertEquals([rollbacks, replayed], [delay === 0 ? 0 : 1, delay]);
  }
});

// -- save_game.ts --

Deno.test("save_game reads the file that version 1 wrote, into structs and options of version 2", () => {
  const file = Deno.readFileSync(FILE);
  assertEquals(file, writeVersion1()); // as long as the module writes saves as it did then
  using game = new Game(file);
  assertEquals(game.report, [
    "5 records, 5 of them with new handles, 0 fields wrapped",
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
  }
  assertGreater(names.size, 300);
  const lines = spritesDemo(30); // every tenth frame
  assertEquals([lines.length, lines[0]], [4, "frame 0: 6 ships, the first at 10, -1: HMS 0/1"]);
});

// -- workers.ts --

Deno.test("Workers step, free and make sparks in one pool, and none is lost", async () => {
  const { workers, millis, made, freed, live } = await playWithWorkers(2, 30, 2_000);
  assertEquals([workers, millis.length, live, made - freed], [2, 30, 2_000, 2_000]);
  assertGreater(freed, 100); // lives are 10 frames and more
});

// -- gpu.ts --

// That it moves particles on a GPU is shown in `layouts/layouts.ts`.
Deno.test("examples/gpu.ts says so where there is no adapter", async () => {
  const none = { requestAdapter: () => Promise.resolve(null) } as GPU; // no other member is read
  for (const gpu of [undefined, none]) {
    assertEquals(await runOnGpu(gpu), "WebGPU has no adapter here: nothing was run");
  }
});
