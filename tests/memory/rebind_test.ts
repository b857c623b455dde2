/**
 * Pools inside a WebAssembly.Memory that somebody grows: the memory of every block is detached, until `rebind()`.
 *
 * @module
 */
import { assert, assertEquals, assertNotEquals, assertThrows, fail } from "@std/assert";
import {
  type AnyHandle,
  type MemoryResource,
  Pool,
  type PoolBase,
  type PoolOptions,
  type PoolSet,
  validate,
  type WasmMemory,
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

/** A memory, and the resource in it. */
function memoryOf(descriptor: Partial<WebAssembly.MemoryDescriptor> = {}) {
  const memory = new WebAssembly.Memory({ initial: 1, ...descriptor });
  return { memory, window: wasmMemory(memory, { byteOffset: 64 }) };
}

/** What both pools of a pair are given, so that they can be compared to the last byte. */
interface Subject {
  readonly pool: AnyKindOfPool;
  /** Calls that take or give back a chunk, by their verb, and what each says. */
  readonly calls: readonly [verb: string, () => unknown][];
  /** Takes and gives back chunks, and tells every handle that it got. */
  use(): number[];
  reserve(chunks: number): void;
  /** What is read through views, cursors and handles from before. */
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

/** A pool with holes in two blocks, and no room in a third. */
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

/** The same of records of several structs. */
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

  Deno.test(`${name} whose memory was grown throws until rebind(), and has changed nothing`, () => {
    const { memory, window } = memoryOf();
    const subject = subjectOf(window);
    const twin = subjectOf();
    assertEquals(stateOf(subject.pool), stateOf(twin.pool));
    memory.grow(1);
    for (const [verb, call] of subject.calls) {
      const error = assertThrows(
        call,
        TypeError,
        `Cannot ${verb} in ${label}: the memory of block `,
      );
      assert(error.message.endsWith("call rebind() first"), error.message);
    }
    subject.pool.rebind();
    validate(subject.pool);
    assertEquals(stateOf(subject.pool), stateOf(twin.pool));
    assertEquals(subject.read(), twin.read());
    // The free lists are whole: the same calls get the same chunks.
    assertEquals(subject.use(), twin.use());
    assertEquals(stateOf(subject.pool), stateOf(twin.pool));
    validate(subject.pool);
  });

  Deno.test(`${name} over a memory that is not grown does what one on the heap does`, () => {
    const { window } = memoryOf();
    const subject = subjectOf(window);
    const twin = subjectOf();
    for (let round = 0; round < 3; round++) {
      subject.pool.rebind();
      assertEquals(subject.read(), twin.read());
      assertEquals(stateOf(subject.pool), stateOf(twin.pool));
    }
    assertEquals(subject.use(), twin.use());
  });

  Deno.test(`${name} over a shared memory needs no rebind()`, () => {
    for (const rebinds of [false, true]) {
      const { memory, window } = memoryOf({ maximum: 8, shared: true });
      const subject = subjectOf(window);
      const twin = subjectOf();
      memory.grow(1);
      if (rebinds) subject.pool.rebind();
      assertEquals(subject.read(), twin.read());
      assertEquals(subject.use(), twin.use());
      assertEquals(stateOf(subject.pool), stateOf(twin.pool));
      validate(subject.pool);
    }
  });

  Deno.test(`${name} gives every region back after its memory was grown, rebound or not`, () => {
    for (const rebinds of [false, true]) {
      const { memory, window } = memoryOf();
      const { pool } = subjectOf(window);
      memory.grow(1);
      if (rebinds) pool.rebind();
      const { usedBytes } = window;
      if (rebinds) {
        pool.freeBlock(pool.blocks[1].index);
        assert(window.usedBytes < usedBytes);
        assertEquals(pool.byteLength, window.usedBytes);
      }
      pool[Symbol.dispose]();
      assertIsEmpty(window, 2);
    }
  });

  Deno.test(`${name} goes on growing after the memory has grown and it was rebound`, () => {
    const { memory, window } = memoryOf();
    const { pool, read, reserve } = subjectOf(window);
    const before = read();
    for (let round = 0; round < 3; round++) {
      memory.grow(1);
      pool.rebind();
      assertEquals(read(), before);
    }
    reserve(64);
    assertEquals(read(), before);
    assertEquals(pool.byteLength, window.usedBytes);
    validate(pool);
  });
}

function assertIsEmpty(window: WasmMemory, pages: number): void {
  assertEquals([window.usedBytes, window.regions], [0, 0]);
  assertEquals(window.largestFreeBytes, pages * PAGE_BYTES - 64);
}

for (const [name, create] of Object.entries(POOLS)) {
  Deno.test(`${name} with full blocks throws until rebind(), and takes none beside them`, () => {
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

Deno.test("Pool throws until rebind() where the block that it allocated from is gone as well", () => {
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

Deno.test("Pool's views read nothing and write nothing until rebind(), and are good again then", () => {
  const { memory, window } = memoryOf();
  using pool = new Pool(Real, { chunksPerBlock: 16, memory: window });
  const handle = pool.alloc({ n: 7, v: 0.5 });
  const view = pool.get(handle);
  const { bytes } = pool.blocks[0];
  memory.grow(1);
  view.n = 99;
  assertEquals([view.v, view.n, bytes.length], [0, 0, 0]);
  assertEquals(pool.size, 1);
  pool.rebind();
  assertEquals(view.toJSON(), { n: 7, v: 0.5 });
  view.n = 8;
  assertEquals(pool.get(handle).n, 8);
  assertNotEquals(pool.blocks[0].bytes.length, bytes.length); // which has to be fetched anew
  assertEquals(pool.blocks[0].bytes.length, 256);
});

Deno.test("PoolSet.clear() clears no class where one of them has lost its memory", () => {
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
