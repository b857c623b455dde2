import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { heapMemory, validate } from "../../mod.ts";
import { Block } from "../../src/slab/block.ts";
import { type Slab, slabs } from "../../src/slab/slab.ts";
import { createSlab } from "../_support.ts";
import { WideHandles } from "../../src/slab/handle.ts";

/** A slab of one block of any number of chunks, which the options of a pool would not allow. */
class OneBlock {
  readonly slab: Slab;
  readonly chunkCount: number;

  constructor(chunkCount: number, chunkBytes: number) {
    this.chunkCount = chunkCount;
    this.slab = createSlab({
      name: "one",
      label: 'Pool "one"',
      chunksPerBlock: chunkCount,
      maxBlocks: 1,
      firstBlock: 0,
      codec: new WideHandles(Math.ceil(Math.log2(chunkCount))),
      keepEmptyBlocks: 1,
      memory: heapMemory,
      debug: false,
    }, { chunkBytes, align: 1, tagged: false });
    slabs.set(this, [this.slab]);
  }

  get block(): Block {
    return this.slab.blocks[0];
  }

  /** Allocates until there is no chunk left; returns the handles by chunk. */
  fill(): number[] {
    const handles: number[] = [];
    for (let i = 0; i < this.chunkCount; i++) {
      const handle = this.slab.alloc();
      handles[this.slab.chunkOf(handle)] = handle;
    }
    assertEquals(this.slab.alloc(), 0);
    assertEquals([handles.length, this.slab.size], [this.chunkCount, this.chunkCount]);
    return handles;
  }
}

/** Bytes of a link that this many chunks ask for, as the design has it. */
function linkBytesFor(chunkCount: number): number {
  return chunkCount <= 256 ? 1 : chunkCount <= 65_536 ? 2 : 4;
}

/** Visits every number below `count` once, in an order that jumps about; `count` is no multiple of 7919. */
function scattered(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i * 7919 % count);
}

// -- links --

const CHUNK_COUNTS = [1, 2, 3, 31, 32, 33, 254, 255, 256, 257, 65_534, 65_535, 65_536, 65_537];
const CHUNK_BYTES = [1, 2, 3, 4, 5, 6, 7, 8, 12];

for (const chunkCount of CHUNK_COUNTS) {
  const linkBytes = linkBytesFor(chunkCount);
  for (const chunkBytes of CHUNK_BYTES.filter((it) => it >= linkBytes)) {
    Deno.test(`Block gives ${chunkCount} chunks of ${chunkBytes} bytes back newest first`, () => {
      const one = new OneBlock(chunkCount, chunkBytes);
      const handles = one.fill();
      const order = scattered(chunkCount);
      for (const chunk of order) assert(one.slab.free(handles[chunk]));
      assertEquals(one.slab.size, 0);
      validate(one);
      for (const chunk of order.reverse()) {
        const got = one.slab.chunkOf(one.slab.alloc());
        assert(got === chunk, `got chunk ${got}, expected ${chunk}`);
      }
      assertEquals(one.slab.alloc(), 0);
      validate(one);
    });
  }
}

for (const chunkCount of CHUNK_COUNTS.filter((it) => it > 2)) {
  Deno.test(`Block links the first of ${chunkCount} chunks to the last, and back`, () => {
    for (const chunkBytes of CHUNK_BYTES.filter((it) => it >= linkBytesFor(chunkCount))) {
      const one = new OneBlock(chunkCount, chunkBytes);
      const handles = one.fill();
      const last = chunkCount - 1;
      for (const chunk of [0, last, 1]) one.slab.free(handles[chunk]);
      assertEquals([one.block.readLink(1), one.block.readLink(last)], [last, 0]);
      validate(one);
      const again = [1, 2, 3].map(() => one.slab.chunkOf(one.slab.alloc()));
      assertEquals(again, [1, last, 0]);
    }
  });
}

Deno.test("Block keeps its links inside the freed chunk", () => {
  for (const [chunkCount, chunkBytes] of [[256, 1], [257, 2], [257, 3], [65_537, 4], [65_537, 5]]) {
    const one = new OneBlock(chunkCount, chunkBytes);
    const handles = one.fill();
    const bytes = one.block.bytes.fill(0xee);
    for (const chunk of [0, 5, chunkCount - 1]) one.slab.free(handles[chunk]);
    const isLink = (at: number) => {
      const chunk = Math.floor(at / chunkBytes);
      return chunk === 0 || chunk === 5 || chunk === chunkCount - 1;
    };
    assertEquals(bytes.findIndex((byte, at) => byte !== 0xee && !isLink(at)), -1);
  }
});

