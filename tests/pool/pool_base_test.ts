/**
 * `PoolBase`, and all that the three classes of pools promise in common: on every kind of pool,
 * made in every way.
 *
 * That any sequence of calls does what it does to a `Map` is shown in `tests/model/`; here are the
 * errors, the edges, and what a model does not see.
 *
 * @module
 */
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  array,
  DisposedError,
  ErasedPool,
  NULL_HANDLE,
  Pool,
  PoolExhaustedError,
  PoolSet,
  save,
  snapshot,
  StaleHandleError,
  struct,
  validate,
} from "../../mod.ts";
import type { PoolOptions, PoolStats, View } from "../../mod.ts";
import { CALLS } from "../_calls.ts";
import { drop, fillKind as fill, POOL_KINDS, reserveIn, testKinds } from "../_kinds.ts";
import type { OfKind } from "../_kinds.ts";
import {
  assertError,
  assertHarmless,
  forge,
  Huge,
  Num,
  shown,
  stateOf,
  untyped,
} from "../_support.ts";
import { EXTENDED } from "./_extended.ts";

type NumView = { n: number };

/** Four blocks of 16 chunks at the most. */
const SMALL: PoolOptions = { chunksPerBlock: 16, maxChunks: 64, name: "cells" };

/** Defines a test for every kind of pool and class that extends one, made in every way. */
function each(claim: string, test: (make: (options?: PoolOptions) => OfKind) => void): void {
  testKinds(claim, Num, SMALL, test, { ...POOL_KINDS, ...EXTENDED });
}

/** The class and name of a pool, as its errors begin. */
function labelOf({ pool, of }: OfKind): string {
  const name = of.length === 0 ? "Pool" : pool instanceof PoolSet ? "PoolSet" : "ErasedPool";
  return `${name} "cells"`;
}

/** Whether a pool is in debug mode, where views of no record throw. */
function isDebug({ pool, of }: OfKind): boolean {
  try {
    return pool.cursor<NumView>(...of).n !== 0;
  } catch {
    return true;
  }
}

/** Values that are handles of no live record; `live` are handles of live ones. */
function badHandles({ pool }: OfKind, live: number, freed: readonly number[]): unknown[] {
  const all: unknown[] = [
    ...[0, -0, -1, -64, -(2 ** 31), 0.5, 1.5, NaN, Infinity, -Infinity],
    ...[2 ** 30, 2 ** 31, 2 ** 32, 2 ** 52, 2 ** 53 - 1, 2 ** 53, 1e300],
    ...["", "64", undefined, null, true, 7n, Symbol("seven"), {}, [64], () => 64],
    { valueOf: () => live },
    ...freed,
    String(live),
    live + 0.5,
    live + 64, // of a later generation
    live - 64, // of generation 0
    live + 2 ** 29, // of another size class
    live + 2 ** 32,
    live - 2 ** 32,
    live + 2 ** 52,
    64 + 60, // of a chunk that was never used, or of a block that is not there
  ];
  const handles: unknown[] = [...pool.handles()];
  return all.filter((value) => !handles.includes(value));
}

// -- one record --

each("handle() returns the number that it is given, whatever it is", (make) => {
  const { pool, of } = make();
  const [made] = pool.allocMany<Float64Array>(...of, 1, new Float64Array(1));
  for (const n of [made, 0, -1, 1.5, NaN, 2 ** 53]) assertEquals<number>(pool.handle(n), n);
  assertEquals(pool.has(pool.handle(made)), true);
  drop(pool);
  assertEquals<number>(pool.handle(5), 5);
});

each("scoped() frees its record at the end of the scope, also after an error", (make) => {
  const { pool, of } = make();
  const failing = () => {
    using scratch = pool.scoped(...of, { n: 4 });
    assertEquals([untyped<NumView>(scratch.view).n, pool.size], [4, 1]);
    assertEquals<number>(pool.handleOf(scratch.view), scratch.handle);
    throw new Error("boom");
  };
  assertThrows(failing, Error, "boom");
  assertEquals(pool.size, 0);
  {
    using scratch = pool.scoped(...of);
    pool.free(scratch.handle);
    pool.allocMany(...of, 5); // one of them in the same chunk
  }
  assertEquals(pool.size, 5);
  pool.clear();
  const late = pool.scoped(...of);
  drop(pool);
  late[Symbol.dispose]();
});

// -- stale handles --

