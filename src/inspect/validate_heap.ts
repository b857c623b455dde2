/**
 * Checks the metadata of a heap: chunks, index and counts.
 *
 * @module
 */
import { type Extent, UNIT_SHIFT } from "../bytes/address_space.ts";
import { addressOf, endOf, HEADER_BYTES, USED } from "../bytes/chunks.ts";
import type { FreeList } from "../bytes/free_list.ts";
import type { FreeTree } from "../bytes/free_tree.ts";
import { type Heap, heaps } from "../bytes/heap.ts";
import { isStart } from "../bytes/joining.ts";
import { invariantError } from "./invariant_error.ts";

/**
 * Checks that the metadata of a `FreeListAllocator` is consistent, and changes nothing.
 *
 * The chunks of an extent reach exactly to its end. The tags of free chunks agree, and no two of
 * them are adjacent. Used chunks have the alignment that was asked for. The bitmap of starts marks
 * exactly the used chunks. The index holds exactly the free chunks: a doubly linked list in address
 * order, or a red-black tree by size and address. Exactly the empty extents but the first are
 * spare. The counts equal what is counted again.
 *
 * It takes O(chunks + bytes / 256) time, and one bit of memory for each 8 bytes.
 *
 * @param allocator A `FreeListAllocator`; any other allocator passes.
 * @throws {InvariantError} when the metadata is inconsistent; it names the place and both numbers.
 */
export function auditHeap(allocator: { readonly name: string }): void {
  const heap = heaps.get(allocator);
  if (heap !== undefined) new HeapAudit(heap, allocator.name).run();
}

/**
 * @param extent An extent.
 * @returns Number of units that are marked as the start of an allocation.
 */
export function startsIn({ starts }: Extent): number {
  let bits = 0;
  for (const word of starts) {
    for (let left = word; left !== 0; left &= left - 1) bits++;
  }
  return bits;
}

/** One pass over a heap, which compares its metadata with what is counted again. */
class HeapAudit {
  readonly #heap: Heap;
  readonly #name: string;
  /**
   * For each extent, bits of the units where a free chunk starts; cleared when found in the index.
   */
  readonly #free: Int32Array[];
  #freeChunks = 0;
  #freeBytes = 0;
  #allocations = 0;
  #usedBytes = 0;
  /** Free chunks that were found in the index. */
  #indexed = 0;
  /** The previous node of the tree, in order. */
  #lastNode = 0;

  constructor(heap: Heap, name: string) {
    this.#heap = heap;
    this.#name = name;
    this.#free = heap.space.extents.map((extent) => new Int32Array(extent.starts.length));
  }

  run(): void {
    const { index, space } = this.#heap;
    for (let i = 0; i < space.extents.length; i++) this.#checkExtent(space.extents[i], i);
    this.#checkCounts();
    this.#checkSpares();
    if ("root" in index) this.#checkTree(index);
    else this.#checkList(index);
    if (this.#indexed !== this.#freeChunks) {
      throw this.#fault(`the index holds ${this.#indexed} of ${this.#freeChunks} free chunks`);
    }
  }

  // -- chunks --

