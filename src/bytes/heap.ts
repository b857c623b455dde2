/**
 * `Heap`: allocates, frees, joins and resizes chunks. It is the engine of `FreeListAllocator`.
 *
 * It works with chunks and bytes and checks nothing; the allocator checks addresses and sizes.
 *
 * How much memory it has follows what is live, by these rules:
 *
 * - An allocation that is too large for an extent of the usual size gets an extent of its own, of
 *   just its size. Each new shared extent has a quarter of the bytes of all shared ones so
 *   far, so that there are few.
 * - An allocation that is made larger a second time is taken for a buffer that goes on growing.
 *   From then on it gets half as much room again as it asks for, so that it moves O(log n) times.
 *   From a quarter of the usual size on it also gets an extent of its own, so that no small
 *   allocation fills the gap that it leaves.
 * - An empty extent is a spare one. Spare extents are kept up to half of what is live, and up to
 *   the usual size, so that allocations that come and go take nothing from the resource. The rest
 *   is released at once. If an extent just released would have served for the next one that is
 *   taken, the heap keeps as many spare bytes from then on as it had before that release.
 * - A region right behind an extent is appended to it, and released by itself when it is free.
 *
 * @module
 */
import { type AddressSpace, type Extent, NO_EXTENT, UNIT_SHIFT } from "./address_space.ts";
import { flipStart, mapBeside, shorten } from "./joining.ts";
import { MAX_EXTENT_BYTES } from "./checks.ts";
import { Chunks, endOf, HEADER_BYTES, payloadAt, PREVIOUS_USED } from "./chunks.ts";
import { type Fit, FreeList, LIST_MIN_BYTES } from "./free_list.ts";
import { FreeTree, TREE_MIN_BYTES } from "./free_tree.ts";
import { OutOfMemoryError } from "../errors.ts";
import { FILL_BYTES } from "../slab/chunk_memory.ts";
import type { MemoryRegion } from "../memory/resource.ts";

/** The heap of each `FreeListAllocator`, for `validate` and `dump`. */
export const heaps: WeakMap<object, Heap> = new WeakMap();

/** Larger than every chunk. */
const NO_CHUNK = 0x4000_0000;

/** The share by which the recent need fades at each reset. */
const FADING = 0.003_906_25;

/** The chunks of an address space, and the index of the free ones. */
export class Heap {
  readonly space: AddressSpace;
  readonly chunks: Chunks;
  readonly index: FreeList | FreeTree;
  /** Bytes that live allocations asked for. */
  usedBytes = 0;
  /** The most that `usedBytes` was. */
  peakBytes = 0;
  /** Used chunks. */
  allocations = 0;
  /** Free chunks, and their bytes including their tags. */
  freeChunks = 0;
  freeChunkBytes = 0;
  /** The empty extents except the first one, which is never released; and their bytes. */
  readonly spares: Extent[] = [];
  spareBytes = 0;
  /** Bytes of spare extents to keep in any case, since fewer turned out to be too few. */
  private keptBytes = 0;
  /**
   * Since an extent was last taken: bytes of the largest one that was released, and the most bytes
   * that were spare before a release.
   */
  private releasedBytes = 0;
  private releasedOf = 0;
  /** Bytes of the extents that are shared by allocations, which are all but single ones. */
  sharedBytes = 0;
  /** The most bytes that were live at a recent reset. */
  private recentBytes = 0;
  /** Free chunks of fewer bytes are neither a spare extent nor an appended region. */
  private spareFrom = NO_CHUNK;
  /** The usual bytes of an extent: those of the first one. */
  private usualBytes = 0;

  /**
   * @param space An address space without extents.
   * @param fit Which of the free chunks with room an allocation gets.
   * @param isTree Whether the index is a tree; else it is a list.
   */
  constructor(space: AddressSpace, fit: Fit, isTree: boolean) {
    this.space = space;
    this.chunks = new Chunks(space, isTree ? TREE_MIN_BYTES : LIST_MIN_BYTES);
    this.index = isTree ? new FreeTree(this.chunks) : new FreeList(this.chunks, fit);
  }

  // -- chunks --

