import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  type AnyStruct,
  array,
  ErasedPool,
  type ErasedPoolOptions,
  type PoolStats,
  SchemaError,
  type Struct,
  struct,
  TypeMismatchError,
  validate,
} from "../../mod.ts";
import {
  assertHarmless,
  assertRefused,
  fill,
  KINDS,
  type MixedKind,
  Num,
  Pos,
  Real,
  untyped,
} from "../_support.ts";

const Byte = struct({ n: "u8" }, { name: "Byte" });

/** 64 chunks of 16 bytes in blocks of 16; with types unless told otherwise. */
function cellsOf(options: Partial<ErasedPoolOptions<MixedKind>> = {}): ErasedPool<MixedKind> {
  return new ErasedPool<MixedKind>({
    size: 16,
    chunksPerBlock: 16,
    maxChunks: 64,
    name: "cells",
    types: KINDS,
    ...options,
  });
}

/** The same without types. */
function openCells(): ErasedPool<MixedKind> {
  return new ErasedPool<MixedKind>({ size: 16, chunksPerBlock: 16, maxChunks: 64, name: "cells" });
}

/** Structs that differ in nothing but their identity. */
function manyStructs(count: number): Struct<{ readonly n: "u8" }>[] {
  return Array.from({ length: count }, (_, i) => struct({ n: "u8" }, { name: `S${i}` }));
}

// -- creation --

Deno.test("ErasedPool has no block before the first alloc, and tells what its chunks are", () => {
  using cells = new ErasedPool({ size: 24, align: 4, chunksPerBlock: 16, maxChunks: 64 });
  assertEquals([cells.size, cells.capacity, cells.byteLength], [0, 0, 0]);
  assertEquals([...cells.blocks], []);
  assertEquals([cells.chunkBytes, cells.align], [24, 4]);
  assertEquals([cells.chunksPerBlock, cells.maxChunks], [16, 64]);
  assertEquals(cells.name, "pool");
});

Deno.test("ErasedPool's align is by default what its size allows, at most 8", () => {
  const aligns = [1, 2, 3, 4, 6, 8, 12, 16, 20, 24, 64].map((size) =>
    new ErasedPool({ size }).align
  );
  assertEquals(aligns, [1, 2, 1, 4, 2, 8, 4, 8, 4, 8, 8]);
});

for (const align of [1, 2, 4, 8, 16, 64, 4096]) {
  Deno.test(`ErasedPool asks for blocks that are aligned to its chunks' ${align} bytes`, () => {
    const asked: number[] = [];
    using cells = new ErasedPool({
      size: 4096,
      align,
      chunksPerBlock: 16,
      memory: {
        allocate(byteLength, align) {
          asked.push(align);
          return { buffer: new ArrayBuffer(byteLength), byteOffset: 0, byteLength };
        },
        release() {},
      },
    });
    cells.alloc(Byte, { n: 1 });
    assertEquals(asked, [Math.max(8, align)]); // 8 for the books' own lanes
    assertEquals(cells.align, align);
  });
}

Deno.test("ErasedPool takes a struct of types that is named twice as one", () => {
  using cells = new ErasedPool({ size: 16, types: [Num, Pos, Num] });
  const handles = [cells.alloc(Num), cells.alloc(Pos)];
  assertEquals(handles.map((handle) => cells.typeOf(handle)), [Num, Pos]);
  const structs = manyStructs(256);
  const twice = new ErasedPool({ size: 1, types: [...structs, structs[7]] });
  assertStrictEquals(twice.typeOf(twice.alloc(structs[255])), structs[255]);
});

Deno.test("ErasedPool with no types at all stores nothing", () => {
  using cells = new ErasedPool<AnyStruct>({ size: 16, types: [] });
  assertThrows(() => cells.alloc(Num), TypeError, "they are none");
  assertEquals([...cells], []);
});

