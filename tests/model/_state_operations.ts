/**
 * Operations of the model tests on the state of a pool: compaction, snapshots and saves.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { compact, load, PoolSet, restore, save, snapshot, SnapshotError } from "../../mod.ts";
import type { LoadReport } from "../../mod.ts";
import { type Slab, slabs } from "../../src/slab/slab.ts"; // for what stays in compact()
import type { AnyView } from "./_model.ts";
import type { Operation } from "./_record_operations.ts";

/**
 * As few blocks of a slab as have room for its records, and how few records have to move then: the
 * blocks with the most of them stay. That is undefined where some chunks are retired.
 */
function leastOf(slab: Slab): { blocks: number; moves: number | undefined } {
  const all = slab.mappedBlocks();
  const rooms = all.map(({ chunkCount, retired }) => chunkCount - retired).sort((a, b) => b - a);
  const lives = all.map(({ live }) => live).sort((a, b) => b - a);
  let blocks = 0;
  for (let room = 0; room < slab.size;) room += rooms[blocks++];
  const moves = lives.slice(blocks).reduce((sum, live) => sum + live, 0);
  return { blocks, moves: all.some(({ retired }) => retired > 0) ? undefined : moves };
}

export const STATE_OPERATIONS: Readonly<Record<string, Operation>> = {
  compact(it, random) {
    const { pool } = it;
    const some: AnyView = pool instanceof PoolSet && random.oneIn(2)
      ? random.pick(pool.pools)
      : pool;
    const own = slabs.get(some)!; // every pool has slabs
    const least = own.map(leastOf);
    const { byteLength } = pool;
    const moves = new Map<number, number>();
    const bytes = compact(some, (from: number, to: number) => void moves.set(from, to));
    assertEquals(bytes, byteLength - pool.byteLength);
    own.forEach((slab, i) => {
      assertEquals(slab.mappedBlocks().length, least[i].blocks);
      const count = [...moves.values()].filter((to) => slab.find(to) !== undefined).length;
      assertEquals(count, least[i].moves ?? count);
    });
    for (const [from, to] of moves) {
      assert(!it.state.live.has(to) && !it.state.stale.has(to), `${to} was given out before`);
      assert(pool.has(to) && !pool.has(from));
      const value = it.values.get(from);
      if (value !== undefined) it.values.set(to, value);
      it.values.delete(from);
    }
    it.moved(moves, it.state, true);
    for (const from of moves.keys()) it.state.stale.add(from);
    it.moves += moves.size;
    return [bytes, moves.size];
  },
  snapshot(it, random) {
    const { moments } = it;
    const old = moments.length > 3 || random.oneIn(2) ? moments.shift()?.bytes : undefined;
    const bytes: Uint8Array = snapshot(it.pool, old, { checksum: random.oneIn(2) });
    moments.push({ bytes, state: it.state.copy() });
  },
  /** Goes back to a moment, whose handles are good again and later ones stale. */
  restore(it, random) {
    if (it.moments.length === 0) return;
    const { bytes, state } = random.pick(it.moments);
    const later = it.state.handles.filter((handle) => !state.live.has(handle));
    restore(it.pool, bytes);
    it.state = state.copy();
    for (const handle of it.values.keys()) if (!state.live.has(handle)) it.values.delete(handle);
    for (const handle of later) assert(!it.pool.has(handle), `${handle} is of a later moment`);
  },
  save(it) {
    it.saves.push({ bytes: save(it.pool), state: it.state.copy() });
    if (it.saves.length > 3) it.saves.shift();
  },
  load(it, random) {
    if (it.saves.length === 0) return;
    const { bytes, state } = random.pick(it.saves);
    const before = it.state;
    const moves = new Map<number, number>();
    const room = it.setting.maxChunks - before.retired.size;
    const isTooLarge = it.setting.options.handles === "wide" && before.retired.size > 0 &&
      (it.isMixed || state.live.size > room);
    let report: LoadReport;
    try {
      report = load(it.pool, bytes, { moved: (from, to) => void moves.set(from, to) });
    } catch (error) {
      // There are fewer chunks since some are retired, and links cannot hold the handles of others.
      if (!(error instanceof SnapshotError && isTooLarge)) throw error;
      return "no room, or a link is too large";
    }
    assertEquals([report.records, report.moved, report.wrapped, report.added, report.dropped], [
      ...[state.live.size, moves.size, new Map(), [], []],
    ]);
    const next = it.state = state.copy();
    for (const handle of [...before.stale, ...before.handles]) {
      // A chunk that has a record of the save is at its generation again, and goes on from there.
      if (it.isDebug) next.stale.add(handle);
      assert(!it.pool.has(handle) || state.live.has(handle) || moves.has(handle));
    }
    next.allocs = before.allocs + next.live.size;
    before.peaks.forEach((peak, i) => next.peaks[i] = Math.max(peak, next.sizes[i]));
    for (const index of before.retired) next.retired.add(index);
    it.values.clear();
    it.moved(moves, next, it.setting.isTyped); // a save of a pool without types has bytes alone
    for (const handle of next.handles) next.stale.delete(handle);
    return [report.records, report.moved];
  },
};
