/**
 * Every kind of pool in one table, for tests of what they have in common. All have the same calls,
 * but a pool of several structs takes the struct first. Tests pass `...of` there, which is empty
 * for a `Pool`: `pool.alloc(...of, { n: 1 })`.
 *
 * @module
 */
import { debug, ErasedPool, pack, Pool, PoolSet, spread } from "../mod.ts";
import type { AnyHandle, AnyStruct, PoolBase, PoolOptions, ScopedRecord, View } from "../mod.ts";

/** A pool of any kind. Calls that take a struct in some of them have untyped arguments here. */
export interface AnyPool extends PoolBase<View<AnyStruct>, AnyHandle> {
  alloc(...args: unknown[]): AnyHandle;
  tryAlloc(...args: unknown[]): AnyHandle | undefined;
  allocAt(...args: unknown[]): AnyHandle;
  allocMany<O = AnyHandle[]>(...args: unknown[]): O;
  scoped(...args: unknown[]): ScopedRecord<AnyStruct>;
  free(handle: AnyHandle): void;
  tryFree(handle: AnyHandle): boolean;
  has(handle: AnyHandle): boolean;
  get<V>(...args: unknown[]): V;
  tryGet<V>(...args: unknown[]): V | undefined;
  set(...args: unknown[]): void;
  cursor<V>(...args: unknown[]): V;
  seek<V>(cursor: V, handle: AnyHandle): V;
  forEach(...args: unknown[]): void;
  loop(...args: unknown[]): (...args: unknown[]) => void;
  retain(...args: unknown[]): number;
  handles(...args: unknown[]): IterableIterator<AnyHandle>;
  /** Only of pools of several structs; see {@linkcode viewsOf}. */
  all?<V>(...args: unknown[]): IterableIterator<V>;
  /** Only of those of them that know it. */
  typeOf?(handle: AnyHandle): AnyStruct;
  /** Only a set takes the struct; see {@linkcode reserveIn}. */
  reserve(...args: unknown[]): void;
}

/** A pool, and what its calls take for the struct. */
export interface OfKind {
  readonly pool: AnyPool;
  readonly of: readonly AnyStruct[];
}

/** Makes a pool for records of one struct of 2 bytes or more; `maxChunks` is what they may take. */
export type KindMaker = (struct: AnyStruct, options?: PoolOptions) => OfKind;

/** Packs the records of a pool of any kind, which takes the struct first where it has several. */
export const packAny = pack as unknown as (pool: object, ...args: unknown[]) => number;

/** The cast makes the arguments of its calls untyped. */
export function ofKind(pool: object, ...of: AnyStruct[]): OfKind {
  return { pool: pool as AnyPool, of };
}

/**
 * The struct has the second size class of its set, so that no test passes because it has the first.
 */
function setOf(
  struct: AnyStruct,
  { maxChunks = 1 << 18, ...options }: PoolOptions = {},
  types?: AnyStruct[],
): OfKind {
  const sizes = [struct.size < 4 ? 1 : 2, struct.size]; // 2 have links of 2 bytes
  const known = types === undefined ? {} : { types };
  return ofKind(new PoolSet({ ...options, maxChunks: 2 * maxChunks, sizes, ...known }), struct);
}

/** The makers by the names of the kinds. */
export const POOL_KINDS: Readonly<Record<string, KindMaker>> = {
  "Pool": (struct, options) => ofKind(new Pool(struct, options)),
  "wide Pool": (struct, options) => ofKind(new Pool(struct, { ...options, handles: "wide" })),
  "ErasedPool": (struct, options) =>
    ofKind(new ErasedPool({ ...options, size: struct.size, types: [struct] }), struct),
  "ErasedPool without types": (struct, options) =>
    ofKind(new ErasedPool({ ...options, size: struct.size }), struct),
  "PoolSet": setOf,
  "PoolSet with types": (struct, options) => setOf(struct, options, [struct]),
  "wide PoolSet": (struct, options) => setOf(struct, { ...options, handles: "wide" }),
};

