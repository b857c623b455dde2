/** Snapshots that are bad: each is refused, says why, and leaves the pool as it was. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  array,
  ErasedPool,
  OutOfMemoryError,
  Pool,
  type PoolOptions,
  PoolSet,
  SnapshotError,
  struct,
  validate,
} from "../../mod.ts";
import { slabs } from "../../src/slab/slab.ts";
import { drop } from "../_debug.ts";
import { type Face, FACES } from "../_faces.ts";
import {
  assertSameBytes,
  Body,
  contentOf,
  randomOf,
  SNAPPED,
  stateful,
  STATES,
} from "./_snapshots.ts";
import { assertRefused, forge, stateOf, type Watched } from "../_support.ts";
import { Ledger } from "../_ledger.ts";

const faces = Object.entries(FACES);

/** Asserts that a pool with records of its own refuses bytes, and stays as it was. */
function assertBad(face: Face, bytes: Uint8Array, problem: string, at?: number): void {
  const { label, name } = slabs.get(face.pool)![0]; // every pool has a slab
  const error = assertRefused(
    face.pool,
    () => face.pool.restore(bytes),
    SnapshotError,
    `Cannot restore ${label} from the snapshot: ${problem}`,
  );
  assertEquals([error.name, error.pool], ["SnapshotError", name]);
  if (at !== undefined) assertEquals(error.byteOffset, at);
  assert(error.message.endsWith(` (at byte ${error.byteOffset})`), error.message);
}

/** A snapshot without a checksum, some words of which are others. */
function withWords(face: Face, words: Record<number, number>, checksum = false): Uint8Array {
  const bytes = face.pool.snapshot(undefined, { checksum });
  const all = new Int32Array(bytes.buffer);
  for (const [at, word] of Object.entries(words)) all[Number(at)] = word;
  return bytes;
}

// -- the envelope --

Deno.test("Pool.restore() refuses bytes that are no snapshot", () => {
  const face = stateful(FACES.Pool, "holes");
  const text = new TextEncoder().encode("This is not the snapshot that you are looking for.");
  for (const bytes of [text, new Uint8Array(100), new Uint8Array(1000).fill(255)]) {
    assertBad(face, bytes, "it is no snapshot of this module", 0);
  }
});

Deno.test("Pool.restore() refuses what is shorter than a header", () => {
  const face = stateful(FACES.Pool, "holes");
  const saved = face.pool.snapshot();
  for (const length of [0, 1, 4, 31]) {
    assertBad(
      face,
      saved.subarray(0, length),
      `it is cut off: ${length} bytes, fewer than the 32`,
      length,
    );
  }
});

Deno.test("Pool.restore() refuses every cut of a snapshot, with a checksum or without", () => {
  for (const checksum of [true, false]) {
    const face = stateful(FACES.PoolSet, "one record");
    const saved = face.pool.snapshot(undefined, { checksum });
    const before = stateOf(face.pool);
    for (let length = 32; length < saved.length; length++) {
      const error = assertThrows(() => face.pool.restore(saved.slice(0, length)), SnapshotError);
      assertEquals(
        error.message.includes(`it is cut off: ${length} of ${saved.length} bytes`),
        true,
      );
      assertEquals(error.byteOffset, length);
    }
    assertEquals(stateOf(face.pool), before);
  }
});

Deno.test("Pool.restore() refuses a snapshot of the other byte order", () => {
  for (const checksum of [true, false]) {
    const face = stateful(FACES.Pool, "holes");
    const bytes = face.pool.snapshot(undefined, { checksum });
    const words = new DataView(bytes.buffer);
    for (let at = 0; at < bytes.length; at += 4) words.setUint32(at, words.getUint32(at), true);
    assertBad(face, bytes, "it is from a machine of the other byte order", 0);
  }
});

