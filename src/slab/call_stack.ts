/**
 * Call stacks of debug mode: where the program called the module from.
 *
 * Which frames are the module's own cannot be told by their text: in a bundle they have the same file as the program's, and
 * minified names. So they are cut by the functions that they are of. In debug mode each public function that allocates stands
 * behind an entry, which takes the stack from its own caller on before it calls the function itself:
 *
 * ```text
 * DebugSlab.alloc   notes the origin        ┐
 * bindTo, end, link, link, …                │ not in the stack that was taken
 * Pool.alloc                                │
 * entry             takes the origin        ┘
 * spawn             the caller, the first frame that is shown
 * ```
 *
 * Where a program comes in past the entries (a class that extends a pool calls `super.alloc`; a pool without debug mode grows in a
 * heap with it), the functions of the module are looked for in the stack one by one.
 *
 * @module
 */
import { takeRegion } from "../memory/region.ts";

/** Where a call came from; {@linkcode framesOf} writes it out, which takes ten times as long as to note it. */
export interface Origin {
  readonly stack?: unknown;
  /** First frames that are the module's own, where the engine could not leave them out. */
  readonly ownFrames?: number;
}

/** The part of `Error` that not every engine has. */
interface StackControl {
  stackTraceLimit?: number;
  /** Notes the stack from the caller of a function on; nothing where that is not on the stack. */
  captureStackTrace?(holder: object, from?: unknown): void;
}

/** The functions of the module, by name, that a program calls and that can allocate. */
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
 * Those of them that the module calls itself, with no code of the program's between: `bindTo` at the end of a writer, `allocate` of
 * an allocator when a pool grows.
 */
const INNER: readonly string[] = ["bindTo", "allocate"];

/** Frames that V8 shows where nobody has said how many. */
const DEFAULT_LIMIT = 10;

/** In the place of a stack without any frame: the engine itself called, as a timer does that was given a bound `alloc`. */
const NOBODY = "    by the engine, no function of the program was on the stack";

/** Origin of the call that the module is in; `undefined` where that came past the entries. */
let current: Origin | undefined;
/** Origin for the next entry, which the module itself is about to call. */
let handedOn: Origin | undefined;

/** The prototypes that {@linkcode NAMES} are looked up in. */
let known: WeakRef<object>[] = [];
let pruneAt = 64;

/**
 * Makes the functions of a class known as the module's.
 *
 * @param prototype Its prototype.
 */
export function noteOwn(prototype: object): void {
  if (known.length >= pruneAt) {
    known = known.filter((ref) => ref.deref() !== undefined);
    pruneAt = 2 * known.length + 64;
  }
  known.push(new WeakRef(prototype));
}

/**
 * Which calls to trace, by name. Each says whether the function hands its origin on to the entries that it calls itself: it does
 * where nothing of the program's runs before those.
 */
export type TracedCalls = Readonly<Record<string, (args: readonly unknown[]) => boolean>>;

/** A call that runs no code of the program's. */
export const RUNS_NO_USER_CODE = (): boolean => true;
/** A call that may: getters of a value. What it calls after those hands the origin on by {@linkcode keepOrigin}. */
export const RUNS_USER_CODE = (): boolean => false;

/**
 * Puts an entry before each function of an object that allocates.
 *
 * @param it A pool or an allocator in debug mode.
 * @param calls Which.
 * @param own The prototypes whose functions are the module's: what a class of the program's has in their place stays as it is.
 */
export function traceCalls(it: object, calls: TracedCalls, ...own: readonly object[]): void {
  for (const [name, handsOn] of Object.entries(calls)) {
    const method: unknown = Reflect.get(it, name);
    if (typeof method !== "function") continue;
    if (!own.some((prototype) => Reflect.get(prototype, name) === method)) continue;
    const value = entryOf(method as Method, handsOn, name === "allocate");
    Object.defineProperty(it, name, { value, writable: true, configurable: true });
  }
}

type Method = (this: unknown, ...args: unknown[]) => unknown;

function entryOf(method: Method, handsOn: TracedCalls[string], isResource: boolean): Method {
  return function entry(this: unknown, ...args: unknown[]): unknown {
    const before = current;
    const given = handedOn;
    current = given ?? (isResource ? originOfGrowth(entry) : originBelow(entry));
    handedOn = handsOn(args) ? current : undefined;
    try {
      return method.apply(this, args);
    } finally {
      current = before;
      handedOn = given;
    }
  };
}

/**
 * Has the entries that a function comes to take the origin of the call that the module is in.
 *
 * @typeParam R What comes of it.
 * @param fn Runs no code of the program's but memory resources.
 * @returns What it returns.
 */
export function keepOrigin<R>(fn: () => R): R {
  const given = handedOn;
  handedOn = current;
  try {
    return fn();
  } finally {
    handedOn = given;
  }
}

