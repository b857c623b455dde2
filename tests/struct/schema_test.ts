/**
 * Tests of structs: layouts of random schemas against C's rules, `toString`, and the errors of wrong
 * schemas.
 *
 * @module
 */
import { assert, assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import fc from "fast-check";
import { array, Pool, ref, SchemaError, Struct, struct } from "../../mod.ts";
import type { AnyStruct, Fields, FieldType, ScalarType } from "../../mod.ts";
import { shown, untyped, withProperties } from "../_support.ts";
import { ARRAYS, isArray, mapFields, SCALARS } from "../model/_values.ts";
import { structsOf } from "./_declarations.ts";

const Vec2 = struct({ x: "f32", y: "f32" }, { name: "Vec2" });

// -- layouts --

/** Size and alignment by the rules of C, computed without the module. */
function sizeAndAlign(type: FieldType): [number, number] {
  if (type instanceof Struct) return [type.size, type.align];
  if (isArray(type)) {
    const [size, align] = sizeAndAlign(type.element);
    return [size * type.length, align];
  }
  const { BYTES_PER_ELEMENT } = ARRAYS[typeof type === "string" ? type : "ref"];
  return [BYTES_PER_ELEMENT, BYTES_PER_ELEMENT];
}

Deno.test("struct() follows C's rules for any fields, in the compact layout widest first", () => {
  fc.assert(fc.property(structsOf(SCALARS), fc.boolean(), (some, isCompact) => {
    const fields = mapFields(some, (type) => type) as Fields;
    const type = struct(fields, isCompact ? { layout: "compact" } : {});
    let end = 0;
    let widest = 1;
    const declared = Object.entries(fields).map(([name, it]) =>
      [name, it, ...sizeAndAlign(it)] as const
    );
    if (isCompact) declared.sort(([, , , a], [, , , b]) => b - a);
    for (const [name, it, size, align] of declared) {
      while (end % align !== 0) end++;
      const length = isArray(it) ? it.length : 1;
      assertEquals(type.fields[name], { type: it, offset: end, size, align, length });
      end += size;
      widest = Math.max(widest, align);
    }
    while (end % widest !== 0) end++;
    assertEquals([type.size, type.align], [end, widest]);
    assertEquals(Object.keys(type.fields), Object.keys(fields));
  }));
});

Deno.test("struct() makes a Struct that cannot be changed, also not by its fields", () => {
  const fields: Record<string, FieldType> = { x: "u8" };
  const type = struct(fields, { name: "One" });
  fields.y = "f64";
  assertInstanceOf(type, Struct);
  assertEquals([type.size, Object.keys(type.fields), type.name], [1, ["x"], "One"]);
  const frozen = [type, type.fields, type.fields.x, array("u8", 2), ref(Vec2), ref("self")];
  for (const it of frozen) assert(Object.isFrozen(it));
});

// -- toString() --

Deno.test("Struct.toString() shows all fields, links and padding in the order of the bytes", () => {
  const Enemy = struct({
    alive: "bool",
    pos: Vec2,
    color: array("u8", 3),
    trail: array(Vec2, 2),
    target: ref(Vec2),
    links: array(ref(struct({ a: "u8" })), 2),
    near: array(ref("self"), 2),
    hp: "u16",
  }, { name: "Enemy" });
  assertEquals(
    Enemy.toString(),
    [
      "struct Enemy: size 56, align 4, padding 6",
      "offset  size  type            field",
      "     0     1  bool            alive",
      "     1     3  ·               (padding)",
      "     4     8  Vec2            pos",
      "    12     3  u8[3]           color",
      "    15     1  ·               (padding)",
      "    16    16  Vec2[2]         trail",
      "    32     4  ref(Vec2)       target",
      "    36     8  ref(struct)[2]  links",
      "    44     8  ref(Enemy)[2]   near",
      "    52     2  u16             hp",
      "    54     2  ·               (padding)",
    ].join("\n"),
  );
  assertEquals(
    String(struct({ a: "u8", b: "u16", next: ref("self") }, { layout: "compact" })).split("\n"),
    [
      "struct: size 8, align 4, padding 1",
      "offset  size  type       field",
      "     0     4  ref(self)  next",
      "     4     2  u16        b",
      "     6     1  u8         a",
      "     7     1  ·          (padding)",
    ],
  );
});

// -- errors --

/** What the error says of a field, and types of fields that it says so of. */
const BAD_TYPES: Readonly<Record<string, readonly unknown[]>> = {
  'has unknown type "u17", known: u8, i8, bool, ': ["u17"],
  ", struct(), array() and ref()": ["float", { x: "u8" }],
  'has unknown type "u17"': [array(untyped<ScalarType>("u17"), 2)],
  'has unknown type "toString"': ["toString"], // which every object inherits
  "has unknown type undefined": [undefined],
  "has unknown type null": [null, array(untyped<ScalarType>(null), 2)],
  "has unknown type": [() => "u8", { kind: "map" }, { kind: "array", element: "u8", length: 4 }],
  "is a ref to undefined, not to a struct": [{ kind: "ref" }],
  'is a ref to "Node", not to a struct': [ref(untyped<AnyStruct>("Node"))],
  "is a ref to an object": [ref(untyped<AnyStruct>({ x: "u8" }))],
  "is a ref to 5": [array(ref(untyped<AnyStruct>(5)), 2)],
  "must have a length that is a positive integer, got 0": [array("u8", 0)],
  "a positive integer, got undefined": [array("u8", untyped(undefined))],
  'a positive integer, got "4"': [array("u8", untyped("4"))],
  "a positive integer, got ": [-1, 1.5, NaN, Infinity].map((length) => array("u8", length)),
  "is an array of arrays": [array(untyped<ScalarType>(array("u8", 2)), 2)],
};
const BAD_NAMES = ["constructor", "toJSON", "_b", "__proto__", "", "0", "a b", "a.b", "a-b", "1a"];
const BAD_NAME = "must be an identifier without _ at its start, and not constructor or toJSON";

Deno.test("struct() throws SchemaError on a bad type or name of a field, and says what is wrong", () => {
  const assertBad = (problem: string, type: unknown, name: string) => {
    for (const before of [{}, { ok: "u8" }]) {
      const bad = untyped<Fields>({ ...before, [name]: type });
      const of = `field "${name}" `;
      const unnamed = assertThrows(() => struct(bad), SchemaError, of);
      assert(unnamed.message.startsWith("Cannot define struct: "));
      const named = assertThrows(() => struct(bad, { name: "Enemy" }), SchemaError, problem);
      assert(named.message.startsWith(`Cannot define struct "Enemy": ${of}`), named.message);
      assertEquals([unnamed.struct, named.struct, named.field], ["", "Enemy", name]);
      assertThrows(() => new Pool(bad), SchemaError, problem);
    }
  };
  for (const [problem, types] of Object.entries(BAD_TYPES)) {
    for (const type of types) assertBad(problem, type, "hp");
  }
  for (const name of BAD_NAMES) assertBad(BAD_NAME, "u8", name);
  // Names that only begin like those.
  assertEquals(struct({ constructors: "u8", toJSONs: "u8", $: "u8" }).size, 3);
});

Deno.test("struct() throws SchemaError on more than 2^30 bytes", () => {
  assertEquals(struct({ a: array("u8", 2 ** 30) }).size, 2 ** 30);
  for (const length of [2 ** 30 + 1, 2 ** 31, 2 ** 32 + 15, 2 ** 53 - 1]) {
    const problem = `field "b" ends at byte ${length + 8}, past 1073741824`;
    const fields = { a: "u64", b: array("u8", length) } as const;
    assertThrows(() => struct(fields), SchemaError, length < 2 ** 53 - 8 ? problem : 'field "b"');
  }
});

Deno.test("struct() throws SchemaError on fields that are none, and on options that are wrong", () => {
  const assertBad = (fields: unknown, options: object, problem: string, field = "") => {
    const define = () => struct(untyped<Fields>(fields), options);
    const error = assertThrows(define, SchemaError, `Cannot define ${problem}`);
    const name = problem.startsWith('struct "') ? "Enemy" : "";
    assertEquals([error.struct, error.field], [name, field]);
  };
  for (const none of [{}, [], null, undefined, 5, ""]) {
    assertBad(none, { name: "Enemy" }, 'struct "Enemy": it has no fields');
  }
  const symbol = { x: "u8", [Symbol("y")]: "u8" };
  assertBad(symbol, {}, 'struct: field "Symbol(y)" must be an identifier', "Symbol(y)");
  const layout = 'layout must be "c" or "compact", got';
  assertBad({ x: "u8" }, { layout: "packed" }, `struct: ${layout} "packed"`);
  assertBad({ x: "u8" }, { name: "Enemy", layout: 1 }, `struct "Enemy": ${layout} 1`);
  for (const name of [5, null, {}, Symbol("Enemy")]) {
    assertBad({ x: "u8" }, { name }, `struct: name must be a string, got ${shown(name)}`);
  }
});

Deno.test("struct() throws SchemaError on f16 where the engine has no Float16Array", () => {
  const message = 'field "x" has type "f16", but this engine has no Float16Array';
  withProperties(globalThis, { Float16Array: undefined }, () => {
    assertThrows(() => struct({ x: "f16" }), SchemaError, message);
    assertThrows(() => struct({ x: array("f16", 2) }), SchemaError, message);
  });
  assertEquals(struct({ x: "f16" }).size, 2);
});