each("throws StaleHandleError on what is no live record's handle, and changes nothing", (make) => {
  const it = make();
  const { pool, of } = it;
  for (const bad of badHandles(it, 64, [])) { // without a block
    assertHarmless(pool, () => pool.has(forge(bad)), false);
    assertError(pool, () => pool.free(forge(bad)), StaleHandleError, "Cannot free in");
  }
  const handles = fill(it, 60);
  const indices = new Set(handles.map((handle) => pool.indexOf(handle)));
  assertEquals([indices.size, Math.max(...indices) < pool.maxChunks], [60, true]);
  const freed = [handles[3], handles[30], handles[59]];
  for (const handle of freed) pool.free(handle);
  pool.alloc(...of, { n: 77 }); // in the chunk of one of them, or in a new one
  const cursor = pool.seek(pool.cursor<NumView>(...of), handles[1]);
  const before = stateOf(pool);
  for (const bad of badHandles(it, handles[20], freed)) {
    const handle = forge(bad);
    const calls: [string, () => unknown][] = [
      ["free", () => pool.free(handle)],
      ["get", () => pool.get(...of, handle)],
      ["set", () => pool.set(...of, handle, { n: 5 })],
      ["seek", () => pool.seek(cursor, handle)],
      ["tell the index", () => pool.indexOf(handle)],
      ["free 1 records", () => pool.freeMany([handle])],
      ["free 3 records", () => pool.freeMany([handles[0], handle, handles[1]])],
    ];
    for (const [verb, call] of calls) {
      const error = assertThrows(call, StaleHandleError, `Cannot ${verb} in ${labelOf(it)}: `);
      assertEquals(error.pool, "cells");
      assertStrictEquals<unknown>(error.handle, bad);
      const position = verb === "free 3 records" ? 1 : verb === "free 1 records" ? 0 : undefined;
      if (position !== undefined) assert(error.message.endsWith(`, at position ${position}`));
    }
    assertEquals([pool.has(handle), pool.tryFree(handle)], [false, false]);
    assertEquals(pool.tryGet(...of, handle), undefined);
  }
  assertEquals([pool.handleOf(cursor as never), cursor.n], [handles[1], 1]);
  assertEquals(stateOf(pool), before);
  validate(pool);
});

// -- cursors --

each("cursor() gives an unbound view, which seek() and allocAt() move", (make) => {
  const it = make();
  const { pool, of } = it;
  const handles = fill(it, 40);
  const cursor = pool.cursor<NumView>(...of);
  const handleOf = () => pool.handleOf(cursor);
  if (isDebug(it)) assertThrows(handleOf, StaleHandleError, "it is bound to no record");
  else assertError(pool, handleOf, TypeError, "is no view of this pool, or is unbound");
  for (const view of [cursor, pool.get<NumView>(...of, handles[0])]) { // any view will do
    assertStrictEquals(pool.seek(view, handles[39]), view);
    assertEquals([view.n, pool.handleOf(view)], [39, handles[39]]);
    const handle = pool.allocAt(...of, view);
    assertEquals([view.n, pool.handleOf(view)], [0, handle]);
  }
});

const Nested = struct({ at: struct({ x: "u8" }), list: array("u8", 4) });

testKinds("seek() and allocAt() throw TypeError on a part of a view", Nested, SMALL, (make) => {
  const { pool, of } = make();
  const handle = pool.alloc(...of);
  const view = pool.get<View<typeof Nested>>(...of, handle);
  for (const part of [view.at, view.list]) {
    assertError(pool, () => pool.seek(untyped(part), handle), TypeError, "Cannot seek in");
    assertError(pool, () => pool.allocAt(...of, part), TypeError, "Cannot allocAt in");
  }
});

each("throws TypeError on what is no view, or one of another pool or struct", (make) => {
  const [it, other] = [make(), make()];
  const { pool, of } = it;
  const [handle] = fill(it, 1);
  using strangers = new Pool({ n: "u32" });
  const foreign = other.pool.get<NumView>(...of, other.pool.alloc(...of));
  const isPool = of.length === 0;
  for (const bad of [undefined, null, 5, "view", {}, [], { _b: 1, _o: 0 }]) {
    const seek = isPool ? "is no view of this pool's struct" : "is no view of a whole record";
    const allocAt = isPool ? "is no view of this pool's struct" : "is no view of that struct";
    assertError(pool, () => pool.seek(untyped(bad), handle), TypeError, seek);
    assertError(pool, () => pool.allocAt(...of, bad), TypeError, allocAt);
    assertError(pool, () => pool.handleOf(untyped(bad)), TypeError, "is no view of this pool");
  }
  const stranger = strangers.cursor();
  assertError(pool, () => pool.allocAt(...of, stranger), TypeError, "is no view of");
  assertError(pool, () => pool.handleOf(foreign), TypeError, "is no view of this pool");
  assertEquals(pool.seek(foreign, handle).n, 0); // of the same struct, and so it may be moved here
  assertEquals(pool.handleOf(foreign), handle);
});

