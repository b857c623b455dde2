/**
 * Tests of structs: layouts of random schemas against C's rules, random records against typed
 * arrays, and the errors of wrong schemas.
 *
 * @module
 */
import { assert, assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  type AnyStruct,
  array,
  type ElementType,
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

// deno-fmt-ignore: one width a line
const SCALAR_BYTES: Record<ScalarType, number> = {
  i8: 1, u8: 1, bool: 1,
  i16: 2, u16: 2, f16: 2,
  i32: 4, u32: 4, f32: 4, ref: 4,
  i64: 8, u64: 8, f64: 8,
};
const SCALARS = Object.keys(SCALAR_BYTES) as ScalarType[]; // its keys are these

const Vec2 = struct({ x: "f32", y: "f32" }, { name: "Vec2" });

/** Offset, size, alignment and length of each field, in declared order. */
function layoutOf(type: AnyStruct): Record<string, number[]> {
  return Object.fromEntries(
    Object.entries(type.fields).map((
      [name, it],
    ) => [name, [it.offset, it.size, it.align, it.length]]),
  );
}

// -- random schemas --

const NAMES = ["a", "b", "c", "d", "e", "f", "g", "h"];
const scalars = fc.constantFrom(...SCALARS);

/** Any struct, up to three levels deep. */
const structs: fc.Arbitrary<AnyStruct> =
  fc.letrec<{ element: ElementType; it: AnyStruct }>((tie) => {
    const links = fc.constantFrom(ref(Vec2));
    const element = fc.oneof({ maxDepth: 2 }, scalars, links, tie("it"));
    const arrays = fc.tuple(element, fc.integer({ min: 1, max: 4 })).map(([of, n]) => array(of, n));
    const types = fc.array(fc.oneof(element, element, arrays), { minLength: 1, maxLength: 6 });
    const layout = fc.constantFrom("c", "c", "compact");
    const it = fc.tuple(types, layout).map(([fields, as]) =>
      struct(Object.fromEntries(fields.map((type, i) => [NAMES[i], type])), {
        layout: as as "c" | "compact", // constantFrom gives just these
      })
    );
    return { element, it };
  }).it;

/** The fields of any struct. */
const fieldSets: fc.Arbitrary<Fields> = structs.map((it) =>
  Object.fromEntries(Object.entries(it.fields).map(([name, { type }]) => [name, type]))
);

/** Size and alignment by the rules of C, computed without the module. */
function sizeAndAlign(type: FieldType): [number, number] {
  if (typeof type === "string") return [SCALAR_BYTES[type], SCALAR_BYTES[type]];
  if (type instanceof Struct) return [type.size, type.align];
  if (type.kind === "ref") return [4, 4];
  const [size, align] = sizeAndAlign(type.element);
  return [size * type.length, align];
}

Deno.test("struct() follows C's rules for any fields", () => {
  fc.assert(fc.property(fieldSets, (fields) => {
    const type = struct(fields);
    let end = 0;
    let widest = 1;
    for (const [name, declared] of Object.entries(fields)) {
      const [size, align] = sizeAndAlign(declared);
      while (end % align !== 0) end++;
      const { offset, ...field } = type.fields[name];
      assertEquals([offset, field.size, field.align], [end, size, align]);
      end += size;
      widest = Math.max(widest, align);
    }
    while (end % widest !== 0) end++;
    assertEquals([type.size, type.align], [end, widest]);
  }));
});

Deno.test("struct() has no padding but at the end in the compact layout, for any fields", () => {
  fc.assert(fc.property(fieldSets, (fields) => {
    const type = struct(fields, { layout: "compact" });
    const fieldsInOrder = Object.values(type.fields).sort((a, b) => a.offset - b.offset);
    let end = 0;
    for (const { offset, size, align } of fieldsInOrder) {
      assertEquals([offset, offset % align], [end, 0]);
      end += size;
    }
    assert(type.size >= end && type.size < end + type.align);
    assertEquals([type.size % type.align, type.align], [0, struct(fields).align]);
    assert(type.size <= struct(fields).size);
  }));
});

// -- random records --

/** Numbers at the edges of the types, and beyond. */
const NUMBERS = fc.oneof(
  fc.double(),
  fc.integer(),
  fc.maxSafeInteger(),
  fc.constantFrom(0, -0, 1, -1, 127, 128, 255, 256, -128, -129, 32_768, 65_535, 65_536, -32_769),
  fc.constantFrom(
    2 ** 31 - 1,
    2 ** 31,
    2 ** 32 - 1,
    2 ** 32,
    -(2 ** 31) - 1,
    2 ** 53,
    1e300,
    1e-300,
  ),
  fc.constantFrom(NaN, Infinity, -Infinity, 0.1, 65_504, 65_520, 6e-8, 3.4e38, 1.5, -1.5),
);

/** Makes a value of a scalar type from any number. */
function valueFor(type: ScalarType, number: number): unknown {
  if (type === "bool") return number > 0;
  if (type === "ref") return number >>> 0;
  if (type !== "i64" && type !== "u64") return number;
  return Number.isFinite(number) ? BigInt(Math.trunc(number)) * 3n : 0n;
}

// deno-lint-ignore no-explicit-any -- the typed arrays share no constructor type that takes a value
const ARRAYS: Partial<Record<ScalarType, { of(value: any): ArrayLike<unknown> }>> = {
  i8: Int8Array,
  u8: Uint8Array,
  i16: Int16Array,
  u16: Uint16Array,
  i32: Int32Array,
  u32: Uint32Array,
  i64: BigInt64Array,
  u64: BigUint64Array,
  f16: Float16Array,
  f32: Float32Array,
  f64: Float64Array,
};

/** What is read after a value was written: the element of a typed array. */
function stored(type: ScalarType, value: unknown): unknown {
  const Typed = ARRAYS[type];
  return Typed === undefined ? value : Typed.of(value)[0];
}

/** Makes a record of any struct, each scalar through `make`. */
function recordOf(type: FieldType, make: (type: ScalarType) => unknown): unknown {
  if (typeof type === "string") return make(type);
  if (type instanceof Struct) {
    const fields = Object.entries(type.fields);
    return Object.fromEntries(fields.map(([name, it]) => [name, recordOf(it.type, make)]));
  }
  if (type.kind === "ref") return make("ref");
  return Array.from({ length: type.length }, () => recordOf(type.element, make));
}

/** Compares plain values by `Object.is`. */
function isSame(a: unknown, b: unknown): boolean {
  if (typeof a !== "object" || a === null || typeof b !== "object" || b === null) {
    return Object.is(a, b);
  }
  const [left, right] = [Object.entries(a), Object.entries(b)];
  return left.length === right.length &&
    left.every(([key, value], i) => key === right[i][0] && isSame(value, right[i][1]));
}

/** A record to write and the one to be read back, for one struct and any numbers. */
function sampleOf(
  type: AnyStruct,
  numbers: readonly number[],
): { written: unknown; read: unknown } {
  let next = 0;
  const value = (scalar: ScalarType) => valueFor(scalar, numbers[next++ % numbers.length]);
  const written = recordOf(type, value);
  next = 0;
  return { written, read: recordOf(type, (scalar) => stored(scalar, value(scalar))) };
}

function assertSame(actual: unknown, expected: unknown, what: string): void {
  if (isSame(actual, expected)) return;
  throw new Error(`${what}: got ${Deno.inspect(actual)}, expected ${Deno.inspect(expected)}`);
}

const cases = fc.record({
  type: structs,
  first: fc.array(NUMBERS, { minLength: 1, maxLength: 20 }),
  second: fc.array(NUMBERS, { minLength: 1, maxLength: 20 }),
});

Deno.test("Pool gives back the record of any struct as typed arrays would, and its neighbour's too", () => {
  fc.assert(fc.property(cases, ({ type, first, second }) => {
    using pool = new Pool(type, { chunksPerBlock: 16, maxChunks: 16 });
    const a = sampleOf(type, first);
    const b = sampleOf(type, second);
    const [x, y] = [pool.alloc(a.written as object), pool.alloc(b.written as object)];
    assertSame(pool.get(x).toJSON(), a.read, "the first");
    assertSame(pool.get(y).toJSON(), b.read, "the second");
    pool.set(x, b.written as object);
    assertSame(pool.get(x).toJSON(), b.read, "the first after set()");
    // What was read can be written, and reads the same.
    pool.set(x, a.read as object);
    assertSame(pool.get(x).toJSON(), a.read, "the first after a second set()");
    assertSame(pool.get(y).toJSON(), b.read, "the second at last");
  }));
});

/** Reads a record field by field through its view. */
function readView(view: unknown, type: FieldType): unknown {
  if (typeof type === "string" || !(type instanceof Struct) && type.kind === "ref") return view;
  if (type instanceof Struct) {
    const fields = Object.entries(type.fields);
    const values = view as Record<string, unknown>; // a view has each field by its name
    return Object.fromEntries(fields.map(([name, it]) => [name, readView(values[name], it.type)]));
  }
  return [...view as Iterable<unknown>].map((it) => readView(it, type.element));
}

Deno.test("Views of any struct read and write, field by field, what whole records do", () => {
  fc.assert(fc.property(cases, ({ type, first, second }) => {
    using pool = new Pool(type, { chunksPerBlock: 16, maxChunks: 16 });
    const a = sampleOf(type, first);
    const b = sampleOf(type, second);
    const [x, y] = [pool.alloc(a.written as object), pool.alloc(b.written as object)];
    assertSame(readView(pool.get(x), type), a.read, "the first");
    for (const [name, value] of Object.entries(b.written as object)) {
      Object.assign(pool.get(x), { [name]: value });
    }
    assertSame(readView(pool.get(x), type), b.read, "the first after writing");
    assertSame(pool.get(x).toJSON(), b.read, "the first as a whole");
    assertSame(pool.get(y).toJSON(), b.read, "the second");
  }));
});

// -- examples --

Deno.test("struct() lays the example of the docs out in 24 bytes", () => {
  const Enemy = struct({
    pos: Vec2,
    hp: "u16",
    alive: "bool",
    color: array("u8", 4),
    target: ref(Vec2),
    next: array(ref("self"), 1),
  });
  assertEquals(layoutOf(Enemy), {
    pos: [0, 8, 4, 1],
    hp: [8, 2, 2, 1],
    alive: [10, 1, 1, 1],
    color: [11, 4, 1, 4],
    target: [16, 4, 4, 1],
    next: [20, 4, 4, 1],
  });
  assertEquals([Enemy.size, Enemy.align], [24, 4]);
  assertEquals(Enemy.fields.target.type, { kind: "ref", target: Vec2 });
});

Deno.test("struct() orders equally aligned fields as declared in the compact layout", () => {
  const fields = { a: "u8", b: "f64", c: "u16", d: "u8", e: "u32" } as const;
  const type = struct(fields, { layout: "compact" });
  assertEquals(layoutOf(type), {
    a: [14, 1, 1, 1],
    b: [0, 8, 8, 1],
    c: [12, 2, 2, 1],
    d: [15, 1, 1, 1],
    e: [8, 4, 4, 1],
  });
  assertEquals([type.size, struct(fields, { layout: "c" }).size], [16, 24]);
});

Deno.test("struct() makes a Struct that cannot be changed, also not by its fields", () => {
  const fields: Record<string, FieldType> = { x: "u8" };
  const type = struct(fields, { name: "One" });
  fields.y = "f64";
  assertInstanceOf(type, Struct);
  assertEquals([type.size, Object.keys(type.fields), type.name], [1, ["x"], "One"]);
  assertEquals(struct({ x: "u8" }).name, "");
  const frozen = [type, type.fields, type.fields.x, array("u8", 2), ref(Vec2), ref("self")];
  for (const it of frozen) assert(Object.isFrozen(it));
  assertThrows(() => Object.assign(type, { size: 1 }), TypeError);
  assertThrows(() => Object.assign(type.fields.x, { offset: 1 }), TypeError);
});

Deno.test("struct() takes any identifier for a name", () => {
  const names = ["$", "a1", "größe", "class", "x_", "length", "名"];
  assertEquals(struct(Object.fromEntries(names.map((name) => [name, "u8"]))).size, 7);
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

Deno.test("Struct.toString() prints names of links, the order of bytes, and singular forms", () => {
  const fields = { next: ref("self"), near: array(ref("self"), 2) };
  const links = (name: string) => String(struct(fields, { name })).match(/ref\S+/g);
  assertEquals(links("Node"), ["ref(Node)", "ref(Node)[2]"]);
  assertEquals(links(""), ["ref(self)", "ref(self)[2]"]);
  assertEquals(
    String(struct({ a: "u8", b: "u16" }, { layout: "compact" })),
    [
      "struct: 4 bytes, align 2, 1 byte of padding",
      "offset  size  type  field",
      "     0     2  u16   b",
      "     2     1  u8    a",
      "     3     1  ·     (padding)",
    ].join("\n"),
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
    assert(unnamed.message.startsWith("Cannot define struct: "));
    const named = assertThrows(() => struct(bad, { name: "Enemy" }), SchemaError, message);
    assert(named.message.startsWith('Cannot define struct "Enemy": '));
    const field = Object.keys(fields).at(-1);
    assertEquals([unnamed.struct, named.struct, named.field], ["", "Enemy", field]);
    assertThrows(() => new Pool(bad), SchemaError, message);
  });
}

Deno.test("struct() throws SchemaError on fields that are none", () => {
  for (const nothing of [{}, [], null, undefined, 5, ""]) {
    const define = () => struct(untyped<Fields>(nothing), { name: "Enemy" });
    const error = assertThrows(define, SchemaError, "Cannot define struct Enemy: it has no fields");
    assertEquals([error.struct, error.field], ["Enemy", ""]);
  }
  const symbol = untyped<Fields>({ x: "u8", [Symbol("y")]: "u8" });
  assertThrows(() => struct(symbol), SchemaError, 'field "Symbol(y)" has a name that is not an');
});

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
