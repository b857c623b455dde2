/** Debug mode of the byte allocators: views past their memory, poison, leaks, and addresses of another allocator. */
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  Arena,
  array,
  type ByteAllocator,
  FreeListAllocator,
  InvalidAddressError,
  LeakError,
  Pool,
  StackAllocator,
  StaleHandleError,
  struct,
  validate,
} from "../../mod.ts";
import { WasmStandIn } from "./_support.ts";
import { untyped } from "../_support.ts";

const Point = struct({ x: "u32", y: "u8" });
const Body = struct({
  n: "u32",
  big: "f64",
  at: Point,
  bytes: array("u8", 3),
  points: array(Point, 2),
}, { name: "Body" });

type Ending = [what: string, start: () => { it: ByteAllocator; address: number; end: () => void }];

const frame = (): Arena => new Arena({ name: "it", debug: true, blockBytes: 256 });
const stack = (): StackAllocator => new StackAllocator({ name: "it", debug: true });
const heap = (): FreeListAllocator =>
  new FreeListAllocator({ name: "it", debug: true, byteLength: 4096, grow: true });

/** Every way in which memory is taken back. */
const ENDINGS: Ending[] = [
  ["Arena.reset()", () => {
    const it = frame();
    return { it, address: it.allocRecord(Body), end: () => it.reset() };
  }],
  ["Arena.rewind()", () => {
    const it = frame();
    it.alloc(200);
    const mark = it.mark();
    return { it, address: it.allocRecord(Body), end: () => it.rewind(mark) };
  }],
  ["Arena.rewind() into the record", () => {
    const it = frame();
    const address = it.alloc(24);
    const mark = it.mark();
    it.alloc(Body.size);
    return { it, address, end: () => it.rewind(mark) };
  }],
  ["the end of an Arena.scope()", () => {
    const it = frame();
    const scope = it.scope();
    return { it, address: it.allocRecord(Body), end: () => scope[Symbol.dispose]() };
  }],
  ["Arena.dispose()", () => {
    const it = frame();
    return { it, address: it.allocRecord(Body), end: () => it.dispose() };
  }],
  ["StackAllocator.free()", () => {
    const it = stack();
    const address = it.allocRecord(Body);
    return { it, address, end: () => it.free(address) };
  }],
  ["StackAllocator.reset()", () => {
    const it = stack();
    it.alloc(8);
    const address = it.allocRecord(Body);
    it.alloc(8);
    return { it, address, end: () => it.reset() };
  }],
  ["FreeListAllocator.free()", () => {
    const it = heap();
    const address = it.allocRecord(Body);
    return { it, address, end: () => it.free(address) };
  }],
  ["FreeListAllocator.reset()", () => {
    const it = heap();
    const address = it.allocRecord(Body);
    it.alloc(10_000);
    return { it, address, end: () => it.reset() };
  }],
  ["FreeListAllocator.realloc() that moves", () => {
    const it = heap();
    const address = it.allocRecord(Body);
    it.alloc(8);
    return { it, address, end: () => assert(it.realloc(address, 1000) !== address) };
  }],
  ["FreeListAllocator.realloc() that shrinks", () => {
    const it = heap();
    const address = it.allocRecord(Body);
    return { it, address, end: () => assertEquals(it.realloc(address, Body.size - 1), address) };
  }],
  ["FreeListAllocator.trim()", () => {
    const it = heap();
    const address = it.alloc(10_000);
    return { it, address, end: () => (it.free(address), it.trim()) };
  }],
];

for (const [what, start] of ENDINGS) {
  Deno.test(`A debug view throws on every read and write after ${what}, and never before`, () => {
    const { it, address, end } = start();
    const view = it.view(address, Body);
    const cursor = it.seek(it.cursor(Body), address);
    const { at, bytes, points } = view;
    const point = points.get(1);
    // deno-lint-ignore no-explicit-any -- whole structs can be assigned, as TypeScript cannot say
    const loose = view as any;
    const uses: (() => unknown)[] = [
      () => view.n,
      () => view.n = 1,
      () => view.big,
      () => view.big = 1,
      () => view.toJSON(),
      () => view.at.x,
      () => view.bytes.get(0),
      () => loose.at = { x: 1 },
      () => loose.bytes = [1],
      () => at.x,
      () => at.y = 1,
      () => loose.at.toJSON(),
      () => bytes.get(2),
      () => bytes.set(2, 1),
      () => bytes.copyFrom([1, 2]),
      () => bytes.toArray(),
      () => [...bytes],
      () => points.get(0).x,
      () => points.set(0, { x: 1 }),
      () => point.x,
      () => point.y = 1,
      () => cursor.n,
      () => cursor.n = 1,
    ];
    for (const use of uses) use();
    end();
    const message = `"it": address ${address} was taken back`;
    for (const use of uses) assertThrows(use, StaleHandleError, message);
    assertEquals(assertThrows(() => view.n, StaleHandleError).handle, address);
    assertEquals(assertThrows(() => view.n, StaleHandleError).pool, "it");
    assert(Deno.inspect(view).includes("was taken back"));
  });
}

