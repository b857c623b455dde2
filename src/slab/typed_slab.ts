/**
 * Typed slabs: the slabs of each pool with the structs of their records. Snapshots, saves, packing
 * and compaction need them.
 *
 * Those are functions and not methods of pools, so that a bundle has only the ones that are called.
 *
 * @module
 */
import { showValue } from "../messages/show.ts";
import type { Compile } from "../struct/scalars.ts";
import type { AnyStruct } from "../struct/schema.ts";
import type { Slab } from "./slab.ts";

/** The code of one geometry, which compiles further code when that is first needed. */
export interface OwnCode {
  /** Compiles a `define…` function. */
  readonly compile: Compile;
}

/** A slab, with the structs of its records. */
export interface TypedSlab {
  readonly slab: Slab;
  /** The structs by tag, if the slab has tags; else none. */
  readonly kinds: readonly { readonly struct: AnyStruct }[];
  /** The struct of all records, in a pool of one struct. */
  readonly struct?: AnyStruct;
  readonly code: OwnCode;
}

/** The slabs of each pool. A `PoolSet` has several. */
export const typedSlabsOf: WeakMap<object, readonly TypedSlab[]> = new WeakMap();

/** A slab, and the structs of its records. */
export interface LinkedSlab {
  readonly slab: Slab;
  /** The structs by tag; where a slab has no tags, a record may be of any of them. */
  readonly kinds: readonly { readonly struct: AnyStruct }[];
}

/**
 * The slabs that may have links to the records of a slab of several structs: itself, or all slabs of
 * its set.
 */
export const linkedSlabsOf: WeakMap<Slab, readonly LinkedSlab[]> = new WeakMap();

/**
 * Returns the slabs of a pool that a function was called with.
 *
 * @param verb What the function does, for errors.
 * @param pool The pool, or any value.
 * @returns Its slabs, at least one.
 * @throws {TypeError} when it is no pool, or its memory was detached.
 * @throws {DisposedError} after its `dispose`.
 */
export function usableSlabs(verb: string, pool: object): readonly TypedSlab[] {
  const all = typedSlabsOf.get(pool);
  if (all === undefined) {
    throw new TypeError(
      `Cannot ${verb}: the first argument must be a Pool, ErasedPool or PoolSet, got ${
        showValue(pool)
      }`,
    );
  }
  for (let i = 0; i < all.length; i++) all[i].slab.checkUsable(verb);
  return all;
}
