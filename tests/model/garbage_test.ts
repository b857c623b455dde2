/**
 * Operations on warm pools, packing, snapshots and values beside records leave nothing on the JS
 * heap for a collector.
 *
 * @module
 */
import { assert } from "@std/assert";
import {
  type AnyHandle,
  array,
  ErasedPool,
  type Handle,
  HandleMap,
  type HandleMapPool,
  Pool,
  type PoolOptions,
  PoolSet,
  SharedPool,
  struct,
} from "../../mod.ts";
import { untyped } from "../_support.ts";
import {
  assertNoGarbage,
  bytesLeft,
  claim,
  leastLeft,
  type Operation,
  ROUND,
  sink,
} from "./_meter.ts";

const SIZE = 1000;
const ROOM: PoolOptions = { chunksPerBlock: 512, maxChunks: 8192, keepEmptyBlocks: 8 };
const FEW: PoolOptions = { chunksPerBlock: 16, maxChunks: 64 };
/** Operations of most measurements. */
const FEWER = 200_000;

/** What is measured, and for how many operations one call of it counts. */
type Measured = readonly [operation: Operation, count?: number];

function leavesNone([operation, count]: Measured, operations = FEWER): void {
  assertNoGarbage(operation, count, operations);
}

// -- the meter --

Deno.test("The meter sees 8 bytes an operation", () => {
  // A number that is no integer takes 16 bytes on the heap: one in every second operation.
  const bytes = bytesLeft((i) => {
    if (i % 2 === 0) sink[i & 15] = i + 0.5;
  });
  assert(bytes > 7 && bytes < 10, `${bytes} bytes an operation`);
});

Deno.test("The meter sees an object an operation", () => {
  const bytes = bytesLeft((i) => {
    sink[i & 15] = { i };
  });
  assert(bytes >= 16, `${bytes} bytes an operation`);
});

Deno.test("The meter sees nothing where nothing is allocated", () => {
  assertNoGarbage((i) => {
    sink[0] = i & 255;
  });
});

// -- Pool --

const Vec2 = struct({ x: "f32", y: "f32" });
const Thing = struct({
  pos: Vec2,
  color: array("u8", 4),
  big: "f64",
  n: "u32",
  next: "ref",
  alive: "bool",
}, { name: "Thing" });

/** A pool with holes in it: every fourth chunk is free. */
function holey(options: PoolOptions) {
  const pool = new Pool(Thing, { ...ROOM, ...options });
  const all = pool.allocMany(1333);
  pool.freeMany(all.filter((_, i) => i % 4 === 3));
  return { pool, handles: all.filter((_, i) => i % 4 !== 3), cursor: pool.cursor() };
}

const INIT = { n: 5, alive: true, pos: { x: 1, y: 2 }, color: [1, 2, 3] };

const POOL_CALLS: Readonly<Record<string, (it: ReturnType<typeof holey>) => Measured>> = {
  "alloc() and free()": ({ pool }) => [() => pool.free(pool.alloc())],
  "tryAlloc() and tryFree()": ({ pool }) => [() => void pool.tryFree(pool.tryAlloc()!)], // there is room
  "alloc() of a prepared init": ({ pool }) => [() => pool.free(pool.alloc(INIT))],
  "set() of a prepared init": ({ pool, handles }) => [(i) => pool.set(handles[i % SIZE], INIT)],
  "allocAt()": ({ pool, cursor }) => [(i) => {
    const handle = pool.allocAt(cursor);
    cursor.n = i;
    pool.free(handle);
  }],
  "replacing records at random": ({ pool, handles }) => [(i) => {
    const at = i * 7919 % SIZE;
    pool.free(handles[at]);
    handles[at] = pool.alloc();
  }],
  "has(), indexOf() and handleOf(), live or stale": ({ pool, handles, cursor }) => {
    const stale = pool.alloc();
    pool.free(stale);
    return [(i) => {
      sink[0] = pool.has(handles[i % SIZE]);
      sink[1] = pool.has(stale) || pool.tryFree(stale);
      sink[2] = pool.indexOf(handles[i % SIZE]) & 255;
      sink[3] = pool.handleOf(pool.seek(cursor, handles[i % SIZE]));
    }];
  },
  "seek() and scalar fields": ({ pool, handles, cursor }) => [(i) => {
    const it = pool.seek(cursor, handles[i % SIZE]);
    it.n += 1;
    it.big += 1.5;
    it.alive = !it.alive;
    it.next = handles[i % SIZE];
  }],
  "forEach()": ({ pool }) => {
    const fn = (it: { n: number }) => void (it.n += 1);
    return [() => pool.forEach(fn), SIZE];
  },
  "retain(), whether it keeps or frees": ({ pool }) => {
    const pred = (it: { n: number }) => it.n++ % 2 === 0;
    return [() => {
      pool.retain(pred);
      while (pool.size < SIZE) pool.alloc();
    }, SIZE];
  },
  "handles() after its first step": ({ pool }) => [() => {
    for (const handle of pool.handles()) sink[0] = handle;
  }, SIZE],
  "its iterator after the first step": ({ pool }) => [() => {
    for (const it of pool) it.n += 1;
  }, SIZE],
  "freeMany() of a prepared array": ({ pool }) => {
    const some = pool.allocMany(8);
    return [() => {
      pool.freeMany(some);
      for (let i = 0; i < 8; i++) some[i] = pool.alloc();
    }];
  },
  "allocMany() into a prepared array": ({ pool }) => {
    const some: Handle<typeof Thing>[] = [];
    return [() => pool.freeMany(pool.allocMany(8, some))];
  },
  "allocMany() into a prepared typed array": ({ pool }) => {
    const some = new Float64Array(8);
    return [() => pool.freeMany(pool.allocMany(8, some))];
  },
  "clear()": ({ pool }) => [() => {
    pool.clear();
    for (let i = 0; i < 8; i++) pool.alloc();
  }, 8],
  "its figures": ({ pool }) => {
    const out = {};
    return [() => {
      sink[0] = pool.stats(out).size + pool.capacity + pool.byteLength + pool.blocks.length;
    }];
  },
  "reserve() and trim() with nothing to do": ({ pool }) => [() => {
    pool.reserve(SIZE);
    pool.trim();
  }],
};

