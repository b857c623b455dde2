/**
 * Checks of the names of options and fields: an error for an unknown one says which was probably
 * meant.
 *
 * @module
 */
import { showValue } from "./show.ts";

/** How many edits a short name may be away from the one that was meant, by its length. */
const MAX_EDITS = [0, 0, 0, 1, 2, 2, 2, 2];

/**
 * Finds the known name that was probably meant. Names that differ only in case and in `_`, `-` and
 * `$` are the same; else the one with the fewest edits is taken, and of several the first.
 *
 * @param name The name that was given.
 * @param known The known names.
 * @returns The nearest; `undefined` when none is near.
 */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  const most = MAX_EDITS[name.length] ?? 3;
  let nearest: string | undefined;
  for (let edits = 0; edits <= most && nearest === undefined; edits++) {
    nearest = known.find((it) => areWithin(edits, plainName(name), plainName(it)));
  }
  return nearest;
}

/**
 * The form in which names are compared: `max_chunks`, `maxchunks` and `_maxChunks` have the same.
 */
function plainName(name: string): string {
  return name.toLowerCase().replace(/[_$-]/g, "");
}

/**
 * Whether at most `edits` edits turn one text into the other. An edit inserts, deletes or replaces
 * a letter, or swaps it with the next (the restricted Damerau-Levenshtein distance).
 */
function areWithin(edits: number, a: string, b: string): boolean {
  if (a === b) return true;
  if (edits === 0) return false;
  if (a[0] === b[0]) return areWithin(edits, a.slice(1), b.slice(1));
  const isSwap = a[0] === b[1] && a[1] === b[0];
  return areWithin(edits - 1, a.slice(1), b) || areWithin(edits - 1, a, b.slice(1)) ||
    areWithin(edits - 1, a.slice(1), b.slice(1)) ||
    isSwap && areWithin(edits - 1, a.slice(2), b.slice(2));
}

/**
 * Says in an error that a name is unknown.
 *
 * @param noun What the name is of, such as `option`.
 * @param name The name that was given.
 * @param known The known names.
 * @returns The problem, with the name that was probably meant; with all names when none is near.
 */
export function unknownName(noun: string, name: unknown, known: readonly string[]): string {
  const meant = typeof name === "string" ? nearestName(name, known) : undefined;
  const hint = meant === undefined ? `known: ${known.join(", ")}` : `did you mean "${meant}"?`;
  return `unknown ${noun} ${showValue(name)}, ${hint}`;
}

/**
 * Checks that options have no unknown names, whatever their values.
 *
 * @param title The start of the error, such as `Cannot create Pool "bullets"`.
 * @param options The options that were given.
 * @param known Names of the options that there are.
 * @throws {TypeError} when an option is unknown, or `options` is not an object.
 */
export function checkOptions(title: string, options: object, known: readonly string[]): void {
  const problem = optionsProblem(options, known);
  if (problem !== undefined) throw new TypeError(`${title}: ${problem}`);
}

/**
 * Finds what is wrong with the names of options. Inherited options count, as they are read like own
 * ones; symbols do not.
 *
 * @param options The options that were given.
 * @param known Names of the options that there are.
 * @returns The problem; `undefined` when there is none.
 */
export function optionsProblem(options: object, known: readonly string[]): string | undefined {
  if (typeof options !== "object" || options === null) {
    return `options must be an object, got ${showValue(options)}`;
  }
  for (const name in options) {
    // A program may have added properties to Object.prototype, which every object inherits.
    if (known.includes(name) || name in Object.prototype) continue;
    return unknownName("option", name, known);
  }
  return undefined;
}

/**
 * Makes the start of an error from a `name` that was not checked yet.
 *
 * @param title The start without the name, such as `Cannot create Pool`.
 * @param name The option.
 * @param otherwise The default name.
 * @returns The title with the name; without one where `name` is not a string.
 */
export function titleWith(title: string, name: unknown, otherwise: string): string {
  if (name === undefined) return `${title} "${otherwise}"`;
  return typeof name === "string" ? `${title} "${name}"` : title;
}
