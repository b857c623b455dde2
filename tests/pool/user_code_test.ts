/**
 * Code of the user's that runs in the middle of a call, and calls the same pool: getters, array-likes, setters and memory resources.
 *
 * What getters in the values of records may do is in record_test.ts; here is what is left.
 *
 * @module
 */
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  type AnyHandle,
  DisposedError,
  ErasedPool,
  type MemoryRegion,
  type MemoryResource,
  OutOfMemoryError,
  PoolExhaustedError,
  type PoolOptions,
  PoolSet,
  SnapshotError,
  StaleHandleError,
  struct,
  TypeMismatchError,
  validate,
} from "../../mod.ts";
import { drop } from "../_debug.ts";
import { type Face, FACES } from "../_faces.ts";
import { figuresOf, forge, stateOf, untyped } from "../_support.ts";
import { Ledger } from "../_ledger.ts";

const Num = struct({ n: "u32" }, { name: "Num" });

/** Four blocks of 16 at the most. */
const SMALL: PoolOptions = { chunksPerBlock: 16, maxChunks: 64, keepEmptyBlocks: 0, name: "cells" };

type Make = (options?: PoolOptions) => Face;

/** Defines a test for every kind of pool, both ways of reuse, in debug mode and without. */
function each(claim: string, test: (make: Make) => void): void {
  for (const [name, make] of Object.entries(FACES)) {
    for (const reuse of ["recent", "spread"] as const) {
      for (const debug of [false, true]) {
        Deno.test(`${name}, ${reuse}${debug ? ", debug" : ""}: ${claim}`, () => {
          test((options) => make(Num, { ...SMALL, reuse, debug, ...options }));
        });
      }
    }
  }
}

/** A pool of 40 records in three blocks, `n` counted up. */
function filled(make: Make, options: PoolOptions = {}): { face: Face; handles: AnyHandle[] } {
  const face = make(options);
  return { face, handles: Array.from({ length: 40 }, (_, n) => face.alloc({ n })) };
}

/** Asserts that the books balance, and that some records are live and hold what they did. */
function assertIntact(face: Face, live: readonly (readonly [AnyHandle, number])[]): void {
  validate(face.pool);
  assertEquals(new Set<number>(face.pool.handles()), new Set(live.map(([handle]) => handle)));
  for (const [handle, n] of live) assertEquals(face.get<{ n: number }>(handle).n, n);
}

/** Asserts that a pool is of use: fills it, and empties it. */
function assertUsable(face: Face): void {
  const room = 64 - face.pool.size;
  const handles = [...face.allocMany(room - 1), face.alloc({ n: 7 })];
  assertEquals(face.tryAlloc(), undefined);
  validate(face.pool);
  face.pool.freeMany(handles);
  validate(face.pool);
}

class Boom extends Error {}

// -- the array-like of freeMany() --

each("freeMany() reads the length and each handle once, before anything changes", (make) => {
  const { face, handles } = filled(make);
  const before = stateOf(face.pool);
  const reads: string[] = [];
  const list = new Proxy(handles.slice(0, 3), {
    get(target, name) {
      reads.push(String(name));
      assertEquals(stateOf(face.pool), before);
      return Reflect.get(target, name);
    },
  });
  face.pool.freeMany(list);
  assertEquals(reads, ["length", "0", "1", "2"]);
  assertIntact(face, handles.slice(3).map((handle, i) => [handle, i + 3]));
  drop(face);
});

each("freeMany() takes the length that it read, whatever becomes of it", (make) => {
  const { face, handles } = filled(make);
  let reads = 0;
  const growing = {
    get length() {
      return 2 + reads++ * 10;
    },
    ...handles,
  };
  face.pool.freeMany(untyped(growing));
  assertEquals([face.pool.size, reads], [38, 1]);
  const shrinking = handles.slice(2, 6);
  Object.defineProperty(shrinking, 0, {
    get() {
      shrinking.length = 2;
      return handles[2];
    },
  });
  const before = stateOf(face.pool);
  assertThrows(() => face.pool.freeMany(shrinking), StaleHandleError);
  assertEquals(stateOf(face.pool), before);
  validate(face.pool);
  drop(face);
});

