/**
 * Call stacks of debug mode: finds out where the program called the module from.
 *
 * The text of a frame does not tell whether it is the module's own: in a bundle all frames have the
 * same file and minified names. So a stack is cut at a function object. In debug mode each public
 * function that allocates is wrapped in an entry, which captures the stack from its own caller on
 * and then calls the function:
 *
 * ```text
 * DebugSlab.alloc   stores the origin       ┐
 * bindTo, end, link, link, …                │ not in the captured stack
 * Pool.alloc                                │
 * entry             captures the origin     ┘
 * spawn             the caller, the first frame that is shown
 * ```
 *
 * Some calls bypass the entries: a subclass of a pool calls `super.alloc`, or a pool without debug
 * mode grows in a debug heap. For these the module's functions are searched for in the stack one by
 * one.
 *
 * @module
 */
import { takeRegion } from "../memory/region.ts";
import { ownFunctions } from "./own_functions.ts";

/**
 * Where a call came from. Formatting it by {@linkcode framesOf} takes ten times as long as
 * capturing.
 */
export interface Origin {
  readonly stack?: unknown;
  /** How many first frames are the module's own, if the engine could not leave them out. */
  readonly ownFrames?: number;
}

/** The properties of `Error` that not every engine has. */
interface StackControl {
  stackTraceLimit?: number;
  /** Captures the stack from the caller of a function on; no frames if it is not on the stack. */
  captureStackTrace?(holder: object, from?: unknown): void;
}

/** The names of the module's functions that programs call and that can allocate. */
const NAMES = [
  "constructor",
  "alloc",
  "tryAlloc",
  "allocAt",
  "allocMany",
  "scoped",
  "reserve",
  "restore",
  "load",
  "allocRecord",
  "allocArray",
  "realloc",
  "allocate",
  "bindTo",
] as const;

/**
 * The functions among {@linkcode NAMES} that the module also calls itself, with no user code in
 * between: `bindTo` at the end of a writer, and `allocate` of an allocator when a pool grows.
 */
const INNER: readonly string[] = ["bindTo", "allocate"];

/** `Error.stackTraceLimit` of V8, unless the program sets it. */
const DEFAULT_LIMIT = 10;

/**
 * Shown instead of an empty stack, when the engine itself called the module: for instance a bound
 * `alloc` that was passed to a timer.
 */
const NOBODY = "    by the engine, no function of the program was on the stack";

/** Origin of the call that is running; `undefined` if it bypassed the entries. */
let current: Origin | undefined;
/** Origin that the next entry takes over, as the module itself is about to call it. */
let passedOn: Origin | undefined;

/**
 * The calls to trace, by name. Each predicate gets the arguments and returns whether the call runs
 * no user code, such as getters of a value. If so, entries that it calls take over its origin.
 */
export type TracedCalls = Readonly<Record<string, (args: readonly unknown[]) => boolean>>;

/** For calls that run no user code. */
export const RUNS_NO_USER_CODE = (): boolean => true;
/**
 * For calls that may run user code. After that they pass their origin on by {@linkcode keepOrigin}.
 */
export const RUNS_USER_CODE = (): boolean => false;

/**
 * Wraps the functions of an object that allocate in entries.
 *
 * @param it A pool or an allocator in debug mode.
 * @param calls The functions.
 * @param own The prototypes with the module's functions; a function that a user's subclass
 * overrides is not wrapped.
 */
export function traceCalls(it: object, calls: TracedCalls, ...own: readonly object[]): void {
  for (const [name, runsNoUserCode] of Object.entries(calls)) {
    const method: unknown = Reflect.get(it, name);
    if (typeof method !== "function") continue;
    if (!own.some((prototype) => Reflect.get(prototype, name) === method)) continue;
    const value = entryOf(method as Method, runsNoUserCode, name === "allocate");
    Object.defineProperty(it, name, { value, writable: true, configurable: true });
  }
}

type Method = (this: unknown, ...args: unknown[]) => unknown;

function entryOf(method: Method, runsNoUserCode: TracedCalls[string], isResource: boolean): Method {
  return function entry(this: unknown, ...args: unknown[]): unknown {
    const before = current;
    const given = passedOn;
    current = given ?? (isResource ? originOfGrowth(entry) : originBelow(entry));
    passedOn = runsNoUserCode(args) ? current : undefined;
    try {
      return method.apply(this, args);
    } finally {
      current = before;
      passedOn = given;
    }
  };
}

/**
 * Calls a function whose inner entries take over the origin of the running call.
 *
 * @typeParam R Type of the result.
 * @param fn A function that runs no user code except memory resources.
 * @returns Its result.
 */
export function keepOrigin<R>(fn: () => R): R {
  const given = passedOn;
  passedOn = current;
  try {
    return fn();
  } finally {
    passedOn = given;
  }
}

/**
 * Calls a function that allocates many records, and finds their origin only once.
 *
 * @typeParam R Type of the result.
 * @param fn A function that runs no user code except memory resources.
 * @returns Its result.
 */
export function withOrigin<R>(fn: () => R): R {
  const before = current;
  current = callOrigin();
  try {
    return fn();
  } finally {
    current = before;
  }
}

/** @returns Where the program called the module from. */
export function callOrigin(): Origin {
  return current ?? searchedOrigin(Infinity);
}

/**
 * The origin of a call of a resource's `allocate`, by the program or by a growing pool without
 * entries.
 */
function originOfGrowth(entry: unknown): Origin {
  if (typeof (Error as StackControl).captureStackTrace !== "function") return searchedOrigin(0);
  const depth = withLimit(() => MOST_FRAMES, () => depthOf(takeRegion));
  return depth === 0 ? originBelow(entry) : searchedOrigin(depth);
}

