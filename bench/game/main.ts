/**
 * The six-kind game: what does a frame of a whole program cost with pools, and with what one would
 * use instead?
 *
 * **Why.** An engine keeps what it learns of types with the text of a function. A benchmark of one
 * pool and one loop shows the best case, which no program has. This one has six kinds of record and
 * two loops a kind.
 *
 * **The game.** Ships, bullets, sparks, enemies, pickups and smokes, 5,000 live of each. A frame
 * moves all kinds, takes one from the life of every record and frees those that have none left, and
 * then fills each kind up again. Lives are 10 to 29 frames, so 5 % of the records are replaced each
 * frame. With `--no-births` lives are longer than the run: the same loops run, and the ageing loop
 * frees nothing.
 *
 * **The contestants**
 * - `columns`: dense columns by hand, swap-remove, no identity: the baseline
 * - `slab`: a slab by hand, unchecked
 * - `objects`: objects of six classes in arrays, with one function that sweeps them;
 *   `objects/sweeps` has one for each class
 * - `loop`, `forEach`, `forOf`: pools, each as `…/init` (born by `alloc({ … })`) and as `…/cursor`
 *   (by `allocAt` and writes)
 * - `wolf-ecs`, `bitecs`: a component and a query for each kind
 *
 * The program of each is written from one table of kinds (`kinds.ts`), with every loop and callback
 * in full, as one would write it by hand: so all do the same, and each game has its own literals.
 * `--quick --tools dir` leaves them in `dir/deno` to be read.
 *
 * **The method.** Every contestant plays in a process of its own. In a round each has one turn, and
 * every round starts with another one. The figure of a round is the median of its frames. The best
 * and the median of the rounds are shown, and ratios are of the bests, as whatever else the machine
 * does can only add to a round. The 99th percentile is the median of the rounds'. Collections are
 * those during the frames that count, read from V8's trace, in the median round. At the end all
 * records are summed up, and all contestants must agree: on the count and the integers exactly, on
 * the floats as `toleranceOf` says.
 *
 * **Caveats**
 * - Ratios hold from machine to machine, nanoseconds do not.
 * - The time of a frame has one reading of the clock in it, 0.1 µs: that is 0.3 ns a record with 50
 *   live of each kind.
 * - Objects hold doubles, as anyone would have them; all others hold f32.
 * - No reference to a record is kept in the game. Columns could not have one, and objects have it
 *   at no cost.
 * - Bun has no trace of its collections. Node and Bun run the module as `deno bundle` writes it.
 * - With `--no-births` the doubles of `objects` drift away from floats with every frame, and the
 *   tolerance is wider.
 *
 * **Options**
 * - `--live n`: records of each kind (5000); given again, another table. `--frames n` (1000),
 *   `--warm-up n` (500), `--rounds n` (6)
 * - `--contestant name`: this one and the baseline; may be given again; `loop` means both of its
 *   styles
 * - `--runtime deno|node20|node24|bun|all` (deno): may be given again; they come from npm, and
 *   `--tools dir` keeps them
 * - `--no-births`: see above
 * - `--second`: also the second of two games in one process, with twelve structs, after the first
 *   was played for as many frames
 * - `--long`: also one game of 32,000 frames: a frame about the 1,000th and about the 20,000th, and
 *   all collections. Takes minutes
 * - `--quick`: all of that in a few seconds, only to prove that everything runs and agrees
 *
 * @module
 */
import { parseArgs } from "node:util";
import type { Question } from "../harness/question.ts";
import { figuresOf, type Player, playRounds, progress } from "../harness/run.ts";
import { type Command, commandsOf, run, type Runtime, RUNTIMES } from "../harness/runtimes.ts";
import { bestOf, median, quantile } from "../harness/statistics.ts";
import { table } from "../harness/table.ts";
import { type GamePlan, LONGEST_LIFE, questions, type Sums } from "./game.ts";
import { KINDS } from "./kinds.ts";
import { BASELINE, CONTESTANTS, fileOf, programOf } from "./programs.ts";

const [GAME]: readonly Question[] = questions;

/** What people write without a pool. Its floats are doubles, in all of its styles. */
const OBJECTS = "objects";

// -- options --

/** The most frames: as many once more as a warm-up are still fewer than `ENDLESS_LIFE`. */
const LONG = 32_000;

/** What a quick run has instead. */
const QUICK = { live: [100], frames: 30, warmUp: 10, rounds: 1, second: true, longFrames: 320 };

