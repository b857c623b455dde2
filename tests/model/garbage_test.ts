/**
 * A million operations of each kind on a warm pool leave nothing on the JS heap for a collector.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import {
  array,
  ErasedPool,
  type Handle,
  Pool,
  PoolSet,
  type PoolStats,
  struct,
} from "../../mod.ts";
import { assertNoGarbage, bytesLeft, claim, sink } from "./_meter.ts";

const SIZE = 1000;
const Vec2 = struct({ x: "f32", y: "f32" });
const Thing = struct({
  pos: Vec2,
  line: struct({ from: Vec2, to: Vec2 }),
  color: array("u8", 4),
  big: "f64",
  n: "u32",
  next: "ref",
  alive: "bool",
});

/** A pool with holes in it: every fourth chunk is free. */
function prepare(): { pool: Pool<typeof Thing>; handles: Handle<typeof Thing>[] } {
  const pool = new Pool(Thing, { chunksPerBlock: 512, maxChunks: 4096, keepEmptyBlocks: 8 });
  const all = pool.allocMany(1333);
  pool.freeMany(all.filter((_, i) => i % 4 === 3));
  const handles = [...pool.handles()];
  assertEquals(handles.length, SIZE);
  return { pool, handles };
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

// -- one record --

claim("Pool.alloc() and free() leave no garbage", () => {
  const { pool } = prepare();
  assertNoGarbage(() => pool.free(pool.alloc()));
});

claim("Pool.tryAlloc() and tryFree() leave no garbage", () => {
  const { pool } = prepare();
  assertNoGarbage(() => {
    const handle = pool.tryAlloc();
    if (handle !== undefined) pool.tryFree(handle);
  });
});

claim("Pool.allocAt() leaves no garbage", () => {
  const { pool } = prepare();
  const cursor = pool.cursor();
  assertNoGarbage((i) => {
    const handle = pool.allocAt(cursor);
    cursor.n = i;
    pool.free(handle);
  });
});

claim("Pool replaces records at random without garbage", () => {
  const { pool, handles } = prepare();
  assertNoGarbage((i) => {
    const at = (i * 7919) % SIZE;
    pool.free(handles[at]);
    handles[at] = pool.alloc();
  });
});

claim("Pool.alloc() leaves no garbage of a prepared init", () => {
  const { pool } = prepare();
  const init = { n: 5, alive: true, pos: { x: 1, y: 2 } };
  assertNoGarbage(() => pool.free(pool.alloc(init)));
});

claim("Pool.set() leaves no garbage of a prepared init", () => {
  const { pool, handles } = prepare();
  const init = { n: 5, alive: true, pos: { x: 1, y: 2 }, color: [1, 2, 3] };
  assertNoGarbage((i) => pool.set(handles[i % SIZE], init));
});

claim("Pool.has() leaves no garbage, live or stale", () => {
  const { pool, handles } = prepare();
  const stale = pool.alloc();
  pool.free(stale);
  assertNoGarbage((i) => {
    sink[0] = pool.has(handles[i % SIZE]);
    sink[1] = pool.has(stale);
    sink[2] = pool.tryFree(stale);
  });
});

claim("Pool.handleOf() leaves no garbage", () => {
  const { pool, handles } = prepare();
  const cursor = pool.cursor();
  assertNoGarbage((i) => {
    sink[0] = pool.handleOf(pool.seek(cursor, handles[i % SIZE]));
  });
});

// -- cursors --

claim("Pool.seek() and scalar fields leave no garbage", () => {
  const { pool, handles } = prepare();
  const cursor = pool.cursor();
  assertNoGarbage((i) => {
    const it = pool.seek(cursor, handles[i % SIZE]);
    it.n += 1;
    it.big += 1.5;
    it.alive = !it.alive;
    it.next = handles[i % SIZE];
  });
});

claim("Fields nested in a cursor leave no garbage", () => {
  const { pool, handles } = prepare();
  const cursor = pool.cursor();
  assertNoGarbage((i) => {
    const it = pool.seek(cursor, handles[i % SIZE]);
    it.pos.x += 1.5;
    it.line.to.y = it.pos.x;
  });
});

claim("Parts of a cursor that are kept leave no garbage", () => {
  const { pool, handles } = prepare();
  const cursor = pool.cursor();
  const { pos, line: { to }, color } = cursor;
  assertNoGarbage((i) => {
    pool.seek(cursor, handles[i % SIZE]);
    pos.x += 1.5;
    to.y = pos.x;
    sink[0] = color.get(i & 3);
  });
});

// -- every record --

claim("Pool.forEach() leaves no garbage", () => {
  const { pool } = prepare();
  const fn = (it: { n: number }) => void (it.n += 1);
  assertNoGarbage(() => pool.forEach(fn), SIZE);
});

claim("Pool.forEach() of few records leaves no garbage", () => {
  using pool = new Pool({ n: "u32" }, { chunksPerBlock: 16, maxChunks: 64 });
  pool.allocMany(4);
  const fn = (it: { n: number }) => void (it.n += 1);
  assertNoGarbage(() => pool.forEach(fn), 1);
});

claim("Pool.forEach() in a forEach() leaves no garbage", () => {
  using pool = new Pool({ n: "u32" }, { chunksPerBlock: 16, maxChunks: 64 });
  pool.allocMany(5);
  const inner = (it: { n: number }) => void (it.n += 1);
  const outer = () => pool.forEach(inner);
  assertNoGarbage(() => pool.forEach(outer), 5);
});

claim("Pool.retain() leaves no garbage, whether it keeps or frees", () => {
  const { pool } = prepare();
  const pred = (it: { n: number }) => it.n++ % 2 === 0;
  assertNoGarbage(() => {
    pool.retain(pred);
    while (pool.size < SIZE) pool.alloc();
  }, SIZE);
});

claim("Pool.handles() leaves no garbage after its first step", () => {
  const { pool } = prepare();
  assertNoGarbage(() => {
    for (const handle of pool.handles()) sink[0] = handle;
  }, SIZE);
});

claim("Pool's iterator leaves no garbage after its first step", () => {
  const { pool } = prepare();
  assertNoGarbage(() => {
    for (const it of pool) it.n += 1;
  }, SIZE);
});

// -- many records --

claim("Pool.freeMany() leaves no garbage of a prepared array", () => {
  const { pool } = prepare();
  const handles = pool.allocMany(8);
  assertNoGarbage(() => {
    pool.freeMany(handles);
    for (let i = 0; i < 8; i++) handles[i] = pool.alloc();
  });
});

claim("Pool.allocMany() and freeMany() leave no garbage of a prepared array", () => {
  const { pool } = prepare();
  const handles: Handle<typeof Thing>[] = [];
  assertNoGarbage(() => pool.freeMany(pool.allocMany(8, handles)));
});

claim("Pool.allocMany() and freeMany() leave no garbage of a prepared typed array", () => {
  const { pool } = prepare();
  const handles = new Int32Array(8);
  assertNoGarbage(() => pool.freeMany(pool.allocMany(8, handles)));
});

claim("Pool.clear() leaves no garbage", () => {
  const { pool } = prepare();
  assertNoGarbage(() => {
    pool.clear();
    for (let i = 0; i < 8; i++) pool.alloc();
  }, 8);
});

claim("Pool's figures leave no garbage", () => {
  const { pool } = prepare();
  const out: Partial<PoolStats> = {};
  assertNoGarbage(() => {
    sink[0] = pool.stats(out).size + pool.capacity + pool.byteLength + pool.blocks.length;
  });
});

claim("Pool.reserve() and trim() leave no garbage where there is nothing to do", () => {
  const { pool } = prepare();
  assertNoGarbage(() => {
    pool.reserve(SIZE);
    pool.trim();
  });
});

// -- snapshots --

for (const checksum of [false, true]) {
  const how = checksum ? "with a checksum" : "without a checksum";

  claim(`Pool.snapshot() into an array leaves no garbage, ${how}`, () => {
    using pool = new Pool({ n: "u32" }, { chunksPerBlock: 16, maxChunks: 64 });
    pool.freeMany(pool.allocMany(40).filter((_, i) => i % 3 === 0));
    const ring = [1, 2, 3].map(() => pool.snapshot());
    const options = { checksum };
    assertNoGarbage((i) => {
      ring[i % 3] = pool.snapshot(ring[i % 3], options);
    });
  });

  claim(`ErasedPool's and PoolSet's snapshot() into an array leave no garbage, ${how}`, () => {
    const Small = struct({ n: "u16" });
    using pool = new ErasedPool({ size: 2, types: [Small], chunksPerBlock: 16, maxChunks: 64 });
    using set = new PoolSet({ sizes: [2, 4], chunksPerBlock: 16, maxChunks: 64 });
    pool.allocMany(Small, 20);
    set.allocMany(Small, 20);
    const [a, b] = [pool.snapshot(), set.snapshot()];
    const options = { checksum };
    assertNoGarbage(() => {
      sink[0] = pool.snapshot(a, options);
      sink[1] = set.snapshot(b, options);
    });
  });
}
