/**
 * References that keep nothing alive, and callbacks for what was collected.
 *
 * Some edge runtimes have neither. There references keep their target, and nothing is called back,
 * so debug mode and maps that the program has dropped keep memory for longer.
 *
 * @module
 */

/** A reference, weak where the platform has weak references. */
export interface Reference<T extends object> {
  /** @returns The target; `undefined` once it was collected. */
  deref(): T | undefined;
}

/**
 * @param target An object.
 * @returns A reference to it.
 */
export function referTo<T extends object>(target: T): Reference<T> {
  return "WeakRef" in globalThis ? new WeakRef(target) : { deref: () => target };
}

/** Created by the first use, as the module must load where there is none. */
let collected: FinalizationRegistry<() => void> | undefined;

/**
 * Calls a function some time after an object was collected.
 *
 * @param target The object.
 * @param run The function, which must not refer to the object.
 */
export function whenCollected(target: object, run: () => void): void {
  if (!("FinalizationRegistry" in globalThis)) return;
  collected ??= new FinalizationRegistry((run) => run());
  collected.register(target, run);
}
