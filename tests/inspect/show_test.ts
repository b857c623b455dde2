/** How pools and views look: dump(), console.log in Deno and Node, and the REPL. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { inspect } from "node:util";
import {
  array,
  DisposedError,
  dump,
  ErasedPool,
  type Handle,
  Pool,
  PoolSet,
  type Struct,
  struct,
} from "../../mod.ts";
import { bytes, count } from "../../src/messages/show.ts";
import { slabs } from "../../src/slab/slab.ts";
import { DEBUG, faces, words } from "../_debug.ts";
import { stateful } from "../slab/_snapshots.ts";
import { stateOf, untyped } from "../_support.ts";

const PLAIN = { color: false };

type Imps = Pool<Struct<{ hp: "u32" }>>;

function imps(chunksPerBlock = 64, name = "imps"): Imps {
  return new Pool(struct({ hp: "u32" }), { name, chunksPerBlock, maxChunks: 4096 });
}

function drawn(text: string): string[] {
  return text.split("\n").filter((line) => line.startsWith("block")).map((line) => line.slice(27));
}

// -- dump --

Deno.test("dump() of a pool without blocks has its figures alone", () => {
  using pool = imps();
  assertEquals(
    dump(pool, PLAIN),
    `Pool "imps": 0 live of 0 in 0 blocks, 0 bytes
peak 0, 0 allocs, 0 frees, 0 grown, 0 given back, at most 4,096`,
  );
});

Deno.test("dump() draws a line for each block, and says what came and went", () => {
  using pool = imps();
  const handles = pool.allocMany(150);
  for (let i = 0; i < 64; i += 2) pool.free(handles[i]);
  for (let i = 64; i < 96; i++) pool.free(handles[i]);
  pool.reserve(256);
  assertEquals(
    dump(pool, PLAIN),
    `Pool "imps": 86 live of 256 in 4 blocks, 1 KiB
block     0         32/64  ▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄
block     1         32/64                  ████████████████
block     2         22/64  ███████████·····················
block     3          0/64  ································
peak 150, 150 allocs, 64 frees, 4 grown, 0 given back, at most 4,096`,
  );
  pool.freeBlock(1);
  pool.freeMany([...pool.handles()].filter((_, i) => i >= 32));
  assertEquals(
    dump(pool, PLAIN),
    `Pool "imps": 32 live of 192 in 3 blocks, 768 bytes
block     0         32/64  ▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄
block     2          0/64             ·····················
block     3          0/64  ································
peak 150, 150 allocs, 118 frees, 4 grown, 1 given back, at most 4,096`,
  );
});

Deno.test("dump() counts one alloc and one free", () => {
  using pool = imps();
  pool.free(pool.alloc());
  assertEquals(
    dump(pool, PLAIN).split("\n").at(-1),
    "peak 1, 1 alloc, 1 free, 1 grown, 0 given back, at most 4,096",
  );
});

Deno.test("dump() gives a column as many eighths as its chunks are live, and one at least", () => {
  using pool = imps(256); // 8 chunks a column
  const handles = pool.allocMany(256);
  handles.forEach((handle, i) => {
    if (i % 8 >= (i >> 3) % 9) pool.free(handle);
  });
  assertEquals(drawn(dump(pool, PLAIN)), [" ▁▂▃▄▅▆▇█ ▁▂▃▄▅▆▇█ ▁▂▃▄▅▆▇█ ▁▂▃▄"]);
  using large = imps(2048); // 64 chunks a column
  const all = large.allocMany(2048);
  all.forEach((handle, i) => i % 64 < [1, 8, 9, 63, 64, 0][(i >> 6) % 6] || large.free(handle));
  assertEquals(drawn(dump(large, PLAIN)), ["▁▁▂██ ▁▁▂██ ▁▁▂██ ▁▁▂██ ▁▁▂██ ▁▁"]);
});

Deno.test("dump() draws a small block chunk by chunk", () => {
  using pool = imps(16);
  const handles = pool.allocMany(11);
  for (const at of [0, 3, 4]) pool.free(handles[at]);
  assertEquals(drawn(dump(pool, PLAIN)), [" ██  ██████·····"]);
});

Deno.test("dump() leaves no blanks at the end of a line", () => {
  using pool = imps(16);
  pool.freeMany(pool.allocMany(16));
  assertEquals(dump(pool, PLAIN).split("\n")[1], "block     0          0/16");
});

Deno.test("dump() tells of retired chunks", () => {
  const { pool } = stateful(faces[1][0], "worn chunks");
  assertEquals(
    dump(pool, PLAIN),
    `Pool "Body": 37 live of 48 in 3 blocks, 384 bytes
block     0         16/16  ████████████████
block     1         11/16       ███████████
block     2         10/16  ██████████······
peak 40, 42 allocs, 5 frees, 3 grown, 0 given back, 5 retired, at most 64`,
  );
});

Deno.test("dump() of a set tells of it, and then of each class", () => {
  using set = new PoolSet({ sizes: [4, 1024], chunksPerBlock: 16, maxChunks: 64, name: "things" });
  const Word = struct({ n: "u32" });
  set.allocMany(Word, 20);
  set.freeBlock(0);
  set.alloc(struct({ text: array("u8", 1000) }));
  assertEquals(
    dump(set, PLAIN),
    `PoolSet "things": 5 live of 32 in 2 blocks, 16.1 KiB
chunks of 4 bytes: 4 live of 16 in 1 block, 64 bytes
block     1          4/16  ████············
peak 20, 20 allocs, 16 frees, 2 grown, 1 given back, at most 32
chunks of 1,024 bytes: 1 live of 16 in 1 block, 16 KiB
block     2          1/16  █···············
peak 1, 1 alloc, 0 frees, 1 grown, 0 given back, at most 32`,
  );
});

Deno.test("dump() of an ErasedPool and of debug pools is as that of any other", () => {
  const text = (debug: boolean) => {
    const pool = new ErasedPool({ size: 4, chunksPerBlock: 16, name: "cells", debug });
    pool.allocMany(struct({ n: "u32" }), 3);
    const text = dump(pool, PLAIN);
    pool.clear();
    pool.dispose();
    return text;
  };
  assertEquals(
    text(false),
    `ErasedPool "cells": 3 live of 16 in 1 block, 64 bytes
block     0          3/16  ███·············
peak 3, 3 allocs, 0 frees, 1 grown, 0 given back, at most 1,048,576`,
  );
  assertEquals(text(true), text(false));
});

Deno.test("dump() colours the occupancy and nothing else", () => {
  using pool = imps(16);
  pool.allocMany(3);
  const coloured = dump(pool, { color: true });
  assertEquals(
    coloured.split("\n")[1],
    "block     0          3/16  \x1b[36m███·············\x1b[0m",
  );
  assertEquals(coloured.replace("\x1b[36m", "").replace("\x1b[0m", ""), dump(pool, PLAIN));
  pool.clear();
  pool.freeMany(pool.allocMany(16));
  assertEquals(dump(pool, { color: true }), dump(pool, PLAIN));
});

Deno.test("dump() is plain where nothing says that a terminal wants colour", () => {
  using pool = imps(16);
  pool.allocMany(3);
  const saved = Object.getOwnPropertyDescriptor(globalThis, "Deno")!; // it is Deno
  const under = (Deno: unknown, process?: unknown) => {
    const node = Object.getOwnPropertyDescriptor(globalThis, "process");
    try {
      Object.defineProperty(globalThis, "Deno", { value: Deno, configurable: true });
      Object.defineProperty(globalThis, "process", { value: process, configurable: true });
      return dump(pool).includes("\x1b");
    } finally {
      Object.defineProperty(globalThis, "Deno", saved);
      if (node === undefined) delete (globalThis as { process?: unknown }).process;
      else Object.defineProperty(globalThis, "process", node);
    }
  };
  const deno = (noColor: boolean, isTerminal: boolean) => ({
    noColor,
    stdout: { isTerminal: () => isTerminal },
  });
  assertEquals(
    [deno(false, true), deno(true, true), deno(false, false)].map((it) => under(it)),
    [true, false, false],
  );
  const node = [{ stdout: { isTTY: true } }, { stdout: {} }, {}, undefined];
  assertEquals(node.map((it) => under(undefined, it)), [true, false, false, false]);
});

Deno.test("dump() stays within 80 columns, whatever the name and the figures", () => {
  const name = `${"a name far too long to be shown in whole, ".repeat(4)}𝄞`;
  for (const cut of [0, 1, 2, 30, 130, 165, 166]) {
    const pool = imps(64, name.slice(cut));
    pool.allocMany(100);
    const [slab] = slabs.get(pool)!; // every pool has one
    slab.allocs += 9e14;
    slab.frees += 9e14;
    slab.blockSet.grown = slab.blockSet.released = 123_456_789;
    const lines = dump(pool, PLAIN).split("\n");
    for (const line of lines) assert(line.length <= 80, line);
    assert(lines[0].endsWith("…: 100 live of 128 in 2 blocks, 512 bytes") || cut > 100, lines[0]);
    assert(lines[0].isWellFormed(), lines[0]);
    assertEquals(lines.slice(-2), [
      "peak 100, 900,000,000,000,100 allocs, 900,000,000,000,000 frees,",
      "123,456,789 grown, 123,456,789 given back, at most 4,096",
    ]);
  }
  // A cut within a pair of surrogates takes the whole pair.
  for (let cut = 0; cut < 9; cut++) {
    const pool = imps(64, "x".repeat(cut) + "𝄞".repeat(60));
    assert(dump(pool, PLAIN).isWellFormed());
    assert(dump(pool, PLAIN).split("\n")[0].length <= 80);
  }
});

Deno.test("dump() breaks the totals where they would not fit into 80 columns, and only there", () => {
  const pool = imps();
  const [slab] = slabs.get(pool)!; // every pool has one
  let isBroken = 0, isWhole = 0;
  for (let a = 0; a < 15; a++) {
    for (let g = 0; g < 15; g++) {
      slab.allocs = slab.frees = 10 ** a;
      slab.blockSet.grown = 10 ** g;
      const [, ...lines] = dump(pool, PLAIN).split("\n");
      assert(lines.every((line) => line.length <= 80), lines.join("\n"));
      if (lines.join(" ").length <= 80) assertEquals(lines.length, 1);
      if (lines.join(" ").length === 81) isBroken++;
      if (lines.join(" ").length === 80) isWhole++;
    }
  }
  assert(isBroken > 0 && isWhole > 0);
});

Deno.test("dump() stays within 80 columns for blocks of many chunks and high numbers", () => {
  using wide = new PoolSet({
    sizes: Array.from({ length: 64 }, (_, i) => i + 1),
    handles: "wide",
    maxChunks: 2 ** 32,
    chunksPerBlock: 256,
  });
  wide.alloc(struct({ bytes: array("u8", 64) }));
  using large = new Pool({ n: "u16" }, { chunksPerBlock: 65_536 });
  large.allocMany(65_536);
  for (const pool of [wide, large]) {
    for (const line of dump(pool, PLAIN).split("\n")) assert(line.length <= 80, line);
  }
  assertEquals(
    dump(large, PLAIN).split("\n")[1],
    `block     0 65,536/65,536  ${"█".repeat(32)}`,
  );
});

Deno.test("dump() changes nothing", () => {
  for (const [kind] of faces) {
    const { pool } = stateful(kind, "holes");
    const before = stateOf(pool);
    dump(pool);
    Deno.inspect(pool);
    assertEquals(stateOf(pool), before);
  }
});

Deno.test("dump() throws TypeError on what is no pool", () => {
  for (const bad of [{}, [], null, undefined, 5, "pool", Pool]) {
    assertThrows(() => dump(untyped(bad)), TypeError, "Cannot dump: the argument is no pool");
  }
});

Deno.test("dump() throws DisposedError after dispose()", () => {
  for (const [kind] of faces) {
    const { pool } = stateful(kind, "holes");
    pool.dispose();
    assertThrows(() => dump(pool), DisposedError);
  }
});

// -- console.log --

/** As Deno and as Node print a value. */
function printed(value: unknown): string {
  const text = Deno.inspect(value, { colors: false });
  assertEquals(
    inspect(value, { colors: false }).replaceAll(/\s+/g, " "),
    text.replaceAll(/\s+/g, " "),
  );
  return text;
}

