/** `HandleMap`, and `indexOf`: values beside the records of every kind of pool. */
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  type AnyHandle,
  type AnyStruct,
  DisposedError,
  ErasedPool,
  HandleMap,
  type HandleMapPool,
  Pool,
  type PoolOptions,
  PoolSet,
  SharedPool,
  StaleHandleError,
  struct,
  wasmMemory,
} from "../../mod.ts";
import { type Face, FACES } from "../_faces.ts";
import { pair, take } from "../shared/_shared.ts";
import { fill, KINDS, type MixedKind, Num, Pos, Real, untyped } from "../_support.ts";

const Ship = struct({ x: "f32", hp: "u8" }, { name: "Ship" });
const Spark = struct({ heat: "f32" }, { name: "Spark" });
const SMALL: PoolOptions = { chunksPerBlock: 16, maxChunks: 64, name: "ships" };

/** Every kind of pool, with own code and without, in debug mode, spread, and in lent memory. */
const WAYS: Readonly<Record<string, PoolOptions>> = {
  "": {},
  " without own code": { specialize: false },
  " in debug mode": { debug: true },
  " of spread reuse": { reuse: "spread" },
};

function mapOf<V>(face: Face): HandleMap<AnyStruct, V> {
  return new HandleMap<AnyStruct, V>(untyped(face.pool));
}

function test(name: string, fn: (make: (options?: PoolOptions) => Face) => void): void {
  for (const [kind, make] of Object.entries(FACES)) {
    for (const [way, options] of Object.entries(WAYS)) {
      Deno.test(`${kind}${way}: ${name}`, () => {
        fn((more) => make(Ship, { ...SMALL, ...options, ...more }));
      });
    }
  }
}

/** Disposes of a pool, whatever leaks. */
function end({ pool }: Face): void {
  pool.clear();
  pool.dispose();
}

// -- indexOf --

test("indexOf() tells an index for life, of no other record, below maxChunks", (make) => {
  const face = make();
  const { pool } = face;
  const handles = face.allocMany(20);
  const indices = handles.map((handle) => pool.indexOf(handle));
  assertEquals(new Set(indices).size, 20);
  assert(indices.every((it) => Number.isInteger(it) && it >= 0 && it < pool.maxChunks));
  handles.forEach((handle, i) => i % 3 === 0 && pool.free(handle));
  for (let i = 0; i < 30; i++) face.alloc();
  handles.forEach((handle, i) => {
    if (i % 3 === 0) assertThrows(() => pool.indexOf(handle), StaleHandleError, "tell the index");
    else assertEquals(pool.indexOf(handle), indices[i]);
  });
  for (const bad of [0, -1, NaN, 1.5, "1", undefined, null, {}]) {
    assertThrows(() => pool.indexOf(untyped(bad)), StaleHandleError);
  }
  const [kept] = pool.handles();
  end(face);
  assertThrows(() => pool.indexOf(kept), DisposedError);
});

Deno.test("PoolSet.indexOf() is distinct over all classes, also when all are full", () => {
  for (const handles of ["compact", "wide"] as const) {
    for (const debug of [false, true]) {
      const set = new PoolSet<MixedKind>({
        sizes: [4, 8, 16],
        ...SMALL,
        maxChunks: 256,
        handles,
        debug,
      });
      const all = KINDS.flatMap((kind) => set.allocMany(kind, 64) as AnyHandle[]);
      const indices = all.map((handle) => set.indexOf(handle));
      assertEquals(new Set(indices).size, 192);
      assert(indices.every((it) => it >= 0 && it < set.maxChunks));
      set.clear();
      set.dispose();
    }
  }
});

// -- get, set, has, delete --

