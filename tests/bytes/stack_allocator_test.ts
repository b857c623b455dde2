import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  DisposedError,
  InvalidAddressError,
  LifoOrderError,
  OutOfMemoryError,
  StackAllocator,
  struct,
} from "../../mod.ts";
import { assertUntouched, spaceOf, WasmStandIn } from "./_support.ts";
import { untyped } from "../_support.ts";
import { Ledger } from "../_ledger.ts";

const Vec2 = struct({ x: "f32", y: "f32" }, { name: "Vec2" });

// -- alloc() --

Deno.test("StackAllocator.alloc() puts a header of 8 bytes before each payload", () => {
  using stack = new StackAllocator({ byteLength: 256 });
  const a = stack.alloc(24);
  assertEquals([stack.alloc(3) - a, stack.alloc(8) - a], [32, 48]);
  assertEquals(stack.stats(), { byteLength: 256, usedBytes: 64, peakBytes: 64, allocations: 3 });
});

Deno.test("StackAllocator.alloc() aligns address and memory to any power of two up to 4096, and steps back over it", () => {
  for (const skew of [0, 8, 1000, 4088]) {
    using stack = new StackAllocator({ byteLength: 32_768, memory: new WasmStandIn(skew) });
    const taken: [number, number][] = [];
    for (let align = 1; align <= 4096; align *= 2) {
      taken.push([stack.stats().usedBytes, stack.alloc(10, align)]);
      const address = taken[taken.length - 1][1];
      assertEquals([address % align, stack.bytes(address, 1).byteOffset % align], [0, 0]);
      stack.bytes(address, 10).fill(align);
    }
    for (const [used, address] of taken.reverse()) {
      stack.free(address);
      assertEquals(stack.stats().usedBytes, used);
    }
  }
});

Deno.test("StackAllocator.alloc() aligns to 8 at the least", () => {
  using stack = new StackAllocator();
  stack.alloc(1, 1);
  assertEquals(stack.alloc(1, 1) % 8, 0);
});

Deno.test("StackAllocator.alloc() zeroes what was used before", () => {
  using stack = new StackAllocator({ byteLength: 256 });
  for (let round = 0; round < 2; round++) {
    const a = stack.alloc(100);
    assert(stack.bytes(a, 100).every((byte) => byte === 0));
    stack.bytes(a, 100).fill(255);
    if (round === 0) stack.free(a);
    else stack.reset();
  }
  const b = stack.alloc(200);
  assert(stack.bytes(b, 200).every((byte) => byte === 0));
});

Deno.test("StackAllocator.alloc() that does not fit changes nothing, and the last byte can be used", () => {
  using stack = new StackAllocator({ name: "levels", byteLength: 128 });
  stack.alloc(40);
  const error = assertUntouched(
    stack,
    () => stack.alloc(73),
    OutOfMemoryError,
    'Cannot alloc in StackAllocator "levels": 73 bytes would end at 129 of 128, 48 are in use',
  );
  assertEquals(error.byteLength, 73);
  assertUntouched(stack, () => stack.alloc(8, 4096), OutOfMemoryError, "would end at");
  assertUntouched(stack, () => stack.alloc(2 ** 50), OutOfMemoryError, "would end at");
  assertUntouched(stack, () => stack.allocArray("f64", 10), OutOfMemoryError, "would end at");
  assertEquals(stack.sizeOf(stack.alloc(72)), 72);
  assertEquals(stack.stats().usedBytes, 128);
});

// -- free() --

Deno.test("StackAllocator.free() takes the newest alone", () => {
  using stack = new StackAllocator({ name: "levels", byteLength: 256 });
  const [a, b, c] = [stack.alloc(8), stack.alloc(8), stack.alloc(8)];
  const error = assertUntouched(
    stack,
    () => stack.free(a),
    LifoOrderError,
    `Cannot free in StackAllocator "levels": address ${a} is not the newest allocation, ${c} is`,
  );
  assertEquals([error.pool, error.address, error.newest], ["levels", a, c]);
  assertUntouched(stack, () => stack.free(b), LifoOrderError, "is not the newest");
  stack.free(c);
  stack.free(b);
  assertEquals(stack.alloc(8), b);
  stack.free(b);
  stack.free(a);
  assertEquals(stack.stats(), { byteLength: 256, usedBytes: 0, peakBytes: 48, allocations: 0 });
});

Deno.test("StackAllocator.free() refuses what was never given out, is inside, or was freed", () => {
  using stack = new StackAllocator({ byteLength: 256 });
  const [a, b] = [stack.alloc(32), stack.alloc(32)];
  stack.free(b);
  for (const wrong of [a + 8, a - 8, a + 1, a + 16]) {
    assertUntouched(
      stack,
      () => stack.free(wrong),
      InvalidAddressError,
      "no live allocation starts",
    );
  }
  assertUntouched(stack, () => stack.free(b), InvalidAddressError, "is not in use");
  assertUntouched(stack, () => stack.free(0), InvalidAddressError, "is the null address");
  for (const wrong of [-8, NaN, a + 0.5, untyped<number>(String(a)), untyped<number>(undefined)]) {
    assertUntouched(stack, () => stack.free(wrong), InvalidAddressError, "is no address");
  }
  assertUntouched(stack, () => stack.free(a + 2 ** 32), InvalidAddressError, "is not in use");
  stack.free(a);
  assertUntouched(stack, () => stack.free(a), InvalidAddressError, "is not in use");
});

