/**
 * Random operations on several parts of a `SharedPool` in one thread and on a `Map`, compared after
 * every step.
 *
 * A part knows as little of the others as a thread does. So this covers the orders in which whole
 * calls of threads follow each other. Calls that overlap are tested with workers, and by the
 * interleaving checker.
 *
 * @module
 */
import { assert, assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import {
  array,
  PoolExhaustedError,
  SharedPool,
  StaleHandleError,
  struct,
  validate,
} from "../../mod.ts";
import type { AnyHandle, AnyStruct, Stripe, View } from "../../mod.ts";
import { ORPHAN } from "../../src/shared/protocol.ts";
import { Pattern } from "../model/_values.ts";
import { Random } from "../_random.ts";
import { slabOf } from "./_support.ts";

const RUNS = 40;
const STEPS = 300;
/** Number of stale handles that are tried after each step. */
const STALE_TRIED = 4;

const STRUCTS: readonly AnyStruct[] = [
  struct({ n: "u8" }, { name: "Byte" }),
  struct({ n: "u16" }, { name: "Pair" }),
  struct({ of: array("u8", 3) }, { name: "Odd" }),
  struct({ at: struct({ x: "f32", y: "f32" }), score: "i64", alive: "bool" }, { name: "Nested" }),
  struct({ of: array(struct({ a: "u16", b: "f64" }), 19) }, { name: "Large" }), // 304 bytes
];

type Part = SharedPool<AnyStruct>;

/** A pool with several parts, and the model of it. */
class Run {
  readonly #random: Random;
  readonly #pattern: Pattern;
  /** The parts that have not left. */
  readonly #parts: Part[] = [];
  /** Threads that ended without leaving, and whose blocks were not adopted yet. */
  readonly #lost: number[] = [];
  /** Serial number of each live record's pattern. */
  readonly #live = new Map<AnyHandle, number>();
  readonly #stale: AnyHandle[] = [];
  readonly #isWide: boolean;
  #serial = 0;
  #turn = 0;

  /** Whether the third generation is the last, so that chunks wrap or retire all the time. */
  readonly #isShort: boolean;

  constructor(random: Random, handles: "compact" | "wide", parts: number, isShort: boolean) {
    this.#random = random;
    this.#isShort = isShort;
    this.#isWide = handles === "wide";
    this.#pattern = new Pattern(random.pick(STRUCTS));
    const chunksPerBlock = random.pick([16, 32]);
    this.#join(SharedPool.create(this.#pattern.struct, {
      name: "model",
      handles,
      chunksPerBlock,
      maxChunks: chunksPerBlock * random.pick([1, 2, 4]),
      keepEmptyBlocks: random.below(3),
      specialize: true,
    }));
    while (this.#parts.length < parts) this.#attach();
  }

  step(): void {
    const random = this.#random;
    const act = random.below(100);
    if (act < 34) this.#alloc();
    else if (act < 66) this.#free();
    else if (act < 72) this.#freeStale();
    else if (act < 78) this.#write();
    else if (act < 83) this.#seek();
    else if (act < 88) this.#iterate();
    else if (act < 92) this.#many();
    else if (act < 94 && this.#parts.length < 4) this.#attach();
    else if (act < 96 && this.#parts.length > 1) this.#leave();
    else if (act < 98 && this.#parts.length > 1) this.#vanish();
    else this.#adopt();
    this.#check();
  }

  // -- operations --

  #alloc(part: Part = this.#random.pick(this.#parts)): boolean {
    const serial = ++this.#serial;
    const how = this.#random.below(3);
    const init = how === 0 ? this.#pattern.init(serial) as never : undefined; // plain values
    const cursor = part.cursor();
    let handle: AnyHandle;
    try {
      handle = (how === 1 ? part.allocAt(cursor) : part.alloc(init)) as AnyHandle;
    } catch (error) {
      assertInstanceOf(error, PoolExhaustedError);
      assertEquals(part.tryAlloc(init), undefined);
      this.#assertFull(part);
      return false;
    }
    const view = how === 1 ? cursor : part.get(handle);
    if (init === undefined) {
      assert(this.#pattern.isZero(view), "a new record is not zero");
      this.#pattern.fill(view, serial);
    }
    return this.#added(handle, serial);
  }

  #added(handle: AnyHandle, serial: number): true {
    assert(handle > 0, `handle ${handle} was given out`);
    assert(!this.#live.has(handle), `handle ${handle} was given out while it was live`);
    assert(!this.#isWide || !this.#stale.includes(handle), `handle ${handle} came twice`);
    this.#live.set(handle, serial);
    return true;
  }

  /** A part finds no chunk only if there is none in its own blocks and in orphans. */
  #assertFull(part: Part): void {
    assertEquals(part.capacity, part.maxChunks);
    for (const { owner, hasRoom } of slabOf(part).mappedBlocks()) {
      assert(!hasRoom || owner !== part.thread && owner !== ORPHAN, "a block has room");
    }
  }

  #free(handle: AnyHandle | undefined = this.#pick()): void {
    if (handle === undefined) return;
    const part = this.#random.pick(this.#parts);
    assert(this.#pattern.isIntact(part.get(handle), this.#live.get(handle)!), "before its free");
    if (this.#random.oneIn(2)) part.free(handle);
    else assert(part.tryFree(handle));
    this.#live.delete(handle);
    this.#stale.push(handle);
  }

  #freeStale(): void {
    if (this.#stale.length === 0) return;
    const handle = this.#random.pick(this.#stale);
    if (this.#live.has(handle)) return; // the generation came round
    const part = this.#random.pick(this.#parts);
    assertThrows(() => part.free(handle), StaleHandleError, "Cannot free");
    assertThrows(() => part.get(handle), StaleHandleError, "Cannot get");
  }

  #write(): void {
    const handle = this.#pick();
    if (handle === undefined) return;
    const part = this.#random.pick(this.#parts);
    const serial = ++this.#serial;
    if (this.#random.oneIn(2)) part.set(handle, this.#pattern.init(serial) as never); // plain values of the struct
    else this.#pattern.fill(part.get(handle), serial);
    this.#live.set(handle, serial);
  }

  #seek(): void {
    const handle = this.#pick();
    if (handle === undefined) return;
    const part = this.#random.pick(this.#parts);
    const cursor = part.seek(part.cursor(), handle);
    assert(this.#pattern.isIntact(cursor, this.#live.get(handle)!), "under a cursor");
    assertEquals<number>(part.handleOf(cursor), handle);
  }

  /** A pass that frees and allocates: a record that stays is visited once, and none twice. */
  #iterate(): void {
    const part = this.#random.pick(this.#parts);
    const before = new Set(this.#live.keys());
    const freed = new Set<AnyHandle>();
    const seen = new Set<AnyHandle>();
    this.#pass(part, (view, handle) => {
      assert(!seen.has(handle), `handle ${handle} was visited twice`);
      assert(!freed.has(handle), `handle ${handle} was visited after its free`);
      seen.add(handle);
      assert(this.#pattern.isIntact(view, this.#live.get(handle) ?? NaN), `visiting ${handle}`);
      if (this.#isShort) return; // a handle may come round again in one pass
      const act = this.#random.below(8);
      const victim = act === 0 ? handle : act === 1 ? this.#pick() : undefined;
      if (victim !== undefined && this.#live.has(victim)) {
        this.#free(victim);
        freed.add(victim);
      } else if (act === 2) this.#alloc();
    });
    for (const handle of before) {
      assert(seen.has(handle) || freed.has(handle), `handle ${handle} was not visited`);
    }
  }

  /** Fills the pool, or empties it. */
  #many(): void {
    if (this.#random.oneIn(2)) {
      for (const part of this.#parts) while (this.#alloc(part));
    } else {
      for (const handle of [...this.#live.keys()]) this.#free(handle);
    }
  }

  // -- parts --

  #attach(): void {
    // One pool has parts with code of their own, and parts that share it.
    const specialize = this.#parts.length % 2 === 0;
    const token = structuredClone(this.#parts[0].share());
    this.#join(SharedPool.attach(this.#pattern.struct, token, { specialize }));
  }

  #join(part: Part): void {
    this.#parts.push(part);
    if (this.#isShort) Object.assign(slabOf(part), { lastStamp: 3 * 2 + 1 - 2 }); // see FIRST_STAMP
  }

  #leave(): void {
    this.#remove().dispose();
  }

  /** Ends a part like a thread that is terminated between two calls. */
  #vanish(): void {
    this.#lost.push(this.#remove().thread);
  }

  #remove(): Part {
    const [part] = this.#parts.splice(this.#random.below(this.#parts.length), 1);
    return part;
  }

  #adopt(): void {
    const thread = this.#lost.pop();
    if (thread !== undefined) this.#random.pick(this.#parts).adopt(thread);
  }

  #pick(): AnyHandle | undefined {
    return this.#live.size === 0 ? undefined : this.#random.pick([...this.#live.keys()]);
  }

  // -- checks --

  #check(): void {
    for (const part of this.#parts) {
      validate(part);
      assertEquals(part.size, this.#live.size);
      assertEquals(part.capacity, this.#parts[0].capacity);
    }
    const part = this.#random.pick(this.#parts);
    const { codec } = slabOf(part);
    const expected = [...this.#live.keys()].sort((a, b) => codec.index(a) - codec.index(b));
    assertEquals<number[]>(this.#passOf(part), expected);
    for (const [handle, serial] of this.#live) {
      assert(
        this.#pattern.isIntact(part.get(handle), serial),
        `record ${handle} changed by itself`,
      );
    }
    for (let i = 0; i < Math.min(STALE_TRIED, this.#stale.length); i++) {
      const handle = this.#stale[this.#turn++ % this.#stale.length];
      if (this.#live.has(handle)) continue;
      assert(!part.has(handle) && !part.tryFree(handle), `stale handle ${handle} was accepted`);
    }
  }

  /**
   * The handles that a pass visits, in order of their chunks; sometimes of several stripes
   * together.
   */
  #passOf(part: Part): number[] {
    const workers = this.#random.pick([1, 1, 2, 3]);
    const stripes = Array.from({ length: workers }, (_, stripe) => {
      const seen: number[] = [];
      this.#pass(part, (_, handle) => seen.push(handle), { stripe, of: workers });
      return seen;
    });
    const { codec } = slabOf(part);
    const all = stripes.flat();
    return workers === 1 ? all : all.sort((a, b) => codec.index(a) - codec.index(b));
  }

  /** A pass in one of the two ways. */
  #pass(
    part: Part,
    visit: (view: View<AnyStruct>, handle: AnyHandle) => void,
    stripe?: Stripe,
  ): void {
    const fn = visit as Parameters<Part["forEach"]>[0]; // the handles of any struct
    if (this.#random.oneIn(2)) part.forEach(fn, stripe);
    else part.loop(fn, stripe)();
  }
}

for (const handles of ["compact", "wide"] as const) {
  for (const parts of [2, 3, 4]) {
    for (const isShort of [false, true]) {
      const what = isShort ? `${handles}, 3 generations` : handles;
      Deno.test(`SharedPool does what a Map does, in ${parts} parts (${what})`, () => {
        for (let seed = 1; seed <= RUNS; seed++) {
          const run = new Run(new Random(seed), handles, parts, isShort);
          for (let step = 1; step <= STEPS; step++) {
            try {
              run.step();
            } catch (cause) {
              throw new Error(`seed ${seed}, step ${step}: ${cause}`, { cause });
            }
          }
        }
      });
    }
  }
}
