/**
 * Tests of views in JSON: integers of 64 bits are decimal strings there, and bigints elsewhere.
 *
 * @module
 */
import { assertEquals, assertThrows } from "@std/assert";
import { inspect } from "node:util";
import { array, struct } from "../../mod.ts";
import { ALL_HOLDERS, type Any, HOLDERS } from "./_holders.ts";

const Pair = struct({ n: "i64", m: "u64" });
/** Integers of 64 bits in every place. */
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
  deeper: [{ ids: [5n], pairs: [{ n: MIN, m: 6n }] }, { ids: [7n], pairs: [{ n: -8n, m: 8n }] }],
  hp: 9,
};

/** The same in JSON. */
const IN_JSON = JSON.parse(
  JSON.stringify(PLAIN, (_, value) => typeof value === "bigint" ? value.toString() : value),
);

/** Ways to a view, its parts and their plain values. */
const PARTS: readonly ((it: Any) => Any)[] = [
  (it) => it,
  (it) => it.pos,
  (it) => it.deep,
  (it) => it.deep.pair,
  (it) => it.deep.ids,
  (it) => it.ids,
  (it) => it.pairs,
  (it) => "get" in it.pairs ? it.pairs.get(1) : it.pairs[1],
  (it) => it.deeper,
];

function each(claim: string, test: (view: Any) => void): void {
  for (const [name, make] of Object.entries(ALL_HOLDERS)) {
    Deno.test(`${name}: ${claim}`, () => {
      for (const debug of [false, true]) {
        for (const specialize of [true, false]) {
          const holder = make(Wide, PLAIN, { debug, specialize });
          test(holder.view);
          holder.clear();
          holder.dispose();
        }
      }
    });
  }
}

each("JSON.stringify() writes integers of 64 bits as decimal strings, in every part", (view) => {
  assertEquals([IN_JSON.id, IN_JSON.pos.n], ["18446744073709551615", "-9223372036854775808"]);
  for (const part of PARTS) {
    for (const space of [0, 2]) {
      const expected = JSON.stringify(part(IN_JSON), null, space);
      assertEquals(JSON.stringify(part(view), null, space), expected);
    }
    for (const key of ["", "0", "view"]) assertEquals(part(view).toJSON(key), part(IN_JSON));
  }
  const nested = { of: { view }, list: [view.ids, view], pairs: [...view.pairs] };
  const expected = { of: { view: IN_JSON }, list: [IN_JSON.ids, IN_JSON], pairs: IN_JSON.pairs };
  assertEquals(JSON.parse(JSON.stringify(nested)), expected);
});

each("JSON.stringify() gives a replacer the strings, and keeps to a list of names", (view) => {
  const types = new Set<string>();
  const json = JSON.stringify({ view }, (key, value) => {
    types.add(typeof value);
    return key === "m" ? `${value}${value}` : value;
  });
  const { pos, pairs } = JSON.parse(json).view;
  assertEquals([pos.m, pairs[0].m, types.has("bigint")], ["11", "44", false]);
  const names = ["id", "pos", "n"];
  assertEquals(JSON.stringify(view, names), JSON.stringify(IN_JSON, names));
});

each("toJSON() without a key, toArray() and printing give bigints", (view) => {
  for (const part of PARTS) {
    const it = part(view);
    assertEquals([it.toJSON(), it.toJSON(undefined)], [part(PLAIN), part(PLAIN)]);
    if ("toArray" in it) assertEquals(it.toArray(), part(PLAIN));
    for (const print of [Deno.inspect, inspect]) assertEquals(print(it), print(part(PLAIN)));
  }
});

Deno.test("JSON.stringify() writes an unbound view as zeros, and throws in debug mode", () => {
  for (const [name, make] of Object.entries(HOLDERS)) {
    const plain = make(Pair, {}).cursor();
    assertEquals(JSON.stringify(plain), '{"n":"0","m":"0"}', name);
    const debug = make(Pair, {}, { debug: true }).cursor();
    assertThrows(() => JSON.stringify(debug), Error, "it is bound to no record");
  }
});
