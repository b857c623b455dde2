/**
 * Checks that the metadata of a shared pool balance, while its threads are at rest.
 *
 * @module
 */
import { InvariantError } from "../errors.ts";
import type { SharedBlock } from "../shared/block.ts";
import { CHUNK_MASK, isPending, lengthOf, RETIRED } from "../shared/protocol.ts";
import { shared, type SharedSlab } from "../shared/slab.ts";

/** How many chunks of a block are in which state, by their stamps. */
interface Census {
  live: number;
  /** Free, or never used. */
  free: number;
  pending: number;
  retired: number;
}

/**
 * Checks that the metadata of a shared pool balance, and changes nothing.
 *
 * @param pool Any object.
 * @returns Whether it is a shared pool.
 * @throws {InvariantError} when its metadata do not balance.
 * @throws {DisposedError} after its `dispose`.
 */
export function auditShared(pool: object): boolean {
  const slab = shared.get(pool);
  if (slab === undefined) return false;
  slab.checkUsable();
  // Each other thread may have stopped between two steps, with the chunk that it was moving.
  let lost = slab.threadsAround - 1;
  for (const block of slab.mappedBlocks()) {
    const problem = auditBlock(slab, block, lost);
    if (typeof problem === "string") {
      throw new InvariantError(
        `Cannot validate ${slab.label}: block ${block.position}: ${problem}`,
        slab.name,
        block.position,
      );
    }
    lost -= problem;
  }
  return true;
}

/**
 * Checks one block.
 *
 * @param slab The slab of this thread.
 * @param block A block of it.
 * @param lost How many chunks stopped threads may have left in no list, or in no count.
 * @returns What is wrong; or how many such chunks the block has.
 */
function auditBlock(slab: SharedSlab, block: SharedBlock, lost: number): string | number {
  const { chunkCount } = block;
  const all: Census = { live: 0, free: 0, pending: 0, retired: 0 };
  for (let chunk = 0; chunk < chunkCount; chunk++) {
    const stamp = block.loadStamp(chunk);
    if (stamp === RETIRED) all.retired++;
    else if (isPending(stamp)) all.pending++;
    else if (stamp < 0 || stamp > slab.lastStamp) return `chunk ${chunk} has stamp ${stamp}`;
    else if ((stamp & 1) === 1) all.live++;
    else all.free++;
  }
  const listed = lengthOf(block.loadRemote());
  const problem = auditList(block, block.loadRemote() & CHUNK_MASK, listed, "remote", isPending) ??
    (block.isMine ? auditList(block, block.head, block.free, "free", isFree) : undefined) ??
    auditCounts(block, all, lost);
  if (problem !== undefined) return problem;
  const missing = all.pending - listed;
  const most = lost - (all.retired - block.retired);
  return missing >= 0 && missing <= most
    ? missing + lost - most
    : `${all.pending} chunks are on their way to its owner, and ${listed} in the list`;
}

function isFree(stamp: number): boolean {
  return stamp >= 0 && (stamp & 1) === 0;
}

/** Follows a list to its end: every chunk must be in range, in the right state, and come once. */
function auditList(
  block: SharedBlock,
  head: number,
  length: number,
  name: string,
  belongs: (stamp: number) => boolean,
): string | undefined {
  const met = new Set<number>();
  for (let chunk = head; met.size < length; chunk = block.readLink(chunk)) {
    const problem = chunk >= block.chunkCount
      ? `out of range 0 to ${block.chunkCount - 1}`
      : met.has(chunk)
      ? "a second time"
      : belongs(block.loadStamp(chunk))
      ? undefined
      : `whose stamp is ${block.loadStamp(chunk)}`;
    if (problem !== undefined) return `its ${name} list leads to chunk ${chunk}, ${problem}`;
    met.add(chunk);
  }
  return undefined;
}

/** Compares the counts of a block with those of its stamps. The free list is known to its owner. */
function auditCounts(
  block: SharedBlock,
  { live, free, pending, retired }: Census,
  lost: number,
): string | undefined {
  const { chunkCount, taken } = block;
  if (block.retired > retired || block.retired + lost < retired) {
    return `it counts ${block.retired} retired chunks, and has ${retired}`;
  }
  if (taken !== live + pending + retired) {
    return `its owner counts ${taken} chunks in use, and it has ${live + pending + retired}`;
  }
  const known = block.free + chunkCount - block.bump;
  return block.isMine && known !== free
    ? `${known} chunks are in its free list or unused, and ${free} are free`
    : undefined;
}
