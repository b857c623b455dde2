/**
 * What every iteration promises, of every kind of pool, with own code, with shared code and in debug mode: it ends, it sees
 * each record that stays once, and the pool stays dense meanwhile.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  type AnyHandle,
  type AnyStruct,
  array,
  ErasedPool,
  type Init,
  Pool,
  type PoolOptions,
  PoolSet,
  StaleHandleError,
  struct,
  validate,
} from "../../mod.ts";
import { Face, FACES } from "../_faces.ts";
import { CAN_COMPILE, textsOf } from "./_own_texts.ts";
import { forge } from "../_support.ts";
import { Random } from "../model/_random.ts";

const Word = struct({ n: "u32" }, { name: "Word" });
type WordView = { n: number };

const MODES: Readonly<Record<string, PoolOptions>> = {
  "own code": { specialize: true },
  "shared code": { specialize: false },
  "debug mode": { debug: true },
};

const SIZES: PoolOptions = { chunksPerBlock: 16, maxChunks: 4096 };

/** What is called with each record; its view is good for the length of the call. */
type Visit = (view: WordView, handle: AnyHandle) => void;

/** Every way through the records of a pool. */
const WALKS: Readonly<Record<string, (face: Face, visit: Visit) => void>> = {
  "forEach()": (face, visit) => face.forEach(visit),
  "loop()": (face, visit) => face.loop(visit)(),
  "for…of": (face, visit) => {
    for (const view of face.views<WordView>()) visit(view, face.pool.handleOf(view));
  },
  "handles()": (face, visit) => {
    for (const handle of face.pool.handles()) visit(face.get(handle), handle as AnyHandle);
  },
  "retain()": (face, visit) =>
    void face.retain<WordView>((view, handle) => {
      visit(view, handle);
      return true;
    }),
};

/** The same over the records of all structs, where the pool knows which these are. */
const WALKS_OVER_ALL: typeof WALKS = {
  "forEach() over all": (face, visit) => mixed(face).forEach(visit as never),
  "loop() over all": (face, visit) => mixed(face).loop(visit as never)(),
  "for…of over all": (face, visit) => {
    for (const view of mixed(face)) visit(view as never, face.pool.handleOf(view));
  },
  "retain() over all": (face, visit) =>
    void mixed(face).retain((view, handle) => {
      visit(view as never, handle);
      return true;
    }),
};

function mixed(face: Face): ErasedPool | PoolSet {
  assert(face.pool instanceof ErasedPool || face.pool instanceof PoolSet);
  return face.pool;
}

/** The ways through a kind of pool. */
function walksOf(name: string): [string, (face: Face, visit: Visit) => void][] {
  const knows = name === "ErasedPool" || name.endsWith("PoolSet");
  return Object.entries({ ...WALKS, ...knows ? WALKS_OVER_ALL : {} });
}

/** Runs a test for each kind of pool in each mode. */
function each(claim: string, fn: (make: () => Face, name: string, isDebug: boolean) => void): void {
  for (const [name, make] of Object.entries(FACES)) {
    for (const [mode, options] of Object.entries(MODES)) {
      Deno.test(`${name} (${mode}): ${claim}`, () => {
        // One pool serves a whole test, as there are copies for 64 of a kind that makes its own.
        const face = make(Word, { ...SIZES, ...options });
        fn(() => emptied(face), name, options.debug === true);
        emptied(face).pool.dispose();
      });
    }
  }
}

function emptied(face: Face): Face {
  face.pool.clear();
  face.pool.trim();
  return face;
}

function filled(face: Face, count: number): AnyHandle[] {
  return Array.from({ length: count }, (_, n) => face.alloc({ n }));
}

// -- it ends --

each(
  "every iteration ends though each visit allocates, and goes no further than there were chunks",
  (make, name) => {
    for (const [what, walk] of walksOf(name)) {
      for (const count of [1, 16, 40, 200]) {
        const face = make();
        const old = filled(face, count);
        const blocks = Math.ceil(count / 16);
        const seen: AnyHandle[] = [];
        walk(face, (view, handle) => {
          seen.push(handle);
          const { n } = view;
          for (let i = 0; i < 3; i++) face.alloc({ n: 1000 });
          assertEquals(view.n, n);
          assert(seen.length <= blocks * 16, `${what} goes on after ${seen.length} visits`);
        });
        const isOld = new Set(old);
        assertEquals(seen.filter((handle) => isOld.has(handle)), old, what);
        validate(face.pool);
      }
    }
  },
);

each("every iteration ends though each visit frees its record and allocates two", (make, name) => {
  for (const [what, walk] of walksOf(name)) {
    for (const count of [1, 16, 40, 200]) {
      const face = make();
      const old = new Set(filled(face, count));
      let visits = 0;
      walk(face, (_, handle) => {
        visits++;
        old.delete(handle);
        face.pool.free(forge(handle));
        face.alloc();
        face.alloc();
        assert(visits <= Math.ceil(count / 16) * 16, `${what} goes on after ${visits} visits`);
      });
      assertEquals(old.size, 0, what);
      validate(face.pool);
    }
  }
});

