import { assert, assertEquals, assertInstanceOf, assertNotEquals, assertThrows } from "@std/assert";
import { heapMemory, OutOfMemoryError } from "../mod.ts";

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

Deno.test("heapMemory.allocate() throws OutOfMemoryError where the engine refuses", () => {
  const message = `Cannot allocate ${2 ** 53} bytes of heap memory`;
  const error = assertThrows(() => heapMemory.allocate(2 ** 53, 8), OutOfMemoryError, message);
  assertEquals(error.byteLength, 2 ** 53);
  assertInstanceOf(error.cause, RangeError);
});
