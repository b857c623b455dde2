/**
 * Plain values that report each read, and all that a write can change, for the tests of writers.
 *
 * @module
 */
import { array, type Fields, ref, snapshot, type Struct, struct } from "../../mod.ts";
import type { OfKind } from "../_kinds.ts";

/** A plain value of a record or of a nested struct. */
export type Plain = Record<string, unknown>;

/** Everything of a pool that can change, with every byte of its records and metadata. */
export function stateOf({ pool }: OfKind): unknown {
  // One string, which compares fast.
  const bytes = new TextDecoder("latin1").decode(snapshot(pool, undefined, { checksum: false }));
  return { bytes, ...pool.stats() };
}

export const Vec: Struct<{ readonly x: "f32"; readonly y: "f32" }> = struct(
  { x: "f32", y: "f32" },
  { name: "Vec" },
);
const Line = struct({ from: Vec, to: Vec }, { name: "Line" });
const Trail = struct({ ages: array("u8", 2), dots: array(Vec, 2) }, { name: "Trail" });

const MANY = 60;

/** Fields of every kind, each between others, which show a write beyond it. */
export const Whole: Struct<Fields> = struct({
  id: "u8",
  pos: Vec,
  line: Line,
  edge: Line,
  color: array("u8", 3),
  flags: array("bool", 2),
  reals: array("f64", 3),
  links: array(ref(Vec), 2),
  dots: array(Vec, 3),
  trails: array(Trail, 2),
  many: array(Vec, MANY), // too long for a chain of calls
  big: "i64",
  link: "ref",
  on: "bool",
  last: "u8",
}, { name: "Whole" }) as unknown as Struct<Fields>; // the tests use its fields by name

/** A value with all fields. The arrays are full, except the long one. */
export function wholeValue(): Plain {
  return {
    id: 1,
    pos: { x: 0.5, y: 1.5 },
    line: { from: { x: 2, y: 3 }, to: { x: 4, y: 5 } },
    edge: { from: { x: 6, y: 7 }, to: { x: 8, y: 9 } },
    color: [10, 11, 12],
    flags: [true, false],
    reals: [13.5, 14.5, 15.5],
    links: [16, 17],
    dots: [{ x: 18, y: 19 }, { x: 20, y: 21 }, { x: 22, y: 23 }],
    trails: [
      { ages: [24, 25], dots: [{ x: 26, y: 27 }, { x: 28, y: 29 }] },
      { ages: [30, 31], dots: [{ x: 32, y: 33 }, { x: 34, y: 35 }] },
    ],
    many: [{ x: 36, y: 37 }, { x: 38, y: 39 }],
    big: -40n,
    link: 41,
    on: true,
    last: 42,
  };
}

/** The same value as it is read from a record: the long array has all elements. */
export function asRead(value: Plain): Plain {
  const many = value.many as readonly unknown[];
  const zeros = Array.from({ length: MANY - many.length }, () => ({ x: 0, y: 0 }));
  return { ...value, many: [...many, ...zeros] };
}

/** Called when a part of a value is read, with the path of the part. */
type OnRead = (path: string) => void;

/** Ways to make a value that reports each read. */
export const READERS: Readonly<Record<string, (value: Plain, onRead: OnRead) => Plain>> = {
  "getters": (value, onRead) => withGetters(value, onRead, "", false) as Plain,
  "getters of a class": (value, onRead) => withGetters(value, onRead, "", true) as Plain,
  "proxies": (value, onRead) => proxied(value, onRead, "") as Plain,
};

function isParent(value: unknown): value is Plain {
  return typeof value === "object" && value !== null;
}

function join(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}

/** Names of the properties that are read: of an array also its length. */
function namesIn(value: Plain): string[] {
  return Array.isArray(value) ? ["length", ...Object.keys(value)] : Object.keys(value);
}

/**
 * Lists the paths of all parts of a value.
 *
 * @param value A plain value.
 * @param path Path of the value.
 * @returns The paths.
 */
export function pathsIn(value: unknown, path = ""): string[] {
  if (!isParent(value)) return [];
  return namesIn(value).flatMap((name) => {
    const inner = join(path, name);
    return [inner, ...pathsIn(value[name], inner)];
  });
}

/**
 * Copies a value with getters for properties; an array becomes an array-like object.
 *
 * @param isOfClass Whether the getters are those of a class, inherited and not enumerable.
 */
function withGetters(value: unknown, onRead: OnRead, path: string, isOfClass: boolean): unknown {
  if (!isParent(value)) return value;
  class Value {}
  const copy = isOfClass ? new Value() : {};
  for (const name of namesIn(value)) {
    const inner = join(path, name);
    const part = withGetters(value[name], onRead, inner, isOfClass);
    const get = () => {
      onRead(inner);
      return part;
    };
    const enumerable = !isOfClass && name !== "length";
    Object.defineProperty(isOfClass ? Value.prototype : copy, name, { get, enumerable });
  }
  return copy;
}

function proxied(value: unknown, onRead: OnRead, path: string): unknown {
  if (!isParent(value)) return value;
  const copy = Array.isArray(value)
    ? value.map((part, i) => proxied(part, onRead, join(path, String(i))))
    : Object.fromEntries(
      Object.entries(value).map(([name, part]) => [name, proxied(part, onRead, join(path, name))]),
    );
  return new Proxy(copy, {
    get(target, name) {
      // Inherited properties such as `constructor` are read too.
      if (typeof name === "string" && Object.hasOwn(target, name)) onRead(join(path, name));
      return Reflect.get(target, name);
    },
  });
}
