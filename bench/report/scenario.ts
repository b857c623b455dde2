/**
 * What the report measures: scenarios, each a question with contestants that do the same work.
 *
 * @module
 */

/** What a contestant does in a scenario. */
export interface Work {
  /** One step; every contestant does the same in it. */
  run(): void;
  /** What all steps so far came to. It must be the same for every contestant of the scenario. */
  checksum(): string;
}

/** One way of doing the work. */
export interface Contestant {
  /** Short, for the command line. */
  readonly key: string;
  /** Shown in tables and charts. */
  readonly label: string;
  /** Builds what it needs for so many records; others' packages are loaded here, in the process that needs them. */
  make(count: number): Promise<Work>;
}

/** How much is done. */
export interface Plan {
  /** Records, or whatever the scenario counts. */
  readonly count: number;
  /** Samples that are not counted, and those that are. */
  readonly warmUp: number;
  readonly samples: number;
  /** Steps of a sample. */
  readonly batch: number;
  /** Processes of each contestant, one after the other. */
  readonly rounds: number;
}

/** What a table is made of, and how a process measures it. */
export type Measure = "time" | "frames" | "growth" | "memory";

/** A question and its contestants. */
export interface Scenario {
  readonly name: string;
  readonly title: string;
  /** What is done, and what there is to know about it; in Markdown. */
  readonly method: string;
  /** Who is not in it, and why; in Markdown. */
  readonly missing?: string;
  readonly measure: Measure;
  /**
   * What is compared, of `time`: the median of all samples, or, where what happens now and then is part of the price, the
   * mean of each process, and the median of those. @default {"median"}
   */
  readonly compare?: "median" | "mean";
  /** Whether a step is told whole, and not divided by the count. */
  readonly whole?: boolean;
  /** Key of the contestant that the others are compared with. */
  readonly baseline: string;
  readonly contestants: readonly Contestant[];
  /** Whether collections are counted, in the samples that count. */
  readonly traced?: boolean;
  /** Whether the module and the slab by hand run on Node and Bun as well. */
  readonly everywhere?: boolean;
  /** What share of the count a step has to do with, so that the time left can be told. @default {1} */
  readonly share?: number;
  readonly full: Plan;
  /** The counts of a quick run and of the tests; all else is 1 or 2 then. */
  readonly quickCount: number;
}

/** Everything once, with few records: whether it works, and not how fast. */
export function quickPlan({ quickCount: count }: Scenario): Plan {
  return { count, warmUp: 1, samples: 2, batch: 1, rounds: 1 };
}
