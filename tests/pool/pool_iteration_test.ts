import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { type Handle, type Pool, validate } from "../../mod.ts";
import { counters, holey } from "../_support.ts";

// -- iteration --

function numbersOf(pool: Pool<{ n: "u32" }>): number[] {
  const seen: number[] = [];
  for (const { n } of pool) seen.push(n);
  return seen;
}

type Counters = ReturnType<typeof counters>;
type CounterHandle = Handle<Counters["struct"]>;

/** Every way through a pool. */
const WALKS = {
  forEach: (pool: Counters, visit: (handle: CounterHandle) => void) =>
    pool.forEach((_, handle) => visit(handle)),
  iterator: (pool: Counters, visit: (handle: CounterHandle) => void) => {
    for (const view of pool) visit(pool.handleOf(view));
  },
  handles: (pool: Counters, visit: (handle: CounterHandle) => void) => {
    for (const handle of pool.handles()) visit(handle);
  },
  retain: (pool: Counters, visit: (handle: CounterHandle) => void) =>
    void pool.retain((_, handle) => {
      visit(handle);
      return true;
    }),
};

const HOLES: [string, (n: number) => boolean][] = [
  ["full", () => false],
  ["empty", () => true],
  ["every other chunk free", (n) => n % 2 === 0],
  ["the first chunk free", (n) => n === 0],
  ["the last chunk free", (n) => n === 47],
  ["a block's edges free", (n) => n === 15 || n === 16],
  ["the middle block free", (n) => n >> 4 === 1],
  ["one record left", (n) => n !== 20],
];

for (const [what, isFreed] of HOLES) {
  Deno.test(`Pool walks each live record once, in block and chunk order (${what})`, () => {
    const { pool, handles } = holey(isFreed);
    const expected = Array.from({ length: 48 }, (_, n) => n).filter((n) => !isFreed(n));
    assertEquals(numbersOf(pool), expected);
    assertEquals([...pool.handles()], expected.map((n) => handles[n]));
    const seen: [number, number][] = [];
    pool.forEach((view, handle) => seen.push([view.n, handle]));
    assertEquals(seen, expected.map((n) => [n, handles[n]]));
    const kept: [number, number][] = [];
    assertEquals(pool.retain((view, handle) => kept.push([view.n, handle]) > 0), 0);
    assertEquals(kept, seen);
    validate(pool);
  });
}

Deno.test("Pool walks chunks across the words of its live bits", () => {
  using pool = counters({ chunksPerBlock: 128, maxChunks: 256 });
  const handles = pool.allocMany(200);
  handles.forEach((handle, n) => pool.set(handle, { n }));
  const kept = [0, 31, 32, 63, 64, 95, 96, 127, 128, 191, 192, 199];
  handles.forEach((handle, n) => kept.includes(n) || pool.free(handle));
  assertEquals(numbersOf(pool), kept);
  const seen: number[] = [];
  pool.forEach(({ n }) => seen.push(n));
  assertEquals(seen, kept);
  validate(pool);
});

Deno.test("Pool walks what is live of blocks of many words, whatever is freed before and meanwhile", () => {
  const cases = fc.record({
    count: fc.integer({ min: 1, max: 300 }),
    // In runs, so that whole words are full, and whole words empty.
    runs: fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 12 }),
    frees: fc.array(fc.nat(300), { minLength: 1, maxLength: 20 }),
    every: fc.integer({ min: 1, max: 50 }),
  });
  fc.assert(fc.property(cases, ({ count, runs, frees, every }) => {
    for (const walk of Object.values(WALKS)) {
      using pool = counters({ chunksPerBlock: 128, maxChunks: 512 });
      const handles = pool.allocMany(count);
      const live = new Set(handles);
      const free = (at: number) => live.delete(handles[at]) && pool.free(handles[at]);
      for (let i = 0, at = 0; i < runs.length && at < count; at += runs[i++]) {
        for (let n = at; i % 2 === 1 && n < Math.min(count, at + runs[i]); n++) free(n);
      }
      const expected = new Set(live);
      const seen: number[] = [];
      walk(pool, (handle) => {
        assert(live.has(handle), `saw ${handle}, which is not live`);
        seen.push(handle);
        if (seen.length % every !== 0) return;
        const at = frees[seen.length % frees.length];
        if (at >= count) return;
        if (!seen.includes(handles[at])) expected.delete(handles[at]);
        free(at);
      });
      assertEquals(seen, [...expected]);
      validate(pool);
    }
  }));
});

