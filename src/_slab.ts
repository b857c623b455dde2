/**
 * The slab: a growing set of blocks, and the one engine behind every pool.
 *
 * It knows chunks, handles and bytes, and nothing of fields. Handles come in unchecked and are checked here: every
 * member that takes one says whether it was live.
 *
 * @module
 */
import { Block, type Geometry } from "./_block.ts";
import type { RecordView, Visit } from "./_view.ts";
import { detachedError, exhaustedError, staleError } from "./_refusals.ts";
import { DisposedError, type PoolExhaustedError } from "./errors.ts";
import type { HandleCodec } from "./handle.ts";
import type { MemoryResource } from "./memory.ts";
import { takeRegion } from "./_region.ts";
import type { SlabConfig } from "./options.ts";

/** The slabs of each pool, for the files that look inside one: a set of pools has several. */
export const slabs: WeakMap<object, readonly Slab[]> = new WeakMap();

/** What a slab allocates from until it has a block: one without chunks, so that the fast path needs no test. */
const NO_BLOCK = new Block(
  -1,
  {
    chunkBytes: 1,
    align: 1,
    chunkCount: 0,
    stampBytes: 2,
    lanes: 0,
    tagged: false,
    firstBlock: -1,
    firstHandle: 0,
    deadError: () => new Error("Cannot use a view: it stands nowhere"),
  },
  undefined,
);

/** What a slab is told of its chunks. */
export type Chunk = Pick<Geometry, "chunkBytes" | "align" | "lanes" | "tagged">;

/** What a snapshot holds of a slab, beside its blocks. */
export interface SlabState {
  readonly allocs: number;
  readonly frees: number;
  readonly peakSize: number;
  readonly reserved: number;
  /** Position of the block that the next chunk comes from; -1 before there is one. */
  readonly current: number;
}

/** Who knows the slab of a handle: a slab itself, or a set of them. */
export interface SlabOwner {
  /**
   * @param handle Any number.
   * @returns The slab that has to know it.
   */
  slabOf(handle: number): Slab;
}

/** A growing set of blocks of equal chunks. */
export class Slab implements SlabOwner {
  /** What a view stands on that stands nowhere. */
  static readonly NOWHERE: Block = NO_BLOCK;

  readonly name: string;
  readonly label: string;
  readonly codec: HandleCodec;
  readonly geometry: Geometry;
  readonly maxBlocks: number;
  /** By position; one that was given back stays, without memory, for its generations. */
  blocks: Block[] = [];
  /** Records allocated and freed so far. */
  allocs = 0;
  frees = 0;
  /** The most that were live whenever one was freed; `peakSize` knows the rest. */
  private peak = 0;
  /** Blocks taken from and given back to the memory resource so far. */
  grown = 0;
  released = 0;
  disposed = false;

  private readonly memory: MemoryResource;
  /** Bytes of a chunk. */
  readonly chunkBytes: number;
  /** log2(chunksPerBlock), and as many ones. */
  private readonly chunkBits: number;
  private readonly chunkMask: number;
  /** The live stamp of the last generation. */
  private readonly lastStamp: number;
  private readonly keepEmptyBlocks: number;
  /** Where the next chunk comes from, and right after an alloc the last one came from. */
  current: Block = NO_BLOCK;
  /** A bit a block: clear means no room, set means that there may be some. */
  private roomBits: number[] = [];
  /** No word before this one has a bit. */
  private roomWord = 0;
  /** Blocks that have memory and no live record. */
  private emptyBlocks = 0;
  /** Capacity that was asked for with reserve(): blocks are not given back below it unless told to. */
  reserved = 0;
  /** How many blocks have memory, and no position before `vacant` is without. */
  private mountedCount = 0;
  private vacant = 0;
  /** Blocks that have memory; undefined when that changed since it was last asked for. */
  private mountedBlocks: readonly Block[] | undefined = [];

