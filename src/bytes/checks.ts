/**
 * Checks of the options of byte allocators, and of sizes and alignments.
 *
 * @module
 */
import { DEBUG_VALUES, isDebugOption } from "../slab/debug_mode.ts";
import { checkOptions, titleWith } from "../messages/nearest.ts";
import { showValue } from "../messages/show.ts";
import { MAX_ALIGN } from "../memory/region.ts";
import type { MemoryResource } from "../memory/resource.ts";

/** The most bytes of an extent: typed arrays over it are indexed with 31 bits. */
export const MAX_EXTENT_BYTES = 0x4000_0000;

/** The fewest bytes that an allocator takes from its resource at once. */
const MIN_EXTENT_BYTES = 64;

/**
 * Checks that an allocator knows all options that it was given.
 *
 * @typeParam O The options.
 * @param kind Class of the allocator.
 * @param defaultName Its name if the options have none.
 * @param options As the user passed them.
 * @param own The options that only this class has.
 * @throws {TypeError} when there is an unknown option, or `options` is no object.
 */
export function checkByteOptions<O extends { readonly name?: string | undefined }>(
  kind: string,
  defaultName: string,
  options: O,
  own: Readonly<Record<Exclude<keyof O, "name" | "memory" | "debug">, true>>,
): void {
  const title = titleWith(`Cannot create ${kind}`, options?.name, defaultName);
  checkOptions(title, options, ["name", "memory", "debug", ...Object.keys(own)]);
}

/**
 * Checks the options that all byte allocators have.
 *
 * @param kind Class of the allocator.
 * @param name Its name.
 * @param memory Where its memory comes from.
 * @param debug Whether it is in debug mode.
 * @returns How errors name it, `Arena "frame"`.
 * @throws {TypeError} when one of them has the wrong type.
 */
export function checkSource(
  kind: string,
  name: string,
  memory: MemoryResource,
  debug: unknown,
): string {
  if (typeof name !== "string") throw optionError(kind, "name", "a string", name);
  const label = `${kind} "${name}"`;
  if (!isDebugOption(debug)) throw optionError(label, "debug", DEBUG_VALUES, debug);
  if (typeof memory?.allocate === "function" && typeof memory.release === "function") return label;
  throw optionError(label, "memory", "an object with allocate and release", memory);
}

/**
 * Checks an option that is the size of an extent.
 *
 * @param label How errors name the allocator.
 * @param option Name of the option.
 * @param bytes Its value.
 * @throws {RangeError} when it is no integer from 64 to 2^30.
 */
export function checkExtentBytes(label: string, option: string, bytes: number): void {
  if (Number.isInteger(bytes) && bytes >= MIN_EXTENT_BYTES && bytes <= MAX_EXTENT_BYTES) return;
  const must = `an integer from ${MIN_EXTENT_BYTES} to ${MAX_EXTENT_BYTES}`;
  throw new RangeError(
    `Cannot create ${label}: ${option} must be ${must}, got ${showValue(bytes)}`,
  );
}

/**
 * @param label How errors name the allocator.
 * @param option Name of the option.
 * @param must What it must be.
 * @param got What it was.
 * @returns The error for an option of the wrong type.
 */
export function optionError(label: string, option: string, must: string, got: unknown): TypeError {
  return new TypeError(`Cannot create ${label}: ${option} must be ${must}, got ${showValue(got)}`);
}

/**
 * Checks a number of bytes or elements.
 *
 * @param label How errors name the allocator.
 * @param verb What the caller does, `alloc`.
 * @param what What the number is, `size`.
 * @param n The number.
 * @throws {RangeError} when it is no positive integer.
 */
export function checkPositive(label: string, verb: string, what: string, n: number): void {
  if (Number.isInteger(n) && n > 0) return;
  throw new RangeError(
    `Cannot ${verb} in ${label}: the ${what} must be a positive integer, got ${showValue(n)}`,
  );
}

/**
 * Checks an alignment.
 *
 * @param label How errors name the allocator.
 * @param verb What the caller does, `alloc`.
 * @param align The alignment in bytes.
 * @throws {RangeError} when it is no power of two from 1 to 4096.
 */
export function checkAlign(label: string, verb: string, align: number): void {
  const isWhole = Number.isInteger(align) && align > 0 && align <= MAX_ALIGN;
  if (isWhole && (align & align - 1) === 0) return;
  const must = `a power of two from 1 to ${MAX_ALIGN}`;
  throw new RangeError(
    `Cannot ${verb} in ${label}: the alignment must be ${must}, got ${showValue(align)}`,
  );
}
