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
 * for regions aligned to 8, for the typed arrays.
 *
 * @module
 */
import { MAX_ALIGN, MAX_EXTENT_BYTES } from "./_byte_checks.ts";
import { arraysWithin, TypedArrays } from "./struct/typed_arrays.ts";
import { takeRegion } from "./memory/region.ts";
import { OutOfMemoryError, StaleHandleError } from "./errors.ts";
import type { MemoryRegion, MemoryResource } from "./memory/resource.ts";

/** Every typed array that the engine has, since any struct may come. */
const ALL_ARRAYS = arraysWithin(8);

/** log2 of the least and of the largest granule, in bytes. The least is 4096, for the offsets within one. */
const MIN_SHIFT = 12;
const MAX_SHIFT = 16;

/** An address of a chunk is kept as a unit, which is 8 bytes: below 2^29, so the engine never boxes it. */
export const UNIT_SHIFT = 3;

const NO_BITS = new Int32Array(0);
const NO_LIVES = new Uint32Array(0);

/** The life of what was given back with its memory. */
const GONE = 2 ** 32 - 1;

/** Debug spaces start so far apart, as many as there is room for; from then on two of them share addresses. */
const DEBUG_SPACES = 32;
const DEBUG_STEP = 2 ** 32 / DEBUG_SPACES;

let debugCount = 0;

/** The debug spaces that there are, to tell whose an address is. */
const debugSpaces = new Set<WeakRef<AddressSpace>>();

/** A run of addresses over one region. */
export class Extent extends TypedArrays {
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
  /** In debug mode how often each byte was taken back; else empty. */
  readonly lives: Uint32Array;
  /** In debug mode the space that it is of. */
  private readonly owner: AddressSpace | undefined;

  /**
   * @param base The first address, equal to the region's offset modulo 4096.
   * @param byteLength Bytes.
   * @param region At least so many bytes, aligned to 8.
   * @param keepsStarts Whether it is kept where allocations start.
   * @param owner In debug mode the space that it is of.
   */
  constructor(
    base: number,
    byteLength: number,
    region: MemoryRegion | undefined,
    keepsStarts: boolean,
    owner?: AddressSpace,
  ) {
    super();
    this.base = base;
    this.firstUnit = base >>> UNIT_SHIFT;
    this.byteLength = byteLength;
    this.skew = base & (MAX_ALIGN - 1);
    this.region = region;
    this.starts = keepsStarts ? new Int32Array((byteLength >> UNIT_SHIFT) + 31 >> 5) : NO_BITS;
    this.lives = owner === undefined ? NO_LIVES : new Uint32Array(byteLength);
    this.owner = owner;
    this.mount();
  }

  /** Makes the typed arrays over the region's buffer as it is now. */
  mount(): void {
    if (this.region === undefined) return;
    this.attach(this.region, this.byteLength, ALL_ARRAYS);
  }

  /** Lets go of the memory, which is the caller's to give back. */
  unmount(): void {
    this.detach();
    this.region = undefined;
    this.top = 0;
    this.starts.fill(0);
    this.lives.fill(GONE);
  }

  // What ends cuts a record off from its last byte at the least: a whole allocation, or the end of one or of a block.
  override epochAt(offset: number, byteLength: number): number {
    return this.lives[offset + byteLength - 1] ?? 0;
  }

  override staleError(offset: number): Error {
    const { label, name } = this.owner!; // without one nothing ever dies
    const address = this.base + offset;
    return new StaleHandleError(
      `Cannot use a view in ${label}: address ${address} was taken back`,
      { pool: name, handle: address, index: -1, generation: -1, chunkGeneration: -1 },
    );
  }

