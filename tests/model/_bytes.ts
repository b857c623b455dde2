/**
 * The model of the byte allocators: an arena, a stack or a heap beside a list of what is allocated.
 * It knows what each allocation must hold, and where it must lie, which it derives from the blocks
 * and chunks in `src/`. The soak plays it, and so do the tests.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  Arena,
  debug,
  FreeListAllocator,
  InvalidAddressError,
  LeakError,
  OutOfMemoryError,
  StackAllocator,
  StaleHandleError,
  validate,
} from "../../mod.ts";
import type { AnyStruct, ByteAllocatorOptions, Fit, MemoryRegion } from "../../mod.ts";
import { addressOf, endOf, unitOf } from "../../src/bytes/chunks.ts";
import { type Heap, heaps } from "../../src/bytes/heap.ts";
import { arenaMetadata } from "../../src/bytes/read_metadata.ts";
import { FITS, spaceOf } from "../bytes/_support.ts";
import { type ErrorClass, untyped } from "../_support.ts";
import { ALLOCATING, BYTE_OPERATIONS, type Operation } from "./_byte_operations.ts";
import { OUT_OF_MEMORY, Source, type SourceKind, SOURCES } from "./_memories.ts";
import type { AnyPool as Members } from "./_model.ts";
import { Random } from "../_random.ts";
import type { Maker, Player } from "./_soak.ts";
import { isSame, valueOf } from "./_values.ts";

/** What is modelled. */
interface ByteSetting {
  /** A key of {@linkcode BYTE_KINDS}. */
  readonly kind: string;
  readonly memory: SourceKind;
  readonly debug: boolean;
  /** Bytes of a block, or of the first extent. */
  readonly byteLength: number;
  /** Whether a heap can grow. */
  readonly grow: boolean;
  /** Live allocations at the most. */
  readonly maxLive: number;
}

type Options = Pick<ByteSetting, "byteLength" | "grow"> & ByteAllocatorOptions;

/** Every byte allocator, with every fit. */
export const BYTE_KINDS: Readonly<Record<string, (options: Options) => object>> = {
  "Arena": ({ byteLength, grow: _, ...rest }) => new Arena({ ...rest, blockBytes: byteLength }),
  "StackAllocator": ({ grow: _, ...rest }) => new StackAllocator(rest),
  ...Object.fromEntries(FITS.map((kind) => [
    `FreeListAllocator (${kind.fit} fit, ${kind.index})`,
    (options: Options) => new FreeListAllocator({ ...options, ...kind }),
  ])),
};

/** Each fit takes, of the free chunks with room, the first of those for which this is highest. */
const RANKS: Readonly<Record<Fit, (bytes: number, isPastRover: boolean) => number>> = {
  first: () => 0,
  next: (_, isPastRover) => Number(isPastRover),
  best: (bytes) => -bytes,
  worst: (bytes) => bytes,
};

/** An allocation. It is replaced when it is written to, so that a list of them is a state. */
export interface Held {
  readonly address: number;
  readonly align: number;
  /** What its bytes must be. */
  readonly bytes: Uint8Array;
  /** What it is a record of, if it is one. */
  readonly struct?: AnyStruct | undefined;
  /** The region, if it was allocated as one. */
  readonly region?: MemoryRegion;
}

/** A mark of an arena or a scope that has not ended, and what was live there. */
export interface Guard {
  readonly to: number;
  readonly live: ReadonlySet<number>;
  readonly isScope: boolean;
  rewind(): void;
  /** Whether the arena was before that position since: then a scope does nothing at its end. */
  isOver: boolean;
}

/** A byte allocator and what it must hold. */
export class ByteModel implements Player {
  readonly setting: ByteSetting;
  readonly source: Source;
  readonly allocator: Members;
  /** Its chunks, if it is a `FreeListAllocator`. */
  readonly heap: Heap | undefined;
  readonly isArena: boolean;
  /** Whether memory may run out. */
  readonly isBounded: boolean;
  readonly #operations: Readonly<Record<string, Operation>>;
  /** The oldest first. */
  held: readonly Held[] = [];
  /** The addresses that were freed last. */
  freed: readonly number[] = [];
  guards: readonly Guard[] = [];
  /** A snapshot of an arena. */
  saved?: Pick<ByteModel, "held" | "guards" | "peak"> & { bytes: Uint8Array; to: number };
  /** The most bytes that were in use. */
  peak = 0;
  /** The most bytes that were in use with headers and alignments. */
  #most = 0;
  /** The unit where the last allocation ended. */
  rover = 0;
  /** How many allocations there should be for now: allocators fill and empty in turn. */
  #level = 0;
  #serial = 0;

