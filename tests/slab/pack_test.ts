/**
 * `pack()`: live records copied tight, whole or some of their fields, into arrays of every type.
 *
 * The model tests pack whole records, and convert the fields of all scalars but those of 64 bits;
 * here are bytes, errors, and arrays that are resized or detached.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  array,
  DisposedError,
  ErasedPool,
  pack as packPool,
  Pool,
  PoolSet,
  ref,
  SharedPool,
  struct,
  TypeMismatchError,
} from "../../mod.ts";
import type { PackTarget, PoolOptions } from "../../mod.ts";
import { drop, type OfKind, packAny, testKinds } from "../_kinds.ts";
import { ARRAYS, SCALARS } from "../model/_values.ts";
import { edgesOf } from "../pool/_saves.ts";
import { partsOf } from "../shared/_support.ts";
import { fill, KINDS, type MixedKind, type Num, Pos, Real, untyped } from "../_support.ts";

const Vec = struct({ x: "f32", y: "f32" }, { name: "Vec" });
const Mote = struct({
  x: "f32",
  y: "f32",
  hp: "u16",
  alive: "bool",
  id: "u32",
  at: Vec,
  color: array("u8", 3),
  near: array(ref("self"), 2),
  trail: array(Vec, 2),
  big: "i64",
  wide: "f64",
}, { name: "Mote" });
const Six = struct({ of: array("u8", 6) }, { name: "Six" });
const NAMES = Object.keys(Mote.fields) as (keyof typeof Mote.fields)[];
/** Blocks of two words of live bits. */
const SMALL: PoolOptions = { chunksPerBlock: 64, maxChunks: 128, name: "motes" };

/** Mote number i, as plain values. */
function mote(i: number) {
  return {
    ...{ x: i + 0.5, y: -i, hp: 60_000 + i, alive: i % 2 === 0, id: 4_000_000_000 + i },
    ...{ at: { x: i * 2, y: i * 3 }, color: [i, i + 1, i + 2], near: [i + 7, i + 8] },
    ...{ trail: [{ x: i, y: i + 1 }, { x: i + 2, y: i + 3 }], big: BigInt(-i), wide: i / 3 },
  };
}

/** Which of 70 records are freed: none, some of each block, some of the first word, most, all. */
const FREED: readonly ((i: number) => boolean)[] = [
  () => false,
  (i) => i % 3 === 1,
  (i) => i % 3 === 1 && i < 32,
  (i) => i !== 40,
  () => true,
];

/** Defines a test for pools with records, and the numbers of those in memory order. */
function test(claim: string, fn: (it: OfKind, left: readonly number[]) => void): void {
  testKinds(claim, Mote, SMALL, (make) => {
    for (const isFreed of FREED) {
      const it = make();
      const { pool, of } = it;
      const handles = Array.from({ length: 70 }, (_, i) => pool.alloc(...of, mote(i)));
      handles.forEach((handle, i) => isFreed(i) && pool.free(handle));
      fn(it, Array.from(pool.handles(), (handle) => handles.indexOf(handle)));
      drop(pool);
    }
  });
}

/** The bytes of each record, in memory order. */
function bytesOf({ pool }: OfKind): Uint8Array[] {
  return Array.from(pool.handles(), (handle) => {
    if (pool instanceof ErasedPool || pool instanceof PoolSet) return pool.bytes(handle).slice();
    const index = pool.indexOf(handle);
    const block = pool.blocks.find((it) => it.index === index >> 6)!; // it has a live record
    return block.bytes.slice((index & 63) * Mote.size, (index & 63) * Mote.size + Mote.size);
  });
}

/**
 * All fields, each field by itself, and several in orders of their own. Each has four plans, by the
 * type and the offset of the array: more than a struct keeps.
 */
const LISTS: readonly (readonly (keyof typeof Mote.fields)[] | undefined)[] = [
  undefined,
  NAMES,
  ...NAMES.map((name) => [name]),
  ...[["hp", "x"], ["x", "hp"], ["y", "x", "y"], ["at", "hp"], ["wide", "id", "x", "id"]] as const,
];

