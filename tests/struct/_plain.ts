/**
 * Plain values that notice how they are read, for the tests of what writes them to records.
 *
 * @module
 */
import { array, type Fields, ref, type Struct, struct } from "../../mod.ts";

type Plain = Record<string, unknown>;

export const Vec: Struct<{ readonly x: "f32"; readonly y: "f32" }> = struct(
  { x: "f32", y: "f32" },
  { name: "Vec" },
);
const Line = struct({ from: Vec, to: Vec }, { name: "Line" });
const Trail = struct({ ages: array("u8", 2), dots: array(Vec, 2) }, { name: "Trail" });

const MANY = 60;

/** Fields of every kind, each between others, so that a write beyond one would show. */
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
  many: array(Vec, MANY), // longer than a chain through its elements may be
  big: "i64",
  link: "ref",
  on: "bool",
  last: "u8",
}, { name: "Whole" }) as unknown as Struct<Fields>; // whatever its fields are, as the tests go through them by name

/** A value for all of its fields, the arrays full but for the long one. */
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

/** The same as a record of a pool gives it: the long array with all of its elements. */
export function asRead(value: Plain): Plain {
  const many = value.many as readonly unknown[];
  const zeros = Array.from({ length: MANY - many.length }, () => ({ x: 0, y: 0 }));
  return { ...value, many: [...many, ...zeros] };
}

/** What happens when a part of a value is read; gets the path that leads to it. */
export type OnRead = (path: string) => void;

/** The ways of which a value can notice that it is read. */
export const READERS: Readonly<Record<string, (value: Plain, onRead: OnRead) => Plain>> = {
  "getters": (value, onRead) => withGetters(value, onRead, "") as Plain,
  "getters of a class": (value, onRead) => ofClass(value, onRead, "") as Plain,
  "proxies": (value, onRead) => proxied(value, onRead, "") as Plain,
};

function isParent(value: unknown): value is Plain {
  return typeof value === "object" && value !== null;
}

function join(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}

/** Names of what there is to read: an array has a length as well. */
function namesIn(value: Plain): string[] {
  return Array.isArray(value) ? ["length", ...Object.keys(value)] : Object.keys(value);
}

/**
 * @param value A plain value.
 * @param path Path that leads to it.
 * @returns The paths of all that can be read of it.
 */
export function pathsIn(value: unknown, path = ""): string[] {
  if (!isParent(value)) return [];
  return namesIn(value).flatMap((name) => {
    const inner = join(path, name);
    return [inner, ...pathsIn(value[name], inner)];
  });
}

/** A copy whose properties are getters; an array becomes something array-like. */
function withGetters(value: unknown, onRead: OnRead, path: string): unknown {
  if (!isParent(value)) return value;
  const copy = {};
  for (const name of namesIn(value)) {
    const inner = join(path, name);
    const part = withGetters(value[name], onRead, inner);
    const get = () => {
      onRead(inner);
      return part;
    };
    Object.defineProperty(copy, name, { get, enumerable: name !== "length" });
  }
  return copy;
}

/** The same, where they are not enumerable, as a class has them. */
function ofClass(value: unknown, onRead: OnRead, path: string): unknown {
  if (!isParent(value)) return value;
  class Value {}
  for (const name of namesIn(value)) {
    const inner = join(path, name);
    const part = ofClass(value[name], onRead, inner);
    const get = () => {
      onRead(inner);
      return part;
    };
    Object.defineProperty(Value.prototype, name, { get });
  }
  return new Value();
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
      // Whose object it is may be asked as well.
      if (typeof name === "string" && Object.hasOwn(target, name)) onRead(join(path, name));
      return Reflect.get(target, name);
    },
  });
}
