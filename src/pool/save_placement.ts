/**
 * Placement: which chunk of a pool each record of a save gets. The pool is not changed here.
 *
 * A record keeps its handle if that number is a possible handle of the pool: its generation is in
 * range, and its chunk is neither retired nor taken, and not far beyond the highest that exists.
 * Every other record gets the chunk of its old index, or else the lowest free one. The generation
 * of a chunk is the higher one of the save and of the pool, so that no stale handle becomes valid.
 *
 * @module
 */
import type { Block } from "../slab/block.ts";
import { type HandleCodec, lastStampOf } from "../slab/handle.ts";
import type { Slab } from "../slab/slab.ts";
import type { TypedSlab } from "../slab/typed_slab.ts";
import { LINK_RANGE } from "../struct/links.ts";
import type { AnyStruct } from "../struct/schema.ts";
import { structTitle } from "../struct/table.ts";
import type { SavedSlab, SaveFile } from "./save_file.ts";
import { type KindMapping, type KindMappings, linkTargetsIn } from "./save_mapping.ts";

/** The chunk of each record, by the number of the record in the save. */
export class Placement {
  /** Position in {@linkcode slabs} of the slab that each record goes to. */
  readonly slab: Uint8Array;
  /** Index of its chunk in that slab. */
  readonly index: Uint32Array;
  /** Stamp of that chunk with the record in it; 0 while the record has no chunk. */
  readonly stamp: Uint32Array;
  /** 1 if the record keeps its handle. */
  readonly kept: Uint8Array;
  /** The slabs of the pool. */
  readonly slabs: readonly SlabPlacement[];
  private readonly file: SaveFile;
  private readonly mappings: KindMappings;
  /** Index of its chunk in the saved pool; unset where {@linkcode keepAll} placed the record. */
  private readonly oldIndex: Uint32Array;

  /**
   * Places all records.
   *
   * @param all The slabs of the pool.
   * @param file The save.
   * @param mappings Which struct each kind of records becomes.
   * @throws {SnapshotError} when there are too few chunks, or a link cannot hold a new handle.
   */
  constructor(all: readonly TypedSlab[], file: SaveFile, mappings: KindMappings) {
    const { size } = file;
    this.file = file;
    this.mappings = mappings;
    this.slab = new Uint8Array(size);
    this.index = new Uint32Array(size);
    this.stamp = new Uint32Array(size);
    this.kept = new Uint8Array(size);
    this.oldIndex = new Uint32Array(size);
    this.slabs = all.map(({ slab }) => new SlabPlacement(slab, file));
    let k = 0;
    file.slabs.forEach((saved, i) => {
      const targets = new Set(Object.values(mappings[i]).map(({ slab }) => slab));
      const [at] = targets;
      if (targets.size !== 1 || !this.keepAll(saved, at, k)) {
        this.keepHandles(saved, mappings[i], k);
      }
      k += saved.size;
    });
    const placed = this.slabs.reduce((sum, { size }) => sum + size, 0);
    for (let k = 0; k < size && placed < size; k++) if (this.stamp[k] === 0) this.place(k);
    this.checkLinks(all);
  }

  /** Returns the block that a record goes to, once it has memory. */
  blockOf(k: number): Block {
    const { slab, chunkBits } = this.slabs[this.slab[k]];
    return slab.blocks[this.index[k] >>> chunkBits];
  }

  /**
   * Calls a function with the number of each record and of the first one in its slab of the save.
   */
  eachRecord(fn: (k: number, mapping: KindMapping, saved: SavedSlab, first: number) => void): void {
    let k = 0;
    this.file.slabs.forEach((saved, i) => {
      const first = k;
      const { size, tags } = saved;
      for (let j = 0; j < size; j++) fn(k++, this.mappings[i][tags?.[j] ?? 0], saved, first);
    });
  }

  /** Calls a function with the old and the new handle and the struct of each record that moves. */
  eachMove(fn: (from: number, to: number, struct: AnyStruct | undefined) => void): void {
    if (!this.kept.includes(0)) return;
    this.eachRecord((k, { struct }, saved, first) => {
      if (this.kept[k] === 1) return;
      const { codec } = this.slabs[this.slab[k]];
      const to = codec.encode(codec.first + this.index[k], this.stamp[k]);
      fn(this.oldHandle(k, saved, first), to, struct);
    });
  }

  /** Returns the handle that a record had in the saved pool. */
  oldHandle(k: number, { numbers, codec, stamps }: SavedSlab, first: number): number {
    const index = this.oldIndex[k];
    return numbers?.[k - first] ?? codec.encode(codec.first + index, stamps[index]);
  }

