/**
 * What happens before what, in the sense of the memory model: who can know of the last write to a
 * place, and of the reads since. An access that is not atomic has to come after the last write by
 * that order, and a write after the reads as well; else it is a race, and what it reads is
 * anybody's guess, whatever the order of steps was.
 *
 * The usual vector clocks would tell the same, but they count, so that no two ways to a world would
 * ever meet. Here everybody, threads as well as the words that they pass knowledge on by, has four
 * bits for each place: whether the last write is known, and the last read of each of up to three
 * threads.
 *
 * @module
 */

/** Places to a word of bits. */
const PLACES = 8;
const BITS = 4;
const ALL = (1 << BITS) - 1;

/** Who knows of which accesses. */
export class Order {
  /** Two words of bits for each of those that know. */
  readonly known: number[];

  constructor(known: number[]) {
    this.known = known;
  }

  /** Everybody knows everything. */
  static of(parties: number): Order {
    return new Order(Array(2 * parties).fill(-1));
  }

  copy(): Order {
    return new Order(this.known.slice());
  }

  /** One comes to know what another does. */
  learn(party: number, from: number): void {
    this.known[2 * party] |= this.known[2 * from];
    this.known[2 * party + 1] |= this.known[2 * from + 1];
  }

  /** One forgets what it knew, and knows what another does. */
  become(party: number, from: number): void {
    this.known[2 * party] = this.known[2 * from];
    this.known[2 * party + 1] = this.known[2 * from + 1];
  }

  /** A thread reads a place; tells whether it knows of the last write. */
  read(thread: number, place: number): boolean {
    const shift = place % PLACES * BITS;
    const plane = place < PLACES ? 0 : 1;
    const isOrdered = (this.known[2 * thread + plane] >>> shift & 1) === 1;
    const mine = 2 << thread << shift;
    for (let i = plane; i < this.known.length; i += 2) this.known[i] &= ~mine;
    this.known[2 * thread + plane] |= mine;
    return isOrdered;
  }

  /**
   * A thread writes a place; tells whether it knows of the reads since the last write, and of that,
   * unless both are atomic.
   */
  write(thread: number, place: number, isAtomic: boolean): boolean {
    const shift = place % PLACES * BITS;
    const plane = place < PLACES ? 0 : 1;
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
