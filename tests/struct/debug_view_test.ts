/**
 * Tests of views in debug mode: they are sealed, throw when they are copied like plain objects, and
 * throw when their record was freed.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { inspect } from "node:util";
import { array, type PoolOptions, StaleHandleError, struct } from "../../mod.ts";
import { type OfKind, POOL_KINDS, viewsOf } from "../_kinds.ts";
import { ALL_HOLDERS, type Any, type Holder, HOLDERS } from "./_holders.ts";

const DEBUG: PoolOptions = { chunksPerBlock: 16, maxChunks: 64, name: "things", debug: true };

const Vec = struct({ x: "f32", y: "f32" }, { name: "Vec" });
/** More parts than a view has properties for from the start. */
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

/** A view and each kind of part. */
function partsOf(view: Any): Record<string, Any> {
  return {
    "view": view,
    "pos": view.pos,
    "line": view.line,
    "line.to": view.line.to,
    "color": view.color,
    "dots": view.dots,
    "dots[1]": view.dots.get(1),
    "flags": view.flags,
    "trails[1]": view.trails.get(1),
    "trails[1].head": view.trails.get(1).head,
    "trails[1].ages": view.trails.get(1).ages,
  };
}

function each(claim: string, test: (holder: Holder) => void): void {
  for (const [name, make] of Object.entries(HOLDERS)) {
    Deno.test(`${name}: in debug mode ${claim}`, () => {
      const holder = make(Thing, VALUE, { debug: true });
      test(holder);
      holder.clear();
      holder.dispose();
    });
  }
}

// -- sealed --

