/**
 * `Arena`: memory that is given out in order and taken back all at once.
 *
 * @module
 */
import { AddressSpace, type Extent, NOWHERE } from "./address_space.ts";
import { readArena, writeArena } from "./arena_snapshot.ts";
import { type ArenaBooks, arenas } from "./metadata.ts";
import { checkByteOptions, checkExtentBytes, checkSource, MAX_EXTENT_BYTES } from "./checks.ts";
import { showValue } from "../messages/show.ts";
import { noteOwn } from "../slab/call_stack.ts";
import { type SnapshotOptions, WITH_CHECKSUM } from "../slab/envelope.ts";
import { LentRegion } from "./lent_region.ts";
import { Loans } from "./loans.ts";
import type { RecordView } from "../struct/view.ts";
import {
  ByteAllocator,
  type ByteAllocatorOptions,
  type ByteAllocatorStats,
} from "./byte_allocator.ts";
import { InvalidAddressError, OutOfMemoryError } from "../errors.ts";
import { heapMemory, type MemoryRegion, type MemoryResource } from "../memory/resource.ts";
import type { AnyStruct, Init } from "../struct/schema.ts";

/** Options of an arena; every one may be left out. */
export interface ArenaOptions extends ByteAllocatorOptions {
  /**
   * Bytes taken from the resource at once, 64 to 2^30; what is larger gets a block of its own, with a quarter as much again
   * where an earlier one of the kind is too small. @default {65536}
   */
  readonly blockBytes?: number;
}

/** The figures of an arena. */
export interface ArenaStats extends ByteAllocatorStats {
  /** Bytes given out, with the padding between them; not the ends of blocks where the next one did not fit. */
  usedBytes: number;
  /** The most that `usedBytes` was. */
  peakBytes: number;
  /** Blocks taken from the resource. */
  blocks: number;
}

/** Marks are told apart by arena up to so many of them; one is a safe integer still. */
const MARK_OWNERS = 2 ** 20;
const MARK_RANGE = 2 ** 32;

/** The memory that is kept is at most so many times the need of late, and a block; and when a block is taken. */
const KEPT_TIMES = 4;
const TAKEN_TIMES = 3.5;

/** A need that is over counts for less by a part in 2^8 of what it is above the last one, at each rewind. */
const FADING_SHIFT = 8;

let arenaCount = 0;

/**
 * Memory that is given out in order and taken back all at once: the fastest allocator there is, and no single allocation
 * can be freed.
 *
 * Use it for what dies together: a frame's scratch data, a request, a parse tree. What dies one by one belongs in a
 * `Pool` or a `FreeListAllocator`.
 *
 * The memory is kept for the next round, as far as that needs it: at most four times the most that was given out of late, and
 * a block. So frames that need the same take nothing from the resource, and give nothing back; also where large and small
 * ones take turns. After a frame that needed much more than others the memory comes down again within some hundred rewinds:
 * a need that is over counts half after 180 of them. `trim` does it at once.
 *
 * Views and arrays from before a `reset` or a `rewind` that took their memory back are invalid: they read and write
 * what came in its place.
 *
 * An arena keeps no books of single allocations, so any address of bytes that are given out will do for `view`,
 * `array`, `bytes` and `seek`, one inside an allocation too.
 *
 * It is a memory resource as well: a pool can live in one. What such a pool gives back can be lent again, and no more; for all
 * else the memory comes back with `reset`, `rewind` or `dispose`, and the pool must not be used past that.
 *
 * @example Usage
 * ```ts
 * import { Arena, struct } from "@slabs/pool";
 * import { assertEquals } from "@std/assert";
 *
 * const Vec2 = struct({ x: "f32", y: "f32" });
 * using arena = new Arena({ blockBytes: 65536 });
 * const p = arena.allocRecord(Vec2, { x: 1 });
 * const cursor = arena.cursor(Vec2);
 * assertEquals(arena.seek(cursor, p).x, 1);
 * {
 *   using _frame = arena.scope();
 *   const scratch = arena.allocArray("f32", 256);
 *   assertEquals(scratch.length, 256);
 * } // taken back here
 * assertEquals(arena.stats().usedBytes, Vec2.size);
 * ```
 */
