/**
 * What the tests of own code do in a worker, where the module is a fresh one without any pool.
 *
 * The module is imported only after every way to compile a text is being watched.
 *
 * @module
 */
import { LATE, type Module, Watch } from "./_own_texts.ts";

/** What a worker does. */
export type Scenario = "import" | "own" | "never" | "forbidden" | { readonly late: string };

/** What came of it. */
export interface Outcome {
  /** The texts that were compiled. */
  readonly texts: readonly string[];
  /** The result of the scenario. */
  readonly value: unknown;
}

const scope = self as unknown as { // the types are those of a page
  onmessage: (event: { data: Scenario }) => void;
  postMessage(message: Outcome | { error: string }): void;
};

// A computed address, so that the loader does not load the module in advance.
const load = (name: string) => import(new URL(name, import.meta.url).href);

scope.onmessage = async ({ data }) => {
  try {
    const makeError = data === "forbidden"
      ? () => new EvalError("forbidden by the policy")
      : undefined;
    const watch = new Watch(makeError);
    const mod: Module = await load("../../mod.ts");
    const run = typeof data === "string" ? RUNS[data] : () => configureLate(mod, data.late);
    const value = await run(mod, watch);
    scope.postMessage({ texts: watch.texts, value });
  } catch (error) {
    scope.postMessage({ error: String((error as Error).stack) });
  }
};

type Run = (mod: Module, watch: Watch) => unknown;

const RUNS: Readonly<Record<string, Run>> = {
  import: useNoPool,
  own: (mod) => workOut(mod),
  never(mod) {
    mod.configure({ specialize: false });
    return workOut(mod);
  },
  forbidden: (mod) => workOut(mod),
};

/**
 * Does all that needs no pool, then makes the first one; returns how many texts there were before
 * and after.
 */
function useNoPool(mod: Module, watch: Watch): unknown {
  const Point = mod.struct({ x: "f32", y: mod.array("u8", 3) }, { name: "Point" });
  mod.configure({});
  mod.configure({ specialize: true });
  using arena = new mod.Arena();
  arena.alloc(100);
  const before = [watch.texts.length, mod.specialization()];
  using pool = new mod.Pool(Point);
  const after = [watch.texts.length > 0, mod.specialization()];
  pool.alloc({ x: 1 });
  return { before, after };
}

async function workOut({ specialization }: Module): Promise<unknown> {
  const before = specialization();
  const { workOut }: typeof import("./_workout.ts") = await load("_workout.ts");
  return { result: workOut(), specialization: [before, specialization()] };
}

/** Calls `configure()` once something exists that has code; returns its error. */
function configureLate(mod: Module, kind: string): unknown {
  LATE[kind](mod);
  try {
    mod.configure({ specialize: false });
    return "configured";
  } catch (error) {
    return `${(error as Error).constructor.name}: ${(error as Error).message}`;
  }
}
