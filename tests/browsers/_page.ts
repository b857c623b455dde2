/**
 * The page of the tests: gives a test file what it needs of `Deno`, and runs its tests.
 *
 * @module
 */
import { configure, specialization } from "../../mod.ts";

/** What came of the tests of a file. */
export interface Outcome {
  readonly passed: number;
  readonly failed: readonly Failure[];
  /** Tests that were left out, each with the reason. */
  readonly leftOut: readonly string[];
  /** Violations of the content security policy. */
  readonly violations: readonly string[];
  readonly specialization: "own" | "shared";
}

/** A test that failed. */
interface Failure {
  readonly name: string;
  readonly error: string;
}

interface Test {
  readonly name: string;
  readonly fn: () => void | Promise<void>;
  readonly ignore?: boolean;
}

interface Permission {
  readonly name: string;
}

interface Violation {
  readonly violatedDirective: string;
  readonly sourceFile: string;
  readonly lineNumber: number;
}

/** What a test throws that uses more of Deno than the page has. */
class NeedsDenoError extends Error {
  override name = "NeedsDenoError";
}

const tests: Test[] = [];

const deno: Record<PropertyKey, unknown> = {
  test(first: string | Test, fn: Test["fn"]) {
    tests.push(typeof first === "string" ? { name: first, fn } : first);
  },
  permissions: { query: async (it: Permission) => await stateOf(it), querySync: stateOf },
};

/** @returns That a page may read all files, as it does when it starts a worker, and nothing else. */
function stateOf({ name }: Permission): unknown {
  return { state: name === "read" ? "granted" : "denied" };
}

const violations: string[] = [];

/**
 * Runs the tests of a file, one after the other.
 *
 * @param file Its address.
 * @param specialize Whether pools may compile code.
 */
async function run(file: string, specialize: boolean): Promise<Outcome> {
  if (!specialize) configure({ specialize });
  const failed: Failure[] = [], leftOut: string[] = [];
  let passed = 0;
  const attempt = async (name: string, fn: () => unknown): Promise<boolean> => {
    try {
      await fn();
      return true;
    } catch (error) {
      if (needsDeno(error)) leftOut.push(`${name}: ${error.message}`);
      else failed.push({ name, error: textOf(error) });
      return false;
    }
  };
  await attempt("all tests", () => import(file));
  for (const { name, fn, ignore } of tests) {
    if (ignore) leftOut.push(`${name}: it is ignored`);
    else if (await attempt(name, fn)) passed++;
  }
  // Violations are reported in a later task.
  await new Promise((resolve) => setTimeout(resolve));
  return { passed, failed, leftOut, violations, specialization: specialization() };
}

function needsDeno(error: unknown): error is NeedsDenoError {
  return error instanceof Error && error.name === "NeedsDenoError";
}

/** The cause of a property that failed, then what it says: that may be long, and is cut. */
function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { name, message, stack, cause } = error;
  const text = `${name}: ${message}`.slice(0, 3000);
  // Firefox has no message in its stacks.
  return cause === undefined
    ? `${text}\n${stack}`
    : `${textOf(cause)}\nwhich is the cause of\n${text}`;
}

// The types here are Deno's, which has no such event.
addEventListener("securitypolicyviolation", (event) => {
  const { violatedDirective, sourceFile, lineNumber } = event as Event & Violation;
  violations.push(`${violatedDirective}: ${sourceFile}:${lineNumber}`);
});

Object.assign(globalThis, {
  run,
  [Symbol.for("slabs.deno")]: new Proxy(deno, {
    get(target, key) {
      if (key in target) return target[key];
      throw new NeedsDenoError(`needs Deno.${String(key)}`);
    },
  }),
});
