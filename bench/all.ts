/** The files of all questions, in the order of the report, and of the game. */
import type { Question } from "./harness/question.ts";

type Module = { readonly questions: readonly Question[] };

/** The files by name. A process imports only the one that has its question. */
export const MODULES: Readonly<Record<string, () => Promise<Module>>> = {
  frames: () => import("./frames_bench.ts"),
  iterate: () => import("./iterate_bench.ts"),
  records: () => import("./records_bench.ts"),
  growth: () => import("./growth_bench.ts"),
  bytes: () => import("./bytes_bench.ts"),
  pools: () => import("./pools_bench.ts"),
  workers: () => import("./workers_bench.ts"),
  save: () => import("./save_bench.ts"),
  game: () => import("./game/game.ts"),
};

/** @returns The questions of all files but the game. */
export async function allQuestions(): Promise<Question[]> {
  const files = Object.keys(MODULES).filter((it) => it !== "game");
  return (await Promise.all(files.map((it) => MODULES[it]()))).flatMap(({ questions }) =>
    questions
  );
}
