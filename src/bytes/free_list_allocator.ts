/**
 * `FreeListAllocator`: allocations of any size, freed in any order.
 *
 * @module
 */
import { AddressSpace, type Extent } from "./address_space.ts";
import {
  checkByteOptions,
  checkExtentBytes,
  checkSource,
  MAX_EXTENT_BYTES,
  optionError,
} from "./checks.ts";
import { addressOf, HEADER_BYTES, unitOf } from "./chunks.ts";
import type { Fit } from "./free_list.ts";
import { DebugHeap } from "./debug_heap.ts";
import { Heap, heaps } from "./heap.ts";
import { isStart } from "./joining.ts";
import { InnerRegion } from "./regions.ts";
import {
  ByteAllocator,
  type ByteAllocatorOptions,
  type ByteAllocatorStats,
} from "./byte_allocator.ts";
import { OutOfMemoryError } from "../errors.ts";
import { heapMemory, type MemoryRegion, type MemoryResource } from "../memory/resource.ts";
import { showValue } from "../messages/show.ts";
import { noteOwn } from "../slab/own_functions.ts";

export type { Fit } from "./free_list.ts";

/**
 * How free chunks are indexed: a list in address order, or a tree by size.
 *
 * @category Byte allocators
 */
export type FreeIndexKind = "list" | "tree";

/**
 * Options of a {@linkcode FreeListAllocator}; each may be left out.
 *
 * @category Byte allocators
 */
export interface FreeListOptions extends ByteAllocatorOptions {
  /**
   * Bytes taken from the resource at first, and the fewest each time that it grows, 64 to 2^30.
   * @default {2^20}
   */
  readonly byteLength?: number | undefined;
  /** Which of the free chunks with room an allocation gets. @default {"best"} */
  readonly fit?: Fit | undefined;
  /** `"tree"` only with `fit: "best"`. @default {"tree" for the best fit, else "list"} */
  readonly index?: FreeIndexKind | undefined;
  /**
   * Whether to take more memory from the resource when there is no room, and to release what is no
   * longer used. The first memory stays. @default {false}
   */
  readonly grow?: boolean | undefined;
}

/**
 * Statistics of a heap. `byteLength` is `usedBytes + freeBytes + overheadBytes`.
 *
 * @category Byte allocators
 */
export interface FreeListStats extends ByteAllocatorStats {
  /** Bytes that live allocations asked for. */
  usedBytes: number;
  /** The most that `usedBytes` was. */
  peakBytes: number;
  /** Bytes of the payloads that all free chunks have room for. */
  freeBytes: number;
  /** Bytes of the largest allocation that has room now, without growing. */
  largestFreeBytes: number;
  /** Free chunks. */
  freeChunks: number;
  /**
   * Share of the free bytes that is not in the largest chunk: 1 − largest ÷ free, or 0 if nothing
   * is free.
   */
  fragmentation: number;
  /** All other bytes: headers, rounding to 8, spare room of growing buffers, ends of extents. */
  overheadBytes: number;
  /** Live allocations. */
  allocations: number;
}

const FITS: readonly Fit[] = ["first", "next", "best", "worst"];