/** @throws {Error} naming the option that is wrong. */
function optionsOf(args: readonly string[]) {
  const { values } = parseArgs({
    args: [...args],
    options: {
      "live": { type: "string", multiple: true, default: ["5000"] },
      "frames": { type: "string", default: "1000" },
      "warm-up": { type: "string", default: "500" },
      "rounds": { type: "string", default: "6" },
      "contestant": { type: "string", multiple: true, default: [""] },
      "runtime": { type: "string", multiple: true, default: ["deno"] },
      "no-births": { type: "boolean", default: false },
      "second": { type: "boolean", default: false },
      "long": { type: "boolean", default: false },
      "quick": { type: "boolean", default: false },
      "tools": { type: "string" },
    },
  });
  const runtimes = values.runtime.includes("all") ? RUNTIMES : values.runtime as Runtime[]; // checked below
  const unknown = runtimes.find((it) => !RUNTIMES.includes(it));
  if (unknown !== undefined) {
    throw new Error(`--runtime must be all or of ${RUNTIMES.join(", ")}, got ${unknown}`);
  }
  return {
    live: values.live.map((it) => integer("live", it, 1_000_000)),
    frames: integer("frames", values.frames, LONG),
    warmUp: integer("warm-up", values["warm-up"], LONG),
    rounds: integer("rounds", values.rounds, 1000),
    births: !values["no-births"],
    contestants: contestantsOf(values.contestant),
    runtimes,
    second: values.second,
    longFrames: values.long ? LONG : 0,
    tools: values.tools,
    ...values.quick ? QUICK : {},
  };
}

function integer(name: string, text: string, most: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0 && value <= most) return value;
  throw new Error(`--${name} must be an integer from 1 to ${most}, got ${text}`);
}

/**
 * A name means the contestant, or both that differ in how records are born. The baseline always
 * plays.
 */
function contestantsOf(names: readonly string[]): string[] {
  const isMeant = (it: string, name: string) => `${it}/`.startsWith(name && `${name}/`);
  const unknown = names.find((name) => !CONTESTANTS.some((it) => isMeant(it, name)));
  if (unknown !== undefined) {
    throw new Error(`--contestant must be of ${CONTESTANTS.join(", ")}, got ${unknown}`);
  }
  return CONTESTANTS.filter((it) => it === BASELINE || names.some((name) => isMeant(it, name)));
}

// -- agreement --

/** @throws {Error} when a game came to other sums than the baseline's game of as many frames. */
function checkAgreed(players: readonly Player[]): void {
  const baseline = players.find(({ contestant }) => contestant === BASELINE)!; // it always plays
  const [expected]: Sums[] = JSON.parse(baseline.rounds[0].checksum);
  for (const { contestant, plan, rounds } of players) {
    const tolerance = toleranceOf(contestant, plan as GamePlan) * expected.floats; // all plans here are
    for (const sums of rounds.flatMap(({ checksum }): Sums[] => JSON.parse(checksum))) {
      const agreed = sums.records === expected.records && sums.integers === expected.integers &&
        Math.abs(sums.floats - expected.floats) <= tolerance;
      if (agreed) continue;
      const [got, must] = [sums, expected].map((it) => JSON.stringify(it));
      throw new Error(`${contestant} did other work: it came to ${got}, ${BASELINE} to ${must}`);
    }
  }
}

/**
 * How far a sum of floats may be off, as a share of it. Columns and records hold the same floats to
 * the bit, and only the order of adding them differs. Doubles are not rounded to an f32 at each
 * write, which takes off up to 2^-24 of a value for each frame that the record has lived, and twice
 * that of a value that is moved by one that is itself rounded. No value is negative, so nothing
 * cancels.
 */
function toleranceOf(contestant: string, { births, warmUp, samples }: GamePlan): number {
  if (!contestant.startsWith(OBJECTS)) return 1e-9;
  return 2 * 2 ** -24 * (births ? LONGEST_LIFE : warmUp + samples);
}

// -- tables --

/** Nanoseconds a record and frame. */
function nanosOf(millis: number, { plan }: Player): number {
  return millis * 1e6 / (plan.count * KINDS.length);
}

function labelOf({ contestant }: Player): string {
  return contestant === BASELINE ? `${contestant} (baseline)` : contestant;
}

/** The median over the rounds of a kind of collection. Bun has no trace of them. */
function collections({ rounds }: Player, key: "scavenges" | "markCompacts"): string {
  const counts = rounds.flatMap((it) => it.collections?.[key] ?? []);
  return counts.length === 0 ? "–" : String(median(counts));
}

const fixed = (value: number, digits: number) => Number.isNaN(value) ? "–" : value.toFixed(digits);