export class Arena extends ByteAllocator implements MemoryResource {
  private readonly _blockBytes: number;
  /** The blocks in the order of use. Those past the current one are empty, and zero. */
  private _blocks: Extent[] = [];
  /** Position of the current block; -1 before there is one. */
  private _index = -1;
  /** Where the next bytes come from. */
  private _block: Extent = NOWHERE;
  /** Bytes of the blocks before the current one, and how many of them were given out. */
  private _before = 0;
  private _usedBefore = 0;
  /** The most that was given out whenever some was taken back; `stats` knows the rest. */
  private _peak = 0;
  /** The most that was given out of late, which tells how much memory is kept. */
  private _recent = 0;
  /** What all its marks start from. */
  private readonly _firstMark: number;
  /** The highest position that may be rewound to, and so was marked; less once it was rewound to before that. */
  private _marked = 0;
  /** What it lent as a memory resource; `undefined` until it does. */
  private _loans: Loans | undefined;

  /**
   * Creates an arena without any block: the first `alloc` takes one.
   *
   * @param options See {@linkcode ArenaOptions}.
   * @throws {RangeError} when `blockBytes` is out of its range.
   * @throws {TypeError} when an option is unknown or has the wrong type.
   */
  constructor(options: ArenaOptions = {}) {
    checkByteOptions("Arena", "arena", options, { blockBytes: true });
    const { name = "arena", memory = heapMemory, blockBytes = 65536, debug = false } = options;
    const label = checkSource("Arena", name, memory, debug);
    checkExtentBytes(label, "blockBytes", blockBytes);
    super(name, new AddressSpace(label, memory, blockBytes, false, debug ? name : undefined));
    this._blockBytes = blockBytes;
    this._firstMark = (1 + arenaCount++ % MARK_OWNERS) * MARK_RANGE;
    arenas.set(this, () => this._books());
    if (debug) this._traceCalls(Arena.prototype);
  }

  // -- allocating --

  /**
   * Allocates bytes, zeroed, in O(1); at the end of a block the next one is taken, or one more from the resource.
   *
   * @param byteLength Bytes, a positive integer.
   * @param align Power of two up to 4096 that the address is a multiple of.
   * @returns Their address.
   * @throws {RangeError} when `byteLength` is no positive integer, or `align` no such power of two.
   * @throws {OutOfMemoryError} when the resource has no block to give.
   * @throws {DisposedError} after `dispose`.
   */
  override alloc(byteLength: number, align: number = 8): number {
    this._checkRequest("alloc", byteLength, align);
    return this._bump(byteLength, align);
  }

  /**
   * Allocates a record, zeroed, in O(1), and writes its fields.
   *
   * In the hottest loops leave `init` out and write through a cursor ({@linkcode allocAt}): that costs no object and no
   * look-up by name.
   *
   * @typeParam S Struct type, inferred.
   * @param struct What the record is.
   * @param init Fields to set; those left out stay zero.
   * @returns Its address.
   * @throws {TypeError} when `struct` is no struct, or `init` names an unknown field or a value does not fit its type.
   * @throws {OutOfMemoryError} when the resource has no block to give.
   * @throws {DisposedError} after `dispose`.
   */
  override allocRecord<S extends AnyStruct>(struct: S, init?: Init<S>): number {
    if (init !== undefined) return this._allocWith(struct, init);
    const block = this._block;
    // No record is aligned to more than 8, as every base is.
    const at = block.top + struct.align - 1 & -struct.align;
    const end = at + struct.size;
    if (!(end <= block.byteLength)) return this._allocNext(struct);
    block.top = end;
    return block.base + at;
  }

