/**
 * Random operations, among them snapshots and returns to any of them, on a pool and on a `Map`, compared after every step.
 *
 * What the pool did since a snapshot is written down with every handle; after the return the same calls are made again and
 * must have the same results.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { LeakError, type PoolOptions, StaleHandleError, validate } from "../../mod.ts";
import { type Face, FACES } from "../_faces.ts";
import { assertSameBytes, Body, contentOf, SNAPPED } from "../slab/_snapshots.ts";
import { forge } from "../_support.ts";

const RUNS = 60;
const STEPS = 120;
const MAX_CHUNKS = 64;

/** What a record holds. */
interface Value {
  readonly n: number;
  readonly tail: readonly number[];
}

/** A moment to return to. */
interface Moment {
  readonly bytes: Uint8Array;
  /** The model as it was then. */
  readonly live: ReadonlyMap<number, Value>;
  readonly content: unknown;
  /** How much had been done by then. */
  readonly at: number;
}

type Step = readonly [kind: string, nat: number, other: number];

/** Filling and thinning out come often, what empties whole blocks seldom. */
const KINDS = fc.constantFrom(
  ...Array<string>(10).fill("alloc"),
  ...Array<string>(6).fill("allocMany"),
  ...["free", "free", "free", "free", "freeMany", "retain", "set", "set", "set"],
  ...["clear", "freeBlock", "freeBlock", "trim", "reserve"],
  ...["save", "save", "save", "saveAgain", "saveAgain", "return", "return", "return"],
);
const steps = fc.array(fc.tuple(KINDS, fc.nat(1000), fc.nat(1000)), {
  minLength: STEPS / 2,
  maxLength: STEPS,
  size: "max",
});

/** A pool beside what is expected of it. */
class Run {
  readonly face: Face;
  live = new Map<number, Value>();
  /** All that was done up to now, and what came of it. */
  readonly done: { step: Step; answer: unknown }[] = [];
  /** Moments of that past. */
  readonly moments: Moment[] = [];

  constructor(face: Face) {
    this.face = face;
    face.cursor(); // makes the struct known
  }

  take(step: Step): void {
    const [kind, nat, other] = step;
    if (kind === "save") this.#save(undefined, nat % 2 === 0);
    else if (kind === "saveAgain") this.#saveAgain(nat, other % 2 === 0);
    else if (kind === "return") this.#return(nat);
    else {
      this.done.push({ step, answer: this.#call(step) });
    }
    this.compare();
  }

  #save(into: Uint8Array | undefined, checksum: boolean): void {
    const content = contentOf(this.face);
    const bytes = this.face.pool.snapshot(into, { checksum });
    this.moments.push({ bytes, live: new Map(this.live), content, at: this.done.length });
    if (this.moments.length > 4) this.moments.shift();
  }

  /** Into the array of a moment, which is lost. */
  #saveAgain(nat: number, checksum: boolean): void {
    if (this.moments.length === 0) return;
    const [{ bytes }] = this.moments.splice(nat % this.moments.length, 1);
    this.#save(bytes, checksum);
  }

  /** Goes back, does the same again, and stays there or goes back once more. */
  #return(nat: number): void {
    if (this.moments.length === 0) return;
    const { pool } = this.face;
    const { bytes, live, content, at } = this.moments[nat % this.moments.length];
    const end = pool.snapshot();
    const gone = [...this.live.keys()].filter((handle) => !live.has(handle));
    const after = this.live;
    pool.restore(bytes);
    this.live = new Map(live);
    assertEquals(contentOf(this.face), content);
    this.compare();
    for (const handle of gone) {
      assert(!pool.has(forge(handle)), `${handle} is of a time that has not been`);
      assertThrows(() => pool.free(forge(handle)), StaleHandleError);
    }
    // In debug mode the same calls give other handles, as none is ever given out twice.
    if (pool.name !== "debug") {
      for (const { step, answer } of this.done.slice(at)) {
        assertEquals(this.#call(step), answer, step.join());
      }
      assertEquals([...this.live], [...after]);
      assertSameBytes(pool.snapshot(), end);
      if (nat % 3 === 0) return;
      pool.restore(bytes);
      this.live = new Map(live);
    }
    // What comes after has not been.
    this.done.length = at;
    const past = this.moments.filter((moment) => moment.at <= at);
    this.moments.splice(0, Infinity, ...past);
  }

