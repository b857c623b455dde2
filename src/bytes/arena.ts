/**
 * `Arena`: allocates in order, and frees everything at once.
 *
 * @module
 */
import { AddressSpace, type Extent, NO_EXTENT } from "./address_space.ts";
import { arenas } from "./metadata.ts";
import { checkByteOptions, checkExtentBytes, checkSource, MAX_EXTENT_BYTES } from "./checks.ts";
import { showValue } from "../messages/show.ts";
import { noteOwn } from "../slab/own_functions.ts";
import { ArenaRegions, InnerRegion } from "./regions.ts";
import type { RecordView } from "../struct/view.ts";
import {
  ByteAllocator,
  type ByteAllocatorOptions,
  type ByteAllocatorStats,
} from "./byte_allocator.ts";
import { OutOfMemoryError } from "../errors.ts";
import { heapMemory, type MemoryRegion, type MemoryResource } from "../memory/resource.ts";
import type { AnyStruct, Init } from "../struct/schema.ts";

/**
 * Options of an {@linkcode Arena}; each may be left out.
 *
 * @category Byte allocators
 */
export interface ArenaOptions extends ByteAllocatorOptions {
  /**
   * Bytes of a block, 64 to 2^30. A larger allocation gets a block of its own, with a quarter more
   * room if an earlier one like it turned out to be too small. @default {65536}
   */
  readonly blockBytes?: number | undefined;
}

/**
 * Statistics of an arena.
 *
 * @category Byte allocators
 */
export interface ArenaStats extends ByteAllocatorStats {
  /** Allocated bytes and the padding between them; unused ends of blocks do not count. */
  usedBytes: number;
  /** The most that `usedBytes` was. */
  peakBytes: number;
  /** Blocks taken from the resource. */
  blocks: number;
}

/** A mark is `owner × 2^32 + position`, with one of 2^20 owners: below 2^53. */
const MARK_OWNERS = 0x10_0000;
const MARK_RANGE = 0x1_0000_0000;

/** A rewind keeps at most this many times the recent need, plus a block. */
const KEPT_TIMES = 4;
/** The same bound while a block is taken. */
const TAKEN_TIMES = 3.5;

/** At each rewind, the recent need drops by 1/2^8 of its excess over the current one. */
const FADING_SHIFT = 8;

let arenaCount = 0;

/** A scope that has not ended. */
interface Scope {
  /** The position that it rewinds to. */
  readonly to: number;
  /** Whether the program has since taken a mark at this position, which outlives the scope. */
  isMarked: boolean;
  /** The highest marked position before the scope, which is that again after it. */
  marked: number;
}

/**
 * Allocates in order, and frees everything at once: the fastest allocator, which cannot free a
 * single allocation.
 *
 * Use it for data that dies together: the scratch data of a frame, a request, a parse tree. For
 * data that dies one by one use a `Pool` or a `FreeListAllocator`.
 *
 * A rewind keeps memory for the next round: at most four times the most that was allocated
 * recently, plus a block. So frames of equal need take nothing from the resource and release
 * nothing, even if large and small ones alternate. After one frame that needs far more than the
 * others, the memory comes down within some hundred rewinds: a past need counts half after 180 of
 * them. `trim` releases all unused blocks at once.
 *
 * Views and arrays from before a `reset` or a `rewind` that freed their memory are invalid: they
 * read and write whatever is allocated there next.
 *
 * An arena has no metadata for single allocations. So `view`, `array`, `bytes` and `seek` accept
 * any address of allocated bytes, even one inside an allocation.
 *
 * It is a memory resource too: a pool can live in one. Released regions are reused for regions
 * only; all other memory comes back with `reset`, `rewind` or `dispose`, after which the pool must
 * not be used.
 *
 * @category Byte allocators
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
 * } // freed here
 * assertEquals(arena.stats().usedBytes, Vec2.size);
 * ```
 */
