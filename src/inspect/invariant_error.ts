/**
 * The error of all that {@linkcode validate} checks.
 *
 * @module
 */
import { InvariantError } from "../errors.ts";

/**
 * @param of What was checked: its name, and how errors call it.
 * @param problem What is inconsistent, as a sentence.
 * @param block Index of the block; -1 when it concerns no single block.
 * @returns The error.
 */
export function invariantError(
  { name, label }: { readonly name: string; readonly label: string },
  problem: string,
  block: number = -1,
): InvariantError {
  const place = block < 0 ? "" : `block ${block}: `;
  return new InvariantError(`Cannot validate ${label}: ${place}${problem}`, name, block);
}
