/**
 * The random operations that pools are compared with the model under, and the runs.
 *
 * On failure fast-check prints the seed and the shortest sequence of operations that it finds.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  type AnyHandle,
  type AnyStruct,
  array,
  type Init,
  LeakError,
  PoolExhaustedError,
  type PoolOptions,
  StaleHandleError,
  struct,
  TypeMismatchError,
} from "../../mod.ts";
import { forge } from "../_support.ts";
import { Ledger } from "../_ledger.ts";
import {
  type AnyPool,
  assertSame,
  MAX_CHUNKS,
  Model,
  type Plain,
  reserveIn,
  type Shape,
  type Subject,
} from "./_model.ts";

const MAX_COMMANDS = 80;

// -- records of many sizes --

const u8 = fc.nat(255);
const u16 = fc.nat(65_535);
const i32 = fc.integer();
const f32 = fc.float({ noNaN: true, noDefaultInfinity: true }).map((it) => it + 0); // no -0
const u8s = (length: number) => fc.array(u8, { minLength: length, maxLength: length });

const Vec2 = struct({ x: "f32", y: "f32" });

/** Structs of 1, 2, 3, 5, 8, 20 and 40 bytes. */
export const SUBJECTS: readonly Subject[] = [
  { struct: struct({ a: "u8" }), record: fc.record({ a: u8 }) },
  { struct: struct({ a: "u16" }), record: fc.record({ a: u16 }) },
  {
    struct: struct({ a: "u8", b: "bool", c: "u8" }),
    record: fc.record({ a: u8, b: fc.boolean(), c: u8 }),
  },
  { struct: struct({ a: "u8", b: array("u8", 4) }), record: fc.record({ a: u8, b: u8s(4) }) },
  { struct: Vec2, record: fc.record({ x: f32, y: f32 }) },
  {
    struct: struct({ a: "i32", b: "f32", c: "u16", d: "bool", next: "ref", e: "u8" }),
    record: fc.record({ a: i32, b: f32, c: u16, d: fc.boolean(), next: fc.nat(), e: u8 }),
  },
  {
    struct: struct({ tag: "u8", pos: Vec2, trail: array(Vec2, 2), color: array("u8", 3) }),
    record: fc.record({
      tag: u8,
      pos: fc.record({ x: f32, y: f32 }),
      trail: fc.array(fc.record({ x: f32, y: f32 }), { minLength: 2, maxLength: 2 }),
      color: u8s(3),
    }),
  },
];

// -- the operations --

/** One operation: what it does to the pool and the model, and what it asserts of its own. */
class Step implements fc.Command<Model, AnyPool> {
  readonly #text: string;
  readonly #isPossible: (model: Readonly<Model>) => boolean;
  readonly #run: (model: Model, pool: AnyPool) => void;

  constructor(
    text: string,
    isPossible: (model: Readonly<Model>) => boolean,
    run: (model: Model, pool: AnyPool) => void,
  ) {
    this.#text = text;
    this.#isPossible = isPossible;
    this.#run = run;
  }

  check(model: Readonly<Model>): boolean {
    return this.#isPossible(model);
  }

  run(model: Model, pool: AnyPool): void {
    this.#run(model, pool);
    model.compare(pool);
  }

  toString(): string {
    return this.#text;
  }
}

const always = () => true;
const hasLive = (model: Readonly<Model>) => model.live.size > 0;
const hasStale = (model: Readonly<Model>) => model.stale.size > 0;

/** A record of one of the structs. */
interface Wish {
  readonly struct: AnyStruct;
  readonly record: Plain;
  /** One of each struct, for whatever an operation comes upon. */
  readonly all: ReadonlyMap<AnyStruct, Plain>;
}

function shown({ struct, record }: Wish): string {
  return `${Object.keys(struct.fields)}, ${fc.stringify(record)}`;
}

