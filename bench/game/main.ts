/**
 * Plays the six-kind game, which `game.ts` describes, and prints its tables: `deno task game
 * [options]`.
 *
 * Every contestant plays in a process of its own. In a round each has one turn, and every round
 * starts with another one. Times are nanoseconds a record and frame. The best is that of the
 * medians of the rounds, and ratios are of the bests, as whatever else the machine does can only
 * add to a round. Percentiles are those of each round, and the median of those. Collections are the
 * mean of the rounds, by V8's trace.
 *
 * - `--live n`: records of each kind (5000); given again, another table
 * - `--frames n` (1000), `--warm-up n` (500), `--rounds n` (6): `--warm-up 20000 --frames 200` has
 *   frames late in a long game, `--frames 32000 --rounds 1` the collections of one
 * - `--contestant name`: this one and the baseline; may be given again; `loop` means both of its
 *   styles
 * - `--runtime deno|node20|node24|bun|all` (deno): may be given again; they come from npm
 * - `--no-births`: nothing dies
 * - `--second`: also the second of two games in one process, with births
 * - `--print`: prints the programs in the place of playing them: `deno task -q game --print
 *   --contestant loop | deno fmt --ext js -`
 * - `--quick`: a game of few frames, with `--second`, only to prove that everything runs and agrees
 *
 * @module
 */
import { parseArgs } from "node:util";
import type { Contestant, Question } from "../harness/question.ts";
import { measure } from "../harness/run.ts";
import { type Runtime, RUNTIME_NAMES, withCommands } from "../harness/runtimes.ts";
import { section } from "../harness/table.ts";
import { programOf, questions, SECOND } from "./game.ts";
import { KINDS } from "./kinds.ts";

/** The most frames of a run, and of its warm-up: fewer than records without an end live. */
const LONG = 32_000;

const { values } = parseArgs({
  args: Deno.args,
  options: {
    "live": { type: "string", multiple: true, default: ["5000"] },
    "frames": { type: "string", default: "1000" },
    "warm-up": { type: "string", default: "500" },
    "rounds": { type: "string", default: "6" },
    "contestant": { type: "string", multiple: true, default: [""] },
    "runtime": { type: "string", multiple: true, default: ["deno"] },
    "no-births": { type: "boolean", default: false },
    "second": { type: "boolean", default: false },
    "print": { type: "boolean", default: false },
    "quick": { type: "boolean", default: false },
  },
});

/** @throws {Error} naming the option that is wrong. */
function integer(name: "frames" | "warm-up" | "rounds" | "live", text: string, most: number) {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0 && value <= most) return value;
  throw new Error(`--${name} must be an integer from 1 to ${most}, got ${text}`);
}

/** @throws {Error} naming the runtime that is unknown. */
function runtimesOf(names: readonly string[]): Runtime[] {
  const all = Object.keys(RUNTIME_NAMES) as Runtime[]; // its keys are
  const chosen = names.includes("all") ? all : names as Runtime[]; // checked below
  const unknown = chosen.find((it) => !all.includes(it));
  if (unknown === undefined) return chosen;
  throw new Error(`--runtime must be all or of ${all.join(", ")}, got ${unknown}`);
}

/**
 * A name means the contestant, or both that differ in how records are born. The baseline always
 * plays.
 *
 * @throws {Error} naming the contestant that is unknown.
 */
function contestantsOf({ contestants, baseline }: Question): Record<string, Contestant> {
  const isMeant = (key: string, name: string) =>
    `${key.replace(SECOND, "")}/`.startsWith(name && `${name}/`);
  const keys = Object.keys(contestants), names = values.contestant;
  const unknown = names.find((name) => !keys.some((it) => isMeant(it, name)));
  if (unknown !== undefined) {
    throw new Error(`--contestant must be of ${keys.join(", ")}, got ${unknown}`);
  }
  const chosen = keys.filter((it) => it === baseline || names.some((name) => isMeant(it, name)));
  return Object.fromEntries(chosen.map((it) => [it, contestants[it]]));
}

const [sixKinds, noBirths, second] = questions;
const { quick } = values;
const game = values["no-births"] ? noBirths : values.second || quick ? second : sixKinds;
const contestants = contestantsOf(game);
const games = (quick ? ["100"] : values.live).map((it): Question => {
  const live = integer("live", it, 1_000_000);
  return {
    ...game,
    title: `${game.title}, ${live} live of each kind`,
    contestants,
    plan: {
      ...game.plan,
      count: live * KINDS.length,
      samples: integer("frames", values.frames, LONG),
      warmUp: integer("warm-up", values["warm-up"], LONG),
      rounds: integer("rounds", values.rounds, 1000),
    },
  };
});
const runtimes = runtimesOf(values.runtime);
if (values.print) {
  for (const it of Object.keys(contestants)) console.log(`{ // ${it}\n${programOf(it)}\n}`);
} else {
  await withCommands(runtimes, false, async (commands) => {
    await measure(games, commands, { quick, tell: (it) => console.log(`${section(it)}\n`) });
  });
}
