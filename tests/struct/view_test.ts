/**
 * Tests of views and their parts: nested structs, arrays and elements of arrays.
 *
 * @module
 */
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  type AnyHandle,
  array,
  type Fields,
  Pool,
  type PoolOptions,
  type ScalarType,
  struct,
  validate,
} from "../../mod.ts";
import { type OfKind, POOL_KINDS, valuesOf, viewsOf } from "../_kinds.ts";
import { forge, untyped } from "../_support.ts";
import type { Any } from "./_holders.ts";

const SMALL: PoolOptions = { chunksPerBlock: 16, maxChunks: 64, name: "things" };

// -- scalars --

/** For each type: what is written, and what is read then. */
const WRITES: Record<ScalarType, [unknown, unknown][]> = {
  u8: [[0, 0], [1, 1], [255, 255], [256, 0], [257, 1], [-1, 255], [1.9, 1], [NaN, 0]],
  i8: [[0, 0], [127, 127], [128, -128], [-128, -128], [-129, 127], [255, -1], [-1.9, -1]],
  bool: [[true, true], [false, false]],
  u16: [[0, 0], [65_535, 65_535], [65_536, 0], [-1, 65_535], [2.5, 2], [Infinity, 0]],
  i16: [[0, 0], [32_767, 32_767], [32_768, -32_768], [-32_769, 32_767], [65_535, -1]],
  f16: [[0, 0], [1.5, 1.5], [0.1, 0.0999755859375], [65_504, 65_504], [65_520, Infinity]],
  u32: [[0, 0], [2 ** 32 - 1, 2 ** 32 - 1], [2 ** 32, 0], [-1, 2 ** 32 - 1], [2 ** 31, 2 ** 31]],
  i32: [[0, 0], [2 ** 31 - 1, 2 ** 31 - 1], [2 ** 31, -(2 ** 31)], [2 ** 32 + 5, 5]],
  ref: [[0, 0], [1, 1], [2 ** 30 - 1, 2 ** 30 - 1], [2 ** 32 - 1, 2 ** 32 - 1], [null, 0]],
  f32: [[0, 0], [0.1, Math.fround(0.1)], [1e39, Infinity], [NaN, NaN], [-2.5, -2.5]],
  f64: [[0, 0], [0.1, 0.1], [-1e300, -1e300], [NaN, NaN], [2 ** 53, 2 ** 53]],
  i64: [[0n, 0n], [2n ** 63n - 1n, 2n ** 63n - 1n], [2n ** 63n, -(2n ** 63n)], [-1n, -1n]],
  u64: [[0n, 0n], [2n ** 64n - 1n, 2n ** 64n - 1n], [2n ** 64n, 0n], [-1n, 2n ** 64n - 1n]],
};

// Guards on both sides of the value show a write past it.
const guarded = (type: ScalarType) => struct({ before: "u8", it: type, after: "u8" });

/** The places of a value in a record, and how a view reaches it. */
const PLACES: Readonly<
  Record<
    string,
    [fields: (type: ScalarType) => Fields, of: (view: Any) => Any, key: string | number]
  >
> = {
  "a field": [(type) => ({ before: "u8", it: type, after: "u8" }), (view) => view, "it"],
  "a nested field": [
    (type) => ({ before: "f32", part: guarded(type), after: "u8" }),
    (view) => view.part,
    "it",
  ],
  "a field nested twice": [
    (type) => ({ before: "u8", part: struct({ pad: "u8", part: guarded(type) }) }),
    (view) => view.part.part,
    "it",
  ],
  "an element": [
    (type) => ({ before: "u8", list: array(type, 3), after: "u8" }),
    (view) => view.list,
    1,
  ],
  "an element of a nested array": [
    (type) => ({ pad: "u8", part: struct({ before: "u8", list: array(type, 3) }) }),
    (view) => view.part.list,
    2,
  ],
  "a field of an element": [
    (type) => ({ before: "u8", list: array(guarded(type), 3), after: "u8" }),
    (view) => view.list.get(1),
    "it",
  ],
};

