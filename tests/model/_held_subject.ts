/**
 * What all byte allocators have in the soak: what is held in one, and the operations that each of them knows.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  type AnyStruct,
  type ByteAllocator,
  DisposedError,
  type Init,
  InvalidAddressError,
  LeakError,
  type MemoryRegion,
  OutOfMemoryError,
  type ScalarType,
  StaleHandleError,
  validate,
} from "../../mod.ts";
import { KINDS } from "./_faces.ts";
import { Pattern } from "./_pattern.ts";
import type { Random } from "./_random.ts";
import type { Subject } from "./_soak.ts";
import type { Source } from "./_sources.ts";
import type { ErrorClass } from "../_support.ts";

const PATTERNS: readonly Pattern[] = KINDS.map((kind) => new Pattern(kind));

/** The element types of arrays, with the bytes of an element. */
const ELEMENTS: readonly (readonly [type: ScalarType, bytes: number])[] = [
  ["u8", 1],
  ["i16", 2],
  ["u32", 4],
  ["f64", 8],
];

/** Live allocations at the most, but for what one operation adds. */
const MAX_LIVE = 300;

/** An allocation, and what it must hold. It is replaced when it is written to, so that a list of them is a state. */
export interface Held {
  readonly address: number;
  /** What it was to be aligned to. */
  readonly align: number;
  /** What its bytes must be. */
  readonly bytes: Uint8Array;
  /** Which pattern it has as a record; -1 for mere bytes. */
  readonly kind: number;
  readonly serial: number;
  /** Where the allocator lent it as a memory resource. */
  readonly region: MemoryRegion | undefined;
}

/** Does one thing to an allocator. */
type Operation = (random: Random) => void;

/** What is done to an allocator, and how often. */
export interface Repertoire {
  /** What fills it and what empties it, in turn; most operations are of the one or of the other. */
  readonly rising: readonly Operation[];
  readonly falling: readonly Operation[];
  /** What looks at single allocations, or misuses them. */
  readonly often: readonly Operation[];
  /** What changes it as a whole. */
  readonly seldom: readonly Operation[];
}

/** A byte allocator, and what it must hold. */
export abstract class ByteSubject<A extends ByteAllocator> implements Subject {
  protected readonly allocator: A;
  protected readonly source: Source;
  protected readonly isDebug: boolean;
  /** What is live, the oldest first. */
  protected held: Held[] = [];
  readonly #cursors: readonly object[];
  /** How much there is to be, as of now: allocators fill and empty. */
  #tide = 0;
  #serial = 0;

  constructor(allocator: A, source: Source, isDebug: boolean) {
    this.allocator = allocator;
    this.source = source;
    this.isDebug = isDebug;
    this.#cursors = KINDS.map((kind) => allocator.cursor(kind));
  }

  get live(): number {
    return this.held.length;
  }

  step(random: Random): string {
    if (random.oneIn(300)) this.#tide = random.below(MAX_LIVE);
    const { rising, falling, often, seldom } = this.repertoire();
    const dice = random.below(128);
    const isRising = this.live < this.#tide;
    const operation = random.pick(
      dice === 0 ? seldom : dice < 40 ? often : isRising ? rising : falling,
    );
    const before = this.state();
    try {
      operation.call(this, random);
    } catch (error) {
      if (!(error instanceof OutOfMemoryError && this.isBounded)) throw error;
      assert(this.state() === before, `${operation.name} was refused, and changed something`);
      if (random.oneIn(4)) this.#tide = random.below(this.live); // so that most calls are not refused
      return "out of memory";
    }
    return operation.name;
  }

  check(): void {
    validate(this.allocator);
    this.compareFigures();
    for (const it of this.held) this.#assertIntact(it);
  }

