/**
 * Passes over a pool: `loop(fn)` does what `forEach(fn)` does, and both do the same whatever kind of function they are given. On every
 * kind of pool, with code of its own and with the module's.
 *
 * @module
 */
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  type AnyHandle,
  type AnyStruct,
  DisposedError,
  ErasedPool,
  Pool,
  type PoolOptions,
  PoolSet,
  struct,
  validate,
} from "../../mod.ts";
import { type AnyKindOfPool, untyped } from "../_support.ts";

// -- the kinds of pools --

interface Counted {
  n: number;
}

type Visit<A extends unknown[] = unknown[]> = (
  view: Counted,
  handle: AnyHandle,
  ...args: A
) => unknown;

/** A pool of records that are counted, and a way over some or all of them. */
interface Subject extends Disposable {
  readonly pool: AnyKindOfPool;
  /** Allocates a record that the way leads over. */
  alloc(n: number): AnyHandle;
  forEach(fn: Visit): void;
  loop<A extends unknown[]>(fn: Visit<A>): (...args: A) => void;
  retain(fn: Visit): number;
  seek(view: Counted, handle: AnyHandle): void;
}

/** What all pools have of these, whatever they are told before. */
interface Loose {
  alloc(...args: unknown[]): AnyHandle;
  forEach(...args: unknown[]): void;
  loop(...args: unknown[]): (...args: unknown[]) => void;
  retain(...args: unknown[]): number;
  seek(view: unknown, handle: number): void;
}

const Num = struct({ n: "u32" }, { name: "Num" });
const Pos = struct({ x: "f32", n: "u32" }, { name: "Pos" });

/**
 * @param pool The pool.
 * @param structs Structs of the records that are allocated, in turn.
 * @param told What the members are told before their function.
 */
function subject(pool: Subject["pool"], structs: readonly unknown[], told: unknown[]): Subject {
  const loose = untyped<Loose>(pool);
  return {
    pool,
    alloc: (n) => {
      const kind = structs[n % structs.length];
      return pool instanceof Pool ? loose.alloc({ n }) : loose.alloc(kind, { n });
    },
    forEach: (fn) => loose.forEach(...told, fn),
    loop: (fn) => loose.loop(...told, fn),
    retain: (fn) => loose.retain(...told, fn),
    seek: (view, handle) => loose.seek(view, handle),
    [Symbol.dispose]: () => pool.dispose(),
  };
}

/** Records of another struct, between which no way to those of Num may get lost. */
function withDecoys(pool: ErasedPool | PoolSet): ErasedPool | PoolSet {
  pool.freeMany(pool.allocMany(Num, 3));
  for (let i = 0; i < 5; i++) pool.alloc(Pos, { n: 1000 + i });
  return pool;
}

const TYPES: readonly AnyStruct[] = [Num, Pos];

/** Every way over a pool. */
const WAYS: Readonly<Record<string, (options: PoolOptions) => Subject>> = {
  "Pool": (options) => subject(new Pool(Num, options), [Num], []),
  "wide Pool": (options) => subject(new Pool(Num, { ...options, handles: "wide" }), [Num], []),
  "ErasedPool of one struct": (options) =>
    subject(withDecoys(new ErasedPool({ ...options, size: 8, types: TYPES })), [Num], [Num]),
  "ErasedPool of all structs": (options) =>
    subject(new ErasedPool({ ...options, size: 8, types: TYPES }), TYPES, []),
  "ErasedPool without types": (options) =>
    subject(new ErasedPool({ ...options, size: 8 }), [Num], [Num]),
  "PoolSet of one struct": (options) =>
    subject(withDecoys(new PoolSet({ ...options, sizes: [8, 16] })), [Num], [Num]),
  "PoolSet of all structs": (options) =>
    subject(new PoolSet({ ...options, sizes: [4, 8] }), TYPES, []),
};

/** Blocks so small that passes cross them, and records fewer and more than those for which a pass looks for a loop of its text. */
const SIZES: readonly number[] = [40, 200];
const SMALL: PoolOptions = { chunksPerBlock: 16, maxChunks: 1024, name: "things" };

/** Defines a test for each way and size, with code of the pool's own and with the module's. */
function each(claim: string, test: (make: () => Subject, count: number) => void): void {
  for (const [name, make] of Object.entries(WAYS)) {
    Deno.test(`${name}: ${claim}`, () => {
      for (const specialize of [true, false]) {
        for (const count of SIZES) test(() => make({ ...SMALL, specialize }), count);
      }
    });
  }
}

