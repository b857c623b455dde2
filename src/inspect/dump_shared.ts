/**
 * Draws a shared pool as text, while its threads are at rest.
 *
 * @module
 */
import { chunkBar, cutTitle, withBar, wrap } from "./drawing.ts";
import { count, summary } from "../messages/show.ts";
import type { SharedBlock } from "../shared/block.ts";
import { ORPHAN } from "../shared/protocol.ts";
import { shared } from "../shared/slab.ts";

/**
 * Draws a shared pool.
 *
 * @param pool Any object.
 * @param color Whether the bars are coloured.
 * @returns Its lines; `undefined` for anything that is not a shared pool.
 * @throws {DisposedError} after its `dispose`.
 */
export function dumpShared(pool: object, color: boolean): string[] | undefined {
  const slab = shared.get(pool);
  if (slab === undefined) return undefined;
  slab.checkUsable();
  return [
    cutTitle(summary(slab), slab.label),
    ...slab.mappedBlocks().map((block) => blockLine(block, color)),
    ...wrap([
      `thread ${slab.thread} of ${slab.threads} so far`,
      `${count(slab.threadsAround)} around`,
      `${count(slab.retired)} retired`,
      `at most ${count(slab.maxChunks)}`,
    ]),
  ];
}

/** Draws a block: its position, its owner, the numbers of live and of all chunks, and the bar. */
function blockLine(block: SharedBlock, color: boolean): string {
  const { position, live, chunkCount, owner } = block;
  const whose = owner === ORPHAN ? "nobody's" : `thread ${owner}'s`;
  const figures = `${count(live)}/${count(chunkCount)}`.padStart(12);
  const title = `block ${String(position).padStart(4)} ${whose.padStart(11)}`;
  const bar = chunkBar(
    chunkCount,
    (chunk) => (block.loadStamp(chunk) & 1) === 1,
    (from, end) => isUnused(block, from, end),
  );
  return withBar(title + figures, bar, color);
}

/** Whether no chunk of a range was ever given out: the stamp of such a chunk is 0. */
function isUnused(block: SharedBlock, from: number, end: number): boolean {
  for (let chunk = from; chunk < end; chunk++) if (block.loadStamp(chunk) !== 0) return false;
  return true;
}
