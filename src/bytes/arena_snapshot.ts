/**
 * Snapshots of arenas: the state as bytes, and back.
 *
 * ```text
 * section   words 0: number of blocks
 *                 1: index of the current block
 *                 2: entries of the table of the address space
 *                 3: recent need in bytes
 *           float 2: peak in bytes
 *           for each block, by index:
 *             words 0: base, 1: bytes, 2: top, 3: unused
 *             its bytes up to the top, padded to a multiple of 8
 * ```
 *
 * Restoring checks everything and takes the missing memory before it changes anything.
 *
 * @module
 */
import { type AddressSpace, type Extent, NO_EXTENT } from "./address_space.ts";
import { MAX_EXTENT_BYTES } from "./checks.ts";
import { type ArenaMetadata, arenaMetadata } from "./read_metadata.ts";
import {
  arraysOf,
  bytesFor,
  checkLayout,
  fingerprintOf,
  HEADER_BYTES,
  type NewBytes,
  padded,
  readHeader,
  type SnapshotArrays,
  snapshotError,
  type SnapshotOptions,
  wantsChecksum,
  WITH_CHECKSUM,
  writeHeader,
} from "../slab/envelope.ts";
import type { SnapshotError } from "../errors.ts";
import { showValue } from "../messages/show.ts";
import type { Arena } from "./arena.ts";
import type { MemoryRegion } from "../memory/resource.ts";

const SECTION_BYTES = 24;
const BLOCK_BYTES = 16;

/** A block in a snapshot. */
interface SnappedBlock {
  readonly base: number;
  readonly byteLength: number;
  readonly top: number;
  /** Byte offset of its contents in the snapshot. */
  readonly at: number;
}

/**
 * Writes the whole state of the arena as bytes, in O(`usedBytes`): all allocated bytes with their
 * addresses, and the current position.
 *
 * @category Saves and snapshots
 * @param arena An arena.
 * @param into Where to write, starting at a multiple of 8 bytes of its buffer. If it has too
 * little room, a new array is made.
 * @param options See {@linkcode SnapshotOptions}.
 * @returns `into`, unchanged past the snapshot; or the new array.
 * @throws {TypeError} when `into` is no `Uint8Array`, or the arena's memory was detached.
 * @throws {RangeError} when `into` starts elsewhere.
 * @throws {DisposedError} after `dispose`.
 *
 * @example Usage
 * ```ts
 * import { Arena, restoreArena, snapshotArena } from "@slabs/pool";
 * import { assertEquals } from "@std/assert";
 *
 * using arena = new Arena();
 * const a = arena.alloc(8);
 * arena.bytes(a, 8).fill(7);
 * const saved = snapshotArena(arena);
 * const b = arena.alloc(100);
 * arena.reset();
 *
 * restoreArena(arena, saved);
 * assertEquals(arena.bytes(a, 8)[0], 7);
 * assertEquals(arena.alloc(100), b);
 * ```
 */
export function snapshotArena(
  arena: Arena,
  into?: undefined,
  options?: SnapshotOptions,
): NewBytes;
/**
 * Writes the whole state of the arena as above, to an array of the caller's if it has the room.
 *
 * @typeParam B The type of `into`.
 * @param arena An arena.
 * @param into Where to write, starting at a multiple of 8 bytes of its buffer.
 * @param options See {@linkcode SnapshotOptions}.
 * @returns `into`, or a new array.
 */
export function snapshotArena<B extends Uint8Array>(
  arena: Arena,
  into: B | undefined,
  options?: SnapshotOptions,
): B | NewBytes;
export function snapshotArena(
  arena: Arena,
  into?: Uint8Array,
  options: SnapshotOptions = WITH_CHECKSUM,
): Uint8Array {
  const { label } = usable(arena, "snapshot").space;
  const checksum = wantsChecksum(label, options); // first, as an option may be a getter
  const written = writeArena(usable(arena, "snapshot"), into, checksum);
  forgetReleased(arena);
  return written;
}

