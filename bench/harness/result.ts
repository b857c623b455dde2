/** What the process of a contestant writes, and how it is read. */

/** The line with the result starts with it. */
export const MARK = "@result ";

/** What a process measured. */
export interface Result {
  /** Milliseconds of a step, for each sample. */
  readonly samples: readonly number[];
  readonly checksum: string;
  /** Resident bytes of the process. */
  readonly rssBytes?: number;
  /** Bytes of the engine's heap and of all buffers. */
  readonly heapBytes?: number;
}

/** A result with the collections that V8 traced; missing where the process was not traced. */
export interface Round extends Result {
  readonly collections?: Collections;
}

/** Garbage collections during the samples that count. */
export interface Collections {
  readonly scavenges: number;
  readonly markCompacts: number;
  /** All their pauses. */
  readonly millis: number;
}

/** @returns The result in what a process wrote; `undefined` where it has none. */
export function parseResult(stderr: string): Result | undefined {
  const line = stderr.split("\n").find((it) => it.startsWith(MARK));
  return line === undefined ? undefined : JSON.parse(line.slice(MARK.length));
}

/**
 * A line of V8's trace with its pause, and the part of the pause that was spent in steps before.
 */
const COLLECTION = /^\[\d+:.*\] +\d+ ms: .* MB, (?:pooled: [\d.]+ MB, )?([\d.]+) \/ [\d.]+ ms/;
const STEPS = /\(\+ ([\d.]+) ms in \d+ steps/;

/**
 * Counts the collections between the last two that were asked for by `gc()`. The worker asks for
 * one before and one after its samples.
 *
 * @param trace What `--trace-gc` wrote.
 * @throws {Error} when the trace has no two such collections.
 */
export function parseTrace(trace: string): Collections {
  const lines = trace.split("\n").filter((line) => COLLECTION.test(line));
  const marks = lines.flatMap((line, i) => line.includes(") testing;") ? [i] : []);
  if (marks.length < 2) throw new Error(`Cannot read the trace of collections: ${trace}`);
  const between = lines.slice(marks.at(-2)! + 1, marks.at(-1)); // there are two
  const millis = between.reduce(
    (sum, it) => sum + Number(COLLECTION.exec(it)![1]) + Number(STEPS.exec(it)?.[1] ?? 0), // all match, see above
    0,
  );
  const scavenges = between.filter((it) => it.includes(" ms: Scavenge")).length;
  return { scavenges, markCompacts: between.length - scavenges, millis };
}
