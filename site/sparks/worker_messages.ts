/**
 * The messages between the page and its workers.
 *
 * @module
 */
import type { SharedPoolToken } from "@slabs/pool";
import type { Input } from "./spark.ts";

/** How many workers there are: a stripe of the blocks for each. */
export const WORKERS = 2;

/** To a worker: join the pool. It answers with 0. */
export interface Join {
  readonly token: SharedPoolToken;
  readonly stripe: number;
  /** Where it packs its records for the GPU. */
  readonly packed: SharedArrayBuffer;
}

/** To a worker: step a frame. It answers with the number of records that it has packed. */
export interface Step {
  readonly input: Input;
  /** How many sparks to make beside those that take the place of dead ones; may be negative. */
  readonly extra: number;
}
