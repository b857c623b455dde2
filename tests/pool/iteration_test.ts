/**
 * Iteration over the records of pools: `forEach`, `loop`, `retain`, iterators and `handles`. On
 * every kind of pool, over the records of one struct and of all, with code of its own, with the
 * module's code and in debug mode.
 *
 * That every iteration ends and visits each live record once, in order, whatever its function does,
 * also where it throws or moves the view, is shown in `tests/model/`, and so is that `loop` hands on
 * the arguments of each call.
 *
 * @module
 */
import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { ErasedPool, Pool, PoolSet, struct, validate } from "../../mod.ts";
import type { PoolOptions } from "../../mod.ts";
import { drop, ITERATIONS, MODES, ofKind, POOL_KINDS, testKinds, viewsOf } from "../_kinds.ts";
import type { Counted, KindMaker, OfKind } from "../_kinds.ts";
import { Num, Pos, untyped } from "../_support.ts";
import { EXTENDED } from "./_extended.ts";

const TYPES = [Num, Pos] as const;

/** Adds records of another struct, among which are holes, which an iteration must pass over. */
function withDecoys(it: OfKind): OfKind {
  const decoys = it.pool.allocMany(Pos, 90);
  it.pool.freeMany(decoys.filter((_, i) => i % 3 > 0));
  return it;
}

/** Pools, and some or all of their records. */
const SUBJECTS: Readonly<Record<string, KindMaker>> = {
  "Pool": POOL_KINDS["Pool"],
  "wide Pool": POOL_KINDS["wide Pool"],
  "class that extends Pool": EXTENDED["class that extends Pool"],
  "ErasedPool without types": POOL_KINDS["ErasedPool without types"],
  "ErasedPool, one struct": (struct, options) =>
    withDecoys(ofKind(new ErasedPool({ ...options, size: 8, types: TYPES }), struct)),
  "ErasedPool, all structs": (_, options) =>
    ofKind(new ErasedPool({ ...options, size: 8, types: TYPES })),
  "PoolSet, one struct": (struct, options) =>
    withDecoys(ofKind(new PoolSet({ ...options, sizes: [8, 16] }), struct)),
  "PoolSet, all structs": (_, options) => ofKind(new PoolSet({ ...options, sizes: [4, 8] })),
};

const SMALL: PoolOptions = { chunksPerBlock: 16, maxChunks: 1024, name: "things" };

/** Fewer and more records than those from which on an iteration looks for a loop of its text. */
const COUNTS: readonly number[] = [40, 200];

/** Whether records of several structs are iterated over. */
function isMixed({ pool, of }: OfKind): boolean {
  return of.length === 0 && !(pool as object instanceof Pool);
}

/** Allocates a record that is iterated over. */
function alloc(it: OfKind, n: number): void {
  it.pool.alloc(...isMixed(it) ? [TYPES[n % 2]] : it.of, { n });
}

function fill(it: OfKind, count: number): void {
  for (let n = 0; n < count; n++) alloc(it, n);
}

function iteratorOf(it: OfKind): IterableIterator<Counted> {
  return untyped(viewsOf(it)[Symbol.iterator]());
}

/** Defines a test for each subject, made in every mode. */
function each(claim: string, test: (make: (more?: PoolOptions) => OfKind) => void): void {
  testKinds(claim, Num, SMALL, test, SUBJECTS, MODES);
}

/** Defines such a test of pools of so many records. */
function filledEach(claim: string, test: (it: OfKind) => void): void {
  each(claim, (make) => {
    for (const count of COUNTS) {
      const it = make();
      fill(it, count);
      test(it);
      drop(it.pool);
    }
  });
}

function numbersOf(it: OfKind): number[] {
  const seen: number[] = [];
  it.pool.forEach(...it.of, ({ n }: Counted) => seen.push(n));
  return seen;
}

// -- which records --