test("HandleMap has the values of live records, and no others", (make) => {
  const face = make();
  const { pool } = face;
  const map = mapOf<unknown>(face);
  const [a, b, c] = face.allocMany(3);
  assertStrictEquals(map.set(a, "a"), map);
  map.set(b, undefined);
  assertEquals([map.get(a), map.get(b), map.get(c)], ["a", undefined, undefined]);
  assertEquals([map.has(a), map.has(b), map.has(c), map.size], [true, true, false, 2]);
  map.set(a, 1.5);
  assertEquals([map.get(a), map.size], [1.5, 2]);
  assertEquals([map.delete(b), map.delete(b), map.has(b), map.size], [true, false, false, 1]);
  pool.free(a);
  assertEquals([map.get(a), map.has(a), map.delete(a), map.size], [undefined, false, false, 0]);
  for (let i = 0; i < 40; i++) assertEquals(map.has(face.alloc() as AnyHandle), false);
  assertThrows(() => map.set(a, 1), StaleHandleError, "Cannot set a value in");
  for (const bad of [0, -0, -1, NaN, 0.5, 2 ** 40, "1", undefined, null, {}]) {
    assertThrows(() => map.set(untyped(bad), 1), StaleHandleError);
    assertEquals(map.get(untyped(bad)), undefined);
    assertEquals([map.has(untyped(bad)), map.delete(untyped(bad))], [false, false], String(bad));
  }
  assertEquals(map.size, 0);
  end(face);
});

test("HandleMap never shows a value to a later record, however often its chunk is reused", (make) => {
  const face = make({ chunksPerBlock: 16, maxChunks: 16 });
  const { pool } = face;
  const map = mapOf<number>(face);
  const first = face.alloc();
  map.set(first, 1);
  pool.free(first);
  // Past the 15 bits that a compact generation has at the most.
  for (let i = 0; i < 70_000; i++) {
    const handle = face.alloc();
    if (map.get(handle) !== undefined || map.has(handle)) throw new Error(`after ${i} reuses`);
    if (i % 1000 === 0) map.set(handle, i);
    pool.free(handle);
  }
  assertEquals([map.size, [...map]], [0, []]);
  end(face);
});

test("HandleMap iterates over live records in memory order, whatever happens meanwhile", (make) => {
  const face = make();
  const { pool } = face;
  const map = mapOf<number>(face);
  const handles = face.allocMany(40);
  for (let i = 39; i >= 0; i--) if (i % 2 === 0) map.set(handles[i], i);
  pool.free(handles[4]);
  const ordered = [...pool.handles()].filter((it) => map.has(it));
  assertEquals(Array.from(map, ([handle]) => handle), ordered);
  assertEquals([...map].every(([handle, value]) => handles[value] === handle), true);
  const seen: number[] = [];
  map.forEach((value, handle) => {
    assertEquals(handles[value], handle);
    seen.push(value);
    if (value === 10) pool.free(handle);
    if (value === 12) pool.free(handles[14]);
    if (value === 16) map.delete(handles[18]);
  });
  assertEquals(seen.length, 17);
  assertEquals([seen.includes(14), seen.includes(18), map.size], [false, false, 16]);
  map.forEach(() => map.clear());
  assertEquals([map.size, [...map]], [0, []]);
  assertThrows(() => map.forEach(untyped(1)), TypeError, "must be a function");
  end(face);
});

test("HandleMap lets go of values by clear(), freeBlock(), retain(), freeMany() and scopes", (make) => {
  const face = make();
  const { pool } = face;
  const map = mapOf<object>(face);
  const filled = () => {
    for (let i = 0; i < 40; i++) map.set(face.alloc(), {});
    assertEquals(map.size, 40);
  };
  filled();
  pool.clear();
  assertEquals([map.size, map.sweep()], [0, 0]);
  filled();
  const { index, live } = pool.blocks.find((it) => it.live > 0)!;
  pool.freeBlock(index);
  assertEquals(map.size, 40 - live);
  pool.freeMany([...pool.handles()]);
  assertEquals(map.size, 0);
  filled();
  pool.trim();
  face.retain((_, handle) => pool.indexOf(handle) % 2 === 0);
  assertEquals(map.size, pool.size);
  {
    using scope = face.scoped();
    map.set(scope.handle, {});
  }
  assertEquals(map.size, pool.size);
  end(face);
});

