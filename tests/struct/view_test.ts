/**
 * Tests of views and their parts: nested structs, arrays and elements of arrays; views in JSON,
 * where integers of 64 bits are decimal strings; and unbound views, which read zero.
 *
 * @module
 */
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { inspect } from "node:util";
import fc from "fast-check";
import { array, debug as debugMode, Pool, struct, validate, wasmMemory } from "../../mod.ts";
import type { AnyHandle, PoolOptions } from "../../mod.ts";
import { type OfKind, POOL_KINDS, valuesOf } from "../_kinds.ts";
import { forge, shown } from "../_support.ts";
import { ALL_HOLDERS, type Any, HOLDERS } from "./_holders.ts";
import { partAt, PARTS, Thing, thingOf } from "./_things.ts";

const SMALL: PoolOptions = { chunksPerBlock: 16, maxChunks: 64, name: "things" };

// -- parts --

/** Defines a test for each kind of pool, with own and shared code: 40 records in three blocks. */
function each(claim: string, test: (kind: OfKind, handles: AnyHandle[]) => void): void {
  for (const [name, make] of Object.entries(POOL_KINDS)) {
    Deno.test(`${name}: ${claim}`, () => {
      for (const specialize of [true, false]) {
        const kind = make(Thing, { ...SMALL, specialize });
        test(kind, Array.from({ length: 40 }, (_, n) => kind.pool.alloc(...kind.of, thingOf(n))));
        validate(kind.pool);
        kind.pool.dispose();
      }
    });
  }
}

each("a part of a view is always the same object, and no part of another view", (kind, handles) => {
  const cursor = kind.pool.cursor<Any>(...kind.of);
  const get = () => kind.pool.get<Any>(...kind.of, handles[0]);
  const views = [get(), get(), cursor];
  const found = new Map<object, string>();
  views.forEach((view, turn) => {
    // In another order, since parts are made on first use.
    const paths = turn % 2 === 0 ? PARTS : PARTS.toReversed();
    for (const path of paths) found.set(partAt(view, path), `${turn} ${path}`);
    for (const path of paths) assertEquals(found.get(partAt(view, path)), `${turn} ${path}`);
  });
  assertEquals(found.size, views.length * PARTS.length);
  for (const n of [3, 39, 17]) {
    kind.pool.seek(cursor, handles[n]);
    for (const path of PARTS) assertEquals(found.get(partAt(cursor, path)), `2 ${path}`);
  }
  kind.pool.free(handles[39] as never);
  kind.pool.allocAt(...kind.of, cursor as never);
  for (const path of PARTS) assertEquals(found.get(partAt(cursor, path)), `2 ${path}`);
});

each("kept parts follow their view to other records and blocks", (kind, handles) => {
  const cursor = kind.pool.cursor<Any>(...kind.of);
  const kept = PARTS.map((path) => [path, partAt(cursor, path)]);
  for (const n of [0, 15, 16, 39, 31, 32, 1]) {
    kind.pool.seek(cursor, handles[n]);
    for (const [path, part] of kept) {
      assertEquals(part.toJSON(), partAt(thingOf(n), path), path);
      assertEquals(kind.pool.handleOf(part), handles[n]);
    }
  }
});

/** Writes through parts: the part, what is called on it, and the path and value that change. */
type Write = (part: Any, value: Any) => void;
const PART_WRITES: readonly [part: string, write: Write, path: string, value: Any][] = [
  ["pos", (part, value) => part.x = value, "pos.x", 500],
  ["line.to", (part, value) => part.y = value, "line.to.y", 501],
  ["color", (part, value) => part.set(3, value), "color.3", 99],
  ["speed", (part, value) => part.set(1, value), "speed.1", 502.5],
  ["trails.1.ages", (part, value) => part.set(0, value), "trails.1.ages.0", 98],
  ["trails.2.dots.1", (part, value) => part.x = value, "trails.2.dots.1.x", 503],
  ["trails.2.head", (part, value) => part.y = value, "trails.2.head.y", 504],
  ["flags", (part, value) => part.set(1, value), "flags.1", false],
  ["line", (part, value) => part.from = value, "line.from", { x: 505, y: 506 }],
  ["trails", (part, value) => part.set(0, { head: value }), "trails.0.head", { x: 507, y: 8 }],
];

