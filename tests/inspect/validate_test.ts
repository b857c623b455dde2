/**
 * `validate` passes sound pools, and finds every kind of damage to the metadata of a block or a
 * pool.
 */
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { array, DisposedError, InvariantError, Pool, type PoolSet, validate } from "../../mod.ts";
// Damage to metadata is done behind the API.
import { heapMemory } from "../../src/memory/resource.ts";
import type { Block } from "../../src/slab/block.ts";
import { WHOLE, WideHandles } from "../../src/slab/handle.ts";
import { type Slab, slabs } from "../../src/slab/slab.ts";
import { createSlab, POOLS, stateOf, untyped } from "../_support.ts";

/** A pool of which a test breaks the metadata: the pool, its slab and its blocks. */
interface Victim {
  readonly pool: Pool<{ readonly n: "u8" }>;
  readonly slab: Slab;
  readonly blocks: Block[];
}

/**
 * 40 chunks were used of 48 in three blocks. Chunks 1, 5 and 9 of block 0 were freed in this order,
 * then chunk 1 of block 1. Block 3 was given back.
 */
function prepare(isWide = false): Victim {
  const handles = isWide ? "wide" : "compact";
  const options = { chunksPerBlock: 16, maxChunks: 64, name: "bullets", handles } as const;
  const pool = new Pool({ n: "u8" }, options);
  const taken = pool.allocMany(40);
  pool.reserve(64);
  pool.freeBlock(3);
  for (const at of [1, 5, 9, 17]) pool.free(taken[at]);
  const [slab] = slabs.get(pool)!; // every pool has a slab
  return { pool, slab, blocks: slab.blocks as Block[] };
}

function assertBroken(pool: object, message: string, block = 0, label = 'Pool "bullets"'): void {
  const error = assertThrows(() => validate(pool), InvariantError, message);
  const where = block < 0 ? "the " : `block ${block}: `;
  assertStringIncludes(error.message, `Cannot validate ${label}: ${where}`);
  assertEquals([error.pool, error.block], [label.split('"')[1], block]);
}

// -- sound pools --

for (const [kind, make] of Object.entries(POOLS)) {
  Deno.test(`validate() passes a ${kind} at every stage of its life, and changes nothing`, () => {
    for (const reuse of ["recent", "spread"] as const) {
      checkLife(kind, make({ chunksPerBlock: 16, reuse }));
    }
  });
}

function checkLife(
  kind: string,
  { pool, allocMany, reserve }: ReturnType<typeof POOLS[string]>,
): void {
  const check = () => {
    const before = stateOf(pool);
    assertEquals(validate(pool), undefined);
    assertEquals(stateOf(pool), before);
  };
  check();
  reserve(20);
  check();
  const handles = allocMany(64);
  check();
  pool.freeMany(handles.filter((_, i) => i % 3 === 0));
  check();
  allocMany(5);
  check();
  pool.freeBlock(pool.blocks[1].index);
  check();
  pool.clear();
  check();
  pool.trim();
  check();
  pool.dispose();
  assertThrows(() => validate(pool), DisposedError, `Cannot use ${kind.split(" ")[0]} "`);
}

Deno.test("validate() passes blocks with retired chunks, mapped or not", () => {
  const slab = createSlab({
    name: "tiny",
    label: 'Pool "tiny"',
    chunksPerBlock: 4,
    maxBlocks: 2,
    firstBlock: 0,
    codec: new WideHandles(3, WHOLE, 1), // of one generation, so that every free retires a chunk
    keepEmptyBlocks: 1,
    memory: heapMemory,
    debug: false,
  }, { chunkBytes: 2, align: 1, tagged: false });
  const pool = {};
  slabs.set(pool, [slab]);
  const handles = [1, 2, 3, 4, 5, 6].map(() => slab.alloc());
  for (const at of [1, 2, 5]) assert(slab.free(handles[at]));
  validate(pool);
  for (const step of [() => slab.freeBlock(1), () => slab.alloc(), () => slab.freeBlock(0)]) {
    step();
    validate(pool);
  }
});

