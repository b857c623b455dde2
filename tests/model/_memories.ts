/**
 * Memory for the model tests: every kind of resource, below a counting one.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import {
  Arena,
  countingMemory,
  FreeListAllocator,
  heapMemory,
  sharedMemory,
  wasmMemory,
} from "../../mod.ts";
import type { CountingMemory, MemoryRegion, MemoryResource } from "../../mod.ts";
import { Ledger } from "../_ledger.ts";
import type { Random } from "../_random.ts";

/** The result of an operation that had no memory. */
export const OUT_OF_MEMORY = "out of memory";

/** The memory of a pool or an allocator. */
export class Source {
  readonly ledger: Ledger;
  /** Whether it may run out. */
  readonly isTight: boolean;
  /** Whether its regions start anywhere, and not only where a buffer does. */
  readonly isSkewed: boolean;
  readonly #wasm: WebAssembly.Memory;
  readonly #upstream: MemoryResource & { readonly usedBytes?: number };
  readonly #counter: CountingMemory;

  constructor(kind: SourceKind) {
    const isWasm = kind === "wasm" || kind === "shared wasm";
    const shared = kind === "shared wasm";
    this.#wasm = new WebAssembly.Memory({ initial: 2, maximum: MAX_PAGES, shared });
    this.isTight = kind === "tight" || isWasm;
    this.isSkewed = !["heap", "tight", "shared"].includes(kind);
    this.#upstream = isWasm ? wasmMemory(this.#wasm, { byteOffset: 13 }) : UPSTREAM[kind]();
    this.#counter = countingMemory(this.#upstream);
    this.ledger = new Ledger(this.#counter);
  }

  /** Sets how many regions may still be had, where memory may run out. */
  limit(random: Random): void {
    if (this.isTight) this.ledger.budget = random.oneIn(3) ? Infinity : random.below(4);
  }

  /** Whether growing detaches what views there are, as it does not of a shared memory. */
  get detaches(): boolean {
    return this.#wasm.buffer instanceof ArrayBuffer;
  }

  /** Grows a wasm memory, as its owner may. Returns false where there is none, or no room. */
  grow(): boolean {
    if (!("usedBytes" in this.#upstream) || this.#wasm.buffer.byteLength === MAX_PAGES * PAGE) {
      return false;
    }
    this.#wasm.grow(1);
    return true;
  }

  /** The most bytes that were given out at a time. */
  get peakBytes(): number {
    return this.#counter.peakBytes;
  }

  /** Asserts that all counts agree, and that no byte outside the regions was written. */
  check(): void {
    const { ledger: { byteLength, lent } } = this;
    const { usedBytes, regions } = this.#counter;
    assertEquals([usedBytes, regions], [byteLength, lent.size]);
    assertEquals(this.#upstream.usedBytes ?? usedBytes, usedBytes);
    if (this.#upstream instanceof Fenced) this.#upstream.check();
  }

  /** Asserts that everything came back. */
  end(): void {
    assertEquals(this.ledger.byteLength, 0);
    this.check();
  }
}

const PAGE = 65_536;
const MAX_PAGES = 40;

/** Where the memory is from, by name; of `tight` memory the heap. */
export const SOURCES = [
  "heap",
  "shared",
  "tight",
  "wasm",
  "shared wasm",
  "arena",
  "free list",
  "fenced",
] as const;
export type SourceKind = typeof SOURCES[number];

const UPSTREAM: Readonly<
  Record<Exclude<SourceKind, "wasm" | "shared wasm">, () => MemoryResource>
> = {
  "heap": () => heapMemory,
  "tight": () => heapMemory,
  "fenced": () => new Fenced(),
  "shared": () => sharedMemory(),
  "arena": () => new Arena({ blockBytes: 4096 }),
  "free list": () => new FreeListAllocator({ byteLength: 4096, grow: true }),
};

const FENCE = 64;
const FENCE_BYTE = 0xfe;

/** Regions inside one buffer, with bytes between them that must not change. */
class Fenced implements MemoryResource {
  readonly #regions = new Map<MemoryRegion, Uint8Array>();
  readonly #bytes = new Uint8Array(1 << 15).fill(FENCE_BYTE);
  #end = FENCE;

  allocate(byteLength: number, align: number): MemoryRegion {
    const byteOffset = Math.ceil(this.#end / align) * align;
    this.#end = byteOffset + byteLength + FENCE;
    // Further regions have buffers of their own, which are not checked.
    if (this.#end > this.#bytes.length) {
      this.#end = byteOffset;
      return { buffer: new ArrayBuffer(byteLength), byteOffset: 0, byteLength };
    }
    const region = { buffer: this.#bytes.buffer, byteOffset, byteLength };
    this.#regions.set(region, this.#bytes.subarray(byteOffset, byteOffset + byteLength).fill(0));
    return region;
  }

  release(region: MemoryRegion): void {
    this.#regions.get(region)?.fill(FENCE_BYTE);
    this.#regions.delete(region);
    if (this.#regions.size === 0) this.#end = FENCE;
  }

  check(): void {
    const outside = this.#bytes.slice();
    for (const { byteOffset, byteLength } of this.#regions.keys()) {
      outside.fill(FENCE_BYTE, byteOffset, byteOffset + byteLength);
    }
    assert(outside.every((byte) => byte === FENCE_BYTE), "a byte outside of all regions changed");
  }
}
