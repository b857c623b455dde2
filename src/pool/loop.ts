/**
 * What `loop(fn)` gives.
 *
 * @module
 */
import type { Iteration, Visitor } from "../slab/iterate.ts";
import type { Slab } from "../slab/slab.ts";
import type { RecordView } from "../struct/view.ts";
import { checkFunction } from "./pool_base.ts";

/** How the records of a slab are passed over, and through what. */
export interface Passing {
  readonly iteration: Iteration;
  makeView(): RecordView;
}

/**
 * @typeParam A Types of the arguments.
 * @param slabs Whose records are passed over, one slab after the other.
 * @param passing How, for each of them.
 * @param fn What is called with each record.
 * @returns A function that passes over all records, with loops that were compiled for `fn`.
 */
export function loopFunction<A extends unknown[]>(
  slabs: readonly Slab[],
  passing: readonly Passing[],
  fn: unknown,
): (...args: A) => void {
  for (const slab of slabs) slab.checkUsable("loop");
  checkFunction(slabs[0], "loop", fn);
  const calls = slabs.map((slab, i) => {
    const { iteration, makeView } = passing[i];
    return iteration.call(slab, fn as Visitor, makeView); // as was just checked
  });
  return calls.length === 1 ? calls[0] : function () {
    for (let i = 0; i < slabs.length; i++) slabs[i].checkUsable("iterate");
    for (let i = 0; i < calls.length; i++) {
      // As with forEach(), a pass ends where its function disposes of the pool.
      if (!slabs[i].disposed) calls[i].apply(undefined, arguments as unknown as A);
    }
  };
}
