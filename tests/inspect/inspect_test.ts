import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  array,
  DisposedError,
  type Handle,
  InvariantError,
  Pool,
  type PoolOptions,
  type PoolSet,
  validate,
} from "../../mod.ts";
import type { Block } from "../../src/slab/block.ts";
import { WHOLE, WideHandles } from "../../src/slab/handle.ts";
import { heapMemory } from "../../src/memory/resource.ts";
import { slabs } from "../../src/slab/slab.ts";
import { createSlab, FACES, fill, type MixedKind, stateOf, untyped } from "../_support.ts";

type Bytes = Pool<{ readonly n: "u8" }>;

/** 40 chunks were used of 48; 1, 5, 9 and 17 were freed in that order; 17 stands in block 1. */
function prepare(options: PoolOptions = {}) {
  const pool: Bytes = new Pool({ n: "u8" }, {
    chunksPerBlock: 16,
    maxChunks: 64,
    name: "bullets",
    ...options,
  });
  const handles: Handle<Bytes["struct"]>[] = pool.allocMany(40);
  for (const at of [1, 5, 9, 17]) pool.free(handles[at]);
  const slab = slabs.get(pool)![0]; // every pool has a slab
  return { pool, handles, slab, block: slab.blocks[0] };
}

/** The fields of a block or slab, to be written from outside. */
function open<T extends object>(it: T): { -readonly [K in keyof T]: T[K] } {
  return it; // only the type is in the way
}

function assertBroken(pool: object, message: string, block = 0): void {
  const place = block < 0 ? "" : `block ${block}: `;
  const error = assertThrows(
    () => validate(pool),
    InvariantError,
    `Cannot validate Pool "bullets": ${place}${message}`,
  );
  assertEquals([error.pool, error.block], ["bullets", block]);
}

// -- what is well --

Deno.test("validate() passes a pool at every stage of its life, and changes nothing", () => {
  const pool = new Pool({ n: "u32" }, { chunksPerBlock: 16, maxChunks: 64 });
  const check = () => {
    const before = stateOf(pool);
    assertEquals(validate(pool), undefined);
    assertEquals(stateOf(pool), before);
  };
  check();
  pool.reserve(20);
  check();
  const handles = pool.allocMany(64);
  check();
  pool.freeMany(handles.filter((_, i) => i % 3 === 0));
  check();
  pool.allocMany(5);
  check();
  pool.freeBlock(1);
  check();
  pool.clear();
  check();
  pool.trim();
  check();
});

Deno.test("validate() passes blocks with retired chunks, mapped or not", () => {
  const slab = createSlab({
    name: "tiny",
    label: 'Pool "tiny"',
    chunksPerBlock: 4,
    maxBlocks: 2,
    firstBlock: 0,
    codec: new WideHandles(3, WHOLE, 1),
    keepEmptyBlocks: 1,
    memory: heapMemory,
    debug: false,
  }, { chunkBytes: 2, align: 1, tagged: false });
  const pool = {};
  slabs.set(pool, [slab]);
  const handles = [1, 2, 3, 4, 5, 6].map(() => slab.alloc());
  for (const at of [1, 2, 5]) assert(slab.free(handles[at]));
  validate(pool);
  slab.freeBlock(1);
  validate(pool);
  slab.alloc();
  validate(pool);
  slab.freeBlock(0);
  validate(pool);
});

// -- what is no pool --

Deno.test("validate() throws TypeError on what is no pool", () => {
  for (const bad of [{}, [], null, undefined, 5, "pool", Pool]) {
    assertThrows(() => validate(untyped(bad)), TypeError, "the argument is no pool or allocator");
  }
});

Deno.test("validate() throws DisposedError on a pool that was disposed of", () => {
  const { pool } = prepare();
  pool.dispose();
  assertThrows(() => validate(pool), DisposedError, 'Cannot use Pool "bullets"');
});

// -- links --

