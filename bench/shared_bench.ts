/**
 * Question: what does it cost to be ready for other threads, while there is none?
 *
 * Method: the same pool of particles as `Pool` and as `SharedPool`, each in an isolate of its own. `shared`: a pass over
 * 100,000 of them, as in `iterate_bench.ts`. `shared-hot` and `shared-replace`: as in `alloc_bench.ts`. `shared-get`: the
 * life of each, by its handle, in random order.
 *
 * Caveats: nobody contends here; `scaling.ts` has two threads. Each `alloc` and each `free` of a shared pool is one atomic
 * operation, which the engine calls a function for.
 */
import { Pool, SharedPool } from "@slabs/pool";
import { DT, Particle, shuffled, speedX, startX } from "./_particles.ts";
import { passes } from "./_passes.ts";
import { bench, type Contestant, same, type Scenario, size, type Work } from "./_scenario.ts";

const N = size(100_000, 1_000);
const SOME = size(50_000, 1_000);

/** What both pools have. */
type Either = Pool<typeof Particle> | SharedPool<typeof Particle>;

const order = shuffled(SOME);

function pass(pool: Either): Work {
  const at = pool.cursor();
  const handles = Array.from({ length: N }, (_, i) => {
    const handle = pool.allocAt(at);
    at.x = startX(i);
    at.vx = speedX(i);
    return handle;
  });
  const walk = () =>
    pool.forEach((it) => {
      it.x += it.vx * DT;
      it.y += it.vy * DT;
    });
  return passes(N, walk, () => handles.reduce((sum, handle) => sum + pool.get(handle).x, 0));
}

function hot(pool: Either): Work {
  const at = pool.cursor();
  let got = 0;
  return {
    run() {
      got = 0;
      for (let i = 0; i < SOME; i++) {
        const handle = pool.allocAt(at);
        at.life = i;
        got += at.life;
        pool.free(handle);
      }
    },
    verify: () => same("the sum of the reads", got, SOME * (SOME - 1) / 2),
  };
}

function replace(pool: Either): Work {
  const at = pool.cursor();
  const handles = Array.from({ length: SOME }, () => pool.allocAt(at));
  let rounds = 0;
  return {
    run() {
      for (let i = 0; i < SOME; i++) {
        const slot = order[i];
        pool.free(handles[slot]);
        handles[slot] = pool.allocAt(at);
        at.x = i + 0.5;
        at.life = rounds + i;
      }
      rounds++;
    },
    verify() {
      const got = handles.reduce((sum, handle) => sum + pool.get(handle).life, 0);
      same("the sum of life", got, SOME * (SOME - 1) / 2 + SOME * (rounds - 1));
    },
  };
}

function get(pool: Either): Work {
  const at = pool.cursor();
  const handles = Array.from({ length: SOME }, (_, i) => {
    const handle = pool.allocAt(at);
    at.life = i;
    return handle;
  });
  let got = 0;
  return {
    run() {
      got = 0;
      for (let i = 0; i < SOME; i++) got += pool.get(handles[order[i]]).life;
    },
    verify: () => same("the sum of life", got, SOME * (SOME - 1) / 2),
  };
}

/** A contestant for each pool, in a process that has no other. */
function onEach(make: (pool: Either) => Work, limit?: number): Contestant[] {
  return [
    { name: "Pool", make: () => make(new Pool(Particle)) },
    {
      name: "SharedPool",
      make: () => make(SharedPool.create(Particle)),
      ...limit === undefined ? {} : { limit },
    },
  ];
}

export const sharedPass: Scenario = {
  name: "shared",
  question: "a pass over 100,000 particles with forEach, one thread",
  apart: true,
  contestants: onEach(pass, 1.1),
};

export const sharedHot: Scenario = {
  name: "shared-hot",
  question: "take a record, write and read a field, give it back, 50,000 times, one thread",
  apart: true,
  contestants: onEach(hot, 1.5),
};

export const sharedReplace: Scenario = {
  name: "shared-replace",
  question: "replace 50,000 records in random order, one thread",
  apart: true,
  contestants: onEach(replace, 1.5),
};

export const sharedGet: Scenario = {
  name: "shared-get",
  question: "read 50,000 records by handle in random order, one thread",
  apart: true,
  contestants: onEach(get),
};

bench(sharedPass);
bench(sharedHot);
bench(sharedReplace);
bench(sharedGet);
