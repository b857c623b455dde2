import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import fc from "fast-check";
import { NULL_HANDLE, Pool } from "../../mod.ts";
import { CompactHandles, type HandleCodec, WHOLE, WideHandles } from "../../src/slab/handle.ts";
import { untyped } from "../_support.ts";

interface Kind {
  readonly name: string;
  readonly Codec: typeof CompactHandles | typeof WideHandles;
  readonly maxIndexBits: number;
  /** Every handle is below 2 to this power. */
  readonly handleBits: number;
}

const KINDS: readonly Kind[] = [
  { name: "CompactHandles", Codec: CompactHandles, maxIndexBits: 22, handleBits: 30 },
  { name: "WideHandles", Codec: WideHandles, maxIndexBits: 32, handleBits: 53 },
];

/** What is no handle, and looks like none. */
const NO_HANDLES: readonly unknown[] = [
  NaN,
  Infinity,
  -Infinity,
  0.5,
  1.5,
  -1,
  -64,
  -(2 ** 31),
  -(2 ** 53),
  64.000001,
  2 ** 53,
  2 ** 60,
  1e300,
  "64",
  "",
  undefined,
  null,
  true,
  {},
  [64],
];

function isLiveStamp(codec: HandleCodec, stamp: number): boolean {
  const generation = (stamp - 1) / 2;
  return Number.isInteger(generation) && generation >= 1 && generation <= codec.maxGeneration;
}

// -- null --

Deno.test("NULL_HANDLE is 0, and no codec makes it", () => {
  assertStrictEquals<number>(NULL_HANDLE, 0);
  for (const { Codec } of KINDS) {
    const codec = new Codec(4);
    assert(codec.encode(0, 3) > 0);
    assert(!isLiveStamp(codec, codec.liveStamp(NULL_HANDLE)));
    assert(!isLiveStamp(codec, codec.liveStamp(-0)));
  }
});

for (const { name, Codec, maxIndexBits, handleBits } of KINDS) {
  // -- bijection --

  Deno.test(`${name} gives index and generation back, for any of them`, () => {
    const parts = fc.nat(maxIndexBits).chain((bits) => {
      const codec = new Codec(bits);
      return fc.tuple(
        fc.constant(codec),
        fc.maxSafeInteger().map((it) => Math.abs(it) % 2 ** bits),
        fc.maxSafeInteger().map((it) => Math.abs(it) % codec.maxGeneration + 1),
      );
    });
    fc.assert(fc.property(parts, ([codec, index, generation]) => {
      const handle = codec.encode(index, generation * 2 + 1);
      assert(Number.isInteger(handle) && handle > 0 && handle < 2 ** handleBits);
      assertEquals(codec.index(handle), index);
      assertEquals(codec.liveStamp(handle), generation * 2 + 1);
    }));
  });

  Deno.test(`${name} makes each handle of 3 + 3 bits once, and accepts no other integer`, () => {
    const codec = new Codec(3, WHOLE, 3);
    const made = new Set<number>();
    for (let index = 0; index < 8; index++) {
      for (let generation = 1; generation <= 7; generation++) {
        made.add(codec.encode(index, generation * 2 + 1));
      }
    }
    assertEquals(made.size, 56);
    for (let handle = -1000; handle < 1000; handle++) {
      assertEquals(isLiveStamp(codec, codec.liveStamp(handle)), made.has(handle));
    }
  });

  Deno.test(`${name} holds the first and the last of every number of bits`, () => {
    for (let bits = 0; bits <= maxIndexBits; bits++) {
      const codec = new Codec(bits);
      const { maxGeneration } = codec;
      const generations = [1, 2, 127, 128, 255, 256, maxGeneration - 1, maxGeneration];
      for (const generation of generations.filter((it) => it <= maxGeneration)) {
        for (const index of [0, 2 ** bits - 1]) {
          const handle = codec.encode(index, generation * 2 + 1);
          assertEquals(handle, generation * 2 ** bits + index);
          assertEquals(codec.index(handle), index);
          assertEquals(codec.liveStamp(handle), generation * 2 + 1);
        }
      }
    }
  });

  Deno.test(`${name} has stamps that fit in their bytes`, () => {
    for (let bits = 0; bits <= maxIndexBits; bits++) {
      const codec = new Codec(bits);
      assert(codec.maxGeneration * 2 + 1 < 2 ** (8 * codec.stampBytes));
      assertEquals(codec.indexBits, bits);
    }
  });

  Deno.test(`${name} makes the same handle of a live and of a free stamp`, () => {
    const codec = new Codec(5);
    assertEquals(codec.encode(3, 8), codec.encode(3, 9));
  });

  // -- what is no handle --

  Deno.test(`${name} gives what is no handle a stamp that no live chunk has`, () => {
    for (let bits = 0; bits <= maxIndexBits; bits++) {
      const codec = new Codec(bits);
      for (const value of NO_HANDLES) {
        assert(!isLiveStamp(codec, codec.liveStamp(untyped(value))), `${bits} bits, ${value}`);
      }
    }
  });

  Deno.test(`${name} gives no number but a handle a stamp that a live chunk has`, () => {
    const numbers = fc.tuple(fc.nat(maxIndexBits), fc.oneof(fc.double(), fc.maxSafeInteger()));
    fc.assert(fc.property(numbers, ([bits, number]) => {
      const codec = new Codec(bits);
      const stamp = codec.liveStamp(number);
      if (!isLiveStamp(codec, stamp)) return;
      assertEquals(codec.encode(codec.index(number), stamp), number);
    }));
  });

  Deno.test(`${name} gives what is no integer in range the stamp -1`, () => {
    const codec = new Codec(6);
    for (const value of NO_HANDLES) {
      assertEquals(codec.liveStamp(untyped(value)), -1, `of ${String(value)}`);
    }
  });

  Deno.test(`${name} reads an index in range from any number`, () => {
    const numbers = fc.tuple(fc.nat(maxIndexBits), fc.oneof(fc.double(), fc.maxSafeInteger()));
    fc.assert(fc.property(numbers, ([bits, number]) => {
      const index = new Codec(bits).index(number);
      assert(Number.isInteger(index) && index >= 0 && index < 2 ** bits);
    }));
  });
}

