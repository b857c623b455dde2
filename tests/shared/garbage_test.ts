/**
 * What several parts of a warm `SharedPool` do leaves nothing on the JavaScript heap for a
 * collector. What one part does is in `tests/model/garbage_test.ts`.
 */
import { SharedPool } from "../../mod.ts";
import { assertNoGarbage, claim, type Operation, sink } from "../model/_meter.ts";

const SIZE = 1000;

const increment = (it: { n: number }) => void (it.n += 1);

/** Two parts of a pool of records with holes between them. */
function prepare() {
  const here = SharedPool.create({ n: "u32" }, { chunksPerBlock: 512, maxChunks: 4096 });
  const there = SharedPool.attach({ n: "u32" }, here.share());
  const all = Array.from({ length: 1333 }, () => here.alloc());
  all.forEach((handle, i) => i % 4 === 3 && here.free(handle));
  return { here, there, taken: all.filter((_, i) => i % 4 !== 3) };
}

/** Calls that are repeated, and for how many one counts. */
const CALLS: Record<string, (it: ReturnType<typeof prepare>) => [Operation, count?: number]> = {
  "records that another part frees": ({ here, there }) => [() => {
    there.free(here.alloc());
    there.tryFree(here.alloc());
  }],
  "records replaced at random by two parts": ({ here, there, taken }) => [(i) => {
    const at = (i * 7919) % SIZE;
    (i % 3 === 0 ? here : there).free(taken[at]);
    taken[at] = (i % 2 === 0 ? here : there).alloc();
  }],
  "its figures": ({ here }) => [() => {
    sink[0] = here.size + here.capacity + here.byteLength + here.thread;
  }],
  "passes over few records, of all or of a stripe, in one another as well": (it) => {
    const { there, taken } = it;
    for (const handle of taken.splice(5)) there.free(handle);
    const stripes = [{ stripe: 0, of: 1 }, { stripe: 0, of: 3 }];
    const nested = () => there.forEach(increment, stripes[1]);
    const loop = there.loop(increment);
    return [(i) => i % 2 === 0 ? there.forEach(nested, stripes[0]) : loop(), 5];
  },
};

for (const [what, measured] of Object.entries(CALLS)) {
  claim(`SharedPool leaves no garbage: ${what}`, () => assertNoGarbage(...measured(prepare())));
}
