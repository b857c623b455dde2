/**
 * How parts of a shared pool own, give up and adopt blocks, and how chunks wear out. Where a thread
 * stops, or another comes in between, the moment is made by code in a step.
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { OutOfMemoryError, SharedPool, StaleHandleError, validate } from "../../mod.ts";
import { BLOCK, BLOCK_BYTES, HEADER } from "../../src/shared/layout.ts";
import { drain, ORPHAN } from "../../src/shared/protocol.ts";
import { withProperties } from "../_support.ts";
import {
  MIDDLE,
  Num,
  pair,
  partsOf,
  retireAtOnce,
  seenBy,
  slabOf,
  SMALL,
  take,
} from "./_support.ts";
import type { NumHandle, NumPool } from "./_support.ts";

const ONE_BLOCK = { ...SMALL, maxChunks: 16 };

/** Allocates until there is no chunk left, and counts the records. */
function fillUp(pool: NumPool): number {
  let count = 0;
  while (pool.tryAlloc() !== undefined) count++;
  return count;
}

// -- owners --

Deno.test("A part keeps keepEmptyBlocks empty blocks besides the current one, and gives up the others", () => {
  for (const keepEmptyBlocks of [0, 1, 2, 3, 2 ** 31, 2 ** 32, Number.MAX_SAFE_INTEGER]) {
    const [there, here] = pair({ ...MIDDLE, keepEmptyBlocks }); // it has read the number
    const orphans = () => slabOf(here).layout.header[HEADER.orphans];
    const kept = Math.min(keepEmptyBlocks, 3);
    for (let round = 0; round < 3; round++) { // also after it has used them again
      for (const handle of take(here, 64)) here.free(handle);
      assertEquals(orphans(), 3 - kept);
    }
    assertEquals(fillUp(there), (3 - kept) * 16);
    assertEquals(orphans(), 0);
    assertEquals(fillUp(here), (1 + kept) * 16);
    here.dispose();
    assertEquals(orphans(), 1 + kept);
    validate(there);
  }
});

Deno.test("A part gives up empty blocks that it adopts, or empties itself, past keepEmptyBlocks", () => {
  const [here, there, third] = partsOf(Num, 3, { ...MIDDLE, keepEmptyBlocks: 1 });
  const lost = take(there, 32);
  const mine = take(here, 32);
  for (const handle of lost) here.free(handle);
  assertEquals([here.adopt(there.thread), fillUp(third)], [2, 16]);
  for (const handle of mine.slice(0, 16)) here.free(handle);
  assertEquals([fillUp(third), fillUp(here)], [16, 16]);
  validate(here);
});

Deno.test("A part gives up what others emptied of its blocks, when it runs out of chunks", () => {
  for (const keepEmptyBlocks of [0, 1]) {
    const [here, there] = pair({ ...MIDDLE, maxChunks: 128, keepEmptyBlocks });
    for (const handle of take(here, 128)) there.free(handle);
    here.alloc(); // in its current block
    assertEquals(fillUp(there), 0);
    assertEquals(take(here, 16).length, 16); // one more than that has
    assertEquals(fillUp(there), (8 - 2 - keepEmptyBlocks) * 16);
    validate(here);
    assertEquals(fillUp(here), 15 + keepEmptyBlocks * 16);
    validate(there);
  }
});

Deno.test("A part never gives up the block that it goes on in, though others empty it meanwhile", () => {
  const [here, there] = pair({ ...MIDDLE, maxChunks: 1024, keepEmptyBlocks: 0 });
  const byBlock: NumHandle[][] = [[], [], [], []];
  const fill = (count: number) => {
    for (const it of take(here, count)) byBlock[here.indexOf(it) >> 4].push(it);
  };
  const free = (block: number, count: number) => {
    for (let i = 0; i < count; i++) there.free(byBlock[block].pop()!); // it has as many
  };
  fill(48);
  free(0, 16);
  free(1, 1);
  for (const count of [1, 16, 16]) fill(count);
  free(1, 1);
  fill(1);
  free(3, 1);
  free(2, 16);
  const next = slabOf(here).blocks[3];
  next.swapRemote = (from, to) => {
    const isDone = Object.getPrototypeOf(next).swapRemote.call(next, from, to);
    if (to === 0) free(3, byBlock[3].length); // another thread, just after
    return isDone;
  };
  const handles = [...take(here, 1), ...take(there, 32), ...take(here, 15)];
  assertEquals(handles.filter((it) => !here.has(it)), []);
  assertEquals(new Set(handles).size, 48);
  validate(here);
});

