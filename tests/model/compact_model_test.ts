/**
 * Random operations with `compact()` among them, on pools whose records refer to each other, and on a `Map`, compared after every
 * step: the graph that is read through links is the same, and no block is left that the records do not need.
 *
 * Each run is made in two pools, with own code and without, which have to give the same handles throughout.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  type AnyStruct,
  array,
  ErasedPool,
  LeakError,
  Pool,
  type PoolOptions,
  PoolSet,
  ref,
  StaleHandleError,
  struct,
  validate,
} from "../../mod.ts";
import { type Slab, slabs } from "../../src/slab/slab.ts";
import { Face, type SomePool } from "../_faces.ts";
import { forge } from "../_support.ts";

const RUNS = 60;
const MAX_CHUNKS = 96;

const Leaf = struct({ n: "u32", next: ref("self"), loose: "ref" }, { name: "Leaf" });
const Part = struct({ tag: "u8", leaf: ref(Leaf), part: ref("self") }, { name: "Part" });
const Node = struct({
  n: "u32",
  next: ref("self"),
  leaf: ref(Leaf),
  parts: array(Part, 2),
  near: array(ref("self"), 2),
  loose: "ref",
}, { name: "Node" });
const Hub = struct({ n: "u32", part: Part, node: ref(Node), next: ref("self") }, { name: "Hub" });
// Both have links at the same places, so that a pool without types can tell them.
const Odd = struct({ n: "u32", next: ref("self"), near: array(ref("self"), 2) }, { name: "Odd" });
const Even = struct({ n: "u32", next: ref(Odd), near: array(ref("self"), 2) }, { name: "Even" });

/** A view of any of them. */
// deno-lint-ignore no-explicit-any -- each field is there in the struct that it is asked of
type AnyView = any;

/** A link in the records of a struct. */
interface LinkField {
  /** The struct that it leads to; undefined of an untyped one. */
  readonly target: AnyStruct | undefined;
  get(view: AnyView): number;
  set(view: AnyView, handle: number): void;
}

function field(name: string, target?: AnyStruct): LinkField {
  return { target, get: (view) => view[name], set: (view, handle) => void (view[name] = handle) };
}

function element(name: string, i: number, target: AnyStruct): LinkField {
  return {
    target,
    get: (view) => view[name].get(i),
    set: (view, handle) => view[name].set(i, handle),
  };
}

function within(of: (view: AnyView) => AnyView, inner: LinkField): LinkField {
  return {
    target: inner.target,
    get: (view) => inner.get(of(view)),
    set: (view, handle) => inner.set(of(view), handle),
  };
}

const PARTS = [field("leaf", Leaf), field("part", Part)];

/** The links of each struct. */
const LINKS: ReadonlyMap<AnyStruct, readonly LinkField[]> = new Map<AnyStruct, LinkField[]>([
  [Leaf, [field("next", Leaf), field("loose")]],
  [Part, PARTS],
  [Node, [
    ...[
      field("next", Node),
      field("leaf", Leaf),
      element("near", 0, Node),
      element("near", 1, Node),
    ],
    ...[0, 1].flatMap((i) => PARTS.map((it) => within((view) => view.parts.get(i), it))),
    field("loose"),
  ]],
  [Hub, [
    ...PARTS.map((it) => within((view) => view.part, it)),
    ...[field("node", Node), field("next", Hub)],
  ]],
  [Odd, [field("next", Odd), element("near", 0, Odd), element("near", 1, Odd)]],
  [Even, [field("next", Odd), element("near", 0, Even), element("near", 1, Even)]],
]);

/** What a pool is made of, and the structs of its records. */
interface Subject {
  readonly make: (options: PoolOptions) => SomePool;
  readonly structs: readonly AnyStruct[];
  /** Whether the pool knows of each record which struct it is of. */
  readonly isTyped: boolean;
}

const SIZED = { chunksPerBlock: 16, maxChunks: MAX_CHUNKS + 32 };

const SUBJECTS: Readonly<Record<string, Subject>> = {
  "Pool": {
    make: (options) => new Pool(Node, { ...SIZED, ...options }) as unknown as Pool<AnyStruct>,
    structs: [Node],
    isTyped: true,
  },
  "ErasedPool": {
    make: (options) =>
      new ErasedPool<AnyStruct>({
        size: Node.size,
        types: [Leaf, Part, Node, Hub],
        ...SIZED,
        ...options,
      }),
    structs: [Leaf, Part, Node, Hub],
    isTyped: true,
  },
  "ErasedPool without types": {
    make: (options) => new ErasedPool({ size: 16, ...SIZED, ...options }),
    structs: [Odd, Even],
    isTyped: false,
  },
  "PoolSet": {
    make: (options) =>
      new PoolSet({ sizes: [12, 24, Node.size], ...SIZED, ...options, maxChunks: 512 }),
    structs: [Leaf, Part, Node, Hub],
    isTyped: true,
  },
};

