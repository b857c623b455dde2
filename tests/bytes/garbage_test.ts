/** Operations on warm byte allocators leave nothing on the JS heap for a collector. */
import { Arena, FreeListAllocator, StackAllocator, struct } from "../../mod.ts";
import { assertNoGarbage, claim, type Operation, sink } from "../model/_meter.ts";

const Node = struct({ value: "u32", next: "u32" });

/** Operations of one call, as an arena is rewound now and then alone. */
const BATCH = 20;

const ARENA_CALLS: Readonly<Record<string, (arena: Arena) => Operation>> = {
  "alloc() and rewind(), over several blocks": (arena) => {
    arena.alloc(8);
    const mark = arena.mark();
    return () => {
      for (let i = 0; i < BATCH; i++) sink[0] = arena.alloc(24 + i * 8, 16) & 255;
      arena.rewind(mark);
    };
  },
  "allocRecord()": (arena) => () => {
    for (let i = 0; i < BATCH; i++) sink[0] = arena.allocRecord(Node) & 255;
    arena.reset();
  },
  "allocAt() and seek()": (arena) => {
    const node = arena.cursor(Node);
    return () => {
      let head = 0;
      for (let i = 0; i < BATCH; i++) {
        const address = arena.allocAt(node);
        node.value = i;
        node.next = head;
        head = address;
      }
      while (head !== 0) head = arena.seek(node, head).next;
      arena.reset();
    };
  },
};

for (const [what, prepare] of Object.entries(ARENA_CALLS)) {
  claim(`Arena leaves no garbage of ${what}`, () => {
    for (const blockBytes of [256, 4096]) {
      assertNoGarbage(prepare(new Arena({ blockBytes })), BATCH);
    }
  });
}

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
