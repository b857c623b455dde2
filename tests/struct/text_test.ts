/**
 * Tests of declarations in C and WGSL as texts. `layouts/layouts.ts` gives them to compilers.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { array, ref, SchemaError, Struct, struct, toC, toWGSL } from "../../mod.ts";
import type { AnyStruct, ScalarType } from "../../mod.ts";
import { untyped } from "../_support.ts";
import { isArray } from "../model/_values.ts";
import { declarationsOf, inOrder, structsOf, WGSL_SCALARS } from "./_declarations.ts";
import type { Declarations, Member } from "./_declarations.ts";

const Vec2 = struct({ x: "f32", y: "f32" }, { name: "Vec2" });

function membersOf(text: string, name: string): readonly Member[] {
  return declarationsOf(text).get(name)!;
}

function structNames(text: string): string[] {
  return [...declarationsOf(text).keys()];
}

function fieldNames(text: string, name: string): string[] {
  return membersOf(text, name).map((it) => it.name).filter((it) => !it.startsWith("_"));
}

const PRINTERS: [string, (type: AnyStruct, ...more: AnyStruct[]) => string][] = [
  ["toC", (type, ...more) => toC(type, ...more)],
  ["toWGSL", (type, ...more) => toWGSL(type, ...more)],
];

// -- toC() --

Deno.test("toC() declares nested structs first, and every byte of padding", () => {
  const Enemy = struct({
    pos: Vec2,
    hp: "u16",
    alive: "bool",
    color: array("u8", 4),
    target: ref(Vec2),
    next: "ref",
    path: array(Vec2, 3),
    score: "i64",
    level: "u8",
  }, { name: "Enemy" });
  assertEquals(
    toC(Enemy),
    `#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

struct Vec2 {
  float x;
  float y;
};
static_assert(sizeof(struct Vec2) == 8, "struct Vec2 is not as in Slabs");

struct Enemy {
  struct Vec2 pos;
  uint16_t hp;
  bool alive;
  uint8_t color[4];
  uint8_t _pad0[1];
  uint32_t target;
  uint32_t next;
  struct Vec2 path[3];
  int64_t score;
  uint8_t level;
  uint8_t _pad1[7];
};
static_assert(sizeof(struct Enemy) == 64, "struct Enemy is not as in Slabs");`,
  );
});

/** The name of each scalar in a language. */
type Names = Readonly<Partial<Record<ScalarType, string>>>;

// deno-fmt-ignore: one width a line
const C_TYPES: Names = {
  i8: "int8_t", u8: "uint8_t", bool: "bool",
  i16: "int16_t", u16: "uint16_t", f16: "_Float16",
  i32: "int32_t", u32: "uint32_t", f32: "float", ref: "uint32_t",
  i64: "int64_t", u64: "uint64_t", f64: "double",
};
const SCALARS = Object.keys(C_TYPES) as ScalarType[]; // its keys are these
const WGSL_TYPES: Names = { f16: "f16", i32: "i32", u32: "u32", f32: "f32", ref: "u32" };

// -- toWGSL() --

Deno.test("toWGSL() declares nested structs first, each by the types of a storage buffer", () => {
  const Particle = struct({
    pos: Vec2,
    trail: array(Vec2, 4),
    hits: array("i32", 3),
    life: "u32",
    leader: ref("self"),
    next: "ref",
  }, { name: "Particle" });
  assertEquals(
    toWGSL(Particle),
    `struct Vec2 {
  x: f32,
  y: f32,
}

struct Particle {
  pos: Vec2,
  trail: array<Vec2, 4>,
  hits: array<i32, 3>,
  life: u32,
  leader: u32,
  next: u32,
}`,
  );
});

Deno.test("toWGSL() gives padding to the field before it, and says what f16 needs", () => {
  const Half = struct({ a: "f16", b: "f32", c: array("f16", 3) }, { name: "Half" });
  assertEquals(
    toWGSL(Half),
    `// f16 needs "enable f16;" at the top of the shader.

struct Half {
  @size(4) a: f16,
  b: f32,
  @size(8) c: array<f16, 3>,
}`,
  );
});

