/**
 * Snapshots: the whole state of a pool's slabs as bytes, and back.
 *
 * ```text
 * section   words 0 blocks, 1 position of the current block, 2 structs, 3 whether in debug mode
 *           floats 2 … 5: allocs, frees, peak, reserved
 *           words 12 … 16: the queue of free chunks, if there is one: first, last, length, fresh,
 *           vacant
 *           words 18 … 23: options, which errors show: chunk bytes, alignment, chunks of a block,
 *           most blocks, flags, and bytes of the section / 8
 *           fingerprint of each struct, by tag, 1 word each
 *           for each block, by position:
 *             words 0 has memory, 1 bump, 2 head, 3 live, 4 retired, 5 queued, 6 waiting,
 *             7 last waiting
 *             its metadata
 *             in debug mode the handle of each chunk's record as a float, 0 where there is none
 *             if it has memory, all of it, with the free list in it
 * ```
 *
 * Each part starts at a multiple of 8 bytes. Everything is checked before the pool is changed. So a
 * damaged snapshot without a checksum can change the bytes of records, but never break the
 * metadata.
 *
 * @module
 */
import { auditBlock, auditQueue, type BlockMetadata } from "./check.ts";
import { Block, type Geometry, linkBytesFor, metadataBytes } from "./block.ts";
import {
  arraysOf,
  bytesFor,
  checkLayout,
  fingerprintOf,
  HEADER_BYTES,
  HEADER_WORDS,
  layoutText,
  padded,
  readHeader,
  type SnapshotArrays,
  snapshotError,
  type SnapshotOptions,
  wantsChecksum,
  writeHeader,
} from "./envelope.ts";
import { clampQueue, NO_QUEUE, queueOf, settle, type SlabState, wasUsed } from "./rebuild.ts";
import type { Slab } from "./slab.ts";
import type { TypedSlab } from "./typed_slab.ts";
import { releaseAll } from "../memory/region.ts";
import type { MemoryRegion } from "../memory/resource.ts";
import type { SnapshotError } from "../errors.ts";
import type { AnyStruct } from "../struct/schema.ts";

const SECTION_WORDS = 24;
/** The first word of the options in a section. */
const OPTIONS_WORD = 18;
const BLOCK_WORDS = 8;

/** The greatest count that is accepted, so that it can rise by 2^52 more before it is inexact. */
const MAX_COUNT = 0x10_0000_0000_0000;

/**
 * Writes the state of a pool, in O(bytes of its blocks).
 *
 * @param all The slabs of the pool.
 * @param fingerprint Fingerprint of the pool's layout.
 * @param into The array to write to, if it has room.
 * @param options Whether to write a checksum.
 * @returns `into`, or a new array.
 * @throws {TypeError} when an option is wrong, or the memory of a block is detached.
 */
export function writeSnapshot(
  all: readonly TypedSlab[],
  fingerprint: number,
  into: Uint8Array | undefined,
  options: SnapshotOptions,
): Uint8Array {
  const { label } = all[0].slab;
  const checksum = wantsChecksum(label, options);
  let byteLength = HEADER_BYTES;
  for (let i = 0; i < all.length; i++) {
    all[i].slab.checkUsable("snapshot"); // again, as an option may be a getter
    byteLength += sectionBytes(all[i]);
  }
  const arrays = arraysOf(bytesFor(label, into, byteLength));
  let at = HEADER_BYTES;
  for (let i = 0; i < all.length; i++) at = writeSection(arrays, at, all[i]);
  writeHeader(arrays, fingerprint, all.length, byteLength, checksum);
  return arrays.bytes;
}

/**
 * Restores the state of a pool, in O(bytes of its blocks).
 *
 * @param all The slabs of the pool.
 * @param fingerprint Fingerprint of the pool's layout.
 * @param bytes The snapshot.
 * @throws {SnapshotError} when the pool cannot restore it; nothing changes then.
 * @throws {OutOfMemoryError} when there is no memory for its blocks; nothing changes then.
 */
