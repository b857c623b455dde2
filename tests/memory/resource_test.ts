import { assert, assertEquals, assertInstanceOf, assertMatch, assertThrows } from "@std/assert";
import {
  countingMemory,
  heapMemory,
  InvalidAddressError,
  OutOfMemoryError,
  Pool,
  sharedMemory,
} from "../../mod.ts";
import type { CountingMemory, MemoryRegion } from "../../mod.ts";
import { Ledger } from "../_ledger.ts";
import { assertUnchanged, type ErrorClass, shown, untyped, withProperties } from "../_support.ts";

function figuresOf(memory: CountingMemory): number[] {
  const { usedBytes, peakBytes, regions, allocations, releases, limit } = memory;
  return [usedBytes, peakBytes, regions, allocations, releases, limit];
}

// -- heapMemory and sharedMemory() --

for (
  const [name, memory, BufferClass] of [
    ["heap", heapMemory, ArrayBuffer],
    ["shared", sharedMemory(), SharedArrayBuffer],
  ] as const
) {
  Deno.test(`${name}Memory allocates a buffer for each region, or throws OutOfMemoryError`, () => {
    const [a, b] = [memory.allocate(7, 8), memory.allocate(7, 8)];
    new Uint8Array(a.buffer).fill(1);
    assertEquals([b.byteOffset, b.byteLength], [0, 7]);
    assertInstanceOf(b.buffer, BufferClass);
    assertEquals([...new Uint8Array(b.buffer)], Array(7).fill(0));
    const message = `Cannot allocate ${2 ** 53} bytes of ${name} memory: the engine cannot create`;
    const error = assertThrows(() => memory.allocate(2 ** 53, 8), OutOfMemoryError, message);
    assertEquals(error.byteLength, 2 ** 53);
    assertInstanceOf(error.cause, RangeError);
  });
}

Deno.test("heapMemory.release() detaches the buffer, also in engines without transfer()", () => {
  const release = () => {
    const region = heapMemory.allocate(64, 8);
    const view = new Float64Array(region.buffer);
    heapMemory.release(region);
    assertEquals([region.buffer.byteLength, view.length], [0, 0]);
    heapMemory.release(region); // as of a buffer that the user has transferred
  };
  release();
  withProperties(ArrayBuffer.prototype, { transfer: undefined }, () => { // as in Node 20
    release();
    release();
    const pool = new Pool({ n: "u8" });
    pool.alloc({ n: 1 });
    // As in a bare context of node:vm, where the buffer is left to the collector.
    withProperties(globalThis, { MessageChannel: undefined }, () => pool.dispose());
    assertEquals(pool.byteLength, 0);
  });
});

Deno.test("sharedMemory() throws without SharedArrayBuffer or isolation, and says what to enable", () => {
  const cases = [
    ["SharedArrayBuffer", undefined, "there is no SharedArrayBuffer here"],
    ["crossOriginIsolated", false, "this page is not cross-origin isolated, so no"],
  ] as const;
  for (const [property, value, problem] of cases) {
    withProperties(globalThis, { [property]: { value } }, () => {
      const { message } = assertThrows(sharedMemory, Error, `create sharedMemory: ${problem}`);
      assertMatch(message, /Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-/);
    });
  }
});

Deno.test("A pool over sharedMemory() shares its blocks, also those that it gave back", () => {
  using pool = new Pool({ x: "f32", n: "u32" }, { chunksPerBlock: 16, memory: sharedMemory() });
  const handles = pool.allocMany(40);
  const shared = pool.blocks.map(({ bytes, index }) => {
    const { buffer, byteOffset } = structuredClone(bytes); // as postMessage makes it
    const words = new Uint32Array(buffer, byteOffset);
    words[3] = 1000 + index;
    assertEquals(pool.get(handles[index * 16 + 1]).n, 1000 + index);
    return words;
  });
  const [block] = pool.blocks;
  pool.freeBlock(0);
  assertEquals([block.bytes.length, shared[0][3]], [0, 1000]);
});

// -- countingMemory() --

