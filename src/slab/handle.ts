/**
 * Handles: a chunk index and a generation in one number. The only file that shifts handle bits.
 *
 * ```text
 * compact   0 g g g g g g g g g g i i i … i      below 2^30: always unboxed
 *             └ generation ──────┘ └ index, log2(maxChunks) bits
 * wide      generation × 2^indexBits + index     below 2^53: a safe integer
 * ```
 *
 * Generations start at 1, so no handle is ever 0, which is the null handle. Where several slabs
 * share one range of handles, as in a `PoolSet`, the top bits hold the part: the slab's number.
 *
 * @module
 */

/**
 * How a pool packs index and generation into a handle: `"compact"` below 2^30, `"wide"` below 2^53.
 *
 * @category Handles
 */
export type HandleKind = "compact" | "wide";

/** Which part of the handles belongs to a slab, where several slabs share one range of handles. */
export interface HandlePart {
  /** Number of top bits that hold the part, 0 to 11. */
  readonly bits: number;
  /** The part, 0 to 2^bits - 1. */
  readonly part: number;
  /** Whether the slab is a size class of a set, the one at position `part`. @default {false} */
  readonly isSizeClass?: boolean;
}

/** The part of a slab that shares its handles with no other slab. */
export const WHOLE: HandlePart = { bits: 0, part: 0 };

/**
 * How one pool packs its handles. A **stamp** is a chunk's generation and its live bit in one
 * integer, `generation * 2 + live`: one lookup and one comparison tell whether a handle's record is
 * live.
 */
export interface HandleCodec {
  /** Equal for codecs that pack in the same way, so that they can share compiled code. */
  readonly key: string;
  /** Bits of the index, 0 to 32. */
  readonly indexBits: number;
  /** The last generation, after which a chunk wraps (compact) or is retired (wide). */
  readonly maxGeneration: number;
  /**
   * Whether the last generation is followed by 1 (compact), or the chunk is retired for good
   * (wide).
   */
  readonly wraps: boolean;
  /** Bytes of a stamp. */
  readonly stampBytes: 2 | 4;
  /** The top bits of all handles of this part, as a number: index 0 at generation 0. */
  readonly first: number;
  /** Whether the slab is a size class of a set. */
  readonly isSizeClass: boolean;
  /** Whether handles are the numbers of debug mode, which hold neither index nor generation. */
  readonly areNumbers: boolean;
  /**
   * @param handle Any number.
   * @returns The index bits, 0 to 2^indexBits - 1.
   */
  index(handle: number): number;
  /**
   * @param handle Any number.
   * @returns The stamp of the handle's chunk while its record is live; -1, which no chunk has, if
   * the number is no integer in range or belongs to another part.
   */
  liveStamp(handle: number): number;
  /**
   * @param index Chunk index plus {@linkcode first}.
   * @param stamp Stamp of that chunk, live or free.
   * @returns The handle of its record.
   */
  encode(index: number, stamp: number): number;
  /**
   * @param handle Any number.
   * @returns The part of a handle; for numbers that are no handles, any number.
   */
  partOf(handle: number): number;
  /**
   * @param handle Any value.
   * @returns Whether any pool gave it out before. Implemented in debug mode only.
   */
  wasGiven?(handle: unknown): boolean;
}

/**
 * @param codec How a pool packs its handles.
 * @returns The stamp of a live record of the last generation.
 */
export function lastStampOf({ maxGeneration }: HandleCodec): number {
  return maxGeneration * 2 + 1;
}

/** Bits of a compact handle. */
export const COMPACT_BITS = 30;
/** Bits of a wide handle. */
const WIDE_BITS = 53;

/** Handles below 2^30, with stamps of 2 bytes, so at most 15 bits of generation. */
export class CompactHandles implements HandleCodec {
  readonly key: string;
  readonly indexBits: number;
  readonly maxGeneration: number;
  readonly wraps = true;
  readonly stampBytes = 2;
  readonly first: number;
  readonly isSizeClass: boolean;
  readonly areNumbers = false;
  /** Ones at the bits of the index. */
  private readonly indexMask: number;
  /** Ones at the bits of index and generation, which are below the part. */
  private readonly bareMask: number;
  /** Bits below the part. */
  private readonly partShift: number;

