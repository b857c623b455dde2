import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { type AnyHandle, validate } from "../../mod.ts";
import { FACES, fill, KINDS, type MixedKind, type MixedPool, Num, Pos, Real } from "../_support.ts";

/** The pools that know what each record is. */
const KNOWING = Object.entries(FACES).filter(([name]) => name !== "ErasedPool without types");

/** Every way through all records of a pool. */
const WALKS = {
  forEach: (pool: MixedPool, visit: (n: number, handle: AnyHandle) => void) =>
    pool.forEach((view, handle) => visit(view.n, handle as AnyHandle)),
  iterator: (pool: MixedPool, visit: (n: number, handle: AnyHandle) => void) => {
    for (const view of pool) visit(view.n, pool.handleOf(view) as AnyHandle);
  },
  handles: (pool: MixedPool, visit: (n: number, handle: AnyHandle) => void) => {
    for (const handle of pool.handles() as Iterable<AnyHandle>) {
      visit(pool.get(pool.typeOf(handle), handle).n, handle);
    }
  },
  retain: (pool: MixedPool, visit: (n: number, handle: AnyHandle) => void) =>
    void pool.retain((view, handle) => {
      visit(view.n, handle as AnyHandle);
      return true;
    }),
};

/** Every way through the records of one struct. */
const WALKS_OF_ONE = {
  forEach: (pool: MixedPool, kind: MixedKind, visit: (n: number, handle: AnyHandle) => void) =>
    pool.forEach(kind, (view, handle) => visit(view.n, handle as AnyHandle)),
  all: (pool: MixedPool, kind: MixedKind, visit: (n: number, handle: AnyHandle) => void) => {
    for (const view of pool.all(kind)) visit(view.n, pool.handleOf(view) as AnyHandle);
  },
  handles: (pool: MixedPool, kind: MixedKind, visit: (n: number, handle: AnyHandle) => void) => {
    for (const handle of pool.handles(kind) as Iterable<AnyHandle>) {
      visit(pool.get(kind, handle).n, handle);
    }
  },
  retain: (pool: MixedPool, kind: MixedKind, visit: (n: number, handle: AnyHandle) => void) =>
    void pool.retain(kind, (view, handle) => {
      visit(view.n, handle as AnyHandle);
      return true;
    }),
};

const HOLES: [string, (n: number) => boolean][] = [
  ["full", () => false],
  ["empty", () => true],
  ["every other one freed", (n) => n % 2 === 0],
  ["the first freed", (n) => n === 0],
  ["the last freed", (n) => n === 47],
  ["a block's edges freed", (n) => n === 15 || n === 16],
  ["one struct freed", (n) => n % 3 === 1],
  ["one left", (n) => n !== 20],
];

/** What a pool of 48 records walks through, in its order. */
function ordered(name: string, isFreed: (n: number) => boolean): number[] {
  const all = Array.from({ length: 48 }, (_, n) => n).filter((n) => !isFreed(n));
  // A set goes through its classes one after the other; here each has a struct of its own.
  return name.startsWith("PoolSet")
    ? [0, 1, 2].flatMap((k) => all.filter((n) => n % 3 === k))
    : all;
}

