/** A short soak, the same each time: `deno task soak` has the long ones. */
import { assertEquals } from "@std/assert";
import { BYTES } from "./_bytes.ts";
import { POOLS, soak } from "./_soak.ts";

Deno.test("Every allocator holds what it was given through 200,000 random operations", () => {
  const tally = soak(20_260, [...POOLS, ...BYTES], 200_000);
  assertEquals([...tally.values()].reduce((sum, times) => sum + times), 200_000);
});
