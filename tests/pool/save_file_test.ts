/**
 * Damaged saves: `load()` rejects them and changes nothing, or loads them into a valid pool.
 *
 * The checksum is written again after each change, so that the checks behind it are tested.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  array,
  debug,
  ErasedPool,
  load,
  Pool,
  type PoolOptions,
  PoolSet,
  ref,
  restore,
  save,
  snapshot,
  spread,
} from "../../mod.ts";
import { SnapshotError, struct, validate } from "../../mod.ts";
import type { AnyPool } from "../_kinds.ts";
import { assertError, stateOf, untyped } from "../_support.ts";
import { SNAPPED } from "../slab/_snapshots.ts";
import { sealed, textOf, withText } from "./_saves.ts";
import { Random } from "../_random.ts";

/** How many saves of a pair are damaged, and of how many the description is changed. */
const [DAMAGED, CHANGED] = [1700, 1150];

const Part = struct({ a: "u8", b: "f32" }, { name: "Part" });
const Thing = struct({ n: "i64", next: ref("self"), parts: array(Part, 2) }, { name: "Thing" });
const OtherPart = struct({ b: "f64", c: "u8" }, { name: "Part" });
const OtherThing = struct({ next: ref("self"), n: "u16", parts: array(OtherPart, 3) }, {
  name: "Thing",
});
const Tiny = struct({ a: "u16" }, { name: "Tiny" });

/** Fills 17 of 20 chunks, of the struct that the calls of the pool take first, if they take one. */
function filled(pool: object, ...of: object[]): AnyPool {
  const it = pool as AnyPool;
  const handles = Array.from({ length: 20 }, () => it.alloc(...of));
  for (const at of [3, 4, 17]) it.free(handles[at]);
  if (pool instanceof PoolSet) pool.alloc(Tiny, { a: 5 });
  return it;
}

function things(options: PoolOptions = {}): AnyPool {
  const pool = new Pool(Thing, { ...SNAPPED, ...options });
  for (const [n, a] of [[1n, 2], [-1n, 3]] as const) pool.alloc({ n, parts: [{ a }] });
  return filled(pool);
}

/** A pool that saves, and one that loads. */
const PAIRS: Record<string, () => [AnyPool, AnyPool]> = {
  "a Pool of the same struct": () => [things(), things()],
  "a Pool of another struct": () => [
    things(),
    filled(new Pool(OtherThing, { ...SNAPPED, maxChunks: 128, reuse: spread })),
  ],
  "wide handles, into debug mode": () => [
    things({ handles: "wide" }),
    filled(new Pool(OtherThing, { ...SNAPPED, debug })),
  ],
  "debug mode, into wide handles": () => [
    things({ debug }),
    things({ handles: "wide", reuse: spread }),
  ],
  "debug mode": () => [things({ debug }), things({ debug })],
  "a PoolSet": () => [
    filled(new PoolSet({ ...SNAPPED, sizes: [2, 32], types: [Thing, Tiny] }), Thing),
    filled(
      new PoolSet({ ...SNAPPED, maxChunks: 256, sizes: [2, 64], types: [Tiny, OtherThing] }),
      OtherThing,
    ),
  ],
  "an ErasedPool without types": () => [
    filled(new ErasedPool({ ...SNAPPED, size: 32 }), Thing),
    filled(new ErasedPool({ ...SNAPPED, size: 32, handles: "wide" }), Thing),
  ],
};

/** Loads saves that are made one by one, and returns how many were loaded and not rejected. */
function loadAll(pool: AnyPool, count: number, make: () => Uint8Array): number {
  let loaded = 0;
  for (let i = 0; i < count; i++) {
    const before = pool.stats(); // any change of a pool changes one of its counts
    try {
      load(pool, make(), { rename: { b: "c" } });
    } catch (error) {
      assert(error instanceof SnapshotError, error instanceof Error ? error.stack : String(error));
      assertEquals(pool.stats(), before);
      continue;
    }
    loaded++;
    validate(pool);
    for (const handle of [...pool.handles()]) pool.free(handle);
    assertEquals(pool.size, 0);
    validate(pool);
  }
  return loaded;
}

// -- random damage --

const EXTREMES = [0, 1, -1, 2, 3, 7, 2 ** 31 - 1, -(2 ** 31), 2 ** 20, 65_535, 65_536, 0x7ff00000];

