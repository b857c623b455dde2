/**
 * Do two threads get twice as much done in one shared pool?
 *
 * A step is the same work for one worker or for two. It needs as many idle cores as threads.
 */
import { SharedPool, type SharedPoolToken, type View } from "@slabs/pool";
import { type Question, show, type Work } from "./harness/question.ts";
import { DT, Particle, shuffled, speedX, startX } from "./particles/particle.ts";

/** What a worker is asked to do. It answers with a sum that proves it. */
type Task =
  | { readonly task: "join"; readonly token: SharedPoolToken; readonly count: number }
  | { readonly task: "records" | "stripe" | "alone"; readonly stripe: number; readonly of: number };

/** Passes, or replacements of each record, of a step. */
const REPEATS = 20;

// -- the worker's side --

/**
 * The global object of a worker, as far as it is used. The global object of other threads has no
 * such name.
 */
interface WorkerScope {
  readonly name?: string;
  onmessage: (event: MessageEvent<Task>) => void;
  postMessage(sum: number): void;
}

const NAME = "workers_bench";
const scope = globalThis as unknown as WorkerScope;
if (scope.name === NAME) serve();

function serve(): void {
  let pool: SharedPool<typeof Particle>;
  let count = 0;
  let order: Int32Array;
  let at: View<typeof Particle>;
  let handles: ReturnType<typeof pool.allocAt>[];

  function replace(repeats: number): number {
    while (handles.length < count) handles.push(pool.allocAt(at));
    let sum = 0;
    for (let repeat = 0; repeat < repeats; repeat++) {
      for (let i = 0; i < count; i++) {
        pool.free(handles[order[i]]);
        handles[order[i]] = pool.allocAt(at);
        at.life = i;
        sum += at.life;
      }
    }
    return sum;
  }

  function pass(stripe: number, of: number): number {
    let visited = 0;
    const move = (it: View<typeof Particle>) => {
      const pull = 1 / (1 + it.x * it.x + it.y * it.y);
      it.vx -= it.x * pull * DT;
      it.vy -= it.y * pull * DT;
      it.x += it.vx * DT;
      it.y += it.vy * DT;
      visited++;
    };
    for (let repeat = 0; repeat < REPEATS; repeat++) pool.forEach(move, { stripe, of });
    return visited;
  }

  /** What the machine gives threads that share nothing. */
  function alone(steps: number): number {
    let x = 1.5, done = 0;
    for (let i = 0; i < steps; i++) {
      x = 1 / (1 + x * x) + x * DT;
      if (x > 0) done++;
    }
    return done;
  }

  scope.onmessage = ({ data }) => {
    if (data.task === "join") {
      pool = SharedPool.attach(Particle, data.token);
      at = pool.cursor();
      count = data.count;
      order = shuffled(count);
      handles = [];
      return scope.postMessage(0);
    }
    const { task, stripe, of } = data;
    if (task === "alone") return scope.postMessage(alone(REPEATS * count / of));
    scope.postMessage(task === "stripe" ? pass(stripe, of) : replace(REPEATS / of));
  };
}

// -- the other side --

function ask(worker: Worker, task: Task): Promise<number> {
  return new Promise((resolve) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.postMessage(task);
  });
}

async function workOf(
  task: "records" | "stripe" | "alone",
  of: number,
  pool: SharedPool<typeof Particle>,
  count: number,
): Promise<Work> {
  const workers = Array.from(
    { length: of },
    () => new Worker(import.meta.url, { type: "module", name: NAME }),
  );
  await Promise.all(workers.map((it) => ask(it, { task: "join", token: pool.share(), count })));
  let sum = 0;
  return {
    async run() {
      const sums = await Promise.all(workers.map((it, stripe) => ask(it, { task, stripe, of })));
      sum = sums.reduce((a, b) => a + b, 0);
    },
    checksum() {
      for (const worker of workers) worker.terminate();
      return sum;
    },
  };
}

function poolOf(count: number): SharedPool<typeof Particle> {
  const pool = SharedPool.create(Particle);
  const at = pool.cursor();
  for (let i = 0; i < count; i++) {
    pool.allocAt(at);
    at.x = startX(i);
    at.vx = speedX(i);
  }
  return pool;
}

function question(
  task: "records" | "stripe" | "alone",
  title: string,
  method: string,
  count: number,
): Question {
  const on = (of: number) => (count: number) =>
    workOf(task, of, poolOf(task === "stripe" ? count : 0), count);
  return {
    name: `workers/${task}`,
    title: `Two workers: ${title}`,
    method,
    whole: true,
    baseline: "one",
    contestants: {
      one: { label: "one worker", make: on(1) },
      two: { label: "two workers", make: on(2) },
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
  question(
    "alone",
    "arithmetic without a pool",
    "8,000,000 steps of arithmetic that share nothing: what the machine itself gives two threads.",
    400_000,
  ),
]);
