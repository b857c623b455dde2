/**
 * Prints a struct: its layout as a table, and its declaration in C and in WGSL.
 *
 * @module
 */
import { SchemaError } from "../errors.ts";
import type { ScalarType } from "./scalars.ts";

/**
 * A struct, as far as it is printed. This file cannot import `Struct`: `schema.ts` imports this
 * file.
 */
interface Printable {
  readonly name: string;
  readonly size: number;
  readonly align: number;
  readonly fields: { readonly [name: string]: PrintableField };
}

interface PrintableField {
  readonly type: PrintableType;
  readonly offset: number;
  readonly size: number;
}

type PrintableElement = ScalarType | PrintableLink | Printable;
type PrintableType = PrintableElement | PrintableList;

interface PrintableLink {
  readonly kind: "ref";
  readonly target: Printable | "self";
}

interface PrintableList {
  readonly kind: "array";
  readonly element: PrintableElement;
  readonly length: number;
}

// -- the table --

/**
 * Prints the layout as a table.
 *
 * @param struct A struct.
 * @returns The table: fields and padding, one a line, in the order of their bytes.
 */
export function toTable(struct: Printable): string {
  const rows: [number, number, string, string][] = [];
  let end = 0;
  const pad = (to: number) => {
    if (to > end) rows.push([end, to - end, "·", "(padding)"]);
  };
  for (const [name, { type, offset, size }] of byOffset(struct)) {
    pad(offset);
    rows.push([offset, size, typeName(type, struct.name), name]);
    end = offset + size;
  }
  pad(struct.size);
  const padding = rows.reduce((sum, [, size, type]) => type === "·" ? sum + size : sum, 0);
  const typeWidth = Math.max(4, ...rows.map(([, , type]) => type.length));
  return [
    `${titleOf(struct.name)}: ${countOf(struct.size)}, align ${struct.align}, ${
      countOf(padding)
    } of padding`,
    `offset  size  ${"type".padEnd(typeWidth)}  field`,
    ...rows.map(([offset, size, type, name]) =>
      `${String(offset).padStart(6)}  ${String(size).padStart(4)}  ${
        type.padEnd(typeWidth)
      }  ${name}`
    ),
  ].join("\n");
}

/**
 * Names a struct in a sentence, without quotes if it can be.
 *
 * @param name Name of a struct, `""` when it has none.
 * @returns The name after the word `struct`.
 */
export function titleOf(name: string): string {
  return name === "" ? "struct" : /\s/.test(name) ? `struct "${name}"` : `struct ${name}`;
}

/**
 * Names a struct in the errors of pools.
 *
 * @param struct A struct.
 * @returns Its name, or its fields when it has none.
 */
export function structTitle({ name, fields }: Printable): string {
  return name === "" ? `struct { ${Object.keys(fields).join(", ")} }` : `struct "${name}"`;
}

function countOf(bytes: number): string {
  return bytes === 1 ? "1 byte" : `${bytes} bytes`;
}

function typeName(type: PrintableType, self: string): string {
  if (typeof type === "string") return type;
  if (isStruct(type)) return type.name || "struct";
  if (type.kind === "array") return `${typeName(type.element, self)}[${type.length}]`;
  return `ref(${type.target === "self" ? self || "self" : type.target.name || "struct"})`;
}

/** Lists the fields in the order of their bytes. */
function byOffset(struct: Printable): [string, PrintableField][] {
  return Object.entries(struct.fields).sort(([, a], [, b]) => a.offset - b.offset);
}

function isStruct(type: PrintableType): type is Printable {
  return typeof type === "object" && "fields" in type;
}

function elementOf(type: PrintableType): PrintableElement {
  return typeof type === "object" && "element" in type ? type.element : type;
}

// -- C --

/** The C type of each scalar. */
const C_TYPES: Readonly<Record<ScalarType, string>> = {
  i8: "int8_t",
  u8: "uint8_t",
  i16: "int16_t",
  u16: "uint16_t",
  i32: "int32_t",
  u32: "uint32_t",
  i64: "int64_t",
  u64: "uint64_t",
  f16: "_Float16",
  f32: "float",
  f64: "double",
  bool: "bool",
  ref: "uint32_t",
};

