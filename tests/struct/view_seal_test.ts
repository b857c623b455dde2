/**
 * Views as objects, apart from their fields: spreading one does not pass in TypeScript, and in debug mode not in JavaScript either, where
 * views take no other properties than their fields.
 *
 * @module
 */
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { inspect } from "node:util";
import {
  Arena,
  array,
  FreeListAllocator,
  type PoolOptions,
  SharedPool,
  StackAllocator,
  struct,
  validate,
} from "../../mod.ts";
import { FACES } from "../_faces.ts";
import { SMALL, untyped } from "../_support.ts";

const Vec = struct({ x: "f32", y: "f32" }, { name: "Vec" });
/** More parts than views have room for from the start. */
const Thing = struct({
  life: "u8",
  pos: Vec,
  line: struct({ from: Vec, to: Vec }),
  color: array("u8", 3),
  dots: array(Vec, 2),
  vel: Vec,
  flags: array("bool", 2),
  trails: array(struct({ head: Vec, ages: array("u8", 2) }), 2),
}, { name: "Thing" });

const VALUE = {
  life: 1,
  pos: { x: 2, y: 3 },
  line: { from: { x: 4, y: 5 }, to: { x: 6, y: 7 } },
  color: [8, 9, 10],
  dots: [{ x: 11, y: 12 }, { x: 13, y: 14 }],
  vel: { x: 15, y: 16 },
  flags: [true, false],
  trails: [{ head: { x: 17, y: 18 }, ages: [19, 20] }, { head: { x: 21, y: 22 }, ages: [23, 24] }],
};

/** Anything that a view may be asked for. */
// deno-lint-ignore no-explicit-any -- these tests are plain JavaScript's
type Any = any;

/** What holds records, as the tests need it. */
interface Place {
  get(): Any;
  cursor(): Any;
  /** Allocates another record; its plain value. */
  copy(init: unknown): unknown;
  drop(): void;
}

type Maker = (debug: boolean) => Place;

function bytes(memory: Arena | StackAllocator | FreeListAllocator): Place {
  const address = memory.allocRecord(Thing, VALUE);
  return {
    get: () => memory.view(address, Thing),
    cursor: () => memory.seek(memory.cursor(Thing), address),
    copy: (init) => memory.view(memory.allocRecord(Thing, untyped(init)), Thing).toJSON(),
    drop: () => (memory.reset(), memory.dispose()),
  };
}

const PLACES: Readonly<Record<string, Maker>> = {
  ...Object.fromEntries(
    Object.entries(FACES).map(([name, make]): [string, Maker] => [name, (debug) => {
      const face = make(Thing, { ...SMALL, debug });
      const handle = face.alloc(VALUE);
      return {
        get: () => face.get(handle),
        cursor: () => face.seek(face.cursor(), handle),
        copy: (init) => face.get<Any>(face.alloc(init)).toJSON(),
        drop: () => (validate(face.pool), face.pool.clear(), face.pool.dispose()),
      };
    }]),
  ),
  "Arena": (debug) => bytes(new Arena({ debug })),
  "StackAllocator": (debug) => bytes(new StackAllocator({ byteLength: 1024, debug })),
  "FreeListAllocator": (debug) => bytes(new FreeListAllocator({ byteLength: 1024, debug })),
};

/** A view and each kind of part that one can have. */
function partsOf(view: Any): Record<string, Any> {
  return {
    "view": view,
    "pos": view.pos,
    "line": view.line,
    "line.to": view.line.to,
    "color": view.color,
    "dots": view.dots,
    "dots[1]": view.dots.get(1),
    "vel": view.vel,
    "flags": view.flags,
    "trails[1]": view.trails.get(1),
    "trails[1].head": view.trails.get(1).head,
    "trails[1].ages": view.trails.get(1).ages,
  };
}

function debugTest(claim: string, test: (place: Place) => void): void {
  for (const [name, make] of Object.entries(PLACES)) {
    Deno.test(`${name}: in debug mode ${claim}`, () => {
      const place = make(true);
      test(place);
      place.drop();
    });
  }
}

debugTest("a view and its parts refuse a property that is no field", (place) => {
  for (const view of [place.get(), place.cursor()]) {
    for (const [name, part] of Object.entries(partsOf(view))) {
      assertThrows(() => part.lief = 3, TypeError, "not extensible", name);
      assertThrows(() => part[2] = 9, TypeError, "not extensible", name);
      assertThrows(() => Object.assign(part, { lief: 3 }), TypeError, "not extensible", name);
      assertThrows(() => delete part._at && delete part._b && delete part._arrays, TypeError);
      assert(Object.isSealed(part), name);
    }
    assertEquals(view.toJSON(), VALUE);
  }
});

debugTest("a view and its parts take each of their fields as before", (place) => {
  const view = place.get();
  view.life = 0;
  Object.assign(view, VALUE, { life: 2 });
  view.pos.x += 1;
  view.trails.get(0).head = { x: 50, y: 51 };
  view.trails.get(1).head.y = 52;
  view.dots.set(0, { y: 53 });
  view.color.set(1, 54);
  view.flags = [false, true];
  const expected = structuredClone(VALUE);
  expected.life = 2;
  expected.pos.x = 3;
  expected.trails[0].head = { x: 50, y: 51 };
  expected.trails[1].head.y = 52;
  expected.dots[0].y = 53;
  expected.color[1] = 54;
  expected.flags = [false, true];
  assertEquals(view.toJSON(), expected);
  for (const [name, part] of Object.entries(partsOf(view))) {
    assertStrictEquals(part, partsOf(view)[name], name);
  }
});

