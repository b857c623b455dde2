/**
 * Operations on a warm pool of several structs leave nothing on the JS heap for a collector.
 *
 * @module
 */
import { assert } from "@std/assert";
import type { ErasedPool, PoolSet, PoolSetStats, PoolStats } from "../../mod.ts";
import { FACES, type MixedKind, type MixedPool, Num, Pos, Real } from "../_support.ts";
import {
  assertNoGarbage as assertNone,
  claim,
  leastLeft,
  type Operation,
  ROUND,
  sink,
} from "./_meter.ts";

/** Operations of a measurement: the members are many, and do what a Pool's do. */
const FEWER = 200_000;

function assertNoGarbage(operation: Operation, count = 1): void {
  assertNone(operation, count, FEWER);
}

/** A pool with holes in it: half of its records, of each struct a third, are there. */
function prepare(name: string): MixedPool {
  const pool = FACES[name]({ chunksPerBlock: 512, maxChunks: 16_384, keepEmptyBlocks: 8 });
  for (let i = 0; i < 333; i++) {
    for (const kind of [Num, Pos, Real]) {
      const [gone] = [pool.alloc(kind), pool.alloc(kind)];
      pool.free(gone);
    }
  }
  return pool;
}

for (const name of ["ErasedPool", "ErasedPool without types", "PoolSet"]) {
  claim(`${name}.alloc() and free() leave no garbage`, () => {
    const pool = prepare(name);
    assertNoGarbage((i) => {
      const first = pool.alloc(Pos);
      const second = i % 2 === 0 ? pool.alloc(Real) : pool.alloc(Num);
      pool.free(first);
      pool.tryFree(second);
    });
  });

  claim(`${name}.allocAt() and seek() leave no garbage`, () => {
    const pool = prepare(name);
    const cursor = pool.cursor(Pos);
    const kept = pool.alloc(Pos);
    assertNoGarbage((i) => {
      const handle = pool.allocAt(Pos, cursor);
      cursor.n = i;
      cursor.x = 1.5;
      sink[0] = pool.seek(cursor, kept).n;
      pool.free(handle);
    });
  });

  claim(`${name}.alloc() and set() leave no garbage of a prepared init`, () => {
    const pool = prepare(name);
    const init = { n: 5, x: 1.5 };
    assertNoGarbage(() => {
      const handle = pool.alloc(Pos, init);
      pool.set(Pos, handle, init);
      pool.free(handle);
    });
  });

  claim(`${name}.has() and handleOf() leave no garbage, live or stale`, () => {
    const pool = prepare(name);
    const cursor = pool.cursor(Pos);
    const handle = pool.allocAt(Pos, cursor);
    const stale = pool.alloc(Real);
    pool.free(stale);
    assertNoGarbage(() => {
      sink[0] = pool.has(handle);
      sink[1] = pool.has(stale);
      sink[2] = pool.tryFree(stale);
      sink[3] = pool.handleOf(cursor);
    });
  });

  claim(`${name}.forEach() and retain() of one struct leave no garbage`, () => {
    const pool = prepare(name);
    const fn = (it: { n: number }) => void (it.n += 1);
    const pred = (it: { n: number }) => it.n++ >= 0;
    assertNoGarbage(() => {
      pool.forEach(Pos, fn);
      pool.retain(Pos, pred);
    }, 500);
  });

  claim(`${name}.forEach() and retain() of few records of one struct leave no garbage`, () => {
    const pool = FACES[name]();
    pool.allocMany(Pos, 4);
    const fn = (it: { n: number }) => void (it.n += 1);
    const pred = (it: { n: number }) => it.n++ >= 0;
    assertNoGarbage(() => {
      pool.forEach(Pos, fn);
      pool.retain(Pos, pred);
    });
  });

  claim(`${name}.allocMany() and freeMany() leave no garbage of a prepared typed array`, () => {
    const pool = prepare(name);
    const handles = new Int32Array(8);
    assertNoGarbage(() => pool.freeMany(pool.allocMany(Pos, 8, handles)));
  });

  claim(`${name}'s figures leave no garbage`, () => {
    const pool = FACES[name](); // a set looks at every record for its lost bytes
    pool.allocMany(Pos, 5);
    const out: Partial<PoolStats> = {};
    assertNoGarbage(() => {
      sink[0] = pool.stats(out).size + pool.size + pool.capacity + pool.byteLength;
    });
  });

  claim(`${name}.clear() leaves no garbage, nor does trim() where there is nothing to do`, () => {
    const pool = prepare(name);
    for (const kind of [Num, Pos, Real]) pool.alloc(kind);
    assertNoGarbage(() => {
      pool.clear();
      for (let i = 0; i < 8; i++) pool.alloc(Pos);
      pool.trim();
    }, 8);
  });
}

for (const name of ["ErasedPool", "PoolSet"]) {
  claim(`${name}.forEach() and retain() of all records leave no garbage`, () => {
    const pool = prepare(name);
    const fn = (it: { n: number }) => void (it.n += 1);
    const pred = (it: { n: number }) => it.n++ >= 0;
    assertNoGarbage(() => {
      pool.forEach(fn);
      pool.retain(pred);
    }, 1000);
  });

  claim(`${name}.forEach() and retain() of few records leave no garbage, nested as well`, () => {
    const pool = FACES[name]();
    for (const kind of [Num, Pos, Real]) pool.alloc(kind);
    const fn = (it: { n: number }) => void (it.n += 1);
    const pred = (it: { n: number }) => it.n++ >= 0;
    const outer = () => pool.forEach(fn);
    assertNoGarbage(() => {
      pool.forEach(outer);
      pool.retain(pred);
    });
  });

  claim(`${name}.typeOf() leaves no garbage`, () => {
    const pool = prepare(name);
    const handle = pool.alloc(Real);
    assertNoGarbage(() => {
      sink[0] = pool.typeOf(handle);
    });
  });

  claim(`${name}'s iterators leave no garbage after their first step`, () => {
    const pool = FACES[name]({ chunksPerBlock: 512, maxChunks: 8192 });
    for (const kind of [Num, Pos, Real]) pool.allocMany(kind, 1000);
    const walks = [
      () => {
        for (const it of pool) it.n += 1;
      },
      () => {
        for (const it of pool.all(Pos)) it.n += 1;
      },
      () => {
        for (const handle of pool.handles()) sink[0] = handle;
      },
    ];
    for (const walk of walks) {
      // One walk a round: what is left is that of its start, and less than a byte a record.
      const bytes = leastLeft(walk, ROUND, FEWER) * ROUND;
      assert(bytes < pool.size, `${bytes} bytes a walk over ${pool.size} records`);
    }
  });
}

claim("ErasedPool.lostBytes() leaves no garbage", () => {
  const cells = prepare("ErasedPool") as ErasedPool<MixedKind>;
  cells.retain((it) => it.n < 0);
  cells.allocMany(Num, 5);
  assertNoGarbage(() => {
    sink[0] = cells.lostBytes();
  });
});

claim("PoolSet.stats() leaves no garbage of a prepared object", () => {
  const set = FACES["PoolSet"]() as PoolSet<MixedKind>;
  set.allocMany(Pos, 5);
  const out: Partial<PoolSetStats> = {};
  assertNoGarbage(() => {
    sink[0] = set.stats(out).lostBytes + set.maxChunks;
  });
});

claim("PoolSet.reserve() leaves no garbage where there is nothing to do", () => {
  const set = FACES["PoolSet"]() as PoolSet<MixedKind>;
  set.reserve(Pos, 16);
  assertNoGarbage(() => set.reserve(Pos, 16));
});
