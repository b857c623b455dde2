/**
 * Snapshots that `restore()` rejects: damaged ones, and those of other pools. It says why, and
 * leaves the pool as it was.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  array,
  debug as debugMode,
  ErasedPool,
  load,
  Pool,
  PoolSet,
  restore,
  save,
  snapshot,
  spread,
} from "../../mod.ts";
import type { PoolOptions } from "../../mod.ts";
import { SnapshotError, struct, validate } from "../../mod.ts";
import { slabs } from "../../src/slab/slab.ts"; // which labels a pool has in errors
import { drop, type OfKind, ofKind, valuesOf } from "../_kinds.ts";
import { assertError, stateOf } from "../_support.ts";
import { assertSameBytes, Body, SNAPPED, stateful } from "./_snapshots.ts";
import { Random } from "../_random.ts";

/** Asserts that a pool rejects bytes, says why and where, and stays as it was. */
function assertBad({ pool }: OfKind, bytes: Uint8Array, problem: string, at?: number): void {
  const { label, name } = slabs.get(pool)![0]; // every pool has a slab
  const message = `Cannot restore ${label} from the snapshot: ${problem}`;
  const error = assertError(pool, () => restore(pool, bytes), SnapshotError, message);
  assertEquals([error.name, error.pool], ["SnapshotError", name]);
  if (at !== undefined) assertEquals(error.byteOffset, at);
  assert(error.message.endsWith(` (at byte ${error.byteOffset})`), error.message);
}

/** A snapshot some words of which are others. */
function withWords({ pool }: OfKind, words: Record<number, number>, checksum = false): Uint8Array {
  const bytes = snapshot(pool, undefined, { checksum });
  const all = new Int32Array(bytes.buffer);
  for (const [at, word] of Object.entries(words)) all[Number(at)] = word;
  return bytes;
}

/** Where a pool's first section, its first block and the metadata of that are, in words. */
const SECTION = 8, BLOCK = SECTION + 24, METADATA = BLOCK + 8;

// -- the header --

/** Words of a header that are wrong, what the error says, and where. */
type BadHeader = [words: Record<number, number>, problem: string, at: number];

Deno.test("restore() throws SnapshotError on every wrong word of a header, and on bytes left over", () => {
  const it = stateful("Pool", "holes");
  const { length } = snapshot(it.pool);
  const words = new Int32Array(snapshot(it.pool).buffer);
  const NONE = new Int32Array(withWords(it, {}).buffer)[3];
  const versions = [0, 1, 3, -1].map((version): BadHeader => [
    { 1: version },
    `it is of version ${version}, this one reads 2`,
    4,
  ]);
  const cases: BadHeader[] = [
    ...versions,
    [{ 0: 7 }, "it is no snapshot of this module", 0],
    [{ 0: words[0] + 1 }, "it is no snapshot of this module", 0],
    // Read in the other byte order.
    [{ 0: new DataView(words.buffer).getInt32(0) }, "it is from a machine of the other byte", 0],
    [{ 2: 0 }, "it is of another layout", 8],
    [{ 3: 0 }, "its header is corrupt", 12],
    [{ 4: 1 }, "its header is corrupt", 12],
    [{ 5: 0 }, "it is of another layout", 8],
    [{ 5: 2 }, "it is of another layout", 8],
    [{ 5: 3, [SECTION + 23]: 0 }, "it is of another layout, in the structs alone", 8], // no length
    ...[0, 8, 24, 28, length - 4, length - 1, length + 2].map((bytes): BadHeader => [
      { 6: bytes },
      `its length of ${bytes} bytes is impossible`,
      24,
    ]),
    ...[[length + 8, 0], [length, 1], [-8, 0], [length, -1]].map(([low, high]): BadHeader => [
      { 6: low, 7: high },
      "it is cut off: ",
      length,
    ]),
    ...[length - 8, length - 16, 32].map((end): BadHeader => [{ 6: end }, "it ends after ", end]),
  ];
  for (const [bad, problem, at] of cases) assertBad(it, withWords(it, bad), problem, at);
  const sumProblem = "its checksum does not fit its bytes, some of which were changed";
  const withSum: BadHeader[] = [
    ...versions,
    [{ 3: NONE }, "its header is corrupt", 12],
    ...[0, words[4] + 1, ~words[4]].map((sum): BadHeader => [{ 4: sum }, sumProblem, 16]),
  ];
  for (const [bad, problem, at] of withSum) assertBad(it, withWords(it, bad, true), problem, at);
  const longer = new Uint8Array(length + 16);
  longer.set(withWords(it, { 6: longer.length }));
  assertBad(it, longer, "16 bytes are left over", length);
});

