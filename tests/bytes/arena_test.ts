import {
  assert,
  assertEquals,
  assertNotEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  Arena,
  array,
  DisposedError,
  InvalidAddressError,
  type MemoryRegion,
  NULL_HANDLE,
  OutOfMemoryError,
  Pool,
  ref,
  struct,
  validate,
} from "../../mod.ts";
import { assertUntouched, spaceOf, WasmStandIn } from "./_support.ts";
import { untyped } from "../_support.ts";
import { Ledger } from "../_ledger.ts";

const Vec2 = struct({ x: "f32", y: "f32" }, { name: "Vec2" });
const Byte = struct({ n: "u8" });
const Wide = struct({ a: "u8", b: "f64" });

/** Small blocks, so that their edges are near. */
function small(): Arena {
  return new Arena({ blockBytes: 64 });
}

// -- alloc() --

Deno.test("Arena fills a block to its last byte, with whatever call", () => {
  using arena = new Arena({ blockBytes: 64 });
  const cursor = arena.cursor(Vec2);
  const calls = [
    () => arena.alloc(8),
    () => arena.allocRecord(Vec2),
    () => arena.allocRecord(Vec2, { x: 1 }),
    () => arena.allocAt(cursor),
  ];
  for (const call of calls) {
    for (let i = 0; i < 8; i++) call();
    assertEquals([arena.stats().blocks, arena.stats().usedBytes], [1, 64]);
    arena.reset();
  }
});

Deno.test("Arena counts what it gave out as used, and no end of a block where the next did not fit", () => {
  using arena = new Arena({ blockBytes: 64 });
  for (let i = 1; i <= 3; i++) {
    arena.alloc(40);
    const { usedBytes, peakBytes, byteLength } = arena.stats();
    assertEquals([usedBytes, peakBytes, byteLength], [40 * i, 40 * i, 64 * i]);
  }
});

Deno.test("Arena.alloc() gives out bytes in order, packed as their alignments allow", () => {
  using arena = new Arena({ blockBytes: 4096 });
  const first = arena.alloc(1, 1);
  assertEquals(
    [arena.alloc(3, 1), arena.alloc(2, 2), arena.alloc(1, 1), arena.alloc(4, 4), arena.alloc(1, 8)]
      .map((it) => it - first),
    [1, 4, 6, 8, 16],
  );
  assertEquals(arena.stats().usedBytes, 17);
});

Deno.test("Arena.alloc() aligns to 8 unless told", () => {
  using arena = new Arena();
  arena.alloc(1, 1);
  assertEquals(arena.alloc(1) % 8, 0);
});

Deno.test("Arena.alloc() aligns address and memory to any power of two up to 4096, whatever the region's offset", () => {
  for (const skew of [0, 8, 1000, 4088]) {
    using arena = new Arena({ blockBytes: 16_384, memory: new WasmStandIn(skew) });
    for (let align = 1; align <= 4096; align *= 2) {
      arena.alloc(1, 1);
      const address = arena.alloc(10, align);
      assertEquals([address % align, arena.bytes(address, 1).byteOffset % align], [0, 0]);
    }
  }
});

Deno.test("Arena takes no memory before the first alloc, and a block when one is full", () => {
  const ledger = new Ledger();
  using arena = new Arena({ blockBytes: 64, memory: ledger });
  assertEquals(arena.stats(), { byteLength: 0, usedBytes: 0, peakBytes: 0, blocks: 0 });
  for (let i = 0; i < 8; i++) arena.alloc(8);
  assertEquals([arena.stats().blocks, ledger.byteLength], [1, 64]);
  arena.alloc(1);
  assertEquals([arena.stats().blocks, ledger.byteLength], [2, 128]);
});

