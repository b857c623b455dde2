/**
 * The operations of the model tests and of the soak. Each takes all of its choices from random numbers, does something to a pool and to
 * the model, and returns what came of it in words that do not depend on handles.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  type AnyHandle,
  type AnyStruct,
  type LoadReport,
  OutOfMemoryError,
  PoolExhaustedError,
  PoolSet,
  SnapshotError,
  StaleHandleError,
  Struct,
  TypeMismatchError,
  validate,
} from "../../mod.ts";
import { type Slab, slabs } from "../../src/slab/slab.ts"; // for what stays in compact()
import { forge } from "../_support.ts";
import type { AnyView, State, Subject } from "./_model.ts";
import { Random } from "./_random.ts";
import { isArray, isSame, merge, type Plain, someOf, textOf, valueOf, zeroOf } from "./_values.ts";

type Operation = (it: Subject, random: Random) => unknown;

/** Thrown by callbacks and getters. */
class Boom extends Error {}

/** What came of a call: what it returned, or the error. */
function outcomeOf(it: Subject, call: () => unknown): unknown {
  try {
    return call();
  } catch (error) {
    const { constructor, message } = error as Error;
    if (constructor.name === "AssertionError") throw error;
    // The messages of debug mode have other handles, and say more.
    const isSaid = !it.setting.isDebugPair || error instanceof PoolExhaustedError;
    return isSaid ? `${constructor.name}: ${message}` : constructor.name;
  }
}

// -- values --

/** A whole value for a record, with links to live records and stale ones, right and wrong. */
function wholeFor(it: Subject, struct: AnyStruct, random: Random): Plain {
  const linkTo = (target: AnyStruct) => {
    const { live, stale, handles } = it.state;
    if (it.setting.isDebugPair) return 0; // as the two have other handles
    const how = random.below(8);
    const all = how === 0 ? [] : how === 1 ? [...stale].slice(-20) : handles;
    const right = how < 3 ? all : all.slice(-50).filter((to) => live.get(to)?.struct === target);
    const to = right.length === 0 ? 0 : random.pick(right);
    return to < 2 ** 32 ? to : 0; // a larger one does not fit
  };
  return valueOf(struct, random, linkTo) as Plain;
}

function initFor(it: Subject, struct: AnyStruct, random: Random): Plain {
  return someOf(struct, wholeFor(it, struct, random), random) as Plain;
}

/** What fits no field, or none of most. */
const WRONG: readonly unknown[] = ["1", null, {}, 1, 1n, true, [], Symbol.iterator, 0.1, 1e9];

/** A value that may not fit, with getters that call the pool, throw, or both; and a name that is none. */
function wildInitFor(it: Subject, struct: AnyStruct, random: Random): Plain {
  const init: Plain = {};
  for (const [name, value] of Object.entries(initFor(it, struct, random))) {
    const how = random.below(8);
    if (how > 1) init[name] = value;
    if (how === 0) init[name] = random.pick(WRONG);
    if (how !== 1) continue;
    const seed = random.bits();
    Object.defineProperty(init, name, {
      enumerable: true,
      get() {
        disturb(it, new Random(seed));
        return value;
      },
    });
  }
  if (random.oneIn(10)) init.nope = 1;
  return init;
}

/** Does something in the middle of something else. */
function disturb(it: Subject, random: Random, current?: AnyHandle): void {
  if (it.depth > 1) return;
  if (random.oneIn(20)) throw new Boom("from within");
  const { pool } = it;
  it.depth++;
  try {
    if (current !== undefined && random.oneIn(3)) {
      if (pool.tryFree(current)) it.freed(current);
    } else {
      const isLarge = !it.isShared && random.oneIn(6);
      // Records that are allocated meanwhile may be seen or not, and debug mode does it otherwise.
      const names = it.setting.isDebugPair ? FREEING : isLarge ? DISTURBING : RECORD_NAMES;
      OPERATIONS[random.pick(names)](it, random);
    }
  } finally {
    it.depth--;
    it.pool = pool;
  }
}