for (const [name, create] of KNOWING) {
  for (const [what, isFreed] of HOLES) {
    Deno.test(`${name} walks each live record once, in order (${what})`, () => {
      using pool = create();
      const handles = fill(pool, 48);
      handles.forEach((handle, n) => isFreed(n) && pool.free(handle));
      const expected = ordered(name, isFreed);
      for (const [way, walk] of Object.entries(WALKS)) {
        const seen: [number, number][] = [];
        walk(pool, (n, handle) => seen.push([n, handle]));
        assertEquals(seen, expected.map((n) => [n, handles[n]]), way);
      }
      for (const [k, kind] of KINDS.entries()) {
        for (const [way, walk] of Object.entries(WALKS_OF_ONE)) {
          const seen: [number, number][] = [];
          walk(pool, kind, (n, handle) => seen.push([n, handle]));
          const these = expected.filter((n) => n % 3 === k);
          assertEquals(seen, these.map((n) => [n, handles[n]]), `${way} of ${kind.name}`);
        }
      }
      validate(pool);
    });
  }

  Deno.test(`${name} gives each record a view of its own struct`, () => {
    using pool = create();
    fill(pool, 12);
    pool.forEach(Real, (view) => view.v = view.n / 2);
    const shapes = new Map<number, unknown>();
    for (const view of pool) shapes.set(view.n, view.toJSON());
    for (let n = 0; n < 12; n++) {
      const expected = [{ n }, { n, x: 0 }, { v: n / 2, n }][n % 3];
      assertEquals(shapes.get(n), expected);
    }
  });

  Deno.test(`${name}'s walks of one struct that is not there see nothing`, () => {
    using pool = create();
    pool.allocMany(Num, 20);
    for (const walk of Object.values(WALKS_OF_ONE)) {
      walk(pool, Real, () => assert(false));
    }
    assertEquals(pool.retain(Real, () => false), 0);
    assertEquals(pool.size, 20);
  });

  Deno.test(`${name} sees the struct that a chunk has now, not the one that it had`, () => {
    using pool = create();
    pool.freeMany(pool.allocMany(Real, 40));
    const handles = pool.allocMany(Pos, 40);
    assertEquals([...pool.handles(Real)], []);
    assertEquals([...pool.handles(Pos)], [...pool.handles()]);
    assertEquals([...pool.all(Pos)].length, handles.length);
  });

  for (const [way, walk] of Object.entries(WALKS)) {
    Deno.test(`${name}'s ${way} may free the current record, or all others`, () => {
      using pool = create();
      fill(pool, 48);
      let count = 0;
      walk(pool, (n, handle) => {
        count++;
        if (n % 4 === 0) pool.free(handle);
      });
      assertEquals([count, pool.size], [48, 36]);
      validate(pool);
      count = 0;
      walk(pool, (_, current) => {
        count++;
        for (const handle of [...pool.handles()]) if (handle !== current) pool.free(handle);
      });
      assertEquals([count, pool.size], [1, 1]);
      validate(pool);
    });

    Deno.test(`${name}'s ${way} may be left alone with what is allocated meanwhile`, () => {
      using pool = create();
      fill(pool, 30);
      const seen: number[] = [];
      walk(pool, (n, handle) => {
        seen.push(n);
        if (n < 30) pool.alloc(KINDS[(n + 1) % 3], { n: 100 + n });
        if (n % 5 === 0) pool.free(handle);
      });
      assertEquals(new Set(seen).size, seen.length);
      assertEquals(seen.filter((n) => n < 30).sort((a, b) => a - b), [...Array(30).keys()]);
      validate(pool);
    });
  }

  for (const way of ["forEach", "iterator", "retain"] as const) {
    Deno.test(`${name}'s ${way} ends where the pool is disposed of in the middle`, () => {
      const pool = create();
      fill(pool, 48);
      let calls = 0;
      WALKS[way](pool, () => {
        calls++;
        pool.dispose();
      });
      assertEquals(calls, 1);
    });
  }

  Deno.test(`${name}'s handles() ends where the pool is disposed of in the middle`, () => {
    for (const kind of [undefined, Pos]) {
      const pool = create();
      fill(pool, 48);
      let calls = 0;
      for (const _ of pool.handles(kind)) void (calls++, pool.dispose());
      assertEquals(calls, 1);
    }
  });

  for (const [way, walk] of Object.entries(WALKS_OF_ONE)) {
    Deno.test(`${name}'s ${way} of one struct may free records, of others too`, () => {
      using pool = create();
      const handles = fill(pool, 48);
      const seen: number[] = [];
      walk(pool, Pos, (n, handle) => {
        seen.push(n);
        pool.free(handle);
        pool.free(handles[n - 1]);
        if (n + 3 < 48 && n % 2 === 0) pool.free(handles[n + 3]);
      });
      assertEquals(seen, [1, 4, 10, 16, 22, 28, 34, 40, 46]);
      assertEquals([...pool.handles(Pos)], []);
      validate(pool);
    });

    Deno.test(`${name}'s ${way} of one struct sees no record that took another's chunk`, () => {
      using pool = create();
      const handles = fill(pool, 48);
      const seen: number[] = [];
      walk(pool, Pos, (n) => {
        seen.push(n);
        if (n + 3 >= 48) return;
        pool.free(handles[n + 3]);
        handles[n + 3] = pool.alloc(Real, { n: 100 + n });
        if (n + 6 < 48) {
          pool.free(handles[n + 6]);
          handles[n + 6] = pool.alloc(Pos, { n: n + 6 });
        }
      });
      assert(seen.every((n) => n % 3 === 1), String(seen));
      assertEquals(new Set(seen).size, seen.length);
      validate(pool);
    });
  }

  Deno.test(`${name}'s forEach() calls nest, each with views of its own`, () => {
    using pool = create();
    fill(pool, 6);
    const expected = ordered(name, (n) => n > 5);
    const seen: string[] = [];
    pool.forEach((a) => {
      pool.forEach((b) => {
        pool.forEach(Pos, (c) => {
          for (const d of pool) if (c.n === 4 && d.n === 2) seen.push(`${a.n}${b.n}`);
        });
      });
    });
    assertEquals(seen, expected.flatMap((a) => expected.map((b) => `${a}${b}`)));
  });

  Deno.test(`${name}'s iterators nest, each with views of its own`, () => {
    using pool = create();
    fill(pool, 6);
    const expected = ordered(name, (n) => n > 5);
    const seen: string[] = [];
    for (const a of pool) {
      for (const b of pool.all(Real)) {
        for (const c of pool) if (c.n === 1) seen.push(`${a.n}${b.n}`);
      }
    }
    assertEquals(seen, expected.flatMap((a) => [`${a}2`, `${a}5`]));
  });

  Deno.test(`${name}'s forEach() and retain() work as before after their function threw`, () => {
    using pool = create();
    fill(pool, 9);
    const boom = () => {
      throw new Error("boom");
    };
    for (let round = 0; round < 3; round++) {
      assertThrows(() => pool.forEach(boom), Error, "boom");
      assertThrows(() => pool.forEach(Pos, boom), Error, "boom");
      assertThrows(() => pool.retain(boom), Error, "boom");
      assertThrows(() => pool.retain(Pos, boom), Error, "boom");
      assertThrows(() => pool.forEach(() => pool.forEach(boom)), Error, "boom");
      const seen: string[] = [];
      pool.forEach(Pos, (a) => pool.forEach(Real, (b) => seen.push(`${a.n}${b.n}`)));
      assertEquals(seen, ["12", "15", "18", "42", "45", "48", "72", "75", "78"]);
    }
    assertEquals(pool.size, 9);
    validate(pool);
  });

  Deno.test(`${name} goes through all again after it went through one struct, and back`, () => {
    using pool = create();
    fill(pool, 9);
    for (let round = 0; round < 3; round++) {
      let count = 0;
      pool.forEach(() => count++);
      assertEquals(count, 9);
      pool.forEach(Real, () => count++);
      assertEquals(count, 12);
      assertEquals(pool.retain(Num, () => void count++ === undefined), 0);
      assertEquals(count, 15);
      assertEquals(pool.retain(() => void count++ === undefined), 0);
      assertEquals(count, 24);
    }
  });

  Deno.test(`${name} gives one view for each struct, moved along`, () => {
    using pool = create();
    fill(pool, 48);
    assertEquals(new Set<unknown>(pool).size, 3);
    assertEquals(new Set<unknown>(pool.all(Pos)).size, 1);
    const views = new Set<unknown>();
    pool.forEach((view) => views.add(view));
    assertEquals(views.size, 3);
  });

  Deno.test(`${name} goes on rightly after its view was moved to another block`, () => {
    using pool = create();
    const handles = fill(pool, 48);
    const move = (view: { n: number }) => {
      const to = view.n < 24 ? handles[45 + view.n % 3] : handles[view.n % 3];
      pool.seek(view as never, to); // of the view's own struct
      return true;
    };
    const expected = ordered(name, () => false);
    const seen: number[] = [];
    pool.forEach((view) => seen.push(view.n) > 0 && move(view));
    assertEquals(seen, expected);
    assertEquals(pool.retain(move), 0);
    assertEquals(pool.size, 48);
    seen.length = 0;
    for (const view of pool) seen.push(view.n) > 0 && move(view);
    assertEquals(seen, expected);
    seen.length = 0;
    for (const view of pool.all(Pos)) seen.push(view.n) > 0 && move(view);
    assertEquals(seen, expected.filter((n) => n % 3 === 1));
  });

  Deno.test(`${name}'s iterators stay done, and can be left early`, () => {
    using pool = create();
    fill(pool, 9);
    for (const view of pool) if (view.n === 4) break;
    for (const make of [() => pool[Symbol.iterator](), () => pool.all(Pos), () => pool.handles()]) {
      const walk = make() as IterableIterator<unknown>;
      assertStrictEquals(walk[Symbol.iterator](), walk);
      for (const _ of walk);
      assertEquals(walk.next().done, true);
      pool.alloc(Pos);
      assertEquals(walk.next().done, true);
    }
  });

  Deno.test(`${name}.retain() frees what the predicate is false for, and counts it`, () => {
    using pool = create();
    const handles = fill(pool, 48);
    assertEquals(pool.retain((view) => view.n % 2 === 0), 24);
    handles.forEach((handle, n) => assertEquals(pool.has(handle), n % 2 === 0));
    assertEquals(pool.retain(Pos, () => false), 8);
    handles.forEach((handle, n) => assertEquals(pool.has(handle), n % 2 === 0 && n % 3 !== 1));
    assertEquals([pool.retain(Pos, () => false), pool.size], [0, 16]);
    assertEquals(pool.retain(() => false), 16);
    assertEquals(pool.size, 0);
    validate(pool);
  });

  Deno.test(`${name}.retain() counts no record that its predicate freed itself`, () => {
    using pool = create();
    const handles = fill(pool, 48);
    const freed = pool.retain((view, handle) => {
      if (view.n === 6) pool.free(handle);
      if (view.n === 9) pool.free(handles[12]);
      return view.n !== 6 && view.n !== 9;
    });
    assertEquals([freed, pool.size], [1, 45]);
    validate(pool);
  });
}

