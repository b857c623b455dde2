/**
 * Checks of arguments that all kinds of pools share, apart from the class that most extend, so that
 * a bundle of the others leaves that class out.
 *
 * @module
 */
import { MAX_ARGUMENTS, type Visitor } from "../slab/iterate.ts";
import { type AnyStruct, type Fields, Struct } from "../struct/schema.ts";

/**
 * Returns the struct that a pool was asked to store.
 *
 * @param type A struct, or the fields of one.
 * @returns The struct.
 * @throws {SchemaError} when the fields are not those of a struct.
 */
export function asStruct(type: AnyStruct | Fields): AnyStruct {
  return type instanceof Struct ? type : new Struct(type as Fields);
}

/** The slab or slabs of a pool that was called, for its errors. */
export interface Called {
  readonly label: string;
  checkThere(): void;
}

/**
 * Makes the error for an argument of the wrong type.
 *
 * @param slab The slab of the pool that was called.
 * @param verb What the call does.
 * @param problem What is wrong with the argument, as the predicate of "the argument".
 * @returns The error.
 * @throws {DisposedError} when the pool was disposed of: that comes first.
 */
export function viewError(slab: Called, verb: string, problem: string): TypeError {
  slab.checkThere();
  return new TypeError(`Cannot ${verb} in ${slab.label}: the argument ${problem}`);
}

/**
 * Checks that an argument is a function.
 *
 * @param slab The slab of the pool that was called.
 * @param verb What the call does.
 * @param fn The argument.
 * @throws {TypeError} when it is none.
 */
export function checkFunction(slab: Called, verb: string, fn: unknown): void {
  if (typeof fn !== "function") throw viewError(slab, verb, "must be a function");
}

/**
 * Checks the callback of `loop`.
 *
 * @param slab The slab of the pool that was called.
 * @param fn The argument.
 * @throws {TypeError} when it is no function, or takes more arguments than a loop hands on, which
 * would be `undefined`.
 */
export function checkLoop(slab: Called, fn: unknown): void {
  checkFunction(slab, "loop", fn);
  const { length } = fn as Visitor; // as was just checked
  if (length <= 2 + MAX_ARGUMENTS) return;
  const most = `a view, a handle and at most ${MAX_ARGUMENTS} arguments of the call`;
  throw viewError(slab, "loop", `must be a function of ${most}, got one of ${length} arguments`);
}
