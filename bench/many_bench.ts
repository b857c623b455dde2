/**
 * Two questions. What does walking cost in a program of many kinds, and not of one? And what once such a program has run
 * for a while, with a function for each of its loops?
 *
 * Method of the first: as in `iterate_bench.ts`, 100,000 particles a pass, but before the rounds begin five more pools of five other
 * structs are walked by functions of their own, with `forEach` and with `for…of`. The loop inside `forEach` is compiled
 * once for all of them, and has to call the function of each; a `for…of` has its loop in the function that it stands in, and
 * moves a view of any of six classes.
 *
 * Method of the second: six pools of six structs, a thousand records each, and a function for each pool that scales one field. Its
 * contestants have isolates of their own, and 20,000 rounds before any counts: so late the engine compiles a function that does no
 * more than to call `forEach`, and with it the loop and the callback. The last two contestants count the rounds before that.
 */
import { type Fields, Pool } from "@slabs/pool";
import { DT, Particle, speedX, startX } from "./_particles.ts";
import { blocksByHand, passes } from "./_passes.ts";
import { bench, same, type Scenario, size, type Work } from "./_scenario.ts";

const N = size(100_000, 1_000);
const WARM_UP = size(60, 1);

function pools() {
  const of = <F extends Fields>(fields: F) => {
    const pool = new Pool(fields);
    pool.allocMany(N / 10);
    return pool;
  };
  return {
    a: of({ x: "f32", hp: "u8" }),
    b: of({ hp: "u16", x: "f32" }),
    c: of({ x: "f64", hp: "i32" }),
    d: of({ id: "u32", x: "f32", hp: "i16" }),
    e: of({ x: "f32", y: "f32", hp: "u8", team: "u8" }),
  };
}

function warmForEach(): void {
  const { a, b, c, d, e } = pools();
  for (let i = 0; i < WARM_UP; i++) {
    a.forEach((it) => it.x += 1);
    b.forEach((it) => it.hp += 1);
    c.forEach((it) => it.x += it.hp);
    d.forEach((it) => it.hp -= 1);
    e.forEach((it) => it.x += it.y);
  }
}

function warmForOf(): void {
  const { a, b, c, d, e } = pools();
  for (let i = 0; i < WARM_UP; i++) {
    for (const it of a) it.x += 1;
    for (const it of b) it.hp += 1;
    for (const it of c) it.x += it.hp;
    for (const it of d) it.hp -= 1;
    for (const it of e) it.x += it.y;
  }
}

function particles(): Pool<typeof Particle> {
  const pool = new Pool(Particle);
  const at = pool.cursor();
  for (let i = 0; i < N; i++) {
    pool.allocAt(at);
    at.x = startX(i);
    at.vx = speedX(i);
  }
  return pool;
}

function sumOf(pool: Pool<typeof Particle>): number {
  let sum = 0;
  for (const it of pool) sum += it.x;
  return sum;
}

function forEach(): Work {
  warmForEach();
  const pool = particles();
  function pass() {
    pool.forEach((it) => {
      it.x += it.vx * DT;
      it.y += it.vy * DT;
    });
  }
  return passes(N, pass, () => sumOf(pool));
}

function forOf(): Work {
  warmForOf();
  const pool = particles();
  function pass() {
    for (const it of pool) {
      it.x += it.vx * DT;
      it.y += it.vy * DT;
    }
  }
  return passes(N, pass, () => sumOf(pool));
}

export const many: Scenario = {
  name: "many",
  question: "a pass over 100,000 particles, in a program of six kinds of pool",
  contestants: [
    { name: "typed arrays in blocks, by hand", make: () => blocksByHand(N) },
    { name: "Pool.forEach", make: forEach },
    { name: "for…of Pool", make: forOf },
  ],
};

// -- a function for each loop --

const FEW = size(1_000, 10);
const LATE = size(20_000, 2);

function sixPools() {
  const x = "f32", y = "f32", z = "f32", u = "f32", v = "f32", w = "f32";
  const of = <F extends Fields>(fields: F) => {
    const pool = new Pool(fields);
    pool.allocMany(FEW);
    return pool;
  };
  const pools = {
    a: of({ x }),
    b: of({ x, y }),
    c: of({ x, y, z }),
    d: of({ x, y, z, u }),
    e: of({ x, y, z, u, v }),
    f: of({ x, y, z, u, v, w }),
  };
  for (const pool of Object.values(pools)) for (const it of pool) it.x = 0.75;
  return pools;
}

/** Halves and doubles by turns, so that values stay what they are, and are no integers: an engine keeps those in another way. */
function scaled(
  systems: readonly ((factor: number) => void)[],
  values: () => Iterable<number>,
  early: number,
): Work {
  let factor = 2;
  const run = () => {
    factor = factor === 2 ? 0.5 : 2;
    for (const system of systems) system(factor);
  };
  for (let i = 0; i < early; i++) run();
  return {
    run,
    verify() {
      for (const value of values()) same("a value", value, factor === 2 ? 0.75 : 0.375);
    },
  };
}

function firstFields(pools: readonly Iterable<{ x: number }>[]): number[] {
  const values: number[] = [];
  for (const pool of pools) for (const { x } of pool) values.push(x);
  return values;
}

function systemsByHand(): Work {
  const columns = [1, 2, 3, 4, 5, 6].map((words) => new Float32Array(FEW * words).fill(0.75));
  const systems = columns.map((column, i) => (factor: number) => {
    for (let at = 0; at < column.length; at += i + 1) column[at] *= factor;
  });
  const isX = (_: number, at: number, { length }: Float32Array) => at % (length / FEW) === 0;
  return scaled(systems, () => columns.flatMap((column) => [...column.filter(isX)]), LATE);
}

function systemsOfForEach(early: number): Work {
  const { a, b, c, d, e, f } = sixPools();
  const systems = [
    (factor: number) => a.forEach((it) => it.x *= factor),
    (factor: number) => b.forEach((it) => it.x *= factor),
    (factor: number) => c.forEach((it) => it.x *= factor),
    (factor: number) => d.forEach((it) => it.x *= factor),
    (factor: number) => e.forEach((it) => it.x *= factor),
    (factor: number) => f.forEach((it) => it.x *= factor),
  ];
  return scaled(systems, () => firstFields([a, b, c, d, e, f]), early);
}

function systemsOfForOf(early: number): Work {
  const { a, b, c, d, e, f } = sixPools();
  const systems = [
    (factor: number) => {
      for (const it of a) it.x *= factor;
    },
    (factor: number) => {
      for (const it of b) it.x *= factor;
    },
    (factor: number) => {
      for (const it of c) it.x *= factor;
    },
    (factor: number) => {
      for (const it of d) it.x *= factor;
    },
    (factor: number) => {
      for (const it of e) it.x *= factor;
    },
    (factor: number) => {
      for (const it of f) it.x *= factor;
    },
  ];
  return scaled(systems, () => firstFields([a, b, c, d, e, f]), early);
}

export const systems: Scenario = {
  name: "systems",
  question: "six pools of six structs, 1,000 records each, with a function for each loop",
  apart: true,
  contestants: [
    { name: "typed arrays, by hand", make: systemsByHand },
    { name: "Pool.forEach, after 20,000 rounds", make: () => systemsOfForEach(LATE) },
    { name: "for…of Pool, after 20,000 rounds", make: () => systemsOfForOf(LATE) },
    { name: "Pool.forEach, from the start", make: () => systemsOfForEach(0) },
    { name: "for…of Pool, from the start", make: () => systemsOfForOf(0) },
  ],
};

bench(many);
bench(systems);
