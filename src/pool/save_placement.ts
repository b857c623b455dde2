/**
 * Which chunk each record of a save gets in a pool. Nothing of the pool is changed.
 *
 * A record keeps its handle where that can be a handle of the pool: its generation can be, and its chunk is not retired, not taken by
 * another record that keeps its own, and no further off than all records and all chunks that there were would need. The others get the
 * chunk of their old index, or else the lowest. Generations go on from those of the save and of the pool, whichever are higher.
 *
 * @module
 */
import type { Block } from "../slab/block.ts";
import type { HandleCodec } from "../slab/handle.ts";
import type { Slab } from "../slab/slab.ts";
import type { TypedSlab } from "../slab/snapshot.ts";
import { LINK_RANGE } from "../struct/links.ts";
import type { AnyStruct } from "../struct/schema.ts";
import { structTitle } from "../struct/text.ts";
import type { SavedSlab, SaveFile } from "./save_file.ts";
import { type KindMapping, type KindMappings, linkTargetsIn } from "./save_mapping.ts";

/** What becomes of each record, in the order of the save. */
export class Placement {
  /** Position of its slab in the pool, index of its chunk there, and the stamp of that. */
  readonly slab: Uint8Array;
  readonly index: Uint32Array;
  readonly stamp: Uint32Array;
  /** 1 for each that keeps its handle. */
  readonly kept: Uint8Array;
  /** By slab of the pool. */
  readonly slabs: readonly SlabPlacement[];
  private readonly file: SaveFile;
  private readonly mappings: KindMappings;
  /** Index of its chunk in the pool that was saved, unless {@linkcode keepAll} did all. */
  private readonly oldIndex: Uint32Array;

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

  /** The block that a record goes to, which has been grown. */
  blockOf(k: number): Block {
    const { slab, chunkBits } = this.slabs[this.slab[k]];
    return slab.blocks[this.index[k] >>> chunkBits];
  }

  /** Calls a function with the number of each record, and what becomes of it. */
  eachRecord(fn: (k: number, route: KindMapping, saved: SavedSlab, first: number) => void): void {
    let k = 0;
    this.file.slabs.forEach((saved, i) => {
      const first = k;
      const { size, tags } = saved;
      for (let j = 0; j < size; j++) fn(k++, this.mappings[i][tags?.[j] ?? 0], saved, first);
    });
  }

  /** Calls a function with the old and the new handle of each record that does not keep its own, and its struct. */
  eachMove(fn: (from: number, to: number, struct: AnyStruct | undefined) => void): void {
    if (!this.kept.includes(0)) return;
    this.eachRecord((k, { struct }, saved, first) => {
      if (this.kept[k] === 1) return;
      const { codec } = this.slabs[this.slab[k]];
      const to = codec.encode(codec.first + this.index[k], this.stamp[k]);
      fn(this.oldHandle(k, saved, first), to, struct);
    });
  }

  /** The handle that a record had in the pool that was saved. */
  oldHandle(k: number, { numbers, codec, stamps }: SavedSlab, first: number): number {
    const index = this.oldIndex[k];
    return numbers?.[k - first] ?? codec.encode(codec.first + index, stamps[index]);
  }

  /** The frequent case, ten times as fast: handles are packed as they were, and no two records want the same chunk. */
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

  /** The records whose handles can be handles of the pool keep them. */
  private keepHandles(saved: SavedSlab, mappings: readonly KindMapping[], first: number): void {
    const { codec, stamps, numbers, tags } = saved;
    const { slab, oldIndex, index, stamp, kept } = this; // each is read 100,000 times
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
        const handle = numbers?.[k - first] ?? codec.encode(codec.first + old, oldStamp);
        newIndex = target.codec.index(handle);
        newStamp = target.codec.liveStamp(handle);
      }
      if (target.isDebug) kept[k] = 1; // any number will do, whatever the chunk
      else if (target.keep(newIndex, newStamp)) {
        kept[k] = 1;
        index[k] = newIndex;
        stamp[k] = newStamp;
      }
      k++;
    }
  }

  /** A record that does not keep its handle gets the chunk that has its old index, or else the lowest. */
  private place(k: number): void {
    const target = this.slabs[this.slab[k]];
    const old = this.oldIndex[k];
    const index = target.takeFree(old) ? old : target.takeLowest();
    if (index < 0) {
      const { maxChunks, label } = target.slab;
      throw this.file.error(
        `its ${this.file.size} records are more than there is target for in the ${maxChunks} chunks of ${label}`,
      );
    }
    this.index[k] = index;
    this.stamp[k] = target.stampOf(index) + 1;
  }

  /** A link has no target for the highest wide handles. */
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

