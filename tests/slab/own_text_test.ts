/**
 * The texts that are compiled again: they use no variables from outside, and no syntax that build
 * tools replace by helpers.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { type AnyNode, type ArrowFunctionExpression, type Node, parse, type Program } from "acorn";
import { analyze } from "eslint-scope";
import { CAN_COMPILE, textsOf, withCode } from "./_own_texts.ts";
import { workOut } from "./_workout.ts";

/** The globals that a text may use. */
const GLOBALS = ["BigInt", "Math", "Object", "Symbol", "undefined"];

/** Texts are bodies of functions; the analysis of scopes needs the range of each node. */
const OPTIONS = { ecmaVersion: "latest", allowReturnOutsideFunction: true, ranges: true } as const;

/** A text and its syntax tree. */
interface Parsed {
  readonly text: string;
  /** Its name: that of its function. */
  readonly name: string;
  readonly program: Program;
}

/**
 * The texts of everything that pools do, without the first, which tests if code can be compiled.
 */
const texts = CAN_COMPILE ? textsOf(() => workOut()).slice(1) : [];

/** The texts that differ in more than their number. */
const kinds = new Map<string, Parsed>();
for (const text of texts) {
  const key = bare(text);
  if (!kinds.has(key)) kinds.set(key, parsed(text));
}

/** The arrow functions: accessors, with numbers as literals. */
const arrows = [...kinds.values()].filter(({ text }) => /return \(\(/.test(text));

/** A text without its number and without the name that profiles show. */
function bare(text: string): string {
  return text.replace(/\/\/ \d+\n\/\/# sourceURL=.*$/, "");
}

function parsed(text: string): Parsed {
  const program = parse(text, OPTIONS);
  const [directive, made] = program.body;
  assert(directive.type === "ExpressionStatement" && directive.directive === "use strict", text);
  assert(made?.type === "ReturnStatement" && program.body.length === 2, text);
  const define = made.argument;
  const isNamed = define?.type === "FunctionExpression";
  assert(isNamed || define?.type === "ArrowFunctionExpression", text);
  // An arrow function has no name but that for profiles.
  const name = isNamed ? define.id!.name : /(\w+)-\d+\.js$/.exec(text)![1];
  return { text, name, program };
}

// -- all texts --

const SOURCES = new URL("../../src/", import.meta.url);
const { state } = await Deno.permissions.query({ name: "read", path: SOURCES });

Deno.test({
  name: "Each function named define… in src/ is compiled again somewhere",
  ignore: !CAN_COMPILE || state !== "granted",
  fn() {
    const declared = sources(SOURCES).flatMap((source) => {
      const names = source.matchAll(/^(?:export )?(?:function|const) (define[A-Z]\w*)/gm);
      return Array.from(names, ([, name]) => name);
    });
    const named = new Set([...kinds.values()].map(({ name }) => name));
    assertEquals([...named].sort(), [...declared, "define"].sort());
    // But for the literals the accessors of a scalar are the same.
    const scalars = arrows.filter(({ name }) => name === "define");
    const shapes = scalars.map(({ text }) => bare(text).replace(/\[[^\]]*\]/g, "[]"));
    assertEquals(new Set(shapes).size, 13);
  },
});

withCode("Accessors have offsets and shifts as literals, and no shift by zero", () => {
  assert(arrows.some(({ text }) => text.includes("this._b.f32[(this._o) + 1] ?? 0")));
  for (const { text, program } of arrows) {
    assert(!/(<<|[^>]>>) 0/.test(text), text);
    const named: string[] = [];
    visit(program, (node) => {
      if (node.type === "Identifier" && /^(at|up|down)$/.test(node.name)) named.push(node.name);
    });
    assertEquals(named.length, new Set(named).size, text); // parameters, and nothing else
  }
});

/** The text of every file in a folder and those within. */
function sources(folder: URL): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) => {
    if (isDirectory) return sources(new URL(`${name}/`, folder));
    return name.endsWith(".ts") ? Deno.readTextFileSync(new URL(name, folder)) : [];
  });
}

withCode("No two texts that are compiled are equal, as their numbers count up", () => {
  assertEquals(new Set(texts).size, texts.length);
  const numbers = texts.map((text) => Number(/\/\/ (\d+)\n/.exec(text)?.[1]));
  assertEquals(numbers, numbers.map((_, i) => numbers[0] + i));
});

// -- free variables --

withCode("Nothing is free in any text but known globals, each of which is needed", () => {
  const free = new Set<string>();
  for (const { name, program } of kinds.values()) {
    for (const it of freeIn(program)) {
      assert(GLOBALS.includes(it), `${it} is free in ${name}()`);
      free.add(it);
    }
  }
  assertEquals([...free].sort(), GLOBALS);
});

Deno.test("The analysis finds what is free in a text, and nothing else", () => {
  const free = (text: string) => freeIn(parse(`return (${text})`, OPTIONS));
  assertEquals(free("function define(a, { b }, [c = d]) { return a + b + c; }"), ["d"]);
  assertEquals(free("function f() { { let x; } return class A extends B {}; x; }"), ["B", "x"]);
  assertEquals(free("class A { static { __name(this); } }"), ["__name"]);
});