  #call([kind, nat, other]: Step): unknown {
    const { face, live } = this;
    const { pool } = face;
    const pick = [...live.keys()][nat % Math.max(1, live.size)];
    const value = { n: other, tail: [nat & 255, other & 255] };
    switch (kind) {
      case "alloc": {
        const handle = face.tryAlloc(value);
        if (handle !== undefined) this.#added(handle, value);
        return handle;
      }
      case "allocMany": {
        const count = Math.min(nat % 20, MAX_CHUNKS - pool.size);
        const handles = face.allocMany(count);
        for (const handle of handles) this.#added(handle, { n: 0, tail: [0, 0] });
        return handles;
      }
      case "free":
        if (pick !== undefined) pool.free(forge(pick));
        live.delete(pick);
        return pick;
      case "set":
        if (pick === undefined) return;
        face.set(pick, value);
        live.set(pick, value);
        return pick;
      case "freeMany": {
        const handles = [...live.keys()].filter((handle) => handle % 7 === nat % 7);
        pool.freeMany(handles.map(forge));
        for (const handle of handles) live.delete(handle);
        return handles;
      }
      case "retain": {
        const freed = face.retain<{ n: number }>((view) => view.n % 5 !== nat % 5);
        for (const [handle, { n }] of [...live]) if (n % 5 === nat % 5) live.delete(handle);
        return freed;
      }
      case "clear":
        pool.clear();
        live.clear();
        return;
      case "freeBlock": {
        if (pool.blocks.length === 0) return;
        const block = pool.blocks[nat % pool.blocks.length];
        pool.freeBlock(block.index);
        for (const handle of [...live.keys()]) pool.has(forge(handle)) || live.delete(handle);
        return block.index;
      }
      case "trim":
        return pool.trim();
      case "reserve":
        return face.reserve(nat % MAX_CHUNKS);
    }
    throw new Error(`There is no operation ${kind}`);
  }

  #added(handle: number, value: Value): void {
    assert(!this.live.has(handle), `handle ${handle} was given out while it was live`);
    this.live.set(handle, value);
  }

  compare(): void {
    const { face: { pool }, live } = this;
    validate(pool);
    assertEquals(pool.size, live.size);
    assertEquals(new Set<number>(pool.handles()), new Set(live.keys()));
    for (const [handle, value] of live) {
      const read = this.face.get<{ toJSON(): Value }>(handle).toJSON();
      if (JSON.stringify(read) !== JSON.stringify(value)) assertEquals(read, value, `${handle}`);
    }
  }
}

function run(face: Face, all: readonly Step[]): void {
  const model = new Run(face);
  for (const step of all) model.take(step);
  if (model.live.size > 0 && face.pool.name === "debug") {
    const { leaks } = assertThrows(() => face.pool.dispose(), LeakError);
    assertEquals(new Set(leaks.map(({ handle }) => handle)), new Set(model.live.keys()));
  } else face.pool.dispose();
}

for (const [name, make] of Object.entries(FACES)) {
  for (const reuse of ["recent", "spread"] as const) {
    for (const [keepEmptyBlocks, debug] of [[0, false], [2, false], [1, true]] as const) {
      const what = `${name}, keep ${keepEmptyBlocks}, ${reuse}${debug ? ", debug" : ""}`;
      Deno.test(`Going back in time does what a Map does, and the same calls the same again (${what})`, () => {
        const options: PoolOptions = { ...SNAPPED, keepEmptyBlocks, debug, reuse };
        const property = fc.property(steps, (all) => {
          run(make(Body, { ...options, name: debug ? "debug" : "plain" }), all);
        });
        fc.assert(property, { numRuns: RUNS });
      });
    }
  }
}
