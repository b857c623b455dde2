/**
 * Operations on warm pools of every kind leave nothing on the JS heap for a collector. Those of
 * pools with spread reuse are in `slab/spread_test.ts`, those of parts of shared pools in `shared/`.
 *
 * @module
 */
import { assert } from "@std/assert";
import { array, ErasedPool, HandleMap, PoolSet, SharedPool, snapshot, struct } from "../../mod.ts";
import type { AnyHandle, Handle, PoolOptions } from "../../mod.ts";
import { type KindMaker, type OfKind, ofKind, packAny, POOL_KINDS, viewsOf } from "../_kinds.ts";
import { fill, KINDS, Num, Pos, Real, untyped } from "../_support.ts";
import type { MixedKind, MixedPool } from "../_support.ts";
import { assertNoGarbage, bytesLeft, claim, type Operation, sink } from "./_meter.ts";

const SIZE = 1000;
const ROOM: PoolOptions = { chunksPerBlock: 256, maxChunks: 8192, keepEmptyBlocks: 8 };

/** What is measured, and for how many operations one call of it counts. */
type Measured = readonly [operation: Operation, count?: number];

// -- the meter --

Deno.test("The meter sees 8 bytes an operation, and nothing where nothing is allocated", () => {
  // A number that is no integer takes 16 bytes on the heap: one in every second operation.
  const bytes = bytesLeft((i) => {
    if (i % 2 === 0) sink[i & 15] = i + 0.5;
  });
  assert(bytes > 7 && bytes < 10, `${bytes} bytes an operation`);
  assertNoGarbage((i) => void (sink[0] = i & 255));
});

// -- pools --

const Thing = struct({
  pos: struct({ x: "f32", y: "f32" }),
  color: array("u8", 4),
  big: "f64",
  n: "u32",
  next: "ref",
  alive: "bool",
}, { name: "Thing" });
type Fields = { n: number; big: number; next: AnyHandle; alive: boolean };

const INIT = { n: 5, alive: true, pos: { x: 1, y: 2 }, color: [1, 2, 3] };

/** A pool of a thousand records with holes between them, and what its calls take. */
function prepare({ pool, of }: OfKind) {
  const all: AnyHandle[] = Array.from({ length: 1333 }, () => pool.alloc(...of));
  for (let i = 3; i < 1333; i += 4) pool.free(all[i]);
  const handles = all.filter((_, i) => i % 4 !== 3);
  const stale = pool.alloc(...of);
  pool.free(stale);
  return { pool, of, handles, stale, cursor: pool.cursor<Fields>(...of) };
}
type Prepared = ReturnType<typeof prepare>;

const increment = (it: { n: number }) => void (it.n += 1);

