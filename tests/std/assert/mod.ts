/**
 * Stands in for `@std/assert` on machines that cannot reach JSR. It has the functions that the
 * tests use, each with the signature and the meaning of the real one, so the tests pass with
 * either. To run them with the real one: `deno unlink @std/assert @std/testing`.
 *
 * The two differ over some values, so no test compares these with `assertEquals`: 0 and -0, objects
 * without a prototype, two errors with the same message, private fields.
 *
 * @module
 */

import nodeAssert from "node:assert";
import { inspect } from "node:util";

// deno-lint-ignore no-explicit-any -- `unknown` would not accept constructors with parameters
type Constructor<T = any> = abstract new (...args: any[]) => T;

/** The error that every failed assertion throws. */
export class AssertionError extends Error {
  override name = "AssertionError";
}

/** Fails. */
export function fail(msg?: string): never {
  throw new AssertionError(withNote("Failed assertion", msg));
}

/** Asserts that a value is truthy. */
export function assert(expr: unknown, msg = ""): asserts expr {
  if (!expr) throw new AssertionError(msg);
}

/** Asserts that two values are deeply equal: of the same class, with the same own properties. */
export function assertEquals<T>(actual: T, expected: T, msg?: string): void {
  throughNode(() => nodeAssert.deepStrictEqual(actual, expected), msg);
}

/** Asserts that two values are not deeply equal. */
export function assertNotEquals<T>(actual: T, expected: T, msg?: string): void {
  throughNode(() => nodeAssert.notDeepStrictEqual(actual, expected), msg);
}

/** Asserts that two values are the same, as `Object.is` compares them. */
export function assertStrictEquals<T>(
  actual: unknown,
  expected: T,
  msg?: string,
): asserts actual is T {
  throughNode(() => nodeAssert.strictEqual(actual, expected), msg);
}

/** Asserts that `actual > expected`. */
export function assertGreater<T>(actual: T, expected: T, msg?: string): void {
  if (!(actual > expected)) failComparing(actual, "is not greater than", expected, msg);
}

/** Asserts that `actual <= expected`. */
export function assertLessOrEqual<T>(actual: T, expected: T, msg?: string): void {
  if (!(actual <= expected)) failComparing(actual, "is greater than", expected, msg);
}

/** Asserts that a string contains another. */
export function assertStringIncludes(actual: string, expected: string, msg?: string): void {
  if (!actual.includes(expected)) failComparing(actual, "does not contain", expected, msg);
}

/** Asserts that a string matches a pattern. */
export function assertMatch(actual: string, expected: RegExp, msg?: string): void {
  if (!expected.test(actual)) failComparing(actual, "does not match", expected, msg);
}

/** Asserts that a value is an instance of a class. */
export function assertInstanceOf<T extends Constructor>(
  actual: unknown,
  expectedType: T,
  msg = "",
): asserts actual is InstanceType<T> {
  if (!(actual instanceof expectedType)) {
    failComparing(actual, "is not an instance of", expectedType, msg);
  }
}

/** Asserts that a function throws, and returns what it threw. */
export function assertThrows(fn: () => unknown): unknown;
/** Asserts that a function throws an error of this class whose message contains `msgIncludes`. */
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  ErrorClass: Constructor<E>,
  msgIncludes?: string,
  msg?: string,
): E;
export function assertThrows(
  fn: () => unknown,
  ErrorClass?: Constructor<Error>,
  msgIncludes = "",
  msg?: string,
): unknown {
  try {
    fn();
  } catch (error) {
    if (ErrorClass === undefined) return error;
    assertInstanceOf(error, ErrorClass, msg);
    assertStringIncludes(error.message, msgIncludes, msg);
    return error;
  }
  throw new AssertionError(withNote("The function did not throw", msg));
}

/** Asserts that the promise of a function rejects as `assertThrows` asserts that a call throws. */
export async function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  ...expected: [ErrorClass: Constructor<E>, msgIncludes?: string, msg?: string]
): Promise<E> {
  const [outcome] = await Promise.allSettled([fn()]); // an error before there is a promise is thrown
  const call = () => {
    if (outcome.status === "rejected") throw outcome.reason;
  };
  return assertThrows(call, ...expected);
}

function failComparing(actual: unknown, how: string, expected: unknown, msg?: string): never {
  throw new AssertionError(withNote(`${inspect(actual)} ${how} ${inspect(expected)}`, msg));
}

function withNote(what: string, msg: string | undefined): string {
  return msg ? `${what}: ${msg}` : `${what}.`;
}

/** Node's assertions show a deep difference well, but throw an error of another class. */
function throughNode(assertion: () => void, msg: string | undefined): void {
  try {
    assertion();
  } catch (error) {
    throw new AssertionError(withNote((error as Error).message, msg));
  }
}
