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
import type { AnyHandle, AnyStruct, FieldType, PoolOptions, ScalarType } from "../../mod.ts";
import { type OfKind, POOL_KINDS, valuesOf, viewsOf } from "../_kinds.ts";
import { Random } from "../_random.ts";
import { assertError, untyped } from "../_support.ts";
import { isArray, isSame, zeroOf } from "../model/_values.ts";
import { structsOf, valueOf } from "./_declarations.ts";
import type { Any } from "./_holders.ts";
import { asRead, pathsIn, type Plain, READERS, stateOf, Vec, Whole, wholeValue } from "./_plain.ts";

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
const SCALARS = Object.keys(ACCESSORS) as ScalarType[]; // its keys are these
const IS_LITTLE = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/** Writes a plain value at a byte, and returns what is read there then. */
function encode(data: DataView, at: number, type: FieldType, value: unknown): unknown {
  if (type instanceof Struct) {
    const fields = Object.entries(type.fields);
    const field = (name: string) => (value as Plain)[name];
    return Object.fromEntries(
      fields.map(([name, it]) => [name, encode(data, at + it.offset, it.type, field(name))]),
    );
  }
  if (isArray(type)) {
    const { element } = type;
    const stride = struct({ it: element }).size;
    return (value as unknown[]).map((it, i) => encode(data, at + i * stride, element, it));
  }
  const scalar = typeof type === "string" ? type : "ref";
  const number = scalar === "bool" ? Number(value) : value;
  (data as Any)[`set${ACCESSORS[scalar]}`](at, number, IS_LITTLE);
  const found: unknown = (data as Any)[`get${ACCESSORS[scalar]}`](at, IS_LITTLE);
  return scalar === "bool" ? found === 1 : found;
}

/** Reads a record through its view, scalar by scalar. */
function readView(view: Any, type: FieldType): unknown {
  if (type instanceof Struct) {
    const names = Object.entries(type.fields);
    return Object.fromEntries(names.map(([name, it]) => [name, readView(view[name], it.type)]));
  }
  return isArray(type) ? [...view].map((it) => readView(it, type.element)) : view;
}

/** Writes a record through its view, scalar by scalar. */
function writeView(view: Any, type: AnyStruct, value: Plain): void {
  for (const [name, { type: inner }] of Object.entries(type.fields)) {
    if (inner instanceof Struct) writeView(view[name], inner, value[name] as Plain);
    else if (!isArray(inner)) view[name] = value[name];
    else {
      for (const [i, item] of (value[name] as unknown[]).entries()) {
        if (inner.element instanceof Struct) {
          writeView(view[name].get(i), inner.element, item as Plain);
        } else view[name].set(i, item);
      }
    }
  }
}

/** Ways to write a value to a record whose handle is the second; each returns what it has then. */
type Write = (pool: Pool<AnyStruct>, handles: AnyHandle[], value: Plain, random: Random) => unknown;
const WAYS_TO_WRITE: Readonly<Record<string, Write>> = {
  "alloc()": (pool, handles, value) => {
    pool.free(untyped(handles[1]));
    handles[1] = untyped(pool.alloc(untyped(value))); // in the same chunk
    return value;
  },
  "set() of some fields": (pool, handles, value, random) => {
    const before = pool.get(untyped(handles[1])).toJSON();
    const part = Object.fromEntries(Object.entries(value).filter(() => random.oneIn(2)));
    pool.set(untyped(handles[1]), untyped(part));
    return { ...before, ...part };
  },
  "scalars of a view": (pool, handles, value) => {
    writeView(pool.get(untyped(handles[1])), pool.struct, value);
    return value;
  },
  "parts of a view": (pool, handles, value) => {
    Object.assign(pool.get(untyped(handles[1])), value);
    return value;
  },
  "set() of a view": (pool, handles, value) => {
    pool.set(untyped(handles[1]), untyped(pool.get(pool.alloc(untyped(value)))));
    return value;
  },
};