Deno.test("Arena.alloc() gives what is larger than a block one of its own, aligned as asked", () => {
  const ledger = new Ledger();
  using arena = new Arena({ blockBytes: 64, memory: ledger });
  const before = arena.alloc(8);
  const large = arena.alloc(65);
  const larger = arena.alloc(5000, 4096);
  const after = arena.alloc(8);
  assertEquals(larger % 4096, 0);
  assertEquals([...ledger.lent].map((it) => it.byteLength), [64, 65, 5000, 64]);
  arena.bytes(large, 65).fill(1);
  arena.bytes(larger, 5000).fill(2);
  for (const it of [before, after]) assertEquals([...arena.bytes(it, 8)], Array(8).fill(0));
});

Deno.test("Arena.alloc() that finds no memory changes nothing, and what fits still does", () => {
  const ledger = new Ledger();
  using arena = new Arena({ blockBytes: 64, memory: ledger });
  arena.alloc(40);
  ledger.budget = 0;
  assertUntouched(arena, () => arena.alloc(25), OutOfMemoryError, "the budget is spent");
  assertUntouched(
    arena,
    () => arena.alloc(2 ** 40),
    OutOfMemoryError,
    "1099511627776 bytes in a row",
  );
  assertUntouched(arena, () => arena.allocate(25, 8), OutOfMemoryError, "the budget is spent");
  assertUntouched(arena, () => arena.allocArray("f64", 4), OutOfMemoryError, "the budget is spent");
  arena.alloc(24);
  const cursor = arena.cursor(Vec2);
  assertUntouched(arena, () => arena.allocAt(cursor), OutOfMemoryError, "the budget is spent");
  assertThrows(() => arena.addressOf(cursor), TypeError, "is unbound");
  assertUntouched(arena, () => arena.allocRecord(Vec2), OutOfMemoryError, "the budget is spent");
  assertUntouched(
    arena,
    () => arena.allocRecord(Vec2, { x: 1 }),
    OutOfMemoryError,
    "the budget is spent",
  );
});

// -- records --

Deno.test("Arena.allocRecord() and allocAt() align records and cross blocks", () => {
  using arena = small();
  const cursor = arena.cursor(Wide);
  const addresses: number[] = [];
  for (let i = 0; i < 20; i++) {
    arena.alloc(1, 1);
    const address = i % 2 === 0 ? arena.allocRecord(Wide) : arena.allocAt(cursor);
    if (i % 2 === 0) arena.seek(cursor, address);
    assertEquals([address % 8, arena.addressOf(cursor)], [0, address]);
    cursor.a = i;
    cursor.b = -i;
    addresses.push(address);
  }
  assert(arena.stats().blocks > 4);
  addresses.forEach((address, i) => {
    assertEquals(arena.seek(cursor, address).toJSON(), { a: i, b: -i });
    assertEquals(arena.view(address, Wide).toJSON(), { a: i, b: -i });
  });
});

Deno.test("Arena.allocRecord() packs records of one byte", () => {
  using arena = small();
  const first = arena.allocRecord(Byte);
  assertEquals([arena.allocRecord(Byte) - first, arena.allocRecord(Byte, { n: 3 }) - first], [
    1,
    2,
  ]);
});

Deno.test("Arena's records hold handles of pools, their own kind's too, and null as 0", () => {
  const Node = struct({ next: ref("self"), near: array(ref("self"), 2) }, { name: "Node" });
  using nodes = new Pool(Node);
  using arena = new Arena();
  const node = nodes.alloc({ next: null });
  const view = arena.view(arena.allocRecord(Node, { next: node, near: [null, node] }), Node);
  assertEquals(nodes.get(view.next).toJSON(), {
    next: NULL_HANDLE,
    near: [NULL_HANDLE, NULL_HANDLE],
  });
  assertEquals(view.near.toArray(), [NULL_HANDLE, node]);
  view.near.set(1, null);
  assertEquals(view.near.get(1), NULL_HANDLE);
});

Deno.test("Arena.allocRecord() that is refused a value takes nothing", () => {
  using arena = small();
  arena.allocRecord(Byte);
  const bad = untyped<{ n?: number }>({ n: "1" });
  assertUntouched(arena, () => arena.allocRecord(Byte, bad), TypeError, "u8 must be a number");
});

