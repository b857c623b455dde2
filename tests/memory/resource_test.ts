import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertNotEquals,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import {
  type CountingMemory,
  countingMemory,
  heapMemory,
  InvalidAddressError,
  type MemoryRegion,
  type MemoryResource,
  OutOfMemoryError,
  Pool,
  sharedMemory,
  validate,
} from "../../mod.ts";
import { assertRefused, type ErrorClass, untyped } from "../_support.ts";

/** Every figure of a counting resource. */
function figuresOf(memory: CountingMemory): Record<string, number> {
  const { usedBytes, peakBytes, regions, allocations, releases, limit } = memory;
  return { usedBytes, peakBytes, regions, allocations, releases, limit };
}

/** Asserts that a call throws and leaves every figure as it was. */
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

/** A resource that lends what it is told to, and notes what comes back. */
class Scripted implements MemoryResource {
  readonly returned: MemoryRegion[] = [];
  asked = 0;
  #lend: (byteLength: number) => unknown;

  constructor(lend: (byteLength: number) => unknown) {
    this.#lend = lend;
  }

  allocate(byteLength: number): MemoryRegion {
    this.asked++;
    return untyped(this.#lend(byteLength));
  }

  release(region: MemoryRegion): void {
    this.returned.push(region);
  }
}

// -- heapMemory --

Deno.test("heapMemory.allocate() lends zeroed bytes, as many as were asked for", () => {
  for (const byteLength of [1, 7, 64, 65_536]) {
    const region = heapMemory.allocate(byteLength, 8);
    assertEquals([region.byteLength, region.byteOffset], [byteLength, 0]);
    assertEquals(region.buffer.byteLength, byteLength);
    assert(new Uint8Array(region.buffer).every((byte) => byte === 0));
    heapMemory.release(region);
  }
});

Deno.test("heapMemory.allocate() lends a buffer of its own each time", () => {
  const [a, b] = [heapMemory.allocate(8, 8), heapMemory.allocate(8, 8)];
  new Uint8Array(a.buffer).fill(1);
  assertEquals([...new Uint8Array(b.buffer)], [0, 0, 0, 0, 0, 0, 0, 0]);
  assertNotEquals([...new Uint8Array(a.buffer)], [0, 0, 0, 0, 0, 0, 0, 0]);
});

Deno.test("heapMemory.release() detaches the buffer at once, and every view of it", () => {
  const region = heapMemory.allocate(64, 8);
  const view = new Float64Array(region.buffer);
  heapMemory.release(region);
  assertEquals([region.buffer.byteLength, view.length], [0, 0]);
  assertEquals((region.buffer as ArrayBuffer).detached, true); // heapMemory lends ArrayBuffers
});

Deno.test("heapMemory.release() detaches the buffer as well where there is no transfer", () => {
  const { transfer } = ArrayBuffer.prototype;
  Reflect.deleteProperty(ArrayBuffer.prototype, "transfer"); // as in Node 20
  try {
    for (let i = 0; i < 2; i++) {
      const region = heapMemory.allocate(64, 8);
      const bytes = new Uint8Array(region.buffer);
      heapMemory.release(region);
      assertEquals([region.buffer.byteLength, bytes.length], [0, 0]);
    }
  } finally {
    Object.defineProperty(ArrayBuffer.prototype, "transfer", {
      value: transfer,
      configurable: true,
      writable: true,
    });
  }
});

Deno.test("heapMemory.allocate() throws OutOfMemoryError where the engine refuses", () => {
  const message = `Cannot allocate ${2 ** 53} bytes of heap memory: the engine refused`;
  const error = assertThrows(() => heapMemory.allocate(2 ** 53, 8), OutOfMemoryError, message);
  assertEquals(error.byteLength, 2 ** 53);
  assertInstanceOf(error.cause, RangeError);
});

// -- sharedMemory() --

Deno.test("sharedMemory() lends a zeroed SharedArrayBuffer of its own for each region", () => {
  const memory = sharedMemory();
  const [a, b] = [memory.allocate(24, 8), memory.allocate(24, 8)];
  for (const { buffer, byteOffset, byteLength } of [a, b]) {
    assertInstanceOf(buffer, SharedArrayBuffer);
    assertEquals([buffer.byteLength, byteOffset, byteLength], [24, 0, 24]);
    assert(new Uint8Array(buffer).every((byte) => byte === 0));
  }
  new Uint8Array(a.buffer).fill(1);
  assert(new Uint8Array(b.buffer).every((byte) => byte === 0));
});

Deno.test("sharedMemory().release() leaves the buffer to those who still refer to it", () => {
  const memory = sharedMemory();
  const region = memory.allocate(8, 8);
  const view = new Uint8Array(region.buffer).fill(7);
  memory.release(region);
  assertEquals([...view], [7, 7, 7, 7, 7, 7, 7, 7]);
});

Deno.test("sharedMemory() throws OutOfMemoryError where the engine refuses", () => {
  const message = `Cannot allocate ${2 ** 53} bytes of shared memory: the engine refused`;
  const error = assertThrows(() => sharedMemory().allocate(2 ** 53, 8), OutOfMemoryError, message);
  assertEquals(error.byteLength, 2 ** 53);
  assertInstanceOf(error.cause, RangeError);
});

Deno.test("sharedMemory() throws where there is no SharedArrayBuffer, and says what to enable", () => {
  const own = Object.getOwnPropertyDescriptor(globalThis, "SharedArrayBuffer")!; // Deno has one
  Reflect.deleteProperty(globalThis, "SharedArrayBuffer");
  try {
    const message = "Cannot create sharedMemory: there is no SharedArrayBuffer here";
    const error = assertThrows(() => sharedMemory(), Error, message);
    assert(error.message.includes("Cross-Origin-Opener-Policy: same-origin"));
    assert(error.message.includes("Cross-Origin-Embedder-Policy: require-corp"));
  } finally {
    Object.defineProperty(globalThis, "SharedArrayBuffer", own);
  }
});

Deno.test("A pool over sharedMemory() has blocks that other threads can be shown", () => {
  using pool = new Pool({ x: "f32", n: "u32" }, { chunksPerBlock: 16, memory: sharedMemory() });
  const handles = pool.allocMany(40);
  handles.forEach((handle, n) => pool.set(handle, { x: n / 2, n }));
  assertEquals(pool.blocks.length, 3);
  for (const { bytes, index } of pool.blocks) {
    assertInstanceOf(bytes.buffer, SharedArrayBuffer);
    const copy = structuredClone(bytes); // as postMessage does it
    assertStrictEquals(new Float32Array(copy.buffer, copy.byteOffset)[2], (index * 16 + 1) / 2);
    new Uint32Array(copy.buffer, copy.byteOffset)[3] = 1000 + index;
    assertEquals(pool.get(handles[index * 16 + 1]).n, 1000 + index);
  }
  validate(pool);
});

Deno.test("A pool over sharedMemory() gives up its views of a block that it gave back", () => {
  using pool = new Pool({ n: "u32" }, { chunksPerBlock: 16, memory: sharedMemory() });
  const handle = pool.alloc({ n: 5 });
  const [block] = pool.blocks;
  pool.freeBlock(0);
  assertEquals([block.bytes.length, pool.byteLength, pool.has(handle)], [0, 0, false]);
  assertEquals(pool.get(pool.alloc()).n, 0);
  validate(pool);
});

// -- countingMemory() --

Deno.test("countingMemory() counts what is lent, what was, and the most at once", () => {
  const memory = countingMemory();
  const zeros = { usedBytes: 0, peakBytes: 0, regions: 0, allocations: 0, releases: 0 };
  assertEquals(figuresOf(memory), { ...zeros, limit: Infinity });
  const [a, b] = [memory.allocate(100, 8), memory.allocate(28, 8)];
  const two = { usedBytes: 128, peakBytes: 128, regions: 2, allocations: 2, releases: 0 };
  assertEquals(figuresOf(memory), { ...two, limit: Infinity });
  memory.release(a);
  memory.release(memory.allocate(8, 8));
  const one = { usedBytes: 28, peakBytes: 128, regions: 1, allocations: 3, releases: 2 };
  assertEquals(figuresOf(memory), { ...one, limit: Infinity });
  memory.release(b);
  assertEquals([memory.usedBytes, memory.regions, memory.releases], [0, 0, 3]);
});

Deno.test("countingMemory() hands on upstream's own region, and gives that back", () => {
  const lent = { buffer: new ArrayBuffer(64), byteOffset: 16, byteLength: 32 };
  const upstream = new Scripted(() => lent);
  const memory = countingMemory(upstream);
  assertStrictEquals(memory.allocate(32, 16), lent);
  memory.release(lent);
  assertEquals(upstream.returned.length, 1);
  assertStrictEquals(upstream.returned[0], lent);
});

Deno.test("countingMemory() passes size and alignment on as they are", () => {
  const asked: number[] = [];
  const allocate = (byteLength: number, align: number) => {
    asked.push(byteLength, align);
    return heapMemory.allocate(byteLength, align);
  };
  countingMemory({ allocate, release: () => {} }).allocate(48, 16);
  assertEquals(asked, [48, 16]);
});

Deno.test("countingMemory() counts the bytes that a region has, whatever was asked for", () => {
  const upstream = new Scripted((asked) => heapMemory.allocate(Math.ceil(asked / 64) * 64, 8));
  const memory = countingMemory(upstream);
  const region = memory.allocate(65, 8);
  assertEquals(memory.usedBytes, 128);
  Object.assign(region, { byteLength: 1 }); // what was counted is what is taken off
  memory.release(region);
  assertEquals(memory.usedBytes, 0);
});

Deno.test("countingMemory() refuses past its limit, without asking upstream, and changes nothing", () => {
  const upstream = new Scripted((asked) => heapMemory.allocate(asked, 8));
  const memory = countingMemory(upstream, { limit: 100 });
  assertEquals(memory.limit, 100);
  const region = memory.allocate(60, 8);
  const message = "Cannot allocate 41 bytes of counted memory: 60 of 100 bytes are in use";
  assertUncounted(memory, () => memory.allocate(41, 8), OutOfMemoryError, message);
  const error = assertThrows(() => memory.allocate(41, 8), OutOfMemoryError);
  assertEquals([error.byteLength, error.message], [41, message]);
  assertEquals(upstream.asked, 1);
  memory.allocate(40, 8);
  assertUncounted(memory, () => memory.allocate(1, 8), OutOfMemoryError, "100 of 100 bytes");
  memory.release(region);
  assertEquals(memory.allocate(60, 8).byteLength, 60);
});

Deno.test("countingMemory() with a limit of 0 lends nothing", () => {
  const memory = countingMemory(heapMemory, { limit: 0 });
  assertUncounted(memory, () => memory.allocate(1, 8), OutOfMemoryError, "0 of 0 bytes are in use");
});

Deno.test("countingMemory() gives a region back whose own size is past the limit", () => {
  const upstream = new Scripted(() => heapMemory.allocate(64, 8));
  const memory = countingMemory(upstream, { limit: 100 });
  memory.allocate(10, 8);
  const message =
    "Cannot allocate 20 bytes of counted memory: 64 of 100 bytes are in use, upstream lent 64";
  assertUncounted(memory, () => memory.allocate(20, 8), OutOfMemoryError, message);
  assertEquals([upstream.asked, upstream.returned.length], [2, 1]);
});

Deno.test("countingMemory() passes upstream's refusal through and counts nothing", () => {
  const refusal = new OutOfMemoryError("Cannot allocate: none left", 8);
  const memory = countingMemory(
    new Scripted(() => {
      throw refusal;
    }),
  );
  assertUncounted(memory, () => memory.allocate(8, 8), OutOfMemoryError, refusal.message);
  assertStrictEquals(assertThrows(() => memory.allocate(8, 8)), refusal);
});

for (const bad of [undefined, null, 5, {}, { byteLength: NaN }, { byteLength: -1 }]) {
  Deno.test(`countingMemory() throws TypeError where upstream returns ${JSON.stringify(bad)}`, () => {
    const memory = countingMemory(new Scripted(() => bad));
    const message = "Cannot allocate in countingMemory: upstream returned";
    assertUncounted(memory, () => memory.allocate(8, 8), TypeError, message);
  });
}

Deno.test("countingMemory().release() throws InvalidAddressError on a region that is not lent", () => {
  const upstream = new Scripted((asked) => heapMemory.allocate(asked, 8));
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
  assert(error.message.endsWith("of 24 bytes at byte 8 is not among the 1 that are lent"));
  assertEquals(upstream.returned.length, 1);
  memory.release(other);
});

Deno.test("countingMemory().release() changes nothing where upstream throws", () => {
  const upstream = new Scripted((asked) => heapMemory.allocate(asked, 8));
  const memory = countingMemory(upstream);
  const region = memory.allocate(16, 8);
  upstream.release = () => {
    throw new Error("boom");
  };
  assertUncounted(memory, () => memory.release(region), Error, "boom");
});

Deno.test("countingMemory() throws TypeError on an upstream that is no resource", () => {
  const message = "upstream must be an object with allocate and release, got ";
  for (const bad of [null, 5, {}, { allocate: () => {} }, { release: () => {} }]) {
    assertThrows(() => countingMemory(untyped(bad)), TypeError, message + String(bad));
  }
});

Deno.test("countingMemory() throws on a limit that is no number from 0", () => {
  const limitedTo = (limit: unknown) => () => countingMemory(heapMemory, untyped({ limit }));
  const message = "Cannot create countingMemory: limit must be a number from 0, got ";
  for (const bad of [-1, NaN, -Infinity]) assertThrows(limitedTo(bad), RangeError, message + bad);
  for (const bad of [null, 8n, {}, true]) assertThrows(limitedTo(bad), TypeError, message + bad);
  assertThrows(limitedTo("64"), TypeError, `${message}"64"`);
  assertEquals(limitedTo(undefined)().limit, Infinity);
});

Deno.test("A pool over countingMemory() stops at the limit, and gives everything back", () => {
  const memory = countingMemory(heapMemory, { limit: 128 });
  const pool = new Pool({ n: "u32" }, { chunksPerBlock: 16, memory });
  pool.allocMany(32);
  assertEquals([memory.usedBytes, memory.regions], [pool.byteLength, 2]);
  assertRefused(pool, () => pool.alloc(), OutOfMemoryError, "128 of 128 bytes are in use");
  pool.freeBlock(0);
  assertEquals([memory.usedBytes, memory.peakBytes], [64, 128]);
  pool.allocMany(16);
  pool.dispose();
  assertEquals([memory.usedBytes, memory.regions, memory.releases], [0, 0, 3]);
});

Deno.test("Two pools over one countingMemory() share its limit", () => {
  const memory = countingMemory(sharedMemory(), { limit: 128 });
  const options = { chunksPerBlock: 16, memory };
  using first = new Pool({ n: "u32" }, options);
  using second = new Pool({ x: "f32" }, options);
  first.alloc();
  second.alloc();
  assertRefused(second, () => second.reserve(17), OutOfMemoryError, "128 of 128 bytes are in use");
  first.dispose();
  second.reserve(17);
  assertEquals([memory.usedBytes, second.byteLength], [128, 128]);
});