const POOL_MODES: Readonly<Record<string, PoolOptions>> = {
  "": {},
  "spread ": { reuse: "spread" },
  "wide, spread ": { handles: "wide", reuse: "spread" },
};

for (const [mode, options] of Object.entries(POOL_MODES)) {
  for (const [what, measured] of Object.entries(POOL_CALLS)) {
    claim(`A ${mode}Pool leaves no garbage of ${what}`, () => {
      leavesNone(measured(holey(options)), mode === "" ? 1_000_000 : FEWER);
    });
  }

  claim(`A ${mode}Pool leaves no garbage where maxChunks allows no others`, () => {
    const pool = new Pool(Thing, { ...ROOM, ...options, maxChunks: 512 });
    const all = pool.allocMany(512);
    leavesNone([(i) => {
      pool.free(all[i & 511]);
      all[i & 511] = pool.alloc();
    }]);
  });
}

claim("Pool.forEach() of few records leaves no garbage, in another one as well", () => {
  const pool = new Pool({ n: "u32" }, FEW);
  pool.allocMany(5);
  const inner = (it: { n: number }) => void (it.n += 1);
  const outer = () => pool.forEach(inner);
  leavesNone([() => pool.forEach(inner)]);
  leavesNone([() => pool.forEach(outer), 5]);
});

// -- pools of several structs --

const Num = struct({ n: "u32" }, { name: "Num" });
const Pos = struct({ n: "u32", x: "f32" }, { name: "Pos" });
const Real = struct({ v: "f64", n: "u32" }, { name: "Real" });
const MIXED = [Num, Pos, Real] as const;
type Mixed = typeof MIXED[number];

const POOLS: Readonly<Record<string, (options: PoolOptions) => ErasedPool<Mixed>>> = {
  "ErasedPool": (options) => new ErasedPool<Mixed>({ ...options, size: 16, types: MIXED }),
  "ErasedPool without types": (options) => new ErasedPool<Mixed>({ ...options, size: 16 }),
  "PoolSet": (options) => untyped(new PoolSet<Mixed>({ ...options, sizes: [4, 8, 16] })),
};

/** A pool with as many free chunks as records of each struct. */
function mixed(name: string): ErasedPool<Mixed> {
  const pool = POOLS[name]({ ...ROOM, maxChunks: 16_384 });
  for (let i = 0; i < 333; i++) {
    for (const kind of MIXED) {
      const [gone] = [pool.alloc(kind), pool.alloc(kind)];
      pool.free(gone);
    }
  }
  return pool;
}

const increment = (it: { n: number }) => void (it.n += 1);
const keep = (it: { n: number }) => it.n++ >= 0;

