/** Saves: pools whose structs and options have changed read what others wrote. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  type AnyStruct,
  array,
  countingMemory,
  ErasedPool,
  type Fields,
  type FieldType,
  HandleMap,
  heapMemory,
  type MemoryResource,
  OutOfMemoryError,
  Pool,
  type PoolOptions,
  PoolSet,
  ref,
  SnapshotError,
  StaleHandleError,
  struct,
  validate,
} from "../../mod.ts";
import { drop } from "../_debug.ts";
import { FACES } from "../_faces.ts";
import {
  edgesOf,
  reload,
  reloadMoved,
  type Saved,
  stored,
  textOf,
  TYPES,
  withText,
} from "./_saves.ts";
import { Body, SNAPPED, stateful, STATES } from "../slab/_snapshots.ts";
import { assertRefused, forge, stateOf, untyped } from "../_support.ts";
import { Ledger } from "../_ledger.ts";

const faces = Object.entries(FACES);

/** A pool of one struct by any fields, and its records as plain values. */
function poolOf(fields: Fields, options: PoolOptions = SNAPPED): Pool<AnyStruct> {
  return untyped(new Pool(struct(fields, { name: "Ship" }), options));
}

function valuesOf(pool: Iterable<object>): unknown[] {
  return Array.from(pool, (view) => JSON.parse(JSON.stringify(view)));
}

/** What records of some fields become in a pool of others. */
function become(from: Fields, records: object[], to: Fields, rename: Record<string, string> = {}) {
  const old = poolOf(from);
  for (const record of records) old.alloc(record);
  const pool = poolOf(to);
  const report = reload(old, pool, { rename });
  return { values: valuesOf(pool), report };
}

// -- the same pool --

for (const [name, make] of faces) {
  for (const state of Object.keys(STATES)) {
    if (state.startsWith("worn") && !name.startsWith("wide")) continue;
    Deno.test(`${name}: load() brings all records of ${state} back, with their handles`, () => {
      for (const reuse of ["recent", "spread"] as const) {
        const old = stateful(make, state, { reuse });
        for (const into of ["nothing", "holes", "all chunks", "a block given back"]) {
          const face = stateful(make, into, { reuse });
          const own = [...face.pool.handles()];
          const report = reload(old.pool, face.pool);
          assertEquals(face.values(), old.values());
          assertEquals([...face.pool.handles()], [...old.pool.handles()]);
          assertEquals(report, {
            ...{ records: old.pool.size, moved: 0, wrapped: 0 },
            ...{ added: [], dropped: [] },
          });
          const saved = new Set<number>(old.pool.handles());
          for (const handle of own) assertEquals(face.pool.has(handle), saved.has(handle));
        }
      }
    });
  }

  Deno.test(`${name}: a pool goes on after load(), to the last chunk and to none`, () => {
    for (const reuse of ["recent", "spread"] as const) {
      for (const state of ["holes", "a block given back", "all blocks given back"]) {
        const face = stateful(make, "reused holes", { reuse });
        reload(stateful(make, state, { reuse }).pool, face.pool);
        while (face.tryAlloc({ n: 1 }) !== undefined) validate(face.pool);
        assertEquals(face.pool.size + face.pool.stats().retired, 64);
        for (const handle of [...face.pool.handles()]) {
          face.pool.free(handle);
          validate(face.pool);
        }
        face.allocMany(30);
        reload(face.pool, face.pool);
        reload(face.pool, face.pool);
        assertEquals(face.pool.size, 30);
      }
    }
  });

  Deno.test(`${name}: handles that were stale when saved stay stale, and no handle of the save comes again`, () => {
    for (const reuse of ["recent", "spread"] as const) {
      const old = make(Body, { ...SNAPPED, reuse });
      old.cursor();
      const given: number[] = [];
      for (let round = 0; round < 4; round++) {
        given.push(...old.allocMany(40));
        for (const handle of [...old.pool.handles()].filter((_, i) => i % (round + 2) > 0)) {
          old.pool.free(handle);
        }
        old.pool.size > 20 && old.pool.clear();
      }
      const face = make(Body, { ...SNAPPED, reuse });
      face.cursor();
      reload(old.pool, face.pool);
      const live = new Set<number>(old.pool.handles());
      for (const handle of given) assertEquals(face.pool.has(forge(handle)), live.has(handle));
      for (const handle of [...face.pool.handles()]) face.pool.free(handle);
      const known = new Set(given);
      for (let i = 0; i < 64; i++) assert(!known.has(face.alloc()), "a handle came again");
    }
  });
}

Deno.test("load() of a pool's own save makes later handles stale, and goes on from their generations", () => {
  using pool = new Pool({ n: "u32" }, SNAPPED);
  const kept = pool.alloc({ n: 1 });
  const saved = pool.save();
  const later = pool.allocMany(20);
  for (const handle of later) pool.free(handle);
  pool.allocMany(30);
  pool.set(kept, { n: 2 });
  const before = [...pool.handles()];
  pool.load(saved);
  assertEquals([...pool.handles()], [kept]);
  assertEquals(pool.get(kept).n, 1);
  for (const handle of before) assertEquals(pool.has(handle), handle === kept);
  const known = new Set<number>([...later, ...before]);
  for (let i = 0; i < 63; i++) assert(!known.has(pool.alloc()), "a handle came again");
  validate(pool);
});

