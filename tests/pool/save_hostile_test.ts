/**
 * Saves that are bad: each is refused, and leaves the pool as it was, or is loaded into books that balance.
 *
 * The checksum is made anew after each change, so that what is behind it is what refuses. Of the 100,000 tries 20,000 are made here; all
 * of them by `SAVE_TRIES=100000 deno test --allow-read=. --allow-env tests/pool/save_hostile_test.ts`, with the same seeds.
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  type AnyStruct,
  array,
  ErasedPool,
  Pool,
  type PoolOptions,
  PoolSet,
  ref,
  SnapshotError,
  struct,
  validate,
} from "../../mod.ts";
import { type Saved, sealed, textOf, withText } from "./_saves.ts";
import { randomOf, SNAPPED } from "../slab/_snapshots.ts";
import { assertRefused, forge, stateOf, untyped } from "../_support.ts";

const TRIES =
  Deno.permissions.querySync({ name: "env", variable: "SAVE_TRIES" }).state === "granted"
    ? Number(Deno.env.get("SAVE_TRIES") ?? 20_000)
    : 20_000;

/** Any pool, as far as the tests go on with it. */
interface Victim extends Saved {
  free(handle: number): void;
  clear(): void;
  restore(bytes: Uint8Array): void;
  snapshot(): Uint8Array;
}

const Part = struct({ a: "u8", b: "f32" }, { name: "Part" });
const Thing = struct({ n: "i64", next: ref("self"), parts: array(Part, 2) }, { name: "Thing" });
const OtherPart = struct({ b: "f64", c: "u8" }, { name: "Part" });
const OtherThing = struct({ next: ref("self"), n: "u16", parts: array(OtherPart, 3) }, {
  name: "Thing",
});
const Tiny = struct({ a: "u16" }, { name: "Tiny" });

function fill(alloc: (init: object) => number, free: (handle: number) => void): void {
  const handles = Array.from({ length: 20 }, (_, n) => alloc({ n: BigInt(n), parts: [{ a: n }] }));
  for (const at of [3, 4, 17]) free(handles[at]);
}

function pool(type: AnyStruct, options: PoolOptions = {}): Victim {
  return untyped(new Pool(type, { ...SNAPPED, ...options }));
}

/** A pool that saves, and one that loads. */
const PAIRS: Record<string, () => [Victim, Victim]> = {
  "a Pool of the same struct": () => [pool(Thing), pool(Thing)],
  "a Pool of another struct":
    () => [pool(Thing), pool(OtherThing, { maxChunks: 128, reuse: "spread" })],
  "wide handles into debug mode":
    () => [pool(Thing, { handles: "wide" }), pool(OtherThing, { debug: true })],
  "debug mode into wide handles":
    () => [pool(Thing, { debug: true }), pool(Thing, { handles: "wide", reuse: "spread" })],
  "debug mode": () => [pool(Thing, { debug: true }), pool(Thing, { debug: true })],
  "a PoolSet": () => [
    untyped(new PoolSet({ ...SNAPPED, sizes: [2, 32], types: [Thing, Tiny] })),
    untyped(new PoolSet({ ...SNAPPED, maxChunks: 256, sizes: [2, 64], types: [Tiny, OtherThing] })),
  ],
  "an ErasedPool without types": () => [
    untyped(new ErasedPool({ ...SNAPPED, size: 32 })),
    untyped(new ErasedPool({ ...SNAPPED, size: 32, handles: "wide" })),
  ],
};

function filled(make: () => [Victim, Victim]): [Victim, Victim] {
  const pair = make();
  for (const it of pair) {
    const isTold = !((it as object) instanceof Pool);
    const type = isTold && it === pair[1] && (it as object) instanceof PoolSet ? OtherThing : Thing;
    const alloc = (init: object): number =>
      isTold
        ? untyped<PoolSet>(it).alloc(untyped<typeof Thing>(type))
        : untyped<Pool<typeof Thing>>(it).alloc(
          untyped<Pool<AnyStruct>>(it).struct === Thing ? init : {},
        );
    fill(alloc, (handle) => it.free(handle));
    if ((it as object) instanceof PoolSet) untyped<PoolSet>(it).alloc(Tiny, { a: 5 });
  }
  return pair;
}