Deno.test("A pool prints as one line", () => {
  const lines = faces.map(([kind]) => printed(stateful(kind, "holes", { name: "it" }).pool));
  const figures = "36 live of 48 in 3 blocks, 384 bytes";
  assertEquals(
    lines,
    ["Pool", "Pool", "ErasedPool", "ErasedPool", "PoolSet", "PoolSet"].map((kind) =>
      `${kind} "it": ${figures}`
    ),
  );
  assertEquals(printed(imps()), 'Pool "imps": 0 live of 0 in 0 blocks, 0 bytes');
  assertEquals(
    printed({ pool: imps() }),
    '{ pool: Pool "imps": 0 live of 0 in 0 blocks, 0 bytes }',
  );
});

Deno.test("A set prints the sums of its classes", () => {
  using set = new PoolSet({ sizes: [4, 8], chunksPerBlock: 16, maxChunks: 64, name: "things" });
  set.allocMany(struct({ n: "u32" }), 17);
  set.alloc(struct({ n: "u64" }));
  assertEquals(printed(set), 'PoolSet "things": 18 live of 48 in 3 blocks, 256 bytes');
  assertEquals(printed(set.pools[1]), 'PoolSet "things": 1 live of 16 in 1 block, 128 bytes');
});

Deno.test("A pool prints without fail after dispose()", () => {
  for (const [kind] of faces) {
    const { pool } = stateful(kind, "holes", { name: "it" });
    pool.dispose();
    assert(printed(pool).endsWith('"it": disposed of'), printed(pool));
  }
});