/** What copies or compares an object by its own properties. */
const COPIES: Readonly<Record<string, (view: Any) => unknown>> = {
  "{ ...view }": (view) => ({ ...view }),
  "{ life, ...rest } = view": ({ life: _, ...rest }) => rest,
  "Object.assign()": (view) => Object.assign({}, view),
  "Object.entries()": (view) => Object.entries(view),
  "Object.values()": (view) => Object.values(view),
  "structuredClone()": (view) => structuredClone(view),
  "postMessage()": (view) => {
    const { port1, port2 } = new MessageChannel();
    try {
      port1.postMessage([view]);
    } finally {
      port1.close();
      port2.close();
    }
  },
};

debugTest("whatever copies a view or a part by its own properties throws", (place) => {
  for (const [name, part] of Object.entries(partsOf(place.get()))) {
    const instead = "get" in part && "toArray" in part ? "use view.toArray()" : "use view.toJSON()";
    for (const [what, copy] of Object.entries(COPIES)) {
      const error = assertThrows(() => copy(part), Error, "Cannot spread, clone or compare");
      assert(error.message.includes(instead), `${what} of ${name}: ${error.message}`);
    }
  }
});

Deno.test("In debug mode the error for a view that is spread tells what it is a view of", () => {
  const place = PLACES.Pool(true);
  const { view, pos, line, color } = partsOf(place.get());
  const why = "its own properties are its state and none of its fields; use view.toJSON()";
  const message = (it: Any) => assertThrows(() => ({ ...it }), TypeError).message;
  assertEquals(message(view), `Cannot spread, clone or compare a view of "Thing": ${why}`);
  assertEquals(message(pos), `Cannot spread, clone or compare a view of "Vec": ${why}`);
  assertEquals(message(line), `Cannot spread, clone or compare a view: ${why}`);
  assertEquals(
    message(color),
    'Cannot spread, clone or compare a view of the array "color": its own properties are its state and none of its elements; ' +
      "use view.toArray()",
  );
  place.drop();
});

debugTest("a view goes through for…in with its fields, and passes as a value to write", (place) => {
  const view = place.get();
  for (const [name, part] of Object.entries(partsOf(view))) {
    const names: string[] = [];
    for (const key in part) if (!key.startsWith("_")) names.push(key);
    const plain = part.toJSON();
    assertEquals(names, Array.isArray(plain) ? [] : Object.keys(plain), name);
    assertEquals(Object.keys(part).filter((key) => !key.startsWith("_")), [], name);
    assertEquals(Deno.inspect(part), Deno.inspect(plain), name);
    assertEquals(inspect(part), inspect(plain), name);
    assertEquals(JSON.stringify(part), JSON.stringify(plain), name);
  }
  assertEquals(place.copy(view), VALUE);
  const { pos, color, dots, trails } = view;
  assertEquals(place.copy({ ...VALUE, pos, color, dots, trails }), VALUE);
  view.pos = view.vel;
  view.vel = view.line.to;
  view.dots = [view.vel, view.pos];
  view.trails.copyFrom([view.trails.get(1)]);
  assertEquals(view.toJSON(), {
    ...VALUE,
    pos: VALUE.vel,
    vel: VALUE.line.to,
    dots: [VALUE.line.to, VALUE.vel],
    trails: [VALUE.trails[1], VALUE.trails[1]],
  });
  assertEquals([...view.color], VALUE.color);
});

debugTest("a proxy of a view works as the view does", (place) => {
  const view = new Proxy(place.get(), {});
  view.life = 5;
  view.pos.x = 6;
  assertEquals([view.life, view.pos.toJSON(), view.color.get(0)], [5, { x: 6, y: 3 }, 8]);
});

for (const [name, make] of Object.entries(FACES)) {
  Deno.test(`${name}: in debug mode the views of every way to have one are sealed`, () => {
    const face = make(Thing, { ...SMALL, debug: true } as PoolOptions);
    const handle = face.alloc(VALUE);
    const seen: unknown[] = [
      face.tryGet(handle),
      face.cursor(),
      face.scoped().view,
      ...face.views(),
    ];
    face.forEach((view) => seen.push(view));
    face.retain((view) => seen.push(view) > 0);
    face.loop((view) => seen.push(view))();
    assert(seen.length > 6);
    for (const view of seen) assertThrows(() => untyped<Any>(view).lief = 3, TypeError);
    face.pool.clear();
    face.pool.dispose();
  });
}

for (const [name, make] of Object.entries(PLACES)) {
  Deno.test(`${name}: a view that was spread without debug mode is refused where it is written`, () => {
    const place = make(false);
    const view = place.get();
    assertThrows(() => place.copy({ ...view }), TypeError, "a view was spread");
    assertThrows(() => place.copy({ pos: { ...view.pos } }), TypeError, "a view was spread");
    assertThrows(() => place.copy({ color: { ...view.color } }), TypeError, 'field "color"');
    assertEquals(view.toJSON(), VALUE);
    place.drop();
  });
}

Deno.test("SharedPool: a view that was spread is refused where it is written", () => {
  const pool = SharedPool.create(Thing, { chunksPerBlock: 16, maxChunks: 32 });
  const handle = pool.alloc(VALUE);
  const view = untyped<Any>(pool.get(handle));
  assertThrows(() => pool.set(handle, { ...view }), TypeError, "a view was spread");
  assertEquals(view.toJSON(), VALUE);
  pool.dispose();
});
