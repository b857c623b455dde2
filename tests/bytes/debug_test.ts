/** Debug mode of the byte allocators: views of freed memory, poison, leaks, foreign addresses. */
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  Arena,
  array,
  countingMemory,
  debug as debugMode,
  FreeListAllocator,
  heapMemory,
  InvalidAddressError,
  LeakError,
  OutOfMemoryError,
  restoreArena,
  snapshotArena,
  StackAllocator,
  StaleHandleError,
  struct,
  type View,
} from "../../mod.ts";
import { type AnyAllocator, CLASSES, wasmAt } from "./_support.ts";

const Point = struct({ x: "u32", y: "u8" });
const Body = struct({ n: "u32", big: "f64", at: Point, points: array(Point, 2) }, { name: "Body" });

const frame = (): Arena => new Arena({ name: "it", debug: debugMode, blockBytes: 256 });
const stack = (): StackAllocator => new StackAllocator({ name: "it", debug: debugMode });
const heap = (): FreeListAllocator =>
  new FreeListAllocator({ name: "it", debug: debugMode, byteLength: 4096, grow: true });

// -- views --

/** Asserts that views of a record and their parts throw from its end on; returns one of them. */
function assertEnds(it: AnyAllocator, address: number, end: () => unknown): View<typeof Body> {
  const view = it.view(address, Body);
  const cursor = it.seek(it.cursor(Body), address);
  const { at, points } = view;
  const point = points.get(1);
  const uses: (() => unknown)[] = [
    () => view.n,
    () => view.n = 1,
    () => view.toJSON(),
    () => at.x,
    () => at.y = 1,
    () => points.set(0, { x: 1 }),
    () => point.x,
    () => cursor.big,
  ];
  for (const use of uses) use();
  end();
  for (const use of uses) {
    const error = assertThrows(use, StaleHandleError, `"it": address ${address} was freed`);
    assertEquals([error.handle, error.pool], [address, "it"]);
  }
  assert(Deno.inspect(view).includes("was freed"));
  return cursor;
}

/** Defines a test for each call that frees a record, which was allocated right after a mark. */
function eachEnd<A extends AnyAllocator>(
  make: () => A,
  ends: Readonly<Record<string, (it: A, address: number, mark: number) => unknown>>,
): void {
  for (const [what, end] of Object.entries(ends)) {
    Deno.test(`A debug view is stale from ${what} on, also when its memory is allocated again`, () => {
      const it = make();
      const mark = it instanceof Arena ? it.mark() : 0;
      const address = it.allocRecord(Body);
      const cursor = assertEnds(it, address, () => {
        end(it, address, mark);
        it.allocRecord(Body);
      });
      assertEquals(it.seek(cursor, it.allocRecord(Body, { n: 7 })).n, 7);
    });
  }
}

eachEnd(frame, {
  "Arena.reset()": (it) => it.reset(),
  "Arena.rewind()": (it, _, mark) => it.rewind(mark),
  "restoreArena()": (it) => restoreArena(it, snapshotArena(it)),
});

eachEnd(stack, {
  "StackAllocator.free()": (it, address) => it.free(address),
  "StackAllocator.reset()": (it) => it.reset(),
});

eachEnd(heap, {
  "FreeListAllocator.free()": (it, address) => it.free(address),
  "FreeListAllocator.reset()": (it) => it.reset(),
  "FreeListAllocator.realloc() that moves": (it, address) => it.realloc(address, 8, 4096),
  "FreeListAllocator.realloc() that shrinks": (it, address) => it.realloc(address, Body.size - 1),
});

Deno.test("A debug view is stale once a part of its record is freed, a region reused or memory released", () => {
  const arena = frame();
  const address = arena.alloc(24);
  const mark = arena.mark();
  arena.alloc(Body.size);
  assertEnds(arena, address, () => arena.rewind(mark));

  const region = arena.allocate(Body.size, 8);
  assertEnds(arena, arena.addressOf(new Uint8Array(region.buffer, region.byteOffset, 1)), () => {
    arena.release(region);
    arena.allocate(Body.size, 8);
  });
  assertEnds(arena, arena.allocRecord(Body), () => arena.dispose());

  const it = heap();
  const large = it.alloc(10_000);
  assertEnds(it, large, () => {
    it.free(large);
    it.trim();
  });
});

Deno.test("A debug view stays stale when its memory was given back and taken again", () => {
  const memory = countingMemory(heapMemory, { limit: 1100 });
  const heap = new FreeListAllocator({ byteLength: 512, grow: true, debug: debugMode, memory });
  heap.alloc(480);
  const address = heap.alloc(480);
  const view = heap.view(address, Point);
  heap.free(address);
  assertThrows(() => heap.alloc(1400), OutOfMemoryError);
  for (let i = 0; i < 4; i++) {
    const again = heap.alloc(480);
    assertThrows(() => view.x, StaleHandleError);
    heap.free(again);
  }
});

