/**
 * Structs alone: an entry for programs without a bundler, which loads no pool.
 *
 * @example Usage
 * ```ts
 * import { array, struct } from "@slabs/pool/schema";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(struct({ rgba: array("u8", 4), x: "f32" }).size, 8);
 * ```
 *
 * @module
 */
export { array } from "./src/struct/array.ts";
export { ref, Struct, struct } from "./src/struct/schema.ts";
export type * from "./mod.ts";
