/**
 * `save()` and `load()`: pools whose structs and options have changed read what others wrote.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  array,
  compact,
  debug,
  ErasedPool,
  HandleMap,
  heapMemory,
  load,
  Pool,
  PoolSet,
  ref,
  restore,
  save,
  snapshot,
  SnapshotError,
  spread,
  StaleHandleError,
  struct,
  validate,
} from "../../mod.ts";
import type { AnyStruct, Fields, LoadOptions, PoolOptions } from "../../mod.ts";
import { POOL_KINDS, REUSES, valuesOf } from "../_kinds.ts";
import { assertError, counters, forge, stateOf, untyped } from "../_support.ts";
import { SNAPPED, stateful, statesOf } from "../slab/_snapshots.ts";
import { SCALARS } from "../model/_values.ts";
import { edgesOf, reload, reloadMoved, type Saved, stored, textOf, withText } from "./_saves.ts";

/** The records of a pool as plain values, bigints as strings. */
function plain(pool: Iterable<object>): unknown[] {
  return Array.from(pool, (view) => JSON.parse(JSON.stringify(view)));
}

/** A pool of one struct with any fields. */
function shipsOf(fields: Fields): Pool<AnyStruct> {
  return untyped(new Pool(struct(fields, { name: "Ship" }), SNAPPED));
}

// -- the same pool --

for (const kind of Object.keys(POOL_KINDS)) {
  Deno.test(`${kind}: load() restores the records of any state with their handles, and the pool goes on`, () => {
    for (const reuse of ["recent", spread] as const) {
      for (const state of statesOf(kind)) {
        const old = stateful(kind, state, { reuse });
        const saved = [...old.pool.handles()];
        for (const into of ["nothing", "holes", "all chunks", "a block given back"]) {
          const it = stateful(kind, into, { reuse });
          const { pool, of } = it;
          const own = [...pool.handles()];
          const report = reload(old.pool, pool);
          const counts = { records: saved.length, moved: 0, wrapped: new Map() };
          assertEquals(report, { ...counts, added: [], dropped: [] });
          assertEquals([valuesOf(it), [...pool.handles()]], [valuesOf(old), saved]);
          for (const handle of own) assertEquals(pool.has(handle), saved.includes(handle));
          const known = new Set([...own, ...saved]);
          for (let left = 64 - pool.size - pool.stats().retired; left > 0; left--) {
            assert(!known.has(pool.alloc(...of)), "a handle was given out again");
            validate(pool);
          }
          assertEquals(pool.tryAlloc(...of), undefined);
        }
      }
    }
  });
}

Deno.test("load() keeps blocks, the reserve and the counts as clear() and alloc() do", () => {
  using old = counters(SNAPPED);
  old.allocMany(20);
  using pool = counters(SNAPPED);
  pool.reserve(33);
  pool.allocMany(60);
  load(pool, save(old));
  const { size, peakSize, allocs, frees } = pool.stats();
  assertEquals([size, peakSize, allocs, frees, pool.capacity], [20, 60, 80, 60, 64]);
  pool.freeMany([...pool.handles()]);
  assertEquals(pool.capacity, 48); // one empty block, and what was reserved
  pool.trim();
  assertEquals(pool.capacity, 0);
});

// -- fields --

const Vec2 = struct({ x: "f32", y: "f32" }, { name: "Vec2" });
const Vec3 = struct({ y: "f64", z: "u8", x: "f32" }, { name: "Vec3" });

/** Loads two records of some fields into a pool of others: what they become, and the report. */
function become(from: Fields, record: object, to: Fields, rename: LoadOptions["rename"]) {
  const [old, pool] = [shipsOf(from), shipsOf(to)];
  for (let i = 0; i < 2; i++) old.alloc(record);
  const { wrapped, added, dropped } = reload(old, pool, { rename });
  const [value, second] = plain(pool);
  assertEquals([second, pool.size, wrapped.size], [value, 2, 0]);
  return { value, dropped, added };
}

type Row = [
  what: string,
  LoadOptions["rename"],
  value: object,
  dropped: string[],
  added?: string[],
];

