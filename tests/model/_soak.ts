/**
 * The soak: random operations on many allocators in turn, each of which is compared with what it
 * must hold.
 *
 * All choices come from one seed: the same seed and number of operations are the same run.
 *
 * @module
 */
import { debug as debugMode } from "../../mod.ts";
import { Random } from "../_random.ts";
import type { SourceKind } from "./_memories.ts";
import { play, POOL_NAMES, RECORD_NAMES } from "./_operations.ts";
import { KINDS, subjectsOf } from "./_runs.ts";
import { makeStructs } from "./_values.ts";

/** An allocator under test and all that is expected of it. */
export interface Player {
  /** How many allocations are live. */
  readonly live: number;
  /** Does one operation with choices of `random`, asserts what must be, and returns its name. */
  step(random: Random): string;
  /** Asserts all that must be of the whole. */
  check(): void;
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

const MAX_CHUNKS = { recent: 1024, spread: 4096 } as const;

/** Every kind of pool, in debug mode and without, on some kinds of memory. */
export const POOLS: readonly Maker[] = Object.entries(KINDS).flatMap(([name, kind]) =>
  ([["heap", false], ["heap", true], ["tight", false], ["wasm", false]] as [SourceKind, boolean][])
    .filter(() => !kind.isShared)
    .map(([memory, debug]): Maker => ({
      name: `${name} on ${memory}${debug ? ", debug" : ""}`,
      turn: debug ? 250 : 1000,
      make(random) {
        const reuse = random.pick(["recent", "spread"] as const);
        const options = {
          handles: random.pick(["compact", "wide"] as const),
          reuse,
          chunksPerBlock: random.pick([16, 64, 256]),
          keepEmptyBlocks: random.below(4),
        };
        const most = MAX_CHUNKS[reuse];
        const modes = [{ debug: debug && debugMode }];
        const structs = kind.structs(makeStructs());
        const [it] = subjectsOf(kind, structs, options, memory, modes, most, 64);
        return {
          get live() {
            return it.state.live.size;
          },
          step(random) {
            const name = random.pick(random.oneIn(100) ? POOL_NAMES : RECORD_NAMES);
            play(it, name, random.bits());
            return name;
          },
          check: () => it.compare(),
          dispose: () => it.dispose(),
        };
      },
    }))
);

/** Turns, on the average, after which an allocator is disposed of and another one made. */
const TURNS = 40;

/** What went wrong, and when. */
export class SoakError extends Error {
  override readonly name = "SoakError";
}

/** A run. */
export class Soak {
  readonly seed: number;
  /** Operations up to now by name. */
  readonly tally: Map<string, number> = new Map();
  operations = 0;
  checks = 0;
  disposals = 0;
  readonly #seats: {
    readonly maker: Maker;
    readonly random: Random;
    player?: Player | undefined;
  }[];
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
   * @throws {SoakError} with the failure as its cause.
   */
  turn(most: number = Infinity): void {
    const seat = this.#seats[this.#turn++ % this.#seats.length];
    this.#guard(seat.maker, () => {
      const player = seat.player ??= seat.maker.make(seat.random);
      for (let i = Math.min(seat.maker.turn, most); i > 0; i--) {
        this.operations++;
        const name = player.step(seat.random);
        this.tally.set(name, (this.tally.get(name) ?? 0) + 1);
      }
      player.check();
      this.checks++;
      if (seat.random.oneIn(TURNS)) this.#end(seat);
    });
  }

  /** Disposes of every allocator. */
  end(): void {
    for (const seat of this.#seats) this.#guard(seat.maker, () => this.#end(seat));
  }

  #end(seat: { player?: Player | undefined }): void {
    const { player } = seat;
    seat.player = undefined;
    if (player === undefined) return;
    player.dispose();
    this.disposals++;
  }

  #guard({ name }: Maker, act: () => void): void {
    try {
      act();
    } catch (cause) {
      const again = `deno task soak --seed ${this.seed} --operations ${this.operations}`;
      const message = `${name} failed at operation ${this.operations}: ${cause}`;
      throw new SoakError(`${message}\nIt fails again with: ${again}`, { cause });
    }
  }
}
