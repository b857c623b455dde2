/** `pack`: live records copied tight, whole or some of their fields, into arrays of every type. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  type AnyHandle,
  type AnyStruct,
  array,
  DisposedError,
  ErasedPool,
  type PackTarget,
  Pool,
  type PoolOptions,
  PoolSet,
  ref,
  type ScalarType,
  SharedPool,
  struct,
  TypeMismatchError,
  wasmMemory,
} from "../../mod.ts";
import { type Face, FACES } from "../_faces.ts";
import { partsOf } from "../shared/_shared.ts";
import { type MixedKind, Num, Pos, Real, untyped } from "../_support.ts";

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
const SMALL: PoolOptions = { chunksPerBlock: 16, maxChunks: 64, name: "motes" };

/** A pool that is told nothing but what is packed. */
interface Packs {
  pack(out: PackTarget, fields?: readonly string[]): number;
}

function packs(face: Face, type: AnyStruct): Packs {
  return face.pool instanceof Pool ? untyped(face.pool) : {
    pack: (out, fields) => (face.pool as ErasedPool).pack(type, out, fields as never),
  };
}

/** Mote number i, as plain values. */
function mote(i: number) {
  return {
    x: i + 0.5,
    y: -i,
    hp: 60_000 + i,
    alive: i % 2 === 0,
    id: 4_000_000_000 + i,
    at: { x: i * 2, y: i * 3 },
    color: [i, i + 1, i + 2],
    near: [i + 7, i + 8],
    trail: [{ x: i, y: i + 1 }, { x: i + 2, y: i + 3 }],
    big: BigInt(-i),
    wide: i / 3,
  };
}

/** What each field comes to as numbers. */
function numbersOf(i: number, field: string): (number | bigint)[] {
  const flat = (value: unknown): (number | bigint)[] =>
    typeof value === "object"
      ? Object.values(value as object).flatMap(flat)
      : [typeof value === "boolean" ? Number(value) : value as number | bigint];
  return flat(mote(i)[field as "x"]);
}

/** A pool with holes in it in every block, or full; the numbers of its motes in memory order. */
function filled(
  make: (options: PoolOptions) => Face,
  options: PoolOptions,
  gone: (i: number) => boolean,
) {
  const face = make({ ...SMALL, ...options });
  const handles = face.allocMany(50);
  handles.forEach((handle, i) => face.set(handle, mote(i)));
  handles.forEach((handle, i) => gone(i) && face.pool.free(handle));
  const numberOf = new Map<number, number>(handles.map((handle, i) => [handle, i]));
  const left = Array.from(face.pool.handles(), (it) => numberOf.get(it)!);
  return { face, left };
}

const WAYS: Readonly<Record<string, PoolOptions>> = {
  "": {},
  " without own code": { specialize: false },
  " in debug mode": { debug: true },
};

const GONE: readonly ((i: number) => boolean)[] = [
  () => false,
  (i) => i % 3 === 1,
  (i) => i >= 16 && i < 32,
  (i) => i !== 40,
  () => true,
];

function test(name: string, fn: (face: Face, left: readonly number[]) => void): void {
  for (const [kind, make] of Object.entries(FACES)) {
    for (const [way, options] of Object.entries(WAYS)) {
      Deno.test(`${kind}${way}: ${name}`, () => {
        for (const gone of GONE) {
          const { face, left } = filled((it) => make(Mote, it), options, gone);
          fn(face, left);
          face.pool.clear();
          face.pool.dispose();
        }
      });
    }
  }
}

/** The bytes of each mote that is left, in memory order. */
function bytesOf(face: Face): Uint8Array[] {
  const { pool } = face;
  return Array.from(pool.handles(), (handle) => {
    if (!(pool instanceof Pool)) return pool.bytes(handle).slice();
    const index = pool.indexOf(handle as never);
    const at = index % 16 * Mote.size;
    const block = pool.blocks.find((it) => it.index === Math.floor(index / 16))!; // it has live records
    return block.bytes.slice(at, at + Mote.size);
  });
}