  /**
   * Allocates a chunk and clears its payload.
   *
   * @param asked Bytes of the payload.
   * @param align Power of two that its address is to be a multiple of.
   * @param bytes Bytes of the chunk, at least {@linkcode chunkBytes}.
   * @returns The chunk; 0 when none has room.
   */
  allocate(asked: number, align: number, bytes: number = this.chunkBytes(asked)): number {
    const { chunks } = this;
    const found = this.index.find(bytes, align);
    if (found === 0) return 0;
    const gap = chunks.gapOf(found, align);
    const size = chunks.sizeOf(found);
    const unit = found + (gap >> UNIT_SHIFT);
    const extent = chunks.extentOf(unit);
    if (size >= this.spareFrom && isWhole(extent, found, size)) this.unspare(extent);
    this.removeFree(found, size);
    if (gap > 0) this.addFree(found, gap);
    this.writeUsed(unit, size - gap, bytes, asked, gap > 0 ? 0 : PREVIOUS_USED, align);
    flipStart(extent, unit - extent.firstUnit);
    this.allocations++;
    this.countUsed(asked);
    zero(extent, payloadAt(extent, unit), asked);
    return unit;
  }

  /**
   * Frees a chunk and joins it with free neighbours.
   *
   * @param unit A used chunk.
   */
  free(unit: number): void {
    const { chunks } = this;
    const extent = chunks.extentOf(unit);
    flipStart(extent, unit - extent.firstUnit);
    this.allocations--;
    this.usedBytes -= chunks.askedOf(unit);
    let start = unit;
    let size = chunks.sizeOf(unit);
    const next = chunks.next(unit);
    if (chunks.isAfterFree(unit)) {
      start = chunks.previous(unit);
      const bytes = chunks.sizeOf(start);
      this.removeFree(start, bytes);
      size += bytes;
    }
    if (chunks.isFree(next)) {
      const bytes = chunks.sizeOf(next);
      this.removeFree(next, bytes);
      size += bytes;
    }
    this.addFree(start, size);
    if (size >= this.spareFrom) this.releaseUnused(extent, start, size);
    else if (this.spareBytes > this.usualBytes) this.keepSpares(this.usedBytes);
  }

  /**
   * Resizes a chunk in place, if need be into a free chunk after it, and clears what it gains.
   *
   * @param unit A used chunk that is aligned to `align`.
   * @param asked New bytes of its payload.
   * @param align New alignment to keep.
   * @returns Whether there was room; if not, nothing changed.
   */
  resize(unit: number, asked: number, align: number): boolean {
    const { chunks } = this;
    const bytes = this.chunkBytes(asked);
    const size = chunks.sizeOf(unit);
    const before = chunks.askedOf(unit);
    const isGrowing = asked > before;
    const next = chunks.next(unit);
    // A chunk that grows keeps the room that it was given before.
    const isWithin = isGrowing && bytes <= size;
    const nextBytes = isWithin || !chunks.isFree(next) ? 0 : chunks.sizeOf(next);
    const room = size + nextBytes;
    if (bytes > room) return false;
    const taken = isWithin ? size : isGrowing ? this.sizeInPlace(unit, bytes, room) : bytes;
    if (nextBytes > 0) this.removeFree(next, nextBytes);
    const previousUsed = chunks.isAfterFree(unit) ? 0 : PREVIOUS_USED;
    this.writeUsed(unit, room, taken, asked, previousUsed, align);
    this.countUsed(asked - before);
    if (!isGrowing) return true;
    chunks.markGrown(unit);
    const extent = chunks.extentOf(unit);
    const at = payloadAt(extent, unit);
    extent.u8.fill(0, at + before, at + asked);
    return true;
  }

  /**
   * @param asked Bytes of a payload.
   * @returns Bytes of the chunk for it.
   */
  chunkBytes(asked: number): number {
    const bytes = asked + HEADER_BYTES + 7 & ~7;
    return bytes < this.chunks.minBytes ? this.chunks.minBytes : bytes;
  }

  /**
   * @param bytes Bytes that the chunk of a growing buffer needs.
   * @param align Its alignment.
   * @returns Bytes that it gets: half as many again, up to what an extent can have.
   */
  roomyBytes(bytes: number, align: number): number {
    const most = MAX_EXTENT_BYTES - this.extentBytes(0, align);
    return Math.max(bytes, Math.min(bytes + (bytes >> 1 & ~7), most));
  }

  // -- memory --

  /**
   * Maps the first extent, as one free chunk.
   *
   * @param byteLength Its bytes, at least 64: the usual bytes of an extent.
   * @throws {OutOfMemoryError} when the resource does not have it.
   */
  start(byteLength: number): void {
    this.usualBytes = byteLength;
    this.sharedBytes = byteLength;
    this.format(this.space.map(byteLength, 8));
  }

