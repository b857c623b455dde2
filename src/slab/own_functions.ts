/**
 * The module's own functions, as debug mode recognises them in call stacks.
 *
 * @module
 */
import { type Reference, referTo } from "./weak.ts";

/** Objects whose functions are the module's: prototypes, mostly. */
let known: Reference<object>[] = [];
/** The same objects, to add each once. */
const isKnown = new WeakSet();
/** Collected ones are removed from `known` when it reaches this length. */
let pruneAt = 64;

/**
 * Registers functions as the module's own.
 *
 * @param owners Objects with the functions, such as the prototypes of classes.
 */
export function noteOwn(...owners: readonly object[]): void {
  for (const owner of owners) {
    if (isKnown.has(owner)) continue;
    isKnown.add(owner);
    if (known.length >= pruneAt) {
      known = known.filter((ref) => ref.deref() !== undefined);
      pruneAt = 2 * known.length + 64;
    }
    known.push(referTo(owner));
  }
}

/** @returns The objects that were registered and still exist. */
export function ownFunctions(): object[] {
  return known.flatMap((ref) => ref.deref() ?? []);
}