test("pack() copies bytes of records and named fields tight, and none beyond", (it, left) => {
  const records = bytesOf(it);
  for (const fields of LISTS) {
    // No nested struct and no array of structs has padding here.
    const parts = fields?.map((name) => Mote.fields[name]) ?? [{ offset: 0, size: Mote.size }];
    const wanted = records.flatMap((bytes) =>
      parts.flatMap(({ offset, size }) => [...bytes.subarray(offset, offset + size)])
    );
    for (const offset of [0, 1, 8]) {
      const bytes = new Uint8Array(new SharedArrayBuffer(offset + wanted.length + 8));
      for (const out of [bytes.subarray(offset), new DataView(bytes.buffer, offset)]) {
        bytes.fill(0xaa);
        assertEquals(packAny(it.pool, ...it.of, out, fields), left.length);
        const around = (count: number) => Array(count).fill(0xaa);
        assertEquals([...bytes], [...around(offset), ...wanted, ...around(8)]);
      }
    }
    if (fields !== undefined) continue;
    for (const Out of [Uint16Array, Float64Array, BigInt64Array, Uint8ClampedArray]) {
      const out = new Out(wanted.length / Out.BYTES_PER_ELEMENT); // the bytes are not converted
      assertEquals(packAny(it.pool, ...it.of, out), left.length);
      assertEquals([...new Uint8Array(out.buffer)], wanted);
    }
  }
});

test("pack() writes nothing when it throws", ({ pool, of }, left) => {
  const out = new Float32Array(2 * left.length + 5).fill(7);
  const assertThrown = (args: unknown[], Class: new () => Error, message: string) => {
    assertThrows(() => packAny(pool, ...of, ...args), Class, message);
    assert(out.every((it) => it === 7));
  };
  const { length } = left;
  if (length > 0) {
    const need = (count: number) => `${length} records need ${count}`;
    assertThrown([out.subarray(0, 2 * length - 1), ["x", "y"]], RangeError, need(2 * length));
    const bytes = need(length * Mote.size);
    assertThrown([new Uint8Array(out.buffer, 0, 1)], RangeError, `out has a length of 1, ${bytes}`);
    assertThrown([out.subarray(0, 1)], RangeError, need(Math.ceil(length * Mote.size / 4)));
  }
  const CASES: [fields: unknown, message: string][] = [
    [["colour"], 'unknown field "colour", did you mean "color"?'],
    [["nothing"], 'unknown field "nothing", known: x, y, hp'],
    [["toString"], 'unknown field "toString"'],
    [[1], "unknown field 1, "],
    [[], "at least one name"],
    ["x", "must be an array"],
    [null, "must be an array"],
    [["x", "big"], "of type i64 does not go into a Float32Array"],
  ];
  for (const [fields, message] of CASES) assertThrown([out, fields], TypeError, message);
  assertThrown([new BigInt64Array(99), ["big", "x"]], TypeError, "it wants numbers");
  for (const bad of [undefined, null, 1, "x", [], {}, new ArrayBuffer(8), Mote.fields]) {
    assertThrown([bad], TypeError, "out must be a typed array or DataView");
  }
});

// -- types and sizes --

/** All typed arrays but `Uint8Array`, into which bytes are copied. */
const OUTS: readonly (typeof Float64Array)[] = untyped(
  [Uint8ClampedArray, ...new Set(Object.values(ARRAYS))].filter((it) => it !== Uint8Array),
);

for (const specialize of [true, false]) {
  const options: PoolOptions = { chunksPerBlock: 16, maxChunks: 64, specialize };
  const how = specialize ? "own" : "shared";
  Deno.test(`pack() converts 64-bit integers to those alone, and all other scalars to numbers alone (${how} code)`, () => {
    for (const type of SCALARS) {
      using pool = new Pool({ v: type, n: "u8" }, options);
      for (const v of edgesOf(type).slice(0, 64)) pool.alloc(untyped({ v }));
      const wanted: unknown[] = Array.from(pool, (it) => [it.v, it.v]).flat();
      for (const Out of OUTS) {
        const out = new Out(wanted.length);
        const pack = () => packPool(pool, out, ["v", "v"]);
        if (Out.name.startsWith("Big") !== (typeof wanted[0] === "bigint")) {
          assertThrows(pack, TypeError);
          continue;
        }
        pack();
        assertEquals(out, Out.from(untyped(wanted)));
      }
    }
  });

  Deno.test(`pack() copies bytes of every length, at every offset between words (${how} code)`, () => {
    for (const length of [1, 2, 3, 4, 5, 6, 12, 255, 256, 260, 1001]) {
      for (const before of [1, 2, 3, 4]) {
        const Bytes = struct({ before: array("u8", before), of: array("u8", length) });
        using pool = new Pool(Bytes, options);
        const size = Math.ceil((length + before) / 4) * 4 + 8; // of words, also where it is short
        using erased = new ErasedPool({ ...options, size, align: 4, types: [Six, Bytes] });
        const wanted: number[] = [];
        for (let i = 0; i < 20; i++) {
          const of = Array.from({ length }, (_, k) => i + k & 255);
          const [a, b] = [pool.alloc({ of }), erased.alloc(Bytes, { of })];
          erased.alloc(Six);
          if (i % 5 !== 2) wanted.push(...of);
          else {
            pool.free(a);
            erased.free(b);
          }
        }
        const [out, other] = [new Uint8Array(wanted.length), new Uint8Array(wanted.length)];
        assertEquals(packPool(pool, out, ["of"]), 16);
        assertEquals(packPool(erased, Bytes, other, ["of"]), 16);
        assertEquals([[...out], [...other]], [wanted, wanted]);
      }
    }
  });
}

