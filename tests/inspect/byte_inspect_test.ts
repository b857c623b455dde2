/** validate(), dump() and console.log of the byte allocators. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { inspect } from "node:util";
import {
  Arena,
  type ByteAllocator,
  DisposedError,
  dump,
  FreeListAllocator,
  InvariantError,
  StackAllocator,
  validate,
} from "../../mod.ts";
import type { Extent } from "../../src/bytes/address_space.ts";
import { heaps } from "../../src/bytes/heap.ts";
import { spaceOf, WasmStandIn } from "../bytes/_support.ts";

const PLAIN = { color: false };

const MAKERS: Readonly<Record<string, () => ByteAllocator>> = {
  Arena: () => new Arena({ name: "it", blockBytes: 1024 }),
  StackAllocator: () => new StackAllocator({ name: "it", byteLength: 1024 }),
  FreeListAllocator: () => new FreeListAllocator({ name: "it", byteLength: 1024 }),
};

/** Fields that only the compiler hides. */
interface Hidden {
  _index: number;
  _block: Extent;
  _blocks: Extent[];
  _before: number;
  _usedBefore: number;
  _peak: number;
  _recent: number;
  _newest: number;
  _allocations: number;
}

function hidden(allocator: ByteAllocator): Hidden {
  return allocator as unknown as Hidden; // as above
}

/** Three blocks of 64 bytes, of which two are in use. */
function arena(): Arena {
  const arena = new Arena({ name: "it", blockBytes: 64 });
  for (let i = 0; i < 3; i++) arena.bytes(arena.alloc(40), 40).fill(1);
  const mark = arena.mark();
  arena.alloc(60);
  arena.rewind(mark);
  return arena;
}

/** Three allocations. */
function stack(): StackAllocator {
  const stack = new StackAllocator({ name: "it", byteLength: 256 });
  for (const size of [24, 3, 40]) stack.bytes(stack.alloc(size), size).fill(255);
  return stack;
}

// -- validate() --

for (const [kind, make] of Object.entries(MAKERS)) {
  Deno.test(`validate() accepts the books of ${kind} in every state, also when it was skewed and rebound`, () => {
    using fresh = make();
    validate(fresh);
    for (let i = 1; i < 12; i++) {
      fresh.alloc(i * 5, 1 << i % 5);
      validate(fresh);
    }
    fresh.reset();
    validate(fresh);
  });

  Deno.test(`validate() and dump() throw DisposedError after the dispose of ${kind}`, () => {
    const gone = make();
    gone.alloc(8);
    gone.dispose();
    assertThrows(() => validate(gone), DisposedError, `${kind} "it": it was disposed of`);
    assertThrows(() => dump(gone), DisposedError, `${kind} "it": it was disposed of`);
  });

  Deno.test(`validate() finds a table of ${kind} that leads elsewhere`, () => {
    const faults: ((allocator: ByteAllocator) => void)[] = [
      (it) =>
        spaceOf(it).table[spaceOf(it).extents[0].base >>> spaceOf(it).shift] = spaceOf(it)
          .table[0],
      (it) => spaceOf(it).table[0] = spaceOf(it).extents[0],
      (it) => void spaceOf(it).table.push(spaceOf(it).extents[0]),
      (it) => void spaceOf(it).table.pop(),
      (it) => spaceOf(it).byteLength++,
      (it) => spaceOf(it).granules++,
      (it) => void spaceOf(it).extents[0].joinedAt.push(64),
      (it) => {
        const [{ joinedAt, joined, region }] = spaceOf(it).extents;
        joinedAt.push(64);
        joined.push(region!); // which is not 64 bytes behind itself
      },
      (it) => void spaceOf(it).extents.push(spaceOf(it).extents[0]),
      (it) => void spaceOf(it).extents.pop(),
      (it) => {
        const space = spaceOf(it);
        space.extents.push(space.extents[0]);
        space.byteLength *= 2;
      },
    ];
    for (const fault of faults) {
      const allocator = make();
      allocator.alloc(8);
      fault(allocator);
      assertThrows(() => validate(allocator), InvariantError, `Cannot validate ${kind} "it": `);
    }
  });
}

Deno.test("validate() of an allocator whose memory was detached throws TypeError until rebind()", () => {
  const makers = [
    (memory: WasmStandIn) => new Arena({ memory, blockBytes: 256 }),
    (memory: WasmStandIn) => new StackAllocator({ memory, byteLength: 256 }),
    (memory: WasmStandIn) => new FreeListAllocator({ memory, byteLength: 256 }),
  ];
  for (const make of makers) {
    const memory = new WasmStandIn(72);
    using allocator = make(memory);
    allocator.alloc(20);
    validate(allocator);
    memory.grow();
    assertThrows(() => validate(allocator), TypeError, "its memory was detached");
    allocator.rebind();
    validate(allocator);
  }
});