Deno.test("restore() throws SnapshotError on a snapshot that is cut off anywhere", () => {
  for (const checksum of [true, false]) {
    const it = stateful("PoolSet", "one record");
    const saved = snapshot(it.pool, undefined, { checksum });
    for (let length = 0; length < saved.length; length++) {
      const what = length < 32 ? "bytes, fewer than the 32" : `of ${saved.length} bytes`;
      assertBad(it, saved.slice(0, length), `it is cut off: ${length} ${what}`, length);
    }
  }
});

Deno.test("snapshot() has a checksum unless its options say no", () => {
  const { pool } = stateful("Pool", "holes");
  const marks = [undefined, {}, { checksum: true }, { checksum: false }].map((options) =>
    String.fromCharCode(...snapshot(pool, undefined, options).subarray(12, 16))
  );
  assertEquals(marks, ["SUM1", "SUM1", "SUM1", "NONE"]);
  assertEquals(String.fromCharCode(...snapshot(pool).subarray(0, 4)), "SLAB");
});

Deno.test("Snapshots that differ in one bit or one number have different checksums", () => {
  using pool = new Pool({ bits: array("u32", 16) }, { chunksPerBlock: 16, maxChunks: 16 });
  const { bits } = pool.get(pool.alloc());
  const into = snapshot(pool);
  const sumWith = (at: number, word: number) => {
    bits.copyFrom(Array.from({ length: 16 }, (_, i) => i === at ? word : 0));
    return new Int32Array(snapshot(pool, into).buffer)[4];
  };
  const sums = Array.from({ length: 512 }, (_, at) => sumWith(at >> 5, (1 << (at & 31)) >>> 0));
  assertEquals(new Set(sums).size, 512);
  assertEquals([sums.reduce((a, b) => a | b), sums.reduce((a, b) => a & b)], [-1, 0]);
  const numbers = Array.from({ length: 20_000 }, (_, n) => sumWith(3, n * 7919));
  assertEquals(new Set(numbers).size, 20_000);
});

// -- the layout --

const pool = (fields: ConstructorParameters<typeof Pool>[0], options?: PoolOptions) =>
  ofKind(new Pool(fields, { ...SNAPPED, ...options }));
const erased = (options: object) =>
  ofKind(new ErasedPool({ ...SNAPPED, size: 8, align: 4, types: [Body], ...options }), Body);
const set = (options: object) =>
  ofKind(new PoolSet({ ...SNAPPED, sizes: [2, 8], ...options }), Body);
const tail = array("u8", 2);
const STRUCTS = ", in the structs alone: names, types or order of fields";

/** Pools that take no snapshot of any other, and how each differs from the first of its list. */
const LAYOUTS: readonly (readonly [() => OfKind, ...(readonly [() => OfKind, string])[]])[] = [
  [
    () => pool(Body),
    [() => pool({ n: "i32", tail }), STRUCTS],
    [() => pool({ m: "u32", tail }), STRUCTS],
    [() => pool({ n: "u32", tail: array("u8", 3) }), STRUCTS],
    [() => pool({ n: "u32", tail: array("i8", 2) }), STRUCTS],
    [() => pool({ tail, n: "u32" }), STRUCTS],
    [() => pool({ n: struct({ n: "u32" }), tail }), STRUCTS],
    [() => pool({ a: struct({ b: "u32" }) }), ": the size of a chunk was 4 and is 8"],
    [() => pool({ a: struct({ b: "f32" }) }), ": the size of a chunk was 4 and is 8"],
    [() => pool({ a: "u16", b: "u32" }), STRUCTS],
    [() => pool(struct({ a: "u16", b: "u32" }, { layout: "compact" })), STRUCTS],
    [() => pool({ n: "u64" }), ": align was 8 and is 4"],
    [() => pool(Body, { chunksPerBlock: 32 }), ": chunksPerBlock was 32 and is 16"],
    [
      () => pool(Body, { maxChunks: 2 ** 32, handles: "wide", reuse: spread }),
      ': maxChunks was 4294967296 and is 64; handles was "wide" and is "compact"; reuse was spread and is "recent"',
    ],
    [
      () => pool(Body, { maxChunks: 128, debug: debugMode }),
      ": maxChunks was 128 and is 64; debug was true and is false",
    ],
  ],
  [
    () => erased({}),
    [() => erased({ types: undefined }), ": types was left out and is given"],
    [() => erased({ align: 8 }), ": align was 8 and is 4"],
    [() => erased({ size: 12 }), ": the size of a chunk was 12 and is 8"],
    [
      () => pool(Body, { maxChunks: 32 }),
      ": the pool was a Pool and is an ErasedPool; maxChunks was 32 and is 64; types was left out and is given",
    ],
  ],
  [
    () => set({}),
    [() => set({ sizes: [2, 4, 8] }), ": the size of a chunk was 2, 4, 8 and is 2, 8"],
    [() => set({ maxChunks: 128 }), ": maxChunks was 128 and is 64"],
  ],
];

