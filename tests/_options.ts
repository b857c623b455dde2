/**
 * The command line of the soaks.
 *
 * @module
 */
import { parseArgs } from "node:util";

/** Reads options that are numbers from 0. One that is unknown, or no number, ends the program. */
export function numbersOf<K extends string>(...names: readonly K[]): Partial<Record<K, number>> {
  const options = Object.fromEntries(names.map((name) => [name, { type: "string" } as const]));
  try {
    const { values } = parseArgs({ args: Deno.args, options });
    const numbers = Object.entries(values).map(([name, text]) => [name, Number(text || NaN)]);
    const bad = numbers.find(([, number]) => !((number as number) >= 0));
    if (bad !== undefined) throw new TypeError(`--${bad[0]} must be a number from 0`);
    return Object.fromEntries(numbers);
  } catch (error) {
    console.error(
      `${(error as Error).message}\nOptions: ${names.map((it) => `--${it} N`).join(" ")}`,
    );
    Deno.exit(2);
  }
}

/** Writes a number with separators. */
export function show(n: number): string {
  return Math.round(n).toLocaleString("en-US");
}
