/** Memory resources that do what few do in the middle of a call: grow, throw, or call back. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  Arena,
  type ByteAllocator,
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
import { Adjacent, calling } from "./_support.ts";
import { growing } from "../_support.ts";

/** Heaps of both kinds of index. */
const HEAPS = (["list", "tree"] as const).map((index) => (memory: MemoryResource) => {
  const fit = index === "list" ? "first" : "best";
  return new FreeListAllocator({ fit, index, byteLength: 4096, grow: true, memory });
});

/** Every allocator that grows. */
const GROWING: readonly ((memory: MemoryResource) => Arena | FreeListAllocator)[] = [
  (memory) => new Arena({ blockBytes: 4096, memory }),
  ...HEAPS,
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

// -- resources that grow their memory, which detaches what they gave before --

Deno.test("Byte allocators go on in a memory that grows while they take a block or move data", () => {
  for (const make of GROWING) {
    const it = make(growing());
    const checks = [1, 2, 3, 4, 5].map((value) => filled(it, 60_000, value));
    for (const check of checks) check();
    validate(it);
  }
  for (const make of HEAPS) {
    const heap = make(growing());
    const address = heap.alloc(65_000);
    heap.bytes(address, 8).fill(7);
    const moved = heap.realloc(address, 130_000);
    assertEquals([...heap.bytes(moved, 8)], Array(8).fill(7));
    validate(heap);
  }
});

// -- resources that throw --

function refuse(): never {
  throw new RangeError("refused");
}

function full(): never {
  throw new OutOfMemoryError("full", 0);
}

/** Makes a call that may throw what the resource throws, and nothing else. */
function mayThrow(call: () => void): void {
  try {
    call();
  } catch (error) {
    assertEquals((error as Error).message, "refused");
  }
}

Deno.test("A heap stays whole where its resource throws in release(), in free() and in alloc()", () => {
  for (const make of HEAPS) {
    for (const upstream of [heapMemory, new Adjacent()]) {
      const { memory, next } = calling(upstream);
      using heap = make(memory);
      const all = [1, 2, 3, 4, 5].map(() => heap.alloc(4000));
      for (const address of all.reverse()) {
        next("release", refuse);
        mayThrow(() => heap.free(address));
      }
      next("release", () => {});
      assertWhole(heap, 20_000);
    }
    const { memory, next } = calling();
    using heap = make(memory);
    for (let i = 0; i < 15; i++) heap.alloc(4000);
    heap.reset();
    next("release", refuse);
    assertThrows(() => heap.alloc(100_000), RangeError, "refused");
    assertWhole(heap, 20_000);
  }
});

Deno.test("A heap releases as much in trim() and reset() where each release throws, then throws the first error", () => {
  for (const make of HEAPS) {
    for (const upstreamOf of [() => heapMemory, () => new Adjacent()]) {
      for (const verb of ["trim", "reset"] as const) {
        const upstream = upstreamOf();
        let errors = NaN; // none yet
        const release = () => {
          if (errors >= 0) throw new Error(`release ${++errors}`);
        };
        const allocate = upstream.allocate.bind(upstream);
        const [bad, good] = [{ allocate, release }, upstreamOf()].map((memory) => {
          const heap = make(memory);
          const region = heap.allocate(8, 8);
          if (verb === "trim") heap.alloc(40_000); // so that much is kept spare
          const sizes = verb === "trim" ? [6000, 6000, 6000] : Array<number>(40).fill(3000);
          for (const address of sizes.map((size) => heap.alloc(size))) {
            if (verb === "trim") heap.free(address);
            else heap.realloc(address, 8); // so that every extent is in use
          }
          return { heap, region };
        });
        errors = 0;
        assertThrows(() => bad.heap[verb](), Error, "release 1");
        assert(errors > 1);
        errors = NaN;
        good.heap[verb]();
        for (const { heap, region } of [bad, good]) heap.release(region); // reset() freed it before
        assertEquals(bad.heap.stats(), good.heap.stats());
        assertWhole(bad.heap, 20_000);
      }
    }
  }
});

Deno.test("An arena stays whole where its resource throws in release(), or allocates there", () => {
  for (const way of ["trim", "reset", "restore"]) {
    for (const isBad of [true, false]) {
      const { memory, next } = calling();
      using arena = new Arena({ blockBytes: 64, memory });
      const saved = snapshotArena(arena);
      for (let i = 0; i < 40; i++) arena.alloc(64);
      if (way === "trim") arena.reset();
      let calls = 0;
      next("release", () => {
        calls++;
        if (isBad) refuse();
        filled(arena, 64, 7)();
      });
      mayThrow(() => {
        if (way === "trim") arena.trim();
        else if (way === "restore") restoreArena(arena, saved);
        else for (let i = 0; i < 1000; i++) arena.reset();
      });
      assertEquals(calls, 1, way);
      assertWhole(arena);
    }
  }
});

/** Fills an allocator, and returns a call that gives spare memory up for more. */
const SPARING: ((memory: MemoryResource) => [Arena | FreeListAllocator, () => unknown])[] = [
  (memory) => {
    const arena = new Arena({ blockBytes: 64, memory });
    for (let i = 0; i < 50; i++) arena.alloc(64);
    for (let i = 0; i < 350; i++) {
      arena.reset();
      arena.alloc(8);
    }
    arena.reset();
    return [arena, () => arena.alloc(100)];
  },
  (memory) => {
    const heap = new FreeListAllocator({ byteLength: 4096, grow: true, memory });
    const all = [1, 2, 3, 4].map(() => heap.alloc(3000));
    heap.free(all[1]);
    return [heap, () => heap.alloc(6000)];
  },
];

Deno.test("Spare memory that is given up for more stays whole where its resource throws, or calls trim()", () => {
  for (const make of SPARING) {
    for (const answers of [[refuse], [full, refuse, refuse], []]) {
      const { memory, next } = calling();
      const [it, grow] = make(memory);
      const answer = ([first, ...others]: readonly (() => void)[]) =>
        next("allocate", () => {
          if (others.length > 0) answer(others);
          first();
        });
      answer(answers.length > 0 ? answers : [() => it.trim()]);
      if (answers.length > 0) assertThrows(grow, RangeError, "refused");
      else grow();
      next("allocate", () => {});
      validate(it);
      it.reset();
      assertWhole(it);
      it.dispose();
      assertEquals(memory.usedBytes, 0);
    }
  }
});

Deno.test("Spare memory that is given up for more stays whole where release() throws or calls back", () => {
  const acts: readonly ((it: Arena | FreeListAllocator) => void)[] = [
    refuse,
    ...[16, 60, 90, 200].map((bytes) => (it: ByteAllocator) => filled(it, bytes, 7)()),
    (it) => {
      if (!(it instanceof Arena)) return;
      const message = 'Cannot restore Arena "arena": its memory resource is being called';
      assertThrows(() => restoreArena(it, snapshotArena(it)), Error, message);
    },
  ];
  for (const make of SPARING) {
    for (const act of acts) {
      const { memory, next } = calling();
      const [it, grow] = make(memory);
      let calls = 0;
      next("allocate", full); // after which a heap gives up its spare memory, too
      next("release", () => {
        calls++;
        act(it);
      });
      mayThrow(grow);
      assertEquals(calls, 1);
      assertWhole(it);
      it.dispose();
    }
  }
});

Deno.test("An arena stays whole where its resource allocates in it while blocks make way for one", () => {
  for (const inner of [16, 1000, 2000]) {
    const { memory, next } = calling();
    using arena = new Arena({ blockBytes: 1024, memory: countingMemory(memory, { limit: 5200 }) });
    arena.alloc(100);
    const mark = arena.mark();
    for (const bytes of [1024, 1024, 1500]) arena.alloc(bytes);
    arena.rewind(mark); // leaves three spare blocks
    let check = () => {};
    next("release", () => check = filled(arena, inner, 7));
    try {
      arena.alloc(4000);
    } catch (error) {
      assert(error instanceof OutOfMemoryError);
    }
    check();
    validate(arena);
    arena.reset();
    assertWhole(arena);
  }
});

// -- resources that call back --

const CALLS: readonly ((arena: Arena) => void)[] = [
  (arena) => filled(arena, 64, 9)(),
  (arena) => filled(arena, 16, 9)(), // in an empty block
  (arena) => arena.reset(),
  (arena) => arena.trim(),
  (arena) => arena.rewind(arena.mark()),
];

Deno.test("An arena stays whole where its resource allocates in it, rewinds it or trims it", () => {
  for (const call of CALLS) {
    for (const blocks of [0, 1, 2, 5]) {
      for (const isEmpty of [false, true]) {
        const { memory, next } = calling();
        using arena = new Arena({ blockBytes: 64, memory });
        for (let i = 0; i < blocks; i++) arena.alloc(64);
        if (isEmpty) arena.reset();
        next("allocate", () => call(arena));
        const check = filled(arena, 100, 7);
        check();
        assertWhole(arena, 64);
        check();
      }
    }
  }
});

Deno.test("An arena stays whole where its resource rewinds it so often that blocks would be released", () => {
  const { memory, next } = calling();
  using arena = new Arena({ blockBytes: 1024, memory: countingMemory(memory, { limit: 31_000 }) });
  arena.alloc(1000);
  const mark = arena.mark();
  arena.alloc(20_000);
  arena.rewind(mark);
  next("release", () => {
    for (let i = 0; i < 1500; i++) {
      arena.rewind(mark);
      arena.alloc(1);
    }
  });
  assertWhole(arena, 29_000); // in the place of the block of 20,000 bytes
});

Deno.test("A resource that calls back may not dispose of the allocator, nor reset a heap, and nothing changes", () => {
  for (const at of ["allocate", "release"] as const) {
    for (const make of GROWING) {
      for (const verb of ["reset", "dispose of"]) {
        const { memory, next } = calling();
        const it = make(memory);
        const isArena = it instanceof Arena;
        if (isArena && verb === "reset") continue; // an arena may be
        for (let i = 0; i < 8; i++) it.alloc(4000);
        it.reset();
        next(at, () => verb === "reset" ? it.reset() : it.dispose());
        const run = () => {
          if (isArena && at === "release") it.trim();
          else for (let i = 0; i < 40; i++) it.alloc(20_000);
        };
        const label = isArena ? 'Arena "arena"' : 'FreeListAllocator "heap"';
        assertThrows(run, Error, `Cannot ${verb} ${label}: its memory resource is being called`);
        assertWhole(it, 20_000);
        it.dispose();
        if (at === "allocate") assertEquals(memory.usedBytes, 0); // else one release threw
      }
    }
  }
});

Deno.test("A heap stays whole where its resource frees what it resizes or would append to", () => {
  for (const make of HEAPS) {
    const { memory, next } = calling();
    using heap = make(memory);
    const address = heap.alloc(4000);
    next("allocate", () => heap.free(address));
    assertThrows(() => heap.realloc(address, 8000), InvalidAddressError, "no live allocation");
    validate(heap);

    const regions = new Adjacent();
    const adjacent = calling(regions);
    using other = make(adjacent.memory);
    other.alloc(4000);
    regions.end += 4096; // so that the next extent is one of its own
    const last = other.alloc(4000);
    adjacent.next("allocate", () => other.free(last));
    assertWhole(other, 4000);
  }
});
