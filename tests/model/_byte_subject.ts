/**
 * Byte allocators for the soak: arena, stack and heap, every way to fit, on every kind of memory, in debug mode and out
 * of it.
 *
 * @module
 */
import {
  Arena,
  type Fit,
  type FreeIndexKind,
  FreeListAllocator,
  StackAllocator,
} from "../../mod.ts";
import { ArenaSubject } from "./_arena_subject.ts";
import { HeapSubject, StackSubject } from "./_freeing_subject.ts";
import type { Random } from "./_random.ts";
import type { Maker, Subject } from "./_soak.ts";
import { type Source, SOURCES } from "./_sources.ts";

type MakeSubject = (random: Random, source: Source, debug: boolean) => Subject;

const ALLOCATORS: Readonly<Record<string, MakeSubject>> = {
  Arena(random, source, debug) {
    const arena = new Arena({
      blockBytes: someBlock(random, source),
      memory: source.memory,
      debug,
    });
    return new ArenaSubject(arena, source, debug);
  },
  StackAllocator(random, source, debug) {
    const byteLength = someBlock(random, source);
    const stack = new StackAllocator({ byteLength, memory: source.memory, debug });
    return new StackSubject(stack, source, debug);
  },
  "first fit": heapMaker("first", "list"),
  "next fit": heapMaker("next", "list"),
  "best fit in a list": heapMaker("best", "list"),
  "worst fit": heapMaker("worst", "list"),
  "best fit in a tree": heapMaker("best", "tree"),
};

function heapMaker(fit: Fit, index: FreeIndexKind): MakeSubject {
  return (random, source, debug) => {
    const grow = random.oneIn(2);
    const byteLength = someBlock(random, source);
    const { memory } = source;
    const heap = new FreeListAllocator({ byteLength, fit, index, grow, memory, debug });
    return new HeapSubject(heap, source, debug, grow);
  };
}

/** One maker for each kind of byte allocator, fit and memory, with debug mode and without. */
export const BYTES: readonly Maker[] = Object.entries(ALLOCATORS).flatMap(([kind, makeSubject]) =>
  [false, true].flatMap((debug) =>
    Object.entries(SOURCES).map(([memory, makeSource]) => ({
      name: `${kind} (${memory}${debug ? ", debug" : ""})`,
      turn: debug ? 250 : 1000, // as each takes so much longer
      make: (random: Random): Subject => makeSubject(random, makeSource(random), debug),
    }))
  )
);

/** Bytes of a block, where there are so many. */
function someBlock(random: Random, { firstBytes }: Source): number {
  return Math.min(random.pick([64, 250, 1000, 4096, 32_768]), firstBytes);
}
