/** Declarations in C and WGSL as texts. That compilers take them as they are meant is shown in `layouts/layouts.ts`. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { type AnyStruct, array, ref, type ScalarType, SchemaError, struct } from "../../mod.ts";
import { declarationsOf, type Member } from "./_declarations.ts";
import { untyped } from "../_support.ts";

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
  ["toC", (type, ...more) => type.toC(...more)],
  ["toWGSL", (type, ...more) => type.toWGSL(...more)],
];

// -- toC() --

Deno.test("Struct.toC() declares nested structs first, and every byte of padding", () => {
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
    Enemy.toC(),
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

const C_TYPES: [ScalarType, string][] = [
  ["i8", "int8_t"],
  ["u8", "uint8_t"],
  ["i16", "int16_t"],
  ["u16", "uint16_t"],
  ["i32", "int32_t"],
  ["u32", "uint32_t"],
  ["i64", "int64_t"],
  ["u64", "uint64_t"],
  ["f16", "_Float16"],
  ["f32", "float"],
  ["f64", "double"],
  ["bool", "bool"],
  ["ref", "uint32_t"],
];

for (const [type, inC] of C_TYPES) {
  Deno.test(`Struct.toC() declares ${type} as ${inC}`, () => {
    const text = struct({ it: type, all: array(type, 3) }, { name: "One" }).toC();
    assertEquals(membersOf(text, "One"), [
      { name: "it", type: inC, length: undefined, size: undefined },
      { name: "all", type: inC, length: 3, size: undefined },
    ]);
  });
}

Deno.test("Struct.toC() declares a compact layout in the order of its bytes", () => {
  const fields = { a: "u8", b: "f64", c: "u16" } as const;
  const text = struct(fields, { name: "Tight", layout: "compact" }).toC();
  assertEquals(membersOf(text, "Tight").map((it) => [it.name, it.length]), [
    ["b", undefined],
    ["c", undefined],
    ["a", undefined],
    ["_pad0", 5],
  ]);
});

// -- toWGSL() --

Deno.test("Struct.toWGSL() declares nested structs first, each by the types of a storage buffer", () => {
  const Particle = struct({
    pos: Vec2,
    trail: array(Vec2, 4),
    hits: array("i32", 3),
    life: "u32",
    leader: ref("self"),
    next: "ref",
  }, { name: "Particle" });
  assertEquals(
    Particle.toWGSL(),
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

Deno.test("Struct.toWGSL() gives padding to the field before it, and says what f16 needs", () => {
  const Half = struct({ a: "f16", b: "f32", c: array("f16", 3) }, { name: "Half" });
  assertEquals(
    Half.toWGSL(),
    `// f16 needs "enable f16;" at the top of the shader.

struct Half {
  @size(4) a: f16,
  b: f32,
  @size(8) c: array<f16, 3>,
}`,
  );
  const Tight = struct({ a: "f16", b: "f32" }, { name: "Tight", layout: "compact" });
  assertEquals(membersOf(Tight.toWGSL(), "Tight").map((it) => [it.name, it.size]), [
    ["b", undefined],
    ["a", 4],
  ]);
});

const NOT_IN_WGSL: [ScalarType, string][] = [
  ["i8", '"i32"'],
  ["u8", '"u32"'],
  ["i16", '"i32"'],
  ["u16", '"u32"'],
  ["bool", '"u32"'],
  ["i64", 'two of "u32"'],
  ["u64", 'two of "u32"'],
  ["f64", '"f32"'],
];

for (const [type, instead] of NOT_IN_WGSL) {
  Deno.test(`Struct.toWGSL() throws SchemaError on ${type}, and says what to use`, () => {
    const Inner = struct({ ok: "u32", bad: type });
    const cases: [AnyStruct, string][] = [
      [struct({ ok: "f32", bad: type }, { name: "Enemy" }), "bad"],
      [struct({ bad: array(type, 2) }, { name: "Enemy" }), "bad"],
      [struct({ pos: Inner }, { name: "Enemy" }), "pos.bad"],
      [struct({ a: struct({ b: array(Inner, 2) }) }, { name: "Enemy" }), "a.b.bad"],
    ];
    for (const [type_, path] of cases) {
      const error = assertThrows(
        () => type_.toWGSL(),
        SchemaError,
        `Cannot declare struct "Enemy" in WGSL: field "${path}" has type "${type}", which storage buffers do not have: use ${instead}`,
      );
      assertEquals([error.struct, error.field], ["Enemy", path]);
    }
    assertThrows(() => Inner.toWGSL(), SchemaError, 'Cannot declare struct in WGSL: field "bad"');
  });
}

Deno.test("Struct.toWGSL() names the struct at fault among several", () => {
  const Bad = struct({ hp: "u8" }, { name: "Bad" });
  assertThrows(() => Vec2.toWGSL(Bad), SchemaError, 'Cannot declare struct "Bad" in WGSL');
});

// -- several structs --

for (const [method, print] of PRINTERS) {
  Deno.test(`Struct.${method}() declares a struct once, however often it is nested`, () => {
    const Line = struct({ from: Vec2, to: Vec2, more: array(Vec2, 2) }, { name: "Line" });
    const Shape = struct({ edge: Line, at: Vec2 }, { name: "Shape" });
    assertEquals(structNames(print(Shape)), ["Vec2", "Line", "Shape"]);
  });

  Deno.test(`Struct.${method}() declares further structs in the same text`, () => {
    const Ship = struct({ pos: Vec2 }, { name: "Ship" });
    const Shot = struct({ pos: Vec2, by: ref(Ship) }, { name: "Shot" });
    assertEquals(structNames(print(Ship, Shot, Vec2, Ship)), ["Vec2", "Ship", "Shot"]);
    assertEquals(structNames(print(Vec2, Shot)), ["Vec2", "Shot"]);
  });

  Deno.test(`Struct.${method}() throws SchemaError on what is no struct`, () => {
    for (const [bad, shown] of [["x", '"x"'], [0, "0"], [undefined, "undefined"]] as const) {
      assertThrows(
        () => print(Vec2, untyped<AnyStruct>(bad)),
        SchemaError,
        `Cannot declare struct "Vec2" in ${method.slice(2)}: ${shown} is not a struct`,
      );
    }
  });

  // -- names of structs --

  Deno.test(`Struct.${method}() names a struct without a name after its field`, () => {
    const text = print(struct({ pos: struct({ at: struct({ x: "f32" }) }) }));
    assertEquals(structNames(text), ["At", "Pos", "Record"]);
    assertEquals(fieldNames(text, "Record"), ["pos"]);
  });

  Deno.test(`Struct.${method}() tells structs of one name apart`, () => {
    const a = struct({ it: "f32" }, { name: "Pos" });
    const b = struct({ it: "u32" }, { name: "Pos" });
    const pos = struct({ it: "i32" });
    const text = print(struct({ a, b, pos, Pos: struct({ it: "ref" }) }, { name: "Pos_2" }));
    assertEquals(structNames(text), ["Pos", "Pos_3", "Pos_4", "Pos_5", "Pos_2"]);
    assertEquals(membersOf(text, "Pos_2").map((it) => it.type), ["Pos", "Pos_3", "Pos_4", "Pos_5"]);
  });

  Deno.test(`Struct.${method}() keeps the names of what it was called for`, () => {
    const pos = struct({ it: "f32" }, { name: "Pos" });
    const Pos = struct({ pos }, { name: "Pos" });
    assertEquals(structNames(print(Pos)), ["Pos_2", "Pos"]);
    assertEquals(structNames(print(Vec2, Pos)), ["Vec2", "Pos_2", "Pos"]);
  });

  Deno.test(`Struct.${method}() makes identifiers of names that are none`, () => {
    const nameOf = (name: string) => structNames(print(struct({ x: "f32" }, { name })))[0];
    assertEquals(nameOf("My struct"), "Myu0020struct");
    assertEquals(nameOf("3D"), "u0033D");
    assertEquals(nameOf("_x"), "u005fx");
    assertEquals(nameOf("a*/;b"), "au002au002fu003bb");
    assertEquals(nameOf("größe"), "gru00f6u00dfe");
    assertEquals(nameOf("𝒳"), "u1d4b3");
    assertEquals(nameOf("struct"), "struct_");
  });

  // -- names of fields --

  Deno.test(`Struct.${method}() makes other names of those that cannot stand there`, () => {
    const fields = { $: "f32", $hp: "f32", größe: "f32", struct: "f32", hp_: "f32" } as const;
    const text = print(struct(fields, { name: "Names" }));
    assertEquals(fieldNames(text, "Names"), [
      "u0024",
      "u0024hp",
      "gru00f6u00dfe",
      "struct_",
      "hp_",
    ]);
  });

  Deno.test(`Struct.${method}() gives each field the name that it has where it can`, () => {
    const fields = {
      struct: "f32",
      $: "f32",
      struct_: "f32",
      u0024: "f32",
      u0024_2: "f32",
    } as const;
    const text = print(struct(fields, { name: "Names" }));
    assertEquals(fieldNames(text, "Names"), [
      "struct__2",
      "u0024_3",
      "struct_",
      "u0024",
      "u0024_2",
    ]);
  });
}

