/**
 * Byte allocators in the soak: random operations on an arena, a stack or a heap, and what each
 * allocation must hold.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  type AnyStruct,
  Arena,
  DisposedError,
  FreeListAllocator,
  InvalidAddressError,
  LeakError,
  LifoOrderError,
  type MemoryRegion,
  OutOfMemoryError,
  type ScalarType,
  SnapshotError,
  StackAllocator,
  StaleHandleError,
  validate,
} from "../../mod.ts";
import { type ErrorClass, untyped } from "../_support.ts";
import { Source, SOURCES } from "./_memories.ts";
import type { AnyPool as Members } from "./_model.ts";
import type { Random } from "../_random.ts";
import type { Maker, Player } from "./_soak.ts";
import { isSame, makeStructs, type Plain, valueOf } from "./_values.ts";

const STRUCTS: readonly AnyStruct[] = Object.values(makeStructs());

/** Element types of arrays with the bytes of an element. */
const ELEMENTS: readonly (readonly [ScalarType, number])[] = [
  ...[["u8", 1], ["i16", 2], ["u32", 4], ["f64", 8]] as const,
];

/** Live allocations at the most, and addresses of freed ones that are remembered. */
const MAX_LIVE = 300;
const MAX_FREED = 64;

/** An allocation. It is replaced when it is written to, so that a list of them is a state. */
interface Held {
  readonly address: number;
  readonly align: number;
  /** What its bytes must be. */
  readonly bytes: Uint8Array;
  /** What it must be as a record, if it is one. */
  readonly record?: { readonly struct: AnyStruct; readonly value: Plain };
  /** Where it was asked for as from a memory resource. */
  readonly region?: MemoryRegion;
}

/** A byte allocator and what it must hold. */
export class ByteSubject implements Player {
  readonly allocator: Members;
  readonly source: Source;
  readonly isDebug: boolean;
  /** Whether memory may run out. */
  readonly isBounded: boolean;
  readonly #operations: Readonly<Record<string, Operation>>;
  /** The oldest first. */
  held: readonly Held[] = [];
  freed: number[] = [];
  marks: { readonly mark: number; readonly live: ReadonlySet<number> }[] = [];
  saved: Pick<ByteSubject, "held" | "marks"> & { bytes: Uint8Array; state: number } | undefined;
  /** How much there should be for now: allocators fill and empty in turn. */
  #level = 0;
  #serial = 0;

  constructor(allocator: object, source: Source, isDebug: boolean, canGrow: boolean) {
    this.allocator = untyped<Members>(allocator);
    this.source = source;
    this.isDebug = isDebug;
    this.isBounded = source.isTight || !canGrow;
    const kind = this.isArena ? ARENA : allocator instanceof StackAllocator ? STACK : HEAP;
    this.#operations = { ...COMMON, ...kind };
  }

  get isArena(): boolean {
    return this.allocator instanceof Arena;
  }

  get live(): number {
    return this.held.length;
  }