/**
 * Calls a function whose atomic operations are done by another one. This gets the operation, its
 * name, and the position of its word in the buffer.
 */
function withAtomics<T>(
  around: (operation: () => number, name: string, word: number) => number,
  call: () => T,
): T {
  const { Atomics } = globalThis;
  const hooked = new Proxy(Atomics, {
    get: (_, name: "add") => (array: Int32Array, at: number, value: number, ...to: []) => {
      globalThis.Atomics = Atomics;
      const operation = () => Atomics[name](array, at, value, ...to);
      const result = around(operation, name, array.byteOffset / 4 + at);
      globalThis.Atomics = hooked;
      return result;
    },
  });
  return withProperties(globalThis, { Atomics: { value: hooked, writable: true } }, call);
}

function loadsOf(call: () => void): number {
  let loads = 0;
  const count = (operation: () => number, name: string) => {
    if (name === "load") loads++;
    return operation();
  };
  withAtomics(count, call);
  return loads;
}

Deno.test("A part with many blocks looks at a few of them for a chunk, and at all before it is exhausted", () => {
  const blocks = 4096;
  const [here, there] = pair({ ...MIDDLE, maxChunks: blocks * 16 });
  const fills = (pool: NumPool, count: number, most: number) => {
    const loads = loadsOf(() => assertEquals(fillUp(pool), count));
    assert(loads < most * blocks, `${loads} loads for ${blocks} blocks`);
    assertEquals(pool.size, blocks * 16);
  };
  const [, first, second] = take(here, blocks * 8);
  fills(there, blocks * 8, 300);
  there.free(first);
  fills(here, 1, 10);
  here.dispose(); // and leaves orphans
  there.free(second);
  fills(there, 1, 10);
});

Deno.test("A part takes back what it gave up without a search of its own blocks each time", () => {
  const blocks = 1024;
  const [here, there] = pair({ ...MIDDLE, maxChunks: blocks * 16 });
  for (const handle of take(here, blocks * 16)) there.free(handle);
  const loads = loadsOf(() => take(here, blocks * 16));
  assert(loads < 50 * blocks, `${loads} loads for ${blocks} blocks`);
});

Deno.test("A pool with many blocks does not grow while chunks are free, in any part that joins", () => {
  const here = SharedPool.create(Num, { chunksPerBlock: 16, maxChunks: 2 ** 14 });
  take(here, 300 * 16);
  for (let job = 0; job < 50; job++) {
    using part = SharedPool.attach(Num, here.share());
    for (const handle of take(part, 32)) part.free(handle);
  }
  assertEquals([here.capacity, here.size], [302 * 16, 300 * 16]);
});

Deno.test("A part that found nothing in a few of many blocks looks at all of them later", () => {
  const [here, there] = pair({ chunksPerBlock: 512, maxChunks: 2 ** 20, keepEmptyBlocks: 0 });
  const all = take(here, 600 * 512);
  take(there, 2 * 512); // a search through all, and one through a few
  for (const handle of all.slice(560 * 512, 561 * 512)) here.free(handle);
  take(there, 512);
  assertEquals(there.capacity, 602 * 512);
});

Deno.test("A part without memory for a block looks at all blocks for a chunk before it throws", () => {
  const [here, there] = pair({ chunksPerBlock: 16, maxChunks: 2 ** 14 });
  const handles = take(here, 600 * 16);
  const grow = () => {
    throw new RangeError("no memory");
  };
  withProperties(SharedArrayBuffer.prototype, { grow: { value: grow } }, () => {
    assertThrows(() => here.alloc(), OutOfMemoryError); // after a search through all
    for (const handle of handles.slice(300 * 16, 311 * 16)) there.free(handle);
    assertEquals(take(here, 11 * 16).length, 11 * 16);
    for (const handle of handles.slice(0, 16)) here.free(handle);
    here.dispose(); // and leaves orphans
    assertEquals(take(there, 16).length, 16);
    assertThrows(() => there.alloc(), OutOfMemoryError);
  });
  assertEquals(there.size, 600 * 16);
  validate(there);
});

Deno.test("A block that a part has no memory to map is not added", () => {
  const here = SharedPool.create(Num, ONE_BLOCK);
  const value = new Proxy(Int32Array, {
    construct: (target, args) => {
      if (args.length === 1) throw new RangeError("Array buffer allocation failed");
      return new target(...args as []);
    },
  });
  withProperties(globalThis, { Int32Array: { value } }, () => {
    assertThrows(() => here.alloc(), RangeError, "Array buffer allocation failed");
  });
  assertEquals([here.capacity, fillUp(here), here.size], [0, 16, 16]);
});

