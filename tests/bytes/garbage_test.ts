/**
 * Operations on warm byte allocators leave nothing on the JS heap for a collector.
 *
 * @module
 */
import { Arena, type Fit, FreeListAllocator, StackAllocator, struct } from "../../mod.ts";
import { assertNoGarbage, claim, sink } from "../model/_meter.ts";

const Node = struct({ value: "u32", next: "u32" });

/** Operations of one call, as an arena is rewound now and then alone. */
const BATCH = 20;

claim("Arena.alloc() and rewind() leave no garbage", () => {
  const arena = new Arena({ blockBytes: 4096 });
  arena.alloc(8);
  const mark = arena.mark();
  assertNoGarbage(() => {
    for (let i = 0; i < BATCH; i++) sink[0] = arena.alloc(24 + i * 8, 16) & 255;
    arena.rewind(mark);
  }, BATCH);
});

claim("Arena.alloc() and reset() over several blocks leave no garbage", () => {
  const arena = new Arena({ blockBytes: 256 });
  assertNoGarbage(() => {
    for (let i = 0; i < BATCH; i++) arena.alloc(100);
    arena.reset();
  }, BATCH);
});

claim("Arena.allocRecord() leaves no garbage", () => {
  const arena = new Arena();
  assertNoGarbage(() => {
    for (let i = 0; i < BATCH; i++) sink[0] = arena.allocRecord(Node) & 255;
    arena.reset();
  }, BATCH);
});

claim("Arena.allocAt() and seek() leave no garbage", () => {
  const arena = new Arena();
  const node = arena.cursor(Node);
  assertNoGarbage(() => {
    let head = 0;
    for (let i = 0; i < BATCH; i++) {
      const address = arena.allocAt(node);
      node.value = i;
      node.next = head;
      head = address;
    }
    while (head !== 0) head = arena.seek(node, head).next;
    arena.reset();
  }, BATCH);
});

claim("StackAllocator.alloc(), sizeOf() and free() leave no garbage", () => {
  const stack = new StackAllocator();
  stack.alloc(8);
  assertNoGarbage((i) => {
    const address = stack.alloc(8 + i % 100);
    sink[0] = stack.sizeOf(address);
    stack.free(address);
  });
});

const KINDS: [Fit, "list" | "tree"][] = [["first", "list"], ["next", "list"], ["best", "tree"]];

for (const [fit, index] of KINDS) {
  const name = `FreeListAllocator with the ${fit} fit and a ${index}`;

  claim(`${name} replaces allocations at random without garbage`, () => {
    const heap = new FreeListAllocator({ byteLength: 65_536, fit, index });
    const live = Int32Array.from({ length: 64 }, (_, i) => heap.alloc(8 + i * 7));
    assertNoGarbage((i) => {
      const at = i * 7919 & 63;
      heap.free(live[at]);
      live[at] = heap.alloc(8 + i % 300);
    });
  });

  claim(`${name} resizes in place and elsewhere without garbage`, () => {
    const heap = new FreeListAllocator({ byteLength: 65_536, fit, index });
    const cursor = heap.cursor(Node);
    const live = Int32Array.from({ length: 16 }, () => heap.alloc(64));
    assertNoGarbage((i) => {
      const at = i & 15;
      live[at] = heap.realloc(live[at], 8 + (i & 7) * 50);
      heap.seek(cursor, live[at]).value = i;
      sink[0] = heap.sizeOf(live[at]);
    });
  });
}