  /** Checks the chunks of an extent, which must reach exactly to its end. */
  #checkExtent(extent: Extent, position: number): void {
    const { chunks } = this.#heap;
    const end = endOf(extent);
    const allocationsBefore = this.#allocations;
    let isAfterFree = false;
    let unit = extent.firstUnit;
    while (unit < end) {
      const size = chunks.sizeOf(unit);
      if (size < chunks.minBytes || unit + (size >> UNIT_SHIFT) > end) {
        throw this.#fault(
          `${at(unit)} has ${size} bytes, ${(end - unit) * 8} are left`,
          position,
        );
      }
      const isFree = chunks.isFree(unit);
      this.#checkFlags(unit, isAfterFree, isFree, position);
      if (isFree) this.#checkFree(unit, size, extent, position);
      else this.#checkUsed(unit, size, extent, position);
      isAfterFree = isFree;
      unit += size >> UNIT_SHIFT;
    }
    this.#checkFlags(end, isAfterFree, false, position);
    if (chunks.word(end, 0) >> 3 !== 0 || (chunks.word(end, 0) & USED) === 0) {
      throw this.#fault(`its end reads ${chunks.word(end, 0)}`, position);
    }
    this.#checkBits(extent, this.#allocations - allocationsBefore, position);
  }

  #checkFlags(unit: number, isAfterFree: boolean, isFree: boolean, position: number): void {
    if (this.#heap.chunks.isAfterFree(unit) !== isAfterFree) {
      const said = isAfterFree ? "used" : "free";
      throw this.#fault(`${at(unit)} says that the chunk before it is ${said}`, position);
    }
    if (isFree && isAfterFree) {
      throw this.#fault(`${at(unit)} and the chunk before it are free, and not joined`, position);
    }
  }

  #checkFree(unit: number, size: number, { firstUnit }: Extent, position: number): void {
    const footer = this.#heap.chunks.word(unit, (size >> 2) - 1);
    if (footer !== size) {
      throw this.#fault(`${at(unit)} has ${size} bytes, its footer says ${footer}`, position);
    }
    const bit = unit - firstUnit;
    this.#free[position][bit >> 5] |= 1 << (bit & 31);
    this.#freeChunks++;
    this.#freeBytes += size;
  }

  #checkUsed(unit: number, size: number, extent: Extent, position: number): void {
    const asked = this.#heap.chunks.askedOf(unit);
    if (!(asked > 0 && asked <= size - HEADER_BYTES)) {
      throw this.#fault(`${at(unit)} has ${size} bytes, ${asked} were asked for`, position);
    }
    const align = this.#heap.chunks.alignOf(unit);
    if (addressOf(unit) % align !== 0) {
      throw this.#fault(
        `the payload of ${at(unit)} is no multiple of its alignment, ${align}`,
        position,
      );
    }
    if (!isStart(extent, unit - extent.firstUnit)) {
      throw this.#fault(`${at(unit)} is used, and not marked as a start`, position);
    }
    this.#allocations++;
    this.#usedBytes += asked;
  }

  /** Every used chunk has its bit, so there must be no more bits than used chunks. */
  #checkBits(extent: Extent, used: number, position: number): void {
    const bits = startsIn(extent);
    if (bits === used) return;
    throw this.#fault(`${bits} starts are marked, and ${used} chunks are used`, position);
  }

  #checkCounts(): void {
    const { freeChunks, freeChunkBytes, allocations, usedBytes, peakBytes, space } = this.#heap;
    this.#compare("free chunks", freeChunks, this.#freeChunks);
    this.#compare("bytes of free chunks", freeChunkBytes, this.#freeBytes);
    this.#compare("allocations", allocations, this.#allocations);
    this.#compare("used bytes", usedBytes, this.#usedBytes);
    this.#compare("bytes", space.byteLength, sum(space.extents));
    if (peakBytes < usedBytes) {
      throw this.#fault(`the peak is ${peakBytes} bytes, ${usedBytes} are used`);
    }
  }

  /** Checks the spare extents. The first extent is never spare, as it is never released. */
  #checkSpares(): void {
    const { space, spares, spareBytes, sharedBytes, chunks } = this.#heap;
    const empty = space.extents.filter((extent, i) => {
      const { firstUnit } = extent;
      return i > 0 && chunks.isFree(firstUnit) && chunks.next(firstUnit) === endOf(extent);
    });
    this.#compare("spare extents", spares.length, empty.length);
    const missing = empty.find((extent) => !spares.includes(extent));
    if (missing !== undefined) {
      throw this.#fault("it is empty, and not spare", space.extents.indexOf(missing));
    }
    this.#compare("spare bytes", spareBytes, sum(empty));
    const shared = space.extents.filter(({ isSingle }) => !isSingle);
    this.#compare("bytes of shared extents", sharedBytes, sum(shared));
  }

  #compare(what: string, counted: number, found: number): void {
    if (counted !== found) throw this.#fault(`it counts ${counted} ${what}, and has ${found}`);
  }

  // -- the index --

  /** Records that the index holds a chunk, which must be free and not have been recorded before. */
  #checkIndexed(unit: number): void {
    const extent = this.#heap.space.find(unit * 8);
    const position = this.#heap.space.extents.indexOf(extent);
    const bit = unit - extent.firstUnit;
    const mask = 1 << (bit & 31);
    if (position < 0 || (this.#free[position][bit >> 5] & mask) === 0) {
      throw this.#fault(`the index holds ${at(unit)}, which is not free, or holds it twice`);
    }
    this.#free[position][bit >> 5] &= ~mask;
    this.#indexed++;
  }

  #checkList(list: FreeList): void {
    let before = 0;
    let rover = 0;
    for (let unit = list.head; unit !== 0; unit = list.next(unit)) {
      this.#checkIndexed(unit);
      if (unit <= before) throw this.#fault(`${at(unit)} comes after ${at(before)} in the list`);
      if (list.previous(unit) !== before) {
        throw this.#fault(
          `${at(unit)} links back to ${at(list.previous(unit))}, not ${at(before)}`,
        );
      }
      if (rover === 0 && this.#heap.chunks.next(unit) > list.mark) rover = unit;
      before = unit;
    }
    if (list.rover !== rover) {
      throw this.#fault(`the search goes on at ${at(list.rover)}, not ${at(rover)}`);
    }
  }

  #checkTree(tree: FreeTree): void {
    if (tree.isRed(tree.root)) throw this.#fault("the root of the tree is red");
    this.#checkNode(tree, tree.root, 0);
  }

  /** Checks a subtree in order; returns the number of black nodes on each path down. */
  #checkNode(tree: FreeTree, unit: number, parent: number): number {
    if (unit === 0) return 0;
    this.#checkIndexed(unit);
    if (tree.parent(unit) !== parent) {
      throw this.#fault(`${at(unit)} links up to ${at(tree.parent(unit))}, not ${at(parent)}`);
    }
    if (tree.isRed(unit) && tree.isRed(parent)) {
      throw this.#fault(`${at(unit)} and its parent ${at(parent)} are red`);
    }
    const left = this.#checkNode(tree, tree.left(unit), unit);
    this.#checkOrder(unit);
    const right = this.#checkNode(tree, tree.right(unit), unit);
    if (left !== right) {
      throw this.#fault(`below ${at(unit)} are ${left} black nodes on the left, ${right} right`);
    }
    return left + (tree.isRed(unit) ? 0 : 1);
  }

  #checkOrder(unit: number): void {
    const { chunks } = this.#heap;
    const last = this.#lastNode;
    this.#lastNode = unit;
    if (last === 0) return;
    const step = chunks.sizeOf(unit) - chunks.sizeOf(last);
    if (step > 0 || step === 0 && unit > last) return;
    throw this.#fault(`${at(unit)} comes after ${at(last)} in the tree`);
  }

  #fault(problem: string, block?: number): Error {
    return invariantError({ name: this.#name, label: this.#heap.space.label }, problem, block);
  }
}

/** How errors name a chunk: by the address of its header. */
function at(unit: number): string {
  return `the chunk at ${unit * 8}`;
}

function sum(extents: readonly Extent[]): number {
  return extents.reduce((bytes, extent) => bytes + extent.byteLength, 0);
}
