/**
 * A block of a shared pool in one thread: its own typed arrays over memory that all threads share.
 *
 * @module
 */
import { ChunkMemory } from "../slab/chunk_memory.ts";
import { BLOCK, BLOCK_BYTES, type SharedLayout } from "./layout.ts";
import { lengthOf, type SharedSteps } from "./protocol.ts";

/**
 * Value in `seen` of a chunk of which this thread saw no live stamp yet. No chunk has this stamp.
 */
const UNSEEN = -1;

/** Stamps, words and links of the block without chunks. */
const NOTHING = /* @__PURE__ */ new Int32Array(0);
const NO_LINKS = /* @__PURE__ */ new Uint16Array(0);

/** How often the counts of a block are read again while other threads change them. */
const MAX_READS = 8;

/** A block: the words that threads share, and what this thread keeps for itself. */
export class SharedBlock extends ChunkMemory implements SharedSteps {
  // The free list, valid only while this thread is the owner.
  head = 0;
  free = 0;
  bump = 0;
  /** Whether this thread owns it. */
  isMine = false;
  /** Index among the blocks that this thread owns, while it does. */
  place = 0;
  /** Index in this thread's list of own blocks without a live record; -1 when it is not there. */
  emptyPlace = -1;
  /** Position in the pool. */
  readonly position: number;
  /** Index in the pool of the first chunk. */
  readonly firstIndex: number;
  /** Layout of the pool. */
  readonly layout: SharedLayout;
  /**
   * Stamp of each chunk, generation and live bit: odd is live, even is dead, negative is pending or
   * retired.
   */
  readonly stamps: Int32Array = NOTHING;
  /**
   * The last live stamp of each chunk that this thread has loaded atomically or stored. Where it is
   * still the stamp, an iteration need not load it atomically again.
   */
  readonly seen: Int32Array;
  /** The words at the {@linkcode BLOCK} indices. */
  private readonly words: Int32Array = NOTHING;
  private readonly links: Uint16Array = NO_LINKS;

  /**
   * @param layout Layout of the pool.
   * @param position Position in the pool; -1 for the block without chunks that unbound views have.
   * @param arrays Bits of the typed arrays that the views of the struct use.
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
    this.stamps = new Int32Array(buffer, start + BLOCK_BYTES, chunkCount);
    this.links = new Uint16Array(buffer, start + layout.linksAt, chunkCount);
    const byteOffset = start + layout.recordsAt;
    this.attachChunks({ buffer, byteOffset, byteLength: chunkCount * chunkBytes }, arrays);
  }

  /**
   * Reads a stamp so that this thread's accesses to the record come after those before its alloc.
   *
   * @param chunk A chunk.
   * @returns Its stamp, which is noted in `seen` if it is live.
   */
  look(chunk: number): number {
    if (this.stamps[chunk] === this.seen[chunk]) return this.seen[chunk];
    const stamp = Atomics.load(this.stamps, chunk);
    if ((stamp & 1) === 1) this.seen[chunk] = stamp;
    return stamp;
  }

  /** Forgets which stamps this thread has seen, so that each is looked at again. */
  forget(): void {
    this.seen.fill(UNSEEN);
  }

  /** Number of live records; exact only while no thread is in the middle of a call. */
  get live(): number {
    let remote = this.loadRemote();
    let taken = this.taken;
    // If the list has changed, `taken` may lack records whose frees are in it, or count them twice.
    for (let reads = 1; reads < MAX_READS && remote !== this.loadRemote(); reads++) {
      remote = this.loadRemote();
      taken = this.taken;
    }
    return Math.max(0, taken - lengthOf(remote) - this.retired);
  }

  /** Number of chunks that are neither in the owner's free list nor past the bump pointer. */
  get taken(): number {
    return Atomics.load(this.words, BLOCK.taken);
  }

  /** Number of retired chunks, which are not given out again. */
  get retired(): number {
    return Atomics.load(this.words, BLOCK.retired);
  }

  /** Number of the thread that owns it; see `ORPHAN` and `NEW` for none. */
  get owner(): number {
    return Atomics.load(this.words, BLOCK.owner);
  }

  /** Whether its owner, or a thread that adopts it, finds a free chunk in it. */
  get hasRoom(): boolean {
    return this.taken < this.chunkCount || this.loadRemote() !== 0;
  }

  // -- the steps --

  readLink(chunk: number): number {
    return this.links[chunk];
  }

  writeLink(chunk: number, link: number): void {
    this.links[chunk] = link;
  }

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
