/** Operations on warm byte allocators leave nothing on the JS heap for a collector. */
import { Arena, FreeListAllocator, StackAllocator, struct } from "../../mod.ts";
import { assertNoGarbage, claim, sink } from "../model/_meter.ts";

const Node = struct({ value: "u32", next: "u32" });

/** Operations of one call, as an arena is rewound now and then alone. */
const BATCH = 20;

claim("Arena leaves no garbage, whatever it allocates, also over several blocks", () => {
  for (const blockBytes of [256, 4096]) {
    const arena = new Arena({ blockBytes });
    const node = arena.cursor(Node);
    arena.alloc(8);
    const mark = arena.mark();
    assertNoGarbage(() => {
      let head = 0;
      for (let i = 0; i < BATCH; i++) {
        sink[0] = arena.alloc(24 + i * 8, 16) & 255;
        sink[1] = arena.allocRecord(Node) & 255;
        const address = arena.allocAt(node);
        node.value = i;
        node.next = head;
        head = address;
      }
      while (head !== 0) head = arena.seek(node, head).next;
      arena.rewind(mark);
    }, BATCH);
    assertNoGarbage(() => {
      for (let i = 0; i < BATCH; i++) sink[0] = arena.allocRecord(Node) & 255;
      arena.reset();
    }, BATCH);
  }
});

claim("StackAllocator leaves no garbage of alloc(), sizeOf() and free()", () => {
  const stack = new StackAllocator();
  stack.alloc(8);
  assertNoGarbage((i) => {
    const address = stack.alloc(8 + i % 100);
    sink[0] = stack.sizeOf(address);
    stack.free(address);
  });
});

for (const [fit, index] of [["first", "list"], ["next", "list"], ["best", "tree"]] as const) {
  claim(`FreeListAllocator leaves no garbage, also where it resizes (${fit} fit, ${index})`, () => {
    const heap = new FreeListAllocator({ byteLength: 65_536, fit, index });
    const cursor = heap.cursor(Node);
    const live = Int32Array.from({ length: 64 }, (_, i) => heap.alloc(8 + i * 7));
    assertNoGarbage((i) => {
      const at = i * 7919 & 63;
      heap.free(live[at]);
      live[at] = heap.alloc(8 + i % 300);
    });
    assertNoGarbage((i) => {
      const at = i & 15;
      live[at] = heap.realloc(live[at], 8 + (i & 7) * 50);
      heap.seek(cursor, live[at]).value = i;
      sink[0] = heap.sizeOf(live[at]);
    });
  });
}
