/** The six-kind game as a question: what every contestant does, and the sums that prove it. */
import { pathToFileURL } from "node:url";
import type { Contestant, Plan, Question, Work } from "../harness/question.ts";
import { BASELINE, CONTESTANTS, fileOf } from "./programs.ts";

/** A game that is filled and ready. */
export interface Game {
  /** Plays a frame: moves all kinds, ages all kinds, then fills each kind up again. */
  update(): void;
  /** Adds every live record to the sums. */
  weigh(sums: Sums): void;
}

/** What a program exports. */
interface Program {
  /**
   * Makes a game of `live` records of each kind. `nextLife` gives the life of the record that is
   * born next, in frames.
   */
  make(rules: { readonly live: number; readonly nextLife: () => number }): Game;
}

/** The plan of a game. Its count is that of records of each kind, and a sample is a frame. */
export interface GamePlan extends Plan {
  /** The directory with the programs. */
  readonly programs: string;
  /** Whether records die and are replaced. */
  readonly births: boolean;
  /** Whether another game is played as long before, in the same process. */
  readonly second: boolean;
}

/** Frames that a record lives at most where lives end. */
export const LONGEST_LIFE = 29;

/** Frames that a record lives at least where they do not: past any run, and within a `u16`. */
export const ENDLESS_LIFE = 65_000;

/**
 * @param births Whether lives end, after 10 to 29 frames, so that one record in twenty is replaced
 * each frame.
 * @returns A function that gives one life after another, the same ones in every process.
 */
function lives(births: boolean): () => number {
  const least = births ? 10 : ENDLESS_LIFE;
  const state = new Uint32Array([12_345]); // in an array, as engines box numbers of 32 bits
  return () => {
    state[0] = Math.imul(state[0], 1_664_525) + 1_013_904_223;
    return least + (state[0] >>> 8) % 20;
  };
}

/** The sums of all records of a game, which do not depend on the order in which they are added. */
export class Sums {
  records = 0;
  /** Of the integers of all records, modulo 2^32. */
  integers = 0;
  /**
   * Of each record's floats times its life, so that a life beside another record's floats shows.
   * All are positive.
   */
  floats = 0;

  /** @param integers All of them, `life` among them. */
  add(life: number, integers: readonly number[], floats: readonly number[]): void {
    this.records++;
    this.integers += integers.reduce((hash, it) => Math.imul(hash, 31) + it, 0);
    this.integers >>>= 0;
    floats.forEach((it, i) => this.floats += life * (i + 1) * it);
  }
}

async function makeGame(contestant: string, plan: GamePlan): Promise<Work> {
  const gameOf = async (isFirst: boolean): Promise<Game> => {
    const path = `${plan.programs}/${fileOf(contestant, isFirst)}`;
    const program: Program = await import(pathToFileURL(path).href);
    return program.make({ live: plan.count, nextLife: lives(plan.births) });
  };
  const games: Game[] = [];
  if (plan.second) {
    games.push(await gameOf(true));
    for (let frame = 0; frame < plan.warmUp + plan.samples; frame++) games[0].update();
  }
  const game = await gameOf(false);
  games.push(game);
  return {
    run: () => game.update(),
    checksum: () =>
      JSON.stringify(games.map((it) => {
        const sums = new Sums();
        it.weigh(sums);
        return sums;
      })),
  };
}

const contestants = CONTESTANTS.map((it): [string, Contestant] => [it, {
  label: it,
  make: (_, plan) => makeGame(it, plan as GamePlan), // all plans of the game are
}]);

/** The game, measured by `main.ts`. */
export const questions: readonly Question[] = [{
  name: "game/six-kinds",
  title: "The six-kind game",
  method: "See main.ts.",
  measure: "frames",
  contestants: Object.fromEntries(contestants),
  baseline: BASELINE,
  traced: true,
  keepsGarbage: true,
  plan: { count: 5_000, warmUp: 500, samples: 1_000, batch: 1, rounds: 6 },
  quickCount: 100,
}];
