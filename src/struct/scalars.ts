/**
 * The 13 scalar types: the one table from which layout, accessors, writers and typed arrays are derived.
 *
 * @module
 */

/** A field that holds one value. */
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

/** The typed arrays that memory is read and written through; see `typed_arrays.ts`. */
export interface Arrays {
  readonly u8: Uint8Array;
  readonly u16: Uint16Array;
  readonly i32: Int32Array;
  readonly f16: Float16Array;
  readonly f32: Float32Array;
  readonly f64: Float64Array;
  readonly i64: BigInt64Array;
}

/** What an accessor finds memory by: a view, or a part of one. */
export interface Bound {
  /** Typed arrays over the memory. */
  readonly _b: Arrays;
  /** Byte offset in that memory of what is viewed. */
  readonly _o: number;
}

/** A getter and a setter of a view's prototype. */
export interface Accessor<V, T> {
  get(this: V): T;
  set(this: V, value: T): void;
}

/** One scalar type. */
export interface Scalar<T = number | bigint | boolean> {
  /** Size and alignment. */
  readonly bytes: 1 | 2 | 4 | 8;
  /** The typed array that it is read and written through: integers of a width share one, and the sign is put back. */
  readonly array: keyof Arrays;
  /** Tells whether a value is of the type; a number out of range is, as it wraps. */
  readonly fits: (value: unknown) => boolean;
  /** Makes a value of what the typed array holds; zero of `undefined`, which it gives where there is no memory. */
  readonly decode: (raw: never) => T;
  /**
   * Defines the accessors of fields of the type. Its text is compiled anew for each struct (`slab/own_code.ts`), so nothing in it is
   * free but its parameter. An accessor is short, since V8 compiles a function of up to 30 bytes of bytecode into every
   * caller, whatever the caller's size.
   *
   * @param refOf Gives what a `ref` holds for a value that is no integer of 32 bits.
   * @param none 0 as a bigint.
   * @returns What makes the accessor of a field.
   */
  define(
    refOf: (value: unknown, name: string) => number,
    none: bigint,
  ): DefineAccessor<T>;
}

/**
 * Makes the accessor of a field.
 *
 * @param at Byte offset within what the view stands on.
 * @param name Name of the field, for errors.
 * @returns The accessor.
 */
export type DefineAccessor<T> = (at: number, name: string) => Accessor<Bound, T>;

/** All of them, by name. */
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
 * @param value What is no integer of 32 bits, as a wide handle of 2^32 or more is none.
 * @param path Name of the field, with those that lead to it.
 * @returns The error for it.
 */
export function refError(value: unknown, path: string): RangeError {
  return new RangeError(
    `Cannot write field "${path}": a ref holds a handle below 2^32, got ${
      String(value)
    }; a wide handle fits in an f64`,
  );
}

