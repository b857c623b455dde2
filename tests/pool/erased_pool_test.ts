/**
 * What an `ErasedPool` and a `PoolSet` promise of records of several structs, and then what only an
 * `ErasedPool` does. What they have in common with `Pool` is in `pool_base_test.ts`.
 *
 * @module
 */
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  array,
  ErasedPool,
  heapMemory,
  PoolSet,
  SchemaError,
  StaleHandleError,
  struct,
  TypeMismatchError,
} from "../../mod.ts";
import type { AnyHandle, AnyStruct, ErasedPoolOptions, PoolOptions, Struct } from "../../mod.ts";
import { type AnyPool, labelOf as labelOfKind } from "../_kinds.ts";
import {
  assertError,
  fill,
  forge,
  Huge,
  KINDS,
  Num,
  Pos,
  Real,
  shown,
  untyped,
} from "../_support.ts";
import type { MixedKind as Kind, MixedPool } from "../_support.ts";

/** As large as Num, and of the same fields. */
const Other = struct({ n: "u32" }, { name: "Other" });
const Byte = struct({ n: "u8" }, { name: "Byte" });

const SMALL: PoolOptions = { chunksPerBlock: 16, maxChunks: 64, name: "cells" };

/** 64 chunks of 16 bytes in blocks of 16, with types. */
function cellsOf(options: Partial<ErasedPoolOptions<Kind>> = {}): ErasedPool<Kind> {
  return new ErasedPool<Kind>({ size: 16, ...SMALL, types: KINDS, ...options });
}

/** The same without types. */
function openCells(options: PoolOptions = {}): ErasedPool<Kind> {
  return new ErasedPool<Kind>({ size: 16, ...SMALL, ...options });
}

type MixedMaker = (options?: PoolOptions) => MixedPool;

const SET = { ...SMALL, maxChunks: 256 };
/** The pools that know the struct of each record. */
const KNOWING: Readonly<Record<string, MixedMaker>> = {
  "ErasedPool": cellsOf,
  "PoolSet": (options) => new PoolSet<Kind>({ sizes: [4, 8, 16], ...SET, ...options }),
  "PoolSet with types": (options) =>
    new PoolSet<Kind>({ sizes: [16, 4, 8], ...SET, types: KINDS, ...options }),
};
const MIXED = { ...KNOWING, "ErasedPool without types": openCells };

const labelOf = (name: string) => labelOfKind(name, "cells");

/** Structs that differ in nothing but their identity. */
function manyStructs(count: number): Struct<{ readonly n: "u8" }>[] {
  return Array.from({ length: count }, (_, i) => struct({ n: "u8" }, { name: `S${i}` }));
}

/** Every member that takes a struct, by the verb of its errors. */
function callsWith(pool: MixedPool, kind: Kind): [verb: string, call: () => unknown][] {
  const none = () => assert(false) as never;
  return [
    ["alloc", () => pool.alloc(kind)],
    ["alloc", () => pool.alloc(kind, { n: 1 })],
    ["alloc", () => pool.tryAlloc(kind)],
    ["alloc", () => pool.scoped(kind)],
    ["allocMany", () => pool.allocMany(kind, 0)],
    ["make a cursor", () => pool.cursor(kind)],
    ["iterate", () => pool.forEach(kind, none)],
    ["iterate", () => pool.all(kind)],
    ["iterate", () => pool.handles(kind)],
    ["loop", () => pool.loop(kind, none)],
    ["retain", () => pool.retain(kind, none)],
  ];
}

// -- records of several structs --