/** What leaves nothing, whatever the kind of pool. */
const CALLS: Readonly<Record<string, (it: Prepared) => Measured>> = {
  "a HandleMap, and of records replaced at random in full blocks": ({ pool, of, handles }) => {
    while (pool.size < pool.capacity) pool.alloc(...of);
    const map = new HandleMap<typeof Thing, object>(untyped(pool));
    for (const handle of handles) map.set(untyped(handle), {});
    const value = {};
    return [(i) => {
      const at = i * 7919 % SIZE;
      const handle = untyped<Handle<typeof Thing>>(handles[at]);
      sink[0] = map.get(handle);
      if (i % 3 === 0) sink[1] = map.delete(handle);
      sink[2] = map.has(handle);
      pool.free(handle);
      handles[at] = pool.alloc(...of);
      map.set(untyped(handles[at]), value);
    }];
  },
  "HandleMap.forEach()": ({ pool, handles }) => {
    const map = new HandleMap<typeof Thing, object>(untyped(pool));
    for (const handle of handles) map.set(untyped(handle), {});
    const fn = (value: object) => void (sink[0] = value);
    return [() => map.forEach(fn), SIZE];
  },
  "pack() into arrays that it has filled before": ({ pool, of }) => {
    const bytes = new Uint8Array(Thing.size * SIZE + 1);
    const calls = [
      [...of, new Float32Array(2 * SIZE), ["big", "n"]],
      [...of, bytes],
      [...of, bytes.subarray(1), ["alive", "n", "big"]],
      [...of, new Float64Array(3 * SIZE), ["n", "alive", "big"]],
    ];
    return [(i) => void (sink[0] = packAny(pool, ...calls[i & 3])), 5];
  },
  "alloc(), tryAlloc() and allocAt(), free() and tryFree(), set()": (it) => {
    const { pool, of, handles, cursor } = it;
    const [at, made, put] = [[...of, cursor], [...of, INIT], [...of, handles[0], INIT]];
    return [(i) => {
      pool.free(pool.alloc(...of));
      pool.tryFree(pool.tryAlloc(...of)!); // there is room
      const handle = pool.allocAt(...at);
      cursor.n = i;
      pool.free(handle);
      pool.free(pool.alloc(...made));
      put[of.length] = handles[i % SIZE];
      pool.set(...put);
    }];
  },
  "calls with a handle, live or stale, and scalar fields": (it) => {
    const { pool, handles, stale, cursor } = it;
    return [(i) => {
      const handle = handles[i % SIZE];
      sink[0] = pool.has(handle) && pool.indexOf(handle) & 255;
      sink[1] = pool.has(stale) || pool.tryFree(stale);
      const record = pool.seek(cursor, handle);
      sink[2] = pool.handleOf(untyped(record));
      record.n += 1;
      record.big += 1.5;
      record.alive = !record.alive;
      record.next = handle;
    }];
  },
  "forEach()": ({ pool, of }) => [() => pool.forEach(...of, increment), SIZE],
  "loop(), whatever it hands on": ({ pool, of }) => {
    const visit = (it: Fields, _: AnyHandle, by: number, to: { sum: number }, on: boolean) => {
      it.n += by;
      if (on) to.sum += 1;
    };
    const loop = pool.loop(...of, visit);
    const args = [2, { sum: 0 }, true];
    return [() => loop(...args), SIZE];
  },
  "retain(), whether it keeps or frees": ({ pool, of }) => {
    const pred = (it: Fields) => it.n++ % 2 === 0;
    return [() => {
      pool.retain(...of, pred);
      while (pool.size < SIZE) pool.alloc(...of);
    }, SIZE];
  },
  "handles() after its first step": ({ pool, of }) => [() => {
    for (const handle of pool.handles(...of)) sink[0] = handle;
  }, SIZE],
  "an iterator after its first step": (it) => [() => {
    for (const view of viewsOf<Fields>(it)) view.n += 1;
  }, SIZE],
  "allocMany() and freeMany() of a prepared array": ({ pool, of }) => {
    const [some, floats] = [[...of, 8, []], [...of, 8, new Float64Array(8)]];
    return [() => {
      pool.freeMany(pool.allocMany(...some));
      pool.freeMany(pool.allocMany(...floats));
    }];
  },
  "clear()": ({ pool, of }) => [() => {
    pool.clear();
    for (let i = 0; i < 8; i++) pool.alloc(...of);
  }, 8],
  "its figures, trim() with nothing to do, and snapshot() into an array": ({ pool, of }) => {
    pool.clear();
    pool.trim();
    pool.allocMany(...of, 5); // a set looks at every record for the bytes that are lost
    const out = {};
    const ring = [1, 2, 3].map(() => snapshot(pool));
    const options = [{ checksum: true }, { checksum: false }];
    return [(i) => {
      sink[0] = pool.stats(out).size + pool.capacity + pool.byteLength + pool.blocks.length;
      sink[1] = pool.trim();
      ring[i % 3] = snapshot(pool, ring[i % 3], options[i & 1]);
    }];
  },
  "passes over few records, in one another as well": ({ pool, of }) => {
    pool.clear();
    pool.allocMany(...of, 5);
    const inner = [...of, increment];
    const outer = [...of, () => pool.forEach(...inner)];
    return [() => pool.forEach(...outer), 5];
  },
};

const makeShared: KindMaker = (struct, options) => ofKind(SharedPool.create(struct, options));

/** What a `SharedPool` does not have. */
const NOT_SHARED = /^retain|handles\(\)|iterator|Many|clear|trim|snapshot|few records/;

for (const [kind, make] of Object.entries({ ...POOL_KINDS, SharedPool: makeShared })) {
  // Engines box wide handles where calls are not inlined, as here, with so many kinds of pools.
  if (kind.startsWith("wide")) continue;
  for (const [what, measured] of Object.entries(CALLS)) {
    if (make === makeShared && NOT_SHARED.test(what)) continue;
    claim(`${kind} leaves no garbage of ${what}`, () => {
      assertNoGarbage(...measured(prepare(make(Thing, ROOM))));
    });
  }
}

// -- pools of several structs --

const MIXED: Readonly<Record<string, () => MixedPool>> = {
  "ErasedPool": () => new ErasedPool<MixedKind>({ ...ROOM, size: 16, types: KINDS }),
  "ErasedPool without types": () => new ErasedPool<MixedKind>({ ...ROOM, size: 16 }),
  "PoolSet": () => new PoolSet<MixedKind>({ ...ROOM, sizes: [4, 8, 16] }),
};

for (const [name, make] of Object.entries(MIXED)) {
  claim(`${name} leaves no garbage of records of several structs`, () => {
    const pool = make();
    fill(pool, 99);
    assertNoGarbage((i) => {
      const first = pool.alloc(Pos);
      const second: AnyHandle = i % 2 === 0 ? pool.alloc(Real) : pool.alloc(Num);
      pool.free(first);
      pool.tryFree(second);
    });
    if (name === "ErasedPool without types") return;
    const handle = pool.alloc(Real);
    const keep = (it: { n: number }) => it.n++ >= 0;
    assertNoGarbage(() => {
      sink[0] = pool.typeOf(handle);
      if (pool instanceof ErasedPool) sink[1] = pool.lostBytes();
      if (pool instanceof PoolSet) pool.reserve(Pos, 16);
    });
    assertNoGarbage(() => {
      pool.forEach(increment);
      pool.retain(keep);
    }, 100);
  });
}