/**
 * Restores a snapshot, in O(`usedBytes`). What was allocated then has its bytes again, what was
 * allocated later is freed, and the same calls give the same addresses as then. Marks and scopes
 * from before the snapshot are valid, but for a scope that the arena was rewound to before since: to
 * end it does nothing. Do not use later marks, and do not end later scopes; to end one that starts
 * past the position of the snapshot does nothing. Blocks that were added since are released. Views
 * and arrays must be fetched again.
 *
 * @category Saves and snapshots
 * @param arena An arena.
 * @param bytes What {@linkcode snapshotArena} wrote, of this arena or of one that was created in the
 * same way, outside of the arena's memory; it may be longer. A debug arena accepts its own
 * snapshots only, as no other has its addresses.
 * @throws {SnapshotError} when it is no snapshot of such an arena, or the memory resource has no
 * block that suits the addresses; nothing changes then.
 * @throws {TypeError} when `bytes` is no `Uint8Array`, or the arena's memory was detached.
 * @throws {OutOfMemoryError} when the resource has no memory for a block; nothing changes then.
 * @throws {Error} when the resource calls the arena meanwhile and changes its blocks, or detaches
 * `bytes`, or when it is the resource that calls this; nothing is restored then.
 * @throws {DisposedError} after `dispose`.
 */
export function restoreArena(arena: Arena, bytes: Uint8Array): void {
  const metadata = usable(arena, "restore");
  arena["_checkIdle"]("restore"); // protected
  const state = readArena(metadata, bytes);
  settle(arena, state);
  metadata.space.release(state.gone);
}

/** Returns the metadata; throws unless the first argument is an arena that can be used. */
function usable(arena: Arena, verb: string): ArenaMetadata {
  const metadata = arenaMetadata(arena);
  if (metadata !== undefined) {
    arena["_checkAlive"](); // protected, as is the other
    arena["_checkAttached"](verb);
    return metadata;
  }
  throw new TypeError(
    `Cannot ${verb}: the first argument must be an Arena, got ${showValue(arena)}`,
  );
}

/** The state that an arena is restored to. */
interface ArenaState {
  /** The blocks, their contents restored. */
  readonly blocks: readonly Extent[];
  readonly index: number;
  readonly peak: number;
  readonly recent: number;
  /** Regions to release. */
  readonly gone: readonly MemoryRegion[];
}

/** Gives an arena the state of a snapshot. The fields are private, as nobody else writes them. */
function settle(arena: Arena, { blocks, index, peak, recent }: ArenaState): void {
  const before = blocks.slice(0, Math.max(index, 0));
  arena["_blocks"] = [...blocks];
  arena["_index"] = index;
  arena["_block"] = blocks[index] ?? NO_EXTENT;
  arena["_before"] = before.reduce((sum, { byteLength }) => sum + byteLength, 0);
  arena["_usedBefore"] = before.reduce((sum, { top }) => sum + top, 0);
  arena["_forget"](arena["_before"] + arena["_block"].top);
  arena["_peak"] = peak;
  arena["_recent"] = recent;
  forgetReleased(arena);
}

/**
 * Forgets released regions, so that the same calls give the same addresses after a snapshot as
 * after it is restored.
 */
function forgetReleased(arena: Arena): void {
  arena["_regions"]?.truncate(0);
}

/**
 * Writes the state of an arena, in O(allocated bytes).
 *
 * @param metadata Metadata of the arena.
 * @param into Where to write, if there is room.
 * @param checksum Whether to add a checksum.
 * @returns `into`, or a new array.
 */
