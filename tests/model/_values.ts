/**
 * Values of records: the structs of the model tests, random plain values for them, and what writing
 * does to such a value.
 *
 * @module
 */
import fc from "fast-check";
import { array, ref, Struct, struct } from "../../mod.ts";
import type { AnyStruct, ArrayType, FieldType, ScalarType } from "../../mod.ts";
import { untyped } from "../_support.ts";
import type { Random } from "../_random.ts";

/** The class of the arrays of each scalar type. */
export const ARRAYS: Readonly<Record<ScalarType, ArrayClass>> = {
  ...{ i8: Int8Array, u8: Uint8Array, bool: Uint8Array, i16: Int16Array, u16: Uint16Array },
  ...{ f16: Float16Array, i32: Int32Array, u32: Uint32Array, ref: Uint32Array },
  ...{ f32: Float32Array, f64: Float64Array, i64: BigInt64Array, u64: BigUint64Array },
};
type ArrayClass = {
  new (of: number | ArrayBuffer): ArrayLike<unknown> & Iterable<unknown>;
  readonly BYTES_PER_ELEMENT: number;
};

/** The 13 scalar types. */
export const SCALARS = Object.keys(ARRAYS) as readonly ScalarType[];

/** Structs by fast-check, of fields from few names so that two of them share some. */
function structs(types: fc.Arbitrary<FieldType>, name: string): fc.Arbitrary<AnyStruct> {
  const field = fc.tuple(fc.constantFrom("a", "b", "c", "d", "e", "f"), types);
  const selector = ([name]: [string, FieldType]) => name;
  const fields = fc.uniqueArray(field, { selector, minLength: 1, maxLength: 6 });
  return fc.tuple(fields, fc.constantFrom("c" as const, "compact" as const))
    .map(([list, layout]) => struct(Object.fromEntries(list), { name, layout }) as AnyStruct);
}

const scalars = fc.constantFrom(...SCALARS);
const elements = fc.oneof(scalars, scalars, structs(scalars, "Inner"));
const arrays = fc.tuple(elements, fc.integer({ min: 1, max: 4 })).map(([it, n]) => array(it, n));
export const anyStruct: fc.Arbitrary<AnyStruct> = structs(fc.oneof(elements, arrays), "Outer");

/** A record or a part of one as a plain object. */
export type Plain = Record<string, unknown>;

/** Structs by name. */
export type Structs = Readonly<
  Record<"Byte" | "Odd" | "Leaf" | "Part" | "Node" | "Scalars" | "North" | "South", AnyStruct>
>;

/** Structs that no pool has seen, so that no code has been compiled for them yet. */
export function makeStructs(): Structs {
  const Vec2 = struct({ x: "f32", y: "f32" }, { name: "Vec2" });
  const Byte = struct({ a: "u8" }, { name: "Byte" });
  const Odd = struct({ a: "u8", b: "bool", c: "u8" }, { name: "Odd" });
  const Leaf = struct({ n: "u32", next: ref("self"), loose: "ref" }, { name: "Leaf" });
  const Part = struct({ tag: "u8", leaf: ref(Leaf), part: ref("self") }, { name: "Part" });
  const Node = struct({
    at: Vec2,
    next: ref("self"),
    leaf: ref(Leaf),
    parts: array(Part, 2),
    near: array(ref("self"), 2),
    loose: array("ref", 2),
  }, { name: "Node" });
  const Scalars = struct({
    ...{ a: "i8", b: "u8", c: "i16", d: "u16", e: "i32", f: "u32", g: "i64", h: "u64" } as const,
    ...{ i: "f16", j: "f32", k: "f64", l: "bool", m: "ref" } as const,
    deep: struct({ inner: Vec2, of: array("u8", 3) }),
    trail: array(Vec2, 2),
  }, { name: "Scalars" });
  // Their links are at the same places, so that a pool without types can find them.
  const even = { next: ref("self"), near: array(ref("self"), 2) };
  const North = struct({ ...even, n: "u32", x: "f32" }, { name: "North" });
  const South = struct({ next: ref(North), near: even.near, n: "i16", on: "bool" }, {
    name: "South",
  });
  return { Byte, Odd, Leaf, Part, Node, Scalars, North, South };
}

