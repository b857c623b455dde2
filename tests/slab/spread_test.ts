/**
 * `reuse: "spread"`: which chunk comes again, and when; what memory rests for that.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  countingMemory,
  ErasedPool,
  OutOfMemoryError,
  Pool,
  type PoolOptions,
  PoolSet,
  struct,
  validate,
  wasmMemory,
} from "../../mod.ts";
import { slabs } from "../../src/slab/slab.ts";
import { drop } from "../_debug.ts";
import { Face, type FaceMaker, FACES } from "../_faces.ts";
import { counters, figuresOf, forge, untyped } from "../_support.ts";

const Num = struct({ n: "u32" }, { name: "Num" });
const REST = 1024;

/** How a pool is made, beside what kind it is. */
const WAYS: Readonly<Record<string, PoolOptions>> = {
  "own code": {},
  "shared code": { specialize: false },
  "debug": { debug: true },
};

/** The first class of a set has 2 bytes here, as blocks of more than 256 chunks cannot have 1. */
const MAKERS: Readonly<Record<string, FaceMaker>> = {
  ...FACES,
  "PoolSet": (struct, options = {}) => {
    const { maxChunks = 2 ** 18 } = options;
    const sizes = [2, struct.size];
    return new Face(new PoolSet({ ...options, maxChunks: maxChunks * 2, sizes }), struct);
  },
  "wide PoolSet": (struct, options) => MAKERS["PoolSet"](struct, { ...options, handles: "wide" }),
};

/** Defines a test for every kind of pool, with its own code, shared code, and in debug mode. */
function each(claim: string, test: (make: (options?: PoolOptions) => Face) => void): void {
  for (const [name, make] of Object.entries(MAKERS)) {
    for (const [way, options] of Object.entries(WAYS)) {
      Deno.test(`${name} with spread reuse, ${way}: ${claim}`, () => {
        test((more) => make(Num, { reuse: "spread", ...options, ...more }));
      });
    }
  }
}

/** Index of the chunk of a record, live or freed last there. */
function indexOf({ pool }: Face, handle: number): number {
  return slabs.get(pool)!.at(-1)!.codec.index(handle); // every pool has a slab
}

// -- in the order in which they were freed --

each("where all of maxChunks is used the chunk freed longest ago comes first", (make) => {
  const face = make({ chunksPerBlock: 16, maxChunks: 16 });
  const handles = face.allocMany(16);
  for (const at of [5, 3, 9]) face.pool.free(handles[at]);
  const again = [face.alloc({ n: 1 }), face.alloc(), face.alloc({ n: 2 })];
  assertEquals(again.map((it) => indexOf(face, it)), [5, 3, 9]);
  assertEquals(face.tryAlloc(), undefined);
  face.pool.free(again[1]);
  face.pool.free(handles[0]);
  face.pool.free(again[0]);
  const third = face.allocMany(3);
  assertEquals(third.map((it) => indexOf(face, it)), [3, 0, 5]);
  validate(face.pool);
  drop(face);
});

each("the order of frees holds through blocks, and through every way of freeing", (make) => {
  const face = make({ chunksPerBlock: 16, maxChunks: 64 });
  const handles = face.allocMany(64);
  const indices = handles.map((it) => indexOf(face, it));
  const { pool } = face;
  const order = handles.map((_, i) => i * 29 % 64); // 29 is odd: each of them once
  pool.free(handles[order[0]]);
  pool.tryFree(handles[order[1]]);
  pool.freeMany(order.slice(2, 30).map((at) => handles[at]));
  const byIndex = order.slice(30).sort((a, b) => indices[a] - indices[b]);
  face.retain((_, handle) => handle !== handles[byIndex[0]] && handle !== handles[byIndex[1]]);
  pool.clear();
  const expected = [...order.slice(0, 30), ...byIndex].map((at) => indices[at]);
  assertEquals(face.allocMany(64).map((it) => indexOf(face, it)), expected);
  validate(pool);
  drop(face);
});

each("chunks that were never used come before those that were", (make) => {
  const face = make({ chunksPerBlock: 16, maxChunks: 64 });
  const seen = new Set<number>();
  for (let i = 0; i < 64; i++) {
    const handle = face.alloc();
    seen.add(indexOf(face, handle));
    face.pool.free(handle);
  }
  assertEquals([seen.size, face.pool.size], [64, 0]);
  drop(face);
});

// -- no chunk before others have been freed --

