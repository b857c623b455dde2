/**
 * What the tests of own code share: whether code can be compiled, and which texts are.
 *
 * @module
 */

/** Whether code can be compiled here; it cannot under `--disallow-code-generation-from-strings`. */
export const CAN_COMPILE: boolean = canCompile();

function canCompile(): boolean {
  try {
    return new Function("return true")();
  } catch {
    return false;
  }
}

/** What has code, and makes `configure()` throw. */
export const LATE = [
  "a Pool",
  "a Pool that shares",
  "a Pool of debug mode",
  "an ErasedPool",
  "a PoolSet",
  "a SharedPool",
  "a view of an Arena",
] as const;

/** Records every text that is compiled, from now on until it is disposed of. */
export class Watch implements Disposable {
  /** The texts, in order. */
  readonly texts: string[] = [];
  readonly #plain = { Function, eval: globalThis.eval };

  /**
   * @param makeError Makes the error to throw instead of compiling, as under a content security
   * policy.
   */
  constructor(makeError?: () => Error) {
    const note = (args: unknown[]) => {
      this.texts.push(String(args.at(-1)));
      if (makeError !== undefined) throw makeError();
    };
    const watched = new Proxy(Function, {
      construct(target, args) {
        note(args);
        return Reflect.construct(target, args);
      },
      apply(target, _self, args) {
        note(args);
        return Reflect.construct(target, args);
      },
    });
    const evaluate = this.#plain.eval;
    this.#set(watched, (text: string) => {
      note([text]);
      return evaluate(text);
    });
  }

  [Symbol.dispose](): void {
    this.#set(this.#plain.Function, this.#plain.eval);
  }

  #set(made: FunctionConstructor, evaluate: typeof globalThis.eval): void {
    Object.assign(globalThis, { Function: made, eval: evaluate });
    Object.defineProperty(this.#plain.Function.prototype, "constructor", { value: made });
  }
}

/**
 * @param run Any function.
 * @returns The texts that it compiled.
 */
export function textsOf(run: () => void): string[] {
  using watch = new Watch();
  run();
  return watch.texts;
}
