/** Calls of a warm `SharedPool` leave nothing on the JavaScript heap for a collector. */
import { array, type Handle, SharedPool, struct } from "../../mod.ts";
import { assertNoGarbage, claim, sink } from "../model/_meter.ts";

const SIZE = 1000;
const Thing = struct({
  pos: struct({ x: "f32", y: "f32" }),
  color: array("u8", 4),
  big: "f64",
  n: "u32",
  alive: "bool",
});

/** Two parts of a pool with holes in it, cursors and values for them. */
function prepare() {
  const here = SharedPool.create(Thing, { chunksPerBlock: 512, maxChunks: 4096 });
  const there = SharedPool.attach(Thing, here.share());
  const all = Array.from({ length: 1333 }, () => here.alloc());
  all.forEach((handle, i) => i % 4 === 3 && here.free(handle));
  const taken: Handle<typeof Thing>[] = all.filter((_, i) => i % 4 !== 3);
  const stale = here.alloc();
  here.free(stale);
  const init = { n: 5, alive: true, pos: { x: 1, y: 2 }, color: [1, 2, 3] };
  const add = (it: { n: number }) => void (it.n += 1);
  const to = { sum: 0 };
  const loop = there.loop((it, _, by: number, to?: { sum: number }) => {
    it.n += by;
    if (to !== undefined) to.sum += it.n;
  });
  const cursors = [here.cursor(), there.cursor()];
  const few = SharedPool.create({ n: "u32" }, { chunksPerBlock: 16, maxChunks: 64 });
  for (let i = 0; i < 5; i++) few.alloc();
  const nested = () => few.forEach(add);
  return { few, nested, here, there, taken, stale, init, add, to, loop, cursors };
}

type Prepared = ReturnType<typeof prepare>;

const STRIPES = [{ stripe: 0, of: 1 }, { stripe: 0, of: 3 }];

/** Calls that are repeated, and for how many a pass counts, which takes longer. */
const CALLS: Record<string, [call: (it: Prepared, i: number) => void, count?: number]> = {
  "alloc(), set() and free() in every form, by the owner and by another": [(it, i) => {
    const { here, there, init, cursors: [cursor] } = it;
    here.free(here.alloc());
    there.free(here.alloc());
    const handle = here.tryAlloc();
    if (handle !== undefined) here.tryFree(handle);
    const other = here.allocAt(cursor);
    cursor.n = i;
    there.tryFree(other);
    const made = here.alloc(init);
    there.set(made, init);
    there.free(made);
  }],
  "records replaced at random by two parts": [({ here, there, taken }, i) => {
    const at = (i * 7919) % SIZE;
    (i % 3 === 0 ? here : there).free(taken[at]);
    taken[at] = (i % 2 === 0 ? here : there).alloc();
  }],
  "seek(), fields, handleOf() and has(), and figures": [(it, i) => {
    const { here, there, taken, stale, cursors: [, cursor] } = it;
    const record = there.seek(cursor, taken[i % SIZE]);
    record.n += 1;
    record.big += 1.5;
    record.pos.x += 1.5;
    sink[0] = there.handleOf(cursor);
    sink[1] = there.has(taken[i % SIZE]) || there.has(stale) || there.tryFree(stale);
    sink[2] = here.size + here.capacity + here.byteLength + here.thread;
  }],
  "forEach(), of all or of a stripe": [
    ({ there, add }, i) => there.forEach(add, STRIPES[i % 2]),
    500,
  ],
  "forEach() in a forEach()": [({ few, nested }) => few.forEach(nested), 5],
  "loop(), with one argument or two": [
    ({ loop, to }, i) => i % 2 === 0 ? loop(1) : loop(1, to),
    500,
  ],
};

for (const [what, [call, count]] of Object.entries(CALLS)) {
  claim(`SharedPool leaves no garbage: ${what}`, () => {
    const prepared = prepare();
    assertNoGarbage((i) => call(prepared, i), count);
  });
}
