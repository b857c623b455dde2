/**
 * Operations of the model tests on single records, and what is done in the middle of others.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { PoolExhaustedError, StaleHandleError, Struct } from "../../mod.ts";
import type { AnyHandle, AnyStruct } from "../../mod.ts";
import { forge, outcomeOf } from "../_support.ts";
import type { AnyView, Subject } from "./_model.ts";
import { Random } from "../_random.ts";
import { isArray, isSame, merge, type Plain, someOf, valueOf, zeroOf } from "./_values.ts";

/** Changes a pool and its model, and returns a result that does not depend on handles. */
export type Operation = (it: Subject, random: Random) => unknown;

/** What may be done in a callback or a getter beside operations on single records. */
const DISTURBING = [
  ...["clear", "freeBlock", "trim", "compact", "allocMany", "freeMany", "iterate", "scoped"],
];
/** Thrown by callbacks and getters. */
export class Boom extends Error {}

// -- values --

/** A whole value for a record, with links to live records and stale ones, right and wrong. */
function wholeFor(it: Subject, struct: AnyStruct, random: Random): Plain {
  const linkTo = (target: AnyStruct) => {
    const { live, stale, handles } = it.state;
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

/** Values that fit no field, or only some. */
const WRONG: readonly unknown[] = ["1", null, {}, 1, 1n, true, [], Symbol.iterator, 0.1, 1e9];

/**
 * A value that may not fit: with wrong values, getters that call the pool or throw, and a field
 * that the struct does not have.
 */
function wildInitFor(it: Subject, struct: AnyStruct, random: Random): Plain {
  const init: Plain = {};
  for (const [name, value] of Object.entries(initFor(it, struct, random))) {
    const how = random.below(8);
    if (how > 1) init[name] = value;
    if (how === 0) init[name] = random.pick(WRONG);
    if (how !== 1) continue;
    const seed = random.bits();
    const get = () => {
      disturb(it, new Random(seed));
      return value;
    };
    Object.defineProperty(init, name, { enumerable: true, get });
  }
  if (random.oneIn(10)) init.nope = 1;
  return init;
}

/** Does another operation inside a callback or a getter. */
export function disturb(it: Subject, random: Random, current?: AnyHandle): void {
  if (it.depth > 1) return;
  if (random.oneIn(20)) throw new Boom("from within");
  const { pool } = it;
  it.depth++;
  try {
    if (current !== undefined && random.oneIn(3)) {
      if (pool.tryFree(current)) it.freed(current);
      if (random.oneIn(2)) it.play("alloc", random.bits()); // which may take its chunk
    } else {
      const isLarge = !it.isShared && random.oneIn(6);
      const names = isLarge ? DISTURBING : Object.keys(RECORD_OPERATIONS);
      it.play(random.pick(names), random.bits());
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
      const all = next[name] as unknown[];
      const at = random.below(type.length);
      view[name].set(at, all[at]);
      result[name] = (result[name] as unknown[]).with(at, all[at]);
      if (random.oneIn(4)) {
        view[name].copyFrom(all);
        result[name] = all;
      }
      assertThrows(() => view[name].set(type.length, all[0]), RangeError);
      assertEquals(view[name].length, type.length);
    }
  }
  return result;
}

// -- one record --

/** An operation on some live record, if there is any. */
export function onLive(fn: (it: Subject, random: Random, handle: AnyHandle) => unknown): Operation {
  return (it, random) => it.live === 0 ? undefined : fn(it, random, it.some(random));
}

export const RECORD_OPERATIONS: Readonly<Record<string, Operation>> = {
  alloc(it, random) {
    const { pool } = it;
    const struct = it.someStruct(random);
    const args = [...it.of(struct), random.oneIn(3) ? undefined : initFor(it, struct, random)];
    const isTried = it.isShared || it.room(struct) === 0 || random.oneIn(2);
    const handle = isTried ? pool.tryAlloc(...args) : pool.alloc(...args);
    if (handle === undefined) {
      // A thread of a shared pool may not have all chunks that are left.
      assert(it.isShared || it.room(struct) === 0, "a pool with room had none");
      return assertThrows(() => pool.alloc(...args), PoolExhaustedError).message;
    }
    assert(it.room(struct) > 0, `${handle} was given out of a full pool`);
    return it.rec(it.added(handle, struct, args.at(-1))).id;
  },
  allocSeveral(it, random) {
    return Array.from({ length: random.below(40) }, () => RECORD_OPERATIONS.alloc(it, random));
  },
  allocWild(it, random) {
    const { pool } = it;
    const struct = it.someStruct(random);
    const name = random.oneIn(2) ? "alloc" : "tryAlloc";
    return outcomeOf(() => {
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
    const call = () => pool.allocAt(...it.of(struct), cursor);
    if (it.room(struct) === 0) {
      assertThrows(call, PoolExhaustedError);
      if (at !== undefined) assertEquals(pool.handleOf(cursor), at);
      return;
    }
    let handle: number;
    try {
      handle = call();
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
  free: onLive((it, random, handle) => {
    const view = it.view(handle);
    if (random.oneIn(2)) it.pool.free(handle);
    else assert(it.pool.tryFree(handle));
    it.freed(handle);
    if (it.isDebug) assertThrows(() => view.toJSON(), StaleHandleError);
  }),
  seek: onLive((it, _, handle) => {
    const { struct, value } = it.rec(handle);
    const cursor = it.cursor(struct);
    assert(it.pool.seek(cursor, handle) === cursor && it.pool.handleOf(cursor) === handle);
    assert(isSame(cursor.toJSON(), value), `record ${handle} under a cursor`);
  }),
  /** Writes a part of a record, or another one's view to all of it. */
  set: onLive((it, random, handle) => {
    const { struct, value } = it.rec(handle);
    const other = it.some(random);
    const isCopy = random.oneIn(3) && it.rec(other).struct === struct;
    const part = isCopy ? it.rec(other).value : initFor(it, struct, random);
    it.pool.set(...it.of(struct), handle, isCopy ? it.view(other) : part);
    it.wrote(handle, merge(struct, value, part));
  }),
  write: onLive((it, random, handle) => {
    const { struct, value } = it.rec(handle);
    const next = wholeFor(it, struct, random);
    it.wrote(handle, scribble(it.view(handle), struct, value, next, random));
  }),
  /** Writes what may not fit, all at once or to one field after another. */
  writeWild: onLive((it, random, handle) => {
    const { pool } = it;
    const { struct } = it.rec(handle);
    const view = it.view(handle);
    const assign = (name: string) => {
      const items = view[name];
      if (items?.set !== undefined && random.oneIn(2)) items.set(0, random.pick(WRONG));
      else view[name] = random.pick(WRONG);
    };
    const said = random.oneIn(2)
      ? outcomeOf(() => pool.set(...it.of(struct), handle, wildInitFor(it, struct, random)))
      : Object.keys(struct.fields).map((name) => outcomeOf(() => assign(name)));
    it.adopt(handle);
    return [said, it.state.live.get(handle)?.value];
  }),
  useStale(it, random) {
    const { pool, map, state } = it;
    const forged = random.pick([random.bits(), random.bits() * 2 ** 20, -1, 0, NaN, 0.5]);
    const handle = forge(random.oneIn(2) ? random.pick([...state.stale]) : forged);
    if (state.live.has(handle)) return;
    const front = it.of(it.someStruct(random));
    assertEquals([pool.has(handle), pool.tryFree(handle), map.has(handle)], [false, false, false]);
    assertEquals([pool.tryGet(...front, handle), map.get(handle)], [undefined, undefined]);
    return assertThrows(() => pool.free(handle), StaleHandleError).message;
  },
  mapSet: onLive((it, random, handle) => {
    const value = random.below(8);
    it.map.set(handle, value);
    it.values.set(handle, value);
  }),
  mapDelete: onLive((it, _, handle) =>
    assertEquals(it.map.delete(handle), it.values.delete(handle))
  ),
  mapClear({ map, values, isShared }, random) {
    const dropped = map.sweep();
    assert(isShared || dropped === 0);
    if (!random.oneIn(4)) return;
    map.clear();
    values.clear();
  },
};