Deno.test("StackAllocator holds what view(), array(), bytes() and sizeOf() may show to single allocations", () => {
  using stack = new StackAllocator({ byteLength: 256 });
  const a = stack.alloc(12);
  const b = stack.alloc(8);
  assertEquals([stack.sizeOf(a), stack.sizeOf(b)], [12, 8]);
  stack.view(a, Vec2).y = 4;
  assertEquals([...stack.array(a, "f32", 3)], [0, 4, 0]);
  assertUntouched(
    stack,
    () => stack.bytes(a, 13),
    InvalidAddressError,
    "holds 12 bytes, fewer than 13",
  );
  assertUntouched(stack, () => stack.array(b, "f32", 3), InvalidAddressError, "holds 8 bytes");
  assertUntouched(stack, () => stack.view(a + 4, Vec2), InvalidAddressError, "no live allocation");
  assertUntouched(stack, () => stack.sizeOf(a + 8), InvalidAddressError, "no live allocation");
  stack.free(b);
  assertUntouched(stack, () => stack.view(b, Vec2), InvalidAddressError, "is not in use");
  assertUntouched(stack, () => stack.sizeOf(b), InvalidAddressError, "is not in use");
});

// -- memory --

Deno.test("StackAllocator.reset() forgets every allocation and keeps the memory", () => {
  using stack = new StackAllocator({ byteLength: 256 });
  const [a, b] = [stack.alloc(40), stack.alloc(40)];
  stack.reset();
  assertEquals(stack.stats(), { byteLength: 256, usedBytes: 0, peakBytes: 96, allocations: 0 });
  for (const it of [a, b]) {
    assertUntouched(stack, () => stack.free(it), InvalidAddressError, "is not in use");
  }
  stack.alloc(8);
  assertUntouched(stack, () => stack.free(b), InvalidAddressError, "is not in use");
  assertEquals(spaceOf(stack).extents[0].starts.reduce((sum, it) => sum + Number(it !== 0), 0), 1);
});

Deno.test("StackAllocator takes its memory at once, and gives it back", () => {
  const ledger = new Ledger();
  const stack = new StackAllocator({ byteLength: 100, memory: ledger });
  assertEquals(ledger.byteLength, 100);
  const address = stack.alloc(8);
  const cursor = stack.cursor(Vec2);
  stack.dispose();
  stack.dispose();
  assertEquals([ledger.lent.size, ledger.returned.size], [0, 1]);
  const calls = [
    () => stack.alloc(8),
    () => stack.free(address),
    () => stack.sizeOf(address),
    () => stack.view(address, Vec2),
    () => stack.seek(cursor, address),
    () => stack.allocAt(cursor),
    () => stack.allocRecord(Vec2),
    () => stack.reset(),
    () => stack.stats(),
    () => stack.rebind(),
  ];
  for (const call of calls) {
    assertThrows(call, DisposedError, 'Cannot use StackAllocator "stack": it was disposed of');
  }
  ledger.budget = 0;
  assertThrows(() => new StackAllocator({ memory: ledger }), OutOfMemoryError);
});

Deno.test("StackAllocator is made whole by rebind() after its memory grew", () => {
  const memory = new WasmStandIn(8);
  using stack = new StackAllocator({ byteLength: 1024, memory });
  const a = stack.allocRecord(Vec2, { x: 1 });
  const b = stack.allocRecord(Vec2, { x: 2 });
  memory.grow();
  const calls = [
    () => stack.alloc(8),
    () => stack.free(b),
    () => stack.sizeOf(b),
    () => stack.view(a, Vec2),
  ];
  for (const call of calls) assertThrows(call, TypeError, "call rebind() first");
  stack.rebind();
  assertEquals(stack.view(a, Vec2).x, 1);
  stack.free(b);
  stack.free(a);
});

Deno.test("StackAllocator refuses options that are none", () => {
  for (const byteLength of [0, 63, -64, 64.5, NaN, 2 ** 30 + 1, untyped<number>("64")]) {
    assertThrows(
      () => new StackAllocator({ byteLength }),
      RangeError,
      'Cannot create StackAllocator "stack": byteLength must be an integer from 64 to 1073741824, got',
    );
  }
  assertThrows(
    () => new StackAllocator(untyped({ name: null })),
    TypeError,
    "name must be a string",
  );
  assertThrows(() => new StackAllocator(untyped({ memory: {} })), TypeError, "memory must be");
});
