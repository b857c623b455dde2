/**
 * A memory resource inside the linear memory of a WebAssembly module.
 *
 * ```text
 * memory   | the module's data, stack, heap | free | region | region | free |
 *                                           └ byteOffset         byteLength ┘
 *                                             the window
 * ```
 *
 * First fit over a list of free ranges in order of address; neighbours join on release (Knuth,
 * TAOCP 1, section 2.5). The list is kept outside the memory, so the module cannot overwrite it.
 *
 * @module
 */
import { checkOptions } from "../messages/nearest.ts";
import { showValue } from "../messages/show.ts";
import { InvalidAddressError, OutOfMemoryError } from "../errors.ts";
import type { MemoryRegion, MemoryResource } from "./resource.ts";

/**
 * Options of {@linkcode wasmMemory}: the window.
 *
 * @category Memory
 */
export interface WasmMemoryOptions {
  /** Offset of the window in the memory, from 0 to the memory's size. @default {0} */
  readonly byteOffset?: number | undefined;
  /**
   * Bytes of the window, which must end inside the memory.
   * @default {up to the end of the memory, also after it has grown}
   */
  readonly byteLength?: number | undefined;
}

/**
 * A resource inside a window of a linear memory; made by {@linkcode wasmMemory}.
 *
 * @category Memory
 */
export interface WasmMemory extends MemoryResource {
  /** The memory. */
  readonly memory: WebAssembly.Memory;
  /** Offset of the window in the memory. */
  readonly byteOffset: number;
  /** Bytes of the window now. */
  readonly byteLength: number;
  /** Bytes of the regions that are allocated now. */
  readonly usedBytes: number;
  /** Bytes of the window that are free. */
  readonly freeBytes: number;
  /** Bytes of the largest free range, in O(free ranges). */
  readonly largestFreeBytes: number;
  /** Number of regions that are allocated now. */
  readonly regions: number;
}

/**
 * Creates a resource inside the linear memory of a WebAssembly module, so that the module can read
 * and write a pool's records without a copy: pass it `pool.blocks[i].bytes.byteOffset` as the
 * address.
 *
 * Nothing else may use the window. By default it is the whole memory from address 0 on, which is
 * right for a memory that holds nothing else. A module compiled from C, C++, Rust or Zig keeps its
 * data, its stack and its heap there: for such a module set `byteOffset` and `byteLength` to bytes
 * that it does not use, such as a large buffer that it allocated. Address 0 can be allocated here,
 * but is null in those languages.
 *
 * The resource never grows the memory, since that detaches every view of a memory that is not
 * shared. A call of the module may grow it. After that a region's `buffer` is the new buffer, a
 * pool's views are valid again after `pool.rebind()`, and a window without `byteLength` includes
 * the new bytes. Views of a shared memory stay valid.
 *
 * `allocate` takes O(free ranges) and zeroes the region, `release` takes O(free ranges).
 *
 * @category Memory
 * @param memory The memory; shared or not.
 * @param options See {@linkcode WasmMemoryOptions}.
 * @returns The resource. Its `allocate` throws {@linkcode OutOfMemoryError} when no free range has
 * room, and `RangeError` on a size that is not a positive integer or an alignment that is not a
 * power of two. Its `release` throws {@linkcode InvalidAddressError} on a region that is not
 * allocated. A call that throws changes nothing.
 * @throws {TypeError} when `memory` is not a `WebAssembly.Memory`, or an option unknown or not a
 * number.
 * @throws {RangeError} when the window is not inside the memory.
 *
 * @example Usage
 * ```ts
 * import { Pool, wasmMemory } from "@slabs/pool";
 * import { assertEquals } from "@std/assert";
 *
 * const memory = new WebAssembly.Memory({ initial: 4 }); // pages of 64 KiB; a module imports it
 * const upper = wasmMemory(memory, { byteOffset: 65_536 }); // the module keeps the first page
 * using bodies = new Pool({ x: "f32", y: "f32" }, { chunksPerBlock: 1024, memory: upper });
 *
 * bodies.alloc({ x: 3, y: 4 });
 * const address = bodies.blocks[0].bytes.byteOffset;
 * assertEquals(address, 65_536);
 * assertEquals([...new Float32Array(memory.buffer, address, 2)], [3, 4]);
 * assertEquals([upper.usedBytes, upper.freeBytes], [8192, 3 * 65_536 - 8192]);
 * ```
 */
export function wasmMemory(
  memory: WebAssembly.Memory,
  options: WasmMemoryOptions = {},
): WasmMemory {
  if (!(memory instanceof WebAssembly.Memory)) {
    throw new TypeError(
      `Cannot create wasmMemory: memory must be a WebAssembly.Memory, got ${showValue(memory)}`,
    );
  }
  checkOptions("Cannot create wasmMemory", options, ["byteOffset", "byteLength"]);
  const { byteOffset = 0, byteLength } = options;
  const memoryBytes = memory.buffer.byteLength;
  checkOption("byteOffset", byteOffset, memoryBytes);
  if (byteLength !== undefined) checkOption("byteLength", byteLength, memoryBytes - byteOffset);
  return new WasmWindow(memory, byteOffset, byteLength);
}

function checkOption(option: string, value: number, most: number): void {
  if (Number.isInteger(value) && value >= 0 && value <= most) return;
  const ErrorClass = typeof value === "number" ? RangeError : TypeError;
  const must = `an integer from 0 to ${most}`;
  throw new ErrorClass(
    `Cannot create wasmMemory: ${option} must be ${must}, got ${showValue(value)}`,
  );
}

