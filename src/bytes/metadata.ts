/**
 * Which objects are arenas and stacks. Reading their metadata is apart, in `read_metadata.ts`, so
 * that programs that do not inspect them go without it.
 *
 * @module
 */

/** All arenas. */
export const arenas: WeakSet<object> = new WeakSet();

/** All stacks. */
export const stacks: WeakSet<object> = new WeakSet();
