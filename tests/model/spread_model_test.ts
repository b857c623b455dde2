/**
 * Pools with `reuse: "spread"` under random operations: what rests, what a Map does, and snapshots that were tampered with.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  countingMemory,
  Pool,
  type PoolOptions,
  SnapshotError,
  struct,
  validate,
} from "../../mod.ts";
import { slabs } from "../../src/slab/slab.ts";
import { drop } from "../_debug.ts";
import { Face, FACES } from "../_faces.ts";
import { assertSameBytes, goOn, randomOf, stateful, statesOf } from "../slab/_snapshots.ts";
import { forge, stateOf } from "../_support.ts";

const Num = struct({ n: "u32" }, { name: "Num" });
/** The same in every run, as with some no chunk comes again in so few. */
const SEED = 3;

const REST = 1024;

// -- no chunk before 1,024 others have been freed, and what a Map does --

type Step = readonly [kind: string, nat: number, count: number];

const KINDS = fc.constantFrom(
  ...["alloc", "alloc", "alloc", "allocMany", "allocMany", "reserve", "clear", "clear"],
  ...["free", "free", "free", "freeMany", "freeMany", "freeMany", "retain"],
  ...["freeBlock", "freeBlock", "trim", "trim"],
);
const COUNTS = fc.oneof(fc.nat(40), fc.nat(40), fc.nat(1500), fc.nat(6000));
const steps: fc.Arbitrary<Step[]> = fc.array(fc.tuple(KINDS, fc.nat(2 ** 30), COUNTS), {
  minLength: 30,
  maxLength: 60,
  size: "max",
});

/** A pool beside what is expected of it. */
class Run {
  readonly face: Face;
  /** Chunks that it may have. */
  readonly #maxChunks: number;
  readonly #indexOf: (handle: number) => number;
  readonly #live = new Map<number, number>();
  /** How many had been freed when that of an index was. */
  readonly #freed = new Map<number, number>();
  #frees = 0;
  #serial = 0;
  /** Chunks that came again. */
  again = 0;

  constructor(face: Face, maxChunks: number) {
    this.face = face;
    this.#maxChunks = maxChunks;
    const { codec } = slabs.get(face.pool)!.at(-1)!; // every pool has a slab
    this.#indexOf = (handle) => codec.index(handle);
  }