Deno.test("restore() throws SnapshotError on the snapshot of a pool of any other layout", () => {
  const pools = LAYOUTS.flatMap(([first, ...others]) => [first, ...others.map(([it]) => it)])
    .map((make) => make().pool);
  for (const pool of pools) {
    for (const other of pools) {
      const saved = snapshot(other);
      if (pool === other) restore(pool, saved);
      else assertThrows(() => restore(pool, saved), SnapshotError, "it is of another layout");
    }
  }
});

Deno.test("restore() says which options differed, with both values, and load() takes the save", () => {
  for (const [first, ...others] of LAYOUTS) {
    for (const [make, difference] of others) {
      const [{ pool, of }, other] = [first(), make().pool];
      const { message } = assertThrows(() => restore(pool, snapshot(other)), SnapshotError);
      const help = ". What save() writes load() takes nevertheless";
      assert(message.includes(difference) && message.includes(help), message);
      pool.cursor(...of);
      if (difference.includes("left out")) continue; // a pool with structs takes no bytes without
      load(pool, save(other));
      validate(pool);
    }
  }
});

// -- the metadata, where there is no checksum --

Deno.test("restore() checks each figure of a section without a checksum", () => {
  const it = stateful("Pool", "holes");
  const { allocs, frees, size } = it.pool.stats();
  const word = (at: number, value: number, problem: string) =>
    assertBad(it, withWords(it, { [SECTION + at]: value }), problem, SECTION * 4 + at * 4);
  for (const [at, value] of [[0, -1], [0, 2 ** 30], [3, 2]]) word(at, value, "");
  word(0, 5, "it has 5 blocks, the pool may have 4");
  word(1, 3, "its current block is 3, which has no memory");
  for (const current of [-2, 2 ** 30]) word(1, current, `its current block is ${current}`);
  for (const kinds of [-1, 257]) word(2, kinds, `it has ${kinds} kinds`);
  const given = stateful("Pool", "a block given back");
  assertBad(given, withWords(given, { [SECTION + 1]: 1 }), "its current block is 1, which has no");

  const counts = (values: number[], problem: string, byte = SECTION * 4 + 16) => {
    const bytes = withWords(it, {});
    new Float64Array(bytes.buffer, SECTION * 4 + 16).set(values);
    assertBad(it, bytes, problem, byte);
  };
  for (const bad of [NaN, -1, 0.5, Infinity, allocs + 1, allocs - 1, 2 ** 53]) {
    counts([bad], `${bad} allocs, ${frees} frees`);
  }
  for (const bad of [NaN, -1, 0.5, frees + 1]) {
    counts([allocs, bad], `${allocs} allocs, ${bad} frees`);
  }
  for (const bad of [NaN, size - 1, 65, allocs + 1, Infinity]) {
    counts([allocs, frees, bad], `${allocs} allocs, ${frees} frees and a peak of ${bad}`);
  }
  for (const bad of [NaN, -1, 0.5]) counts([allocs, frees, allocs, bad], `${allocs} allocs`);
  counts([allocs, frees, allocs, 65], "65 chunks are reserved", SECTION * 4 + 40);
  const high = 2 ** 52; // beyond, counts would soon stop rising
  counts([high + size, high], `${high + size} allocs`);
});

Deno.test("restore() checks each figure of a block without a checksum, as validate() does", () => {
  const it = stateful("Pool", "holes");
  const words = new Int32Array(snapshot(it.pool).buffer);
  const [bits, stamps] = [words[METADATA], words[METADATA + 1]];
  const cases: [at: number, value: number, problem: string][] = [
    [0, 0, ""],
    [0, 2, "block 0: it is corrupt"],
    [0, -1, "block 0: it is corrupt"],
    [2, 16, "block 0: the head of the free list links to chunk 16, out of range"],
    [8, bits ^ 8, "block 0: the live bit of chunk 3"],
    [9, stamps & ~0xffff, "block 0: it counts 0 retired chunks, and has 1"],
  ];
  for (const [at, value, problem] of cases) {
    assertBad(it, withWords(it, { [BLOCK + at]: value }), problem);
  }
});

Deno.test("restore() throws SnapshotError on a live record of a kind that the snapshot does not have", () => {
  const types = [struct({ a: "u16" }, { name: "A" }), struct({ b: "u16" }, { name: "B" })];
  const pool = new ErasedPool({ ...SNAPPED, size: 2, types });
  pool.alloc(types[0]);
  pool.alloc(types[1]);
  const bytes = snapshot(pool, undefined, { checksum: false });
  // Behind 2 kinds, the block's words, live bits and stamps.
  const tags = BLOCK * 4 + 8 + 32 + 4 + 32;
  assertEquals([...bytes.subarray(tags, tags + 3)], [0, 1, 0]);
  bytes[tags + 1] = 2;
  const problem = "block 0: chunk 1 is of kind 2, out of range 0 to 1";
  assertError(pool, () => restore(pool, bytes), SnapshotError, problem);
  bytes[tags + 1] = 0;
  bytes[tags + 2] = 99; // the tag of a chunk that was never used has no meaning
  restore(pool, bytes);
  assertEquals([...pool.handles(types[0])].length, 2);
});

