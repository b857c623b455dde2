/** A short soak, the same each time: `deno task soak` has the long ones. */
import { assertEquals } from "@std/assert";
import { BYTES } from "./_byte_subject.ts";
import { POOLS } from "./_pool_subject.ts";
import { Soak } from "./_soak.ts";

Deno.test("Every allocator holds what it was given through 250,000 random operations", () => {
  const soak = new Soak(20_260, [...POOLS, ...BYTES]);
  soak.run(250_000);
  assertEquals([soak.operations, soak.live], [250_000, 0]);
});
