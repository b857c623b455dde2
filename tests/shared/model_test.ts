/**
 * Random operations on several parts of a `SharedPool` in one thread and on a `Map`, compared after
 * every step.
 *
 * A part knows as little of the others as a thread does. So this covers the orders in which whole
 * calls of threads follow each other, and threads that join, leave and vanish. Calls that overlap
 * are tested with workers, and by the interleaving checker. The operations on records, and the
 * passes that change what they visit, are those of `tests/model`.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { array, HandleMap, SharedPool, struct } from "../../mod.ts";
import type { AnyHandle, AnyStruct } from "../../mod.ts";
import { FIRST_STAMP, ORPHAN } from "../../src/shared/protocol.ts";
import { Source } from "../model/_memories.ts";
import { type AnyPool, Subject } from "../model/_model.ts";
import { makeStructs, valueOf } from "../model/_values.ts";
import { Random } from "../_random.ts";
import { seenBy, slabOf } from "./_support.ts";

const RUNS = 50;
const STEPS = 300;
const { Byte, Odd, Scalars } = makeStructs();
const Large = struct({ of: array(struct({ a: "u16", b: "f64" }), 19) }, { name: "Large" });
const STRUCTS: readonly AnyStruct[] = [Byte, Odd, Scalars, Large, struct({ n: "u16" })];

/** Operations on records. */
const NAMES = [
  ...["alloc", "alloc", "alloc", "allocAt", "allocWild", "set", "write", "useStale", "iterate"],
  ...["free", "free", "free", "free", "free"],
];

/** A pool whose parts join, leave and vanish, beside its model. */
class Parts extends Subject {
  declare readonly parts: AnyPool[];
  /** Threads that ended without leaving, and whose blocks were not adopted yet. */
  readonly #lost: number[] = [];
  /** Whether the third generation is the last, so that chunks wrap or retire all the time. */
  readonly #isShort: boolean;
  /** Whether a handle may be that of a later record as well. */
  readonly #comesRound: boolean;

  constructor(random: Random, handles: "compact" | "wide", isShort: boolean) {
    const structs = [random.pick(STRUCTS)];
    const chunksPerBlock = random.pick([16, 32]);
    const maxChunks = chunksPerBlock * random.pick([1, 2, 4]);
    const options = { handles, chunksPerBlock, maxChunks, keepEmptyBlocks: random.below(3) };
    const pool = SharedPool.create(structs[0], options);
    const source = new Source("heap");
    super({ pool, structs, options, source, maxChunks, isTyped: true, maxStale: 2000 });
    this.#isShort = isShort;
    this.#comesRound = isShort && handles === "compact";
    for (const part of this.parts.splice(0)) this.#join(part);
    for (let more = random.below(3); more > 0; more--) this.#attach();
  }

  /** Does something in some part, and compares all parts with the model. */
  turn(random: Random): void {
    const { parts } = this;
    const act = random.below(100);
    if (act < 3) this.#fill(random.pick(parts));
    else if (act < 6) this.#empty(random);
    else if (act < 8 && parts.length < 4) this.#attach();
    else if (act < 10 && parts.length > 1) this.#remove(random).dispose();
    // Ends like a thread that is terminated between two calls.
    else if (act < 12 && parts.length > 1) this.#lost.push(this.#remove(random).thread);
    else if (act < 14 && this.#lost.length > 0) random.pick(parts).adopt(this.#lost.pop());
    else this.play(random.pick(NAMES), random.bits());
    this.pool = random.pick(parts);
    this.check();
    this.#checkStripes(random.pick([1, 2, 3]));
  }

  /** Passes take the place of maps, also within others, unless a handle may come round in them. */
  override play(name: string, seed: number): unknown {
    const isPass = name === "iterate" || name.startsWith("map");
    if (isPass && this.#comesRound) return;
    return super.play(isPass ? "iterate" : name, seed);
  }

  override added(handle: number, ...rest: [AnyStruct, unknown?]): AnyHandle {
    if (this.#comesRound) this.state.stale.delete(handle);
    return super.added(handle, ...rest);
  }

  override freed(handle: number): void {
    const { index } = this.rec(handle);
    const { codec, lastStamp } = slabOf(this.pool);
    const isLast = codec.liveStamp(handle) - FIRST_STAMP === lastStamp;
    if (isLast && !codec.wraps) this.state.retired.add(index);
    super.freed(handle);
  }

  /** Fills the pool, as far as a part can. It leaves no chunk in its own blocks and in orphans. */
  #fill(part: AnyPool): void {
    this.pool = part;
    for (let handle; (handle = part.tryAlloc()) !== undefined;) {
      this.added(handle, this.setting.structs[0]);
    }
    assertEquals(part.capacity, part.maxChunks);
    for (const { owner, hasRoom } of slabOf(part).mappedBlocks()) {
      assert(!hasRoom || owner !== part.thread && owner !== ORPHAN, "a block has room");
    }
  }

  /** Frees all records, and writes to them just after, which must not damage the free lists. */
  #empty(random: Random): void {
    for (const handle of this.state.handles) {
      const view = this.view(handle);
      random.pick(this.parts).free(handle);
      this.freed(handle);
      Object.assign(view, valueOf(this.setting.structs[0], random)); // by a thread that came too late
    }
  }

  #attach(): void {
    // One pool has parts with code of their own, and parts that share it.
    const specialize = this.parts.length % 2 === 0;
    const token = structuredClone(this.parts[0].share());
    this.#join(SharedPool.attach(this.setting.structs[0], token, { specialize }));
  }

  #join(part: AnyPool): void {
    this.parts.push(part);
    if (this.#isShort) Object.assign(slabOf(part), { lastStamp: 3 * 2 + 1 - FIRST_STAMP });
  }

  #remove(random: Random): AnyPool {
    const [part] = this.parts.splice(random.below(this.parts.length), 1);
    Object.assign(this, { map: new HandleMap(this.parts[0]) }); // the empty one may be of this part
    return part;
  }

  /** Each part sees as many blocks, and several stripes together are what a whole pass visits. */
  #checkStripes(of: number): void {
    const { parts, pool } = this;
    for (const part of parts) assertEquals(part.capacity, pool.capacity);
    const seen = Array.from({ length: of }, (_, stripe) => seenBy(pool, { stripe, of })).flat();
    seen.sort((a, b) => pool.indexOf(a) - pool.indexOf(b));
    assertEquals<number[]>(seen, this.ordered());
  }
}

for (const handles of ["compact", "wide"] as const) {
  for (const isShort of [false, true]) {
    const what = isShort ? `${handles}, 3 generations` : handles;
    Deno.test(`SharedPool does what a Map does, in up to four parts (${what})`, () => {
      for (let seed = 1; seed <= RUNS; seed++) {
        const random = new Random(seed);
        const parts = new Parts(random, handles, isShort);
        for (let step = 1; step <= STEPS; step++) {
          try {
            parts.turn(random);
          } catch (cause) {
            throw new Error(`seed ${seed}, step ${step}: ${cause}`, { cause });
          }
        }
      }
    });
  }
}
