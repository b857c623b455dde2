/**
 * Tests of records: what a plain value writes to the bytes, against a `DataView`; and values that
 * call the pool, throw or change while they are read. In pools with code of their own and with
 * shared code.
 *
 * @module
 */
import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { array, ErasedPool, Pool, restore, snapshot, Struct, struct, validate } from "../../mod.ts";
import type {
  AnyHandle,
  AnyStruct,
  Fields,
  FieldType,
  PoolOptions,
  ScalarType,
} from "../../mod.ts";
import { type KindMaker, type OfKind, POOL_KINDS, valuesOf } from "../_kinds.ts";
import { isArray, isSame, mapFields, type Plain, SCALARS, zeroOf } from "../model/_values.ts";
import { structsOf, valueOf } from "./_declarations.ts";
import { type Any, LongThing, partAt, setAt, stateOf, Thing, thingOf, Vec } from "./_things.ts";

const SMALL: PoolOptions = { chunksPerBlock: 16, maxChunks: 64, name: "things" };

// -- any struct, against a DataView --

/** The members of a `DataView` that write and read each scalar, by the end of their names. */
// deno-fmt-ignore: one width a line
const ACCESSORS: Readonly<Record<ScalarType, string>> = {
  i8: "Int8", u8: "Uint8", bool: "Uint8",
  i16: "Int16", u16: "Uint16", f16: "Float16",
  i32: "Int32", u32: "Uint32", f32: "Float32", ref: "Uint32",
  i64: "BigInt64", u64: "BigUint64", f64: "Float64",
};
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
  (data as Any)[`set${ACCESSORS[scalar]}`](at, number, IS_LITTLE);
  const found: unknown = (data as Any)[`get${ACCESSORS[scalar]}`](at, IS_LITTLE);
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

/** Ways to write a value to a record. */
type Write = (pool: Pool<AnyStruct>, handle: Any, value: Any) => void;
const WAYS_TO_WRITE: Readonly<Record<string, Write>> = {
  "set() of some fields, and of the others": (pool, handle, value) => {
    for (const turn of [0, 1]) {
      const fields: Any[] = Object.entries(value).filter((_, i) => i % 2 === turn);
      pool.set(handle, Object.fromEntries(fields));
    }
  },
  "scalars of a view": (pool, handle, value) => writeScalars(pool.get(handle), value),
  "parts of a view": (pool, handle, value) => void Object.assign(pool.get(handle), value),
  "set() of a view": (pool, handle, value) => pool.set(handle, pool.get(pool.alloc(value))),
};

/** Numbers at the ends of the types, and beyond. */
const ENDS = [7, 8, 15, 16, 31, 32, 53].flatMap((bits) => [2 ** bits - 1, 2 ** bits, -(2 ** bits)]);
const NUMBERS = fc.array(
  fc.oneof(fc.double(), fc.integer(), fc.maxSafeInteger(), fc.constantFrom(...ENDS, 65_520, 6e-8)),
  { minLength: 1, maxLength: 20 },
);

/** Makes a value of a scalar type from any number. */
function scalarOf(type: ScalarType, number: number): unknown {
  if (type === "bool") return number > 0;
  if (type === "ref") return number < 0 ? null : number >>> 0; // which is the null handle
  if (type !== "i64" && type !== "u64") return number;
  return Number.isFinite(number) ? BigInt(Math.trunc(number)) * 3n : 0n;
}