/**
 * Looks for the origin once for many allocations.
 *
 * @typeParam R What comes of them.
 * @param fn Makes them, and runs no code of the program's but memory resources.
 * @returns What it returns.
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

/** What lends memory is called by the program, or by a pool that grows, which may have no entries. */
function originOfGrowth(entry: unknown): Origin {
  if (typeof (Error as StackControl).captureStackTrace !== "function") return searchedOrigin(0);
  const depth = withLimit(() => MOST_FRAMES, () => depthOf(takeRegion));
  return depth === 0 ? originBelow(entry) : searchedOrigin(depth);
}

/** The stack below a function, as long as the program wants it, but with the caller in any case. */
function originBelow(from: unknown): Origin {
  const control: StackControl = Error;
  if (typeof control.captureStackTrace !== "function") {
    const { stack } = withLimit((limit) => limit + FRAMES_TO_HERE, () => new Error());
    return { stack, ownFrames: FRAMES_TO_HERE };
  }
  const limit = control.stackTraceLimit;
  if (typeof limit === "number" && limit >= 1) return captured(from);
  return withLimit(wantedFrames, () => captured(from));
}

/** Frames of an entry, of {@linkcode originBelow}, and of what that calls to make an error. */
const FRAMES_TO_HERE = 4;

/** The caller at the least. */
function wantedFrames(limit: number): number {
  return limit >= 1 ? limit : 1; // which may be no number at all
}

/** What an engine writes a stack to, as it does to an error, without the stack that an error takes when it is made. */
function captured(from: unknown): Origin {
  const holder = Object.create(Error.prototype);
  (Error as StackControl).captureStackTrace!(holder, from); // as the caller has seen
  return holder;
}

/** Does something while stacks have another length. */
function withLimit<R>(change: (limit: number) => number, fn: () => R): R {
  const control: StackControl = Error;
  const before = Object.getOwnPropertyDescriptor(control, "stackTraceLimit");
  const limit = control.stackTraceLimit;
  try {
    control.stackTraceLimit = change(typeof limit === "number" ? limit : DEFAULT_LIMIT);
  } catch {
    return fn(); // where errors are frozen their stacks are as they are
  }
  try {
    return fn();
  } finally {
    if (before === undefined) delete control.stackTraceLimit;
    else control.stackTraceLimit = limit!; // whatever it was
  }
}

/** So long a stack is looked through. */
const MOST_FRAMES = 100_000;

/**
 * Looks for the module's own functions in the stack. The topmost of those that a program calls is where it came in; unless
 * another one called it: that is right below it, or anywhere below where it is {@linkcode INNER}.
 *
 * @param below Only where fewer frames are below them.
 */
function searchedOrigin(below: number): Origin {
  // Where it cannot be told which frames are whose all are shown.
  if (!keepsFrames()) return withLimit(() => MOST_FRAMES, () => new Error()) as Origin;
  const found = withLimit(() => MOST_FRAMES, functionsByDepth);
  const depths = [...found.keys()].filter((depth) => depth < below).sort((a, b) => b - a);
  if (depths.length === 0) return withLimit(() => MOST_FRAMES, () => captured(undefined));
  let at = 0;
  while (at + 1 < depths.length) {
    if (!found.get(depths[at])!.isInner && depths[at + 1] !== depths[at] - 1) break;
    at++;
  }
  // JavaScriptCore counts the frames that are cut off as well: as many as are wanted are taken here.
  const { fn } = found.get(depths[at])!;
  const lines = linesOf(withLimit(() => MOST_FRAMES, () => captured(fn)));
  return {
    stack: lines.slice(0, withLimit(wantedFrames, () => (Error as StackControl).stackTraceLimit))
      .join("\n"),
  };
}

/** Whether each call is on the stack, and can be found there: JavaScriptCore drops a function that returns what another one does. */
function keepsFrames(): boolean {
  if (typeof (Error as StackControl).captureStackTrace !== "function") return false;
  function caller(): number {
    return depthOf(caller);
  }
  return withLimit(() => MOST_FRAMES, caller) > 0;
}

/** A function of the module's. */
interface OwnFunction {
  readonly fn: unknown;
  readonly isInner: boolean;
}

/** Those that are on the stack, by the frames below each. */
function functionsByDepth(): Map<number, OwnFunction> {
  const found = new Map<number, OwnFunction>();
  for (const ref of known) {
    const prototype = ref.deref();
    if (prototype === undefined) continue;
    for (const name of NAMES) {
      const fn: unknown = Object.getOwnPropertyDescriptor(prototype, name)?.value;
      const depth = typeof fn === "function" ? depthOf(fn) : 0;
      if (depth > 0) found.set(depth, { fn, isInner: INNER.includes(name) });
    }
  }
  return found;
}

/** Frames below a function; 0 where it is not on the stack. */
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

/** The frames alone: V8 and those that do as it does write above them what the error is, others a line break below. */
function linesOf(origin: Origin): string[] {
  const lines = textOf(origin).split("\n");
  const isFrame = /^\s+at /;
  if (lines[0] === "Error" || isFrame.test(lines[1]) && !isFrame.test(lines[0])) lines.shift();
  return lines.filter((line) => line.trim() !== "");
}

/** A program may have an `Error.prepareStackTrace` of its own, which makes what it likes of the frames. */
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
