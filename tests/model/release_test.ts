/**
 * The traffic between a pool and its memory resource: every region goes back exactly once, a resource
 * that has no more leaves the pool as it was, and a pool stays inside the regions that it was lent.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  type AnyHandle,
  array,
  countingMemory,
  DisposedError,
  ErasedPool,
  type HandleKind,
  heapMemory,
  type MemoryRegion,
  type MemoryResource,
  OutOfMemoryError,
  Pool,
  PoolExhaustedError,
  type PoolOptions,
  sharedMemory,
  struct,
  validate,
  wasmMemory,
} from "../../mod.ts";
import {
  type AnyKindOfPool,
  FACES,
  figuresOf,
  fill,
  forge,
  KINDS,
  POOLS,
  reserveIn,
} from "../_support.ts";
import { Ledger } from "../_ledger.ts";

function counters(memory: MemoryResource, options: PoolOptions = {}) {
  return new Pool({ n: "u32" }, { chunksPerBlock: 16, maxChunks: 128, memory, ...options });
}

// -- exactly once --

type Numbers = ReturnType<typeof counters>;

/** Each takes any number for its choice. */
const OPERATIONS: Record<string, (pool: Numbers, nat: number) => void> = {
  alloc: (pool) => void pool.tryAlloc(),
  allocMany: (pool, nat) => {
    const count = nat % 70;
    if (pool.size + count <= 128) pool.allocMany(count);
    else assertThrows(() => pool.allocMany(count), PoolExhaustedError);
  },
  freeSome: (pool, nat) => {
    const handles = [...pool.handles()];
    pool.freeMany(handles.filter((_, i) => (i + nat) % 3 !== 0));
  },
  freeOne: (pool, nat) => {
    const handles = [...pool.handles()];
    if (handles.length > 0) pool.free(handles[nat % handles.length]);
  },
  freeAll: (pool) => void pool.retain(() => false),
  clear: (pool) => pool.clear(),
  reserve: (pool, nat) => pool.reserve(nat % 129),
  reserveTooMany: (pool) => void assertThrows(() => pool.reserve(129), PoolExhaustedError),
  trim: (pool) => void pool.trim(),
  freeBlock: (pool, nat) => {
    const { blocks } = pool;
    if (blocks.length > 0) pool.freeBlock(blocks[nat % blocks.length].index);
  },
  scoped: (pool) => {
    if (pool.size === 128) return;
    using _scratch = pool.scoped();
  },
};

for (const keepEmptyBlocks of [0, 1, 3]) {
  for (const handles of ["compact", "wide"] as const) {
    const what = `${handles}, keep ${keepEmptyBlocks}`;
    Deno.test(`Pool releases every region exactly once (${what})`, () => {
      const step = fc.tuple(fc.constantFrom(...Object.keys(OPERATIONS)), fc.nat(1000));
      const steps = fc.array(step, { maxLength: 60, size: "max" });
      fc.assert(fc.property(steps, (operations) => {
        const memory = new Ledger();
        const pool = counters(memory, { keepEmptyBlocks, handles });
        for (const [name, nat] of operations) {
          OPERATIONS[name](pool, nat);
          assertEquals(pool.byteLength, memory.byteLength);
          const { grown, released } = pool.stats();
          assertEquals(released, memory.returned.size);
          assertEquals(grown - released, memory.lent.size);
        }
        validate(pool);
        pool.dispose();
        pool.dispose();
        assertEquals(memory.lent.size, 0);
      }));
    });
  }
}

// -- every kind of pool, on every resource --

/** A resource, and what it counts of what is lent. */
interface Source {
  readonly memory: MemoryResource;
  usedBytes?(): number;
}

function wasmSource(descriptor: Partial<WebAssembly.MemoryDescriptor> = {}): Source {
  const memory = wasmMemory(new WebAssembly.Memory({ initial: 1, ...descriptor }));
  return { memory, usedBytes: () => memory.usedBytes };
}

function countingSource({ memory: upstream, usedBytes = () => NaN }: Source): Source {
  const memory = countingMemory(upstream);
  return {
    memory,
    usedBytes: () => {
      const below = usedBytes();
      if (!isNaN(below)) assertEquals(below, memory.usedBytes);
      return memory.usedBytes;
    },
  };
}

const SOURCES: Record<string, () => Source> = {
  heap: () => ({ memory: heapMemory }),
  shared: () => ({ memory: sharedMemory() }),
  wasm: () => wasmSource(),
  "shared wasm": () => wasmSource({ maximum: 1, shared: true }),
  "counted heap": () => countingSource({ memory: heapMemory }),
  "counted shared": () => countingSource({ memory: sharedMemory() }),
  "counted wasm": () => countingSource(wasmSource()),
};

