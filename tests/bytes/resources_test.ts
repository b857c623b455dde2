/** Memory resources that do what few do in the middle of a call: grow, throw, or call back. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  Arena,
  type ByteAllocator,
  type CountingMemory,
  countingMemory,
  FreeListAllocator,
  heapMemory,
  InvalidAddressError,
  type MemoryResource,
  OutOfMemoryError,
  restoreArena,
  snapshotArena,
  validate,
} from "../../mod.ts";
import { calling } from "./_support.ts";
import { growing } from "../_support.ts";

/** Heaps of both kinds of index. */
const HEAPS = (["list", "tree"] as const).map((index) => (memory: MemoryResource) => {
  const fit = index === "list" ? "first" : "best";
  return new FreeListAllocator({ fit, index, byteLength: 4096, grow: true, memory });
});

type Growing = Arena | FreeListAllocator;

/** In an arena each region lies right behind the one before; growing memory detaches those. */
const UPSTREAMS: readonly (() => MemoryResource)[] = [
  () => heapMemory,
  () => new Arena({ blockBytes: 2 ** 20 }),
  growing,
];

/** Allocates bytes, all of them `value`; returns a check that they still are. */
function filled(it: ByteAllocator, byteLength: number, value: number): () => void {
  const address = it.alloc(byteLength);
  it.bytes(address, byteLength).fill(value);
  return () => assert(it.bytes(address, byteLength).every((byte) => byte === value));
}

/** Asserts that an allocator is consistent, and can be used. */
function assertWhole(it: ByteAllocator, byteLength = 100): void {
  validate(it);
  filled(it, byteLength, 1)();
  validate(it);
}

// -- resources that throw or call back --

type Call = () => (() => void) | void;

/** Makes an allocator, a call of it, and whether that works though the resource is full once. */
type Scene = (memory: CountingMemory) => readonly [Growing, Call, isSure?: boolean];

/** An arena that needs a block beside live allocations, and spare blocks that are too small. */
function needy(
  live: readonly number[],
  spares: readonly number[],
  byteLength: number,
  resets = 0,
): Scene {
  return (memory) => {
    const arena = new Arena({ blockBytes: 1024, memory });
    for (const bytes of live) arena.alloc(bytes);
    const mark = arena.mark();
    for (const bytes of spares) arena.alloc(bytes);
    arena.rewind(mark);
    for (let i = 0; i < resets; i++) {
      arena.alloc(8);
      arena.reset();
    }
    return [arena, () => filled(arena, byteLength, 8), resets > 0];
  };
}

/** An arena of many blocks, and a call that releases some. */
function releasing(
  call: (arena: Arena, saved: Uint8Array, memory: CountingMemory) => void,
): Scene {
  return (memory) => {
    const arena = new Arena({ blockBytes: 1024, memory });
    const saved = snapshotArena(arena);
    for (let i = 0; i < 40; i++) arena.alloc(1024);
    return [arena, () => call(arena, saved, memory)];
  };
}

/** Heaps with allocations of one size. */
function heaps(
  byteLength: number,
  count: number,
  call: (heap: FreeListAllocator, all: readonly number[]) => (() => void) | void,
): Scene[] {
  return HEAPS.map((make) => (memory) => {
    const heap = make(memory);
    const all = Array.from({ length: count }, () => heap.alloc(byteLength));
    return [heap, () => call(heap, all)];
  });
}

const REPLACING = heaps(3000, 4, (heap, all) => {
  heap.free(all[1]); // its extent is spare then
  return filled(heap, 6000, 8);
});