/** Loads, or is refused and changes nothing; tells whether it was loaded. */
function attempt(victim: Victim, bytes: Uint8Array, before: string): boolean {
  try {
    victim.load(bytes, { rename: { b: "c" } });
  } catch (error) {
    assert(error instanceof SnapshotError, error instanceof Error ? error.stack : String(error));
    assertEquals(figuresOf(victim), before);
    return false;
  }
  validate(victim);
  for (const handle of [...victim.handles()]) victim.free(forge(handle));
  assertEquals(victim.size, 0);
  validate(victim);
  return true;
}

/** Enough to notice any change, and fast. */
function figuresOf(victim: Victim): string {
  const { allocs, frees, grown, released, blocks } = victim.stats();
  return [allocs, frees, grown, released, blocks, victim.size].join();
}

const EXTREMES = [0, 1, -1, 2, 3, 7, 2 ** 31 - 1, -(2 ** 31), 2 ** 20, 65_535, 65_536, 0x7ff00000];

/** A save with something wrong. */
function damaged(saved: Uint8Array, random: (n: number) => number): Uint8Array {
  const bytes = saved.slice();
  const words = new Int32Array(bytes.buffer);
  const kind = random(6);
  const textWords = Math.ceil(words[8] / 4);
  for (let i = random(3); i >= 0; i--) {
    if (kind < 2) { // a bit, in the books or anywhere
      const at = kind === 0
        ? random(bytes.length)
        : 40 + textWords * 4 + random(Math.min(400, bytes.length - 40 - textWords * 4));
      bytes[at] ^= 1 << random(8);
    } else if (kind === 2) words[random(words.length)] = EXTREMES[random(EXTREMES.length)];
    else if (kind === 3) {
      new Float64Array(bytes.buffer)[random(bytes.length / 8)] =
        [NaN, Infinity, -1, 0.5, 2 ** 53, 1e300, 5][random(7)];
    } else if (kind === 4) { // sections swapped
      const length = 8 * (1 + random(20));
      const [a, b] = [8 * random(bytes.length / 8), 8 * random(bytes.length / 8)];
      const part = bytes.slice(a, a + length);
      bytes.copyWithin(a, b, b + length);
      bytes.set(part.subarray(0, bytes.length - b), b);
    } else bytes[40 + random(words[8])] = random(128); // of the description
  }
  const cut = random(12) === 0 ? 8 * Math.max(4, random(bytes.length / 8)) : bytes.length;
  return sealed(bytes.slice(0, cut));
}

for (const [name, make] of Object.entries(PAIRS)) {
  Deno.test(`load() of ${name} takes any damage that the checksum does not show, or refuses it`, () => {
    const [old, victim] = filled(make);
    const saved = old.save();
    const random = randomOf(name.length);
    let before = figuresOf(victim);
    let loaded = 0;
    const count = Math.ceil(TRIES * 0.6 / Object.keys(PAIRS).length);
    for (let i = 0; i < count; i++) {
      if (attempt(victim, damaged(saved, random), before)) {
        loaded++;
        before = figuresOf(victim);
      }
    }
    assert(loaded > count / 100, `just ${loaded} were loaded`);
    assert(loaded < count, "all were loaded");
  });
}

// -- the description --

const VALUES: unknown[] = [
  ...[
    null,
    true,
    0,
    -1,
    1,
    0.5,
    1e300,
    2 ** 31,
    2 ** 53,
    65_536,
    "",
    "u8",
    "f64",
    "x",
    "__proto__",
  ],
  ...["constructor", "toString", "length", [], {}, [[]], { struct: 0 }, { struct: -1 }, {
    struct: "map",
  }],
  ...[{ array: "u8", length: 2 ** 30 }, { array: { array: "u8", length: 2 }, length: 2 }, {
    array: "u8",
    length: 0,
  }],
  ...[
    { struct: 99 },
    { struct: { struct: 0 } },
    "compact,6,0,0,15",
    "wide,32,0,0,21",
    "wide,53,0,0,1",
    "compact",
  ],
];

/** Replaces, drops, doubles or swaps something at any depth. */
function mutate(value: unknown, random: (n: number) => number, depth = 0): unknown {
  if (typeof value !== "object" || value === null || depth > 0 && random(6) === 0) {
    return VALUES[random(VALUES.length)];
  }
  const keys = Object.keys(value);
  const key = keys[random(keys.length)];
  if (Array.isArray(value)) {
    const list: unknown[] = [...value];
    const at = Number(key ?? 0);
    const kind = random(8);
    if (kind === 0) list.splice(at, 1);
    else if (kind === 1) list.push(list[at]);
    else if (kind === 2) list.reverse();
    else list[at] = mutate(list[at], random, depth + 1);
    return list;
  }
  const all = untyped<Record<string, unknown>>({ ...value });
  if (random(10) === 0) delete all[key];
  else if (random(20) === 0) return JSON.parse(`{"__proto__":${JSON.stringify(value)}}`);
  else all[key] = mutate(all[key], random, depth + 1);
  return all;
}

