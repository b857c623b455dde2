/**
 * The state of slabs as bytes, and back.
 *
 * ```text
 * section   words 0 blocks, 1 position of the current one, 2 kinds, 3 unused
 *           floats 2 … 5: allocs, frees, peak, reserved
 *           fingerprint of each kind, by tag, 1 word each
 *           of each block, by position:
 *             words 0 has memory, 1 bump, 2 head, 3 live, 4 retired, 5 unused
 *             its metadata, and where it has memory its whole memory: free lists lie in there
 * ```
 *
 * Everything starts at a multiple of 8 bytes. Going back checks all of it before anything is changed, so that a snapshot
 * that was tampered with, where it has no checksum, can make the bytes of records wrong but never the metadata.
 *
 * @module
 */
import { auditBlock, type BlockMetadata } from "./check.ts";
import { Block, type Geometry } from "./block.ts";
import { linkBytesFor } from "./chunk_memory.ts";
import {
  bytesFor,
  HEADER_WORDS,
  open,
  seal,
  type Sheet,
  sheetOf,
  snapshotError,
  type SnapshotOptions,
} from "./envelope.ts";
import { detachedError } from "./slab_errors.ts";
import type { Slab, SlabState } from "./slab.ts";
import type { SnapshotError } from "../errors.ts";

/** A slab, and the kinds of its records where it has tags. */
export interface Snapped {
  readonly slab: Slab;
  readonly kinds: readonly {
    /** Of its layout and name, to know it again in a snapshot. */
    readonly fingerprint: number;
  }[];
}

/** What a snapshot of each erased pool holds, for the sets that consist of them. */
export const snappedOf: WeakMap<object, readonly Snapped[]> = new WeakMap();

const SECTION_WORDS = 12;
const BLOCK_WORDS = 6;

/** What a count may be at the most, so that it can go on rising for as long as any program runs. */
const MAX_COUNT = 2 ** 52;

/**
 * Writes the state of slabs, in O(bytes of their blocks).
 *
 * @param all The slabs of a pool.
 * @param fingerprint Of the pool's layout.
 * @param into Where to write, if there is room.
 * @param options Whether with a checksum.
 * @returns `into`, or a new array.
 */
export function writeSnapshot(
  all: readonly Snapped[],
  fingerprint: number,
  into: Uint8Array | undefined,
  { checksum = true }: SnapshotOptions,
): Uint8Array {
  let byteLength = HEADER_WORDS * 4;
  for (let i = 0; i < all.length; i++) {
    checkAttached("snapshot", all[i].slab);
    byteLength += sectionBytes(all[i]);
  }
  const { label } = all[0].slab;
  const sheet = sheetOf(bytesFor(label, into, byteLength));
  let at = HEADER_WORDS * 4;
  for (let i = 0; i < all.length; i++) at = writeSection(sheet, at, all[i]);
  seal(sheet, fingerprint, all.length, byteLength, checksum);
  return sheet.bytes;
}

/**
 * Goes back to a state.
 *
 * @param all The slabs of a pool.
 * @param fingerprint Of the pool's layout.
 * @param bytes The snapshot.
 * @throws {SnapshotError} when it is none that the pool can go back to.
 * @throws {OutOfMemoryError} when there is no memory for its blocks. In either case nothing changed.
 */
export function readSnapshot(
  all: readonly Snapped[],
  fingerprint: number,
  bytes: Uint8Array,
): void {
  const { label, name } = all[0].slab;
  for (const { slab } of all) checkAttached("restore", slab);
  const sheet = open(label, name, bytes, fingerprint, all.length);
  let at = HEADER_WORDS * 4;
  const sections = all.map((snapped) => {
    const section = new Section(snapped, sheet, at);
    at = section.end;
    return section;
  });
  if (at !== sheet.bytes.byteLength) {
    throw snapshotError(label, name, `${sheet.bytes.byteLength - at} bytes are left over`, at);
  }
  growAll(sections);
  for (const section of sections) section.restore();
}

/**
 * @param slab A slab.
 * @returns All that its snapshots depend on, beside its kinds, as text.
 */