/** What becomes of the fields `a: 1, b: 2`. */
const RENAMES: readonly Row[] = [
  ["a renamed field", { a: "c" }, { c: 1 }, ["Ship.b"]],
  ["a field renamed in one struct", { "Ship.a": "c", "Tree.a": "b" }, { b: 2, c: 1 }, []],
  ["a field renamed twice", { a: "c", "Ship.c": "d", d: "e" }, { d: 1 }, ["Ship.b"]],
  ["a field renamed to nothing", { a: "d", d: "a" }, { c: 0 }, ["Ship.b", "Ship.a"], ["Ship.c"]],
  ["a field renamed to another", { a: "b" }, { b: 1 }, ["Ship.b"]],
  ["two fields that swap names", { a: "b", b: "a" }, { a: 2, b: 1 }, []],
];

for (const [what, rename, value, dropped, added = []] of RENAMES) {
  Deno.test(`load() converts ${what}`, () => {
    const to = Object.fromEntries(Object.keys(value).map((name) => [name, "u8"] as const));
    const actual = become({ a: "u8", b: "u8" }, { a: 1, b: 2 }, to, rename);
    assertEquals(actual, { value, dropped, added });
  });
}

Deno.test("load() converts a renamed field of its struct's name, which the struct keeps", () => {
  const actual = become({ Ship: "u8" }, { Ship: 3 }, { parent: "u8" }, { Ship: "parent" });
  assertEquals(actual, { value: { parent: 3 }, dropped: [], added: [] });
});

Deno.test("load() converts nested structs and arrays of them, also with renamed fields", () => {
  const pos = { x: 1, y: 2 };
  const to = { pos: struct({ u: "f32", y: "f32" }) };
  const renamed = become({ pos: Vec2 }, { pos }, to, { "Vec2.x": "u" });
  assertEquals(renamed, { value: { pos: { u: 1, y: 2 } }, dropped: [], added: [] });
  const from = { pos: Vec2, path: array(Vec2, 1), gone: Vec2 };
  const next = { path: array(Vec3, 2), place: Vec3 };
  const path = [{ x: 3, y: 4 }];
  assertEquals(become(from, { pos, path }, next, { pos: "place" }), {
    value: { path: [{ y: 4, z: 0, x: 3 }, { y: 0, z: 0, x: 0 }], place: { y: 2, z: 0, x: 1 } },
    dropped: ["Ship.gone"],
    added: ["Ship.path.z", "Ship.place.z"],
  });
});

Deno.test("load() leaves padding and the rest of a chunk zero", () => {
  const words = shipsOf({ a: "u8", b: "u8", c: "u32", d: "u32" });
  words.alloc({ a: 255, b: 255, c: 2 ** 32 - 1, d: 2 ** 32 - 1 });
  const pool = shipsOf({ a: "u8", c: "u32", d: "u16" });
  reload(words, pool);
  const bytes = [255, 0, 0, 0, ...[255, 255, 255, 255], 255, 255, 0, 0];
  assertEquals([...pool.blocks[0].bytes.subarray(0, 12)], bytes);
});

Deno.test("load() finds a struct by its new name, also where every object has such a member", () => {
  using old = new Pool(struct({ hp: "u8" }, { name: "toString" }), SNAPPED);
  old.alloc({ hp: 3 });
  using pool = new Pool(struct({ hp: "u8" }, { name: "valueOf" }), SNAPPED);
  const problem = 'struct "toString", which the pool does not know, it knows struct "valueOf"';
  assertError(pool, () => load(pool, save(old)), SnapshotError, problem);
  reload(old, pool, { rename: { toString: "valueOf", Boat: "toString", nothing: "hp2" } });
  assertEquals(plain(pool), [{ hp: 3 }]);
  const rename = { toString: "Boat", Boat: "valueOf", "Boat.hp": "nothing", "valueOf.hp": "hp" };
  reload(old, pool, { rename });
  assertEquals(plain(pool), [{ hp: 3 }]);
});

