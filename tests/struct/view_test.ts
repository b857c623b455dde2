/**
 * Tests of views and their parts: nested structs, arrays and elements of arrays; views in JSON,
 * where integers of 64 bits are decimal strings; and unbound views, which read zero.
 *
 * @module
 */
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { array, debug as debugMode, Pool, struct, validate, wasmMemory } from "../../mod.ts";
import type { AnyHandle, AnyStruct, PoolOptions } from "../../mod.ts";
import { type OfKind, POOL_KINDS, REUSES, valuesOf } from "../_kinds.ts";
import { Random } from "../_random.ts";
import { forge, shown } from "../_support.ts";
import { type Plain, SCALARS, valueOf, zeroOf } from "../model/_values.ts";
import { type Any, HOLDERS, partAt, PARTS, setAt, Thing, thingOf } from "./_things.ts";

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

each("a part is the same object wherever its view is bound, and follows it", (kind, handles) => {
  const { pool, of } = kind;
  const cursor = pool.cursor<Any>(...of);
  const views = [pool.get<Any>(...of, handles[0]), pool.get<Any>(...of, handles[0]), cursor];
  const found = new Map<object, string>();
  views.forEach((view, turn) => {
    // In another order, since parts are made on first use.
    const paths = turn % 2 === 0 ? PARTS : PARTS.toReversed();
    for (const path of paths) found.set(partAt(view, path), `${turn} ${path}`);
    for (const path of paths) assertEquals(found.get(partAt(view, path)), `${turn} ${path}`);
  });
  assertEquals(found.size, views.length * PARTS.length);
  const assertOwn = (handle: AnyHandle, value: Any) => {
    for (const path of PARTS) {
      const part = partAt(cursor, path);
      assertEquals(found.get(part), `2 ${path}`);
      assertEquals(part.toJSON(), partAt(value, path), path);
      assertEquals(pool.handleOf(part), handle);
    }
  };
  for (const n of [0, 15, 16, 39, 31, 32, 1]) {
    pool.seek(cursor, handles[n]);
    assertOwn(handles[n], thingOf(n));
  }
  assertOwn(pool.allocAt(...of, cursor), zeroOf(Thing));
});

/** Paths of what is written through parts. */
const WRITTEN = ("pos.x line.to.y color.3 speed.1 trails.1.ages.0 trails.2.dots.1.x " +
  "trails.2.head.y flags.1 ids.1 line.from trails.0").split(" ");

each("parts of several views, bound at random, write their own record only", (kind, handles) => {
  const { pool, of } = kind;
  const indices = fc.record({ view: fc.nat(2), to: fc.nat(39), from: fc.nat(39) });
  const moves = fc.array(fc.tuple(indices, fc.constantFrom(...WRITTEN), fc.boolean()), {
    minLength: 1,
    maxLength: 60,
  });
  const views = [0, 1, 2].map(() => pool.cursor<Any>(...of));
  const kept = views.map((view) =>
    Object.fromEntries(PARTS.map((path) => [path, partAt(view, path)]))
  );
  const property = fc.property(moves, (moves) => {
    handles.forEach((handle, n) => pool.set(...of, handle, thingOf(n)));
    const model = handles.map((_, n) => thingOf(n));
    const bound = views.map((view, n) => (pool.seek(view, handles[n]), n));
    for (const [{ view, to, from }, path, isFresh] of moves) {
      pool.seek(views[view], handles[to]);
      bound[view] = to;
      const [, outer, name] = /^(.+)\.(\w+)$/.exec(path)!; // all paths have a point
      const part = isFresh ? partAt(views[view], outer) : kept[view][outer];
      const value = partAt(thingOf(from), path);
      if ("set" in part) part.set(Number(name), value);
      else part[name] = value;
      setAt(model[to], path, value);
      bound.forEach((n, i) => assertEquals(views[i].toJSON(), model[n]));
    }
    assertEquals(valuesOf(kind), model);
  });
  fc.assert(property, { numRuns: 10 });
});

