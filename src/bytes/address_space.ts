/**
 * `AddressSpace`: a set of extents of memory, and the extent of any address in O(1).
 *
 * ```text
 * address   0        1 × granule   2 × granule      3 × granule              5 × granule
 *           │        │ extent 0    │ ·extent 1 ──── │ ──── extent 1, end     │ extent 2 …
 * table     NO_EXTENT  extent 0      extent 1         extent 1   NO_EXTENT     extent 2
 * ```
 *
 * A granule is a run of addresses whose size is a power of two, from 4096 to 65,536. It belongs to
 * at most one extent, so a table with one entry a granule finds the extent of an address.
 *
 * An address and its offset in the buffer are equal modulo 4096. If a region does not start at a
 * multiple of 4096, its extent starts equally far into its granule (the dot). So an aligned address
 * is an aligned offset too, and regions need to be aligned to 8 only, for the typed arrays.
 *
 * A region that begins in the same buffer where an extent ends can be appended to that extent. The
 * last appended region can be released by itself.
 *
 * @module
 */
import { MAX_EXTENT_BYTES } from "./checks.ts";
import { arraysWithin, type RecordKeeper, TypedArrays } from "../struct/typed_arrays.ts";
import { MAX_ALIGN, releaseAll, takeRegion } from "../memory/region.ts";
import { OutOfMemoryError } from "../errors.ts";
import type { MemoryRegion, MemoryResource } from "../memory/resource.ts";
import type { SpaceKeeper } from "../slab/debug_spaces.ts";

/** Every typed array of this engine, since a record of any struct may be allocated. */
const ALL_ARRAYS = /* @__PURE__ */ arraysWithin(8);

/** log2 of the smallest and of the largest granule, in bytes. */
const MIN_SHIFT = 12;
const MAX_SHIFT = 16;

/** log2 of a unit, 8 bytes. Addresses divided by 8 are below 2^29, which V8 never boxes. */
export const UNIT_SHIFT = 3;

const NO_BITS = /* @__PURE__ */ new Int32Array(0);
const NO_EPOCHS = /* @__PURE__ */ new Uint32Array(0);

/**
 * New extents get fresh addresses until the table has this many entries, or twice as many as there
 * are granules in use. So a freed address stays invalid for long, and the table stays short.
 */
const FRESH_GRANULES = 1024;

/** A run of addresses over one region, or over several that lie side by side. */
export class Extent extends TypedArrays {
  /** The first address, a multiple of 8. */
  readonly base: number;
  /** The first unit, `base / 8`. */
  readonly firstUnit: number;
  /** Bytes, at most 2^30. */
  byteLength: number;
  /** The base modulo 4096, which alignments have to take into account. */
  readonly skew: number;
  /** The first region; `undefined` after the extent was unmapped. */
  region: MemoryRegion | undefined;
  /** The regions that were appended to the first, in order. */
  readonly joined: MemoryRegion[] = [];
  /** Where each of them begins, in bytes from the start of the extent; multiples of 8. */
  readonly joinedAt: number[] = [];
  /** Whether a heap took it for one large allocation. */
  isSingle = false;
  /** Bytes from the start that are allocated, in allocators that allocate in order. */
  top = 0;
  /**
   * Bit `u & 31` of word `u >> 5` is set while an allocation starts at unit `u` of the extent, in
   * allocators that track it. The array never shrinks, so it may be longer than the extent.
   */
  starts: Int32Array;
  /**
   * In debug mode the number of times that each byte was freed; else empty. It never shrinks
   * either.
   */
  epochs: Uint32Array;
  /** The keeper of the space, in debug mode. */
  readonly #keeper: RecordKeeper | undefined;

  /**
   * @param base The first address, equal to the region's offset modulo 4096.
   * @param byteLength Bytes.
   * @param region At least `byteLength` bytes, aligned to 8.
   * @param keepsStarts Whether to track where allocations start.
   * @param keeper The keeper of the space, in debug mode.
   */
  constructor(
    base: number,
    byteLength: number,
    region: MemoryRegion | undefined,
    keepsStarts: boolean,
    keeper?: RecordKeeper,
  ) {
    super();
    this.base = base;
    this.firstUnit = base >>> UNIT_SHIFT;
    this.byteLength = byteLength;
    this.skew = base & (MAX_ALIGN - 1);
    this.region = region;
    this.starts = keepsStarts ? new Int32Array(wordsFor(byteLength)) : NO_BITS;
    this.epochs = keeper === undefined ? NO_EPOCHS : new Uint32Array(byteLength);
    this.#keeper = keeper;
    this.rebind();
  }

  /** Makes the typed arrays over the current buffer of the region. */
  rebind(): void {
    if (this.region === undefined) return;
    this.attach(this.region, this.byteLength, ALL_ARRAYS);
  }

