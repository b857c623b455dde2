/**
 * One thread's part in a shared pool: the blocks that it has met, those that it owns, and how it comes to more.
 *
 * @module
 */
import { SharedBlock } from "./_shared_block.ts";
import { HEADER, type SharedLayout } from "./_shared_layout.ts";
import {
  adopt,
  drain,
  enliven,
  freeOwn,
  freeRemote,
  link,
  NEW,
  ORPHAN,
  PENDING,
  publish,
  RETIRED,
  takeChunk,
} from "./_shared_steps.ts";
import { writeRecord } from "./_record.ts";
import type { RecordView, Visit } from "./_view.ts";
import { staleError } from "./_refusals.ts";
import { DisposedError, PoolExhaustedError, type StaleHandleError } from "./errors.ts";
import type { HandleCodec } from "./handle.ts";
import type { SlabConfig } from "./options.ts";
import type { AnyStruct } from "./schema.ts";

/**
 * What the stamps of a shared block leave out of those that handles are made of, so that zeroed memory says: generation 1,
 * free.
 */
const FIRST_STAMP = 2;

/** Chunks that an iteration visits one by one after one that is dead or new: a power of two. */
const GROUP = 8;

/** The slab of each shared pool, for the files that look inside one. */
export const shared: WeakMap<object, SharedSlab> = new WeakMap();

/** The chunks of a shared pool, for one thread. */
export class SharedSlab {
  readonly name: string;
  readonly label: string;
  readonly codec: HandleCodec;
  readonly layout: SharedLayout;
  /** This thread's number in the pool, from 1. */
  readonly thread: number;
  disposed = false;
  /** The blocks that this thread has met, by position: all up to the last that it had to do with. */
  blocks: SharedBlock[] = [];
  /** What a view stands on that stands nowhere. */
  readonly nowhere: SharedBlock;
  /** Where the next chunk comes from, and right after an alloc the last one came from. */
  current: SharedBlock;

  private readonly lanes: number;
  readonly chunkBytes: number;
  /** log2(chunksPerBlock), and as many ones. */
  private readonly chunkBits: number;
  private readonly chunkMask: number;
  private readonly maxBlocks: number;
  /** Stamp of a record of the last generation, and what its chunk has when it was freed. */
  readonly lastStamp: number;
  private readonly stampAfterLast: number;
  /** The blocks that this thread owns. */
  private mine: SharedBlock[] = [];
  /** Those of them, but for the current one, whose own list has chunks. */
  private roomy: SharedBlock[] = [];
  /** Which of `mine` was last looked at for what others have freed. */
  private turn = 0;
  private readonly keepEmptyBlocks: number;

  /**
   * @param config Checked options.
   * @param layout Where everything is.
   * @param lanes Set of lanes that records are read and written through.
   */
  constructor(config: SlabConfig, layout: SharedLayout, lanes: number) {
    const { name, label, codec, chunksPerBlock, maxBlocks, keepEmptyBlocks } = config;
    this.name = name;
    this.label = label;
    this.codec = codec;
    this.layout = layout;
    this.lanes = lanes;
    this.chunkBytes = layout.shape.chunkBytes;
    this.chunkBits = 31 - Math.clz32(chunksPerBlock);
    this.chunkMask = chunksPerBlock - 1;
    this.maxBlocks = maxBlocks;
    this.keepEmptyBlocks = keepEmptyBlocks;
    this.lastStamp = codec.maxGeneration * 2 + 1 - FIRST_STAMP;
    this.stampAfterLast = codec.wraps ? 0 : RETIRED;
    this.current = this.nowhere = new SharedBlock(layout, -1, 0);
    this.thread = Atomics.add(layout.header, HEADER.joined, 1) + 1;
  }

  // -- one record --

  /**
   * Takes a chunk and clears it, in O(1) but for growing and adopting.
   *
   * @returns Its handle; 0 when there is none to be had.
   * @throws {DisposedError | OutOfMemoryError}
   */
  alloc(): number {
    const block = this.current;
    const chunk = takeChunk(block);
    if (chunk < 0) return this.advance() ? this.alloc() : 0;
    return this.codec.encode(block.firstIndex + chunk, enliven(block, chunk) + FIRST_STAMP);
  }

