import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  type AnyHandle,
  DisposedError,
  ErasedPool,
  type ErasedPoolOptions,
  NULL_HANDLE,
  PoolExhaustedError,
  PoolSet,
  SchemaError,
  StaleHandleError,
  struct,
  TypeMismatchError,
  validate,
} from "../../mod.ts";
import {
  assertHarmless,
  assertRefused,
  FACES,
  fill,
  forge,
  Huge,
  KINDS,
  type MixedKind,
  type MixedPool,
  Num,
  Pos,
  untyped,
} from "../_support.ts";

const Other = struct({ n: "u32" }, { name: "Other" });

/** What is no handle of a live record, whatever the pool. */
const NEVER_HANDLES: readonly unknown[] = [
  ...[0, -0, -1, -64, -(2 ** 31), 0.5, 1.5, NaN, Infinity, -Infinity],
  ...[2 ** 30, 2 ** 31, 2 ** 32, 2 ** 52, 2 ** 53 - 1, 2 ** 53, 1e300],
  ...["", "64", undefined, null, true, {}, [64]],
];

/** How a set's class is called, and an erased pool: what errors start with. */
function labelOf(name: string): string {
  return `${name.split(" ")[0]} "cells"`;
}

// -- stale handles --

for (const [name, create] of Object.entries(FACES)) {
  for (const handles of ["compact", "wide"] as const) {
    /** A pool with live and freed records, and all that it must refuse. */
    const prepare = () => {
      const pool = create({ handles });
      const live = fill(pool, 60);
      const freed = [live[3], live[30], live[59]];
      for (const handle of freed) pool.free(handle);
      pool.alloc(Num, { n: 77 }); // in the chunk of the last or the first of them
      const one = live[20];
      const bad: unknown[] = [
        ...NEVER_HANDLES,
        ...freed,
        String(one),
        one + 0.5,
        one + 2 ** 32,
        one - 2 ** 32,
        one + 2 ** 29, // of another class
        one + 2 ** 52,
        one + 64, // of a later generation
        60 + 64, // of a chunk that was never used, or of a block that is not there
      ].filter((handle) => ![...pool.handles()].includes(untyped(handle)));
      return { pool, live, bad };
    };

    Deno.test(`${name} refuses what is not live in every call, changing nothing (${handles})`, () => {
      const { pool, live, bad } = prepare();
      const cursor = pool.seek(pool.cursor(Pos), live[1]);
      for (const value of bad) {
        const handle = forge(value);
        const calls: [string, () => unknown][] = [
          ["free", () => pool.free(handle)],
          ["get", () => pool.get(Num, handle)],
          ["set", () => pool.set(Num, handle, { n: 5 })],
          ["give the bytes", () => pool.bytes(handle)],
          ["seek", () => pool.seek(cursor, handle)],
          ["free 1 records", () => pool.freeMany([handle])],
        ];
        if (name !== "ErasedPool without types") {
          calls.push(["tell the type", () => pool.typeOf(handle)]);
        }
        const before = calls.map(([verb, call]) => {
          const error = assertThrows(
            call,
            StaleHandleError,
            `Cannot ${verb} in ${labelOf(name)}: `,
          );
          assertEquals(error.pool, "cells");
          assertStrictEquals(error.handle, value);
          return error.message;
        });
        assertEquals(before.length, calls.length);
        assertEquals([pool.has(handle), pool.tryFree(handle)], [false, false]);
        assertEquals(pool.tryGet(Num, handle), undefined);
        assertEquals([pool.handleOf(cursor), cursor.n], [live[1], 1]);
      }
      const free = () => pool.freeMany([live[0], forge(bad[9]), live[1]]);
      assertRefused(pool, free, StaleHandleError, ", at position 1");
      for (const value of bad) assertHarmless(pool, () => pool.has(forge(value)), false);
    });

    Deno.test(`${name} with no block refuses every handle (${handles})`, () => {
      using pool = create({ handles });
      for (const bad of [0, 1, 64, 65, -1, 2 ** 29 + 64, 2 ** 40, 2 ** 52, NaN]) {
        assertHarmless(pool, () => pool.has(forge(bad)), false);
        assertRefused(pool, () => pool.free(forge(bad)), StaleHandleError, labelOf(name));
      }
      assertRefused(pool, () => pool.free(NULL_HANDLE), StaleHandleError, "is the null handle");
    });
  }

  Deno.test(`${name} refuses handles of another pool once generations differ`, () => {
    using pool = create();
    using other = create();
    pool.alloc(Num);
    const first = other.alloc(Num);
    other.free(first);
    const foreign = other.alloc(Num);
    assertHarmless(pool, () => pool.has(foreign), false);
    assertRefused(pool, () => pool.free(foreign), StaleHandleError, "is stale");
  });
}