  /**
   * Allocates a record, zeroed, and moves a view to it, in O(1): the fastest way to make a record.
   *
   * @param cursor A view of a record: what `cursor` gave.
   * @returns Address of the new record.
   * @throws {TypeError} when it is no such view.
   * @throws {OutOfMemoryError} when the resource has no block to give; the view stays where it is.
   * @throws {DisposedError} after `dispose`.
   */
  override allocAt(cursor: object): number {
    const view = cursor as RecordView;
    const struct = view?._s;
    const block = this._block;
    if (struct === undefined) throw this._cursorError("allocAt");
    const at = block.top + struct.align - 1 & -struct.align;
    const end = at + struct.size;
    if (end > block.byteLength) return this._allocNextAt(view, struct);
    block.top = end;
    block.bind(view, at);
    return block.base + at;
  }

  /**
   * Moves a view to a record, in O(1), allocating nothing; fastest in the block that is filled now.
   *
   * @typeParam V Type of the view, inferred.
   * @param cursor A view of a record.
   * @param address Address of bytes that are given out, as many as that view's struct has.
   * @returns The view.
   * @throws {InvalidAddressError} when they are not given out, or not aligned for it; the view stays where it is.
   * @throws {TypeError} when it is no view of a record.
   * @throws {DisposedError} after `dispose`.
   */
  override seek<V extends object>(cursor: V, address: number): V {
    const view = cursor as unknown as RecordView;
    const struct = view?._s;
    const block = this._block;
    const at = address - block.base;
    if (
      struct === undefined || address >>> 0 !== address || at < 0 || block.u8.length === 0 ||
      at + struct.size > block.top || (at & struct.align - 1) !== 0
    ) {
      return super.seek(cursor, address);
    }
    block.bind(view, at);
    return cursor;
  }

  // -- taking back --

  /**
   * Tells where the arena stands, for {@linkcode rewind}, in O(1).
   *
   * @returns A number that means nothing but to this arena.
   * @throws {DisposedError} after `dispose`.
   */
  mark(): number {
    this._checkAlive();
    this._marked = this._before + this._block.top;
    return this._firstMark + this._marked;
  }

  /**
   * Takes back what was given out since a mark, and keeps the memory, within the bounds that {@linkcode Arena} tells. What
   * was given out since is filled with zeros, which takes as long as a memory can be filled.
   *
   * A mark is void once the arena was rewound to before it. That shows while the arena stands below it, and not any more
   * when it has grown past it again.
   *
   * @param mark What {@linkcode mark} returned.
   * @throws {RangeError} when it is no mark of this arena, or is beyond where the arena stands.
   * @throws {DisposedError} after `dispose`.
   *
   * @example Usage
   * ```ts
   * import { Arena } from "@slabs/pool";
   * import { assertEquals } from "@std/assert";
   *
   * using arena = new Arena();
   * const mark = arena.mark();
   * const a = arena.alloc(100);
   * arena.rewind(mark);
   * assertEquals(arena.alloc(100), a);
   * ```
   */
  rewind(mark: number): void {
    this._checkAlive();
    this._checkAttached("rewind");
    const to = mark - this._firstMark;
    const stand = this._before + this._block.top;
    if (!Number.isInteger(mark) || to < 0 || to >= MARK_RANGE) {
      throw this._markError(mark, "is no mark of it");
    }
    if (to > stand) throw this._markError(mark, `is ${to - stand} bytes beyond where it stands`);
    if (to < stand) this._rewindTo(to);
  }

  /**
   * Takes back everything that was given out, and keeps the memory, within the bounds that {@linkcode Arena} tells. It is
   * filled with zeros, as far as it was given out.
   *
   * @throws {DisposedError} after `dispose`.
   */
  override reset(): void {
    this._checkAlive();
    this._checkAttached("reset");
    this._rewindTo(0);
  }

