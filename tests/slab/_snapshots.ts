/**
 * What the tests of snapshots share: pools in every state, and calls that go on from there.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import {
  array,
  type ArrayType,
  type PoolOptions,
  type Struct,
  struct,
  validate,
} from "../../mod.ts";
import { slabs } from "../../src/slab/slab.ts";
import type { Face, FaceMaker } from "../_faces.ts";
import { forge, type Watched } from "../_support.ts";

/** 4 blocks of 16 chunks at the most, so that every edge is near. */
export const SNAPPED: PoolOptions = { chunksPerBlock: 16, maxChunks: 64 };

export const Body: Struct<{ n: "u32"; tail: ArrayType<"u8"> }> = struct({
  n: "u32",
  tail: array("u8", 2),
}, { name: "Body" });

/** A linear congruential generator (Numerical Recipes): integers below `n`, the same in every run. */
export function randomOf(seed: number): (n: number) => number {
  return (n) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return Math.floor(seed / 2 ** 32 * n);
  };
}

/** Allocates so many, or as many as there is room for. */
function fill(face: Face, count: number): number[] {
  return Array.from({ length: count }, (_, n) => face.tryAlloc({ n, tail: [n, 255] }) ?? 0);
}

/** Uses the generations of a block's first chunks up, as a program would that runs for years. */
function wearOut(face: Face, block: number, chunks: number): void {
  const { codec, blocks } = slabs.get(face.pool)!.at(-1)!; // every pool has a slab
  for (const handle of [...face.pool.handles()]) {
    const index = codec.index(handle) - block * 16;
    if (index < 0 || index >= chunks) continue;
    blocks[block].stamps[index] = codec.maxGeneration * 2 + 1;
    face.pool.free(
      forge(codec.encode(blocks[block].firstIndex + index, blocks[block].stamps[index])),
    );
  }
}

/** How to bring a new pool into each state. */
export const STATES: Readonly<Record<string, (face: Face) => void>> = {
  "nothing": () => {},
  "a reserve": (face) => face.reserve(40),
  "one record": (face) => void fill(face, 1),
  "a full block": (face) => void fill(face, 16),
  "a block and one": (face) => void fill(face, 17),
  "all chunks": (face) => void fill(face, 64),
  "holes": (face) => {
    const handles = fill(face, 44);
    for (const at of [3, 40, 17, 4, 0, 20, 31, 9]) face.pool.tryFree(forge(handles[at]));
  },
  "reused holes": (face) => {
    const handles = fill(face, 44);
    for (const at of [3, 40, 17, 4, 0, 20, 31, 9]) face.pool.tryFree(forge(handles[at]));
    fill(face, 5);
  },
  "cleared": (face) => {
    fill(face, 40);
    face.pool.clear();
  },
  "cleared and used": (face) => {
    fill(face, 40);
    face.pool.clear();
    fill(face, 3);
  },
  "a block given back": (face) => {
    fill(face, 50);
    face.pool.freeBlock(face.pool.blocks[1].index);
  },
  "all but the last block given back": (face) => {
    fill(face, 50);
    for (let i = 0; i < 3; i++) face.pool.freeBlock(face.pool.blocks[0].index);
  },
  "all blocks given back": (face) => {
    fill(face, 50);
    face.pool.clear();
    face.pool.trim();
  },
  "worn chunks": (face) => {
    fill(face, 40);
    wearOut(face, 1, 5);
    fill(face, 2);
  },
  "worn chunks in a block that came again": (face) => {
    fill(face, 40);
    wearOut(face, 1, 5);
    face.pool.freeBlock(face.pool.blocks[1].index);
    fill(face, 20);
  },
  "worn chunks in a block given back": (face) => {
    fill(face, 40);
    wearOut(face, 0, 5);
    face.pool.freeBlock(face.pool.blocks[0].index);
  },
};

/** Makes a pool in a state. */
export function stateful(make: FaceMaker, state: string, options: PoolOptions = {}): Face {
  const face = make(Body, { ...SNAPPED, ...options });
  face.cursor(); // makes the struct known
  STATES[state](face);
  validate(face.pool);
  return face;
}

/**
 * Goes on from where a pool is, in a way that depends on the seed and on what the pool answers.
 *
 * @returns All that it answered, every handle included.
 */
export function goOn(face: Face, seed: number, steps: number): unknown[] {
  const random = randomOf(seed);
  const { pool } = face;
  const answers: unknown[] = [];
  for (let i = 0; i < steps; i++) {
    const op = random(100);
    const live = [...pool.handles()];
    const pick = live.length > 0 ? forge(live[random(live.length)]) : undefined;
    if (op < 45) answers.push(face.tryAlloc({ n: random(1000), tail: [random(256)] }));
    else if (op < 80 && pick !== undefined) answers.push(pool.free(pick), pick);
    else if (op < 88 && pick !== undefined) face.set(pick, { n: random(1000) });
    else if (op < 91 && pool.size + pool.stats().retired <= 50) answers.push(...face.allocMany(14));
    else if (op < 93) answers.push(face.retain((_, handle) => handle % 3 !== 0));
    else if (op < 95) answers.push(pool.trim());
    else if (op < 97) answers.push(face.reserve(random(65)));
    else if (op === 97) pool.clear();
    else if (pool.blocks.length > 0) {
      pool.freeBlock(pool.blocks[random(pool.blocks.length)].index);
    }
    validate(pool);
  }
  return answers;
}

/** All that a snapshot is to bring back, as it is seen from outside: not what went to and fro with the resource. */
export function contentOf({ pool }: { pool: Watched }): unknown {
  const { size, capacity, peakSize, allocs, frees, retired } = pool.stats();
  return {
    figures: { size, capacity, peakSize, allocs, frees, retired },
    handles: [...pool.handles()],
    blocks: pool.blocks.map(({ index, live, bytes }) => [index, live, [...bytes]]),
  };
}

/** Asserts that two arrays hold the same bytes, and says where they differ. */
export function assertSameBytes(actual: Uint8Array, expected: Uint8Array, what = ""): void {
  assertEquals(actual.length, expected.length, what);
  const at = actual.findIndex((byte, i) => byte !== expected[i]);
  if (at >= 0) assertEquals([at, actual[at]], [at, expected[at]], what);
}
