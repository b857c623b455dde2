/**
 * `validate` of shared pools finds damage to what threads share, and to what the owner of a block
 * keeps.
 */
import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { DisposedError, dump, InvariantError, validate } from "../../mod.ts";
// Damage to metadata is done behind the API.
import type { SharedBlock } from "../../src/shared/block.ts";
import { PENDING, RETIRED } from "../../src/shared/protocol.ts";
import {
  bytesOf,
  MIDDLE,
  Num,
  type NumPool,
  pair,
  partsOf,
  slabOf,
  take,
} from "../shared/_support.ts";

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

Deno.test("validate() passes a shared pool at every stage of its life in every thread, and changes nothing", () => {
  const parts = partsOf(Num, 3, MIDDLE);
  const check = () => {
    const before = bytesOf(parts[0]);
    parts.forEach(validate);
    dump(parts[0]);
    assertEquals(bytesOf(parts[0]), before);
  };
  check();
  const taken = take(parts[0], 40);
  check();
  taken.forEach((handle, i) => i % 4 !== 3 && parts[i % 3].free(handle));
  check();
  take(parts[1], 16);
  check();
  parts.pop()?.dispose();
  check();
  parts.shift()?.dispose();
  check();
  take(parts[0], 20);
  check();
  const [last] = parts;
  last.dispose();
  for (const call of [validate, dump]) assertThrows(() => call(last), DisposedError, "disposed of");
});

type Damage = [what: string, (words: Int32Array, block: SharedBlock) => unknown, message: string];

/** Damage that every thread finds. The remote list of block 0 is 7, 6, 5. */
const SHARED: Damage[] = [
  ["a stamp out of range", (it) => it[STAMPS + 2] = -7, "chunk 2 has stamp -7"],
  ["a stamp past the last", (it) => it[STAMPS + 2] = 0x7fff_0000, "chunk 2 has stamp 2147418112"],
  [
    "a free stamp of a live chunk",
    (it) => it[STAMPS + 2]++,
    "counts 14 chunks in use, and it has 13",
  ],
  [
    "a remote head out of range",
    (it) => it[REMOTE] = 3 << 15 | 900,
    "leads to chunk 900, out of range",
  ],
  [
    "a live chunk in the remote list",
    (it) => it[REMOTE] = 3 << 15 | 2,
    "chunk 2, whose stamp is 1",
  ],
  ["a cycle in the remote list", (_, it) => it.writeLink(6, 7), "leads to chunk 7, a second time"],
  ["a remote list too long", (it) => it[REMOTE] = 4 << 15 | 7, "its remote list leads to chunk "],
  ["a remote list too short", (it) => it[REMOTE] = 1 << 15 | 7, "3 chunks are on their way to its"],
  ["a high count of chunks in use", (it) => it[TAKEN]++, "counts 15 chunks in use, and it has 14"],
  [
    "a high count of retired chunks",
    (it) => it[RETIRED_COUNT]++,
    "counts 1 retired chunks, and has 0",
  ],
];

/** Damage that only the owner of the block finds. Its free list is 3, 1. */
const OWNED: Damage[] = [
  ["a live chunk in the free list", (it) => it[STAMPS + 3]++, "leads to chunk 3, whose stamp is 3"],
  ["a free list out of range", (_, it) => it.writeLink(3, 99), "leads to chunk 99, out of range"],
  ["a cycle in the free list", (_, it) => it.writeLink(3, 3), "leads to chunk 3, a second time"],
  [
    "a free chunk in no list",
    (_, it) => it.free--,
    "1 chunks are in its free list or unused, and 2",
  ],
  [
    "a pending chunk in the free list",
    (it) => it[STAMPS + 3] |= PENDING,
    "whose stamp is -2147483646",
  ],
];

for (const [table, isShared] of [[SHARED, true], [OWNED, false]] as const) {
  for (const [what, damage, message] of table) {
    Deno.test(`validate() of a shared pool finds ${what}`, () => {
      const [here, there] = prepare();
      validate(here);
      damage(wordsOf(here, 0), slabOf(here).blocks[0]);
      assertBroken(here, message);
      if (isShared) assertBroken(there, message);
    });
  }
}

Deno.test("validate() of a shared pool finds damage in a later block, and says in which", () => {
  const [here] = pair(MIDDLE);
  take(here, 40);
  wordsOf(here, 2)[TAKEN] = 16;
  assertBroken(here, "its owner counts 16", 2);
});

Deno.test("validate() of a shared pool allows one chunk in no list, or not counted as retired, for each other thread", () => {
  for (const stamp of [2 | PENDING, RETIRED]) {
    const parts = partsOf(Num, 3, MIDDLE);
    take(parts[0], 8);
    const words = wordsOf(parts[0], 0);
    const fault = (n: number) =>
      stamp === RETIRED
        ? `it counts 0 retired chunks, and has ${n}`
        : `${n} chunks are on their way`;
    for (const chunk of [0, 1]) {
      words[STAMPS + chunk] = stamp;
      parts.forEach(validate);
    }
    words[STAMPS + 2] = stamp;
    assertBroken(parts[0], fault(3));
    words[STAMPS + 2] = 1;
    parts[2].dispose();
    assertBroken(parts[0], fault(2));
  }
});
