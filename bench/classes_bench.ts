/**
 * Question: what do `ErasedPool` and `PoolSet` cost where records are taken and given back, against a `Pool`?
 *
 * Method: `classes`: 50,000 live records of one struct, each freed and allocated anew once a round, in random order.
 * `classes-mixed`: the same of three structs in turn, so that no two records in a row are of one struct; the typed
 * contestant has a pool for each, the erased one chunks for the largest, the set a class for each. `fill`: 50,000 records
 * of one struct are allocated and then all cleared at once, so that allocation alone is seen.
 *
 * Caveats: as in `erased_bench.ts`.
 */
import {
  type AnyHandle,
  type AnyStruct,
  ErasedPool,
  Pool,
  PoolSet,
  type PoolStats,
  type Struct,
  struct,
} from "@slabs/pool";
import { Particle, shuffled } from "./_particles.ts";
import { bench, same, type Scenario, size, type Work } from "./_scenario.ts";

const N = size(50_000, 999);

const Spark: Struct<{ x: "f32"; heat: "u8" }> = struct({ x: "f32", heat: "u8" }); // 8 bytes
const Ship: Struct<{ x: "f64"; y: "f64"; fuel: "f64"; hp: "u32" }> = struct({
  x: "f64",
  y: "f64",
  fuel: "f64",
  hp: "u32",
}); // 32 bytes

const order = shuffled(N);

function poolSet(): PoolSet {
  return new PoolSet({ sizes: [8, Particle.size, 32] });
}

/** Proves that every record is live, and that as many were allocated as there were rounds for. */
function work(
  round: () => void,
  handles: readonly AnyHandle[],
  pools: readonly { stats(): PoolStats; has(handle: AnyHandle): boolean }[],
): Work {
  let rounds = 1; // the records that it starts with
  return {
    run() {
      round();
      rounds++;
    },
    verify() {
      let allocs = 0, live = 0;
      for (const pool of pools) allocs += pool.stats().allocs;
      handles.forEach((it, i) => live += pools[i % pools.length].has(it) ? 1 : 0);
      same("the count of allocations", allocs, rounds * N);
      same("the count of live records", live, N);
    },
  };
}

// -- one struct --

function replaceTyped(): Work {
  const pool = new Pool(Particle);
  const handles = pool.allocMany(N);
  return work(
    () => {
      for (let i = 0; i < N; i++) {
        const slot = order[i];
        pool.free(handles[slot]);
        handles[slot] = pool.alloc();
      }
    },
    handles,
    [pool],
  );
}

function replaceWithTypes(): Work {
  const pool = new ErasedPool({ size: Particle.size, types: [Particle] });
  const handles = pool.allocMany(Particle, N);
  return work(
    () => {
      for (let i = 0; i < N; i++) {
        const slot = order[i];
        pool.free(handles[slot]);
        handles[slot] = pool.alloc(Particle);
      }
    },
    handles,
    [pool],
  );
}

function replaceWithoutTypes(): Work {
  const pool = new ErasedPool({ size: Particle.size });
  const handles = pool.allocMany(Particle, N);
  return work(
    () => {
      for (let i = 0; i < N; i++) {
        const slot = order[i];
        pool.free(handles[slot]);
        handles[slot] = pool.alloc(Particle);
      }
    },
    handles,
    [pool],
  );
}

function replaceInSet(): Work {
  const pool = poolSet();
  const handles = pool.allocMany(Particle, N);
  return work(
    () => {
      for (let i = 0; i < N; i++) {
        const slot = order[i];
        pool.free(handles[slot]);
        handles[slot] = pool.alloc(Particle);
      }
    },
    handles,
    [pool],
  );
}

export const classes: Scenario = {
  name: "classes",
  question: "free and allocate each of 50,000 records of one struct, in random order",
  apart: true,
  contestants: [
    { name: "Pool", make: replaceTyped },
    { name: "ErasedPool, types", make: replaceWithTypes },
    { name: "ErasedPool, no types", make: replaceWithoutTypes },
    { name: "PoolSet", make: replaceInSet, limit: 1.5 },
  ],
};

// -- three structs --

const kinds: readonly AnyStruct[] = [Spark, Particle, Ship];

