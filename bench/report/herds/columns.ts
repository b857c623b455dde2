/**
 * Particles in columns by hand, kept dense by moving the last into the gap: the limit for those that need no name, as none of them
 * stays where it is.
 *
 * @module
 */
import { addTo, type Herd, noSums, speedX, speedY, startX, startY, type Sums } from "../herd.ts";

export class ColumnsHerd implements Herd {
  size = 0;
  #x: Float32Array<ArrayBuffer>;
  #y: Float32Array<ArrayBuffer>;
  #vx: Float32Array<ArrayBuffer>;
  #vy: Float32Array<ArrayBuffer>;
  #life: Uint32Array<ArrayBuffer>;

  /** @param capacity Room to start with; doubled, and everything copied, where it is not enough. */
  constructor(capacity: number) {
    this.#x = new Float32Array(capacity);
    this.#y = new Float32Array(capacity);
    this.#vx = new Float32Array(capacity);
    this.#vy = new Float32Array(capacity);
    this.#life = new Uint32Array(capacity);
  }

  spawn(i: number, life: number): void {
    const at = this.size++;
    if (at === this.#x.length) this.#grow();
    this.#x[at] = startX(i);
    this.#y[at] = startY(i);
    this.#vx[at] = speedX(i);
    this.#vy[at] = speedY(i);
    this.#life[at] = life;
  }

  #grow(): void {
    const capacity = this.#x.length * 2;
    const doubled = (column: Float32Array) => {
      const twice = new Float32Array(capacity);
      twice.set(column);
      return twice;
    };
    this.#x = doubled(this.#x);
    this.#y = doubled(this.#y);
    this.#vx = doubled(this.#vx);
    this.#vy = doubled(this.#vy);
    const life = new Uint32Array(capacity);
    life.set(this.#life);
    this.#life = life;
  }

  frame(dt: number): void {
    const x = this.#x, y = this.#y, vx = this.#vx, vy = this.#vy, life = this.#life;
    let count = this.size;
    for (let i = 0; i < count; i++) {
      x[i] += vx[i] * dt;
      y[i] += vy[i] * dt;
      if (--life[i] > 0) continue;
      count--;
      x[i] = x[count];
      y[i] = y[count];
      vx[i] = vx[count];
      vy[i] = vy[count];
      life[i] = life[count];
      i--; // the last one has come here, and has not been moved yet
    }
    this.size = count;
  }

  pass(dt: number): void {
    const x = this.#x, y = this.#y, vx = this.#vx, vy = this.#vy;
    for (let i = 0; i < this.size; i++) {
      x[i] += vx[i] * dt;
      y[i] += vy[i] * dt;
    }
  }

  touchOne(): void {
    const life = this.#life;
    for (let i = 0; i < this.size; i++) life[i] += 1;
  }

  touchAll(): void {
    const x = this.#x, y = this.#y, vx = this.#vx, vy = this.#vy, life = this.#life;
    for (let i = 0; i < this.size; i++) {
      x[i] += 1;
      y[i] += 1;
      vx[i] += 1;
      vy[i] += 1;
      life[i] += 1;
    }
  }

  sums(): Sums {
    const sums = noSums();
    for (let i = 0; i < this.size; i++) {
      addTo(sums, this.#x[i], this.#y[i], this.#vx[i], this.#vy[i], this.#life[i]);
    }
    return sums;
  }
}

/** The same five fields in one array, record by record: what growth costs without blocks. */
export class DoublingHerd {
  size = 0;
  #floats = new Float32Array(16 * 5);

  spawn(i: number, life: number): void {
    const at = this.size++ * 5;
    if (at === this.#floats.length) {
      const twice = new Float32Array(at * 2);
      twice.set(this.#floats);
      this.#floats = twice;
    }
    const floats = this.#floats;
    floats[at] = startX(i);
    floats[at + 1] = startY(i);
    floats[at + 2] = speedX(i);
    floats[at + 3] = speedY(i);
    floats[at + 4] = life; // below 2^24, and so exact
  }

  sums(): Sums {
    const sums = noSums();
    const it = this.#floats;
    for (let at = 0; at < this.size * 5; at += 5) {
      addTo(sums, it[at], it[at + 1], it[at + 2], it[at + 3], it[at + 4]);
    }
    return sums;
  }
}