each("freeMany() changes nothing where a handle or the length throws as it is read", (make) => {
  const { face, handles } = filled(make);
  const before = stateOf(face.pool);
  const error = new Boom();
  for (const bad of ["length", "0", "2"]) {
    const list = new Proxy(handles.slice(0, 3), {
      get(target, name) {
        if (name === bad) throw error;
        return Reflect.get(target, name);
      },
    });
    assertStrictEquals(assertThrows(() => face.pool.freeMany(list)), error);
    assertEquals(stateOf(face.pool), before);
  }
  validate(face.pool);
  drop(face);
});

each("freeMany() refuses holes, bigints, objects, and a length that is no integer", (make) => {
  const { face, handles } = filled(make);
  const holes = [handles[0], handles[1]];
  holes[3] = handles[2];
  const loud = { valueOf: () => face.pool.free(handles[1]) };
  const bad: unknown[] = [
    holes,
    BigInt64Array.of(BigInt(handles[0])),
    BigUint64Array.of(1n),
    [handles[0], loud],
    [handles[0], Symbol("handle")],
    [handles[0], String(handles[1])],
    [handles[0], new Number(handles[1])],
    [handles[0], null],
    { ...handles, length: 1.5 },
    { ...handles, length: -1 },
    { ...handles, length: NaN },
    { ...handles, length: "2" },
    { ...handles, length: 2n },
    { ...handles },
    new Set(handles),
    handles[0],
    null,
  ];
  const before = stateOf(face.pool);
  for (const list of bad) {
    assertThrows(() => face.pool.freeMany(untyped(list)), Error, '"cells"');
    assertEquals(stateOf(face.pool), before);
    validate(face.pool);
  }
  drop(face);
});

each("freeMany() frees what is live once its handles are read, or nothing", (make) => {
  const actions: [(face: Face, handles: AnyHandle[]) => void, size: number | undefined][] = [
    [(face) => face.alloc(), 38],
    [(face) => face.pool.trim(), 37],
    [(face, handles) => face.pool.free(handles[30]), 36],
    [(face, handles) => face.pool.free(handles[0]), undefined],
    [(face, handles) => face.pool.free(handles[2]), undefined],
    [(face) => face.pool.clear(), undefined],
    [(face) => face.pool.freeBlock(face.pool.blocks[0].index), undefined],
  ];
  for (const [action, size] of actions) {
    const { face, handles } = filled(make);
    const list = {
      length: 3,
      0: handles[0],
      get 1() {
        action(face, handles);
        return handles[1];
      },
      2: handles[2],
    };
    if (size === undefined) {
      assertThrows(() => face.pool.freeMany(list), StaleHandleError);
    } else {
      face.pool.freeMany(list);
      assertEquals(face.pool.size, size);
    }
    validate(face.pool);
    face.pool.clear();
    assertUsable(face);
    drop(face);
  }
});

each(
  "freeMany() throws DisposedError where a handle disposes of the pool as it is read",
  (make) => {
    const { face, handles } = filled(make);
    const list = {
      length: 1,
      get 0() {
        drop(face);
        return handles[0];
      },
    };
    assertThrows(() => face.pool.freeMany(list), DisposedError);
  },
);

each("freeMany() within freeMany() frees what each of them is given", (make) => {
  const { face, handles } = filled(make);
  const list = {
    length: 2,
    get 0() {
      face.pool.freeMany(handles.slice(5, 15));
      return handles[0];
    },
    1: handles[1],
  };
  face.pool.freeMany(list);
  const live = handles.map((handle, n) => [handle, n] as const);
  assertIntact(face, live.filter(([, n]) => n > 1 && (n < 5 || n >= 15)));
  drop(face);
});

// -- the out of allocMany() --

/** Fills an array of the caller's. */
function allocInto(face: Face, count: number, out: unknown): AnyHandle[] {
  const pool = face.pool as ErasedPool; // which takes the struct first, as a set does
  if (pool instanceof ErasedPool || face.pool instanceof PoolSet) {
    return pool.allocMany(Num, count, untyped<AnyHandle[]>(out));
  }
  return untyped<{ allocMany(count: number, out: unknown): AnyHandle[] }>(pool)
    .allocMany(count, out);
}