test("pack() copies whole records tight into whatever array, and nothing beyond", (face, left) => {
  const wanted = bytesOf(face).flatMap((it) => [...it]);
  const length = left.length * Mote.size;
  for (const offset of [0, 1, 2, 4, 8]) {
    const buffer = new Uint8Array(offset + length + 8).fill(0xaa).buffer;
    assertEquals(packs(face, Mote).pack(new Uint8Array(buffer, offset)), left.length);
    assertEquals([...new Uint8Array(buffer, offset, length)], wanted);
    assertEquals([...new Uint8Array(buffer, offset + length)], Array(8).fill(0xaa));
    assertEquals([...new Uint8Array(buffer, 0, offset)], Array(offset).fill(0xaa));
    packs(face, Mote).pack(new DataView(buffer, offset));
    assertEquals([...new Uint8Array(buffer, offset, length)], wanted);
  }
  for (const Out of [Uint16Array, Float32Array, Float64Array, BigInt64Array, Uint8ClampedArray]) {
    const out = new Out(length / Out.BYTES_PER_ELEMENT);
    assertEquals(packs(face, Mote).pack(out), left.length);
    assertEquals([...new Uint8Array(out.buffer)], wanted);
  }
});

test(
  "pack() puts the bytes of the named fields one after the other into a Uint8Array",
  (face, left) => {
    const whole = bytesOf(face);
    const names = Object.keys(Mote.fields) as (keyof typeof Mote.fields)[];
    const lists = [...names.map((it) => [it]), ["x", "y"], ["hp", "x"], ["y", "x", "y"], [
      "alive",
      "id",
    ], names];
    for (const fields of lists as (keyof typeof Mote.fields)[][]) {
      // A nested struct and an array of structs have no padding here.
      const wanted = whole.flatMap((bytes) =>
        fields.flatMap((name) => {
          const { offset, size } = Mote.fields[name];
          return [...bytes.subarray(offset, offset + size)];
        })
      );
      for (const offset of [0, 1, 2]) {
        const out = new Uint8Array(new ArrayBuffer(offset + wanted.length + 3), offset);
        assertEquals(packs(face, Mote).pack(out, fields), left.length);
        assertEquals([...out], [...wanted, 0, 0, 0], fields.join());
      }
      const shared = new DataView(new SharedArrayBuffer(wanted.length + 4), 4);
      packs(face, Mote).pack(shared, fields);
      assertEquals([...new Uint8Array(shared.buffer, 4)], wanted);
    }
  },
);

test("pack() assigns the values of the named fields to any other array", (face, left) => {
  const numeric = ["x", "y", "hp", "alive", "id", "at", "color", "near", "trail", "wide"];
  const lists = [
    ...numeric.map((it) => [it]),
    ["x", "y"],
    ["at", "hp"],
    ["wide", "id", "x", "id"],
    numeric,
  ];
  for (const fields of lists) {
    const values = left.flatMap((i) => fields.flatMap((it) => numbersOf(i, it))) as number[];
    for (
      const Out of [
        Int8Array,
        Uint8ClampedArray,
        Int16Array,
        Uint16Array,
        Int32Array,
        Uint32Array,
        Float16Array,
        Float32Array,
        Float64Array,
      ]
    ) {
      const out = new Out(values.length + 2);
      assertEquals(packs(face, Mote).pack(out, fields), left.length);
      assertEquals([...out], [...Out.from(values), 0, 0], `${fields} ${Out.name}`);
    }
  }
  for (const Out of [BigInt64Array, BigUint64Array]) {
    const values = left.map((i) => BigInt(-i));
    const out = new Out(left.length);
    packs(face, Mote).pack(out, ["big"]);
    assertEquals([...out], [...Out.from(values)]);
  }
});

