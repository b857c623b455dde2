import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { type Handle, Pool, PoolExhaustedError, StaleHandleError, validate } from "../../mod.ts";
import {
  assertHarmless,
  assertRefused,
  counters,
  forge,
  holey,
  SMALL,
  untyped,
} from "../_support.ts";

// -- many records --

Deno.test("Pool.allocMany() gives handles of zeroed records", () => {
  using pool = counters();
  const dirty = pool.allocMany(20);
  for (const handle of dirty) pool.set(handle, { n: 0xffff_ffff });
  pool.freeMany(dirty);
  const handles = pool.allocMany(32);
  assertEquals(new Set<number>(handles).size, 32);
  for (const handle of handles) assertEquals(pool.get(handle).n, 0);
  validate(pool);
});

Deno.test("Pool.allocMany() of none gives none and takes no memory", () => {
  using pool = counters();
  assertHarmless(pool, () => pool.allocMany(0), []);
});

Deno.test("Pool.allocMany() fills an array, which ends up as long as the count", () => {
  using pool = counters();
  const out: Handle<typeof pool.struct>[] = [];
  assertStrictEquals(pool.allocMany(5, out), out);
  assertEquals(out, [...pool.handles()]);
  assertStrictEquals(pool.allocMany(2, out), out);
  assertEquals(out.length, 2);
  assertEquals(pool.size, 7);
});

for (const kind of [Int32Array, Uint32Array, Float64Array]) {
  Deno.test(`Pool.allocMany() and freeMany() take a ${kind.name}`, () => {
    using pool = counters();
    const out = new kind(24).fill(7);
    assertStrictEquals(pool.allocMany(20, out), out);
    assertEquals([...out.subarray(0, 20)], [...pool.handles()]);
    assertEquals([...out.subarray(20)], [7, 7, 7, 7]);
    pool.freeMany(out.subarray(0, 20));
    assertEquals(pool.size, 0);
    validate(pool);
  });
}

Deno.test("Pool.allocMany() fills a Float64Array with wide handles", () => {
  using pool = counters({ chunksPerBlock: 16, maxChunks: 2 ** 32, handles: "wide" });
  pool.freeMany(pool.allocMany(20));
  const out = pool.allocMany(20, new Float64Array(20));
  assert(out.every((handle) => handle > 2 ** 32 && pool.has(forge(handle))));
  pool.freeMany(out);
  assertEquals(pool.size, 0);
});

Deno.test("Pool.allocMany() throws TypeError on an out that cannot hold its handles", () => {
  using pool = counters({ ...SMALL, name: "bullets" });
  using wide = counters({ ...SMALL, handles: "wide" });
  const message = 'Cannot allocMany in Pool "bullets": handles go into an array, Int32Array,';
  for (const out of [new Uint8Array(9), new Int16Array(9), new Float32Array(9), {}, null, "out"]) {
    assertRefused(pool, () => pool.allocMany(3, untyped<Int32Array>(out)), TypeError, message);
  }
  for (const out of [new Int32Array(9), new Uint32Array(9), new BigInt64Array(9)]) {
    const call = () => wide.allocMany(3, untyped<Int32Array>(out));
    assertRefused(wide, call, TypeError, "handles go into an array or Float64Array");
  }
});

Deno.test("Pool.allocMany() throws RangeError on a typed array that is too short", () => {
  using pool = counters();
  const out = new Int32Array(3);
  const message = "out has room for 3 handles, 4 are wanted";
  assertRefused(pool, () => pool.allocMany(4, out), RangeError, message);
  assertEquals([...out], [0, 0, 0]);
});

for (const bad of [-1, 1.5, NaN, Infinity, "3", undefined, null]) {
  Deno.test(`Pool.allocMany() and reserve() throw RangeError on a count of ${bad}`, () => {
    using pool = counters();
    pool.alloc();
    const message = `the count must be an integer from 0, got ${bad}`;
    assertRefused(pool, () => pool.allocMany(untyped(bad)), RangeError, message);
    assertRefused(pool, () => pool.reserve(untyped(bad)), RangeError, message);
  });
}