for (const handles of ["compact", "wide"] as const) {
  Deno.test(`PoolSet's pools refuse the handles of another class (${handles})`, () => {
    using set = new PoolSet<MixedKind>({
      sizes: [4, 8, 16],
      chunksPerBlock: 16,
      maxChunks: 256,
      name: "cells",
      handles,
    });
    const all = fill(set, 9);
    for (const [i, pool] of set.pools.entries()) {
      for (const [n, handle] of all.entries()) {
        if (n % 3 === i) continue;
        const message = `${handle} is not a handle of this pool`;
        assertHarmless(set, () => pool.has(handle), false);
        assertHarmless(set, () => pool.tryFree(handle), false);
        assertRefused(set, () => pool.free(handle), StaleHandleError, message);
        assertRefused(set, () => pool.freeMany([all[i], handle]), StaleHandleError, message);
        assertRefused(set, () => pool.get(KINDS[n % 3], handle), StaleHandleError, message);
      }
    }
    validate(set);
  });

  Deno.test(`PoolSet refuses handles of a class that it has not (${handles})`, () => {
    // 3 classes share the handles that there would be for 4.
    using three = new PoolSet({ sizes: [4, 8, 16], chunksPerBlock: 16, maxChunks: 256, handles });
    using four = new PoolSet({
      sizes: [4, 8, 16, 40],
      chunksPerBlock: 16,
      maxChunks: 256,
      handles,
    });
    for (const kind of KINDS) three.alloc(kind);
    const foreign = four.alloc(Huge);
    assertHarmless(three, () => three.has(foreign), false);
    assertRefused(three, () => three.free(foreign), StaleHandleError, "is not a handle of this");
    assertRefused(three, () => three.freeMany([foreign]), StaleHandleError, "at position 0");
  });
}

// -- the wrong struct --

for (const name of ["ErasedPool", "PoolSet", "PoolSet with types"] as const) {
  Deno.test(`${name} throws TypeMismatchError where a record is of another struct`, () => {
    using pool = FACES[name]();
    const handles = fill(pool, 6);
    for (const [n, handle] of handles.entries()) {
      const actual = KINDS[n % 3];
      const asked = KINDS[(n + 1) % 3];
      const cursor = pool.cursor(asked);
      const calls: [string, () => unknown][] = [
        ["get", () => pool.get(asked, handle)],
        ["get", () => pool.tryGet(asked, handle)],
        ["set", () => pool.set(asked, handle, { n: 99 })],
        ["seek", () => pool.seek(cursor, handle)],
      ];
      for (const [verb, call] of calls) {
        const message = `Cannot ${verb} in ${labelOf(name)}: handle ${handle} is of struct ` +
          `"${actual.name}", not of struct "${asked.name}"`;
        const error = assertRefused(pool, call, TypeMismatchError, message);
        assertEquals([error.pool, error.struct, error.actual], ["cells", asked.name, actual.name]);
        assertEquals(error.name, "TypeMismatchError");
      }
      assertThrows(() => pool.handleOf(cursor), TypeError, "is unbound");
    }
  });

  Deno.test(`${name} tells structs apart that look the same`, () => {
    using pool = FACES[name]();
    const handle = pool.alloc(Num);
    const message = 'is of struct "Num", not of struct "Other"';
    assertRefused(pool, () => pool.get(Other, forge(handle)), TypeMismatchError, message);
    const Nameless = struct({ n: "u32" });
    const other = () => pool.get(Nameless, forge(handle));
    const error = assertRefused(pool, other, TypeMismatchError, "not of struct { n }");
    assertEquals([error.struct, error.actual], ["", "Num"]);
  });

  Deno.test(`${name} throws TypeMismatchError where what is asked for is no struct`, () => {
    using pool = FACES[name]();
    const handle = forge(pool.alloc(Num));
    for (const [bad, shown] of [[undefined, "undefined"], [{}, "an object"], ["Num", "Num"]]) {
      const call = () => pool.get(untyped<typeof Num>(bad), handle);
      const message = `is of struct "Num", not of ${shown}`;
      assertEquals(assertRefused(pool, call, TypeMismatchError, message).struct, "");
    }
  });
}

