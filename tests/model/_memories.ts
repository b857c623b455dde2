/**
 * Memory for the model tests: every kind of resource, below a counting one.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { Arena, FreeListAllocator, heapMemory, sharedMemory, wasmMemory } from "../../mod.ts";
import type { MemoryRegion, MemoryResource } from "../../mod.ts";
import { Ledger } from "../_ledger.ts";
import type { Random } from "../_random.ts";

/** The result of an operation that had no memory. */
export const OUT_OF_MEMORY = "out of memory";

const PAGE = 65_536;
const MAX_PAGES = 40;

type FixedKind = "heap" | "shared" | "tight" | "arena" | "free list" | "fenced";
export type SourceKind = FixedKind | "wasm" | "shared wasm";

/** Where memory that does not grow is from, by name; of `tight` memory the heap. */
const UPSTREAM: Readonly<Record<FixedKind, () => MemoryResource>> = {
  "heap": () => heapMemory,
  "shared": () => sharedMemory(),
  "tight": () => heapMemory,
  "arena": () => new Arena({ blockBytes: 4096 }),
  "free list": () => new FreeListAllocator({ byteLength: 4096, grow: true }),
  "fenced": () => fenced,
};
export const SOURCES = [...Object.keys(UPSTREAM), "wasm", "shared wasm"] as readonly SourceKind[];

/** The memory of a pool or an allocator. */
export class Source {
  readonly ledger: Ledger;
  /** Whether it may run out. */
  readonly isTight: boolean;
  /** Whether its regions start anywhere, and not only where a buffer does. */
  readonly isSkewed: boolean;
  readonly #wasm: WebAssembly.Memory | undefined;
  readonly #upstream: MemoryResource & { readonly usedBytes?: number };

  constructor(kind: SourceKind) {
    if (kind === "wasm" || kind === "shared wasm") {
      const shared = kind === "shared wasm";
      this.#wasm = new WebAssembly.Memory({ initial: 2, maximum: MAX_PAGES, shared });
      this.#upstream = wasmMemory(this.#wasm, { byteOffset: 13 });
    } else this.#upstream = UPSTREAM[kind]();
    this.isTight = kind === "tight" || this.#wasm !== undefined;
    this.isSkewed = !["heap", "tight", "shared"].includes(kind);
    this.ledger = new Ledger(this.#upstream);
  }

  /** Sets how many regions may still be had, where memory may run out. */
  limit(random: Random): void {
    if (this.isTight) this.ledger.budget = random.oneIn(3) ? Infinity : random.below(4);
  }

  /** Grows a wasm memory, as its owner may. Returns false where there is none, or no room. */
  grow(): boolean {
    const isFull = this.#wasm?.buffer.byteLength === MAX_PAGES * PAGE;
    return !isFull && this.#wasm?.grow(1) !== undefined;
  }

  /** Asserts that the upstream counts the same, and that no byte outside the regions was written. */
  check(): void {
    const { byteLength, lent } = this.ledger;
    assertEquals(this.#upstream.usedBytes ?? byteLength, byteLength);
    if (this.#upstream !== fenced) return;
    for (const it of lent) assert(isFenced(it), "a byte outside of all regions changed");
  }

  /** Asserts that everything came back. */
  end(): void {
    assertEquals(this.ledger.byteLength, 0);
    this.check();
  }
}

const FENCE_BYTES = 64;
const FENCE_BYTE = 0xfe;

/** Regions each in the middle of a buffer of its own, whose other bytes must not change. */
const fenced: MemoryResource = {
  allocate(byteLength, align) {
    const byteOffset = Math.max(FENCE_BYTES, align);
    const bytes = new Uint8Array(byteOffset + byteLength + FENCE_BYTES).fill(FENCE_BYTE);
    return { buffer: bytes.fill(0, byteOffset, -FENCE_BYTES).buffer, byteOffset, byteLength };
  },
  release() {},
};

function isFenced({ buffer, byteOffset, byteLength }: MemoryRegion): boolean {
  const end = byteOffset + byteLength;
  return new Uint8Array(buffer).every((byte, i) =>
    byte === FENCE_BYTE || i >= byteOffset && i < end
  );
}
