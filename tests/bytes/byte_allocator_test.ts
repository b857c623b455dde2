/** What holds of all byte allocators alike. */
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
  FreeListAllocator,
  InvalidAddressError,
  Pool,
  type ScalarArrays,
  StackAllocator,
  struct,
  type View,
} from "../../mod.ts";
import { assertUntouched, WasmStandIn } from "./_support.ts";
import { untyped } from "../_support.ts";

const Vec2 = struct({ x: "f32", y: "f32" }, { name: "Vec2" });
const Body = struct({ at: Vec2, trail: array(Vec2, 3), mass: "f64", id: "u8" }, { name: "Body" });

/** Each class, under a name. */
const KINDS: Record<string, (options?: ByteAllocatorOptions) => ByteAllocator> = {
  Arena: (options) => new Arena(options),
  StackAllocator: (options) => new StackAllocator(options),
  "FreeListAllocator with a tree": (options) =>
    new FreeListAllocator({ ...options, byteLength: 65_536 }),
  "FreeListAllocator with a list": (options) =>
    new FreeListAllocator({ ...options, byteLength: 65_536, index: "list" }),
  "FreeListAllocator that grows": (options) =>
    new FreeListAllocator({ ...options, byteLength: 64, grow: true }),
};

/** Defines a test for each class. */
function each(
  claim: string,
  fn: (make: (options?: ByteAllocatorOptions) => ByteAllocator) => void,
) {
  for (const [kind, make] of Object.entries(KINDS)) Deno.test(`${kind}${claim}`, () => fn(make));
}

// -- sizes and alignments --

each(".alloc() refuses sizes that are no positive integers, and changes nothing", (make) => {
  using memory = make({ name: "test" });
  memory.alloc(24);
  const wrong = [0, -0, -1, -8, 1.5, NaN, Infinity, -Infinity, -(2 ** 53), 0.1];
  for (const size of [...wrong, "8", null, undefined, {}, 8n, true].map(untyped<number>)) {
    assertUntouched(
      memory,
      () => memory.alloc(size),
      RangeError,
      "the size must be a positive integer",
    );
  }
});

each(".alloc() refuses sizes that there is no memory for, and changes nothing", (make) => {
  using memory = make();
  memory.alloc(24);
  for (const size of [2 ** 30 + 1, 2 ** 31, 2 ** 32, 2 ** 32 + 8, 2 ** 53, 1e300]) {
    const error = assertUntouched(memory, () => memory.alloc(size), RangeError, "");
    assertEquals([error.name, untyped<{ byteLength: number }>(error).byteLength], [
      "OutOfMemoryError",
      size,
    ]);
  }
});

each(
  ".alloc() refuses alignments that are no powers of two up to 4096, and changes nothing",
  (make) => {
    using memory = make();
    memory.alloc(24);
    const wrong = [0, 3, 6, 12, -8, 0.5, 8.5, NaN, Infinity, 8192, 2 ** 31, 2 ** 32, 2 ** 32 + 8];
    for (const align of [...wrong, "8", null, {}, 8n].map(untyped<number>)) {
      assertUntouched(
        memory,
        () => memory.alloc(8, align),
        RangeError,
        "the alignment must be a power of two from 1 to 4096, got",
      );
    }
  },
);

each(".alloc() takes undefined for the default alignment", (make) => {
  using memory = make();
  memory.alloc(1, 1);
  assertEquals(memory.alloc(1, undefined) % 8, 0);
});

// -- addresses --

each(" refuses addresses that are none, and changes nothing", (make) => {
  using memory = make();
  const address = memory.alloc(64);
  const cursor = memory.cursor(Vec2);
  memory.seek(cursor, address);
  const wrong = [-1, -8, 0.5, address + 0.5, NaN, Infinity, String(address), null, undefined, {}];
  const uses = [
    (at: number) => memory.view(at, Vec2),
    (at: number) => memory.seek(cursor, at),
    (at: number) => memory.array(at, "u8", 8),
    (at: number) => memory.bytes(at, 8),
  ];
  for (const use of uses) {
    for (const it of wrong.map(untyped<number>)) {
      assertUntouched(memory, () => use(it), InvalidAddressError, "is no address");
    }
    assertUntouched(memory, () => use(0), InvalidAddressError, "address 0 is the null address");
    for (const it of [8, address + 64, address - 8, 2 ** 32 - 8, 2 ** 32 + address, 2 ** 53]) {
      assertUntouched(memory, () => use(it), InvalidAddressError, `address ${it} `);
    }
  }
  assertEquals(memory.addressOf(cursor), address);
});