Deno.test("Pool.forEach() may free the current record", () => {
  const { pool } = holey(() => false);
  const seen: number[] = [];
  pool.forEach((view, handle) => {
    seen.push(view.n);
    if (view.n % 3 === 0) pool.free(handle);
  });
  assertEquals(seen.length, 48);
  assertEquals(numbersOf(pool), seen.filter((n) => n % 3 !== 0));
  validate(pool);
});

Deno.test("Pool's iterator may free the current record", () => {
  const { pool } = holey((n) => n === 7);
  const seen: number[] = [];
  for (const view of pool) {
    seen.push(view.n);
    pool.free(pool.handleOf(view));
  }
  assertEquals(seen.length, 47);
  assertEquals(pool.size, 0);
  validate(pool);
});

Deno.test("Pool.handles() may free the current record", () => {
  const { pool } = holey((n) => n === 7);
  let count = 0;
  for (const handle of pool.handles()) {
    pool.free(handle);
    count++;
  }
  assertEquals([count, pool.size], [47, 0]);
  validate(pool);
});

for (const keepEmptyBlocks of [0, 1]) {
  Deno.test(`Pool.forEach() may free every record at the first (keep ${keepEmptyBlocks})`, () => {
    using pool = counters({ chunksPerBlock: 16, maxChunks: 64, keepEmptyBlocks });
    pool.allocMany(40);
    let calls = 0;
    pool.forEach(() => {
      calls++;
      for (const handle of pool.handles()) pool.free(handle);
    });
    assertEquals([calls, pool.size], [1, 0]);
    validate(pool);
  });

  Deno.test(`Pool's iterators may see every block go (keep ${keepEmptyBlocks})`, () => {
    using pool = counters({ chunksPerBlock: 16, maxChunks: 64, keepEmptyBlocks });
    pool.allocMany(40);
    let calls = 0;
    for (const _ of pool) {
      if (calls++ > 0) continue;
      pool.freeBlock(0);
      pool.freeBlock(2);
    }
    assertEquals([calls, pool.size], [17, 16]);
    validate(pool);
    for (const _ of pool.handles()) pool.freeBlock(1);
    assertEquals([pool.size, pool.blocks.length], [0, 0]);
    validate(pool);
  });
}

Deno.test("Pool.forEach() does not see a record that was freed ahead of it", () => {
  const { pool, handles } = holey(() => false);
  const seen: number[] = [];
  pool.forEach(({ n }) => {
    seen.push(n);
    if (n % 2 === 0 && n + 1 < 48) pool.free(handles[n + 1]);
  });
  assertEquals(seen, Array.from({ length: 24 }, (_, i) => i * 2));
  validate(pool);
});

Deno.test("Pool.forEach() sees no record twice, and each old one, while others are allocated", () => {
  const { pool } = holey((n) => n % 5 === 0);
  const old = numbersOf(pool);
  const seen: number[] = [];
  let made = 1000;
  pool.forEach((view, handle) => {
    seen.push(view.n);
    if (pool.size < 60) pool.alloc({ n: made++ });
    if (view.n % 7 === 1 && view.n < 1000) pool.free(handle);
  });
  assertEquals(new Set(seen).size, seen.length);
  assertEquals(seen.filter((n) => n < 1000), old);
  validate(pool);
});

Deno.test("Pool.forEach() sees the right records where its function swaps a block for another", () => {
  const { pool } = holey(() => false);
  const seen: number[] = [];
  pool.forEach((view, handle) => {
    assertEquals(view.n, pool.get(handle).n);
    seen.push(view.n);
    if (seen.length !== 3) return;
    pool.freeBlock(0);
    for (let n = 100; n < 116; n++) pool.alloc({ n });
  });
  const old = seen.filter((n) => n >= 16 && n < 100);
  assertEquals(old, Array.from({ length: 32 }, (_, i) => 16 + i));
  assertEquals(new Set(seen).size, seen.length);
  validate(pool);
});

for (const kind of ["forEach()", "iterator", "retain()"]) {
  Deno.test(`Pool's ${kind} goes on rightly after its view was moved to another block`, () => {
    const { pool, handles } = holey((n) => n === 30);
    const seen: number[] = [];
    const visit = (view: ReturnType<typeof pool.cursor>) => {
      seen.push(view.n);
      pool.seek(view, handles[view.n < 24 ? 47 : 0]);
      return true;
    };
    if (kind === "forEach()") pool.forEach(visit);
    else if (kind === "retain()") pool.retain(visit);
    else for (const view of pool) visit(view);
    assertEquals(seen, numbersOf(pool));
    assertEquals([seen.length, pool.size], [47, 47]);
  });
}

