/**
 * Looking at a shared pool from outside, while its threads are at rest.
 *
 * @module
 */
import type { SharedBlock } from "../shared/block.ts";
import { shared, type SharedSlab } from "../shared/slab.ts";
import { CHUNK_MASK, isPending, lengthOf, ORPHAN, RETIRED } from "../shared/protocol.ts";
import { count, drawn, occupancy, summary, WIDTH, wrap } from "../messages/show.ts";
import { InvariantError } from "../errors.ts";

/** What a block's stamps say. */
interface Census {
  live: number;
  /** Free, or never used. */
  free: number;
  pending: number;
  retired: number;
}

/**
 * Holds what a shared pool keeps against what is counted anew.
 *
 * @param pool Any object.
 * @returns Whether it is a shared pool.
 * @throws {InvariantError} when its metadata do not balance.
 * @throws {DisposedError} after its disposal.
 */
export function auditShared(pool: object): boolean {
  const slab = shared.get(pool);
  if (slab === undefined) return false;
  if (slab.disposed) throw slab.disposedError();
  // A thread that ended in the middle of something may have kept the chunk that it was moving.
  let lost = slab.threadsAround - 1;
  for (const block of slab.mounted()) {
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

/** What is wrong with a block, or how many chunks are on their way to its remote list, or to its count, and not there. */
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

/** Follows a list to its end: every chunk in range, of the right kind, and none twice. */
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

/**
 * Draws a shared pool for people.
 *
 * @param pool Any object.
 * @param color Whether to use colour.
 * @returns Lines; `undefined` for what is no shared pool.
 * @throws {DisposedError} after its disposal.
 */
export function dumpShared(pool: object, color: boolean): string[] | undefined {
  const slab = shared.get(pool);
  if (slab === undefined) return undefined;
  if (slab.disposed) throw slab.disposedError();
  return [
    summary(slab, slab.label, WIDTH),
    ...slab.mounted().map((block) => blockLine(block, color)),
    ...wrap([
      `thread ${slab.thread} of ${slab.threads} so far`,
      `${count(slab.threadsAround)} around`,
      `${count(slab.retired)} retired`,
      `at most ${count(slab.maxChunks)}`,
    ]),
  ];
}

/** One block: its position, whose it is, how much of it is live, and where. */
function blockLine(block: SharedBlock, color: boolean): string {
  const { position, live, chunkCount, owner } = block;
  const whose = owner === ORPHAN ? "nobody's" : `thread ${owner}'s`;
  const figures = `${count(live)}/${count(chunkCount)}`.padStart(12);
  const title = `block ${String(position).padStart(4)} ${whose.padStart(11)}`;
  return drawn(title + figures, occupancyOf(block), color);
}

function occupancyOf(block: SharedBlock): string {
  const isLive = (chunk: number) => (block.loadStamp(chunk) & 1) === 1;
  return occupancy(block.chunkCount, isLive, (from, end) => {
    for (let chunk = from; chunk < end; chunk++) if (block.loadStamp(chunk) !== 0) return false;
    return true;
  });
}
