/**
 * A small pool, and what is known of the inside of its blocks from outside.
 *
 * @module
 */
import { compact, type Handle, Pool, type Struct, struct } from "@slabs/pool";

type CellFields = { x: "f32"; y: "f32"; life: "u16" };
const Cell: Struct<CellFields, "Cell"> = struct({ x: "f32", y: "f32", life: "u16" }, {
  name: "Cell",
});
type CellHandle = Handle<typeof Cell>;

/** Chunks of a block. */
export const CHUNKS = 32;
const MAX_CHUNKS = 256;

/** What a chunk is, or has just become. */
type ChunkState = "live" | "born" | "free" | "died" | "unused";

/** The inside of a block. */
export interface BlockState {
  readonly index: number;
  readonly live: number;
  /** The first chunk that was never used. */
  readonly bump: number;
  readonly chunks: readonly ChunkState[];
  /** The free list: chunks in the order in which they will be used. */
  readonly freeList: readonly number[];
}

/** What is noted of a block beside what the pool tells. */
interface Notes {
  bump: number;
  /** Freed chunks, the last one at the end. Some are live again. */
  freed: number[];
}

/**
 * The pool. It shows its blocks, their bytes and the handles of its records. The rest is derived:
 * the bump pointer is the first chunk that never was live, the free list begins at the chunk that
 * was freed last, and each link is read from the first byte of a freed chunk, which is where the
 * architecture page says that it is.
 */
export class WatchedPool {
  readonly #pool = new Pool(Cell, {
    name: "cells",
    chunksPerBlock: CHUNKS,
    maxChunks: MAX_CHUNKS,
  });
  readonly #notes = new Map<number, Notes>();
  #handles: CellHandle[] = [];
  #born = new Set<number>();
  #died = new Set<number>();

  /** Records that are live. */
  get size(): number {
    return this.#pool.size;
  }

  /** Counts of the whole pool. */
  get stats(): ReturnType<Pool<typeof Cell>["stats"]> {
    return this.#pool.stats();
  }

  // -- calls; each returns itself as code --

  /** Allocates a record. */
  alloc(): string {
    this.#begin();
    const handle = this.#pool.tryAlloc({ life: 1 });
    if (handle === undefined) return "pool.tryAlloc() === undefined";
    this.#born.add(this.#pool.indexOf(handle));
    this.#end();
    return `pool.alloc() === ${handle}`;
  }

  /**
   * Frees a record.
   *
   * @param share Which one, as a share of all, from 0 to below 1.
   */
  free(share: number): string {
    this.#begin();
    const handle = this.#handles[Math.floor(share * this.#handles.length)];
    if (handle === undefined) return "";
    this.#noteFreed(this.#pool.indexOf(handle));
    this.#pool.free(handle);
    this.#end();
    return `pool.free(${handle})`;
  }

  /** Frees a block and all of its records. */
  freeBlock(index: number): string {
    this.#begin();
    this.#pool.freeBlock(index);
    this.#end();
    return `pool.freeBlock(${index})`;
  }

  /** Gives back all empty blocks. */
  trim(): string {
    this.#begin();
    const bytes = this.#pool.trim();
    this.#end();
    return `pool.trim() === ${bytes} // bytes`;
  }

  /** Moves records together, and gives back the blocks that become empty. */
  compact(): string {
    this.#begin();
    const filled = new Set<number>();
    const bytes = compact(this.#pool, (_, to) => {
      const index = this.#pool.indexOf(to);
      this.#born.add(index);
      filled.add(Math.floor(index / CHUNKS));
    });
    this.#end();
    for (const index of filled) this.#relink(index);
    return `compact(pool) === ${bytes} // bytes`;
  }

  // -- what is derived --

  #begin(): void {
    this.#born = new Set();
    this.#died = new Set();
  }

  #noteFreed(index: number): void {
    this.#died.add(index);
    this.#notes.get(Math.floor(index / CHUNKS))?.freed.push(index % CHUNKS);
  }

  #end(): void {
    const blocks = new Set(this.#pool.blocks.map(({ index }) => index));
    for (const index of this.#notes.keys()) if (!blocks.has(index)) this.#notes.delete(index);
    for (const index of blocks) {
      if (!this.#notes.has(index)) this.#notes.set(index, { bump: 0, freed: [] });
    }
    this.#handles = [...this.#pool.handles()];
    const live = this.#liveIndices();
    for (const index of live) {
      const notes = this.#notes.get(Math.floor(index / CHUNKS))!; // of a block with a live record
      notes.bump = Math.max(notes.bump, index % CHUNKS + 1);
    }
    for (const [index, notes] of this.#notes) {
      notes.freed = notes.freed.filter((chunk) => !live.has(index * CHUNKS + chunk));
    }
  }

  /** Notes that a free list was rebuilt, as `compact` does: it has the lowest chunk first. */
  #relink(index: number): void {
    const live = this.#liveIndices();
    const isLive = Array.from({ length: CHUNKS }, (_, chunk) => live.has(index * CHUNKS + chunk));
    const bump = isLive.lastIndexOf(true) + 1;
    const dead = [...isLive.keys()].filter((chunk) => chunk < bump && !isLive[chunk]);
    this.#notes.set(index, { bump, freed: dead.reverse() });
  }

  #liveIndices(): Set<number> {
    return new Set(this.#handles.map((handle) => this.#pool.indexOf(handle)));
  }

  /** @returns The blocks, as they are after the last call. */
  blocks(): BlockState[] {
    const live = this.#liveIndices();
    return this.#pool.blocks.map(({ index, live: count, bytes }) => {
      const { bump, freed } = this.#notes.get(index)!; // as #end made it
      const chunks = Array.from({ length: CHUNKS }, (_, chunk): ChunkState => {
        const at = index * CHUNKS + chunk;
        if (live.has(at)) return this.#born.has(at) ? "born" : "live";
        if (this.#died.has(at)) return "died";
        return chunk < bump ? "free" : "unused";
      });
      return { index, live: count, bump, chunks, freeList: listOf(bytes, freed, bump - count) };
    });
  }
}

/**
 * Follows the links of a free list. Nothing marks its end, since the counts tell how long it is.
 *
 * @param bytes Bytes of the block.
 * @param freed Freed chunks; the last is the head of the list.
 * @param length Chunks in the list.
 */
function listOf(bytes: Uint8Array, freed: readonly number[], length: number): number[] {
  const list: number[] = [];
  for (let chunk = freed.at(-1) ?? 0; list.length < length; chunk = bytes[chunk * Cell.size]) {
    list.push(chunk);
  }
  return list;
}
