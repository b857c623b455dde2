/**
 * Parts of views, whole values and arguments of loops leave nothing on the JS heap for a collector.
 * For pools with code of their own and for those that share it, each in a file of its own, as pools
 * that share code share what the engine knows of types as well.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { array, type Init, Pool, struct, type View } from "../../mod.ts";
import { untyped } from "../_support.ts";
import { assertNoGarbage, claim, leastLeft, type Operation, ROUND, sink } from "./_meter.ts";

/** Asserts that a pass over many records leaves little: one pass is a round of the meter. */
function assertPass(pass: () => void, most: number): void {
  const bytes = leastLeft(pass, ROUND) * ROUND;
  assert(bytes < most, `${bytes} bytes a pass`);
}

type Thing = ReturnType<typeof thing>;

/** Fields of all kinds; `real` is the type of those that would be real numbers. */
function thing(real: "f32") {
  const Vec = struct({ x: real, y: real });
  const Line = struct({ from: Vec, to: Vec });
  return struct({
    pos: Vec,
    line: Line,
    edge: Line, // a second of its kind
    speed: array(real, 3),
    color: array("u8", 4),
    trails: array(struct({ dots: array(Vec, 2), ages: array("u8", 3) }), 2),
    n: "u32",
  });
}

const SIZE = 1000;
const ROOM = { chunksPerBlock: 512, maxChunks: 4096, keepEmptyBlocks: 8 } as const;

/**
 * Defines the tests.
 *
 * @param specialize Whether pools have code of their own. Where they share it, the engine boxes
 * numbers that are no small integers, as it knows no types: there they are all integers.
 */
export function claimsOf(specialize: boolean): void {
  const real = specialize ? "f32" : untyped<"f32">("i32");
  const step = specialize ? 1.5 : 1;
  const how = specialize ? "own code" : "shared code";

  /** A pool of a thousand records with holes between them. */
  function prepare() {
    const pool = new Pool(thing(real), { ...ROOM, specialize });
    const all = pool.allocMany(SIZE * 1.25);
    pool.freeMany(all.filter((_, i) => i % 5 === 4));
    const handles = [...pool.handles()];
    assertEquals(handles.length, SIZE);
    return { pool, handles, cursor: pool.cursor() };
  }

  // Each short, as functions of a program are: the compiler takes in what is called only up to a
  // limit.
  const touches: Readonly<Record<string, (it: View<Thing>) => void>> = {
    "Nested structs": (it) => {
      it.pos.x += step;
      it.line.to.y += it.pos.x;
    },
    "Arrays": (it) => {
      it.speed.set(1, it.speed.get(0) + step);
      it.speed.set(0, it.speed.get(1) - it.speed.length);
      it.color.set(2, it.color.get(1) + 1);
    },
    "Arrays of structs of arrays": (it) => {
      const trail = it.trails.get(1);
      trail.ages.set(0, trail.ages.get(2) + 1);
      trail.dots.get(1).x = it.trails.get(0).dots.get(0).y + step;
    },
  };

  // -- parts --

  for (const [what, touch] of Object.entries(touches)) {
    claim(`${what} leave no garbage in a loop or through a cursor (${how})`, () => {
      const { pool, handles, cursor } = prepare();
      const loop = pool.loop(touch);
      assertNoGarbage(() => pool.forEach(touch), SIZE);
      assertNoGarbage(() => loop(), SIZE);
      assertNoGarbage((i) => touch(pool.seek(cursor, handles[i % SIZE])));
      // What is left is an iterator, its view and the parts of that.
      assertPass(() => {
        for (const it of pool) touch(it);
      }, 2 * SIZE);
    });
  }

  claim(`Iterating over an array of a view leaves no garbage after its first step (${how})`, () => {
    const List = struct({ items: array("u16", 1000), dots: array(struct({ n: "u16" }), 1000) });
    const pool = new Pool(List, { ...ROOM, specialize });
    const { items, dots } = pool.get(pool.alloc());
    // Two iterators: less than a byte for ten elements.
    assertPass(() => {
      let sum = 0;
      for (const item of items) sum += item;
      for (const dot of dots) sum += dot.n;
      sink[0] = sum;
    }, 200);
  });

  // -- whole values, and parts that are kept --

  const line = { from: { x: step, y: step + 1 }, to: { x: step + 2, y: step + 3 } };
  const trail = { dots: [line.from, line.to], ages: [1, 2, 3] };
  const speed = [step, step + 1, step + 2];

  function inits(init: Init<Thing>): typeof calls[string] {
    return ({ pool, handles }) => (i) => {
      pool.free(pool.alloc(init));
      pool.set(handles[i % SIZE], init);
    };
  }

  const calls: Readonly<Record<string, (it: ReturnType<typeof prepare>) => Operation>> = {
    "alloc() and set() of nested structs": inits({ pos: line.from, line, edge: line, n: 7 }),
    "alloc() and set() of arrays": inits({ speed, color: new Uint8Array(4) }),
    "alloc() and set() of arrays of structs": inits({ trails: [trail, trail] }),
    "parts of a cursor that are kept": ({ pool, handles, cursor }) => {
      const { pos, line: { to }, speed, trails } = cursor;
      const dot = trails.get(1).dots.get(1);
      return (i) => {
        pool.seek(cursor, handles[i % SIZE]);
        pos.x += step;
        to.y = pos.x;
        speed.set(2, to.y + step);
        dot.y = speed.get(2);
      };
    },
    "set() and assigning of views": ({ pool, handles, cursor }) => {
      const from = pool.cursor();
      return (i) => {
        pool.set(handles[i % SIZE], untyped(pool.seek(from, handles[i * 7 % SIZE])));
        pool.seek(cursor, handles[i * 3 % SIZE]).line = from.edge;
        cursor.pos = from.line.to;
        cursor.color = from.color;
      };
    },
    "assigning whole parts of a view": ({ pool, handles, cursor }) => (i) => {
      const it = pool.seek(cursor, handles[i % SIZE]);
      it.line = line;
      it.pos = line.from;
      it.speed.copyFrom(speed);
      it.trails.set(1, trail);
    },
    "what loop() hands on": ({ pool }) => {
      const total = { of: 0 };
      const add = pool.loop((it, _, dt: number, to: { of: number }, by: number, on: boolean) => {
        it.n += by;
        it.pos.x += dt;
        if (on) to.of += 1;
      });
      return (i) => {
        if (i % SIZE === 0) add(step, total, 3, true); // a call is as many operations
      };
    },
  };
  for (const [what, call] of Object.entries(calls)) {
    claim(`Pool leaves no garbage of ${what} (${how})`, () => assertNoGarbage(call(prepare())));
  }
}
