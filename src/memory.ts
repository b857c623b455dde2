/**
 * Where the memory of blocks comes from, and where it goes back to.
 *
 * @module
 */
import { OutOfMemoryError } from "./errors.ts";

/** A run of bytes that a {@linkcode MemoryResource} lent out. */
export interface MemoryRegion {
  /** The buffer that holds the bytes. */
  readonly buffer: ArrayBufferLike;
  /** Where in the buffer they start, in bytes. */
  readonly byteOffset: number;
  /** How many they are. */
  readonly byteLength: number;
}

/**
 * Something that lends memory for blocks and takes it back.
 *
 * A pool calls `allocate` when it grows and `release` once for every region it was given.
 */
export interface MemoryResource {
  /**
   * Lends zeroed memory.
   *
   * @param byteLength Bytes wanted, a positive integer.
   * @param align Power of two that `byteOffset` must be a multiple of.
   * @returns A region of exactly `byteLength` zeroed bytes.
   * @throws {OutOfMemoryError} when there is none left.
   */
  allocate(byteLength: number, align: number): MemoryRegion;
  /**
   * Takes a region back.
   *
   * @param region What `allocate` returned, not released before.
   */
  release(region: MemoryRegion): void;
}

/**
 * The default resource: an `ArrayBuffer` of its own for each region, detached on release, so that the memory is
 * free at once and not when a collector comes by.
 *
 * @example Usage
 * ```ts
 * import { heapMemory } from "@slabs/pool";
 * import { assertEquals } from "@std/assert";
 *
 * const region = heapMemory.allocate(1024, 8);
 * assertEquals(region.byteLength, 1024);
 * heapMemory.release(region);
 * assertEquals(region.buffer.byteLength, 0);
 * ```
 */
export const heapMemory: MemoryResource = {
  allocate(byteLength: number): MemoryRegion {
    try {
      return { buffer: new ArrayBuffer(byteLength), byteOffset: 0, byteLength };
    } catch (cause) {
      throw new OutOfMemoryError(
        `Cannot allocate ${byteLength} bytes of heap memory: the engine refused an ArrayBuffer of that size`,
        byteLength,
        { cause },
      );
    }
  },
  release({ buffer }: MemoryRegion): void {
    // This resource hands out only ArrayBuffers; transferring one to length 0 detaches and frees it at once.
    (buffer as ArrayBuffer).transfer(0);
  },
};