Deno.test("pack() keeps the bits of a NaN in a Uint8Array and in whole records", () => {
  using pool = new Pool({ v: "f32" });
  pool.alloc();
  const bits = [0x01, 0x02, 0xa0, 0x7f]; // a signalling one
  pool.blocks[0].bytes.set(bits);
  const out = new Uint8Array(4);
  packPool(pool, out, ["v"]);
  const whole = new Float32Array(1);
  packPool(pool, whole);
  assertEquals([[...out], [...new Uint8Array(whole.buffer)]], [bits, bits]);
});

Deno.test("pack() makes 1 of a bool of any byte but 0, and copies the byte into a Uint8Array", () => {
  using pool = new Pool({ on: "bool" });
  pool.alloc();
  pool.blocks[0].bytes[0] = 2; // as a wasm module or a shader may write it
  for (const [out, wanted] of [[new Float32Array(1), 1], [new Uint8Array(1), 2]] as const) {
    packPool(pool, out, ["on"]);
    assertEquals(out[0], wanted);
  }
});

Deno.test({
  name: "pack() fills arrays of 2 GiB and more",
  ignore: "document" in globalThis, // pages may not have as much
  fn() {
    using pool = new Pool({ n: "u32" });
    pool.alloc({ n: 0x01020304 });
    const out = new Uint8Array(2 ** 31); // the system gives it no memory before it is used
    assertEquals([packPool(pool, out), packPool(pool, out, ["n"])], [1, 1]);
    assertEquals([...out.subarray(0, 5)], [4, 3, 2, 1, 0]);
  },
});

// -- pools of several structs --

const MIXED: Readonly<Record<string, () => PoolSet<MixedKind>>> = {
  // Typed as a set, whose members it has as far as they are used.
  "ErasedPool": () => untyped(new ErasedPool<MixedKind>({ size: 16, ...SMALL, types: KINDS })),
  "PoolSet": () => new PoolSet<MixedKind>({ sizes: [4, 8, 16], ...SMALL, maxChunks: 256 }),
};

Deno.test("PoolSet: pack() copies chunks of each class to any byte", () => {
  for (const [type, align] of [["u16", 2], ["u32", 4]] as const) {
    using set = new PoolSet({ sizes: [align / 2, align] });
    const small = set.alloc(struct({ n: align === 2 ? "u8" : "u16" }), { n: 7 });
    set.bytes(set.alloc(struct({ n: type }))).forEach((_, i, bytes) => bytes[i] = i + 1);
    for (let at = 0; at < 8; at++) {
      const out = new Uint8Array(new ArrayBuffer(16), at, align * 1.5);
      assertEquals(packPool(set, out), 2);
      assertEquals([...out], [...set.bytes(small), 1, 2, 3, 4].slice(0, align * 1.5));
    }
  }
});

