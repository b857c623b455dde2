/**
 * Question: what does walking cost in a program of many kinds, and not of one?
 *
 * Method: as in `iterate_bench.ts`, 100,000 particles a pass, but before the rounds begin five more pools of five other
 * structs are walked by functions of their own, with `forEach` and with `for…of`. The loop inside `forEach` is compiled
 * once for all of them, and has to call the function of each; a `for…of` has its loop in the function that it stands in, and
 * moves a view of any of six classes.
 */
import { type Fields, Pool } from "@slabs/pool";
import { DT, Particle, speedX, startX } from "./_particles.ts";
import { blocksByHand, passes } from "./_passes.ts";
import { bench, type Scenario, size, type Work } from "./_scenario.ts";

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

bench(many);
