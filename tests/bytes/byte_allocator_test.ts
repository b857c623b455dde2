/** What holds for all byte allocators. */
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { assertType, type IsExact } from "@std/testing/types";
import {
  Arena,
  array,
  countingMemory,
  debug as debugMode,
  DisposedError,
  FreeListAllocator,
  heapMemory,
  InvalidAddressError,
  OutOfMemoryError,
  Pool,
  snapshotArena,
  StackAllocator,
  struct,
  validate,
} from "../../mod.ts";
import type { ByteAllocator, MemoryRegion, MemoryResource, View } from "../../mod.ts";
import { type AnyAllocator, assertUntouched, CLASSES, type Make, wasmAt } from "./_support.ts";
import { type ErrorClass, untyped } from "../_support.ts";

const Vec2 = struct({ x: "f32", y: "f32" }, { name: "Vec2" });
const Body = struct({ at: Vec2, trail: array(Vec2, 3), mass: "f64", id: "u8" }, { name: "Body" });
const Large = struct({ of: array("u8", 61) }, { name: "Large" });

const KINDS: Readonly<Record<string, Make>> = {
  ...CLASSES,
  "FreeListAllocator with a list": (options) =>
    new FreeListAllocator({ ...options, byteLength: 4096, index: "list" }),
  "FreeListAllocator that grows": (options) =>
    new FreeListAllocator({ ...options, byteLength: 64, grow: true }),
};

/** Defines a test for each kind of allocator. */
function each(claim: string, fn: (make: Make) => void): void {
  for (const [kind, make] of Object.entries(KINDS)) Deno.test(`${kind}${claim}`, () => fn(make));
}

/** Every call that takes a size and an alignment. */
function allocating(it: AnyAllocator): ((byteLength: number, align?: number) => unknown)[] {
  const calls = [(size: number, align?: number): unknown => it.alloc(size, align)];
  if (it instanceof FreeListAllocator) {
    const address = it.alloc(40);
    calls.push((size, align) => it.realloc(address, size, align));
  }
  if (!(it instanceof StackAllocator)) calls.push((size, align = 8) => it.allocate(size, align));
  return calls;
}

/** Every call that uses an address. */
function using(it: AnyAllocator): ((address: number) => unknown)[] {
  const cursor = it.cursor(Vec2);
  return [
    (at) => it.view(at, Vec2),
    (at) => it.seek(cursor, at),
    (at) => it.array(at, "u8", 8),
    (at) => it.bytes(at, 8),
    ...it instanceof Arena ? [] : [(at: number) => it.free(at), (at: number) => it.sizeOf(at)],
    ...it instanceof FreeListAllocator ? [(at: number) => it.realloc(at, 8)] : [],
  ];
}

// -- options --

const COMMON_OPTIONS: [object, typeof RangeError | typeof TypeError, string][] = [
  [{ name: 5 }, TypeError, ": name must be a string, got 5"],
  [{ memory: null }, TypeError, "memory must be an object with allocate and release, got null"],
  [{ memory: { allocate() {} } }, TypeError, "memory must be an object with allocate and release"],
  [{ memory: { release() {} } }, TypeError, "memory must be an object with allocate and release"],
  [{ debug: 1 }, TypeError, "debug must be `debug`, which the module exports, or false, got 1"],
  [{ blockByte: 64 }, TypeError, 'unknown option "blockByte"'],
];
const HEAP_OPTIONS: typeof COMMON_OPTIONS = [
  [{ fit: "buddy" }, TypeError, 'fit must be "first", "next", "best" or "worst", got "buddy"'],
  [{ index: "heap" }, TypeError, 'index must be "list" or "tree", got "heap"'],
  [{ fit: "first", index: "tree" }, TypeError, 'index must be "list" for fit "first", got "tree"'],
  [{ grow: 1 }, TypeError, "grow must be a boolean, got 1"],
];

