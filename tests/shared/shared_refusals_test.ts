/** What `SharedPool` refuses, and that it changes nothing then. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  array,
  DisposedError,
  heapMemory,
  OutOfMemoryError,
  Pool,
  PoolExhaustedError,
  SchemaError,
  SharedPool,
  type SharedPoolToken,
  StaleHandleError,
  struct,
  validate,
} from "../../mod.ts";
import {
  assertRefused,
  bytesOf,
  MIDDLE,
  Num,
  pair,
  partsOf,
  slabOf,
  SMALL,
  take,
} from "./_shared.ts";
import { forge, untyped } from "../_support.ts";

// -- handles --

const NO_HANDLES: [string, unknown][] = [
  ["null", 0],
  ["negative zero", -0],
  ["NaN", NaN],
  ["a fraction", 33.5],
  ["negative", -33],
  ["infinite", Infinity],
  ["a string", "33"],
  ["undefined", undefined],
  ["JavaScript's null", null],
  ["an object", {}],
  ["of generation 0", 1],
  ["beyond 2^30", 2 ** 30 + 33],
  ["beyond 2^32", 2 ** 32 + 33],
  ["beyond 2^53", 2 ** 53 + 64],
];

for (const handles of ["compact", "wide"] as const) {
  for (const [what, value] of NO_HANDLES) {
    Deno.test(`SharedPool refuses a handle that is ${what} (${handles})`, () => {
      for (const part of pairOf(handles)) {
        const handle = forge(value);
        const calls = {
          free: () => part.free(handle),
          get: () => part.get(handle),
          set: () => part.set(handle, { n: 1 }),
          seek: () => part.seek(part.cursor(), handle),
        };
        for (const [verb, call] of Object.entries(calls)) {
          const error = assertRefused(part, call, StaleHandleError, `Cannot ${verb} in`);
          assertEquals([error.pool, error.handle], ["motes", value]);
        }
        const before = bytesOf(part);
        const answers = [part.has(handle), part.tryFree(handle), part.tryGet(handle)];
        assertEquals(answers, [false, false, undefined]);
        assertEquals(bytesOf(part), before);
      }
    });
  }

  Deno.test(`SharedPool refuses a live handle with any other generation, however high (${handles})`, () => {
    for (const part of pairOf(handles)) {
      const [live] = [...Array(32).keys()].map((i) => forge(32 + i)).filter((it) => part.has(it));
      const before = bytesOf(part);
      for (let bit = 5; bit < 53; bit++) {
        const forged = forge(live + 2 ** bit);
        assertEquals([part.has(forged), part.tryFree(forged)], [false, false], `bit ${bit}`);
        assertThrows(() => part.free(forged), StaleHandleError);
        assertEquals(bytesOf(part), before, `bit ${bit}`);
      }
      assertEquals(part.size, 19);
    }
  });
}

Deno.test("SharedPool refuses a wide handle whose generation is too high for a stamp", () => {
  // Of 33 bits; stamps have 32, and the atomic swaps are of integers of 32 bits.
  const [here, there] = pair({ chunksPerBlock: 16, handles: "wide" });
  const [live] = take(here, 1);
  for (const part of [here, there]) {
    for (const bit of [50, 51, 52]) {
      assertRefused(part, () => part.free(forge(live + 2 ** bit)), StaleHandleError, "is stale");
      assertEquals(here.has(live), true);
    }
  }
});

/** 19 of 20 records are live, and chunk 3 is at generation 2. */
function pairOf(handles: "compact" | "wide") {
  const [here, there] = pair({ ...SMALL, handles });
  here.free(take(here, 20)[3]);
  return [here, there];
}

Deno.test("SharedPool says of a stale handle what it is, and where the chunk is", () => {
  const [here, there] = pair();
  const [handle] = take(here, 1);
  here.free(handle);
  for (const part of [here, there]) {
    const error = assertRefused(
      part,
      () => part.get(handle),
      StaleHandleError,
      'Cannot get in SharedPool "motes": handle 32 (index 0, generation 1) is stale, the chunk is at generation 2',
    );
    assertEquals([error.index, error.generation, error.chunkGeneration], [0, 1, 2]);
  }
});

