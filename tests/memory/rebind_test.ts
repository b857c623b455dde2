/**
 * Tests of `rebind()`: a pool inside a `WebAssembly.Memory` whose growth detaches the memory of
 * every block.
 *
 * @module
 */
import { assert, assertEquals, assertThrows, fail } from "@std/assert";
import {
  FreeListAllocator,
  heapMemory,
  load,
  Pool,
  PoolSet,
  restore,
  save as savePool,
  snapshot as takeSnapshot,
  validate,
  wasmMemory,
} from "../../mod.ts";
import type { AnyHandle, MemoryResource } from "../../mod.ts";
import { CALLS } from "../_calls.ts";
import { type KindMaker, labelOf, POOL_KINDS, viewsOf } from "../_kinds.ts";
import { growing, Num, Real, stateOf, untyped } from "../_support.ts";

type RealView = { v: number; n: number; toJSON(): unknown };

/** Records that are freed of three full blocks: none, some of two, or one and the last block's. */
const FREED = [[], [3, 20, 9, 17], [3, ...[...Array(48).keys()].slice(32)]];

/** A pool of three blocks of which records are freed, and what exists beside it. */
function subjectOf(make: KindMaker, memory: MemoryResource, freed: readonly number[]) {
  const options = { chunksPerBlock: 16, maxChunks: 64, keepEmptyBlocks: 0, name: "cells" };
  const it = make(Real, { ...options, memory });
  const { pool, of } = it;
  const handles: AnyHandle[] = pool.allocMany(...of, 48);
  handles.forEach((handle, n) => pool.set(...of, handle, { n, v: n / 2 }));
  for (const n of freed) pool.free(handles[n]);
  return {
    ...it,
    block: pool.blocks[0].index,
    handles,
    live: handles[0],
    view: pool.get<RealView>(...of, handles[25]),
    cursor: pool.seek(pool.cursor<RealView>(...of), handles[5]),
    loop: pool.loop(...of, () => fail()),
    snapshot: takeSnapshot(pool),
    save: savePool(pool),
  };
}

type Subject = ReturnType<typeof subjectOf>;

/** What a pool is, and what is read through views, cursors and handles that exist already. */
function look({ pool, of, handles, view, cursor }: Subject): unknown {
  return [
    stateOf(pool),
    [view, cursor].map((it) => [it.toJSON(), pool.handleOf(untyped(it))]),
    handles.map((handle) => pool.tryGet<RealView>(...of, handle)?.toJSON()),
    Array.from(viewsOf<RealView>({ pool, of }), (it) => it.n),
  ];
}

for (const [kind, make] of Object.entries(POOL_KINDS)) {
  Deno.test(`${kind} throws after its memory grew, until rebind(), but not if that is shared, and is unchanged`, () => {
    for (const [freed, shared] of FREED.flatMap((it) => [[it, false], [it, true]] as const)) {
      const memory = new WebAssembly.Memory({ initial: 1, maximum: 8, shared });
      const window = wasmMemory(memory, { byteOffset: 64 });
      const it = subjectOf(make, window, freed);
      const before = [look(it), window.usedBytes];
      memory.grow(1);
      for (const [verb, call] of shared ? [] : CALLS) {
        const called = verb === "retain" && it.of.length === 0 ? "iterate" : verb;
        const message = `Cannot ${called} in ${labelOf(kind, "cells")}: the memory of block `;
        const error = assertThrows(() => call(it), TypeError, message);
        assert(error.message.endsWith("call rebind() first"), error.message);
      }
      if (!shared) it.pool.rebind();
      assertEquals([look(it), window.usedBytes], before);
      it.pool.allocMany(...it.of, 10);
      validate(it.pool);
      memory.grow(1);
      it.pool.dispose(); // which needs no rebind()
      assertEquals([window.usedBytes, window.largestFreeBytes], [0, 3 * 65_536 - 64]);
    }
  });
}

/** The calls that read a pool's records, each with bytes for it. */
function savesOf(pool: Pool<typeof Num>) {
  return [[restore, takeSnapshot(pool)], [load, savePool(pool)]] as const;
}

Deno.test("restore() and load() change nothing where the memory grows meanwhile, and work after rebind()", () => {
  const options = { chunksPerBlock: 8192 }; // blocks of 32 KiB
  using source = new Pool(Num, options);
  source.allocMany(4 * 8192).forEach((handle, n) => source.set(handle, { n }));
  source.retain(({ n }) => n % 8 === 0);
  const kept = Array.from(source, ({ n }) => n);
  for (const [read, bytes] of savesOf(source)) {
    using pool = new Pool(Num, { ...options, memory: growing() });
    const mine = pool.alloc({ n: 7 });
    let tries = 0;
    for (; pool.size === 1; tries++) {
      try {
        read(pool, bytes);
      } catch (error) {
        assert(error instanceof TypeError && error.message.includes("call rebind() first"));
        pool.rebind();
        assertEquals([pool.size, pool.get(mine).n], [1, 7]);
        validate(pool);
      }
    }
    assert(tries > 1);
    assertEquals(Array.from(pool, ({ n }) => n), kept);
    validate(pool);
  }
});

Deno.test("restore() and load() change nothing where the resource detaches the bytes that they read", () => {
  using source = new Pool(Num);
  source.alloc();
  for (const [read, bytes] of savesOf(source)) {
    const memory = new WebAssembly.Memory({ initial: 2 });
    const allocate = (byteLength: number, align: number) => {
      memory.grow(1);
      return heapMemory.allocate(byteLength, align);
    };
    using pool = new Pool(Num, { memory: { ...heapMemory, allocate } });
    const there = new Uint8Array(memory.buffer, 8, bytes.length);
    there.set(bytes);
    assertThrows(() => read(pool, there), TypeError, "has detached the bytes to read");
    assertEquals([pool.size, pool.capacity], [0, 0]);
  }
});

Deno.test("A pool in a heap gives its blocks back after rebind(), which the heap needs not have", () => {
  const memory = new WebAssembly.Memory({ initial: 1 });
  using heap = new FreeListAllocator({ byteLength: 4096, memory: wasmMemory(memory) });
  const pool = new Pool(Num, { chunksPerBlock: 16, memory: heap });
  pool.allocMany(48);
  memory.grow(1);
  pool.rebind();
  pool.freeBlock(1);
  validate(heap);
  memory.grow(1);
  pool.dispose();
  assertEquals(heap.stats().allocations, 0);
});

Deno.test("PoolSet.clear() and freeMany() change no class when one of them has lost its memory", () => {
  const wasm = new WebAssembly.Memory({ initial: 1 });
  const options = { chunksPerBlock: 16, maxChunks: 128, memory: wasmMemory(wasm) };
  using set = new PoolSet({ ...options, sizes: [4, 16] });
  set.allocMany(Real, 20);
  const all = [...set.handles()];
  wasm.grow(1);
  const nums = set.allocMany(Num, 20); // in blocks of the new buffer
  assertThrows(() => set.clear(), TypeError, "Cannot clear in PoolSet");
  assertThrows(() => set.freeMany([...nums, ...all]), TypeError, "Cannot freeMany in PoolSet");
  assertEquals([set.size, nums.every((handle) => set.has(handle))], [40, true]);
  set.rebind();
  validate(set);
  set.clear();
  assertEquals(set.size, 0);
});