/** A copy of a save with something wrong. */
function damaged(saved: Uint8Array, random: Random): Uint8Array {
  const bytes = saved.slice();
  const { buffer, length } = bytes;
  const words = new Int32Array(buffer);
  const textEnd = 40 + Math.ceil(words[8] / 4) * 4;
  const kind = random.below(5);
  for (let i = random.below(3); i >= 0; i--) {
    if (kind === 0) bytes[random.below(length)] ^= 1 << random.below(8);
    else if (kind === 1) { // behind the description, where the metadata are
      bytes[textEnd + random.below(Math.min(400, length - textEnd))] ^= 1 << random.below(8);
    } else if (kind === 2) {
      words[random.below(words.length)] = EXTREMES[random.below(EXTREMES.length)];
    } else if (kind === 3) { // pieces swapped
      const size = 8 * (1 + random.below(20));
      const [a, b] = [8 * random.below(length / 8), 8 * random.below(length / 8)];
      const piece = bytes.slice(a, a + size);
      bytes.copyWithin(a, b, b + size);
      bytes.set(piece.subarray(0, length - b), b);
    } else bytes[40 + random.below(words[8])] = random.below(128); // of the description
  }
  const cut = random.below(12) === 0 ? 8 * Math.max(4, random.below(length / 8)) : length;
  return sealed(bytes.slice(0, cut));
}

/** What any value of a description is replaced by. */
const VALUES: readonly unknown[] = [
  ...[null, true, 0, -1, 1, 0.5, 1e300, 2 ** 31, 2 ** 53, 65_536, "", "u8", "f64", "x"],
  ...["__proto__", "constructor", "toString", "length", [], {}, [[]]],
  ...[{ struct: 0 }, { struct: -1 }, { struct: "map" }, { struct: 99 }, { struct: { struct: 0 } }],
  ...[{ array: "u8", length: 2 ** 30 }, { array: "u8", length: 0 }],
  { array: { array: "u8", length: 2 }, length: 2 },
  ...["compact,6,0,0,15", "wide,32,0,0,21", "wide,53,0,0,1", "compact"],
];

/** Replaces, drops, doubles or swaps something at any depth. */
function mutated(value: unknown, random: Random, depth = 0): unknown {
  if (typeof value !== "object" || value === null || depth > 0 && random.below(6) === 0) {
    return VALUES[random.below(VALUES.length)];
  }
  const keys = Object.keys(value);
  const key = keys[random.below(keys.length)];
  if (Array.isArray(value)) {
    const list: unknown[] = [...value];
    const at = Number(key ?? 0);
    const kind = random.below(8);
    if (kind === 0) list.splice(at, 1);
    else if (kind === 1) list.push(list[at]);
    else if (kind === 2) list.reverse();
    else list[at] = mutated(list[at], random, depth + 1);
    return list;
  }
  const all = untyped<Record<string, unknown>>({ ...value });
  if (random.below(10) === 0) delete all[key];
  else if (random.below(20) === 0) return JSON.parse(`{"__proto__":${JSON.stringify(value)}}`);
  else all[key] = mutated(all[key], random, depth + 1);
  return all;
}

for (const [name, make] of Object.entries(PAIRS)) {
  Deno.test(`load() of ${name} rejects damage and other descriptions that the checksum does not show, or loads a valid pool`, () => {
    const [old, pool] = make();
    const saved = save(old);
    const random = new Random(name.length);
    const loaded = loadAll(pool, DAMAGED, () => damaged(saved, random));
    assert(loaded > DAMAGED / 100 && loaded < DAMAGED, `${loaded} were loaded`);
    loadAll(pool, CHANGED, () => {
      let text: unknown = JSON.parse(textOf(saved));
      for (let n = random.below(3); n >= 0; n--) text = mutated(text, random);
      return withText(saved, JSON.stringify(text));
    });
  });

  Deno.test(`load() of ${name} throws SnapshotError on a save that is cut off anywhere`, () => {
    const [old, pool] = make();
    const saved = save(old);
    const before = stateOf(pool);
    for (let length = 0; length < saved.length; length++) {
      assertThrows(() => load(pool, saved.slice(0, length)), SnapshotError);
      if (length < 32 || length % 8 > 0) continue;
      assertThrows(() => load(pool, sealed(saved.slice(0, length))), SnapshotError);
    }
    assertEquals(stateOf(pool), before);
  });
}

// -- descriptions --