  /**
   * @param config Checked options.
   * @param chunk Size, alignment and lanes of a chunk.
   */
  constructor(config: SlabConfig, chunk: Chunk) {
    const { name, label, chunksPerBlock, maxBlocks, codec, keepEmptyBlocks, memory } = config;
    this.name = name;
    this.label = label;
    this.codec = codec;
    this.maxBlocks = maxBlocks;
    this.geometry = {
      ...chunk,
      chunkCount: chunksPerBlock,
      stampBytes: codec.stampBytes,
      firstBlock: config.firstBlock,
      firstHandle: codec.first,
      deadError: (index, stamp) => staleError(this, "use a view", codec.encode(index, stamp), -1),
    };
    this.memory = memory;
    this.chunkBytes = chunk.chunkBytes;
    this.chunkBits = 32 - Math.clz32(chunksPerBlock - 1);
    this.chunkMask = (1 << this.chunkBits) - 1;
    this.lastStamp = codec.maxGeneration * 2 + 1;
    this.keepEmptyBlocks = keepEmptyBlocks;
  }

  /** Records that are live. */
  get size(): number {
    return this.allocs - this.frees;
  }

  /** The most records that were live at once. */
  get peakSize(): number {
    return Math.max(this.peak, this.size);
  }

  // -- one record --

  /**
   * Takes a chunk and clears it, in O(1); growing takes a block from the memory resource.
   *
   * @returns Its handle; 0 when every chunk is taken.
   * @throws {DisposedError | OutOfMemoryError}
   */
  alloc(): number {
    const block = this.current;
    const { bump } = block;
    const linked = block.live + block.retired < bump;
    const chunk = linked ? block.head : bump;
    if (chunk === block.chunkCount || block.isGone(chunk)) return this.advance() ? this.alloc() : 0;
    if (linked) block.head = block.readLink(chunk);
    else block.bump = bump + 1;
    block.zero(chunk);
    block.liveBits[chunk >> 5] |= 1 << (chunk & 31);
    if (block.live++ === 0) this.emptyBlocks--;
    this.allocs++;
    return this.codec.encode(block.firstIndex + chunk, ++block.stamps[chunk]);
  }

  /**
   * Frees a record, in O(1).
   *
   * @param handle Any number.
   * @returns Whether it was live; if not, nothing changed.
   */
  free(handle: number): boolean {
    const { codec, blocks } = this;
    const index = codec.index(handle);
    const blockIndex = index >>> this.chunkBits;
    if (blockIndex >= blocks.length) return false;
    const block = blocks[blockIndex];
    const chunk = index & this.chunkMask;
    if (block.stamps[chunk] !== codec.liveStamp(handle)) return false;
    this.freeChunk(block, chunk);
    return true;
  }

  /**
   * Finds the block of a live record, in O(1).
   *
   * @param handle Any number.
   * @returns The block; `undefined` when the handle is not live.
   */
  find(handle: number): Block | undefined {
    const index = this.codec.index(handle);
    const blockIndex = index >>> this.chunkBits;
    if (blockIndex >= this.blocks.length) return undefined;
    const block = this.blocks[blockIndex];
    return block.stamps[index & this.chunkMask] === this.codec.liveStamp(handle)
      ? block
      : undefined;
  }

  /**
   * @param handle Any number.
   * @returns The chunk that it names in its block.
   */
  chunkOf(handle: number): number {
    return handle & this.chunkMask; // the lowest bits of a handle are the index
  }

  /**
   * @param handle Any number.
   * @returns Byte offset in its block of the chunk that it names.
   */
  offsetOf(handle: number): number {
    return (handle & this.chunkMask) * this.chunkBytes | 0;
  }

  /**
   * @param block A block of this slab.
   * @param chunk A chunk in it.
   * @returns Handle of the record there.
   */
  handleAt(block: Block, chunk: number): number {
    return this.codec.encode(block.firstIndex + chunk, block.stamps[chunk]);
  }

  /**
   * @param block A block of this slab, with memory or without.
   * @param chunk A dead chunk in it.
   * @returns Handle of the record that was there last.
   */
  lastHandleAt(block: Block, chunk: number): number {
    return this.codec.encode(block.firstIndex + chunk, block.stamps[chunk] - 1);
  }

  /**
   * @param index Index of a chunk.
   * @returns The generation that it is at; 0 when it is retired, -1 when there is none.
   */
  generationOf(index: number): number {
    const { chunkCount } = this.geometry;
    const block = this.blocks[Math.floor(index / chunkCount)] as Block | undefined; // the index may be any
    return block === undefined ? -1 : block.stamps[index % chunkCount] >>> 1;
  }