for (const from of SCALARS) {
  Deno.test(`load() converts ${from} to every other type as typed arrays do, and counts what wraps`, () => {
    const edges = edgesOf(from).slice(0, 64);
    for (const to of SCALARS) {
      const old = shipsOf({ v: from });
      for (const v of edges) old.alloc(untyped({ v }));
      const pool = shipsOf({ v: to, also: "u8" });
      const { wrapped } = reload(old, pool);
      const wanted = edges.map((v) => stored(v, to));
      const values = Array.from(pool, (view) => untyped<{ v: unknown }>(view).v);
      assertEquals(values, wanted.map(({ value }) => value), `${from} to ${to}`);
      const lost = from === to ? 0 : wanted.filter(({ isIn }) => !isIn).length;
      assertEquals([...wrapped], lost > 0 ? [["Ship.v", lost]] : [], `${from} to ${to}`);
    }
  });
}

// -- options --

for (const kind of Object.keys(POOL_KINDS)) {
  Deno.test(`${kind}: load() throws SnapshotError where maxChunks is too small, and changes nothing`, () => {
    const saved = save(stateful(kind, "all chunks").pool);
    const { pool } = stateful(kind, "one record", { maxChunks: 32 });
    const problem = "its 64 records are more than there is room for in the 32 chunks of";
    assertError(pool, () => load(pool, saved), SnapshotError, problem);
  });
}

Deno.test("load() keeps handles where chunks have the same indices, and the generations fit", () => {
  const make = (options: PoolOptions) => counters({ ...SNAPPED, ...options });
  const old = make({});
  old.allocMany(64);
  old.retain((_, handle) => handle % 5 === 0);
  old.allocMany(9);
  const handles = [...old.handles()];
  const wide = make({ handles: "wide" });
  const to = [{ chunksPerBlock: 64 }, { reuse: spread }, { debug }] as PoolOptions[];
  for (const pool of [wide, ...to.map(make)]) {
    assertEquals(reloadMoved(old, pool).size, 0);
    assertEquals([...pool.handles()], handles);
  }
  assertEquals(reloadMoved(wide, make({})).size, 0);
});

Deno.test("load() keeps the index where it cannot keep the handle, and else takes the lowest chunk", () => {
  const old = counters(SNAPPED);
  const handles = old.allocMany(60);
  old.freeMany(handles.splice(0, 50));
  const more = counters({ ...SNAPPED, maxChunks: 1024 });
  const moved = reloadMoved(old, more);
  assertEquals([...moved.keys()], handles as number[]);
  const indices = Array.from(moved.values(), (to) => more.indexOf(forge(to)));
  assertEquals(indices, [50, 51, 52, 53, 54, 55, 56, 57, 58, 59]);

  using sparse = counters(SNAPPED);
  sparse.freeMany(sparse.allocMany(64).filter((_, i) => i === 0 || i % 16 > 0));
  const fewer = counters({ ...SNAPPED, maxChunks: 16 });
  assertEquals(reloadMoved(sparse, fewer).size, 2); // to one with 4 index bits all are of index 0
  assertEquals(Array.from(fewer.handles(), (it) => fewer.indexOf(it)), [0, 1, 2]);
});

Deno.test("load() keeps the last compact generation, and gives a chunk the first one after it", () => {
  const most = { ...SNAPPED, maxChunks: 2 ** 22 }; // 8 bits are left for generations
  const [old, pool] = [counters(most), counters(most)];
  for (let i = 1; i < 255; i++) old.free(old.alloc());
  const last = old.alloc();
  assertEquals(reloadMoved(old, pool).size, 0);
  assert(pool.has(last));
  const other = counters(SNAPPED);
  const first = other.alloc();
  const to = forge(reloadMoved(other, pool).get(first)!);
  assertEquals([pool.indexOf(to), pool.has(last)], [old.indexOf(last), false]);
});

