/**
 * The 13 scalar types: the one table from which layout, accessors, writers and typed arrays are
 * derived.
 *
 * @module
 */
import { showValue } from "../messages/show.ts";

/**
 * A field that holds one value.
 *
 * @category Structs and views
 */
export type ScalarType =
  | "i8"
  | "u8"
  | "i16"
  | "u16"
  | "i32"
  | "u32"
  | "i64"
  | "u64"
  | "f16"
  | "f32"
  | "f64"
  | "bool"
  | "ref";

/** The typed arrays that read and write memory; see `typed_arrays.ts`. */
export interface Arrays {
  readonly u8: Uint8Array;
  readonly u16: Uint16Array;
  readonly i32: Int32Array;
  readonly f16: Float16Array;
  readonly f32: Float32Array;
  readonly f64: Float64Array;
  readonly i64: BigInt64Array;
}

/** A view, or a part of one, as its accessors use it. */
export interface Bound {
  /** Typed arrays over the memory. */
  readonly _b: Arrays;
  /** Offset of the record or part in that memory, in units; see {@linkcode placeOf}. */
  readonly _o: number;
}

/** Where a field is in a typed array: at element `(_o << up) + at >> down` of a view. */
export interface Place {
  readonly at: number;
  readonly up: number;
  readonly down: number;
}

/**
 * Computes where a field is.
 *
 * The offset of a view counts units, which are as wide as most of the struct's fields. So these
 * fields need no shift, and V8 always inlines their accessors: see {@linkcode Scalar.define}.
 *
 * @param unit Base-2 logarithm of the unit of the view's offset in bytes.
 * @param shift Base-2 logarithm of the size of an element of the typed array.
 * @param offset Byte offset of the field in the record or part.
 * @returns The place.
 */
export function placeOf(unit: number, shift: number, offset: number): Place {
  const common = Math.min(unit, shift);
  return { at: offset >> common, up: unit - common, down: shift - common };
}

/** A getter and a setter of a view's prototype. */
export interface Accessor<V, T> {
  get(this: V): T;
  set(this: V, value: T): void;
}

/** One scalar type. */
export interface Scalar<T = number | bigint | boolean> {
  /** The typed array that holds it. Integers of one width share one; `decode` restores the sign. */
  readonly array: keyof Arrays;
  /** Type of its values in JavaScript, for errors. */
  readonly primitive: "number" | "bigint" | "boolean" | "number or null";
  /** Whether a value is of the type; a number out of range is, as it wraps. */
  readonly fits: (value: unknown) => boolean;
  /**
   * Converts an element of the typed array to a value; `undefined`, which an empty array gives, to
   * zero.
   */
  readonly decode: (raw: never) => T;
  /**
   * Defines the accessor of a field. Its text is compiled again for each field
   * (`slab/own_code.ts`), with `at`, `up` and `down` as literals and without shifts by zero. So it
   * may refer only to its parameters and globals. V8 inlines a function of up to 27 bytes of
   * bytecode whatever the size of the caller. Those of a field without shifts have 26.
   *
   * @param at See {@linkcode Place}, as for `up` and `down`.
   * @param refOf Converts a value that is no integer of 32 bits for a `ref`, or throws.
   * @param none 0 as a bigint.
   * @returns The accessor.
   */
  define(
    at: number,
    up: number,
    down: number,
    refOf: (value: unknown) => number,
    none: bigint,
  ): Accessor<Bound, T>;
}

/** Bytes of each scalar type, to which it is aligned. */
// A table of its own, since `struct()` needs nothing else.
export const SCALAR_BYTES: Readonly<Record<keyof Scalars, 1 | 2 | 4 | 8>> = {
  u8: 1,
  i8: 1,
  bool: 1,
  u16: 2,
  i16: 2,
  f16: 2,
  i32: 4,
  u32: 4,
  f32: 4,
  f64: 8,
  i64: 8,
  u64: 8,
  ref: 4,
};

/**
 * @param type A scalar type.
 * @returns Base-2 logarithm of its size in bytes.
 */