  /**
   * Marks where the arena stands, and rewinds it to there at the end of a `using` scope.
   *
   * @returns What does so, once; nothing where the arena was rewound to before it, or disposed of, in the meantime.
   * @throws {DisposedError} after `dispose`.
   *
   * @example Usage
   * ```ts
   * import { Arena } from "@slabs/pool";
   * import { assertEquals } from "@std/assert";
   *
   * using arena = new Arena();
   * for (let frame = 0; frame < 100; frame++) {
   *   using _scope = arena.scope();
   *   arena.allocArray("f64", 1000);
   * }
   * assertEquals(arena.stats().usedBytes, 0);
   * assertEquals(arena.stats().blocks, 1);
   * ```
   */
  scope(): Disposable {
    const marked = this._marked;
    let mark = this.mark();
    return {
      [Symbol.dispose]: () => {
        const stand = this._firstMark + this._before + this._block.top;
        if (!this._isDisposed && mark <= stand) {
          this.rewind(mark);
          if (mark === this._firstMark + this._marked) this._marked = marked; // nobody else has this mark
        }
        mark = Infinity;
      },
    };
  }

  // -- memory --

  /**
   * Gives the blocks back in which nothing is given out.
   *
   * @returns Bytes given back.
   * @throws {DisposedError} after `dispose`.
   */
  trim(): number {
    this._checkAlive();
    const before = this._space.byteLength;
    const kept = this._block.top > 0 ? this._index + 1 : Math.max(this._index, 0);
    for (const block of this._blocks.splice(kept)) this._space.unmount(block);
    if (this._index === kept) this._stepBack();
    return before - this._space.byteLength;
  }

  /**
   * Tells the figures of the arena, in O(1).
   *
   * @param out An object to fill instead of a new one.
   * @returns `out`, or a new object.
   * @throws {DisposedError} after `dispose`.
   */
  override stats(out: Partial<ArenaStats> = {}): ArenaStats {
    this._checkAlive();
    out.byteLength = this._space.byteLength;
    out.usedBytes = this._usedBefore + this._block.top;
    out.peakBytes = Math.max(this._peak, out.usedBytes);
    out.blocks = this._blocks.length;
    return out as ArenaStats; // every member was just set
  }

  /**
   * Writes the whole state of the arena as bytes, in O(`usedBytes`): addresses, what they hold, and where the next bytes will
   * come from.
   *
   * @param into Where to write, starting at a multiple of 8 bytes of its buffer. If it has no room a new array is made.
   * @param options See {@linkcode SnapshotOptions}.
   * @returns `into`, or a new array; what is beyond the snapshot in it is left as it was.
   * @throws {TypeError} when `into` is no `Uint8Array`, or the arena's memory was detached.
   * @throws {RangeError} when `into` starts elsewhere.
   * @throws {DisposedError} after `dispose`.
   *
   * @example Usage
   * ```ts
   * import { Arena } from "@slabs/pool";
   * import { assertEquals } from "@std/assert";
   *
   * using arena = new Arena();
   * const a = arena.alloc(8);
   * arena.bytes(a, 8).fill(7);
   * const saved = arena.snapshot();
   * const b = arena.alloc(100);
   * arena.reset();
   *
   * arena.restore(saved);
   * assertEquals(arena.bytes(a, 8)[0], 7);
   * assertEquals(arena.alloc(100), b);
   * ```
   */
  snapshot(into?: Uint8Array, options: SnapshotOptions = WITH_CHECKSUM): Uint8Array {
    this._checkAlive();
    this._checkAttached("snapshot");
    const written = writeArena(this._books(), this._blockBytes, into, options);
    this._loans?.cut(0); // so that the same calls give the same addresses from here on as after restore()
    return written;
  }