/** A pool of so many records, and their handles. */
function filled(make: () => Subject, count: number): { it: Subject; handles: AnyHandle[] } {
  const it = make();
  return { it, handles: Array.from({ length: count }, (_, n) => it.alloc(n)) };
}

/** What a pass sees. */
function seenBy(pass: (fn: Visit) => void): [number, AnyHandle][] {
  const seen: [number, AnyHandle][] = [];
  pass((view, handle) => void seen.push([view.n, handle]));
  return seen;
}

function free({ pool }: Subject, handle: AnyHandle): void {
  pool.free(handle);
}

function numbers(from: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => from + i);
}

// -- loop() does what forEach() does --

each(
  "loop() sees each live record and its handle, in forEach()'s order, at each call anew",
  (make, count) => {
    const { it, handles } = filled(make, count);
    const seen: [number, AnyHandle][] = [];
    const pass = it.loop((view, handle) => void seen.push([view.n, handle]));
    const check = (expected: number[]) => {
      seen.length = 0;
      pass();
      assertEquals(seen, seenBy((fn) => it.forEach(fn)));
      assertEquals(seen.map(([n]) => n).sort((a, b) => a - b), expected);
    };
    check(numbers(0, count));
    handles.forEach((handle, n) => n % 3 === 0 && free(it, handle));
    check(numbers(0, count).filter((n) => n % 3 !== 0));
    for (let n = 0; n < count; n += 3) it.alloc(n);
    check(numbers(0, count));
    for (const { index } of it.pool.blocks) it.pool.freeBlock(index);
    check([]);
    it.alloc(5);
    check([5]);
    validate(it.pool);
  },
);

each("loop() sees what is allocated after it was made in a pool without a block", (make) => {
  const it = make();
  it.pool.clear();
  it.pool.trim();
  const seen: number[] = [];
  const pass = it.loop(({ n }) => void seen.push(n));
  pass();
  assertEquals(seen, []);
  it.alloc(7);
  pass();
  assertEquals(seen, [7]);
});

each("loop() and forEach() write through the view", (make, count) => {
  const { it } = filled(make, count);
  it.loop((view) => void (view.n += 1000))();
  it.forEach((view) => view.n *= 2);
  const seen = seenBy((fn) => it.forEach(fn)).map(([n]) => n).sort((a, b) => a - b);
  assertEquals(seen, numbers(1000, count).map((n) => 2 * n));
});

each("loop() and forEach() may free the current record, and each other one", (make) => {
  const cases = fc.record({
    count: fc.integer({ min: 1, max: 150 }),
    // Where each visit frees which record; and every how many visits one is allocated.
    frees: fc.array(fc.nat(150), { minLength: 1, maxLength: 20 }),
    own: fc.boolean(),
    every: fc.integer({ min: 2, max: 40 }),
  });
  fc.assert(
    fc.property(cases, ({ count, frees, own, every }) => {
      const results = ["loop", "forEach"].map((member) => {
        const { it, handles } = filled(make, count);
        const live = new Set<number>(handles);
        const old = new Set<number>(handles);
        const seen: number[] = [];
        const visit: Visit = (view, handle) => {
          assert(live.has(handle), `saw ${handle}, which is not live`);
          seen.push(view.n);
          const at = frees[seen.length % frees.length];
          const gone = own ? handle : handles[at % count];
          if (live.delete(gone)) {
            free(it, gone);
            if (!seen.includes(handles.indexOf(gone))) old.delete(gone);
          }
          if (seen.length % every === 0) live.add(it.alloc(500 + seen.length));
        };
        if (member === "loop") it.loop(visit)();
        else it.forEach(visit);
        const oldSeen = seen.filter((n) => n < 500);
        assertEquals(new Set(seen).size, seen.length);
        assertEquals(
          new Set(oldSeen),
          new Set([...old].map((handle) => handles.indexOf(untyped(handle)))),
        );
        validate(it.pool);
        return { seen, left: seenBy((fn) => it.forEach(fn)) };
      });
      assertEquals(results[0], results[1]);
    }),
    { numRuns: 10 },
  );
});

each(
  "loop() and forEach() go on rightly after their view was moved to another record",
  (make, count) => {
    const { it, handles } = filled(make, count);
    const seen = seenBy((fn) => it.forEach(fn));
    for (const pass of [(fn: Visit) => it.forEach(fn), (fn: Visit) => it.loop(fn)()]) {
      const moved: [number, AnyHandle][] = [];
      pass((view, handle) => {
        moved.push([view.n, handle]);
        // One of the same struct, in the first block and in the last.
        it.seek(view, handles[view.n % 2 + (view.n < count / 2 ? count - 2 : 0)]);
      });
      assertEquals(moved, seen);
    }
  },
);

