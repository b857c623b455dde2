/**
 * Schemas: the types of fields, `struct()`, the layout of a record in bytes, and the TypeScript types inferred
 * from it.
 *
 * @module
 */
import { optionsProblem } from "../messages/nearest.ts";
import { showValue } from "../messages/show.ts";
import { SchemaError } from "../errors.ts";
import type { AnyHandle, Handle } from "./ref.ts";
import { SCALARS, type ScalarType } from "./scalars.ts";
import { declareError, titleOf, toC, toTable, toWGSL } from "./text.ts";

export type { ScalarType } from "./scalars.ts";

/**
 * A typed link to a record of `S`: 4 bytes that hold a compact `Handle<S>`. Made by {@linkcode ref}.
 *
 * @typeParam S The struct type; `"self"` for the struct that has the link.
 */
export interface RefType<S extends AnyStruct | "self" = AnyStruct | "self"> {
  /** Tells the kinds of types apart. */
  readonly kind: "ref";
  /** The struct that the link leads to; `"self"` for the one that has it. */
  readonly target: S;
}

/** What an array can hold. */
export type ElementType = ScalarType | RefType | AnyStruct;

/** A fixed number of elements, one after the other. Made by {@linkcode array}. */
export interface ArrayType<E extends ElementType = ElementType> {
  /** Tells the kinds of types apart. */
  readonly kind: "array";
  /** Type of each element. */
  readonly element: E;
  /** How many elements, a positive integer. */
  readonly length: number;
}

/** The type of a field. */
export type FieldType = ElementType | ArrayType;

/** The fields of a struct by name, in declared order. */
export interface Fields {
  /** Type of the field of that name. */
  readonly [name: string]: FieldType;
}

/** Any struct, whatever its fields. */
export type AnyStruct = Struct<Fields>;

/** The struct that `T` is, or that a pool makes of it when `T` is plain fields. */
export type StructOf<T extends AnyStruct | Fields> = T extends AnyStruct ? T
  : T extends Fields ? Struct<T>
  : never;

/**
 * Names of a struct's fields.
 *
 * @typeParam T The struct type, or the plain fields it is made of.
 */
export type FieldName<T extends AnyStruct | Fields> = keyof StructOf<T>["fields"] & string;

/**
 * The plain value of a field.
 *
 * @typeParam T The field's type.
 * @typeParam Self The struct that has the field, for links to its own kind.
 */
export type ValueOf<T, Self = unknown> = T extends "i64" | "u64" ? bigint
  : T extends "bool" ? boolean
  : T extends "ref" ? AnyHandle
  : T extends ScalarType ? number
  : T extends RefType<infer S>
    ? S extends AnyStruct ? Handle<S> : Self extends AnyStruct ? Handle<Self> : AnyHandle
  : T extends ArrayType<infer E> ? ValueOf<E, Self>[]
  : T extends Struct<infer F> ? { -readonly [K in keyof F]: ValueOf<F[K], T> }
  : never;

/**
 * What a field can be written from. `null` in a `ref` is the null handle.
 *
 * @typeParam T The field's type.
 * @typeParam Self The struct that has the field, for links to its own kind.
 */
export type InitOf<T, Self = unknown> = T extends ArrayType<infer E> ? ItemsOf<InitOf<E, Self>>
  : T extends Struct<infer F> ? { readonly [K in keyof F]?: InitOf<F[K], T> }
  : T extends "ref" | RefType ? ValueOf<T, Self> | null
  : ValueOf<T>;

/**
 * What an array field can be written from: anything array-like, or a view of an array.
 *
 * @typeParam T What an element can be written from.
 */
export type ItemsOf<T> = ArrayLike<T> | {
  /** How many elements. */
  readonly length: number;
  /** Gives an element; no other object than a view of an array is read by it. */
  get(i: number): T;
  /** As those views have. */
  copyFrom(values: never): void;
};

/**
 * The plain value of a record: what `view.toJSON()` gives.
 *
 * @typeParam S The struct type.
 *
 * @example Usage
 * ```ts
 * import { type Infer, struct } from "@slabs/pool";
 *
 * const Enemy = struct({ hp: "u16", alive: "bool" });
 * type Enemy = Infer<typeof Enemy>;
 * const boss: Enemy = { hp: 900, alive: true };
 * ```
 */
