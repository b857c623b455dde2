/**
 * Structs: the types of fields, `struct()`, the layout of a record in bytes, and the inferred
 * types.
 *
 * @module
 */
import { optionsProblem } from "../messages/nearest.ts";
import { showValue } from "../messages/show.ts";
import { SchemaError } from "../errors.ts";
import type { AnyHandle, Handle } from "./handle_type.ts";
import { SCALAR_BYTES, type ScalarType, shiftOf } from "./scalars.ts";
import { toTable } from "./table.ts";

export type { ScalarType } from "./scalars.ts";

/**
 * A typed link to a record of `S`: 4 bytes that hold a compact `Handle<S>`. Made by
 * {@linkcode ref}.
 *
 * @category Structs and views
 * @typeParam S The struct type; `"self"` for the struct that has the link.
 */
export interface RefType<S extends AnyStruct | "self" = AnyStruct | "self"> {
  /** Discriminates the kinds of types. */
  readonly kind: "ref";
  /** Struct of the linked record; `"self"` is the struct that has the link. */
  readonly target: S;
}

/**
 * The type of an array element.
 *
 * @category Structs and views
 */
export type ElementType = ScalarType | RefType | AnyStruct;

/**
 * The type of an array of fixed length. Made by {@linkcode array}.
 *
 * @category Structs and views
 */
export interface ArrayType<E extends ElementType = ElementType> {
  /** Discriminates the kinds of types. */
  readonly kind: "array";
  /** Type of each element. */
  readonly element: E;
  /** Number of elements, a positive integer. */
  readonly length: number;
}

/**
 * The type of a field.
 *
 * @category Structs and views
 */
export type FieldType = ElementType | ArrayType;

/**
 * The types of a struct's fields by name, in declared order.
 *
 * @category Structs and views
 */
export interface Fields {
  /** Type of the field of that name. */
  readonly [name: string]: FieldType;
}

/**
 * Any struct.
 *
 * @category Structs and views
 */
export type AnyStruct = Struct<Fields>;

/**
 * `T` when it is a struct; the struct that a pool makes of `T` when it is plain fields.
 *
 * @category Structs and views
 */
export type StructOf<T extends AnyStruct | Fields> = T extends AnyStruct ? T
  : T extends Fields ? Struct<T>
  : never;

/**
 * Names of a struct's fields.
 *
 * @category Structs and views
 * @internal
 * @typeParam T The struct type, or its plain fields.
 */
export type FieldName<T extends AnyStruct | Fields> = keyof StructOf<T>["fields"] & string;

/**
 * The plain value of a field.
 *
 * @category Structs and views
 * @typeParam T The field's type.
 * @typeParam Self The struct that has the field, for `ref("self")`.
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
 * A value that can be written to a field. `null` in a `ref` is the null handle.
 *
 * @category Structs and views
 * @typeParam T The field's type.
 * @typeParam Self The struct that has the field, for `ref("self")`.
 */
export type InitOf<T, Self = unknown> = T extends ArrayType<infer E> ? ItemsOf<InitOf<E, Self>>
  : T extends Struct<infer F> ? { readonly [K in keyof F]?: InitOf<F[K], T> | undefined }
  : T extends "ref" | RefType ? ValueOf<T, Self> | null
  : ValueOf<T>;

/**
 * A value that can be written to an array field: an array-like object, or a view of an array.
 *
 * @category Structs and views
 * @internal
 * @typeParam T A value that can be written to an element.
 */
export type ItemsOf<T> = ArrayLike<T> | {
  /** Number of elements. */
  readonly length: number;
  /** Returns an element. Called only on a view of an array. */
  get(i: number): T;
  /** Only views of arrays have it. */
  copyFrom(values: never): void;
};

/**
 * The plain value of a record, as `view.toJSON()` returns it.
 *
 * @category Structs and views
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
export type Infer<S extends AnyStruct | Fields> = ValueOf<StructOf<S>>;

/**
 * The value that `alloc` and `set` take: some or all fields, also of nested structs, array-like
 * objects for arrays, and `null` for the null handle.
 *
 * @category Structs and views
 * @typeParam S The struct type, or its plain fields.
 */
export type Init<S extends AnyStruct | Fields> = InitOf<StructOf<S>>;

/**
 * The place of a field in its record.
 *
 * @category Structs and views
 */
export interface Field<T extends FieldType = FieldType> {
  /** Its type, as declared. */
  readonly type: T;
  /** Bytes from the start of the record. */
  readonly offset: number;
  /** Size in bytes, of all elements of an array together. */
  readonly size: number;
  /** Alignment in bytes. */
  readonly align: number;
  /** Number of elements of an array; otherwise 1. */
  readonly length: number;
}

/**
 * Options of {@linkcode struct}.
 *
 * @category Structs and views
 * @typeParam N The name.
 */
