/** Memory resources that do what few do in the middle of a call: grow, throw, or call back. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  Arena,
  type ByteAllocator,
  countingMemory,
  FreeListAllocator,
  type FreeListOptions,
  heapMemory,
  InvalidAddressError,
  restoreArena,
  snapshotArena,
  validate,
} from "../../mod.ts";
import type { MemoryRegion, MemoryResource } from "../../mod.ts";
import { growing } from "../_support.ts";

const PAGE_BYTES = 65_536;

/** A heap of both kinds of index. */
const HEAPS: readonly FreeListOptions[] = [
  { fit: "first", index: "list", grow: true },
  { fit: "best", index: "tree", grow: true },
];

/** Allocates bytes, all of them `value`. */
function filled(it: ByteAllocator, byteLength: number, value: number): () => void {
  const address = it.alloc(byteLength);
  it.bytes(address, byteLength).fill(value);
  return () => assert(it.bytes(address, byteLength).every((byte) => byte === value));
}

// -- resources that grow their memory, which detaches what they gave before --

Deno.test("Byte allocators go on in a memory that grows while they take a block", () => {
  const all = [
    ...HEAPS.map((options) => new FreeListAllocator({ ...options, memory: growing() })),
    new Arena({ memory: growing() }),
  ];
  for (const it of all) {
    const checks = [1, 2, 3, 4, 5].map((value) => filled(it, 60_000, value));
    for (const check of checks) check();
    validate(it);
    it.dispose();
  }
});

Deno.test("FreeListAllocator.realloc() moves into a memory that grows meanwhile", () => {
  for (const options of HEAPS) {
    using heap = new FreeListAllocator({ ...options, byteLength: PAGE_BYTES, memory: growing() });
    const address = heap.alloc(PAGE_BYTES - 64);
    heap.bytes(address, 8).fill(7);
    const moved = heap.realloc(address, 2 * PAGE_BYTES);
    assertEquals([...heap.bytes(moved, 8)], Array(8).fill(7));
    validate(heap);
  }
});

Deno.test("restoreArena() takes blocks in a memory that grows meanwhile, beside blocks that are there", () => {
  const memory = growing();
  using arena = new Arena({ blockBytes: 32_768, memory });
  const checks = [1, 2, 3].map((value) => filled(arena, 30_000, value));
  const saved = snapshotArena(arena);
  arena.reset();
  arena.alloc(8);
  arena.trim();
  using other = new Arena({ blockBytes: 65_536, memory });
  for (let i = 0; i < 3; i++) other.alloc(60_000); // in the place of the blocks that went
  arena.rebind();
  restoreArena(arena, saved);
  assertThrows(() => other.alloc(8), TypeError, "call rebind() first"); // the memory has grown
  validate(arena);
  assertEquals(snapshotArena(arena), saved);
  for (const check of checks) check();
});

// -- resources that throw in release() --

/** A resource that gives regions one behind the other, and throws in `release` while it may not. */
class Stubborn implements MemoryResource {
  readonly buffer: ArrayBuffer = new ArrayBuffer(2 ** 20);
  mayRelease = true;
  #end = 0;

  allocate(byteLength: number): MemoryRegion {
    const byteOffset = this.#end;
    this.#end += byteLength;
    return { buffer: this.buffer, byteOffset, byteLength };
  }

  release(): void {
    if (!this.mayRelease) throw new Error("no release");
  }
}

Deno.test("A heap stays whole where its resource throws in release(), in free() and in alloc()", () => {
  for (const options of HEAPS) {
    const memory = new Stubborn();
    using heap = new FreeListAllocator({ ...options, byteLength: 4096, memory });
    const all = [1, 2, 3, 4, 5].map(() => heap.alloc(4000));
    memory.mayRelease = false;
    for (const address of all.reverse()) assertMayThrow(() => heap.free(address));
    validate(heap);
    memory.mayRelease = true;
    for (let i = 0; i < 10; i++) heap.alloc(4000);
    heap.reset();
    memory.mayRelease = false;
    assertMayThrow(() => heap.alloc(20_000));
    validate(heap);
    memory.mayRelease = true;
    filled(heap, 20_000, 1)();
    validate(heap);
  }
});

function assertMayThrow(call: () => void): void {
  try {
    call();
  } catch (error) {
    assertEquals((error as Error).message, "no release");
  }
}

// -- resources that call back --

/** A resource that makes a call while it allocates or releases, once. */
function calling(at: "allocate" | "release" = "allocate") {
  let call: (() => void) | undefined;
  const callBack = (when: string) => {
    if (when !== at) return;
    const now = call;
    call = undefined;
    now?.();
  };
  const memory = countingMemory({
    allocate(byteLength, align) {
      callBack("allocate");
      return heapMemory.allocate(byteLength, align);
    },
    release(region) {
      heapMemory.release(region);
      callBack("release");
    },
  });
  return { memory, next: (it: () => void) => void (call = it) };
}

