/** `pack` against plain values: random structs, records, lists of fields and arrays. */
import fc from "fast-check";
import { assertEquals } from "@std/assert";
import {
  type AnyHandle,
  type AnyStruct,
  array,
  type ErasedPool,
  type Fields,
  type FieldType,
  type PackTarget,
  Pool,
  type ScalarType,
  SharedPool,
  struct,
} from "../../mod.ts";
import { FACES } from "../_faces.ts";

const SCALARS = [
  ...["i8", "u8", "i16", "u16", "i32", "u32", "f16", "f32", "f64", "bool", "ref"] as const,
] satisfies ScalarType[];
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
];

const { type: FIELD } = fc.letrec<{ type: FieldType; leaf: FieldType }>((tie) => ({
  leaf: fc.oneof(
    fc.constantFrom<FieldType>(...SCALARS),
    fc.tuple(fc.constantFrom(...SCALARS), fc.integer({ min: 1, max: 5 })).map(([it, n]) =>
      array(it, n)
    ),
  ),
  type: fc.oneof(
    { weight: 4, arbitrary: tie("leaf") },
    {
      weight: 1,
      arbitrary: fc.array(tie("leaf"), { minLength: 1, maxLength: 3 }).map((it) =>
        struct(named(it))
      ),
    },
    {
      weight: 1,
      arbitrary: fc.tuple(
        fc.array(tie("leaf"), { minLength: 1, maxLength: 2 }),
        fc.integer({ min: 1, max: 3 }),
      )
        .map(([it, n]) => array(struct(named(it)), n)),
    },
  ),
}));

function named(types: readonly FieldType[]): Fields {
  return Object.fromEntries(types.map((it, i) => [`f${i}`, it]));
}

const STRUCT = fc.tuple(fc.array(FIELD, { minLength: 1, maxLength: 6 }), fc.boolean())
  .map(([it, isCompact]) => struct(named(it), { layout: isCompact ? "compact" : "c" }));

function flat(value: unknown): number[] {
  if (typeof value === "object" && value !== null) return Object.values(value).flatMap(flat);
  return [Number(value)];
}

/** Fills a record by its bytes: any bits, but for `bool` those that are written. */
function scribble(bytes: Uint8Array, random: () => number): void {
  for (let i = 0; i < bytes.length; i++) bytes[i] = random();
}

interface Packed {
  readonly records: { toJSON(): unknown }[];
  readonly bytes: Uint8Array[];
  pack(out: PackTarget, fields?: readonly string[]): number;
}

Deno.test("pack() gives what the views give, of any struct, fields and array, in any kind of pool", () => {
  fc.assert(
    fc.property(
      STRUCT,
      fc.constantFrom(...Object.keys(FACES), "SharedPool"),
      fc.array(fc.nat(99), { minLength: 1, maxLength: 5 }),
      fc.nat(60),
      fc.nat(6),
      fc.nat(7),
      fc.nat(2 ** 31),
      fc.boolean(),
      (type, name, picks, count, gone, offset, seed, specialize) => {
        if (type.size < 2) return; // a face has a class of a byte beside
        const random = () => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) >>> 24;
        const pool = name === "SharedPool"
          ? sharedOf(type, count, gone, random, specialize)
          : faceOf(name, type, count, gone, random, specialize);
        const names = Object.keys(type.fields);
        const fields = picks.map((it) => names[it % names.length]);
        const plain = pool.records.map((it) => it.toJSON() as Record<string, unknown>);
        const values = plain.flatMap((it) => fields.flatMap((field) => flat(it[field])));
        for (const Out of ARRAYS) {
          const out = new Out(values.length + 1);
          assertEquals(pool.pack(out, fields), plain.length);
          assertEquals([...out], [...Out.from([...values, 0])]);
        }
        const whole = new Uint8Array(new ArrayBuffer(plain.length * type.size + offset), offset);
        assertEquals(pool.pack(whole), plain.length);
        assertEquals([...whole], pool.bytes.flatMap((it) => [...it]));
      },
    ),
    { numRuns: 400 },
  );
});

/** Writes each value as it reads, as the byte of a boolean may be any otherwise. */
function settle(view: { toJSON(): unknown }): void {
  Object.assign(view, view.toJSON());
}

function faceOf(
  name: string,
  type: AnyStruct,
  count: number,
  gone: number,
  random: () => number,
  specialize: boolean,
): Packed {
  const face = FACES[name](type, { chunksPerBlock: 16, maxChunks: 64, specialize });
  const { pool } = face;
  const handles = face.allocMany(count);
  for (const handle of handles) {
    const view = face.get<{ toJSON(): unknown }>(handle);
    scribble(bytesOf(pool as Pool<AnyStruct>, handle, type), random);
    settle(view);
  }
  handles.forEach((it, i) => i % (gone + 1) === 1 && pool.free(it));
  const live = [...pool.handles()] as AnyHandle[];
  return {
    records: live.map((it) => face.get<{ toJSON(): unknown }>(it)),
    bytes: live.map((it) => bytesOf(pool as Pool<AnyStruct>, it, type)),
    pack: (out, fields) =>
      pool instanceof Pool
        ? pool.pack(out, fields as never)
        : (pool as ErasedPool).pack(type, out, fields as never),
  };
}

function bytesOf(pool: Pool<AnyStruct>, handle: AnyHandle, type: AnyStruct): Uint8Array {
  if (!(pool instanceof Pool)) return (pool as ErasedPool).bytes(handle).subarray(0, type.size);
  const index = pool.indexOf(handle as never);
  const block = pool.blocks.find((it) => it.index === Math.floor(index / 16))!; // it is live
  return block.bytes.subarray(index % 16 * type.size, (index % 16 + 1) * type.size);
}

function sharedOf(
  type: AnyStruct,
  count: number,
  gone: number,
  random: () => number,
  specialize: boolean,
): Packed {
  const pool = SharedPool.create(type, { chunksPerBlock: 16, maxChunks: 64, specialize });
  const handles = Array.from({ length: count }, () => pool.alloc());
  const bytesAt = (view: object) => {
    const { _b, _o } = view as { _b: { u8: Uint8Array }; _o: number };
    return _b.u8.subarray(_o, _o + type.size);
  };
  for (const handle of handles) {
    const view = pool.get(handle);
    scribble(bytesAt(view), random);
    settle(view as never);
  }
  handles.forEach((it, i) => i % (gone + 1) === 1 && pool.free(it));
  const live: (typeof handles)[number][] = [];
  pool.forEach((_, handle) => void live.push(handle));
  const views = live.map((it) => pool.get(it));
  return {
    records: views as never,
    bytes: views.map(bytesAt),
    pack: (out, fields) => pool.pack(out, fields as never),
  };
}