function alloc(wish: Wish, isInit: boolean): Step {
  const { struct, record } = wish;
  return new Step(`alloc(${shown(wish)}, ${isInit})`, always, (model, pool) => {
    const init = isInit ? record as Init<AnyStruct> : undefined;
    if (model.isFull(struct)) {
      assertThrows(() => pool.alloc(struct, init), PoolExhaustedError);
      assertEquals(pool.tryAlloc(struct, init), undefined);
    } else model.added(pool.alloc(struct, init), struct, isInit ? record : {});
  });
}

function allocAt(nat: number, wish: Wish): Step {
  const { struct, record } = wish;
  return new Step(`allocAt(${nat}, ${shown(wish)})`, always, (model, pool) => {
    const cursor = pool.cursor(struct);
    const before = model.ordered(struct)
      .filter((handle) => model.live.get(handle)?.struct === struct);
    const at = forge(before[nat % Math.max(1, before.length)]);
    if (before.length > 0) pool.seek(cursor, at);
    if (model.isFull(struct)) {
      assertThrows(() => pool.allocAt(struct, cursor), PoolExhaustedError);
      if (before.length > 0) assertEquals(pool.handleOf(cursor), at);
      return;
    }
    const handle = pool.allocAt(struct, cursor);
    assertSame(cursor.toJSON(), model.zeroOf(struct), handle);
    Object.assign(cursor, record);
    assertEquals(pool.handleOf(cursor), forge(handle));
    model.added(handle, struct, record);
  });
}

function free(nat: number): Step {
  return new Step(`free(${nat})`, hasLive, (model, pool) => {
    const handle = model.pick(nat);
    if (nat % 2 === 0) pool.free(handle);
    else assertEquals(pool.tryFree(handle), true);
    model.freed(handle);
  });
}

function freeStale(nat: number): Step {
  return new Step(`freeStale(${nat})`, hasStale, (model, pool) => {
    const handle = forge([...model.stale][nat % model.stale.size]);
    const { struct } = model.shape.subjects[0];
    assertThrows(() => pool.free(handle), StaleHandleError);
    assertThrows(() => pool.set(struct, handle, {}), StaleHandleError);
  });
}

function useForged(handle: number): Step {
  const isForged = (model: Readonly<Model>) => !model.live.has(handle);
  return new Step(`useForged(${handle})`, isForged, (model, pool) => {
    const forged = forge(handle);
    const { struct } = model.shape.subjects[0];
    assertThrows(() => pool.free(forged), StaleHandleError);
    assertThrows(() => pool.get(struct, forged), StaleHandleError);
    assertThrows(() => pool.set(struct, forged, {}), StaleHandleError);
    assertThrows(() => pool.seek(pool.cursor(struct), forged), StaleHandleError);
    assertThrows(() => pool.freeMany([forged]), StaleHandleError);
    assertEquals([pool.has(forged), pool.tryFree(forged)], [false, false]);
    assertEquals(pool.tryGet(struct, forged), undefined);
  });
}

/** Uses a record as each struct that it is not. */
function useAsAnother(nat: number): Step {
  const isPossible = (model: Readonly<Model>) => hasLive(model) && model.shape.isKnowing;
  return new Step(`useAsAnother(${nat})`, isPossible, (model, pool) => {
    const handle = model.pick(nat);
    const { struct: actual } = model.live.get(handle)!; // pick() gives live handles
    for (const { struct } of model.shape.subjects) {
      if (struct === actual) continue;
      assertThrows(() => pool.get(struct, handle), TypeMismatchError);
      assertThrows(() => pool.tryGet(struct, handle), TypeMismatchError);
      assertThrows(() => pool.set(struct, handle, {}), TypeMismatchError);
      assertThrows(() => pool.seek(pool.cursor(struct), handle), TypeMismatchError);
    }
  });
}