  /**
   * Goes back to a snapshot, in O(`usedBytes`). The addresses of that moment hold what they held, later ones are not given out,
   * marks that this arena gave up to then are valid, and the same calls as then give the same addresses. Blocks that came
   * since are given back. Views and arrays from before must be fetched or moved anew.
   *
   * @param bytes What {@linkcode snapshot} wrote, of this arena or of one that was created in the same way, outside of the
   * arena's own memory; it may be longer. A debug arena, whose addresses no other has, takes its own alone.
   * @throws {SnapshotError} when it is none that the arena can go back to, or the memory resource has no block that lies as the
   * addresses do; nothing changes then.
   * @throws {TypeError} when `bytes` is no `Uint8Array`, or the arena's memory was detached.
   * @throws {OutOfMemoryError} when the memory resource has no block to give; nothing changes then.
   * @throws {DisposedError} after `dispose`.
   */
  restore(bytes: Uint8Array): void {
    this._checkAlive();
    this._checkAttached("restore");
    const { blocks, index, peak, recent } = readArena(this._books(), this._blockBytes, bytes);
    this._blocks = [...blocks];
    this._index = index;
    this._block = blocks[index] ?? NOWHERE;
    this._before = this._usedBefore = 0;
    for (const block of blocks.slice(0, Math.max(index, 0))) {
      this._before += block.byteLength;
      this._usedBefore += block.top;
    }
    this._peak = peak;
    this._recent = recent;
    this._loans?.cut(0);
  }

  /** Gives all memory back. Any later call throws {@linkcode DisposedError}, but `release`; disposing twice is harmless. */
  override dispose(): void {
    this._blocks.length = 0;
    this._index = -1;
    this._block = NOWHERE;
    super.dispose();
  }

  // -- as a memory resource --

  /**
   * Lends memory, as `alloc` does.
   *
   * @param byteLength Bytes wanted, a positive integer.
   * @param align Power of two up to 4096 that `byteOffset` is a multiple of.
   * @returns A region of so many zeroed bytes. It follows the buffer that it is in where that is replaced.
   * @throws {RangeError} when `byteLength` is no positive integer, or `align` no such power of two.
   * @throws {OutOfMemoryError} when the resource has no block to give.
   * @throws {DisposedError} after `dispose`.
   *
   * @example Usage
   * ```ts
   * import { Arena, Pool } from "@slabs/pool";
   * import { assertEquals } from "@std/assert";
   *
   * using level = new Arena();
   * using enemies = new Pool({ hp: "u32" }, { chunksPerBlock: 256, memory: level });
   * enemies.alloc({ hp: 7 });
   * assertEquals(level.stats().usedBytes, 1024);
   * ```
   */
  allocate(byteLength: number, align: number): MemoryRegion {
    this._checkRequest("allocate", byteLength, align);
    const loans = this._loans ??= new Loans();
    const again = loans.take(byteLength, align, this._marked);
    const address = again === undefined
      ? this._bump(byteLength, align)
      : again.block.base + again.at;
    const block = again?.block ?? this._block;
    const at = address - block.base;
    if (again !== undefined) {
      block.u8.fill(0, at, at + byteLength);
      block.endLives(at, at + byteLength);
    }
    const region = new LentRegion(block, address, byteLength);
    loans.lend(region, block, at, again?.position ?? this._before + at);
    return region;
  }

  /**
   * Takes note that a region is not needed any more: `allocate` may lend its bytes again, but those before a mark, or before
   * a snapshot. Otherwise they come back with `reset`, `rewind` or `dispose`; they may have done so already.
   *
   * @param region What {@linkcode allocate} returned, not released before.
   * @throws {InvalidAddressError} when it is no such region.
   */
  release(region: MemoryRegion): void {
    if (this._loans?.release(region)) return;
    throw new InvalidAddressError(
      `Cannot release in ${this._space.label}: the region of ${region?.byteLength} bytes at byte ${region?.byteOffset} is ` +
        "not lent by it, or was released already",
      this.name,
      region?.byteOffset,
    );
  }

  // -- inside --

