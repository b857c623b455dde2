/** What processes tell, and what is made of it. Nothing is started here. */

/** The line with the result starts with it. */
export const MARK = "@result ";

/** What one process of a contestant measured. */
export interface Result {
  /** Milliseconds of a step. */
  readonly samples: readonly number[];
  readonly checksum: string;
  /** Of the whole process. */
  readonly rssBytes?: number;
  /** Of the engine's heap and all buffers. */
  readonly heapBytes?: number;
}

/** Collections while the samples that count were taken. */
export interface Collections {
  readonly count: number;
  /** How long they held the program up, in all. */
  readonly millis: number;
}

/** What all processes of a contestant measured, on one runtime. */
export interface Figures {
  readonly scenario: string;
  readonly contestant: string;
  readonly runtime: Runtime;
  /** Milliseconds of a step, in ascending order. */
  readonly samples: readonly number[];
  /** The worst sample of each process, the least of them: whatever else the machine does can only add to it. */
  readonly worst: number;
  /** The mean of each process, the median of them. */
  readonly mean: number;
  /** All steps of each process, the median of them. */
  readonly total: number;
  readonly checksum: string;
  readonly rssBytes?: number;
  readonly heapBytes?: number;
  /** Of all frames; else of one process, the mean of them, the count rounded up, so that none is lost. */
  readonly collections?: Collections;
}

/** Where a contestant runs. */
export type Runtime = "deno" | "node" | "bun";

/** The result in what a process wrote; `undefined` where it has none. */
export function parseResult(stderr: string): Result | undefined {
  const line = stderr.split("\n").find((it) => it.startsWith(MARK));
  return line === undefined ? undefined : JSON.parse(line.slice(MARK.length));
}

/** A line of V8's trace, with the pause; and the part of it that was done in steps before. */
const COLLECTION = /^\[\d+:.*\] +\d+ ms: .* MB, (?:pooled: [\d.]+ MB, )?([\d.]+) \/ [\d.]+ ms/;
const STEPS = /\(\+ ([\d.]+) ms in \d+ steps/;
/** A collection that was asked for by `gc()`. */
const ASKED_FOR = /\) testing;/;

/**
 * Counts the collections in V8's trace between the last two that were asked for, as the worker does before and after it
 * measures.
 *
 * @param trace What `--trace-gc` wrote.
 * @returns How many there were, and their pauses in all; `undefined` where there are no two marks.
 */
export function parseTrace(trace: string): Collections | undefined {
  const lines = trace.split("\n").filter((line) => COLLECTION.test(line));
  const marks = lines.flatMap((line, i) => ASKED_FOR.test(line) ? [i] : []);
  if (marks.length < 2) return undefined;
  const between = lines.slice(marks.at(-2)! + 1, marks.at(-1)); // there are two
  const millis = between.reduce(
    (sum, line) => sum + Number(COLLECTION.exec(line)![1]) + Number(STEPS.exec(line)?.[1] ?? 0), // it matched above
    0,
  );
  return { count: between.length, millis };
}

/**
 * @param sorted Values in ascending order, one at the least.
 * @param q From 0 to 1.
 * @returns The value that a share of `q` is below.
 */
export function quantile(sorted: readonly number[], q: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))];
}

/** @returns The value in the middle; 0 of none. */
export function median(values: readonly number[]): number {
  return values.length === 0 ? 0 : quantile(values.toSorted((a, b) => a - b), 0.5);
}

/** The mean; 0 of none. */
function mean(values: readonly number[]): number {
  return values.reduce((sum, it) => sum + it, 0) / Math.max(1, values.length);
}

/** Who measured, and the results of all processes. */
export interface Measured {
  readonly scenario: string;
  readonly contestant: string;
  readonly runtime: Runtime;
  readonly results: readonly Result[];
  readonly collections: readonly Collections[];
  /** Whether all processes count together, or each for itself. */
  readonly together: boolean;
}

/** Puts the results of a contestant's processes together. */
export function figuresOf({ results, collections, together, ...who }: Measured): Figures {
  const samples = results.flatMap((it) => it.samples).sort((a, b) => a - b);
  const bytes = (key: "rssBytes" | "heapBytes") =>
    results[0][key] === undefined ? {} : { [key]: median(results.map((it) => it[key]!)) }; // as the first has it
  return {
    ...who,
    samples,
    worst: Math.min(...results.map((it) => it.samples.reduce((a, b) => Math.max(a, b), 0))),
    mean: median(results.map((it) => mean(it.samples))),
    total: median(results.map((it) => it.samples.reduce((a, b) => a + b, 0))),
    checksum: results[0].checksum,
    ...bytes("rssBytes"),
    ...bytes("heapBytes"),
    ...collections.length === 0 ? {} : { collections: inAll(collections, together) },
  };
}

function inAll(collections: readonly Collections[], together: boolean): Collections {
  const processes = together ? 1 : collections.length;
  return {
    count: Math.ceil(collections.reduce((sum, it) => sum + it.count, 0) / processes),
    millis: collections.reduce((sum, it) => sum + it.millis, 0) / processes,
  };
}

/**
 * Throws unless all contestants of a scenario came to the same, in every process and on every runtime. All fields are exact in an
 * f32, and their sums in a number, so that there is no tolerance.
 *
 * @throws {Error} naming two that differ.
 */
export function checkAgreed(
  scenario: string,
  sums: readonly { who: string; checksum: string }[],
): void {
  const odd = sums.find(({ checksum }) => checksum !== sums[0].checksum);
  if (odd === undefined) return;
  throw new Error(
    `${scenario}: the work was not the same: ${sums[0].who} came to "${
      sums[0].checksum
    }", ${odd.who} to "${odd.checksum}"`,
  );
}