Deno.test("load() keeps blocks and the reserve, as clear() does", () => {
  using pool = new Pool({ n: "u32" }, SNAPPED);
  const saved = pool.save();
  pool.reserve(33);
  pool.allocMany(60);
  pool.load(saved);
  assertEquals([pool.size, pool.blocks.length], [0, 4]);
  pool.free(pool.alloc());
  assertEquals(pool.capacity, 48); // one empty block, and what was reserved
  pool.trim();
  assertEquals(pool.capacity, 0);
});

Deno.test("load() counts allocs, frees and the peak as clear() and alloc() do", () => {
  using old = new Pool({ n: "u32" }, SNAPPED);
  old.allocMany(20);
  using pool = new Pool({ n: "u32" }, SNAPPED);
  pool.allocMany(30);
  pool.load(old.save());
  const { size, peakSize, allocs, frees } = pool.stats();
  assertEquals({ size, peakSize, allocs, frees }, {
    size: 20,
    peakSize: 30,
    allocs: 50,
    frees: 30,
  });
});

// -- fields --

Deno.test("load() has new fields zero and drops old ones, wherever they stand", () => {
  const records = [{ a: 1, b: 2, c: 3 }, { a: 4, b: 5, c: 6 }];
  const from: Fields = { a: "u8", b: "f32", c: "u16" };
  const { values, report } = become(from, records, { c: "u16", x: "u64", a: "u8", y: "bool" });
  assertEquals(values, [{ c: 3, x: "0", a: 1, y: false }, { c: 6, x: "0", a: 4, y: false }]);
  assertEquals(report, {
    ...{ records: 2, moved: 0, wrapped: 0 },
    ...{ added: ["Ship.x", "Ship.y"], dropped: ["Ship.b"] },
  });
});

Deno.test("load() takes fields in another order, and the compact layout for C's", () => {
  const fields: Fields = { a: "u8", b: "f64", c: "u16", d: array("u8", 3) };
  const old = poolOf(fields);
  old.alloc({ a: 1, b: 2.5, c: 3, d: [4, 5, 6] });
  const compact = new Pool(struct(fields, { name: "Ship", layout: "compact" }), SNAPPED);
  reload(old, compact);
  assertEquals(valuesOf(compact), valuesOf(old));
  const { d, ...rest } = fields;
  const turned = poolOf({ d, ...rest });
  reload(compact, turned);
  assertEquals(valuesOf(turned), [{ d: [4, 5, 6], a: 1, b: 2.5, c: 3 }]);
});

Deno.test("load() leaves padding and the rest of a chunk zero", () => {
  const old = poolOf({ a: "u8", b: "u8", c: "u32", d: "u32" });
  const pool = poolOf({ a: "u8", c: "u32", d: "u16" });
  old.alloc({ a: 255, b: 255, c: 2 ** 32 - 1, d: 2 ** 32 - 1 });
  reload(old, pool);
  assertEquals([...pool.blocks[0].bytes.subarray(0, 12)], [
    255,
    0,
    0,
    0,
    ...[255, 255, 255, 255],
    255,
    255,
    0,
    0,
  ]);
});

Deno.test("load() renames fields, fields of one struct alone, and structs", () => {
  const from: Fields = { hp: "u8", x: "u8" };
  assertEquals(
    become(from, [{ hp: 1, x: 2 }], { health: "u8", x: "u8" }, { hp: "health" }).values,
    [{ health: 1, x: 2 }],
  );
  const by = become(from, [{ hp: 1, x: 2 }], { health: "u8", x: "u8" }, {
    "Ship.hp": "health",
    "Tree.hp": "x",
  });
  assertEquals([by.values, by.report.added], [[{ health: 1, x: 2 }], []]);
  using old = poolOf(from);
  old.alloc({ hp: 3 });
  using vessels = new Pool(struct(from, { name: "Vessel" }), SNAPPED);
  assertRefused(
    vessels,
    () => vessels.load(old.save()),
    SnapshotError,
    'struct "Ship", which the pool does not know, it knows struct "Vessel"',
  );
  reload(old, vessels, { rename: { Ship: "Vessel", Boat: "Ship", nothing: "hp2" } });
  assertEquals(valuesOf(vessels), [{ hp: 3, x: 0 }]);
});

Deno.test("load() lets a renamed field take the place of another, which is dropped, and swaps two", () => {
  const taken = become({ a: "u8", b: "u8" }, [{ a: 1, b: 2 }], { b: "u8" }, { a: "b" });
  assertEquals([taken.values, taken.report.dropped], [[{ b: 1 }], ["Ship.b"]]);
  const swapped = become({ a: "u8", b: "u8" }, [{ a: 1, b: 2 }], { a: "u8", b: "u8" }, {
    a: "b",
    b: "a",
  });
  assertEquals([swapped.values, swapped.report.dropped], [[{ a: 2, b: 1 }], []]);
});