function setAt(value: Any, path: string, to: unknown): void {
  const end = path.lastIndexOf(".");
  partAt(value, path.slice(0, end))[path.slice(end + 1)] = to;
}

each("parts of several views, bound at random, write their own record only", (kind, handles) => {
  const move = fc.record({
    view: fc.nat(2),
    to: fc.nat(39),
    write: fc.nat(PART_WRITES.length - 1),
    isFresh: fc.boolean(),
  });
  const views = [0, 1, 2].map(() => kind.pool.cursor<Any>(...kind.of));
  const kept = views.map((view) =>
    Object.fromEntries(PARTS.map((path) => [path, partAt(view, path)]))
  );
  fc.assert(
    fc.property(fc.array(move, { minLength: 1, maxLength: 60 }), (moves) => {
      handles.forEach((handle, n) => kind.pool.set(...kind.of, handle, thingOf(n)));
      const model = handles.map((_, n) => thingOf(n));
      const bound = views.map((view, n) => (kind.pool.seek(view, handles[n]), n));
      for (const { view, to, write, isFresh } of moves) {
        kind.pool.seek(views[view], handles[to]);
        bound[view] = to;
        const [part, call, path, value] = PART_WRITES[write];
        call(isFresh ? partAt(views[view], part) : kept[view][part], value);
        setAt(model[to], path, value);
        bound.forEach((n, i) => assertEquals(views[i].toJSON(), model[n]));
      }
      assertEquals(valuesOf(kind), model);
    }),
    { numRuns: 10 },
  );
});

// -- assigning --

/** A pool with own code and one with shared code, of one record each. */
function eachView(claim: string, test: (view: Any, other: Any) => void): void {
  Deno.test(claim, () => {
    for (const specialize of [true, false]) {
      using pool = new Pool(Thing, { ...SMALL, specialize });
      const [view, other] = [1, 50].map((n) => pool.get(pool.alloc(thingOf(n))));
      test(view, other);
    }
  });
}

eachView("Assigning to a part copies the fields of a plain value, or of a view", (view, other) => {
  const from = { x: 1, y: 2 };
  view.line = { from, to: { x: 3, y: 4 } };
  from.x = 99;
  view.line = { to: { y: 9 } };
  view.line.from = { x: 7 };
  assertEquals(view.line.toJSON(), { from: { x: 7, y: 2 }, to: { x: 3, y: 9 } });
  other.line = view.line;
  other.color = view.color;
  other.line.to = other.line.from;
  view.line.from.x = 50;
  const point = { x: 7, y: 2 };
  const expected = { ...thingOf(50), line: { from: point, to: point }, color: thingOf(1).color };
  assertEquals(other.toJSON(), expected);
});

eachView("toJSON() and toArray() return plain values that do not change with the view", (view) => {
  const record = view.toJSON();
  assertEquals(record, thingOf(1));
  assertStrictEquals(Object.getPrototypeOf(record), Object.prototype);
  const [colors, trails] = [view.color.toArray(), view.trails.toArray()];
  assert([record.color, record.trails, colors, trails].every((it) => Array.isArray(it)));
  view.n = 5;
  view.color.set(0, 9);
  view.trails.get(0).head.x = 9;
  record.color[1] = 77;
  trails[1].head.x = 77;
  assertEquals([record.n, colors, trails[0]], [1, thingOf(1).color, thingOf(1).trails[0]]);
  assertEquals([view.color.toJSON(), view.trails.get(1).head.x], [[9, 4, 5, 6], 23]);
});

// -- arrays --

