/**
 * Views in JSON: integers of 64 bits come as decimal strings there, in every place of a record and from every kind of memory, and as
 * bigints wherever a program asks for the plain value itself.
 *
 * @module
 */
import { assertEquals, assertThrows } from "@std/assert";
import { inspect } from "node:util";
import { Arena, array, FreeListAllocator, SharedPool, StackAllocator, struct } from "../../mod.ts";
import { FACES } from "../_faces.ts";
import { SMALL } from "../_support.ts";

const Pair = struct({ n: "i64", m: "u64" });
/** 64 bits in every place that a value can have. */
const Wide = struct({
  id: "u64",
  pos: Pair,
  deep: struct({ on: "bool", pair: Pair, ids: array("i64", 2) }),
  ids: array("u64", 2),
  pairs: array(Pair, 2),
  deeper: array(struct({ ids: array("i64", 1), pairs: array(Pair, 1) }), 2),
  hp: "u16",
}, { name: "Wide" });

const MAX = 2n ** 64n - 1n;
const MIN = -(2n ** 63n);

const PLAIN = {
  id: MAX,
  pos: { n: MIN, m: 1n },
  deep: { on: true, pair: { n: -2n, m: 2n }, ids: [MIN, 3n] },
  ids: [MAX, 0n],
  pairs: [{ n: -4n, m: 4n }, { n: 0n, m: MAX }],
  deeper: [
    { ids: [5n], pairs: [{ n: MIN, m: 6n }] },
    { ids: [7n], pairs: [{ n: -8n, m: 8n }] },
  ],
  hp: 9,
};

/** The same in JSON, written out rather than derived. */
const JSON_VALUE = {
  id: "18446744073709551615",
  pos: { n: "-9223372036854775808", m: "1" },
  deep: { on: true, pair: { n: "-2", m: "2" }, ids: ["-9223372036854775808", "3"] },
  ids: ["18446744073709551615", "0"],
  pairs: [{ n: "-4", m: "4" }, { n: "0", m: "18446744073709551615" }],
  deeper: [
    { ids: ["5"], pairs: [{ n: "-9223372036854775808", m: "6" }] },
    { ids: ["7"], pairs: [{ n: "-8", m: "8" }] },
  ],
  hp: 9,
};

/** What the tests use of a view. */
interface WideView {
  toJSON(key?: string): unknown;
  pos: Whole;
  deep: Whole & { pair: Whole; ids: List };
  ids: List;
  pairs: List;
  deeper: List;
}
interface Whole {
  toJSON(key?: string): unknown;
}
interface List extends Iterable<unknown>, Whole {
  get(i: number): unknown;
  toArray(): unknown[];
}

/** Whatever a record can lie in: makes a view of it that is filled in, and the way to be rid of it. */
type Maker = (options: { debug: boolean; specialize: boolean }) => { view: WideView; drop(): void };

const bytes = (memory: Arena | StackAllocator | FreeListAllocator) => {
  const address = memory.allocRecord(Wide, PLAIN);
  const view = memory.seek(memory.cursor(Wide), address) as unknown as WideView;
  return { view, drop: () => (memory.reset(), memory.dispose()) };
};

const PLACES: Readonly<Record<string, Maker>> = {
  ...Object.fromEntries(
    Object.entries(FACES).map(([name, make]): [string, Maker] => [name, (options) => {
      const face = make(Wide, { ...SMALL, ...options });
      const view = face.get<WideView>(face.alloc(PLAIN));
      return { view, drop: () => (face.pool.clear(), face.pool.dispose()) };
    }]),
  ),
  "SharedPool": ({ specialize }) => {
    const pool = SharedPool.create(Wide, { chunksPerBlock: 16, maxChunks: 32, specialize });
    const view = pool.get(pool.alloc(PLAIN)) as unknown as WideView;
    return { view, drop: () => pool.dispose() };
  },
  "Arena": ({ debug }) => bytes(new Arena({ debug })),
  "StackAllocator": ({ debug }) => bytes(new StackAllocator({ byteLength: 1024, debug })),
  "FreeListAllocator": ({ debug }) => bytes(new FreeListAllocator({ byteLength: 1024, debug })),
};

