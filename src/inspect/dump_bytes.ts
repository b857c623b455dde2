/**
 * Dumps of byte allocators.
 *
 * @module
 */
import { type Extent, UNIT_SHIFT } from "../bytes/address_space.ts";
import { arenaMetadata, stackMetadata } from "../bytes/read_metadata.ts";
import { endOf } from "../bytes/chunks.ts";
import { type Heap, heaps } from "../bytes/heap.ts";
import { column, COLUMNS, cutTitle, withBar, wrap } from "./drawing.ts";
import { bytes, byteSummary, count } from "../messages/show.ts";
import type { ByteAllocator } from "../bytes/byte_allocator.ts";
import type { ArenaStats } from "../bytes/arena.ts";
import type { FreeListStats } from "../bytes/free_list_allocator.ts";
import type { StackStats } from "../bytes/stack_allocator.ts";

/** A range of byte offsets that are in use. */
type Range = readonly [from: number, to: number];

/** One block to draw. */
interface Drawn {
  readonly extent: Extent;
  readonly used: number;
  /** In order of offset. */
  readonly ranges: readonly Range[];
  /** Offset from which on nothing was ever allocated since the last reset. */
  readonly top: number;
}

/**
 * Describes a byte allocator in lines of text.
 *
 * @param allocator Anything.
 * @param color Whether to use colour.
 * @returns The lines; `undefined` if it is no byte allocator.
 * @throws {DisposedError} after its `dispose`.
 */
export function dumpBytes(allocator: object, color: boolean): string[] | undefined {
  const arena = arenaMetadata(allocator);
  const stack = stackMetadata(allocator);
  const heap = heaps.get(allocator);
  const space = (arena ?? stack ?? heap)?.space;
  if (space === undefined) return undefined;
  const stats = (allocator as ByteAllocator).stats(); // throws after `dispose`
  const [blocks, totals] = arena !== undefined
    ? [blocksInOrder(arena.blocks), arenaTotals(stats as ArenaStats)]
    : stack !== undefined
    ? [blocksInOrder([stack.extent]), stackTotals(stats as StackStats)]
    : [heapBlocks(heap!), heapTotals(stats as FreeListStats)]; // else `space` is undefined
  return [
    cutTitle(byteSummary(space.label, stats, blocks.length), space.label),
    ...blocks.map((block, i) => blockLine(block, i, color)),
    ...wrap(totals),
  ];
}

// -- what is in use --

/** Blocks that are allocated in order, up to their tops. */
function blocksInOrder(extents: readonly Extent[]): Drawn[] {
  return extents.map((extent) => {
    const { top } = extent;
    return { extent, used: top, ranges: [[0, top]], top };
  });
}

function heapBlocks({ space, chunks }: Heap): Drawn[] {
  return space.extents.map((extent) => {
    const { firstUnit, byteLength } = extent;
    const end = endOf(extent);
    const ranges: Range[] = [];
    let used = 0;
    for (let unit = firstUnit; unit < end; unit = chunks.next(unit)) {
      if (chunks.isFree(unit)) continue;
      const from = unit - firstUnit << UNIT_SHIFT;
      ranges.push([from, from + chunks.sizeOf(unit)]);
      used += chunks.askedOf(unit);
    }
    return { extent, used, ranges, top: byteLength };
  });
}

// -- totals --

function arenaTotals({ peakBytes, blocks, byteLength, usedBytes }: ArenaStats): string[] {
  const what = blocks === 1 ? "block" : "blocks";
  return [`peak ${bytes(peakBytes)}`, `${bytes(byteLength - usedBytes)} left in the ${what}`];
}

function stackTotals({ peakBytes, allocations, byteLength, usedBytes }: StackStats): string[] {
  return [`peak ${bytes(peakBytes)}`, live(allocations), `${bytes(byteLength - usedBytes)} free`];
}

function heapTotals(stats: FreeListStats): string[] {
  const { peakBytes, allocations, freeBytes, freeChunks, largestFreeBytes } = stats;
  const { fragmentation, overheadBytes } = stats;
  return [
    `peak ${bytes(peakBytes)}`,
    live(allocations),
    `${bytes(freeBytes)} free in ${count(freeChunks)} ${freeChunks === 1 ? "chunk" : "chunks"}`,
    `the largest ${bytes(largestFreeBytes)}`,
    `fragmentation ${Math.round(fragmentation * 100)} %`,
    `overhead ${bytes(overheadBytes)}`,
  ];
}

function live(allocations: number): string {
  return `${count(allocations)} ${allocations === 1 ? "allocation" : "allocations"}`;
}

// -- drawing --

/** One block: its position, how much of it is used, and where. */
function blockLine(block: Drawn, position: number, color: boolean): string {
  const title = `block ${String(position).padStart(5)}`;
  const figures = `${bytes(block.used)}/${bytes(block.extent.byteLength)}`.padStart(23);
  return withBar(title + figures, barOf(block), color);
}

function barOf({ extent: { byteLength }, ranges, top }: Drawn): string {
  const step = byteLength / COLUMNS;
  let bar = "";
  let first = 0;
  for (let i = 0; i < COLUMNS; i++) {
    const from = i * step;
    const to = from + step;
    while (first < ranges.length && ranges[first][1] <= from) first++;
    let used = 0;
    for (let at = first; at < ranges.length && ranges[at][0] < to; at++) {
      used += Math.min(ranges[at][1], to) - Math.max(ranges[at][0], from);
    }
    bar += column(used / step, from >= top);
  }
  return bar.trimEnd();
}