  /**
   * Maps memory so that a chunk has room. Spare extents, which are too small for it, may be
   * released.
   *
   * @param bytes Bytes of the chunk.
   * @param least Bytes that suffice when the resource does not have as many.
   * @param align Alignment of its payload.
   * @param unit A used chunk that may be resized in place if the new memory is right behind it; 0
   * for none.
   * @throws {OutOfMemoryError} when the resource does not have it; nothing changed then.
   */
  grow(bytes: number, least: number, align: number, unit: number): void {
    const wanted = this.extentBytes(bytes, align);
    const isSingle = wanted > this.usualBytes || bytes > least && bytes >= this.usualBytes >> 2;
    const enough = isSingle ? this.extentBytes(least, align) : this.usualBytes;
    const quarter = Math.min(Math.floor(this.sharedBytes / 32) * 8, MAX_EXTENT_BYTES);
    const size = isSingle ? wanted : Math.max(quarter, enough);
    let neighbour = NO_EXTENT;
    const extent = this.map(size, enough, () => neighbour = this.neighbourFor(unit, isSingle));
    if (size <= this.releasedBytes) {
      // Not more than was ever live, with the headers of extents and a usual one besides.
      const most = Math.max(this.peakBytes + (this.peakBytes >>> 3), size) + this.usualBytes;
      this.keptBytes = Math.min(this.releasedOf, most);
    }
    this.releasedBytes = this.releasedOf = 0;
    const wasSingle = extent.isSingle;
    extent.isSingle = true; // so that nothing is appended to it before it is formatted
    try {
      this.keepSpares(Math.max(this.usedBytes + least, this.recentBytes)); // the resource may throw
    } finally {
      // No extent and no region is smaller. The smallest are single extents of buffers: a quarter
      // of the usual size, or two thirds of that where memory is short.
      this.spareFrom = this.usualBytes >> 3;
      if (extent === neighbour) {
        extent.isSingle = wasSingle;
        this.formatTail(extent, extent.joinedAt.at(-1)!); // just appended
      } else {
        extent.isSingle = isSingle;
        this.addSpare(extent);
      }
    }
  }

  /**
   * @param bytes Bytes of a chunk.
   * @param align Alignment of its payload.
   * @returns Bytes of an extent that has room for it at any start address.
   */
  extentBytes(bytes: number, align: number): number {
    const gap = align <= 8 ? 0 : align + this.chunks.minBytes;
    return bytes + gap + HEADER_BYTES;
  }

  /**
   * Releases all spare extents and all free regions at the ends of extents.
   *
   * @returns Bytes released.
   */
  trim(): number {
    if (this.space.isCalling) return 0; // the memory resource calls, in the middle of a change
    const before = this.space.byteLength;
    this.keptBytes = this.releasedBytes = this.releasedOf = 0;
    const regions: MemoryRegion[] = [];
    while (this.spares.length > 0) this.withdrawSpare(regions);
    for (const extent of this.space.extents) this.shorten(extent, 0, regions);
    const released = before - this.space.byteLength;
    this.space.release(regions);
    return released;
  }

  /**
   * Frees all allocations, in O(bytes / 256). Memory is kept up to four times what was live at a
   * recent reset, plus an extent.
   */
  reset(): void {
    const faded = Math.floor(this.recentBytes - this.recentBytes * FADING);
    this.recentBytes = Math.max(this.usedBytes, faded);
    this.index.clear();
    this.usedBytes = 0;
    this.allocations = 0;
    this.freeChunks = 0;
    this.freeChunkBytes = 0;
    for (const extent of this.space.extents) {
      extent.starts.fill(0);
      this.format(extent);
    }
    if (this.space.extents.length > 1) this.spareAll();
    const most = 4 * this.recentBytes + this.usualBytes;
    const regions: MemoryRegion[] = [];
    while (this.space.byteLength > most && this.spares.length > 0) this.withdrawSpare(regions);
    if (this.space.byteLength > most) this.shorten(this.space.extents[0], 0, regions);
    this.space.release(regions);
  }

  /**
   * Checks for leaks in debug mode, after the memory was released; does nothing otherwise.
   *
   * @param _name Name of the allocator.
   */
  checkLeaks(_name: string): void {}

  // -- inside --

