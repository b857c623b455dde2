/** Particles in a `Pool`. */
import { type Handle, Pool, type View } from "@slabs/pool";
import { Particle } from "../../_particles.ts";
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

type Ref = Handle<typeof Particle>;

/** What does not depend on how the records are walked. */
abstract class PoolHerd implements NamedHerd<Ref> {
  readonly pool: Pool<typeof Particle>;
  /** Where records are written through. */
  readonly at: View<typeof Particle>;

  constructor(handles: "compact" | "wide") {
    this.pool = new Pool(Particle, { handles });
    this.at = this.pool.cursor();
  }

  get size(): number {
    return this.pool.size;
  }

  abstract frame(dt: number): void;
  abstract pass(dt: number): void;
  abstract touchOne(): void;
  abstract touchAll(): void;

  spawn(i: number, life: number): void {
    this.add(i, life);
  }

  refs(count: number): Refs<Ref> {
    return new Int32Array(count) as Refs<number> as Refs<Ref>; // a handle is a number
  }

  take(life: number): Ref {
    const handle = this.pool.allocAt(this.at);
    this.at.life = life;
    return handle;
  }

  add(i: number, life: number): Ref {
    const { pool, at } = this;
    const handle = pool.allocAt(at);
    at.x = startX(i);
    at.y = startY(i);
    at.vx = speedX(i);
    at.vy = speedY(i);
    at.life = life;
    return handle;
  }

  once(life: number): number {
    const { pool, at } = this;
    const handle = pool.allocAt(at);
    at.life = life;
    const got = at.life;
    pool.free(handle);
    return got;
  }

  remove(handle: Ref): void {
    this.pool.free(handle);
  }

  xOf(handle: Ref): number {
    return this.pool.get(handle).x;
  }

  lifeOf(handle: Ref): number {
    return this.pool.seek(this.at, handle).life;
  }

  sums(): Sums {
    const sums = noSums();
    for (const handle of this.pool.handles()) {
      const { x, y, vx, vy, life } = this.pool.get(handle);
      addTo(sums, x, y, vx, vy, life);
    }
    return sums;
  }
}

/** Walked with `forEach`, read with `get`, allocated with `allocAt`. */
export class ForEachHerd extends PoolHerd {
  frame(dt: number): void {
    const { pool } = this;
    pool.forEach((it, handle) => {
      it.x += it.vx * dt;
      it.y += it.vy * dt;
      if (--it.life === 0) pool.free(handle);
    });
  }

  pass(dt: number): void {
    this.pool.forEach((it) => {
      it.x += it.vx * dt;
      it.y += it.vy * dt;
    });
  }

  touchOne(): void {
    this.pool.forEach((it) => {
      it.life += 1;
    });
  }

  touchAll(): void {
    this.pool.forEach((it) => {
      it.x += 1;
      it.y += 1;
      it.vx += 1;
      it.vy += 1;
      it.life += 1;
    });
  }
}

/** The same with wide handles, which a `Float64Array` keeps whole. */
export class WideHerd extends ForEachHerd {
  constructor() {
    super("wide");
  }

  override refs(count: number): Refs<Ref> {
    return new Float64Array(count) as Refs<number> as Refs<Ref>; // a handle is a number
  }
}

/** The calls that read best: walked with `for…of`, read with `seek`, allocated with `alloc({ … })`. */
export class ForOfHerd extends PoolHerd {
  constructor() {
    super("compact");
  }

  override take(life: number): Ref {
    return this.pool.alloc({ life });
  }

  override add(i: number, life: number): Ref {
    return this.pool.alloc({ x: startX(i), y: startY(i), vx: speedX(i), vy: speedY(i), life });
  }

  override once(life: number): number {
    const { pool } = this;
    const handle = pool.alloc({ life });
    const got = pool.get(handle).life;
    pool.free(handle);
    return got;
  }

  override xOf(handle: Ref): number {
    return this.pool.seek(this.at, handle).x;
  }

  frame(dt: number): void {
    const { pool } = this;
    for (const it of pool) {
      it.x += it.vx * dt;
      it.y += it.vy * dt;
      if (--it.life === 0) pool.free(pool.handleOf(it));
    }
  }

  pass(dt: number): void {
    for (const it of this.pool) {
      it.x += it.vx * dt;
      it.y += it.vy * dt;
    }
  }

  touchOne(): void {
    for (const it of this.pool) it.life += 1;
  }

  touchAll(): void {
    for (const it of this.pool) {
      it.x += 1;
      it.y += 1;
      it.vx += 1;
      it.vy += 1;
      it.life += 1;
    }
  }
}
