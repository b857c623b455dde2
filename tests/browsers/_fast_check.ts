/**
 * The fast-check of the pages: properties run fewer times, since pages run one after the other.
 *
 * @module
 */
import fc from "fast-check";

export * from "fast-check";

/** Runs of a property at most. */
const RUNS = 15;

function assert(property: fc.IProperty<unknown>, parameters?: fc.Parameters<unknown>): void {
  const numRuns = Math.min(parameters?.numRuns ?? RUNS, RUNS);
  return fc.assert(property, { ...parameters, numRuns });
}

/** The cast makes up for the types of properties that are asynchronous. */
const fewer: typeof fc = { ...fc, assert: assert as typeof fc.assert };

export default fewer;
