/** Looking at a shared pool: validate() finds planted damage, dump() and console.log() draw it. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { inspect } from "node:util";
import { DisposedError, dump, InvariantError, SharedPool, validate } from "../../mod.ts";
import type { SharedBlock } from "../../src/shared/block.ts";
import { PENDING, RETIRED } from "../../src/shared/protocol.ts";
import {
  MIDDLE,
  Num,
  type NumPool,
  pair,
  partsOf,
  slabOf,
  SMALL,
  take,
} from "../shared/_shared.ts";

/** Words of a block, as the table in _shared_layout.ts has them. */
const WORD = { owner: 0, taken: 1, remote: 16, retired: 17, stamps: 32 } as const;

/** What a test spoils. */
interface Books {
  readonly here: NumPool;
  readonly there: NumPool;
  /** Words of block 0 in the buffer itself. */
  readonly words: Int32Array;
  /** What `here`, its owner, knows of it. */
  readonly block: SharedBlock;
}

/** 20 records were allocated here; 1 and 3 were freed here, 5, 6 and 7 there, so that their owner has to be told. */
function prepare(): Books {
  const [here, there] = pair(MIDDLE);
  const taken = take(here, 20);
  for (const at of [1, 3]) here.free(taken[at]);
  for (const at of [5, 6, 7]) there.free(taken[at]);
  const { layout, blocks: [block] } = slabOf(here);
  const words = new Int32Array(layout.buffer, layout.startOf(0), layout.stride / 4);
  return { here, there, words, block };
}

function assertBroken(pool: NumPool, message: string): void {
  const error = assertThrows(
    () => validate(pool),
    InvariantError,
    `Cannot validate SharedPool "motes": block 0: ${message}`,
  );
  assertEquals([error.pool, error.block], ["motes", 0]);
}

// -- validate --

Deno.test("validate() passes a shared pool at every stage of its life, by every part", () => {
  const parts = partsOf(Num, 3, MIDDLE);
  const check = () => parts.forEach((it) => validate(it));
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
});

Deno.test("validate() of a shared pool throws DisposedError after its disposal", () => {
  const [here] = pair();
  here.dispose();
  assertThrows(() => validate(here), DisposedError, "was disposed of");
  assertThrows(() => dump(here), DisposedError, "was disposed of");
});

/** What is spoilt, how, and what every part says then, or the owner alone. */
const DAMAGE: readonly [string, (books: Books) => void, string, "all" | "owner"][] = [
  [
    "a stamp out of range",
    ({ words }) => void (words[WORD.stamps + 2] = -7),
    "chunk 2 has stamp -7",
    "all",
  ],
  [
    "a stamp past the last generation",
    ({ words }) => void (words[WORD.stamps + 2] = 0x7fff_0000),
    "chunk 2 has stamp 2147418112",
    "all",
  ],
  [
    "a remote list that starts nowhere",
    ({ words }) => void (words[WORD.remote] = 3 << 15 | 900),
    "its remote list leads to chunk 900, out of range 0 to 15",
    "all",
  ],
  [
    "a remote list with a live chunk",
    ({ words }) => void (words[WORD.remote] = 3 << 15 | 2),
    "its remote list leads to chunk 2, whose stamp is 1",
    "all",
  ],
  [
    "a remote list with a cycle",
    ({ block }) => block.writeLink(6, 7),
    "its remote list leads to chunk 7, a second time",
    "all",
  ],
  [
    "a remote list that is too long",
    ({ words }) => void (words[WORD.remote] = 4 << 15 | 7),
    "its remote list leads to chunk ",
    "all",
  ],
  [
    "a remote list that is too short",
    ({ words }) => void (words[WORD.remote] = 1 << 15 | 7),
    "3 chunks are on their way to its owner, and 1 in the list",
    "all",
  ],
  [
    "a count of chunks in use",
    ({ words }) => void words[WORD.taken]++,
    "its owner counts 15 chunks in use, and it has 14",
    "all",
  ],
  [
    "a count of retired chunks",
    ({ words }) => void words[WORD.retired]++,
    "it counts 1 retired chunks, and has 0",
    "all",
  ],
  [
    "more retired chunks uncounted than one for each other thread",
    ({ words }) => void (words[WORD.stamps + 2] = words[WORD.stamps + 4] = RETIRED),
    "it counts 0 retired chunks, and has 2",
    "all",
  ],
  [
    "a live chunk declared free",
    ({ words }) => void words[WORD.stamps + 2]++,
    "its owner counts 14 chunks in use, and it has 13",
    "all",
  ],
  [
    "a free chunk declared live",
    ({ words }) => void words[WORD.stamps + 3]++,
    "its free list leads to chunk 3, whose stamp is 3",
    "owner",
  ],
  [
    "a free list that leads out of the block",
    ({ block }) => block.writeLink(3, 99),
    "its free list leads to chunk 99, out of range 0 to 15",
    "owner",
  ],
  [
    "a free list with a cycle",
    ({ block }) => block.writeLink(3, 3),
    "its free list leads to chunk 3, a second time",
    "owner",
  ],
  [
    "a free list that has lost a chunk",
    ({ block }) => void block.free--,
    "1 chunks are in its free list or unused, and 2 are free",
    "owner",
  ],
  [
    "a free chunk that is on its way",
    ({ words }) => void (words[WORD.stamps + 3] |= PENDING),
    "its free list leads to chunk 3, whose stamp is -2147483646",
    "owner",
  ],
];

