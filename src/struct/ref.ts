/**
 * Handles as values: their types, and the null handle. How an index and a generation are packed into one is the engine's
 * business, in `slab/handle.ts`.
 *
 * @module
 */

/** Key of the brand of a {@linkcode Handle}; it exists in types alone. */
export declare const brand: unique symbol;

/**
 * What keeps handles apart in types; no value has it. It carries a type in a method's parameter, since TypeScript
 * compares those in both directions.
 *
 * @typeParam T What is told apart.
 */
export interface Branded<T> {
  /** Never there. */
  [brand](of: T): void;
}

/**
 * Makes a type count as itself only, never as a subtype or supertype.
 *
 * @typeParam T The type.
 */
export type Exactly<T> = (of: T) => T;

/**
 * Names one record of a pool of `S`: a `number` that TypeScript keeps apart by struct.
 *
 * A handle is a plain value: copy it, store it in another record's `ref` field, send it to JSON. Handles of
 * two structs do not mix; an {@linkcode AnyHandle} mixes with both.
 *
 * @typeParam S The struct type, `Handle<typeof Enemy>`.
 */
export type Handle<S> = number & Branded<Exactly<S>>;

/** A handle whose struct is not known, as an untyped `"ref"` field holds it. Passes for a handle of any struct. */
export type AnyHandle = number & Branded<unknown>;

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
