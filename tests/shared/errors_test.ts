/** Errors of `SharedPool`: their classes and texts, and that a call that throws changes no byte. */
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import {
  array,
  debug,
  DisposedError,
  type Handle,
  heapMemory,
  OutOfMemoryError,
  pack,
  Pool,
  PoolExhaustedError,
  SchemaError,
  SharedPool,
  spread,
  StaleHandleError,
  struct,
  validate,
} from "../../mod.ts";
import { forge, untyped, withProperties } from "../_support.ts";
import {
  assertError,
  bytesOf,
  MIDDLE,
  Num,
  pair,
  partsOf,
  slabOf,
  SMALL,
  take,
} from "./_support.ts";

// -- handles --

const HUGE = [2 ** 30 + 33, 2 ** 32 + 33, 2 ** 53 + 64, Infinity];
const NO_HANDLES = [0, -0, NaN, 33.5, -33, "33", undefined, null, {}, 1, ...HUGE];

for (const handles of ["compact", "wide"] as const) {
  Deno.test(`SharedPool throws StaleHandleError on any number that is not a live handle (${handles})`, () => {
    const parts = pair({ ...SMALL, handles });
    const taken = take(parts[0], 20);
    parts[0].free(taken[3]);
    const [other] = pair({ ...MIDDLE, maxChunks: 1024 });
    const foreign = take(other, 64).filter((it) => !parts[0].has(it));
    assert(foreign.length > 40);
    // A generation of more than 32 bits is too high for a stamp, which the swaps compare.
    const generations = Array.from({ length: 48 }, (_, i) => taken[7] + 2 ** (5 + i));
    for (const part of parts) {
      const before = bytesOf(part);
      const cursor = part.seek(part.cursor(), taken[7]);
      for (const bad of [...NO_HANDLES, ...generations, ...foreign, taken[3], 32 + 31]) {
        const handle = forge(bad);
        const calls = {
          free: () => part.free(handle),
          get: () => part.get(handle),
          set: () => part.set(handle, { n: 1 }),
          seek: () => part.seek(cursor, handle),
          "tell the index": () => part.indexOf(handle),
        };
        for (const [verb, call] of Object.entries(calls)) {
          const message = `Cannot ${verb} in SharedPool "motes": `;
          const error = assertThrows(call, StaleHandleError, message);
          assertEquals<unknown[]>([error.pool, error.handle], ["motes", bad]);
        }
        const answers = [part.has(handle), part.tryFree(handle), part.tryGet(handle)];
        assertEquals(answers, [false, false, undefined]);
      }
      assertEquals(bytesOf(part), before);
      assertEquals([part.size, part.handleOf(cursor)], [19, taken[7]]);
      validate(part);
    }
  });
}

Deno.test("StaleHandleError of a SharedPool says what the handle is, and where the chunk is", () => {
  const [here, there] = pair();
  const [own, remote] = take(here, 2);
  here.free(own);
  there.free(remote); // and it is not drained yet
  for (const part of [here, there]) {
    const get = () => part.get(own);
    const error = assertError(part, get, StaleHandleError, "Cannot get in SharedPool");
    const stale = "is stale, the chunk is at generation 2";
    assertStringIncludes(error.message, `handle 32 (index 0, generation 1) ${stale}`);
    assertEquals([error.index, error.generation, error.chunkGeneration], [0, 1, 2]);
    assertError(part, () => part.free(remote), StaleHandleError, stale);
    const far = () => part.free(forge(32 + 31));
    const { chunkGeneration } = assertError(part, far, StaleHandleError, "beyond the 16 chunks");
    assertEquals(chunkGeneration, -1);
  }
});

// -- arguments --

const Mote = struct(Num);
type MotePool = SharedPool<typeof Mote>;

const BAD_INITS = [{ m: 1 }, { n: "1" }, { n: 1n }, null, 5];
/** A view in debug mode checks each access, and cannot be bound here. */
const DEBUG = new Pool(Mote, { debug }).cursor();
const NO_VIEWS = [DEBUG, new Pool({ n: "u32" }).cursor(), {}, null, undefined, 5];
const BAD_STRIPES = [[-1, 2], [2, 2], [0, 0], [0.5, 2], [0, 1.5], [NaN, 2], [0, NaN], ["0", 1]]
  .map(([stripe, of]): unknown => ({ stripe, of })).concat([null, {}, 5]);
