import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  type AnyHandle,
  type AnyStruct,
  array,
  ErasedPool,
  type HandleKind,
  PoolExhaustedError,
  PoolSet,
  type PoolSetOptions,
  type PoolSetStats,
  SchemaError,
  StaleHandleError,
  struct,
  validate,
} from "../../mod.ts";
import {
  assertHarmless,
  assertRefused,
  fill,
  forge,
  Huge,
  KINDS,
  type MixedKind,
  Num,
  Pos,
  Real,
  untyped,
} from "../_support.ts";

const KINDS_OF_HANDLES: readonly HandleKind[] = ["compact", "wide"];

/** 64 chunks of 4, 8 and 16 bytes each, in blocks of 16. */
function setOf(options: Partial<PoolSetOptions<MixedKind>> = {}): PoolSet<MixedKind> {
  return new PoolSet<MixedKind>({
    sizes: [4, 8, 16],
    chunksPerBlock: 16,
    maxChunks: 256,
    name: "things",
    ...options,
  });
}

/** A struct of so many bytes, aligned to 1. */
function bytes(count: number): AnyStruct {
  return struct({ all: array("u8", count) });
}

// -- classes --

Deno.test("PoolSet has a pool a size, by size, whatever the order that they were given in", () => {
  using set = new PoolSet({ sizes: [64, 8, 24, 1], chunksPerBlock: 16, maxChunks: 1024 });
  assertEquals(set.pools.map((pool) => pool.chunkBytes), [1, 8, 24, 64]);
  assertEquals(set.pools.map((pool) => pool.align), [1, 8, 8, 8]);
  assertEquals(set.pools.map((pool) => pool.name), ["pool", "pool", "pool", "pool"]);
  assertEquals([set.name, set.size, set.capacity, set.byteLength], ["pool", 0, 0, 0]);
  assertEquals(set.blocks, []);
});

Deno.test("PoolSet leaves the array of its sizes as it was", () => {
  const sizes = [64, 8, 24];
  new PoolSet({ sizes });
  assertEquals(sizes, [64, 8, 24]);
});

Deno.test("PoolSet stores each struct in the smallest class that fits, by size and alignment", () => {
  using set = new PoolSet({ sizes: [1, 2, 8, 12, 16, 40] });
  const cases: [AnyStruct, number][] = [
    [bytes(1), 1],
    [bytes(2), 2],
    [bytes(3), 8],
    [bytes(9), 12],
    [bytes(12), 12],
    [bytes(13), 16],
    [struct({ a: "u16" }), 2],
    [struct({ a: "f64" }), 8],
    [struct({ a: array("u32", 3) }), 12],
    [struct({ a: "f64", b: "u8" }), 16],
    [struct({ a: array("f64", 5) }), 40],
  ];
  for (const [struct, size] of cases) {
    for (const _ of [1, 2]) assertEquals(set.poolFor(struct).chunkBytes, size);
    const handle = set.alloc(struct);
    assertEquals(set.bytes(handle).length, size);
    assert(set.poolFor(struct).has(handle));
  }
});

Deno.test("PoolSet passes over a class that is large enough and not aligned enough", () => {
  const Real = struct({ v: "f64" });
  using set = new PoolSet({ sizes: [12, 16] });
  assertEquals(set.poolFor(Real).chunkBytes, 16);
  using odd = new PoolSet({ sizes: [12, 20], name: "odd" });
  const message =
    'Cannot alloc in PoolSet "odd": struct { v } of 8 bytes, aligned to 8, fits none of ' +
    "the classes of 12, 20 bytes";
  assertRefused(odd, () => odd.alloc(Real), SchemaError, message);
});

Deno.test("PoolSet with one class is an ErasedPool that knows its structs", () => {
  using set = new PoolSet<MixedKind>({ sizes: [16], chunksPerBlock: 16, maxChunks: 64 });
  const handles = fill(set, 40);
  assertEquals([set.maxChunks, set.blocks.length, set.pools.length], [64, 3, 1]);
  handles.forEach((handle, n) => assertStrictEquals(set.typeOf(handle), KINDS[n % 3]));
  assertEquals(Array.from(set, (view) => view.n), handles.map((_, n) => n));
  set.freeMany(handles);
  validate(set);
});

