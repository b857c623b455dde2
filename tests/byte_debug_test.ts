/** Debug mode of the byte allocators: views that outlive their memory, and what is filled when it comes back. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  Arena,
  array,
  type ByteAllocator,
  FreeListAllocator,
  StackAllocator,
  StaleHandleError,
  struct,
} from "../mod.ts";

const Vec2 = struct({ x: "f32", y: "f32" });
const Ship = struct({ pos: Vec2, hp: "u16", color: array("u8", 3), trail: array(Vec2, 2) });

/** Every read and write that there is through a view of a ship, each on parts that were fetched before. */
function uses(allocator: ByteAllocator, address: number): (() => unknown)[] {
  const ship = allocator.view(address, Ship);
  const { pos, color, trail } = ship;
  const first = trail.get(0);
  return [
    () => ship.hp,
    () => ship.hp = 1,
    () => ship.pos.x,
    () => ship.pos = { x: 1, y: 2 },
    () => pos.x,
    () => pos.y = 1,
    () => color.get(2),
    () => color.set(2, 1),
    () => color.copyFrom([1, 2]),
    () => color.toArray(),
    () => [...color],
    () => first.x,
    () => first.x = 1,
    () => trail.set(1, { x: 1 }),
    () => ship.toJSON(),
  ];
}

function assertAlive(all: (() => unknown)[]): void {
  for (const use of all) use();
}

function assertDead(all: (() => unknown)[], label: string): void {
  for (const use of all) assertThrows(use, StaleHandleError, `Cannot use a view in ${label}`);
}

// -- Arena --

Deno.test("Arena in debug mode has views throw that a rewind took the memory of, and no others", () => {
  using arena = new Arena({ debug: true, name: "frame", blockBytes: 256 });
  const kept = uses(arena, arena.allocRecord(Ship));
  const mark = arena.mark();
  const gone = [1, 2, 3, 4, 5, 6, 7].map(() => uses(arena, arena.allocRecord(Ship)));
  for (const all of [kept, ...gone]) assertAlive(all);
  arena.rewind(mark);
  assertAlive(kept);
  for (const all of gone) assertDead(all, 'Arena "frame"');
  const again = arena.allocRecord(Ship); // where the first of them lay
  for (const all of gone) assertDead(all, 'Arena "frame"');
  assertAlive(uses(arena, again));
  assertEquals(arena.view(arena.allocRecord(Ship), Ship).toJSON().hp, 0);
});

Deno.test("Arena in debug mode has views throw after reset(), a scope, trim() and dispose()", () => {
  const arena = new Arena({ debug: true, name: "frame" });
  const before = uses(arena, arena.allocRecord(Ship));
  arena.reset();
  assertDead(before, 'Arena "frame"');
  let scoped: (() => unknown)[];
  {
    using _scope = arena.scope();
    scoped = uses(arena, arena.allocRecord(Ship));
    assertAlive(scoped);
  }
  assertDead(scoped, 'Arena "frame"');
  arena.trim();
  assertDead(scoped, 'Arena "frame"');
  const last = uses(arena, arena.allocRecord(Ship));
  arena.dispose();
  assertDead(last, 'Arena "frame"');
});

Deno.test("Arena in debug mode tells records of one byte apart at a mark", () => {
  using arena = new Arena({ debug: true });
  const Byte = struct({ n: "u8" });
  const kept = arena.view(arena.allocRecord(Byte, { n: 1 }), Byte);
  const mark = arena.mark();
  const gone = arena.view(arena.allocRecord(Byte, { n: 2 }), Byte);
  arena.rewind(mark);
  assertEquals(kept.n, 1);
  assertThrows(() => gone.n, StaleHandleError, "came back");
});

Deno.test("Arena in debug mode lets a cursor be moved on from what came back", () => {
  using arena = new Arena({ debug: true });
  const cursor = arena.cursor(Vec2);
  const first = arena.allocAt(cursor);
  cursor.x = 1;
  arena.reset();
  const error = assertThrows(() => cursor.x, StaleHandleError);
  assertEquals([error.pool, error.handle], ["arena", first]);
  arena.allocAt(cursor);
  assertEquals(cursor.x, 0);
  const other = arena.allocRecord(Vec2, { x: 5 });
  assertEquals(arena.seek(cursor, other).x, 5);
});

// -- StackAllocator --

