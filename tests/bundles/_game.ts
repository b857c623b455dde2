/**
 * What is bundled to see where leaks come from: a game in one file with the module. Each case
 * allocates in debug mode, and holds the stack that the leak has against one that it took itself in
 * the same function, a line before.
 *
 * @module
 */
import {
  Arena,
  configure,
  countingMemory,
  debug as debugMode,
  ErasedPool,
  FreeListAllocator,
  Pool,
  PoolSet,
  StackAllocator,
  struct,
} from "../../mod.ts";
import type { ByteAllocator, Leak } from "../../mod.ts";

/**
 * Where the faults are left that it found, one a line: bundles that are scripts have no exports.
 */
export const FAULTS: unique symbol = Symbol.for("slabs.faults");

if ((globalThis as { shared?: boolean }).shared) configure({ specialize: false });

const NAMES = Array.from({ length: 40 }, (_, i) => `f${i}`);
const Wide = struct(Object.fromEntries(NAMES.map((name) => [name, "f32"] as const)));
const INIT = Object.fromEntries(NAMES.map((name, i) => [name, i]));
const Small = struct({ n: "u32", pos: struct({ x: "f32", y: "f32" }) }, { name: "Small" });
const VALUE = { n: 1, pos: { x: 2, y: 3 } };
const DEBUG = { debug: debugMode, chunksPerBlock: 16, maxChunks: 1024 };

type Mark = (error: Error) => void;
/** Allocates right after it has marked the place; what comes back leaks. */
type Case = (mark: Mark) => { dispose(): void };

const heap = () => new FreeListAllocator({ debug: debugMode });
const stack = () => new StackAllocator({ debug: debugMode });

class Subpool extends Pool<typeof Small> {}
class Suberased extends ErasedPool {}
class Subset extends PoolSet {}
class Subheap extends FreeListAllocator {}
class Override extends Pool<typeof Small> {
  mark: Mark = () => {};
  override alloc(init?: { n?: number }) {
    this.mark(new Error());
    const handle = super.alloc(init);
    return handle;
  }
  override allocMany(count: number, out: never = [] as never) {
    this.mark(new Error());
    const handles = super.allocMany(count, out);
    return handles;
  }
}

/** The calls that every kind of pool has. */
function poolCases(name: string, make: () => unknown, args: unknown[]): Record<string, Case> {
  type Any = { [call: string]: (...args: unknown[]) => unknown } & { dispose(): void };
  const direct = (call: string, ...rest: unknown[]): Case => (mark) => {
    const pool = make() as Any;
    mark(new Error());
    pool[call](...args, ...rest);
    return pool;
  };
  return {
    [`${name}.alloc()`]: direct("alloc"),
    [`${name}.alloc(init)`]: direct("alloc", VALUE),
    [`${name}.tryAlloc()`]: direct("tryAlloc"),
    [`${name}.tryAlloc(init)`]: direct("tryAlloc", VALUE),
    [`${name}.allocMany()`]: direct("allocMany", 3),
    [`${name}.scoped()`]: direct("scoped"),
    [`${name}.scoped(init)`]: direct("scoped", VALUE),
    [`${name}.allocAt()`]: (mark) => {
      const pool = make() as Any;
      const cursor = pool.cursor(...args);
      mark(new Error());
      pool.allocAt(...args, cursor);
      return pool;
    },
    [`${name}.alloc() in a callback of forEach()`]: (mark) => {
      const pool = make() as Any;
      const first = pool.alloc(...args, VALUE);
      pool.forEach(...args, () => {
        mark(new Error());
        pool.alloc(...args, VALUE);
      });
      pool.free(first);
      return pool;
    },
    [`${name}.alloc() in a callback of Array.forEach()`]: (mark) => {
      const pool = make() as Any;
      [VALUE].forEach((value) => {
        mark(new Error());
        pool.alloc(...args, value);
      });
      return pool;
    },
    [`${name}.alloc() in a getter of another's value`]: (mark) => {
      const pool = make() as Any;
      const other = make() as Any;
      const value = {
        get n() {
          mark(new Error());
          pool.alloc(...args, VALUE);
          return 1;
        },
      };
      other.free(other.alloc(...args, value));
      other.dispose();
      return pool;
    },
  };
}

