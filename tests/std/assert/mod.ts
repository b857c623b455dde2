/**
 * Stands in for the real `@std/assert`, because JSR cannot be reached from every machine that builds
 * this project. It has only what the tests use, with the names and the meaning of the real package,
 * so the tests pass unchanged with either. To run them against the real one:
 * `deno unlink @std/assert @std/testing`.
 *
 * The two judge some values differently, which tests therefore do not compare with `assertEquals`:
 * 0 and -0, objects without a prototype, two errors of equal message, private fields.
 *
 * @module
 */

import nodeAssert from "node:assert";

/** Thrown by every assertion that fails. */
export class AssertionError extends Error {
  override name = "AssertionError";
}

/** Fails. */
export function fail(msg?: string): never {
  throw new AssertionError(withNote("This was not to be reached", msg));
}

/** Asserts that a value is truthy. */
export function assert(expr: unknown, msg = ""): asserts expr {
  if (!expr) throw new AssertionError(msg);
}

/** Asserts that two values are deeply equal: of the same classes, with the same own properties. */
export function assertEquals<T>(actual: T, expected: T, msg?: string): void {
  viaNode(() => nodeAssert.deepStrictEqual(actual, expected), msg);
}

/** Asserts that two values are not deeply equal. */
export function assertNotEquals<T>(actual: T, expected: T, msg?: string): void {
  viaNode(() => nodeAssert.notDeepStrictEqual(actual, expected), msg);
}

/** Asserts that two values are the same one, as `Object.is` has it. */
export function assertStrictEquals<T>(
  actual: unknown,
  expected: T,
  msg?: string,
): asserts actual is T {
  viaNode(() => nodeAssert.strictEqual(actual, expected), msg);
}

/** Asserts that two numbers differ by `tolerance` at most: by default, 1e-7 of the expected one. */
export function assertAlmostEquals(
  actual: number,
  expected: number,
  tolerance: number = Number.isFinite(expected) ? Math.abs(expected * 1e-7) : 1e-7,
  msg?: string,
): void {
  const isNear = Object.is(actual, expected) || Math.abs(expected - actual) <= tolerance;
  if (!isNear) failOn(actual, "is not near", expected, msg);
}

/** Asserts that `actual > expected`. */
export function assertGreater<T>(actual: T, expected: T, msg?: string): void {
  if (!(actual > expected)) failOn(actual, "is not above", expected, msg);
}

/** Asserts that `actual >= expected`. */
export function assertGreaterOrEqual<T>(actual: T, expected: T, msg?: string): void {
  if (!(actual >= expected)) failOn(actual, "is below", expected, msg);
}

/** Asserts that `actual < expected`. */
export function assertLess<T>(actual: T, expected: T, msg?: string): void {
  if (!(actual < expected)) failOn(actual, "is not below", expected, msg);
}

/** Asserts that `actual <= expected`. */
export function assertLessOrEqual<T>(actual: T, expected: T, msg?: string): void {
  if (!(actual <= expected)) failOn(actual, "is above", expected, msg);
}

/** Asserts that a string contains another. */
export function assertStringIncludes(actual: string, expected: string, msg?: string): void {
  if (!actual.includes(expected)) failOn(actual, "does not contain", expected, msg);
}

/** Asserts that a string matches a pattern. */
export function assertMatch(actual: string, expected: RegExp, msg?: string): void {
  if (!expected.test(actual)) failOn(actual, "does not match", expected, msg);
}

/** A class, of which nothing but `instanceof` is asked. */
// deno-lint-ignore no-explicit-any -- `unknown` would refuse constructors that take arguments
type Class<T> = abstract new (...args: any[]) => T;

/** Asserts that a value is an instance of a class. */
export function assertInstanceOf<T>(
  actual: unknown,
  expected: Class<T>,
  msg?: string,
): asserts actual is T {
  if (actual instanceof expected) return;
  const what = `${Deno.inspect(actual)} is no instance of ${expected.name}`;
  throw new AssertionError(withNote(what, msg));
}

/** Asserts that a function throws, and returns what it threw. */
export function assertThrows(fn: () => unknown, msg?: string): unknown;
/** Asserts that a function throws an error of this class, whose message contains `msgIncludes`. */
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  errorClass: Class<E>,
  msgIncludes?: string,
  msg?: string,
): E;
export function assertThrows(
  fn: () => unknown,
  ...expected: Expectation
): unknown {
  try {
    fn();
  } catch (thrown) {
    return checkThrown(thrown, expected);
  }
  throw new AssertionError(withNote("The function did not throw", noteOf(expected)));
}

/** Asserts that a function returns a promise that is rejected, and resolves to the reason. */
export function assertRejects(fn: () => PromiseLike<unknown>, msg?: string): Promise<unknown>;
/** Asserts that it is rejected with an error of this class, whose message contains `msgIncludes`. */
export function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  errorClass: Class<E>,
  msgIncludes?: string,
  msg?: string,
): Promise<E>;
export async function assertRejects(
  fn: () => PromiseLike<unknown>,
  ...expected: Expectation
): Promise<unknown> {
  let promise: PromiseLike<unknown>;
  try {
    promise = fn();
  } catch (thrown) {
    const what = withNote("The function threw before it returned a promise", noteOf(expected));
    throw new AssertionError(what, { cause: thrown });
  }
  if (typeof promise?.then !== "function") {
    throw new AssertionError(withNote("The function returned no promise", noteOf(expected)));
  }
  try {
    await promise;
  } catch (reason) {
    return checkThrown(reason, expected);
  }
  throw new AssertionError(withNote("The promise was not rejected", noteOf(expected)));
}

type Expectation = [
  classOrMsg?: Class<Error> | string | undefined,
  msgIncludes?: string | undefined,
  msg?: string | undefined,
];

function checkThrown(thrown: unknown, expected: Expectation): unknown {
  const [errorClass, msgIncludes = ""] = expected;
  if (typeof errorClass !== "function") return thrown;
  const note = noteOf(expected);
  assertInstanceOf(thrown, Error, note);
  assertInstanceOf(thrown, errorClass, note);
  assertStringIncludes(thrown.message, msgIncludes, note);
  return thrown;
}

/** The caller's own message: the first argument where no class is given, the third where one is. */
function noteOf([classOrMsg, , msg]: Expectation): string | undefined {
  return typeof classOrMsg === "string" ? classOrMsg : msg;
}

function failOn(actual: unknown, complaint: string, expected: unknown, msg?: string): never {
  const what = `${Deno.inspect(actual)} ${complaint} ${Deno.inspect(expected)}`;
  throw new AssertionError(withNote(what, msg));
}

function withNote(what: string, msg: string | undefined): string {
  return msg ? `${what}: ${msg}` : `${what}.`;
}

/** Node's assertions word a deep difference well; only the class of what they throw is not ours. */
function viaNode(assertion: () => void, msg: string | undefined): void {
  try {
    assertion();
  } catch (error) {
    throw new AssertionError(withNote((error as Error).message, msg));
  }
}