export function slabText({ geometry, codec, maxBlocks }: Slab): string {
  const { chunkBytes, align, chunkCount, stampBytes, tagged, firstHandle } = geometry;
  const { indexBits, maxGeneration, wraps } = codec;
  return [
    chunkBytes,
    align,
    chunkCount,
    stampBytes,
    tagged,
    firstHandle,
    indexBits,
    maxGeneration,
    wraps,
    maxBlocks,
  ].join();
}

function checkAttached(verb: string, { label, blocks }: Slab): void {
  for (let i = 0; i < blocks.length; i++) {
    if (blocks[i].isDetached) throw detachedError(label, verb, blocks[i]);
  }
}

/** Takes the memory that is missing, or none at all. */
function growAll(sections: readonly Section[]): void {
  const grown: [Slab, Block][] = [];
  const lengths = sections.map(({ slab }) => slab.blocks.length);
  let isDone = false;
  try {
    for (const { slab, mounted } of sections) {
      mounted.forEach((isMounted, position) => {
        slab.blocks[position] ??= new Block(position, slab.geometry, undefined);
        if (!isMounted || slab.blocks[position].isMounted) return;
        grown.push([slab, slab.blockSet.grow(position)!]); // as the position is below maxBlocks
      });
    }
    isDone = true;
  } finally {
    if (!isDone) {
      for (const [slab, block] of grown) slab.blockSet.release(block);
      sections.forEach(({ slab }, i) => slab.blocks.length = lengths[i]);
    }
  }
}

/** Bytes rounded up to where the next thing may start. */
function padded(bytes: number): number {
  return Math.ceil(bytes / 8) * 8;
}

function headBytes(kinds: number): number {
  return padded(SECTION_WORDS * 4 + kinds * 4);
}

/** Bytes of a block's metadata. */
function metadataBytes({ chunkCount, stampBytes, tagged }: Geometry): number {
  return (chunkCount + 31 >> 5) * 4 + chunkCount * (stampBytes + (tagged ? 1 : 0));
}

function blockBytes(geometry: Geometry, isMounted: boolean): number {
  const records = isMounted ? padded(geometry.chunkCount * geometry.chunkBytes) : 0;
  return BLOCK_WORDS * 4 + padded(metadataBytes(geometry)) + records;
}

function sectionBytes({ slab, kinds }: Snapped): number {
  let bytes = headBytes(kinds.length);
  for (let i = 0; i < slab.blocks.length; i++) {
    bytes += blockBytes(slab.geometry, slab.blocks[i].isMounted);
  }
  return bytes;
}

function writeSection(
  { bytes, words, floats }: Sheet,
  at: number,
  { slab, kinds }: Snapped,
): number {
  const { blocks, geometry } = slab;
  const word = at / 4;
  const end = at + headBytes(kinds.length);
  words[end / 4 - 1] = 0; // padding, if there is any: the same state makes the same bytes
  words[word] = blocks.length;
  words[word + 1] = slab.current.position;
  words[word + 2] = kinds.length;
  words[word + 3] = 0;
  const float = at / 8 + 2;
  floats[float] = slab.allocs;
  floats[float + 1] = slab.frees;
  floats[float + 2] = slab.peakSize;
  floats[float + 3] = slab.blockSet.reserved;
  for (let i = 0; i < kinds.length; i++) words[word + SECTION_WORDS + i] = kinds[i].fingerprint;
  at = end;
  for (let i = 0; i < blocks.length; i++) {
    const block = blocks[i];
    const word = at / 4;
    words[word] = block.isMounted ? 1 : 0;
    words[word + 1] = block.bump;
    words[word + 2] = block.head;
    words[word + 3] = block.live;
    words[word + 4] = block.retired;
    words[word + 5] = 0;
    const metadataAt = at + BLOCK_WORDS * 4;
    const bytesAt = metadataAt + padded(metadataBytes(geometry));
    at += blockBytes(geometry, block.isMounted);
    floats[bytesAt / 8 - 1] = 0; // padding again
    bytes.set(block.metadata, metadataAt);
    if (!block.isMounted) continue;
    floats[at / 8 - 1] = 0;
    bytes.set(block.bytes, bytesAt);
  }
  return at;
}

/** The section of one slab, checked. */
class Section {
  readonly slab: Slab;
  /** By position, whether the block has memory. */
  readonly mounted: readonly boolean[];
  /** Where it ends, in bytes. */
  readonly end: number;
  private readonly sheet: Sheet;
  private readonly blocks: readonly SnappedBlock[];
  private readonly state: SlabState;
  /** The pool's tag for each of the snapshot's, -1 where it has none; undefined where all are the same. */
  private readonly tags: readonly number[] | undefined;

