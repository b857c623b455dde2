/**
 * Code of the user's that runs in the middle of a call and calls the same pool: in array-likes, in
 * setters and in memory resources. For the getters of records see `tests/struct/record_test.ts`.
 *
 * @module
 */
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  compact,
  debug as debugMode,
  DisposedError,
  ErasedPool,
  load,
  OutOfMemoryError,
  PoolExhaustedError,
  PoolSet,
  restore,
  save,
  snapshot,
  StaleHandleError,
  struct,
  TypeMismatchError,
  validate,
} from "../../mod.ts";
import type { AnyHandle, MemoryRegion, PoolOptions } from "../../mod.ts";
import { drop, fillKind, type OfKind, reserveIn, testKinds } from "../_kinds.ts";
import { Ledger } from "../_ledger.ts";
import { figuresOf, forge, Num, Real, stateOf, untyped } from "../_support.ts";

/** Four blocks of 16 at the most. */
const SMALL: PoolOptions = { chunksPerBlock: 16, maxChunks: 64, keepEmptyBlocks: 0, name: "cells" };

type Make = (options?: PoolOptions) => OfKind;

/** Defines a test for every kind of pool, made in every way. */
function each(claim: string, test: (make: Make) => void): void {
  testKinds(claim, Num, SMALL, test);
}

/** A pool of 40 records in three blocks, `n` counted up. */
function filled(make: Make): OfKind & { handles: AnyHandle[] } {
  const it = make();
  return { ...it, handles: fillKind(it, 40) };
}

/** Asserts that a pool is valid, and that some records are live and hold what they did. */
function assertIntact({ pool, of }: OfKind, live: readonly (readonly [AnyHandle, number])[]): void {
  validate(pool);
  assertEquals(new Set<number>(pool.handles()), new Set(live.map(([handle]) => handle)));
  for (const [handle, n] of live) assertEquals(pool.get<{ n: number }>(...of, handle).n, n);
}

/** Asserts that a pool is usable: fills it, empties it, and disposes of it. */
function assertUsable({ pool, of }: OfKind): void {
  const handles = [...pool.allocMany(...of, 63 - pool.size), pool.alloc(...of, { n: 7 })];
  assertEquals(pool.tryAlloc(...of), undefined);
  validate(pool);
  pool.freeMany(handles);
  validate(pool);
  drop(pool);
}

class Boom extends Error {}

type Action = (it: OfKind, handles: readonly AnyHandle[]) => void;

/** What is called in the middle of another call, and how many records that adds to the 40. */
const ACTIONS: readonly [change: number, Action][] = [
  [1, ({ pool, of }) => pool.alloc(...of, { n: 99 })],
  [-1, ({ pool }, handles) => pool.free(handles[3])],
  [9, ({ pool, of }) => pool.allocMany(...of, 9)],
  [0, ({ pool }) => pool.trim()],
  [-9, ({ pool }, handles) => pool.freeMany(handles.slice(3, 12))],
];

// -- the array-like of freeMany() --

/** The handles, and a function that is called before each read. */
function watched(handles: AnyHandle[], onRead: (name: string) => unknown): AnyHandle[] {
  return new Proxy(handles, {
    get(target, name) {
      onRead(String(name));
      return Reflect.get(target, name);
    },
  });
}

each("freeMany() reads the length and each handle once, before anything changes", (make) => {
  const it = filled(make);
  const { pool, handles } = it;
  const before = stateOf(pool);
  const reads: string[] = [];
  const list = watched(handles.slice(0, 3), (name) => {
    reads.push(name);
    assertEquals(stateOf(pool), before);
  });
  pool.freeMany(list);
  assertEquals(reads, ["length", "0", "1", "2"]);
  assertIntact(it, handles.slice(3).map((handle, i) => [handle, i + 3]));
  const growing = handles.slice(3, 5);
  pool.freeMany(watched(growing, (name) => name === "0" && growing.push(handles[9])));
  assertEquals(pool.size, 35); // as many as the length was at first
});