export class Arena extends ByteAllocator implements MemoryResource {
  private readonly _blockBytes: number;
  /** The blocks in the order of use. Those past the current one are empty and zeroed. */
  private _blocks: Extent[] = [];
  /** Index of the current block; -1 before there is one. */
  private _index = -1;
  /** The current block, for the next bytes. */
  private _block: Extent = NO_EXTENT;
  /** Bytes of the blocks before the current one, and how many of them are allocated. */
  private _before = 0;
  private _usedBefore = 0;
  /**
   * The most bytes that were allocated at a rewind; `stats` takes the current ones into account.
   */
  private _peak = 0;
  /** The most bytes that were allocated at a recent rewind; it bounds the memory that is kept. */
  private _recent = 0;
  /** The mark of position 0. */
  private readonly _firstMark: number;
  /** The highest marked position; a rewind to before it lowers it. */
  private _marked = 0;
  /** The scopes that have not ended, by the position that they rewind to. */
  private readonly _scopes: Scope[] = [];
  /** The regions that it allocated as a memory resource; `undefined` before the first. */
  private _regions: ArenaRegions | undefined;

  /**
   * Creates an arena without blocks: the first `alloc` takes one.
   *
   * @param options See {@linkcode ArenaOptions}.
   * @throws {RangeError} when `blockBytes` is out of its range.
   * @throws {TypeError} when an option is unknown or has the wrong type.
   */
  constructor(options: ArenaOptions = {}) {
    noteOwn(Arena.prototype); // before the memory resource is called
    checkByteOptions("Arena", "arena", options, { blockBytes: true });
    const { name = "arena", memory = heapMemory, blockBytes = 65536, debug } = options;
    const label = checkSource("Arena", name, memory, debug);
    checkExtentBytes(label, "blockBytes", blockBytes);
    const mode = debug || undefined;
    const keeper = mode?.keeperFor(label, name);
    super(name, new AddressSpace(label, memory, blockBytes, false, keeper), mode);
    this._blockBytes = blockBytes;
    this._firstMark = (1 + arenaCount++ % MARK_OWNERS) * MARK_RANGE;
    arenas.add(this);
    this._traceCalls(Arena.prototype);
  }

  // -- allocating --

  /**
   * Allocates zeroed bytes, in O(1). At the end of a block it goes on in the next one, or takes
   * another from the resource.
   *
   * @param byteLength Bytes, a positive integer.
   * @param align Power of two up to 4096 that the address is a multiple of.
   * @returns Their address.
   * @throws {RangeError} when `byteLength` is no positive integer, or `align` no such power of two.
   * @throws {OutOfMemoryError} when the resource has no memory for a block.
   * @throws {DisposedError} after `dispose`.
   */
  override alloc(byteLength: number, align: number = 8): number {
    this._checkRequest("alloc", byteLength, align);
    return this._bump(byteLength, align);
  }

  /**
   * Allocates a zeroed record and writes its fields, in O(1).
   *
   * In the hottest loops use {@linkcode allocAt} and write through the cursor instead: that needs
   * no object and no look-up by name.
   *
   * @typeParam S Struct type, inferred.
   * @param struct Struct of the record.
   * @param init Fields to set; those left out stay zero.
   * @returns Its address.
   * @throws {TypeError} when `struct` is no struct, or `init` has an unknown field or a value of
   * the wrong type.
   * @throws {OutOfMemoryError} when the resource has no memory for a block.
   * @throws {DisposedError} after `dispose`.
   */
  override allocRecord<S extends AnyStruct>(struct: S, init?: Init<S>): number {
    if (init !== undefined || struct === undefined) {
      return this._allocWith(struct, init as Init<S>); // throws if there is no struct
    }
    const block = this._block;
    // Every base is a multiple of 8, and no record needs more.
    const at = block.top + struct.align - 1 & -struct.align;
    const end = at + struct.size;
    // The array of a detached block has no length.
    if (!(end <= block.u8.length)) return this._allocNext("allocRecord", struct);
    block.top = end;
    return block.base + at;
  }