function set(nat: number, { all }: Wish, isNamed: (at: number) => boolean): Step {
  return new Step(`set(${nat}, ${fc.stringify([...all.values()])})`, hasLive, (model, pool) => {
    const handle = model.pick(nat);
    const { struct } = model.live.get(handle)!; // pick() gives live handles
    const fields = Object.entries(all.get(struct)!); // a wish has a record of each
    const part = Object.fromEntries(fields.filter((_, at) => isNamed(at)));
    pool.set(struct, handle, part as Init<AnyStruct>);
    model.wrote(handle, part);
  });
}

function writeView(nat: number, { all }: Wish): Step {
  return new Step(`write(${nat}, ${fc.stringify([...all.values()])})`, hasLive, (model, pool) => {
    const handle = model.pick(nat);
    const { struct } = model.live.get(handle)!; // pick() gives live handles
    const record = all.get(struct)!; // a wish has a record of each
    Object.assign(pool.get(struct, handle), record);
    model.wrote(handle, record);
  });
}

function seek(nats: readonly number[]): Step {
  return new Step(`seek(${nats})`, hasLive, (model, pool) => {
    const cursors = new Map(
      model.shape.subjects.map(({ struct }) => [struct, pool.cursor(struct)]),
    );
    for (const nat of nats) {
      const handle = model.pick(nat);
      const { struct, record } = model.live.get(handle)!; // pick() gives live handles
      const cursor = cursors.get(struct)!; // there is one for each
      assertSame(pool.seek(cursor, handle).toJSON(), record, handle);
      assertEquals(pool.handleOf(cursor), handle);
    }
  });
}

function freeMany(nats: readonly number[]): Step {
  return new Step(`freeMany(${nats})`, hasLive, (model, pool) => {
    const handles = [...new Set(nats.map((nat) => model.pick(nat)))];
    pool.freeMany(handles.length % 2 === 0 ? handles : Float64Array.from(handles));
    for (const handle of handles) model.freed(handle);
  });
}

function freeManyBad(nats: readonly number[], at: number, isTwice: boolean): Step {
  const isPossible = (model: Readonly<Model>) => hasLive(model) && (isTwice || hasStale(model));
  return new Step(`freeManyBad(${nats}, ${at}, ${isTwice})`, isPossible, (model, pool) => {
    const handles = [...new Set(nats.map((nat) => model.pick(nat)))];
    const bad = isTwice ? handles[at % handles.length] : forge([...model.stale].at(-1));
    handles.splice(at % (handles.length + 1), 0, bad);
    assertThrows(() => pool.freeMany(handles), StaleHandleError);
  });
}

function allocMany({ struct }: Wish, count: number, kind: number): Step {
  const text = `allocMany(${Object.keys(struct.fields)}, ${count}, ${kind})`;
  return new Step(text, always, (model, pool) => {
    const kinds = model.shape.isWide
      ? [() => [], () => new Float64Array(count)]
      : [() => [], () => new Int32Array(count), () => new Uint32Array(count + 3)];
    const out = kinds[kind % kinds.length]();
    if (model.sizeOf(struct) + count > MAX_CHUNKS) {
      assertThrows(() => pool.allocMany(struct, count, out), PoolExhaustedError);
    } else {
      const handles: ArrayLike<number> = pool.allocMany(struct, count, out);
      for (let i = 0; i < count; i++) model.added(handles[i], struct);
    }
  });
}

function reserve({ struct }: Wish, chunks: number): Step {
  return new Step(`reserve(${Object.keys(struct.fields)}, ${chunks})`, always, (_model, pool) => {
    const call = () => reserveIn(pool, struct, chunks);
    if (chunks > MAX_CHUNKS) assertThrows(call, PoolExhaustedError);
    else {
      call();
      assert(pool.capacity >= chunks);
    }
  });
}

function clear(): Step {
  return new Step("clear()", always, (model, pool) => {
    const { capacity } = pool;
    pool.clear();
    assertEquals(pool.capacity, capacity);
    model.freedWhere(always);
  });
}