export interface StructOptions<N extends string = string> {
  /** Name for errors, also those of the compiler, and for the layout table. @default {""} */
  readonly name?: N | undefined;
  /**
   * `"c"`: fields in declared order, as a C compiler lays them out. `"compact"`: fields by
   * alignment, largest first, so that there is no padding between them. @default {"c"}
   */
  readonly layout?: "c" | "compact" | undefined;
}

/**
 * A field's name: an identifier. It cannot start with `_`, as the names of a view's state do, nor
 * be one of the two members that every view has.
 */
const FIELD_NAME = /^(?!(constructor|toJSON)$)[\p{ID_Start}$][\p{ID_Continue}$]*$/u;

const BAD_NAME = "must be an identifier without _ at its start, and not constructor or toJSON";

/**
 * A struct: named fields at fixed byte offsets. Made by {@linkcode struct}; immutable.
 *
 * @category Structs and views
 * @typeParam F The fields.
 * @typeParam N The name, if the compiler knows it.
 */
export class Struct<F extends Fields = Fields, N extends string = string> {
  /** Name for errors; `""` when none was given. */
  readonly name: N;
  /** Size of a record in bytes, as C's `sizeof`: a multiple of `align`. */
  readonly size: number;
  /** Alignment of a record in bytes: 1, 2, 4 or 8. */
  readonly align: number;
  /** The fields by name, in declared order. */
  readonly fields: { readonly [K in keyof F]: Field<F[K]> };

  /**
   * Lays the fields out, as {@linkcode struct} does.
   *
   * @param fields The fields in declared order.
   * @param options Name and layout.
   * @throws {SchemaError} as {@linkcode struct} does.
   */
  constructor(fields: F, options: StructOptions<N> = {}) {
    const { name: given = "", layout = "c" } = options ?? {};
    const isNamed = typeof given === "string"; // plain JavaScript may pass anything
    const name = (isNamed ? given : "") as N; // without a name N is `string`
    const problem = optionsProblem(options, ["name", "layout"]) ?? (
      !isNamed
        ? `name must be a string, got ${showValue(given)}`
        : layout !== "c" && layout !== "compact"
        ? `layout must be "c" or "compact", got ${showValue(layout)}`
        : undefined
    );
    if (problem !== undefined) throw schemaError(name, problem);
    const types = Object.entries(fields ?? {}); // null and undefined have no fields either
    for (const symbol of Object.getOwnPropertySymbols(fields ?? {})) {
      throw schemaError(name, BAD_NAME, String(symbol));
    }
    if (types.length === 0) throw schemaError(name, "it has no fields");
    const laidOut = types.map(([field, type]) => {
      if (!FIELD_NAME.test(field)) throw schemaError(name, BAD_NAME, field);
      const place: Place = { type, offset: 0, length: 1, ...measure(name, field, type) };
      return [field, place] as const;
    });
    const ordered = laidOut.toSorted(([, a], [, b]) => layout === "c" ? 0 : b.align - a.align);
    let end = 0, align = 1;
    for (const [field, place] of ordered) {
      place.offset = roundUp(end, place.align);
      end = place.offset + place.size;
      align = Math.max(align, place.align);
      if (end > MAX_BYTES) {
        const problem = `ends at byte ${end}, past ${MAX_BYTES}`;
        throw schemaError(name, problem, field);
      }
      Object.freeze(place);
    }
    this.name = name;
    this.align = align;
    this.size = roundUp(end, align);
    // The entries have the keys of F, which the type of Object.fromEntries does not express.
    this.fields = Object.freeze(Object.fromEntries(laidOut)) as { [K in keyof F]: Field<F[K]> };
    Object.freeze(this);
  }

