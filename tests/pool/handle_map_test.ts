/**
 * `HandleMap`, and `indexOf()`: values beside the records of every kind of pool.
 *
 * Random sequences of calls are compared with a `Map` in the model test; here are the errors, memory
 * and threads. Its types are in `tests/struct/types_test.ts`.
 *
 * @module
 */
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import {
  debug,
  DisposedError,
  HandleMap,
  LeakError,
  Pool,
  restore,
  snapshot,
  StaleHandleError,
  wasmMemory,
} from "../../mod.ts";
import type { AnyHandle, AnyStruct, Handle, PoolOptions } from "../../mod.ts";
import { type OfKind, testKinds } from "../_kinds.ts";
import { pair, take } from "../shared/_support.ts";
import { Num, untyped } from "../_support.ts";

const SMALL: PoolOptions = { chunksPerBlock: 16, maxChunks: 64, name: "ships" };

function test(claim: string, fn: (make: (options?: PoolOptions) => OfKind) => void): void {
  testKinds(claim, Num, SMALL, fn);
}

function mapOf<V>({ pool }: OfKind): HandleMap<AnyStruct, V> {
  return new HandleMap<AnyStruct, V>(untyped(pool));
}

/** Every call of a map that uses the pool. */
const CALLS: readonly ((map: HandleMap<AnyStruct, unknown>, handle: AnyHandle) => unknown)[] = [
  (map, handle) => map.get(handle),
  (map, handle) => map.has(handle),
  (map, handle) => map.set(handle, "b"),
  (map, handle) => map.delete(handle),
  (map) => [...map],
  (map) => map.forEach(() => {}),
  (map) => map.sweep(),
];

// -- values --

test("HandleMap has no values of what is no live record, and undefined may be a value", (make) => {
  const it = make();
  const { pool, of } = it;
  const map = mapOf<unknown>(it);
  const [a, b] = pool.allocMany(...of, 2);
  assertStrictEquals(map.set(a, "a").set(b, undefined), map);
  assertEquals([map.get(b), map.has(b), map.size], [undefined, true, 2]);
  assertEquals([map.delete(b), map.delete(b), map.has(b), map.size], [true, false, false, 1]);
  const other = mapOf<unknown>(it).set(a, "of another map");
  pool.free(a);
  assertEquals([other.get(a), other.size], [undefined, 0]);
  for (const bad of [a, 0, -0, -1, NaN, 0.5, 2 ** 40, "1", undefined, null, {}]) {
    const handle = untyped<AnyHandle>(bad);
    assertThrows(() => map.set(handle, 1), StaleHandleError, "Cannot set a value in");
    assertEquals([map.get(handle), map.has(handle), map.delete(handle)], [undefined, false, false]);
  }
  assertEquals(map.size, 0);
});

test("HandleMap throws after the pool's dispose(), and holds nothing", (make) => {
  const it = make();
  const handle = it.pool.alloc(...it.of);
  const maps = [1, 2].map(() => mapOf<unknown>(it).set(handle, "a"));
  try {
    it.pool.dispose();
  } catch (error) {
    assertInstanceOf(error, LeakError); // in debug mode, as the record is live
  }
  for (const map of maps) {
    assertEquals(map.size, 0);
    for (const call of CALLS) assertThrows(() => call(map, handle), DisposedError);
    map.clear();
    assertEquals(map.size, 0);
  }
  assertThrows(() => mapOf(it), DisposedError);
});

test("HandleMap throws TypeError while the pool's memory is detached", (make) => {
  const memory = new WebAssembly.Memory({ initial: 4 });
  const it = make({ memory: wasmMemory(memory) });
  const map = mapOf<unknown>(it);
  const handle = it.pool.alloc(...it.of);
  map.set(handle, "a");
  memory.grow(1);
  for (const call of CALLS) assertThrows(() => call(map, handle), TypeError, "detached");
  it.pool.rebind();
  assertEquals([...map], [[handle, "a"]]);
});