/** What a `ref` holds for a value that is no integer of 32 bits: for `null` the null handle, and for no other. */
function refOf(value: unknown, name: string): number {
  if (value === null) return 0;
  throw refError(value, name);
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

/** No literal, which old targets of build tools have none for. */
const NO_BIGINT = BigInt(0);

/** An integer of 32 bits, as a `ref` holds, or `null`, which a typed array stores as 0. */
function isWord(value: unknown): boolean {
  return typeof value === "number" ? value >>> 0 === value : value === null;
}

/** What a number reads as where there is no memory: typed arrays of no length give `undefined`. */
function numberOf(raw: number | undefined): number {
  return raw ?? 0;
}

/**
 * The table. Where a view is bound to no memory its typed arrays give `undefined`, of which each getter makes 0, `false` or `0n`.
 */
// deno-fmt-ignore: one type a line, so that they can be compared at a glance.
export const SCALARS: Scalars = {
  u8: { bytes: 1, array: "u8", fits: isNumber, decode: numberOf, define: () => (at) => ({ get() { return this._b.u8[this._o + at] | 0; }, set(v) { this._b.u8[this._o + at] = v; } }) },
  i8: { bytes: 1, array: "u8", fits: isNumber, decode: (raw: number) => raw << 24 >> 24, define: () => (at) => ({ get() { return this._b.u8[this._o + at] << 24 >> 24; }, set(v) { this._b.u8[this._o + at] = v; } }) },
  bool: { bytes: 1, array: "u8", fits: isBoolean, decode: (raw: number) => raw > 0, define: () => (at) => ({ get() { return this._b.u8[this._o + at] > 0; }, set(v) { this._b.u8[this._o + at] = v ? 1 : 0; } }) },
  u16: { bytes: 2, array: "u16", fits: isNumber, decode: numberOf, define: () => (at) => ({ get() { return this._b.u16[this._o + at >> 1] | 0; }, set(v) { this._b.u16[this._o + at >> 1] = v; } }) },
  i16: { bytes: 2, array: "u16", fits: isNumber, decode: (raw: number) => raw << 16 >> 16, define: () => (at) => ({ get() { return this._b.u16[this._o + at >> 1] << 16 >> 16; }, set(v) { this._b.u16[this._o + at >> 1] = v; } }) },
  f16: { bytes: 2, array: "f16", fits: isNumber, decode: numberOf, define: () => (at) => ({ get() { return this._b.f16[this._o + at >> 1] ?? 0; }, set(v) { this._b.f16[this._o + at >> 1] = v; } }) },
  i32: { bytes: 4, array: "i32", fits: isNumber, decode: numberOf, define: () => (at) => ({ get() { return this._b.i32[this._o + at >> 2] | 0; }, set(v) { this._b.i32[this._o + at >> 2] = v; } }) },
  u32: { bytes: 4, array: "i32", fits: isNumber, decode: (raw: number) => raw >>> 0, define: () => (at) => ({ get() { return this._b.i32[this._o + at >> 2] >>> 0; }, set(v) { this._b.i32[this._o + at >> 2] = v; } }) },
  f32: { bytes: 4, array: "f32", fits: isNumber, decode: numberOf, define: () => (at) => ({ get() { return this._b.f32[this._o + at >> 2] ?? 0; }, set(v) { this._b.f32[this._o + at >> 2] = v; } }) },
  f64: { bytes: 8, array: "f64", fits: isNumber, decode: numberOf, define: () => (at) => ({ get() { return this._b.f64[this._o + at >> 3] ?? 0; }, set(v) { this._b.f64[this._o + at >> 3] = v; } }) },
  i64: { bytes: 8, array: "i64", fits: isBigint, decode: (raw: bigint) => raw ?? NO_BIGINT, define: (_refOf, none) => (at) => ({ get() { return this._b.i64[this._o + at >> 3] ?? none; }, set(v) { this._b.i64[this._o + at >> 3] = v; } }) },
  u64: { bytes: 8, array: "i64", fits: isBigint, decode: (raw: bigint) => BigInt.asUintN(64, raw ?? NO_BIGINT), define: (_refOf, none) => (at) => ({ get() { return BigInt.asUintN(64, this._b.i64[this._o + at >> 3] ?? none); }, set(v) { this._b.i64[this._o + at >> 3] = v; } }) },
  ref: { bytes: 4, array: "i32", fits: isWord, decode: (raw: number) => raw >>> 0, define: (refOf) => (at, name) => ({ get() { return this._b.i32[this._o + at >> 2] >>> 0; }, set(v) { if (v >>> 0 !== v) v = refOf(v, name); this._b.i32[this._o + at >> 2] = v; } }) },
};

/** Calls a function that defines classes or functions; `slab/own_code.ts` has the two ways of doing so. */
export type Compile = <A extends unknown[], R>(define: (...args: A) => R, ...args: A) => R;

/** Accessors that were defined for one struct, for each scalar type that it has. */
export class Accessors {
  private readonly compile: Compile;
  private readonly made = new Map<ScalarType, DefineAccessor<unknown>>();

  /** @param compile Makes them. */
  constructor(compile: Compile) {
    this.compile = compile;
  }

  /**
   * @param type A scalar type.
   * @param at Byte offset within what the view stands on.
   * @param name Name of the field, for errors.
   * @returns Its accessor. The values that it takes are those of the type; nothing of it checks them.
   */
  of(type: ScalarType, at: number, name: string): Accessor<Bound, unknown> {
    let define = this.made.get(type);
    if (define === undefined) {
      define = this.compile((SCALARS[type] as Scalar<unknown>).define, refOf, NO_BIGINT);
      this.made.set(type, define);
    }
    return define(at, name);
  }
}