/** Writes to every part of a view by itself, and returns the value after it. */
function scribble(view: AnyView, struct: AnyStruct, value: Plain, next: Plain, random: Random) {
  const result = { ...value };
  for (const [name, { type }] of Object.entries(struct.fields)) {
    if (random.oneIn(2)) {
      const part = someOf(type, next[name], random);
      view[name] = part;
      result[name] = merge(type, result[name], part);
    }
    if (type instanceof Struct) {
      const inner = result[name] as Plain;
      result[name] = scribble(view[name], type, inner, next[name] as Plain, random);
    } else if (isArray(type)) {
      const items = [...result[name] as unknown[]];
      const all = next[name] as unknown[];
      const at = random.below(type.length);
      view[name].set(at, all[at]);
      items[at] = all[at];
      if (random.oneIn(4)) {
        view[name].copyFrom(all);
        items.splice(0, type.length, ...all);
      }
      assertThrows(() => view[name].set(type.length, all[0]), RangeError);
      assertEquals(view[name].length, type.length);
      result[name] = items;
    }
  }
  return result;
}

// -- one record --

function alloc(it: Subject, random: Random): unknown {
  const { pool } = it;
  const struct = it.someStruct(random);
  const name = random.oneIn(2) ? "alloc" : "tryAlloc";
  const init = random.oneIn(3) ? undefined : initFor(it, struct, random);
  const room = it.room(struct);
  if (room === 0 || it.isShared) {
    const handle = pool.tryAlloc(...it.of(struct), init);
    if (handle === undefined) {
      const error = assertThrows(() => pool.alloc(...it.of(struct), init), PoolExhaustedError);
      return error.message;
    }
    assert(room > 0, `${handle} was given out of a full pool`);
    return it.rec(it.added(handle, struct, init)).id;
  }
  return it.rec(it.added(pool[name](...it.of(struct), init), struct, init)).id;
}

