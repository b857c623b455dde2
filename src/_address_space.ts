/**
 * An address space: a growing set of extents, and the extent of any address in O(1).
 *
 * ```text
 * address   0        1 × granule   2 × granule      3 × granule              5 × granule
 *           │ nobody │ extent 0    │ ·extent 1 ──── │ ──── extent 1, end     │ extent 2 …
 * table     NOWHERE    extent 0      extent 1         extent 1   NOWHERE       extent 2
 * ```
 *
 * Every granule belongs to one extent at the most, so a table with an entry a granule finds it. An address and the
 * place in the buffer that it stands for are equal modulo 4096: an extent whose region does not start at such a
 * multiple starts as far into its granule (the dot). So an alignment holds of both, and it is enough to ask a resource
 * for regions aligned to 8, for the lanes.
 *
 * @module
 */
import { MAX_ALIGN, MAX_EXTENT_BYTES } from "./_byte_checks.ts";
import { Lanes, lanesWithin } from "./_lanes.ts";
import { takeRegion } from "./_region.ts";
import { OutOfMemoryError, StaleHandleError } from "./errors.ts";
import type { MemoryRegion, MemoryResource } from "./memory.ts";

/** Every lane that the engine has, since any struct may come. */
const ALL_LANES = lanesWithin(8);

/** log2 of the least and of the largest granule, in bytes. The least is 4096, for the offsets within one. */
const MIN_SHIFT = 12;
const MAX_SHIFT = 16;

/** An address of a chunk is kept as a unit, which is 8 bytes: below 2^29, so the engine never boxes it. */
export const UNIT_SHIFT = 3;

const NO_BITS = new Int32Array(0);
const NO_LIVES = new Uint32Array(0);

/** What bytes that came back are filled with in debug mode. */
const POISON = 0xdd;

/** What an allocator is called in the errors of its debug views. */
export interface DebugTitle {
  readonly name: string;
  readonly label: string;
}

/** A run of addresses over one region. */
export class Extent extends Lanes {
  /** The first address, a multiple of 8. */
  readonly base: number;
  /** The first unit. */
  readonly firstUnit: number;
  /** Bytes, at most 2^30. */
  readonly byteLength: number;
  /** How far the base is past a multiple of 4096: what an alignment has to count from. */
  readonly skew: number;
  /** The memory; `undefined` once it was given back. */
  region: MemoryRegion | undefined;
  /** Bytes from the start that are in use, where an allocator gives them out in order. */
  top = 0;
  /** Bit `u & 31` of word `u >> 5` is set while an allocation starts at unit `u` of the extent, where that is kept. */
  readonly starts: Int32Array;
  /** In debug mode a count for each byte of how often it came back; else empty. */
  private readonly lives: Uint32Array;
  private readonly debug: DebugTitle | undefined;

  /**
   * @param base The first address, equal to the region's offset modulo 4096.
   * @param byteLength Bytes.
   * @param region At least so many bytes, aligned to 8.
   * @param keepsStarts Whether it is kept where allocations start.
   * @param debug Whose it is, in debug mode.
   */
  constructor(
    base: number,
    byteLength: number,
    region: MemoryRegion | undefined,
    keepsStarts: boolean,
    debug?: DebugTitle,
  ) {
    super();
    this.base = base;
    this.firstUnit = base >>> UNIT_SHIFT;
    this.byteLength = byteLength;
    this.skew = base & (MAX_ALIGN - 1);
    this.region = region;
    this.starts = keepsStarts ? new Int32Array((byteLength >> UNIT_SHIFT) + 31 >> 5) : NO_BITS;
    this.lives = debug === undefined ? NO_LIVES : new Uint32Array(byteLength);
    this.debug = debug;
    this.bind();
  }

  /**
   * Notes in debug mode that what lay in a range came back: a view of it throws from then on.
   *
   * @param from Byte offset of the first byte.
   * @param to Byte offset past the last one.
   */
  endLives(from: number, to: number): void {
    if (this.debug === undefined) return;
    for (let at = from; at < to; at++) this.lives[at]++;
  }