for (const [name, create] of Object.entries(MIXED)) {
  Deno.test(`${name}.bytes() returns the whole chunk, nothing copied, of a live record`, () => {
    for (const options of [{}, { handles: "wide" }, { specialize: false }] as PoolOptions[]) {
      using pool = create(options);
      const real = pool.allocMany(Real, 20)[17];
      const bytes = pool.bytes(real);
      assertEquals(bytes.length, 16);
      new Uint32Array(bytes.buffer, bytes.byteOffset, 4)[2] = 7;
      assertEquals([pool.get(Real, real).n, pool.bytes(real)[8]], [7, 7]);
      bytes.fill(0xff);
      pool.free(real);
      const message = `Cannot give the bytes in ${labelOf(name)}: `;
      assertThrows(() => pool.bytes(real), StaleHandleError, message);
      assert(pool.bytes(pool.alloc(Real)).every((byte) => byte === 0)); // the same chunk
    }
  });

  Deno.test(`${name} throws SchemaError on a struct that is too large, with both sizes`, () => {
    using pool = create();
    fill(pool, 6);
    const [huge, label] = ['struct "Huge" of 40 bytes, aligned to 8', labelOf(name)];
    for (const [verb, call] of callsWith(pool, untyped(Huge))) {
      // A set looks for the class first.
      const message = name.startsWith("PoolSet")
        ? `Cannot find a pool in ${label}: ${huge}, fits none of the classes of 4, 8, 16 bytes`
        : `Cannot ${verb} in ${label}: ${huge}, does not fit into chunks of 16 bytes, aligned to 8`;
      const error = assertError(pool, call, SchemaError, message);
      assertEquals([error.struct, error.field], ["Huge", ""]);
    }
  });

  Deno.test(`${name} throws TypeError on what is no struct`, () => {
    using pool = create();
    fill(pool, 6);
    const bads = [undefined, null, 5, "Num", {}, { n: "u32" }, { size: 4, align: 4, fields: {} }];
    for (const bad of bads) {
      for (const [i, [, call]] of callsWith(pool, untyped(bad)).entries()) {
        if (bad === undefined && i === 8) continue; // without a struct handles() means all
        const message = `${labelOf(name)}: the type must be a struct, got ${shown(bad)}`;
        assertError(pool, call, TypeError, message);
      }
      if (!(pool instanceof PoolSet)) continue;
      const set = untyped<PoolSet>(pool);
      for (const call of [() => set.poolFor(untyped(bad)), () => set.reserve(untyped(bad), 5)]) {
        assertError(set, call, TypeError, `the type must be a struct, got ${shown(bad)}`);
      }
    }
    // Where only the struct was left out.
    const [any, handle] = [untyped<AnyPool>(pool), pool.alloc(Num)];
    const uses = [() => any.get(handle), () => any.tryGet(handle), () => any.set(handle, {})];
    for (const call of uses) {
      assertError(pool, call, TypeError, `the type must be a struct, got ${handle}`);
    }
  });
}

// -- the struct of each record --

