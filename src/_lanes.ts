/**
 * Lanes: the typed arrays over one region of memory, and single values read and written through them.
 *
 * Signed and unsigned integers of a width share a lane, so that a block carries few typed arrays: the sign is put
 * back on reading, which costs a shift and lets the compiler keep every access monomorphic.
 *
 * @module
 */
import type { MemoryRegion } from "./memory.ts";
import { type AnyStruct, type ElementType, scalarOf, type ScalarType, Struct } from "./schema.ts";

/** Bits of a lane set. */
export const LANE = { u8: 1, u16: 2, i32: 4, f16: 8, f32: 16, f64: 32, i64: 64 } as const;

const LANE_OF: Readonly<Record<ScalarType, keyof typeof LANE>> = {
  i8: "u8",
  u8: "u8",
  bool: "u8",
  i16: "u16",
  u16: "u16",
  f16: "f16",
  i32: "i32",
  u32: "i32",
  ref: "i32",
  f32: "f32",
  f64: "f64",
  i64: "i64",
  u64: "i64",
};

// A lane that nobody asked for is an empty array of the right class, so that every field keeps one shape.
const NO_U8 = new Uint8Array(0);
const NO_U16 = new Uint16Array(0);
const NO_I32 = new Int32Array(0);
const NO_F32 = new Float32Array(0);
// Where the engine has no Float16Array, struct() refuses f16 and this lane is never read.
const NO_F16 = "Float16Array" in globalThis
  ? new Float16Array(0)
  : NO_F32 as unknown as Float16Array;
const NO_F64 = new Float64Array(0);
const NO_I64 = new BigInt64Array(0);

/** What stands on a record and can be moved to another one. */
export interface Standing {
  /** Lanes over the memory of the record. */
  _b: Lanes;
  /** Offset of the record, in units of 2^`_shift` bytes. */
  _o: number;
  /** 2 where records are aligned to words of 4 bytes or more, so that an offset is an index of such words; else 0. */
  readonly _shift: number;
}

/** The typed arrays over one region. */
export class Lanes {
  /** Every byte; always there. */
  u8: Uint8Array = NO_U8;
  u16: Uint16Array = NO_U16;
  i32: Int32Array = NO_I32;
  f16: Float16Array = NO_F16;
  f32: Float32Array = NO_F32;
  f64: Float64Array = NO_F64;
  i64: BigInt64Array = NO_I64;

  /**
   * Moves a view to a record. Loops that move one along do it themselves. A method, since what a module imports is looked up at
   * each call.
   *
   * @param view The view.
   * @param offset Byte offset of the record.
   */
  place(view: Standing, offset: number): void {
    view._b = this;
    view._o = offset >> view._shift;
  }

  /**
   * Tells which of all the records that ever come to lie at an offset does so now. Debug views ask at each access.
   *
   * @param _offset Byte offset of a record.
   * @param _byteLength Its bytes.
   * @returns A number that changes when the record there dies.
   */
  lifeAt(_offset: number, _byteLength: number): number {
    return 0;
  }

  /**
   * @param offset Byte offset of a record.
   * @param life What {@linkcode lifeAt} told while it was live.
   * @returns The error for a view that is used past that.
   */
  deadError(offset: number, life: number): Error {
    return new Error(`Cannot use a view: the record at byte ${offset}, life ${life}, is gone`);
  }

  /**
   * Lays lanes over a region.
   *
   * @param region Starts at a multiple of the widest lane's width.
   * @param bytes How much of it.
   * @param lanes Set of {@linkcode LANE} bits.
   */
  protected attach(
    { buffer, byteOffset: at }: MemoryRegion,
    bytes: number,
    lanes: number,
  ): void {
    this.u8 = new Uint8Array(buffer, at, bytes);
    if (lanes & LANE.u16) this.u16 = new Uint16Array(buffer, at, bytes >> 1);
    if (lanes & LANE.i32) this.i32 = new Int32Array(buffer, at, bytes >> 2);
    if (lanes & LANE.f16) this.f16 = new Float16Array(buffer, at, bytes >> 1);
    if (lanes & LANE.f32) this.f32 = new Float32Array(buffer, at, bytes >> 2);
    if (lanes & LANE.f64) this.f64 = new Float64Array(buffer, at, bytes >> 3);
    if (lanes & LANE.i64) this.i64 = new BigInt64Array(buffer, at, bytes >> 3);
  }