/** What a pool under test can do; numbers choose among structs, handles and blocks. */
interface Target {
  readonly pool: AnyKindOfPool;
  alloc(nat: number): unknown;
  allocMany(nat: number, count: number): unknown;
  reserve(nat: number, chunks: number): void;
}

const TARGETS: Record<string, (options: PoolOptions) => Target> = {
  "Pool": (options) => {
    const { pool, alloc, allocMany, reserve } = POOLS["Pool"](options);
    return {
      pool,
      alloc: () => alloc(),
      allocMany: (_, count) => allocMany(count),
      reserve: (_, chunks) => reserve(chunks),
    };
  },
  ...Object.fromEntries(
    Object.entries(FACES).map(([name, create]) => [name, (options: PoolOptions): Target => {
      const pool = create(options);
      return {
        pool,
        alloc: (nat) => pool.alloc(KINDS[nat % 3], { n: nat }),
        allocMany: (nat, count) => pool.allocMany(KINDS[nat % 3], count),
        reserve: (nat, chunks) => reserveIn(pool, KINDS[nat % 3], chunks),
      };
    }]),
  ),
};

function someHandles({ pool }: Target, isChosen: (at: number) => boolean): AnyHandle[] {
  return [...pool.handles()].filter((_, at) => isChosen(at)).map(forge);
}

/** Each may be refused, for want of chunks or of memory. */
const CALLS: Record<string, (target: Target, nat: number) => unknown> = {
  alloc: (it, nat) => it.alloc(nat),
  allocMany: (it, nat) => it.allocMany(nat, nat % 40),
  allocAll: (it, nat) => it.allocMany(nat, 64),
  reserve: (it, nat) => it.reserve(nat, nat % 70),
  freeOne: (it, nat) => {
    const handles = someHandles(it, () => true);
    if (handles.length > 0) it.pool.free(handles[nat % handles.length]);
  },
  freeSome: (it, nat) => it.pool.freeMany(someHandles(it, (at) => (at + nat) % 3 !== 0)),
  freeAll: (it) => it.pool.freeMany(someHandles(it, () => true)),
  clear: ({ pool }) => pool.clear(),
  trim: ({ pool }) => pool.trim(),
  rebind: ({ pool }) => pool.rebind(),
  freeBlock: ({ pool }, nat) => {
    if (pool.blocks.length > 0) pool.freeBlock(pool.blocks[nat % pool.blocks.length].index);
  },
};

/** Makes a call that may be refused for want of chunks or of memory; whatever was taken for it is given back then. */
function attempt(target: Target, ledger: Ledger, call: (target: Target) => unknown): void {
  const lent = new Set(ledger.lent);
  try {
    call(target);
  } catch (error) {
    if (!(error instanceof PoolExhaustedError || error instanceof OutOfMemoryError)) throw error;
    assertEquals(ledger.lent.size, lent.size);
    for (const region of ledger.lent) assert(lent.has(region));
  }
}

for (const [name, create] of Object.entries(TARGETS)) {
  for (const [source, sourceOf] of Object.entries(SOURCES)) {
    Deno.test(`${name} releases every region exactly once, whatever is done to it (${source})`, () => {
      const step = fc.tuple(fc.constantFrom(...Object.keys(CALLS)), fc.nat(1000), fc.nat(9));
      const cases = fc.record({
        steps: fc.array(step, { maxLength: 50, size: "max" }),
        keepEmptyBlocks: fc.constantFrom(0, 1, 3),
        handles: fc.constantFrom<HandleKind>("compact", "wide"),
      });
      const property = fc.property(cases, ({ steps, ...options }) => {
        const { memory, usedBytes } = sourceOf();
        const ledger = new Ledger(memory);
        const target = create({ ...options, memory: ledger });
        const { pool } = target;
        for (const [call, nat, budget] of steps) {
          ledger.budget = budget;
          attempt(target, ledger, (it) => CALLS[call](it, nat));
          assertEquals(pool.byteLength, ledger.byteLength);
          if (usedBytes !== undefined) assertEquals(usedBytes(), ledger.byteLength);
          const { grown, released } = pool.stats();
          assertEquals([grown - released, released], [ledger.lent.size, ledger.returned.size]);
        }
        validate(pool);
        pool.dispose();
        pool.dispose();
        assertEquals([ledger.lent.size, usedBytes?.() ?? 0], [0, 0]);
      });
      fc.assert(property, { numRuns: 50 });
    });
  }
}

Deno.test("PoolSet.dispose() gives back the regions of every class", () => {
  const ledger = new Ledger();
  const set = FACES["PoolSet"]({ memory: ledger });
  fill(set, 100);
  const lent = ledger.lent.size;
  set.dispose();
  assertEquals([lent, ledger.lent.size, ledger.returned.size], [9, 0, 9]);
});