/** Counts the frees, and what lies between that of a chunk and its next alloc. */
class Watch {
  readonly face: Face;
  readonly #freed = new Map<number, number>();
  readonly #indexOf: (handle: number) => number;
  frees = 0;
  least = Infinity;

  constructor(face: Face) {
    this.face = face;
    const { codec } = slabs.get(face.pool)!.at(-1)!; // every pool has a slab
    this.#indexOf = (handle) => codec.index(handle);
  }

  alloc(): number {
    return this.allocated(this.face.alloc());
  }

  allocated(handle: number): number {
    const freed = this.#freed.get(this.#indexOf(handle));
    if (freed !== undefined) this.least = Math.min(this.least, this.frees - freed);
    return handle;
  }

  free(handle: number): void {
    this.face.pool.free(forge(handle));
    this.freed(handle);
  }

  freed(handle: number): void {
    this.#freed.set(this.#indexOf(handle), ++this.frees);
  }
}

/** What a game does in a frame; numbers are as many frames as make the chunks come around a few times. */
const FRAMES: Readonly<Record<string, (watch: Watch, frame: number) => void>> = {
  "one record made and dropped": (watch) => watch.free(watch.alloc()),
  "one record made and dropped, and trim()": (watch, frame) => {
    watch.free(watch.alloc());
    if (frame % 50 === 0) watch.face.pool.trim();
  },
  "one record made, and clear()": (watch) => {
    const handle = watch.alloc();
    watch.face.pool.clear();
    watch.freed(handle);
  },
  "ten made and dropped by allocMany() and freeMany()": (watch) => {
    const handles = watch.face.allocMany(10).map((it) => watch.allocated(it));
    watch.face.pool.freeMany(handles.map(forge));
    for (const handle of handles) watch.freed(handle);
  },
  "sawtooth": (watch, frame) => {
    const handles = Array.from({ length: frame % 50 }, () => watch.alloc());
    for (const handle of frame % 2 === 0 ? handles : handles.reverse()) watch.free(handle);
  },
};

/** maxChunks, chunksPerBlock and keepEmptyBlocks. */
const SIZES = [[2 ** 14, 16, 0], [2 ** 14, 4096, 1], [2 ** 18, 16, 3], [2 ** 18, 4096, 0]];

for (const [what, frame] of Object.entries(FRAMES)) {
  each(`${what} in each frame: ${REST} frees lie between`, (make) => {
    for (const [maxChunks, chunksPerBlock, keepEmptyBlocks] of SIZES) {
      const watch = new Watch(make({ maxChunks, chunksPerBlock, keepEmptyBlocks }));
      for (let i = 0; i < 1500; i++) frame(watch, i);
      for (let i = 0; i < 2 * chunksPerBlock + 1500; i++) watch.free(watch.alloc());
      assert(watch.least >= REST && watch.least < 2 ** 14, `${watch.least} frees`);
      validate(watch.face.pool);
      drop(watch.face);
    }
  });
}

Deno.test("Pool with spread reuse: a thousand made and dropped in each frame come again after as many frees", () => {
  for (const maxChunks of [2 ** 14, 2 ** 20]) {
    for (const chunksPerBlock of [16, 4096]) {
      for (const trims of [false, true]) {
        const pool = counters({ reuse: "spread", maxChunks, chunksPerBlock });
        const watch = new Watch(new Face(untyped(pool), Num));
        for (let i = 0; i < 40; i++) {
          const handles = Array.from({ length: 1000 }, () => watch.alloc());
          for (const handle of handles) watch.free(handle);
          if (trims) pool.trim();
        }
        assert(watch.least >= REST && watch.least < 2 ** 14, `${watch.least} frees`);
        validate(pool);
      }
    }
  }
});

Deno.test("Pool with spread reuse: chunks of a block that comes back do not bring the turn of others forward", () => {
  const pool = counters({ reuse: "spread", maxChunks: 2 ** 14, chunksPerBlock: 2048 });
  const watch = new Watch(new Face(untyped(pool), Num));
  const handles = Array.from({ length: 3 * 2048 }, () => watch.alloc());
  for (const handle of handles.slice(2048)) watch.free(handle);
  pool.trim();
  // The queue passes the chunks of the blocks without memory, which wait from then on.
  for (const handle of handles.slice(0, REST + 1)) watch.free(handle);
  for (let i = 0; i < 2 * REST; i++) watch.alloc();
  assertEquals(pool.blocks.length > 1, true);
  assert(watch.least >= REST, `${watch.least} frees`);
  validate(pool);
});

// -- stale handles --

