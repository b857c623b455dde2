/**
 * A contestant in a process of its own: `worker.ts <plan as JSON> <program> [<program of the game before>]`, on Deno, Node or Bun. It
 * tells its outcome on the standard error stream, as V8 writes its trace of collections to the other one.
 *
 * @module
 */
import { argv } from "node:process";
import { pathToFileURL } from "node:url";
import { type Game, lives, type Program, Sums } from "./game.ts";
import { MARK, type Outcome, type Plan } from "./plan.ts";

/** What engines have when they are asked for it. */
const { gc } = globalThis as { gc?: (options: { type: "minor" }) => void };

async function gameOf(path: string, { live, births }: Plan): Promise<Game> {
  const program: Program = await import(pathToFileURL(path).href);
  return program.make({ live, nextLife: lives(births) });
}

/** @returns Milliseconds of each frame. */
function play(game: Game, frames: number): number[] {
  const times = new Float64Array(frames);
  for (let i = 0; i < frames; i++) {
    const start = performance.now();
    game.update();
    times[i] = performance.now() - start;
  }
  return [...times];
}

/** Marks a place in the trace. */
function mark(): void {
  gc?.({ type: "minor" });
}

function weigh(game: Game): Sums {
  const sums = new Sums();
  game.weigh(sums);
  return sums;
}

const plan: Plan = JSON.parse(argv[2]);
const games: Game[] = [];
if (plan.second) {
  games.push(await gameOf(argv[4], plan));
  play(games[0], plan.warmUp + plan.frames);
}
const game = await gameOf(argv[3], plan);
games.push(game);
play(game, plan.warmUp);
mark();
const times = play(game, plan.frames);
mark();
const outcome: Outcome = { times, sums: games.map(weigh) };
console.error(MARK + JSON.stringify(outcome));