Deno.test("Pool.restore() refuses a snapshot of another version", () => {
  const face = stateful(FACES.Pool, "holes");
  for (const version of [0, 1, 3, -1]) {
    for (const checksum of [true, false]) {
      const bytes = withWords(face, { 1: version }, checksum);
      assertBad(face, bytes, `it is of version ${version}, this one reads 2`, 4);
    }
  }
});

Deno.test("Pool.restore() refuses a length that no snapshot has", () => {
  const face = stateful(FACES.Pool, "holes");
  const { length } = face.pool.snapshot();
  for (const wrong of [0, 8, 24, 28, length - 4, length - 1, length + 2]) {
    assertBad(
      face,
      withWords(face, { 6: wrong }),
      `its length of ${wrong} bytes is impossible`,
      24,
    );
  }
  for (const [low, high] of [[length + 8, 0], [length, 1], [-8, 0], [length, -1]]) {
    assertBad(face, withWords(face, { 6: low, 7: high }), "it is cut off: ", length);
  }
  for (const less of [8, 16, length - 32]) {
    assertBad(face, withWords(face, { 6: length - less }), "it ends after ");
  }
});

Deno.test("Pool.restore() refuses a snapshot with bytes between its end and its last section", () => {
  const face = stateful(FACES.Pool, "holes");
  const saved = face.pool.snapshot(undefined, { checksum: false });
  const longer = new Uint8Array(saved.length + 16);
  longer.set(saved);
  new Int32Array(longer.buffer)[6] = longer.length;
  assertBad(face, longer, "16 bytes are left over", saved.length);
});

Deno.test("Pool.restore() refuses another number of sections", () => {
  const face = stateful(FACES.Pool, "holes");
  for (const sections of [0, 2]) {
    assertBad(face, withWords(face, { 5: sections }), "it is of another layout", 8);
  }
});

Deno.test("Pool.restore() refuses a checksum mark that is neither of the two", () => {
  const face = stateful(FACES.Pool, "holes");
  assertBad(face, withWords(face, { 3: 0 }), "its header is corrupt", 12);
  assertBad(face, withWords(face, { 4: 1 }), "its header is corrupt", 12);
  const marks = new Int32Array(face.pool.snapshot(undefined, { checksum: false }).buffer);
  assertBad(face, withWords(face, { 3: marks[3] }, true), "its header is corrupt", 12);
});

Deno.test("Pool.restore() refuses a wrong checksum", () => {
  const face = stateful(FACES.Pool, "holes");
  const [, , , , sum] = new Int32Array(face.pool.snapshot().buffer);
  for (const wrong of [0, sum + 1, ~sum]) {
    assertBad(
      face,
      withWords(face, { 4: wrong }, true),
      "its checksum does not fit its bytes, some of which were changed",
      16,
    );
  }
});

Deno.test("Every word of a snapshot counts for its checksum, and so does its place", () => {
  const face = stateful(FACES.PoolSet, "holes");
  const saved = face.pool.snapshot();
  const words = new Int32Array(saved.buffer);
  const sums = new Set<number>();
  for (let at = 8; at < words.length; at++) {
    words[at] ^= 1 << (at & 31);
    const { message } = assertThrows(() => face.pool.restore(saved), SnapshotError);
    assert(message.includes("its checksum does not fit"), message);
    words[at] ^= 1 << (at & 31);
  }
  // The sum itself, of a pool whose one record holds a single bit.
  using pool = new Pool({ bits: array("u32", 16) }, { chunksPerBlock: 16 });
  const handle = pool.alloc();
  for (let at = 0; at < 16; at++) {
    for (let bit = 0; bit < 32; bit++) {
      pool.set(handle, {
        bits: Array.from({ length: 16 }, (_, i) => i === at ? (1 << bit) >>> 0 : 0),
      });
      sums.add(new Int32Array(pool.snapshot().buffer)[4]);
    }
  }
  assertEquals(sums.size, 512);
  const all = [...sums];
  assertEquals([all.reduce((a, b) => a | b), all.reduce((a, b) => a & b)], [-1, 0]);
});