  constructor({ slab, kinds }: Snapped, sheet: Sheet, start: number) {
    this.slab = slab;
    this.sheet = sheet;
    const { words, floats } = sheet;
    this.need(start, SECTION_WORDS * 4);
    const word = start / 4;
    const [length, current, kindCount] = words.subarray(word, word + 3);
    if (length < 0 || length > slab.maxBlocks) {
      throw this.error(`it has ${length} blocks, the pool may have ${slab.maxBlocks}`, start);
    }
    if (kindCount < 0 || kindCount > 256) throw this.error(`it has ${kindCount} kinds`, start + 8);
    this.need(start, headBytes(kindCount));
    this.tags = this.tagsFor(kinds, words.subarray(word + SECTION_WORDS).subarray(0, kindCount));
    let at = start + headBytes(kindCount);
    this.need(at, length * blockBytes(slab.geometry, false));
    this.blocks = Array.from({ length }, (_, position) => {
      this.need(at, BLOCK_WORDS * 4);
      if (words[at / 4] >>> 0 > 1) throw this.error(`block ${position}: it is corrupt`, at);
      const isMounted = words[at / 4] === 1;
      this.need(at, blockBytes(slab.geometry, isMounted));
      const block = new SnappedBlock(slab.geometry, sheet, at);
      this.check(block, position, kindCount, at);
      at += blockBytes(slab.geometry, isMounted);
      return block;
    });
    this.end = at;
    this.mounted = this.blocks.map((block) => block.isMounted);
    const [allocs, frees, peakSize, reserved] = floats.subarray(start / 8 + 2, start / 8 + 6);
    this.state = { allocs, frees, peakSize, reserved, current };
    this.checkState(start);
  }

  /** Makes the slab what it was. Nothing can go wrong any more. */
  restore(): void {
    const { slab, sheet, tags } = this;
    slab.keepOnly(this.mounted);
    this.blocks.forEach((from, position) => {
      const to = slab.blocks[position];
      to.metadata.set(sheet.bytes.subarray(from.metadataAt, from.metadataAt + to.metadata.length));
      if (from.isMounted) {
        to.bytes.set(sheet.bytes.subarray(from.bytesAt, from.bytesAt + to.bytes.length));
      }
      if (tags !== undefined) {
        // Of a chunk that is not live it means nothing.
        for (let chunk = 0; chunk < from.bump; chunk++) to.tags[chunk] = tags[to.tags[chunk]];
      }
      to.bump = from.bump;
      to.head = from.head;
      to.live = from.live;
      to.retired = from.retired;
    });
    slab.settle(this.state);
  }

  /** Which tags of the pool's stand for the snapshot's, as kinds may have become known in another order. */
  private tagsFor(kinds: Snapped["kinds"], snapped: Int32Array): readonly number[] | undefined {
    if (snapped.every((fingerprint, tag) => kinds[tag]?.fingerprint === fingerprint)) {
      return undefined;
    }
    const taken = new Set<number>(); // structs that are equal to the last field stay apart
    return Array.from(snapped, (fingerprint) => {
      const found = kinds.findIndex((it, i) => it.fingerprint === fingerprint && !taken.has(i));
      taken.add(found);
      return found;
    });
  }

  private check(block: SnappedBlock, position: number, kindCount: number, at: number): void {
    const { codec, geometry } = this.slab;
    const problem = auditBlock(block, codec) ??
      (geometry.tagged ? tagProblem(block, kindCount, this.tags) : undefined);
    if (problem !== undefined) throw this.error(`block ${position}: ${problem}`, at);
  }

  /** The figures of the slab as a whole. */
  private checkState(at: number): void {
    const { allocs, frees, peakSize, reserved, current } = this.state;
    const live = this.blocks.reduce((sum, block) => sum + block.live, 0);
    const { maxChunks } = this.slab;
    const areCounts = [allocs, frees, peakSize, reserved].every((it) =>
      Number.isInteger(it) && it >= 0 && it <= MAX_COUNT
    );
    const isPeak = peakSize >= live && peakSize <= Math.min(allocs, maxChunks);
    if (!areCounts || allocs - frees !== live || !isPeak) {
      throw this.error(
        `${allocs} allocs, ${frees} frees and a peak of ${peakSize} do not go with ${live} live records`,
        at + 16,
      );
    }
    if (reserved > maxChunks) {
      throw this.error(`${reserved} chunks are reserved`, at + 40);
    }
    if (current < -1 || current >= 0 && this.mounted[current] !== true) {
      throw this.error(`its current block is ${current}, which has no memory`, at + 4);
    }
  }

