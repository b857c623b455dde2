/**
 * The heap: chunks taken, given back, joined and resized, and the one engine behind `FreeListAllocator`.
 *
 * It knows chunks and bytes, and trusts what it is given; addresses are checked before they come here.
 *
 * How much memory it has follows what is live, by these rules:
 *
 * - An allocation that no extent of the usual size has room for gets an extent of its own, of just its size. The others are
 *   a quarter of what is there already, so that extents are few.
 * - What is made larger a second time is taken for a buffer that grows on. From then on it gets half as much room again as it
 *   asks for, so that it moves O(log n) times; and an extent of its own already from a quarter of the usual size, so that
 *   nothing small comes to lie in the place that it leaves.
 * - An extent that is empty is a spare one. Spare ones are kept up to half of what is live, and up to the usual size, so that
 *   what comes and goes takes nothing from the resource each time. Whatever is more goes back at once; but where the next
 *   extent that is taken could have been one of those, so many are kept from then on.
 * - A region that lies right behind an extent joins it. It goes back by itself when it is free again.
 *
 * @module
 */
import { type AddressSpace, type Extent, NOWHERE, UNIT_SHIFT } from "./address_space.ts";
import { MAX_EXTENT_BYTES } from "./checks.ts";
import { Chunks, type FreeIndex, HEADER_BYTES, PREVIOUS_USED } from "./chunks.ts";
import { type Fit, FreeList, LIST_MIN_BYTES } from "./free_list.ts";
import { FreeTree, TREE_MIN_BYTES } from "./free_tree.ts";
import { OutOfMemoryError } from "../errors.ts";
import { FILL_BYTES } from "../slab/chunk_memory.ts";

/** The heap of each allocator, for the files that look inside one. */
export const heaps: WeakMap<object, Heap> = new WeakMap();

/** No chunk is so large. */
const NO_CHUNK = 2 ** 30;

/** A need that is over counts for less by this share at each reset. */
const FADING = 1 / 256;

/** Chunks of an address space, and the index of the free ones. */
export class Heap {
  readonly space: AddressSpace;
  readonly chunks: Chunks;
  readonly index: FreeIndex;
  /** Bytes that were asked for, of what is live. */
  usedBytes = 0;
  /** The most that `usedBytes` was. */
  peakBytes = 0;
  /** Used chunks. */
  allocations = 0;
  /** Free chunks, and their bytes with their tags. */
  freeChunks = 0;
  freeChunkBytes = 0;
  /** The extents that are one free chunk, but the first, which stays; and their bytes. */
  readonly spares: Extent[] = [];
  spareBytes = 0;
  /** Bytes of spare extents that are kept in any case, as fewer turned out to be too few. */
  private keptBytes = 0;
  /** Bytes of the largest extent that went back last, and those that were spare then; 0 once something was taken. */
  private droppedBytes = 0;
  private droppedOf = 0;
  /** Bytes of the extents that were not taken for one allocation. */
  sharedBytes = 0;
  /** Bytes that were live at a reset, the most of late. */
  private recentBytes = 0;
  /** Free chunks of fewer bytes are no spare extent, and no region that joined one. */
  private spareFrom = NO_CHUNK;
  /** Bytes that an extent usually has, which the first one tells. */
  private usualBytes = 0;

  /**
   * @param space Where the chunks are; without any extent as yet.
   * @param fit Which of the free chunks a request gets.
   * @param isTree Whether they are kept in a tree.
   */
  constructor(space: AddressSpace, fit: Fit, isTree: boolean) {
    this.space = space;
    this.chunks = new Chunks(space, isTree ? TREE_MIN_BYTES : LIST_MIN_BYTES);
    this.index = isTree ? new FreeTree(this.chunks) : new FreeList(this.chunks, fit);
  }

  // -- chunks --

  /**
   * Takes a chunk and clears its payload.
   *
   * @param asked Bytes of the payload.
   * @param align Power of two that its address is to be a multiple of.
   * @param bytes Bytes of the chunk, at least {@linkcode chunkBytes}.
   * @returns The chunk; 0 when none has room.
   */
  take(asked: number, align: number, bytes: number = this.chunkBytes(asked)): number {
    const { chunks } = this;
    const found = this.index.find(bytes, align);
    if (found === 0) return 0;
    const gap = chunks.gapOf(found, align);
    const size = chunks.sizeOf(found);
    const unit = found + (gap >> UNIT_SHIFT);
    const extent = chunks.extentOf(unit);
    if (size >= this.spareFrom && isWhole(extent, found, size)) this.unspare(extent);
    this.dropFree(found, size);
    if (gap > 0) this.addFree(found, gap);
    this.writeUsed(unit, size - gap, bytes, asked, gap > 0 ? 0 : PREVIOUS_USED, align);
    extent.flipStart(unit - extent.firstUnit);
    this.allocations++;
    this.countUsed(asked);
    zero(extent, payloadOf(extent, unit), asked);
    return unit;
  }