each("handleOf() throws StaleHandleError once the record or its block is gone", (make) => {
  const it = make();
  const { pool, of } = it;
  const [a, b] = fill(it, 2).map((handle) => pool.get<NumView>(...of, handle));
  pool.free(pool.handleOf(a));
  const verb = isDebug(it) ? "use a view" : "tell the handle";
  const message = `Cannot ${verb} in ${labelOf(it)}: handle `;
  assertError(pool, () => pool.handleOf(a), StaleHandleError, message);
  pool.freeBlock(pool.blocks[0].index);
  assertThrows(() => pool.handleOf(b), StaleHandleError);
  fill(it, 1); // another block in its place
  assertThrows(() => pool.handleOf(b), StaleHandleError);
});

Deno.test("handleOf() tells which handle is stale, also where the chunk's generations have come round", () => {
  using pool = new Pool({ n: "u8" }, { maxChunks: 2 ** 22 });
  const handles = Array.from({ length: 255 }, () => {
    const handle = pool.alloc();
    pool.free(handle);
    return handle;
  });
  assertEquals(handles[0] >>> 22, 1);
  const view = pool.cursor();
  for (const n of [0, 253, 254]) {
    handles.forEach((expected, i) => {
      const handle = pool.alloc();
      assertEquals(handle, expected); // after 255 come those of generation 1 again
      if (i <= n) pool.seek(view, handle);
      pool.free(handle);
      if (i !== n) return;
      const error = assertThrows(() => pool.handleOf(view), StaleHandleError);
      assertEquals(error.handle, handle);
    });
  }
});

// -- values that do not fit --

each("rejects an init that does not fit, and takes no chunk for it", (make) => {
  const it = make();
  const { pool, of } = it;
  using strangers = new Pool({ n: "i64" });
  const cases: [unknown, string][] = [
    [null, 'Cannot write struct "Num": it must be an object, got null'],
    [{ n: 1, m: 1 }, 'it has no field "m", it has n'],
    [strangers.get(strangers.alloc()), 'field "n": u32 must be a number, got 0n'],
  ];
  for (const count of [0, 1, 63]) { // also before it finds that the pool is exhausted
    const [handle] = [...pool.handles(), ...pool.allocMany(...of, count)];
    const { capacity } = pool;
    for (const [bad, message] of cases) {
      for (const name of ["alloc", "tryAlloc", "scoped"] as const) {
        assertError(pool, () => pool[name](...of, bad), TypeError, message);
      }
      if (count === 0) continue;
      assertError(pool, () => pool.set(...of, handle, bad), TypeError, message);
    }
    assertEquals(pool.capacity, capacity);
  }
});

// -- exhaustion --

each("throws PoolExhaustedError where all chunks are live, with the numbers", (make) => {
  const it = make();
  const { pool, of } = it;
  const chunks = pool instanceof PoolSet ? "chunks of 4 bytes" : "chunks of maxChunks";
  const handles = fill(it, 10);
  const out = [1];
  const some = `10 of 64 ${chunks} are live`;
  const many = `Cannot allocMany 55 records in ${labelOf(it)}: ${some}`;
  assertError(pool, () => pool.allocMany(...of, 55, out), PoolExhaustedError, many);
  assertEquals(out, [1]);
  assertError(pool, () => reserveIn(it, 65), PoolExhaustedError, `${labelOf(it)}: ${some}`);
  pool.allocMany(...of, 54);
  const cursor = pool.seek(pool.cursor<NumView>(...of), handles[5]);
  const calls: [string, () => unknown][] = [
    ["alloc", () => pool.alloc(...of)],
    ["alloc", () => pool.alloc(...of, { n: 5 })],
    ["alloc", () => pool.scoped(...of, { n: 5 })],
    [of.length === 0 ? "alloc" : "allocAt", () => pool.allocAt(...of, cursor)],
    ["allocMany 1 records", () => pool.allocMany(...of, 1)],
    ["reserve 65 chunks", () => reserveIn(it, 65)],
  ];
  for (const [verb, call] of calls) {
    const message = `Cannot ${verb} in ${labelOf(it)}: all 64 ${chunks} are live`;
    const error = assertError(pool, call, PoolExhaustedError, message);
    assertEquals([error.pool, error.size, error.maxChunks], ["cells", 64, 64]);
    assert(error instanceof RangeError);
  }
  assertEquals(pool.handleOf(cursor), handles[5]);
  assertHarmless(pool, () => pool.tryAlloc(...of), undefined);
  assertHarmless(pool, () => pool.tryAlloc(...of, { n: 1 }), undefined);
});

