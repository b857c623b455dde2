/**
 * `pack`: copies the live records of a pool into an array, without gaps.
 *
 * @module
 */
import { ALL_KINDS } from "../slab/iterate.ts";
import {
  packChunks,
  type PackedSlab,
  packerOf,
  packSlab,
  packSome,
  type PackTarget,
  type Selection,
} from "../slab/pack.ts";
import { type OwnCode, usableSlabs } from "../slab/typed_slab.ts";
import {
  type AnyStruct,
  type FieldName,
  type Fields,
  Struct,
  type StructOf,
} from "../struct/schema.ts";
import type { ErasedPool } from "./erased_pool.ts";
import type { Pool } from "./pool.ts";
import type { PoolSet } from "./pool_set.ts";

/**
 * The part of the blocks that one pass visits: every `of`-th, from the one at position `stripe`.
 *
 * Use it to share a pass among threads.
 *
 * @category Shared pools
 */
export interface Stripe {
  /** Number of the stripe, an integer from 0 to `of` - 1. */
  readonly stripe: number;
  /** Number of stripes, an integer from 1. */
  readonly of: number;
}

/**
 * What `pack` needs of a {@linkcode SharedPool}.
 *
 * @category Shared pools
 * @typeParam T The struct, or the fields of one.
 * @internal
 */
export interface StripedPool<T extends AnyStruct | Fields> {
  /** The struct of the records. */
  readonly struct: StructOf<T>;
  /** @ignore */
  _packed(): PackedSlab;
  /** @ignore */
  _ownCode(): OwnCode;
  /** @ignore */
  _select(selection: Selection, stripe?: Stripe): void;
}

/**
 * Copies every live record into an array of yours, without gaps and in memory order, in
 * O(`capacity` / 32 + `size`). Use it for the instance buffers of a GPU, for messages and for
 * WebAssembly. Nothing is allocated when an array is filled again.
 *
 * Without `fields` whole records are copied, `struct.size` bytes each, into an array of any type.
 * With `fields` only those are copied, in the order in which they are named and without padding;
 * an array field stands for its elements, a nested struct for its fields. Into a `Uint8Array` or
 * `DataView` their bytes are copied, in the byte order of the machine. Into any other typed array
 * each value is assigned to one element, and is converted to its type: `bool` becomes 0 or 1, and
 * `i64` and `u64` only go into arrays of bigints, which take nothing else.
 *
 * @category Pools
 * @typeParam T The struct, or the fields of one.
 * @param pool A pool of one struct.
 * @param out A typed array or `DataView`, filled from its start; elements beyond the records are
 * left as they were.
 * @param fields Names of fields, at least one; whole records if left out.
 * @returns How many records were copied.
 * @throws {RangeError} when `out` is too short; the error gives the length that is needed.
 * Nothing is written then.
 * @throws {TypeError} when a field is unknown or cannot be stored in such an array, or the pool's
 * memory was detached.
 * @throws {DisposedError} after `dispose`.
 *
 * @example Usage
 * ```ts
 * import { pack, Pool } from "@slabs/pool";
 * import { assertEquals } from "@std/assert";
 *
 * using ships = new Pool({ x: "f32", y: "f32", hp: "u16" });
 * ships.alloc({ x: 1, y: 2, hp: 9 });
 * ships.alloc({ x: 3, y: 4 });
 * const instances = new Float32Array(2 * ships.size);
 * assertEquals(pack(ships, instances, ["x", "y"]), 2);
 * assertEquals(instances, Float32Array.of(1, 2, 3, 4)); // device.queue.writeBuffer(buffer, 0, instances)
 * ```
 */
export function pack<T extends AnyStruct | Fields>(
  pool: Pool<T>,
  out: PackTarget,
  fields?: readonly FieldName<T>[],
): number;
/**
 * Copies every live record of one struct into an array of yours, without gaps and in memory
 * order. A pool without `types` copies every record as if it were of the struct.
 *
 * @category Pools
 * @typeParam S The structs of the pool.
 * @typeParam T The struct type.
 * @param pool A pool of several structs.
 * @param struct The struct of the records.
 * @param out A typed array or `DataView`, filled from its start.
 * @param fields Names of fields; whole records if left out, of the struct's size, not the
 * chunk's.
 * @returns How many records were copied.
 * @throws {RangeError} when `out` is too short; the error gives the length that is needed.
 * Nothing is written then.
 * @throws {TypeError} when a field is unknown or cannot be stored in such an array.
 * @throws {SchemaError | TypeMismatchError} when records of the struct cannot be stored here.
 * @throws {DisposedError} after `dispose`.
 *
 * @example Usage
 * ```ts
 * import { ErasedPool, pack, struct } from "@slabs/pool";
 * import { assertEquals } from "@std/assert";
 *
 * const Bullet = struct({ x: "f32", y: "f32", damage: "u8" }, { name: "Bullet" });
 * const Spark = struct({ x: "f32", heat: "u8" }, { name: "Spark" });
 * using cells = new ErasedPool({ size: 16, types: [Bullet, Spark] });
 * cells.alloc(Bullet, { x: 1, y: 2 });
 * cells.alloc(Spark, { x: 3 });
 * const instances = new Float32Array(2);
 * assertEquals(pack(cells, Bullet, instances, ["x", "y"]), 1);
 * assertEquals(instances, Float32Array.of(1, 2));
 * ```
 */
