/**
 * An address space: a set of extents that come and go, and the extent of any address in O(1).
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
 * A region that begins where an extent ends, in the same buffer, can join it: the extent is longer then, and has two
 * regions. The last one can go back by itself.
 *
 * @module
 */
import { MAX_EXTENT_BYTES } from "./checks.ts";
import { arraysWithin, TypedArrays } from "../struct/typed_arrays.ts";
import { MAX_ALIGN, takeRegion } from "../memory/region.ts";
import { OutOfMemoryError, StaleHandleError } from "../errors.ts";
import type { MemoryRegion, MemoryResource } from "../memory/resource.ts";
import { detachedError, unboundError } from "../slab/slab_errors.ts";

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

/**
 * Addresses that were given back are not used again before the table has so many entries, and twice as many as there are
 * granules in use: an old address is invalid for long, and the table stays short.
 */
const FRESH_GRANULES = 1024;

/** Debug spaces start so far apart, as many as there is room for; from then on two of them share addresses. */
const DEBUG_SPACES = 32;
const DEBUG_STEP = 2 ** 32 / DEBUG_SPACES;

let debugCount = 0;

/** The debug spaces that there are, to tell whose an address is. */
const debugSpaces = new Set<WeakRef<AddressSpace>>();

/** A run of addresses over one region, or over several that lie side by side. */
export class Extent extends TypedArrays {
  /** The first address, a multiple of 8. */
  readonly base: number;
  /** The first unit. */
  readonly firstUnit: number;
  /** Bytes, at most 2^30. */
  byteLength: number;
  /** How far the base is past a multiple of 4096: what an alignment has to count from. */
  readonly skew: number;
  /** The memory, or the first part of it; `undefined` once it was given back. */
  region: MemoryRegion | undefined;
  /** The regions that joined the first, in order. */
  readonly joined: MemoryRegion[] = [];
  /** Where each of them begins, in bytes from the extent's first; a multiple of 8. */
  readonly joints: number[] = [];
  /** Whether it was taken for one large allocation, where an allocator makes a difference. */
  isSingle = false;
  /** Bytes from the start that are in use, where an allocator gives them out in order. */
  top = 0;
  /**
   * Bit `u & 31` of word `u >> 5` is set while an allocation starts at unit `u` of the extent, where that is kept. It may be
   * longer than the extent, which was longer then.
   */
  starts: Int32Array;
  /** In debug mode how often each byte was taken back; else empty. As long as the extent ever was. */
  lives: Uint32Array;
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
    this.starts = keepsStarts ? new Int32Array(wordsFor(byteLength)) : NO_BITS;
    this.lives = owner === undefined ? NO_LIVES : new Uint32Array(byteLength);
    this.owner = owner;
    this.mount();
  }

  /** Makes the typed arrays over the region's buffer as it is now. */
  mount(): void {
    if (this.region === undefined) return;
    this.attach(this.region, this.byteLength, ALL_ARRAYS);
  }

  /**
   * Makes it longer by a region that lies right behind.
   *
   * @param region The region; the extent's bytes are a multiple of 8.
   * @param byteLength Bytes of it.
   */
  join(region: MemoryRegion, byteLength: number): void {
    this.joined.push(region);
    this.joints.push(this.byteLength);
    this.byteLength += byteLength;
    if (this.owner !== undefined) this.lives = longer(this.lives, this.byteLength);
    if (this.starts !== NO_BITS) this.starts = longer(this.starts, wordsFor(this.byteLength));
    this.mount();
  }

  /**
   * Makes it shorter by the region that joined it last.
   *
   * @returns The region, which is the caller's to give back.
   */
  part(): MemoryRegion {
    this.byteLength = this.joints.pop()!; // only an extent that has some comes here
    this.mount();
    return this.joined.pop()!; // as many as joints
  }

  /** Lets go of the memory, which is the caller's to give back. */
  unmount(): void {
    this.detach();
    this.region = undefined;
    this.joined.length = 0;
    this.joints.length = 0;
    this.top = 0;
    this.starts.fill(0);
    this.lives.fill(GONE);
  }

  // What ends cuts a record off from its last byte at the least: a whole allocation, or the end of one or of a block.
  override epochAt(offset: number, byteLength: number): number {
    if (this.u8.length === 0) return NaN; // equal to no epoch, not to itself either
    return this.lives[offset + byteLength - 1] ?? 0;
  }

  override staleError(offset: number): Error {
    if (this.owner === undefined) return unboundError();
    const { label, name } = this.owner;
    if (this.u8.length === 0 && this.region !== undefined) {
      return detachedError(`use a view in ${label}`, "its memory");
    }
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

/** Words for a bit for each unit. */
function wordsFor(byteLength: number): number {
  return (byteLength >> UNIT_SHIFT) + 31 >> 5;
}

/** An array with its contents, and at least so many elements. */
function longer<A extends Int32Array | Uint32Array>(array: A, length: number): A {
  if (array.length >= length) return array;
  const ArrayClass = array.constructor as new (length: number) => A; // which both classes have
  const copy = new ArrayClass(length);
  copy.set(array);
  return copy;
}

/** The extent of every address that has none. */
export const NOWHERE: Extent = new Extent(0, 0, undefined, false);

/** A set of extents that come and go. */
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
  /** Granules of all extents. */
  granules = 0;
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
   * Takes memory from the resource: as an extent, or as more of one that it lies right behind.
   *
   * @param byteLength Bytes, a positive integer.
   * @param align Power of two up to 4096 that its first address is a multiple of; less than 8 counts as 8.
   * @param neighbour An extent that it may join.
   * @returns A new extent, zeroed; or the neighbour, longer by so many bytes.
   * @throws {OutOfMemoryError} when the resource has no such region, or no addresses are left; nothing changed then.
   * @throws {TypeError | RangeError} when the resource returned something else.
   */
  mount(byteLength: number, align: number, neighbour: Extent = NOWHERE): Extent {
    if (byteLength > MAX_EXTENT_BYTES) throw this.#tooLarge(byteLength);
    const region = takeRegion(this.memory, this.label, byteLength, Math.max(align, 8));
    if (this.#canJoin(neighbour, region, byteLength)) {
      return this.#join(neighbour, region, byteLength);
    }
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
   * Takes an extent from the resource in the place of others, for where it has not so much beside them.
   *
   * @param spares Extents of this space that nothing is in. They go back; where that does not help, they are taken anew, and
   * one that the resource does not give again is gone: it has no region then.
   * @param byteLength Bytes of the new one.
   * @param align Power of two up to 4096 that its first address is a multiple of; less than 8 counts as 8.
   * @returns The new extent, zeroed; no spare one has a region any more.
   * @throws {OutOfMemoryError} when the resource still has no such region.
   */
  mountInstead(spares: readonly Extent[], byteLength: number, align: number): Extent {
    for (const extent of spares) this.#release(extent);
    try {
      const extent = this.mount(byteLength, align);
      for (const spare of spares) this.#forget(spare);
      return extent;
    } catch (error) {
      for (const spare of spares) if (!this.#remount(spare)) this.#forget(spare);
      throw error;
    }
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
    this.granules += granules;
    return extent;
  }

  /**
   * Gives an extent back to the resource.
   *
   * @param extent One of this space.
   */
  unmount(extent: Extent): void {
    this.#forget(extent);
    this.#release(extent);
  }

  /**
   * Gives back the region that joined an extent last.
   *
   * @param extent One of this space, with such a region.
   */
  shorten(extent: Extent): void {
    const before = extent.byteLength;
    const region = extent.part();
    this.#vacate(extent, endGranule(extent, this.shift));
    this.byteLength -= before - extent.byteLength;
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

  /** Whether a region lies right behind an extent, and the addresses there are free. */
  #canJoin(extent: Extent, region: MemoryRegion, byteLength: number): boolean {
    const { u8, base, byteLength: before } = extent;
    const isBehind = u8.length > 0 && region.buffer === u8.buffer &&
      region.byteOffset === u8.byteOffset + before;
    if (!isBehind || (before & 7) !== 0 || before + byteLength > MAX_EXTENT_BYTES) return false;
    const last = base + before + byteLength - 1;
    if (last >= 2 ** 32) return false;
    const end = Math.min(last >>> this.shift, this.table.length - 1);
    for (let i = endGranule(extent, this.shift); i <= end; i++) {
      if (this.table[i] !== NOWHERE) return false;
    }
    return true;
  }

  #join(extent: Extent, region: MemoryRegion, byteLength: number): Extent {
    const first = endGranule(extent, this.shift);
    extent.join(region, byteLength);
    const end = endGranule(extent, this.shift);
    while (this.table.length < end) this.table.push(NOWHERE);
    this.table.fill(extent, first, end);
    this.byteLength += byteLength;
    this.granules += end - first;
    return extent;
  }

  /** Gives the memory of an extent back, which keeps its addresses. */
  #release(extent: Extent): void {
    const regions = [extent.region!, ...extent.joined]; // only those that are mounted come here
    extent.unmount();
    for (const region of regions) this.memory.release(region);
  }

  /** Takes the memory of an extent anew; false where there is none any more. */
  #remount(extent: Extent): boolean {
    try {
      extent.region = this.takeFor(extent.base, extent.byteLength);
    } catch (error) {
      if (!(error instanceof OutOfMemoryError)) throw error;
    }
    extent.mount();
    return extent.region !== undefined;
  }

  /** Takes the addresses of an extent from it. */
  #forget(extent: Extent): void {
    this.#vacate(extent, extent.base >>> this.shift);
    this.extents.splice(this.extents.lastIndexOf(extent), 1);
    this.byteLength -= extent.byteLength;
  }

  /** Lets no granule from one on lead to an extent any more. */
  #vacate(extent: Extent, first: number): void {
    let end = first;
    for (; this.table[end] === extent; end++) this.table[end] = NOWHERE;
    this.granules -= end - first;
  }

  /** The first of so many free granules in a row; -1 when there are none. */
  #vacancy(granules: number): number {
    const { table, firstGranule } = this;
    const most = 1 << 32 - this.shift;
    const fresh = firstGranule + Math.max(FRESH_GRANULES, 2 * this.granules);
    // At the end for as long as that goes, so that an address that was given back stays invalid for long.
    if (table.length + granules <= Math.min(fresh, most)) return table.length;
    const found = this.#gap(granules, firstGranule, most);
    // The lowest otherwise, so that what is free stays in one piece; past the end at last, and before the start.
    return found < 0 ? this.#gap(granules, 1, firstGranule) : found;
  }

  /** The lowest of so many free granules in a row within some bounds, in O(extents + free granules); -1 when there are none. */
  #gap(granules: number, from: number, until: number): number {
    const { table } = this;
    let start = from;
    for (let i = from; i < table.length && i - start < granules;) {
      const extent = table[i];
      i = extent === NOWHERE ? i + 1 : endGranule(extent, this.shift);
      if (extent !== NOWHERE) start = i;
    }
    return start + granules <= until ? start : -1;
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

/** The first granule past an extent. */
function endGranule({ base, byteLength }: Extent, shift: number): number {
  return (base + byteLength - 1 >>> shift) + 1;
}