const SCENES: readonly (readonly [what: string, scenes: readonly Scene[], limit?: number])[] = [
  [
    "An arena that takes a block",
    [0, 1, 2, 63].map((count) => Array<number>(count).fill(1024))
      .flatMap((blocks) => [needy(blocks, [], 1600), needy([], blocks, 1600)]),
  ],
  ["An arena with many spare blocks", [needy([100], Array(50).fill(1024), 1600, 350)]],
  ["An arena whose spare blocks make way", [needy([100], [1024, 1024, 1504], 4000)], 5200],
  ["An arena whose large block makes way", [needy([100], [20_000], 28_800)], 31_000],
  ["An arena that releases blocks", [
    releasing((arena) => {
      arena.reset();
      arena.trim();
    }),
    releasing((arena, _, memory) => {
      for (let i = 0; i < 1000 && memory.releases === 0; i++) arena.reset();
    }),
    releasing(restoreArena),
  ]],
  ["A heap that takes an extent", REPLACING],
  ["A heap whose spare extent makes way", REPLACING, 20_000],
  [
    "A heap that moves an allocation",
    heaps(65_000, 1, (heap, [address]) => {
      heap.bytes(address, 8).fill(7);
      const moved = heap.realloc(address, 130_000);
      return () => assertEquals([...heap.bytes(moved, 8)], Array(8).fill(7));
    }),
  ],
  ["A heap that releases extents", [
    ...heaps(4000, 5, (heap, all) => {
      for (const address of all.toReversed()) heap.free(address);
      heap.trim();
    }),
    ...heaps(4000, 15, (heap) => {
      heap.reset();
      return filled(heap, 100_000, 8);
    }),
  ]],
];

function refuse(): never {
  throw new RangeError("refused");
}

function full(): never {
  throw new OutOfMemoryError("full", 0);
}

/** Asserts that a call throws, as it comes from the resource. */
function forbids(it: Growing, verb: string, call: () => unknown): void {
  const label = it instanceof Arena ? 'Arena "arena"' : 'FreeListAllocator "heap"';
  assertThrows(call, Error, `Cannot ${verb} ${label}: its memory resource is being called`);
}

/** What a resource does. What it allocates has to stay as it is, which the result checks. */
type Act = (it: Growing) => (() => void) | void;
const ACTS: readonly Act[] = [
  refuse,
  full,
  ...[16, 1000, 1536, 2048, 3200].map((bytes) => (it: Growing) => filled(it, bytes, 7)),
  (it) => void it.trim(),
  (it) => it instanceof Arena ? it.reset() : forbids(it, "reset", () => it.reset()),
  (it) => forbids(it, "dispose of", () => it.dispose()),
  (it) => {
    if (!(it instanceof Arena)) return;
    forbids(it, "restore", () => restoreArena(it, snapshotArena(it)));
    const mark = it.mark();
    for (let i = 0; i < 1500; i++) { // so often that blocks would be released
      it.rewind(mark);
      it.alloc(1);
    }
  },
];

/** Plays a scene with an act in one call of the resource. Returns whether there is that call. */
function plays(scene: Scene, upstream: CountingMemory, act: Act, after: number): boolean {
  const { memory, next } = calling(upstream);
  const [it, call, isSure] = scene(memory);
  const checks: ((() => void) | void)[] = [];
  let [isReached, hasThrown] = [false, false];
  next(() => {
    isReached = true;
    checks.push(act(it));
  }, after);
  try {
    checks.push(call());
  } catch (error) {
    hasThrown = true;
    if (!(error instanceof OutOfMemoryError)) assertEquals((error as Error).message, "refused");
  }
  if (act === refuse) assertEquals(hasThrown, isReached);
  if (act === full && isSure) assert(!hasThrown);
  next(() => {});
  for (const check of checks) check?.();
  validate(it);
  it.reset();
  assertWhole(it, 3000);
  it.dispose();
  assertEquals(upstream.usedBytes, 0);
  return isReached;
}

for (const [what, scenes, limit] of SCENES) {
  Deno.test(`${what} stays whole where its resource throws or calls back, and may not be disposed of`, () => {
    for (const scene of scenes) {
      for (const act of ACTS) {
        for (const upstreamOf of UPSTREAMS) {
          let after = 0;
          while (plays(scene, countingMemory(upstreamOf(), { limit }), act, after)) after++;
          assert(after > 0);
        }
      }
    }
  });
}

