/**
 * Checks that the metadata of a shared pool is consistent, while its threads are at rest.
 *
 * @module
 */
import { CHUNK_MASK, isPending, lengthOf, RETIRED, type SharedSteps } from "../shared/protocol.ts";
import { shared } from "../shared/slab.ts";
import { invariantError } from "./invariant_error.ts";

/**
 * Checks that the metadata of a shared pool is consistent, and changes nothing.
 *
 * @param pool Any object.
 * @returns Whether it is a shared pool.
 * @throws {InvariantError} when its metadata is inconsistent.
 * @throws {DisposedError} after its `dispose`.
 */
export function auditShared(pool: object): boolean {
  const slab = shared.get(pool);
  if (slab === undefined) return false;
  slab.checkUsable();
  let stopped = slab.threadsAround - 1;
  for (const block of slab.mappedBlocks()) {
    const problem = auditSharedBlock(block, slab.lastStamp, stopped);
    if (typeof problem === "string") throw invariantError(slab, problem, block.position);
    stopped -= problem;
  }
  return true;
}

/** The members of a block that are checked. */
interface Audited extends
  Pick<
    SharedSteps,
    "chunkCount" | "head" | "free" | "bump" | "loadStamp" | "loadRemote" | "readLink"
  > {
  readonly isMine: boolean;
  readonly taken: number;
  readonly retired: number;
}

/**
 * Checks one block. When its owner checks it, its counts must be exact. When another thread does,
 * each thread that stopped between two steps may explain one of these differences:
 * - a chunk is pending, and not in the remote list yet;
 * - a chunk is retired, and not counted yet;
 * - the owner has allocated, freed or drained chunks, and not published yet how many are taken.
 *
 * @param block A block.
 * @param lastStamp Live stamp of the last generation.
 * @param stopped How many threads may have stopped in this way.
 * @returns What is wrong; or how many threads must have stopped in this way.
 */
export function auditSharedBlock(
  block: Audited,
  lastStamp: number,
  stopped: number,
): string | number {
  const { chunkCount, isMine, taken } = block;
  const all = { live: 0, free: 0, pending: 0, retired: 0 };
  for (let chunk = 0; chunk < chunkCount; chunk++) {
    const stamp = block.loadStamp(chunk);
    if (stamp === RETIRED) all.retired++;
    else if (isPending(stamp)) all.pending++;
    else if (stamp < 0 || stamp > lastStamp) return `chunk ${chunk} has stamp ${stamp}`;
    else if ((stamp & 1) === 1) all.live++;
    else all.free++;
  }
  const remote = block.loadRemote();
  const listed = { pending: 0, free: 0 };
  const problem = auditList(block, remote & CHUNK_MASK, lengthOf(remote), "remote", listed) ??
    (isMine ? auditList(block, block.head, block.free, "free") : undefined);
  if (problem !== undefined) return problem;

  const uncounted = all.retired - block.retired;
  if (uncounted < 0 || uncounted > stopped) {
    return `it counts ${block.retired} retired chunks, and has ${all.retired}`;
  }
  const missing = all.pending - listed.pending;
  if (missing > stopped - uncounted) {
    return `${all.pending} chunks are on their way to its owner, and ${listed.pending} in the list`;
  }
  const inUse = all.live + all.pending + all.retired + listed.free;
  const unpublished = taken === inUse && listed.free === 0 ? 0 : 1;
  const most = isMine ? 0 : stopped - uncounted - missing;
  // One record was allocated, or any number was freed.
  if (unpublished > most || taken < inUse - 1 || taken > chunkCount) {
    return `its owner counts ${taken} chunks in use, and it has ${inUse - listed.free}`;
  }
  const known = block.free + chunkCount - block.bump;
  return isMine && known !== all.free
    ? `${known} chunks are in its free list or unused, and ${all.free} are free`
    : uncounted + missing + unpublished;
}

/**
 * Follows a list to its end: every chunk must be in range, in the right state, and occur once. A
 * free list has free chunks. A remote list has pending ones, and free ones if its owner stopped
 * while it drained the list; both are counted.
 */
function auditList(
  block: Audited,
  head: number,
  length: number,
  name: string,
  remote?: { pending: number; free: number },
): string | undefined {
  const met = new Set<number>();
  for (let chunk = head; met.size < length; chunk = block.readLink(chunk)) {
    const stamp = chunk < block.chunkCount ? block.loadStamp(chunk) : NaN;
    const state = isPending(stamp) ? "pending" : stamp >= 0 && (stamp & 1) === 0 ? "free" : "";
    const belongs = remote === undefined ? state === "free" : state !== "";
    const problem = chunk >= block.chunkCount
      ? `out of range 0 to ${block.chunkCount - 1}`
      : met.has(chunk)
      ? "a second time"
      : belongs
      ? undefined
      : `whose stamp is ${stamp}`;
    if (problem !== undefined) return `its ${name} list leads to chunk ${chunk}, ${problem}`;
    if (remote !== undefined && state !== "") remote[state]++;
    met.add(chunk);
  }
  return undefined;
}
