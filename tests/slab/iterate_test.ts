/**
 * What every iteration promises, for every kind of pool, with own code, with shared code and in
 * debug mode: it ends, it visits each record that stays exactly once, and records gather in the
 * lowest blocks.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  type AnyHandle,
  type AnyStruct,
  array,
  Pool,
  type PoolOptions,
  PoolSet,
  StaleHandleError,
  struct,
  validate,
} from "../../mod.ts";
import { type AnyPool, drop, type OfKind, POOL_KINDS, reserveIn, viewsOf } from "../_kinds.ts";
import { Random } from "../_random.ts";
import { untyped } from "../_support.ts";
import { CAN_COMPILE, textsOf } from "./_own_texts.ts";

const Word = struct({ n: "u32" }, { name: "Word" });
type WordView = { n: number };

const MODES: Readonly<Record<string, PoolOptions>> = {
  "own code": { specialize: true },
  "shared code": { specialize: false },
  "debug mode": { debug: true },
};

const SIZES: PoolOptions = { chunksPerBlock: 16, maxChunks: 4096 };

/** Called with each record; its view may be used during the call only. */
type Visit = (view: WordView, handle: AnyHandle) => void;

/** Ways to iterate over the records of a pool. */
const ITERATIONS: Readonly<Record<string, (it: OfKind, visit: Visit) => void>> = {
  "forEach()": ({ pool, of }, visit) => pool.forEach(...of, visit),
  "loop()": ({ pool, of }, visit) => pool.loop(...of, visit)(),
  "for…of": ({ pool, of }, visit) => {
    const views = of.length > 0 ? pool.all!<WordView>(...of) : untyped<Iterable<WordView>>(pool);
    for (const view of views) visit(view, pool.handleOf(untyped(view)));
  },
  "retain()": ({ pool, of }, visit) => {
    pool.retain(...of, (view: WordView, handle: AnyHandle) => {
      visit(view, handle);
      return true;
    });
  },
  "handles()": ({ pool, of }, visit) => {
    for (const handle of pool.handles(...of)) visit(pool.get(...of, handle), handle);
  },
};

/**
 * The iterations over one struct, and over all structs if the pool knows which struct a record has.
 */
function iterationsOf(kind: string): [string, (it: OfKind, visit: Visit) => void][] {
  const knowsAll = kind === "ErasedPool" || kind.endsWith("Set");
  const overAll = Object.entries(ITERATIONS).filter(([name]) => knowsAll && name !== "handles()")
    .map(([name, iterate]): [string, typeof iterate] => [
      `${name} over all`,
      ({ pool }, visit) => iterate({ pool, of: [] }, visit),
    ]);
  return [...Object.entries(ITERATIONS), ...overAll];
}

/** Defines a test for each kind of pool in each mode. */
function each(
  claim: string,
  fn: (make: () => OfKind, kind: string, isDebug: boolean) => void,
): void {
  for (const [kind, make] of Object.entries(POOL_KINDS)) {
    for (const [mode, options] of Object.entries(MODES)) {
      Deno.test(`${kind} (${mode}): ${claim}`, () => {
        // One pool serves a whole test, as only 64 structs and geometries get copies.
        const it = make(Word, { ...SIZES, ...options });
        fn(() => emptied(it), kind, options.debug === true);
        drop(it.pool);
      });
    }
  }
}

function emptied(it: OfKind): OfKind {
  it.pool.clear();
  it.pool.trim();
  return it;
}

function filled({ pool, of }: OfKind, count: number): AnyHandle[] {
  return Array.from({ length: count }, (_, n) => pool.alloc(...of, { n }));
}

// -- it ends, and visits each record that stays once --

/** What a visit does to the pool; `pick` returns a live handle. */
const DEEDS: Readonly<
  Record<string, (it: OfKind, handle: AnyHandle, pick: () => AnyHandle) => void>
> = {
  "nothing": () => {},
  "free it": ({ pool }, handle) => pool.free(handle),
  "free another": ({ pool }, _, pick) => pool.free(pick()),
  "alloc": (it) => void filled(it, 3),
  "alloc many": (it) => void filled(it, 20),
  "move": (it, handle) => {
    it.pool.free(handle);
    filled(it, 2);
  },
  "clear and fill": (it) => {
    it.pool.clear();
    filled(it, 100);
  },
  "trim and fill": (it) => void filled(emptied(it), 100),
};

