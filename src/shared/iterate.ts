/**
 * Iteration over the live records of a shared pool, in block and chunk order, while other threads
 * allocate and free.
 *
 * A pass visits the blocks that exist when it begins, each once. So it ends even where every visit
 * allocates.
 *
 * A plain read of a stamp does not tear, and it sees every write that happened before it, such as a
 * free; but it does not order other accesses. An atomic load does, and takes longer than a whole
 * visit. So each thread loads a live stamp atomically once. While the stamp stays the same, plain
 * reads are enough: the first load ordered this thread after the alloc of the record. (One case is
 * not ordered: the chunk went through all its compact generations since the thread last looked, so
 * that the stamp has the old value again.)
 *
 * @module
 */
import type { SharedBlock } from "./block.ts";
import type { SharedSlab } from "./slab.ts";
import { FIRST_STAMP } from "./protocol.ts";
import { type HandleEncoder, MAX_ARGUMENTS, type Visitor } from "../slab/iterate.ts";
import type { Selection } from "../slab/pack.ts";
import type { Compile } from "../struct/scalars.ts";
import type { RecordView, RecordViewClass } from "../struct/view.ts";

/**
 * Calls a function with each live record.
 *
 * @param slab The slab.
 * @param view The view that is moved from record to record.
 * @param fn The function.
 * @param first Position of the first block.
 * @param step Blocks from one to the next.
 * @param a First further argument of `fn`; it gets as many of `a` to `d` as the loop was made for.
 */
export type SharedLoop = (
  slab: SharedSlab,
  view: RecordView,
  fn: Visitor,
  first: number,
  step: number,
  a?: unknown,
  b?: unknown,
  c?: unknown,
  d?: unknown,
) => void;

/**
 * After a chunk that is dead or was not seen, the chunks up to the next multiple of this are
 * visited one by one.
 */
const GROUP = 8;

/**
 * Makes a loop with code of its own.
 *
 * @param handles Encodes the handles that the function gets.
 * @param chunkUnits From one record to the next, in units of the view.
 * @param args Number of further arguments that the loop passes to its function, 0 to 4.
 * @param compile Compiles it.
 * @returns The loop.
 */
export function sharedLoopOf(
  handles: HandleEncoder,
  chunkUnits: number,
  args: number,
  compile: Compile,
): SharedLoop {
  return compile(defineSharedLoop, handles, chunkUnits, args, FIRST_STAMP, GROUP);
}

/**
 * Makes the function that `SharedPool.loop(fn)` returns.
 *
 * @param slab The slab.
 * @param View Class of its views.
 * @param fn The function that is called with each record.
 * @param first Position of the first block.
 * @param step Blocks from one to the next.
 * @param findLoop Compiles or finds the loop for a number of further arguments.
 * @returns A function that visits the records by loops of its own.
 */
export function sharedLoopFunction(
  slab: SharedSlab,
  View: RecordViewClass,
  fn: Visitor,
  first: number,
  step: number,
  findLoop: (args: number) => SharedLoop,
): (...args: unknown[]) => void {
  // One loop for each number of arguments; most functions are always called with the same number.
  const loops: (SharedLoop | undefined)[] = [];
  const spareViews: RecordView[] = [];
  return function (a?: unknown, b?: unknown, c?: unknown, d?: unknown) {
    slab.checkThere();
    const count = Math.min(arguments.length, MAX_ARGUMENTS);
    const loop = loops[count] ??= findLoop(count);
    const view = spareViews.pop() ?? new View(slab.unbound, 0);
    loop(slab, view, fn, first, step, a, b, c, d);
    spareViews.push(view);
  };
}

/**
 * Selects the records to pack: those that a pass would visit at this moment.
 *
 * @param slab The slab.
 * @param selection Receives the records.
 * @param first Position of the first block.
 * @param step Blocks from one to the next.
 */
export function selectShared(
  slab: SharedSlab,
  selection: Selection,
  first: number,
  step: number,
): void {
  const blocks = slab.mappedBlocks();
  selection.start(blocks);
  for (let i = first; i < blocks.length; i += step) {
    const block = blocks[i];
    const { stamps, chunkCount } = block;
    for (let chunk = 0; chunk < chunkCount; chunk++) {
      if ((stamps[chunk] & 1) === 1 && (block.look(chunk) & 1) === 1) selection.add(i, chunk);
    }
  }
}

/**
 * Defines a loop. Its text is compiled anew for each loop, so it uses nothing but its parameters.
 *
 * Records whose stamp this thread has seen are visited in runs.
 */
function defineSharedLoop(
  handles: HandleEncoder,
  chunkUnits: number,
  args: number,
  firstStamp: number,
  group: number,
): SharedLoop {
  const visit = args === 0
    ? function (fn: Visitor, view: RecordView, handle: number) {
      fn(view, handle);
    }
    : args === 1
    ? function (fn: Visitor, view: RecordView, handle: number, a: unknown) {
      fn(view, handle, a);
    }
    : function (
      fn: Visitor,
      view: RecordView,
      handle: number,
      a: unknown,
      b: unknown,
      c: unknown,
      d: unknown,
    ) {
      if (args === 2) fn(view, handle, a, b);
      else if (args === 3) fn(view, handle, a, b, c);
      else fn(view, handle, a, b, c, d);
    };

  /**
   * Visits the rest of a group of chunks one by one, and skips dead ones behind it; returns the
   * next chunk.
   */
  function visitGroup(
    slab: SharedSlab,
    block: SharedBlock,
    from: number,
    view: RecordView,
    fn: Visitor,
    a: unknown,
    b: unknown,
    c: unknown,
    d: unknown,
  ): number {
    const stamps = block.stamps;
    const end = block.chunkCount;
    const groupEnd = Math.min((from | group - 1) + 1, end);
    let chunk = from;
    for (; chunk < groupEnd; chunk++) {
      if (slab.disposed) return end;
      if ((stamps[chunk] & 1) === 0) continue;
      const stamp = block.look(chunk);
      if ((stamp & 1) === 0) continue;
      view._b = block;
      view._o = chunk * chunkUnits | 0;
      visit(fn, view, handles.encode(block.firstIndex + chunk, stamp + firstStamp), a, b, c, d);
    }
    while (chunk < end && (stamps[chunk] & 1) === 0) chunk++;
    return chunk;
  }

  return function loop(slab, view, fn, first, step, a, b, c, d) {
    const count = slab.blockCount;
    for (let position = first; position < count; position += step) {
      // `fn` may have disposed of the pool, which empties `blocks`.
      if (position >= slab.blocks.length && !slab.map(position)) return;
      const block = slab.blocks[position];
      const stamps = block.stamps;
      const seen = block.seen;
      const firstIndex = block.firstIndex;
      const end = block.chunkCount;
      let chunk = 0;
      while (chunk < end) {
        const from = chunk;
        view._b = block;
        for (let at = chunk * chunkUnits; chunk < end; at += chunkUnits) {
          const stamp = seen[chunk];
          if (stamps[chunk] !== stamp || view._b !== block) break;
          view._o = at;
          visit(fn, view, handles.encode(firstIndex + chunk, stamp + firstStamp), a, b, c, d);
          chunk++;
        }
        if (chunk === from) chunk = visitGroup(slab, block, chunk, view, fn, a, b, c, d);
      }
    }
  };
}
