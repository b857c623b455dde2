/**
 * Tests of records: what a plain value writes to the bytes, against a `DataView`; and values that
 * call the pool, throw or change while they are read. In pools with code of their own and with
 * shared code.
 *
 * @module
 */
import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { array, Pool, restore, snapshot, Struct, struct, validate } from "../../mod.ts";
import type { AnyHandle, AnyStruct, FieldType, ScalarType } from "../../mod.ts";
import { POOL_KINDS } from "../_kinds.ts";
import { outcomeOf } from "../_support.ts";
import { ARRAYS, isArray, isSame, mapFields, mapLeaves } from "../model/_values.ts";
import { type Plain, SCALARS, zeroOf } from "../model/_values.ts";
import { structsOf } from "./_declarations.ts";
import { type Any, eachHolder, type InPool, LongThing, partAt } from "./_things.ts";
import { setAt, SMALL, stateOf, Thing, thingOf, Vec, type Write, WRITES } from "./_things.ts";

// -- any struct, against a DataView --

const IS_LITTLE = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/** Writes a plain value at a byte, and returns what is read there then. */
function encode(data: DataView, at: number, type: FieldType, value: Any): unknown {
  if (type instanceof Struct) {
    return mapFields(type, (inner, name) => {
      return encode(data, at + type.fields[name].offset, inner, value[name]);
    });
  }
  if (isArray(type)) {
    const { element } = type;
    const stride = struct({ it: element }).size;
    return value.map((it: unknown, i: number) => encode(data, at + i * stride, element, it));
  }
  const scalar = typeof type === "string" ? type : "ref";
  const number = scalar === "bool" ? Number(value) : value;
  const name = ARRAYS[scalar].name.replace("Array", "");
  (data as Any)[`set${name}`](at, number, IS_LITTLE);
  const found: unknown = (data as Any)[`get${name}`](at, IS_LITTLE);
  return scalar === "bool" ? found === 1 : found;
}

/** Writes a value through a view, scalar by scalar. */
function writeScalars(view: Any, value: Any): void {
  const isList = Array.isArray(value);
  for (const [name, part] of Object.entries(value)) {
    if (isParent(part)) writeScalars(isList ? view.get(Number(name)) : view[name], part);
    else if (isList) view.set(Number(name), part);
    else view[name] = part;
  }
}

type WriteTo = (pool: Pool<AnyStruct>, handle: Any, value: Any) => void;
const WAYS_TO_WRITE: Readonly<Record<string, WriteTo>> = {
  "set() of some fields, where the others are undefined": (pool, handle, value) => {
    for (const turn of [0, 1]) {
      let at = turn;
      const some = (_: FieldType, name: string) => at++ % 2 === 0 ? value[name] : undefined;
      pool.set(handle, mapFields(pool.struct, some) as Any);
    }
  },
  "scalars of a view": (pool, handle, value) => writeScalars(pool.get(handle), value),
  "parts of a view": (pool, handle, value) => void Object.assign(pool.get(handle), value),
  "set() of a view": (pool, handle, value) => pool.set(handle, pool.get(pool.alloc(value))),
  "parts of another view": (pool, handle, value) => {
    const other: Any = pool.get(pool.alloc(value));
    Object.assign(pool.get(handle), mapFields(pool.struct, (_, name) => other[name]));
  },
};

/** Numbers at the ends of the types, and beyond. */
const ENDS = [7, 8, 15, 16, 31, 32, 53].flatMap((bits) => [2 ** bits - 1, 2 ** bits, -(2 ** bits)]);
const NUMBERS = fc.array(
  fc.oneof(fc.double(), fc.integer(), fc.maxSafeInteger(), fc.constantFrom(...ENDS, 65_520, 6e-8)),
  { minLength: 1, maxLength: 20 },
);