Deno.test("Arena.allocRecord() refuses what is no struct", () => {
  for (const arena of [small(), new Arena()]) {
    for (const wrong of [{}, 5, "Vec2", { x: "f32" }]) {
      const call = () => arena.allocRecord(untyped<typeof Vec2>(wrong));
      assertUntouched(arena, call, TypeError, "is no struct");
      arena.allocRecord(Byte);
    }
    arena.dispose();
  }
});

Deno.test("Arena.view() and seek() take any aligned address of what is given out, and nothing past it", () => {
  using arena = new Arena({ name: "frame" });
  const address = arena.alloc(24);
  const cursor = arena.cursor(Vec2);
  arena.array(address, "f32", 6).set([1, 2, 3, 4, 5, 6]);
  assertEquals(arena.seek(cursor, address + 16).toJSON(), { x: 5, y: 6 });
  assertEquals(arena.view(address + 4, Vec2).toJSON(), { x: 2, y: 3 });
  for (
    const look of [(at: number) => arena.view(at, Vec2), (at: number) => arena.seek(cursor, at)]
  ) {
    const held = assertUntouched(arena, () => look(address + 20), InvalidAddressError, "");
    assertStringIncludes(
      held.message,
      `in Arena "frame": address ${
        address + 20
      } does not hold 8 bytes, 4 are given out from there on`,
    );
    assertEquals([held.pool, held.address], ["frame", address + 20]);
    assertUntouched(arena, () => look(address + 2), InvalidAddressError, "is no multiple of 4");
    assertUntouched(arena, () => look(address + 24), InvalidAddressError, "0 are given out");
    assertUntouched(arena, () => look(address - 4), InvalidAddressError, "does not hold 8 bytes");
    assertUntouched(arena, () => look(2 ** 31), InvalidAddressError, "does not hold 8 bytes");
  }
  assertEquals(arena.addressOf(cursor), address + 16);
});

Deno.test("Arena.seek() moves into blocks before the current one", () => {
  using arena = small();
  const addresses = Array.from({ length: 30 }, (_, i) => arena.allocRecord(Vec2, { x: i }));
  const cursor = arena.cursor(Vec2);
  for (let i = 29; i >= 0; i--) assertEquals(arena.seek(cursor, addresses[i]).x, i);
});

// -- mark() and rewind() --

Deno.test("Arena.rewind() takes back what came after a mark, across blocks, and it is zeroed when it comes again", () => {
  using arena = small();
  const kept = arena.alloc(40);
  arena.bytes(kept, 40).fill(9);
  const mark = arena.mark();
  const run = () => [16, 8, 64, 1, 100, 40, 3].map((size) => arena.alloc(size));
  const first = run();
  const { byteLength, blocks } = arena.stats();
  for (let round = 0; round < 3; round++) {
    [16, 8, 64, 1, 100, 40, 3].forEach((size, i) => arena.bytes(first[i], size).fill(255));
    arena.rewind(mark);
    assertEquals(arena.stats().usedBytes, 40);
    assertThrows(() => arena.bytes(first[0], 1), InvalidAddressError, "0 are given out");
    assertThrows(() => arena.bytes(first[4], 1), InvalidAddressError, "0 are given out");
    assertEquals(run(), first);
    [16, 8, 64, 1, 100, 40, 3].forEach((size, i) =>
      assert(arena.bytes(first[i], size).every((byte) => byte === 0))
    );
  }
  assertEquals([arena.stats().byteLength, arena.stats().blocks], [byteLength, blocks]);
  assertEquals([...arena.bytes(kept, 40)], Array(40).fill(9));
});

Deno.test("Arena.rewind() to where a block was full, and to where it was entered, goes on there", () => {
  using arena = small();
  arena.alloc(64);
  const full = arena.mark();
  const second = arena.alloc(8);
  arena.rewind(full);
  assertEquals(arena.stats().usedBytes, 64);
  assertEquals(arena.alloc(8), second);
  assertEquals(arena.stats(), { byteLength: 128, usedBytes: 72, peakBytes: 72, blocks: 2 });
});

