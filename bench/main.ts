/**
 * Measures questions, and prints their tables: `deno task bench [--quick] [name…]`.
 *
 * A name is that of a file, `alloc` for `alloc_bench.ts`, or of a question in it, `alloc/hot`;
 * without one all are measured. Each contestant runs in processes of its own. `--quick` does all
 * once with few records, which only proves that it works.
 *
 * @module
 */
import { allQuestions } from "./all.ts";
import { measure } from "./harness/run.ts";
import { allCommands } from "./harness/runtimes.ts";
import type { Question } from "./harness/question.ts";
import { section } from "./report/markdown.ts";
import type { Measurement } from "./harness/statistics.ts";

const quick = Deno.args.includes("--quick");
const names = Deno.args.filter((it) => it !== "--quick");
const all = await allQuestions();
const isMeant = ({ name }: Question, by: string) => `${name}/`.startsWith(`${by}/`);
const unknown = names.find((by) => !all.some((it) => isMeant(it, by)));
if (unknown !== undefined) {
  console.error(
    `There is no question ${unknown}. The questions are ${all.map(({ name }) => name).join(", ")}`,
  );
  Deno.exit(2);
}
const chosen = all.filter((it) => names.length === 0 || names.some((by) => isMeant(it, by)));
const tell = (measurement: Measurement) => console.log(section(measurement) + "\n");
const dir = await Deno.makeTempDir();
try {
  const { commands, notes } = await allCommands(chosen.some((it) => it.everywhere), dir);
  for (const note of notes) console.error(note);
  await measure(chosen, commands, { quick, tell });
} finally {
  await Deno.remove(dir, { recursive: true });
}