for (const [name, Class] of Object.entries({ Arena, StackAllocator, FreeListAllocator })) {
  Deno.test(`${name} throws on options that are unknown, or out of range`, () => {
    const title = `Cannot create ${name}`;
    const size = Class === Arena ? "blockBytes" : "byteLength";
    for (const bytes of [0, 63, -64, 64.5, NaN, 2 ** 30 + 1, "64"]) {
      const got = typeof bytes === "string" ? `"${bytes}"` : bytes;
      const message = `: ${size} must be an integer from 64 to 1073741824, got ${got}`;
      const error = assertThrows(() => new Class(untyped({ [size]: bytes })), RangeError, message);
      assert(error.message.startsWith(`${title} "`), error.message);
    }
    const wrong = Class === FreeListAllocator ? HEAP_OPTIONS : [];
    for (const [options, errorClass, message] of [...COMMON_OPTIONS, ...wrong]) {
      const error = assertThrows(() => new Class(untyped(options)), errorClass, message);
      assert(error.message.startsWith(title), error.message);
    }
    new Class({ [size]: 64 }).dispose();
  });
}

// -- bad arguments --

/** What calls with a bad argument throw. */
interface Bad {
  readonly values: readonly unknown[];
  readonly errorClass: ErrorClass;
  readonly message: string;
  calls(it: AnyAllocator, address: number): readonly ((value: never) => unknown)[];
}

const NO_SIZES = [0, -0, -1, -8, 1.5, NaN, Infinity, "8", null, {}, 8n, true];

/** Every computation with it throws. */
const NO_NUMBER = Object.create(null);

const BAD: readonly Bad[] = [
  {
    values: NO_SIZES,
    calls: (it, address) => [...allocating(it), (size) => it.bytes(address, size)],
    errorClass: RangeError,
    message: "size must be a positive integer, got ",
  },
  {
    values: NO_SIZES,
    calls: (it, address) => [
      (length) => it.array(address, "u8", length),
      (length) => it.allocArray("u8", length),
    ],
    errorClass: RangeError,
    message: "length must be a positive integer, got ",
  },
  {
    values: [0, 3, 12, -8, 0.5, 8.5, NaN, Infinity, 8192, 2 ** 31, 2 ** 32 + 8, "8", 8n],
    calls: (it) => allocating(it).map((call) => (align) => call(8, align)),
    errorClass: RangeError,
    message: "the alignment must be a power of two from 1 to 4096, got",
  },
  {
    values: [2 ** 30 + 1, 2 ** 31, 2 ** 32 + 8, 2 ** 53, 1e300],
    calls: allocating,
    errorClass: OutOfMemoryError,
    message: " bytes",
  },
  {
    values: [-1, 0.5, 64.5, NaN, Infinity, "64", null, undefined, {}, 64n, Symbol("a"), NO_NUMBER],
    calls: using,
    errorClass: InvalidAddressError,
    message: "is no address",
  },
  {
    values: [0],
    calls: using,
    errorClass: InvalidAddressError,
    message: "address 0 is the null address",
  },
  {
    values: [undefined, null, {}, 5, "Vec2", Vec2.fields, { size: 8, align: 8 }],
    calls: (it) => [
      (kind) => it.allocRecord(kind, untyped({ x: 1 })),
      (kind) => it.cursor(kind),
      (kind) => it.view(8, kind),
    ],
    errorClass: TypeError,
    message: "is no struct",
  },
  {
    values: [{}, 5, "Vec2", Vec2.fields], // without values an arena looks at the size alone
    calls: (it) => [(kind) => it.allocRecord(kind)],
    errorClass: TypeError,
    message: "is no struct",
  },
  {
    values: [null, 5, { z: 1 }, { x: "1" }, { x: 1, y: null }],
    calls: (it) => [(init) => it.allocRecord(Vec2, init)],
    errorClass: TypeError,
    message: "Cannot write",
  },
  {
    values: ["u24", "toString", "", null, Vec2, 5, NO_NUMBER],
    calls: (it, address) => [
      (type) => it.allocArray(type, 4),
      (type) => it.array(address, type, 4),
    ],
    errorClass: TypeError,
    message: "is no scalar type",
  },
  {
    values: [{}, new Float32Array(2), new Pool(Body).cursor().at, null, 5],
    calls: (it, address) => [(view) => it.seek(view, address), (view) => it.allocAt(view)],
    errorClass: TypeError,
    message: "is no view of a record",
  },
  {
    values: [{}, new Uint8Array(64), new Pool(Vec2).scoped().view, null, 5],
    calls: (it) => [(view) => it.addressOf(view)],
    errorClass: TypeError,
    message: "is no view or array of it",
  },
];

