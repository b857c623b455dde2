/**
 * Random programs and their next versions: what a pool of the one saves becomes in a pool of the
 * other what a model makes of the values.
 *
 * The structs of both take their fields from the same few names, so that they share some, each time
 * of other types. The model chooses which field becomes which, and follows no renames. It converts
 * plain values by typed arrays, and knows nothing of bytes.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { array, debug, ErasedPool, Pool, PoolSet, ref, spread } from "../../mod.ts";
import { Struct, struct, validate } from "../../mod.ts";
import type { AnyHandle, AnyStruct, ElementType, FieldType, ScalarType, View } from "../../mod.ts";
import { type AnyPool, drop } from "../_kinds.ts";
import { edgesOf, reload, stored } from "../pool/_saves.ts";
import { forge, untyped } from "../_support.ts";
import { isArray, mapFields, mapLeaves, type Plain, SCALARS, zeroOf } from "./_values.ts";
import { Random } from "../_random.ts";

function elementOf(type: FieldType): ElementType {
  return isArray(type) ? type.element : type;
}

/** The type that values of a leaf are stored as. */
function scalarOf(type: ElementType | AnyStruct): ScalarType {
  return typeof type === "string" ? type : "ref";
}

// -- the model --

/** Names of fields, of which one is that of a struct as well. */
const FIELDS = ["a", "b", "c", "d", "Ship"];
/** Names of structs in both versions. The first one is nested in the others. */
const TITLES = [["Part", "Piece"], ["Ship", "Vessel"], ["toString", "valueOf"], ["Elm", "Oak"]];

/** Makes a struct of any fields, with links to itself and to the structs before it. */
function structOf(name: string, [part, ...others]: readonly AnyStruct[], random: Random) {
  const rest: ElementType[] = [part ?? "u8", "ref", ref("self"), ...others.map((it) => ref(it))];
  const one = random.pick(FIELDS);
  const fields = FIELDS.filter((it) => it === one || random.oneIn(2)).map((name) => {
    const type = random.pick(random.oneIn(2) ? SCALARS : rest);
    return [name, random.oneIn(3) ? array(type, 1 + random.below(3)) : type] as const;
  });
  const layout = random.pick(["c", "compact"] as const);
  return struct(Object.fromEntries(fields), { name, layout }) as AnyStruct;
}

/** Two versions of a program: what becomes of values, and what a report says of that. */
class Update {
  readonly before: AnyStruct[] = [];
  readonly after: AnyStruct[] = [];
  readonly rename: Record<string, string> = {};
  /** What a report should say of fields, by their paths. */
  readonly changes = {
    wrapped: new Map<string, number>(),
    added: new Set<string>(),
    dropped: new Set<string>(),
  };
  /** The old names of fields by the new ones, of each new struct. */
  readonly #sources = new Map<AnyStruct, Map<string, string>>();

  constructor(count: number, random: Random) {
    // In some version each field had another name, and in the next one its own again.
    for (const it of FIELDS) this.#renameTwice(it, it);
    for (const [name, newName] of TITLES.slice(0, count + 1)) {
      const isKept = random.oneIn(2);
      if (!isKept) this.#renameTwice(name, newName);
      this.before.push(structOf(name, this.before, random));
      this.after.push(structOf(isKept ? name : newName, this.after, random));
    }
    this.before.forEach((from, i) => this.#renameFields(from, this.after[i], random));
  }

  #renameTwice(from: string, to: string): void {
    this.rename[from] = `${from}1`;
    this.rename[`${from}1`] = to;
  }

  #renameFields(from: AnyStruct, to: AnyStruct, random: Random): void {
    const sources = new Map<string, string>();
    this.#sources.set(to, sources);
    for (const old of Object.keys(from.fields)) {
      const name = random.pick(Object.keys(to.fields));
      if (sources.has(name) || random.oneIn(2)) continue;
      sources.set(name, old);
      const keys = [`${from.name}.${old}`, `${to.name}.${old}`, `${from.name}.${old}1`];
      const isStruct = this.rename[`${old}1`] !== old;
      const isShared = this.before.some((it) => it !== from && old in it.fields);
      if (!isStruct && !isShared) keys.push(old);
      this.rename[random.pick(keys)] = name;
    }
    const renamed = new Set(sources.values());
    for (const name of Object.keys(from.fields)) {
      if (!renamed.has(name) && !sources.has(name)) sources.set(name, name);
    }
  }

  /** Returns what becomes of a value in a field, which a path names. */
  become(value: unknown, from: FieldType, to: FieldType, path: string): unknown {
    const [a, b] = [elementOf(from), elementOf(to)];
    if (isArray(from) || isArray(to)) {
      const values = isArray(from) ? value as unknown[] : [value];
      if (!isArray(to)) return this.become(values[0], a, to, path);
      const items = values.slice(0, to.length).map((it) => this.become(it, a, b, path));
      return [...items, ...Array.from({ length: to.length - items.length }, () => zeroOf(b))];
    }
    if (a instanceof Struct && b instanceof Struct) return this.#fields(value as Plain, a, b, path);
    if (scalarOf(a) === scalarOf(b)) return value;
    const it = stored(value, scalarOf(b));
    const { wrapped } = this.changes;
    if (!it.isIn) wrapped.set(path, (wrapped.get(path) ?? 0) + 1);
    return it.value;
  }

  #fields(value: Plain, from: AnyStruct, to: AnyStruct, path: string): Plain {
    const gone = new Set(Object.keys(from.fields));
    const isStruct = (type: FieldType) => elementOf(type) instanceof Struct;
    const now = mapFields(to, (type, name) => {
      const old = this.#sources.get(to)!.get(name); // all structs have some
      const was = old === undefined ? undefined : from.fields[old].type;
      if (old !== undefined && was !== undefined && isStruct(was) === isStruct(type)) {
        gone.delete(old);
        return this.become(value[old], was, type, `${path}.${name}`);
      }
      this.changes.added.add(`${path}.${name}`);
      return zeroOf(type);
    });
    for (const old of gone) this.changes.dropped.add(`${path}.${old}`);
    return now;
  }
}

