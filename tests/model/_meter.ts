/**
 * A meter of what operations leave on the JS heap for a collector.
 *
 * It runs them in rounds so short that most see no collection, and takes the median of what the
 * heap grew by in a round: a collection in some rounds and a recompilation in others do not move
 * it, while a byte lost in each operation would show in every round. The first tests of
 * garbage_test.ts prove that it does.
 *
 * @module
 */
import { assert } from "@std/assert";

/** Operations of a round. */
export const ROUND = 2_000;
const ROUNDS = 50;
const WARM_UP_ROUNDS = 100;
const ATTEMPTS = 10;

/** Where results go, so that no operation is optimised away. Its elements are of no one kind. */
export const sink: unknown[] = Array(16).fill({});

/** An operation; it gets a counter. */
export type Operation = (i: number) => void;

/**
 * Measures what an operation leaves on the heap.
 *
 * @param operation Gets a counter.
 * @param count Operations that one call of it stands for.
 * @returns Bytes an operation, the median of many rounds.
 */
export function bytesLeft(operation: Operation, count = 1): number {
  const grown = new Float64Array(ROUNDS);
  const calls = ROUND / count;
  for (let i = 0; i < WARM_UP_ROUNDS * calls; i++) operation(i);
  for (let round = 0; round < ROUNDS; round++) {
    const before = Deno.memoryUsage().heapUsed;
    for (let i = 0; i < calls; i++) operation(i);
    grown[round] = Deno.memoryUsage().heapUsed - before;
  }
  return grown.sort()[ROUNDS >> 1] / ROUND;
}

/** `Deno.memoryUsage()` returns an object, which is garbage: about 0.1 byte an operation. */
const NOTHING = 0.5;

/**
 * The least of a few measurements, as the compiler may come to an operation late on a busy machine.
 */
export function leastLeft(operation: Operation, count = 1): number {
  let least = Infinity;
  for (let attempt = 0; attempt < ATTEMPTS && !(least < NOTHING); attempt++) {
    least = Math.min(least, Math.abs(bytesLeft(operation, count)));
  }
  return least;
}

/** Asserts that an operation leaves nothing. */
export function assertNoGarbage(operation: Operation, count = 1): void {
  const bytes = leastLeft(operation, count);
  assert(bytes < NOTHING, `${bytes} bytes an operation`);
}

/**
 * Whether the compiler removes what no turn of a loop needs, as it does by itself: here the context
 * of a closure that is never made. While coverage is collected it does not, and what is measured
 * then says nothing about the pool.
 */
const isOptimising = leastLeft((i) => void (sink[1] = probe(i & 255, 1000))) < NOTHING;

function probe(i: number, limit: number): number {
  return i < limit ? i : [i].filter((it) => it < limit).length;
}

/** Defines a test that an engine kept from optimising ignores. */
export function claim(name: string, fn: () => void): void {
  Deno.test({ name, ignore: !isOptimising, fn });
}