/** Arrays that do something when one of their elements, or the length, is written. */
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
  each(`allocMany() leaves nothing behind where ${what} throws at any element`, (make) => {
    const { face, handles } = filled(make);
    const error = new Boom();
    for (const at of [0, 1, 7]) {
      const { peakSize, allocs, frees } = face.pool.stats();
      const out = outOf(at, () => {
        throw error;
      });
      assertStrictEquals(assertThrows(() => allocInto(face, 8, out)), error);
      const after = face.pool.stats();
      assertEquals([after.allocs - allocs, after.frees - frees], [8, 8]);
      assert(after.peakSize >= peakSize);
      assertIntact(face, handles.map((handle, n) => [handle, n]));
    }
    assertUsable(face);
    drop(face);
  });

  each(`allocMany() gives live handles, or none, where ${what} calls the same pool`, (make) => {
    const actions: Record<string, (face: Face, handles: AnyHandle[]) => void> = {
      alloc: (face) => face.alloc({ n: 99 }),
      free: (face, handles) => face.pool.free(handles[3]),
      allocMany: (face) => face.allocMany(9),
      trim: (face) => face.pool.trim(),
      freeMany: (face, handles) => face.pool.freeMany(handles.slice(0, 9)),
    };
    for (const [name, action] of Object.entries(actions)) {
      const { face, handles } = filled(make);
      const out = outOf(4, () => action(face, handles));
      const before = face.pool.size;
      assertStrictEquals<unknown>(allocInto(face, 8, out), out);
      const given = Array.from({ length: 8 }, (_, i) => out[i]).filter((it) => it !== undefined);
      assertEquals(given.length, what === "a setter" ? 7 : 8);
      assert(given.every((handle) => handle !== 0 && face.pool.has(handle)), name);
      assertEquals(new Set<number>(given).size, given.length);
      const more: Record<string, number> = { alloc: 1, free: -1, allocMany: 9, freeMany: -9 };
      assertEquals(face.pool.size, before + 8 + (more[name] ?? 0));
      validate(face.pool);
      drop(face);
    }
  });
}

each("allocMany() leaves nothing behind where an element cannot be written", (make) => {
  const { face, handles } = filled(make);
  const outs = [
    Object.defineProperty([], 5, { value: 1, writable: false }),
    Object.defineProperty([], "length", { writable: false }),
    new Proxy([], { set: (_, name) => name !== "2" }),
    new Proxy([], { set: (_, name) => name !== "length" }),
    new Proxy([], { isExtensible: () => untyped(new Boom()), set: () => false }),
    Object.freeze([]),
    Object.seal([1, 2, 3, 4, 5, 6, 7, 8]),
  ];
  for (const out of outs) {
    assertThrows(() => allocInto(face, 8, out), TypeError);
    for (const handle of out as number[]) assert(handle !== 0);
    assertIntact(face, handles.map((handle, n) => [handle, n]));
  }
  assertUsable(face);
  drop(face);
});

// -- types that change while values are read --

const A = struct({ a: "u32" }, { name: "A" });
const B = struct({ b: "f32" }, { name: "B" });

for (const reuse of ["recent", "spread"] as const) {
  for (const specialize of [true, false]) {
    Deno.test(`set() throws TypeMismatchError where a getter goes back to when the handle was of another struct (${reuse}, ${specialize})`, () => {
      const some: PoolOptions = { ...SMALL, reuse, specialize };
      const pools = [
        new ErasedPool<typeof A | typeof B>({ ...some, size: 4, types: [A, B] }),
        new PoolSet<typeof A | typeof B>({ ...some, sizes: [4, 8], types: [A, B] }),
        new PoolSet<typeof A | typeof B>({ ...some, sizes: [2, 4] }),
      ];
      for (const pool of pools) {
        const [a, b] = [pool.alloc(A), pool.alloc(B)];
        pool.freeMany([a, b]);
        const empty = pool.snapshot();
        const first = pool.alloc(B, { b: 1.5 });
        const asB = pool.snapshot();
        pool.restore(empty);
        const second = pool.alloc(A, { a: 7 });
        assertEquals<number>(second, first);
        const value = {
          get a() {
            pool.restore(asB);
            return 5;
          },
        };
        const error = assertThrows(() => pool.set(A, second, value), TypeMismatchError);
        assertEquals([error.struct, error.actual], ["A", "B"]);
        assertStrictEquals(pool.typeOf(first), B);
        assertEquals([pool.get(B, first).b, pool.size], [1.5, 1]);
        validate(pool);
        pool.set(B, first, { b: 2.5 });
        assertEquals(pool.get(B, first).b, 2.5);
        pool.dispose();
      }
    });
  }
}

