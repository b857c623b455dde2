/**
 * What does code of their own cost pools at the start?
 *
 * A process has only one first pool, so each round is one sample, without a warm-up.
 */
import { Pool, struct } from "@slabs/pool";
import { type Question, show, type Work } from "./harness/question.ts";

function structOf(i: number) {
  return struct({
    x: "f32",
    y: "f32",
    vx: "f32",
    vy: "f32",
    hp: "u16",
    life: "u16",
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

/** Pools of the structs from `first` on, after pools of those before. */
function pools(first: number, count: number, specialize: boolean): Work {
  const structs = Array.from({ length: first + count }, (_, i) => structOf(i));
  for (const it of structs.slice(0, first)) use(it, specialize);
  let sum = 0;
  return {
    run() {
      for (let i = first; i < structs.length; i++) sum += use(structs[i], specialize);
    },
    checksum: () => sum,
  };
}

/** Pools of one struct that has a pool already. */
function more(count: number, specialize: boolean): Work {
  const struct = structOf(0);
  use(struct, specialize);
  const made: unknown[] = [];
  return {
    run() {
      for (let i = 0; i < count; i++) made.push(new Pool(struct, { specialize }));
    },
    checksum: () => made.length,
  };
}

function question(
  name: string,
  title: string,
  count: number,
  work: (count: number, specialize: boolean) => Work,
): Question {
  return {
    name: `first_pool/${name}`,
    title,
    method:
      "A pool is made, gets a record by `alloc({ … })`, and is passed over by `for…of`; with code of its own, or with the " +
      "code that all pools share. The module is loaded, and nothing is warm.",
    whole: count === 1,
    baseline: "shared",
    contestants: {
      own: { label: "own code", make: (count) => work(count, true) },
      shared: { label: "shared code", make: (count) => work(count, false) },
    },
    apart: true,
    plan: { count, warmUp: 0, samples: 1, batch: 1, rounds: 15 },
    quickCount: count === 1 ? 1 : 3,
  };
}

export const questions: readonly Question[] = show([
  question("first", "The first pool of a program", 1, (_, own) => pools(0, 1, own)),
  question("structs", "The first pool of each further struct", 20, (n, own) => pools(1, n, own)),
  question("pools", "A thousand more pools of one struct, not used", 1000, more),
]);