  /** Detaches the extent from its regions, which the caller releases. */
  unmap(): void {
    this.detach();
    this.region = undefined;
    this.joined.length = 0;
    this.joinedAt.length = 0;
    this.top = 0;
    this.starts.fill(0);
    this.endEpoch(0, this.epochs.length); // it may be mapped again
  }

  override get keeper(): RecordKeeper | undefined {
    return this.#keeper;
  }

  /**
   * Starts a new epoch for bytes that were freed; does nothing without debug mode.
   *
   * @param from Offset of the first byte.
   * @param to Offset past the last byte.
   */
  endEpoch(from: number, to: number): void {
    const { epochs } = this;
    if (epochs.length > 0) { for (let at = from; at < to; at++) epochs[at]++; }
  }

  /**
   * @param at Byte offset in the extent.
   * @param align Power of two up to 4096.
   * @returns The first offset from there on that is aligned, in addresses and in memory alike.
   */
  alignUp(at: number, align: number): number {
    return (at + this.skew + align - 1 & -align) - this.skew;
  }
}

/** Words of 32 bits that hold one bit for each unit. */
export function wordsFor(byteLength: number): number {
  return (byteLength + 7 >> UNIT_SHIFT) + 31 >> 5;
}

/** The empty extent, which means "no extent". */
export const NO_EXTENT: Extent = /* @__PURE__ */ new Extent(0, 0, undefined, false);

/** A set of extents of memory, which can be added and removed. */
export class AddressSpace {
  /** How errors name the allocator, `Arena "frame"`. */
  readonly label: string;
  /** The first granule for new extents, as long as there are enough from there on. */
  readonly firstGranule: number;
  /** The extents in the order in which they were added. */
  readonly extents: Extent[] = [];
  /** The extent of each granule. Granule 0 has none, so that 0 is no address. */
  readonly table: Extent[] = [NO_EXTENT];
  /** log2 of the bytes of a granule, 12 to 16. */
  readonly shift: number;
  /** Bytes of all extents. */
  byteLength = 0;
  /** Granules of all extents. */
  granules = 0;
  /** No granule between the first for new extents and this one is free. */
  #lowest = 0;
  /** How many calls of the resource are under way. */
  #calls = 0;
  readonly memory: MemoryResource;
  private readonly keepsStarts: boolean;
  /** The state of debug mode for this space; `undefined` without it. */
  readonly keeper: SpaceKeeper | undefined;

  /**
   * @param label How errors name the allocator.
   * @param memory Where regions come from.
   * @param extentBytes Bytes of most extents, from which the size of a granule follows.
   * @param keepsStarts Whether to track where allocations start, with a bit for each 8 bytes.
   * @param keeper The state of debug mode for this space.
   */
  constructor(
    label: string,
    memory: MemoryResource,
    extentBytes: number,
    keepsStarts: boolean,
    keeper?: SpaceKeeper,
  ) {
    this.label = label;
    this.memory = memory;
    this.keepsStarts = keepsStarts;
    this.keeper = keeper;
    // The largest in debug mode, as the table has an entry for every granule before the first.
    const shift = keeper !== undefined ? MAX_SHIFT : 32 - Math.clz32(extentBytes - 1);
    this.shift = Math.max(MIN_SHIFT, Math.min(shift, MAX_SHIFT));
    this.firstGranule = 1 + ((keeper?.start ?? 0) >>> this.shift);
    this.#extendTable(this.firstGranule);
    keeper?.begin(this);
  }

  // -- adding --

  /**
   * Takes a region from the resource and maps it.
   *
   * @param byteLength Bytes, a positive integer.
   * @param align Power of two up to 4096 that the first address is a multiple of; less than 8
   * counts as 8.
   * @param join Appends the region to an extent and returns that, or `undefined` if it cannot.
   * @returns A new extent, zeroed, or what `join` returned.
   * @throws {OutOfMemoryError} when the resource has no such region, or no addresses are left;
   * nothing changed then.
   * @throws {TypeError | RangeError} when the resource returned something else.
   */
  map(
    byteLength: number,
    align: number,
    join?: (region: MemoryRegion) => Extent | undefined,
  ): Extent {
    if (byteLength > MAX_EXTENT_BYTES) throw this.#tooLargeError(byteLength);
    const region = this.#take(byteLength, Math.max(align, 8));
    const joined = join?.(region);
    if (joined !== undefined) return joined;
    const skew = region.byteOffset & (MAX_ALIGN - 1);
    const granules = (skew + byteLength - 1 >>> this.shift) + 1;
    const first = this.#findGranules(granules);
    if (first < 0) {
      this.release([region]);
      throw this.#noAddressesError(byteLength);
    }
    // A shift, since V8 would keep a product with a power as a float, and every base with it.
    return this.mapAt((first << this.shift >>> 0) + skew, byteLength, region);
  }

