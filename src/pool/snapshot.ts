/**
 * `snapshot` and `restore`: the exact state of a pool as bytes, and back.
 *
 * @module
 */
import {
  fingerprintOf,
  layoutText,
  type NewBytes,
  type SnapshotOptions,
  WITH_CHECKSUM,
} from "../slab/envelope.ts";
import { noteOwn } from "../slab/own_functions.ts";
import { readSnapshot, slabText, writeSnapshot } from "../slab/snapshot.ts";
import { type TypedSlab, usableSlabs } from "../slab/typed_slab.ts";
import type { PoolBase } from "./pool_base.ts";

/**
 * Writes the whole state of the pool as bytes, in O(`byteLength`): records, handles, generations
 * and the order in which chunks will be given out. For rollback within a process omit the
 * checksum and pass the same array again: then nothing is allocated. For files use
 * {@linkcode save}, which a changed program can still read.
 *
 * @category Saves and snapshots
 * @param pool A pool, of any class.
 * @param into The array to write to, starting at a multiple of 8 bytes in its buffer. If it is
 * too short a new array is made.
 * @param options See {@linkcode SnapshotOptions}.
 * @returns `into`, or a new array; bytes of `into` beyond the snapshot are left as they were.
 * @throws {TypeError} when `into` is no `Uint8Array`, or the pool's memory was detached.
 * @throws {RangeError} when `into` does not start at a multiple of 8 bytes.
 * @throws {DisposedError} after `dispose`.
 *
 * @example Usage
 * ```ts
 * import { Pool, restore, snapshot } from "@slabs/pool";
 * import { assertEquals } from "@std/assert";
 *
 * using pool = new Pool({ hp: "u8" });
 * const imp = pool.alloc({ hp: 7 });
 * const saved = snapshot(pool);
 * pool.free(imp);
 * const later = pool.alloc();
 *
 * restore(pool, saved);
 * assertEquals(pool.get(imp).hp, 7);
 * assertEquals(pool.has(later), false);
 * ```
 */
export function snapshot(
  pool: PoolBase<unknown, number>,
  into?: undefined,
  options?: SnapshotOptions,
): NewBytes;
/**
 * Writes the whole state of a pool as above, into an array of the caller's if it is long enough.
 *
 * @typeParam B The type of `into`.
 * @param pool A pool, of any class.
 * @param into The array to write to, starting at a multiple of 8 bytes in its buffer.
 * @param options See {@linkcode SnapshotOptions}.
 * @returns `into`, or a new array.
 */
export function snapshot<B extends Uint8Array>(
  pool: PoolBase<unknown, number>,
  into: B | undefined,
  options?: SnapshotOptions,
): B | NewBytes;
export function snapshot(
  pool: PoolBase<unknown, number>,
  into?: Uint8Array,
  options: SnapshotOptions = WITH_CHECKSUM,
): Uint8Array {
  const all = usableSlabs("snapshot", pool);
  return writeSnapshot(all, fingerprint(all), into, options);
}

/**
 * Returns a pool to the state of a snapshot, in O(`byteLength`). Handles of that moment are valid
 * again, later ones are stale, and if the same calls are made again, they give the same handles.
 * Earlier views and cursors must be fetched or moved again.
 *
 * @category Saves and snapshots
 * @param pool A pool, of any class.
 * @param bytes A snapshot of this pool or of one that was created with the same struct and
 * options; it may be followed by other bytes. A pool in debug mode also takes the snapshot of a
 * pool without debug mode; later calls then give other handles than in that pool.
 * @throws {SnapshotError} when it is damaged, or of a pool with another layout; nothing changes
 * then.
 * @throws {TypeError} when `bytes` is no `Uint8Array`, or the pool's memory was detached.
 * @throws {OutOfMemoryError} when the memory resource has no block to give; nothing changes then.
 * @throws {DisposedError} after `dispose`.
 */
export function restore(pool: PoolBase<unknown, number>, bytes: Uint8Array): void {
  noteOwn(OWN); // it may grow the pool
  const all = usableSlabs("restore", pool);
  readSnapshot(all, fingerprint(all), bytes);
}

const OWN = { restore };

const fingerprints = new WeakMap<readonly TypedSlab[], number>();

/** Returns a hash of all that a snapshot depends on; it is equal if pools can share snapshots. */
function fingerprint(all: readonly TypedSlab[]): number {
  let known = fingerprints.get(all);
  if (known === undefined) fingerprints.set(all, known = fingerprintOf(textOf(all)));
  return known;
}

function textOf(all: readonly TypedSlab[]): string {
  const [{ slab, struct }] = all;
  if (struct !== undefined) return "Pool" + slabText(slab) + layoutText(struct);
  const title = slab.codec.isSizeClass ? "PoolSet" : "ErasedPool";
  return title + all.map((it) => slabText(it.slab)).join();
}
