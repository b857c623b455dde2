/** What no test saw until a planted bug went unnoticed, by the file that the bug was in. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  ErasedPool,
  heapMemory,
  InvariantError,
  OutOfMemoryError,
  Pool,
  PoolSet,
  type ScalarType,
  sharedMemory,
  SnapshotError,
  struct,
  validate,
} from "../mod.ts";
import { slabs } from "../src/slab/slab.ts";
import { WHOLE, WideHandles } from "../src/slab/handle.ts";
import { createSlab, untyped } from "./_support.ts";
import { Ledger } from "./_ledger.ts";
import { Pattern } from "./model/_pattern.ts";

// -- _slab.ts --

Deno.test("allocMany() counts no retired chunk as room, and so allocates all or none", () => {
  const memory = new Ledger();
  const slab = createSlab({
    name: "worn",
    label: 'Pool "worn"',
    chunksPerBlock: 16,
    maxBlocks: 4,
    firstBlock: 0,
    codec: new WideHandles(6, WHOLE, 1), // a chunk is retired after its first record
    keepEmptyBlocks: 4,
    memory,
    debug: false,
  }, { chunkBytes: 1, align: 1, tagged: false });
  const pool = {};
  slabs.set(pool, [slab]);
  const handles: number[] = [];
  slab.allocMany(16, handles);
  for (const handle of handles.slice(8)) slab.free(handle);
  memory.budget = 1;
  assertThrows(() => slab.allocMany(20, handles), OutOfMemoryError);
  assertEquals([slab.size, slab.retired, slab.capacity], [8, 8, 16]);
  validate(pool);
});

Deno.test("Pool gives out what is free in any of many blocks, the lowest first", () => {
  using pool = new Pool({ n: "u16" }, { chunksPerBlock: 16, maxChunks: 2048 });
  const handles = pool.allocMany(2048);
  const { codec } = slabs.get(pool)![0]; // every pool has a slab
  for (const blocks of [[40], [100], [31, 32], [63, 5, 64, 127], [96, 95, 33]]) {
    for (const block of blocks) pool.free(handles[block * 16 + 3]);
    for (const block of blocks.toSorted((a, b) => a - b)) {
      const handle = pool.alloc();
      assertEquals(codec.index(handle), block * 16 + 3);
      handles[block * 16 + 3] = handle;
    }
    assertEquals(pool.tryAlloc(), undefined);
  }
});

Deno.test("A pool asks for regions aligned to 8 bytes, or to its chunks where that is more", () => {
  for (const [align, asked] of [[1, 8], [8, 8], [64, 64]]) {
    const aligns: number[] = [];
    const memory = {
      ...heapMemory,
      allocate(byteLength: number, align: number) {
        aligns.push(align);
        return heapMemory.allocate(byteLength, align);
      },
    };
    using pool = new ErasedPool({ size: 64, align, memory });
    pool.reserve(1);
    assertEquals(aligns, [asked]);
  }
});

// -- _lanes.ts, _record.ts, _view.ts --

for (const type of ["u8", "i16", "f16", "u32", "f32", "f64", "i64"] satisfies ScalarType[]) {
  Deno.test(`A view of ${type} reads and writes nothing where its block was given back`, () => {
    const shared = sharedMemory(); // whose buffers stay good
    let buffer = new SharedArrayBuffer(0);
    const memory = {
      ...shared,
      allocate(byteLength: number, align: number) {
        const region = shared.allocate(byteLength, align);
        buffer = region.buffer as SharedArrayBuffer; // as its name says
        return region;
      },
    };
    using pool = new Pool({ it: type }, { memory });
    const pattern = new Pattern(pool.struct);
    const view = pool.get(pool.alloc());
    pattern.fill(view, 1);
    assert(pattern.isIntact(view, 1));
    pool.freeBlock(0);
    const before = [...new Uint8Array(buffer)];
    assert(!pattern.isIntact(view, 1));
    pattern.fill(view, 2);
    assertEquals([...new Uint8Array(buffer)], before);
  });
}

Deno.test("Pool.set() leaves alone what is undefined, as it does what is left out", () => {
  using pool = new Pool({ n: "i32", at: struct({ x: "f32" }), big: "i64" });
  const handle = pool.alloc({ n: 7, at: { x: 1 }, big: 5n });
  pool.set(handle, untyped({ n: undefined, at: undefined, big: undefined }));
  pool.set(handle, untyped({ at: { x: undefined } }));
  assertEquals(pool.get(handle).toJSON(), { n: 7, at: { x: 1 }, big: 5n });
});

Deno.test("A bool is true for any byte that is not 0, as others may have written it", () => {
  using pool = new Pool({ on: "bool", within: struct({ on: "bool" }) });
  const view = pool.get(pool.alloc());
  for (const byte of [1, 2, 128, 255]) {
    pool.blocks[0].bytes.fill(byte, 0, 2);
    assertEquals([view.on, view.within.on], [true, true]);
    assertEquals(view.toJSON(), { on: true, within: { on: true } });
  }
});

// -- _envelope.ts, _slab_snapshot.ts --

/** A pool of two blocks, the first of which went, and what it looks like without a checksum. */
function halved() {
  const pool = new Pool({ n: "u32" }, { chunksPerBlock: 16, keepEmptyBlocks: 0 });
  pool.allocMany(20);
  pool.freeBlock(0);
  const bytes = pool.snapshot(undefined, { checksum: false });
  return { pool, bytes, words: new Int32Array(bytes.buffer) };
}

Deno.test("A snapshot that was changed in its header is told from one of another layout", () => {
  const { pool } = halved();
  const bytes = pool.snapshot();
  new Int32Array(bytes.buffer)[2] ^= 1; // the layout's fingerprint
  assertThrows(() => pool.restore(bytes), SnapshotError, "its checksum does not fit");
  pool.dispose();
});

Deno.test("A snapshot without a checksum is refused where its current block has no memory", () => {
  const { pool, bytes, words } = halved();
  assertEquals([words[8], words[9]], [2, -1]); // blocks, and the position of the current one
  words[9] = 0;
  assertThrows(() => pool.restore(bytes), SnapshotError, "its current block is 0");
  pool.dispose();
});

Deno.test("A snapshot may hold dead records of a struct that the pool does not know", () => {
  const Imp = struct({ hp: "u8" }, { name: "Imp" });
  const Orc = struct({ hp: "u8", rage: "u8" }, { name: "Orc" });
  using from = new PoolSet({ sizes: [2] });
  const imp = from.alloc(Imp, { hp: 3 });
  const orc = from.alloc(Orc);
  using to = new PoolSet({ sizes: [2] });
  to.cursor(Imp);
  const saved = from.snapshot();
  assertThrows(() => to.restore(saved), SnapshotError, "which the pool does not know");
  from.free(orc);
  to.restore(from.snapshot());
  assertEquals([to.size, to.get(Imp, imp).hp], [1, 3]);
  validate(to);
});

// -- inspect.ts --

Deno.test("validate() finds a size that is too small, and a block that lost its memory", () => {
  using pool = new Pool({ n: "u32" }, { chunksPerBlock: 16 });
  pool.reserve(32);
  pool.allocMany(3);
  const [slab] = slabs.get(pool)!; // every pool has one
  slab.frees++;
  assertThrows(() => validate(pool), InvariantError, "the size is 2, and 3 records are live");
  slab.frees--;
  const [, block] = slab.mappedBlocks();
  const { region } = block;
  block.region = undefined;
  const problem = "the capacity is 32, and the blocks have 16 chunks";
  assertThrows(() => validate(pool), InvariantError, problem);
  block.region = region;
  validate(pool);
});