Deno.test("ErasedPool remembers up to 256 structs", () => {
  const structs = manyStructs(256);
  using cells = new ErasedPool({ size: 1, types: structs });
  const handles = structs.map((struct, n) => cells.alloc(struct, { n }));
  handles.forEach((handle, i) => assertStrictEquals(cells.typeOf(handle), structs[i]));
  assertEquals(Array.from(cells, (view) => view.n), structs.map((_, n) => n));
});

Deno.test("ErasedPool throws RangeError on more types than it can tell apart", () => {
  assertThrows(
    () => new ErasedPool({ size: 1, types: manyStructs(257), name: "cells" }),
    RangeError,
    'Cannot create ErasedPool "cells": struct "S256" is one struct more than the 256 that it can tell apart',
  );
});

Deno.test("ErasedPool without types takes any number of structs", () => {
  using cells = new ErasedPool({ size: 1, chunksPerBlock: 16 });
  manyStructs(300).forEach((struct, n) => cells.alloc(struct, { n }));
  assertEquals([...cells.all(Byte)].length, 300);
});

// -- what fits --

Deno.test("ErasedPool stores every struct that fits, by size and by alignment", () => {
  const cases: [size: number, struct: AnyStruct, fits: boolean][] = [
    [1, Byte, true],
    [1, struct({ n: "u16" }), false],
    [12, struct({ a: array("u32", 3) }), true],
    [12, struct({ a: "f64" }), false], // small enough, and aligned to 8
    [16, struct({ a: "f64", b: "u8" }), true],
    [15, struct({ a: array("u8", 15) }), true],
    [15, struct({ a: array("u8", 16) }), false],
    [2, struct({ a: "u16" }), true],
    [3, struct({ a: "u16" }), false],
  ];
  for (const [size, struct, fits] of cases) {
    using cells = new ErasedPool({ size, chunksPerBlock: 16 });
    if (fits) cells.alloc(struct);
    else assertRefused(cells, () => cells.alloc(struct), SchemaError, `chunks of ${size} bytes`);
    assertEquals(cells.size, fits ? 1 : 0);
  }
});

Deno.test("ErasedPool with a smaller align refuses what needs a larger one", () => {
  using cells = new ErasedPool({ size: 16, align: 4, name: "cells" });
  cells.alloc(Pos);
  const message =
    'struct "Real" of 16 bytes, aligned to 8, does not fit into chunks of 16 bytes, ' +
    "aligned to 4";
  assertRefused(cells, () => cells.alloc(Real), SchemaError, message);
});

for (const isOpen of [false, true]) {
  const what = isOpen ? "without types" : "with types";
  Deno.test(`ErasedPool ${what} reads and writes every kind of field`, () => {
    const All = struct({
      a: "i8",
      b: "u8",
      c: "i16",
      d: "u16",
      e: "i32",
      f: "u32",
      g: "i64",
      h: "u64",
      i: "f16",
      j: "f32",
      k: "f64",
      l: "bool",
      m: "ref",
      n: array("u16", 3),
      o: struct({ p: "f32" }),
    });
    const { size } = All;
    using cells = new ErasedPool({ size, ...isOpen ? {} : { types: [All] } });
    const link = cells.alloc(All);
    const record = {
      ...{ a: -1, b: 255, c: -2, d: 65_535, e: -3, f: 2 ** 32 - 1, g: -4n, h: 2n ** 64n - 1n },
      ...{ i: 0.5, j: 1.5, k: Math.PI, l: true, m: link, n: [1, 2, 3], o: { p: 2.5 } },
    };
    const handle = cells.alloc(All, record);
    assertEquals(cells.get(All, handle).toJSON(), record);
    assertEquals(cells.get(All, link).k, 0);
  });
}

// -- one record --