/** Makes a value of a scalar type, or a link to a struct, from any number. */
function scalarOf(type: ScalarType | AnyStruct, number: number): unknown {
  if (type === "bool") return number > 0;
  // null is the null handle
  if (type === "ref" || type instanceof Struct) return number < 0 ? null : number >>> 0;
  if (type !== "i64" && type !== "u64") return number;
  return Number.isFinite(number) ? BigInt(Math.trunc(number)) * 3n : 0n;
}

/** Asserts that every way to write a record of a struct writes the bytes that a `DataView` does. */
function assertAsDataView(type: AnyStruct, numbers: readonly number[], specialize: boolean): void {
  using pool = new Pool(type, { ...SMALL, specialize });
  const handles = pool.allocMany(3);
  const records = handles.map(() => zeroOf(type)); // with neighbours on both sides
  const bytes = new Uint8Array(3 * type.size);
  let next = 0;
  for (const [what, write] of Object.entries(WAYS_TO_WRITE)) {
    const value = mapLeaves(type, (leaf) => scalarOf(leaf, numbers[next++ % numbers.length]));
    write(pool, handles[1], value);
    records[1] = encode(new DataView(bytes.buffer), type.size, type, value);
    handles.forEach((handle, i) => {
      const found = pool.get(handle).toJSON();
      if (!isSame(found, records[i])) assertEquals<unknown>(found, records[i], what);
    });
    assertEquals(pool.blocks[0].bytes.subarray(0, bytes.length), bytes, what);
  }
}

/** Keywords, inherited names, names in the compiled texts, and names that are not ASCII. */
const NAMES = `break case catch class const continue debugger default delete do else enum export
  extends false finally for function if import in instanceof new null return super switch this
  throw true try typeof var void while with let static yield await async of get set implements
  interface package private protected public arguments eval undefined NaN hasOwnProperty
  isPrototypeOf propertyIsEnumerable toLocaleString toString valueOf prototype name length caller
  apply call bind then map push init seen view target handle outer next write spare frame items
  values done Base größe 名前 π ℵ0 été ñ Ωmega क 𝒳 a̐ $ $1`.split(/\s+/);

let Deep: AnyStruct = struct({ n: "u8", list: array("u8", 2) });
for (let depth = 19; depth > 0; depth--) {
  Deep = struct({ n: "u8", inner: depth % 5 === 0 ? array(Deep, 2) : Deep });
}
const TYPES: readonly FieldType[] = ["u8", "f32", "i64", "bool", Vec, array("u16", 2)];
/** A struct of many fields. */
function wide(count: number, typeOf: (i: number) => FieldType): AnyStruct {
  return struct(Object.fromEntries(Array.from({ length: count }, (_, i) => [`f${i}`, typeOf(i)])));
}

/** A chain of calls through all elements of the lists of the last would overflow the stack. */
const LARGE = [wide(300, (i) => TYPES[i % 6]), Deep, wide(100, () => array(Vec, 50))];

Deno.test("Records of any struct, up to 300 fields or 20 deep, are as in a DataView", () => {
  const structs = structsOf(SCALARS, NAMES, [1, 2, 3, 100]).filter(({ size }) => size < 30_000);
  const property = fc.property(structs, NUMBERS, (type, numbers) => {
    for (const specialize of [true, false]) assertAsDataView(type, numbers, specialize);
  });
  fc.assert(property, { examples: LARGE.map((type) => [type, ENDS]) });
});

// -- every part is read once, before anything changes --

/** A pool with three records of the same value; the handle is that of the second. */
interface Setup extends InPool {
  readonly type: AnyStruct;
}

/** Defines a test for each kind of pool: with own and shared code, and with a long array. */
function each(claim: string, test: (make: () => Setup) => void, kinds = POOL_KINDS): void {
  const ways = [[Thing, true], [Thing, false], [LongThing, false]] as const;
  for (const [name, make] of Object.entries(kinds)) {
    Deno.test(`${name}: ${claim}`, () => {
      for (const [type, specialize] of ways) {
        test(() => {
          const kind = make(type, { ...SMALL, specialize });
          const [, handle] = [0, 1, 2].map(() => kind.pool.alloc(...kind.of, thingOf(1)));
          return { kind, type, handle };
        });
      }
    });
  }
}

