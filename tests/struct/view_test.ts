import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { array, type Fields, Pool, ref, type ScalarType, struct } from "../../mod.ts";
import { forge, untyped } from "../_support.ts";

const SMALL = { chunksPerBlock: 16, maxChunks: 32 } as const;

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

/** A view whose one value lies in some place of the record. */
interface Place {
  readonly name: string;
  fields(type: ScalarType): Fields;
  get(view: unknown): unknown;
  set(view: unknown, value: unknown): void;
}

/** What the views of the places below have; each has only some of it. */
interface Loose {
  it: unknown;
  part: Loose;
  list: { get(i: number): Loose; set(i: number, value: unknown): void };
}
const loose = (view: unknown) => view as Loose; // what each place builds

// Guards stand on both sides of the value, so that a write past it would show.
const guarded = (type: ScalarType) => struct({ before: "u8", it: type, after: "u8" });

const PLACES: readonly Place[] = [
  {
    name: "a field",
    fields: (type) => ({ before: "u8", it: type, after: "u8" }),
    get: (view) => loose(view).it,
    set: (view, value) => void (loose(view).it = value),
  },
  {
    name: "a nested field",
    fields: (type) => ({ before: "u8", part: guarded(type), after: "u8" }),
    get: (view) => loose(view).part.it,
    set: (view, value) => void (loose(view).part.it = value),
  },
  {
    name: "a nested field of a record of words",
    fields: (type) => ({ before: "f32", part: guarded(type), after: "u8" }),
    get: (view) => loose(view).part.it,
    set: (view, value) => void (loose(view).part.it = value),
  },
  {
    name: "a field nested twice",
    fields: (type) => ({ before: "u8", part: struct({ pad: "u8", part: guarded(type) }) }),
    get: (view) => loose(view).part.part.it,
    set: (view, value) => void (loose(view).part.part.it = value),
  },
  {
    name: "an element",
    fields: (type) => ({ before: "u8", list: array(type, 3), after: "u8" }),
    get: (view) => loose(view).list.get(1),
    set: (view, value) => loose(view).list.set(1, value),
  },
  {
    name: "an element of a nested array",
    fields: (type) => ({ pad: "u8", part: struct({ before: "u8", list: array(type, 3) }) }),
    get: (view) => loose(view).part.list.get(2),
    set: (view, value) => loose(view).part.list.set(2, value),
  },
  {
    name: "a field of an element",
    fields: (type) => ({ before: "u8", list: array(guarded(type), 3), after: "u8" }),
    get: (view) => loose(view).list.get(1).it,
    set: (view, value) => void (loose(view).list.get(1).it = value),
  },
];

function zeroOf(type: ScalarType): unknown {
  return type === "bool" ? false : type === "i64" || type === "u64" ? 0n : 0;
}

/** A nested view as a plain record: it has a toJSON() that its type does not show. */
function plain(view: unknown): unknown {
  return (view as { toJSON(): unknown }).toJSON(); // as just said
}

// -- scalars --