Deno.test("SharedPool says of a record on its way to its owner that it is stale", () => {
  const [here, there] = pair();
  const [handle] = take(here, 1);
  there.free(handle);
  for (const part of [here, there]) {
    assertRefused(part, () => part.free(handle), StaleHandleError, "the chunk is at generation 2");
  }
});

Deno.test("SharedPool says of a handle beyond its chunks how many there are", () => {
  const [here, there] = pair();
  take(here, 1);
  const far = forge(32 + 31);
  assertRefused(there, () => there.free(far), StaleHandleError, "is beyond the 16 chunks");
});

Deno.test("SharedPool refuses handles of a larger pool", () => {
  const [here] = pair();
  take(here, 32);
  const [other] = pair({ chunksPerBlock: 16, maxChunks: 1024 });
  for (const foreign of take(other, 64)) {
    const before = bytesOf(here);
    assertEquals([here.has(foreign), here.tryFree(foreign)], [false, false]);
    assertEquals(bytesOf(here), before);
  }
});

// -- records and views --

Deno.test("SharedPool refuses an init that does not fit, and takes no chunk for it", () => {
  const [here, there] = pair();
  const [handle] = take(here, 1);
  for (const init of [{ m: 1 }, { n: "1" }, { n: 1n }, null, 5]) {
    assertRefused(here, () => here.alloc(untyped(init)), TypeError, "Cannot write ");
    assertRefused(here, () => here.tryAlloc(untyped(init)), TypeError, "Cannot write ");
    assertRefused(there, () => there.set(handle, untyped(init)), TypeError, "Cannot write ");
  }
});

Deno.test("SharedPool refuses a cursor that is none of its struct's, and takes no chunk for it", () => {
  const [here] = partsOf(struct(Num), 1, SMALL);
  const handle = here.alloc();
  const other = new Pool({ n: "u32" }).cursor();
  for (const cursor of [other, {}, null, undefined, 5]) {
    const message = "the argument is no view of this pool's struct";
    assertRefused(here, () => here.seek(untyped(cursor), handle), TypeError, message);
    assertRefused(here, () => here.allocAt(untyped(cursor)), TypeError, message);
  }
});

Deno.test("SharedPool.seek() and allocAt() leave the cursor where it is when they throw", () => {
  const [here] = pair();
  const taken = take(here, 32);
  const cursor = here.seek(here.cursor(), taken[7]);
  assertThrows(() => here.seek(cursor, forge(0)), StaleHandleError);
  assertThrows(() => here.allocAt(cursor), PoolExhaustedError);
  assertEquals([here.handleOf(cursor), cursor.n], [taken[7], 7]);
});

Deno.test("SharedPool.handleOf() refuses what is no view of it", () => {
  const [here] = pair();
  here.alloc();
  const [other] = pair();
  const plain = new Pool(Num);
  const views = [other.get(other.alloc()), plain.get(plain.alloc()), here.cursor(), {}, null, 5];
  for (const view of views) {
    assertRefused(here, () => here.handleOf(untyped(view)), TypeError, "is no view of this pool");
  }
});

// -- exhaustion --

Deno.test("SharedPool.alloc() says when all chunks are live, and when the free ones are other threads'", () => {
  const [here, there] = pair();
  const taken = take(here, 32);
  const full = 'Cannot alloc in SharedPool "motes": all 32 chunks of maxChunks are live or retired';
  const error = assertRefused(there, () => there.alloc(), PoolExhaustedError, full);
  assertEquals([error.pool, error.size, error.maxChunks], ["motes", 32, 32]);
  assertRefused(here, () => here.allocAt(here.cursor()), PoolExhaustedError, full);
  for (const handle of taken.slice(0, 5)) here.free(handle);
  assertRefused(
    there,
    () => there.alloc({ n: 5 }),
    PoolExhaustedError,
    "27 of 32 chunks are live, 0 retired, and 5 free in blocks that other threads own",
  );
  assertEquals(here.has(here.alloc()), true);
});

