/**
 * What every iteration promises, for every kind of pool, in every mode: it ends, it visits each
 * record that stays exactly once, and records gather in the lowest blocks.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { array, compact, debug, PoolSet, StaleHandleError, struct, validate } from "../../mod.ts";
import type { AnyHandle, AnyStruct, PoolOptions } from "../../mod.ts";
import { type AnyPool, drop, fillKind as filled, type OfKind } from "../_kinds.ts";
import { type Counted, ITERATIONS, MODES, POOL_KINDS, reserveIn, type Visit } from "../_kinds.ts";
import { untyped } from "../_support.ts";

const Word = struct({ n: "u32" }, { name: "Word" });

const SIZES: PoolOptions = { chunksPerBlock: 16, maxChunks: 4096 };

/**
 * The iterations over one struct, and over all structs if the pool knows which struct a record has.
 */
function iterationsOf(kind: string): [string, (it: OfKind, visit: Visit) => void][] {
  const knowsAll = kind === "ErasedPool" || kind.includes("Set");
  const one = Object.entries(ITERATIONS);
  if (!knowsAll) return one;
  return one.flatMap(([name, iterate]) => [
    [name, iterate],
    [`${name} over all`, ({ pool }, visit) => iterate({ pool, of: [] }, visit)],
  ]);
}

/** Defines a test for each kind of pool, made in every mode. */
function each(claim: string, fn: (make: () => OfKind, kind: string) => void): void {
  for (const [kind, make] of Object.entries(POOL_KINDS)) {
    for (const [mode, options] of Object.entries(MODES)) {
      Deno.test(`${kind}${mode}: ${claim}`, () => {
        // One pool serves a whole test, as only 64 structs and geometries get copies.
        const it = make(Word, { ...SIZES, ...options });
        fn(() => emptied(it), kind);
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

// -- it ends, and visits each record that stays once --

/** What a visit does to the pool. */
const DEEDS: Readonly<Record<string, (it: OfKind, handle: AnyHandle) => void>> = {
  "nothing": () => {},
  "free it": ({ pool }, handle) => pool.free(handle),
  "free another": ({ pool }, handle) => {
    const last = [...pool.handles()].at(-1);
    if (last !== undefined && last !== handle) pool.free(last);
  },
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
  "free half and compact": ({ pool }) => {
    pool.freeMany([...pool.handles()].filter((_, i) => i % 2 === 0));
    compact(pool);
  },
};

each("every iteration ends, and visits what stays once, in order", (make, kind) => {
  for (const [name, iterate] of iterationsOf(kind)) {
    for (const [deed, run] of Object.entries(DEEDS)) {
      for (const count of [0, 1, 16, 150]) {
        const it = make();
        const { pool, of } = it;
        const old = filled(it, count);
        const most = pool.capacity; // records in blocks that are added meanwhile are not visited
        const seen = new Set<AnyHandle>();
        let last = -1;
        iterate(it, (view, handle) => {
          const index = pool.indexOf(handle);
          assert(index > last && seen.size < most, `${name}, ${deed}: chunk ${index}`);
          const { n } = view;
          assertEquals(pool.get<Counted>(...of, handle).n, n);
          last = index;
          seen.add(handle);
          run(it, handle);
          if (pool.has(handle)) assertEquals(view.n, n);
        });
        for (const it of old) assert(seen.has(it) || !pool.has(it), `${name}, ${deed}: ${it}`);
        validate(pool);
      }
    }
  }
});

for (const [mode, options] of Object.entries(MODES)) {
  Deno.test(`PoolSet${mode}: iterations over all end though each visit allocates in each class`, () => {
    const types: AnyStruct[] = [1, 2, 4].map((words) =>
      struct({ n: "u32", pad: array("u8", words * 4 - 3) })
    );
    const sizes = types.map((type) => type.size);
    const set = new PoolSet({ ...SIZES, ...options, sizes, types }) as unknown as AnyPool;
    const it = { pool: set, of: [] };
    for (const [name, iterate] of Object.entries(ITERATIONS)) {
      emptied(it);
      const old = Array.from({ length: 60 }, (_, n) => set.alloc(types[n % 3], { n }));
      const seen = new Set<AnyHandle>();
      iterate(it, (_, handle) => {
        assert(!seen.has(handle) && seen.size < 1000, `${name} visited ${handle}`);
        seen.add(handle);
        for (const type of types) set.alloc(type);
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
      for (const [from, to] of [[0, 300], [31, 33], [64, 96], [127, 128], [5, 290], [299, 300]]) {
        for (const areLive of [true, false]) {
          const handles = filled(emptied(it), 300);
          const isLive = (n: number) => (n >= from && n < to) === areLive;
          handles.forEach((handle, n) => isLive(n) || it.pool.free(handle));
          const seen: AnyHandle[] = [];
          iterate(it, (_, handle) => seen.push(handle));
          assertEquals(seen, handles.filter((_, n) => isLive(n)), name);
        }
      }
    }
    drop(it.pool);
  });
}

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

each("each record goes to the lowest block with room", (make) => {
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
  fc.assert(property, { numRuns: 25 });
});

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

// -- views in debug mode --

const Ship = struct({ n: "u32", at: struct({ x: "f32" }), color: array("u8", 3) });
type ShipView = Counted & { at: { x: number }; color: { get(i: number): number } };

function assertMovedOn(use: () => unknown, handle: number): void {
  const error = assertThrows(use, StaleHandleError, `has moved on from handle ${handle}`);
  assert(error.message.includes("pool.get(handle)"), error.message);
  assertEquals(error.handle, handle);
}

for (const [kind, make] of Object.entries(POOL_KINDS)) {
  const fresh = () => {
    const it = make(Ship, { ...SIZES, debug });
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

  Deno.test(`${kind} in debug mode: a view dies when its callback throws, but not when for…of breaks`, () => {
    const { it, handles } = fresh();
    for (const [name, iterate] of iterations) {
      let kept: Counted | undefined;
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
