/**
 * Memory resources: where the memory of blocks comes from, and where it goes back to.
 *
 * @module
 */
import { checkIsolation } from "./isolation.ts";
import { checkOptions } from "../messages/nearest.ts";
import { showValue } from "../messages/show.ts";
import { InvalidAddressError, OutOfMemoryError } from "../errors.ts";

/**
 * A range of bytes that a {@linkcode MemoryResource} allocated.
 *
 * @category Memory
 */
export interface MemoryRegion {
  /** The buffer that holds the bytes now: a wasm memory has a new one each time it has grown. */
  readonly buffer: ArrayBufferLike;
  /** Offset of the first byte in the buffer. */
  readonly byteOffset: number;
  /** Number of bytes. */
  readonly byteLength: number;
}

/**
 * Allocates memory for blocks and takes it back.
 *
 * A pool calls `allocate` when it grows, and `release` once for each region.
 *
 * @category Memory
 */
export interface MemoryResource {
  /**
   * Allocates zeroed memory.
   *
   * @param byteLength Number of bytes, a positive integer.
   * @param align Alignment of `byteOffset`, a power of two.
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
 * The default resource: each region is an `ArrayBuffer` of its own.
 *
 * `release` detaches the buffer, so its memory is free at once and not only after a garbage
 * collection.
 *
 * @category Memory
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
    return allocateBuffer(ArrayBuffer, "heap", byteLength);
  },
  release({ buffer }: MemoryRegion): void {
    detach(buffer as ArrayBuffer); // all its regions have one
  },
};

/** Detaches a buffer and frees its memory at once: transferring it to length 0 does both. */
function detach(buffer: ArrayBuffer): void {
  if (buffer.byteLength === 0) return; // the user has transferred it
  if (typeof buffer.transfer === "function") buffer.transfer(0);
  else postToClosedPort(buffer);
}

/** A closed port; created when it is first needed. */
let closedPort: MessagePort | undefined;

/**
 * Detaches a buffer in engines without `transfer`, such as Node 20: a message to a closed port
 * takes the buffer along and is dropped. Some engines do not create such a message. There the
 * memory moves to a clone, which the garbage collector frees. In a context with neither function,
 * such as a bare one of `node:vm`, the collector frees the buffer itself.
 */
function postToClosedPort(buffer: ArrayBuffer): void {
  if (!("MessageChannel" in globalThis && "structuredClone" in globalThis)) return;
  if (closedPort === undefined) {
    closedPort = new MessageChannel().port1;
    closedPort.close();
  }
  closedPort.postMessage(undefined, [buffer]);
  if (buffer.byteLength > 0) structuredClone(buffer, { transfer: [buffer] });
}

/**
 * Creates a resource whose regions are `SharedArrayBuffer`s: post `pool.blocks[i].bytes` to a
 * worker, and both threads see the same records without a copy.
 *
 * Only the bytes are shared. The pool's metadata stays in the thread that created the pool, and
 * only that thread may allocate and free; for more use {@linkcode SharedPool}. Without other
 * threads use {@linkcode heapMemory}: no engine can detach a `SharedArrayBuffer`, so `release` does
 * nothing, and the memory is freed when no thread refers to it any more.
 *
 * @category Memory
 * @returns The resource.
 * @throws {Error} when there is no `SharedArrayBuffer`: browsers have it only on cross-origin
 * isolated pages.
 *
 * @example Usage
 * ```ts
 * import { Pool, sharedMemory } from "@slabs/pool";
 * import { assertEquals } from "@std/assert";
 *
 * using bodies = new Pool({ x: "f32", y: "f32" }, { memory: sharedMemory() });
 * bodies.alloc({ x: 3, y: 4 });
 * const { bytes } = bodies.blocks[0];
 * assertEquals(bytes.buffer instanceof SharedArrayBuffer, true);
 * const elsewhere = new Float32Array(bytes.buffer, bytes.byteOffset); // as a worker makes it
 * assertEquals([elsewhere[0], elsewhere[1]], [3, 4]);
 * ```
 */
export function sharedMemory(): MemoryResource {
  checkIsolation("sharedMemory");
  return {
    allocate(byteLength: number): MemoryRegion {
      return allocateBuffer(SharedArrayBuffer, "shared", byteLength);
    },
    release(): void {}, // no SharedArrayBuffer can be detached
  };
}

/**
 * A resource that counts its regions; made by {@linkcode countingMemory}.
 *
 * @category Memory
 */
export interface CountingMemory extends MemoryResource {
  /** Bytes of the regions that are allocated now. */
  readonly usedBytes: number;
  /** Largest value of `usedBytes` so far. */
  readonly peakBytes: number;
  /** Number of regions that are allocated now. */
  readonly regions: number;
  /** Number of regions allocated so far. */
  readonly allocations: number;
  /** Number of regions released so far. */
  readonly releases: number;
  /** Largest value that `usedBytes` may have, `Infinity` without a limit. */
  readonly limit: number;
}

/**
 * Options of {@linkcode countingMemory}.
 *
 * @category Memory
 */
export interface CountingMemoryOptions {
  /** Largest number of bytes that may be allocated at once, 0 or more. @default {Infinity} */
  readonly limit?: number | undefined;
}

/**
 * Creates a resource that counts the regions of another one and throws past a limit.
 *
 * Use it to give several pools one limit, to measure the memory of a part of a program, and in
 * tests to assert that everything was released: `regions` is 0 then.
 *
 * It counts the bytes that a region has, which may be more than were requested. Both calls are
 * O(1), apart from those of `upstream`, and a region takes an entry in a `Map`.
 *
 * @category Memory
 * @param upstream The resource that allocates the regions.
 * @param options See {@linkcode CountingMemoryOptions}.
 * @returns The resource. Its `allocate` throws {@linkcode OutOfMemoryError} at the limit without a
 * call of `upstream`. Its `release` throws {@linkcode InvalidAddressError} on a region that is not
 * allocated. Errors of `upstream` pass through. A call that throws counts nothing.
 * @throws {TypeError} when `upstream` is not a resource, `limit` not a number, or an option
 * unknown.
 * @throws {RangeError} when `limit` is negative or `NaN`.
 *
 * @example Usage
 * ```ts
 * import { countingMemory, heapMemory, OutOfMemoryError, Pool } from "@slabs/pool";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * const memory = countingMemory(heapMemory, { limit: 2048 });
 * using pool = new Pool({ hp: "u32" }, { chunksPerBlock: 256, memory });
 * pool.allocMany(512);
 * assertEquals([memory.usedBytes, memory.regions], [2048, 2]);
 * assertThrows(() => pool.alloc(), OutOfMemoryError, "2048 of 2048 bytes are in use");
 *
 * pool.freeBlock(0);
 * assertEquals([memory.usedBytes, memory.peakBytes], [1024, 2048]);
 * ```
 */
export function countingMemory(
  upstream: MemoryResource = heapMemory,
  options: CountingMemoryOptions = {},
): CountingMemory {
  checkOptions("Cannot create countingMemory", options, ["limit"]);
  const { limit = Infinity } = options;
  if (typeof upstream?.allocate !== "function" || typeof upstream.release !== "function") {
    throw new TypeError(
      `Cannot create countingMemory: upstream must be an object with allocate and release, got ${
        showValue(upstream)
      }`,
    );
  }
  if (!(typeof limit === "number" && limit >= 0)) {
    const ErrorClass = typeof limit === "number" ? RangeError : TypeError;
    throw new ErrorClass(
      `Cannot create countingMemory: limit must be a number from 0, got ${showValue(limit)}`,
    );
  }
  return new Counter(upstream, limit);
}

/** The implementation of {@linkcode countingMemory}. */
class Counter implements CountingMemory {
  readonly limit: number;
  readonly #upstream: MemoryResource;
  /** The regions that are allocated now, each with the number of bytes it counts for. */
  readonly #regions = new Map<MemoryRegion, number>();
  /** Sum of those numbers, at most `limit`. */
  #usedBytes = 0;
  #peakBytes = 0;
  #releases = 0;