export type Infer<S extends AnyStruct> = ValueOf<S>;

/**
 * What `alloc` and `set` take: any of the fields, nested structs in part or whole, arrays as anything array-like, and `null` for the
 * null handle.
 *
 * @typeParam S The struct type, or the plain fields it is made of.
 */
export type Init<S extends AnyStruct | Fields> = InitOf<StructOf<S>>;

/** Where a field lies in its record. */
export interface Field<T extends FieldType = FieldType> {
  /** Its type, as declared. */
  readonly type: T;
  /** Bytes from the start of the record. */
  readonly offset: number;
  /** Bytes that it takes, all elements of an array together. */
  readonly size: number;
  /** Bytes that its address is a multiple of. */
  readonly align: number;
  /** Elements of an array; 1 for anything else. */
  readonly length: number;
}

/**
 * Options of {@linkcode struct}.
 *
 * @typeParam N The name.
 */
export interface StructOptions<N extends string = string> {
  /** Shown in errors, those of the compiler included, and in the layout table. @default {""} */
  readonly name?: N;
  /**
   * `"c"`: fields in declared order, as a C compiler lays them out. `"compact"`: ordered by alignment, largest
   * first, so that no padding is left between them. @default {"c"}
   */
  readonly layout?: "c" | "compact";
}

/** An identifier; `$` may start it, `_` may not, since views keep their own state under it. */
const FIELD_NAME = /^[\p{ID_Start}$][\p{ID_Continue}$]*$/u;

/** Names that a view needs for itself. */
const RESERVED_NAMES: ReadonlySet<string> = new Set(["constructor", "toJSON"]);

/**
 * A struct type: named fields at fixed byte offsets. Made by {@linkcode struct}; immutable.
 *
 * @typeParam F The fields.
 * @typeParam N The name, where the compiler knows it.
 */
export class Struct<F extends Fields = Fields, N extends string = string> {
  /** Shown in errors; `""` when none was given. */
  readonly name: N;
  /** Bytes of a record, as C's `sizeof`: a multiple of `align`. */
  readonly size: number;
  /** Bytes that a record's address is a multiple of: 1, 2, 4 or 8. */
  readonly align: number;
  /** The fields by name, in declared order. */
  readonly fields: { readonly [K in keyof F]: Field<F[K]> };

  /**
   * Lays the fields out; {@linkcode struct} says it shorter.
   *
   * @param fields The fields in declared order.
   * @param options Name and layout.
   * @throws {SchemaError} as {@linkcode struct} does.
   */
  constructor(fields: F, options: StructOptions<N> = {}) {
    const problem = optionsProblem(options, ["name", "layout"]);
    if (problem !== undefined) {
      const given: unknown = options?.name;
      const name = typeof given === "string" ? given : "";
      throw new SchemaError(`Cannot define ${titleOf(name)}: ${problem}`, name, "");
    }
    const { name = "", layout = "c" } = options;
    if (layout !== "c" && layout !== "compact") {
      throw new SchemaError(
        `Cannot define ${titleOf(name)}: layout must be "c" or "compact", got ${String(layout)}`,
        name,
        "",
      );
    }
    const types = Object.entries(fields ?? {}); // null and undefined have no fields either
    for (const symbol of Object.getOwnPropertySymbols(fields ?? {})) {
      throw fieldError(name, String(symbol), "has a name that is not an identifier");
    }
    if (types.length === 0) {
      throw new SchemaError(`Cannot define ${titleOf(name)}: it has no fields`, name, "");
    }
    const placed = types.map(([field, type]) => {
      checkFieldName(name, field);
      return { field, type, offset: 0, ...measure(name, field, type) };
    });
    const ordered = layout === "c" ? placed : placed.toSorted((a, b) => b.align - a.align);
    let end = 0;
    for (const it of ordered) {
      it.offset = roundUp(end, it.align);
      end = it.offset + it.size;
    }
    this.name = name as N; // "" for those that have none, of which the compiler knows no name
    this.align = Math.max(...placed.map((it) => it.align));
    this.size = roundUp(end, this.align);
    const entries = placed.map(({ field, type, offset, size, align, length }) => [
      field,
      Object.freeze({ type, offset, size, align, length }),
    ]);
    // The entries are F's own keys in F's own order, which Object.fromEntries cannot tell the compiler.
    this.fields = Object.freeze(Object.fromEntries(entries)) as { [K in keyof F]: Field<F[K]> };
    Object.freeze(this);
  }