each("freeMany() changes nothing where a handle or the length throws or is none", (make) => {
  const { pool, handles } = filled(make);
  const before = stateOf(pool);
  const error = new Boom();
  for (const bad of ["length", "0", "2"]) {
    const list = watched(handles.slice(0, 3), (name) => {
      if (name === bad) throw error;
    });
    assertStrictEquals(assertThrows(() => pool.freeMany(list)), error);
    assertEquals(stateOf(pool), before);
  }
  const holes = [handles[0], handles[1]];
  holes[3] = handles[2];
  const shrinking = handles.slice(2, 6);
  const bad: unknown[] = [
    holes,
    watched(shrinking, (name) => name === "0" && (shrinking.length = 2)),
    BigInt64Array.of(BigInt(handles[0])),
    ...[1.5, -1, NaN, "2", 2n, undefined].map((length) => ({ ...handles, length })),
    new Set(handles),
    handles[0],
    null,
  ];
  for (const list of bad) {
    assertThrows(() => pool.freeMany(untyped(list)), Error, '"cells"');
    assertEquals(stateOf(pool), before);
  }
  validate(pool);
});

each("freeMany() frees what is live once its handles are read, or nothing", (make) => {
  const stale: [undefined, Action][] = [
    [undefined, ({ pool }, handles) => pool.free(handles[0])],
    [undefined, ({ pool }, handles) => pool.free(handles[2])],
    [undefined, ({ pool }) => pool.freeBlock(pool.blocks[0].index)],
  ];
  for (const [change, action] of [...ACTIONS, ...stale]) {
    const it = filled(make);
    const { pool, handles } = it;
    const list = watched(handles.slice(0, 3), (name) => name === "1" && action(it, handles));
    if (change === undefined) assertThrows(() => pool.freeMany(list), StaleHandleError);
    else {
      pool.freeMany(list);
      assertEquals(pool.size, 40 - 3 + change);
    }
    validate(pool);
    pool.clear();
    assertUsable(it);
  }
  const { pool, handles } = filled(make);
  const list = watched(handles, (name) => name === "1" && drop(pool));
  assertThrows(() => pool.freeMany(list), DisposedError);
});

// -- the out of allocMany() --

/** Arrays that do something when one of their elements is written. */
const OUTS: Readonly<Record<string, (at: number, action: () => void) => AnyHandle[]>> = {
  "a Proxy": (at, action) =>
    new Proxy([], {
      set(target, name, value) {
        if (name === String(at)) action();
        return Reflect.set(target, name, value);
      },
    }),
  "a setter": (at, action) => Object.defineProperty([], at, { set: action, configurable: true }),
};

for (const [what, outOf] of Object.entries(OUTS)) {
  each(`allocMany() gives live handles, or none, where ${what} calls the same pool`, (make) => {
    for (const [change, action] of ACTIONS) {
      const it = filled(make);
      const { pool, of, handles } = it;
      const out = outOf(4, () => action(it, handles));
      assert(pool.allocMany(...of, 8, out) === out);
      const given = Array.from({ length: 8 }, (_, i) => out[i]).filter((it) => it !== undefined);
      assertEquals(given.length, what === "a setter" ? 7 : 8);
      assert(given.every((handle) => handle !== 0 && pool.has(handle)));
      assertEquals([new Set(given).size, pool.size], [given.length, 40 + 8 + change]);
      validate(pool);
      drop(pool);
    }
  });
}

each("allocMany() leaves nothing behind where an element throws or cannot be written", (make) => {
  const it = filled(make);
  const { pool, of, handles } = it;
  const error = new Boom();
  const fail = () => {
    throw error;
  };
  const outs = [
    ...Object.values(OUTS).flatMap((outOf) => [0, 1, 7].map((at) => outOf(at, fail))),
    Object.defineProperty([], 5, { value: 1, writable: false }),
    Object.defineProperty([], "length", { writable: false }),
    new Proxy([], { set: (_, name) => name !== "2" }),
    new Proxy([], { set: (_, name) => name !== "length" }),
    new Proxy([], { isExtensible: () => untyped(error), set: () => false }),
    Object.freeze([]),
    Object.seal([1, 2, 3, 4, 5, 6, 7, 8]),
  ];
  for (const [i, out] of outs.entries()) {
    const { peakSize } = pool.stats();
    const thrown = assertThrows(() => pool.allocMany(...of, 8, out));
    if (i < 6) assertStrictEquals(thrown, error);
    else {
      assert(thrown instanceof TypeError, String(thrown));
      for (const handle of out as number[]) assert(handle !== 0);
    }
    const { allocs, frees, peakSize: peak } = pool.stats();
    assert(allocs - frees === 40 && peak >= peakSize);
    assertIntact(it, handles.map((handle, n) => [handle, n]));
  }
  assertUsable(it);
});