/** Numbers at the ends of the types, and beyond. */
const ENDS = [7, 8, 15, 16, 31, 32, 53].flatMap((bits) => [2 ** bits - 1, 2 ** bits, -(2 ** bits)]);
const NUMBERS = fc.array(
  fc.oneof(
    ...[fc.double(), fc.integer(), fc.maxSafeInteger(), fc.constantFrom(...ENDS)],
    fc.constantFrom(0, -0, 1, -1, 0.1, 1.5, -1.5, 6e-8, 65_504, 65_520, 3.4e38, 1e300, 1e-300),
    fc.constantFrom(NaN, Infinity, -Infinity),
  ),
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
  const random = new Random(numbers.length);
  const handles = pool.allocMany(3) as AnyHandle[];
  const records = handles.map(() => zeroOf(type)); // with neighbours on both sides
  const bytes = new Uint8Array(3 * type.size);
  let next = 0;
  const make = (scalar: ScalarType) => scalarOf(scalar, numbers[next++ % numbers.length]);
  const assertIs = (actual: unknown, expected: unknown, what: string) => {
    if (!isSame(actual, expected)) assertEquals(actual, expected, what);
  };
  for (const [what, write] of Object.entries(WAYS_TO_WRITE)) {
    const written = write(pool, handles, valueOf(type, make) as Plain, random);
    records[1] = encode(new DataView(bytes.buffer), type.size, type, written);
    handles.forEach((handle, i) => {
      const view = pool.get(untyped(handle));
      assertIs(view.toJSON(), records[i], `${what}, as a whole`);
      assertIs(readView(view, type), records[i], what);
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
const Wide = struct(
  Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`field${i}`, TYPES[i % 6]])),
);

/** Defines a test for what does not depend on the kind of pool, such as views. */
function both(claim: string, test: (options: PoolOptions) => void): void {
  for (const specialize of [true, false]) {
    Deno.test(`${claim} (${specialize ? "own" : "shared"} code)`, () => {
      test({ ...SMALL, specialize });
    });
  }
}

both("Records of any struct, with fields of any names, have the bytes of a DataView", (options) => {
  // The long arrays are too long for a chain of calls.
  const structs = structsOf(SCALARS, NAMES, [1, 2, 3, 100]);
  const property = fc.property(structs, NUMBERS, (type, numbers) => {
    fc.pre(type.size < 30_000);
    assertAsDataView(type, numbers, options);
  });
  fc.assert(property, { numRuns: 100 });
});

both("Records of 300 fields, and of structs nested 20 deep, have them as well", (options) => {
  fc.assert(
    fc.property(NUMBERS, (numbers) => {
      for (const type of [Wide, Deep]) assertAsDataView(type as AnyStruct, numbers, options);
    }),
    { numRuns: 5 },
  );
});

both("Records of many arrays of structs, each of medium length, are written whole", (options) => {
  const count = 100, length = 50;
  const names = Array.from({ length: count }, (_, i) => `array${i}`);
  const type = struct(Object.fromEntries(names.map((name) => [name, array(Vec, length)])));
  const items = Array.from({ length }, (_, x) => ({ x, y: x + 1 }));
  using pool = new Pool(type as AnyStruct, options);
  const handle = pool.alloc(Object.fromEntries(names.map((name) => [name, items])));
  for (const list of Object.values(pool.get(handle).toJSON())) assertEquals<unknown>(list, items);
});

// -- every part is read once, before anything changes --

/** What a test gets: a pool with three records of the same value. */
interface Setup {
  readonly kind: OfKind;
  /** The second record, so that it has neighbours. */
  readonly handle: AnyHandle;
}

function setup(make: (typeof POOL_KINDS)[string], options: PoolOptions): Setup {
  const kind = make(Whole, { ...SMALL, ...options });
  const handles = [0, 1, 2].map(() => kind.pool.alloc(...kind.of, wholeValue()));
  return { kind, handle: handles[1] };
}

/** Defines a test for each kind of pool, with code of its own and with shared code. */
function each(claim: string, test: (make: () => Setup) => void): void {
  for (const [name, make] of Object.entries(POOL_KINDS)) {
    Deno.test(`${name}: ${claim}`, () => {
      for (const specialize of [true, false]) test(() => setup(make, { specialize }));
    });
  }
}

function plainOf(kind: OfKind, handle: AnyHandle): Plain {
  return kind.pool.get<Any>(...kind.of, handle).toJSON();
}

/** A value of the same shape, with other numbers. */
function otherValue(value: unknown): unknown {
  if (typeof value === "number") return value + 100;
  if (typeof value === "bigint") return value + 100n;
  if (typeof value === "boolean") return !value;
  if (Array.isArray(value)) return value.map(otherValue);
  const parts = Object.entries(value as Plain);
  return Object.fromEntries(parts.map(([name, part]) => [name, otherValue(part)]));
}

const other = otherValue(wholeValue()) as Plain;
/** The array fields. */
const LISTS = ["color", "flags", "reals", "links", "dots", "trails", "many"];

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

/** Ways to write a part through a view: what is written, and what changes in the record. */
type WritePart = [value: unknown, change: Plain, write: (view: Any, value: unknown) => void];
const PART_WRITES: Readonly<Record<string, WritePart>> = Object.fromEntries(
  ["pos", "line", ...LISTS].flatMap((name) => {
    const value = other[name];
    const all = { [name]: value };
    const writes: [string, WritePart][] = [
      [`view.${name} = …`, [value, all, (view, it) => view[name] = it]],
    ];
    if (!Array.isArray(value)) return writes;
    writes.push([`view.${name}.copyFrom()`, [value, all, (view, it) => view[name].copyFrom(it)]]);
    const change = { [name]: (wholeValue()[name] as unknown[]).with(1, value[1]) };
    if (typeof value[1] === "object") {
      writes.push([`view.${name}.set()`, [value[1], change, (view, it) => view[name].set(1, it)]]);
    }
    return writes;
  }),
);

/** Asserts that a write reads each part once, and writes all of it or nothing. */
function assertReadOnce(make: () => Setup, value: unknown, expected: Plain, write: WriteWhole) {
  const paths = pathsIn({ value }).slice(1); // without the wrapper
  for (const read of Object.values(READERS)) {
    const subject = make();
    const before = stateOf(subject.kind);
    const reads: string[] = [];
    let bad: string | undefined;
    const error = new Error("boom");
    const wrapped = read({ value }, (path) => {
      if (path === "value") return;
      if (path === bad) throw error;
      if (bad !== undefined) return;
      assertEquals(stateOf(subject.kind), before);
      reads.push(path);
    });
    for (bad of paths) {
      assertStrictEquals(assertThrows(() => write(subject, wrapped.value)), error);
      assertEquals(stateOf(subject.kind), before);
    }
    bad = undefined;
    const written = write(subject, wrapped.value);
    assertEquals(reads.sort(), paths.sort());
    assertEquals(plainOf(subject.kind, written), asRead(expected));
    validate(subject.kind.pool);
  }
}

const ONCE = "reads each part of a value once, and changes nothing before the last";
for (const [name, write] of Object.entries(WRITES)) {
  each(`${name} ${ONCE}`, (make) => assertReadOnce(make, other, other, write));
}
for (const [name, [value, change, writePart]] of Object.entries(PART_WRITES)) {
  both(`${name} ${ONCE}`, (options) => {
    const write: WriteWhole = ({ kind, handle }, value) => {
      writePart(kind.pool.get(...kind.of, handle), value);
      return handle;
    };
    const make = () => setup(POOL_KINDS["Pool"], options);
    assertReadOnce(make, value, { ...wholeValue(), ...change }, write);
  });
}

// -- a value that calls the pool while it is read --

/** Parts at which a value acts: the first, the last, and some in the middle. */
const ACTING_PARTS = ["id", "dots.0.y", "trails.1.dots.0.x", "many.1.x", "last"];

/** Makes a value that acts when one of its parts is read. */
function acting(part: string, action: () => void, value: Plain = other): Plain {
  return READERS["getters"](value, (path) => {
    if (path === part) action();
  });
}

/** What a value does to the pool while it is read. */
const ACTIONS: Readonly<Record<string, (setup: Setup, part: string) => void>> = {
  "allocates": ({ kind: { pool, of } }) => {
    pool.alloc(...of, otherValue(other));
    pool.get<Any>(...of, pool.alloc(...of)).line = other.line;
  },
  "writes others by values that act as well": ({ kind: { pool, of } }, part) => {
    const [a, , b] = [...pool.handles()];
    const inner = acting(part, () => pool.set(...of, b, wholeValue()));
    pool.set(...of, a, acting(part, () => pool.alloc(...of, inner), otherValue(other) as Plain));
  },
  "iterates": ({ kind: { pool, of } }) => {
    pool.forEach(...of, (view: Any) => assertEquals(view.toJSON(), asRead(wholeValue())));
    pool.retain(...of, (_: unknown, handle: AnyHandle) => pool.has(handle));
  },
  "fills the pool": ({ kind: { pool, of } }) => {
    while (pool.tryAlloc(...of, { id: 7 }) !== undefined);
  },
  "frees the record": ({ kind: { pool }, handle }) => pool.tryFree(handle),
  "frees the record and uses its chunk": ({ kind: { pool, of }, handle }) => {
    pool.tryFree(handle);
    pool.alloc(...of, { id: 99 });
  },
  "clears the pool": ({ kind: { pool } }) => pool.clear(),
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
        if (subject.kind.pool.blocks.length === 0) continue; // it was disposed of, or is empty
        validate(subject.kind.pool);
        // Nothing of the value is left for the next one.
        subject.kind.pool.clear();
        const next = subject.kind.pool.alloc(...subject.kind.of, wholeValue());
        assertEquals(plainOf(subject.kind, next), asRead(wholeValue()));
      }
    }
  });
}

