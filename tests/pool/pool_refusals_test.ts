import { assertEquals, assertStrictEquals, assertStringIncludes, assertThrows } from "@std/assert";
import {
  type AnyHandle,
  array,
  type Fields,
  NULL_HANDLE,
  Pool,
  ref,
  StaleHandleError,
  struct,
} from "../../mod.ts";
import { assertHarmless, assertRefused, counters, forge, SMALL, untyped } from "../_support.ts";

const Vec2 = struct({ x: "f32", y: "f32" }, { name: "Vec2" });
const Enemy = struct({
  pos: Vec2,
  hp: "u16",
  alive: "bool",
  color: array("u8", 4),
  trail: array(Vec2, 2),
  score: "i64",
  target: ref(Vec2),
  next: "ref",
}, { name: "Enemy" });

// -- values that do not fit --

const BAD_INITS: [string, unknown, typeof TypeError | typeof RangeError, string][] = [
  ["null", null, TypeError, 'Cannot write struct "Enemy": it must be an object, got null'],
  ["a number", 5, TypeError, "it must be an object, got 5"],
  ["an unknown field", { hitpoints: 1 }, TypeError, 'it has no field "hitpoints", it has pos, hp,'],
  ["an inherited name", { toString: 1 }, TypeError, 'it has no field "toString"'],
  ["a string number", { hp: "12" }, TypeError, 'field "hp": u16 must be a number, got "12"'],
  ["a null number", { hp: null }, TypeError, 'field "hp": u16 must be a number, got null'],
  ["a bigint number", { hp: 5n }, TypeError, 'field "hp": u16 must be a number, got 5n'],
  ["a number boolean", { alive: 1 }, TypeError, 'field "alive": bool must be a boolean, got 1'],
  ["a number bigint", { score: 1 }, TypeError, 'field "score": i64 must be a bigint, got 1'],
  ["a number struct", { pos: 1 }, TypeError, 'struct "Vec2" at "pos": it must be an object, got 1'],
  ["a null struct", { pos: null }, TypeError, 'struct "Vec2" at "pos": it must be an object'],
  ["an unknown nested field", { pos: { z: 1 } }, TypeError, 'at "pos": it has no field "z"'],
  ["a bad nested field", { pos: { x: "1" } }, TypeError, 'field "pos.x": f32 must be a number'],
  ["a number array", { color: 1 }, TypeError, 'field "color": it must be array-like, got 1'],
  ["a string array", { color: "red" }, TypeError, 'field "color": it must be array-like'],
  ["an object array", { color: {} }, TypeError, 'field "color": it must be array-like, got an obj'],
  [
    "a long array",
    { color: [1, 2, 3, 4, 5] },
    RangeError,
    'field "color": it has 4 elements, got 5',
  ],
  ["a bad element", { color: [1, 2, "3"] }, TypeError, 'field "color[2]": u8 must be a number'],
  [
    "a hole",
    { color: [1, , 3] },
    TypeError,
    'field "color[1]": u8 must be a number, got undefined',
  ],
  [
    "a bad struct element",
    { trail: [{}, 5] },
    TypeError,
    '"trail[1]": it must be an object, got 5',
  ],
  [
    "a bad deep field",
    { trail: [{ y: true }] },
    TypeError,
    'field "trail[0].y": f32 must be a number',
  ],
  [
    "a negative ref",
    { next: -1 },
    RangeError,
    'field "next": a ref holds a handle below 2^32, got -1',
  ],
  ["a wide ref", { next: 2 ** 32 }, RangeError, 'field "next": a ref holds a handle below 2^32'],
  ["a fraction ref", { target: 1.5 }, RangeError, 'field "target": a ref holds a handle'],
  ["a NaN ref", { target: NaN }, RangeError, 'field "target": a ref holds a handle'],
  [
    "a string ref",
    { target: "1" },
    TypeError,
    'field "target": ref must be a number or null, got "1"',
  ],
];

