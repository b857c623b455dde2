/**
 * Stands in for the `types` module of the real `@std/testing`, because JSR cannot be reached from
 * every machine that builds this project. It has only what the tests use, with the names and the
 * meaning of the real package, so the tests pass unchanged with either. To run them against the real
 * one: `deno unlink @std/assert @std/testing`.
 *
 * @module
 */

/** Asserts, when the types are checked, that a type is the boolean literal that is passed. */
export function assertType<T extends boolean>(_expected: T): void {}

/** A type error where `Expected` is not what `T` is. */
export type Assert<T extends boolean, _Expected extends T> = never;

/** A type error where `T` is not `true`. */
export type AssertTrue<_T extends true> = never;

/** A type error where `T` is not `false`. */
export type AssertFalse<_T extends false> = never;

/** Is `T` the type `any`? It alone makes an intersection with `1` wide enough for 0. */
export type IsAny<T> = 0 extends T & 1 ? true : false;

/** Is `T` the type `never`? */
export type IsNever<T> = [T] extends [never] ? true : false;

/** Is `T` the type `unknown`? */
export type IsUnknown<T> = IsAny<T> extends true ? false : unknown extends T ? true : false;

/** Does `T` take `null` or `undefined`? */
export type IsNullable<T> = IsNever<Extract<T, null | undefined>> extends true ? false : true;

/** Is `U` among the members of the union `T`? */
export type Has<T, U> = IsAny<T> extends true ? true
  : IsAny<U> extends true ? false
  : IsNever<Extract<T, U>> extends true ? false
  : true;

/** Is `U` not among the members of the union `T`? */
export type NotHas<T, U> = Has<T, U> extends true ? false : true;

/** Are the two the same type? As with the real one, `readonly` makes no difference. */
export type IsExact<T, U> = IsMutual<T, U> extends true ? IsMutual<MarkAny<T>, MarkAny<U>> : false;

/** Wrapped in tuples, so that a union is compared as a whole and not member by member. */
type IsMutual<T, U> = [T] extends [U] ? [U] extends [T] ? true : false : false;

/**
 * `any` fits every type both ways; a mark in its place fits none but itself. The depth is bounded,
 * since a type that holds itself would never end.
 */
type MarkAny<T, Depth extends 0[] = []> = IsAny<T> extends true ? { isAny: never }
  : Depth["length"] extends 8 ? T
  : { [K in keyof T]-?: MarkAny<T[K], [...Depth, 0]> };
