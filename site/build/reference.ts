/**
 * The reference: every export of the module, from its doc comments.
 *
 * @module
 */

/** Writes the pages of the reference. */
export async function writeReference(_dist: URL): Promise<void> {
}
