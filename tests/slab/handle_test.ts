import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import fc from "fast-check";
import { NULL_HANDLE, Pool } from "../../mod.ts";
// No pool shows its codec, and the options allow few numbers of bits.
import { CompactHandles, WHOLE, WideHandles } from "../../src/slab/handle.ts";

const KINDS = [
  { name: "CompactHandles", Codec: CompactHandles, maxIndexBits: 22, handleBits: 30 },
  { name: "WideHandles", Codec: WideHandles, maxIndexBits: 32, handleBits: 53 },
] as const;

/** Any number below a bound, often one at an edge. */
function below(end: number): fc.Arbitrary<number> {
  const any = fc.maxSafeInteger().map((it) => Math.abs(it) % end);
  return fc.oneof(fc.constantFrom(0, end - 1, Math.floor(end / 2)), any);
}

for (const { name, Codec, maxIndexBits, handleBits } of KINDS) {
  /** A codec of any number of bits, and its part. */
  const codecs = fc.nat(6).chain((bits) =>
    fc.tuple(fc.nat(2 ** bits - 1), fc.nat(maxIndexBits - bits)).map(([part, indexBits]) => ({
      codec: new Codec(indexBits, { bits, part }),
      part,
    }))
  );

  Deno.test(`${name} gives index, generation and part back, for any of them`, () => {
    const cases = codecs.chain(({ codec, part }) =>
      fc.tuple(
        ...[fc.constant(codec), fc.constant(part), below(2 ** codec.indexBits)] as const,
        below(codec.maxGeneration).map((it) => it + 1),
      )
    );
    fc.assert(fc.property(cases, ([codec, part, index, generation]) => {
      const handle = codec.encode(codec.first + index, generation * 2 + 1);
      assert(Number.isInteger(handle) && handle > 0 && handle < 2 ** handleBits);
      assertEquals(handle, codec.first + generation * 2 ** codec.indexBits + index);
      assertEquals(codec.encode(codec.first + index, generation * 2), handle, "of a free stamp");
      assertEquals(codec.index(handle), index);
      assertEquals(codec.liveStamp(handle), generation * 2 + 1);
      assertEquals(codec.partOf(handle), part);
      assert(codec.maxGeneration * 2 + 1 < 2 ** (8 * codec.stampBytes));
    }));
  });

  Deno.test(`${name} accepts no number but its own handles, and reads an index in range from any`, () => {
    const numbers = fc.oneof(fc.double(), fc.maxSafeInteger(), fc.nat(2 ** 30 - 1));
    const near = fc.integer({ min: -100, max: 200 });
    fc.assert(fc.property(codecs, numbers, near, ({ codec, part }, any, near) => {
      for (const number of [any, codec.first + near]) {
        const index = codec.index(number);
        assert(Number.isInteger(index) && index >= 0 && index < 2 ** codec.indexBits);
        const stamp = codec.liveStamp(number);
        if (!Number.isInteger(number)) assertEquals(stamp, -1);
        const isLive = stamp % 2 === 1 && stamp >= 3 && stamp <= codec.maxGeneration * 2 + 1;
        if (!isLive) continue;
        assertEquals(codec.encode(codec.first + index, stamp), number);
        assertEquals(codec.partOf(number), part);
      }
    }));
  });
}

Deno.test("The generation has the bits that index and part leave, 15 at most or 30", () => {
  const bits = (Codec: typeof CompactHandles | typeof WideHandles, bits: number) =>
    [0, 4, 16, 22].map((it) => Math.log2(new Codec(it, { bits, part: 0 }).maxGeneration + 1));
  assertEquals(bits(CompactHandles, 0), [15, 15, 14, 8]);
  assertEquals(bits(CompactHandles, 6), [15, 15, 8, 2]);
  assertEquals(bits(WideHandles, 0), [30, 30, 30, 30]);
  assertEquals(bits(WideHandles, 11), [30, 30, 26, 20]);
  assertEquals(new WideHandles(32).maxGeneration, 2 ** 21 - 1);
  assertEquals(KINDS.map(({ Codec }) => new Codec(2, WHOLE, 2).maxGeneration), [3, 3]);
  assertEquals(KINDS.map(({ Codec }) => new Codec(4).wraps), [true, false]);
});

// -- of a pool; what is no handle at all is rejected in `tests/pool/pool_base_test.ts` --

Deno.test("NULL_HANDLE is 0, compact handles start again after generation 32,767, and wide ones go on", () => {
  assertStrictEquals<number>(NULL_HANDLE, 0);
  for (const [handles, last] of [["compact", 32_767], ["wide", 2 ** 30 - 1]] as const) {
    using pool = new Pool({ n: "u8" }, { chunksPerBlock: 16, maxChunks: 16, handles });
    for (let i = 0; i < 70_000; i++) {
      const handle = pool.alloc();
      const generation = i % last + 1;
      assert(handle === generation * 16, `generation ${generation} has handle ${handle}`);
      pool.free(handle);
      assert(!pool.has(handle));
    }
  }
});
