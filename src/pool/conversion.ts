/**
 * Conversion of records: plans how the bytes of one struct become those of another, and runs the
 * plans.
 *
 * Fields are found by their names. A field of the same type is copied, and adjacent copies are
 * joined. Numbers of different types are converted as typed arrays convert them.
 *
 * @module
 */
import { fieldBytes } from "../struct/links.ts";
import { type Arrays, type Scalar, SCALAR_BYTES, SCALARS } from "../struct/scalars.ts";
import {
  type AnyStruct,
  elementOf,
  type Field,
  scalarOf,
  type ScalarType,
  Struct,
} from "../struct/schema.ts";

/** The counts and lists of a load. */
export interface Changes {
  /** How many numbers were out of the range of their new type, by field as `Struct.field`. */
  readonly wrapped: Map<string, number>;
  /** Fields that are not in the save, as `Struct.field`. */
  readonly added: Set<string>;
  /** Fields of the save that are not in the pool, as `Struct.field`. */
  readonly dropped: Set<string>;
}

/** New names by old ones: of fields, of `Struct.field`, and of structs. */
export type Renames = ReadonlyMap<string, string>;

/**
 * Follows renames from a name of the save, up to the first name that the pool has.
 *
 * @param name The name in the save.
 * @param next Returns what a name was renamed to; `undefined` if it was not.
 * @param isThere Whether the pool has a name.
 * @returns The new name; where the pool has none of them the old one if it has that, else the last.
 */
export function renamed(
  name: string,
  next: (name: string) => string | undefined,
  isThere: (name: string) => boolean,
): string {
  const seen = new Set([name]);
  let last = name;
  for (let it = next(name); it !== undefined && !seen.has(it); it = next(it)) {
    if (isThere(it)) return it;
    last = it;
    seen.add(it);
  }
  return isThere(name) ? name : last;
}

/**
 * Returns the new name of a field.
 *
 * @param renames New names by old ones.
 * @param from A struct of the save.
 * @param to The struct of the pool that it becomes.
 * @param field Name of a field of the first.
 * @returns The new name; the old one if the field was not renamed.
 */
export function newNameOf(
  renames: Renames,
  from: AnyStruct,
  to: AnyStruct,
  field: string,
): string {
  const structs = namesBetween(renames, from.name, to.name);
  return renamed(
    field,
    (it) => {
      const struct = structs.find((name) => renames.has(`${name}.${it}`));
      return renames.get(struct === undefined ? it : `${struct}.${it}`);
    },
    (it) => Object.hasOwn(to.fields, it),
  );
}

/** Returns the names that a struct has had, from its name in the save to that in the pool. */
function namesBetween(renames: Renames, from: string, to: string): string[] {
  const names: string[] = [];
  let name: string | undefined = from;
  while (name !== undefined && name !== to && !names.includes(name)) {
    names.push(name);
    name = renames.get(name);
  }
  return [...names, to];
}

/** A plan that converts the bytes of records of one struct to those of another. */
export class ConversionPlan {
  private readonly copies: Copy[] = [];
  private readonly conversions: Conversion[] = [];

  /** Adds bytes that are copied. */
  copy(from: number, to: number, length: number): void {
    this.copies.push({ from, to, length });
  }

  /** Adds adjacent scalars that are converted. */
  convert(conversion: Conversion): void {
    this.conversions.push(conversion);
  }

  /**
   * Joins adjacent copies, and copies the padding between them as well.
   *
   * @param from The struct of the save.
   * @param to The struct of the pool.
   */
  join(from: AnyStruct, to: AnyStruct): void {
    const fromFields = fieldBytes(from), toFields = fieldBytes(to);
    const isPadding = (fields: Uint8Array, start: number, end: number) =>
      end <= fields.length && !fields.subarray(start, end).includes(1);
    const sorted = this.copies.splice(0).sort((a, b) => a.to - b.to);
    // So that the last copy includes the padding behind it.
    sorted.push({ from: from.size, to: to.size, length: 0 });
    for (const { from, to, length } of sorted) {
      const last = this.copies.at(-1);
      const isNext = last !== undefined && last.from - last.to === from - to &&
        isPadding(fromFields, last.from + last.length, from) &&
        isPadding(toFields, last.to + last.length, to);
      if (isNext) last.length = to + length - last.to;
      else if (length > 0) this.copies.push({ from, to, length });
    }
  }