function freeBlock(nat: number): Step {
  return new Step(`freeBlock(${nat})`, always, (model, pool) => {
    if (pool.blocks.length === 0) {
      assertThrows(() => pool.freeBlock(nat), RangeError);
      return;
    }
    const { capacity } = pool;
    const { index, chunkCount, bytes } = pool.blocks[nat % pool.blocks.length];
    pool.freeBlock(index);
    model.freedWhere((handle) => model.blockOf(handle) === index);
    assertEquals([pool.capacity, bytes.length], [capacity - chunkCount, 0]);
  });
}

function trim(): Step {
  return new Step("trim()", always, (_model, pool) => {
    const { byteLength } = pool;
    assertEquals(pool.trim(), byteLength - pool.byteLength);
    assert(pool.blocks.every((block) => block.live > 0));
  });
}

function scoped(wish: Wish): Step {
  const { struct, record } = wish;
  return new Step(`scoped(${shown(wish)})`, always, (model, pool) => {
    if (model.isFull(struct)) {
      assertThrows(() => pool.scoped(struct), PoolExhaustedError);
      return;
    }
    let handle: number;
    {
      using scratch = pool.scoped(struct, record as Init<AnyStruct>);
      handle = scratch.handle;
      model.added(handle, struct, record);
      assertSame(scratch.view.toJSON(), record, handle);
      model.compare(pool);
    }
    model.freed(handle);
  });
}

/** Retains over all records, or over those of one struct. */
function retain({ struct }: Wish, isAll: boolean, keeps: readonly boolean[]): Step {
  const text = `retain(${isAll ? "" : Object.keys(struct.fields)}, ${keeps})`;
  const isPossible = (model: Readonly<Model>) => !isAll || model.shape.isKnowing;
  return new Step(text, isPossible, (model, pool) => {
    const ordered = model.ordered(isAll ? undefined : struct);
    const seen: number[] = [];
    const isKept = (at: number) => keeps[at % keeps.length];
    const pred = (view: unknown, handle: number) => {
      assertSeen(model, struct, handle, view);
      return isKept(seen.push(handle) - 1);
    };
    const freed = isAll ? pool.retain(pred) : pool.retain(struct, pred);
    assertEquals(seen, ordered);
    assertEquals(freed, ordered.filter((_, at) => !isKept(at)).length);
    ordered.forEach((handle, at) => isKept(at) || model.freed(handle));
  });
}

/** Asserts that a view shows the record of a handle, unless a pool that does not know shows it as another struct. */
function assertSeen(model: Model, asked: AnyStruct, handle: number, view: unknown): void {
  const held = model.live.get(handle);
  assert(held !== undefined, `saw ${handle}, which is not live`);
  if (!model.shape.isKnowing && held.struct !== asked) return;
  assertSame(JSON.parse(JSON.stringify(view)), held.record, handle);
}

// -- iteration --

/** What a walk calls with each record. */
type Seen = (handle: AnyHandle, view: unknown) => void;

const WALKS = {
  forEach(pool: AnyPool, _struct: AnyStruct, visit: Seen): void {
    pool.forEach((view, handle) => visit(handle, view));
  },
  iterator(pool: AnyPool, _struct: AnyStruct, visit: Seen): void {
    for (const view of pool) visit(pool.handleOf(view), view);
  },
  handles(pool: AnyPool, _struct: AnyStruct, visit: Seen): void {
    for (const handle of pool.handles()) visit(handle, pool.get(pool.typeOf(handle), handle));
  },
  forEachOf(pool: AnyPool, struct: AnyStruct, visit: Seen): void {
    pool.forEach(struct, (view, handle) => visit(forge(handle), view));
  },
  allOf(pool: AnyPool, struct: AnyStruct, visit: Seen): void {
    for (const view of pool.all(struct)) visit(pool.handleOf(view), view);
  },
  handlesOf(pool: AnyPool, struct: AnyStruct, visit: Seen): void {
    for (const handle of pool.handles(struct)) visit(handle, pool.get(struct, handle));
  },
};