  /**
   * Notes that a range came back, and fills it, in debug mode.
   *
   * @param from Byte offset of the first byte.
   * @param to Byte offset past the last one.
   */
  poison(from: number, to: number): void {
    if (this.debug === undefined) return;
    this.endLives(from, to);
    this.u8.fill(POISON, from, to);
  }

  override lifeAt(offset: number): number {
    return this.debug === undefined ? 0 : this.lives[offset];
  }

  override deadError(offset: number, life: number): Error {
    const { name, label } = this.debug!; // without it nobody asks for lives
    const address = this.base + offset;
    return new StaleHandleError(
      `Cannot use a view in ${label}: what lay at address ${address} came back`,
      {
        pool: name,
        handle: address,
        index: -1,
        generation: life,
        chunkGeneration: this.lives[offset],
      },
    );
  }

  /** Lays the lanes over the region's buffer as it is now. */
  bind(): void {
    if (this.region === undefined) return;
    this.attach(this.region, this.byteLength, ALL_LANES);
  }

  /** Lets go of the memory, which is the caller's to give back. */
  unbind(): void {
    this.endLives(0, this.byteLength);
    this.detach();
    this.region = undefined;
    this.top = 0;
    this.starts.fill(0);
  }

  /**
   * @param at Byte offset in the extent.
   * @param align Power of two up to 4096.
   * @returns The first offset from there on that is aligned, of address and memory alike.
   */
  alignUp(at: number, align: number): number {
    return (at + this.skew + align - 1 & -align) - this.skew;
  }

  /**
   * @param unit A unit, counted from the extent's first.
   * @returns Whether an allocation starts there.
   */
  isStart(unit: number): boolean {
    return (this.starts[unit >> 5] >>> (unit & 31) & 1) === 1;
  }

  /**
   * Notes that an allocation starts, or starts no more.
   *
   * @param unit Its unit, counted from the extent's first.
   */
  flipStart(unit: number): void {
    this.starts[unit >> 5] ^= 1 << (unit & 31);
  }
}

/** The extent of every address that has none. */
export const NOWHERE: Extent = new Extent(0, 0, undefined, false);

/** A growing set of extents. */
export class AddressSpace {
  /** How errors call the allocator, `Arena "frame"`. */
  readonly label: string;
  /** The extents in the order in which they came. */
  readonly extents: Extent[] = [];
  /** The extent of each granule; of those past its end there is none. */
  readonly table: Extent[] = [NOWHERE]; // so that 0 is no address
  /** log2 of the bytes of a granule. */
  readonly shift: number;
  /** Bytes of all extents. */
  byteLength = 0;

  private readonly memory: MemoryResource;
  private readonly keepsStarts: boolean;
  private readonly debug: DebugTitle | undefined;

  /**
   * @param label How errors call the allocator.
   * @param memory Where extents come from.
   * @param extentBytes Bytes that most of them will have, from which the granule follows.
   * @param keepsStarts Whether it is kept where allocations start, at a bit for each 8 bytes.
   * @param debug What the allocator is called, in debug mode.
   */
  constructor(
    label: string,
    memory: MemoryResource,
    extentBytes: number,
    keepsStarts: boolean,
    debug?: DebugTitle,
  ) {
    this.debug = debug;
    this.label = label;
    this.memory = memory;
    this.keepsStarts = keepsStarts;
    this.shift = Math.max(MIN_SHIFT, Math.min(32 - Math.clz32(extentBytes - 1), MAX_SHIFT));
  }

