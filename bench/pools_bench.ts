/**
 * What do the other kinds of pool cost against a `Pool`, what does it cost where the blocks come
 * from, and what does a pool cost at the start of a program?
 *
 * All store one struct and run in one thread: `workers_bench.ts` has two.
 */
import { Pool, struct } from "@slabs/pool";
import { type Question, show, type Work } from "./harness/question.ts";
import { type NamedParticles, on } from "./particles/particles.ts";
import { POOLS } from "./particles/storages.ts";
import { hotWork, passWork, randomWork, replaceWork } from "./particles/works.ts";

function kindsOf(
  name: string,
  title: string,
  method: string,
  work: (particles: NamedParticles, count: number) => Work,
  count = 50_000,
): Question {
  return {
    name: `pools/${name}`,
    title: `Kinds of pool and of memory: ${title}`,
    method:
      `${method} A \`SharedPool\` does one atomic operation for each \`alloc\` and \`free\`, which is a call of a built-in function.`,
    baseline: "pool",
    contestants: on(POOLS, work),
    plan: { count, warmUp: 40, samples: 60, batch: 1, rounds: 5 },
    quickCount: 300,
  };
}

// -- the first pool --

function structOf(i: number) {
  return struct({
    ...{ x: "f32", y: "f32", vx: "f32", vy: "f32", hp: "u16", life: "u16" } as const,
    [`at${i}`]: "u32",
  });
}

/** Makes a pool, allocates a record by `alloc({ … })`, and passes over it by `for…of`. */
function use(struct: ReturnType<typeof structOf>, specialize: boolean): number {
  const pool = new Pool(struct, { specialize });
  pool.alloc({ x: 1, y: 2, life: 3 });
  let sum = 0;
  for (const it of pool) sum += it.x += it.y;
  return sum;
}

/** @param before How many pools there were before those that are measured. */
function firstOf(name: string, title: string, before: number, count: number): Question {
  const work = (count: number, specialize: boolean): Work => {
    const structs = Array.from({ length: before + count }, (_, i) => structOf(i));
    for (const it of structs.splice(0, before)) use(it, specialize);
    let sum = 0;
    return {
      run: () => structs.forEach((it) => sum += use(it, specialize)),
      checksum: () => sum,
    };
  };
  return {
    name: `pools/${name}`,
    title,
    method:
      "A pool is made, gets a record by `alloc({ … })`, and is passed over by `for…of`; with code of its own, or with the " +
      "code that all pools share. The module is loaded, and nothing is warm. A process has only one first pool, so each " +
      "round is one sample.",
    whole: count === 1,
    baseline: "shared",
    contestants: {
      own: { label: "own code", make: (count) => work(count, true) },
      shared: { label: "shared code", make: (count) => work(count, false) },
    },
    apart: true,
    plan: { count, warmUp: 0, samples: 1, batch: 1, rounds: 15 },
    quickCount: 1,
  };
}

export const questions: readonly Question[] = show([
  kindsOf("pass", "forEach", "A step moves 100,000 particles.", (particles, count) => {
    for (let i = 0; i < count; i++) particles.spawn(i, 1);
    return passWork(particles);
  }, 100_000),
  kindsOf(
    "hot",
    "allocated and freed at once",
    "One record is allocated, a field written and read, and freed, 50,000 times a step.",
    hotWork,
  ),
  kindsOf(
    "replace",
    "replaced at random",
    "Each of 50,000 records is read, in random order, freed, and another allocated and written.",
    replaceWork,
  ),
  kindsOf(
    "get",
    "get(handle).x",
    "One field of each of 50,000 records, in random order.",
    randomWork,
  ),
  firstOf("first", "The first pool of a program", 0, 1),
  firstOf("structs", "The first pool of each further struct", 1, 20),
]);