// -- structs that change while values are read --

const A = struct({ a: "u32" }, { name: "A" });
const B = struct({ b: "f32" }, { name: "B" });

Deno.test("set() throws TypeMismatchError where a getter restores another struct's record", () => {
  for (const specialize of [true, false]) {
    const some: PoolOptions = { ...SMALL, specialize };
    const pools = [
      new ErasedPool<typeof A | typeof B>({ ...some, size: 4, types: [A, B] }),
      new PoolSet<typeof A | typeof B>({ ...some, sizes: [4, 8], types: [A, B] }),
      new PoolSet<typeof A | typeof B>({ ...some, sizes: [2, 4] }),
    ];
    for (const pool of pools) {
      pool.free(pool.alloc(A)); // the set knows A before B
      const empty = snapshot(pool);
      const first = pool.alloc(B, { b: 1.5 });
      const asB = snapshot(pool);
      restore(pool, empty);
      const second = pool.alloc(A, { a: 7 });
      assertEquals<number>(second, first);
      const value = {
        get a() {
          restore(pool, asB);
          return 5;
        },
      };
      const error = assertThrows(() => pool.set(A, second, value), TypeMismatchError);
      assertEquals([error.struct, error.actual], ["A", "B"]);
      assertStrictEquals(pool.typeOf(first), B);
      assertEquals([pool.get(B, first).b, pool.size], [1.5, 1]);
      validate(pool);
      drop(pool);
    }
  }
});

// -- memory resources that call the same pool --

/** A ledger that does something before it allocates, or after it has released. */
class Calling extends Ledger {
  action: (() => void) | undefined;
  isInAllocate = true;
  /** Calls before the first one that does it, and whether all later calls do it as well. */
  skip = 0;
  isEach = false;
  #isQuiet = false;

  override allocate(byteLength: number, align: number): MemoryRegion {
    if (this.isInAllocate) this.#call();
    return super.allocate(byteLength, align);
  }

  override release(region: MemoryRegion): void {
    super.release(region);
    if (!this.isInAllocate) this.#call();
  }

  /** Runs a call without the action. */
  quietly(call: () => void): void {
    this.#isQuiet = true;
    try {
      call();
    } finally {
      this.#isQuiet = false;
    }
  }

  #call(): void {
    const { action } = this;
    if (action === undefined || this.#isQuiet || this.skip-- > 0) return;
    if (!this.isEach) this.action = undefined;
    this.quietly(action);
  }
}

/** A pool, whose records hold the low half of their handles, and its memory. */
class State {
  readonly memory = new Calling();
  readonly it: OfKind;
  readonly pool: OfKind["pool"];
  /** A snapshot and a save of the pool without its first block, and its size then. */
  readonly saved: Readonly<Record<"snapshot" | "save", Uint8Array> & { size: number }>;
  isDisposed = false;

  /** 40 records in three blocks, of which every third is freed. */
  constructor(make: Make) {
    this.it = make({ memory: this.memory });
    const { pool } = this.it;
    this.pool = pool;
    this.allocMany(40).forEach((handle, i) => i % 3 === 0 && pool.free(handle));
    const before = snapshot(pool);
    pool.freeBlock(pool.blocks[0].index);
    this.saved = { snapshot: snapshot(pool), save: save(pool), size: pool.size };
    restore(pool, before);
  }

  live(): AnyHandle[] {
    return [...this.pool.handles()];
  }