test("pack() writes nothing when it throws", (face, left) => {
  const from = packs(face, Mote);
  const out = new Float32Array(2 * left.length + 5).fill(7);
  const refused = (call: () => unknown, Class: new () => Error, text: string) => {
    assertThrows(call, Class, text);
    assert(out.every((it) => it === 7));
  };
  if (left.length > 0) {
    const need = `${left.length} records need ${2 * left.length}`;
    refused(() => from.pack(out.subarray(0, 2 * left.length - 1), ["x", "y"]), RangeError, need);
    refused(
      () => from.pack(new Uint8Array(out.buffer, 0, 1)),
      RangeError,
      `out has a length of 1, ${left.length} records need ${left.length * Mote.size}`,
    );
    refused(
      () => from.pack(out.subarray(0, 1)),
      RangeError,
      `need ${Math.ceil(left.length * Mote.size / 4)}`,
    );
  }
  refused(
    () => from.pack(out, ["colour"]),
    TypeError,
    'unknown field "colour", did you mean "color"?',
  );
  refused(
    () => from.pack(out, ["nothing"]),
    TypeError,
    'unknown field "nothing", there are x, y, hp',
  );
  refused(() => from.pack(out, ["toString"]), TypeError, "unknown field");
  refused(() => from.pack(out, [untyped(1)]), TypeError, 'unknown field "1"');
  refused(() => from.pack(out, []), TypeError, "at least one name");
  refused(() => from.pack(out, untyped("x")), TypeError, "must be an array");
  refused(() => from.pack(out, untyped(null)), TypeError, "must be an array");
  refused(
    () => from.pack(out, ["x", "big"]),
    TypeError,
    "of type i64 does not go into a Float32Array",
  );
  refused(() => from.pack(new BigInt64Array(99), ["big", "x"]), TypeError, "it wants numbers");
  for (const bad of [undefined, null, 1, "x", [], {}, new ArrayBuffer(8), Mote.fields]) {
    refused(() => from.pack(untyped(bad)), TypeError, "out must be a typed array or DataView");
  }
});

// -- every type into every type --

const NUMBERS: readonly ScalarType[] = [
  ...["i8", "u8", "i16", "u16", "i32", "u32", "f16", "f32", "f64"] as const,
  ...["bool", "ref"] as const,
];
const ARRAYS = [
  Int8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float16Array,
  Float32Array,
  Float64Array,
] as const;
const VALUES = [
  0,
  1,
  -1,
  0.5,
  127,
  128,
  200,
  255,
  256,
  32_768,
  65_535,
  2 ** 31,
  2 ** 32 - 1,
  -70_000,
];

Deno.test("pack() assigns every scalar type to every type of array", () => {
  for (const specialize of [true, false]) {
    for (const type of NUMBERS) {
      const One = struct({ before: "u8", v: type, after: "u16" } as const);
      using pool = new Pool(One, { chunksPerBlock: 16, maxChunks: 32, specialize });
      for (const value of VALUES) {
        pool.alloc(
          untyped({
            before: 9,
            v: type === "bool" ? value > 0 : type === "ref" ? value >>> 0 : value,
          }),
        );
      }
      const values = Array.from(pool, (it) => Number(it.v));
      for (const Out of ARRAYS) {
        const out = new Out(VALUES.length * 2);
        assertEquals(pool.pack(out, ["v", "before"]), VALUES.length);
        assertEquals(
          [...out],
          [...Out.from(values.flatMap((it) => [it, 9]))],
          `${type} ${Out.name}`,
        );
      }
      assertThrows(() => pool.pack(new BigInt64Array(99), ["v"]), TypeError);
    }
    for (const type of ["i64", "u64"] as const) {
      using pool = new Pool({ v: type, n: "u8" }, {
        chunksPerBlock: 16,
        maxChunks: 32,
        specialize,
      });
      for (const value of [0n, 1n, -1n, 2n ** 63n, 2n ** 64n - 1n, -(2n ** 40n)]) {
        pool.alloc({ v: value });
      }
      const values = Array.from(pool, (it) => it.v);
      for (const Out of [BigInt64Array, BigUint64Array]) {
        const out = new Out(12);
        pool.pack(out, ["v", "v"]);
        assertEquals([...out], [...Out.from(values.flatMap((it) => [it, it]))]);
      }
      for (const Out of ARRAYS) assertThrows(() => pool.pack(new Out(99), ["v"]), TypeError);
    }
  }
});

Deno.test("pack() keeps the bits of a NaN in a Uint8Array and in whole records", () => {
  using pool = new Pool({ v: "f32" });
  pool.alloc();
  pool.blocks[0].bytes.set([0x01, 0x02, 0xa0, 0x7f]); // a signalling one
  const out = new Uint8Array(4);
  pool.pack(out, ["v"]);
  assertEquals([...out], [1, 2, 0xa0, 0x7f]);
  const whole = new Float32Array(1);
  pool.pack(whole);
  assertEquals([...new Uint8Array(whole.buffer)], [1, 2, 0xa0, 0x7f]);
});

