/**
 * Tests of views and their parts: nested structs, arrays and elements of arrays; views in JSON,
 * where integers of 64 bits are decimal strings; unbound views, which read zero; and views in debug
 * mode, which are sealed, and throw when they are copied like plain objects.
 *
 * @module
 */
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { array, debug, StaleHandleError, struct, validate, wasmMemory } from "../../mod.ts";
import type { AnyStruct } from "../../mod.ts";
import { drop, POOL_KINDS, REUSES, testKinds, valuesOf } from "../_kinds.ts";
import { Random } from "../_random.ts";
import { forge, shown } from "../_support.ts";
import { type Plain, SCALARS, valueOf, zeroOf } from "../model/_values.ts";
import { type Any, eachHolder, HOLDERS, partAt, PARTS } from "./_things.ts";
import { setAt, SMALL, Thing, thingOf } from "./_things.ts";

// -- parts --

/** Paths of what is written through parts. */
const WRITTEN = ("pos.x line.to.y color.3 speed.1 trails.1.ages.0 trails.2.dots.1.x " +
  "trails.2.head.y flags.1 ids.1 line.from trails.0").split(" ");

testKinds("parts stay the same objects, and write their record only", Thing, SMALL, (make) => {
  const kind = make();
  const { pool, of } = kind;
  const handles = Array.from({ length: 40 }, (_, n) => pool.alloc(...of, thingOf(n)));
  const get = () => pool.get<Any>(...of, handles[0]);
  const views = [get(), get(), pool.cursor<Any>(...of)];
  const kept = views.map((view, turn) => {
    // In another order, since parts are made on first use.
    const paths = turn === 1 ? PARTS.toReversed() : PARTS;
    return Object.fromEntries(paths.map((path) => [path, partAt(view, path)]));
  });
  assertEquals(new Set(kept.flatMap(Object.values)).size, views.length * PARTS.length);
  const indices = fc.record({ view: fc.nat(2), to: fc.nat(39), from: fc.nat(39) });
  const move = fc.tuple(indices, fc.constantFrom(...WRITTEN), fc.boolean());
  const moves = fc.array(move, { minLength: 1, maxLength: 60 });
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
    for (const [i, n] of bound.entries()) {
      for (const path of PARTS) {
        const part = partAt(views[i], path);
        assertStrictEquals(part, kept[i][path]);
        assertEquals(part.toJSON(), partAt(model[n], path), path);
        assertEquals(pool.handleOf(part), handles[n]);
      }
    }
  });
  fc.assert(property, { numRuns: 10 });
  validate(pool);
  drop(pool);
});

eachHolder("toJSON() and toArray() return values that do not change with the view", ({ view }) => {
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

eachHolder("ArrayView has its elements, and throws RangeError on any other index", ({ view }) => {
  const { color, trails } = view;
  assertEquals([color.length, trails.length, [...color]], [4, 3, thingOf(1).color]);
  assert([...trails].every((trail, i) => trail === trails.get(i)));
  for (const bad of [-1, 4, 1.5, NaN, Infinity, "0", undefined, null]) {
    const message = `Cannot reach element ${shown(bad)}: the array has elements 0 to 3`;
    assertThrows(() => color.get(bad), RangeError, message);
    assertThrows(() => color.set(bad, 5), RangeError, message);
  }
  assertThrows(() => trails.get(3), RangeError, "the array has elements 0 to 2");
  assertThrows(() => trails.set(3, {}), RangeError, "the array has elements 0 to 2");
  assertEquals(view.toJSON(), thingOf(1));
});

// -- JSON --

/** The same in JSON as thing 1. */
const IN_JSON = JSON.parse(
  JSON.stringify(thingOf(1), (_, value) => typeof value === "bigint" ? value.toString() : value),
);

eachHolder("JSON.stringify() writes integers of 64 bits as decimal strings", ({ view }) => {
  assertEquals([IN_JSON.id, IN_JSON.ids[0]], ["18446744073709551559", "-9223372036854775751"]);
  for (const path of ["", ...PARTS]) {
    const [part, expected] = [partAt(view, path), partAt(IN_JSON, path)];
    for (const space of [0, 2]) {
      assertEquals(JSON.stringify(part, null, space), JSON.stringify(expected, null, space));
    }
    // A replacer is given what toJSON() returns.
    for (const key of ["", "0", "view"]) assertEquals(part.toJSON(key), expected);
    for (const it of [part.toJSON(), part.toJSON(undefined), part.toArray?.() ?? part.toJSON()]) {
      assertEquals(it, partAt(thingOf(1), path)); // with bigints
    }
  }
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
  Deno.test(`${name}: a view of a released block reads zero, and writes do nothing`, () => {
    for (const reuse of Object.values(REUSES)) {
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
    }
  });
}

// -- debug mode; what it does to views of freed records is in `tests/slab/debug_test.ts` --

const DEBUG = { " in debug mode": { debug } };

eachHolder("a view and its parts throw on a property that is no field", (holder) => {
  for (const view of [holder.view, holder.seek(holder.cursor())]) {
    for (const name of ["", ...PARTS]) {
      const part = partAt(view, name);
      assertThrows(() => part.lief = 3, TypeError, "not extensible", name);
      assertThrows(() => part[2] = 9, TypeError, "not extensible", name);
      assert(Object.isSealed(part), name);
    }
    assertEquals(view.toJSON(), thingOf(1));
  }
}, DEBUG);

const COPIES: Readonly<Record<string, (view: Any) => unknown>> = {
  "{ ...view }": (view) => ({ ...view }),
  "{ n, ...rest } = view": ({ n: _, ...rest }) => rest,
  "Object.assign()": (view) => Object.assign({}, view),
  "Object.entries()": (view) => Object.entries(view),
  "structuredClone()": (view) => structuredClone(view),
};

eachHolder("whatever copies a view or a part by its own properties throws", (holder) => {
  for (const name of ["", ...PARTS]) {
    const part = partAt(holder.view, name);
    const isArray = "toArray" in part;
    const isNameless = /^(line|edge|trails\.\d)$/.test(name);
    const named = isNameless ? "" : ` of "${name === "" ? "Thing" : "Vec"}"`;
    const title = `a view${isArray ? ` of the array "${name.split(".").at(-1)}"` : named}`;
    const [what, instead] = isArray ? ["elements", "toArray()"] : ["fields", "toJSON()"];
    for (const copy of Object.values(COPIES)) {
      const message =
        `Cannot spread, clone or compare ${title}: its own properties are its state ` +
        `and none of its ${what}; use view.${instead}`;
      assertThrows(() => copy(part), Error, message, name);
    }
  }
}, DEBUG);

for (const [name, make] of Object.entries(POOL_KINDS)) {
  Deno.test(`${name} in debug mode: a part whose record is freed by the value throws`, () => {
    const kind = make(Thing, { chunksPerBlock: 16, debug });
    const { pool, of } = kind;
    const view = pool.get<Any>(...of, pool.alloc(...of));
    const value = {
      get x() {
        pool.free(pool.handleOf(view));
        pool.alloc(...of, thingOf(1)); // in its chunk
        return 1;
      },
    };
    assertThrows(() => view.pos = value, StaleHandleError);
    assertEquals(valuesOf(kind), [thingOf(1)]);
    drop(pool);
  });
}