Deno.test("validate() finds a link that is out of range", () => {
  const { pool } = prepare();
  pool.blocks[0].bytes[9] = 200;
  assertBroken(pool, "chunk 9 links to chunk 200, out of range 0 to 15");
});

Deno.test("validate() finds a link to a chunk that was never used", () => {
  const pool = new Pool({ n: "u8" }, { chunksPerBlock: 16, maxChunks: 64, name: "bullets" });
  const handles = pool.allocMany(10);
  pool.free(handles[3]);
  pool.free(handles[4]);
  pool.blocks[0].bytes[4] = 10;
  assertBroken(pool, "chunk 4 links to chunk 10, out of range 0 to 9");
});

Deno.test("validate() finds a link to a live chunk", () => {
  const { pool } = prepare();
  pool.blocks[0].bytes[9] = 2;
  assertBroken(pool, "chunk 9 links to chunk 2, which is live");
});

Deno.test("validate() finds a cycle", () => {
  const { pool } = prepare();
  pool.blocks[0].bytes[5] = 9;
  assertBroken(pool, "chunk 5 links to chunk 9, a second time");
});

Deno.test("validate() finds a link to a live chunk right after another pool was broken", () => {
  const first = prepare().pool;
  first.blocks[0].bytes[9] = 200; // 5 and 1, which follow, are never come to
  assertBroken(first, "chunk 9 links to chunk 200, out of range 0 to 15");
  const { pool, handles } = prepare();
  pool.freeBlock(0);
  pool.allocMany(16);
  for (const at of [2, 3]) pool.free([...pool.handles()].find((it) => (it & 15) === at)!);
  pool.blocks[0].bytes[3] = 5;
  assertBroken(pool, "chunk 3 links to chunk 5, which is live");
  assertEquals(handles.length, 40);
});

Deno.test("validate() finds a chunk that links to itself", () => {
  const { pool } = prepare();
  pool.blocks[0].bytes[9] = 9;
  assertBroken(pool, "chunk 9 links to chunk 9, a second time");
});

Deno.test("validate() finds a bad head of the free list", () => {
  for (
    const [head, problem] of [
      [16, "out of range 0 to 15"],
      [-1, "out of range 0 to 15"],
      [2, "which is live"],
    ] as const
  ) {
    const { pool, block } = prepare();
    block.head = head;
    assertBroken(pool, `the head of the free list links to chunk ${head}, ${problem}`);
  }
});

Deno.test("validate() finds a head that leaves chunks out", () => {
  const { pool, block } = prepare();
  block.head = 5; // 9 comes first: 5, 1, and then whatever the head was once
  assertThrows(() => validate(pool), InvariantError, "block 0: chunk 1 links to chunk");
});

Deno.test("validate() takes the link of the last free chunk for what it is: any value", () => {
  const { pool } = prepare();
  pool.blocks[0].bytes[1] = 255;
  validate(pool);
});

Deno.test("validate() reads links of 2 bytes", () => {
  using pool = new Pool({ n: array("u8", 3) }, { chunksPerBlock: 512, name: "bullets" });
  const handles = pool.allocMany(512);
  pool.free(handles[300]);
  pool.free(handles[400]);
  validate(pool);
  pool.blocks[0].bytes[400 * 3 + 1] = 2;
  assertBroken(pool, `chunk 400 links to chunk ${300 - 256 + 512}, out of range 0 to 511`);
});

Deno.test("validate() finds a link to a retired chunk", () => {
  const { pool, block } = prepare({ handles: "wide" });
  block.stamps[5] = 0;
  block.retired = 1;
  assertBroken(pool, "chunk 9 links to chunk 5, which is retired");
});

// -- live bits and stamps --

Deno.test("validate() finds a live bit that is off for a live chunk", () => {
  const { pool, block } = prepare();
  block.liveBits[0] &= ~(1 << 3);
  assertBroken(pool, "the live bit of chunk 3 is 0, its stamp 3");
});