Deno.test("validate() throws TypeError on what is not a pool", () => {
  for (const bad of [{}, [], null, undefined, 5, "pool", Pool]) {
    assertThrows(() => validate(untyped(bad)), TypeError, "the argument is no pool or allocator");
  }
});

Deno.test("validate() ignores the link of the last free chunk, which has no meaning", () => {
  const { pool } = prepare();
  pool.blocks[0].bytes[1] = 255;
  validate(pool);
});

// -- damage --

/** Damage to a block, 0 where no index is given, or to the pool as a whole, -1. */
type Damage = [what: string, (it: Block, victim: Victim) => unknown, message: string, at?: number];

function retire(it: Block, chunk: number): void {
  it.stamps[chunk] = 0;
  it.retired = 1;
}

function live(it: Block, chunk: number): void {
  it.liveBits[0] |= 1 << chunk;
  it.stamps[chunk]++;
}

/** The last block, which is empty, loses its memory after the pool has listed its blocks. */
function loseBlock({ pool, slab, blocks }: Victim): void {
  pool.reserve(64);
  slab.mappedBlocks();
  blocks[3].region = undefined;
}

function hideBlock(slab: Slab): void {
  Object.assign(slab, { mappedBlocks: () => slab.blocks.slice(1, 3) });
}

function unmap(it: Block, bump: number): void {
  it.region = undefined;
  it.bump = bump;
}

const DAMAGE: Damage[] = [
  // The free list of block 0 is 9, 5, 1; a link is the first byte of a free chunk.
  [
    "a link out of range",
    (it) => it.u8[9] = 200,
    "chunk 9 links to chunk 200, out of range 0 to 15",
  ],
  ["a link to a live chunk", (it) => it.u8[9] = 2, "chunk 9 links to chunk 2, which is live"],
  ["a cycle of two chunks", (it) => it.u8[5] = 9, "chunk 5 links to chunk 9, a second time"],
  ["a link to itself", (it) => it.u8[9] = 9, "chunk 9 links to chunk 9, a second time"],
  [
    "a head out of range",
    (it) => it.head = 16,
    "the head of the free list links to chunk 16, out of",
  ],
  ["a head below 0", (it) => it.head = -1, "links to chunk -1, out of range 0 to 15"],
  ["a live head", (it) => it.head = 2, "links to chunk 2, which is live"],
  ["a head that leaves chunks out", (it) => it.head = 5, "chunk 1 links to chunk"],
  ["a free chunk in no list", (it) => it.head = it.readLink(it.head), ""],
  ["a used chunk in no list", (it) => it.bump++, "", 2],

  ["a live bit that is off", (it) => it.liveBits[0] &= ~8, "bit of chunk 3 is 0, its stamp 3"],
  ["a live bit of a free chunk", (it) => it.liveBits[0] |= 32, "the live bit of chunk 5 is 1"],
  ["a live bit at the bump pointer", (it) => it.liveBits[0] |= 256, "bit of chunk 8 is 1, its", 2],
  [
    "a live chunk at the bump pointer",
    (it) => live(it, 8),
    "chunk 8 is live, the bump pointer is 8",
    2,
  ],
  [
    "a live bit past the last chunk",
    (it) => it.liveBits[0] |= 1 << 16,
    "14 live bits are set, and 13",
  ],
  ["a live stamp of a free chunk", (it) => it.stamps[9]++, "bit of chunk 9 is 0, its stamp 5"],

  ["a high live count", (it) => it.live++, "it counts 14 live chunks, and has 13"],
  ["a low live count", (it) => it.live--, "it counts 12 live chunks, and has 13"],
  ["a high retired count", (it) => it.retired++, "it counts 1 retired chunks, and has 0"],
  ["a retired chunk where generations wrap", (it) => retire(it, 5), "1 chunks are retired, where"],
  ["a high bump pointer", (it) => it.bump++, "the bump pointer is 17, out of range 0 to 16"],
  ["a low bump pointer", (it) => it.bump--, "chunk 15 is live, the bump pointer is 15"],
  ["a bump pointer below 0", (it) => it.bump = -1, "the bump pointer is -1, out of range 0 to 16"],
  ["a bump pointer of NaN", (it) => it.bump = NaN, "the bump pointer is NaN, out of range 0 to 16"],

  ["used chunks without memory", (it) => unmap(it, 16), "bump pointer is 16, out of range 0 to 0"],
  ["live chunks without memory", (it) => unmap(it, 0), "chunk 0 is live, the bump pointer is 0"],
  ["a live count without memory", (it) => it.live = 1, "it counts 1 live chunks, and has 0", 3],
  ["a live bit without memory", (it) => it.liveBits[0] = 1, "the live bit of chunk 0 is 1", 3],

  ["a high size", (_, { slab }) => slab.allocs++, "the size is 37, and 36 records are live", -1],
  ["a low size", (_, { slab }) => slab.frees++, "the size is 35, and 36 records are live", -1],
  ["a high capacity", (_, it) => loseBlock(it), "is 64, and the blocks have 48 chunks", -1],
  ["a low capacity", (_, { slab }) => hideBlock(slab), "is 32, and the blocks have 48 chunks", -1],
];

