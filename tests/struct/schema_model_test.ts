/**
 * Random schemas: their layout against rules worked out apart from the module, and random records
 * against real typed arrays.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  type AnyStruct,
  array,
  type ElementType,
  type Fields,
  type FieldType,
  Pool,
  ref,
  type ScalarType,
  Struct,
  struct,
} from "../../mod.ts";

const SCALAR_BYTES: Record<ScalarType, number> = {
  i8: 1,
  u8: 1,
  bool: 1,
  i16: 2,
  u16: 2,
  f16: 2,
  i32: 4,
  u32: 4,
  f32: 4,
  ref: 4,
  i64: 8,
  u64: 8,
  f64: 8,
};
const SCALARS = Object.keys(SCALAR_BYTES) as ScalarType[]; // its keys are just these

const Vec2 = struct({ x: "f32", y: "f32" }, { name: "Vec2" });

// -- random schemas --

const NAMES = ["a", "b", "c", "d", "e", "f", "g", "h"];
const scalars = fc.constantFrom(...SCALARS);

/** Any struct, up to three levels deep. */
const structs: fc.Arbitrary<AnyStruct> =
  fc.letrec<{ element: ElementType; it: AnyStruct }>((tie) => {
    const links = fc.constantFrom(ref(Vec2));
    const element = fc.oneof({ maxDepth: 2 }, scalars, links, tie("it"));
    const arrays = fc.tuple(element, fc.integer({ min: 1, max: 4 })).map(([of, n]) => array(of, n));
    const types = fc.array(fc.oneof(element, element, arrays), { minLength: 1, maxLength: 6 });
    const layout = fc.constantFrom("c", "c", "compact");
    const it = fc.tuple(types, layout).map(([fields, as]) =>
      struct(Object.fromEntries(fields.map((type, i) => [NAMES[i], type])), {
        layout: as as "c" | "compact", // constantFrom gives just these
      })
    );
    return { element, it };
  }).it;

/** Any fields, of any struct in them. */
const fieldSets: fc.Arbitrary<Fields> = structs.map((it) =>
  Object.fromEntries(Object.entries(it.fields).map(([name, { type }]) => [name, type]))
);

/** Size and alignment as the C standard has them, worked out apart from the module. */
function measure(type: FieldType): [number, number] {
  if (typeof type === "string") return [SCALAR_BYTES[type], SCALAR_BYTES[type]];
  if (type instanceof Struct) return [type.size, type.align];
  if (type.kind === "ref") return [4, 4];
  const [size, align] = measure(type.element);
  return [size * type.length, align];
}

Deno.test("struct() follows C's rules for any fields", () => {
  fc.assert(fc.property(fieldSets, (fields) => {
    const type = struct(fields);
    let end = 0;
    let widest = 1;
    for (const [name, declared] of Object.entries(fields)) {
      const [size, align] = measure(declared);
      while (end % align !== 0) end++;
      const { offset, ...field } = type.fields[name];
      assertEquals([offset, field.size, field.align], [end, size, align]);
      end += size;
      widest = Math.max(widest, align);
    }
    while (end % widest !== 0) end++;
    assertEquals([type.size, type.align], [end, widest]);
  }));
});

Deno.test("struct() has no padding but at the end in the compact layout, for any fields", () => {
  fc.assert(fc.property(fieldSets, (fields) => {
    const type = struct(fields, { layout: "compact" });
    const placed = Object.values(type.fields).sort((a, b) => a.offset - b.offset);
    let end = 0;
    for (const { offset, size, align } of placed) {
      assertEquals([offset, offset % align], [end, 0]);
      end += size;
    }
    assert(type.size >= end && type.size < end + type.align);
    assertEquals([type.size % type.align, type.align], [0, struct(fields).align]);
    assert(type.size <= struct(fields).size);
  }));
});

// -- random records --

/** Numbers at the edges of the types, and beyond. */
const NUMBERS = fc.oneof(
  fc.double(),
  fc.integer(),
  fc.maxSafeInteger(),
  fc.constantFrom(0, -0, 1, -1, 127, 128, 255, 256, -128, -129, 32_768, 65_535, 65_536, -32_769),
  fc.constantFrom(
    2 ** 31 - 1,
    2 ** 31,
    2 ** 32 - 1,
    2 ** 32,
    -(2 ** 31) - 1,
    2 ** 53,
    1e300,
    1e-300,
  ),
  fc.constantFrom(NaN, Infinity, -Infinity, 0.1, 65_504, 65_520, 6e-8, 3.4e38, 1.5, -1.5),
);

/** What is written to a scalar, made of any number. */
function valueFor(type: ScalarType, number: number): unknown {
  if (type === "bool") return number > 0;
  if (type === "ref") return number >>> 0;
  if (type !== "i64" && type !== "u64") return number;
  return Number.isFinite(number) ? BigInt(Math.trunc(number)) * 3n : 0n;
}

