/**
 * Parts of views: nested structs, arrays, and elements of arrays. They are the same objects each time, move with their view, and read
 * and write its record wherever that is. On every kind of pool, with code of its own and with the module's.
 *
 * @module
 */
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  type AnyHandle,
  array,
  Pool,
  type PoolOptions,
  StaleHandleError,
  struct,
  validate,
  type View,
} from "../../mod.ts";
import { type Face, FACES } from "../_faces.ts";

const SMALL: PoolOptions = { chunksPerBlock: 16, maxChunks: 64, name: "things" };

const Vec = struct({ x: "f32", y: "f32" });
const Line = struct({ from: Vec, to: Vec });
const Trail = struct({ ages: array("u8", 2), dots: array(Vec, 2), head: Vec });
/** More parts than views have room for from the start. */
const Thing = struct({
  n: "u32",
  pos: Vec,
  line: Line,
  color: array("u8", 4),
  speed: array("f64", 3),
  trails: array(Trail, 3),
  vel: Vec,
  flags: array("bool", 2),
});
type ThingView = View<typeof Thing>;

/** Defines a test for each kind of pool, with code of the pool's own and with the module's. */
function each(claim: string, test: (make: (options?: PoolOptions) => Face) => void): void {
  for (const [name, makeFace] of Object.entries(FACES)) {
    Deno.test(`${name}: ${claim}`, () => {
      for (const specialize of [true, false]) {
        test((options) => makeFace(Thing, { ...SMALL, specialize, ...options }));
      }
    });
  }
}

/** A record whose every value tells whose it is. */
function valueOf(n: number) {
  const vec = (i: number) => ({ x: n + i, y: n - i });
  const trail = (i: number) => ({
    ages: [n % 100, i],
    dots: [vec(i), vec(i + 1)],
    head: vec(i + 2),
  });
  return {
    n,
    pos: vec(1),
    line: { from: vec(2), to: vec(3) },
    color: [n % 100, 4, 5, 6],
    speed: [n + 0.5, 7, 8],
    trails: [trail(10), trail(20), trail(30)],
    vel: vec(9),
    flags: [n % 2 === 0, true],
  };
}

/** 40 records in three blocks, counted. */
function prepare(make: () => Face): { face: Face; handles: AnyHandle[] } {
  const face = make();
  return { face, handles: Array.from({ length: 40 }, (_, n) => face.alloc(valueOf(n))) };
}

/** Ways to each part of a view. */
const PARTS: Readonly<Record<string, (view: ThingView) => { toJSON(): unknown }>> = {
  "pos": (view) => json(view.pos),
  "line": (view) => json(view.line),
  "line.from": (view) => json(view.line.from),
  "line.to": (view) => json(view.line.to),
  "color": (view) => view.color,
  "speed": (view) => view.speed,
  "trails": (view) => view.trails,
  "trails.0": (view) => json(view.trails.get(0)),
  "trails.2": (view) => json(view.trails.get(2)),
  "trails.1.ages": (view) => view.trails.get(1).ages,
  "trails.1.dots": (view) => view.trails.get(1).dots,
  "trails.2.dots.1": (view) => json(view.trails.get(2).dots.get(1)),
  "trails.2.head": (view) => json(view.trails.get(2).head),
  "vel": (view) => json(view.vel),
  "flags": (view) => view.flags,
};

/** A nested view has a toJSON() that its type does not show. */
function json(view: object): { toJSON(): unknown } {
  return view as { toJSON(): unknown }; // as just said
}

/** What a part of a record is, by its path. */
function partOf(value: unknown, path: string): unknown {
  let part = value;
  for (const name of path.split(".")) part = (part as Record<string, unknown>)[name];
  return part;
}

// -- the same objects --

each(
  "Each part of a view is the same object each time, and no other part or view has it",
  (make) => {
    const { face, handles } = prepare(make);
    const views = [
      face.get<ThingView>(handles[0]),
      face.get<ThingView>(handles[0]),
      face.get<ThingView>(handles[20]),
      face.seek(face.cursor<ThingView>(), handles[5]),
    ];
    const paths = Object.keys(PARTS);
    const found = new Set<object>();
    views.forEach((view, turn) => {
      // In other orders, as a part comes to be when it is asked for.
      const order = turn % 2 === 0 ? paths : paths.toReversed();
      const parts = order.map((path) => PARTS[path](view));
      order.forEach((path, i) => assertStrictEquals(PARTS[path](view), parts[i]));
      parts.forEach((part) => found.add(part));
    });
    assertEquals(found.size, views.length * paths.length);
  },
);

