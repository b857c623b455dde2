/**
 * `StackAllocator`: allocates from a fixed memory, and frees in the reverse order.
 *
 * ```text
 * extent   [ header │ payload ][ padding ][ header │ payload ][ free … ]
 *                     └───────────── previous ┘      └ newest  └ top
 * ```
 *
 * A header is two words right before its payload: the offset of the previous payload, 0 for the
 * first one, and the size of its own.
 *
 * @module
 */
import { AddressSpace, type Extent, UNIT_SHIFT } from "./address_space.ts";
import { flipStart, isStart } from "./joining.ts";
import { stacks } from "./metadata.ts";
import { checkByteOptions, checkExtentBytes, checkSource } from "./checks.ts";
import {
  ByteAllocator,
  type ByteAllocatorOptions,
  type ByteAllocatorStats,
} from "./byte_allocator.ts";
import type { Origin } from "../slab/call_stack.ts";
import { noteOwn } from "../slab/own_functions.ts";
import { POISON } from "../slab/debug_mode.ts";
import { LifoOrderError, OutOfMemoryError } from "../errors.ts";
import { heapMemory } from "../memory/resource.ts";

/**
 * Options of a {@linkcode StackAllocator}; each may be left out.
 *
 * @category Byte allocators
 */
export interface StackOptions extends ByteAllocatorOptions {
  /** Bytes of its memory, including headers, 64 to 2^30. @default {65536} */
  readonly byteLength?: number | undefined;
}

/**
 * Statistics of a stack.
 *
 * @category Byte allocators
 */
export interface StackStats extends ByteAllocatorStats {
  /** Bytes below the top: allocations, headers and padding. */
  usedBytes: number;
  /** The most that `usedBytes` was: how large the stack has to be. */
  peakBytes: number;
  /** Live allocations. */
  allocations: number;
}

const HEADER_BYTES = 8;

/**
 * Allocates from a memory of fixed size, and frees in the reverse order.
 *
 * Use it where lifetimes are nested and the memory must be bounded: recursive work, a stack of
 * levels or screens. An `Arena` with `mark` and `rewind` does the same without headers, enforces no
 * order, and grows; here a wrong order is an error.
 *
 * Each allocation costs 8 bytes for its header, plus padding. Payloads are aligned to at least 8.
 *
 * @category Byte allocators
 * @example Usage
 * ```ts
 * import { LifoOrderError, StackAllocator } from "@slabs/pool";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * using stack = new StackAllocator({ byteLength: 1 << 16 });
 * const a = stack.alloc(24);
 * const b = stack.alloc(100, 64);
 * assertEquals(b % 64, 0);
 * assertThrows(() => stack.free(a), LifoOrderError);
 * stack.free(b);
 * stack.free(a);
 * assertEquals(stack.stats().usedBytes, 0);
 * ```
 */
export class StackAllocator extends ByteAllocator {
  private readonly _extent: Extent;
  /** Offset of the newest payload; 0 when there is none. */
  private _newest = 0;
  private _allocations = 0;
  /** The highest top at a `free`; `stats` takes the current top into account. */
  private _peak = 0;
  /** In debug mode, where each live allocation was made, by address. */
  private readonly _origins: Map<number, Origin> | undefined;

  /**
   * Creates a stack, and takes its memory from the resource.
   *
   * @param options See {@linkcode StackOptions}.
   * @throws {RangeError} when `byteLength` is out of its range.
   * @throws {TypeError} when an option is unknown or has the wrong type.
   * @throws {OutOfMemoryError} when the resource does not have that much memory.
   */
  constructor(options: StackOptions = {}) {
    noteOwn(StackAllocator.prototype); // before the memory resource is called
    checkByteOptions("StackAllocator", "stack", options, { byteLength: true });
    const { name = "stack", memory = heapMemory, byteLength = 65536, debug } = options;
    const label = checkSource("StackAllocator", name, memory, debug);
    checkExtentBytes(label, "byteLength", byteLength);
    const mode = debug || undefined;
    const keeper = mode?.keeperFor(label, name);
    super(name, new AddressSpace(label, memory, byteLength, true, keeper), mode);
    this._origins = debug ? new Map() : undefined;
    this._extent = this._space.map(byteLength, 8);
    stacks.add(this);
    this._traceCalls(StackAllocator.prototype);
  }

  /**
   * Allocates zeroed bytes on top of the stack, in O(1) plus the zeroing.
   *
   * @param byteLength Bytes, a positive integer.
   * @param align Power of two up to 4096 that the address is a multiple of; less than 8 counts as
   * 8.
   * @returns Their address.
   * @throws {RangeError} when `byteLength` is no positive integer, or `align` no such power of two.
   * @throws {OutOfMemoryError} when they do not fit.
   * @throws {DisposedError} after `dispose`.
   */
  override alloc(byteLength: number, align: number = 8): number {
    this._checkRequest("alloc", byteLength, align);
    const extent = this._extent;
    const at = extent.alignUp(extent.top + HEADER_BYTES, Math.max(align, 8));
    const end = at + byteLength;
    if (end > extent.byteLength) throw this._fullError(byteLength, end);
    extent.u8.fill(0, at, end);
    extent.i32[at - 8 >> 2] = this._newest;
    extent.i32[at - 4 >> 2] = byteLength;
    flipStart(extent, at >> UNIT_SHIFT);
    extent.top = end;
    this._newest = at;
    this._allocations++;
    this._origins?.set(extent.base + at, this._debug!.callOrigin()); // debug mode has origins
    return extent.base + at;
  }