/** The calls that every byte allocator has. */
function byteCases(name: string, make: () => ByteAllocator): Record<string, Case> {
  return {
    [`${name}.alloc()`]: (mark) => {
      const it = make();
      mark(new Error());
      it.alloc(8);
      return it;
    },
    [`${name}.allocRecord()`]: (mark) => {
      const it = make();
      mark(new Error());
      it.allocRecord(Small);
      return it;
    },
    [`${name}.allocRecord(init)`]: (mark) => {
      const it = make();
      mark(new Error());
      it.allocRecord(Wide, INIT);
      return it;
    },
    [`${name}.allocAt()`]: (mark) => {
      const it = make();
      const cursor = it.cursor(Small);
      mark(new Error());
      it.allocAt(cursor);
      return it;
    },
    [`${name}.allocArray()`]: (mark) => {
      const it = make();
      mark(new Error());
      it.allocArray("u8", 8);
      return it;
    },
    [`${name}.alloc() in a getter of another's value`]: (mark) => {
      const it = make();
      using other = new Arena({ debug: debugMode });
      const value = {
        get n() {
          mark(new Error());
          it.alloc(8);
          return 1;
        },
      };
      other.allocRecord(Small, value);
      return it;
    },
  };
}

/** What takes memory of a heap in debug mode, which is what leaks. */
function growthCases(debug: boolean): Record<string, Case> {
  const options = { ...DEBUG, debug: debug && debugMode };
  const mode = debug ? "debug" : "plain";
  const inHeap = (
    name: string,
    grow: (memory: FreeListAllocator, mark: Mark) => void,
  ): [string, Case] => [
    `${name} in ${mode} mode in a heap`,
    (mark) => {
      const memory = heap();
      grow(memory, mark);
      return memory;
    },
  ];
  return Object.fromEntries([
    inHeap("Pool.alloc(init)", (memory, mark) => {
      const pool = new Pool(Wide, { ...options, memory });
      mark(new Error());
      pool.alloc(INIT);
    }),
    inHeap("Pool.alloc() behind a counter", (memory, mark) => {
      const pool = new Pool(Wide, { ...options, memory: countingMemory(memory) });
      mark(new Error());
      pool.alloc();
    }),
    inHeap("Pool.reserve()", (memory, mark) => {
      const pool = new Pool(Wide, { ...options, memory });
      mark(new Error());
      pool.reserve(1000);
    }),
    inHeap("Pool.scoped(init)", (memory, mark) => {
      const pool = new Pool(Wide, { ...options, memory });
      mark(new Error());
      pool.scoped(INIT);
    }),
    inHeap("PoolSet.scoped(init)", (memory, mark) => {
      const pool = new PoolSet({ ...options, memory, sizes: [4, 16] });
      mark(new Error());
      pool.scoped(Small, VALUE);
    }),
    inHeap("ErasedPool.allocMany()", (memory, mark) => {
      const pool = new ErasedPool({ ...options, memory, size: 16 });
      mark(new Error());
      pool.allocMany(Small, 100);
    }),
    inHeap("new StackAllocator()", (memory, mark) => {
      mark(new Error());
      new StackAllocator({ debug: debug && debugMode, memory, byteLength: 64 });
    }),
    inHeap("Arena.allocRecord(init)", (memory, mark) => {
      const arena = new Arena({ debug: debug && debugMode, memory });
      mark(new Error());
      arena.allocRecord(Wide, INIT);
    }),
    inHeap("Arena.allocArray()", (memory, mark) => {
      const arena = new Arena({ debug: debug && debugMode, memory });
      mark(new Error());
      arena.allocArray("f32", 100);
    }),
    inHeap("Pool.alloc() in an arena", (memory, mark) => {
      const pool = new Pool(Small, {
        ...options,
        memory: new Arena({ debug: debug && debugMode, memory }),
      });
      mark(new Error());
      pool.alloc();
    }),
    inHeap("FreeListAllocator.alloc() that grows", (memory, mark) => {
      const inner = new FreeListAllocator({
        debug: debug && debugMode,
        memory: countingMemory(memory),
        byteLength: 64,
        grow: true,
      });
      mark(new Error());
      inner.alloc(1000);
    }),
  ]);
}

