/** What holds for all byte allocators. */
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { assertType, type IsExact } from "@std/testing/types";
import {
  Arena,
  array,
  type ByteAllocator,
  type ByteAllocatorOptions,
  countingMemory,
  DisposedError,
  FreeListAllocator,
  heapMemory,
  InvalidAddressError,
  type MemoryRegion,
  type MemoryResource,
  OutOfMemoryError,
  Pool,
  type ScalarArrays,
  StackAllocator,
  struct,
  validate,
  type View,
} from "../../mod.ts";
import { type AnyAllocator, assertUntouched, CLASSES, type Make, wasmAt } from "./_support.ts";
import { untyped } from "../_support.ts";

const Vec2 = struct({ x: "f32", y: "f32" }, { name: "Vec2" });
const Body = struct({ at: Vec2, trail: array(Vec2, 3), mass: "f64", id: "u8" }, { name: "Body" });

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

/** Defines a test for each kind that is a memory resource. */
function eachResource(
  claim: string,
  fn: (make: (options: ByteAllocatorOptions) => Arena | FreeListAllocator) => void,
): void {
  Deno.test(`Arena${claim}`, () => fn((options) => new Arena({ blockBytes: 1024, ...options })));
  Deno.test(`FreeListAllocator${claim}`, () => {
    fn((options) => new FreeListAllocator({ byteLength: 1024, ...options }));
  });
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
  [{ debug: 1 }, TypeError, "debug must be a boolean, got 1"],
  [{ blockByte: 64 }, TypeError, 'unknown option "blockByte"'],
];
const HEAP_OPTIONS: typeof COMMON_OPTIONS = [
  [{ fit: "buddy" }, TypeError, 'fit must be "first", "next", "best" or "worst", got "buddy"'],
  [{ index: "heap" }, TypeError, 'index must be "list" or "tree", got "heap"'],
  [{ fit: "first", index: "tree" }, TypeError, 'index must be "list" for fit "first", got "tree"'],
  [{ grow: 1 }, TypeError, "grow must be a boolean, got 1"],
];

