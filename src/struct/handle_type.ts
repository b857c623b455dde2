/**
 * The types of handles, and the null handle. `slab/handle.ts` packs index and generation into one.
 *
 * @module
 */

import type { Handle as KeyedHandle, Marked } from "./handle_brand.ts";

export type { brand, Branded, Exactly, Handle as KeyedHandle, Marked } from "./handle_brand.ts";

/**
 * Names one record of a pool of `S`: a `number` with a type of its own for each struct.
 *
 * A handle is a plain value: copy it, store it in another record's `ref` field, write it to JSON. A
 * handle of one struct is not assignable to that of another; an {@linkcode AnyHandle} is. After a
 * typed array or JSON, `pool.handle(n)` makes a number a handle again.
 *
 * A struct is identified by its name, or by its fields when it has none. So give structs names:
 * errors then say that `Handle<"Bullet">` is not assignable to `Handle<"Ship">`. `Handle<"Ship">`
 * is the same type as `Handle<typeof Ship>`.
 *
 * @category Handles
 * @typeParam S The struct type, `Handle<typeof Enemy>`; or its name, or its plain fields.
 *
 * @example Usage
 * ```ts
 * import { type Handle, Pool, struct } from "@slabs/pool";
 * import { assertEquals } from "@std/assert";
 *
 * const Ship = struct({ hp: "u16" }, { name: "Ship" });
 * const Bullet = struct({ damage: "u8" }, { name: "Bullet" });
 * using ships = new Pool(Ship);
 * using bullets = new Pool(Bullet);
 *
 * const flagship: Handle<typeof Ship> = ships.alloc({ hp: 900 });
 * const bullet = bullets.alloc();
 * // @ts-expect-error 'Handle<"Bullet">' is not assignable to parameter of type 'Handle<"Ship">'
 * assertEquals(ships.tryGet(bullet)?.hp, 900); // the same number by chance
 * assertEquals(ships.get(flagship).hp, 900);
 * ```
 */
// An indexed access and not a conditional type: the compiler shows what it resolves to by name, and
// generic code can use it as a number before S is known.
export type Handle<S> = { readonly of: KeyedHandle<KeyOf<S>> }[S extends unknown ? "of" : never];

/**
 * The key of a struct's handles: its name, or the declared types of its fields when it has none.
 *
 * @category Handles
 * @typeParam S The struct type, or its name, or its plain fields. Plain fields never look like a
 * struct: no type of a field is a number.
 */
// The indexed accesses make the compiler show the result by name, and prevent it from inferring S.
export type KeyOf<S> = S extends
  { readonly name: infer N; readonly size: number; readonly fields: infer F }
  ? [string extends N ? "" : N] extends [""] ? {
      readonly of: {
        -readonly [K in keyof F]: F[K] extends { readonly type: infer T } ? T : never;
      };
    }[F extends unknown ? "of" : never]
  : N
  : { readonly of: S }[S extends unknown ? "of" : never];

/**
 * A handle of an unknown struct, such as an untyped `"ref"` field holds. It is assignable to a
 * handle of any struct.
 *
 * @category Handles
 */
export type AnyHandle = number & Marked;

/**
 * The null handle, 0: it never names a record. A zeroed `ref` field holds it.
 *
 * @category Handles
 * @example Usage
 * ```ts
 * import { NULL_HANDLE, Pool } from "@slabs/pool";
 * import { assertEquals } from "@std/assert";
 *
 * using nodes = new Pool({ next: "ref" });
 * const node = nodes.alloc();
 * assertEquals(nodes.get(node).next, NULL_HANDLE);
 * assertEquals(nodes.has(NULL_HANDLE), false);
 * ```
 */
// The brand exists only in types, so the literal needs a cast.
export const NULL_HANDLE: AnyHandle = 0 as AnyHandle;