each(
  "Each part of a view is the same object after the view has moved, to another block as well",
  (make) => {
    const { face, handles } = prepare(make);
    const cursor = face.cursor<ThingView>();
    const parts = Object.values(PARTS).map((part) => part(cursor)); // before it is on any record
    for (const handle of [handles[3], handles[39], handles[17]]) {
      face.seek(cursor, handle);
      Object.values(PARTS).forEach((part, i) => assertStrictEquals(part(cursor), parts[i]));
    }
    face.pool.free(handles[39]);
    face.allocAt(cursor as never);
    Object.values(PARTS).forEach((part, i) => assertStrictEquals(part(cursor), parts[i]));
  },
);

each("The view of a pass has the same parts at each record, and in the next pass", (make) => {
  const { face } = prepare(make);
  const found = new Set<object>();
  const collect = (view: ThingView) =>
    Object.values(PARTS).forEach((part) => found.add(part(view)));
  face.forEach(collect);
  face.forEach(collect);
  assertEquals(found.size, Object.keys(PARTS).length);
  found.clear();
  face.retain((view: ThingView) => {
    collect(view);
    return true;
  });
  assertEquals(found.size, Object.keys(PARTS).length);
  found.clear();
  for (const view of face.views<ThingView>()) collect(view);
  assertEquals(found.size, Object.keys(PARTS).length);
});

// -- moving --

each("Parts that are kept read the record that their view was moved to", (make) => {
  const { face, handles } = prepare(make);
  const cursor = face.cursor<ThingView>();
  const kept = Object.entries(PARTS).map(([path, part]) => [path, part(cursor)] as const);
  for (const n of [0, 15, 16, 39, 31, 32, 1]) {
    face.seek(cursor, handles[n]);
    for (const [path, part] of kept) assertEquals(part.toJSON(), partOf(valueOf(n), path));
    for (const [, part] of kept) assertEquals(face.pool.handleOf(part), handles[n]);
  }
});

each("Parts that are kept follow the view of a pass from record to record", (make) => {
  const { face } = prepare(make);
  let kept: [string, { toJSON(): unknown }][] = [];
  let records = 0;
  face.forEach((view: ThingView) => {
    if (records++ === 0) kept = Object.entries(PARTS).map(([path, part]) => [path, part(view)]);
    for (const [path, part] of kept) assertEquals(part.toJSON(), partOf(valueOf(view.n), path));
  });
  assertEquals(records, 40);
  let count = 0;
  for (const view of face.views<ThingView>()) {
    if (count++ === 0) kept = Object.entries(PARTS).map(([path, part]) => [path, part(view)]);
    for (const [path, part] of kept) assertEquals(part.toJSON(), partOf(valueOf(view.n), path));
  }
  assertEquals(count, 40);
});

each("Parts that are kept write the record that their view is on, and no other", (make) => {
  const writes: [path: string, (kept: ThingView) => void, value: unknown][] = [
    ["pos.x", (it) => it.pos.x = 500, 500],
    ["line.to.y", (it) => it.line.to.y = 501, 501],
    ["color.3", (it) => it.color.set(3, 99), 99],
    ["speed.1", (it) => it.speed.set(1, 502.5), 502.5],
    ["trails.2.ages.0", (it) => it.trails.get(2).ages.set(0, 98), 98],
    ["trails.1.dots.1.x", (it) => it.trails.get(1).dots.get(1).x = 503, 503],
    ["trails.0.head.y", (it) => it.trails.get(0).head.y = 504, 504],
    ["flags.1", (it) => it.flags.set(1, false), false],
    ["vel.y", (it) => it.vel.y = 505, 505],
  ];
  const { face, handles } = prepare(make);
  const cursor = face.cursor<ThingView>();
  // As ThingView, of parts that are all kept from before the first record.
  const { pos, line: { from, to }, color, speed, trails, vel, flags } = cursor;
  const elements = [0, 1, 2].map((i) => {
    const { ages, dots, head } = trails.get(i);
    return { ages, dots, head };
  });
  const kept = {
    pos,
    line: { from, to },
    color,
    speed,
    trails: { get: (i: number) => elements[i] },
    vel,
    flags,
  } as unknown as ThingView; // as far as the writes above go
  for (const n of [5, 39, 16, 0]) {
    face.seek(cursor, handles[n]);
    for (const [, write] of writes) write(kept);
    const expected = structuredClone(valueOf(n));
    for (const [path, , value] of writes) {
      const at = path.lastIndexOf(".");
      const parent = partOf(expected, path.slice(0, at)) as Record<string, unknown>;
      parent[path.slice(at + 1)] = value;
    }
    assertEquals(face.get<ThingView>(handles[n]).toJSON() as unknown, expected);
    face.set(handles[n], valueOf(n));
  }
  assertEquals(face.values(), handles.map((_, n) => valueOf(n)));
});

