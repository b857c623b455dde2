/** Unknown names of options and fields are errors that say which name was probably meant. */
import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import {
  Arena,
  array,
  configure,
  countingMemory,
  dump,
  ErasedPool,
  FreeListAllocator,
  Pool,
  PoolSet,
  SharedPool,
  snapshot,
  snapshotArena,
  StackAllocator,
  struct,
  wasmMemory,
} from "../../mod.ts";
import { nearestName } from "../../src/messages/nearest.ts"; // is in no public error as a whole
import { shown, untyped, withProperties } from "../_support.ts";

const Vec = struct({ x: "f32", y: "f32" }, { name: "Vec" });

// -- names --

Deno.test("nearestName() finds the name that was meant, and none where none is near", () => {
  const known = ["maxChunks", "chunksPerBlock", "memory", "life", "hp", "x", "name"];
  const meant: Record<string, string> = {
    ...{ maxChunk: "maxChunks", maxChunkss: "maxChunks", maxChunqs: "maxChunks" }, // an edit away
    ...{ maxChukns: "maxChunks", axChunks: "maxChunks", liev: "life", nme: "name" },
    ...{ MAX_CHUNKS: "maxChunks", "max-chunks": "maxChunks", _hp: "hp", X: "x" }, // the same
  };
  for (const [name, it] of Object.entries(meant)) assertEquals(nearestName(name, known), it, name);
  for (const name of ["", "z", "hq", "color", "chunks", "maximum", "__proto__", "_"]) {
    assertEquals(nearestName(name, known), undefined, name);
  }
  assertEquals(nearestName("abcdefxyz", ["abcdefghi"]), "abcdefghi"); // three edits of 9 letters
  assertEquals(nearestName("abcdewxyz", ["abcdefghi"]), undefined);
  assertEquals(nearestName("aeg", ["age"]), "age"); // a swap is one edit, which is all for 3 letters
  assertEquals(nearestName("gea", ["age"]), undefined);
  assertEquals(nearestName("fooo", ["fxxo", "fooz"]), "fooz"); // fewer edits
  assertEquals(nearestName("barx", ["bary", "barz"]), "bary"); // the first
});

// -- options --

const wasm = new WebAssembly.Memory({ initial: 1 });
const token = SharedPool.create(Vec).share();
const arena = new Arena();

/**
 * Every call that takes options: its title, a misspelt option, the one meant, and those it needs.
 */
const CALLS: [string, string, string, (options: never) => unknown, object?][] = [
  ['create Pool "Vec"', "maxChunk", "maxChunks", (it) => new Pool(Vec, it)],
  ['create ErasedPool "pool"', "aling", "align", (it) => new ErasedPool(it), { size: 8 }],
  ['create PoolSet "pool"', "size", "sizes", (it) => new PoolSet(it), { sizes: [8] }],
  ['create SharedPool "Vec"', "maxChunk", "maxChunks", (it) => SharedPool.create(Vec, it)],
  ['attach SharedPool "Vec"', "specialze", "specialize", (it) => SharedPool.attach(Vec, token, it)],
  ['create Arena "arena"', "blockByte", "blockBytes", (it) => new Arena(it)],
  ['create StackAllocator "stack"', "bytelength", "byteLength", (it) => new StackAllocator(it)],
  ['create FreeListAllocator "heap"', "grows", "grow", (it) => new FreeListAllocator(it)],
  ["define struct", "layot", "layout", (it) => struct({ x: "u8" }, it)],
  ["create countingMemory", "limt", "limit", (it) => countingMemory(undefined, it)],
  ["create wasmMemory", "byteOfset", "byteOffset", (it) => wasmMemory(wasm, it)],
  ["configure", "specialise", "specialize", (it) => configure(it)],
  ["dump", "colour", "color", (it) => dump(new Pool(Vec), it)],
  ['snapshot Pool "Vec"', "checkSum", "checksum", (it) => snapshot(new Pool(Vec), undefined, it)],
  ['snapshot Arena "arena"', "cheksum", "checksum", (it) => snapshotArena(arena, undefined, it)],
];

