/**
 * How parts of a shared pool own, give up and adopt blocks, and how chunks wear out. Where a thread
 * stops, or another comes in between, the moment is made by code in a step.
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { OutOfMemoryError, SharedPool, StaleHandleError, validate } from "../../mod.ts";
import { BLOCK, HEADER } from "../../src/shared/layout.ts";
import { drain } from "../../src/shared/protocol.ts";
import { MIDDLE, Num, pair, partsOf, slabOf, SMALL, take } from "./_support.ts";
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
  for (const keepEmptyBlocks of [0, 1, 2, 3]) {
    const [here, there] = pair({ ...MIDDLE, keepEmptyBlocks });
    const orphans = () => slabOf(here).layout.header[HEADER.orphans];
    for (const handle of take(here, 64)) here.free(handle);
    assertEquals(orphans(), 3 - keepEmptyBlocks);
    assertEquals(fillUp(there), (3 - keepEmptyBlocks) * 16);
    assertEquals(orphans(), 0);
    assertEquals(fillUp(here), (1 + keepEmptyBlocks) * 16);
    here.dispose();
    assertEquals(orphans(), 1 + keepEmptyBlocks);
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

Deno.test("A part keeps any number of empty blocks, also after it has used them again", () => {
  for (const keepEmptyBlocks of [2 ** 31, 2 ** 32, Number.MAX_SAFE_INTEGER]) {
    const [here, there] = pair({ ...MIDDLE, keepEmptyBlocks });
    for (let round = 0; round < 3; round++) {
      for (const handle of take(there, 64)) there.free(handle);
    }
    assertEquals([fillUp(here), fillUp(there)], [0, 64]);
  }
});

/** Calls a function, and another one after each atomic load, but for those that this one does. */
function withLoads<T>(onLoad: (array: Int32Array, at: number) => unknown, call: () => T): T {
  const { load } = Atomics;
  const hooked = (array: Int32Array, at: number) => {
    const value = load(array, at);
    Object.assign(Atomics, { load });
    onLoad(array, at);
    Object.assign(Atomics, { load: hooked });
    return value;
  };
  Object.assign(Atomics, { load: hooked });
  try {
    return call();
  } finally {
    Object.assign(Atomics, { load });
  }
}

function loadsOf(call: () => void): number {
  let loads = 0;
  withLoads(() => loads++, call);
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
  const { grow } = SharedArrayBuffer.prototype;
  const [here, there] = pair({ chunksPerBlock: 16, maxChunks: 2 ** 14 });
  const handles = take(here, 600 * 16);
  try {
    SharedArrayBuffer.prototype.grow = () => {
      throw new RangeError("no memory");
    };
    assertThrows(() => here.alloc(), OutOfMemoryError); // after a search through all
    for (const handle of handles.slice(300 * 16, 311 * 16)) there.free(handle);
    assertEquals(take(here, 11 * 16).length, 11 * 16);
    for (const handle of handles.slice(0, 16)) here.free(handle);
    here.dispose(); // and leaves orphans
    assertEquals(take(there, 16).length, 16);
    assertThrows(() => there.alloc(), OutOfMemoryError);
  } finally {
    SharedArrayBuffer.prototype.grow = grow;
  }
  assertEquals(there.size, 600 * 16);
  validate(there);
});

Deno.test("A block that a part has no memory to map is not added", () => {
  const { Int32Array } = globalThis;
  const here = SharedPool.create(Num, ONE_BLOCK);
  globalThis.Int32Array = new Proxy(Int32Array, {
    construct: (target, args) => {
      if (args.length === 1) throw new RangeError("Array buffer allocation failed");
      return new target(...args as []);
    },
  });
  try {
    assertThrows(() => here.alloc(), RangeError, "Array buffer allocation failed");
  } finally {
    globalThis.Int32Array = Int32Array;
  }
  assertEquals([here.capacity, fillUp(here), here.size], [0, 16, 16]);
});

// -- threads that come in between --

Deno.test("A thread that writes to a record which was freed just before does not damage the free lists", () => {
  for (const isOwn of [true, false]) {
    const [here, there] = pair(ONE_BLOCK);
    const handles = take(here, 8);
    here.free(handles[1]);
    there.forEach((it, handle) => {
      if (handle !== handles[0]) return;
      (isOwn ? here : there).free(handle); // between the look at its stamp and the write
      it.n = 5;
    });
    validate(here);
    assertEquals([fillUp(here), here.size], [10, 16]);
    validate(here);
  }
});