Deno.test("Arena.rewind() to before there was a block empties it", () => {
  using arena = small();
  const mark = arena.mark();
  const first = arena.alloc(8);
  for (let i = 0; i < 100; i++) arena.alloc(8);
  arena.rewind(mark);
  assertEquals(arena.stats().usedBytes, 0);
  assertEquals(arena.alloc(8), first);
});

Deno.test("Arena.rewind() to where it stands does nothing", () => {
  using arena = small();
  const a = arena.alloc(8);
  arena.rewind(arena.mark());
  arena.bytes(a, 8);
});

Deno.test("Arena.rewind() refuses marks beyond where it stands, of others, and what is none", () => {
  using arena = new Arena({ name: "frame" });
  using other = new Arena();
  const early = arena.mark();
  arena.alloc(100);
  other.alloc(50);
  const late = arena.mark();
  arena.rewind(early);
  arena.alloc(40);
  assertUntouched(
    arena,
    () => arena.rewind(late),
    RangeError,
    `Cannot rewind in Arena "frame": mark ${late} is 60 bytes beyond where it stands`,
  );
  const foreign = [other.mark(), 0, 8, -1, NaN, 1.5, early + 0.5, Infinity, untyped<number>("8")];
  for (const mark of foreign) {
    assertUntouched(arena, () => arena.rewind(mark), RangeError, "is no mark of it");
  }
  assertUntouched(
    arena,
    () => arena.rewind(untyped(undefined)),
    RangeError,
    "undefined is no mark",
  );
});

Deno.test("Arena.rewind() keeps blocks, and takes them in order, a larger one where it is needed", () => {
  const ledger = new Ledger();
  using arena = new Arena({ blockBytes: 64, memory: ledger });
  arena.alloc(64);
  const large = arena.alloc(1000);
  arena.alloc(64);
  arena.reset();
  ledger.budget = 0;
  arena.alloc(64);
  assertEquals(arena.alloc(900), large);
  arena.alloc(64);
  arena.reset();
  assertEquals(arena.alloc(900), large); // the first block is passed over, and stays for later
  arena.alloc(64); // in what is left there
  arena.alloc(64);
  arena.alloc(64);
  assertEquals(arena.stats().blocks, 3);
  assertThrows(() => arena.alloc(64), OutOfMemoryError);
});

// -- reset() and scope() --

Deno.test("Arena.reset() keeps the memory, zeroes it, and starts over", () => {
  using arena = small();
  const addresses = Array.from({ length: 20 }, () => arena.alloc(16));
  for (const it of addresses) arena.bytes(it, 16).fill(255);
  const { byteLength } = arena.stats();
  arena.reset();
  assertEquals(arena.stats(), { byteLength, usedBytes: 0, peakBytes: 320, blocks: 5 });
  for (const { u8 } of spaceOf(arena).extents) assert(u8.every((byte) => byte === 0));
  for (const it of addresses) assertEquals(arena.alloc(16), it);
  assertEquals(arena.stats().byteLength, byteLength);
});

Deno.test("Arena.scope() rewinds at the end of its scope, and nests", () => {
  using arena = small();
  const outer = arena.alloc(8);
  arena.bytes(outer, 8).fill(5);
  {
    using _frame = arena.scope();
    const inner = arena.alloc(50);
    {
      using _deeper = arena.scope();
      arena.alloc(500);
    }
    assertEquals(arena.stats().usedBytes, 58);
    arena.bytes(inner, 50);
  }
  assertEquals(arena.stats().usedBytes, 8);
  assertEquals([...arena.bytes(outer, 8)], Array(8).fill(5));
});

Deno.test("Arena.scope() rewinds when its scope throws", () => {
  using arena = small();
  assertThrows(() => {
    using _frame = arena.scope();
    arena.alloc(500);
    throw new Error("on purpose");
  });
  assertEquals(arena.stats().usedBytes, 0);
});