test("HandleMap keeps the values of records that are live before a restore() and after it", (make) => {
  const face = make();
  const { pool } = face;
  const map = mapOf<string>(face);
  const [a, b, c] = face.allocMany(3);
  map.set(a, "a").set(b, "b").set(c, "c");
  const saved = pool.snapshot();
  pool.free(b);
  const late = face.alloc();
  map.set(late, "late");
  pool.restore(saved);
  assertEquals([map.get(a), map.get(b), map.get(c), map.size], ["a", undefined, "c", 2]);
  assertEquals([...map], [[a, "a"], [c, "c"]]);
  // The same calls give the same handles, but not the same records.
  for (let i = 0; i < 30; i++) assertEquals(map.get(face.alloc()), undefined);
  end(face);
});

test("HandleMap is of no use after the pool's dispose(), and holds nothing", (make) => {
  const face = make();
  const map = mapOf<string>(face);
  const handle = face.alloc();
  map.set(handle, "a");
  if (!("debug" in face.pool)) face.pool.clear();
  end(face);
  assertThrows(() => map.get(handle), DisposedError);
  assertThrows(() => map.has(handle), DisposedError);
  assertThrows(() => map.set(handle, "b"), DisposedError);
  assertThrows(() => map.delete(handle), DisposedError);
  assertThrows(() => [...map], DisposedError);
  assertThrows(() => map.forEach(() => {}), DisposedError);
  assertThrows(() => map.sweep(), DisposedError);
  map.clear();
  assertEquals(map.size, 0);
  assertThrows(() => mapOf(face), DisposedError);
});

test("Several maps beside one pool know nothing of each other", (make) => {
  const face = make();
  const [some, others] = [mapOf<number>(face), mapOf<string>(face)];
  const [a, b] = face.allocMany(2);
  some.set(a, 1);
  others.set(a, "a").set(b, "b");
  face.pool.free(a);
  assertEquals([some.size, others.size, others.get(b)], [0, 1, "b"]);
  end(face);
});

Deno.test("A class that extends HandleMap has what that has", () => {
  class Names<S extends AnyStruct> extends HandleMap<S, string> {
    rename(handle: AnyHandle, name: string): string | undefined {
      const before = this.get(untyped(handle));
      this.set(untyped(handle), name);
      return before;
    }
  }
  for (const make of Object.values(FACES)) {
    const face = make(Ship, SMALL);
    const names = new Names<AnyStruct>(untyped(face.pool));
    const handle = face.alloc();
    assertEquals([names.rename(handle, "a"), names.rename(handle, "b")], [undefined, "a"]);
    assertEquals([names.has(handle), names.size, [...names]], [true, 1, [[handle, "b"]]]);
    assert(names instanceof Names && names instanceof HandleMap);
    face.pool.free(handle);
    assertEquals([names.get(handle), names.delete(handle), names.sweep()], [undefined, false, 0]);
    end(face);
  }
});

Deno.test("HandleMap wants a pool", () => {
  for (const bad of [undefined, null, 1, {}, new Map(), Ship]) {
    assertThrows(
      () => new HandleMap<AnyStruct, unknown>(untyped(bad)),
      TypeError,
      "must be beside a pool",
    );
  }
});

Deno.test("HandleMap throws TypeError on every call while the pool's memory is detached", () => {
  for (const specialize of [true, false]) {
    const wasm = new WebAssembly.Memory({ initial: 4 });
    using pool = new Pool(Ship, { ...SMALL, memory: wasmMemory(wasm), specialize });
    const map = new HandleMap<typeof Ship, string>(pool);
    const handle = pool.alloc();
    map.set(handle, "a");
    wasm.grow(1);
    assertThrows(() => map.get(handle), TypeError, "detached");
    assertThrows(() => map.has(handle), TypeError, "detached");
    assertThrows(() => map.set(handle, "b"), TypeError, "detached");
    assertThrows(() => map.delete(handle), TypeError, "detached");
    assertThrows(() => [...map], TypeError, "detached");
    assertThrows(() => map.forEach(() => {}), TypeError, "detached");
    assertThrows(() => map.sweep(), TypeError, "detached");
    assertThrows(() => pool.indexOf(handle), TypeError, "detached");
    pool.rebind();
    assertEquals([map.get(handle), map.size, pool.indexOf(handle)], ["a", 1, 0]);
  }
});

// -- memory --

function roomOf(map: object): number {
  return (map as { _store: { handles: Int32Array } })._store.handles.length;
}

