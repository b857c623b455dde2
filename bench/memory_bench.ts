/** What does it cost where a pool's blocks come from: the heap, shared memory, the memory of a WebAssembly module, or a `SharedPool`? */
import { heapMemory, Pool, sharedMemory, SharedPool, wasmMemory } from "@slabs/pool";
import { type Limit, type Question, show, type Work } from "./harness/question.ts";
import { Particle } from "./particles/particle.ts";
import {
  getWork,
  hotWork,
  type ParticlePool,
  passWork,
  replaceWork,
} from "./particles/pool_work.ts";

/** Pages of 64 KiB. */
const PAGES = 64;

const POOLS: Readonly<Record<string, { label: string; make(): ParticlePool }>> = {
  pool: { label: "Pool, heapMemory", make: () => new Pool(Particle, { memory: heapMemory }) },
  sharedMemory: {
    label: "Pool, sharedMemory()",
    make: () => new Pool(Particle, { memory: sharedMemory() }),
  },
  wasm: {
    label: "Pool, wasmMemory(memory)",
    make: () =>
      new Pool(Particle, { memory: wasmMemory(new WebAssembly.Memory({ initial: PAGES })) }),
  },
  sharedPool: { label: "SharedPool", make: () => SharedPool.create(Particle) },
};

function question(
  name: string,
  title: string,
  method: string,
  work: (pool: ParticlePool, count: number) => Work,
  limits: readonly Limit[],
  count = 50_000,
): Question {
  return {
    name: `memory/${name}`,
    title: `Blocks on each kind of memory: ${title}`,
    method:
      `${method} All in one thread: a \`SharedPool\` does one atomic operation for each \`alloc\` and \`free\`, which the ` +
      "engine calls a function for.",
    baseline: "pool",
    contestants: Object.fromEntries(
      Object.entries(POOLS).map(([key, { label, make }]) => [
        key,
        { label, make: (count) => work(make(), count) },
      ]),
    ),
    limits,
    plan: { count, warmUp: 40, samples: 60, batch: 1, rounds: 5 },
    quickCount: 300,
  };
}

function limitsOf(memory: number, shared: number): Limit[] {
  return [
    { of: "sharedMemory", by: "pool", atMost: memory },
    { of: "wasm", by: "pool", atMost: memory },
    { of: "sharedPool", by: "pool", atMost: shared },
  ];
}

export const questions: readonly Question[] = show([
  question(
    "pass",
    "forEach",
    "A step moves 100,000 particles.",
    passWork,
    limitsOf(1.1, 1.1),
    100_000,
  ),
  question(
    "hot",
    "taken and given back",
    "One record is taken, a field written and read, and given back, 50,000 times a step.",
    hotWork,
    limitsOf(1.1, 1.5),
  ),
  question(
    "replace",
    "replaced at random",
    "Each of 50,000 records is freed, in random order, and another taken and written.",
    replaceWork,
    limitsOf(1.1, 1.5),
  ),
  question(
    "get",
    "get(handle).x",
    "One field of each of 50,000 records, in random order.",
    getWork,
    [],
  ),
]);