for (const [what, init, errorClass, message] of BAD_INITS) {
  Deno.test(`Pool refuses ${what} as init, and changes nothing`, () => {
    using pool = new Pool(Enemy, SMALL);
    // Good fields come first, so that one written before the bad one is checked would show.
    const bad = untyped<{ hp?: number }>(
      typeof init === "object" && init !== null ? { pos: { y: 8 }, ...init } : init,
    );
    assertRefused(pool, () => pool.alloc(bad), errorClass, message);
    assertEquals(pool.capacity, 0);
    const handle = pool.alloc({ pos: { x: 1, y: 2 }, color: [1, 2, 3, 4], next: NULL_HANDLE });
    assertRefused(pool, () => pool.alloc(bad), errorClass, message);
    assertRefused(pool, () => pool.tryAlloc(bad), errorClass, message);
    assertRefused(pool, () => pool.scoped(bad), errorClass, message);
    assertRefused(pool, () => pool.set(handle, bad), errorClass, message);
  });
}

Deno.test("Pool refuses a view of another struct that has a field too many, or of another type", () => {
  using pool = counters();
  const handle = pool.alloc({ n: 7 });
  const foreign: [Fields, string][] = [
    [{ n: "u8", m: "u8" }, 'it has no field "m", it has n'],
    [{ m: "u8" }, 'it has no field "m", it has n'],
    [{ n: "i64" }, 'field "n": u32 must be a number, got 0n'],
    [{ n: "bool" }, 'field "n": u32 must be a number, got false'],
    [{ n: struct({ x: "u8" }) }, 'field "n": u32 must be a number, got an object'],
  ];
  for (const [fields, message] of foreign) {
    using others = new Pool(fields, SMALL);
    const init = untyped<{ n?: number }>(others.get(others.alloc()));
    assertRefused(pool, () => pool.alloc(init), TypeError, message);
    assertRefused(pool, () => pool.tryAlloc(init), TypeError, message);
    assertRefused(pool, () => pool.set(handle, init), TypeError, message);
  }
});

Deno.test("Pool refuses what an init inherits as it does what it owns", () => {
  using pool = counters();
  const handle = pool.alloc({ n: 7 });
  const good = untyped<{ n?: number }>(Object.create({ n: 5 }));
  assertEquals(pool.get(pool.alloc(good)).n, 5);
  for (const bad of [{ n: "5" }, { n: 5n }, { m: 5 }]) {
    const init = untyped<{ n?: number }>(Object.create(bad));
    assertRefused(pool, () => pool.alloc(init), TypeError, "Cannot write ");
    assertRefused(pool, () => pool.set(handle, init), TypeError, "Cannot write ");
  }
});

Deno.test("Pool refuses a bad init before it finds that it is exhausted", () => {
  using pool = counters();
  pool.allocMany(32);
  assertRefused(pool, () => pool.tryAlloc(untyped({ m: 1 })), TypeError, 'no field "m"');
});

// -- stale handles --

/** What is no handle of a live record, whatever the pool. */
const NEVER_HANDLES: [string, unknown][] = [
  ["the null handle", 0],
  ["minus zero", -0],
  ["-1", -1],
  ["-2^31", -(2 ** 31)],
  ["a fraction", 1.5],
  ["NaN", NaN],
  ["Infinity", Infinity],
  ["-Infinity", -Infinity],
  ["2^30", 2 ** 30],
  ["2^31", 2 ** 31],
  ["2^32", 2 ** 32],
  ["2^53 - 1", 2 ** 53 - 1],
  ["2^53", 2 ** 53],
  ["1e300", 1e300],
  ["undefined", undefined],
  ["null", null],
  ["true", true],
  ["an object", {}],
  ["an array", [1]],
];