Deno.test("Struct.toC() changes what C, C++ or its headers have another use for", () => {
  const taken = "int bool class namespace uint8_t int_fast16_t INT32_MAX NULL linux static_assert";
  for (const name of taken.split(" ")) {
    const type = struct({ [name]: "u8" }, { name });
    assertEquals(fieldNames(type.toC(), `${name}_`), [`${name}_`]);
  }
  for (const name of ["f32", "fn", "target", "vec2f", "x", "hp_t", "uint8", "self"]) {
    const type = struct({ [name]: "u8" }, { name });
    assertEquals(fieldNames(type.toC(), name), [name]);
  }
});

Deno.test("Struct.toWGSL() changes what WGSL has another use for", () => {
  for (const name of ["fn", "var", "loop", "target", "self", "class", "NULL", "meta", "set"]) {
    const type = struct({ [name]: "u32" }, { name });
    assertEquals(fieldNames(type.toWGSL(), `${name}_`), [`${name}_`]);
  }
  // What is there from the start can give its name to a field, and to no struct.
  for (const name of "f32 u32 bool vec2 vec2f mat4x4 array texture_2d storage".split(" ")) {
    const type = struct({ [name]: "u32" }, { name });
    assertEquals(fieldNames(type.toWGSL(), `${name}_`), [name]);
  }
  for (const name of ["int", "x", "uint8_t", "linux", "min"]) {
    const type = struct({ [name]: "u32" }, { name });
    assertEquals(fieldNames(type.toWGSL(), name), [name]);
  }
});

Deno.test("Struct.toC() and toWGSL() give the same text each time", () => {
  const make = () => struct({ $: Vec2, int: array(struct({ x: "f32" }), 2) }, { name: "Vec2" });
  for (const [, print] of PRINTERS) {
    const type = make();
    assertEquals(print(type), print(type));
    assertEquals(print(type), print(make()));
    assert(!print(type).endsWith("\n"));
  }
});
