/** What three of the workloads of the public js-ecs-benchmarks start with, and how they are added up. */
import type { Work } from "../scenario.ts";

/** The three of a contestant, each for a number of entities. */
export interface World {
  /** Entities of five components A to E: each of five systems doubles one component, or halves it in every other step. */
  packed(count: number): Work;
  /** So many each of A B, A B C, A B C D, A B C E: three systems swap A and B, C and D, C and E. */
  simple(count: number): Work;
  /** Entities of A: one of B is made for each, then every B is destroyed. */
  cycle(count: number): Work;
}

/** Doubled and halved by turns, values stay what they are. */
export function factors(): () => number {
  let factor = 0.5;
  return () => factor = factor === 2 ? 0.5 : 2;
}

/** What a component starts with, by its place in the alphabet; exact in an f32. */
export function startOf(i: number, component: number): number {
  return i + component / 8;
}

/** One entity's share of the checksum; what it lacks is 0. */
export function weigh(a: number, b: number, c = 0, d = 0, e = 0): number {
  return a + b * 3 + c * 5 + d * 7 + e * 11;
}