Deno.test("20,000 snapshots that differ in one number have 20,000 checksums", () => {
  using pool = new Pool({ n: "u32" }, { chunksPerBlock: 16, maxChunks: 16 });
  const view = pool.get(pool.alloc());
  const saved = pool.snapshot();
  const sums = new Set<number>();
  for (let n = 0; n < 20_000; n++) {
    view.n = n * 7919;
    sums.add(new Int32Array(pool.snapshot(saved).buffer)[4]);
  }
  assertEquals(sums.size, 20_000);
});

// -- the layout --

interface Saved {
  snapshot(): Uint8Array;
  restore(bytes: Uint8Array): void;
  save(): Uint8Array;
  load(bytes: Uint8Array): unknown;
  // deno-lint-ignore no-explicit-any -- pools of several structs are told one
  cursor(...args: any[]): unknown;
}

const OTHERS: [string, () => Saved][] = [
  ["of another type", () => new Pool({ n: "i32", tail: array("u8", 2) }, SNAPPED)],
  ["of another name", () => new Pool({ m: "u32", tail: array("u8", 2) }, SNAPPED)],
  ["of another length", () => new Pool({ n: "u32", tail: array("u8", 3) }, SNAPPED)],
  ["of another element", () => new Pool({ n: "u32", tail: array("i8", 2) }, SNAPPED)],
  ["in another order", () => new Pool({ tail: array("u8", 2), n: "u32" }, SNAPPED)],
  ["of a field less", () => new Pool({ n: "u32" }, SNAPPED)],
  ["of a nested field", () => new Pool({ n: struct({ n: "u32" }), tail: array("u8", 2) }, SNAPPED)],
  ["of a nested struct", () => new Pool({ a: struct({ b: "u32" }) }, SNAPPED)],
  ["of another nested struct", () => new Pool({ a: struct({ b: "f32" }) }, SNAPPED)],
  ["of C's layout", () => new Pool(struct({ a: "u16", b: "u32" }), SNAPPED)],
  [
    "of compact layout",
    () => new Pool(struct({ a: "u16", b: "u32" }, { layout: "compact" }), SNAPPED),
  ],
  ["of other blocks", () => new Pool(Body, { ...SNAPPED, chunksPerBlock: 32 })],
  ["of more chunks", () => new Pool(Body, { ...SNAPPED, maxChunks: 128 })],
  ["of wide handles", () => new Pool(Body, { ...SNAPPED, handles: "wide" })],
  ["of debug mode", () => new Pool(Body, { ...SNAPPED, maxChunks: 1 << 20, debug: true })],
  ["of an ErasedPool", () => new ErasedPool({ ...SNAPPED, size: 8, align: 4 })],
  [
    "of an ErasedPool with types",
    () => new ErasedPool({ ...SNAPPED, size: 8, align: 4, types: [Body] }),
  ],
  ["of another alignment", () => new ErasedPool({ ...SNAPPED, size: 8 })],
  ["of another size", () => new ErasedPool({ ...SNAPPED, size: 12, align: 4 })],
  ["of a PoolSet", () => new PoolSet({ ...SNAPPED, sizes: [8] })],
  ["of a PoolSet of two classes", () => new PoolSet({ ...SNAPPED, sizes: [4, 8] })],
  ["of a PoolSet of two other classes", () => new PoolSet({ ...SNAPPED, sizes: [8, 16] })],
];

Deno.test("restore() refuses the snapshot of a pool of another layout, and takes that of its own", () => {
  const pools = OTHERS.map(([, make]) => make());
  pools.push(new Pool(Body, SNAPPED));
  const names = [...OTHERS.map(([name]) => name), "its own"];
  pools.forEach((pool, i) => {
    pools.forEach((other, j) => {
      const saved = other.snapshot();
      if (i === j) return pool.restore(saved);
      assertThrows(
        () => pool.restore(saved),
        SnapshotError,
        "it is of another layout",
        `${names[i]} takes one ${names[j]}`,
      );
    });
  });
});