Deno.test("load() takes names that every object has", () => {
  using old = new Pool(
    struct({ toString: "u8", valueOf: "u8" } as Fields, { name: "toString" }),
    SNAPPED,
  );
  old.alloc({ toString: 1 } as object);
  using pool = new Pool(
    struct({ hasOwnProperty: "u8", valueOf: "u8" } as Fields, { name: "toString" }),
    SNAPPED,
  );
  const { added, dropped } = reload(old, pool);
  assertEquals([pool.size, added, dropped], [1, ["toString.hasOwnProperty"], [
    "toString.toString",
  ]]);
});

Deno.test("load() makes arrays shorter, longer, of one value, and one value of an array", () => {
  const record = [{ a: [1, 2, 3] }];
  const from: Fields = { a: array("u8", 3) };
  assertEquals(become(from, record, { a: array("u8", 2) }).values, [{ a: [1, 2] }]);
  assertEquals(become(from, record, { a: array("f64", 5) }).values, [{ a: [1, 2, 3, 0, 0] }]);
  assertEquals(become(from, record, { a: "u32" }).values, [{ a: 1 }]);
  assertEquals(become({ a: "u8" }, [{ a: 7 }], { a: array("i16", 2) }).values, [{ a: [7, 0] }]);
  assertEquals(become(from, record, { a: array("u8", 2) }).report.dropped, []);
});

Deno.test("load() goes into nested structs and arrays of them", () => {
  const Old = struct({ x: "f32", y: "f32" }, { name: "Vec2" });
  const New = struct({ y: "f64", z: "u8", x: "f32" }, { name: "Vec3" });
  const { values, report } = become(
    { pos: Old, path: array(Old, 2), gone: Old },
    [{ pos: { x: 1, y: 2 }, path: [{ x: 3, y: 4 }, { x: 5, y: 6 }] }],
    { path: array(New, 3), place: New },
    { pos: "place" },
  );
  assertEquals(values, [{
    path: [{ y: 4, z: 0, x: 3 }, { y: 6, z: 0, x: 5 }, { y: 0, z: 0, x: 0 }],
    place: { y: 2, z: 0, x: 1 },
  }]);
  assertEquals(report.added, ["Ship.path.z", "Ship.place.z"]);
  assertEquals(report.dropped, ["Ship.gone"]);
  const renamed = become({ pos: Old }, [{ pos: { x: 1, y: 2 } }], {
    pos: struct({ u: "f32", y: "f32" }),
  }, { "Vec2.x": "u" });
  assertEquals(renamed.values, [{ pos: { u: 1, y: 2 } }]);
});

Deno.test("load() drops and adds what was a struct and is a number, or the other way round", () => {
  const Vec = struct({ x: "f32" });
  for (
    const [from, to, zero] of [[Vec, "f32", 0], ["f32", Vec, { x: 0 }], [
      array(Vec, 2),
      array("f32", 2),
      [0, 0],
    ]] as [FieldType, FieldType, unknown][]
  ) {
    const { values, report } = become({ a: from, n: "u8" }, [{ n: 9 }], { a: to, n: "u8" });
    assertEquals(values, [{ a: zero, n: 9 }]);
    assertEquals([report.added, report.dropped], [["Ship.a"], ["Ship.a"]]);
  }
});

// -- every scalar type to every other --

for (const from of TYPES) {
  Deno.test(`load() makes ${from} every other type as typed arrays do, and counts what wraps`, () => {
    const edges = edgesOf(from);
    for (const to of TYPES) {
      const old = poolOf({ v: from });
      for (const v of edges.slice(0, 64)) old.alloc(untyped({ v }));
      const pool = poolOf({ v: to, also: "u8" });
      const { wrapped } = reload(old, pool);
      const wanted = edges.slice(0, 64).map((v) => stored(v, to));
      const values = Array.from(pool, (view) => untyped<{ v: unknown }>(view).v);
      assertEquals(values, wanted.map(({ value }) => value), `${from} to ${to}`);
      const lost = from === to ? 0 : wanted.filter(({ isIn }) => !isIn).length;
      assertEquals(wrapped, lost, `${from} to ${to}`);
    }
  });
}

Deno.test("load() counts each element of an array that wraps", () => {
  const { values, report } = become({ a: array("i32", 4) }, [{ a: [-1, 255, 256, 3] }, {
    a: [300, 0, 0, 0],
  }], { a: array("u8", 4) });
  assertEquals(values, [{ a: [255, 255, 0, 3] }, { a: [44, 0, 0, 0] }]);
  assertEquals(report.wrapped, 3);
});

// -- options --