// -- memory resources that call the same pool --

/** Lends and takes back, and does something before and after that. */
class Calling implements MemoryResource {
  readonly ledger = new Ledger();
  /** What to do with each call, and how many have to come first. */
  action: (() => void) | undefined;
  isInAllocate = true;
  skip = 0;
  /** Whether it is done each time from then on. */
  isEach = false;
  calls = 0;
  #isCalling = false;

  allocate(byteLength: number, align: number): MemoryRegion {
    if (this.isInAllocate) this.#call();
    return this.ledger.allocate(byteLength, align);
  }

  release(region: MemoryRegion): void {
    this.ledger.release(region);
    if (!this.isInAllocate) this.#call();
  }

  #call(): void {
    const { action } = this;
    if (action === undefined || this.#isCalling || this.skip-- > 0) return;
    if (!this.isEach) this.action = undefined;
    this.calls++;
    this.#isCalling = true;
    try {
      action();
    } finally {
      this.#isCalling = false;
    }
  }
}

/** A pool, its memory, and all that its records ever held. */
class World {
  readonly memory = new Calling();
  readonly face: Face;
  known = new Map<number, number>();
  readonly saved: { bytes: Uint8Array; known: Map<number, number> };
  isDisposed = false;
  #serial = 0;

  /** 40 records in three blocks, of which every third is freed; and a state to go back to, of records in the second block. */
  constructor(make: Make) {
    this.face = make({ memory: this.memory });
    const handles = Array.from({ length: 40 }, () => this.alloc());
    const { pool } = this.face;
    const first = pool.blocks[0].index;
    handles.forEach((handle, i) => i % 3 === 0 && pool.free(handle));
    const before = pool.snapshot();
    const known = new Map(this.known);
    pool.freeBlock(first);
    this.saved = { bytes: pool.snapshot(), known: this.#live() };
    pool.restore(before);
    this.known = known;
  }

  get pool(): Face["pool"] {
    return this.face.pool;
  }

  #live(): Map<number, number> {
    return new Map([...this.known].filter(([handle]) => this.pool.has(forge(handle))));
  }

  any(nat: number): AnyHandle {
    return forge([...this.pool.handles()][nat % Math.max(1, this.pool.size)] ?? 0);
  }

  alloc(): AnyHandle {
    const n = ++this.#serial;
    const handle = this.face.alloc({ n });
    this.known.set(handle, n);
    return handle;
  }

  allocMany(count: number): AnyHandle[] {
    const handles = this.face.allocMany(count);
    for (const handle of handles) this.known.set(handle, 0);
    return handles;
  }

  /** What the resource does comes before where it lends, and after where it takes back. */
  restore(): void {
    if (!this.memory.isInAllocate) this.known = new Map(this.saved.known);
    this.pool.restore(this.saved.bytes);
    if (this.memory.isInAllocate) this.known = new Map(this.saved.known);
  }

  dispose(): void {
    this.isDisposed = true;
    if (this.pool.size > 0 && this.face.pool.stats !== undefined) this.pool.clear();
    this.pool.dispose();
  }