  /**
   * Keeps all handles of a slab if both pools encode them in the same way, so that none collide.
   * This is the frequent case, and ten times as fast as {@linkcode keepHandles}.
   */
  private keepAll({ codec, stamps, numbers, size }: SavedSlab, at: number, first: number): boolean {
    const target = this.slabs[at];
    const isPlain = numbers === undefined && target.codec.key === codec.key;
    if (!isPlain || !target.takeAll(stamps, size)) return false;
    const { index, stamp } = this;
    let k = first;
    for (let old = 0; old < stamps.length; old++) {
      const it = stamps[old];
      if ((it & 1) === 0) continue;
      index[k] = old;
      stamp[k] = it;
      k++;
    }
    this.slab.fill(at, first, k);
    this.kept.fill(1, first, k);
    return true;
  }

  /** Keeps each handle of a slab that is a possible handle of the pool. */
  private keepHandles(saved: SavedSlab, mappings: readonly KindMapping[], first: number): void {
    const { codec, stamps, numbers, tags } = saved;
    const { slab, oldIndex, index, stamp, kept } = this; // locals, as each is read once a record
    const areSame = this.slabs.map((target) =>
      numbers === undefined && target.codec.key === codec.key
    );
    let at = 0, k = first;
    for (let old = 0; old < stamps.length; old++) {
      const oldStamp = stamps[old];
      if ((oldStamp & 1) === 0) continue;
      if (tags !== undefined || k === first) {
        at = mappings[tags === undefined ? 0 : tags[k - first]].slab;
      }
      const target = this.slabs[at];
      slab[k] = at;
      oldIndex[k] = old;
      let newIndex = old, newStamp = oldStamp;
      if (!areSame[at]) {
        const handle = codec.encode(codec.first + old, oldStamp);
        newIndex = target.codec.index(handle);
        newStamp = target.codec.liveStamp(handle);
      }
      if (target.isDebug) kept[k] = 1; // a handle of debug mode goes with any chunk
      else if (numbers === undefined && target.keep(newIndex, newStamp)) {
        kept[k] = 1;
        index[k] = newIndex;
        stamp[k] = newStamp;
      }
      k++;
    }
  }

  /** Gives a record the chunk of its old index, or else the lowest free one. */
  private place(k: number): void {
    const target = this.slabs[this.slab[k]];
    const old = this.oldIndex[k];
    const index = target.takeFree(old) ? old : target.takeLowest();
    if (index < 0) {
      const { maxChunks, label } = target.slab;
      throw this.file.error(
        `its ${this.file.size} records are more than there is room for in the ${maxChunks} chunks of ${label}`,
      );
    }
    this.index[k] = index;
    this.stamp[k] = target.stampOf(index) + 1;
  }

  /** Throws where a link would have to hold a wide handle of 2^32 or more. */
  private checkLinks(all: readonly TypedSlab[]): void {
    if (this.slabs.every(({ codec, isDebug }) => codec.wraps || isDebug)) return;
    const targets = linkTargetsIn(all);
    this.eachMove((_from, to, struct) => {
      if (to < LINK_RANGE || struct === undefined || !targets.has(struct)) return;
      throw this.file.error(
        `a ref holds a handle below 2^32, and a record of ${
          structTitle(struct)
        }, which refs may lead to, would get handle ${to}`,
      );
    });
  }
}

/** The chunks of one slab, while records are placed in them. */
export class SlabPlacement {
  readonly slab: Slab;
  readonly codec: HandleCodec;
  readonly isDebug: boolean;
  readonly wraps: boolean;
  readonly chunkBits: number;
  /** Records that are placed so far. */
  size = 0;
  /** Stamp of a live record of the last generation. */
  private readonly lastStamp: number;
  /**
   * Stamps of the saved slab with the same indices, if there is one. They keep handles stale that
   * were stale there.
   */
  private readonly stamps: Uint16Array | Uint32Array | undefined;
  /** 1 if the chunk has a record, by index. */
  private readonly taken: Uint8Array;
  /** 1 if the block has a record, by position. */
  private readonly blocks: Uint8Array;
  /** All chunks below this index are taken or retired. */
  private lowest = 0;

  constructor(slab: Slab, file: SaveFile) {
    const { codec, maxChunks, everChunks, geometry: { chunkCount } } = slab;
    this.slab = slab;
    this.codec = codec;
    this.isDebug = codec.areNumbers;
    this.wraps = codec.wraps;
    this.lastStamp = lastStampOf(codec);
    this.chunkBits = Math.log2(chunkCount);
    const { stamps } =
      file.slabs.find((it) =>
        it.codec.indexBits === codec.indexBits && it.codec.first === codec.first
      ) ?? {};
    this.stamps = stamps;
    const ever = Math.max(everChunks, ...file.slabs.map(({ stamps }) => stamps.length));
    // Room for all records beside retired chunks. A record with a higher index would need a block
    // of its own, so it gets another chunk.
    const blocks = Math.ceil(Math.min(maxChunks, ever + 2 * file.size) / chunkCount);
    this.blocks = new Uint8Array(blocks);
    this.taken = new Uint8Array(blocks * chunkCount);
  }