function each(claim: string, test: (view: WideView, drop: () => void) => void): void {
  for (const [name, make] of Object.entries(PLACES)) {
    Deno.test(`${name}: ${claim}`, () => {
      for (const debug of [false, true]) {
        for (const specialize of [true, false]) {
          const { view, drop } = make({ debug, specialize });
          test(view, drop);
          drop();
        }
      }
    });
  }
}

/** What JSON.parse() makes of what JSON.stringify() wrote. */
function parsed(value: unknown, replacer?: (key: string, value: unknown) => unknown): unknown {
  return JSON.parse(JSON.stringify(value, replacer));
}

each(
  "JSON.stringify() writes integers of 64 bits as decimal strings, wherever they are",
  (view) => {
    assertEquals(JSON.stringify(view), JSON.stringify(JSON_VALUE));
    assertEquals(JSON.stringify(view, null, 2), JSON.stringify(JSON_VALUE, null, 2));
    assertEquals(parsed([view, view]), [JSON_VALUE, JSON_VALUE]);
    assertEquals(parsed({ of: { view }, list: [view.ids] }), {
      of: { view: JSON_VALUE },
      list: [JSON_VALUE.ids],
    });
  },
);

each("JSON.stringify() writes each part of a view by itself", (view) => {
  assertEquals(parsed(view.pos), JSON_VALUE.pos);
  assertEquals(parsed(view.deep), JSON_VALUE.deep);
  assertEquals(parsed(view.deep.pair), JSON_VALUE.deep.pair);
  assertEquals(parsed(view.deep.ids), JSON_VALUE.deep.ids);
  assertEquals(parsed(view.ids), JSON_VALUE.ids);
  assertEquals(parsed(view.pairs), JSON_VALUE.pairs);
  assertEquals(parsed(view.pairs.get(1)), JSON_VALUE.pairs[1]);
  assertEquals(parsed([...view.pairs]), JSON_VALUE.pairs);
  assertEquals(parsed(view.deeper), JSON_VALUE.deeper);
});

each("JSON.stringify() gives a replacer the strings, and keeps to a list of names", (view) => {
  const seen: unknown[] = [];
  const doubled = parsed({ view }, (key, value) => {
    seen.push(typeof value);
    return key === "m" ? `${value}${value}` : value;
  }) as { view: typeof JSON_VALUE };
  assertEquals(seen.includes("bigint"), false);
  assertEquals([doubled.view.pos.m, doubled.view.pairs[0].m], ["11", "44"]);
  assertEquals(
    JSON.stringify(view, ["id", "pos", "n"]),
    JSON.stringify(JSON_VALUE, ["id", "pos", "n"]),
  );
});

each("toJSON() without a key and toArray() give bigints", (view) => {
  assertEquals(view.toJSON(), PLAIN);
  assertEquals(view.toJSON(undefined), PLAIN);
  assertEquals(view.pos.toJSON(), PLAIN.pos);
  assertEquals(view.ids.toJSON(), PLAIN.ids);
  assertEquals(view.pairs.toJSON(), PLAIN.pairs);
  assertEquals([view.ids.toArray(), view.pairs.toArray()], [PLAIN.ids, PLAIN.pairs]);
  assertEquals(view.deeper.toArray(), PLAIN.deeper);
});

each("toJSON() with a key gives what JSON.stringify() writes, whatever the key", (view) => {
  for (const key of ["", "0", "view"]) {
    assertEquals(view.toJSON(key), JSON_VALUE);
    assertEquals(view.deep.toJSON(key), JSON_VALUE.deep);
    assertEquals(view.ids.toJSON(key), JSON_VALUE.ids);
    assertEquals(view.deeper.toJSON(key), JSON_VALUE.deeper);
  }
});

each("A view prints its bigints as such", (view) => {
  for (const print of [Deno.inspect, inspect]) {
    assertEquals(print(view.ids), "[ 18446744073709551615n, 0n ]");
    assertEquals(print(view.pos), print(PLAIN.pos));
    assertEquals(print(view), print(PLAIN));
  }
});

Deno.test("JSON.stringify() writes a view of no memory as a record of zeros, and throws in debug mode", () => {
  for (const [name, make] of Object.entries(FACES)) {
    const plain = make(Pair, SMALL);
    assertEquals(JSON.stringify(plain.cursor()), '{"n":"0","m":"0"}', name);
    const debug = make(Pair, { ...SMALL, debug: true });
    assertThrows(() => JSON.stringify(debug.cursor()), Error, "it is bound to no record");
  }
});
