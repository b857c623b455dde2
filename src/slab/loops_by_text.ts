/**
 * Loops by text: finds the loop that was compiled for a callback by the callback's source text.
 *
 * @module
 */
/** The most texts that a pool keeps loops for, as a program may make functions without end. */
const MAX_TEXTS = 64;

/** With fewer live records, finding a loop costs more than it saves. */
const MIN_RECORDS = 16;

/** The text of a function without source, such as a bound one: `function () { [native code] }`. */
const NO_TEXT = /\{\s*\[native code\]\s*\}\s*$/;

/** @returns The source text of a function. */
export function textOf(fn: unknown): string {
  return Function.prototype.toString.call(fn);
}

/**
 * The loops of a struct and geometry, each compiled for the text of one function.
 *
 * @typeParam L The loops.
 */
export class LoopsByText<L> {
  private readonly make: (text: string) => L;
  /**
   * The loops by text. The one of `""` serves functions without a text, those with a text beyond
   * {@linkcode MAX_TEXTS}, and passes over few records.
   */
  private readonly byText = new Map<string, L>();

  /** @param make Compiles a loop for functions with a text, or for any function if it is empty. */
  constructor(make: (text: string) => L) {
    this.make = make;
  }

  /**
   * Finds the loop for a function. A callback written in place is a new function in each pass but
   * has the same text, which `toString` cuts out of the source in a fraction of a microsecond.
   *
   * @param fn The function.
   * @param size Number of live records.
   * @returns Its loop.
   */
  find(fn: unknown, size: number): L {
    const { byText } = this;
    const text = size < MIN_RECORDS ? "" : textOf(fn);
    let loop = byText.get(text);
    if (loop === undefined) {
      if (text !== "" && byText.size >= MAX_TEXTS) return this.find(fn, 0);
      loop = NO_TEXT.test(text) ? this.find(fn, 0) : this.make(text);
      byText.set(text, loop);
    }
    return loop;
  }
}

/**
 * The loops of the two functions that one pool was last iterated with. A function that stays the
 * same is found without its text, which would be a string on the heap.
 *
 * @typeParam L The loops.
 */
export class RecentLoops<L> {
  private readonly loops: LoopsByText<L>;
  private fn: unknown = undefined;
  private loop: L | undefined = undefined;
  private otherFn: unknown = undefined;
  private otherLoop: L | undefined = undefined;

  /** @param loops Finds the loops of other functions. */
  constructor(loops: LoopsByText<L>) {
    this.loops = loops;
  }

  /**
   * @param fn A function.
   * @param size Live records.
   * @returns Its loop.
   */
  find(fn: unknown, size: number): L {
    if (fn === this.fn) return this.loop!; // set together with `fn`
    if (fn === this.otherFn) return this.otherLoop!; // set together with `otherFn`
    const loop = this.loops.find(fn, size);
    if (size < MIN_RECORDS) return loop; // not kept, as the next pass may have more records
    this.otherFn = this.fn;
    this.otherLoop = this.loop;
    this.fn = fn;
    this.loop = loop;
    return loop;
  }
}