const RECORD_OPERATIONS: Readonly<Record<string, Operation>> = {
  alloc,
  allocAgain: alloc,
  allocWild(it, random) {
    const { pool } = it;
    const struct = it.someStruct(random);
    const name = random.oneIn(2) ? "alloc" : "tryAlloc";
    return outcomeOf(it, () => {
      const handle = pool[name](...it.of(struct), wildInitFor(it, struct, random));
      if (handle === undefined) return;
      it.added(handle, struct);
      it.adopt(handle);
      return it.rec(handle).value;
    });
  },
  allocAt(it, random) {
    const { pool } = it;
    const struct = it.someStruct(random);
    const cursor = it.cursor(struct);
    const at = it.state.handles.find((handle) => it.rec(handle).struct === struct);
    if (at !== undefined) pool.seek(cursor, at);
    if (it.room(struct) === 0) {
      assertThrows(() => pool.allocAt(...it.of(struct), cursor), PoolExhaustedError);
      if (at !== undefined) assertEquals(pool.handleOf(cursor), at);
      return;
    }
    let handle: number;
    try {
      handle = pool.allocAt(...it.of(struct), cursor);
    } catch (error) {
      if (it.isShared && error instanceof PoolExhaustedError) return "none for this thread";
      throw error;
    }
    assert(isSame(cursor.toJSON(), zeroOf(struct)), `new record ${handle} is not zero`);
    assertEquals(pool.handleOf(cursor), handle);
    const value = wholeFor(it, struct, random);
    Object.assign(cursor, value);
    it.added(handle, struct, value);
  },
  free(it, random) {
    const handle = it.some(random);
    if (handle === undefined) return;
    const view = it.view(handle);
    if (random.oneIn(2)) it.pool.free(handle);
    else assert(it.pool.tryFree(handle));
    it.freed(handle);
    if (it.isDebug) assertThrows(() => view.toJSON(), StaleHandleError);
  },
  seek(it, random) {
    for (let i = random.below(5); i >= 0; i--) {
      const handle = it.some(random);
      if (handle === undefined) return;
      const { struct, value } = it.rec(handle);
      const cursor = it.cursor(struct);
      assert(it.pool.seek(cursor, handle) === cursor && it.pool.handleOf(cursor) === handle);
      assert(isSame(cursor.toJSON(), value), `record ${handle} under a cursor`);
    }
  },
  set(it, random) {
    const handle = it.some(random);
    if (handle === undefined) return;
    const { struct, value } = it.rec(handle);
    const part = initFor(it, struct, random);
    it.pool.set(...it.of(struct), handle, part);
    it.wrote(handle, merge(struct, value, part));
  },
  setWild(it, random) {
    const handle = it.some(random);
    if (handle === undefined) return;
    const { pool } = it;
    const { struct } = it.rec(handle);
    const said = outcomeOf(it, () => {
      pool.set(...it.of(struct), handle, wildInitFor(it, struct, random));
    });
    it.adopt(handle);
    return [said, it.state.live.get(handle)?.value];
  },
  write(it, random) {
    const handle = it.some(random);
    if (handle === undefined) return;
    const { struct, value } = it.rec(handle);
    const next = wholeFor(it, struct, random);
    it.wrote(handle, scribble(it.view(handle), struct, value, next, random));
  },
  writeWild(it, random) {
    const handle = it.some(random);
    if (handle === undefined) return;
    const view = it.view(handle);
    const names = Object.keys(it.rec(handle).struct.fields);
    const said = names.map((name) =>
      outcomeOf(it, () => {
        const items = view[name];
        if (items?.set !== undefined && random.oneIn(2)) items.set(0, random.pick(WRONG));
        else view[name] = random.pick(WRONG);
      })
    );
    it.adopt(handle);
    return [said, it.rec(handle).value];
  },
  copy(it, random) {
    const [from, to] = [it.some(random), it.some(random)];
    if (from === undefined || to === undefined) return;
    const { struct, value } = it.rec(from);
    if (it.rec(to).struct !== struct) return;
    if (random.oneIn(2)) it.pool.set(...it.of(struct), to, it.view(from));
    else Object.assign(it.view(to), it.view(from).toJSON());
    it.wrote(to, value);
  },
  useStale(it, random) {
    const { pool, state } = it;
    const forged = random.pick([random.bits(), random.bits() * 2 ** 20, -1, 0, NaN, 0.5]);
    const handle = forge(random.oneIn(2) ? [...state.stale].at(-1 - random.below(8)) : forged);
    if (state.live.has(handle)) return;
    const struct = it.someStruct(random);
    const front = it.of(struct);
    assertEquals([pool.has(handle), pool.tryFree(handle)], [false, false]);
    assertEquals(pool.tryGet(...front, handle), undefined);
    const calls: (() => unknown)[] = [
      () => pool.free(handle),
      () => pool.get(...front, handle),
      () => pool.set(...front, handle, {}),
      () => pool.seek(pool.cursor(...front), handle),
      () => pool.indexOf(handle),
      () => it.map.set(handle, 1),
      ...(it.isShared ? [] : [() => pool.freeMany([handle])]),
    ];
    return calls.map((call) => {
      const { message } = assertThrows(call, StaleHandleError);
      return it.setting.isDebugPair ? "" : message;
    });
  },
  mapSet(it, random) {
    const handle = it.some(random);
    if (handle === undefined) return;
    const value = random.bits();
    it.map.set(handle, value);
    it.values.set(handle, value);
  },
  mapDelete(it, random) {
    const handle = it.some(random);
    if (handle !== undefined) assertEquals(it.map.delete(handle), it.values.delete(handle));
  },
  mapSome(it, random) {
    const how = random.below(8);
    if (how === 0) {
      it.map.clear();
      it.values.clear();
    } else if (how < 3) {
      const dropped = it.map.sweep();
      assert(it.isShared || dropped === 0);
    } else for (let i = 0; i < 8; i++) RECORD_OPERATIONS.mapSet(it, random);
  },
};

// -- iteration --

const PASSES = ["forEach", "loop", "forOf", "handles", "retain"] as const;

