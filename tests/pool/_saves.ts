/**
 * Helpers for the tests of saves: loading from pool to pool, changing a save, and what typed arrays
 * convert values to.
 *
 * @module
 */
import { load, save, validate } from "../../mod.ts";
import type { LoadOptions, LoadReport, PoolBase, ScalarType } from "../../mod.ts";
import { arraysOf, HEADER_WORDS, SAVE, writeHeader } from "../../src/slab/envelope.ts";
import { untyped, type Watched } from "../_support.ts";
import { ARRAYS } from "../model/_values.ts";

/** Where the description starts, behind its length. */
const TEXT_BYTE = HEADER_WORDS * 4 + 8;

/** A pool, as far as it saves and loads. */
export type Saved = Watched & PoolBase<unknown, number>;

/** Loads what a pool saves into another one, and also returns the new handles by the old ones. */
export function reload(
  from: Saved,
  to: Saved,
  rename: LoadOptions["rename"] = {},
): LoadReport & { readonly moves: Map<number, number> } {
  const moves = new Map<number, number>();
  const report = load(to, save(from), { rename, moved: (old, now) => void moves.set(old, now) });
  validate(to);
  return { ...report, moves };
}

/**
 * Writes the header of a save again in its place, so that its length and checksum are right and
 * only what follows can be wrong.
 */
export function sealed(bytes: Uint8Array): Uint8Array {
  const arrays = arraysOf(bytes);
  writeHeader(arrays, arrays.words[2], arrays.words[5], bytes.length, true, SAVE);
  return bytes;
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

// -- conversion by typed arrays --

const ENDS = [7, 8, 15, 16, 31, 32, 53, 63, 64].flatMap((bits) => [
  2n ** BigInt(bits) - 1n,
  2n ** BigInt(bits),
  2n ** BigInt(bits) + 1n,
]);
const INTEGER_EDGES = [0n, 1n, ...ENDS, -1n, ...ENDS.map((it) => -it)];
const NUMBER_EDGES = [
  ...INTEGER_EDGES.map(Number),
  ...[0.5, -0.5, 1.5, -1.5, 255.9, -128.9, 65519, 65520, 65535.5, 3.5e38, 1e300, -1e300],
  ...[NaN, Infinity, -Infinity, -0, 5e-324],
];

/** Values of a type at the ends of its own range and of all others. */
export function edgesOf(type: ScalarType): unknown[] {
  if (type === "bool") return [false, true];
  return [...new Set(storedIn(type, /[iu]64/.test(type) ? INTEGER_EDGES : NUMBER_EDGES))];
}

/** What a typed array of a type holds after values are written to it. */
function storedIn(type: ScalarType, values: readonly unknown[]): (number | bigint)[] {
  return [...untyped<typeof Float64Array>(ARRAYS[type]).from(untyped(values))];
}

/** What a typed array stores of a value, and whether the value was in its range. */
export function stored(value: unknown, to: ScalarType): { value: unknown; isIn: boolean } {
  if (to === "bool") return { value: Boolean(value), isIn: true };
  const number = Number(value);
  const isNumber = Number.isFinite(number);
  if (to.startsWith("f")) {
    const [kept] = storedIn(to, [number]);
    return { value: kept, isIn: !isNumber || Number.isFinite(kept) };
  }
  const whole = typeof value === "bigint" ? value : BigInt(isNumber ? Math.trunc(number) : 0);
  const low = typeof value === "bigint" ? Number(BigInt.asUintN(32, value)) : number;
  const [kept] = storedIn(to, [/[iu]64/.test(to) ? whole : low]);
  return { value: kept, isIn: isNumber && BigInt(kept) === whole };
}