for (const handles of ["compact", "wide"] as const) {
  const options = { chunksPerBlock: 16, maxChunks: 64, name: "bullets", handles } as const;

  /** A pool with live, freed and never used chunks, and what it must refuse. */
  const prepare = () => {
    const pool = new Pool({ n: "u32" }, options);
    const live = pool.allocMany(20);
    const freed = [live[3], live[19]];
    for (const handle of freed) pool.free(handle);
    const reused = live[5];
    pool.free(reused);
    pool.alloc({ n: 77 });
    const stale: [string, unknown][] = [
      ...NEVER_HANDLES,
      ["a freed handle", freed[0]],
      ["the newest freed handle", freed[1]],
      ["a handle whose chunk is in use again", reused],
      ["a handle of a later generation", live[0] + 64],
      ["a handle of generation 0", live[0] - 64],
      ["a handle of a chunk never used", 64 + 30],
      ["a handle of a block that is not there", 64 + 50],
      ["a live handle as a string", String(live[0])],
      ["a live handle and a half", live[0] + 0.5],
      ["a live handle plus 2^32", live[0] + 2 ** 32],
      ["a live handle minus 2^32", live[0] - 2 ** 32],
    ];
    return { pool, live, stale };
  };

  Deno.test(`Pool.free() throws StaleHandleError on what is not live (${handles})`, () => {
    const { pool, stale } = prepare();
    for (const [, bad] of stale) {
      assertRefused(
        pool,
        () => pool.free(forge(bad)),
        StaleHandleError,
        'Cannot free in Pool "bullets": ',
      );
    }
  });

  Deno.test(`Pool.get() throws StaleHandleError on what is not live (${handles})`, () => {
    const { pool, stale } = prepare();
    for (const [, bad] of stale) {
      assertRefused(
        pool,
        () => pool.get(forge(bad)),
        StaleHandleError,
        'Cannot get in Pool "bullets": ',
      );
    }
  });

  Deno.test(`Pool.set() throws StaleHandleError on what is not live (${handles})`, () => {
    const { pool, stale } = prepare();
    for (const [, bad] of stale) {
      assertRefused(
        pool,
        () => pool.set(forge(bad), { n: 5 }),
        StaleHandleError,
        'Cannot set in Pool "bullets": ',
      );
    }
  });

  Deno.test(`Pool.seek() throws StaleHandleError and leaves the cursor (${handles})`, () => {
    const { pool, live, stale } = prepare();
    pool.set(live[1], { n: 11 });
    const cursor = pool.seek(pool.cursor(), live[1]);
    for (const [, bad] of stale) {
      assertRefused(
        pool,
        () => pool.seek(cursor, forge(bad)),
        StaleHandleError,
        'Cannot seek in Pool "bullets": ',
      );
      assertEquals(pool.handleOf(cursor), live[1]);
      assertEquals(cursor.n, 11);
    }
  });

  Deno.test(`Pool.has(), tryGet() and tryFree() say no to what is not live (${handles})`, () => {
    const { pool, stale } = prepare();
    for (const [, bad] of stale) {
      assertHarmless(pool, () => pool.has(forge(bad)), false);
      assertHarmless(pool, () => pool.tryGet(forge(bad)), undefined);
      assertHarmless(pool, () => pool.tryFree(forge(bad)), false);
    }
  });

  Deno.test(`Pool.freeMany() throws on what is not live, wherever it stands (${handles})`, () => {
    const { pool, live, stale } = prepare();
    for (const [, bad] of stale) {
      const free = (handles: AnyHandle[]) => () => pool.freeMany(handles);
      const three = [live[0], forge(bad), live[1]];
      const start = 'Cannot free 3 records in Pool "bullets": ';
      const { message } = assertRefused(pool, free(three), StaleHandleError, start);
      assertStringIncludes(message, ", at position 1");
      assertRefused(pool, free([forge(bad)]), StaleHandleError, ", at position 0");
    }
  });

  Deno.test(`Pool with no block refuses every handle (${handles})`, () => {
    using pool = new Pool({ n: "u32" }, options);
    for (const bad of [0, 1, 64, 65, -1, 2 ** 40, NaN]) {
      assertHarmless(pool, () => pool.has(forge(bad)), false);
      assertRefused(pool, () => pool.free(forge(bad)), StaleHandleError, "Cannot free in Pool");
    }
  });
}

