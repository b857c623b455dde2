import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import {
  countingMemory,
  heapMemory,
  InvalidAddressError,
  OutOfMemoryError,
  Pool,
  sharedMemory,
} from "../../mod.ts";
import type { CountingMemory, MemoryRegion, MemoryResource } from "../../mod.ts";
import { type ErrorClass, shown, untyped } from "../_support.ts";

/** Asserts that a call throws and changes no figure of a counting resource. */
function assertUncounted(
  memory: CountingMemory,
  call: () => unknown,
  errorClass: ErrorClass,
  message: string,
): void {
  const before = figuresOf(memory);
  assertThrows(call, errorClass, message);
  assertEquals(figuresOf(memory), before);
}

function figuresOf(memory: CountingMemory): number[] {
  const { usedBytes, peakBytes, regions, allocations, releases, limit } = memory;
  return [usedBytes, peakBytes, regions, allocations, releases, limit];
}

/** A resource that returns what a test wants, and records its calls. */
class Scripted implements MemoryResource {
  readonly requested: [byteLength: number, align: number][] = [];
  readonly returned: MemoryRegion[] = [];
  readonly #regionOf: (byteLength: number) => unknown;

  constructor(regionOf = (byteLength: number): unknown => heapMemory.allocate(byteLength, 8)) {
    this.#regionOf = regionOf;
  }

