/**
 * Allocation traces in the format of the malloc lab (Bryant and O'Hallaron, "Computer Systems: A Programmer's Perspective").
 *
 * ```text
 * 20000      suggested bytes of the heap      four numbers that a trace may start with, one a line
 * 3          how many ids there are
 * 5          how many operations
 * 1          weight of the trace
 * a 0 512    allocates 512 bytes, from now on known as 0
 * a 1 128
 * r 0 640    makes it 640 bytes
 * f 1        frees it
 * f 0
 * ```
 *
 * Traces of real programs are not as strict as that, so a line that can be read is replayed as C would take it:
 *
 * - `r` of an id that is not live allocates it, as `realloc(NULL, n)` does.
 * - `r` of 0 bytes frees it, as `realloc(p, 0)` does; `a` of 0 bytes, and `r` of an id that is not live, allocate a byte.
 * - `f` of an id that is not live does nothing. Where that is -1, for null, nobody is told.
 * - `a` of an id that is live frees that first.
 *
 * What a program is not likely to mean, and a header that does not agree, is counted and told as a warning. An error is only
 * what cannot be read.
 *
 * @module
 */

/** Kinds of operations. */
export const ALLOC = 0;
export const REALLOC = 1;
export const FREE = 2;

/**
 * A trace as it is replayed: only what is live is resized and freed, and only what is not is allocated. Operation `i` is in
 * place `i` of three arrays.
 */
export interface Trace {
  readonly kinds: Uint8Array;
  readonly ids: Int32Array;
  /** Bytes; 0 where it frees. */
  readonly sizes: Int32Array;
  /** One more than the largest id. */
  readonly idCount: number;
  /** The most bytes that were live after an operation. */
  readonly peakBytes: number;
  /** How many things the trace has that a program is not likely to mean. */
  readonly warningCount: number;
  /** The first of them, with file and line. */
  readonly warnings: readonly string[];
}

/** A line that cannot be read. */
export class TraceError extends Error {
  override name = "TraceError";

  constructor(file: string, line: number, problem: string) {
    super(`${file}:${line}: ${problem}`);
  }
}

/** More than a trace has, and few enough for an array of them. */
const MAX_ID = 2 ** 24;
const MAX_BYTES = 2 ** 30;

const HEADER_NUMBERS = 4;

/** Warnings that are kept. */
const MAX_WARNINGS = 10;

/**
 * Reads a trace.
 *
 * @param text Its text.
 * @param file Its name, for errors.
 * @returns The trace.
 * @throws {TraceError} when a line cannot be read, or there is no operation.
 */
export function parseTrace(text: string, file: string): Trace {
  return new TraceReader(file).read(text);
}

class TraceReader {
  readonly #file: string;
  #line = 0;
  readonly #kinds: number[] = [];
  readonly #ids: number[] = [];
  readonly #sizes: number[] = [];
  /** The numbers of the header, and the lines that they stand in. */
  readonly #header: { value: number; line: number }[] = [];
  /** Bytes of each id that is live, and the line that allocated it. */
  readonly #live = new Map<number, { bytes: number; line: number }>();
  /** The line that freed an id last. */
  readonly #freed = new Map<number, number>();
  #idCount = 0;
  #operations = 0;
  #liveBytes = 0;
  #peakBytes = 0;
  readonly #warnings: string[] = [];
  #warningCount = 0;

  constructor(file: string) {
    this.#file = file;
  }

