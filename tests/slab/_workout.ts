/**
 * One of everything that pools do, for the tests of own code: every text is compiled on the way.
 *
 * @module
 */
import {
  type AnyStruct,
  Arena,
  array,
  ErasedPool,
  FreeListAllocator,
  HandleMap,
  type HandleMapPool,
  Pool,
  type PoolOptions,
  PoolSet,
  SharedPool,
  StackAllocator,
  type Struct,
  struct,
} from "../../mod.ts";

/** Records at each kind of pool: more than those for which no loop of their own is made. */
const COUNT = 150;

/** Structs that nobody has used before, so that all code for them is new: with all 13 scalars, nested structs and arrays. */
function freshStructs() {
  const Vec2 = struct({ x: "f32", y: "f32" }, { name: "Vec2" });
  const Scalars = struct({
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
  }, { name: "Scalars" });
  const Ship = struct({
    n: "u32",
    at: Vec2,
    trail: array(Vec2, 3),
    color: array("u8", 4),
    links: array("ref", 2),
    deep: struct({ inner: Vec2, of: array("i64", 2) }),
  }, { name: "Ship" });
  const Flag = struct({ n: "u8" }, { name: "Flag" });
  return { Vec2, Scalars, Ship, Flag };
}

const scalars = {
  a: -1,
  b: 200,
  c: -300,
  d: 60_000,
  e: -70_000,
  f: 4_000_000_000,
  g: -5n,
  h: 2n ** 63n,
  i: 1.5,
  j: 0.1,
  k: Math.PI,
  l: true,
  m: 7,
};

const ship = {
  n: 1,
  at: { x: 1, y: 2 },
  trail: [{ x: 3, y: 4 }, { y: 5 }],
  color: [6, 7, 8],
  links: [9],
  deep: { inner: { x: 10, y: 11 }, of: [12n, -13n] },
};

/** A pool of one struct, or one that is told it. */
interface Subject {
  alloc(init?: object): number;
  set(handle: number, init: object): void;
  get(handle: number): { toJSON(): unknown };
  free(handle: number): void;
}

/** What all of the pools have for options. */
export type WorkoutOptions = Pick<PoolOptions, "specialize">;

/**
 * Uses every kind of pool, and views of byte allocators.
 *
 * @param options Of all pools.
 * @returns What was read on the way.
 */
export function workOut(options: WorkoutOptions = {}): string {
  const { Vec2, Scalars, Ship, Flag } = freshStructs();
  const seen: unknown[] = [];
  for (const handles of ["compact", "wide"] as const) {
    const some = { ...options, handles, chunksPerBlock: 64, maxChunks: 512 } as const;
    for (const type of [Scalars, Ship, Flag] as AnyStruct[]) {
      for (const reuse of ["recent", "spread"] as const) {
        using pool = new Pool(type, { ...some, reuse });
        workOutPool(pool, type, seen);
      }
      const part = SharedPool.create(type, some);
      using there = SharedPool.attach(type, part.share(), options);
      workOutShared(part, there, type, seen);
      part.dispose();
    }
    const types = [Scalars, Ship, Flag];
    using typed = new ErasedPool<AnyStruct>({ ...some, size: 128, align: 8, types });
    using open = new ErasedPool<AnyStruct>({ ...some, size: 128, align: 8 });
    using set = new PoolSet<AnyStruct>({ ...some, maxChunks: 1024, sizes: [4, 64, 128] });
    for (const pool of [typed, open, set]) {
      for (const type of types) workOutMixed(pool, type, seen);
      if (pool !== open) {
        pool.forEach((view, handle) => seen.push(handle, view.toJSON()));
        for (const view of pool) seen.push(view.toJSON());
        const loop = pool.loop((_, handle, by: number) => seen.push(handle + by));
        loop(1);
        seen.push(pool.retain((_, handle) => handle % 2 === 0));
      }
    }
  }
  workOutBytes([Vec2, Scalars, Ship], seen);
  return JSON.stringify(seen, (_, value) => typeof value === "bigint" ? `${value}n` : value);
}