export function readSnapshot(
  all: readonly TypedSlab[],
  fingerprint: number,
  bytes: Uint8Array,
): void {
  const { label, name } = all[0].slab;
  for (const { slab } of all) slab.checkAttached("restore");
  const arrays = readHeader(label, name, bytes);
  checkLayout(label, name, arrays, fingerprint, all.length, () => differencesOf(all, arrays));
  let at = HEADER_BYTES;
  const sections = all.map((snapped) => {
    const section = new Section(snapped, arrays, at);
    at = section.end;
    return section;
  });
  if (at !== arrays.bytes.byteLength) {
    throw snapshotError(label, name, `${arrays.bytes.byteLength - at} bytes are left over`, at);
  }
  checkNumbers(all, sections);
  growAll(all, sections, "restore", arrays.bytes);
  const regions = sections.map((section) => section.restore());
  for (const { slab } of all) slab.observers?.onRestore();
  // The memory resource may throw or call the pool, so regions are given back last. `releaseAll`
  // gives back all of them even if one call throws.
  releaseAll(all[0].slab.blockSet.config.memory, regions.flat());
}

// -- options --

/** The options in a snapshot, as errors show them. */
interface ShownOptions {
  readonly "the pool": string;
  readonly "the size of a chunk": string;
  readonly align: string;
  readonly chunksPerBlock: string;
  readonly maxChunks: string;
  readonly handles: string;
  readonly reuse: string;
  readonly types: string;
}

/** Flags: wide handles, tags, spread reuse; then the class of the pool, 2 bits. */
const WIDE = 1, TAGGED = 2, SPREAD = 4, CLASS_SHIFT = 3;
const CLASSES = ["a Pool", "an ErasedPool", "a PoolSet"];

/** Writes all option words but the last, the length of the section. */
function writeOptions(words: Int32Array, at: number, { slab, struct }: TypedSlab): void {
  const { geometry, codec, maxBlocks } = slab;
  const kind = struct !== undefined ? 0 : codec.isSizeClass ? 2 : 1;
  words[at] = geometry.chunkBytes;
  words[at + 1] = geometry.align;
  words[at + 2] = geometry.chunkCount;
  words[at + 3] = maxBlocks;
  words[at + 4] = (codec.wraps ? 0 : WIDE) | (geometry.tagged ? TAGGED : 0) |
    (geometry.spread ? SPREAD : 0) | kind << CLASS_SHIFT;
}

/** Reads the options of all sections. */
function optionsOf(sections: readonly Int32Array[]): ShownOptions {
  const each = (shown: (words: Int32Array) => string | number) => {
    const values = sections.map(shown);
    return [...new Set(values)].length === 1 ? String(values[0]) : values.join(", ");
  };
  const flag = (bit: number, yes: string, no: string) => each((it) => it[4] & bit ? yes : no);
  const [, , chunkCount, maxBlocks, flags] = sections[0];
  const parts = 2 ** Math.ceil(Math.log2(sections.length)); // maxChunks is divided by it
  return {
    "the pool": CLASSES[flags >> CLASS_SHIFT & 3] ?? "unknown",
    "the size of a chunk": each(([chunkBytes]) => chunkBytes),
    align: each(([, align]) => align),
    chunksPerBlock: each(([, , chunkCount]) => chunkCount),
    maxChunks: String((maxBlocks >>> 0) * chunkCount * parts),
    handles: flag(WIDE, '"wide"', '"compact"'),
    reuse: flag(SPREAD, "spread", '"recent"'),
    types: flag(TAGGED, "given", "left out"),
  };
}