for (const isOpen of [false, true]) {
  const what = isOpen ? "without types" : "with types";
  const create = (): ErasedPool<MixedKind> => isOpen ? openCells() : cellsOf();

  Deno.test(`ErasedPool ${what} holds records of several structs in one block`, () => {
    using cells = create();
    const num = cells.alloc(Num, { n: 1 });
    const pos = cells.alloc(Pos, { n: 2, x: 0.5 });
    const real = cells.alloc(Real, { n: 3, v: 1e300 });
    assertEquals(cells.get(Num, num).toJSON(), { n: 1 });
    assertEquals(cells.get(Pos, pos).toJSON(), { n: 2, x: 0.5 });
    assertEquals(cells.get(Real, real).toJSON(), { n: 3, v: 1e300 });
    assertEquals([cells.size, cells.blocks.length, cells.byteLength], [3, 1, 256]);
    cells.set(Pos, pos, { x: 2 });
    assertEquals(cells.tryGet(Pos, pos)?.toJSON(), { n: 2, x: 2 });
    cells.free(num);
    assertEquals([cells.has(num), cells.has(pos)], [false, true]);
    assertEquals([cells.tryFree(pos), cells.tryFree(pos)], [true, false]);
    validate(cells);
  });

  Deno.test(`ErasedPool ${what} zeroes the whole chunk, whatever was in it`, () => {
    using cells = create();
    const real = cells.alloc(Real);
    cells.bytes(real).fill(0xff);
    cells.free(real);
    const num = cells.alloc(Num);
    assert(cells.bytes(num).every((byte) => byte === 0));
  });

  Deno.test(`ErasedPool ${what} gives the bytes of a whole chunk, nothing copied`, () => {
    using cells = create();
    const handles = cells.allocMany(Num, 20);
    const bytes = cells.bytes(handles[17]);
    assertEquals([bytes.length, bytes.byteOffset], [16, 16]);
    assertStrictEquals(bytes.buffer, cells.blocks[1].bytes.buffer);
    bytes[0] = 7;
    assertEquals(cells.get(Num, handles[17]).n, 7);
    assertEquals([...cells.blocks[1].bytes.subarray(14, 18)], [0, 0, 7, 0]);
    assertEquals(cells.get(Num, handles[16]).n, 0);
    assertEquals(cells.get(Num, handles[18]).n, 0);
  });

  Deno.test(`ErasedPool ${what} frees a scoped record at the end of its scope`, () => {
    using cells = create();
    let kept;
    {
      using scratch = cells.scoped(Pos, { n: 4 });
      kept = scratch.handle;
      assertEquals([scratch.view.n, cells.size], [4, 1]);
    }
    assertEquals([cells.has(kept), cells.size], [false, 0]);
    {
      using scratch = cells.scoped(Pos);
      cells.free(scratch.handle);
      kept = cells.alloc(Num, { n: 5 }); // in the same chunk
    }
    assertEquals(cells.get(Num, kept).n, 5);
    const late = cells.scoped(Num);
    cells.dispose();
    late[Symbol.dispose]();
  });

  Deno.test(`ErasedPool ${what} has cursors of each struct`, () => {
    using cells = create();
    const num = cells.alloc(Num, { n: 1 });
    const other = cells.alloc(Num, { n: 2 });
    const pos = cells.alloc(Pos, { n: 3, x: 1 });
    const cursor = cells.cursor(Num);
    assertStrictEquals(cells.seek(cursor, num), cursor);
    assertEquals([cursor.n, cells.handleOf(cursor)], [1, num]);
    assertEquals(cells.seek(cursor, other).n, 2);
    assertEquals(cells.seek(cells.cursor(Pos), pos).x, 1);
    assertEquals(cells.seek(cells.get(Num, num), other).n, 2); // any view of a whole record will do
    const made = cells.allocAt(Num, cursor);
    cursor.n = 9;
    assertEquals([cells.get(Num, made).n, cells.handleOf(cursor)], [9, made]);
    assertEquals(cells.get(Num, other).n, 2);
  });

  Deno.test(`ErasedPool ${what} moves the cursor of allocAt() across blocks`, () => {
    using cells = create();
    const cursor = cells.cursor(Pos);
    const handles = Array.from({ length: 40 }, (_, n) => {
      const handle = cells.allocAt(Pos, cursor);
      assertEquals(cursor.toJSON(), { n: 0, x: 0 });
      cursor.n = n;
      return handle;
    });
    handles.forEach((handle, n) => assertEquals(cells.get(Pos, handle).n, n));
    validate(cells);
  });
}