Deno.test("restore() says which options were others, in their own words and with both values, and that load() helps", () => {
  const Other = struct({ n: "u32", tail: array("u8", 2), more: "u8" }, { name: "Body" });
  const set = (options: object) => new PoolSet({ ...SNAPPED, sizes: [2, 8], ...options });
  const erased = (options: object) =>
    new ErasedPool({ ...SNAPPED, size: 8, types: [Body], ...options });
  const plain = () => new Pool(Body, SNAPPED);
  const debugged = new Pool(Body, { ...SNAPPED, debug: true });
  debugged.alloc();
  const cases: [Saved, Saved, string][] = [
    [
      new Pool(Body, { ...SNAPPED, chunksPerBlock: 32 }),
      plain(),
      ": chunksPerBlock was 32 and is 16",
    ],
    [new Pool(Body, { ...SNAPPED, maxChunks: 128 }), plain(), ": maxChunks was 128 and is 64"],
    [
      new Pool(Body, { chunksPerBlock: 32, maxChunks: 1024 }),
      new Pool(Body, { chunksPerBlock: 16, maxChunks: 2 ** 32, handles: "wide", reuse: "spread" }),
      ': chunksPerBlock was 32 and is 16; maxChunks was 1024 and is 4294967296; handles was "compact" and is "wide"; reuse was "recent" and is "spread"',
    ],
    [
      new Pool(Body, { ...SNAPPED, handles: "wide" }),
      plain(),
      ': handles was "wide" and is "compact"',
    ],
    [
      new Pool(Body, { ...SNAPPED, reuse: "spread" }),
      plain(),
      ': reuse was "spread" and is "recent"',
    ],
    [
      new Pool({ n: "u64", m: "u64" }, SNAPPED),
      plain(),
      ": the size of a chunk was 16 and is 8; align was 8 and is 4",
    ],
    [
      new Pool(Body, { ...SNAPPED, maxChunks: 128, debug: true }),
      plain(),
      ": maxChunks was 128 and is 64; debug was true and is false",
    ],
    [debugged, plain(), ": debug was true and is false"],
    [new Pool(Other, SNAPPED), plain(), ", in the structs alone: names, types or order of fields"],
    [erased({}), plain(), ": the pool was an ErasedPool and is a Pool"],
    [erased({ types: undefined }), erased({}), ": types was left out and is given"],
    [erased({ align: 4 }), erased({}), ": align was 4 and is 8"],
    [set({ sizes: [4, 8] }), set({}), ": the size of a chunk was 4, 8 and is 2, 8"],
    [
      set({ sizes: [2, 4, 8], maxChunks: 64 }),
      set({}),
      ": the size of a chunk was 2, 4, 8 and is 2, 8",
    ],
    [set({ maxChunks: 128 }), set({}), ": maxChunks was 128 and is 64"],
  ];
  for (const [other, pool, differences] of cases) {
    const { message } = assertThrows(() => pool.restore(other.snapshot()), SnapshotError);
    assert(message.includes(differences), message);
    assert(message.includes(". What save() writes load() takes nevertheless"), message);
    pool.cursor(Body);
    if (differences.includes("left out")) continue; // of which a pool with structs knows nothing
    pool.load(other.save());
    validate(pool as unknown as Watched);
  }
});

Deno.test("restore() does not ask for the same name, resource or blocks to keep", () => {
  for (const [, make] of faces) {
    const face = stateful(make, "holes");
    const other = make(struct({ n: "u32", tail: array("u8", 2) }, { name: "Body" }), {
      ...SNAPPED,
      name: "another",
      keepEmptyBlocks: 5,
      memory: new Ledger(),
    });
    other.cursor();
    other.pool.restore(face.pool.snapshot());
    assertEquals(contentOf(other), contentOf(face));
  }
});

// -- the books, where no checksum keeps them --

/** Where a pool's first section starts, and its first block, in words; it has no kinds. */
const SECTION = 8;
const BLOCK = SECTION + 24;
/** Where its metadata start. */
const METADATA = BLOCK + 8;