  /**
   * Bytes of the room that a chunk takes as it grows in place: from the second time on, more than
   * it asks for.
   */
  private sizeInPlace(unit: number, bytes: number, room: number): number {
    const { chunks } = this;
    if (!chunks.hasGrown(unit)) return bytes;
    const extent = chunks.extentOf(unit);
    // Alone in a single extent it gets all of it, so that no small allocation follows it.
    const isAlone = extent.isSingle && isWhole(extent, unit, room);
    if (isAlone && room <= 4 * bytes) return room;
    return Math.min(room, this.roomyBytes(bytes, 8));
  }

  /** Writes an extent as one free chunk and an end, which counts as used and is never joined. */
  private format(extent: Extent): void {
    this.chunks.writeEnd(endOf(extent), 0);
    this.addFree(extent.firstUnit, sizeWithin(extent));
  }

  /** Makes the memory that was appended to an extent a free chunk, joined with one before it. */
  private formatTail(extent: Extent, before: number): void {
    const { chunks } = this;
    const oldEnd = extent.firstUnit + (before >> UNIT_SHIFT) - 1;
    const start = chunks.isAfterFree(oldEnd) ? chunks.previous(oldEnd) : oldEnd;
    if (start !== oldEnd) this.removeFree(start, chunks.sizeOf(start));
    const end = endOf(extent);
    chunks.writeEnd(end, 0);
    this.addFree(start, end - start << UNIT_SHIFT);
    if (!extent.isSingle) this.sharedBytes += extent.byteLength - before;
  }

  /** The extent that new memory may be appended to; none if that would mix single and shared ones. */
  private neighbourFor(unit: number, isSingle: boolean): Extent {
    const { chunks, space } = this;
    if (unit === 0) {
      const newest = space.extents[space.extents.length - 1];
      const isMixed = isSingle || newest.isSingle || this.spares.includes(newest);
      return isMixed ? NO_EXTENT : newest;
    }
    const extent = chunks.extentOf(unit);
    const next = chunks.next(unit);
    const after = chunks.isFree(next) ? chunks.next(next) : next;
    return after === endOf(extent) ? extent : NO_EXTENT;
  }

  /** Maps `byteLength` bytes, else `enough`, else `enough` bytes in place of the spare extents. */
  private map(byteLength: number, enough: number, neighbourFor: () => Extent): Extent {
    try {
      return mapBeside(this.space, neighbourFor, byteLength);
    } catch (error) {
      if (!(error instanceof OutOfMemoryError)) throw error;
      if (byteLength > enough) return this.map(enough, enough, neighbourFor);
      if (this.spares.length === 0 || enough > MAX_EXTENT_BYTES) throw error;
      return this.mapInstead(enough);
    }
  }

  /** Maps an extent in place of all spare ones. */
  private mapInstead(byteLength: number): Extent {
    const spares = [...this.spares];
    for (const extent of spares) this.removeSpare(extent);
    try {
      return this.space.mapInstead(spares, byteLength, 8);
    } finally {
      for (const extent of spares) if (extent.region !== undefined) this.addSpare(extent);
    }
  }

  // -- spare extents --

  /** Releases memory that a large free chunk leaves without use, except for what is kept. */
  private releaseUnused(extent: Extent, start: number, size: number): void {
    if (isWhole(extent, start, size) && extent !== this.space.extents[0]) this.spare(extent);
    else if (extent.joinedAt.length > 0) {
      const most = Math.max(this.usualBytes, this.usedBytes / 2);
      const regions: MemoryRegion[] = [];
      this.shorten(extent, Math.max(0, most - this.spareBytes), regions);
      this.space.release(regions);
    }
    this.keepSpares(this.usedBytes);
  }

  /** Releases spare extents beyond the usual size, `keptBytes` and half of what is live. */
  private keepSpares(liveBytes: number): void {
    const most = Math.max(this.usualBytes, this.keptBytes, liveBytes / 2);
    if (this.spareBytes <= most) return;
    // No extent was taken since the last release, so less is kept from now on.
    if (this.releasedBytes > 0) this.keptBytes -= this.keptBytes >>> 2;
    this.releasedOf = Math.max(this.releasedOf, this.spareBytes);
    const regions: MemoryRegion[] = [];
    while (this.spareBytes > most) {
      this.releasedBytes = Math.max(this.releasedBytes, this.withdrawSpare(regions));
    }
    this.space.release(regions);
  }

  /**
   * Makes all extents but the first spare. They are released from the end of the list: first those
   * that were spare before, then the largest.
   */
  private spareAll(): void {
    const wereSpare = new Set(this.spares);
    const used = this.space.extents.slice(1).filter((extent) => !wereSpare.has(extent));
    used.sort((a, b) => a.byteLength - b.byteLength);
    this.spares.unshift(...used);
    for (const { byteLength } of used) this.spareBytes += byteLength;
  }