for (const [name, make] of Object.entries(MIXED)) {
  Deno.test(`${name}: pack() copies the records of one struct, or the chunks of all`, () => {
    using pool = make();
    fill(pool, 60).forEach((handle, n) => n % 4 === 0 && pool.free(handle));
    const wanted = Array.from(pool.all(Pos), ({ n, x }) => [n, x]);
    const out = new Float64Array(wanted.length * 2);
    assertEquals(packPool(pool, Pos, out, ["n", "x"]), wanted.length);
    assertEquals([...out], wanted.flat());
    const whole = new Uint32Array(wanted.length * 2); // without the padding of its chunks
    assertEquals(packPool(pool, Pos, whole), wanted.length);
    assertEquals([...whole].filter((_, i) => i % 2 === 0), wanted.map(([n]) => n));
    const all = Array.from(pool.handles(), (it) => [...pool.bytes(it)]).flat();
    for (const offset of [0, 1, 4]) {
      const chunks = new Uint8Array(new ArrayBuffer(offset + all.length), offset);
      assertEquals(packPool(pool, chunks), 45);
      assertEquals([...chunks], all);
    }
    const short = new Uint8Array(all.length - 1);
    assertThrows(() => packPool(pool, short), RangeError, `45 records need ${all.length}`);
    const Other = untyped<typeof Num>(struct({ z: "u8" }));
    const noStruct = () => packPool(untyped<Pool<typeof Num>>(pool), out, ["n"]);
    assertThrows(noStruct, TypeError, "so say which");
    const Class = name === "PoolSet" ? TypeError : TypeMismatchError;
    assertThrows(() => packPool(pool, Other, out, ["n"] as never), Class);
    assertThrows(() => packPool(pool, untyped<PackTarget>(undefined)), TypeError, "out must be");
  });
}

Deno.test("SharedPool: pack() copies what is live, in all threads, or in a stripe", () => {
  const [here, there] = partsOf(Mote, 2, SMALL as { name: string });
  for (let i = 0; i < 40; i++) {
    const handle = (i < 20 ? here : there).alloc(untyped(mote(i)));
    if (i % 3 === 0) (i % 2 === 0 ? here : there).free(handle);
  }
  for (const part of [here, there]) {
    for (const [count, ...stripe] of [[26], [undefined, { stripe: 1, of: 2 }]] as const) {
      const wanted: number[] = [];
      part.forEach(({ x, hp }) => void wanted.push(x, hp), ...stripe);
      const out = new Float32Array(wanted.length);
      assertEquals(packPool(part, out, ["x", "hp"], ...stripe), count ?? wanted.length / 2);
      assertEquals([...out], wanted);
    }
    const out = new Float32Array(51);
    assertThrows(() => packPool(part, out, ["x", "hp"]), RangeError, "26 records need 52");
    assertThrows(() => packPool(part, out, ["x"], { stripe: 2, of: 2 }), RangeError, "stripe");
    assertEquals(packPool(part, new Uint8Array(26 * Mote.size)), 26);
  }
  for (const part of [here, there]) part.dispose();
  assertThrows(() => packPool(here, new Uint8Array(0)), DisposedError);
});

// -- states of the pool and of the array --

Deno.test("pack() follows an array that is resized, and throws RangeError on one without its buffer", () => {
  using pool = new Pool(Vec);
  pool.alloc({ x: 1, y: 2 });
  const buffer = new ArrayBuffer(4, { maxByteLength: 64 });
  const bytes = new Uint8Array(buffer);
  assertThrows(() => packPool(pool, bytes), RangeError, "need 8");
  buffer.resize(16);
  assertEquals(packPool(pool, bytes), 1);
  assertEquals([...new Float32Array(buffer)], [1, 2, 0, 0]);
  buffer.resize(8);
  pool.alloc();
  assertThrows(() => packPool(pool, bytes), RangeError, "need 16");
  const gone = new Uint8Array(16);
  packPool(pool, gone);
  gone.buffer.transfer();
  assertThrows(() => packPool(pool, gone), RangeError, "need 16");
});

Deno.test("pack() is typed by the names of the fields", () => {
  using pool = new Pool({ x: "f32", y: "f32" });
  const fields: readonly ("x" | "y")[] = ["x"];
  assertEquals(packPool(pool, new Float32Array(0), fields), 0);
  // @ts-expect-error no such field
  assertThrows(() => packPool(pool, new Float32Array(0), ["z"]), TypeError);
  using set = new PoolSet({ sizes: [8, 16], types: [Vec, Real] });
  // @ts-expect-error no field of that struct
  assertThrows(() => packPool(set, Vec, new Float32Array(0), ["v"]), TypeError);
  using shared = SharedPool.create(Vec);
  // @ts-expect-error no such field
  assertThrows(() => packPool(shared, new Float32Array(0), ["z"]), TypeError);
});
