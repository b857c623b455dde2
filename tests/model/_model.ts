/**
 * The model: a pool of any kind beside a `Map` of what its records are, compared with it after
 * every operation.
 *
 * @module
 */
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  ErasedPool,
  HandleMap,
  LeakError,
  OutOfMemoryError,
  Pool,
  PoolSet,
  SharedPool,
  snapshot,
  spread,
  validate,
} from "../../mod.ts";
import type { AnyHandle, AnyStruct, PoolBlock, PoolOptions } from "../../mod.ts";
import type { Block } from "../../src/slab/block.ts";
import { slabs } from "../../src/slab/slab.ts"; // for the blocks of records
import { forge, untyped } from "../_support.ts";
import { OUT_OF_MEMORY, type Source } from "./_memories.ts";
import { OPERATIONS, POOL_NAMES, RECORD_NAMES } from "./_operations.ts";
import { Random } from "../_random.ts";
import type { Player } from "./_soak.ts";
import { isSame, mapLeaves, merge, type Plain, zeroOf } from "./_values.ts";

/** The members of any pool by name. Those of a pool of one struct do not take a struct first. */
// deno-lint-ignore no-explicit-any -- no type says at once what the members of all pools take
export type AnyPool = any;
// deno-lint-ignore no-explicit-any -- a view of any struct
export type AnyView = any;

/** Frees after which a chunk may come again with `reuse: spread`. */
const REST = 1024;

/** A live record; replaced when it is written to, so that a map of them can be copied. */
interface Rec {
  /** Serial number: the same in every pool that the same operations are played on. */
  readonly id: number;
  readonly struct: AnyStruct;
  readonly index: number;
  readonly value: Plain;
}

/** The expected state of a pool. */
export class State {
  /** The live records by handle, in an order that depends on the operations alone. */
  live: Map<number, Rec> = new Map();
  /** Handles whose records were freed. */
  stale: Set<number> = new Set();
  /** Frees up to the last one of each chunk, by index. */
  freedAt: Map<number, number> = new Map();
  /** Live records and the most that there were, by size class. */
  sizes: number[];
  peaks: number[];
  allocs = 0;
  /** Indices of chunks that are not given out any more. */
  retired: Set<number> = new Set();

  constructor(classes: number) {
    this.sizes = Array(classes).fill(0);
    this.peaks = [...this.sizes];
  }

  get handles(): number[] {
    return [...this.live.keys()];
  }

  get frees(): number {
    return this.allocs - this.live.size;
  }

  copy(): State {
    const { live, stale, freedAt, sizes, peaks, allocs, retired } = this;
    return Object.assign(new State(0), {
      ...{ live: new Map(live), stale: new Set(stale), freedAt: new Map(freedAt), allocs },
      ...{ sizes: [...sizes], peaks: [...peaks], retired: new Set(retired) },
    });
  }

  add(handle: number, rec: Rec): void {
    assert(handle !== 0 && !this.live.has(handle), `handle ${handle} was given out while live`);
    this.live.set(handle, rec);
  }
}

/** A pool under test, and how it was made. */
interface Setting {
  readonly pool: AnyPool;
  readonly structs: readonly AnyStruct[];
  readonly options: PoolOptions;
  readonly source: Source;
  /** Chunks that each size class may have. */
  readonly maxChunks: number;
  /** Whether the pool knows of each record which struct it has. */
  readonly isTyped: boolean;
  /** How many stale handles are remembered. */
  readonly maxStale: number;
}

/** A snapshot or a save. */
interface Moment {
  readonly bytes: Uint8Array;
  readonly state: State;
}

/** A pool and what is expected of it. */
export class Subject implements Player {
  readonly setting: Setting;
  readonly source: Source;
  /** Of a `SharedPool` the parts, which take turns; else the pool alone. */
  readonly parts: readonly AnyPool[];
  pool: AnyPool;
  state: State;
  readonly map: HandleMap<AnyStruct, number>;
  /** What the map should hold. */
  readonly values: Map<number, number> = new Map();
  readonly moments: Moment[] = [];
  readonly saves: Moment[] = [];
  /** How deep in callbacks and getters it is. */
  depth = 0;
  serial = 0;
  /** How many records compaction has moved. */
  moves = 0;
  /** How many chunks were given out again with `reuse: spread`. */
  reuses = 0;
  /** What the loops call. */
  visit: (...args: unknown[]) => unknown = () => {};
  readonly #cursors = new Map<AnyStruct, AnyView>();
  readonly #loops = new Map<unknown, (...args: unknown[]) => void>();

  constructor(setting: Setting) {
    this.setting = setting;
    const { pool, structs, options: { specialize = true } } = setting;
    this.pool = pool;
    this.source = setting.source;
    this.parts = pool instanceof SharedPool
      ? [pool, untyped<AnyPool>(SharedPool.attach(structs[0], pool.share(), { specialize }))]
      : [pool];
    this.map = new HandleMap<AnyStruct, number>(untyped(pool));
    this.state = new State(pool instanceof PoolSet ? pool.pools.length : 1);
    if (this.isShared) return;
    for (const struct of structs) pool.cursor(...this.of(struct)); // makes them known
  }