Deno.test("A debug view of what came in the place of something is another's than that before", () => {
  for (const it of [frame(), stack(), heap()]) {
    const old = it.view(it.allocRecord(Point, { x: 1 }), Point);
    it.reset();
    const address = it.allocRecord(Point, { x: 2 });
    const view = it.view(address, Point);
    assertEquals(view.x, 2);
    assertThrows(() => old.x, StaleHandleError);
    assertEquals(it.seek(old, address).x, 2);
    it.reset();
    it.dispose();
  }
});

Deno.test("Debug views stay good where others end, where memory grows, and where a buffer is replaced", () => {
  const memory = new WasmStandIn(72);
  using it = new FreeListAllocator({ memory, byteLength: 512, grow: true, debug: true });
  const addresses = Array.from({ length: 20 }, (_, x) => it.allocRecord(Point, { x }));
  const views = addresses.map((address) => it.view(address, Point));
  for (let i = 0; i < 20; i += 2) it.free(addresses[i]);
  it.free(it.alloc(2000));
  it.trim();
  memory.grow();
  it.rebind();
  for (let i = 1; i < 20; i += 2) assertEquals(views[i].x, i);
  assertEquals(it.realloc(addresses[19], 20), addresses[19]);
  assertEquals(views[19].x, 19);
  assertEquals(it.realloc(addresses[19], Point.size), addresses[19]);
  assertEquals(views[19].x, 19);
  validate(it);
  it.reset();
});

Deno.test("A rewind leaves the debug views of what is before the mark", () => {
  using it = frame();
  const view = it.view(it.allocRecord(Point, { x: 7 }), Point);
  {
    using _scope = it.scope();
    it.alloc(1000);
  }
  assertEquals(view.x, 7);
});

// -- poison --

Deno.test("A heap and a stack in debug mode overwrite what is freed, and give it out zeroed", () => {
  using it = stack();
  const a = it.alloc(40);
  const bytes = it.bytes(a, 40);
  it.free(a);
  assertEquals([...bytes], Array(40).fill(0xdd));
  it.alloc(40);
  assertEquals([...bytes], Array(40).fill(0));
  it.reset();
  assertEquals([...bytes], Array(40).fill(0xdd));

  using other = heap();
  const b = other.alloc(200);
  other.alloc(8);
  const freed = other.bytes(b, 200);
  freed.fill(1);
  other.realloc(b, 150);
  other.free(b);
  assertEquals([...freed.subarray(16, 150)], Array(134).fill(0xdd));
  validate(other);
  other.alloc(200);
  assertEquals([...freed], Array(200).fill(0));
  other.reset();
});

Deno.test("An arena in debug mode fills what it takes back with zeros all the same", () => {
  using it = frame();
  const bytes = it.bytes(it.alloc(40), 40);
  bytes.fill(1);
  it.reset();
  assertEquals([...bytes], Array(40).fill(0));
  validate(it);
});

// -- leaks --

function allocHere(it: ByteAllocator): number {
  return it.alloc(10);
}

Deno.test("dispose() of a heap or a stack in debug mode names what is live, and where it was allocated", () => {
  for (const [kind, it] of [["StackAllocator", stack()], ["FreeListAllocator", heap()]] as const) {
    const addresses = Array.from({ length: 12 }, () => allocHere(it));
    it.free(addresses[11]);
    const error = assertThrows(() => it.dispose(), LeakError);
    assert(error.message.startsWith(`Cannot dispose of ${kind} "it" cleanly: 11 still live\n`));
    assert(error.message.includes(`address ${addresses[0]}, allocated\n`));
    assert(error.message.endsWith("\nand 1 more"));
    assertEquals(error.leaks.map((leak) => leak.handle), addresses.slice(0, 11));
    assertEquals(error.pool, "it");
    for (const { stack } of error.leaks) {
      assert(stack.includes("allocHere") && !stack.includes("/src/"), stack);
    }
    it.dispose();
  }
});