Deno.test("A heap releases as much in trim() and reset() where each release throws, then throws the first error", () => {
  for (const make of HEAPS) {
    for (const upstreamOf of UPSTREAMS) {
      for (const verb of ["trim", "reset"] as const) {
        const [bad, good] = [1, 2].map(() => {
          const { memory, next } = calling(upstreamOf());
          const heap = make(memory);
          const region = heap.allocate(8, 8);
          if (verb === "trim") heap.alloc(40_000); // so that much is kept spare
          const sizes = verb === "trim" ? [6000, 6000, 6000] : Array<number>(40).fill(3000);
          for (const address of sizes.map((size) => heap.alloc(size))) {
            if (verb === "trim") heap.free(address);
            else heap.realloc(address, 8); // so that every extent is in use
          }
          return { heap, region, next };
        });
        let errors = 0;
        bad.next(function fail(): never {
          bad.next(fail);
          throw new Error(`release ${++errors}`);
        });
        assertThrows(() => bad.heap[verb](), Error, "release 1");
        assert(errors > 1);
        bad.next(() => {});
        good.heap[verb]();
        for (const { heap, region } of [bad, good]) heap.release(region); // reset() freed it before
        assertEquals(bad.heap.stats(), good.heap.stats());
        assertWhole(bad.heap, 20_000);
      }
    }
  }
});

Deno.test("FreeListAllocator.trim() returns what it released, whatever its resource allocates meanwhile", () => {
  for (const make of HEAPS) {
    const { memory, next } = calling();
    using heap = make(memory);
    heap.alloc(40_000); // so that much is kept spare
    const { byteLength } = heap.stats();
    heap.free(heap.alloc(8000));
    const spare = heap.stats().byteLength - byteLength;
    next(() => heap.alloc(100_000));
    assertEquals([heap.trim(), spare > 0], [spare, true]);
    assertWhole(heap);
  }
});

Deno.test("A heap appends nothing to an extent that is not ready when its resource calls", () => {
  // Extents lie side by side where `gap` is 0.
  const buffer = new ArrayBuffer(2 ** 26);
  let end = 0, gap = 64;
  const { memory, next } = calling({
    allocate(byteLength, align) {
      const byteOffset = Math.ceil((end + gap) / align) * align;
      end = byteOffset + Math.ceil(byteLength / 8) * 8;
      return { buffer, byteOffset, byteLength };
    },
    release() {},
  });
  using heap = new FreeListAllocator({ byteLength: 65_536, grow: true, memory });
  heap.alloc(65_520);
  const small = Array.from({ length: 40 }, () => heap.alloc(100));
  const large = small.map((address) => heap.realloc(heap.realloc(address, 200), 12_000));
  // Some extents become spare, and the others keep free regions at their ends.
  large.forEach((address, i) => i < 13 ? heap.free(address) : heap.realloc(address, 8));
  heap.alloc(heap.stats().largestFreeBytes);
  const checks: (() => void)[] = [];
  next(() => {
    gap = 0;
    checks.push(filled(heap, 50_000, 7));
  }, 1); // after the call for the new extent: as spare ones are released
  checks.push(filled(heap, 60_000, 6));
  assertEquals(checks.length, 2);
  checks.push(filled(heap, 40_000, 5));
  for (const check of checks) check();
  assertWhole(heap);
});

Deno.test("A heap stays whole where its resource frees what it resizes or would append to", () => {
  for (const make of HEAPS) {
    const { memory, next } = calling();
    using heap = make(memory);
    const address = heap.alloc(4000);
    next(() => heap.free(address));
    assertThrows(() => heap.realloc(address, 8000), InvalidAddressError, "no live allocation");
    validate(heap);

    const regions = new Arena({ blockBytes: 2 ** 20 });
    const adjacent = calling(regions);
    using other = make(adjacent.memory);
    other.alloc(4000);
    regions.alloc(4096); // so that the next extent is one of its own
    const last = other.alloc(4000);
    adjacent.next(() => other.free(last));
    assertWhole(other, 4000);
  }
});
