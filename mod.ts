/**
 * Typed object pools: records in slabs, taken and given back in constant time.
 *
 * @module
 */
export * from "./src/errors.ts";
export * from "./src/memory.ts";
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
export * from "./src/inspect.ts";
