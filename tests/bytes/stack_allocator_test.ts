/** What the model does not show of stacks: figures and errors. */
import { assertEquals, assertThrows } from "@std/assert";
import {
  InvalidAddressError,
  LifoOrderError,
  OutOfMemoryError,
  StackAllocator,
} from "../../mod.ts";
import { assertUntouched } from "./_support.ts";

Deno.test("StackAllocator.stats() counts headers and padding, and the most that was used", () => {
  using stack = new StackAllocator({ byteLength: 256 });
  const [a, b, c] = [24, 3, 8].map((size) => stack.alloc(size));
  assertEquals([b - a, c - a], [32, 48]);
  assertEquals(stack.stats(), { byteLength: 256, usedBytes: 64, peakBytes: 64, allocations: 3 });
  stack.free(c);
  assertEquals(stack.stats(), { byteLength: 256, usedBytes: 43, peakBytes: 64, allocations: 2 });
  stack.alloc(100);
  stack.reset();
  assertEquals(stack.stats(), { byteLength: 256, usedBytes: 0, peakBytes: 156, allocations: 0 });
});

Deno.test("StackAllocator.alloc() fills the memory to its last byte, and throws past it", () => {
  for (let byteLength = 64; byteLength < 1200; byteLength++) {
    using stack = new StackAllocator({ name: "levels", byteLength });
    const first = stack.alloc(byteLength - 20 & ~7);
    const { usedBytes } = stack.stats();
    const room = byteLength - usedBytes - 8;
    const message = `Cannot alloc in StackAllocator "levels": ${room + 1} bytes would end at ` +
      `${byteLength + 1} of ${byteLength}, ${usedBytes} are in use`;
    const error = assertThrows(() => stack.alloc(room + 1), OutOfMemoryError, message);
    assertEquals([error.byteLength, stack.stats().allocations], [room + 1, 1]);
    const last = stack.alloc(room);
    assertEquals(stack.sizeOf(last), room);
    stack.free(last);
    stack.free(first);
    assertEquals(stack.stats().usedBytes, 0);
  }
});

Deno.test("StackAllocator.free() throws on all but the newest allocation", () => {
  using stack = new StackAllocator({ name: "levels", byteLength: 256 });
  const [a, b, c] = [8, 32, 12].map((size) => stack.alloc(size));
  const message = `in StackAllocator "levels": address ${a} is not the newest allocation, ${c} is`;
  const error = assertUntouched(stack, () => stack.free(a), LifoOrderError, message);
  assertEquals([error.pool, error.address, error.newest], ["levels", a, c]);
  stack.free(c);
  const inside = "is inside the stack, and no live allocation starts there";
  assertUntouched(stack, () => stack.free(b + 8), InvalidAddressError, inside);
  assertUntouched(stack, () => stack.bytes(b, 33), InvalidAddressError, "holds 32 bytes, fewer");
  stack.reset();
  stack.alloc(8);
  const unused = "is not in use, and no live allocation starts there";
  assertUntouched(stack, () => stack.free(b), InvalidAddressError, unused);
});