Deno.test("pack() copies chunks of every size", () => {
  for (const size of [1, 2, 3, 5, 6, 12, 255, 256, 260, 300, 1001]) {
    for (const specialize of [true, false]) {
      using pool = new Pool({ of: array("u8", size) }, {
        chunksPerBlock: 16,
        maxChunks: 64,
        specialize,
      });
      const handles = pool.allocMany(40);
      handles.forEach((it, i) =>
        pool.set(it, { of: Array.from({ length: size }, (_, k) => i + k) })
      );
      handles.forEach((it, i) => i % 5 === 2 && pool.free(it));
      const wanted = Array.from(pool, (it) => it.of.toArray()).flat();
      for (const fields of [undefined, ["of"] as const]) {
        const out = new Uint8Array(wanted.length);
        assertEquals(pool.pack(out, fields), 32);
        assertEquals([...out], wanted);
      }
    }
  }
});

// -- pools of several structs --

for (
  const [name, make] of Object.entries({
    "ErasedPool": () => new ErasedPool<MixedKind>({ size: 16, ...SMALL, types: [Num, Pos, Real] }),
    "PoolSet": () => new PoolSet<MixedKind>({ sizes: [4, 8, 16], ...SMALL, maxChunks: 256 }),
  })
) {
  Deno.test(`${name}.pack() copies the records of one struct, or the chunks of all`, () => {
    using pool = make();
    const handles: AnyHandle[] = [];
    for (let n = 0; n < 60; n++) {
      handles.push(
        n % 3 === 0
          ? pool.alloc(Num, { n })
          : n % 3 === 1
          ? pool.alloc(Pos, { n, x: n / 2 })
          : pool.alloc(Real, { n, v: n / 4 }),
      );
    }
    handles.forEach((it, n) => n % 4 === 0 && pool.free(it));
    const wanted = Array.from(pool.all(Pos), ({ n, x }) => [n, x]).flat();
    const out = new Float64Array(wanted.length);
    assertEquals(pool.pack(Pos, out, ["n", "x"]), wanted.length / 2);
    assertEquals([...out], wanted);
    const reals = new Uint8Array(16 * 20);
    const count = pool.pack(Real, reals);
    const each = Array.from(pool.handles(Real), (it) => [...pool.bytes(it)]).flat();
    assertEquals([...reals.subarray(0, count * 16)], each);
    const all = Array.from(pool.handles(), (it) => [...pool.bytes(it)]).flat();
    for (const offset of [0, 1, 4]) {
      const chunks = new Uint8Array(new ArrayBuffer(offset + all.length), offset);
      assertEquals(pool.pack(chunks), 45);
      assertEquals([...chunks], all);
    }
    assertThrows(
      () => pool.pack(new Uint8Array(all.length - 1)),
      RangeError,
      `45 records need ${all.length}`,
    );
    assertThrows(
      () => pool.pack(...untyped<[PackTarget]>([out, ["n"]])),
      TypeError,
      "so say which",
    );
    assertThrows(
      () => pool.pack(untyped<typeof Num>(struct({ z: "u8" })), out, ["n"]),
      name === "PoolSet" ? TypeError : TypeMismatchError,
    );
    assertThrows(() => pool.pack(untyped(undefined)), TypeError, "out must be");
  });
}

