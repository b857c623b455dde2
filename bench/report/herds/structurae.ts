/**
 * Particles as the objects of a binary array of structurae, which its `Pool` of indices keeps: it has both, and joins them no
 * further. It has no list of what is live, so that a walk asks for the bit of each index, and a view is made for each record, as it has no
 * other way to stand at one.
 *
 * @module
 */
import { Pool, View } from "structurae";
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

interface Mote {
  x: number;
  y: number;
  vx: number;
  vy: number;
  life: number;
}

/** The classes of an array of particles and of its particles. */
function arrayClass() {
  const f32 = { type: "number", btype: "float32" } as const;
  return new View().create<Mote[]>({
    type: "array",
    items: {
      $id: "Mote",
      type: "object",
      properties: { x: f32, y: f32, vx: f32, vy: f32, life: { type: "integer", btype: "uint32" } },
    },
  });
}

/** As far as an array of objects has it; the package's own types do not tell it from the other views. */
interface MoteArray {
  getView(i: number): MoteView;
}

interface MoteView {
  get(field: keyof Mote): number;
  set(field: keyof Mote, value: number): void;
}

export class StructuraeHerd implements NamedHerd<number> {
  size = 0;
  readonly #array: MoteArray;
  readonly #pool: Pool;
  readonly #capacity: number;

  /** @param capacity Records that there may be at once. */
  constructor(capacity: number) {
    const MoteArray = arrayClass();
    this.#capacity = Math.ceil(capacity / 32) * 32; // as the bits go, all of which it gives out
    const bytes = MoteArray.getLength(this.#capacity);
    this.#array = new MoteArray(new ArrayBuffer(bytes)) as unknown as MoteArray;
    this.#pool = Pool.create(capacity) as Pool; // whose type is that of any array of bits
  }

  take(life: number): number {
    return this.#write(0, 0, 0, 0, life);
  }

  add(i: number, life: number): number {
    return this.#write(startX(i), startY(i), speedX(i), speedY(i), life);
  }

  #write(x: number, y: number, vx: number, vy: number, life: number): number {
    const index = this.#pool.get();
    const it = this.#array.getView(index);
    it.set("x", x);
    it.set("y", y);
    it.set("vx", vx);
    it.set("vy", vy);
    it.set("life", life);
    this.size++;
    return index;
  }

  once(life: number): number {
    const index = this.take(life);
    const got = this.lifeOf(index);
    this.remove(index);
    return got;
  }

  remove(index: number): void {
    this.#pool.free(index);
    this.size--;
  }

  spawn(i: number, life: number): void {
    this.add(i, life);
  }

  refs(count: number): Refs<number> {
    return new Int32Array(count);
  }

  xOf(index: number): number {
    return this.#array.getView(index).get("x");
  }

  lifeOf(index: number): number {
    return this.#array.getView(index).get("life");
  }

  frame(dt: number): void {
    for (let i = 0; i < this.#capacity; i++) {
      if (this.#pool.getBit(i) === 1) continue; // to be had
      const it = this.#array.getView(i);
      it.set("x", it.get("x") + it.get("vx") * dt);
      it.set("y", it.get("y") + it.get("vy") * dt);
      const life = it.get("life") - 1;
      it.set("life", life);
      if (life === 0) this.remove(i);
    }
  }

  pass(dt: number): void {
    for (let i = 0; i < this.#capacity; i++) {
      if (this.#pool.getBit(i) === 1) continue;
      const it = this.#array.getView(i);
      it.set("x", it.get("x") + it.get("vx") * dt);
      it.set("y", it.get("y") + it.get("vy") * dt);
    }
  }

  touchOne(): void {
    for (let i = 0; i < this.#capacity; i++) {
      if (this.#pool.getBit(i) === 1) continue;
      const it = this.#array.getView(i);
      it.set("life", it.get("life") + 1);
    }
  }

  touchAll(): void {
    for (let i = 0; i < this.#capacity; i++) {
      if (this.#pool.getBit(i) === 1) continue;
      const it = this.#array.getView(i);
      it.set("x", it.get("x") + 1);
      it.set("y", it.get("y") + 1);
      it.set("vx", it.get("vx") + 1);
      it.set("vy", it.get("vy") + 1);
      it.set("life", it.get("life") + 1);
    }
  }

  sums(): Sums {
    const sums = noSums();
    for (let i = 0; i < this.#capacity; i++) {
      if (this.#pool.getBit(i) === 1) continue;
      const it = this.#array.getView(i);
      addTo(sums, it.get("x"), it.get("y"), it.get("vx"), it.get("vy"), it.get("life"));
    }
    return sums;
  }
}