Deno.test("toWGSL() throws SchemaError on other types, and says what to use", () => {
  const instead: Partial<Record<ScalarType, string>> = {
    ...{ i8: '"i32"', u8: '"u32"', i16: '"i32"', u16: '"u32"', bool: '"u32"', f64: '"f32"' },
    ...{ i64: 'two of "u32"', u64: 'two of "u32"' },
  };
  for (const type of Object.keys(instead) as ScalarType[]) {
    const Inner = struct({ ok: "u32", bad: type });
    const cases: [AnyStruct, string][] = [
      [struct({ ok: "f32", bad: type }, { name: "Enemy" }), "bad"],
      [struct({ bad: array(type, 2) }, { name: "Enemy" }), "bad"],
      [struct({ pos: Inner }, { name: "Enemy" }), "pos.bad"],
      [struct({ a: struct({ b: array(Inner, 2) }) }, { name: "Enemy" }), "a.b.bad"],
    ];
    for (const [outer, path] of cases) {
      const message =
        `Cannot declare struct "Enemy" in WGSL: field "${path}" has type "${type}", ` +
        `which storage buffers do not have: use ${instead[type]}`;
      const error = assertThrows(() => toWGSL(outer), SchemaError, message);
      assertEquals([error.struct, error.field], ["Enemy", path]);
      assertThrows(() => toWGSL(Vec2, outer), SchemaError, message);
    }
    assertThrows(() => toWGSL(Inner), SchemaError, 'Cannot declare struct in WGSL: field "bad"');
  }
});

// -- several structs --

const Line = struct({ from: Vec2, to: Vec2, more: array(Vec2, 2) }, { name: "Line" });
const Shape = struct({ edge: Line, at: Vec2 }, { name: "Shape" });
const Ship = struct({ pos: Vec2 }, { name: "Ship" });
const Shot = struct({ pos: Vec2, by: ref(Ship) }, { name: "Shot" });
const nameless = struct({ pos: struct({ at: struct({ x: "f32" }) }) });
const Pos = struct({ pos: struct({ it: "f32" }, { name: "Pos" }) }, { name: "Pos" });
const namesakes = struct({
  a: struct({ it: "f32" }, { name: "Pos" }),
  b: struct({ it: "u32" }, { name: "Pos" }),
  pos: struct({ it: "i32" }),
  Pos: struct({ it: "ref" }),
}, { name: "Pos_2" });

/** Structs that are declared together, and the names in the text in order. */
const DECLARED: readonly (readonly [structs: [AnyStruct, ...AnyStruct[]], names: string])[] = [
  [[Shape], "Vec2 Line Shape"], // once, however often they are nested
  [[Ship, Shot, Vec2, Ship], "Vec2 Ship Shot"],
  [[Vec2, Shot], "Vec2 Shot"],
  [[nameless], "At Pos Record"], // by their fields
  [[namesakes], "Pos Pos_3 Pos_4 Pos_5 Pos_2"],
  [[Pos], "Pos_2 Pos"], // what it was called for keeps its name
  [[Vec2, Pos], "Vec2 Pos_2 Pos"],
];

/** Names that are no identifiers in one of the languages, and what they become. */
const ESCAPED: Readonly<Record<string, string>> = {
  ...{ "My struct": "Myu0020struct", "3D": "u0033D", "_x": "u005fx", "größe": "gru00f6u00dfe" },
  ...{ "a*/;b": "au002au002fu003bb", "𝒳": "u1d4b3", "struct": "struct_" },
};

for (const [method, print] of PRINTERS) {
  Deno.test(`Struct.${method}() declares each struct once, by a name of its own`, () => {
    for (const [structs, names] of DECLARED) {
      assertEquals(structNames(print(...structs)), names.split(" "));
    }
    assertEquals(fieldNames(print(nameless), "Record"), ["pos"]);
    const types = membersOf(print(namesakes), "Pos_2").map((it) => it.type);
    assertEquals(types, ["Pos", "Pos_3", "Pos_4", "Pos_5"]);
    for (const [name, escaped] of Object.entries(ESCAPED)) {
      assertEquals(structNames(print(struct({ x: "f32" }, { name }))), [escaped]);
    }
  });

  Deno.test(`Struct.${method}() throws SchemaError on what is no struct`, () => {
    for (const [bad, shown] of [["x", '"x"'], [0, "0"], [undefined, "undefined"]] as const) {
      const [, language] = method.split("to");
      const message = `Cannot declare struct "Vec2" in ${language}: ${shown} is not a struct`;
      assertThrows(() => print(Vec2, untyped<AnyStruct>(bad)), SchemaError, message);
    }
  });

  Deno.test(`Struct.${method}() gives each field the name that it has where it can, or another`, () => {
    const cases: [names: string, declared: string][] = [
      ["$ $hp größe struct hp_", "u0024 u0024hp gru00f6u00dfe struct_ hp_"],
      ["struct $ struct_ u0024 u0024_2", "struct__2 u0024_3 struct_ u0024 u0024_2"],
    ];
    for (const [names, declared] of cases) {
      const fields = names.split(" ").map((name) => [name, "f32"]);
      const text = print(struct(Object.fromEntries(fields), { name: "Names" }));
      assertEquals(fieldNames(text, "Names"), declared.split(" "));
    }
  });
}