/** For what does not depend on the kind of pool, such as views. */
const ONE_KIND = { Pool: POOL_KINDS["Pool"] };

function plainOf({ kind: { pool, of } }: Setup, handle: AnyHandle): Plain {
  return pool.get<Any>(...of, handle).toJSON();
}

/** A value as it is read from a record: the long array has all elements. */
function asRead({ type }: Setup, value: Any): Plain {
  const zeros = Array.from({ length: type.fields.many.length }, () => ({ x: 0, y: 0 }));
  return { ...value, many: [...value.many, ...zeros.slice(value.many.length)] };
}

/** Every scalar of it differs from that of the records. */
const other = thingOf(50);
/** The array fields. */
const LISTS = ["color", "speed", "trails", "flags", "many", "links", "ids"];

/** How a value reports each read, with the path of the part. */
const REPORTS = ["getters", "getters of a class", "a proxy"] as const;
type Report = (typeof REPORTS)[number];
type OnRead = (path: string) => void;

function isParent(value: unknown): value is Plain {
  return typeof value === "object" && value !== null;
}

/** The paths of all parts of a value; of an array also its length. */
function pathsIn(value: unknown, path = ""): string[] {
  if (!isParent(value)) return [];
  return Object.getOwnPropertyNames(value).flatMap((name) => {
    const inner = path === "" ? name : `${path}.${name}`;
    return [inner, ...pathsIn(value[name], inner)];
  });
}

/** Copies a value so that it reports each read. With getters, arrays become array-like objects. */
function reporting(how: Report, value: unknown, onRead: OnRead, path = ""): unknown {
  if (!isParent(value)) return value;
  const innerOf = (name: string) => path === "" ? name : `${path}.${name}`;
  const copy: Any = Array.isArray(value) ? [] : {};
  const names = Object.getOwnPropertyNames(value);
  for (const name of names) copy[name] = reporting(how, value[name], onRead, innerOf(name));
  const read = (name: string) => {
    onRead(innerOf(name));
    return copy[name];
  };
  if (how === "a proxy") {
    // Inherited properties such as `constructor` are read too.
    return new Proxy(copy, {
      get: (_, name) => Object.hasOwn(copy, name) ? read(String(name)) : copy[name],
    });
  }
  class Value {}
  const isOfClass = how === "getters of a class";
  const wrapped = isOfClass ? new Value() : {};
  for (const name of names) {
    const enumerable = !isOfClass && name !== "length";
    const owner = isOfClass ? Value.prototype : wrapped;
    Object.defineProperty(owner, name, { get: () => read(name), enumerable });
  }
  return wrapped;
}

/** Ways to write a part through a view, and the path of what changes. */
type WritePart = [what: string, path: string, write: (view: Any, value: unknown) => void];
const PART_WRITES = ["pos", "line", ...LISTS].flatMap((name): WritePart[] => {
  const writes: WritePart[] = [[`${name} = …`, name, (view, value) => view[name] = value]];
  if (!Array.isArray(other[name])) return writes;
  writes.push([`${name}.copyFrom()`, name, (view, value) => view[name].copyFrom(value)]);
  if (!isParent(other[name][1])) return writes;
  return [...writes, [`${name}.set()`, `${name}.1`, (view, value) => view[name].set(1, value)]];
});

/** Asserts that a write reads each part once, and writes all of it or nothing. */
function assertReadOnce(make: () => Setup, value: unknown, expected: unknown, write: Write) {
  const paths = pathsIn(value);
  for (const how of REPORTS) {
    const subject = make();
    const before = stateOf(subject.kind);
    const reads: string[] = [];
    let bad: string | undefined;
    const error = new Error("boom");
    const wrapped = reporting(how, value, (path) => {
      if (path === bad) throw error;
      if (bad !== undefined) return;
      assertEquals(stateOf(subject.kind), before);
      reads.push(path);
    });
    for (bad of paths) {
      assertStrictEquals(assertThrows(() => write(subject, wrapped)), error);
      assertEquals(stateOf(subject.kind), before);
    }
    bad = undefined;
    const written = write(subject, wrapped);
    assertEquals(reads.sort(), paths.sort());
    assertEquals(plainOf(subject, written), asRead(subject, expected));
    validate(subject.kind.pool);
  }
}