both("A view that its own value binds to another record is written there", (options) => {
  using pool = new Pool({ pos: Vec, list: array("u8", 2) }, options);
  const [a, b] = [pool.alloc(), pool.alloc()];
  const cursor = pool.seek(pool.cursor(), a);
  const bind = (to: typeof a, value: number) => (pool.seek(cursor, to), value);
  Object.assign(cursor, { pos: acting("x", () => bind(b, 1), { x: 1, y: 2 }) });
  cursor.list.copyFrom(untyped(acting("0", () => bind(a, 3), untyped([3, 4]))));
  assertEquals(pool.get(a).toJSON(), { pos: { x: 0, y: 0 }, list: [3, 4] });
  assertEquals(pool.get(b).toJSON(), { pos: { x: 1, y: 2 }, list: [0, 0] });
});

both("A part that its own value writes while it is read has that value in the end", (options) => {
  using pool = new Pool({ pos: Vec, list: array("u8", 3), dots: array(Vec, 2) }, options);
  const view: Any = pool.get(pool.alloc());
  view.pos = acting("x", () => view.pos = { x: 8, y: 9 }, { x: 1, y: 2 });
  const writeList = () => {
    view.list.copyFrom([7, 8, 9]);
    view.list.set(1, 6);
  };
  view.list.copyFrom(acting("0", writeList, untyped([3, 4])));
  const writeDots = () => view.dots.copyFrom([{ x: 5, y: 6 }, { x: 7, y: 8 }]);
  view.dots.copyFrom(acting("0", writeDots, untyped([{ x: 1 }])));
  const dots = [{ x: 1, y: 6 }, { x: 7, y: 8 }];
  assertEquals(view.toJSON(), { pos: { x: 1, y: 2 }, list: [3, 4, 9], dots });
});