  step(random: Random): string {
    if (random.oneIn(300)) this.#level = random.below(MAX_LIVE);
    const names = random.oneIn(3)
      ? Object.keys(this.#operations)
      : this.live < this.#level
      ? ["alloc", "allocRecord", "allocAt", "allocArray"]
      : this.isArena
      ? ["rewind", "mark", "alloc"]
      : ["free"];
    const name = random.pick(names);
    if (RARE.includes(name) && !random.oneIn(30)) return "nothing";
    if (this.play(name, random)) return name;
    if (random.oneIn(4)) this.#level = random.below(this.live + 1);
    return "out of memory";
  }

  /** Does an operation; returns false where there was no memory for it. */
  play(name: string, random: Random): boolean {
    const before = this.state();
    try {
      this.#operations[name](this, random);
      return true;
    } catch (error) {
      if (!(error instanceof OutOfMemoryError && this.isBounded)) throw error;
      assert(this.state() === before, `${name} threw, and changed something`);
      return false;
    }
  }

  /** A number that shows whether a call that threw changed something. */
  state(): number {
    return this.isArena ? this.allocator.mark() : this.allocator.stats().usedBytes;
  }

  check(): void {
    const { allocator, source: { ledger }, held } = this;
    validate(allocator);
    const { usedBytes, peakBytes, byteLength, allocations } = allocator.stats();
    const sum = held.reduce((sum, { bytes }) => sum + bytes.length, 0);
    assertEquals(byteLength, ledger.byteLength);
    assert(sum <= usedBytes && usedBytes <= byteLength && !(peakBytes < usedBytes));
    if (!this.isArena) assertEquals(allocations, held.length);
    for (const it of held) {
      this.assertIntact(it);
      if (!this.isArena) assertEquals(allocator.sizeOf(it.address), it.bytes.length);
    }
    this.source.check();
  }

  dispose(): void {
    const { allocator, held } = this;
    if (this.isDebug && !this.isArena && held.length > 0) {
      const { leaks } = assertThrows(() => allocator.dispose(), LeakError);
      const addresses = new Set(held.map((it) => it.address));
      assertEquals(new Set(leaks.map(({ handle }) => handle)), addresses);
    } else allocator.dispose();
    this.source.end();
    assertThrows(() => allocator.alloc(8), DisposedError);
  }

  /** Allocates; what may fail only where there is no room. */
  take(call: () => number, byteLength: number, align: number, struct?: AnyStruct): void {
    const hasRoom = this.#hasRoom(byteLength, align);
    let address: number;
    try {
      address = call();
    } catch (error) {
      assert(!hasRoom, `${byteLength} bytes fit: ${error}`);
      throw error;
    }
    this.took(address, byteLength, align, struct);
  }

  #hasRoom(byteLength: number, align: number): boolean {
    if (!this.isBounded) return true;
    const { allocator } = this;
    if (this.isArena) return false;
    const { usedBytes, byteLength: all, largestFreeBytes } = allocator.stats();
    if (allocator instanceof FreeListAllocator) return align <= 8 && byteLength <= largestFreeBytes;
    return usedBytes + 8 + Math.max(align, 8) + byteLength <= all;
  }

  /** Fills a new allocation, which has to be aligned, zero, and apart from all others. */
  took(
    address: number,
    byteLength: number,
    align: number,
    struct?: AnyStruct,
    region?: MemoryRegion,
  ): void {
    const bytes: Uint8Array = this.allocator.bytes(address, byteLength);
    assert(address > 0 && address % align === 0, `${address} is not aligned to ${align}`);
    assert(bytes.byteOffset % align === 0, `byte ${bytes.byteOffset} is not aligned to ${align}`);
    assert(bytes.every((byte) => byte === 0), `${byteLength} bytes at ${address} are not zero`);
    const end = address + byteLength;
    const other = this.held.find((it) =>
      it.address < end && address < it.address + it.bytes.length
    );
    assert(other === undefined, `${byteLength} bytes at ${address} overlap ${other?.address}`);
    const record = struct && { struct, value: {} };
    this.held = [
      ...this.held,
      this.filled({
        ...{ address, align, bytes },
        ...record && { record },
        ...region && { region },
      }),
    ];
  }

  /** Writes the next pattern into an allocation. */
  filled(it: Held, random?: Random): Held {
    const serial = this.#serial++;
    const bytes: Uint8Array = this.allocator.bytes(it.address, it.bytes.length);
    if (it.record === undefined || random === undefined) {
      for (let i = 0; i < bytes.length; i++) bytes[i] = serial * 37 + i;
      const { record: _, ...rest } = it;
      return { ...rest, bytes: bytes.slice() };
    }
    const { struct } = it.record;
    const value = valueOf(struct, random) as Plain;
    Object.assign(this.allocator.view(it.address, struct), value);
    return { ...it, bytes: bytes.slice(), record: { struct, value } };
  }