for (const [name, create] of Object.entries(KNOWING)) {
  Deno.test(`${name} throws TypeMismatchError where a record is of another struct`, () => {
    using pool = create();
    const handles = fill(pool, 6);
    for (const [n, handle] of handles.entries()) {
      const actual = KINDS[n % 3];
      const asked = KINDS[(n + 1) % 3];
      const cursor = pool.cursor(asked);
      const calls: [string, () => unknown][] = [
        ["get", () => pool.get(asked, handle)],
        ["get", () => pool.tryGet(asked, handle)],
        ["set", () => pool.set(asked, handle, { n: 99 })],
        ["seek", () => pool.seek(cursor, handle)],
      ];
      for (const [verb, call] of calls) {
        const message = `Cannot ${verb} in ${labelOf(name)}: handle ${handle} is of struct ` +
          `"${actual.name}", not of struct "${asked.name}"`;
        // The pool keeps the struct that it saw last: here that of either record.
        for (const [kind, seen] of [[asked, handles[(n + 1) % 3]], [actual, handle]] as const) {
          pool.get(kind, forge(seen));
          const error = assertError(pool, call, TypeMismatchError, message);
          const { struct, actual: its } = error;
          assertEquals([error.pool, struct, its], ["cells", asked.name, actual.name]);
        }
      }
      assertThrows(() => pool.handleOf(cursor), TypeError, "is unbound");
    }
    pool.free(handles[0] as never);
    const typeOf = () => pool.typeOf(handles[0] as never);
    assertError(pool, typeOf, StaleHandleError, `Cannot tell the type in ${labelOf(name)}`);
    // Structs that look the same, have no name, or are none.
    const handle = forge(pool.alloc(Num));
    const others: [unknown, string, string][] = [
      [Other, 'struct "Other"', "Other"],
      [struct({ n: "u32" }), "struct { n }", ""],
      [undefined, "undefined", ""],
      [{}, "an object", ""],
      ["Num", '"Num"', ""],
    ];
    for (const [asked, wanted, itsName] of others) {
      const get = () => pool.get(untyped<typeof Num>(asked), handle);
      const message = `is of struct "Num", not of ${wanted}`;
      const error = assertError(pool, get, TypeMismatchError, message);
      assertEquals([error.struct, error.actual], [itsName, "Num"]);
    }
  });

  if (name === "PoolSet") continue; // which takes any struct

  Deno.test(`${name} throws TypeMismatchError on a struct that is not among its types`, () => {
    using pool = create();
    fill(pool, 6);
    const isSet = name !== "ErasedPool";
    const known = isSet
      ? 'chunks of 4 bytes, they are struct "Num"'
      : 'chunks of 16 bytes, they are struct "Num", struct "Pos", struct "Real"';
    for (const [verb, call] of callsWith(pool, untyped(Other))) {
      const message =
        `Cannot ${verb} in ${labelOf(name)}: struct "Other" is not one of its types ` +
        `for ${known}`;
      const error = assertError(pool, call, TypeMismatchError, message);
      assertEquals([error.pool, error.struct, error.actual], ["cells", "Other", ""]);
    }
  });
}

// -- the types of an ErasedPool --

Deno.test("ErasedPool stores every struct that fits, by size and by alignment", () => {
  const cases: [size: number, align: number, struct: AnyStruct, fits: boolean][] = [
    [1, 1, Byte, true],
    [1, 1, struct({ n: "u16" }), false],
    [12, 4, struct({ a: "f64" }), false], // small enough, and aligned to 8
    [16, 8, struct({ a: "f64", b: "u8" }), true],
    [16, 4, Pos, true],
    [16, 4, Real, false],
    [15, 1, struct({ a: array("u8", 15) }), true],
    [3, 1, struct({ a: "u16" }), false], // small enough, and aligned to 2
  ];
  for (const [size, align, struct, fits] of cases) {
    using cells = new ErasedPool({ size, align, chunksPerBlock: 16, maxChunks: 64 });
    assertEquals([cells.chunkBytes, cells.align], [size, align]);
    assertEquals([cells.chunksPerBlock, cells.maxChunks, cells.name], [16, 64, "pool"]);
    const message = `chunks of ${size} bytes, aligned to ${align}`;
    if (fits) cells.alloc(struct);
    else assertError(cells, () => cells.alloc(struct), SchemaError, message);
    assertEquals(cells.size, fits ? 1 : 0);
  }
});

Deno.test("ErasedPool asks for blocks that are aligned to its chunks, or to 8 bytes", () => {
  for (const align of [1, 2, 4, 8, 16, 64, 4096]) {
    const asked: number[] = [];
    const allocate = (byteLength: number, align: number) => {
      asked.push(align);
      return heapMemory.allocate(byteLength, align);
    };
    const memory = { ...heapMemory, allocate };
    using cells = new ErasedPool({ size: 4096, align, chunksPerBlock: 16, memory });
    cells.alloc(Byte);
    assertEquals([asked, cells.align], [[Math.max(8, align)], align]); // 8 for typed arrays
  }
});