/** How errors call a pool of a kind. */
export function labelOf(kind: string, name: string): string {
  return `${kind.replace("wide ", "").split(" ")[0]} "${name}"`;
}

/** Iterates over the records of the struct, or over all where `of` is empty. */
export function viewsOf<V = View<AnyStruct>>({ pool, of }: OfKind): Iterable<V> {
  // Pools that take a struct have it.
  return of.length > 0 ? pool.all!<V>(...of) : pool as Iterable<unknown> as Iterable<V>;
}

/** A view of a record with a field `n`. */
export interface Counted {
  n: number;
}

/** Called with each record; its view may be used during the call only. */
export type Visit = (view: Counted, handle: AnyHandle, ...args: unknown[]) => unknown;

/** Every way to iterate over the records of the struct, or over all where `of` is empty. */
export const ITERATIONS: Readonly<Record<string, (it: OfKind, visit: Visit) => void>> = {
  "forEach()": ({ pool, of }, visit) => pool.forEach(...of, visit),
  "loop()": ({ pool, of }, visit) => pool.loop(...of, visit)(),
  "for…of": (it, visit) => {
    for (const view of viewsOf<Counted>(it)) visit(view, it.pool.handleOf(view as never));
  },
  "retain()": ({ pool, of }, visit) => {
    const keep: Visit = (view, handle) => (visit(view, handle), true);
    if (pool.retain(...of, keep) !== 0) throw new Error("records were freed that were to stay");
  },
  "handles()": ({ pool, of }, visit) => {
    const isMixed = of.length === 0 && !(pool as object instanceof Pool);
    for (const handle of pool.handles(...of)) {
      visit(pool.get(...isMixed ? [pool.typeOf!(handle)] : of, handle), handle); // it knows them
    }
  },
};

/** The plain values of all records of the struct. */
export function valuesOf(it: OfKind): unknown[] {
  return Array.from(viewsOf<{ toJSON(): unknown }>(it), (view) => view.toJSON());
}

/** Allocates records of a struct with a field `n`, counted up from 0. */
export function fillKind({ pool, of }: OfKind, count: number): AnyHandle[] {
  return Array.from({ length: count }, (_, n) => pool.alloc(...of, { n }));
}

/** Makes room for records of the struct. */
export function reserveIn({ pool, of }: OfKind, chunks: number): void {
  pool.reserve(...pool instanceof PoolSet ? of : [], chunks);
}

/** Values of the option `reuse`, by name. */
export const REUSES: Readonly<Record<string, PoolOptions["reuse"]>> = { recent: "recent", spread };

/** Ways to make a pool, but for reuse, by what the name of a test says of them. */
export const MODES: Readonly<Record<string, PoolOptions>> = {
  "": {},
  " with shared code": { specialize: false },
  " in debug mode": { debug },
};

/** All ways to make a pool. */
const WAYS: typeof MODES = {
  ...MODES,
  " with spread reuse": { reuse: spread },
  " with spread reuse in debug mode": { reuse: spread, debug },
};

/** Defines a test for every kind of pool, made in every way, or for those given. */
export function testKinds(
  claim: string,
  struct: AnyStruct,
  options: PoolOptions,
  test: (make: (more?: PoolOptions) => OfKind) => void,
  kinds: Readonly<Record<string, KindMaker>> = POOL_KINDS,
  ways: typeof WAYS = WAYS,
): void {
  for (const [kind, make] of Object.entries(kinds)) {
    for (const [way, its] of Object.entries(ways)) {
      Deno.test(`${kind}${way}: ${claim}`, () => {
        test((more) => make(struct, { ...options, ...its, ...more }));
      });
    }
  }
}

/** Disposes of a pool whose leaks are not what a test is about. */
export function drop(pool: Pick<AnyPool, "clear" | "dispose">): void {
  pool.clear();
  pool.dispose();
}