  assertIntact({ address, bytes, record }: Held): void {
    const found: Uint8Array = this.allocator.bytes(address, bytes.length);
    const at = bytes.findIndex((byte, i) => byte !== found[i]);
    assert(at < 0, `byte ${at} at ${address} is ${found[at]}, it was ${bytes[at]}`);
    if (record === undefined) return;
    assert(isSame(this.allocator.view(address, record.struct).toJSON(), record.value), "a record");
  }

  some(random: Random): Held | undefined {
    return this.live === 0 ? undefined : random.pick(this.held);
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
    const it = this.isDebug ? gone.find(({ record }) => record !== undefined) : undefined;
    const view = it && this.allocator.view(it.address, it.record!.struct); // as it was found by that
    free();
    const set = new Set(gone);
    this.held = this.held.filter((it) => !set.has(it));
    this.freed = [...this.freed, ...gone.map(({ address }) => address)].slice(-MAX_FREED);
    if (view !== undefined) assertThrows(() => view.toJSON(), StaleHandleError);
  }

  /** Asserts that a call throws and changes nothing. */
  rejects(call: () => unknown, errorClass: ErrorClass): void {
    const before = this.state();
    assertThrows(call, errorClass);
    assert(this.state() === before, `${call} threw, and changed something`);
  }
}

type Operation = (it: ByteSubject, random: Random) => void;

/** Most are small; some are larger than a block may be. */
function someSize(random: Random): number {
  return 1 + random.below(random.oneIn(10) ? 500 : 40);
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
    const struct = random.pick(STRUCTS);
    const { size, align } = struct;
    const value = valueOf(struct, random) as Plain;
    it.take(() => it.allocator.allocRecord(struct), size, align, struct);
    if (it.isBounded) return;
    const address: number = it.allocator.allocRecord(struct, value);
    assert(isSame(it.allocator.view(address, struct).toJSON(), value), "a new record");
    it.allocator.bytes(address, size).fill(0);
    it.took(address, size, align, struct);
  },
  allocAt(it, random) {
    const struct = random.pick(STRUCTS);
    const cursor = it.allocator.cursor(struct);
    it.take(() => it.allocator.allocAt(cursor), struct.size, struct.align, struct);
    assertEquals(it.allocator.addressOf(cursor), it.held.at(-1)?.address);
  },
  allocArray(it, random) {
    const [type, bytes] = random.pick(ELEMENTS);
    const length = 1 + random.below(20);
    const call = () => it.allocator.addressOf(it.allocator.allocArray(type, length));
    it.take(call, bytes * length, bytes);
  },
  allocWrong(it, random) {
    const size = random.pick([0, -1, 1.5, NaN, Infinity, 2 ** 31]); // the last as there is no such memory
    it.rejects(() => it.allocator.alloc(size), RangeError);
    it.rejects(() => it.allocator.alloc(8, random.pick([0, 3, -8, 8192])), RangeError);
  },
  read(it, random) {
    const some = it.some(random);
    if (some === undefined) return;
    it.assertIntact(some);
    const { address, bytes, record } = some;
    const { allocator } = it;
    assertEquals(allocator.addressOf(allocator.array(address, "u8", bytes.length)), address);
    if (record === undefined) return;
    const cursor = allocator.seek(allocator.cursor(record.struct), address);
    assert(isSame(cursor.toJSON(), record.value) && allocator.addressOf(cursor) === address);
  },
  write(it, random) {
    const some = it.some(random);
    if (some === undefined) return;
    const struct = STRUCTS.find(({ size, align }) => {
      return size === some.bytes.length && some.align % align === 0;
    });
    const record = struct && random.oneIn(2) ? { record: { struct, value: {} } } : {};
    it.replace(some, it.filled({ ...some, ...record }, random));
  },
  useWrong(it, random) {
    const some = it.some(random);
    const known = it.isArena || some === undefined ? [] : [
      ...[some.address + 4, some.address + 8 * (1 + random.below(4))],
      ...it.freed.slice(-4),
    ];
    const address = random.pick([0, -8, 1.5, NaN, 2 ** 32, ...known]);
    if (it.held.some((it) => it.address === address)) return;
    const { allocator } = it;
    const calls = [
      () => allocator.bytes(address, 8),
      () => allocator.array(address, "u32", 2),
      () => allocator.view(address, STRUCTS[0]),
      () => allocator.seek(allocator.cursor(STRUCTS[0]), address),
      ...(it.isArena ? [] : [() => allocator.free(address), () => allocator.sizeOf(address)]),
    ];
    it.rejects(random.pick(calls), InvalidAddressError);
  },
  readPast(it, random) {
    const some = it.some(random);
    if (some === undefined) return;
    const beyond = it.isArena ? 2 ** 31 : some.bytes.length + 1;
    it.rejects(() => it.allocator.bytes(some.address, beyond), InvalidAddressError);
  },
  reset(it) {
    const regions = it.held.flatMap(({ region }) => region ?? []);
    it.end(it.held, () => it.allocator.reset());
    it.marks = [];
    assertEquals(it.allocator.stats().usedBytes, 0);
    // Of a heap they came back by that, and may be released once more.
    if (!it.isArena) { for (const region of regions) it.allocator.release(region); }
  },
  growMemory(it) {
    if (!it.source.grow()) return;
    if (it.live > 0 && it.source.detaches) assertThrows(() => it.allocator.alloc(8), TypeError);
    it.allocator.rebind();
  },
};