  /**
   * Converts consecutive records.
   *
   * @param from The records of the save.
   * @param to Their chunks in the pool.
   * @param count How many records.
   * @param wrapped Numbers that wrap are added to it, by field.
   */
  run(from: Row, to: Row, count: number, wrapped: Map<string, number>): void {
    const { copies, conversions } = this;
    const isWhole = from.step === to.step && conversions.length === 0 && copies.length === 1 &&
      copies[0].length === to.step;
    if (isWhole) {
      copyBytes(from.arrays, from.at, to.arrays, to.at, count * to.step);
      return;
    }
    to.arrays.u8.fill(0, to.at, to.at + count * to.step);
    for (let i = 0; i < copies.length; i++) copyEach(copies[i], from, to, count);
    for (let i = 0; i < conversions.length; i++) {
      const { path } = conversions[i];
      const more = convertEach(conversions[i], from, to, count);
      if (more > 0) wrapped.set(path, (wrapped.get(path) ?? 0) + more);
    }
  }
}

/** Consecutive records: offset of the first in bytes, and bytes from one to the next. */
export interface Row {
  readonly arrays: Arrays;
  readonly at: number;
  readonly step: number;
}

function copyEach({ from, to, length }: Copy, source: Row, target: Row, count: number): void {
  const start = source.at + from, at = target.at + to;
  const { i32 } = source.arrays, words = target.arrays.i32;
  const areWords = ((start | at | length | source.step | target.step) & 3) === 0 &&
    length <= SHORT_BYTES && words.length > 0;
  for (let n = 0; n < count && !areWords; n++) {
    const next = start + n * source.step;
    copyBytes(source.arrays, next, target.arrays, at + n * target.step, length);
  }
  if (!areWords) return;
  const wordCount = length >> 2, skip = (source.step >> 2) - wordCount;
  const targetStep = target.step >> 2;
  let i = start / 4 >>> 0; // a save may have more than 2^31 bytes
  for (let first = at >> 2, n = 0; n < count; n++, first += targetStep) {
    for (let j = first; j < first + wordCount; j++) words[j] = i32[i++];
    i += skip;
  }
}

function convertEach(conversion: Conversion, from: Row, to: Row, count: number): number {
  const { length, fromBytes, toBytes, convert } = conversion;
  const source = from.arrays[conversion.fromArray], target = to.arrays[conversion.toArray];
  let start = from.at + conversion.from;
  let at = to.at + conversion.to;
  let wrapped = 0;
  for (let i = 0; i < count; i++) {
    const first = start / fromBytes, last = at / toBytes;
    for (let j = 0; j < length; j++) wrapped += convert(source, first + j, target, last + j);
    start += from.step;
    at += to.step;
  }
  return wrapped;
}

/** Bytes of a record that are copied: offsets in both structs, and how many. */
interface Copy {
  readonly from: number;
  readonly to: number;
  length: number;
}

/**
 * Adjacent scalars of a record that are converted: offsets in both structs, the typed arrays that
 * they are read and written through, and the bytes of one scalar.
 */
interface Conversion {
  readonly from: number;
  readonly fromArray: keyof Arrays;
  readonly fromBytes: number;
  readonly to: number;
  readonly toArray: keyof Arrays;
  readonly toBytes: number;
  readonly length: number;
  /** Names their field in the report. */
  readonly path: string;
  readonly convert: Convert;
}

/** Converts an element of one array to one of another, and returns 1 if it wrapped, else 0. */
type Convert = (from: Elements, i: number, to: Elements, j: number) => number;