Deno.test("Arena.scope() ends once, and harmlessly after a reset or a dispose", () => {
  const arena = small();
  arena.alloc(8);
  const scope = arena.scope();
  arena.alloc(8);
  scope[Symbol.dispose]();
  arena.alloc(16);
  scope[Symbol.dispose]();
  assertEquals(arena.stats().usedBytes, 24);
  const late = arena.scope();
  arena.reset();
  late[Symbol.dispose]();
  assertEquals(arena.stats().usedBytes, 0);
  const last = arena.scope();
  arena.dispose();
  last[Symbol.dispose]();
});

// -- memory --

Deno.test("Arena.trim() gives back the blocks in which nothing is given out, and no others", () => {
  const ledger = new Ledger();
  using arena = new Arena({ blockBytes: 64, memory: ledger });
  assertEquals(arena.trim(), 0);
  const first = arena.alloc(64);
  const mark = arena.mark();
  for (let i = 0; i < 5; i++) arena.alloc(60);
  assertEquals(arena.trim(), 0);
  arena.rewind(mark);
  assertEquals([arena.trim(), ledger.byteLength], [320, 64]);
  arena.bytes(first, 64).fill(1);
  arena.alloc(8);
  assertEquals(arena.stats().blocks, 2);
  arena.reset();
  assertEquals([arena.trim(), ledger.byteLength, arena.stats().blocks], [128, 0, 0]);
  assertEquals(arena.stats().usedBytes, 0);
  arena.alloc(8);
  assertEquals(arena.stats(), { byteLength: 64, usedBytes: 8, peakBytes: 324 + 40, blocks: 1 });
});

Deno.test("Arena.stats() fills an object", () => {
  using arena = small();
  arena.alloc(10);
  const out = {};
  assertEquals(arena.stats(out), { byteLength: 64, usedBytes: 10, peakBytes: 10, blocks: 1 });
  assert(arena.stats(out) === out);
});

Deno.test("Arena.dispose() gives every block back, twice is harmless, and any other call throws", () => {
  const ledger = new Ledger();
  const arena = new Arena({ name: "frame", blockBytes: 64, memory: ledger });
  const address = arena.allocRecord(Vec2);
  const cursor = arena.cursor(Vec2);
  arena.seek(cursor, address);
  const array = arena.allocArray("u8", 64);
  const mark = arena.mark();
  arena.dispose();
  arena.dispose();
  assertEquals([ledger.lent.size, ledger.returned.size, array.length], [0, 2, 0]);
  const calls = [
    () => arena.alloc(8),
    () => arena.allocRecord(Vec2),
    () => arena.allocRecord(Vec2, { x: 1 }),
    () => arena.allocAt(cursor),
    () => arena.allocArray("u8", 8),
    () => arena.view(address, Vec2),
    () => arena.cursor(Vec2),
    () => arena.seek(cursor, address),
    () => arena.array(address, "u8", 8),
    () => arena.bytes(address, 8),
    () => arena.addressOf(cursor),
    () => arena.addressOf(array),
    () => arena.mark(),
    () => arena.rewind(mark),
    () => arena.reset(),
    () => arena.scope(),
    () => arena.trim(),
    () => arena.rebind(),
    () => arena.stats(),
    () => arena.allocate(8, 8),
  ];
  for (const call of calls) {
    assertThrows(call, DisposedError, 'Cannot use Arena "frame": it was disposed of');
  }
});

Deno.test("Arena refuses options that are none", () => {
  const wrong: [unknown, typeof RangeError | typeof TypeError, string][] = [
    [{ blockBytes: 0 }, RangeError, "blockBytes must be an integer from 64 to 1073741824, got 0"],
    [{ blockBytes: 63 }, RangeError, "got 63"],
    [{ blockBytes: 100.5 }, RangeError, "got 100.5"],
    [{ blockBytes: NaN }, RangeError, "got NaN"],
    [{ blockBytes: 2 ** 30 + 1 }, RangeError, "got 1073741825"],
    [{ blockBytes: "64" }, RangeError, 'got "64"'],
    [{ name: 5 }, TypeError, "Cannot create Arena: name must be a string, got 5"],
    [{ memory: null }, TypeError, "memory must be an object with allocate and release, got null"],
    [{ memory: { allocate() {} } }, TypeError, 'Cannot create Arena "arena": memory must be'],
  ];
  for (const [options, errorClass, message] of wrong) {
    assertThrows(() => new Arena(untyped(options)), errorClass, message);
  }
});