/** As a memory resource, which a stack is not. */
function allocate(it: ByteSubject, random: Random): void {
  const [byteLength, align] = [someSize(random), someAlign(random)];
  const region: MemoryRegion = it.allocator.allocate(byteLength, align);
  const bytes = new Uint8Array(region.buffer, region.byteOffset, byteLength);
  it.took(it.allocator.addressOf(bytes), byteLength, align, undefined, region);
}

function trim({ allocator }: ByteSubject): void {
  const { byteLength } = allocator.stats();
  const given = allocator.trim();
  assertEquals(given, byteLength - allocator.stats().byteLength);
}

// -- each of them --

const STACK: Readonly<Record<string, Operation>> = {
  free(it) {
    const newest = it.held.at(-1);
    if (newest !== undefined) it.end([newest], () => it.allocator.free(newest.address));
  },
  freeOlder(it, random) {
    if (it.live < 2) return;
    const older = it.held[random.below(it.live - 1)];
    it.rejects(() => it.allocator.free(older.address), LifoOrderError);
  },
};

const HEAP: Readonly<Record<string, Operation>> = {
  allocate,
  trim,
  free(it, random) {
    const some = it.some(random);
    if (some === undefined) return;
    const { address, region } = some;
    if (region === undefined) return it.end([some], () => it.allocator.free(address));
    it.end([some], () => it.allocator.release(region));
    it.rejects(() => it.allocator.release(region), InvalidAddressError);
  },
  realloc(it, random) {
    const some = it.some(random);
    if (some === undefined || some.region !== undefined) return;
    const byteLength = someSize(random);
    const asked = random.oneIn(2) ? someAlign(random) : undefined;
    const address: number = it.allocator.realloc(some.address, byteLength, asked);
    const found: Uint8Array = it.allocator.bytes(address, byteLength);
    const kept = some.bytes.subarray(0, byteLength);
    const isKept = found.every((byte, i) => byte === (i < kept.length ? kept[i] : 0));
    assert(isKept, `${byteLength} bytes at ${address} are not what they were`);
    it.replace(some);
    found.fill(0, 0, kept.length);
    it.took(address, byteLength, asked ?? some.align);
    if (address !== some.address) it.freed.push(some.address);
  },
};