/** A typed array of numbers or bigints. */
interface Elements {
  [i: number]: number | bigint;
}

/** Up to this many bytes a loop is faster than `TypedArray.set`. */
const SHORT_BYTES = 96;

/**
 * Copies bytes from one buffer to another.
 *
 * @param from Typed arrays over the source.
 * @param start Offset in the source, in bytes.
 * @param to Typed arrays over the target.
 * @param at Offset in the target, in bytes.
 * @param length Bytes to copy.
 */
export function copyBytes(
  from: Pick<Arrays, "u8" | "i32">,
  start: number,
  to: Pick<Arrays, "u8" | "i32">,
  at: number,
  length: number,
): void {
  if (length > SHORT_BYTES) to.u8.set(from.u8.subarray(start, start + length), at);
  else if (((start | at | length) & 3) === 0 && from.i32.length > 0 && to.i32.length > 0) {
    const source = from.i32, target = to.i32;
    let i = start / 4; // not shifted, as a save may have more than 2^31 bytes
    for (let j = at >> 2, end = j + (length >> 2); j < end; j++) target[j] = source[i++];
  } else {
    const source = from.u8, target = to.u8;
    for (let i = 0; i < length; i++) target[at + i] = source[start + i];
  }
}

// -- from fields to fields --

/**
 * Plans the conversion of records of one struct to another.
 *
 * @param from The struct of the save.
 * @param to The struct of the pool.
 * @param renames New names by old ones.
 * @param changes New and dropped fields are added to it.
 * @returns The plan.
 */
export function planFor(
  from: AnyStruct,
  to: AnyStruct,
  renames: Renames,
  changes: Changes,
): ConversionPlan {
  const plan = new ConversionPlan();
  new Planner(plan, renames, changes).structs(from, 0, to, 0, to.name || "struct");
  plan.join(from, to);
  return plan;
}

/** Compares two structs field by field, and adds to a plan. */
class Planner {
  private readonly plan: ConversionPlan;
  private readonly renames: Renames;
  private readonly changes: Changes;

  constructor(plan: ConversionPlan, renames: Renames, changes: Changes) {
    this.plan = plan;
    this.renames = renames;
    this.changes = changes;
  }

  /** Plans the fields of a struct at an offset, in bytes; `path` names it in the report. */
  structs(from: AnyStruct, fromAt: number, to: AnyStruct, toAt: number, path: string): void {
    const { added, dropped } = this.changes;
    const sources = this.sourcesOf(from, to, path);
    for (const [name, field] of Object.entries(to.fields)) {
      const oldName = sources.get(name);
      const source = oldName === undefined ? undefined : from.fields[oldName];
      const isTaken = source !== undefined &&
        this.field(source, fromAt + source.offset, field, toAt + field.offset, `${path}.${name}`);
      if (isTaken) sources.delete(name);
      else added.add(`${path}.${name}`);
    }
    for (const oldName of sources.values()) dropped.add(`${path}.${oldName}`);
  }

  /**
   * Returns the names of a struct's fields by their new names. A renamed field replaces one that
   * has its new name.
   */
  private sourcesOf(from: AnyStruct, to: AnyStruct, path: string): Map<string, string> {
    const sources = new Map<string, string>();
    const names = Object.keys(from.fields).map((name) =>
      [newNameOf(this.renames, from, to, name), name] as const
    );
    const isKept = ([newName, name]: readonly [string, string]) => newName === name;
    for (const [newName, name] of [...names.filter(isKept), ...names.filter((it) => !isKept(it))]) {
      const replaced = sources.get(newName);
      if (replaced !== undefined) this.changes.dropped.add(`${path}.${replaced}`);
      sources.set(newName, name);
    }
    return sources;
  }

