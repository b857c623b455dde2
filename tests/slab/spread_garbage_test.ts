/**
 * Pools with `reuse: "spread"` leave nothing on the JS heap for a collector, once they are warm.
 *
 * @module
 */
import { type AnyHandle, ErasedPool, Pool, type PoolOptions, PoolSet, struct } from "../../mod.ts";
import { assertNoGarbage, claim } from "../model/_meter.ts";

const Num = struct({ n: "u32" }, { name: "Num" });

for (const handles of ["compact", "wide"] as const) {
  const options: PoolOptions = {
    reuse: "spread",
    ...{ handles, chunksPerBlock: 512, maxChunks: 8192, keepEmptyBlocks: 8 },
  };

  claim(`Pool with spread reuse leaves no garbage of records that come and go (${handles})`, () => {
    const pool = new Pool(Num, options);
    const live = pool.allocMany(1000);
    assertNoGarbage((i) => {
      const at = i * 7919 % 1000;
      pool.free(live[at]);
      live[at] = pool.alloc();
    });
  });

  claim(
    `ErasedPool with spread reuse leaves no garbage of records that come and go (${handles})`,
    () => {
      for (const types of [[Num], undefined]) {
        const pool = new ErasedPool({ ...options, size: 4, ...types !== undefined && { types } });
        const live = pool.allocMany(Num, 1000);
        assertNoGarbage((i) => {
          const at = i * 7919 % 1000;
          pool.free(live[at]);
          live[at] = pool.alloc(Num);
        });
      }
    },
  );

  claim(
    `Pool with spread reuse leaves no garbage of many records, nor of clear() (${handles})`,
    () => {
      const pool = new Pool(Num, options);
      const out = new Float64Array(8);
      assertNoGarbage(() => pool.freeMany(pool.allocMany(8, out)), 8);
      assertNoGarbage(() => {
        pool.allocMany(8, out);
        pool.clear();
      }, 8);
    },
  );

  claim(
    `Pool with spread reuse leaves no garbage where maxChunks allows no others (${handles})`,
    () => {
      const pool = new Pool(Num, { ...options, maxChunks: 512 });
      const all = pool.allocMany(512);
      assertNoGarbage((i) => {
        pool.free(all[i & 511]);
        all[i & 511] = pool.alloc();
      });
    },
  );
}

// Wide handles of a set are numbers that an engine boxes, however its chunks are reused.
claim("PoolSet with spread reuse leaves no garbage of records that come and go", () => {
  const options: PoolOptions = { reuse: "spread", chunksPerBlock: 512, maxChunks: 8192 };
  const pool = new PoolSet({ ...options, sizes: [2, 4] });
  const live: AnyHandle[] = pool.allocMany(Num, 1000);
  assertNoGarbage((i) => {
    const at = i * 7919 % 1000;
    pool.free(live[at]);
    live[at] = pool.alloc(Num);
  });
});
