/**
 * The soak: random operations on many allocators in turn, each of which is compared with what it
 * must hold.
 *
 * All choices come from one seed: the same seed and number of operations are the same run.
 *
 * @module
 */
import { debug } from "../../mod.ts";
import { Random } from "../_random.ts";
import type { Source } from "./_memories.ts";
import { KINDS, subjectsOf } from "./_runs.ts";
import { makeStructs } from "./_values.ts";

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
      const reuse = random.pick(["recent", "spread"] as const);
      const options = {
        handles: random.pick(["compact", "wide"] as const),
        reuse,
        chunksPerBlock: random.pick([16, 64, 256]),
        keepEmptyBlocks: random.below(4),
      };
      const most = reuse === "recent" ? 1024 : 4096;
      const [memory, mode] = how === "debug" ? ["heap" as const, { debug }] : [how, {}];
      return subjectsOf(kind, kind.structs(makeStructs()), options, memory, [mode], most, 64)[0];
    },
  }))
);

/** Turns, on the average, after which an allocator is disposed of and another one made. */
const TURNS = 40;

interface Seat {
  readonly maker: Maker;
  readonly random: Random;
  player?: Player | undefined;
}

/** A run. */
export class Soak {
  readonly seed: number;
  /** Operations up to now by name. */
  readonly tally: Map<string, number> = new Map();
  operations = 0;
  readonly #seats: readonly Seat[];
  #turn = 0;

  /**
   * @param seed Any integer.
   * @param makers What takes part.
   */
  constructor(seed: number, makers: readonly Maker[]) {
    this.seed = seed;
    const seeds = new Random(seed);
    this.#seats = makers.map((maker) => ({ maker, random: new Random(seeds.bits()) }));
  }

  /** How many allocations are live in all of them. */
  get live(): number {
    return this.#seats.reduce((sum, { player }) => sum + (player?.live ?? 0), 0);
  }

  /**
   * Gives the next allocator its turn.
   *
   * @param most Operations at the most.
   * @throws {Error} with the failure as its cause.
   */
  turn(most: number = Infinity): void {
    const seat = this.#seats[this.#turn++ % this.#seats.length];
    const { maker, random } = seat;
    this.#guard(seat, () => {
      const player = seat.player ??= maker.make(random);
      for (let i = Math.min(maker.turn, most); i > 0; i--) {
        this.operations++;
        const name = player.step(random);
        this.tally.set(name, (this.tally.get(name) ?? 0) + 1);
      }
      player.check();
    });
    if (random.oneIn(TURNS)) this.#end(seat);
  }

  /** Disposes of every allocator. */
  end(): void {
    for (const seat of this.#seats) this.#end(seat);
  }

  #end(seat: Seat): void {
    this.#guard(seat, () => seat.player?.dispose());
    seat.player = undefined;
  }

  #guard({ maker: { name } }: Seat, act: () => void): void {
    try {
      act();
    } catch (cause) {
      const again = `deno task soak --seed ${this.seed} --operations ${this.operations}`;
      const message = `${name} failed at operation ${this.operations}: ${cause}`;
      throw new Error(`${message}\nIt fails again with: ${again}`, { cause });
    }
  }
}