Deno.test("Pool.allocMany() allocates all or none at maxChunks", () => {
  using pool = counters({ ...SMALL, name: "bullets" });
  pool.allocMany(10);
  const out = [forge(1)];
  const message = 'Cannot allocMany 23 records in Pool "bullets": 10 of 32 chunks of maxChunks';
  const error = assertRefused(pool, () => pool.allocMany(23, out), PoolExhaustedError, message);
  assertEquals([error.pool, error.size, error.maxChunks], ["bullets", 10, 32]);
  assertEquals(out, [forge(1)]);
  assertEquals(pool.allocMany(22).length, 22);
  assertRefused(pool, () => pool.allocMany(1), PoolExhaustedError, "all 32 chunks");
  validate(pool);
});

Deno.test("Pool.allocMany() takes the free chunks of every block", () => {
  const { pool, handles } = holey((n) => n % 3 === 0);
  const more = pool.allocMany(16 + 16);
  assertEquals(pool.size, 64);
  assertEquals(new Set<number>([...more, ...handles]).size, 48 + 32);
  validate(pool);
});

Deno.test("Pool.freeMany() frees all of them", () => {
  using pool = counters();
  const handles = pool.allocMany(32);
  pool.freeMany(handles.filter((_, n) => n % 2 === 0));
  assertEquals(pool.size, 16);
  handles.forEach((handle, n) => assertEquals(pool.has(handle), n % 2 === 1));
  pool.freeMany({ length: 2, 0: handles[1], 1: handles[3] });
  assertEquals(pool.size, 14);
  assertHarmless(pool, () => pool.freeMany([]), undefined);
  validate(pool);
});

Deno.test("Pool.freeMany() throws StaleHandleError where a handle comes twice, freeing none", () => {
  using pool = counters({ ...SMALL, name: "bullets" });
  const handles = pool.allocMany(20);
  for (const [first, second] of [[0, 1], [0, 19], [18, 19]]) {
    const twice = [...handles];
    twice[second] = twice[first];
    const error = assertRefused(
      pool,
      () => pool.freeMany(twice),
      StaleHandleError,
      `Cannot free 20 records in Pool "bullets": handle ${twice[first]} (index ${first}, ` +
        `generation 1) comes twice, at position ${second}`,
    );
    assertEquals<number>(error.handle, twice[first]);
  }
});

Deno.test("Pool.freeMany() changes nothing where a value throws as it is looked at", () => {
  for (const handles of ["compact", "wide"] as const) {
    using pool = counters({ ...SMALL, handles });
    const live = pool.allocMany(20);
    const free = (bad: unknown) => () => pool.freeMany([live[0], live[17], forge(bad), live[1]]);
    assertRefused(pool, free(5n), Error, "");
    assertRefused(pool, free(Symbol("handle")), Error, "");
    const failing = {
      length: 2,
      0: live[0],
      get 1(): typeof live[0] {
        throw new Error("boom");
      },
    };
    assertRefused(pool, () => pool.freeMany(failing), Error, "boom");
  }
});

Deno.test("Pool.allocMany() changes nothing where the array cannot be written", () => {
  using pool = counters();
  pool.alloc();
  const frozen = untyped<Handle<typeof pool.struct>[]>(Object.freeze([]));
  assertRefused(pool, () => pool.allocMany(3, frozen), TypeError, "");
});

Deno.test("Pool.clear() frees every record and keeps the memory", () => {
  using pool = counters({ chunksPerBlock: 16, maxChunks: 64 });
  const handles = pool.allocMany(40);
  for (const handle of handles) pool.set(handle, { n: 0xffff_ffff });
  const blocks = [...pool.blocks];
  pool.clear();
  assertEquals([pool.size, pool.capacity], [0, 48]);
  assert(blocks.every((block, i) => pool.blocks[i] === block));
  for (const handle of handles) assertEquals(pool.has(handle), false);
  assertEquals([...pool.handles()], []);
  validate(pool);
  const again = pool.allocMany(64);
  for (const handle of again) assertEquals(pool.get(handle).n, 0);
  for (const handle of handles) assertEquals(pool.has(handle), false);
  assertEquals(new Set<number>([...handles, ...again]).size, 104);
  validate(pool);
});

Deno.test("Pool.clear() of an empty pool does nothing", () => {
  using pool = counters();
  assertHarmless(pool, () => pool.clear(), undefined);
  pool.reserve(20);
  assertHarmless(pool, () => pool.clear(), undefined);
});

// -- growth --

Deno.test("Pool grows by a block when every chunk is taken", () => {
  using pool = counters();
  pool.allocMany(16);
  assertEquals([pool.capacity, pool.blocks.length, pool.byteLength], [16, 1, 64]);
  pool.alloc();
  assertEquals([pool.capacity, pool.blocks.length, pool.byteLength], [32, 2, 128]);
});