/** Figures as floats, by their number in the section. */
function withFloat(face: Face, at: number, value: number): Uint8Array {
  const bytes = face.pool.snapshot(undefined, { checksum: false });
  new Float64Array(bytes.buffer)[SECTION / 2 + 2 + at] = value;
  return bytes;
}

Deno.test("Pool.restore() checks each figure of a section without a checksum", () => {
  const face = stateful(FACES.Pool, "holes");
  const { allocs, frees, size, peakSize } = face.pool.stats();
  const atSection = SECTION * 4;
  for (const [at, value] of [[0, -1], [0, 2], [0, 5], [0, 2 ** 30], [1, 3], [1, 2 ** 30]]) {
    assertBad(face, withWords(face, { [SECTION + at]: value }), "", undefined);
  }
  assertBad(
    face,
    withWords(face, { [SECTION]: 5 }),
    "it has 5 blocks, the pool may have 4",
    atSection,
  );
  assertBad(
    face,
    withWords(face, { [SECTION + 1]: 3 }),
    "its current block is 3, which has no memory",
  );
  assertBad(face, withWords(face, { [SECTION + 1]: -2 }), "its current block is -2");
  const given = stateful(FACES.Pool, "a block given back");
  assertBad(given, withWords(given, { [SECTION + 1]: 1 }), "its current block is 1, which has no");
  for (const kinds of [-1, 257]) {
    assertBad(
      face,
      withWords(face, { [SECTION + 2]: kinds }),
      `it has ${kinds} kinds`,
      atSection + 8,
    );
  }
  for (const bad of [NaN, -1, 0.5, Infinity, allocs + 1, allocs - 1, 2 ** 53]) {
    assertBad(face, withFloat(face, 0, bad), `${bad} allocs, ${frees} frees`, atSection + 16);
  }
  for (const bad of [NaN, -1, 0.5, frees + 1]) {
    assertBad(face, withFloat(face, 1, bad), `${allocs} allocs, ${bad} frees`);
  }
  for (const bad of [NaN, size - 1, 65, allocs + 1, Infinity]) {
    assertBad(
      face,
      withFloat(face, 2, bad),
      `${allocs} allocs, ${frees} frees and a peak of ${bad}`,
    );
  }
  assertEquals(peakSize, allocs);
  for (const bad of [NaN, -1, 0.5]) assertBad(face, withFloat(face, 3, bad), `${allocs} allocs`);
  assertBad(face, withFloat(face, 3, 65), "65 chunks are reserved", atSection + 40);
});

Deno.test("Pool.restore() refuses counts so high that they would soon stop rising", () => {
  const face = stateful(FACES.Pool, "holes");
  const bytes = face.pool.snapshot(undefined, { checksum: false });
  const floats = new Float64Array(bytes.buffer);
  const { size } = face.pool;
  floats[SECTION / 2 + 2] = 2 ** 52 + size;
  floats[SECTION / 2 + 3] = 2 ** 52;
  assertBad(face, bytes, `${2 ** 52 + size} allocs`);
});

