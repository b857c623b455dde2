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
  SchemaError,
  SharedPool,
  snapshot,
  snapshotArena,
  StackAllocator,
  struct,
  wasmMemory,
} from "../../mod.ts";
import type { AnyStruct, SnapshotOptions } from "../../mod.ts";
import { checkOptions, nearestName } from "../../src/messages/nearest.ts"; // is in no public error as a whole
import { drop, testKinds } from "../_kinds.ts";
import { shown, SMALL, stateOf, untyped } from "../_support.ts";

const Vec = struct({ x: "f32", y: "f32" }, { name: "Vec" });

// -- names --

Deno.test("nearestName() finds the name that was meant, and none where none is near", () => {
  const known = ["maxChunks", "chunksPerBlock", "memory", "life", "hp", "x", "name"];
  const meant: Record<string, string> = {
    ...{ maxChunk: "maxChunks", maxChunkss: "maxChunks", maxChunqs: "maxChunks" }, // an edit away
    ...{ maxChukns: "maxChunks", axChunks: "maxChunks", liev: "life", nme: "name" },
    ...{ maxchunks: "maxChunks", MAX_CHUNKS: "maxChunks", "max-chunks": "maxChunks" }, // the same
    ...{ _maxChunks: "maxChunks", HP: "hp", _hp: "hp", X: "x" },
  };
  for (const [name, it] of Object.entries(meant)) assertEquals(nearestName(name, known), it, name);
  for (const name of ["", "z", "y", "hq", "color", "chunks", "maximum", "__proto__", "_"]) {
    assertEquals(nearestName(name, known), undefined, name);
  }
  assertEquals(nearestName("hp", []), undefined);
  assertEquals(nearestName("abcdefxyz", ["abcdefghi"]), "abcdefghi"); // three edits of 9 letters
  assertEquals(nearestName("abcdewxyz", ["abcdefghi"]), undefined);
  assertEquals(nearestName("aeg", ["age"]), "age"); // a swap is one edit, which is all for 3 letters
  assertEquals(nearestName("gea", ["age"]), undefined);
  assertEquals(nearestName("fooo", ["fxxo", "fooz"]), "fooz"); // fewer edits
  assertEquals(nearestName("barx", ["bary", "barz"]), "bary"); // the first
});

// -- options --

Deno.test("Options may have symbols and inherited names; what every object has counts for none, in a record neither", () => {
  class Options {
    name = "it";
    get debug() {
      return true;
    }
  }
  const good = [new Options(), Object.create({ name: "it" }), { [Symbol("other")]: 1 }];
  const check = (options: object) => checkOptions("Cannot", options, ["name", "debug"]);
  for (const options of [...good, Object.create(null)]) check(options);
  assertThrows(() => check(Object.create({ nmae: "it" })), TypeError, "nmae");
  Object.assign(Object.prototype, { polluted: 1 });
  try {
    check({});
    using pool = new Pool(Vec);
    pool.set(pool.alloc({ x: 1 }), { y: 2 });
    const fields = { valueOf: "u8", n: "u8" }; // every object has a valueOf
    using named = new Pool(untyped<{ n: "u8" }>(fields));
    named.alloc({ n: 1 });
    using long = new Pool({ all: array(Vec, 2000) }); // whose elements are copied first
    long.alloc({ all: [{ x: 1 }] });
    assertThrows(() => pool.alloc(untyped(new Map())), TypeError, "got a Map");
    assertThrows(() => pool.alloc(untyped({ polluted: 1 })), TypeError, "polluted"); // its own
  } finally {
    delete (Object.prototype as { polluted?: number }).polluted;
  }
});

const wasm = new WebAssembly.Memory({ initial: 1 });
const set = new PoolSet({ sizes: [8] });

function attach(options: never): unknown {
  return SharedPool.attach(Vec, SharedPool.create(Vec).share(), options);
}

/**
 * Every call that takes options: its title, a misspelt option, the one meant, and those it needs.
 */
