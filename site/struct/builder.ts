/**
 * Makes structs of what was read, and writes it as code again.
 *
 * @module
 */
import { type AnyStruct, array, type ElementType, type FieldType, ref, struct } from "@slabs/pool";
import { ParseError, type StructNode, type TypeNode } from "./parser.ts";

/** Names that no constant can have: of the language, and of what else stands in the code. */
const TAKEN = new Set(
  ("break case catch class const continue debugger default delete do else enum export extends false " +
    "finally for function if import in instanceof new null return super switch this throw true try " +
    "typeof var void while with let static yield await implements interface package private " +
    "protected public eval arguments Pool array ref struct pool handle").split(" "),
);

/** The name in the code of a struct that has none. */
const UNNAMED = "Item";

/** How fields are put in order. */
export type Layout = "c" | "compact";

/**
 * Defines structs.
 *
 * @param nodes Structs; each may name those before it.
 * @param layout The layout of the last one.
 * @returns The last one.
 * @throws {SchemaError} when the module rejects one.
 * @throws {ParseError} when a struct is named that there is not, or has a name that it cannot have.
 */
export function build(nodes: readonly StructNode[], layout: Layout): AnyStruct {
  const known = new Map<string, AnyStruct>();
  let last: AnyStruct | undefined;
  nodes.forEach((node, i) => {
    const constant = node.constant || UNNAMED;
    checkConstant(constant, known);
    last = structOf(node, known, i === nodes.length - 1 ? layout : undefined);
    known.set(constant, last);
  });
  return last!; // there is at least one
}

/** Checks that the code can have a constant of a name. */
function checkConstant(name: string, known: ReadonlyMap<string, AnyStruct>): void {
  if (known.has(name)) throw new ParseError(`There are two structs ${name}`);
  if (TAKEN.has(name)) {
    throw new ParseError(`A struct cannot be called ${name}: the code needs the word`);
  }
}

function structOf(
  node: StructNode,
  known: ReadonlyMap<string, AnyStruct>,
  layout?: Layout,
): AnyStruct {
  const fields = node.fields.map(({ name, type }) => [name, typeOf(type, known)] as const);
  const twice = fields.find(([name], i) => fields.findIndex((it) => it[0] === name) !== i);
  if (twice !== undefined) throw new ParseError(`There are two fields "${twice[0]}"`);
  const options: Record<string, string> = Object.fromEntries(node.options);
  options.name ??= node.constant;
  const isLayout = ["c", "compact", undefined].includes(options.layout); // else struct() says so
  if (layout !== undefined && isLayout) options.layout = layout;
  return struct(Object.fromEntries(fields), options);
}

function typeOf(node: TypeNode, known: ReadonlyMap<string, AnyStruct>): FieldType {
  switch (node.kind) {
    case "scalar":
      return node.name as ElementType; // struct() checks it
    case "array":
      return array(typeOf(node.element, known) as ElementType, node.length); // array() checks it
    case "ref":
      return ref(node.isSelf ? node.target as "self" : named(node.target, known));
    case "name":
      return named(node.name, known);
    case "struct":
      return structOf(node, known);
  }
}

function named(name: string, known: ReadonlyMap<string, AnyStruct>): AnyStruct {
  const found = known.get(name);
  if (found === undefined) throw new ParseError(`There is no struct ${name} before this one`);
  return found;
}

// -- as code --

/**
 * Writes a program that defines structs and makes a pool of the last one.
 *
 * @param nodes The structs.
 * @param layout The layout of the last one.
 */
export function codeOf(nodes: readonly StructNode[], layout: Layout): string {
  const last = nodes[nodes.length - 1];
  const body = nodes.map((node) => {
    const isLast = node === last;
    const constant = node.constant || UNNAMED;
    const options = new Map([["name", constant], ...node.options]);
    if (isLast) options.delete("layout");
    if (isLast && layout === "compact") options.set("layout", "compact");
    return `const ${constant} = ${structText(node, options, "\n  ", "\n")};`;
  }).join("\n");
  const helpers = ["array", "ref"].filter((name) => new RegExp(`\\b${name}\\(`).test(body));
  const imports = [...helpers, "Pool", "struct"].sort((a, b) =>
    a.toLowerCase() < b.toLowerCase() ? -1 : 1
  ).join(", ");
  const pool = `using pool = new Pool(${last.constant || UNNAMED});`;
  return `import { ${imports} } from "@slabs/pool";\n\n${body}\n${pool}\nconst handle = pool.alloc();`;
}

function structText(
  { fields }: StructNode,
  options: ReadonlyMap<string, string>,
  before: string,
  after: string,
): string {
  const inner = fields.map(({ name, type }) => `${before}${name}: ${typeText(type)},`).join("");
  const list = [...options].map(([name, value]) => `${name}: ${JSON.stringify(value)}`).join(", ");
  const body = after === " " ? `${inner.slice(0, -1)}${after}` : `${inner}${after}`;
  return `struct({${body}}${list === "" ? "" : `, { ${list} }`})`;
}

function typeText(type: TypeNode): string {
  switch (type.kind) {
    case "scalar":
      return `"${type.name}"`;
    case "name":
      return type.name;
    case "array":
      return `array(${typeText(type.element)}, ${type.length})`;
    case "ref":
      return `ref(${type.isSelf ? `"${type.target}"` : type.target})`;
    case "struct":
      return structText(type, type.options, " ", " ");
  }
}
