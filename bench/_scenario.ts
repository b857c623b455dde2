/**
 * A scenario: one question, several contestants that do the same work, and a proof that they did.
 *
 * Each `*_bench.ts` hands its scenario to `bench`, which shows it to `deno bench`; `ratios.ts` measures the same
 * contestants against each other in one process, turn by turn, which is where the figures of the README come from.
 */

/** One way of doing the work. */
export interface Contestant {
  /** Shown in tables. */
  readonly name: string;
  /** Builds its data and returns the work, as one call, and the proof. */
  make(): Work;
  /** The figure to stay under, as a ratio to the baseline or to `against`, where one was set. */
  readonly limit?: number;
  /** Name of the contestant that the limit is against, where that is not the baseline. */
  readonly against?: string;
}

/** What is timed. */
export interface Work {
  /** One round; all contestants of a scenario do the same in it. */
  run(): void;
  /** Throws when the rounds so far did not come to what they must. */
  verify(): void;
}

/** A question and its contestants, the first of them the baseline. */
export interface Scenario {
  readonly name: string;
  readonly question: string;
  readonly contestants: readonly Contestant[];
  /**
   * What is compared: the median of the rounds, or their mean where what happens now and then is part of the price.
   * @default {"median"}
   */
  readonly compare?: "median" | "mean";
  /** Rounds in a row before it is the next one's turn; many where the worst of them matter. @default {20} */
  readonly batch?: number;
  /** Turns of each contestant, fewer where a round takes long. @default {450 / sqrt(batch)} */
  readonly rounds?: number;
  /** Whether `ratios.ts` gives each contestant an isolate of its own, so that none is compiled for the others' sake. */
  readonly apart?: boolean;
}

/** `deno bench -- --smoke` runs every contestant small and once: only the proofs count then. */
const smoke: boolean = Deno.args.includes("--smoke");

/** A size for real runs and one for smoke runs. */
export function size(full: number, small: number): number {
  return smoke ? small : full;
}

/** Shows a scenario to `deno bench`. */
export function bench({ name, contestants }: Scenario): void {
  contestants.forEach((contestant, i) => {
    let work: Work | undefined;
    Deno.bench({
      name: contestant.name,
      group: name,
      baseline: i === 0,
      ...smoke ? { n: 1, warmup: 1 } : {},
      fn(b) {
        work ??= contestant.make();
        b.start();
        work.run();
        b.end();
        work.verify();
      },
    });
  });
}

/** Throws unless two figures are the same. */
export function same(what: string, got: number, wanted: number): void {
  if (got !== wanted) {
    throw new Error(`The work was not done: ${what} is ${got}, must be ${wanted}`);
  }
}
