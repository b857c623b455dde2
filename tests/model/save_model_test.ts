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
import { debug, Pool, Struct, validate } from "../../mod.ts";
import type { AnyHandle, AnyStruct, ElementType, FieldType, PoolOptions } from "../../mod.ts";
import { edgesOf, reload, stored } from "../pool/_saves.ts";
import { forge, untyped } from "../_support.ts";
import { anyStruct, isArray, mapFields, type Plain, zeroOf } from "./_values.ts";
import { Random } from "../_random.ts";

const RUNS = 400;

const options: fc.Arbitrary<PoolOptions> = fc.record({
  chunksPerBlock: fc.constantFrom(16, 32, 64),
  maxChunks: fc.constantFrom(64, 128, 1024),
  handles: fc.constantFrom("compact" as const, "wide" as const),
  reuse: fc.constantFrom("recent" as const, "spread" as const),
  keepEmptyBlocks: fc.nat(3),
  debug: fc.integer({ min: 0, max: 4 }).map((it) => it === 0 && debug),
});

// -- the model --

/** A plain value of a type, made of the edges of its scalars by a number that goes on. */
function valueOf(type: FieldType, next: () => number): unknown {
  if (type instanceof Struct) return mapFields(type, (it) => valueOf(it, next));
  if (isArray(type)) {
    return Array.from({ length: type.length }, () => valueOf(type.element, next));
  }
  const edges = edgesOf(untyped(type)); // no typed refs are made
  return edges[next() % edges.length];
}

class Model {
  readonly wrapped = new Map<string, number>();

  /** `path` names the field in the report. */
  become(value: unknown, from: FieldType, to: FieldType, path: string): unknown {
    const [a, b] = [elementOf(from), elementOf(to)];
    if (a instanceof Struct !== b instanceof Struct) return zeroOf(to);
    if (isArray(to)) {
      const values = isArray(from) ? value as unknown[] : [value];
      return Array.from(
        { length: to.length },
        (_, i) => i < values.length ? this.become(values[i], a, b, path) : zeroOf(b),
      );
    }
    if (isArray(from)) return this.become((value as unknown[])[0], a, to, path);
    if (a instanceof Struct && b instanceof Struct) return this.record(value as object, a, b, path);
    if (a === b) return value;
    const it = stored(value, untyped(b));
    if (!it.isIn) this.wrapped.set(path, (this.wrapped.get(path) ?? 0) + 1);
    return it.value;
  }

  record(value: object, from: AnyStruct, to: AnyStruct, path: string): Plain {
    return mapFields(to, (type, name) => {
      const source = from.fields[name];
      if (source === undefined) return zeroOf(type);
      return this.become(untyped<Plain>(value)[name], source.type, type, `${path}.${name}`);
    });
  }
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
    const value = valueOf(type, next) as object;
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
        const model = new Model();
        for (const [handle, value] of old.values) {
          const wanted = model.record(value, from, to, "Outer");
          const now = moved.get(handle) ?? handle;
          assertEquals(pool.get(untyped(now)).toJSON(), untyped(wanted));
        }
        const { records, moved: moves, wrapped } = report;
        assertEquals([records, pool.size, moves, wrapped], [
          ...[old.values.size, old.values.size, moved.size, model.wrapped],
        ]);
        for (const name of records > 0 ? names(to) : []) {
          const isNew = !names(from).includes(name) ||
            elementOf(from.fields[name].type) instanceof Struct !==
              elementOf(to.fields[name].type) instanceof Struct;
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
    { numRuns: RUNS },
  );
});