  /** Frees the record in a live chunk. A block that empties may be given back. */
  protected freeChunk(block: Block, chunk: number): void {
    if (block.isGone(chunk)) throw detachedError(this.label, "free", block);
    // A peak is over when a record is freed, so that is when it is noted.
    const size = this.allocs - this.frees++;
    if (size > this.peak) this.peak = size;
    block.liveBits[chunk >> 5] &= ~(1 << (chunk & 31));
    if (block.live + block.retired === block.chunkCount) this.markRoom(block);
    const stamp = this.nextStamp(block, block.stamps[chunk]);
    block.stamps[chunk] = stamp;
    if (stamp !== 0) {
      block.writeLink(chunk, block.head);
      block.head = chunk;
    }
    if (--block.live === 0) this.emptied(block);
  }

  // -- every record --

  /**
   * Walks the live records in block and chunk order. Freeing any record meanwhile is safe.
   *
   * @param view Moved from record to record.
   * @param fn Called with it for each, and with the handle.
   */
  forEach(view: RecordView, fn: Visit): void {
    for (let i = 0; i < this.blocks.length; i++) {
      this.visit(this.blocks[i], view, fn);
    }
  }

  /**
   * Until the first chunk that is not live no bit is looked at, as the stamp tells, which the handle is made of.
   *
   * The first record stands before the loop, as the compiler moves nothing out of one: what it has checked there it knows
   * within, view, function and books. So the loop writes no more than has to change. Where the function has moved the view to another
   * block, the rest goes bit by bit as well.
   */
  protected visit(block: Block, view: RecordView, fn: Visit): void {
    const { codec } = this;
    const { stamps, firstIndex, bump } = block;
    const stride = this.chunkBytes >> view._shift;
    let chunk = 0;
    if (bump > 0 && (stamps[0] & 1) !== 0) {
      block.place(view, 0);
      fn(view, codec.encode(firstIndex, stamps[chunk++]));
      for (let at = stride; chunk < bump; at += stride) {
        const stamp = stamps[chunk];
        if ((stamp & 1) === 0 || view._b !== block) break;
        view._o = at;
        fn(view, codec.encode(firstIndex + chunk++, stamp));
      }
    }
    if (chunk < block.bump) this.visitRest(block, view, fn, chunk);
  }

  /** A method of its own, so that the one before stays short enough to be compiled into whatever calls forEach. */
  private visitRest(block: Block, view: RecordView, fn: Visit, from: number): void {
    for (let chunk = from; chunk < block.bump;) chunk = this.visitSparse(block, view, fn, chunk);
  }

  /**
   * Bit by bit, the first record before the loop as well: what is left of a word is read again after each call, as that may have freed
   * any record.
   *
   * @returns The chunk to go on from, where the function has moved the view to another block; else the end of the block.
   */
  private visitSparse(block: Block, view: RecordView, fn: Visit, from: number): number {
    const { codec } = this;
    const { stamps, firstIndex, liveBits } = block;
    const stride = this.chunkBytes >> view._shift;
    let chunk = block.nextLive(from);
    if (chunk >= block.bump) return chunk;
    block.place(view, chunk * this.chunkBytes);
    fn(view, codec.encode(firstIndex + chunk, stamps[chunk]));
    let word = chunk >> 5;
    let left = liveBits[word] & (-2 << chunk); // a shift counts modulo 32
    while (view._b === block) {
      while (left === 0) {
        if (++word << 5 >= block.bump) return block.bump;
        left = liveBits[word];
      }
      chunk = (word << 5) + 31 - Math.clz32(left & -left);
      view._o = Math.imul(chunk, stride);
      fn(view, codec.encode(firstIndex + chunk, stamps[chunk]));
      left &= left - 1 & liveBits[word];
    }
    return chunk + 1;
  }