  constructor(setting: ByteSetting) {
    const { kind, memory, maxLive: _, ...options } = this.setting = setting;
    this.source = new Source(memory);
    const own = { debug: setting.debug && debug, memory: this.source.ledger };
    const allocator = BYTE_KINDS[kind]({ ...options, ...own });
    this.allocator = untyped<Members>(allocator);
    this.heap = heaps.get(allocator);
    this.isArena = allocator instanceof Arena;
    this.isBounded = this.source.isTight || !(this.isArena || this.heap && setting.grow);
    this.#operations = BYTE_OPERATIONS[allocator.constructor.name];
  }

  get live(): number {
    return this.held.length;
  }

  /** Bytes that the live allocations asked for. */
  get heldBytes(): number {
    return this.held.reduce((sum, { bytes }) => sum + bytes.length, 0);
  }

  step(random: Random): string {
    const { maxLive } = this.setting;
    if (random.oneIn(maxLive)) this.#level = random.below(maxLive);
    const freeing = this.isArena ? ["rewind", "mark", "beginScope", "alloc"] : ["free"];
    const names = random.oneIn(3)
      ? Object.keys(this.#operations)
      : this.live < this.#level
      ? ALLOCATING
      : freeing;
    const name = random.pick(names);
    if (RARE.includes(name) && !random.oneIn(30)) return "nothing";
    const said = this.play(name, random.bits());
    if (said === OUT_OF_MEMORY && random.oneIn(4)) this.#level = random.below(this.live + 1);
    return said;
  }

  /** Does an operation; returns its name, or that there was no memory for it. */
  play(name: string, seed: number): string {
    const before = this.position();
    try {
      this.#operations[name](this, new Random(seed));
      return name;
    } catch (error) {
      if (!(error instanceof OutOfMemoryError && this.isBounded)) throw error;
      assert(this.position() === before, `${name} threw, and changed something`);
      return OUT_OF_MEMORY;
    } finally {
      const now = this.position();
      this.guards = this.guards.filter(({ to, isScope }) => isScope || to <= now);
      for (const it of this.guards) it.isOver ||= now < it.to;
    }
  }

  /** A number that shows whether a call that threw changed something. */
  position(): number {
    if (!this.isArena) return this.allocator.stats().usedBytes;
    const { before, block } = arenaMetadata(this.allocator)!; // not mark(), which keeps regions
    return before + block.top;
  }

  /** The addresses of two debug allocators differ by a multiple of 2^27. */
  all(): unknown {
    return this.held.map(({ address, bytes }) => [address % 2 ** 27, bytes.length]);
  }

  // -- where an allocation must lie --

  /** The address of the next allocation; undefined where that needs more memory. */
  #expected(byteLength: number, align: number): number | undefined {
    if (this.isArena) {
      const { blocks, block, index } = arenaMetadata(this.allocator)!; // it has metadata
      const found = [block, ...blocks.slice(index + 1)].find((it) =>
        it.alignUp(it.top, align) + byteLength <= it.byteLength
      );
      return found && found.base + found.alignUp(found.top, align);
    }
    if (this.heap !== undefined) return this.#expectedChunk(this.#chunkBytes(byteLength), align);
    const [extent] = spaceOf(untyped(this.allocator)).extents;
    const at = extent.alignUp(this.position() + 8, align);
    return at + byteLength <= extent.byteLength ? extent.base + at : undefined;
  }

