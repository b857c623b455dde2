/**
 * Where things are in the buffer of a shared pool, so that the buffer alone is enough to join.
 *
 * ```text
 * word  0     "SLAB"
 *       1     version
 *       2     fingerprint of the layout
 *       3     bytes of a record
 *       4     log2 of the chunks in a block
 *       5     log2 of the chunks at the most
 *       6     1 for wide handles
 *       7     empty blocks that a thread keeps
 *      16     blocks that there are          a line of the cache for itself
 *      32     threads that joined so far     and another
 *      33     threads that left
 *      34     blocks that nobody owns
 * byte 192    block 0, and one after the other
 *
 * block       owner, taken                   the owner writes here …
 *  + 64       remote list, retired           … and others here
 *  + 128      stamps, 4 bytes a chunk
 *             records
 * ```
 *
 * @module
 */
import { fingerprintOf, layoutText } from "../slab/envelope.ts";
import { OutOfMemoryError, SchemaError } from "../errors.ts";
import type { HandleKind } from "../slab/handle.ts";
import type { AnyStruct } from "../struct/schema.ts";

const MAGIC = 0x42414c53; // "SLAB" in memory, where the low byte comes first
const VERSION = 1;

/** Words of the header. */
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

/** Words of a block. */
export const BLOCK = { owner: 0, taken: 1, remote: 16, retired: 17 } as const;
const BLOCK_BYTES = 128;

/** Bytes of a line of the cache: what two threads write should not share one. */
const LINE = 64;

/** What a shared pool is like; the same for all of its threads. */
export interface SharedShape {
  readonly chunkBytes: number;
  readonly chunksPerBlock: number;
  readonly maxChunks: number;
  readonly handles: HandleKind;
  readonly keepEmptyBlocks: number;
}

/** Where a block is. */
export class SharedLayout {
  /** Words of the header. */
  readonly header: Int32Array;
  readonly buffer: SharedArrayBuffer;
  readonly shape: SharedShape;
  /** Bytes from a block's start to its stamps, to its records, and to the next block. */
  readonly stampsAt: number = BLOCK_BYTES;
  readonly recordsAt: number;
  readonly stride: number;

  /**
   * @param shape What the pool is like.
   * @param label How errors call it.
   * @param buffer The memory; made where it is left out.
   * @throws {OutOfMemoryError} when there is no room for `maxChunks`.
   */
  constructor(shape: SharedShape, label: string, buffer?: SharedArrayBuffer) {
    const { chunksPerBlock, chunkBytes, maxChunks } = shape;
    this.shape = shape;
    this.recordsAt = roundUp(BLOCK_BYTES + 4 * chunksPerBlock, LINE);
    this.stride = roundUp(this.recordsAt + chunkBytes * chunksPerBlock, LINE);
    const most = this.startOf(maxChunks / chunksPerBlock);
    this.buffer = buffer ?? reserve(label, most);
    this.header = new Int32Array(this.buffer, 0, HEADER_BYTES / 4);
  }

  /**
   * @param position Position of a block.
   * @returns Where it starts, in bytes.
   */
  startOf(position: number): number {
    return HEADER_BYTES + position * this.stride;
  }

  /**
   * Makes the buffer as long as so many blocks need, unless it is.
   *
   * @param blocks How many.
   * @param label How errors call the pool.
   * @throws {OutOfMemoryError} when there is no memory.
   */
  growTo(blocks: number, label: string): void {
    const wanted = this.startOf(blocks);
    if (this.buffer.byteLength >= wanted) return;
    try {
      this.buffer.grow(wanted);
    } catch (cause) {
      // Another thread may have grown it further, in which case it cannot be grown to this any more.
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

  /** Writes the header of a new pool. */
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
 * Reads the shape of a pool from its header.
 *
 * @param buffer What came with the token.
 * @param struct What the thread takes its records for.
 * @param name Name of the pool.
 * @returns The shape.
 * @throws {TypeError} when the buffer is none of a shared pool.
 * @throws {SchemaError} when the struct has another layout.
 */
export function readShape(buffer: unknown, struct: AnyStruct, name: string): SharedShape {
  const title = `Cannot attach SharedPool "${name}"`;
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
  if (header[HEADER.fingerprint] !== fingerprint(struct)) {
    throw new SchemaError(
      `${title}: struct "${struct.name}" has ${struct.size} bytes and another layout than the pool's records, which have ` +
        `${header[HEADER.chunkBytes]} bytes; use the struct that the pool was created with`,
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

/** A buffer that has nothing but its header, and can grow to a length. */
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
