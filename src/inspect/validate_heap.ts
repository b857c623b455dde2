/**
 * Looking at a heap: whether its books balance.
 *
 * @module
 */
import { type Extent, UNIT_SHIFT } from "../bytes/address_space.ts";
import { HEADER_BYTES, USED } from "../bytes/chunks.ts";
import { FreeList } from "../bytes/free_list.ts";
import { FreeTree } from "../bytes/free_tree.ts";
import { type Heap, heaps } from "../bytes/heap.ts";
import { InvariantError } from "../errors.ts";

/**
 * Checks that the books of a `FreeListAllocator` balance, and changes nothing.
 *
 * Chunks fill each extent to its end; the tags of free ones agree, and no two of them are neighbours; used ones are aligned as
 * was asked for. The bits of where allocations start are those of the used chunks. The index holds just the free chunks: a
 * list in address order linked both ways, or a red-black tree by size and address. Just the extents that are one free chunk
 * are spare, but the first. The counts are what is counted anew.
 *
 * Takes O(chunks + bytes / 256), and a bit for each 8 bytes until it returns.
 *
 * @param allocator An allocator of this module.
 * @returns Whether it is a `FreeListAllocator`; nothing else is looked at.
 * @throws {InvariantError} when the books do not balance; it says where, and both figures.
 */
export function auditFreeList(allocator: object): boolean {
  const heap = heaps.get(allocator);
  if (heap === undefined) return false;
  new HeapAudit(heap, (allocator as { name: string }).name).run();
  return true;
}

/** One pass over the books of a heap: what it keeps is held against what is counted anew. */
class HeapAudit {
  readonly #heap: Heap;
  readonly #name: string;
  /** A bit for each unit of each extent where a free chunk starts; cleared as the index is found to hold it. */
  readonly #free: Int32Array[];
  #freeChunks = 0;
  #freeBytes = 0;
  #allocations = 0;
  #usedBytes = 0;
  /** Free chunks that the index was found to hold. */
  #indexed = 0;
  /** The node of the tree that was seen last. */
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
    if (index instanceof FreeList) this.#checkList(index);
    if (index instanceof FreeTree) this.#checkTree(index);
    if (this.#indexed !== this.#freeChunks) {
      throw this.#fault(`the index holds ${this.#indexed} of ${this.#freeChunks} free chunks`);
    }
  }

  // -- chunks --

  /** Walks the chunks of an extent, which must end where it does. */
  #checkExtent(extent: Extent, position: number): void {
    const { chunks } = this.#heap;
    const end = extent.firstUnit + (extent.byteLength >> UNIT_SHIFT) - 1;
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
      if (isFree) this.#checkFree(unit, size, position);
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

  #checkFree(unit: number, size: number, position: number): void {
    const footer = this.#heap.chunks.word(unit, (size >> 2) - 1);
    if (footer !== size) {
      throw this.#fault(`${at(unit)} has ${size} bytes, its footer says ${footer}`, position);
    }
    const { firstUnit } = this.#heap.space.extents[position];
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
    if ((unit * 8 + HEADER_BYTES) % align !== 0) {
      throw this.#fault(
        `the payload of ${at(unit)} is no multiple of its alignment, ${align}`,
        position,
      );
    }
    if (!extent.isStart(unit - extent.firstUnit)) {
      throw this.#fault(`${at(unit)} is used, and not marked as a start`, position);
    }
    this.#allocations++;
    this.#usedBytes += asked;
  }

  /** Every used chunk has its bit, so there must be as many bits as those. */
  #checkBits(extent: Extent, used: number, position: number): void {
    let bits = 0;
    for (let i = 0; i < extent.starts.length; i++) {
      for (let left = extent.starts[i]; left !== 0; left &= left - 1) bits++;
    }
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

  /** The first extent is never spare, as it never goes back. */
  #checkSpares(): void {
    const { space, spares, spareBytes, sharedBytes, chunks } = this.#heap;
    const empty = space.extents.filter((extent, i) => {
      const end = extent.firstUnit + (extent.byteLength >> UNIT_SHIFT) - 1;
      return i > 0 && chunks.isFree(extent.firstUnit) && chunks.next(extent.firstUnit) === end;
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

  /** Notes that the index holds a chunk, which must be free and not have been held before. */
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

  /** Checks a node and all below it, in order; returns how many black nodes each path down has. */
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

  #fault(problem: string, extent = -1): InvariantError {
    const place = extent < 0 ? "" : `extent ${extent}: `;
    return new InvariantError(
      `Cannot validate ${this.#heap.space.label}: ${place}${problem}`,
      this.#name,
      extent,
    );
  }
}

/** How errors call a chunk: by the address of its header. */
function at(unit: number): string {
  return `the chunk at ${unit * 8}`;
}

function sum(extents: readonly Extent[]): number {
  return extents.reduce((bytes, extent) => bytes + extent.byteLength, 0);
}
