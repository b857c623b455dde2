/**
 * How values look in errors, and how objects print in `console.log` and the REPL of Deno and Node.
 *
 * @module
 */

/** The members that Deno and Node ask an object for before they print it. */
const DENO = Symbol.for("Deno.customInspect");
const NODE = Symbol.for("nodejs.util.inspect.custom");

/**
 * Shows any value in an error, in a few words.
 *
 * @param value Any value.
 * @returns A text in quotes, "an object" for what is one, and all else as `String` writes it.
 */
export function showValue(value: unknown): string {
  if (typeof value === "string") return `"${value}"`;
  if (typeof value === "bigint") return `${value}n`;
  return typeof value === "object" && value !== null ? "an object" : String(value);
}

type Inspect = (value: unknown, options?: object) => string;

/**
 * Makes every object of a class print as something else.
 *
 * @typeParam T The objects.
 * @param prototype The prototype of the class.
 * @param shown What is printed in the place of one: text as it is, anything else as that prints.
 */
export function showAs<T>(prototype: T, shown: (it: T) => unknown): void {
  const print = (it: T, inspect: Inspect, options: object) => {
    if (Object.hasOwn(it as object, "constructor")) return "[prototype]"; // this one, or that of a class that extends it
    try {
      const value = shown(it);
      return typeof value === "string" ? value : inspect(value, options);
    } catch (error) {
      return `[${(error as Error).message}]`; // who prints a value wants no error of it
    }
  };
  Object.defineProperty(prototype, DENO, {
    value(this: T, inspect: Inspect, options: object) {
      return print(this, inspect, options);
    },
  });
  Object.defineProperty(prototype, NODE, {
    value(this: T, _depth: number, options: object, inspect: Inspect) {
      return print(this, inspect, options);
    },
  });
}

/** What there is to be told of a pool. */
interface Summed {
  readonly label: string;
  readonly disposed: boolean;
  readonly size: number;
  readonly capacity: number;
  readonly byteLength: number;
  mappedBlocks(): readonly unknown[];
}

/**
 * @param all The slabs of a pool, at least one.
 * @returns What there is to be told of all of them together.
 */
export function together(all: readonly Summed[]): Summed {
  const sum = (figure: (it: Summed) => number) => all.reduce((sum, it) => sum + figure(it), 0);
  return {
    label: all[0].label,
    disposed: all[0].disposed,
    size: sum((it) => it.size),
    capacity: sum((it) => it.capacity),
    byteLength: sum((it) => it.byteLength),
    mappedBlocks: () => all.flatMap((it) => it.mappedBlocks()),
  };
}

/**
 * @param pool A pool's slab, or several together.
 * @param title What it is called.
 * @param width Columns at the most, for which the title is cut.
 * @returns One line about it.
 */
export function summary(
  pool: Summed,
  title: string = pool.label,
  width: number = Infinity,
): string {
  const blocks = pool.mappedBlocks().length;
  const figures = pool.disposed
    ? "disposed of"
    : `${count(pool.size)} live of ${count(pool.capacity)} in ${count(blocks)} ${
      blocks === 1 ? "block" : "blocks"
    }, ${bytes(pool.byteLength)}`;
  return `${cut(title, width - figures.length - 2)}: ${figures}`;
}

/** The beginning of a text, but never half of a surrogate pair. */
function cut(text: string, width: number): string {
  if (text.length <= width) return text;
  return `${text.slice(0, width - 1).replace(/[\ud800-\udbff]$/, "")}…`;
}

/**
 * @param n An integer.
 * @returns It with its thousands set apart.
 */
export function count(n: number): string {
  return n.toLocaleString("en-US");
}

/**
 * @param n Bytes.
 * @returns As many, in the unit that suits.
 */
export function bytes(n: number): string {
  if (n < 1024) return `${n} bytes`;
  const units = ["KiB", "MiB", "GiB", "TiB"];
  const power = Math.min(units.length, Math.floor(Math.log2(n) / 10));
  const value = n / 2 ** (10 * power);
  return `${Number.isInteger(value) ? value : value.toFixed(1)} ${units[power - 1]}`;
}

/**
 * @param label What a byte allocator is called.
 * @param figures Its figures; `undefined` where it was disposed of.
 * @param blocks How many it has.
 * @param width Columns at the most, for which the label is cut.
 * @returns One line about it.
 */
export function byteSummary(
  label: string,
  figures: { readonly usedBytes: number; readonly byteLength: number } | undefined,
  blocks: number,
  width: number = Infinity,
): string {
  const told = figures === undefined
    ? "disposed of"
    : `${bytes(figures.usedBytes)} used of ${bytes(figures.byteLength)} in ${count(blocks)} ${
      blocks === 1 ? "block" : "blocks"
    }`;
  return `${cut(label, width - told.length - 2)}: ${told}`;
}
