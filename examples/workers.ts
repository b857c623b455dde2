/**
 * A field of particles that all cores step together: each worker moves the blocks of its stripe,
 * frees what has burnt out there, whoever made it, and makes as many anew. The main thread makes
 * nothing: it says when a frame begins, and takes the time. It is for Deno and browsers: workers of
 * Bun do not know their names.
 *
 * ```sh
 * deno run --allow-read=. examples/workers.ts
 * ```
 */
import { SharedPool, type SharedPoolToken, struct, validate } from "@slabs/pool";

const FRAMES = 120;
const CROWD = 200_000;
const DT = 1 / 60;

const Spark = struct({
  x: "f32",
  y: "f32",
  vx: "f32",
  vy: "f32",
  life: "u16",
}, { name: "Spark" });
type Sparks = SharedPool<typeof Spark>;

/** What a worker is told: to join, to make some, or to play a frame. */
type Order =
  | { readonly join: SharedPoolToken; readonly seed: number }
  | { readonly spawn: number }
  | { readonly stripe: number; readonly of: number };

/** What it answers: how many it made and freed. */
interface Answer {
  readonly made: number;
  readonly freed: number;
}

/** What came of it, for one number of workers. */
export interface Outcome {
  readonly workers: number;
  /** Milliseconds of each frame. */
  readonly millis: number[];
  readonly made: number;
  readonly freed: number;
  /** Sparks that are there at the end. */
  readonly live: number;
}

// -- a worker --

/** The part of a worker: it makes, steps and frees, in a pool that it shares. */
class Stepper {
  readonly #sparks: Sparks;
  #seed: number;

  constructor(sparks: Sparks, seed: number) {
    this.#sparks = sparks;
    this.#seed = seed;
  }

  /** From 0 to 1, this included. */
  #random(): number {
    this.#seed = (Math.imul(this.#seed, 1664525) + 1013904223) >>> 0;
    return this.#seed / 2 ** 32;
  }

  spawn(count: number): Answer {
    for (let i = 0; i < count; i++) {
      const angle = this.#random() * 2 * Math.PI;
      const x = Math.cos(angle), y = Math.sin(angle);
      // In one call, as others may come upon it at once: they see it whole or not at all.
      this.#sparks.alloc({
        x,
        y,
        vx: -y * this.#random(),
        vy: x * this.#random(),
        life: 10 + this.#random() * 190,
      });
    }
    return { made: count, freed: 0 };
  }

  frame(stripe: number, of: number): Answer {
    let freed = 0;
    this.#sparks.forEach((spark, handle) => {
      const pull = DT / (0.01 + spark.x * spark.x + spark.y * spark.y);
      spark.vx -= spark.x * pull;
      spark.vy -= spark.y * pull;
      spark.x += spark.vx * DT;
      spark.y += spark.vy * DT;
      if (--spark.life > 0) return;
      this.#sparks.free(handle); // made by any worker: this one is not asked
      freed++;
    }, { stripe, of });
    return { made: this.spawn(freed).made, freed };
  }
}

/** The global object of a worker, as far as it is used; of any other isolate it has no name. */
interface WorkerScope {
  readonly name?: string;
  onmessage: (event: MessageEvent<Order>) => void;
  postMessage(answer: Answer): void;
}

function listen(scope: WorkerScope): void {
  let stepper: Stepper;
  scope.onmessage = ({ data }) => {
    if ("join" in data) {
      stepper = new Stepper(SharedPool.attach(Spark, data.join), data.seed);
      scope.postMessage({ made: 0, freed: 0 });
    } else if ("spawn" in data) scope.postMessage(stepper.spawn(data.spawn));
    else scope.postMessage(stepper.frame(data.stripe, data.of));
  };
}

// -- the main thread --

/** The other end of a worker. */
class Hand implements Disposable {
  readonly #worker = new Worker(import.meta.url, { type: "module", name: "sparks" });

  do(order: Order): Promise<Answer> {
    return new Promise((resolve) => {
      this.#worker.onmessage = ({ data }) => resolve(data);
      this.#worker.postMessage(order);
    });
  }

  [Symbol.dispose](): void {
    this.#worker.terminate();
  }
}

/** Plays so many frames with so many workers. */
export async function play(workers: number, frames: number, crowd: number): Promise<Outcome> {
  using sparks = SharedPool.create(Spark, { name: "sparks" });
  using stack = new DisposableStack();
  const hands = Array.from({ length: workers }, () => stack.use(new Hand()));
  let made = 0, freed = 0;
  const all = async (orderOf: (i: number) => Order) => {
    for (const answer of await Promise.all(hands.map((hand, i) => hand.do(orderOf(i))))) {
      made += answer.made;
      freed += answer.freed;
    }
  };
  await all((i) => ({ join: sparks.share(), seed: i + 1 }));
  await all((i) => ({ spawn: Math.floor((crowd + i) / workers) }));
  const millis: number[] = [];
  for (let frame = 0; frame < frames; frame++) {
    const start = performance.now();
    await all((stripe) => ({ stripe, of: workers }));
    millis.push(performance.now() - start);
  }
  validate(sparks); // nobody is at work any more
  return { workers, millis, made, freed, live: sparks.size };
}

async function main(): Promise<void> {
  const cores = navigator.hardwareConcurrency;
  console.log(`${CROWD.toLocaleString("en-US")} sparks, ${FRAMES} frames, ${cores} cores\n`);
  let longest = 0;
  for (let workers = 1; workers <= cores; workers++) {
    const { millis, made, freed, live } = await play(workers, FRAMES, CROWD);
    if (live !== CROWD || live !== made - freed) {
      throw new Error(
        `${live} sparks are left, must be ${CROWD}, ${made} made less ${freed} freed`,
      );
    }
    const sorted = millis.toSorted((a, b) => a - b);
    const median = sorted[FRAMES >> 1], worst = sorted[Math.floor(FRAMES * 0.99)];
    longest = Math.max(longest, median);
    const bar = "█".repeat(Math.round(median / longest * 30)).padEnd(30);
    const name = `${workers} ${workers === 1 ? "worker " : "workers"}`;
    console.log(`${name}  ${bar}  ${median.toFixed(1)} ms a frame, ${worst.toFixed(1)} at worst`);
    if (workers === cores) {
      console.log(
        `\n${made.toLocaleString("en-US")} made, ${freed.toLocaleString("en-US")} freed, none lost`,
      );
    }
  }
}

const scope = globalThis as unknown as WorkerScope;
if (scope.name === "sparks") listen(scope);
else if (import.meta.main) await main();
