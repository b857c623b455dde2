/**
 * What do the other kinds of pool cost against a `Pool`, and what does it cost where the blocks
 * come from?
 *
 * All store one struct, so that they hold the same records in chunks of the same size, and all run
 * in one thread: `workers_bench.ts` has two.
 */
import {
  type AnyStruct,
  ErasedPool,
  type Handle,
  Pool,
  PoolSet,
  sharedMemory,
  SharedPool,
  type View,
  wasmMemory,
} from "@slabs/pool";
import { type Question, show, sumOf, type Work } from "./harness/question.ts";
import { DT, Particle, shuffled, speedX, startX } from "./particles/particle.ts";

// -- the pools --

type Ref = Handle<typeof Particle>;
type At = View<typeof Particle>;

/** The calls that all pools have. Those of some take a struct with it, and are adapted. */
interface ParticlePool {
  allocAt(at: At): Ref;
  free(handle: Ref): void;
  get(handle: Ref): At;
  cursor(): At;
  seek(at: At, handle: Ref): At;
  forEach(fn: (it: At) => void): void;
}

/** The struct as a module names its own: one that is imported costs a look-up at each call. */
const Mote = Particle;

function ofParticles(pool: ErasedPool | PoolSet): ParticlePool {
  return {
    allocAt: (at) => pool.allocAt(Mote, at),
    free: (handle) => pool.free(handle),
    get: (handle) => pool.get(Mote, handle),
    cursor: () => pool.cursor(Mote),
    seek: (at, handle) => pool.seek(at, handle),
    forEach: (fn) => pool.forEach(Mote, fn),
  };
}

const size = Particle.size;
const types: AnyStruct[] = [Particle];

/** Room for 100,000 particles, in pages of 64 KiB. */
const WASM_PAGES = 64;

const POOLS: Readonly<Record<string, readonly [label: string, make: () => ParticlePool]>> = {
  pool: ["Pool", () => new Pool(Particle)],
  types: ["ErasedPool, types", () => ofParticles(new ErasedPool({ size, types }))],
  noTypes: ["ErasedPool, no types", () => ofParticles(new ErasedPool({ size }))],
  set: ["PoolSet", () => ofParticles(new PoolSet({ sizes: [8, size, 32] }))],
  sharedMemory: ["Pool, sharedMemory()", () => new Pool(Particle, { memory: sharedMemory() })],
  wasm: ["Pool, wasmMemory(memory)", () => {
    const memory = wasmMemory(new WebAssembly.Memory({ initial: WASM_PAGES }));
    return new Pool(Particle, { memory });
  }],
  sharedPool: ["SharedPool", () => SharedPool.create(Particle)],
};

// -- the work --

/** Fills a pool. The handles are in the order of memory. */
function filled(pool: ParticlePool, count: number): Ref[] {
  const at = pool.cursor();
  return Array.from({ length: count }, (_, i) => {
    const handle = pool.allocAt(at);
    at.x = startX(i);
    at.vx = speedX(i);
    return handle;
  });
}

function passWork(pool: ParticlePool, count: number): Work {
  const handles = filled(pool, count);
  return {
    run: () =>
      pool.forEach((it) => {
        it.x += it.vx * DT;
        it.y += it.vy * DT;
      }),
    checksum: () => handles.reduce((sum, it) => sum + pool.get(it).x, 0),
  };
}

function hotWork(pool: ParticlePool, count: number): Work {
  const at = pool.cursor();
  return sumOf(() => {
    let sum = 0;
    for (let i = 0; i < count; i++) {
      const handle = pool.allocAt(at);
      at.life = i;
      sum += at.life;
      pool.free(handle);
    }
    return sum;
  });
}

function replaceWork(pool: ParticlePool, count: number): Work {
  const order = shuffled(count);
  const handles = filled(pool, count);
  const at = pool.cursor();
  let rounds = 0;
  return {
    run() {
      for (let i = 0; i < count; i++) {
        const slot = order[i];
        pool.free(handles[slot]);
        handles[slot] = pool.allocAt(at);
        at.x = i + 0.5;
        at.life = rounds + i;
      }
      rounds++;
    },
    checksum: () => handles.reduce((sum, it) => sum + pool.get(it).life, 0),
  };
}

function getWork(pool: ParticlePool, count: number): Work {
  const handles = filled(pool, count);
  const ordered = Array.from(shuffled(count), (i) => handles[i]);
  return sumOf(() => {
    let sum = 0;
    for (let i = 0; i < count; i++) sum += pool.get(ordered[i]).x;
    return sum;
  });
}

function seekWork(pool: ParticlePool, count: number): Work {
  const handles = filled(pool, count);
  const ordered = Array.from(shuffled(count), (i) => handles[i]);
  const at = pool.cursor();
  return sumOf(() => {
    let sum = 0;
    for (let i = 0; i < count; i++) sum += pool.seek(at, ordered[i]).x;
    return sum;
  });
}

// -- the questions --

function question(
  name: string,
  title: string,
  method: string,
  work: (pool: ParticlePool, count: number) => Work,
): Question {
  return {
    name: `pools/${name}`,
    title: `Kinds of pool and of memory: ${title}`,
    method:
      `${method} A \`SharedPool\` does one atomic operation for each \`alloc\` and \`free\`, which is a call of a built-in function.`,
    baseline: "pool",
    contestants: Object.fromEntries(
      Object.entries(POOLS).map(([key, [label, make]]) => [
        key,
        { label, make: (count) => work(make(), count) },
      ]),
    ),
    plan: {
      count: name === "pass" ? 100_000 : 50_000,
      warmUp: 40,
      samples: 60,
      batch: 1,
      rounds: 5,
    },
    quickCount: 300,
  };
}

export const questions: readonly Question[] = show([
  question("pass", "forEach", "A step moves 100,000 particles.", passWork),
  question(
    "hot",
    "taken and given back at once",
    "One record is taken, a field written and read, and given back, 50,000 times a step.",
    hotWork,
  ),
  question(
    "replace",
    "replaced at random",
    "Each of 50,000 records is freed, in random order, and another taken and written.",
    replaceWork,
  ),
  question(
    "get",
    "get(handle).x",
    "One field of each of 50,000 records, in random order.",
    getWork,
  ),
  question(
    "seek",
    "seek(cursor, handle).x",
    "One field of each of 50,000 records, in random order.",
    seekWork,
  ),
]);