/**
 * Allocations of any size, freed in any order.
 *
 * Use it for data without a common size: strings, meshes, blocks for pools. If there are few sizes,
 * a `Pool` for each is faster and never fragments; if everything is freed at once, use an `Arena`.
 *
 * `alloc` and `free` take O(log n) of n free chunks with the tree, which is the default. With a
 * list `alloc` takes O(n), and `free` O(1) near the last change and O(n) elsewhere: use it to study
 * the other fits, or for heaps of few chunks. Free neighbours are joined in O(1).
 *
 * An allocation costs 8 bytes for its header. Its size is rounded up to 8, to at least 16 with the
 * tree and 8 with a list. A bitmap with a bit for each 8 bytes tracks where allocations start, so
 * that no other address is accepted.
 *
 * With `grow` the memory follows what is live. It comes in extents that get larger as the heap
 * does, and an allocation larger than `byteLength` gets an extent of its own. Empty extents are
 * released, except for spare ones: up to `byteLength`, up to half of what is live, or as many bytes
 * as were soon taken again the last time. `trim` releases those too. Addresses are reused, the
 * oldest first, so that a heap can run forever. A buffer that `realloc` makes larger again and
 * again moves O(log n) times, and takes less than four times its bytes, even while it moves. Memory
 * right behind an extent, which `wasmMemory` may allocate, extends it.
 *
 * The index is stored in the free chunks themselves: writing through a view or an array after
 * `free` corrupts it.
 *
 * It is a memory resource too: pools can allocate their blocks in it, and release them.
 *
 * @category Byte allocators
 * @example Usage
 * ```ts
 * import { FreeListAllocator, InvalidAddressError } from "@slabs/pool";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * using heap = new FreeListAllocator({ byteLength: 1 << 16, grow: true });
 * const a = heap.alloc(100);
 * heap.bytes(a, 100).fill(7);
 * const b = heap.realloc(a, 200);
 * assertEquals(heap.sizeOf(b), 200);
 * assertEquals(heap.bytes(b, 200)[99], 7);
 * heap.free(b);
 * assertThrows(() => heap.free(b), InvalidAddressError);
 * ```
 */
export class FreeListAllocator extends ByteAllocator implements MemoryResource {
  private readonly _heap: Heap;
  private readonly _grow: boolean;
  /** The allocated regions, each with the epoch in which it was allocated. */
  private readonly _regions: WeakMap<MemoryRegion, number> = new WeakMap();
  /** Counts resets, each of which frees every region. */
  private _epoch = 0;

  /**
   * Creates a heap, and takes its first memory from the resource.
   *
   * @param options See {@linkcode FreeListOptions}.
   * @throws {RangeError} when `byteLength` is out of its range.
   * @throws {TypeError} when an option is unknown or has the wrong type, or `index` does not
   * support `fit`.
   * @throws {OutOfMemoryError} when the resource does not have that much memory.
   */
  constructor(options: FreeListOptions = {}) {
    noteOwn(FreeListAllocator.prototype); // before the memory resource is called
    checkByteOptions("FreeListAllocator", "heap", options, {
      byteLength: true,
      fit: true,
      index: true,
      grow: true,
    });
    const { name = "heap", memory = heapMemory, byteLength = 2 ** 20, grow = false } = options;
    const { debug, fit = "best", index = fit === "best" ? "tree" : "list" } = options;
    const label = checkSource("FreeListAllocator", name, memory, debug);
    checkExtentBytes(label, "byteLength", byteLength);
    checkKinds(label, fit, index);
    if (typeof grow !== "boolean") throw optionError(label, "grow", "a boolean", grow);
    const mode = debug || undefined;
    const keeper = mode?.keeperFor(label, name);
    const space = new AddressSpace(label, memory, byteLength, true, keeper);
    super(name, space, mode);
    this._grow = grow;
    const isTree = index === "tree";
    this._heap = debug ? new DebugHeap(space, fit, isTree, debug) : new Heap(space, fit, isTree);
    this._heap.start(byteLength);
    heaps.set(this, this._heap);
    this._traceCalls(FreeListAllocator.prototype);
  }

  // -- allocating --

  /**
   * Allocates zeroed bytes: in O(log n) of n free chunks with the tree and an alignment up to 8,
   * else in O(n), plus the zeroing.
   *
   * @param byteLength Bytes, a positive integer.
   * @param align Power of two up to 4096 that the address is a multiple of; less than 8 counts as
   * 8.
   * @returns Their address.
   * @throws {RangeError} when `byteLength` is no positive integer, or `align` no such power of two.
   * @throws {OutOfMemoryError} when no free chunk has room and the heap cannot grow.
   * @throws {DisposedError} after `dispose`.
   */
  override alloc(byteLength: number, align: number = 8): number {
    this._checkRequest("alloc", byteLength, align);
    return addressOf(this._allocate("alloc", byteLength, align));
  }

