/**
 * Random operations on several parts of a `SharedPool` in one thread and on a `Map`, compared after
 * every step.
 *
 * A part knows as little of the others as a thread does. So this covers the orders in which whole
 * calls of threads follow each other, and threads that join, leave and vanish. Calls that overlap
 * are tested with workers, and by the interleaving checker. All other calls on records, and passes
 * that change what they visit, are in `tests/model`.
 *
 * @module
 */
import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { array, PoolExhaustedError, SharedPool, struct, validate } from "../../mod.ts";
import type { AnyHandle, AnyStruct } from "../../mod.ts";
import { ORPHAN } from "../../src/shared/protocol.ts";
import { isSame, type Plain, valueOf, zeroOf } from "../model/_values.ts";
import { Random } from "../_random.ts";
import { slabOf } from "./_support.ts";

const RUNS = 120;
const STEPS = 300;
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
  readonly #struct: AnyStruct;
  /** The parts that have not left. */
  readonly #parts: Part[] = [];
  /** Threads that ended without leaving, and whose blocks were not adopted yet. */
  readonly #lost: number[] = [];
  /** What each live record holds: random values, so that a byte that changes is noticed. */
  readonly #live = new Map<AnyHandle, Plain>();
  readonly #stale: AnyHandle[] = [];
  readonly #isWide: boolean;
  #turn = 0;

  /** Whether the third generation is the last, so that chunks wrap or retire all the time. */
  readonly #isShort: boolean;

  constructor(random: Random, handles: "compact" | "wide", isShort: boolean) {
    this.#random = random;
    this.#isShort = isShort;
    this.#isWide = handles === "wide";
    this.#struct = random.pick(STRUCTS);
    const chunksPerBlock = random.pick([16, 32]);
    this.#join(SharedPool.create(this.#struct, {
      name: "model",
      handles,
      chunksPerBlock,
      maxChunks: chunksPerBlock * random.pick([1, 2, 4]),
      keepEmptyBlocks: random.below(3),
      specialize: true,
    }));
    for (let more = random.pick([1, 2, 3]); more > 0; more--) this.#attach();
  }

  step(): void {
    const random = this.#random;
    const act = random.below(100);
    if (act < 43) this.#alloc();
    else if (act < 86) this.#free();
    else if (act < 92) this.#many();
    else if (act < 94 && this.#parts.length < 4) this.#attach();
    else if (act < 96 && this.#parts.length > 1) this.#remove().dispose();
    // Ends like a thread that is terminated between two calls.
    else if (act < 98 && this.#parts.length > 1) this.#lost.push(this.#remove().thread);
    else this.#adopt();
    this.#check();
  }

  // -- operations --

  #alloc(part: Part = this.#random.pick(this.#parts)): boolean {
    const value = valueOf(this.#struct, this.#random) as Plain;
    const init = this.#random.oneIn(2) ? value as never : undefined; // plain values
    let handle: AnyHandle;
    try {
      handle = part.alloc(init) as AnyHandle;
    } catch (error) {
      assertInstanceOf(error, PoolExhaustedError);
      assertEquals(part.tryAlloc(init), undefined);
      this.#assertFull(part);
      return false;
    }
    if (init === undefined) {
      assert(isSame(part.get(handle).toJSON(), zeroOf(this.#struct)), "a new record is not zero");
      Object.assign(part.get(handle), value);
    }
    assert(handle > 0, `handle ${handle} was given out`);
    assert(!this.#live.has(handle), `handle ${handle} was given out while it was live`);
    assert(!this.#isWide || !this.#stale.includes(handle), `handle ${handle} came twice`);
    this.#live.set(handle, value);
    return true;
  }

  /** A part finds no chunk only if there is none in its own blocks and in orphans. */
  #assertFull(part: Part): void {
    assertEquals(part.capacity, part.maxChunks);
    for (const { owner, hasRoom } of slabOf(part).mappedBlocks()) {
      assert(!hasRoom || owner !== part.thread && owner !== ORPHAN, "a block has room");
    }
  }

  #free(handle = this.#random.pick([undefined, ...this.#live.keys()])): void {
    if (handle === undefined) return;
    const part = this.#random.pick(this.#parts);
    assert(isSame(part.get(handle).toJSON(), this.#live.get(handle)), "before its free");
    if (this.#random.oneIn(2)) part.free(handle);
    else assert(part.tryFree(handle));
    this.#live.delete(handle);
    this.#stale.push(handle);
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
    this.#join(SharedPool.attach(this.#struct, token, { specialize }));
  }

  #join(part: Part): void {
    this.#parts.push(part);
    if (this.#isShort) Object.assign(slabOf(part), { lastStamp: 3 * 2 + 1 - 2 }); // see FIRST_STAMP
  }

  #remove(): Part {
    const [part] = this.#parts.splice(this.#random.below(this.#parts.length), 1);
    return part;
  }

  #adopt(): void {
    const thread = this.#lost.pop();
    if (thread !== undefined) this.#random.pick(this.#parts).adopt(thread);
  }

  // -- checks --

  #check(): void {
    for (const part of this.#parts) {
      validate(part);
      assertEquals(part.size, this.#live.size);
      assertEquals(part.capacity, this.#parts[0].capacity);
    }
    const part = this.#random.pick(this.#parts);
    const expected = [...this.#live.keys()].sort((a, b) => part.indexOf(a) - part.indexOf(b));
    assertEquals<number[]>(this.#passOf(part), expected);
    for (const [handle, value] of this.#live) {
      assert(isSame(part.get(handle).toJSON(), value), `record ${handle} changed by itself`);
    }
    for (let i = 0; i < Math.min(4, this.#stale.length); i++) {
      const handle = this.#stale[this.#turn++ % this.#stale.length];
      if (this.#live.has(handle)) continue;
      assert(!part.has(handle) && !part.tryFree(handle), `stale handle ${handle} was accepted`);
    }
  }

  /** The handles that a pass visits, in order of their chunks, or several stripes together. */
  #passOf(part: Part): AnyHandle[] {
    const workers = this.#random.pick([1, 1, 2, 3]);
    const seen: AnyHandle[] = [];
    for (let stripe = 0; stripe < workers; stripe++) {
      const visit = (_: unknown, handle: number) => seen.push(handle as AnyHandle);
      if (this.#random.oneIn(2)) part.forEach(visit, { stripe, of: workers });
      else part.loop(visit, { stripe, of: workers })();
    }
    return workers === 1 ? seen : seen.sort((a, b) => part.indexOf(a) - part.indexOf(b));
  }
}

for (const handles of ["compact", "wide"] as const) {
  for (const isShort of [false, true]) {
    const what = isShort ? `${handles}, 3 generations` : handles;
    Deno.test(`SharedPool does what a Map does, in two to four parts (${what})`, () => {
      for (let seed = 1; seed <= RUNS; seed++) {
        const run = new Run(new Random(seed), handles, isShort);
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