Deno.test("Pool.restore() checks each figure of a block without a checksum", () => {
  const face = stateful(FACES.Pool, "holes");
  const block = (at: number, value: number) => withWords(face, { [BLOCK + at]: value });
  assertBad(face, block(0, 2), "block 0: it is corrupt", BLOCK * 4);
  assertBad(face, block(0, -1), "block 0: it is corrupt", BLOCK * 4);
  assertBad(face, block(0, 0), "");
  assertBad(face, block(1, 17), "block 0: the bump mark is 17, out of range 0 to 16", BLOCK * 4);
  assertBad(face, block(1, -1), "block 0: the bump mark is -1");
  assertBad(face, block(1, 15), "block 0: chunk 15 is live, the bump mark is 15");
  assertBad(
    face,
    block(2, 16),
    "block 0: the head of the free list links to chunk 16, out of range",
  );
  assertBad(
    face,
    block(2, -1),
    "block 0: the head of the free list links to chunk -1, out of range",
  );
  assertBad(
    face,
    block(2, 1),
    "block 0: the head of the free list links to chunk 1, which is live",
  );
  assertBad(face, block(3, 14), "block 0: it counts 14 live chunks, and has 12");
  assertBad(face, block(4, 1), "block 0: it counts 1 retired chunks, and has 0");
  const words = new Int32Array(face.pool.snapshot().buffer);
  const metadata = (at: number, change: (word: number) => number) =>
    withWords(face, { [METADATA + at]: change(words[METADATA + at]) });
  assertBad(face, metadata(0, (it) => it ^ 8), "block 0: the live bit of chunk 3");
  assertBad(face, metadata(0, (it) => it | 1 << 16), "block 0: 13 live bits are set, and 12");
  assertBad(face, metadata(1, (it) => it ^ 1), "block 0: the live bit of chunk 0");
  assertBad(
    face,
    metadata(1, (it) => it & ~0xffff),
    "block 0: it counts 0 retired chunks, and has 1",
  );
});

Deno.test("Pool.restore() takes any head where no chunk is free, as it means nothing then", () => {
  for (const state of ["a full block", "nothing", "a reserve", "all blocks given back"]) {
    for (const head of [-1, 15, 16, 255, 2 ** 31 - 1]) {
      const face = stateful(FACES.Pool, state);
      const { length } = slabs.get(face.pool)![0].blocks;
      face.pool.restore(withWords(face, length > 0 ? { [BLOCK + 2]: head } : {}));
      validate(face.pool);
      const handles = [...face.pool.handles()];
      for (const handle of handles) face.pool.free(forge(handle));
      face.allocMany(64);
      validate(face.pool);
    }
  }
});

Deno.test("restore() refuses a live record of a kind that the snapshot does not have", () => {
  const types = [struct({ a: "u16" }, { name: "A" }), struct({ b: "u16" }, { name: "B" })];
  const pool = new ErasedPool({ ...SNAPPED, size: 2, types });
  pool.alloc(types[0]);
  pool.alloc(types[1]);
  const bytes = pool.snapshot(undefined, { checksum: false });
  const tags = SECTION * 4 + 96 + 8 + 32 + 4 + 32;
  assertEquals([...bytes.subarray(tags, tags + 3)], [0, 1, 0]);
  bytes[tags + 1] = 2;
  assertRefused(
    pool,
    () => pool.restore(bytes),
    SnapshotError,
    "block 0: chunk 1 is of kind 2, out of range 0 to 1",
  );
  bytes[tags + 1] = 0;
  bytes[tags + 2] = 99; // of a chunk that was never used it means nothing
  pool.restore(bytes);
  assertEquals([...pool.handles(types[0])].length, 2);
});

// -- every change of a byte --

Deno.test("restore() notices every change of any one byte of a snapshot with a checksum", () => {
  for (const make of [FACES.Pool, FACES["wide PoolSet"]]) {
    const face = stateful(make, "one record");
    const saved = face.pool.snapshot();
    const before = stateOf(face.pool);
    for (let at = 0; at < saved.length; at++) {
      for (const change of [1, 2, 4, 8, 16, 32, 64, 128, 255]) {
        saved[at] ^= change;
        const { message } = assertThrows(() => face.pool.restore(saved), SnapshotError);
        const word = at >> 2; // magic number, version, mark and length are looked at first
        const isSeenBefore = [0, 1, 3, 6, 7].includes(word);
        assert(isSeenBefore || message.includes("its checksum does not fit"), `${at}: ${message}`);
        saved[at] ^= change;
      }
    }
    assertEquals(stateOf(face.pool), before);
    face.pool.restore(saved);
  }
});