// -- structs that cannot be stored --

/** Every member that takes a struct. */
function callsWith(pool: MixedPool, kind: MixedKind): [string, () => unknown][] {
  return [
    ["alloc", () => pool.alloc(kind)],
    ["alloc", () => pool.alloc(kind, { n: 1 })],
    ["alloc", () => pool.tryAlloc(kind)],
    ["alloc", () => pool.scoped(kind)],
    ["allocMany", () => pool.allocMany(kind, 1)],
    ["allocMany", () => pool.allocMany(kind, 0)],
    ["make a cursor", () => pool.cursor(kind)],
    ["iterate", () => pool.forEach(kind, () => assert(false))],
    ["iterate", () => pool.all(kind)],
    ["iterate", () => pool.handles(kind)],
    ["retain", () => pool.retain(kind, () => assert(false) as never)],
  ];
}

for (const [name, create] of Object.entries(FACES)) {
  Deno.test(`${name} throws SchemaError on a struct that is too large, with both sizes`, () => {
    using pool = create();
    fill(pool, 6);
    for (const [verb, call] of callsWith(pool, untyped(Huge))) {
      // A set looks for the class, whatever it is for.
      const message = name.startsWith("PoolSet")
        ? 'Cannot alloc in PoolSet "cells": struct "Huge" of 40 bytes, aligned to 8, fits none of ' +
          "the classes of 4, 8, 16 bytes"
        : `Cannot ${verb} in ErasedPool "cells": struct "Huge" of 40 bytes, aligned to 8, does ` +
          "not fit into chunks of 16 bytes, aligned to 8";
      const error = assertRefused(pool, call, SchemaError, message);
      assertEquals([error.struct, error.field], ["Huge", ""]);
    }
  });

  Deno.test(`${name} throws TypeError on what is no struct`, () => {
    using pool = create();
    fill(pool, 6);
    for (const bad of [null, 5, "Num", {}, { n: "u32" }, { size: 4, align: 4, fields: {} }]) {
      for (const [, call] of callsWith(pool, untyped(bad))) {
        assertRefused(pool, call, TypeError, "the type must be a struct, got ");
      }
    }
    const shown = () => pool.alloc(untyped<typeof Num>({ n: "u32" }));
    assertRefused(
      pool,
      shown,
      TypeError,
      `${labelOf(name)}: the type must be a struct, got an obj`,
    );
    const none = untyped<typeof Num>(undefined);
    for (
      const call of [
        () => pool.alloc(none),
        () => pool.allocMany(none, 1),
        () => pool.cursor(none),
        () => pool.all(none),
        () => pool.forEach(none, () => assert(false)),
        () => pool.retain(none, () => false),
      ]
    ) assertRefused(pool, call, TypeError, "the type must be a struct, got undefined");
  });

  Deno.test(`${name} refuses an init that does not fit, and takes no chunk for it`, () => {
    using pool = create();
    const handle = pool.alloc(Pos, { n: 1, x: 2 });
    for (
      const [init, problem] of [[{ m: 1 }, 'no field "m"'], [{ x: 1, n: "5" }, "u32"], [5, ""]]
    ) {
      const bad = untyped<{ n?: number }>(init);
      for (
        const call of [
          () => pool.alloc(Pos, bad),
          () => pool.tryAlloc(Pos, bad),
          () => pool.scoped(Pos, bad),
          () => pool.set(Pos, handle, bad),
        ]
      ) assertRefused(pool, call, TypeError, problem as string);
    }
  });

  Deno.test(`${name} throws PoolExhaustedError where every chunk is taken, with the numbers`, () => {
    using pool = create();
    const cursor = pool.seek(pool.cursor(Pos), pool.alloc(Pos, { n: 5 }));
    const at = pool.handleOf(cursor);
    pool.allocMany(Pos, 63);
    const chunks = name.startsWith("PoolSet") ? "chunks of 8 bytes" : "chunks of maxChunks";
    const calls: [string, () => unknown][] = [
      ["alloc", () => pool.alloc(Pos)],
      ["alloc", () => pool.alloc(Pos, { n: 1 })],
      ["alloc", () => pool.scoped(Pos)],
      ["allocAt", () => pool.allocAt(Pos, cursor)],
      ["allocMany 1 records", () => pool.allocMany(Pos, 1)],
    ];
    for (const [verb, call] of calls) {
      const message = `Cannot ${verb} in ${labelOf(name)}: all 64 ${chunks} are live`;
      const error = assertRefused(pool, call, PoolExhaustedError, message);
      assertEquals([error.pool, error.size, error.maxChunks], ["cells", 64, 64]);
      assertEquals([cursor.n, pool.handleOf(cursor)], [5, at]);
    }
    assertHarmless(pool, () => pool.tryAlloc(Pos), undefined);
    assertHarmless(pool, () => pool.tryAlloc(Pos, { n: 1 }), undefined);
  });

  // -- arguments --

  Deno.test(`${name} throws TypeError on a view that is none, or of another pool or struct`, () => {
    using pool = create();
    using other = create();
    const handle = pool.alloc(Pos, { n: 1 });
    const foreign = other.get(Pos, other.alloc(Pos));
    for (const bad of [undefined, null, 5, {}, [], "view"]) {
      const seek = () => pool.seek(untyped<typeof foreign>(bad), handle);
      assertRefused(pool, seek, TypeError, "is no view of a whole record");
      const allocAt = () => pool.allocAt(Pos, untyped<typeof foreign>(bad));
      assertRefused(pool, allocAt, TypeError, "is no view of that struct");
      assertRefused(pool, () => pool.handleOf(untyped(bad)), TypeError, "is no view of this pool");
    }
    const ofNum = untyped<typeof foreign>(pool.cursor(Num));
    assertRefused(pool, () => pool.allocAt(Pos, ofNum), TypeError, "is no view of that struct");
    assertRefused(pool, () => pool.handleOf(foreign), TypeError, "is no view of this pool");
    assertEquals(pool.seek(foreign, handle).n, 1); // moved over here it is
    assertEquals(pool.handleOf(foreign), handle);
  });

  Deno.test(`${name} throws TypeError where what is to be called is no function`, () => {
    using pool = create();
    fill(pool, 6);
    for (const bad of [undefined, null, 5, {}]) {
      const fn = untyped<() => boolean>(bad);
      assertRefused(pool, () => pool.forEach(Pos, fn), TypeError, "must be a function");
      assertRefused(pool, () => pool.retain(Pos, fn), TypeError, "must be a function");
    }
    for (const bad of [undefined, null, 5, {}]) {
      assertRefused(pool, () => pool.forEach(untyped(bad)), TypeError, "");
      assertRefused(pool, () => pool.retain(untyped(bad)), TypeError, "");
    }
  });

  for (const bad of [-1, 1.5, NaN, Infinity, "3", undefined, null]) {
    Deno.test(`${name}.allocMany() throws RangeError on a count of ${bad}`, () => {
      using pool = create();
      const message = `the count must be an integer from 0, got ${bad}`;
      assertRefused(pool, () => pool.allocMany(Pos, untyped(bad)), RangeError, message);
    });
  }

  Deno.test(`${name}.allocMany() throws on an out that cannot hold its handles`, () => {
    using pool = create();
    pool.alloc(Num);
    for (const out of [new Uint8Array(9), {}, null, Object.freeze([])]) {
      const call = () => pool.allocMany(Pos, 3, untyped<Int32Array>(out));
      assertRefused(pool, call, TypeError, `Cannot allocMany in ${labelOf(name)}: `);
    }
    const short = () => pool.allocMany(Pos, 4, new Int32Array(3));
    assertRefused(pool, short, RangeError, "out has room for 3 handles, 4 are wanted");
  });

  // -- after dispose --

  for (const used of [true, false]) {
    const which = used ? "one that was used" : "one that never had a block";
    Deno.test(`${name} throws DisposedError on any call after dispose (${which})`, () => {
      const pool = create();
      const handle: AnyHandle = used ? forge(pool.alloc(Pos)) : NULL_HANDLE;
      const view = used ? pool.get(Pos, handle) : pool.cursor(Pos);
      pool.dispose();
      const calls: [string, () => unknown][] = [
        ...callsWith(pool, Pos),
        ...callsWith(pool, Num), // which it has not seen before
        ["free", () => pool.free(handle)],
        ["tryFree", () => pool.tryFree(handle)],
        ["has", () => pool.has(handle)],
        ["typeOf", () => pool.typeOf(handle)],
        ["get", () => pool.get(Pos, handle)],
        ["tryGet", () => pool.tryGet(Pos, handle)],
        ["set", () => pool.set(Pos, handle, { n: 1 })],
        ["bytes", () => pool.bytes(handle)],
        ["seek", () => pool.seek(view, handle)],
        ["allocAt", () => pool.allocAt(Pos, view)],
        ["handleOf", () => pool.handleOf(view)],
        ["forEach", () => pool.forEach(() => {})],
        ["iterator", () => pool[Symbol.iterator]()],
        ["handles", () => pool.handles()],
        ["retain", () => pool.retain(() => true)],
        ["freeMany", () => pool.freeMany([handle])],
        ["freeMany of none", () => pool.freeMany([])],
        ["clear", () => pool.clear()],
        ["freeBlock", () => pool.freeBlock(0)],
        ["trim", () => pool.trim()],
        ["stats", () => pool.stats()],
        ["rebind", () => pool.rebind()],
        ["validate", () => validate(pool)],
      ];
      for (const [what, call] of calls) {
        const message = `Cannot use ${labelOf(name)}: it was disposed of`;
        const error = assertThrows(call, DisposedError, message, what);
        assertEquals(error.pool, "cells");
      }
      if (pool instanceof ErasedPool) {
        assertThrows(() => pool.reserve(0), DisposedError);
        assertThrows(() => pool.lostBytes(), DisposedError);
      } else if (pool instanceof PoolSet) {
        for (const kind of [Pos, Num, Huge as unknown as typeof Num]) { // seen, unseen, too large
          assertThrows(() => pool.reserve(kind, 0), DisposedError);
          assertThrows(() => pool.poolFor(kind), DisposedError);
        }
      }
      assertEquals([pool.size, pool.capacity, pool.blocks.length], [0, 0, 0]);
    });
  }
}

