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
import { Num, Pos } from "../_support.ts";
import { CAN_COMPILE, textsOf } from "./_own_texts.ts";

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

Deno.test("A map that was collected observes its pool no more", async () => {
  using pool = new Pool(Num);
  const [slab] = slabs.get(pool)!; // every pool has a slab
  drop(() => new HandleMap<typeof Num, number>(pool).set(pool.alloc(), 1));
  assert(slab.observers !== undefined);
  await collect(() => slab.observers === undefined);
  // Not deleted, as V8 would keep the slab's fields in a dictionary from then on.
  const { freeChunk } = Object.getPrototypeOf(slab);
  assertEquals(Object.getOwnPropertyDescriptor(slab, "freeChunk")?.value, freeChunk);
});

Deno.test("A map is collected though its values refer to it and their records live", async () => {
  using pool = new Pool(Num);
  const dropped = drop(() => {
    const map = new HandleMap<typeof Num, unknown>(pool);
    map.set(pool.alloc(), { owner: map });
    return map;
  });
  await collect(() => dropped.deref() === undefined);
  assertEquals(pool.size, 1);
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

Deno.test("A pass over the records of all structs keeps no pool alive", async () => {
  const dropped = drop(() => {
    const pool = new ErasedPool({ size: 8, types: [Num, Pos] });
    pool.alloc(Pos);
    pool.forEach(() => {});
    return pool.blocks[0].bytes.buffer;
  });
  await collect(() => dropped.deref() === undefined);
});

Deno.test("A pass over the records of all structs keeps none of them alive for another", async () => {
  const dropped = drop(() => {
    const Level = struct({ n: "u32" });
    using pool = new ErasedPool({ size: 8, types: [Num, Level] });
    pool.forEach(() => {});
    return Level;
  });
  await collect(() => dropped.deref() === undefined);
});

Deno.test({
  name: "A struct that found no room for code of its own gets it once other structs were collected",
  ignore: !CAN_COMPILE,
  async fn() {
    drop(() => Array.from({ length: 64 }, () => new Pool({ n: "u32" })));
    const Late = struct({ n: "u32" });
    const compiles = () => textsOf(() => new Pool(Late)).length > 0;
    assert(!compiles());
    let isMade = false;
    await collect(() => isMade ||= compiles());
    assert(!compiles()); // once is enough
  },
});

Deno.test("Debug mode keeps no pool alive, and finds handles of those that are left", async () => {
  using pool = new Pool(Num, { debug, name: "words" });
  const dropped = drop(() => new Pool(Num, { debug }));
  await collect(() => dropped.deref() === undefined);
  using last = new Pool(Num, { debug, name: "others" });
  const handle = last.alloc();
  assertThrows(() => pool.free(handle), StaleHandleError, 'is a handle of Pool "others"');
  last.free(handle);
});

Deno.test("Debug mode keeps no allocator alive, and finds addresses of those that are left", async () => {
  using heap = new FreeListAllocator({ debug, name: "words" });
  const dropped = drop(() => new FreeListAllocator({ debug }));
  await collect(() => dropped.deref() === undefined);
  using last = new FreeListAllocator({ debug, name: "others" });
  const address = last.alloc(8);
  const problem = 'is one of FreeListAllocator "others"';
  assertThrows(() => heap.free(address), InvalidAddressError, problem);
  last.free(address);
});