const ARENA_CALLS: Record<string, (arena: Arena) => void> = {
  alloc: (arena) => filled(arena, 64, 9)(),
  "alloc in an empty block": (arena) => filled(arena, 16, 9)(),
  reset: (arena) => arena.reset(),
  trim: (arena) => arena.trim(),
  rewind: (arena) => arena.rewind(arena.mark()),
};

for (const [name, callBack] of Object.entries(ARENA_CALLS)) {
  Deno.test(`An arena stays whole where its resource calls ${name}`, () => {
    for (const blocks of [0, 1, 2, 5]) {
      for (const isEmpty of [false, true]) {
        const { memory, next } = calling();
        using arena = new Arena({ blockBytes: 64, memory });
        for (let i = 0; i < blocks; i++) arena.alloc(64);
        if (isEmpty) arena.reset();
        next(() => callBack(arena));
        const check = filled(arena, 100, 7);
        check();
        validate(arena);
        filled(arena, 64, 8)();
        check();
        validate(arena);
      }
    }
  });
}

Deno.test("A resource that calls back may not dispose of the allocator, nor reset a heap, and nothing changes", () => {
  const makers = [
    ...HEAPS.map((options) => (memory: MemoryResource) =>
      new FreeListAllocator({ ...options, byteLength: 4096, memory })
    ),
    (memory: MemoryResource) => new Arena({ blockBytes: 4096, memory }),
  ];
  for (const at of ["allocate", "release"] as const) {
    for (const make of makers) {
      for (const verb of ["reset", "dispose of"]) {
        const { memory, next } = calling(at);
        const it = make(memory);
        if (it instanceof Arena && verb === "reset") continue; // an arena may be
        for (let i = 0; i < 8; i++) it.alloc(4000);
        it.reset();
        next(() => verb === "reset" ? it.reset() : it.dispose());
        const run = () => {
          if (it instanceof Arena && at === "release") it.trim();
          else for (let i = 0; i < 40; i++) it.alloc(20_000);
        };
        const label = it instanceof Arena ? 'Arena "arena"' : 'FreeListAllocator "heap"';
        assertThrows(run, Error, `Cannot ${verb} ${label}: its memory resource is being called`);
        validate(it);
        filled(it, 20_000, 1)();
        it.dispose();
        if (at === "allocate") assertEquals(memory.usedBytes, 0); // else one release threw
      }
    }
  }
});

Deno.test("An arena stays whole where its resource throws in release(), or allocates there", () => {
  for (const way of ["trim", "reset", "restore"]) {
    for (const isBad of [true, false]) {
      const { memory, next } = calling("release");
      using arena = new Arena({ blockBytes: 64, memory });
      const saved = snapshotArena(arena);
      for (let i = 0; i < 40; i++) arena.alloc(64);
      if (way === "trim") arena.reset();
      let calls = 0;
      next(() => {
        calls++;
        if (isBad) throw new Error("no release");
        filled(arena, 64, 7)();
      });
      assertMayThrow(() => {
        if (way === "trim") arena.trim();
        else if (way === "restore") restoreArena(arena, saved);
        else for (let i = 0; i < 1000; i++) arena.reset();
      });
      assertEquals(calls, 1, way);
      validate(arena);
      filled(arena, 100, 1)();
      validate(arena);
    }
  }
});

Deno.test("An arena stays whole where its resource rewinds it so often that blocks would be released", () => {
  const { memory, next } = calling("release");
  using arena = new Arena({ blockBytes: 1024, memory: countingMemory(memory, { limit: 31_000 }) });
  arena.alloc(1000);
  const mark = arena.mark();
  arena.alloc(20_000);
  arena.rewind(mark);
  next(() => {
    for (let i = 0; i < 1500; i++) {
      arena.rewind(mark);
      arena.alloc(1);
    }
  });
  filled(arena, 29_000, 1)(); // in the place of the block of 20,000 bytes
  validate(arena);
});

Deno.test("FreeListAllocator.realloc() throws where the resource frees the allocation meanwhile", () => {
  for (const options of HEAPS) {
    const { memory, next } = calling();
    using heap = new FreeListAllocator({ ...options, byteLength: 4096, memory });
    const address = heap.alloc(4000);
    next(() => heap.free(address));
    assertThrows(() => heap.realloc(address, 8000), InvalidAddressError, "no live allocation");
    validate(heap);
  }
});

Deno.test("A heap stays whole where its resource empties the extent that it would append to", () => {
  for (const options of HEAPS) {
    const buffer = new ArrayBuffer(PAGE_BYTES);
    let end = 0;
    let call: (() => void) | undefined;
    const allocate = (byteLength: number): MemoryRegion => {
      const now = call;
      call = undefined;
      now?.();
      const byteOffset = end;
      end += byteLength;
      return { buffer, byteOffset, byteLength };
    };
    const memory = { allocate, release() {} };
    using heap = new FreeListAllocator({ ...options, byteLength: 4096, memory });
    heap.alloc(4000);
    end += 4096; // so that the next extent is one of its own
    const address = heap.alloc(4000);
    call = () => heap.free(address);
    filled(heap, 4000, 1)();
    validate(heap);
  }
});
