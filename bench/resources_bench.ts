/**
 * Question: does it matter where blocks come from?
 *
 * Method: the same pool of particles with its blocks on the heap, in shared memory, and in the linear memory of a
 * WebAssembly module. `resources`: a pass over 100,000 of them, as in `iterate_bench.ts`. `resources-replace`: 50,000 of
 * them, each freed, allocated anew and written once a round, in random order, as in `alloc_bench.ts`.
 *
 * Caveats: `ratios.ts` gives each contestant an isolate of its own. Taking and giving back blocks is not in it: that is one
 * call for thousands of records.
 */
import { heapMemory, type MemoryResource, Pool, sharedMemory, wasmMemory } from "@slabs/pool";
import { DT, Particle, shuffled, speedX, startX } from "./_particles.ts";
import { passes } from "./_passes.ts";
import { bench, type Contestant, same, type Scenario, size, type Work } from "./_scenario.ts";

const N = size(100_000, 1_000);
const REPLACED = size(50_000, 1_000);

/** Pages of 64 KiB. */
const PAGES = 64;

const order = shuffled(REPLACED);

function pass(memory: MemoryResource): Work {
  const pool = new Pool(Particle, { memory });
  const at = pool.cursor();
  for (let i = 0; i < N; i++) {
    pool.allocAt(at);
    at.x = startX(i);
    at.vx = speedX(i);
  }
  const walk = () =>
    pool.forEach((it) => {
      it.x += it.vx * DT;
      it.y += it.vy * DT;
    });
  return passes(N, walk, () => {
    let sum = 0;
    for (const it of pool) sum += it.x;
    return sum;
  });
}

function replace(memory: MemoryResource): Work {
  const pool = new Pool(Particle, { memory });
  const handles = pool.allocMany(REPLACED);
  const at = pool.cursor();
  let rounds = 0;
  return {
    run() {
      for (let i = 0; i < REPLACED; i++) {
        const slot = order[i];
        pool.free(handles[slot]);
        handles[slot] = pool.allocAt(at);
        at.x = i + 0.5;
        at.life = rounds + i;
      }
      rounds++;
    },
    verify() {
      let got = 0;
      for (const handle of handles) got += pool.get(handle).life;
      same("the sum of life", got, REPLACED * (REPLACED - 1) / 2 + REPLACED * (rounds - 1));
    },
  };
}

/** A contestant for each resource, in a process that has no other pool. */
function onEach(make: (memory: MemoryResource) => Work): Contestant[] {
  return [
    { name: "heapMemory", make: () => make(heapMemory) },
    { name: "sharedMemory()", make: () => make(sharedMemory()), limit: 1.1 },
    {
      name: "wasmMemory(memory)",
      make: () => make(wasmMemory(new WebAssembly.Memory({ initial: PAGES }))),
      limit: 1.1,
    },
  ];
}

export const resources: Scenario = {
  name: "resources",
  question: "a pass over 100,000 particles, blocks on each resource",
  apart: true,
  contestants: onEach(pass),
};

export const resourcesReplace: Scenario = {
  name: "resources-replace",
  question: "replace 50,000 records in random order, blocks on each resource",
  apart: true,
  contestants: onEach(replace),
};

bench(resources);
bench(resourcesReplace);
