/**
 * Handles: a chunk index and a generation in one number. The only file that shifts handle bits.
 *
 * ```text
 * compact   0 g g g g g g g g g g i i i … i      below 2^30: always unboxed
 *             └ generation ──────┘ └ index, log2(maxChunks) bits
 * wide      generation × 2^indexBits + index     below 2^53: a safe integer
 * ```
 *
 * Generations start at 1, so no handle is ever 0, the null handle.
 *
 * @module
 */

/** How a pool packs index and generation: `"compact"` below 2^30, `"wide"` below 2^53. */
export type HandleKind = "compact" | "wide";

/**
 * Which of all handles a slab gives out, where several share them: those with its part in their top bits.
 */
export interface HandlePart {
  /** Top bits that tell the parts apart, 0 to 11. */
  readonly bits: number;
  /** The part, 0 to 2^bits - 1. */
  readonly part: number;
  /** Position of the slab among the size classes of its set; left out where it is none of them. */
  readonly sizeClass?: number;
}

/** The part of a slab that shares its handles with nobody. */
export const WHOLE: HandlePart = { bits: 0, part: 0 };

/**
 * How one pool packs its handles. A **stamp** is a chunk's generation and its live bit in one integer,
 * `generation * 2 + live`: 1 lookup and 1 comparison tell whether a handle's record is live.
 */
export interface HandleCodec {
  /** The same for codecs that pack alike, which code that was compiled for one of them serves as well. */
  readonly key: string;
  /** Bits of the index, 0 to 32. */
  readonly indexBits: number;
  /** The last generation before a chunk wraps (compact) or retires (wide). */
  readonly maxGeneration: number;
  /** Whether a chunk starts again at generation 1 after the last (compact), or is given out no more (wide). */
  readonly wraps: boolean;
  /** Bytes that a stamp takes. */
  readonly stampBytes: 2 | 4;
  /** What all handles of this part have in their top bits: the handle of index 0, generation 0. */
  readonly first: number;
  /** Whether it is that of a size class. */
  readonly isSizeClass: boolean;
  /** Whether handles are the numbers of debug mode, which have neither index nor generation in them. */
  readonly areNumbers: boolean;
  /**
   * @param handle Any number.
   * @returns The index bits, 0 to 2^indexBits - 1.
   */
  index(handle: number): number;
  /**
   * @param handle Any number.
   * @returns The stamp that the handle's chunk has while the handle is live; -1, which no chunk has, for what is
   * no integer in range, or is of another part.
   */
  liveStamp(handle: number): number;
  /**
   * @param index Chunk index, {@linkcode first} added.
   * @param stamp Stamp of that chunk.
   * @returns The handle of the record there.
   */
  encode(index: number, stamp: number): number;
  /**
   * @param handle Any number.
   * @returns The part that it is of; anything for what is no handle.
   */
  partOf(handle: number): number;
  /**
   * @param handle Any value.
   * @returns Whether it was given out before, by whatever pool. Only debug mode knows.
   */
  wasGiven?(handle: unknown): boolean;
}

/** Bits of a compact and of a wide handle. */
const COMPACT_BITS = 30;
const WIDE_BITS = 53;

/** Handles below 2^30: 2 bytes of stamp a chunk, so at most 15 bits of generation. */
export class CompactHandles implements HandleCodec {
  readonly key: string;
  readonly indexBits: number;
  readonly maxGeneration: number;
  readonly wraps = true;
  readonly stampBytes = 2;
  readonly first: number;
  readonly isSizeClass: boolean;
  readonly areNumbers = false;
  /** Ones where the index is. */
  private readonly indexMask: number;
  /** Ones where index and generation are; the part is above. */
  private readonly bareMask: number;
  private readonly partShift: number;

  /**
   * @param indexBits Bits of the index, 0 to 22.
   * @param part The handles that are this codec's.
   * @param generationBits Bits of the generation, by default all that are left.
   */
  constructor(
    indexBits: number,
    { bits, part, sizeClass }: HandlePart = WHOLE,
    generationBits: number = Math.min(15, COMPACT_BITS - bits - indexBits),
  ) {
    this.key = ["compact", indexBits, bits, part, generationBits].join();
    this.indexBits = indexBits;
    // Shifts, since 2 ** n is a float to the engine, and so would these fields be.
    this.maxGeneration = (1 << generationBits) - 1;
    this.indexMask = (1 << indexBits) - 1;
    this.partShift = COMPACT_BITS - bits;
    this.bareMask = (1 << this.partShift) - 1;
    this.first = part << this.partShift;
    this.isSizeClass = sizeClass !== undefined;
  }

  index(handle: number): number {
    return handle & this.indexMask;
  }

  liveStamp(handle: number): number {
    const bare = handle & this.bareMask;
    // One comparison refuses fractions, NaN, strings, what is negative or too large, and other parts.
    return (bare | this.first) === handle ? bare >>> this.indexBits << 1 | 1 : -1;
  }

  encode(index: number, stamp: number): number {
    return (stamp >> 1) << this.indexBits | index;
  }

  partOf(handle: number): number {
    return handle >>> this.partShift;
  }
}

/** Handles below 2^53: 4 bytes of stamp a chunk, so at most 30 bits of generation, which keep it unboxed. */
export class WideHandles implements HandleCodec {
  readonly key: string;
  readonly indexBits: number;
  readonly maxGeneration: number;
  readonly wraps = false;
  readonly stampBytes = 4;
  readonly first: number;
  readonly isSizeClass: boolean;
  readonly areNumbers = false;
  /** 2^indexBits, and 1 by it: the engine calls a function for the remainder of a float, and dividing is slow. */
  private readonly indexRange: number;
  private readonly perIndex: number;
  /** Ones where the index is, among the low 32 bits. */
  private readonly indexMask: number;
  /** Index and generation are below it; the part is what it divides a handle by. */
  private readonly bareRange: number;

  /**
   * @param indexBits Bits of the index, 0 to 32.
   * @param part The handles that are this codec's.
   * @param generationBits Bits of the generation, by default all that are left.
   */
  constructor(
    indexBits: number,
    { bits, part, sizeClass }: HandlePart = WHOLE,
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
    this.isSizeClass = sizeClass !== undefined;
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
