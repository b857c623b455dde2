/**
 * Particles in a slab by hand: the limit for records that stay where they are and can be named.
 *
 * What a good programmer writes for this one struct, with no check: blocks of chunks, freed chunks in a list through their own
 * first words, a bit for each chunk that is live, and the index as the reference, without a generation. A record is zeroed as it
 * is taken, as a pool's is.
 *
 * @module
 */
import { BLOCK, WORDS } from "../../_particles.ts";
import {
  addTo,
  type NamedHerd,
  noSums,
  type Refs,
  speedX,
  speedY,
  startX,
  startY,
  type Sums,
} from "../herd.ts";

/** log2 of the chunks in a block, and as many ones. */
const BITS = 31 - Math.clz32(BLOCK);
const MASK = BLOCK - 1;
/** Words of bits in a block. */
const BIT_WORDS = BLOCK >> 5;
const NONE = -1;

/** Fields, in words. */
const X = 0, Y = 1, VX = 2, VY = 3, LIFE = 4;

export class SlabHerd implements NamedHerd<number> {
  size = 0;
  /** Each block's memory, as floats and as integers. */
  readonly #floats: Float32Array[] = [];
  readonly #words: Int32Array[] = [];
  /** Each block's live bits. */
  readonly #bits: Int32Array[] = [];
  /** The chunk freed last, and the first that was never used. */
  #head = NONE;
  #bump = 0;

