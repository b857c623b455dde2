/**
 * The heap: chunks taken, given back, joined and resized, and the one engine behind `FreeListAllocator`.
 *
 * It knows chunks and bytes, and trusts what it is given; addresses are checked before they come here.
 *
 * @module
 */
import { type AddressSpace, type Extent, UNIT_SHIFT } from "./_address_space.ts";
import { Chunks, type FreeIndex, HEADER_BYTES, PREVIOUS_USED } from "./_chunks.ts";
import { type Fit, FreeList, LIST_MIN_BYTES } from "./_free_list.ts";
import { FreeTree, TREE_MIN_BYTES } from "./_free_tree.ts";

/** The heap of each allocator, for the files that look inside one. */
export const heaps: WeakMap<object, Heap> = new WeakMap();

/** From this size on the engine's own fill beats a loop. */
const FILL_BYTES = 256;

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
   * @returns The chunk; 0 when none has room.
   */
  take(asked: number, align: number): number {
    const { chunks } = this;
    const bytes = this.chunkBytes(asked);
    const found = this.index.find(bytes, align);
    if (found === 0) return 0;
    const gap = chunks.gapOf(found, align);
    const size = chunks.sizeOf(found);
    const unit = found + (gap >> UNIT_SHIFT);
    this.dropFree(found, size);
    if (gap > 0) this.addFree(found, gap);
    this.writeUsed(unit, size - gap, bytes, asked, gap > 0 ? 0 : PREVIOUS_USED);
    const extent = chunks.extentOf(unit);
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
  }

  /**
   * Makes a chunk larger or smaller where it is, and clears what it gains. A free chunk after it is taken into account.
   *
   * @param unit A used chunk.
   * @param asked Bytes that its payload is to have.
   * @returns Whether there was room; if not, nothing changed.
   */
  resize(unit: number, asked: number): boolean {
    const { chunks } = this;
    const bytes = this.chunkBytes(asked);
    const next = chunks.next(unit);
    const nextBytes = chunks.isFree(next) ? chunks.sizeOf(next) : 0;
    const room = chunks.sizeOf(unit) + nextBytes;
    if (bytes > room) return false;
    const before = chunks.askedOf(unit);
    if (nextBytes > 0) this.dropFree(next, nextBytes);
    this.writeUsed(unit, room, bytes, asked, chunks.isAfterFree(unit) ? 0 : PREVIOUS_USED);
    this.countUsed(asked - before);
    const extent = chunks.extentOf(unit);
    const at = payloadOf(extent, unit);
    if (asked > before) extent.u8.fill(0, at + before, at + asked);
    return true;
  }

  // -- memory --

  /**
   * Takes an extent from the resource, as one free chunk.
   *
   * @param byteLength Its bytes, 64 or more.
   * @throws {OutOfMemoryError} when the resource does not have it; nothing changed then.
   */
  mount(byteLength: number): void {
    this.format(this.space.mount(byteLength, 8));
  }

  /**
   * @param asked Bytes of a payload.
   * @param align Its alignment.
   * @returns Bytes of an extent that has room for it wherever it starts.
   */
  extentBytes(asked: number, align: number): number {
    const gap = align <= 8 ? 0 : align + this.chunks.minBytes;
    return this.chunkBytes(asked) + gap + HEADER_BYTES;
  }

  /** Gives back every extent that is one free chunk, but the first. */
  trim(): void {
    for (const extent of this.space.extents.slice(1)) {
      const unit = extent.firstUnit;
      const size = sizeWithin(extent);
      if (!this.chunks.isFree(unit) || this.chunks.sizeOf(unit) !== size) continue;
      this.dropFree(unit, size);
      this.space.unmount(extent);
    }
  }

  /** Forgets every allocation and keeps the memory, in O(bytes / 256). */
  reset(): void {
    this.index.clear();
    this.usedBytes = 0;
    this.allocations = 0;
    this.freeChunks = 0;
    this.freeChunkBytes = 0;
    for (const extent of this.space.extents) {
      extent.starts.fill(0);
      this.format(extent);
    }
  }

  /**
   * Comes after everything was given back; debug mode complains of what was live.
   *
   * @param _name Name of the allocator.
   */
  close(_name: string): void {}

  // -- inside --

  /** Bytes of the chunk for a payload. */
  private chunkBytes(asked: number): number {
    const bytes = asked + HEADER_BYTES + 7 & ~7;
    return bytes < this.chunks.minBytes ? this.chunks.minBytes : bytes;
  }

  /** Makes an extent one free chunk, and an end that is used and so never joined. */
  private format(extent: Extent): void {
    const size = sizeWithin(extent);
    this.chunks.writeEnd(extent.firstUnit + (size >> UNIT_SHIFT));
    this.addFree(extent.firstUnit, size);
  }

  /** Writes a used chunk into some room; what is left is a free one if it can be. */
  private writeUsed(
    unit: number,
    room: number,
    bytes: number,
    asked: number,
    previousUsed: number,
  ): void {
    const rest = room - bytes;
    if (rest < this.chunks.minBytes) {
      this.chunks.writeUsed(unit, room, asked, previousUsed);
    } else {
      this.chunks.writeUsed(unit, bytes, asked, previousUsed);
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
