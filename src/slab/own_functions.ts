/**
 * The module's own functions, as debug mode recognises them in call stacks.
 *
 * @module
 */
import { type Reference, referTo, whenCollected } from "./weak.ts";

/** Objects whose functions are the module's: prototypes, mostly. */
const known = new Set<Reference<object>>();
/** The same objects, to add each once. */
const isKnown = new WeakSet();

/**
 * Registers functions as the module's own.
 *
 * @param owners Objects with the functions, such as the prototypes of classes.
 */
export function noteOwn(...owners: readonly object[]): void {
  for (const owner of owners) {
    if (isKnown.has(owner)) continue;
    isKnown.add(owner);
    const ref = referTo(owner);
    known.add(ref);
    whenCollected(owner, () => known.delete(ref));
  }
}

/** @returns The objects that were registered and still exist. */
export function ownFunctions(): object[] {
  return [...known].flatMap((ref) => ref.deref() ?? []);
}