  read(text: string): Trace {
    for (const line of text.split("\n")) {
      this.#line++;
      const words = line.trim().split(/\s+/);
      if (words[0] === "") continue;
      if (this.#operations === 0 && words.every((word) => /^\d+$/.test(word))) {
        this.#readHeader(words);
      } else this.#readOperation(words);
    }
    if (this.#operations === 0) throw this.#error("the trace has no operations");
    this.#checkHeader();
    return {
      kinds: Uint8Array.from(this.#kinds),
      ids: Int32Array.from(this.#ids),
      sizes: Int32Array.from(this.#sizes),
      idCount: this.#idCount,
      peakBytes: this.#peakBytes,
      warningCount: this.#warningCount,
      warnings: this.#warnings,
    };
  }

  #readHeader(words: readonly string[]): void {
    for (const word of words) this.#header.push({ value: Number(word), line: this.#line });
  }

  /** The suggested size and the weight could be anything. */
  #checkHeader(): void {
    const { length } = this.#header;
    if (length === 0) return;
    if (length !== HEADER_NUMBERS) {
      const problem = `the header has ${HEADER_NUMBERS} numbers or none, got ${length}`;
      return this.#warn(problem, this.#header[0].line);
    }
    const [, ids, operations] = this.#header;
    if (ids.value < this.#idCount) {
      const problem = `the header says ${ids.value} ids, from 0 on, but there is an id ${
        this.#idCount - 1
      }`;
      this.#warn(problem, ids.line);
    }
    if (operations.value !== this.#operations) {
      const problem =
        `the header says ${operations.value} operations, but there are ${this.#operations}`;
      this.#warn(problem, operations.line);
    }
  }

  #readOperation(words: readonly string[]): void {
    const [kind, id, size] = words;
    const wanted = { a: 3, r: 3, f: 2 }[kind];
    if (wanted === undefined || words.length !== wanted) {
      const got = `got "${words.join(" ")}"`;
      throw this.#error(`an operation is "a id bytes", "r id bytes" or "f id", ${got}`);
    }
    this.#operations++;
    if (kind === "f") return this.#readFree(id);
    const at = this.#number("id", id, 0, MAX_ID);
    const bytes = this.#number("number of bytes", size, 0, MAX_BYTES);
    return kind === "a" ? this.#readAlloc(at, bytes) : this.#readRealloc(at, bytes);
  }

  #readAlloc(id: number, bytes: number): void {
    const before = this.#live.get(id);
    if (before !== undefined) {
      this.#warn(`id ${id} is live since line ${before.line}, and freed before it is allocated`);
      this.#free(id, before.bytes);
    }
    this.#alloc(id, bytes);
  }

  #readRealloc(id: number, bytes: number): void {
    const allocation = this.#live.get(id);
    if (allocation === undefined) {
      const freed = this.#freed.get(id);
      if (freed !== undefined) {
        this.#warn(`id ${id} was freed in line ${freed}, and is allocated instead of resized`);
      }
      this.#alloc(id, bytes);
    } else if (bytes === 0) {
      this.#free(id, allocation.bytes);
    } else {
      this.#add(REALLOC, id, bytes, bytes - allocation.bytes);
      allocation.bytes = bytes;
    }
  }

  #readFree(text: string): void {
    if (text === "-1") return; // some traces free null, which does nothing
    const id = this.#number("id", text, 0, MAX_ID);
    const allocation = this.#live.get(id);
    if (allocation !== undefined) return this.#free(id, allocation.bytes);
    const freed = this.#freed.get(id);
    const why = freed === undefined ? "was never allocated" : `was freed in line ${freed}`;
    this.#warn(`id ${id} ${why}, and is not freed`);
  }

  #alloc(id: number, bytes: number): void {
    if (bytes === 0) this.#warn(`id ${id} is allocated with 0 bytes, and gets 1`);
    const taken = Math.max(bytes, 1);
    this.#live.set(id, { bytes: taken, line: this.#line });
    this.#add(ALLOC, id, taken, taken);
  }

  #free(id: number, bytes: number): void {
    this.#live.delete(id);
    this.#freed.set(id, this.#line);
    this.#add(FREE, id, 0, -bytes);
  }

  #add(kind: number, id: number, size: number, gainedBytes: number): void {
    this.#kinds.push(kind);
    this.#ids.push(id);
    this.#sizes.push(size);
    this.#idCount = Math.max(this.#idCount, id + 1);
    this.#liveBytes += gainedBytes;
    this.#peakBytes = Math.max(this.#peakBytes, this.#liveBytes);
  }

  #number(what: string, text: string, least: number, most: number): number {
    const value = /^\d+$/.test(text) ? Number(text) : NaN;
    if (value >= least && value <= most) return value;
    throw this.#error(`the ${what} must be an integer from ${least} to ${most}, got "${text}"`);
  }

  #warn(problem: string, line = this.#line): void {
    this.#warningCount++;
    if (this.#warningCount > MAX_WARNINGS) return;
    this.#warnings.push(`${this.#file}:${line}: ${problem}`);
  }

  #error(problem: string): TraceError {
    return new TraceError(this.#file, this.#line, problem);
  }
}