/** Iterates and meddles on the way: each record that stays is seen once, in order, as what it is. */
function iterate(it: Subject, random: Random): unknown {
  const { pool, state, setting: { isTyped, isDebugPair } } = it;
  const asked = isTyped && random.oneIn(2) ? undefined : it.someStruct(random);
  const front = asked === undefined ? [] : it.of(asked);
  const name = it.isShared ? random.pick(["forEach", "loop"] as const) : random.pick(PASSES);
  const calm = random.pick([1, 4, 1000]);
  const args = Array.from({ length: random.below(6) }, (_, i) => i);
  const unseen = new Set(it.ordered(it.isMixed ? asked : undefined));
  const seen = new Set<number>();
  const said: unknown[] = [];
  let last = -1, freed = 0;
  const assertShown = (handle: number, view: AnyView) => {
    const { struct, value } = it.rec(handle);
    if (view === undefined || !isTyped && struct !== asked) return;
    if (!isSame(view.toJSON(), value)) assertEquals(view.toJSON(), value, `record ${handle}`);
  };
  const visit = (view: AnyView, handle: number, ...rest: unknown[]) => {
    const rec = state.live.get(handle);
    assert(rec !== undefined, `saw ${handle}, which is not live`);
    assert(!seen.has(handle) && rec.index > last, `saw ${handle} out of order`);
    assert(!isTyped || asked === undefined || rec.struct === asked, `saw ${handle} as another`);
    last = rec.index;
    seen.add(handle);
    unseen.delete(handle);
    assertShown(handle, view);
    said.push(rec.id, rest.length);
    if (random.oneIn(calm)) disturb(it, random, forge(handle));
    if (state.live.has(handle)) assertShown(handle, view);
    // What a view shows of a record that is gone is the same in both pools of a pair.
    else if (!it.isDebug && !isDebugPair) said.push(view?.toJSON());
    if (name !== "retain" || !random.oneIn(3)) return 1;
    if (state.live.has(handle)) {
      it.freed(handle);
      freed++;
    }
    return random.pick([0, "", NaN, false, undefined]);
  };
  const views = () => asked === undefined || !it.isMixed ? pool : pool.all(asked);
  const stripe = it.isShared ? [random.pick([undefined, { stripe: 0, of: 1 }])] : [];
  const outer = it.visit;
  const passes: Record<typeof PASSES[number], () => unknown> = {
    forEach: () => pool.forEach(...front, visit, ...stripe),
    loop: () => {
      it.visit = visit as typeof it.visit;
      it.loop(front)(...args);
    },
    forOf: () => {
      for (const view of views()) visit(view, pool.handleOf(view));
    },
    handles: () => {
      for (const handle of pool.handles(...front)) visit(undefined, handle);
    },
    retain: () => assertEquals(pool.retain(...front, visit), freed),
  };
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
  return handles.slice(from, from + random.below(random.oneIn(4) ? handles.length + 1 : 8)).map(
    forge,
  );
}

function freeEach(it: Subject, handles: readonly AnyHandle[]): void {
  for (const handle of handles) {
    it.pool.free(handle);
    it.freed(handle);
  }
}

/** As few blocks of a slab as have room for its records. */
function leastBlocks(slab: Slab): number {
  const rooms = slab.mappedBlocks().map(({ chunkCount, retired }) => chunkCount - retired);
  rooms.sort((a, b) => b - a);
  let room = 0, count = 0;
  while (room < slab.size) room += rooms[count++];
  return count;
}

/** How many records have to move: where no chunk is retired the blocks with the most records stay. */
function fewestMoves(slab: Slab): number | undefined {
  if (slab.mappedBlocks().some(({ retired }) => retired > 0)) return undefined;
  const lives = slab.mappedBlocks().map(({ live }) => live).sort((a, b) => b - a);
  return lives.slice(leastBlocks(slab)).reduce((sum, live) => sum + live, 0);
}

/** Goes back to a moment, whose handles are good again and later ones stale. */
function goBack(it: Subject, { bytes, state }: { bytes: Uint8Array; state: State }): void {
  const later = it.state.handles.filter((handle) => !state.live.has(handle));
  it.pool.restore(bytes);
  it.state = state.copy();
  for (const handle of it.values.keys()) {
    if (!state.live.has(handle) || later.includes(handle)) it.values.delete(handle);
  }
  for (const handle of later) assert(!it.pool.has(handle), `${handle} has not been given out yet`);
  it.forgetViews();
}

/** All numbers of a value in order; undefined when there are integers of 64 bits, which `pack` takes no fields of. */
function numbersOf(value: unknown): number[] | undefined {
  if (typeof value === "bigint") return undefined;
  if (typeof value !== "object" || value === null) return [Number(value)];
  const parts = Object.values(value).map(numbersOf);
  return parts.includes(undefined) ? undefined : parts.flat() as number[];
}

const PACKED = [
  ...[Int8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array],
  ...[Uint32Array, Float16Array, Float32Array, Float64Array],
];