  #sign(handle: AnyHandle): AnyHandle {
    this.pool.set(...this.it.of, handle, { n: handle >>> 0 });
    return handle;
  }

  alloc(): AnyHandle {
    return this.#sign(this.pool.alloc(...this.it.of));
  }

  allocMany(count: number): AnyHandle[] {
    return this.pool.allocMany(...this.it.of, count).map((handle) => this.#sign(handle));
  }

  empty(): void {
    this.pool.clear();
    this.pool.trim();
  }

  restore(): void {
    restore(this.pool, this.saved.snapshot);
  }

  load(): void {
    load(this.pool, this.saved.save, { moved: (_, to) => this.#sign(forge(to)) });
  }

  compact(): void {
    compact(this.pool, (_, to) => this.pool.has(forge(to)) && this.#sign(forge(to)));
  }

  dispose(): void {
    this.isDisposed = true;
    if (this.pool.size > 0) this.pool.clear();
    this.pool.dispose();
  }

  check(): void {
    const { pool, memory } = this;
    if (this.isDisposed) {
      assertThrows(() => pool.has(forge(0)), DisposedError);
      assertThrows(() => this.alloc(), DisposedError);
      assertEquals([pool.size, pool.byteLength], [0, 0]);
      return;
    }
    validate(pool);
    const handles = this.live();
    for (const handle of handles) {
      assertEquals(pool.get<{ n: number }>(...this.it.of, handle).n, handle >>> 0);
    }
    const { size, byteLength, grown, released } = pool.stats();
    assertEquals([size, byteLength], [handles.length, memory.byteLength]);
    assertEquals(grown - released, memory.lent.size);
  }

  end(): void {
    this.memory.action = undefined;
    this.check();
    if (!this.isDisposed) {
      this.pool.clear();
      this.check();
      assertUsable(this.it);
    }
    assertEquals(this.memory.lent.size, 0);
  }
}

type Call = (state: State) => unknown;

function fail(): never {
  throw new OutOfMemoryError("Cannot allocate: there is no more", 64);
}

const isEven = (_: unknown, handle: AnyHandle) => handle % 2 === 0;

/** What a resource calls. */
const INNER: Readonly<Record<string, Call>> = {
  "alloc()": (state) => state.alloc(),
  "allocMany()": (state) => state.allocMany(3),
  "allocMany() of a block": (state) => state.allocMany(16),
  "free()": (state) => state.pool.tryFree(state.live()[5] ?? forge(0)),
  "get()": ({ pool, it }) => pool.size > 0 && pool.get(...it.of, [...pool.handles()][0]),
  "clear() and trim()": (state) => state.empty(),
  "trim()": ({ pool }) => pool.trim(),
  "freeBlock()": ({ pool }) => pool.blocks.length > 0 && pool.freeBlock(pool.blocks[0].index),
  "freeBlock() of the last": ({ pool }) => {
    const last = pool.blocks.at(-1);
    if (last !== undefined) pool.freeBlock(last.index);
  },
  "reserve()": ({ it }) => reserveIn(it, 50),
  "retain()": ({ pool, it }) => pool.retain(...it.of, isEven),
  "snapshot()": ({ pool }) => snapshot(pool),
  "restore()": (state) => state.restore(),
  "dispose()": (state) => state.dispose(),
  "save()": ({ pool }) => save(pool),
  "load()": (state) => state.load(),
  "compact()": (state) => state.compact(),
  "validate()": ({ pool }) => validate(pool),
  "an error": fail,
  "alloc() and an error": (state) => {
    state.alloc();
    fail();
  },
};

/** Reads what was saved into a pool that has no memory: all of it, or nothing if there is none. */
function readSaved(state: State, read: () => void): void {
  const { pool, memory, saved } = state;
  memory.quietly(() => state.empty());
  const before = figuresOf(pool);
  try {
    read();
  } catch (error) {
    // The resource may have allocated a record before there was no more memory.
    if (error instanceof OutOfMemoryError && pool.size === 0) {
      assertEquals(figuresOf(pool), before);
    }
    throw error;
  }
  assertEquals(pool.size, saved.size);
}

/** Calls in the middle of which memory is allocated, and what they promise when they return. */
const GROWING: Readonly<Record<string, Call>> = {
  "alloc()": (state) => {
    for (let i = 0; i < 35 && state.pool.size < 64; i++) assert(state.pool.has(state.alloc()));
  },
  "allocMany()": (state) => {
    for (const handle of state.allocMany(64 - state.pool.size)) assert(state.pool.has(handle));
  },
  "allocMany() in an empty pool": (state) => {
    state.memory.quietly(() => state.empty());
    for (const handle of state.allocMany(40)) assert(state.pool.has(handle));
  },
  "reserve()": ({ it }) => reserveIn(it, 64),
  "restore()": (state) => readSaved(state, () => state.restore()),
  "load()": (state) => readSaved(state, () => state.load()),
};

/** Calls in the middle of which memory is released. */
const SHRINKING: Readonly<Record<string, Call>> = {
  "free()": (state) => state.live().forEach((handle) => state.pool.tryFree(handle)),
  "freeMany()": (state) => state.pool.freeMany(state.live()),
  "retain()": ({ pool, it }) => pool.retain(...it.of, () => false),
  "trim()": ({ pool }) => {
    pool.clear();
    assert(pool.trim() >= 0);
  },
  "freeBlock()": ({ pool }) => pool.freeBlock(pool.blocks[0].index),
  "restore()": (state) => state.restore(),
  "compact()": (state) => {
    state.memory.quietly(() => state.pool.retain(...state.it.of, isEven));
    state.compact();
  },
  "dispose()": (state) => state.dispose(),
};

/** The errors that a call may end with, where a resource calls the same pool. */
function isExpected(error: unknown): boolean {
  return error instanceof DisposedError || error instanceof OutOfMemoryError ||
    error instanceof PoolExhaustedError ||
    error instanceof Error && error.constructor === Error && error.message.includes('"cells"') &&
      /it is growing|meanwhile/.test(error.message);
}

for (const isInAllocate of [true, false]) {
  const where = isInAllocate ? "allocate()" : "release()";
  for (const [what, call] of Object.entries(isInAllocate ? GROWING : SHRINKING)) {
    each(`${what} leaves a valid pool whatever ${where} calls meanwhile`, (make) => {
      for (const [name, action] of Object.entries(INNER)) {
        if (!isInAllocate && name.includes("error")) continue; // release() may not throw
        for (const [skip, isEach] of [[0, false], [1, false], [2, false], [0, true], [1, true]]) {
          const state = new State(make);
          const { memory } = state;
          Object.assign(memory, { action: () => action(state), skip, isEach, isInAllocate });
          try {
            try {
              call(state);
            } catch (error) {
              if (!isExpected(error)) throw error;
            }
            state.end();
          } catch (cause) {
            const when = `after ${skip}${isEach ? ", each time" : ""}`;
            throw new Error(`${name}, ${when}`, { cause });
          }
        }
      }
    });
  }
}

each("alloc() in allocate() throws an error that names the pool, and alloc() goes on", (make) => {
  const state = new State(make);
  state.empty();
  const before = figuresOf(state.pool);
  state.memory.action = () => state.alloc();
  assertThrows(() => state.alloc(), Error, '"cells": it is growing already');
  assertEquals(figuresOf(state.pool), before);
  let inner: unknown;
  state.memory.action = () => inner = assertThrows(() => state.restore(), Error);
  state.alloc();
  assert(String(inner).includes('"cells": it is growing, and its memory resource'), String(inner));
  state.end();
});

for (const debug of [false, debugMode] as const) {
  const mode = debug ? " in debug mode" : "";
  Deno.test(`restore(), trim() and dispose() give back all memory where release() throws${mode}`, () => {
    const error = new Boom();
    const memory = new Calling();
    Object.assign(memory, { isInAllocate: false, isEach: true });
    memory.action = () => {
      throw error;
    };
    const set = new PoolSet({ ...SMALL, sizes: [4, 16], memory, debug });
    const assertGivesBack = (call: () => unknown, lentBefore: number, lentAfter: number) => {
      assertEquals(memory.lent.size, lentBefore);
      assertStrictEquals(assertThrows(call), error);
      assertEquals(memory.lent.size, lentAfter);
    };
    const empty = snapshot(set);
    set.allocMany(Num, 20);
    set.alloc(Real);
    assertGivesBack(() => restore(set, empty), 3, 0);
    assertEquals([set.size, set.blocks.length], [0, 0]);
    validate(set);
    set.reserve(Num, 32);
    set.reserve(Real, 32);
    const real = set.alloc(Real);
    assertGivesBack(() => set.trim(), 4, 1);
    assertEquals([set.blocks.length, set.trim()], [1, 0]);
    validate(set);
    set.allocMany(Num, 20);
    assertGivesBack(() => set.dispose(), 3, 0);
    assertThrows(() => set.has(real), DisposedError);
    set.dispose();
  });
}