  /** Whether the block at each position needs memory. */
  get mapped(): readonly boolean[] {
    const saved = Math.ceil((this.stamps?.length ?? 0) / this.slab.geometry.chunkCount);
    const count = Math.max(Math.min(saved, this.blocks.length), this.blocks.lastIndexOf(1) + 1);
    return Array.from(this.blocks.subarray(0, count), (it) => it === 1);
  }

  /** Takes a handle's chunk if it is free and the handle is possible; returns whether it did. */
  keep(index: number, stamp: number): boolean {
    const isHandle = stamp >= 3 && stamp <= this.lastStamp; // there is no generation 0
    return isHandle && (this.wraps || this.ownStampOf(index) > 0) && this.take(index);
  }

  /**
   * Takes all chunks with a live stamp. None is taken yet, and each is within the range of indices,
   * as no two slabs of a save share handles.
   *
   * @param stamps Stamps by index.
   * @param size How many of them are live.
   * @returns False if a chunk is retired in the pool; then none is taken.
   */
  takeAll(stamps: Uint16Array | Uint32Array, size: number): boolean {
    const { taken, blocks, chunkBits } = this;
    for (let index = 0; index < stamps.length && !this.wraps; index++) {
      if ((stamps[index] & 1) === 1 && this.ownStampOf(index) === 0) return false;
    }
    for (let index = 0; index < stamps.length; index++) taken[index] = stamps[index] & 1;
    for (let position = 0; position < blocks.length; position++) {
      const first = position << chunkBits;
      blocks[position] = taken.subarray(first, first + (1 << chunkBits)).includes(1) ? 1 : 0;
    }
    this.size = size;
    return true;
  }

  private take(index: number): boolean {
    const { taken } = this;
    if (index >= taken.length || taken[index] === 1) return false;
    taken[index] = 1;
    this.blocks[index >>> this.chunkBits] = 1;
    this.size++;
    return true;
  }

  /** Takes a chunk if it is free and not retired; returns whether it did. */
  takeFree(index: number): boolean {
    return this.stampOf(index) > 0 && this.take(index);
  }

  /** Takes the lowest chunk that is free; returns its index, or -1 where there is none. */
  takeLowest(): number {
    const { length } = this.taken;
    while (this.lowest < length && !this.takeFree(this.lowest)) this.lowest++;
    return this.lowest < length ? this.lowest : -1;
  }

  /**
   * Returns the stamp that a free chunk needs so that all its handles of the pool and of the save
   * are stale; 0 if it is retired.
   */
  stampOf(index: number): number {
    const own = this.ownStampOf(index);
    const { stamps } = this;
    return stamps === undefined || index >= stamps.length
      ? own
      : this.later(own, this.freed(stamps[index]));
  }

  /** Sets the stamps of all chunks to {@linkcode stampOf}, after the pool was cleared. */
  carryStamps(): void {
    const { stamps } = this;
    if (stamps === undefined) return;
    for (const { position, chunkCount, stamps: own } of this.slab.blocks) {
      const first = position * chunkCount;
      const count = Math.min(chunkCount, stamps.length - first);
      for (let i = 0; i < count; i++) own[i] = this.later(own[i], this.freed(stamps[first + i]));
    }
  }

  /** Returns the stamp that a chunk of the pool has once its record is freed. */
  private ownStampOf(index: number): number {
    const block = this.slab.blocks[index >>> this.chunkBits] as Block | undefined;
    return block === undefined ? 2 : this.freed(block.stamps[index & block.chunkCount - 1]);
  }

  /** Returns the later one of two stamps of free chunks; 0 (retired) if one is 0. */
  private later(stamp: number, other: number): number {
    return stamp === 0 || other === 0 ? 0 : Math.max(stamp, other);
  }

  /** Returns the stamp of a chunk once its record is freed; the stamp itself if it is free. */
  private freed(stamp: number): number {
    const { lastStamp, wraps } = this;
    if (stamp > 0 && stamp < lastStamp) return stamp + (stamp & 1);
    // The save may have retired the chunk, or its generation may be too high for compact handles.
    if (wraps) return stamp === lastStamp ? 2 : lastStamp - 1;
    return 0;
  }
}