Deno.test("PoolSet.poolFor() throws on what is no struct, at the first call as well", () => {
  for (const bad of [undefined, null, 5, "Num", Object.create(null), { size: 4, align: 4 }]) {
    for (const isFirst of [true, false]) {
      using set = setOf();
      if (!isFirst) set.alloc(Num);
      const shown = typeof bad === "object" && bad !== null ? "an object" : bad;
      const message = `Cannot alloc in PoolSet "things": the type must be a struct, got ${shown}`;
      assertRefused(set, () => set.poolFor(untyped(bad)), TypeError, message);
      assertRefused(set, () => set.reserve(untyped(bad), 5), TypeError, message);
    }
  }
});

// -- handles --

for (const handles of KINDS_OF_HANDLES) {
  Deno.test(`PoolSet finds the class from the handle alone (${handles})`, () => {
    using set = setOf({ handles });
    const all = fill(set, 150);
    assertEquals(new Set<number>(all).size, 150);
    assertEquals(set.pools.map((pool) => pool.size), [50, 50, 50]);
    all.forEach((handle, n) => {
      const kind = KINDS[n % 3];
      assertEquals([set.has(handle), set.get(kind, handle).n], [true, n]);
      assertStrictEquals(set.typeOf(handle), kind);
      assertEquals(set.pools.map((pool) => pool.has(handle)), [0, 1, 2].map((k) => k === n % 3));
    });
    set.set(Pos, all[1], { x: 5 });
    assertEquals(set.tryGet(Pos, all[1])?.toJSON(), { n: 1, x: 5 });
    for (const handle of all.slice(0, 75)) set.free(handle);
    assertEquals(set.pools.map((pool) => pool.size), [25, 25, 25]);
    assertEquals([set.tryFree(all[0]), set.tryFree(all[75])], [false, true]);
    validate(set);
  });

  Deno.test(`PoolSet of 64 classes keeps the handles of all of them apart (${handles})`, () => {
    const sizes = Array.from({ length: 64 }, (_, i) => i + 1);
    using set = new PoolSet({ sizes, handles, chunksPerBlock: 16, maxChunks: 1024 });
    const structs = sizes.map(bytes);
    const all = new Set<number>();
    for (let round = 0; round < 3; round++) {
      const made = structs.flatMap((struct) => set.allocMany(struct, 16));
      made.forEach((handle, i) => {
        assert(!all.has(handle));
        all.add(handle);
        assertEquals(set.bytes(handle).length, (i >> 4) + 1);
      });
      set.freeMany(made);
    }
    const limit = handles === "compact" ? 2 ** 30 : 2 ** 53;
    for (const handle of all) assert(handle > 0 && handle < limit && !set.has(forge(handle)));
    validate(set);
  });

  Deno.test(`PoolSet's handles are those of its pools (${handles})`, () => {
    using set = setOf({ handles });
    const [num, pos] = [set.alloc(Num, { n: 1 }), set.alloc(Pos, { n: 2 })];
    const [nums, poses] = set.pools;
    assertEquals([nums.get(Num, num).n, poses.get(Pos, pos).n], [1, 2]);
    const made = nums.alloc(Num, { n: 3 });
    assertEquals([set.get(Num, made).n, set.size], [3, 3]);
    poses.free(pos);
    assertEquals(set.has(pos), false);
  });
}

Deno.test("PoolSet.handle() gives back the number that it is given, with a struct and without", () => {
  using set = setOf();
  const made = set.allocMany(Pos, 2, new Int32Array(2));
  set.get(Pos, set.handle(Pos, made[1])).x = 7;
  set.free(set.handle(made[0]));
  assertEquals([...made].map((n) => set.has(set.handle(n))), [false, true]);
  for (const n of [0, -1, 1.5, 2 ** 53]) assertEquals([set.handle(n), set.handle(Num, n)], [n, n]);
});