/** Defines a test of a view in a pool with own code and in one with shared code. */
function eachView(claim: string, test: (view: Any) => void): void {
  Deno.test(claim, () => {
    for (const specialize of [true, false]) {
      using pool = new Pool(Thing, { ...SMALL, specialize });
      test(pool.get(pool.alloc(thingOf(1))));
    }
  });
}

eachView("toJSON() and toArray() return plain values that do not change with the view", (view) => {
  const record = view.toJSON();
  const [colors, trails] = [view.color.toArray(), view.trails.toArray()];
  assertStrictEquals(Object.getPrototypeOf(record), Object.prototype);
  assert([record.color, record.trails, colors, trails].every((it) => Array.isArray(it)));
  Object.assign(view, thingOf(2));
  assertEquals({ ...record, color: colors, trails }, thingOf(1));
  record.color[1] = 77;
  trails[1].head.x = 77;
  assertEquals(view.toJSON(), thingOf(2));
});

// -- arrays --

eachView("ArrayView has a length, elements, and an iterator over them", (view) => {
  const { color, trails } = view;
  assertEquals([color.length, trails.length, view.flags.length], [4, 3, 2]);
  assertEquals([[...color], Math.max(...color)], [[1, 2, 3, 4], 4]);
  const kept = [trails.get(2), trails.get(0), trails.get(1)];
  kept.forEach((element, i) => element.head.x = 700 + i);
  for (const trail of trails) trail.ages.set(1, 50);
  assertEquals(kept.map((it) => [it.head.x, it.ages.get(1)]), [[700, 50], [701, 50], [702, 50]]);
  assertEquals(trails.toArray().map((it: Any) => it.head.x), [701, 702, 700]);
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

eachView("ArrayView.copyFrom() writes the first elements, of any array-like", ({ color, many }) => {
  color.copyFrom(new Uint8Array([9, 8]));
  color.copyFrom({ length: 1, 0: 300 });
  color.copyFrom([]);
  assertEquals(color.toArray(), [44, 8, 3, 4]);
  many.copyFrom([{ x: 5 }]);
  assertEquals(many.toArray(), [{ x: 5, y: -39 }, { x: 42, y: -40 }]);
});

// -- JSON --

/** The same in JSON as thing 1. */
const IN_JSON = JSON.parse(
  JSON.stringify(thingOf(1), (_, value) => typeof value === "bigint" ? value.toString() : value),
);

function eachHolder(claim: string, test: (view: Any) => void): void {
  for (const [name, make] of Object.entries(HOLDERS)) {
    Deno.test(`${name}: ${claim}`, () => {
      for (const debug of [false, debugMode] as const) {
        for (const specialize of [true, false]) {
          const holder = make(Thing, thingOf(1), { debug, specialize });
          test(holder.view);
          holder.clear();
          holder.dispose();
        }
      }
    });
  }
}

eachHolder("JSON.stringify() writes integers of 64 bits as decimal strings everywhere", (view) => {
  assertEquals([IN_JSON.id, IN_JSON.ids[0]], ["18446744073709551614", "-9223372036854775807"]);
  for (const path of ["", ...PARTS]) {
    const [part, expected] = [partAt(view, path), partAt(IN_JSON, path)];
    for (const space of [0, 2]) {
      assertEquals(JSON.stringify(part, null, space), JSON.stringify(expected, null, space));
    }
    for (const key of ["", "0", "view"]) assertEquals(part.toJSON(key), expected);
    for (const it of [part.toJSON(), part.toJSON(undefined), part.toArray?.() ?? part.toJSON()]) {
      assertEquals(it, partAt(thingOf(1), path)); // with bigints
    }
  }
  const list = [view.ids, view];
  const expected = { of: { view: IN_JSON }, list: [IN_JSON.ids, IN_JSON], many: IN_JSON.many };
  assertEquals(JSON.parse(JSON.stringify({ of: { view }, list, many: [...view.many] })), expected);
});

eachHolder("JSON.stringify() gives a replacer strings, and keeps to a list of names", (view) => {
  const json = JSON.stringify({ view }, (key, value) => {
    assert(typeof value !== "bigint");
    return key === "id" ? `${value}${value}` : value;
  });
  assertEquals(JSON.parse(json).view.trails[0].id, "-9-9");
  const names = ["id", "pos", "x"];
  assertEquals(JSON.stringify(view, names), JSON.stringify(IN_JSON, names));
});

// -- unbound views: in debug mode they throw, see `tests/slab/debug_test.ts` --

const scalars = Object.fromEntries(SCALARS.map((type) => [type, type]));
const lists = Object.fromEntries(SCALARS.map((type) => [`${type}s`, array(type, 2)]));
const Part = struct(scalars);
const All: AnyStruct = struct({ ...scalars, part: Part, list: array(Part, 2), ...lists });
const EMPTY = zeroOf(All);
const VALUES = valueOf(All, new Random(1)) as Plain;

/** Asserts that every field reads zero, and that writes to fields and parts do nothing. */
function assertUnbound(view: Any, why: string): void {
  assertEquals(view.toJSON(), EMPTY, why);
  for (const [name, value] of Object.entries(VALUES)) {
    view[name] = value;
    assertEquals(view.toJSON(), EMPTY, `${why}, after a write to ${name}`);
  }
  Object.assign(view.part, VALUES.part);
  assertEquals(view.toJSON(), EMPTY, `${why}, after a write to a part`);
}

for (const [name, make] of Object.entries(HOLDERS)) {
  Deno.test(`${name}: an unbound view reads zero, and writes do nothing`, () => {
    const memory = new WebAssembly.Memory({ initial: 4 });
    const holder = make(All, VALUES, { memory: wasmMemory(memory) });
    const cursor = holder.cursor();
    assertUnbound(cursor, "a new cursor");
    assertEquals(holder.seek(cursor).toJSON(), VALUES);
    if (name === "SharedPool") return holder.dispose(); // its memory cannot be detached
    const { part } = holder.view;
    memory.grow(1);
    for (const view of [holder.view, cursor]) assertUnbound(view, "grow()");
    assertThrows(() => holder.seek(cursor), TypeError, "call rebind() first");
    assertThrows(() => holder.clear(), TypeError, "call rebind() first");
    holder.rebind();
    assertEquals([holder.view.toJSON(), part.toJSON()], [VALUES, VALUES.part]);
    holder.dispose();
    for (const view of [holder.view, cursor]) assertUnbound(view, "dispose()");
  });
}

for (const [name, make] of Object.entries(POOL_KINDS)) {
  for (const [how, reuse] of Object.entries(REUSES)) {
    Deno.test(`${name}: a view of a released block reads zero, and writes do nothing (${how})`, () => {
      const options = { chunksPerBlock: 16, maxChunks: 4096, keepEmptyBlocks: 0, reuse };
      const { pool, of } = make(All, options);
      const handles = Array.from({ length: 40 }, () => pool.alloc(...of, VALUES));
      const views = handles.map((handle) => pool.get<Any>(...of, handle));
      const cursor = pool.seek(pool.cursor<Any>(...of), handles[3]);
      pool.freeBlock(pool.blocks[0].index);
      for (const view of [cursor, views[3]]) assertUnbound(view, "freeBlock()");
      assertEquals([pool.seek(cursor, handles[20]).toJSON(), views[39].toJSON()], [VALUES, VALUES]);
      pool.freeMany(handles.slice(16).map(forge));
      pool.trim();
      assertUnbound(cursor, "trim()");
      const last = pool.get<Any>(...of, pool.alloc(...of, VALUES));
      pool.dispose();
      for (const view of [last, cursor, ...views]) assertUnbound(view, "dispose()");
    });
  }
}
