/**
 * Tests of views in debug mode: they are sealed, throw when they are copied like plain objects, and
 * throw when their record was freed.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { debug, type PoolOptions, StaleHandleError } from "../../mod.ts";
import { drop, POOL_KINDS, viewsOf } from "../_kinds.ts";
import { ALL_HOLDERS, type Any, type Holder, HOLDERS } from "./_holders.ts";
import { partAt, PARTS, Thing, thingOf } from "./_things.ts";

const DEBUG: PoolOptions = { chunksPerBlock: 16, maxChunks: 64, name: "things", debug };

const VALUE = thingOf(1);

/** A view and each of its parts. */
function partsOf(view: Any): [path: string, part: Any][] {
  return [["", view], ...PARTS.map((path): [string, Any] => [path, partAt(view, path)])];
}

function each(claim: string, test: (holder: Holder) => void): void {
  for (const [name, make] of Object.entries(HOLDERS)) {
    Deno.test(`${name}: in debug mode ${claim}`, () => {
      const holder = make(Thing, VALUE, { debug });
      test(holder);
      holder.clear();
      holder.dispose();
    });
  }
}

// -- sealed --

each("a view and its parts throw on a property that is no field", (holder) => {
  for (const view of [holder.view, holder.seek(holder.cursor())]) {
    for (const [name, part] of partsOf(view)) {
      assertThrows(() => part.lief = 3, TypeError, "not extensible", name);
      assertThrows(() => part[2] = 9, TypeError, "not extensible", name);
      assertThrows(() => Object.assign(part, { lief: 3 }), TypeError, "not extensible", name);
      assertThrows(() => delete part._r && delete part._arrays, TypeError);
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
  "{ n, ...rest } = view": ({ n: _, ...rest }) => rest,
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
  for (const [name, part] of partsOf(holder.view)) {
    const isArray = "toArray" in part;
    const named = name === "" ? ' of "Thing"' : /^(line|trails\.\d)$/.test(name) ? "" : ' of "Vec"';
    const title = `a view${isArray ? ` of the array "${name.split(".").at(-1)}"` : named}`;
    const [what, instead] = isArray ? ["elements", "toArray()"] : ["fields", "toJSON()"];
    for (const copy of Object.values(COPIES)) {
      const message =
        `Cannot spread, clone or compare ${title}: its own properties are its state ` +
        `and none of its ${what}; use view.${instead}`;
      assertThrows(() => copy(part), Error, message, name);
    }
  }
});

each("for…in shows the fields of a view, and Object.keys() nothing", ({ view }) => {
  for (const [name, part] of partsOf(view)) {
    const names: string[] = [];
    for (const key in part) if (!key.startsWith("_")) names.push(key);
    const plain = part.toJSON();
    assertEquals(names, Array.isArray(plain) ? [] : Object.keys(plain), name);
    assertEquals(Object.keys(part).filter((key) => !key.startsWith("_")), [], name);
  }
});

each("views and parts can be written as values, also through a proxy of a view", (holder) => {
  const { view } = holder;
  const { pos, line, color, trails } = view;
  for (const value of [view, { ...VALUE, pos, line, color, trails }]) {
    assertEquals(holder.copy(value), VALUE);
  }
  const proxy = new Proxy(view, {});
  proxy.n = 5;
  proxy.pos.x = 6;
  proxy.vel = proxy.line.to;
  const { to } = VALUE.line;
  assertEquals(view.toJSON(), { ...VALUE, n: 5, pos: { ...VALUE.pos, x: 6 }, vel: to });
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

// -- freed records; all else of them is in `tests/slab/debug_test.ts` --

for (const [name, make] of Object.entries(POOL_KINDS)) {
  Deno.test(`${name}: in debug mode a part whose record is freed by the value throws`, () => {
    for (const isReused of [false, true]) {
      const { pool, of } = make(Thing, DEBUG);
      const handle = pool.alloc(...of);
      const view = pool.get<Any>(...of, handle);
      const value = {
        get x() {
          pool.free(handle);
          if (isReused) pool.alloc(...of, VALUE);
          return 1;
        },
        y: 2,
      };
      assertThrows(() => view.pos = value, StaleHandleError);
      assertEquals(Array.from(pool.handles(), (it) => pool.get<Any>(...of, it).toJSON()), [
        ...(isReused ? [VALUE] : []),
      ]);
      drop(pool);
    }
  });
}