  /**
   * Frees every record that a predicate is false for.
   *
   * @param view Moved from record to record.
   * @param pred Called with it for each, and with the handle.
   * @returns How many were freed.
   */
  retain(view: RecordView, pred: (view: RecordView, handle: number) => boolean): number {
    let freed = 0;
    for (let i = 0; i < this.blocks.length; i++) {
      const block = this.blocks[i];
      for (let chunk = block.nextLive(0); chunk < block.bump; chunk = block.nextLive(chunk + 1)) {
        block.place(view, chunk * this.chunkBytes);
        const handle = this.handleAt(block, chunk);
        // The predicate may have freed the record itself.
        if (!pred(view, handle) && this.free(handle)) freed++;
      }
    }
    return freed;
  }

  // -- many records --

  /**
   * Allocates records, all or none, in O(n).
   *
   * @param count How many, 0 or more.
   * @param out Filled with their handles from its start.
   * @returns Whether there was room; if not, nothing changed.
   * @throws {DisposedError | OutOfMemoryError}
   */
  allocMany(count: number, out: { [i: number]: number }): boolean {
    if (count > this.maxChunks - this.size - this.retired) return false;
    this.checkAttached("allocMany");
    let room = -this.size;
    for (const block of this.mounted()) room += block.chunkCount - block.retired;
    if (!this.growBy(count - room, true)) return false;
    for (let i = 0; i < count; i++) out[i] = this.alloc();
    return true;
  }

  /** @returns Itself, as it knows every handle. */
  slabOf(): Slab {
    return this;
  }

  /**
   * Frees records, all or none, in O(n).
   *
   * @param handles Any numbers.
   * @param owner Knows the slab of each.
   * @returns Position of the first that is not live or comes a second time, when nothing changed; -1 when all
   * were freed.
   */
  static freeMany(handles: ArrayLike<number>, owner: SlabOwner): number {
    // The live bit of each record is turned off for a moment, so that a handle that comes twice is seen.
    let seen = 0;
    try {
      while (seen < handles.length) {
        const handle = handles[seen];
        if (!owner.slabOf(handle).flipLiveBit(handle, true)) break;
        seen++;
      }
    } finally {
      for (let i = 0; i < seen; i++) owner.slabOf(handles[i]).flipLiveBit(handles[i], false);
    }
    if (seen < handles.length) return seen;
    for (let i = 0; i < seen; i++) owner.slabOf(handles[i]).free(handles[i]);
    return -1;
  }

  /** Turns the live bit of a live record over if it is as expected; tells whether it was. */
  private flipLiveBit(handle: number, expected: boolean): boolean {
    const block = this.find(handle);
    if (block === undefined) return false;
    const chunk = this.chunkOf(handle);
    const bit = 1 << (chunk & 31);
    if (((block.liveBits[chunk >> 5] & bit) !== 0) !== expected) return false;
    if (block.isDetached) throw detachedError(this.label, "freeMany", block);
    block.liveBits[chunk >> 5] ^= bit;
    return true;
  }

  /**
   * Frees every record and keeps the memory, in O(records + blocks).
   *
   * @throws {TypeError} as {@linkcode checkAttached} does.
   */
  clear(): void {
    this.checkAttached("clear");
    for (const block of this.mounted()) this.clearBlock(block);
  }

  /**
   * @param verb What is tried.
   * @throws {TypeError} when somebody has detached the memory of a block.
   */
  checkAttached(verb: string): void {
    for (const block of this.mounted()) {
      if (block.isDetached) throw detachedError(this.label, verb, block);
    }
  }

  // -- memory --

  /** Chunks that exist. */
  get capacity(): number {
    return this.mountedCount * this.geometry.chunkCount;
  }

  /** Chunks at the most. */
  get maxChunks(): number {
    return this.maxBlocks * this.geometry.chunkCount;
  }

  /** Chunks that there ever were, those of blocks given back included. */
  get everChunks(): number {
    return this.blocks.length * this.geometry.chunkCount;
  }

  /** Bytes of all blocks. */
  get byteLength(): number {
    return this.capacity * this.chunkBytes;
  }

  /** @returns The blocks that have memory, in order of position; the same array until that changes. */
  mounted(): readonly Block[] {
    return this.mountedBlocks ??= this.blocks.filter((block) => block.region !== undefined);
  }

  /** Chunks that are given out no more, those of blocks given back included. */
  get retired(): number {
    let sum = 0;
    // Compact handles retire nothing.
    if (!this.codec.wraps) { for (const block of this.blocks) sum += block.retired; }
    return sum;
  }