// -- the runs --

const settings = fc.record({
  chunksPerBlock: fc.constantFrom(16, 32, 64),
  maxChunks: fc.constantFrom(64, 128, 1024),
  handles: fc.constantFrom("compact" as const, "wide" as const),
  reuse: fc.constantFrom("recent" as const, spread),
  keepEmptyBlocks: fc.nat(3),
  debug: fc.constantFrom(debug, ...Array<false>(4).fill(false)),
  /** Of a set. */
  sizes: fc.constantFrom(undefined, undefined, [64, 1000], [8, 32, 96, 1000]),
});
type Settings = typeof settings extends fc.Arbitrary<infer T> ? T : never;

/** Makes a pool of some structs, which a set has in another order. */
function poolOf(types: readonly AnyStruct[], { sizes, ...options }: Settings): AnyPool {
  if (sizes !== undefined) {
    // Links cannot hold the wide handles of most classes.
    const own = { handles: "compact", maxChunks: options.maxChunks * sizes.length } as const;
    return untyped(new PoolSet({ ...options, ...own, sizes, types: types.toReversed() }));
  }
  if (types.length > 1) return untyped(new ErasedPool({ ...options, size: 1000, types }));
  return untyped(new Pool(types[0], options));
}

const EDGES = new Map(SCALARS.map((it) => [it, edgesOf(it)]));

/** Makes a pool with records; the handles are those of freed ones as well. */
function filled(structs: readonly AnyStruct[], settings: Settings, count: number, random: Random) {
  const types = structs.slice(1);
  const pool = poolOf(types, settings);
  const of = (kind: number) => pool as object instanceof Pool ? [] : [types[kind]];
  const records = new Map<AnyHandle, { readonly kind: number; readonly value: unknown }>();
  const handles: AnyHandle[] = [];
  for (let i = 0; i < count; i++) {
    const kind = random.below(types.length);
    const value = mapLeaves(types[kind], (leaf) => {
      const isLink = scalarOf(leaf) === "ref" && i > 0 && !random.oneIn(3);
      return random.pick<unknown>(isLink ? handles : EDGES.get(scalarOf(leaf))!); // all are there
    });
    const handle = pool.alloc(...of(kind), value);
    handles.push(handle);
    records.set(handle, { kind, value });
    if (!random.oneIn(4)) continue;
    const [first] = records.keys();
    pool.free(first);
    records.delete(first);
  }
  return { pool, types, of, records, handles };
}

Deno.test("Random structs become others in pools of other kinds and options as the model has it, with their links and handles", () => {
  const count = fc.integer({ min: 0, max: 60 });
  const own = fc.constantFrom(0, 0, 1, 20);
  const property = fc.property(
    ...[fc.gen(), fc.integer({ min: 1, max: 3 }), settings, settings, count, own] as const,
    (gen, kinds, before, after, count, own) => {
      const bits = () => gen(fc.integer, { min: 0, max: 2 ** 32 - 1 });
      const update = new Update(kinds, Object.assign(new Random(0), { bits }));
      const random = new Random(bits());
      const old = filled(update.before, before, count, random);
      const now = filled(update.after, after, own, random);
      const { pool, types } = now;
      const { sizes } = after;
      const areAlike = own === 0 && sizes === before.sizes && !before.debug &&
        before.maxChunks === after.maxChunks;
      const classOf = ({ size }: AnyStruct) => sizes?.findIndex((it) => it >= size);
      const { moves, ...report } = reload(old.pool, pool, update.rename);
      const linked = (leaf: unknown, to: unknown) => {
        const isLink = types[old.records.get(forge(to))?.kind ?? -1] === leaf;
        return isLink ? moves.get(to as number) ?? to : to;
      };
      const indices = new Set(Array.from(pool.handles(), (it) => pool.indexOf(it)));
      for (const [handle, { kind, value }] of old.records) {
        const type = types[kind];
        const isKept = areAlike && classOf(type) === classOf(old.types[kind]);
        if (after.debug || isKept) assert(!moves.has(handle), "moved");
        const mayKeepIndex = moves.has(handle) && sizes === undefined && before.sizes === undefined;
        if (mayKeepIndex) assert(indices.has(old.pool.indexOf(handle)), "its old chunk is free");
        const become = update.become(value, old.types[kind], type, type.name);
        const view = pool.get<View<AnyStruct>>(...now.of(kind), moves.get(handle) ?? handle);
        assertEquals(view.toJSON(), mapLeaves(type, linked, become));
      }
      for (const it of now.handles) assert(!pool.has(it) || old.records.has(it), "not stale");
      const { size } = old.records;
      assertEquals([report.records, pool.size, report.moved], [size, size, moves.size]);
      const { wrapped, added, dropped } = report;
      const changes = { wrapped, added: new Set(added), dropped: new Set(dropped) };
      assertEquals(changes, update.changes);
      for (const handle of [...pool.handles()]) pool.free(handle);
      validate(pool);
      for (let i = 0; i < 64; i++) pool.alloc(...now.of(i % types.length));
      validate(pool);
      for (const it of [pool, old.pool]) drop(it);
    },
  );
  fc.assert(property, { numRuns: 1000 });
});
