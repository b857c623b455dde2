/** dump() and console.log() of byte allocators. */
import { assert, assertEquals } from "@std/assert";
import { inspect } from "node:util";
import { Arena, dump, FreeListAllocator, StackAllocator } from "../../mod.ts";
import { CLASSES } from "../bytes/_support.ts";

const PLAIN = { color: false };

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

Deno.test("dump() of a stack draws what is below its top, in colour if it is to", () => {
  using it = new StackAllocator({ name: "it", byteLength: 256 });
  for (const size of [24, 3, 40]) it.alloc(size);
  const bar = "████████████····················";
  const plain = `StackAllocator "it": 96 bytes used of 256 bytes in 1 block
block     0     96 bytes/256 bytes  ${bar}
peak 96 bytes, 3 allocations, 160 bytes free`;
  assertEquals(dump(it, PLAIN), plain);
  assertEquals(dump(it, { color: true }), plain.replace(bar, `\x1b[36m${bar}\x1b[0m`));
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

Deno.test("dump() of an allocator fits 80 columns, whatever its name and its figures", () => {
  const name = "a name of sixty characters that goes on and on and on and on and on";
  using heap = new FreeListAllocator({ name, byteLength: 2 ** 20 * 3 + 1001, grow: true });
  for (let i = 1; i < 400; i++) {
    const address = heap.alloc(i * 111);
    if (i % 3 === 0) heap.free(address);
  }
  using frame = new Arena({ name, blockBytes: 1023 * 1024 + 500 });
  frame.alloc(1023 * 1024 + 1);
  for (const it of [heap, frame]) {
    for (const line of dump(it, PLAIN).split("\n")) assert(line.length <= 80, line);
  }
});

Deno.test("console.log() of an allocator prints one line, also after dispose()", () => {
  for (const [kind, make] of Object.entries(CLASSES)) {
    const it = make({ name: "it" });
    it.alloc(1230);
    const line = dump(it, PLAIN).split("\n")[0];
    assertEquals([Deno.inspect(it), inspect(it), Deno.inspect([it])], [line, line, `[ ${line} ]`]);
    assertEquals(Deno.inspect(Object.getPrototypeOf(it)), "[prototype]");
    it.dispose();
    assertEquals(Deno.inspect(it), `${kind} "it": disposed of`);
  }
});