for (const [place, [fields, of, key]] of Object.entries(PLACES)) {
  const get = (view: Any) => typeof key === "number" ? of(view).get(key) : of(view)[key];
  const set = (view: Any, value: unknown) => {
    if (typeof key === "number") of(view).set(key, value);
    else of(view)[key] = value;
  };
  Deno.test(`View reads and writes each type as its typed array does, in ${place}`, () => {
    for (const [type, writes] of Object.entries(WRITES) as [ScalarType, [unknown, unknown][]][]) {
      using pool = new Pool(fields(type), SMALL);
      const [first, handle, last] = pool.allocMany(3);
      const view = pool.get(handle);
      const zero = writes.find(([, read]) => !read)![1];
      for (const [written, read] of writes) {
        set(view, written);
        assertEquals([get(view), get(pool.get(handle))], [read, read], type);
      }
      set(view, zero);
      assert(pool.blocks[0].bytes.every((byte) => byte === 0), `${type}: a byte around it changed`);
      for (const other of [first, last]) assertEquals(get(pool.get(other)), zero);
    }
  });
}

Deno.test("View writes the bytes of its own value and no other", () => {
  using pool = new Pool({ a: "u8", b: "u8", c: "u16", d: "u32" }, SMALL);
  pool.alloc();
  const view = pool.get(pool.alloc());
  view.b = 0xff;
  assertEquals([...pool.blocks[0].bytes.subarray(8, 16)], [0, 255, 0, 0, 0, 0, 0, 0]);
  view.c = 0xffff;
  assertEquals([...pool.blocks[0].bytes.subarray(8, 16)], [0, 255, 255, 255, 0, 0, 0, 0]);
  view.d = 0xffff_ffff;
  assertEquals([...pool.blocks[0].bytes.subarray(7, 17)], [0, 0, ...Array(7).fill(255), 0]);
});

Deno.test("A field of a view throws on a wrong ref or bigint, and writes nothing", () => {
  const Part = struct({ next: "ref", big: "u64" });
  using pool = new Pool({ next: "ref", big: "i64", part: Part }, SMALL);
  const value = { next: forge(7), big: 5n, part: { next: forge(8), big: 6n } };
  const view: Any = pool.get(pool.alloc(value));
  for (const part of [view, view.part]) {
    for (const bad of [-1, 1.5, 2 ** 32, NaN, undefined]) {
      const message = `Cannot write field "next": a ref holds a handle below 2^32, got ${bad}`;
      assertThrows(() => part.next = bad, RangeError, message);
    }
    assertThrows(() => part.big = 1, TypeError);
  }
  assertEquals(view.toJSON(), value);
});

// -- parts --

const Vec = struct({ x: "f32", y: "f32" });
const Line = struct({ from: Vec, to: Vec });
const Trail = struct({ ages: array("u8", 2), dots: array(Vec, 2), head: Vec });
/** More parts than a view has properties for from the start. */
const Thing = struct({
  n: "u32",
  pos: Vec,
  line: Line,
  color: array("u8", 4),
  speed: array("f64", 3),
  trails: array(Trail, 3),
  vel: Vec,
  flags: array("bool", 2),
});

/** The values of record `n`, all different. */
function valueOf(n: number) {
  const vec = (i: number) => ({ x: n + i, y: n - i });
  const trail = (i: number) => ({
    ages: [n % 100, i],
    dots: [vec(i), vec(i + 1)],
    head: vec(i + 2),
  });
  return {
    n,
    pos: vec(1),
    line: { from: vec(2), to: vec(3) },
    color: [n % 100, 4, 5, 6],
    speed: [n + 0.5, 7, 8],
    trails: [trail(10), trail(20), trail(30)],
    vel: vec(9),
    flags: [n % 2 === 0, true],
  };
}

/** The paths of all parts of a view. */
const PATHS = "pos line line.from line.to color speed trails trails.0 trails.2 trails.1.ages " +
  "trails.1.dots trails.2.dots.1 trails.2.head vel flags";
const PARTS = PATHS.split(" ");

/** Follows a path in a view or in a plain value. */
function at(it: Any, path: string): Any {
  let part = it;
  for (const name of path.split(".")) {
    part = /^\d/.test(name) && "get" in part ? part.get(Number(name)) : part[name];
  }
  return part;
}

/** Defines a test for each kind of pool, with own and shared code: 40 records in three blocks. */
function each(claim: string, test: (kind: OfKind, handles: AnyHandle[]) => void): void {
  for (const [name, make] of Object.entries(POOL_KINDS)) {
    Deno.test(`${name}: ${claim}`, () => {
      for (const specialize of [true, false]) {
        const kind = make(Thing, { ...SMALL, specialize });
        test(kind, Array.from({ length: 40 }, (_, n) => kind.pool.alloc(...kind.of, valueOf(n))));
        validate(kind.pool);
        kind.pool.dispose();
      }
    });
  }
}

