/**
 * Pools for the soak: every kind of pool, handle and memory, in debug mode and out of it.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  type AnyHandle,
  LeakError,
  OutOfMemoryError,
  PoolExhaustedError,
  type PoolOptions,
  SnapshotError,
  StaleHandleError,
  validate,
} from "../../mod.ts";
import { forge } from "../_support.ts";
import { type Face, FACES, Records } from "./_faces.ts";
import type { Random } from "./_random.ts";
import type { Maker, Subject } from "./_soak.ts";
import { type Source, SOURCES } from "./_sources.ts";

const MAX_CHUNKS = 1024;

/** A state to go back to. */
interface Saved {
  readonly bytes: Uint8Array;
  readonly records: Records;
  readonly stale: readonly AnyHandle[];
}

/** Stale handles that are remembered, too few for a generation to come round meanwhile. */
const MAX_STALE = 64;

/** A pool, and what it must hold. */
class PoolSubject implements Subject {
  readonly #face: Face;
  readonly #source: Source;
  readonly #isDebug: boolean;
  readonly #cursors: readonly object[];
  #records = new Records();
  #stale: AnyHandle[] = [];
  #saved: Saved | undefined;
  /** Written to again and again, as a rollback does. */
  #buffer: Uint8Array = new Uint8Array(0);
  /** How many records there are to be, as of now: pools fill and empty. */
  #tide = 0;
  #serial = 0;

  constructor(face: Face, source: Source, isDebug: boolean) {
    this.#face = face;
    this.#source = source;
    this.#isDebug = isDebug;
    this.#cursors = face.patterns.map((_, kind) => face.cursor(kind));
  }

  get live(): number {
    return this.#records.size;
  }