  private need(at: number, bytes: number): void {
    const { byteLength } = this.sheet.bytes;
    if (at + bytes <= byteLength) return;
    throw this.error(`it ends after ${byteLength} bytes, within a section`, byteLength);
  }

  private error(problem: string, at: number): SnapshotError {
    return snapshotError(this.slab.label, this.slab.name, problem, at);
  }
}

/** The metadata of a block as they stand in a snapshot: no array of its own, as there may be thousands of blocks. */
class SnappedBlock implements BlockMetadata {
  readonly isMounted: boolean;
  readonly chunkCount: number;
  readonly bump: number;
  readonly head: number;
  readonly live: number;
  readonly retired: number;
  readonly stamps: Uint16Array | Uint32Array;
  readonly firstStamp: number;
  readonly liveBits: Int32Array;
  readonly firstWord: number;
  readonly links: Uint8Array | Uint16Array;
  readonly firstLink: number;
  readonly linkStride: number;
  /** Tags, if there are any, and where those of the block start. */
  readonly tags: Uint8Array;
  readonly firstTag: number;
  /** Where its metadata and its memory are, in bytes. */
  readonly metadataAt: number;
  readonly bytesAt: number;
  private readonly bytes: Uint8Array;
  private readonly chunkBytes: number;
  private readonly linkBytes: number;

  constructor(geometry: Geometry, sheet: Sheet, at: number) {
    const { chunkCount, chunkBytes, stampBytes } = geometry;
    const { bytes, words } = sheet;
    const word = at / 4;
    this.isMounted = words[word] === 1;
    this.chunkCount = chunkCount;
    this.bump = words[word + 1];
    this.head = words[word + 2];
    this.live = words[word + 3];
    this.retired = words[word + 4];
    this.metadataAt = at + BLOCK_WORDS * 4;
    this.bytesAt = this.metadataAt + padded(metadataBytes(geometry));
    const stampsAt = this.metadataAt + (chunkCount + 31 >> 5) * 4;
    this.liveBits = words;
    this.firstWord = this.metadataAt / 4;
    this.stamps = stampBytes === 2 ? sheet.halves : sheet.naturals;
    this.firstStamp = stampsAt / stampBytes;
    this.tags = bytes;
    this.firstTag = stampsAt + chunkCount * stampBytes;
    this.bytes = bytes;
    this.chunkBytes = chunkBytes;
    this.linkBytes = linkBytesFor(chunkCount);
    const isEven = this.linkBytes === 2 && chunkBytes % 2 === 0;
    this.links = isEven ? sheet.halves : bytes;
    this.firstLink = isEven ? this.bytesAt / 2 : this.bytesAt;
    this.linkStride = isEven ? chunkBytes / 2 : this.linkBytes === 1 ? chunkBytes : 0;
  }

  readLink(chunk: number): number {
    const at = this.bytesAt + chunk * this.chunkBytes;
    let link = 0;
    for (let i = this.linkBytes - 1; i >= 0; i--) link = link << 8 | this.bytes[at + i];
    return link;
  }
}

/** A live record of no kind that the snapshot has, or the pool. */
function tagProblem(
  { tags, firstTag, stamps, firstStamp, bump }: SnappedBlock,
  kindCount: number,
  ours: readonly number[] | undefined,
): string | undefined {
  for (let chunk = 0; chunk < bump; chunk++) {
    if ((stamps[firstStamp + chunk] & 1) === 0) continue;
    const tag = tags[firstTag + chunk];
    if (tag >= kindCount) {
      return `chunk ${chunk} is of kind ${tag}, out of range 0 to ${kindCount - 1}`;
    }
    if (ours !== undefined && ours[tag] < 0) {
      return `chunk ${chunk} is of struct number ${tag}, which the pool does not know; cursor(struct) makes it known`;
    }
  }
  return undefined;
}
