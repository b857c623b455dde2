/**
 * A contestant in a process of its own: `worker.ts <scenario> <contestant> <plan as JSON>`, on Deno, Node or Bun.
 *
 * Its result is a line on the standard error stream: V8 writes its trace of collections to the other one, by ways of its own, and
 * would break the line.
 *
 * @module
 */
import { scenarios } from "./all.ts";
import { MARK, type Result } from "./result.ts";
import type { Contestant, Measure, Plan, Work } from "./scenario.ts";

/** What the runtimes have for themselves, as far as it is used; all of it may be missing in one of them. */
interface Host {
  readonly Deno?: {
    readonly args: readonly string[];
    memoryUsage(): { rss: number; heapUsed: number; external: number };
  };
  readonly process?: { readonly argv: readonly string[] };
  gc?(options?: { type: "minor" } | { type: "major"; flavor: "last-resort" }): void;
}

const host = globalThis as Host;

async function timeSteps(contestant: Contestant, plan: Plan): Promise<Result> {
  const work = await contestant.make(plan.count);
  host.gc?.(); // what it took to get here is not part of it
  sample(work, plan.warmUp, plan.batch);
  mark();
  const samples = sample(work, plan.samples, plan.batch);
  mark();
  return { samples, checksum: work.checksum() };
}

/** Marks a place in the trace. A full collection would throw code away that was compiled for objects of which none is left just then. */
function mark(): void {
  host.gc?.({ type: "minor" });
}

/** Milliseconds of a step, of so many samples. */
function sample({ run }: Work, samples: number, batch: number): number[] {
  const times: number[] = new Array(samples);
  for (let i = 0; i < samples; i++) {
    const start = performance.now();
    for (let step = 0; step < batch; step++) run();
    times[i] = (performance.now() - start) / batch;
  }
  return times;
}

/** What grows starts empty, after another one has grown, so that its code is compiled. */
async function timeGrowth(contestant: Contestant, plan: Plan): Promise<Result> {
  const other = await contestant.make(plan.count >> 2);
  sample(other, plan.samples >> 2, 1);
  const work = await contestant.make(plan.count);
  mark();
  const samples = sample(work, plan.samples, 1);
  other.checksum(); // it was there all the time, or its code would have gone with it
  return { samples, checksum: work.checksum() };
}

async function weigh(contestant: Contestant, plan: Plan): Promise<Result> {
  const work = await contestant.make(plan.count);
  work.run();
  host.gc?.({ type: "major", flavor: "last-resort" }); // which gives back what the heap has to spare
  const { rss, heapUsed, external } = host.Deno!.memoryUsage(); // measured on Deno alone
  return { samples: [], checksum: work.checksum(), rssBytes: rss, heapBytes: heapUsed + external };
}

const MEASURES: Readonly<
  Record<Measure, (contestant: Contestant, plan: Plan) => Promise<Result>>
> = { time: timeSteps, frames: timeSteps, growth: timeGrowth, memory: weigh };

const [name, key, plan] = host.Deno?.args ?? host.process!.argv.slice(2); // one of both is there
// Whoever starts this has both names from there.
const scenario = scenarios.find((it) => it.name === name)!;
const contestant = scenario.contestants.find((it) => it.key === key)!;
const result = await MEASURES[scenario.measure](contestant, JSON.parse(plan));
console.error(MARK + JSON.stringify(result));
