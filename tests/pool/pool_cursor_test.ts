import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  array,
  type Handle,
  Pool,
  PoolExhaustedError,
  ref,
  StaleHandleError,
  struct,
  validate,
} from "../../mod.ts";
import { assertRefused, counters, SMALL, untyped } from "../_support.ts";

const Vec2 = struct({ x: "f32", y: "f32" }, { name: "Vec2" });
const Enemy = struct({
  pos: Vec2,
  hp: "u16",
  alive: "bool",
  color: array("u8", 4),
  trail: array(Vec2, 2),
  score: "i64",
  target: ref(Vec2),
  next: "ref",
}, { name: "Enemy" });

// -- cursors --

Deno.test("Pool.cursor() gives a view that stands nowhere", () => {
  using pool = counters();
  pool.alloc({ n: 1 });
  const cursor = pool.cursor();
  cursor.n = 5; // goes nowhere
  assertEquals([...pool].map((it) => it.n), [1]);
  assertRefused(
    pool,
    () => pool.handleOf(cursor),
    TypeError,
    "is no view of this pool, or is unbound",
  );
});

Deno.test("Pool.seek() moves a cursor from record to record, across blocks, and returns it", () => {
  using pool = counters();
  const handles = pool.allocMany(32);
  const cursor = pool.cursor();
  handles.forEach((handle, n) => {
    assertStrictEquals(pool.seek(cursor, handle), cursor);
    cursor.n = n * 2;
  });
  for (let n = 31; n >= 0; n--) assertEquals(pool.seek(cursor, handles[n]).n, n * 2);
});

Deno.test("Pool.seek() moves a view that get() gave as well", () => {
  using pool = counters();
  const [a, b] = [pool.alloc({ n: 1 }), pool.alloc({ n: 2 })];
  const view = pool.get(a);
  assertEquals(pool.seek(view, b).n, 2);
  assertEquals(pool.handleOf(view), b);
});

Deno.test("Pool.seek() throws TypeError on what is no view of its struct", () => {
  using pool = counters();
  using other = new Pool({ n: "u32" }, SMALL);
  const handle = pool.alloc();
  const message = 'Cannot seek in Pool "pool": the argument is no view of this pool\'s struct';
  for (const bad of [null, undefined, 5, {}, other.cursor()]) {
    assertRefused(pool, () => pool.seek(untyped(bad), handle), TypeError, message);
  }
});

Deno.test("Pool.seek() throws TypeError on a nested view, though it is one of this pool", () => {
  using pool = new Pool(Enemy, SMALL);
  const handle = pool.alloc();
  const view = pool.get(handle);
  assertRefused(
    pool,
    () => pool.seek(untyped(view.pos), handle),
    TypeError,
    "no view of this pool",
  );
  assertRefused(pool, () => pool.seek(untyped(view.color), handle), TypeError, "no view");
});

Deno.test("Pool.allocAt() allocates a zeroed record and moves the cursor to it", () => {
  using pool = counters();
  for (const handle of pool.allocMany(20)) pool.set(handle, { n: 0xffff_ffff });
  pool.clear();
  const cursor = pool.cursor();
  const handles = Array.from({ length: 32 }, (_, i) => {
    const handle = pool.allocAt(cursor);
    assertEquals([cursor.n, pool.handleOf(cursor)], [0, handle]);
    cursor.n = i;
    return handle;
  });
  handles.forEach((handle, i) => assertEquals(pool.get(handle).n, i));
  validate(pool);
});

Deno.test("Pool.allocAt() throws PoolExhaustedError at maxChunks and leaves the cursor", () => {
  using pool = counters();
  const handles = pool.allocMany(32);
  const cursor = pool.seek(pool.cursor(), handles[7]);
  assertRefused(pool, () => pool.allocAt(cursor), PoolExhaustedError, "all 32 chunks");
  assertEquals(pool.handleOf(cursor), handles[7]);
});

Deno.test("Pool.allocAt() throws TypeError on what is no view of its struct", () => {
  using pool = new Pool(Enemy, SMALL);
  using other = counters();
  const view = pool.get(pool.alloc());
  for (const bad of [null, undefined, 5, {}, other.cursor(), view.pos, view.color]) {
    const message = "the argument is no view of this pool's struct";
    assertRefused(pool, () => pool.allocAt(untyped(bad)), TypeError, message);
  }
});

Deno.test("Pool.handleOf() tells the handle of every kind of view", () => {
  using pool = new Pool(Enemy, SMALL);
  const handles = pool.allocMany(20);
  for (const handle of handles) {
    const view = pool.get(handle);
    assertEquals(pool.handleOf(view), handle);
    assertEquals(pool.handleOf(view.pos), handle);
    assertEquals(pool.handleOf(view.color), handle);
    assertEquals(pool.handleOf(view.trail.get(1)), handle);
    assertEquals(pool.handleOf(pool.seek(pool.cursor(), handle)), handle);
  }
  const seen: Handle<typeof Enemy>[] = [];
  for (const view of pool) seen.push(pool.handleOf(view));
  pool.forEach((view, handle) => assertEquals(pool.handleOf(view), handle));
  assertEquals(seen, handles);
});

Deno.test("Pool.handleOf() throws TypeError on what is no view of this pool", () => {
  using pool = counters();
  using other = counters();
  pool.alloc();
  const foreign = other.get(other.alloc());
  assertRefused(
    pool,
    () => pool.handleOf(foreign),
    TypeError,
    "is no view of this pool, or is unbound",
  );
  for (const bad of [null, undefined, 5, "view", {}, [], { _b: 1, _o: 0 }]) {
    assertRefused(pool, () => pool.handleOf(untyped(bad)), TypeError, "is no view");
  }
});

Deno.test("Pool.handleOf() throws StaleHandleError once the record was freed", () => {
  using pool = counters();
  const handle = pool.alloc();
  pool.alloc();
  const view = pool.get(handle);
  pool.free(handle);
  assertRefused(pool, () => pool.handleOf(view), StaleHandleError, "Cannot tell the handle");
});

Deno.test("Pool.handleOf() throws StaleHandleError once the block was given back", () => {
  using pool = counters();
  const view = pool.get(pool.alloc());
  pool.freeBlock(0);
  assertThrows(() => pool.handleOf(view), StaleHandleError);
});

Deno.test("Pool.handleOf() throws StaleHandleError once another block came in its place", () => {
  using pool = counters();
  const view = pool.get(pool.alloc());
  pool.freeBlock(0);
  pool.alloc();
  assertThrows(() => pool.handleOf(view), StaleHandleError);
});