Deno.test("PoolSet.handleOf() tells the handle of a view of any class", () => {
  using set = setOf();
  using other = setOf();
  const handles = fill(set, 9);
  handles.forEach((handle, n) => assertEquals(set.handleOf(set.get(KINDS[n % 3], handle)), handle));
  const cursor = set.cursor(Pos);
  const message = "is no view of this pool, or is unbound";
  assertRefused(set, () => set.handleOf(cursor), TypeError, message);
  assertEquals(set.handleOf(set.seek(cursor, forge(handles[4]))), handles[4]);
  const Pair = struct({ a: "u8", inner: struct({ b: "u8" }), list: array("u8", 2) });
  using open = new PoolSet({ sizes: [1, 4, 8] });
  const pair = open.alloc(Pair);
  const view = open.get(Pair, pair);
  assertEquals([open.handleOf(view.inner), open.handleOf(view.list)], [pair, pair]);
  const foreign = other.get(Num, other.alloc(Num));
  for (const bad of [foreign, {}, null, 5, undefined]) {
    assertRefused(set, () => set.handleOf(untyped(bad)), TypeError, message);
  }
  const last = set.get(Real, forge(handles[8]));
  set.free(handles[8]);
  assertRefused(set, () => set.handleOf(last), StaleHandleError, "is stale");
});

Deno.test("PoolSet has cursors of each struct, and moves them to what it allocates", () => {
  using set = setOf();
  const [num, pos] = [set.cursor(Num), set.cursor(Pos)];
  const made: AnyHandle[] = [];
  for (let n = 0; n < 40; n++) {
    made.push(forge(set.allocAt(Num, num)), forge(set.allocAt(Pos, pos)));
    num.n = n;
    pos.n = 100 + n;
  }
  made.forEach((handle, i) => {
    if (i % 2 === 0) assertEquals(set.seek(num, handle).n, i / 2);
    else assertEquals(set.seek(pos, handle).n, 100 + (i - 1) / 2);
  });
  validate(set);
});

Deno.test("PoolSet frees a scoped record at the end of its scope", () => {
  using set = setOf();
  let kept;
  {
    using scratch = set.scoped(Real, { v: 0.5 });
    kept = scratch.handle;
    assertEquals([scratch.view.v, set.size], [0.5, 1]);
  }
  assertEquals([set.has(kept), set.size], [false, 0]);
});

// -- many records --

for (const handles of KINDS_OF_HANDLES) {
  Deno.test(`PoolSet.freeMany() frees records of every class (${handles})`, () => {
    using set = setOf({ handles });
    const all = fill(set, 150);
    set.freeMany(all.filter((_, n) => n % 2 === 0));
    assertEquals(set.pools.map((pool) => pool.size), [25, 25, 25]);
    all.forEach((handle, n) => assertEquals(set.has(handle), n % 2 === 1));
    set.freeMany(Float64Array.from(all.filter((_, n) => n % 2 === 1)));
    assertEquals(set.size, 0);
    assertHarmless(set, () => set.freeMany([]), undefined);
    validate(set);
  });

  Deno.test(`PoolSet.freeMany() frees all or none, across classes (${handles})`, () => {
    using set = setOf({ handles });
    const all = fill(set, 60);
    const stale = all[31]; // of the second class
    set.free(stale);
    const live = all.filter((handle) => handle !== stale);
    for (const [bad, problem] of [[stale, "is stale"], [live[1], "comes twice"]] as const) {
      for (const at of [2, 3, 29, live.length]) {
        const mixed = live.toSpliced(at, 0, bad);
        const start = `Cannot free 60 records in PoolSet "things": handle ${bad} `;
        const free = () => set.freeMany(mixed);
        const error = assertRefused(set, free, StaleHandleError, start);
        assert(error.message.includes(`${problem}, `) && error.message.endsWith(`position ${at}`));
        assertEquals<number>(error.handle, bad);
      }
    }
    set.freeMany(live);
    assertEquals(set.size, 0);
    validate(set);
  });
}

