/**
 * The process of a contestant: `worker.ts <job as JSON>` on Deno, Node or Bun, or a page that calls
 * `doJob`.
 *
 * The result is a line on the standard error stream, since V8 writes its trace of collections to
 * the standard output and would break the line.
 *
 * @module
 */
import { MODULES } from "../all.ts";
import type { Contestant, Measure, Plan, Work } from "./question.ts";
import { MARK, type Result } from "./result.ts";

/** What a worker is started for. */
export interface Job {
  /** Name of the question. */
  readonly question: string;
  /** Key of the contestant. */
  readonly contestant: string;
  readonly plan: Plan;
}

/** What the runtimes add to the global object, as far as it is used here. */
interface Host {
  readonly process?: { readonly argv: readonly string[] };
  readonly Deno?: { memoryUsage(): { rss: number; heapUsed: number; external: number } };
  gc?(options?: { type: "minor" } | { type: "major"; flavor: "last-resort" }): void;
}

const host = globalThis as Host;

/** Marks a place in the trace. It is a minor collection, as a full one could drop compiled code. */
function mark(): void {
  host.gc?.({ type: "minor" });
}

/** @returns Milliseconds of a step, for each of so many samples. */
async function sample(work: Work, samples: number, batch: number): Promise<number[]> {
  const times = new Float64Array(samples);
  for (let i = 0; i < samples; i++) {
    const start = performance.now();
    for (let step = 0; step < batch; step++) {
      const pending = work.run();
      if (pending !== undefined) await pending;
    }
    times[i] = (performance.now() - start) / batch;
  }
  return [...times];
}

async function timeSteps({ make }: Contestant, plan: Plan): Promise<Result> {
  const work = await make(plan.count, plan);
  host.gc?.(); // so that the garbage of setting up is not collected during the samples
  await sample(work, plan.warmUp, plan.batch);
  mark();
  const samples = await sample(work, plan.samples, plan.batch);
  mark();
  return { samples, checksum: String(work.checksum()) };
}

/**
 * Starts empty, after another one has grown to a fourth of the size, so that the code is compiled.
 */
async function timeGrowth({ make }: Contestant, plan: Plan): Promise<Result> {
  const other = await make(plan.count >> 2, plan);
  await sample(other, plan.samples >> 2, 1);
  const work = await make(plan.count, plan);
  mark();
  const samples = await sample(work, plan.samples, 1);
  other.checksum(); // keeps it alive, since its compiled code could go with it
  return { samples, checksum: String(work.checksum()) };
}

/**
 * Runs one step, and weighs the process after a full collection that gives back what the heap has
 * to spare.
 */
async function weigh({ make }: Contestant, plan: Plan): Promise<Result> {
  const work = await make(plan.count, plan);
  await work.run();
  host.gc?.({ type: "major", flavor: "last-resort" });
  const { rss, heapUsed, external } = host.Deno!.memoryUsage(); // measured on Deno alone
  const checksum = String(work.checksum());
  return { samples: [], checksum, rssBytes: rss, heapBytes: heapUsed + external };
}

const MEASURES: Readonly<Record<Measure, typeof timeSteps>> = {
  time: timeSteps,
  frames: timeSteps,
  growth: timeGrowth,
  memory: weigh,
};

/** Does a job, and gives the result. */
async function doJob(job: Job): Promise<Result> {
  const { questions } = await MODULES[job.question.split("/")[0]]();
  const question = questions.find(({ name }) => name === job.question)!; // the job is made from this list
  const measure = MEASURES[question.measure ?? "time"];
  return await measure(question.contestants[job.contestant], job.plan);
}

const text = host.process?.argv[2];
if (text === undefined) Object.assign(host, { doJob });
else console.error(MARK + JSON.stringify(await doJob(JSON.parse(text))));
