/**
 * The six-kind game as questions: what does a frame of a whole program cost with pools, and with
 * what one would use instead?
 *
 * An engine keeps what it learns of types with the text of a function. A benchmark of one pool and
 * one loop shows the best case, which no program has. This one has six kinds of record, 5,000 live
 * of each, and two loops a kind. A frame moves all kinds, takes one from the life of every record
 * and frees those that have none left, and then fills each kind up again. Lives are 10 to 29 frames,
 * so 5 % of the records are replaced each frame. Without births lives are longer than the run.
 *
 * - `columns`: dense columns by hand, swap-remove, no identity: the baseline
 * - `slab`: a slab by hand, unchecked
 * - `objects`: objects of six classes in arrays, in one function; `objects/kinds` has functions for
 *   each class, as columns have
 * - `loop`, `forEach`, `forOf`: pools, each as `…/init` (born by `alloc({ … })`) and as `…/cursor`
 *   (by `allocAt` and writes)
 * - `wolf-ecs`, `bitecs`, `koota`: a component and a query for each kind
 *
 * The program of each is written from one table of kinds (`kinds.ts`), with every loop and callback
 * in full, as one would write it by hand: so all do the same, and each game has its own literals.
 *
 * Caveats: reading the clock is 0.3 ns a record with 50 live of each kind. In Chromium the time is a
 * multiple of 5 µs: of 0.17 ns a record. Objects hold doubles, as anyone would have them, and koota
 * has no other arrays; all others hold f32. No reference to a record is kept: columns could not have
 * one, and objects have it at no cost. Bun and browsers have no trace of their collections. All but
 * Deno run the module as `deno bundle` writes it.
 *
 * @module
 */
import type { Contestant, Question, Work } from "../harness/question.ts";
import { columns } from "./contestants/columns.ts";
import { ecs } from "./contestants/ecs.ts";
import { objects, objectsByKind } from "./contestants/objects.ts";
import { pools } from "./contestants/pools.ts";
import { slab } from "./contestants/slab.ts";
import { type Kind, KINDS } from "./kinds.ts";

// -- the programs --

/** What writes the program of each contestant. */
const WRITERS: Readonly<Record<string, (kinds: readonly Kind[]) => string>> = {
  columns,
  slab,
  objects,
  "objects/kinds": objectsByKind,
  "loop/init": (kinds) => pools(kinds, "loop", "init"),
  "loop/cursor": (kinds) => pools(kinds, "loop", "cursor"),
  "forEach/init": (kinds) => pools(kinds, "forEach", "init"),
  "forEach/cursor": (kinds) => pools(kinds, "forEach", "cursor"),
  "forOf/init": (kinds) => pools(kinds, "forOf", "init"),
  "forOf/cursor": (kinds) => pools(kinds, "forOf", "cursor"),
  "wolf-ecs": (kinds) => ecs(kinds, "wolf-ecs"),
  "bitecs": (kinds) => ecs(kinds, "bitecs"),
  "koota": (kinds) => ecs(kinds, "koota"),
};

/** @returns The text of a function body that returns a function which makes a `Game`. */
function programOf(contestant: string): string {
  return `"use strict";
const DT = 0.016; // seconds of a frame
${WRITERS[contestant](KINDS)}`;
}

/** A game that is filled and ready. */
interface Game {
  /** Plays a frame: moves all kinds, ages all kinds, then fills each kind up again. */
  update(): void;
  /** Adds every live record to the sums. */
  weigh(sums: Sums): void;
}

/** Frames that a record lives at most where lives end. */
const LONGEST_LIFE = 29;

/** Frames that a record lives at least where they do not: past any run, and within a `u16`. */
const ENDLESS_LIFE = 65_000;

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

/** @param live Records of each kind. */
async function gameOf(program: string, live: number, births: boolean): Promise<Game> {
  const lib = await import("./lib.ts");
  const make = new Function(...Object.keys(lib), program)(...Object.values(lib));
  return make({ live, nextLife: lives(births) });
}

// -- agreement --

/** The sums of all records of a game, which do not depend on the order in which they are added. */
class Sums {
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

/** @returns Whether two games came to the same sums, as JSON, but for a share of the floats. */
function isNear(expected: string, got: string, tolerance: number): boolean {
  const [a, b]: Sums[] = [expected, got].map((it) => JSON.parse(it));
  return a.records === b.records && a.integers === b.integers &&
    Math.abs(a.floats - b.floats) <= tolerance * a.floats;
}

/**
 * How far a sum of floats may be off, as a share of it. Columns and records hold the same floats to
 * the bit, and only the order of adding them differs. Doubles are not rounded to an f32 at each
 * write, which takes off up to 2^-24 of a value for each frame that the record has lived, and twice
 * that of a value that is moved by one that is itself rounded. No value is negative, so nothing
 * cancels.
 */
function toleranceOf(contestant: string, frames: number): number {
  return /^(objects|koota)/.test(contestant) ? 2 * 2 ** -24 * frames : 1e-9;
}

// -- the questions --

function contestantOf(label: string, births: boolean): [string, Contestant] {
  async function make(count: number): Promise<Work> {
    const game = await gameOf(programOf(label), count / KINDS.length, births);
    return {
      run: () => game.update(),
      checksum() {
        const sums = new Sums();
        game.weigh(sums);
        return JSON.stringify(sums);
      },
    };
  }
  return [label, { label, make }];
}

function question(name: string, title: string, births: boolean): Question {
  const contestants = Object.keys(WRITERS).map((it) => contestantOf(it, births));
  return {
    name: `game/${name}`,
    title,
    method:
      "`bench/game/game.ts` says what is done. Times are of a record in a frame. Ratios are of the bests.",
    measure: "frames",
    compare: "best",
    contestants: Object.fromEntries(contestants),
    baseline: "columns",
    traced: true,
    everywhere: "columns objects/kinds loop/init loop/cursor forEach/init forOf/init".split(" "),
    agrees(expected, got, contestant, { warmUp, samples }) {
      const frames = births ? LONGEST_LIFE : warmUp + samples;
      return isNear(expected, got, toleranceOf(contestant, frames));
    },
    plan: { count: 30_000, warmUp: 500, samples: 1_000, batch: 1, rounds: 4 },
    quickCount: 600,
  };
}

export const questions: readonly Question[] = [
  question("six-kinds", "The six-kind game", true),
  question("no-births", "The six-kind game, no births", false),
];
