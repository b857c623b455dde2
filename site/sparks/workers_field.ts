/**
 * Sparks in a `SharedPool` that two workers step, a stripe each.
 *
 * @module
 */
import { SharedPool } from "@slabs/pool";
import type { SparkField, VertexLayout } from "./field.ts";
import { RECORD_LAYOUT } from "./pool_field.ts";
import { type Input, Spark } from "./spark.ts";
import { type Join, type Step, WORKERS } from "./worker_messages.ts";

/** Most sparks of a stripe: all of them, and those that live a frame too long. */
const MOST = 350_000;

/** Bytes beside a chunk: its stamp and its link, and what each worker keeps of it. */
const BYTES_BESIDE = 6 + 4 * WORKERS;

/** Sparks that two workers step. */
export class WorkersField implements SparkField {
  readonly layout: VertexLayout = RECORD_LAYOUT;
  readonly #pool = SharedPool.create(Spark, {
    name: "sparks",
    chunksPerBlock: 4096,
    maxChunks: 1 << 19,
  });
  readonly #workers = Array.from({ length: WORKERS }, () => new Helper());
  #packed: number[] = [];

  /** Starts the workers. */
  static async start(): Promise<WorkersField> {
    const field = new WorkersField();
    const token = field.#pool.share();
    await field.#all((worker, stripe) => worker.ask({ token, stripe, packed: worker.packed }));
    return field;
  }

  #all(ask: (worker: Helper, i: number) => Promise<number>): Promise<number[]> {
    return Promise.all(this.#workers.map(ask));
  }

  get size(): number {
    return this.#pool.size;
  }

  get bytesPerSpark(): number {
    const { byteLength, capacity, size } = this.#pool;
    return (byteLength + capacity * BYTES_BESIDE) / Math.max(1, size) + Spark.size; // a copy is packed
  }

  async step(input: Input): Promise<void> {
    const extra = Math.trunc((input.target - this.#pool.size) / WORKERS);
    this.#packed = await this.#all((worker) => worker.ask({ input, extra }));
  }

  bytes(): readonly Uint8Array[] {
    return this.#packed.map((records, i) =>
      new Uint8Array(this.#workers[i].packed, 0, records * Spark.size)
    );
  }

  dispose(): void {
    for (const worker of this.#workers) worker.stop();
    this.#pool.dispose();
  }
}

/** The page's end of a worker. */
class Helper {
  /** Where the worker puts the records of its stripe; it is shared, so it is not posted back. */
  readonly packed = new SharedArrayBuffer(MOST * Spark.size);
  readonly #worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });

  /** Posts a message, and waits for the answer. */
  ask(message: Join | Step): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#worker.onmessage = ({ data }) => resolve(data);
      this.#worker.onerror = ({ message }) => reject(new Error(message));
      this.#worker.postMessage(message);
    });
  }

  stop(): void {
    this.#worker.terminate();
  }
}
