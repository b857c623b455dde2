/**
 * The model of the byte allocators: random operations on an arena, a stack or a heap, where each
 * allocation must lie, and what it must hold. The soak plays it, and so do the tests.
 *
 * It reads `src/` to know the blocks and chunks, from which it derives where an allocation must
 * lie.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  Arena,
  debug,
  DisposedError,
  FreeListAllocator,
  InvalidAddressError,
  LeakError,
  LifoOrderError,
  OutOfMemoryError,
  restoreArena,
  snapshotArena,
  SnapshotError,
  StackAllocator,
  StaleHandleError,
  validate,
} from "../../mod.ts";
import type { AnyStruct, ByteAllocatorOptions, MemoryRegion } from "../../mod.ts";
import { addressOf, endOf, unitOf } from "../../src/bytes/chunks.ts";
import { type Heap, heaps } from "../../src/bytes/heap.ts";
import { arenaMetadata } from "../../src/bytes/read_metadata.ts";
import { FITS, spaceOf } from "../bytes/_support.ts";
import { type ErrorClass, untyped } from "../_support.ts";
import { OUT_OF_MEMORY, Source, type SourceKind, SOURCES } from "./_memories.ts";
import type { AnyPool as Members } from "./_model.ts";
import { Random } from "../_random.ts";
import type { Maker, Player } from "./_soak.ts";
import { ARRAYS, isSame, makeStructs, merge, someOf, valueOf, zeroOf } from "./_values.ts";

const STRUCTS: readonly AnyStruct[] = Object.values(makeStructs());

/** Addresses of freed allocations that are remembered. */
const MAX_FREED = 64;

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

/** An allocation. It is replaced when it is written to, so that a list of them is a state. */
interface Held {
  readonly address: number;
  readonly align: number;
  /** What its bytes must be. */
  readonly bytes: Uint8Array;
  /** What it is a record of, if it is one. */
  readonly struct?: AnyStruct | undefined;
  /** The region, if it was allocated as one. */
  readonly region?: MemoryRegion;
}

/** A position of an arena, and the addresses that were live there. */
interface Position {
  readonly to: number;
  readonly live: ReadonlySet<number>;
  readonly usedBytes: number;
}

