/**
 * Which objects are arenas and stacks. The code that reads their metadata is in `read_metadata.ts`,
 * so that bundles of programs that do not inspect them leave it out.
 *
 * @module
 */

/** All arenas. */
export const arenas: WeakSet<object> = new WeakSet();

/** All stacks. */
export const stacks: WeakSet<object> = new WeakSet();
