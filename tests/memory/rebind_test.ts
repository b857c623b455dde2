/**
 * Tests of `rebind()`: a pool inside a `WebAssembly.Memory` whose growth detaches the memory of
 * every block.
 *
 * @module
 */
import { assert, assertEquals, assertThrows, fail } from "@std/assert";
import {
  type AnyHandle,
  type MemoryResource,
  Pool,
  type PoolBase,
  type PoolOptions,
  type PoolSet,
  validate,
  wasmMemory,
} from "../../mod.ts";
import {
  type AnyKindOfPool,
  FACES,
  fill,
  forge,
  KINDS,
  type MixedKind,
  type MixedPool,
  Num,
  POOLS,
  Pos,
  Real,
  reserveIn,
  stateOf,
} from "../_support.ts";

const PAGE_BYTES = 65_536;

/** A memory of one page, and the resource in it. */
function memoryOf(descriptor: Partial<WebAssembly.MemoryDescriptor> = {}) {
  const memory = new WebAssembly.Memory({ initial: 1, ...descriptor });
  return { memory, window: wasmMemory(memory, { byteOffset: 64 }) };
}

/**
 * A pool with records, and calls of it. Two of them over different memories do the same, to the
 * byte.
 */
interface Subject {
  readonly pool: AnyKindOfPool;
  /** Calls that need the memory of a block, and their verbs in errors. */
  readonly calls: readonly [verb: string, () => unknown][];
  /** Allocates and frees, and returns every new handle. */
  use(): number[];
  reserve(chunks: number): void;
  /** Reads through views, cursors and handles that exist already. */
  read(): unknown;
}

/** Calls that every kind of pool has. */
function callsOf(
  pool: PoolBase<unknown, AnyHandle>,
  handles: AnyHandle[],
  view: object,
): [verb: string, () => unknown][] {
  const [{ index }] = pool.blocks;
  const saved = pool.snapshot();
  return [
    ["freeMany", () => pool.freeMany(handles)],
    ["freeMany", () => pool.freeMany([])],
    ["clear", () => pool.clear()],
    ["trim", () => pool.trim()],
    ["freeBlock", () => pool.freeBlock(index)],
    ["tell the handle", () => pool.handleOf(view)],
    ["tell the figures", () => pool.stats()],
    ["snapshot", () => pool.snapshot()],
    ["restore", () => pool.restore(saved)],
    ["validate", () => validate(pool)],
  ];
}

/** A `Pool` with free chunks in two blocks, and a full third block. */
function plainSubject(memory?: MemoryResource): Subject {
  const options: PoolOptions = { chunksPerBlock: 16, maxChunks: 64, name: "cells" };
  const pool = new Pool(Real, { ...options, ...memory === undefined ? {} : { memory } });
  const handles = pool.allocMany(48);
  handles.forEach((handle, n) => pool.set(handle, { n, v: n / 2 }));
  for (const n of [3, 20, 9, 17]) pool.free(handles[n]);
  const live = handles[0];
  const view = pool.get(handles[40]);
  const cursor = pool.seek(pool.cursor(), handles[5]);
  const loop = pool.loop(() => fail());
  return {
    pool,
    calls: [
      ["alloc", () => pool.alloc()],
      ["alloc", () => pool.alloc({ n: 1 })],
      ["alloc", () => pool.tryAlloc()],
      ["alloc", () => pool.scoped()],
      ["alloc", () => pool.allocAt(cursor)],
      ["allocMany", () => pool.allocMany(2)],
      ["allocMany", () => pool.allocMany(20)],
      ["free", () => pool.free(live)],
      ["free", () => pool.tryFree(live)],
      ["iterate", () => pool.retain(() => false)],
      ["use a handle", () => pool.has(live)],
      ["use a handle", () => pool.has(handles[3])], // a stale one
      ["use a handle", () => pool.get(live)],
      ["use a handle", () => pool.tryGet(live)],
      ["use a handle", () => pool.set(live, { n: 9 })],
      ["use a handle", () => pool.seek(cursor, live)],
      ["iterate", () => pool.forEach(() => fail())],
      ["iterate", () => pool[Symbol.iterator]()],
      ["iterate", () => pool.handles()],
      ["iterate", () => loop()],
      ["loop", () => pool.loop(() => fail())],
      ["make a cursor", () => pool.cursor()],
      ["reserve", () => pool.reserve(1)],
      ...callsOf(pool, [live, handles[33]], view),
    ],
    use: () => {
      const made = [pool.alloc(), ...pool.allocMany(4), pool.allocAt(pool.cursor())];
      pool.freeMany([made[1], handles[33], live]);
      pool.retain((_, handle) => handle !== made[2]);
      return [...made, ...pool.allocMany(3), pool.alloc({ n: 9 })];
    },
    reserve: (chunks) => pool.reserve(chunks),
    read: () => [
      view.toJSON(),
      cursor.toJSON(),
      [pool.handleOf(view), pool.handleOf(cursor)],
      handles.map((handle) => pool.tryGet(handle)?.toJSON()),
      Array.from(pool, (it) => it.n),
    ],
  };
}

