/**
 * `validate` passes sound pools, and finds every kind of damage to the metadata of a block or a
 * pool.
 */
import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { DisposedError, dump, InvariantError, Pool, validate } from "../../mod.ts";
import type { AnyHandle, PoolSet } from "../../mod.ts";
// Damage to metadata is done behind the API.
import type { Block } from "../../src/slab/block.ts";
import { type Slab, slabs } from "../../src/slab/slab.ts";
import { drop, labelOf, POOL_KINDS, testKinds } from "../_kinds.ts";
import { Num, stateOf, untyped } from "../_support.ts";

/**
 * 40 chunks were used of 48 in three blocks. Chunks 1, 5 and 9 of block 0 were freed in this order,
 * then chunk 1 of block 1, and 2 and 3 of block 2. Block 3 was given back.
 */
function prepare(handles: "compact" | "wide") {
  const options = { chunksPerBlock: 16, maxChunks: 64, name: "bullets", handles } as const;
  const pool = new Pool({ n: "u8" }, options);
  const taken = pool.allocMany(40);
  pool.reserve(64);
  pool.freeBlock(3);
  for (const at of [1, 5, 9, 17, 34, 35]) pool.free(taken[at]);
  const [slab] = slabs.get(pool)!; // every pool has a slab
  return { pool, slab, blocks: slab.blocks as Block[] };
}

/** A pool of which a test breaks the metadata: the pool, its slab and its blocks. */
type Victim = ReturnType<typeof prepare>;

function assertBroken(pool: object, message: string, block = 0, label = 'Pool "bullets"'): void {
  const error = assertThrows(() => validate(pool), InvariantError, message);
  const where = block < 0 ? "the " : `block ${block}: `;
  assertStringIncludes(error.message, `Cannot validate ${label}: ${where}`);
  assertEquals([error.pool, error.block], [label.split('"')[1], block]);
}

testKinds("validate() and dump() change nothing, and throw after dispose()", Num, {}, (make) => {
  const { pool, of } = make();
  pool.freeMany(pool.allocMany<AnyHandle[]>(...of, 20).filter((_, i) => i % 3 === 0));
  const before = stateOf(pool);
  assertEquals(validate(pool), undefined);
  assertStringIncludes(dump(pool), "\npeak 20, 20 allocs, 7 frees, ");
  assertEquals(stateOf(pool), before);
  drop(pool);
  for (const call of [validate, dump]) assertThrows(() => call(pool), DisposedError, "Cannot use ");
});

// -- damage --

/** What the error says, the damage to a block, and its index: 0 if left out, -1 for the pool. */
type Damage = [message: string, (it: Block, victim: Victim) => unknown, at?: number];

function retire(it: Block, chunk: number): void {
  it.stamps[chunk] = 0;
  it.retired = 1;
}

function live(it: Block, chunk: number): void {
  it.liveBits[0] |= 1 << chunk;
  it.stamps[chunk]++;
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
  ["chunk 9 links to chunk 200, out of range 0 to 15", (it) => it.u8[9] = 200],
  ["chunk 9 links to chunk 2, which is live", (it) => it.u8[9] = 2],
  ["chunk 9 links to chunk 9, a second time", (it) => it.u8[9] = 9],
  ["chunk 3 links to chunk 8, out of range 0 to 7", (it) => it.u8[3] = 8, 2], // it was never used
  ["the head of the free list links to chunk 16, out of", (it) => it.head = 16],
  ["the head of the free list links to chunk -1, out of range 0 to 15", (it) => it.head = -1],
  ["", (it) => it.head = it.readLink(it.head)], // a free chunk is in no list
  ["", (it) => it.bump++, 2], // a used chunk is in no list

  ["the live bit of chunk 3 is 0, its stamp 3", (it) => it.liveBits[0] &= ~8],
  ["the live bit of chunk 5 is 1", (it) => it.liveBits[0] |= 32],
  ["chunk 8 is live, the bump pointer is 8", (it) => live(it, 8), 2],
  ["14 live bits are set, and 13", (it) => it.liveBits[0] |= 1 << 16],

  ["it counts 14 live chunks, and has 13", (it) => it.live++],
  ["it counts 1 retired chunks, and has 0", (it) => it.retired++],
  ["1 chunks are retired, where", (it) => retire(it, 5)], // generations wrap
  ["the bump pointer is 17, out of range 0 to 16", (it) => it.bump++],
  ["chunk 15 is live, the bump pointer is 15", (it) => it.bump--],
  ["the bump pointer is -1, out of range 0 to 16", (it) => it.bump = -1],
  ["the bump pointer is NaN, out of range 0 to 16", (it) => it.bump = NaN],

  // Of blocks without memory.
  ["the bump pointer is 16, out of range 0 to 0", (it) => unmap(it, 16)],
  ["chunk 0 is live, the bump pointer is 0", (it) => unmap(it, 0)],
  ["the live bit of chunk 0 is 1", (it) => it.liveBits[0] = 1, 3],

  ["the size is 35, and 34 records are live", (_, { slab }) => slab.allocs++, -1],
  ["the count of empty blocks is 1, and 0", (_, { slab }) => slab.blockSet.emptyCount++, -1],
  ["capacity is 16, and the blocks have 48 chunks", (_, { slab: { blockSet } }) => {
    Reflect.set(blockSet, "mappedCount", 1);
  }, -1],
  ["capacity is 32, and the blocks have 48 chunks", (_, { slab }) => hideBlock(slab), -1],
];

const LAST = 2 ** 30 - 1; // generation of a wide handle

const WIDE_DAMAGE: Damage[] = [
  ["chunk 9 links to chunk 5, which is retired", (it) => retire(it, 5)],
  ["it counts 0 retired chunks, and has 1", (it) => it.stamps[5] = 0],
  ["chunk 10 is retired, the bump pointer is", (it) => retire(it, 10), 2],
  ["chunk 0 is at generation 0, out of range 1 to", (it) => it.stamps[0] = 1],
  [`chunk 0 is at generation ${LAST + 1}, out`, (it) => it.stamps[0] = LAST * 2 + 3],
];

for (const [handles, table] of [["compact", DAMAGE], ["wide", WIDE_DAMAGE]] as const) {
  Deno.test(`validate() finds every kind of damage to a pool with ${handles} handles`, () => {
    for (const [message, damage, at = 0] of table) {
      const victim = prepare(handles);
      validate(victim.pool);
      damage(victim.blocks[Math.max(0, at)], victim);
      assertBroken(victim.pool, message, at);
      validate(prepare(handles).pool); // an error leaves nothing behind for the next call
    }
  });
}

for (const [kind, make] of Object.entries(POOL_KINDS)) {
  Deno.test(`validate() finds damage in each slab of a ${kind}, and of its pools in that one`, () => {
    const { pool, of } = make(Num, { chunksPerBlock: 16, name: "cells" });
    pool.allocMany<AnyHandle[]>(...of, 40);
    const { pools = [] } = untyped<Partial<PoolSet>>(pool);
    const at = Math.max(0, pools.length - 1); // the class of the struct is the last
    const block = slabs.get(pool)![at].blocks[2]; // every pool has a slab
    block.liveBits[0] ^= 1;
    assertBroken(pool, "the live bit of chunk 0 is 0", block.index, labelOf(kind, "cells"));
    pools.forEach((it, i) => {
      if (i === at) assertThrows(() => validate(it), InvariantError);
      else validate(it);
    });
  });
}