each("a view and its parts throw on a property that is no field", (holder) => {
  for (const view of [holder.view, holder.seek(holder.cursor())]) {
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

for (const [name, make] of Object.entries(POOL_KINDS)) {
  Deno.test(`${name}: in debug mode every call that gives a view gives a sealed one`, () => {
    const kind = make(Thing, DEBUG);
    const seen: Any[] = [
      kind.pool.tryGet(...kind.of, kind.pool.alloc(...kind.of, VALUE)),
      kind.pool.cursor(...kind.of),
      kind.pool.scoped(...kind.of).view,
    ];
    seen.push(...viewsOf(kind));
    kind.pool.forEach(...kind.of, (view: Any) => seen.push(view));
    kind.pool.retain(...kind.of, (view: Any) => seen.push(view) > 0);
    kind.pool.loop(...kind.of, (view: Any) => seen.push(view))();
    assert(seen.length > 6);
    for (const view of seen) assertThrows(() => view.lief = 3, TypeError);
    kind.pool.clear();
    kind.pool.dispose();
  });
}

// -- copied like a plain object --

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

each("whatever copies a view or a part by its own properties throws", (holder) => {
  for (const [name, part] of Object.entries(partsOf(holder.view))) {
    const isArray = "toArray" in part;
    const titles: Record<string, string> = {
      view: 'a view of "Thing"',
      line: "a view",
      "trails[1]": "a view",
    };
    const field = name.split(/\W/).at(-1);
    const title = titles[name] ?? (isArray ? `a view of the array "${field}"` : 'a view of "Vec"');
    const [what, instead] = isArray ? ["elements", "toArray()"] : ["fields", "toJSON()"];
    for (const copy of Object.values(COPIES)) {
      const message =
        `Cannot spread, clone or compare ${title}: its own properties are its state ` +
        `and none of its ${what}; use view.${instead}`;
      assertThrows(() => copy(part), Error, message, name);
    }
  }
});

each("for…in, printing and JSON show the fields of a view", ({ view }) => {
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
});

each("views and parts can be written as values, also through a proxy of a view", (holder) => {
  const { view } = holder;
  const { pos, color, dots, trails } = view;
  for (const value of [view, { ...VALUE, pos, color, dots, trails }]) {
    assertEquals(holder.copy(value), VALUE);
  }
  const proxy = new Proxy(view, {});
  proxy.life = 5;
  proxy.pos.x = 6;
  proxy.vel = proxy.line.to;
  const { to } = VALUE.line;
  assertEquals(view.toJSON(), { ...VALUE, life: 5, pos: { x: 6, y: 3 }, vel: to });
  assertEquals([...proxy.color], VALUE.color);
});

for (const [name, make] of Object.entries(ALL_HOLDERS)) {
  Deno.test(`${name}: without debug mode a copy of a view by spread throws when it is written`, () => {
    const holder = make(Thing, VALUE);
    const { view } = holder;
    assertThrows(() => holder.copy({ ...view }), TypeError, "a view was spread");
    assertThrows(() => holder.copy({ pos: { ...view.pos } }), TypeError, "a view was spread");
    assertThrows(() => holder.copy({ color: { ...view.color } }), TypeError, 'field "color"');
    assertEquals(view.toJSON(), VALUE);
    holder.clear();
    holder.dispose();
  });
}

// -- freed records --

/** Uses of a view and its parts. */
const USES: Readonly<Record<string, (view: Any) => unknown>> = {
  "view.pos.x": (view) => view.pos.x,
  "view.pos.x = …": (view) => view.pos.x = 1,
  "view.pos = …": (view) => view.pos = { x: 1, y: 2 },
  "view.pos = {}": (view) => view.pos = {},
  "view.pos.toJSON()": (view) => view.pos.toJSON(),
  "view.line.to.y": (view) => view.line.to.y,
  "view.line.to = …": (view) => view.line.to = { x: 1, y: 2 },
  "view.color.get()": (view) => view.color.get(1),
  "view.color.set()": (view) => view.color.set(1, 2),
  "view.color.copyFrom()": (view) => view.color.copyFrom([1]),
  "view.color.copyFrom([])": (view) => view.color.copyFrom([]),
  "view.color = …": (view) => view.color = [1],
  "view.color.toArray()": (view) => view.color.toArray(),
  "an iteration of view.color": (view) => [...view.color],
  "view.trails.get().head.x": (view) => view.trails.get(1).head.x,
  "view.trails.get().ages.get()": (view) => view.trails.get(1).ages.get(0),
  "view.dots.get().x = …": (view) => view.dots.get(0).x = 1,
  "view.trails.set()": (view) => view.trails.set(0, { ages: [1] }),
  "view.trails.set({})": (view) => view.trails.set(0, {}),
  "view.trails.copyFrom()": (view) => view.trails.copyFrom([{}, { ages: [1] }]),
  "view.trails.copyFrom([])": (view) => view.trails.copyFrom([]),
  "view.trails.toArray()": (view) => view.trails.toArray(),
  "view.toJSON()": (view) => view.toJSON(),
};

/** Uses of parts that were kept from a view. */
function usesOfParts(view: Any): (() => unknown)[] {
  const { pos, line: { to }, color, trails } = view;
  const { head } = trails.get(1);
  return [() => pos.x, () => to.y, () => color.get(0), () => head.x, () => trails.toArray()];
}

function eachKind(claim: string, test: (kind: OfKind) => void): void {
  for (const [name, make] of Object.entries(POOL_KINDS)) {
    Deno.test(`${name}: in debug mode ${claim}`, () => {
      const kind = make(Thing, DEBUG);
      test(kind);
      kind.pool.clear();
      kind.pool.dispose();
    });
  }
}

eachKind("each use of a view of a freed record throws, and changes nothing", (kind) => {
  for (const isReused of [false, true]) {
    const handle = kind.pool.alloc(...kind.of, VALUE);
    const view = kind.pool.get<Any>(...kind.of, handle);
    for (const use of Object.values(USES)) use(view);
    kind.pool.free(handle);
    if (isReused) kind.pool.alloc(...kind.of, VALUE);
    const bytes = [...kind.pool.blocks[0].bytes];
    for (const [what, use] of Object.entries(USES)) {
      assertThrows(() => use(view), StaleHandleError, "Cannot use a view", what);
    }
    assertEquals([...kind.pool.blocks[0].bytes], bytes);
  }
});

eachKind("kept parts throw until their view is bound to a live record", (kind) => {
  const [a, b] = [kind.pool.alloc(...kind.of), kind.pool.alloc(...kind.of, VALUE)];
  const cursor = kind.pool.seek(kind.pool.cursor<Any>(...kind.of), a);
  const uses = usesOfParts(cursor);
  kind.pool.free(a);
  for (const use of uses) assertThrows(use, StaleHandleError);
  kind.pool.seek(cursor, b);
  assertEquals(uses.map((use) => use()), [2, 7, 8, 21, VALUE.trails]);
  kind.pool.free(b);
  for (const use of uses) assertThrows(use, StaleHandleError);
});

eachKind("parts that are kept from an iteration throw once it has moved on", (kind) => {
  kind.pool.alloc(...kind.of, VALUE);
  kind.pool.alloc(...kind.of, VALUE);
  const kept: (() => unknown)[] = [];
  const keep = (view: Any) => {
    const uses = usesOfParts(view);
    uses.forEach((use) => use());
    kept.push(...uses);
  };
  kind.pool.forEach(...kind.of, keep);
  for (const view of viewsOf(kind)) keep(view);
  assertEquals(kept.length, 20);
  for (const use of kept) {
    assertThrows(use, StaleHandleError, "to keep a view, take pool.get(handle)");
  }
});

eachKind("a part whose record is freed by the value throws, and writes nothing", (kind) => {
  for (const isReused of [false, true]) {
    const handle = kind.pool.alloc(...kind.of);
    const view = kind.pool.get<Any>(...kind.of, handle);
    let next: number | undefined;
    const value = {
      get x() {
        kind.pool.free(handle);
        if (isReused) next = kind.pool.alloc(...kind.of, VALUE);
        return 1;
      },
      y: 2,
    };
    assertThrows(() => view.pos = value, StaleHandleError);
    assert(!kind.pool.has(handle));
    if (next !== undefined) assertEquals(kind.pool.get<Any>(...kind.of, next).toJSON(), VALUE);
  }
});
