/** Bytes of another realm: those of a `Buffer` are in Jest, which runs tests in contexts of `node:vm`. */
import { runInNewContext } from "node:vm";
import { assertEquals, assertStrictEquals } from "@std/assert";
import { load, restore, save, snapshot } from "../../mod.ts";
import { counters } from "../_support.ts";

Deno.test("Snapshots and saves are read from bytes of another realm, and written to them", () => {
  using pool = counters();
  pool.alloc({ n: 7 });
  const foreign = runInNewContext("(bytes) => Uint8Array.from(bytes)");
  const into = foreign(new Uint8Array(4096));
  assertStrictEquals(snapshot(pool, into), into);
  restore(pool, foreign(snapshot(pool)));
  load(pool, foreign(save(pool)));
  assertEquals(Array.from(pool, ({ n }) => n), [7]);
});