const Vec2 = struct({ x: "f32", y: "f32" });
const Enemy = struct({ pos: Vec2, hp: "u16", alive: "bool", color: array("u8", 3), id: "u64" });

function enemy(debug: boolean): { pool: Pool<typeof Enemy>; handle: Handle<typeof Enemy> } {
  const pool = new Pool(Enemy, { ...DEBUG, debug, name: "enemies" });
  const handle = pool.alloc({ pos: { x: 1, y: 2.5 }, hp: 7, color: [1, 2, 3], id: 9n });
  return { pool, handle };
}

Deno.test("A view prints as the plain record, and so do its parts", () => {
  for (const debug of [false, true]) {
    const { pool, handle } = enemy(debug);
    const view = pool.get(handle);
    assertEquals(
      printed(view).replaceAll(/\s+/g, " "),
      "{ pos: { x: 1, y: 2.5 }, hp: 7, alive: false, color: [ 1, 2, 3 ], id: 9n }",
    );
    assertEquals(printed(view.pos), "{ x: 1, y: 2.5 }");
    assertEquals(printed(view.color), "[ 1, 2, 3 ]");
    assertEquals(printed(view), printed(view.toJSON()));
    assertEquals(Deno.inspect({ view: view.pos }, { depth: 1 }), "{ view: { x: 1, y: 2.5 } }");
    pool.clear();
    pool.dispose();
  }
});