const POOL_OPERATIONS: Readonly<Record<string, Operation>> = {
  allocMany(it, random) {
    const { pool } = it;
    const struct = it.someStruct(random);
    const count = random.below(random.oneIn(3) ? it.setting.maxChunks : 20);
    const arrays = [() => [], () => new Float64Array(count)];
    if (it.setting.options.handles !== "wide" && !it.isDebug) {
      arrays.push(() => new Int32Array(count) as never, () => new Uint32Array(count + 3) as never);
    }
    const out = random.pick(arrays)();
    if (count > it.room(struct)) {
      const call = () => pool.allocMany(...it.of(struct), count, out);
      return assertThrows(call, PoolExhaustedError).message;
    }
    const handles: ArrayLike<number> = pool.allocMany(...it.of(struct), count, out);
    assert(handles === out);
    for (let i = 0; i < count; i++) it.added(handles[i], struct);
  },
  /** Fills the pool and frees most of it, so that there is something to compact. */
  fragment(it, random) {
    for (let i = it.setting.maxChunks; i > 0; i--) {
      const struct = it.someStruct(random);
      if (it.room(struct) === 0) continue;
      const init = initFor(it, struct, random);
      it.added(it.pool.alloc(...it.of(struct), init), struct, init);
    }
    POOL_OPERATIONS.thin(it, random);
  },
  thin(it, random) {
    const rest = random.pick([2, 4, 8, 1000]);
    freeEach(it, it.state.handles.filter(() => !random.oneIn(rest)).map(forge));
  },
  freeMany(it, random) {
    const handles = several(it, random);
    it.pool.freeMany(random.oneIn(2) ? handles : Float64Array.from(handles));
    for (const handle of handles) it.freed(handle);
  },
  freeManyBad(it, random) {
    const handles = several(it, random);
    const bad = random.oneIn(2) ? handles[0] ?? 0 : [...it.state.stale].at(-1) ?? 0;
    handles.splice(random.below(handles.length + 1), 0, forge(bad));
    assertThrows(() => it.pool.freeMany(handles), StaleHandleError);
  },
  scoped(it, random) {
    const struct = it.someStruct(random);
    if (it.room(struct) === 0) {
      assertThrows(() => it.pool.scoped(...it.of(struct)), PoolExhaustedError);
      return;
    }
    const init = initFor(it, struct, random);
    using scratch: AnyView = it.pool.scoped(...it.of(struct), init);
    it.added(scratch.handle, struct, init);
    assert(isSame(scratch.view.toJSON(), it.rec(scratch.handle).value));
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
    const struct = it.someStruct(random);
    const { pool } = it;
    const front = pool instanceof PoolSet ? [struct] : [];
    const { maxChunks } = it.setting;
    const chunks = random.below(maxChunks + 10);
    if (chunks <= maxChunks) {
      pool.reserve(...front, chunks);
      assert(pool.capacity >= chunks);
    } else assertThrows(() => pool.reserve(...front, chunks), PoolExhaustedError);
  },
  iterate,
  iterateAgain: iterate,
  useAsAnother(it, random) {
    const handle = it.some(random);
    if (handle === undefined || !it.isMixed || !it.setting.isTyped) return;
    const { pool } = it;
    const struct = it.someStruct(random);
    if (struct === it.rec(handle).struct) return;
    const calls = [
      () => pool.get(struct, handle),
      () => pool.tryGet(struct, handle),
      () => pool.set(struct, handle, {}),
      () => pool.seek(pool.cursor(struct), handle),
    ];
    for (const call of calls) assertThrows(call, TypeMismatchError);
  },
  pack(it, random) {
    const { pool, setting: { isTyped } } = it;
    const struct = it.someStruct(random);
    const handles = it.ordered(it.isMixed ? struct : undefined);
    if (!isTyped && handles.some((handle) => it.rec(handle).struct !== struct)) return;
    const names = Object.entries(zeroOf(struct) as Plain).flatMap(([name, value]) =>
      numbersOf(value) === undefined ? [] : [name]
    );
    const fields = names.length === 0 ? [] : [random.pick(names), random.pick(names)];
    const values = handles.flatMap((handle) =>
      fields.flatMap((name) => numbersOf(it.rec(handle).value[name])!) // as they were chosen
    );
    if (fields.length > 0) {
      const out = new (random.pick(PACKED))(values.length + 1);
      assertEquals(pool.pack(...it.of(struct), out, fields), handles.length);
      assertEquals([...out], [...new (out.constructor as typeof Float64Array)([...values, 0])]);
    }
    const offset = random.below(8);
    const whole = new Uint8Array(new ArrayBuffer(handles.length * struct.size + offset), offset);
    assertEquals(pool.pack(...it.of(struct), whole), handles.length);
    const { chunksPerBlock = 16 } = it.setting.options;
    const bytesOf = (handle: AnyHandle) => {
      if (it.isMixed) return pool.bytes(handle).subarray(0, struct.size);
      const at = it.rec(handle).index % chunksPerBlock * struct.size;
      const block = Math.floor(it.rec(handle).index / chunksPerBlock);
      return pool.blocks.find(({ index }: AnyView) => index === block).bytes
        .subarray(at, at + struct.size);
    };
    assertEquals([...whole], handles.flatMap((handle) => [...bytesOf(forge(handle))]));
  },
  growMemory(it) {
    if (it.setting.source.grow()) it.pool.rebind();
  },
  limitMemory(it, random) {
    it.setting.source.limit(random);
  },
  wear(it, random) {
    const handle = it.some(random);
    if (handle !== undefined && !it.isDebug && !it.setting.isDebugPair) it.wear(handle);
  },
  mapForEach(it, random) {
    const { pool } = it;
    it.map.forEach((value, handle) => {
      assertEquals(it.values.get(handle), value);
      if (!random.oneIn(4)) return;
      pool.free(handle);
      it.freed(handle);
    });
  },

  // -- states --

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
    const bytes = some.compact((from: number, to: number) => void moves.set(from, to));
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
    const bytes: Uint8Array = it.pool.snapshot(old, { checksum: random.oneIn(2) });
    const isAgain = !it.isDebug && !it.setting.isDebugPair && !it.setting.source.isTight;
    moments.push({ bytes, state: it.state.copy(), done: isAgain ? [] : undefined });
  },
  /** Goes back, does the same again with the same results, and stays there or goes back once more. */
  restore(it, random) {
    const { moments, state } = it;
    if (moments.length === 0) return;
    const moment = random.pick(moments);
    const { done } = moment;
    if (done === undefined) goBack(it, moment);
    else {
      const end = it.pool.snapshot();
      goBack(it, moment);
      for (const [name, seed] of done) run(it, name, seed);
      assertEquals(it.state.handles, state.handles);
      assertSameBytes(it.pool.snapshot(), end, "the same operations had another result");
      if (random.oneIn(2)) {
        goBack(it, moment);
        moment.done = [];
      }
    }
    for (const other of moments) if (other !== moment) other.done = undefined;
  },
  restoreBad(it, random) {
    const { pool, setting: { source } } = it;
    const saved: Uint8Array = pool.snapshot();
    const cut = random.below(saved.length);
    const flipped = saved.slice();
    flipped[cut] ^= 1 << random.below(8);
    assertThrows(
      () => pool.restore(random.oneIn(2) ? flipped : saved.subarray(0, cut)),
      SnapshotError,
    );
    assertSameBytes(pool.snapshot(), saved, "what was thrown for changed the pool");
    for (let i = 0; i < 4 && !source.isTight; i++) restoreDamaged(it, random);
    // What was live all the time cannot be known.
    it.map.clear();
    it.values.clear();
    it.forgetViews();
  },
  save(it) {
    it.saves.push({ bytes: it.pool.save(), state: it.state.copy() });
    if (it.saves.length > 3) it.saves.shift();
  },
  load(it, random) {
    if (it.saves.length === 0) return;
    const { bytes, state } = random.pick(it.saves);
    const before = it.state;
    const moves = new Map<number, number>();
    const moved = (from: number, to: number) => void moves.set(from, to);
    const isTooLarge = it.setting.options.handles === "wide" && it.isMixed &&
      before.retired.size > 0;
    let report: LoadReport;
    try {
      report = it.pool.load(bytes, { moved });
    } catch (error) {
      // A link cannot hold the new handle of a record whose chunk is retired.
      if (!(error instanceof SnapshotError && isTooLarge)) throw error;
      return "a link is too large";
    }
    assertEquals([report.records, report.moved, report.wrapped, report.added, report.dropped], [
      ...[state.handles.length, moves.size, 0, [], []],
    ]);
    const next = it.state = state.copy();
    for (const handle of [...before.stale, ...before.handles]) {
      // A chunk that has a record of the save is at its generation again, and goes on from there.
      if (it.isDebug) next.stale.add(handle);
      assert(!it.pool.has(handle) || state.live.has(handle) || moves.has(handle));
    }
    next.allocs = before.allocs + next.handles.length;
    before.peaks.forEach((peak, i) => next.peaks[i] = Math.max(peak, next.sizes[i]));
    for (const index of before.retired) next.retired.add(index);
    it.values.clear();
    it.moved(moves, next, it.setting.isTyped); // a save of a pool without types has bytes alone
    for (const handle of next.handles) next.stale.delete(handle);
    it.forgetViews();
    return [report.records, report.moved];
  },
};