each(" throws on bad arguments, and changes nothing", (make) => {
  for (const debug of [false, debugMode] as const) checkArguments(make({ name: "it", debug }));
});

function checkArguments(it: AnyAllocator): void {
  const address = it.alloc(64);
  for (const { values, errorClass, message, calls } of BAD) {
    for (const call of calls(it, address)) {
      for (const value of values) {
        const error = assertUntouched(it, () => call(untyped(value)), errorClass, message);
        if (error instanceof OutOfMemoryError) assertEquals<unknown>(error.byteLength, value);
        if (error instanceof InvalidAddressError) {
          assertEquals<unknown[]>([error.pool, error.address], ["it", value]);
        }
      }
    }
  }
  assertEquals(it.alloc(1, undefined) % 8, 0);
  it.reset();
  it.dispose();
  assertThrows(() => it.bytes(untyped(5n), 1), DisposedError);
}

each(" throws InvalidAddressError on addresses of nothing, and where bytes are missing", (make) => {
  using it = make({ name: "it" });
  const address = it.alloc(60);
  const cursor = it.seek(it.cursor(Vec2), address);
  it.bytes(address, 60).fill(9); // reads as the header of a used chunk
  const outside = [8, address + 64, address - 8, 2 ** 32 - 8, 2 ** 32 + address, 2 ** 53];
  if (!(it instanceof Arena)) outside.push(address + 8, address + 4, address + 32);
  for (const use of using(it)) {
    for (const at of outside) {
      const error = assertUntouched(it, () => use(at), InvalidAddressError, `address ${at} `);
      assertEquals([error.pool, error.address], ["it", at]);
    }
  }
  const calls = [
    () => it.bytes(address, 61),
    () => it.array(address, "u32", 16),
    () => it.array(address, "u8", 2 ** 40),
    () => it.view(address, Large),
    () => it.seek(it.cursor(Large), address),
  ];
  for (const call of calls) assertUntouched(it, call, InvalidAddressError, "hold");
  assertEquals(it.addressOf(cursor), address);
  it.reset();
  for (const use of using(it)) assertUntouched(it, () => use(address), InvalidAddressError, "");
});

each(".addressOf() knows parts of its own views, until they are freed", (make) => {
  using it = make();
  using other = make();
  const address = it.allocRecord(Body);
  const view = it.view(address, Body);
  const floats = it.allocArray("f64", 4);
  assertEquals([it.addressOf(view), it.addressOf(view.at)], [address, address]);
  const foreign = [it.cursor(Vec2), other.view(other.allocRecord(Body), Body)];
  for (const at of [...foreign, other.allocArray("u8", 8)]) {
    assertUntouched(it, () => it.addressOf(at), TypeError, "");
  }
  it.reset();
  assertUntouched(it, () => it.addressOf(view), InvalidAddressError, "address");
  assertUntouched(it, () => it.addressOf(floats), InvalidAddressError, "address");
});

// -- no memory --

each(" that gets no memory changes nothing", (make) => {
  const memory = countingMemory(heapMemory, { limit: 66_000 });
  using it = make({ memory });
  const address = it.alloc(24);
  const cursor = it.cursor(Body);
  const calls: (() => unknown)[] = allocating(it).map((call) => () => call(5000));
  calls.push(
    () => it.allocRecord(Body),
    () => it.allocRecord(Body, { id: 1 }),
    () => it.allocArray("f64", 900),
    () => it.allocAt(cursor),
  );
  assertThrows(() => {
    while (true) it.alloc(24);
  }, OutOfMemoryError);
  for (const call of calls) assertUntouched(it, call, OutOfMemoryError, "Cannot ");
  assertThrows(() => it.addressOf(cursor), TypeError, "is unbound");
  it.bytes(address, 24);
  const none = countingMemory(heapMemory, { limit: 0 });
  assertThrows(() => make({ memory: none }).alloc(8), OutOfMemoryError);
});

// -- types --