/** Describes which options of a pool differ from those in a snapshot, for errors. */
function differencesOf(all: readonly TypedSlab[], { words }: SnapshotArrays): string {
  const saved: Int32Array[] = [];
  for (let at = HEADER_WORDS, i = 0; i < words[5]; i++) {
    const shown = words.subarray(at + OPTIONS_WORD, at + SECTION_WORDS);
    if (shown.length < SECTION_WORDS - OPTIONS_WORD || shown[5] <= 0) break; // damaged
    saved.push(shown);
    at += shown[5] * 2;
  }
  const own = all.map((snapped) => {
    const shown = new Int32Array(SECTION_WORDS - OPTIONS_WORD);
    writeOptions(shown, 0, snapped);
    return shown;
  });
  const was = optionsOf(saved.length > 0 ? saved : own), is = optionsOf(own);
  const names = Object.keys(was) as (keyof ShownOptions)[]; // `was` has no other keys
  const differences = names.filter((name) => was[name] !== is[name])
    .map((name) => `${name} was ${was[name]} and is ${is[name]}`);
  const isDebug = words[HEADER_WORDS + 3] === 1 && !all[0].slab.codec.areNumbers;
  if (isDebug) differences.push("debug was true and is false");
  const text = differences.length > 0
    ? `: ${differences.join("; ")}`
    : ", in the structs alone: names, types or order of fields";
  return text + HELP;
}

const HELP = ". What save() writes load() takes nevertheless";

/** Checks that no two records in debug mode have the same handle. */
function checkNumbers(all: readonly TypedSlab[], sections: readonly Section[]): void {
  const { label, name, codec } = all[0].slab;
  const seen = new Set<number>();
  for (const section of sections) {
    for (const number of section.liveNumbers()) {
      if (!codec.areNumbers) {
        throw snapshotError(
          label,
          name,
          "it is of a pool in debug mode, whose handles are others: debug was true and is false" +
            HELP,
          0,
        );
      }
      if (!(Number.isSafeInteger(number) && number > 0) || seen.has(number)) {
        throw snapshotError(label, name, `${number} is the handle of a record, or of two`, 0);
      }
      seen.add(number);
    }
  }
}

/** The fingerprint of each struct by which snapshots identify it. */
const fingerprints = new WeakMap<AnyStruct, number>();

/** Returns the hash of a struct's name and layout. */
function kindFingerprint(struct: AnyStruct): number {
  let fingerprint = fingerprints.get(struct);
  if (fingerprint === undefined) {
    fingerprint = fingerprintOf(struct.name + layoutText(struct));
    fingerprints.set(struct, fingerprint);
  }
  return fingerprint;
}

/**
 * Writes the geometry and the handle encoding of a slab as text, for the fingerprint of a layout.
 *
 * @param slab A slab.
 * @returns The text.
 */
export function slabText({ geometry, codec, maxBlocks }: Slab): string {
  const { chunkBytes, align, chunkCount, stampBytes, tagged, spread, firstHandle } = geometry;
  const { indexBits, maxGeneration, wraps } = codec;
  return [
    chunkBytes,
    align,
    chunkCount,
    stampBytes,
    tagged,
    spread,
    firstHandle,
    indexBits,
    maxGeneration,
    wraps,
    maxBlocks,
  ].join();
}

/**
 * Allocates the memory of blocks that have none: for all of them, or for none if it throws.
 *
 * @param all The slabs of a pool.
 * @param sections For each slab, whether the block at each position needs memory.
 * @param verb The call, for errors.
 * @param bytes The bytes that the call reads afterwards.
 * @throws {OutOfMemoryError | TypeError | RangeError} what the memory resource throws, or because
 * of what it returns; `TypeError` also when it has detached the memory of blocks or the bytes
 * meanwhile, as a `WebAssembly.Memory` does that grows.
 * @throws {Error} when the memory resource has made the pool give blocks back meanwhile.
 */