/** Restores a snapshot without a checksum that was tampered with: it throws and changes nothing, or the pool works on with it. */
function restoreDamaged(it: Subject, random: Random): void {
  const { pool } = it;
  const saved: Uint8Array = pool.snapshot(undefined, { checksum: false });
  const bytes = saved.slice();
  const words = new Int32Array(bytes.buffer);
  for (let changes = random.below(3); changes >= 0; changes--) {
    const at = 8 + random.below(words.length - 8);
    const other = words[8 + random.below(words.length - 8)];
    const harmful = random.pick([0, 1, -1, 15, 16, 17, 63, 64, 65, 2 ** 31 - 1, -(2 ** 31)]);
    words[at] = random.pick([harmful, words[at] + 1, words[at] ^ 1 << random.below(32), other]);
  }
  try {
    pool.restore(bytes);
  } catch (error) {
    assert(error instanceof SnapshotError, String(error));
    assertSameBytes(pool.snapshot(undefined, { checksum: false }), saved, "it threw");
    return;
  }
  validate(pool);
  for (const handle of pool.handles()) if (random.oneIn(3)) pool.free(handle);
  for (let i = 0; i < 5; i++) pool.tryAlloc(...it.of(it.someStruct(random)));
  validate(pool);
  pool.restore(saved);
}

