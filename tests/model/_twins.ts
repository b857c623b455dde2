/**
 * Operations that are played on two pools at once, one with code of its own and one that shares it.
 *
 * Each operation takes all of its choices from a number, so that it does the same on both as long as both do the same.
 *
 * @module
 */
import {
  type AnyStruct,
  array,
  type ArrayType,
  type FieldType,
  Pool,
  PoolSet,
  Struct,
  struct,
} from "../../mod.ts";
import { slabs } from "../../src/slab/slab.ts";
import type { SomePool } from "../_faces.ts";
import { assert } from "@std/assert";
import { Random } from "./_random.ts";

const Vec2 = struct({ x: "f32", y: "f32" }, { name: "Vec2" });

/** Makes structs that nobody has used before, so that there are no copies for them yet: of 1, 64 and 88 bytes. */
export function freshStructs(): readonly AnyStruct[] {
  return [
    struct({ a: "u8" }, { name: "Flag" }),
    struct({
      a: "i8",
      b: "u8",
      c: "i16",
      d: "u16",
      e: "i32",
      f: "u32",
      g: "i64",
      h: "u64",
      i: "f16",
      j: "f32",
      k: "f64",
      l: "bool",
      m: "ref",
    }, { name: "Scalars" }),
    struct({
      a: "u16",
      at: Vec2,
      trail: array(Vec2, 3),
      color: array("u8", 4),
      links: array("ref", 2),
      deep: struct({ inner: Vec2, of: array("i64", 2) }),
    }, { name: "Ship" }),
  ];
}

/** Any value as a text, so that two can be compared. */
export function textOf(value: unknown): string {
  return JSON.stringify(value, (_, it) => {
    if (typeof it === "bigint") return `${it}n`;
    if (typeof it === "number" && (!Number.isFinite(it) || Object.is(it, -0))) {
      return `number ${it}`;
    }
    if (it === undefined) return "undefined";
    return ArrayBuffer.isView(it) ? Array.from(it as Uint8Array) : it;
  });
}

/** What came of a call, as a text: what it returned, or class and message of what it threw. */
export function outcomeOf(call: () => unknown): string {
  try {
    return textOf(call());
  } catch (error) {
    return `${(error as Error).constructor.name}: ${(error as Error).message}`;
  }
}

// -- values --

/** Thrown by callbacks and getters. */
class Boom extends Error {}

/** What fits no field, or none of most. */
const WRONG: readonly unknown[] = ["1", null, {}, 1, 1n, true, [], Symbol.iterator, NaN];

function scalarFor(type: string, random: Random): unknown {
  if (random.oneIn(40)) return random.pick(WRONG);
  if (type === "bool") return random.oneIn(2);
  if (type === "i64" || type === "u64") return BigInt(random.bits()) ** 2n - 2n ** 62n;
  if (type === "ref") return random.bits();
  if (type.startsWith("f")) return random.pick([0.1, -0, NaN, Infinity, 65_504, random.bits() / 7]);
  return random.bits() - 2 ** 31;
}

/** A value for a field, which now and then does not fit. */
function valueFor(type: FieldType, random: Random, side: Side): unknown {
  if (typeof type === "string") return scalarFor(type, random);
  if (type instanceof Struct) {
    return random.oneIn(30) ? random.pick(WRONG) : initFor(type, random, side);
  }
  if (type.kind === "ref") return scalarFor("ref", random);
  return itemsFor(type, random, side);
}

function itemsFor({ element, length }: ArrayType, random: Random, side: Side): unknown {
  if (random.oneIn(30)) return random.pick(WRONG);
  const count = random.oneIn(20) ? length + 1 : random.below(length + 1);
  if (element === "u8" && random.oneIn(3)) return new Uint8Array(count).fill(random.below(256));
  return Array.from({ length: count }, () => valueFor(element, random, side));
}

/** A value for a record, of some of its fields; now and then with a name that is none, or with getters that do something. */
export function initFor(type: AnyStruct, random: Random, side: Side): object {
  const init: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(type.fields)) {
    if (random.oneIn(4)) continue;
    const value = random.oneIn(30) ? undefined : valueFor(field.type, random, side);
    const seed = random.bits();
    if (random.oneIn(25)) {
      Object.defineProperty(init, name, {
        enumerable: true,
        get() {
          side.depth++;
          if (side.depth < 3) side.disturb(new Random(seed));
          side.depth--;
          return value;
        },
      });
    } else init[name] = value;
  }
  if (random.oneIn(30)) init.nope = 1;
  return init;
}

// -- sides --

