/** Made-up allocation traces, the same for the same seed. */
import { assertEquals } from "@std/assert";

/** What a trace is made of. */
export interface TraceOptions {
  readonly operations: number;
  /** Whether it starts with the four numbers. */
  readonly header?: boolean;
  readonly seed?: number;
}

/**
 * Makes a trace: sizes from a byte to some thousands, small ones being common; as many frees as allocations once a few
 * hundred are live; and every tenth operation changes a size.
 */
export function makeTrace({ operations, header = false, seed = 1 }: TraceOptions): string {
  let state = seed;
  const random = (below: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor(state / 2 ** 32 * below);
  };
  const size = () => 1 + random(2 ** random(13));
  const lines: string[] = [];
  const live: number[] = [];
  let ids = 0;
  while (lines.length < operations) {
    const at = random(live.length);
    if (live.length > 0 && random(10) === 0) {
      lines.push(`r ${live[at]} ${size()}`);
    } else if (random(600) >= live.length) {
      lines.push(`a ${ids} ${size()}`);
      live.push(ids++);
    } else {
      lines.push(`f ${live[at]}`);
      live.splice(at, 1);
    }
  }
  assertEquals(lines.length, operations);
  return [...header ? [1_000_000, ids, operations, 1] : [], ...lines, ""].join("\n");
}