for (const [type, writes] of Object.entries(WRITES) as [ScalarType, [unknown, unknown][]][]) {
  for (const place of PLACES) {
    Deno.test(`View reads and writes ${type} as its typed array would, in ${place.name}`, () => {
      using pool = new Pool(place.fields(type), SMALL);
      const [first, handle, last] = pool.allocMany(3);
      const view = pool.get(handle);
      for (const [written, read] of writes) {
        place.set(view, written);
        assertEquals(place.get(view), read);
        assertEquals(place.get(pool.get(handle)), read);
      }
      // With the value gone, not a byte of the block may differ from zero.
      place.set(view, zeroOf(type));
      assert(pool.blocks[0].bytes.every((byte) => byte === 0));
      for (const other of [first, last]) assertEquals(place.get(pool.get(other)), zeroOf(type));
    });
  }
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

Deno.test("View refuses a ref that is no integer of 32 bits, and writes nothing", () => {
  const Node = struct({ next: "ref" });
  using pool = new Pool({ next: "ref", part: Node, list: array("ref", 2) }, SMALL);
  const view = pool.get(pool.alloc({ next: forge(7), part: { next: forge(8) } }));
  for (const bad of [-1, 1.5, 2 ** 32, NaN, untyped<number>(undefined)]) {
    const message = `Cannot write field "next": a ref holds a handle below 2^32, got ${bad}`;
    assertThrows(() => void (view.next = forge(bad)), RangeError, message);
    assertThrows(() => void (view.part.next = forge(bad)), RangeError, message);
    const error = typeof bad === "number" ? RangeError : TypeError;
    assertThrows(() => view.list.set(0, forge(bad)), error, 'Cannot write field "list[0]"');
  }
  assertEquals([view.next, view.part.next, view.list.get(0)], [forge(7), forge(8), forge(0)]);
});

Deno.test("View throws TypeError where a number is written to an i64, as BigInt64Array does", () => {
  using pool = new Pool({ big: "i64", part: struct({ big: "u64" }) }, SMALL);
  const view = pool.get(pool.alloc({ big: 5n }));
  assertThrows(() => void (view.big = untyped(1)), TypeError);
  assertThrows(() => void (view.part.big = untyped(1)), TypeError);
  assertEquals(view.toJSON(), { big: 5n, part: { big: 0n } });
});

// -- nested structs --

const Vec2 = struct({ x: "f32", y: "f32" }, { name: "Vec2" });
const Line = struct({ from: Vec2, to: Vec2 }, { name: "Line" });
const Shape = struct({
  id: "u8",
  line: Line,
  color: array("u8", 4),
  dots: array(Vec2, 3),
  lines: array(Line, 2),
  links: array(ref(Vec2), 2),
});

const zero = { x: 0, y: 0 };
const ZERO_SHAPE = {
  id: 0,
  line: { from: zero, to: zero },
  color: [0, 0, 0, 0],
  dots: [zero, zero, zero],
  lines: [{ from: zero, to: zero }, { from: zero, to: zero }],
  links: [forge(0), forge(0)],
};

function shapes() {
  const pool = new Pool(Shape, SMALL);
  return { pool, view: pool.get(pool.alloc()) };
}

Deno.test("View of a nested struct writes to the record itself", () => {
  const { view } = shapes();
  const { line } = view;
  line.to.y = 3;
  line.from.x += 1;
  assertEquals(view.toJSON(), {
    ...ZERO_SHAPE,
    line: { from: { x: 1, y: 0 }, to: { x: 0, y: 3 } },
  });
  assertEquals(plain(line), { from: { x: 1, y: 0 }, to: { x: 0, y: 3 } });
  assertEquals(plain(line.to), { x: 0, y: 3 });
});

Deno.test("View copies a struct in where one is assigned, in whole or in part", () => {
  const { view } = shapes();
  const from = { x: 1, y: 2 };
  view.line = { from, to: { x: 3, y: 4 } };
  from.x = 99;
  assertEquals(plain(view.line), { from: { x: 1, y: 2 }, to: { x: 3, y: 4 } });
  view.line = untyped({ to: { y: 9 } });
  assertEquals(plain(view.line), { from: { x: 1, y: 2 }, to: { x: 3, y: 9 } });
  view.line.from = untyped({ x: 7 });
  assertEquals(plain(view.line), { from: { x: 7, y: 2 }, to: { x: 3, y: 9 } });
});

Deno.test("View copies a view in where one is assigned", () => {
  const { pool, view } = shapes();
  view.line = { from: { x: 1, y: 2 }, to: { x: 3, y: 4 } };
  view.color.copyFrom([5, 6, 7, 8]);
  const other = pool.get(pool.alloc());
  other.line = view.line;
  other.color = view.color;
  other.line.to = other.line.from;
  assertEquals(other.toJSON(), {
    ...ZERO_SHAPE,
    line: { from: { x: 1, y: 2 }, to: { x: 1, y: 2 } },
    color: [5, 6, 7, 8],
  });
  other.line.from.x = 50;
  assertEquals(view.line.from.x, 1);
});

Deno.test("View leaves the record alone where a bad struct or array is assigned", () => {
  const { view } = shapes();
  view.line = { from: { x: 1, y: 2 }, to: { x: 3, y: 4 } };
  const before = view.toJSON();
  const bad: [() => void, typeof TypeError | typeof RangeError, string][] = [
    [
      () => view.line = untyped(5),
      TypeError,
      'struct "Line" at "line": it must be an object, got 5',
    ],
    [() => view.line = untyped({ from: { x: 8 }, at: 1 }), TypeError, 'it has no field "at"'],
    [() => view.line = untyped({ from: { x: 8 }, to: { x: "1" } }), TypeError, '"line.to.x"'],
    [() => view.line.to = untyped({ x: 8, y: true }), TypeError, 'field "to.y": f32 must be a num'],
    [() => view.color = untyped([1, 2, 3, 4, 5]), RangeError, '"color": it has 4 elements, got 5'],
    [() => view.color = untyped([1, "2"]), TypeError, 'field "color[1]": u8 must be a number'],
    [
      () => view.dots = untyped([{ x: 1 }, { z: 1 }]),
      TypeError,
      'at "dots[1]": it has no field "z"',
    ],
    [() => view.links = untyped([1, -1]), RangeError, 'field "links[1]": a ref holds a handle'],
  ];
  for (const [write, errorClass, message] of bad) {
    assertThrows(write, errorClass, message);
    assertEquals(view.toJSON(), before);
  }
});

// -- following a cursor --

Deno.test("View's parts follow it to the next record", () => {
  using pool = new Pool(Shape, SMALL);
  const handles = pool.allocMany(20);
  handles.forEach((handle, i) =>
    pool.set(handle, { line: { to: { y: i } }, color: [i, i + 1], dots: [{}, { x: i }] })
  );
  const cursor = pool.seek(pool.cursor(), handles[0]);
  const [to, color, dot] = [cursor.line.to, cursor.color, cursor.dots.get(1)];
  handles.forEach((handle, i) => {
    pool.seek(cursor, handle);
    assertEquals([to.y, color.get(0), color.get(1), dot.x], [i, i, i + 1, i]);
    to.x = i;
    assertEquals(pool.get(handle).line.to.x, i);
  });
});

Deno.test("View that stands nowhere, or whose block was given back, reads and writes nothing", () => {
  using pool = new Pool(Shape, SMALL);
  const view = pool.get(pool.alloc({ id: 7 }));
  pool.freeBlock(0);
  pool.alloc();
  for (const lost of [view, pool.cursor()]) {
    lost.id = 9;
    lost.line.to.y = 9;
    lost.color.set(0, 9);
    assert(lost.id === undefined || lost.id === 0);
  }
  assertEquals([...pool].map((it) => it.toJSON()), [ZERO_SHAPE]);
});

// -- toJSON() --

Deno.test("View.toJSON() gives a plain record that is apart from the view", () => {
  const { view } = shapes();
  const record = view.toJSON();
  assertEquals(record, ZERO_SHAPE);
  assertStrictEquals(Object.getPrototypeOf(record), Object.prototype);
  assert(Array.isArray(record.color) && Array.isArray(record.lines));
  view.id = 5;
  record.color[0] = 9;
  assertEquals([record.id, view.color.get(0)], [0, 0]);
});

Deno.test("View is written by JSON.stringify() as its record is", () => {
  const { view } = shapes();
  view.dots.set(1, { x: 1.5 });
  const expected = JSON.stringify(view.toJSON());
  assertEquals(JSON.stringify(view), expected);
  assertEquals(
    JSON.stringify([view.color, view.line]),
    "[[0,0,0,0],{" + JSON.stringify({
      from: zero,
      to: zero,
    }).slice(1) + "]",
  );
});

// -- arrays --

Deno.test("ArrayView knows its length", () => {
  const { view } = shapes();
  assertEquals([view.color.length, view.dots.length, view.links.length], [4, 3, 2]);
});

Deno.test("ArrayView.get() and set() reach each element, and each field of one", () => {
  const { view } = shapes();
  for (let i = 0; i < 4; i++) view.color.set(i, 10 + i);
  for (let i = 0; i < 3; i++) view.dots.set(i, { x: i, y: 9 - i });
  view.lines.set(1, { to: { x: 5 } });
  view.lines.get(1).from.y = 6;
  view.links.set(1, forge(77));
  assertEquals(view.toJSON(), {
    ...ZERO_SHAPE,
    color: [10, 11, 12, 13],
    dots: [{ x: 0, y: 9 }, { x: 1, y: 8 }, { x: 2, y: 7 }],
    lines: [{ from: zero, to: zero }, { from: { x: 0, y: 6 }, to: { x: 5, y: 0 } }],
    links: [forge(0), forge(77)],
  });
  assertEquals([view.dots.get(2).x, view.lines.get(1).to.x], [2, 5]);
});

Deno.test("ArrayView throws RangeError on an element that it does not have, and writes nothing", () => {
  const { view } = shapes();
  for (const bad of [-1, 4, 1.5, NaN, Infinity, "0", undefined, null]) {
    const message = `Cannot reach element ${bad}: the array has elements 0 to 3`;
    assertThrows(() => view.color.get(untyped(bad)), RangeError, message);
    assertThrows(() => view.color.set(untyped(bad), 5), RangeError, message);
  }
  assertThrows(() => view.dots.get(3), RangeError, "the array has elements 0 to 2");
  assertEquals(view.toJSON(), ZERO_SHAPE);
});

Deno.test("ArrayView.set() throws TypeError on a bad value and writes nothing", () => {
  const { view } = shapes();
  assertThrows(() => view.color.set(1, untyped("5")), TypeError, '"color[1]": u8 must be a number');
  assertThrows(() => view.dots.set(1, untyped(5)), TypeError, "it must be an object, got 5");
  assertThrows(() => view.dots.set(1, untyped({ x: 1, z: 1 })), TypeError, 'it has no field "z"');
  assertThrows(() => view.links.set(1, untyped(-4)), RangeError, "a ref holds a handle below 2^32");
  assertEquals(view.toJSON(), ZERO_SHAPE);
});

Deno.test("ArrayView.copyFrom() takes anything array-like, and leaves the elements after it", () => {
  const { view } = shapes();
  view.color.copyFrom([1, 2, 3, 4]);
  view.color.copyFrom(new Uint8Array([9, 8]));
  assertEquals(view.color.toArray(), [9, 8, 3, 4]);
  view.color.copyFrom({ length: 1, 0: 300 });
  assertEquals(view.color.toArray(), [44, 8, 3, 4]);
  view.color.copyFrom([]);
  assertEquals(view.color.toArray(), [44, 8, 3, 4]);
  view.dots.copyFrom([{ x: 1, y: 2 }, { y: 3 }]);
  assertEquals(view.dots.toArray(), [{ x: 1, y: 2 }, { x: 0, y: 3 }, zero]);
});

Deno.test("ArrayView.copyFrom() takes another array's view, or its own", () => {
  const { pool, view } = shapes();
  view.color.copyFrom([1, 2, 3, 4]);
  view.dots.copyFrom([{ x: 1, y: 2 }]);
  const other = pool.get(pool.alloc());
  other.color.copyFrom(untyped(view.color));
  other.dots.copyFrom(untyped(view.dots));
  view.color.copyFrom(untyped(view.color));
  assertEquals(other.toJSON(), view.toJSON());
  assertEquals(view.color.toArray(), [1, 2, 3, 4]);
});

Deno.test("ArrayView.copyFrom() throws on what does not fit, and writes nothing", () => {
  const { view } = shapes();
  const { color, dots } = view;
  assertThrows(() => color.copyFrom([1, 2, 3, 4, 5]), RangeError, "it has 4 elements, got 5");
  assertThrows(() => color.copyFrom(untyped([1, "2"])), TypeError, "u8 must be a number");
  assertThrows(() => color.copyFrom(untyped(5)), TypeError, "it must be array-like, got 5");
  assertThrows(() => dots.copyFrom(untyped([{ x: 1 }, 5])), TypeError, "it must be an object");
  assertEquals(view.toJSON(), ZERO_SHAPE);
});

Deno.test("ArrayView is iterable, and gives what get() gives", () => {
  const { view } = shapes();
  view.color.copyFrom([1, 2, 3, 4]);
  assertEquals([...view.color], [1, 2, 3, 4]);
  assertEquals(Math.max(...view.color), 4);
  for (const dot of view.dots) dot.x += 2;
  assertEquals(view.dots.toArray(), Array(3).fill({ x: 2, y: 0 }));
});

Deno.test("ArrayView.toArray() gives plain values that are apart from the view", () => {
  const { view } = shapes();
  const colors = view.color.toArray();
  const dots = view.dots.toArray();
  view.color.set(0, 9);
  dots[0].x = 5;
  assert(Array.isArray(colors) && Array.isArray(dots));
  assertEquals([colors[0], view.dots.get(0).x], [0, 0]);
  assertEquals(view.color.toJSON(), [9, 0, 0, 0]);
});

// -- many structs --

Deno.test("Views of different structs do not disturb each other", () => {
  const pools = (["u8", "i16", "u32", "f64", "i64", "bool"] as const).map((type) => ({
    type,
    pool: new Pool({ pad: "u8", it: type } as Fields, SMALL),
  }));
  const value = (type: string) => type === "i64" ? 5n : type === "bool" ? true : 5;
  const views = pools.map(({ pool, type }) => pool.get(pool.alloc({ it: value(type) })));
  views.forEach((view, i) => assertEquals(untyped<Loose>(view).it, value(pools[i].type)));
});

Deno.test("View of a struct used by two pools is of one class", () => {
  using a = new Pool(Vec2, SMALL);
  using b = new Pool(Vec2, SMALL);
  const [first, second] = [a.alloc({ x: 1 }), b.alloc({ x: 2 })];
  const cursor = a.seek(a.cursor(), first);
  assertEquals([cursor.x, b.seek(cursor, second).x], [1, 2]);
  assertEquals(b.handleOf(cursor), second);
});

Deno.test("A bool is true for any byte that is not 0, as others may have written it", () => {
  using pool = new Pool({ on: "bool", within: struct({ on: "bool" }) });
  const view = pool.get(pool.alloc());
  for (const byte of [1, 2, 128, 255]) {
    pool.blocks[0].bytes.fill(byte, 0, 2);
    assertEquals([view.on, view.within.on], [true, true]);
    assertEquals(view.toJSON(), { on: true, within: { on: true } });
  }
});