/** What sides have in common: a pool, of whichever kind, and every handle that it gave out. */
export abstract class Side {
  readonly types: readonly AnyStruct[];
  /** Handles of live records and of stale ones. */
  readonly handles: number[] = [];
  /** How deep in callbacks and getters it is. */
  depth = 0;

  constructor(types: readonly AnyStruct[]) {
    this.types = types;
  }

  /** Does something small in the middle of something else. */
  abstract disturb(random: Random): void;

  given(handle: number): number {
    if (typeof handle === "number" && !this.handles.includes(handle)) this.handles.push(handle);
    if (this.handles.length > 400) this.handles.shift();
    return handle;
  }

  /** A handle, mostly one that was given out. */
  handle(random: Random): number {
    if (this.handles.length === 0 || random.oneIn(20)) {
      return random.pick([0, -1, NaN, 0.5, random.bits(), 2 ** 52 + random.bits()]);
    }
    // More often one of the last, as these are live.
    const back = random.oneIn(2) ? random.below(this.handles.length) : random.below(20);
    return this.handles[Math.max(0, this.handles.length - 1 - back)];
  }
}

/** A view, as operations see it: the values of any struct. */
export type Fields = Record<string, unknown> & { toJSON(): unknown };
/** Its arrays. */
interface Items extends Iterable<unknown> {
  readonly length: number;
  get(i: number): unknown;
  set(i: number, value: unknown): void;
  copyFrom(values: unknown): void;
}
/** A function of which nothing is known. */
export type Call = (...args: unknown[]) => unknown;

/** Writes to every part of a view on its own, and reads it again; tells what came of each. */
export function scribble(view: Fields, type: AnyStruct, random: Random, side: Side): unknown {
  const outcomes: string[] = [];
  for (const [name, { type: field }] of Object.entries(type.fields)) {
    const value = valueFor(field, random, side);
    outcomes.push(outcomeOf(() => void (view[name] = value)));
    if (typeof field === "string") continue;
    if (field instanceof Struct) {
      outcomes.push(outcomeOf(() => scribble(view[name] as Fields, field, random, side)));
      continue;
    }
    if (field.kind === "ref") continue;
    const items = view[name] as Items;
    const i = random.below(field.length + 1);
    const item = valueFor(field.element, random, side);
    const all = itemsFor(field, random, side);
    outcomes.push(outcomeOf(() => items.set(i, item)), outcomeOf(() => items.get(i)));
    outcomes.push(outcomeOf(() => items.copyFrom(all)), outcomeOf(() => [...items]));
  }
  return [outcomes, view.toJSON()];
}

/** A `Pool`, an `ErasedPool` or a `PoolSet`. */
export class PoolSide extends Side {
  readonly pool: SomePool;
  readonly #members: Record<string | symbol, Call>;
  readonly #isMixed: boolean;
  #cursors: Fields[] = [];
  /** By type; the last one is over all of them. */
  readonly #loops: (Call | undefined)[] = [];
  #saved: Uint8Array | undefined;
  /** Of the loops, which are made once, the one that runs. */
  #visit: Call = () => {};

  constructor(pool: SomePool, types: readonly AnyStruct[]) {
    super(types);
    this.pool = pool;
    this.#members = pool as unknown as Record<string | symbol, Call>; // by name, whatever the kind
    this.#isMixed = !(pool instanceof Pool);
  }

  /** Begins from a state, as if nothing else had been. */
  reset(state: Uint8Array): void {
    this.pool.restore(state);
    this.handles.length = 0;
    this.#cursors = [];
    this.#saved = undefined;
  }

  /** Calls a member that is told a struct where the pool is one of several. */
  of(name: string, type: AnyStruct, ...rest: unknown[]): unknown {
    return this.#isMixed ? this.#members[name](type, ...rest) : this.#members[name](...rest);
  }

  call(name: string | symbol, ...rest: unknown[]): unknown {
    return this.#members[name](...rest);
  }

  cursor(type: AnyStruct): Fields {
    return this.#cursors[this.types.indexOf(type)] ??= this.of("cursor", type) as Fields;
  }

  play(name: string, random: Random): string {
    return outcomeOf(() => OPERATIONS[name](this, random));
  }

  override disturb(random: Random): void {
    if (random.oneIn(15)) throw new Boom("from within");
    const name = random.pick(random.oneIn(10) ? LARGE : SMALL);
    const operation = OPERATIONS[name];
    assert(operation !== undefined, name);
    outcomeOf(() => operation(this, random)); // what came of it shows in the state
  }