  /**
   * Takes a chunk, clears it and writes to it, and only then lets others see it.
   *
   * @param struct What the record is.
   * @param init Fields to set, checked.
   * @returns Its handle; 0 when there is none to be had.
   * @throws {DisposedError | OutOfMemoryError}
   */
  allocWith(struct: AnyStruct, init: object): number {
    const block = this.current;
    const chunk = takeChunk(block);
    if (chunk < 0) return this.advance() ? this.allocWith(struct, init) : 0;
    block.zero(chunk);
    try {
      writeRecord(block, chunk * this.chunkBytes, struct, init);
    } catch (error) {
      this.putBack(block, chunk); // a getter has thrown
      throw error;
    }
    if (!block.isMine) throw this.disposedError(); // by a getter; whoever has the block now has the chunk
    return this.codec.encode(block.firstIndex + chunk, publish(block, chunk) + FIRST_STAMP);
  }

  /**
   * Frees a record, in O(1).
   *
   * @param handle Any number.
   * @returns Whether it was live; if not, nothing changed.
   */
  free(handle: number): boolean {
    const index = this.codec.index(handle);
    const position = index >>> this.chunkBits;
    if (position >= this.blocks.length && !this.meet(position)) return false;
    const block = this.blocks[position];
    const chunk = index & this.chunkMask;
    const live = this.codec.liveStamp(handle) - FIRST_STAMP; // of no handle an odd number below 0, which no chunk has
    const dead = live === this.lastStamp ? this.stampAfterLast : live + 1;
    // A wide handle may name a generation past the last, of which a swap would see the low bits alone.
    if (live > this.lastStamp) return false;
    if (!block.isMine) return freeRemote(block, chunk, live, dead);
    if (!freeOwn(block, chunk, live, dead)) return false;
    if (block.free === 1) this.noteRoom(block);
    if (block.free === block.bump) this.emptied(block);
    return true;
  }

  /**
   * Finds the block of a live record, in O(1).
   *
   * @param handle Any number.
   * @returns The block; `undefined` when the handle is not live.
   */
  find(handle: number): SharedBlock | undefined {
    const index = this.codec.index(handle);
    const position = index >>> this.chunkBits;
    if (position >= this.blocks.length && !this.meet(position)) return undefined;
    const block = this.blocks[position];
    const live = this.codec.liveStamp(handle) - FIRST_STAMP;
    return block.loadStamp(index & this.chunkMask) === live ? block : undefined;
  }

  /**
   * @param handle Any number.
   * @returns Byte offset in its block of the chunk that it names.
   */
  offsetOf(handle: number): number {
    return (handle & this.chunkMask) * this.chunkBytes | 0; // the lowest bits of a handle are the index
  }

  /**
   * @param block A block of this pool.
   * @param offset Byte offset of a record in it.
   * @returns Handle of the record there, live or not.
   */
  handleAt(block: SharedBlock, offset: number): number {
    const chunk = offset / this.chunkBytes;
    const stamp = block.loadStamp(chunk) & ~PENDING;
    // Of a dead chunk the one before, which is that of the record that was there last.
    return this.codec.encode(block.firstIndex + chunk, stamp + FIRST_STAMP - (~stamp & 1));
  }

  /**
   * @param index Index of a chunk.
   * @returns The generation that it is at; 0 when it is retired, -1 when there is none.
   */
  generationOf(index: number): number {
    const position = Math.floor(index / (this.chunkMask + 1));
    if (position >= this.blocks.length && !this.meet(position)) return -1;
    const stamp = this.blocks[position].loadStamp(index & this.chunkMask);
    return stamp === RETIRED ? 0 : (stamp & ~PENDING) + FIRST_STAMP >>> 1;
  }

  // -- every record --

  /**
   * Walks the live records in block and chunk order.
   *
   * @param view Moved from record to record.
   * @param fn Called with it for each, and with the handle.
   * @param first Position of the first block.
   * @param step From one block to the next.
   */
  forEach(view: RecordView, fn: Visit, first: number, step: number): void {
    for (let i = first; i < this.blocks.length || this.meet(i); i += step) {
      this.visit(this.blocks[i], view, fn);
    }
  }