  /** Bytes of generations and live bits, those of blocks given back included. */
  get overheadBytes(): number {
    let sum = 0;
    for (const { liveBits } of this.blocks) sum += liveBits.buffer.byteLength; // which holds all books
    return sum;
  }

  /**
   * Grows until there are so many chunks.
   *
   * @param chunks Chunks wanted.
   * @returns Whether `maxChunks` and worn-out blocks allow them; if not, nothing changed.
   * @throws {DisposedError | OutOfMemoryError}
   */
  reserve(chunks: number): boolean {
    if (chunks > this.maxChunks || !this.growBy(chunks - this.capacity, false)) return false;
    this.reserved = Math.max(this.reserved, chunks);
    return true;
  }

  /**
   * Frees every record of a block and gives its memory back.
   *
   * @param index Index of the block.
   * @returns Whether there is such a block.
   */
  freeBlock(index: number): boolean {
    const block = this.blocks[index - this.geometry.firstBlock];
    if (block === undefined || block.index !== index || block.region === undefined) return false;
    this.clearBlock(block);
    this.release(block);
    return true;
  }

  /**
   * Gives back every empty block, and forgets what was reserved.
   *
   * @returns Bytes given back.
   */
  trim(): number {
    const before = this.byteLength;
    this.reserved = 0;
    for (const block of this.mounted()) if (block.live === 0) this.release(block);
    return before - this.byteLength;
  }

  /** Lays the lanes of every block anew, after somebody replaced the buffer of its region by a longer one. */
  rebind(): void {
    for (const block of this.mounted()) block.mount();
  }

  /** Gives all memory back; the slab is of no use from then on. */
  dispose(): void {
    for (const block of this.mounted()) {
      this.clearBlock(block);
      this.release(block);
    }
    this.blocks = [];
    this.disposed = true;
  }

  /** Makes a block with room the current one, the lowest there is; else grows. False when it cannot. */
  private advance(): boolean {
    const words = this.roomBits;
    if (this.current.isDetached) throw detachedError(this.label, "alloc", this.current);
    for (; this.roomWord < words.length; this.roomWord++) {
      let left = words[this.roomWord];
      while (left !== 0) {
        const bit = 31 - Math.clz32(left & -left);
        const block = this.blocks[this.roomWord * 32 + bit];
        if (block.live + block.retired < block.chunkCount) {
          this.current = block;
          return true;
        }
        left &= left - 1;
        words[this.roomWord] = left;
      }
    }
    return this.grow() !== undefined;
  }

  /**
   * Takes a block from the memory resource.
   *
   * @param position Where it goes; by default the lowest position that is without.
   * @returns The block; undefined when there may be no more.
   * @throws {DisposedError | OutOfMemoryError | TypeError | RangeError}
   */
  grow(position: number = this.vacancy()): Block | undefined {
    if (this.disposed) throw this.disposedError();
    if (position === this.maxBlocks) return undefined;
    const { chunkCount, chunkBytes, align } = this.geometry;
    // 8 at least, so that every lane can be laid over the region.
    const region = takeRegion(
      this.memory,
      this.label,
      chunkCount * chunkBytes,
      Math.max(8, align),
    );
    const block = new Block(position, this.geometry, region, this.blocks[position]);
    this.blocks[position] = block;
    this.mountedBlocks = undefined;
    this.mountedCount++;
    this.emptyBlocks++;
    this.grown++;
    this.markRoom(block);
    return block;
  }

  /** The lowest position without memory whose chunks are not all retired. */
  private vacancy(): number {
    if (this.mountedCount === this.blocks.length) return this.blocks.length;
    for (; this.vacant < this.blocks.length; this.vacant++) {
      const { region, retired, chunkCount } = this.blocks[this.vacant];
      if (region === undefined && retired < chunkCount) break;
    }
    return this.vacant;
  }

  /**
   * Grows by so many chunks, or by so many that are not retired. When it cannot, what was grown goes back and the answer
   * is false.
   */
  private growBy(chunks: number, usable: boolean): boolean {
    if (this.disposed) throw this.disposedError();
    let grown: Block[] | undefined;
    try {
      while (chunks > 0) {
        const block = this.grow();
        if (block === undefined) return false;
        (grown ??= []).push(block);
        chunks -= block.chunkCount - (usable ? block.retired : 0);
      }
      grown = undefined;
      return true;
    } finally {
      grown?.forEach((block) => this.release(block));
    }
  }

