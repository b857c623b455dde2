/**
 * What the tests of own code share: whether code can be compiled, and which texts are.
 *
 * @module
 */
import { assertThrows } from "@std/assert";

/** Whether code can be compiled here; it cannot under `--disallow-code-generation-from-strings`. */
export const CAN_COMPILE: boolean = canCompile();

function canCompile(): boolean {
  try {
    return new Function("return true")();
  } catch {
    return false;
  }
}

/** Defines a test that needs code to be compiled. */
export function withCode(name: string, fn: () => void | Promise<void>): void {
  Deno.test({ name, fn, ignore: !CAN_COMPILE });
}

/** The module, as a worker loads it. */
export type Module = typeof import("../../mod.ts");

/** What has code, and makes `configure()` throw. */
export const LATE: Readonly<Record<string, (mod: Module) => unknown>> = {
  "a Pool": ({ Pool }) => new Pool({ n: "u32" }),
  "a Pool that shares": ({ Pool }) => new Pool({ n: "u32" }, { specialize: false }),
  "a Pool of debug mode": ({ Pool, debug }) => new Pool({ n: "u32" }, { debug }),
  "an ErasedPool": ({ ErasedPool }) => new ErasedPool({ size: 4 }),
  "a PoolSet": ({ PoolSet }) => new PoolSet({ sizes: [4, 8] }),
  "a SharedPool": ({ SharedPool, struct }) => SharedPool.create(struct({ n: "u32" })),
  "a view of an Arena": ({ Arena, struct }) =>
    new Arena().allocRecord(struct({ n: "u32" }), { n: 1 }),
  "pools that threw": throwing,
};

function throwing({ ErasedPool, Pool, PoolSet, SharedPool, struct }: Module): void {
  const Word = struct({ n: "u32" });
  const makers = [
    () => new Pool(Word, { chunksPerBlock: 3 }),
    () => new Pool({ n: "u99" as never }),
    () => new ErasedPool({ size: 4, chunksPerBlock: 3 }),
    () => new PoolSet({ sizes: [4, 8], chunksPerBlock: 3 }),
    () => new PoolSet({ sizes: [2], types: [Word] }),
    () => SharedPool.create(Word, { chunksPerBlock: 3 }),
  ];
  for (const make of makers) assertThrows(make);
}

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
    const compile = (target: FunctionConstructor, args: unknown[]) => {
      note(args);
      return Reflect.construct(target, args);
    };
    const watched = new Proxy(Function, {
      construct: compile,
      apply: (target, _self, args) => compile(target, args),
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
