/**
 * What the program has dropped can be collected: pools and allocators of debug mode, and maps
 * beside a pool that is still used.
 *
 * @module
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  debug,
  ErasedPool,
  FreeListAllocator,
  HandleMap,
  InvalidAddressError,
  pack,
  Pool,
  SharedPool,
  StaleHandleError,
  struct,
} from "../../mod.ts";
// Only the slab knows who observes it.
import { slabs } from "../../src/slab/slab.ts";
import { Num } from "../_support.ts";
import { textsOf, withCode } from "./_own_texts.ts";

setFlagsFromString("--expose-gc");
/** Runs the collector of the engine; a context has it that is made after the flag was set. */
const gc: () => void = runInNewContext("gc");

/** Runs the collector until something was collected. */
async function collect(isDone: () => boolean): Promise<void> {
  for (let i = 0; i < 10 && !isDone(); i++) {
    await new Promise((resolve) => setTimeout(resolve, 0)); // a WeakRef holds on until then
    gc();
  }
  assert(isDone());
}

/** Calls a function, and returns a reference to what it made and dropped. */
function drop(make: () => object): WeakRef<object> {
  return new WeakRef(make());
}

Deno.test("A map that was collected, though its values refer to it, observes its pool no more", async () => {
  using pool = new Pool(Num);
  const [slab] = slabs.get(pool)!; // every pool has a slab
  const handle = pool.alloc();
  const dropped = drop(() => {
    const map = new HandleMap<typeof Num, unknown>(pool);
    return map.set(handle, { owner: map });
  });
  assert(slab.observers !== undefined);
  await collect(() => {
    const isGone = dropped.deref() === undefined;
    if (isGone) pool.tryFree(handle); // before the engine has told that it collected the map
    return isGone && slab.observers === undefined;
  });
  assertEquals(pool.size, 0);
  // Not deleted, as V8 would keep the slab's fields in a dictionary from then on.
  const { freeChunk } = Object.getPrototypeOf(slab);
  assertEquals(Object.getOwnPropertyDescriptor(slab, "freeChunk")?.value, freeChunk);
});

Deno.test("pack() into an array that is too short keeps no memory of the pool alive", async () => {
  const dropped = drop(() => {
    const pool = SharedPool.create(Num);
    pool.alloc();
    assertThrows(() => pack(pool, new Float64Array(0)), RangeError);
    const { buffer } = pool.share();
    pool.dispose();
    return buffer;
  });
  await collect(() => dropped.deref() === undefined);
});

Deno.test("A pass over the records of all structs keeps no pool alive, and no struct for another", async () => {
  for (const isDisposed of [false, true]) {
    const dropped = drop(() => {
      const Level = struct({ n: "u32" });
      const pool = new ErasedPool({ size: 8, types: [Num, Level] });
      pool.alloc(Level);
      pool.forEach(() => {});
      const { buffer } = pool.blocks[0].bytes;
      if (isDisposed) pool.dispose();
      return isDisposed ? Level : buffer;
    });
    await collect(() => dropped.deref() === undefined);
  }
});

withCode(
  "A struct that found no room for code of its own gets it once other structs were collected",
  async () => {
    drop(() => Array.from({ length: 64 }, () => new Pool({ n: "u32" })));
    const Late = struct({ n: "u32" });
    const compiles = () => textsOf(() => new Pool(Late)).length > 0;
    assert(!compiles());
    let isMade = false;
    await collect(() => isMade ||= compiles());
    assert(!compiles()); // once is enough
  },
);

Deno.test("Debug mode keeps no pool and no allocator alive, and finds the owners that are left", async () => {
  using pool = new Pool(Num, { debug, name: "words" });
  using heap = new FreeListAllocator({ debug, name: "bytes" });
  const gone = [
    drop(() => new Pool(Num, { debug })),
    drop(() => new FreeListAllocator({ debug })),
  ];
  await collect(() => gone.every((it) => it.deref() === undefined));
  using lastPool = new Pool(Num, { debug, name: "others" });
  using lastHeap = new FreeListAllocator({ debug, name: "others" });
  const [handle, address] = [lastPool.alloc(), lastHeap.alloc(8)];
  assertThrows(() => pool.free(handle), StaleHandleError, 'is a handle of Pool "others"');
  const problem = 'is one of FreeListAllocator "others"';
  assertThrows(() => heap.free(address), InvalidAddressError, problem);
  lastPool.free(handle);
  lastHeap.free(address);
});
