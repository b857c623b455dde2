/** A question of the benches: contestants that do the same work, and how it is measured. */

/** What a contestant does. */
export interface Work {
  /** One step. Every contestant of a question does the same in it. */
  run(): void | Promise<void>;
  /** The result of all steps so far. It must be the same for every contestant. */
  checksum(): string | number;
}

/** One way of doing the work. */
export interface Contestant {
  /** The name in tables and charts. */
  readonly label: string;
  /**
   * Builds the data. It imports the packages of others, so that only a process that needs one loads
   * it.
   *
   * @param count Records, or what else the question counts.
   * @param plan How often the work will run.
   */
  make(count: number, plan: Plan): Work | Promise<Work>;
}

/** How much is done. */
export interface Plan {
  /** Records, or what else the question counts. */
  readonly count: number;
  /** Samples that are not counted. */
  readonly warmUp: number;
  /** Samples that are counted. */
  readonly samples: number;
  /** Steps of a sample. */
  readonly batch: number;
  /** Processes of each contestant. They take turns. */
  readonly rounds: number;
}

/** How a process measures, which also decides the columns of the table. */
export type Measure = "time" | "frames" | "growth" | "memory";

/** A question and its contestants. */
export interface Question {
  /** The file without `_bench.ts`, a slash, and the name of the question in the file. */
  readonly name: string;
  readonly title: string;
  /** What a step does, and the caveats; Markdown. */
  readonly method: string;
  /** Who is left out, and why; Markdown. */
  readonly missing?: string;
  /** @default {"time"} */
  readonly measure?: Measure;
  /**
   * The statistic that is compared: the median of all samples; the mean of each process, and the
   * median of those, where rare events are part of the price; or the median of each process, and
   * the best of those.
   *
   * @default {"median"}
   */
  readonly compare?: "median" | "mean" | "best";
  /** Whether tables show the time of a whole step, not of each record. */
  readonly whole?: boolean;
  /** In the order of the table. */
  readonly contestants: Readonly<Record<string, Contestant>>;
  /** Key of the contestant that the others are compared with. */
  readonly baseline: string;
  /** Whether garbage collections are counted. */
  readonly traced?: boolean;
  /** Keys of the contestants that also run on Node, on Bun and in browsers. */
  readonly everywhere?: readonly string[];
  /** Whether it needs a process of its own, so that `deno bench` leaves it out. */
  readonly apart?: boolean;
  readonly plan: Plan;
  /** The count of a quick run. */
  readonly quickCount: number;
  /**
   * Whether a contestant's checksum shows the same work as that of the baseline, where they need
   * not be equal.
   */
  agrees?(expected: string, got: string, contestant: string, plan: Plan): boolean;
}

/** The contestants that also run elsewhere in most questions that are asked there. */
export const BY_HAND_TOO: readonly string[] = ["pool", "slab"];

/** @returns Work whose step gives a number. That of the last step is the checksum. */
export function sumOf(step: () => number): Work {
  let sum = 0;
  return {
    run() {
      sum = step();
    },
    checksum: () => sum,
  };
}

/**
 * @returns The plan of a question; of a quick run, which only proves that it works, one with few
 * records.
 */
export function planOf({ plan, quickCount }: Question, quick: boolean): Plan {
  if (!quick) return plan;
  return { count: quickCount, warmUp: Math.min(plan.warmUp, 25), samples: 2, batch: 1, rounds: 1 };
}

/**
 * Shows questions to `deno bench`, and does nothing elsewhere. `deno bench -- --quick` runs each
 * contestant twice.
 */
export function show(questions: readonly Question[]): readonly Question[] {
  if (typeof Deno === "undefined") return questions;
  const quick = Deno.args.includes("--quick");
  for (const question of questions.filter(({ apart }) => !apart)) {
    const plan = planOf(question, quick);
    for (const [key, { label, make }] of Object.entries(question.contestants)) {
      let work: Work | undefined;
      Deno.bench({
        name: label,
        group: `${question.name}: ${question.title}`,
        baseline: key === question.baseline,
        ...quick ? { n: 1, warmup: 1 } : {},
        async fn(bench) {
          work ??= await make(plan.count, plan);
          bench.start();
          const pending = work.run();
          if (pending !== undefined) await pending;
          bench.end();
        },
      });
    }
  }
  return questions;
}
