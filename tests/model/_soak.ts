/**
 * The soak: random operations on many allocators in turn, each of which is compared with what it
 * must hold.
 *
 * All choices come from one seed: the same seed and number of operations are the same run.
 *
 * @module
 */
import { debug, spread } from "../../mod.ts";
import { Random } from "../_random.ts";
import type { Source } from "./_memories.ts";
import { KINDS, structsOf, subjectOf } from "./_runs.ts";

/** An allocator under test and all that is expected of it. */
export interface Player {
  readonly source: Source;
  /** How many allocations are live. */
  readonly live: number;
  /** Does one operation with choices of `random`, asserts what must be, and returns its name. */
  step(random: Random): string;
  /** Does the operation of that name; returns `OUT_OF_MEMORY` where there was none for it. */
  play(name: string, seed: number): unknown;
  /** Asserts all that must be of the whole. */
  check(): void;
  /** All that a later operation can depend on. */
  all(): unknown;
  /** Disposes of the allocator, whatever is live, and asserts that all memory was released. */
  dispose(): void;
}

/** What makes one allocator after another. */
export interface Maker {
  readonly name: string;
  /** Operations of its turn. */
  readonly turn: number;
  make(random: Random): Player;
}

/** Every kind of pool on some kinds of memory, and in debug mode. */
export const POOLS: readonly Maker[] = Object.entries(KINDS).flatMap(([name, kind]) =>
  (kind.isShared ? [] : ["heap", "debug", "tight", "wasm"] as const).map((how): Maker => ({
    name: `${name}, ${how}`,
    turn: how === "debug" ? 250 : 1000,
    make(random) {
      const reuse = random.pick(["recent", spread] as const);
      const options = {
        handles: random.pick(["compact", "wide"] as const),
        reuse,
        chunksPerBlock: random.pick([16, 64, 256]),
        keepEmptyBlocks: random.below(4),
        debug: how === "debug" && debug,
      };
      const most = reuse === "recent" ? 1024 : 4096;
      const memory = how === "debug" ? "heap" : how;
      return subjectOf(kind, structsOf(kind), options, memory, most, 64);
    },
  }))
);

/** Turns, on the average, after which an allocator is disposed of and another one made. */
const TURNS = 40;

/**
 * Plays operations on one allocator after another.
 *
 * @param seed Any integer.
 * @param makers What takes part.
 * @param most How many operations.
 * @param goesOn Called before each turn with how many there were; returns whether to go on.
 * @returns How many there were of each name.
 * @throws {Error} with the failure as its cause.
 */
export function soak(
  seed: number,
  makers: readonly Maker[],
  most: number,
  goesOn: (operations: number) => boolean = () => true,
): Map<string, number> {
  const seeds = new Random(seed);
  const seats = makers.map((maker) => {
    const random = new Random(seeds.bits());
    return { maker, random, player: maker.make(random) };
  });
  const tally = new Map<string, number>();
  let operations = 0, name = "";
  try {
    for (let i = 0; operations < most && goesOn(operations); i = (i + 1) % seats.length) {
      const { maker, random, player } = seats[i];
      name = maker.name;
      for (let left = Math.min(maker.turn, most - operations); left > 0; left--) {
        operations++;
        const what = player.step(random);
        tally.set(what, (tally.get(what) ?? 0) + 1);
      }
      player.check();
      if (!random.oneIn(TURNS)) continue;
      player.dispose();
      seats[i].player = maker.make(random);
    }
    for (const { maker, player } of seats) {
      name = maker.name;
      player.dispose();
    }
  } catch (cause) {
    const again = `deno task soak --seed ${seed} --operations ${operations}`;
    const message = `${name} failed at operation ${operations}: ${cause}`;
    throw new Error(`${message}\nIt fails again with: ${again}`, { cause });
  }
  return tally;
}