interface Scope extends Position {
  readonly scope: Disposable;
  /** Whether the arena was before that position since; its end does nothing then. */
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
  freed: number[] = [];
  marks: (Position & { readonly mark: number })[] = [];
  /** Scopes that have not ended. */
  scopes: Scope[] = [];
  saved:
    | Pick<ByteModel, "held" | "marks" | "scopes" | "peak"> & { bytes: Uint8Array; to: number }
    | undefined;
  /** The most bytes that were in use. */
  peak = 0;
  /** The most bytes that were in use with headers and alignments. */
  #most = 0;
  /** The unit where the last allocation ended, for the next fit. */
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
    this.#operations = { ...COMMON, ...this.isArena ? ARENA : this.heap ? HEAP : STACK };
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
    const names = random.oneIn(3)
      ? Object.keys(this.#operations)
      : this.live < this.#level
      ? ["alloc", "allocRecord", "allocAt", "allocArray"]
      : this.isArena
      ? ["rewind", "mark", "alloc"]
      : ["free"];
    const name = random.pick(names);
    if (RARE[name] !== undefined && !random.oneIn(RARE[name])) return "nothing";
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
      for (const it of this.scopes) it.isOver ||= this.position() < it.to;
    }
  }

  /** A number that shows whether a call that threw changed something. */
  position(): number {
    if (!this.isArena) return this.allocator.stats().usedBytes;
    const { blocks, block, index } = arenaMetadata(this.allocator)!; // not mark(), which keeps regions
    return blocks.slice(0, index).reduce((sum, it) => sum + it.byteLength, block.top);
  }

  /** The addresses of two debug allocators differ by a multiple of 2^27. */
  all(): unknown {
    return this.held.map(({ address, bytes }) => [address % 2 ** 27, bytes.length]);
  }

  /** The position of an arena, to go back to. */
  here(): Position {
    const live = new Set(this.held.map(({ address }) => address));
    return { to: this.position(), live, usedBytes: this.allocator.stats().usedBytes };
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
    const { kind } = this.setting;
    let [found, size, isPast]: [number | undefined, number, boolean] = [undefined, 0, false];
    for (const unit of this.#freeChunks()) {
      const here = chunks.sizeOf(unit);
      // At the start of the chunk, or with a chunk of its own before.
      let gap = 0;
      while ((addressOf(unit) + gap) % align !== 0 || gap > 0 && gap < chunks.minBytes) gap += 8;
      if (gap + bytes > here) continue;
      const herePast = chunks.next(unit) > this.rover;
      const isBetter = found === undefined || kind.includes("best") && here < size ||
        kind.includes("worst") && here > size || kind.includes("next") && herePast && !isPast;
      if (isBetter) [found, size, isPast] = [addressOf(unit) + gap, here, herePast];
    }
    return found;
  }

  /** The free chunks of a heap, in the order of their addresses. */
  *#freeChunks(): Generator<number> {
    const { chunks, space } = this.heap!; // callers have seen it
    for (const extent of space.extents.toSorted((a, b) => a.base - b.base)) {
      for (let unit = extent.firstUnit; unit < endOf(extent); unit = chunks.next(unit)) {
        if (chunks.isFree(unit)) yield unit;
      }
    }
  }

  #chunkBytes(byteLength: number): number {
    return Math.max(byteLength + 15 & ~7, this.heap!.chunks.minBytes); // callers have seen it
  }

  // -- checks --

  check(): void {
    const { allocator, source, setting, heap } = this;
    validate(allocator);
    for (const it of this.held) {
      this.assertIntact(it);
      if (!this.isArena) assert(allocator.sizeOf(it.address) === it.bytes.length, "a size");
    }
    const stats = allocator.stats({});
    const { usedBytes, peakBytes, byteLength } = stats;
    assertEquals([byteLength, peakBytes], [source.ledger.byteLength, this.peak]);
    assert(this.heldBytes <= usedBytes && usedBytes <= byteLength, `${usedBytes} bytes used`);
    if (!this.isArena) assertEquals(stats.allocations, this.live);
    if (this.live === 0 && !this.isArena) assertEquals(usedBytes, 0);
    if (heap !== undefined) {
      const sizes = [...this.#freeChunks()].map((unit) => heap.chunks.sizeOf(unit));
      const accounted = this.heldBytes + stats.freeBytes + stats.overheadBytes;
      assertEquals([accounted, usedBytes], [byteLength, this.heldBytes]);
      assertEquals([stats.freeChunks, stats.largestFreeBytes], [
        ...[sizes.length, Math.max(8, ...sizes) - 8],
      ]);
    }
    const bound = 6 * this.#most + 2 * setting.byteLength;
    assert(byteLength <= bound, `${byteLength} bytes for ${this.#most}`);
    source.check();
  }

  dispose(): void {
    const { allocator, held, setting } = this;
    if (this.heap !== undefined && this.#serial % 2 === 0) {
      for (const it of held) freeOne(this, it);
      allocator.trim();
      assertEquals(this.source.ledger.byteLength, setting.byteLength);
    }
    if (setting.debug && !this.isArena && this.live > 0) {
      const { leaks } = assertThrows(() => allocator.dispose(), LeakError);
      const addresses = new Set(held.map((it) => it.address));
      assertEquals(new Set(leaks.map(({ handle }) => handle)), addresses);
    } else allocator.dispose();
    this.source.end();
    assertThrows(() => allocator.alloc(8), DisposedError);
  }

  // -- changes --

  /** Allocates where the allocation must lie; throws only where there is no room. */
  take(call: () => number, byteLength: number, align: number, struct?: AnyStruct): void {
    if (!this.isArena && this.heap === undefined) align = Math.max(align, 8); // a stack's is 8
    const expected = this.#expected(byteLength, align);
    let address: number;
    try {
      address = call();
    } catch (error) {
      assert(expected === undefined, `${byteLength} bytes fit: ${error}`);
      throw error;
    }
    if (expected !== undefined) assertEquals(address, expected);
    else if (this.isArena) {
      const block = spaceOf(untyped(this.allocator)).find(address);
      assertEquals(address, block.base + block.alignUp(0, align));
      assert(block.byteLength >= this.setting.byteLength, `a block of ${block.byteLength} bytes`);
    } else assert(this.heap && this.setting.grow, `${byteLength} bytes do not fit`);
    this.took({ address, align, struct }, byteLength);
  }

  /** Fills a new allocation, which has to be aligned, zero, and apart from all others. */
  took(what: Omit<Held, "bytes">, byteLength: number): void {
    const { address, align } = what;
    const bytes: Uint8Array = this.allocator.bytes(address, byteLength);
    assert(address > 0 && address % align === 0, `${address} is not aligned to ${align}`);
    assert(bytes.byteOffset % align === 0, `byte ${bytes.byteOffset} is not aligned to ${align}`);
    assert(bytes.every((byte) => byte === 0), `${byteLength} bytes at ${address} are not zero`);
    const end = address + byteLength;
    const other = this.held.find((it) =>
      it.address < end && address < it.address + it.bytes.length
    );
    assert(other === undefined, `${byteLength} bytes at ${address} overlap ${other?.address}`);
    this.held = [...this.held, this.filled({ ...what, bytes })];
    this.peak = Math.max(this.peak, this.allocator.stats().usedBytes);
    const overhead = this.held.reduce((sum, { align }) => sum + 16 + align, 0);
    this.#most = Math.max(this.#most, this.heldBytes + overhead);
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
    let address: number;
    try {
      address = this.allocator.realloc(before, byteLength, asked);
    } catch (error) {
      assert(!isInPlace, `${byteLength} bytes have room in place: ${error}`);
      throw error;
    }
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
    if (address !== before) this.freed.push(before);
    else this.rover = rover;
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

  assertIntact({ address, bytes, region }: Held): void {
    const found: Uint8Array = this.allocator.bytes(address, bytes.length);
    if (region !== undefined) {
      assert(region.buffer === found.buffer && region.byteOffset === found.byteOffset, "a region");
    }
    const at = bytes.findIndex((byte, i) => byte !== found[i]);
    assert(at < 0, `byte ${at} at ${address} is ${found[at]}, it was ${bytes[at]}`);
  }

  replace(old: Held, ...now: Held[]): void {
    this.held = this.held.flatMap((it) => it === old ? now : [it]);
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
    this.freed = [...this.freed, ...gone.map(({ address }) => address)].slice(-MAX_FREED);
    if (view !== undefined) assertThrows(() => view.toJSON(), StaleHandleError);
  }

  /** Asserts that a call throws and changes nothing. */
  rejects(call: () => unknown, errorClass: ErrorClass): void {
    const before = this.position();
    assertThrows(call, errorClass);
    assert(this.position() === before, `${call} threw, and changed something`);
  }
}

type Operation = (it: ByteModel, random: Random) => void;

/** An operation on some live allocation, if there is any. */
function onSome(fn: (it: ByteModel, random: Random, some: Held) => void): Operation {
  return (it, random) => it.live === 0 ? undefined : fn(it, random, random.pick(it.held));
}

/** Most sizes are small; some are larger than a block or an extent may be. */
function someSize(random: Random): number {
  return 1 + random.below(random.oneIn(10) ? random.oneIn(10) ? 9000 : 500 : 40);
}

function someAlign(random: Random): number {
  return random.oneIn(4) ? 1 << random.below(random.oneIn(4) ? 13 : 7) : 8;
}

// -- all of them --

const COMMON: Readonly<Record<string, Operation>> = {
  alloc(it, random) {
    const [byteLength, align] = [someSize(random), someAlign(random)];
    it.take(() => it.allocator.alloc(byteLength, align), byteLength, align);
  },
  allocRecord(it, random) {
    const { allocator } = it;
    const struct = random.pick(STRUCTS);
    const { size, align } = struct;
    const init = someOf(struct, valueOf(struct, random), random);
    const call = () => {
      const address: number = allocator.allocRecord(struct, random.oneIn(2) ? init : undefined);
      const written = allocator.view(address, struct).toJSON();
      const isOf = (value: unknown) => isSame(written, merge(struct, zeroOf(struct), value));
      assert(isOf({}) || isOf(init), "a new record");
      allocator.bytes(address, size).fill(0);
      return address;
    };
    it.take(call, size, align, struct);
  },
  allocAt(it, random) {
    const struct = random.pick(STRUCTS);
    const cursor = it.allocator.cursor(struct);
    it.take(() => it.allocator.allocAt(cursor), struct.size, struct.align, struct);
    assertEquals(it.allocator.addressOf(cursor), it.held.at(-1)?.address);
  },
  allocArray(it, random) {
    const [type, ArrayClass] = random.pick(Object.entries(ARRAYS));
    const { BYTES_PER_ELEMENT } = ArrayClass;
    const length = 1 + random.below(20);
    const call = () => {
      const made = it.allocator.allocArray(type, length);
      assert(made instanceof ArrayClass && made.length === length, `an array of ${type}`);
      return it.allocator.addressOf(made);
    };
    it.take(call, BYTES_PER_ELEMENT * length, BYTES_PER_ELEMENT);
  },
  read: onSome((it, _, { address, bytes, struct }) => {
    const { allocator, isArena } = it;
    const beyond = isArena ? 2 ** 31 : bytes.length + 1;
    it.rejects(() => allocator.bytes(address, beyond), InvalidAddressError);
    assertEquals(allocator.addressOf(allocator.array(address, "u8", bytes.length)), address);
    if (struct === undefined) return;
    const cursor = allocator.cursor(struct);
    assert(allocator.seek(cursor, address) === cursor && allocator.addressOf(cursor) === address);
    assert(isSame(cursor.toJSON(), allocator.view(address, struct).toJSON()));
  }),
  write: onSome((it, _, some) => it.replace(some, it.filled(some))),
  useWrong(it, random) {
    const { allocator, held, heap, isArena } = it;
    const wrong = [0, -8, 1.5, NaN, 2 ** 32];
    if (isArena) {
      const { base, top } = arenaMetadata(allocator)!.block; // every arena has metadata
      wrong.push(base + top);
    } else if (held.length > 0) {
      const { address } = random.pick(held);
      wrong.push(address + 4, address + 8 * (1 + random.below(4)), ...it.freed.slice(-4));
    }
    const address = random.pick(wrong);
    if (held.some((it) => it.address === address)) return;
    const calls = [
      () => allocator.bytes(address, 8),
      () => allocator.array(address, "u32", 2),
      () => allocator.view(address, STRUCTS[0]),
      () => allocator.seek(allocator.cursor(STRUCTS[0]), address),
      ...isArena ? [] : [() => allocator.free(address), () => allocator.sizeOf(address)],
      ...heap ? [() => allocator.realloc(address, 8)] : [],
    ];
    it.rejects(random.pick(calls), InvalidAddressError);
  },
  reset(it) {
    const regions = it.held.flatMap(({ region }) => region ?? []);
    it.end(it.held, () => it.allocator.reset());
    Object.assign(it, { marks: [], rover: 0 });
    assertEquals(it.allocator.stats().usedBytes, 0);
    // Those of a heap came back by that, and may be released once more.
    if (it.heap) { for (const region of regions) it.allocator.release(region); }
  },
  limitMemory: (it, random) => it.source.limit(random),
  growMemory(it) {
    if (!it.source.grow()) return;
    if (it.live > 0 && it.source.detaches) assertThrows(() => it.allocator.alloc(8), TypeError);
    it.allocator.rebind();
  },
};

/** As a memory resource, which a stack is not. */
const RESOURCE: Readonly<Record<string, Operation>> = {
  allocate(it, random) {
    const [byteLength, align] = [someSize(random), someAlign(random)];
    const region: MemoryRegion = it.allocator.allocate(byteLength, align);
    const bytes = new Uint8Array(region.buffer, region.byteOffset, byteLength);
    it.took({ address: it.allocator.addressOf(bytes), align, region }, byteLength);
  },
  release: onSome((it, _, some) => {
    if (some.region !== undefined) freeOne(it, some);
  }),
  trim({ allocator, heap }) {
    const { byteLength } = allocator.stats();
    const given = allocator.trim();
    assertEquals(given, byteLength - allocator.stats().byteLength);
    if (heap !== undefined) assertEquals(heap.spares.length, 0);
  },
};

/** Frees or releases an allocation. */
function freeOne(it: ByteModel, some: Held): void {
  const { address, region } = some;
  if (region === undefined) return it.end([some], () => it.allocator.free(address));
  it.end([some], () => it.allocator.release(region));
  it.rejects(() => it.allocator.release(region), InvalidAddressError);
}

// -- each of them --

const STACK: Readonly<Record<string, Operation>> = {
  free(it, random) {
    if (it.live === 0) return;
    const [newest, some] = [it.held.at(-1)!, random.pick(it.held)]; // there is one
    const free = ({ address }: Held) => it.allocator.free(address);
    if (some !== newest) it.rejects(() => free(some), LifoOrderError);
    freeOne(it, newest);
    it.rejects(() => free(newest), InvalidAddressError);
  },
};

const HEAP: Readonly<Record<string, Operation>> = {
  ...RESOURCE,
  free: onSome((it, _, some) => freeOne(it, some)),
  realloc: onSome((it, random, some) => {
    if (some.region !== undefined) return;
    it.resize(some, someSize(random), random.oneIn(2) ? someAlign(random) : undefined);
  }),
  /** Makes an allocation larger ten times, as a buffer that is appended to among others. */
  append: onSome((it, random, some) => {
    if (it.isBounded || some.region !== undefined) return;
    const bytes = 1 + (someSize(random) >> 4);
    for (let i = 0; i < 10; i++) {
      it.resize(some, some.bytes.length + bytes);
      some = it.held.at(-1)!; // what it was resized to
      COMMON.alloc(it, random);
      freeOne(it, it.held.at(-1)!); // what was allocated
    }
  }),
};

const ARENA: Readonly<Record<string, Operation>> = {
  ...RESOURCE,
  mark: (it) => void it.marks.push({ ...it.here(), mark: it.allocator.mark() }),
  rewind(it, random) {
    if (it.marks.length === 0) return;
    it.marks.length = 1 + random.below(it.marks.length);
    const { mark, live, usedBytes } = it.marks.pop()!; // there is one
    it.end(it.held.filter(({ address }) => !live.has(address)), () => it.allocator.rewind(mark));
    assertEquals([it.allocator.mark(), it.allocator.stats().usedBytes], [mark, usedBytes]);
  },
  beginScope: (it) =>
    void it.scopes.push({ ...it.here(), scope: it.allocator.scope(), isOver: false }),
  endScope(it, random) {
    if (it.scopes.length === 0) return;
    const i = random.below(random.oneIn(2) ? it.scopes.length : 1);
    const [{ scope, live, to, isOver }] = it.scopes.splice(it.scopes.length - 1 - i, 1);
    const after = isOver ? it.position() : to;
    const gone = isOver ? [] : it.held.filter(({ address }) => !live.has(address));
    it.end(gone, () => scope[Symbol.dispose]());
    assertEquals(it.position(), after);
    it.marks = it.marks.filter((mark) => mark.to <= after);
    scope[Symbol.dispose](); // does nothing
    assertEquals(it.position(), after);
  },
  snapshot(it, random) {
    const into = it.saved?.bytes ?? new Uint8Array(0);
    const options = { checksum: random.oneIn(2) };
    const bytes: Uint8Array = snapshotArena(untyped(it.allocator), into, options);
    // Regions from before can be released once, and are not given out again.
    const held = it.held.map(({ region: _, ...rest }) => rest);
    const [marks, scopes] = [[...it.marks], [...it.scopes]];
    it.saved = { bytes, held, marks, scopes, peak: it.peak, to: it.position() };
  },
  restore(it) {
    if (it.saved === undefined) return;
    const { bytes, held, marks, scopes, peak, to } = it.saved;
    try {
      restoreArena(untyped(it.allocator), bytes);
    } catch (error) {
      // Where regions start anywhere, one may lie as the addresses do or not.
      if (!(error instanceof SnapshotError && it.source.isSkewed)) throw error;
      return it.check();
    }
    // A later scope may only be ended where its start is past the position.
    const left = it.scopes.filter((scope) => scopes.includes(scope) || scope.to > to);
    Object.assign(it, { held: [...held], marks: [...marks], scopes: left, peak });
    assertEquals(it.position(), to);
    it.check();
  },
};

/** What changes an allocator as a whole is done once in so many times. */
const RARE: Readonly<Record<string, number>> = {
  ...{ reset: 30, growMemory: 30, trim: 30, snapshot: 2, restore: 2 },
};

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