Deno.test("ErasedPool.pack() of a struct smaller than its chunks leaves their padding out", () => {
  using cells = new ErasedPool({ size: 16 });
  for (let n = 0; n < 10; n++) cells.alloc(Pos, { n, x: n });
  const out = new Uint32Array(20);
  assertEquals(cells.pack(Pos, out), 10);
  assertEquals(Array.from({ length: 10 }, (_, i) => out[2 * i]), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

// -- SharedPool --

Deno.test("SharedPool.pack() copies what is live, in all threads, or in a stripe", () => {
  const [here, there] = partsOf(Mote, 2, { chunksPerBlock: 16, maxChunks: 64, name: "motes" });
  const handles = Array.from(
    { length: 40 },
    (_, i) => (i < 20 ? here : there).alloc(untyped(mote(i))),
  );
  handles.forEach((it, i) => i % 3 === 0 && (i % 2 === 0 ? here : there).free(it));
  for (const part of [here, there]) {
    const wanted: number[] = [];
    part.forEach(({ x, hp }) => void wanted.push(x, hp));
    const out = new Float32Array(wanted.length);
    assertEquals(part.pack(out, ["x", "hp"]), 26);
    assertEquals([...out], wanted);
    const half: number[] = [];
    part.forEach(({ id }) => void half.push(id), { stripe: 1, of: 2 });
    const ids = new Uint32Array(half.length);
    assertEquals(part.pack(ids, ["id"], { stripe: 1, of: 2 }), half.length);
    assertEquals([...ids], half);
    assertThrows(() => part.pack(out.subarray(1), ["x", "hp"]), RangeError, "26 records need 52");
    assertThrows(() => part.pack(out, ["x"], { stripe: 2, of: 2 }), RangeError, "stripe");
    assertThrows(() => part.pack(out, untyped(["colour"])), TypeError, 'did you mean "color"');
    assertEquals(part.pack(new Uint8Array(26 * Mote.size)), 26);
  }
  here.dispose();
  assertThrows(() => here.pack(new Uint8Array(0)), DisposedError);
  there.dispose();
});

// -- states of a pool --

Deno.test("pack() throws once the pool is disposed of, and while its memory is detached", () => {
  for (const [name, make] of Object.entries(FACES)) {
    const wasm = new WebAssembly.Memory({ initial: 8 });
    const face = make(Vec, { ...SMALL, memory: wasmMemory(wasm) });
    face.alloc({ x: 1, y: 2 });
    const out = new Float32Array(2);
    wasm.grow(1);
    assertThrows(() => packs(face, Vec).pack(out, ["x", "y"]), TypeError, "detached", name);
    assertThrows(() => packs(face, Vec).pack(out), TypeError, "detached", name);
    assertEquals([...out], [0, 0]);
    face.pool.rebind();
    assertEquals(packs(face, Vec).pack(out, ["x", "y"]), 1);
    assertEquals([...out], [1, 2]);
    face.pool.dispose();
    assertThrows(() => packs(face, Vec).pack(out), DisposedError);
    assertThrows(() => packs(face, Vec).pack(out, ["x"]), DisposedError);
  }
});

Deno.test("pack() fills an array that grows, and one whose buffer was transferred not at all", () => {
  using pool = new Pool(Vec);
  pool.alloc({ x: 1, y: 2 });
  const buffer = new ArrayBuffer(4, { maxByteLength: 64 });
  const bytes = new Uint8Array(buffer);
  assertThrows(() => pool.pack(bytes), RangeError, "need 8");
  buffer.resize(16);
  assertEquals(pool.pack(bytes), 1);
  assertEquals([...new Float32Array(buffer)], [1, 2, 0, 0]);
  buffer.resize(8);
  pool.alloc();
  assertThrows(() => pool.pack(bytes), RangeError, "need 16");
  const gone = new Uint8Array(16);
  pool.pack(gone);
  gone.buffer.transfer();
  assertThrows(() => pool.pack(gone), RangeError, "need 16");
});

Deno.test("pack() keeps as many plans as it is useful to, and goes on beyond", () => {
  using pool = new Pool(Mote, SMALL);
  pool.alloc(untyped(mote(3)));
  const names = ["x", "y", "hp", "id", "wide"] as const;
  for (let i = 0; i < 5 ** 3; i++) {
    const fields = [names[i % 5], names[Math.floor(i / 5) % 5], names[Math.floor(i / 25)]];
    const out = new Float64Array(3);
    pool.pack(out, fields);
    assertEquals([...out], fields.flatMap((it) => numbersOf(3, it)) as number[]);
  }
});

Deno.test("pack() is typed by the names of the fields", () => {
  using pool = new Pool({ x: "f32", y: "f32" });
  const fields: readonly ("x" | "y")[] = ["x"];
  assertEquals(pool.pack(new Float32Array(0), fields), 0);
  // @ts-expect-error no such field
  assertThrows(() => pool.pack(new Float32Array(0), ["z"]), TypeError);
  using set = new PoolSet({ sizes: [8, 16], types: [Vec, Real] });
  // @ts-expect-error no field of that struct
  assertThrows(() => set.pack(Vec, new Float32Array(0), ["v"]), TypeError);
  using shared = SharedPool.create(Vec);
  // @ts-expect-error no such field
  assertThrows(() => shared.pack(new Float32Array(0), ["z"]), TypeError);
});