Deno.test("PoolSet.allocMany() allocates all or none in the class of the struct", () => {
  using set = setOf();
  const pos = set.allocMany(Pos, 60);
  set.allocMany(Num, 10);
  assertEquals(set.pools.map((pool) => pool.size), [10, 60, 0]);
  const message =
    'Cannot allocMany 5 records in PoolSet "things": 60 of 64 chunks of 8 bytes are live';
  const error = assertRefused(set, () => set.allocMany(Pos, 5), PoolExhaustedError, message);
  assertEquals([error.pool, error.size, error.maxChunks], ["things", 60, 64]);
  const out = new Int32Array(5);
  assertStrictEquals(set.allocMany(Pos, 4, out), out);
  assertEquals([...set.handles(Pos)], [...pos, ...out.subarray(0, 4)]);
  const plain: (typeof pos)[number][] = [];
  set.free(pos[0]);
  assertStrictEquals(set.allocMany(Pos, 1, plain), plain);
  assertStrictEquals(set.typeOf(plain[0]), Pos);
});

Deno.test("PoolSet.clear() frees every record of every class and keeps the memory", () => {
  using set = setOf();
  const all = fill(set, 100);
  const { capacity } = set;
  set.clear();
  assertEquals([set.size, set.capacity], [0, capacity]);
  assert(all.every((handle) => !set.has(handle)));
  validate(set);
});

// -- memory --

Deno.test("PoolSet shares maxChunks out evenly, to a power of two of classes", () => {
  const share = (count: number) => {
    const sizes = Array.from({ length: count }, (_, i) => (i + 1) * 8);
    using set = new PoolSet({ sizes, maxChunks: 1024, chunksPerBlock: 16 });
    assertEquals(set.maxChunks, set.pools.length * set.pools[0].maxChunks);
    assertEquals(new Set(set.pools.map((pool) => pool.maxChunks)).size, 1);
    return set.pools[0].maxChunks;
  };
  assertEquals([1, 2, 3, 4, 5, 8, 9, 64].map(share), [1024, 512, 256, 256, 128, 128, 64, 16]);
});

Deno.test("PoolSet fills each class up to its share, and the other classes are not affected", () => {
  using set = setOf();
  for (let n = 0; n < 64; n++) set.alloc(Pos, { n });
  const message = 'Cannot alloc in PoolSet "things": all 64 chunks of 8 bytes are live';
  const error = assertRefused(set, () => set.alloc(Pos), PoolExhaustedError, message);
  assertEquals([error.pool, error.size, error.maxChunks], ["things", 64, 64]);
  assertHarmless(set, () => set.tryAlloc(Pos), undefined);
  set.allocMany(Num, 64);
  set.allocMany(Real, 64);
  assertEquals([set.size, set.capacity, set.byteLength], [192, 192, 64 * 28]);
  validate(set);
});

Deno.test("PoolSet.blocks has an index for each block of any class, and freeBlock() takes it", () => {
  for (const handles of KINDS_OF_HANDLES) {
    using set = setOf({ handles });
    const all = fill(set, 150); // 4 blocks of each class
    const indices = set.blocks.map((block) => block.index);
    assertEquals([indices.length, new Set(indices).size], [12, 12]);
    assertEquals(indices.toSorted((a, b) => a - b), indices);
    assertEquals(
      set.blocks.map((block) => block.bytes.length),
      [64, 128, 256].flatMap((it) => [it, it, it, it]),
    );
    const pos = set.pools[1].blocks[2];
    assertStrictEquals(set.blocks[6], pos);
    set.freeBlock(pos.index);
    assertEquals(set.pools.map((pool) => pool.size), [50, 34, 50]);
    all.forEach((handle, n) => {
      const isGone = n % 3 === 1 && n >= 32 * 3 && n < 48 * 3;
      assertEquals(set.has(handle), !isGone);
    });
    const left = indices.filter((index) => index !== pos.index).join(", ");
    const message = `Cannot free a block of PoolSet "things": there is no block ${pos.index}, ` +
      `there are ${left}`;
    assertRefused(set, () => set.freeBlock(pos.index), RangeError, message);
    for (const bad of [-1, 2 ** 20, 0.5, NaN, undefined, null, "0"]) {
      assertRefused(set, () => set.freeBlock(untyped(bad)), RangeError, `no block ${bad}`);
    }
    assertThrows(() => set.pools[0].freeBlock(indices[5]), RangeError, "no block");
    validate(set);
  }
});

