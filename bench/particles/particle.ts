/** The particle that most questions are about: its struct and its start values. */
import { type Struct, struct } from "@slabs/pool";

/** A record of 20 bytes. */
export const Particle: Struct<
  { x: "f32"; y: "f32"; vx: "f32"; vy: "f32"; life: "u32" }
> = struct({ x: "f32", y: "f32", vx: "f32", vy: "f32", life: "u32" });

/**
 * Seconds of a step. A power of two keeps positions exact in every representation, so that sums can
 * be compared.
 */
export const DT: number = 1 / 64;

/** Chunks of a block, as a pool of particles chooses by itself. */
export const BLOCK = 4096;

/** 32-bit words of a particle. */
export const WORDS = 5;

// Start values have a fraction, as in a program that moves things: V8 stores fields that hold small
// integers in another way. They are exact in an f32. Who writes them calls these functions, since
// V8 boxes numbers that it passes to a call that is not inlined.

/** @returns Where the i-th particle is. */
export function startX(i: number): number {
  return (i & 1023) + 0.5;
}
export function startY(i: number): number {
  return (i >> 10 & 255) + 0.5;
}

/** @returns How fast the i-th particle is. */
export function speedX(i: number): number {
  return (i & 7) - 2.5;
}
export function speedY(i: number): number {
  return (i >> 3 & 7) - 2.5;
}

/**
 * @returns A random order that is the same in every run: Fisher-Yates over a linear congruential
 * generator.
 */
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
