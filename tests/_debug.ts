/**
 * What the tests of debug mode share.
 *
 * @module
 */
import { type PoolOptions, type Struct, struct } from "../mod.ts";
import { type Face, type FaceMaker, FACES } from "./_faces.ts";
import { SMALL } from "./_support.ts";

export const DEBUG: PoolOptions = { ...SMALL, debug: true };
export const faces: [string, FaceMaker][] = Object.entries(FACES);

export const Word: Struct<{ n: "u32" }> = struct({ n: "u32" }, { name: "Word" });
export type WordView = { n: number };

/** A debug pool of 32 words in two blocks that all count up. */
export function words(
  make: FaceMaker,
  options: PoolOptions = {},
): { face: Face; handles: number[] } {
  const face = make(Word, { ...DEBUG, name: "words", ...options });
  const handles = Array.from({ length: 32 }, (_, n) => face.alloc({ n }));
  return { face, handles };
}

/** Disposes of a pool whose leaks are not what a test is about. */
export function drop({ pool }: Face): void {
  pool.clear();
  pool.dispose();
}