const NO_FUNCTIONS = [undefined, null, {}, "fn", 5];
const SEVEN = (_a: 0, _b: 0, _c: 0, _d: 0, _e: 0, _f: 0, _g: 0) => {};

const NO_VIEW = "the argument is no view of this pool's struct";
const NOT_MINE = "is no view of this pool, or is unbound";
const RANGE =
  'Cannot iterate over SharedPool "motes": stripe must be an integer from 0 to of - 1, got';
const FUNCTION = 'in SharedPool "motes": the argument must be a function';
const THREAD = 'Cannot adopt in SharedPool "motes": it must be another thread, from 1 to 2, got';

/** Calls with a bad argument, their errors, and bad arguments. */
const BAD_ARGUMENTS: readonly [
  call: (bad: never, here: MotePool, there: MotePool, handle: Handle<typeof Mote>) => unknown,
  errorClass: typeof TypeError | typeof RangeError,
  message: string,
  values: readonly unknown[],
][] = [
  [(bad, here) => here.alloc(bad), TypeError, "Cannot write ", BAD_INITS],
  [(bad, here) => here.tryAlloc(bad), TypeError, "Cannot write ", BAD_INITS],
  [(bad, _, there, handle) => there.set(handle, bad), TypeError, "Cannot write ", BAD_INITS],
  [(bad, here, _, handle) => here.seek(bad, handle), TypeError, NO_VIEW, NO_VIEWS],
  [(bad, here) => here.allocAt(bad), TypeError, NO_VIEW, NO_VIEWS],
  [(bad, here) => here.handleOf(bad), TypeError, NOT_MINE, NO_VIEWS.slice(1)],
  [(_, here) => here.handleOf(here.cursor()), TypeError, NOT_MINE, [0]],
  [(_, here, there, handle) => here.handleOf(there.get(handle)), TypeError, NOT_MINE, [0]],
  [(bad, here) => here.forEach(() => assert(false), bad), RangeError, RANGE, BAD_STRIPES],
  [(bad, here) => here.loop(() => assert(false), bad), RangeError, RANGE, BAD_STRIPES],
  [(bad, here) => pack(here, new Uint32Array(9), ["n"], bad), RangeError, RANGE, BAD_STRIPES],
  [(bad, here) => here.forEach(bad), TypeError, `Cannot forEach ${FUNCTION}`, NO_FUNCTIONS],
  [(bad, here) => here.loop(bad), TypeError, `Cannot loop ${FUNCTION}`, NO_FUNCTIONS],
  [(bad, here) => here.loop(bad), TypeError, "got one of 7 arguments", [SEVEN]],
  [(bad, here) => here.adopt(bad), RangeError, THREAD, [0, 1, 3, -1, 1.5, NaN]],
  [(bad, here) => here.adopt(bad), RangeError, `${THREAD} "2"`, ["2"]],
];

Deno.test("SharedPool throws on bad arguments, takes no chunk for them, and visits no record", () => {
  for (const [call, errorClass, message, values] of BAD_ARGUMENTS) {
    const [here, there] = partsOf(Mote, 2, SMALL);
    const handle = here.alloc({ n: 1 });
    for (const bad of values) {
      assertError(here, () => call(untyped(bad), here, there, handle), errorClass, message);
    }
  }
});

// -- no chunk, no memory --

Deno.test("PoolExhaustedError says whether all chunks are live, or free ones are other threads'", () => {
  const [here, there] = pair();
  const taken = take(here, 32);
  const full = 'Cannot alloc in SharedPool "motes": all 32 chunks of maxChunks are live or retired';
  const error = assertError(there, () => there.alloc(), PoolExhaustedError, full);
  assertEquals([error.pool, error.size, error.maxChunks], ["motes", 32, 32]);
  const cursor = here.seek(here.cursor(), taken[7]);
  assertError(here, () => here.allocAt(cursor), PoolExhaustedError, full);
  assertEquals([here.handleOf(cursor), cursor.n], [taken[7], 7]); // it was not moved
  for (const handle of taken.slice(0, 5)) here.free(handle);
  const rest = "27 of 32 chunks are live, 0 retired, and 5 free in blocks that other threads own";
  assertError(there, () => there.alloc({ n: 5 }), PoolExhaustedError, rest);
  assertEquals(here.has(here.alloc()), true);
});