Deno.test("SharedPool.alloc() throws OutOfMemoryError where the buffer cannot grow, and goes on after", () => {
  const [here, there] = pair(MIDDLE);
  take(here, 16);
  const { buffer } = slabOf(there).layout;
  Object.defineProperty(buffer, "grow", {
    configurable: true,
    value() {
      throw new RangeError("no memory");
    },
  });
  const message = 'Cannot grow SharedPool "motes": no memory for block 1';
  const error = assertRefused(here, () => here.alloc(), OutOfMemoryError, message);
  assertEquals((error.cause as Error).message, "no memory");
  assertEquals(error.byteLength > buffer.byteLength, true);
  Reflect.deleteProperty(buffer, "grow");
  assertEquals(here.get(here.alloc({ n: 5 })).n, 5);
});

Deno.test("SharedPool.alloc() goes on where another thread has grown the buffer further meanwhile", () => {
  const [here] = pair(MIDDLE);
  const { buffer } = slabOf(here).layout;
  Object.defineProperty(buffer, "grow", {
    configurable: true,
    value(byteLength: number) {
      SharedArrayBuffer.prototype.grow.call(this, byteLength + 256); // the other thread's step
      return SharedArrayBuffer.prototype.grow.call(this, byteLength);
    },
  });
  assertEquals(here.get(here.alloc({ n: 5 })).n, 5);
});

// -- options --

const BAD_OPTIONS: [object, typeof RangeError | typeof TypeError, string][] = [
  [
    { chunksPerBlock: 15 },
    RangeError,
    "chunksPerBlock must be a power of two from 16 to 65536, got 15",
  ],
  [{ chunksPerBlock: 65_536 }, RangeError, "chunksPerBlock must be at most 32768, got 65536"],
  [
    { chunksPerBlock: 131_072 },
    RangeError,
    "chunksPerBlock must be a power of two from 16 to 65536",
  ],
  [{ chunksPerBlock: 64, maxChunks: 32 }, RangeError, "chunksPerBlock must be at most 32"],
  [{ maxChunks: 2 ** 23 }, RangeError, "maxChunks must be a power of two from 16 to 4194304"],
  [{ maxChunks: NaN }, RangeError, "maxChunks must be a power of two"],
  [{ handles: "huge" }, TypeError, 'handles must be "compact" or "wide"'],
  [{ keepEmptyBlocks: -1 }, RangeError, "keepEmptyBlocks must be an integer from 0"],
  [{ name: 5 }, TypeError, "name must be a string"],
  [{ debug: true }, TypeError, "debug must be left out, got true"],
  [{ debug: 1 }, TypeError, "debug must be a boolean"],
  [{ reuse: "spread" }, TypeError, "reuse must be left out, got spread"],
  [{ specialize: 1 }, TypeError, "specialize must be a boolean, got 1"],
  [{ memory: heapMemory }, TypeError, "memory must be left out, got [object Object]"],
];

Deno.test("SharedPool.create() refuses bad options, and those that it does not have", () => {
  for (const [options, errorClass, message] of BAD_OPTIONS) {
    assertThrows(() => SharedPool.create(Num, options), errorClass, message);
  }
  SharedPool.create(Num, { chunksPerBlock: 32_768, ...untyped<object>({ debug: false }) });
});

Deno.test("SharedPool with 32,768 chunks in a block has them all, remotely freed as well", () => {
  const [here, there] = pair({ chunksPerBlock: 32_768, maxChunks: 32_768 });
  for (let round = 0; round < 2; round++) {
    const taken = take(here, 32_768);
    assertEquals(here.tryAlloc(), undefined);
    for (const handle of taken) there.free(handle);
    validate(here);
    assertEquals([here.size, there.size], [0, 0]);
  }
});

Deno.test("SharedPool.create() refuses fields that make no struct", () => {
  assertThrows(() => SharedPool.create({}), SchemaError);
  assertThrows(() => SharedPool.create({ n: untyped("u17") }), SchemaError, "u17");
});

Deno.test("SharedPool.create() refuses what there are no addresses for", () => {
  const Big = { of: array("f64", 2 ** 20) };
  const error = assertThrows(
    () => SharedPool.create(Big, { name: "vast", handles: "wide", maxChunks: 2 ** 32 }),
    OutOfMemoryError,
    'Cannot create SharedPool "vast": no room for',
  );
  assert(error.byteLength > 2 ** 53);
  assert(error.cause instanceof RangeError);
});