export function growAll(
  all: readonly TypedSlab[],
  sections: readonly { readonly mapped: readonly boolean[] }[],
  verb: string,
  bytes: Uint8Array,
): void {
  for (const { slab: { blockSet, label } } of all) {
    if (!blockSet.isGrowing) continue;
    throw new Error(
      `Cannot ${verb} ${label}: it is growing, and its memory resource calls meanwhile`,
    );
  }
  const grown = all.map((): Block[] => []);
  const lengths = all.map(({ slab }) => slab.blocks.length);
  let isDone = false;
  try {
    sections.forEach(({ mapped }, i) => {
      const { slab } = all[i];
      mapped.forEach((isMapped, position) => {
        slab.blocks[position] ??= new Block(position, slab.geometry, undefined);
        if (!isMapped || slab.blocks[position].isMapped) return;
        grown[i].push(slab.blockSet.grow(position)!); // as the position is below maxBlocks
      });
    });
    for (const { slab } of all) slab.checkAttached(verb);
    if (bytes.byteLength === 0) {
      throw new TypeError(
        `Cannot ${verb} ${all[0].slab.label}: its memory resource has detached the bytes to read`,
      );
    }
    // The memory resource may have called the pool, which then gave blocks back.
    isDone = sections.every(({ mapped }, i) =>
      mapped.every((isMapped, position) => {
        const block = all[i].slab.blocks[position] as Block | undefined;
        return block !== undefined && (!isMapped || block.isMapped);
      })
    );
    if (!isDone) {
      const { label } = all[0].slab;
      throw new Error(
        `Cannot ${verb} ${label}: its memory resource gave back blocks of it meanwhile`,
      );
    }
  } finally {
    if (!isDone) {
      const regions = all.flatMap(({ slab }, i) => slab.blockSet.unmapEmpty(grown[i]));
      all.forEach(({ slab }, i) => dropUnused(slab, lengths[i]));
      releaseAll(all[0].slab.blockSet.config.memory, regions);
    }
  }
}

/**
 * Frees the records and takes the memory of all blocks that a snapshot has without memory, and
 * removes blocks that it does not have.
 *
 * @param slab The slab.
 * @param mapped By position, whether the block keeps its memory.
 * @returns The regions. The caller gives them back at the end, as the memory resource may call
 * back.
 */
function keepOnly(slab: Slab, mapped: readonly boolean[]): MemoryRegion[] {
  const regions = slab.unmapBlocks((block) => mapped[block.position] !== true);
  slab.blocks.length = mapped.length;
  return regions;
}

/**
 * Drops blocks beyond a length, except those that the memory resource has allocated records in
 * meanwhile.
 */
function dropUnused(slab: Slab, length: number): void {
  const { blocks } = slab;
  while (blocks.length > length) {
    const last = blocks[blocks.length - 1];
    if (last.isMapped || wasUsed(last)) break;
    blocks.length--;
  }
  clampQueue(slab);
}

function headBytes(kinds: number): number {
  return padded(SECTION_WORDS * 4 + kinds * 4);
}

function blockBytes(geometry: Geometry, isMapped: boolean, hasNumbers: boolean): number {
  const { chunkCount, chunkBytes } = geometry;
  const numbers = hasNumbers ? chunkCount * 8 : 0;
  const records = isMapped ? padded(chunkCount * chunkBytes) : 0;
  return BLOCK_WORDS * 4 + padded(metadataBytes(geometry)) + numbers + records;
}

function sectionBytes({ slab, kinds }: TypedSlab): number {
  let bytes = headBytes(kinds.length);
  for (let i = 0; i < slab.blocks.length; i++) {
    bytes += blockBytes(slab.geometry, slab.blocks[i].isMapped, slab.codec.areNumbers);
  }
  return bytes;
}