function initOf(type: AnyStruct): object {
  const { trail, m, x } = type.fields;
  return trail !== undefined
    ? ship
    : m !== undefined
    ? scalars
    : x === undefined
    ? { n: 5 }
    : { x: 5 };
}

function workOutRecords(pool: Subject, type: AnyStruct, seen: unknown[]): number[] {
  const init = initOf(type);
  const handles = Array.from(
    { length: COUNT },
    (_, i) => pool.alloc(i % 2 === 0 ? init : undefined),
  );
  handles.forEach((handle, i) => i % 7 === 3 && pool.free(handle));
  const view = pool.get(handles[0]) as unknown as ShipView;
  seen.push(view.toJSON());
  if (type.fields.trail !== undefined) workOutParts(view, seen);
  pool.set(handles[1], init);
  const { toJSON: _, ...fields } = pool.get(handles[1]) as object as Record<string, unknown>;
  Object.assign(pool.get(handles[2]), initOf(type), fields);
  seen.push(pool.get(handles[1]).toJSON(), pool.get(handles[2]).toJSON());
  for (const bad of [{ ...init, nope: 1 }, { n: "1", a: "1" }, { color: [1, 2, 3, 4, 5] }, 1]) {
    try {
      pool.set(handles[0], bad as object);
    } catch (error) {
      seen.push(String(error));
    }
  }
  return handles;
}

/** What a view of a ship looks like, less its types. */
interface ShipView {
  toJSON(): unknown;
  at: { x: number };
  trail: Elements;
  color: Elements;
  links: Elements;
  deep: { inner: { y: number }; of: Elements };
}

interface Elements extends Iterable<unknown> {
  get(i: number): unknown;
  set(i: number, value: unknown): void;
  copyFrom(values: unknown): void;
}

function workOutParts(view: ShipView, seen: unknown[]): void {
  view.at.x += 1;
  view.at = { x: 20 };
  view.deep.inner.y = 21;
  view.trail.copyFrom([{ x: 22 }]);
  view.trail.set(1, { y: 23 });
  view.color.copyFrom([24, 25]);
  view.color.set(3, 26);
  view.links.copyFrom(view.links);
  view.deep.of.set(0, -27n);
  for (const array of [view.trail, view.color, view.links, view.deep.of]) {
    seen.push(array.get(0), [...array]);
    for (const [index, value] of [[9, 1], [0, "1"], [0, -1]]) {
      try {
        array.set(index as number, value);
      } catch (error) {
        seen.push(String(error));
      }
    }
  }
  seen.push(view.toJSON());
}

/** Loops of every number of arguments, over callbacks that show what they get. */
function workOutLoops(
  make: (fn: (view: unknown, handle: number, ...args: number[]) => void) => (...a: never[]) => void,
  seen: unknown[],
): void {
  const loop = make((_, handle, ...args) => seen.push(handle, args)) as (...args: number[]) => void;
  loop();
  loop(1);
  loop(1, 2);
  loop(1, 2, 3);
  loop(1, 2, 3, 4);
}

/** A value beside every third record, and what is left of them when half are freed. */
function workOutBeside(
  pool: HandleMapPool<AnyStruct> & { free(handle: never): void },
  handles: readonly number[],
  seen: unknown[],
): void {
  const map = new HandleMap<AnyStruct, unknown>(pool);
  const live = handles.filter((it) => pool.has(it as never)) as never[];
  live.forEach((it, i) => i % 3 === 0 && map.set(it, `value ${i}`));
  map.set(live[0], "another");
  seen.push(map.get(live[0]), map.get(live[1]), map.has(live[3]), map.delete(live[6]), map.size);
  pool.free(live[9]);
  map.forEach((value, handle) => seen.push(value, pool.indexOf(handle)));
  seen.push([...map], map.sweep());
}

/** Whole records, and a field of every kind of number, in bytes and in numbers. */
function workOutPack(
  pack: (out: Uint8Array | Float64Array | BigInt64Array, fields?: readonly never[]) => number,
  type: AnyStruct,
  seen: unknown[],
): void {
  const bytes = new Uint8Array(COUNT * 256);
  const numbers = new Float64Array(COUNT * 64);
  const bigints = new BigInt64Array(COUNT * 4);
  for (const fields of [undefined, ...Object.keys(type.fields).map((it) => [it as never])]) {
    seen.push(pack(bytes, fields), bytes.reduce((sum, it) => (sum * 31 + it) % 65_521, 0));
    for (const out of [numbers, bigints]) {
      try {
        seen.push(pack(out, fields), fields && [...out.subarray(0, 9)]);
      } catch (error) {
        seen.push(String(error));
      }
    }
  }
}