  /** A function for an iteration: notes what it sees, and does something else now and then. */
  visitor(random: Random, seen: unknown[], result: (random: Random) => unknown = () => {}): Call {
    return (view, handle, ...args) => {
      seen.push(handle, view === undefined ? undefined : (view as Fields).toJSON(), args);
      if (random.oneIn(6) && this.depth < 2) {
        this.depth++;
        try {
          if (random.oneIn(3)) this.call("tryFree", handle);
          else this.disturb(random);
        } finally {
          this.depth--;
        }
        // Its record may be gone; what it shows then is the same for both as well.
        seen.push(view === undefined ? undefined : (view as Fields).toJSON());
      }
      return result(random);
    };
  }

  /** The loop for a type, or for all, that calls whatever is to be called; compiled once, as a program does it. */
  loop(type: AnyStruct | undefined): Call {
    const at = type === undefined ? this.types.length : this.types.indexOf(type);
    const fn: Call = (...args) => this.#visit(...args);
    return this.#loops[at] ??=
      (type === undefined ? this.call("loop", fn) : this.of("loop", type, fn)) as Call;
  }

  runLoop(loop: Call, visit: Call, args: unknown[]): void {
    const outer = this.#visit;
    this.#visit = visit;
    try {
      loop(...args);
    } finally {
      this.#visit = outer;
    }
  }

  save(): Uint8Array {
    return this.#saved = this.pool.snapshot();
  }

