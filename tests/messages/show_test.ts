/** How pools and views print in `console.log` of Deno and Node, and how numbers are written. */
import { assert, assertEquals } from "@std/assert";
import { inspect } from "node:util";
import {
  array,
  debug as debugMode,
  HandleMap,
  Pool,
  PoolSet,
  SharedPool,
  struct,
} from "../../mod.ts";
import { bytes, count, showValue } from "../../src/messages/show.ts"; // parts of many texts
import { CLASSES } from "../bytes/_support.ts";
import { labelOf, POOL_KINDS } from "../_kinds.ts";
import { Num, stateOf } from "../_support.ts";

/** How Deno and Node print a value, which must be the same but for line breaks. */
function printed(value: unknown): string {
  const texts = [Deno.inspect(value, { colors: false }), inspect(value, { colors: false })];
  const [deno, node] = texts.map((text) => text.replaceAll(/\s+/g, " "));
  assertEquals(deno, node);
  return deno;
}

// -- pools --

for (const [kind, make] of Object.entries(POOL_KINDS)) {
  Deno.test(`${kind} prints as one line, also after dispose(), and printing changes nothing`, () => {
    const { pool, of } = make(Num, { name: "it", chunksPerBlock: 16 });
    const title = labelOf(kind, "it");
    assertEquals(printed(pool), `${title}: 0 live of 0 in 0 blocks, 0 bytes`);
    pool.allocMany(...of, 20);
    const before = stateOf(pool);
    assertEquals(printed({ pool }), `{ pool: ${title}: 20 live of 32 in 2 blocks, 128 bytes }`);
    assertEquals(stateOf(pool), before);
    const { index } = pool.blocks[0];
    const block = `{ index: ${index}, chunkCount: 16, live: 16, bytes: 64 }`;
    assertEquals(printed(pool.blocks[0]), block);
    pool.dispose();
    assertEquals(printed(pool), `${title}: disposed of`);
  });
}

Deno.test("Sets, their pools, shared pools, maps and byte allocators print as one line", () => {
  const options = { chunksPerBlock: 16, maxChunks: 64, name: "it" };
  const set = new PoolSet({ ...options, sizes: [4, 8] });
  set.allocMany(Num, 17);
  set.alloc(struct({ n: "u64" }));
  const shared = SharedPool.create({ n: "u32" }, options);
  for (let i = 0; i < 20; i++) shared.alloc();
  const pool = new Pool(Num, options);
  const map = new HandleMap<typeof Num, string>(pool);
  map.set(pool.alloc(), "Victory");
  const allocators = Object.values(CLASSES).map((make) => make({ name: "it" }));
  for (const it of allocators) it.alloc(1000);
  assertEquals([set, set.pools[1], shared, map, ...allocators].map(printed), [
    'PoolSet "it": 18 live of 48 in 3 blocks, 256 bytes', // the sums of its classes
    'PoolSet "it": 1 live of 16 in 1 block, 128 bytes',
    'SharedPool "it": 20 live of 32 in 2 blocks, 128 bytes',
    'HandleMap of Pool "it", size 1',
    'Arena "it": 1000 bytes used of 1 KiB in 1 block',
    'StackAllocator "it": 1008 bytes used of 64 KiB in 1 block',
    'FreeListAllocator "it": 1000 bytes used of 4 KiB in 1 block',
  ]);
  for (const it of [shared, pool, ...allocators]) it.dispose();
  assertEquals([shared, map, ...allocators].map(printed), [
    'SharedPool "it": disposed of',
    'HandleMap of Pool "it", size 0',
    ...Object.keys(CLASSES).map((kind) => `${kind} "it": disposed of`),
  ]);
  for (const it of allocators) assertEquals(printed(Object.getPrototypeOf(it)), "[prototype]");
});

// -- views --

const Enemy = struct({
  pos: struct({ x: "f32", y: "f32" }),
  hp: "u16",
  alive: "bool",
  color: array("u8", 3),
  id: "u64",
});

for (const debug of [false, debugMode] as const) {
  Deno.test(`A view prints as a plain record, one that is unbound or dead as text (debug ${debug !== false})`, () => {
    const pool = new Pool(Enemy, { chunksPerBlock: 16, debug, name: "enemies" });
    const handle = pool.alloc({ pos: { x: 1, y: 2.5 }, hp: 7, color: [1, 2, 3], id: 9n });
    const cursor = pool.cursor();
    const unbound = debug ? "[Cannot use a view: it is bound to no record]" : "[unbound view]";
    for (const it of [cursor, cursor.pos, cursor.color]) assertEquals(printed(it), unbound);

    const view = pool.seek(cursor, handle);
    const parts = [view, view.pos, view.color];
    const pos = "{ x: 1, y: 2.5 }";
    const record = `{ pos: ${pos}, hp: 7, alive: false, color: [ 1, 2, 3 ], id: 9n }`;
    assertEquals(parts.map(printed), [record, pos, "[ 1, 2, 3 ]"]);
    assertEquals(Deno.inspect({ view: view.pos }, { depth: 1 }), `{ view: ${pos} }`);
    for (const it of [...parts, pool]) {
      assertEquals(printed(Object.getPrototypeOf(it)), "[prototype]");
    }
    assert(printed(Object.create(Object.getPrototypeOf(pool))).startsWith("["));
    const names: string[] = [];
    for (const name in view) if (!name.startsWith("_")) names.push(name);
    assertEquals(names, ["pos", "hp", "alive", "color", "id"]); // none is of how it prints

    pool.free(handle);
    const stale = `handle ${handle} (index 0, generation 1) is stale, the chunk is at generation 2`;
    const dead = `[Cannot use a view in Pool "enemies": ${stale}]`;
    if (debug) assertEquals(parts.map(printed), [dead, dead, dead]);
    pool.dispose();
    if (!debug) assertEquals(printed(view), "[unbound view]");
  });
}

// -- values --

Deno.test("Numbers are written for people, and values in few words", () => {
  assertEquals([0, 999, 1000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
  const sizes = [0, 1023, 1024, 1536, 1 << 20, 1.25 * 2 ** 30, 2 ** 40, 5 * 2 ** 50];
  assertEquals(sizes.map(bytes), [
    ...["0 bytes", "1023 bytes", "1 KiB", "1.5 KiB", "1 MiB", "1.3 GiB", "1 TiB", "5120 TiB"],
  ]);
  const values = ["a", 1n, {}, [], null, undefined, NaN, true, Symbol("s")];
  assertEquals(values.map(showValue), [
    ...['"a"', "1n", "an object", "an object", "null", "undefined", "NaN", "true", "Symbol(s)"],
  ]);
});
