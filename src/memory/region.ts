/**
 * Takes regions from a memory resource and gives them back. Each region is checked, since a
 * resource that a user wrote may return a wrong one.
 *
 * @module
 */
import type { MemoryRegion, MemoryResource } from "./resource.ts";
import { showValue } from "../messages/show.ts";

/** The largest alignment that this module requests from a resource, in bytes. */
export const MAX_ALIGN = 4096;

/**
 * Allocates a region, and releases it at once when it is not as requested.
 *
 * @param memory The resource.
 * @param label Name of the caller for errors, such as `Pool "bullets"`.
 * @param byteLength Number of bytes, a positive integer.
 * @param align Alignment of its byte offset, a power of two.
 * @returns A region of at least `byteLength` bytes.
 * @throws {OutOfMemoryError} when the resource has none left.
 * @throws {TypeError} when the resource returned no region.
 * @throws {RangeError} when it is too small, misaligned, or beyond its buffer.
 */
export function takeRegion(
  memory: MemoryResource,
  label: string,
  byteLength: number,
  align: number,
): MemoryRegion {
  const region = memory.allocate(byteLength, align);
  if (!isRegion(region)) {
    throw new TypeError(
      `Cannot grow ${label}: its memory resource returned ${
        showValue(region)
      }, no region of a buffer`,
    );
  }
  const problem = problemOf(region, byteLength, align);
  if (problem === undefined) return region;
  memory.release(region);
  throw new RangeError(`Cannot grow ${label}: its memory resource returned ${problem}`);
}

/**
 * Releases regions, all of them even if the resource throws.
 *
 * @param memory The resource that they are from.
 * @param regions The regions.
 * @throws The first error of the resource, if any.
 */
export function releaseAll(memory: MemoryResource, regions: readonly MemoryRegion[]): void {
  const errors: unknown[] = [];
  for (const region of regions) {
    try {
      memory.release(region);
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 0) throw errors[0];
}

function isRegion(region: unknown): region is MemoryRegion {
  if (typeof region !== "object" || region === null || !("buffer" in region)) return false;
  const { buffer } = region;
  return buffer instanceof ArrayBuffer ||
    "SharedArrayBuffer" in globalThis && buffer instanceof SharedArrayBuffer;
}

/** Says what is wrong with a region; `undefined` when nothing is. */
function problemOf(region: MemoryRegion, wanted: number, align: number): string | undefined {
  const { buffer, byteOffset, byteLength } = region;
  if (!(byteLength >= wanted)) return `a region of ${byteLength} bytes, ${wanted} were asked for`;
  if (!(byteOffset >= 0 && byteOffset % align === 0)) {
    return `a region at byte ${byteOffset}, which is no multiple of ${align}`;
  }
  return byteOffset + byteLength <= buffer.byteLength
    ? undefined
    : `a region of bytes ${byteOffset} to ${
      byteOffset + byteLength
    }, its buffer has ${buffer.byteLength}`;
}
