/**
 * Stands in for the `types` module of `@std/testing` on machines that cannot reach JSR. It has what
 * the tests use, with the meaning of the real one. To run the tests with the real one:
 * `deno unlink @std/assert @std/testing`.
 *
 * @module
 */

/** Asserts, when the types are checked, that `T` is the boolean literal that is passed. */
export function assertType<T extends true | false>(_expectTrue: T): void {}

/** Whether two types are the same. As with the real one, `readonly` makes no difference. */
export type IsExact<T, U> = IsMutual<T, U> extends true ? IsMutual<MarkAny<T>, MarkAny<U>> : false;

/** Whether each type extends the other. The tuples make a union compare as a whole. */
type IsMutual<T, U> = [T] extends [U] ? [U] extends [T] ? true : false : false;

/** Whether `T` is `any`: only `any` makes an intersection with `1` that 0 extends. */
type IsAny<T> = 0 extends T & 1 ? true : false;

/**
 * Replaces `any`, which extends every type both ways, with a mark that extends only itself. The
 * depth is bounded, because a recursive type has no end.
 */
type MarkAny<T, Depth extends 0[] = []> = IsAny<T> extends true ? { isAny: never }
  : Depth["length"] extends 8 ? T
  : { [K in keyof T]-?: MarkAny<T[K], [...Depth, 0]> };