  /** The address that the fit demands, found by trying every chunk. */
  #expectedChunk(bytes: number, align: number): number | undefined {
    const { chunks } = this.heap!; // callers have seen it
    const { fit } = FITS.find((it) => this.setting.kind.includes(it.fit))!; // it names one
    let [found, highest]: [number | undefined, number] = [undefined, -Infinity];
    for (const unit of this.#freeChunks()) {
      // At the start of the chunk, or with a chunk of its own before.
      let gap = 0;
      while ((addressOf(unit) + gap) % align !== 0 || gap > 0 && gap < chunks.minBytes) gap += 8;
      const rank = RANKS[fit](chunks.sizeOf(unit), chunks.next(unit) > this.rover);
      const hasRoom = gap + bytes <= chunks.sizeOf(unit);
      if (hasRoom && rank > highest) [found, highest] = [addressOf(unit) + gap, rank];
    }
    return found;
  }

  /** The free chunks of a heap, in the order of their addresses. */
  #freeChunks(): number[] {
    const { chunks, space } = this.heap!; // callers have seen it
    const free: number[] = [];
    for (const extent of space.extents.toSorted((a, b) => a.base - b.base)) {
      for (let unit = extent.firstUnit; unit < endOf(extent); unit = chunks.next(unit)) {
        if (chunks.isFree(unit)) free.push(unit);
      }
    }
    return free;
  }

  #chunkBytes(byteLength: number): number {
    return Math.max(byteLength + 15 & ~7, this.heap!.chunks.minBytes); // callers have seen it
  }

  // -- checks --

  check(): void {
    const { allocator, source, setting, heap } = this;
    validate(allocator);
    for (const it of this.held) this.assertIntact(it);
    const stats = allocator.stats();
    const { usedBytes, peakBytes, byteLength } = stats;
    assertEquals([byteLength, peakBytes], [source.ledger.byteLength, this.peak]);
    assert(this.heldBytes <= usedBytes && usedBytes <= byteLength, `${usedBytes} bytes used`);
    if (!this.isArena) assertEquals(stats.allocations, this.live);
    if (heap !== undefined) {
      const sizes = this.#freeChunks().map((unit) => heap.chunks.sizeOf(unit));
      const largest = Math.max(8, ...sizes) - 8;
      assertEquals([usedBytes, stats.largestFreeBytes], [this.heldBytes, largest]);
    }
    const bound = 6 * this.#most + 2 * setting.byteLength;
    assert(byteLength <= bound, `${byteLength} bytes for ${this.#most}`);
    source.check();
  }

  dispose(): void {
    const { allocator, held, setting } = this;
    if (this.heap !== undefined && !setting.debug) {
      for (const it of held) this.free(it);
      allocator.trim();
      assertEquals(this.source.ledger.byteLength, setting.byteLength);
    }
    if (setting.debug && !this.isArena && this.live > 0) {
      const { leaks } = assertThrows(() => allocator.dispose(), LeakError);
      const addresses = new Set(held.map((it) => it.address));
      assertEquals(new Set(leaks.map(({ handle }) => handle)), addresses);
    } else allocator.dispose();
    this.source.end();
  }

  /** Asserts that an allocation is where it was, and holds what it did. */
  assertIntact({ address, bytes, region }: Held): void {
    const found: Uint8Array = this.allocator.bytes(address, bytes.length);
    if (!this.isArena) assert(this.allocator.sizeOf(address) === bytes.length, "a size");
    if (region !== undefined) {
      assert(region.buffer === found.buffer && region.byteOffset === found.byteOffset, "a region");
    }
    const at = bytes.findIndex((byte, i) => byte !== found[i]);
    assert(at < 0, `byte ${at} at ${address} is ${found[at]}, it was ${bytes[at]}`);
  }

  /** Asserts that a call throws and changes nothing. */
  rejects(call: () => unknown, errorClass: ErrorClass): void {
    const before = this.position();
    assertThrows(call, errorClass);
    assert(this.position() === before, `${call} threw, and changed something`);
  }

  /** The result of a call that may throw only where there is no room. */
  #resultOf(call: () => number, hasRoom: boolean): number {
    try {
      return call();
    } catch (error) {
      assert(!hasRoom, `there was room: ${error}`);
      throw error;
    }
  }

  // -- changes --

  /** Notes the position of an arena, to go back to. */
  guard(isScope: boolean, rewind: () => void): void {
    const live = new Set(this.held.map(({ address }) => address));
    const guard = { to: this.position(), live, isScope, rewind, isOver: false };
    this.guards = [...this.guards, guard];
  }

  /** Allocates where the allocation must lie. */
  take(call: () => number, byteLength: number, asked: number, struct?: AnyStruct): void {
    const align = this.isArena || this.heap ? asked : Math.max(asked, 8); // a stack's is 8
    const expected = this.#expected(byteLength, align);
    const address = this.#resultOf(call, expected !== undefined);
    if (expected !== undefined) assertEquals(address, expected);
    else if (this.isArena) {
      const block = spaceOf(untyped(this.allocator)).find(address);
      assertEquals(address, block.base + block.alignUp(0, align));
      assert(block.byteLength >= this.setting.byteLength, `a block of ${block.byteLength} bytes`);
    } else assert(this.heap && this.setting.grow, `${byteLength} bytes do not fit`);
    this.took({ address, align, struct }, byteLength);
  }

  /** Fills a new allocation, which has to be aligned and zero. */
  took(what: Omit<Held, "bytes">, byteLength: number): void {
    const { address, align } = what;
    const bytes: Uint8Array = this.allocator.bytes(address, byteLength);
    assertEquals([address % align, bytes.byteOffset % align], [0, 0], `alignments to ${align}`);
    assert(bytes.every((byte) => byte === 0), `${byteLength} bytes at ${address} are not zero`);
    this.held = [...this.held, this.filled({ ...what, bytes })];
    this.peak = Math.max(this.peak, this.allocator.stats().usedBytes);
    const need = this.held.reduce((sum, it) => sum + it.bytes.length + it.align + 16, 0);
    this.#most = Math.max(this.#most, need);
    if (this.heap) this.rover = this.heap.chunks.next(unitOf(address));
  }

  /** Reallocates, in place where there is room. */
  resize(some: Held, byteLength: number, asked?: number): void {
    const { chunks } = this.heap!; // callers are operations of heaps
    const { address: before, bytes } = some;
    const align = asked ?? some.align;
    const unit = unitOf(before);
    const next = chunks.next(unit);
    const room = chunks.sizeOf(unit) + (chunks.isFree(next) ? chunks.sizeOf(next) : 0);
    const isInPlace = this.#chunkBytes(byteLength) <= room && before % align === 0;
    const call = () => this.allocator.realloc(before, byteLength, asked);
    const address = this.#resultOf(call, isInPlace);
    assert(!isInPlace || address === before, `moved from ${before} to ${address}`);
    const found: Uint8Array = this.allocator.bytes(address, byteLength);
    const isKept = found.every((byte, i) => byte === (bytes[i] ?? 0));
    assert(isKept, `${byteLength} bytes at ${address} are not what they were`);
    // Both exist while the bytes are copied.
    if (address !== before) this.peak = Math.max(this.peak, this.heldBytes + byteLength);
    const rover = this.rover;
    this.replace(some);
    found.fill(0);
    this.took({ address, align }, byteLength);
    if (address === before) this.rover = rover;
    else this.freed = [before];
  }

  /** Writes the next pattern into an allocation, or a random value into a record. */
  filled(it: Held): Held {
    const { address, struct } = it;
    const serial = this.#serial++;
    const bytes: Uint8Array = this.allocator.bytes(address, it.bytes.length);
    if (struct === undefined) bytes.forEach((_, i) => bytes[i] = serial * 37 + i);
    else {
      const value = valueOf(struct, new Random(serial));
      Object.assign(this.allocator.view(address, struct), value);
      assert(isSame(this.allocator.view(address, struct).toJSON(), value), "a record");
    }
    return { ...it, bytes: bytes.slice() };
  }

  replace(old: Held, ...now: Held[]): void {
    this.held = this.held.flatMap((it) => it === old ? now : [it]);
  }

  /** Frees or releases an allocation. */
  free(some: Held): void {
    const { address, region } = some;
    const { allocator } = this;
    this.end([some], () => region ? allocator.release(region) : allocator.free(address));
    if (region) this.rejects(() => allocator.release(region), InvalidAddressError);
  }

  /**
   * Frees allocations, which must hold what they did; a debug view of one of them throws
   * afterwards.
   */
  end(gone: readonly Held[], free: () => void): void {
    for (const it of gone) this.assertIntact(it);
    const it = this.setting.debug ? gone.find(({ struct }) => struct !== undefined) : undefined;
    const view = it && this.allocator.view(it.address, it.struct);
    free();
    const set = new Set(gone);
    this.held = this.held.filter((it) => !set.has(it));
    this.freed = gone.slice(-4).map(({ address }) => address);
    if (view !== undefined) assertThrows(() => view.toJSON(), StaleHandleError);
  }
}

/** What changes an allocator as a whole. */
const RARE = ["reset", "growMemory", "trim"];

/** Every byte allocator on every memory, in debug mode and without, for the soak. */
export const BYTES: readonly Maker[] = Object.keys(BYTE_KINDS).flatMap((kind) =>
  SOURCES.flatMap((memory) =>
    [false, true].map((debug): Maker => ({
      name: `${kind} on ${memory}${debug ? ", debug" : ""}`,
      turn: debug ? 250 : 1000,
      make: (random) => someByteModel(random, kind, memory, debug, 300),
    }))
  )
);

/** A model of some size. */
export function someByteModel(
  random: Random,
  kind: string,
  memory: SourceKind,
  debug: boolean,
  maxLive: number,
): ByteModel {
  const byteLength = random.pick([64, 250, 1000, 4096, 32_768]);
  return new ByteModel({ kind, memory, debug, byteLength, grow: random.oneIn(2), maxLive });
}