const ONCE = "reads each part of a value once, and changes nothing before the last";
for (const [name, write] of Object.entries(WRITES)) {
  each(`${name} ${ONCE}`, (make) => assertReadOnce(make, other, other, write));
}
for (const [what, path, writePart] of PART_WRITES) {
  const test = (make: () => Setup) => {
    const expected = thingOf(1);
    setAt(expected, path, partAt(other, path));
    assertReadOnce(make, partAt(other, path), expected, ({ kind, handle }, value) => {
      writePart(kind.pool.get(...kind.of, handle), value);
      return handle;
    });
  };
  each(`view.${what} ${ONCE}`, test, ONE_KIND);
}

// -- a value that calls the pool while it is read --

/** Parts at which a value acts: the first, the last, and some in the middle. */
const ACTING_PARTS = ["n", "trails.1.dots.0.x", "trails.2.head.y", "many.1.x", "last"];

/** Makes a value that acts when one of its parts is read. */
function acting(part: string, action: () => void, value: unknown = other): Any {
  return reporting("getters", value, (path) => {
    if (path === part) action();
  });
}

/** What a value does to the pool while it is read. */
const ACTIONS: Readonly<Record<string, (setup: Setup, part: string) => void>> = {
  "allocates": ({ kind: { pool, of } }) => {
    pool.alloc(...of, thingOf(70));
    pool.get<Any>(...of, pool.alloc(...of)).line = other.line;
  },
  "writes others by values that act as well": ({ kind: { pool, of } }, part) => {
    const [a, , b] = [...pool.handles()];
    const inner = acting(part, () => pool.set(...of, b, thingOf(1)));
    pool.set(...of, a, acting(part, () => pool.alloc(...of, inner), thingOf(70)));
  },
  "fills the pool": ({ kind: { pool, of } }) => {
    while (pool.tryAlloc(...of, { n: 7 }) !== undefined);
  },
  "frees the record and uses its chunk": ({ kind: { pool, of }, handle }) => {
    pool.tryFree(handle);
    pool.alloc(...of, { n: 99 });
  },
  "frees the block": ({ kind: { pool } }) => pool.freeBlock(pool.blocks[0].index),
  "gives all memory back": ({ kind: { pool } }) => {
    pool.clear();
    pool.trim();
  },
  "restores a snapshot": ({ kind: { pool, of }, handle }) => {
    const saved = snapshot(pool);
    pool.free(handle);
    pool.alloc(...of);
    restore(pool, saved);
  },
  "disposes of the pool": ({ kind: { pool } }) => {
    pool.clear();
    pool.dispose();
  },
};

/** All that a pool holds; one that was disposed of has no blocks. */
function heldBy({ kind }: Setup): unknown {
  return kind.pool.blocks.length > 0 && stateOf(kind);
}

for (const [what, action] of Object.entries(ACTIONS)) {
  each(`a value that ${what} while it is read is written as if it had done so before`, (make) => {
    for (const part of ACTING_PARTS) {
      for (const write of [WRITES["alloc()"], WRITES["tryAlloc()"], WRITES["set()"]]) {
        const [subject, same] = [make(), make()];
        const value = acting(part, () => action(subject, part));
        const outcome = outcomeOf(() => write(subject, value));
        const expected = outcomeOf(() => {
          action(same, part);
          return write(same, other);
        });
        assertEquals([outcome, heldBy(subject)], [expected, heldBy(same)], part);
        const { pool, of } = subject.kind;
        if (pool.blocks.length === 0) continue; // it was disposed of, or is empty
        validate(pool);
        // Nothing of the value is left for the next one.
        pool.clear();
        const next = pool.alloc(...of, thingOf(1));
        assertEquals(plainOf(subject, next), asRead(subject, thingOf(1)));
      }
    }
  });
}

