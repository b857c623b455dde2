/**
 * Checks the metadata of byte allocators.
 *
 * @module
 */
import { type AddressSpace, type Extent, NO_EXTENT, UNIT_SHIFT } from "../bytes/address_space.ts";
import { isStart } from "../bytes/joining.ts";
import {
  type ArenaMetadata,
  arenaMetadata,
  type StackMetadata,
  stackMetadata,
} from "../bytes/read_metadata.ts";
import { invariantError } from "./invariant_error.ts";
import { auditHeap, startsIn } from "./validate_heap.ts";
import { heaps } from "../bytes/heap.ts";
import type { ByteAllocator } from "../bytes/byte_allocator.ts";
import { MAX_ALIGN } from "../memory/region.ts";
import { detachedError } from "../slab/slab_errors.ts";

/** An allocator, and how errors name it. */
interface Audited {
  readonly name: string;
  readonly space: AddressSpace;
}

/**
 * Checks that the metadata of a byte allocator is consistent, and changes nothing.
 *
 * @param allocator Anything.
 * @returns Whether it is a byte allocator; nothing else is checked.
 * @throws {InvariantError} when the metadata is inconsistent; it names the place and both numbers.
 * @throws {DisposedError} after its `dispose`.
 * @throws {TypeError} when its memory was detached.
 */
export function auditBytes(allocator: object): boolean {
  const arena = arenaMetadata(allocator);
  const stack = stackMetadata(allocator);
  const space = (arena ?? stack ?? heaps.get(allocator))?.space;
  if (space === undefined) return false;
  const known = allocator as ByteAllocator; // as nothing else has a space
  known["_checkAlive"](); // protected
  if (space.isDetached) throw detachedError(`validate ${space.label}`, "its memory");
  auditSpace({ name: known.name, space });
  if (arena !== undefined) auditArena(arena);
  if (stack !== undefined) auditStack(stack);
  auditHeap(known);
  return true;
}

/** Checks that the table has the extent of each granule, and that regions lie side by side. */
function auditSpace(it: Audited): void {
  const { table, extents, shift, byteLength, granules } = it.space;
  const owners = new Map<number, Extent>();
  let bytes = 0;
  extents.forEach((extent, i) => {
    bytes += extent.byteLength;
    auditRegions(it, extent, i);
    const last = extent.base + extent.byteLength - 1 >>> shift;
    for (let granule = extent.base >>> shift; granule <= last; granule++) {
      if (owners.has(granule)) throw fault(it, `shares granule ${granule} with another`, i);
      owners.set(granule, extent);
    }
  });
  for (let granule = 0; granule < table.length; granule++) {
    const owner = owners.get(granule) ?? NO_EXTENT;
    if (table[granule] === owner && (granule > 0 || owner === NO_EXTENT)) continue;
    throw fault(it, `granule ${granule} of the addresses leads elsewhere`);
  }
  for (const granule of owners.keys()) {
    if (granule >= table.length) throw fault(it, `granule ${granule} is beyond the table`);
  }
  if (bytes !== byteLength) throw fault(it, `it counts ${byteLength} bytes, and has ${bytes}`);
  if (owners.size !== granules) {
    throw fault(it, `it counts ${granules} granules, and has ${owners.size}`);
  }
}

function auditRegions(it: Audited, { region, joined, joinedAt, u8 }: Extent, i: number): void {
  if (joined.length !== joinedAt.length) {
    throw fault(it, `${joined.length} regions joined it, at ${joinedAt.length} places`, i);
  }
  joined.forEach(({ buffer, byteOffset }, k) => {
    if (buffer === region?.buffer && byteOffset === u8.byteOffset + joinedAt[k]) return;
    throw fault(it, `a region that joined it at byte ${joinedAt[k]} lies elsewhere`, i);
  });
}

// -- arenas --

function auditArena(it: ArenaMetadata): void {
  const { blocks, block, index, before, usedBefore, space, peak, recent } = it;
  if (blocks.length !== space.extents.length) {
    throw fault(it, `it has ${blocks.length} blocks, and memory for ${space.extents.length}`);
  }
  if (block !== (blocks[index] ?? NO_EXTENT) || index < 0 && blocks.length > 0) {
    throw fault(it, `its current block is not that of its position, ${index}`);
  }
  let bytes = 0, used = 0;
  blocks.forEach((block, i) => {
    if (!space.extents.includes(block)) throw fault(it, "it is no block of the arena", i);
    auditBlock(it, block, i);
    if (i >= index) return;
    bytes += block.byteLength;
    used += block.top;
  });
  if (before !== bytes) {
    throw fault(it, `it counts ${before} bytes before the current block, and has ${bytes}`);
  }
  if (usedBefore !== used) {
    throw fault(it, `it counts ${usedBefore} bytes used before the current block, and has ${used}`);
  }
  if (!(peak >= 0)) throw fault(it, `the peak is ${peak}`);
  if (!(recent >= 0 && recent <= peak)) {
    throw fault(it, `the recent need is ${recent}, the peak is ${peak}`);
  }
}

/** Past the top all bytes must be zero, since `alloc` does not clear them. */
function auditBlock(it: ArenaMetadata, { top, byteLength, u8 }: Extent, i: number): void {
  if (!(Number.isInteger(top) && top >= 0 && top <= byteLength)) {
    throw fault(it, `${top} of its ${byteLength} bytes are allocated`, i);
  }
  if (i > it.index && top > 0) {
    throw fault(it, `${top} bytes are allocated past the current block`, i);
  }
  for (let at = top; at < byteLength; at++) {
    if (u8[at] === 0) continue;
    throw fault(it, `byte ${at}, past the ${top} that are allocated, is ${u8[at]} and not 0`, i);
  }
}

// -- stacks --

/** Checks the headers from the newest allocation to the oldest, which are in order of address. */
function auditStack(it: StackMetadata): void {
  const { extent, newest, allocations } = it;
  const { top, byteLength, i32 } = extent;
  if (newest === 0 && top !== 0) throw fault(it, `the top is ${top}, and nothing is live`);
  let count = 0;
  let next = 0; // where the payload of the next newer one starts
  for (let at = newest; at !== 0; next = at, at = i32[at - 8 >> 2]) {
    const size = i32[at - 4 >> 2];
    const isEnd = next === 0 ? at + size === top : isAfter(extent, at + size, next);
    if (!isEnd || at < 8 || size <= 0 || (at & 7) !== 0 || at + size > byteLength) {
      throw fault(it, `an allocation of ${size} bytes starts at byte ${at}, before ${next || top}`);
    }
    if (!isStart(extent, at >> UNIT_SHIFT)) {
      throw fault(it, `the allocation at byte ${at} is not marked as a start`);
    }
    count++;
  }
  if (count !== allocations) {
    throw fault(it, `it counts ${allocations} allocations, and has ${count}`);
  }
  if (next !== 0 && !isAfter(extent, 0, next)) {
    throw fault(it, `the oldest allocation starts at byte ${next}`);
  }
  const bits = startsIn(extent);
  if (bits !== count) throw fault(it, `${bits} starts are marked, and ${count} are live`);
}

/** Whether a payload at offset `at` can follow an allocation that ends at offset `end`. */
function isAfter(extent: Extent, end: number, at: number): boolean {
  const address = extent.base + at;
  const align = Math.min(MAX_ALIGN, (address & -address) >>> 0); // the largest that it can have
  return extent.alignUp(end + 8, align) === at; // the header has 8 bytes
}

function fault({ name, space: { label } }: Audited, problem: string, block?: number): Error {
  return invariantError({ name, label }, problem, block);
}
