/** What holds for all byte allocators. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { assertType, type IsExact } from "@std/testing/types";
import {
  Arena,
  array,
  countingMemory,
  debug as debugMode,
  DisposedError,
  dump,
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
import type { ByteAllocator, MemoryRegion, View } from "../../mod.ts";
import { type AnyAllocator, assertUntouched, CLASSES, type Make, wasmAt } from "./_support.ts";
import { type ErrorClass, shown, untyped } from "../_support.ts";

const Vec2 = struct({ x: "f32", y: "f32" }, { name: "Vec2" });
const Body = struct({ at: Vec2, trail: array(Vec2, 3), mass: "f64", id: "u8" }, { name: "Body" });
const Large = struct({ of: array("u8", 61) }, { name: "Large" });
const Huge = struct({ of: array("u8", 9999), and: array("f64", 9999) }, { name: "Huge" });

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

const COMMON_OPTIONS: readonly [object, message: string][] = [
  [{ name: 5 }, ": name must be a string, got 5"],
  [{ memory: null }, "memory must be an object with allocate and release, got null"],
  [{ memory: { allocate() {} } }, "memory must be an object with allocate and release"],
  [{ memory: { release() {} } }, "memory must be an object with allocate and release"],
  [{ debug: 1 }, "debug must be `debug`, which the module exports, or false, got 1"],
];
const HEAP_OPTIONS: typeof COMMON_OPTIONS = [
  [{ fit: "buddy" }, 'fit must be "first", "next", "best" or "worst", got "buddy"'],
  [{ index: "heap" }, 'index must be "list" or "tree", got "heap"'],
  [{ fit: "first", index: "tree" }, 'index must be "list" for fit "first", got "tree"'],
  [{ grow: 1 }, "grow must be a boolean, got 1"],
];

for (const [name, Class] of Object.entries({ Arena, StackAllocator, FreeListAllocator })) {
  Deno.test(`${name} throws on options that are of a wrong type, or out of range`, () => {
    const size = Class === Arena ? "blockBytes" : "byteLength";
    for (const bytes of [0, 63, -64, 64.5, NaN, 2 ** 30 + 1, "64"]) {
      const message = `: ${size} must be an integer from 64 to 1073741824, got ${shown(bytes)}`;
      const error = assertThrows(() => new Class(untyped({ [size]: bytes })), RangeError, message);
      assert(error.message.startsWith(`Cannot create ${name} "`), error.message);
    }
    const wrong = Class === FreeListAllocator ? HEAP_OPTIONS : [];
    for (const [options, message] of [...COMMON_OPTIONS, ...wrong]) {
      const error = assertThrows(() => new Class(untyped(options)), TypeError, message);
      assert(error.message.startsWith(`Cannot create ${name}`), error.message);
    }
    new Class({ [size]: 64 }).dispose();
  });
}

// -- bad arguments --

/** Bad arguments, calls that take one, and what they throw. */
type Bad = readonly [
  values: readonly unknown[],
  calls: readonly ((value: never) => unknown)[],
  errorClass: ErrorClass,
  message: string,
];

const NO_SIZES = [0, -0, -1, -8, 1.5, NaN, Infinity, "8", null, {}, 8n, true];
const NO_ALIGNS = [0, 3, 12, -8, 0.5, 8.5, NaN, Infinity, 8192, 2 ** 31, 2 ** 32 + 8, "8", 8n];
const TOO_LARGE = [2 ** 30 + 1, 2 ** 31, 2 ** 32 + 8, 2 ** 53, 1e300];
/** Every computation with it throws. */
const NO_NUMBER = Object.create(null);
const NO_ADDRESSES = [-1, 64.5, NaN, Infinity, "64", null, undefined, 64n, Symbol("a"), NO_NUMBER];
const NO_STRUCTS = [{}, 5, "Vec2", Vec2.fields]; // an arena does not look further without values
const NO_INITS = [null, 5, { z: 1 }, { x: "1" }, { x: 1, y: null }];
const NO_TYPES = ["u24", "toString", "", null, Vec2, 5, NO_NUMBER];
const NO_VIEWS = [{}, new Float32Array(2), new Pool(Body).cursor().at, null, 5];
const FOREIGN = [{}, new Uint8Array(64), new Pool(Vec2).scoped().view, null, 5];

