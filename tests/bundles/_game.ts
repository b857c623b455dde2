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
  debug,
  ErasedPool,
  FreeListAllocator,
  Pool,
  PoolSet,
  StackAllocator,
  struct,
} from "../../mod.ts";
import type { Leak, MemoryResource } from "../../mod.ts";

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

type Mark = (error: Error) => void;
interface Leaking {
  dispose(): void;
}
/** Allocates right after it has marked the place; what comes back leaks. */
type Case = (mark: Mark) => Leaking;
/** A pool or an allocator, whose calls are taken by name. */
type Any = Leaking & { readonly [call: string]: (...args: unknown[]) => unknown };

/** A call, its arguments, and how its case is called where that does not say it all. */
type Call = readonly [call: string, args?: readonly unknown[], name?: string];

const POOL_CALLS: readonly Call[] = [
  ["alloc"],
  ["alloc", [VALUE], "alloc(init)"],
  ["tryAlloc"],
  ["tryAlloc", [VALUE], "tryAlloc(init)"],
  ["allocMany", [3]],
  ["scoped"],
  ["scoped", [VALUE], "scoped(init)"],
];

const BYTE_CALLS: readonly Call[] = [
  ["alloc", [8]],
  ["allocRecord", [Small]],
  ["allocRecord", [Wide, INIT], "allocRecord(init)"],
  ["allocArray", ["u8", 8]],
];

/** Makes a call right after it has marked the place. */
function direct(make: () => unknown, call: string, ...args: readonly unknown[]): Case {
  return (mark) => {
    const it = make() as Any;
    mark(new Error());
    it[call](...args);
    return it;
  };
}

/** Cases of what a class can do, with what comes first among the arguments. */
function casesOf(
  name: string,
  make: () => unknown,
  calls: readonly Call[],
  ...of: unknown[]
): Record<string, Case> {
  const [[first, its = []]] = calls;
  return {
    ...Object.fromEntries(
      calls.map(([call, args = [], shown = call]) => [
        `${name}.${shown}`,
        direct(make, call, ...of, ...args),
      ]),
    ),
    [`${name}.allocAt`]: (mark) => {
      const it = make() as Any;
      const struct = calls === BYTE_CALLS ? [Small] : of;
      const cursor = it.cursor(...struct);
      mark(new Error());
      it.allocAt(...of, cursor);
      return it;
    },
    [`${name}.${first} in a getter of another's value`]: (mark) => {
      const it = make() as Any;
      using other = new Arena({ debug });
      const value = {
        get n() {
          mark(new Error());
          it[first](...of, ...its);
          return 1;
        },
      };
      other.allocRecord(Small, value);
      return it;
    },
  };
}

function poolCases(name: string, make: () => unknown, ...of: unknown[]): Record<string, Case> {
  return {
    ...casesOf(name, make, POOL_CALLS, ...of),
    [`${name}.alloc in a callback of forEach()`]: (mark) => {
      const pool = make() as Any;
      const first = pool.alloc(...of, VALUE);
      pool.forEach(...of, () => {
        mark(new Error());
        pool.alloc(...of, VALUE);
      });
      pool.free(first);
      return pool;
    },
  };
}

const OPTIONS = { chunksPerBlock: 16, maxChunks: 1024 };
const DEBUG = { ...OPTIONS, debug };

interface Memory {
  readonly memory: MemoryResource;
  readonly debug?: typeof debug;
}

