/**
 * `Pool` alone: an entry for programs without a bundler, which loads no other class.
 *
 * @example Usage
 * ```ts
 * import { Pool } from "@slabs/pool/pool";
 * import { assertEquals } from "@std/assert";
 *
 * using bullets = new Pool({ x: "f32", life: "u8" });
 * assertEquals(bullets.get(bullets.alloc({ life: 60 })).life, 60);
 * ```
 *
 * @module
 */
export { Pool } from "./src/pool/pool.ts";
export type * from "./mod.ts";
