/**
 * The layout of a shared pool's buffer, which holds all that a thread needs to join.
 *
 * ```text
 * word  0     "SLAB"
 *       1     version
 *       2     fingerprint of the layout
 *       3     bytes of a record
 *       4     log2 of the chunks in a block
 *       5     log2 of maxChunks
 *       6     1 for wide handles
 *       7     empty blocks that a thread keeps (keepEmptyBlocks)
 *      16     number of blocks               on a cache line of its own
 *      32     threads that joined so far     on another cache line
 *      33     threads that left
 *      34     blocks without an owner
 * byte 192    block 0, and the other blocks one after the other
 *
 * block       owner, taken                   written by the owner …
 *  + 64       remote list, retired           … and by other threads
 *  + 128      stamps, 4 bytes a chunk
 *             links, 2 bytes a chunk
 *             records
 * ```
 *
 * Links are not in the free chunks, as they are in other pools: a thread that is about to write a
 * field may do so after another has freed the record, and no check can prevent that.
 *
 * @module
 */
import { fingerprintOf, layoutText } from "../slab/envelope.ts";
import { OutOfMemoryError, SchemaError } from "../errors.ts";
import type { HandleKind } from "../slab/handle.ts";
import type { AnyStruct } from "../struct/schema.ts";

const MAGIC = 0x42414c53; // "SLAB" in memory, where the low byte comes first
const VERSION = 2;

/** Word indices in the header. */
export const HEADER = {
  magic: 0,
  version: 1,
  fingerprint: 2,
  chunkBytes: 3,
  chunkBits: 4,
  indexBits: 5,
  wide: 6,
  keepEmptyBlocks: 7,
  blocks: 16,
  joined: 32,
  left: 33,
  orphans: 34,
} as const;
const HEADER_BYTES = 192;

/** Word indices in a block. */
export const BLOCK = { owner: 0, taken: 1, remote: 16, retired: 17 } as const;
/** Bytes of these words; the stamps follow. */
export const BLOCK_BYTES = 128;

/** Bytes of a cache line. Words that different threads write should not share one. */
const CACHE_LINE = 64;

/** The geometry of a shared pool, the same for all of its threads. */
export interface SharedShape {
  readonly chunkBytes: number;
  readonly chunksPerBlock: number;
  readonly maxChunks: number;
  readonly handles: HandleKind;
  readonly keepEmptyBlocks: number;
}

/** The buffer of a shared pool, and where its blocks are in it. */
export class SharedLayout {
  /** The words of the header. */
  readonly header: Int32Array;
  readonly buffer: SharedArrayBuffer;
  readonly shape: SharedShape;
  /** Bytes from the start of a block to its links and records, and to the next block. */
  readonly linksAt: number;
  readonly recordsAt: number;
  readonly stride: number;

  /**
   * @param shape The geometry of the pool.
   * @param label What errors call the pool.
   * @param buffer The memory of the pool; a new one where it is left out.
   * @throws {OutOfMemoryError} when there are no addresses for `maxChunks`.
   */
  constructor(shape: SharedShape, label: string, buffer?: SharedArrayBuffer) {
    const { chunksPerBlock, chunkBytes, maxChunks } = shape;
    this.shape = shape;
    this.linksAt = BLOCK_BYTES + 4 * chunksPerBlock;
    this.recordsAt = roundUp(this.linksAt + 2 * chunksPerBlock, CACHE_LINE);
    this.stride = roundUp(this.recordsAt + chunkBytes * chunksPerBlock, CACHE_LINE);
    const maxBytes = this.startOf(maxChunks / chunksPerBlock);
    this.buffer = buffer ?? reserve(label, maxBytes);
    this.header = new Int32Array(this.buffer, 0, HEADER_BYTES / 4);
  }

  /**
   * @param position Position of a block.
   * @returns Byte offset at which it starts.
   */
  startOf(position: number): number {
    return HEADER_BYTES + position * this.stride;
  }