  /**
   * Takes an extent from the resource.
   *
   * @param byteLength Bytes, a positive integer.
   * @param align Power of two up to 4096 that its first address is a multiple of; less than 8 counts as 8.
   * @returns The extent, zeroed.
   * @throws {OutOfMemoryError} when the resource has no such region, or no addresses are left; nothing changed then.
   * @throws {TypeError | RangeError} when the resource returned something else.
   */
  mount(byteLength: number, align: number): Extent {
    if (byteLength > MAX_EXTENT_BYTES) throw this.#tooLarge(byteLength);
    const region = takeRegion(this.memory, this.label, byteLength, Math.max(align, 8));
    const skew = region.byteOffset & (MAX_ALIGN - 1);
    const granules = (skew + byteLength - 1 >>> this.shift) + 1;
    const first = this.#vacancy(granules);
    if (first < 0) {
      this.memory.release(region);
      throw this.#noAddresses(byteLength);
    }
    // Shifted, since a power would stay a float to the engine, and make one of every base.
    const base = (first << this.shift >>> 0) + skew;
    const extent = new Extent(base, byteLength, region, this.keepsStarts, this.debug);
    while (this.table.length < first + granules) this.table.push(NOWHERE);
    this.table.fill(extent, first, first + granules);
    this.extents.push(extent);
    this.byteLength += byteLength;
    return extent;
  }

  /**
   * Gives an extent back to the resource.
   *
   * @param extent One of this space.
   */
  unmount(extent: Extent): void {
    const region = extent.region!; // only those that are mounted come here
    const first = extent.base >>> this.shift;
    for (let i = first; this.table[i] === extent; i++) this.table[i] = NOWHERE;
    this.extents.splice(this.extents.indexOf(extent), 1);
    this.byteLength -= extent.byteLength;
    extent.unbind();
    this.memory.release(region);
  }

  /** Gives every extent back. */
  unmountAll(): void {
    while (this.extents.length > 0) this.unmount(this.extents[this.extents.length - 1]);
  }

  /** Lays the lanes of every extent anew, after somebody replaced the buffer of its region by a longer one. */
  rebind(): void {
    for (const extent of this.extents) extent.bind();
  }

  /** Whether the memory was detached by somebody: a `WebAssembly.Memory` that grows does so to all extents at once. */
  get isDetached(): boolean {
    return this.extents.length > 0 && this.extents[0].u8.length === 0;
  }

  /**
   * Finds the extent of an address, in O(1).
   *
   * @param address Any number.
   * @returns The extent that its granule belongs to, which it may still be before or past; {@linkcode NOWHERE} if none.
   */
  find(address: number): Extent {
    const granule = address >>> this.shift;
    // One comparison refuses fractions, NaN, strings, and what is negative or too large.
    return address >>> 0 === address && granule < this.table.length ? this.table[granule] : NOWHERE;
  }

  /**
   * Finds the address of a byte of a buffer, in O(extents).
   *
   * @param buffer Any buffer.
   * @param byteOffset Where in it.
   * @returns The address; 0 when no extent has that byte.
   */
  locate(buffer: ArrayBufferLike, byteOffset: number): number {
    for (const { u8, base } of this.extents) {
      const at = byteOffset - u8.byteOffset;
      if (u8.buffer === buffer && at >= 0 && at < u8.length) return base + at;
    }
    return 0;
  }

  /** The first of so many free granules in a row; -1 when there are none. */
  #vacancy(granules: number): number {
    const { table } = this;
    const most = 1 << 32 - this.shift;
    // At the end for as long as that goes, so that an address that was given back stays invalid for long.
    if (table.length + granules <= most) return table.length;
    let free = 0;
    for (let i = 1; i < most; i++) {
      free = i >= table.length || table[i] === NOWHERE ? free + 1 : 0;
      if (free === granules) return i + 1 - granules;
    }
    return -1;
  }

  #tooLarge(byteLength: number): OutOfMemoryError {
    return new OutOfMemoryError(
      `Cannot grow ${this.label}: ${byteLength} bytes in a row exceed the ${MAX_EXTENT_BYTES} that there can be`,
      byteLength,
    );
  }

  #noAddresses(byteLength: number): OutOfMemoryError {
    return new OutOfMemoryError(
      `Cannot grow ${this.label}: no ${byteLength} addresses in a row are left below ${2 ** 32}, ` +
        `${this.byteLength} bytes are in use`,
      byteLength,
    );
  }
}
