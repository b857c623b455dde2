/** Where the program called the module from, in debug mode: what of a stack is shown. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { FreeListAllocator, LeakError, Pool, StackAllocator } from "../../mod.ts";
import { DEBUG, Word } from "../_debug.ts";
import { FAULTS } from "../bundles/_game.ts";
import { untyped } from "../_support.ts";

/** What a test changes of it. */
interface StackControl {
  stackTraceLimit?: number | undefined;
  captureStackTrace?: unknown;
  prepareStackTrace?: unknown;
}

/** Does something while stacks are taken in another way. */
function withStacks<R>(changes: Partial<StackControl>, fn: () => R): R {
  const control = Error as StackControl;
  const before = new Map(
    Object.keys(changes).map((key) => [key, Object.getOwnPropertyDescriptor(control, key)]),
  );
  try {
    for (const [key, value] of Object.entries(changes)) {
      if (value === undefined) delete control[key as keyof StackControl];
      else Object.defineProperty(control, key, { value, configurable: true, writable: true });
    }
    return fn();
  } finally {
    for (const [key, descriptor] of before) {
      if (descriptor === undefined) delete control[key as keyof StackControl];
      else Object.defineProperty(control, key, descriptor);
    }
  }
}

/** The stack of a record that leaks, allocated by this function. */
function leakHere(): string {
  const pool = new Pool(Word, DEBUG);
  pool.alloc({ n: 1 });
  return assertThrows(() => pool.dispose(), LeakError).leaks[0].stack;
}

Deno.test("Every leak of a game shows from its caller on what the game's own stack does", () => {
  const { [FAULTS]: faults } = globalThis as { [FAULTS]?: string };
  assertEquals(faults, "");
});

Deno.test("A leak shows its caller whatever Error.stackTraceLimit is, and leaves that alone", () => {
  for (const stackTraceLimit of [0, -1, NaN, undefined, untyped<number>("ten")]) {
    withStacks({ stackTraceLimit }, () => {
      const frames = leakHere().split("\n");
      assert(frames[0].includes("leakHere"), frames[0]);
      assert(frames.length <= 10);
      assert(Object.is((Error as StackControl).stackTraceLimit, stackTraceLimit));
      assertEquals("stackTraceLimit" in Error, stackTraceLimit !== undefined);
    });
  }
});

Deno.test("A leak shows its caller where errors are frozen", () => {
  const control = Error as StackControl;
  const limit = control.stackTraceLimit;
  Object.defineProperty(control, "stackTraceLimit", { writable: false });
  try {
    assert(leakHere().split("\n")[0].includes("leakHere"));
  } finally {
    Object.defineProperty(control, "stackTraceLimit", { value: limit, writable: true });
  }
});

Deno.test("A leak shows its caller first where the engine cannot cut stacks", () => {
  withStacks({ captureStackTrace: undefined }, () => {
    const stack = leakHere();
    assert(stack.split("\n")[0].includes("leakHere"), stack);
    assert(!stack.includes("/src/"), stack);
  });
});

Deno.test("Where the engine cannot cut stacks, and a call came past the entries, all frames are shown", () => {
  withStacks({ captureStackTrace: undefined, stackTraceLimit: 2 }, function growHere() {
    const heap = new FreeListAllocator({ debug: true });
    new Pool(Word, { memory: heap }).alloc({ n: 1 });
    const { leaks } = assertThrows(() => heap.dispose(), LeakError);
    assert(leaks[0].stack.includes("growHere"), leaks[0].stack);
  });
});

Deno.test("A program's own Error.prepareStackTrace makes the frames, whatever it gives", () => {
  const sites = withStacks({ prepareStackTrace: (_: Error, sites: unknown[]) => sites }, leakHere);
  assert(/^ {4}at .*leakHere/.test(sites), sites);
  const text = withStacks({
    prepareStackTrace: (error: Error, sites: unknown[]) => `${error}\n    at ${sites[0]}`,
  }, leakHere);
  assert(/^ {4}at .*leakHere.*$/.test(text), text);
  const none = withStacks({
    prepareStackTrace: () => {
      throw new Error("no stack");
    },
  }, leakHere);
  assert(none.includes("no function of the program"), none);
});

Deno.test("A leak that the engine itself has made says so", async () => {
  const stack = new StackAllocator({ debug: true });
  await new Promise<void>((resolve) => {
    queueMicrotask(stack.alloc.bind(stack, 8));
    queueMicrotask(resolve);
  });
  const { leaks } = assertThrows(() => stack.dispose(), LeakError);
  assert(!leaks[0].stack.includes("/src/"), leaks[0].stack);
});

Deno.test("Calls of a debug pool can be replaced, and are no enumerable members of it", () => {
  const pool = new Pool(Word, DEBUG);
  assertEquals(Object.keys(pool).filter((key) => !key.startsWith("_")), ["name", "struct"]);
  let calls = 0;
  const { alloc } = pool;
  pool.alloc = (...args) => {
    calls++;
    return alloc.apply(pool, args);
  };
  pool.scoped({ n: 1 })[Symbol.dispose]();
  assertEquals(calls, 1);
  pool.dispose();
});