  get live(): number {
    return this.state.live.size;
  }

  get isShared(): boolean {
    return this.pool instanceof SharedPool;
  }

  get isDebug(): boolean {
    return Boolean(this.setting.options.debug);
  }

  /** Whether the pool has records of several structs, which its members take first. */
  get isMixed(): boolean {
    return !(this.pool instanceof Pool || this.pool instanceof SharedPool);
  }

  /** What comes first in the arguments of a member. */
  of(struct: AnyStruct): AnyStruct[] {
    return this.isMixed ? [struct] : [];
  }

  someStruct(random: Random): AnyStruct {
    return random.pick(this.setting.structs);
  }

  /** Some live handle; there must be one. */
  some(random: Random): AnyHandle {
    return forge(random.pick(this.state.handles));
  }

  rec(handle: number): Rec {
    return this.state.live.get(handle)!; // callers ask for live ones
  }

  view(handle: number): AnyView {
    return this.pool.get(...this.of(this.rec(handle).struct), handle);
  }

  cursor(struct: AnyStruct): AnyView {
    if (this.isShared) return this.pool.cursor();
    const cursor = this.#cursors.get(struct) ?? this.pool.cursor(...this.of(struct));
    this.#cursors.set(struct, cursor);
    return cursor;
  }

  /** The loop over the records of a struct, or over all, that calls `visit`. */
  loop(front: AnyStruct[]): (...args: unknown[]) => void {
    const key = this.isShared ? this.pool : front.map((it) => it.name).join();
    const loop = this.#loops.get(key) ??
      this.pool.loop(...front, (...args: unknown[]) => this.visit(...args));
    this.#loops.set(key, loop);
    return loop;
  }

  classOf(struct: AnyStruct): number {
    const { pool } = this;
    return pool instanceof PoolSet ? pool.pools.indexOf(pool.poolFor(struct)) : 0;
  }

  /** Chunks that may still be given out to records of a struct. */
  room(struct: AnyStruct): number {
    const at = this.classOf(struct);
    const { maxChunks } = this.setting;
    const { sizes, retired } = this.state;
    const gone = [...retired].filter((index) => Math.floor(index / maxChunks) === at);
    return maxChunks - sizes[at] - gone.length;
  }

  /** Live handles in block and chunk order; of one struct alone where the pool knows. */
  ordered(struct?: AnyStruct): number[] {
    const { handles, live } = this.state;
    const isOne = struct !== undefined && this.setting.isTyped;
    const some = handles.filter((it) => !isOne || live.get(it)?.struct === struct);
    return some.sort((a, b) => this.rec(a).index - this.rec(b).index);
  }

  // -- operations --

  /** Does some operation; few of them are on the whole pool. */
  step(random: Random): string {
    const name = random.pick(random.oneIn(100) ? POOL_NAMES : RECORD_NAMES);
    this.play(name, random.bits());
    return name;
  }

  /** Does an operation; returns its result, which does not depend on handles. */
  play(name: string, seed: number): unknown {
    const random = new Random(seed);
    this.pool = random.pick(this.parts);
    try {
      return OPERATIONS[name](this, random);
    } catch (error) {
      // Memory may run out wherever it is asked for.
      if (!(error instanceof OutOfMemoryError && this.source.isTight)) throw error;
      return OUT_OF_MEMORY;
    }
  }

  // -- changes --

  added(handle: number, struct: AnyStruct, part: unknown = {}): AnyHandle {
    const { state, setting: { options, maxChunks, source } } = this;
    const index: number = this.pool.indexOf(handle);
    assert(!state.stale.has(handle), `handle ${handle} was given out a second time`);
    const value = merge(struct, zeroOf(struct), part) as Plain;
    state.add(handle, { id: ++this.serial, struct, index, value });
    state.allocs++;
    const at = this.classOf(struct);
    if (options.reuse === spread) {
      const between = state.frees - (state.freedAt.get(index) ?? -REST);
      if (state.freedAt.has(index)) this.reuses++;
      // Where there is no other chunk or no memory, one comes again earlier.
      const isTight = source.isTight || maxChunks - state.sizes[at] - state.retired.size <= REST;
      assert(isTight || between >= REST, `chunk ${index} came again after ${between} frees`);
    } else if (!this.isShared) this.#assertLowest(handle);
    state.peaks[at] = Math.max(state.peaks[at], ++state.sizes[at]);
    return forge(handle);
  }