each("a part of a view is always the same object, and no part of another view", (kind, handles) => {
  const cursor = kind.pool.cursor<Any>(...kind.of);
  const views = [
    kind.pool.get<Any>(...kind.of, handles[0]),
    kind.pool.get<Any>(...kind.of, handles[0]),
    cursor,
  ];
  const found = new Map<object, string>();
  views.forEach((view, turn) => {
    // In another order, since parts are made on first use.
    const paths = turn % 2 === 0 ? PARTS : PARTS.toReversed();
    for (const path of paths) found.set(at(view, path), `${turn} ${path}`);
    for (const path of paths) assertEquals(found.get(at(view, path)), `${turn} ${path}`);
  });
  assertEquals(found.size, views.length * PARTS.length);
  for (const n of [3, 39, 17]) {
    kind.pool.seek(cursor, handles[n]);
    for (const path of PARTS) assertEquals(found.get(at(cursor, path)), `2 ${path}`);
  }
  kind.pool.free(handles[39] as never);
  kind.pool.allocAt(...kind.of, cursor as never);
  for (const path of PARTS) assertEquals(found.get(at(cursor, path)), `2 ${path}`);
});

each("kept parts follow their view to other records and blocks", (kind, handles) => {
  const cursor = kind.pool.cursor<Any>(...kind.of);
  const kept = PARTS.map((path) => [path, at(cursor, path)]);
  for (const n of [0, 15, 16, 39, 31, 32, 1]) {
    kind.pool.seek(cursor, handles[n]);
    for (const [path, part] of kept) {
      assertEquals(part.toJSON(), at(valueOf(n), path), path);
      assertEquals(kind.pool.handleOf(part), handles[n]);
    }
  }
});

each("the view of an iteration has the same parts at each record", (kind) => {
  const passes: ((visit: (view: Any) => void) => void)[] = [
    (visit) => kind.pool.forEach(...kind.of, visit),
    (visit) => {
      kind.pool.retain(...kind.of, (view: Any) => {
        visit(view);
        return true;
      });
    },
    (visit) => {
      for (const view of viewsOf(kind)) visit(view);
    },
  ];
  for (const pass of passes) {
    let kept: Any[] | undefined;
    let records = 0;
    pass((view) => {
      kept ??= PARTS.map((path) => at(view, path));
      PARTS.forEach((path, i) => {
        assertStrictEquals(at(view, path), kept![i]);
        assertEquals(kept![i].toJSON(), at(valueOf(view.n), path), path);
      });
      records++;
    });
    assertEquals(records, 40);
  }
});

/** Writes through parts: the part, what is called on it, and the path and value that change. */
const PART_WRITES: readonly [
  part: string,
  (part: Any, value: Any) => void,
  path: string,
  value: Any,
][] = [
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
  at(value, path.slice(0, end))[path.slice(end + 1)] = to;
}

each("parts of several views, bound at random, write their own record only", (kind, handles) => {
  const move = fc.record({
    view: fc.nat(2),
    to: fc.nat(39),
    write: fc.nat(PART_WRITES.length - 1),
    isFresh: fc.boolean(),
  });
  const views = [0, 1, 2].map(() => kind.pool.cursor<Any>(...kind.of));
  const kept = views.map((view) => Object.fromEntries(PARTS.map((path) => [path, at(view, path)])));
  fc.assert(
    fc.property(fc.array(move, { minLength: 1, maxLength: 60 }), (moves) => {
      handles.forEach((handle, n) => kind.pool.set(...kind.of, handle, valueOf(n)));
      const model = handles.map((_, n) => valueOf(n));
      const bound = views.map((view, n) => (kind.pool.seek(view, handles[n]), n));
      for (const { view, to, write, isFresh } of moves) {
        kind.pool.seek(views[view], handles[to]);
        bound[view] = to;
        const [part, call, path, value] = PART_WRITES[write];
        call(isFresh ? at(views[view], part) : kept[view][part], value);
        setAt(model[to], path, value);
        bound.forEach((n, i) => assertEquals(views[i].toJSON(), model[n]));
      }
      assertEquals(valuesOf(kind), model);
    }),
    { numRuns: 10 },
  );
});