/** The keywords of C23 and C++23, and names that GCC, Clang and the three headers define. */
export const C_WORDS: ReadonlySet<string> = wordsOf(`
  NULL alignas alignof and and_eq asm assert auto bitand bitor bool break case catch char char16_t char32_t char8_t class co_await
  co_return co_yield compl concept const const_cast consteval constexpr constinit continue decltype default delete do double
  dynamic_cast else enum explicit export extern false float for friend goto i386 if inline int linux long mutable namespace new
  noexcept not not_eq nullptr offsetof operator or or_eq private protected public register reinterpret_cast requires restrict
  return short signed sizeof static static_assert static_cast struct switch template this thread_local throw true try typedef
  typeid typename typeof typeof_unqual union unix unsigned using virtual void volatile wchar_t while xor xor_eq
`);
const C_HEADER_NAME =
  /^(u?int((_fast|_least)?(8|16|32|64)|ptr|max)_t|(size|ptrdiff|max_align|nullptr)_t|(U?INT|SIZE|PTRDIFF|WCHAR|WINT|SIG_ATOMIC)\w*_(MIN|MAX|WIDTH|C))$/;

/**
 * Declares structs in C11 and C++11. Padding is declared as members, so that no platform adds any;
 * then the assertion of the size proves each offset as well.
 *
 * @param structs The structs to declare, with those nested in them.
 * @returns The text, without a newline at the end.
 */
export function toC(structs: readonly Printable[]): string {
  const isTaken = (name: string) => C_WORDS.has(name) || C_HEADER_NAME.test(name);
  const names = namesOf(structs, isTaken);
  const declared = Array.from(names, ([struct, name]) => {
    const fieldNames = fieldNamesOf(struct, isTaken);
    const lines: string[] = [];
    let pads = 0;
    for (const { field: { type, size }, name, bytes } of membersOf(struct, fieldNames)) {
      const element = elementOf(type);
      const typeName = isStruct(element)
        ? `struct ${names.get(element)}`
        : C_TYPES[scalarOf(element)];
      lines.push(`  ${typeName} ${name}${lengthOf(type, (length) => `[${length}]`)};`);
      if (bytes > size) lines.push(`  uint8_t _pad${pads++}[${bytes - size}];`);
    }
    const size = `sizeof(struct ${name}) == ${struct.size}`;
    return `struct ${name} {\n${lines.join("\n")}\n};\n` +
      `static_assert(${size}, "struct ${name} is not as in Slabs");`;
  });
  const headers = ["assert", "stdbool", "stdint"].map((name) => `#include <${name}.h>`).join("\n");
  return [headers, ...declared].join("\n\n");
}

// -- WGSL --

/**
 * The WGSL type of each scalar that a storage buffer can hold; for others, which type to use
 * instead.
 */
const WGSL_TYPES: Readonly<Record<ScalarType, { type: string } | { instead: string }>> = {
  i8: { instead: '"i32"' },
  u8: { instead: '"u32"' },
  i16: { instead: '"i32"' },
  u16: { instead: '"u32"' },
  i32: { type: "i32" },
  u32: { type: "u32" },
  i64: { instead: 'two of "u32"' },
  u64: { instead: 'two of "u32"' },
  f16: { type: "f16" },
  f32: { type: "f32" },
  f64: { instead: '"f32"' },
  bool: { instead: '"u32"' },
  ref: { type: "u32" },
};