eachView("ArrayView has a length, elements, and an iterator over them", (view) => {
  const { color, trails } = view;
  assertEquals([color.length, trails.length, view.flags.length], [4, 3, 2]);
  assertEquals([[...color], Math.max(...color)], [[1, 4, 5, 6], 6]);
  const kept = [trails.get(2), trails.get(0), trails.get(1)];
  kept.forEach((element, i) => element.head.x = 700 + i);
  for (const trail of trails) trail.ages.set(1, 50);
  assertEquals([0, 1, 2].map((i) => trails.get(i).head.x), [701, 702, 700]);
  assertEquals(kept.map((it) => [it.head.x, it.ages.get(1)]), [[700, 50], [701, 50], [702, 50]]);
});

eachView("ArrayView.get() and set() throw RangeError on an index without element", (view) => {
  for (const bad of [-1, 4, 1.5, NaN, Infinity, "0", undefined, null]) {
    const message = `Cannot reach element ${shown(bad)}: the array has elements 0 to 3`;
    assertThrows(() => view.color.get(bad), RangeError, message);
    assertThrows(() => view.color.set(bad, 5), RangeError, message);
  }
  assertThrows(() => view.trails.get(3), RangeError, "the array has elements 0 to 2");
  assertThrows(() => view.trails.set(3, {}), RangeError, "the array has elements 0 to 2");
  assertEquals(view.toJSON(), thingOf(1));
});

eachView("ArrayView.copyFrom() writes the first elements, of any array-like", (view, other) => {
  const { color, speed } = view;
  color.copyFrom([1, 2, 3, 4]);
  color.copyFrom(new Uint8Array([9, 8]));
  assertEquals(color.toArray(), [9, 8, 3, 4]);
  color.copyFrom({ length: 1, 0: 300 });
  color.copyFrom([]);
  assertEquals(color.toArray(), [44, 8, 3, 4]);
  speed.copyFrom(color.toArray().slice(1));
  assertEquals(speed.toArray(), [8, 3, 4]);
  const line = view.trails.get(2).dots;
  line.copyFrom([{ x: 5 }]);
  assertEquals(line.toArray(), [{ x: 5, y: -29 }, { x: 32, y: -30 }]);
  for (const name of ["color", "trails", "speed"]) {
    other[name].copyFrom(view[name]);
    view[name].copyFrom(view[name]);
    assertEquals(other[name].toArray(), view[name].toArray());
  }
});

// -- JSON --

const Pair = struct({ n: "i64", m: "u64" });
/** Integers of 64 bits in every place. */
const Wide = struct({
  id: "u64",
  pos: Pair,
  deep: struct({ on: "bool", pair: Pair, ids: array("i64", 2) }),
  ids: array("u64", 2),
  pairs: array(Pair, 2),
  deeper: array(struct({ ids: array("i64", 1), pairs: array(Pair, 1) }), 2),
  hp: "u16",
}, { name: "Wide" });

const MAX = 2n ** 64n - 1n;
const MIN = -(2n ** 63n);

const PLAIN = {
  id: MAX,
  pos: { n: MIN, m: 1n },
  deep: { on: true, pair: { n: -2n, m: 2n }, ids: [MIN, 3n] },
  ids: [MAX, 0n],
  pairs: [{ n: -4n, m: 4n }, { n: 0n, m: MAX }],
  deeper: [{ ids: [5n], pairs: [{ n: MIN, m: 6n }] }, { ids: [7n], pairs: [{ n: -8n, m: 8n }] }],
  hp: 9,
};

/** The same in JSON. */
const IN_JSON = JSON.parse(
  JSON.stringify(PLAIN, (_, value) => typeof value === "bigint" ? value.toString() : value),
);

/** Ways to a view, its parts and their plain values. */
const JSON_PARTS: readonly ((it: Any) => Any)[] = [
  (it) => it,
  (it) => it.pos,
  (it) => it.deep,
  (it) => it.deep.pair,
  (it) => it.deep.ids,
  (it) => it.ids,
  (it) => it.pairs,
  (it) => "get" in it.pairs ? it.pairs.get(1) : it.pairs[1],
  (it) => it.deeper,
];

