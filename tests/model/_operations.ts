/**
 * The operations of the model tests and of the soak on many records, on memory and on the state of a
 * pool: compaction, snapshots and saves. Each makes all of its choices by random numbers, changes a
 * pool and its model, and returns the result.
 *
 * @module
 */
import { packAny, viewsOf } from "../_kinds.ts";
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  compact,
  load,
  PoolExhaustedError,
  PoolSet,
  restore,
  save,
  snapshot,
  SnapshotError,
  StaleHandleError,
} from "../../mod.ts";
import type { AnyHandle, AnyStruct, LoadReport } from "../../mod.ts";
import type { Block } from "../../src/slab/block.ts";
import { type Slab, slabs } from "../../src/slab/slab.ts"; // to wear chunks out, and for their blocks
import { forge } from "../_support.ts";
import type { AnyView, Subject } from "./_model.ts";
import type { Random } from "../_random.ts";
import { Boom, disturb, onLive, type Operation, RECORD_OPERATIONS } from "./_record_operations.ts";
import { isSame, type Plain, zeroOf } from "./_values.ts";

// -- iteration --

/**
 * Iterates, and does other operations on the way: each record that stays live is seen once, in
 * order, with its value, and none in a block that came meanwhile.
 */
function iterate(it: Subject, random: Random): unknown {
  const { pool, state, setting: { isTyped } } = it;
  const asked = isTyped && random.oneIn(2) ? undefined : it.someStruct(random);
  const front = asked === undefined ? [] : it.of(asked);
  const calm = random.pick([1, 4, 1000]);
  const args = Array.from({ length: random.below(6) }, (_, i) => i);
  const unseen = new Set(it.ordered(it.isMixed ? asked : undefined));
  const said: unknown[] = [];
  const blocks = new Map<Slab, readonly Block[]>();
  const { capacity } = pool;
  let last = -1, freed = 0;
  const assertShown = (handle: number, view: AnyView) => {
    const { struct, value } = it.rec(handle);
    if (view === undefined || !isTyped && struct !== asked) return;
    if (!isSame(view.toJSON(), value)) assertEquals(view.toJSON(), value, `record ${handle}`);
  };
  const assertInOldBlock = (handle: number) => {
    const slab = slabs.get(pool)!.find((it) => it.find(handle) !== undefined)!; // it is live
    // Those of a pool of a set are taken when the iteration comes to it.
    const old = blocks.get(slab) ?? [...slab.mappedBlocks()];
    blocks.set(slab, old);
    assert(old.includes(slab.find(handle)!), `saw ${handle}, whose block came meanwhile`);
  };
  const visit = (view: AnyView, handle: number, ...rest: unknown[]) => {
    const rec = state.live.get(handle);
    assert(rec !== undefined, `saw ${handle}, which is not live`);
    assert(rec.index > last, `saw ${handle} out of order`);
    if (!it.isShared) assertInOldBlock(handle);
    else assert(rec.index < capacity, `saw ${handle}, whose block came meanwhile`);
    assert(!isTyped || asked === undefined || rec.struct === asked, `saw ${handle} as another`);
    last = rec.index;
    unseen.delete(handle);
    assertShown(handle, view);
    assert(isSame(rest, name === "loop" ? args.slice(0, 4) : []));
    said.push(rec.id);
    if (random.oneIn(calm)) disturb(it, random, forge(handle));
    if (state.live.has(handle)) assertShown(handle, view);
    // What a view shows of a record that is gone is the same in both pools of a pair.
    else if (!it.isDebug) said.push(view?.toJSON());
    if (view !== undefined && random.oneIn(calm)) move(view, asked ?? rec.struct);
    return true;
  };
  /** Moves a view to some record, as a function may. */
  const move = (view: AnyView, struct: AnyStruct) => {
    const others = state.handles.filter((to) => it.rec(to).struct === struct);
    if (others.length > 0) pool.seek(view, random.pick(others));
  };
  const keep = (view: AnyView, handle: number, ...rest: unknown[]) => {
    visit(view, handle, ...rest);
    if (!random.oneIn(3)) return 1;
    if (state.live.has(handle)) {
      it.freed(handle);
      freed++;
    }
    return random.pick([0, "", NaN, false, undefined]);
  };
  const stripe = it.isShared ? [random.pick([undefined, { stripe: 0, of: 1 }])] : [];
  const passes: Record<string, () => unknown> = {
    forEach: () => pool.forEach(...front, visit, ...stripe),
    loop: () => it.loop(front)(...args),
    ...it.isShared ? {} : {
      forOf() {
        for (const view of viewsOf<AnyView>({ pool, of: front })) visit(view, pool.handleOf(view));
      },
      handles() {
        for (const handle of pool.handles(...front)) visit(undefined, handle);
      },
      retain: () => assertEquals(pool.retain(...front, keep), freed),
    },
  };
  const name = random.pick(Object.keys(passes));
  const outer = it.visit;
  it.visit = visit as typeof outer;
  try {
    passes[name]();
    for (const handle of unseen) assert(!state.live.has(handle), `did not see ${handle}`);
  } catch (error) {
    if (!(error instanceof Boom)) throw error;
    said.push(error.message);
  } finally {
    it.visit = outer;
  }
  return [name, said];
}

