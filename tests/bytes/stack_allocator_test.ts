/** What the model does not show of stacks: errors. */
import { assertEquals } from "@std/assert";
import {
  InvalidAddressError,
  LifoOrderError,
  OutOfMemoryError,
  StackAllocator,
} from "../../mod.ts";
import { assertUntouched } from "./_support.ts";

Deno.test("StackAllocator.alloc() fills the memory to its last byte, and throws past it", () => {
  using stack = new StackAllocator({ name: "levels", byteLength: 250 });
  stack.alloc(100);
  const message =
    'Cannot alloc in StackAllocator "levels": 131 bytes would end at 251 of 250, 108 are in use';
  const error = assertUntouched(stack, () => stack.alloc(131), OutOfMemoryError, message);
  assertEquals([error.byteLength, stack.sizeOf(stack.alloc(130))], [131, 130]);
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