  private markRoom({ position }: Block): void {
    const word = position >>> 5;
    while (this.roomBits.length <= word) this.roomBits.push(0);
    this.roomBits[word] |= 1 << (position & 31);
    if (word < this.roomWord) this.roomWord = word;
  }

  private emptied(block: Block): void {
    if (++this.emptyBlocks <= this.keepEmptyBlocks) return;
    if (this.capacity - block.chunkCount >= this.reserved) this.release(block);
  }

  /**
   * Gives the memory of an empty block back.
   *
   * @param block One that has memory.
   */
  release(block: Block): void {
    const region = block.region!; // only blocks that have memory come here
    block.unmount();
    if (this.current === block) this.current = NO_BLOCK;
    this.roomBits[block.position >>> 5] &= ~(1 << (block.position & 31));
    this.mountedBlocks = undefined;
    this.mountedCount--;
    if (block.position < this.vacant) this.vacant = block.position;
    this.emptyBlocks--;
    this.released++;
    this.memory.release(region);
  }

  /** What follows the stamp of a record that dies: after the last generation the first one, or the chunk is given out no more. */
  private nextStamp(block: Block, stamp: number): number {
    if (stamp !== this.lastStamp) return stamp + 1;
    if (this.codec.wraps) return 2;
    block.retired++;
    return 0;
  }

  /** Frees every record of a block, which keeps its memory. */
  protected clearBlock(block: Block): void {
    if (block.live === 0) return;
    this.peak = this.peakSize;
    this.frees += block.live;
    for (let chunk = block.nextLive(0); chunk < block.bump; chunk = block.nextLive(chunk + 1)) {
      block.stamps[chunk] = this.nextStamp(block, block.stamps[chunk]);
    }
    block.reset();
    this.emptyBlocks++;
    this.markRoom(block);
  }

  // -- snapshots --

  /**
   * Takes memory from all blocks but some, which frees their records, and forgets those beyond.
   *
   * @param mounted By position, whether the block is to have memory.
   */
  keepOnly(mounted: readonly boolean[]): void {
    for (const block of this.mounted()) {
      if (mounted[block.position]) continue;
      this.clearBlock(block);
      this.release(block);
    }
    this.blocks.length = mounted.length;
  }

  /**
   * Takes over what a snapshot held, and works out from the blocks what follows from them.
   *
   * @param state As it was.
   */
  settle({ allocs, frees, peakSize, reserved, current }: SlabState): void {
    this.allocs = allocs;
    this.frees = frees;
    this.peak = peakSize;
    this.reserved = reserved;
    this.current = current < 0 ? NO_BLOCK : this.blocks[current];
    this.emptyBlocks = 0;
    this.vacant = 0;
    this.roomBits.fill(0);
    this.roomWord = 0;
    for (const block of this.mounted()) {
      if (block.live === 0) this.emptyBlocks++;
      if (block.live + block.retired < block.chunkCount) this.markRoom(block);
    }
  }

  // -- errors --

  /**
   * @param verb What was tried.
   * @param handle What it was tried with.
   * @param position Where it stood among others, if it did.
   * @returns The error that it deserves.
   */
  staleError(verb: string, handle: number, position = -1): Error {
    return this.disposed ? this.disposedError() : staleError(this, verb, handle, position);
  }

  /**
   * @param _handle What is no handle of a live record here.
   * @returns How errors call the pool where it is one; `undefined` where nobody knows. Debug mode does.
   */
  ownerOf(_handle: number): string | undefined {
    return undefined;
  }

  /**
   * @param verb What was tried.
   * @returns The error for a pool that cannot grow.
   */
  exhaustedError(verb: string): PoolExhaustedError {
    return exhaustedError(this, verb);
  }

  /** @returns The error for a pool that was disposed of. */
  disposedError(): DisposedError {
    return new DisposedError(`Cannot use ${this.label}: it was disposed of`, this.name);
  }
}
