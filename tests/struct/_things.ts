/**
 * A struct with parts of every kind, its records, the ways to write them and to their parts, and
 * everything that can hold one, with one interface: pools, a shared pool, byte allocators.
 *
 * @module
 */
import {
  Arena,
  array,
  FreeListAllocator,
  SharedPool,
  snapshot,
  StackAllocator,
  struct,
} from "../../mod.ts";
import type { AnyHandle, AnyStruct, PoolOptions } from "../../mod.ts";
import { type KindMaker, MODES, type OfKind, ofKind, POOL_KINDS } from "../_kinds.ts";
import { untyped } from "../_support.ts";
import { mapLeaves } from "../model/_values.ts";

/** A view, untyped as in JavaScript. */
// deno-lint-ignore no-explicit-any -- the tests read and write properties of any name and type
export type Any = any;

export const Vec: AnyStruct = struct({ x: "f32", y: "f32" }, { name: "Vec" });
const Line = struct({ from: Vec, to: Vec });
const Trail = struct({ id: "i64", ages: array("u8", 2), dots: array(Vec, 2), head: Vec });

/** More parts than a view has properties for from the start. Some of their structs have no name. */
function thingStruct(many: number): AnyStruct {
  return struct({
    n: "u32",
    pos: Vec,
    line: Line,
    edge: Line,
    color: array("u8", 4),
    speed: array("f64", 3),
    trails: array(Trail, 3),
    vel: Vec,
    flags: array("bool", 2),
    many: array(Vec, many),
    links: array("ref", 2),
    id: "u64",
    ids: array("i64", 2),
    on: "bool",
    next: "ref",
    last: "u8",
  }, { name: "Thing" });
}

export const Thing: AnyStruct = thingStruct(2);
/** Its array `many` is too long for a chain of calls. */
export const LongThing: AnyStruct = thingStruct(450);

/** The values of record `n`, from 0 to 99, all different. Of a long thing they are the first ones. */
export function thingOf(n: number): Any {
  let next = n;
  return mapLeaves(Thing, (type) => {
    const value = next++;
    if (type === "bool") return value % 2 === 0;
    if (type === "i64") return BigInt(value) - 2n ** 63n;
    if (type === "u64") return 2n ** 64n - BigInt(value + 1);
    return type === "f64" ? value + 0.5 : value;
  });
}

const PATHS = "pos line line.from line.to edge color speed trails trails.0 trails.2 " +
  "trails.1.ages trails.1.dots trails.2.dots.1 trails.2.head vel flags many.1 ids";
/** The paths of parts of a view, of every kind. */
export const PARTS: readonly string[] = PATHS.split(" ");

/** Follows a path in a view or in a plain value; the path of the whole is empty. */
export function partAt(it: Any, path: string): Any {
  let part = it;
  for (const name of path === "" ? [] : path.split(".")) {
    part = /^\d/.test(name) && "get" in part ? part.get(Number(name)) : part[name];
  }
  return part;
}

/** Replaces what is at a path in a plain value. */
export function setAt(value: Any, path: string, to: unknown): void {
  const end = path.lastIndexOf(".");
  partAt(value, path.slice(0, Math.max(end, 0)))[path.slice(end + 1)] = to;
}

// -- pools --

export const SMALL: PoolOptions = { chunksPerBlock: 16, maxChunks: 64, name: "things" };

/** A pool, and the handle of one of its records. */
export interface InPool {
  readonly kind: OfKind;
  readonly handle: AnyHandle;
}

/** Writes a value to the record or to a new one, and returns the handle. */
export type Write = (it: InPool, value: unknown) => AnyHandle;

/** Ways to write a whole value. */
export const WRITES: Readonly<Record<string, Write>> = {
  "alloc()": ({ kind }, value) => kind.pool.alloc(...kind.of, value),
  "tryAlloc()": ({ kind }, value) => kind.pool.tryAlloc(...kind.of, value)!, // there is room
  "scoped()": ({ kind }, value) => kind.pool.scoped(...kind.of, value).handle,
  "set()": ({ kind, handle }, value) => {
    kind.pool.set(...kind.of, handle, value);
    return handle;
  },
};

/** Everything of a pool that can change, with every byte of its records and metadata. */
export function stateOf({ pool }: OfKind): unknown {
  // One string, which compares fast.
  const bytes = new TextDecoder("latin1").decode(snapshot(pool, undefined, { checksum: false }));
  return { bytes, ...pool.stats() };
}

// -- holders --

/** Holds one record. */
export interface Holder {
  /** A view of the record. */
  readonly view: Any;
  /** An unbound cursor. */
  cursor(): Any;
  /** Binds a cursor to the record. */
  seek(cursor: Any): Any;
  /** Frees every record. */
  clear(): void;
  /** Rebinds the holder to its memory. */
  rebind(): void;
  dispose(): void;
}

export type HolderMaker = (struct: AnyStruct, value: unknown, options?: PoolOptions) => Holder;

function poolHolder(make: KindMaker): HolderMaker {
  return (struct, value, options) => {
    const { pool, of } = make(struct, { ...SMALL, ...options });
    const handle = pool.alloc(...of, value);
    return {
      view: pool.get(...of, handle),
      cursor: () => pool.cursor(...of),
      seek: (cursor) => pool.seek(cursor, handle),
      clear: () => pool.free(handle),
      rebind: () => pool.rebind(),
      dispose: () => pool.dispose(),
    };
  };
}

function bytesHolder(
  create: (
    options: Pick<PoolOptions, "debug" | "memory">,
  ) => Arena | StackAllocator | FreeListAllocator,
): HolderMaker {
  return (struct, value, { debug, memory } = {}) => {
    const bytes = create({ debug, memory });
    const address = bytes.allocRecord(struct, untyped(value));
    return {
      view: bytes.view(address, struct),
      cursor: () => bytes.cursor(struct),
      seek: (cursor) => bytes.seek(cursor, address),
      clear: () => bytes.reset(),
      rebind: () => bytes.rebind(),
      dispose: () => bytes.dispose(),
    };
  };
}

export const HOLDERS: Readonly<Record<string, HolderMaker>> = {
  ...Object.fromEntries(
    Object.entries(POOL_KINDS).map(([name, make]) => [name, poolHolder(make)]),
  ),
  // It has no debug mode, and no memory of another resource.
  "SharedPool": poolHolder((struct, { debug: _, memory: __, ...options } = {}) =>
    ofKind(SharedPool.create(struct, options))
  ),
  "Arena": bytesHolder((options) => new Arena(options)),
  "StackAllocator": bytesHolder((options) => new StackAllocator({ byteLength: 8192, ...options })),
  "FreeListAllocator": bytesHolder((options) =>
    new FreeListAllocator({ byteLength: 8192, ...options })
  ),
};

/** Defines a test for everything that holds thing 1, made in every way, or in those given. */
export function eachHolder(
  claim: string,
  test: (holder: Holder, make: (struct: AnyStruct, value: unknown) => Holder) => void,
  ways: typeof MODES = MODES,
): void {
  for (const [name, make] of Object.entries(HOLDERS)) {
    for (const [way, options] of Object.entries(ways)) {
      if (name === "SharedPool" && options.debug) continue; // it has no debug mode
      Deno.test(`${name}${way}: ${claim}`, () => {
        const holder = make(Thing, thingOf(1), options);
        test(holder, (struct, value) => make(struct, value, options));
        holder.clear();
        holder.dispose();
      });
    }
  }
}
