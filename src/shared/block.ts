/**
 * A block of a shared pool as one thread sees it: typed arrays of its own over memory that all of them share.
 *
 * @module
 */
import { ChunkMemory } from "../slab/chunk_memory.ts";
import { BLOCK, type SharedLayout } from "./layout.ts";
import { lengthOf, type SharedSteps } from "./protocol.ts";

/** No stamp of a live record. */
const UNSEEN = -1;

/** The words of a block without chunks. */
const NOTHING = new Int32Array(0);

/** A block, and what this thread knows of it. */
export class SharedBlock extends ChunkMemory implements SharedSteps {
  // What the owner alone knows.
  head = 0;
  free = 0;
  bump = 0;
  /** Whether this thread owns it. */
  isMine = false;
  /** Position in the pool. */
  readonly position: number;
  /** Index in the pool of the first chunk. */
  readonly firstIndex: number;
  /** Whose block it is. */
  readonly layout: SharedLayout;
  /** Generation and live bit of each chunk: even is dead, negative is on its way to the owner. */
  readonly stamps: Int32Array = NOTHING;
  /** The live stamp that this thread has last seen with an atomic load, or stored: an iteration reads it plainly. */
  readonly seen: Int32Array;
  /** Owner, counts, and the remote list. */
  private readonly words: Int32Array = NOTHING;

  /**
   * @param layout Whose block it is.
   * @param position Position in the pool; -1 for a block without chunks, which views are bound to that are bound to no record.
   * @param arrays Sum of the bits of the typed arrays that records are read and written through.
   */
  constructor(layout: SharedLayout, position: number, arrays: number) {
    const { buffer, shape: { chunksPerBlock, chunkBytes } } = layout;
    const chunkCount = position < 0 ? 0 : chunksPerBlock;
    super(chunkCount, chunkBytes);
    const start = layout.startOf(Math.max(0, position));
    this.layout = layout;
    this.position = position;
    this.firstIndex = position * chunksPerBlock;
    this.seen = new Int32Array(chunkCount).fill(UNSEEN);
    if (position < 0) return;
    this.words = new Int32Array(buffer, start, BLOCK.retired + 1);
    this.stamps = new Int32Array(buffer, start + layout.stampsAt, chunkCount);
    const byteOffset = start + layout.recordsAt;
    this.attachChunks({ buffer, byteOffset, byteLength: chunkCount * chunkBytes }, arrays);
  }

  /**
   * @param chunk A chunk.
   * @returns Its stamp, which is seen from here on if it is live.
   */
  look(chunk: number): number {
    if (this.stamps[chunk] === this.seen[chunk]) return this.seen[chunk];
    const stamp = Atomics.load(this.stamps, chunk);
    if ((stamp & 1) === 1) this.seen[chunk] = stamp;
    return stamp;
  }

  /** Records that are live: exact while no thread is in the middle of something. */
  get live(): number {
    return this.taken - lengthOf(this.loadRemote()) - this.retired;
  }

  /** Chunks that are neither in the owner's list nor unused. */
  get taken(): number {
    return Atomics.load(this.words, BLOCK.taken);
  }

  /** Chunks that are given out no more. */
  get retired(): number {
    return Atomics.load(this.words, BLOCK.retired);
  }

  /** Thread that owns it. */
  get owner(): number {
    return Atomics.load(this.words, BLOCK.owner);
  }

  /** Whether its owner, or who becomes it, will find a chunk in it. */
  get hasRoom(): boolean {
    return this.taken < this.chunkCount || this.loadRemote() !== 0;
  }

  // -- the steps --

  loadStamp(chunk: number): number {
    return Atomics.load(this.stamps, chunk);
  }

  ownStamp(chunk: number): number {
    return this.stamps[chunk];
  }

  storeStamp(chunk: number, stamp: number): void {
    if ((stamp & 1) === 1) this.seen[chunk] = stamp;
    Atomics.store(this.stamps, chunk, stamp);
  }

  swapStamp(chunk: number, from: number, to: number): boolean {
    return Atomics.compareExchange(this.stamps, chunk, from, to) === from;
  }

  loadRemote(): number {
    return Atomics.load(this.words, BLOCK.remote);
  }

  swapRemote(from: number, to: number): boolean {
    return Atomics.compareExchange(this.words, BLOCK.remote, from, to) === from;
  }

  takeRemote(): number {
    return Atomics.exchange(this.words, BLOCK.remote, 0);
  }

  storeOwner(thread: number): void {
    Atomics.store(this.words, BLOCK.owner, thread);
  }

  swapOwner(from: number, to: number): boolean {
    return Atomics.compareExchange(this.words, BLOCK.owner, from, to) === from;
  }

  storeTaken(chunks: number): void {
    this.words[BLOCK.taken] = chunks;
  }

  addRetired(): void {
    Atomics.add(this.words, BLOCK.retired, 1);
  }
}
