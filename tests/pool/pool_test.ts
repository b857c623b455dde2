import {
  assert,
  assertEquals,
  assertNotEquals,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import {
  type AnyHandle,
  array,
  DisposedError,
  type Fields,
  type Handle,
  NULL_HANDLE,
  OutOfMemoryError,
  Pool,
  PoolExhaustedError,
  type PoolStats,
  ref,
  SchemaError,
  struct,
  validate,
} from "../../mod.ts";
import {
  assertHarmless,
  assertRefused,
  counters,
  forge,
  holey,
  SMALL,
  stateOf,
  untyped,
} from "../_support.ts";

const Vec2 = struct({ x: "f32", y: "f32" }, { name: "Vec2" });
const Enemy = struct({
  pos: Vec2,
  hp: "u16",
  alive: "bool",
  color: array("u8", 4),
  trail: array(Vec2, 2),
  score: "i64",
  target: ref(Vec2),
  next: "ref",
}, { name: "Enemy" });

const ZERO_ENEMY = {
  pos: { x: 0, y: 0 },
  hp: 0,
  alive: false,
  color: [0, 0, 0, 0],
  trail: [{ x: 0, y: 0 }, { x: 0, y: 0 }],
  score: 0n,
  target: NULL_HANDLE,
  next: NULL_HANDLE,
};

// -- creating --

Deno.test("Pool keeps the struct that it was given", () => {
  using pool = new Pool(Enemy);
  assertStrictEquals(pool.struct, Enemy);
});

Deno.test("Pool makes a struct of plain fields", () => {
  using pool = new Pool({ x: "f32", hp: "u8" });
  assertEquals(pool.struct.size, 8);
  assertEquals(pool.struct.fields.hp.offset, 4);
});

Deno.test("Pool.name is the option, else the struct's name, else pool", () => {
  using a = new Pool(Enemy, { name: "enemies" });
  using b = new Pool(Enemy);
  using c = new Pool({ x: "f32" });
  assertEquals([a.name, b.name, c.name], ["enemies", "Enemy", "pool"]);
});

Deno.test("Pool has no block before the first alloc", () => {
  using pool = new Pool(Enemy);
  assertEquals([pool.size, pool.capacity, pool.byteLength, pool.blocks.length], [0, 0, 0, 0]);
  validate(pool);
});

Deno.test("Pool throws SchemaError on fields that make no struct", () => {
  assertThrows(() => new Pool({}), SchemaError, "no fields");
  assertThrows(() => new Pool(untyped<Fields>({ hp: "u17" })), SchemaError, 'field "hp"');
});

Deno.test("Pool throws on a bad option, naming the pool", () => {
  const message = 'Cannot create Pool "bullets": chunksPerBlock must be a power of two';
  const options = { name: "bullets", chunksPerBlock: 100 };
  assertThrows(() => new Pool({ x: "u32" }, options), RangeError, message);
});

Deno.test("Pool tells the chunks that it may have, and those of a block", () => {
  using pool = counters({ chunksPerBlock: 32, maxChunks: 256 });
  assertEquals([pool.maxChunks, pool.chunksPerBlock], [256, 32]);
});

// -- alloc --

Deno.test("Pool.alloc() gives a record of zeros", () => {
  using pool = new Pool(Enemy, SMALL);
  assertEquals(pool.get(pool.alloc()).toJSON(), ZERO_ENEMY);
  assertEquals(pool.size, 1);
  validate(pool);
});

for (const bytes of [1, 2, 3, 4, 5, 7, 8, 12, 255, 256, 260, 1001, 1024]) {
  Deno.test(`Pool.alloc() zeroes every byte of a reused chunk of ${bytes} bytes`, () => {
    using pool = new Pool({ bytes: array("u8", bytes) }, SMALL);
    const handles = pool.allocMany(3);
    for (const handle of handles) pool.set(handle, { bytes: new Uint8Array(bytes).fill(0xff) });
    pool.free(handles[1]);
    const again = pool.alloc();
    assertEquals(pool.get(again).bytes.toArray(), Array(bytes).fill(0));
    const full = Array(bytes).fill(0xff);
    assertEquals(pool.get(handles[0]).bytes.toArray(), full);
    assertEquals(pool.get(handles[2]).bytes.toArray(), full);
  });
}

Deno.test("Pool.alloc() zeroes the padding of a reused chunk as well", () => {
  using pool = new Pool({ a: "u8", b: "u32" }, SMALL);
  const handle = pool.alloc({ a: 1, b: 2 });
  pool.blocks[0].bytes.fill(0xff, 0, 8);
  pool.free(handle);
  pool.alloc({ a: 1, b: 2 });
  assertEquals([...pool.blocks[0].bytes.subarray(0, 8)], [1, 0, 0, 0, 2, 0, 0, 0]);
});

Deno.test("Pool.alloc() writes the named fields and leaves the rest zero", () => {
  using pool = new Pool(Enemy, SMALL);
  const handle = pool.alloc({
    pos: { y: 2 },
    hp: 100,
    color: [1, 2],
    trail: [{ x: 5 }],
    score: -7n,
  });
  assertEquals(pool.get(handle).toJSON(), {
    ...ZERO_ENEMY,
    pos: { x: 0, y: 2 },
    hp: 100,
    color: [1, 2, 0, 0],
    trail: [{ x: 5, y: 0 }, { x: 0, y: 0 }],
    score: -7n,
  });
});

Deno.test("Pool.alloc() takes an undefined field as left out", () => {
  using pool = new Pool(Enemy, SMALL);
  assertEquals(pool.get(pool.alloc(untyped({ hp: undefined }))).toJSON(), ZERO_ENEMY);
  assertEquals(pool.get(pool.alloc(undefined)).toJSON(), ZERO_ENEMY);
});

Deno.test("Pool.alloc() takes a view and copies its record", () => {
  using pool = new Pool(Enemy, SMALL);
  const first = pool.alloc({ pos: { x: 1, y: 2 }, color: [9, 8, 7, 6], trail: [{ y: 4 }], hp: 3 });
  const copy = pool.alloc(untyped(pool.get(first)));
  assertEquals(pool.get(copy).toJSON(), pool.get(first).toJSON());
  pool.get(first).hp = 50;
  assertEquals(pool.get(copy).hp, 3);
});

Deno.test("Pool.alloc() gives out every chunk once, in distinct handles that are not null", () => {
  using pool = counters();
  const handles = Array.from({ length: 32 }, () => pool.alloc());
  assertEquals(new Set<number>(handles).size, 32);
  assert(!new Set<number>(handles).has(NULL_HANDLE));
  assertEquals(pool.size, 32);
  validate(pool);
});

Deno.test("Pool.alloc() gives integers below 2^30 with compact handles", () => {
  using pool = counters({ maxChunks: 2 ** 22, chunksPerBlock: 16 });
  for (let i = 0; i < 3_000; i++) {
    const handle = pool.alloc();
    assert(Number.isInteger(handle) && handle > 0 && handle < 2 ** 30);
    pool.free(handle);
  }
});

Deno.test("Pool.alloc() gives safe integers with wide handles", () => {
  using pool = counters({ maxChunks: 2 ** 32, chunksPerBlock: 16, handles: "wide" });
  for (let i = 0; i < 3_000; i++) {
    const handle = pool.alloc();
    assert(Number.isSafeInteger(handle) && handle > 0);
    pool.free(handle);
  }
  assertEquals(pool.size, 0);
});

Deno.test("Pool.alloc() throws PoolExhaustedError at maxChunks and changes nothing", () => {
  using pool = new Pool({ n: "u32" }, { ...SMALL, name: "bullets" });
  pool.allocMany(32);
  const message = 'Cannot alloc in Pool "bullets": all 32 chunks of maxChunks are live';
  const error = assertRefused(pool, () => pool.alloc({ n: 1 }), PoolExhaustedError, message);
  assertEquals([error.pool, error.size, error.maxChunks], ["bullets", 32, 32]);
  assert(error instanceof RangeError);
  assertEquals(error.name, "PoolExhaustedError");
});

Deno.test("Pool.alloc() succeeds again after a free in an exhausted pool", () => {
  using pool = counters();
  const handles = pool.allocMany(32);
  for (const at of [0, 17, 31]) {
    pool.free(handles[at]);
    handles[at] = pool.alloc({ n: at });
    assertThrows(() => pool.alloc(), PoolExhaustedError);
    assertEquals(pool.get(handles[at]).n, at);
  }
  validate(pool);
});

Deno.test("Pool.tryAlloc() gives undefined where alloc throws PoolExhaustedError", () => {
  using pool = counters();
  const handle = pool.tryAlloc({ n: 5 });
  assert(handle !== undefined);
  assertEquals(pool.get(handle).n, 5);
  pool.allocMany(31);
  assertHarmless(pool, () => pool.tryAlloc(), undefined);
  assertHarmless(pool, () => pool.tryAlloc({ n: 1 }), undefined);
});

// -- free --

Deno.test("Pool.free() makes the handle stale and leaves every other record alone", () => {
  using pool = counters();
  const handles = pool.allocMany(32);
  handles.forEach((handle, n) => pool.set(handle, { n }));
  for (let i = 0; i < 32; i += 3) pool.free(handles[i]);
  handles.forEach((handle, n) => {
    assertEquals(pool.has(handle), n % 3 !== 0);
    if (n % 3 !== 0) assertEquals(pool.get(handle).n, n);
  });
  assertEquals(pool.size, 21);
  validate(pool);
});

Deno.test("Pool.tryFree() frees a live record and says so", () => {
  using pool = counters();
  const handle = pool.alloc();
  assertEquals(pool.tryFree(handle), true);
  assertEquals([pool.size, pool.has(handle)], [0, false]);
  assertEquals(pool.tryFree(handle), false);
});

Deno.test("Pool hands out a freed chunk before a fresh one, under another handle", () => {
  using pool = counters();
  const [a, b] = pool.allocMany(2);
  pool.free(a);
  const c = pool.alloc();
  assertNotEquals<number>(c, a);
  assertEquals(pool.blocks[0].live, 2);
  assertEquals([...pool.handles()], [c, b]);
});

Deno.test("Pool's compact handles come round again after the generations that its docs state", () => {
  using pool = counters({ chunksPerBlock: 16, maxChunks: 2 ** 22 });
  const first = pool.alloc();
  pool.free(first);
  // 30 bits less 22 of index leave 8 bits: generations 1 to 255.
  for (let reuse = 1; reuse < 255; reuse++) {
    const handle = pool.alloc();
    assertNotEquals<number>(handle, first);
    assertEquals(pool.has(first), false);
    pool.free(handle);
  }
  assertEquals(pool.alloc(), first);
  validate(pool);
});

// -- get, set --

Deno.test("Pool.get() gives views that are independent of each other", () => {
  using pool = counters();
  const a = pool.get(pool.alloc({ n: 1 }));
  const b = pool.get(pool.alloc({ n: 2 }));
  a.n += 10;
  assertEquals([a.n, b.n], [11, 2]);
});

Deno.test("Pool.get() gives a view that stays on its record while the pool grows", () => {
  using pool = counters({ chunksPerBlock: 16, maxChunks: 1024 });
  const handle = pool.alloc({ n: 1 });
  const view = pool.get(handle);
  pool.allocMany(1000);
  view.n = 42;
  assertEquals(pool.get(handle).n, 42);
});

Deno.test("Pool.tryGet() gives a view of a live record", () => {
  using pool = counters();
  const handle = pool.alloc({ n: 9 });
  const view = pool.tryGet(handle);
  assertEquals(view?.n, 9);
});

Deno.test("Pool.set() writes the named fields and leaves the others", () => {
  using pool = new Pool(Enemy, SMALL);
  const handle = pool.alloc({ pos: { x: 1, y: 2 }, hp: 3, color: [1, 2, 3, 4] });
  const other = pool.alloc({ hp: 70 });
  pool.set(handle, { pos: { y: 5 }, color: [9], alive: true });
  assertEquals(pool.get(handle).toJSON(), {
    ...ZERO_ENEMY,
    pos: { x: 1, y: 5 },
    hp: 3,
    alive: true,
    color: [9, 2, 3, 4],
  });
  assertEquals(pool.get(other).hp, 70);
  pool.set(handle, {});
  assertEquals(pool.get(handle).hp, 3);
});

Deno.test("Pool reaches records on both sides of a block's edge", () => {
  using pool = counters();
  const handles = pool.allocMany(32);
  handles.forEach((handle, n) => pool.set(handle, { n: n + 1 }));
  for (const at of [0, 15, 16, 31]) assertEquals(pool.get(handles[at]).n, at + 1);
});

// -- handle --

Deno.test("Pool.handle() gives back the number that it is given, whatever it is", () => {
  for (const handles of ["compact", "wide"] as const) {
    const pool = new Pool({ n: "u8" }, { ...SMALL, handles });
    const made = pool.allocMany(3, new Float64Array(3));
    for (const n of [...made, 0, -1, 1.5, NaN, 2 ** 53]) assertEquals(pool.handle(n), n);
    assertEquals(pool.has(pool.handle(0)), false);
    pool.get(pool.handle(made[1])).n = 7;
    pool.free(pool.handle(made[0]));
    assertEquals([pool.get(pool.handle(made[1])).n, pool.has(pool.handle(made[0]))], [7, false]);
    pool.dispose();
    assertEquals(pool.handle(5), 5); // it looks at nothing
  }
});

// -- scoped --

Deno.test("Pool.scoped() frees its record at the end of the scope", () => {
  using pool = counters();
  let kept: Handle<typeof pool.struct>;
  {
    using scratch = pool.scoped({ n: 4 });
    kept = scratch.handle;
    assertEquals([scratch.view.n, pool.get(scratch.handle).n, pool.size], [4, 4, 1]);
    assertEquals(pool.handleOf(scratch.view), scratch.handle);
  }
  assertEquals([pool.size, pool.has(kept)], [0, false]);
  validate(pool);
});

Deno.test("Pool.scoped() frees its record when the scope is left by an error", () => {
  using pool = counters();
  assertThrows(
    () => {
      using _scratch = pool.scoped();
      throw new Error("boom");
    },
    Error,
    "boom",
  );
  assertEquals(pool.size, 0);
});

Deno.test("Pool.scoped() leaves alone what took the chunk of a record freed before", () => {
  using pool = counters();
  let after: Handle<typeof pool.struct>;
  {
    using scratch = pool.scoped();
    pool.free(scratch.handle);
    after = pool.alloc({ n: 3 });
  }
  assertEquals(pool.get(after).n, 3);
  validate(pool);
});

Deno.test("Pool.scoped() ends quietly after the pool was disposed of", () => {
  const pool = counters();
  {
    using _scratch = pool.scoped();
    pool.dispose();
  }
  assertThrows(() => pool.alloc(), DisposedError);
});

Deno.test("Pool.scoped() throws PoolExhaustedError at maxChunks and changes nothing", () => {
  using pool = counters();
  pool.allocMany(32);
  assertRefused(pool, () => pool.scoped(), PoolExhaustedError, "all 32 chunks");
});

// -- stats --

Deno.test("Pool.stats() tells the figures of the pool", () => {
  using pool = counters({ chunksPerBlock: 16, maxChunks: 64, keepEmptyBlocks: 0 });
  assertEquals(pool.stats(), {
    size: 0,
    capacity: 0,
    blocks: 0,
    byteLength: 0,
    overheadBytes: 0,
    peakSize: 0,
    allocs: 0,
    frees: 0,
    grown: 0,
    released: 0,
    retired: 0,
  });
  const handles = pool.allocMany(40);
  pool.freeMany(handles.slice(16));
  pool.alloc();
  const stats = pool.stats();
  assertEquals(stats, {
    size: 17,
    capacity: 32,
    blocks: 2,
    byteLength: 128,
    overheadBytes: stats.overheadBytes,
    peakSize: 40,
    allocs: 41,
    frees: 24,
    grown: 4,
    released: 2,
    retired: 0,
  });
});

Deno.test("Pool.stats() fills the object that it was given", () => {
  using pool = counters();
  const out: Partial<PoolStats> = { size: 99 };
  pool.alloc();
  assertStrictEquals<unknown>(pool.stats(out), out);
  assertEquals([out.size, out.allocs], [1, 1]);
});

Deno.test("Pool.stats() tells the peak whether or not a record was freed since", () => {
  using pool = counters();
  const handles = pool.allocMany(5);
  assertEquals(pool.stats().peakSize, 5);
  pool.freeMany(handles.slice(2));
  pool.allocMany(2);
  assertEquals(pool.stats().peakSize, 5);
  pool.allocMany(4);
  assertEquals(pool.stats().peakSize, 8);
  pool.clear();
  assertEquals(pool.stats().peakSize, 8);
});

Deno.test("Pool's books cost at most 2.3 bytes a chunk with compact handles", () => {
  using pool = counters({ chunksPerBlock: 1024, maxChunks: 4096 });
  pool.reserve(4096);
  const { overheadBytes, capacity } = pool.stats();
  assert(overheadBytes / capacity <= 2.3);
  assertEquals(pool.byteLength, 4096 * 4);
});

Deno.test("Pool.stats() keeps the books of blocks given back in the overhead", () => {
  using pool = counters({ chunksPerBlock: 16, maxChunks: 64 });
  pool.allocMany(32);
  const { overheadBytes } = pool.stats();
  pool.freeBlock(0);
  pool.freeBlock(1);
  assertEquals([pool.byteLength, pool.stats().overheadBytes], [0, overheadBytes]);
});

// -- dispose --

for (const keepEmptyBlocks of [0, 1, 9]) {
  Deno.test(`Pool.dispose() gives all memory back at once (keep ${keepEmptyBlocks})`, () => {
    const pool = counters({ chunksPerBlock: 16, maxChunks: 128, keepEmptyBlocks });
    const handles = pool.allocMany(80);
    pool.freeMany(handles.slice(20, 40));
    const views = pool.blocks.map((it) => it.bytes);
    pool.dispose();
    for (const view of views) assertEquals(view.byteLength, 0);
    assertEquals([pool.size, pool.capacity, pool.byteLength], [0, 0, 0]);
  });
}

Deno.test("Pool.dispose() is harmless the second time, and before any alloc", () => {
  const pool = counters();
  pool.dispose();
  pool.dispose();
  pool[Symbol.dispose]();
  const used = counters();
  used.alloc();
  used.dispose();
  used.dispose();
});

Deno.test("Pool is disposed of at the end of its using scope", () => {
  let kept: Pool<{ n: "u32" }>;
  {
    using pool = counters();
    kept = pool;
    pool.alloc();
  }
  assertThrows(() => kept.alloc(), DisposedError);
});

for (const used of [true, false]) {
  const name = used ? "one that was used" : "one that never had a block";
  Deno.test(`Pool throws DisposedError on any call after dispose (${name})`, () => {
    const pool = new Pool({ n: "u32" }, { ...SMALL, name: "bullets" });
    const handle = used ? pool.alloc() : NULL_HANDLE;
    const view = used ? pool.get(handle) : pool.cursor();
    pool.dispose();
    const calls: [string, () => unknown][] = [
      ["alloc", () => pool.alloc()],
      ["alloc with init", () => pool.alloc({ n: 1 })],
      ["tryAlloc", () => pool.tryAlloc()],
      ["free", () => pool.free(handle)],
      ["tryFree", () => pool.tryFree(handle)],
      ["has", () => pool.has(handle)],
      ["get", () => pool.get(handle)],
      ["tryGet", () => pool.tryGet(handle)],
      ["set", () => pool.set(handle, { n: 1 })],
      ["cursor", () => pool.cursor()],
      ["seek", () => pool.seek(view, handle)],
      ["allocAt", () => pool.allocAt(view)],
      ["handleOf", () => pool.handleOf(view)],
      ["forEach", () => pool.forEach(() => {})],
      ["iterator", () => [...pool]],
      ["handles", () => pool.handles()],
      ["retain", () => pool.retain(() => true)],
      ["allocMany", () => pool.allocMany(1)],
      ["allocMany 0", () => pool.allocMany(0)],
      ["freeMany", () => pool.freeMany([handle])],
      ["freeMany of none", () => pool.freeMany([])],
      ["clear", () => pool.clear()],
      ["scoped", () => pool.scoped()],
      ["reserve", () => pool.reserve(1)],
      ["reserve 0", () => pool.reserve(0)],
      ["freeBlock", () => pool.freeBlock(0)],
      ["trim", () => pool.trim()],
      ["stats", () => pool.stats()],
      ["validate", () => validate(pool)],
    ];
    for (const [what, call] of calls) {
      const message = 'Cannot use Pool "bullets": it was disposed of';
      const error = assertThrows(call, DisposedError, message, what);
      assertEquals(error.pool, "bullets");
    }
    assertEquals([pool.size, pool.capacity, pool.blocks.length], [0, 0, 0]);
  });
}

// -- a resource that has nothing to give --

Deno.test("Pool passes a resource's OutOfMemoryError on and changes nothing", () => {
  let isOpen = true;
  using pool = counters({
    ...SMALL,
    memory: {
      allocate(byteLength) {
        if (!isOpen) throw new OutOfMemoryError("Cannot allocate", byteLength);
        return { buffer: new ArrayBuffer(byteLength), byteOffset: 0, byteLength };
      },
      release() {},
    },
  });
  pool.allocMany(16);
  isOpen = false;
  for (const call of [() => pool.alloc(), () => pool.tryAlloc({ n: 1 }), () => pool.scoped()]) {
    const error = assertRefused(pool, call, OutOfMemoryError, "Cannot allocate");
    assertEquals(error.byteLength, 64);
  }
  isOpen = true;
  pool.alloc();
  assertEquals(pool.size, 17);
});

// -- refs --

Deno.test('Pool\'s records link to their own kind through ref("self"), whose handles need no cast', () => {
  const Node = struct({ value: "u8", next: ref("self"), near: array(ref("self"), 2) });
  using pool = new Pool(Node, SMALL);
  const last = pool.alloc({ value: 2, next: null });
  const first = pool.alloc({ value: 1, next: last, near: [last, null] });
  pool.set(last, { near: pool.get(first).near });
  assertEquals(pool.get(pool.get(first).next).value, 2);
  assertEquals(pool.get(pool.get(last).near.get(0)).value, 2);
  assertEquals(pool.get(last).toJSON(), { value: 2, next: NULL_HANDLE, near: [last, NULL_HANDLE] });
});

Deno.test("Pool.restore() takes a snapshot of the same fields with another kind of ref", () => {
  using own = new Pool({ next: ref("self"), near: array(ref("self"), 2) }, SMALL);
  using untyped = new Pool({ next: "ref", near: array("ref", 2) }, SMALL);
  const handle = own.alloc();
  own.get(handle).next = handle;
  untyped.restore(own.snapshot());
  assertEquals(untyped.get(forge(handle)).next, handle);
});

Deno.test("Pool's records link to each other through refs", () => {
  const Node = struct({ value: "u8", next: "ref" });
  using pool = new Pool(Node, SMALL);
  let head: AnyHandle = NULL_HANDLE;
  for (let value = 0; value < 20; value++) head = forge(pool.alloc({ value, next: head }));
  const at = pool.cursor();
  const values: number[] = [];
  for (let node = head; pool.has(node); node = at.next) values.push(pool.seek(at, node).value);
  assertEquals(values, Array.from({ length: 20 }, (_, i) => 19 - i));
});

Deno.test("Pool's state is the same before and after a look at it", () => {
  const { pool } = holey((n) => n % 2 === 0);
  assertEquals(stateOf(pool), stateOf(pool));
});
