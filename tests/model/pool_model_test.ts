/**
 * Random operations on a `Pool` and on a `Map`, compared after every step.
 *
 * The model knows what each live handle's record holds, and every handle that is stale.
 *
 * @module
 */
import { type AnyHandle, type AnyStruct, type Init, Pool, type PoolOptions } from "../../mod.ts";
import { slabs } from "../../src/slab/slab.ts";
import { type AnyPool, MAX_CHUNKS } from "./_model.ts";
import { runModel, SUBJECTS } from "./_steps.ts";

const RUNS = { recent: 40, spread: 15 };

/** A `Pool` that is told the struct in each call, as an `ErasedPool` is, and makes nothing of it. */
function disguised(pool: Pool<AnyStruct>): AnyPool {
  const it = {
    alloc: (_: AnyStruct, init?: Init<AnyStruct>) => pool.alloc(init),
    tryAlloc: (_: AnyStruct, init?: Init<AnyStruct>) => pool.tryAlloc(init),
    free: (handle: AnyHandle) => pool.free(handle),
    tryFree: (handle: AnyHandle) => pool.tryFree(handle),
    has: (handle: AnyHandle) => pool.has(handle),
    typeOf: () => pool.struct,
    get: (_: AnyStruct, handle: AnyHandle) => pool.get(handle),
    tryGet: (_: AnyStruct, handle: AnyHandle) => pool.tryGet(handle),
    set: (_: AnyStruct, handle: AnyHandle, init: Init<AnyStruct>) => pool.set(handle, init),
    cursor: () => pool.cursor(),
    seek: (cursor: ReturnType<typeof pool.cursor>, handle: AnyHandle) => pool.seek(cursor, handle),
    allocAt: (_: AnyStruct, cursor: ReturnType<typeof pool.cursor>) => pool.allocAt(cursor),
    handleOf: (view: object) => pool.handleOf(view),
    forEach: (...args: unknown[]) => pool.forEach(args.at(-1) as never),
    [Symbol.iterator]: () => pool[Symbol.iterator](),
    all: () => pool[Symbol.iterator](),
    handles: () => pool.handles(),
    retain: (...args: unknown[]) => pool.retain(args.at(-1) as never),
    allocMany: (_: AnyStruct, count: number, out = []) => pool.allocMany(count, out),
    freeMany: (handles: AnyHandle[]) => pool.freeMany(handles),
    clear: () => pool.clear(),
    scoped: (_: AnyStruct, init?: Init<AnyStruct>) => pool.scoped(init),
    get size() {
      return pool.size;
    },
    get capacity() {
      return pool.capacity;
    },
    get byteLength() {
      return pool.byteLength;
    },
    get blocks() {
      return pool.blocks;
    },
    reserve: (_: AnyStruct, chunks: number) => pool.reserve(chunks),
    freeBlock: (index: number) => pool.freeBlock(index),
    trim: () => pool.trim(),
    stats: () => pool.stats(),
    dispose: () => pool.dispose(),
    [Symbol.dispose]: () => pool.dispose(),
  };
  slabs.set(it, slabs.get(pool)!); // every pool has slabs
  return it as unknown as AnyPool; // member by member, with the handles of any struct
}

for (const reuse of ["recent", "spread"] as const) {
  for (const handles of ["compact", "wide"] as const) {
    for (const chunksPerBlock of [16, 32]) {
      for (const keepEmptyBlocks of [0, 1, 3]) {
        for (const subject of SUBJECTS) {
          const { size, align } = subject.struct;
          const shape = {
            subjects: [subject],
            classes: [{ size, align }],
            chunksPerBlock,
            isWide: handles === "wide",
            isKnowing: true,
          };
          const create = (options: PoolOptions) =>
            disguised(new Pool(subject.struct, { ...options, maxChunks: MAX_CHUNKS }));
          const what =
            `${handles}, ${reuse}, ${chunksPerBlock} a block, keep ${keepEmptyBlocks}, ${size} bytes`;
          Deno.test(`Pool does what a Map does (${what})`, () => {
            runModel(shape, create, { keepEmptyBlocks, reuse }, RUNS[reuse]);
          });
        }
      }
    }
  }
}
