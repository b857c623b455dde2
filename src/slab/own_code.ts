/**
 * Own code: functions that are compiled again from their text for each struct and geometry.
 *
 * Engines collect type feedback by the text of a function. If all pools share one text, its
 * feedback covers all structs at once: with six structs every property access in it is megamorphic,
 * and nothing is inlined. So the hot part of a pool is defined by `define…` functions, which take
 * everything that they need as parameters and use no other variables. `new Function` compiles the
 * text of such a function once more, and the classes that the copy defines serve one struct only.
 *
 * The text of each copy ends with a serial number, as V8 shares code and feedback between equal
 * texts. If code cannot be compiled at run time (a page whose policy lacks `unsafe-eval`, some edge
 * runtimes), or a build tool has put calls of its own helpers into the text, the function itself is
 * called instead: the results are the same, only the feedback is shared.
 *
 * @module
 */
import { checkOptions } from "../messages/nearest.ts";
import { showValue } from "../messages/show.ts";
import type { Compile } from "../struct/scalars.ts";
import { whenCollected } from "./weak.ts";

/**
 * The most structs and geometries with copies; further ones share code, as copies cost memory and
 * time.
 */
const MAX_OWNERS = 64;

/** The `specialize` that the program configured. */
let isWanted = true;
/** Whether code can be compiled at run time; `undefined` until the first pool needs to know. */
let isAllowed: boolean | undefined;
/** Whether a pool exists, after which `configure` throws. */
let isDecided = false;
/** Structs and geometries that have copies. */
let owners = 0;
/** Serial number of the last copy. */
let serial = 0;

/**
 * The settings of {@linkcode configure}.
 *
 * @category Configuration
 */
export interface Configuration {
  /** `false`: never compile code at run time. @default {true} */
  readonly specialize?: boolean | undefined;
}

/**
 * Configures the module; call it before the first pool is made.
 *
 * Use it to switch off run-time compilation for the whole program, for instance under a content
 * security policy that reports every attempt. For one pool alone use its option `specialize`.
 *
 * @category Configuration
 * @param options The settings; those left out get their defaults.
 * @throws {TypeError} when an option is unknown or has the wrong type.
 * @throws {Error} when a pool exists already.
 *
 * @example Under a strict content security policy
 * ```ts ignore
 * import { configure } from "@slabs/pool";
 *
 * configure({ specialize: false });
 * ```
 */
export function configure(options: Configuration): void {
  checkOptions("Cannot configure", options, ["specialize"]);
  const { specialize = true } = options;
  if (typeof specialize !== "boolean") {
    throw new TypeError(
      `Cannot configure: specialize must be a boolean, got ${showValue(specialize)}`,
    );
  }
  if (isDecided) {
    throw new Error(
      `Cannot configure specialize: ${specialize}: a pool exists already, configure before the first one`,
    );
  }
  isWanted = specialize;
}

/**
 * Tells whether pools have code of their own, for tests and reports.
 *
 * @category Configuration
 * @returns `"own"` if pools compile their hot paths for their struct; `"shared"` if they share the
 * module's, because {@linkcode configure} said so or because code cannot be compiled here. Before
 * the first pool it is what was configured, as nothing is compiled until then.
 *
 * @example Usage
 * ```ts
 * import { Pool, specialization } from "@slabs/pool";
 *
 * using pool = new Pool({ hp: "u8" });
 * console.log(specialization());
 * ```
 */
export function specialization(): "own" | "shared" {
  return isWanted && isAllowed !== false ? "own" : "shared";
}

/**
 * Chooses how the code of one struct and geometry is compiled.
 *
 * @param title Its name in stack traces and profiles.
 * @param isOwn Whether it may have copies, which the module's configuration must allow as well.
 * @returns Compiles, or just calls, each `define…` function.
 */
export function compilerFor(title: string, isOwn: boolean): Compile {
  isDecided = true;
  if (!mayCompile(isOwn)) return callDirectly;
  owners++;
  return ownCompiler(title);
}

function mayCompile(isOwn: boolean): boolean {
  return isOwn && isWanted && owners < MAX_OWNERS && canCompile();
}