Deno.test("dispose() in debug mode throws nothing where nothing is live, and of an arena never", () => {
  using it = stack();
  it.free(it.alloc(8));
  using other = heap();
  other.free(other.realloc(other.alloc(8), 1000));
  using arena = frame();
  arena.alloc(100);
});

Deno.test("A region that a debug heap lent is a leak until it is released", () => {
  using it = heap();
  {
    using pool = new Pool({ n: "u32" }, { chunksPerBlock: 16, memory: it });
    pool.free(pool.alloc());
  }
  const region = it.allocate(64, 8);
  assertThrows(() => it.dispose(), LeakError, "1 still live");
  it.release(region);
});

// -- addresses of another --

Deno.test("A debug allocator knows the addresses of the others", () => {
  const all = [
    new Arena({ name: "a", debug: true }),
    new StackAllocator({ name: "b", debug: true }),
    new FreeListAllocator({ name: "c", debug: true }),
  ];
  const labels = ['Arena "a"', 'StackAllocator "b"', 'FreeListAllocator "c"'];
  const addresses = all.map((it) => it.alloc(64));
  all.forEach((it, i) => {
    addresses.forEach((address, j) => {
      if (i === j) assertEquals(it.bytes(address, 64).length, 64);
      else {
        assertThrows(
          () => it.bytes(address, 64),
          InvalidAddressError,
          `${labels[i]}: address ${address} is one of ${labels[j]}`,
        );
      }
    });
  });
  for (const it of all) (it.reset(), it.dispose());
});

Deno.test("The address right past another debug allocator's last is nobody's", () => {
  using other = new Arena({ name: "other", blockBytes: 64, debug: true });
  using arena = new Arena({ name: "arena", blockBytes: 64, debug: true });
  const first = other.alloc(64);
  arena.alloc(64);
  assertThrows(() => arena.bytes(first + 63, 1), InvalidAddressError, 'is one of Arena "other"');
  const { message } = assertThrows(() => arena.bytes(first + 64, 1), InvalidAddressError);
  assert(!message.includes("is one of"), message);
});

Deno.test("An allocator without debug mode knows nobody's addresses but its own", () => {
  using known = new Arena({ name: "known", debug: true });
  known.alloc(8);
  using other = new Arena({ name: "known", debug: true });
  const address = other.alloc(8);
  using plain = new Arena({ name: "plain" });
  const error = assertThrows(() => plain.bytes(address, 8), InvalidAddressError);
  assert(!error.message.includes("known"), error.message);
});

Deno.test("Debug addresses go round after 32 allocators, and are never taken for another's then", () => {
  const all = Array.from({ length: 70 }, (_, i) => new Arena({ name: `${i}`, debug: true }));
  const addresses = all.map((it) => it.alloc(8));
  all.forEach((it) => validate(it));
  assertEquals(addresses[0] % 2 ** 27, addresses[32] % 2 ** 27);
  all[0].reset();
  all[0].trim();
  const { message } = assertThrows(() => all[0].bytes(addresses[0], 8), InvalidAddressError);
  assert(!message.includes("is one of"), message);
  for (const it of all) it.dispose();
});

Deno.test("An allocator is in debug mode or not, and takes nothing else", () => {
  for (const Kind of [Arena, StackAllocator, FreeListAllocator]) {
    assertThrows(
      () => new Kind({ debug: untyped(1) }),
      TypeError,
      "debug must be a boolean, got 1",
    );
  }
});

Deno.test("Without debug mode views are of the class that they always were", () => {
  using plain = new Arena();
  using debug = new Arena({ debug: true });
  using other = new Arena();
  const view = plain.view(plain.allocRecord(Point), Point);
  assertStrictEquals(other.cursor(Point).constructor, view.constructor);
  assert(debug.cursor(Point).constructor !== view.constructor);
  plain.reset();
  view.x; // reads what is there
});
