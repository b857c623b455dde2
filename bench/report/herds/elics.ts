/**
 * Particles as entities of EliCS, its checks off: one component of five fields, written as it is added, and its typed arrays then read and
 * written by the index of an entity.
 *
 * @module
 */
import { createComponent, type Entity, Types, World } from "elics";
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

/** No two components may have one name, in any world. */
let components = 0;

export class ElicsHerd implements NamedHerd<Entity> {
  size = 0;
  readonly #world: World;
  readonly #component;
  readonly #entities: Set<Entity>;

  /** @param capacity Entities that there may be at once. */
  constructor(capacity: number) {
    this.#world = new World({ entityCapacity: capacity, checksOn: false });
    this.#component = createComponent(`Particle${components++}`, {
      x: { type: Types.Float32, default: 0 },
      y: { type: Types.Float32, default: 0 },
      vx: { type: Types.Float32, default: 0 },
      vy: { type: Types.Float32, default: 0 },
      life: { type: Types.Int32, default: 0 },
    });
    this.#world.registerComponent(this.#component);
    this.#entities =
      this.#world.queryManager.registerQuery({ required: [this.#component] }).entities;
  }

  take(life: number): Entity {
    this.size++;
    return this.#world.createEntity().addComponent(this.#component, { life });
  }

  add(i: number, life: number): Entity {
    this.size++;
    const fields = { x: startX(i), y: startY(i), vx: speedX(i), vy: speedY(i), life };
    return this.#world.createEntity().addComponent(this.#component, fields);
  }

  once(life: number): number {
    const entity = this.take(life);
    const got = this.lifeOf(entity);
    this.remove(entity);
    return got;
  }

  remove(entity: Entity): void {
    entity.destroy();
    this.size--;
  }

  spawn(i: number, life: number): void {
    this.add(i, life);
  }

  refs(count: number): Refs<Entity> {
    return new Array(count);
  }

  xOf(entity: Entity): number {
    return this.#component.data.x[entity.index];
  }

  lifeOf(entity: Entity): number {
    return this.#component.data.life[entity.index];
  }

  frame(dt: number): void {
    const { x, y, vx, vy, life } = this.#component.data;
    for (const entity of this.#entities) {
      const i = entity.index;
      x[i] += vx[i] * dt;
      y[i] += vy[i] * dt;
      if (--life[i] === 0) this.remove(entity);
    }
  }

  pass(dt: number): void {
    const { x, y, vx, vy } = this.#component.data;
    for (const { index } of this.#entities) {
      x[index] += vx[index] * dt;
      y[index] += vy[index] * dt;
    }
  }

  touchOne(): void {
    const { life } = this.#component.data;
    for (const { index } of this.#entities) life[index] += 1;
  }

  touchAll(): void {
    const { x, y, vx, vy, life } = this.#component.data;
    for (const { index } of this.#entities) {
      x[index] += 1;
      y[index] += 1;
      vx[index] += 1;
      vy[index] += 1;
      life[index] += 1;
    }
  }

  sums(): Sums {
    const sums = noSums();
    const { x, y, vx, vy, life } = this.#component.data;
    for (const { index: i } of this.#entities) addTo(sums, x[i], y[i], vx[i], vy[i], life[i]);
    return sums;
  }
}