  /**
   * Maps a new extent in place of empty ones, for a resource that has no room for it beside them.
   *
   * @param spares Extents of this space without allocations. They are released; if that does not
   * help, they are taken again. A spare for which the resource has no memory then is removed.
   * @param byteLength Bytes of the new extent.
   * @param align Power of two up to 4096 that its first address is a multiple of; less than 8
   * counts as 8.
   * @returns The new extent, zeroed; no spare extent has a region any more.
   * @throws {OutOfMemoryError} when the resource still has no such region. What its release() throws
   * is thrown on, and the spares are taken again then, too.
   */
  mapInstead(spares: readonly Extent[], byteLength: number, align: number): Extent {
    try {
      this.release(spares.flatMap(regionsOf));
      const extent = this.map(byteLength, align);
      this.#remove(spares);
      return extent;
    } catch (error) {
      this.#remove(spares.filter((spare) => !this.#takeAgain(spare)));
      throw error;
    }
  }

  /**
   * Maps a region at a given address.
   *
   * @param base The first address, equal to the region's offset modulo 4096; its granules are free.
   * @param byteLength Bytes.
   * @param region At least `byteLength` bytes.
   * @returns The new extent.
   */
  mapAt(base: number, byteLength: number, region: MemoryRegion): Extent {
    const extent = new Extent(base, byteLength, region, this.keepsStarts, this.keeper);
    this.fillTable(extent, base >>> this.shift);
    this.extents.push(extent);
    this.byteLength += byteLength;
    return extent;
  }

  /**
   * Takes a region from the resource that can be mapped at a given address.
   *
   * @param base The first address.
   * @param byteLength Bytes.
   * @returns The region; `undefined` when the resource gives one of another offset modulo 4096.
   * @throws {OutOfMemoryError} when the resource has no such region.
   */
  takeRegionFor(base: number, byteLength: number): MemoryRegion | undefined {
    const skew = base & (MAX_ALIGN - 1);
    const align = skew === 0 ? MAX_ALIGN : skew & -skew;
    const region = this.#take(byteLength, align);
    if ((region.byteOffset & (MAX_ALIGN - 1)) === skew) return region;
    this.release([region]);
    return undefined;
  }

