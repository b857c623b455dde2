/**
 * `validate` of shared pools finds damage to what threads share, and to what the owner of a block
 * keeps.
 */
import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { DisposedError, dump, InvariantError, validate } from "../../mod.ts";
// Damage to metadata is done behind the API.
import type { SharedBlock } from "../../src/shared/block.ts";
import { PENDING, RETIRED } from "../../src/shared/protocol.ts";
import { bytesOf, MIDDLE, Num, pair, partsOf, slabOf, take } from "../shared/_support.ts";
import type { NumPool } from "../shared/_support.ts";

/** Words of a block, as `src/shared/layout.ts` has them. */
const TAKEN = 1, REMOTE = 16, RETIRED_COUNT = 17, STAMPS = 32;

function wordsOf(pool: NumPool, position: number): Int32Array {
  const { layout } = slabOf(pool);
  return new Int32Array(layout.buffer, layout.startOf(position), layout.stride / 4);
}

/**
 * 20 records were allocated here; 1 and 3 were freed here, and 5, 6 and 7 there, which pushed them
 * to the remote list.
 */
function prepare(): [here: NumPool, there: NumPool] {
  const [here, there] = pair(MIDDLE);
  const taken = take(here, 20);
  for (const at of [1, 3]) here.free(taken[at]);
  for (const at of [5, 6, 7]) there.free(taken[at]);
  return [here, there];
}

function assertBroken(pool: NumPool, message: string, block = 0): void {
  const error = assertThrows(() => validate(pool), InvariantError, message);
  assertStringIncludes(error.message, `Cannot validate SharedPool "motes": block ${block}: `);
  assertEquals([error.pool, error.block], ["motes", block]);
}

Deno.test("validate() and dump() of a shared pool change nothing, and throw after dispose()", () => {
  const [here, there] = prepare();
  const before = bytesOf(here);
  for (const call of [validate, dump]) for (const part of [here, there]) call(part);
  assertEquals(bytesOf(here), before);
  there.dispose();
  for (const call of [validate, dump]) assertThrows(() => call(there), DisposedError, "disposed");
});

type Damage = [message: string, damage: (words: Int32Array, block: SharedBlock) => unknown];

/** Damage that every thread finds. The remote list of block 0 is 7, 6, 5. */
const SHARED: Damage[] = [
  ["chunk 2 has stamp -7", (it) => it[STAMPS + 2] = -7],
  ["chunk 2 has stamp 2147418112", (it) => it[STAMPS + 2] = 0x7fff_0000],
  ["leads to chunk 16, out of range 0 to 15", (it) => it[REMOTE] = 3 << 15 | 16],
  ["leads to chunk 2, whose stamp is 1", (it) => it[REMOTE] = 3 << 15 | 2],
  ["leads to chunk 7, a second time", (_, it) => it.writeLink(6, 7)],
  ["its remote list leads to chunk ", (it) => it[REMOTE] = 4 << 15 | 7], // it is too long
  ["3 chunks are on their way to its", (it) => it[REMOTE] = 1 << 15 | 7],
  ["counts 12 chunks in use, and it has 14", (it) => it[TAKEN] -= 2],
  ["counts 17 chunks in use, and it has 14", (it) => it[TAKEN] = 17],
  ["counts 1 retired chunks, and has 0", (it) => it[RETIRED_COUNT]++],
];

/** Damage that only the owner of the block finds. Its free list is 3, 1. */
const OWNED: Damage[] = [
  ["counts 14 chunks in use, and it has 13", (it) => it[STAMPS + 2]++],
  ["counts 15 chunks in use, and it has 14", (it) => it[TAKEN]++],
  ["counts 14 chunks in use, and it has 13", (it) => it[STAMPS + 7] &= ~PENDING],
  ["leads to chunk 3, whose stamp is 3", (it) => it[STAMPS + 3]++],
  ["1 chunks are in its free list or unused, and 2", (_, it) => it.free--],
  ["whose stamp is -2147483646", (it) => it[STAMPS + 3] |= PENDING],
];

Deno.test("validate() of a shared pool finds every kind of damage, some of it only in the owner", () => {
  for (const [message, damage] of [...SHARED, ...OWNED]) {
    const [here, there] = prepare();
    validate(here);
    damage(wordsOf(here, 0), slabOf(here).blocks[0]);
    assertBroken(here, message);
    if (SHARED.some((it) => it[1] === damage)) assertBroken(there, message);
  }
});

/**
 * What a thread leaves in a block that stops between two steps, and what validate() finds if it may
 * not. All 16 chunks were allocated, and chunk 0 is in the remote list.
 */
const LEFT: readonly [message: string, leave: (words: Int32Array) => unknown][] = [
  ["2 chunks are on their way to its owner, and 1", (it) => it[STAMPS + 5] = 2 | PENDING],
  ["it counts 0 retired chunks, and has 1", (it) => it[STAMPS + 6] = RETIRED],
  ["its owner counts 15 chunks in use, and it has 16", (it) => it[TAKEN]--], // it has allocated
  ["its owner counts 16 chunks in use, and it has 15", (it) => it[STAMPS + 7]++], // it has freed
  ["its owner counts 16 chunks in use, and it has 15", (it) => it[STAMPS] &= ~PENDING], // it drains
];

Deno.test("validate() of a shared pool allows one thing that a stopped thread leaves for each other thread", () => {
  for (const [i, [first, leaveFirst]] of LEFT.entries()) {
    for (const [j, [second, leaveSecond]] of LEFT.entries()) {
      const [owner, other, third] = partsOf(Num, 3, MIDDLE);
      const taken = take(owner, 32);
      for (const at of [0, 16]) other.free(taken[at]);
      leaveFirst(wordsOf(owner, 0));
      if (i < 2) validate(owner);
      else assertBroken(owner, first); // the owner knows what it counts
      validate(other);
      leaveSecond(wordsOf(owner, 1));
      validate(third);
      third.dispose(); // so one thread at most has stopped
      assertBroken(other, second, 1);
      if (i === j || i > 1 && j > 1) continue;
      const [mine, there] = pair(MIDDLE);
      there.free(take(mine, 16)[0]);
      for (const leave of [leaveFirst, leaveSecond]) leave(wordsOf(mine, 0));
      assertBroken(there, i < 2 && j < 2 ? LEFT[0][0] : "its owner counts"); // as there are two
    }
  }
});
