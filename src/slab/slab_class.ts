/**
 * The classes of slabs: the hot part of a slab, compiled for one geometry, and the choice of its
 * variants.
 *
 * @module
 */
import { heapMemory } from "../memory/resource.ts";
import type { Compile } from "../struct/scalars.ts";
import type { RecordView } from "../struct/view.ts";
import { type Block, linkStrideFor } from "./block.ts";
import { chunkWordsFor } from "./chunk_memory.ts";
import type { EngineConfig } from "./debug_mode.ts";
import { type HandleCodec, lastStampOf } from "./handle.ts";
import { maskOf, Slab, type SlabClass, type SlabConfig, type SlabOwner } from "./slab.ts";

/**
 * Makes the class of the slabs of one geometry, with spread reuse and in debug mode if the options
 * say so.
 *
 * @param config Checked options. Those that are the same for all slabs of the class go into its
 * code.
 * @param chunkBytes Bytes of a chunk.
 * @param compile Compiles its parts.
 * @returns The class.
 */
export function slabClassFor(
  config: EngineConfig,
  chunkBytes: number,
  compile: Compile,
): SlabClass {
  const { chunksPerBlock, codec } = config;
  let Made = compile(defineSlab, Slab, codec, {
    chunkBytes,
    chunkCount: chunksPerBlock,
    chunkMask: maskOf(chunksPerBlock),
    chunkWords: chunkWordsFor(chunkBytes),
    halfStride: linkStrideFor(chunksPerBlock, chunkBytes),
    lastStamp: lastStampOf(codec),
    mayDetach: mayDetach(config),
  });
  Made = config.reuse?.slabClass(Made, config, chunkBytes, compile) ?? Made;
  return config.debug?.slabClass(Made) ?? Made;
}

/** The constants in the code of a class. */
interface Constants {
  readonly chunkBytes: number;
  readonly chunkCount: number;
  /** See {@linkcode maskOf}. */
  readonly chunkMask: number;
  /** See {@linkcode chunkWordsFor}. */
  readonly chunkWords: number;
  /** See {@linkcode linkStrideFor}. */
  readonly halfStride: number;
  /** The live stamp of the last generation. */
  readonly lastStamp: number;
  readonly mayDetach: boolean;
}

/**
 * @param config Checked options.
 * @returns Whether the buffers of blocks can be detached from outside. The check for it takes a
 * tenth of the time of a `get`, so pools over the heap leave it out.
 */
export function mayDetach({ memory }: Pick<SlabConfig, "memory">): boolean {
  return memory !== heapMemory;
}

/**
 * @param config Checked options, without debug mode.
 * @returns What pools of one kind of chunks must have in common to have one code.
 */
export function codeKey(config: SlabConfig): string {
  const { chunksPerBlock, codec, reuse, specialize } = config;
  return [chunksPerBlock, codec.key, specialize, reuse !== undefined, mayDetach(config)].join();
}

/**
 * The hot part of a slab. Its text is compiled anew for each geometry, so it uses only its
 * parameters and globals.
 *
 * @param Base {@linkcode Slab}.
 * @param codec The packing of handles.
 * @param constants The constants of the class.
 * @returns The class.
 */