/** The same with records of several structs. */
function mixedSubject(
  create: (options?: PoolOptions) => MixedPool,
  memory?: MemoryResource,
): Subject {
  const pool = create(memory === undefined ? {} : { memory });
  const handles = fill(pool, 48);
  for (const n of [3, 20, 10, 17]) pool.free(handles[n]);
  const live = handles[0];
  const view = pool.get(Pos, handles[40]);
  const cursor = pool.cursor(Real);
  pool.seek(cursor, handles[5]);
  const loop = pool.loop(Pos, () => fail());
  return {
    pool,
    calls: [
      ["alloc", () => pool.alloc(Real)],
      ["alloc", () => pool.alloc(Pos, { n: 1 })],
      ["alloc", () => pool.tryAlloc(Num)],
      ["alloc", () => pool.scoped(Real)],
      ["alloc", () => pool.allocAt(Real, cursor)],
      ["allocMany", () => pool.allocMany(Num, 2)],
      ["allocMany", () => pool.allocMany(Pos, 12)],
      ["free", () => pool.free(live)],
      ["free", () => pool.tryFree(live)],
      ["retain", () => pool.retain(Pos, () => false)],
      ["use a handle", () => pool.has(live)],
      ["use a handle", () => pool.has(handles[3])], // a stale one
      ["use a handle", () => pool.get(Pos, forge(live))],
      ["use a handle", () => pool.tryGet(Pos, forge(live))],
      ["use a handle", () => pool.set(Pos, forge(live), {})],
      ["use a handle", () => pool.seek(cursor, forge(live))],
      ["use a handle", () => pool.bytes(live)],
      ["iterate", () => pool.forEach(Pos, () => fail())],
      ["iterate", () => pool.all(Pos)],
      ["iterate", () => pool.handles()],
      ["iterate", () => loop()],
      ["loop", () => pool.loop(Pos, () => fail())],
      ["make a cursor", () => pool.cursor(Pos)],
      ["reserve", () => reserveIn(pool, Pos, 1)],
      ...callsOf(
        pool as unknown as PoolBase<unknown, AnyHandle>,
        [live, handles[34], handles[32]],
        view,
      ),
    ],
    use: () => {
      const made: AnyHandle[] = KINDS.flatMap((kind) => [
        forge(pool.alloc(kind, { n: 5 })),
        ...pool.allocMany(kind, 3) as AnyHandle[],
        forge(pool.allocAt(kind, pool.cursor(kind))),
      ]);
      pool.freeMany([made[1], handles[33], live, handles[40]]);
      for (const kind of KINDS) pool.retain(kind, (_, handle) => handle !== made[2] as number);
      return [...made, ...pool.allocMany(Pos, 3), pool.alloc(Real, { n: 9 })];
    },
    reserve: (chunks) => KINDS.forEach((kind) => reserveIn(pool, kind, chunks)),
    read: () => [
      view.toJSON(),
      cursor.toJSON(),
      [pool.handleOf(view), pool.handleOf(cursor)],
      handles.map((handle, n) => pool.tryGet(KINDS[n % 3], handle)?.toJSON()),
      KINDS.map((kind) => Array.from(pool.handles(kind))),
    ],
  };
}

const SUBJECTS: Readonly<Record<string, (memory?: MemoryResource) => Subject>> = {
  "Pool": plainSubject,
  ...Object.fromEntries(
    Object.entries(FACES).map((
      [name, create],
    ) => [name, (memory?: MemoryResource) => mixedSubject(create, memory)]),
  ),
};