Deno.test("StackAllocator in debug mode has views throw after free() and reset(), and poisons", () => {
  const stack = new StackAllocator({ debug: true, name: "calls" });
  const older = uses(stack, stack.allocRecord(Ship));
  const address = stack.allocRecord(Ship, { hp: 7 });
  const newer = uses(stack, address);
  const bytes = stack.bytes(address, Ship.size);
  stack.free(address);
  assert(bytes.every((byte) => byte === 0xdd));
  assertDead(newer, 'StackAllocator "calls"');
  assertAlive(older);
  assertEquals(stack.view(stack.allocRecord(Ship), Ship).hp, 0);
  assertDead(newer, 'StackAllocator "calls"');
  stack.reset();
  assertDead(older, 'StackAllocator "calls"');
  stack.dispose();
});

// -- FreeListAllocator --

for (const options of [{ index: "tree" }, { index: "list", fit: "first" }] as const) {
  Deno.test(`FreeListAllocator in debug mode has views throw after free() and poisons (${options.index})`, () => {
    const heap = new FreeListAllocator({ ...options, debug: true, name: "heap", byteLength: 4096 });
    const addresses = [1, 2, 3, 4, 5].map(() => heap.allocRecord(Ship, { hp: 7 }));
    const all = addresses.map((address) => uses(heap, address));
    const bytes = heap.bytes(addresses[1], Ship.size);
    heap.free(addresses[1]);
    assertDead(all[1], 'FreeListAllocator "heap"');
    assertEquals(bytes[Ship.size - 9], 0xdd); // past the links, before the tag at the end
    heap.free(addresses[3]);
    heap.free(addresses[2]); // joins both
    for (const at of [1, 2, 3]) assertDead(all[at], 'FreeListAllocator "heap"');
    for (const at of [0, 4]) assertAlive(all[at]);
    const again = heap.allocRecord(Ship);
    assertEquals(heap.view(again, Ship).hp, 0);
    for (const at of [1, 2, 3]) assertDead(all[at], 'FreeListAllocator "heap"');
    heap.reset();
    for (const at of [0, 4]) assertDead(all[at], 'FreeListAllocator "heap"');
    heap.dispose();
  });
}

Deno.test("FreeListAllocator in debug mode has views throw that realloc() moved, and not those it left", () => {
  using heap = new FreeListAllocator({ debug: true, byteLength: 4096 });
  const a = heap.alloc(Ship.size);
  const b = heap.alloc(8);
  const view = uses(heap, a);
  const grown = heap.realloc(a, 400); // b is in the way
  assertDead(view, 'FreeListAllocator "heap"');
  const moved = uses(heap, grown);
  assertEquals(heap.realloc(grown, 200), grown);
  assertEquals(heap.realloc(grown, 300), grown);
  assertAlive(moved);
  heap.free(b);
  assertAlive(moved);
});

Deno.test("FreeListAllocator in debug mode ends the life of what a shrinking realloc() cuts off", () => {
  using heap = new FreeListAllocator({ debug: true, byteLength: 4096 });
  const a = heap.alloc(256);
  const bytes = heap.bytes(a, 256).fill(1);
  assertEquals(heap.realloc(a, 64), a);
  assertEquals(bytes[63], 1);
  assert(bytes.subarray(64, 72).every((byte) => byte !== 1)); // poison, or the header of what is free
  assertEquals(bytes[128], 0xdd);
});

Deno.test("byte allocators do the same with debug mode and without", () => {
  const run = (debug: boolean) => {
    using heap = new FreeListAllocator({ debug, byteLength: 1 << 16 });
    const live: number[] = [];
    const trace: number[] = [];
    let seed = 1;
    const random = () => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) / 2 ** 32;
    for (let i = 0; i < 3000; i++) {
      if (live.length > 0 && random() < 0.45) {
        heap.free(live.splice(Math.floor(random() * live.length), 1)[0]);
      } else if (live.length < 100) {
        const address = heap.alloc(1 + Math.floor(random() * 300));
        assert(heap.bytes(address, heap.sizeOf(address)).every((byte) => byte === 0));
        live.push(address);
        trace.push(address);
      }
    }
    return { trace, stats: heap.stats() };
  };
  assertEquals(run(true), run(false));
});

Deno.test("byte allocators refuse a debug option that is no boolean", () => {
  for (const Class of [Arena, StackAllocator, FreeListAllocator]) {
    assertThrows(() => new Class({ debug: "yes" as never }), TypeError, "debug must be a boolean");
  }
});