/** Small pools of all kinds, each in a state of its own. */
const VICTIMS: [string, string, PoolOptions][] = [
  ["Pool", "reused holes", {}],
  ["wide Pool", "worn chunks in a block given back", {}],
  ["wide Pool", "worn chunks", {}],
  ["ErasedPool", "a block given back", {}],
  ["ErasedPool without types", "cleared and used", {}],
  ["PoolSet", "holes", {}],
  ["wide PoolSet", "worn chunks in a block that came again", {}],
  ["Pool", "holes", { debug: true }],
];
const CHANGES = 100_000;
const CHANGES_UNSEEN = 20_000;

/** Changes some bytes, cuts some off, or both; tells how many are left. */
function damage(bytes: Uint8Array, random: (n: number) => number): number {
  const { length } = bytes;
  const kind = random(10);
  if (kind === 0) return random(length);
  const from = random(2) === 0 ? 0 : random(length); // where the books are, or anywhere
  const reach = Math.min(length - from, kind < 3 ? length : 200);
  for (let i = 1 + random(kind < 8 ? 1 : 8); i > 0; i--) {
    const at = from + random(reach);
    bytes[at] = random(3) === 0 ? random(4) : bytes[at] ^ (1 + random(255));
  }
  return random(20) === 0 ? random(length) : length;
}

Deno.test("100,000 random changes and cuts of snapshots with a checksum are refused, and change nothing", () => {
  const count = CHANGES / VICTIMS.length;
  VICTIMS.forEach(([name, state, options], seed) => {
    const face = stateful(FACES[name], state, options);
    const saved = face.pool.snapshot();
    const before = stateOf(face.pool);
    const random = randomOf(seed);
    const bytes = saved.slice();
    for (let i = 0; i < count;) {
      bytes.set(saved);
      const length = damage(bytes, random);
      if (length === saved.length && bytes.every((byte, at) => byte === saved[at])) continue;
      assertThrows(() => face.pool.restore(bytes.subarray(0, length)), SnapshotError);
      if (i++ % 1000 === 0) assertEquals(stateOf(face.pool), before);
    }
    assertEquals(stateOf(face.pool), before);
    validate(face.pool);
    drop(face);
  });
});

Deno.test("20,000 random changes of snapshots without a checksum are refused, or leave books that balance", () => {
  const count = CHANGES_UNSEEN / VICTIMS.length;
  let restored = 0;
  VICTIMS.forEach(([name, state, options], seed) => {
    const face = stateful(FACES[name], state, options);
    const { pool } = face;
    const saved = pool.snapshot(undefined, { checksum: false });
    const before = stateOf(pool);
    const random = randomOf(seed);
    const bytes = saved.slice();
    const probe = saved.slice();
    for (let i = 0; i < count; i++) {
      bytes.set(saved);
      const length = damage(bytes, random);
      let isRestored = true;
      try {
        pool.restore(bytes.subarray(0, length));
      } catch (error) {
        assert(error instanceof SnapshotError, String(error));
        isRestored = false;
      }
      if (isRestored) {
        restored++;
        assertWorks(face);
        pool.restore(saved);
      }
      assertSameBytes(pool.snapshot(probe, { checksum: false }), saved);
      if (i % 500 === 0 && restored === 0) assertEquals(stateOf(pool), before);
    }
    drop(face);
  });
  assert(restored > CHANGES_UNSEEN / 20, `just ${restored} were restored`);
});

/** Reads every record, fills the pool to the last chunk, empties it, and fills it again. */
function assertWorks(face: Face): void {
  const { pool } = face;
  validate(pool);
  assertEquals(face.values().length, pool.size);
  const all = new Set<number>(pool.handles());
  assertEquals(all.size, pool.size);
  const room = () => 64 - pool.size - pool.stats().retired;
  for (let left = room(); left > 0; left--) {
    const handle = face.alloc({ n: left });
    assert(!all.has(handle), `handle ${handle} was given out twice`);
    all.add(handle);
  }
  assertEquals(face.tryAlloc(), undefined);
  validate(pool);
  for (const handle of all) pool.free(forge(handle));
  assertEquals(pool.size, 0);
  validate(pool);
  face.allocMany(room());
  validate(pool);
}

