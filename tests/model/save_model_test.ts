/**
 * Random structs that become others, in pools of random options: what is loaded is what a model
 * makes of the values that were saved.
 *
 * Both structs take their fields from the same few names, so that they share some, each time of
 * other types. The model converts plain values by typed arrays, and knows nothing of bytes.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { debug, Pool, spread, Struct, validate } from "../../mod.ts";
import type { AnyHandle, AnyStruct, ElementType, FieldType, PoolOptions } from "../../mod.ts";
import { drop } from "../_kinds.ts";
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

/** What a report says of fields, by their paths. */
class Fields {
  /** How many numbers wrapped. */
  readonly wrapped = new Map<string, number>();
  readonly added = new Set<string>();
  readonly dropped = new Set<string>();
}

/** What becomes of a value of one type, or of none, in a field of another, which a path names. */
function become(
  value: unknown,
  from: FieldType | undefined,
  to: FieldType,
  notes: Fields,
  path: string,
): unknown {
  const [a, b] = [from && elementOf(from), elementOf(to)];
  if (from === undefined || a instanceof Struct !== b instanceof Struct) {
    notes.added.add(path);
    if (from !== undefined) notes.dropped.add(path);
    return zeroOf(to);
  }
  if (isArray(from) || isArray(to)) {
    const values = isArray(from) ? value as unknown[] : [value];
    if (!isArray(to)) return become(values[0], a, to, notes, path);
    const items = values.slice(0, to.length).map((it) => become(it, a, b, notes, path));
    return [...items, ...Array.from({ length: to.length - items.length }, () => zeroOf(b))];
  }
  if (a instanceof Struct && b instanceof Struct) {
    for (const name of Object.keys(a.fields)) {
      if (!(name in b.fields)) notes.dropped.add(`${path}.${name}`);
    }
    return mapFields(b, (type, name) => {
      const part = untyped<Plain>(value)[name];
      return become(part, a.fields[name]?.type, type, notes, `${path}.${name}`);
    });
  }
  if (a === b) return value;
  const it = stored(value, untyped(b));
  if (!it.isIn) notes.wrapped.set(path, (notes.wrapped.get(path) ?? 0) + 1);
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
  fc.assert(
    fc.property(
      ...[anyStruct, anyStruct, options, options, count, fc.nat(2 ** 24)] as const,
      (from, to, before, after, count, seed) => {
        const old = filled(from, before, count, seed);
        const { pool } = filled(to, after, seed % 20, seed);
        const moved = new Map<number, number>();
        const report = reload(old.pool, pool, { moved: (a, b) => moved.set(a, b) });
        const notes = new Fields();
        for (const [handle, value] of old.values) {
          const wanted = become(value, from, to, notes, "Outer");
          const now = moved.get(handle) ?? handle;
          assertEquals(pool.get(untyped(now)).toJSON(), untyped(wanted));
        }
        const { size } = old.values;
        assertEquals([report.records, pool.size, report.moved], [size, size, moved.size]);
        const { wrapped, added, dropped } = report;
        const found = { wrapped, added: new Set(added), dropped: new Set(dropped) };
        if (size > 0) assertEquals<unknown>(found, { ...notes });
        for (const handle of [...pool.handles()]) pool.free(handle);
        validate(pool);
        pool.allocMany(64);
        validate(pool);
        for (const it of [pool, old.pool]) drop(it);
      },
    ),
    { numRuns: 400 },
  );
});
