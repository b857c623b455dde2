/**
 * What the tests of own code do in a worker, where the module is a fresh one without any pool.
 *
 * The module is imported only after every way to compile a text is being watched.
 *
 * @module
 */
import { LATE, type Module, Watch } from "./_own_texts.ts";

/** What a worker does. */
export interface Scenario {
  /** Uses all of the module, or makes something that is in {@linkcode LATE}. */
  readonly what: string;
  readonly specialize?: false;
  readonly isForbidden?: true;
}

/** What came of it. */
export interface Outcome {
  /** The texts that were compiled, and how many of them before there was a pool. */
  readonly texts: readonly string[];
  readonly early: number;
  /** What `specialization()` said before there was a pool, and in the end. */
  readonly said: readonly string[];
  /** All that was read, or the error of `configure()` if it threw one. */
  readonly result?: string;
}

const scope = self as unknown as { // the types are those of a page
  onmessage: (event: { data: Scenario }) => void;
  postMessage(message: { value: Outcome }): void;
};

// A computed address, so that the loader does not load the module in advance.
const load = (name: string) => import(new URL(name, import.meta.url).href);

scope.onmessage = async ({ data: { what, specialize, isForbidden } }) => {
  const { texts } = new Watch(isForbidden ? () => new EvalError("forbidden") : undefined);
  const mod: Module = await load("../../mod.ts");
  mod.configure({});
  if (specialize === false) mod.configure({ specialize });
  useNoPool(mod);
  const [early, before] = [texts.length, mod.specialization()];
  const { outcomeOf, workOut } = await load("_workout.ts");
  const configureLate = () => {
    LATE[what](mod);
    mod.configure({ specialize: false });
  };
  const result = what in LATE ? outcomeOf(configureLate) : workOut();
  const said = [before, mod.specialization()];
  scope.postMessage({ value: { texts, early, said, result } });
};

/** Does all that needs no pool. */
function useNoPool({ Arena, array, struct }: Module): void {
  struct({ x: "f32", y: array("u8", 3) }, { name: "Point" });
  using arena = new Arena();
  arena.alloc(100);
}
