import { assert, assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import {
  type AnyStruct,
  array,
  type Fields,
  type FieldType,
  Pool,
  ref,
  type ScalarType,
  SchemaError,
  Struct,
  struct,
} from "../../mod.ts";
import { untyped } from "../_support.ts";

const SCALAR_BYTES: Record<ScalarType, number> = {
  i8: 1,
  u8: 1,
  bool: 1,
  i16: 2,
  u16: 2,
  f16: 2,
  i32: 4,
  u32: 4,
  f32: 4,
  ref: 4,
  i64: 8,
  u64: 8,
  f64: 8,
};
const SCALARS = Object.keys(SCALAR_BYTES) as ScalarType[]; // its keys are just these

const Vec2 = struct({ x: "f32", y: "f32" }, { name: "Vec2" });

/** Offset, size and alignment of each field, in declared order. */
function layoutOf(type: AnyStruct): Record<string, [number, number, number]> {
  return Object.fromEntries(
    Object.entries(type.fields).map(([name, it]) => [name, [it.offset, it.size, it.align]]),
  );
}

// -- scalars --

for (const type of SCALARS) {
  const bytes = SCALAR_BYTES[type];
  Deno.test(`struct() gives ${type} ${bytes} bytes at their natural alignment`, () => {
    const one = struct({ it: type });
    assertEquals([one.size, one.align], [bytes, bytes]);
    assertEquals({ ...one.fields.it }, { type, offset: 0, size: bytes, align: bytes, length: 1 });
    const two = struct({ first: "u8", it: type, last: "u8" });
    assertEquals(two.fields.it.offset, bytes);
    assertEquals(two.fields.last.offset, 2 * bytes);
    assertEquals(two.size, 3 * bytes);
  });
}

// -- C's layout --

Deno.test("struct() lays fields out as C does", () => {
  const type = struct({ a: "u8", b: "u16", c: "u8", d: "f64", e: "i32", f: "bool" });
  assertEquals(layoutOf(type), {
    a: [0, 1, 1],
    b: [2, 2, 2],
    c: [4, 1, 1],
    d: [8, 8, 8],
    e: [16, 4, 4],
    f: [20, 1, 1],
  });
  assertEquals([type.size, type.align], [24, 8]);
});

Deno.test("struct() adds no padding where none is needed", () => {
  const type = struct({ a: "u8", b: "u8", c: "u8" });
  assertEquals([type.size, type.align, type.fields.c.offset], [3, 1, 2]);
});

Deno.test("struct() aligns a nested struct as its widest field, and keeps its tail padding", () => {
  const Inner = struct({ wide: "u32", narrow: "u8" });
  const type = struct({ a: "u8", inner: Inner, b: "u8" });
  assertEquals(Inner.size, 8);
  assertEquals(layoutOf(type), { a: [0, 1, 1], inner: [4, 8, 4], b: [12, 1, 1] });
  assertEquals([type.size, type.align], [16, 4]);
});

Deno.test("struct() lays arrays out element by element", () => {
  const Inner = struct({ wide: "u16", narrow: "u8" });
  const type = struct({
    a: "u8",
    bytes: array("u8", 3),
    wide: array("f64", 2),
    of: array(Inner, 3),
  });
  assertEquals(layoutOf(type), {
    a: [0, 1, 1],
    bytes: [1, 3, 1],
    wide: [8, 16, 8],
    of: [24, 12, 2],
  });
  assertEquals([type.size, type.align], [40, 8]);
  const lengths = Object.values(type.fields).map((it) => it.length);
  assertEquals(lengths, [1, 3, 2, 3]);
});

Deno.test("struct() gives links 4 bytes, typed or not, single or in an array", () => {
  const type = struct({ a: "bool", b: ref(Vec2), c: "ref", d: array(ref(Vec2), 2) });
  assertEquals(layoutOf(type), { a: [0, 1, 1], b: [4, 4, 4], c: [8, 4, 4], d: [12, 8, 4] });
  assertEquals(type.size, 20);
});

Deno.test('ref("self") is a link of 4 bytes, single, in an array and in a nested struct', () => {
  const inner = struct({ a: "bool", up: ref("self") });
  const type = struct({ a: "bool", b: ref("self"), c: array(ref("self"), 2), inner });
  assertEquals(layoutOf(type), { a: [0, 1, 1], b: [4, 4, 4], c: [8, 8, 4], inner: [16, 8, 4] });
  assertEquals(type.fields.b.type, { kind: "ref", target: "self" });
  assert(Object.isFrozen(ref("self")));
});

Deno.test("struct() lays out the example of the docs in 24 bytes", () => {
  const Enemy = struct({
    pos: Vec2,
    hp: "u16",
    alive: "bool",
    color: array("u8", 4),
    target: ref(Vec2),
    next: "ref",
  });
  assertEquals(layoutOf(Enemy), {
    pos: [0, 8, 4],
    hp: [8, 2, 2],
    alive: [10, 1, 1],
    color: [11, 4, 1],
    target: [16, 4, 4],
    next: [20, 4, 4],
  });
  assertEquals(Enemy.size, 24);
});

// -- compact layout --

Deno.test("struct() orders fields by alignment in the compact layout, and keeps their names' order", () => {
  const type = struct({ a: "u8", b: "f64", c: "u16", d: "u8", e: "u32" }, { layout: "compact" });
  assertEquals(layoutOf(type), {
    a: [14, 1, 1],
    b: [0, 8, 8],
    c: [12, 2, 2],
    d: [15, 1, 1],
    e: [8, 4, 4],
  });
  assertEquals(Object.keys(type.fields), ["a", "b", "c", "d", "e"]);
  assertEquals([type.size, type.align], [16, 8]);
  const same = struct({ a: "u8", b: "f64", c: "u16", d: "u8", e: "u32" }, { layout: "c" });
  assertEquals(same.size, 24);
});

Deno.test("struct() keeps the declared order of equally aligned fields in the compact layout", () => {
  const type = struct({ a: "u8", b: "u8", c: array("u8", 2) }, { layout: "compact" });
  assertEquals(layoutOf(type), { a: [0, 1, 1], b: [1, 1, 1], c: [2, 2, 1] });
});

// -- struct as a value --

Deno.test("struct() has its name, or none", () => {
  assertEquals([Vec2.name, struct({ x: "u8" }).name], ["Vec2", ""]);
});

Deno.test("struct() makes a Struct that cannot be changed", () => {
  assertInstanceOf(Vec2, Struct);
  assert(Object.isFrozen(Vec2) && Object.isFrozen(Vec2.fields) && Object.isFrozen(Vec2.fields.x));
  assertThrows(() => Object.assign(Vec2, { size: 1 }), TypeError);
  assertThrows(() => Object.assign(Vec2.fields.x, { offset: 1 }), TypeError);
  assert(Object.isFrozen(array("u8", 2)) && Object.isFrozen(ref(Vec2)));
});

Deno.test("struct() does not look at its fields again", () => {
  const fields: Record<string, FieldType> = { x: "u8" };
  const type = struct(fields);
  fields.y = "f64";
  assertEquals([type.size, Object.keys(type.fields).length], [1, 1]);
});

Deno.test("struct() takes any identifier for a name", () => {
  const type = struct({
    $: "u8",
    a1: "u8",
    größe: "u8",
    class: "u8",
    x_: "u8",
    length: "u8",
    名: "u8",
  });
  assertEquals(type.size, 7);
});

// -- toString() --

Deno.test("Struct.toString() shows nested structs, arrays, links and all padding", () => {
  const Enemy = struct({
    alive: "bool",
    pos: Vec2,
    color: array("u8", 3),
    trail: array(Vec2, 2),
    target: ref(Vec2),
    next: "ref",
    links: array(ref(struct({ a: "u8" })), 2),
    hp: "u16",
  }, { name: "Enemy" });
  assertEquals(
    Enemy.toString(),
    [
      "struct Enemy: 52 bytes, align 4, 6 bytes of padding",
      "offset  size  type            field",
      "     0     1  bool            alive",
      "     1     3  ·               (padding)",
      "     4     8  Vec2            pos",
      "    12     3  u8[3]           color",
      "    15     1  ·               (padding)",
      "    16    16  Vec2[2]         trail",
      "    32     4  ref(Vec2)       target",
      "    36     4  ref             next",
      "    40     8  ref(struct)[2]  links",
      "    48     2  u16             hp",
      "    50     2  ·               (padding)",
    ].join("\n"),
  );
});

Deno.test("Struct.toString() calls a link to the struct itself by the struct's name", () => {
  const fields = { next: ref("self"), near: array(ref("self"), 2) };
  const inNode = String(struct(fields, { name: "Node" }));
  const inNone = String(struct(fields));
  assertEquals(inNode.match(/ref\S+/g), ["ref(Node)", "ref(Node)[2]"]);
  assertEquals(inNone.match(/ref\S+/g), ["ref(self)", "ref(self)[2]"]);
});

Deno.test("Struct.toString() lists the fields in the order of their bytes", () => {
  const type = struct({ a: "u8", b: "u16" }, { layout: "compact" });
  assertEquals(
    String(type),
    [
      "struct: 4 bytes, align 2, 1 byte of padding",
      "offset  size  type  field",
      "     0     2  u16   b",
      "     2     1  u8    a",
      "     3     1  ·     (padding)",
    ].join("\n"),
  );
});

Deno.test("Struct.toString() says what has no padding, one byte and no name", () => {
  const header = "offset  size  type  field";
  assertEquals(
    String(struct({ a: "u8" })),
    `struct: 1 byte, align 1, 0 bytes of padding\n${header}\n     0     1  u8    a`,
  );
  const [title] = String(struct({ a: struct({ b: "u8" }) }, { name: "My struct" })).split("\n");
  assertEquals(title, 'struct "My struct": 1 byte, align 1, 0 bytes of padding');
});

// -- errors --

const CYCLE = { kind: "array", element: array("u8", 2), length: 2 };

const BAD_FIELDS: [string, Record<string, unknown>, string][] = [
  ["an unknown type", { hp: "u17" }, 'field "hp" has unknown type "u17"'],
  ["an inherited name for a type", { hp: "toString" }, 'field "hp" has unknown type "toString"'],
  ["an undefined type", { hp: undefined }, 'field "hp" has unknown type undefined'],
  ["a null type", { hp: null }, 'field "hp" has unknown type null'],
  ["a number for a type", { hp: 4 }, 'field "hp" has unknown type 4'],
  ["plain fields for a type", { hp: { x: "u8" } }, 'field "hp" has unknown type'],
  ["a function for a type", { hp: () => "u8" }, 'field "hp" has unknown type'],
  ["an unknown kind of type", { hp: { kind: "map" } }, 'field "hp" has unknown type'],
  ["a bad second field", { ok: "u8", hp: "int" }, 'field "hp" has unknown type "int"'],
  ["a ref to nothing", { it: { kind: "ref" } }, 'field "it" is a ref to undefined, which is not'],
  [
    "a ref to a scalar",
    { it: ref(untyped<AnyStruct>("u8")) },
    'field "it" is a ref to "u8", which is not',
  ],
  [
    "a ref to a name",
    { it: ref(untyped<AnyStruct>("Node")) },
    'field "it" is a ref to "Node", which is not',
  ],
  ["a ref to fields", { it: ref(untyped<AnyStruct>({ x: "u8" })) }, 'field "it" is a ref to'],
  ["an array of 0", { it: array("u8", 0) }, 'field "it" must have an array length that is a pos'],
  ["an array of -1", { it: array("u8", -1) }, "a positive integer, got -1"],
  ["an array of 1.5", { it: array("u8", 1.5) }, "a positive integer, got 1.5"],
  ["an array of NaN", { it: array("u8", NaN) }, "a positive integer, got NaN"],
  ["an array of Infinity", { it: array("u8", Infinity) }, "a positive integer, got Infinity"],
  ["an array of no length", { it: { kind: "array", element: "u8" } }, "integer, got undefined"],
  ["an array of a string length", { it: array("u8", untyped("4")) }, 'positive integer, got "4"'],
  ["an array of arrays", { it: CYCLE }, 'field "it" is an array of arrays'],
  [
    "an array of unknowns",
    { it: array(untyped<ScalarType>("u17"), 2) },
    'field "it" has unknown type "u17"',
  ],
  [
    "an array of nothing",
    { it: array(untyped<ScalarType>(null), 2) },
    'field "it" has unknown type null',
  ],
  [
    "an array of bad refs",
    { it: array(ref(untyped<AnyStruct>(5)), 2) },
    'field "it" is a ref to 5',
  ],
  ["the name constructor", { constructor: "u8" }, 'field "constructor" has a name that every view'],
  ["the name toJSON", { toJSON: "u8" }, 'field "toJSON" has a name that every view'],
  ["a name with _", { _b: "u8" }, 'field "_b" starts with _'],
  ["the name __proto__", { ["__proto__"]: "u8" }, 'field "__proto__" starts with _'],
  ["an empty name", { "": "u8" }, 'field "" has a name that is not an identifier'],
  ["a number for a name", { 0: "u8" }, 'field "0" has a name that is not an identifier'],
  ["a name with a space", { "a b": "u8" }, 'field "a b" has a name that is not an identifier'],
  ["a name with a dot", { "a.b": "u8" }, 'field "a.b" has a name that is not an identifier'],
  ["a name with a dash", { "a-b": "u8" }, 'field "a-b" has a name that is not an identifier'],
  ["a name with a digit first", { "1a": "u8" }, 'field "1a" has a name that is not an identifier'],
];

for (const [what, fields, message] of BAD_FIELDS) {
  Deno.test(`struct() throws SchemaError on ${what}`, () => {
    const bad = untyped<Fields>(fields);
    const unnamed = assertThrows(() => struct(bad), SchemaError, message);
    assertEquals([unnamed.struct, unnamed.message.startsWith("Cannot define struct: ")], [
      "",
      true,
    ]);
    const named = assertThrows(() => struct(bad, { name: "Enemy" }), SchemaError, message);
    assertEquals(named.message.startsWith('Cannot define struct "Enemy": '), true);
    assertEquals([named.struct, named.field], ["Enemy", Object.keys(fields).at(-1)]);
    assertThrows(() => new Pool(bad), SchemaError, message);
  });
}

for (const nothing of [{}, [], null, undefined, 5, ""]) {
  Deno.test(`struct() throws SchemaError on ${JSON.stringify(nothing)} for fields`, () => {
    const error = assertThrows(
      () => struct(untyped<Fields>(nothing), { name: "Enemy" }),
      SchemaError,
    );
    assertEquals([error.struct, error.field], ["Enemy", ""]);
  });
}

Deno.test("struct() throws SchemaError on an unknown layout", () => {
  const message = 'Cannot define struct Enemy: layout must be "c" or "compact", got packed';
  const options = untyped<{ layout: "c" }>({ layout: "packed", name: "Enemy" });
  const error = assertThrows(() => struct({ x: "u8" }, options), SchemaError, message);
  assertEquals([error.struct, error.field], ["Enemy", ""]);
});

Deno.test("struct() throws SchemaError on f16 where the engine has no Float16Array", () => {
  const saved = Object.getOwnPropertyDescriptor(globalThis, "Float16Array")!; // Deno has it
  assert(Reflect.deleteProperty(globalThis, "Float16Array"));
  try {
    const message = 'field "x" has type "f16", and this engine has no Float16Array';
    assertThrows(() => struct({ x: "f16" }), SchemaError, message);
    assertThrows(() => struct({ x: array("f16", 2) }), SchemaError, message);
    assertEquals(struct({ x: "f32" }).size, 4);
  } finally {
    Object.defineProperty(globalThis, "Float16Array", saved);
  }
  assertEquals(struct({ x: "f16" }).size, 2);
});

// -- bytes --

Deno.test("Records lie in a block as their struct says, in the platform's byte order", () => {
  const type = struct({ a: "u8", b: "u16", c: "f32", d: array("i16", 2), e: "u64" });
  using pool = new Pool(type, { chunksPerBlock: 16, maxChunks: 16 });
  pool.alloc();
  pool.alloc({ a: 1, b: 0x0203, c: 1.5, d: [-1, -2], e: 9n });
  const { bytes } = pool.blocks[0];
  const data = new DataView(bytes.buffer, bytes.byteOffset + type.size);
  const { a, b, c, d, e } = type.fields;
  assertEquals(data.getUint8(a.offset), 1);
  assertEquals(data.getUint16(b.offset, true), 0x0203);
  assertEquals(data.getFloat32(c.offset, true), 1.5);
  assertEquals([data.getInt16(d.offset, true), data.getInt16(d.offset + 2, true)], [-1, -2]);
  assertEquals(data.getBigUint64(e.offset, true), 9n);
});