  private spare(extent: Extent): void {
    this.spares.push(extent);
    this.spareBytes += extent.byteLength;
  }

  /** Removes an extent from the spare ones, if it is one. */
  private unspare(extent: Extent): void {
    const i = this.spares.lastIndexOf(extent);
    if (i < 0) return; // the first extent
    this.spares.splice(i, 1);
    this.spareBytes -= extent.byteLength;
  }

  /** Adds a mapped, empty extent to the index and the counts. */
  private addSpare(extent: Extent): void {
    this.format(extent);
    this.spare(extent);
    if (!extent.isSingle) this.sharedBytes += extent.byteLength;
  }

  /** Removes a spare extent from the index and the counts. */
  private removeSpare(extent: Extent): void {
    this.removeFree(extent.firstUnit, sizeWithin(extent));
    this.unspare(extent);
    if (!extent.isSingle) this.sharedBytes -= extent.byteLength;
  }

  /**
   * Removes the last spare extent, and returns its bytes. The caller releases the regions when the
   * heap is whole again, all at once: the resource may throw or call back.
   */
  private withdrawSpare(regions: MemoryRegion[]): number {
    const extent = this.spares[this.spares.length - 1];
    this.removeSpare(extent);
    regions.push(...this.space.withdraw([extent]));
    return extent.byteLength;
  }

  /**
   * Removes the appended regions of an extent from the last one on, while they are free and the
   * free chunk at the end has more than `keptBytes`. The caller releases them as above.
   */
  private shorten(extent: Extent, keptBytes: number, regions: MemoryRegion[]): void {
    const { chunks } = this;
    while (extent.joinedAt.length > 0 && chunks.isAfterFree(endOf(extent))) {
      const start = chunks.previous(endOf(extent));
      const size = chunks.sizeOf(start);
      const end = extent.firstUnit + (extent.joinedAt[extent.joinedAt.length - 1] >> UNIT_SHIFT) -
        1;
      const rest = end - start << UNIT_SHIFT;
      if (size <= keptBytes || rest !== 0 && rest < chunks.minBytes) return;
      const before = extent.byteLength;
      this.removeFree(start, size);
      regions.push(shorten(this.space, extent));
      if (!extent.isSingle) this.sharedBytes -= before - extent.byteLength;
      chunks.writeEnd(end, rest === 0 ? PREVIOUS_USED : 0);
      if (rest > 0) this.addFree(start, rest);
    }
  }

  // -- tags, index and counts --

  /** Writes a used chunk at the start of a room; the rest becomes a free chunk if it can. */
  private writeUsed(
    unit: number,
    room: number,
    bytes: number,
    asked: number,
    previousUsed: number,
    align: number,
  ): void {
    const rest = room - bytes;
    if (rest < this.chunks.minBytes) {
      this.chunks.writeUsed(unit, room, asked, previousUsed, align);
    } else {
      this.chunks.writeUsed(unit, bytes, asked, previousUsed, align);
      this.addFree(unit + (bytes >> UNIT_SHIFT), rest);
    }
  }

  private addFree(unit: number, bytes: number): void {
    this.chunks.writeFree(unit, bytes);
    this.index.insert(unit);
    this.freeChunks++;
    this.freeChunkBytes += bytes;
  }

  private removeFree(unit: number, bytes: number): void {
    this.index.remove(unit);
    this.freeChunks--;
    this.freeChunkBytes -= bytes;
  }

  private countUsed(bytes: number): void {
    this.usedBytes += bytes;
    if (this.usedBytes > this.peakBytes) this.peakBytes = this.usedBytes;
  }
}

/** Bytes of the chunks of an extent. */
function sizeWithin({ byteLength }: Extent): number {
  return (byteLength & ~7) - HEADER_BYTES;
}

/** Whether a chunk takes up all of an extent. */
function isWhole(extent: Extent, unit: number, bytes: number): boolean {
  return unit === extent.firstUnit && bytes === sizeWithin(extent);
}

/** Clears a payload, rounded up to 4 bytes, which its chunk has. */
function zero(extent: Extent, at: number, bytes: number): void {
  if (bytes >= FILL_BYTES) {
    extent.u8.fill(0, at, at + bytes);
    return;
  }
  const { i32 } = extent;
  for (let i = at >> 2, end = at + bytes + 3 >> 2; i < end; i++) i32[i] = 0;
}
