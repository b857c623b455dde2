/**
 * One face for all pools, so that one test can drive each of them: records are of kinds, and a kind is a number.
 *
 * @module
 */
import {
  type AnyHandle,
  type AnyStruct,
  array,
  ErasedPool,
  type Init,
  NULL_HANDLE,
  Pool,
  type PoolOptions,
  PoolSet,
  struct,
  type View,
} from "../../mod.ts";
import type { Watched } from "../_support.ts";
import { Pattern } from "./_pattern.ts";

/** What all pools have. */
export interface AnyPool extends Watched {
  readonly maxChunks: number;
  free(handle: AnyHandle): void;
  tryFree(handle: AnyHandle): boolean;
  has(handle: AnyHandle): boolean;
  handleOf(view: object): number;
  freeMany(handles: AnyHandle[] | Float64Array): void;
  clear(): void;
  freeBlock(index: number): void;
  trim(): number;
  rebind(): void;
  snapshot(into?: Uint8Array, options?: { checksum?: boolean }): Uint8Array;
  restore(bytes: Uint8Array): void;
  dispose(): void;
}

/** A record that goes at the end of its scope. */
interface Scoped extends Disposable {
  readonly handle: number;
  readonly view: object;
}

/** A pool whose records are of kinds. */
export interface Face {
  readonly pool: AnyPool;
  /** The kinds. */
  readonly patterns: readonly Pattern[];
  /** Whether each record is met as what it is. */
  readonly isTyped: boolean;
  alloc(kind: number, init?: object): AnyHandle;
  tryAlloc(kind: number, init?: object): AnyHandle | undefined;
  allocAt(kind: number, cursor: object): AnyHandle;
  allocMany(kind: number, count: number, out?: AnyHandle[] | Float64Array): ArrayLike<AnyHandle>;
  scoped(kind: number, init?: object): Scoped;
  get(kind: number, handle: AnyHandle): object;
  tryGet(kind: number, handle: AnyHandle): object | undefined;
  set(kind: number, handle: AnyHandle, init: object): void;
  cursor(kind: number): object;
  seek(cursor: object, handle: AnyHandle): object;
  forEach(fn: (view: object, handle: AnyHandle) => void): void;
  views(): Iterable<object>;
  retain(keep: (view: object, handle: AnyHandle) => boolean): number;
  reserve(kind: number, chunks: number): void;
  /** The pool that the records of a kind are in, which may have others beside it. */
  poolOf(kind: number): AnyPool;
}

const Vec2 = struct({ x: "f32", y: "f32" });
const Flag = struct({ on: "u8" }, { name: "Flag" });
const Pair = struct({ a: "u16", b: "i16" }, { name: "Pair" });
const Spark = struct({ at: Vec2, heat: "u8", isHot: "bool", age: "i16" }, { name: "Spark" });
const Ship = struct({
  id: "u64",
  at: Vec2,
  trail: array(Vec2, 2),
  next: "ref",
  color: array("u8", 3),
  name: "i8",
}, { name: "Ship" });

/** What the records of a pool of many kinds are: of 1, 4, 12 and 40 bytes. */
export const KINDS: readonly AnyStruct[] = [Flag, Pair, Spark, Ship];

/** How each face is made. */
export const FACES: Readonly<Record<string, (options: PoolOptions) => Face>> = {
  "Pool of 1 byte": (options) => new PoolFace(Flag, options),
  "Pool of 4 bytes": (options) => new PoolFace(Pair, options),
  "Pool of 40 bytes": (options) => new PoolFace(Ship, options),
  "open ErasedPool": (options) =>
    new MixedFace(new ErasedPool({ ...options, size: 48 }), KINDS, false),
  "typed ErasedPool": (options) =>
    new MixedFace(new ErasedPool({ ...options, size: 48, types: KINDS }), KINDS, true),
  "PoolSet": (options) =>
    new MixedFace(new PoolSet({ ...options, sizes: [4, 16, 48] }), KINDS, true),
};

class PoolFace implements Face {
  readonly pool: Pool<AnyStruct>;
  readonly patterns: readonly Pattern[];
  readonly isTyped = true;

  constructor(type: AnyStruct, options: PoolOptions) {
    this.pool = new Pool(type, options);
    this.patterns = [new Pattern(type)];
  }

  alloc(_kind: number, init?: object): AnyHandle {
    return this.pool.alloc(init as Init<AnyStruct>) as number as AnyHandle;
  }
  tryAlloc(_kind: number, init?: object): AnyHandle | undefined {
    return this.pool.tryAlloc(init as Init<AnyStruct>) as number as AnyHandle | undefined;
  }
  allocAt(_kind: number, cursor: object): AnyHandle {
    return this.pool.allocAt(cursor as View<AnyStruct>) as number as AnyHandle;
  }
  allocMany(_kind: number, count: number, out: AnyHandle[] | Float64Array = []) {
    return this.pool.allocMany(count, out) as ArrayLike<number> as ArrayLike<AnyHandle>;
  }
  scoped(_kind: number, init?: object): Scoped {
    return this.pool.scoped(init as Init<AnyStruct>);
  }
  get(_kind: number, handle: AnyHandle): object {
    return this.pool.get(handle);
  }
  tryGet(_kind: number, handle: AnyHandle): object | undefined {
    return this.pool.tryGet(handle);
  }
  set(_kind: number, handle: AnyHandle, init: object): void {
    this.pool.set(handle, init as Init<AnyStruct>);
  }
  cursor(): object {
    return this.pool.cursor();
  }
  seek(cursor: object, handle: AnyHandle): object {
    return this.pool.seek(cursor as View<AnyStruct>, handle);
  }
  forEach(fn: (view: object, handle: AnyHandle) => void): void {
    this.pool.forEach((view, handle) => fn(view, handle as number as AnyHandle));
  }
  views(): Iterable<object> {
    return this.pool;
  }
  retain(keep: (view: object, handle: AnyHandle) => boolean): number {
    return this.pool.retain((view, handle) => keep(view, handle as number as AnyHandle));
  }
  reserve(_kind: number, chunks: number): void {
    this.pool.reserve(chunks);
  }
  poolOf(): AnyPool {
    return this.pool;
  }
}

