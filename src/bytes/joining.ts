/**
 * Joins regions that lie side by side to one extent, for heaps, and tracks at which units of an
 * extent allocations start, for heaps and stacks. Arenas need neither.
 *
 * @module
 */
import type { MemoryRegion } from "../memory/resource.ts";
import {
  type AddressSpace,
  endGranule,
  type Extent,
  NO_EXTENT,
  wordsFor,
} from "./address_space.ts";
import { MAX_EXTENT_BYTES } from "./checks.ts";

/**
 * Takes a region from the resource and maps it as the end of a neighbour that it lies right behind,
 * or else as an extent of its own.
 *
 * @param space The space.
 * @param neighbourFor Finds an extent that the region may be appended to. It is called only after
 * the region was taken, as the resource may call back.
 * @param byteLength Bytes, a positive integer.
 * @returns The neighbour, or a new extent.
 * @throws {OutOfMemoryError | TypeError | RangeError} as `AddressSpace.map` does.
 */
export function mapBeside(
  space: AddressSpace,
  neighbourFor: () => Extent,
  byteLength: number,
): Extent {
  return space.map(byteLength, 8, (region) => {
    const neighbour = neighbourFor();
    if (!canAppend(space, neighbour, region, byteLength)) return undefined;
    append(space, neighbour, region, byteLength);
    return neighbour;
  });
}

/** Whether a region lies right behind an extent and can be addressed as its end. */
function canAppend(
  { table, shift }: AddressSpace,
  extent: Extent,
  region: MemoryRegion,
  byteLength: number,
): boolean {
  const { u8, base, byteLength: before } = extent;
  const isBehind = u8.length > 0 && region.buffer === u8.buffer &&
    region.byteOffset === u8.byteOffset + before;
  if (!isBehind || before + byteLength > MAX_EXTENT_BYTES) return false;
  const last = base + before + byteLength - 1;
  if (last >= 2 ** 32) return false;
  const end = Math.min(last >>> shift, table.length - 1);
  for (let i = endGranule(extent, shift); i <= end; i++) if (table[i] !== NO_EXTENT) return false;
  return true;
}

function append(
  space: AddressSpace,
  extent: Extent,
  region: MemoryRegion,
  byteLength: number,
): void {
  const first = endGranule(extent, space.shift);
  extent.joined.push(region);
  extent.joinedAt.push(extent.byteLength);
  extent.byteLength += byteLength;
  if (extent.epochs.length > 0) extent.epochs = longer(extent.epochs, extent.byteLength);
  extent.starts = longer(extent.starts, wordsFor(extent.byteLength));
  extent.rebind();
  space.fillTable(extent, first);
  space.byteLength += byteLength;
}

/** Returns an array with at least as many elements. */
function longer<A extends Int32Array | Uint32Array>(array: A, length: number): A {
  if (array.length >= length) return array;
  const ArrayClass = array.constructor as new (length: number) => A; // true of both classes
  const copy = new ArrayClass(length);
  copy.set(array);
  return copy;
}

/**
 * Removes the region that was appended to an extent last.
 *
 * @param space The space.
 * @param extent An extent of this space with such a region.
 * @returns The region, which the caller releases.
 */
export function shorten(space: AddressSpace, extent: Extent): MemoryRegion {
  const before = extent.byteLength;
  extent.byteLength = extent.joinedAt.pop()!; // callers check that there is one
  extent.rebind();
  const region = extent.joined.pop()!; // `joined` and `joinedAt` are equally long
  space.clearTable(extent, endGranule(extent, space.shift));
  space.byteLength -= before - extent.byteLength;
  return region;
}

/**
 * @param extent An extent that keeps starts.
 * @param unit A unit, counted from the first one of the extent.
 * @returns Whether an allocation starts there.
 */
export function isStart({ starts }: Extent, unit: number): boolean {
  return (starts[unit >> 5] >>> (unit & 31) & 1) === 1;
}

/**
 * Flips whether an allocation starts at a unit.
 *
 * @param extent An extent that keeps starts.
 * @param unit The unit, counted from the first one of the extent.
 */
export function flipStart({ starts }: Extent, unit: number): void {
  starts[unit >> 5] ^= 1 << (unit & 31);
}
