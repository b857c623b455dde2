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
import type { Snapped } from "../slab/snapshot.ts";
import { LINK_RANGE } from "../struct/links.ts";
import type { AnyStruct } from "../struct/schema.ts";
import { structTitle } from "../struct/text.ts";
import type { SavedSlab, SaveFile } from "./save_file.ts";
import { type Route, type Routes, targetsIn } from "./save_routes.ts";

/** What becomes of each record, in the order of the save. */
export class Places {
  /** Position of its slab in the pool, index of its chunk there, and the stamp of that. */
  readonly slab: Uint8Array;
  readonly index: Uint32Array;
  readonly stamp: Uint32Array;
  /** 1 for each that keeps its handle. */
  readonly kept: Uint8Array;
  /** By slab of the pool. */
  readonly rooms: readonly Room[];
  private readonly file: SaveFile;
  private readonly routes: Routes;
  /** Index of its chunk in the pool that was saved, unless {@linkcode keepAll} did all. */
  private readonly oldIndex: Uint32Array;

  constructor(all: readonly Snapped[], file: SaveFile, routes: Routes) {
    const { size } = file;
    this.file = file;
    this.routes = routes;
    this.slab = new Uint8Array(size);
    this.index = new Uint32Array(size);
    this.stamp = new Uint32Array(size);
    this.kept = new Uint8Array(size);
    this.oldIndex = new Uint32Array(size);
    this.rooms = all.map(({ slab }) => new Room(slab, file));
    let k = 0;
    file.slabs.forEach((saved, i) => {
      const targets = new Set(Object.values(routes[i]).map(({ slab }) => slab));
      const [at] = targets;
      if (targets.size !== 1 || !this.keepAll(saved, at, k)) this.keepHandles(saved, routes[i], k);
      k += saved.size;
    });
    const placed = this.rooms.reduce((sum, { size }) => sum + size, 0);
    for (let k = 0; k < size && placed < size; k++) if (this.stamp[k] === 0) this.place(k);
    this.checkLinks(all);
  }

  /** The block that a record goes to, which has been grown. */
  blockOf(k: number): Block {
    const { slab, chunkBits } = this.rooms[this.slab[k]];
    return slab.blocks[this.index[k] >>> chunkBits];
  }

  /** Calls a function with the number of each record, and what becomes of it. */
  eachRecord(fn: (k: number, route: Route, saved: SavedSlab, first: number) => void): void {
    let k = 0;
    this.file.slabs.forEach((saved, i) => {
      const first = k;
      const { size, tags } = saved;
      for (let j = 0; j < size; j++) fn(k++, this.routes[i][tags?.[j] ?? 0], saved, first);
    });
  }

  /** Calls a function with the old and the new handle of each record that does not keep its own, and its struct. */
  eachMove(fn: (from: number, to: number, struct: AnyStruct | undefined) => void): void {
    if (!this.kept.includes(0)) return;
    this.eachRecord((k, { struct }, saved, first) => {
      if (this.kept[k] === 1) return;
      const { codec } = this.rooms[this.slab[k]];
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
    const room = this.rooms[at];
    const isPlain = numbers === undefined && room.codec.key === codec.key;
    if (!isPlain || !room.takeAll(stamps, size)) return false;
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
  private keepHandles(saved: SavedSlab, routes: readonly Route[], first: number): void {
    const { codec, stamps, numbers, tags } = saved;
    const { slab, oldIndex, index, stamp, kept } = this; // each is read 100,000 times
    const areSame = this.rooms.map((room) => numbers === undefined && room.codec.key === codec.key);
    let at = 0, k = first;
    for (let old = 0; old < stamps.length; old++) {
      const oldStamp = stamps[old];
      if ((oldStamp & 1) === 0) continue;
      if (tags !== undefined || k === first) {
        at = routes[tags === undefined ? 0 : tags[k - first]].slab;
      }
      const room = this.rooms[at];
      slab[k] = at;
      oldIndex[k] = old;
      let newIndex = old, newStamp = oldStamp;
      if (!areSame[at]) {
        const handle = numbers?.[k - first] ?? codec.encode(codec.first + old, oldStamp);
        newIndex = room.codec.index(handle);
        newStamp = room.codec.liveStamp(handle);
      }
      if (room.isDebug) kept[k] = 1; // any number will do, whatever the chunk
      else if (room.keep(newIndex, newStamp)) {
        kept[k] = 1;
        index[k] = newIndex;
        stamp[k] = newStamp;
      }
      k++;
    }
  }

  /** A record that does not keep its handle gets the chunk that has its old index, or else the lowest. */
  private place(k: number): void {
    const room = this.rooms[this.slab[k]];
    const old = this.oldIndex[k];
    const index = room.takeFree(old) ? old : room.takeLowest();
    if (index < 0) {
      const { maxChunks, label } = room.slab;
      throw this.file.error(
        `its ${this.file.size} records are more than there is room for in the ${maxChunks} chunks of ${label}`,
      );
    }
    this.index[k] = index;
    this.stamp[k] = room.stampOf(index) + 1;
  }

  /** A link has no room for the highest wide handles. */
  private checkLinks(all: readonly Snapped[]): void {
    if (this.rooms.every(({ codec, isDebug }) => codec.wraps || isDebug)) return;
    const targets = targetsIn(all);
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
export class Room {
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
    // Room for all records beside chunks that are retired. One that was further off moves, as it would take a block by itself.
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