// -- what the system gets back --

// Blocks of 64 MiB. What a C allocator does with smaller ones is its own affair: glibc's keeps blocks of up to
// 32 MiB for the process once it has seen one freed.
const Large = struct({ of: array("f64", 128) });
const LARGE = 65_536;
const RESIDENT_BYTES = 4 * LARGE * Large.size;

/** Bytes that the process has by less after a call, at the most of a few attempts: other tests run beside this one. */
function rssDropOf(prepare: () => () => void): number {
  let most = 0;
  for (let attempt = 0; attempt < 4 && most < 0.8 * RESIDENT_BYTES; attempt++) {
    const call = prepare();
    const before = Deno.memoryUsage().rss;
    call();
    most = Math.max(most, before - Deno.memoryUsage().rss);
  }
  return most;
}

Deno.test("Pool.trim() gives 256 MiB back to the system at once", () => {
  const drop = rssDropOf(() => {
    const pool = new Pool(Large, { chunksPerBlock: LARGE, keepEmptyBlocks: 4 });
    pool.allocMany(4 * LARGE, new Int32Array(4 * LARGE)); // which writes every byte
    pool.clear();
    assertEquals(pool.byteLength, RESIDENT_BYTES);
    return () => assertEquals(pool.trim(), RESIDENT_BYTES);
  });
  assert(drop >= 0.8 * RESIDENT_BYTES, `${drop} bytes`);
});

Deno.test("ErasedPool.freeBlock() gives 256 MiB back to the system at once", () => {
  const drop = rssDropOf(() => {
    const cells = new ErasedPool({ size: Large.size, types: [Large], chunksPerBlock: LARGE });
    cells.allocMany(Large, 4 * LARGE, new Int32Array(4 * LARGE));
    return () => {
      for (const { index } of cells.blocks) cells.freeBlock(index);
      assertEquals(cells.byteLength, 0);
    };
  });
  assert(drop >= 0.8 * RESIDENT_BYTES, `${drop} bytes`);
});

// -- when a pool asks --

Deno.test("Pool asks for nothing before its first alloc, and for blocks of one size after it", () => {
  const memory = new Ledger();
  using pool = counters(memory);
  assertEquals(memory.lent.size, 0);
  pool.allocMany(40);
  assertEquals([...memory.lent].map((it) => it.byteLength), [64, 64, 64]);
});

Deno.test("Pool asks for nothing after dispose, and releases nothing again", () => {
  const memory = new Ledger();
  const pool = counters(memory);
  pool.allocMany(40);
  pool.dispose();
  assertEquals([memory.lent.size, memory.returned.size], [0, 3]);
  assertThrows(() => pool.alloc(), DisposedError);
  assertThrows(() => pool.reserve(5), DisposedError);
  assertThrows(() => pool.freeBlock(0), DisposedError);
  assertThrows(() => pool.trim(), DisposedError);
  assertEquals([memory.lent.size, memory.returned.size], [0, 3]);
});

Deno.test("Pool.reserve() and allocMany() ask for nothing where maxChunks forbids it", () => {
  const memory = new Ledger();
  using pool = counters(memory);
  pool.allocMany(10);
  assertThrows(() => pool.reserve(129), PoolExhaustedError);
  assertThrows(() => pool.allocMany(119), PoolExhaustedError);
  assertEquals([memory.lent.size, memory.returned.size], [1, 0]);
});

// -- a resource that has no more --

/** Calls that need more memory than a pool of one full block has, and blocks that they need. */
const GROWING: [string, number, (pool: Numbers) => unknown][] = [
  ["alloc()", 1, (pool) => pool.alloc()],
  ["alloc(init)", 1, (pool) => pool.alloc({ n: 7 })],
  ["tryAlloc()", 1, (pool) => pool.tryAlloc()],
  ["scoped()", 1, (pool) => pool.scoped({ n: 7 })],
  ["allocMany()", 1, (pool) => pool.allocMany(1)],
  ["allocMany()", 4, (pool) => pool.allocMany(64)],
  ["reserve()", 1, (pool) => pool.reserve(17)],
  ["reserve()", 4, (pool) => pool.reserve(80)],
];