for (const [how, reuse] of Object.entries(REUSES)) {
  Deno.test(`load() uses no chunk that is retired in the pool or was in the save (${how})`, () => {
    const worn = stateful("wide Pool", "worn chunks in a block given back", { reuse });
    const { pool } = stateful("wide Pool", "worn chunks", { reuse });
    const saved = save(stateful("wide Pool", "all chunks", { reuse }).pool);
    assertError(pool, () => load(pool, saved), SnapshotError, "its 64 records are more");
    reload(worn.pool, pool);
    assertEquals(pool.stats().retired, 10);
    pool.allocMany(64 - 10 - pool.size);
    assertEquals(pool.tryAlloc(), undefined);
    validate(pool);
    const compact = stateful("Pool", "nothing", { reuse });
    reload(worn.pool, compact.pool);
    assertEquals(valuesOf(compact), valuesOf(worn));
    compact.pool.allocMany(64 - compact.pool.size);
    validate(compact.pool);
  });
}

// -- pools of several structs --

function erasedOf(types: AnyStruct[]): ErasedPool<AnyStruct> {
  return new ErasedPool<AnyStruct>({ ...SNAPPED, size: 8, types });
}

const Spark = struct({ heat: "u16" }, { name: "Spark" });
const Ship = struct({ x: "f32", y: "f32" }, { name: "Ship" });

Deno.test("load() moves records to the class of their struct, and no others, whatever the sizes and names", () => {
  const old = new PoolSet({ ...SNAPPED, sizes: [2, 8, 16] });
  const sparks = old.allocMany(Spark, 10), ships = old.allocMany(Ship, 10);
  sparks.forEach((handle, heat) => old.set(Spark, handle, { heat }));
  ships.forEach((handle, i) => old.set(Ship, handle, { x: i, y: -i }));
  const BigSpark = struct({ heat: "f64", color: "u32" }, { name: "Spark" });
  const Vessel = struct({ y: "f32", x: "f32" }, { name: "Vessel" });
  const cases: [sizes: number[], maxChunks: number, moves: number][] = [
    [[2, 8, 16], 64, 10], // the class of ships keeps its handles
    [[16], 1024, 20],
    [[8, 16, 32, 64, 128], 1024, 20],
  ];
  for (const [sizes, maxChunks, moves] of cases) {
    const set = new PoolSet({ ...SNAPPED, maxChunks, sizes, types: [Vessel, BigSpark] });
    const moved = reloadMoved(old, set, { rename: { Ship: "Vessel" } });
    assertEquals(moved.size, moves);
    const now = (handle: number) => forge(moved.get(handle) ?? handle);
    sparks.forEach((it, heat) => {
      assertEquals(set.get(BigSpark, now(it)).toJSON(), { heat, color: 0 });
    });
    ships.forEach((it, i) => assertEquals(set.get(Vessel, now(it)).toJSON(), { y: -i, x: i }));
    for (const handle of moved.keys()) assertEquals(set.has(forge(handle)), false);
  }
});

Deno.test("load() names all structs that the pool does not know, and takes their records once it does", () => {
  const old = new PoolSet({ ...SNAPPED, sizes: [8] });
  old.alloc(Spark, { heat: 7 });
  old.alloc(Ship, { x: 1 });
  const set = new PoolSet({ ...SNAPPED, sizes: [8] });
  const problem =
    'records of struct "Spark", struct "Ship", which the pool does not know, it knows none; rename';
  assertError(set, () => load(set, save(old)), SnapshotError, problem);
  set.cursor(Spark);
  set.cursor(Ship);
  reload(old, set);
  assertEquals(plain(set), [{ heat: 7 }, { x: 1, y: 0 }]);
  old.clear();
  // A struct without records need not be known.
  reload(old, new PoolSet({ ...SNAPPED, sizes: [8] }));
});

Deno.test("load() finds structs without names, or of one name, by their fields", () => {
  const A = struct({ n: "u32", x: "f32" }), B = struct({ n: "u32" }), C = struct({ n: "f64" });
  const [E, F] = [1, 2].map(() => struct({ n: "u32" }, { name: "Same" }));
  for (const [types, others] of [[[A, B, C], [C, B, A]], [[E, F], [E, F]]] as AnyStruct[][][]) {
    const [old, pool] = [erasedOf(types), erasedOf(others)];
    types.forEach((type, n) => old.alloc(type, { n }));
    assertEquals(reload(old, pool).added, []);
    types.forEach((type) => assertEquals([...pool.all(type)].length, 1));
  }
});