  /** Takes checked bytes. */
  private _bump(byteLength: number, align: number): number {
    const block = this._block;
    const at = block.alignUp(block.top, align);
    const end = at + byteLength;
    if (end > block.byteLength) return this._bumpNext(byteLength, align);
    block.top = end;
    return block.base + at;
  }

  /** Takes checked bytes from the next block. */
  private _bumpNext(byteLength: number, align: number): number {
    this._advance(byteLength, align);
    return this._bump(byteLength, align);
  }

  /** The rare end of allocRecord: no struct, or no room in the block. */
  private _allocNext(struct: AnyStruct): number {
    this._checkAlive();
    this._checkStruct("allocRecord", struct);
    return this._bumpNext(struct.size, struct.align);
  }

  /** The rare end of allocAt. */
  private _allocNextAt(view: RecordView, struct: AnyStruct): number {
    const address = this._allocNext(struct);
    this._block.bind(view, address - this._block.base);
    return address;
  }

  /** Makes the next block in which so many bytes fit the current one: one that was kept, else a new one. */
  private _advance(byteLength: number, align: number): void {
    // A block that is empty is not passed over: it comes after the one that is taken.
    const next = this._block.top > 0 ? this._index + 1 : Math.max(this._index, 0);
    let found = next;
    for (; found < this._blocks.length; found++) {
      const block = this._blocks[found];
      if (block.alignUp(0, align) + byteLength <= block.byteLength) break;
    }
    const block = this._blocks[found] ?? this._takeBlock(next, byteLength, align);
    found = Math.min(found, this._blocks.length); // some may have gone back
    // By hand, as splice() leaves an array to the collector at each step from block to block.
    for (let i = found; i > next; i--) this._blocks[i] = this._blocks[i - 1];
    this._blocks[next] = block;
    if (next > this._index) this._before += this._block.byteLength;
    this._usedBefore += this._block.top;
    this._index = next;
    this._block = block;
  }

  /** Takes a block from the resource. Those past a position are empty, and too small; what is too much of them goes back. */
  private _takeBlock(next: number, byteLength: number, align: number): Extent {
    const spares = this._blocks.slice(next).sort((a, b) => b.byteLength - a.byteLength);
    const enough = Math.max(this._blockBytes, byteLength);
    // Where there is a large one that does not do, the need grows from frame to frame.
    const isMore = enough > this._blockBytes && spares.length > 0 &&
      spares[0].byteLength > this._blockBytes;
    const wanted = isMore
      ? Math.max(enough, Math.min(enough + (enough >>> 2), MAX_EXTENT_BYTES))
      : enough;
    const used = this._usedBefore + this._block.top + byteLength;
    const most = TAKEN_TIMES * Math.max(used, this._recent) + this._blockBytes;
    let bytes = this._space.byteLength + wanted;
    let count = 0;
    while (count < spares.length && bytes > most) bytes -= spares[count++].byteLength;
    try {
      return this._space.mountInstead(spares.slice(0, count), wanted, align);
    } catch (error) {
      const isLast = wanted === enough && count === spares.length || enough > MAX_EXTENT_BYTES;
      if (isLast || !(error instanceof OutOfMemoryError)) throw error;
      return this._space.mountInstead(spares.filter(isThere), enough, align);
    } finally {
      if (spares.length > 0) this._sweep();
    }
  }

  /** Forgets the blocks that went back, all of them empty. */
  private _sweep(): void {
    if (this._blocks.every(isThere)) return;
    this._blocks = this._blocks.filter(isThere);
    if (this._blocks[this._index] === this._block) return;
    if (this._index < this._blocks.length) this._block = this._blocks[this._index];
    else this._stepBack();
  }

  /** Makes the block before the current one the current one, if there is one. */
  private _stepBack(): void {
    this._block = --this._index < 0 ? NOWHERE : this._blocks[this._index];
    this._before -= this._block.byteLength;
    this._usedBefore -= this._block.top;
  }