const ARENA_FAULTS: [what: string, fault: (it: Hidden) => void, says: string][] = [
  ["a top past the end", ({ _block }) => _block.top = 65, "block 2: 65 of its 64 bytes are given"],
  ["a top below 0", ({ _blocks }) => _blocks[0].top = -8, "block 0: -8 of its 64 bytes"],
  ["a top past the current", ({ _blocks }) => _blocks[3].top = 8, "block 3: 8 bytes are given out"],
  ["a byte past the top", ({ _block }) => _block.u8[63] = 7, "block 2: byte 63, past the 40"],
  ["a byte of an empty block", ({ _blocks }) => _blocks[3].u8[0] = 7, "block 3: byte 0, past"],
  ["the position", (it) => it._index = 1, "its current block is not that of its position, 1"],
  ["no position", (it) => it._index = -1, "its current block is not that of its position, -1"],
  ["the bytes before", (it) => it._before += 8, "136 bytes before the current block, and has 128"],
  ["the used bytes", (it) => it._usedBefore -= 8, "it counts 72 bytes used before the current"],
  ["a block too few", (it) => it._blocks.length = 3, "it has 3 blocks, and memory for 4"],
  [
    "a block too many",
    (it) => void it._blocks.push(it._blocks[3]),
    "it has 5 blocks, and memory for 4",
  ],
  ["a block twice", (it) => it._blocks[3] = it._blocks[0], "block 3: 40 bytes are given out past"],
  ["the peak", (it) => it._peak = NaN, "the peak is NaN"],
  ["the need of late", (it) => it._recent = 1000, "the need of late is 1000, the peak is "],
];

for (const [what, fault, says] of ARENA_FAULTS) {
  Deno.test(`validate() of an arena finds what is wrong with ${what}`, () => {
    const it = arena();
    validate(it);
    fault(hidden(it));
    assertThrows(() => validate(it), InvariantError, says);
  });
}

const STACK_FAULTS: [what: string, fault: (it: Hidden, extent: Extent) => void, says: string][] = [
  ["a count", (it) => it._allocations++, "it counts 4 allocations, and has 3"],
  ["the newest", (it) => it._newest = 40, "an allocation of 3 bytes starts at byte 40"],
  ["no newest", (it) => it._newest = 0, "and nothing is live"],
  ["the top", (_, extent) => extent.top += 8, "and ends past"],
  ["a size", (_, { i32 }) => i32[36 / 4] = 40, "an allocation of 40 bytes starts at byte 40"],
  ["a size of 0", (_, { i32 }) => i32[36 / 4] = 0, "an allocation of 0 bytes"],
  ["a link", (_, { i32 }) => i32[32 / 4] = 40, "starts at byte 40, and ends past 32"],
  ["a link to the middle", (_, { i32 }) => i32[32 / 4] = 12, "starts at byte 12"],
  ["a chain cut short", (_, { i32 }) => i32[32 / 4] = 0, "it counts 3 allocations, and has 2"],
  ["a start that is not marked", (_, extent) => extent.flipStart(5), "at byte 40 is not marked"],
  ["a mark of nothing", (_, extent) => extent.flipStart(20), "4 starts are marked, and 3"],
];

for (const [what, fault, says] of STACK_FAULTS) {
  Deno.test(`validate() of a stack finds what is wrong with ${what}`, () => {
    const it = stack();
    validate(it);
    fault(hidden(it), spaceOf(it).extents[0]);
    assertThrows(() => validate(it), InvariantError, says);
  });
}

Deno.test("validate() of a heap audits its chunks", () => {
  const heap = new FreeListAllocator({ name: "it", byteLength: 1024 });
  heap.alloc(100);
  validate(heap);
  heaps.get(heap)!.usedBytes++; // every free list has one
  assertThrows(() => validate(heap), InvariantError, "it counts 101 used bytes, and has 100");
});

Deno.test("validate() and dump() refuse what is neither a pool nor an allocator", () => {
  for (const bad of [{}, [], new Uint8Array(8), Object.create(Arena.prototype)]) {
    assertThrows(() => validate(bad), TypeError);
    assertThrows(() => dump(bad), TypeError);
  }
});

// -- dump() --

Deno.test("dump() of an arena draws what is given out of each block in order", () => {
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
  using it = stack();
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
});

Deno.test("dump() colours the drawing of an allocator alone", () => {
  using it = stack();
  const plain = dump(it, PLAIN);
  const colored = dump(it, { color: true });
  assert(colored.includes("\x1b[36m████"));
  // deno-lint-ignore no-control-regex -- which is what is looked for
  assertEquals(colored.replaceAll(/\x1b\[\d+m/g, ""), plain);
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
  using top = new StackAllocator({ name, byteLength: 1_000_001 });
  top.alloc(999_000);
  for (const it of [heap, frame, top]) {
    for (const line of dump(it, PLAIN).split("\n")) assert(line.length <= 80, line);
  }
});

// -- console.log --

Deno.test("console.log() of an allocator prints one line", () => {
  using frame = new Arena({ name: "frame" });
  frame.alloc(1230);
  const line = 'Arena "frame": 1.2 KiB used of 64 KiB in 1 block';
  assertEquals([Deno.inspect(frame), inspect(frame)], [line, line]);
  using it = stack();
  assertEquals(Deno.inspect(it), 'StackAllocator "it": 96 bytes used of 256 bytes in 1 block');
  using heap = new FreeListAllocator({ name: "meshes" });
  assertEquals(
    Deno.inspect([heap]),
    '[ FreeListAllocator "meshes": 0 bytes used of 1 MiB in 1 block ]',
  );
});

Deno.test("console.log() of an allocator that was disposed of, and of a prototype, throws nothing", () => {
  for (const [kind, make] of Object.entries(MAKERS)) {
    const gone = make();
    gone.dispose();
    assertEquals(Deno.inspect(gone), `${kind} "it": disposed of`);
  }
  for (const { prototype } of [Arena, StackAllocator, FreeListAllocator]) {
    assertEquals(Deno.inspect(prototype), "[prototype]");
  }
});
