/**
 * Tests of declarations in C and WGSL as texts. `layouts/layouts.ts` gives them to compilers.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { array, ref, SchemaError, Struct, struct, toC, toWGSL } from "../../mod.ts";
import type { AnyStruct, ScalarType } from "../../mod.ts";
import { shown, untyped } from "../_support.ts";
import { isArray, SCALARS } from "../model/_values.ts";
import { declarationsOf, inOrder, type Member, structsOf, WGSL_SCALARS } from "./_declarations.ts";

const Vec2 = struct({ x: "f32", y: "f32" }, { name: "Vec2" });

const structNames = (text: string) => [...declarationsOf(text).keys()];

/** The names of the fields of the struct that is declared last. */
function fieldNames(text: string): string[] {
  const members = [...declarationsOf(text).values()].at(-1)!; // there is one
  return members.map((it) => it.name).filter((it) => !it.startsWith("_"));
}

/** The name of each scalar in a language. */
type Names = Readonly<Partial<Record<ScalarType, string>>>;

// deno-fmt-ignore: one width a line
const C_TYPES: Names = {
  i8: "int8_t", u8: "uint8_t", bool: "bool",
  i16: "int16_t", u16: "uint16_t", f16: "_Float16",
  i32: "int32_t", u32: "uint32_t", f32: "float", ref: "uint32_t",
  i64: "int64_t", u64: "uint64_t", f64: "double",
};
const WGSL_TYPES: Names = { f16: "f16", i32: "i32", u32: "u32", f32: "f32", ref: "u32" };

type Print = (type: AnyStruct, ...more: AnyStruct[]) => string;

const LANGUAGES: readonly [name: string, Print, scalars: readonly ScalarType[], Names][] = [
  ["C", toC, SCALARS, C_TYPES],
  ["WGSL", toWGSL, WGSL_SCALARS, WGSL_TYPES],
];

// -- errors --

Deno.test("toWGSL() throws SchemaError on types that it does not have, and says what to use", () => {
  const instead: Partial<Record<ScalarType, string>> = {
    ...{ i8: '"i32"', u8: '"u32"', i16: '"i32"', u16: '"u32"', bool: '"u32"', f64: '"f32"' },
    ...{ i64: 'two of "u32"', u64: 'two of "u32"' },
  };
  for (const [type, use] of Object.entries(instead)) {
    const bad = untyped<ScalarType>(type); // a key of the table
    const Inner = struct({ ok: "u32", bad: array(bad, 2) });
    const Enemy = struct({ a: struct({ b: array(Inner, 2) }) }, { name: "Enemy" });
    const problem = `has type "${type}", which storage buffers do not have: use ${use}`;
    const message = `Cannot declare struct "Enemy" in WGSL: field "a.b.bad" ${problem}`;
    const error = assertThrows(() => toWGSL(Vec2, Enemy), SchemaError, message);
    assertEquals([error.struct, error.field], ["Enemy", "a.b.bad"]);
    const nameless = `Cannot declare struct in WGSL: field "bad" ${problem}`;
    assertThrows(() => toWGSL(struct({ bad })), SchemaError, nameless);
  }
});

Deno.test("toC() and toWGSL() throw SchemaError on what is no struct", () => {
  for (const [name, print] of LANGUAGES) {
    for (const bad of ["x", 0, undefined]) {
      const message = `Cannot declare struct "Vec2" in ${name}: ${shown(bad)} is not a struct`;
      assertThrows(() => print(Vec2, untyped<AnyStruct>(bad)), SchemaError, message);
    }
  }
});

// -- names --

const Line = struct({ from: Vec2, more: array(Vec2, 2) }, { name: "Line" });
const Shape = struct({ edge: Line, at: Vec2 }, { name: "Shape" });
const Shot = struct({ pos: Vec2, by: ref(Line) }, { name: "Shot" });
const X = struct({ x: "f32" });
const nameless = struct({ pos: struct({ at: X }), to: X });
const Pos = struct({ pos: struct({ it: "f32" }, { name: "Pos" }) }, { name: "Pos" });
const namesakes = struct({
  a: struct({ it: "f32" }, { name: "Pos" }),
  b: struct({ it: "u32" }, { name: "Pos" }),
  pos: struct({ it: "i32" }),
  Pos: struct({ it: "ref" }),
}, { name: "Pos_2" });

/** Structs that are declared together, and the names in the text in order. */
const DECLARED: readonly (readonly [structs: [AnyStruct, ...AnyStruct[]], names: string])[] = [
  [[Shape, Vec2, Shape], "Vec2 Line Shape"], // once, however often they are nested or given
  [[Shot], "Vec2 Shot"], // not what they have links to
  [[nameless], "At Pos Record"], // by the first of their fields
  [[namesakes], "Pos Pos_3 Pos_4 Pos_5 Pos_2"],
  [[Vec2, Pos], "Vec2 Pos_2 Pos"], // what it was called for keeps its name
];