Deno.test("PoolSet.blocks is the same array until a block is added or given back", () => {
  using set = setOf();
  const before = set.blocks;
  assertStrictEquals(set.blocks, before);
  fill(set, 150);
  const after = set.blocks;
  assert(after !== before);
  assertStrictEquals(set.blocks, after);
  set.freeBlock(after[5].index);
  assertEquals(set.blocks, after.toSpliced(5, 1));
});

Deno.test("PoolSet's blocks keep their indices apart where every class is full", () => {
  using set = new PoolSet({ sizes: [1, 2, 4, 8], maxChunks: 64, chunksPerBlock: 16 });
  for (const count of [1, 2, 4, 8]) set.allocMany(bytes(count), 16);
  assertEquals(set.blocks.map((block) => block.index), [0, 1, 2, 3]);
});

Deno.test("PoolSet.reserve() makes room in the class of a struct alone", () => {
  using set = setOf();
  set.reserve(Pos, 40);
  assertEquals(set.pools.map((pool) => pool.capacity), [0, 48, 0]);
  const message =
    'Cannot reserve 65 chunks in PoolSet "things": 0 of 64 chunks of 8 bytes are live';
  assertRefused(set, () => set.reserve(Pos, 65), PoolExhaustedError, message);
  assertRefused(set, () => set.reserve(Pos, -1), RangeError, "an integer from 0, got -1");
  assertRefused(set, () => set.reserve(untyped(Huge), 1), SchemaError, "of 40 bytes");
  validate(set);
});

Deno.test("PoolSet.trim() gives back every empty block of every class, and tells the bytes", () => {
  using set = setOf({ keepEmptyBlocks: 4 });
  const all = fill(set, 150);
  set.freeMany(all.filter((_, n) => n >= 48));
  assertEquals(set.trim(), 3 * (64 + 128 + 256));
  assertEquals([set.byteLength, set.size], [64 + 128 + 256, 48]);
  assertEquals(set.trim(), 0);
});

Deno.test("PoolSet keeps as many empty blocks of each class as it was told to", () => {
  for (const keepEmptyBlocks of [0, 1, 2]) {
    using set = setOf({ keepEmptyBlocks });
    set.freeMany(fill(set, 150));
    assertEquals(set.pools.map((pool) => pool.blocks.length), Array(3).fill(keepEmptyBlocks));
  }
});

Deno.test("PoolSet.dispose() gives all memory of every class back, twice is harmless", () => {
  const set = setOf();
  fill(set, 100);
  const views = set.blocks.map((block) => block.bytes);
  set[Symbol.dispose]();
  set.dispose();
  assert(views.every((view) => view.length === 0));
  assertEquals([set.size, set.capacity, set.byteLength, set.blocks.length], [0, 0, 0, 0]);
});

// -- figures --

Deno.test("PoolSet.stats() tells the figures of each class, and their sums", () => {
  using set = setOf();
  const all = fill(set, 150);
  const Wide = struct({ n: "u32", a: array("u8", 6) }); // 12 of 16 bytes
  set.alloc(untyped<typeof Num>(Wide));
  set.freeMany(all.filter((_, n) => n % 3 === 1));
  const { classes, ...sums } = set.stats();
  const overhead = 4 + 16 * 2 + 16; // a block: live bits, stamps, structs
  assertEquals(classes, [
    {
      ...{ chunkBytes: 4, lostBytes: 0, size: 50, capacity: 64, blocks: 4, byteLength: 256 },
      ...{ overheadBytes: 4 * overhead, peakSize: 50, allocs: 50, frees: 0, grown: 4 },
      ...{ released: 0, retired: 0 },
    },
    {
      ...{ chunkBytes: 8, lostBytes: 0, size: 0, capacity: 16, blocks: 1, byteLength: 128 },
      ...{ overheadBytes: 4 * overhead, peakSize: 50, allocs: 50, frees: 50, grown: 4 },
      ...{ released: 3, retired: 0 },
    },
    {
      ...{ chunkBytes: 16, lostBytes: 4, size: 51, capacity: 64, blocks: 4, byteLength: 1024 },
      ...{ overheadBytes: 4 * overhead, peakSize: 51, allocs: 51, frees: 0, grown: 4 },
      ...{ released: 0, retired: 0 },
    },
  ]);
  assertEquals(sums, {
    ...{ lostBytes: 4, size: 101, capacity: 144, blocks: 9, byteLength: 1408 },
    ...{ overheadBytes: 12 * overhead, peakSize: 151, allocs: 151, frees: 50, grown: 12 },
    ...{ released: 3, retired: 0 },
  });
});