// -- lengths --

/** An array-like object that is longer each time that its length is read. */
function growing(items: readonly unknown[], first: number): ArrayLike<unknown> {
  let length = first;
  return new Proxy({ length }, {
    get(target, name) {
      if (name === "length") return length++;
      return typeof name === "string" && /^\d+$/.test(name)
        ? items[Number(name) % items.length]
        : Reflect.get(target, name);
    },
  });
}

each("An array-like that changes while it is read is written with its first length", (make) => {
  const writes: ((setup: Setup, field: string, items: unknown) => void)[] = [
    ({ kind, handle }, field, items) => kind.pool.set(...kind.of, handle, { [field]: items }),
    ({ kind, handle }, field, items) =>
      kind.pool.get<Any>(...kind.of, handle)[field].copyFrom(items),
  ];
  const neighbour = asRead(wholeValue());
  for (const field of LISTS) {
    const items = other[field] as unknown[];
    const full = Whole.fields[field].length;
    for (const write of writes) {
      for (const length of [0, 1, full, full + 1]) {
        const subject = make();
        const call = () => write(subject, field, growing(items, length));
        const expected = asRead(wholeValue());
        if (length > full) {
          assertThrows(call, RangeError, `"${field}": it has ${full} elements, got ${length}`);
        } else {
          call();
          const written = Array.from({ length }, (_, i) => items[i % items.length]);
          (expected[field] as unknown[]).splice(0, length, ...written);
        }
        // Also the fields after it, and the records on both sides.
        assertEquals(valuesOf(subject.kind), [neighbour, expected, neighbour]);
      }
    }
  }
  const shortens: unknown[] = [1, 2, 3];
  Object.defineProperty(shortens, 0, { get: () => shortens.length = 1, configurable: true });
  assertThrows(() => writes[0](make(), "color", shortens), TypeError, '"color[1]"');
});

each("A length that is not whole is rounded up, and one that is no number throws", (make) => {
  const { kind, handle } = make();
  const set = (value: Plain) => kind.pool.set(...kind.of, handle, value);
  const items = { 0: 1, 1: 2, 2: 3 };
  set({ color: { ...items, length: 1.5 } });
  set({ color: { ...items, length: -1 }, dots: { length: -5 } });
  set({ dots: { 0: { x: 1, y: 2 }, 1: { x: 3, y: 4 }, length: 1.5 } });
  const dots = [{ x: 1, y: 2 }, { x: 3, y: 4 }, { x: 22, y: 23 }];
  assertEquals(plainOf(kind, handle), asRead({ ...wholeValue(), color: [1, 2, 12], dots }));
  const before = stateOf(kind);
  for (const length of [NaN, "2", undefined, null, 1n, Infinity, 2 ** 53]) {
    for (const field of LISTS) {
      const errorClass = typeof length === "number" && length > 0 ? RangeError : TypeError;
      const write = () => set({ [field]: { ...items, length } });
      assertThrows(write, errorClass, `Cannot write field "${field}"`);
    }
  }
  assertEquals(stateOf(kind), before);
});

