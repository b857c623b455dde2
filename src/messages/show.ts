/**
 * How values look in errors, and how objects print in `console.log` and the REPL of Deno and Node.
 *
 * @module
 */

/** The members that Deno and Node call to print an object. */
const DENO = /* @__PURE__ */ Symbol.for("Deno.customInspect");
const NODE = /* @__PURE__ */ Symbol.for("nodejs.util.inspect.custom");

/**
 * Shows any value in an error, in a few words.
 *
 * @param value Any value.
 * @returns A string in quotes, a bigint with its `n`, "an object" or "a function" for one of those;
 * else what `String` makes of it.
 */
export function showValue(value: unknown): string {
  if (typeof value === "string") return `"${value}"`;
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "function") return "a function";
  return typeof value === "object" && value !== null ? "an object" : String(value);
}

type Inspect = (value: unknown, options?: object) => string;

/**
 * Sets how the objects of a class print, at the first call. Printing never throws: an error is
 * printed in brackets.
 *
 * Constructors call it, as a call at the top level would keep the class in every bundle.
 *
 * @typeParam T The objects.
 * @param prototype The prototype of the class.
 * @param shown Returns what is printed for an object: a string as it is, anything else as that
 * value prints.
 */
export function showAs<T>(prototype: T, shown: (it: T) => unknown): void {
  if (Object.hasOwn(prototype as object, NODE)) return;
  // Deno passes its function before the options, Node after a depth and the options.
  const value = function (this: T, first: Inspect, options: object, third?: Inspect): string {
    if (Object.hasOwn(this as object, "constructor")) return "[prototype]"; // or of a subclass
    try {
      const value = shown(this);
      return typeof value === "string" ? value : (third ?? first)(value, options);
    } catch (error) {
      return `[${(error as Error).message}]`;
    }
  };
  Object.defineProperties(prototype, { [DENO]: { value }, [NODE]: { value } });
}

/** The figures of a pool that its summary shows; a slab has them, and a set of slabs. */
interface Figures {
  readonly label: string;
  readonly disposed: boolean;
  readonly size: number;
  readonly capacity: number;
  readonly byteLength: number;
  mappedBlocks(): readonly unknown[];
}

/**
 * Describes a pool in one line.
 *
 * @param pool A slab, or several as one.
 * @param title How the line begins.
 * @returns The line.
 */
export function summary(pool: Figures, title: string = pool.label): string {
  const { size, capacity, byteLength } = pool;
  if (pool.disposed) return `${title}: disposed of`;
  const blocks = inBlocks(pool.mappedBlocks().length);
  return `${title}: ${count(size)} live of ${count(capacity)} in ${blocks}, ${bytes(byteLength)}`;
}

/**
 * Describes a byte allocator in one line.
 *
 * @param label How the line begins.
 * @param figures Its figures; `undefined` after its `dispose`.
 * @param blocks How many blocks it has.
 * @returns The line.
 */
export function byteSummary(
  label: string,
  figures: { readonly usedBytes: number; readonly byteLength: number } | undefined,
  blocks: number,
): string {
  if (figures === undefined) return `${label}: disposed of`;
  const { usedBytes, byteLength } = figures;
  return `${label}: ${bytes(usedBytes)} used of ${bytes(byteLength)} in ${inBlocks(blocks)}`;
}

function inBlocks(blocks: number): string {
  return `${count(blocks)} ${blocks === 1 ? "block" : "blocks"}`;
}

/**
 * Writes an integer with separators of thousands, `1,048,576`.
 *
 * @param n An integer.
 * @returns The text.
 */
export function count(n: number): string {
  return String(n).replace(/\B(?=(\d{3})+$)/g, ",");
}

/**
 * Writes a number of bytes in the largest unit that it reaches, `1.5 KiB`.
 *
 * @param n Bytes.
 * @returns The text.
 */
export function bytes(n: number): string {
  if (n < 1024) return `${n} bytes`;
  const power = Math.min(4, Math.floor(Math.log2(n) / 10));
  const value = n / 1024 ** power;
  return `${Number.isInteger(value) ? value : value.toFixed(1)} ${"KMGT"[power - 1]}iB`;
}