  dispose(): void {
    if (this.isDebug && this.isCounting && this.live > 0) {
      const { leaks } = assertThrows(() => this.allocator.dispose(), LeakError);
      assertEquals(leaks.length, this.live);
      assert(leaks.every(({ handle }) => this.#isLive(handle)));
    } else this.allocator.dispose();
    assertEquals([this.source.counter.regions, this.source.counter.usedBytes], [0, 0]);
    assertThrows(() => this.allocator.alloc(8), DisposedError);
  }

  // -- what differs --

  protected abstract repertoire(): Repertoire;

  /** A number that tells whether a refused call changed something. */
  protected abstract state(): number;

  /** Whether memory may run out. */
  protected abstract readonly isBounded: boolean;

  /** Whether it knows single allocations. */
  protected readonly isCounting: boolean = true;

  /** Whether so many bytes are sure to fit. */
  protected abstract hasRoom(byteLength: number, align: number): boolean;

  /** Holds its figures against what is known. */
  protected abstract compareFigures(): void;

  /** Addresses that hold nothing, and all calls that take one. */
  protected wrongAddresses(_random: Random): number[] {
    return [0, -8, 1.5, NaN, 2 ** 32];
  }

  protected callsWith(address: number): (() => unknown)[] {
    return [
      () => this.allocator.bytes(address, 8),
      () => this.allocator.array(address, "u32", 2),
      () => this.allocator.view(address, KINDS[0]),
      () => this.allocator.seek(this.#cursors[0], address),
    ];
  }

  // -- what is held --

  /** Allocates, and fails where memory is refused that is there. */
  #take(call: () => number, byteLength: number, align: number, kind = -1): void {
    const hasRoom = this.hasRoom(byteLength, align);
    let address: number;
    try {
      address = call();
    } catch (error) {
      assert(!hasRoom, `${byteLength} bytes fit: ${error}`);
      throw error;
    }
    this.took(address, byteLength, align, kind);
  }

  /** Fills a new allocation, which has to be aligned, empty, and apart from all others. */
  protected took(
    address: number,
    byteLength: number,
    align: number,
    kind = -1,
    region?: MemoryRegion,
  ): void {
    const bytes = this.allocator.bytes(address, byteLength);
    assert(address > 0 && address % align === 0, `${address} is not aligned to ${align}`);
    assert(bytes.byteOffset % align === 0, `byte ${bytes.byteOffset} is not aligned to ${align}`);
    assert(isZero(bytes, 0), `${byteLength} bytes at ${address} are not empty`);
    const end = address + byteLength;
    const other = this.held.find((it) =>
      it.address < end && address < it.address + it.bytes.length
    );
    assert(other === undefined, `${byteLength} bytes at ${address} overlap ${other?.address}`);
    this.held.push(this.#filled({ address, align, bytes, kind, serial: 0, region }));
  }

  /** Writes the next pattern into an allocation. */
  #filled({ address, align, bytes: { length }, kind, region }: Held): Held {
    const serial = this.#serial++;
    const bytes = this.allocator.bytes(address, length);
    if (kind < 0) { for (let i = 0; i < length; i++) bytes[i] = serial * 37 + i; }
    else PATTERNS[kind].fill(this.allocator.view(address, KINDS[kind]), serial);
    return { address, align, bytes: new Uint8Array(bytes), kind, serial, region };
  }

  #assertIntact(it: Held): void {
    const { address, bytes, kind, serial } = it;
    const found = this.allocator.bytes(address, bytes.length);
    const at = bytes.findIndex((byte, i) => byte !== found[i]);
    assert(at < 0, `byte ${at} at ${address} is ${found[at]}, it was ${bytes[at]}`);
    if (kind < 0) return;
    const view = this.allocator.view(address, KINDS[kind]);
    assert(PATTERNS[kind].isIntact(view, serial), `the record at ${address} is not what it was`);
  }

  protected any(random: Random): Held | undefined {
    return this.held[random.below(this.live)];
  }

  #isLive(address: number): boolean {
    return this.held.some((it) => it.address === address);
  }

  /**
   * Ends allocations, which must hold what they did; a debug view of one of them throws afterwards.
   *
   * @param gone Which, all of them live.
   * @param end Takes them back.
   */
  protected end(gone: readonly Held[], end: () => void): void {
    for (const it of gone) this.#assertIntact(it);
    const record = this.isDebug ? gone.find(({ kind }) => kind >= 0) : undefined;
    const view = record && this.allocator.view(record.address, KINDS[record.kind]);
    end();
    this.held = gone.length === this.live ? [] : this.held.filter((it) => !gone.includes(it));
    if (record !== undefined) {
      assertThrows(() => PATTERNS[record.kind].isZero(view), StaleHandleError);
    }
  }