Deno.test("A view that stands nowhere prints without fail", () => {
  for (const debug of [false, true]) {
    const { pool, handle } = enemy(debug);
    const cursor = pool.cursor();
    for (const it of [cursor, cursor.pos, cursor.color]) {
      const text = debug ? "[Cannot use a view: it is bound to no record]" : "[view of nothing]";
      assertEquals(printed(it), text);
    }
    pool.seek(cursor, handle);
    assertEquals(printed(cursor.pos), "{ x: 1, y: 2.5 }");
    pool.clear();
    pool.dispose();
    if (!debug) assertEquals(printed(cursor), "[view of nothing]");
  }
});

Deno.test("A dead view prints in debug mode as the error that it is to use it", () => {
  const { pool, handle } = enemy(true);
  const view = pool.get(handle);
  pool.free(handle);
  const text =
    `[Cannot use a view in Pool "enemies": handle ${handle} (index 0, generation 1) is stale, the chunk is at generation 2]`;
  for (const it of [view, view.pos, view.color]) assertEquals(printed(it), text);
  pool.dispose();
});

Deno.test("Prototypes print without fail", () => {
  const { pool, handle } = enemy(false);
  const view = pool.get(handle);
  for (const it of [view, view.pos, view.color, pool]) {
    assertEquals(printed(Object.getPrototypeOf(it)), "[prototype]");
  }
  assert(printed(Object.create(pool)).startsWith("["));
});

Deno.test("Nothing about how pools and views print is in the way of their fields", () => {
  const { pool, handle } = enemy(false);
  const names: string[] = [];
  for (const name in pool.get(handle)) names.push(name);
  assertEquals(names.filter((name) => !name.startsWith("_")), [
    "pos",
    "hp",
    "alive",
    "color",
    "id",
  ]);
  assertEquals(words(faces[0][1]).handles.length, 32);
});

// -- numbers --

Deno.test("Counts and bytes are written for people", () => {
  assertEquals([0, 999, 1000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
  const sizes = [0, 1023, 1024, 1536, 1 << 20, 1.25 * 2 ** 30, 2 ** 40, 5 * 2 ** 50];
  assertEquals(sizes.map(bytes), [
    ...["0 bytes", "1023 bytes", "1 KiB", "1.5 KiB", "1 MiB", "1.3 GiB", "1 TiB", "5120 TiB"],
  ]);
});
