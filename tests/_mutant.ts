/**
 * What a planted bug is. To add some, add a group for the file; each `find` has to occur just once in it.
 *
 * @module
 */

/** A small fault. */
export interface Mutant {
  /** File in `src/`. */
  readonly file: string;
  /** What is wrong then, in a line. */
  readonly what: string;
  /** Text that occurs once in the file, and what stands there instead. */
  readonly find: string;
  readonly replace: string;
  /** Test files that are likely to see it, in `tests/`; they run first. One that is not there is passed over. */
  readonly first: readonly string[];
}

/** Faults of one file. */
export function of(
  file: string,
  first: readonly string[],
  faults: readonly Omit<Mutant, "file" | "first">[],
): Mutant[] {
  return faults.map((fault) => ({ ...fault, file, first }));
}