export function shiftOf(type: ScalarType): number {
  return 31 - Math.clz32(SCALAR_BYTES[type]);
}

/** All scalar types by name. */
export interface Scalars {
  readonly i8: Scalar<number>;
  readonly u8: Scalar<number>;
  readonly i16: Scalar<number>;
  readonly u16: Scalar<number>;
  readonly i32: Scalar<number>;
  readonly u32: Scalar<number>;
  readonly i64: Scalar<bigint>;
  readonly u64: Scalar<bigint>;
  readonly f16: Scalar<number>;
  readonly f32: Scalar<number>;
  readonly f64: Scalar<number>;
  readonly bool: Scalar<boolean>;
  readonly ref: Scalar<number>;
}

/**
 * Creates the error for a value that a `ref` cannot hold.
 *
 * @param value A number that is no integer of 32 bits, such as a wide handle of 2^32 or more.
 * @param path Name of the field, after the names of the fields that it is nested in.
 * @returns The error.
 */
export function refError(value: unknown, path: string): RangeError {
  return new RangeError(
    `Cannot write field "${path}": a ref holds a handle below 2^32, got ${
      showValue(value)
    }; a wide handle fits in an f64`,
  );
}

/**
 * Makes the function that converts `null` to the null handle, and throws on any other value that is
 * no integer of 32 bits.
 */
function refOf(name: string): (value: unknown) => number {
  return (value) => {
    if (value === null) return 0;
    throw refError(value, name);
  };
}

function isNumber(value: unknown): boolean {
  return typeof value === "number";
}

function isBigint(value: unknown): boolean {
  return typeof value === "bigint";
}

function isBoolean(value: unknown): boolean {
  return typeof value === "boolean";
}

/** Not a literal, since older targets of build tools have none for bigints. */
const NO_BIGINT = /* @__PURE__ */ BigInt(0);

/** Whether a value is an integer of 32 bits or `null`, which a typed array stores as 0. */
function isWord(value: unknown): boolean {
  return typeof value === "number" ? value >>> 0 === value : value === null;
}

/** Converts `undefined`, which an empty typed array gives, to 0. */
function numberOf(raw: number | undefined): number {
  return raw ?? 0;
}

const NUMBER = { primitive: "number", fits: isNumber } as const;
const BIGINT = { primitive: "bigint", fits: isBigint } as const;
const BOOLEAN = { primitive: "boolean", fits: isBoolean } as const;
const HANDLE = { primitive: "number or null", fits: isWord } as const;

/**
 * The table. The typed arrays of an unbound view are empty and give `undefined`, which each getter
 * converts to 0, `false` or `0n`.
 */
