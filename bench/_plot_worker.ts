/**
 * A subject of `plot.ts` in an isolate of its own: the worker that is started for it, and its other end.
 *
 * @module
 */
import { shuffled } from "./_particles.ts";
import type { Pattern } from "./_plot_chart.ts";
import { type Items, subjects, timeOnce } from "./_plot_subjects.ts";

/** What is asked of a worker. */
export interface Request {
  readonly pattern: Pattern;
  readonly count: number;
  readonly runs: number;
}

/** Does what is asked, and tells the mean milliseconds of a run. */
class Bench {
  readonly #make: (count: number) => Items;
  #items: Items | undefined;
  #count = 0;
  #orders: Partial<Record<Pattern, Int32Array>> = {};

  constructor(make: (count: number) => Items) {
    this.#make = make;
  }

  measure({ pattern, count, runs }: Request): number {
    if (count !== this.#count) this.#prepare(count);
    let millis = 0;
    for (let run = 0; run < runs; run++) {
      millis += timeOnce(this.#items!, this.#orders[pattern], count); // just prepared
    }
    return millis / runs;
  }

  #prepare(count: number): void {
    this.#items = undefined; // so that both are not there at once
    this.#items = this.#make(count);
    this.#count = count;
    this.#orders = {
      "in order": Int32Array.from({ length: count }, (_, i) => i),
      "in reverse": Int32Array.from({ length: count }, (_, i) => count - 1 - i),
      "at random": shuffled(count),
    };
  }
}

/** The global object of a worker, as far as it is used; of any other isolate it has no name. */
interface WorkerScope {
  readonly name?: string;
  onmessage: (event: MessageEvent<Request>) => void;
  postMessage(millis: number): void;
}

const scope = globalThis as unknown as WorkerScope;
if (scope.name) {
  const bench = new Bench(subjects[Number(scope.name)].make);
  scope.onmessage = ({ data }) => scope.postMessage(bench.measure(data));
}

/** The other end of a worker. */
export class Player implements Disposable {
  readonly #worker: Worker;

  constructor(subject: number) {
    this.#worker = new Worker(import.meta.url, { type: "module", name: String(subject) });
  }

  // An error in the worker ends the process, message and all.
  measure(request: Request): Promise<number> {
    return new Promise((resolve) => {
      this.#worker.onmessage = ({ data }) => resolve(data);
      this.#worker.postMessage(request);
    });
  }

  [Symbol.dispose](): void {
    this.#worker.terminate();
  }
}