/** Asserts that two arrays hold the same bytes. */
export function assertSameBytes(actual: Uint8Array, expected: Uint8Array, what: string): void {
  const at = actual.findIndex((byte, i) => byte !== expected[i]);
  assert(at < 0 && actual.length === expected.length, `${what}: byte ${at} differs`);
}

const OPERATIONS: Readonly<Record<string, Operation>> = {
  ...RECORD_OPERATIONS,
  ...POOL_OPERATIONS,
};

/** The operations on single records, which a `SharedPool` has as well, and those on a whole pool. */
export const RECORD_NAMES: readonly string[] = Object.keys(RECORD_OPERATIONS);
export const POOL_NAMES: readonly string[] = Object.keys(POOL_OPERATIONS);
/** What a `SharedPool` can do. */
export const SHARED_NAMES: readonly string[] = [...RECORD_NAMES, "iterate"];
/** What may be done in a callback or a getter beside operations on single records. */
const DISTURBING = ["clear", "freeBlock", "trim", "allocMany", "freeMany", "iterate", "scoped"];
const FREEING = ["free", "set", "write", "seek", "freeMany", "clear", "freeBlock", "trim"];
/** What changes no state of the pool, and what cannot be done again with the same results. */
const PASSIVE = ["snapshot", "restore", "restoreBad", "save", "growMemory"];
const SINGLE = ["load", "mapForEach", "limitMemory"];

/**
 * Plays an operation.
 *
 * @param it The pool and its model.
 * @param name Which.
 * @param seed What its choices come from.
 * @returns What came of it, as a text that does not depend on handles.
 */
export function play(it: Subject, name: string, seed: number): string {
  let said: unknown;
  try {
    said = run(it, name, seed);
  } catch (error) {
    // Memory may run out wherever it is asked for.
    if (!(error instanceof OutOfMemoryError && it.setting.source.isTight)) throw error;
    said = "out of memory";
  }
  for (const moment of it.moments) {
    if (SINGLE.includes(name)) moment.done = undefined;
    else if (!PASSIVE.includes(name)) moment.done?.push([name, seed]);
  }
  return textOf(said);
}

function run(it: Subject, name: string, seed: number): unknown {
  const random = new Random(seed);
  it.pool = random.pick(it.parts);
  return OPERATIONS[name](it, random);
}