// deno-fmt-ignore: one type a line, to compare them easily
export const SCALARS: Scalars = /* @__PURE__ */ (() => ({
  u8: { array: "u8", ...NUMBER, decode: numberOf, define: (at, up) => ({ get() { return this._b.u8[(this._o << up) + at] | 0; }, set(v) { this._b.u8[(this._o << up) + at] = v; } }) },
  i8: { array: "u8", ...NUMBER, decode: (raw: number) => raw << 24 >> 24, define: (at, up) => ({ get() { return this._b.u8[(this._o << up) + at] << 24 >> 24; }, set(v) { this._b.u8[(this._o << up) + at] = v; } }) },
  bool: { array: "u8", ...BOOLEAN, decode: (raw: number) => raw > 0, define: (at, up) => ({ get() { return this._b.u8[(this._o << up) + at] > 0; }, set(v) { this._b.u8[(this._o << up) + at] = v ? 1 : 0; } }) },
  u16: { array: "u16", ...NUMBER, decode: numberOf, define: (at, up, down) => ({ get() { return this._b.u16[(this._o << up) + at >> down] | 0; }, set(v) { this._b.u16[(this._o << up) + at >> down] = v; } }) },
  i16: { array: "u16", ...NUMBER, decode: (raw: number) => raw << 16 >> 16, define: (at, up, down) => ({ get() { return this._b.u16[(this._o << up) + at >> down] << 16 >> 16; }, set(v) { this._b.u16[(this._o << up) + at >> down] = v; } }) },
  f16: { array: "f16", ...NUMBER, decode: numberOf, define: (at, up, down) => ({ get() { return this._b.f16[(this._o << up) + at >> down] ?? 0; }, set(v) { this._b.f16[(this._o << up) + at >> down] = v; } }) },
  i32: { array: "i32", ...NUMBER, decode: numberOf, define: (at, up, down) => ({ get() { return this._b.i32[(this._o << up) + at >> down] | 0; }, set(v) { this._b.i32[(this._o << up) + at >> down] = v; } }) },
  u32: { array: "i32", ...NUMBER, decode: (raw: number) => raw >>> 0, define: (at, up, down) => ({ get() { return this._b.i32[(this._o << up) + at >> down] >>> 0; }, set(v) { this._b.i32[(this._o << up) + at >> down] = v; } }) },
  f32: { array: "f32", ...NUMBER, decode: numberOf, define: (at, up, down) => ({ get() { return this._b.f32[(this._o << up) + at >> down] ?? 0; }, set(v) { this._b.f32[(this._o << up) + at >> down] = v; } }) },
  f64: { array: "f64", ...NUMBER, decode: numberOf, define: (at, up, down) => ({ get() { return this._b.f64[(this._o << up) + at >> down] ?? 0; }, set(v) { this._b.f64[(this._o << up) + at >> down] = v; } }) },
  i64: { array: "i64", ...BIGINT, decode: (raw: bigint) => raw ?? NO_BIGINT, define: (at, up, down, _refOf, none) => ({ get() { return this._b.i64[(this._o << up) + at >> down] ?? none; }, set(v) { this._b.i64[(this._o << up) + at >> down] = v; } }) },
  u64: { array: "i64", ...BIGINT, decode: (raw: bigint) => BigInt.asUintN(64, raw ?? NO_BIGINT), define: (at, up, down, _refOf, none) => ({ get() { return BigInt.asUintN(64, this._b.i64[(this._o << up) + at >> down] ?? none); }, set(v) { this._b.i64[(this._o << up) + at >> down] = v; } }) },
  ref: { array: "i32", ...HANDLE, decode: (raw: number) => raw >>> 0, define: (at, up, down, refOf) => ({ get() { return this._b.i32[(this._o << up) + at >> down] >>> 0; }, set(v) { if (v >>> 0 !== v) v = refOf(v); this._b.i32[(this._o << up) + at >> down] = v; } }) },
}))();

/**
 * Calls a function that defines classes or functions, in one of the two ways of `slab/own_code.ts`.
 */
export type Compile = <A extends unknown[], R>(define: (...args: A) => R, ...args: A) => R;

/** Makes the accessors of one struct's views. */
export class Accessors {
  private readonly compile: Compile;
  /** Base-2 logarithm of the unit of the views' offsets in bytes. */
  readonly unit: number;
  /** By name of the field, for the views and the writer of a struct. */
  private readonly made = new Map<string, Accessor<Bound, unknown>>();

  /**
   * @param compile Calls the definitions.
   * @param unit {@linkcode unit}.
   */
  constructor(compile: Compile, unit: number) {
    this.compile = compile;
    this.unit = unit;
  }

  /**
   * Makes the accessor of a field.
   *
   * @param type Type of the field.
   * @param offset Byte offset of the field in the record or part.
   * @param name Name of the field, for errors.
   * @returns The accessor. Its setter does not check whether a value is of the type.
   */
  of(type: ScalarType, offset: number, name: string): Accessor<Bound, unknown> {
    let accessor = this.made.get(name);
    if (accessor === undefined) {
      const { at, up, down } = placeOf(this.unit, shiftOf(type), offset);
      const { define } = SCALARS[type] as Scalar<unknown>;
      accessor = this.compile(define, at, up, down, refOf(name), NO_BIGINT);
      this.made.set(name, accessor);
    }
    return accessor;
  }
}