// deno-lint-ignore no-explicit-any -- the typed arrays share no constructor type that takes a value
const ARRAYS: Partial<Record<ScalarType, { of(value: any): ArrayLike<unknown> }>> = {
  i8: Int8Array,
  u8: Uint8Array,
  i16: Int16Array,
  u16: Uint16Array,
  i32: Int32Array,
  u32: Uint32Array,
  i64: BigInt64Array,
  u64: BigUint64Array,
  f16: Float16Array,
  f32: Float32Array,
  f64: Float64Array,
};

/** What is read after a value was written: what the typed array of that type gives. */
function stored(type: ScalarType, value: unknown): unknown {
  const Typed = ARRAYS[type];
  return Typed === undefined ? value : Typed.of(value)[0];
}

/** Makes a whole record of any struct, each value through `make`. */
function recordOf(type: FieldType, make: (type: ScalarType) => unknown): unknown {
  if (typeof type === "string") return make(type);
  if (type instanceof Struct) {
    const fields = Object.entries(type.fields);
    return Object.fromEntries(fields.map(([name, it]) => [name, recordOf(it.type, make)]));
  }
  if (type.kind === "ref") return make("ref");
  return Array.from({ length: type.length }, () => recordOf(type.element, make));
}

/** Compares plain values, telling 0 from -0 and taking NaN for equal to itself. */
function isSame(a: unknown, b: unknown): boolean {
  if (typeof a !== "object" || a === null || typeof b !== "object" || b === null) {
    return Object.is(a, b);
  }
  const [left, right] = [Object.entries(a), Object.entries(b)];
  return left.length === right.length &&
    left.every(([key, value], i) => key === right[i][0] && isSame(value, right[i][1]));
}

/** A record to write and the one to be read back, for one struct and any numbers. */
function sampleOf(
  type: AnyStruct,
  numbers: readonly number[],
): { written: unknown; read: unknown } {
  let next = 0;
  const value = (scalar: ScalarType) => valueFor(scalar, numbers[next++ % numbers.length]);
  const written = recordOf(type, value);
  next = 0;
  return { written, read: recordOf(type, (scalar) => stored(scalar, value(scalar))) };
}

function assertSame(actual: unknown, expected: unknown, what: string): void {
  if (isSame(actual, expected)) return;
  throw new Error(`${what}: got ${Deno.inspect(actual)}, expected ${Deno.inspect(expected)}`);
}

const cases = fc.record({
  type: structs,
  first: fc.array(NUMBERS, { minLength: 1, maxLength: 20 }),
  second: fc.array(NUMBERS, { minLength: 1, maxLength: 20 }),
});

Deno.test("Pool gives back the record of any struct as typed arrays would, and its neighbour's too", () => {
  fc.assert(fc.property(cases, ({ type, first, second }) => {
    using pool = new Pool(type, { chunksPerBlock: 16, maxChunks: 16 });
    const a = sampleOf(type, first);
    const b = sampleOf(type, second);
    const [x, y] = [pool.alloc(a.written as object), pool.alloc(b.written as object)];
    assertSame(pool.get(x).toJSON(), a.read, "the first");
    assertSame(pool.get(y).toJSON(), b.read, "the second");
    pool.set(x, b.written as object);
    assertSame(pool.get(x).toJSON(), b.read, "the first after set()");
    // What was read can be written, and reads the same.
    pool.set(x, a.read as object);
    assertSame(pool.get(x).toJSON(), a.read, "the first after a second set()");
    assertSame(pool.get(y).toJSON(), b.read, "the second at last");
  }));
});

/** Reads a record field by field through the accessors of its view. */
function walkView(view: unknown, type: FieldType): unknown {
  if (typeof type === "string" || !(type instanceof Struct) && type.kind === "ref") return view;
  if (type instanceof Struct) {
    const fields = Object.entries(type.fields);
    const values = view as Record<string, unknown>; // a view has each field by its name
    return Object.fromEntries(fields.map(([name, it]) => [name, walkView(values[name], it.type)]));
  }
  return [...view as Iterable<unknown>].map((it) => walkView(it, type.element));
}

Deno.test("Views of any struct read and write, field by field, what whole records do", () => {
  fc.assert(fc.property(cases, ({ type, first, second }) => {
    using pool = new Pool(type, { chunksPerBlock: 16, maxChunks: 16 });
    const a = sampleOf(type, first);
    const b = sampleOf(type, second);
    const [x, y] = [pool.alloc(a.written as object), pool.alloc(b.written as object)];
    assertSame(walkView(pool.get(x), type), a.read, "the first");
    for (const [name, value] of Object.entries(b.written as object)) {
      Object.assign(pool.get(x), { [name]: value });
    }
    assertSame(walkView(pool.get(x), type), b.read, "the first after writing");
    assertSame(pool.get(x).toJSON(), b.read, "the first as a whole");
    assertSame(pool.get(y).toJSON(), b.read, "the second");
  }));
});