  step(random: Random): string {
    if (random.oneIn(500)) this.#tide = random.below(this.#face.pool.maxChunks * 1.2);
    const isRising = this.live < this.#tide;
    const dice = random.below(128);
    const name = random.pick(
      dice === 0 ? SELDOM : dice < 40 ? OFTEN : isRising ? RISING : FALLING,
    );
    try {
      this[name](random);
    } catch (error) {
      // Memory may run out wherever it is asked for.
      if (!(error instanceof OutOfMemoryError && this.#source.isTight)) throw error;
      this.#compareFigures();
      return "out of memory";
    }
    assert(this.#face.pool.size === this.live, `${name}: ${this.#face.pool.size} records`);
    return name;
  }

  check(): void {
    validate(this.#face.pool);
    this.#compareFigures();
    for (const handle of this.#records.handles) this.#assertIntact(handle);
    for (const handle of this.#stale) {
      assert(!this.#face.pool.has(handle), `stale handle ${handle} is live`);
    }
  }

  dispose(): void {
    const { pool } = this.#face;
    if (this.#isDebug && this.live > 0) {
      const { leaks } = assertThrows(() => pool.dispose(), LeakError);
      assertEquals(leaks.length, this.live);
      assert(leaks.every(({ handle }) => this.#records.has(handle)));
    } else pool.dispose();
    assertEquals([this.#source.counter.regions, this.#source.counter.usedBytes], [0, 0]);
  }

  #compareFigures(): void {
    const { pool } = this.#face;
    const { size, capacity, byteLength, allocs, frees, blocks } = pool.stats();
    assertEquals([size, allocs - frees], [this.live, this.live]);
    assertEquals(byteLength, this.#source.counter.usedBytes);
    assertEquals(blocks, this.#source.counter.regions);
    assert(size <= capacity && capacity <= pool.maxChunks);
  }

  #assertIntact(handle: AnyHandle, view: object = this.#view(handle)): void {
    const pattern = this.#face.patterns[this.#records.kindOf(handle)];
    assert(
      pattern.isIntact(view, this.#records.serialOf(handle)),
      `record ${handle} is not what it was`,
    );
  }

  #view(handle: AnyHandle): object {
    return this.#face.get(this.#records.kindOf(handle), handle);
  }

  #kind(random: Random): number {
    return random.below(this.#face.patterns.length);
  }

  #any(random: Random): AnyHandle {
    return this.#records.at(random.below(Math.max(1, this.live)));
  }

  #added(handle: AnyHandle, kind: number, serial: number): void {
    assert(this.#records.add(handle, kind, serial), `handle ${handle} was given out twice`);
  }

  /** Fills a new record, which has to be empty. */
  #fill(handle: AnyHandle, kind: number, view: object): void {
    const pattern = this.#face.patterns[kind];
    assert(pattern.isZero(view), `new record ${handle} is not empty`);
    const serial = this.#serial++;
    pattern.fill(view, serial);
    this.#added(handle, kind, serial);
  }

  #freed(handle: AnyHandle): void {
    assert(this.#records.remove(handle), `record ${handle} was not live`);
    if (this.#stale.length === MAX_STALE) this.#stale.shift();
    this.#stale.push(handle);
  }

  /** Chunks that the pool of a kind may still give out. */
  #room(kind: number): number {
    const { maxChunks, size } = this.#face.poolOf(kind);
    return maxChunks - size;
  }

  // -- operations: one record --

  alloc(random: Random): void {
    const kind = this.#kind(random);
    const serial = this.#serial++;
    const init = this.#face.patterns[kind].init(serial);
    if (this.#room(kind) > 0) this.#added(this.#face.alloc(kind, init), kind, serial);
    else assertThrows(() => this.#face.alloc(kind, init), PoolExhaustedError);
  }

  tryAlloc(random: Random): void {
    const kind = this.#kind(random);
    const isFull = this.#room(kind) === 0;
    const handle = this.#face.tryAlloc(kind);
    assert((handle === undefined) === isFull, `tryAlloc gave ${handle}`);
    if (handle !== undefined) this.#fill(handle, kind, this.#face.get(kind, handle));
  }

  allocAt(random: Random): void {
    const kind = this.#kind(random);
    const cursor = this.#cursors[kind];
    if (this.#room(kind) === 0) {
      assertThrows(() => this.#face.allocAt(kind, cursor), PoolExhaustedError);
    } else this.#fill(this.#face.allocAt(kind, cursor), kind, cursor);
  }

  scoped(random: Random): void {
    const kind = this.#kind(random);
    if (this.#room(kind) === 0) return;
    using scratch = this.#face.scoped(kind);
    this.#face.patterns[kind].fill(scratch.view, -1);
    assert(this.#face.patterns[kind].isIntact(scratch.view, -1));
    assert(this.#face.pool.has(forge(scratch.handle)) && !this.#records.has(scratch.handle));
  }

  free(random: Random): void {
    const handle = this.#any(random);
    if (handle === 0) return;
    const pattern = this.#face.patterns[this.#records.kindOf(handle)];
    const view = this.#view(handle);
    this.#assertIntact(handle, view);
    this.#face.pool.free(handle);
    this.#freed(handle);
    if (this.#isDebug) assertThrows(() => pattern.isZero(view), StaleHandleError);
  }

  tryFree(random: Random): void {
    const handle = this.#any(random);
    if (handle !== 0) this.#assertIntact(handle);
    assert(this.#face.pool.tryFree(handle) === (handle !== 0));
    if (handle !== 0) this.#freed(handle);
  }

  get(random: Random): void {
    const handle = this.#any(random);
    if (handle !== 0) this.#assertIntact(handle);
  }

  seek(random: Random): void {
    const handle = this.#any(random);
    if (handle === 0) return;
    const cursor = this.#cursors[this.#records.kindOf(handle)];
    this.#assertIntact(handle, this.#face.seek(cursor, handle));
    assert(this.#face.pool.handleOf(cursor) === handle);
  }

  write(random: Random): void {
    const handle = this.#any(random);
    if (handle === 0) return;
    const serial = this.#serial++;
    this.#face.patterns[this.#records.kindOf(handle)].fill(this.#view(handle), serial);
    this.#records.change(handle, serial);
  }

  set(random: Random): void {
    const handle = this.#any(random);
    if (handle === 0) return;
    const kind = this.#records.kindOf(handle);
    const serial = this.#serial++;
    this.#face.set(kind, handle, this.#face.patterns[kind].init(serial));
    this.#records.change(handle, serial);
  }

  useStale(random: Random): void {
    const { pool } = this.#face;
    const handle = this.#stale.length > 0 ? random.pick(this.#stale) : forge(0);
    assert(!pool.has(handle) && !pool.tryFree(handle));
    assert(this.#face.tryGet(0, handle) === undefined);
    assertThrows(() => pool.free(handle), StaleHandleError);
  }

  useForged(random: Random): void {
    const { pool } = this.#face;
    const handle = forge(random.bits() * random.below(2 ** 20));
    assert(pool.has(handle) === this.#records.has(handle), `forged handle ${handle}`);
  }

  // -- operations: many records --

  allocMany(random: Random): void {
    const kind = this.#kind(random);
    const count = random.below(random.oneIn(8) ? 400 : 20);
    const out = random.oneIn(2) ? new Float64Array(count) : [];
    if (count > this.#room(kind)) {
      assertThrows(() => this.#face.allocMany(kind, count, out), PoolExhaustedError);
      return;
    }
    const handles = this.#face.allocMany(kind, count, out);
    assert(handles.length === count);
    for (let i = 0; i < count; i++) this.#fill(handles[i], kind, this.#face.get(kind, handles[i]));
  }

  freeMany(random: Random): void {
    const handles = this.#some(random);
    for (const handle of handles) this.#assertIntact(handle);
    this.#face.pool.freeMany(random.oneIn(2) ? handles : Float64Array.from(handles));
    for (const handle of handles) this.#freed(handle);
  }

  freeManyBad(random: Random): void {
    const handles = this.#some(random);
    const bad = random.oneIn(2) ? this.#stale[0] : handles[0];
    handles.splice(random.below(handles.length + 1), 0, bad ?? forge(0));
    assertThrows(() => this.#face.pool.freeMany(handles), StaleHandleError);
  }

  /** Some live handles, no two the same. */
  #some(random: Random): AnyHandle[] {
    const first = random.below(Math.max(1, this.live));
    return this.#records.handles.slice(first, first + random.below(random.oneIn(8) ? 300 : 20));
  }

  clear(): void {
    const { pool } = this.#face;
    const { capacity } = pool;
    pool.clear();
    assert(pool.capacity === capacity);
    this.#freedUnlessLive();
  }

  freeBlock(random: Random): void {
    const { pool } = this.#face;
    if (pool.blocks.length === 0) return;
    const { index, live, chunkCount } = random.pick(pool.blocks);
    const { size, capacity } = pool;
    pool.freeBlock(index);
    assertEquals([pool.size, pool.capacity], [size - live, capacity - chunkCount]);
    this.#freedUnlessLive();
  }

  #freedUnlessLive(): void {
    for (const handle of [...this.#records.handles]) {
      if (!this.#face.pool.has(handle)) this.#freed(handle);
    }
  }

  retain(random: Random): void {
    const odds = 2 + random.below(6);
    let seen = 0, freed = 0;
    const { live } = this;
    const answer = this.#face.retain((view, handle) => {
      if (this.#face.isTyped) this.#assertIntact(handle, view);
      seen++;
      if (!random.oneIn(odds)) return true;
      this.#freed(handle);
      freed++;
      return false;
    });
    assertEquals([seen, answer], [live, freed]);
  }

  // -- operations: every record --

  forEach(random: Random): void {
    const { pool } = this.#face;
    const seen = new Set<number>();
    const before = [...this.#records.handles];
    this.#face.forEach((view, handle) => {
      assert(!seen.has(handle), `saw ${handle} twice`);
      seen.add(handle);
      this.#assertIntact(handle, this.#face.isTyped ? view : undefined);
      const meddling = random.below(40);
      if (meddling < 4) this.free(random);
      else if (meddling < 6 && this.#records.has(handle)) {
        pool.free(handle);
        this.#freed(handle);
      } else if (meddling < 8) this.tryAlloc(random);
    });
    for (const handle of before) {
      assert(seen.has(handle) || !this.#records.has(handle), `did not see ${handle}`);
    }
  }

  views(): void {
    let seen = 0;
    for (const view of this.#face.views()) {
      this.#assertIntact(
        forge(this.#face.pool.handleOf(view)),
        this.#face.isTyped ? view : undefined,
      );
      seen++;
    }
    assert(seen === this.live);
  }

  handles(): void {
    let seen = 0;
    for (const handle of this.#face.pool.handles()) {
      assert(this.#records.has(handle), `handles() gave ${handle}`);
      seen++;
    }
    assert(seen === this.live);
  }

  // -- operations: memory --

  reserve(random: Random): void {
    const kind = this.#kind(random);
    const pool = this.#face.poolOf(kind);
    const chunks = random.below(pool.maxChunks * 1.1);
    if (chunks > pool.maxChunks) {
      assertThrows(() => this.#face.reserve(kind, chunks), PoolExhaustedError);
    } else {
      this.#face.reserve(kind, chunks);
      assert(pool.capacity >= chunks);
    }
  }

  trim(): void {
    const { pool } = this.#face;
    const { byteLength } = pool;
    assert(pool.trim() === byteLength - pool.byteLength);
    assert(pool.blocks.every(({ live }) => live > 0));
  }

  growMemory(): void {
    if (this.#source.grow()) this.#face.pool.rebind();
  }

  // -- operations: snapshots --

  save(random: Random): void {
    const bytes = this.#face.pool.snapshot(this.#buffer, { checksum: random.oneIn(2) });
    this.#buffer = bytes;
    this.#saved = { bytes, records: this.#records.copy(), stale: [...this.#stale] };
  }

  restore(): void {
    const { pool } = this.#face;
    if (this.#saved === undefined) return;
    const { bytes, records, stale } = this.#saved;
    const before = this.#records;
    this.#records = records.copy();
    try {
      pool.restore(bytes);
    } catch (error) {
      this.#records = before;
      throw error;
    }
    this.#stale = [...stale];
    this.#compareFigures();
    for (const handle of this.#records.handles) this.#assertIntact(handle);
  }

  restoreBad(random: Random): void {
    const { pool } = this.#face;
    const bytes = pool.snapshot();
    if (random.oneIn(2)) {
      bytes[random.below(bytes.length)] ^= 1 << random.below(8);
      assertThrows(() => pool.restore(bytes), SnapshotError);
    } else {
      const cut = bytes.subarray(0, random.below(bytes.length));
      assertThrows(() => pool.restore(cut), SnapshotError);
    }
  }
}

/** Names of the operations. */
type Operation = Exclude<keyof PoolSubject, keyof Subject>;

/** What fills a pool and what empties it, in turn; most operations are of the one or of the other. */
const RISING: readonly Operation[] = [
  "alloc",
  "tryAlloc",
  "allocAt",
  "allocAt",
  "allocMany",
  "free",
];
const FALLING: readonly Operation[] = ["free", "free", "tryFree", "freeMany", "allocAt"];
/** What looks at single records, or changes them. */
const OFTEN: readonly Operation[] = [
  "get",
  "seek",
  "write",
  "set",
  "scoped",
  "useStale",
  "useForged",
  "freeManyBad",
];
/** What takes time in proportion to the pool, or changes it as a whole. */
const SELDOM: readonly Operation[] = [
  "clear",
  "forEach",
  "freeBlock",
  "growMemory",
  "handles",
  "reserve",
  "restore",
  "restoreBad",
  "retain",
  "save",
  "trim",
  "views",
];

/** One maker for each kind of pool, handle and memory, with debug mode and without. */
export const POOLS: readonly Maker[] = Object.entries(FACES).flatMap(([face, makeFace]) =>
  (["compact", "wide"] as const).flatMap((handles) =>
    [false, true].flatMap((debug) =>
      Object.entries(SOURCES).map(([memory, makeSource]) => ({
        name: `${face} (${handles}, ${memory}${debug ? ", debug" : ""})`,
        turn: debug ? 250 : 1000, // as each takes so much longer
        make(random: Random): Subject {
          const source = makeSource(random);
          const options: PoolOptions = {
            handles,
            debug,
            memory: source.memory,
            chunksPerBlock: random.pick([16, 32, 64, 256]),
            maxChunks: MAX_CHUNKS,
            keepEmptyBlocks: random.below(4),
          };
          return new PoolSubject(makeFace(options), source, debug);
        },
      }))
    )
  )
);