/** A record as it should be. */
interface Rec {
  readonly struct: AnyStruct;
  readonly id: number;
  readonly links: readonly number[];
}

type Step = readonly [kind: string, nat: number, other: number];

/** Many records that are mostly freed again leave what there is to compact. */
const KINDS = fc.constantFrom(
  ...["fragment", "fragment", "fragment", "fragment", "fill", "alloc", "thin", "free"],
  ...["link", "link", "link", "compact", "compact", "compact", "compactOne"],
  ...["save", "return", "freeBlock", "trim", "reserve", "clear", "wear"],
);
const steps: fc.Arbitrary<Step[]> = fc.array(fc.tuple(KINDS, fc.nat(2 ** 20), fc.nat(2 ** 20)), {
  minLength: 30,
  maxLength: 80,
  size: "max",
});

/** A pool beside what is expected of it. */
class Run {
  readonly pool: SomePool;
  readonly answers: unknown[] = [];
  readonly #subject: Subject;
  readonly #all: readonly Slab[];
  readonly #isDebug: boolean;
  /** Structs of each slab. */
  readonly #faces: readonly Face[];
  #live = new Map<number, Rec>();
  /** Handles of records that are gone, some of them. */
  #gone: number[] = [];
  /** All handles that were ever given out since the last return to a snapshot. */
  #given = new Set<number>();
  readonly #moments: { bytes: Uint8Array; live: Map<number, Rec> }[] = [];
  #id = 0;
  moves = 0;
  compactions = 0;

  constructor(subject: Subject, options: PoolOptions) {
    this.#subject = subject;
    this.pool = subject.make(options);
    this.#isDebug = options.debug === true;
    this.#all = slabs.get(this.pool)!; // every pool has slabs
    this.#faces = subject.structs.map((struct) => new Face(this.pool, struct));
    for (const face of this.#faces) face.cursor(); // makes the struct known
  }

  #pick(nat: number): number | undefined {
    return [...this.#live.keys()][nat % Math.max(1, this.#live.size)];
  }

  #faceOf({ struct }: Rec): Face {
    return this.#faces[this.#subject.structs.indexOf(struct)];
  }

