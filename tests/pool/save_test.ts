/**
 * `save()` and `load()`: pools whose structs and options have changed read what others wrote.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  compact,
  debug,
  ErasedPool,
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
import type { AnyStruct, Fields, PoolOptions } from "../../mod.ts";
import { POOL_KINDS, REUSES, valuesOf } from "../_kinds.ts";
import { assertError, counters, forge, Num, Pos, Real, stateOf, untyped } from "../_support.ts";
import { SNAPPED, stateful, statesOf } from "../slab/_snapshots.ts";
import { SCALARS } from "../model/_values.ts";
import { edgesOf, reload, type Saved, stored, textOf, withText } from "./_saves.ts";

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
          const counts = { records: saved.length, moved: 0, wrapped: new Map(), moves: new Map() };
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

Deno.test("load() leaves padding and the rest of a chunk zero", () => {
  const words = shipsOf({ a: "u8", b: "u8", c: "u32", d: "u32" });
  words.alloc({ a: 255, b: 255, c: 2 ** 32 - 1, d: 2 ** 32 - 1 });
  const pool = shipsOf({ a: "u8", c: "u32", d: "u16" });
  reload(words, pool);
  const bytes = [255, 0, 0, 0, ...[255, 255, 255, 255], 255, 255, 0, 0];
  assertEquals([...pool.blocks[0].bytes.subarray(0, 12)], bytes);
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

Deno.test("load() takes the lowest chunk for a record that can keep neither handle nor index", () => {
  const sparse = counters(SNAPPED);
  sparse.freeMany(sparse.allocMany(64).filter((_, i) => i === 0 || i % 16 > 0));
  const fewer = counters({ ...SNAPPED, maxChunks: 16 });
  assertEquals(reload(sparse, fewer).moved, 2); // to one with 4 index bits all are of index 0
  assertEquals(Array.from(fewer.handles(), (it) => fewer.indexOf(it)), [0, 1, 2]);
});

Deno.test("load() keeps the last compact generation, and gives a chunk the first one after it", () => {
  const most = { ...SNAPPED, maxChunks: 2 ** 22 }; // 8 bits are left for generations
  const [old, pool] = [counters(most), counters(most)];
  for (let i = 1; i < 255; i++) old.free(old.alloc());
  const last = old.alloc();
  assertEquals(reload(old, pool).moved, 0);
  assert(pool.has(last));
  const other = counters(SNAPPED);
  const first = other.alloc();
  const to = forge(reload(other, pool).moves.get(first)!);
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

Deno.test("load() names all structs that the pool does not know, and takes their records once it does", () => {
  const old = new PoolSet({ ...SNAPPED, sizes: [8] });
  old.alloc(Num);
  old.alloc(Pos);
  const set = new PoolSet({ ...SNAPPED, sizes: [8, 16] });
  set.cursor(Real);
  const problem =
    'it has records of struct "Num", struct "Pos", which the pool does not know, it knows struct "Real"; rename';
  assertError(set, () => load(set, save(old)), SnapshotError, problem);
  set.cursor(Num);
  set.cursor(Pos);
  reload(old, set);
  assertEquals([...set.handles()].map((handle) => set.typeOf(handle)), [Num, Pos]);
  old.clear();
  // A struct without records need not be known.
  reload(old, new PoolSet({ ...SNAPPED, sizes: [8] }));
});

Deno.test("load() renames a field by each name that its struct has had since", () => {
  const rename = { Ship: "Boat", "Boat.hp": "health", Boat: "Vessel" };
  const vessel = struct({ health: "u8" }, { name: "Vessel" });
  const versions = [["Ship", "hp"], ["Boat", "hp"], ["Boat", "health"], ["Vessel", "health"]];
  for (const [name, field] of versions) {
    const part = struct({ [field]: "u8" }, { name });
    using pool = new Pool(struct({ health: "u8", part: vessel }, { name: "Vessel" }), SNAPPED);
    using old = new Pool(struct({ [field]: "u8", part }, { name }), SNAPPED);
    old.alloc(untyped({ [field]: 7, part: { [field]: 8 } }));
    assertEquals(load(pool, save(old), { rename }).dropped, []);
    assertEquals([...pool].map((it) => [it.health, it.part.health]), [[7, 8]], name);
  }
});

Deno.test("load() finds structs without names, or of one name, by their fields, two as one that is far more similar to both", () => {
  const A = struct({ n: "u32", x: "f32" }), B = struct({ n: "u32" }), C = struct({ n: "f64" });
  const [E, F] = [1, 2].map(() => struct({ n: "u32" }, { name: "Same" }));
  const Small = struct({ n: "u32", x: "u8" }), Large = struct({ n: "u32", x: "u8", y: "u8" });
  const Other = struct({ x: "u8", z: "u8" });
  const cases: [from: AnyStruct[], to: AnyStruct[], found: AnyStruct[]][] = [
    [[A, B, C], [C, B, A], [A, B, C]],
    [[E, F], [E, F], [E, F]],
    [[Small, Large], [Other, Large], [Large, Large]],
  ];
  for (const [from, to, found] of cases) {
    const [old, pool] = [from, to].map((types) =>
      new ErasedPool<AnyStruct>({ ...SNAPPED, size: 8, types })
    );
    const handles = from.map((type, n) => old.alloc(type, { n }));
    reload(old, pool);
    assertEquals(handles.map((handle) => pool.typeOf(handle)), found);
    handles.forEach((it, n) => assertEquals(pool.get(found[n], it).toJSON().n, n));
  }
});

Deno.test("An ErasedPool without types saves bytes, which only one with chunks of the same size loads", () => {
  const make = (size: number, options?: PoolOptions) =>
    new ErasedPool({ ...SNAPPED, size, ...options });
  const old = make(8);
  const handle = old.alloc(Pos, { n: 1, x: 2 });
  const pool = make(8, { chunksPerBlock: 32, handles: "wide" });
  reload(old, pool);
  assertEquals(pool.get(Pos, handle).toJSON(), { n: 1, x: 2 });
  const known = new Pool(Pos, SNAPPED);
  const set = new PoolSet({ ...SNAPPED, sizes: [8], types: [Pos] });
  for (const other of [make(16), known, set] as Saved[]) {
    const problem =
      "its records have no struct: an ErasedPool without types takes them, with chunks of 8 bytes";
    assertError(other, () => load(other, save(old)), SnapshotError, problem);
  }
  known.alloc();
  const problem = 'it has records of struct "Pos", which the pool does not know, it knows none';
  assertError(pool, () => load(pool, save(known)), SnapshotError, problem);
});

Deno.test("load() of one pool of a set keeps its handles, and the records of the others", () => {
  const [old, set] = [1, 2].map(() => {
    const set = new PoolSet({ ...SNAPPED, sizes: [4, 8], types: [Num, Pos] });
    set.allocMany(Num, 3);
    return set;
  });
  const handles = old.allocMany(Pos, 20);
  handles.forEach((handle, n) => old.set(Pos, handle, { n }));
  assertEquals(reload(old.pools[1], set.pools[1]).moved, 0);
  handles.forEach((handle, n) => assertEquals(set.get(Pos, handle).n, n));
  assertEquals(set.size, 23);
  validate(set);
});

Deno.test("load() throws SnapshotError where a link cannot hold the new handle, and changes nothing", () => {
  const Node = struct({ next: ref("self") }, { name: "Node" });
  const [old, set] = (["compact", "wide"] as const).map((handles) =>
    new PoolSet({ ...SNAPPED, sizes: [2, 8], types: [Node], handles })
  );
  old.alloc(Node, { next: old.alloc(Node) });
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
  const handle = pool.alloc({ n: 7 });
  const saved = save(pool);
  for (let offset = 0; offset < 9; offset++) {
    for (const buffer of [ArrayBuffer, SharedArrayBuffer]) {
      const longer = new Uint8Array(new buffer(saved.length + 20), offset);
      longer.set(saved);
      load(pool, longer);
      assertEquals(pool.get(handle).n, 7);
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