Deno.test("ErasedPool.cursor() gives a view that stands nowhere", () => {
  using cells = cellsOf();
  cells.alloc(Num, { n: 1 });
  const cursor = cells.cursor(Num);
  cursor.n = 5; // goes nowhere
  assertEquals(Array.from(cells, (view) => view.n), [1]);
  assertRefused(cells, () => cells.handleOf(cursor), TypeError, "is unbound");
});

Deno.test("ErasedPool.tryAlloc() gives undefined where alloc() throws PoolExhaustedError", () => {
  using cells = cellsOf();
  for (let n = 0; n < 64; n++) assertEquals(typeof cells.tryAlloc(KINDS[n % 3], { n }), "number");
  assertHarmless(cells, () => cells.tryAlloc(Num), undefined);
});

Deno.test("ErasedPool.handle() gives back the number that it is given, with a struct and without", () => {
  using cells = cellsOf();
  const made = cells.allocMany(Pos, 2, new Int32Array(2));
  cells.get(Pos, cells.handle(Pos, made[1])).x = 7;
  cells.free(cells.handle(made[0]));
  assertEquals([...made].map((n) => cells.has(cells.handle(n))), [false, true]);
  for (const n of [0, -1, 1.5, 2 ** 53]) {
    assertEquals([cells.handle(n), cells.handle(Num, n)], [n, n]);
  }
  const wrong = cells.handle(Num, made[1]);
  assertRefused(cells, () => cells.get(Num, wrong), TypeMismatchError, "Pos");
});

// -- the struct of each record --

for (const handles of ["compact", "wide"] as const) {
  Deno.test(`ErasedPool.typeOf() tells the struct of each record, reused chunks too (${handles})`, () => {
    using cells = cellsOf({ handles });
    const live = new Map<number, MixedKind>();
    for (let round = 0; round < 5; round++) {
      const made = Array.from({ length: 30 }, (_, i) => {
        const kind = KINDS[(i + round) % 3];
        const handle = cells.alloc(kind);
        live.set(handle, kind);
        return handle;
      });
      for (const handle of cells.handles()) {
        assertStrictEquals(cells.typeOf(handle), live.get(handle));
      }
      cells.freeMany(made);
      if (round % 2 === 0) cells.trim();
    }
  });
}

Deno.test("ErasedPool remembers the struct for every way to allocate", () => {
  using cells = cellsOf();
  cells.freeMany(cells.allocMany(Num, 40)); // so that each chunk says Num
  const handles = [
    cells.alloc(Real),
    cells.alloc(Real, { n: 1 }),
    cells.tryAlloc(Real)!, // there is room
    cells.allocAt(Real, cells.cursor(Real)),
    cells.scoped(Real).handle,
    ...cells.allocMany(Real, 20),
    ...cells.allocMany(Real, 3, []),
  ];
  assert(handles.every((handle) => cells.typeOf(handle) === Real));
});

Deno.test("ErasedPool remembers the struct of handles that went into a typed array", () => {
  using cells = cellsOf();
  const pos = cells.allocMany(Pos, 40, new Int32Array(41));
  assertEquals([...cells.handles(Pos)], [...pos.subarray(0, 40)]);
  assertEquals([...cells.handles(Num)], []);
});

Deno.test("ErasedPool keeps structs apart where init's own getters allocate", () => {
  using cells = cellsOf();
  const full = cells.allocMany(Num, 15);
  // Read once, before the chunk is taken.
  let reads = 0;
  const inner: number[] = [];
  const init = {
    get n(): number {
      // 2 are more than the block has room for, so that the next one is current.
      reads++;
      inner.push(cells.alloc(Num), cells.alloc(Num));
      return 7;
    },
  };
  const outer = cells.alloc(Real, init);
  assertEquals([cells.typeOf(outer), cells.get(Real, outer).n], [Real, 7]);
  for (const handle of [...full, ...inner]) {
    assertStrictEquals(cells.typeOf(untyped(handle)), Num);
  }
  assertEquals([reads, cells.blocks.length], [1, 2]);
  validate(cells);
});

