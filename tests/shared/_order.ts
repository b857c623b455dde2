/**
 * Happens-before of the memory model: which thread knows of the last write to a location, and of
 * the reads since. A plain access must come after the last write in this order, and a plain write
 * after the reads as well. Otherwise it is a race, and what it reads is undefined, whatever the
 * order of the steps was.
 *
 * Vector clocks would say the same, but they count up, so no two paths would ever lead to the same
 * state. Here each party, a thread or an atomic word that threads pass knowledge by, has four bits
 * for each location: whether it knows of the last write, and of the last read of each of up to
 * three threads.
 *
 * @module
 */

/** Locations in a word of bits. */
const LOCATIONS = 8;
const BITS = 4;
const ALL = (1 << BITS) - 1;

/** Which party knows of which accesses. */
export class Order {
  /** Two words of bits for each party. */
  readonly known: number[];

  constructor(known: number[]) {
    this.known = known;
  }

  /** Starts where all parties know all accesses. */
  static of(parties: number): Order {
    return new Order(Array(2 * parties).fill(-1));
  }

  copy(): Order {
    return new Order(this.known.slice());
  }

  /** A party learns all that another knows. */
  learn(party: number, from: number): void {
    this.known[2 * party] |= this.known[2 * from];
    this.known[2 * party + 1] |= this.known[2 * from + 1];
  }

  /** A party knows only what another knows. */
  become(party: number, from: number): void {
    this.known[2 * party] = this.known[2 * from];
    this.known[2 * party + 1] = this.known[2 * from + 1];
  }

  /** A thread reads a location; returns whether it knows of the last write. */
  read(thread: number, location: number): boolean {
    const shift = location % LOCATIONS * BITS;
    const plane = location < LOCATIONS ? 0 : 1;
    const isOrdered = (this.known[2 * thread + plane] >>> shift & 1) === 1;
    const mine = 2 << thread << shift;
    for (let i = plane; i < this.known.length; i += 2) this.known[i] &= ~mine;
    this.known[2 * thread + plane] |= mine;
    return isOrdered;
  }

  /**
   * A thread writes a location; returns whether it knows of the reads since the last write, and of
   * that write unless both are atomic.
   */
  write(thread: number, location: number, isAtomic: boolean): boolean {
    const shift = location % LOCATIONS * BITS;
    const plane = location < LOCATIONS ? 0 : 1;
    const needed = isAtomic ? ALL - 1 : ALL;
    const isOrdered = (this.known[2 * thread + plane] >>> shift & needed) === needed;
    const [all, last] = [ALL << shift, 1 << shift];
    for (let i = plane; i < this.known.length; i += 2) {
      this.known[i] = (this.known[i] | all) & ~last;
    }
    this.known[2 * thread + plane] |= last;
    return isOrdered;
  }
}
