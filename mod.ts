/**
 * Typed object pools: struct-like records packed into typed-array slabs, taken and given back in constant time, through
 * handles that know when they are stale.
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
export * from "./src/errors.ts";
export * from "./src/memory.ts";
export * from "./src/wasm_memory.ts";
export {
  type AnyHandle,
  type brand,
  type Branded,
  type Exactly,
  type Handle,
  type HandleKind,
  NULL_HANDLE,
} from "./src/handle.ts";
export {
  type AnyStruct,
  array,
  type ArrayType,
  type ElementType,
  type Field,
  type Fields,
  type FieldType,
  type Infer,
  type Init,
  type InitOf,
  ref,
  type RefType,
  type ScalarType,
  Struct,
  struct,
  type StructOf,
  type StructOptions,
  type ValueOf,
} from "./src/schema.ts";
export type { PoolOptions } from "./src/options.ts";
export * from "./src/pool.ts";
export * from "./src/byte_allocator.ts";
export * from "./src/arena.ts";
export * from "./src/stack_allocator.ts";
export * from "./src/free_list_allocator.ts";
export * from "./src/inspect.ts";
export * from "./src/erased_pool.ts";
export * from "./src/pool_set.ts";
export * from "./src/shared_pool.ts";
