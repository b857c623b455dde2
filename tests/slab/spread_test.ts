/**
 * `reuse: spread`: which chunk is reused and when, and how much memory rests for that.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  countingMemory,
  heapMemory,
  InvariantError,
  load,
  OutOfMemoryError,
  restore,
  save,
  snapshot,
  spread,
  validate,
  wasmMemory,
} from "../../mod.ts";
import type { AnyHandle, MemoryResource, PoolOptions } from "../../mod.ts";
// How often a pool looks at its blocks shows only in the slab, and its queue can be damaged only
// there.
import type { Block } from "../../src/slab/block.ts";
import { type Slab, slabs } from "../../src/slab/slab.ts";
import { Ledger } from "../_ledger.ts";
import { drop, MODES, type OfKind, POOL_KINDS, testKinds } from "../_kinds.ts";
import { Random } from "../_random.ts";
import { counters, Num, untyped } from "../_support.ts";

const REST = 1024;

/** Defines a test for every kind of pool, made in every mode. */
function each(claim: string, test: (make: (options?: PoolOptions) => OfKind) => void): void {
  testKinds(`with spread reuse ${claim}`, Num, { reuse: spread }, test, POOL_KINDS, MODES);
}

// -- in the order in which they were freed --

each("where maxChunks allows no others, the chunk freed longest ago comes first", (make) => {
  const { pool, of } = make({ chunksPerBlock: 16, maxChunks: 64 });
  const handles: AnyHandle[] = pool.allocMany(...of, 64);
  const indices = handles.map((it) => pool.indexOf(it));
  // Through blocks, and by every way of freeing: clear() and retain() free in order of the chunks.
  const order = handles.map((_, i) => i * 29 % 64); // 29 is odd: each of them once
  pool.free(handles[order[0]]);
  pool.tryFree(handles[order[1]]);
  pool.freeMany(order.slice(2, 30).map((at) => handles[at]));
  const byIndex = order.slice(30).sort((a, b) => indices[a] - indices[b]);
  const isKept = (_: unknown, it: AnyHandle) =>
    it !== handles[byIndex[0]] && it !== handles[byIndex[1]];
  pool.retain(...of, isKept);
  pool.clear();
  const expected = [...order.slice(0, 30), ...byIndex].map((at) => indices[at]);
  const again = [pool.alloc(...of, { n: 1 }), pool.tryAlloc(...of)!, ...pool.allocMany(...of, 62)];
  assertEquals(again.map((it) => pool.indexOf(it)), expected);
  assertEquals(pool.tryAlloc(...of), undefined);
  validate(pool);
  drop(pool);
});

// -- no chunk before others have been freed, which the model tests show as well --

/** What a game does in a frame. */
const FRAMES: Readonly<Record<string, (it: OfKind, frame: number) => void>> = {
  "one record made and dropped, at times with trim()": ({ pool, of }, frame) => {
    pool.free(pool.alloc(...of));
    if (frame % 50 === 0 && frame % 1500 < 500) pool.trim();
  },
  "sawtooth, dropped at once by freeMany() or clear(), or one by one": ({ pool, of }, frame) => {
    const handles: AnyHandle[] = pool.allocMany(...of, frame % 50);
    if (frame % 4 === 0) pool.freeMany(handles);
    else if (frame % 4 === 1) pool.clear();
    else for (const handle of frame % 4 === 2 ? handles : handles.reverse()) pool.free(handle);
  },
};

each(`${REST} chunks rest, and nothing grows, whatever a frame makes and drops`, (make) => {
  for (const [what, frame] of Object.entries(FRAMES)) {
    for (const [maxChunks, chunksPerBlock] of [[2 ** 14, 16], [2 ** 14, 1024], [2 ** 18, 16]]) {
      const memory = countingMemory();
      const it = make({ maxChunks, chunksPerBlock, memory });
      const { pool, of } = it;
      const most = REST + 60 + 4 * chunksPerBlock;
      for (let i = 0; i < 3000; i++) frame(it, i);
      const { peakBytes } = memory;
      assert(pool.capacity <= most && peakBytes <= most * 4, `${what}: ${peakBytes}`);
      // 4 bytes of stamp at most, a tag, 4 of link and a bit for each chunk that ever existed.
      const { overheadBytes } = pool.stats();
      assert(overheadBytes <= most * 9.25, `${what}: ${overheadBytes} bytes beside them`);
      const seen = new Set<number>();
      for (let i = 0; i < REST; i++) {
        const handle = pool.alloc(...of);
        seen.add(pool.indexOf(handle));
        pool.free(handle);
      }
      assertEquals(seen.size, REST, what);
      validate(pool);
      drop(pool);
      assertEquals(memory.regions, 0);
    }
  }
});

