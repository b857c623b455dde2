/**
 * Real workers at one `SharedPool`, for the tests and the soak.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { type AnyHandle, type HandleKind, SharedPool, validate } from "../../mod.ts";
import {
  Cell,
  type CellPool,
  type Churn,
  type Churned,
  type Common,
  CONTROL,
  type Job,
  sealOf,
  Slots,
} from "./_shared_jobs.ts";

const MODULE = new URL("_shared_worker.ts", import.meta.url);

/** Whether a worker can be started: its module has to be read. */
export const CAN_START: boolean =
  (await Deno.permissions.query({ name: "read", path: MODULE })).state === "granted";

/** A job without what the crew knows itself. */
export type Task<J extends Job = Job> = J extends Job ? Omit<J, Exclude<keyof Common, "job">>
  : never;

/** Some workers. */
export class Crew implements Disposable {
  readonly workers: readonly Worker[];
  /** Where they meet. */
  readonly control: Int32Array<SharedArrayBuffer> = new Int32Array(new SharedArrayBuffer(4 * 32));

  /** @param count How many. */
  constructor(count: number) {
    this.workers = Array.from({ length: count }, () => new Worker(MODULE, { type: "module" }));
  }

  /**
   * Has all of them work at once.
   *
   * @param pool At which pool.
   * @param taskOf What each does, by its number from 1.
   * @returns What came of it; an error of one is thrown here.
   */
  async run<T>(pool: CellPool, taskOf: (id: number) => Task): Promise<T[]> {
    this.control.fill(0);
    const of = this.workers.length;
    const common = { token: pool.share(), control: this.control.buffer, of };
    const answers = this.workers.map((worker, i) =>
      answerOf<T>(worker, () => {
        worker.postMessage({ ...common, id: i + 1, ...taskOf(i + 1) });
      })
    );
    const settled = await Promise.allSettled(answers);
    const errors = settled.filter((it) => it.status === "rejected").map((it) => it.reason);
    if (errors.length > 0) throw new AggregateError(errors, errors.map(String).join("\n"));
    return settled.map((it) => (it as PromiseFulfilledResult<T>).value); // as none was rejected
  }

  /**
   * Ends them, also where a test failed: what runs or waits without end would go on, however often
   * it is terminated.
   */
  [Symbol.dispose](): void {
    Atomics.store(this.control, CONTROL.stop, 1);
    Atomics.notify(this.control, CONTROL.stop);
    for (const worker of this.workers) worker.terminate();
  }
}

function answerOf<T>(worker: Worker, ask: () => void): Promise<T> {
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<{ value: T; error?: string }>) =>
      data.error === undefined ? resolve(data.value) : reject(new Error(data.error));
    worker.onerror = (event) => {
      event.preventDefault();
      reject(new Error(event.message));
    };
    ask();
  });
}

/** How workers churn. */
export interface ChurnOptions {
  readonly handles: HandleKind;
  readonly maxChunks: number;
  /** Operations of each. */
  readonly operations: number;
  readonly seed: number;
}

/** Sums of what the workers did. */
export type Churning = Omit<Churned, "live"> & { live: number };

/**
 * A round: all workers take, write, hand over and free records, each of which tells whose it is;
 * then the books are checked.
 *
 * @param crew Who works.
 * @param options How.
 * @returns What they did.
 */
export async function churn(crew: Crew, options: ChurnOptions): Promise<Churning> {
  const { handles, maxChunks, operations, seed } = options;
  const pool = SharedPool.create(Cell, { handles, maxChunks, chunksPerBlock: 64, name: "cells" });
  const slots = new SharedArrayBuffer(12 * 64);
  const holders = new SharedArrayBuffer(4 * maxChunks);
  const results = await crew.run<Churned>(pool, (id): Task<Churn> => ({
    job: "churn",
    slots,
    holders,
    seed: seed * 16 + id,
    operations,
    most: 1000,
    isWide: handles === "wide",
  }));
  const live = results.flatMap((it) => it.live);
  const between = new Slots(slots);
  for (let slot = 0; slot < between.count; slot++) {
    const handle = between.take(slot);
    if (handle !== 0) live.push(handle);
  }
  const all = sum(results, live.length);
  assertBalanced(pool, live, new Int32Array(holders), all);
  return all;
}

function sum(results: readonly Churned[], live: number): Churning {
  const of = (key: Exclude<keyof Churned, "live">) => results.reduce((sum, it) => sum + it[key], 0);
  return {
    operations: of("operations"),
    allocs: of("allocs"),
    frees: of("frees"),
    taken: of("taken"),
    full: of("full"),
    visited: of("visited"),
    live,
  };
}

/** The pool has just the records that the workers say, and every chunk of it can still be had. */
function assertBalanced(
  pool: CellPool,
  live: number[],
  holders: Int32Array,
  { allocs, frees }: Churning,
): void {
  validate(pool);
  assertEquals([pool.size, allocs - frees], [live.length, live.length]);
  const seen: number[] = [];
  pool.forEach(({ owner, counter, seal }, handle) => {
    seen.push(handle);
    assertEquals(seal, sealOf(owner, counter, handle), `record ${handle}`);
    assert(holders[handle % holders.length] !== 0, `record ${handle} is nobody's`);
  });
  assertEquals(seen.sort((a, b) => a - b), live.sort((a, b) => a - b));
  assertEquals(holders.reduce((sum, it) => sum + (it === 0 ? 0 : 1), 0), live.length);
  for (const handle of live) pool.free(handle as AnyHandle); // as it was given out
  assertWhole(pool);
}

/** An empty pool whose other threads are gone gives out all that it may have. */
export function assertWhole(pool: CellPool): void {
  validate(pool);
  assertEquals(pool.size, 0);
  let got = 0;
  while (pool.tryAlloc() !== undefined) got++;
  assertEquals(got, pool.maxChunks);
  validate(pool);
}
