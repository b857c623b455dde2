/**
 * Handles as values: their types, and the null handle. How an index and a generation are packed into one is the engine's
 * business, in `slab/handle.ts`.
 *
 * @module
 */

import type { Handle as KeyedHandle, Marked } from "./brand.ts";

export type { brand, Branded, Exactly, Handle as KeyedHandle, Marked } from "./brand.ts";

/**
 * Names one record of a pool of `S`: a `number` that TypeScript keeps apart by struct.
 *
 * A handle is a plain value: copy it, store it in another record's `ref` field, send it to JSON. Handles of
 * two structs do not mix; an {@linkcode AnyHandle} mixes with both. A number that was a handle before it went through a typed array or
 * JSON is one again with `pool.handle(n)`.
 *
 * Structs that have a name are told apart by it, others by their fields. So give structs names: an error then says
 * `Handle<"Bullet">` is not `Handle<"Ship">`. `Handle<"Ship">` is the same type as `Handle<typeof Ship>`, for where the struct is not
 * at hand.
 *
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
// A look-up that waits for S, since what it finds is then shown by its own name; until then it is a number to generic code, which a
// conditional type would not be.
export type Handle<S> = { readonly of: KeyedHandle<KeyOf<S>> }[S extends unknown ? "of" : never];

/**
 * What handles of a struct are told apart by: its name; the types of its fields, as they were declared, where it has none.
 *
 * @typeParam S The struct type, or its name, or its plain fields. Those do not look like a struct: no type of a field is a number.
 */
// The look-ups again have the compiler show what they find. And it infers no S from them, where that has to come from a struct.
export type KeyOf<S> = S extends
  { readonly name: infer N; readonly size: number; readonly fields: infer F }
  ? [string extends N ? "" : N] extends [""] ? {
      readonly of: {
        -readonly [K in keyof F]: F[K] extends { readonly type: infer T } ? T : never;
      };
    }[F extends unknown ? "of" : never]
  : N
  : { readonly of: S }[S extends unknown ? "of" : never];

/** A handle whose struct is not known, as an untyped `"ref"` field holds it. Passes for a handle of any struct. */
export type AnyHandle = number & Marked;

/**
 * The null handle, 0: never given out, and stale wherever a live record is wanted. A zeroed `ref` field holds it.
 *
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
// A brand exists in types alone, so a literal has to be cast to it.
export const NULL_HANDLE: AnyHandle = 0 as AnyHandle;