  /** Asserts that a call throws and changes nothing. */
  protected refuses(
    call: () => unknown,
    errorClass: ErrorClass,
  ): void {
    const before = this.state();
    assertThrows(call, errorClass);
    assert(this.state() === before, `${call} threw, and changed something`);
  }

  // -- operations --

  protected alloc(random: Random): void {
    const [byteLength, align] = [someSize(random), someAlign(random)];
    this.#take(() => this.allocator.alloc(byteLength, align), byteLength, align);
  }

  protected allocRecord(random: Random): void {
    const kind = random.below(KINDS.length);
    const { size, align } = KINDS[kind];
    if (random.oneIn(2)) {
      this.#take(() => this.allocator.allocRecord(KINDS[kind]), size, align, kind);
      return;
    }
    const init = PATTERNS[kind].init(this.#serial);
    const address = this.allocator.allocRecord(KINDS[kind], init as Init<AnyStruct>);
    const view = this.allocator.view(address, KINDS[kind]);
    assert(PATTERNS[kind].isIntact(view, this.#serial));
    this.allocator.bytes(address, size).fill(0);
    this.took(address, size, align, kind);
  }

  protected allocAt(random: Random): void {
    const kind = random.below(KINDS.length);
    const { size, align } = KINDS[kind];
    this.#take(() => this.allocator.allocAt(this.#cursors[kind]), size, align, kind);
    assert(PATTERNS[kind].isIntact(this.#cursors[kind], this.#serial - 1));
  }

  protected allocArray(random: Random): void {
    const [type, bytes] = random.pick(ELEMENTS);
    const length = 1 + random.below(20);
    const call = () => this.allocator.addressOf(this.allocator.allocArray(type, length));
    this.#take(call, bytes * length, bytes);
  }

  protected read(random: Random): void {
    const it = this.any(random);
    if (it === undefined) return;
    this.#assertIntact(it);
    const { address, bytes, kind, serial } = it;
    const array = this.allocator.array(address, "u8", bytes.length);
    assert(this.allocator.addressOf(array) === address);
    if (kind < 0) return;
    const cursor = this.allocator.seek(this.#cursors[kind], address);
    assert(PATTERNS[kind].isIntact(cursor, serial) && this.allocator.addressOf(cursor) === address);
  }

  protected write(random: Random): void {
    const i = random.below(this.live);
    if (i < this.live) this.held[i] = this.#filled(this.held[i]);
  }

  protected useWrong(random: Random): void {
    const address = random.pick(this.wrongAddresses(random));
    if (this.#isLive(address)) return;
    this.refuses(random.pick(this.callsWith(address)), InvalidAddressError);
  }

  protected readPast(random: Random): void {
    const it = this.any(random);
    if (it === undefined) return;
    const beyond = this.isCounting ? it.bytes.length + 1 : 2 ** 31;
    this.refuses(() => this.allocator.bytes(it.address, beyond), InvalidAddressError);
  }

  protected allocWrong(random: Random): void {
    const size = random.pick([0, -1, 1.5, NaN, Infinity, 2 ** 31]); // the last as there is no such memory
    this.refuses(() => this.allocator.alloc(size), RangeError);
    this.refuses(() => this.allocator.alloc(8, random.pick([0, 3, -8, 8192])), RangeError);
  }

  protected reset(): void {
    this.end(this.held, () => this.allocator.reset());
    assert(this.allocator.stats().usedBytes === 0);
  }

  protected growMemory(): void {
    if (!this.source.grow()) return;
    if (this.live > 0) assertThrows(() => this.allocator.alloc(8), TypeError);
    this.allocator.rebind();
  }
}

/** Most are small; some are larger than a block may be. */
export function someSize(random: Random): number {
  return 1 + random.below(random.oneIn(10) ? 500 : 40);
}

export function someAlign(random: Random): number {
  return random.oneIn(4) ? 1 << random.below(random.oneIn(4) ? 13 : 7) : 8;
}

export function isZero(bytes: Uint8Array, from: number): boolean {
  for (let i = from; i < bytes.length; i++) if (bytes[i] !== 0) return false;
  return true;
}