  /**
   * Takes a region from the resource. The resource may grow its memory, which detaches the others:
   * their arrays are made again.
   */
  #take(byteLength: number, align: number): MemoryRegion {
    this.#calls++;
    try {
      return takeRegion(this.memory, this.label, byteLength, align);
    } finally {
      this.#calls--;
      if (this.isDetached) this.rebind();
    }
  }

  /** Whether the resource was called, and calls back in the middle of a change. */
  get isCalling(): boolean {
    return this.#calls > 0;
  }

  // -- removing --

  /**
   * Removes extents, whose memory is released later: the resource may throw or call back.
   *
   * @param extents Extents of this space.
   * @returns Their regions, for {@linkcode release}.
   */
  withdraw(extents: readonly Extent[]): MemoryRegion[] {
    this.#remove(extents);
    return extents.flatMap(regionsOf);
  }

  /**
   * Releases regions to the resource, all of them even if it throws; then throws the first error.
   *
   * @param regions Regions that no extent has any more.
   */
  release(regions: readonly MemoryRegion[]): void {
    this.#calls++;
    try {
      releaseAll(this.memory, regions);
    } finally {
      this.#calls--;
    }
  }

  /** Releases every extent for good. */
  unmapAll(): void {
    this.keeper?.end();
    this.release(this.withdraw(this.extents.toReversed()));
  }

  // -- looking up --

  /** Makes the typed arrays of every extent anew, after the buffer under it was replaced. */
  rebind(): void {
    for (const extent of this.extents) extent.rebind();
  }

  /** Whether the memory was detached: a `WebAssembly.Memory` that grows detaches all at once. */
  get isDetached(): boolean {
    const { extents } = this;
    let i = 0;
    // Those that make way for another have no memory meanwhile.
    while (i < extents.length && extents[i].region === undefined) i++;
    return i < extents.length && extents[i].u8.length === 0;
  }

  /**
   * Finds the extent of an address, in O(1).
   *
   * @param address Any number.
   * @returns The extent of its granule; {@linkcode NO_EXTENT} if there is none. The address may lie
   * before the start or past the end of the extent.
   */
  find(address: number): Extent {
    const granule = address >>> this.shift;
    // The first comparison rejects fractions, NaN, strings, negative and too large numbers.
    return address >>> 0 === address && granule < this.table.length
      ? this.table[granule]
      : NO_EXTENT;
  }

  /**
   * Finds the address of a byte of a buffer, in O(extents).
   *
   * @param buffer Any buffer.
   * @param byteOffset Offset in it, in bytes.
   * @returns The address; 0 when no extent has that byte.
   */
  locate(buffer: ArrayBufferLike, byteOffset: number): number {
    for (const { u8, base } of this.extents) {
      const at = byteOffset - u8.byteOffset;
      if (u8.buffer === buffer && at >= 0 && at < u8.length) return base + at;
    }
    return 0;
  }

  // -- inside --

  /** Takes a region for an extent again; returns false when the resource has none any more. */
  #takeAgain(extent: Extent): boolean {
    try {
      extent.region = this.takeRegionFor(extent.base, extent.byteLength);
    } catch {
      // The caller throws the first error, which tells more.
    }
    extent.rebind();
    return extent.region !== undefined;
  }

  /** Removes extents and their addresses. */
  #remove(extents: readonly Extent[]): void {
    for (const extent of extents) {
      this.clearTable(extent, extent.base >>> this.shift);
      this.byteLength -= extent.byteLength;
    }
    removeAll(this.extents, extents);
  }

  /** Makes the table as long as it was; no extent is past the end. */
  resizeTable(length: number): void {
    this.#extendTable(length);
    this.table.length = length;
    this.#lowest = 0;
  }

  /** Enters an extent into the table, from one granule to its last. */
  fillTable(extent: Extent, first: number): void {
    const end = endGranule(extent, this.shift);
    this.#extendTable(end);
    this.table.fill(extent, first, end);
    this.granules += end - first;
  }

  #extendTable(length: number): void {
    while (this.table.length < length) this.table.push(NO_EXTENT);
  }

  /** Removes an extent from the table, from one granule to its last. */
  clearTable(extent: Extent, first: number): void {
    let end = first;
    for (; this.table[end] === extent; end++) this.table[end] = NO_EXTENT;
    this.granules -= end - first;
    this.#lowest = Math.min(this.#lowest, first);
  }

  /**
   * Finds the first of `granules` free granules in a row for a new extent; -1 when there are none.
   */
  #findGranules(granules: number): number {
    const { table, firstGranule } = this;
    const most = 1 << 32 - this.shift;
    const fresh = firstGranule + Math.max(FRESH_GRANULES, 2 * this.granules);
    // Appends while the table is short, so that a freed address stays invalid for long.
    if (table.length + granules <= Math.min(fresh, most)) return table.length;
    // Else takes the lowest gap, so that the free addresses stay in one piece; as a last resort one
    // before the first granule for new extents.
    this.#lowest = this.#findGap(1, Math.max(this.#lowest, firstGranule), Infinity);
    const found = this.#findGap(granules, this.#lowest, most);
    return found < 0 ? this.#findGap(granules, 1, firstGranule) : found;
  }

  /** Finds the lowest gap within bounds, in O(extents + free granules); -1 when there is none. */
  #findGap(granules: number, from: number, until: number): number {
    const { table } = this;
    let start = from;
    for (let i = from; i < table.length && i - start < granules;) {
      const extent = table[i];
      i = extent === NO_EXTENT ? i + 1 : endGranule(extent, this.shift);
      if (extent !== NO_EXTENT) start = i;
    }
    return start + granules <= until ? start : -1;
  }

  #tooLargeError(byteLength: number): OutOfMemoryError {
    return new OutOfMemoryError(
      `Cannot grow ${this.label}: ${byteLength} bytes in a row exceed the ${MAX_EXTENT_BYTES} that there can be`,
      byteLength,
    );
  }

  #noAddressesError(byteLength: number): OutOfMemoryError {
    return new OutOfMemoryError(
      `Cannot grow ${this.label}: no ${byteLength} addresses in a row are left below ${2 ** 32}, ` +
        `${this.byteLength} bytes are in use`,
      byteLength,
    );
  }
}

/** Removes extents from a list, in one pass; a single one is looked for from both ends. */
function removeAll(list: Extent[], extents: readonly Extent[]): void {
  if (extents.length === 1) {
    const [extent] = extents;
    let i = 0;
    while (list[i] !== extent && list[list.length - 1 - i] !== extent) i++; // it is there
    list.splice(list[i] === extent ? i : list.length - 1 - i, 1);
  } else if (extents.length > 1) {
    const removed = new Set(extents);
    let left = 0;
    for (const it of list) if (!removed.has(it)) list[left++] = it;
    list.length = left;
  }
}

/** Takes its regions from an extent, which keeps its addresses. */
function regionsOf(extent: Extent): MemoryRegion[] {
  const regions = [extent.region!, ...extent.joined]; // callers pass mapped extents only
  extent.unmap();
  return regions;
}

/** The first granule past an extent. */
export function endGranule({ base, byteLength }: Extent, shift: number): number {
  return (base + byteLength - 1 >>> shift) + 1;
}