each("every iteration ends though each visit starts the pool anew", (make, name) => {
  for (const [what, walk] of walksOf(name)) {
    for (const isTrimmed of [false, true]) {
      const face = make();
      filled(face, 40);
      let visits = 0;
      walk(face, () => {
        visits++;
        face.pool.clear();
        if (isTrimmed) face.pool.trim();
        filled(face, 100);
        assert(visits <= 48, `${what} goes on after ${visits} visits`);
      });
      validate(face.pool);
    }
  }
});

each("an iteration sees no record of a block that came to exist after it began", (make, name) => {
  for (const [what, walk] of walksOf(name)) {
    const face = make();
    filled(face, 16); // a full block
    const seen: number[] = [];
    walk(face, ({ n }) => {
      seen.push(n);
      face.alloc({ n: 1000 });
    });
    assertEquals(seen, Array.from({ length: 16 }, (_, n) => n), what);
    assertEquals(face.pool.size, 32);
    const isEmpty = make();
    walk(isEmpty, () => assert(false, `${what} saw a record of an empty pool`));
  }
});

for (const [mode, options] of Object.entries(MODES)) {
  Deno.test(`PoolSet (${mode}): every iteration over all ends though each visit allocates in each class`, () => {
    const types: AnyStruct[] = [
      Word,
      struct({ n: "u32", pad: "u32" }),
      struct({ n: "u32", pad: array("u32", 3) }),
    ];
    const sizes = types.map((type) => type.size);
    const set = new PoolSet({ ...SIZES, ...options, sizes, types });
    const face = new Face(set, Word);
    for (const [what, walk] of Object.entries(WALKS_OVER_ALL)) {
      emptied(face);
      const old = Array.from(
        { length: 60 },
        (_, n) => set.alloc(types[n % 3], { n } as Init<AnyStruct>),
      );
      const seen = new Set<number>();
      walk(face, (view, handle) => {
        assert(!seen.has(handle), `${what} saw ${handle} twice`);
        seen.add(handle);
        const { n } = view;
        for (const type of types) set.alloc(type);
        assertEquals(view.n, n);
        assert(seen.size < 1000, `${what} goes on after ${seen.size} visits`);
      });
      for (const handle of old) assert(seen.has(handle), `${what} did not see ${handle}`);
      validate(set);
    }
    emptied(face).pool.dispose();
  });
}

each(
  "an iterator that was made before the first record sees none, and one made after sees all",
  (make) => {
    const face = make();
    const early = [face.views<WordView>(), face.pool.handles()];
    filled(face, 40);
    for (const iterator of early) assertEquals(iterator.next().done, true);
    let count = 0;
    for (const _ of face.views()) count++;
    for (const _ of face.pool.handles()) count++;
    assertEquals(count, 80);
  },
);

// -- each record that stays is seen once --

/** What is done at a visit, with the current record, and with some other. */
const DEEDS = ["nothing", "free it", "free another", "alloc", "alloc many", "move"] as const;

each(
  "a record that is live throughout is seen once, whatever is freed and allocated at each visit",
  (make, name, isDebug) => {
    const cases = fc.record({
      count: fc.integer({ min: 1, max: 150 }),
      holes: fc.array(fc.nat(149), { maxLength: 100 }),
      deeds: fc.array(fc.constantFrom(...DEEDS), { minLength: 1, maxLength: 12 }),
      seed: fc.nat(),
    });
    for (const [what, walk] of walksOf(name)) {
      fc.assert(
        fc.property(cases, ({ count, holes, deeds, seed }) => {
          const face = make();
          const random = new Random(seed);
          const handles = filled(face, count);
          const live = new Map(handles.map((handle, n) => [handle, n]));
          const free = (handle: AnyHandle) => {
            face.pool.free(handle);
            live.delete(handle);
            staying.delete(handle);
          };
          const staying = new Set(handles);
          for (const hole of holes) if (live.has(handles[hole])) free(handles[hole]);
          const seen = new Set<AnyHandle>();
          const alloc = () => {
            if (live.size < 600) live.set(face.alloc({ n: live.size + 1000 }), live.size + 1000);
          };
          walk(face, (view, handle) => {
            assertEquals(view.n, live.get(handle), `${what} saw what is not live`);
            assert(!seen.has(handle), `${what} saw ${handle} twice`);
            seen.add(handle);
            const deed = deeds[seen.size % deeds.length];
            if (deed === "free it" || deed === "move") free(handle);
            if (deed === "free another" && live.size > 0) free(random.pick([...live.keys()]));
            if (deed === "alloc" || deed === "move") alloc();
            if (deed === "alloc many") { for (let i = 0; i < 20; i++) alloc(); }
          });
          for (const handle of staying) assert(seen.has(handle), `${what} did not see ${handle}`);
          validate(face.pool);
        }),
        { numRuns: isDebug ? 4 : 12 },
      );
    }
  },
);

