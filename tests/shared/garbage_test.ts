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
  return { here, there, taken, stale, init, add, to, loop, cursors };
}

type Prepared = ReturnType<typeof prepare>;

/** Calls that are repeated; a pass, which takes longer, is repeated less. */
const CALLS: Record<string, (it: Prepared, i: number) => void> = {
  "alloc() and free()": ({ here }) => here.free(here.alloc()),
  "alloc() and free() of another part": ({ here, there }) => there.free(here.alloc()),
  "tryAlloc() and tryFree()": ({ here }) => {
    const handle = here.tryAlloc();
    if (handle !== undefined) here.tryFree(handle);
  },
  "records replaced at random by two parts": ({ here, there, taken }, i) => {
    const at = (i * 7919) % SIZE;
    (i % 3 === 0 ? here : there).free(taken[at]);
    taken[at] = (i % 2 === 0 ? here : there).alloc();
  },
  "allocAt()": ({ here, cursors: [cursor] }, i) => {
    const handle = here.allocAt(cursor);
    cursor.n = i;
    here.free(handle);
  },
  "seek(), fields and handleOf()": ({ there, taken, cursors: [, cursor] }, i) => {
    const it = there.seek(cursor, taken[i % SIZE]);
    it.n += 1;
    it.big += 1.5;
    it.pos.x += 1.5;
    sink[0] = there.handleOf(cursor);
  },
  "alloc(init) and set() of a prepared init": ({ here, there, init }) => {
    const handle = here.alloc(init);
    there.set(handle, init);
    there.free(handle);
  },
  "has() and tryFree(), live or stale": ({ there, taken, stale }, i) => {
    sink[0] = there.has(taken[i % SIZE]);
    sink[1] = there.has(stale);
    sink[2] = there.tryFree(stale);
  },
  "figures": ({ here }) => {
    sink[0] = here.size + here.capacity + here.byteLength + here.thread;
  },
};

const STRIPES = [{ stripe: 0, of: 1 }, { stripe: 0, of: 3 }];

const PASSES: Record<string, (it: Prepared, i: number) => void> = {
  "forEach(), of all or of a stripe": ({ there, add }, i) => there.forEach(add, STRIPES[i % 2]),
  "loop(), with one argument or two": ({ loop, to }, i) => i % 2 === 0 ? loop(1) : loop(1, to),
};

for (const [table, times] of [[CALLS, undefined], [PASSES, 500]] as const) {
  for (const [what, call] of Object.entries(table)) {
    claim(`SharedPool leaves no garbage: ${what}`, () => {
      const prepared = prepare();
      assertNoGarbage((i) => call(prepared, i), times);
    });
  }
}

claim("SharedPool leaves no garbage: forEach() in a forEach()", () => {
  using pool = SharedPool.create({ n: "u32" }, { chunksPerBlock: 16, maxChunks: 64 });
  for (let i = 0; i < 5; i++) pool.alloc();
  const inner = (it: { n: number }) => void (it.n += 1);
  const outer = () => pool.forEach(inner);
  assertNoGarbage(() => pool.forEach(outer), 5);
});