// -- without types --

Deno.test("ErasedPool without types throws TypeError on all that it would have to know", () => {
  using pool = FACES["ErasedPool without types"]() as ErasedPool<MixedKind>;
  const handle = forge(pool.alloc(Pos));
  const calls: [string, () => unknown][] = [
    ["tell the type", () => pool.typeOf(handle)],
    ["count the lost bytes", () => pool.lostBytes()],
    ["iterate over all records", () => pool.forEach(() => {})],
    ["iterate over all records", () => pool[Symbol.iterator]()],
    ["retain over all records", () => pool.retain(() => true)],
  ];
  for (const [verb, call] of calls) {
    const message = `Cannot ${verb} in ErasedPool "cells": it was created without types, so say ` +
      "which struct they are";
    assertRefused(pool, call, TypeError, message);
  }
});

Deno.test("ErasedPool without types refuses a struct that cannot be there, though it is trusting", () => {
  using pool = FACES["ErasedPool without types"]();
  const handle = forge(pool.alloc(Pos));
  const wrong = untyped<typeof Pos>(Huge);
  for (const call of [() => pool.get(wrong, handle), () => pool.set(wrong, handle, {})]) {
    assertRefused(pool, call, SchemaError, "does not fit into chunks of 16 bytes");
  }
  using large = new ErasedPool({ size: 64 });
  const cursor = untyped<ReturnType<typeof pool.cursor>>(large.cursor(Huge));
  assertRefused(pool, () => pool.seek(cursor, handle), SchemaError, "does not fit into chunks");
});