const OPTIONS: Record<string, PoolOptions> = {
  "more maxChunks": { maxChunks: 128 },
  "other chunksPerBlock": { chunksPerBlock: 32 },
  "wide handles": { handles: "wide" },
  "compact handles": { handles: "compact" },
  "spread reuse": { reuse: "spread" },
  "debug mode": { debug: true },
  "more empty blocks": { keepEmptyBlocks: 3 },
  "none of them": { keepEmptyBlocks: 0 },
  "another everything": {
    maxChunks: 1024,
    chunksPerBlock: 32,
    handles: "wide",
    reuse: "spread",
    debug: true,
  },
};

for (const [name, make] of faces) {
  for (const [what, options] of Object.entries(OPTIONS)) {
    Deno.test(`${name}: load() survives ${what}, on either side`, () => {
      for (const state of ["holes", "a block given back", "all chunks", "nothing"]) {
        for (const [a, b] of [[{}, options], [options, {}]]) {
          const old = stateful(make, state, a);
          const face = stateful(make, "one record", b);
          const moved = new Map<number, number>();
          const report = reload(old.pool, face.pool, {
            moved(from, to) {
              assert(!moved.has(from));
              moved.set(from, to);
            },
          });
          assertEquals([report.records, report.moved], [old.pool.size, moved.size]);
          const handles = [...old.pool.handles()];
          assertEquals(face.pool.size, handles.length);
          for (const handle of handles) {
            const now = forge(moved.get(handle) ?? handle);
            assertEquals(JSON.stringify(face.get(now)), JSON.stringify(old.get(handle)));
          }
          while (face.tryAlloc() !== undefined && face.pool.size < 300);
          validate(face.pool);
          drop(face);
          drop(old);
        }
      }
    });
  }
}

Deno.test("load() keeps handles where chunks have the same indices, and the generations fit", () => {
  const make = (options: PoolOptions) => new Pool({ n: "u32" }, { maxChunks: 64, ...options });
  const old = make({ chunksPerBlock: 16 });
  old.allocMany(64);
  old.retain((_, handle) => handle % 5 === 0);
  old.allocMany(9);
  const handles = [...old.handles()];
  for (
    const options of [{ chunksPerBlock: 64 }, { chunksPerBlock: 32, reuse: "spread" }, {
      chunksPerBlock: 16,
      handles: "wide",
    }, { chunksPerBlock: 16, debug: true }] as PoolOptions[]
  ) {
    const pool = make(options);
    assertEquals(reloadMoved(old, pool).size, 0);
    assertEquals([...pool.handles()], handles);
    drop(untyped({ pool }));
  }
  const wide = make({ handles: "wide", chunksPerBlock: 16 });
  reload(old, wide);
  const compact = make({ chunksPerBlock: 16 });
  assertEquals(reloadMoved(wide, compact).size, 0);
  assertEquals([...compact.handles()], handles);
});

Deno.test("load() keeps the index where it cannot keep the handle, and moves the rest to the lowest chunks", () => {
  const old = new Pool({ n: "u32" }, { chunksPerBlock: 16, maxChunks: 64 });
  const handles = old.allocMany(60);
  for (let i = 0; i < 60; i++) old.set(handles[i], { n: i });
  old.freeMany(handles.slice(0, 50));
  const more = new Pool({ n: "u32" }, { chunksPerBlock: 16, maxChunks: 1024 });
  const moved = reloadMoved(old, more);
  assertEquals([...moved.keys()], handles.slice(50));
  assertEquals(Array.from(moved.values(), (to) => more.indexOf?.(forge(to)) ?? to % 1024), [
    50,
    51,
    52,
    53,
    54,
    55,
    56,
    57,
    58,
    59,
  ]);
  const fewer = new Pool({ n: "u32" }, { chunksPerBlock: 16, maxChunks: 16 });
  reload(old, fewer);
  assertEquals(valuesOf(fewer).map((it) => untyped<{ n: number }>(it).n).sort(), [
    50,
    51,
    52,
    53,
    54,
    55,
    56,
    57,
    58,
    59,
  ]);
});

Deno.test("load() throws SnapshotError where maxChunks is too small, and changes nothing", () => {
  for (const [, make] of faces) {
    const old = stateful(make, "all chunks");
    const face = stateful(make, "one record", { maxChunks: 32 });
    assertRefused(
      face.pool,
      () => face.pool.load(old.pool.save()),
      SnapshotError,
      "its 64 records are more than there is room for in the 32 chunks of",
    );
  }
});

Deno.test("load() gives no chunk out that is retired here or was in the save", () => {
  for (const reuse of ["recent", "spread"] as const) {
    const make = FACES["wide Pool"];
    const worn = stateful(make, "worn chunks in a block given back", { reuse });
    const face = stateful(make, "worn chunks", { reuse });
    reload(worn.pool, face.pool);
    assertEquals(face.pool.stats().retired, 10);
    face.allocMany(64 - 10 - face.pool.size);
    assertEquals(face.tryAlloc(), undefined);
    validate(face.pool);
    const full = stateful(make, "all chunks", { reuse });
    const small = stateful(make, "worn chunks", { reuse });
    assertRefused(
      small.pool,
      () => small.pool.load(full.pool.save()),
      SnapshotError,
      "its 64 records are more",
    );
    const compact = stateful(FACES.Pool, "nothing", { reuse });
    reload(worn.pool, compact.pool);
    assertEquals(compact.values(), worn.values());
    compact.allocMany(64 - compact.pool.size);
    validate(compact.pool);
  }
});

