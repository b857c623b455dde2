/**
 * Handles of debug mode: numbers from one counter for the whole program, looked up in a table.
 *
 * No number is given out twice. So a stale handle is never accepted, however often its chunk was
 * reused, nor is the handle of another debug pool. Records from a snapshot of a pool without debug
 * mode keep their packed handles as numbers.
 *
 * @module
 */
import { COMPACT_BITS, type HandleCodec } from "./handle.ts";

/** The next number. */
let counter = 1;

/** Numbers above the counter that records from snapshots have; the counter skips them. */
const claimed = new Set<number>();

function nextNumber(): number {
  while (claimed.delete(counter)) counter++;
  return counter++;
}

/** @returns A lower bound of the numbers that will be given out. */
export function nextNumberIs(): number {
  return counter;
}

/** @param end From now on only numbers from this one on are given out. */
export function skipNumbers(end: number): void {
  counter = Math.max(counter, end);
}

/**
 * @param codec How a slab packs its handles.
 * @returns A number above all of them if they are compact; 0 if they are wide, as numbers above
 * those do not fit into links.
 */
export function endOfPacked({ wraps }: HandleCodec): number {
  return wraps ? 2 ** COMPACT_BITS : 0;
}

/** The last record in a chunk. */
interface Entry {
  /** Its handle. */
  readonly number: number;
  /** Index of the chunk. */
  readonly index: number;
  /** Stamp of the chunk while the record was live. */
  readonly stamp: number;
  isLive: boolean;
}

/** The debug handles of one slab. Stamps are those of the packed handles. */
export class DebugHandles implements HandleCodec {
  readonly key: string;
  readonly indexBits: number;
  readonly maxGeneration: number;
  readonly wraps: boolean;
  readonly stampBytes: 2 | 4;
  readonly first: number;
  readonly isSizeClass: boolean;
  readonly areNumbers = true;
  /** The codec that the pool would have without debug mode. */
  readonly packed: HandleCodec;
  private readonly byNumber = new Map<number, Entry>();
  private readonly byIndex = new Map<number, Entry>();

  /** @param packed See {@linkcode packed}. */
  constructor(packed: HandleCodec) {
    this.packed = packed;
    this.key = `debug,${packed.key}`;
    this.indexBits = packed.indexBits;
    this.maxGeneration = packed.maxGeneration;
    this.wraps = packed.wraps;
    this.stampBytes = packed.stampBytes;
    this.first = packed.first;
    this.isSizeClass = packed.isSizeClass;
  }

  index(handle: number): number {
    return this.byNumber.get(handle)?.index ?? -1;
  }

  liveStamp(handle: number): number {
    return this.byNumber.get(handle)?.stamp ?? -1;
  }

  /** Returns the handle of a live record, and gives it a new number if it has none yet. */
  encode(firstAndIndex: number, stamp: number): number {
    const index = firstAndIndex - this.first;
    const entry = this.byIndex.get(index);
    const isThere = entry !== undefined && entry.isLive && entry.stamp === stamp;
    return isThere ? entry.number : this.bind(index, stamp, nextNumber());
  }

  /** @param index Index of a chunk whose record is being freed. */
  free(index: number): void {
    const entry = this.byIndex.get(index);
    if (entry !== undefined) entry.isLive = false;
  }

  /**
   * @param index Index of a chunk.
   * @returns Handle of its last record, live or dead; 0 if it is unknown.
   */
  last(index: number): number {
    return this.byIndex.get(index)?.number ?? 0;
  }

  partOf(): number {
    return 0; // numbers hold no part
  }

  /**
   * @param handle Any number.
   * @returns Whether it is the handle of a live record.
   */
  isLive(handle: number): boolean {
    return this.byNumber.get(handle)?.isLive === true;
  }

  wasGiven(handle: unknown): boolean {
    return Number.isInteger(handle) && handle as number > 0 && handle as number < counter;
  }

  /**
   * Replaces the table by that of a snapshot.
   *
   * @param records Index, stamp and number of each live record; number 0 if the snapshot has none.
   */
  restore(records: Iterable<readonly [index: number, stamp: number, number: number]>): void {
    this.byNumber.clear();
    this.byIndex.clear();
    for (const [index, stamp, saved] of records) {
      const number = saved === 0 ? this.packed.encode(this.first + index, stamp) : saved;
      if (number >= counter) claimed.add(number);
      this.bind(index, stamp, number);
    }
  }

  private bind(index: number, stamp: number, number: number): number {
    const before = this.byIndex.get(index);
    if (before !== undefined) this.byNumber.delete(before.number);
    const entry: Entry = { number, index, stamp, isLive: true };
    this.byIndex.set(index, entry);
    this.byNumber.set(number, entry);
    return number;
  }
}