const ARENA: Readonly<Record<string, Operation>> = {
  allocate,
  trim,
  release(it, random) {
    const some = it.some(random);
    const region = some?.region;
    if (some === undefined || region === undefined) return;
    it.end([some], () => it.allocator.release(region));
    it.rejects(() => it.allocator.release(region), InvalidAddressError);
  },
  mark(it) {
    const live = new Set(it.held.map(({ address }) => address));
    it.marks.push({ mark: it.allocator.mark(), live });
  },
  rewind(it, random) {
    if (it.marks.length === 0) return;
    it.marks.length = 1 + random.below(it.marks.length);
    const { mark, live } = it.marks.pop()!; // there is one
    const gone = it.held.filter(({ address }) => !live.has(address));
    it.end(gone, () => it.allocator.rewind(mark));
    assertEquals(it.allocator.mark(), mark);
  },
  scope(it, random) {
    const before: number = it.allocator.mark();
    const live = new Set(it.held);
    const scope: Disposable = it.allocator.scope();
    try {
      for (let i = random.below(30); i > 0; i--) COMMON.alloc(it, random);
    } finally {
      it.end(it.held.filter((it) => !live.has(it)), () => scope[Symbol.dispose]());
    }
    assertEquals(it.allocator.mark(), before);
  },
  rewindWrong(it, random) {
    const mark: number = it.allocator.mark();
    const wrong = random.pick([0, NaN, mark + 0.5, mark + 1, mark + 2 ** 33, -mark]);
    it.rejects(() => it.allocator.rewind(wrong), RangeError);
  },
  snapshot(it, random) {
    const into = it.saved?.bytes ?? new Uint8Array(0);
    const bytes: Uint8Array = it.allocator.snapshot(into, { checksum: random.oneIn(2) });
    // Regions from before can be released once, and are not given out again.
    const held = it.held.map(({ region: _, ...rest }) => rest);
    it.saved = { bytes, held, marks: [...it.marks], state: it.state() };
  },
  restore(it) {
    if (it.saved === undefined) return;
    const { bytes, held, marks, state } = it.saved;
    try {
      it.allocator.restore(bytes);
    } catch (error) {
      // Where regions start anywhere, one may lie as the addresses do or not.
      if (!(error instanceof SnapshotError && it.source.isSkewed)) throw error;
      return it.check();
    }
    it.held = [...held];
    it.marks = [...marks];
    assertEquals(it.state(), state);
    it.check();
  },
  restoreBad(it, random) {
    const bytes: Uint8Array = it.allocator.snapshot();
    const at = random.below(bytes.length);
    bytes[at] ^= random.oneIn(2) ? 1 << random.below(8) : 255;
    const bad = random.oneIn(2) ? bytes.subarray(0, at) : bytes;
    it.rejects(() => it.allocator.restore(bad), SnapshotError);
  },
};

/** What changes an allocator as a whole, and is to be rare. */
const RARE = ["reset", "growMemory", "trim", "snapshot", "restore", "restoreBad"];

// -- makers --

const FITS = [
  ...[["first", "list"], ["next", "list"], ["best", "list"], ["worst", "list"]] as const,
  ...[["best", "tree"]] as const,
];

/** Every byte allocator and fit on every memory, in debug mode and without. */
export const BYTES: readonly Maker[] = ["arena", "stack", ...FITS].flatMap((kind) =>
  SOURCES.flatMap((memory) =>
    [false, true].map((debug): Maker => ({
      name: `${kind} on ${memory}${debug ? ", debug" : ""}`,
      turn: debug ? 250 : 1000,
      make(random) {
        const source = new Source(memory);
        const byteLength = random.pick([64, 250, 1000, 4096, 32_768]);
        const options = { byteLength, memory: source.ledger, debug };
        const grow = random.oneIn(2);
        if (kind === "arena") {
          const arena = new Arena({ blockBytes: byteLength, memory: source.ledger, debug });
          return new ByteSubject(arena, source, debug, true);
        }
        if (kind === "stack") {
          return new ByteSubject(new StackAllocator(options), source, debug, false);
        }
        const [fit, index] = kind as typeof FITS[number]; // the others are above
        const heap = new FreeListAllocator({ ...options, fit, index, grow });
        return new ByteSubject(heap, source, debug, grow);
      },
    }))
  )
);