  /**
   * Grows the buffer to hold a number of blocks, unless it does.
   *
   * @param blocks The number.
   * @param label What errors call the pool.
   * @throws {OutOfMemoryError} when there is no memory.
   */
  growTo(blocks: number, label: string): void {
    const wanted = this.startOf(blocks);
    if (this.buffer.byteLength >= wanted) return;
    try {
      this.buffer.grow(wanted);
    } catch (cause) {
      // A buffer cannot shrink, so this also throws where another thread has grown it further.
      if (this.buffer.byteLength >= wanted) return;
      throw new OutOfMemoryError(
        `Cannot grow ${label}: no memory for block ${
          blocks - 1
        }, the buffer cannot grow to ${wanted} bytes`,
        wanted,
        { cause },
      );
    }
  }

  /**
   * Writes the header of a new pool.
   *
   * @param struct The struct of its records.
   */
  seal(struct: AnyStruct): void {
    const { header, shape: { chunkBytes, chunksPerBlock, maxChunks, handles, keepEmptyBlocks } } =
      this;
    header[HEADER.magic] = MAGIC;
    header[HEADER.version] = VERSION;
    header[HEADER.fingerprint] = fingerprint(struct);
    header[HEADER.chunkBytes] = chunkBytes;
    header[HEADER.chunkBits] = Math.log2(chunksPerBlock);
    header[HEADER.indexBits] = Math.log2(maxChunks);
    header[HEADER.wide] = handles === "wide" ? 1 : 0;
    header[HEADER.keepEmptyBlocks] = keepEmptyBlocks;
  }
}

/**
 * Reads the geometry of a pool from its header.
 *
 * @param buffer The buffer of the token, unchecked.
 * @param struct The struct that the thread gave.
 * @param title What errors start with.
 * @returns The geometry.
 * @throws {TypeError} when the buffer is not that of a shared pool of this version.
 * @throws {SchemaError} when the struct has another layout.
 */
export function readShape(buffer: unknown, struct: AnyStruct, title: string): SharedShape {
  if (!(buffer instanceof SharedArrayBuffer) || buffer.byteLength < HEADER_BYTES) {
    throw new TypeError(`${title}: the token must be what share() returned`);
  }
  const header = new Int32Array(buffer, 0, HEADER_BYTES / 4);
  if (header[HEADER.magic] !== MAGIC) {
    throw new TypeError(`${title}: its buffer is not that of a shared pool`);
  }
  if (header[HEADER.version] !== VERSION) {
    throw new TypeError(
      `${title}: its buffer is of version ${header[HEADER.version]}, this module's is ${VERSION}`,
    );
  }
  // The size as well: two layouts may have the same hash.
  const isSame = header[HEADER.fingerprint] === fingerprint(struct) &&
    header[HEADER.chunkBytes] === struct.size;
  if (!isSame) {
    throw new SchemaError(
      `${title}: struct "${struct.name}" of ${struct.size} bytes has another layout than the pool's records of ` +
        `${header[HEADER.chunkBytes]} bytes; names, types and order of the fields must be the same`,
      struct.name,
      "",
    );
  }
  return {
    chunkBytes: struct.size,
    chunksPerBlock: 1 << header[HEADER.chunkBits],
    maxChunks: 2 ** header[HEADER.indexBits],
    handles: header[HEADER.wide] === 1 ? "wide" : "compact",
    keepEmptyBlocks: header[HEADER.keepEmptyBlocks],
  };
}

function fingerprint(struct: AnyStruct): number {
  return fingerprintOf("SharedPool" + layoutText(struct));
}

/** Makes a buffer with room for the header, which can grow to `byteLength`. */
function reserve(label: string, byteLength: number): SharedArrayBuffer {
  try {
    return new SharedArrayBuffer(HEADER_BYTES, { maxByteLength: byteLength });
  } catch (cause) {
    throw new OutOfMemoryError(
      `Cannot create ${label}: no room for ${byteLength} bytes of addresses; lower maxChunks`,
      byteLength,
      { cause },
    );
  }
}

function roundUp(bytes: number, align: number): number {
  return Math.ceil(bytes / align) * align;
}