interface Case {
  readonly count: number;
  readonly holes: readonly number[];
  readonly deeds: readonly string[];
  readonly seed: number;
}

const CASES: fc.Arbitrary<Case> = fc.record({
  count: fc.nat(150),
  holes: fc.array(fc.nat(149), { maxLength: 100 }),
  deeds: fc.array(fc.constantFrom(...Object.keys(DEEDS)), { minLength: 1, maxLength: 12 }),
  seed: fc.nat(),
});

/** No record, a full block, and many blocks, each with one deed at every visit. */
const EXAMPLES: [Case][] = [0, 1, 16, 150].flatMap((count) =>
  Object.keys(DEEDS).map((deed): [Case] => [{ count, holes: [], deeds: [deed], seed: 1 }])
);

each(
  "every iteration ends, and visits what is live throughout once, in order, whatever a visit does",
  (make, kind, isDebug) => {
    for (const [name, iterate] of iterationsOf(kind)) {
      const property = fc.property(CASES, ({ count, holes, deeds, seed }) => {
        const it = make();
        const { pool, of } = it;
        const random = new Random(seed);
        const handles = filled(it, count);
        for (const hole of new Set(holes)) if (hole < count) pool.free(handles[hole]);
        const blocks = new Set(pool.blocks.map(({ index }) => index));
        let staying = [...pool.handles()];
        const seen = new Set<AnyHandle>();
        let last = -1;
        iterate(it, (view, handle) => {
          const index = pool.indexOf(handle);
          assert(index > last, `${name}: chunk ${index} came after chunk ${last}`);
          assert(seen.size < blocks.size * 16, `${name} goes on after ${seen.size} visits`);
          assertEquals(pool.get<WordView>(...of, handle).n, view.n);
          last = index;
          seen.add(handle);
          const { n } = view;
          const pick = () => random.pick([...pool.handles()]);
          DEEDS[deeds[seen.size % deeds.length]](it, handle, pick);
          if (pool.has(handle)) assertEquals(view.n, n);
          staying = staying.filter((it) => pool.has(it));
        });
        for (const handle of staying) assert(seen.has(handle), `${name} did not visit ${handle}`);
        validate(pool);
      });
      fc.assert(property, { numRuns: EXAMPLES.length + (isDebug ? 2 : 8), examples: EXAMPLES });
    }
  },
);

for (const [mode, options] of Object.entries(MODES)) {
  Deno.test(`PoolSet (${mode}): iterations over all end though each visit allocates in each class`, () => {
    const types: AnyStruct[] = [
      Word,
      struct({ n: "u32", pad: "u32" }),
      struct({ n: "u32", pad: array("u32", 3) }),
    ];
    const sizes = types.map((type) => type.size);
    const set = new PoolSet({ ...SIZES, ...options, sizes, types }) as unknown as AnyPool;
    const it = { pool: set, of: [Word] };
    const handlesOverAll: typeof ITERATIONS[string] = ({ pool }, visit) => {
      for (const handle of pool.handles()) visit({ n: 0 }, handle); // its struct is not known here
    };
    const iterations = iterationsOf("PoolSet").filter(([name]) => name.endsWith("over all"));
    iterations.push(["handles() over all", handlesOverAll]);
    for (const [name, iterate] of iterations) {
      emptied(it);
      const old = Array.from({ length: 60 }, (_, n) => set.alloc(types[n % 3], { n }));
      const seen = new Set<AnyHandle>();
      iterate(it, (view, handle) => {
        assert(!seen.has(handle), `${name} visited ${handle} twice`);
        seen.add(handle);
        const { n } = view;
        for (const type of types) set.alloc(type);
        assertEquals(view.n, n);
        assert(seen.size < 1000, `${name} goes on after ${seen.size} visits`);
      });
      for (const handle of old) assert(seen.has(handle), `${name} did not visit ${handle}`);
      validate(set);
    }
    drop(set);
  });
}