Deno.test("PoolSet.stats() fills the object that it was given, and the classes in it", () => {
  using set = setOf();
  fill(set, 30);
  const out: Partial<PoolSetStats> = {};
  assertStrictEquals(set.stats(out), out);
  const { classes } = out;
  const [first] = classes!; // as just filled
  fill(set, 30);
  set.stats(out);
  assertStrictEquals(out.classes, classes);
  assertStrictEquals(out.classes?.[0], first);
  assertEquals(out, set.stats());
  using small = new PoolSet<MixedKind>({ sizes: [16] });
  fill(small, 3);
  assertEquals(small.stats(out), small.stats());
  assertEquals([out.size, out.classes?.length, out.lostBytes], [3, 1, 12 + 8]);
});

// -- options --

Deno.test("PoolSet with types stores those structs alone, each in its class", () => {
  using set = setOf({ types: KINDS });
  const handles = fill(set, 6);
  handles.forEach((handle, n) => assertStrictEquals(set.typeOf(handle), KINDS[n % 3]));
  const Other = struct({ n: "u32" }, { name: "Other" });
  const start = 'PoolSet "things": struct "Other" is not one of its types for chunks of 4 bytes, ' +
    'they are struct "Num"';
  assertRefused(set, () => set.alloc(Other), TypeError, `Cannot alloc in ${start}`);
  assertRefused(set, () => set.cursor(Other), TypeError, `Cannot make a cursor in ${start}`);
});

Deno.test("PoolSet throws SchemaError on a type that fits no class, as it is created", () => {
  const message = 'Cannot create PoolSet "things": struct "Huge" of 40 bytes, aligned to 8, fits ' +
    "none of the classes of 4, 8, 16 bytes";
  const types = untyped<MixedKind[]>([Num, Huge]);
  const error = assertThrows(() => setOf({ types }), SchemaError, message);
  assertEquals([error.struct, error.field], ["Huge", ""]);
});

Deno.test("PoolSet throws on sizes that are none", () => {
  const cases: [unknown, typeof RangeError | typeof TypeError, string][] = [
    [undefined, TypeError, "sizes must be an array of bytes, got undefined"],
    [8, TypeError, "sizes must be an array of bytes, got 8"],
    ["8", TypeError, 'sizes must be an array of bytes, got "8"'],
    [new Set([8]), TypeError, "sizes must be an array of bytes, got [object Set]"],
    [[], RangeError, "sizes must be 1 to 64 different numbers, got"],
    [[8, 16, 8], RangeError, "sizes must be 1 to 64 different numbers, got 8, 16, 8"],
    [Array.from({ length: 65 }, (_, i) => i + 1), RangeError, "sizes must be 1 to 64 different"],
    [[8, 0], RangeError, "each of sizes must be an integer from 1, got 0"],
    [[-8], RangeError, "each of sizes must be an integer from 1, got -8"],
    [[8.5], RangeError, "each of sizes must be an integer from 1, got 8.5"],
    [[NaN], RangeError, "each of sizes must be an integer from 1, got NaN"],
    [["8"], RangeError, "each of sizes must be an integer from 1, got 8"],
    [[null], RangeError, "each of sizes must be an integer from 1, got null"],
    [[8, undefined], RangeError, "size must be an integer from 1 to 67108864, got undefined"],
    [[2 ** 27], RangeError, "size must be an integer from 1 to 67108864, got 134217728"],
  ];
  for (const [sizes, errorClass, problem] of cases) {
    const create = () => new PoolSet({ name: "things", sizes: untyped(sizes) });
    assertThrows(create, errorClass, `Cannot create PoolSet "things": ${problem}`);
  }
});