Deno.test("validate() finds a live bit that is on for a free chunk", () => {
  const { pool, block } = prepare();
  block.liveBits[0] |= 1 << 5;
  assertBroken(pool, "the live bit of chunk 5 is 1, its stamp 4");
});

Deno.test("validate() finds a live bit at the bump mark", () => {
  const { pool, slab } = prepare();
  slab.blocks[2].liveBits[0] |= 1 << 8;
  assertBroken(pool, "the live bit of chunk 8 is 1, its stamp 2", 2);
});

Deno.test("validate() finds a live chunk at the bump mark", () => {
  const { pool, slab } = prepare();
  slab.blocks[2].liveBits[0] |= 1 << 8;
  slab.blocks[2].stamps[8]++;
  assertBroken(pool, "chunk 8 is live, the bump mark is 8", 2);
});

Deno.test("validate() finds a live bit past the last chunk", () => {
  const { pool, block } = prepare();
  block.liveBits[0] |= 1 << 16;
  assertBroken(pool, "14 live bits are set, and 13 chunks are live");
});

Deno.test("validate() finds a stamp that says live for a free chunk", () => {
  const { pool, block } = prepare();
  block.stamps[9]++;
  assertBroken(pool, "the live bit of chunk 9 is 0, its stamp 5");
});

Deno.test("validate() finds a generation out of range", () => {
  const { pool, block } = prepare({ handles: "wide" });
  const { maxGeneration } = slabs.get(pool)![0].codec; // every pool has a slab
  block.stamps[0] = 1;
  assertBroken(pool, `chunk 0 is at generation 0, out of range 1 to ${maxGeneration}`);
  block.stamps[0] = maxGeneration * 2 + 3;
  const generation = maxGeneration + 1;
  assertBroken(pool, `chunk 0 is at generation ${generation}, out of range 1 to ${maxGeneration}`);
});

// -- counts --

const COUNTS: [string, (block: Block) => void, string][] = [
  ["a live count that is high", (it) => it.live++, "it counts 14 live chunks, and has 13"],
  ["a live count that is low", (it) => it.live--, "it counts 12 live chunks, and has 13"],
  ["a retired count that is high", (it) => it.retired++, "it counts 1 retired chunks, and has 0"],
  ["a bump mark that is high", (it) => it.bump++, "the bump mark is 17, out of range 0 to 16"],
  ["a bump mark that is low", (it) => it.bump--, "chunk 15 is live, the bump mark is 15"],
  ["a bump mark below 0", (it) => it.bump = -1, "the bump mark is -1, out of range 0 to 16"],
  ["a bump mark of NaN", (it) => it.bump = NaN, "the bump mark is NaN, out of range 0 to 16"],
];

for (const [what, corrupt, message] of COUNTS) {
  Deno.test(`validate() finds ${what}`, () => {
    const { pool, block } = prepare();
    corrupt(block);
    assertBroken(pool, message);
  });
}

Deno.test("validate() finds a bump mark that counts a chunk as free that is in no list", () => {
  const { pool, slab } = prepare();
  slab.blocks[2].bump++;
  assertThrows(() => validate(pool), InvariantError, "block 2: ");
});

Deno.test("validate() finds a free chunk that was lost from the list", () => {
  const { pool, block } = prepare();
  // Taken off the list by hand, and given to nobody.
  block.head = block.readLink(block.head);
  assertThrows(() => validate(pool), InvariantError, "block 0: ");
});

Deno.test("validate() finds a retired chunk that is not counted", () => {
  const { pool, block } = prepare({ handles: "wide" });
  block.stamps[5] = 0;
  assertBroken(pool, "it counts 0 retired chunks, and has 1");
});

Deno.test("validate() finds a retired chunk at the bump mark", () => {
  const { pool, slab } = prepare({ handles: "wide" });
  slab.blocks[2].stamps[10] = 0;
  slab.blocks[2].retired = 1;
  assertBroken(pool, "chunk 10 is retired, the bump mark is 8", 2);
});

