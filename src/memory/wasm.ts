/**
 * Blocks inside a WebAssembly module's linear memory, where the module's own code reads and writes the records.
 *
 * ```text
 * memory   | the module's data, stack, heap | free | lent | lent | free     |
 *                                           └ byteOffset         byteLength ┘
 *                                             the window
 * ```
 *
 * First fit over a list of free runs in order of address; neighbours join as a region comes back (Knuth, TAOCP 1,
 * section 2.5). The list is kept outside the memory: what the module overwrites cannot break it.
 *
 * @module
 */
import { checkOptions } from "../messages/nearest.ts";
import { InvalidAddressError, OutOfMemoryError } from "../errors.ts";
import type { MemoryRegion, MemoryResource } from "./resource.ts";

/** Options of {@linkcode wasmMemory}: the window; every one may be left out. */
export interface WasmMemoryOptions {
  /** First byte of the window, from 0 to the bytes that the memory has. @default {0} */
  readonly byteOffset?: number;
  /** Bytes of the window, none beyond the memory. @default {up to the end of the memory, also after it has grown} */
  readonly byteLength?: number;
}

/** A resource inside a window of a linear memory; see {@linkcode wasmMemory}. */
export interface WasmMemory extends MemoryResource {
  /** The memory that the window is in. */
  readonly memory: WebAssembly.Memory;
  /** First byte of the window. */
  readonly byteOffset: number;
  /** Bytes of the window, as it is now. */
  readonly byteLength: number;
  /** Bytes of the regions that are lent now. */
  readonly usedBytes: number;
  /** Bytes of the window that are not lent. */
  readonly freeBytes: number;
  /** The most of them that lie in one run, in O(free runs). */
  readonly largestFreeBytes: number;
  /** Regions that are lent now. */
  readonly regions: number;
}

/**
 * Creates a resource whose regions lie inside the linear memory of a WebAssembly module, so that the module works on a
 * pool's records where they are: `pool.blocks[i].bytes.byteOffset` is the address to pass to it, and nothing is copied.
 *
 * The window is to be the resource's own. By default it is the whole memory from address 0 on, which fits a memory that
 * holds nothing else. A module that was compiled from C, C++, Rust or Zig has its data and its stack in there, and an
 * allocator that takes what is above: for such a one give a `byteOffset`, and a `byteLength`, of bytes that it leaves
 * alone, such as a large buffer that it allocated itself. Address 0 is an address like any other here, while such
 * languages take it for null.
 *
 * The memory is never grown, as that would detach every view of one that is not shared. Somebody else may grow it, and
 * of such a module any call may. From then on a region's `buffer` is the new one, a pool's views are good again after
 * `pool.rebind()`, and a window without `byteLength` has the new bytes as well. Views of a shared memory stay good.
 *
 * `allocate` takes O(free runs) and clears the region, `release` takes O(free runs).
 *
 * @param memory The memory; shared or not.
 * @param options See {@linkcode WasmMemoryOptions}.
 * @returns The resource. Its `allocate` throws {@linkcode OutOfMemoryError} where no free run has room, and `RangeError`
 * on a size that is not a positive integer or an alignment that is not a power of two. Its `release` throws
 * {@linkcode InvalidAddressError} on a region that it has not lent or that came back already. A call that throws changes
 * nothing.
 * @throws {TypeError} when `memory` is no `WebAssembly.Memory`, or an option unknown or no number.
 * @throws {RangeError} when the window is not inside the memory.
 *
 * @example Usage
 * ```ts
 * import { Pool, wasmMemory } from "@slabs/pool";
 * import { assertEquals } from "@std/assert";
 *
 * const memory = new WebAssembly.Memory({ initial: 4 }); // pages of 64 KiB; a module imports it
 * const upper = wasmMemory(memory, { byteOffset: 65_536 }); // the first page is the module's own
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
      `Cannot create wasmMemory: memory must be a WebAssembly.Memory, got ${String(memory)}`,
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
  const got = typeof value === "string" ? `"${value}"` : String(value);
  throw new ErrorClass(
    `Cannot create wasmMemory: ${option} must be an integer from 0 to ${most}, got ${got}`,
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

  /** The memory's buffer of now: each growth makes another one. */
  get buffer(): ArrayBufferLike {
    return this.#memory.buffer;
  }
}

/** A run of free bytes: addresses from `start` to `end - 1`. */
interface FreeRun {
  readonly start: number;
  readonly end: number;
}