/** All that is wrong for an allocator with an allocation of 60 bytes, and little memory. */
function badOf(it: AnyAllocator, address: number): readonly Bad[] {
  const outside = [8, address + 64, address - 8, 2 ** 32 - 8, 2 ** 32 + address, 2 ** 53];
  if (!(it instanceof Arena)) outside.push(address + 8, address + 4, address + 32);
  const arrays = [
    (length: number) => it.array(address, "u8", length),
    (length: number) => it.allocArray("u8", length),
  ];
  const sized = [...allocating(it), (size: number) => it.bytes(address, size)];
  const aligned = allocating(it).map((call) => (align: number) => call(8, align));
  const structs = [
    (kind: never) => it.allocRecord(kind, untyped({ x: 1 })),
    (kind: never) => it.cursor(kind),
    (kind: never) => it.view(8, kind),
  ];
  const types = [
    (type: never) => it.allocArray(type, 4),
    (type: never) => it.array(address, type, 4),
  ];
  const views = [(view: never) => it.seek(view, address), (view: never) => it.allocAt(view)];
  const cursor = it.cursor(Huge);
  const huge = [
    () => it.allocRecord(Huge),
    () => it.allocRecord(Huge, { of: [] }),
    () => it.allocArray("u8", Huge.size),
    () => it.allocAt(cursor),
  ];
  const large = [
    (kind: typeof Large) => it.view(address, kind),
    (kind: typeof Large) => it.seek(it.cursor(kind), address),
  ];
  return [
    [NO_SIZES, sized, RangeError, "size must be a positive integer, got "],
    [NO_SIZES, arrays, RangeError, "length must be a positive integer, got "],
    [NO_ALIGNS, aligned, RangeError, "the alignment must be a power of two from 1 to 4096, got"],
    [TOO_LARGE, allocating(it), OutOfMemoryError, " bytes"],
    [[Huge.size], [...allocating(it), ...huge], OutOfMemoryError, "Cannot "],
    [[cursor], [(view) => it.addressOf(view)], Error, "bound"],
    [NO_ADDRESSES, using(it), InvalidAddressError, "is no address"],
    [[0], using(it), InvalidAddressError, "address 0 is the null address"],
    [outside, using(it), InvalidAddressError, "address "],
    [[61], [(size) => it.bytes(address, size)], InvalidAddressError, "hold"],
    [[16, 2 ** 40], [(length) => it.array(address, "u32", length)], InvalidAddressError, "hold"],
    [[Large], large, InvalidAddressError, "hold"],
    [[...NO_STRUCTS, undefined, null, { size: 8, align: 8 }], structs, TypeError, "is no struct"],
    [[...NO_STRUCTS, undefined], [(kind) => it.allocRecord(kind)], TypeError, "is no struct"],
    [NO_INITS, [(init) => it.allocRecord(Vec2, init)], TypeError, "Cannot write"],
    [NO_TYPES, types, TypeError, "is no scalar type"],
    [NO_VIEWS, views, TypeError, "is no view of a record"],
    [FOREIGN, [(view) => it.addressOf(view)], TypeError, "is no view or array of it"],
  ];
}

each(" is unchanged where it throws on bad arguments, bad addresses or without memory", (make) => {
  for (const debug of [false, debugMode] as const) {
    const memory = countingMemory(heapMemory, { limit: 66_000 });
    const it = make({ name: "it", debug, memory });
    const address = it.alloc(60);
    it.bytes(address, 60).fill(9); // reads as the header of a used chunk
    for (const [values, calls, errorClass, message] of badOf(it, address)) {
      const all = calls.flatMap((call) => values.map((value) => [call, value] as const));
      for (const [call, value] of all) {
        const error = assertUntouched(it, () => call(untyped(value)), errorClass, message);
        if (values === TOO_LARGE) {
          assertEquals<unknown>((error as OutOfMemoryError).byteLength, value);
        }
        if (error instanceof InvalidAddressError) {
          const at = message === "hold" ? address : value;
          assertEquals<unknown[]>([error.pool, error.address], ["it", at]);
        }
      }
    }
    assertEquals(it.alloc(1, undefined) % 8, 0);
    it.reset();
    for (const use of using(it)) assertUntouched(it, () => use(address), InvalidAddressError, "");
    it.dispose();
    assertThrows(() => it.bytes(untyped(5n), 1), DisposedError);
    const none = countingMemory(heapMemory, { limit: 0 });
    assertThrows(() => make({ debug, memory: none }).alloc(8), OutOfMemoryError);
  }
});

