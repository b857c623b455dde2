/**
 * The soak: random operations on many allocators in turn, each of which knows what it must hold.
 *
 * Everything comes from one seed. An allocator draws from a generator of its own, and they take turns in a fixed order,
 * so that the same seed and number of operations give the same run.
 *
 * @module
 */
import { Random } from "./_random.ts";

/** An allocator under test, with all that is expected of it. */
export interface Subject {
  /** What is live in it. */
  readonly live: number;
  /**
   * Does one operation, and asserts what is to be said of it.
   *
   * @param random Where every choice comes from.
   * @returns What it was, for the report.
   */
  step(random: Random): string;
  /** Looks at everything: the books, every pattern, every byte of memory that is lent. */
  check(): void;
  /** Disposes of the allocator, whatever is live, and asserts that all memory went back. */
  dispose(): void;
}

/** How a subject comes to be. */
export interface Maker {
  readonly name: string;
  /** Operations of its turn. */
  readonly turn: number;
  /**
   * @param random For what the subject may vary from one life to the next.
   * @returns A new subject.
   */
  make(random: Random): Subject;
}

/** Turns, on the average, after which a subject is disposed of and another takes its place. */
const LIFE = 40;

/** A place where one subject lives after the other. */
interface Seat {
  readonly maker: Maker;
  readonly random: Random;
  subject: Subject | undefined;
}

/** What went wrong, and when. */
export class SoakError extends Error {
  override readonly name = "SoakError";
}

/** A run. */
export class Soak {
  readonly seed: number;
  /** Operations done so far, by what they were. */
  readonly tally: Map<string, number> = new Map();
  operations = 0;
  checks = 0;
  /** Subjects disposed of. */
  disposals = 0;
  /** The most that were live at once. */
  peakLive = 0;
  readonly #seats: readonly Seat[];
  #turn = 0;

  /**
   * @param seed Any integer.
   * @param makers What takes part.
   */
  constructor(seed: number, makers: readonly Maker[]) {
    this.seed = seed;
    const seeds = new Random(seed);
    this.#seats = makers.map((maker) => {
      return { maker, random: new Random(seeds.bits()), subject: undefined };
    });
  }

  /** What is live in all subjects. */
  get live(): number {
    return this.#seats.reduce((sum, { subject }) => sum + (subject?.live ?? 0), 0);
  }

  /** How many take part. */
  get subjects(): number {
    return this.#seats.length;
  }

  /**
   * Gives the next subject its turn.
   *
   * @param most Operations at the most.
   * @throws {SoakError} with the failure as its cause.
   */
  turn(most: number = Infinity): void {
    const seat = this.#seats[this.#turn++ % this.#seats.length];
    this.#guard(seat.maker, () => {
      const subject = seat.subject ??= seat.maker.make(seat.random);
      for (let i = Math.min(seat.maker.turn, most); i > 0; i--) {
        this.operations++;
        const what = subject.step(seat.random);
        this.tally.set(what, (this.tally.get(what) ?? 0) + 1);
      }
      subject.check();
      this.checks++;
      if (seat.random.oneIn(LIFE)) this.#end(seat);
    });
    this.peakLive = Math.max(this.peakLive, this.live);
  }

  /** Does so many operations and disposes of every subject. */
  run(operations: number): void {
    while (this.operations < operations) this.turn(operations - this.operations);
    this.end();
  }

  /** Disposes of every subject. */
  end(): void {
    for (const seat of this.#seats) this.#guard(seat.maker, () => this.#end(seat));
  }

  #end(seat: Seat): void {
    if (seat.subject === undefined) return;
    const { subject } = seat;
    seat.subject = undefined;
    subject.dispose();
    this.disposals++;
  }

  #guard({ name }: Maker, act: () => void): void {
    try {
      act();
    } catch (cause) {
      const message =
        `${name} failed at operation ${this.operations}: ${cause}\nIt fails again with: ` +
        `deno task soak --seed ${this.seed} --operations ${this.operations}`;
      throw new SoakError(message, { cause });
    }
  }
}