for (const [title, wrong, meant, call, needed = {}] of CALLS) {
  Deno.test(`Cannot ${title}: an unknown option throws and names the nearest or all; undefined is as left out`, () => {
    const given = (options: object) => call(untyped({ ...needed, ...options }));
    for (const value of [1, undefined]) {
      const error = assertThrows(() => given({ [wrong]: value }), TypeError, title);
      assertStringIncludes(error.message, `: unknown option "${wrong}", did you mean "${meant}"?`);
    }
    const error = assertThrows(() => given({ zzz: 1 }), TypeError, 'unknown option "zzz", known: ');
    assertStringIncludes(error.message, meant);
    if (title !== "configure") given({ [meant]: Reflect.get(needed, meant) });
    for (const value of [null, 7, "name", true]) {
      const message = `options must be an object, got ${shown(value)}`;
      assertThrows(() => call(untyped(value)), TypeError, message);
    }
    for (const value of title.startsWith("snapshot") ? [0, "no", null] : []) {
      const message = `checksum must be a boolean, got ${shown(value)}`;
      assertThrows(() => given({ checksum: value }), TypeError, message);
    }
  });
}

Deno.test("Inherited options count, symbols and what every object has do not, and an error allocates nothing", () => {
  const memory = countingMemory();
  assertThrows(() => new StackAllocator(untyped({ memory, debugg: true })), TypeError);
  const bad = Object.create({ memory, name: "it", alive: 1 });
  const message = 'Cannot create Pool "it": unknown option "alive"'; // its name was not checked yet
  assertThrows(() => new Pool(Vec, bad), TypeError, message);
  assertEquals(memory.allocations, 0);
  const inheriting = (own: object) => untyped<never>(Object.assign(Object.create({ memory }), own));
  withProperties(Object.prototype, { polluted: { value: 1, enumerable: true } }, () => {
    const pool = new Pool(Vec, inheriting({ [Symbol("other")]: 1 }));
    pool.set(pool.alloc({ x: 1 }), { y: 2 });
    new ErasedPool(inheriting({ size: 8 })).alloc(Vec);
    new PoolSet(inheriting({ sizes: [8] })).alloc(Vec);
    const long = new Pool({ all: array(Vec, 2000) }, Object.create(null));
    long.alloc({ all: [{ x: 1 }] }); // whose elements are copied first
    assertThrows(() => pool.alloc(untyped({ polluted: 1 })), TypeError, "polluted"); // its own
  });
  assertEquals(memory.allocations, 3);
});

// -- fields --

/** Values with a name that is no field, and what the error says of it. */
const UNKNOWN: [value: unknown, message: string][] = [
  [{ liev: 1 }, '; did you mean "life"?'],
  [{ Life: undefined }, '; did you mean "life"?'],
  [{ life: 1, _b: 1 }, "a view was spread"],
  [{ _of: Vec }, 'it has no field "_of"'],
  [Object.assign(Object.create({ _x: 1 }), { life: 1 }), 'it has no field "_x"'],
];

Deno.test("An unknown field throws, and the error says which was meant or that a view was spread", () => {
  const type = struct({ life: "u8", pos: Vec });
  using pool = new Pool(type);
  using shared = SharedPool.create(type);
  using arena = new Arena();
  const handle = pool.alloc();
  for (const [value, message] of UNKNOWN) {
    const init = untyped<never>(value);
    assertThrows(() => pool.alloc(init), TypeError, message);
    assertThrows(() => pool.set(handle, init), TypeError, message);
    assertThrows(() => shared.alloc(init), TypeError, message);
    assertThrows(() => arena.allocRecord(type, init), TypeError, message);
  }
  pool.set(handle, untyped({ life: 3, [Symbol("mine")]: 1 }));
  assertEquals(pool.get(handle).life, 3);
});