/** The chunks of a slab, while records are placed in them. */
export class SlabPlacement {
  readonly slab: Slab;
  readonly codec: HandleCodec;
  readonly isDebug: boolean;
  readonly wraps: boolean;
  readonly chunkBits: number;
  /** Records that were placed. */
  size = 0;
  /** The live stamp of the last generation. */
  private readonly lastStamp: number;
  /** Stamps of the save, where they mean the same here; what was stale there stays stale. */
  private readonly stamps: Uint16Array | Uint32Array | undefined;
  /** 1 for each chunk that has a record now, and for each block that has one. */
  private readonly taken: Uint8Array;
  private readonly blocks: Uint8Array;
  private lowest = 0;

  constructor(slab: Slab, file: SaveFile) {
    const { codec, maxChunks, everChunks, geometry: { chunkCount } } = slab;
    this.slab = slab;
    this.codec = codec;
    this.isDebug = codec.areNumbers;
    this.wraps = codec.wraps;
    this.lastStamp = codec.maxGeneration * 2 + 1;
    this.chunkBits = Math.log2(chunkCount);
    const { stamps } =
      file.slabs.find((it) =>
        it.codec.indexBits === codec.indexBits && it.codec.first === codec.first
      ) ?? {};
    this.stamps = stamps;
    const ever = Math.max(everChunks, ...file.slabs.map(({ stamps }) => stamps.length));
    // SlabPlacement for all records beside chunks that are retired. One that was further off moves, as it would take a block by itself.
    const blocks = Math.ceil(Math.min(maxChunks, ever + 2 * file.size) / chunkCount);
    this.blocks = new Uint8Array(blocks);
    this.taken = new Uint8Array(blocks * chunkCount);
  }

  /** By position: whether the block has to have memory. */
  get mapped(): readonly boolean[] {
    const saved = Math.ceil((this.stamps?.length ?? 0) / this.slab.geometry.chunkCount);
    const count = Math.max(Math.min(saved, this.blocks.length), this.blocks.lastIndexOf(1) + 1);
    return Array.from(this.blocks.subarray(0, count), (it) => it === 1);
  }

  /** Takes the chunk of a handle if it can be had, and the handle be given. */
  keep(index: number, stamp: number): boolean {
    const isHandle = stamp >= 3 && stamp <= this.lastStamp; // there is no generation 0
    return isHandle && (this.wraps || this.ownStampOf(index) > 0) && this.take(index);
  }

  /** Takes all chunks that are live by their stamps, so many, if none was taken before or is retired, and all are near enough. */
  takeAll(stamps: Uint16Array | Uint32Array, size: number): boolean {
    const { taken, blocks, chunkBits } = this;
    if (this.size > 0 || stamps.length > taken.length) return false;
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

  /** Takes a chunk that nobody has, and has generations left. */
  takeFree(index: number): boolean {
    return this.stampOf(index) > 0 && this.take(index);
  }

  /** Takes the lowest of these; -1 when there is none. */
  takeLowest(): number {
    const { length } = this.taken;
    while (this.lowest < length && !this.takeFree(this.lowest)) this.lowest++;
    return this.lowest < length ? this.lowest : -1;
  }

  /** The stamp that a chunk has when the pool is cleared, so that nothing that was stale here or in the save is given out again. */
  stampOf(index: number): number {
    const own = this.ownStampOf(index);
    const { stamps } = this;
    return stamps === undefined || index >= stamps.length
      ? own
      : this.later(own, this.freed(stamps[index]));
  }

  /** Makes the stamps of all chunks what {@linkcode stampOf} says, after the pool was cleared. */
  carryStamps(): void {
    const { stamps } = this;
    for (
      const { position, chunkCount, stamps: own } of stamps === undefined ? [] : this.slab.blocks
    ) {
      const first = position * chunkCount;
      const count = Math.min(chunkCount, stamps!.length - first); // there are some here
      for (let i = 0; i < count; i++) own[i] = this.later(own[i], this.freed(stamps![first + i]));
    }
  }

  private ownStampOf(index: number): number {
    const block = this.slab.blocks[index >>> this.chunkBits] as Block | undefined;
    return block === undefined ? 2 : this.freed(block.stamps[index & block.chunkCount - 1]);
  }

  /** A chunk that is retired in one of the two is so. */
  private later(stamp: number, other: number): number {
    return stamp === 0 || other === 0 ? 0 : Math.max(stamp, other);
  }

  /** What follows a stamp when its record is freed. */
  private freed(stamp: number): number {
    const { lastStamp, wraps } = this;
    if (stamp > 0 && stamp < lastStamp) return stamp + (stamp & 1);
    if (wraps) return stamp === lastStamp ? 2 : lastStamp - 1; // of more generations than there are here, or retired
    return 0;
  }
}
