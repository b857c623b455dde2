/**
 * `FreeListAllocator`: memory of any size, taken and given back in any order.
 *
 * @module
 */
import { AddressSpace, type Extent, UNIT_SHIFT } from "./address_space.ts";
import {
  checkByteOptions,
  checkExtentBytes,
  checkSource,
  MAX_EXTENT_BYTES,
  optionError,
} from "./checks.ts";
import { addressOf, HEADER_BYTES } from "./chunks.ts";
import type { Fit } from "./free_list.ts";
import { DebugHeap } from "./heap_debug.ts";
import { Heap, heaps } from "./heap.ts";
import { LentRegion } from "./lent_region.ts";
import {
  ByteAllocator,
  type ByteAllocatorOptions,
  type ByteAllocatorStats,
} from "./byte_allocator.ts";
import { InvalidAddressError, OutOfMemoryError } from "../errors.ts";
import { heapMemory, type MemoryRegion, type MemoryResource } from "../memory/resource.ts";
import { showValue } from "../messages/show.ts";
import { noteOwn } from "../slab/call_stack.ts";

export type { Fit } from "./free_list.ts";

/** How free chunks are kept: a list in address order, or a tree by size. */
export type FreeIndexKind = "list" | "tree";

/** Options of a heap; every one may be left out. */
export interface FreeListOptions extends ByteAllocatorOptions {
  /** Bytes taken from the resource at first, and at the least each time that it grows, 64 to 2^30. @default {2^20} */
  readonly byteLength?: number;
  /** Which of the free chunks with room a request gets. @default {"best"} */
  readonly fit?: Fit;
  /** `"tree"` goes with `"best"` alone. @default {"tree" for the best fit, else "list"} */
  readonly index?: FreeIndexKind;
  /**
   * Whether it takes more from the resource where there is no room, and gives back what it has no use for any more. The first
   * memory stays. @default {false}
   */
  readonly grow?: boolean;
}

/** The figures of a heap. `byteLength` is `usedBytes`, `freeBytes` and `overheadBytes` together. */
export interface FreeListStats extends ByteAllocatorStats {
  /** Bytes that were asked for, of what is live. */
  usedBytes: number;
  /** The most that `usedBytes` was. */
  peakBytes: number;
  /** Bytes that could be asked for of the free chunks, all together. */
  freeBytes: number;
  /** Bytes that could be asked for at once, as things are. */
  largestFreeBytes: number;
  /** Free chunks. */
  freeChunks: number;
  /** Share of the free bytes that is not in the largest chunk: 1 − largest ÷ free, and 0 where nothing is free. */
  fragmentation: number;
  /** Bytes lost inside: the headers of chunks, what rounds them up to 8, the room of buffers that grow, and the ends of extents. */
  overheadBytes: number;
  /** Allocations that are live. */
  allocations: number;
}

const FITS: readonly Fit[] = ["first", "next", "best", "worst"];