/** Returns `pool.size`, where something is done after each load of one word of a block. */
function sizeWhile(pool: NumPool, word: number, meanwhile: () => void): number {
  return withLoads(
    (array, at) => array.length === BLOCK.retired + 1 && at === word && meanwhile(),
    () => pool.size,
  );
}

Deno.test("SharedPool.size is right where others change it a few times meanwhile, and never negative", () => {
  for (const times of [1, 3]) {
    const [here, there] = pair();
    take(here, 3);
    let left = times;
    const change = () => left-- > 0 && there.free(here.alloc());
    assertEquals(sizeWhile(there, BLOCK.taken, change), 3);
  }
  const [here, there] = pair();
  const freeTwo = () => {
    for (const handle of take(here, 2)) there.free(handle);
  };
  freeTwo();
  const [block] = slabOf(here).blocks;
  assertEquals(sizeWhile(there, BLOCK.remote, () => drain(block) || freeTwo()), 0);
});

// -- adopt() --

Deno.test("SharedPool.adopt() takes a block whose thread stopped before it became the owner", () => {
  const [here, there] = pair();
  const { layout } = slabOf(here);
  layout.growTo(1, "motes");
  Atomics.add(layout.header, HEADER.blocks, 1); // the last step of that thread
  take(there, 16);
  assertEquals([there.capacity, there.tryAlloc()], [32, undefined]);
  assertEquals([there.adopt(here.thread), fillUp(there)], [1, 16]);
  validate(there);
});

for (const maxChunks of [16, 64]) {
  Deno.test(`A block that is adopted while its thread adds it has one owner (${maxChunks} chunks)`, () => {
    const [here, there, third] = partsOf(Num, 3, { ...SMALL, maxChunks });
    const slab = slabOf(here);
    let adopted = 0;
    Object.assign(slab, {
      mapTo(position: number) {
        Reflect.get(Object.getPrototypeOf(slab), "mapTo").call(slab, position);
        const block = slab.blocks[position];
        block.swapOwner = (...owners) => { // is called after the block is counted
          if (adopted === 0) adopted = there.adopt(third.thread);
          return Object.getPrototypeOf(block).swapOwner.apply(block, owners);
        };
      },
    });
    const isFull = maxChunks === 16;
    assertEquals([here.tryAlloc() === undefined, adopted], [isFull, 1]);
    assertEquals([fillUp(here), fillUp(there)], [isFull ? 0 : 47, 16]);
    const owners = slab.mappedBlocks().map((it) => it.owner);
    assertEquals(owners, isFull ? [2] : [2, 1, 1, 1]);
    assertEquals(here.size, maxChunks);
    validate(here);
    validate(there);
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

Deno.test("handleOf() tells which handle is stale, also after the last generation", () => {
  const wrapping = SharedPool.create(Num, { chunksPerBlock: 16, maxChunks: 2 ** 22 });
  const retiring = SharedPool.create(Num, { ...ONE_BLOCK, handles: "wide" });
  for (const pool of [wrapping, retiring]) {
    const view = pool.cursor();
    pool.free(pool.allocAt(view));
    const { blocks: [block], lastStamp } = slabOf(pool);
    block.stamps[0] = lastStamp - 1; // the one before the last
    const last = pool.allocAt(view);
    pool.free(last);
    const error = assertThrows(() => pool.handleOf(view), StaleHandleError, "stale");
    assertEquals(error.handle, last);
  }
});

Deno.test("Compact generations of 8 bits come round after 255, and no handle is 0", () => {
  const [here, there] = pair({ chunksPerBlock: 16, maxChunks: 2 ** 22 });
  const seen = Array.from({ length: 255 }, (_, i) => {
    const handle = here.alloc();
    (i % 2 === 0 ? here : there).free(handle);
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
  here.free(a);
  there.free(b);
  for (const part of [here, there]) {
    validate(part);
    assertEquals([part.size, slabOf(part).retired, part.has(c)], [1, 2, true]);
    for (const handle of [a, b]) {
      assertThrows(() => part.free(handle), StaleHandleError, "the chunk is retired");
    }
  }
  here.dispose();
  there.free(c);
  take(there, 13); // as many as the block has left
  assertEquals([there.capacity, there.size, slabOf(there).retired], [16, 13, 3]);
});