/** Names that are no identifiers in one of the languages, and what they become. */
const ESCAPED: Readonly<Record<string, string>> = {
  ...{ "My struct": "Myu0020struct", "3D": "u0033D", "_x": "u005fx", "größe": "gru00f6u00dfe" },
  ...{ "a*/;b": "au002au002fu003bb", "𝒳": "u1d4b3", "struct": "struct_" },
};

/** Names of fields that are declared together, and what they become. */
const FIELDS = { struct: "struct__2", $: "u0024_2", struct_: "struct_", u0024: "u0024" };

Deno.test("toC() and toWGSL() declare each struct once, and give all names of their own", () => {
  for (const [, print] of LANGUAGES) {
    for (const [structs, names] of DECLARED) {
      assertEquals(structNames(print(...structs)), names.split(" "));
    }
    const types = declarationsOf(print(namesakes)).get("Pos_2")!.map((it) => it.type);
    assertEquals(types, ["Pos", "Pos_3", "Pos_4", "Pos_5"]);
    for (const [name, escaped] of Object.entries(ESCAPED)) {
      assertEquals(structNames(print(struct({ x: "f32" }, { name }))), [escaped]);
    }
    const fields = Object.keys(FIELDS).map((name) => [name, "f32"]);
    assertEquals(fieldNames(print(struct(Object.fromEntries(fields)))), Object.values(FIELDS));
  }
});

/** Names, and whether they get a _ at their end for a struct and for a field. */
const RESERVED: readonly [print: Print, struct: boolean, field: boolean, string][] = [
  [toC, true, true, "int bool class namespace uint8_t int_fast16_t INT32_MAX static_assert std"],
  [toC, false, false, "f32 fn target vec2f x hp_t uint8 self"],
  [toWGSL, true, true, "fn var loop target self class NULL meta set"],
  // What is there from the start can give its name to a field, and to no struct.
  [toWGSL, true, false, "f32 u32 bool vec2 vec2f mat4x4 array texture_2d storage"],
  [toWGSL, false, false, "int x uint8_t linux min"],
];

Deno.test("toC() and toWGSL() change names that the language has another use for", () => {
  for (const [print, ofStruct, ofField, names] of RESERVED) {
    for (const name of names.split(" ")) {
      const text = print(struct({ [name]: "u32" }, { name }));
      assertEquals(structNames(text), [ofStruct ? `${name}_` : name]);
      assertEquals(fieldNames(text), [ofField ? `${name}_` : name]);
    }
  }
});

// -- any struct; `tests/layouts` asks compilers for the layouts of such texts --

/**
 * Asserts that a struct, and those nested in it, are declared field by field in the order of their
 * bytes, with all padding: in C as a member of its own, in WGSL as `@size` of the field before it.
 */
function assertDeclared(type: AnyStruct, name: string, text: string, names: Names): void {
  const members = declarationsOf(text).get(name)!; // throws on a struct that is there twice
  assertEquals(new Set(members.map((it) => it.name)).size, members.length);
  const isC = names === C_TYPES;
  const size = `sizeof(struct ${name}) == ${type.size}`;
  const check = `};\nstatic_assert(${size}, "struct ${name} is not as in Slabs");`;
  assert(!isC || text.includes(check), text);
  let pads = 0;
  const expected: Member[] = [];
  inOrder(type).forEach(([, field], i, fields) => {
    const { name, type: typeName } = members[expected.length];
    const list = isArray(field.type) ? field.type : undefined;
    const inner = list?.element ?? field.type;
    const isStruct = inner instanceof Struct;
    if (isStruct) assertDeclared(inner, typeName, text, names);
    const bytes = (fields[i + 1]?.[1].offset ?? type.size) - field.offset;
    const isPadded = bytes > field.size;
    expected.push({
      name,
      type: isStruct ? typeName : names[typeof inner === "string" ? inner : "ref"]!, // it has all
      length: list?.length,
      size: !isC && isPadded ? bytes : undefined,
    });
    if (!isC || !isPadded) return;
    const pad = { name: `_pad${pads++}`, type: "uint8_t", length: bytes - field.size };
    expected.push({ ...pad, size: undefined });
  });
  assertEquals(members, expected);
}

/** What a text says before the structs. */
function startOf(text: string, names: Names): string {
  const isOfHalf = [...declarationsOf(text).values()].flat().some((it) => it.type === "f16");
  if (isOfHalf) return '// f16 needs "enable f16;" at the top of the shader.\n\n';
  return names === WGSL_TYPES ? "" : `#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

`;
}

for (const [name, print, scalars, names] of LANGUAGES) {
  Deno.test(`to${name}() declares any structs byte for byte, in the same text each time`, () => {
    const structs = fc.array(structsOf(scalars), { minLength: 1, maxLength: 4 });
    fc.assert(fc.property(structs, (structs) => {
      const [first, ...more] = structs.map((it, i) => struct({ it }, { name: `Top${i}` }));
      const text = print(first, ...more);
      assert(!text.endsWith("\n") && text === print(first, ...more));
      assert(text.startsWith(`${startOf(text, names)}struct `), text);
      [first, ...more].forEach((it, i) => assertDeclared(it, `Top${i}`, text, names));
    }));
  });
}