export function pack<S extends AnyStruct, T extends S>(
  pool: ErasedPool<S> | PoolSet<S>,
  struct: T,
  out: PackTarget,
  fields?: readonly FieldName<T>[],
): number;
/**
 * Copies the whole chunk of every live record of any struct into an array of yours, without
 * gaps and in memory order. Those of a set are copied class by class, from the smallest:
 * `stats().classes` gives the `size` and `chunkBytes` of each.
 *
 * @category Pools
 * @param pool A pool of several structs.
 * @param out A typed array or `DataView`, filled from its start.
 * @returns How many records were copied.
 * @throws {RangeError} when `out` is too short; the error gives the length that is needed.
 * Nothing is written then.
 * @throws {DisposedError} after `dispose`.
 */
export function pack<S extends AnyStruct>(
  pool: ErasedPool<S> | PoolSet<S>,
  out: PackTarget,
): number;
/**
 * Copies every live record into an array without gaps, in block and chunk order and in
 * O(capacity). Other threads may use the pool meanwhile.
 *
 * The live records are selected before the first is copied. A record that another thread writes
 * or frees meanwhile may be copied with its old bytes, its new ones, or some of both.
 *
 * @category Shared pools
 * @typeParam T The struct, or the fields of one.
 * @param pool A {@linkcode SharedPool}.
 * @param out A typed array or `DataView`, filled from its start.
 * @param fields Names of fields; whole records where it is left out.
 * @param stripe The blocks to visit, by default all.
 * @returns How many records were copied.
 * @throws {RangeError} when `out` is too short (the error gives the length that is needed), or when
 * the stripe is out of range. Nothing is written then.
 * @throws {TypeError} when a field is unknown, or does not fit the type of `out`.
 * @throws {DisposedError} after `dispose`.
 *
 * @example Usage
 * ```ts
 * import { pack, SharedPool } from "@slabs/pool";
 * import { assertEquals } from "@std/assert";
 *
 * using sparks = SharedPool.create({ x: "f32", y: "f32", heat: "u8" });
 * sparks.alloc({ x: 1, y: 2 });
 * const instances = new Float32Array(200);
 * assertEquals(pack(sparks, instances, ["x", "y"]), 1);
 * assertEquals([...instances.subarray(0, 2)], [1, 2]);
 * ```
 */
export function pack<T extends AnyStruct | Fields>(
  pool: StripedPool<T>,
  out: PackTarget,
  fields?: readonly FieldName<T>[],
  stripe?: Stripe,
): number;
export function pack(
  pool: object,
  structOrOut: unknown,
  outOrFields?: unknown,
  fieldsOrStripe?: unknown,
): number {
  if (isStriped(pool)) {
    const fields = outOrFields as readonly string[] | undefined;
    const stripe = fieldsOrStripe as Stripe | undefined;
    return packSome(pool, structOrOut as PackTarget, fields, stripe);
  }
  const fields = fieldsOrStripe as readonly string[] | undefined;
  const all = usableSlabs("pack", pool);
  const [{ slab, struct, code }] = all;
  if (struct === undefined && structOrOut instanceof Struct) {
    return packKind(pool, structOrOut, outOrFields as PackTarget, fields);
  }
  const out = structOrOut as PackTarget; // any other value throws
  const names = outOrFields as readonly string[] | undefined; // likewise
  if (struct === undefined && names === undefined) return packChunks(all, out);
  return packSlab(slab, packerOf(code, struct, slab.chunkBytes), ALL_KINDS, out, names);
}

function isStriped(pool: object): pool is StripedPool<AnyStruct> {
  return typeof pool === "object" && pool !== null && "_packed" in pool;
}

/** Packs the records of one struct. */
function packKind(
  pool: object,
  struct: AnyStruct,
  out: PackTarget,
  fields: readonly string[] | undefined,
): number {
  // A set has a pool for each of its size classes.
  const part = "poolFor" in pool ? (pool as PoolSet).poolFor(struct) : pool as ErasedPool;
  const tag = part._tagOf("pack", struct);
  const [{ slab, kinds, code }] = usableSlabs("pack", part);
  const isMixed = kinds.length > 1; // only a pool with tags has kinds
  const packer = packerOf(code, struct, slab.chunkBytes);
  return packSlab(slab, packer, isMixed ? tag : ALL_KINDS, out, fields);
}