Deno.test("load() maps two structs to one that is far more similar to both than any other", () => {
  const Small = struct({ n: "u32", x: "u8" }), Large = struct({ n: "u32", x: "u8", y: "u8" });
  const Other = struct({ x: "u8", z: "u8" });
  const [old, pool] = [erasedOf([Small, Large]), erasedOf([Other, Large])];
  for (const type of [Small, Large]) old.alloc(type, { n: 5, x: 1 });
  reload(old, pool);
  const records = Array.from(pool.all(Large), (view) => ({ ...view.toJSON() }));
  assertEquals(records, [{ n: 5, x: 1, y: 0 }, { n: 5, x: 1, y: 0 }]);
});

Deno.test("load() takes the saves of all kinds of pools", () => {
  const old = new Pool(Ship, SNAPPED);
  old.allocMany(20).forEach((handle, i) => old.set(handle, { x: i }));
  const erased = new ErasedPool({ ...SNAPPED, size: 16, types: [Spark, Ship] });
  assertEquals(reload(old, erased).moved, 0);
  const set = new PoolSet({ ...SNAPPED, maxChunks: 128, sizes: [4, 8], types: [Ship] });
  assertEquals(reload(erased, set).moved, 20);
  const back = new Pool(Ship, SNAPPED);
  reload(set, back);
  assertEquals(plain(back), plain(old));
});

Deno.test("An ErasedPool without types saves bytes, which only one with chunks of the same size loads", () => {
  const make = (size: number, options?: PoolOptions) =>
    new ErasedPool({ ...SNAPPED, size, ...options });
  const old = make(8);
  const handle = old.alloc(Ship, { x: 1, y: 2 });
  const pool = make(8, { chunksPerBlock: 32, handles: "wide" });
  reload(old, pool);
  assertEquals(pool.get(Ship, handle).toJSON(), { x: 1, y: 2 });
  const ships = new Pool(Ship, SNAPPED);
  const set = new PoolSet({ ...SNAPPED, sizes: [8], types: [Ship] });
  for (const other of [make(16), ships, set] as Saved[]) {
    const problem =
      "its records have no struct: an ErasedPool without types takes them, with chunks of 8 bytes";
    assertError(other, () => load(other, save(old)), SnapshotError, problem);
  }
  ships.alloc();
  const problem = 'it has records of struct "Ship", which the pool does not know';
  assertError(pool, () => load(pool, save(ships)), SnapshotError, problem);
});