for (const Class of [Arena, StackAllocator, FreeListAllocator]) {
  Deno.test(`${Class.name} throws on options that are unknown, or out of range`, () => {
    const title = `Cannot create ${Class.name}`;
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

// -- sizes, alignments and addresses --

each(" throws RangeError on sizes that are no positive integers", (make) => {
  using it = make();
  const address = it.alloc(64);
  const calls = allocating(it);
  const wrong = [0, -0, -1, -8, 1.5, NaN, Infinity, "8", null, {}, 8n, true];
  for (const size of wrong.map(untyped<number>)) {
    const lengths = [() => it.array(address, "u8", size), () => it.allocArray("u8", size)];
    const message = "must be a positive integer, got ";
    for (const call of calls) assertUntouched(it, () => call(size), RangeError, `size ${message}`);
    assertUntouched(it, () => it.bytes(address, size), RangeError, `size ${message}`);
    for (const call of lengths) assertUntouched(it, call, RangeError, `length ${message}`);
  }
});

each(" throws RangeError on alignments that are no powers of two up to 4096", (make) => {
  using it = make();
  it.alloc(24);
  const calls = allocating(it);
  const wrong = [0, 3, 12, -8, 0.5, 8.5, NaN, Infinity, 8192, 2 ** 31, 2 ** 32 + 8, "8", 8n];
  for (const align of wrong.map(untyped<number>)) {
    const message = "the alignment must be a power of two from 1 to 4096, got";
    for (const call of calls) assertUntouched(it, () => call(8, align), RangeError, message);
  }
  it.alloc(1, 1);
  assertEquals(it.alloc(1, undefined) % 8, 0);
});

each(" throws OutOfMemoryError on sizes that there is no memory for", (make) => {
  using it = make();
  const calls = allocating(it);
  for (const size of [2 ** 30 + 1, 2 ** 31, 2 ** 32 + 8, 2 ** 53, 1e300]) {
    for (const call of calls) {
      const error = assertUntouched(it, () => call(size), OutOfMemoryError, `${size} bytes`);
      assertEquals(error.byteLength, size);
    }
  }
});

each(" that gets no memory changes nothing, and what has room is allocated", (make) => {
  const memory = countingMemory(heapMemory, { limit: 66_000 });
  using it = make({ memory });
  const address = it.alloc(24);
  const cursor = it.cursor(Body);
  const calls = allocating(it);
  while (true) {
    try {
      it.alloc(24);
    } catch {
      break;
    }
  }
  for (const call of calls) assertUntouched(it, () => call(5000), OutOfMemoryError, "Cannot ");
  assertUntouched(it, () => it.allocRecord(Body), OutOfMemoryError, "");
  assertUntouched(it, () => it.allocRecord(Body, { id: 1 }), OutOfMemoryError, "");
  assertUntouched(it, () => it.allocArray("f64", 900), OutOfMemoryError, "");
  assertUntouched(it, () => it.allocAt(cursor), OutOfMemoryError, "");
  assertThrows(() => it.addressOf(cursor), TypeError, "is unbound");
  it.bytes(address, 24);
  assertThrows(
    () => make({ memory: countingMemory(heapMemory, { limit: 0 }) }).alloc(8),
    Error,
    "",
  );
});

Deno.test("An allocator that grows passes on other errors of its resource, and changes nothing", () => {
  let isBroken = false;
  const memory: MemoryResource = {
    allocate(byteLength, align) {
      if (isBroken) throw new Error("on purpose");
      return heapMemory.allocate(byteLength, align);
    },
    release() {},
  };
  const kinds = [
    new Arena({ blockBytes: 256, memory }),
    new FreeListAllocator({ byteLength: 256, memory, grow: true }),
  ];
  for (const it of kinds) {
    isBroken = false;
    it.alloc(100);
    isBroken = true;
    for (const call of allocating(it)) assertUntouched(it, () => call(500), Error, "on purpose");
  }
});

each(" throws InvalidAddressError on addresses of nothing", (make) => {
  using it = make({ name: "it" });
  const address = it.alloc(64);
  const cursor = it.cursor(Vec2);
  it.seek(cursor, address);
  const wrong = [-1, -8, 0.5, address + 0.5, NaN, Infinity, String(address), null, undefined, {}];
  const inside = it instanceof Arena ? [] : [address + 8, address + 4, address + 32];
  it.bytes(address, 64).fill(9); // reads as the header of a used chunk
  const outside = [
    ...inside,
    8,
    address + 64,
    address - 8,
    2 ** 32 - 8,
    2 ** 32 + address,
    2 ** 53,
  ];
  for (const use of using(it)) {
    for (const at of wrong.map(untyped<number>)) {
      assertUntouched(it, () => use(at), InvalidAddressError, "is no address");
    }
    assertUntouched(it, () => use(0), InvalidAddressError, "address 0 is the null address");
    for (const at of outside) {
      const error = assertUntouched(it, () => use(at), InvalidAddressError, `address ${at} `);
      assertEquals([error.pool, error.address], ["it", at]);
    }
  }
  assertEquals(it.addressOf(cursor), address);
  it.reset();
  for (const use of using(it)) assertUntouched(it, () => use(address), InvalidAddressError, "");
});

each(" throws InvalidAddressError on more bytes than an address has", (make) => {
  using it = make();
  const address = it.alloc(20);
  assertEquals(it.bytes(address, 20).length, 20);
  const calls = [
    () => it.bytes(address, 21),
    () => it.array(address, "u32", 6),
    () => it.array(address, "u8", 2 ** 40),
    () => it.view(address, Body),
    () => it.seek(it.cursor(Body), address),
  ];
  for (const call of calls) assertUntouched(it, call, InvalidAddressError, "hold");
});

// -- records --

each(".allocRecord() returns a zeroed record, with its fields written", (make) => {
  using it = make();
  const zero = it.allocRecord(Body);
  const made = it.allocRecord(Body, { at: { x: 1 }, trail: [{}, { y: 2 }], mass: 3, id: 4 });
  const origin = { x: 0, y: 0 };
  assertEquals(it.view(zero, Body).toJSON(), {
    at: origin,
    trail: [origin, origin, origin],
    mass: 0,
    id: 0,
  });
  assertEquals(it.view(made, Body).toJSON(), {
    at: { x: 1, y: 0 },
    trail: [origin, { x: 0, y: 2 }, origin],
    mass: 3,
    id: 4,
  });
});

each(" throws TypeError on what is no struct, and on bad values", (make) => {
  using it = make();
  it.alloc(8);
  for (const wrong of [undefined, null, {}, 5, "Vec2", Vec2.fields, { size: 8, align: 8 }]) {
    const kind = untyped<typeof Vec2>(wrong);
    const calls = [
      () => it.allocRecord(kind, { x: 1 }),
      () => it.cursor(kind),
      () => it.view(8, kind),
    ];
    // Without values an arena looks at the size alone.
    if (wrong && Object(wrong).size === undefined) calls.push(() => it.allocRecord(kind));
    for (const call of calls) assertUntouched(it, call, TypeError, "is no struct");
  }
  for (const init of [null, 5, { z: 1 }, { x: "1" }, { x: 1, y: null }].map(untyped<object>)) {
    assertUntouched(it, () => it.allocRecord(Vec2, init), TypeError, "Cannot write");
  }
});

each(".allocAt() and seek() bind a cursor, and throw TypeError on what is none", (make) => {
  using it = make();
  const cursor = it.cursor(Body);
  const addresses = [1, 2, 3].map((id) => {
    const address = it.allocAt(cursor);
    assertEquals([cursor.id, cursor.mass, it.addressOf(cursor)], [0, 0, address]);
    cursor.id = id;
    return address;
  });
  assertEquals(addresses.map((at) => it.seek(cursor, at).id), [1, 2, 3]);
  assertStrictEquals(it.seek(cursor, addresses[0]), cursor);
  for (const wrong of [{}, cursor.at, cursor.trail, new Float32Array(2), null, 5]) {
    const view = untyped<typeof cursor>(wrong);
    assertUntouched(it, () => it.seek(view, addresses[0]), TypeError, "is no view of a record");
    assertUntouched(it, () => it.allocAt(view), TypeError, "is no view of a record");
  }
});

each(".addressOf() knows its own views and arrays, and nothing else", (make) => {
  using it = make();
  using other = make();
  const address = it.allocRecord(Body);
  const view = it.view(address, Body);
  const floats = it.allocArray("f64", 4);
  assertEquals([it.addressOf(view), it.addressOf(view.at)], [address, address]);
  assertStrictEquals(it.array(it.addressOf(floats), "f64", 4).byteOffset, floats.byteOffset);
  using pool = new Pool(Vec2);
  const foreign = [
    {},
    it.cursor(Vec2),
    new Uint8Array(64),
    pool.get(pool.alloc()),
    other.view(other.allocRecord(Body), Body),
    other.allocArray("u8", 8),
    null,
    5,
  ];
  for (const at of foreign.map(untyped<object>)) {
    assertUntouched(it, () => it.addressOf(at), TypeError, "is no view or array of it");
  }
  it.reset();
  assertUntouched(it, () => it.addressOf(view), InvalidAddressError, "address");
  assertUntouched(it, () => it.addressOf(floats), InvalidAddressError, "address");
});

// -- arrays --

const ARRAYS = {
  i8: Int8Array,
  u8: Uint8Array,
  bool: Uint8Array,
  i16: Int16Array,
  u16: Uint16Array,
  f16: Float16Array,
  i32: Int32Array,
  u32: Uint32Array,
  ref: Uint32Array,
  f32: Float32Array,
  f64: Float64Array,
  i64: BigInt64Array,
  u64: BigUint64Array,
};

each(".allocArray() returns the zeroed typed array of each scalar type, in its memory", (make) => {
  using it = make();
  for (const [type, ArrayClass] of Object.entries(ARRAYS)) {
    it.alloc(1, 1);
    const made = it.allocArray(untyped<keyof ScalarArrays>(type), 5);
    assertInstanceOf(made, ArrayClass);
    assertEquals([made.length, made.byteOffset % made.BYTES_PER_ELEMENT], [5, 0]);
    assert([...made].every((value) => Number(value) === 0));
    const address = it.addressOf(made);
    assertEquals(address % made.BYTES_PER_ELEMENT, 0);
    it.bytes(address, made.byteLength).fill(255);
    assert([...made].every((value) => Number(value) !== 0));
  }
  const address = it.alloc(8);
  for (const type of ["u24", "toString", "", null, Vec2, 5].map(untyped<"u8">)) {
    assertUntouched(it, () => it.allocArray(type, 4), TypeError, "is no scalar type");
    assertUntouched(it, () => it.array(address, type, 4), TypeError, "is no scalar type");
  }
});

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
    ...it instanceof Arena && { rewind: () => it.rewind(0), snapshot: () => it.snapshot() },
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

each(".stats() fills an object", (make) => {
  using it = make();
  it.alloc(10);
  const out = {};
  assertStrictEquals(it.stats(out), untyped(out));
  assertEquals(out, it.stats());
});

// -- as a memory resource --

eachResource(
  ".allocate() returns zeroed, aligned regions that follow its memory",
  (make) => {
    const { memory, grow } = wasmAt(24);
    using it = make({ memory });
    it.alloc(3, 1);
    const region = it.allocate(100, 64);
    assertEquals([region.byteLength, region.byteOffset % 64], [100, 0]);
    const bytes = new Uint8Array(region.buffer, region.byteOffset, 100);
    assert(bytes.every((byte) => byte === 0));
    bytes.fill(7);
    assertEquals(it.bytes(it.addressOf(bytes), 100)[99], 7);
    grow();
    it.rebind();
    assertEquals(new Uint8Array(region.buffer, region.byteOffset, 100)[99], 7);
  },
);

eachResource(
  ".release() takes each region once, also after reset() and dispose()",
  (make) => {
    const it = make({ name: "it" });
    using other = make({});
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
  },
);

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
