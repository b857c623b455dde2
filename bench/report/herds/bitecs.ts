/**
 * Particles as entities of bitECS: typed arrays by entity id, and a query. One component has all five fields, as each further one costs
 * another step for every entity that is made.
 *
 * @module
 */
import {
  addComponent,
  addEntity,
  commitRemovals,
  createWorld,
  query,
  removeEntity,
  type World,
} from "bitecs";
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

export class BitecsHerd implements NamedHerd<number> {
  size = 0;
  readonly #world: World = createWorld();
  readonly #component;
  readonly #terms;

  /** @param capacity Entities that there may be at once; ids start at 1. */
  constructor(capacity: number) {
    const length = capacity + 1;
    this.#component = {
      x: new Float32Array(length),
      y: new Float32Array(length),
      vx: new Float32Array(length),
      vy: new Float32Array(length),
      life: new Uint32Array(length),
    };
    this.#terms = [this.#component];
    query(this.#world, this.#terms); // known before there are entities, as in a program with systems
  }

  take(life: number): number {
    const eid = this.#entity();
    const it = this.#component;
    it.x[eid] = 0;
    it.y[eid] = 0;
    it.vx[eid] = 0;
    it.vy[eid] = 0;
    it.life[eid] = life;
    return eid;
  }

  add(i: number, life: number): number {
    const eid = this.#entity();
    const it = this.#component;
    it.x[eid] = startX(i);
    it.y[eid] = startY(i);
    it.vx[eid] = speedX(i);
    it.vy[eid] = speedY(i);
    it.life[eid] = life;
    return eid;
  }

  #entity(): number {
    const eid = addEntity(this.#world);
    addComponent(this.#world, eid, this.#component);
    this.size++;
    return eid;
  }

  once(life: number): number {
    const eid = this.take(life);
    const got = this.lifeOf(eid);
    this.remove(eid);
    return got;
  }

  remove(eid: number): void {
    removeEntity(this.#world, eid);
    this.size--;
  }

  spawn(i: number, life: number): void {
    this.add(i, life);
  }

  refs(count: number): Refs<number> {
    return new Int32Array(count);
  }

  xOf(eid: number): number {
    return this.#component.x[eid];
  }

  lifeOf(eid: number): number {
    return this.#component.life[eid];
  }

  frame(dt: number): void {
    const { x, y, vx, vy, life } = this.#component;
    for (const eid of query(this.#world, this.#terms)) { // what is removed meanwhile stays in it till the next query
      x[eid] += vx[eid] * dt;
      y[eid] += vy[eid] * dt;
      if (--life[eid] === 0) this.remove(eid);
    }
    commitRemovals(this.#world);
  }

  pass(dt: number): void {
    const { x, y, vx, vy } = this.#component;
    for (const eid of query(this.#world, this.#terms)) {
      x[eid] += vx[eid] * dt;
      y[eid] += vy[eid] * dt;
    }
  }

  touchOne(): void {
    const { life } = this.#component;
    for (const eid of query(this.#world, this.#terms)) life[eid] += 1;
  }

  touchAll(): void {
    const { x, y, vx, vy, life } = this.#component;
    for (const eid of query(this.#world, this.#terms)) {
      x[eid] += 1;
      y[eid] += 1;
      vx[eid] += 1;
      vy[eid] += 1;
      life[eid] += 1;
    }
  }

  sums(): Sums {
    const sums = noSums();
    const { x, y, vx, vy, life } = this.#component;
    for (const eid of query(this.#world, this.#terms)) {
      addTo(sums, x[eid], y[eid], vx[eid], vy[eid], life[eid]);
    }
    return sums;
  }
}