each("Parts of several views that are moved about at random are right at each step", (make) => {
  const moves = fc.array(
    fc.record({ view: fc.nat(2), to: fc.nat(39), write: fc.nat(8), value: fc.nat(90) }),
    { minLength: 1, maxLength: 60 },
  );
  const { face, handles } = prepare(make);
  fc.assert(
    fc.property(moves, (moves) => {
      handles.forEach((handle, n) => face.set(handle, valueOf(n)));
      const model = handles.map((_, n) => valueOf(n));
      const views = [0, 1, 2].map((n) => face.seek(face.cursor<ThingView>(), handles[n]));
      const dots = views.map((view) => view.trails.get(1).dots.get(0));
      const ons = [0, 1, 2];
      for (const { view, to, write, value } of moves) {
        face.seek(views[view], handles[to]);
        ons[view] = to;
        const it = model[to];
        if (write < 3) {
          dots[view].x = value;
          it.trails[1].dots[0].x = value;
        } else if (write < 6) {
          views[view].color.set(write - 3, value);
          it.color[write - 3] = value;
        } else {
          views[view].line.from = { x: value, y: write };
          it.line.from = { x: value, y: write };
        }
        ons.forEach((n, i) => {
          assertEquals(views[i].toJSON() as unknown, model[n]);
          assertEquals(dots[i].x, model[n].trails[1].dots[0].x);
        });
      }
    }),
    { numRuns: 5 },
  );
  validate(face.pool);
});

each(
  "Parts of a view whose block was given back write nowhere, and are right once it is moved",
  (make) => {
    const { face, handles } = prepare(make);
    const cursor = face.seek(face.cursor<ThingView>(), handles[0]);
    const { pos, color, trails } = cursor;
    const dot = trails.get(2).dots.get(1);
    const first = face.pool.blocks[0].index;
    face.pool.freeBlock(first);
    face.alloc(valueOf(70)); // in a new block that takes its place
    const before = face.values();
    pos.x = 9;
    color.set(1, 9);
    color.copyFrom([9, 9]);
    dot.y = 9;
    cursor.line = { from: { x: 9, y: 9 }, to: { x: 9, y: 9 } };
    trails.set(1, { ages: [9, 9] });
    assertEquals(face.values(), before);
    face.seek(cursor, handles[39]);
    pos.x = 600;
    dot.y = 601;
    assertEquals([pos.x, dot.y, color.get(0)], [600, 601, 39]);
    const value = face.get<ThingView>(handles[39]).toJSON();
    assertEquals([value.pos.x, value.trails[2].dots[1].y], [600, 601]);
  },
);

// -- arrays --

each(
  "Elements of an array are apart, and one that is kept stays the element that it was",
  (make) => {
    const { face, handles } = prepare(make);
    const { trails, color } = face.get<ThingView>(handles[8]);
    const kept = [trails.get(2), trails.get(0), trails.get(1)];
    kept.forEach((element, i) => element.head.x = 700 + i);
    assertEquals([0, 1, 2].map((i) => trails.get(i).head.x), [701, 702, 700]);
    // Whatever else of the array is looked at meanwhile.
    assertEquals(kept.map((it) => it.head.x), [700, 701, 702]);
    for (const trail of trails) trail.ages.set(1, 50);
    assertEquals(trails.toArray().map(({ ages }) => ages[1]), [50, 50, 50]);
    color.set(3, color.get(0) + color.get(1));
    assertEquals(color.toArray(), [8, 4, 5, 12]);
    assertEquals([...color].map((value, i) => value === color.get(i)), [true, true, true, true]);
  },
);

// -- in debug mode --