// -- tokens --

Deno.test("SharedPool.attach() refuses a struct of another layout, and gives both sizes", () => {
  const Mote = struct({ x: "f32", y: "f32" }, { name: "Mote" });
  using here = SharedPool.create(Mote, { name: "motes" });
  const Others = [
    struct({ x: "f32", y: "f64" }, { name: "Other" }),
    struct({ y: "f32", x: "f32" }, { name: "Other" }),
    struct({ x: "f32", y: "u32" }, { name: "Other" }),
    struct({ x: "f32" }, { name: "Other" }),
    struct({ of: array("f32", 2) }, { name: "Other" }),
  ];
  for (const Other of Others) {
    const error = assertThrows(
      () => SharedPool.attach(Other, here.share()),
      SchemaError,
      `Cannot attach SharedPool "motes": struct "Other" has ${Other.size} bytes and another layout than the pool's records, which have 8 bytes`,
    );
    assertEquals(error.struct, "Other");
  }
  assertEquals([here.thread, slabOf(here).threads], [1, 1]);
});

/** A header with one word changed. */
function spoilt(word: number, value: number): SharedArrayBuffer {
  const words = new Int32Array(new SharedArrayBuffer(192));
  words.set(new Int32Array(SharedPool.create(Num).share().buffer));
  words[word] = value;
  return words.buffer as SharedArrayBuffer; // as it was made
}

const NO_TOKENS: [string, unknown, string][] = [
  ["undefined", undefined, "the token must be what share() returned"],
  ["null", null, "the token must be what share() returned"],
  ["a number", 5, "the token must be what share() returned"],
  ["a string", "token", "the token must be what share() returned"],
  ["an empty object", {}, "the token must be what share() returned"],
  ["a bare buffer", new SharedArrayBuffer(4096), "the token must be what share() returned"],
  ["one without a buffer", { name: "motes" }, "the token must be what share() returned"],
  [
    "one of a plain buffer",
    { buffer: new ArrayBuffer(4096) },
    "the token must be what share() returned",
  ],
  [
    "one of a typed array",
    { buffer: new Int32Array(64) },
    "the token must be what share() returned",
  ],
  [
    "one of a short buffer",
    { buffer: new SharedArrayBuffer(191) },
    "the token must be what share() returned",
  ],
  [
    "one of an empty buffer",
    { buffer: new SharedArrayBuffer(4096) },
    "is not that of a shared pool",
  ],
  ["one of other bytes", { buffer: spoilt(0, 0x53_4c_41_42) }, "is not that of a shared pool"],
  ["one of another version", { buffer: spoilt(1, 77) }, "is of version 77, this module's is 1"],
];

for (const [what, token, message] of NO_TOKENS) {
  Deno.test(`SharedPool.attach() refuses a token that is ${what}`, () => {
    const error = assertThrows(
      () => SharedPool.attach(Num, untyped<SharedPoolToken>(token)),
      TypeError,
    );
    assert(error.message.startsWith("Cannot attach SharedPool"), error.message);
    assert(error.message.includes(message), error.message);
    assert(!(error instanceof SchemaError));
  });
}

Deno.test("SharedPool.attach() refuses specialize where that is no boolean", () => {
  const [here] = pair();
  const options = untyped<{ specialize: boolean }>({ specialize: "no" });
  const message = 'specialize must be a boolean, got "no"';
  assertThrows(() => SharedPool.attach(Num, here.share(), options), TypeError, message);
  assertEquals(slabOf(here).threads, 2);
});

// -- iteration --

Deno.test("SharedPool.forEach() and loop() refuse a stripe that is none, before the first call", () => {
  const [here] = pair();
  take(here, 3);
  const stripes = [[-1, 2], [2, 2], [0, 0], [0.5, 2], [0, 1.5], [NaN, 2], [0, NaN], ["0", 1]];
  for (const [stripe, of] of stripes) {
    for (const verb of ["forEach", "loop"] as const) {
      assertRefused(
        here,
        () => here[verb](() => assert(false), untyped({ stripe, of })),
        RangeError,
        `Cannot iterate over SharedPool "motes": stripe must be an integer from 0 to of - 1, got ${stripe} of ${of}`,
      );
    }
  }
});