/** A region of a linear memory. */
class WasmRegion implements MemoryRegion {
  readonly #memory: WebAssembly.Memory;
  readonly byteOffset: number;
  readonly byteLength: number;

  constructor(memory: WebAssembly.Memory, byteOffset: number, byteLength: number) {
    this.#memory = memory;
    this.byteOffset = byteOffset;
    this.byteLength = byteLength;
  }

  /** The memory's buffer now: growth replaces it. */
  get buffer(): ArrayBufferLike {
    return this.#memory.buffer;
  }
}

/** A range of free bytes: addresses from `start` to `end - 1`. */
interface FreeRange {
  readonly start: number;
  readonly end: number;
}

/** The implementation of {@linkcode wasmMemory}. */
class WasmWindow implements WasmMemory {
  readonly memory: WebAssembly.Memory;
  readonly byteOffset: number;
  /** End of the window as of the last `#update`. */
  #end: number;
  /** Whether the window ends at the end of the memory, so that it grows with the memory. */
  readonly #isOpen: boolean;
  /** All free bytes of the window in order of address; no two ranges touch, none is empty. */
  readonly #free: FreeRange[] = [];
  readonly #regions = new Set<MemoryRegion>();
  /** Sum of the bytes of `#regions`. */
  #usedBytes = 0;

  constructor(memory: WebAssembly.Memory, byteOffset: number, byteLength: number | undefined) {
    this.memory = memory;
    this.byteOffset = byteOffset;
    this.#isOpen = byteLength === undefined;
    this.#end = byteOffset;
    this.#extend(byteLength === undefined ? memory.buffer.byteLength : byteOffset + byteLength);
  }

  get byteLength(): number {
    this.#update();
    return this.#end - this.byteOffset;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  get freeBytes(): number {
    return this.byteLength - this.#usedBytes;
  }

  get largestFreeBytes(): number {
    this.#update();
    return this.#free.reduce((most, { start, end }) => Math.max(most, end - start), 0);
  }

  get regions(): number {
    return this.#regions.size;
  }

  allocate(byteLength: number, align: number): MemoryRegion {
    checkRequest(byteLength, align);
    this.#update();
    for (let i = 0; i < this.#free.length; i++) {
      const { start, end } = this.#free[i];
      const at = Math.ceil(start / align) * align; // no bit mask: addresses may exceed 31 bits
      if (at + byteLength <= end) return this.#take(i, at, byteLength);
    }
    throw new OutOfMemoryError(
      `Cannot allocate ${byteLength} bytes of wasm memory: no free range has room for them at a ` +
        `multiple of ${align}, the largest has ${this.largestFreeBytes} bytes of the window's ` +
        this.byteLength,
      byteLength,
    );
  }

  release(region: MemoryRegion): void {
    if (!this.#regions.delete(region)) {
      throw new InvalidAddressError(
        `Cannot release in wasmMemory: the region of ${region?.byteLength} bytes at byte ` +
          `${region?.byteOffset} is not among the ${this.regions} that are allocated`,
        "wasmMemory",
        region?.byteOffset ?? -1,
      );
    }
    const { byteOffset, byteLength } = region;
    this.#usedBytes -= byteLength;
    this.#addFree(byteOffset, byteOffset + byteLength);
  }

  /** Cuts a region out of a free range; the rest on either side stays free. */
  #take(i: number, at: number, byteLength: number): MemoryRegion {
    const { start, end } = this.#free[i];
    const rest = [{ start, end: at }, { start: at + byteLength, end }];
    this.#free.splice(i, 1, ...rest.filter((range) => range.start < range.end));
    const region = new WasmRegion(this.memory, at, byteLength);
    new Uint8Array(region.buffer, at, byteLength).fill(0);
    this.#regions.add(region);
    this.#usedBytes += byteLength;
    return region;
  }

  /** Adds a free range, and joins it with the ranges that it touches. */
  #addFree(start: number, end: number): void {
    const ranges = this.#free;
    const next = ranges.findIndex((range) => range.start >= end);
    let first = next < 0 ? ranges.length : next;
    let last = first; // the ranges from first to last - 1 are joined
    if (first > 0 && ranges[first - 1].end === start) start = ranges[--first].start;
    if (last < ranges.length && ranges[last].start === end) end = ranges[last++].end;
    ranges.splice(first, last - first, { start, end });
  }

  /** Adds the bytes by which the memory has grown. */
  #update(): void {
    if (this.#isOpen) this.#extend(this.memory.buffer.byteLength);
  }

  #extend(end: number): void {
    if (end > this.#end) this.#addFree(this.#end, end);
    this.#end = end;
  }
}

function checkRequest(byteLength: number, align: number): void {
  if (!(Number.isInteger(byteLength) && byteLength > 0)) {
    throw requestError("byteLength must be a positive integer", byteLength);
  }
  // Math.log2 is an integer for large numbers near a power of two as well, so compare the power.
  const isWhole = Number.isInteger(align) && align > 0;
  if (!(isWhole && align === 2 ** Math.round(Math.log2(align)))) {
    throw requestError("align must be a power of two", align);
  }
}

function requestError(must: string, got: unknown): RangeError {
  return new RangeError(`Cannot allocate in wasmMemory: ${must}, got ${showValue(got)}`);
}