  check(): void {
    if (this.isDisposed) {
      assertThrows(() => this.pool.has(forge([...this.known.keys()][0])), DisposedError);
      assertThrows(() => this.pool.free(forge([...this.known.keys()][1])), DisposedError);
      assertThrows(() => this.face.alloc(), DisposedError);
      assertThrows(() => this.pool.stats(), DisposedError);
      assertEquals([this.pool.size, this.pool.byteLength], [0, 0]);
    } else {
      validate(this.pool);
      let size = 0;
      for (const handle of this.pool.handles()) {
        size++;
        const n = this.known.get(handle);
        assert(n !== undefined, `nobody was given ${handle}`);
        assertEquals(this.face.get<{ n: number }>(handle).n, n);
      }
      assertEquals(size, this.pool.size);
      const { byteLength, grown, released } = this.pool.stats();
      const { ledger } = this.memory;
      assertEquals([byteLength, grown - released], [ledger.byteLength, ledger.lent.size]);
    }
  }

  end(): void {
    this.memory.action = undefined;
    if (!this.isDisposed) {
      this.pool.clear();
      this.check();
      assertUsable(this.face);
      this.pool.dispose();
    }
    assertEquals(this.memory.ledger.lent.size, 0);
  }
}

/** What a resource calls. */
const INNER: Readonly<Record<string, (world: World) => void>> = {
  "alloc()": (world) => world.alloc(),
  "allocMany()": (world) => world.allocMany(3),
  "allocMany() of a block": (world) => world.allocMany(16),
  "free()": (world) => world.pool.tryFree(world.any(5)),
  "free() of all": (world) => world.pool.freeMany([...world.pool.handles()].map(forge)),
  "get()": (world) => world.pool.size > 0 && world.face.get(world.any(3)),
  "clear()": (world) => world.pool.clear(),
  "clear() and trim()": (world) => {
    world.pool.clear();
    world.pool.trim();
  },
  "trim()": (world) => world.pool.trim(),
  "freeBlock()": (world) =>
    world.pool.blocks.length > 0 && world.pool.freeBlock(world.pool.blocks[0].index),
  "freeBlock() of the last": (world) =>
    world.pool.blocks.length > 0 && world.pool.freeBlock(world.pool.blocks.at(-1)!.index),
  "reserve()": (world) => world.face.reserve(50),
  "retain()": (world) => world.face.retain((_, handle) => handle % 2 === 0),
  "snapshot()": (world) => world.pool.snapshot(),
  "restore()": (world) => world.restore(),
  "dispose()": (world) => world.dispose(),
  "an error": () => {
    throw new OutOfMemoryError("Cannot allocate: there is no more", 64);
  },
};

/** Calls in the middle of which memory is asked for, and what they promise when they return. */
const GROWING: Readonly<Record<string, (world: World) => void>> = {
  "alloc()": (world) => {
    for (let i = 0; i < 35 && world.pool.size < 64; i++) assert(world.pool.has(world.alloc()));
  },
  "allocMany()": (world) => {
    for (const handle of world.allocMany(64 - world.pool.size)) assert(world.pool.has(handle));
  },
  "allocMany() in an empty pool": (world) => {
    const { action } = world.memory;
    world.memory.action = undefined;
    world.pool.clear();
    world.pool.trim();
    world.memory.action = action;
    for (const handle of world.allocMany(40)) assert(world.pool.has(handle));
  },
  "reserve()": (world) => world.face.reserve(64),
  "restore()": (world) => {
    const { action } = world.memory;
    world.memory.action = undefined;
    world.pool.clear();
    world.pool.trim();
    world.memory.action = action;
    world.restore();
    assertEquals(new Set<number>(world.pool.handles()), new Set(world.saved.known.keys()));
  },
};

/** Calls in the middle of which memory is given back. */
const SHRINKING: Readonly<Record<string, (world: World) => void>> = {
  "free()": (world) => {
    for (const handle of [...world.pool.handles()]) world.pool.tryFree(forge(handle));
  },
  "freeMany()": (world) => {
    const handles = [...world.pool.handles()].map(forge);
    world.pool.freeMany(handles);
  },
  "retain()": (world) => world.face.retain(() => false),
  "trim()": (world) => {
    world.pool.clear();
    assert(world.pool.trim() >= 0);
  },
  "freeBlock()": (world) => {
    const [{ index }] = world.pool.blocks;
    world.pool.freeBlock(index);
  },
  "restore()": (world) => world.restore(),
  "dispose()": (world) => world.dispose(),
};