each("Loops nest, those of one function as well, each with a view of its own", (make, count) => {
  const { it } = filled(make, count);
  let depth = 0;
  let visits = 0;
  const inner = it.loop((view) => {
    visits++;
    if (depth === 0) return;
    depth--;
    const { n } = view;
    inner();
    assertEquals(view.n, n);
  });
  const passes = [inner, () => it.forEach(inner as Visit)];
  for (const pass of passes) {
    depth = 2;
    visits = 0;
    pass();
    // In a forEach() each record starts one pass, of which the first starts two more.
    assertEquals(visits, pass === inner ? 3 * count : count * count + 2 * count);
  }
});

each("A loop() whose function throws passes the error on, and works as before", (make, count) => {
  const { it } = filled(make, count);
  const seen: number[] = [];
  const error = new Error("boom");
  const pass = it.loop((view, _handle, limit?: number) => {
    if (seen.length === limit) throw error;
    seen.push(view.n);
  });
  const nested = it.loop(() => pass(2));
  for (const limit of [0, 1, 17, count - 1]) {
    seen.length = 0;
    assertStrictEquals(assertThrows(() => pass(limit)), error);
    assertEquals(seen.length, limit);
    seen.length = 0;
    assertStrictEquals(assertThrows(nested), error);
    seen.length = 0;
    pass();
    assertEquals(seen, seenBy((fn) => it.forEach(fn)).map(([n]) => n));
  }
  assertStrictEquals(
    assertThrows(() =>
      it.forEach(() => {
        throw error;
      })
    ),
    error,
  );
  assertEquals(seenBy((fn) => it.forEach(fn)).length, count);
  validate(it.pool);
});

// -- arguments --

each("loop() hands on up to four arguments, and no more than it is called with", (make, count) => {
  const { it } = filled(make, count);
  const calls: unknown[][] = [];
  const pass = it.loop((...args: unknown[]) => void calls.push(args));
  const values = ["a", undefined, { c: 1 }, 4n, 5, 6];
  // In any order, as each number of arguments has a loop of its own.
  for (const given of [0, 4, 1, 5, 3, 2, 6, 0, 1]) {
    calls.length = 0;
    pass(...values.slice(0, given));
    assertEquals(calls.length, count);
    for (const [view, handle, ...args] of calls) {
      assertEquals([typeof view, typeof handle], ["object", "number"]);
      assertEquals(args, values.slice(0, Math.min(given, 4)));
    }
  }
});

each("loop() takes other arguments at each call, and keeps none", (make, count) => {
  const { it } = filled(make, count);
  const first = it.loop((view, _handle, ...args: number[]) => {
    view.n = args.reduce((sum, arg) => sum + arg, 0);
  });
  for (const args of [[1], [2, 3], [], [4, 5, 6, 7], [8]]) {
    first(...args);
    const sum = args.reduce((a, b) => a + b, 0);
    assertEquals(new Set(seenBy((fn) => it.forEach(fn)).map(([n]) => n)), new Set([sum]));
  }
});

each("forEach() and retain() hand on a view and a handle, and nothing else", (make, count) => {
  const { it } = filled(make, count);
  const calls: number[] = [];
  const visit = (...args: unknown[]) => calls.push(args.length);
  const counting = function () {
    calls.push(arguments.length);
    return true;
  };
  it.forEach(visit);
  it.retain(visit);
  it.forEach(counting);
  it.retain(counting);
  it.loop(visit)();
  assertEquals(calls, Array(5 * count).fill(2));
});

// -- functions of all kinds --

each("A native function and a bound one are called as any other", (make, count) => {
  const { it } = filled(make, count);
  const expected = seenBy((fn) => it.forEach(fn)).map(([, handle]) => handle as number);
  const handlesIn = (list: unknown[]) => list.filter((value) => typeof value === "number");
  const list: unknown[] = [];
  it.forEach(Array.prototype.push.bind(list));
  it.loop(Array.prototype.push.bind(list))();
  assertEquals(list.length, 4 * count);
  assertEquals(handlesIn(list), [...expected, ...expected]);
  const seen: number[] = [];
  const add = function (this: number[], _view: Counted, handle: number) {
    this.push(handle);
  };
  it.forEach(add.bind(seen));
  it.loop(add.bind(seen))();
  assertEquals(seen, [...expected, ...expected]);
  it.forEach(Math.max as unknown as Visit);
  it.loop(Object)();
  assertEquals(it.retain(Boolean), 0); // a view is true
});