each(".addressOf() knows parts of its own views, until they are freed", (make) => {
  const memory = wasmAt(16);
  using other = make({ memory });
  const foreign = [other.view(other.allocRecord(Body), Body), other.allocArray("u8", 8)];
  using it = make({ memory });
  const address = it.allocRecord(Body);
  const view = it.view(address, Body);
  const floats = it.allocArray("f64", 4);
  assertEquals([it.addressOf(view), it.addressOf(view.at)], [address, address]);
  for (const at of [...foreign, it.cursor(Vec2)]) {
    assertUntouched(it, () => it.addressOf(at), TypeError, "is no view or array of it");
  }
  it.reset();
  for (const at of [view, floats]) {
    assertUntouched(it, () => it.addressOf(at), InvalidAddressError, "address");
  }
});

// -- types --

Deno.test("ByteAllocator.allocArray() and view() infer their types", () => {
  using it: ByteAllocator = new Arena();
  const floats = it.allocArray("f32", 1);
  const flags = it.array(it.alloc(8), "bool", 1);
  const view = it.view(it.allocRecord(Vec2), Vec2);
  const cursor = it.seek(it.cursor(Vec2), it.addressOf(view));
  type Found = [typeof floats, typeof flags, typeof view, typeof cursor];
  type Vec2View = View<typeof Vec2>;
  assertType<IsExact<Found, [Float32Array, Uint8Array, Vec2View, Vec2View]>>(true);
  // @ts-expect-error: a value of the wrong type
  assertThrows(() => it.allocRecord(Vec2, { x: "1" }), TypeError);
  // @ts-expect-error: no scalar type
  assertThrows(() => it.allocArray("u24", 1), TypeError);
});

// -- memory --

/** Every call that needs the memory, with the address of a record. */
function calls(it: AnyAllocator, address: number): (() => unknown)[] {
  return [
    () => it.alloc(8),
    () => it.allocRecord(Vec2, { x: 1 }),
    () => it.allocRecord(Vec2),
    () => it.allocAt(it.cursor(Vec2)),
    () => it.allocArray("u8", 8),
    ...using(it).map((use) => () => use(address)),
    () => it.reset(),
    () => validate(it),
    ...it instanceof Arena ? [() => it.rewind(0), () => snapshotArena(it)] : [],
    ...it instanceof FreeListAllocator ? [() => it.trim(), () => it.stats()] : [],
    ...it instanceof StackAllocator ? [] : [() => it.allocate(8, 8)],
  ];
}

each(" throws while its memory is detached, and after dispose(), which releases all", (make) => {
  const upstream = wasmAt(16);
  const memory = countingMemory(upstream);
  const it = make({ name: "it", memory });
  const address = it.allocRecord(Body, { mass: 5 });
  const view = it.view(address, Body);
  const floats = it.allocArray("f32", 8).fill(2);
  const start = it.addressOf(floats);
  upstream.memory.grow(1);
  for (const call of calls(it, address)) {
    assertThrows(call, TypeError, "call rebind() first", `${call}`);
  }
  it.rebind();
  validate(it);
  assertEquals([view.mass, floats.length], [5, 0]);
  assertEquals([...it.array(start, "f32", 8)], Array(8).fill(2));

  const bytes = it.allocArray("u8", 900);
  const later = [
    ...calls(it, address),
    () => it.cursor(Vec2),
    () => it.addressOf(view),
    () => it.addressOf(bytes),
    () => it.rebind(),
    () => it.stats(),
    () => dump(it),
    ...it instanceof Arena ? [() => it.mark(), () => it.scope(), () => it.trim()] : [],
  ];
  it.dispose();
  it.dispose();
  assertEquals([memory.regions, memory.releases], [0, memory.allocations]);
  for (const call of later) {
    assertThrows(call, DisposedError, ' "it": it was disposed of', `${call}`);
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