// -- memory --

for (const [name, make] of faces) {
  Deno.test(`${name}: load() takes memory for all blocks or none, and gives every region back`, () => {
    for (const state of ["all chunks", "a block given back"]) {
      const saved = stateful(make, state).pool.save();
      for (let budget = 0;; budget++) {
        const memory = new Ledger();
        const face = stateful(make, "one record", { memory });
        memory.budget = budget;
        const before = JSON.stringify(
          stateOf(face.pool),
          (key, value) => key === "grown" || key === "released" ? undefined : value,
        );
        let isDone = true;
        try {
          face.pool.load(saved);
        } catch (error) {
          assert(error instanceof OutOfMemoryError, String(error));
          isDone = false;
        }
        validate(face.pool);
        if (!isDone) {
          assertEquals(
            JSON.stringify(
              stateOf(face.pool),
              (key, value) => key === "grown" || key === "released" ? undefined : value,
            ),
            before,
          );
          memory.budget = Infinity;
          face.pool.load(saved);
        }
        assertEquals(face.pool.size, state === "all chunks" ? 64 : 34);
        face.pool.dispose();
        assertEquals(memory.lent.size, 0);
        if (isDone) break;
      }
    }
  });
}

Deno.test("load() under a budget that is too small throws OutOfMemoryError and changes nothing", () => {
  using old = new Pool({ n: "u32" }, SNAPPED);
  old.allocMany(64);
  const memory = countingMemory(heapMemory, { limit: 200 });
  using pool = new Pool({ n: "u32" }, { ...SNAPPED, memory });
  pool.alloc({ n: 5 });
  const [handle] = pool.handles();
  assertThrows(() => pool.load(old.save()), OutOfMemoryError);
  assertEquals([pool.size, pool.get(handle).n, pool.blocks.length], [1, 5, 1]);
  validate(pool);
});

Deno.test("load() is right whatever its memory resource calls meanwhile", () => {
  const CALLS: Record<string, (pool: Pool<{ n: "u32" }>) => void> = {
    "alloc": (pool) => void pool.tryAlloc({ n: 99 }),
    "free": (pool) => pool.size > 0 && pool.free([...pool.handles()][0]),
    "clear": (pool) => pool.clear(),
    "trim": (pool) => void pool.trim(),
    "freeBlock": (pool) => pool.blocks.length > 0 && pool.freeBlock(pool.blocks[0].index),
    "save": (pool) => void pool.save(),
    "load": (pool) => void pool.load(pool.save()),
    "dispose": (pool) => pool.dispose(),
  };
  using old = new Pool({ n: "u32" }, SNAPPED);
  old.allocMany(50).forEach((handle, n) => old.set(handle, { n }));
  const saved = old.save();
  for (const handles of ["compact", "wide"] as const) {
    for (const [name, call] of Object.entries(CALLS)) {
      let isOn = false;
      const memory: MemoryResource = {
        allocate(byteLength, align) {
          if (isOn) call(pool);
          return heapMemory.allocate(byteLength, align);
        },
        release: (region) => heapMemory.release(region),
      };
      const pool = new Pool({ n: "u32" }, { ...SNAPPED, handles, memory });
      pool.allocMany(10);
      isOn = true;
      let isDone = true;
      try {
        pool.load(saved);
      } catch (error) {
        assert(
          error instanceof Error && (/it is growing|meanwhile|disposed/.test(error.message)),
          `${name}: ${error}`,
        );
        isDone = false;
      }
      isOn = false;
      if (name === "dispose") continue;
      validate(pool);
      if (!isDone) pool.load(saved);
      assertEquals(valuesOf(pool), valuesOf(old), name);
      validate(pool);
    }
  }
});

// -- pools of several structs --

const Spark = struct({ heat: "u16" }, { name: "Spark" });
const Ship = struct({ x: "f32", y: "f32" }, { name: "Ship" });

Deno.test("PoolSet.load() moves records whose struct has grown to another class, and knows kinds in another order", () => {
  const old = new PoolSet({ ...SNAPPED, sizes: [2, 8, 16] });
  const sparks = old.allocMany(Spark, 10);
  const ships = old.allocMany(Ship, 10);
  sparks.forEach((handle, i) => old.set(Spark, handle, { heat: i }));
  ships.forEach((handle, i) => old.set(Ship, handle, { x: i, y: -i }));
  const BigSpark = struct({ heat: "f64", color: "u32" }, { name: "Spark" });
  const Vessel = struct({ y: "f32", x: "f32" }, { name: "Vessel" });
  const set = new PoolSet({ ...SNAPPED, sizes: [2, 8, 16], types: [Vessel, BigSpark] });
  const moved = reloadMoved(old, set, { rename: { Ship: "Vessel" } });
  assertEquals([...moved.keys()], sparks);
  sparks.forEach((handle, i) =>
    assertEquals(set.get(BigSpark, forge(moved.get(handle))).toJSON(), { heat: i, color: 0 })
  );
  ships.forEach((handle, i) =>
    assertEquals(set.get(Vessel, forge(handle)).toJSON(), { y: -i, x: i })
  );
  for (const handle of sparks) assertEquals(set.has(forge(handle)), false);
});