  load(): void {
    if (this.#saved !== undefined) this.pool.restore(this.#saved);
  }

  /** All that is in its memory and beside it, to the bit. */
  state(): Uint8Array {
    return this.pool.snapshot(undefined, { checksum: false });
  }

  /** The figures, and what no snapshot holds. */
  figures(): string {
    const { size, capacity, byteLength } = this.pool;
    const blocks = this.pool.blocks.map(({ index, live, chunkCount }) => [index, live, chunkCount]);
    return textOf([size, capacity, byteLength, blocks, this.pool.stats()]);
  }
}

function typeOf(side: PoolSide, random: Random): AnyStruct {
  return random.pick(side.types);
}

/** A handle, and a struct that mostly is that of its record. */
function recordOf(side: PoolSide, random: Random): [type: AnyStruct, handle: number] {
  const handle = side.handle(random);
  const type = typeOf(side, random);
  if (random.oneIn(4) || side.pool instanceof Pool) return [type, handle];
  try {
    return [side.call("typeOf", handle) as AnyStruct, handle];
  } catch {
    return [type, handle]; // it is not live, or the pool does not know
  }
}

/** Iterates in one way over the records of a struct or over all; tells what was seen, and what came of it. */
function iterate(
  side: PoolSide,
  random: Random,
  run: (type: AnyStruct | undefined, seen: unknown[]) => unknown,
): unknown {
  const seen: unknown[] = [];
  const type = random.oneIn(2) ? undefined : typeOf(side, random);
  return [outcomeOf(() => run(type, seen)), seen];
}

/** Calls a member with a function, of a struct or of all. */
function iterateBy(side: PoolSide, name: string, type: AnyStruct | undefined, fn: Call): unknown {
  return type === undefined ? side.call(name, fn) : side.of(name, type, fn);
}

/** What is done to a side; it returns what came of it. */
type Operation = (side: PoolSide, random: Random) => unknown;

const OPERATIONS: Readonly<Record<string, Operation>> = {
  // one record
  alloc: (side, random) => {
    const type = typeOf(side, random);
    const init = random.oneIn(3) ? undefined : initFor(type, random, side);
    return side.given(side.of("alloc", type, init) as number);
  },
  tryAlloc: (side, random) => {
    const type = typeOf(side, random);
    const init = random.oneIn(2) ? undefined : initFor(type, random, side);
    return side.given(side.of("tryAlloc", type, init) as number);
  },
  allocAt: (side, random) => {
    const type = typeOf(side, random);
    const cursor = side.cursor(random.oneIn(20) ? typeOf(side, random) : type);
    const handle = side.given(side.of("allocAt", type, cursor) as number);
    return [handle, cursor.toJSON(), side.call("handleOf", cursor)];
  },
  free: (side, random) => side.call("free", side.handle(random)),
  tryFree: (side, random) => side.call("tryFree", side.handle(random)),
  has: (side, random) => side.call("has", side.handle(random)),
  get: (side, random) => side.of("get", ...recordOf(side, random)),
  tryGet: (side, random) => side.of("tryGet", ...recordOf(side, random)),
  set: (side, random) => {
    const [type, handle] = recordOf(side, random);
    return side.of("set", type, handle, initFor(type, random, side));
  },
  seek: (side, random) => {
    const [type, handle] = recordOf(side, random);
    const cursor = side.cursor(type);
    const moved = side.call("seek", cursor, handle);
    return [moved === cursor, cursor.toJSON(), outcomeOf(() => side.call("handleOf", cursor))];
  },
  write: (side, random) => {
    const [type, handle] = recordOf(side, random);
    return scribble(side.of("get", type, handle) as Fields, type, random, side);
  },
  typeOf: (side, random) => (side.call("typeOf", side.handle(random)) as Struct).name,
  bytes: (side, random) => side.call("bytes", side.handle(random)),
  scoped: (side, random) => {
    const type = typeOf(side, random);
    using scope = side.of("scoped", type, initFor(type, random, side)) as Disposable & {
      handle: number;
      view: Fields;
    };
    return [side.given(scope.handle), scribble(scope.view, type, random, side)];
  },

  // many
  allocMany: (side, random) => {
    const count = random.below(70);
    const out = random.pick([
      () => undefined,
      () => [],
      () => new Float64Array(count),
      () => new Int32Array(count + 2),
      () => new Uint32Array(Math.max(0, count - 1)),
    ])();
    const handles = side.of("allocMany", typeOf(side, random), count, out) as ArrayLike<number>;
    for (let i = 0; i < count; i++) side.given(handles[i]);
    return Array.from(handles);
  },
  freeMany: (side, random) => {
    const live = random.oneIn(3) ? [] : [...side.pool.handles()].filter(() => random.oneIn(3));
    if (random.oneIn(2)) {
      live.push(...Array.from({ length: random.below(3) }, () => side.handle(random) as never));
    }
    return side.call("freeMany", random.oneIn(2) ? live : Float64Array.from(live));
  },
  clear: (side, random) => random.oneIn(4) && side.call("clear"),
  freeBlock: (side, random) => {
    const { blocks } = side.pool;
    const { index } = blocks[random.below(blocks.length + 1)] ?? { index: random.below(9) };
    return side.call("freeBlock", index);
  },
  trim: (side) => side.call("trim"),
  rebind: (side) => side.call("rebind"),
  reserve: (side, random) => {
    const chunks = random.below(300);
    if (side.pool instanceof PoolSet) return side.call("reserve", typeOf(side, random), chunks);
    return side.call("reserve", chunks);
  },

  // iteration
  forEach: (side, random) =>
    iterate(side, random, (type, seen) => {
      return iterateBy(side, "forEach", type, side.visitor(random, seen));
    }),
  forOf: (side, random) =>
    iterate(side, random, (type, seen) => {
      const visit = side.visitor(random, seen);
      const isAll = type === undefined || side.pool instanceof Pool;
      const views = side.call(isAll ? Symbol.iterator : "all", type) as Iterable<Fields>;
      for (const view of views) visit(view, outcomeOf(() => side.call("handleOf", view)));
    }),
  handlesOf: (side, random) =>
    iterate(side, random, (type, seen) => {
      const visit = side.visitor(random, seen);
      for (const handle of side.call("handles", type) as Iterable<number>) visit(undefined, handle);
    }),
  retain: (side, random) =>
    iterate(side, random, (type, seen) => {
      const isKept = (random: Random) => random.oneIn(3) ? random.pick([0, "", NaN, false]) : 1;
      return iterateBy(side, "retain", type, side.visitor(random, seen, isKept));
    }),
  loop: (side, random) =>
    iterate(side, random, (type, seen) => {
      const args = Array.from({ length: random.below(6) }, (_, i) => i);
      side.runLoop(side.loop(type), side.visitor(random, seen), args);
    }),

  // snapshots
  snapshot: (side) => side.save(),
  restore: (side) => side.load(),

  /** Brings a dead chunk to its last generation, as a program would that runs for years. */
  age: (side, random) => {
    for (const slab of slabs.get(side.pool)!) { // every pool has slabs
      const block = random.pick([undefined, ...slab.mappedBlocks()]);
      const chunk = random.below(16);
      if (block !== undefined && block.stamps[chunk] % 2 === 0 && block.stamps[chunk] > 0) {
        block.stamps[chunk] = slab.codec.maxGeneration * 2;
      }
    }
  },
};

/** The names of all operations; those that are often wanted come more than once. */
export const NAMES: readonly string[] = [
  "alloc",
  "alloc",
  "alloc",
  "allocMany",
  "allocMany",
  "allocMany",
  "free",
  "forEach",
  "loop",
  "forOf",
  ...Object.keys(OPERATIONS),
];

/** What is done within iterations and getters. */
const SMALL: readonly string[] = [
  "alloc",
  "tryAlloc",
  "allocAt",
  "free",
  "tryFree",
  "set",
  "write",
  "seek",
  "get",
];
const LARGE: readonly string[] = [
  "clear",
  "freeBlock",
  "trim",
  "allocMany",
  "freeMany",
  "forEach",
  "retain",
  "loop",
];
