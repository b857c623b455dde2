/** What every contestant does, and the sums that prove it. */

/** A game that is filled and ready. */
export interface Game {
  /** Plays a frame: moves all kinds, ages all kinds, then fills each kind up again. */
  update(): void;
  /** Adds every live record to the sums. */
  weigh(sums: Sums): void;
}

/** What a game is made with. */
export interface Rules {
  /** Records of each kind, after every frame. */
  readonly live: number;
  /** Gives the life of the record that is born next, in frames. */
  readonly nextLife: () => number;
}

/** What a program exports. */
export interface Program {
  make(rules: Rules): Game;
}

/** Frames that a record lives at most where lives end. */
export const LONGEST_LIFE = 29;

/** Frames that a record lives at least where they do not: past any run, and within a `u16`. */
export const ENDLESS_LIFE = 65_000;

/**
 * @param births Whether lives end, after 10 to 29 frames, so that one record in twenty is replaced each frame.
 * @returns A function that gives one life after another, the same ones in every process.
 */
export function lives(births: boolean): () => number {
  const least = births ? 10 : ENDLESS_LIFE;
  const state = new Uint32Array([12_345]); // in an array, as engines box numbers of 32 bits
  return () => {
    state[0] = Math.imul(state[0], 1_664_525) + 1_013_904_223;
    return least + (state[0] >>> 8) % 20;
  };
}

/** What the records of a game come to, in whatever order they are added. */
export class Sums {
  /** How many there are. */
  records = 0;
  /** Of the integers of all records, modulo 2^32. */
  integers = 0;
  /** Of each record's floats times its life, so that a life among another record's floats shows. All are positive. */
  floats = 0;

  /** @param integers All of them, `life` among them. */
  add(life: number, integers: readonly number[], floats: readonly number[]): void {
    this.records++;
    this.integers += integers.reduce((hash, it) => Math.imul(hash, 31) + it, 0);
    this.integers >>>= 0;
    floats.forEach((it, i) => this.floats += life * (i + 1) * it);
  }
}