Deno.test("PoolSet.load() of other sizes, of one more, and of one class", () => {
  const old = new PoolSet({ ...SNAPPED, sizes: [2, 8] });
  for (let i = 0; i < 20; i++) {
    old.alloc(Spark, { heat: i });
    old.alloc(Ship, { x: i });
  }
  for (const sizes of [[8], [2, 4, 8], [4, 16], [2, 8, 32, 64, 128]]) {
    const set = new PoolSet({ chunksPerBlock: 16, maxChunks: 1024, sizes, types: [Ship, Spark] });
    const moved = reloadMoved(old, set);
    for (const handle of old.handles(Spark)) {
      assertEquals(
        set.get(Spark, forge(moved.get(handle) ?? handle)).heat,
        old.get(Spark, handle).heat,
      );
    }
    for (const handle of old.handles(Ship)) {
      assertEquals(set.get(Ship, forge(moved.get(handle) ?? handle)).x, old.get(Ship, handle).x);
    }
  }
});

Deno.test("load() names the struct that the pool does not know, and takes it once it does", () => {
  const old = new PoolSet({ ...SNAPPED, sizes: [8] });
  old.alloc(Spark, { heat: 7 });
  const set = new PoolSet({ ...SNAPPED, sizes: [8] });
  assertRefused(
    set,
    () => set.load(old.save()),
    SnapshotError,
    'it has records of struct "Spark", which the pool does not know, it knows none; rename gives',
  );
  set.cursor(Spark);
  reload(old, set);
  assertEquals([...set.all(Spark)].map((view) => view.heat), [7]);
  old.clear();
  reload(old, new PoolSet({ ...SNAPPED, sizes: [8] })); // of which there is no record nothing is asked
});

Deno.test("load() tells structs without names, or of one name, by their fields", () => {
  const A = struct({ n: "u32", x: "f32" }), B = struct({ n: "u32" }), C = struct({ n: "f64" });
  const old = new ErasedPool({ ...SNAPPED, size: 8, types: [A, B, C] });
  old.alloc(A, { n: 1 });
  old.alloc(B, { n: 2 });
  old.alloc(C, { n: 3 });
  const pool = new ErasedPool({ ...SNAPPED, size: 8, types: [C, B, A] });
  assertEquals(reload(old, pool).added, []);
  assertEquals(
    [A, B, C].map((type) => [...pool.all(type)].map((view) => (view as { n: number }).n)),
    [[1], [2], [3]],
  );
  const E = struct({ n: "u32" }, { name: "Same" }), F = struct({ n: "u32" }, { name: "Same" });
  const twins = new ErasedPool({ ...SNAPPED, size: 8, types: [E, F] });
  twins.alloc(E, { n: 1 });
  twins.alloc(F, { n: 2 });
  const others = new ErasedPool({ ...SNAPPED, size: 8, types: [E, F] });
  reload(twins, others);
  assertEquals([[...others.all(E)].length, [...others.all(F)].length], [1, 1]);
});

Deno.test("load() between Pool, ErasedPool and PoolSet", () => {
  const old = new Pool(Ship, SNAPPED);
  const handles = old.allocMany(20);
  handles.forEach((handle, i) => old.set(handle, { x: i }));
  const erased = new ErasedPool({ ...SNAPPED, size: 16, types: [Spark, Ship] });
  assertEquals(reload(old, erased).moved, 0);
  const set = new PoolSet({ ...SNAPPED, maxChunks: 128, sizes: [4, 8], types: [Ship] });
  const moved = reloadMoved(erased, set);
  const back = new Pool(Ship, SNAPPED);
  reload(set, back);
  assertEquals([moved.size, valuesOf(back)], [20, valuesOf(old)]);
});

Deno.test("An ErasedPool without types saves bytes, which one with chunks of the same size alone takes", () => {
  const make = (size: number, options: PoolOptions = SNAPPED) =>
    new ErasedPool({ ...options, size });
  const old = make(8);
  const handle = old.alloc(Ship, { x: 1, y: 2 });
  const pool = make(8, { chunksPerBlock: 32, maxChunks: 64, handles: "wide" });
  reload(old, pool);
  assertEquals(pool.get(Ship, handle).toJSON(), { x: 1, y: 2 });
  const others: Saved[] = [
    make(16),
    new Pool(Ship, SNAPPED),
    new PoolSet({ ...SNAPPED, sizes: [8], types: [Ship] }),
  ];
  for (const other of others) {
    assertRefused(
      other,
      () => other.load(old.save()),
      SnapshotError,
      "its records have no struct: an ErasedPool without types takes them, with chunks of 8 bytes",
    );
  }
  using typed = new Pool(Ship, SNAPPED);
  typed.alloc();
  assertRefused(
    pool,
    () => pool.load(typed.save()),
    SnapshotError,
    'it has records of struct "Ship", which the pool does not know',
  );
});

