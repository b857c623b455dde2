/**
 * `dump` draws a pool or a byte allocator as text for people.
 *
 * @module
 */
import { chunkBar, cutTitle, withBar, wrap } from "./drawing.ts";
import { dumpBytes } from "./dump_bytes.ts";
import { dumpShared } from "./dump_shared.ts";
import { checkOptions } from "../messages/nearest.ts";
import { count, showValue, summary } from "../messages/show.ts";
import { SlabSet } from "../pool/slab_set.ts";
import type { Block } from "../slab/block.ts";
import { type Slab, slabs } from "../slab/slab.ts";

/**
 * Options of {@linkcode dump}.
 *
 * @category Inspection
 */
export interface DumpOptions {
  /** Whether to use colour. @default {whether the output is a terminal that wants it} */
  readonly color?: boolean | undefined;
}

/**
 * Draws a pool or a byte allocator as text.
 *
 * Use it while you debug: to see how full the blocks are, and where the holes are. For figures that
 * a program reads, use `stats`.
 *
 * The text has a line with figures, one for each block, and one with totals; a set has these lines
 * for each size class. The height of a column says how many of its chunks are live. A blank is a
 * column of free chunks, a dot one of chunks that were never used. A byte allocator is drawn by its
 * bytes, where headers and padding count as used; the dots of an arena and a stack are the bytes
 * past the last allocation. The lines of a shared pool name the thread that owns each block.
 *
 * Takes O(capacity).
 *
 * @category Inspection
 * @param pool A pool or a byte allocator of this module.
 * @param options See {@linkcode DumpOptions}.
 * @returns Lines of at most 80 columns, without a newline at the end.
 * @throws {TypeError} when `pool` is neither, or an option is unknown.
 * @throws {DisposedError} after the pool's `dispose`.
 *
 * @example Usage
 * ```ts
 * import { dump, Pool } from "@slabs/pool";
 * import { assertEquals } from "@std/assert";
 *
 * using pool = new Pool({ hp: "u32" }, { name: "imps", chunksPerBlock: 64, maxChunks: 128 });
 * const handles = pool.allocMany(32);
 * for (let i = 0; i < 32; i += 2) pool.free(handles[i]);
 * assertEquals(
 *   dump(pool, { color: false }),
 *   `Pool "imps": 16 live of 64 in 1 block, 256 bytes
 * block     0         16/64  ▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄················
 * peak 32, 32 allocs, 16 frees, 1 grown, 0 given back, at most 128`,
 * );
 * ```
 */
export function dump(pool: object, options: DumpOptions = {}): string {
  checkOptions("Cannot dump", options, ["color"]);
  const { color = wantsColor() } = options;
  if (typeof color !== "boolean") {
    throw new TypeError(`Cannot dump: color must be a boolean, got ${showValue(color)}`);
  }
  const all = slabs.get(pool);
  if (all === undefined) {
    const lines = dumpBytes(pool, color) ?? dumpShared(pool, color);
    if (lines !== undefined) return lines.join("\n");
    throw new TypeError("Cannot dump: the argument is no pool or allocator of this module");
  }
  if (all[0].disposed) throw all[0].disposedError();
  const lines = all.flatMap((slab) => slabLines(slab, color));
  if (all[0].codec.isSizeClass) {
    lines.unshift(cutTitle(summary(new SlabSet(all, all[0].codec, undefined)), all[0].label));
  }
  return lines.join("\n");
}

/** Draws a slab. One that is a size class of a set is titled by its size. */
function slabLines(slab: Slab, color: boolean): string[] {
  const { peakSize, allocs, frees, retired, maxChunks, geometry, label } = slab;
  const { grown, released } = slab.blockSet;
  const title = slab.codec.isSizeClass ? `chunks of ${count(geometry.chunkBytes)} bytes` : label;
  const totals = [
    `peak ${count(peakSize)}`,
    `${count(allocs)} ${allocs === 1 ? "alloc" : "allocs"}`,
    `${count(frees)} ${frees === 1 ? "free" : "frees"}`,
    `${count(grown)} grown`,
    `${count(released)} given back`,
    `at most ${count(maxChunks)}`,
  ];
  if (retired > 0) totals.splice(5, 0, `${count(retired)} retired`);
  return [
    cutTitle(summary(slab, title), title),
    ...slab.mappedBlocks().map((block) => blockLine(block, color)),
    ...wrap(totals),
  ];
}

/** Draws a block: its index, the numbers of live and of all chunks, and the bar. */
function blockLine(block: Block, color: boolean): string {
  const { index, live, chunkCount, liveBits, bump } = block;
  const title = `block ${String(index).padStart(5)}`;
  const figures = `${count(live)}/${count(chunkCount)}`.padStart(14);
  const isLive = (chunk: number) => (liveBits[chunk >> 5] >>> (chunk & 31) & 1) === 1;
  return withBar(title + figures, chunkBar(chunkCount, isLive, (from) => from >= bump), color);
}

/** Whether Deno or Node writes to a terminal that wants colour. Other runtimes have no terminal. */
function wantsColor(): boolean {
  const { Deno, process } = globalThis as {
    Deno?: { noColor: boolean; stdout: { isTerminal(): boolean } };
    process?: { stdout?: { isTTY?: boolean } };
  };
  if (Deno !== undefined) return !Deno.noColor && Deno.stdout.isTerminal();
  return process?.stdout?.isTTY === true;
}
