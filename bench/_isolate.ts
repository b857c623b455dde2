/**
 * A contestant in an isolate of its own: the worker that `ratios.ts` starts for it, and its other end.
 *
 * Engine code is compiled for what it was seen to do in its isolate. In one isolate each contestant would slow the others
 * down, as `forEach` calls the function of each from the same place: `many_bench.ts` is about what that costs.
 *
 * @module
 */
import { scenarios } from "./_all.ts";
import type { Work } from "./_scenario.ts";

/** What is asked of a worker: so many rounds, or, where that is 0, the proof. */
type Request = number;

/** The work of a contestant, wherever it is done. */
export interface Player {
  /** Does so many rounds, and tells the milliseconds of each. */
  play(rounds: number): Promise<readonly number[]>;
  /** Throws when the rounds did not come to what they must. */
  verify(): Promise<void>;
}

/** Does the work in this isolate. */
export class LocalPlayer implements Player {
  readonly #work: Work;

  constructor(work: Work) {
    this.#work = work;
  }

  play(rounds: number): Promise<readonly number[]> {
    const times: number[] = [];
    for (let i = 0; i < rounds; i++) {
      const start = performance.now();
      this.#work.run();
      times.push(performance.now() - start);
    }
    return Promise.resolve(times);
  }

  verify(): Promise<void> {
    this.#work.verify();
    return Promise.resolve();
  }
}

/** Does the work in an isolate of its own. */
export class RemotePlayer implements Player, Disposable {
  readonly #worker: Worker;

  /**
   * @param scenario Name of the scenario.
   * @param contestant Place of the contestant in it.
   */
  constructor(scenario: string, contestant: number) {
    this.#worker = new Worker(import.meta.url, {
      type: "module",
      name: JSON.stringify([scenario, contestant]),
    });
  }

  play(rounds: number): Promise<readonly number[]> {
    return this.#ask(rounds);
  }

  async verify(): Promise<void> {
    await this.#ask(0);
  }

  [Symbol.dispose](): void {
    this.#worker.terminate();
  }

  // An error in the worker ends the process, message and all.
  #ask(request: Request): Promise<readonly number[]> {
    return new Promise((resolve) => {
      this.#worker.onmessage = ({ data }) => resolve(data);
      this.#worker.postMessage(request);
    });
  }
}

/** The global object of a worker, as far as it is used; of any other isolate it has no name. */
interface WorkerScope {
  readonly name?: string;
  onmessage: (event: MessageEvent<Request>) => void;
  postMessage(times: readonly number[]): void;
}

const scope = globalThis as unknown as WorkerScope;
if (scope.name) {
  const [name, contestant]: [string, number] = JSON.parse(scope.name);
  const scenario = scenarios.find((it) => it.name === name)!; // who started the worker has it from there
  const player = new LocalPlayer(scenario.contestants[contestant].make());
  scope.onmessage = async ({ data: rounds }) => {
    if (rounds > 0) return scope.postMessage(await player.play(rounds));
    await player.verify();
    scope.postMessage([]);
  };
}
