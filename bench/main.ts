/**
 * Measures questions, and prints their tables: `deno task bench [--quick] [name…]`.
 *
 * A name is that of a file, `records` for `records_bench.ts`, or of a question in it, `records/hot`;
 * without one all are measured. Each contestant runs in processes of its own. `--quick` does all
 * once with few records, which only proves that it works.
 *
 * @module
 */
import { allQuestions } from "./all.ts";
import type { Question } from "./harness/question.ts";
import { measure } from "./harness/run.ts";
import { withCommands } from "./harness/runtimes.ts";
import { section } from "./harness/table.ts";

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
const isEverywhere = chosen.some(({ everywhere = [] }) => everywhere.length > 0);
await withCommands(isEverywhere ? ["deno", "node20", "bun"] : ["deno"], true, async (commands) => {
  await measure(chosen, commands, { quick, tell: (it) => console.log(`${section(it)}\n`) });
});
