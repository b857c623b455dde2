/**
 * `dump` draws pools and byte allocators: figures, a bar for each block, totals, colour, and lines
 * of at most 80 columns.
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  Arena,
  array,
  dump,
  FreeListAllocator,
  Pool,
  PoolSet,
  SharedPool,
  StackAllocator,
  struct,
} from "../../mod.ts";
import type { PoolOptions } from "../../mod.ts";
import { slabs } from "../../src/slab/slab.ts"; // for figures that no test can reach by calls
import { MIDDLE, Num, partsOf, take } from "../shared/_support.ts";
import { untyped, withProperties } from "../_support.ts";

const PLAIN = { color: false };

function imps(chunksPerBlock: number, more: PoolOptions = {}): Pool<{ readonly hp: "u32" }> {
  return new Pool({ hp: "u32" }, { name: "imps", chunksPerBlock, maxChunks: 4096, ...more });
}

/** The bars of the blocks. */
function barsOf(pool: object): string[] {
  const lines = dump(pool, PLAIN).split("\n").filter((line) => line.startsWith("block"));
  return lines.map((line) => line.slice(27));
}

// -- lines --

Deno.test("dump() draws figures, a line for each block, and totals", () => {
  using pool = imps(64, { handles: "wide" });
  assertEquals(
    dump(pool, PLAIN),
    `Pool "imps": 0 live of 0 in 0 blocks, 0 bytes
peak 0, 0 allocs, 0 frees, 0 grown, 0 given back, at most 4,096`,
  );
  pool.free(pool.alloc());
  const [slab] = slabs.get(pool)!; // every pool has one
  slab.blocks[0].stamps[0] = slab.codec.maxGeneration * 2; // so that its next record is its last
  const handles = pool.allocMany(150);
  for (let i = 0; i < 64; i += 2) pool.free(handles[i]);
  for (let i = 64; i < 96; i++) pool.free(handles[i]);
  pool.reserve(256);
  pool.freeBlock(3);
  assertEquals(
    dump(pool, PLAIN),
    `Pool "imps": 86 live of 192 in 3 blocks, 768 bytes
block     0         32/64  ▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄
block     1         32/64                  ████████████████
block     2         22/64  ███████████·····················
peak 150, 151 allocs, 65 frees, 4 grown, 1 given back, 1 retired, at most 4,096`,
  );
});

Deno.test("dump() of a set draws the set, and then each class", () => {
  using set = new PoolSet({ sizes: [4, 1024], chunksPerBlock: 16, maxChunks: 64, name: "things" });
  set.allocMany(struct({ n: "u32" }), 20);
  set.freeBlock(0);
  set.free(set.alloc(struct({ text: array("u8", 1000) })));
  assertEquals(
    dump(set, PLAIN),
    `PoolSet "things": 4 live of 32 in 2 blocks, 16.1 KiB
chunks of 4 bytes: 4 live of 16 in 1 block, 64 bytes
block     1          4/16  ████············
peak 20, 20 allocs, 16 frees, 2 grown, 1 given back, at most 32
chunks of 1,024 bytes: 0 live of 16 in 1 block, 16 KiB
block     2          0/16   ···············
peak 1, 1 alloc, 1 free, 1 grown, 0 given back, at most 32`,
  );
});

Deno.test("dump() of a shared pool names the owner of each block", () => {
  const [here, there, third] = partsOf(Num, 3, MIDDLE);
  assertEquals(
    dump(here, PLAIN),
    `SharedPool "motes": 0 live of 0 in 0 blocks, 0 bytes
thread 1 of 3 so far, 3 around, 0 retired, at most 64`,
  );
  const taken = take(here, 20);
  take(there, 4);
  for (const handle of taken.slice(4, 10)) there.free(handle);
  here.dispose();
  third.dispose();
  assertEquals(
    dump(there, PLAIN),
    `SharedPool "motes": 18 live of 48 in 3 blocks, 192 bytes
block    0    nobody's       10/16  ████      ██████
block    1    nobody's        4/16  ████············
block    2  thread 2's        4/16  ████············
thread 2 of 3 so far, 1 around, 0 retired, at most 64`,
  );
});

Deno.test("dump() of an arena draws what is allocated in each block in order", () => {
  using it = new Arena({ name: "frame", blockBytes: 64 });
  assertEquals(
    dump(it, PLAIN),
    `Arena "frame": 0 bytes used of 0 bytes in 0 blocks
peak 0 bytes, 0 bytes left in the blocks`,
  );
  it.alloc(64);
  it.alloc(33);
  const mark = it.mark();
  it.alloc(2048);
  it.rewind(mark);
  assertEquals(
    dump(it, PLAIN),
    `Arena "frame": 97 bytes used of 2.1 KiB in 3 blocks
block     0      64 bytes/64 bytes  ████████████████████████████████
block     1      33 bytes/64 bytes  ████████████████▄···············
block     2          0 bytes/2 KiB  ································
peak 2.1 KiB, 2.0 KiB left in the blocks`,
  );
});

Deno.test("dump() of a stack draws what is below its top", () => {
  using it = new StackAllocator({ name: "it", byteLength: 256 });
  for (const size of [24, 3, 40]) it.alloc(size);
  assertEquals(
    dump(it, PLAIN),
    `StackAllocator "it": 96 bytes used of 256 bytes in 1 block
block     0     96 bytes/256 bytes  ████████████····················
peak 96 bytes, 3 allocations, 160 bytes free`,
  );
});