/** Most live at once where records come and go at random. */
const CROWD = 300;

for (const maxChunks of [2 ** 12, 2 ** 20, 2 ** 22]) {
  for (const isRandom of [false, true]) {
    const what = isRandom ? "records that come and go at random" : "one record a frame";
    Deno.test(`Pool with spread reuse accepts no stale handle within 2^20 allocs (${what}, ${maxChunks} chunks)`, () => {
      const pool = counters({ reuse: "spread", maxChunks, chunksPerBlock: 1024 });
      // When each handle was freed; a handle that is given out a second time is a stale one that is accepted.
      const freedAt = new Map<number, number>();
      const live: (ReturnType<typeof pool.alloc>)[] = [];
      const allocs = 1.2 * 2 ** 20;
      let seed = 1, least = Infinity;
      const watched = 256;
      for (let i = 0; i < allocs; i++) {
        const handle = pool.alloc();
        if ((handle & (maxChunks - 1)) < watched) {
          const before = freedAt.get(handle);
          if (before !== undefined) least = Math.min(least, i - before);
        }
        live.push(handle);
        seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
        const kept = isRandom ? seed >>> 8 & CROWD : 0;
        while (live.length > kept) {
          const at = isRandom ? (seed >>> 4) % live.length : 0;
          const gone = live[at];
          live[at] = live[live.length - 1];
          live.length--;
          pool.free(gone);
          if ((gone & (maxChunks - 1)) < watched) freedAt.set(gone, i);
        }
      }
      assert(freedAt.size > watched, "no chunk came again");
      assert(least >= 2 ** 20, `a handle was accepted after ${least} allocs`);
      validate(pool);
    });
  }
}

// -- memory --

each("what rests is all that is left of many records, and trim() gives that back", (make) => {
  for (const [keepEmptyBlocks, chunksPerBlock] of [[0, 16], [1, 16], [3, 1024], [1, 4096]]) {
    const memory = countingMemory();
    const face = make({ chunksPerBlock, keepEmptyBlocks, memory });
    const { pool } = face;
    const most = REST + (2 + keepEmptyBlocks) * chunksPerBlock;
    for (const count of [5000, 9000]) {
      pool.freeMany(face.allocMany(count));
      assert(pool.capacity <= most, `${pool.capacity} chunks, ${chunksPerBlock} a block`);
      assertEquals([memory.usedBytes, pool.byteLength], [pool.byteLength, pool.capacity * 4]);
    }
    const { byteLength } = pool;
    assertEquals(pool.trim(), byteLength);
    assertEquals([pool.capacity, pool.byteLength, memory.regions], [0, 0, 0]);
    validate(pool);
    face.allocMany(10);
    drop(face);
    assertEquals(memory.regions, 0);
  }
});

Deno.test("Pool with spread reuse: 100,000 records that go at random leave what rests", () => {
  for (const chunksPerBlock of [16, 4096]) {
    const memory = countingMemory();
    const pool = counters({ reuse: "spread", chunksPerBlock, maxChunks: 2 ** 18, memory });
    const handles = pool.allocMany(100_000);
    for (let i = 0; i < 100_000; i++) pool.free(handles[i * 7919 % 100_000]);
    assertEquals([pool.size, memory.usedBytes], [0, pool.byteLength]);
    assert(pool.capacity <= REST + 3 * chunksPerBlock, `${pool.capacity} chunks`);
    validate(pool);
    pool.dispose();
    assertEquals(memory.regions, 0);
  }
});

Deno.test("Pool with spread reuse: nothing grows over 100,000 frames, whatever is made and dropped", () => {
  for (const [what, frame] of Object.entries(FRAMES)) {
    for (const chunksPerBlock of [16, 1024]) {
      const memory = countingMemory();
      const pool = counters({ reuse: "spread", chunksPerBlock, memory });
      const watch = new Watch(new Face(untyped(pool), Num));
      const most = REST + 60 + 4 * chunksPerBlock;
      const frames = what === "sawtooth" || what.includes("ten") ? 10_000 : 100_000;
      for (let i = 0; i < frames; i++) frame(watch, i);
      const { overheadBytes, capacity } = pool.stats();
      assert(capacity <= most && memory.peakBytes <= most * 4, `${what}: ${capacity} chunks`);
      // 2 bytes of stamp and 4 of link for each chunk that there ever was, and a bit.
      assert(overheadBytes <= most * 6.25, `${what}: ${overheadBytes} bytes beside them`);
      validate(pool);
      pool.dispose();
      assertEquals(memory.regions, 0);
    }
  }
});