export function isArray(type: FieldType): type is ArrayType {
  return typeof type === "object" && "element" in type;
}

/** Returns a plain record of what a function returns for each field. */
export function mapFields(
  type: AnyStruct,
  fn: (type: FieldType, name: string) => unknown,
): Plain {
  const entries = Object.entries(type.fields);
  return Object.fromEntries(entries.map(([name, field]) => [name, fn(field.type, name)]));
}

/**
 * Returns a value of a type, made of what a function returns for each of its leaves.
 *
 * @param leafOf Gets the type of a leaf, which is of a typed link the struct that it is to, and
 * what the values have in its place.
 * @param values Other values of the type, or parts of such.
 */
export function mapLeaves(
  type: FieldType,
  leafOf: (leaf: ScalarType | AnyStruct, ...values: unknown[]) => unknown,
  ...values: unknown[]
): unknown {
  const walk = (type: FieldType, self: AnyStruct, values: unknown[]): unknown => {
    const at = (key: string | number) => values.map((it) => (it as Plain | undefined)?.[key]);
    if (type instanceof Struct) return mapFields(type, (it, name) => walk(it, type, at(name)));
    if (isArray(type)) {
      return Array.from({ length: type.length }, (_, i) => walk(type.element, self, at(i)));
    }
    if (typeof type === "string") return leafOf(type, ...values);
    return leafOf(type.target === "self" ? self : type.target, ...values);
  };
  return walk(type, untyped(type), values);
}

/** A value of which every scalar is zero. */
export function zeroOf(type: FieldType): unknown {
  return mapLeaves(type, (it) => it === "bool" ? false : it === "i64" || it === "u64" ? 0n : 0);
}

/** A whole value that the type holds exactly. Its typed links are what a function returns. */
export function valueOf(
  type: FieldType,
  random: Random,
  linkTo: (target: AnyStruct) => number = () => random.bits(),
): unknown {
  return mapLeaves(type, (it) => typeof it === "string" ? scalarOf(it, random) : linkTo(it));
}

function scalarOf(type: ScalarType, random: Random): unknown {
  if (type === "bool") return random.oneIn(2);
  const isSpecial = type.startsWith("f") && random.oneIn(16);
  if (isSpecial) return random.pick([-0, NaN, Infinity, -Infinity]);
  const [value] = new ARRAYS[type](Uint32Array.of(random.bits(), random.bits()).buffer);
  return Number.isNaN(value) ? 0 : value; // that of some other bits may be stored as any NaN
}

/** Leaves some of the fields and the last elements of arrays out of a value, as an `Init` may. */
export function someOf(type: FieldType, value: unknown, random: Random): unknown {
  if (type instanceof Struct) {
    const names = Object.keys(type.fields).filter(() => !random.oneIn(6));
    const part = (name: string) => {
      if (random.oneIn(8)) return undefined; // is as if it was left out
      return someOf(type.fields[name].type, (value as Plain)[name], random);
    };
    return Object.fromEntries(names.map((name) => [name, part(name)]));
  }
  if (!isArray(type)) return value;
  const items = (value as unknown[]).slice(0, random.below(type.length + 1));
  return items.map((it) => someOf(type.element, it, random));
}

/** The value of a record after a part of it was written. */
export function merge(type: FieldType, value: unknown, part: unknown): unknown {
  return mapLeaves(type, (_, was, now) => now === undefined ? was : now, value, part);
}

/** Whether two plain values are equal: NaN is NaN, and -0 is not 0. */
export function isSame(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  const keys = Object.keys(b);
  return keys.length === Object.keys(a).length &&
    keys.every((key) => isSame((a as Plain)[key], (b as Plain)[key]));
}
