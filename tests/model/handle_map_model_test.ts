/** `HandleMap` against a `Map` that is told of every free, in random sequences of everything that pools do. */
import fc from "fast-check";
import { assertEquals } from "@std/assert";
import {
  type AnyHandle,
  type AnyStruct,
  HandleMap,
  type PoolOptions,
  SharedPool,
  struct,
} from "../../mod.ts";
import { type Face, FACES } from "../_faces.ts";
import { untyped } from "../_support.ts";

const Ship = struct({ n: "u32", hp: "u8" }, { name: "Ship" });
const SMALL: PoolOptions = { chunksPerBlock: 16, maxChunks: 64 };
const RUNS = 25;

type Map2 = HandleMap<AnyStruct, number>;

/** What is done, with a number that says to which record. */
type Step = readonly [kind: number, at: number];

const STEPS = fc.array(fc.tuple(fc.nat(99), fc.nat(999)), {
  minLength: 20,
  maxLength: 250,
  size: "max",
});

/** A pool, a map beside it, and what the map has to have. */
class World {
  readonly face: Face;
  readonly map: Map2;
  /** Handles that were given out and not freed, and those that were freed. */
  live: AnyHandle[] = [];
  readonly stale: AnyHandle[] = [];
  values = new Map<number, number>();
  #saved: { bytes: Uint8Array; live: AnyHandle[] } | undefined;
  #count = 0;

  constructor(face: Face) {
    this.face = face;
    this.map = new HandleMap<AnyStruct, number>(untyped(face.pool));
  }

  step([kind, at]: Step): void {
    const { face: { pool }, live, map } = this;
    const some = live[at % live.length];
    if (kind < 30) this.#noteAlloc(this.face.tryAlloc());
    else if (kind < 55) some !== undefined && this.#set(some);
    else if (kind < 75) some !== undefined && this.#free(some, () => pool.free(some));
    else if (kind < 80) {
      assertEquals(some !== undefined && map.delete(untyped(some)), this.values.delete(some));
    } else if (kind < 83) this.#keep((handle) => pool.indexOf(handle) % 3 !== at % 3);
    else if (kind === 83) map.sweep();
    else if (kind === 84) pool.trim();
    else if (kind === 85) {
      pool.clear();
      this.#dropped(() => true);
    } else if (kind < 88) this.#freeBlock(at);
    else if (kind < 92) this.#saved = { bytes: pool.snapshot(), live: [...live] };
    else if (kind < 95) this.#restore();
    else if (kind < 97) this.#compact();
    else if (kind === 97) {
      map.clear();
      this.values.clear();
    } else if (kind === 98) { for (let i = 0; i < 40; i++) this.#noteAlloc(this.face.tryAlloc()); }
    else for (const handle of live) this.#set(handle);
  }

  #noteAlloc(handle: AnyHandle | undefined): void {
    if (handle !== undefined) this.live.push(handle);
  }

  #set(handle: AnyHandle): void {
    this.map.set(untyped(handle), ++this.#count);
    this.values.set(handle, this.#count);
  }

  #free(handle: AnyHandle, free: () => void): void {
    free();
    this.#dropped((it) => it === handle);
  }

  #dropped(isGone: (handle: AnyHandle) => boolean): void {
    for (const handle of this.live) {
      if (!isGone(handle)) continue;
      this.values.delete(handle);
      this.stale.push(handle);
    }
    this.live = this.live.filter((it) => !isGone(it));
  }

  #keep(isKept: (handle: AnyHandle) => boolean): void {
    const gone = new Set<number>();
    this.face.retain((_, handle) => isKept(handle) || !gone.add(handle));
    this.#dropped((it) => gone.has(it));
  }

  #freeBlock(at: number): void {
    const { pool } = this.face;
    const block = pool.blocks[at % pool.blocks.length];
    if (block === undefined) return;
    pool.freeBlock(block.index);
    this.#dropped((it) => !pool.has(it));
  }

  #restore(): void {
    if (this.#saved === undefined) return;
    const before = new Set<number>(this.live);
    this.face.pool.restore(this.#saved.bytes);
    const after = new Set<number>(this.#saved.live);
    for (const handle of this.values.keys()) {
      if (!before.has(handle) || !after.has(handle)) this.values.delete(handle);
    }
    this.live = [...this.#saved.live];
  }

  #compact(): void {
    this.face.pool.compact((from: AnyHandle, to: AnyHandle) => {
      this.live[this.live.indexOf(from)] = to;
      this.stale.push(from);
      const value = this.values.get(from);
      if (value !== undefined) this.values.set(to, value);
      this.values.delete(from);
    });
    this.#saved = undefined;
  }

  check(): void {
    const { map, values, face: { pool } } = this;
    assertEquals(map.size, values.size);
    for (const handle of this.live) assertEquals(map.get(untyped(handle)), values.get(handle));
    for (const handle of this.stale.slice(-20)) {
      if (!pool.has(handle)) assertEquals(map.has(untyped(handle)), false); // it may have come round
    }
    const ordered = Array.from(pool.handles() as Iterable<AnyHandle>).filter((it) =>
      values.has(it)
    );
    assertEquals(Array.from(map), ordered.map((it) => [it, values.get(it)]) as never);
  }
}

const WAYS: Readonly<Record<string, PoolOptions>> = {
  "": {},
  " without own code": { specialize: false },
  " in debug mode": { debug: true },
  " of spread reuse": { reuse: "spread" },
};

for (const [name, make] of Object.entries(FACES)) {
  for (const [way, options] of Object.entries(WAYS)) {
    Deno.test(`A HandleMap beside a ${name}${way} has what a Map would have that is told of every free`, () => {
      fc.assert(
        fc.property(STEPS, (steps) => {
          const world = new World(make(Ship, { ...SMALL, ...options }));
          for (const step of steps) {
            world.step(step);
            world.check();
          }
          world.face.pool.clear();
          assertEquals([world.map.size, world.map.sweep()], [0, 0]);
          world.face.pool.dispose();
        }),
        { numRuns: RUNS },
      );
    });
  }
}

Deno.test("A HandleMap beside a SharedPool has what a Map would have, whichever part frees", () => {
  fc.assert(
    fc.property(STEPS, fc.boolean(), (steps, isWide) => {
      const options = { ...SMALL, handles: isWide ? "wide" : "compact" } as const;
      const here = SharedPool.create(Ship, {
        chunksPerBlock: 16,
        maxChunks: 64,
        handles: options.handles,
      });
      const there = SharedPool.attach(Ship, here.share());
      const map = new HandleMap<typeof Ship, number>(here);
      const values = new Map<ReturnType<typeof here.alloc>, number>();
      let live: ReturnType<typeof here.alloc>[] = [];
      steps.forEach(([kind, at], i) => {
        const part = at % 2 === 0 ? here : there;
        const some = live[at % live.length];
        if (kind < 35) {
          const handle = part.tryAlloc();
          if (handle !== undefined) live.push(handle);
        } else if (some === undefined) return;
        else if (kind < 70) {
          map.set(some, i);
          values.set(some, i);
        } else if (kind < 92) {
          part.free(some);
          values.delete(some);
          live = live.filter((it) => it !== some);
        } else if (kind < 96) assertEquals(map.delete(some), values.delete(some));
        else map.sweep();
        for (const handle of live) assertEquals(map.get(handle), values.get(handle));
        assertEquals([...map], [...map].map(([it]) => [it, values.get(it)!]));
        assertEquals(map.size, values.size);
      });
      for (const it of [here, there]) it.dispose();
    }),
    { numRuns: RUNS },
  );
});