  /**
   * Frees an allocation and joins it with free neighbours: in O(log n) of n free chunks with the
   * tree, and with a list in O(n), but O(1) near the last change.
   *
   * @param address Its address.
   * @throws {InvalidAddressError} when no live allocation starts there, as after a first `free`.
   * @throws {DisposedError} after `dispose`.
   */
  free(address: number): void {
    this._heap.free(this._unitOf("free", address));
  }

  /**
   * Resizes an allocation: in place if it shrinks or has room after it, else by moving its bytes.
   * The bytes that it gains are zeroed. In place it takes as long as `free`, else as long as
   * `alloc` plus the copy.
   *
   * From the second time that an allocation is made larger, it gets room for half as much again, if
   * there is any, so that appending n bytes one by one takes O(n). Shrinking frees that room
   * for others, but a large allocation keeps its memory mapped as long as a byte of it is live: to
   * give that back, allocate anew, copy, and `free`.
   *
   * @param address Its address.
   * @param byteLength New size in bytes, a positive integer.
   * @param align Power of two up to 4096 that its address is to be a multiple of from now on; by
   * default its alignment so far.
   * @returns Its new address; if it moved, the old one is invalid.
   * @throws {InvalidAddressError} when no live allocation starts there.
   * @throws {RangeError} when `byteLength` is no positive integer, or `align` no such power of two.
   * @throws {OutOfMemoryError} when there is no room; the allocation is unchanged then.
   * @throws {Error} what the resource throws as it takes memory back; the allocation has moved
   * then, and its new address is lost until `reset`.
   * @throws {DisposedError} after `dispose`.
   *
   * @example Usage
   * ```ts
   * import { FreeListAllocator } from "@slabs/pool";
   * import { assertEquals } from "@std/assert";
   *
   * using heap = new FreeListAllocator();
   * const a = heap.alloc(16);
   * assertEquals(heap.realloc(a, 1000), a); // nothing came after it
   * heap.alloc(16);
   * const b = heap.realloc(a, 2000);
   * assertEquals(b === a, false);
   * ```
   */
  realloc(address: number, byteLength: number, align?: number): number {
    this._checkRequest("realloc", byteLength, align ?? 8);
    const unit = this._unitOf("realloc", address);
    const heap = this._heap;
    const kept = align ?? heap.chunks.alignOf(unit);
    if (byteLength > MAX_EXTENT_BYTES) throw this._fullError("realloc", byteLength);
    if ((address & kept - 1) === 0 && heap.resize(unit, byteLength, kept)) return address;
    return addressOf(this._move(unit, byteLength, kept));
  }

  /**
   * Returns the size of an allocation, in O(1).
   *
   * @param address Address of a live allocation.
   * @returns Bytes that were asked for.
   * @throws {InvalidAddressError} when no live allocation starts there.
   * @throws {DisposedError} after `dispose`.
   */
  sizeOf(address: number): number {
    return this._heap.chunks.askedOf(this._unitOf("sizeOf", address));
  }

  // -- memory --

  /**
   * Frees all allocations, in O(bytes / 256). Views and arrays from before are invalid. Memory is
   * kept up to four times what was live at a recent reset, plus the first memory.
   *
   * @throws {Error} when its memory resource calls it back.
   * @throws {DisposedError} after `dispose`.
   */
  override reset(): void {
    this._checkAlive();
    this._checkIdle("reset");
    this._checkAttached("reset");
    this._epoch++; // first, since the resource may throw
    this._heap.reset();
  }

  /**
   * Releases the memory that the heap took to grow and in which nothing is live, in O(extents).
   *
   * @returns Bytes released.
   * @throws {DisposedError} after `dispose`.
   *
   * @example Usage
   * ```ts
   * import { FreeListAllocator } from "@slabs/pool";
   * import { assertEquals } from "@std/assert";
   *
   * using heap = new FreeListAllocator({ byteLength: 4096, grow: true });
   * heap.alloc(3000);
   * heap.free(heap.alloc(3000));
   * assertEquals(heap.stats().byteLength, 8192); // one extent is spare
   * assertEquals(heap.trim(), 4096);
   * ```
   */
  trim(): number {
    this._checkAlive();
    this._checkAttached("trim");
    return this._heap.trim();
  }

