/**
 * Question: do two threads get twice as much out of one shared pool?
 *
 * Method: workers that stay for the whole run. A round is one of them or all of them, in turn, doing its work: `records` is
 * 50,000 records of its own in each, replaced in random order ten times; `stripes` is ten passes over 400,000 particles in
 * all, with some arithmetic, each worker in its stripe. What is compared is work by time from the message that starts the
 * first to the one that ends the last. Rounds take turns, the first third warms up, and the proofs are checked at the end.
 *
 * `alone` is arithmetic that shares nothing: what the machine itself gives two threads.
 *
 * Caveats: needs as many cores as threads, and nobody else on them.
 *
 * ```sh
 * deno task scaling
 * ```
 */
import { SharedPool, type SharedPoolToken, type View } from "@slabs/pool";
import { DT, Particle, shuffled, speedX, startX } from "./_particles.ts";
import { same } from "./_scenario.ts";

const ROUNDS = 60;
const OWN = 50_000;
const REPEATS = 10;
const CROWD = 400_000;

/** What a worker is asked to do, and what it answers: a sum that proves it. */
type Task =
  | { readonly task: "join"; readonly token: SharedPoolToken }
  | { readonly task: "records" }
  | { readonly task: "stripe"; readonly stripe: number; readonly of: number }
  | { readonly task: "alone" };

/** The global object of a worker, as far as it is used; of any other isolate it has no name. */
interface WorkerScope {
  readonly name?: string;
  onmessage: (event: MessageEvent<Task>) => void;
  postMessage(proof: number): void;
}

const scope = globalThis as unknown as WorkerScope;
/** The worker's side. */
function work(): void {
  const order = shuffled(OWN);
  let pool: SharedPool<typeof Particle>;
  let at: View<typeof Particle>;
  let handles: ReturnType<typeof pool.allocAt>[];

  function replace(): number {
    let sum = 0;
    for (let repeat = 0; repeat < REPEATS; repeat++) {
      for (let i = 0; i < OWN; i++) {
        pool.free(handles[order[i]]);
        handles[order[i]] = pool.allocAt(at);
        at.life = i;
        sum += at.life;
      }
    }
    return sum;
  }

  function step(stripe: number, of: number): number {
    let count = 0;
    const pass = (it: View<typeof Particle>) => {
      const pull = 1 / (1 + it.x * it.x + it.y * it.y);
      it.vx -= it.x * pull * DT;
      it.vy -= it.y * pull * DT;
      it.x += it.vx * DT;
      it.y += it.vy * DT;
      count++;
    };
    for (let repeat = 0; repeat < REPEATS; repeat++) pool.forEach(pass, { stripe, of });
    return count;
  }

  /** What the machine gives two threads that share nothing. */
  function alone(): number {
    let x = 1.5, count = 0;
    for (let i = 0; i < REPEATS * CROWD; i++) {
      x = 1 / (1 + x * x) + x * DT;
      if (x > 0) count++;
    }
    return count;
  }

  scope.onmessage = ({ data }) => {
    if (data.task === "join") {
      pool = SharedPool.attach(Particle, data.token);
      at = pool.cursor();
      handles = [];
      return scope.postMessage(0);
    }
    if (data.task === "alone") return scope.postMessage(alone());
    if (data.task === "stripe") return scope.postMessage(step(data.stripe, data.of));
    while (handles.length < OWN) handles.push(pool.allocAt(at));
    scope.postMessage(replace());
  };
}

/** The other end of a worker. */
class Hand implements Disposable {
  readonly #worker = new Worker(import.meta.url, { type: "module", name: "scaling" });

  do(task: Task): Promise<number> {
    return new Promise((resolve) => {
      this.#worker.onmessage = ({ data }) => resolve(data);
      this.#worker.postMessage(task);
    });
  }

  [Symbol.dispose](): void {
    this.#worker.terminate();
  }
}

/** A question: what each of so many workers is asked, and how much work that is in all. */
interface Question {
  readonly name: string;
  readonly pool: SharedPool<typeof Particle>;
  readonly limit?: number;
  taskOf(worker: number, workers: number): Task;
  /** Work of a round, in any unit. */
  amount(workers: number): number;
  /** What the answers must come to. */
  proof(workers: number): number;
}

async function measure(): Promise<void> {
  using hands = new DisposableStack();
  const all = [hands.use(new Hand()), hands.use(new Hand())];
  console.log("| | one worker, ms | two workers, ms | × the throughput | wanted |");
  console.log("|---|---|---|---|---|");
  await ask(all, {
    name: "arithmetic alone, without a pool",
    pool: SharedPool.create(Particle),
    taskOf: () => ({ task: "alone" }),
    amount: (workers) => workers,
    proof: (workers) => workers * REPEATS * CROWD,
  });
  await ask(all, {
    name: "alloc and free of own records",
    pool: SharedPool.create(Particle),
    limit: 1.7,
    taskOf: () => ({ task: "records" }),
    amount: (workers) => workers,
    proof: (workers) => workers * REPEATS * OWN * (OWN - 1) / 2,
  });
  await ask(all, {
    name: "striped forEach with arithmetic",
    pool: crowd(),
    limit: 1.7,
    taskOf: (stripe, of) => ({ task: "stripe", stripe, of }),
    amount: () => 1,
    proof: () => REPEATS * CROWD,
  });
}

/** Lets one worker and all of them answer in turn, and prints what came of it. */
async function ask(all: readonly Hand[], question: Question): Promise<void> {
  const { name, pool, limit, amount } = question;
  for (const hand of all) await hand.do({ task: "join", token: pool.share() });
  const times = new Map<number, number[]>([[1, []], [all.length, []]]);
  for (let round = 0; round < ROUNDS; round++) {
    for (const [workers, list] of times) {
      // The one that works alone is another one each time, so that both are as warm.
      const hands = workers === 1 ? [all[round % all.length]] : all;
      const start = performance.now();
      const answers = await Promise.all(
        hands.map((hand, i) => hand.do(question.taskOf(i, workers))),
      );
      const millis = performance.now() - start;
      same(name, answers.reduce((sum, it) => sum + it, 0), question.proof(workers));
      if (round >= ROUNDS / 3) list.push(millis);
    }
  }
  const [one, many] = [...times].map(([workers, list]) => ({ workers, millis: median(list) }));
  const ratio = amount(many.workers) / many.millis / (amount(1) / one.millis);
  const verdict = limit === undefined ? "" : `≥ ${limit}: ${ratio >= limit ? "met" : "missed"}`;
  const cells = [name, one.millis.toFixed(2), many.millis.toFixed(2), ratio.toFixed(2), verdict];
  console.log(`| ${cells.join(" | ")} |`);
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1];
}

/** A pool of particles. */
function crowd(): SharedPool<typeof Particle> {
  const pool = SharedPool.create(Particle);
  const at = pool.cursor();
  for (let i = 0; i < CROWD; i++) {
    pool.allocAt(at);
    at.x = startX(i);
    at.vx = speedX(i);
  }
  return pool;
}

if (scope.name === "scaling") work();
else if (import.meta.main) await measure();