function eachHolder(claim: string, test: (view: Any) => void): void {
  for (const [name, make] of Object.entries(ALL_HOLDERS)) {
    Deno.test(`${name}: ${claim}`, () => {
      for (const debug of [false, debugMode] as const) {
        for (const specialize of [true, false]) {
          const holder = make(Wide, PLAIN, { debug, specialize });
          test(holder.view);
          holder.clear();
          holder.dispose();
        }
      }
    });
  }
}

eachHolder("JSON.stringify() writes integers of 64 bits as decimal strings everywhere", (view) => {
  assertEquals([IN_JSON.id, IN_JSON.pos.n], ["18446744073709551615", "-9223372036854775808"]);
  for (const part of JSON_PARTS) {
    for (const space of [0, 2]) {
      const expected = JSON.stringify(part(IN_JSON), null, space);
      assertEquals(JSON.stringify(part(view), null, space), expected);
    }
    for (const key of ["", "0", "view"]) assertEquals(part(view).toJSON(key), part(IN_JSON));
  }
  const nested = { of: { view }, list: [view.ids, view], pairs: [...view.pairs] };
  const expected = { of: { view: IN_JSON }, list: [IN_JSON.ids, IN_JSON], pairs: IN_JSON.pairs };
  assertEquals(JSON.parse(JSON.stringify(nested)), expected);
});

eachHolder("JSON.stringify() gives a replacer strings, and keeps to a list of names", (view) => {
  const types = new Set<string>();
  const json = JSON.stringify({ view }, (key, value) => {
    types.add(typeof value);
    return key === "m" ? `${value}${value}` : value;
  });
  const { pos, pairs } = JSON.parse(json).view;
  assertEquals([pos.m, pairs[0].m, types.has("bigint")], ["11", "44", false]);
  const names = ["id", "pos", "n"];
  assertEquals(JSON.stringify(view, names), JSON.stringify(IN_JSON, names));
});

eachHolder("toJSON() without a key, toArray() and printing give bigints", (view) => {
  for (const part of JSON_PARTS) {
    const it = part(view);
    assertEquals([it.toJSON(), it.toJSON(undefined)], [part(PLAIN), part(PLAIN)]);
    if ("toArray" in it) assertEquals(it.toArray(), part(PLAIN));
    for (const print of [Deno.inspect, inspect]) assertEquals(print(it), print(part(PLAIN)));
  }
});

Deno.test("JSON.stringify() writes an unbound view as zeros, and throws in debug mode", () => {
  for (const [name, make] of Object.entries(HOLDERS)) {
    const plain = make(Pair, {}).cursor();
    assertEquals(JSON.stringify(plain), '{"n":"0","m":"0"}', name);
    const debug = make(Pair, {}, { debug: debugMode }).cursor();
    assertThrows(() => JSON.stringify(debug), Error, "it is bound to no record");
  }
});

// -- unbound views: in debug mode they throw, see `tests/slab/debug_test.ts` --

// deno-fmt-ignore: one line each, to compare them easily
const ZERO = { u8: 0, i8: 0, bool: false, u16: 0, i16: 0, i32: 0, u32: 0, f16: 0, f32: 0, f64: 0, i64: 0n, u64: 0n, ref: 0 };
// deno-fmt-ignore
const FULL = { u8: 1, i8: -1, bool: true, u16: 2, i16: -2, i32: -3, u32: 3, f16: 2, f32: 0.5, f64: 1.5, i64: -4n, u64: 4n, ref: 5 };

const SCALARS = Object.keys(ZERO) as (keyof typeof ZERO)[];
const Part = struct(Object.fromEntries(SCALARS.map((type) => [type, type])));
const lists = Object.fromEntries(SCALARS.map((type) => [`${type}s`, array(type, 2)]));
const All = struct({
  ...Object.fromEntries(SCALARS.map((type) => [type, type])),
  part: Part,
  list: array(Part, 2),
  ...lists,
});