for (const [what, spoil, message, seenBy] of DAMAGE) {
  Deno.test(`validate() finds ${what} in a shared pool`, () => {
    const books = prepare();
    validate(books.here);
    validate(books.there);
    spoil(books);
    assertBroken(books.here, message);
    if (seenBy === "all") assertBroken(books.there, message);
  });
}

Deno.test("validate() finds damage in a later block of a shared pool, and says in which", () => {
  const [here] = pair(MIDDLE);
  take(here, 40);
  const { layout } = slabOf(here);
  new Int32Array(layout.buffer, layout.startOf(2), 2)[WORD.taken] = 16;
  const error = assertThrows(() => validate(here), InvariantError, "block 2: its owner counts 16");
  assertEquals(error.block, 2);
});

Deno.test("validate() lets each other thread have one chunk on its way, and no more", () => {
  const parts = partsOf(Num, 3, SMALL);
  take(parts[0], 8);
  const { layout } = slabOf(parts[0]);
  const words = new Int32Array(layout.buffer, layout.startOf(0), layout.stride / 4);
  words[WORD.stamps] = 2 | PENDING;
  parts.forEach(validate);
  words[WORD.stamps + 1] = 2 | PENDING;
  parts.forEach(validate);
  words[WORD.stamps + 2] = 2 | PENDING;
  assertBroken(parts[0], "3 chunks are on their way to its owner, and 0 in the list");
  words[WORD.stamps + 2] = 1;
  parts[2].dispose();
  assertBroken(parts[0], "2 chunks are on their way to its owner, and 0 in the list");
});

Deno.test("validate() of a shared pool changes nothing", () => {
  const { here, there } = prepare();
  const bytes = () => new Uint8Array(slabOf(here).layout.buffer).slice();
  const before = bytes();
  validate(here);
  validate(there);
  dump(here);
  assertEquals(bytes(), before);
});

// -- dump --

Deno.test("dump() of a shared pool draws its blocks, and says whose each is", () => {
  const parts = partsOf(Num, 3, MIDDLE);
  const taken = take(parts[0], 20);
  take(parts[1], 4);
  for (const handle of taken.slice(4, 10)) parts[1].free(handle);
  parts[2].dispose();
  const [, there] = parts;
  parts[0].dispose();
  assertEquals(
    dump(there, { color: false }),
    `SharedPool "motes": 18 live of 48 in 3 blocks, 192 bytes
block    0    nobody's       10/16  ████      ██████
block    1    nobody's        4/16  ████············
block    2  thread 2's        4/16  ████············
thread 2 of 3 so far, 1 around, 0 retired, at most 64`,
  );
});

Deno.test("dump() of a shared pool without blocks has its figures alone", () => {
  using here = SharedPool.create(Num, SMALL);
  assertEquals(
    dump(here, { color: false }),
    `SharedPool "motes": 0 live of 0 in 0 blocks, 0 bytes
thread 1 of 1 so far, 1 around, 0 retired, at most 32`,
  );
});

Deno.test("dump() of a shared pool has colour where it is wanted, and lines of 80 columns at the most", () => {
  const here = SharedPool.create(Num, { name: "n".repeat(200), handles: "wide" });
  take(here, 20_000);
  assert(dump(here, { color: true }).includes("\x1b[36m█"));
  for (const line of dump(here, { color: false }).split("\n")) assert(line.length <= 80, line);
});

// -- console.log --

Deno.test("console.log() of a shared pool prints a line, in Deno and Node", () => {
  const [here] = pair(MIDDLE);
  take(here, 20);
  const line = 'SharedPool "motes": 20 live of 32 in 2 blocks, 128 bytes';
  assertEquals([Deno.inspect(here), inspect(here)], [line, line]);
  here.dispose();
  assertEquals(Deno.inspect(here), 'SharedPool "motes": disposed of');
});