const MIXED_CALLS: Readonly<Record<string, (pool: ErasedPool<Mixed>) => Measured>> = {
  "alloc() and free()": (pool) => [(i) => {
    const first = pool.alloc(Pos);
    const second: AnyHandle | Handle<Mixed> = i % 2 === 0 ? pool.alloc(Real) : pool.alloc(Num);
    pool.free(first);
    pool.tryFree(second);
  }],
  "allocAt() and seek()": (pool) => {
    const cursor = pool.cursor(Pos);
    const kept = pool.alloc(Pos);
    return [(i) => {
      const handle = pool.allocAt(Pos, cursor);
      cursor.n = i;
      cursor.x = 1.5;
      sink[0] = pool.seek(cursor, kept).n;
      pool.free(handle);
    }];
  },
  "alloc() and set() of a prepared init": (pool) => {
    const init = { n: 5, x: 1.5 };
    return [() => {
      const handle = pool.alloc(Pos, init);
      pool.set(Pos, handle, init);
      pool.free(handle);
    }];
  },
  "has() and handleOf(), live or stale": (pool) => {
    const cursor = pool.cursor(Pos);
    const handle = pool.allocAt(Pos, cursor);
    const stale = pool.alloc(Real);
    pool.free(stale);
    return [() => {
      sink[0] = pool.has(handle);
      sink[1] = pool.has(stale) || pool.tryFree(stale);
      sink[2] = pool.handleOf(cursor);
    }];
  },
  "forEach() and retain() of one struct": (pool) => [() => {
    pool.forEach(Pos, increment);
    pool.retain(Pos, keep);
  }, 500],
  "allocMany() and freeMany() of a prepared typed array": (pool) => {
    const some = new Int32Array(8);
    return [() => pool.freeMany(pool.allocMany(Pos, 8, some))];
  },
  "clear(), and of trim() with nothing to do": (pool) => [() => {
    pool.clear();
    for (let i = 0; i < 8; i++) pool.alloc(Pos);
    pool.trim();
  }, 8],
  "its figures": (pool) => {
    pool.clear(); // a set looks at every record for the bytes that are lost
    pool.allocMany(Pos, 5);
    const out = {};
    return [() => {
      sink[0] = pool.stats(out).size + pool.size + pool.capacity + pool.byteLength;
    }];
  },
};

/** Of pools that know which struct each record has. */
const TYPED_CALLS: Readonly<Record<string, (pool: ErasedPool<Mixed>) => Measured>> = {
  "forEach() and retain() of all records": (pool) => [() => {
    pool.forEach(increment);
    pool.retain(keep);
  }, 1000],
  "typeOf()": (pool) => {
    const handle = pool.alloc(Real);
    return [() => void (sink[0] = pool.typeOf(handle))];
  },
};

for (const name of Object.keys(POOLS)) {
  const isTyped = name !== "ErasedPool without types";
  const calls = { ...MIXED_CALLS, ...isTyped ? TYPED_CALLS : {} };
  for (const [what, measured] of Object.entries(calls)) {
    claim(`${name} leaves no garbage of ${what}`, () => leavesNone(measured(mixed(name))));
  }

  claim(`${name} leaves no garbage of passes over few records, in one another as well`, () => {
    const pool = POOLS[name]({ ...FEW, maxChunks: 256 });
    pool.allocMany(Pos, 3);
    leavesNone([() => {
      pool.forEach(Pos, increment);
      pool.retain(Pos, keep);
    }]);
    const outer = () => pool.forEach(Pos, increment);
    leavesNone([() => pool.forEach(Pos, outer)]);
    if (!isTyped) return;
    const all = () => pool.forEach(increment);
    leavesNone([() => {
      pool.forEach(all);
      pool.retain(keep);
    }]);
  });

  claim(`${name} with spread reuse leaves no garbage of records that come and go`, () => {
    const pool = POOLS[name]({ ...ROOM, reuse: "spread" });
    const live = pool.allocMany(Num, 1000);
    leavesNone([(i) => {
      const at = i * 7919 % 1000;
      pool.free(live[at]);
      live[at] = pool.alloc(Num);
    }]);
  });

  claim(`${name}'s iterators leave no garbage after their first step`, () => {
    const pool = POOLS[name]({ ...ROOM, maxChunks: 16_384 });
    for (const kind of MIXED) pool.allocMany(kind, 1000);
    const passes = [
      () => {
        for (const it of pool.all(Pos)) it.n += 1;
      },
      () => {
        for (const handle of pool.handles()) sink[0] = handle;
      },
      ...isTyped
        ? [() => {
          for (const it of pool) it.n += 1;
        }]
        : [],
    ];
    for (const pass of passes) {
      // One pass a round: what is left is its iterator, less than a byte a record.
      const bytes = leastLeft(pass, ROUND, FEWER) * ROUND;
      assert(bytes < pool.size, `${bytes} bytes a pass over ${pool.size} records`);
    }
  });
}

claim("ErasedPool.lostBytes() leaves no garbage, nor do PoolSet's stats() and reserve()", () => {
  const cells = POOLS["ErasedPool"](FEW);
  const set = POOLS["PoolSet"]({ ...FEW, maxChunks: 256 }) as unknown as PoolSet<Mixed>;
  cells.allocMany(Num, 5);
  set.allocMany(Pos, 5);
  const out = {};
  leavesNone([() => {
    sink[0] = cells.lostBytes();
    sink[1] = set.stats(out).lostBytes + set.maxChunks;
    set.reserve(Pos, 16);
  }]);
});