// -- many records --

each("allocMany() throws on an out that cannot hold its handles, and on a bad count", (make) => {
  const it = make();
  const { pool, of } = it;
  fill(it, 1);
  const start = `Cannot allocMany in ${labelOf(it)}: `;
  const arrays = [new Uint8Array(9), new Int16Array(9), new Float32Array(9), new BigInt64Array(9)];
  for (const out of [...arrays, {}, null, "out"]) {
    const call = () => pool.allocMany(...of, 3, out);
    assertError(pool, call, TypeError, `${start}handles go into an array`);
  }
  const frozen = () => pool.allocMany(...of, 3, Object.freeze([]));
  assertError(pool, frozen, TypeError, `${start}out is frozen, sealed or not extensible`);
  const short = new Float64Array(3);
  const message = `${start}out has room for 3 handles, 4 are wanted`;
  assertError(pool, () => pool.allocMany(...of, 4, short), RangeError, message);
  assertEquals([...short], [0, 0, 0]);
  for (const bad of [-1, 1.5, NaN, Infinity, "3", undefined, null]) {
    const problem = `the count must be an integer from 0, got ${shown(bad)}`;
    assertError(pool, () => pool.allocMany(...of, bad), RangeError, start + problem);
    assertError(pool, () => reserveIn(it, untyped(bad)), RangeError, problem);
  }
});

// -- blocks --

each("blocks shows the records' own memory, and is the same array until it changes", (make) => {
  const it = make();
  const { pool, of } = it;
  const none = pool.blocks;
  assertStrictEquals(pool.blocks, none);
  const handles = fill(it, 20);
  const { blocks } = pool;
  const figures = blocks.map(({ chunkCount, live, bytes }) => [chunkCount, live, bytes.length]);
  assertEquals(figures, [[16, 16, 64], [16, 4, 64]]);
  const numbers = new Uint32Array(blocks[1].bytes.buffer, blocks[1].bytes.byteOffset, 16);
  assertEquals([...numbers.subarray(0, 4)], [16, 17, 18, 19]);
  numbers[1] = 55;
  assertEquals(pool.get<NumView>(...of, handles[17]).n, 55);
  pool.free(handles[3]);
  fill(it, 1);
  assertStrictEquals(pool.blocks, blocks);
  fill(it, 13);
  assertEquals([blocks.length, pool.blocks.length], [2, 3]);
});

each("freeBlock(), trim() and dispose() give the memory back at once", (make) => {
  const it = make();
  const { pool } = it;
  assertHarmless(pool, () => pool.clear(), undefined);
  const handles = fill(it, 40);
  const [first, block, last] = pool.blocks;
  const views = pool.blocks.map((block) => block.bytes);
  pool.freeBlock(block.index);
  assertEquals([views.map((it) => it.length), block.bytes.length, block.live], [[64, 0, 64], 0, 0]);
  assertEquals((views[1].buffer as ArrayBuffer).detached, true); // heapMemory gives ArrayBuffers
  assertEquals([pool.size, pool.capacity, [...pool.blocks]], [24, 32, [first, last]]);
  handles.forEach((handle, n) => assertEquals(pool.has(handle), n < 16 || n >= 32));
  pool.clear();
  assertEquals([pool.trim(), pool.trim(), pool.byteLength], [32 * 4, 0, 0]);
  reserveIn(it, 40);
  views.push(...pool.blocks.map((block) => block.bytes));
  pool[Symbol.dispose]();
  pool.dispose(); // which is harmless
  assert(views.every((view) => view.length === 0));
  assertEquals([pool.size, pool.capacity, pool.byteLength], [0, 0, 0]);
  make().pool.dispose(); // which never had a block
});

each("freeBlock() throws RangeError where there is no such block, and tells which are", (make) => {
  const it = make();
  const { pool } = it;
  const start = `Cannot free a block of ${labelOf(it)}: there is no block`;
  assertError(pool, () => pool.freeBlock(0), RangeError, `${start} 0, there are none`);
  fill(it, 48);
  const [first, { index }, last] = pool.blocks.map((block) => ({ index: block.index }));
  pool.freeBlock(index);
  const message = `${start} ${index}, there are ${first.index}, ${last.index}`;
  assertError(pool, () => pool.freeBlock(index), RangeError, message);
  for (const bad of [-1, 2 ** 20, 0.5, NaN, Infinity, undefined, null, "length", "0", 0n]) {
    assertError(pool, () => pool.freeBlock(untyped(bad)), RangeError, `${start} ${shown(bad)}`);
  }
});

