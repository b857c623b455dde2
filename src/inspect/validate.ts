/**
 * `validate` checks that the metadata of a pool or a byte allocator is consistent.
 *
 * @module
 */
import { invariantError } from "./invariant_error.ts";
import { auditBytes } from "./validate_bytes.ts";
import { auditShared } from "./validate_shared.ts";
import type { Block } from "../slab/block.ts";
import { auditBlock, auditQueue, type BlockMetadata } from "../slab/check.ts";
import { queueOf } from "../slab/rebuild.ts";
import { type Slab, slabs } from "../slab/slab.ts";

/**
 * Checks that the metadata of a pool or a byte allocator is consistent, and changes nothing.
 *
 * Use it in tests, after code that writes to a block's bytes, and to hunt for a record that changes
 * by itself. A pool that is used through its members alone never fails. Keep it out of hot loops,
 * as it looks at every chunk.
 *
 * In each block, and in the pool as a whole, live + free + never used + retired = capacity. Each
 * free list holds exactly the freed chunks that can be given out again, with every link in range
 * and no cycle. Live bits, generations and counts agree. A block that was given back has no live
 * record.
 *
 * In an arena every byte past the last allocation is zero. In a stack the headers lead from the
 * newest allocation to the oldest. In a heap the chunks fill the memory, and the index holds the
 * free ones. Each address leads to its block.
 *
 * While it checks a shared pool, every thread must be at rest. A thread checks the free lists of
 * its own blocks, and the counts of all blocks. A thread that stopped in the middle of a call may
 * have left one chunk in no list, or one block with a count that is not published. So one of these
 * is allowed for each other thread that has not left the pool.
 *
 * Takes O(capacity), of a byte allocator O(bytes).
 *
 * @category Inspection
 * @param pool A pool or a byte allocator of this module.
 * @throws {InvariantError} when the metadata is inconsistent; it says where, and both figures.
 * @throws {TypeError} when `pool` is neither, or its memory was detached.
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
    if (auditBytes(pool) || auditShared(pool)) return;
    throw new TypeError("Cannot validate: the argument is no pool or allocator of this module");
  }
  for (const slab of all) {
    slab.checkUsable("validate");
    audit(slab);
  }
}

/** Counts the chunks of each block and of the whole slab, and compares that with their metadata. */
function audit(slab: Slab): void {
  const { size, geometry, blockSet } = slab;
  let chunks = 0, live = 0, empty = 0;
  for (const block of slab.blocks) {
    const problem = auditBlock(metadataOf(block), slab.codec);
    if (problem !== undefined) throw invariantError(slab, problem, block.index);
    if (block.isMapped) {
      chunks += block.chunkCount;
      if (block.live === 0) empty++;
    }
    live += block.live;
  }
  if (geometry.spread) {
    const problem = auditQueue(slab.blocks.map(metadataOf), queueOf(slab));
    if (problem !== undefined) throw invariantError(slab, problem);
  }
  for (const capacity of [slab.capacity, slab.mappedBlocks().length * geometry.chunkCount]) {
    if (chunks === capacity) continue;
    throw invariantError(slab, `the capacity is ${capacity}, and the blocks have ${chunks} chunks`);
  }
  if (live !== size) {
    throw invariantError(slab, `the size is ${size}, and ${live} records are live`);
  }
  if (empty !== blockSet.emptyCount) {
    const counted = `the count of empty blocks is ${blockSet.emptyCount}`;
    throw invariantError(slab, `${counted}, and ${empty} have no live record`);
  }
}

function metadataOf(block: Block): BlockMetadata {
  const { chunkCount, bump, head, live, retired, isMapped, stamps, liveBits } = block;
  const { linkStride, linkBytes, chunkBytes, queued, waiting, lastWaiting } = block;
  return {
    ...{ queued, waiting, lastWaiting },
    ...block.geometry.spread && { next: block.next, firstNext: 0 },
    ...{ chunkCount, bump, head, live, retired, isMapped },
    stamps,
    firstStamp: 0,
    liveBits,
    firstWord: 0,
    links: linkStride > 0 ? block.u16 : block.u8,
    firstLink: 0,
    linkStride: linkStride > 0 ? linkStride : linkBytes === 1 ? chunkBytes : 0,
    readLink: (chunk) => block.readLink(chunk),
  };
}