each(
  "parts of a view of a released block write nothing until the view is bound",
  (kind, handles) => {
    const cursor = kind.pool.seek(kind.pool.cursor<Any>(...kind.of), handles[0]);
    const parts = PART_WRITES.map(([part]) => at(cursor, part));
    kind.pool.freeBlock(kind.pool.blocks[0].index);
    kind.pool.alloc(...kind.of, valueOf(70)); // in a new block that takes its place
    const before = valuesOf(kind);
    const writeAll = () => PART_WRITES.forEach(([, call, , value], i) => call(parts[i], value));
    writeAll();
    cursor.color.copyFrom([9, 9]);
    cursor.line = { from: { x: 9, y: 9 }, to: { x: 9, y: 9 } };
    assertEquals(valuesOf(kind), before);
    kind.pool.seek(cursor, handles[39]);
    writeAll();
    const expected = valueOf(39);
    for (const [, , path, value] of PART_WRITES) setAt(expected, path, value);
    assertEquals(kind.pool.get<Any>(...kind.of, handles[39]).toJSON(), expected);
  },
);

// -- assigning --

/** A pool with own code and one with shared code, of one record each. */
function eachView(claim: string, test: (view: Any, other: Any) => void): void {
  Deno.test(claim, () => {
    for (const specialize of [true, false]) {
      using pool = new Pool(Thing, { ...SMALL, specialize });
      const [view, other] = [1, 50].map((n) => pool.get(pool.alloc(valueOf(n))));
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
  const expected = { ...valueOf(50), line: { from: point, to: point }, color: valueOf(1).color };
  assertEquals(other.toJSON(), expected);
});

eachView("toJSON() and toArray() return plain values that do not change with the view", (view) => {
  const record = view.toJSON();
  assertEquals(record, valueOf(1));
  assertStrictEquals(Object.getPrototypeOf(record), Object.prototype);
  const [colors, trails] = [view.color.toArray(), view.trails.toArray()];
  assert([record.color, record.trails, colors, trails].every((it) => Array.isArray(it)));
  view.n = 5;
  view.color.set(0, 9);
  view.trails.get(0).head.x = 9;
  record.color[1] = 77;
  trails[1].head.x = 77;
  assertEquals([record.n, colors, trails[0]], [1, valueOf(1).color, valueOf(1).trails[0]]);
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
    const message = `Cannot reach element ${bad}: the array has elements 0 to 3`;
    assertThrows(() => view.color.get(bad), RangeError, message);
    assertThrows(() => view.color.set(bad, 5), RangeError, message);
  }
  assertThrows(() => view.trails.get(3), RangeError, "the array has elements 0 to 2");
  assertThrows(() => view.trails.set(3, {}), RangeError, "the array has elements 0 to 2");
  assertEquals(view.toJSON(), valueOf(1));
});

eachView("ArrayView.set() and copyFrom() throw on a wrong value, and write nothing", (view) => {
  const { color, trails } = view;
  const vec = view.line;
  assertThrows(() => color.set(1, "5"), TypeError, '"color[1]": u8 must be a number, got "5"');
  assertThrows(() => trails.set(1, 5), TypeError, "it must be an object, got 5");
  assertThrows(() => trails.set(1, { ages: [1], z: 1 }), TypeError, 'it has no field "z"');
  assertThrows(() => color.copyFrom([1, 2, 3, 4, 5]), RangeError, "it has 4 elements, got 5");
  assertThrows(() => color.copyFrom([1, "2"]), TypeError, "u8 must be a number");
  assertThrows(() => color.copyFrom(5), TypeError, "it must be array-like, got 5");
  assertThrows(() => trails.copyFrom([{ ages: [1] }, 5]), TypeError, "it must be an object");
  assertThrows(() => vec.to = { x: 8, y: true }, TypeError, 'field "to.y": f32 must be a num');
  assertEquals(view.toJSON(), valueOf(1));
});

eachView(
  "ArrayView.copyFrom() writes the first elements, from anything array-like",
  (view, other) => {
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
  },
);

// -- many structs --

Deno.test("Views of structs with the same field name read and write their own types", () => {
  const views = (["u8", "i16", "u32", "f64", "i64", "bool"] as const).map((type) => {
    const value = type === "i64" ? 5n : type === "bool" ? true : 5;
    const pool = new Pool({ pad: "u8", it: type } as Fields, SMALL);
    return { view: pool.get(pool.alloc({ it: value })) as Any, value };
  });
  for (const { view, value } of views) assertEquals(view.it, value);
});

Deno.test("A view can be bound to a record of another pool of the same struct", () => {
  using a = new Pool(Vec, SMALL);
  using b = new Pool(Vec, SMALL);
  const [first, second] = [a.alloc({ x: 1 }), b.alloc({ x: 2 })];
  const cursor = a.seek(a.cursor(), first);
  assertEquals([cursor.x, b.seek(cursor, untyped(second)).x], [1, 2]);
  assertEquals(b.handleOf(cursor), second);
});
