/**
 * Random structs that become others, in pools of random options: what is loaded is what a model
 * makes of the values that were saved.
 *
 * Both structs take their fields from the same few names, so that they share some, each time of
 * other types. The model converts plain values by typed arrays, and knows nothing of bytes.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { debug, Pool, spread, Struct, validate } from "../../mod.ts";
import type { AnyHandle, AnyStruct, ElementType, FieldType, PoolOptions } from "../../mod.ts";
import { edgesOf, reload, stored } from "../pool/_saves.ts";
import { forge, untyped } from "../_support.ts";
import { anyStruct, isArray, mapFields, mapLeaves, type Plain, zeroOf } from "./_values.ts";
import { Random } from "../_random.ts";

const options: fc.Arbitrary<PoolOptions> = fc.record({
  chunksPerBlock: fc.constantFrom(16, 32, 64),
  maxChunks: fc.constantFrom(64, 128, 1024),
  handles: fc.constantFrom("compact" as const, "wide" as const),
  reuse: fc.constantFrom("recent" as const, spread),
  keepEmptyBlocks: fc.nat(3),
  debug: fc.constantFrom(debug, ...Array<false>(4).fill(false)),
});

// -- the model --

/** A plain value of a type, made of the edges of its scalars by a number that goes on. */
function valueOf(type: AnyStruct, next: () => number): object {
  return mapLeaves(type, (leaf) => {
    const edges = edgesOf(untyped(leaf)); // no typed refs are made
    return edges[next() % edges.length];
  }) as object;
}

/**
 * What becomes of a value of one type in a field of another.
 *
 * @param wrapped Gets how many numbers wrapped, by the path of their field.
 * @param path Names the field.
 */
function become(
  value: unknown,
  from: FieldType,
  to: FieldType,
  wrapped: Map<string, number>,
  path: string,
): unknown {
  const [a, b] = [elementOf(from), elementOf(to)];
  if (a instanceof Struct !== b instanceof Struct) return zeroOf(to);
  if (isArray(from) || isArray(to)) {
    const values = isArray(from) ? value as unknown[] : [value];
    if (!isArray(to)) return become(values[0], a, to, wrapped, path);
    const items = values.slice(0, to.length).map((it) => become(it, a, b, wrapped, path));
    return [...items, ...Array.from({ length: to.length - items.length }, () => zeroOf(b))];
  }
  if (a instanceof Struct && b instanceof Struct) {
    return mapFields(b, (type, name) => {
      const source = a.fields[name];
      if (source === undefined) return zeroOf(type);
      const part = untyped<Plain>(value)[name];
      return become(part, source.type, type, wrapped, `${path}.${name}`);
    });
  }
  if (a === b) return value;
  const it = stored(value, untyped(b));
  if (!it.isIn) wrapped.set(path, (wrapped.get(path) ?? 0) + 1);
  return it.value;
}

function elementOf(type: FieldType): ElementType {
  return isArray(type) ? type.element : type;
}

// -- the runs --

/** A pool with some records, and what is in each by its handle. */
function filled(type: AnyStruct, options: PoolOptions, count: number, seed: number) {
  const pool = new Pool(type, options);
  const values = new Map<AnyHandle, object>();
  const random = new Random(seed);
  const next = () => random.bits() >>> 8;
  for (let i = 0; i < count; i++) {
    const value = valueOf(type, next);
    values.set(forge(pool.alloc(untyped(value))), value);
    if (next() % 4 !== 0) continue;
    const [first] = values.keys();
    pool.free(untyped(first));
    values.delete(first);
  }
  return { pool, values };
}

Deno.test("Random structs become others in pools of other options as the model has it", () => {
  const count = fc.integer({ min: 0, max: 60 });
  const names = (struct: AnyStruct) => Object.keys(struct.fields);
  fc.assert(
    fc.property(
      ...[anyStruct, anyStruct, options, options, count, fc.nat(2 ** 24)] as const,
      (from, to, before, after, count, seed) => {
        const old = filled(from, before, count, seed);
        const { pool } = filled(to, after, seed % 20, seed);
        const moved = new Map<number, number>();
        const report = reload(old.pool, pool, { moved: (a, b) => moved.set(a, b) });
        const allWrapped = new Map<string, number>();
        for (const [handle, value] of old.values) {
          const wanted = become(value, from, to, allWrapped, "Outer");
          const now = moved.get(handle) ?? handle;
          assertEquals(pool.get(untyped(now)).toJSON(), untyped(wanted));
        }
        const { records, moved: moves, wrapped } = report;
        assertEquals([records, pool.size, moves, wrapped], [
          ...[old.values.size, old.values.size, moved.size, allWrapped],
        ]);
        for (const name of records > 0 ? names(to) : []) {
          const [a, b] = [from.fields[name]?.type, to.fields[name].type];
          const isNew = a === undefined ||
            elementOf(a) instanceof Struct !== elementOf(b) instanceof Struct;
          assertEquals(report.added.includes(`Outer.${name}`), isNew);
        }
        for (const name of records > 0 ? names(from) : []) {
          if (!names(to).includes(name)) assert(report.dropped.includes(`Outer.${name}`));
        }
        for (const handle of [...pool.handles()]) pool.free(handle);
        validate(pool);
        pool.allocMany(64);
        validate(pool);
        for (const it of [pool, old.pool]) {
          it.clear();
          it.dispose();
        }
      },
    ),
    { numRuns: 400 },
  );
});