// -- many records --

/** Some live handles, no two the same. */
function several(it: Subject, random: Random): AnyHandle[] {
  const { handles } = it.state;
  const from = random.below(handles.length + 1);
  const count = random.below(random.oneIn(4) ? handles.length + 1 : 8);
  return handles.slice(from, from + count).map(forge);
}

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

const POOL_OPERATIONS: Readonly<Record<string, Operation>> = {
  allocMany(it, random) {
    const { pool } = it;
    const struct = it.someStruct(random);
    const count = random.below(random.oneIn(3) ? it.setting.maxChunks : 20);
    const isSmall = it.setting.options.handles !== "wide" && !it.isDebug;
    const arrays = isSmall ? [Float64Array, Int32Array, Uint32Array] : [Float64Array];
    const Out = random.pick<AnyView>([Array, ...arrays]);
    const rest = random.below(3);
    const out = new Out(Out === Array ? random.below(count + 3) : count + rest).fill(7);
    const call = () => pool.allocMany(...it.of(struct), count, out);
    if (count > it.room(struct)) return assertThrows(call, PoolExhaustedError).message;
    assert(call() === out);
    for (const handle of out.slice(0, count)) it.added(handle, struct);
    assertEquals([...out.slice(count)], Out === Array ? [] : Array(rest).fill(7));
  },
  bytes: onLive((it, _, handle) => it.isMixed ? it.pool.bytes(handle).slice() : undefined),
  /** Fills the pool and frees most of it, so that there is something to compact. */
  fragment(it, random) {
    for (let i = it.setting.maxChunks; i > 0; i--) RECORD_OPERATIONS.alloc(it, random);
    POOL_OPERATIONS.thin(it, random);
  },
  thin(it, random) {
    const rest = random.pick([2, 4, 8, 1000]);
    for (const handle of it.state.handles) {
      if (random.oneIn(rest)) continue;
      it.pool.free(handle);
      it.freed(handle);
    }
  },
  freeMany(it, random) {
    const handles = several(it, random);
    const list = { ...handles, length: handles.length };
    it.pool.freeMany(random.pick([handles, Float64Array.from(handles), list]));
    for (const handle of handles) it.freed(handle);
  },
  freeManyBad(it, random) {
    const handles = several(it, random);
    const bad = forge(random.oneIn(2) ? handles[0] ?? 0 : [...it.state.stale].at(-1) ?? 0);
    handles.splice(random.below(handles.length + 1), 0, bad);
    const error = assertThrows(() => it.pool.freeMany(handles), StaleHandleError);
    const at = handles.lastIndexOf(bad);
    const problem = `${handles.indexOf(bad) < at ? "comes twice" : ""}, at position ${at}`;
    assert(error.handle === bad && error.message.endsWith(problem), error.message);
  },
  scoped(it, random) {
    const struct = it.someStruct(random);
    const call = () => it.pool.scoped(...it.of(struct));
    if (it.room(struct) === 0) return assertThrows(call, PoolExhaustedError).message;
    using scratch: AnyView = call();
    it.added(scratch.handle, struct);
    assert(isSame(scratch.view.toJSON(), zeroOf(struct)));
    it.freed(scratch.handle); // as it will be
  },
  clear(it) {
    const { capacity } = it.pool;
    it.pool.clear();
    assertEquals([it.pool.size, it.pool.capacity], [0, capacity]);
    it.freedUnlessLive();
  },
  freeBlock(it, random) {
    const { pool } = it;
    if (pool.blocks.length === 0) return void assertThrows(() => pool.freeBlock(0), RangeError);
    const block: AnyView = random.pick(pool.blocks);
    const { index, live, chunkCount } = block;
    const { size, capacity } = pool;
    pool.freeBlock(index);
    assertEquals([pool.size, pool.capacity], [size - live, capacity - chunkCount]);
    assertEquals(block.bytes.length, 0);
    it.freedUnlessLive();
  },
  trim({ pool }) {
    const { byteLength } = pool;
    const given = pool.trim();
    assertEquals(given, byteLength - pool.byteLength);
    for (const { live } of pool.blocks) assert(live > 0);
    return given;
  },
  reserve(it, random) {
    const { pool, setting: { maxChunks } } = it;
    const chunks = random.below(maxChunks + 10);
    const front = pool instanceof PoolSet ? [it.someStruct(random)] : [];
    const call = () => pool.reserve(...front, chunks);
    if (chunks > maxChunks) return void assertThrows(call, PoolExhaustedError);
    call();
    assert(pool.capacity >= chunks);
  },
  iterate,
  pack(it, random) {
    const struct = it.someStruct(random);
    const handles = it.ordered(it.isMixed ? struct : undefined);
    const zeros = Object.entries(zeroOf(struct) as Plain);
    const names = zeros.flatMap(([name, zero]) => typeof zero === "number" ? name : []);
    if (names.length === 0 || handles.some((handle) => it.rec(handle).struct !== struct)) return;
    const name = random.pick(names);
    const out = new Float64Array(handles.length + 1);
    assertEquals(packAny(it.pool, ...it.of(struct), out, [name]), handles.length);
    assertEquals([...out], [...handles.map((handle) => it.rec(handle).value[name]), 0]);
  },
  growMemory(it) {
    if (it.source.grow()) it.pool.rebind();
  },
  limitMemory: (it, random) => it.source.limit(random),
  /**
   * Brings a record's chunk to its last generation and frees it, as if it had been used again for
   * years.
   */
  wear: onLive((it, _, handle) => {
    if (it.isDebug) return;
    const { state, pool } = it;
    const slab = slabs.get(pool)!.find((it) => it.find(handle) !== undefined)!; // it is live
    const { codec } = slab;
    const block = slab.find(handle)!;
    const chunk = slab.chunkOf(handle);
    block.stamps[chunk] = codec.maxGeneration * 2 + 1;
    pool.free(slab.handleAt(block, chunk));
    const { index } = it.rec(handle);
    it.freed(handle);
    if (!codec.wraps) return void state.retired.add(index);
    // Its first generations come again.
    const mask = 2 ** codec.indexBits;
    const isOfChunk = (it: number) =>
      codec.partOf(it) === codec.partOf(handle) && it % mask === handle % mask;
    for (const it of [...state.stale]) if (isOfChunk(it)) state.stale.delete(it);
  }),
  mapForEach(it, random) {
    const { pool } = it;
    it.map.forEach((value, handle) => {
      assertEquals([it.values.has(handle), it.values.get(handle)], [true, value]);
      if (random.oneIn(8)) it.play(random.pick(["mapDelete", "mapClear"]), random.bits());
      if (!random.oneIn(4)) return;
      pool.free(handle);
      it.freed(handle);
    });
  },

  // -- state --

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

export const OPERATIONS: Readonly<Record<string, Operation>> = {
  ...RECORD_OPERATIONS,
  ...POOL_OPERATIONS,
};

/** The operations on single records, some of which are more frequent, and those on a whole pool. */
export const RECORD_NAMES: readonly string[] = [
  ...Object.keys(RECORD_OPERATIONS),
  ...["alloc", "writeWild", "seek", "mapSet", "mapSet", "mapSet"],
];
export const POOL_NAMES: readonly string[] = [...Object.keys(POOL_OPERATIONS), "iterate"];
/** What a `SharedPool` can do. */
export const SHARED_NAMES: readonly string[] = [...RECORD_NAMES, "iterate"];
