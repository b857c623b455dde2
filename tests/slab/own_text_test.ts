/**
 * The texts that are compiled again: they use no variables from outside, and no syntax that build
 * tools replace by helpers.
 *
 * @module
 */
import { readdirSync } from "node:fs";
import { assert, assertEquals } from "@std/assert";
import { type Node, parse } from "acorn";
import { analyze } from "eslint-scope";
import esquery from "esquery";
import { CAN_COMPILE, textsOf, withCode } from "./_own_texts.ts";
import { workOut } from "./_workout.ts";

/** The globals that a text may use. */
const GLOBALS = ["BigInt", "Math", "Object", "Symbol", "undefined"];

/** Texts are bodies of functions; the analysis of scopes needs the range of each node. */
const OPTIONS = { ecmaVersion: "latest", allowReturnOutsideFunction: true, ranges: true } as const;

/**
 * The texts of everything that pools do, without the first, which tests if code can be compiled.
 */
const texts = CAN_COMPILE ? textsOf(() => workOut()).slice(1) : [];

/** The texts that differ in more than their number. */
const kinds = [...new Map(texts.map((text) => [bare(text), text])).values()];

/** The arrow functions: accessors, with numbers as literals. */
const arrows = kinds.filter((text) => /return \(\(/.test(text));

/** A text without its number and without the name that profiles show. */
function bare(text: string): string {
  return text.replace(/\/\/ \d+\n\/\/# sourceURL=.*$/, "");
}

/** The name of the function of a text, which an arrow function has in profiles alone. */
function nameOf(text: string): string {
  return /(\w+)-\d+\.js$/.exec(text)![1]; // each text has one
}

/** What an ESLint selector finds in a text. */
function found(text: string, selector: string): string[] {
  const nodes: Node[] = esquery(parse(text, OPTIONS), selector);
  return nodes.map(({ start, end }) => text.slice(start, end));
}

// -- all texts --

const SOURCES = new URL("../../src/", import.meta.url);
const { state } = await Deno.permissions.query({ name: "read", path: SOURCES });

Deno.test({
  name: "Each function named define… in src/ is compiled again somewhere",
  ignore: !CAN_COMPILE || state !== "granted",
  fn() {
    const files = readdirSync(SOURCES, { recursive: true, encoding: "utf8" });
    const declared = files.filter((it) => it.endsWith(".ts")).flatMap((file) => {
      const source = Deno.readTextFileSync(new URL(file, SOURCES));
      const names = source.matchAll(/^(?:export )?(?:function|const) (define[A-Z]\w*)/gm);
      return Array.from(names, ([, name]) => name);
    });
    const named = new Set(kinds.map(nameOf));
    assertEquals([...named].sort(), [...declared, "define"].sort());
    // But for the literals the accessors of a scalar are the same.
    const scalars = arrows.filter((text) => nameOf(text) === "define");
    const shapes = scalars.map((text) => bare(text).replace(/\[[^\]]*\]/g, "[]"));
    assertEquals(new Set(shapes).size, 13);
  },
});

withCode("Accessors have offsets and shifts as literals, and no shift by zero", () => {
  assert(arrows.some((text) => text.includes("this._b.f32[(this._o) + 1] ?? 0")));
  for (const text of arrows) {
    assert(!/(<<|[^>]>>) 0/.test(text), text);
    const named = found(text, "Identifier[name=/^(at|up|down)$/]");
    assertEquals(named.length, new Set(named).size, text); // parameters, and nothing else
  }
});

withCode("No two texts that are compiled are equal, as their numbers count up", () => {
  assertEquals(new Set(texts).size, texts.length);
  const numbers = texts.map((text) => Number(/\/\/ (\d+)\n/.exec(text)?.[1]));
  assertEquals(numbers, numbers.map((_, i) => numbers[0] + i));
});

// -- free variables --

withCode("Nothing is free in any text but known globals, each of which is needed", () => {
  const free = new Set(kinds.flatMap(freeIn));
  assertEquals([...free].sort(), GLOBALS);
});

Deno.test("The analysis finds what is free in a text, and nothing else", () => {
  const free = (text: string) => freeIn(`return (${text})`);
  assertEquals(free("function define(a, { b }, [c = d]) { return a + b + c; }"), ["d"]);
  assertEquals(free("function f() { { let x; } return class A extends B {}; x; }"), ["B", "x"]);
  assertEquals(free("class A { static { __name(this); } }"), ["__name"]);
});

/** Every name that a text uses and does not declare, in order, each once. */
function freeIn(text: string): string[] {
  const options = { ecmaVersion: 2022, nodejsScope: true } as const;
  const program = parse(text, OPTIONS) as Parameters<typeof analyze>[0];
  const { globalScope } = analyze(program, options);
  return [...new Set(globalScope!.through.map(({ identifier }) => String(identifier.name)))];
}

// -- their syntax --

/** Syntax that build tools replace by helpers for some target: an example, and its selector. */
const FORBIDDEN: readonly (readonly [example: string, selector: string])[] = [
  ["for (const a of b);", "ForOfStatement"],
  ["a(...b);", "SpreadElement"],
  ["function a(...b) {}", "RestElement"],
  ["const [a] = b;", "ArrayPattern"],
  ["class A { b = 1; }", "PropertyDefinition"],
  ["class A { static { a(); } }", "StaticBlock"],
  ["class A { #b() {} }", "PrivateIdentifier"],
  ["a`b`;", "TaggedTemplateExpression"],
  ["a?.b;", "ChainExpression"],
  ["function* a() {}", "[generator=true]"],
  ["const a = async () => {};", "[async=true]"],
  ["a ??= b;", "[operator=/^(&&|[|]{2}|[?]{2})=$/]"],
  ["a ** b;", "[operator=/^[*]{2}=?$/]"],
  ["1n;", "Literal[bigint]"],
  ["eval(a);", "Identifier[name='eval']"],
];

/** The function that is all of a text but for a directive. */
const WHOLE =
  "Program > [directive='use strict'] + ReturnStatement:nth-child(2):last-child > :function";

/** Functions and classes made after the definition; a method belongs to its class. */
const MADE_LATER = ":function :function :matches(:function, ClassExpression, ClassDeclaration)";
/** The accessor of a field is made while the class of its view is defined. */
const ACCESSOR =
  "ArrowFunctionExpression > ArrowFunctionExpression > ObjectExpression > Property > *";
const LATER = `${MADE_LATER}:not(${ACCESSOR})`;

withCode(
  "The syntax of every text is plain, and functions and classes are made only while it defines",
  () => {
    const selectors = [...FORBIDDEN.map(([, selector]) => selector), LATER].join();
    for (const text of kinds) {
      assertEquals(found(text, WHOLE).length, 1, text);
      assertEquals(found(text, selectors), [], nameOf(text));
    }
  },
);

Deno.test("The check of syntax finds each kind that is forbidden, and what is made after the definition", () => {
  for (const [example] of FORBIDDEN) {
    const finding = FORBIDDEN.filter(([, selector]) => found(example, selector).length > 0);
    assertEquals(finding.map(([it]) => it), [example]);
  }
  const made = (text: string) => found(`return (${text})`, LATER).length;
  const method = "function define() { return class { a() {} get b() { return 1; } }; }";
  assertEquals([method, "() => () => ({ get() {}, set() {} })"].map(made), [0, 0]);
  assertEquals(made("function define() { return class { a() { return () => 1; } }; }"), 1);
  assertEquals(made("function define() { return () => class { a() {} }; }"), 2);
  assertEquals(made("() => () => ({ get() { return () => 1; } })"), 1);
});
