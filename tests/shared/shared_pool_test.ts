/**
 * `SharedPool` in one thread: several parts of one pool stand for as many threads, which know as
 * little of each other.
 */
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { array, DisposedError, Pool, SharedPool, struct, validate } from "../../mod.ts";
import { type SharedPoolToken, StaleHandleError } from "../../mod.ts";
import { BOTH, MIDDLE, Num, pair, partsOf, seenBy, slabOf, SMALL, take } from "./_support.ts";

const Thing = struct({
  pos: struct({ x: "f32", y: "f32" }),
  line: array(struct({ x: "f32" }), 2),
}, { name: "Thing" });

// -- creating and joining --

Deno.test("SharedPool.create() takes a struct or fields, and names the pool by the struct or the option", () => {
  const things = SharedPool.create(Thing);
  assertEquals([things.name, things.struct, SharedPool.create(Num).name], ["Thing", Thing, "pool"]);
  assertEquals(SharedPool.create(Num, { name: "motes" }).name, "motes");
});

Deno.test("SharedPool has no block until the first alloc, and then blocks of about 64 KiB", () => {
  const pool = SharedPool.create(Num);
  assertEquals([pool.size, pool.capacity, pool.byteLength], [0, 0, 0]);
  assertEquals([pool.chunksPerBlock, pool.maxChunks], [16_384, 2 ** 20]);
  pool.alloc();
  assertEquals([pool.size, pool.capacity, pool.byteLength], [1, 16_384, 65_536]);
  assertEquals(SharedPool.create({ n: "u8" }).chunksPerBlock, 32_768); // as links reach no further
});

Deno.test("SharedPool.attach() needs only a structured clone of what share() returned", () => {
  for (const handles of ["compact", "wide"] as const) {
    const here = SharedPool.create(Num, { ...MIDDLE, handles, keepEmptyBlocks: 3 });
    assertEquals(Object.keys(here.share()).sort(), ["buffer", "name"]);
    assertStrictEquals(here.share().buffer, here.share().buffer);
    const taken = take(here, 40);
    const token: SharedPoolToken = structuredClone(here.share());
    assert(token.buffer !== here.share().buffer);
    const there = SharedPool.attach(Num, token);
    assertEquals([there.name, there.maxChunks, there.chunksPerBlock], ["motes", 64, 16]);
    assertEquals([there.size, there.capacity, there.byteLength], [40, 48, 192]);
    assertEquals([seenBy(there), there.get(taken[17]).n], [taken, 17]);
    assertEquals(slabOf(there).codec.wraps, handles === "compact");
  }
});

Deno.test("SharedPool.attach() takes equal fields for the struct, and names the pool by it where the token has no name", () => {
  const here = SharedPool.create(struct({ n: "u32" }, { name: "Num" }));
  const there = SharedPool.attach(Num, here.share());
  assertEquals(here.get(here.handle(there.alloc({ n: 5 }))).n, 5);
  const token = { buffer: SharedPool.create(Thing, { name: "other" }).share().buffer };
  assertEquals(SharedPool.attach(Thing, token as SharedPoolToken).name, "Thing"); // as JavaScript can
});

Deno.test("SharedPool has one class for a struct, a geometry and specialize, which each part chooses for itself", () => {
  const Mote = struct(Num);
  const own = SharedPool.create(Mote, MIDDLE);
  const shared = SharedPool.attach(Mote, own.share(), { specialize: false });
  const same = [SharedPool.attach(Mote, own.share()), SharedPool.create(Mote, MIDDLE)];
  for (const it of [...same, shared, SharedPool.create(Mote, { ...MIDDLE, handles: "wide" })]) {
    assert(it instanceof SharedPool);
    assertEquals(it.constructor.name, "SharedPool");
    assertEquals(it.constructor === own.constructor, same.includes(it));
  }
  assertEquals(shared.get(own.alloc({ n: 7 })).n, 7);
});

// -- one record --

Deno.test("SharedPool.allocAt() and seek() move any view of the struct, get() and tryGet() make a new one", () => {
  const Mote = struct(Num);
  const [here, there] = partsOf(Mote, 2, SMALL);
  const cursor = here.cursor();
  const a = here.allocAt(cursor);
  cursor.n = 7;
  const b = there.alloc({ n: 8 });
  assertStrictEquals(here.seek(cursor, b), cursor);
  assertEquals([there.get(a).n, cursor.n, here.handleOf(cursor)], [7, 8, b]);
  const others = [there, SharedPool.create(Mote, MIDDLE), new Pool(Mote), here];
  for (const view of others.map((pool) => pool.cursor())) {
    assertEquals([here.seek(view, a).n, here.handleOf(view)], [7, a]);
  }
  const views = [here.get(a), here.get(b), here.tryGet(a)!]; // it is live
  views[0].n = 10;
  assertEquals(views.map((it) => it.n), [10, 8, 10]);
});

Deno.test("SharedPool.handleOf() and handle() give handles that every part takes", () => {
  const [here, there] = partsOf(Thing, 2, MIDDLE);
  const handles = Array.from({ length: 20 }, () => here.alloc());
  const view = here.get(handles[18]);
  assertEquals([here.handleOf(view), here.handleOf(view.line.get(1))], [handles[18], handles[18]]);
  const seen: number[] = [];
  there.forEach((it) => seen.push(there.handleOf(it.pos)));
  assertEquals(seen, handles);
  const sent = Int32Array.from(handles);
  there.free(there.handle(sent[18]));
  assertThrows(() => here.handleOf(view), StaleHandleError, "Cannot tell the handle");
  for (const n of [0, -1, 1.5, 2 ** 53]) assertEquals<number>(here.handle(n), n);
});

Deno.test("SharedPool with 32,768 chunks in a block gives out all of them, also after another part freed them", () => {
  const [here, there] = pair({ chunksPerBlock: 32_768, maxChunks: 32_768 });
  for (let round = 0; round < 2; round++) {
    const taken = take(here, 32_768);
    assertEquals(here.tryAlloc(), undefined);
    for (const handle of taken) there.free(handle);
    validate(here);
    assertEquals([here.size, there.size], [0, 0]);
  }
});

// -- user code in init --

for (const specialize of BOTH) {
  Deno.test(`SharedPool.alloc() and set() lose no chunk where a getter frees the record or leaves the pool (${specialize})`, () => {
    const here = SharedPool.create({ a: "u32", b: "u32" }, { ...SMALL, specialize });
    const there = SharedPool.attach({ a: "u32", b: "u32" }, here.share(), { specialize });
    const handle = here.alloc({ a: 1, b: 2 });
    const initOf = (b: () => number) =>
      Object.defineProperty({ a: 5, b: 0 }, "b", { get: b, enumerable: true });
    const freeing = initOf(() => (here.free(handle), 5));
    assertThrows(() => here.set(handle, freeing), StaleHandleError, "Cannot set in SharedPool");
    const leaving = initOf(() => (there.dispose(), 5));
    assertThrows(() => there.alloc(leaving), DisposedError);
    assertEquals(here.size, 0);
    while (here.tryAlloc() !== undefined);
    assertEquals(here.size, 32); // no chunk was lost
    validate(here);
  });
}

// -- leaving --

Deno.test("SharedPool.dispose() twice is harmless, and a token outlives all parts", () => {
  const [here, there] = pair();
  const [handle] = take(here, 1);
  const token = here.share();
  here[Symbol.dispose]();
  here.dispose();
  there.dispose();
  const again = SharedPool.attach(Num, token);
  assertEquals([again.size, again.thread, again.has(handle)], [1, 3, true]);
  again.free(handle);
  assertEquals(take(again, 32).length, 32);
});