each(" refuses more bytes than an address holds", (make) => {
  using memory = make();
  const address = memory.alloc(20);
  assertEquals(memory.bytes(address, 20).length, 20);
  assertUntouched(memory, () => memory.bytes(address, 21), InvalidAddressError, "hold");
  assertUntouched(memory, () => memory.array(address, "u32", 6), InvalidAddressError, "hold");
  assertUntouched(memory, () => memory.array(address, "u8", 2 ** 40), InvalidAddressError, "hold");
  assertUntouched(memory, () => memory.view(address, Body), InvalidAddressError, "hold");
  assertUntouched(
    memory,
    () => memory.seek(memory.cursor(Body), address),
    InvalidAddressError,
    "hold",
  );
});

each(".bytes() and array() refuse lengths that are no positive integers", (make) => {
  using memory = make();
  const address = memory.alloc(64);
  for (const length of [0, -1, 1.5, NaN, Infinity, untyped<number>("8"), untyped<number>(null)]) {
    const calls: [() => unknown, string][] = [
      [() => memory.bytes(address, length), "size"],
      [() => memory.array(address, "u8", length), "length"],
      [() => memory.allocArray("u8", length), "length"],
    ];
    for (const [call, what] of calls) {
      assertUntouched(memory, call, RangeError, `the ${what} must be a positive integer, got`);
    }
  }
});

// -- records --

each(".allocRecord() gives a zeroed record, with its fields written", (make) => {
  using memory = make();
  const zero = memory.allocRecord(Body);
  const made = memory.allocRecord(Body, { at: { x: 1 }, trail: [{}, { y: 2 }], mass: 3, id: 4 });
  assertEquals([zero % 8, made % 8], [0, 0]);
  assertEquals(memory.view(zero, Body).toJSON(), {
    at: { x: 0, y: 0 },
    trail: [{ x: 0, y: 0 }, { x: 0, y: 0 }, { x: 0, y: 0 }],
    mass: 0,
    id: 0,
  });
  assertEquals(memory.view(made, Body).toJSON(), {
    at: { x: 1, y: 0 },
    trail: [{ x: 0, y: 0 }, { x: 0, y: 2 }, { x: 0, y: 0 }],
    mass: 3,
    id: 4,
  });
});

each(
  ".allocRecord() and cursor() refuse what is no struct, and bad values, and take nothing",
  (make) => {
    using memory = make();
    memory.alloc(8);
    for (const wrong of [undefined, null, {}, "Vec2", Vec2.fields, { size: 8, align: 8 }]) {
      const notStruct = untyped<typeof Vec2>(wrong);
      assertUntouched(
        memory,
        () => memory.allocRecord(notStruct, { x: 1 }),
        TypeError,
        "is no struct",
      );
      assertUntouched(memory, () => memory.cursor(notStruct), TypeError, "is no struct");
      assertUntouched(memory, () => memory.view(8, notStruct), TypeError, "is no struct");
    }
    for (const init of [null, 5, { z: 1 }, { x: "1" }, { x: 1, y: null }]) {
      assertUntouched(
        memory,
        () => memory.allocRecord(Vec2, untyped(init)),
        TypeError,
        "Cannot write",
      );
    }
  },
);

each(".allocAt() and seek() move a cursor, and refuse what is none", (make) => {
  using memory = make();
  const cursor = memory.cursor(Body);
  const addresses = [1, 2, 3].map((id) => {
    const address = memory.allocAt(cursor);
    assertEquals([cursor.id, cursor.mass, memory.addressOf(cursor)], [0, 0, address]);
    cursor.id = id;
    return address;
  });
  assertEquals(addresses.map((it) => memory.seek(cursor, it).id), [1, 2, 3]);
  assertStrictEquals(memory.seek(cursor, addresses[0]), cursor);
  for (const wrong of [{}, cursor.at, cursor.trail, new Float32Array(2), null, 5]) {
    const notCursor = untyped<typeof cursor>(wrong);
    assertUntouched(
      memory,
      () => memory.seek(notCursor, addresses[0]),
      TypeError,
      "is no view of a",
    );
    if (wrong === null) continue;
    assertUntouched(memory, () => memory.allocAt(notCursor), TypeError, "is no view of a record");
  }
});

