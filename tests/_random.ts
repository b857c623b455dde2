/**
 * A generator of our own, so that a run is the same for the same seed in every engine.
 *
 * @module
 */

/** Numbers that look random: mulberry32 (Tommy Ettinger, 2017), 32 bits of state. */
export class Random {
  #state: number;

  /** @param seed Any integer; its low 32 bits count. */
  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** @returns An integer from 0 to 2^32 - 1. */
  bits(): number {
    this.#state = this.#state + 0x6d2b79f5 | 0;
    let mixed = Math.imul(this.#state ^ this.#state >>> 15, this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ mixed >>> 7, mixed | 61);
    return (mixed ^ mixed >>> 14) >>> 0;
  }

  /** @returns An integer from 0 to n - 1, for a positive n. */
  below(n: number): number {
    return Math.floor(this.bits() / 2 ** 32 * n);
  }

  /** @returns True once in n times. */
  oneIn(n: number): boolean {
    return this.below(n) === 0;
  }

  /** @returns One of them, of which there must be one at least. */
  pick<T>(of: readonly T[]): T {
    return of[this.below(of.length)];
  }
}