/** The stack below a function, as long as the program configured, but at least the caller. */
function originBelow(from: unknown): Origin {
  const control = Error as StackControl;
  if (typeof control.captureStackTrace !== "function") {
    const { stack } = withLimit((limit) => limit + FRAMES_TO_HERE, () => new Error());
    return { stack, ownFrames: FRAMES_TO_HERE };
  }
  const limit = control.stackTraceLimit;
  if (typeof limit === "number" && limit >= 1) return captured(from);
  return withLimit(wantedFrames, () => captured(from));
}

/**
 * Number of frames of an entry, {@linkcode originBelow} and the two functions that it calls to make
 * an error.
 */
const FRAMES_TO_HERE = 4;

/** The number of frames to show, at least the caller. */
function wantedFrames(limit: number): number {
  return limit >= 1 ? limit : 1; // also if the limit is no number
}

/** Captures a stack without making an error, which would capture a stack of its own. */
function captured(from: unknown): Origin {
  const holder = Object.create(Error.prototype);
  (Error as StackControl).captureStackTrace!(holder, from); // the caller has checked that it exists
  return holder;
}

/** Calls a function while stacks have another length. */
function withLimit<R>(change: (limit: number) => number, fn: () => R): R {
  const control = Error as StackControl;
  const before = Object.getOwnPropertyDescriptor(control, "stackTraceLimit");
  const limit = control.stackTraceLimit;
  try {
    control.stackTraceLimit = change(typeof limit === "number" ? limit : DEFAULT_LIMIT);
  } catch {
    return fn(); // `Error` is frozen, so the length stays
  }
  try {
    return fn();
  } finally {
    if (before === undefined) delete control.stackTraceLimit;
    else control.stackTraceLimit = limit!; // any value that it had
  }
}

/** The longest stack that is searched. */
const MOST_FRAMES = 100_000;

/**
 * Searches the stack for the module's own functions. The topmost is where the program called the
 * module, unless another own function called it: one directly below it, or anywhere below if it is
 * in {@linkcode INNER}.
 *
 * @param below Only functions with fewer frames below them are considered.
 */
function searchedOrigin(below: number): Origin {
  // If own frames cannot be recognised, all frames are shown.
  if (!keepsFrames()) return withLimit(() => MOST_FRAMES, () => new Error()) as Origin;
  const found = withLimit(() => MOST_FRAMES, functionsByDepth);
  const depths = [...found.keys()].filter((depth) => depth < below).sort((a, b) => b - a);
  if (depths.length === 0) return withLimit(() => MOST_FRAMES, () => captured(undefined));
  let at = 0;
  while (at + 1 < depths.length) {
    if (!found.get(depths[at])!.isInner && depths[at + 1] !== depths[at] - 1) break;
    at++;
  }
  // JavaScriptCore counts frames that are cut off towards the limit, so the limit is applied here.
  const { fn } = found.get(depths[at])!;
  const lines = linesOf(withLimit(() => MOST_FRAMES, () => captured(fn)));
  return {
    stack: lines.slice(0, withLimit(wantedFrames, () => (Error as StackControl).stackTraceLimit))
      .join("\n"),
  };
}

/**
 * Whether every running call is on the stack. JavaScriptCore drops the frame of a function on a
 * tail call.
 */
function keepsFrames(): boolean {
  if (typeof (Error as StackControl).captureStackTrace !== "function") return false;
  function caller(): number {
    return depthOf(caller);
  }
  return withLimit(() => MOST_FRAMES, caller) > 0;
}

/** A function of the module that is on the stack. */
interface OwnFunction {
  readonly fn: unknown;
  readonly isInner: boolean;
}

/** Finds the module's functions on the stack, by the number of frames below each. */
function functionsByDepth(): Map<number, OwnFunction> {
  const found = new Map<number, OwnFunction>();
  for (const owner of ownFunctions()) {
    for (const name of NAMES) {
      const fn: unknown = Object.getOwnPropertyDescriptor(owner, name)?.value;
      const depth = typeof fn === "function" ? depthOf(fn) : 0;
      if (depth > 0) found.set(depth, { fn, isInner: INNER.includes(name) });
    }
  }
  return found;
}

/** The number of frames below a function; 0 if it is not on the stack. */
function depthOf(fn: unknown): number {
  return linesOf(captured(fn)).length;
}

/**
 * @param origin Where a call came from.
 * @returns The frames of the stack from the caller on, one a line.
 */
export function framesOf(origin: Origin): string {
  const lines = linesOf(origin);
  const { ownFrames = 0 } = origin;
  return lines.length === 0
    ? NOBODY
    : lines.slice(lines.length > ownFrames ? ownFrames : 0).join("\n");
}

/** The frames without the error's title, which V8 writes above them, and without empty lines. */
function linesOf(origin: Origin): string[] {
  const lines = textOf(origin).split("\n");
  const isFrame = /^\s+at /;
  if (lines[0] === "Error" || isFrame.test(lines[1]) && !isFrame.test(lines[0])) lines.shift();
  return lines.filter((line) => line.trim() !== "");
}

/** The stack as text, whatever the program's own `Error.prepareStackTrace` returns or throws. */
function textOf(origin: Origin): string {
  try {
    const { stack } = origin;
    return Array.isArray(stack)
      ? stack.map((frame) => `    at ${frame}`).join("\n")
      : String(stack ?? "");
  } catch {
    return "";
  }
}