/** The keywords and reserved words of WGSL, from sections 15.1 and 15.2 of its specification. */
export const WGSL_WORDS: ReadonlySet<string> = wordsOf(`
  alias break case const const_assert continue continuing default diagnostic discard else enable false fn for if let loop override
  requires return struct switch true var while

  NULL Self abstract active alignas alignof as asm asm_fragment async attribute auto await become cast catch class co_await
  co_return co_yield coherent column_major common compile compile_fragment concept const_cast consteval constexpr constinit crate
  debugger decltype delete demote demote_to_helper do dynamic_cast enum explicit export extends extern external fallthrough filter
  final finally friend from fxgroup get goto groupshared highp impl implements import inline instanceof interface layout lowp macro
  macro_rules match mediump meta mod module move mut mutable namespace new nil noexcept noinline nointerpolation non_coherent
  noncoherent noperspective null nullptr of operator package packoffset partition pass patch pixelfragment precise precision
  premerge priv protected pub public readonly ref regardless register reinterpret_cast require resource restrict self set shared
  sizeof smooth snorm static static_assert static_cast std subroutine super target template this thread_local throw trait try type
  typedef typeid typename typeof union unless unorm unsafe unsized use using varying virtual volatile wgsl where with writeonly
  yield
`);

/**
 * The predeclared types, address spaces and access modes of WGSL, which a struct's name would
 * shadow.
 */
const WGSL_PREDECLARED = new RegExp(`^(${
  [
    "bool|[iuf](8|16|32|64)|vec[234][iufh]?|mat[234]x[234][fh]?",
    "array|atomic|binding_array|ptr|sampler(_comparison)?",
    "texture_((depth_)?multisampled_|storage_|depth_)?(1d|2d|3d|cube|2d_array|cube_array|external)",
    "function|private|workgroup|uniform|storage|read|write|read_write",
  ].join("|")
})$`);

/**
 * Declares structs in WGSL, for storage buffers. Their layout rules for these types are C's, so the
 * offsets are the same; `@size` includes padding.
 *
 * @param structs The structs to declare, with those nested in them.
 * @returns The text, without a newline at the end.
 * @throws {SchemaError} when a storage buffer cannot hold the type of a field.
 */
export function toWGSL(structs: readonly Printable[]): string {
  for (const struct of structs) checkForWGSL(struct, struct, "");
  const isWord = (name: string) => WGSL_WORDS.has(name);
  const names = namesOf(structs, (name) => isWord(name) || WGSL_PREDECLARED.test(name));
  let hasF16 = false;
  const declared = Array.from(names, ([struct, name]) => {
    const lines = membersOf(struct, fieldNamesOf(struct, isWord)).map(({ field, name, bytes }) => {
      const element = elementOf(field.type);
      if (element === "f16") hasF16 = true;
      // Every struct has a name there.
      const elementName = isStruct(element) ? names.get(element)! : wgslTypeOf(element);
      const type = lengthOf(field.type, (length) => `array<${elementName}, ${length}>`);
      return `  ${bytes > field.size ? `@size(${bytes}) ` : ""}${name}: ${type || elementName},`;
    });
    return `struct ${name} {\n${lines.join("\n")}\n}`;
  });
  if (hasF16) declared.unshift('// f16 needs "enable f16;" at the top of the shader.');
  return declared.join("\n\n");
}

function wgslTypeOf(type: ScalarType | PrintableLink): string {
  const found = WGSL_TYPES[scalarOf(type)];
  return "type" in found ? found.type : ""; // checkForWGSL() threw on others
}

function checkForWGSL(outermost: Printable, struct: Printable, path: string): void {
  for (const [name, { type }] of Object.entries(struct.fields)) {
    const element = elementOf(type);
    if (isStruct(element)) {
      checkForWGSL(outermost, element, `${path}${name}.`);
      continue;
    }
    const scalar = scalarOf(element);
    const found = WGSL_TYPES[scalar];
    if ("type" in found) continue;
    const field = path + name;
    throw declareError(
      outermost.name,
      "WGSL",
      `field "${field}" has type "${scalar}", which storage buffers do not have: ` +
        `use ${found.instead}`,
      field,
    );
  }
}

/**
 * Creates the error for a struct that cannot be declared.
 *
 * @param struct Name of the struct.
 * @param language Language of the declaration.
 * @param problem What is wrong.
 * @param field Name of the wrong field, after those of the fields that it is nested in; or `""`.
 * @returns The error.
 */
