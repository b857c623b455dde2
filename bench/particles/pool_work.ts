/** What is done with particles in any kind of pool: a pass, and records that are read, taken and given back. */
import type { Handle, View } from "@slabs/pool";
import { sumOf, type Work } from "../harness/question.ts";
import { DT, type Particle, shuffled, speedX, startX } from "./particle.ts";

/** The calls that all kinds of pools have. Some take a struct with it: those are adapted. */
export interface ParticlePool {
  alloc(): Ref;
  allocAt(at: At): Ref;
  free(handle: Ref): void;
  get(handle: Ref): At;
  cursor(): At;
  seek(at: At, handle: Ref): At;
  forEach(fn: (it: At) => void): void;
}

export type Ref = Handle<typeof Particle>;
type At = View<typeof Particle>;

/** Fills a pool. The handles are in the order of memory. */
function filled(pool: ParticlePool, count: number): Ref[] {
  const at = pool.cursor();
  return Array.from({ length: count }, (_, i) => {
    const handle = pool.allocAt(at);
    at.x = startX(i);
    at.vx = speedX(i);
    return handle;
  });
}

/** A step moves all. */
export function passWork(pool: ParticlePool, count: number): Work {
  const handles = filled(pool, count);
  return {
    run: () =>
      pool.forEach((it) => {
        it.x += it.vx * DT;
        it.y += it.vy * DT;
      }),
    checksum: () => handles.reduce((sum, it) => sum + pool.get(it).x, 0),
  };
}

/** A step takes one record, writes and reads a field and gives it back, again and again. */
export function hotWork(pool: ParticlePool, count: number): Work {
  const at = pool.cursor();
  return sumOf(() => {
    let sum = 0;
    for (let i = 0; i < count; i++) {
      const handle = pool.allocAt(at);
      at.life = i;
      sum += at.life;
      pool.free(handle);
    }
    return sum;
  });
}

/** A step frees each record in random order, takes another and writes it. */
export function replaceWork(pool: ParticlePool, count: number): Work {
  const order = shuffled(count);
  const handles = filled(pool, count);
  const at = pool.cursor();
  let rounds = 0;
  return {
    run() {
      for (let i = 0; i < count; i++) {
        const slot = order[i];
        pool.free(handles[slot]);
        handles[slot] = pool.allocAt(at);
        at.x = i + 0.5;
        at.life = rounds + i;
      }
      rounds++;
    },
    checksum: () => handles.reduce((sum, it) => sum + pool.get(it).life, 0),
  };
}

/** A step reads a field of each record through `get`, in random order. */
export function getWork(pool: ParticlePool, count: number): Work {
  const handles = filled(pool, count);
  const ordered = Array.from(shuffled(count), (i) => handles[i]);
  return sumOf(() => {
    let sum = 0;
    for (let i = 0; i < count; i++) sum += pool.get(ordered[i]).x;
    return sum;
  });
}

/** The same through `seek`. */
export function seekWork(pool: ParticlePool, count: number): Work {
  const handles = filled(pool, count);
  const ordered = Array.from(shuffled(count), (i) => handles[i]);
  const at = pool.cursor();
  return sumOf(() => {
    let sum = 0;
    for (let i = 0; i < count; i++) sum += pool.seek(at, ordered[i]).x;
    return sum;
  });
}