/** @param second The same players in the second game of a process; empty when there was none. */
function mainTable(alone: readonly Player[], second: readonly Player[]): string {
  const best = (name: string, players = alone) => {
    const player = players.find(({ contestant }) => contestant === name);
    return player === undefined ? NaN : nanosOf(bestOf(GAME, figuresOf(player)), player);
  };
  const rows = alone.map((player) => {
    const { contestant, rounds } = player;
    const medians = rounds.map(({ samples }) => nanosOf(median(samples), player));
    return [
      labelOf(player),
      fixed(best(contestant), 2),
      fixed(median(medians), 2),
      fixed(best(contestant) / best(BASELINE), 2),
      fixed(best(contestant) / best(OBJECTS), 2),
      fixed(median(rounds.map(({ samples }) => quantile(samples, 0.99))), 3),
      collections(player, "scavenges"),
      collections(player, "markCompacts"),
      fixed(best(contestant, second) / best(contestant), 2),
    ];
  });
  const head = ["", "best ns", "median ns", "× columns", "× objects", "p99 ms", "scavenges"];
  return table([...head, "mark-compacts", "second ÷ alone"], rows);
}

/** @param players Players of one long game, from its first frame on. */
function longTable(players: readonly Player[]): string {
  const { samples: frames } = players[0].plan;
  const early = frames / 32, late = frames * 5 / 8; // 1,000 and 20,000 of 32,000
  const reach = Math.min(100, early);
  const rows = players.map((player) => {
    const [{ samples }] = player.rounds;
    const [first, last] = [early, late].map((at) =>
      nanosOf(median(samples.slice(at - reach, at + reach)), player)
    );
    const counts = [collections(player, "scavenges"), collections(player, "markCompacts")];
    return [labelOf(player), fixed(first, 2), fixed(last, 2), fixed(last / first, 2), ...counts];
  });
  const head = ["", `ns at frame ${early}`, `ns at frame ${late}`, "late ÷ early"];
  return table([...head, `scavenges of ${frames} frames`, "mark-compacts"], rows);
}

// -- the run --

/** Plays all that is asked for with so many live, on a runtime, and prints the tables. */
async function play(
  options: ReturnType<typeof optionsOf>,
  live: number,
  command: Command,
  programs: string,
): Promise<void> {
  const { births, warmUp, frames, rounds, longFrames } = options;
  const base = { count: live, warmUp, samples: frames, batch: 1, rounds, programs, births };
  const players = (changes: Partial<GamePlan>): Player[] => {
    const plan: GamePlan = { ...base, second: false, ...changes };
    return options.contestants.map((it) => ({
      question: GAME,
      contestant: it,
      command,
      plan,
      rounds: [],
    }));
  };
  const tell = ({ contestant, rounds }: Player) =>
    progress(`${command.runtime}: ${contestant}, round ${rounds.length + 1}`);
  const playAll = async (players: readonly Player[], rounds: number) => {
    await playRounds(players, rounds, 1, tell);
    progress("");
    checkAgreed(players);
  };
  const title = `${command.runtime} ${command.version}, ${live} live of each kind`;
  console.log(
    `\n## ${title}${births ? "" : ", no births"}, ${rounds} rounds of ${frames} frames\n`,
  );
  const alone = players({}), second = options.second ? players({ second: true }) : [];
  await playAll([...alone, ...second], rounds);
  console.log(mainTable(alone, second));
  if (longFrames === 0) return;
  const long = players({ warmUp: 0, samples: longFrames });
  await playAll(long, 1);
  console.log(`\n${longTable(long)}`);
}

/**
 * Writes the programs of all contestants into a directory, laid out to be read; `lib` is the
 * address of what they import.
 */
async function writePrograms(dir: string, lib: string): Promise<string> {
  await Deno.mkdir(dir, { recursive: true });
  const paths: string[] = [];
  for (const name of CONTESTANTS) {
    for (const isFirst of [true, false]) {
      const path = `${dir}/${fileOf(name, isFirst)}`;
      await Deno.writeTextFile(path, programOf(name, isFirst, lib));
      paths.push(path);
    }
  }
  await run(Deno.execPath(), ["fmt", "--quiet", "--no-config", ...paths]);
  return dir;
}

const options = optionsOf(Deno.args);
const dir = options.tools ?? await Deno.makeTempDir();
try {
  for (const command of await commandsOf(options.runtimes, dir)) {
    const programs = command.runtime === "deno"
      ? await writePrograms(`${dir}/deno`, new URL("lib.ts", import.meta.url).href)
      : await writePrograms(`${dir}/bundle/game`, "./lib.js");
    for (const live of options.live) await play(options, live, command, programs);
  }
} finally {
  if (options.tools === undefined) await Deno.remove(dir, { recursive: true });
}
