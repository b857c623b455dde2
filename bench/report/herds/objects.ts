/** Particles as objects: made anew each time, and recycled by hand. */
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

/** Floats from the start, as in a program that moves things: a field that was a small integer once has another representation. */
export class Mote {
  constructor(
    public x: number,
    public y: number,
    public vx: number,
    public vy: number,
    public life: number,
  ) {}
}

/** What does not depend on where the objects come from. */
export abstract class MoteHerd implements NamedHerd<Mote> {
  /** Those that were spawned and have not ended. */
  readonly all: Mote[] = [];

  get size(): number {
    return this.all.length;
  }

  abstract take(life: number): Mote;
  abstract add(i: number, life: number): Mote;
  abstract remove(mote: Mote): void;

  once(life: number): number {
    const mote = this.take(life);
    const got = mote.life;
    this.remove(mote);
    return got;
  }

  refs(count: number): Refs<Mote> {
    return new Array(count);
  }

  xOf(mote: Mote): number {
    return mote.x;
  }

  lifeOf(mote: Mote): number {
    return mote.life;
  }

  spawn(i: number, life: number): void {
    this.all.push(this.add(i, life));
  }

  frame(dt: number): void {
    const { all } = this;
    let kept = 0;
    for (let i = 0; i < all.length; i++) {
      const it = all[i];
      it.x += it.vx * dt;
      it.y += it.vy * dt;
      if (--it.life > 0) all[kept++] = it;
      else this.remove(it);
    }
    all.length = kept;
  }

  pass(dt: number): void {
    const { all } = this;
    for (let i = 0; i < all.length; i++) {
      const it = all[i];
      it.x += it.vx * dt;
      it.y += it.vy * dt;
    }
  }

  touchOne(): void {
    const { all } = this;
    for (let i = 0; i < all.length; i++) all[i].life += 1;
  }

  touchAll(): void {
    const { all } = this;
    for (let i = 0; i < all.length; i++) {
      const it = all[i];
      it.x += 1;
      it.y += 1;
      it.vx += 1;
      it.vy += 1;
      it.life += 1;
    }
  }

  sums(): Sums {
    const sums = noSums();
    for (const { x, y, vx, vy, life } of this.all) addTo(sums, x, y, vx, vy, life);
    return sums;
  }
}

/** `new` each time; what ended is the collector's part. */
export class ObjectsHerd extends MoteHerd {
  /** The last one taken, so that the compiler cannot do without the object. */
  last: Mote | undefined;

  take(life: number): Mote {
    return this.last = new Mote(0, 0, 0, 0, life);
  }

  add(i: number, life: number): Mote {
    return new Mote(startX(i), startY(i), speedX(i), speedY(i), life);
  }

  remove(): void {}
}

/** Those that ended wait in an array. */
export class RecycledHerd extends MoteHerd {
  readonly #spare: Mote[] = [];

  take(life: number): Mote {
    return clear(this.#spare.pop() ?? new Mote(0, 0, 0, 0, 0), life);
  }

  add(i: number, life: number): Mote {
    return write(this.#spare.pop() ?? new Mote(0, 0, 0, 0, 0), i, life);
  }

  remove(mote: Mote): void {
    this.#spare.push(mote);
  }
}

/** Writes every field, as a new one of the number has it. */
export function write(mote: Mote, i: number, life: number): Mote {
  mote.x = startX(i);
  mote.y = startY(i);
  mote.vx = speedX(i);
  mote.vy = speedY(i);
  mote.life = life;
  return mote;
}

/** Writes every field, all but the life with 0. */
export function clear(mote: Mote, life: number): Mote {
  mote.x = 0;
  mote.y = 0;
  mote.vx = 0;
  mote.vy = 0;
  mote.life = life;
  return mote;
}
