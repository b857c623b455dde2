/**
 * The state of an arena as bytes, and back.
 *
 * ```text
 * section   words 0 blocks, 1 position of the current one, 2 entries of the table of addresses, 3 need of late, in bytes
 *           floats 2: peak
 *           of each block, by position:
 *             words 0 base, 1 bytes, 2 top, 3 unused
 *             its bytes up to the top, to a multiple of 8
 * ```
 *
 * Going back checks all of it and takes the memory that is missing before anything is changed.
 *
 * @module
 */
import type { AddressSpace, Extent } from "./address_space.ts";
import { MAX_EXTENT_BYTES } from "./checks.ts";
import type { ArenaBooks } from "./metadata.ts";
import {
  bytesFor,
  checkLayout,
  fingerprintOf,
  HEADER_WORDS,
  open,
  padded,
  seal,
  type Sheet,
  sheetOf,
  snapshotError,
  type SnapshotOptions,
  wantsChecksum,
} from "../slab/envelope.ts";
import type { SnapshotError } from "../errors.ts";
import type { MemoryRegion } from "../memory/resource.ts";

const SECTION_AT = HEADER_WORDS * 4;
const SECTION_BYTES = 24;
const BLOCK_BYTES = 16;

/** A block as a snapshot has it. */
interface SnappedBlock {
  readonly base: number;
  readonly byteLength: number;
  readonly top: number;
  /** Where its bytes are in the snapshot. */
  readonly at: number;
}

/** What an arena goes back to. */
export interface ArenaState {
  /** The blocks, with what they held. */
  readonly blocks: readonly Extent[];
  readonly index: number;
  readonly peak: number;
  readonly recent: number;
}

/**
 * Writes the state of an arena, in O(bytes that are given out).
 *
 * @param books What the arena keeps.
 * @param blockBytes Its option.
 * @param into Where to write, if there is room.
 * @param options Whether with a checksum.
 * @returns `into`, or a new array.
 */
export function writeArena(
  { space, blocks, index, peak, recent, usedBefore, block: { top } }: ArenaBooks,
  blockBytes: number,
  into: Uint8Array | undefined,
  options: SnapshotOptions,
): Uint8Array {
  const checksum = wantsChecksum(space.label, options);
  let byteLength = SECTION_AT + SECTION_BYTES;
  for (const { top } of blocks) byteLength += BLOCK_BYTES + padded(top);
  const sheet = sheetOf(bytesFor(space.label, into, byteLength));
  const { bytes, words, floats } = sheet;
  words.set([blocks.length, index, space.table.length, recent], SECTION_AT / 4);
  floats[SECTION_AT / 8 + 2] = Math.max(peak, usedBefore + top);
  let at = SECTION_AT + SECTION_BYTES;
  for (const { base, byteLength, top, u8 } of blocks) {
    words.set([base, byteLength, top, 0], at / 4);
    at += BLOCK_BYTES;
    const end = at + padded(top);
    if (end > at) floats[end / 8 - 1] = 0; // padding: the same state makes the same bytes
    bytes.set(u8.subarray(0, top), at);
    at = end;
  }
  seal(sheet, fingerprint(space, blockBytes), 1, byteLength, checksum);
  return bytes;
}

/**
 * Goes back to a state.
 *
 * @param books What the arena keeps.
 * @param blockBytes Its option.
 * @param bytes The snapshot.
 * @returns What it is to keep from now on.
 * @throws {SnapshotError} when it is none that the arena can go back to.
 * @throws {OutOfMemoryError} when there is no memory for its blocks. In either case nothing changed.
 */
export function readArena(books: ArenaBooks, blockBytes: number, bytes: Uint8Array): ArenaState {
  const { space, name } = books;
  const sheet = open(space.label, name, bytes);
  checkLayout(space.label, name, sheet, fingerprint(space, blockBytes), 1);
  const snapped = new Snapped(books, blockBytes, sheet);
  const held = new Map(books.blocks.map((block) => [block.base, block]));
  const found = snapped.blocks.map(({ base, byteLength }) => {
    const block = held.get(base);
    return block?.byteLength === byteLength ? block : undefined;
  });
  const regions = takeAll(space, snapped, found);
  for (const block of books.blocks) if (!found.includes(block)) space.unmount(block);
  const blocks = snapped.blocks.map(({ base, byteLength }, i) =>
    found[i] ?? space.place(base, byteLength, regions.get(i)!) // taken for whatever was not found
  );
  space.setTableLength(snapped.tableLength);
  blocks.forEach((block, i) => refill(block, snapped.blocks[i], sheet));
  const { index, peak, recent } = snapped;
  return { blocks, index, peak, recent };
}

