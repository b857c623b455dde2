/** Names that nobody knows: options of everything that takes some, and fields of values. */
import { assert, assertEquals, assertThrows } from "@std/assert";
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
  StackAllocator,
  struct,
  wasmMemory,
} from "../../mod.ts";
import { FACES } from "../_faces.ts";
import { stateOf, untyped } from "../_support.ts";

// -- options --

const Vec = struct({ x: "f32", y: "f32" }, { name: "Vec" });
const wasm = new WebAssembly.Memory({ initial: 1 });

/** What takes options: those that it needs, a misspelt one with what was meant, and how its error begins. */
const TAKERS: Record<string, [
  take: (options: never) => unknown,
  needed: object,
  wrong: string,
  meant: string,
  title: string,
]> = {
  "Pool": [(it) => new Pool(Vec, it), {}, "maxChunk", "maxChunks", 'Cannot create Pool "Vec"'],
  "ErasedPool": [
    (it) => new ErasedPool(it),
    { size: 8 },
    "aling",
    "align",
    'create ErasedPool "pool"',
  ],
  "PoolSet": [(it) => new PoolSet(it), { sizes: [8] }, "size", "sizes", 'create PoolSet "pool"'],
  "SharedPool.create()": [
    (it) => SharedPool.create(Vec, it),
    {},
    "chunkPerBlock",
    "chunksPerBlock",
    'Cannot create SharedPool "Vec"',
  ],
  "SharedPool.attach()": [
    (it) => SharedPool.attach(Vec, SharedPool.create(Vec).share(), it),
    {},
    "specialise",
    "specialize",
    'Cannot attach SharedPool "Vec"',
  ],
  "Arena": [(it) => new Arena(it), {}, "blockByte", "blockBytes", 'Cannot create Arena "arena"'],
  "StackAllocator": [
    (it) => new StackAllocator(it),
    {},
    "bytelength",
    "byteLength",
    'Cannot create StackAllocator "stack"',
  ],
  "FreeListAllocator": [
    (it) => new FreeListAllocator(it),
    {},
    "grows",
    "grow",
    'Cannot create FreeListAllocator "heap"',
  ],
  "struct()": [(it) => struct({ x: "u8" }, it), {}, "layot", "layout", "Cannot define struct"],
  "countingMemory()": [
    (it) => countingMemory(undefined, it),
    {},
    "limt",
    "limit",
    "Cannot create countingMemory",
  ],
  "wasmMemory()": [
    (it) => wasmMemory(wasm, it),
    {},
    "byteOfset",
    "byteOffset",
    "Cannot create wasmMemory",
  ],
  "configure()": [(it) => configure(it), {}, "specialise", "specialize", "Cannot configure"],
  "dump()": [(it) => dump(new Pool(Vec), it), {}, "colour", "color", "Cannot dump"],
  "Pool.snapshot()": [
    (it) => new Pool(Vec).snapshot(undefined, it),
    {},
    "checksums",
    "checksum",
    'Cannot snapshot Pool "Vec"',
  ],
  "PoolSet.snapshot()": [
    (it) => new PoolSet({ sizes: [8] }).snapshot(undefined, it),
    {},
    "checkSum",
    "checksum",
    'Cannot snapshot PoolSet "pool"',
  ],
  "Arena.snapshot()": [
    (it) => new Arena().snapshot(undefined, it),
    {},
    "cheksum",
    "checksum",
    'Cannot snapshot Arena "arena"',
  ],
};

for (const [name, [take, needed, wrong, meant, title]] of Object.entries(TAKERS)) {
  const given = (options: object) => take(untyped({ ...needed, ...options }));

  Deno.test(`${name} refuses an option that it does not know, and names the nearest`, () => {
    const error = assertThrows(() => given({ [wrong]: 1 }), TypeError);
    assert(error.message.includes(title), error.message);
    assert(error.message.endsWith(`: unknown option "${wrong}", did you mean "${meant}"?`));
    assertThrows(() => given({ [wrong]: undefined }), TypeError, `unknown option "${wrong}"`);
  });

  Deno.test(`${name} tells the options that there are, where none is near`, () => {
    const error = assertThrows(() => given({ zzz: 1 }), TypeError, 'unknown option "zzz", there ');
    assert(error.message.includes(meant), error.message);
  });

  Deno.test(`${name} takes undefined for left out, and refuses what is no object`, () => {
    if (name !== "configure()") given({ [meant]: (needed as Record<string, unknown>)[meant] });
    for (const value of [null, 7, "name", true]) {
      assertThrows(() => take(untyped(value)), TypeError, "options must be an object, got ");
    }
  });
}