// -- snapshots --

for (const checksum of [false, true]) {
  const how = checksum ? "with a checksum" : "without a checksum";

  claim(`snapshot() into an array leaves no garbage, of any kind of pool, ${how}`, () => {
    const pool = new Pool({ n: "u32" }, FEW);
    pool.freeMany(pool.allocMany(40).filter((_, i) => i % 3 === 0));
    const ring = [1, 2, 3].map(() => pool.snapshot());
    const options = { checksum };
    leavesNone([(i) => void (ring[i % 3] = pool.snapshot(ring[i % 3], options))]);
    for (const make of Object.values(POOLS)) {
      const pool = make({ ...FEW, maxChunks: 256 });
      pool.allocMany(Num, 20);
      const bytes = pool.snapshot();
      leavesNone([() => void (sink[0] = pool.snapshot(bytes, options))]);
    }
  });
}

// -- beside records --

const Item = struct({ x: "f32", y: "f32", n: "u16", big: "f64" }, { name: "Item" });
type ItemHandle = Handle<typeof Item>;

/** A pool and the calls of it that take a struct in some. */
interface Beside {
  readonly pool: HandleMapPool<typeof Item> & { free(handle: ItemHandle): void };
  alloc(): ItemHandle;
  pack(
    out: Float32Array | Uint8Array | Float64Array,
    fields?: readonly ("x" | "y" | "n")[],
  ): number;
}

const BESIDE: Readonly<Record<string, () => Beside>> = {
  "Pool": () => {
    const pool = new Pool(Item, ROOM);
    return { pool, alloc: () => pool.alloc(), pack: (out, fields) => pool.pack(out, fields) };
  },
  "wide Pool": () => {
    const pool = new Pool(Item, { ...ROOM, handles: "wide" });
    return { pool, alloc: () => pool.alloc(), pack: (out, fields) => pool.pack(out, fields) };
  },
  "PoolSet": () => {
    const pool = new PoolSet({ ...ROOM, sizes: [8, Item.size], types: [Item] });
    const pack: Beside["pack"] = (out, fields) => pool.pack(Item, out, fields);
    return { pool, alloc: () => pool.alloc(Item), pack };
  },
  "SharedPool": () => {
    const pool = SharedPool.create(Item, { chunksPerBlock: 512, maxChunks: 4096 });
    return { pool, alloc: () => pool.alloc(), pack: (out, fields) => pool.pack(out, fields) };
  },
};

for (const [name, make] of Object.entries(BESIDE)) {
  const prepare = () => {
    const it = make();
    const map = new HandleMap<typeof Item, object>(it.pool);
    const handles = Array.from({ length: SIZE }, () => it.alloc());
    for (const handle of handles) map.set(handle, {});
    return { ...it, map, handles };
  };

  claim(`A HandleMap beside a ${name} leaves no garbage, nor does indexOf()`, () => {
    const { pool, map, handles } = prepare();
    const value = {};
    leavesNone([(i) => {
      const handle = handles[i % SIZE];
      sink[0] = map.get(handle);
      map.set(handle, value);
      if (i % 3 === 0) sink[1] = map.delete(handle);
      sink[2] = map.has(handle);
      sink[3] = pool.indexOf(handle) & 255;
    }]);
    const fn = (value: object) => void (sink[0] = value);
    leavesNone([() => {
      map.forEach(fn);
      sink[1] = map.size;
    }, SIZE]);
  });

  claim(`Records of a ${name} come and go with their values without garbage`, () => {
    const { pool, map, handles, alloc } = prepare();
    const value = {};
    leavesNone([(i) => {
      const at = i * 7919 % SIZE;
      pool.free(handles[at]);
      handles[at] = alloc();
      map.set(handles[at], value);
    }]);
  });

  claim(`${name}.pack() leaves no garbage in an array that it has filled before`, () => {
    const { pack } = prepare();
    const floats = new Float32Array(2 * SIZE);
    const bytes = new Uint8Array(Item.size * SIZE + 1);
    const odd = bytes.subarray(1);
    const doubles = new Float64Array(3 * SIZE);
    const position = ["x", "y"] as const;
    const mixed = ["n", "y", "x"] as const;
    leavesNone([() => {
      pack(floats, position);
      pack(bytes);
      pack(odd, mixed);
      sink[0] = pack(doubles, mixed);
    }, 20], 100_000);
  });
}

claim("Pool.pack() of few records leaves no garbage", () => {
  const pool = new Pool(Item);
  pool.allocMany(4);
  const floats = new Float32Array(8);
  const position = ["x", "y"] as const;
  leavesNone([() => void (sink[0] = pool.pack(floats, position))]);
});