  /**
   * @param indexBits Bits of the index, 0 to 22.
   * @param part The part of this codec's handles.
   * @param generationBits Bits of the generation, by default all that are left.
   */
  constructor(
    indexBits: number,
    { bits, part, isSizeClass = false }: HandlePart = WHOLE,
    generationBits: number = Math.min(15, COMPACT_BITS - bits - indexBits),
  ) {
    this.key = ["compact", indexBits, bits, part, generationBits].join();
    this.indexBits = indexBits;
    // Shifts instead of 2 ** n, which the engine stores as a float.
    this.maxGeneration = (1 << generationBits) - 1;
    this.indexMask = (1 << indexBits) - 1;
    this.partShift = COMPACT_BITS - bits;
    this.bareMask = (1 << this.partShift) - 1;
    this.first = part << this.partShift;
    this.isSizeClass = isSizeClass;
  }

  index(handle: number): number {
    return handle & this.indexMask;
  }

  liveStamp(handle: number): number {
    const bare = handle & this.bareMask;
    // One comparison rejects fractions, NaN, strings, numbers out of range, and other parts.
    return (bare | this.first) === handle ? bare >>> this.indexBits << 1 | 1 : -1;
  }

  encode(index: number, stamp: number): number {
    return (stamp >> 1) << this.indexBits | index;
  }

  partOf(handle: number): number {
    return handle >>> this.partShift;
  }
}

/**
 * Handles below 2^53, with stamps of 4 bytes. Generations have at most 30 bits, so that they stay
 * unboxed.
 */
export class WideHandles implements HandleCodec {
  readonly key: string;
  readonly indexBits: number;
  readonly maxGeneration: number;
  readonly wraps = false;
  readonly stampBytes = 4;
  readonly first: number;
  readonly isSizeClass: boolean;
  readonly areNumbers = false;
  /** 2^indexBits. */
  private readonly indexRange: number;
  /** 1 / indexRange: multiplying is faster than dividing, or than the remainder of a float. */
  private readonly perIndex: number;
  /** Ones at the bits of the index, among the low 32 bits. */
  private readonly indexMask: number;
  /** 2 to the number of bits below the part. */
  private readonly bareRange: number;

  /**
   * @param indexBits Bits of the index, 0 to 32.
   * @param part The part of this codec's handles.
   * @param generationBits Bits of the generation, by default all that are left.
   */
  constructor(
    indexBits: number,
    { bits, part, isSizeClass = false }: HandlePart = WHOLE,
    generationBits: number = Math.min(30, WIDE_BITS - bits - indexBits),
  ) {
    this.key = ["wide", indexBits, bits, part, generationBits].join();
    this.indexBits = indexBits;
    this.maxGeneration = (1 << generationBits) - 1;
    this.indexRange = 2 ** indexBits;
    this.perIndex = 2 ** -indexBits;
    this.indexMask = indexBits === 32 ? -1 : (1 << indexBits) - 1;
    this.bareRange = 2 ** (WIDE_BITS - bits);
    this.first = part * this.bareRange;
    this.isSizeClass = isSizeClass;
  }

  index(handle: number): number {
    return (handle & this.indexMask) >>> 0;
  }

  liveStamp(handle: number): number {
    const bare = handle - this.first;
    const generation = Math.floor(bare * this.perIndex);
    const whole = generation * this.indexRange + this.index(handle) + this.first === handle;
    return whole && generation >= 0 && bare < this.bareRange ? generation * 2 + 1 : -1;
  }

  encode(index: number, stamp: number): number {
    return (stamp >>> 1) * this.indexRange + index;
  }

  partOf(handle: number): number {
    return Math.floor(handle / this.bareRange);
  }
}