// -- stale handles --

Deno.test("Spread reuse accepts no stale handle within 2^20 allocs, whether few or many are live", () => {
  for (const most of [1, 300]) {
    for (const maxChunks of [2 ** 12, 2 ** 20, 2 ** 22]) {
      const pool = counters({ reuse: spread, maxChunks, chunksPerBlock: 1024 });
      const random = new Random(1);
      // When handles of the first 256 chunks were freed: stale copies are accepted from when they
      // are given out a second time.
      const freedAt = new Map<number, number>();
      const live: ReturnType<typeof pool.alloc>[] = [];
      let least = Infinity;
      for (let i = 0; i < 1.2 * 2 ** 20; i++) {
        live.push(pool.alloc());
        least = Math.min(least, i - (freedAt.get(live.at(-1)!) ?? -Infinity)); // it was just pushed
        const kept = random.below(most);
        while (live.length > kept) {
          const [gone] = live.splice(random.below(live.length), 1);
          pool.free(gone);
          if ((gone & (maxChunks - 1)) < 256) freedAt.set(gone, i);
        }
      }
      assert(freedAt.size > 256, "no chunk came again");
      assert(least >= 2 ** 20, `a handle was accepted after ${least} allocs`);
      validate(pool);
    }
  }
});

// -- memory --

each("only what rests is left of many records, and trim() gives that back", (make) => {
  for (const [keepEmptyBlocks, chunksPerBlock] of [[0, 16], [1, 16], [3, 1024], [1, 4096]]) {
    const memory = countingMemory();
    const { pool, of } = make({ chunksPerBlock, keepEmptyBlocks, memory });
    const most = REST + (2 + keepEmptyBlocks) * chunksPerBlock;
    for (const count of [5000, 9000]) {
      const handles: AnyHandle[] = pool.allocMany(...of, count);
      if (count === 5000) pool.freeMany(handles);
      else handles.forEach((_, i) => pool.free(handles[i * 7919 % count]));
      assert(pool.capacity <= most, `${pool.capacity} chunks, ${chunksPerBlock} a block`);
      assertEquals([memory.usedBytes, pool.byteLength], [pool.byteLength, pool.capacity * 4]);
    }
    const { byteLength } = pool;
    assertEquals(pool.trim(), byteLength);
    assertEquals([pool.capacity, pool.byteLength, memory.regions], [0, 0, 0]);
    validate(pool);
    pool.allocMany(...of, 10);
    drop(pool);
    assertEquals(memory.regions, 0);
  }
});

Deno.test("Spread reuse: a pool whose restore() fails, while its resource grows it, can be saved", () => {
  const acts: (() => void)[] = [];
  const release: MemoryResource["release"] = (region) => {
    heapMemory.release(region);
    acts.pop()?.();
  };
  const memory = new Ledger({ allocate: heapMemory.allocate, release });
  const options: PoolOptions = { chunksPerBlock: 16, maxChunks: 2048, reuse: spread };
  using large = counters(options);
  large.allocMany(64);
  using pool = counters({ ...options, memory });
  pool.alloc();
  memory.budget = 2;
  acts.push(() => {
    memory.budget = Infinity;
    pool.reserve(200);
    pool.trim();
  });
  assertThrows(() => restore(pool, snapshot(large)), OutOfMemoryError);
  validate(pool);
  restore(pool, snapshot(pool));
});

Deno.test("Spread reuse counts 4 bytes of link a chunk among the overhead", () => {
  for (const handles of ["compact", "wide"] as const) {
    const [spreading, recent] = ([spread, "recent"] as const).map((reuse) => {
      using pool = counters({ reuse, handles, chunksPerBlock: 64 });
      pool.allocMany(65);
      return pool.stats().overheadBytes;
    });
    assertEquals(spreading, recent + 128 * 4);
  }
});

