/**
 * Schemas: the types of fields, `struct()`, the layout of a record in bytes, and the TypeScript types inferred
 * from it.
 *
 * @module
 */
import { SchemaError } from "../errors.ts";
import type { AnyHandle, Handle } from "./ref.ts";
import { SCALARS, type ScalarType } from "./scalars.ts";

export type { ScalarType } from "./scalars.ts";

/** A typed link to a record of `S`: 4 bytes that hold a compact `Handle<S>`. Made by {@linkcode ref}. */
export interface RefType<S extends AnyStruct = AnyStruct> {
  /** Tells the kinds of types apart. */
  readonly kind: "ref";
  /** The struct that the link leads to. */
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
 * The plain value of a field.
 *
 * @typeParam T The field's type.
 */
export type ValueOf<T> = T extends "i64" | "u64" ? bigint
  : T extends "bool" ? boolean
  : T extends "ref" ? AnyHandle
  : T extends ScalarType ? number
  : T extends RefType<infer S> ? Handle<S>
  : T extends ArrayType<infer E> ? ValueOf<E>[]
  : T extends Struct<infer F> ? { -readonly [K in keyof F]: ValueOf<F[K]> }
  : never;

/**
 * What a field can be written from.
 *
 * @typeParam T The field's type.
 */
export type InitOf<T> = T extends ArrayType<infer E> ? ArrayLike<InitOf<E>>
  : T extends Struct<infer F> ? { readonly [K in keyof F]?: InitOf<F[K]> }
  : ValueOf<T>;

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
 * What `alloc` and `set` take: any of the fields, nested structs in part or whole, arrays as anything array-like.
 *
 * @typeParam S The struct type.
 */
export type Init<S extends AnyStruct> = InitOf<S>;

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

/** Options of {@linkcode struct}. */
export interface StructOptions {
  /** Shown in errors and in the layout table. @default {""} */
  readonly name?: string;
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
 */
export class Struct<F extends Fields = Fields> {
  /** Shown in errors; `""` when none was given. */
  readonly name: string;
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
  constructor(fields: F, options: StructOptions = {}) {
    const { name = "", layout = "c" } = options;
    if (layout !== "c" && layout !== "compact") {
      throw new SchemaError(
        `Cannot define ${titleOf(name)}: layout must be "c" or "compact", got ${String(layout)}`,
        name,
        "",
      );
    }
    const types = Object.entries(fields ?? {}); // null and undefined have no fields either
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
    this.name = name;
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
    const fields: [string, Field][] = Object.entries(this.fields);
    fields.sort(([, a], [, b]) => a.offset - b.offset);
    const rows: [number, number, string, string][] = [];
    let end = 0;
    const pad = (to: number) => {
      if (to > end) rows.push([end, to - end, "·", "(padding)"]);
    };
    for (const [name, { type, offset, size }] of fields) {
      pad(offset);
      rows.push([offset, size, typeName(type), name]);
      end = offset + size;
    }
    pad(this.size);
    const padding = rows.reduce((sum, [, size, type]) => type === "·" ? sum + size : sum, 0);
    const typeWidth = Math.max(4, ...rows.map(([, , type]) => type.length));
    return [
      `${titleOf(this.name)}: ${countOf(this.size)}, align ${this.align}, ${
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
}

/**
 * Defines a struct type.
 *
 * The layout is C's: fields in declared order, each at its natural alignment, the size rounded up to the largest.
 *
 * @typeParam F The fields, inferred.
 * @param fields Types by name: scalars, other structs, {@linkcode array}, {@linkcode ref}.
 * @param options Name and layout.
 * @returns The struct, immutable.
 * @throws {SchemaError} when there is no field, a type is unknown, or a field's name is not an identifier, starts
 * with `_`, or is `constructor` or `toJSON`; and for `f16` where the engine has no `Float16Array`.
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
export function struct<F extends Fields>(fields: F, options?: StructOptions): Struct<F> {
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
 * The type of a link to a record of another struct, or of this one's own kind through `"ref"`.
 *
 * @typeParam S Struct type of the record, inferred.
 * @param target Struct of the record.
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
 */
export function ref<S extends AnyStruct>(target: S): RefType<S> {
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

function isScalar(value: unknown): value is ScalarType {
  return typeof value === "string" && Object.hasOwn(SCALARS, value);
}

function titleOf(name: string): string {
  return name === "" ? "struct" : /\s/.test(name) ? `struct "${name}"` : `struct ${name}`;
}

function countOf(bytes: number): string {
  return bytes === 1 ? "1 byte" : `${bytes} bytes`;
}

/** The next multiple of a power of two; in whole numbers, since a quotient would stay a float to the engine. */
function roundUp(bytes: number, align: number): number {
  return (bytes + align - 1) & -align;
}

function typeName(type: FieldType): string {
  if (typeof type === "string") return type;
  if (type instanceof Struct) return type.name || "struct";
  if (type.kind === "ref") return `ref(${type.target.name || "struct"})`;
  return `${typeName(type.element)}[${type.length}]`;
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
    if (type.target instanceof Struct) return { size: 4, align: 4, length: 1 };
    throw fieldError(struct, field, `is a ref to ${show(type.target)}, which is not a struct`);
  }
  if (typeof type !== "object" || type === null || type.kind !== "array") {
    throw fieldError(struct, field, `has unknown type ${show(type)}`);
  }
  const { element, length } = type;
  if (!Number.isInteger(length) || length < 1) {
    throw fieldError(
      struct,
      field,
      `must have an array length that is a positive integer, got ${show(length)}`,
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

function show(value: unknown): string {
  return typeof value === "string" ? `"${value}"` : String(value);
}
