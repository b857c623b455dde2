/**
 * What the tests of saves share.
 *
 * @module
 */
import { type LoadOptions, type LoadReport, type ScalarType, validate } from "../../mod.ts";
import { HEADER_WORDS, SAVE, seal, sheetOf } from "../../src/slab/envelope.ts";
import type { Watched } from "../_support.ts";

/** Where the description starts, behind its length. */
const TEXT_BYTE = HEADER_WORDS * 4 + 8;

/** What a pool saves and loads with. */
export interface Saved extends Watched {
  save(): Uint8Array;
  load(bytes: Uint8Array, options?: LoadOptions): LoadReport;
}

/** Loads what a pool saves into another one. */
export function reload(from: Saved, to: Saved, options?: LoadOptions): LoadReport {
  const report = to.load(from.save(), options);
  validate(to);
  return report;
}

/** Loads, and gathers the handles that are new. */
export function reloadMoved(from: Saved, to: Saved, options?: LoadOptions): Map<number, number> {
  const moved = new Map<number, number>();
  reload(from, to, { ...options, moved: (from, to) => moved.set(from, to) });
  return moved;
}

/** Writes the header of a save anew, with the checksum of what is there now, so that only what is behind it can be wrong. */
export function sealed(bytes: Uint8Array): Uint8Array {
  const whole = bytes.byteOffset % 8 === 0 && bytes.length % 8 === 0
    ? bytes
    : new Uint8Array(Math.ceil(bytes.length / 8) * 8);
  if (whole !== bytes) whole.set(bytes);
  const sheet = sheetOf(whole);
  seal(sheet, sheet.words[2], sheet.words[5], whole.length, true, SAVE);
  return whole;
}

/** The description of a save. */
export function textOf(bytes: Uint8Array): string {
  const length = new Int32Array(bytes.buffer, 0, HEADER_WORDS + 1)[HEADER_WORDS];
  return new TextDecoder().decode(bytes.subarray(TEXT_BYTE, TEXT_BYTE + length));
}

/** A save with another description. */
export function withText(bytes: Uint8Array, text: string): Uint8Array {
  const old = new Int32Array(bytes.buffer, 0, HEADER_WORDS + 1)[HEADER_WORDS];
  const rest = bytes.subarray(TEXT_BYTE + Math.ceil(old / 8) * 8);
  const encoded = new TextEncoder().encode(text);
  const start = TEXT_BYTE + Math.ceil(encoded.length / 8) * 8;
  const all = new Uint8Array(start + rest.length);
  all.set(bytes.subarray(0, TEXT_BYTE));
  new Int32Array(all.buffer)[HEADER_WORDS] = encoded.length;
  all.set(encoded, TEXT_BYTE);
  all.set(rest, start);
  return sealed(all);
}

// -- what typed arrays make of values --

const INTEGERS = {
  u8: Uint8Array,
  i8: Int8Array,
  u16: Uint16Array,
  i16: Int16Array,
  u32: Uint32Array,
  i32: Int32Array,
  ref: Uint32Array,
} as const;
const REALS = { f16: Float16Array, f32: Float32Array, f64: Float64Array } as const;
const BIGS = { u64: BigUint64Array, i64: BigInt64Array } as const;
/** The 13 scalar types. */
export const TYPES: readonly ScalarType[] = [
  ...Object.keys(INTEGERS),
  ...Object.keys(REALS),
  ...Object.keys(BIGS),
  "bool",
] as ScalarType[]; // their names

/** What is tried of each type: its ends, those of the others, and what is no number. */
export function edgesOf(type: ScalarType): unknown[] {
  if (type === "bool") return [false, true];
  const ends = [7, 8, 15, 16, 31, 32, 53, 63, 64].flatMap((
    bits,
  ) => [2n ** BigInt(bits) - 1n, 2n ** BigInt(bits), 2n ** BigInt(bits) + 1n]);
  const bigs = [0n, 1n, ...ends, -1n, ...ends.map((it) => -it)];
  if (type in BIGS) {
    return [...new Set(BIGS[type as "u64"].from(bigs.map((it) => BigInt.asUintN(64, it))))];
  }
  const all = [
    ...bigs.map(Number),
    0.5,
    -0.5,
    1.5,
    -1.5,
    255.9,
    -128.9,
    65519,
    65520,
    65535.5,
    3.5e38,
    1e300,
    -1e300,
    NaN,
    Infinity,
    -Infinity,
    -0,
    5e-324,
  ];
  const array = type in REALS ? REALS[type as "f64"].from(all) : INTEGERS[type as "u8"].from(all);
  return [...new Set<number>(array)];
}

/** What a typed array stores of a value, and whether the value was in its range. */
export function stored(value: unknown, to: ScalarType): { value: unknown; isIn: boolean } {
  if (to === "bool") return { value: Boolean(value), isIn: true };
  if (to in BIGS) {
    const isSigned = to === "i64";
    const whole = typeof value === "bigint"
      ? value
      : Number.isFinite(Number(value))
      ? BigInt(Math.trunc(Number(value)))
      : undefined;
    const array = new BIGS[to as "u64"](1);
    array[0] = whole ?? 0n;
    const [least, most] = isSigned ? [-(2n ** 63n), 2n ** 63n - 1n] : [0n, 2n ** 64n - 1n];
    return { value: array[0], isIn: whole !== undefined && whole >= least && whole <= most };
  }
  if (to in REALS) {
    const array = new REALS[to as "f64"](1);
    array[0] = Number(value);
    return { value: array[0], isIn: !Number.isFinite(Number(value)) || Number.isFinite(array[0]) };
  }
  const array = new INTEGERS[to as "u8"](1);
  if (typeof value === "bigint") array[0] = Number(BigInt.asUintN(32, value));
  else array[0] = Number(value);
  const bits = array.BYTES_PER_ELEMENT * 8;
  const [least, most] = to.startsWith("i")
    ? [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1]
    : [0, 2 ** bits - 1];
  const whole = typeof value === "bigint" ? value : Math.trunc(Number(value));
  return { value: array[0], isIn: whole >= least && whole <= most };
}