each(".addressOf() knows views, nested ones and arrays of its own, and nothing else", (make) => {
  using memory = make();
  using other = make();
  const address = memory.allocRecord(Body);
  const view = memory.view(address, Body);
  const floats = memory.allocArray("f64", 4);
  const start = memory.addressOf(floats);
  assertEquals([memory.addressOf(view), memory.addressOf(view.at)], [address, address]);
  assertStrictEquals(memory.array(start, "f64", 4).byteOffset, floats.byteOffset);
  using pool = new Pool(Vec2);
  const foreign: object[] = [
    {},
    memory.cursor(Vec2),
    new Uint8Array(64),
    pool.get(pool.alloc()),
    other.view(other.allocRecord(Body), Body),
    other.allocArray("u8", 8),
    untyped<object>(null),
    untyped<object>(5),
  ];
  for (const it of foreign) {
    assertUntouched(memory, () => memory.addressOf(it), TypeError, "is no view or array of it");
  }
});

each(".addressOf() refuses a view and an array of what was taken back", (make) => {
  using memory = make();
  const view = memory.view(memory.allocRecord(Body), Body);
  const floats = memory.allocArray("f64", 4);
  memory.reset();
  assertUntouched(memory, () => memory.addressOf(view), InvalidAddressError, "address");
  assertUntouched(memory, () => memory.addressOf(floats), InvalidAddressError, "address");
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

each(
  ".allocArray() gives the typed array of each scalar type, aligned, zeroed, in its own memory",
  (make) => {
    using memory = make();
    for (const [type, ArrayClass] of Object.entries(ARRAYS)) {
      memory.alloc(1, 1);
      const made = memory.allocArray(untyped<keyof ScalarArrays>(type), 5);
      assertInstanceOf(made, ArrayClass);
      assertEquals([made.length, made.byteOffset % made.BYTES_PER_ELEMENT], [5, 0]);
      assert([...made].every((it) => Number(it) === 0));
      const address = memory.addressOf(made);
      assertEquals(address % made.BYTES_PER_ELEMENT, 0);
      memory.bytes(address, made.byteLength).fill(255);
      assert([...made].every((it) => Number(it) !== 0));
    }
  },
);

each(".allocArray() and array() refuse types that are none", (make) => {
  using memory = make();
  const address = memory.alloc(8);
  for (const type of ["u24", "toString", "", null, Vec2, 5].map(untyped<"u8">)) {
    assertUntouched(memory, () => memory.allocArray(type, 4), TypeError, "is no scalar type");
    assertUntouched(memory, () => memory.array(address, type, 4), TypeError, "is no scalar type");
  }
});

Deno.test("ByteAllocator.allocArray() and view() infer their types", () => {
  using memory: ByteAllocator = new Arena();
  const floats = memory.allocArray("f32", 1);
  assertType<IsExact<typeof floats, Float32Array>>(true);
  const big = memory.array(memory.alloc(8), "u64", 1);
  assertType<IsExact<typeof big, BigUint64Array>>(true);
  const flags = memory.allocArray("bool", 1);
  assertType<IsExact<typeof flags, Uint8Array>>(true);
  const view = memory.view(memory.allocRecord(Vec2), Vec2);
  assertType<IsExact<typeof view, View<typeof Vec2>>>(true);
  const cursor = memory.seek(memory.cursor(Vec2), memory.addressOf(view));
  assertType<IsExact<typeof cursor, View<typeof Vec2>>>(true);
  // @ts-expect-error: a value of the wrong type
  assertThrows(() => memory.allocRecord(Vec2, { x: "1" }), TypeError);
  // @ts-expect-error: no scalar type
  assertThrows(() => memory.allocArray("u24", 1), TypeError);
});

// -- rebind() --

each(".rebind() makes views whole after the memory grew", (make) => {
  const resource = new WasmStandIn(16);
  using memory = make({ memory: resource });
  const view = memory.view(memory.allocRecord(Body, { mass: 5 }), Body);
  const floats = memory.allocArray("f32", 8);
  const address = memory.addressOf(floats);
  floats.fill(2);
  resource.grow();
  assertThrows(() => memory.allocArray("u8", 8), TypeError, "call rebind() first");
  memory.rebind();
  assertEquals([view.mass, floats.length], [5, 0]);
  assertEquals([...memory.array(address, "f32", 8)], Array(8).fill(2));
  assert(memory.bytes(memory.alloc(64), 64).every((byte) => byte === 0));
});
