/**
 * What the tests of own code do in a worker, where the module is a fresh one without any pool.
 *
 * The module is imported only after every way to compile a text is being watched.
 *
 * @module
 */
import { LATE, type Module, Watch } from "./_own_texts.ts";

/** What a worker does: uses all of the module, or calls `configure()` when it is too late. */
export type Scenario =
  | { readonly run: "all"; readonly specialize?: false; readonly isForbidden?: true }
  | { readonly run: "late"; readonly what: string };

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
    const isForbidden = data.run === "all" && data.isForbidden;
    const watch = new Watch(isForbidden ? () => new EvalError("forbidden") : undefined);
    const value = await play(data, await load("../../mod.ts"), watch);
    scope.postMessage({ texts: watch.texts, value });
  } catch (error) {
    scope.postMessage({ error: String((error as Error).stack) });
  }
};

async function play(scenario: Scenario, mod: Module, { texts }: Watch): Promise<unknown> {
  if (scenario.run === "late") return configureLate(mod, scenario.what);
  mod.configure({});
  if (scenario.specialize === false) mod.configure({ specialize: false });
  useNoPool(mod);
  const before = [texts.length, mod.specialization()];
  const { workOut }: typeof import("./_workout.ts") = await load("_workout.ts");
  return { result: workOut(), before, after: mod.specialization() };
}

/** Does all that needs no pool. */
function useNoPool(mod: Module): void {
  mod.struct({ x: "f32", y: mod.array("u8", 3) }, { name: "Point" });
  using arena = new mod.Arena();
  arena.alloc(100);
}

/** Calls `configure()` once something exists that has code; returns its error. */
function configureLate(mod: Module, what: string): unknown {
  LATE[what](mod);
  try {
    mod.configure({ specialize: false });
    return "configured";
  } catch (error) {
    return String(error);
  }
}