Deno.test("validate() finds a retired chunk where generations wrap", () => {
  const { pool, block } = prepare();
  block.stamps[5] = 0;
  block.retired = 1;
  assertBroken(pool, "1 chunks are retired, where generations wrap");
});

// -- pools of several structs --

Deno.test("validate() passes pools of several structs at every stage of their life", () => {
  for (const create of Object.values(FACES)) {
    const pool = create();
    const check = () => {
      const before = stateOf(pool);
      assertEquals(validate(pool), undefined);
      assertEquals(stateOf(pool), before);
    };
    check();
    const handles = fill(pool, 60);
    check();
    pool.freeMany(handles.filter((_, n) => n % 4 !== 0));
    check();
    pool.freeBlock(pool.blocks[0].index);
    check();
    fill(pool, 20);
    check();
    pool.clear();
    check();
    pool.trim();
    check();
    pool.dispose();
  }
});

Deno.test("validate() finds a broken block of an ErasedPool", () => {
  using cells = FACES["ErasedPool"]();
  const handles = fill(cells, 20);
  cells.free(handles[3]);
  cells.free(handles[5]);
  cells.blocks[0].bytes[5 * 16] = 77;
  const message = 'Cannot validate ErasedPool "cells": block 0: chunk 5 links to chunk 77';
  const error = assertThrows(() => validate(cells), InvariantError, message);
  assertEquals([error.pool, error.block], ["cells", 0]);
});

for (const at of [0, 1, 2]) {
  Deno.test(`validate() finds a broken block in class ${at} of a PoolSet`, () => {
    using set = FACES["PoolSet"]() as PoolSet<MixedKind>;
    fill(set, 60);
    const slab = slabs.get(set)![at]; // one for each class
    slab.blocks[1].liveBits[0] ^= 1;
    const { index } = set.pools[at].blocks[1];
    const message = `Cannot validate PoolSet "cells": block ${index}: the live bit of chunk 0 is 0`;
    const error = assertThrows(() => validate(set), InvariantError, message);
    assertEquals([error.pool, error.block], ["cells", index]);
    assertThrows(() => validate(set.pools[at]), InvariantError, message);
    for (const [i, pool] of set.pools.entries()) if (i !== at) validate(pool);
    slab.blocks[1].liveBits[0] ^= 1;
    validate(set);
  });
}

// -- the pool as a whole --

Deno.test("validate() finds a size that is not the sum of the blocks", () => {
  const { pool, slab } = prepare();
  slab.allocs++;
  assertBroken(pool, "the size is 37, and 36 records are live", -1);
});

Deno.test("validate() finds a capacity that is not the sum of the blocks", () => {
  const { pool, slab } = prepare();
  const mapped = slab.mappedBlocks();
  open(slab).mappedBlocks = () => mapped.slice(1);
  assertBroken(pool, "the capacity is 32, and the blocks have 48 chunks", -1);
});

Deno.test("validate() finds a block without memory that still has records", () => {
  const { pool, block } = prepare();
  block.region = undefined;
  assertBroken(pool, "the bump mark is 16, out of range 0 to 0");
  block.bump = 0;
  assertBroken(pool, "chunk 0 is live, the bump mark is 0");
});

Deno.test("validate() finds a live count in a block without memory", () => {
  const { pool, slab } = prepare();
  pool.freeBlock(1);
  slab.blocks[1].live = 1;
  assertBroken(pool, "it counts 1 live chunks, and has 0", 1);
});

Deno.test("validate() finds a live bit in a block without memory", () => {
  const { pool, slab } = prepare();
  pool.freeBlock(1);
  slab.blocks[1].liveBits[0] = 1;
  assertBroken(pool, "the live bit of chunk 0 is 1, its stamp 4", 1);
});

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