// -- the lowest block first --

/** Chunks that are live in each block of the class that has records, by position. */
function livePerBlock(face: Face): number[] {
  return face.pool.blocks.map((block) => block.live);
}

each("a record that is freed in a block below makes room that is used next", (make) => {
  const face = make();
  const handles = filled(face, 64);
  face.pool.free(forge(handles[60]));
  face.pool.free(forge(handles[20]));
  face.pool.free(forge(handles[40]));
  face.pool.free(forge(handles[5]));
  assertEquals(livePerBlock(face), [15, 15, 15, 15]);
  const after = Array.from({ length: 4 }, () => {
    face.alloc();
    return livePerBlock(face);
  });
  assertEquals(after, [
    [16, 15, 15, 15],
    [16, 16, 15, 15],
    [16, 16, 16, 15],
    [16, 16, 16, 16],
  ]);
});

/** What is done to a pool and to the list of its live handles, given any number. */
const CHANGES: Readonly<Record<string, (face: Face, live: AnyHandle[], nat: number) => void>> = {
  alloc: (face, live, nat) => {
    for (let i = 0; i <= nat % 40; i++) live.push(allocatedLowest(face));
  },
  allocMany: (face, live, nat) => void live.push(...face.allocMany(nat % 40)),
  free: ({ pool }, live, nat) => {
    if (live.length > 0) pool.free(forge(live.splice(nat % live.length, 1)[0]));
  },
  freeMany: ({ pool }, live, nat) => {
    pool.freeMany(live.splice(nat % 50, nat % 30).map(forge));
  },
  retain: (face, live, nat) => {
    face.retain((_, handle) => handle % 5 !== nat % 5);
    keepLive(face, live);
  },
  freeBlock: (face, live, nat) => {
    const { pool } = face;
    if (pool.blocks.length > 0) pool.freeBlock(pool.blocks[nat % pool.blocks.length].index);
    keepLive(face, live);
  },
  clear: ({ pool }, live) => {
    pool.clear();
    live.length = 0;
  },
  reserve: (face, _, nat) => face.reserve(nat % 400),
  trim: ({ pool }) => void pool.trim(),
};

function keepLive({ pool }: Face, live: AnyHandle[]): void {
  live.splice(0, Infinity, ...live.filter((handle) => pool.has(forge(handle))));
}

each(
  "each record goes to the lowest block with room, whatever was freed and grown before",
  (make, _, isDebug) => {
    const names = ["alloc", "alloc", "alloc", "free", "free", "free", ...Object.keys(CHANGES)];
    const change = fc.tuple(fc.constantFrom(...names), fc.nat());
    fc.assert(
      fc.property(fc.array(change, { minLength: 10, maxLength: 60 }), (changes) => {
        const face = make();
        const live = filled(face, 100);
        for (const [name, nat] of changes) CHANGES[name](face, live, nat);
        assertEquals(face.pool.size, live.length);
        validate(face.pool);
      }),
      { numRuns: isDebug ? 8 : 30 },
    );
  },
);

/** Allocates a record, which has to go to the first block that is not full, or to a new one where all are. */
function allocatedLowest(face: Face): AnyHandle {
  const before = new Map(face.pool.blocks.map(({ index, live }) => [index, live]));
  const lowest = face.pool.blocks.find(({ live }) => live < 16)?.index;
  const handle = face.alloc();
  const [to] = face.pool.blocks.filter(({ index, live }) => live > (before.get(index) ?? 0));
  if (lowest === undefined) {
    assert(!before.has(to.index), `went to block ${to.index}, all were full`);
  } else assertEquals(to.index, lowest);
  return handle;
}

each(
  "records gather in the lowest blocks under random births and deaths, and the highest blocks go back",
  (make) => {
    const random = new Random(7);
    const face = make();
    const live = filled(face, 2000);
    assertEquals(face.pool.blocks.length, 125);
    const freeOne = () => {
      const at = random.below(live.length);
      const last = live.pop()!; // as there is one
      const handle = at === live.length ? last : live[at];
      if (at < live.length) live[at] = last;
      face.pool.free(forge(handle));
    };
    while (live.length > 300) freeOne();
    assert(face.pool.blocks.length > 80, "they lie scattered");
    // A lifetime of 20 frames: each record is replaced about ten times.
    for (let frame = 0; frame < 200; frame++) {
      for (let i = 0; i < 15; i++) freeOne();
      for (let i = 0; i < 15; i++) live.push(face.alloc());
    }
    const perBlock = livePerBlock(face);
    // 300 records take 19 blocks; some are half full as 15 were just freed at a time, and one that is empty is kept.
    assert(perBlock.length <= 22, `${perBlock}`);
    assert(perBlock.slice(0, 17).every((count) => count === 16), `${perBlock}`);
    validate(face.pool);
  },
);