// -- parts --

for (const { name, Codec, maxIndexBits, handleBits } of KINDS) {
  /** A codec for each part. */
  const partsOf = (bits: number, indexBits: number) =>
    Array.from({ length: 1 << bits }, (_, part) => new Codec(indexBits, { bits, part }));

  Deno.test(`${name} gives index and generation back in any part, at the edges`, () => {
    for (const bits of [1, 2, 3, 6, 8]) {
      for (const indexBits of [0, 4, maxIndexBits - bits]) {
        for (const [part, codec] of partsOf(bits, indexBits).entries()) {
          for (const index of new Set([0, 2 ** indexBits - 1])) {
            for (const generation of [1, 2, codec.maxGeneration]) {
              const handle = codec.encode(codec.first + index, generation * 2 + 1);
              assert(Number.isInteger(handle) && handle > 0 && handle < 2 ** handleBits);
              assertEquals(codec.index(handle), index);
              assertEquals(codec.liveStamp(handle), generation * 2 + 1);
              assertEquals(codec.partOf(handle), part);
            }
          }
        }
      }
    }
  });

  Deno.test(`${name} of different parts never make the same handle, nor take each other's`, () => {
    const codecs = [0, 1, 2, 3].map((part) => new Codec(2, { bits: 2, part }, 2));
    const made = new Set<number>();
    for (const codec of codecs) {
      for (let index = 0; index < 4; index++) {
        for (let generation = 1; generation <= 3; generation++) {
          const handle = codec.encode(codec.first + index, generation * 2 + 1);
          made.add(handle);
          for (const other of codecs) {
            assertEquals(other.liveStamp(handle), other === codec ? generation * 2 + 1 : -1);
            assertEquals(codecs[other.partOf(handle)], codec);
          }
        }
      }
    }
    assertEquals(made.size, 4 * 4 * 3);
  });

  Deno.test(`${name} of a part takes no number but its own handles`, () => {
    const numbers = fc.tuple(
      fc.integer({ min: 0, max: 6 }).chain((bits) =>
        fc.tuple(fc.constant(bits), fc.nat((1 << bits) - 1))
      ),
      fc.nat(maxIndexBits - 6),
      fc.oneof(fc.double(), fc.maxSafeInteger(), fc.nat(2 ** 30 - 1)),
    );
    fc.assert(fc.property(numbers, ([[bits, part], indexBits, number]) => {
      const codec = new Codec(indexBits, { bits, part });
      const stamp = codec.liveStamp(number);
      if (!isLiveStamp(codec, stamp)) return;
      assertEquals(codec.encode(codec.first + codec.index(number), stamp), number);
      assertEquals(codec.partOf(number), part);
    }));
  });

  Deno.test(`${name} of a part gives what is no integer in range the stamp -1`, () => {
    for (const [part, codec] of partsOf(3, 6).entries()) {
      for (const value of NO_HANDLES) {
        assertEquals(codec.liveStamp(untyped(value)), -1, `of ${String(value)}, part ${part}`);
      }
      const handle = codec.encode(codec.first + 5, 3);
      for (const bad of [String(handle), handle / 2 + 0.25, handle + 2 ** handleBits, -handle]) {
        assertEquals(codec.liveStamp(untyped(bad)), -1, `of ${bad}, part ${part}`);
      }
    }
  });

  Deno.test(`${name} tells no part that there is of what is no handle, or refuses it there`, () => {
    const codecs = partsOf(3, 6);
    for (const value of [...NO_HANDLES, 0, -0, 2 ** handleBits]) {
      const codec = codecs[codecs[0].partOf(untyped(value))];
      const stamp = codec?.liveStamp(untyped(value)) ?? -1;
      assert(!isLiveStamp(codecs[0], stamp), String(value));
    }
  });

  Deno.test(`${name} gives the part its bits, and leaves the generation the rest`, () => {
    const whole = new Codec(4);
    assertEquals([whole.first, whole.partOf(whole.encode(3, 3))], [0, 0]);
    const part = new Codec(4, { bits: 8, part: 255 });
    assertEquals(part.first, 255 * 2 ** (handleBits - 8));
    const most = name === "CompactHandles" ? [15, 14, 11, 7] : [30, 30, 30, 30];
    const generationBits = [0, 8, 11, 15].map((indexBits) =>
      Math.log2(new Codec(indexBits, { bits: 8, part: 1 }).maxGeneration + 1)
    );
    assertEquals(generationBits, most);
  });
}