function workOutPool(pool: Pool<AnyStruct>, type: AnyStruct, seen: unknown[]): void {
  const handles = workOutRecords(pool as unknown as Subject, type, seen);
  const cursor = pool.cursor();
  seen.push(pool.seek(cursor, handles[5] as never).toJSON(), pool.allocAt(cursor));
  seen.push(pool.tryAlloc(initOf(type) as never), pool.has(handles[6] as never));
  seen.push(pool.tryFree(handles[6] as never), pool.tryGet(handles[6] as never));
  pool.forEach((view, handle) => seen.push(handle, view.toJSON()));
  for (const view of pool) seen.push(pool.handleOf(view));
  workOutLoops((fn) => pool.loop(fn as never), seen);
  workOutBeside(pool as never, handles, seen);
  workOutPack((out, fields) => pool.pack(out, fields), type, seen);
  seen.push(pool.retain((_, handle) => handle % 3 === 0), [...pool.handles()]);
  pool.freeMany(pool.allocMany(10));
  seen.push(pool.stats());
}

function workOutMixed(
  pool: ErasedPool<AnyStruct> | PoolSet<AnyStruct>,
  type: AnyStruct,
  seen: unknown[],
): void {
  const one: Subject = {
    alloc: (init) => pool.alloc(type, init as never),
    set: (handle, init) => pool.set(type, handle as never, init as never),
    get: (handle) => pool.get(type, handle as never),
    free: (handle) => pool.free(handle as never),
  };
  const handles = workOutRecords(one, type, seen);
  const cursor = pool.cursor(type);
  seen.push(pool.seek(cursor, handles[5] as never).toJSON(), pool.allocAt(type, cursor));
  pool.forEach(type, (_, handle) => seen.push(handle));
  for (const view of pool.all(type)) seen.push(pool.handleOf(view));
  workOutLoops((fn) => pool.loop(type, fn as never), seen);
  workOutBeside(pool as never, handles, seen);
  workOutPack((out, fields) => pool.pack(type, out, fields), type, seen);
  const chunks = new Uint8Array(pool.size * 128);
  seen.push(pool.pack(chunks), chunks.reduce((sum, it) => (sum * 31 + it) % 65_521, 0));
  seen.push(pool.retain(type, (_, handle) => handle % 3 === 0), [...pool.handles(type)]);
  pool.freeMany(pool.allocMany(type, 10));
}

function workOutShared(
  here: SharedPool<AnyStruct>,
  there: SharedPool<AnyStruct>,
  type: AnyStruct,
  seen: unknown[],
): void {
  const handles = workOutRecords(here as unknown as Subject, type, seen);
  const cursor = there.cursor();
  seen.push(there.seek(cursor, handles[5] as never).toJSON(), there.allocAt(cursor));
  there.free(handles[5] as never);
  here.forEach((view, handle) => seen.push(handle, view.toJSON()));
  there.forEach((_, handle) => seen.push(handle), { stripe: 1, of: 2 });
  workOutLoops((fn) => here.loop(fn as never), seen);
  workOutBeside(here as never, handles, seen);
  workOutPack((out, fields) => there.pack(out, fields), type, seen);
}

function workOutBytes(types: readonly Struct[], seen: unknown[]): void {
  using bump = new Arena();
  using stack = new StackAllocator({ byteLength: 4096 });
  using list = new FreeListAllocator({ byteLength: 4096 });
  for (const allocator of [bump, stack, list]) {
    for (const type of types) {
      const address = allocator.allocRecord(type, initOf(type) as never);
      const view = allocator.view(address, type) as unknown as ShipView;
      if (type.fields.trail !== undefined) workOutParts(view, seen);
      seen.push(view.toJSON());
    }
  }
}