Deno.test("load() of a pool of a set, which has a part of its handles", () => {
  const make = () => {
    const set = new PoolSet({ ...SNAPPED, sizes: [2, 8], types: [Spark, Ship] });
    set.allocMany(Spark, 3);
    return set;
  };
  const [old, set] = [make(), make()];
  const ships = old.allocMany(Ship, 20);
  ships.forEach((handle, i) => old.set(Ship, handle, { x: i }));
  assertEquals(reload(old.pools[1], set.pools[1]).moved, 0);
  ships.forEach((handle, i) => assertEquals(set.get(Ship, handle).x, i));
  assertEquals(set.size, 23);
  validate(set);
});

Deno.test("load() empties a HandleMap beside the pool", () => {
  using pool = new Pool(Ship, SNAPPED);
  const names = new HandleMap<typeof Ship, string>(pool);
  const ship = pool.alloc();
  names.set(ship, "Argo");
  pool.load(pool.save());
  assertEquals([pool.has(ship), names.get(ship), names.size], [true, undefined, 0]);
});

// -- links --

const Node = struct({
  n: "u32",
  next: ref("self"),
  near: array(ref("self"), 2),
  any: "ref",
  inner: struct({ self: ref("self") }),
}, { name: "Node" });
const Crew = struct({ node: ref(Node), age: "u8" }, { name: "Crew" });
const Hold = struct({ at: Crew, all: array(Crew, 2) }, { name: "Hold" });

Deno.test("load() sets typed links right when records move: cycles, arrays, nested structs; it leaves others alone", () => {
  const types = [Node, Crew, Hold];
  const old = new ErasedPool({ ...SNAPPED, size: 32, types });
  const nodes = old.allocMany(Node, 20);
  old.freeMany(nodes.splice(3, 7));
  nodes.forEach((handle, i) => {
    const [next, other] = [nodes[(i + 1) % nodes.length], nodes[(i + 5) % nodes.length]];
    old.set(Node, handle, {
      n: i,
      next,
      near: [other, null],
      any: next,
      inner: { self: forge(next) },
    });
  });
  const crew = old.alloc(Crew, { node: nodes[2], age: 3 });
  const hold = old.alloc(Hold, {
    at: { node: nodes[1] },
    all: [{ node: nodes[4] }, { node: forge(12345) }],
  });
  const pools = [
    new ErasedPool({ chunksPerBlock: 16, maxChunks: 1024, size: 32, types }),
    new ErasedPool({ chunksPerBlock: 16, maxChunks: 32, size: 40, types: [Hold, Crew, Node] }),
    new ErasedPool({
      chunksPerBlock: 16,
      maxChunks: 1024,
      size: 32,
      types,
      handles: "wide",
      reuse: "spread",
    }),
    new PoolSet({ chunksPerBlock: 16, maxChunks: 1024, sizes: [8, 24, 32], types }),
  ];
  for (const pool of pools) {
    const moved = reloadMoved(old, pool);
    const now = (handle: number) => moved.get(handle) ?? handle;
    assert(moved.size > 0 || pool.maxChunks === 32); // its handles can be such numbers
    nodes.forEach((handle, i) => {
      const [next, other] = [nodes[(i + 1) % nodes.length], nodes[(i + 5) % nodes.length]];
      assertEquals(pool.get(Node, forge(now(handle))).toJSON(), {
        ...{ n: i, next: forge(now(next)), near: [forge(now(other)), forge(0)] },
        ...{ any: next, inner: { self: forge(next) } },
      });
    });
    assertEquals(pool.get(Crew, forge(now(crew))).node, forge(now(nodes[2])));
    const { at, all } = pool.get(Hold, forge(now(hold))).toJSON();
    assertEquals([at.node, all.map(({ node }) => node)], [forge(now(nodes[1])), [
      forge(now(nodes[4])),
      forge(12345),
    ]]);
  }
});

Deno.test("load() refuses a link that cannot hold the new handle, and changes nothing", () => {
  const old = new PoolSet({ ...SNAPPED, sizes: [8, 32], types: [Node] });
  const a = old.alloc(Node), b = old.alloc(Node, { next: a });
  old.set(Node, a, { next: b });
  const set = new PoolSet({ ...SNAPPED, sizes: [8, 32], types: [Node], handles: "wide" });
  assertRefused(
    set,
    () => set.load(old.save()),
    SnapshotError,
    'a ref holds a handle below 2^32, and a record of struct "Node", which refs may lead to, would get handle',
  );
});

// -- moved --