Deno.test("A class that extends HandleMap has its calls", () => {
  class Names extends HandleMap<typeof Num, string> {
    double(handle: Handle<typeof Num>): void {
      this.set(handle, `${this.get(handle)}`.repeat(2));
    }
  }
  using pool = new Pool(Num, SMALL);
  const handle = pool.alloc();
  const names = new Names(pool).set(handle, "a");
  names.double(handle);
  assertEquals([names.has(handle), names.size, [...names]], [true, 1, [[handle, "aa"]]]);
  assert(names instanceof Names && names instanceof HandleMap);
});

Deno.test("HandleMap throws TypeError on what is no pool, and forEach() on what is no function", () => {
  using pool = new Pool(Num, SMALL);
  const map = new HandleMap<typeof Num, unknown>(pool);
  assertThrows(() => map.forEach(untyped(1)), TypeError, "must be a function");
  for (const bad of [undefined, null, 1, {}, new Map(), Num]) {
    const create = () => new HandleMap<AnyStruct, unknown>(untyped(bad));
    assertThrows(create, TypeError, "must be beside a pool");
  }
});

// -- memory --

Deno.test("HandleMap drops a value whose handle is that of another chunk after restore()", () => {
  const pool = new Pool(Num, { ...SMALL, debug });
  const [a, b] = pool.allocMany(2);
  const map = new HandleMap<typeof Num, string>(pool).set(a, "a");
  const saved = snapshot(pool, undefined, { checksum: false });
  const numbers = new Float64Array(saved.buffer);
  numbers.set([b, a], numbers.indexOf(a));
  restore(pool, saved);
  assertEquals([pool.has(a), map.size, [...map], map.get(a)], [true, 0, [], undefined]);
  pool.clear();
  pool.dispose();
});

Deno.test("HandleMap has room up to the highest index, and sweep() gives back the rest", () => {
  using pool = new Pool(Num);
  const map = new HandleMap<typeof Num, object>(pool);
  const room = () => (map as unknown as { _store: { handles: Int32Array } })._store.handles.length;
  const handles = pool.allocMany(10_000);
  assertEquals(room(), 0);
  map.set(handles[0], {});
  assertEquals(room(), 16);
  for (const handle of handles) map.set(handle, {});
  pool.freeMany(handles.slice(1024));
  assertEquals([map.size, room()], [1024, 16_384]);
  assertEquals([map.sweep(), map.size, room()], [0, 1024, 1024]);
  assert(map.has(handles[1023]));
  map.set(handles[5], {});
  assertEquals([map.size, room()], [1024, 1024]);
  map.clear();
  assertEquals(room(), 0);
});

// -- SharedPool --

Deno.test("HandleMap beside a SharedPool has no values of records that any thread has freed", () => {
  const [here, there] = pair();
  const map = new HandleMap<typeof here.struct, string>(here);
  const [a, b, c] = take(here, 3);
  map.set(a, "a").set(b, "b").set(c, "c");
  there.free(a);
  here.free(b);
  assertEquals([map.get(a), map.get(b), map.get(c)], [undefined, undefined, "c"]);
  assertEquals([map.has(a), map.delete(b), [...map]], [false, false, [[c, "c"]]]);
  const next = here.alloc();
  assertEquals([map.get(next), map.set(next, "next").size], [undefined, 2]);
  assertEquals(new Set([...map].map(([handle]) => here.indexOf(handle))).size, 2);
  here.dispose();
  assertEquals(map.size, 0);
  assertThrows(() => map.get(c), DisposedError);
  assertThrows(() => here.indexOf(c), DisposedError);
  there.dispose();
});

Deno.test("HandleMap.sweep() and, bit by bit, set() drop the values of dead records beside a SharedPool", () => {
  const [here, there] = pair({ chunksPerBlock: 512, maxChunks: 1024 });
  const map = new HandleMap<typeof here.struct, object>(here);
  const handles = take(here, 500);
  for (const handle of handles) map.set(handle, {});
  for (const handle of handles.slice(5)) there.free(handle);
  assertEquals([map.sweep(), map.sweep(), map.size], [495, 0, 5]);
  for (const handle of handles.slice(1, 5)) there.free(handle);
  for (let i = 0; i < 300; i++) map.set(handles[0], {});
  assertEquals((map as unknown as { _store: { count: number } })._store.count, 1);
  assertEquals([map.sweep(), map.size], [0, 1]);
  for (const part of [here, there]) part.dispose();
});