Deno.test("dump() of a heap draws its used chunks where they are", () => {
  using it = new FreeListAllocator({ name: "it", byteLength: 1024, grow: true });
  const addresses = Array.from({ length: 7 }, () => it.alloc(120));
  for (const i of [1, 2, 5]) it.free(addresses[i]);
  it.alloc(2000);
  assertEquals(
    dump(it, PLAIN),
    `FreeListAllocator "it": 2.4 KiB used of 3.0 KiB in 2 blocks
block     0        480 bytes/1 KiB  ████        ████████    ████
block     1        2.0 KiB/2.0 KiB  ███████████████████████████████▇
peak 2.4 KiB, 5 allocations, 480 bytes free in 3 chunks, the largest 248 bytes,
fragmentation 48 %, overhead 80 bytes`,
  );
  for (const i of [0, 3, 4, 6]) it.free(addresses[i]);
  assert(dump(it).includes("free in 1 chunk, "));
});

// -- bars --

Deno.test("A column of dump() is as many eighths high as its chunks are live, and one at least", () => {
  using pool = imps(256); // 8 chunks a column
  pool.allocMany(256).forEach((handle, i) => i % 8 < (i >> 3) % 9 || pool.free(handle));
  assertEquals(barsOf(pool), [" ▁▂▃▄▅▆▇█ ▁▂▃▄▅▆▇█ ▁▂▃▄▅▆▇█ ▁▂▃▄"]);
  using large = imps(2048); // 64 chunks a column
  const live = [1, 8, 9, 63, 64, 0];
  large.allocMany(2048).forEach((it, i) => i % 64 < live[(i >> 6) % 6] || large.free(it));
  assertEquals(barsOf(large), ["▁▁▂██ ▁▁▂██ ▁▁▂██ ▁▁▂██ ▁▁▂██ ▁▁"]);
  using small = imps(16); // a chunk a column
  small.freeMany(small.allocMany(16));
  assertEquals(dump(small, PLAIN).split("\n")[1], "block     0          0/16"); // no blank at the end
});

Deno.test("dump() colours the bars and nothing else, by default only in a terminal that wants it", () => {
  using pool = imps(16);
  assertEquals(dump(pool, { color: true }), dump(pool, PLAIN)); // no bar
  pool.allocMany(3);
  const bar = "███·············";
  const plain = dump(pool, PLAIN);
  assertEquals(dump(pool, { color: true }), plain.replace(bar, `\x1b[36m${bar}\x1b[0m`));
  const wrong = untyped<{ color: boolean }>({ color: "red" });
  assertThrows(() => dump(pool, wrong), TypeError, 'color must be a boolean, got "red"');

  const isColored = (Deno: unknown, process?: unknown) => {
    const globals = { Deno: { value: Deno }, process: { value: process } };
    return withProperties(globalThis, globals, () => dump(pool) !== plain);
  };
  const deno = (noColor: boolean, isTerminal: boolean) => ({
    noColor,
    stdout: { isTerminal: () => isTerminal },
  });
  assert(isColored(deno(false, true)));
  assert(!isColored(deno(true, true)) && !isColored(deno(false, false)));
  assert(isColored(undefined, { stdout: { isTTY: true } }));
  for (const node of [{ stdout: {} }, {}, undefined]) assert(!isColored(undefined, node));
});

// -- width --

Deno.test("dump() cuts a name just as far as the title needs to fit 80 columns", () => {
  const smile = "\u{1f600}"; // of two units
  const names: [name: string, label: string][] = [
    ["n".repeat(39), `"${"n".repeat(39)}"`],
    ["n".repeat(40), `"${"n".repeat(39)}…`],
    ["n" + smile.repeat(20), `"n${smile.repeat(19)}…`],
    [smile.repeat(20), `"${smile.repeat(19)}…`], // not half a letter
    ["n".repeat(200), `"${"n".repeat(39)}…`],
  ];
  for (const [name, label] of names) {
    const [title] = dump(imps(16, { name }), PLAIN).split("\n");
    assertEquals(title, `Pool ${label}: 0 live of 0 in 0 blocks, 0 bytes`);
  }
});

Deno.test("dump() stays within 80 columns for any figures, and wraps only where it must", () => {
  const powers = Array.from({ length: 15 }, (_, digits) => 10 ** digits);
  for (const [allocs, grown] of powers.flatMap((a) => powers.map((b) => [a, b]))) {
    const pool = imps(64);
    pool.allocMany(100);
    const [slab] = slabs.get(pool)!; // every pool has one
    slab.allocs += allocs;
    slab.frees += allocs;
    slab.blockSet.grown = grown;
    const lines = dump(pool, PLAIN).split("\n");
    for (const line of lines) assert(line.length <= 80, line);
    const totals = lines.slice(3);
    assertEquals(totals.length > 1, totals.join(" ").length > 80);
  }
  using large = new Pool({ n: "u16" }, { chunksPerBlock: 65_536 });
  large.allocMany(65_536);
  assertEquals(dump(large, PLAIN).split("\n")[1], `block     0 65,536/65,536  ${"█".repeat(32)}`);
});

Deno.test("dump() of a shared pool or an allocator fits 80 columns, whatever its name and its figures, and is coloured", () => {
  const name = "n".repeat(200);
  using shared = SharedPool.create(Num, { name, handles: "wide" });
  take(shared, 20_000);
  using heap = new FreeListAllocator({ name, byteLength: 2 ** 20 * 3 + 1001, grow: true });
  for (let i = 1; i < 400; i++) {
    const address = heap.alloc(i * 111);
    if (i % 3 === 0) heap.free(address);
  }
  using frame = new Arena({ name, blockBytes: 1023 * 1024 + 500 });
  frame.alloc(1023 * 1024 + 1);
  for (const it of [shared, heap, frame]) {
    for (const line of dump(it, PLAIN).split("\n")) assert(line.length <= 80, line);
    assert(dump(it, { color: true }).includes("\x1b[36m█"));
  }
});