Deno.test("An error for an option has the name that was given, as far as it is one", () => {
  assertThrows(
    () => new Pool(Vec, untyped({ name: "bullets", maxChunk: 1024 })),
    TypeError,
    'Cannot create Pool "bullets": unknown option "maxChunk", did you mean "maxChunks"?',
  );
  assertThrows(
    () => new Pool(Vec, untyped({ name: 5, foo: 1 })),
    TypeError,
    "Cannot create Pool: ",
  );
  const error = assertThrows(
    () => struct({ x: "u8" }, untyped<object>({ name: "Vec", pack: 1 })),
    SchemaError,
  );
  assertEquals(error.struct, "Vec");
});

Deno.test("A refused option takes no part of the handles of debug pools, and no memory", () => {
  const memory = countingMemory();
  assertThrows(() => new StackAllocator(untyped({ memory, debugg: true })), TypeError);
  assertEquals(memory.allocations, 0);
});

Deno.test("Options that are inherited count for every kind of pool", () => {
  const memory = countingMemory();
  const common = { memory, name: "inherited", chunksPerBlock: 16 };
  const from = (own: object) => untyped<never>(Object.assign(Object.create(common), own));
  for (
    const pool of [
      new Pool(Vec, from({})),
      new ErasedPool(from({ size: 8 })),
      new PoolSet(from({ sizes: [8] })),
    ]
  ) {
    const before = memory.allocations;
    assertEquals(pool.name, "inherited");
    if (pool instanceof Pool) pool.alloc();
    else pool.alloc(Vec);
    assertEquals([memory.allocations, pool.capacity], [before + 1, 16]);
    pool.dispose();
  }
});

Deno.test("A class that hands options of its own on to the pool is told so", () => {
  class Bullets extends Pool<typeof Vec> {
    constructor(options: { speed: number }) {
      super(Vec, untyped(options));
    }
  }
  assertThrows(() => new Bullets({ speed: 1 }), TypeError, 'unknown option "speed"');
});

Deno.test("snapshot() wants its checksum to be a boolean", () => {
  using pool = new Pool(Vec);
  using arena = new Arena();
  for (const it of [pool, arena]) {
    for (const checksum of [0, "no", null]) {
      assertThrows(
        () => it.snapshot(undefined, untyped({ checksum })),
        TypeError,
        `checksum must be a boolean, got ${checksum}`,
      );
    }
  }
});

Deno.test("stats() fills an object that may have anything", () => {
  using pool = new Pool(Vec);
  const out = { size: 7, mine: 1 };
  assertEquals(pool.stats(out) as unknown, out);
  assertEquals(out.mine, 1);
});

// -- fields --

const Item = struct({
  life: "u8",
  hp: "u8",
  pos: Vec,
  dots: array(Vec, 2),
  many: array(Vec, 400), // too many for a chain
}, { name: "Item" });
/** With a field that every object has something of. */
const Valued = struct(
  untyped<{ life: "u8" }>({ valueOf: "u8", life: "u8", pos: Vec, dots: array(Vec, 2) }),
);