  /**
   * Returns statistics of the heap, in O(log n) of n free chunks with the tree, else in O(n).
   *
   * @param out An object to fill instead of a new one.
   * @returns `out`, or a new object.
   * @throws {DisposedError} after `dispose`.
   */
  override stats(out: Partial<FreeListStats> = {}): FreeListStats {
    this._checkAlive();
    this._checkAttached("stats");
    const { usedBytes, peakBytes, freeChunks, freeChunkBytes, allocations } = this._heap;
    const freeBytes = freeChunkBytes - freeChunks * HEADER_BYTES;
    const largest = this._largestFree();
    out.byteLength = this._space.byteLength;
    out.usedBytes = usedBytes;
    out.peakBytes = peakBytes;
    out.freeBytes = freeBytes;
    out.largestFreeBytes = largest;
    out.freeChunks = freeChunks;
    out.fragmentation = freeBytes === 0 ? 0 : 1 - largest / freeBytes;
    out.overheadBytes = out.byteLength - usedBytes - freeBytes;
    out.allocations = allocations;
    return out as FreeListStats; // every member was set above
  }

  /**
   * Releases all memory. Any later call but `release` throws {@linkcode DisposedError}; disposing
   * twice is harmless.
   *
   * @throws {LeakError} in debug mode, when something was live, after the memory was released.
   */
  override dispose(): void {
    super.dispose();
    this._heap.checkLeaks(this.name);
  }

  // -- as a memory resource --

  /**
   * Allocates a region, as `alloc` does.
   *
   * @param byteLength Bytes, a positive integer.
   * @param align Power of two up to 4096 that `byteOffset` is a multiple of.
   * @returns A region of that many zeroed bytes. Its `buffer` follows a wasm memory that grows.
   * @throws {RangeError} when `byteLength` is no positive integer, or `align` no such power of two.
   * @throws {OutOfMemoryError} when there is no room.
   * @throws {DisposedError} after `dispose`.
   *
   * @example Usage
   * ```ts
   * import { FreeListAllocator, Pool } from "@slabs/pool";
   * import { assertEquals } from "@std/assert";
   *
   * using heap = new FreeListAllocator();
   * {
   *   using pool = new Pool({ hp: "u32" }, { chunksPerBlock: 256, memory: heap });
   *   pool.alloc({ hp: 7 });
   *   assertEquals(heap.stats().usedBytes, 1024);
   * }
   * assertEquals(heap.stats().usedBytes, 0);
   * ```
   */
  allocate(byteLength: number, align: number): MemoryRegion {
    this._checkRequest("allocate", byteLength, align);
    const unit = this._allocate("allocate", byteLength, align);
    const region = new InnerRegion(this._heap.chunks.extentOf(unit), addressOf(unit), byteLength);
    this._regions.set(region, this._epoch);
    return region;
  }

  /**
   * Frees a region, unless a `reset` or `dispose` did so already. Where the memory has grown, it
   * does {@linkcode rebind} first: a pool that was rebound can give its blocks back.
   *
   * @param region What {@linkcode allocate} returned, not released before.
   * @throws {InvalidAddressError} when it is no such region.
   */
  release(region: MemoryRegion): void {
    const epoch = this._regions.get(region);
    if (epoch === undefined) throw this._regionError(region);
    if (epoch === this._epoch && !this._isDisposed) {
      if (this._space.isDetached) this.rebind();
      this.free((region as InnerRegion).address); // the cast holds, as `allocate` adds no others
    }
    this._regions.delete(region);
  }

  // -- inside --

  /** Allocates a chunk, from more memory if need be. The arguments were checked. */
  private _allocate(verb: string, byteLength: number, align: number): number {
    if (byteLength > MAX_EXTENT_BYTES) throw this._fullError(verb, byteLength);
    const unit = this._heap.allocate(byteLength, align);
    if (unit !== 0) return unit;
    if (!this._grow) throw this._fullError(verb, byteLength);
    const bytes = this._heap.chunkBytes(byteLength);
    this._heap.grow(bytes, bytes, align, 0);
    return this._heap.allocate(byteLength, align);
  }