  /**
   * Prints the layout as a table: fields and padding, one a line, in the order of their bytes.
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
   *   `struct Enemy: size 8, align 4, padding 1
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
}

/**
 * Defines a struct.
 *
 * The layout is C's: fields in declared order, each at its natural alignment, the size rounded up
 * to the largest alignment.
 *
 * @category Structs and views
 * @typeParam F The fields, inferred.
 * @typeParam N The name, inferred. It identifies the struct in the types of handles, see
 * {@linkcode Handle}.
 * @param fields Types by name: scalars, other structs, {@linkcode array}, {@linkcode ref}.
 * @param options Name and layout.
 * @returns The struct, immutable.
 * @throws {SchemaError} when there is no field, a type is unknown, a field's name is not an
 * identifier, starts with `_`, or is `constructor` or `toJSON`, an option is unknown, a type is
 * `f16` and the engine has no `Float16Array`, or the size exceeds 2^30 bytes.
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
 * Makes the type of an array field.
 *
 * @typeParam E Type of an element.
 * @param element A scalar, a struct or a link.
 * @param length Number of elements.
 * @param code The code of arrays; an empty object for a struct that needs no views.
 * @returns The type.
 */
export function arrayType<E extends ElementType>(
  element: E,
  length: number,
  code: object,
): ArrayType<E> {
  const type = { kind: "array", element, length } as const;
  return Object.freeze(Object.defineProperty(type, "_code", { value: code }));
}

/**
 * Makes the type of a link to a record of another struct, or, with `"self"`, of the struct with the
 * field.
 *
 * `null` may be written to it, and is read as the null handle, 0. `alloc`, `set` and `copyFrom`
 * take `null` in TypeScript as well; a field of a view has one type for reading and writing, so
 * assign `NULL_HANDLE` there.
 *
 * In a nested struct `"self"` is the nested struct. When two structs refer to each other, the first
 * needs an untyped `"ref"`, whose handles are assignable to those of any struct.
 *
 * @category Structs and views
 * @typeParam S Struct type of the record, inferred.
 * @param target Struct of the record; `"self"` for the struct with the field.
 * @returns The type, for a field of {@linkcode struct}, which checks it.
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
 * Returns the size of an element.
 *
 * @param type Type of an element.
 * @returns Its size in bytes.
 */
export function elementBytes(type: ElementType): number {
  return type instanceof Struct ? type.size : SCALAR_BYTES[scalarOf(type)];
}

/**
 * Returns how a scalar or a link is stored.
 *
 * @param type A scalar type or a typed link.
 * @returns The scalar that it is stored as.
 */
export function scalarOf(type: ScalarType | RefType): ScalarType {
  return typeof type === "string" ? type : "ref";
}

/**
 * Returns the type of a field's elements.
 *
 * @param type Type of a field.
 * @returns Type of the elements of an array; otherwise the type itself.
 */
export function elementOf(type: FieldType): ElementType {
  return typeof type === "object" && "element" in type ? type.element : type;
}

/**
 * Chooses the unit in which the views of a struct count their offset: the width of most of its
 * fields, whose accessors are the shortest then (`placeOf` in `scalars.ts`). Of two such widths it
 * is the larger.
 *
 * @param struct A struct.
 * @returns Base-2 logarithm of the unit in bytes.
 */
export function unitOf(struct: AnyStruct): number {
  const counts = [0, 0, 0, 0];
  countWidths(struct, counts);
  return counts.lastIndexOf(Math.max(...counts));
}

/** Counts the scalars of a struct by the logarithm of their width; an array counts as one. */
function countWidths(struct: AnyStruct, counts: number[]): void {
  for (const { type } of Object.values(struct.fields)) {
    const element = elementOf(type);
    if (element instanceof Struct) countWidths(element, counts);
    else counts[shiftOf(scalarOf(element))]++;
  }
}

function isScalar(value: unknown): value is ScalarType {
  return typeof value === "string" && Object.hasOwn(SCALAR_BYTES, value);
}

/** The most bytes of a struct: no allocation is larger. */
const MAX_BYTES = 0x4000_0000;

/**
 * Rounds up to a multiple of a power of two, without a division: the engine would compute that in
 * floats.
 */
function roundUp(bytes: number, align: number): number {
  return (bytes + align - 1) & -align;
}

function schemaError(struct: string, problem: string, field?: string): SchemaError {
  const title = struct === "" ? "struct" : `struct "${struct}"`;
  const subject = field === undefined ? "" : `field "${field}" `;
  return new SchemaError(`Cannot define ${title}: ${subject}${problem}`, struct, field ?? "");
}

/** The properties of an array or a link, not checked yet. */
interface UncheckedType {
  readonly kind: unknown;
  readonly target: unknown;
  readonly element: ElementType;
  readonly length: number;
  readonly _code: unknown;
}

/** A field before its offset is known. */
type Place = { -readonly [K in keyof Field]: Field[K] };

/** Measures the type of a field, or throws when it is wrong. */
function measure(
  struct: string,
  field: string,
  type: FieldType,
): Pick<Place, "size" | "align"> & Partial<Place> {
  const error = (problem: string) => schemaError(struct, problem, field);
  if (type instanceof Struct) return { size: type.size, align: type.align };
  if (isScalar(type)) {
    if (type === "f16" && !("Float16Array" in globalThis)) {
      throw error('has type "f16", but this engine has no Float16Array: use "f32"');
    }
    const size = SCALAR_BYTES[type];
    return { size, align: size };
  }
  // Plain JavaScript may pass anything.
  const { kind, target, element, length, _code } = Object(type) as UncheckedType;
  if (kind === "ref") {
    if (target instanceof Struct || target === "self") return { size: 4, align: 4 };
    throw error(`is a ref to ${showValue(target)}, not to a struct`);
  }
  if (kind !== "array" || !_code) {
    const known = `${Object.keys(SCALAR_BYTES).join(", ")}, struct(), array() and ref()`;
    throw error(`has unknown type ${showValue(type)}, known: ${known}`);
  }
  if (!Number.isInteger(length) || length < 1) {
    throw error(`must have a length that is a positive integer, got ${showValue(length)}`);
  }
  if ((element as Partial<ArrayType> | null)?.kind === "array") {
    throw error("is an array of arrays: put a struct in between, or multiply the lengths");
  }
  const { size, align } = measure(struct, field, element);
  return { size: size * length, align, length };
}
