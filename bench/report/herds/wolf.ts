/**
 * Particles as entities of wolf-ecs: typed arrays by entity id, and a query walked by hand and backward, as its documentation has it for
 * speed. One component has all five fields.
 *
 * @module
 */
import { ECS, types } from "wolf-ecs";
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

const FIELDS = {
  x: types.f32,
  y: types.f32,
  vx: types.f32,
  vy: types.f32,
  life: types.u32,
};

export class WolfHerd implements NamedHerd<number> {
  size = 0;
  readonly #ecs;
  readonly #component;
  readonly #query;

  /** @param capacity Entities that there may be at once. */
  constructor(capacity: number) {
    this.#ecs = new ECS(capacity);
    this.#component = this.#ecs.defineComponent(FIELDS);
    this.#query = this.#ecs.createQuery(this.#component as never); // its types know no component for a query
  }

  take(life: number): number {
    const id = this.#entity();
    const it = this.#component;
    it.x[id] = 0;
    it.y[id] = 0;
    it.vx[id] = 0;
    it.vy[id] = 0;
    it.life[id] = life;
    return id;
  }

  add(i: number, life: number): number {
    const id = this.#entity();
    const it = this.#component;
    it.x[id] = startX(i);
    it.y[id] = startY(i);
    it.vx[id] = speedX(i);
    it.vy[id] = speedY(i);
    it.life[id] = life;
    return id;
  }

  #entity(): number {
    const id = this.#ecs.createEntity();
    this.#ecs.addComponent(id, this.#component);
    this.size++;
    return id;
  }

  once(life: number): number {
    const id = this.take(life);
    const got = this.lifeOf(id);
    this.remove(id);
    return got;
  }

  remove(id: number): void {
    this.#ecs.destroyEntity(id);
    this.size--;
  }

  spawn(i: number, life: number): void {
    this.add(i, life);
  }

  refs(count: number): Refs<number> {
    return new Int32Array(count);
  }

  xOf(id: number): number {
    return this.#component.x[id];
  }

  lifeOf(id: number): number {
    return this.#component.life[id];
  }

  frame(dt: number): void {
    const { x, y, vx, vy, life } = this.#component;
    const { a } = this.#query;
    for (let i = 0; i < a.length; i++) {
      const arch = a[i].e;
      for (let j = arch.length - 1; j >= 0; j--) {
        const id = arch[j];
        x[id] += vx[id] * dt;
        y[id] += vy[id] * dt;
        if (--life[id] === 0) this.remove(id);
      }
    }
  }

  pass(dt: number): void {
    const { x, y, vx, vy } = this.#component;
    const { a } = this.#query;
    for (let i = 0; i < a.length; i++) {
      const arch = a[i].e;
      for (let j = arch.length - 1; j >= 0; j--) {
        const id = arch[j];
        x[id] += vx[id] * dt;
        y[id] += vy[id] * dt;
      }
    }
  }

  touchOne(): void {
    const { life } = this.#component;
    const { a } = this.#query;
    for (let i = 0; i < a.length; i++) {
      const arch = a[i].e;
      for (let j = arch.length - 1; j >= 0; j--) life[arch[j]] += 1;
    }
  }

  touchAll(): void {
    const { x, y, vx, vy, life } = this.#component;
    const { a } = this.#query;
    for (let i = 0; i < a.length; i++) {
      const arch = a[i].e;
      for (let j = arch.length - 1; j >= 0; j--) {
        const id = arch[j];
        x[id] += 1;
        y[id] += 1;
        vx[id] += 1;
        vy[id] += 1;
        life[id] += 1;
      }
    }
  }

  sums(): Sums {
    const sums = noSums();
    const { x, y, vx, vy, life } = this.#component;
    for (const { e } of this.#query.a) {
      for (const id of e) addTo(sums, x[id], y[id], vx[id], vy[id], life[id]);
    }
    return sums;
  }
}
