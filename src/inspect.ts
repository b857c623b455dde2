/**
 * Looking at a pool from outside: whether its books balance.
 *
 * @module
 */
import type { Block } from "./_block.ts";
import { type Slab, slabs } from "./_slab.ts";
import { InvariantError } from "./errors.ts";

/**
 * Checks that the books of a pool balance, and changes nothing.
 *
 * Use it in tests, after code that writes to a block's bytes, and to hunt for a record that changes
 * by itself. A pool used through its members alone has no way to fail. It looks at every chunk, so
 * keep it out of hot loops.
 *
 * Of each block, and of the pool as a whole, live + free + never used + retired = capacity. Each
 * free list holds just the dead chunks that can be given out again, with every link in range and no
 * cycle. Live bits, generations and counts agree. A block that was given back has no live record.
 *
 * Takes O(capacity), and a byte a chunk of one block until it returns.
 *
 * @param pool A pool of this module.
 * @throws {InvariantError} when the books do not balance; it says where, and both figures.
 * @throws {TypeError} when `pool` is no pool.
 * @throws {DisposedError} after the pool's `dispose`.
 *
 * @example Usage
 * ```ts
 * import { InvariantError, Pool, validate } from "@slabs/pool";
 * import { assertThrows } from "@std/assert";
 *
 * using pool = new Pool({ hp: "u8" }, { chunksPerBlock: 16 });
 * pool.freeMany(pool.allocMany(3));
 * validate(pool);
 *
 * pool.blocks[0].bytes.fill(255); // overwrites the links in the freed chunks
 * assertThrows(() => validate(pool), InvariantError, "links to chunk 255");
 * ```
 */
export function validate(pool: object): void {
  const all = slabs.get(pool);
  if (all === undefined) {
    throw new TypeError("Cannot validate: the argument is no pool of this module");
  }
  for (const slab of all) {
    if (slab.disposed) throw slab.disposedError();
    new Audit(slab).run();
  }
}

/** One pass over the books of a slab: what it keeps is held against what is counted anew. */
class Audit {
  readonly #slab: Slab;
  /** 1 for each chunk of the current block that its free list has led to. */
  readonly #listed: Uint8Array;
  /** Chunks of the blocks that have memory. */
  #chunks = 0;
  /** Live records found in all blocks. */
  #live = 0;

  constructor(slab: Slab) {
    this.#slab = slab;
    this.#listed = new Uint8Array(slab.geometry.chunkCount);
  }

  run(): void {
    for (const block of this.#slab.blocks) this.#checkBlock(block);
    const { size, geometry } = this.#slab;
    const capacity = this.#slab.mounted().length * geometry.chunkCount;
    if (this.#chunks !== capacity) {
      throw this.#fault(`the capacity is ${capacity}, and the blocks have ${this.#chunks} chunks`);
    }
    if (this.#live !== size) {
      throw this.#fault(`the size is ${size}, and ${this.#live} records are live`);
    }
  }

  /** Live, retired and bump mark first: what they leave is the length of the free list. */
  #checkBlock(block: Block): void {
    const { chunkCount, bump, region } = block;
    const most = region === undefined ? 0 : chunkCount;
    if (!(bump >= 0 && bump <= most)) {
      throw this.#fault(`the bump mark is ${bump}, out of range 0 to ${most}`, block);
    }
    this.#live += this.#checkLive(block);
    this.#checkRetired(block);
    if (region === undefined) return;
    this.#checkFreeList(block);
    this.#chunks += chunkCount;
  }

  /** Counts live chunks by their stamps; their bits and the block's own count must say the same. */
  #checkLive(block: Block): number {
    const { stamps, bump } = block;
    let live = 0;
    for (let chunk = 0; chunk < block.chunkCount; chunk++) {
      this.#checkStamp(block, chunk);
      const isLive = (stamps[chunk] & 1) === 1;
      if (isLive !== isMarkedLive(block, chunk)) {
        throw this.#fault(
          `the live bit of chunk ${chunk} is ${isLive ? 0 : 1}, its stamp ${stamps[chunk]}`,
          block,
        );
      }
      if (!isLive) continue;
      live++;
      if (chunk >= bump) {
        throw this.#fault(`chunk ${chunk} is live, the bump mark is ${bump}`, block);
      }
    }
    const bits = countBits(block.liveBits);
    if (bits !== live) {
      throw this.#fault(`${bits} live bits are set, and ${live} chunks are live`, block);
    }
    if (block.live !== live) {
      throw this.#fault(`it counts ${block.live} live chunks, and has ${live}`, block);
    }
    return live;
  }

  #checkStamp(block: Block, chunk: number): void {
    const stamp = block.stamps[chunk];
    if (stamp === 0) return; // retired
    const generation = stamp >>> 1;
    const { maxGeneration } = this.#slab.codec;
    if (generation >= 1 && generation <= maxGeneration) return;
    throw this.#fault(
      `chunk ${chunk} is at generation ${generation}, out of range 1 to ${maxGeneration}`,
      block,
    );
  }

  /** Counts the retired chunks by their stamps; the block's own count must say the same. */
  #checkRetired(block: Block): void {
    const { bump, region } = block;
    let retired = 0;
    for (let chunk = 0; chunk < block.chunkCount; chunk++) {
      if (block.stamps[chunk] !== 0) continue;
      retired++;
      if (region !== undefined && chunk >= bump) {
        throw this.#fault(`chunk ${chunk} is retired, the bump mark is ${bump}`, block);
      }
    }
    if (block.retired !== retired) {
      throw this.#fault(`it counts ${block.retired} retired chunks, and has ${retired}`, block);
    }
    if (retired > 0 && this.#slab.codec.wraps) {
      throw this.#fault(`${retired} chunks are retired, where generations wrap`, block);
    }
  }

  /** Follows the free list to its end: dead chunks below the bump mark, none of them twice. */
  #checkFreeList(block: Block): void {
    const length = block.bump - block.live - block.retired;
    this.#listed.fill(0);
    let before = -1;
    let chunk = block.head;
    for (let i = 0; i < length; i++) {
      this.#checkLink(block, before, chunk);
      this.#listed[chunk] = 1;
      before = chunk;
      chunk = block.readLink(chunk);
    }
  }

  /** Checks that a chunk may stand in a free list after another, or at its head if that is -1. */
  #checkLink(block: Block, before: number, chunk: number): void {
    const problem = !(chunk >= 0 && chunk < block.bump)
      ? `out of range 0 to ${block.bump - 1}`
      : this.#listed[chunk] === 1
      ? "a second time"
      : block.stamps[chunk] === 0
      ? "which is retired"
      : isMarkedLive(block, chunk)
      ? "which is live"
      : undefined;
    if (problem === undefined) return;
    const place = before < 0 ? "the head of the free list" : `chunk ${before}`;
    throw this.#fault(`${place} links to chunk ${chunk}, ${problem}`, block);
  }

  #fault(problem: string, block?: Block): InvariantError {
    const { name, label } = this.#slab;
    const index = block === undefined ? -1 : block.index;
    const place = index < 0 ? "" : `block ${index}: `;
    return new InvariantError(`Cannot validate ${label}: ${place}${problem}`, name, index);
  }
}

function isMarkedLive({ liveBits }: Block, chunk: number): boolean {
  return (liveBits[chunk >> 5] >>> (chunk & 31) & 1) === 1;
}

function countBits(words: Int32Array): number {
  let count = 0;
  for (let i = 0; i < words.length; i++) {
    for (let left = words[i]; left !== 0; left &= left - 1) count++;
  }
  return count;
}