/** What takes memory of a heap in debug mode, which is what leaks, and the call that takes it. */
const GROWING: readonly (readonly [make: (options: Memory) => unknown, ...Call])[] = [
  [(it) => new Pool(Wide, { ...OPTIONS, ...it }), "alloc", [INIT], "Pool.alloc"],
  [(it) => new Pool(Wide, { ...OPTIONS, ...counted(it) }), "alloc", [], "counted Pool.alloc"],
  [(it) => new Pool(Wide, { ...OPTIONS, ...it }), "reserve", [1000]],
  [(it) => new Pool(Wide, { ...OPTIONS, ...it }), "scoped", [INIT], "Pool.scoped"],
  [(it) => new PoolSet({ ...OPTIONS, ...it, sizes: [4, 16] }), "scoped", [Small, VALUE]],
  [(it) => new ErasedPool({ ...OPTIONS, ...it, size: 16 }), "allocMany", [Small, 100]],
  [(it) => new Arena(it), "allocRecord", [Wide, INIT]],
  [(it) => new Arena(it), "allocArray", ["f32", 100]],
  [
    (it) => new Pool(Small, { ...OPTIONS, ...it, memory: new Arena(it) }),
    ...["alloc", [], "Pool.alloc in an arena"] as const,
  ],
  [
    (it) => new FreeListAllocator({ ...counted(it), byteLength: 64, grow: true }),
    ...["alloc", [1000], "FreeListAllocator.alloc"] as const,
  ],
];

function counted({ memory, ...options }: Memory): Memory {
  return { ...options, memory: countingMemory(memory) };
}

function growthCases(mode: string, options: Partial<Memory>): Record<string, Case> {
  const cases = GROWING.map(([make, call, args = [], name = call]) => [
    `${name} in ${mode} mode in a heap`,
    (mark: Mark) => {
      const memory = new FreeListAllocator({ debug });
      direct(() => make({ ...options, memory }), call, ...args)(mark);
      return memory;
    },
  ]);
  return {
    ...Object.fromEntries(cases),
    [`new StackAllocator() in ${mode} mode in a heap`]: (mark) => {
      const memory = new FreeListAllocator({ debug });
      mark(new Error());
      new StackAllocator({ ...options, memory, byteLength: 64 });
      return memory;
    },
  };
}

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

const CASES: Readonly<Record<string, Case>> = {
  ...poolCases("Pool", () => new Pool(Small, DEBUG)),
  ...poolCases("ErasedPool", () => new ErasedPool({ ...DEBUG, size: 16 }), Small),
  ...poolCases("PoolSet", () => new PoolSet({ ...DEBUG, sizes: [4, 16] }), Small),
  ...poolCases("A class that extends Pool", () => new Subpool(Small, DEBUG)),
  ...poolCases(
    "A class that extends ErasedPool",
    () => new Suberased({ ...DEBUG, size: 16 }),
    Small,
  ),
  ...poolCases("A class that extends PoolSet", () => new Subset({ ...DEBUG, sizes: [16] }), Small),
  ...casesOf("StackAllocator", () => new StackAllocator({ debug }), BYTE_CALLS),
  ...casesOf("FreeListAllocator", () => new FreeListAllocator({ debug }), BYTE_CALLS),
  ...casesOf("A class that extends FreeListAllocator", () => new Subheap({ debug }), BYTE_CALLS),
  ...growthCases("debug", { debug }),
  ...growthCases("plain", {}),
  "Pool.alloc() of forty fields": direct(() => new Pool(Wide, DEBUG), "alloc", INIT),
  "FreeListAllocator.allocate()": direct(() => new FreeListAllocator({ debug }), "allocate", 64, 8),
  "A scoped() that comes to an alloc() that calls super.alloc()": direct(
    () => new Override(Small, DEBUG),
    "scoped",
    VALUE,
  ),
  "An alloc() that calls super.alloc()": (mark) => {
    const pool = new Override(Small, DEBUG);
    pool.mark = mark;
    pool.alloc(VALUE);
    return pool;
  },
  "An allocMany() that calls super.allocMany()": (mark) => {
    const pool = new Override(Small, DEBUG);
    pool.mark = mark;
    pool.allocMany(2);
    return pool;
  },
  "FreeListAllocator.realloc()": (mark) => {
    const it = new FreeListAllocator({ debug });
    const first = it.alloc(8);
    it.alloc(8); // so that the first one moves
    mark(new Error());
    it.realloc(first, 1000);
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
