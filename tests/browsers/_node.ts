/**
 * What the assertions need of Node, for pages.
 *
 * @module
 */
import { stringify } from "fast-check";

/** Shows a value. */
export function inspect(value: unknown): string {
  return stringify(value);
}

/** The assertions of Node that `tests/std` stands on. */
const nodeAssert = {
  deepStrictEqual(actual: unknown, expected: unknown): void {
    if (!isEqual(actual, expected)) throwFor(actual, "is not", expected);
  },
  notDeepStrictEqual(actual: unknown, expected: unknown): void {
    if (isEqual(actual, expected)) throwFor(actual, "is", expected);
  },
  strictEqual(actual: unknown, expected: unknown): void {
    if (!Object.is(actual, expected)) throwFor(actual, "is not the same as", expected);
  },
};

export default nodeAssert;

function throwFor(actual: unknown, how: string, expected: unknown): never {
  throw new Error(`${inspect(actual).slice(0, 1000)} ${how} ${inspect(expected).slice(0, 1000)}`);
}

/** Whether two values are deeply equal: of the same class, with the same own properties. */
function isEqual(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false;
  if (a instanceof Error && a.message !== (b as Error).message) return false; // of one class
  if (a instanceof ArrayBuffer || a instanceof SharedArrayBufferOrNothing) {
    return isEqual(new Uint8Array(a), new Uint8Array(b as ArrayBuffer)); // of one class
  }
  if (a instanceof Set) return isEqual([...a].sort(), [...b as typeof a].sort()); // of primitives
  if (a instanceof Map) {
    const other = b as typeof a; // of one class
    return a.size === other.size &&
      [...a].every(([key, value]) => other.has(key) && isEqual(value, other.get(key)));
  }
  const keys = keysOf(a);
  return keys.length === keysOf(b).length && keys.every((key) => {
    const [x, y] = [a, b] as Record<PropertyKey, unknown>[];
    return Object.hasOwn(y, key) && isEqual(x[key], y[key]);
  });
}

/** The class, which pages that are not isolated lack. */
const SharedArrayBufferOrNothing = globalThis.SharedArrayBuffer ?? class {};

function keysOf(value: object): PropertyKey[] {
  return Reflect.ownKeys(value).filter((key) =>
    Object.prototype.propertyIsEnumerable.call(value, key)
  );
}