/** An erased pool or a set of them. */
class MixedFace implements Face {
  readonly pool: ErasedPool | PoolSet;
  readonly patterns: readonly Pattern[];
  readonly isTyped: boolean;

  constructor(pool: ErasedPool | PoolSet, kinds: readonly AnyStruct[], isTyped: boolean) {
    this.pool = pool;
    this.patterns = kinds.map((kind) => new Pattern(kind));
    this.isTyped = isTyped;
    for (let kind = 0; kind < kinds.length; kind++) this.cursor(kind); // in a snapshot all are known
  }

  alloc(kind: number, init?: object): AnyHandle {
    return this.pool.alloc(this.#type(kind), init as Init<AnyStruct>) as number as AnyHandle;
  }
  tryAlloc(kind: number, init?: object): AnyHandle | undefined {
    const handle = this.pool.tryAlloc(this.#type(kind), init as Init<AnyStruct>);
    return handle as number as AnyHandle | undefined;
  }
  allocAt(kind: number, cursor: object): AnyHandle {
    const handle = this.pool.allocAt(this.#type(kind), cursor as View<AnyStruct>);
    return handle as number as AnyHandle;
  }
  allocMany(kind: number, count: number, out: AnyHandle[] | Float64Array = []) {
    const handles: ArrayLike<number> = this.pool.allocMany(this.#type(kind), count, out);
    return handles as ArrayLike<AnyHandle>;
  }
  scoped(kind: number, init?: object): Scoped {
    return this.pool.scoped(this.#type(kind), init as Init<AnyStruct>);
  }
  get(kind: number, handle: AnyHandle): object {
    return this.pool.get(this.#type(kind), handle);
  }
  tryGet(kind: number, handle: AnyHandle): object | undefined {
    return this.pool.tryGet(this.#type(kind), handle);
  }
  set(kind: number, handle: AnyHandle, init: object): void {
    this.pool.set(this.#type(kind), handle, init as Init<AnyStruct>);
  }
  cursor(kind: number): object {
    return this.pool.cursor(this.#type(kind));
  }
  seek(cursor: object, handle: AnyHandle): object {
    return this.pool.seek(cursor as View<AnyStruct>, handle);
  }
  forEach(fn: (view: object, handle: AnyHandle) => void): void {
    if (this.isTyped) this.pool.forEach(fn);
    else {this.pool.forEach(this.#type(0), (view, handle) =>
        fn(view, handle as number as AnyHandle));}
  }
  views(): Iterable<object> {
    return this.isTyped ? this.pool : this.pool.all(this.#type(0));
  }
  retain(keep: (view: object, handle: AnyHandle) => boolean): number {
    if (this.isTyped) return this.pool.retain(keep);
    return this.pool.retain(
      this.#type(0),
      (view, handle) => keep(view, handle as number as AnyHandle),
    );
  }
  reserve(kind: number, chunks: number): void {
    if (this.pool instanceof PoolSet) this.pool.reserve(this.#type(kind), chunks);
    else this.pool.reserve(chunks);
  }
  poolOf(kind: number): AnyPool {
    return this.pool instanceof PoolSet ? this.pool.poolFor(this.#type(kind)) : this.pool;
  }

  #type(kind: number): AnyStruct {
    return this.patterns[kind].struct;
  }
}

/** What a face holds: of each live record its handle, its kind and the pattern in it. */
export class Records {
  readonly handles: AnyHandle[] = [];
  readonly #kinds: number[] = [];
  readonly #serials: number[] = [];
  /** Place of each handle. */
  readonly #places = new Map<number, number>();

  get size(): number {
    return this.handles.length;
  }

  has(handle: number): boolean {
    return this.#places.has(handle);
  }

  /** @returns A live handle, chosen by an integer from 0 to `size` - 1; null when there is none. */
  at(i: number): AnyHandle {
    return this.handles[i] ?? NULL_HANDLE;
  }

  kindOf(handle: number): number {
    return this.#kinds[this.#places.get(handle)!]; // callers ask for live ones alone
  }

  serialOf(handle: number): number {
    return this.#serials[this.#places.get(handle)!]; // as above
  }

  /** @returns False where the handle is live already, and nothing changes. */
  add(handle: AnyHandle, kind: number, serial: number): boolean {
    if (handle === 0 || this.#places.has(handle)) return false;
    this.#places.set(handle, this.handles.length);
    this.handles.push(handle);
    this.#kinds.push(kind);
    this.#serials.push(serial);
    return true;
  }

  change(handle: number, serial: number): void {
    this.#serials[this.#places.get(handle)!] = serial; // as above
  }

  /** @returns Whether it was live. */
  remove(handle: number): boolean {
    const place = this.#places.get(handle);
    if (place === undefined) return false;
    this.#places.delete(handle);
    const last = this.handles.pop()!; // as there is one
    const kind = this.#kinds.pop()!;
    const serial = this.#serials.pop()!;
    if (last !== handle) {
      this.handles[place] = last;
      this.#kinds[place] = kind;
      this.#serials[place] = serial;
      this.#places.set(last, place);
    }
    return true;
  }

  copy(): Records {
    const copy = new Records();
    for (const handle of this.handles) {
      copy.add(handle, this.kindOf(handle), this.serialOf(handle));
    }
    return copy;
  }
}