Deno.test("restore() of a pool without debug mode throws SnapshotError on the snapshot of one with it", () => {
  for (const kind of ["Pool", "PoolSet"]) {
    const debug = stateful(kind, "holes", { debug: debugMode });
    const problem = "it is of a pool in debug mode, whose handles are others";
    assertBad(stateful(kind, "holes"), snapshot(debug.pool), problem);
    drop(debug.pool);
  }
});

// -- damage --

Deno.test("restore() notices every change of any one byte of a snapshot with a checksum", () => {
  for (const kind of ["Pool", "wide PoolSet"]) {
    const { pool } = stateful(kind, "one record");
    const saved = snapshot(pool);
    const before = stateOf(pool);
    for (let at = 0; at < saved.length; at++) {
      for (const change of [1, 2, 4, 8, 16, 32, 64, 128, 255]) {
        saved[at] ^= change;
        const { message } = assertThrows(() => restore(pool, saved), SnapshotError);
        const isSeenBefore = [0, 1, 3, 6, 7].includes(at >> 2); // words that are checked first
        assert(isSeenBefore || message.includes("its checksum does not fit"), `${at}: ${message}`);
        saved[at] ^= change;
      }
    }
    assertEquals(stateOf(pool), before);
    restore(pool, saved);
  }
});

/** Small pools of all kinds, each in a state of its own. */
const SUBJECTS: readonly (readonly [kind: string, state: string, options?: PoolOptions])[] = [
  ["Pool", "reused holes"],
  ["wide Pool", "worn chunks in a block given back"],
  ["wide Pool", "worn chunks"],
  ["ErasedPool", "a block given back"],
  ["ErasedPool without types", "cleared and used"],
  ["PoolSet", "holes"],
  ["wide PoolSet", "worn chunks in a block that came again"],
  ["Pool", "holes", { debug: debugMode }],
  ["Pool", "reused holes", { reuse: spread }],
  ["ErasedPool", "a block given back", { reuse: spread }],
];

/** Changes some bytes, cuts some off, or both, and returns what is left. */
function damaged(bytes: Uint8Array, random: Random): Uint8Array {
  const { length } = bytes;
  const kind = random.below(10);
  if (kind === 0) return bytes.subarray(0, random.below(length));
  const from = random.below(2) === 0 ? 0 : random.below(length); // where the metadata are, or anywhere
  const reach = Math.min(length - from, kind < 3 ? length : 200);
  for (let i = 1 + random.below(kind < 8 ? 1 : 8); i > 0; i--) {
    const at = from + random.below(reach);
    bytes[at] = random.below(3) === 0 ? random.below(4) : bytes[at] ^ (1 + random.below(255));
  }
  return bytes.subarray(0, random.below(20) === 0 ? random.below(length) : length);
}

Deno.test("restore() throws SnapshotError on 25,000 damaged snapshots without a checksum and changes nothing, or restores a valid pool", () => {
  const count = 25_000;
  let restored = 0;
  SUBJECTS.forEach(([kind, state, options], seed) => {
    const it = stateful(kind, state, options);
    const saved = snapshot(it.pool, undefined, { checksum: false });
    const [bytes, now] = [saved.slice(), saved.slice()];
    const random = new Random(seed);
    for (let i = 0; i < count / SUBJECTS.length; i++) {
      bytes.set(saved);
      const bad = damaged(bytes, random);
      if (bad.length === saved.length && bad.every((byte, at) => byte === saved[at])) continue;
      try {
        restore(it.pool, bad);
        restored++;
        assertWorks(it);
        restore(it.pool, saved);
      } catch (error) {
        assert(error instanceof SnapshotError, String(error));
      }
      if (i % 20 === 0) assertSameBytes(snapshot(it.pool, now, { checksum: false }), saved);
    }
    drop(it.pool);
  });
  assert(restored > count / 20, `just ${restored} were restored`);
});

/** Reads every record, fills the pool to the last chunk, and empties it. */
function assertWorks(it: OfKind): void {
  const { pool, of } = it;
  validate(pool);
  assertEquals(valuesOf(it).length, pool.size);
  const room = 64 - pool.size - pool.stats().retired;
  const all = [...pool.handles(), ...Array.from({ length: room }, () => pool.alloc(...of))];
  assertEquals([new Set(all).size, pool.tryAlloc(...of)], [64 - pool.stats().retired, undefined]);
  validate(pool);
  for (const handle of all) pool.free(handle);
  validate(pool);
}