const CALLS: [string, string, string, (options: never) => unknown, object?][] = [
  ['create Pool "Vec"', "maxChunk", "maxChunks", (it) => new Pool(Vec, it)],
  ['create ErasedPool "pool"', "aling", "align", (it) => new ErasedPool(it), { size: 8 }],
  ['create PoolSet "pool"', "size", "sizes", (it) => new PoolSet(it), { sizes: [8] }],
  ['create SharedPool "Vec"', "maxChunk", "maxChunks", (it) => SharedPool.create(Vec, it)],
  ['attach SharedPool "Vec"', "specialise", "specialize", attach],
  ['create Arena "arena"', "blockByte", "blockBytes", (it) => new Arena(it)],
  ['create StackAllocator "stack"', "bytelength", "byteLength", (it) => new StackAllocator(it)],
  ['create FreeListAllocator "heap"', "grows", "grow", (it) => new FreeListAllocator(it)],
  ["define struct", "layot", "layout", (it) => struct({ x: "u8" }, it)],
  ["create countingMemory", "limt", "limit", (it) => countingMemory(undefined, it)],
  ["create wasmMemory", "byteOfset", "byteOffset", (it) => wasmMemory(wasm, it)],
  ["configure", "specialise", "specialize", (it) => configure(it)],
  ["dump", "colour", "color", (it) => dump(new Pool(Vec), it)],
  ['snapshot Pool "Vec"', "checksums", "checksum", (it) => snapshot(new Pool(Vec), undefined, it)],
  ['snapshot PoolSet "pool"', "checkSum", "checksum", (it) => snapshot(set, undefined, it)],
  [
    'snapshot Arena "arena"',
    "cheksum",
    "checksum",
    (it) => snapshotArena(new Arena(), undefined, it),
  ],
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
  });
}

Deno.test("The error for an option has the name that was given, if that is a string", () => {
  const create = (name: unknown) => () => new Pool(Vec, untyped({ name, maxChunk: 1024 }));
  const problem = 'unknown option "maxChunk", did you mean "maxChunks"?';
  assertThrows(create("bullets"), TypeError, `Cannot create Pool "bullets": ${problem}`);
  assertThrows(create(5), TypeError, `Cannot create Pool: ${problem}`);
  const define = () => struct({ x: "u8" }, untyped<object>({ name: "Vec", pack: 1 }));
  assertEquals(assertThrows(define, SchemaError).struct, "Vec");
});

Deno.test("snapshot() throws on a checksum that is not a boolean, struct() on a field that is a symbol", () => {
  for (const checksum of [0, "no", null]) {
    const message = `checksum must be a boolean, got ${shown(checksum)}`;
    const options = untyped<SnapshotOptions>({ checksum });
    assertThrows(() => snapshot(new Pool(Vec), undefined, options), TypeError, message);
    assertThrows(() => snapshotArena(new Arena(), undefined, options), TypeError, message);
  }
  const define = () => struct(untyped<{ x: "u8" }>({ x: "u8", [Symbol("y")]: "u8" }));
  const error = assertThrows(define, SchemaError, 'field "Symbol(y)" must be an identifier');
  assertEquals(error.field, "Symbol(y)");
});

Deno.test("A pool with an unknown option allocates nothing; inherited options count", () => {
  const memory = countingMemory();
  assertThrows(() => new StackAllocator(untyped({ memory, debugg: true })), TypeError);
  assertEquals(memory.allocations, 0);
  const inherited = { memory, name: "inherited", chunksPerBlock: 16 };
  const options = (own: object) => untyped<never>(Object.assign(Object.create(inherited), own));
  const erased = [new ErasedPool(options({ size: 8 })), new PoolSet(options({ sizes: [8] }))];
  for (const pool of [new Pool(Vec, options({})), ...erased]) {
    if (pool instanceof Pool) pool.alloc();
    else pool.alloc(Vec);
    assertEquals([pool.name, pool.capacity], ["inherited", 16]);
  }
  assertEquals(memory.allocations, 3);
});

