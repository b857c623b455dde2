/**
 * What every iteration promises, for every kind of pool, in every mode: it ends, and records gather
 * in the lowest blocks. That it visits each record that stays once is shown by the model tests.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { array, compact, debug, StaleHandleError, struct, validate } from "../../mod.ts";
import type { AnyHandle, PoolOptions } from "../../mod.ts";
import { drop, fillKind as filled, type OfKind } from "../_kinds.ts";
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

// -- it ends --

/** What a visit does to the pool, so that there are always records that were not visited. */
const DEEDS: Readonly<Record<string, (it: OfKind, handle: AnyHandle) => void>> = {
  "alloc many": (it) => void filled(it, 20),
  "move": (it, handle) => {
    it.pool.free(handle);
    filled(it, 2);
  },
  "trim and fill": (it) => void filled(emptied(it), 100),
  "free half, compact and fill": (it) => {
    it.pool.freeMany([...it.pool.handles()].filter((_, i) => i % 2 === 0));
    compact(it.pool);
    filled(it, 20);
  },
};

each(
  "every iteration ends in the blocks that there were, whatever each visit does",
  (make, kind) => {
    for (const [name, iterate] of iterationsOf(kind)) {
      for (const [deed, run] of Object.entries(DEEDS)) {
        const it = make();
        const old = filled(it, 120); // enough for a loop of its own
        const most = it.pool.capacity;
        const seen = new Set<AnyHandle>();
        let last = -1;
        iterate(it, (_, handle) => {
          const index = it.pool.indexOf(handle);
          assert(index > last && seen.size < most, `${name}, ${deed}: chunk ${index}`);
          last = index;
          seen.add(handle);
          run(it, handle);
        });
        for (const one of old) {
          assert(
            seen.has(one) || !it.pool.has(one),
            `${name}, ${deed}: ${one}`,
          );
        }
        validate(it.pool);
      }
    }
  },
);

// -- the lowest block first --

/** Changes to a pool with some live records, which depend on any number. */
const CHANGES: Readonly<Record<string, (it: OfKind, live: AnyHandle[], nat: number) => void>> = {
  alloc: (it, _, nat) => {
    for (let i = 0; i <= nat % 40; i++) assertAllocatesLowest(it);
  },
  free: ({ pool }, live, nat) => live.length > 0 && pool.free(live[nat % live.length]),
  freeMany: ({ pool }, live, nat) => pool.freeMany(live.slice(nat % 50, nat % 50 + nat % 30)),
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
    filled(it, 100);
    for (const [name, nat] of changes) CHANGES[name](it, [...it.pool.handles()], nat);
    validate(it.pool);
  });
  fc.assert(property, { numRuns: 25 });
});

/** Allocates a record, which must go to the first block that is not full, or to a new one. */
function assertAllocatesLowest({ pool, of }: OfKind): void {
  const before = new Map(pool.blocks.map(({ index, live }) => [index, live]));
  const lowest = pool.blocks.find(({ live }) => live < 16)?.index;
  pool.alloc(...of);
  const [to] = pool.blocks.filter(({ index, live }) => live > (before.get(index) ?? 0));
  if (lowest === undefined) assert(!before.has(to.index), `went to ${to.index}, all were full`);
  else assertEquals(to.index, lowest);
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
  const iterations = iterationsOf(kind).filter(([name]) => !name.startsWith("handles"));

  Deno.test(`${kind} in debug mode: a view and its parts throw once the iteration has moved on`, () => {
    for (const [, iterate] of iterations) {
      const it = make(Ship, { ...SIZES, debug });
      const handles = filled(it, 20);
      const kept: { view: ShipView; at: ShipView["at"]; color: ShipView["color"] }[] = [];
      iterate(it, (view) => {
        const ship = view as ShipView;
        assertEquals(ship.n, kept.length);
        if (kept.length > 0) assertMovedOn(() => kept.at(-1)!.view.n, handles[kept.length - 1]);
        kept.push({ view: ship, at: ship.at, color: ship.color });
      });
      assertEquals(kept.length, 20);
      kept.forEach(({ view, at, color }, i) => {
        const uses = [() => view.n, () => view.n = 1, () => at.x, () => color.get(0)];
        for (const use of uses) assertMovedOn(use, handles[i]);
        assertMovedOn(() => it.pool.handleOf(untyped(view)), handles[i]);
        assertMovedOn(() => it.pool.alloc(...it.of, view), handles[i]);
      });
      assertEquals(it.pool.seek(kept[0].view, handles[7]).n, 7); // but it can be bound again
      drop(it.pool);
    }
  });

  Deno.test(`${kind} in debug mode: a view dies when its callback throws, but not when for…of breaks`, () => {
    const it = make(Ship, { ...SIZES, debug });
    const handles = filled(it, 20);
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