each("a part is written once its value is read, to the record that its view has then", (make) => {
  const subject = make();
  const { pool } = subject.kind;
  const [a, b] = pool.handles();
  const cursor = pool.seek(pool.cursor<Any>(), a);
  const between = thingOf(70);
  const write = (name: string, part: string, to: AnyHandle, value: unknown) => {
    cursor[name] = acting(part, () => {
      pool.seek(cursor, to);
      cursor[name] = between[name];
    }, value);
  };
  const { pos, color: [red], many: [first] } = other;
  write("pos", "x", b, pos);
  write("color", "0", a, [red]);
  write("many", "0.x", b, [first]);
  const color = [red, ...between.color.slice(1)];
  const many = [first, ...between.many.slice(1)];
  assertEquals(plainOf(subject, a), asRead(subject, { ...thingOf(1), color }));
  assertEquals(plainOf(subject, b), asRead(subject, { ...thingOf(1), pos, many }));
}, ONE_KIND);

// -- lengths --

each("a length that is not whole is rounded up, and a list that gets shorter throws", (make) => {
  const subject = make();
  const { kind, handle } = subject;
  const set = (value: Plain) => kind.pool.set(...kind.of, handle, value);
  const items = { 0: 1, 1: 2, 2: 3 };
  kind.pool.alloc(...kind.of, other); // nothing of it is written again
  set({ color: { ...items, length: 1.5 } });
  set({ color: { ...items, length: -1 }, many: { length: -5 } });
  set({ many: { 0: { x: 7 }, 1: { x: 8 }, length: 0.5 } });
  const { color: [, , ...colors], many: [first, second], ...rest } = thingOf(1);
  const expected = { ...rest, color: [1, 2, ...colors], many: [{ ...first, x: 7 }, second] };
  assertEquals(plainOf(subject, handle), asRead(subject, expected));
  const before = stateOf(kind);
  for (const field of LISTS) {
    const items = [...other[field]];
    const get = () => {
      items.length = 1;
      return other[field][0];
    };
    const value = { [field]: Object.defineProperty(items, 0, { get }) };
    assertThrows(() => set(value), TypeError, "[1]");
  }
  assertEquals(stateOf(kind), before);
});

// -- views as values --

eachHolder("views and parts of them can be values, also for another struct", ({ view }, make) => {
  const value = thingOf(1);
  const { pos, line, color, trails } = view;
  const Same = struct(mapFields(Thing, (type) => type) as Any);
  for (const it of [view, { ...value, pos, line, color, trails }]) {
    for (const type of [Thing, Same]) assertEquals(make(type, it).view.toJSON(), value);
  }
  const proxy = new Proxy(view, {});
  proxy.n = 5;
  proxy.vel = proxy.line.to;
  assertEquals(view.toJSON(), { ...value, n: 5, vel: value.line.to });
  assertEquals([...proxy.color], value.color);
});

each("parts of a record can be written to it as values, also to swap them", (make) => {
  const subject = make();
  const { kind: { pool }, handle } = subject;
  const view = pool.get<Any>(handle);
  const expected: Any = asRead(subject, thingOf(1));
  const { from, to } = expected.line;
  view.line = { from: view.line.to, to: view.line.from };
  for (const name of ["many", "trails"]) {
    view[name].copyFrom(view[name]);
    view[name].copyFrom([view[name].get(1), view[name].get(0)]);
    const [a, b, ...more] = expected[name];
    expected[name] = [b, a, ...more];
  }
  pool.set(handle, { pos: view.line.to, edge: view.line });
  const line = { from: to, to: from };
  assertEquals(view.toJSON(), { ...expected, line, edge: line, pos: from });
}, ONE_KIND);
