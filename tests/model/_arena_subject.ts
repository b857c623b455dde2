/**
 * Arenas for the soak: marks, scopes and snapshots beside what every byte allocator does.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { type Arena, InvalidAddressError, SnapshotError } from "../../mod.ts";
import { ByteSubject, type Held, type Repertoire, someAlign, someSize } from "./_held_subject.ts";
import type { Random } from "./_random.ts";

/** A state to go back to. */
interface Saved {
  readonly bytes: Uint8Array;
  readonly held: readonly Held[];
  readonly marks: readonly Mark[];
  readonly state: number;
}

interface Mark {
  readonly mark: number;
  /** Addresses of the allocations that were live. */
  readonly live: ReadonlySet<number>;
}

/** An arena, and what it must hold. */
export class ArenaSubject extends ByteSubject<Arena> {
  protected override readonly isCounting = false;
  #marks: Mark[] = [];
  #saved: Saved | undefined;
  /** Written to again and again, as a rollback does. */
  #buffer: Uint8Array = new Uint8Array(0);

  protected override get isBounded(): boolean {
    return this.source.isTight;
  }

  protected override state(): number {
    return this.allocator.mark();
  }

  protected override hasRoom(): boolean {
    return !this.isBounded;
  }

  protected override compareFigures(): void {
    const { usedBytes, peakBytes, byteLength, blocks } = this.allocator.stats();
    const held = this.held.reduce((sum, { bytes }) => sum + bytes.length, 0);
    assert(held <= usedBytes && usedBytes <= peakBytes && usedBytes <= byteLength);
    assertEquals([byteLength, blocks], [
      this.source.counter.usedBytes,
      this.source.counter.regions,
    ]);
  }

  protected override repertoire(): Repertoire {
    const { alloc, allocRecord, allocAt, allocArray, allocWrong, lend, mark, rewind, scope } = this;
    const { giveBack } = this;
    const { read, write, useWrong, readPast, useWrongMark, reset, growMemory } = this;
    return {
      rising: [alloc, allocRecord, allocAt, allocAt, allocArray, lend, lend, giveBack, mark],
      falling: [rewind, alloc, allocRecord, allocAt, mark],
      often: [read, write, useWrong, readPast, allocWrong, scope, useWrongMark],
      seldom: [reset, growMemory, this.trim, this.save, this.restore, this.restoreBad],
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

  giveBack(random: Random): void {
    const lent = this.held.filter((it) => it.region !== undefined);
    const it = lent[random.below(lent.length)];
    const region = it?.region;
    if (region === undefined) return;
    this.end([it], () => this.allocator.release(region));
    this.refuses(() => this.allocator.release(region), InvalidAddressError);
  }

  mark(): void {
    this.#marks.push({ mark: this.allocator.mark(), live: this.#addresses() });
  }

  #addresses(): Set<number> {
    return new Set(this.held.map(({ address }) => address));
  }

  /** What was allocated since. */
  #since(live: ReadonlySet<number>): Held[] {
    return this.held.filter(({ address }) => !live.has(address));
  }

  rewind(random: Random): void {
    const kept = random.below(this.#marks.length);
    if (kept >= this.#marks.length) return;
    const { mark, live } = this.#marks[kept];
    this.#marks.length = kept;
    this.end(this.#since(live), () => this.allocator.rewind(mark));
    assert(this.allocator.mark() === mark);
  }

  scope(random: Random): void {
    const live = this.#addresses();
    const before = this.allocator.mark();
    const scope = this.allocator.scope();
    try {
      for (let i = random.below(30); i > 0; i--) this.alloc(random);
    } finally {
      this.end(this.#since(live), () => scope[Symbol.dispose]());
    }
    assert(this.allocator.mark() === before);
  }

  useWrongMark(random: Random): void {
    const mark = this.allocator.mark();
    const wrong = random.pick([0, NaN, mark + 0.5, mark + 1, mark + 2 ** 33, -mark]);
    this.refuses(() => this.allocator.rewind(wrong), RangeError);
  }

  protected override reset(): void {
    super.reset();
    this.#marks = [];
  }

  trim(): void {
    const { byteLength } = this.allocator.stats();
    const given = this.allocator.trim();
    assert(given === byteLength - this.allocator.stats().byteLength);
  }

  save(random: Random): void {
    const bytes = this.allocator.snapshot(this.#buffer, { checksum: random.oneIn(2) });
    this.#buffer = bytes;
    // What was lent up to then can be released, once, and is not lent again.
    const held = this.held.map((it) => ({ ...it, region: undefined }));
    this.#saved = { bytes, held, marks: [...this.#marks], state: this.state() };
  }

  restore(): void {
    if (this.#saved === undefined) return;
    const { bytes, held, marks, state } = this.#saved;
    try {
      this.allocator.restore(bytes);
    } catch (error) {
      // Where regions start anywhere, one may lie as the addresses do or not.
      if (!(error instanceof SnapshotError && this.source.isSkewed)) throw error;
      this.check();
      return;
    }
    this.held = [...held];
    this.#marks = [...marks];
    assert(this.state() === state);
    this.check();
  }

  restoreBad(random: Random): void {
    const bytes = this.allocator.snapshot();
    const at = random.below(bytes.length);
    bytes[at] ^= random.oneIn(2) ? 1 << random.below(8) : 255;
    const bad = random.oneIn(2) ? bytes.subarray(0, at) : bytes;
    this.refuses(() => this.allocator.restore(bad), SnapshotError);
  }
}