Deno.test("WideHandles of a part leave the generation what 53 bits leave", () => {
  const generationBits = [15, 16, 20, 26, 32].map((indexBits) =>
    Math.log2(new WideHandles(indexBits, { bits: 6, part: 1 }).maxGeneration + 1)
  );
  assertEquals(generationBits, [30, 30, 27, 21, 15]);
});

// -- generations --

Deno.test("CompactHandles give the generation what the index leaves of 30 bits, at most 15", () => {
  const bits = [0, 4, 15, 16, 20, 22];
  const generations = bits.map((it) => new CompactHandles(it).maxGeneration);
  assertEquals(generations, [32_767, 32_767, 32_767, 16_383, 1023, 255]);
  assertEquals(new CompactHandles(4).wraps, true);
  assertEquals(new CompactHandles(2, WHOLE, 2).maxGeneration, 3);
});

Deno.test("WideHandles give the generation what the index leaves of 53 bits, at most 30", () => {
  const bits = [0, 20, 22, 23, 32];
  const generations = bits.map((it) => new WideHandles(it).maxGeneration);
  assertEquals(generations, [2 ** 30 - 1, 2 ** 30 - 1, 2 ** 30 - 1, 2 ** 30 - 1, 2 ** 21 - 1]);
  assertEquals(new WideHandles(4).wraps, false);
  assertEquals(new WideHandles(2, WHOLE, 2).maxGeneration, 3);
});

for (const handles of ["compact", "wide"] as const) {
  Deno.test(`Pool's handles pass generations 127, 128, 255 and 256 (${handles})`, () => {
    using pool = new Pool({ n: "u8" }, { chunksPerBlock: 16, maxChunks: 16, handles });
    pool.alloc();
    for (let generation = 1; generation <= 300; generation++) {
      const handle = pool.alloc();
      assertEquals<number>(handle, generation * 16 + 1);
      assert(pool.has(handle));
      pool.free(handle);
      assert(!pool.has(handle));
    }
  });
}

Deno.test("Pool's compact handles start again after generation 32,767", () => {
  using pool = new Pool({ n: "u8" }, { chunksPerBlock: 16, maxChunks: 16 });
  for (let generation = 1; generation <= 32_767; generation++) {
    const handle = pool.alloc();
    assert(handle === generation * 16, `generation ${generation} has handle ${handle}`);
    pool.free(handle);
    assert(!pool.has(handle));
  }
  assertEquals<number>(pool.alloc(), 16);
});