// -- as a memory resource --

Deno.test("Arena.allocate() lends regions of its own memory, aligned and zeroed", () => {
  using arena = new Arena({ blockBytes: 4096, memory: new WasmStandIn(24) });
  arena.alloc(3, 1);
  const region = arena.allocate(100, 64);
  assertEquals([region.byteLength, region.byteOffset % 64], [100, 0]);
  const bytes = new Uint8Array(region.buffer, region.byteOffset, 100);
  assert(bytes.every((byte) => byte === 0));
  bytes.fill(7);
  assertEquals(arena.addressOf(bytes) % 64, 0);
  assertEquals(arena.bytes(arena.addressOf(bytes), 100)[99], 7);
});

Deno.test("Arena.allocate() refuses what alloc() refuses", () => {
  using arena = small();
  for (const size of [0, -8, 1.5, NaN, untyped<number>("8")]) {
    assertUntouched(arena, () => arena.allocate(size, 8), RangeError, "must be a positive integer");
  }
  assertUntouched(arena, () => arena.allocate(8, 3), RangeError, "must be a power of two");
  assertUntouched(arena, () => arena.allocate(8, 8192), RangeError, "must be a power of two");
});

Deno.test("Arena.release() takes a region that it lent once, also after a reset or a dispose", () => {
  const arena = small();
  using other = small();
  const [a, b, c] = [8, 8, 8].map((size) => arena.allocate(size, 8));
  arena.release(a);
  const again = assertUntouched(
    arena,
    () => arena.release(a),
    InvalidAddressError,
    'Cannot release in Arena "arena": the region of 8 bytes at byte 0 was not allocated by it',
  );
  assertEquals([again.pool, again.address], ["arena", 0]);
  const copy: MemoryRegion = { buffer: b.buffer, byteOffset: b.byteOffset, byteLength: 8 };
  assertUntouched(arena, () => arena.release(copy), InvalidAddressError, "was not allocated by it");
  assertUntouched(other, () => other.release(b), InvalidAddressError, "was not allocated by it");
  assertUntouched(
    arena,
    () => arena.release(untyped(null)),
    InvalidAddressError,
    "not allocated by it",
  );
  arena.reset();
  arena.release(b);
  arena.dispose();
  arena.release(c);
});

Deno.test("A Pool lives in an Arena in the memory of a wasm module, and both survive that it grows", () => {
  for (const skew of [0, 40]) {
    const memory = new WasmStandIn(skew);
    using arena = new Arena({ blockBytes: 8192, memory });
    arena.alloc(5, 1);
    using pool = new Pool(Vec2, { chunksPerBlock: 16, maxChunks: 64, memory: arena });
    const handles = pool.allocMany(40);
    handles.forEach((handle, i) => pool.set(handle, { x: i, y: -i }));
    const record = arena.allocRecord(Vec2, { x: 77 });
    const view = arena.view(record, Vec2);
    const { bytes } = pool.blocks[0];
    assertEquals(bytes.buffer, memory.memory.buffer);
    assertEquals(new Float32Array(bytes.buffer, bytes.byteOffset)[2], 1);
    validate(pool);

    const region = arena.allocate(64, 8);
    new Uint8Array(region.buffer, region.byteOffset, 64).fill(3);
    memory.grow();
    assertThrows(() => arena.alloc(8), TypeError, "its memory was detached");
    assertThrows(() => arena.allocArray("u8", 8), TypeError, "call rebind() first");
    assertThrows(() => arena.bytes(record, 8), TypeError, "call rebind() first");
    assertThrows(() => arena.allocRecord(Vec2, { x: 1 }), TypeError, "call rebind() first");
    arena.rebind();
    assertEquals([view.x, arena.view(record, Vec2).x], [77, 77]);
    assertNotEquals(region.buffer.byteLength, 0);
    assertEquals(new Uint8Array(region.buffer, region.byteOffset, 64)[63], 3);
  }
});
