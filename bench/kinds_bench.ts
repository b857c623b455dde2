/**
 * What do `ErasedPool` and `PoolSet` cost against a `Pool`?
 *
 * All but the last question store one struct, so that all kinds of pool hold the same records in chunks of the same size.
 */
import {
  type AnyHandle,
  type AnyStruct,
  ErasedPool,
  Pool,
  PoolSet,
  type Struct,
  struct,
} from "@slabs/pool";
import { type Limit, type Question, show, type Work } from "./harness/question.ts";
import { Particle, shuffled } from "./particles/particle.ts";
import { getWork, type ParticlePool, passWork, seekWork } from "./particles/pool_work.ts";

/** The struct as a module names its own: one that is imported costs a look-up at each call. */
const Mote = Particle;

/** Calls of a pool of any structs, with the particle as the struct. */
function ofParticles(pool: ErasedPool | PoolSet): ParticlePool {
  return {
    alloc: () => pool.alloc(Mote),
    allocAt: (at) => pool.allocAt(Mote, at),
    free: (handle) => pool.free(handle),
    get: (handle) => pool.get(Mote, handle),
    cursor: () => pool.cursor(Mote),
    seek: (at, handle) => pool.seek(at, handle),
    forEach: (fn) => pool.forEach(Mote, fn),
  };
}

const KINDS: Readonly<Record<string, { label: string; make(): ParticlePool }>> = {
  pool: { label: "Pool", make: () => new Pool(Particle) },
  types: {
    label: "ErasedPool, types",
    make: () =>
      ofParticles(new ErasedPool({ size: Particle.size, types: [Particle] as AnyStruct[] })),
  },
  noTypes: {
    label: "ErasedPool, no types",
    make: () => ofParticles(new ErasedPool({ size: Particle.size })),
  },
  set: {
    label: "PoolSet",
    make: () => ofParticles(new PoolSet({ sizes: [8, Particle.size, 32] })),
  },
};

function question(
  name: string,
  title: string,
  method: string,
  work: (pool: ParticlePool, count: number) => Work,
  limits: readonly Limit[],
): Question {
  return {
    name: `kinds/${name}`,
    title,
    method,
    baseline: "pool",
    contestants: Object.fromEntries(
      Object.entries(KINDS).map(([key, { label, make }]) => [
        key,
        { label, make: (count) => work(make(), count) },
      ]),
    ),
    limits,
    plan: { count: 50_000, warmUp: 40, samples: 60, batch: 1, rounds: 5 },
    quickCount: 300,
  };
}

/** A step frees each record in random order and allocates another, which it does not write. */
function replaceWork(pool: ParticlePool, count: number): Work {
  const order = shuffled(count);
  const handles = Array.from({ length: count }, () => pool.alloc());
  return {
    run() {
      for (let i = 0; i < count; i++) {
        const slot = order[i];
        pool.free(handles[slot]);
        handles[slot] = pool.alloc();
      }
    },
    checksum() {
      let live = 0;
      pool.forEach(() => live++);
      return `${live} ${new Set(handles).size}`;
    },
  };
}

// -- three structs --

const Spark: Struct<{ x: "f32"; heat: "u8" }> = struct({ x: "f32", heat: "u8" }); // 8 bytes
const Ship: Struct<{ x: "f64"; y: "f64"; fuel: "f64"; hp: "u32" }> = struct({
  x: "f64",
  y: "f64",
  fuel: "f64",
  hp: "u32",
}); // 32 bytes

/** The three in turn, so that no two records in a row are of one struct. */
const STRUCTS: readonly AnyStruct[] = [Spark, Particle, Ship];

function mixedWork(
  count: number,
  alloc: (struct: AnyStruct) => AnyHandle,
  replace: (kind: number, handle: AnyHandle) => AnyHandle,
  has: (kind: number, handle: AnyHandle) => boolean,
): Work {
  const order = shuffled(count);
  const handles = Array.from({ length: count }, (_, i) => alloc(STRUCTS[i % 3]));
  return {
    run() {
      for (let i = 0; i < count; i++) {
        const slot = order[i];
        handles[slot] = replace(slot % 3, handles[slot]);
      }
    },
    checksum: () => handles.filter((it, i) => has(i % 3, it)).length,
  };
}

function inPools(count: number): Work {
  const sparks = new Pool(Spark), particles = new Pool(Particle), ships = new Pool(Ship);
  const pools = [sparks, particles, ships];
  return mixedWork(count, (struct) => pools[STRUCTS.indexOf(struct)].alloc(), (kind, handle) => {
    if (kind === 0) {
      sparks.free(handle);
      return sparks.alloc();
    } else if (kind === 1) {
      particles.free(handle);
      return particles.alloc();
    }
    ships.free(handle);
    return ships.alloc();
  }, (kind, handle) => pools[kind].has(handle));
}

function inOne(count: number, pool: ErasedPool | PoolSet): Work {
  return mixedWork(count, (struct) => pool.alloc(struct), (kind, handle) => {
    pool.free(handle);
    return pool.alloc(STRUCTS[kind]);
  }, (_, handle) => pool.has(handle));
}

export const questions: readonly Question[] = show([
  question(
    "get",
    "Kinds of pool: get(handle).x",
    "One field of each of 50,000 records, in random order.",
    getWork,
    [{ of: "types", by: "pool", atMost: 1.1 }, { of: "noTypes", by: "pool", atMost: 1.1 }],
  ),
  question(
    "seek",
    "Kinds of pool: seek(cursor, handle).x",
    "One field of each of 50,000 records, in random order.",
    seekWork,
    [{ of: "types", by: "pool", atMost: 1.1 }, { of: "noTypes", by: "pool", atMost: 1.1 }],
  ),
  question(
    "replace",
    "Kinds of pool: free and alloc",
    "Each of 50,000 records is freed, in random order, and another allocated.",
    replaceWork,
    [{ of: "set", by: "pool", atMost: 1.5 }],
  ),
  question(
    "pass",
    "Kinds of pool: forEach",
    "A step moves 50,000 particles.",
    passWork,
    [{ of: "types", by: "pool", atMost: 1.1 }, { of: "noTypes", by: "pool", atMost: 1.1 }],
  ),
  {
    ...question(
      "mixed",
      "Kinds of pool: free and alloc of three structs",
      "Each of 50,000 records of three structs in turn, of 8, 20 and 32 bytes, is freed, in random order, and another of its " +
        "struct allocated. An `ErasedPool` has chunks for the largest, a `PoolSet` a class for each.",
      replaceWork,
      [{ of: "set", by: "pool", atMost: 1.5 }],
    ),
    contestants: {
      pool: { label: "three Pools", make: inPools },
      types: {
        label: "ErasedPool, types",
        make: (count) => inOne(count, new ErasedPool({ size: Ship.size, types: STRUCTS })),
      },
      noTypes: {
        label: "ErasedPool, no types",
        make: (count) => inOne(count, new ErasedPool({ size: Ship.size })),
      },
      set: {
        label: "PoolSet",
        make: (count) =>
          inOne(count, new PoolSet({ sizes: [Spark.size, Particle.size, Ship.size] })),
      },
    },
  },
]);