const LAST = 2 ** 30 - 1; // generation of a wide handle

const WIDE: Damage[] = [
  [
    "a retired chunk in a list",
    (it) => retire(it, 5),
    "chunk 9 links to chunk 5, which is retired",
  ],
  ["a low retired count", (it) => it.stamps[5] = 0, "it counts 0 retired chunks, and has 1"],
  [
    "a retired chunk at the bump pointer",
    (it) => retire(it, 10),
    "10 is retired, the bump pointer is",
    2,
  ],
  ["generation 0", (it) => it.stamps[0] = 1, "chunk 0 is at generation 0, out of range 1 to"],
  [
    "a generation past the last",
    (it) => it.stamps[0] = LAST * 2 + 3,
    `at generation ${LAST + 1}, out`,
  ],
];

for (const [isWide, table] of [[false, DAMAGE], [true, WIDE]] as const) {
  for (const [what, damage, message, at = 0] of table) {
    Deno.test(`validate() finds ${what}`, () => {
      const victim = prepare(isWide);
      validate(victim.pool);
      damage(victim.blocks[Math.max(0, at)], victim);
      assertBroken(victim.pool, message, at);
      validate(prepare(isWide).pool); // an error leaves nothing behind for the next call
    });
  }
}

Deno.test("validate() finds damage to the queue of a pool that spreads reuse", () => {
  const pool = new Pool({ n: "u8" }, { chunksPerBlock: 16, name: "bullets", reuse: "spread" });
  pool.freeMany(pool.allocMany(20).slice(0, 5));
  const [slab] = slabs.get(pool)!; // every pool has a slab
  Object.defineProperty(slab, "queue", { value: { ...slab.queue, queued: 4 } });
  assertBroken(pool, "the queue ends at chunk", -1);
});

Deno.test("validate() finds a link to a chunk that was never used", () => {
  const pool = new Pool({ n: "u8" }, { chunksPerBlock: 16, name: "bullets" });
  const handles = pool.allocMany(10);
  pool.freeMany(handles.slice(3, 5));
  pool.blocks[0].bytes[4] = 10;
  assertBroken(pool, "chunk 4 links to chunk 10, out of range 0 to 9");
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

for (const kind of ["ErasedPool", "PoolSet"]) {
  Deno.test(`validate() finds damage in each slab of a ${kind}, and of its pools in that one`, () => {
    const { pool, allocMany } = POOLS[kind]();
    allocMany(40);
    for (const [at, slab] of slabs.get(pool)!.entries()) { // every pool has a slab
      const block = slab.blocks.at(-1);
      if (block === undefined) continue; // a class without records
      block.liveBits[0] ^= 1;
      assertBroken(pool, "the live bit of chunk 0 is 0", block.index, `${kind} "cells"`);
      const { pools = [] } = pool as Partial<PoolSet>;
      pools.forEach((it, i) =>
        i === at ? assertThrows(() => validate(it), InvariantError) : validate(it)
      );
      block.liveBits[0] ^= 1;
      validate(pool);
    }
  });
}