for (const [kind, make] of Object.entries(POOL_KINDS)) {
  Deno.test(`${kind}: every iteration visits just what is live in blocks of many words of bits`, () => {
    const it = make(Word, { ...SIZES, chunksPerBlock: 128 });
    for (const [name, iterate] of iterationsOf(kind)) {
      const runs = fc.array(fc.tuple(fc.nat(299), fc.nat(70)), { maxLength: 6 });
      const property = fc.property(runs, fc.boolean(), (runs, areLive) => {
        const handles = filled(emptied(it), 300);
        const isIn = (n: number) => runs.some(([from, length]) => n >= from && n <= from + length);
        const live = handles.filter((_, n) => isIn(n) === areLive);
        for (const handle of handles) if (!live.includes(handle)) it.pool.free(handle);
        const seen: AnyHandle[] = [];
        iterate(it, (_, handle) => seen.push(handle));
        assertEquals(seen, live, name);
      });
      fc.assert(property, { numRuns: 60 });
    }
    drop(it.pool);
  });
}

each("an iterator made before the first record visits none, one made later visits all", (make) => {
  const it = make();
  const early = [viewsOf(it)[Symbol.iterator](), it.pool.handles(...it.of)];
  filled(it, 40);
  for (const iterator of early) assertEquals(iterator.next().done, true);
  assertEquals([[...viewsOf(it)].length, [...it.pool.handles(...it.of)].length], [40, 40]);
});

// -- the lowest block first --

/** Changes to a pool and to the list of its live handles, which depend on any number. */
const CHANGES: Readonly<Record<string, (it: OfKind, live: AnyHandle[], nat: number) => void>> = {
  alloc: (it, live, nat) => {
    for (let i = 0; i <= nat % 40; i++) live.push(allocatedLowest(it));
  },
  allocMany: ({ pool, of }, live, nat) => void live.push(...pool.allocMany(...of, nat % 40)),
  free: ({ pool }, live, nat) => {
    if (live.length > 0) pool.free(live.splice(nat % live.length, 1)[0]);
  },
  freeMany: ({ pool }, live, nat) => pool.freeMany(live.splice(nat % 50, nat % 30)),
  retain: ({ pool, of }, _, nat) => {
    pool.retain(...of, (_: unknown, handle: AnyHandle) => handle % 5 !== nat % 5);
  },
  freeBlock: ({ pool }, _, nat) => {
    if (pool.blocks.length > 0) pool.freeBlock(pool.blocks[nat % pool.blocks.length].index);
  },
  clear: ({ pool }) => pool.clear(),
  reserve: (it, _, nat) => reserveIn(it, nat % 400),
  trim: ({ pool }) => void pool.trim(),
};

each(
  "each record goes to the lowest block with room, whatever happened before",
  (make, _, isDebug) => {
    const names = ["alloc", "alloc", "alloc", "free", "free", "free", ...Object.keys(CHANGES)];
    const change = fc.tuple(fc.constantFrom(...names), fc.nat());
    const property = fc.property(fc.array(change, { minLength: 10, maxLength: 60 }), (changes) => {
      const it = make();
      let live = filled(it, 100);
      for (const [name, nat] of changes) {
        CHANGES[name](it, live, nat);
        live = live.filter((handle) => it.pool.has(handle));
      }
      assertEquals(it.pool.size, live.length);
      validate(it.pool);
    });
    fc.assert(property, { numRuns: isDebug ? 8 : 30 });
  },
);

/**
 * Allocates a record, which must go to the first block that is not full, or to a new one if all
 * are.
 */
function allocatedLowest({ pool, of }: OfKind): AnyHandle {
  const before = new Map(pool.blocks.map(({ index, live }) => [index, live]));
  const lowest = pool.blocks.find(({ live }) => live < 16)?.index;
  const handle = pool.alloc(...of);
  const [to] = pool.blocks.filter(({ index, live }) => live > (before.get(index) ?? 0));
  if (lowest === undefined) assert(!before.has(to.index), `went to ${to.index}, all were full`);
  else assertEquals(to.index, lowest);
  return handle;
}

