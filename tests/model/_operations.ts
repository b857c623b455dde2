/**
 * The operations of the model tests and of the soak on many records and on memory. Each makes all
 * of its choices by random numbers, changes a pool and its model, and returns the result.
 *
 * @module
 */
import { packAny } from "../_kinds.ts";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { OutOfMemoryError, PoolExhaustedError, PoolSet, StaleHandleError } from "../../mod.ts";
import type { AnyHandle } from "../../mod.ts";
import { forge } from "../_support.ts";
import type { AnyView, Subject } from "./_model.ts";
import type { Random } from "../_random.ts";
import {
  Boom,
  disturb,
  initFor,
  onLive,
  type Operation,
  OPERATIONS,
  RECORD_OPERATIONS,
  run,
} from "./_record_operations.ts";
import { STATE_OPERATIONS } from "./_state_operations.ts";
import { isSame, type Plain, textOf, zeroOf } from "./_values.ts";

// -- iteration --

const PASSES = ["forEach", "loop", "forOf", "handles", "retain"] as const;

/**
 * Iterates, and does other operations on the way: each record that stays live is seen once, in
 * order, with its value.
 */
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

/**
 * All numbers of a value in order; undefined when there are integers of 64 bits, which `pack` takes
 * no fields of.
 */
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
  bytes: onLive((it, _, handle) => it.isMixed ? it.pool.bytes(handle) : undefined),
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
  pack(it, random) {
    const { pool, setting: { isTyped } } = it;
    const struct = it.someStruct(random);
    const handles = it.ordered(it.isMixed ? struct : undefined);
    if (!isTyped && handles.some((handle) => it.rec(handle).struct !== struct)) return;
    const names = Object.entries(zeroOf(struct) as Plain).flatMap(([name, value]) =>
      numbersOf(value) === undefined ? [] : [name]
    );
    if (names.length === 0) return;
    const fields = [random.pick(names), random.pick(names)];
    const values = handles.flatMap((handle) =>
      fields.flatMap((name) => numbersOf(it.rec(handle).value[name])!) // as they were chosen
    );
    const out = new (random.pick(PACKED))(values.length + 1);
    assertEquals(packAny(pool, ...it.of(struct), out, fields), handles.length);
    assertEquals([...out], [...new (out.constructor as typeof Float64Array)([...values, 0])]);
  },
  growMemory(it) {
    if (it.setting.source.grow()) it.pool.rebind();
  },
  limitMemory(it, random) {
    it.setting.source.limit(random);
  },
  wear: onLive((it, _, handle) => it.isDebug || it.setting.isDebugPair || it.wear(handle)),
  mapForEach(it, random) {
    const { pool } = it;
    it.map.forEach((value, handle) => {
      assertEquals(it.values.get(handle), value);
      if (!random.oneIn(4)) return;
      pool.free(handle);
      it.freed(handle);
    });
  },
};

Object.assign(OPERATIONS, POOL_OPERATIONS);

/**
 * The operations on single records, which a `SharedPool` has as well, and those on a whole pool.
 */
export const RECORD_NAMES: readonly string[] = Object.keys(RECORD_OPERATIONS);
export const POOL_NAMES: readonly string[] = [
  ...Object.keys(POOL_OPERATIONS),
  ...Object.keys(STATE_OPERATIONS),
];
/** What a `SharedPool` can do. */
export const SHARED_NAMES: readonly string[] = [...RECORD_NAMES, "iterate"];
/** What changes no state of the pool, and what cannot be done again with the same results. */
const PASSIVE = ["snapshot", "restore", "restoreBad", "save", "growMemory"];
const SINGLE = ["load", "mapForEach", "limitMemory"];

/**
 * Plays an operation.
 *
 * @param it The pool and its model.
 * @param name Which.
 * @param seed What its choices come from.
 * @returns The result, as a text that does not depend on handles.
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