Deno.test("moved() is called once for each, when all is loaded; all are told, and the first error is thrown", () => {
  using old = new Pool({ n: "u32" }, SNAPPED);
  old.allocMany(20);
  using pool = new Pool({ n: "u32" }, { ...SNAPPED, maxChunks: 128 });
  const calls: number[] = [];
  const error = assertThrows(() =>
    pool.load(old.save(), {
      moved(from, to) {
        assertEquals(pool.size, 20);
        assert(pool.has(forge(to)) && !pool.has(forge(from)));
        calls.push(from);
        throw new RangeError(`${calls.length}`);
      },
    }), RangeError);
  assertEquals(error.message, "1");
  assertEquals(calls, [...old.handles()]);
  validate(pool);
  pool.load(old.save(), { moved: () => pool.clear() });
  assertEquals(pool.size, 0);
  assertThrows(() =>
    pool.load(old.save(), {
      moved: () => {
        throw undefined;
      },
    })
  );
  assertEquals(pool.size, 20);
});

// -- debug mode --

Deno.test("Handles of a debug pool are not given out again after load(), live or stale", () => {
  const make = () => new Pool({ n: "u32" }, { ...SNAPPED, debug: true });
  const old = make();
  const stale = old.allocMany(3);
  old.freeMany(stale);
  old.allocMany(3);
  const live = [...old.handles()];
  // As another program would find it, whose counter is behind.
  const saved = old.save();
  const text = JSON.parse(textOf(saved));
  text.nextNumber += 1000;
  const pool = make();
  pool.load(withText(saved, JSON.stringify(text)));
  assertEquals([...pool.handles()], live);
  assert(pool.alloc() >= text.nextNumber);
  for (const handle of stale) assertThrows(() => pool.get(handle), StaleHandleError);
  drop(untyped({ pool }));
  drop(untyped({ pool: old }));
});

// -- arguments --

Deno.test("load() and restore() say which of them takes the bytes", () => {
  using pool = new Pool({ n: "u32" }, SNAPPED);
  pool.alloc();
  assertRefused(
    pool,
    () => pool.load(pool.snapshot()),
    SnapshotError,
    'Cannot load Pool "pool" from the save: it is a snapshot, which restore() takes',
  );
  assertRefused(
    pool,
    () => pool.restore(pool.save()),
    SnapshotError,
    'Cannot restore Pool "pool" from the snapshot: it is a save, which load() takes',
  );
});

Deno.test("load() throws TypeError on bad arguments, and changes nothing", () => {
  using pool = new Pool({ n: "u32" }, SNAPPED);
  pool.alloc();
  const saved = pool.save();
  for (const bytes of [undefined, null, "save", [1], saved.buffer, new Uint16Array(4)]) {
    assertRefused(
      pool,
      () => pool.load(untyped(bytes)),
      TypeError,
      'Cannot load Pool "pool": bytes must be a Uint8Array',
    );
  }
  for (
    const [options, problem] of [
      [null, "options must be an object"],
      [{ renames: {} }, 'unknown option "renames", did you mean "rename"?'],
      [{ moved: 1 }, "moved must be a function, got 1"],
      [{ rename: null }, "rename must be an object of new names by old ones"],
      [{ rename: ["a"] }, "rename must be an object"],
      [{ rename: { a: 1 } }, "rename must be an object"],
    ] as [unknown, string][]
  ) {
    assertRefused(
      pool,
      () => pool.load(saved, untyped(options)),
      TypeError,
      `Cannot load Pool "pool": ${problem}`,
    );
  }
});

Deno.test("load() takes longer arrays, at any byte of a buffer, and shared ones", () => {
  using pool = new Pool({ n: "u32" }, SNAPPED);
  pool.alloc({ n: 7 });
  const saved = pool.save();
  for (let offset = 0; offset < 9; offset++) {
    const longer = new Uint8Array(saved.length + 20);
    longer.set(saved, offset);
    pool.load(longer.subarray(offset));
    const shared = new Uint8Array(new SharedArrayBuffer(saved.length + 20), offset);
    shared.set(saved);
    pool.load(shared);
    assertEquals(valuesOf(pool), [{ n: 7 }]);
  }
});

Deno.test("save() and load() throw DisposedError after dispose(), and a save leaves the pool alone", () => {
  const face = stateful(FACES.Pool, "holes");
  const before = stateOf(face.pool);
  const saved = face.pool.save();
  assertEquals(stateOf(face.pool), before);
  assertEquals(face.pool.save(), saved);
  face.pool.dispose();
  assertThrows(() => face.pool.save(), Error, "it was disposed of");
  assertThrows(() => face.pool.load(saved), Error, "it was disposed of");
});

Deno.test("A save has hardly more bytes than the records", () => {
  using pool = new Pool({ n: "f64" }, { chunksPerBlock: 1024, maxChunks: 65_536 });
  pool.allocMany(10_000);
  assert(pool.save().length < 10_000 * 8 + 10_240 * 2 + 500);
});