Deno.test("Spread reuse takes no more memory than it needs for allocMany()", () => {
  const memory = countingMemory();
  using pool = counters({ reuse: spread, chunksPerBlock: 16, maxChunks: 2 ** 14, memory });
  pool.freeMany(pool.allocMany(16));
  pool.allocMany(16);
  assertEquals(memory.regions, 2);
  pool.freeMany(pool.allocMany(2000));
  const { regions } = memory;
  pool.allocMany(pool.capacity - 16 - REST);
  assertEquals(memory.regions, regions);
});

each(
  "restore(), load() and allocMany() change nothing where memory runs out, though chunks rest",
  (make) => {
    const memory = new Ledger();
    const { pool, of } = make({ chunksPerBlock: 16, maxChunks: 2 ** 12, memory });
    pool.cursor(...of); // makes the struct known
    const empty = snapshot(pool);
    pool.allocMany(...of, 24);
    const [two, saved] = [snapshot(pool), save(pool)];
    const assertWithout = (budget: number, call: () => unknown) => {
      const before = snapshot(pool);
      memory.budget = budget;
      assertThrows(call, OutOfMemoryError);
      assertEquals(snapshot(pool), before);
      validate(pool);
    };
    restore(pool, empty);
    pool.trim();
    for (const call of [() => restore(pool, two), () => load(pool, saved)]) assertWithout(1, call);
    memory.budget = 2;
    pool.freeMany(pool.allocMany(...of, 24));
    for (const count of [9, 20, 1000]) assertWithout(0, () => pool.allocMany(...of, count));
    pool.allocMany(...of, 8);
    drop(pool);
    assertEquals(memory.lent.size, 0);
  },
);

Deno.test("Spread reuse: alloc() throws while memory is detached, and loses no chunk", () => {
  for (const free of [2, 16]) {
    const wasm = new WebAssembly.Memory({ initial: 1 });
    const memory = wasmMemory(wasm);
    using pool = counters({ reuse: spread, chunksPerBlock: 16, maxChunks: 16, memory });
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

// -- the queue under validate() --

/** A slab with spread reuse, and its fields. */
type SpreadSlab = Slab & Record<"_first" | "_last" | "_queued" | "_vacant", number> & {
  _fresh: Block;
};

/** Faults in a queue of the chunks 2, 3 and 4; chunks 0 and 5 are live, chunk 20 was never used. */
const FAULTS: Readonly<Record<string, (slab: SpreadSlab) => void>> = {
  "the queue has -1 chunks": (slab) => slab._queued = -1,
  "the queue leads to chunk -1": (slab) => slab._first = -1,
  "the queue leads to chunk 32": (slab) => slab._first = 32,
  "the queue has chunk 5, which is not free or was never used": (slab) => slab._first = 5,
  "the queue has chunk 20, which is not free or was never used": (slab) => slab._first = 20,
  "the queue has chunk 2 a second time": ({ blocks: [block] }) => block.next[3] = 2,
  "the queue ends at chunk 4, not 3": (slab) => slab._last = 3,
  "block 0 has 3 chunks in the queue and 0 that wait, it counts 2": ({ blocks: [block] }) =>
    block.queued = 2,
  "block 0 has 3 chunks in the queue and 1 that wait, it counts 3": ({ blocks: [block] }) =>
    block.waiting = 1,
  "the chain of block 0 and the queue have 2 chunks, and 3 are free": (slab) => {
    slab._queued = slab.blocks[0].queued = 2;
    slab._last = 3;
  },
  "it goes on from blocks 1 and 3": (slab) => slab._vacant = 3,
  "it goes on from blocks 1 and -1": (slab) => slab._vacant = -1,
};

for (const [problem, plant] of Object.entries(FAULTS)) {
  Deno.test(`Spread reuse: validate() finds that ${problem}`, () => {
    const pool = counters({ reuse: spread, chunksPerBlock: 16, maxChunks: 32 });
    const handles = pool.allocMany(16);
    pool.allocMany(2); // in block 1
    pool.freeMany(handles.slice(2, 5));
    validate(pool);
    plant(untyped(slabs.get(pool)![0])); // every pool has a slab
    assertThrows(() => validate(pool), InvariantError, problem);
  });
}