Deno.test("Debug views stay valid when others end, and when memory grows or is replaced", () => {
  const memory = wasmAt(72);
  using it = new FreeListAllocator({ memory, byteLength: 512, grow: true, debug: debugMode });
  const [gone, ...kept] = [0, 1, 2].map((x) => it.allocRecord(Point, { x }));
  const views = kept.map((address) => it.view(address, Point));
  for (const address of [gone, it.alloc(2000)]) it.free(address);
  it.trim();
  memory.memory.grow(1);
  assertThrows(() => views[0].x, TypeError, "its memory was detached");
  it.rebind();
  for (const bytes of [20, Point.size]) {
    assertEquals(it.realloc(kept[1], bytes), kept[1]);
    assertEquals(views.map(({ x }) => x), [1, 2]);
  }
  it.reset();
  using arena = frame();
  const view = arena.view(arena.allocRecord(Point, { x: 7 }), Point);
  const scope = arena.scope();
  arena.alloc(1000);
  scope[Symbol.dispose]();
  assertEquals(view.x, 7);
});

Deno.test("Views without debug mode share a class, which is not that of debug views", () => {
  const allocators = [new Arena(), new StackAllocator(), frame()];
  const [plain, other, debug] = allocators.map((it) => it.cursor(Point).constructor);
  assertStrictEquals(plain, other);
  assert(debug !== plain);
});

// -- poison --

Deno.test("Debug mode overwrites what is freed in a stack or a heap", () => {
  for (const [it, linkBytes] of [[stack(), 0], [heap(), 16]] as const) {
    const address = it.alloc(200);
    const bytes = it.bytes(address, 200).fill(1);
    if (it instanceof FreeListAllocator) it.realloc(address, 150);
    it.free(address);
    const free = bytes.subarray(linkBytes, 150); // after the links of the index
    assert(free.every((byte) => byte === 0xdd));
    it.bytes(it.alloc(200), 200).fill(1);
    it.reset();
    assert(free.every((byte) => byte === 0xdd));
  }
});

// -- leaks --

function allocHere(it: AnyAllocator): number[] {
  return [it.alloc(10), it.allocRecord(Point, { x: 1 }), it.alloc(8)];
}

Deno.test("dispose() of a debug heap or stack lists what is live, and where it was allocated", () => {
  for (const [kind, it] of [["StackAllocator", stack()], ["FreeListAllocator", heap()]] as const) {
    const [a, b, c] = allocHere(it);
    it.free(c);
    const { message, leaks, pool } = assertThrows(() => it.dispose(), LeakError);
    const start = `Cannot dispose of ${kind} "it" cleanly: 2 still live\naddress ${a}, allocated\n`;
    assert(message.startsWith(start), message);
    assertEquals([leaks.map(({ handle }) => handle), pool], [[a, b], "it"]);
    for (const { stack } of leaks) {
      assert(stack.includes("allocHere") && !stack.includes("/src/"), stack);
    }
    it.dispose();
  }
});

// -- foreign addresses --

Deno.test("A debug allocator names the debug allocator that an address belongs to", () => {
  const all = Object.entries(CLASSES).map(([kind, make]) => {
    const it = make({ name: "it", debug: debugMode });
    return { label: `${kind} "it"`, it, address: it.alloc(1024) };
  });
  using plain = new Arena();
  for (const { it, label, address } of all) {
    for (const other of all) {
      const use = () => other.it.bytes(address, 64);
      const message = `${other.label}: address ${address} is one of ${label}`;
      if (other.it === it) use();
      else assertThrows(use, InvalidAddressError, message);
    }
    const foreign = assertThrows(() => plain.bytes(address, 8), InvalidAddressError);
    assert(!foreign.message.includes("is one of"), foreign.message);
  }
  // The arena's only block ends here.
  const past = assertThrows(() => all[1].it.bytes(all[0].address + 1024, 1), InvalidAddressError);
  assert(!past.message.includes("is one of"), past.message);
});

Deno.test("Debug allocators share addresses from the 33rd on, and are not confused then", () => {
  const all = Array.from({ length: 70 }, (_, i) => new Arena({ name: `${i}`, debug: debugMode }));
  const addresses = all.map((it) => it.alloc(8));
  assertEquals(addresses[0] % 2 ** 27, addresses[32] % 2 ** 27);
  all[0].reset();
  all[0].trim();
  const { message } = assertThrows(() => all[0].bytes(addresses[0], 8), InvalidAddressError);
  assert(!message.includes("is one of"), message);
  for (const it of all) it.dispose();
});
