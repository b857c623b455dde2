/**
 * Looking at pools and byte allocators from outside: whether their metadata balance, and what is where.
 *
 * @module
 */
import { auditBlock, auditQueue, type BlockMetadata } from "../slab/check.ts";
import type { Block } from "../slab/block.ts";
import { auditBytes } from "./validate_bytes.ts";
import { dumpBytes } from "./dump_bytes.ts";
import { auditShared, dumpShared } from "./shared.ts";
import { checkOptions } from "../messages/nearest.ts";
import { count, drawn, occupancy, summary, together, WIDTH, wrap } from "../messages/show.ts";
import { type Slab, slabs } from "../slab/slab.ts";
import { InvariantError } from "../errors.ts";

/**
 * Checks that the metadata of a pool or a byte allocator balance, and changes nothing.
 *
 * Use it in tests, after code that writes to a block's bytes, and to hunt for a record that changes
 * by itself. A pool used through its members alone has no way to fail. It looks at every chunk, so
 * keep it out of hot loops.
 *
 * Of each block, and of the pool as a whole, live + free + never used + retired = capacity. Each
 * free list holds just the dead chunks that can be given out again, with every link in range and no
 * cycle. Live bits, generations and counts agree. A block that was given back has no live record.
 *
 * Of an arena what is past the end of what it gave out is zero, as it must be when it is given out; of a stack the
 * headers lead from the newest allocation to the oldest, all of them; of a heap the chunks fill its memory, and its index
 * has those that are free. Each address leads to the block that has it.
 *
 * Of a shared pool every thread must be at rest meanwhile; each thread sees the lists of its own blocks, and the counts of all. For
 * each thread that is around or ended without leaving, one chunk may be on its way to its owner and in no list.
 *
 * Takes O(capacity), of a byte allocator O(bytes).
 *
 * @param pool A pool or a byte allocator of this module.
 * @throws {InvariantError} when the metadata do not balance; it says where, and both figures.
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

/** Options of {@linkcode dump}. */
export interface DumpOptions {
  /** Whether to use colour. @default {whether the output is a terminal that wants it} */
  readonly color?: boolean;
}

/**
 * Draws a pool for people, in O(capacity): a line with its figures, one a block, and one with totals; of a set each size
 * class in this way. Each column of a block is as high as its chunks are live, a blank where all of them are free, and a
 * dot where none was ever used.
 *
 * A byte allocator is drawn in the same way, by its bytes; headers and padding count as used in the columns. The dots of an
 * arena and a stack are what is past the end of what they gave out. Of a shared pool each block says whose it is.
 *
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
  const all = slabs.get(pool);
  if (all === undefined) {
    const lines = dumpBytes(pool, color) ?? dumpShared(pool, color);
    if (lines !== undefined) return lines.join("\n");
    throw new TypeError("Cannot dump: the argument is no pool or allocator of this module");
  }
  if (all[0].disposed) throw all[0].disposedError();
  const lines = all.flatMap((slab) => slabLines(slab, color));
  if (all[0].codec.isSizeClass) lines.unshift(summary(together(all), all[0].label, WIDTH));
  return lines.join("\n");
}

/** A slab that is one class of a set goes by its size. */
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
    summary(slab, title, WIDTH),
    ...slab.mounted().map((block) => blockLine(block, color)),
    ...wrap(totals),
  ];
}

/** One block: its index, how much of it is live, and where. */
function blockLine(block: Block, color: boolean): string {
  const { index, live, chunkCount } = block;
  const title = `block ${String(index).padStart(5)}`;
  const figures = `${count(live)}/${count(chunkCount)}`.padStart(14);
  return drawn(title + figures, occupancyOf(block), color);
}

function occupancyOf({ liveBits, chunkCount, bump }: Block): string {
  const isLive = (chunk: number) => (liveBits[chunk >> 5] >>> (chunk & 31) & 1) === 1;
  return occupancy(chunkCount, isLive, (from) => from >= bump);
}

/** Deno and Node tell whether they write to a terminal; where nobody does there is none. */
function wantsColor(): boolean {
  const { Deno, process } = globalThis as {
    Deno?: { noColor: boolean; stdout: { isTerminal(): boolean } };
    process?: { stdout?: { isTTY?: boolean } };
  };
  if (Deno !== undefined) return !Deno.noColor && Deno.stdout.isTerminal();
  return process?.stdout?.isTTY === true;
}

/** Holds what a slab keeps against what is counted anew. */
function audit(slab: Slab): void {
  const { size, geometry } = slab;
  let chunks = 0, live = 0;
  for (const block of slab.blocks) {
    const problem = auditBlock(booksOf(block), slab.codec);
    if (problem !== undefined) throw faultError(slab, problem, block);
    if (block.isMounted) chunks += block.chunkCount;
    live += block.live;
  }
  if (geometry.spread) {
    const problem = auditQueue(slab.blocks.map(booksOf), slab.queue);
    if (problem !== undefined) throw faultError(slab, problem);
  }
  const capacity = slab.mounted().length * geometry.chunkCount;
  if (chunks !== capacity) {
    throw faultError(slab, `the capacity is ${capacity}, and the blocks have ${chunks} chunks`);
  }
  if (live !== size) throw faultError(slab, `the size is ${size}, and ${live} records are live`);
}

function booksOf(block: Block): BlockMetadata {
  const { chunkCount, bump, head, live, retired, isMounted, stamps, liveBits } = block;
  const { linkStride, linkBytes, chunkBytes, queued, waiting, lastWaiting } = block;
  return {
    ...{ queued, waiting, lastWaiting },
    ...block.geometry.spread && { next: block.next, firstNext: 0 },
    ...{ chunkCount, bump, head, live, retired, isMounted },
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

function faultError({ name, label }: Slab, problem: string, block?: Block): InvariantError {
  const index = block === undefined ? -1 : block.index;
  const place = index < 0 ? "" : `block ${index}: `;
  return new InvariantError(`Cannot validate ${label}: ${place}${problem}`, name, index);
}