  /**
   * A plain read of a stamp cannot miss what happened before it, a free for instance, and does not tear; but it orders
   * nothing. An atomic load orders, and takes longer than a visit. So a live stamp that this thread has once seen with an
   * atomic load is read plainly: what the record was given with it has been there since. Any other is looked at again. (If a chunk's
   * compact generations all came round since this thread has looked, the stamp is taken for the one of old: then nothing is
   * ordered but by what the processor does by itself.)
   *
   * The first record of a run stands before the loop, as in a slab, and for the same reason; any that this thread has not seen goes
   * by itself.
   */
  private visit(block: SharedBlock, view: RecordView, fn: Visit): void {
    const { codec } = this;
    const { stamps, seen, chunkCount, firstIndex } = block;
    const stride = this.chunkBytes >> view._shift;
    let chunk = 0;
    while (chunk < chunkCount) {
      if (stamps[chunk] !== seen[chunk]) {
        chunk = this.visitGroup(block, view, fn, chunk);
        continue;
      }
      block.place(view, chunk * this.chunkBytes);
      fn(view, codec.encode(firstIndex + chunk, seen[chunk++] + FIRST_STAMP));
      for (let at = Math.imul(chunk, stride); chunk < chunkCount; at += stride) {
        if (stamps[chunk] !== seen[chunk] || view._b !== block) break;
        view._o = at;
        fn(view, codec.encode(firstIndex + chunk, seen[chunk++] + FIRST_STAMP));
      }
    }
  }

  /** Visits the rest of a group of chunks one by one, and passes over the dead ones behind it; tells how far that came. */
  private visitGroup(block: SharedBlock, view: RecordView, fn: Visit, from: number): number {
    const { codec, chunkBytes } = this;
    const { stamps, chunkCount, firstIndex } = block;
    let chunk = from;
    for (const end = Math.min((from | GROUP - 1) + 1, chunkCount); chunk < end; chunk++) {
      if ((stamps[chunk] & 1) === 0) continue;
      const stamp = block.look(chunk);
      if ((stamp & 1) === 0) continue;
      block.place(view, chunk * chunkBytes);
      fn(view, codec.encode(firstIndex + chunk, stamp + FIRST_STAMP));
    }
    while (chunk < chunkCount && (stamps[chunk] & 1) === 0) chunk++;
    return chunk;
  }

  // -- blocks --

  /** Records that are live: exact while no thread is in the middle of something. */
  get size(): number {
    let size = 0;
    for (let i = 0; i < this.blocks.length || this.meet(i); i++) size += this.blocks[i].live;
    return size;
  }

  /** Blocks that there are. */
  get blockCount(): number {
    return Atomics.load(this.layout.header, HEADER.blocks);
  }

  /** Chunks that exist. */
  get capacity(): number {
    return this.blockCount * (this.chunkMask + 1);
  }

  /** Chunks that there ever were: none is given back. */
  get everChunks(): number {
    return this.capacity;
  }

  /** Chunks at the most. */
  get maxChunks(): number {
    return this.layout.shape.maxChunks;
  }

  /** Bytes of the records of all blocks. */
  get byteLength(): number {
    return this.capacity * this.chunkBytes;
  }

  /** Chunks that are given out no more. */
  get retired(): number {
    return this.mounted().reduce((sum, block) => sum + block.retired, 0);
  }

  /** Threads that joined so far. */
  get threads(): number {
    return Atomics.load(this.layout.header, HEADER.joined);
  }

  /** Threads that joined and have not left, this one among them; those that ended without leaving count. */
  get threadsAround(): number {
    return this.threads - Atomics.load(this.layout.header, HEADER.left);
  }

  /** The blocks that there are. */
  mounted(): readonly SharedBlock[] {
    this.meet(this.blockCount - 1);
    return this.blocks;
  }

  /** Makes this thread's views of all blocks up to a position; tells whether there are so many. */
  private meet(position: number): boolean {
    if (this.disposed || !(position < this.blockCount)) return false;
    for (let i = this.blocks.length; i <= position; i++) {
      this.blocks.push(new SharedBlock(this.layout, i, this.lanes));
    }
    return true;
  }

  /**
   * Finds a block with a free chunk: among this thread's own, first by what it knows and then by what others have freed;
   * among those that nobody owns; and where there is none, a new one.
   */
  private advance(): boolean {
    if (this.disposed) throw this.disposedError();
    if (this.current.isMine && drain(this.current)) return true;
    const block = this.roomy.pop() ?? this.drainOne() ?? this.adoptOne() ?? this.commit();
    if (block === undefined) return false;
    this.current = block;
    return true;
  }

  /** Takes what others have freed in the next own block that has any. */
  private drainOne(): SharedBlock | undefined {
    const { mine } = this;
    for (let i = 0; i < mine.length; i++) {
      this.turn = this.turn + 1 < mine.length ? this.turn + 1 : 0;
      if (drain(mine[this.turn])) return mine[this.turn];
    }
    return undefined;
  }