// -- without types --

const untypedCells = FACES["ErasedPool without types"];

Deno.test("ErasedPool without types walks every record as what it is told", () => {
  using pool = untypedCells();
  const nums = pool.allocMany(Num, 20);
  const pos = pool.allocMany(Pos, 20);
  nums.forEach((handle, n) => pool.set(Num, handle, { n }));
  pos.forEach((handle, n) => pool.set(Pos, handle, { n: 100 + n, x: 1 }));
  const expected = [...Array(20).keys(), ...Array.from(Array(20).keys(), (n) => n + 100)];
  for (const [way, walk] of Object.entries(WALKS_OF_ONE)) {
    for (const kind of [Num, Pos]) {
      const seen: number[] = [];
      walk(pool, kind, (n) => seen.push(n));
      assertEquals(seen, expected, way);
    }
  }
  assertEquals([...pool.handles()], [...nums, ...pos] as number[]);
  assertEquals(pool.retain(Pos, (view) => view.x === 1), 20);
  assertEquals(pool.size, 20);
  validate(pool);
});

Deno.test("ErasedPool without types nests its walks, each with a view of its own", () => {
  using pool = untypedCells();
  pool.allocMany(Num, 3).forEach((handle, n) => pool.set(Num, handle, { n }));
  for (let round = 0; round < 2; round++) {
    const seen: string[] = [];
    pool.forEach(Num, (a) => {
      pool.forEach(Num, (b) => {
        pool.forEach(Pos, (c) => {
          for (const d of pool.all(Num)) if (c.n === 2 && d.n === 1) seen.push(`${a.n}${b.n}`);
        });
      });
    });
    assertEquals(seen, ["00", "01", "02", "10", "11", "12", "20", "21", "22"]);
    assertThrows(() => pool.forEach(Num, () => pool.forEach(Num, () => pool.get(Num, 0 as never))));
  }
});