// -- views as values --

each("A view of the same pool, of another, and of another struct can be a value", (make) => {
  const { kind, handle } = make();
  const types = Object.entries(Whole.fields).map(([name, { type }]) => [name, type]);
  const Same = struct(Object.fromEntries(types));
  using similar = new ErasedPool({ size: Same.size });
  using pool = new Pool(Whole as AnyStruct, { chunksPerBlock: 32 });
  const view = kind.pool.get<never>(...kind.of, handle);
  const views = [view, pool.get(pool.alloc(view)), similar.get(Same, similar.alloc(Same, view))];
  const expected = asRead(wholeValue());
  for (const value of views) {
    const set = kind.pool.alloc(...kind.of);
    kind.pool.set(...kind.of, set, value);
    for (const it of [kind.pool.alloc(...kind.of, value), set]) {
      assertEquals(plainOf(kind, it), expected);
    }
  }
  const copy = (view: unknown) => void pool.alloc(untyped(view));
  for (const view of viewsOf(kind)) copy(view);
  kind.pool.forEach(...kind.of, copy);
  kind.pool.loop(...kind.of, copy)();
  assertEquals(Array.from(pool, (it) => it.toJSON()), Array(28).fill(expected));
  validate(kind.pool);
});

both("Parts of a view can be written as values, also to swap parts of one record", (options) => {
  const kind = POOL_KINDS["Pool"](Whole, options);
  const handle = kind.pool.alloc(...kind.of, wholeValue());
  const view = kind.pool.get<Any>(...kind.of, handle);
  const before = asRead(wholeValue()) as ReturnType<typeof asRead> & { line: Plain };
  kind.pool.set(...kind.of, handle, view);
  Object.assign(view, { line: view.line });
  for (const name of LISTS) view[name].copyFrom(view[name]);
  assertEquals(view.toJSON(), before);
  view.line = { from: view.line.to, to: view.line.from };
  const swapped = ["dots", "many", "trails"];
  for (const name of swapped) view[name].copyFrom([view[name].get(1), view[name].get(0)]);
  kind.pool.set(...kind.of, handle, { pos: view.line.to, edge: view.line });
  const line = { from: before.line.to, to: before.line.from };
  const lists = swapped.map((name) => {
    const [a, b, ...rest] = before[name] as unknown[];
    return [name, [b, a, ...rest]];
  });
  const expected = { ...before, line, edge: line, pos: line.to, ...Object.fromEntries(lists) };
  assertEquals(view.toJSON(), expected);
  const { pos, color, dots, trails, many } = view;
  const parts = { pos, color, dots, trails, many };
  const made = kind.pool.alloc(...kind.of, parts);
  const zero = plainOf(kind, kind.pool.alloc(...kind.of));
  const copied = Object.fromEntries(Object.keys(parts).map((name) => [name, expected[name]]));
  assertEquals(plainOf(kind, made), { ...zero, ...copied });
});

both("An array view that is too long or has other elements throws as a value", (options) => {
  using pool = new Pool(Whole as AnyStruct, options);
  const view: Any = pool.get(pool.alloc(untyped(wholeValue())));
  const cases: [() => void, typeof RangeError | typeof TypeError, string][] = [
    [() => view.dots.copyFrom(view.many), RangeError, '"dots": it has 3 elements, got 60'],
    [() => view.color.copyFrom(view.dots), TypeError, '"color[0]": u8 must be a number'],
    [() => view.dots.copyFrom(view.trails), TypeError, 'at "dots[0]": it has no field'],
    [() => view.many.copyFrom(view.color), TypeError, 'at "many[0]": it must be an obj'],
    [() => pool.alloc(untyped({ color: view.dots })), TypeError, '"color[0]": u8 must be'],
    [() => pool.alloc(untyped({ pos: view })), TypeError, 'at "pos": it has no field "id"'],
    [() => pool.alloc(untyped(view.pos)), TypeError, 'it has no field "x"'],
  ];
  for (const [write, errorClass, message] of cases) assertError(pool, write, errorClass, message);
});