Deno.test("ByteAllocator.allocArray() and view() infer their types", () => {
  using it: ByteAllocator = new Arena();
  const floats = it.allocArray("f32", 1);
  assertType<IsExact<typeof floats, Float32Array>>(true);
  const big = it.array(it.alloc(8), "u64", 1);
  assertType<IsExact<typeof big, BigUint64Array>>(true);
  const flags = it.allocArray("bool", 1);
  assertType<IsExact<typeof flags, Uint8Array>>(true);
  const view = it.view(it.allocRecord(Vec2), Vec2);
  assertType<IsExact<typeof view, View<typeof Vec2>>>(true);
  const cursor = it.seek(it.cursor(Vec2), it.addressOf(view));
  assertType<IsExact<typeof cursor, View<typeof Vec2>>>(true);
  // @ts-expect-error: a value of the wrong type
  assertThrows(() => it.allocRecord(Vec2, { x: "1" }), TypeError);
  // @ts-expect-error: no scalar type
  assertThrows(() => it.allocArray("u24", 1), TypeError);
});

// -- memory --

/** Every call that needs the memory, with the address of a record. */
function calls(it: AnyAllocator, address: number): Record<string, () => unknown> {
  return {
    alloc: () => it.alloc(8),
    allocRecord: () => it.allocRecord(Vec2, { x: 1 }),
    allocArray: () => it.allocArray("u8", 8),
    ...Object.fromEntries(using(it).map((use, i) => [`use ${i}`, () => use(address)])),
    reset: () => it.reset(),
    ...it instanceof Arena && { rewind: () => it.rewind(0), snapshot: () => snapshotArena(it) },
    ...it instanceof FreeListAllocator && { trim: () => it.trim(), stats: () => it.stats() },
    ...it instanceof StackAllocator ? {} : { allocate: () => it.allocate(8, 8) },
  };
}

each(".rebind() restores it after its memory was detached", (make) => {
  const { memory, grow } = wasmAt(16);
  using it = make({ memory });
  const address = it.allocRecord(Body, { mass: 5 });
  const view = it.view(address, Body);
  const floats = it.allocArray("f32", 8);
  const start = it.addressOf(floats);
  floats.fill(2);
  grow();
  for (const [name, call] of Object.entries(calls(it, address))) {
    assertThrows(call, TypeError, "call rebind() first", name);
  }
  it.rebind();
  validate(it);
  assertEquals([view.mass, floats.length], [5, 0]);
  assertEquals([...it.array(start, "f32", 8)], Array(8).fill(2));
  assert(it.bytes(it.alloc(8), 8).every((byte) => byte === 0));
});

each(".dispose() releases all memory, and any later call throws DisposedError", (make) => {
  const memory = countingMemory();
  const it = make({ name: "it", memory });
  const address = it.allocRecord(Vec2);
  const view = it.view(address, Vec2);
  const bytes = it.allocArray("u8", 900);
  const later = {
    ...calls(it, address),
    allocRecord: () => it.allocRecord(Vec2),
    allocAt: () => it.allocAt(view),
    cursor: () => it.cursor(Vec2),
    addressOf: () => it.addressOf(view),
    addressOfArray: () => it.addressOf(bytes),
    rebind: () => it.rebind(),
    stats: () => it.stats(),
    ...it instanceof Arena &&
      { mark: () => it.mark(), scope: () => it.scope(), trim: () => it.trim() },
  };
  it.dispose();
  it.dispose();
  assertEquals([memory.regions, memory.releases, bytes.length], [0, memory.allocations, 0]);
  for (const [name, call] of Object.entries(later)) {
    assertThrows(call, DisposedError, ' "it": it was disposed of', name);
  }
});

// -- as a memory resource --

