/** `SharedPool` in one thread: several parts of one pool stand for as many threads. */
import {
  assert,
  assertEquals,
  assertNotEquals,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import {
  array,
  DisposedError,
  NULL_HANDLE,
  SharedPool,
  type SharedPoolToken,
  StaleHandleError,
  struct,
  validate,
} from "../../mod.ts";
import { drain } from "../../src/shared/protocol.ts";
import {
  MIDDLE,
  Num,
  type NumHandle,
  pair,
  partsOf,
  seenBy,
  slabOf,
  SMALL,
  take,
} from "./_shared.ts";
import { forge } from "../_support.ts";

const Vec2 = struct({ x: "f32", y: "f32" });
const Thing = struct({
  pos: Vec2,
  line: array(Vec2, 2),
  color: array("u8", 4),
  score: "i64",
  big: "f64",
  alive: "bool",
  next: "ref",
}, { name: "Thing" });

// -- creating and joining --

Deno.test("SharedPool.create() takes name and struct as Pool does, and fields in the place of a struct", () => {
  using things = SharedPool.create(Thing);
  assertEquals([things.name, things.struct], ["Thing", Thing]);
  using plain = SharedPool.create(Num);
  assertEquals([plain.name, plain.struct.size], ["pool", 4]);
  using named = SharedPool.create(Num, { name: "motes" });
  assertEquals(named.name, "motes");
});

Deno.test("SharedPool has no block until something is allocated, and blocks of about 64 KiB then", () => {
  using pool = SharedPool.create(Num);
  assertEquals([pool.size, pool.capacity, pool.byteLength], [0, 0, 0]);
  assertEquals([pool.chunksPerBlock, pool.maxChunks], [16_384, 2 ** 20]);
  pool.alloc();
  assertEquals([pool.size, pool.capacity, pool.byteLength], [1, 16_384, 65_536]);
});

Deno.test("SharedPool.share() tells the name and the buffer, and nothing else", () => {
  using pool = SharedPool.create(Num, { name: "motes" });
  const token = pool.share();
  assertEquals(Object.keys(token).sort(), ["buffer", "name"]);
  assertEquals(token.name, "motes");
  assertStrictEquals(token.buffer, pool.share().buffer);
});

Deno.test("SharedPool.attach() joins by what structuredClone makes of a token", () => {
  const [here] = partsOf(Thing, 1, MIDDLE);
  const token: SharedPoolToken = structuredClone(here.share());
  assert(token.buffer !== here.share().buffer);
  const there = SharedPool.attach(Thing, token);
  const handle = there.alloc({ big: 1.5, pos: { x: 1, y: 2 } });
  assertEquals([here.get(handle).big, here.get(handle).pos.y], [1.5, 2]);
  here.free(handle);
  assertEquals([here.size, there.size, there.has(handle)], [0, 0, false]);
});

Deno.test("SharedPool.attach() finds name, options and records in the token alone", () => {
  for (const handles of ["compact", "wide"] as const) {
    using here = SharedPool.create(Num, { ...MIDDLE, handles, keepEmptyBlocks: 3 });
    const taken = take(here, 40);
    using there = SharedPool.attach(Num, here.share());
    assertEquals([there.name, there.maxChunks, there.chunksPerBlock], ["motes", 64, 16]);
    assertEquals([there.size, there.capacity, there.byteLength], [40, 48, 192]);
    assertEquals(seenBy(there), taken);
    assertEquals(there.get(taken[17]).n, 17);
    assertEquals(slabOf(there).codec.wraps, handles === "compact");
  }
});

Deno.test("SharedPool.attach() takes a token without a name for the struct's", () => {
  using here = SharedPool.create(Thing, { ...MIDDLE, name: "other" });
  const token = { buffer: here.share().buffer } as SharedPoolToken; // as plain JavaScript can
  assertEquals(SharedPool.attach(Thing, token).name, "Thing");
});

Deno.test("SharedPool.attach() takes the same fields in the place of a struct", () => {
  using here = SharedPool.create(struct({ n: "u32" }, { name: "Num" }));
  using there = SharedPool.attach(Num, here.share());
  assertEquals(here.get(here.handle(there.alloc({ n: 5 }))).n, 5); // the name sets the two apart in types
});

Deno.test("SharedPool.thread counts the parts from 1 in the order in which they joined", () => {
  const parts = partsOf(Num, 4, SMALL);
  assertEquals(parts.map((it) => it.thread), [1, 2, 3, 4]);
  parts[1].dispose();
  assertEquals(SharedPool.attach(Num, parts[0].share()).thread, 5);
});

// -- one record --

Deno.test("SharedPool.alloc() gives a zeroed record, then writes what is named", () => {
  const [here, there] = partsOf(Thing, 2, SMALL);
  const dirty = here.alloc({
    score: -1n,
    big: NaN,
    color: [1, 2, 3, 4],
    alive: true,
    next: forge(5),
  });
  here.free(dirty);
  const handle = here.alloc({ pos: { x: 3 } });
  assertEquals(there.get(handle).toJSON(), {
    pos: { x: 3, y: 0 },
    line: [{ x: 0, y: 0 }, { x: 0, y: 0 }],
    color: [0, 0, 0, 0],
    score: 0n,
    big: 0,
    alive: false,
    next: 0,
  });
});

Deno.test("SharedPool's records hold nested structs, arrays and bigints for every part", () => {
  const [here, there] = partsOf(Thing, 2, SMALL);
  const line = [{ x: 1, y: 2 }, { x: 3, y: 4 }];
  const record = {
    pos: { x: 0.5, y: -2 },
    line,
    color: [9, 8, 7, 255],
    score: -(2n ** 63n),
    big: Math.PI,
    alive: true,
    next: forge(77),
  };
  const handle = here.alloc(record);
  assertEquals(there.get(handle).toJSON(), record);
  there.set(handle, { score: 2n ** 62n, line: [{ x: 7, y: 7 }, { x: 8, y: 8 }] });
  there.get(handle).color.set(1, 1);
  assertEquals(here.get(handle).score, 2n ** 62n);
  assertEquals(here.get(handle).line.get(1).x, 8);
  assertEquals(here.get(handle).color.toArray(), [9, 1, 7, 255]);
});

Deno.test("SharedPool gives out no handle twice, and never 0", () => {
  for (const handles of ["compact", "wide"] as const) {
    const parts = partsOf(Num, 3, { ...MIDDLE, handles });
    const given = new Set<number>();
    for (let round = 0; round < 50; round++) {
      const taken = parts.flatMap((it) => take(it, 16));
      for (const handle of taken) {
        assert(handle > 0 && !given.has(handle), `${handle}`);
        given.add(handle);
      }
      taken.forEach((handle, i) => parts[(i + round) % 3].free(handle));
    }
    assertEquals(given.size, 50 * 48);
  }
});

Deno.test("SharedPool.tryAlloc(), tryFree(), tryGet() and has() answer where the others throw", () => {
  const [here, there] = pair();
  const taken = take(here, 32);
  assertEquals(here.tryAlloc(), undefined);
  assertEquals(here.tryAlloc({ n: 5 }), undefined);
  assertEquals(there.tryFree(taken[0]), true);
  assertEquals([there.tryFree(taken[0]), here.tryFree(taken[0])], [false, false]);
  assertEquals([here.tryGet(taken[0]), there.tryGet(taken[0])], [undefined, undefined]);
  assertEquals([here.has(taken[0]), there.has(taken[0])], [false, false]);
  assertEquals([here.tryGet(taken[1])?.n, there.tryGet(taken[1])?.n], [1, 1]);
  assertEquals(here.tryAlloc() === undefined, false);
});

Deno.test("SharedPool.allocAt() and seek() move a cursor of any part", () => {
  const [here, there] = partsOf(struct(Num), 2, SMALL);
  const cursor = here.cursor();
  const a = here.allocAt(cursor);
  cursor.n = 7;
  assertEquals(there.get(a).n, 7);
  const b = there.alloc({ n: 8 });
  assertStrictEquals(here.seek(cursor, b), cursor);
  assertEquals(cursor.n, 8);
  const elsewhere = there.cursor();
  assertEquals(here.seek(elsewhere, a).n, 7);
  assertEquals([here.handleOf(elsewhere), here.handleOf(cursor)], [a, b]);
});

Deno.test("SharedPool.get() gives views of their own, cursors stay apart", () => {
  const [here] = pair();
  const [a, b] = take(here, 2);
  const views = [here.get(a), here.get(b), here.get(a)];
  views[0].n = 10;
  assertEquals(views.map((it) => it.n), [10, 1, 10]);
});

Deno.test("SharedPool.handle() gives back the number that it is given, in every thread", () => {
  const [here, there] = pair();
  const made = Int32Array.from([1, 2], (n) => here.alloc({ n }));
  assertEquals(there.get(there.handle(made[1])).n, 2);
  there.free(there.handle(made[0]));
  assertEquals([...made].map((n) => here.has(here.handle(n))), [false, true]);
  for (const n of [0, -1, 1.5, 2 ** 53]) assertEquals(here.handle(n), n);
});

Deno.test("SharedPool writes null to a ref as the null handle", () => {
  using pool = SharedPool.create(Thing);
  const thing = pool.alloc({ next: null });
  pool.set(thing, { next: thing });
  assertEquals(pool.get(thing).next, thing);
  pool.set(thing, { next: null });
  assertEquals(pool.get(thing).next, NULL_HANDLE);
});

Deno.test("SharedPool.handleOf() tells the handle of a view, a nested one and one of forEach()", () => {
  const [here, there] = partsOf(Thing, 2, MIDDLE);
  const handles = Array.from({ length: 20 }, () => here.alloc());
  assertEquals(here.handleOf(here.get(handles[18])), handles[18]);
  assertEquals(here.handleOf(here.get(handles[18]).line.get(1)), handles[18]);
  assertEquals(there.handleOf(there.get(handles[3])), handles[3]);
  const told: number[] = [];
  there.forEach((view) => told.push(there.handleOf(view.pos)));
  assertEquals(told, handles);
});

Deno.test("SharedPool.handleOf() takes views of this part alone, and none whose record is freed", () => {
  const [here, there] = pair();
  const view = here.get(here.alloc());
  assertThrows(() => there.handleOf(view), TypeError, "no view of this pool");
  there.free(here.handleOf(view));
  assertThrows(() => here.handleOf(view), StaleHandleError, "Cannot tell the handle");
  here.alloc({ n: 3 });
  assertThrows(() => here.handleOf(here.cursor()), TypeError, "is unbound");
  const [other] = pair();
  assertThrows(() => here.handleOf(other.get(other.alloc())), TypeError, "no view of this pool");
});

for (const bytes of [1, 2, 3, 300]) {
  Deno.test(`SharedPool keeps records of ${bytes} bytes apart, whoever frees them`, () => {
    const Bytes = { of: array("u8", bytes) };
    const parts = partsOf(Bytes, 2, { chunksPerBlock: bytes === 1 ? 256 : 512, maxChunks: 1024 });
    const live = new Map<number, number>();
    let serial = 0;
    for (let round = 0; round < 6; round++) {
      for (const part of parts) {
        for (let i = 0; i < 300; i++) {
          const handle = part.tryAlloc({ of: Array(bytes).fill(++serial & 255) });
          if (handle !== undefined) live.set(handle, serial & 255);
        }
      }
      assertEquals(parts[0].size, live.size);
      for (const [handle, fill] of live) {
        const part = parts[handle * 7 + round & 1];
        const view = part.get(handle as never); // keys are handles
        assertEquals([view.of.get(0), view.of.get(bytes - 1)], [fill, fill]);
        if ((handle + round) % 3 === 0) continue;
        part.free(handle as never);
        live.delete(handle);
      }
      parts.forEach(validate);
    }
  });
}

// -- what threads do to each other --

Deno.test("SharedPool's growth is seen by every part without a message", () => {
  const parts = partsOf(Num, 3, MIDDLE);
  for (let i = 0; i < 3; i++) take(parts[i], 16);
  assertEquals(parts.map((it) => [it.capacity, it.size]), Array(3).fill([48, 48]));
  const [last] = take(parts[2], 1);
  assertEquals(parts.map((it) => it.has(last)), [true, true, true]);
  assertEquals(parts.map((it) => it.byteLength), [256, 256, 256]);
  assertEquals(seenBy(parts[0]).at(-1), last);
});

Deno.test("SharedPool's records that another part freed come back to their owner", () => {
  const [here, there] = pair({ ...SMALL, maxChunks: 16 });
  for (let round = 0; round < 20; round++) {
    const taken = take(here, 16);
    assertEquals(here.tryAlloc(), undefined);
    assertEquals(there.tryAlloc(), undefined);
    for (const handle of taken) there.free(handle);
    assertEquals([here.size, there.size], [0, 0]);
    validate(here);
    validate(there);
  }
});

Deno.test("SharedPool.free() of a record freed by another part is refused, by whomever", () => {
  const [here, there] = pair();
  const [a, b] = take(here, 2);
  there.free(a);
  here.free(b);
  for (const part of [here, there]) {
    for (const handle of [a, b]) {
      assertThrows(
        () => part.free(handle),
        StaleHandleError,
        "is stale, the chunk is at generation 2",
      );
    }
  }
  assertEquals([here.size, there.size], [0, 0]);
});

Deno.test("SharedPool reuses a chunk that another part freed only once its owner took it back", () => {
  const [here, there] = pair({ ...SMALL, maxChunks: 16 });
  const taken = take(here, 16);
  there.free(taken[5]);
  const again = here.alloc({ n: 9 });
  assertNotEquals(again, taken[5]);
  assertEquals(seenBy(there).indexOf(again), 5);
  assertEquals(there.get(again).n, 9);
});

Deno.test("SharedPool's blocks that a part emptied go to a part that needs one", () => {
  const [here, there] = pair({ ...MIDDLE, keepEmptyBlocks: 0 });
  const taken = take(here, 64);
  assertEquals(there.tryAlloc(), undefined);
  for (const handle of taken.slice(16, 48)) here.free(handle);
  const theirs = take(there, 32);
  assertEquals(there.tryAlloc(), undefined);
  assertEquals([here.size, there.capacity], [64, 64]);
  assertEquals(new Set([...taken, ...theirs]).size, 96);
  for (const handle of theirs) here.free(handle);
  assertEquals(take(there, 32).length, 32);
  validate(here);
  validate(there);
});

Deno.test("SharedPool keeps as many empty blocks of a part as keepEmptyBlocks says", () => {
  for (const keepEmptyBlocks of [0, 1, 2, 3]) {
    const [here, there] = pair({ ...MIDDLE, keepEmptyBlocks });
    for (const handle of take(here, 64)) here.free(handle);
    // The last block is the one that records come from, and stays in any case.
    const given = 3 - keepEmptyBlocks;
    let got = 0;
    while (there.tryAlloc() !== undefined) got++;
    assertEquals(got, given * 16);
    while (here.tryAlloc() !== undefined) got++;
    assertEquals(got, 64);
  }
});

Deno.test("SharedPool.alloc() adopts a block that nobody owns once a record in it was freed", () => {
  const [here, there] = pair({ ...SMALL, maxChunks: 16 });
  const taken = take(here, 16);
  here.dispose();
  assertEquals(there.tryAlloc(), undefined); // the block is full
  there.free(taken[3]);
  const handle = there.alloc({ n: 33 });
  assertEquals(seenBy(there).indexOf(handle), 3);
  validate(there);
});

// -- leaving and adopting --

Deno.test("SharedPool.dispose() leaves the records to the others, and free chunks to whoever needs them", () => {
  const [here, there] = pair(SMALL);
  const taken = take(here, 20);
  for (const handle of taken.slice(0, 8)) here.free(handle);
  there.free(taken[9]);
  here.dispose();
  assertEquals([there.size, there.get(taken[10]).n], [11, 10]);
  assertEquals(seenBy(there), taken.filter((_, i) => i > 9 || i === 8));
  let got = 0;
  while (there.tryAlloc() !== undefined) got++;
  assertEquals([got, there.size], [21, 32]);
  validate(there);
});

Deno.test("SharedPool.dispose() twice is harmless, and once is enough for `using`", () => {
  const [here, there] = pair();
  here.alloc();
  {
    using it = here;
    assertEquals(it.size, 1);
  }
  here.dispose();
  assertEquals(there.size, 1);
  assertEquals(slabOf(there).threadsAround, 1);
});

Deno.test("SharedPool.dispose() of all parts leaves a pool that a token can still join", () => {
  const [here, there] = pair();
  const [handle] = take(here, 1);
  const token = here.share();
  here.dispose();
  there.dispose();
  const again = SharedPool.attach(Num, token);
  assertEquals([again.size, again.thread, again.has(handle)], [1, 3, true]);
  again.free(handle);
  assertEquals(take(again, 32).length, 32);
});

Deno.test("SharedPool.adopt() takes over the blocks of a part that ended without leaving", () => {
  const [here, there, third] = partsOf(Num, 3, { ...MIDDLE, keepEmptyBlocks: 9 });
  const lost = take(there, 40); // and `there` is never used again
  for (const handle of lost.slice(0, 20)) there.free(handle);
  for (const handle of lost.slice(20, 24)) here.free(handle);
  assertEquals(take(here, 16).length, 16);
  assertEquals(here.tryAlloc(), undefined);
  assertEquals(here.adopt(there.thread), 3);
  assertEquals(here.adopt(there.thread), 0);
  assertEquals(seenBy(third).filter((it) => lost.includes(it)), lost.slice(24));
  let got = 0;
  while (here.tryAlloc() !== undefined) got++;
  assertEquals([got, here.size], [32, 64]);
  validate(here);
  validate(third);
  for (const handle of seenBy(third)) third.free(handle);
  assertEquals([here.size, third.size], [0, 0]);
  assertEquals(take(here, 64).length, 64);
});

Deno.test("SharedPool.adopt() finds nothing of a part that left", () => {
  const [here, there] = pair();
  take(there, 20);
  there.dispose();
  assertEquals(here.adopt(2), 0);
});

Deno.test("SharedPool.adopt() takes what was never used of a block as well", () => {
  const [here, there] = pair({ ...SMALL, maxChunks: 16 });
  const [first] = take(there, 3);
  assertEquals(here.tryAlloc(), undefined);
  assertEquals(here.adopt(2), 1);
  assertEquals(take(here, 13).length, 13);
  here.free(first);
  assertEquals(take(here, 1).length, 1);
  validate(here);
});

Deno.test("SharedPool.adopt() takes a block whose thread ended before it had entered its name", () => {
  const [here] = pair(SMALL);
  const { layout } = slabOf(here);
  layout.growTo(1, "motes");
  Atomics.add(layout.header, 16, 1); // the step of the one that is no more: one more block
  take(here, 16);
  assertEquals([here.capacity, here.tryAlloc()], [32, undefined]);
  assertEquals(here.adopt(2), 1);
  assertEquals(take(here, 16).length, 16);
  validate(here);
});

Deno.test("SharedPool.adopt() while another part adds a block takes it or leaves it to that, never both", () => {
  const [here, there] = pair(MIDDLE);
  const slab = slabOf(here);
  let adopted = 0;
  Object.assign(slab, {
    map(position: number) { // between the block's count and its owner
      if (adopted === 0) adopted = there.adopt(3);
      return Reflect.get(Object.getPrototypeOf(slab), "map").call(slab, position);
    },
  });
  SharedPool.attach(Num, here.share()); // thread 3, which is no more
  const mine = take(here, 16);
  assertEquals([adopted, here.capacity], [1, 32]);
  const theirs = take(there, 16);
  assertEquals(new Set([...mine, ...theirs]).size, 32);
  assertEquals(slab.mappedBlocks().map((it) => it.owner), [2, 1]);
  validate(here);
  validate(there);
});

Deno.test("SharedPool counts the blocks that nobody owns", () => {
  const [here, there] = pair({ ...MIDDLE, keepEmptyBlocks: 0 });
  const orphans = () => slabOf(here).layout.header[34];
  for (const handle of take(here, 64)) here.free(handle);
  assertEquals(orphans(), 3);
  take(there, 17);
  assertEquals(orphans(), 1);
  here.dispose();
  assertEquals(orphans(), 2);
});

// -- generations --

Deno.test("SharedPool's compact generations wrap after 255 with 8 bits, and handle 0 is passed over", () => {
  const [here, there] = pair({ chunksPerBlock: 16, maxChunks: 2 ** 22 });
  const seen: NumHandle[] = [];
  for (let i = 0; i < 255; i++) {
    const handle = here.alloc();
    seen.push(handle);
    assertEquals([here.has(handle), there.has(handle)], [true, true]);
    (i % 2 === 0 ? here : there).free(handle);
    // Else what another part freed would be reused only when the rest of the block is taken.
    if (i % 2 === 1) drain(slabOf(here).blocks[0]);
  }
  assertEquals(new Set(seen).size, 255);
  assert(!seen.includes(forge(NULL_HANDLE)));
  assertEquals(seen.map((it) => it >>> 22), Array.from({ length: 255 }, (_, i) => i + 1));
  assertEquals(here.alloc(), seen[0]);
  validate(here);
  validate(there);
});

Deno.test("SharedPool adopts a block whose chunks' generations wrapped", () => {
  const [here, there] = pair({ chunksPerBlock: 16, maxChunks: 2 ** 22 });
  for (let i = 0; i < 255; i++) here.free(here.alloc()); // chunk 0 is at generation 1 again
  const kept = take(here, 3);
  here.dispose();
  validate(there);
  assertEquals(take(there, 13).length, 13);
  assertEquals([there.size, there.capacity], [16, 16]);
  assertEquals(seenBy(there).slice(0, 3), kept);
});

Deno.test("SharedPool's wide chunks retire when their generations are used up, whoever frees them", () => {
  // There are 30 bits of them; the last is near where the stamps say so.
  const [here, there] = pair({ chunksPerBlock: 16, maxChunks: 2 ** 20, handles: "wide" });
  take(here, 1);
  const { blocks: [block], lastStamp } = slabOf(here);
  for (const handle of seenBy(here)) here.free(handle);
  for (const chunk of [0, 1, 2]) block.stamps[chunk] = lastStamp - 1;
  const [a, b, c, d] = take(here, 4);
  here.free(a);
  there.free(b);
  here.free(d);
  for (const part of [here, there]) {
    validate(part);
    assertEquals([part.size, slabOf(part).retired], [1, 2]);
    for (const handle of [a, b]) {
      assertThrows(() => part.free(handle), StaleHandleError, "the chunk is retired");
      assertEquals(part.has(handle), false);
    }
    assertEquals(part.has(c), true);
  }
  const rest = take(here, 13);
  assertEquals([...rest, c].filter((it) => (it - 1) % 16 === 0 || it === b), []);
  assertEquals(here.capacity, 16);
  here.dispose();
  validate(there);
  there.free(c);
  assertEquals([there.size, slabOf(there).retired], [13, 3]);
  validate(there);
});

Deno.test("SharedPool's retired chunks do not come back with an adoption", () => {
  const [here, there] = pair({ ...SMALL, maxChunks: 16, handles: "wide" });
  const [first] = take(here, 1);
  here.free(first);
  slabOf(here).blocks[0].stamps[0] = slabOf(here).lastStamp - 1;
  here.free(here.alloc());
  here.dispose();
  let got = 0;
  while (there.tryAlloc() !== undefined) got++;
  assertEquals([got, there.size, slabOf(there).retired], [15, 15, 1]);
  validate(there);
});

// -- every record --

Deno.test("SharedPool.forEach() visits every live record in block and chunk order, by any part", () => {
  const parts = partsOf(Num, 2, MIDDLE);
  const taken = [...take(parts[0], 20), ...take(parts[1], 20)].sort((a, b) => index(a) - index(b));
  const live = taken.filter((_, i) => i % 3 !== 0);
  taken.forEach((handle, i) => i % 3 === 0 && parts[i & 1].free(handle));
  for (const part of parts) {
    assertEquals(seenBy(part), live);
    part.forEach((view, handle) => assertEquals(view.n, part.get(handle).n));
  }
});

/** Place of a handle's chunk, of 64. */
function index(handle: number): number {
  return handle & 63;
}

Deno.test("SharedPool.forEach() may free the current record, any other, and allocate", () => {
  for (const freer of [0, 1]) {
    const parts = partsOf(Num, 2, MIDDLE);
    const taken = take(parts[0], 48);
    const seen: number[] = [];
    parts[0].forEach(({ n }, handle) => {
      seen.push(n);
      if (n >= 100) return;
      if (n % 4 === 0) parts[freer].free(handle);
      if (n % 4 === 0) parts[freer].free(taken[n + 1]);
      if (n % 4 === 2) parts[1].tryAlloc({ n: 100 });
    });
    const old = seen.filter((n) => n < 100);
    assertEquals(old, taken.map((_, n) => n).filter((n) => n % 4 !== 1));
    parts.forEach(validate);
  }
});

Deno.test("SharedPool.forEach() hides a record freed before its turn, however often it was seen before", () => {
  const [here, there] = pair(MIDDLE);
  const taken = take(here, 32);
  for (let i = 0; i < 3; i++) assertEquals(seenBy(there), taken);
  let calls = 0;
  there.forEach((_, handle) => {
    calls++;
    const next = taken[taken.indexOf(handle) + 1];
    if (next !== undefined) here.tryFree(next);
  });
  assertEquals(calls, 16);
});

Deno.test("SharedPool.forEach() gives a handle of the record that it looked at, whenever that is freed", () => {
  // The stamps as they change under a pass: after so many reads another thread frees what was just read.
  for (let reads = 1; reads <= 40; reads++) {
    const [here, there] = pair({ ...SMALL, maxChunks: 16 });
    const taken = take(here, 16);
    assertEquals(seenBy(here), taken);
    const [block] = slabOf(here).blocks;
    let left = reads;
    const stamps = new Proxy(block.stamps, {
      get(target, key) {
        const value = Reflect.get(target, key);
        if (--left === 0) there.free(taken[Number(key)]);
        return value;
      },
    });
    Object.assign(block, { stamps });
    const seen = seenBy(here);
    assertEquals(seen.filter((handle) => !taken.includes(handle)), [], `after ${reads} reads`);
  }
});

Deno.test("SharedPool.forEach() looks once more before it visits a record that it has not seen", () => {
  const [here, there] = pair({ ...SMALL, maxChunks: 16 });
  const taken = take(there, 16);
  const [block] = slabOf(here).mappedBlocks();
  const { look } = block;
  Object.assign(block, {
    look(this: typeof block, chunk: number) {
      there.free(taken[chunk]); // in between
      return look.call(this, chunk);
    },
  });
  assertEquals(seenBy(here), []);
});

Deno.test("SharedPool declares a record live only when it is zero", () => {
  const [here] = pair({ ...SMALL, maxChunks: 16 });
  for (const handle of take(here, 16)) here.free(handle);
  const [block] = slabOf(here).blocks;
  const { zero } = block;
  let zeroed = 0;
  Object.assign(block, {
    zero(this: typeof block, chunk: number) {
      assertEquals(this.loadStamp(chunk) & 1, 0);
      zeroed++;
      zero.call(this, chunk);
    },
  });
  take(here, 16);
  assertEquals(zeroed, 16);
});

Deno.test("SharedPool.forEach() in a forEach() has a view of its own", () => {
  const [here, there] = pair(MIDDLE);
  take(here, 20);
  [here, there].forEach((it) => seenBy(it)); // from here on there is a view that a pass has left
  let pairs = 0;
  here.forEach((outer) => {
    const before = outer.n;
    here.forEach((inner) => void (pairs += inner.n === outer.n ? 1 : 0));
    there.forEach((inner) => void (pairs += inner.n === outer.n ? 1 : 0));
    assertEquals(outer.n, before);
  });
  assertEquals(pairs, 40);
});

Deno.test("SharedPool.forEach() goes on rightly after its view was moved to another block", () => {
  const [here] = pair(MIDDLE);
  const handles = take(here, 40);
  const seen: number[] = [];
  here.forEach((view) => {
    seen.push(view.n);
    here.seek(view, handles[view.n < 20 ? 39 : 0]);
  });
  assertEquals(seen, handles.map((handle) => here.get(handle).n));
  assertEquals(new Set(seen).size, 40);
});

Deno.test("SharedPool.forEach() goes on well after a callback threw", () => {
  const [here] = pair();
  const taken = take(here, 5);
  assertThrows(() => here.forEach(() => fail()), Error, "mine");
  assertEquals(seenBy(here), taken);
});

function fail(): never {
  throw new Error("mine");
}

Deno.test("SharedPool.forEach() visits what every part frees and allocates at most once, and the rest just once", () => {
  const parts = partsOf(Num, 3, { chunksPerBlock: 32, maxChunks: 512 });
  const stay = parts.flatMap((it) => take(it, 50));
  const churn = parts.flatMap((it) => take(it, 50));
  const seen: number[] = [];
  let turn = 0;
  parts[0].forEach((_, handle) => {
    seen.push(handle);
    const at = turn++ * 7 % churn.length;
    parts[turn % 3].free(churn[at]);
    churn[at] = parts[(turn >> 2) % 3].alloc();
  });
  assertEquals(new Set(seen).size, seen.length);
  assertEquals(stay.filter((handle) => !seen.includes(handle)), []);
  parts.forEach(validate);
});

Deno.test("SharedPool.forEach()'s stripes visit together just what one pass does", () => {
  const [here, there] = pair({ chunksPerBlock: 16, maxChunks: 256 });
  const taken = take(here, 150);
  taken.filter((_, i) => i % 5 === 0).forEach((handle) => there.free(handle));
  for (const workers of [1, 2, 3, 4, 9, 10, 11, 100]) {
    const ofOne = (_: unknown, stripe: number) => seenBy(there, { stripe, of: workers });
    const all = Array.from({ length: workers }, ofOne).flat();
    assertEquals(new Set(all).size, all.length);
    assertEquals(all.sort((a, b) => a - b), seenBy(here).sort((a, b) => a - b));
  }
  assert(seenBy(here, { stripe: 3, of: 4 }).every((it) => ((it & 255) >> 4 & 3) === 3));
});

Deno.test("SharedPool.forEach() ends where its part is disposed of meanwhile", () => {
  const [here] = pair(MIDDLE);
  take(here, 40);
  let calls = 0;
  here.forEach(() => {
    calls++;
    here.dispose();
  });
  assert(calls <= 16);
  assertThrows(() => here.size === 0 && seenBy(here), DisposedError);
});

// -- getters in init --

Deno.test("SharedPool.alloc() loses no chunk where a getter fills the block and throws", () => {
  using pool = SharedPool.create({ n: "u32" }, { chunksPerBlock: 16, maxChunks: 32 });
  const bad = {
    get n(): number {
      for (let i = 0; i < 20; i++) pool.alloc();
      throw new Error("no n");
    },
  };
  assertThrows(() => pool.alloc(bad), Error, "no n");
  assertEquals(pool.size, 20);
  for (let i = 0; i < 12; i++) pool.alloc();
  assertEquals([pool.size, pool.tryAlloc()], [32, undefined]);
});

Deno.test("SharedPool.alloc() throws DisposedError where a getter leaves the pool, and publishes nothing", () => {
  using pool = SharedPool.create({ n: "u32" }, { chunksPerBlock: 16, maxChunks: 16 });
  const there = SharedPool.attach({ n: "u32" }, pool.share());
  const bad = {
    get n(): number {
      there.dispose();
      return 1;
    },
  };
  assertThrows(() => there.alloc(bad), DisposedError);
  assertEquals(pool.size, 0);
  for (let i = 0; i < 16; i++) pool.alloc(); // all of them are there
  validate(pool);
});
