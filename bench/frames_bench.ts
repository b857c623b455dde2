/**
 * Question: what does a whole frame cost, and what does the worst one?
 *
 * Method: 100,000 live particles; each frame moves all of them, frees the 5 % whose life ends, and spawns as many.
 * Every contestant does the same to the same particles, so the sums agree. Dense columns with swap-remove are the limit
 * for code that needs neither handles nor identity: a particle has no address that lasts.
 */
import { Pool, type PoolOptions } from "@slabs/pool";
import { DT, Particle, speedX, startX } from "./_particles.ts";
import { bench, same, type Scenario, size, type Work } from "./_scenario.ts";

const N = size(100_000, 1_000);
/** Frames that a particle lives: a 20th of them dies in each. */
const LIFE = 20;

/** Counts frames and proves them: the lives left, and how far all have moved, depend on the frames alone. */
function work(frame: () => void, sums: () => { count: number; life: number }): Work {
  return {
    run: frame,
    verify() {
      const { count, life } = sums();
      same("the count", count, N);
      same("the sum of life", life, N / LIFE * (LIFE * (LIFE + 1) / 2));
    },
  };
}

function columns(): Work {
  const x = new Float32Array(N),
    y = new Float32Array(N),
    vx = new Float32Array(N),
    vy = new Float32Array(N);
  const life = new Uint32Array(N);
  let count = 0;
  let born = 0;
  function spawn(frames: number) {
    x[count] = startX(born);
    y[count] = 0;
    vx[count] = speedX(born);
    vy[count] = 1;
    life[count++] = frames;
    born++;
  }
  for (let i = 0; i < N; i++) spawn(i % LIFE + 1);
  return work(() => {
    for (let i = 0; i < count; i++) {
      x[i] += vx[i] * DT;
      y[i] += vy[i] * DT;
      if (--life[i] > 0) continue;
      count--;
      x[i] = x[count];
      y[i] = y[count];
      vx[i] = vx[count];
      vy[i] = vy[count];
      life[i] = life[count];
      i--; // the last one has come here, and has not been moved yet
    }
    while (count < N) spawn(LIFE);
  }, () => ({ count, life: life.reduce((sum, it) => sum + it, 0) }));
}

class Mote {
  y = 0;
  vy = 1;
  constructor(public x: number, public vx: number, public life: number) {}
}

function objects(): Work {
  const all: Mote[] = [];
  let born = 0;
  const spawn = (frames: number) => {
    all.push(new Mote(startX(born), speedX(born), frames));
    born++;
  };
  for (let i = 0; i < N; i++) spawn(i % LIFE + 1);
  return work(() => {
    let kept = 0;
    for (let i = 0; i < all.length; i++) {
      const it = all[i];
      it.x += it.vx * DT;
      it.y += it.vy * DT;
      if (--it.life > 0) all[kept++] = it;
    }
    all.length = kept;
    while (all.length < N) spawn(LIFE);
  }, () => ({ count: all.length, life: all.reduce((sum, it) => sum + it.life, 0) }));
}

function recycled(): Work {
  const all: Mote[] = [], spare: Mote[] = [];
  let born = 0;
  const spawn = (frames: number) => {
    const it = spare.pop() ?? new Mote(0, 0, 0);
    it.x = startX(born);
    it.y = 0;
    it.vx = speedX(born);
    it.vy = 1;
    it.life = frames;
    all.push(it);
    born++;
  };
  for (let i = 0; i < N; i++) spawn(i % LIFE + 1);
  return work(() => {
    let kept = 0;
    for (let i = 0; i < all.length; i++) {
      const it = all[i];
      it.x += it.vx * DT;
      it.y += it.vy * DT;
      if (--it.life > 0) all[kept++] = it;
      else spare.push(it);
    }
    all.length = kept;
    while (all.length < N) spawn(LIFE);
  }, () => ({ count: all.length, life: all.reduce((sum, it) => sum + it.life, 0) }));
}

function poolFrames(
  walk: (pool: Pool<typeof Particle>) => void,
  options: PoolOptions = {},
): Work {
  const pool = new Pool(Particle, options);
  const at = pool.cursor();
  let born = 0;
  const spawn = (frames: number) => {
    pool.allocAt(at);
    at.x = startX(born);
    at.vx = speedX(born);
    at.vy = 1;
    at.life = frames;
    born++;
  };
  for (let i = 0; i < N; i++) spawn(i % LIFE + 1);
  return work(() => {
    walk(pool);
    while (pool.size < N) spawn(LIFE);
  }, () => {
    let life = 0;
    for (const it of pool) life += it.life;
    return { count: pool.size, life };
  });
}

function forEach(pool: Pool<typeof Particle>): void {
  pool.forEach((it, handle) => {
    it.x += it.vx * DT;
    it.y += it.vy * DT;
    if (--it.life === 0) pool.free(handle);
  });
}

function forOf(pool: Pool<typeof Particle>): void {
  for (const it of pool) {
    it.x += it.vx * DT;
    it.y += it.vy * DT;
    if (--it.life === 0) pool.free(pool.handleOf(it));
  }
}

export const frames: Scenario = {
  name: "frames",
  apart: true, // a contestant is a program of its own
  question: "a frame of 100,000 live particles, 5 % of them replaced",
  batch: 300,
  contestants: [
    { name: "dense columns by hand, swap-remove", make: columns },
    { name: "Pool.forEach", make: () => poolFrames(forEach), limit: 2.2 },
    { name: "for…of Pool", make: () => poolFrames(forOf) },
    {
      name: 'Pool.forEach, reuse: "spread"',
      make: () => poolFrames(forEach, { reuse: "spread" }),
      against: "Pool.forEach",
      limit: 1.15,
    },
    { name: "plain objects", make: objects },
    { name: "array of recycled objects", make: recycled },
  ],
};

bench(frames);
