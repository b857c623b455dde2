/**
 * Stacks and heaps for the soak, which know what was freed.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import {
  type FreeListAllocator,
  InvalidAddressError,
  LifoOrderError,
  type StackAllocator,
} from "../../mod.ts";
import { ByteSubject, isZero, type Repertoire, someAlign, someSize } from "./_held_subject.ts";
import type { Random } from "./_random.ts";
import type { Source } from "./_sources.ts";

/** Addresses of what was freed that are remembered. */
const MAX_FREED = 64;

/** An allocator that takes back single allocations, and what it must hold. */
abstract class FreeingSubject<A extends StackAllocator | FreeListAllocator> extends ByteSubject<A> {
  readonly #freed: number[] = [];

  protected override wrongAddresses(random: Random): number[] {
    const wrong = super.wrongAddresses(random);
    const it = this.any(random);
    if (it !== undefined) wrong.push(it.address + 4, it.address + 8 * (1 + random.below(4)));
    // Most of the time one that was good.
    for (let i = 0; i < 4; i++) wrong.push(this.#freed[random.below(this.#freed.length)] ?? 0);
    return wrong;
  }

  protected override callsWith(address: number): (() => unknown)[] {
    const { allocator } = this;
    const calls = [() => allocator.free(address), () => allocator.sizeOf(address)];
    return [...super.callsWith(address), ...calls];
  }

  protected freedAt(address: number): void {
    if (this.#freed.length === MAX_FREED) this.#freed.shift();
    this.#freed.push(address);
  }

  override check(): void {
    super.check();
    for (const { address, bytes } of this.held) {
      assert(this.allocator.sizeOf(address) === bytes.length, `the size at ${address}`);
    }
  }
}

/** A stack, and what it must hold. */
export class StackSubject extends FreeingSubject<StackAllocator> {
  protected override readonly isBounded = true;

  protected override state(): number {
    return this.allocator.stats().usedBytes;
  }

  protected override hasRoom(bytes: number, align: number): boolean {
    const { usedBytes, byteLength } = this.allocator.stats();
    return usedBytes + 8 + Math.max(align, 8) + bytes <= byteLength;
  }

  protected override compareFigures(): void {
    const { usedBytes, byteLength, allocations } = this.allocator.stats();
    assertEquals([allocations, byteLength], [this.live, this.source.counter.usedBytes]);
    const newest = this.held.at(-1);
    if (newest === undefined) assert(usedBytes === 0);
  }

  protected override repertoire(): Repertoire {
    const { alloc, allocRecord, allocAt, allocArray, allocWrong, read, write, useWrong } = this;
    const { free, freeOlder, readPast, reset, growMemory } = this;
    return {
      rising: [alloc, allocRecord, allocAt, allocAt, allocArray, free],
      falling: [free, free, free, allocAt],
      often: [read, write, useWrong, useWrong, readPast, allocWrong, freeOlder],
      seldom: [reset, growMemory],
    };
  }

  free(): void {
    const newest = this.held.at(-1);
    if (newest === undefined) return;
    this.end([newest], () => this.allocator.free(newest.address));
    this.freedAt(newest.address);
  }

  freeOlder(random: Random): void {
    const older = this.held[random.below(this.live - 1)];
    if (this.live > 1) this.refuses(() => this.allocator.free(older.address), LifoOrderError);
  }
}

/** A heap, and what it must hold. */
export class HeapSubject extends FreeingSubject<FreeListAllocator> {
  readonly #canGrow: boolean;

  constructor(allocator: FreeListAllocator, source: Source, isDebug: boolean, canGrow: boolean) {
    super(allocator, source, isDebug);
    this.#canGrow = canGrow;
  }

  protected override get isBounded(): boolean {
    return !this.#canGrow || this.source.isTight;
  }

  protected override state(): number {
    return this.allocator.stats().usedBytes;
  }

  protected override hasRoom(byteLength: number, align: number): boolean {
    if (!this.isBounded) return true;
    return align <= 8 && byteLength <= this.allocator.stats().largestFreeBytes;
  }

  protected override compareFigures(): void {
    const { usedBytes, peakBytes, byteLength, allocations } = this.allocator.stats();
    const held = this.held.reduce((sum, { bytes }) => sum + bytes.length, 0);
    assertEquals([usedBytes, allocations], [held, this.live]);
    assert(byteLength === this.source.counter.usedBytes && peakBytes >= usedBytes);
  }

  protected override repertoire(): Repertoire {
    const { alloc, allocRecord, allocAt, allocArray, allocWrong, lend, free, realloc } = this;
    const { read, write, useWrong, readPast, reset, growMemory, trim } = this;
    return {
      rising: [alloc, alloc, allocRecord, allocAt, allocArray, lend, realloc, free, free],
      falling: [free, free, free, alloc, realloc],
      often: [read, write, useWrong, useWrong, readPast, allocWrong, realloc],
      seldom: [reset, growMemory, trim],
    };
  }

  lend(random: Random): void {
    const [byteLength, align] = [someSize(random), someAlign(random)];
    const region = this.allocator.allocate(byteLength, align);
    const address = this.allocator.addressOf(
      new Uint8Array(region.buffer, region.byteOffset, byteLength),
    );
    this.took(address, byteLength, align, -1, region);
  }

  free(random: Random): void {
    const it = this.any(random);
    if (it === undefined) return;
    const { address, region } = it;
    this.end([it], () => {
      if (region === undefined) this.allocator.free(address);
      else this.allocator.release(region);
    });
    this.freedAt(address);
    if (region === undefined) return;
    this.refuses(() => this.allocator.release(region), InvalidAddressError);
  }

  realloc(random: Random): void {
    const it = this.any(random);
    if (it === undefined || it.region !== undefined) return;
    const byteLength = someSize(random);
    const { address, bytes: before, align: alignBefore } = it;
    const told = random.oneIn(2) ? someAlign(random) : undefined;
    const now = this.allocator.realloc(address, byteLength, told);
    const align = told ?? alignBefore;
    const found = this.allocator.bytes(now, byteLength);
    const kept = Math.min(before.length, byteLength);
    const isKept = before.subarray(0, kept).every((byte, i) => byte === found[i]);
    assert(isKept && isZero(found, kept), `${byteLength} bytes at ${now} are not what they were`);
    this.held.splice(this.held.indexOf(it), 1);
    found.fill(0, 0, kept);
    this.took(now, byteLength, align);
    if (now !== address) this.freedAt(address);
  }

  protected override reset(): void {
    const lent = this.held.flatMap(({ region }) => region ?? []);
    super.reset();
    for (const region of lent) this.allocator.release(region); // they came back already
  }

  trim(): void {
    const { byteLength } = this.allocator.stats();
    const given = this.allocator.trim();
    assert(given === byteLength - this.allocator.stats().byteLength);
  }
}
