/**
 * The typed arrays over one region of memory.
 *
 * Signed and unsigned integers of one width share an array, so that a block has few arrays; a shift
 * on reading restores the sign.
 *
 * @module
 */
import type { MemoryRegion } from "../memory/resource.ts";
import { type Arrays, SCALARS } from "./scalars.ts";
import { type AnyStruct, elementOf, scalarOf, Struct } from "./schema.ts";

/** A bit for each typed array; a sum of them is a set of arrays. */
export const ARRAY_BIT = { u8: 1, u16: 2, i32: 4, f16: 8, f32: 16, f64: 32, i64: 64 } as const;

// An array that is not needed is an empty one of the same class, so that every property keeps its
// type.
const NO_U8 = /* @__PURE__ */ new Uint8Array(0);
const NO_U16 = /* @__PURE__ */ new Uint16Array(0);
const NO_I32 = /* @__PURE__ */ new Int32Array(0);
const NO_F32 = /* @__PURE__ */ new Float32Array(0);
// Without Float16Array in the engine struct() throws on f16, so this one is never read.
const NO_F16 =
  /* @__PURE__ */ (() =>
    "Float16Array" in globalThis ? new Float16Array(0) : NO_F32 as unknown as Float16Array)();
const NO_F64 = /* @__PURE__ */ new Float64Array(0);
const NO_I64 = /* @__PURE__ */ new BigInt64Array(0);

/** A view of a record, which can be bound to another one. */
export interface Movable {
  /** Typed arrays over the memory of the record. */
  _b: TypedArrays;
  /** Offset of the record in them, in units. */
  _o: number;
  /** Base-2 logarithm of the unit in bytes; see `placeOf` in `scalars.ts`. */
  readonly _u: number;
}

/** Tells views in debug mode whether their record is live. */
export interface RecordKeeper {
  /**
   * Returns the epoch of a record, which debug views compare at each access.
   *
   * @param arrays The typed arrays that it is in.
   * @param offset Its byte offset there.
   * @param byteLength Its size in bytes.
   * @returns A number that changes when the record is freed; NaN when no record is live there.
   */
  epochAt(arrays: TypedArrays, offset: number, byteLength: number): number;
  /**
   * Creates the error for a view that is used after its record was freed.
   *
   * @param arrays The typed arrays that it was in.
   * @param offset Its byte offset there.
   * @param epoch What {@linkcode epochAt} returned while the record was live.
   * @returns The error.
   */
  staleError(arrays: TypedArrays, offset: number, epoch: number): Error;
}

/** The typed arrays over one region. */
export class TypedArrays implements Arrays {
  /** All bytes; never left out. */
  u8: Uint8Array = NO_U8;
  u16: Uint16Array = NO_U16;
  i32: Int32Array = NO_I32;
  f16: Float16Array = NO_F16;
  f32: Float32Array = NO_F32;
  f64: Float64Array = NO_F64;
  i64: BigInt64Array = NO_I64;

  /**
   * Binds a view to a record.
   *
   * @param view The view.
   * @param offset Byte offset of the record.
   */
  bind(view: Movable, offset: number): void {
    view._b = this;
    view._o = offset >> view._u;
  }

  /** In debug mode, the object that knows whether records are live. */
  get keeper(): RecordKeeper | undefined {
    return undefined;
  }

  /**
   * Creates the typed arrays over a region.
   *
   * @param region Starts at a multiple of the widest array's element size.
   * @param bytes Number of its bytes to cover.
   * @param arrays Sum of {@linkcode ARRAY_BIT}s: the arrays that are needed.
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

  /** Releases the region: every array becomes empty, so reads give zero and writes do nothing. */
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
 * Finds the typed arrays that a struct's fields need.
 *
 * @param struct A struct.
 * @returns Sum of {@linkcode ARRAY_BIT}s.
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
 * Finds the typed arrays that any struct up to an alignment can need in this engine.
 *
 * @param align Alignment of the records in bytes.
 * @returns Sum of {@linkcode ARRAY_BIT}s.
 */
export function arraysWithin(align: number): number {
  const f16 = "Float16Array" in globalThis ? ARRAY_BIT.f16 : 0;
  let arrays: number = ARRAY_BIT.u8;
  if (align >= 2) arrays |= ARRAY_BIT.u16 | f16;
  if (align >= 4) arrays |= ARRAY_BIT.i32 | ARRAY_BIT.f32;
  if (align >= 8) arrays |= ARRAY_BIT.f64 | ARRAY_BIT.i64;
  return arrays;
}