Deno.test("ErasedPool.lostBytes() counts what structs leave of the chunks of live records", () => {
  using cells = cellsOf();
  assertEquals(cells.lostBytes(), 0);
  const nums = cells.allocMany(Num, 20);
  const reals = cells.allocMany(Real, 20);
  const pos = cells.allocMany(Pos, 5);
  assertEquals(cells.lostBytes(), 20 * 12 + 5 * 8);
  cells.freeMany(nums.slice(3));
  cells.free(reals[7]);
  assertEquals(cells.lostBytes(), 3 * 12 + 5 * 8);
  cells.freeBlock(0);
  assertEquals(cells.lostBytes(), 5 * 8);
  cells.freeMany(pos);
  assertEquals(cells.lostBytes(), 0);
});

// -- links inside the chunk --

for (const chunksPerBlock of [16, 128, 256]) {
  Deno.test(`ErasedPool links ${chunksPerBlock} chunks of 1 byte through themselves`, () => {
    using cells = new ErasedPool({ size: 1, chunksPerBlock, maxChunks: 512 });
    const handles = cells.allocMany(Byte, chunksPerBlock);
    assertEquals([cells.byteLength, cells.blocks.length], [chunksPerBlock, 1]);
    handles.forEach((handle, n) => cells.set(Byte, handle, { n: 255 - n }));
    const order = handles.map((_, i) => handles[(i * 37) % chunksPerBlock]); // 37 is odd: all of them
    order.forEach((handle, i) => {
      cells.free(handle);
      if (i % 16 === 0) validate(cells);
    });
    // The last one freed comes back first, down to the first.
    const again = order.map(() => cells.alloc(Byte));
    const chunkOf = (handle: number) => handle & (chunksPerBlock - 1);
    assertEquals(again.map(chunkOf), order.map(chunkOf).reverse());
    assert(again.every((handle) => cells.get(Byte, handle).n === 0));
    validate(cells);
  });
}

Deno.test("ErasedPool's links leave every live byte alone, whatever the size of a chunk", () => {
  for (const size of [1, 2, 3, 4, 5, 7, 8, 12]) {
    const Bytes = struct({ all: array("u8", size) });
    const chunksPerBlock = size === 1 ? 256 : 512; // links of 1 and of 2 bytes
    using cells = new ErasedPool({ size, chunksPerBlock, maxChunks: 1024 });
    const handles = cells.allocMany(Bytes, 600);
    handles.forEach((handle, n) => cells.bytes(handle).fill(n));
    cells.freeMany(handles.filter((_, n) => n % 3 === 1));
    cells.freeMany(handles.filter((_, n) => n % 3 === 2));
    validate(cells);
    handles.forEach((handle, n) => {
      if (n % 3 === 0) assert(cells.bytes(handle).every((byte) => byte === (n & 255)));
    });
    const more = cells.allocMany(Bytes, 400);
    assert(more.every((handle) => cells.bytes(handle).every((byte) => byte === 0)));
    assertEquals(cells.size, 600);
    validate(cells);
  }
});

Deno.test("16 MiB of chunks of 1 byte cost 16 MiB, and at most 2.3 bytes beside each", () => {
  // One pool of compact handles has at most 2^22 chunks.
  const pools = [1, 2, 3, 4].map(() =>
    new ErasedPool({ size: 1, chunksPerBlock: 256, maxChunks: 2 ** 22 })
  );
  const handles = new Int32Array(2 ** 22);
  let byteLength = 0;
  let overheadBytes = 0;
  for (const cells of pools) {
    cells.allocMany(Byte, 2 ** 22, handles);
    const stats = cells.stats();
    assertEquals([stats.size, stats.capacity], [2 ** 22, 2 ** 22]);
    byteLength += stats.byteLength;
    overheadBytes += stats.overheadBytes;
    cells.dispose();
  }
  assertEquals(byteLength, 16 * 2 ** 20);
  assert(overheadBytes <= 2.3 * 2 ** 24, `${overheadBytes / 2 ** 24} bytes a chunk`);
});