  allocate(byteLength: number, align: number): MemoryRegion {
    this.requested.push([byteLength, align]);
    return untyped(this.#regionOf(byteLength));
  }

  release(region: MemoryRegion): void {
    this.returned.push(region);
  }
}

// -- heapMemory and sharedMemory() --

for (
  const [name, memory, BufferClass] of [
    ["heap", heapMemory, ArrayBuffer],
    ["shared", sharedMemory(), SharedArrayBuffer],
  ] as const
) {
  Deno.test(`${name}Memory allocates a zeroed buffer for each region`, () => {
    for (const bytes of [1, 7, 64, 65_536]) {
      const [a, b] = [memory.allocate(bytes, 8), memory.allocate(bytes, 8)];
      new Uint8Array(a.buffer).fill(1);
      for (const { buffer, byteOffset, byteLength } of [a, b]) {
        assertInstanceOf(buffer, BufferClass);
        assertEquals([buffer.byteLength, byteOffset, byteLength], [bytes, 0, bytes]);
      }
      assert(new Uint8Array(b.buffer).every((byte) => byte === 0));
    }
  });

  Deno.test(`${name}Memory throws OutOfMemoryError when the engine cannot create the buffer`, () => {
    const message = `Cannot allocate ${2 ** 53} bytes of ${name} memory: the engine cannot create`;
    const error = assertThrows(() => memory.allocate(2 ** 53, 8), OutOfMemoryError, message);
    assertEquals(error.byteLength, 2 ** 53);
    assertInstanceOf(error.cause, RangeError);
  });
}

Deno.test("heapMemory.release() detaches the buffer, also in engines without transfer()", () => {
  const transfer = Object.getOwnPropertyDescriptor(ArrayBuffer.prototype, "transfer")!; // Deno has it
  const release = () => {
    const region = heapMemory.allocate(64, 8);
    const view = new Float64Array(region.buffer);
    heapMemory.release(region);
    assertEquals([region.buffer.byteLength, view.length], [0, 0]);
  };
  release();
  const { MessageChannel } = globalThis;
  Reflect.deleteProperty(ArrayBuffer.prototype, "transfer"); // as in Node 20
  try {
    release();
    release();
    Reflect.deleteProperty(globalThis, "MessageChannel"); // as in a bare context of node:vm
    const pool = new Pool({ n: "u8" });
    pool.alloc({ n: 1 });
    pool.dispose(); // leaves the buffer to the collector
    assertEquals(pool.byteLength, 0);
  } finally {
    Object.defineProperty(ArrayBuffer.prototype, "transfer", transfer);
    Object.assign(globalThis, { MessageChannel });
  }
});

Deno.test("sharedMemory().release() leaves the buffer to threads that still refer to it", () => {
  const memory = sharedMemory();
  const region = memory.allocate(8, 8);
  const view = new Uint8Array(region.buffer).fill(7);
  memory.release(region);
  assertEquals([...view], Array(8).fill(7));
});

Deno.test("sharedMemory() throws without SharedArrayBuffer or isolation, and says what to enable", () => {
  const hide: [property: string, as: PropertyDescriptor | undefined, problem: string][] = [
    ["SharedArrayBuffer", undefined, "there is no SharedArrayBuffer here"],
    ["crossOriginIsolated", { value: false }, "this page is not cross-origin isolated, so no"],
  ];
  for (const [property, as, problem] of hide) {
    const own = Object.getOwnPropertyDescriptor(globalThis, property);
    Reflect.deleteProperty(globalThis, property);
    if (as !== undefined) {
      Object.defineProperty(globalThis, property, { ...as, configurable: true });
    }
    try {
      const error = assertThrows(sharedMemory, Error, `Cannot create sharedMemory: ${problem}`);
      assert(error.message.includes("Cross-Origin-Opener-Policy: same-origin"));
      assert(error.message.includes("Cross-Origin-Embedder-Policy: require-corp"));
    } finally {
      Reflect.deleteProperty(globalThis, property);
      if (own !== undefined) Object.defineProperty(globalThis, property, own);
    }
  }
});

Deno.test("A pool over sharedMemory() shares its blocks, as postMessage makes them", () => {
  using pool = new Pool({ x: "f32", n: "u32" }, { chunksPerBlock: 16, memory: sharedMemory() });
  const handles = pool.allocMany(40);
  for (const { bytes, index } of pool.blocks) {
    const copy = structuredClone(bytes);
    new Uint32Array(copy.buffer, copy.byteOffset)[3] = 1000 + index;
    assertEquals(pool.get(handles[index * 16 + 1]).n, 1000 + index);
  }
  const [block] = pool.blocks;
  pool.freeBlock(0);
  assertEquals(block.bytes.length, 0); // though no buffer was detached
});

// -- countingMemory() --

Deno.test("countingMemory() counts regions and bytes that are allocated, and the peak", () => {
  const memory = countingMemory();
  assertEquals(figuresOf(memory), [0, 0, 0, 0, 0, Infinity]);
  const [a, b] = [memory.allocate(100, 8), memory.allocate(28, 8)];
  assertEquals(figuresOf(memory), [128, 128, 2, 2, 0, Infinity]);
  memory.release(a);
  memory.release(memory.allocate(8, 8));
  assertEquals(figuresOf(memory), [28, 128, 1, 3, 2, Infinity]);
  memory.release(b);
  assertEquals(figuresOf(memory), [0, 128, 0, 3, 3, Infinity]);
});

Deno.test("countingMemory() passes calls and regions on, and counts the bytes of the region", () => {
  const region = { buffer: new ArrayBuffer(192), byteOffset: 16, byteLength: 128 };
  const upstream = new Scripted(() => region);
  const memory = countingMemory(upstream);
  assertStrictEquals(memory.allocate(65, 16), region);
  assertEquals([upstream.requested, memory.usedBytes], [[[65, 16]], 128]);
  region.byteLength = 1; // release() subtracts what allocate() added
  memory.release(region);
  assertStrictEquals(upstream.returned[0], region);
  assertEquals([upstream.returned.length, memory.usedBytes], [1, 0]);
});

Deno.test("countingMemory() throws past its limit without a call of upstream, and changes nothing", () => {
  const upstream = new Scripted();
  const memory = countingMemory(upstream, { limit: 100 });
  const region = memory.allocate(60, 8);
  const message = "Cannot allocate 41 bytes of counted memory: 60 of 100 bytes are in use";
  assertUncounted(memory, () => memory.allocate(41, 8), OutOfMemoryError, message);
  const error = assertThrows(() => memory.allocate(41, 8), OutOfMemoryError);
  assertEquals([error.byteLength, error.message, upstream.requested.length], [41, message, 1]);
  memory.allocate(40, 8);
  assertUncounted(memory, () => memory.allocate(1, 8), OutOfMemoryError, "100 of 100 bytes");
  memory.release(region);
  assertEquals(memory.allocate(60, 8).byteLength, 60);
  const none = countingMemory(heapMemory, { limit: 0 });
  assertUncounted(none, () => none.allocate(1, 8), OutOfMemoryError, "0 of 0 bytes are in use");
});

Deno.test("countingMemory() releases a region whose own size is past the limit", () => {
  const upstream = new Scripted(() => heapMemory.allocate(64, 8));
  const memory = countingMemory(upstream, { limit: 100 });
  memory.allocate(10, 8);
  const message = "Cannot allocate 20 bytes of counted memory: 64 of 100 bytes are in use, " +
    "upstream allocated 64";
  assertUncounted(memory, () => memory.allocate(20, 8), OutOfMemoryError, message);
  assertEquals([upstream.requested.length, upstream.returned.length], [2, 1]);
});

Deno.test("countingMemory() counts nothing when upstream throws or returns no region", () => {
  const cause = new OutOfMemoryError("Cannot allocate: none left", 8);
  const empty = countingMemory(
    new Scripted(() => {
      throw cause;
    }),
  );
  assertUncounted(empty, () => empty.allocate(8, 8), OutOfMemoryError, cause.message);
  for (const bad of [undefined, null, 5, {}, { byteLength: NaN }, { byteLength: -1 }]) {
    const memory = countingMemory(new Scripted(() => bad));
    const message = `Cannot allocate in countingMemory: upstream returned ${shown(bad)}, not a`;
    assertUncounted(memory, () => memory.allocate(8, 8), TypeError, message);
  }
  const upstream = new Scripted();
  const memory = countingMemory(upstream);
  const region = memory.allocate(16, 8);
  upstream.release = () => {
    throw cause;
  };
  assertUncounted(memory, () => memory.release(region), OutOfMemoryError, cause.message);
});

Deno.test("countingMemory().release() throws InvalidAddressError on a region that is not allocated", () => {
  const upstream = new Scripted();
  const memory = countingMemory(upstream);
  const [region, other] = [memory.allocate(16, 8), memory.allocate(16, 8)];
  memory.release(region);
  const foreign = { buffer: new ArrayBuffer(32), byteOffset: 8, byteLength: 24 };
  for (const bad of [region, foreign, { ...other }, undefined, null, {}]) {
    const message = "Cannot release in countingMemory: the region of";
    const call = () => memory.release(untyped(bad));
    assertUncounted(memory, call, InvalidAddressError, message);
  }
  const error = assertThrows(() => memory.release(foreign), InvalidAddressError);
  assertEquals([error.pool, error.address], ["countingMemory", 8]);
  assert(error.message.endsWith("of 24 bytes at byte 8 is not among the 1 that are allocated"));
  const none = assertThrows(() => memory.release(untyped(null)), InvalidAddressError);
  assertEquals([none.address, upstream.returned.length], [-1, 1]);
});

Deno.test("countingMemory() throws on an upstream or a limit that is wrong", () => {
  const must = "upstream must be an object with allocate and release, got ";
  for (const bad of [null, 5, {}, { allocate: () => {} }, { release: () => {} }]) {
    assertThrows(() => countingMemory(untyped(bad)), TypeError, must + shown(bad));
  }
  const limitedTo = (limit: unknown) => () => countingMemory(heapMemory, untyped({ limit }));
  const message = "Cannot create countingMemory: limit must be a number from 0, got ";
  for (const bad of [-1, NaN, -Infinity]) assertThrows(limitedTo(bad), RangeError, message + bad);
  for (const bad of [null, 8n, {}, true, "64"]) {
    assertThrows(limitedTo(bad), TypeError, message + shown(bad));
  }
  assertEquals(limitedTo(undefined)().limit, Infinity);
});