function writeSection(
  { bytes, words, floats }: SnapshotArrays,
  start: number,
  snapped: TypedSlab,
): number {
  const { slab, kinds } = snapped;
  const { blocks, geometry } = slab;
  const word = start / 4;
  let at = start + headBytes(kinds.length);
  words[at / 4 - 1] = 0; // padding, so that the same state makes the same bytes
  words[word] = blocks.length;
  words[word + 1] = slab.current.position;
  words[word + 2] = kinds.length;
  words[word + 3] = slab.codec.areNumbers ? 1 : 0;
  const queue = queueOf(slab);
  words[word + 12] = queue.first;
  words[word + 13] = queue.last;
  words[word + 14] = queue.queued;
  words[word + 15] = queue.fresh;
  words[word + 16] = queue.vacant;
  words[word + 17] = 0;
  writeOptions(words, word + OPTIONS_WORD, snapped);
  const float = start / 8 + 2;
  floats[float] = slab.allocs;
  floats[float + 1] = slab.frees;
  floats[float + 2] = slab.peakSize;
  floats[float + 3] = slab.blockSet.reserved;
  for (let i = 0; i < kinds.length; i++) {
    words[word + SECTION_WORDS + i] = kindFingerprint(kinds[i].struct);
  }
  for (let i = 0; i < blocks.length; i++) {
    const block = blocks[i];
    const word = at / 4;
    words[word] = block.isMapped ? 1 : 0;
    words[word + 1] = block.bump;
    words[word + 2] = block.head;
    words[word + 3] = block.live;
    words[word + 4] = block.retired;
    words[word + 5] = block.queued;
    words[word + 6] = block.waiting;
    words[word + 7] = block.lastWaiting;
    const metadataAt = at + BLOCK_WORDS * 4;
    let bytesAt = metadataAt + padded(metadataBytes(geometry));
    at += blockBytes(geometry, block.isMapped, slab.codec.areNumbers);
    floats[bytesAt / 8 - 1] = 0; // padding
    bytes.set(block.metadata, metadataAt);
    if (slab.codec.areNumbers) {
      for (let chunk = 0; chunk < block.chunkCount; chunk++, bytesAt += 8) {
        const isLive = (block.stamps[chunk] & 1) === 1;
        floats[bytesAt / 8] = isLive ? slab.handleAt(block, chunk) : 0;
      }
    }
    if (!block.isMapped) continue;
    floats[at / 8 - 1] = 0;
    bytes.set(block.bytes, bytesAt);
  }
  words[word + OPTIONS_WORD + 5] = (at - start) / 8;
  return at;
}

/** The section of one slab, read and checked. */
class Section {
  private readonly slab: Slab;
  /** Whether the block at each position has memory. */
  readonly mapped: readonly boolean[];
  /** Offset of its end, in bytes. */
  readonly end: number;
  private readonly arrays: SnapshotArrays;
  private readonly blocks: readonly SavedBlock[];
  private readonly state: SlabState;
  /**
   * The tag in the pool for each tag of the snapshot, -1 if the pool does not know the struct;
   * undefined if all are equal.
   */
  private readonly tags: readonly number[] | undefined;
  /** Whether it has the handles of debug mode. */
  private readonly hasNumbers: boolean;

  constructor({ slab, kinds }: TypedSlab, arrays: SnapshotArrays, start: number) {
    const { geometry, maxBlocks } = slab;
    this.slab = slab;
    this.arrays = arrays;
    const { words, floats } = arrays;
    this.need(start, SECTION_WORDS * 4);
    const word = start / 4;
    const [length, current, kindCount] = words.subarray(word, word + 3);
    if (length < 0 || length > maxBlocks) {
      throw this.error(`it has ${length} blocks, the pool may have ${maxBlocks}`, start);
    }
    if (kindCount < 0 || kindCount > 256) throw this.error(`it has ${kindCount} kinds`, start + 8);
    this.need(start, headBytes(kindCount));
    this.tags = this.tagsFor(kinds, words.subarray(word + SECTION_WORDS).subarray(0, kindCount));
    let at = start + headBytes(kindCount);
    if (words[word + 3] >>> 0 > 1) throw this.error("it is corrupt", start + 12);
    this.hasNumbers = words[word + 3] === 1;
    this.need(at, length * blockBytes(geometry, false, this.hasNumbers));
    this.blocks = Array.from({ length }, (_, position) => {
      this.need(at, BLOCK_WORDS * 4);
      if (words[at / 4] >>> 0 > 1) throw this.error(`block ${position}: it is corrupt`, at);
      const isMapped = words[at / 4] === 1;
      this.need(at, blockBytes(geometry, isMapped, this.hasNumbers));
      const block = new SavedBlock(geometry, arrays, at, this.hasNumbers);
      this.check(block, position, kindCount, at);
      at += blockBytes(geometry, isMapped, this.hasNumbers);
      return block;
    });
    this.end = at;
    this.mapped = this.blocks.map((block) => block.isMapped);
    const [allocs, frees, peakSize, reserved] = floats.subarray(start / 8 + 2, start / 8 + 6);
    const [first, last, queued, fresh, vacant] = words.subarray(word + 12, word + 17);
    const queue = geometry.spread ? { first, last, queued, fresh, vacant } : NO_QUEUE;
    this.state = {
      ...{ allocs, frees, peakSize, reserved, current, queue },
      ...this.hasNumbers && { numbers: (position, chunk) => this.blocks[position].numberOf(chunk) },
    };
    this.checkState(start);
    const problem = geometry.spread ? auditQueue(this.blocks, queue) : undefined;
    if (problem !== undefined) throw this.error(problem, start + 48);
  }