each(
  "under random births and deaths records gather in the lowest blocks, others go back",
  (make) => {
    const random = new Random(7);
    const { pool, of } = make();
    const live: AnyHandle[] = pool.allocMany(...of, 2000);
    const free = () => pool.free(live.splice(random.below(live.length), 1)[0]);
    while (live.length > 300) free();
    assert(pool.blocks.length > 80, "they lie scattered");
    for (let frame = 0; frame < 200; frame++) {
      for (let i = 0; i < 15; i++) free();
      for (let i = 0; i < 15; i++) live.push(pool.alloc(...of));
    }
    const perBlock = pool.blocks.map((block) => block.live);
    // 300 records fill 19 blocks. Some have holes, as 15 are freed at a time, and one empty block
    // is kept.
    assert(perBlock.length <= 22, `${perBlock}`);
    assert(perBlock.slice(0, 17).every((count) => count === 16), `${perBlock}`);
  },
);

// -- views in debug mode --

const Ship = struct({ n: "u32", at: struct({ x: "f32" }), color: array("u8", 3) });
type ShipView = WordView & { at: { x: number }; color: { get(i: number): number } };

function assertMovedOn(use: () => unknown, handle: number): void {
  const error = assertThrows(use, StaleHandleError, `has moved on from handle ${handle}`);
  assert(error.message.includes("pool.get(handle)"), error.message);
  assertEquals(error.handle, handle);
}

for (const [kind, make] of Object.entries(POOL_KINDS)) {
  const fresh = () => {
    const it = make(Ship, { ...SIZES, debug: true });
    return { it, handles: filled(it, 20) };
  };
  const iterations = iterationsOf(kind).filter(([name]) => !name.startsWith("handles"));

  Deno.test(`${kind} in debug mode: a view and its parts throw once the iteration has moved on`, () => {
    for (const [, iterate] of iterations) {
      const { it, handles } = fresh();
      const { pool, of } = it;
      const kept: { view: ShipView; at: ShipView["at"]; color: ShipView["color"] }[] = [];
      iterate(it, (view) => {
        const ship = view as ShipView;
        assertEquals(ship.n, kept.length);
        if (kept.length > 0) assertMovedOn(() => kept.at(-1)!.view.n, handles[kept.length - 1]);
        kept.push({ view: ship, at: ship.at, color: ship.color });
      });
      assertEquals(kept.length, 20);
      kept.forEach(({ view, at, color }, i) => {
        assertMovedOn(() => view.n, handles[i]);
        assertMovedOn(() => view.n = 1, handles[i]);
        assertMovedOn(() => at.x, handles[i]);
        assertMovedOn(() => color.get(0), handles[i]);
        assertMovedOn(() => pool.handleOf(untyped(view)), handles[i]);
        assertMovedOn(() => JSON.stringify(view), handles[i]);
        assertMovedOn(() => pool.alloc(...of, view), handles[i]);
      });
      assertEquals(pool.size, 20);
      assertEquals(pool.seek(kept[0].view, handles[7]).n, 7); // but it can be bound again
      drop(pool);
    }
  });

  Deno.test(`${kind} in debug mode: nested iterations have views of their own`, () => {
    const { it } = fresh();
    for (const [, iterate] of iterations) {
      let pairs = 0;
      iterate(it, (outer) => {
        const { n } = outer;
        iterate(it, (inner) => {
          assertEquals(outer.n, n);
          assert(outer !== inner);
          pairs++;
        });
        assertEquals(outer.n, n);
      });
      assertEquals(pairs, 400);
    }
    drop(it.pool);
  });

  Deno.test(`${kind} in debug mode: a view dies when its callback throws, but not when for…of breaks`, () => {
    const { it, handles } = fresh();
    for (const [name, iterate] of iterations) {
      let kept: WordView | undefined;
      const boom = () =>
        iterate(it, (view) => {
          kept = view;
          if (view.n === 3) throw new Error("boom");
        });
      assertThrows(boom, Error, "boom");
      if (name.startsWith("for…of")) assertEquals(kept?.n, 3);
      else assertMovedOn(() => kept!.n, handles[3]);
    }
    drop(it.pool);
  });
}

// -- these tests themselves --

Deno.test({
  name: "The pools of these tests had copies, as there is still room for more",
  ignore: !CAN_COMPILE,
  fn: () => assert(textsOf(() => new Pool(struct({ n: "u8" }))).length > 0),
});