/** What reads or writes a part, each of which has to notice that the record is gone. */
const USES: Readonly<Record<string, (view: ThingView) => unknown>> = {
  "view.pos.x": (view) => view.pos.x,
  "view.pos.x = …": (view) => view.pos.x = 1,
  "view.pos = …": (view) => view.pos = { x: 1, y: 2 },
  "view.pos = {}": (view) => view.pos = {} as never,
  "view.pos.toJSON()": (view) => json(view.pos).toJSON(),
  "view.line.to.y": (view) => view.line.to.y,
  "view.line.to = …": (view) => view.line.to = { x: 1, y: 2 },
  "view.color.get()": (view) => view.color.get(1),
  "view.color.set()": (view) => view.color.set(1, 2),
  "view.color.copyFrom()": (view) => view.color.copyFrom([1]),
  "view.color.copyFrom() of nothing": (view) => view.color.copyFrom([]),
  "view.color = …": (view) => view.color = [1] as never,
  "view.color.toArray()": (view) => view.color.toArray(),
  "an iteration over view.color": (view) => [...view.color],
  "view.trails.get().head.x": (view) => view.trails.get(1).head.x,
  "view.trails.get().ages.get()": (view) => view.trails.get(1).ages.get(0),
  "view.trails.get().dots.get().x = …": (view) => view.trails.get(1).dots.get(0).x = 1,
  "view.trails.set()": (view) => view.trails.set(0, { ages: [1] }),
  "view.trails.set() of nothing": (view) => view.trails.set(0, {}),
  "view.trails.copyFrom()": (view) => view.trails.copyFrom([{}, { ages: [1] }]),
  "view.trails.copyFrom() of nothing": (view) => view.trails.copyFrom([]),
  "view.trails.toArray()": (view) => view.trails.toArray(),
  "view.toJSON()": (view) => view.toJSON(),
};

for (const [name, makeFace] of Object.entries(FACES)) {
  Deno.test(`${name}: in debug mode each use of a part of a dead record throws, and changes nothing`, () => {
    for (const isReused of [false, true]) {
      const face = makeFace(Thing, { ...SMALL, debug: true });
      const handle = face.alloc(valueOf(1));
      const view = face.get<ThingView>(handle);
      for (const use of Object.values(USES)) use(view); // of a live one none does
      face.pool.free(handle);
      if (isReused) face.alloc(valueOf(2));
      const bytes = [...face.pool.blocks[0].bytes];
      for (const [what, use] of Object.entries(USES)) {
        assertThrows(() => use(view), StaleHandleError, "Cannot use a view", what);
      }
      assertEquals([...face.pool.blocks[0].bytes], bytes);
      face.pool.clear();
    }
  });

  Deno.test(`${name}: in debug mode parts that were kept throw until their view is on a live record`, () => {
    const face = makeFace(Thing, { ...SMALL, debug: true });
    const [a, b] = [face.alloc(valueOf(1)), face.alloc(valueOf(2))];
    const cursor = face.seek(face.cursor<ThingView>(), a);
    const { pos, line: { to }, color, trails } = cursor;
    const dot = trails.get(1).dots.get(0);
    const uses = [() => pos.x, () => to.y, () => color.get(0), () => dot.x, () => trails.toArray()];
    face.pool.free(a);
    for (const use of uses) assertThrows(use, StaleHandleError);
    face.seek(cursor, b);
    assertEquals([pos.x, to.y, color.get(0), dot.x, trails.toArray()[2].ages[1]], [
      3,
      -1,
      2,
      22,
      30,
    ]);
    face.pool.clear();
    for (const use of uses) assertThrows(use, StaleHandleError);
  });

  Deno.test(`${name}: in debug mode parts of a pass's view throw once the pass has moved on`, () => {
    const face = makeFace(Thing, { ...SMALL, debug: true });
    const handles = [1, 2].map((n) => face.alloc(valueOf(n)));
    const kept: (() => unknown)[] = [];
    const keep = (view: ThingView) => {
      const { pos, color } = view;
      const dot = view.trails.get(0).dots.get(1);
      const uses = [() => pos.x, () => color.get(0), () => dot.y];
      uses.forEach((use) => use());
      kept.push(...uses);
    };
    face.forEach(keep);
    for (const view of face.views<ThingView>()) keep(view);
    assertEquals(kept.length, 12);
    for (const use of kept) {
      assertThrows(use, StaleHandleError, "to keep a view, take pool.get(handle)");
    }
    handles.forEach((handle) => face.pool.free(handle));
  });
}

Deno.test("A part that its own value frees the record of throws in debug mode, and writes nothing", () => {
  using pool = new Pool(Thing, { ...SMALL, debug: true });
  for (const reuse of [false, true]) {
    const handle = pool.alloc(valueOf(1));
    const view = pool.get(handle);
    const other: { handle?: ReturnType<typeof pool.alloc> } = {};
    const value = {
      get x() {
        pool.free(handle);
        if (reuse) other.handle = pool.alloc(valueOf(2));
        return 1;
      },
      y: 2,
    };
    assertThrows(() => view.pos = value, StaleHandleError);
    assert(!pool.has(handle));
    if (other.handle === undefined) continue;
    assertEquals(pool.get(other.handle).toJSON() as unknown, valueOf(2));
    pool.free(other.handle);
  }
});
