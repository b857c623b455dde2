/**
 * Where the memory of blocks comes from, and where it goes back to.
 *
 * @module
 */
import { checkIsolation } from "./isolation.ts";
import { checkOptions } from "../messages/nearest.ts";
import { InvalidAddressError, OutOfMemoryError } from "../errors.ts";

/** A run of bytes that a {@linkcode MemoryResource} lent out. */
export interface MemoryRegion {
  /** The buffer that holds the bytes, as of now: a wasm memory has another one each time it has grown. */
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
    return lendBuffer(ArrayBuffer, "heap", byteLength);
  },
  release({ buffer }: MemoryRegion): void {
    detach(buffer as ArrayBuffer); // this resource hands out nothing else
  },
};

/** Detaches a buffer and frees its memory at once: transferring it to length 0 does both. */
function detach(buffer: ArrayBuffer): void {
  if (typeof buffer.transfer === "function") buffer.transfer(0);
  else postToNobody(buffer);
}

/** A port that is closed; made when it is first needed. */
let closedPort: MessagePort | undefined;

/**
 * The same for engines without `transfer`, as Node 20 is one: a message takes the buffer along, and is dropped, as nobody can
 * receive it. Where such a message is not even made, a clone takes the memory, and leaves it to the collector.
 */
function postToNobody(buffer: ArrayBuffer): void {
  if (closedPort === undefined) {
    closedPort = new MessageChannel().port1;
    closedPort.close();
  }
  closedPort.postMessage(undefined, [buffer]);
  if (buffer.byteLength > 0) structuredClone(buffer, { transfer: [buffer] });
}

/**
 * Creates a resource that lends a `SharedArrayBuffer` of its own for each region: post `pool.blocks[i].bytes` to a
 * worker, and both threads see the same records, nothing copied.
 *
 * It shares bytes and no more: the pool's books stay with the thread that made it, and that thread alone may allocate
 * and free. Where no other thread looks, {@linkcode heapMemory} is the better one: no engine can detach a
 * `SharedArrayBuffer`, so `release` does nothing, and the memory is free when nothing refers to it any more, in any
 * thread.
 *
 * @returns The resource.
 * @throws {Error} where there is no `SharedArrayBuffer`: browsers have it on cross-origin isolated pages alone.
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
      return lendBuffer(SharedArrayBuffer, "shared", byteLength);
    },
    release(): void {}, // the collector's part, as no SharedArrayBuffer can be detached
  };
}

/** A resource that counts what it lends; see {@linkcode countingMemory}. */
export interface CountingMemory extends MemoryResource {
  /** Bytes of the regions that are lent now. */
  readonly usedBytes: number;
  /** The most bytes that were lent at once. */
  readonly peakBytes: number;
  /** Regions that are lent now. */
  readonly regions: number;
  /** Regions lent so far. */
  readonly allocations: number;
  /** Regions taken back so far. */
  readonly releases: number;
  /** Bytes that may be lent at once, `Infinity` when there is no limit. */
  readonly limit: number;
}

/** Options of {@linkcode countingMemory}; every one may be left out. */
export interface CountingMemoryOptions {
  /** Bytes that may be lent at once, 0 or more. @default {Infinity} */
  readonly limit?: number;
}

/**
 * Creates a resource that hands on another one's regions, counts them, and refuses past a budget.
 *
 * Use it to give several pools one budget, to show what a part of a program takes, and in tests, to see that
 * everything came back: `regions` is 0 then. Without a limit and a reader of its figures it is of no use.
 *
 * It counts the bytes that a region has, which may be more than were asked for. Both calls are O(1), beside what
 * `upstream` takes, and cost an entry in a `Map` for each region that is lent.
 *
 * @param upstream Where the regions come from.
 * @param options See {@linkcode CountingMemoryOptions}.
 * @returns The resource. Its `allocate` throws {@linkcode OutOfMemoryError} at the limit, without asking `upstream`.
 * Its `release` throws {@linkcode InvalidAddressError} on a region that it has not lent or that came back already.
 * What `upstream` throws passes through. A call that throws counts nothing.
 * @throws {TypeError} when `upstream` is no resource `limit` no number, or an option unknown.
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
        String(upstream)
      }`,
    );
  }
  if (!(typeof limit === "number" && limit >= 0)) {
    const ErrorClass = typeof limit === "number" ? RangeError : TypeError;
    const got = typeof limit === "string" ? `"${limit}"` : String(limit);
    throw new ErrorClass(`Cannot create countingMemory: limit must be a number from 0, got ${got}`);
  }
  return new Counter(upstream, limit);
}

/** The books of {@linkcode countingMemory}. */
class Counter implements CountingMemory {
  readonly limit: number;
  readonly #upstream: MemoryResource;
  /** The regions lent now, each with the bytes that it was counted with. */
  readonly #lent = new Map<MemoryRegion, number>();
  /** The sum of those bytes, at most `limit`. */
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
    return this.#lent.size;
  }

  get allocations(): number {
    return this.#releases + this.#lent.size;
  }

  get releases(): number {
    return this.#releases;
  }

  allocate(byteLength: number, align: number): MemoryRegion {
    if (this.#usedBytes + byteLength > this.limit) throw this.#refusal(byteLength, byteLength);
    const region = this.#upstream.allocate(byteLength, align);
    const lentBytes = region?.byteLength;
    // One sum with NaN would spoil the count for good.
    if (!(lentBytes >= 0)) {
      throw new TypeError(
        `Cannot allocate in countingMemory: upstream returned ${String(region)}, no region`,
      );
    }
    if (this.#usedBytes + lentBytes > this.limit) {
      this.#upstream.release(region);
      throw this.#refusal(byteLength, lentBytes);
    }
    this.#lent.set(region, lentBytes);
    this.#usedBytes += lentBytes;
    this.#peakBytes = Math.max(this.#peakBytes, this.#usedBytes);
    return region;
  }

  release(region: MemoryRegion): void {
    const lentBytes = this.#lent.get(region);
    if (lentBytes === undefined) {
      throw new InvalidAddressError(
        `Cannot release in countingMemory: the region of ${region?.byteLength} bytes at byte ${region?.byteOffset} is not ` +
          `among the ${this.regions} that are lent`,
        "countingMemory",
        region?.byteOffset ?? -1,
      );
    }
    this.#upstream.release(region); // first, since it may throw
    this.#lent.delete(region);
    this.#usedBytes -= lentBytes;
    this.#releases++;
  }

  #refusal(askedBytes: number, lentBytes: number): OutOfMemoryError {
    const used = `${this.#usedBytes} of ${this.limit} bytes are in use`;
    const lent = lentBytes === askedBytes ? "" : `, upstream lent ${lentBytes}`;
    return new OutOfMemoryError(
      `Cannot allocate ${askedBytes} bytes of counted memory: ${used}${lent}`,
      askedBytes,
    );
  }
}

/** Makes a buffer of its own for a region. */
function lendBuffer(
  BufferClass: ArrayBufferConstructor | SharedArrayBufferConstructor,
  kind: string,
  byteLength: number,
): MemoryRegion {
  try {
    return { buffer: new BufferClass(byteLength), byteOffset: 0, byteLength };
  } catch (cause) {
    throw new OutOfMemoryError(
      `Cannot allocate ${byteLength} bytes of ${kind} memory: the engine refused a buffer of that size`,
      byteLength,
      { cause },
    );
  }
}
