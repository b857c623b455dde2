/**
 * The loops of a struct and geometry: those that are compiled for one callback, and those that are
 * found by the callback's source text.
 *
 * @module
 */

/** The most texts that a pool keeps loops for, as a program may make functions without end. */
const MAX_TEXTS = 64;

/** With fewer live records, finding a loop costs more than it saves. */
const MIN_RECORDS = 16;

/** The text of a function without source, such as a bound one: `function () { [native code] }`. */
const NO_TEXT = /\{\s*\[native code\]\s*\}\s*$/;

/** The most functions that `loop()` compiles loops for, as V8 keeps their texts for a long time. */
const MAX_OWN = 256;

/**
 * Instead of a number of arguments: the loop frees the records for which its callback returns a
 * falsy value.
 */
export const RETAIN = -1;

/** The text of an arrow function with one plain parameter, which cannot see a second argument. */
const TAKES_ONE = /^(?:\(\s*[\w$]+\s*\)|[\w$]+)\s*=>/;

/**
 * Tells whether a callback can do without the handle. V8 would compute the handle for each record,
 * which takes a tenth of a pass.
 *
 * @param text The text of the callback; empty if it is not known.
 * @returns Whether it cannot see a second argument.
 */
function takesViewAlone(text: string): boolean {
  return TAKES_ONE.test(text);
}

/** @returns The source text of a function. */
function textOf(fn: unknown): string {
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
 * Compiles a loop for a number of extra arguments, 0 to 4 or {@linkcode RETAIN}, and for callbacks
 * that take the view alone or not. Those that do may get 0 as the handle.
 */
export type MakeLoop<L> = (args: number, isViewAlone: boolean) => L;

/**
 * The loops of an iteration, for each number of arguments that they pass on.
 *
 * @typeParam L The loops.
 */
export class Loops<L> {
  private readonly make: MakeLoop<L>;
  private readonly byArgs: LoopsByText<L>[] = [];
  /** How many more functions get loops of their own. */
  private left = MAX_OWN;

  /** @param make Compiles a loop. */
  constructor(make: MakeLoop<L>) {
    this.make = make;
  }

  /**
   * @param args A number of extra arguments, or {@linkcode RETAIN}.
   * @returns The loops by the texts of their callbacks.
   */
  byText(args: number): LoopsByText<L> {
    return this.byArgs[args - RETAIN] ??= new LoopsByText((text) =>
      this.make(args, takesViewAlone(text))
    );
  }

  /** @returns Whether one more callback of `loop()` may have loops of its own. */
  takeOwn(): boolean {
    return this.left-- > 0;
  }

  /**
   * @param fn A callback.
   * @param isOwn Whether its loops are compiled for it alone.
   * @returns Compiles or finds its loop for a number of extra arguments.
   */
  finderFor(fn: unknown, isOwn: boolean): (args: number) => L {
    return isOwn
      ? (args) => this.make(args, takesViewAlone(textOf(fn)))
      : (args) => this.byText(args).find(fn, Infinity);
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