Deno.test("Pool with spread reuse counts 4 bytes of link a chunk among its overhead", () => {
  const bytesOf = (reuse: "spread" | "recent", handles: "compact" | "wide") => {
    using pool = counters({ reuse, handles, chunksPerBlock: 64 });
    pool.allocMany(65);
    return pool.stats().overheadBytes;
  };
  for (const handles of ["compact", "wide"] as const) {
    assertEquals(bytesOf("spread", handles), bytesOf("recent", handles) + 128 * 4);
  }
});

Deno.test("Pool with spread reuse takes no more memory than it needs for allocMany()", () => {
  const memory = countingMemory();
  using pool = counters({ reuse: "spread", chunksPerBlock: 16, maxChunks: 2 ** 14, memory });
  pool.freeMany(pool.allocMany(16));
  pool.allocMany(16);
  assertEquals(memory.regions, 2);
  pool.freeMany(pool.allocMany(2000));
  const { regions } = memory;
  pool.allocMany(pool.capacity - 16 - REST);
  assertEquals(memory.regions, regions);
});

each("allocMany() changes nothing where memory runs out, though chunks rest", (make) => {
  const memory = countingMemory(undefined, { limit: 32 * 4 });
  const face = make({ chunksPerBlock: 16, maxChunks: 2 ** 12, memory, keepEmptyBlocks: 3 });
  face.pool.freeMany(face.allocMany(24));
  for (const count of [9, 20, 1000]) {
    const before = figuresOf(face.pool);
    assertThrows(() => face.allocMany(count), OutOfMemoryError);
    assertEquals(figuresOf(face.pool), before);
    validate(face.pool);
  }
  face.allocMany(8);
  drop(face);
  assertEquals(memory.regions, 0);
});

each("allocMany() takes what rests where maxChunks allows no others", (make) => {
  const face = make({ chunksPerBlock: 16, maxChunks: 64 });
  for (const count of [64, 40, 64, 17, 33]) {
    const handles = face.allocMany(count);
    assertEquals(new Set<number>(handles).size, count);
    validate(face.pool);
    face.pool.freeMany(handles);
    face.pool.trim();
  }
  face.pool.dispose();
});

Deno.test("Pool with spread reuse looks at its blocks no more than once where every chunk is in use", () => {
  const pool = counters({ reuse: "spread", chunksPerBlock: 16, maxChunks: 2 ** 12 });
  const handles = pool.allocMany(2 ** 12);
  const [slab] = slabs.get(pool)!; // every pool has a slab
  let looks = 0;
  const { checkAttached } = slab;
  slab.checkAttached = (verb) => {
    looks++;
    checkAttached.call(slab, verb);
  };
  for (let i = 0; i < 1000; i++) {
    pool.free(handles[i]);
    handles[i] = pool.alloc();
  }
  assert(looks <= 1, `${looks} times`);
  validate(pool);
});

Deno.test("A pool with spread reuse whose memory was detached refuses alloc(), and loses no chunk", () => {
  for (const free of [2, 16]) {
    const wasm = new WebAssembly.Memory({ initial: 1 });
    const memory = wasmMemory(wasm);
    using pool = counters({ reuse: "spread", chunksPerBlock: 16, maxChunks: 16, memory });
    const handles = pool.allocMany(16);
    pool.freeMany(handles.slice(0, free));
    pool.alloc();
    wasm.grow(1);
    assertThrows(() => pool.alloc(), TypeError, "call rebind() first");
    pool.rebind();
    validate(pool);
    assertEquals(pool.allocMany(free - 1).length, free - 1);
    assertEquals(pool.tryAlloc(), undefined);
  }
});

// -- the option --

Deno.test("Pools throw TypeError on a reuse that is none", () => {
  for (const bad of ["x", "", 1, true, null, {}]) {
    const options = { reuse: untyped<"recent">(bad), name: "cells" };
    const shown = typeof bad === "string" ? `"${bad}"` : String(bad);
    const message = `"cells": reuse must be "recent" or "spread", got ${shown}`;
    assertThrows(() => new Pool(Num, options), TypeError, `Cannot create Pool ${message}`);
    assertThrows(
      () => new ErasedPool({ ...options, size: 8 }),
      TypeError,
      `Cannot create ErasedPool ${message}`,
    );
    assertThrows(
      () => new PoolSet({ ...options, sizes: [8] }),
      TypeError,
      `Cannot create PoolSet ${message}`,
    );
  }
});