function defineSlab(
  Base: typeof Slab,
  codec: HandleCodec,
  constants: Constants,
): SlabClass {
  const chunkBytes = constants.chunkBytes;
  const chunkCount = constants.chunkCount;
  const chunkMask = constants.chunkMask;
  const chunkBits = 32 - Math.clz32(chunkMask);
  const chunkWords = constants.chunkWords;
  const halfStride = constants.halfStride;
  const lastStamp = constants.lastStamp;
  const retires = !codec.wraps;
  const mayDetach = constants.mayDetach;

  return class Slab extends Base {
    override alloc(): number {
      const block = this.current;
      const bump = block.bump;
      // NO_BLOCK has no memory either, nor has a block whose buffer was detached.
      if (block.u8.length === 0) return this.advance() ? this.alloc() : 0;
      let chunk = bump;
      if ((retires ? block.live + block.retired : block.live) < bump) {
        chunk = block.head;
        block.head = halfStride > 0 ? block.u16[chunk * halfStride] : block.readLink(chunk);
      } else {
        if (bump === chunkCount) return this.advance() ? this.alloc() : 0;
        block.bump = bump + 1;
      }
      if (chunkWords > 0) {
        const i32 = block.i32;
        const at = chunk * chunkWords;
        i32[at] = 0; // outside the loop, as most chunks have few words
        for (let i = 1; i < chunkWords; i++) i32[at + i] = 0;
      } else block.zero(chunk);
      block.liveBits[chunk >> 5] |= 1 << (chunk & 31);
      if (block.live++ === 0) this.blockSet.emptyCount--;
      this.allocs++;
      return codec.encode(block.firstIndex + chunk, ++block.stamps[chunk]);
    }

    override free(handle: number): boolean {
      if (typeof handle !== "number") return false;
      const index = codec.index(handle);
      const position = index >>> chunkBits;
      const blocks = this.blocks;
      if (position >= blocks.length) return false;
      const block = blocks[position];
      if (block.u8.length === 0) block.checkAttached("free");
      const chunk = index & chunkMask;
      if (block.stamps[chunk] !== codec.liveStamp(handle)) return false;
      this.freeChunk(block, chunk);
      return true;
    }

    override find(handle: number): Block | undefined {
      if (typeof handle !== "number") return undefined;
      const index = codec.index(handle);
      const position = index >>> chunkBits;
      const blocks = this.blocks;
      if (position >= blocks.length) return undefined;
      const block = blocks[position];
      if (mayDetach && block.u8.length === 0) block.checkAttached("use a handle");
      return block.stamps[index & chunkMask] === codec.liveStamp(handle) ? block : undefined;
    }

    override bindTo(view: RecordView, handle: number): number {
      let block;
      if (handle === 0) {
        handle = this.alloc();
        if (handle === 0) return 0;
        block = this.current;
      } else {
        block = this.find(handle);
        if (block === undefined) throw this.staleError("set", handle);
      }
      view._b = block;
      view._o = (codec.index(handle) & chunkMask) * chunkBytes >> view._u;
      return handle;
    }

    protected override freeChunk(block: Block, chunk: number): void {
      // The size falls only when records are freed, so the peak is noted here and not in alloc.
      const size = this.allocs - this.frees++;
      if (size > this.peak) this.peak = size;
      block.liveBits[chunk >> 5] &= ~(1 << (chunk & 31));
      const stamp = block.stamps[chunk];
      // The last generation is followed by the first, or the chunk is retired.
      let next = stamp + 1;
      if (stamp === lastStamp) next = retires ? this.nextStamp(block, stamp, chunk) : 2;
      block.stamps[chunk] = next;
      if (next !== 0) {
        if (halfStride > 0) block.u16[chunk * halfStride] = block.head;
        else block.writeLink(chunk, block.head);
        block.head = chunk;
        const position = block.position;
        this.blockSet.roomBits[position >> 5] |= 1 << (position & 31);
        // The lowest block is used first, so that passes stay dense and the highest blocks empty.
        if (position < this.current.position) this.current = block;
      }
      if (--block.live === 0) this.blockSet.noteEmpty(block);
    }

    protected override fill(count: number, out: { [i: number]: number }): boolean {
      let done = 0;
      try {
        for (; done < count; done++) {
          const handle = this.alloc();
          if (handle === 0) break;
          out[done] = handle;
        }
      } finally {
        // It fails only if a memory resource allocated from the pool as well.
        if (done < count) { for (let i = 0; i < done; i++) this.free(out[i]); }
      }
      return done === count;
    }

    override freeMany(handles: readonly number[], count: number, owner: SlabOwner): number {
      // Each record's live bit is cleared for the time being, so that a repeated handle is noticed.
      let seen = 0;
      try {
        while (seen < count) {
          const handle = handles[seen];
          if (!owner._slabOf(handle).flipLiveBit(handle, true)) break;
          seen++;
        }
      } finally {
        for (let i = 0; i < seen; i++) owner._slabOf(handles[i]).flipLiveBit(handles[i], false);
      }
      if (seen < count) return seen;
      let first: unknown; // error of a memory resource, while blocks are given back
      let isDone = true;
      for (let i = 0; i < seen; i++) {
        try {
          owner._slabOf(handles[i]).free(handles[i]);
        } catch (error) {
          if (isDone) first = error;
          isDone = false;
        }
      }
      if (!isDone) throw first;
      return -1;
    }

    override flipLiveBit(handle: number, expected: boolean): boolean {
      const block = this.find(handle);
      if (block === undefined) return false;
      const chunk = codec.index(handle) & chunkMask;
      const bit = 1 << (chunk & 31);
      if (((block.liveBits[chunk >> 5] & bit) !== 0) !== expected) return false;
      block.liveBits[chunk >> 5] ^= bit;
      return true;
    }
  };
}
