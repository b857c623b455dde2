/**
 * Tests of views in debug mode: they are sealed, throw when they are copied like plain objects, and
 * throw when their record was freed.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { debug, StaleHandleError } from "../../mod.ts";
import { drop, POOL_KINDS, valuesOf } from "../_kinds.ts";
import type { Any, Holder, HolderMaker } from "./_things.ts";
import { HOLDERS, partAt, PARTS, Thing, thingOf } from "./_things.ts";

const VALUE = thingOf(1);

/** A view and each of its parts. */
function partsOf(view: Any): [path: string, part: Any][] {
  return ["", ...PARTS].map((path) => [path, partAt(view, path)]);
}

function each(claim: string, test: (holder: Holder, make: HolderMaker) => void): void {
  for (const [name, make] of Object.entries(HOLDERS)) {
    if (name === "SharedPool") continue;
    Deno.test(`${name}: in debug mode ${claim}`, () => {
      const holder = make(Thing, VALUE, { debug });
      test(holder, make);
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
      assert(Object.isSealed(part), name);
    }
    assertEquals(view.toJSON(), VALUE);
  }
});

// -- copied like a plain object --

const COPIES: Readonly<Record<string, (view: Any) => unknown>> = {
  "{ ...view }": (view) => ({ ...view }),
  "{ n, ...rest } = view": ({ n: _, ...rest }) => rest,
  "Object.assign()": (view) => Object.assign({}, view),
  "Object.entries()": (view) => Object.entries(view),
  "structuredClone()": (view) => structuredClone(view),
};

each("whatever copies a view or a part by its own properties throws", (holder) => {
  for (const [name, part] of partsOf(holder.view)) {
    const isArray = "toArray" in part;
    const isNameless = /^(line|edge|trails\.\d)$/.test(name);
    const named = isNameless ? "" : ` of "${name === "" ? "Thing" : "Vec"}"`;
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

each(
  "views and parts can be written as values, also through a proxy of a view",
  ({ view }, make) => {
    const { pos, line, color, trails } = view;
    for (const value of [view, { ...VALUE, pos, line, color, trails }]) {
      assertEquals(make(Thing, value, { debug }).view.toJSON(), VALUE);
    }
    const proxy = new Proxy(view, {});
    proxy.n = 5;
    proxy.vel = proxy.line.to;
    assertEquals(view.toJSON(), { ...VALUE, n: 5, vel: VALUE.line.to });
    assertEquals([...proxy.color], VALUE.color);
  },
);

// -- freed records; all else of them is in `tests/slab/debug_test.ts` --

for (const [name, make] of Object.entries(POOL_KINDS)) {
  Deno.test(`${name}: in debug mode a part whose record is freed by the value throws`, () => {
    const kind = make(Thing, { chunksPerBlock: 16, debug });
    const { pool, of } = kind;
    const view = pool.get<Any>(...of, pool.alloc(...of));
    const value = {
      get x() {
        pool.free(pool.handleOf(view));
        pool.alloc(...of, VALUE); // in its chunk
        return 1;
      },
    };
    assertThrows(() => view.pos = value, StaleHandleError);
    assertEquals(valuesOf(kind), [VALUE]);
    drop(pool);
  });
}