  /**
   * Frees the newest allocation, in O(1).
   *
   * @param address Its address.
   * @throws {LifoOrderError} when it is an older one.
   * @throws {InvalidAddressError} when no live allocation starts there.
   * @throws {DisposedError} after `dispose`.
   */
  free(address: number): void {
    const extent = this._extent;
    const at = this._startOf("free", address);
    this._checkAttached("free");
    if (at !== this._newest) throw this._orderError(address);
    this._peak = Math.max(this._peak, extent.top);
    const before = extent.i32[at - 8 >> 2];
    if (this._origins !== undefined) this._poison(at, extent.top, this._origins);
    flipStart(extent, at >> UNIT_SHIFT);
    extent.top = before === 0 ? 0 : before + this._sizeAt(before);
    this._newest = before;
    this._allocations--;
  }

  /**
   * Returns the size of an allocation, in O(1).
   *
   * @param address Address of a live allocation.
   * @returns Bytes that were asked for.
   * @throws {InvalidAddressError} when no live allocation starts there.
   * @throws {DisposedError} after `dispose`.
   */
  sizeOf(address: number): number {
    const at = this._startOf("sizeOf", address);
    this._checkAttached("sizeOf");
    return this._sizeAt(at);
  }

  /**
   * Frees all allocations. Views and arrays from before are invalid.
   *
   * @throws {DisposedError} after `dispose`.
   */
  override reset(): void {
    this._checkAlive();
    this._checkAttached("reset");
    this._peak = Math.max(this._peak, this._extent.top);
    for (const address of [...this._origins?.keys() ?? []].reverse()) this.free(address);
    this._extent.starts.fill(0);
    this._extent.top = 0;
    this._newest = 0;
    this._allocations = 0;
  }

  /**
   * Returns statistics of the stack, in O(1).
   *
   * @param out An object to fill instead of a new one.
   * @returns `out`, or a new object.
   * @throws {DisposedError} after `dispose`.
   */
  override stats(out: Partial<StackStats> = {}): StackStats {
    this._checkAlive();
    out.byteLength = this._space.byteLength;
    out.usedBytes = this._extent.top;
    out.peakBytes = Math.max(this._peak, this._extent.top);
    out.allocations = this._allocations;
    return out as StackStats; // every member was set above
  }

  /**
   * Releases all memory. Any later call throws {@linkcode DisposedError}; disposing twice is
   * harmless.
   *
   * @throws {LeakError} in debug mode, when something was live, after the memory was released.
   */
  override dispose(): void {
    super.dispose();
    if (this._origins !== undefined) {
      this._debug!.throwLeaks(this._space.label, this.name, this._origins); // debug mode has origins
    }
  }

  // -- inside --

  /** In debug mode, overwrites what is freed, and makes views of it throw. */
  private _poison(from: number, to: number, origins: Map<number, Origin>): void {
    this._extent.u8.fill(POISON, from, to);
    this._extent.endEpoch(from, to);
    origins.delete(this._extent.base + from);
  }

  /** Checks an address, and returns the offset of its payload. */
  private _startOf(verb: string, address: number): number {
    this._checkNumber(verb, address);
    const { base, top } = this._extent;
    const at = address - base;
    // The first comparison rejects fractions, NaN, strings, negative and too large numbers.
    const isInside = address >>> 0 === address && at > 0 && at < top;
    if (isInside && (at & 7) === 0 && isStart(this._extent, at >> UNIT_SHIFT)) return at;
    this._checkAlive();
    const where = isInside ? "inside the stack" : "not in use";
    throw this._addressError(verb, address, `is ${where}, and no live allocation starts there`);
  }

  /** Bytes of the payload at an offset, from its header. */
  private _sizeAt(at: number): number {
    return this._extent.i32[at - 4 >> 2];
  }

  /**
   * Finds the extent of a range of bytes, which must start with an allocation and end within it.
   *
   * @ignore
   */
  protected override _check(
    verb: string,
    address: number,
    byteLength: number,
    _align: number, // at most 8, as every payload is aligned to 8
  ): Extent {
    const at = this._startOf(verb, address);
    this._checkAttached(verb);
    const held = this._sizeAt(at);
    if (byteLength <= held) return this._extent;
    throw this._addressError(verb, address, `holds ${held} bytes, fewer than ${byteLength}`);
  }

  /** The error for an allocation that does not fit. */
  private _fullError(byteLength: number, end: number): OutOfMemoryError {
    const { top, byteLength: all } = this._extent;
    return new OutOfMemoryError(
      `Cannot alloc in ${this._space.label}: ${byteLength} bytes would end at ${end} of ${all}, ${top} are in use`,
      byteLength,
    );
  }

  /** The error for an allocation that is not the newest. */
  private _orderError(address: number): LifoOrderError {
    const newest = this._extent.base + this._newest;
    return new LifoOrderError(
      `Cannot free in ${this._space.label}: address ${address} is not the newest allocation, ${newest} is`,
      this.name,
      address,
      newest,
    );
  }
}
