/** What is asked of the process of a contestant, and what it tells. */
import type { Sums } from "./game.ts";

/** What a process does. */
export interface Plan {
  /** The contestant's name. */
  readonly contestant: string;
  /** Records of each kind. */
  readonly live: number;
  /** Whether records die and are replaced. */
  readonly births: boolean;
  /** Frames before those that count. */
  readonly warmUp: number;
  /** Frames that count. */
  readonly frames: number;
  /** Whether another game is played as long before, in the same process. */
  readonly second: boolean;
}

/** What it tells. */
export interface Outcome {
  /** Milliseconds of each frame that counts. */
  readonly times: readonly number[];
  /** Of each game that was played, at its end. */
  readonly sums: readonly Pick<Sums, "records" | "integers" | "floats">[];
}

/** The line with the outcome starts with it. */
export const MARK = "@outcome ";
