/**
 * `Pool`: what it does with its one struct, its handles, and what its errors say of them. What it
 * has in common with other pools is in `pool_base_test.ts`.
 *
 * @module
 */
import { assertEquals, assertStrictEquals } from "@std/assert";
import { array, Pool, ref, restore, snapshot, StaleHandleError, struct } from "../../mod.ts";
import type { HandleKind } from "../../mod.ts";
import { assertError, counters, forge, SMALL, untyped } from "../_support.ts";

const Enemy = struct({ hp: "u16" }, { name: "Enemy" });

// -- creating --

Deno.test("Pool has the struct or fields, the name and the chunks that it was given", () => {
  using a = new Pool(Enemy, { name: "enemies", chunksPerBlock: 16, maxChunks: 64 });
  using b = new Pool(Enemy);
  using c = new Pool({ x: "f32", hp: "u8" });
  assertStrictEquals(a.struct, Enemy);
  assertEquals([c.struct.size, c.struct.fields.hp.offset], [8, 4]);
  assertEquals([a.name, b.name, c.name], ["enemies", "Enemy", "pool"]);
  assertEquals([a.chunksPerBlock, a.maxChunks], [16, 64]);
});

// -- records --

Deno.test("Pool.alloc() zeroes the padding of a reused chunk", () => {
  using pool = new Pool({ a: "u8", b: "u32" }, SMALL);
  const handle = pool.alloc({ a: 1, b: 2 });
  pool.blocks[0].bytes.fill(0xff, 0, 8);
  pool.free(handle);
  pool.alloc({ a: 1, b: 2 });
  assertEquals([...pool.blocks[0].bytes.subarray(0, 8)], [1, 0, 0, 0, 2, 0, 0, 0]);
});

Deno.test("restore() takes a snapshot of the same fields with another kind of ref", () => {
  using own = new Pool({ next: ref("self"), near: array(ref("self"), 2) }, SMALL);
  using untyped = new Pool({ next: "ref", near: array("ref", 2) }, SMALL);
  const handle = own.alloc();
  own.get(handle).next = handle;
  restore(untyped, snapshot(own));
  assertEquals(untyped.get(forge(handle)).next, handle);
});

// -- handles --

Deno.test("Pool.allocMany() fills Int32Arrays and Uint32Arrays with compact handles, not with wide ones", () => {
  using pool = counters();
  using wide = counters({ ...SMALL, handles: "wide" });
  for (const Array of [Int32Array, Uint32Array]) {
    assertEquals<unknown>([...pool.allocMany(10, new Array(10))], [...pool.handles()].slice(-10));
    const call = () => wide.allocMany(3, new Array(9));
    assertError(wide, call, TypeError, "handles go into an array or Float64Array");
  }
  const call = () => pool.allocMany(3, untyped<Int32Array>(new Int16Array(9)));
  const message = "handles go into an array, Int32Array, Uint32Array or Float64Array";
  assertError(pool, call, TypeError, message);
});

// -- what StaleHandleError says --

Deno.test("Pool.free() throws StaleHandleError on a second free, with index and generations", () => {
  using pool = new Pool({ n: "u32" }, { name: "bullets", maxChunks: 1024, chunksPerBlock: 16 });
  pool.alloc();
  let handle = pool.alloc();
  for (let generation = 1; generation < 5; generation++) {
    pool.free(handle);
    handle = pool.alloc();
  }
  assertEquals<number>(handle, 5121);
  pool.free(handle);
  const message = 'Cannot free in Pool "bullets": handle 5121 (index 1, generation 5) is stale, ' +
    "the chunk is at generation 6";
  const error = assertError(pool, () => pool.free(handle), StaleHandleError, message);
  assertEquals([error.pool, error.handle], ["bullets", 5121]);
  assertEquals([error.index, error.generation, error.chunkGeneration], [1, 5, 6]);
});

Deno.test("StaleHandleError says that a chunk is retired, or beyond those that there ever were", () => {
  using pool = counters({ chunksPerBlock: 16, maxChunks: 2 ** 32, handles: "wide" });
  let handle = pool.alloc();
  // 2^32 chunks leave 21 bits of generation: the last of them is soon used up.
  for (let generation = 1; generation < 2 ** 21 - 1; generation++) {
    pool.free(handle);
    handle = pool.alloc();
  }
  pool.free(handle);
  assertEquals(pool.stats().retired, 1);
  const stale = "is stale, the chunk is retired";
  const retired = assertError(pool, () => pool.free(handle), StaleHandleError, stale);
  assertEquals([retired.index, retired.generation, retired.chunkGeneration], [0, 2 ** 21 - 1, 0]);
  const never = "(index 40, generation 1) is beyond the 16 chunks that there ever were";
  const get = () => pool.get(forge(2 ** 32 + 40));
  const beyond = assertError(pool, get, StaleHandleError, never);
  assertEquals([beyond.index, beyond.generation, beyond.chunkGeneration], [40, 1, -1]);
});

Deno.test("StaleHandleError shows what is no handle at all", () => {
  const values: [value: unknown, shown: string][] = [
    ...[1.5, NaN, Infinity, -Infinity, -5, 2 ** 60, undefined, null, true]
      .map((it): [unknown, string] => [it, String(it)]),
    ["7", '"7"'],
    [7n, "7n"],
    [Symbol("seven"), "Symbol(seven)"],
    [Object.create(null), "a value of type object"],
    [{ valueOf: () => 1 << 6 }, "a value of type object"],
    [() => 7, "a value of type function"],
  ];
  for (const handles of ["compact", "wide"] satisfies HandleKind[]) {
    using pool = counters({ chunksPerBlock: 16, maxChunks: 64, handles });
    pool.alloc();
    for (const [bad, shown] of values) {
      const message = `${shown} is not a handle of this pool`;
      const error = assertError(pool, () => pool.free(forge(bad)), StaleHandleError, message);
      assertEquals([error.index, error.generation, error.chunkGeneration], [-1, -1, -1]);
      assertStrictEquals<unknown>(error.handle, bad);
    }
  }
});