  /** Iterates over the handles of live records in debug mode. */
  *liveNumbers(): IterableIterator<number> {
    if (!this.hasNumbers) return;
    for (const block of this.blocks) {
      for (let chunk = 0; chunk < block.bump; chunk++) {
        if ((block.stamps[block.firstStamp + chunk] & 1) === 1) yield block.numberOf(chunk);
      }
    }
  }

  /**
   * Restores the slab. It cannot fail, as everything was checked.
   *
   * @returns Memory to give back.
   */
  restore(): readonly MemoryRegion[] {
    const { slab, arrays, tags } = this;
    const regions = keepOnly(slab, this.mapped);
    this.blocks.forEach((from, position) => {
      const to = slab.blocks[position];
      to.metadata.set(arrays.bytes.subarray(from.metadataAt, from.metadataAt + to.metadata.length));
      // A block without memory has no bytes.
      to.bytes.set(arrays.bytes.subarray(from.bytesAt, from.bytesAt + to.bytes.length));
      if (tags !== undefined) {
        // The tag of a chunk that is not live has no meaning.
        for (let chunk = 0; chunk < from.bump; chunk++) to.tags[chunk] = tags[to.tags[chunk]];
      }
      to.bump = from.bump;
      to.head = from.head;
      to.live = from.live;
      to.retired = from.retired;
      to.queued = from.queued;
      to.waiting = from.waiting;
      to.lastWaiting = from.lastWaiting;
    });
    settle(slab, this.state);
    return regions;
  }

  /**
   * Maps the tags of the snapshot to those of the pool, which may have come to know the structs in
   * another order.
   */
  private tagsFor(kinds: TypedSlab["kinds"], snapped: Int32Array): readonly number[] | undefined {
    const own = kinds.map(({ struct }) => kindFingerprint(struct));
    const isSame = snapped.every((fingerprint, tag) => own[tag] === fingerprint);
    if (isSame) return undefined;
    const taken = new Set<number>(); // so that structs with the same name and layout stay apart
    return Array.from(snapped, (fingerprint) => {
      const found = own.findIndex((it, i) => it === fingerprint && !taken.has(i));
      taken.add(found);
      return found;
    });
  }

  /** Checks the metadata of a block. */
  private check(block: SavedBlock, position: number, kindCount: number, at: number): void {
    const { codec, geometry } = this.slab;
    const problem = auditBlock(block, codec) ??
      (geometry.tagged ? tagProblem(block, kindCount, this.tags) : undefined);
    if (problem !== undefined) throw this.error(`block ${position}: ${problem}`, at);
  }

  /** Checks the counts of the slab, and its current block. */
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
    if (current < -1 || current >= 0 && this.mapped[current] !== true) {
      throw this.error(`its current block is ${current}, which has no memory`, at + 4);
    }
  }

  /** Throws where the snapshot ends before `bytes` bytes from `at`. */
  private need(at: number, bytes: number): void {
    const { byteLength } = this.arrays.bytes;
    if (at + bytes <= byteLength) return;
    throw this.error(`it ends after ${byteLength} bytes, within a section`, byteLength);
  }

  private error(problem: string, at: number): SnapshotError {
    return snapshotError(this.slab.label, this.slab.name, problem, at);
  }
}

