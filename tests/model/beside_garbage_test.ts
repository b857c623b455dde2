/**
 * Values beside records, and packing, leave nothing on the JS heap for a collector once all is warm.
 *
 * @module
 */
import { type Handle, HandleMap, Pool, PoolSet, SharedPool, struct } from "../../mod.ts";
import { assertNoGarbage, claim, sink } from "./_meter.ts";

const SIZE = 1000;
const Thing = struct({ x: "f32", y: "f32", n: "u16", big: "f64" }, { name: "Thing" });
const OPTIONS = { chunksPerBlock: 512, maxChunks: 4096, keepEmptyBlocks: 8 } as const;

interface Subject {
  readonly pool: {
    indexOf(handle: Handle<typeof Thing>): number;
    free(handle: Handle<typeof Thing>): void;
  };
  readonly map: HandleMap<typeof Thing, object>;
  readonly handles: Handle<typeof Thing>[];
  alloc(): Handle<typeof Thing>;
  pack(
    out: Float32Array | Uint8Array | Float64Array,
    fields?: readonly ("x" | "y" | "n")[],
  ): number;
}

/** Pools with holes in them: every fourth chunk is free. */
const SUBJECTS: Readonly<Record<string, () => Subject>> = {
  "Pool": () => {
    const pool = new Pool(Thing, OPTIONS);
    return subject(pool, () => pool.alloc(), (out, fields) => pool.pack(out, fields));
  },
  "wide Pool": () => {
    const pool = new Pool(Thing, { ...OPTIONS, handles: "wide" });
    return subject(pool, () => pool.alloc(), (out, fields) => pool.pack(out, fields));
  },
  "PoolSet": () => {
    const pool = new PoolSet({
      ...OPTIONS,
      maxChunks: 8192,
      sizes: [8, Thing.size],
      types: [Thing],
    });
    return subject(pool, () => pool.alloc(Thing), (out, fields) => pool.pack(Thing, out, fields));
  },
  "SharedPool": () => {
    const pool = SharedPool.create(Thing, { chunksPerBlock: 512, maxChunks: 4096 });
    return subject(pool, () => pool.alloc(), (out, fields) => pool.pack(out, fields));
  },
};

function subject(
  pool: Pool<typeof Thing> | PoolSet<typeof Thing> | SharedPool<typeof Thing>,
  alloc: Subject["alloc"],
  pack: Subject["pack"],
): Subject {
  const all = Array.from({ length: 1333 }, alloc);
  const handles = all.filter((it, i) => {
    if (i % 4 === 3) pool.free(it);
    return i % 4 !== 3;
  });
  const map = new HandleMap<typeof Thing, object>(pool as Pool<typeof Thing>);
  for (const handle of handles) map.set(handle, {});
  return { pool: pool as Pool<typeof Thing>, map, handles, alloc, pack };
}

for (const [name, make] of Object.entries(SUBJECTS)) {
  claim(`${name}.indexOf() leaves no garbage`, () => {
    const { pool, handles } = make();
    assertNoGarbage((i) => {
      sink[0] = pool.indexOf(handles[i % SIZE]) & 255;
    });
  });

  claim(`HandleMap.get(), has(), set() and delete() beside a ${name} leave no garbage`, () => {
    const { map, handles } = make();
    const value = {};
    assertNoGarbage((i) => {
      const handle = handles[i % SIZE];
      sink[0] = map.get(handle);
      map.set(handle, value);
      if (i % 3 === 0) sink[1] = map.delete(handle);
      sink[2] = map.has(handle);
    });
  });

  claim(`Records of a ${name} come and go with their values without garbage`, () => {
    const { pool, map, handles, alloc } = make();
    const value = {};
    assertNoGarbage((i) => {
      const at = i * 7919 % SIZE;
      pool.free(handles[at]);
      handles[at] = alloc();
      map.set(handles[at], value);
    });
  });

  claim(`HandleMap.forEach() and size beside a ${name} leave no garbage`, () => {
    const { map } = make();
    const fn = (value: object) => void (sink[0] = value);
    assertNoGarbage(() => {
      map.forEach(fn);
      sink[1] = map.size;
    }, SIZE);
  });

  claim(`${name}.pack() leaves no garbage in an array that it has filled before`, () => {
    const { pack } = make();
    const floats = new Float32Array(2 * SIZE);
    const bytes = new Uint8Array(Thing.size * SIZE + 1);
    const odd = bytes.subarray(1);
    const doubles = new Float64Array(3 * SIZE);
    const position = ["x", "y"] as const;
    const mixed = ["n", "y", "x"] as const;
    assertNoGarbage(
      () => {
        pack(floats, position);
        pack(bytes);
        pack(odd, mixed);
        sink[0] = pack(doubles, mixed);
      },
      20,
      100_000,
    );
  });
}

claim("Pool.pack() of few records leaves no garbage", () => {
  const pool = new Pool(Thing);
  pool.allocMany(4);
  const floats = new Float32Array(8);
  const position = ["x", "y"] as const;
  assertNoGarbage(() => {
    sink[0] = pool.pack(floats, position);
  });
});