  take([kind, nat, other]: Step): void {
    const { pool } = this;
    const picked = this.#pick(nat);
    if (kind === "alloc") this.#alloc(nat);
    else if (kind === "fill") { for (let i = 0; i < nat % 40; i++) this.#alloc(other + i * 7); }
    else if (kind === "fragment") {
      for (let i = 0; i < MAX_CHUNKS; i++) this.#alloc(other + i * 5);
      for (let i = 0; i < 20; i++) this.#link(nat + i * 37, other + i * 11);
      // Those that stay are where the bits of a number are set.
      [...this.#live.keys()].forEach((handle, i) => {
        if ((Math.imul(nat + i, 0x9e3779b1) >>> 28) > nat % 8) this.#free(handle);
      });
    } else if (kind === "thin") {
      const every = 2 + nat % 5;
      let i = other;
      for (const handle of [...this.#live.keys()]) if (i++ % every > 0) this.#free(handle);
    } else if (kind === "free") picked !== undefined && this.#free(picked);
    else if (kind === "link") {
      for (let i = 0; i < 8; i++) {
        this.#link(nat + i * 13, other + i * 29);
      }
    } else if (kind === "compact") this.#compact(pool);
    else if (kind === "compactOne") {
      this.#compact(pool instanceof PoolSet ? pool.pools[nat % pool.pools.length] : pool);
    } else if (kind === "save") {
      this.#moments.push({ bytes: pool.snapshot(), live: new Map(this.#live) });
    } else if (kind === "return") this.#return(nat);
    else if (kind === "freeBlock" && pool.blocks.length > 0) {
      pool.freeBlock(pool.blocks[nat % pool.blocks.length].index);
      for (const handle of [...this.#live.keys()]) pool.has(forge(handle)) || this.#forget(handle);
    } else if (kind === "trim") this.answers.push(pool.trim());
    else if (kind === "reserve") this.#faces[0].reserve(nat % MAX_CHUNKS);
    else if (kind === "clear" && nat % 4 === 0) {
      pool.clear();
      for (const handle of [...this.#live.keys()]) this.#forget(handle);
    } else if (kind === "wear" && picked !== undefined) this.#wear(picked);
    this.compare();
  }

  #alloc(nat: number): void {
    const { structs } = this.#subject;
    const face = this.#faces[nat % structs.length];
    const struct = structs[nat % structs.length];
    const retired = this.pool.stats().retired;
    if (this.pool.size + retired >= MAX_CHUNKS) return;
    const id = ++this.#id;
    const handle = struct === Part ? face.alloc({ tag: id & 255 }) : face.alloc({ n: id });
    assert(!this.#live.has(handle), `handle ${handle} is live already`);
    this.#live.set(handle, { struct, id, links: LINKS.get(struct)!.map(() => 0) });
    this.#given.add(handle);
    this.answers.push(handle);
  }

  #free(handle: number): void {
    this.pool.free(forge(handle));
    this.#forget(handle);
  }

  #forget(handle: number): void {
    this.#live.delete(handle);
    this.#gone = [...this.#gone.slice(-20), handle];
  }

  /** Sets a link of a record: to one of its target, to one of any, to what is gone, or to nothing. */
  #link(nat: number, other: number): void {
    const handle = this.#pick(nat);
    if (handle === undefined) return;
    const rec = this.#live.get(handle)!;
    const fields = LINKS.get(rec.struct)!;
    const at = other % fields.length;
    const { target } = fields[at];
    const right = [...this.#live].filter(([, it]) => it.struct === target).map(([it]) => it);
    const how = nat % 8;
    const to = how === 0
      ? 0
      : how === 1
      ? this.#gone[other % Math.max(1, this.#gone.length)] ?? 0
      : how === 2 || target === undefined
      ? this.#pick(other)!
      : right[other % Math.max(1, right.length)] ?? 0;
    if (to >= 2 ** 32) return; // does not fit
    fields[at].set(this.#faceOf(rec).get(handle), to);
    this.#live.set(handle, { ...rec, links: rec.links.with(at, to) });
  }

  /** Uses the generations of a record's chunk up. */
  #wear(handle: number): void {
    const slab = this.#all.find((it) => it.find(handle) !== undefined)!;
    if (slab.codec.wraps || this.#isDebug) return;
    const block = slab.find(handle)!;
    const chunk = slab.chunkOf(handle);
    block.stamps[chunk] = slab.codec.maxGeneration * 2 + 1;
    this.pool.free(forge(slab.handleAt(block, chunk)));
    this.#forget(handle);
  }

  #return(nat: number): void {
    if (this.#moments.length === 0) return;
    const { bytes, live } = this.#moments[nat % this.#moments.length];
    this.pool.restore(bytes);
    this.#live = new Map(live);
    this.#given = new Set(this.#live.keys());
    this.#gone = [];
  }

  /** What each link leads to, by the records' own numbers; those that are not live as they stand. */
  #graph(live: ReadonlyMap<number, Rec>, read: (rec: Rec, handle: number) => number[]): unknown {
    const graph = [...live].map(([handle, rec]) => {
      const links = read(rec, handle).map((to, i) => {
        const { target } = LINKS.get(rec.struct)![i];
        const found = live.get(to);
        const isRight = found !== undefined && target !== undefined &&
          (!this.#subject.isTyped || found.struct === target);
        return isRight ? `record ${found.id}` : to;
      });
      return [rec.id, links] as const;
    });
    return graph.sort(([a], [b]) => a - b);
  }

  #read(rec: Rec, handle: number): number[] {
    const view = this.#faceOf(rec).get<AnyView>(handle);
    return LINKS.get(rec.struct)!.map((field) => field.get(view));
  }

  #compact(pool: SomePool): void {
    const own = slabs.get(pool)!;
    const before = { ...this.pool.stats() };
    const graph = this.#graph(this.#live, (rec) => [...rec.links]);
    const needed = own.map(leastBlocks);
    const fewest = own.map(fewestMoves);
    const saved = this.pool.snapshot();
    const moves: [number, number][] = [];
    const bytes = pool.compact((from: number, to: number) => void moves.push([from, to]));
    validate(this.pool);
    this.compactions++;
    this.moves += moves.length;
    this.answers.push(bytes, moves);

    assertEquals(own.map((slab) => slab.mappedBlocks().length), needed);
    own.forEach((slab, i) => {
      const count = moves.filter(([, to]) => slab.find(to) !== undefined).length;
      if (fewest[i] !== undefined) assertEquals(count, fewest[i]);
    });
    const after = this.pool.stats();
    assertEquals(bytes, before.byteLength - after.byteLength);
    assertEquals(
      [after.size, after.allocs, after.frees, after.peakSize],
      [before.size, before.allocs, before.frees, before.peakSize],
    );
    if (bytes === 0) {
      assertEquals(moves.length, 0);
      const now = this.pool.snapshot();
      // What was reserved is forgotten.
      if (own.every(({ blockSet }) => blockSet.reserved === 0)) {
        assertEquals(now.length, saved.length);
      }
    }
    for (const slab of own) {
      const empty = slab.mappedBlocks().filter(({ live }) => live === 0).length;
      assertEquals([slab.blockSet.emptyCount, empty], [0, 0]);
    }
    // The model moves.
    const to = new Map(moves);
    assertEquals(to.size, moves.length);
    const isNew = this.#isDebug || !own[0].codec.wraps;
    for (const [old, now] of moves) {
      assert(this.#live.has(old), `${old} was not live`);
      assert(!this.#live.has(now) && !(isNew && this.#given.has(now)), `${now} was given out`);
      assert(!this.pool.has(forge(old)) && this.pool.has(forge(now)));
      assertThrows(() => this.pool.free(forge(old)), StaleHandleError);
    }
    const was = this.#live;
    this.#live = new Map();
    for (const [handle, rec] of was) {
      const fields = LINKS.get(rec.struct)!;
      const links = rec.links.map((link, i) => {
        const { target } = fields[i];
        const found = was.get(link);
        if (target === undefined || found === undefined || !to.has(link)) return link;
        return this.#subject.isTyped && found.struct !== target ? link : to.get(link)!;
      });
      this.#live.set(to.get(handle) ?? handle, { ...rec, links });
    }
    for (const [old, now] of moves) {
      this.#gone = [...this.#gone.slice(-20), old];
      this.#given.add(now);
    }
    assertEquals(this.#graph(this.#live, (rec, handle) => this.#read(rec, handle)), graph);
  }

  compare(): void {
    const { pool } = this;
    validate(pool);
    assertEquals(pool.size, this.#live.size);
    assertEquals(new Set<number>(pool.handles()), new Set(this.#live.keys()));
    for (const [handle, rec] of this.#live) {
      const view = this.#faceOf(rec).get<AnyView>(handle);
      if (rec.struct === Part) assert(view.tag === (rec.id & 255));
      else assert(view.n === rec.id, `record ${handle} holds ${view.n}, not ${rec.id}`);
      const links = this.#read(rec, handle);
      if (links.some((link, i) => link !== rec.links[i])) {
        assertEquals(links, rec.links, `${handle}`);
      }
    }
    this.answers.push(pool.blocks.map(({ index, live }) => [index, live]));
  }

  end(): void {
    if (this.#isDebug && this.#live.size > 0) {
      const { leaks } = assertThrows(() => this.pool.dispose(), LeakError);
      assertEquals(new Set(leaks.map(({ handle }) => handle)), new Set(this.#live.keys()));
    } else this.pool.dispose();
  }
}

/** As few blocks of a slab as have room for its records. */
function leastBlocks(slab: Slab): number {
  const rooms = slab.mappedBlocks().map(({ chunkCount, retired }) => chunkCount - retired);
  rooms.sort((a, b) => b - a);
  let room = 0, count = 0;
  while (room < slab.size) room += rooms[count++];
  return count;
}

/** Where no chunk is retired the blocks with the most records stay. */
function fewestMoves(slab: Slab): number | undefined {
  if (slab.mappedBlocks().some(({ retired }) => retired > 0)) return undefined;
  const lives = slab.mappedBlocks().map(({ live }) => live).sort((a, b) => b - a);
  return lives.slice(leastBlocks(slab)).reduce((sum, live) => sum + live, 0);
}

for (const [name, subject] of Object.entries(SUBJECTS)) {
  for (const handles of ["compact", "wide"] as const) {
    for (const reuse of ["recent", "spread"] as const) {
      for (const debug of [false, true]) {
        const what = `${name}, ${handles}, ${reuse}${debug ? ", debug" : ""}`;
        Deno.test(`compact() leaves the graph of records as it was, in as few blocks as can be (${what})`, () => {
          let moves = 0, compactions = 0;
          const property = fc.property(steps, fc.constantFrom(0, 1, 3), (all, keepEmptyBlocks) => {
            const options: PoolOptions = { handles, reuse, debug, keepEmptyBlocks, name: "graph" };
            const runs = [true, false].map((specialize) => {
              if (debug && specialize) return undefined; // debug mode has no own code, and its numbers count on
              const run = new Run(subject, { ...options, specialize });
              for (const step of all) run.take(step);
              return run;
            });
            const [own, shared] = runs;
            if (own !== undefined) assertEquals(own.answers, shared!.answers);
            moves += shared!.moves;
            compactions += shared!.compactions;
            for (const run of runs) run?.end();
          });
          fc.assert(property, { numRuns: debug ? RUNS / 3 : RUNS, seed: 7 });
          assert(moves > compactions, `${moves} moves in ${compactions} compactions`);
        });
      }
    }
  }
}