Deno.test("Pool.reserve() makes room for so many chunks", () => {
  using pool = counters({ chunksPerBlock: 16, maxChunks: 128 });
  assertHarmless(pool, () => pool.reserve(0), undefined);
  pool.reserve(1);
  assertEquals(pool.capacity, 16);
  pool.reserve(33);
  assertEquals([pool.capacity, pool.size], [48, 0]);
  assertHarmless(pool, () => pool.reserve(10), undefined);
  const blocks = pool.blocks;
  pool.allocMany(48);
  assertStrictEquals(pool.blocks, blocks);
  pool.reserve(128);
  assertEquals(pool.capacity, 128);
  validate(pool);
});

Deno.test("Pool.reserve() keeps what it reserved while records come and go, until trim()", () => {
  using pool = counters({ chunksPerBlock: 16, maxChunks: 128, keepEmptyBlocks: 0 });
  pool.reserve(40);
  pool.freeMany(pool.allocMany(128));
  assertEquals(pool.capacity, 48);
  pool.freeMany(pool.allocMany(30));
  assertEquals(pool.capacity, 48);
  assertEquals(pool.trim(), 48 * 4);
  assertEquals(pool.capacity, 0);
  pool.free(pool.alloc());
  assertEquals(pool.capacity, 0);
  validate(pool);
});

Deno.test("Pool.reserve() throws PoolExhaustedError beyond maxChunks and changes nothing", () => {
  using pool = counters({ ...SMALL, name: "bullets" });
  const message =
    'Cannot reserve 33 chunks in Pool "bullets": 0 of 32 chunks of maxChunks are live';
  const error = assertRefused(pool, () => pool.reserve(33), PoolExhaustedError, message);
  assertEquals([error.size, error.maxChunks], [0, 32]);
  pool.alloc();
  assertRefused(pool, () => pool.reserve(1000), PoolExhaustedError, "Cannot reserve 1000 chunks");
  pool.free(pool.alloc());
  assertEquals(pool.capacity, 16);
});

Deno.test("Pool.blocks shows the records' own memory, block by block", () => {
  using pool = new Pool({ a: "u8", b: "u8" }, SMALL);
  const handles = pool.allocMany(20);
  handles.forEach((handle, i) => pool.set(handle, { a: i, b: 100 + i }));
  const [first, second] = pool.blocks;
  assertEquals([first.index, first.chunkCount, first.live], [0, 16, 16]);
  assertEquals([second.index, second.chunkCount, second.live], [1, 16, 4]);
  assertEquals(first.bytes.length, 32);
  assertEquals([...first.bytes.subarray(0, 4)], [0, 100, 1, 101]);
  assertEquals([...second.bytes.subarray(6, 10)], [19, 119, 0, 0]);
  first.bytes[2] = 55;
  assertEquals(pool.get(handles[1]).a, 55);
});

Deno.test("Pool.blocks is the same array until a block is added or given back", () => {
  using pool = counters();
  pool.alloc();
  const one = pool.blocks;
  pool.alloc();
  assertStrictEquals(pool.blocks, one);
  pool.allocMany(16);
  assertEquals([one.length, pool.blocks.length], [1, 2]);
});

Deno.test("Pool.freeBlock() frees the block's records and gives its memory back at once", () => {
  using pool = counters({ chunksPerBlock: 16, maxChunks: 64 });
  const handles = pool.allocMany(40);
  const block = pool.blocks[1];
  const { bytes } = block;
  pool.freeBlock(1);
  assertEquals([bytes.byteLength, block.bytes.byteLength], [0, 0]);
  assertEquals((bytes.buffer as ArrayBuffer).detached, true); // heapMemory gives ArrayBuffers
  assertEquals([pool.size, pool.capacity, block.live], [24, 32, 0]);
  assertEquals(pool.blocks.map((it) => it.index), [0, 2]);
  handles.forEach((handle, n) => assertEquals(pool.has(handle), n < 16 || n >= 32));
  validate(pool);
});

for (const keepEmptyBlocks of [0, 1, 3]) {
  Deno.test(`Pool.freeBlock() works whatever is kept for reuse (keep ${keepEmptyBlocks})`, () => {
    using pool = counters({ chunksPerBlock: 16, maxChunks: 64, keepEmptyBlocks });
    const handles = pool.allocMany(64);
    for (const [index, left] of [[3, 48], [0, 32], [1, 16], [2, 0]]) {
      pool.freeBlock(index);
      assertEquals([pool.size, pool.capacity], [left, left]);
      validate(pool);
    }
    assertEquals([...pool.blocks], []);
    assertEquals(pool.allocMany(64).filter((it) => handles.includes(it)), []);
    validate(pool);
  });
}

