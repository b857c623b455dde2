/**
 * `compact`: moves records together, and gives the blocks back that are left empty.
 *
 * @module
 */
import { compactSlabs, type Moved } from "../slab/compact.ts";
import { usableSlabs } from "../slab/typed_slab.ts";
import { checkFunction } from "./checks.ts";
import type { PoolBase } from "./pool_base.ts";

/**
 * Moves records out of the sparsest blocks into free chunks of the others and gives the empty
 * blocks back, so that no more blocks are left than the records need. Use it after a peak, at the
 * end of a level, or where memory is short. It takes no memory from the resource. If no block can
 * be spared nothing moves, and it returns 0. Reserved capacity is given up. A {@linkcode PoolSet}
 * does this in each size class.
 *
 * A moved record gets a new handle, and its old one is stale. Typed `ref` fields of this pool
 * that held the old handle are updated, at any depth, if they refer to a struct that the pool
 * stores; a {@linkcode HandleMap} keeps its values. All other copies of old handles must be
 * updated by the program in `moved`: those in variables, in untyped `"ref"` fields and in other
 * pools. Views, cursors and `bytes` of moved records must be fetched again. A record of `scoped` that
 * is moved is not freed at the end of its scope. An iteration that is under way may see moved records
 * twice, or not at all.
 *
 * A pool without `types` does not know the struct of a record. It updates links if all structs
 * that were used with it have them at the same offsets, and throws otherwise.
 *
 * The densest blocks are kept, and their free chunks are filled from the lowest on; with
 * `reuse: spread` these may be chunks that were freed a moment ago. A move counts neither as an
 * alloc nor as a free in `stats()`; the chunk that a record leaves gets its next
 * generation. Takes O(blocks × log blocks), and O(live records × links) if there are typed `ref`
 * fields.
 *
 * @category Pools
 * @param pool A pool, of any class.
 * @param moved Called with the old and the new handle of each moved record, in block and chunk
 * order, after the blocks have been given back. It may call the pool. If it throws, it is still
 * called for the other records, and then `compact` throws the first error.
 * @returns The bytes that were given back.
 * @throws {TypeError} when `moved` is no function, the pool's memory was detached, or the links
 * in a pool without `types` cannot be located; nothing changes then.
 * @throws {RangeError} when a wide handle that a `ref` holds would become one of 2^32 or more;
 * nothing changes then.
 * @throws {DisposedError} after `dispose`.
 *
 * @example Usage
 * ```ts
 * import { compact, Pool, ref, struct } from "@slabs/pool";
 * import { assertEquals } from "@std/assert";
 *
 * const Unit = struct({ hp: "u16", leader: ref("self") }, { name: "Unit" });
 * using units = new Pool(Unit, { chunksPerBlock: 16 });
 * const all = units.allocMany(64);
 * const soldier = all[0];
 * let captain = all[63];
 * units.set(soldier, { leader: captain });
 * units.freeMany(all.slice(1, 63));
 *
 * const bytes = compact(units, (from, to) => {
 *   if (captain === from) captain = to;
 * });
 * assertEquals([bytes, units.blocks.length], [256, 1]);
 * assertEquals(units.get(soldier).leader, captain);
 * assertEquals(units.has(all[63]), false);
 * ```
 */
export function compact(pool: PoolBase<unknown, number>, moved?: undefined): number;
/**
 * Does the same, and tells which records it has moved.
 *
 * @typeParam H Handles of the pool.
 * @param pool A pool, of any class.
 * @param moved Called with the old and the new handle of each moved record.
 * @returns The bytes that were given back.
 */
export function compact<H extends number>(
  pool: PoolBase<unknown, H>,
  moved?: (from: H, to: H) => void,
): number;
export function compact(
  pool: PoolBase<unknown, number>,
  moved?: (from: never, to: never) => void,
): number {
  const all = usableSlabs("compact", pool);
  if (moved !== undefined) checkFunction(all[0].slab, "compact", moved);
  return compactSlabs(all, moved as Moved | undefined); // every handle is one of this pool's
}
