/**
 * Operations of the model tests on the state of a pool: compaction, snapshots and saves.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { compact, load, PoolSet, restore, save, snapshot, SnapshotError } from "../../mod.ts";
import type { LoadReport } from "../../mod.ts";
import { type Slab, slabs } from "../../src/slab/slab.ts"; // for what stays in compact()
import { assertSameBytes } from "../slab/_snapshots.ts";
import type { AnyView, State, Subject } from "./_model.ts";
import { type Operation, OPERATIONS, run } from "./_record_operations.ts";

/** As few blocks of a slab as have room for its records. */
function leastBlocks(slab: Slab): number {
  const rooms = slab.mappedBlocks().map(({ chunkCount, retired }) => chunkCount - retired);
  rooms.sort((a, b) => b - a);
  let room = 0, count = 0;
  while (room < slab.size) room += rooms[count++];
  return count;
}

/**
 * How many records have to move: where no chunk is retired the blocks with the most records stay.
 */
function fewestMoves(slab: Slab): number | undefined {
  if (slab.mappedBlocks().some(({ retired }) => retired > 0)) return undefined;
  const lives = slab.mappedBlocks().map(({ live }) => live).sort((a, b) => b - a);
  return lives.slice(leastBlocks(slab)).reduce((sum, live) => sum + live, 0);
}

/** Goes back to a moment, whose handles are good again and later ones stale. */
function goBack(it: Subject, { bytes, state }: { bytes: Uint8Array; state: State }): void {
  const later = it.state.handles.filter((handle) => !state.live.has(handle));
  restore(it.pool, bytes);
  it.state = state.copy();
  for (const handle of it.values.keys()) {
    if (!state.live.has(handle) || later.includes(handle)) it.values.delete(handle);
  }
  for (const handle of later) assert(!it.pool.has(handle), `${handle} has not been given out yet`);
  it.forgetViews();
}

export const STATE_OPERATIONS: Readonly<Record<string, Operation>> = {
  compact(it, random) {
    const { pool } = it;
    const some: AnyView = pool instanceof PoolSet && random.oneIn(2)
      ? random.pick(pool.pools)
      : pool;
    const own = slabs.get(some)!; // every pool has slabs
    const needed = own.map(leastBlocks);
    const fewest = own.map(fewestMoves);
    const { byteLength } = pool;
    const moves = new Map<number, number>();
    const bytes = compact(some, (from: number, to: number) => void moves.set(from, to));
    assertEquals(bytes, byteLength - pool.byteLength);
    assertEquals(own.map((slab) => slab.mappedBlocks().length), needed);
    own.forEach((slab, i) => {
      const count = [...moves.values()].filter((to) => slab.find(to) !== undefined).length;
      if (fewest[i] !== undefined) assertEquals(count, fewest[i]);
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
    it.forgetViews();
    return [bytes, moves.size];
  },
  snapshot(it, random) {
    const { moments } = it;
    const old = moments.length > 3 || random.oneIn(2) ? moments.shift()?.bytes : undefined;
    const bytes: Uint8Array = snapshot(it.pool, old, { checksum: random.oneIn(2) });
    const isAgain = !it.isDebug && !it.setting.isDebugPair && !it.setting.source.isTight;
    moments.push({ bytes, state: it.state.copy(), done: isAgain ? [] : undefined });
  },
  /**
   * Goes back, does the same again with the same results, and stays there or goes back once more.
   */
  restore(it, random) {
    const { moments, state } = it;
    if (moments.length === 0) return;
    const moment = random.pick(moments);
    const { done } = moment;
    if (done === undefined) goBack(it, moment);
    else {
      const end = snapshot(it.pool);
      goBack(it, moment);
      for (const [name, seed] of done) run(it, name, seed);
      assertEquals(it.state.handles, state.handles);
      assertSameBytes(snapshot(it.pool), end, "the same operations had another result");
      if (random.oneIn(2)) {
        goBack(it, moment);
        moment.done = [];
      }
    }
    for (const other of moments) if (other !== moment) other.done = undefined;
  },
  restoreBad(it, random) {
    const { pool } = it;
    const saved: Uint8Array = snapshot(pool);
    const cut = random.below(saved.length);
    const flipped = saved.slice();
    flipped[cut] ^= 1 << random.below(8);
    assertThrows(
      () => restore(pool, random.oneIn(2) ? flipped : saved.subarray(0, cut)),
      SnapshotError,
    );
    assertSameBytes(snapshot(pool), saved, "what was thrown for changed the pool");
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
    const moved = (from: number, to: number) => void moves.set(from, to);
    const room = it.setting.maxChunks - before.retired.size;
    const isTooLarge = it.setting.options.handles === "wide" && before.retired.size > 0 &&
      (it.isMixed || state.live.size > room);
    let report: LoadReport;
    try {
      report = load(it.pool, bytes, { moved });
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
    it.forgetViews();
    return [report.records, report.moved];
  },
};

Object.assign(OPERATIONS, STATE_OPERATIONS);
