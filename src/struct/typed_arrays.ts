/**
 * The typed arrays over one region of memory.
 *
 * Signed and unsigned integers of a width share one, so that a block carries few: the sign is put back on reading, which
 * costs a shift.
 *
 * @module
 */
import type { MemoryRegion } from "../memory/resource.ts";
import { type Arrays, SCALARS } from "./scalars.ts";
import { type AnyStruct, elementOf, scalarOf, Struct } from "./schema.ts";

/** One bit for each typed array, to say in a number which of them are wanted. */
export const ARRAY_BIT = { u8: 1, u16: 2, i32: 4, f16: 8, f32: 16, f64: 32, i64: 64 } as const;

// An array that nobody asked for is an empty one of the right class, so that every field keeps one shape.
const NO_U8 = new Uint8Array(0);
const NO_U16 = new Uint16Array(0);
const NO_I32 = new Int32Array(0);
const NO_F32 = new Float32Array(0);
// Where the engine has no Float16Array, struct() refuses f16 and this one is never read.
const NO_F16 = "Float16Array" in globalThis
  ? new Float16Array(0)
  : NO_F32 as unknown as Float16Array;
const NO_F64 = new Float64Array(0);
const NO_I64 = new BigInt64Array(0);

/** What can be moved from record to record: a view. */
export interface Movable {
  /** Typed arrays over the memory of the record. */
  _b: TypedArrays;
  /** Byte offset of the record in them. */
  _o: number;
}

/** The typed arrays over one region. */
export class TypedArrays implements Arrays {
  /** Every byte; always there. */
  u8: Uint8Array = NO_U8;
  u16: Uint16Array = NO_U16;
  i32: Int32Array = NO_I32;
  f16: Float16Array = NO_F16;
  f32: Float32Array = NO_F32;
  f64: Float64Array = NO_F64;
  i64: BigInt64Array = NO_I64;

  /**
   * Moves a view to a record.
   *
   * @param view The view.
   * @param offset Byte offset of the record.
   */
  bind(view: Movable, offset: number): void {
    view._b = this;
    view._o = offset;
  }

  /**
   * Tells which of all the records that ever come to lie at an offset does so now. Debug views ask at each access.
   *
   * @param _offset Byte offset of a record.
   * @param _byteLength Its bytes.
   * @returns A number that changes when the record there is freed.
   */
  epochAt(_offset: number, _byteLength: number): number {
    return 0;
  }

  /**
   * @param offset Byte offset of a record.
   * @param epoch What {@linkcode epochAt} told while it was live.
   * @returns The error for a view that is used after that.
   */
  staleError(offset: number, epoch: number): Error {
    return new Error(`Cannot use a view: the record at byte ${offset}, epoch ${epoch}, is gone`);
  }

  /**
   * Makes typed arrays over a region.
   *
   * @param region Starts at a multiple of the widest array's element size.
   * @param bytes How much of it.
   * @param arrays Sum of {@linkcode ARRAY_BIT}s.
   */
  protected attach(
    { buffer, byteOffset: at }: MemoryRegion,
    bytes: number,
    arrays: number,
  ): void {
    this.u8 = new Uint8Array(buffer, at, bytes);
    if (arrays & ARRAY_BIT.u16) this.u16 = new Uint16Array(buffer, at, bytes >> 1);
    if (arrays & ARRAY_BIT.i32) this.i32 = new Int32Array(buffer, at, bytes >> 2);
    if (arrays & ARRAY_BIT.f16) this.f16 = new Float16Array(buffer, at, bytes >> 1);
    if (arrays & ARRAY_BIT.f32) this.f32 = new Float32Array(buffer, at, bytes >> 2);
    if (arrays & ARRAY_BIT.f64) this.f64 = new Float64Array(buffer, at, bytes >> 3);
    if (arrays & ARRAY_BIT.i64) this.i64 = new BigInt64Array(buffer, at, bytes >> 3);
  }

  /** Lets go of the region: every array is empty from here on, reads give nothing and writes go nowhere. */
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
 * @returns The sum of the {@linkcode ARRAY_BIT}s that its fields are read and written through.
 */
export function arraysOf(struct: AnyStruct): number {
  let arrays = 0;
  for (const { type } of Object.values(struct.fields)) {
    const element = elementOf(type);
    arrays |= element instanceof Struct
      ? arraysOf(element)
      : ARRAY_BIT[SCALARS[scalarOf(element)].array];
  }
  return arrays;
}

/**
 * @param align Bytes that records are aligned to.
 * @returns The sum of the {@linkcode ARRAY_BIT}s that a struct of that alignment, or of less, can need in this engine.
 */
export function arraysWithin(align: number): number {
  const f16 = "Float16Array" in globalThis ? ARRAY_BIT.f16 : 0;
  let arrays: number = ARRAY_BIT.u8;
  if (align >= 2) arrays |= ARRAY_BIT.u16 | f16;
  if (align >= 4) arrays |= ARRAY_BIT.i32 | ARRAY_BIT.f32;
  if (align >= 8) arrays |= ARRAY_BIT.f64 | ARRAY_BIT.i64;
  return arrays;
}