export function declareError(
  struct: string,
  language: string,
  problem: string,
  field: string,
): SchemaError {
  const title = struct === "" ? "struct" : `struct "${struct}"`;
  return new SchemaError(`Cannot declare ${title} in ${language}: ${problem}`, struct, field);
}

// -- both --

/** A member of a declared struct. */
interface Member {
  readonly field: PrintableField;
  /** Name in the text. */
  readonly name: string;
  /** Size in bytes with the padding after it. */
  readonly bytes: number;
}

/** Lists the members in the order of their bytes, which is the order of the names. */
function membersOf(struct: Printable, names: readonly string[]): Member[] {
  return byOffset(struct).map(([, field], i, all) => {
    const end = i + 1 < all.length ? all[i + 1][1].offset : struct.size;
    return { field, name: names[i], bytes: end - field.offset };
  });
}

function scalarOf(type: ScalarType | PrintableLink): ScalarType {
  return typeof type === "string" ? type : "ref";
}

/** Prints the length of an array; `""` for other types. */
function lengthOf(type: PrintableType, show: (length: number) => string): string {
  return typeof type === "object" && "element" in type ? show(type.length) : "";
}

/** Returns the names of a struct's fields in the text, in the order of their bytes. */
function fieldNamesOf(struct: Printable, isTaken: (name: string) => boolean): string[] {
  const wanted = byOffset(struct).map(([name]) => ({ name, own: name }));
  return distinct(wanted, isTaken);
}

/** Lists the structs, each after those nested in it, with their names in the text. */
function namesOf(
  structs: readonly Printable[],
  isTaken: (name: string) => boolean,
): Map<Printable, string> {
  const found = new Map<Printable, string>();
  const visit = (struct: Printable, name: string) => {
    if (found.has(struct)) return;
    for (const [field, { type }] of byOffset(struct)) {
      const element = elementOf(type);
      if (isStruct(element)) visit(element, field[0].toUpperCase() + field.slice(1));
    }
    found.set(struct, struct.name || name);
  };
  for (const struct of structs) visit(struct, "Record");
  // The structs of the call choose their names before nested ones.
  const inTurn = [...new Set([...structs, ...found.keys()])];
  const names = distinct(
    inTurn.map((it) => ({ name: found.get(it)!, own: it.name })), // each was visited
    isTaken,
  );
  inTurn.forEach((it, i) => found.set(it, names[i]));
  return found;
}

/**
 * Makes distinct identifiers. First each name that is an identifier and not taken is given away;
 * then the others get escaped names in their order, with `_2`, `_3` and so on when the name is
 * taken.
 */
function distinct(
  wanted: readonly { readonly name: string; readonly own: string }[],
  isTaken: (name: string) => boolean,
): string[] {
  const given = new Set<string>();
  const names = wanted.map(({ own }) => {
    if (own === "" || given.has(own) || escape(own, isTaken) !== own) return undefined;
    given.add(own);
    return own;
  });
  return wanted.map(({ name }, i) => {
    const kept = names[i];
    if (kept !== undefined) return kept;
    const base = escape(name, isTaken);
    let free = base;
    for (let n = 2; given.has(free); n++) free = `${base}_${n}`;
    given.add(free);
    return free;
  });
}

/**
 * Makes an identifier of both languages: an ASCII letter, then ASCII letters, digits and `_`. Any
 * other character becomes `u` and its code point in at least four hexadecimal digits; a reserved
 * name gets a `_` at its end.
 */
function escape(name: string, isTaken: (name: string) => boolean): string {
  const plain = name.replace(
    /^[^A-Za-z]|[^A-Za-z0-9_]/gu,
    (it) => `u${it.codePointAt(0)!.toString(16).padStart(4, "0")}`, // a match is one character
  );
  return isTaken(plain) ? `${plain}_` : plain;
}

function wordsOf(text: string): ReadonlySet<string> {
  return new Set(text.trim().split(/\s+/));
}