/** Takes the memory that is missing, or none at all. */
function takeAll(
  space: AddressSpace,
  snapped: Snapped,
  found: readonly (Extent | undefined)[],
): Map<number, MemoryRegion> {
  const regions = new Map<number, MemoryRegion>();
  let isDone = false;
  try {
    snapped.blocks.forEach(({ base, byteLength }, i) => {
      if (found[i] !== undefined) return;
      const region = space.takeFor(base, byteLength);
      if (region === undefined) {
        throw snapped.error(
          `block ${i}: the memory that there is lies elsewhere modulo 4096 than its addresses`,
          snapped.blocks[i].at,
        );
      }
      regions.set(i, region);
    });
    isDone = true;
  } finally {
    if (!isDone) { for (const region of regions.values()) space.giveBack(region); }
  }
  return regions;
}

/** Makes a block hold what it held; beyond that it is zero, as what is given out must be. */
function refill(block: Extent, { top, at }: SnappedBlock, { bytes }: Sheet): void {
  block.endLives(0, block.top);
  block.u8.set(bytes.subarray(at, at + top));
  if (top < block.top) block.u8.fill(0, top, block.top);
  block.top = top;
}

/** The section of an arena, checked. */
class Snapped {
  readonly blocks: readonly SnappedBlock[];
  readonly index: number;
  readonly tableLength: number;
  readonly peak: number;
  readonly recent: number;
  readonly #books: ArenaBooks;
  readonly #byteLength: number;

  constructor(books: ArenaBooks, blockBytes: number, { bytes, words, naturals, floats }: Sheet) {
    this.#books = books;
    this.#byteLength = bytes.byteLength;
    this.#need(SECTION_AT, SECTION_BYTES);
    const [length, index, tableLength] = words.subarray(SECTION_AT / 4);
    this.index = index;
    this.tableLength = tableLength;
    this.peak = floats[SECTION_AT / 8 + 2];
    this.recent = naturals[SECTION_AT / 4 + 3];
    let at = SECTION_AT + SECTION_BYTES;
    if (length < 0) throw this.error(`it has ${length} blocks`, SECTION_AT);
    this.#need(at, length * BLOCK_BYTES);
    const first = length === 0 ? -1 : 0;
    if (index < first || index >= Math.max(length, 0)) {
      throw this.error(`its current block is ${index} of ${length}`, SECTION_AT + 4);
    }
    this.blocks = Array.from({ length }, (_, i) => {
      this.#need(at, BLOCK_BYTES);
      const [base, byteLength, top] = naturals.subarray(at / 4);
      const block = { base, byteLength, top, at: at + BLOCK_BYTES };
      this.#checkBlock(block, blockBytes, i);
      at = block.at + padded(top);
      this.#need(block.at, padded(top));
      return block;
    });
    if (at !== this.#byteLength) throw this.error(`${this.#byteLength - at} bytes are left`, at);
    this.#checkTable();
    this.#checkPeak();
  }

  #checkBlock({ base, byteLength, top, at }: SnappedBlock, blockBytes: number, i: number): void {
    const isBlock = byteLength >= blockBytes && byteLength <= MAX_EXTENT_BYTES && base % 8 === 0;
    if (!isBlock || top > byteLength || i > this.index && top > 0) {
      throw this.error(
        `block ${i}: ${byteLength} bytes at address ${base}, ${top} of them given out, can not be`,
        at,
      );
    }
  }

  /** No granule belongs to two blocks, and every one is within the table. */
  #checkTable(): void {
    const { shift } = this.#books.space;
    const { tableLength } = this;
    if (tableLength < 1 || tableLength > 2 ** (32 - shift)) {
      throw this.error(`it has ${tableLength} granules of addresses`, SECTION_AT + 8);
    }
    let end = 1;
    for (const { base, byteLength, at } of this.blocks.toSorted((a, b) => a.base - b.base)) {
      const size = 2 ** shift;
      const first = Math.floor(base / size);
      if (first < end) throw this.error(`address ${base} is that of two blocks or of none`, at);
      end = Math.floor((base + byteLength - 1) / size) + 1;
      if (end > tableLength) throw this.error(`address ${base} is beyond the last`, at);
    }
  }

  #checkPeak(): void {
    const used = this.blocks.reduce((sum, { top }) => sum + top, 0);
    if (this.recent > this.peak) {
      throw this.error(`a need of ${this.recent} exceeds the peak, ${this.peak}`, SECTION_AT + 12);
    }
    if (Number.isInteger(this.peak) && this.peak >= used && this.peak <= 2 ** 32) return;
    throw this.error(`a peak of ${this.peak} does not go with ${used} used bytes`, SECTION_AT + 16);
  }

  #need(at: number, bytes: number): void {
    if (at + bytes <= this.#byteLength) return;
    throw this.error(`it ends after ${this.#byteLength} bytes, within a block`, this.#byteLength);
  }

  error(problem: string, at: number): SnapshotError {
    return snapshotError(this.#books.space.label, this.#books.name, problem, at);
  }
}

/** Of all that a snapshot depends on; no two debug arenas have the same addresses. */
function fingerprint({ shift, firstGranule, isDebug }: AddressSpace, blockBytes: number): number {
  return fingerprintOf(["Arena", blockBytes, shift, firstGranule, isDebug].join());
}