Deno.test("countingMemory() passes calls on, and counts regions and their bytes", () => {
  const allocate = (bytes: number, align: number) => heapMemory.allocate(bytes + align, 8);
  const upstream = new Ledger({ ...heapMemory, allocate });
  const memory = countingMemory(upstream);
  assertEquals(figuresOf(memory), [0, 0, 0, 0, 0, Infinity]);
  const [a, b] = [memory.allocate(84, 16), memory.allocate(20, 8)];
  assertEquals(figuresOf(memory), [128, 128, 2, 2, 0, Infinity]);
  Object.assign(a, { byteLength: 1 }); // release() subtracts what allocate() added
  memory.release(a);
  assert(upstream.returned.has(a));
  memory.release(memory.allocate(8, 8));
  assertEquals(figuresOf(memory), [28, 128, 1, 3, 2, Infinity]);
  memory.release(b);
  assertEquals(figuresOf(memory), [0, 128, 0, 3, 3, Infinity]);
});

Deno.test("countingMemory() throws past its limit, or as upstream does, and changes nothing", () => {
  const script = { ...heapMemory };
  const upstream = new Ledger(script);
  const memory = countingMemory(upstream, { limit: 100 });
  const region = memory.allocate(60, 8);
  const assertFails = <E extends Error>(bytes: number, Class: ErrorClass<E>, message: string) =>
    assertUnchanged(() => figuresOf(memory), () => memory.allocate(bytes, 8), Class, message);
  const message = "Cannot allocate 41 bytes of counted memory: 60 of 100 bytes are in use";
  const error = assertFails(41, OutOfMemoryError, message);
  assertEquals([error.byteLength, error.message, upstream.lent.size], [41, message, 1]);
  script.allocate = () => heapMemory.allocate(64, 8);
  assertFails(20, OutOfMemoryError, "60 of 100 bytes are in use, upstream allocated 64");
  assertEquals([upstream.lent.size, upstream.returned.size], [1, 1]); // it was not kept
  for (const bad of [undefined, 5, {}, { byteLength: NaN }, { byteLength: -1 }]) {
    script.allocate = () => untyped(bad);
    const problem = `upstream returned ${shown(bad)}, not a region`;
    assertFails(8, TypeError, `Cannot allocate in countingMemory: ${problem}`);
  }
  script.release = script.allocate = () => {
    throw new OutOfMemoryError("none left", 8);
  };
  assertFails(8, OutOfMemoryError, "none left");
  const release = () => memory.release(region);
  assertUnchanged(() => figuresOf(memory), release, OutOfMemoryError, "none left");
  script.allocate = () => heapMemory.allocate(40, 8);
  memory.allocate(40, 8);
  assertFails(1, OutOfMemoryError, "100 of 100 bytes are in use");
});

Deno.test("countingMemory().release() throws InvalidAddressError on a region that is not allocated", () => {
  const upstream = new Ledger();
  const memory = countingMemory(upstream);
  const [region, other] = [memory.allocate(16, 8), memory.allocate(16, 8)];
  memory.release(region);
  const before = figuresOf(memory);
  const foreign = { buffer: new ArrayBuffer(32), byteOffset: 8, byteLength: 24 };
  for (const bad of [region, { ...other }, foreign, undefined, null, {}]) {
    const { byteLength, byteOffset } = untyped<Partial<MemoryRegion>>(bad ?? {});
    const message = `Cannot release in countingMemory: the region of ${byteLength} bytes at byte ` +
      `${byteOffset} is not among the 1 that are allocated`;
    const error = assertThrows(() => memory.release(untyped(bad)), InvalidAddressError, message);
    assertEquals([error.pool, error.address], ["countingMemory", byteOffset ?? -1]);
  }
  assertEquals([figuresOf(memory), upstream.returned.size], [before, 1]);
});

Deno.test("countingMemory() throws on an upstream or a limit that is wrong", () => {
  const must = "upstream must be an object with allocate and release, got ";
  for (const bad of [null, 5, {}, { allocate: () => {} }, { release: () => {} }]) {
    assertThrows(() => countingMemory(untyped(bad)), TypeError, must + shown(bad));
  }
  const limitedTo = (limit: unknown) => () => countingMemory(heapMemory, untyped({ limit }));
  const message = "Cannot create countingMemory: limit must be a number from 0, got ";
  for (const bad of [-1, NaN, null, 8n, {}, "64"]) {
    const errorClass = typeof bad === "number" ? RangeError : TypeError;
    assertThrows(limitedTo(bad), errorClass, message + shown(bad));
  }
  assertThrows(() => limitedTo(0)().allocate(1, 8), OutOfMemoryError, "0 of 0 bytes are in use");
});
