/**
 * Do two threads get twice as much done in one shared pool?
 *
 * A step is the same work for one worker or for two. It needs as many idle cores as threads.
 */
import { type Handle, SharedPool, type SharedPoolToken, type View } from "@slabs/pool";
import { type Question, show, type Work } from "./harness/question.ts";
import { DT, Particle, shuffled, speedX, startX } from "./particles/particle.ts";

/** What a worker is started for. */
interface Job {
  readonly task: keyof typeof TASKS;
  readonly token: SharedPoolToken;
  readonly count: number;
  /** The worker's number among so many. */
  readonly stripe: number;
  readonly of: number;
}

type ParticlePool = SharedPool<typeof Particle>;

/** Passes, or replacements of each record, of a step. */
const REPEATS = 20;

// -- the worker's side --

/** Each makes a function that does a worker's part of a step, and gives a sum that proves it. */
const TASKS = {
  /** Replaces records of its own in random order. */
  records(pool: ParticlePool, { count, of }: Job): () => number {
    const at = pool.cursor();
    const order = shuffled(count);
    const handles: Handle<typeof Particle>[] = Array.from(order, () => pool.allocAt(at));
    return () => {
      let sum = 0;
      for (let repeat = 0; repeat < REPEATS / of; repeat++) {
        for (let i = 0; i < count; i++) {
          pool.free(handles[order[i]]);
          handles[order[i]] = pool.allocAt(at);
          at.life = i;
          sum += at.life;
        }
      }
      return sum;
    };
  },

  /** Passes over a stripe of the records. */
  stripe(pool: ParticlePool, { stripe, of }: Job): () => number {
    let visited = 0;
    const move = (it: View<typeof Particle>) => {
      const pull = 1 / (1 + it.x * it.x + it.y * it.y);
      it.vx -= it.x * pull * DT;
      it.vy -= it.y * pull * DT;
      it.x += it.vx * DT;
      it.y += it.vy * DT;
      visited++;
    };
    return () => {
      visited = 0;
      for (let repeat = 0; repeat < REPEATS; repeat++) pool.forEach(move, { stripe, of });
      return visited;
    };
  },
};

/** The global object of a worker, as far as it is used. Other threads have no such name. */
interface WorkerScope {
  readonly name?: string;
  onmessage: (event: MessageEvent<Job>) => void;
  postMessage(sum: number): void;
}

const NAME = "workers_bench";
const scope = globalThis as unknown as WorkerScope;
if (scope.name === NAME) {
  scope.onmessage = ({ data }) => { // the first message has the job, and each other asks for a step
    const step = TASKS[data.task](SharedPool.attach(Particle, data.token), data);
    scope.onmessage = () => scope.postMessage(step());
    scope.postMessage(0);
  };
}

// -- the other side --

function ask(worker: Worker, job?: Job): Promise<number> {
  return new Promise((resolve) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.postMessage(job);
  });
}

async function workOf(task: Job["task"], of: number, count: number): Promise<Work> {
  const pool = SharedPool.create(Particle);
  const at = pool.cursor();
  for (let i = 0; task === "stripe" && i < count; i++) {
    pool.allocAt(at);
    at.x = startX(i);
    at.vx = speedX(i);
  }
  const workers = Array.from(
    { length: of },
    () => new Worker(import.meta.url, { type: "module", name: NAME }),
  );
  const token = pool.share();
  await Promise.all(workers.map((it, stripe) => ask(it, { task, token, count, stripe, of })));
  let sum = 0;
  return {
    async run() {
      const sums = await Promise.all(workers.map((it) => ask(it)));
      sum = sums.reduce((a, b) => a + b, 0);
    },
    checksum() {
      for (const worker of workers) worker.terminate();
      return sum;
    },
  };
}

function question(task: Job["task"], title: string, method: string, count: number): Question {
  return {
    name: `workers/${task}`,
    title: `Two workers: ${title}`,
    method,
    whole: true,
    baseline: "one",
    contestants: {
      one: { label: "one worker", make: (count) => workOf(task, 1, count) },
      two: { label: "two workers", make: (count) => workOf(task, 2, count) },
    },
    apart: true,
    plan: { count, warmUp: 10, samples: 20, batch: 1, rounds: 3 },
    quickCount: 200,
  };
}

export const questions: readonly Question[] = show([
  question(
    "records",
    "alloc and free of own records",
    "One worker replaces 50,000 records of its own in random order 20 times, or each of two does with its own 10 times.",
    50_000,
  ),
  question(
    "stripe",
    "a pass in stripes",
    "20 passes over 400,000 particles with some arithmetic, of one worker or of two with a stripe each.",
    400_000,
  ),
]);
