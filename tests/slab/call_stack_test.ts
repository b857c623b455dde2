/** Where the program called the module from, in debug mode: which frames of a stack are shown. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  debug,
  FreeListAllocator,
  LeakError,
  Pool,
  PoolSet,
  StackAllocator,
  struct,
} from "../../mod.ts";
import { FAULTS } from "../bundles/_game.ts";
import { withProperties } from "../_support.ts";

const Word = struct({ n: "u32" }, { name: "Word" });

/** Properties of `Error` that tests change; those that are `undefined` are deleted. */
type Changes = Record<string, PropertyDescriptor | undefined>;

/** A limit on the length of stacks. */
function limited(value: unknown): Changes {
  return { stackTraceLimit: value === undefined ? value : { value, writable: true } };
}

/** The stack of a record that leaks, allocated by this function. */
function leakHere(): string {
  const pool = new Pool(Word, { debug });
  pool.alloc({ n: 1 });
  return assertThrows(() => pool.dispose(), LeakError).leaks[0].stack;
}

Deno.test("Every leak of a game shows from its caller on what the game's own stack does", () => {
  const { [FAULTS]: faults } = globalThis as { [FAULTS]?: string };
  assertEquals(faults, "");
});

Deno.test("A leak shows its caller first, however stacks are taken, and leaves that alone", () => {
  const ways: Changes[] = [
    ...[0, -1, NaN, undefined, "ten"].map(limited),
    { captureStackTrace: undefined }, // where the engine cannot cut stacks
    { stackTraceLimit: { value: 10, writable: false } }, // where errors are frozen
  ];
  for (const way of ways) {
    withProperties(Error, way, () => {
      const frames = leakHere().split("\n");
      assert(frames[0].includes("leakHere"), frames[0]);
      assert(frames.length <= 10 && !frames.join().includes("/src/"), `${frames}`);
      for (const [name, change] of Object.entries(way)) {
        assert(Object.is(Reflect.get(Error, name), change?.value));
        assertEquals(name in Error, change !== undefined);
      }
    });
  }
});

Deno.test("A leak has as many frames as Error.stackTraceLimit says, from any depth", () => {
  const dig = (depth: number, alloc: () => void): void =>
    depth === 0 ? alloc() : dig(depth - 1, alloc);
  const FRAMES = [[1, 1], [5, 5], [20, 20], [undefined, 10]] as const;
  for (const [stackTraceLimit, frames] of FRAMES) {
    withProperties(Error, limited(stackTraceLimit), () => {
      const set = new PoolSet({ debug, sizes: [4, 8] });
      dig(40, () => set.scoped(Word, { n: 1 }));
      const { leaks } = assertThrows(() => set.dispose(), LeakError);
      assertEquals(leaks[0].stack.split("\n").length, frames);
      assert(!leaks[0].stack.includes("/src/"), leaks[0].stack);
      assertEquals<unknown>(Reflect.get(Error, "stackTraceLimit"), stackTraceLimit);
    });
  }
});

Deno.test("A leak shows a caller that the engine called, so that nothing else is on the stack", async () => {
  const heap = new FreeListAllocator({ debug });
  await new Promise<void>((resolve) => {
    Promise.resolve().then(function growLater() {
      new Pool(Word, { memory: heap }).alloc({ n: 1 });
      resolve();
    });
  });
  const { leaks } = assertThrows(() => heap.dispose(), LeakError);
  assertEquals(leaks.map(({ stack }) => /growLater/.exec(stack)?.[0]), ["growLater"]);
});

Deno.test("All frames are shown where the engine cannot cut stacks, and a call bypassed the entries", () => {
  withProperties(Error, { captureStackTrace: undefined, ...limited(2) }, function growHere() {
    const heap = new FreeListAllocator({ debug });
    new Pool(Word, { memory: heap }).alloc({ n: 1 });
    const { leaks } = assertThrows(() => heap.dispose(), LeakError);
    assert(leaks[0].stack.includes("growHere"), leaks[0].stack);
  });
});

Deno.test("A program's own Error.prepareStackTrace makes the frames, whatever it gives", () => {
  if ("fileName" in new Error()) return; // Firefox does not call it
  const preparedBy = (value: (error: Error, sites: unknown[]) => unknown) =>
    withProperties(Error, { prepareStackTrace: { value } }, leakHere);
  const sites = preparedBy((_, sites) => sites);
  assert(/^ {4}at .*leakHere/.test(sites), sites);
  const text = preparedBy((error, sites) => `${error}\n    at ${sites[0]}`);
  assert(/^ {4}at .*leakHere.*$/.test(text), text);
  const none = preparedBy(() => {
    throw new Error("no stack");
  });
  assert(none.includes("no function of the program"), none);
});

Deno.test("A leak that the engine itself caused shows no frame of the module", async () => {
  const stack = new StackAllocator({ debug });
  await new Promise<void>((resolve) => {
    queueMicrotask(stack.alloc.bind(stack, 8));
    queueMicrotask(resolve);
  });
  const { leaks } = assertThrows(() => stack.dispose(), LeakError);
  assert(!leaks[0].stack.includes("/src/"), leaks[0].stack);
});

Deno.test("Calls of a debug pool can be replaced, and are no enumerable members of it", () => {
  const pool = new Pool(Word, { debug });
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