  /**
   * Draws the layout as a table, one line a field in the order of their bytes, the padding visible.
   *
   * @returns The table, without a newline at the end.
   *
   * @example Usage
   * ```ts
   * import { struct } from "@slabs/pool";
   * import { assertEquals } from "@std/assert";
   *
   * const Enemy = struct({ alive: "bool", hp: "u16", pos: "f32" }, { name: "Enemy" });
   * assertEquals(
   *   String(Enemy),
   *   `struct Enemy: 8 bytes, align 4, 1 byte of padding
   * offset  size  type  field
   *      0     1  bool  alive
   *      1     1  ·     (padding)
   *      2     2  u16   hp
   *      4     4  f32   pos`,
   * );
   * ```
   */
  toString(): string {
    return toTable(this);
  }

  /**
   * Declares the struct in C, for WebAssembly modules and native libraries that read a pool's bytes. It is C11 and C++11 alike.
   *
   * The fields stand in the order of their bytes and the padding is declared as well, as members `_pad0`, `_pad1` and so on; a
   * `static_assert` has the compiler check the size. `bool` is C's, a `ref` is a `uint32_t`. `f16` is `_Float16`, which GCC has
   * from 12 (C++ from 13) and Clang from 15 on x86; MSVC has none.
   *
   * Structs that are nested come first, each once, under their own names; one without a name has that of its field, the first
   * letter in upper case, and `Record` is the name of the outermost. Where two have one name, the later is `Name_2`. In a name any
   * character but ASCII letters, digits and `_`, and a first one that is no letter, becomes `u` and its code point: `$hp` is
   * `u0024hp`. A name that C or C++ or the headers have another use for gets a `_` at its end: `int` is `int_`.
   *
   * @param more Other structs to declare in the same text, so that those nested in several are declared once.
   * @returns The text, without a newline at the end.
   * @throws {SchemaError} when one of `more` is not a struct.
   *
   * @example Usage
   * ```ts
   * import { struct } from "@slabs/pool";
   * import { assertEquals } from "@std/assert";
   *
   * const Enemy = struct({ alive: "bool", hp: "u16", pos: "f32" }, { name: "Enemy" });
   * const [includes, declaration] = Enemy.toC().split("\n\n");
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
  toC(...more: AnyStruct[]): string {
    return toC(checked(this, more, "C"));
  }

  /**
   * Declares the struct in WGSL, for storage buffers that a pool's blocks are copied into as they are: a block is an
   * `array<Enemy>`. It is not for uniform buffers, which align arrays and nested structs to 16 bytes.
   *
   * Storage buffers have `i32`, `u32`, `f32` and `f16`, and `ref` as `u32`. For `f16` the shader has to begin with `enable f16;`,
   * and a comment in the text says so. Where padding follows a field, its attribute `@size` counts it in.
   *
   * Order and names are as {@linkcode Struct.toC} has them, with the keywords, the reserved words (`target` and `self` are among
   * them) and, for structs, the types and address spaces of WGSL: a field `target` is `target_` in the shader.
   *
   * @param more Other structs to declare in the same text, so that those nested in several are declared once.
   * @returns The text, without a newline at the end.
   * @throws {SchemaError} when a field, of nested structs as well, has a type that storage buffers do not have; when one of `more` is
   * not a struct.
   *
   * @example Usage
   * ```ts
   * import { SchemaError, struct } from "@slabs/pool";
   * import { assertEquals, assertThrows } from "@std/assert";
   *
   * const Vec2 = struct({ x: "f32", y: "f32" }, { name: "Vec2" });
   * const Enemy = struct({ pos: Vec2, hp: "u32", target: "ref" }, { name: "Enemy" });
   * assertEquals(
   *   Enemy.toWGSL(),
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
   * assertThrows(() => struct({ hp: "u16" }).toWGSL(), SchemaError, 'field "hp" has type "u16"');
   * ```
   */
  toWGSL(...more: AnyStruct[]): string {
    return toWGSL(checked(this, more, "WGSL"));
  }
}