// With spread reuse free chunks are kept besides; see `tests/slab/spread_test.ts`.
each("keeps as many empty blocks as keepEmptyBlocks says, and those reserved", (make) => {
  for (const keepEmptyBlocks of [0, 1, 2, undefined]) {
    const some = keepEmptyBlocks === undefined ? {} : { keepEmptyBlocks };
    const it = make({ ...some, reuse: "recent" });
    const { pool, of } = it;
    const kept = keepEmptyBlocks ?? 1;
    for (let round = 0; round < 2; round++) {
      const handles = pool.allocMany(...of, 64);
      for (let block = 0; block < 4; block++) {
        pool.freeMany(handles.slice(block * 16, block * 16 + 16));
        assertEquals(pool.blocks.length, 3 - block + Math.min(kept, block + 1));
        validate(pool);
      }
    }
    reserveIn(it, 33);
    assertEquals([pool.capacity, pool.size], [48, 0]);
    const { blocks } = pool;
    assertHarmless(pool, () => reserveIn(it, 10), undefined);
    const handles = pool.allocMany(...of, 48);
    assertStrictEquals(pool.blocks, blocks);
    pool.freeMany([...handles, ...pool.allocMany(...of, 16)]);
    assertEquals(pool.capacity, 48);
    assertEquals([pool.trim(), pool.capacity], [48 * 4, 0]);
    pool.free(pool.alloc(...of));
    assertEquals(pool.capacity, 16 * Math.min(1, kept));
    drop(it.pool);
  }
});

// -- figures --

each("stats() fills the object it is given, and keeps overhead of blocks given back", (make) => {
  const { pool, of } = make({ keepEmptyBlocks: 0 });
  const out: Partial<PoolStats> = { size: 99 };
  assertStrictEquals<unknown>(pool.stats(out), out);
  assertEquals([out.size, out.peakSize, out.grown], [0, 0, 0]);
  pool.allocMany(...of, 40);
  const { overheadBytes } = pool.stats();
  for (const { index } of pool.blocks) pool.freeBlock(index);
  assert(pool.stats().overheadBytes >= overheadBytes);
  pool.rebind(); // which is harmless, as nothing has grown
  drop(pool);
});

// -- dispose() --

each("throws DisposedError on any call after dispose(), whether it was used or not", (make) => {
  for (const isUsed of [true, false]) {
    const it = make();
    const { pool, of } = it;
    const live = isUsed ? pool.alloc(...of) : NULL_HANDLE;
    const loops = [pool.loop(...of, () => {})];
    if (pool instanceof PoolSet) loops.push(pool.loop(() => {})); // over all structs
    for (const loop of isUsed ? loops : []) loop();
    const used = {
      ...it,
      handles: [],
      live,
      block: 0,
      view: isUsed ? pool.get<NumView>(...of, live) : pool.cursor<NumView>(...of),
      cursor: pool.cursor<NumView>(...of),
      loop: loops[0],
      snapshot: snapshot(pool),
      save: save(pool),
    };
    drop(pool);
    const calls = CALLS.map(([verb, call]) => [verb, () => call(used)] as const);
    calls.push(
      ...loops.slice(1).map((loop) => ["loop over all", loop] as const),
      ["allocMany none", () => pool.allocMany(...of, 0)],
      ["reserve none", () => reserveIn(it, 0)],
      ["iterate over all", () => pool[Symbol.iterator]()],
      ["iterate over all handles", () => pool.handles()],
      ["rebind", () => pool.rebind()],
      ["freeMany no list", () => pool.freeMany(1 as never)],
    );
    if (of.length > 0) {
      const mixed = untyped<PoolSet>(pool);
      calls.push(["typeOf", () => mixed.typeOf(live)], ["bytes", () => mixed.bytes(live)]);
      const unseen = { ...used, of: [struct({ n: "u8" })] };
      calls.push(...CALLS.map(([verb, call]) => [`${verb} unseen`, () => call(unseen)] as const));
      if (pool instanceof ErasedPool) calls.push(["lostBytes", () => pool.lostBytes()]);
      else {
        for (const it of [...of, Huge]) calls.push(["poolFor", () => mixed.poolFor(it)]);
      }
    }
    for (const [what, call] of calls) {
      const message = `Cannot use ${labelOf(it)}: it was disposed of`;
      assertEquals(assertThrows(call, DisposedError, message, what).pool, "cells");
    }
    assertEquals([pool.size, pool.capacity, pool.blocks.length], [0, 0, 0]);
  }
});