function mixedTyped(): Work {
  const sparks = new Pool(Spark), particles = new Pool(Particle), ships = new Pool(Ship);
  const handles: AnyHandle[] = Array.from(
    { length: N },
    (_, i) => [sparks, particles, ships][i % 3].alloc(),
  );
  return work(
    () => {
      for (let i = 0; i < N; i++) {
        const slot = order[i], kind = slot % 3;
        if (kind === 0) {
          sparks.free(handles[slot]);
          handles[slot] = sparks.alloc();
        } else if (kind === 1) {
          particles.free(handles[slot]);
          handles[slot] = particles.alloc();
        } else {
          ships.free(handles[slot]);
          handles[slot] = ships.alloc();
        }
      }
    },
    handles,
    [sparks, particles, ships],
  );
}

function mixedWithTypes(): Work {
  const pool = new ErasedPool({ size: Ship.size, types: kinds });
  const handles: AnyHandle[] = Array.from({ length: N }, (_, i) => pool.alloc(kinds[i % 3]));
  return work(
    () => {
      for (let i = 0; i < N; i++) {
        const slot = order[i];
        pool.free(handles[slot]);
        handles[slot] = pool.alloc(kinds[slot % 3]);
      }
    },
    handles,
    [pool],
  );
}

function mixedWithoutTypes(): Work {
  const pool = new ErasedPool({ size: Ship.size });
  const handles: AnyHandle[] = Array.from({ length: N }, (_, i) => pool.alloc(kinds[i % 3]));
  return work(
    () => {
      for (let i = 0; i < N; i++) {
        const slot = order[i];
        pool.free(handles[slot]);
        handles[slot] = pool.alloc(kinds[slot % 3]);
      }
    },
    handles,
    [pool],
  );
}

function mixedInSet(): Work {
  const pool = poolSet();
  const handles: AnyHandle[] = Array.from({ length: N }, (_, i) => pool.alloc(kinds[i % 3]));
  return work(
    () => {
      for (let i = 0; i < N; i++) {
        const slot = order[i];
        pool.free(handles[slot]);
        handles[slot] = pool.alloc(kinds[slot % 3]);
      }
    },
    handles,
    [pool],
  );
}

export const classesMixed: Scenario = {
  name: "classes-mixed",
  question: "free and allocate each of 50,000 records of three structs, in random order",
  apart: true,
  contestants: [
    { name: "three Pools", make: mixedTyped },
    { name: "ErasedPool, types", make: mixedWithTypes },
    { name: "ErasedPool, no types", make: mixedWithoutTypes },
    { name: "PoolSet", make: mixedInSet, limit: 1.5 },
  ],
};

// -- allocation alone --

function fillTyped(): Work {
  const pool = new Pool(Particle);
  const handles = pool.allocMany(N);
  return work(
    () => {
      pool.clear();
      for (let i = 0; i < N; i++) handles[i] = pool.alloc();
    },
    handles,
    [pool],
  );
}

function fillWithTypes(): Work {
  const pool = new ErasedPool({ size: Particle.size, types: [Particle] });
  const handles = pool.allocMany(Particle, N);
  return work(
    () => {
      pool.clear();
      for (let i = 0; i < N; i++) handles[i] = pool.alloc(Particle);
    },
    handles,
    [pool],
  );
}

function fillWithoutTypes(): Work {
  const pool = new ErasedPool({ size: Particle.size });
  const handles = pool.allocMany(Particle, N);
  return work(
    () => {
      pool.clear();
      for (let i = 0; i < N; i++) handles[i] = pool.alloc(Particle);
    },
    handles,
    [pool],
  );
}

function fillSet(): Work {
  const pool = poolSet();
  const handles = pool.allocMany(Particle, N);
  return work(
    () => {
      pool.clear();
      for (let i = 0; i < N; i++) handles[i] = pool.alloc(Particle);
    },
    handles,
    [pool],
  );
}

export const fill: Scenario = {
  name: "fill",
  question: "clear a pool and allocate 50,000 records of one struct",
  apart: true,
  contestants: [
    { name: "Pool", make: fillTyped },
    { name: "ErasedPool, types", make: fillWithTypes },
    { name: "ErasedPool, no types", make: fillWithoutTypes },
    { name: "PoolSet", make: fillSet, limit: 1.5 },
  ],
};

bench(classes);
bench(classesMixed);
bench(fill);