/**
 * Defines a struct type.
 *
 * The layout is C's: fields in declared order, each at its natural alignment, the size rounded up to the largest.
 *
 * @typeParam F The fields, inferred.
 * @typeParam N The name, inferred. Handles of structs are told apart by it, see {@linkcode Handle}.
 * @param fields Types by name: scalars, other structs, {@linkcode array}, {@linkcode ref}.
 * @param options Name and layout.
 * @returns The struct, immutable.
 * @throws {SchemaError} when there is no field, a type is unknown, or a field's name is not an identifier, starts
 * with `_`, or is `constructor` or `toJSON`; when an option is unknown; and for `f16` where the engine has no `Float16Array`.
 *
 * @example Usage
 * ```ts
 * import { array, ref, struct } from "@slabs/pool";
 * import { assertEquals } from "@std/assert";
 *
 * const Vec2 = struct({ x: "f32", y: "f32" }, { name: "Vec2" });
 * const Enemy = struct({
 *   pos: Vec2,
 *   hp: "u16",
 *   alive: "bool",
 *   color: array("u8", 4),
 *   target: ref(Vec2),
 * }, { name: "Enemy" });
 * assertEquals(Enemy.size, 20);
 * assertEquals(Enemy.fields.target.offset, 16);
 * ```
 */
export function struct<F extends Fields, const N extends string = string>(
  fields: F,
  options?: StructOptions<N>,
): Struct<F, N> {
  return new Struct(fields, options);
}

/**
 * The type of a fixed-length array field.
 *
 * @typeParam E Type of an element, inferred.
 * @param element A scalar, a struct or a {@linkcode ref}.
 * @param length How many, a positive integer.
 * @returns The type, to be used as a field of {@linkcode struct}, which checks it.
 *
 * @example Usage
 * ```ts
 * import { array, struct } from "@slabs/pool";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(struct({ rgba: array("u8", 4) }).size, 4);
 * ```
 */
export function array<E extends ElementType>(element: E, length: number): ArrayType<E> {
  return Object.freeze({ kind: "array", element, length });
}

/**
 * The type of a link to a record of another struct, or, with `"self"`, of the struct that the field is in.
 *
 * `null` may be written to it, as the null handle, 0; it reads as that. TypeScript knows so wherever it writes plain values, as
 * in `alloc`, `set` and `copyFrom`; at a view's own field, whose type is the same to read and to write, it wants `NULL_HANDLE`.
 *
 * In a struct that is nested in another `"self"` stays the nested one. Of two structs that refer to each other one comes first: it
 * has an untyped `"ref"`, whose handles pass for those of any struct.
 *
 * @typeParam S Struct type of the record, inferred.
 * @param target Struct of the record; `"self"` for the one that has the field.
 * @returns The type, to be used as a field of {@linkcode struct}, which checks it.
 *
 * @example Usage
 * ```ts
 * import { Pool, ref, struct } from "@slabs/pool";
 * import { assertEquals } from "@std/assert";
 *
 * const Ship = struct({ hp: "u16" });
 * using ships = new Pool(Ship);
 * using missiles = new Pool({ target: ref(Ship) });
 * const missile = missiles.alloc({ target: ships.alloc({ hp: 9 }) });
 * assertEquals(ships.get(missiles.get(missile).target).hp, 9);
 * ```
 *
 * @example A struct that refers to itself
 * ```ts
 * import { array, Pool, ref, struct } from "@slabs/pool";
 * import { assertEquals } from "@std/assert";
 *
 * const Node = struct({ value: "u8", next: ref("self"), near: array(ref("self"), 2) }, { name: "Node" });
 * using nodes = new Pool(Node);
 * const last = nodes.alloc({ value: 2, next: null });
 * const first = nodes.alloc({ value: 1, next: last, near: [last, null] });
 * const { next } = nodes.get(first); // a Handle<"Node">
 * assertEquals(nodes.get(next).value, 2);
 * assertEquals(nodes.has(nodes.get(next).next), false);
 * ```
 */
