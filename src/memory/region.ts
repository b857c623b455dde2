/**
 * Regions from a memory resource that anybody may have written: each is looked at before it is used.
 *
 * @module
 */
import type { MemoryRegion, MemoryResource } from "./resource.ts";

/** The largest alignment that anything asks a resource for, in bytes. */
export const MAX_ALIGN = 4096;

/**
 * Takes a region, and gives it back at once if it is not what was asked for.
 *
 * @param memory Where it comes from.
 * @param label Who asks, `Pool "bullets"`.
 * @param byteLength Bytes wanted.
 * @param align Power of two that its byte offset must be a multiple of.
 * @returns A region of at least so many bytes.
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
      `Cannot grow ${label}: its memory resource returned ${String(region)}, no region of a buffer`,
    );
  }
  const problem = faultOf(region, byteLength, align);
  if (problem === undefined) return region;
  memory.release(region);
  throw new RangeError(`Cannot grow ${label}: its memory resource returned ${problem}`);
}

function isRegion(region: unknown): region is MemoryRegion {
  if (typeof region !== "object" || region === null || !("buffer" in region)) return false;
  const { buffer } = region;
  return buffer instanceof ArrayBuffer ||
    "SharedArrayBuffer" in globalThis && buffer instanceof SharedArrayBuffer;
}

/** What is wrong with a region, `undefined` when nothing is. */
function faultOf(region: MemoryRegion, wanted: number, align: number): string | undefined {
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