for (const [name, subjectOf] of Object.entries(SUBJECTS)) {
  const label = `${name.split(" ")[0]} "cells"`;

  /** Asserts that a subject does from here on what one on the heap does, allocations included. */
  const assertSame = ({ pool, read, use }: Subject) => {
    const other = subjectOf();
    assertEquals([stateOf(pool), read()], [stateOf(other.pool), other.read()]);
    assertEquals(use(), other.use());
    assertEquals(stateOf(pool), stateOf(other.pool));
    validate(pool);
  };

  Deno.test(`${name} throws after its memory grew, until rebind(), and is unchanged`, () => {
    const { memory, window } = memoryOf();
    const subject = subjectOf(window);
    memory.grow(1);
    for (const [verb, call] of subject.calls) {
      const message = `Cannot ${verb} in ${label}: the memory of block `;
      const error = assertThrows(call, TypeError, message);
      assert(error.message.endsWith("call rebind() first"), error.message);
    }
    subject.pool.rebind();
    validate(subject.pool);
    assertSame(subject);
  });

  Deno.test(`${name} needs no rebind() over a memory that is shared or has not grown`, () => {
    for (const rebinds of [0, 1, 3]) {
      const still = subjectOf(memoryOf().window);
      const { memory, window } = memoryOf({ maximum: 8, shared: true });
      const shared = subjectOf(window);
      memory.grow(1);
      for (const subject of [still, shared]) {
        for (let i = 0; i < rebinds; i++) subject.pool.rebind();
        assertSame(subject);
      }
    }
  });

  Deno.test(`${name} grows after its memory grew several times, each followed by rebind()`, () => {
    const { memory, window } = memoryOf();
    const { pool, read, reserve } = subjectOf(window);
    const before = read();
    for (let round = 0; round < 3; round++) {
      memory.grow(1);
      pool.rebind();
      assertEquals(read(), before);
    }
    reserve(64);
    assertEquals([read(), pool.byteLength], [before, window.usedBytes]);
    validate(pool);
  });

  Deno.test(`${name} gives every region back after its memory grew, with or without rebind()`, () => {
    for (const rebinds of [false, true]) {
      const { memory, window } = memoryOf();
      const { pool } = subjectOf(window);
      memory.grow(1);
      if (rebinds) {
        pool.rebind();
        const { usedBytes } = window;
        pool.freeBlock(pool.blocks[1].index);
        assert(window.usedBytes < usedBytes);
        assertEquals(pool.byteLength, window.usedBytes);
      }
      pool.dispose();
      assertEquals([window.usedBytes, window.regions], [0, 0]);
      assertEquals(window.largestFreeBytes, 2 * PAGE_BYTES - 64);
    }
  });
}

for (const [name, create] of Object.entries(POOLS)) {
  Deno.test(`${name} with full blocks adds no block before rebind()`, () => {
    const { memory, window } = memoryOf();
    const { pool, alloc, allocMany } = create({ memory: window });
    allocMany(32);
    memory.grow(1);
    const before = window.usedBytes;
    assertThrows(() => alloc(), TypeError, "call rebind() first");
    assertThrows(() => allocMany(1), TypeError, "call rebind() first");
    assertEquals([pool.size, pool.capacity, window.usedBytes], [32, 32, before]);
    pool.rebind();
    alloc();
    assertEquals([pool.size, pool.capacity], [33, 48]);
    validate(pool);
  });
}

Deno.test("Pool.alloc() throws until rebind() also when its last block was freed", () => {
  const { memory, window } = memoryOf();
  const { pool, alloc, allocMany } = POOLS["Pool"]({ memory: window });
  const handles = allocMany(33);
  pool.free(handles[3]);
  pool.freeBlock(2);
  memory.grow(1);
  for (let i = 0; i < 2; i++) assertThrows(() => alloc(), TypeError, "the memory of block 0 was");
  assertEquals([pool.size, pool.capacity], [31, 32]);
  pool.rebind();
  validate(pool);
  assertEquals(alloc() & 63, 3); // the chunk that was freed
});

Deno.test("PoolSet.clear() and freeMany() change no class when one of them has lost its memory", () => {
  const { memory, window } = memoryOf();
  using set = FACES["PoolSet"]({ memory: window }) as PoolSet<MixedKind>;
  set.allocMany(Real, 20);
  const all = [...set.handles()];
  memory.grow(1);
  const nums = set.allocMany(Num, 20); // in blocks of the new buffer
  assertThrows(() => set.clear(), TypeError, "Cannot clear in PoolSet");
  assertThrows(() => set.freeMany([...nums, ...all]), TypeError, "Cannot freeMany in PoolSet");
  assertEquals([set.size, nums.every((handle) => set.has(handle))], [40, true]);
  set.rebind();
  validate(set);
  set.clear();
  assertEquals(set.size, 0);
});