  /** Takes back what was given out past a position: a number of bytes, the ends of blocks counted. */
  private _rewindTo(to: number): void {
    const used = this._usedBefore + this._block.top;
    this._peak = Math.max(this._peak, used);
    const over = this._recent - used;
    this._recent = over > 0 ? this._recent - (over >>> FADING_SHIFT) : used;
    const most = KEPT_TIMES * this._recent + this._blockBytes;
    const last = this._index;
    const needed = this._space.byteLength > most ? this._neededBytes(to) + this._blockBytes : 0;
    while (to < this._before) {
      cut(this._block, 0);
      this._stepBack();
    }
    cut(this._block, to - this._before);
    if (to < this._marked) this._marked = to;
    if (this._loans !== undefined) this._loans.cut(to);
    if (needed > 0) this._giveBack(Math.max(most, needed), last);
  }

  /** Bytes of the blocks that the last round would take anew, in place of those that a rewind to a position empties. */
  private _neededBytes(to: number): number {
    let needed = 0;
    let before = this._before;
    let i = this._index;
    for (; i > 0 && to <= before; before -= this._blocks[--i].byteLength) {
      needed += this._wantOf(this._blocks[i]);
    }
    const block = this._blocks[i] ?? NOWHERE;
    return needed + before + (to > before ? block.byteLength : this._wantOf(block));
  }

  /** Bytes that a block would have that was taken for what is in one. */
  private _wantOf({ byteLength, top }: Extent): number {
    return Math.min(byteLength, Math.max(top, this._blockBytes));
  }

  /**
   * Gives empty blocks back as long as there are more bytes than some: those first that were not used in the last round,
   * the one that was used longest ago before others, then the largest.
   */
  private _giveBack(most: number, lastUsed: number): void {
    const first = this._block.top > 0 ? this._index + 1 : Math.max(this._index, 0);
    const used = this._blocks.slice(first, lastUsed + 1);
    const unused = this._blocks.slice(Math.max(first, lastUsed + 1));
    used.sort((a, b) => a.byteLength - b.byteLength);
    for (const blocks of [unused, used]) {
      while (this._space.byteLength > most && blocks.length > 0) this._space.unmount(blocks.pop()!); // it has one
    }
    this._sweep();
  }

  /**
   * Finds the memory of a range of bytes: any that are given out.
   *
   * @internal
   */
  protected override _check(
    verb: string,
    address: number,
    byteLength: number,
    align: number,
  ): Extent {
    const block = this._space.find(address);
    const at = address - block.base;
    if (at >= 0 && at + byteLength <= block.top && (address & align - 1) === 0) return block;
    this._checkAlive();
    throw this._addressError(
      verb,
      address,
      (address & align - 1) !== 0
        ? `is no multiple of ${align}`
        : `does not hold ${byteLength} bytes, ${
          Math.max(0, block.top - at)
        } are given out from there on`,
    );
  }

  /** All that it keeps, for who looks inside. */
  private _books(): ArenaBooks {
    return {
      name: this.name,
      space: this._space,
      blocks: this._blocks,
      block: this._block,
      index: this._index,
      before: this._before,
      usedBefore: this._usedBefore,
      peak: this._peak,
      recent: this._recent,
    };
  }

  /** The error for a mark. */
  private _markError(mark: number, problem: string): RangeError {
    return new RangeError(
      `Cannot rewind in ${this._space.label}: mark ${showValue(mark)} ${problem}`,
    );
  }
}

noteOwn(Arena.prototype);

/** Whether a block was not given back. */
function isThere(block: Extent): boolean {
  return block.region !== undefined;
}

/** Ends what is given out of a block at an offset, and fills what was beyond with zeros. */
function cut(block: Extent, top: number): void {
  if (top >= block.top) return;
  block.u8.fill(0, top, block.top);
  block.endLives(top, block.top);
  block.top = top;
}
