/**
 * Question: what does walking every record cost, against the same loop over typed arrays by hand?
 *
 * Method: 100,000 particles, `x += vx * dt; y += vy * dt`, a pass a round. The baseline holds the same bytes in the same
 * blocks and indexes them by hand. The pools at half and at 2 % occupancy have had all but every 2nd and every 50th of
 * 100,000 records freed; their rows are the time of a whole pass, to be read against the full pool's.
 *
 * Caveats: few callbacks and one shape of record in the process, the best case of an optimising compiler. `many_bench.ts` has the other case.
 */
import { Pool } from "@slabs/pool";
import { DT, Particle, speedX, startX } from "./_particles.ts";
import { blocksByHand, passes } from "./_passes.ts";
import { bench, type Scenario, size, type Work } from "./_scenario.ts";

const N = size(100_000, 1_000);

function columnsByHand(): Work {
  const x = new Float32Array(N),
    y = new Float32Array(N),
    vx = new Float32Array(N),
    vy = new Float32Array(N);
  for (let i = 0; i < N; i++) {
    x[i] = startX(i);
    vx[i] = speedX(i);
  }
  function pass() {
    for (let i = 0; i < N; i++) {
      x[i] += vx[i] * DT;
      y[i] += vy[i] * DT;
    }
  }
  return passes(N, pass, () => x.reduce((sum, it) => sum + it, 0));
}

function objects(): Work {
  const all = Array.from(
    { length: N },
    (_, i) => ({ x: startX(i), y: 0, vx: speedX(i), vy: 0, life: i }),
  );
  function pass() {
    for (const it of all) {
      it.x += it.vx * DT;
      it.y += it.vy * DT;
    }
  }
  return passes(N, pass, () => all.reduce((sum, it) => sum + it.x, 0));
}

/** A pool of N particles of which all but every `step`-th were freed again. */
function filled(step: number): Pool<typeof Particle> {
  const pool = new Pool(Particle, { keepEmptyBlocks: 64 });
  const handles = pool.allocMany(N);
  const at = pool.cursor();
  handles.forEach((handle, i) => {
    if (i % step !== 0) return pool.free(handle);
    pool.seek(at, handle);
    at.x = startX(i);
    at.vx = speedX(i);
  });
  return pool;
}

function sumX(pool: Pool<typeof Particle>): number {
  let sum = 0;
  for (const handle of pool.handles()) sum += pool.get(handle).x;
  return sum;
}

// Three functions and not one with a parameter: a compiler treats the closures of one literal as one, and so would see
// three pools where a program has a single one.
function poolForEach(): Work {
  const pool = filled(1);
  function pass() {
    pool.forEach((it) => {
      it.x += it.vx * DT;
      it.y += it.vy * DT;
    });
  }
  return passes(N, pass, () => sumX(pool));
}

function poolForEachHalf(): Work {
  const pool = filled(2);
  function pass() {
    pool.forEach((it) => {
      it.x += it.vx * DT;
      it.y += it.vy * DT;
    });
  }
  return passes(N, pass, () => sumX(pool), 2);
}

function poolForEachFew(): Work {
  const pool = filled(50);
  function pass() {
    pool.forEach((it) => {
      it.x += it.vx * DT;
      it.y += it.vy * DT;
    });
  }
  return passes(N, pass, () => sumX(pool), 50);
}

function poolForOf(): Work {
  const pool = filled(1);
  function pass() {
    for (const it of pool) {
      it.x += it.vx * DT;
      it.y += it.vy * DT;
    }
  }
  return passes(N, pass, () => sumX(pool));
}

export const iterate: Scenario = {
  name: "iterate",
  apart: true, // a contestant is a program of its own
  question: "a pass over 100,000 particles",
  contestants: [
    { name: "typed arrays in blocks, by hand", make: () => blocksByHand(N) },
    { name: "typed arrays in columns, by hand", make: columnsByHand },
    { name: "plain objects", make: objects },
    { name: "Pool.forEach", make: poolForEach, limit: 1.05 },
    { name: "for…of Pool", make: poolForOf, limit: 1.5 },
    { name: "Pool.forEach, half of it live", make: poolForEachHalf },
    {
      name: "Pool.forEach, 2 % of it live",
      make: poolForEachFew,
      limit: 0.15,
      against: "Pool.forEach",
    },
  ],
};

bench(iterate);