Deno.test("SharedPool.alloc() throws OutOfMemoryError where the buffer cannot grow, unless another thread grew it", () => {
  const [here] = pair(MIDDLE);
  take(here, 16);
  const { buffer } = slabOf(here).layout;
  const setGrow = (value: (byteLength: number) => void) =>
    Object.defineProperty(buffer, "grow", { configurable: true, value });
  setGrow(() => {
    throw new RangeError("no memory");
  });
  const message = 'Cannot grow SharedPool "motes": no memory for block 1';
  const error = assertError(here, () => here.alloc(), OutOfMemoryError, message);
  assertEquals((error.cause as Error).message, "no memory");
  assert(error.byteLength > buffer.byteLength);
  setGrow((byteLength) => {
    SharedArrayBuffer.prototype.grow.call(buffer, byteLength + 256); // by the other thread
    SharedArrayBuffer.prototype.grow.call(buffer, byteLength);
  });
  assertEquals(here.get(here.alloc({ n: 5 })).n, 5);
});

Deno.test("SharedPool.create() throws OutOfMemoryError where there are no addresses for maxChunks", () => {
  const options = { name: "vast", handles: "wide", maxChunks: 2 ** 32 } as const;
  const create = () => SharedPool.create({ of: array("f64", 2 ** 20) }, options);
  const message = 'Cannot create SharedPool "vast": no room for';
  const error = assertThrows(create, OutOfMemoryError, message);
  assert(error.byteLength > 2 ** 53 && error.cause instanceof RangeError);
});

// -- options and tokens --

const BAD_OPTIONS: [object, typeof RangeError | typeof TypeError, string][] = [
  [{ chunksPerBlock: 65_536 }, RangeError, "at most 32768, as links reach no further, got 65536"],
  [{ maxChunks: 2 ** 23 }, RangeError, "maxChunks must be a power of two from 16 to 4194304"],
  [{ name: 5 }, TypeError, "name must be a string"],
  [{ debug }, TypeError, "debug must be left out, got an object"],
  [{ debug: true }, TypeError, "debug must be left out, got true"],
  [{ reuse: spread }, TypeError, "reuse must be left out, got "],
  [{ specialize: 1 }, TypeError, "specialize must be a boolean, got 1"],
  [{ memory: heapMemory }, TypeError, "memory must be left out, got "],
];

Deno.test("new SharedPool() throws TypeError, which says what to call instead", () => {
  const Class = SharedPool as unknown as new (type?: typeof Mote) => MotePool;
  for (const make of [() => new Class(Mote), () => new Class()]) {
    const instead = "with new: call SharedPool.create(struct), or SharedPool.attach(";
    assertThrows(make, TypeError, instead);
  }
});

Deno.test("SharedPool.create() throws on bad options, on those that it does not have, and on bad fields", () => {
  for (const [options, errorClass, message] of BAD_OPTIONS) {
    assertThrows(() => SharedPool.create(Num, options), errorClass, message);
  }
  SharedPool.create(Num, { chunksPerBlock: 32_768, ...untyped<object>({ debug: false }) });
  assertThrows(() => SharedPool.create({}), SchemaError);
  assertThrows(() => SharedPool.create({ n: untyped("u17") }), SchemaError, "u17");
});