Deno.test("PoolSet throws on a bad option, naming the set", () => {
  const cases: [Record<string, unknown>, typeof RangeError | typeof TypeError, string][] = [
    [{ maxChunks: 32 }, RangeError, "maxChunks must be a power of two from 64 to 4194304, got 32"],
    [
      { maxChunks: 100 },
      RangeError,
      "maxChunks must be a power of two from 64 to 4194304, got 100",
    ],
    [{ maxChunks: 2 ** 23 }, RangeError, "from 64 to 4194304, got 8388608"],
    [{ maxChunks: "256" }, RangeError, "from 64 to 4194304, got 256"],
    [{ handles: "wide", maxChunks: 2 ** 33 }, RangeError, "from 64 to 4294967296, got 8589934592"],
    [{ chunksPerBlock: 128 }, RangeError, "at most 64, as maxChunks is 64, got 128"],
    [{ chunksPerBlock: 24 }, RangeError, "chunksPerBlock must be a power of two from 16 to 65536"],
    [{ keepEmptyBlocks: -1 }, RangeError, "keepEmptyBlocks must be an integer from 0, got -1"],
    [{ handles: "narrow" }, TypeError, 'handles must be "compact" or "wide", got "narrow"'],
    [{ memory: {} }, TypeError, "memory must be an object with allocate and release"],
    [{ types: 5 }, TypeError, "types must be an array of structs, got 5"],
    [{ types: null }, TypeError, "types must be an array of structs, got null"],
    [{ types: "Num" }, TypeError, 'types must be an array of structs, got "Num"'],
    [{ types: [{ n: "u8" }] }, TypeError, "the type must be a struct, got an object"],
    [{ types: [Num, undefined] }, TypeError, "the type must be a struct, got undefined"],
  ];
  for (const [options, errorClass, problem] of cases) {
    const create = () => setOf(untyped(options));
    const error = assertThrows(create, errorClass, problem);
    assert(error.message.startsWith('Cannot create PoolSet "things": '), error.message);
  }
  const create = () => setOf(untyped({ name: 5 }));
  assertThrows(create, TypeError, "Cannot create PoolSet: name must be a string, got 5");
});

Deno.test("PoolSet takes the least and the most that its options allow", () => {
  new PoolSet({ sizes: [1, 2, 3], maxChunks: 64, chunksPerBlock: 16 }).dispose();
  new PoolSet({ sizes: [1, 2, 3, 4], maxChunks: 2 ** 22 }).dispose();
  const set = new PoolSet({ sizes: [8, 16], maxChunks: 2 ** 32, handles: "wide" });
  const [a, b] = [set.alloc(bytes(8)), set.alloc(bytes(16))];
  assertEquals([set.has(a), set.has(b), set.maxChunks], [true, true, 2 ** 32]);
  set.dispose();
});

Deno.test("PoolSet keeps its classes apart after an ErasedPool of the same chunks and as many indices", () => {
  const Cell = struct({ a: "u32", b: "u32" }, { name: "Cell" });
  for (const handles of ["compact", "wide"] as const) {
    // Its handles have no bits for a class, and so more for generations.
    using alone = new ErasedPool({ size: 8, maxChunks: 2 ** 14, types: [Cell], handles });
    alone.alloc(Cell);
    using set = new PoolSet({ sizes: [8, 16, 32, 64], maxChunks: 2 ** 16, handles });
    // One chunk through more generations than a compact handle of the set can tell apart.
    for (let i = 0; i < 2 ** 15; i++) {
      const handle = set.alloc(Cell);
      assert(set.has(handle), `handle ${handle}, number ${i}`);
      set.free(handle);
    }
    validate(set);
    assertEquals([alone.size, set.size], [1, 0]);
  }
});