for (const [member, iterate] of Object.entries(ITERATIONS)) {
  each(`${member} ends where its function disposes of the pool`, (make) => {
    for (const count of COUNTS) {
      for (const at of [1, 20, count]) {
        const it = make();
        fill(it, count);
        let calls = 0;
        iterate(it, () => {
          if (++calls === at) drop(it.pool);
        });
        assertEquals(calls, at);
      }
    }
  });
}

each("an iterator visits no record of a block that came after it was made", (make) => {
  const it = make();
  it.pool.clear();
  it.pool.trim();
  const iterators: Iterator<unknown>[] = [iteratorOf(it), it.pool.handles(...it.of)];
  alloc(it, 7);
  for (const early of iterators) assertEquals(early.next().done, true);
});

// -- views --

each("iterators yield one view for each struct, and stay done", (make) => {
  const it = make({ debug: false }); // in debug mode each is of one record
  const structs = isMixed(it) ? TYPES.length : 1;
  fill(it, 40);
  assertEquals(new Set(viewsOf(it)).size, structs);
  const views = new Set<Counted>();
  for (let round = 0; round < 2; round++) {
    it.pool.forEach(...it.of, (view: Counted) => views.add(view));
  }
  assertEquals(views.size, structs); // the second iteration takes over the views of the first
  for (const view of viewsOf<Counted>(it)) if (view.n === 2) break;
  for (const make of [() => iteratorOf(it), () => it.pool.handles(...it.of)]) {
    const iterator: IterableIterator<unknown> = make();
    assert(iterator[Symbol.iterator]() === iterator);
    for (const _ of iterator);
    assertEquals(iterator.next().done, true);
    alloc(it, 50);
    assertEquals(iterator.next().done, true);
  }
});

each("iterations nest, those of one function as well, each with views of its own", (make) => {
  const it = make();
  fill(it, 20);
  let depth = 2;
  const own = it.pool.loop(...it.of, (view: Counted) => {
    const { n } = view;
    if (depth-- > 0) own();
    assertEquals(view.n, n);
  });
  own();
  const expected = numbersOf(it);
  const pairs = expected.flatMap((a) => expected.map((b) => `${a} ${b}`));
  const members = Object.entries(ITERATIONS).filter(([member]) => member !== "handles()");
  for (const [outer, iterate] of members) {
    for (const [, iterateWithin] of members) {
      const seen: string[] = [];
      iterate(it, (a) => iterateWithin(it, (b) => seen.push(`${a.n} ${b.n}`)));
      assertEquals(seen, pairs, outer);
    }
  }
});

// -- arguments --

each("loop() hands on and takes no more than four, and forEach() and retain() none", (make) => {
  const it = make();
  alloc(it, 0);
  const counts: number[] = [];
  const visit = (...args: unknown[]) => counts.push(args.length);
  const counting = function () {
    return counts.push(arguments.length);
  };
  for (const fn of [visit, counting]) {
    it.pool.forEach(...it.of, fn);
    it.pool.retain(...it.of, fn);
    it.pool.loop(...it.of, fn)();
    it.pool.loop(...it.of, fn)(1, 2, 3, 4, 5, 6);
  }
  assertEquals(counts, [2, 2, 2, 6, 2, 2, 2, 6]);
  const seven = (_a: 0, _b: 0, _c: 0, _d: 0, _e: 0, _f: 0, _g: 0) => {};
  const problem = "a handle and at most 4 arguments of the call, got one of 7 arguments";
  assertThrows(() => it.pool.loop(...it.of, seven), TypeError, problem);
});

filledEach("passes the handle to every function that can see it", (it) => {
  const seen: unknown[] = [];
  const functions = [
    (_view: unknown, handle: unknown) => seen.push(handle),
    (...args: unknown[]) => seen.push(args[1]),
    (_view: unknown, handle: unknown = -1) => seen.push(handle),
    function (_view: unknown) {
      return seen.push(arguments[1]);
    },
    {
      visit(_view: unknown) {
        return seen.push(arguments[1]);
      },
    }.visit,
  ];
  const handles = [...it.pool.handles(...it.of)];
  for (const fn of functions) {
    for (const pass of [() => it.pool.forEach(...it.of, fn), it.pool.loop(...it.of, fn)]) {
      seen.length = 0;
      pass();
      assertEquals(seen, handles);
    }
  }
});

