/** Pools, arenas and heaps on a machine that has no more memory, whenever that happens. */
import { assert, assertGreater } from "@std/assert";
import {
  type AnyHandle,
  Arena,
  FreeListAllocator,
  heapMemory,
  type MemoryRegion,
  type MemoryResource,
  type PoolOptions,
  validate,
} from "../../mod.ts";
import { slabs } from "../../src/slab/slab.ts";
import { type Face, FACES, Records } from "./_faces.ts";
import { exhaust, type Scenario } from "./_exhausted.ts";
import type { Ledger } from "../_ledger.ts";

/** A pool that takes and gives back blocks in every way there is. */
class PoolScenario implements Scenario {
  readonly script: readonly (readonly [string, () => void])[];
  readonly #face: Face;
  #records = new Records();
  #saved: { bytes: Uint8Array; records: Records } | undefined;
  #serial = 0;

  constructor(face: Face) {
    this.#face = face;
    const { pool } = face;
    this.script = [
      ...this.#times(40, "alloc", (kind) => this.#alloc(kind)),
      ...this.#times(4, "allocMany", (kind) => this.#allocMany(kind, 40)),
      ["save", () => this.#save()],
      ...this.#times(2, "reserve", (kind) => this.#face.reserve(kind, 96)),
      ["freeMany", () => this.#freeMany((i) => i % 40 !== 7)],
      ["trim", () => void pool.trim()],
      ...this.#times(24, "allocAt", (kind) => this.#allocAt(kind)),
      ["freeMany of the rest", () => this.#freeMany(() => true)],
      ["trim again", () => void pool.trim()],
      ["restore", () => this.#restore()],
      ...this.#times(8, "tryAlloc", (kind) => this.#allocAt(kind)),
      ["freeBlock", () => this.#freeBlock()],
      ...this.#times(20, "alloc in its place", (kind) => this.#alloc(kind)),
      ["clear", () => this.#freeMany(() => true)],
      ["trim once more", () => void pool.trim()],
      ...this.#times(4, "scoped", (kind) => this.#scoped(kind)),
      ["restore again", () => this.#restore()],
      ...this.#times(4, "allocMany at last", (kind) => this.#allocMany(kind, 20)),
    ];
  }

  get byteLength(): number {
    return this.#face.pool.byteLength;
  }

  check(): void {
    validate(this.#face.pool);
    assert(this.#face.pool.size === this.#records.size);
    for (const handle of this.#records.handles) {
      const kind = this.#records.kindOf(handle);
      const isIntact = this.#face.patterns[kind].isIntact(
        this.#face.get(kind, handle),
        this.#records.serialOf(handle),
      );
      assert(isIntact, `record ${handle} is not what it was`);
    }
  }

  /** What tells of all that is given out from now on; as no two debug pools have the same handles, those by their index. */
  state(): unknown {
    const { pool } = this.#face;
    const all = slabs.get(pool)!; // every pool has one
    const { codec, geometry } = all[0];
    const { size, capacity, peakSize, allocs, frees, retired } = pool.stats();
    const handles = Array.from(
      pool.handles(),
      (handle) => codec.wasGiven === undefined ? handle : all.map((it) => it.codec.index(handle)),
    );
    const blocks = pool.blocks.map((block) => [block.index - geometry.firstBlock, block.live]);
    const bytes = pool.blocks.map((block) => block.bytes.join());
    return { size, capacity, peakSize, allocs, frees, retired, handles, blocks, bytes };
  }

  dispose(): void {
    this.#freeMany(() => true); // in debug mode nothing may be left
    this.#face.pool.dispose();
  }

  /** Calls of one name, of each kind in turn. */
  #times(n: number, name: string, call: (kind: number) => void): [string, () => void][] {
    const kinds = this.#face.patterns.length;
    return Array.from({ length: n }, (_, i) => [`${name} ${i}`, () => call(i % kinds)]);
  }

  #alloc(kind: number): void {
    const init = this.#face.patterns[kind].init(this.#serial);
    this.#added(this.#face.alloc(kind, init), kind);
  }

  #allocAt(kind: number): void {
    const cursor = this.#face.cursor(kind);
    const handle = this.#face.allocAt(kind, cursor);
    this.#face.patterns[kind].fill(cursor, this.#serial);
    this.#added(handle, kind);
  }

  #allocMany(kind: number, count: number): void {
    const handles = this.#face.allocMany(kind, count);
    for (let i = 0; i < count; i++) {
      this.#face.patterns[kind].fill(this.#face.get(kind, handles[i]), this.#serial);
      this.#added(handles[i], kind);
    }
  }

  #scoped(kind: number): void {
    using scratch = this.#face.scoped(kind);
    assert(this.#face.patterns[kind].isZero(scratch.view));
  }

  #added(handle: AnyHandle, kind: number): void {
    assert(this.#records.add(handle, kind, this.#serial++), `handle ${handle} was given out twice`);
  }

  #freeMany(isFreed: (i: number) => boolean): void {
    const handles = this.#records.handles.filter((_, i) => isFreed(i));
    this.#face.pool.freeMany(handles);
    for (const handle of handles) this.#records.remove(handle);
  }

  #freeBlock(): void {
    const { pool } = this.#face;
    pool.freeBlock(pool.blocks[pool.blocks.length >> 1].index);
    for (const handle of [...this.#records.handles]) {
      if (!pool.has(handle)) this.#records.remove(handle);
    }
  }

  #save(): void {
    this.#saved = { bytes: this.#face.pool.snapshot(), records: this.#records.copy() };
  }

  #restore(): void {
    const { bytes, records } = this.#saved!; // the script saves first
    this.#face.pool.restore(bytes);
    this.#records = records.copy();
  }
}

/** An allocator of bytes that takes and gives back memory in every way there is; each allocation holds its own number. */
class ByteScenario<A extends Arena | FreeListAllocator> implements Scenario {
  readonly script: readonly (readonly [string, () => void])[];
  readonly #it: A;
  /** Bytes of what is live, by address. */
  readonly live: Map<number, number> = new Map();