function writeArena(
  metadata: ArenaMetadata,
  into: Uint8Array | undefined,
  checksum: boolean,
): Uint8Array {
  const { space, blocks, index, peak, recent, usedBefore, block: { top } } = metadata;
  let byteLength = HEADER_BYTES + SECTION_BYTES;
  for (const { top } of blocks) byteLength += BLOCK_BYTES + padded(top);
  const arrays = arraysOf(bytesFor(space.label, into, byteLength));
  const { bytes, words, floats } = arrays;
  words.set([blocks.length, index, space.table.length, recent], HEADER_BYTES / 4);
  floats[HEADER_BYTES / 8 + 2] = Math.max(peak, usedBefore + top);
  let at = HEADER_BYTES + SECTION_BYTES;
  for (const { base, byteLength, top, u8 } of blocks) {
    words.set([base, byteLength, top, 0], at / 4);
    at += BLOCK_BYTES;
    const end = at + padded(top);
    if (end > at) floats[end / 8 - 1] = 0; // padding, so that equal states have equal bytes
    bytes.set(u8.subarray(0, top), at);
    at = end;
  }
  writeHeader(arrays, fingerprint(metadata), 1, byteLength, checksum);
  return bytes;
}

/**
 * Restores the memory of an arena to a snapshot.
 *
 * @param metadata Metadata of the arena.
 * @param bytes The snapshot.
 * @returns The new state of the arena.
 * @throws {SnapshotError} when it is no snapshot that the arena can be restored to.
 * @throws {OutOfMemoryError} when there is no memory for its blocks. In either case nothing
 * changed.
 */
function readArena(metadata: ArenaMetadata, bytes: Uint8Array): ArenaState {
  const { space, name } = metadata;
  const arrays = readHeader(space.label, name, bytes);
  checkLayout(space.label, name, arrays, fingerprint(metadata), 1);
  const snapped = new Snapped(metadata, arrays);
  const held = new Map(metadata.blocks.map((block) => [block.base, block]));
  const found = snapped.blocks.map(({ base, byteLength }) => {
    const block = held.get(base);
    return block?.byteLength === byteLength ? block : undefined;
  });
  const regions = takeAll(space, snapped, found, bytes);
  const kept = new Set(found);
  const gone = space.withdraw(metadata.blocks.filter((block) => !kept.has(block)));
  const blocks = snapped.blocks.map(({ base, byteLength }, i) =>
    found[i] ?? space.mapAt(base, byteLength, regions.get(i)!) // taken for all that were not found
  );
  space.resizeTable(snapped.tableLength);
  blocks.forEach((block, i) => refill(block, snapped.blocks[i], arrays));
  const { index, peak, recent } = snapped;
  return { blocks, index, peak, recent, gone };
}

/** Takes regions for the blocks that were not found: all of them, or none. */
function takeAll(
  space: AddressSpace,
  snapped: Snapped,
  found: readonly (Extent | undefined)[],
  bytes: Uint8Array,
): Map<number, MemoryRegion> {
  const regions = new Map<number, MemoryRegion>();
  const extents = [...space.extents];
  let isDone = false;
  try {
    snapped.blocks.forEach(({ base, byteLength }, i) => {
      if (found[i] !== undefined) return;
      const region = space.takeRegionFor(base, byteLength);
      if (region === undefined) {
        throw snapped.error(
          `block ${i}: the memory that there is lies elsewhere modulo 4096 than its addresses`,
          snapped.blocks[i].at,
        );
      }
      regions.set(i, region);
    });
    if (bytes.byteLength === 0) throw resourceError(space, "has detached the bytes to read");
    isDone = extents.length === space.extents.length &&
      extents.every((extent, i) => extent === space.extents[i]);
    if (!isDone) throw resourceError(space, "has changed its blocks meanwhile");
  } finally {
    if (!isDone) space.release([...regions.values()]);
  }
  return regions;
}

function resourceError({ label }: AddressSpace, what: string): Error {
  return new Error(`Cannot restore ${label}: its memory resource ${what}`);
}