// -- with types --

for (const name of ["ErasedPool", "PoolSet with types"] as const) {
  Deno.test(`${name} throws TypeMismatchError on a struct that is not among its types`, () => {
    using pool = FACES[name]();
    fill(pool, 6);
    const size = name === "ErasedPool" ? 16 : 4;
    const known = name === "ErasedPool" ? '"Num", struct "Pos", struct "Real"' : '"Num"';
    for (const [verb, call] of callsWith(pool, untyped(Other))) {
      const message =
        `Cannot ${verb} in ${labelOf(name)}: struct "Other" is not one of its types ` +
        `for chunks of ${size} bytes, they are struct ${known}`;
      const error = assertRefused(pool, call, TypeMismatchError, message);
      assertEquals([error.pool, error.struct, error.actual], ["cells", "Other", ""]);
    }
  });
}

Deno.test("PoolSet throws RangeError on more structs in a class than it can tell apart", () => {
  using set = new PoolSet({ sizes: [1, 4], name: "cells" });
  const structs = Array.from({ length: 257 }, (_, i) => struct({ n: "u8" }, { name: `S${i}` }));
  for (const struct of structs.slice(0, 256)) set.alloc(struct);
  const message =
    'Cannot alloc in PoolSet "cells": struct "S256" is one struct more than the 256 ' +
    "that it can tell apart";
  assertRefused(set, () => set.alloc(structs[256]), RangeError, message);
  set.alloc(Num); // another class has room for its own
  assertStrictEquals(set.typeOf([...set.handles()][255]), structs[255]);
});