/** A record with the same values in its fields, its parts and its arrays. */
function recordOf(values: typeof ZERO): Record<string, unknown> {
  const pairs = SCALARS.map((type) => [`${type}s`, [values[type], values[type]]]);
  return { ...values, part: values, list: [values, values], ...Object.fromEntries(pairs) };
}

const EMPTY = recordOf(ZERO);
const VALUES = recordOf(FULL);

/** Asserts that every field reads zero, and that writes to fields and parts do nothing. */
function assertUnbound(view: Any, why: string): void {
  assertEquals(view.toJSON(), EMPTY, why);
  for (const [name, value] of Object.entries(VALUES)) {
    view[name] = value;
    assertEquals(view.toJSON(), EMPTY, `${why}, after a write to ${name}`);
  }
  Object.assign(view.part, FULL);
  assertEquals(view.toJSON(), EMPTY, `${why}, after a write to a part`);
}

Deno.test("An unbound view of any first field reads zero, and writes do nothing", () => {
  for (const type of SCALARS) {
    using pool = new Pool({ it: type }, { chunksPerBlock: 16 });
    const cursor: Any = pool.cursor();
    cursor.it = FULL[type];
    assertEquals(cursor.it, ZERO[type]);
  }
});

Deno.test("SharedPool: a cursor that is bound to no record reads zero, and writes do nothing", () => {
  const holder = ALL_HOLDERS["SharedPool"](All, VALUES);
  const cursor = holder.cursor();
  assertUnbound(cursor, "a new cursor");
  assertEquals(holder.seek(cursor).toJSON(), VALUES);
  holder.dispose();
});

for (const [name, make] of Object.entries(HOLDERS)) {
  Deno.test(`${name}: an unbound view reads zero, and writes do nothing`, () => {
    const memory = new WebAssembly.Memory({ initial: 4 });
    const holder = make(All, VALUES, { memory: wasmMemory(memory) });
    const cursor = holder.cursor();
    assertUnbound(cursor, "a new cursor");
    assertEquals(holder.seek(cursor).toJSON(), VALUES);
    const { part } = holder.view;
    memory.grow(1);
    for (const view of [holder.view, cursor]) assertUnbound(view, "grow()");
    assertEquals(part.toJSON(), ZERO);
    assertThrows(() => holder.seek(cursor), TypeError, "call rebind() first");
    assertThrows(() => holder.clear(), TypeError, "call rebind() first");
    holder.rebind();
    assertEquals([holder.view.toJSON(), part.toJSON()], [VALUES, FULL]);
    holder.dispose();
    for (const view of [holder.view, cursor]) assertUnbound(view, "dispose()");
  });
}

for (const [name, make] of Object.entries(POOL_KINDS)) {
  for (const reuse of ["recent", "spread"] as const) {
    Deno.test(`${name}: a view of a released block reads zero, and writes do nothing (${reuse})`, () => {
      const options = { chunksPerBlock: 16, maxChunks: 4096, keepEmptyBlocks: 0, reuse };
      const kind = make(All, options);
      const cursor = kind.pool.cursor<Any>(...kind.of);
      const handles = Array.from({ length: 40 }, () => kind.pool.alloc(...kind.of, VALUES));
      const views = handles.map((handle) => kind.pool.get<Any>(...kind.of, handle));
      kind.pool.seek(cursor, handles[3]);
      kind.pool.freeBlock(kind.pool.blocks[0].index);
      for (const view of [cursor, views[3]]) assertUnbound(view, "freeBlock()");
      for (const view of [kind.pool.seek(cursor, handles[20]), views[39]]) {
        assertEquals(view.toJSON(), VALUES);
      }
      kind.pool.freeMany(handles.slice(16).map(forge));
      kind.pool.trim();
      assertUnbound(cursor, "trim()");
      const last = kind.pool.get<Any>(...kind.of, kind.pool.alloc(...kind.of, VALUES));
      kind.pool.dispose();
      for (const view of [last, cursor, ...views]) assertUnbound(view, "dispose()");
    });
  }
}
