/**
 * Typed object pools for Deno, Node, Bun and browsers: struct-like records packed into typed-array
 * slabs, allocated and freed in constant time, through handles that know when they are stale.
 *
 * @example Usage
 * ```ts
 * import { Pool, StaleHandleError } from "@slabs/pool";
 * import { assertThrows } from "@std/assert";
 *
 * using bullets = new Pool({ x: "f32", vx: "f32", life: "u8" });
 * const bullet = bullets.alloc({ x: 10, vx: 3, life: 60 });
 * for (const it of bullets) it.x += it.vx;
 * bullets.free(bullet);
 * assertThrows(() => bullets.get(bullet), StaleHandleError);
 * ```
 *
 * @module
 */
export { Pool } from "./src/pool/pool.ts";
export { ErasedPool, type ErasedPoolOptions, type HandleOf } from "./src/pool/erased_pool.ts";
export * from "./src/pool/pool_set.ts";
export {
  type HandleArray,
  type HandleNumbers,
  PoolBase,
  type PoolBlock,
  type PoolStats,
  type ScopedRecord,
} from "./src/pool/pool_base.ts";
export type { PoolOptions } from "./src/pool/options.ts";
export {
  type AnyStruct,
  type ArrayType,
  type ElementType,
  type Field,
  type FieldName,
  type Fields,
  type FieldType,
  type Infer,
  type Init,
  type InitOf,
  type ItemsOf,
  ref,
  type RefType,
  type ScalarType,
  Struct,
  struct,
  type StructOf,
  type StructOptions,
  type ValueOf,
} from "./src/struct/schema.ts";
export { toC, toWGSL } from "./src/struct/text.ts";
export * from "./src/struct/handle_type.ts";
export type { RecordMethods, View, Viewed, viewed } from "./src/struct/view.ts";
export { array } from "./src/struct/array.ts";
export type { ArrayView, FieldView, NoSpread, ReusedIterator } from "./src/struct/array_view.ts";
export type { HandleKind } from "./src/slab/handle.ts";
export { HandleMap, type HandleMapPool } from "./src/pool/handle_map.ts";
export { pack, type StripedPool } from "./src/pool/pack.ts";
export type { PackTarget } from "./src/slab/pack.ts";
export { compact } from "./src/pool/compact.ts";
export * from "./src/pool/snapshot.ts";
export type { NewBytes, SnapshotOptions } from "./src/slab/envelope.ts";
export * from "./src/pool/save.ts";
export * from "./src/bytes/arena.ts";
export { restoreArena, snapshotArena } from "./src/bytes/arena_snapshot.ts";
export * from "./src/bytes/stack_allocator.ts";
export * from "./src/bytes/free_list_allocator.ts";
export * from "./src/bytes/byte_allocator.ts";
export * from "./src/shared/shared_pool.ts";
export * from "./src/memory/resource.ts";
export * from "./src/memory/wasm.ts";
export { type Configuration, configure, specialization } from "./src/slab/own_code.ts";
export { debug } from "./src/slab/debug.ts";
export { spread } from "./src/slab/spread.ts";
export type { SpreadReuse } from "./src/slab/slab.ts";
export type { DebugMode } from "./src/slab/debug_mode.ts";
export * from "./src/inspect/validate.ts";
export * from "./src/inspect/dump.ts";
export * from "./src/errors.ts";