// -- options --

Deno.test("ErasedPool throws on a size or an align that is none", () => {
  const size = "size must be an integer from 1 to 67108864, got";
  const align = "align must be a power of two from 1 to 4096, got";
  const cases: [Record<string, unknown>, string][] = [
    ...[undefined, null, 0, -8, 1.5, NaN, Infinity, "8", 2 ** 26 + 1]
      .map((bad): [Record<string, unknown>, string] => [{ size: bad }, `${size} ${bad}`]),
    ...[null, 0, -8, 0.5, 3, 12, NaN, Infinity, "8", true, [8], 8192]
      .map((bad): [Record<string, unknown>, string] => [{ align: bad }, `${align} ${bad}`]),
    [{ size: 12, align: 8 }, "size must be a multiple of align, which is 8, got 12"],
    [{ size: 100, align: 64 }, "size must be a multiple of align, which is 64, got 100"],
    [{ size: 2 ** 20, chunksPerBlock: 2048 }, "chunks of 1048576 bytes exceeds 1073741824 bytes"],
    [{ size: 1, chunksPerBlock: 512 }, "at most 256, as a link of 1 byte reaches no further"],
    [{ chunksPerBlock: 24 }, "chunksPerBlock must be a power of two from 16 to 65536, got 24"],
    [{ maxChunks: 2 ** 23 }, "maxChunks must be a power of two from 16 to 4194304, got 8388608"],
    [{ keepEmptyBlocks: 0.5 }, "keepEmptyBlocks must be an integer from 0, got 0.5"],
  ];
  for (const [options, problem] of cases) {
    const all = untyped<ErasedPoolOptions>({ size: 16, name: "cells", ...options });
    const error = assertThrows(() => new ErasedPool(all), RangeError, problem);
    assert(error.message.startsWith('Cannot create ErasedPool "cells": '), error.message);
  }
});

Deno.test("ErasedPool throws on types that are none, or do not fit", () => {
  const cases: [unknown, typeof TypeError | typeof SchemaError, string][] = [
    [null, TypeError, "types must be an array of structs, got null"],
    [5, TypeError, "types must be an array of structs, got 5"],
    [{}, TypeError, "types must be an array of structs, got [object Object]"],
    [[undefined], TypeError, "the type must be a struct, got undefined"],
    [[Num, { n: "u8" }], TypeError, "the type must be a struct, got an object"],
    [[Num, Huge], SchemaError, 'struct "Huge" of 40 bytes, aligned to 8, does not fit into chunks'],
  ];
  for (const [types, errorClass, problem] of cases) {
    const all = untyped<ErasedPoolOptions>({ size: 16, name: "cells", types });
    const message = `Cannot create ErasedPool "cells": ${problem}`;
    assertThrows(() => new ErasedPool(all), errorClass, message);
  }
});

Deno.test("ErasedPool throws TypeError on a name, a memory or a kind of handles that is none", () => {
  const create = (options: unknown) => () => new ErasedPool(untyped<ErasedPoolOptions>(options));
  const size = 16;
  assertThrows(
    create({ size, name: 5 }),
    TypeError,
    "Cannot create ErasedPool: name must be a str",
  );
  assertThrows(create({ size, memory: {} }), TypeError, "memory must be an object with allocate");
  assertThrows(create({ size, handles: 1 }), TypeError, 'must be "compact" or "wide", got 1');
  assertThrows(create(undefined), TypeError);
});