// -- memory --

Deno.test("ErasedPool.stats() tells the figures, and fills the object that it was given", () => {
  using cells = cellsOf();
  const handles = cells.allocMany(Pos, 40);
  cells.freeMany(handles.slice(0, 20));
  const out: Partial<PoolStats> = { size: 99 };
  assertStrictEquals(cells.stats(out), out);
  const { overheadBytes, ...rest } = out;
  assertEquals(rest, {
    ...{ size: 20, capacity: 48, blocks: 3, byteLength: 768, peakSize: 40 },
    ...{ allocs: 40, frees: 20, grown: 3, released: 0, retired: 0 },
  });
  // A block's books: 16 live bits in a word, and for each chunk a stamp of 2 bytes and a struct of 1.
  assertEquals(overheadBytes, 3 * (4 + 16 * 2 + 16));
});

Deno.test("ErasedPool without types keeps no byte a chunk for them", () => {
  using open = openCells();
  open.allocMany(Num, 16);
  assertEquals(open.stats().overheadBytes, 4 + 16 * 2);
});

Deno.test("ErasedPool.reserve(), clear() and trim() do what they do in a Pool", () => {
  using cells = cellsOf({ keepEmptyBlocks: 0 });
  cells.reserve(33);
  assertEquals([cells.capacity, cells.size], [48, 0]);
  const handles = [...cells.allocMany(Num, 20), ...cells.allocMany(Real, 20)];
  cells.clear();
  assertEquals([cells.capacity, cells.size], [48, 0]);
  assert(handles.every((handle) => !cells.has(handle)));
  assertEquals(cells.trim(), 768);
  assertEquals([cells.capacity, [...cells.blocks]], [0, []]);
  validate(cells);
});

Deno.test("ErasedPool.freeBlock() frees the records of a block, whatever they are", () => {
  using cells = cellsOf();
  const handles = fill(cells, 40);
  const { bytes } = cells.blocks[1];
  cells.freeBlock(1);
  assertEquals([cells.size, cells.capacity, bytes.length], [24, 32, 0]);
  assertEquals(cells.blocks.map((it) => it.index), [0, 2]);
  handles.forEach((handle, n) => assertEquals(cells.has(handle), n < 16 || n >= 32));
  const again = cells.allocMany(Real, 16);
  assert(again.every((handle) => cells.typeOf(handle) === Real));
  validate(cells);
});

Deno.test("ErasedPool.blocks is the same array until a block is added or given back", () => {
  using cells = cellsOf();
  cells.alloc(Num);
  const { blocks } = cells;
  cells.alloc(Pos);
  assertStrictEquals(cells.blocks, blocks);
  cells.allocMany(Num, 16);
  assertEquals([blocks.length, cells.blocks.length], [1, 2]);
});

Deno.test("ErasedPool.dispose() gives all memory back, and is harmless the second time", () => {
  const cells = cellsOf();
  cells.allocMany(Num, 40);
  const views = cells.blocks.map((it) => it.bytes);
  cells[Symbol.dispose]();
  cells.dispose();
  assert(views.every((view) => view.length === 0));
  assertEquals([cells.size, cells.capacity, cells.byteLength], [0, 0, 0]);
});

Deno.test("ErasedPool.rebind() is harmless where nothing was grown", () => {
  using cells = cellsOf();
  const handle = cells.alloc(Num, { n: 1 });
  const view = cells.get(Num, handle);
  cells.rebind();
  assertEquals([view.n, cells.get(Num, handle).n], [1, 1]);
});