each("A proxy of a function is called as that is", (make, count) => {
  const { it } = filled(make, count);
  let calls = 0;
  const proxy = new Proxy((_view: Counted, _handle: number) => true, {
    apply(target, self, args: [Counted, number]) {
      calls++;
      return Reflect.apply(target, self, args);
    },
  });
  it.forEach(proxy);
  it.loop(proxy)();
  assertEquals(it.retain(proxy), 0);
  assertEquals(calls, 3 * count);
});

each(
  "Async functions and generators are called with each record, and nobody waits for them",
  (make, count) => {
    const { it } = filled(make, count);
    let calls = 0;
    // deno-lint-ignore require-await -- that it is async is the point
    const later = async () => void calls++;
    const lazy = function* () {
      calls++; // never, as nobody asks for the first value
      yield;
    };
    it.forEach(later);
    it.loop(later)();
    assertEquals(it.retain(later), 0); // a promise is true
    it.forEach(lazy);
    it.loop(lazy)();
    assertEquals(calls, 3 * count);
  },
);

each(
  "A class as a function throws as it does where it is called, and the pool stays in order",
  (make, count) => {
    const { it } = filled(make, count);
    class Thing {}
    for (
      const pass of [
        () => it.forEach(untyped(Thing)),
        () => it.loop(untyped<Visit>(Thing))(),
        () => it.retain(untyped(Thing)),
      ]
    ) {
      assertThrows(pass, TypeError, "Class constructor Thing cannot be invoked without 'new'");
    }
    assertEquals(seenBy((fn) => it.forEach(fn)).length, count);
    validate(it.pool);
  },
);

each("Functions of one text are not taken for each other", (make, count) => {
  const { it } = filled(make, count);
  const adder = (to: number[], by: number) => ({ n }: Counted) => void to.push(n + by);
  const expected = seenBy((fn) => it.forEach(fn)).map(([n]) => n);
  for (let round = 0; round < 3; round++) {
    const lists: number[][] = [[], [], [], []];
    const [a, b] = [it.loop(adder(lists[0], 1000)), it.loop(adder(lists[1], 2000))];
    it.forEach(adder(lists[2], 3000 + round));
    a();
    it.forEach(adder(lists[3], 4000 + round));
    b();
    a();
    const of = (by: number) => expected.map((n) => n + by);
    assertEquals(lists, [
      [...of(1000), ...of(1000)],
      of(2000),
      of(3000 + round),
      of(4000 + round),
    ]);
  }
});

each("Functions of one text are not taken for each other where they nest", (make, count) => {
  const { it } = filled(make, count);
  const limit = 3;
  const counts: number[] = Array(limit).fill(0);
  const visitor = (depth: number) => (view: Counted) => {
    counts[depth]++;
    if (view.n === 0 && depth + 1 < limit) it.forEach(visitor(depth + 1));
  };
  it.forEach(visitor(0));
  assertEquals(counts, Array(limit).fill(count));
});

each("A function's own toString() is not believed", (make, count) => {
  const { it } = filled(make, count);
  const expected = seenBy((fn) => it.forEach(fn)).map(([n]) => n);
  const honest: number[] = [];
  const lying: number[] = [];
  const a = ({ n }: Counted) => void honest.push(n);
  const b = Object.assign(({ n }: Counted) => void lying.push(n, n), {
    toString: () => String(a),
    [Symbol.toPrimitive]: () => String(a),
  });
  const c = Object.assign(({ n }: Counted) => void lying.push(n, n), {
    toString() {
      throw new Error("never called");
    },
  });
  it.forEach(a);
  it.forEach(b);
  it.forEach(c);
  it.loop(b)();
  assertEquals(honest, expected);
  assertEquals(lying.length, 6 * count);
});

/** Where code may be made, functions of as many texts as are wanted; else all of one. */
function pusher(number: number, seen: number[]): Visit {
  try {
    const text = `return function (view) { seen.push(view.n + ${number}); return true; }`;
    return new Function("seen", text)(seen);
  } catch {
    return ({ n }) => seen.push(n + number);
  }
}

each(
  "forEach() and retain() see the same with more texts than a pool keeps loops for",
  (make, count) => {
    const { it } = filled(make, count);
    const expected = seenBy((fn) => it.forEach(fn)).map(([n]) => n);
    for (let round = 0; round < 2; round++) {
      for (let number = 0; number < 70; number++) {
        const seen: number[] = [];
        const fn = pusher(number, seen);
        it.forEach(fn);
        assertEquals(it.retain(fn), 0);
        assertEquals(seen, [...expected, ...expected].map((n) => n + number));
      }
    }
  },
);