Deno.test("load() of one pool of a set keeps its handles, and the records of the others", () => {
  const [old, set] = [1, 2].map(() => {
    const set = new PoolSet({ ...SNAPPED, sizes: [2, 8], types: [Spark, Ship] });
    set.allocMany(Spark, 3);
    return set;
  });
  const ships = old.allocMany(Ship, 20);
  ships.forEach((handle, x) => old.set(Ship, handle, { x }));
  assertEquals(reload(old.pools[1], set.pools[1]).moved, 0);
  ships.forEach((handle, x) => assertEquals(set.get(Ship, handle).x, x));
  assertEquals(set.size, 23);
  validate(set);
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

Deno.test("load() updates typed links to records that move, at any depth, and no other numbers", () => {
  const types = [Node, Crew, Hold];
  const old = new ErasedPool({ ...SNAPPED, size: 32, types });
  const nodes = old.allocMany(Node, 20);
  old.freeMany(nodes.splice(3, 7));
  const after = (i: number, by: number) => nodes[(i + by) % nodes.length];
  nodes.forEach((handle, n) => {
    const next = after(n, 1);
    const inner = { self: forge(next) }; // of a struct that the pool does not store
    old.set(Node, handle, { n, next, near: [after(n, 5), null], any: next, inner });
  });
  const crew = old.alloc(Crew, { node: nodes[2], age: 3 });
  const all = [{ node: nodes[4] }, { node: forge(12345) }];
  const hold = old.alloc(Hold, { at: { node: nodes[1] }, all });
  const MORE: PoolOptions = { chunksPerBlock: 16, maxChunks: 1024 };
  const pools = [
    new ErasedPool({ ...MORE, size: 32, types }),
    new ErasedPool({ ...MORE, maxChunks: 32, size: 40, types: [Hold, Crew, Node] }),
    new ErasedPool({ ...MORE, size: 32, types, handles: "wide", reuse: spread }),
    new PoolSet({ ...MORE, sizes: [8, 24, 32], types }),
  ];
  for (const pool of pools) {
    const moved = reloadMoved(old, pool);
    const now = (handle: number) => forge(moved.get(handle) ?? handle);
    assert(moved.size > 0 || pool.maxChunks === 32); // its handles can be such numbers
    nodes.forEach((handle, n) => {
      const next = after(n, 1), near = [now(after(n, 5)), forge(0)];
      assertEquals(pool.get(Node, now(handle)).toJSON(), {
        ...{ n, next: now(next), near, any: next, inner: { self: forge(next) } },
      });
    });
    assertEquals(pool.get(Crew, now(crew)).node, now(nodes[2]));
    const { at, all } = pool.get(Hold, now(hold)).toJSON();
    const links = [at.node, ...all.map(({ node }) => node)];
    assertEquals(links, [now(nodes[1]), now(nodes[4]), forge(12345)]);
  }
});

Deno.test("load() throws SnapshotError where a link cannot hold the new handle, and changes nothing", () => {
  const [old, set] = (["compact", "wide"] as const).map((handles) =>
    new PoolSet({ ...SNAPPED, sizes: [8, 32], types: [Node], handles })
  );
  const next = old.alloc(Node);
  old.alloc(Node, { next });
  const problem =
    'a ref holds a handle below 2^32, and a record of struct "Node", which refs may lead to, would get handle';
  assertError(set, () => load(set, save(old)), SnapshotError, problem);
});

// -- moved, maps and debug mode --

Deno.test("load() calls moved() for each moved record when all is loaded, then throws the first error", () => {
  using old = counters(SNAPPED);
  old.allocMany(20);
  using pool = counters({ ...SNAPPED, maxChunks: 128 });
  const calls: number[] = [];
  const moved = (from: number, to: number) => {
    assert(pool.size === 20 && pool.has(forge(to)) && !pool.has(forge(from)));
    calls.push(from);
    throw calls.length === 1 ? undefined : new Error(`${calls.length}`);
  };
  let thrown: unknown = "nothing";
  try {
    load(pool, save(old), { moved });
  } catch (error) {
    thrown = error;
  }
  assertEquals([thrown, calls], [undefined, [...old.handles()]]);
  validate(pool);
  load(pool, save(old), { moved: () => pool.clear() });
  assertEquals(pool.size, 0);
});

Deno.test("load() empties a HandleMap beside the pool", () => {
  using pool = new Pool(Ship, SNAPPED);
  const names = new HandleMap<typeof Ship, string>(pool);
  const ship = pool.alloc();
  names.set(ship, "Argo");
  load(pool, save(pool));
  assertEquals([pool.has(ship), names.get(ship), names.size], [true, undefined, 0]);
});

Deno.test("Handles of a debug pool are not given out again after load(), live or stale", () => {
  const old = counters({ ...SNAPPED, debug });
  const stale = old.allocMany(3);
  old.freeMany(stale);
  old.allocMany(3);
  const saved = save(old);
  const text = JSON.parse(textOf(saved));
  text.nextNumber += 1000; // as if another program had written it, whose counter is ahead
  const pool = counters({ ...SNAPPED, debug });
  load(pool, withText(saved, JSON.stringify(text)));
  assertEquals([...pool.handles()], [...old.handles()]);
  assert(pool.alloc() >= text.nextNumber);
  for (const handle of stale) assertThrows(() => pool.get(handle), StaleHandleError);
  assertEquals(load(counters(SNAPPED), saved).moved, 3); // without debug mode
});

for (const read of [load, restore]) {
  const saveFor = read === load ? save : snapshot;

  Deno.test(`In debug mode no compact handle is given out that a pool had whose records ${read.name}() took`, () => {
    const old = counters(SNAPPED);
    for (let n = 0; n < 40; n++) old.free(old.alloc());
    const given = old.allocMany(64);
    old.freeMany(given.slice(1)); // are stale
    const pool = counters({ ...SNAPPED, debug });
    read(pool, saveFor(old));
    assert(pool.has(given[0]));
    assert(pool.alloc() >= 2 ** 30); // above all compact ones
    pool.clear();
  });

  Deno.test(`In debug mode links work on, whatever wide handles ${read.name}() took`, () => {
    const options = { ...SNAPPED, maxChunks: 2 ** 20, handles: "wide" } as const;
    using old = counters(options);
    for (let n = 0; n < 5000; n++) old.free(old.alloc()); // generations above 2^32 / 2^20
    old.alloc();
    const pool = counters({ ...options, debug });
    read(pool, saveFor(old));
    const nodes = new Pool(struct({ next: ref("self") }), { debug });
    nodes.alloc({ next: nodes.alloc() });
    load(nodes, save(nodes));
    nodes.clear();
    pool.clear();
  });
}

Deno.test("load() makes earlier handles stale, also where the memory resource compacts the pool meanwhile", () => {
  for (const handles of ["compact", "wide"] as const) {
    using old = counters({ ...SNAPPED, maxChunks: 32, handles });
    old.allocMany(32);
    const acts: (() => void)[] = [];
    const allocate = (byteLength: number, align: number) => {
      acts.pop()?.();
      return heapMemory.allocate(byteLength, align);
    };
    const memory = { ...heapMemory, allocate };
    const options = { chunksPerBlock: 16, maxChunks: 1024, keepEmptyBlocks: 5 };
    using pool = counters({ ...options, handles, memory });
    const all = pool.allocMany(48);
    pool.freeMany([...all.slice(0, 4), ...all.slice(33)]);
    pool.freeBlock(1);
    const moved: number[] = [];
    acts.push(() => void compact(pool, (_from, to) => moved.push(to)));
    load(pool, save(old));
    assertEquals([moved.length, moved.filter((it) => pool.has(forge(it)))], [1, []]);
    validate(pool);
  }
});

// -- arguments --

Deno.test("load() throws TypeError on bad arguments, and changes nothing", () => {
  using pool = counters();
  pool.alloc();
  const saved = save(pool);
  const assertBad = (problem: string, bytes: unknown, options?: unknown) => {
    const message = `Cannot load Pool "pool": ${problem}`;
    assertError(pool, () => load(pool, untyped(bytes), untyped(options)), TypeError, message);
  };
  for (const bytes of [undefined, null, "save", [1], saved.buffer, new Uint16Array(4)]) {
    assertBad("bytes must be a Uint8Array", bytes);
  }
  assertBad("options must be an object", saved, null);
  assertBad('unknown option "renames", did you mean "rename"?', saved, { renames: {} });
  assertBad("moved must be a function, got 1", saved, { moved: 1 });
  for (const rename of [null, ["a"], { a: 1 }, new Map([["a", "b"]])]) {
    assertBad("rename must be an object of new names by old ones", saved, { rename });
  }
});

Deno.test("load() takes longer arrays, at any byte of a buffer, and shared ones", () => {
  using pool = counters();
  pool.alloc({ n: 7 });
  const saved = save(pool);
  for (let offset = 0; offset < 9; offset++) {
    for (const buffer of [ArrayBuffer, SharedArrayBuffer]) {
      const longer = new Uint8Array(new buffer(saved.length + 20), offset);
      longer.set(saved);
      load(pool, longer);
      assertEquals(plain(pool), [{ n: 7 }]);
    }
  }
});

Deno.test("save() changes nothing, and writes hardly more than the records", () => {
  using pool = new Pool({ n: "f64" }, { chunksPerBlock: 1024, maxChunks: 65_536 });
  pool.allocMany(10_000);
  const before = stateOf(pool);
  const saved = save(pool);
  assertEquals([stateOf(pool), save(pool)], [before, saved]);
  assert(saved.length < 10_000 * 8 + 10_000 * 2 + 500);
  using few = new Pool({ n: "u32" });
  few.reserve(20_000);
  few.alloc();
  assert(save(few).length < 300);
});
