/**
 * Memory for the soak: from every kind of resource, and counted.
 *
 * @module
 */
import {
  type CountingMemory,
  countingMemory,
  FreeListAllocator,
  heapMemory,
  type MemoryResource,
  sharedMemory,
  wasmMemory,
} from "../../mod.ts";
import type { Random } from "./_random.ts";

/** Where the memory of an allocator comes from. */
export interface Source {
  /** What the allocator is given. */
  readonly memory: MemoryResource;
  /** Counts what is lent. */
  readonly counter: CountingMemory;
  /** Whether it may run out. */
  readonly isTight: boolean;
  /** Bytes that there are for the first block. */
  readonly firstBytes: number;
  /** Whether a region may start anywhere, and not only where a buffer does. */
  readonly isSkewed: boolean;
  /** Grows the memory under the allocator, as the owner of a wasm memory may; false where nobody can. */
  grow(): boolean;
}

const PAGE = 65_536;
const MAX_PAGES = 40;

/** How to have each kind. */
export const SOURCES: Readonly<Record<string, (random: Random) => Source>> = {
  heap: () => sourceOf(heapMemory, Infinity),
  shared: () => sourceOf(sharedMemory(), Infinity),
  tight: (random) => sourceOf(heapMemory, random.pick([1000, 4000, 12_000, 30_000])),
  wasm: () => {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: MAX_PAGES });
    const grow = () => {
      if (memory.buffer.byteLength === MAX_PAGES * PAGE) return false;
      memory.grow(1);
      return true;
    };
    // A window that starts anywhere, and is as large as the memory: a page does not do for every pool.
    const source = sourceOf(wasmMemory(memory, { byteOffset: 13 }), Infinity);
    return { ...source, isTight: true, firstBytes: PAGE - 16, isSkewed: true, grow };
  },
  lent: () => ({
    ...sourceOf(new FreeListAllocator({ byteLength: 4096, grow: true }), Infinity),
    isSkewed: true,
  }),
};

function sourceOf(upstream: MemoryResource, limit: number): Source {
  const counter = countingMemory(upstream, { limit });
  return {
    memory: counter,
    counter,
    isTight: limit < Infinity,
    firstBytes: limit,
    isSkewed: false,
    grow: () => false,
  };
}