const CASES: Readonly<Record<string, Case>> = {
  ...poolCases("Pool", () => new Pool(Small, DEBUG), []),
  ...poolCases("ErasedPool", () => new ErasedPool({ ...DEBUG, size: 16 }), [Small]),
  ...poolCases("PoolSet", () => new PoolSet({ ...DEBUG, sizes: [4, 16] }), [Small]),
  ...poolCases("A class that extends Pool", () => new Subpool(Small, DEBUG), []),
  ...poolCases("A class that extends ErasedPool", () => new Suberased({ ...DEBUG, size: 16 }), [
    Small,
  ]),
  ...poolCases("A class that extends PoolSet", () => new Subset({ ...DEBUG, sizes: [16] }), [
    Small,
  ]),
  ...byteCases("StackAllocator", stack),
  ...byteCases("FreeListAllocator", heap),
  ...byteCases("A class that extends FreeListAllocator", () => new Subheap({ debug: debugMode })),
  ...growthCases(true),
  ...growthCases(false),
  "Pool.alloc() of forty fields": (mark) => {
    const pool = new Pool(Wide, DEBUG);
    mark(new Error());
    pool.alloc(INIT);
    return pool;
  },
  "An alloc() that calls super.alloc()": (mark) => {
    const pool = new Override(Small, DEBUG);
    pool.mark = mark;
    pool.alloc(VALUE);
    return pool;
  },
  "A scoped() that comes to an alloc() that calls super.alloc()": (mark) => {
    const pool = new Override(Small, DEBUG);
    mark(new Error());
    pool.scoped(VALUE);
    return pool;
  },
  "An allocMany() that calls super.allocMany()": (mark) => {
    const pool = new Override(Small, DEBUG);
    pool.mark = mark;
    pool.allocMany(2);
    return pool;
  },
  "FreeListAllocator.realloc()": (mark) => {
    const it = heap();
    const first = it.alloc(8);
    it.alloc(8); // so that the first one moves
    mark(new Error());
    it.realloc(first, 1000);
    return it;
  },
  "FreeListAllocator.allocate()": (mark) => {
    const it = heap();
    mark(new Error());
    it.allocate(64, 8);
    return it;
  },
};

/** The frames of a stack, in whatever way the engine writes them. */
function framesOf(stack: string): string[] {
  return stack.split("\n").filter((line) => /^\s+at |@/.test(line));
}

/** A frame without the place in its file. */
function calleeOf(frame: string): string {
  return frame.replace(/[:\d]+\)?$/, "");
}

function faultOf(run: Case): string | undefined {
  let own: string[] = [];
  const it = run((error) => own = framesOf(error.stack ?? ""));
  let leaks: readonly Leak[] = [];
  try {
    it.dispose();
  } catch (error) {
    leaks = (error as { leaks?: readonly Leak[] }).leaks ?? [];
  }
  if (leaks.length === 0) return "nothing leaked";
  const { stack } = leaks[leaks.length - 1]; // made last
  const frames = framesOf(stack);
  const isSame = frames.length === own.length &&
    frames.every((it, i) => i === 0 ? calleeOf(it) === calleeOf(own[0]) : it === own[i]);
  return isSame ? undefined : `it has\n${stack}\nand should have\n${own.join("\n")}`;
}

/** Calls that lie below the game's, as an engine's loop has them. */
function dig(depth: number, fn: () => void): void {
  if (depth === 0) fn();
  else {
    dig(depth - 1, fn);
    depth--; // so that it is no tail call, which some engines leave no frame of
  }
}

const faults: string[] = [];
const limits = Error as { stackTraceLimit?: number };
const before = limits.stackTraceLimit;
for (const limit of before === undefined ? [undefined] : [1, 2, 10]) {
  if (limit !== undefined) limits.stackTraceLimit = limit;
  for (const [name, run] of Object.entries(CASES)) {
    dig(12, () => {
      const fault = faultOf(run);
      if (fault !== undefined) faults.push(`${name}, limit ${limit}: ${fault}`);
    });
  }
}
if (before !== undefined) limits.stackTraceLimit = before;

Object.assign(globalThis, {
  [FAULTS]: faults.join("\n\n"),
  faults: `${Object.keys(CASES).length} cases\n${faults.join("\n\n")}`,
});
