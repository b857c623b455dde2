import { assertEquals, assertThrows } from "@std/assert";
import { SchemaError } from "../../mod.ts";
import { build, codeOf } from "../../site/struct/builder.ts";
import { ParseError, parseSchema } from "../../site/struct/parser.ts";

const ENEMY = `
// A comment, and a struct that the next one names.
const Vec2 = struct({ x: "f32", y: 'f32' });
export const Enemy = struct({
  alive: "bool", /* one byte */
  pos: Vec2,
  path: array(Vec2, 2),
  inner: struct({ a: "u8" }, { name: "Inner" }),
  target: ref("self"),
  near: ref(Vec2),
}, { name: "Foe" });`;

Deno.test("parseSchema() and build() make the struct that the text defines", () => {
  const c = build(parseSchema(ENEMY), "c");
  assertEquals(
    c.toString(),
    `struct Foe: size 40, align 4, padding 6
offset  size  type       field
     0     1  bool       alive
     1     3  ·          (padding)
     4     8  Vec2       pos
    12    16  Vec2[2]    path
    28     1  Inner      inner
    29     3  ·          (padding)
    32     4  ref(Foe)   target
    36     4  ref(Vec2)  near`,
  );
  assertEquals(build(parseSchema(ENEMY), "compact").size, 36);
});

Deno.test("codeOf() writes code that parses as the same struct", () => {
  for (const text of [ENEMY, '{ x: "f32" }', 'struct({ x: "u8", y: "f64" }, { name: "A" })']) {
    const nodes = parseSchema(text);
    const code = codeOf(nodes, "c");
    const again = code.slice(code.indexOf("const "), code.indexOf("using "));
    const { fields } = build(parseSchema(again), "c");
    assertEquals(fields, build(nodes, "c").fields);
  }
});

Deno.test("codeOf() has the layout that is chosen, whatever the text says", () => {
  const nodes = parseSchema('struct({ x: "u8", y: "f64", z: "u8" }, { layout: "compact" })');
  assertEquals([build(nodes, "c").size, build(nodes, "compact").size], [24, 16]);
  const hasLayout = (layout: "c" | "compact") => codeOf(nodes, layout).includes("layout");
  assertEquals([hasLayout("c"), hasLayout("compact")], [false, true]);
  const odd = parseSchema('struct({ x: "u8" }, { layout: "foo" })');
  assertThrows(() => build(odd, "c"), SchemaError, 'layout must be "c" or "compact", got "foo"');
});

Deno.test("build() takes no names that the code cannot have", () => {
  const one = (name: string) => `const ${name} = struct({ x: "u8" });`;
  for (const name of ["class", "handle", "Pool", "await"]) {
    assertThrows(() => build(parseSchema(one(name)), "c"), ParseError, `called ${name}`);
  }
  const twice = [one("A") + one("A"), '{ x: "u8" } { y: "u8" }', `${one("Item")} { i: Item }`];
  for (const text of twice) {
    assertThrows(() => build(parseSchema(text), "c"), ParseError, "There are two structs ");
  }
});

Deno.test("parseSchema() tells the line of what it cannot read", () => {
  const wrong: readonly [string, string][] = [
    ["", "Write a struct"],
    ["{ x }", "Line 1: expected :, got }"],
    ['{\n  x: "f32"\n  y: "f32" }', "Line 3: expected ,, got y"],
    ["{ x: array(", "Line 1: expected a type"],
    ['{ x: array("u8", n) }', "Line 1: expected a number of elements, got n"],
    ["alert(1)", "Line 1: expected struct, got alert"],
    ["{ x: 1 + 1 }", "Line 1: unexpected +"],
  ];
  for (const [text, message] of wrong) assertThrows(() => parseSchema(text), ParseError, message);
});

Deno.test("build() rejects what the module rejects, unknown names and fields that are there twice", () => {
  assertThrows(() => build(parseSchema('{ hp: "u17" }'), "c"), SchemaError, 'unknown type "u17"');
  assertThrows(() => build(parseSchema("{ at: Vec2 }"), "c"), ParseError, "no struct Vec2");
  assertThrows(() => build(parseSchema('{ x: "u8", x: "u8" }'), "c"), ParseError, 'two fields "x"');
});
