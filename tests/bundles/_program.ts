/**
 * What is bundled: a program that uses everything, checks itself, and leaves what came of it where
 * any script can.
 *
 * @module
 */
import { specialization } from "@slabs/pool";
import { workOut } from "../slab/_workout.ts";
import { smoke } from "./_smoke.ts";

/** What a program leaves. */
export interface Outcome {
  /** All that it read, as a text. */
  readonly result: string;
  /** What {@linkcode specialization} says in the end. */
  readonly specialization: "own" | "shared";
}

/** Where the outcome is left: bundles that are scripts have no exports. */
export const OUTCOME: unique symbol = Symbol.for("slabs.outcome");

const outcome: Outcome = {
  result: JSON.stringify([smoke(), workOut()]),
  specialization: specialization(),
};
Object.assign(globalThis, { [OUTCOME]: outcome });