  /**
   * Allocates a zeroed record and binds a view to it, in O(1): the fastest way to create a record.
   *
   * @param cursor A view of a record, from `cursor`.
   * @returns Address of the new record.
   * @throws {TypeError} when it is no such view.
   * @throws {OutOfMemoryError} when the resource has no memory for a block; the view stays bound as
   * it was.
   * @throws {DisposedError} after `dispose`.
   */
  override allocAt(cursor: object): number {
    const view = cursor as RecordView;
    const struct = view?._s;
    const block = this._block;
    if (struct === undefined) throw this._cursorError("allocAt");
    const at = block.top + struct.align - 1 & -struct.align;
    const end = at + struct.size;
    if (end > block.u8.length) return this._allocNextAt(view, struct);
    block.top = end;
    block.bind(view, at);
    return block.base + at;
  }

  /**
   * Binds a view to a record, in O(1), without allocating; fastest in the current block.
   *
   * @typeParam V Type of the view, inferred.
   * @param cursor A view of a record.
   * @param address Address of as many allocated bytes as the view's struct has.
   * @returns The view.
   * @throws {InvalidAddressError} when the bytes are not allocated, or not aligned; the view stays
   * bound as it was.
   * @throws {TypeError} when it is no view of a record.
   * @throws {DisposedError} after `dispose`.
   */
  override seek<V extends object>(cursor: V, address: number): V {
    const view = cursor as unknown as RecordView;
    const struct = view?._s;
    const block = this._block;
    if (typeof address !== "number") return super.seek(cursor, address);
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

  // -- freeing --

  /**
   * Marks the current position, for {@linkcode rewind}, in O(1).
   *
   * @returns A number that has a meaning for this arena only.
   * @throws {DisposedError} after `dispose`.
   */
  mark(): number {
    this._checkAlive();
    const at = this._marked = this._before + this._block.top;
    const scopes = this._scopes;
    for (let i = scopes.length - 1; i >= 0 && scopes[i].to === at; i--) {
      if (scopes[i].isMarked) break; // and so are those below it
      scopes[i].isMarked = true;
    }
    return this._firstMark + at;
  }

  /**
   * Frees all that was allocated since a mark, in the time to fill it with zeros. Memory is kept
   * within the bounds in {@linkcode Arena}.
   *
   * A rewind to before a mark makes the mark invalid. That is detected until the arena has grown
   * past the mark again.
   *
   * @param mark What {@linkcode mark} returned.
   * @throws {RangeError} when it is no mark of this arena, or is beyond the current position.
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
    const to = Number.isInteger(mark) ? mark - this._firstMark : -1;
    const position = this._before + this._block.top;
    if (to < 0 || to >= MARK_RANGE) throw this._markError(mark, "is no mark of it");
    if (to > position) {
      throw this._markError(mark, `is ${to - position} bytes past its position`);
    }
    if (to < position) this._rewindTo(to);
  }

  /**
   * Frees all allocations, in the time to fill them with zeros. Memory is kept within the bounds in
   * {@linkcode Arena}.
   *
   * @throws {DisposedError} after `dispose`.
   */
  override reset(): void {
    this._checkAlive();
    this._checkAttached("reset");
    this._rewindTo(0);
  }

  /**
   * Marks the current position, and rewinds to it at the end of a `using` scope.
   *
   * @returns An object whose disposal rewinds the arena once, unless it was rewound to before the
   * mark or disposed in the meantime.
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
    this._checkAlive();
    const to = this._before + this._block.top;
    const scope: Scope = { to, isMarked: false, marked: this._marked };
    this._marked = to;
    this._scopes.push(scope);
    return {
      [Symbol.dispose]: () => {
        const i = this._scopes.lastIndexOf(scope);
        if (i < 0) return; // it was rewound to before the mark, or the scope has ended
        if (!this._isDisposed) this._checkAttached("rewind");
        this._scopes.splice(i, 1);
        const position = this._before + this._block.top;
        if (this._isDisposed || to > position) return;
        if (to < position) this._rewindTo(to);
        if (scope.isMarked || to !== this._marked) return;
        // The program has no valid mark from here on, but may have a later scope at this position.
        const later = this._scopes[i];
        if (later === undefined) this._marked = scope.marked;
        else later.marked = scope.marked;
      },
    };
  }

  // -- memory --

  /**
   * Releases the blocks without allocations.
   *
   * @returns Bytes released.
   * @throws {DisposedError} after `dispose`.
   */
  trim(): number {
    this._checkAlive();
    if (this._space.isCalling) return 0; // the memory resource calls, in the middle of a change
    const before = this._space.byteLength;
    const kept = this._nextIndex();
    const regions = this._space.withdraw(this._blocks.splice(kept));
    if (this._index === kept) this._stepBack();
    const after = this._space.byteLength;
    this._space.release(regions);
    return before - after;
  }

  /**
   * Returns statistics of the arena, in O(1).
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
    return out as ArenaStats; // every member was set above
  }

  /**
   * Releases all memory. Any later call but `release` throws {@linkcode DisposedError}; disposing
   * twice is harmless.
   */
  override dispose(): void {
    this._checkIdle("dispose of");
    this._blocks.length = 0;
    this._index = -1;
    this._block = NO_EXTENT;
    super.dispose();
  }

  // -- as a memory resource --

  /**
   * Allocates a region, as `alloc` does.
   *
   * @param byteLength Bytes, a positive integer.
   * @param align Power of two up to 4096 that `byteOffset` is a multiple of.
   * @returns A region of that many zeroed bytes. Its `buffer` follows a wasm memory that grows.
   * @throws {RangeError} when `byteLength` is no positive integer, or `align` no such power of two.
   * @throws {OutOfMemoryError} when the resource has no memory for a block.
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
    const regions = this._regions ??= new ArenaRegions();
    const reused = regions.reuse(byteLength, align, this._marked);
    const address = reused === undefined
      ? this._bump(byteLength, align)
      : reused.block.base + reused.at;
    const block = reused?.block ?? this._block;
    const at = address - block.base;
    if (reused !== undefined) {
      block.u8.fill(0, at, at + byteLength);
      block.endEpoch(at, at + byteLength);
    }
    const region = new InnerRegion(block, address, byteLength);
    regions.add(region, block, at, reused?.position ?? this._before + at);
    return region;
  }

  /**
   * Releases a region. `allocate` may reuse its bytes, unless they are before a mark or a snapshot.
   * Otherwise they come back with `reset`, `rewind` or `dispose`, or did so already.
   *
   * @param region What {@linkcode allocate} returned, not released before.
   * @throws {InvalidAddressError} when it is no such region.
   */
  release(region: MemoryRegion): void {
    if (!this._regions?.release(region)) throw this._regionError(region);
  }

  // -- inside --

  /** Allocates bytes. The arguments were checked. */
  private _bump(byteLength: number, align: number): number {
    const block = this._block;
    const at = block.alignUp(block.top, align);
    const end = at + byteLength;
    if (end > block.byteLength) return this._bumpNext(byteLength, align);
    block.top = end;
    return block.base + at;
  }

  /** Allocates bytes in the next block. */
  private _bumpNext(byteLength: number, align: number): number {
    this._advance(byteLength, align);
    return this._bump(byteLength, align);
  }

  /** The slow path: `struct` is no struct, or the block has no room or is detached. */
  private _allocNext(verb: string, struct: AnyStruct): number {
    this._checkAlive();
    this._checkStruct(verb, struct);
    this._checkAttached(verb);
    return this._bumpNext(struct.size, struct.align);
  }

  /** The slow path of allocAt(). */
  private _allocNextAt(view: RecordView, struct: AnyStruct): number {
    const address = this._allocNext("allocAt", struct);
    this._block.bind(view, address - this._block.base);
    return address;
  }

  /** Index for the next block. An empty current block is not skipped: it moves behind the next. */
  private _nextIndex(): number {
    return this._block.top > 0 ? this._index + 1 : Math.max(this._index, 0);
  }

  /** Goes on in the next block with room: one that was kept, else a new one. */
  private _advance(byteLength: number, align: number): void {
    let next = this._nextIndex();
    let found = byteLength > this._blockBytes && this._areSmall(next) ? this._blocks.length : next;
    for (; found < this._blocks.length; found++) {
      const block = this._blocks[found];
      if (isMapped(block) && block.alignUp(0, align) + byteLength <= block.byteLength) break;
    }
    if (found === this._blocks.length) {
      const block = this._takeBlock(next, byteLength, align);
      next = this._nextIndex(); // blocks may have been released, and the resource may call back
      this._blocks.splice(next, 0, block);
    } else {
      const block = this._blocks[found];
      // Not splice(), which would allocate an array each time.
      for (let i = found; i > next; i--) this._blocks[i] = this._blocks[i - 1];
      this._blocks[next] = block;
    }
    if (next > this._index) this._before += this._block.byteLength;
    this._usedBefore += this._block.top;
    this._index = next;
    this._block = this._blocks[next];
  }

  /** Whether no block from `next` on is larger than usual; none is smaller. */
  private _areSmall(next: number): boolean {
    const used = this._before + (next > this._index ? this._block.byteLength : 0);
    return this._space.byteLength - used === (this._blocks.length - next) * this._blockBytes;
  }

  /**
   * Takes a block from the resource. The blocks from `next` on are empty and too small; as many of
   * them are released as the bound on kept memory demands. None is where the resource calls in the
   * middle of such a change.
   */
  private _takeBlock(next: number, byteLength: number, align: number): Extent {
    const enough = Math.max(this._blockBytes, byteLength);
    // A large block that is too small shows that the need grows from frame to frame.
    const isMore = enough > this._blockBytes && !this._areSmall(next);
    const wanted = isMore
      ? Math.max(enough, Math.min(enough + (enough >>> 2), MAX_EXTENT_BYTES))
      : enough;
    const used = this._usedBefore + this._block.top + byteLength;
    const most = TAKEN_TIMES * Math.max(used, this._recent) + this._blockBytes;
    let excess = this._space.byteLength + wanted - most;
    const { isCalling } = this._space;
    const spares = excess > 0 && !isCalling ? this._blocks.slice(next) : [];
    spares.sort((a, b) => b.byteLength - a.byteLength);
    let count = 0;
    for (; excess > 0 && count < spares.length; count++) excess -= spares[count].byteLength;
    const isAll = count === this._blocks.length - next;
    let mayRelease = count > 0;
    // An empty block that may be released takes no allocations while the resource calls.
    const current = this._block;
    if (current.top === 0) this._block = NO_EXTENT;
    try {
      return this._space.mapInstead(spares.slice(0, count), wanted, align);
    } catch (error) {
      const isLast = wanted === enough && isAll || enough > MAX_EXTENT_BYTES;
      if (isLast || isCalling || !(error instanceof OutOfMemoryError)) throw error;
      mayRelease = true;
      const left = this._blocks.slice(this._nextIndex()).filter(isMapped);
      return this._space.mapInstead(left, enough, align);
    } finally {
      if (this._blocks[this._index] === current) this._block = current;
      if (mayRelease) this._removeReleased();
    }
  }

  /** Removes blocks that were released, all of them empty. */
  private _removeReleased(): void {
    if (this._blocks.every(isMapped)) return;
    this._blocks = this._blocks.filter(isMapped);
    if (this._blocks[this._index] === this._block) return;
    if (this._index < this._blocks.length) this._block = this._blocks[this._index];
    else this._stepBack();
  }

  /** Makes the block before the current one current, or none. */
  private _stepBack(): void {
    this._block = --this._index < 0 ? NO_EXTENT : this._blocks[this._index];
    this._before -= this._block.byteLength;
    this._usedBefore -= this._block.top;
  }

  /** Frees all past a position, which is a number of bytes that includes unused ends of blocks. */
  private _rewindTo(to: number): void {
    const used = this._usedBefore + this._block.top;
    this._peak = Math.max(this._peak, used);
    const over = this._recent - used;
    this._recent = over > 0 ? this._recent - (over >>> FADING_SHIFT) : used;
    const most = KEPT_TIMES * this._recent + this._blockBytes;
    const last = this._index;
    const needed = this._space.byteLength > most ? this._neededBytes(to) + this._blockBytes : 0;
    while (to < this._before) {
      truncate(this._block, 0);
      this._stepBack();
    }
    truncate(this._block, to - this._before);
    this._forget(to);
    if (this._regions !== undefined) this._regions.truncate(to);
    // Not while the memory resource calls, in the middle of a change.
    if (needed > 0 && !this._space.isCalling) this._releaseEmpty(Math.max(most, needed), last);
  }

  /** Forgets marks and scopes past a position. */
  private _forget(to: number): void {
    if (to < this._marked) this._marked = to;
    const scopes = this._scopes;
    while (scopes.length > 0 && scopes[scopes.length - 1].to > to) scopes.length--;
  }

  /** Bytes of the blocks up to a position, and of those that the same round would take again. */
  private _neededBytes(to: number): number {
    let needed = 0;
    let before = this._before;
    let i = this._index;
    for (; i > 0 && to <= before; before -= this._blocks[--i].byteLength) {
      needed += this._wantOf(this._blocks[i]);
    }
    const block = this._blocks[i] ?? NO_EXTENT;
    return needed + before + (to > before ? block.byteLength : this._wantOf(block));
  }

  /** Bytes that a block would have if it were taken for the allocations that are in this one. */
  private _wantOf({ byteLength, top }: Extent): number {
    return Math.min(byteLength, Math.max(top, this._blockBytes));
  }

  /**
   * Releases empty blocks while there are more than `most` bytes: first those that the last round
   * did not use, starting with the one that was unused longest, then the largest.
   */
  private _releaseEmpty(most: number, lastUsed: number): void {
    const first = this._nextIndex();
    const used = this._blocks.slice(first, lastUsed + 1);
    const unused = this._blocks.slice(Math.max(first, lastUsed + 1));
    used.sort((a, b) => a.byteLength - b.byteLength);
    const kept = [...used, ...unused];
    const released: Extent[] = [];
    let bytes = this._space.byteLength;
    while (bytes > most && kept.length > 0) {
      const block = kept.pop()!; // there is one
      released.push(block);
      bytes -= block.byteLength;
    }
    const regions = this._space.withdraw(released);
    this._removeReleased();
    this._space.release(regions);
  }

  /**
   * Finds the block of a range of bytes, all of which must be allocated.
   *
   * @ignore
   */
  protected override _check(
    verb: string,
    address: number,
    byteLength: number,
    align: number,
  ): Extent {
    this._checkNumber(verb, address);
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
        } are allocated from there on`,
    );
  }

  /** The error for an invalid mark. */
  private _markError(mark: number, problem: string): RangeError {
    return new RangeError(
      `Cannot rewind in ${this._space.label}: mark ${showValue(mark)} ${problem}`,
    );
  }
}

/** Whether a block was not released. */
function isMapped(block: Extent): boolean {
  return block.region !== undefined;
}

/** Frees the bytes of a block from an offset on, and fills them with zeros. */
function truncate(block: Extent, top: number): void {
  if (top >= block.top) return;
  block.u8.fill(0, top, block.top);
  block.endEpoch(top, block.top);
  block.top = top;
}