  #alloc(): number {
    let index = this.#head;
    if (index === NONE) {
      index = this.#bump++;
      if ((index & MASK) === 0) this.#grow();
      this.#markLive(index);
      return index; // a new block is zero
    }
    const words = this.#words[index >>> BITS];
    const at = (index & MASK) * WORDS;
    this.#head = words[at];
    words[at] = 0;
    words[at + 1] = 0;
    words[at + 2] = 0;
    words[at + 3] = 0;
    words[at + 4] = 0;
    this.#markLive(index);
    return index;
  }

  #markLive(index: number): void {
    this.#bits[index >>> BITS][(index & MASK) >> 5] |= 1 << (index & 31);
    this.size++;
  }

  #grow(): void {
    const floats = new Float32Array(BLOCK * WORDS);
    this.#floats.push(floats);
    this.#words.push(new Int32Array(floats.buffer));
    this.#bits.push(new Int32Array(BIT_WORDS));
  }

  remove(index: number): void {
    const block = index >>> BITS;
    this.#words[block][(index & MASK) * WORDS] = this.#head;
    this.#head = index;
    this.#bits[block][(index & MASK) >> 5] &= ~(1 << (index & 31));
    this.size--;
  }

  take(life: number): number {
    const index = this.#alloc();
    this.#words[index >>> BITS][(index & MASK) * WORDS + LIFE] = life;
    return index;
  }

  add(i: number, life: number): number {
    const index = this.#alloc();
    const at = (index & MASK) * WORDS;
    const floats = this.#floats[index >>> BITS];
    floats[at + X] = startX(i);
    floats[at + Y] = startY(i);
    floats[at + VX] = speedX(i);
    floats[at + VY] = speedY(i);
    this.#words[index >>> BITS][at + LIFE] = life;
    return index;
  }

  spawn(i: number, life: number): void {
    this.add(i, life);
  }

  once(life: number): number {
    const index = this.#alloc();
    const words = this.#words[index >>> BITS];
    const at = (index & MASK) * WORDS + LIFE;
    words[at] = life;
    const got = words[at];
    this.remove(index);
    return got;
  }

  refs(count: number): Refs<number> {
    return new Int32Array(count);
  }

  xOf(index: number): number {
    return this.#floats[index >>> BITS][(index & MASK) * WORDS + X];
  }

  lifeOf(index: number): number {
    return this.#words[index >>> BITS][(index & MASK) * WORDS + LIFE];
  }

  // Each loop has the two cases of a word of bits: all live, which needs no look at the bits, and some.

  frame(dt: number): void {
    for (let block = 0; block < this.#bits.length; block++) {
      const bits = this.#bits[block];
      const floats = this.#floats[block], words = this.#words[block];
      for (let word = 0; word < BIT_WORDS; word++) {
        let left = bits[word];
        if (left === -1) {
          let at = (word << 5) * WORDS;
          for (const end = at + 32 * WORDS; at < end; at += WORDS) {
            floats[at + X] += floats[at + VX] * dt;
            floats[at + Y] += floats[at + VY] * dt;
            if (--words[at + LIFE] === 0) this.remove((block << BITS) + at / WORDS);
          }
          continue;
        }
        while (left !== 0) {
          const chunk = (word << 5) + 31 - Math.clz32(left & -left);
          const at = chunk * WORDS;
          floats[at + X] += floats[at + VX] * dt;
          floats[at + Y] += floats[at + VY] * dt;
          if (--words[at + LIFE] === 0) this.remove((block << BITS) + chunk);
          left &= left - 1;
        }
      }
    }
  }

  pass(dt: number): void {
    for (let block = 0; block < this.#bits.length; block++) {
      const bits = this.#bits[block];
      const floats = this.#floats[block];
      for (let word = 0; word < BIT_WORDS; word++) {
        let left = bits[word];
        if (left === -1) {
          const end = ((word << 5) + 32) * WORDS;
          for (let at = (word << 5) * WORDS; at < end; at += WORDS) {
            floats[at + X] += floats[at + VX] * dt;
            floats[at + Y] += floats[at + VY] * dt;
          }
          continue;
        }
        while (left !== 0) {
          const at = ((word << 5) + 31 - Math.clz32(left & -left)) * WORDS;
          floats[at + X] += floats[at + VX] * dt;
          floats[at + Y] += floats[at + VY] * dt;
          left &= left - 1;
        }
      }
    }
  }

  touchOne(): void {
    for (let block = 0; block < this.#bits.length; block++) {
      const bits = this.#bits[block];
      const words = this.#words[block];
      for (let word = 0; word < BIT_WORDS; word++) {
        let left = bits[word];
        if (left === -1) {
          const end = ((word << 5) + 32) * WORDS;
          for (let at = (word << 5) * WORDS; at < end; at += WORDS) words[at + LIFE] += 1;
          continue;
        }
        while (left !== 0) {
          words[((word << 5) + 31 - Math.clz32(left & -left)) * WORDS + LIFE] += 1;
          left &= left - 1;
        }
      }
    }
  }

  touchAll(): void {
    for (let block = 0; block < this.#bits.length; block++) {
      const bits = this.#bits[block];
      const floats = this.#floats[block], words = this.#words[block];
      for (let word = 0; word < BIT_WORDS; word++) {
        let left = bits[word];
        if (left === -1) {
          const end = ((word << 5) + 32) * WORDS;
          for (let at = (word << 5) * WORDS; at < end; at += WORDS) bump(floats, words, at);
          continue;
        }
        while (left !== 0) {
          bump(floats, words, ((word << 5) + 31 - Math.clz32(left & -left)) * WORDS);
          left &= left - 1;
        }
      }
    }
  }

  sums(): Sums {
    const sums = noSums();
    for (let index = 0; index < this.#bump; index++) {
      const block = index >>> BITS, chunk = index & MASK;
      if ((this.#bits[block][chunk >> 5] & 1 << (chunk & 31)) === 0) continue;
      const floats = this.#floats[block];
      const at = chunk * WORDS;
      addTo(
        sums,
        floats[at + X],
        floats[at + Y],
        floats[at + VX],
        floats[at + VY],
        this.#words[block][at + LIFE],
      );
    }
    return sums;
  }
}

function bump(floats: Float32Array, words: Int32Array, at: number): void {
  floats[at + X] += 1;
  floats[at + Y] += 1;
  floats[at + VX] += 1;
  floats[at + VY] += 1;
  words[at + LIFE] += 1;
}