for (const [name, make] of Object.entries(PAIRS)) {
  Deno.test(`load() of ${name} takes any description, or refuses it`, () => {
    const [old, victim] = filled(make);
    const saved = old.save();
    const random = randomOf(name.length + 100);
    let before = figuresOf(victim);
    for (let i = 0; i < TRIES * 0.4 / Object.keys(PAIRS).length; i++) {
      let text: unknown = JSON.parse(textOf(saved));
      for (let n = random(3); n >= 0; n--) text = mutate(text, random);
      if (attempt(victim, withText(saved, JSON.stringify(text)), before)) {
        before = figuresOf(victim);
      }
    }
  });
}

// -- by hand --

/** Descriptions that try to take time, memory or the stack. */
function texts(saved: Uint8Array): Record<string, string> {
  const plain = JSON.parse(textOf(saved));
  const [slab] = plain.slabs;
  const struct = { name: "Thing", size: 4, fields: [["n", "u32", 0]] };
  const chain = (count: number, twice: boolean) =>
    Array.from({ length: count }, (_, i) => ({
      name: `S${i}`,
      size: twice ? Math.min(2 ** i, 2 ** 26) : 1,
      fields: i === 0
        ? [["a", "u8", 0]]
        : twice
        ? [["a", { struct: i - 1 }, 0], ["b", { struct: i - 1 }, 2 ** (i - 1)]]
        : [["a", { struct: i - 1 }, 0]],
    }));
  const of = (more: object) => JSON.stringify({ ...plain, ...more });
  return {
    "no object": "7",
    "null": "null",
    "half a text": textOf(saved).slice(0, -3),
    "brackets without end": "[".repeat(200_000),
    "deep brackets": "[".repeat(100_000) + "]".repeat(100_000),
    "deep arrays in a type": of({
      structs: [{
        ...struct,
        fields: [[
          "n",
          JSON.parse('{"array":'.repeat(5000) + '"u8"' + ',"length":1}'.repeat(5000)),
          0,
        ]],
      }],
    }),
    "a long chain of structs": of({ structs: chain(20_000, false) }),
    "a doubling chain of structs": of({ structs: chain(27, true) }),
    "a chain that is used": of({ structs: chain(200, false), slabs: [{ ...slab, kinds: [199] }] }),
    "many structs": of({
      structs: Array.from({ length: 20_000 }, (_, i) => ({ ...struct, name: `S${i}` })),
    }),
    "many fields": of({
      structs: [{
        name: "",
        size: 30_000,
        fields: Array.from({ length: 30_000 }, (_, i) => [`f${i}`, "u8", i]),
      }],
    }),
    "many slabs": of({ slabs: new Array(1000).fill(slab) }),
    "a huge chunk": of({ slabs: [{ ...slab, chunkBytes: 2 ** 26 }] }),
    "a field of huge length": of({
      structs: [{ ...struct, size: 2 ** 26, fields: [["n", { array: "u8", length: 2 ** 26 }, 0]] }],
    }),
    "huge structs in huge arrays": of({
      structs: [
        { name: "A", size: 2 ** 26, fields: [["n", { array: "u8", length: 2 ** 26 }, 0]] },
        {
          name: "B",
          size: 8,
          fields: [["n", { array: { struct: 0 }, length: 2 ** 26 }, 0], ["m", "u64", 0]],
        },
      ],
    }),
    "a negative offset": of({ structs: [{ ...struct, fields: [["n", "u32", -4]] }] }),
    "an offset beyond": of({ structs: [{ ...struct, fields: [["n", "u32", 4]] }] }),
    "the same field twice": of({
      structs: [{ ...struct, size: 8, fields: [["n", "u32", 0], ["n", "u32", 4]] }],
    }),
    "a prototype's name": of({ structs: [{ ...struct, fields: [["__proto__", "u32", 0]] }] }),
    "a reserved name": of({ structs: [{ ...struct, fields: [["constructor", "u32", 0]] }] }),
    "a type that every object has": of({
      structs: [{ ...struct, fields: [["n", "toString", 0]] }],
    }),
    "a struct of itself": of({ structs: [{ ...struct, fields: [["n", { struct: 0 }, 0]] }] }),
    "kinds by a name": of({ slabs: [{ ...slab, kinds: ["length"] }] }),
    "too many kinds": of({ slabs: [{ ...slab, tagged: true, kinds: new Array(257).fill(0) }] }),
    "no kinds with tags": of({ slabs: [{ ...slab, tagged: true, kinds: [] }] }),
    "numbers that nobody has written": of({ slabs: [{ ...slab, isDebug: true }] }),
    "the end of all numbers": of({ nextNumber: 2 ** 53 }),
    "handles of no bits": of({ slabs: [{ ...slab, handles: "compact,6,0,0,0" }] }),
    "handles of too many bits": of({ slabs: [{ ...slab, handles: "compact,22,0,0,15" }] }),
    "handles by no number": of({ slabs: [{ ...slab, handles: "compact,,,," }] }),
  };
}