/** Every name that a program uses and does not declare, in order, each once. */
function freeIn(program: Program): string[] {
  const options = { ecmaVersion: 2022, nodejsScope: true } as const;
  const { globalScope } = analyze(program as Parameters<typeof analyze>[0], options);
  return [...new Set(globalScope!.through.map(({ identifier }) => String(identifier.name)))];
}

// -- their syntax --

/** Syntax that build tools replace by helpers for some target: an example, and how it is found. */
const FORBIDDEN: readonly (readonly [string, string | ((node: AnyNode) => boolean)])[] = [
  ["for (const a of b);", "ForOfStatement"],
  ["a(...b);", "SpreadElement"],
  ["function a(...b) {}", "RestElement"],
  ["const [a] = b;", "ArrayPattern"],
  ["class A { b = 1; }", "PropertyDefinition"],
  ["class A { static { a(); } }", "StaticBlock"],
  ["class A { #b() {} }", "PrivateIdentifier"],
  ["a`b`;", "TaggedTemplateExpression"],
  ["a?.b;", "ChainExpression"],
  ["function* a() {}", (node) => "generator" in node && node.generator],
  ["const a = async () => {};", (node) => "async" in node && node.async],
  ["a ??= b;", (node) => hasOperator(node, "&&=", "||=", "??=")],
  ["a ** b;", (node) => hasOperator(node, "**", "**=")],
  ["1n;", (node) => node.type === "Literal" && typeof node.value === "bigint"],
  ["eval(a);", (node) => node.type === "Identifier" && node.name === "eval"],
];

function hasOperator(node: AnyNode, ...operators: string[]): boolean {
  return "operator" in node && operators.includes(node.operator);
}

/** Finds forbidden syntax in a program: examples of it, and where it is. */
function forbiddenIn(program: Program): [example: string, at: AnyNode][] {
  const found: [string, AnyNode][] = [];
  visit(program, (node) => {
    for (const [example, is] of FORBIDDEN) {
      if (typeof is === "string" ? node.type === is : is(node)) found.push([example, node]);
    }
  });
  return found;
}

withCode(
  "The syntax of every text is plain, and functions and classes are made only while it defines",
  () => {
    for (const { name, text, program } of kinds.values()) {
      const textAt = ({ start, end }: Node) => text.slice(start, end);
      assertEquals(
        forbiddenIn(program).map(([what, node]) => `${what}: ${textAt(node)}`),
        [],
        name,
      );
      assertEquals(madeLater(program).map(textAt), [], name);
    }
  },
);

Deno.test("The check of syntax finds each kind that is forbidden, and what is made after the definition", () => {
  for (const [example] of FORBIDDEN) {
    assertEquals(forbiddenIn(parse(example, OPTIONS)).map(([it]) => it), [example]);
  }
  const made = (text: string) => madeLater(parse(`return (${text})`, OPTIONS)).length;
  const method = "function define() { return class { a() {} get b() { return 1; } }; }";
  assertEquals([method, "() => () => ({ get() {}, set() {} })"].map(made), [0, 0]);
  assertEquals(made("function define() { return class { a() { return () => 1; } }; }"), 1);
  assertEquals(made("function define() { return () => class { a() {} }; }"), 2);
  assertEquals(made("() => () => ({ get() { return () => 1; } })"), 1);
});

/** Calls a function with a node and all that are within, and the nodes that each of them is in. */
function visit(
  node: AnyNode,
  fn: (node: AnyNode, around: readonly AnyNode[]) => void,
  around: readonly AnyNode[] = [],
): void {
  fn(node, around);
  for (const value of Object.values(node)) {
    for (const part of Array.isArray(value) ? value : [value]) {
      if (isNode(part)) visit(part, fn, [...around, node]);
    }
  }
}

function isNode(value: unknown): value is AnyNode {
  return typeof value === "object" && value !== null && "type" in value;
}

function isFunction({ type }: AnyNode): boolean {
  return type === "FunctionExpression" || type === "FunctionDeclaration" ||
    type === "ArrowFunctionExpression";
}

/**
 * Finds functions and classes that are created after the definition; a method belongs to its class.
 */
function madeLater(program: Program): AnyNode[] {
  const found: AnyNode[] = [];
  visit(program, (node, around) => {
    if (!isFunction(node) && node.type !== "ClassExpression" && node.type !== "ClassDeclaration") {
      return;
    }
    const [define, made, ...within] = around.filter(isFunction);
    if (define === undefined || made === undefined) return;
    // The accessor of a field is made while the class of its view is defined.
    const isAccessor = within.length === 0 && isArrow(define) && isArrow(made) &&
      define.body === made && made.body.type === "ObjectExpression";
    if (!isAccessor) found.push(node);
  });
  return found;
}

function isArrow(node: AnyNode): node is ArrowFunctionExpression {
  return node.type === "ArrowFunctionExpression";
}