each("throws TypeError on what is no function, before it visits any record", (make) => {
  const it = make();
  alloc(it, 1);
  for (const bad of [undefined, null, 5, "visit", {}, []]) {
    for (const member of ["forEach", "loop", "retain"] as const) {
      const problem = isMixed(it) ? "" : "the argument must be a function";
      assertThrows(() => void it.pool[member](...it.of, bad), TypeError, problem);
    }
  }
  validate(it.pool);
});

// -- functions of all kinds --

filledEach("calls any callable as often as there are records, and passes on its errors", (it) => {
  const { pool, of } = it;
  let calls = 0;
  const count = () => ++calls; // which is true
  // deno-lint-ignore require-await -- that it is async is the point
  const later = async () => count();
  class Thing {}
  const { length } = numbersOf(it);
  const callables: [fn: unknown, calls: number][] = [
    [count.bind(undefined), length],
    [new Proxy(count, { apply: (target) => target() }), length],
    [later, length], // a promise is true, and nobody waits for it
    [Object, 0],
  ];
  for (const [fn, expected] of callables) {
    for (const iterate of [() => pool.forEach(...of, fn), () => pool.loop(...of, fn)()]) {
      calls = 0;
      iterate();
      assertEquals(calls, expected);
    }
    assertEquals(pool.retain(...of, fn), 0);
  }
  const list: unknown[] = [];
  pool.forEach(...of, Array.prototype.push.bind(list));
  const handles = list.filter((value) => typeof value === "number");
  assertEquals(handles, [...pool.handles(...of)]);
  for (const member of ["forEach", "loop", "retain"] as const) {
    const call = () => untyped<() => void>(pool[member](...of, Thing))();
    const { message } = assertThrows(call, TypeError);
    assertMatch(message, /^class constructor/i); // as each engine says it
  }
  validate(pool);
});

filledEach("does not take functions of one text for each other, however many", (it) => {
  const { pool, of } = it;
  const sums = Array<number>(300).fill(0); // of more than have a loop of their own
  const adderTo = (at: number) => ({ n }: Counted) => void (sums[at] += n + at);
  const loops = sums.map((_, at) => pool.loop(...of, adderTo(at)));
  const passes = sums.map((_, at) => () => pool.forEach(...of, adderTo(at)));
  for (const pass of [...loops, ...passes, ...loops]) pass();
  const numbers = numbersOf(it);
  const once = sums.map((_, at) => numbers.reduce((sum, n) => sum + n + at, 0));
  assertEquals(sums, once.map((sum) => 3 * sum));
});

filledEach("does not believe a function's own toString()", (it) => {
  const { pool, of } = it;
  let calls = 0;
  const honest = ({ n }: Counted) => void (calls += n + 1);
  const lying = Object.assign(() => void calls++, { toString: () => String(honest) });
  const failing = Object.assign(() => void calls++, {
    toString() {
      throw new Error("never called");
    },
  });
  for (const fn of [lying, failing]) {
    pool.forEach(...of, fn);
    pool.loop(...of, fn)();
  }
  assertEquals(calls, 4 * numbersOf(it).length);
});

// -- structs that are added --

Deno.test("PoolSet.loop() sees structs that were added after it was made", () => {
  for (const specialize of [true, false]) {
    using set = new PoolSet({ sizes: [4, 8], ...SMALL, specialize });
    const seen: unknown[] = [];
    const pass = set.loop((view: unknown) => void seen.push((view as { x?: number }).x));
    pass();
    set.alloc(Pos, { x: 5 });
    pass();
    set.alloc(struct({ x: "u8" }), { x: 7 });
    pass();
    assertEquals(seen, [5, 7, 5]); // by size
  }
});