/**
 * The metadata of a block, read in place: it has no typed arrays of its own, as a snapshot may have
 * thousands of blocks.
 */
class SavedBlock implements BlockMetadata {
  readonly isMapped: boolean;
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
  readonly next?: Int32Array;
  readonly firstNext: number;
  readonly queued: number;
  readonly waiting: number;
  readonly lastWaiting: number;
  /** The bytes with the tags, if the slab has tags. */
  readonly tags: Uint8Array;
  /** Index of the block's first tag. */
  readonly firstTag: number;
  /** Offset of its metadata, in bytes. */
  readonly metadataAt: number;
  /** Offset of its memory, in bytes. */
  readonly bytesAt: number;
  private readonly bytes: Uint8Array;
  private readonly floats: Float64Array;
  private readonly numbersAt: number;
  private readonly chunkBytes: number;
  private readonly linkBytes: number;

  constructor(geometry: Geometry, arrays: SnapshotArrays, at: number, hasNumbers: boolean) {
    const { chunkCount, chunkBytes, stampBytes, spread } = geometry;
    const { bytes, words, floats } = arrays;
    const word = at / 4;
    this.isMapped = words[word] === 1;
    this.chunkCount = chunkCount;
    this.bump = words[word + 1];
    this.head = words[word + 2];
    this.live = words[word + 3];
    this.retired = words[word + 4];
    this.queued = words[word + 5];
    this.waiting = words[word + 6];
    this.lastWaiting = words[word + 7];
    this.metadataAt = at + BLOCK_WORDS * 4;
    this.numbersAt = this.metadataAt + padded(metadataBytes(geometry));
    this.bytesAt = this.numbersAt + (hasNumbers ? chunkCount * 8 : 0);
    const nextAt = this.metadataAt + (chunkCount + 31 >> 5) * 4;
    if (spread) this.next = words;
    this.firstNext = nextAt / 4;
    this.floats = floats;
    const stampsAt = nextAt + (spread ? chunkCount * 4 : 0);
    this.liveBits = words;
    this.firstWord = this.metadataAt / 4;
    this.stamps = stampBytes === 2 ? arrays.u16 : arrays.u32;
    this.firstStamp = stampsAt / stampBytes;
    this.tags = bytes;
    this.firstTag = stampsAt + chunkCount * stampBytes;
    this.bytes = bytes;
    this.chunkBytes = chunkBytes;
    this.linkBytes = linkBytesFor(chunkCount);
    const isEven = this.linkBytes === 2 && chunkBytes % 2 === 0;
    this.links = isEven ? arrays.u16 : bytes;
    this.firstLink = isEven ? this.bytesAt / 2 : this.bytesAt;
    this.linkStride = isEven ? chunkBytes / 2 : this.linkBytes === 1 ? chunkBytes : 0;
  }

  numberOf(chunk: number): number {
    return this.floats[this.numbersAt / 8 + chunk];
  }

  readLink(chunk: number): number {
    const at = this.bytesAt + chunk * this.chunkBytes;
    let link = 0;
    for (let i = this.linkBytes - 1; i >= 0; i--) link = link << 8 | this.bytes[at + i];
    return link;
  }
}

/**
 * Describes the first live record whose struct the snapshot does not have or the pool does not
 * know.
 */
function tagProblem(
  { tags, firstTag, stamps, firstStamp, bump }: SavedBlock,
  kindCount: number,
  own: readonly number[] | undefined,
): string | undefined {
  for (let chunk = 0; chunk < bump; chunk++) {
    if ((stamps[firstStamp + chunk] & 1) === 0) continue;
    const tag = tags[firstTag + chunk];
    if (tag >= kindCount) {
      return `chunk ${chunk} is of kind ${tag}, out of range 0 to ${kindCount - 1}`;
    }
    if (own !== undefined && own[tag] < 0) {
      return `chunk ${chunk} is of struct number ${tag}, which the pool does not know; cursor(struct) makes it known`;
    }
  }
  return undefined;
}