  /**
   * Plans a field, a scalar as an array of one; returns false between a struct and a scalar, which
   * have no conversion.
   */
  private field(
    from: Field,
    fromAt: number,
    to: Field,
    toAt: number,
    path: string,
  ): boolean {
    const a = elementOf(from.type), b = elementOf(to.type);
    const length = Math.min(from.length, to.length);
    if (a instanceof Struct && b instanceof Struct) {
      for (let i = 0; i < length; i++) {
        this.structs(a, fromAt + i * a.size, b, toAt + i * b.size, path);
      }
      return true;
    }
    if (a instanceof Struct || b instanceof Struct) return false;
    const fromType = scalarOf(a), toType = scalarOf(b);
    const fromBytes = SCALAR_BYTES[fromType], toBytes = SCALAR_BYTES[toType];
    if (fromType === toType) this.plan.copy(fromAt, toAt, length * toBytes);
    else {
      this.plan.convert({
        ...{ from: fromAt, fromArray: SCALARS[fromType].array, fromBytes },
        ...{ to: toAt, toArray: SCALARS[toType].array, toBytes },
        ...{ length, path, convert: conversionOf(fromType, toType) },
      });
    }
    return true;
  }
}

// -- from numbers to numbers --

/** Least and greatest value of each integer type of up to 32 bits. */
const RANGES: Partial<Record<ScalarType, readonly [least: number, most: number]>> = {
  u8: [0, 255],
  i8: [-128, 127],
  u16: [0, 65_535],
  i16: [-32_768, 32_767],
  u32: [0, 0xffff_ffff],
  i32: [-0x8000_0000, 0x7fff_ffff],
  ref: [0, 0xffff_ffff],
};

/**
 * Returns the conversion between two types. Signed and unsigned integers of a width share a typed
 * array: the stored bits are the same.
 */
function conversionOf(from: ScalarType, to: ScalarType): Convert {
  const { decode } = SCALARS[from] as Scalar; // from an element of its typed array
  const read = decode as (raw: unknown) => number | bigint | boolean;
  if (to === "bool") {
    return (a, i, b, j) => {
      b[j] = read(a[i]) ? 1 : 0;
      return 0;
    };
  }
  const isBig = from === "i64" || from === "u64";
  if (to === "i64" || to === "u64") {
    return isBig ? bigToBig : numberToBig(read as (raw: unknown) => number, to);
  }
  const range = RANGES[to];
  if (range !== undefined && isBig) return bigToInteger(from, range);
  if (range !== undefined) return numberToInteger(read as (raw: unknown) => number, range);
  return (a, i, b, j) => {
    const value = Number(read(a[i]));
    b[j] = value;
    return Number.isFinite(value) && !Number.isFinite(b[j]) ? 1 : 0;
  };
}

function numberToInteger(
  read: (raw: unknown) => number,
  [least, most]: readonly [number, number],
): Convert {
  return (a, i, b, j) => {
    const value = +read(a[i]); // a number or a boolean
    b[j] = value;
    return value > least - 1 && value < most + 1 ? 0 : 1; // the fraction is cut off
  };
}

function bigToInteger(from: "i64" | "u64", [least, most]: readonly [number, number]): Convert {
  const read = SCALARS[from].decode;
  return (a, i, b, j) => {
    const value = read(a[i] as never); // an element of the array of its type
    b[j] = Number(BigInt.asIntN(32, value)); // the target keeps at most 32 bits
    return value >= least && value <= most ? 0 : 1;
  };
}

/**
 * Copies a 64-bit integer to the other signedness. With the highest bit set it is in the range of
 * only one of the two.
 */
function bigToBig(a: Elements, i: number, b: Elements, j: number): number {
  b[j] = a[i];
  return a[i] < 0 ? 1 : 0;
}

function numberToBig(read: (raw: unknown) => number, to: "i64" | "u64"): Convert {
  const [least, most] = to === "u64" ? [0, 2 ** 64] : [-(2 ** 63), 2 ** 63];
  return (a, i, b, j) => {
    const value = Math.trunc(+read(a[i])); // a number or a boolean
    b[j] = BigInt(Number.isFinite(value) ? value : 0);
    return value >= least && value < most ? 0 : 1;
  };
}