  /**
   * Notes that what was given out is taken back; without debug mode nothing is noted.
   *
   * @param from The first byte of it, counted from the extent's first.
   * @param to The first byte past it.
   */
  endLives(from: number, to: number): void {
    const { lives } = this;
    if (lives.length > 0) { for (let at = from; at < to; at++) lives[at]++; }
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
  /** The name in it. */
  readonly name: string;
  /** The first granule that it gives addresses from as long as there are. */
  readonly firstGranule: number;
  /** The extents in the order in which they came. */
  readonly extents: Extent[] = [];
  /** The extent of each granule; of those past its end there is none. */
  readonly table: Extent[] = [NOWHERE]; // so that 0 is no address
  /** log2 of the bytes of a granule. */
  readonly shift: number;
  /** Bytes of all extents. */
  byteLength = 0;
  /** Whether every extent was given back for good. */
  isDisposed = false;

  private readonly memory: MemoryResource;
  private readonly keepsStarts: boolean;
  /** In debug mode what it is registered as. */
  private readonly self: WeakRef<AddressSpace> | undefined;

  /**
   * @param label How errors call the allocator.
   * @param memory Where extents come from.
   * @param extentBytes Bytes that most of them will have, from which the granule follows.
   * @param keepsStarts Whether it is kept where allocations start, at a bit for each 8 bytes.
   * @param debug The allocator's name, in debug mode.
   */
  constructor(
    label: string,
    memory: MemoryResource,
    extentBytes: number,
    keepsStarts: boolean,
    debug?: string,
  ) {
    this.label = label;
    this.memory = memory;
    this.keepsStarts = keepsStarts;
    const isDebug = debug !== undefined;
    this.name = debug ?? "";
    // In debug mode the largest, as there are many granules before the first address.
    const shift = isDebug ? MAX_SHIFT : 32 - Math.clz32(extentBytes - 1);
    this.shift = Math.max(MIN_SHIFT, Math.min(shift, MAX_SHIFT));
    const start = isDebug ? debugCount++ % DEBUG_SPACES * DEBUG_STEP : 0;
    this.firstGranule = 1 + (start >>> this.shift); // as 0 is no address
    while (this.table.length < this.firstGranule) this.table.push(NOWHERE);
    if (isDebug) debugSpaces.add(this.self = new WeakRef(this));
  }

  /** Whether it is noted what is taken back. */
  get isDebug(): boolean {
    return this.self !== undefined;
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
    return this.place((first << this.shift >>> 0) + skew, byteLength, region);
  }

  /**
   * Takes a region for given addresses.
   *
   * @param base The first address.
   * @param byteLength Bytes.
   * @returns The region; `undefined` where the resource has none that lies as the addresses do.
   * @throws {OutOfMemoryError} when the resource has no such region.
   */
  takeFor(base: number, byteLength: number): MemoryRegion | undefined {
    const skew = base & (MAX_ALIGN - 1);
    const align = skew === 0 ? MAX_ALIGN : skew & -skew;
    const region = takeRegion(this.memory, this.label, byteLength, align);
    if ((region.byteOffset & (MAX_ALIGN - 1)) === skew) return region;
    this.memory.release(region);
    return undefined;
  }

  /**
   * Gives a region back that no extent was made of.
   *
   * @param region What {@linkcode takeFor} gave.
   */
  giveBack(region: MemoryRegion): void {
    this.memory.release(region);
  }

  /**
   * Makes the table end where it did, so that the next addresses are the same.
   *
   * @param length Entries, no fewer than there are up to the last extent.
   */
  setTableLength(length: number): void {
    while (this.table.length < length) this.table.push(NOWHERE);
    this.table.length = length;
  }

  /**
   * Makes an extent of a region.
   *
   * @param base Its first address, equal to the region's offset modulo 4096; its granules are free.
   * @param byteLength Bytes.
   * @param region At least so many bytes.
   * @returns The extent.
   */
  place(base: number, byteLength: number, region: MemoryRegion): Extent {
    const first = base >>> this.shift;
    const granules = (base + byteLength - 1 >>> this.shift) + 1 - first;
    const owner = this.isDebug ? this : undefined;
    const extent = new Extent(base, byteLength, region, this.keepsStarts, owner);
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
    extent.unmount();
    this.memory.release(region);
  }

  /** Gives every extent back, for good. */
  unmountAll(): void {
    this.isDisposed = true;
    if (this.self !== undefined) debugSpaces.delete(this.self);
    while (this.extents.length > 0) this.unmount(this.extents[this.extents.length - 1]);
  }

  /** Makes the typed arrays of every extent anew, after somebody replaced the buffer of its region by a longer one. */
  rebind(): void {
    for (const extent of this.extents) extent.mount();
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
   * Tells whose an address is, in O(debug allocators).
   *
   * @param address Any number.
   * @returns How errors call the other debug allocator that has it; `undefined` where there is none that is known to.
   */
  ownerOf(address: number): string | undefined {
    if (!this.isDebug || this.find(address) !== NOWHERE) return undefined;
    for (const ref of debugSpaces) {
      const other = ref.deref();
      if (other === undefined) debugSpaces.delete(ref);
      else if (other.firstGranule !== this.firstGranule && other.has(address)) return other.label;
    }
    return undefined;
  }

  private has(address: number): boolean {
    const { base, byteLength } = this.find(address);
    return address >= base && address - base < byteLength;
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
