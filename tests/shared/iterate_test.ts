/** Passes over a `SharedPool` by `forEach` and `loop`, and records that change under them. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { DisposedError, SharedPool } from "../../mod.ts";
import { BOTH, MIDDLE, Num, pair, seenBy, slabOf, SMALL, take } from "./_support.ts";
import type { NumHandle, NumPool } from "./_support.ts";

/** Two parts of a pool of 100 records in four blocks, of which every third was freed. */
function holey(specialize: boolean): { here: NumPool; there: NumPool; live: NumHandle[] } {
  const here = SharedPool.create(Num, { chunksPerBlock: 32, maxChunks: 256, specialize });
  const there = SharedPool.attach(Num, here.share(), { specialize });
  const taken = take(here, 100);
  taken.forEach((handle, i) => i % 3 === 0 && (i % 2 === 0 ? here : there).free(handle));
  return { here, there, live: taken.filter((_, i) => i % 3 !== 0) };
}

type Visit = (view: { n: number }, handle: NumHandle) => void;

/** The two ways to pass over a pool. */
const PASSES: Record<string, (pool: NumPool, visit: Visit) => void> = {
  forEach: (pool, visit) => pool.forEach(visit),
  loop: (pool, visit) => pool.loop(visit)(),
};

for (const [name, pass] of Object.entries(PASSES)) {
  for (const specialize of BOTH) {
    const title = `SharedPool.${name}(), ${specialize ? "own" : "shared"} code:`;

    Deno.test(`${title} a visit may move the view, and dispose() ends the pass`, () => {
      const { here, there, live } = holey(specialize);
      for (const part of [here, there]) { // it has seen the stamps, and has not
        const seen: NumHandle[] = [];
        pass(part, (view, handle) => {
          assertEquals(view.n, part.get(handle).n);
          seen.push(handle);
          part.seek(view as ReturnType<NumPool["cursor"]>, live[seen.length % 2 === 0 ? 0 : 60]);
        });
        assertEquals(seen, live);
      }
      for (let last = 1; last <= live.length; last++) {
        const { here, there } = holey(specialize);
        for (const part of [here, there]) {
          let visits = 0;
          pass(part, () => ++visits === last && part.dispose());
          assertEquals(visits, last);
          assertThrows(() => pass(part, () => {}), DisposedError);
        }
      }
    });
  }

  // -- records that change under a pass: the moments are made by code in the reads of stamps --

  Deno.test(`SharedPool.${name}() passes the handle of the record that it looked at, whenever that is freed`, () => {
    for (let reads = 1; reads <= 41; reads++) {
      const [here, there] = pair({ ...SMALL, maxChunks: 16 });
      const taken = take(here, 16);
      assertEquals(seenBy(here), taken); // from here on every stamp is known, and is read by a plain read
      const [block] = slabOf(here).blocks;
      let left = reads;
      const stamps = new Proxy(block.stamps, {
        get(target, key) {
          const value = Reflect.get(target, key);
          if (--left === 0 || reads === 41) there.tryFree(taken[Number(key)]);
          return value;
        },
      });
      Object.assign(block, { stamps });
      const seen: NumHandle[] = [];
      pass(here, (_, handle) => seen.push(handle));
      assertEquals(seen.filter((handle) => !taken.includes(handle)), [], `after ${reads} reads`);
      if (reads === 41) assertEquals([seen, there.size], [taken, 0]);
    }
  });

  Deno.test(`SharedPool.${name}() loads the stamp of a record that it has not seen again before it visits it`, () => {
    const [here, there] = pair({ ...SMALL, maxChunks: 16 });
    const taken = take(there, 16);
    const [block] = slabOf(here).mappedBlocks();
    const { look } = block;
    Object.assign(block, {
      look(this: typeof block, chunk: number) {
        there.free(taken[chunk]);
        return look.call(this, chunk);
      },
    });
    pass(here, () => assert(false));
  });
}

// -- loop --

for (const specialize of BOTH) {
  Deno.test(`SharedPool.loop() visits what is live at each call, in its stripe, and passes on up to four arguments (${specialize})`, () => {
    const here = SharedPool.create(Num, { ...MIDDLE, specialize });
    const there = SharedPool.attach(Num, here.share());
    const stripe = { stripe: 1, of: 2 };
    const seen: unknown[][] = [];
    const loop = here.loop((_, ...rest: [NumHandle, ...unknown[]]) => void seen.push(rest), stripe);
    Object.assign(stripe, { stripe: 0, of: 0 });
    loop();
    assertEquals(seen, []); // there is no block yet
    const taken = take(there, 40).slice(16, 32);
    const args = ["a", undefined, { c: 1 }, 4n, 5];
    for (const count of [0, 1, 2, 3, 4, 5]) {
      loop(...args.slice(0, count));
      const passed = args.slice(0, Math.min(count, 4));
      assertEquals(seen.splice(0), taken.map((handle) => [handle, ...passed]));
      there.free(taken.splice(4, 1)[0]);
    }
    here.dispose();
    assertThrows(loop, DisposedError, 'Cannot use SharedPool "motes": it was disposed of');
  });
}
