/**
 * Drawing byte allocators for people.
 *
 * @module
 */
import { type Extent, UNIT_SHIFT } from "../bytes/address_space.ts";
import { type ArenaBooks, arenas, type StackBooks, stacks } from "../bytes/metadata.ts";
import { type Heap, heaps } from "../bytes/heap.ts";
import { column, COLUMNS, WIDTH, withBar, wrap } from "./drawing.ts";
import { bytes, byteSummary, count } from "../messages/show.ts";
import { ByteAllocator } from "../bytes/byte_allocator.ts";
import type { ArenaStats } from "../bytes/arena.ts";
import type { FreeListStats } from "../bytes/free_list_allocator.ts";
import type { StackStats } from "../bytes/stack_allocator.ts";

/** Bytes that are in use, from one offset to another. */
type Range = readonly [from: number, to: number];

/** One block as it is drawn. */
interface Drawn {
  readonly extent: Extent;
  readonly used: number;
  /** In order of offset. */
  readonly ranges: readonly Range[];
  /** What lies from here on is free, and known to be so without a book. */
  readonly top: number;
}

/**
 * @param allocator Anything.
 * @param color Whether to use colour.
 * @returns A byte allocator of this module as lines; `undefined` for anything else.
 * @throws {DisposedError} after its `dispose`.
 */
export function dumpBytes(allocator: object, color: boolean): string[] | undefined {
  if (!(allocator instanceof ByteAllocator)) return undefined;
  const stats = allocator.stats(); // refuses one that was disposed of
  const arena = arenas.get(allocator)?.();
  const stack = stacks.get(allocator)?.();
  const heap = heaps.get(allocator);
  const space = (arena ?? stack ?? heap)?.space;
  if (space === undefined) return undefined;
  const blocks = arena !== undefined
    ? arenaBlocks(arena)
    : stack !== undefined
    ? [stackBlock(stack)]
    : heapBlocks(heap!); // one of the three is there
  const totals = arena !== undefined
    ? arenaTotals(stats as ArenaStats)
    : stack !== undefined
    ? stackTotals(stats as StackStats)
    : heapTotals(stats as FreeListStats);
  return [
    byteSummary(space.label, stats, blocks.length, WIDTH),
    ...blocks.map((block, i) => blockLine(block, i, color)),
    ...wrap(totals),
  ];
}

// -- what is in use --

function arenaBlocks({ blocks }: ArenaBooks): Drawn[] {
  return blocks.map((extent) => {
    const { top } = extent;
    return { extent, used: top, ranges: [[0, top]], top };
  });
}

function stackBlock({ extent }: StackBooks): Drawn {
  const { top } = extent;
  return { extent, used: top, ranges: [[0, top]], top };
}

function heapBlocks({ space, chunks }: Heap): Drawn[] {
  return space.extents.map((extent) => {
    const { firstUnit, byteLength } = extent;
    const end = firstUnit + (byteLength >> UNIT_SHIFT) - 1;
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