// -- debug mode --

const Ship = struct({ n: "u32", at: struct({ x: "f32" }), color: array("u8", 3) }, {
  name: "Ship",
});
type ShipView = WordView & { at: { x: number }; color: { get(i: number): number } };

function assertMovedOn(fn: () => unknown, handle: number): void {
  const error = assertThrows(fn, StaleHandleError, `has moved on from handle ${handle}`);
  assert(error.message.includes("pool.get(handle)"), error.message);
  assertEquals(error.handle, handle);
}

for (const [name, make] of Object.entries(FACES)) {
  const fresh = () => {
    const face = make(Ship, { ...SIZES, debug: true });
    return { face, handles: filled(face, 20) };
  };
  const finish = (face: Face) => emptied(face).pool.dispose();

  for (const [what, walk] of walksOf(name)) {
    if (what.startsWith("handles")) continue; // it gives no views

    Deno.test(`${name}: a view that ${what} gave in debug mode throws once it has moved on`, () => {
      const { face, handles } = fresh();
      const kept: ShipView[] = [];
      const parts: { at: ShipView["at"]; color: ShipView["color"] }[] = [];
      const good: WordView[] = [];
      walk(face, (view, handle) => {
        const ship = view as ShipView;
        assertEquals(ship.n, kept.length);
        if (kept.length > 0) assertMovedOn(() => kept.at(-1)!.n, handles[kept.length - 1]);
        kept.push(ship);
        parts.push({ at: ship.at, color: ship.color });
        good.push(face.get(handle));
      });
      assertEquals(kept.length, 20);
      kept.forEach((view, i) => {
        const { at, color } = parts[i];
        assertMovedOn(() => view.n, handles[i]);
        assertMovedOn(() => view.n = 1, handles[i]);
        assertMovedOn(() => at.x, handles[i]);
        assertMovedOn(() => color.get(0), handles[i]);
        assertMovedOn(() => face.pool.handleOf(view), handles[i]);
        assertMovedOn(() => JSON.stringify(view), handles[i]);
        assertMovedOn(() => face.alloc(view), handles[i]);
      });
      assertEquals(good.map((view) => view.n), handles.map((_, n) => n));
      assertEquals(face.pool.size, 20);
      finish(face);
    });

    Deno.test(`${name}: ${what} within ${what} has views of its own in debug mode`, () => {
      const { face } = fresh();
      let pairs = 0;
      walk(face, (outer) => {
        const { n } = outer;
        walk(face, (inner) => {
          assertEquals(outer.n, n);
          assert(outer !== inner);
          inner.n += 0;
          pairs++;
        });
        assertEquals(outer.n, n);
      });
      assertEquals(pairs, 400);
      finish(face);
    });

    if (what.startsWith("for…of")) continue; // who leaves it early keeps the view

    Deno.test(`${name}: the view of ${what} is dead as well after its function threw`, () => {
      const { face, handles } = fresh();
      let kept: WordView | undefined;
      const boom = (view: WordView) => {
        kept = view;
        if (view.n === 3) throw new Error("boom");
      };
      assertThrows(() => walk(face, boom), Error, "boom");
      assertMovedOn(() => kept!.n, handles[3]);
      finish(face);
    });
  }

  Deno.test(`${name}: [...pool] in debug mode gives views that say to take pool.get(handle)`, () => {
    const { face, handles } = fresh();
    const views = [...face.views<WordView>()];
    assertEquals(views.length, 20);
    assertEquals(new Set(views).size, 20);
    views.forEach((view, i) => assertMovedOn(() => view.n, handles[i]));
    finish(face);
  });

  Deno.test(`${name}: the view of an iteration that is left early stays good in debug mode`, () => {
    const { face } = fresh();
    let kept: WordView | undefined;
    for (const view of face.views<WordView>()) {
      kept = view;
      if (view.n === 3) break;
    }
    assertEquals(kept?.n, 3);
    finish(face);
  });

  Deno.test(`${name}: a kept view can be moved to a record again in debug mode`, () => {
    const { face, handles } = fresh();
    const [view] = [...face.views<WordView>()];
    assertThrows(() => view.n, StaleHandleError);
    assertEquals(face.seek(view, handles[7]).n, 7);
    finish(face);
  });
}

// -- these tests themselves --

Deno.test({
  name: "The pools of these tests had copies, as there is still room for more",
  ignore: !CAN_COMPILE,
  fn: () => assert(textsOf(() => new Pool(struct({ n: "u8" }))).length > 0),
});
