/**
 * What happens to a shared pool where a thread is stopped, or another comes in between, at the worst moment. All threads are
 * this one; the moments are made.
 *
 * @module
 */
import { assertEquals, assertThrows } from "@std/assert";
import { InvariantError, SharedPool, validate } from "../../mod.ts";
import { HEADER } from "../../src/shared/layout.ts";
import { shared, type SharedSlab } from "../../src/shared/slab.ts";
import { RETIRED } from "../../src/shared/protocol.ts";

const TINY = { hp: "u8" } as const;

/** A pool of one block of 16 chunks, so many of them live, and another thread of it. */
function twoThreads(live: number) {
  const pool = SharedPool.create(TINY, { chunksPerBlock: 16, maxChunks: 16 });
  const there = SharedPool.attach(TINY, pool.share());
  return { pool, there, handles: Array.from({ length: live }, () => pool.alloc()) };
}

function slabOf(pool: SharedPool<typeof TINY>): SharedSlab {
  return shared.get(pool)!; // as every shared pool has one
}

// -- iteration --

Deno.test("SharedPool.forEach() hands out the handle of the record that it looked at, even if that is freed right then", () => {
  const { pool, there, handles } = twoThreads(16);
  pool.forEach(() => {}); // from here on every stamp is known, and read plainly
  const [block] = slabOf(pool).blocks;
  const freedOnceRead = new Proxy(block.stamps, {
    get(stamps, name) {
      const stamp = Reflect.get(stamps, name, stamps);
      there.tryFree(handles[Number(name)]);
      return stamp;
    },
  });
  Object.defineProperty(block, "stamps", { value: freedOnceRead });
  const seen: number[] = [];
  pool.forEach((_, handle) => seen.push(handle));
  assertEquals(seen, handles as number[]);
  assertEquals(there.size, 0);
});

// -- threads that stop --

Deno.test("SharedPool.dispose() leaves a block to the others wherever its thread is stopped", () => {
  for (const isStored of [false, true]) {
    const { pool, there, handles } = twoThreads(16);
    pool.free(handles[0]);
    const [block] = slabOf(pool).blocks;
    block.storeOwner = (thread) => {
      if (isStored) Object.getPrototypeOf(block).storeOwner.call(block, thread);
      throw new Error("stopped");
    };
    assertThrows(() => pool.dispose(), Error, "stopped");
    const adopted = there.adopt(pool.thread); // the other one goes on as the pool's manual says
    assertEquals(adopted, isStored ? 0 : 1);
    assertEquals(typeof there.tryAlloc(), "number");
    assertEquals(there.tryAlloc(), undefined);
    validate(there);
  }
});

Deno.test("SharedPool.adopt() takes a block that a thread had just added when it was stopped", () => {
  const { pool, there } = twoThreads(0);
  const { layout } = slabOf(pool);
  layout.growTo(1, "the pool");
  Atomics.add(layout.header, HEADER.blocks, 1); // and then the thread would have become its owner
  assertEquals(there.tryAlloc(), undefined);
  assertEquals(there.adopt(pool.thread), 1);
  for (let i = 0; i < 16; i++) there.alloc();
  assertEquals(there.tryAlloc(), undefined);
  validate(there);
});

Deno.test("SharedPool.alloc() goes without the block that it adds where another thread adopts that first", () => {
  const { pool, there } = twoThreads(0);
  const slab = slabOf(pool);
  const { layout } = slab;
  let adopted = 0;
  const { growTo } = layout;
  layout.growTo = (blocks, label) => {
    growTo.call(layout, blocks, label);
    // The header has the block as soon as the next step is done; this thread's first look at it comes after that.
    const { map } = slab;
    Object.defineProperty(slab, "map", {
      value(position: number) {
        if (adopted === 0) adopted = there.adopt(pool.thread);
        return map.call(slab, position);
      },
      configurable: true,
    });
  };
  assertEquals(pool.tryAlloc(), undefined);
  assertEquals(adopted, 1);
  for (let i = 0; i < 16; i++) there.alloc();
  assertEquals(pool.size, 16);
  validate(there);
});

Deno.test("validate() lets a stopped thread leave a retired chunk uncounted, and no more than one", () => {
  const pool = SharedPool.create(TINY, { chunksPerBlock: 16, maxChunks: 16 });
  const there = SharedPool.attach(TINY, pool.share());
  const slab = slabOf(pool);
  for (const [chunk, isSound] of [[0, true], [1, false]] as const) {
    const handle = pool.alloc();
    const index = handle % 16;
    const block = slab.blocks[0];
    Atomics.store(block.stamps, index, RETIRED); // between the two steps of a last free
    if (isSound) validate(there);
    else {assertThrows(
        () => validate(there),
        InvariantError,
        `it counts 0 retired chunks, and has ${chunk + 1}`,
      );}
  }
});