  constructor(upstream: MemoryResource, limit: number) {
    this.#upstream = upstream;
    this.limit = limit;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  get peakBytes(): number {
    return this.#peakBytes;
  }

  get regions(): number {
    return this.#regions.size;
  }

  get allocations(): number {
    return this.#releases + this.#regions.size;
  }

  get releases(): number {
    return this.#releases;
  }

  allocate(byteLength: number, align: number): MemoryRegion {
    if (this.#usedBytes + byteLength > this.limit) throw this.#limitError(byteLength, byteLength);
    const region = this.#upstream.allocate(byteLength, align);
    const regionBytes = region?.byteLength;
    // A sum with NaN would spoil the count for good.
    if (!(regionBytes >= 0)) {
      throw new TypeError(
        `Cannot allocate in countingMemory: upstream returned ${showValue(region)}, not a region`,
      );
    }
    if (this.#usedBytes + regionBytes > this.limit) {
      this.#upstream.release(region);
      throw this.#limitError(byteLength, regionBytes);
    }
    this.#regions.set(region, regionBytes);
    this.#usedBytes += regionBytes;
    this.#peakBytes = Math.max(this.#peakBytes, this.#usedBytes);
    return region;
  }

  release(region: MemoryRegion): void {
    const regionBytes = this.#regions.get(region);
    if (regionBytes === undefined) {
      throw new InvalidAddressError(
        `Cannot release in countingMemory: the region of ${region?.byteLength} bytes at byte ` +
          `${region?.byteOffset} is not among the ${this.regions} that are allocated`,
        "countingMemory",
        region?.byteOffset ?? -1,
      );
    }
    this.#upstream.release(region); // first, since it may throw
    this.#regions.delete(region);
    this.#usedBytes -= regionBytes;
    this.#releases++;
  }

  #limitError(requestedBytes: number, regionBytes: number): OutOfMemoryError {
    const used = `${this.#usedBytes} of ${this.limit} bytes are in use`;
    const got = regionBytes === requestedBytes ? "" : `, upstream allocated ${regionBytes}`;
    return new OutOfMemoryError(
      `Cannot allocate ${requestedBytes} bytes of counted memory: ${used}${got}`,
      requestedBytes,
    );
  }
}

/** Allocates a region that is a whole buffer. */
function allocateBuffer(
  BufferClass: ArrayBufferConstructor | SharedArrayBufferConstructor,
  kind: string,
  byteLength: number,
): MemoryRegion {
  try {
    return { buffer: new BufferClass(byteLength), byteOffset: 0, byteLength };
  } catch (cause) {
    throw new OutOfMemoryError(
      `Cannot allocate ${byteLength} bytes of ${kind} memory: the engine cannot create a buffer ` +
        "of that size",
      byteLength,
      { cause },
    );
  }
}