Deno.test("Pool.free() throws StaleHandleError on a second free", () => {
  using pool = new Pool({ n: "u32" }, { name: "bullets", maxChunks: 1024, chunksPerBlock: 16 });
  pool.alloc();
  let handle = pool.alloc();
  for (let generation = 1; generation < 5; generation++) {
    pool.free(handle);
    handle = pool.alloc();
  }
  assertEquals<number>(handle, 5121);
  pool.free(handle);
  const error = assertRefused(
    pool,
    () => pool.free(handle),
    StaleHandleError,
    'Cannot free in Pool "bullets": handle 5121 (index 1, generation 5) is stale, ' +
      "the chunk is at generation 6",
  );
  assertEquals(
    [error.pool, error.handle, error.index, error.generation, error.chunkGeneration],
    ["bullets", 5121, 1, 5, 6],
  );
});

Deno.test("StaleHandleError says that the null handle is the null handle", () => {
  using pool = counters();
  pool.alloc();
  assertRefused(
    pool,
    () => pool.free(NULL_HANDLE),
    StaleHandleError,
    "handle 0 is the null handle",
  );
});

Deno.test("StaleHandleError says that a chunk is beyond those there ever were", () => {
  using pool = counters({ chunksPerBlock: 16, maxChunks: 64 });
  pool.alloc();
  const error = assertThrows(
    () => pool.get(forge(64 + 40)),
    StaleHandleError,
    "handle 104 (index 40, generation 1) is beyond the 16 chunks that there ever were",
  );
  assertEquals([error.index, error.generation, error.chunkGeneration], [40, 1, -1]);
});

for (const handles of ["compact", "wide"] as const) {
  const values: readonly (readonly [value: unknown, shown: string])[] = [
    ...[1.5, NaN, Infinity, -Infinity, -5, 2 ** 60, undefined, null, true].map((it) =>
      [it, String(it)] as const
    ),
    ["7", '"7"'],
    [7n, "7n"],
    [Symbol("seven"), "Symbol(seven)"],
    [Object.create(null), "a value of type object"],
    [{ valueOf: () => 1 << 6 }, "a value of type object"],
    [() => 7, "a value of type function"],
  ];
  for (const [bad, shown] of values) {
    Deno.test(`StaleHandleError says that ${shown} is no handle at all (${handles})`, () => {
      using pool = counters({ chunksPerBlock: 16, maxChunks: 64, handles });
      pool.alloc();
      const error = assertRefused(
        pool,
        () => pool.free(forge(bad)),
        StaleHandleError,
        `${shown} is not a handle of this pool`,
      );
      assertEquals([error.index, error.generation, error.chunkGeneration], [-1, -1, -1]);
      assertStrictEquals(error.handle, bad);
    });
  }
}

Deno.test("StaleHandleError says that a chunk is retired", () => {
  using pool = counters({ chunksPerBlock: 16, maxChunks: 2 ** 32, handles: "wide" });
  let handle = pool.alloc();
  // 2^32 chunks leave 21 bits of generation: the last of them is soon used up.
  for (let generation = 1; generation < 2 ** 21 - 1; generation++) {
    pool.free(handle);
    handle = pool.alloc();
  }
  pool.free(handle);
  assertEquals(pool.stats().retired, 1);
  const error = assertRefused(
    pool,
    () => pool.free(handle),
    StaleHandleError,
    "is stale, the chunk is retired",
  );
  assertEquals([error.index, error.generation, error.chunkGeneration], [0, 2 ** 21 - 1, 0]);
});

Deno.test("Pool refuses handles of another pool with the same struct once generations differ", () => {
  using a = counters();
  using b = counters();
  const own = a.alloc();
  a.free(own);
  const newer = a.alloc();
  b.alloc();
  assertHarmless(b, () => b.has(newer), false);
});