Deno.test("toC() changes what C, C++ or its headers have another use for", () => {
  const taken =
    "int bool class namespace uint8_t int_fast16_t INT32_MAX NULL linux static_assert std";
  for (const name of taken.split(" ")) {
    const type = struct({ [name]: "u8" }, { name });
    assertEquals(fieldNames(toC(type), `${name}_`), [`${name}_`]);
  }
  for (const name of ["f32", "fn", "target", "vec2f", "x", "hp_t", "uint8", "self"]) {
    const type = struct({ [name]: "u8" }, { name });
    assertEquals(fieldNames(toC(type), name), [name]);
  }
});

Deno.test("toWGSL() changes what WGSL has another use for", () => {
  for (const name of ["fn", "var", "loop", "target", "self", "class", "NULL", "meta", "set"]) {
    const type = struct({ [name]: "u32" }, { name });
    assertEquals(fieldNames(toWGSL(type), `${name}_`), [`${name}_`]);
  }
  // What is there from the start can give its name to a field, and to no struct.
  for (const name of "f32 u32 bool vec2 vec2f mat4x4 array texture_2d storage".split(" ")) {
    const type = struct({ [name]: "u32" }, { name });
    assertEquals(fieldNames(toWGSL(type), `${name}_`), [name]);
  }
  for (const name of ["int", "x", "uint8_t", "linux", "min"]) {
    const type = struct({ [name]: "u32" }, { name });
    assertEquals(fieldNames(toWGSL(type), name), [name]);
  }
});

Deno.test("toC() and toWGSL() give the same text each time", () => {
  const make = () => struct({ $: Vec2, int: array(struct({ x: "f32" }), 2) }, { name: "Vec2" });
  for (const [, print] of PRINTERS) {
    const type = make();
    assertEquals(print(type), print(type));
    assertEquals(print(type), print(make()));
    assert(!print(type).endsWith("\n"));
  }
});

// -- any struct; `tests/layouts` asks compilers for the layouts of such texts --

/**
 * Asserts that a struct, and those nested in it, are declared field by field in the order of their
 * bytes, with all padding: in C as a member of its own, in WGSL as `@size` of the field before it.
 */
function assertDeclared(type: AnyStruct, name: string, declared: Declarations, names: Names): void {
  const members = declared.get(name)!; // declarationsOf() throws on a struct that is there twice
  assertEquals(new Set(members.map((it) => it.name)).size, members.length);
  const isC = names === C_TYPES;
  const fields = inOrder(type);
  let at = 0;
  fields.forEach(([, field], i) => {
    const member = members[at++];
    const list = isArray(field.type) ? field.type : undefined;
    const end = fields[i + 1]?.[1].offset ?? type.size;
    const padding = end - field.offset - field.size;
    const size = isC || padding === 0 ? undefined : end - field.offset;
    assertEquals([member.length, member.size], [list?.length, size]);
    const inner = list === undefined ? field.type : list.element;
    if (inner instanceof Struct) assertDeclared(inner, member.type, declared, names);
    else assertEquals(member.type, names[typeof inner === "string" ? inner : "ref"]);
    if (!isC || padding === 0) return;
    const { name, ...pad } = members[at++];
    assert(name.startsWith("_pad"), name);
    assertEquals(pad, { type: "uint8_t", length: padding, size: undefined });
  });
  assertEquals(at, members.length);
}

/** Copies structs under distinct names. */
function named(structs: readonly AnyStruct[]): AnyStruct[] {
  return structs.map((it, i) => {
    const fields = inOrder(it).map(([name, { type }]) => [name, type]);
    return new Struct(Object.fromEntries(fields), { name: `Top${i}` });
  });
}

const LANGUAGES: readonly (readonly [names: Names, scalars: readonly ScalarType[]])[] = [
  [C_TYPES, SCALARS],
  [WGSL_TYPES, WGSL_SCALARS],
];

PRINTERS.forEach(([method, print], i) => {
  Deno.test(`Struct.${method}() declares any structs byte for byte`, () => {
    const [names, scalars] = LANGUAGES[i];
    const structs = fc.array(structsOf(scalars), { minLength: 1, maxLength: 4 });
    fc.assert(fc.property(structs, (structs) => {
      const [first, ...more] = named(structs);
      const declared = declarationsOf(print(first, ...more));
      [first, ...more].forEach((it, i) => assertDeclared(it, `Top${i}`, declared, names));
    }));
  });
});
