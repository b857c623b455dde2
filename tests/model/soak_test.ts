/** A short soak, the same each time: `deno task soak` has the long ones. */
import { assertEquals } from "@std/assert";
import { BYTES } from "./_bytes.ts";
import { POOLS, Soak } from "./_soak.ts";

Deno.test("Every allocator holds what it was given through 200,000 random operations", () => {
  const soak = new Soak(20_260, [...POOLS, ...BYTES]);
  while (soak.operations < 200_000) soak.turn(200_000 - soak.operations);
  soak.end();
  assertEquals([soak.operations, soak.live], [200_000, 0]);
});
