/**
 * The traffic between a pool and its memory resource: every region goes back exactly once, a resource
 * that has no more leaves the pool as it was, and a pool stays inside the regions that it was lent.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  DisposedError,
  type MemoryRegion,
  type MemoryResource,
  OutOfMemoryError,
  Pool,
  PoolExhaustedError,
  type PoolOptions,
  validate,
} from "../../mod.ts";
import { stateOf, type Watched } from "../_support.ts";
import { Ledger } from "./_ledger.ts";

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

/** What can be seen of a pool, less the count of what went to and fro with the resource. */
function figuresOf(pool: Watched): unknown {
  const { stats, ...rest } = stateOf(pool) as { stats: Record<string, number> };
  const { size, capacity, blocks, byteLength, peakSize, allocs, frees, retired } = stats;
  return { ...rest, size, capacity, blocks, byteLength, peakSize, allocs, frees, retired };
}

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