Deno.test("ErasedPool and PoolSet tell 256 structs apart in a class, and throw RangeError on one more", () => {
  const structs = manyStructs(257);
  const types = structs.slice(0, 256);
  using set = new PoolSet<AnyStruct>({ sizes: [1, 4], name: "cells" });
  using cells = new ErasedPool<AnyStruct>({ size: 1, types: [...types, types[7]] });
  for (const pool of [set, cells]) {
    const handles = types.map((struct, n) => pool.alloc(struct, { n }));
    handles.forEach((handle, i) => assertStrictEquals(pool.typeOf(handle), types[i]));
    assertEquals(Array.from(pool, (view) => view.toJSON().n), types.map((_, n) => n));
  }
  const problem = 'cells": struct "S256" is one struct more than the 256 that it can tell apart';
  const create = () => new ErasedPool({ size: 1, types: structs, name: "cells" });
  assertThrows(create, RangeError, `Cannot create ErasedPool "${problem}`);
  const alloc = () => set.alloc(structs[256]);
  assertError(set, alloc, RangeError, `Cannot alloc in PoolSet "${problem}`);
  set.alloc(Num); // another class has room for its own
  using none = new ErasedPool<AnyStruct>({ size: 16, types: [] });
  assertThrows(() => none.alloc(Num), TypeMismatchError, "they are none");
  assertEquals([...none], []);
});

Deno.test("ErasedPool without types takes any number of structs, views all records as each", () => {
  using bytes = new ErasedPool({ size: 1, chunksPerBlock: 16 });
  const handles = manyStructs(300).map((struct, n) => bytes.alloc(struct, { n }));
  assertEquals([[...bytes.all(Byte)].length, [...bytes.handles(Byte)].length], [300, 300]);
  assertEquals(bytes.get(Byte, forge(handles[44])).n, 44);
  assertEquals([bytes.retain(Byte, ({ n }) => n < 44), bytes.size], [300 - 88, 88]);
});

Deno.test("ErasedPool without types throws TypeError on all that it would have to know", () => {
  using cells = openCells();
  const handle: AnyHandle = cells.alloc(Pos);
  const calls: [string, () => unknown][] = [
    ["tell the type", () => cells.typeOf(handle)],
    ["count the lost bytes", () => cells.lostBytes()],
    ["iterate over all records", () => cells.forEach(() => {})],
    ["iterate over all records", () => cells[Symbol.iterator]()],
    ["loop over all records", () => cells.loop(() => {})],
    ["retain over all records", () => cells.retain(() => true)],
  ];
  for (const [verb, call] of calls) {
    const message = `Cannot ${verb} in ErasedPool "cells": it was created without types, so say ` +
      "which struct they are";
    assertError(cells, call, TypeError, message);
  }
  using large = new ErasedPool({ size: 64 });
  const cursor = untyped<ReturnType<typeof cells.cursor>>(large.cursor(Huge));
  const wrong = untyped<typeof Pos>(Huge); // which cannot be there
  const uses = [
    () => cells.get(wrong, forge(handle)),
    () => cells.set(wrong, forge(handle), {}),
    () => cells.seek(cursor, forge(handle)),
  ];
  for (const use of uses) {
    assertError(cells, use, SchemaError, "does not fit into chunks of 16 bytes");
  }
});

Deno.test("ErasedPool's metadata costs at most 2.3 bytes a chunk of 1 byte, and 1 for the types", () => {
  using cells = new ErasedPool({ size: 1, chunksPerBlock: 256, maxChunks: 2 ** 22 });
  cells.allocMany(Byte, 2 ** 22, new Int32Array(2 ** 22));
  const { size, byteLength, overheadBytes } = cells.stats();
  assertEquals([size, byteLength], [2 ** 22, 2 ** 22]);
  assert(overheadBytes <= 2.3 * 2 ** 22, `${overheadBytes / 2 ** 22} bytes a chunk`);
  using open = openCells();
  using typed = cellsOf();
  for (const pool of [open, typed]) pool.alloc(Num);
  // A word of occupancy bits, and for each chunk 2 bytes of generation and 1 of type.
  assertEquals([open.stats().overheadBytes, typed.stats().overheadBytes], [36, 36 + 16]);
});