Deno.test("HandleMap has room for the indices up to the highest, and sweep() gives back the rest", () => {
  using pool = new Pool(Ship);
  const map = new HandleMap<typeof Ship, object>(pool);
  const handles = pool.allocMany(10_000);
  assertEquals(roomOf(map), 0);
  map.set(handles[0], {});
  assertEquals(roomOf(map), 16);
  for (const handle of handles) map.set(handle, {});
  assertEquals(roomOf(map), 16_384);
  pool.freeMany(handles.slice(1024));
  assertEquals([map.size, roomOf(map)], [1024, 16_384]);
  assertEquals([map.sweep(), map.size, roomOf(map)], [0, 1024, 1024]);
  assertEquals(map.get(handles[1023]) !== undefined, true);
  map.set(handles[5], {});
  assertEquals([map.size, roomOf(map)], [1024, 1024]);
  map.clear();
  assertEquals(roomOf(map), 0);
});

Deno.test("A map that nobody has any more is told of nothing", async () => {
  const { gc } = globalThis as { gc?: () => void };
  if (gc === undefined) return; // deno test --v8-flags=--expose-gc
  using pool = new Pool(Ship);
  const slab = (pool as unknown as { _slab: { observers: unknown } })._slab;
  (() => new HandleMap<typeof Ship, number>(pool).set(pool.alloc(), 1))();
  assert(slab.observers !== undefined);
  for (let i = 0; i < 10 && slab.observers !== undefined; i++) {
    gc();
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  assertEquals(slab.observers, undefined);
});

// -- SharedPool --

Deno.test("HandleMap beside a SharedPool sees what any thread frees", () => {
  const [here, there] = pair();
  const map = new HandleMap<typeof here.struct, string>(here);
  const [a, b, c] = take(here, 3);
  map.set(a, "a").set(b, "b").set(c, "c");
  there.free(a);
  here.free(b);
  assertEquals([map.get(a), map.get(b), map.get(c)], [undefined, undefined, "c"]);
  assertEquals([map.has(a), map.delete(b), [...map]], [false, false, [[c, "c"]]]);
  assertEquals(map.size, 1);
  const next = here.alloc();
  assertEquals(map.get(next), undefined);
  map.set(next, "next");
  assertEquals(map.size, 2);
  assertEquals(new Set([...map].map(([handle]) => here.indexOf(handle))).size, 2);
  here.dispose();
  assertEquals(map.size, 0);
  assertThrows(() => map.get(c), DisposedError);
  assertThrows(() => here.indexOf(c), DisposedError);
  there.dispose();
});

Deno.test("HandleMap.set() beside a SharedPool drops what dead records have left, by and by", () => {
  const [here, there] = pair({ chunksPerBlock: 512, maxChunks: 1024 });
  const map = new HandleMap<typeof here.struct, object>(here);
  const handles = take(here, 500);
  for (const handle of handles) map.set(handle, {});
  for (const handle of handles.slice(1)) there.free(handle);
  for (let i = 0; i < 300; i++) map.set(handles[0], {});
  assertEquals((map as unknown as { _store: { count: number } })._store.count, 1);
  assertEquals([map.sweep(), map.size], [0, 1]);
  for (const part of [here, there]) part.dispose();
});

Deno.test("HandleMap.sweep() beside a SharedPool tells how many values it dropped", () => {
  const [here, there] = pair();
  const map = new HandleMap<typeof here.struct, number>(here);
  const handles = take(here, 20);
  handles.forEach((handle, i) => map.set(handle, i));
  for (const handle of handles.slice(5)) there.free(handle);
  assertEquals([map.sweep(), map.sweep(), map.size], [15, 0, 5]);
  for (const part of [here, there]) part.dispose();
});

// -- compact() and load() --

Deno.test("A record takes its value along when compact() moves it", () => {
  for (const debug of [false, true]) {
    for (const make of Object.values(FACES)) {
      const face = make(Ship, { ...SMALL, debug });
      const { pool } = face as unknown as {
        pool: Face["pool"] & { compact?(moved: (from: AnyHandle, to: AnyHandle) => void): number };
      };
      const map = mapOf<number>(face);
      const handles = face.allocMany(60);
      handles.forEach((handle, i) => i % 3 === 0 && map.set(handle, i));
      const values = new Map<number, number | undefined>(
        handles.map((it, i) => [it, i % 3 === 0 ? i : undefined]),
      );
      handles.forEach((handle, i) => {
        if (i % 2 === 0) return;
        pool.free(handle);
        values.delete(handle);
      });
      pool.compact?.((from, to) => {
        values.set(to, values.get(from));
        values.delete(from);
        assertEquals(map.get(from), undefined);
      });
      for (const [handle, value] of values) assertEquals(map.get(untyped(handle)), value);
      assertEquals([map.size, pool.size], [10, 30]);
      end(face);
    }
  }
});

Deno.test("load() drops all values, as its handles are of other records", () => {
  for (const chunksPerBlock of [16, 32]) {
    using old = new Pool(Ship, SMALL);
    const handles = old.allocMany(10);
    using pool = new Pool(Ship, { ...SMALL, chunksPerBlock });
    const map = new HandleMap<typeof Ship, string>(pool);
    for (const handle of pool.allocMany(5)) map.set(handle, "before");
    pool.load(old.save());
    assertEquals([map.size, ...handles.map((it) => map.get(it))], [
      0,
      ...handles.map(() => undefined),
    ]);
  }
});

// -- types --

Deno.test("HandleMap is typed by the struct of its pool", () => {
  using ships = new Pool(Ship);
  const names = new HandleMap<typeof Ship, string>(ships);
  const ship = ships.alloc();
  const name: string | undefined = names.set(ship, "a").get(ship);
  assertEquals(name, "a");
  using sparks = new Pool(Spark);
  const spark = sparks.alloc();
  // @ts-expect-error a handle of another struct
  assertEquals(names.has(spark), true);
  // @ts-expect-error a value of another type
  names.set(ship, 1);
  // @ts-expect-error a pool of another struct
  new HandleMap<typeof Ship, string>(sparks);

  using cells = new ErasedPool({ size: 8, types: [Ship, Spark] });
  const both = new HandleMap<typeof Ship | typeof Spark, number>(cells);
  both.set(cells.alloc(Ship), 1).set(cells.alloc(Spark), 2);
  const some = new HandleMap<typeof Spark, number>(cells); // beside some of the records
  some.set(cells.alloc(Spark), 3);
  // @ts-expect-error a handle of another struct
  some.set(cells.alloc(Ship), 4);
  // @ts-expect-error which has no sparks
  new HandleMap<typeof Ship | typeof Spark, number>(ships);
  assertEquals([both.size, some.size], [2, 2]);

  using anything = new PoolSet({ sizes: [4, 8] });
  const any = new HandleMap<AnyStruct, number>(anything);
  any.set(anything.alloc(Spark), 1).set(anything.alloc(Ship), 2);
  assertEquals(Array.from(any, ([, value]) => value), [1, 2]);
  using shared = SharedPool.create(Ship);
  const beside: HandleMapPool<typeof Ship> = shared;
  assertEquals(new HandleMap<typeof Ship, number>(beside).size, 0);
  using plain = new Pool({ n: "u8" });
  new HandleMap<typeof plain.struct, Date>(plain).set(plain.alloc(), new Date(0));
});

Deno.test("HandleMap beside records of several structs has the values of all", () => {
  for (const debug of [false, true]) {
    for (
      const pool of [
        new ErasedPool<MixedKind>({ size: 16, types: [Num, Pos, Real], debug }),
        new PoolSet<MixedKind>({ sizes: [4, 8, 16], debug }),
      ]
    ) {
      const map = new HandleMap<MixedKind, number>(pool);
      const handles = fill(pool as PoolSet<MixedKind>, 3000);
      handles.forEach((handle, n) => map.set(handle, n));
      handles.forEach((handle, n) => n % 5 === 0 && pool.free(handle));
      handles.forEach((handle, n) => assertEquals(map.get(handle), n % 5 === 0 ? undefined : n));
      assertEquals([map.size, Array.from(map, ([it]) => it)], [2400, [...pool.handles()]]);
      pool.clear();
      pool.dispose();
    }
  }
});