/** Restores the contents of a block. Past its top it must be zero, since `alloc` does not clear. */
function refill(block: Extent, { top, at }: SnappedBlock, { bytes }: SnapshotArrays): void {
  block.endEpoch(0, block.top);
  block.u8.set(bytes.subarray(at, at + top));
  if (top < block.top) block.u8.fill(0, top, block.top);
  block.top = top;
}

/** The checked section of an arena. */
class Snapped {
  readonly blocks: readonly SnappedBlock[];
  readonly index: number;
  readonly tableLength: number;
  readonly peak: number;
  readonly recent: number;
  readonly #metadata: ArenaMetadata;
  readonly #byteLength: number;

  constructor(metadata: ArenaMetadata, { bytes, words, u32, floats }: SnapshotArrays) {
    this.#metadata = metadata;
    this.#byteLength = bytes.byteLength;
    this.#need(HEADER_BYTES, SECTION_BYTES);
    const [length, index, tableLength] = words.subarray(HEADER_BYTES / 4);
    this.index = index;
    this.tableLength = tableLength;
    this.peak = floats[HEADER_BYTES / 8 + 2];
    this.recent = u32[HEADER_BYTES / 4 + 3];
    let at = HEADER_BYTES + SECTION_BYTES;
    if (length < 0) throw this.error(`it has ${length} blocks`, HEADER_BYTES);
    this.#need(at, length * BLOCK_BYTES);
    const first = length === 0 ? -1 : 0;
    if (index < first || index >= length) {
      throw this.error(`its current block is ${index} of ${length}`, HEADER_BYTES + 4);
    }
    this.blocks = Array.from({ length }, (_, i) => {
      this.#need(at, BLOCK_BYTES);
      const [base, byteLength, top] = u32.subarray(at / 4);
      const block = { base, byteLength, top, at: at + BLOCK_BYTES };
      this.#checkBlock(block, i);
      at = block.at + padded(top);
      this.#need(block.at, padded(top));
      return block;
    });
    if (at !== this.#byteLength) throw this.error(`${this.#byteLength - at} bytes are left`, at);
    this.#checkTable();
    this.#checkPeak();
  }

  #checkBlock({ base, byteLength, top, at }: SnappedBlock, i: number): void {
    const isBlock = byteLength >= this.#metadata.blockBytes && byteLength <= MAX_EXTENT_BYTES &&
      base % 8 === 0;
    if (!isBlock || top > byteLength || i > this.index && top > 0) {
      throw this.error(
        `block ${i}: ${byteLength} bytes at address ${base}, ${top} of them allocated, are impossible`,
        at,
      );
    }
  }

  /** Checks that no granule belongs to two blocks, and that all are within the table. */
  #checkTable(): void {
    const { shift } = this.#metadata.space;
    const { tableLength } = this;
    if (tableLength < 1 || tableLength > 2 ** (32 - shift)) {
      throw this.error(`it has ${tableLength} granules of addresses`, HEADER_BYTES + 8);
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
      throw this.error(
        `a need of ${this.recent} exceeds the peak, ${this.peak}`,
        HEADER_BYTES + 12,
      );
    }
    if (Number.isInteger(this.peak) && this.peak >= used && this.peak <= 2 ** 32) return;
    throw this.error(
      `a peak of ${this.peak} does not go with ${used} used bytes`,
      HEADER_BYTES + 16,
    );
  }

  #need(at: number, bytes: number): void {
    if (at + bytes <= this.#byteLength) return;
    throw this.error(`it ends after ${this.#byteLength} bytes, within a block`, this.#byteLength);
  }

  error(problem: string, at: number): SnapshotError {
    return snapshotError(this.#metadata.space.label, this.#metadata.name, problem, at);
  }
}

/** A hash of all that a snapshot depends on. Debug arenas differ by their first granule. */
function fingerprint({ space, blockBytes }: ArenaMetadata): number {
  const { shift, firstGranule, keeper } = space;
  return fingerprintOf(["Arena", blockBytes, shift, firstGranule, keeper !== undefined].join());
}