for (const [name, make] of Object.entries(FACES)) {
  for (const [type, Struct] of Object.entries({ Item, Valued })) {
    for (const specialize of [true, false]) {
      for (const debug of [false, true]) {
        const title = `${name} of ${type}${specialize ? "" : ", shared code"}${
          debug ? ", debug" : ""
        }`;
        const options = { specialize, debug, chunksPerBlock: 16, maxChunks: 32 };

        const refuses = (cases: [value: unknown, message: string][]) => {
          const face = make(untyped(Struct), options);
          const handle = face.alloc({ life: 3 });
          const before = stateOf(face.pool);
          for (const [value, message] of cases) {
            assertThrows(() => face.alloc(value), TypeError, message);
            assertThrows(() => face.tryAlloc(value), TypeError, message);
            assertThrows(() => face.set(handle, value), TypeError, message);
            assertThrows(() => face.scoped(value), TypeError, message);
          }
          assertEquals(stateOf(face.pool), before);
          face.pool.clear();
          face.pool.dispose();
        };

        Deno.test(`${title}: a field that is unknown is refused, and the nearest named`, () => {
          refuses([
            [{ liev: 1 }, 'it has no field "liev", it has '],
            [{ liev: 1 }, '; did you mean "life"?'],
            [{ Life: undefined }, '; did you mean "life"?'],
            [{ _life: 1 }, 'it has no field "_life", it has '],
            [{ _life: 1 }, '; did you mean "life"?'],
            [{ life: 1, _b: 1 }, "a view was spread"],
            [{ _: 1 }, 'it has no field "_"'],
            [{ _of: Struct }, 'it has no field "_of"'],
            [{ _of: Struct, life: 1 }, 'it has no field "_of"'],
            [Object.assign(Object.create({ _x: 1 }), { life: 1 }), 'it has no field "_x"'],
            [Object.assign(Object.create(null), { life: 1, _x: 1 }), 'it has no field "_x"'],
            [{ pos: { x: 1, _y: 1 } }, 'at "pos": it has no field "_y"'],
            [{ dots: [{}, { _y: 1 }] }, 'at "dots[1]": it has no field "_y"'],
          ]);
        });

        Deno.test(`${title}: a value that has no fields is refused`, () => {
          refuses([
            [[], "it must be an object of fields, got an array"],
            [[1, 2], "it must be an object of fields, got an array"],
            [new Map([["life", 1]]), "got a Map"],
            [new Set([1]), "got a Set"],
            [Promise.resolve({ life: 1 }), "got a Promise"],
            [{ pos: [] }, 'at "pos": it must be an object of fields, got an array'],
            [{ dots: [new Map()] }, 'at "dots[0]": it must be an object of fields, got a Map'],
          ]);
        });

        Deno.test(`${title}: a view passes as a value, and so do values of other makes`, () => {
          const face = make(untyped(Struct), options);
          const handle = face.alloc({ life: 3, pos: { x: 1, y: 2 }, dots: [{ x: 5 }] });
          const view = face.get<{ pos: unknown; dots: { get(i: number): unknown } }>(handle);
          void view.pos, view.dots.get(0); // so that it keeps parts
          const point = new class {
            x = 8;
            get y() {
              return 9;
            }
          }();
          const values = [
            view,
            { pos: view.pos, dots: view.dots },
            { pos: view.dots.get(0) },
            { pos: point },
            { [Symbol("mine")]: 1 },
            {},
            Object.create(null),
            Object.create({ life: 1 }),
          ];
          const handles = values.map((value) => face.alloc(value));
          const [copy, , , made] = handles.map((it) =>
            face.get<{ toJSON(): { pos: unknown } }>(it).toJSON()
          );
          assertEquals<unknown>(copy, untyped<{ toJSON(): unknown }>(view).toJSON());
          assertEquals(made.pos, { x: 8, y: 9 });
          face.pool.clear();
          face.pool.dispose();
        });
      }
    }
  }
}

Deno.test("A value whose elements are copied first is refused for an unknown field as well", () => {
  using pool = new Pool(Item);
  for (
    const [element, message] of [
      [{ _y: 1 }, 'at "many[1]": it has no field "_y"'],
      [new Map(), 'at "many[1]": it must be an object of fields, got a Map'],
      [[], 'at "many[1]": it must be an object of fields, got an array'],
    ] as const
  ) {
    assertThrows(() => pool.alloc(untyped({ many: [{}, element] })), TypeError, message);
  }
  assertEquals(pool.size, 0);
});

Deno.test("What a view holds is written with the same care", () => {
  using pool = new Pool(Item);
  const view = untyped<
    {
      pos: unknown;
      dots: { set(i: number, value: unknown): void; copyFrom(values: unknown): void };
    }
  >(
    pool.get(pool.alloc()),
  );
  assertThrows(() => view.pos = { _x: 1 }, TypeError, 'at "pos": it has no field "_x"');
  assertThrows(() => view.dots.set(0, { _x: 1 }), TypeError, 'it has no field "_x"');
  assertThrows(() => view.dots.copyFrom([{ _x: 1 }]), TypeError, 'it has no field "_x"');
  using arena = new Arena();
  assertThrows(() => arena.allocRecord(Vec, untyped({ _x: 1 })), TypeError, 'no field "_x"');
  using shared = SharedPool.create(Vec);
  assertThrows(() => shared.alloc(untyped({ _x: 1 })), TypeError, 'no field "_x"');
  assertEquals(shared.size, 0);
});

Deno.test("struct() refuses a field that is a symbol", () => {
  const fields = { x: "u8", [Symbol("y")]: "u8" } as const;
  const error = assertThrows(
    () => struct(untyped<{ x: "u8" }>(fields)),
    SchemaError,
    'field "Symbol(y)" has a name',
  );
  assertEquals(error.field, "Symbol(y)");
});