  /**
   * Gives a chunk back, and joins it with its neighbours that are free.
   *
   * @param unit A used chunk.
   */
  give(unit: number): void {
    const { chunks } = this;
    const extent = chunks.extentOf(unit);
    extent.flipStart(unit - extent.firstUnit);
    this.allocations--;
    this.usedBytes -= chunks.askedOf(unit);
    let start = unit;
    let size = chunks.sizeOf(unit);
    const next = chunks.next(unit);
    if (chunks.isAfterFree(unit)) {
      start = chunks.previous(unit);
      const bytes = chunks.sizeOf(start);
      this.dropFree(start, bytes);
      size += bytes;
    }
    if (chunks.isFree(next)) {
      const bytes = chunks.sizeOf(next);
      this.dropFree(next, bytes);
      size += bytes;
    }
    this.addFree(start, size);
    if (size >= this.spareFrom) this.giveBack(extent, start, size);
    else if (this.spareBytes > this.usualBytes) this.keepSpares(this.usedBytes);
  }

  /**
   * Makes a chunk larger or smaller where it is, and clears what it gains. A free chunk after it is taken into account.
   *
   * @param unit A used chunk, aligned as it is to be.
   * @param asked Bytes that its payload is to have.
   * @param align Power of two that its address is to be a multiple of from now on.
   * @returns Whether there was room; if not, nothing changed.
   */
  resize(unit: number, asked: number, align: number): boolean {
    const { chunks } = this;
    const bytes = this.chunkBytes(asked);
    const size = chunks.sizeOf(unit);
    const before = chunks.askedOf(unit);
    const isGrowing = asked > before;
    const next = chunks.next(unit);
    // What it was given to grow into it keeps.
    const isWithin = isGrowing && bytes <= size;
    const nextBytes = isWithin || !chunks.isFree(next) ? 0 : chunks.sizeOf(next);
    const room = size + nextBytes;
    if (bytes > room) return false;
    const taken = isWithin ? size : isGrowing ? this.share(unit, bytes, room) : bytes;
    if (nextBytes > 0) this.dropFree(next, nextBytes);
    const previousUsed = chunks.isAfterFree(unit) ? 0 : PREVIOUS_USED;
    this.writeUsed(unit, room, taken, asked, previousUsed, align);
    this.countUsed(asked - before);
    if (!isGrowing) return true;
    chunks.markGrown(unit);
    const extent = chunks.extentOf(unit);
    const at = payloadOf(extent, unit);
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
   * @param bytes Bytes of the chunk of a buffer that grows.
   * @param align Its alignment.
   * @returns Bytes that it gets: half as many again, as far as an extent can have so many.
   */
  roomyBytes(bytes: number, align: number): number {
    const most = MAX_EXTENT_BYTES - this.extentBytes(0, align);
    return Math.max(bytes, Math.min(bytes + (bytes >> 1 & ~7), most));
  }

  // -- memory --

  /**
   * Takes the first extent from the resource, as one free chunk.
   *
   * @param byteLength Its bytes, 64 or more: what extents usually have.
   * @throws {OutOfMemoryError} when the resource does not have it.
   */
  start(byteLength: number): void {
    this.usualBytes = byteLength;
    this.sharedBytes = byteLength;
    this.format(this.space.mount(byteLength, 8));
  }

  /**
   * Takes memory from the resource, so that a chunk has room. Spare extents, which are too small for it, may go back.
   *
   * @param bytes Bytes of the chunk.
   * @param least Bytes that will do where the resource has not so many.
   * @param align Alignment of its payload.
   * @param unit A used chunk that may be made so large where it is, if there is more memory behind it; 0 for none.
   * @throws {OutOfMemoryError} when the resource does not have it; nothing changed then.
   */
  grow(bytes: number, least: number, align: number, unit: number): void {
    const wanted = this.extentBytes(bytes, align);
    const isSingle = wanted > this.usualBytes || bytes > least && bytes >= this.usualBytes >> 2;
    const enough = isSingle ? this.extentBytes(least, align) : this.usualBytes;
    const quarter = Math.min(Math.floor(this.sharedBytes / 32) * 8, MAX_EXTENT_BYTES);
    const neighbour = this.neighbourFor(unit, isSingle);
    const before = neighbour.byteLength;
    const size = isSingle ? wanted : Math.max(quarter, enough);
    const extent = this.mount(size, enough, neighbour);
    if (size <= this.droppedBytes) this.keptBytes = Math.min(this.droppedOf, this.peakBytes);
    this.droppedBytes = 0;
    this.keepSpares(Math.max(this.usedBytes + least, this.recentBytes));
    this.spareFrom = this.usualBytes >> 3; // below which no extent and no region is, as single ones have a sixth
    if (extent === neighbour) this.formatTail(extent, before);
    else {
      extent.isSingle = isSingle;
      this.takeUp(extent);
    }
  }

  /**
   * @param bytes Bytes of a chunk.
   * @param align Alignment of its payload.
   * @returns Bytes of an extent that has room for it wherever it starts.
   */
  extentBytes(bytes: number, align: number): number {
    const gap = align <= 8 ? 0 : align + this.chunks.minBytes;
    return bytes + gap + HEADER_BYTES;
  }

  /** Gives back every extent that is one free chunk, but the first, and the free regions that joined one. */
  trim(): void {
    this.keptBytes = 0;
    this.droppedBytes = 0;
    while (this.spares.length > 0) this.drop(this.spares[this.spares.length - 1]);
    for (const extent of this.space.extents) this.shorten(extent, 0);
  }

  /**
   * Forgets every allocation, in O(bytes / 256). The memory is kept, as far as it is no more than four times what was live at
   * a reset of late, and an extent.
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
    while (this.space.byteLength > most && this.spares.length > 0) {
      this.drop(this.spares[this.spares.length - 1]);
    }
    if (this.space.byteLength > most) this.shorten(this.space.extents[0], 0);
  }

  /**
   * Comes after everything was given back; debug mode complains of what was live.
   *
   * @param _name Name of the allocator.
   */
  close(_name: string): void {}

  // -- inside --

  /** Bytes that a chunk which grows gets of some room where it is: for the second time more than it asks for. */
  private share(unit: number, bytes: number, room: number): number {
    const { chunks } = this;
    if (!chunks.hasGrown(unit)) return bytes;
    const extent = chunks.extentOf(unit);
    // Alone in an extent of its own it gets all, so that nothing small comes to lie behind it.
    const isAlone = extent.isSingle && isWhole(extent, unit, room);
    if (isAlone && room <= 4 * bytes) return room;
    return Math.min(room, this.roomyBytes(bytes, 8));
  }

  /** Makes an extent one free chunk, and an end that is used and so never joined. */
  private format(extent: Extent): void {
    const size = sizeWithin(extent);
    this.chunks.writeEnd(extent.firstUnit + (size >> UNIT_SHIFT), 0);
    this.addFree(extent.firstUnit, size);
  }

  /** Makes what an extent has become longer by a free chunk, together with one that was at its end. */
  private formatTail(extent: Extent, before: number): void {
    const { chunks } = this;
    const oldEnd = extent.firstUnit + (before >> UNIT_SHIFT) - 1;
    const start = chunks.isAfterFree(oldEnd) ? chunks.previous(oldEnd) : oldEnd;
    if (start !== oldEnd) this.dropFree(start, chunks.sizeOf(start));
    const end = endOf(extent);
    chunks.writeEnd(end, 0);
    this.addFree(start, end - start << UNIT_SHIFT);
    if (!extent.isSingle) this.sharedBytes += extent.byteLength - before;
  }

  /** The extent that more memory is to join if it lies behind it; none where what is of two kinds would mix. */
  private neighbourFor(unit: number, isSingle: boolean): Extent {
    const { chunks, space } = this;
    if (unit === 0) {
      const newest = space.extents[space.extents.length - 1];
      const isMixed = isSingle || newest.isSingle || this.spares.includes(newest);
      return isMixed ? NOWHERE : newest;
    }
    const extent = chunks.extentOf(unit);
    const next = chunks.next(unit);
    const after = chunks.isFree(next) ? chunks.next(next) : next;
    return after === endOf(extent) ? extent : NOWHERE;
  }

  /** Takes memory from the resource: so much, else what will do, else that in the place of what is spare. */
  private mount(byteLength: number, enough: number, neighbour: Extent): Extent {
    try {
      return this.space.mount(byteLength, 8, neighbour);
    } catch (error) {
      if (!(error instanceof OutOfMemoryError)) throw error;
      if (byteLength > enough) return this.mount(enough, enough, neighbour);
      if (this.spares.length === 0 || enough > MAX_EXTENT_BYTES) throw error;
      return this.mountInstead(enough);
    }
  }

  /** Takes an extent in the place of all that are spare. */
  private mountInstead(byteLength: number): Extent {
    const spares = [...this.spares];
    for (const extent of spares) this.leaveOut(extent);
    try {
      return this.space.mountInstead(spares, byteLength, 8);
    } finally {
      for (const extent of spares) if (extent.region !== undefined) this.takeUp(extent);
    }
  }

  // -- what is spare --

  /** Gives back what a free chunk leaves without use, but for what is kept. */
  private giveBack(extent: Extent, start: number, size: number): void {
    if (isWhole(extent, start, size) && extent !== this.space.extents[0]) this.spare(extent);
    else if (extent.joints.length > 0) {
      const most = Math.max(this.usualBytes, this.usedBytes / 2);
      this.shorten(extent, Math.max(0, most - this.spareBytes));
    }
    this.keepSpares(this.usedBytes);
  }

  /** Gives spare extents back until they are no more than is kept, the usual size, or half of what is live. */
  private keepSpares(liveBytes: number): void {
    const most = Math.max(this.usualBytes, this.keptBytes, liveBytes / 2);
    if (this.spareBytes <= most) return;
    if (this.droppedBytes > 0) this.keptBytes -= this.keptBytes >>> 2; // nothing was taken in the place of those
    this.droppedBytes = 0;
    this.droppedOf = this.spareBytes;
    while (this.spareBytes > most) {
      const extent = this.spares[this.spares.length - 1];
      this.droppedBytes = Math.max(this.droppedBytes, extent.byteLength);
      this.drop(extent);
    }
  }

  /** Notes that all extents are empty: last those that were before, which go first, and before them the largest. */
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

  /** Notes that an extent is not empty any more. */
  private unspare(extent: Extent): void {
    const i = this.spares.lastIndexOf(extent);
    if (i < 0) return; // the first extent
    this.spares.splice(i, 1);
    this.spareBytes -= extent.byteLength;
  }

  /** Takes up an extent that nothing is in. */
  private takeUp(extent: Extent): void {
    this.format(extent);
    this.spare(extent);
    if (!extent.isSingle) this.sharedBytes += extent.byteLength;
  }

  /** Leaves a spare extent out of all books. */
  private leaveOut(extent: Extent): void {
    this.dropFree(extent.firstUnit, sizeWithin(extent));
    this.unspare(extent);
    if (!extent.isSingle) this.sharedBytes -= extent.byteLength;
  }

  /** Gives a spare extent back. */
  private drop(extent: Extent): void {
    this.leaveOut(extent);
    this.space.unmount(extent);
  }

  /** Gives back the regions that joined an extent, from the last, as long as they are free and more than some bytes are. */
  private shorten(extent: Extent, keptBytes: number): void {
    const { chunks } = this;
    while (extent.joints.length > 0 && chunks.isAfterFree(endOf(extent))) {
      const start = chunks.previous(endOf(extent));
      const size = chunks.sizeOf(start);
      const end = extent.firstUnit + (extent.joints[extent.joints.length - 1] >> UNIT_SHIFT) - 1;
      const rest = end - start << UNIT_SHIFT;
      if (size <= keptBytes || rest !== 0 && rest < chunks.minBytes) return;
      const before = extent.byteLength;
      this.dropFree(start, size);
      this.space.shorten(extent);
      if (!extent.isSingle) this.sharedBytes -= before - extent.byteLength;
      chunks.writeEnd(end, rest === 0 ? PREVIOUS_USED : 0);
      if (rest > 0) this.addFree(start, rest);
    }
  }

  // -- tags, index and counts --

  /** Writes a used chunk into some room; what is left is a free one if it can be. */
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

  private dropFree(unit: number, bytes: number): void {
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

/** The unit of the end of an extent. */
function endOf(extent: Extent): number {
  return extent.firstUnit + (extent.byteLength >> UNIT_SHIFT) - 1;
}

/** Whether a chunk is all of an extent. */
function isWhole(extent: Extent, unit: number, bytes: number): boolean {
  return unit === extent.firstUnit && bytes === sizeWithin(extent);
}

/** Byte offset in its extent of a chunk's payload. */
function payloadOf({ firstUnit }: Extent, unit: number): number {
  return (unit - firstUnit << UNIT_SHIFT) + HEADER_BYTES;
}

/** Clears a payload, to a multiple of 4 bytes, which its chunk has. */
function zero(extent: Extent, at: number, bytes: number): void {
  if (bytes >= FILL_BYTES) {
    extent.u8.fill(0, at, at + bytes);
    return;
  }
  const { i32 } = extent;
  for (let i = at >> 2, end = at + bytes + 3 >> 2; i < end; i++) i32[i] = 0;
}