Deno.test("Block leaves what stands behind the link in a freed chunk", () => {
  const one = new OneBlock(16, 8);
  const [first, second] = one.fill();
  one.block.bytes.fill(0xee);
  one.slab.free(first);
  one.slab.free(second);
  assertEquals([...one.block.bytes.subarray(8, 16)], [0, 0xee, 0xee, 0xee, 0xee, 0xee, 0xee, 0xee]);
});

Deno.test("Block hands out freed chunks before fresh ones", () => {
  const one = new OneBlock(64, 4);
  const handles = Array.from({ length: 10 }, () => one.slab.alloc());
  for (const at of [3, 7, 1]) one.slab.free(handles[at]);
  const chunks = Array.from({ length: 5 }, () => one.slab.chunkOf(one.slab.alloc()));
  assertEquals(chunks, [1, 7, 3, 10, 11]);
  assertEquals([one.block.bump, one.block.live], [12, 12]);
  validate(one);
});

Deno.test("Block's free list works when some chunks were never used", () => {
  const one = new OneBlock(257, 3);
  let handles: number[] = [];
  for (let round = 1; round <= 40; round++) {
    for (let i = 0; i < round; i++) handles.push(one.slab.alloc());
    for (const handle of handles.filter((_, i) => i % 3 !== 0)) one.slab.free(handle);
    handles = handles.filter((_, i) => i % 3 === 0);
    validate(one);
    assertEquals(one.slab.size, handles.length);
  }
});

// -- live bits --

function blockOf(chunkCount: number): Block {
  const geometry = {
    chunkBytes: 4,
    align: 4,
    chunkCount,
    stampBytes: 2,
    arrays: 0,
    tagged: false,
    spread: false,
    firstBlock: 0,
    firstHandle: 0,
    owner: {
      epochAt: () => NaN,
      viewError: () => new Error(),
      detachedError: () => new Error(),
    },
  } as const;
  return new Block(0, geometry, heapMemory.allocate(chunkCount * 4, 8));
}

function setLive(block: Block, chunks: Iterable<number>): void {
  for (const chunk of chunks) block.liveBits[chunk >> 5] |= 1 << (chunk & 31);
}

Deno.test("Block.nextLive() finds each live chunk, wherever it stands in a word", () => {
  for (let chunk = 0; chunk < 128; chunk++) {
    const block = blockOf(128);
    block.bump = 128;
    setLive(block, [chunk]);
    for (const from of [0, chunk >> 1, chunk]) assertEquals(block.nextLive(from), chunk);
    assert(block.nextLive(chunk + 1) >= block.bump);
  }
});

Deno.test("Block.nextLive() finds the last chunk below the bump mark, wherever that stands", () => {
  const block = blockOf(128);
  for (let bump = 1; bump <= 128; bump++) {
    block.bump = bump;
    block.liveBits.fill(0);
    setLive(block, [bump - 1]);
    for (const from of [0, bump >> 1, bump - 1]) assertEquals(block.nextLive(from), bump - 1);
  }
});

Deno.test("Block.nextLive() finds what a look at every bit finds", () => {
  const cases = fc.integer({ min: 1, max: 200 }).chain((chunkCount) =>
    fc.record({
      chunkCount: fc.constant(chunkCount),
      bump: fc.nat(chunkCount),
      live: fc.array(fc.nat(chunkCount), { maxLength: 200 }),
      from: fc.nat(chunkCount + 3),
    })
  );
  fc.assert(fc.property(cases, ({ chunkCount, bump, live, from }) => {
    const block = blockOf(chunkCount);
    block.bump = bump;
    const below = live.filter((chunk) => chunk < bump);
    setLive(block, below);
    const expected = Math.min(...below.filter((chunk) => chunk >= from));
    const found = block.nextLive(from);
    if (expected === Infinity) assert(found >= bump);
    else assertEquals(found, expected);
  }));
});

Deno.test("Block has one live bit a chunk, rounded up to words of 32", () => {
  const words = [1, 31, 32, 33, 64, 65].map((count) => blockOf(count).liveBits.length);
  assertEquals(words, [1, 1, 1, 2, 2, 3]);
});
