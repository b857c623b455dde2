/**
 * Own code: texts that are compiled again for each struct and geometry.
 *
 * An engine keeps what it learns of types with the text of a function. One text for all pools learns of all structs at once:
 * with six of them every property access in it is slow, and nothing is inlined. So the hot part of a pool is a set of functions
 * that define classes and functions, take all that they need as parameters, and have nothing free in them. `new Function` compiles the
 * source of such a function once more, and what it defines is for one struct alone.
 *
 * The text of each copy carries a number, since V8 gives the same text the same code, and with it the same knowledge. Where
 * code may not be made (a page without `unsafe-eval` in its policy, some edge runtimes) the function itself is called: the same
 * results, with shared speed. The same goes for where a build tool has put helpers of its own into the text.
 *
 * @module
 */
import { checkOptions } from "../messages/nearest.ts";
import type { Compile } from "../struct/scalars.ts";

/** Structs and geometries that get copies; further ones share the text, as each copy takes memory and time to compile. */
const MAX_OWNERS = 64;

/** What the program asked for. */
let isWanted = true;
/** Whether code can be made; `undefined` until the first pool wants to know. */
let isAllowed: boolean | undefined;
/** Whether a pool exists, so that it is too late to ask. */
let isDecided = false;
let owners = 0;
let serial = 0;

/** What {@linkcode configure} sets. */
export interface Configuration {
  /** `false`: never compile code at run time. @default {true} */
  readonly specialize?: boolean;
}

/**
 * Configures the module, once, before the first pool.
 *
 * @param options What to set.
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
      `Cannot configure: specialize must be a boolean, got ${String(specialize)}`,
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
 * Tells whether pools have code of their own.
 *
 * @returns `"own"` when pools compile their hot paths for their struct, `"shared"` when they share the module's: because
 * {@linkcode configure} said so, or since code cannot be made here. Before the first pool it is what was asked for, as nothing is tried
 * until then.
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
 * Decides how the code of one struct and geometry is made.
 *
 * @param title What stack traces and profiles call it.
 * @param isOwn Whether it may have copies; the module's configuration has to allow that as well.
 * @returns What makes each part of it.
 */
export function compilerFor(title: string, isOwn: boolean): Compile {
  isDecided = true;
  if (!isOwn || !isWanted || owners >= MAX_OWNERS || !canCompile()) return callDirectly;
  owners++;
  return ownCompiler(title);
}

/**
 * As {@linkcode compilerFor}, for what is kept with a struct. The copies count until the struct is collected.
 *
 * @param struct The struct; its name is shown, or its fields where it has none.
 * @param isOwn Whether it may have copies.
 * @returns What makes each part of its code.
 */
export function compilerForStruct(
  struct: { readonly name: string; readonly fields: object },
  isOwn: boolean,
): Compile {
  const compile = compilerFor(struct.name || Object.keys(struct.fields).join("."), isOwn);
  if (compile !== callDirectly) collected.register(struct, undefined);
  return compile;
}

const collected = new FinalizationRegistry(() => owners--);

/** Calls a function as it is: what it defines shares its text with all others. */
export const callDirectly: Compile = (define, ...args) => define(...args);

function ownCompiler(title: string): Compile {
  const url = title.replace(/[^\w$.-]+/g, "_");
  return (define, ...args) => {
    if (isAllowed) {
      try {
        return copyOf(define, url)(...args);
      } catch (error) {
        // A build tool has changed the text, and so it will be with the others. What else went wrong the function itself says.
        if (error instanceof ReferenceError || error instanceof SyntaxError) isAllowed = false;
      }
    }
    return define(...args);
  };
}

/** Compiles the text of a function again. */
function copyOf<F>(define: F & { name: string }, url: string): F {
  const number = ++serial;
  const text = `"use strict"; return (${define}); // ${number}\n` +
    `//# sourceURL=slabs/${url}/${define.name}-${number}.js`;
  return new Function(text)() as F; // as it is the same text
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