Deno.test("Pool.forEach() calls nest, each with a view of its own", () => {
  const { pool } = holey((n) => n % 4 !== 0);
  const expected = [0, 4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 44];
  const pairs: string[] = [];
  pool.forEach((a) => {
    pool.forEach((b) => {
      for (const c of pool) {
        if (c.n === 8) pairs.push(`${a.n} ${b.n}`);
      }
    });
  });
  assertEquals(pairs, expected.flatMap((a) => expected.map((b) => `${a} ${b}`)));
});

Deno.test("Pool's iterators nest, each with a view of its own", () => {
  const { pool } = holey((n) => n > 2);
  const seen: string[] = [];
  for (const a of pool) {
    for (const b of pool) seen.push(`${a.n}${b.n}`);
  }
  assertEquals(seen, ["00", "01", "02", "10", "11", "12", "20", "21", "22"]);
});

Deno.test("Pool.forEach() and retain() work as before after their function threw", () => {
  const { pool } = holey((n) => n > 2);
  const boom = () => {
    throw new Error("boom");
  };
  for (let round = 0; round < 3; round++) {
    assertThrows(() => pool.forEach(boom), Error, "boom");
    assertThrows(() => pool.retain(boom), Error, "boom");
    assertThrows(() => pool.forEach(() => pool.forEach(boom)), Error, "boom");
    const pairs: string[] = [];
    pool.forEach((a) => pool.forEach((b) => pairs.push(`${a.n}${b.n}`)));
    assertEquals(pairs, ["00", "01", "02", "10", "11", "12", "20", "21", "22"]);
  }
  validate(pool);
});

Deno.test("Pool's iterator gives one view, moved along", () => {
  const { pool } = holey(() => false);
  const views = new Set<unknown>();
  for (const view of pool) views.add(view);
  assertEquals(views.size, 1);
});

Deno.test("Pool's iterator stays done, and can be left early", () => {
  const { pool } = holey((n) => n > 3);
  for (const view of pool) {
    if (view.n === 2) break;
  }
  const iterator = pool[Symbol.iterator]();
  assertStrictEquals(iterator[Symbol.iterator](), iterator);
  for (const _ of iterator);
  assertEquals(iterator.next().done, true);
  pool.allocMany(10);
  assertEquals(iterator.next().done, true);
  const handles = pool.handles();
  assertStrictEquals(handles[Symbol.iterator](), handles);
  assertEquals([...handles].length, 14);
  assertEquals(handles.next().done, true);
});

Deno.test("Pool's iteration ends where the pool is disposed of in the middle", () => {
  const make = () => holey(() => false).pool;
  const calls = [0, 0, 0];
  const a = make();
  a.forEach(() => void (calls[0]++, a.dispose()));
  const b = make();
  for (const _ of b) void (calls[1]++, b.dispose());
  const c = make();
  for (const _ of c.handles()) void (calls[2]++, c.dispose());
  assertEquals(calls, [1, 1, 1]);
});

Deno.test("Pool.retain() frees what the predicate is false for, and counts it", () => {
  const { pool, handles } = holey((n) => n === 9);
  assertEquals(pool.retain((view) => view.n % 2 === 0), 23);
  assertEquals(numbersOf(pool), Array.from({ length: 24 }, (_, i) => i * 2));
  assertEquals(pool.has(handles[1]), false);
  assertEquals(pool.has(handles[2]), true);
  validate(pool);
  assertEquals(pool.retain(() => true), 0);
  assertEquals(pool.retain(() => false), 24);
  assertEquals(pool.size, 0);
  validate(pool);
});

Deno.test("Pool.retain() counts no record that its predicate freed itself", () => {
  const { pool, handles } = holey(() => false);
  const freed = pool.retain(({ n }, handle) => {
    if (n === 5) pool.free(handle);
    if (n === 6) pool.free(handles[7]);
    return n !== 5 && n !== 6;
  });
  assertEquals([freed, pool.size], [1, 45]);
  validate(pool);
});

Deno.test("Pool.retain() keeps what it has freed when its predicate throws", () => {
  const { pool } = holey(() => false);
  const failing = () =>
    pool.retain((view) => {
      if (view.n === 10) throw new Error("boom");
      return false;
    });
  assertThrows(failing, Error, "boom");
  assertEquals(pool.size, 38);
  validate(pool);
});
