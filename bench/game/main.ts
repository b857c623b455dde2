/**
 * The six-kind game: what does a frame of a whole program cost with pools, and what with the things one would have instead?
 *
 * **Why.** An engine keeps what it learns of types with the text of a function, and a benchmark of one pool and one loop shows what no
 * program has. This one has six kinds of record and two loops a kind.
 *
 * **The game.** Ships, bullets, sparks, enemies, pickups and smokes, 5,000 live of each. A frame moves all kinds, takes one from the
 * life of every record and frees those that have none left, and then fills each kind up again. Lives are 10 to 29 frames, so 5 % of
 * the records are replaced each frame. With `--no-births` lives are longer than the run: the same loops run, and the ageing loop frees
 * nothing.
 *
 * **The contestants**
 * - `columns`: dense columns by hand, swap-remove, no identity: the baseline
 * - `slab`: a slab by hand, unchecked
 * - `objects`: objects of six classes in arrays, with one function that sweeps them; `objects/sweeps` has one for each class
 * - `loop`, `forEach`, `forOf`: pools, each as `…/init` (born by `alloc({ … })`) and as `…/cursor` (by `allocAt` and writes)
 * - `wolf-ecs`, `bitecs`: a component and a query for each kind
 *
 * The program of each is written from one table of kinds (`kinds.ts`), with every loop and callback in full, as one would write it
 * by hand: so all do the same, and each game has literals of its own. `--smoke --tools dir` leaves them in `dir/deno` to be read.
 *
 * **The method.** Every contestant plays in a process of its own. In a round each has one turn, and every round starts with
 * another one. The figure of a round is the median of its frames. The best and the median of the rounds are shown, and ratios are of
 * the bests, as whatever else the machine does can only add to a round. The 99th percentile is the median of the rounds'. Collections
 * are those during the frames that count, read from V8's trace, in the median round. At the end all records are summed up, and all
 * contestants must agree: on the count and the integers exactly, on the floats as `runner.ts` says.
 *
 * **Caveats**
 * - Ratios hold from machine to machine, nanoseconds do not.
 * - The time of a frame has one reading of the clock in it, 0.1 µs: that is 0.3 ns a record with 50 live of each kind.
 * - Objects hold doubles, as anyone would have them; all others hold f32.
 * - Nothing in the game refers to a record from elsewhere. Columns could not have that, and objects have it for nothing.
 * - Bun does not tell of its collections. Node and Bun run the module as `deno bundle` writes it.
 * - With `--no-births` the doubles of `objects` drift away from floats with every frame, and the tolerance is wider.
 *
 * **Options**
 * - `--live n`: records of each kind (5000); given again, another table. `--frames n` (1000), `--warm-up n` (500), `--rounds n` (6)
 * - `--contestant name`: this one and the baseline; may be given again; `loop` means both of its styles
 * - `--runtime deno|node20|node24|bun|all` (deno): may be given again; they come from npm, and `--tools dir` keeps them
 * - `--no-births`: see above
 * - `--second`: also the second of two games in one process, with twelve structs, after the first was played for as many frames
 * - `--long`: also one game of 32,000 frames: a frame about the 1,000th and about the 20,000th, and all collections. Takes minutes
 * - `--smoke`: all of that in a few seconds, only to prove that everything runs and agrees
 *
 * @module
 */
import { type Options, optionsOf } from "./options.ts";
import { playAll, type Player } from "./runner.ts";
import { type Command, commandsOf } from "./runtimes.ts";
import { longTable, mainTable } from "./tables.ts";

/** Plays all that is asked for with so many live, on a runtime, and prints the tables. */
async function report(options: Options, live: number, command: Command): Promise<void> {
  const { births, warmUp, frames, rounds, longFrames } = options;
  const players = (changes: { warmUp?: number; frames?: number; second?: boolean }): Player[] =>
    options.contestants.map((contestant) => ({
      plan: { contestant, live, births, warmUp, frames, second: false, ...changes },
      rounds: [],
    }));
  const title = `${command.runtime} ${command.version}, ${live} live of each kind`;
  console.log(
    `\n## ${title}${births ? "" : ", no births"}, ${rounds} rounds of ${frames} frames\n`,
  );
  const alone = players({}), second = options.second ? players({ second: true }) : [];
  await playAll([...alone, ...second], command, rounds);
  console.log(mainTable(alone, second));
  if (longFrames === 0) return;
  const long = players({ warmUp: 0, frames: longFrames });
  await playAll(long, command, 1);
  console.log(`\n${longTable(long)}`);
}

async function main(): Promise<void> {
  const options = optionsOf(Deno.args);
  const dir = options.tools ?? await Deno.makeTempDir();
  try {
    for (const command of await commandsOf(options.runtimes, dir)) {
      for (const live of options.live) await report(options, live, command);
    }
  } finally {
    if (options.tools === undefined) await Deno.remove(dir, { recursive: true });
  }
}

await main();