  /** Moves an allocation, or throws and leaves it as it was. */
  private _move(unit: number, byteLength: number, align: number): number {
    const heap = this._heap;
    const { chunks } = heap;
    const before = chunks.askedOf(unit);
    const moved = this._allocateFor(unit, byteLength, align);
    if (moved === unit) return unit;
    const from = chunks.extentOf(unit);
    const to = chunks.extentOf(moved);
    const start = addressOf(unit) - from.base;
    const end = start + Math.min(before, byteLength);
    to.u8.set(from.u8.subarray(start, end), addressOf(moved) - to.base);
    if (byteLength > before) chunks.markGrown(moved);
    heap.free(unit);
    return moved;
  }

  /** Allocates the chunk that an allocation moves to; `unit` itself if the heap grew behind it. */
  private _allocateFor(unit: number, byteLength: number, align: number): number {
    const heap = this._heap;
    const { chunks } = heap;
    const least = heap.chunkBytes(byteLength);
    const isBuffer = chunks.hasGrown(unit) && byteLength > chunks.askedOf(unit);
    const bytes = isBuffer ? heap.roomyBytes(least, align) : least;
    const found = heap.allocate(byteLength, align, bytes) ||
      (bytes > least ? heap.allocate(byteLength, align, least) : 0);
    if (found !== 0) return found;
    if (!this._grow) throw this._fullError("realloc", byteLength);
    const isAligned = (addressOf(unit) & align - 1) === 0;
    heap.grow(bytes, least, align, isAligned ? unit : 0);
    this._unitOf("realloc", addressOf(unit)); // the resource may have freed it
    if (isAligned && heap.resize(unit, byteLength, align)) return unit;
    return heap.allocate(byteLength, align, bytes) || heap.allocate(byteLength, align, least);
  }

  /** The chunk of an address where an allocation starts. */
  private _unitOf(verb: string, address: number): number {
    this._checkNumber(verb, address);
    const extent = this._space.find(address);
    const unit = unitOf(address);
    if ((address & 7) === 0 && isStart(extent, unit - extent.firstUnit)) {
      this._checkAttached(verb);
      return unit;
    }
    this._checkAlive();
    throw this._addressError(verb, address, "is not in use, no live allocation starts there");
  }

  /**
   * Finds the extent of a range of bytes, which must start with an allocation and end within it.
   *
   * @ignore
   */
  protected override _check(
    verb: string,
    address: number,
    byteLength: number,
    _align: number, // at most 8, as every payload is aligned to 8
  ): Extent {
    const unit = this._unitOf(verb, address);
    const held = this._heap.chunks.askedOf(unit);
    if (byteLength <= held) return this._heap.chunks.extentOf(unit);
    throw this._addressError(verb, address, `holds ${held} bytes, fewer than ${byteLength}`);
  }

  /** Bytes of the largest allocation that has room. */
  private _largestFree(): number {
    const largest = this._heap.index.largest();
    return largest === 0 ? 0 : this._heap.chunks.sizeOf(largest) - HEADER_BYTES;
  }

  /** The error when no free chunk has room. */
  private _fullError(verb: string, byteLength: number): OutOfMemoryError {
    const { label, byteLength: all } = this._space;
    return new OutOfMemoryError(
      `Cannot ${verb} in ${label}: no free chunk has room for ${byteLength} bytes, the largest holds ` +
        `${this._largestFree()}; ${this._heap.usedBytes} of ${all} bytes are in use`,
      byteLength,
    );
  }
}

function checkKinds(label: string, fit: Fit, index: FreeIndexKind): void {
  if (!FITS.includes(fit)) {
    throw optionError(label, "fit", '"first", "next", "best" or "worst"', fit);
  }
  if (index !== "list" && index !== "tree") {
    throw optionError(label, "index", '"list" or "tree"', index);
  }
  if (index === "tree" && fit !== "best") {
    throw new TypeError(
      `Cannot create ${label}: index must be "list" for fit ${
        showValue(fit)
      }, got "tree", which finds the best alone`,
    );
  }
}
