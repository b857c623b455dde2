/**
 * Iteration over the live records of a shared pool, in block and chunk order, while other threads go on.
 *
 * It goes through the blocks that there were when it began, and through each but once: so it ends even if every step
 * allocates.
 *
 * A plain read of a stamp cannot miss what happened before it, a free for instance, and does not tear; but it orders
 * nothing. An atomic load orders, and takes longer than a visit. So a live stamp that this thread has once seen with an
 * atomic load is read plainly: what the record was given with it has been there since. Any other is looked at again. (If a
 * chunk's compact generations all came round since this thread has looked, the stamp is taken for the one of old: then
 * nothing is ordered but by what the processor does by itself.)
 *
 * @module
 */
import type { SharedBlock } from "./block.ts";
import type { SharedSlab } from "./slab.ts";
import { FIRST_STAMP } from "./protocol.ts";
import type { HandleCodec } from "../slab/handle.ts";
import { MAX_ARGUMENTS, type Visitor } from "../slab/iterate.ts";
import { type Selection, selection } from "../slab/pack.ts";
import type { Compile } from "../struct/scalars.ts";
import type { RecordView, RecordViewClass } from "../struct/view.ts";

/** Which blocks `forEach` visits: every `of`-th, from the one at `stripe`. */
export interface Stripe {
  /** Whose turn it is, an integer from 0 to `of` - 1. */
  readonly stripe: number;
  /** How many share the pass, an integer from 1. */
  readonly of: number;
}

/**
 * Calls a function with each live record.
 *
 * @param slab Whose records.
 * @param view Moved from record to record.
 * @param fn What is called.
 * @param first Position of the first block.
 * @param step From one block to the next.
 * @param a Handed on, as many as the loop was made for; and so are `b`, `c` and `d`.
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

/** Chunks that are visited one by one after one that is dead or new: a power of two. */
const GROUP = 8;

/**
 * @param codec How handles are packed.
 * @param chunkBytes Bytes of a chunk.
 * @param args Arguments that the loop hands on.
 * @param compile Makes it.
 * @returns A loop, compiled for whoever asks.
 */
export function sharedLoopOf(
  codec: HandleCodec,
  chunkBytes: number,
  args: number,
  compile: Compile,
): SharedLoop {
  return compile(defineSharedLoop, codec, chunkBytes, args, FIRST_STAMP, GROUP);
}

/**
 * Makes what `loop(fn)` gives.
 *
 * @param slab Whose records are passed over.
 * @param View Class of their views.
 * @param fn What is called with each record.
 * @param first Position of the first block.
 * @param step From one block to the next.
 * @param makeLoop Makes the loop for a number of arguments.
 * @returns A function that passes over the records, with loops that were compiled for `fn`.
 */
export function sharedLoopFunction(
  slab: SharedSlab,
  View: RecordViewClass,
  fn: Visitor,
  first: number,
  step: number,
  makeLoop: (args: number) => SharedLoop,
): (...args: unknown[]) => void {
  // A loop for each number of arguments that it is called with, nearly always one.
  const loops: (SharedLoop | undefined)[] = [];
  const spareViews: RecordView[] = [];
  return function (a?: unknown, b?: unknown, c?: unknown, d?: unknown) {
    slab.checkThere();
    const count = Math.min(arguments.length, MAX_ARGUMENTS);
    const loop = loops[count] ??= makeLoop(count);
    const view = spareViews.pop() ?? new View(slab.unbound, 0);
    loop(slab, view, fn, first, step, a, b, c, d);
    spareViews.push(view);
  };
}

/**
 * Selects the records that a pass would visit at this moment, to be packed.
 *
 * @param slab Whose records.
 * @param first Position of the first block.
 * @param step From one block to the next.
 * @returns The selection.
 */
export function selectShared(slab: SharedSlab, first: number, step: number): Selection {
  const blocks = slab.mappedBlocks();
  selection.start(blocks);
  for (let i = first; i < blocks.length; i += step) {
    const block = blocks[i];
    const { stamps, chunkCount } = block;
    for (let chunk = 0; chunk < chunkCount; chunk++) {
      if ((stamps[chunk] & 1) === 1 && (block.look(chunk) & 1) === 1) selection.add(i, chunk);
    }
  }
  return selection;
}

/**
 * The text of a loop, which is compiled anew for each: nothing in it is free but its parameters.
 *
 * The first record of a run stands before the inner loop, as in a slab, and for the same reason; any that this thread has
 * not seen goes by itself.
 */
function defineSharedLoop(
  codec: HandleCodec,
  chunkBytes: number,
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

  /** Visits the rest of a group of chunks one by one, and passes over the dead ones behind it; tells how far that came. */
  function visitGroup(
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
      if ((stamps[chunk] & 1) === 0) continue;
      const stamp = block.look(chunk);
      if ((stamp & 1) === 0) continue;
      view._b = block;
      view._o = chunk * chunkBytes | 0;
      visit(fn, view, codec.encode(block.firstIndex + chunk, stamp + firstStamp), a, b, c, d);
    }
    while (chunk < end && (stamps[chunk] & 1) === 0) chunk++;
    return chunk;
  }

  return function loop(slab, view, fn, first, step, a, b, c, d) {
    const count = slab.blockCount;
    for (let position = first; position < count; position += step) {
      // The array is another one once the thread has left the pool, and then there is no block any more.
      if (position >= slab.blocks.length && !slab.map(position)) return;
      const block = slab.blocks[position];
      const stamps = block.stamps;
      const seen = block.seen;
      const firstIndex = block.firstIndex;
      const end = block.chunkCount;
      let chunk = 0;
      while (chunk < end) {
        let stamp = seen[chunk];
        if (stamps[chunk] !== stamp) {
          chunk = visitGroup(block, chunk, view, fn, a, b, c, d);
          continue;
        }
        view._b = block;
        view._o = chunk * chunkBytes | 0;
        visit(fn, view, codec.encode(firstIndex + chunk, stamp + firstStamp), a, b, c, d);
        chunk++;
        for (let at = chunk * chunkBytes | 0; chunk < end; at += chunkBytes) {
          stamp = seen[chunk];
          if (stamps[chunk] !== stamp || view._b !== block) break;
          view._o = at;
          visit(fn, view, codec.encode(firstIndex + chunk, stamp + firstStamp), a, b, c, d);
          chunk++;
        }
      }
    }
  };
}