/**
 * Memory of any size, taken and given back in any order.
 *
 * Use it for what has no common size: strings, meshes, blocks for pools. Where sizes are few, a `Pool` for each is
 * faster and never fragments; where all goes at once, an `Arena` is.
 *
 * `alloc` and `free` take O(log n) of n free chunks with the tree, which is the default. With a list `free` takes O(1) next
 * to the chunk that was freed or taken before, and O(n) elsewhere, and `alloc` is O(n): it is for a look at the other ways to
 * fit, and for heaps of few chunks. Freed neighbours join, in O(1).
 *
 * An allocation costs 8 bytes for its header, and its size is rounded up to 8, and to 16 with the tree (8 with a list)
 * at the least. Beside the memory a bit for each 8 bytes is kept, so that no address is taken for an allocation
 * that is none.
 *
 * With `grow` the memory follows what is live. It comes in extents that are larger the more there are, and what is larger
 * than `byteLength` gets one of its own. An empty extent goes back, but for a few to spare: as many bytes as `byteLength`, as
 * half of what is live, or as were taken again the last time. `trim` gives those back too. Addresses are used again as well,
 * the oldest first, so that a heap can run for ever. A buffer that `realloc` makes larger time and again moves O(log n) times,
 * and takes less than four times its bytes, also while it moves. Memory that lies right behind an extent, as
 * `wasmMemory` may lend it, makes that longer.
 *
 * A free chunk holds the index in its own bytes: what writes through a view or an array after `free` breaks it.
 *
 * It is a memory resource as well: pools can live in one, and give their blocks back to it.
 *
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
  /** The regions that were lent and not released, each with the epoch of that moment. */
  private readonly _lent: WeakMap<MemoryRegion, number> = new WeakMap();
  /** Counts resets, each of which takes every region back. */
  private _epoch = 0;

  /**
   * Creates a heap and takes its first memory.
   *
   * @param options See {@linkcode FreeListOptions}.
   * @throws {RangeError} when `byteLength` is out of its range.
   * @throws {TypeError} when an option is unknown or has the wrong type, or `index` does not go with `fit`.
   * @throws {OutOfMemoryError} when the resource has not so much memory.
   */
  constructor(options: FreeListOptions = {}) {
    checkByteOptions("FreeListAllocator", "heap", options, {
      byteLength: true,
      fit: true,
      index: true,
      grow: true,
    });
    const { name = "heap", memory = heapMemory, byteLength = 2 ** 20, grow = false } = options;
    const { debug = false } = options;
    const { fit = "best", index = fit === "best" ? "tree" : "list" } = options;
    const label = checkSource("FreeListAllocator", name, memory, debug);
    checkExtentBytes(label, "byteLength", byteLength);
    checkKinds(label, fit, index);
    if (typeof grow !== "boolean") throw optionError(label, "grow", "a boolean", grow);
    const space = new AddressSpace(label, memory, byteLength, true, debug ? name : undefined);
    super(name, space);
    this._grow = grow;
    this._heap = new (debug ? DebugHeap : Heap)(space, fit, index === "tree");
    this._heap.start(byteLength);
    heaps.set(this, this._heap);
    if (debug) this._traceCalls(FreeListAllocator.prototype);
  }

  // -- allocating --

  /**
   * Allocates bytes, zeroed; in O(log n) of n free chunks with the tree and an alignment up to 8, else in O(n), beside
   * the zeroing.
   *
   * @param byteLength Bytes, a positive integer.
   * @param align Power of two up to 4096 that the address is a multiple of; less than 8 counts as 8.
   * @returns Their address.
   * @throws {RangeError} when `byteLength` is no positive integer, or `align` no such power of two.
   * @throws {OutOfMemoryError} when no free chunk has room and it may not grow, or the resource has no more.
   * @throws {DisposedError} after `dispose`.
   */
  override alloc(byteLength: number, align: number = 8): number {
    this._checkRequest("alloc", byteLength, align);
    return addressOf(this._take("alloc", byteLength, align));
  }

  /**
   * Frees an allocation and joins it with free neighbours: in O(log n) of n free chunks with the tree; with a list in
   * O(n), but in O(1) where a neighbour is free.
   *
   * @param address Its address.
   * @throws {InvalidAddressError} when no live allocation starts there; so for a second `free`.
   * @throws {DisposedError} after `dispose`.
   */
  free(address: number): void {
    const unit = this._unitOf("free", address);
    this._heap.give(unit);
  }

  /**
   * Makes an allocation larger or smaller: where it is if it shrinks or there is room after it, else by moving its bytes
   * elsewhere. What it gains is zeroed. In place it takes as long as `free` does, else as `alloc` and a copy.
   *
   * It stays aligned as it was. What is made larger for the second time gets room for half as much again, where there is
   * so much, so that appending n bytes one by one takes O(n); making it smaller gives the room back.
   *
   * @param address Its address.
   * @param byteLength Bytes it is to have, a positive integer.
   * @param align Power of two up to 4096 that its address is to be a multiple of from now on; as before unless told.
   * @returns Its address from now on; the old one is invalid if that is another.
   * @throws {InvalidAddressError} when no live allocation starts there.
   * @throws {RangeError} when `byteLength` is no positive integer, or `align` no such power of two.
   * @throws {OutOfMemoryError} when there is no room; the allocation is as it was then.
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
   * Tells how many bytes an address holds, in O(1).
   *
   * @param address Address of a live allocation.
   * @returns The bytes that were asked for.
   * @throws {InvalidAddressError} when no live allocation starts there.
   * @throws {DisposedError} after `dispose`.
   */
  sizeOf(address: number): number {
    return this._heap.chunks.askedOf(this._unitOf("tell a size", address));
  }

  // -- memory --

  /**
   * Frees everything, in O(bytes / 256). Views and arrays from before are invalid. The memory is kept, as far as it is no
   * more than four times what was live at a reset of late, and the first of it.
   *
   * @throws {DisposedError} after `dispose`.
   */
  override reset(): void {
    this._checkAlive();
    this._checkAttached("reset");
    this._heap.reset();
    this._epoch++;
  }

  /**
   * Gives back the memory that it grew by, as far as nothing is live in it, in O(extents): what is kept to spare.
   *
   * @returns Bytes given back.
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
   * assertEquals(heap.stats().byteLength, 8192); // one extent is kept to spare
   * assertEquals(heap.trim(), 4096);
   * ```
   */
  trim(): number {
    this._checkAlive();
    this._checkAttached("trim");
    const before = this._space.byteLength;
    this._heap.trim();
    return before - this._space.byteLength;
  }

  /**
   * Tells the figures of the heap, in O(log n) of n free chunks with the tree, else in O(n).
   *
   * @param out An object to fill instead of a new one.
   * @returns `out`, or a new object.
   * @throws {DisposedError} after `dispose`.
   */
  override stats(out: Partial<FreeListStats> = {}): FreeListStats {
    this._checkAlive();
    this._checkAttached("tell figures");
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
    return out as FreeListStats; // every member was just set
  }

  /**
   * Gives all memory back. Any later call throws {@linkcode DisposedError}, but `release`; disposing twice is harmless.
   *
   * @throws {LeakError} in debug mode, when something was live, after the memory was given back.
   */
  override dispose(): void {
    super.dispose();
    this._heap.close(this.name);
  }

  // -- as a memory resource --

  /**
   * Lends memory, as `alloc` does.
   *
   * @param byteLength Bytes wanted, a positive integer.
   * @param align Power of two up to 4096 that `byteOffset` is a multiple of.
   * @returns A region of so many zeroed bytes. It follows the buffer that it is in where that is replaced.
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
    const unit = this._take("allocate", byteLength, align);
    const region = new LentRegion(this._heap.chunks.extentOf(unit), addressOf(unit), byteLength);
    this._lent.set(region, this._epoch);
    return region;
  }

  /**
   * Takes a region back, as `free` does. One from before a `reset` or a `dispose` came back then.
   *
   * @param region What {@linkcode allocate} returned, not released before.
   * @throws {InvalidAddressError} when it is no such region.
   */
  release(region: MemoryRegion): void {
    const epoch = this._lent.get(region);
    if (epoch === undefined) throw this._regionError(region);
    // Only regions of this allocator's making are lent.
    if (epoch === this._epoch && !this._isDisposed) this.free((region as LentRegion).address);
    this._lent.delete(region);
  }

  // -- inside --

  /** Takes a chunk for checked bytes, from more memory if need be. */
  private _take(verb: string, byteLength: number, align: number): number {
    if (byteLength > MAX_EXTENT_BYTES) throw this._fullError(verb, byteLength);
    const unit = this._heap.take(byteLength, align);
    if (unit !== 0) return unit;
    if (!this._grow) throw this._fullError(verb, byteLength);
    const bytes = this._heap.chunkBytes(byteLength);
    this._heap.grow(bytes, bytes, align, 0);
    return this._heap.take(byteLength, align);
  }

  /** Moves an allocation, or throws and leaves it. */
  private _move(unit: number, byteLength: number, align: number): number {
    const heap = this._heap;
    const { chunks } = heap;
    const before = chunks.askedOf(unit);
    const moved = this._takeFor(unit, byteLength, align);
    if (moved === unit) return unit;
    const from = chunks.extentOf(unit);
    const to = chunks.extentOf(moved);
    const start = addressOf(unit) - from.base;
    const end = start + Math.min(before, byteLength);
    to.u8.set(from.u8.subarray(start, end), addressOf(moved) - to.base);
    if (byteLength > before) chunks.markGrown(moved);
    heap.give(unit);
    return moved;
  }

  /** Takes a chunk that an allocation is to move to; itself where it was given more room. */
  private _takeFor(unit: number, byteLength: number, align: number): number {
    const heap = this._heap;
    const { chunks } = heap;
    const least = heap.chunkBytes(byteLength);
    const isBuffer = chunks.hasGrown(unit) && byteLength > chunks.askedOf(unit);
    const bytes = isBuffer ? heap.roomyBytes(least, align) : least;
    const found = heap.take(byteLength, align, bytes) ||
      (bytes > least ? heap.take(byteLength, align, least) : 0);
    if (found !== 0) return found;
    if (!this._grow) throw this._fullError("realloc", byteLength);
    const isAligned = (addressOf(unit) & align - 1) === 0;
    heap.grow(bytes, least, align, isAligned ? unit : 0);
    if (isAligned && heap.resize(unit, byteLength, align)) return unit;
    return heap.take(byteLength, align, bytes) || heap.take(byteLength, align, least);
  }

  /** The chunk of an address where an allocation starts. */
  private _unitOf(verb: string, address: number): number {
    const extent = this._space.find(address);
    const unit = (address >>> UNIT_SHIFT) - 1; // its header is right before
    if ((address & 7) === 0 && extent.isStart(unit - extent.firstUnit)) {
      this._checkAttached(verb);
      return unit;
    }
    this._checkAlive();
    throw this._addressError(verb, address, "is not in use, no live allocation starts there");
  }

  /**
   * Finds the memory of a range of bytes: one that starts with an allocation, and ends within it.
   *
   * @internal
   */
  protected override _check(
    verb: string,
    address: number,
    byteLength: number,
    _align: number, // at most 8, which every payload is aligned to
  ): Extent {
    const unit = this._unitOf(verb, address);
    const held = this._heap.chunks.askedOf(unit);
    if (byteLength <= held) return this._heap.chunks.extentOf(unit);
    throw this._addressError(verb, address, `holds ${held} bytes, fewer than ${byteLength}`);
  }

  /** Bytes that could be asked for at once. */
  private _largestFree(): number {
    const largest = this._heap.index.largest();
    return largest === 0 ? 0 : this._heap.chunks.sizeOf(largest) - HEADER_BYTES;
  }

  /** The error for a request that nothing has room for. */
  private _fullError(verb: string, byteLength: number): OutOfMemoryError {
    const { label, byteLength: all } = this._space;
    return new OutOfMemoryError(
      `Cannot ${verb} in ${label}: no free chunk has room for ${byteLength} bytes, the largest holds ` +
        `${this._largestFree()}; ${this._heap.usedBytes} of ${all} bytes are in use`,
      byteLength,
    );
  }

  /** The error for a region that is not lent. */
  private _regionError(region: MemoryRegion): InvalidAddressError {
    return new InvalidAddressError(
      `Cannot release in ${this._space.label}: the region of ${region?.byteLength} bytes at byte ${region?.byteOffset} is ` +
        "not lent by it, or was released already",
      this.name,
      region?.byteOffset,
    );
  }
}

noteOwn(FreeListAllocator.prototype);

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