export function ref<S extends AnyStruct | "self">(target: S): RefType<S> {
  return Object.freeze({ kind: "ref", target });
}

/**
 * Tells the size of an element.
 *
 * @param type Type of an element.
 * @returns Bytes that an element takes.
 */
export function elementBytes(type: ElementType): number {
  return type instanceof Struct ? type.size : SCALARS[scalarOf(type)].bytes;
}

/**
 * Tells how a scalar or a link is stored.
 *
 * @param type A scalar type or a typed link.
 * @returns The scalar that it is stored as.
 */
export function scalarOf(type: ScalarType | RefType): ScalarType {
  return typeof type === "string" ? type : "ref";
}

/**
 * Tells what a field holds, one or many.
 *
 * @param type Type of a field.
 * @returns Type of its elements where it is an array; else the type itself.
 */
export function elementOf(type: FieldType): ElementType {
  return typeof type === "object" && "element" in type ? type.element : type;
}

function isScalar(value: unknown): value is ScalarType {
  return typeof value === "string" && Object.hasOwn(SCALARS, value);
}

/** The next multiple of a power of two; in whole numbers, since a quotient would stay a float to the engine. */
function roundUp(bytes: number, align: number): number {
  return (bytes + align - 1) & -align;
}

/** Structs to declare in one text, which all have to be structs. */
function checked(struct: AnyStruct, more: readonly AnyStruct[], language: string): AnyStruct[] {
  for (const it of more) {
    if (it instanceof Struct) continue;
    throw declareError(struct.name, language, `${showValue(it)} is not a struct`, "");
  }
  return [struct, ...more];
}

function fieldError(struct: string, field: string, problem: string): SchemaError {
  const title = struct === "" ? "struct" : `struct "${struct}"`;
  return new SchemaError(`Cannot define ${title}: field "${field}" ${problem}`, struct, field);
}

function checkFieldName(struct: string, field: string): void {
  if (RESERVED_NAMES.has(field)) {
    throw fieldError(struct, field, "has a name that every view uses for itself");
  }
  if (field.startsWith("_")) {
    throw fieldError(struct, field, "starts with _, as a view's own state does");
  }
  if (!FIELD_NAME.test(field)) {
    throw fieldError(struct, field, "has a name that is not an identifier");
  }
}

/** Size and alignment of a field, or the error that its type deserves. */
function measure(
  struct: string,
  field: string,
  type: FieldType,
): { size: number; align: number; length: number } {
  if (type instanceof Struct) return { size: type.size, align: type.align, length: 1 };
  if (isScalar(type)) return { ...measureScalar(struct, field, type), length: 1 };
  if (typeof type === "object" && type !== null && type.kind === "ref") {
    const { target } = type;
    if (target instanceof Struct || target === "self") return { size: 4, align: 4, length: 1 };
    throw fieldError(struct, field, `is a ref to ${showValue(target)}, which is not a struct`);
  }
  if (typeof type !== "object" || type === null || type.kind !== "array") {
    throw fieldError(struct, field, `has unknown type ${showValue(type)}`);
  }
  const { element, length } = type;
  if (!Number.isInteger(length) || length < 1) {
    throw fieldError(
      struct,
      field,
      `must have an array length that is a positive integer, got ${showValue(length)}`,
    );
  }
  // Typed as an element, yet plain JavaScript may pass anything.
  if ((element as { kind?: unknown } | null)?.kind === "array") {
    throw fieldError(
      struct,
      field,
      "is an array of arrays: put a struct in between, or multiply the lengths",
    );
  }
  const { size, align } = measure(struct, field, element);
  return { size: size * length, align, length };
}

function measureScalar(
  struct: string,
  field: string,
  type: ScalarType,
): { size: number; align: number } {
  if (type === "f16" && !("Float16Array" in globalThis)) {
    throw fieldError(
      struct,
      field,
      'has type "f16", and this engine has no Float16Array: use "f32"',
    );
  }
  const { bytes } = SCALARS[type];
  return { size: bytes, align: bytes };
}