/** What is done to the pool at a visit. */
const MEDDLINGS = [
  "nothing",
  "free it",
  "free another",
  "alloc",
  "replace it",
  "free a block",
  "replace a block",
  "replace all",
  "walk",
  "trim",
] as const;

type Meddling = typeof MEDDLINGS[number];

/** Walks the pool and meddles with it on the way: each record that stays is seen once, in order. */
function walk(
  kind: keyof typeof WALKS,
  { struct }: Wish,
  meddlings: readonly Meddling[],
  nat: number,
): Step {
  const text = `${kind}(${Object.keys(struct.fields)}, ${meddlings}, ${nat})`;
  const isOfOne = kind.endsWith("Of");
  const isPossible = (model: Readonly<Model>) => isOfOne || model.shape.isKnowing;
  return new Step(text, isPossible, (model, pool) => {
    const seen = new Set<number>();
    const unseen = new Set<number>(model.ordered(isOfOne ? struct : undefined));
    let last = -1;
    WALKS[kind](pool, struct, (handle, view) => {
      assertSeen(model, struct, handle, view);
      assert(!seen.has(handle), `saw ${handle} twice`);
      assert(model.indexOf(handle) > last, `saw ${handle} out of order`);
      if (isOfOne && model.shape.isKnowing) {
        assertEquals(model.live.get(handle)?.struct, struct, `saw ${handle}`);
      }
      last = model.indexOf(handle);
      meddle(meddlings[seen.size % meddlings.length], handle, model, pool, nat);
      seen.add(handle);
      unseen.delete(handle);
      if (model.live.has(handle) && !kind.startsWith("handles")) {
        assertSeen(model, struct, handle, view);
      }
    });
    for (const handle of unseen) assert(!model.live.has(handle), `did not see ${handle}`);
  });
}

function meddle(
  meddling: Meddling,
  current: AnyHandle,
  model: Model,
  pool: AnyPool,
  nat: number,
): void {
  if (meddling.endsWith(" it")) {
    pool.free(current);
    model.freed(current);
  } else if (meddling === "free another") {
    const other = model.pick(nat + model.allocs);
    pool.free(other);
    model.freed(other);
  } else if (meddling.endsWith(" a block")) {
    const { index } = pool.blocks[nat % pool.blocks.length];
    pool.freeBlock(index);
    model.freedWhere((handle) => model.blockOf(handle) === index);
  } else if (meddling === "replace all") {
    pool.clear();
    model.freedWhere(always);
  } else if (meddling === "walk") {
    const { struct } = model.shape.subjects[nat % model.shape.subjects.length];
    const inner: number[] = [];
    pool.forEach(struct, (_, handle) => inner.push(handle));
    assertEquals(inner, model.ordered(struct));
  } else if (meddling === "trim") {
    pool.trim();
  }
  if (meddling.startsWith("replace") || meddling === "alloc") {
    const count = meddling === "alloc" || meddling === "replace it" ? 1 : nat % 40;
    const { subjects } = model.shape;
    for (let i = 0; i < count; i++) {
      const { struct } = subjects[(nat + i + model.allocs) % subjects.length];
      if (!model.isFull(struct)) model.added(pool.alloc(struct), struct);
    }
  }
}

// -- the runs --

function wishFor(subjects: readonly Subject[]): fc.Arbitrary<Wish> {
  const records = fc.tuple(...subjects.map((it) => it.record));
  return fc.tuple(fc.nat(subjects.length - 1), records).map(([at, all]) => ({
    struct: subjects[at].struct,
    record: all[at],
    all: new Map(subjects.map(({ struct }, i) => [struct, all[i]])),
  }));
}