  /** Bytes that are not from the memory that runs out. */
  readonly #own: number;

  constructor(
    it: A,
    script: (it: A, scenario: ByteScenario<A>) => [string, () => void][],
    own = 0,
  ) {
    this.#it = it;
    this.#own = own;
    this.script = script(it, this);
  }

  get byteLength(): number {
    return this.#it.stats().byteLength - this.#own;
  }

  alloc(size: number, align = 8): number {
    return this.added(this.#it.alloc(size, align), size);
  }

  added(address: number, size: number): number {
    this.#it.bytes(address, size).fill(size);
    this.live.set(address, size);
    return address;
  }

  check(): void {
    validate(this.#it);
    for (const [address, size] of this.live) {
      const isIntact = this.#it.bytes(address, size).every((byte) => byte === (size & 255));
      assert(isIntact, `address ${address} does not hold what it did`);
    }
  }

  /** No two debug allocators have the same addresses: they differ by a multiple of 2^27. */
  state(): unknown {
    const live = Array.from(this.live, ([address, size]) => [address % 2 ** 27, size]);
    return { stats: { ...this.#it.stats() }, live };
  }

  dispose(): void {
    this.#it.reset(); // in debug mode nothing may be left
    this.#it.dispose();
  }
}

function arenaScript(it: Arena, scenario: ByteScenario<Arena>): [string, () => void][] {
  let saved: Uint8Array = new Uint8Array(0);
  let live: [number, number][] = [];
  const allocs = Array.from({ length: 30 }, (_, i): [string, () => void] => [
    `alloc ${i}`,
    () => void scenario.alloc(1 + i * 37 % 300, 1 << i % 7),
  ]);
  return [
    ...allocs,
    ["save", () => {
      saved = it.snapshot();
      live = [...scenario.live];
    }],
    ...allocs,
    ["reset", () => {
      it.reset();
      scenario.live.clear();
    }],
    ["trim", () => void it.trim()],
    ["restore", () => {
      it.restore(saved);
      for (const [address, size] of live) scenario.live.set(address, size);
    }],
    ...allocs,
  ];
}

function heapScript(
  it: FreeListAllocator,
  scenario: ByteScenario<FreeListAllocator>,
): [string, () => void][] {
  const { live } = scenario;
  const allocs = Array.from({ length: 30 }, (_, i): [string, () => void] => [
    `alloc ${i}`,
    () => void scenario.alloc(1 + i * 37 % 300, 1 << i % 7),
  ]);
  const reallocs = Array.from({ length: 20 }, (_, i): [string, () => void] => [
    `realloc ${i}`,
    () => {
      const [address] = [...live][i % live.size];
      const size = 1 + i * 91 % 700;
      const moved = it.realloc(address, size);
      live.delete(address);
      scenario.added(moved, size);
    },
  ]);
  return [
    ...allocs,
    ...reallocs,
    ["free", () => {
      for (const [i, address] of [...live.keys()].entries()) {
        if (i % 5 === 0) continue;
        it.free(address);
        live.delete(address);
      }
    }],
    ["trim", () => void it.trim()],
    ...allocs,
    ...reallocs,
  ];
}

/** The memory, but for the region that a heap takes as it is made. */
function afterFirst(memory: MemoryResource): MemoryResource {
  let first: MemoryRegion | undefined;
  return {
    allocate(byteLength, align) {
      return first === undefined
        ? first = heapMemory.allocate(byteLength, align)
        : memory.allocate(byteLength, align);
    },
    release(region) {
      (region === first ? heapMemory : memory).release(region);
    },
  };
}

for (const debug of [false, true]) {
  const mode = debug ? "debug" : "as it is";

  Deno.test(`No arena loses anything where memory runs out and comes back (${mode})`, () => {
    const options = { blockBytes: 400, debug };
    const make = (memory: Ledger) =>
      new ByteScenario(new Arena({ ...options, memory }), arenaScript);
    assertGreater(exhaust(make, 2), 20);
  });

  Deno.test(`No heap loses anything where memory runs out and comes back (${mode})`, () => {
    for (const fit of ["first", "next", "best"] as const) {
      const options = { byteLength: 600, grow: true, fit, debug };
      const make = (memory: Ledger) =>
        new ByteScenario(
          new FreeListAllocator({ ...options, memory: afterFirst(memory) }),
          heapScript,
          600,
        );
      assertGreater(exhaust(make, 2), 10);
    }
  });
}

/** Debug mode is the same on the way to memory, and many times slower. */
const MODES: readonly (readonly [mode: string, options: PoolOptions, refusals: number])[] = [
  ["compact, refused once", {}, 1],
  ["compact, refused 3 times", {}, 3],
  ["wide, refused once", { handles: "wide" }, 1],
  ["wide, refused 3 times", { handles: "wide" }, 3],
  ["debug, refused once", { debug: true }, 1],
];

for (const [name, makeFace] of Object.entries(FACES)) {
  for (const [mode, options, refusals] of MODES) {
    Deno.test(`No pool loses anything where memory runs out and comes back (${name}, ${mode})`, () => {
      const make = (memory: Ledger) => {
        const size = { chunksPerBlock: 16, maxChunks: 1024, keepEmptyBlocks: 0 };
        return new PoolScenario(makeFace({ ...options, ...size, memory }));
      };
      assertGreater(exhaust(make, refusals), 20);
    });
  }
}
