/**
 * Pools in every state, for the tests of snapshots, saves and compaction.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { array, type ArrayType, struct, validate } from "../../mod.ts";
import type { PoolOptions, Struct } from "../../mod.ts";
// Handles cannot be worn out through the API in reasonable time.
import { slabs } from "../../src/slab/slab.ts";
import { type OfKind, POOL_KINDS, reserveIn } from "../_kinds.ts";
import { forge } from "../_support.ts";

/** 4 blocks of 16 chunks at the most, so that every edge is near. */
export const SNAPPED: PoolOptions = { chunksPerBlock: 16, maxChunks: 64 };

export const Body: Struct<{ n: "u32"; tail: ArrayType<"u8"> }> = struct({
  n: "u32",
  tail: array("u8", 2),
}, { name: "Body" });

/** Allocates so many records, or as many as there is room for. */
function fill({ pool, of }: OfKind, count: number): number[] {
  return Array.from({ length: count }, (_, n) => pool.tryAlloc(...of, { n, tail: [n, 255] }) ?? 0);
}

function fillWithHoles(it: OfKind): void {
  const handles = fill(it, 44);
  for (const at of [3, 40, 17, 4, 0, 20, 31, 9]) it.pool.tryFree(forge(handles[at]));
}

/** Fills 40 chunks and retires the first 5 of a block, as a program would that runs for years. */
function fillAndWear(it: OfKind, block: number): void {
  fill(it, 40);
  const { codec, blocks } = slabs.get(it.pool)!.at(-1)!; // every pool has a slab
  const { stamps, firstIndex } = blocks[block];
  for (const handle of [...it.pool.handles()]) {
    const index = codec.index(handle) - block * 16;
    if (index < 0 || index >= 5) continue;
    stamps[index] = codec.maxGeneration * 2 + 1;
    it.pool.free(forge(codec.encode(firstIndex + index, stamps[index])));
  }
}

/** How to bring a new pool into each state. */
const STATES: Readonly<Record<string, (it: OfKind) => void>> = {
  "nothing": () => {},
  "a reserve": (it) => reserveIn(it, 40),
  "one record": (it) => void fill(it, 1),
  "a full block": (it) => void fill(it, 16),
  "a block and one": (it) => void fill(it, 17),
  "all chunks": (it) => void fill(it, 64),
  "holes": fillWithHoles,
  "reused holes": (it) => {
    fillWithHoles(it);
    fill(it, 5);
  },
  "cleared and used": (it) => {
    fill(it, 40);
    it.pool.clear();
    fill(it, 3);
  },
  "a block given back": (it) => {
    fill(it, 50);
    it.pool.freeBlock(it.pool.blocks[1].index);
  },
  "all but the last block given back": (it) => {
    fill(it, 50);
    for (let i = 0; i < 3; i++) it.pool.freeBlock(it.pool.blocks[0].index);
  },
  "all blocks given back": (it) => {
    fill(it, 50);
    it.pool.clear();
    it.pool.trim();
  },
  "worn chunks": (it) => {
    fillAndWear(it, 1);
    fill(it, 2);
  },
  "worn chunks in a block that came again": (it) => {
    fillAndWear(it, 1);
    it.pool.freeBlock(it.pool.blocks[1].index);
    fill(it, 20);
  },
  "worn chunks in a block given back": (it) => {
    fillAndWear(it, 0);
    it.pool.freeBlock(it.pool.blocks[0].index);
  },
};

/** The states that a kind of pool can have: only wide handles wear chunks out. */
export function statesOf(kind: string): string[] {
  return Object.keys(STATES).filter((state) =>
    kind.startsWith("wide") || !state.startsWith("worn")
  );
}

/** Makes a pool in a state. */
export function stateful(kind: string, state: string, options: PoolOptions = {}): OfKind {
  const it = POOL_KINDS[kind](Body, { ...SNAPPED, ...options });
  it.pool.cursor(...it.of); // makes the struct known
  STATES[state](it);
  validate(it.pool);
  return it;
}

/** Asserts that two arrays hold the same bytes, and says where they differ. */
export function assertSameBytes(actual: Uint8Array, expected: Uint8Array, what = ""): void {
  assertEquals(actual.length, expected.length, what);
  const at = actual.findIndex((byte, i) => byte !== expected[i]);
  if (at >= 0) assertEquals([at, actual[at]], [at, expected[at]], what);
}