Deno.test("SharedPool.forEach() and loop() refuse what is no function", () => {
  const [here] = pair();
  take(here, 3);
  for (const fn of [undefined, null, {}, "fn", 5]) {
    for (const verb of ["forEach", "loop"] as const) {
      assertRefused(
        here,
        () => here[verb](untyped(fn)),
        TypeError,
        `Cannot ${verb} in SharedPool "motes": the argument must be a function`,
      );
    }
  }
});

// -- leaving --

Deno.test("SharedPool's members throw DisposedError after dispose()", () => {
  const [here, there] = pair();
  const [handle] = take(here, 1);
  const [view, cursor] = [here.get(handle), here.cursor()];
  const made = here.loop(() => {});
  made();
  here.dispose();
  const calls: (() => unknown)[] = [
    () => here.share(),
    () => here.alloc(),
    () => here.alloc({ n: 1 }),
    () => here.tryAlloc(),
    () => here.allocAt(cursor),
    () => here.free(handle),
    () => here.tryFree(handle),
    () => here.has(handle),
    () => here.get(handle),
    () => here.tryGet(handle),
    () => here.set(handle, { n: 1 }),
    () => here.cursor(),
    () => here.seek(cursor, handle),
    () => here.handleOf(view),
    () => here.forEach(() => {}),
    () => here.loop(() => {}),
    made,
    () => here.adopt(2),
    () => validate(here),
  ];
  for (const call of calls) {
    assertRefused(there, call, DisposedError, 'Cannot use SharedPool "motes": it was disposed of');
  }
  assertEquals([there.size, there.get(handle).n], [1, 0]);
});

Deno.test("SharedPool.adopt() refuses itself, and what is no thread of the pool", () => {
  const [here] = pair();
  take(here, 1);
  for (const thread of [0, 1, 3, -1, 1.5, NaN, "2"]) {
    assertRefused(
      here,
      () => here.adopt(untyped(thread)),
      RangeError,
      `Cannot adopt in SharedPool "motes": it must be another thread, from 1 to 2, got ${thread}`,
    );
  }
});

// -- where memory cannot be shared --

/** Calls a function while a property is another, or not there. */
function without<T>(
  of: object,
  key: PropertyKey,
  descriptor: PropertyDescriptor | undefined,
  call: () => T,
): T {
  const own = Object.getOwnPropertyDescriptor(of, key);
  if (descriptor === undefined) Reflect.deleteProperty(of, key);
  else Object.defineProperty(of, key, { configurable: true, ...descriptor });
  try {
    return call();
  } finally {
    Reflect.deleteProperty(of, key);
    if (own !== undefined) Object.defineProperty(of, key, own);
  }
}

const HEADERS =
  "Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp";

Deno.test("SharedPool says what to enable where there is no SharedArrayBuffer", () => {
  using pool = SharedPool.create(Num);
  const token = pool.share();
  for (const call of [() => SharedPool.create(Num), () => SharedPool.attach(Num, token)]) {
    without(globalThis, "SharedArrayBuffer", undefined, () => {
      const error = assertThrows(call, Error, "there is no SharedArrayBuffer here");
      assert(error.message.includes(HEADERS));
    });
  }
});

Deno.test("SharedPool says what to enable where a page is not cross-origin isolated", () => {
  without(globalThis, "crossOriginIsolated", { value: false }, () => {
    const error = assertThrows(() => SharedPool.create(Num), Error, "is not cross-origin isolated");
    assert(error.message.includes(HEADERS));
  });
  without(globalThis, "crossOriginIsolated", { value: true }, () => SharedPool.create(Num));
});

Deno.test("SharedPool says what has it where no SharedArrayBuffer can grow", () => {
  without(SharedArrayBuffer.prototype, "grow", undefined, () => {
    const error = assertThrows(
      () => SharedPool.create(Num),
      Error,
      "no SharedArrayBuffer can grow here",
    );
    assert(error.message.includes("Deno, Node 20, Chrome 111, Firefox 128 and Safari 16.4"));
  });
});