for (const handles of ["compact", "wide"] as const) {
  for (const [what, blocks, call] of GROWING) {
    for (let budget = 0; budget < blocks; budget++) {
      const when = `${budget} of ${blocks} blocks are to be had (${handles})`;
      Deno.test(`Pool.${what} leaves the pool as it was where ${when}`, () => {
        const memory = new Ledger();
        const pool = counters(memory, { handles });
        const live = pool.allocMany(16);
        live.forEach((handle, n) => pool.set(handle, { n }));
        const before = figuresOf(pool);
        memory.budget = budget;
        const error = assertThrows(() => call(pool), OutOfMemoryError, "the budget is spent");
        assertEquals([error.byteLength, memory.refusals], [64, 1]);
        assertEquals(figuresOf(pool), before);
        assertEquals(memory.lent.size, 1);
        validate(pool);

        pool.free(live[3]);
        live[3] = pool.alloc({ n: 3 });
        memory.budget = Infinity;
        call(pool);
        validate(pool);
        live.forEach((handle, n) => assertEquals(pool.get(handle).n, n));
        pool.dispose();
        assertEquals(memory.lent.size, 0);
      });
    }
  }
}

Deno.test("Pool survives a resource that refuses at random", () => {
  const step = fc.tuple(fc.constantFrom(...Object.keys(OPERATIONS)), fc.nat(1000), fc.nat(3));
  const steps = fc.array(step, { maxLength: 60, size: "max" });
  fc.assert(fc.property(steps, (operations) => {
    const memory = new Ledger();
    const pool = counters(memory, { keepEmptyBlocks: 1 });
    for (const [name, nat, budget] of operations) {
      memory.budget = budget;
      const before = figuresOf(pool);
      try {
        OPERATIONS[name](pool, nat);
      } catch (error) {
        assert(memory.refusals > 0, String(error));
        assertEquals(figuresOf(pool), before);
      }
      memory.refusals = 0;
      assertEquals(pool.byteLength, memory.byteLength);
      validate(pool);
    }
    pool.dispose();
    assertEquals(memory.lent.size, 0);
  }));
});

// -- inside the region --

/** Lends regions inside one buffer, with bytes between them that nobody may touch. */
class Fenced implements MemoryResource {
  static readonly FENCE = 64;
  readonly bytes: Uint8Array = new Uint8Array(1 << 14).fill(0xfe);
  readonly #lent = new Set<MemoryRegion>();
  #end = Fenced.FENCE;

  allocate(byteLength: number, align: number): MemoryRegion {
    const byteOffset = Math.ceil(this.#end / align) * align;
    this.#end = byteOffset + byteLength + Fenced.FENCE;
    assert(this.#end <= this.bytes.length, "the test's buffer is too small");
    this.bytes.fill(0, byteOffset, byteOffset + byteLength);
    const region = { buffer: this.bytes.buffer, byteOffset, byteLength };
    this.#lent.add(region);
    return region;
  }

  release(region: MemoryRegion): void {
    assert(this.#lent.delete(region), "released what was not lent");
    const { byteOffset, byteLength } = region;
    this.bytes.fill(0xfe, byteOffset, byteOffset + byteLength);
  }

  /** Asserts that every byte outside the regions that are lent is as it was. */
  check(): void {
    const isLent = new Uint8Array(this.bytes.length);
    for (const { byteOffset, byteLength } of this.#lent) {
      isLent.fill(1, byteOffset, byteOffset + byteLength);
    }
    const touched = this.bytes.findIndex((byte, at) => isLent[at] === 0 && byte !== 0xfe);
    assertEquals(touched, -1);
  }
}

for (const type of ["u8", "u16", "u32", "f16", "f32", "f64", "i64"] as const) {
  Deno.test(`Pool of ${type} stays inside regions anywhere in a buffer`, () => {
    const memory = new Fenced();
    const pool = new Pool({ first: "u8", it: type, last: "u8" }, {
      chunksPerBlock: 16,
      maxChunks: 64,
      memory,
    });
    const value = (n: number) => (type === "i64" ? BigInt(n) : n) as never; // as `type` says
    const handles = pool.allocMany(40);
    handles.forEach((handle, n) => pool.set(handle, { first: 255, it: value(n), last: 255 }));
    memory.check();
    handles.forEach((handle, n) => assertEquals<unknown>(pool.get(handle).it, value(n)));
    pool.freeMany(handles.filter((_, i) => i % 2 === 0));
    memory.check();
    pool.freeBlock(1);
    pool.allocMany(30);
    handles.forEach((handle, n) => {
      if (n % 2 === 1 && n >> 4 !== 1) assertEquals<unknown>(pool.get(handle).it, value(n));
    });
    memory.check();
    validate(pool);
    pool.dispose();
    memory.check();
  });
}

Deno.test("Pool's view of a block that was given back reads and writes nothing", () => {
  const memory = new Fenced();
  using pool = new Pool({ n: "u32" }, { chunksPerBlock: 16, maxChunks: 64, memory });
  const view = pool.get(pool.alloc({ n: 5 }));
  const [block] = pool.blocks;
  pool.freeBlock(0);
  view.n = 7;
  assertEquals([view.n, block.bytes.length], [0, 0]);
  memory.check();
});