/** The errors that a call may end with, where a resource calls the same pool. */
function isExpected(error: unknown): boolean {
  return error instanceof DisposedError || error instanceof OutOfMemoryError ||
    error instanceof PoolExhaustedError ||
    error instanceof Error && error.constructor === Error && error.message.includes('"cells"') &&
      /it is growing|meanwhile/.test(error.message);
}

for (const isInAllocate of [true, false]) {
  const outer = Object.entries(isInAllocate ? GROWING : SHRINKING);
  for (const [what, call] of outer) {
    const where = isInAllocate ? "allocate()" : "release()";
    each(`${what} leaves books that balance whatever ${where} calls meanwhile`, (make) => {
      for (const [name, action] of Object.entries(INNER)) {
        if (!isInAllocate && name === "an error") continue; // a resource that does not take back what it lent
        for (const [skip, isEach] of [[0, false], [1, false], [2, false], [0, true], [1, true]]) {
          const world = new World(make);
          const { memory } = world;
          Object.assign(memory, { action: () => action(world), skip, isEach, isInAllocate });
          try {
            call(world);
          } catch (error) {
            if (!isExpected(error)) {
              throw new Error(`${name}, after ${skip}${isEach ? ", each time" : ""}`, {
                cause: error,
              });
            }
          }
          memory.action = undefined;
          try {
            world.check();
            world.end();
          } catch (error) {
            throw new Error(`${name}, after ${skip}${isEach ? ", each time" : ""}`, {
              cause: error,
            });
          }
        }
      }
    });
  }
}

each(
  "alloc() in allocate() throws an error that names the pool, and alloc() goes on after it",
  (make) => {
    const world = new World(make);
    world.pool.clear();
    world.pool.trim();
    const before = figuresOf(world.pool);
    world.memory.action = () => world.alloc();
    assertThrows(() => world.alloc(), Error, '"cells": it is growing already');
    assertEquals(figuresOf(world.pool), before);
    let inner: unknown;
    world.memory.action = () => inner = assertThrows(() => world.restore(), Error);
    world.alloc();
    assert(
      String(inner).includes('"cells": it is growing, and its memory resource'),
      String(inner),
    );
    world.check();
    world.end();
  },
);

each(
  "restore() is refused whole where allocate() throws at any call, or allocates before that",
  (make) => {
    for (const skip of [0, 1]) {
      for (const isAllocating of [false, true]) {
        const world = new World(make);
        const { pool, memory } = world;
        pool.clear();
        pool.trim();
        const before = figuresOf(pool);
        memory.skip = skip;
        memory.action = () => {
          if (isAllocating && skip > 0) world.alloc();
          throw new OutOfMemoryError("Cannot allocate: there is no more", 64);
        };
        const error = assertThrows(() => world.restore(), Error);
        // With spread reuse the alloc() needs a block of its own, as the chunks there are rest.
        assert(isExpected(error), String(error));
        if (!isAllocating || skip === 0) assertEquals(figuresOf(pool), before);
        assert(pool.size <= 1);
        world.check();
        assertThrows(() => pool.restore(new Uint8Array(64)), SnapshotError);
        world.end();
      }
    }
  },
);

Deno.test("PoolSet.dispose() disposes of every class where release() throws", () => {
  for (const debug of [false, true]) {
    const ledger = new Ledger();
    const error = new Boom();
    const memory: MemoryResource = {
      allocate: (byteLength, align) => ledger.allocate(byteLength, align),
      release: (region) => {
        ledger.release(region);
        throw error;
      },
    };
    const set = new PoolSet({ ...SMALL, sizes: [4, 8], memory, debug });
    set.allocMany(Num, 20);
    const large = set.alloc(struct({ n: "f64" }));
    assertEquals(ledger.lent.size, 3);
    assertStrictEquals(assertThrows(() => set.dispose()), error);
    assertEquals(ledger.lent.size, 0);
    assertThrows(() => set.has(large), DisposedError);
    set.dispose();
  }
});