  /** Lets go of the region: every lane is empty from here on, reads give nothing and writes go nowhere. */
  protected detach(): void {
    this.u8 = NO_U8;
    this.u16 = NO_U16;
    this.i32 = NO_I32;
    this.f16 = NO_F16;
    this.f32 = NO_F32;
    this.f64 = NO_F64;
    this.i64 = NO_I64;
  }
}

/**
 * @param struct A struct.
 * @returns The set of lanes that its fields are read and written through.
 */
export function lanesOf(struct: AnyStruct): number {
  let lanes = 0;
  for (const { type } of Object.values(struct.fields)) {
    const element: ElementType = typeof type === "object" && "element" in type
      ? type.element
      : type;
    lanes |= element instanceof Struct ? lanesOf(element) : LANE[LANE_OF[scalarOf(element)]];
  }
  return lanes;
}

/**
 * @param align Bytes that records are aligned to.
 * @returns The set of lanes that a struct of that alignment, or of less, can need in this engine.
 */
export function lanesWithin(align: number): number {
  const f16 = "Float16Array" in globalThis ? LANE.f16 : 0;
  let lanes: number = LANE.u8;
  if (align >= 2) lanes |= LANE.u16 | f16;
  if (align >= 4) lanes |= LANE.i32 | LANE.f32;
  if (align >= 8) lanes |= LANE.f64 | LANE.i64;
  return lanes;
}

/**
 * Reads one value; the slow, general twin of a view's accessors.
 *
 * @param lanes Lanes over the memory.
 * @param type What to read.
 * @param at Byte offset, a multiple of the type's size.
 * @returns A number, bigint or boolean.
 */
export function readScalar(lanes: Lanes, type: ScalarType, at: number): number | bigint | boolean {
  switch (type) {
    case "u8":
      return lanes.u8[at];
    case "i8":
      return lanes.u8[at] << 24 >> 24;
    case "bool":
      return lanes.u8[at] !== 0;
    case "u16":
      return lanes.u16[at >> 1];
    case "i16":
      return lanes.u16[at >> 1] << 16 >> 16;
    case "f16":
      return lanes.f16[at >> 1];
    case "i32":
      return lanes.i32[at >> 2];
    case "u32":
    case "ref":
      return lanes.i32[at >> 2] >>> 0;
    case "f32":
      return lanes.f32[at >> 2];
    case "f64":
      return lanes.f64[at >> 3];
    case "i64":
      return lanes.i64[at >> 3];
    case "u64":
      return BigInt.asUintN(64, lanes.i64[at >> 3]);
  }
}

/**
 * Writes one value; the slow, general twin of a view's accessors.
 *
 * @param lanes Lanes over the memory.
 * @param type What to write.
 * @param at Byte offset, a multiple of the type's size.
 * @param value A value of that type; a number out of range wraps.
 */
export function writeScalar(
  lanes: Lanes,
  type: ScalarType,
  at: number,
  value: number | bigint | boolean,
): void {
  // The caller checked the value against the type; only the compiler does not know.
  const number = value as number;
  switch (type) {
    case "u8":
    case "i8":
      lanes.u8[at] = number;
      break;
    case "bool":
      lanes.u8[at] = value ? 1 : 0;
      break;
    case "u16":
    case "i16":
      lanes.u16[at >> 1] = number;
      break;
    case "f16":
      lanes.f16[at >> 1] = number;
      break;
    case "i32":
    case "u32":
    case "ref":
      lanes.i32[at >> 2] = number;
      break;
    case "f32":
      lanes.f32[at >> 2] = number;
      break;
    case "f64":
      lanes.f64[at >> 3] = number;
      break;
    case "i64":
    case "u64":
      lanes.i64[at >> 3] = value as bigint;
      break;
  }
}
