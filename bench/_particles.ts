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