Deno.test("load() refuses descriptions that try to take time, memory or the stack", () => {
  using old = new Pool({ n: "u32" }, SNAPPED);
  old.allocMany(5);
  const saved = old.save();
  using victim = new Pool(struct({ n: "u32" }, { name: "Thing" }), SNAPPED);
  victim.alloc({ n: 1 });
  for (const [what, text] of Object.entries(texts(saved))) {
    const bytes = withText(saved, text);
    try {
      assertRefused(victim, () => victim.load(bytes), SnapshotError, "Cannot load");
    } catch (error) {
      throw new Error(what, { cause: error });
    }
  }
});

Deno.test("load() refuses two slabs of the same handles", () => {
  const old = new PoolSet({ ...SNAPPED, sizes: [8, 32], types: [Tiny, Thing] });
  old.alloc(Tiny);
  old.alloc(Thing);
  const saved = old.save();
  const text = JSON.parse(textOf(saved));
  text.slabs[1].handles = text.slabs[0].handles;
  const set = new PoolSet({ ...SNAPPED, sizes: [8, 32], types: [Tiny, Thing], debug: true });
  assertRefused(
    set,
    () => set.load(withText(saved, JSON.stringify(text))),
    SnapshotError,
    "its description of handles is corrupt",
  );
});

Deno.test("load() refuses a save that is cut off anywhere, sealed again or not", () => {
  for (const make of Object.values(PAIRS)) {
    const [old, victim] = filled(make);
    const saved = old.save();
    const before = stateOf(victim);
    for (let length = 0; length < saved.length; length++) {
      assertThrows(() => victim.load(saved.slice(0, length)), SnapshotError);
      if (length >= 32 && length % 8 === 0) {
        assertThrows(() => victim.load(sealed(saved.slice(0, length))), SnapshotError);
      }
    }
    assertEquals(stateOf(victim), before);
  }
});

Deno.test("load() notices every change of any one byte", () => {
  const [old, victim] = filled(PAIRS["a PoolSet"]);
  const saved = old.save();
  const before = stateOf(victim);
  for (let at = 0; at < saved.length; at++) {
    for (const change of [1, 16, 128, 255]) {
      saved[at] ^= change;
      assertThrows(() => victim.load(saved), SnapshotError);
      saved[at] ^= change;
    }
  }
  assertEquals(stateOf(victim), before);
});

Deno.test("load() refuses bytes that are no save, of another version or byte order, or too long", () => {
  const [old, victim] = filled(PAIRS["debug mode"]);
  const saved = old.save();
  const bad = (bytes: Uint8Array, problem: string) =>
    assertRefused(
      victim,
      () => victim.load(bytes),
      SnapshotError,
      `Cannot load Pool "Thing" from the save: ${problem}`,
    );
  bad(
    new TextEncoder().encode("This is not the save that you are looking for."),
    "it is no save of this module",
  );
  const changed = (word: number, value: number) => {
    const bytes = saved.slice();
    new Int32Array(bytes.buffer)[word] = value;
    return bytes;
  };
  bad(changed(1, 2), "it is of version 2, this one reads 1");
  const turned = saved.slice();
  const words = new DataView(turned.buffer);
  for (let at = 0; at < turned.length; at += 4) words.setUint32(at, words.getUint32(at), true);
  bad(turned, "it is from a machine of the other byte order");
  const longer = new Uint8Array(saved.length + 8);
  longer.set(saved);
  bad(sealed(longer), "bytes are left over");
});