// -- fields --

const FIELDS = { life: "u8", pos: Vec, dots: array(Vec, 2) } as const;
const STRUCTS: readonly AnyStruct[] = [
  struct({ ...FIELDS, many: array(Vec, 400) }, { name: "Item" }), // too many for one expression
  struct(untyped<typeof FIELDS>({ valueOf: "u8", ...FIELDS })), // every object inherits a valueOf
];
const OF_ARRAY = "it must be an object of fields, got an array";

const BAD: [value: unknown, message: string][] = [
  [{ liev: 1 }, 'it has no field "liev", it has '],
  [{ liev: 1 }, '; did you mean "life"?'],
  [{ Life: undefined }, '; did you mean "life"?'],
  [{ life: 1, _b: 1 }, "a view was spread"],
  [{ _: 1 }, 'it has no field "_"'],
  [{ _of: Vec }, 'it has no field "_of"'],
  [Object.assign(Object.create({ _x: 1 }), { life: 1 }), 'it has no field "_x"'],
  [Object.assign(Object.create(null), { life: 1, _x: 1 }), 'it has no field "_x"'],
  [{ pos: { x: 1, _y: 1 } }, 'at "pos": it has no field "_y"'],
  [{ dots: [{}, { _y: 1 }] }, 'at "dots[1]": it has no field "_y"'],
  [[], OF_ARRAY],
  [new Map([["life", 1]]), "got a Map"],
  [Promise.resolve({ life: 1 }), "got a Promise"],
  [{ pos: [] }, `at "pos": ${OF_ARRAY}`],
  [{ dots: [new Map()] }, 'at "dots[0]": it must be an object of fields, got a Map'],
];

for (const Item of STRUCTS) {
  testKinds(`checks the fields of values for a struct ${Item.name}`, Item, SMALL, (make) => {
    type View = { pos: unknown; dots: { get(i: number): unknown }; toJSON(): { pos: unknown } };
    const { pool, of } = make();
    const handle = pool.alloc(...of, { life: 3, pos: { x: 1, y: 2 }, dots: [{ x: 5 }] });
    const before = stateOf(pool);
    for (const [value, message] of BAD) {
      for (const method of ["alloc", "tryAlloc", "scoped"] as const) {
        assertThrows(() => pool[method](...of, value), TypeError, message);
      }
      assertThrows(() => pool.set(...of, handle, value), TypeError, message);
    }
    assertEquals(stateOf(pool), before);

    const view = pool.get<View>(...of, handle);
    const point = Object.assign(Object.create({ y: 9 }), { x: 8 });
    const good = [
      ...[view, { pos: view.pos, dots: view.dots }, { pos: view.dots.get(0) }, { pos: point }],
      ...[{ [Symbol("mine")]: 1 }, {}, Object.create(null), Object.create({ life: 1 })],
    ].map((value) => pool.get<View>(...of, pool.alloc(...of, value)).toJSON());
    assertEquals(good[0], view.toJSON());
    assertEquals([good[1].pos, good[3].pos], [{ x: 1, y: 2 }, { x: 8, y: 9 }]);
    drop(pool);
  });
}

Deno.test("Elements that are copied first, records of arenas and of shared pools are checked as well", () => {
  using pool = new Pool(STRUCTS[0]);
  using shared = SharedPool.create(Vec);
  using arena = new Arena();
  const many = (value: unknown) => pool.alloc(untyped({ many: [{}, value] }));
  assertThrows(() => many({ _y: 1 }), TypeError, 'at "many[1]": it has no field "_y"');
  assertThrows(() => many([]), TypeError, `at "many[1]": ${OF_ARRAY}`);
  assertThrows(() => arena.allocRecord(Vec, untyped({ _x: 1 })), TypeError, 'no field "_x"');
  assertThrows(() => shared.alloc(untyped({ _x: 1 })), TypeError, 'no field "_x"');
  assertEquals([pool.size, shared.size, arena.stats().usedBytes], [0, 0, 0]);
});