// -- threads that come in between --

/** Words of block 0 in the buffer of a pool, of which that of the stamp is the first of many. */
const AT = 192 / 4;
const BLOCK_WORDS = 80;
const WORDS = {
  owner: AT + BLOCK.owner,
  taken: AT + BLOCK.taken,
  remote: AT + BLOCK.remote,
  retired: AT + BLOCK.retired,
  stamp: AT + BLOCK_BYTES / 4,
};

/** Returns `pool.size`, where something is done after each load of one word. */
function sizeWhile(pool: NumPool, word: number, meanwhile: () => void): number {
  const thenDo = (operation: () => number, _: string, at: number) => {
    const value = operation();
    if (at === word) meanwhile();
    return value;
  };
  return withAtomics(thenDo, () => pool.size);
}

Deno.test("SharedPool.size is right where others change it a few times meanwhile, and never negative", () => {
  for (const times of [1, 3]) {
    const [here, there] = pair();
    take(here, 3);
    let left = times;
    const change = () => left-- > 0 && there.free(here.alloc());
    assertEquals(sizeWhile(there, WORDS.taken, change), 3);
  }
  const [here, there] = pair();
  const freeTwo = () => {
    for (const handle of take(here, 2)) there.free(handle);
  };
  freeTwo();
  const [block] = slabOf(here).blocks;
  assertEquals(sizeWhile(there, WORDS.remote, () => drain(block) || freeTwo()), 0);
});

/** Calls a function, and a second one just before the first changes a word. Returns both results. */
function atOnce(word: number, first: () => unknown, second: () => unknown): unknown[] {
  const results: unknown[] = [];
  const change = (operation: () => number, name: string, at: number) => {
    const isNow = at === word && !["load", "store"].includes(name) && results.length === 0;
    if (isNow) results.push(second());
    return operation();
  };
  return [withAtomics(change, first), ...results];
}

type Call = (part: NumPool, at: number, handles: readonly NumHandle[], third: NumPool) => unknown;

const freeSame: Call = (part, _, [handle]) => part.tryFree(handle);
const freeEach: Call = (part, at, handles) => part.tryFree(handles[at]);
const adoptThird: Call = (part, _at, _handles, third) => part.adopt(third.thread);
/** Takes more chunks than its block has left, and returns the block of the last one. */
const takeMore: Call = (part) => part.indexOf(take(part, 16)[15]) >> 4;
const takeOrAdopt: Call = (...args) => args[1] === 0 ? takeMore(...args) : adoptThird(...args);
const join: Call = (part) => SharedPool.attach(Num, part.share()).thread;
const leave: Call = (part) => part.dispose();

/**
 * What two threads do at once: the word that both change; which of four parts has the first two
 * blocks, and has left if it is the last; the calls of the first two, and what they return.
 */
const AT_ONCE: readonly [what: string, word: number, owner: number, Call, results: unknown[]][] = [
  ["free a record of the first", WORDS.stamp, 0, freeSame, [false, true]],
  ["free a record of the second", WORDS.stamp, 1, freeSame, [false, true]],
  ["free a record of a third", WORDS.stamp, 2, freeSame, [false, true]],
  ["free two records of a third", WORDS.remote, 2, freeEach, [true, true]],
  ["retire two chunks", WORDS.retired, 2, freeEach, [true, true]],
  ["adopt the blocks of a third", WORDS.owner, 2, adoptThird, [0, 2]],
  ["take what was left", WORDS.owner + BLOCK_WORDS, 3, takeMore, [0, 1]],
  ["count what they took of it", HEADER.orphans, 3, takeMore, [1, 0]],
  ["add a block", HEADER.blocks, 2, takeMore, [6, 5]],
  ["add the last blocks", HEADER.blocks, 2, fillUp, [15, 15 + 3 * 16]],
  ["add a block and adopt it", WORDS.owner + 5 * BLOCK_WORDS, 2, takeOrAdopt, [6, 2 + 1]],
  ["join", HEADER.joined, 2, join, [6, 5]],
  ["give up their blocks", HEADER.orphans, 2, leave, [undefined, undefined]],
  ["leave", HEADER.left, 2, leave, [undefined, undefined]],
];