/** The books of {@linkcode wasmMemory}. */
class WasmWindow implements WasmMemory {
  readonly memory: WebAssembly.Memory;
  readonly byteOffset: number;
  /** End of the window as of the last `#follow`. */
  #end: number;
  /** Whether the window ends where the memory ends, and so moves with it. */
  readonly #isOpen: boolean;
  /** Every byte of the window that is not lent, in order of address; no two runs touch, none is empty. */
  readonly #free: FreeRun[] = [];
  readonly #lent = new Set<MemoryRegion>();
  /** Bytes of `#lent`. */
  #usedBytes = 0;

  constructor(memory: WebAssembly.Memory, byteOffset: number, byteLength: number | undefined) {
    this.memory = memory;
    this.byteOffset = byteOffset;
    this.#isOpen = byteLength === undefined;
    this.#end = byteOffset;
    this.#extend(byteLength === undefined ? memory.buffer.byteLength : byteOffset + byteLength);
  }

  get byteLength(): number {
    this.#follow();
    return this.#end - this.byteOffset;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  get freeBytes(): number {
    return this.byteLength - this.#usedBytes;
  }

  get largestFreeBytes(): number {
    this.#follow();
    return this.#free.reduce((most, { start, end }) => Math.max(most, end - start), 0);
  }

  get regions(): number {
    return this.#lent.size;
  }

  allocate(byteLength: number, align: number): MemoryRegion {
    checkAsked(byteLength, align);
    this.#follow();
    for (let i = 0; i < this.#free.length; i++) {
      const { start, end } = this.#free[i];
      const at = Math.ceil(start / align) * align; // addresses may exceed 31 bits
      if (at + byteLength <= end) return this.#lend(i, at, byteLength);
    }
    throw new OutOfMemoryError(
      `Cannot allocate ${byteLength} bytes of wasm memory: no free run has room for them at a multiple of ${align}, ` +
        `the largest has ${this.largestFreeBytes} bytes of the window's ${this.byteLength}`,
      byteLength,
    );
  }

  release(region: MemoryRegion): void {
    if (!this.#lent.delete(region)) {
      throw new InvalidAddressError(
        `Cannot release in wasmMemory: the region of ${region?.byteLength} bytes at byte ${region?.byteOffset} is not ` +
          `among the ${this.regions} that are lent`,
        "wasmMemory",
        region?.byteOffset ?? -1,
      );
    }
    const { byteOffset, byteLength } = region;
    this.#usedBytes -= byteLength;
    this.#putBack(byteOffset, byteOffset + byteLength);
  }

  /** Cuts a region out of a free run; what is left on either side stays free. */
  #lend(i: number, at: number, byteLength: number): MemoryRegion {
    const { start, end } = this.#free[i];
    const rest = [{ start, end: at }, { start: at + byteLength, end }];
    this.#free.splice(i, 1, ...rest.filter((run) => run.start < run.end));
    const region = new WasmRegion(this.memory, at, byteLength);
    new Uint8Array(region.buffer, at, byteLength).fill(0);
    this.#lent.add(region);
    this.#usedBytes += byteLength;
    return region;
  }

  /** Makes bytes free that are in no run, and joins them with the runs they touch. */
  #putBack(start: number, end: number): void {
    const runs = this.#free;
    const next = runs.findIndex((run) => run.start >= end);
    let first = next < 0 ? runs.length : next;
    let last = first; // runs from first to last - 1 make way for the joined one
    if (first > 0 && runs[first - 1].end === start) start = runs[--first].start;
    if (last < runs.length && runs[last].start === end) end = runs[last++].end;
    runs.splice(first, last - first, { start, end });
  }

  /** Takes in what the memory has grown by since. */
  #follow(): void {
    if (this.#isOpen) this.#extend(this.memory.buffer.byteLength);
  }

  #extend(end: number): void {
    if (end > this.#end) this.#putBack(this.#end, end);
    this.#end = end;
  }
}

function checkAsked(byteLength: number, align: number): void {
  if (!(Number.isInteger(byteLength) && byteLength > 0)) {
    throw askedError("byteLength must be a positive integer", byteLength);
  }
  // Compared, since the logarithm of a large number beside a power of two comes out as an integer as well.
  const power = 2 ** Math.round(Math.log2(align));
  if (!(Number.isInteger(align) && align > 0 && align === power)) {
    throw askedError("align must be a power of two", align);
  }
}

function askedError(must: string, got: unknown): RangeError {
  return new RangeError(`Cannot allocate in wasmMemory: ${must}, got ${String(got)}`);
}
