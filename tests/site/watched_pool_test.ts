import { assert, assertEquals } from "@std/assert";
import { CHUNKS, WatchedPool } from "../../site/memory/watched_pool.ts";
import { Random } from "../_random.ts";

Deno.test("WatchedPool derives a free list that has each free chunk once, and begins where alloc takes", () => {
  const pool = new WatchedPool();
  const random = new Random(1);
  for (let i = 0; i < 3000; i++) {
    const before = pool.blocks();
    const wanted = 80 + 70 * Math.sin(i / 200);
    const call = random.below(97);
    if (call === 0 && before.length > 0) pool.freeBlock(before[0].index);
    else if (call === 1) pool.compact();
    else if (call === 2) pool.trim();
    else if (pool.size < wanted) {
      pool.alloc();
      const lowest = before.find(({ live }) => live < CHUNKS);
      const after = pool.blocks().find(({ index }) => index === lowest?.index);
      const next = lowest?.freeList[0] ?? lowest?.bump ?? 0;
      assert(lowest === undefined || after?.chunks[next] === "born", `step ${i}`);
    } else pool.free(random.below(1000) / 1000);
    for (const { chunks, freeList } of pool.blocks()) {
      const free = chunks.flatMap((it, chunk) => it === "free" || it === "died" ? [chunk] : []);
      assertEquals(freeList.toSorted((a, b) => a - b), free, `step ${i}`);
    }
  }
});