  /** Asserts that a new record is in the lowest block that had room. */
  #assertLowest(handle: number): void {
    const slab = slabs.get(this.pool)!.find((it) => it.find(handle) !== undefined)!; // it is live
    const { position } = slab.find(handle)!;
    const hasRoom = ({ live, retired, chunkCount }: Block) => live + retired < chunkCount;
    const first = slab.mappedBlocks().find(hasRoom)?.position ?? Infinity;
    assert(first >= position, `record ${handle} went to block ${position}, and ${first} has room`);
  }

  wrote(handle: number, value: unknown): void {
    this.state.live.set(handle, { ...this.rec(handle), value: value as Plain });
  }

  /**
   * Expects a record to hold what it holds, after a write that may have stopped halfway.
   */
  adopt(handle: number): void {
    if (this.state.live.has(handle)) this.wrote(handle, this.view(handle).toJSON());
  }

  freed(handle: number): void {
    const { state, setting: { maxStale } } = this;
    const { struct, index } = this.rec(handle);
    assert(state.live.delete(handle), `record ${handle} was freed and not live`);
    state.sizes[this.classOf(struct)]--;
    state.stale.add(handle);
    const [oldest] = state.stale;
    if (state.stale.size > maxStale) state.stale.delete(oldest);
    state.freedAt.set(index, state.frees);
    this.values.delete(handle);
  }

  /** Notes as freed, in block and chunk order, every record that is not live any more. */
  freedUnlessLive(): void {
    for (const handle of this.ordered()) if (!this.pool.has(handle)) this.freed(handle);
  }

  /**
   * Notes that records have other handles, and so have typed links to them, where links are known.
   */
  moved(moves: ReadonlyMap<number, number>, state: State, areLinksKnown: boolean): void {
    const { isTyped } = this.setting;
    const was = state.live;
    const linked = ({ struct, value }: Rec) =>
      mapLeaves(struct, (leaf, to) => {
        const found = areLinksKnown && typeof leaf !== "string" ? was.get(to as number) : undefined;
        const isLink = found !== undefined && (!isTyped || found.struct === leaf);
        return isLink ? moves.get(to as number) ?? to : to;
      }, value) as Plain;
    state.live = new Map();
    for (const [handle, rec] of was) {
      const to = moves.get(handle) ?? handle;
      const index = to === handle ? rec.index : this.pool.indexOf(to);
      state.add(to, { ...rec, index, value: linked(rec) });
    }
    state.freedAt.clear();
  }

  // -- checks --

  check(): void {
    const { state, parts, pool, map, values, setting } = this;
    for (const part of parts) {
      validate(part);
      assertEquals(part.size, this.live);
    }
    this.#compareMemory();
    const ordered = this.ordered();
    if (!this.isShared) assertEquals<number[]>([...pool.handles()], ordered);
    for (const handle of ordered) {
      const { struct, index, value } = this.rec(handle);
      const found = this.view(handle).toJSON();
      if (!isSame(found, value)) assertEquals(found, value, `record ${handle}`);
      assert(pool.has(handle) && pool.indexOf(handle) === index);
      if (this.isMixed && setting.isTyped) assertStrictEquals(pool.typeOf(handle), struct);
      assert(map.get(forge(handle)) === values.get(handle), `the value of ${handle}`);
    }
    const keys = ordered.filter((it) => values.has(it));
    assertEquals([map.size, ...map] as unknown[], [
      ...[values.size, ...keys.map((it) => [it, values.get(it)])],
    ]);
    for (const handle of state.stale) assert(!pool.has(handle), `stale handle ${handle} is live`);
  }

  #compareMemory(): void {
    const { state, pool, setting: { source: { ledger }, maxChunks } } = this;
    this.source.check();
    if (this.isShared) return;
    const { allocs, frees, peakSize, retired, grown, released } = pool.stats();
    const sum = (of: readonly number[]) => of.reduce((a, b) => a + b, 0);
    assertEquals(
      [allocs, frees, peakSize, retired],
      [state.allocs, state.frees, sum(state.peaks), state.retired.size],
    );
    if (pool instanceof ErasedPool && this.setting.isTyped) {
      const lost = Array.from(state.live.values(), ({ struct }) => pool.chunkBytes - struct.size);
      assertEquals(pool.lostBytes(), sum(lost));
    }
    assertEquals([grown - released, released], [ledger.lent.size, ledger.returned.size]);
    assertEquals([pool.blocks.length, pool.byteLength], [ledger.lent.size, ledger.byteLength]);
    // What is live in each block is compared by validate().
    const sumOf = (of: (block: PoolBlock) => number) => sum(pool.blocks.map(of));
    assertEquals([pool.size, pool.capacity, pool.byteLength], [
      ...[sumOf((it) => it.live), sumOf((it) => it.chunkCount), sumOf((it) => it.bytes.length)],
    ]);
    assert(pool.size <= pool.capacity && pool.capacity <= maxChunks * state.sizes.length);
  }

  /** All that a later call can depend on; no two debug pools have the same handles. */
  all(): unknown {
    return this.isDebug ? this.live : snapshot(this.pool);
  }

  /** Disposes of the pool, with its records live. */
  dispose(): void {
    const { state, pool, parts } = this;
    if (this.isDebug && state.live.size > 0) {
      const { leaks } = assertThrows(() => pool.dispose(), LeakError);
      assertEquals(new Set(leaks.map(({ handle }) => handle)), new Set(state.live.keys()));
    }
    for (const part of [...parts, ...parts]) part.dispose();
    this.source.end();
  }
}