  take([kind, nat, count]: Step): void {
    const { face, face: { pool } } = this;
    const handles = [...this.#live.keys()];
    // Freed from somewhere in the middle on, or every third of them.
    const from = nat % Math.max(1, handles.length);
    const some = nat % 3 === 0
      ? handles.filter((_, i) => i % 3 === 0).slice(0, count)
      : handles.slice(from, from + count);
    if (kind === "alloc") {
      for (let i = count % 300; i > 0 && pool.size < this.#maxChunks; i--) {
        const n = ++this.#serial;
        this.#taken(face.alloc({ n }), n);
      }
    } else if (kind === "allocMany") {
      const before = this.#maxChunks - pool.size;
      for (const handle of face.allocMany(Math.min(count, before))) this.#taken(handle, 0);
    } else if (kind === "free") {
      for (const handle of some.slice(0, 300)) {
        pool.free(forge(handle));
        this.#gone(handle);
      }
    } else if (kind === "freeMany") {
      pool.freeMany(some.map(forge));
      for (const handle of some) this.#gone(handle);
    } else if (kind === "reserve") face.reserve(Math.min(count, this.#maxChunks));
    else if (kind === "trim") assertEquals(pool.trim() >= 0, true);
    else if (kind === "retain") {
      const isKept = (handle: number) => this.#indexOf(handle) % 7 !== nat % 7;
      face.retain((_, handle) => isKept(handle));
      for (const handle of this.#inOrder()) if (!isKept(handle)) this.#gone(handle);
    } else if (kind === "clear") {
      // Once in a while everything goes, in order of the blocks.
      if (nat % 3 > 0) return;
      pool.clear();
      for (const handle of this.#inOrder()) this.#gone(handle);
    } else if (pool.blocks.length > 0) {
      const { index, chunkCount } = pool.blocks[nat % pool.blocks.length];
      pool.freeBlock(index);
      for (const handle of this.#inOrder()) if (!pool.has(forge(handle))) this.#gone(handle);
      assert(chunkCount > 0);
    }
  }

  #inOrder(): number[] {
    return [...this.#live.keys()].sort((a, b) => this.#indexOf(a) - this.#indexOf(b));
  }

  #taken(handle: number, n: number): void {
    const index = this.#indexOf(handle);
    const freed = this.#freed.get(index);
    assert(!this.#live.has(handle), `handle ${handle} is live already`);
    if (freed !== undefined) {
      this.again++;
      const isRoom = this.#live.size + REST < this.#maxChunks;
      const between = this.#frees - freed;
      assert(!isRoom || between >= REST, `chunk ${index} came again after ${between} frees`);
    }
    this.#live.set(handle, n);
  }

  #gone(handle: number): void {
    assert(this.#live.delete(handle));
    this.#freed.set(this.#indexOf(handle), ++this.#frees);
  }

  compare(): void {
    const { face, face: { pool } } = this;
    validate(pool);
    assertEquals([pool.size, pool.stats().frees], [this.#live.size, this.#frees]);
    let count = 0;
    face.forEach<{ n: number }>((view, handle) => {
      const n = this.#live.get(handle);
      assert(n !== undefined, `saw ${handle}, which is not live`);
      assert(n === view.n, `record ${handle} holds ${view.n}, not ${n}`);
      count++;
    });
    assertEquals(count, this.#live.size);
    for (const handle of this.#live.keys()) assert(pool.has(forge(handle)));
  }
}

for (const [name, make] of Object.entries(FACES)) {
  for (
    const [maxChunks, chunksPerBlock, debug] of [
      [2 ** 14, 16, false],
      [2 ** 14, 256, false],
      [2 ** 12, 256, false],
      [2 ** 13, 64, true],
    ] as const
  ) {
    const what = `${maxChunks} chunks, ${chunksPerBlock} a block${debug ? ", debug" : ""}`;
    Deno.test(`${name} with spread reuse does what a Map does, and no chunk comes before ${REST} others went (${what})`, () => {
      let again = 0;
      const keeps = fc.constantFrom(0, 1, 3);
      const property = fc.property(
        steps,
        keeps,
        fc.boolean(),
        (all, keepEmptyBlocks, specialize) => {
          const memory = countingMemory();
          const options: PoolOptions = {
            ...{ reuse: "spread", maxChunks, chunksPerBlock, debug, keepEmptyBlocks },
            ...{ memory, specialize },
          };
          const run = new Run(make(Num, options), maxChunks);
          for (const step of all) {
            run.take(step);
            run.compare();
            const { byteLength, capacity } = run.face.pool;
            assertEquals([memory.usedBytes, byteLength], [byteLength, capacity * 4]);
          }
          again += run.again;
          drop(run.face);
          assertEquals(memory.regions, 0);
        },
      );
      fc.assert(property, { numRuns: debug ? 5 : 8, seed: SEED });
      assert(again > 0, `just ${again} chunks came again`);
    });
  }
}

Deno.test("Pool with spread reuse: no chunk comes before 1,024 others went, in blocks of 4,096 as well", () => {
  for (const maxChunks of [2 ** 14, 2 ** 20]) {
    const property = fc.property(steps, (all) => {
      const pool = new Pool(Num, { reuse: "spread", maxChunks, chunksPerBlock: 4096 });
      const run = new Run(new Face(pool as never, Num), maxChunks); // a pool of some struct
      for (const step of all) run.take(step);
      run.compare();
    });
    fc.assert(property, { numRuns: 30 });
  }
});

// -- snapshots that were tampered with --

const CHANGES = 20_000;

/** Values that a word is likely to do harm with. */
const HARMFUL = [0, 1, -1, 15, 16, 17, 31, 32, 63, 64, 65, 2 ** 31 - 1, -(2 ** 31)];

/** Changes a word or a few, mostly those of the metadata, which come first in each block. */
function damage(words: Int32Array, random: (n: number) => number): void {
  for (let changes = 1 + random(3); changes > 0; changes--) {
    const at = 8 + random(words.length - 8);
    const how = random(4);
    if (how === 0) words[at] = HARMFUL[random(HARMFUL.length)];
    else if (how === 1) words[at] += random(3) - 1;
    else if (how === 2) words[at] ^= 1 << random(32);
    else words[at] = words[8 + random(words.length - 8)];
  }
}

for (const name of Object.keys(FACES)) {
  Deno.test(`${name} with spread reuse refuses a snapshot that was tampered with, or works on with it`, () => {
    const states = statesOf(name);
    const count = CHANGES / states.length / Object.keys(FACES).length * 2;
    let restored = 0, refused = 0;
    states.forEach((state, seed) => {
      const options: PoolOptions = { reuse: "spread", keepEmptyBlocks: seed % 3 };
      const face = stateful(name, state, options);
      const { pool } = face;
      const saved = pool.snapshot(undefined, { checksum: false });
      let before = stateOf(pool);
      const random = randomOf(seed);
      const bytes = saved.slice();
      const words = new Int32Array(bytes.buffer);
      for (let i = 0; i < count; i++) {
        bytes.set(saved);
        damage(words, random);
        try {
          pool.restore(bytes);
        } catch (error) {
          assert(error instanceof SnapshotError, String(error));
          refused++;
          if (i % 16 === 0) assertEquals(stateOf(pool), before);
          assertSameBytes(pool.snapshot(undefined, { checksum: false }), saved);
          continue;
        }
        validate(pool);
        goOn(face, i, restored++ % 8 === 0 ? 200 : 20);
        pool.restore(saved);
        before = stateOf(pool); // more blocks have come and gone
      }
      pool.dispose();
    });
    assert(restored > 100 && refused > 100, `${restored} restored, ${refused} refused`);
  });
}
