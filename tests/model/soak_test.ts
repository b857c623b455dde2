/** A short soak, the same each time: `deno task soak` has the long ones. */
import { assertEquals } from "@std/assert";
import { POOLS } from "./_pool_subject.ts";
import { Soak } from "./_soak.ts";

Deno.test("Every pool holds what it was given through 100,000 random operations", () => {
  const soak = new Soak(20_260, POOLS);
  soak.run(100_000);
  assertEquals([soak.operations, soak.live], [100_000, 0]);
});
