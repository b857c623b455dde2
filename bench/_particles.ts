/** The particle that every scenario is about. */
import { type Struct, struct } from "@slabs/pool";

/** 20 bytes. */
export const Particle: Struct<
  { x: "f32"; y: "f32"; vx: "f32"; vy: "f32"; life: "u32" }
> = struct({ x: "f32", y: "f32", vx: "f32", vy: "f32", life: "u32" });

/** A power of two, so that positions stay exact in every representation and sums can be compared. */
export const DT: number = 1 / 64;

/** The i-th particle; every value is exact in an f32. */
export function startX(i: number): number {
  return i & 1023;
}
export function speedX(i: number): number {
  return (i & 7) - 3;
}

/** Chunks of a block, as a pool of particles chooses them by itself. */
export const BLOCK = 4096;
export const WORDS = 5;

/** A random order that is the same in every run: Fisher-Yates over a linear congruential generator. */
export function shuffled(count: number): Int32Array {
  const order = Int32Array.from({ length: count }, (_, i) => i);
  let seed = 1;
  for (let i = count - 1; i > 0; i--) {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    const j = seed % (i + 1);
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}