/** Descriptions that try to take time, memory or the stack, or that contradict themselves. */
function badTexts(saved: Uint8Array): Record<string, string> {
  const plain = JSON.parse(textOf(saved));
  const [slab] = plain.slabs;
  const of = (more: object) => JSON.stringify({ ...plain, ...more });
  const ofSlab = (more: object) => of({ slabs: [{ ...slab, ...more }] });
  const ofFields = (size: number, ...fields: unknown[]) =>
    of({ structs: [{ name: "Thing", size, fields }] });
  const chain = (length: number) =>
    Array.from({ length }, (_, i) => ({
      name: `S${i}`,
      size: 1,
      fields: [["a", i === 0 ? "u8" : { struct: i - 1 }, 0]],
    }));
  const doubling = Array.from({ length: 27 }, (_, i) => ({
    name: `S${i}`,
    size: Math.min(2 ** i, 2 ** 26),
    fields: i === 0
      ? [["a", "u8", 0]]
      : [["a", { struct: i - 1 }, 0], ["b", { struct: i - 1 }, 2 ** (i - 1)]],
  }));
  const huge = { name: "A", size: 2 ** 26, fields: [["n", { array: "u8", length: 2 ** 26 }, 0]] };
  const ofHuge = { array: { struct: 0 }, length: 2 ** 26 };
  const deepType = '{"array":'.repeat(5000) + '"u8"' + ',"length":1}'.repeat(5000);
  return {
    "no object": "7",
    "half a text": textOf(saved).slice(0, -3),
    "brackets without end": "[".repeat(200_000),
    "deep arrays in a type": ofFields(4, ["n", "@", 0]).replace('"@"', deepType),
    "a long chain of structs": of({ structs: chain(20_000) }),
    "a doubling chain of structs": of({ structs: doubling }),
    "many structs": of({ structs: Array(20_000).fill({ ...plain.structs[0], name: "S" }) }),
    "many fields": ofFields(
      30_000,
      ...Array.from({ length: 30_000 }, (_, i) => [`f${i}`, "u8", i]),
    ),
    "many slabs": of({ slabs: Array(1000).fill(slab) }),
    "a huge chunk": ofSlab({ chunkBytes: 2 ** 26 }),
    "a field of huge length": of({ structs: [huge] }),
    "huge structs in huge arrays": of({
      structs: [huge, { name: "B", size: 8, fields: [["n", ofHuge, 0], ["m", "u64", 0]] }],
    }),
    "an offset beyond": ofFields(4, ["n", "u32", 4]),
    "the same field twice": ofFields(8, ["n", "u32", 0], ["n", "u32", 4]),
    "a prototype's name": ofFields(4, ["__proto__", "u32", 0]),
    "a type that every object has": ofFields(4, ["n", "toString", 0]),
    "a struct of itself": ofFields(4, ["n", { struct: 0 }, 0]),
    "kinds by a name": ofSlab({ kinds: ["length"] }),
    "too many kinds": ofSlab({ tagged: true, kinds: Array(257).fill(0) }),
    "no kinds with tags": ofSlab({ tagged: true, kinds: [] }),
    "debug mode without numbers": ofSlab({ isDebug: true }),
    "the end of all numbers": of({ nextNumber: 2 ** 53 }),
    "handles of too many bits": ofSlab({ handles: "compact,22,0,0,15" }),
    "handles by no number": ofSlab({ handles: "compact,,,," }),
  };
}

Deno.test("load() throws SnapshotError on descriptions that try to take time, memory or the stack", () => {
  using old = new Pool({ n: "u32" }, SNAPPED);
  old.allocMany(5);
  const saved = save(old);
  using pool = new Pool(struct({ n: "u32" }, { name: "Thing" }), SNAPPED);
  pool.alloc({ n: 1 });
  for (const [what, text] of Object.entries(badTexts(saved))) {
    const bytes = withText(saved, text);
    const before = stateOf(pool);
    assertThrows(() => load(pool, bytes), SnapshotError, "Cannot load", what);
    assertEquals(stateOf(pool), before, what);
  }
});

Deno.test("load() throws SnapshotError where two slabs have the same handles", () => {
  const [old] = PAIRS["a PoolSet"]();
  const saved = save(old);
  const text = JSON.parse(textOf(saved));
  text.slabs[1].handles = text.slabs[0].handles;
  const bytes = withText(saved, JSON.stringify(text));
  const set = new PoolSet({ ...SNAPPED, sizes: [8, 32], types: [Tiny, Thing], debug });
  const problem = "its description of handles is corrupt";
  assertError(set, () => load(set, bytes), SnapshotError, problem);
});

// -- the header --

Deno.test("load() throws SnapshotError on what is no save of this version and byte order", () => {
  const [old, pool] = PAIRS["a Pool of the same struct"]();
  const saved = save(old);
  const assertBad = (bytes: Uint8Array, problem: string) => {
    const message = `Cannot load Pool "Thing" from the save: ${problem}`;
    assertError(pool, () => load(pool, bytes), SnapshotError, message);
  };
  const text = new TextEncoder().encode("This is not the save that you are looking for.");
  assertBad(text, "it is no save of this module");
  assertBad(snapshot(old), "it is a snapshot, which restore() takes");
  const next = saved.slice();
  new Int32Array(next.buffer)[1] = 2;
  assertBad(next, "it is of version 2, this one reads 1");
  const swapped = saved.slice();
  const words = new DataView(swapped.buffer);
  for (let at = 0; at < swapped.length; at += 4) words.setUint32(at, words.getUint32(at), true);
  assertBad(swapped, "it is from a machine of the other byte order");
  const longer = new Uint8Array(saved.length + 8);
  longer.set(saved);
  assertBad(sealed(longer), "bytes are left over");
  const message = 'Cannot restore Pool "Thing" from the snapshot: it is a save, which load() takes';
  assertError(pool, () => restore(pool, saved), SnapshotError, message);
});