function stepsOn({ subjects }: Shape): fc.Arbitrary<Step>[] {
  const wish = wishFor(subjects);
  const nat = fc.nat(1000);
  const nats = fc.array(nat, { minLength: 1, maxLength: 40, size: "max" });
  const bits = fc.nat(255);
  const forged = fc.oneof(fc.nat(2 ** 31), fc.maxSafeInteger(), fc.double(), fc.integer());
  const kind = fc.constantFrom(...Object.keys(WALKS) as (keyof typeof WALKS)[]);
  const meddlings = fc.array(fc.constantFrom(...MEDDLINGS), { minLength: 1, maxLength: 8 });
  const freeings = fc.constantFrom<Meddling[]>(["free it"], ["nothing"], ["nothing", "free it"]);
  const keeps = fc.array(fc.boolean(), { minLength: 1 });
  return [
    fc.tuple(wish, fc.boolean()).map(([it, isInit]) => alloc(it, isInit)),
    wish.map((it) => alloc(it, true)),
    fc.tuple(nat, wish).map(([at, it]) => allocAt(at, it)),
    nat.map(free),
    nat.map(free),
    nat.map(freeStale),
    forged.map(useForged),
    ...subjects.length > 1 ? [nat.map(useAsAnother)] : [],
    fc.tuple(nat, wish, bits).map(([at, it, mask]) => set(at, it, (i) => (mask >> i & 1) === 1)),
    fc.tuple(nat, wish).map(([at, it]) => writeView(at, it)),
    nats.map(seek),
    nats.map(freeMany),
    fc.tuple(nats, nat, fc.boolean()).map(([of, at, twice]) => freeManyBad(of, at, twice)),
    fc.tuple(wish, fc.nat(40), nat).map(([it, count, of]) => allocMany(it, count, of)),
    fc.tuple(wish, fc.nat(20), nat).map(([it, count, of]) => allocMany(it, count, of)),
    fc.tuple(wish, fc.nat(MAX_CHUNKS + 10)).map(([it, chunks]) => reserve(it, chunks)),
    fc.constant(clear()),
    nat.map(freeBlock),
    fc.constant(trim()),
    wish.map(scoped),
    fc.tuple(wish, fc.boolean(), keeps).map(([it, isAll, of]) => retain(it, isAll, of)),
    fc.tuple(kind, wish, meddlings, nat).map(([of, it, all, at]) => walk(of, it, all, at)),
    fc.tuple(kind, wish, freeings).map(([of, it, all]) => walk(of, it, all, 0)),
  ];
}

/**
 * Runs random operations on fresh pools of one shape.
 *
 * @param shape What the pools are.
 * @param create Makes one with its options.
 * @param options What it is made with, beside chunksPerBlock and handles.
 * @param numRuns How many pools.
 */
export function runModel(
  shape: Shape,
  create: (options: PoolOptions) => AnyPool,
  options: PoolOptions,
  numRuns: number,
): void {
  const commands = fc.commands(stepsOn(shape), { maxCommands: MAX_COMMANDS, size: "max" });
  const { chunksPerBlock } = shape;
  const property = fc.property(commands, (steps) => {
    const memory = new Ledger();
    const handles = shape.isWide ? "wide" : "compact";
    const pool = create({ ...options, chunksPerBlock, handles, memory });
    const model = new Model(pool, shape, memory);
    fc.modelRun(() => ({ model, real: pool }), steps);
    if (options.debug === true && model.live.size > 0) {
      const { leaks } = assertThrows(() => pool.dispose(), LeakError);
      const leaked = leaks.map(({ handle }) => handle);
      assertEquals(leaked.sort(ascending), [...model.live.keys()].sort(ascending));
    } else pool.dispose();
    assertEquals(memory.lent.size, 0);
  });
  fc.assert(property, { numRuns });
}

function ascending(a: number, b: number): number {
  return a - b;
}
