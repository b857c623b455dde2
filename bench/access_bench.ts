/**
 * Question: what does reading one field of a random record cost, through its handle?
 *
 * Method: 50,000 live records, read once each in one random order; the baseline reads an array of objects by index.
 * Every read through a handle checks its generation. The reads are added up, and the sum is the proof.
 */
import { Pool } from "@slabs/pool";
import { Particle, shuffled, startX } from "./_particles.ts";
import { bench, same, type Scenario, size, type Work } from "./_scenario.ts";

const N = size(50_000, 1_000);

const order = shuffled(N);

function work(sumOnce: () => number): Work {
  let wanted = 0, got = 0;
  for (let i = 0; i < N; i++) wanted += startX(i);
  return {
    run() {
      got = sumOnce();
    },
    verify: () => same("the sum of x", got, wanted),
  };
}

function objects(): Work {
  const all = Array.from(
    { length: N },
    (_, i) => ({ x: startX(i), y: 0.5, vx: 1, vy: 1, life: i }),
  );
  // A fraction for a moment, so that x is kept as a float, as it is in a program that moves things.
  for (const it of all) {
    it.x += 0.5;
    it.x -= 0.5;
  }
  return work(() => {
    let sum = 0;
    for (let i = 0; i < N; i++) sum += all[order[i]].x;
    return sum;
  });
}

function filled() {
  const pool = new Pool(Particle);
  const handles = pool.allocMany(N);
  handles.forEach((handle, i) => pool.set(handle, { x: startX(i) }));
  return { pool, at: pool.cursor(), handles: Array.from(order, (i) => handles[i]) };
}

function poolGet(): Work {
  const { pool, handles } = filled();
  return work(() => {
    let sum = 0;
    for (let i = 0; i < N; i++) sum += pool.get(handles[i]).x;
    return sum;
  });
}

function poolSeek(): Work {
  const { pool, at, handles } = filled();
  return work(() => {
    let sum = 0;
    for (let i = 0; i < N; i++) sum += pool.seek(at, handles[i]).x;
    return sum;
  });
}

export const access: Scenario = {
  name: "access",
  apart: true, // a contestant is a program of its own
  question: "a field of each of 50,000 records in random order",
  contestants: [
    { name: "array of objects", make: objects },
    { name: "Pool.get(handle).x", make: poolGet, limit: 1.2 },
    { name: "Pool.seek(cursor, handle).x", make: poolSeek },
  ],
};

bench(access);