Deno.test("SharedPool.attach() throws SchemaError on another layout, TypeError on a bad option, and does not join", () => {
  const here = SharedPool.create(struct({ x: "f32", y: "f32" }), { name: "motes" });
  const others = [{ x: "f32", y: "f64" }, { y: "f32", x: "f32" }, { x: "f32", y: "u32" }] as const;
  for (const fields of [...others, { x: "f32" } as const, { of: array("f32", 2) }]) {
    const Other = struct(fields, { name: "Other" });
    const message =
      `Cannot attach SharedPool "motes": struct "Other" of ${Other.size} bytes has another ` +
      "layout than the pool's records of 8 bytes; names, types and order of the fields must";
    const error = assertThrows(() => SharedPool.attach(Other, here.share()), SchemaError, message);
    assertEquals(error.struct, "Other");
  }
  const hashed = SharedPool.create({ hp: "f64", life: "u16", vy: "f64" }); // the hash is the same
  const smaller = () => SharedPool.attach({ hp: "u8", size: "u8", id: "f32" }, hashed.share());
  assertThrows(smaller, SchemaError, "of 8 bytes has another layout");
  const attach = () => SharedPool.attach(here.struct, here.share(), untyped({ specialize: "no" }));
  assertThrows(attach, TypeError, 'specialize must be a boolean, got "no"');
  const swapped = () =>
    SharedPool.attach(untyped<typeof here.struct>(here.share()), untyped(here.struct));
  assertThrows(swapped, TypeError, '"motes": the struct must come first, got the token');
  assertEquals(slabOf(here).threads, 1);
});

Deno.test("SharedPool.attach() throws TypeError on what is not a token", () => {
  const header = (word: number, value: number) => {
    const words = new Int32Array(new SharedArrayBuffer(192));
    words.set(new Int32Array(SharedPool.create(Num).share().buffer));
    words[word] = value;
    return { buffer: words.buffer };
  };
  const bad = [undefined, null, 5, "token", {}, new SharedArrayBuffer(4096), { name: "motes" }];
  const buffers = [new ArrayBuffer(4096), new Int32Array(64), new SharedArrayBuffer(191)];
  const cases: [token: unknown, message: string][] = [
    ...[...bad, ...buffers.map((buffer) => ({ buffer }))].map((token): [unknown, string] => [
      token,
      "the token must be what share() returned",
    ]),
    [{ buffer: new SharedArrayBuffer(4096) }, "is not that of a shared pool"],
    [header(0, 0x53_4c_41_42), "is not that of a shared pool"],
    [header(1, 77), "is of version 77, this module's is 2"],
  ];
  for (const [token, message] of cases) {
    const error = assertThrows(() => SharedPool.attach(Num, untyped(token)), TypeError, message);
    assert(error.message.startsWith("Cannot attach SharedPool") && !(error instanceof SchemaError));
  }
});

Deno.test("SharedPool's members throw DisposedError after dispose()", () => {
  const [here, there] = pair();
  const [handle] = take(here, 1);
  const [view, cursor, loop] = [here.get(handle), here.cursor(), here.loop(() => {})];
  here.dispose();
  const args: Record<string, unknown[]> = {
    ...{ alloc: [], tryAlloc: [], allocAt: [cursor], seek: [cursor, handle], handleOf: [view] },
    ...{ set: [handle, { n: 1 }], forEach: [() => {}], loop: [() => {}], adopt: [2] },
  };
  const classes = [SharedPool.prototype, Object.getPrototypeOf(here)];
  const members = classes.flatMap((it) => Object.entries(Object.getOwnPropertyDescriptors(it)));
  const others = /^_|^constructor$|^dispose$|^handle$/; // those work, or are not for the user
  const calls = members.filter(([name, { value }]) => value && !others.test(name))
    .map(([name]) => () => Reflect.get(here, name).call(here, ...args[name] ?? [handle]));
  assert(calls.length > 15);
  for (const call of [...calls, loop, () => validate(here)]) {
    assertError(there, call, DisposedError, 'Cannot use SharedPool "motes": it was');
  }
  assertEquals([there.size, there.get(handle).n], [1, 0]);
  assertEquals([here.size, here.capacity, here.byteLength], [0, 0, 0]);
});

// -- where memory cannot be shared --

Deno.test("SharedPool says what to enable where memory cannot be shared or cannot grow", () => {
  const token = SharedPool.create(Num).share();
  const hidden: [object, string, hint: string][] = [
    [globalThis, "SharedArrayBuffer", "Cross-Origin-Opener-Policy: same-origin"],
    [SharedArrayBuffer.prototype, "grow", "Node 20, Chrome 111, Firefox 128 and Safari 16.4"],
  ];
  for (const [of, key, hint] of hidden) {
    withProperties(of, { [key]: undefined }, () => {
      assertThrows(() => SharedPool.create(Num), Error, hint);
      assertThrows(() => SharedPool.attach(Num, token), Error, hint);
    });
  }
});