/** Asserts that every way to write a record of a struct writes the bytes that a `DataView` does. */
function assertAsDataView(type: AnyStruct, numbers: readonly number[], options: PoolOptions): void {
  using pool = new Pool(type, options);
  const handles = pool.allocMany(3);
  const records = handles.map(() => zeroOf(type)); // with neighbours on both sides
  const bytes = new Uint8Array(3 * type.size);
  let next = 0;
  const make = (scalar: ScalarType) => scalarOf(scalar, numbers[next++ % numbers.length]);
  for (const [what, write] of Object.entries(WAYS_TO_WRITE)) {
    const value = valueOf(type, make);
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

for (const specialize of [true, false]) {
  const code = specialize ? "own" : "shared";
  const options = { ...SMALL, specialize };

  Deno.test(`Records of any struct, with fields of any names, have the bytes of a DataView (${code} code)`, () => {
    const structs = structsOf(SCALARS, NAMES, [1, 2, 3, 100]);
    const property = fc.property(structs, NUMBERS, (type, numbers) => {
      fc.pre(type.size < 30_000);
      assertAsDataView(type, numbers, options);
    });
    fc.assert(property, { numRuns: 100 });
  });

  Deno.test(`Records of 300 fields, nested 20 deep, and of 100 lists have them too (${code} code)`, () => {
    // A chain of calls through all elements of the lists would overflow the stack.
    const structs = [wide(300, (i) => TYPES[i % 6]), Deep, wide(100, () => array(Vec, 50))];
    for (const type of structs) assertAsDataView(type, ENDS, options);
  });
}

// -- every part is read once, before anything changes --

/** A pool with three records of the same value. */
interface Setup {
  readonly kind: OfKind;
  readonly type: AnyStruct;
  /** The second record, so that it has neighbours. */
  readonly handle: AnyHandle;
}

function setup(make: KindMaker, type: AnyStruct, specialize: boolean): Setup {
  const kind = make(type, { ...SMALL, specialize });
  const handles = [0, 1, 2].map(() => kind.pool.alloc(...kind.of, thingOf(1)));
  return { kind, type, handle: handles[1] };
}

/** Defines a test for each kind of pool: with own and shared code, and with a long array. */
function each(claim: string, test: (make: () => Setup) => void, kinds = POOL_KINDS): void {
  for (const [name, make] of Object.entries(kinds)) {
    Deno.test(`${name}: ${claim}`, () => {
      test(() => setup(make, Thing, true));
      test(() => setup(make, Thing, false));
      test(() => setup(make, LongThing, false));
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

/** Ways to write a whole value; each returns the handle of the record. */
type WriteWhole = (setup: Setup, value: unknown) => AnyHandle;
const WRITES: Readonly<Record<string, WriteWhole>> = {
  "alloc()": ({ kind }, value) => kind.pool.alloc(...kind.of, value),
  "tryAlloc()": ({ kind }, value) => kind.pool.tryAlloc(...kind.of, value)!, // there is room
  "scoped()": ({ kind }, value) => kind.pool.scoped(...kind.of, value).handle,
  "set()": ({ kind, handle }, value) => {
    kind.pool.set(...kind.of, handle, value);
    return handle;
  },
};

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
function assertReadOnce(make: () => Setup, value: unknown, expected: unknown, write: WriteWhole) {
  const paths = pathsIn({ value }).slice(1); // without the wrapper
  for (const how of REPORTS) {
    const subject = make();
    const before = stateOf(subject.kind);
    const reads: string[] = [];
    let bad: string | undefined;
    const error = new Error("boom");
    const wrapped = reporting(how, { value }, (path) => {
      if (path === "value") return;
      if (path === bad) throw error;
      if (bad !== undefined) return;
      assertEquals(stateOf(subject.kind), before);
      reads.push(path);
    }) as Plain;
    for (bad of paths) {
      assertStrictEquals(assertThrows(() => write(subject, wrapped.value)), error);
      assertEquals(stateOf(subject.kind), before);
    }
    bad = undefined;
    const written = write(subject, wrapped.value);
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
  "frees the record": ({ kind: { pool }, handle }) => pool.tryFree(handle),
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

/** What came of a call, and all that a pool holds then. */
function outcomeOf({ kind }: Setup, call: () => unknown): unknown {
  let result: unknown;
  try {
    result = call();
  } catch (error) {
    result = String(error);
  }
  return [result, kind.pool.maxChunks > 0 && kind.pool.blocks.length > 0 ? stateOf(kind) : 0];
}

for (const [what, action] of Object.entries(ACTIONS)) {
  each(`a value that ${what} while it is read is written as if it had done so before`, (make) => {
    for (const part of ACTING_PARTS) {
      for (const write of [WRITES["alloc()"], WRITES["tryAlloc()"], WRITES["set()"]]) {
        const [subject, same] = [make(), make()];
        const value = acting(part, () => action(subject, part));
        const outcome = outcomeOf(subject, () => write(subject, value));
        const expected = outcomeOf(same, () => {
          action(same, part);
          return write(same, other);
        });
        assertEquals(outcome, expected, part);
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

each("a view that its own value binds to another record is written there", (make) => {
  const subject = make();
  const { pool } = subject.kind;
  const [a, b] = pool.handles();
  const cursor = pool.seek(pool.cursor<Any>(), a);
  cursor.pos = acting("x", () => pool.seek(cursor, b), other.pos);
  cursor.color.copyFrom(acting("0", () => pool.seek(cursor, a), other.color));
  cursor.many.copyFrom(acting("0.x", () => pool.seek(cursor, b), other.many));
  const { pos, color, many } = other;
  assertEquals(plainOf(subject, a), asRead(subject, { ...thingOf(1), color }));
  assertEquals(plainOf(subject, b), asRead(subject, { ...thingOf(1), pos, many }));
}, ONE_KIND);

each("a part that its own value writes while it is read has that value in the end", (make) => {
  const subject = make();
  const [view, expected] = [subject.kind.pool.get<Any>(subject.handle), thingOf(1)];
  for (const [name, part] of [["pos", "x"], ["color", "0"], ["many", "0.y"]]) {
    const [value, between] = [other[name], thingOf(70)[name]];
    const write = () => view[name] = between;
    const isList = Array.isArray(value);
    view[name] = acting(part, write, isList ? value.slice(0, 1) : value);
    expected[name] = isList ? [value[0], ...between.slice(1)] : value;
  }
  assertEquals(view.toJSON(), asRead(subject, expected));
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
  const { many: [first, second], ...rest } = thingOf(1);
  const expected = { ...rest, color: [1, 2, 3, 4], many: [{ ...first, x: 7 }, second] };
  assertEquals(plainOf(subject, handle), asRead(subject, expected));
  const before = stateOf(kind);
  for (const field of LISTS) {
    const items = [...other[field]];
    const get = () => {
      items.length = 1;
      return other[field][0];
    };
    assertThrows(
      () => set({ [field]: Object.defineProperty(items, 0, { get }) }),
      TypeError,
      "[1]",
    );
  }
  assertEquals(stateOf(kind), before);
});

// -- views as values --

each("a view of the same pool, of another, and of another struct can be a value", (make) => {
  const subject = make();
  const { kind: { pool, of }, type, handle } = subject;
  const Same: AnyStruct = struct(mapFields(type, (field) => field) as Fields);
  using similar = new ErasedPool({ size: Same.size });
  using other = new Pool(type, { chunksPerBlock: 32 });
  const view = pool.get<never>(...of, handle);
  const views = [view, other.get(other.alloc(view)), similar.get(Same, similar.alloc(Same, view))];
  for (const value of views) {
    pool.alloc(...of, value);
    pool.set(...of, pool.alloc(...of), value);
  }
  assertEquals(valuesOf(subject.kind), Array(9).fill(asRead(subject, thingOf(1))));
  validate(pool);
});

each("parts of a view can be written as values, also to swap parts of one record", (make) => {
  const subject = make();
  const { kind: { pool }, type, handle } = subject;
  const view = pool.get<Any>(handle);
  const expected: Any = asRead(subject, thingOf(1));
  pool.set(handle, view);
  for (const name of LISTS) view[name].copyFrom(view[name]);
  assertEquals(view.toJSON(), expected);
  view.line = { from: view.line.to, to: view.line.from };
  for (const name of ["many", "trails"]) {
    view[name].copyFrom([view[name].get(1), view[name].get(0)]);
    const [a, b, ...more] = expected[name];
    expected[name] = [b, a, ...more];
  }
  pool.set(handle, { pos: view.line.to, edge: view.line });
  const { from, to } = expected.line;
  const line = { from: to, to: from };
  assertEquals(view.toJSON(), { ...expected, line, edge: line, pos: from });
  const made = pool.alloc(mapFields(type, (_, name) => view[name]));
  assertEquals(plainOf(subject, made), view.toJSON());
}, ONE_KIND);