Deno.test("Pool.freeBlock() gives back a block that has no record, whatever was reserved", () => {
  using pool = counters();
  pool.reserve(32);
  pool.freeBlock(0);
  assertEquals(pool.capacity, 16);
  assertEquals(pool.blocks[0].index, 1);
  validate(pool);
});

Deno.test("Pool.freeBlock() throws RangeError where there is no such block", () => {
  using pool = counters({ chunksPerBlock: 16, maxChunks: 64, name: "bullets" });
  const none = 'Cannot free a block of Pool "bullets": there is no block 0, there are none';
  assertRefused(pool, () => pool.freeBlock(0), RangeError, none);
  pool.allocMany(48);
  pool.freeBlock(1);
  const message = "there is no block 1, there are 0, 2";
  assertRefused(pool, () => pool.freeBlock(1), RangeError, message);
  for (const bad of [-1, 3, 0.5, NaN, Infinity, undefined, null, "length"]) {
    assertRefused(pool, () => pool.freeBlock(untyped(bad)), RangeError, `no block ${bad}`);
  }
});

Deno.test("Pool keeps handles stale after their block went and another came in its place", () => {
  for (const handles of ["compact", "wide"] as const) {
    using pool = counters({ chunksPerBlock: 16, maxChunks: 16, handles, keepEmptyBlocks: 0 });
    const old = new Set<number>();
    for (let round = 0; round < 10; round++) {
      const live = pool.allocMany(16);
      for (const handle of old) assertEquals(pool.has(forge(handle)), false);
      for (const handle of live) {
        assert(!old.has(handle));
        old.add(handle);
      }
      if (round % 3 === 0) pool.freeBlock(0);
      else if (round % 3 === 1) pool.freeMany(live);
      else {
        pool.clear();
        pool.trim();
      }
      assertEquals([pool.size, pool.capacity], [0, 0]);
      validate(pool);
    }
  }
});

Deno.test("Pool.trim() gives back every empty block, and tells the bytes", () => {
  using pool = counters({ chunksPerBlock: 16, maxChunks: 128, keepEmptyBlocks: 8 });
  const handles = pool.allocMany(80);
  pool.freeMany(handles.filter((_, n) => n >> 4 !== 2));
  const views = pool.blocks.map((it) => it.bytes);
  assertEquals([pool.capacity, pool.size], [80, 16]);
  assertEquals(pool.trim(), 4 * 64);
  assertEquals(views.map((it) => it.byteLength), [0, 0, 64, 0, 0]);
  assertEquals(pool.blocks.map((it) => it.index), [2]);
  assertEquals(pool.trim(), 0);
  handles.forEach((handle, n) => assertEquals(pool.has(handle), n >> 4 === 2));
  validate(pool);
  pool.allocMany(112);
  assertEquals(pool.size, 128);
  validate(pool);
});

for (const keepEmptyBlocks of [0, 1, 2]) {
  Deno.test(`Pool gives back all but ${keepEmptyBlocks} of its empty blocks as they empty`, () => {
    using pool = counters({ chunksPerBlock: 16, maxChunks: 128, keepEmptyBlocks });
    const handles = pool.allocMany(64);
    for (let block = 0; block < 4; block++) {
      for (const handle of handles.slice(block * 16, block * 16 + 16)) pool.free(handle);
      const left = Math.max(0, 3 - block) + Math.min(keepEmptyBlocks, block + 1);
      assertEquals(pool.blocks.length, left);
      validate(pool);
    }
  });
}

Deno.test("Pool keeps one empty block by default", () => {
  using pool = counters();
  pool.freeMany(pool.allocMany(32));
  assertEquals(pool.capacity, 16);
});

Deno.test("Pool keeps no block that went from empty to used in place of an empty one", () => {
  using pool = counters({ chunksPerBlock: 16, maxChunks: 64, keepEmptyBlocks: 1 });
  for (let round = 0; round < 5; round++) {
    const handles = pool.allocMany(48);
    pool.freeMany(handles);
    assertEquals(pool.capacity, 16);
  }
  validate(pool);
});