// -- no memory --

/** All that a failed restore() must leave, which is not what went to and fro with the resource. */
function figuresOf({ pool }: { pool: Watched }): string {
  return JSON.stringify(
    stateOf(pool),
    (key, value) => key === "grown" || key === "released" ? undefined : value,
  );
}

for (const [name, make] of faces) {
  for (const state of ["all chunks", "a block given back", "worn chunks"]) {
    if (state.startsWith("worn") && !name.startsWith("wide")) continue;
    for (const into of ["nothing", "one record", "a block given back", "all blocks given back"]) {
      Deno.test(`${name}: restore() of ${state} into ${into} fails whole where memory runs out`, () => {
        const saved = stateful(make, state).pool.snapshot();
        for (let budget = 0;; budget++) {
          const memory = new Ledger();
          const face = stateful(make, into, { memory });
          const before = figuresOf(face);
          const [regions, books] = [memory.lent.size, face.pool.snapshot()];
          memory.budget = budget;
          let isDone = true;
          try {
            face.pool.restore(saved);
          } catch (error) {
            assert(error instanceof OutOfMemoryError, String(error));
            isDone = false;
          }
          validate(face.pool);
          if (!isDone) {
            assertEquals(figuresOf(face), before);
            assertSameBytes(face.pool.snapshot(), books);
            assertEquals([memory.lent.size, memory.refusals], [regions, 1]);
            memory.budget = Infinity;
            face.pool.restore(saved);
          }
          assertSameBytes(face.pool.snapshot(), saved);
          face.pool.dispose();
          assertEquals(memory.lent.size, 0);
          if (isDone) break;
        }
      });
    }
  }
}

Deno.test("A set gives back what its first classes got where memory runs out in a later one", () => {
  const Small = struct({ a: "u16" });
  const Large = struct({ a: "u64" });
  const make = (memory: Ledger) => {
    const set = new PoolSet({ sizes: [2, 8], chunksPerBlock: 16, maxChunks: 128, memory });
    set.cursor(Small);
    set.cursor(Large);
    return set;
  };
  const full = make(new Ledger());
  full.allocMany(Small, 48);
  full.allocMany(Large, 20);
  const saved = full.snapshot();
  for (let budget = 0; budget < 5; budget++) {
    const memory = new Ledger();
    const set = make(memory);
    memory.budget = budget;
    const before = figuresOf({ pool: set });
    assertThrows(() => set.restore(saved), OutOfMemoryError);
    assertEquals(memory.lent.size, 0);
    assertEquals(figuresOf({ pool: set }), before);
    memory.budget = Infinity;
    set.restore(saved);
    assertSameBytes(set.snapshot(), saved);
    set.dispose();
    assertEquals(memory.lent.size, 0);
  }
});

Deno.test("The states that the tests of snapshots know are what they are called", () => {
  const blocks = Object.keys(STATES).map((state) => {
    const { pool } = stateful(FACES["wide Pool"], state);
    return [state, pool.size, pool.blocks.length, pool.stats().retired];
  });
  assertEquals(blocks, [
    ["nothing", 0, 0, 0],
    ["a reserve", 0, 3, 0],
    ["one record", 1, 1, 0],
    ["a full block", 16, 1, 0],
    ["a block and one", 17, 2, 0],
    ["all chunks", 64, 4, 0],
    ["holes", 36, 3, 0],
    ["reused holes", 41, 3, 0],
    ["cleared", 0, 3, 0],
    ["cleared and used", 3, 3, 0],
    ["a block given back", 34, 3, 0],
    ["all but the last block given back", 2, 1, 0],
    ["all blocks given back", 0, 0, 0],
    ["worn chunks", 37, 3, 5],
    ["worn chunks in a block that came again", 44, 4, 5],
    ["worn chunks in a block given back", 24, 2, 5],
  ]);
});