/**
 * Finds code, or makes it: for the first time, or again, since it shares and can have copies now
 * that other structs were collected.
 *
 * @param made The code that was made so far.
 * @param key Key of the code.
 * @param isOwn Whether it may have copies.
 * @param make Makes the code.
 * @returns The code.
 */
export function codeIn<C extends { readonly compile: Compile }>(
  made: Map<string, C>,
  key: string,
  isOwn: boolean,
  make: () => C,
): C {
  let code = made.get(key);
  if (code === undefined || code.compile === callDirectly && mayCompile(isOwn)) {
    made.set(key, code = make());
  }
  return code;
}

/**
 * Like {@linkcode compilerFor}, for code that is kept with a struct. It counts towards the limit of
 * copies only until the struct is collected.
 *
 * @param struct The struct, which is shown by its name, or by its fields if it has none.
 * @param isOwn Whether it may have copies.
 * @returns Compiles, or just calls, each `define…` function.
 */
export function compilerForStruct(
  struct: { readonly name: string; readonly fields: object },
  isOwn: boolean,
): Compile {
  const compile = compilerFor(struct.name || Object.keys(struct.fields).join("."), isOwn);
  if (compile !== callDirectly) whenCollected(struct, releaseOwner);
  return compile;
}

function releaseOwner(): void {
  owners--;
}

/** Calls the function itself, so that its classes share code with all others that it defines. */
export const callDirectly: Compile = (define, ...args) => define(...args);

/**
 * Characters of a title in the text of a copy: without a name it lists the fields, and engines are
 * slow with many texts that are long and alike.
 */
const MAX_TITLE = 64;

function ownCompiler(title: string): Compile {
  const url = title.slice(0, MAX_TITLE).replace(/[^\w$.-]+/g, "_");
  return (define, ...args) => {
    if (isAllowed) {
      try {
        return copyOf(define, args, url)(...args);
      } catch (error) {
        // A build tool has changed the text, probably of all functions. Any other error is thrown
        // again by the call below.
        if (error instanceof ReferenceError || error instanceof SyntaxError) isAllowed = false;
      }
    }
    return define(...args);
  };
}

/** Compiles the text of a function again. */
function copyOf<F>(define: F & { name: string }, args: readonly unknown[], url: string): F {
  const number = ++serial;
  const text = `"use strict"; return (${withLiterals(`${define}`, args)}); // ${number}\n` +
    `//# sourceURL=slabs/${url}/${define.name}-${number}.js`;
  return new Function(text)() as F; // the text is that of `define`
}

/** The parameters of an arrow function. */
const ARROW = /^\(?([\w$,\s]*?)\)?\s*=>/;

/** A name, with a dot if it is that of a property. */
const NAME = /\.?[A-Za-z_$][\w$]*/g;

/** A shift by zero, but not the rest of `>>>`. */
const NO_SHIFT = /([^<>\s])\s*(?:<<|>>)\s*0\b/g;

/**
 * Writes arguments that are numbers or strings as literals into the text of an arrow function, and
 * leaves out shifts by zero. Accessors are arrow functions, as each byte of bytecode counts there:
 * a variable takes three more than a literal.
 *
 * @param text Text of a function; changed only if it is an arrow function. An inner function with
 * parameters must use every outer one that becomes a literal, or a minifier may reuse its name.
 * @param args Its arguments.
 * @returns The text, with the same result for these arguments.
 */
function withLiterals(text: string, args: readonly unknown[]): string {
  const head = ARROW.exec(text);
  if (head === null) return text;
  const literals = new Map(head[1].split(",").map((name, i) => [name.trim(), args[i]]));
  const body = text.slice(head[0].length).replace(NAME, (name) => {
    const value = literals.get(name);
    return typeof value === "number" || typeof value === "string" ? JSON.stringify(value) : name;
  });
  return head[0] + body.replace(NO_SHIFT, "$1");
}

function canCompile(): boolean {
  if (isAllowed === undefined) {
    try {
      isAllowed = new Function("return true")() === true;
    } catch {
      isAllowed = false;
    }
  }
  return isAllowed;
}