for (const [what, word, owner, call, expected] of AT_ONCE) {
  Deno.test(`Two threads that ${what} at once do it one after the other, and lose no chunk`, () => {
    const parts = partsOf(Num, 4, { ...MIDDLE, maxChunks: 128, handles: "wide" });
    if (word === WORDS.retired) parts.forEach(retireAtOnce);
    const [one, other, third, left] = parts;
    const handles = take(parts[owner], 17);
    for (const part of parts) if (part !== parts[owner]) part.alloc();
    if (owner === 3) {
      left.free(handles[0]);
      left.dispose();
    }
    const callOf = (part: NumPool, at: number) => () => call(part, at, handles, third);
    assertEquals(atOnce(word, callOf(one, 0), callOf(other, 1)), expected);

    const last = SharedPool.attach(Num, third.share());
    const { layout: { header } } = slabOf(last);
    const orphans = slabOf(last).mappedBlocks().filter((it) => it.owner === ORPHAN).length;
    const gone = parts.filter((it) => slabOf(it).disposed).length;
    assertEquals([header[HEADER.orphans], header[HEADER.left]], [orphans, gone]);
    for (const part of parts) last.adopt(part.thread);
    for (const handle of seenBy(last)) last.free(handle);
    assertEquals(fillUp(last) + slabOf(last).retired, 128);
    validate(last);
  });
}

Deno.test("SharedPool.dispose() leaves a block to the others, wherever its thread stops", () => {
  for (const isStored of [false, true]) {
    const [here, there] = pair(ONE_BLOCK);
    here.free(take(here, 16)[0]);
    const [block] = slabOf(here).blocks;
    block.storeOwner = (thread) => {
      if (isStored) Object.getPrototypeOf(block).storeOwner.call(block, thread);
      throw new Error("stopped");
    };
    assertThrows(() => here.dispose(), Error, "stopped");
    assertEquals(there.adopt(here.thread), isStored ? 0 : 1);
    assertEquals(fillUp(there), 1);
    validate(there);
  }
});

// -- when a record is live --

Deno.test("Other threads see a record only with its values in it, or zeroed", () => {
  for (const specialize of [true, false]) {
    const here = SharedPool.create(Num, { ...ONE_BLOCK, specialize });
    for (let n = 0; n < 4; n++) here.free(here.alloc({ n: 9 }));
    const [block] = slabOf(here).blocks;
    const { storeStamp } = block;
    const published: number[] = [];
    Object.assign(block, {
      storeStamp(this: typeof block, chunk: number, stamp: number) {
        published.push(this.u8[4 * chunk]);
        storeStamp.call(this, chunk, stamp);
      },
    });
    here.alloc({ n: 5 });
    here.tryAlloc({ n: 6 });
    here.alloc();
    here.allocAt(here.cursor());
    assertEquals(published, [5, 6, 0, 0]);
  }
});

// -- generations --

Deno.test("Compact generations of 8 bits come round after 255, no handle is 0, and handleOf() tells which one is stale", () => {
  const [here, there] = pair({ chunksPerBlock: 16, maxChunks: 2 ** 22 });
  const view = here.cursor();
  const seen = Array.from({ length: 255 }, (_, i) => {
    const handle = here.allocAt(view);
    (i % 2 === 0 ? here : there).free(handle);
    assertEquals(assertThrows(() => here.handleOf(view), StaleHandleError).handle, handle);
    if (i % 2 === 1) drain(slabOf(here).blocks[0]); // else it is used again only when the block is full
    return handle;
  });
  assertEquals(seen.map((it) => it >>> 22), Array.from({ length: 255 }, (_, i) => i + 1));
  assertEquals(here.alloc(), seen[0]);
  validate(there);
});

Deno.test("Chunks with wide handles retire after the last generation, in any thread", () => {
  const [here, there] = pair({ ...ONE_BLOCK, maxChunks: 2 ** 20, handles: "wide" });
  here.free(take(here, 1)[0]);
  const { blocks: [block], lastStamp } = slabOf(here);
  for (const chunk of [0, 1, 2]) block.stamps[chunk] = lastStamp - 1; // the one before the last
  const [a, b, c] = take(here, 3);
  const view = here.get(a);
  here.free(a);
  assertEquals(assertThrows(() => here.handleOf(view), StaleHandleError).handle, a);
  there.free(b);
  for (const part of [here, there]) {
    validate(part);
    assertEquals([part.size, slabOf(part).retired, part.has(c)], [1, 2, true]);
    for (const handle of [a, b]) {
      assertThrows(() => part.free(handle), StaleHandleError, "the chunk is retired");
    }
  }
});