Deno.test("Two pools of one struct have their own records, in loops of one function as well", () => {
  for (const specialize of [true, false]) {
    using a = new Pool(Num, { ...SMALL, specialize });
    using b = new Pool(Num, { ...SMALL, specialize });
    a.alloc({ n: 1 });
    b.alloc({ n: 2 });
    const seen: number[] = [];
    const visit = ({ n }: Counted) => void seen.push(n);
    const [first, second] = [a.loop(visit), b.loop(visit)];
    first();
    second();
    first();
    a.forEach(visit);
    b.forEach(visit);
    assertEquals(seen, [1, 2, 1, 1, 2]);
  }
});

Deno.test("PoolSet.loop() of all structs sees those that came to be known after it was made", () => {
  for (const specialize of [true, false]) {
    using set = new PoolSet({ sizes: [4, 8], ...SMALL, specialize });
    const seen: unknown[] = [];
    const pass = set.loop((view: unknown) => void seen.push((view as Counted & { x?: number }).x));
    pass();
    set.alloc(Pos, { x: 5 });
    pass();
    set.alloc(struct({ x: "u8" }), { x: 7 });
    pass();
    assertEquals(seen, [5, 7, 5]); // by size
  }
});

Deno.test("ErasedPool.loop() of one struct sees the records of no other, whatever takes their chunks", () => {
  for (const specialize of [true, false]) {
    using cells = new ErasedPool({ size: 8, types: TYPES, ...SMALL, specialize });
    const nums = Array.from({ length: 30 }, (_, n) => cells.alloc(n % 2 === 0 ? Num : Pos, { n }));
    const seen: number[] = [];
    const pass = cells.loop(Num, (view, handle) => {
      seen.push(view.n);
      if (view.n !== 4) return;
      // A record of the other kind takes the chunk of the next one of this.
      cells.free(nums[6]);
      cells.alloc(Pos, { n: 99 });
      assertEquals(cells.typeOf(handle), Num);
    });
    pass();
    assertEquals(seen, [0, 2, 4, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28]);
  }
});

// -- what is refused --

each("loop() throws TypeError on what is no function, before it is ever called", (make) => {
  const { it } = filled(make, 3);
  for (const bad of [undefined, null, 5, "visit", {}, []]) {
    assertThrows(() => it.loop(untyped<Visit>(bad)), TypeError);
    assertThrows(() => it.forEach(untyped(bad)), TypeError);
    assertThrows(() => it.retain(untyped(bad)), TypeError);
  }
  validate(it.pool);
});

Deno.test("ErasedPool without types throws TypeError on a loop() that is not told the struct", () => {
  for (const specialize of [true, false]) {
    using cells = new ErasedPool({ size: 8, ...SMALL, specialize });
    assertThrows(() => cells.loop(() => {}), TypeError, "it was created without types");
  }
});

each(
  "loop() throws DisposedError after dispose(), and so does one that was made before",
  (make, count) => {
    const { it } = filled(make, count);
    let calls = 0;
    const pass = it.loop(() => void calls++);
    const fresh = it.loop(() => void calls++);
    pass();
    it.pool.dispose();
    for (let round = 0; round < 2; round++) {
      assertThrows(() => pass(), DisposedError);
      assertThrows(() => fresh(), DisposedError); // never called before
      assertThrows(() => it.loop(() => {}), DisposedError);
    }
    assertEquals(calls, count);
  },
);

each("loop() ends, as forEach() does, where its function disposes of the pool", (make, count) => {
  for (const member of ["loop", "forEach"]) {
    for (const at of [1, 20, count]) {
      const { it } = filled(make, count);
      let calls = 0;
      const visit = () => {
        if (++calls === at) it.pool.dispose();
      };
      if (member === "loop") it.loop(visit)();
      else it.forEach(visit);
      assertEquals(calls, at);
    }
  }
});

// -- in debug mode --

for (const [name, make] of Object.entries(WAYS)) {
  Deno.test(`${name}: loop() does in debug mode what it does else, arguments and all`, () => {
    const it = make({ ...SMALL, debug: true });
    for (let n = 0; n < 40; n++) it.alloc(n);
    const calls: unknown[][] = [];
    const pass = it.loop((view, _handle, ...args: unknown[]) => void calls.push([view.n, ...args]));
    const expected = seenBy((fn) => it.forEach(fn)).map(([n]) => n);
    for (const args of [[], ["a"], ["a", 2, 3, 4]]) {
      calls.length = 0;
      pass(...args);
      assertEquals(calls, expected.map((n) => [n, ...args]));
    }
    calls.length = 0;
    pass(1, 2, 3, 4, 5);
    assertEquals(calls[0].length, 5);
    it.pool.clear();
    it.pool.dispose();
    assertThrows(() => pass(), DisposedError);
  });
}
