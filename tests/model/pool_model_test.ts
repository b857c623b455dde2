/**
 * Random operations on a pool and on a `Map`, compared after every step.
 *
 * The model knows what each live handle's record holds, and every handle that is stale. On failure
 * fast-check prints the seed and the shortest sequence of operations that it finds.
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
  Pool,
  PoolExhaustedError,
  type PoolOptions,
  StaleHandleError,
  struct,
} from "../../mod.ts";
import { forge } from "../_support.ts";
import { Ledger } from "./_ledger.ts";
import { type AnyPool, assertSame, MAX_CHUNKS, Model, type Plain } from "./_model.ts";

const RUNS = 40;
const MAX_COMMANDS = 80;

// -- records of many sizes --

const u8 = fc.nat(255);
const u16 = fc.nat(65_535);
const i32 = fc.integer();
const f32 = fc.float({ noNaN: true, noDefaultInfinity: true }).map((it) => it + 0); // no -0
const u8s = (length: number) => fc.array(u8, { minLength: length, maxLength: length });

/** A struct, and what its records can hold. */
interface Subject {
  readonly struct: AnyStruct;
  readonly record: fc.Arbitrary<Plain>;
}

const Vec2 = struct({ x: "f32", y: "f32" });

const SUBJECTS: readonly Subject[] = [
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

function alloc(init: Plain | undefined): Step {
  return new Step(`alloc(${fc.stringify(init)})`, always, (model, pool) => {
    const isFull = model.live.size === MAX_CHUNKS;
    if (isFull) {
      assertThrows(() => pool.alloc(init as Init<AnyStruct>), PoolExhaustedError);
      assertEquals(pool.tryAlloc(init as Init<AnyStruct>), undefined);
    } else model.added(pool.alloc(init as Init<AnyStruct>), init);
  });
}

function allocAt(nat: number, record: Plain): Step {
  return new Step(`allocAt(${nat}, ${fc.stringify(record)})`, always, (model, pool) => {
    const cursor = pool.cursor();
    if (model.live.size > 0) pool.seek(cursor, model.pick(nat));
    if (model.live.size === MAX_CHUNKS) {
      assertThrows(() => pool.allocAt(cursor), PoolExhaustedError);
      assertEquals(pool.handleOf(cursor), model.pick(nat));
      return;
    }
    const handle = pool.allocAt(cursor);
    assertSame(cursor.toJSON(), model.zero, handle);
    Object.assign(cursor, record);
    assertEquals(pool.handleOf(cursor), handle);
    model.added(handle, record);
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
    assertThrows(() => pool.free(handle), StaleHandleError);
    assertThrows(() => pool.set(handle, {}), StaleHandleError);
  });
}

function useForged(handle: number): Step {
  const isForged = (model: Readonly<Model>) => !model.live.has(handle);
  return new Step(`useForged(${handle})`, isForged, (_model, pool) => {
    const forged = forge(handle);
    assertThrows(() => pool.free(forged), StaleHandleError);
    assertThrows(() => pool.get(forged), StaleHandleError);
    assertThrows(() => pool.set(forged, {}), StaleHandleError);
    assertThrows(() => pool.seek(pool.cursor(), forged), StaleHandleError);
    assertThrows(() => pool.freeMany([forged]), StaleHandleError);
    assertEquals([pool.has(forged), pool.tryFree(forged)], [false, false]);
    assertEquals(pool.tryGet(forged), undefined);
  });
}

function set(nat: number, record: Plain, keys: readonly string[]): Step {
  const part = Object.fromEntries(Object.entries(record).filter(([key]) => keys.includes(key)));
  return new Step(`set(${nat}, ${fc.stringify(part)})`, hasLive, (model, pool) => {
    const handle = model.pick(nat);
    pool.set(handle, part as Init<AnyStruct>);
    model.live.set(handle, { ...model.live.get(handle), ...part });
  });
}

function writeView(nat: number, record: Plain): Step {
  return new Step(`write(${nat}, ${fc.stringify(record)})`, hasLive, (model, pool) => {
    const handle = model.pick(nat);
    Object.assign(pool.get(handle), record);
    model.live.set(handle, { ...record });
  });
}

function seek(nats: readonly number[]): Step {
  return new Step(`seek(${nats})`, hasLive, (model, pool) => {
    const cursor = pool.cursor();
    for (const nat of nats) {
      const handle = model.pick(nat);
      const record = model.live.get(handle)!; // pick() gives live handles
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

function allocMany(count: number, kind: number): Step {
  return new Step(`allocMany(${count}, ${kind})`, always, (model, pool) => {
    const kinds = model.isWide
      ? [() => [], () => new Float64Array(count)]
      : [() => [], () => new Int32Array(count), () => new Uint32Array(count + 3)];
    const out = kinds[kind % kinds.length]();
    if (model.live.size + count > MAX_CHUNKS) {
      assertThrows(() => pool.allocMany(count, out), PoolExhaustedError);
    } else {
      const handles: ArrayLike<number> = pool.allocMany(count, out);
      for (let i = 0; i < count; i++) model.added(handles[i]);
    }
  });
}

function reserve(chunks: number): Step {
  return new Step(`reserve(${chunks})`, always, (_model, pool) => {
    if (chunks > MAX_CHUNKS) assertThrows(() => pool.reserve(chunks), PoolExhaustedError);
    else {
      pool.reserve(chunks);
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
    model.freedWhere((handle) => Math.floor(model.indexOf(handle) / chunkCount) === index);
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

function scoped(record: Plain): Step {
  return new Step(`scoped(${fc.stringify(record)})`, always, (model, pool) => {
    if (model.live.size === MAX_CHUNKS) {
      assertThrows(() => pool.scoped(), PoolExhaustedError);
      return;
    }
    let handle: number;
    {
      using scratch = pool.scoped(record as Init<AnyStruct>);
      handle = scratch.handle;
      model.added(handle, record);
      assertSame(scratch.view.toJSON(), record, handle);
      model.compare(pool);
    }
    model.freed(handle);
  });
}

function retain(keeps: readonly boolean[]): Step {
  return new Step(`retain(${keeps})`, always, (model, pool) => {
    const ordered = model.ordered();
    const seen: number[] = [];
    const isKept = (at: number) => keeps[at % keeps.length];
    const freed = pool.retain((view, handle) => {
      assertSame(view.toJSON(), model.live.get(handle)!, handle); // seen is live, as ordered says
      return isKept(seen.push(handle) - 1);
    });
    assertEquals(seen, ordered);
    assertEquals(freed, ordered.filter((_, at) => !isKept(at)).length);
    ordered.forEach((handle, at) => isKept(at) || model.freed(handle));
  });
}

// -- iteration --

const WALKS = {
  forEach(pool: AnyPool, visit: (handle: AnyHandle, view: unknown) => void): void {
    pool.forEach((view, handle) => visit(handle, view));
  },
  forOf(pool: AnyPool, visit: (handle: AnyHandle, view: unknown) => void): void {
    for (const view of pool) visit(pool.handleOf(view), view);
  },
  handles(pool: AnyPool, visit: (handle: AnyHandle, view: unknown) => void): void {
    for (const handle of pool.handles()) visit(handle, pool.get(handle));
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
function walk(kind: keyof typeof WALKS, meddlings: readonly Meddling[], nat: number): Step {
  return new Step(`${kind}(${meddlings}, ${nat})`, always, (model, pool) => {
    const before = model.ordered();
    const seen = new Set<number>();
    const unseen = new Set<number>(before);
    let last = -1;
    WALKS[kind](pool, (handle, view) => {
      const record = model.live.get(handle);
      assert(record !== undefined, `saw ${handle}, which is not live`);
      assert(!seen.has(handle), `saw ${handle} twice`);
      assert(model.indexOf(handle) > last, `saw ${handle} out of order`);
      assertSame(JSON.parse(JSON.stringify(view)), record, handle);
      last = model.indexOf(handle);
      meddle(meddlings[seen.size % meddlings.length], handle, model, pool, nat);
      seen.add(handle);
      unseen.delete(handle);
      if (model.live.has(handle) && kind !== "handles") {
        assertSame(JSON.parse(JSON.stringify(view)), record, handle);
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
    const { index, chunkCount } = pool.blocks[nat % pool.blocks.length];
    pool.freeBlock(index);
    model.freedWhere((handle) => Math.floor(model.indexOf(handle) / chunkCount) === index);
  } else if (meddling === "replace all") {
    pool.clear();
    model.freedWhere(always);
  } else if (meddling === "walk") {
    const inner: number[] = [];
    pool.forEach((_, handle) => inner.push(handle));
    assertEquals(inner, model.ordered());
  } else if (meddling === "trim") {
    pool.trim();
  }
  if (meddling.startsWith("replace") || meddling === "alloc") {
    const count = meddling === "alloc" || meddling === "replace it" ? 1 : nat % 40;
    for (let i = 0; i < count && model.live.size < MAX_CHUNKS; i++) model.added(pool.alloc());
  }
}

// -- the runs --

function stepsOn({ struct, record }: Subject): fc.Arbitrary<Step>[] {
  const nat = fc.nat(1000);
  const nats = fc.array(nat, { minLength: 1, maxLength: 40, size: "max" });
  const keys = fc.subarray(Object.keys(struct.fields));
  const forged = fc.oneof(fc.nat(2 ** 31), fc.maxSafeInteger(), fc.double(), fc.integer());
  const kind = fc.constantFrom(...Object.keys(WALKS) as (keyof typeof WALKS)[]);
  const meddlings = fc.array(fc.constantFrom(...MEDDLINGS), { minLength: 1, maxLength: 8 });
  const freeings = fc.constantFrom<Meddling[]>(["free it"], ["nothing"], ["nothing", "free it"]);
  return [
    fc.option(record, { nil: undefined }).map(alloc),
    record.map(alloc),
    fc.tuple(nat, record).map(([at, value]) => allocAt(at, value)),
    nat.map(free),
    nat.map(free),
    nat.map(freeStale),
    forged.map(useForged),
    fc.tuple(nat, record, keys).map(([at, value, some]) => set(at, value, some)),
    fc.tuple(nat, record).map(([at, value]) => writeView(at, value)),
    nats.map(seek),
    nats.map(freeMany),
    fc.tuple(nats, nat, fc.boolean()).map(([of, at, twice]) => freeManyBad(of, at, twice)),
    fc.tuple(fc.nat(40), nat).map(([count, of]) => allocMany(count, of)),
    fc.tuple(fc.nat(20), nat).map(([count, of]) => allocMany(count, of)),
    fc.nat(MAX_CHUNKS + 10).map(reserve),
    fc.constant(clear()),
    nat.map(freeBlock),
    fc.constant(trim()),
    record.map(scoped),
    fc.array(fc.boolean(), { minLength: 1 }).map(retain),
    fc.tuple(kind, meddlings, nat).map(([of, all, at]) => walk(of, all, at)),
    fc.tuple(kind, freeings).map(([of, all]) => walk(of, all, 0)),
  ];
}

function runModel(subject: Subject, options: PoolOptions): void {
  const commands = fc.commands(stepsOn(subject), { maxCommands: MAX_COMMANDS, size: "max" });
  const property = fc.property(commands, (steps) => {
    const memory = new Ledger();
    const pool: AnyPool = new Pool(subject.struct, { ...options, maxChunks: MAX_CHUNKS, memory });
    const isWide = options.handles === "wide";
    fc.modelRun(() => ({ model: new Model(pool, memory, isWide), real: pool }), steps);
    pool.dispose();
    assertEquals(memory.lent.size, 0);
  });
  fc.assert(property, { numRuns: RUNS });
}

for (const handles of ["compact", "wide"] as const) {
  for (const chunksPerBlock of [16, 32]) {
    for (const keepEmptyBlocks of [0, 1, 3]) {
      for (const subject of SUBJECTS) {
        const { size } = subject.struct;
        const what =
          `${handles}, ${chunksPerBlock} a block, keep ${keepEmptyBlocks}, ${size} bytes`;
        Deno.test(`Pool does what a Map does (${what})`, () => {
          runModel(subject, { handles, chunksPerBlock, keepEmptyBlocks });
        });
      }
    }
  }
}
