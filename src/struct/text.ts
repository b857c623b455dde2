/**
 * Declares structs in C and in WGSL.
 *
 * @module
 */
import { SchemaError } from "../errors.ts";
import { showValue } from "../messages/show.ts";
import type { ScalarType } from "./scalars.ts";
import { type AnyStruct, Struct } from "./schema.ts";
import {
  byOffset,
  elementOf,
  isStruct,
  type Printable,
  type PrintableField,
  type PrintableLink,
  type PrintableType,
} from "./table.ts";

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
export const C_WORDS: ReadonlySet<string> = /* @__PURE__ */ wordsOf(`
  NULL alignas alignof and and_eq asm assert auto bitand bitor bool break case catch char char16_t char32_t char8_t class co_await
  co_return co_yield compl concept const const_cast consteval constexpr constinit continue decltype default delete do double
  dynamic_cast else enum explicit export extern false float for friend goto i386 if inline int linux long mutable namespace new
  noexcept not not_eq nullptr offsetof operator or or_eq private protected public register reinterpret_cast requires restrict
  return short signed sizeof static static_assert static_cast std struct switch template this thread_local throw true try
  typedef typeid typename typeof typeof_unqual union unix unsigned using virtual void volatile wchar_t while xor xor_eq
`);
const C_HEADER_NAME =
  /^(u?int((_fast|_least)?(8|16|32|64)|ptr|max)_t|(size|ptrdiff|max_align|nullptr)_t|(U?INT|SIZE|PTRDIFF|WCHAR|WINT|SIG_ATOMIC)\w*_(MIN|MAX|WIDTH|C))$/;

/**
 * Declares structs in C11 and C++11, for WebAssembly modules and native libraries that read a
 * pool's bytes.
 *
 * The fields are in the order of their bytes. The padding is declared too, as members `_pad0`,
 * `_pad1` and so on, and a `static_assert` checks the size. `bool` is C's, a `ref` is a
 * `uint32_t`. `f16` is `_Float16`, which GCC has from 12 (C++ from 13) and Clang from 15 on x86;
 * MSVC does not have it.
 *
 * Nested structs come first, each once, under their own names. A struct without a name has the
 * name of its field with the first letter in upper case; the outermost is `Record`. When two have
 * the same name, the one that is nested in the other, or comes later, is `Name_2`. In a name, every
 * character except ASCII letters, digits and `_`, and a first character that is no letter, becomes
 * `u` and its code point: `$hp` is `u0024hp`. A name that is reserved in C, C++ or the headers gets
 * a `_` at its end: `int` is `int_`.
 *
 * @category Structs and views
 * @param struct A struct.
 * @param more Other structs to declare in the same text, so that a struct nested in several is
 * declared once.
 * @returns The text, without a newline at the end.
 * @throws {SchemaError} when an argument is not a struct.
 *
 * @example Usage
 * ```ts
 * import { struct, toC } from "@slabs/pool";
 * import { assertEquals } from "@std/assert";
 *
 * const Enemy = struct({ alive: "bool", hp: "u16", pos: "f32" }, { name: "Enemy" });
 * const [includes, declaration] = toC(Enemy).split("\n\n");
 * assertEquals(
 *   declaration,
 *   `struct Enemy {
 *   bool alive;
 *   uint8_t _pad0[1];
 *   uint16_t hp;
 *   float pos;
 * };
 * static_assert(sizeof(struct Enemy) == 8, "struct Enemy is not as in Slabs");`,
 * );
 * assertEquals(includes.split("\n").length, 3); // assert.h, stdbool.h and stdint.h
 * ```
 */
export function toC(struct: AnyStruct, ...more: AnyStruct[]): string {
  const structs = checked([struct, ...more], "C");
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
export const WGSL_WORDS: ReadonlySet<string> = /* @__PURE__ */ wordsOf(`
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
const WGSL_PREDECLARED =
  /^(bool|[iuf](8|16|32|64)|vec[234][iufh]?|mat[234]x[234][fh]?|array|atomic|binding_array|ptr|sampler(_comparison)?|texture_((depth_)?multisampled_|storage_|depth_)?(1d|2d|3d|cube|2d_array|cube_array|external)|function|private|workgroup|uniform|storage|read|write|read_write)$/;

/**
 * Declares structs in WGSL, for storage buffers with the bytes of a pool's blocks: a block is
 * an `array<Enemy>`. Do not use it for uniform buffers, which align arrays and nested structs to
 * 16 bytes.
 *
 * Storage buffers have `i32`, `u32`, `f32` and `f16`, and `ref` as `u32`. A shader with `f16`
 * must begin with `enable f16;`; a comment in the text says so. When padding follows a field, its
 * attribute `@size` includes the padding.
 *
 * Order and names are those of {@linkcode toC}, but with the keywords and reserved words
 * of WGSL and, for structs, its types and address spaces: a field `target` is `target_` in the
 * shader.
 *
 * @category Structs and views
 * @param struct A struct.
 * @param more Other structs to declare in the same text, so that a struct nested in several is
 * declared once.
 * @returns The text, without a newline at the end.
 * @throws {SchemaError} when a field, also of a nested struct, has a type that storage buffers do
 * not have, or when an argument is not a struct.
 *
 * @example Usage
 * ```ts
 * import { SchemaError, struct, toWGSL } from "@slabs/pool";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * const Vec2 = struct({ x: "f32", y: "f32" }, { name: "Vec2" });
 * const Enemy = struct({ pos: Vec2, hp: "u32", target: "ref" }, { name: "Enemy" });
 * assertEquals(
 *   toWGSL(Enemy),
 *   `struct Vec2 {
 *   x: f32,
 *   y: f32,
 * }
 *
 * struct Enemy {
 *   pos: Vec2,
 *   hp: u32,
 *   target_: u32,
 * }`,
 * );
 * assertThrows(() => toWGSL(struct({ hp: "u16" })), SchemaError, 'field "hp" has type "u16"');
 * ```
 */
export function toWGSL(struct: AnyStruct, ...more: AnyStruct[]): string {
  const structs = checked([struct, ...more], "WGSL");
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

/** Creates the error for a struct that cannot be declared. */
function declareError(
  struct: string,
  language: string,
  problem: string,
  field: string,
): SchemaError {
  const title = struct === "" ? "struct" : `struct "${struct}"`;
  return new SchemaError(`Cannot declare ${title} in ${language}: ${problem}`, struct, field);
}

// -- both --

/** Checks that the arguments are structs. */
function checked(structs: readonly AnyStruct[], language: string): readonly AnyStruct[] {
  for (const it of structs) {
    if (it instanceof Struct) continue;
    const [first] = structs;
    const name = first instanceof Struct ? first.name : "";
    throw declareError(name, language, `${showValue(it)} is not a struct`, "");
  }
  return structs;
}

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
