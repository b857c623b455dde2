import { assert, assertEquals } from "@std/assert";
import { Pool, validate } from "../../mod.ts";
// Options of pools do not allow these numbers of chunks.
import { WideHandles } from "../../src/slab/handle.ts";
import type { Slab } from "../../src/slab/slab.ts";
import { createSlab } from "../_support.ts";

/** A slab of one block, for `validate`, and the handles of all its chunks by chunk. */
function fullBlock(chunkCount: number, chunkBytes: number): { slab: Slab; handles: number[] } {
  const codec = new WideHandles(Math.ceil(Math.log2(chunkCount)));
  const slab = createSlab({ chunksPerBlock: chunkCount, maxBlocks: 1, codec }, { chunkBytes });
  const handles = Array.from({ length: chunkCount }, () => slab.alloc());
  assertEquals([slab.size, slab.alloc()], [chunkCount, 0]);
  return { slab, handles };
}

/** Chunks at the edges of words of live bits, and of links of 1 and 2 bytes. */
const CHUNK_COUNTS = [1, 2, 3, 31, 32, 33, 255, 256, 257, 65_535, 65_536];

for (const chunkCount of CHUNK_COUNTS) {
  const linkBytes = chunkCount <= 256 ? 1 : 2;
  const sizes = [1, 2, 3, 4, 5, 6, 8, 12].filter((it) => it >= linkBytes);

  Deno.test(`${chunkCount} chunks come back newest first, through links of ${linkBytes} bytes`, () => {
    for (const chunkBytes of sizes) {
      const { slab, handles } = fullBlock(chunkCount, chunkBytes);
      // Each chunk once, in an order that jumps about: no count is a multiple of 7919.
      const order = Array.from({ length: chunkCount }, (_, i) => i * 7919 % chunkCount);
      const bytes = slab.blocks[0].bytes.fill(0xee);
      for (const chunk of order) assert(slab.free(handles[chunk]));
      const written = bytes.findIndex((it, at) => at % chunkBytes >= linkBytes && it !== 0xee);
      assertEquals(written, -1, "a byte past a link was written");
      validate(slab);
      for (const chunk of order.reverse()) {
        const got = slab.chunkOf(slab.alloc());
        assert(got === chunk, `got chunk ${got}, expected ${chunk}`);
      }
      assertEquals(slab.alloc(), 0);
      validate(slab);
    }
  });
}

Deno.test("Pool gives out freed chunks before those that were never used", () => {
  using pool = new Pool({ n: "u32" }, { chunksPerBlock: 64 });
  const handles = pool.allocMany(10);
  for (const at of [3, 7, 1]) pool.free(handles[at]);
  assertEquals(pool.allocMany(5).map((it) => pool.indexOf(it)), [1, 7, 3, 10, 11]);
});
