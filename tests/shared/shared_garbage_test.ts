/**
 * A million operations of each kind on a warm `SharedPool` leave nothing on the JS heap for a collector.
 *
 * @module
 */
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

/** Two parts in a pool with holes in it. */
function prepare() {
  const here = SharedPool.create(Thing, { chunksPerBlock: 512, maxChunks: 4096 });
  const there = SharedPool.attach(Thing, here.share());
  const all = Array.from({ length: 1333 }, () => here.alloc());
  all.forEach((handle, i) => i % 4 === 3 && here.free(handle));
  const taken: Handle<typeof Thing>[] = all.filter((_, i) => i % 4 !== 3);
  return { here, there, taken };
}

claim("SharedPool.alloc() and free() leave no garbage", () => {
  const { here } = prepare();
  assertNoGarbage(() => here.free(here.alloc()));
});

claim("SharedPool.alloc() leaves no garbage where another part frees", () => {
  const { here, there } = prepare();
  assertNoGarbage(() => there.free(here.alloc()));
});

claim("SharedPool.tryAlloc() and tryFree() leave no garbage", () => {
  const { here } = prepare();
  assertNoGarbage(() => {
    const handle = here.tryAlloc();
    if (handle !== undefined) here.tryFree(handle);
  });
});

claim("SharedPool replaces records at random without garbage, in two parts", () => {
  const { here, there, taken } = prepare();
  assertNoGarbage((i) => {
    const at = (i * 7919) % SIZE;
    (i % 3 === 0 ? here : there).free(taken[at]);
    taken[at] = (i % 2 === 0 ? here : there).alloc();
  });
});

claim("SharedPool.allocAt() leaves no garbage", () => {
  const { here } = prepare();
  const cursor = here.cursor();
  assertNoGarbage((i) => {
    const handle = here.allocAt(cursor);
    cursor.n = i;
    here.free(handle);
  });
});

claim("SharedPool.seek() and fields leave no garbage", () => {
  const { there, taken } = prepare();
  const cursor = there.cursor();
  assertNoGarbage((i) => {
    const it = there.seek(cursor, taken[i % SIZE]);
    it.n += 1;
    it.big += 1.5;
    it.pos.x += 1.5;
  });
});

claim("SharedPool.handleOf() leaves no garbage", () => {
  const { here, taken } = prepare();
  const cursor = here.cursor();
  assertNoGarbage((i) => {
    sink[0] = here.handleOf(here.seek(cursor, taken[i % SIZE]));
  });
});

claim("SharedPool.alloc() and set() leave no garbage of a prepared init", () => {
  const { here, there } = prepare();
  const init = { n: 5, alive: true, pos: { x: 1, y: 2 }, color: [1, 2, 3] };
  assertNoGarbage(() => {
    const handle = here.alloc(init);
    there.set(handle, init);
    there.free(handle);
  });
});

claim("SharedPool.has() leaves no garbage, live or stale", () => {
  const { here, there, taken } = prepare();
  const stale = here.alloc();
  here.free(stale);
  assertNoGarbage((i) => {
    sink[0] = there.has(taken[i % SIZE]);
    sink[1] = there.has(stale);
    sink[2] = there.tryFree(stale);
  });
});

for (const workers of [1, 3]) {
  claim(
    `SharedPool.forEach() leaves no garbage, ${workers === 1 ? "of all" : "of a stripe"}`,
    () => {
      const { there } = prepare();
      const fn = (it: { n: number }) => void (it.n += 1);
      const stripe = { stripe: 0, of: workers };
      assertNoGarbage(() => there.forEach(fn, stripe), 500);
    },
  );
}

claim("SharedPool.loop() leaves no garbage, whatever it hands on", () => {
  const { there } = prepare();
  const loop = there.loop((it, _, by: number, to?: { sum: number }) => {
    it.n += by;
    if (to !== undefined) to.sum += it.n;
  });
  const to = { sum: 0 };
  assertNoGarbage((i) => i % 2 === 0 ? loop(1) : loop(1, to), 500);
});

claim("SharedPool.forEach() in a forEach() leaves no garbage", () => {
  using pool = SharedPool.create({ n: "u32" }, { chunksPerBlock: 16, maxChunks: 64 });
  for (let i = 0; i < 5; i++) pool.alloc();
  const inner = (it: { n: number }) => void (it.n += 1);
  const outer = () => pool.forEach(inner);
  assertNoGarbage(() => pool.forEach(outer), 5);
});

claim("SharedPool's figures leave no garbage", () => {
  const { here } = prepare();
  assertNoGarbage(() => {
    sink[0] = here.size + here.capacity + here.byteLength + here.thread;
  });
});
