/**
 * Every kind of pool behind one face, for the tests of what they have in common: one struct a pool,
 * and the calls of `Pool`.
 *
 * @module
 */
import {
  type AnyHandle,
  type AnyStruct,
  ErasedPool,
  Pool,
  type PoolOptions,
  PoolSet,
  type View,
} from "../mod.ts";

/** Any pool. */
export type SomePool = Pool<AnyStruct> | ErasedPool | PoolSet;

/** A pool whose calls need not be told the struct. */
export class Face<P extends SomePool = SomePool> {
  readonly pool: P;
  readonly #args: readonly unknown[];

  constructor(pool: P, struct: AnyStruct) {
    this.pool = pool;
    this.#args = pool instanceof Pool ? [] : [struct];
  }

  alloc(init?: unknown): AnyHandle {
    return this.#call("alloc", init);
  }

  tryAlloc(init?: unknown): AnyHandle | undefined {
    return this.#call("tryAlloc", init);
  }

  allocMany(count: number): AnyHandle[] {
    return this.#call("allocMany", count);
  }

  allocAt<S extends AnyStruct>(cursor: View<S>): AnyHandle {
    return this.#call("allocAt", cursor);
  }

  get<V>(handle: number): V {
    return this.#call("get", handle);
  }

  tryGet<V>(handle: number): V | undefined {
    return this.#call("tryGet", handle);
  }

  set(handle: number, init: unknown): void {
    this.#call("set", handle, init);
  }

  cursor<V>(): V {
    return this.#call("cursor");
  }

  seek<V>(cursor: V, handle: number): V {
    const pool = this.pool as Pool<AnyStruct>; // all of them have the same
    return pool.seek(cursor as View<AnyStruct>, handle as AnyHandle) as unknown as V;
  }

  forEach<V>(fn: (view: V, handle: AnyHandle) => void): void {
    this.#call("forEach", fn);
  }

  loop<V, A extends unknown[]>(
    fn: (view: V, handle: AnyHandle, ...args: A) => void,
  ): (...args: A) => void {
    return this.#call("loop", fn);
  }

  retain<V>(pred: (view: V, handle: AnyHandle) => boolean): number {
    return this.#call("retain", pred);
  }

  reserve(chunks: number): void {
    if (this.pool instanceof PoolSet) this.#call("reserve", chunks);
    else this.pool.reserve(chunks);
  }

  views<V>(): IterableIterator<V> {
    return this.#call(this.pool instanceof Pool ? Symbol.iterator : "all");
  }

  scoped<V>(init?: unknown): { handle: AnyHandle; view: V } & Disposable {
    return this.#call("scoped", init);
  }

  /** The plain values of all records. */
  values(): unknown[] {
    return Array.from(this.views<{ toJSON(): unknown }>(), (view) => view.toJSON());
  }

  #call<R>(name: string | symbol, ...rest: unknown[]): R {
    // Every pool has a member of that name that takes these.
    const pool = this.pool as unknown as Record<string | symbol, (...args: unknown[]) => R>;
    return pool[name](...this.#args, ...rest);
  }
}

/** Makes a pool for records of one struct of 2 bytes or more; `maxChunks` is what they may take. */
export type FaceMaker = (struct: AnyStruct, options?: PoolOptions) => Face;

/** In a set the struct's is the second class, so that nothing passes by being of the first. */
function setOf(struct: AnyStruct, options: PoolOptions = {}): Face {
  const { maxChunks = 1 << 18 } = options;
  const sizes = [1, struct.size];
  return new Face(new PoolSet({ ...options, maxChunks: 2 * maxChunks, sizes }), struct);
}

/** By name. */
export const FACES: Readonly<Record<string, FaceMaker>> = {
  "Pool": (struct, options) => new Face(new Pool(struct, options), struct),
  "wide Pool": (struct, options) =>
    new Face(new Pool(struct, { ...options, handles: "wide" }), struct),
  "ErasedPool": (struct, options) =>
    new Face(new ErasedPool({ ...options, size: struct.size, types: [struct] }), struct),
  "ErasedPool without types": (struct, options) =>
    new Face(new ErasedPool({ ...options, size: struct.size }), struct),
  "PoolSet": setOf,
  "wide PoolSet": (struct, options) => setOf(struct, { ...options, handles: "wide" }),
};