  /** Takes over a block that nobody owns and that has room. */
  private adoptOne(): SharedBlock | undefined {
    const { header } = this.layout;
    if (Atomics.load(header, HEADER.orphans) === 0) return undefined;
    for (const block of this.mounted()) {
      if (block.owner !== ORPHAN || !block.hasRoom || !adopt(block, ORPHAN, this.thread)) continue;
      Atomics.sub(header, HEADER.orphans, 1);
      this.own(block);
      if (hasChunk(block) || drain(block)) return block;
    }
    return undefined;
  }

  /** Adds a block to the pool, unless that is at its end. */
  private commit(): SharedBlock | undefined {
    const { header } = this.layout;
    for (;;) {
      const position = this.blockCount;
      if (position === this.maxBlocks) return undefined;
      this.layout.growTo(position + 1, this.label);
      if (Atomics.compareExchange(header, HEADER.blocks, position, position + 1) !== position) {
        continue; // another thread has it; there may be one more
      }
      this.meet(position);
      const block = this.blocks[position];
      if (!block.swapOwner(NEW, this.thread)) continue; // another thread took this one for ended, and adopted it
      this.own(block);
      return block;
    }
  }

  private own(block: SharedBlock): void {
    block.isMine = true;
    this.mine.push(block);
  }

  /** Puts a chunk back that was taken and not published. A getter may have moved on, or left the pool. */
  private putBack(block: SharedBlock, chunk: number): void {
    if (!block.isMine) return;
    link(block, chunk);
    block.storeTaken(block.bump - block.free);
    if (block.free === 1) this.noteRoom(block);
  }

  /** A block of this thread's has got its first free chunk. */
  private noteRoom(block: SharedBlock): void {
    if (block !== this.current && block.bump === block.chunkCount) this.roomy.push(block);
  }

  /** A block of this thread's has no live record: it goes to whoever needs one, if enough of them are kept. */
  private emptied(block: SharedBlock): void {
    if (block === this.current) return;
    let empty = 0;
    for (const it of this.mine) if (it !== this.current && it.free === it.bump) empty++;
    if (empty <= this.keepEmptyBlocks) return;
    this.mine = this.mine.filter((it) => it !== block);
    this.roomy = this.roomy.filter((it) => it !== block);
    this.abandon(block);
  }

  /** Gives up a block, which whoever needs one may adopt. */
  private abandon(block: SharedBlock): void {
    block.isMine = false;
    // Counted first: a thread that ends between the two leaves one too many, which costs a look now and then. One too few
    // would hide the block from all.
    Atomics.add(this.layout.header, HEADER.orphans, 1);
    block.storeOwner(ORPHAN);
  }

  /**
   * Takes over the blocks of a thread that is no more, in O(chunks of all blocks), and any that was added and has no
   * owner yet: that thread may have ended right then.
   *
   * @param thread Its number.
   * @returns How many they were.
   */
  adoptFrom(thread: number): number {
    const blocks = this.mounted().filter((block) =>
      adopt(block, thread, this.thread) || adopt(block, NEW, this.thread)
    );
    for (const block of blocks) {
      this.own(block);
      if (hasChunk(block)) this.roomy.push(block);
    }
    return blocks.length;
  }

  /** Leaves the pool: what this thread owns is there for the others. */
  dispose(): void {
    if (this.disposed) return;
    for (const block of this.mine) this.abandon(block);
    Atomics.add(this.layout.header, HEADER.left, 1);
    this.disposed = true;
    this.blocks = this.mine = this.roomy = [];
    this.current = this.nowhere;
  }

  /**
   * @param verb What was tried.
   * @returns The error for a thread that finds no chunk.
   */
  exhaustedError(verb: string): PoolExhaustedError {
    const { name, label, size, maxChunks, retired } = this;
    const elsewhere = maxChunks - size - retired;
    const state = elsewhere > 0
      ? `${size} of ${maxChunks} chunks are live, ${retired} retired, and ${elsewhere} free in blocks that other threads own`
      : `all ${maxChunks} chunks of maxChunks are live or retired`;
    return new PoolExhaustedError(`Cannot ${verb} in ${label}: ${state}`, name, size, maxChunks);
  }

  /**
   * @param verb What was tried.
   * @param handle What it was tried with.
   * @returns The error that it deserves.
   */
  staleError(verb: string, handle: number): StaleHandleError | DisposedError {
    return this.disposed ? this.disposedError() : staleError(this, verb, handle, -1);
  }

  /** @returns The error for any call after the disposal. */
  disposedError(): DisposedError {
    return new DisposedError(`Cannot use ${this.label}: it was disposed of`, this.name);
  }
}

/** Whether the owner has a chunk to give out. */
function hasChunk(block: SharedBlock): boolean {
  return block.free > 0 || block.bump < block.chunkCount;
}