Deno.test("Arena and FreeListAllocator release each region once, also after reset() and dispose()", () => {
  for (const make of [CLASSES.Arena, CLASSES.FreeListAllocator]) {
    const it = make({ name: "it" }) as Arena; // or a heap, which has the same members
    using other = make() as Arena;
    const [a, b, c] = [8, 8, 8].map((size) => it.allocate(size, 8));
    it.release(a);
    it.alloc(8); // a heap reuses the address
    const copy: MemoryRegion = { buffer: b.buffer, byteOffset: b.byteOffset, byteLength: 8 };
    const message = "was not allocated by it, or was released already";
    for (const region of [a, copy, other.allocate(8, 8), untyped<MemoryRegion>(null)]) {
      const error = assertUntouched(it, () => it.release(region), InvalidAddressError, message);
      assertEquals([error.pool, error.address], ["it", region?.byteOffset]);
    }
    it.reset();
    const kept = [it.alloc(8), it.alloc(8), it.alloc(8)];
    it.release(b);
    assertUntouched(it, () => it.release(b), InvalidAddressError, message);
    for (const address of kept) it.bytes(address, 8);
    const late = it.allocate(8, 8);
    it.dispose();
    for (const region of [c, late]) it.release(region);
  }
});

Deno.test("Pools in a heap in an arena in a wasm module survive that the memory grows", () => {
  for (const skew of [0, 40]) {
    const { memory, grow } = wasmAt(skew);
    using arena = new Arena({ blockBytes: 16_384, memory });
    arena.alloc(5, 1);
    using heap = new FreeListAllocator({ byteLength: 4096, grow: true, memory: arena });
    {
      using a = new Pool(Vec2, { chunksPerBlock: 16, memory: heap });
      using b = new Pool({ n: "f64" }, { chunksPerBlock: 32, memory: arena });
      const [left, right] = [a.allocMany(200), b.allocMany(100)];
      left.forEach((handle, i) => a.set(handle, { x: i }));
      right.forEach((handle, i) => b.set(handle, { n: i }));
      a.freeMany(left.splice(0, 150));
      grow();
      for (const it of [arena, heap, a, b]) it.rebind();
      for (const it of [arena, heap, a, b]) validate(it);
      left.forEach((handle, i) => assertEquals(a.get(handle).x, 150 + i));
      right.forEach((handle, i) => assertEquals(b.get(handle).n, i));
      assertStrictEquals(a.blocks[0].bytes.buffer, arena.allocArray("u8", 1).buffer);
    }
    assertEquals(heap.stats().allocations, 0);
    heap.trim();
    assertEquals(heap.stats().byteLength, 4096);
  }
});

// -- memory resources that fail or call back --

/** Fills an allocator so that memory to spare is released for a larger allocation. */
const SPARING: Readonly<Record<string, (memory: MemoryResource) => [AnyAllocator, () => unknown]>> =
  {
    Arena(memory) {
      const arena = new Arena({ blockBytes: 64, memory });
      for (let i = 0; i < 50; i++) arena.alloc(64);
      for (let i = 0; i < 350; i++) {
        arena.reset();
        arena.alloc(8);
      }
      arena.reset();
      return [arena, () => arena.alloc(100)];
    },
    FreeListAllocator(memory) {
      const heap = new FreeListAllocator({ byteLength: 4096, grow: true, memory });
      const all = [1, 2, 3, 4].map(() => heap.alloc(3000));
      heap.free(all[1]);
      return [heap, () => heap.alloc(6000)];
    },
  };
for (const [name, make] of Object.entries(SPARING)) {
  Deno.test(`${name} is consistent where its memory resource throws any error, or calls trim()`, () => {
    for (const errors of [["RangeError"], ["OutOfMemoryError", "RangeError", "RangeError"], []]) {
      const upstream = countingMemory();
      let calls: (string | undefined)[] | undefined;
      let trim = () => {};
      const [it, grow] = make({
        allocate(byteLength, align) {
          const error = calls?.shift();
          if (error === "RangeError") throw new RangeError("Array buffer allocation failed");
          if (error !== undefined) throw new OutOfMemoryError("full", byteLength);
          if (calls !== undefined) trim();
          return upstream.allocate(byteLength, align);
        },
        release: (region) => upstream.release(region),
      });
      trim = () => void (it as Arena).trim();
      calls = [...errors];
      if (errors.length > 0) assertThrows(grow, RangeError, "Array buffer allocation failed");
      else grow();
      calls = undefined;
      validate(it);
      it.reset();
      validate(it);
      it.dispose();
      assertEquals(upstream.usedBytes, 0);
    }
  });
}
