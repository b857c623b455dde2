/** The files of all questions, in the order of the report. */
import type { Question } from "./harness/question.ts";

type Module = { readonly questions: readonly Question[] };

/** The files by name. A process imports only the one that has its question. */
export const MODULES: Readonly<Record<string, () => Promise<Module>>> = {
  game: () => import("./game/game.ts"),
  frames: () => import("./frames_bench.ts"),
  iterate: () => import("./iterate_bench.ts"),
  records: () => import("./records_bench.ts"),
  growth: () => import("./growth_bench.ts"),
  bytes: () => import("./bytes_bench.ts"),
  workers: () => import("./workers_bench.ts"),
  save: () => import("./save_bench.ts"),
};

/** @returns The questions of all files. */
export async function allQuestions(): Promise<Question[]> {
  const modules = await Promise.all(Object.values(MODULES).map((load) => load()));
  return modules.flatMap(({ questions }) => questions);
}
