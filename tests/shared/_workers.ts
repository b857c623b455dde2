/**
 * Real workers on one `SharedPool`, for the tests and the soak.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { type AnyHandle, type HandleKind, SharedPool, validate } from "../../mod.ts";
import { Cell, type CellPool, CONTROL, sealOf, Slots } from "./_cell.ts";
import type { Churned, Jobs, Message } from "./_worker.ts";

const MODULE = new URL("_worker.ts", import.meta.url);

/** Whether a worker can be started, which takes the permission to read its module. */
export const CAN_START: boolean =
  (await Deno.permissions.query({ name: "read", path: MODULE })).state === "granted";

/** Some workers with a control memory. */
export class Workers implements Disposable {
  readonly all: readonly Worker[];
  readonly control: Int32Array<SharedArrayBuffer> = new Int32Array(new SharedArrayBuffer(4 * 32));

  constructor(count: number) {
    this.all = Array.from({ length: count }, () => new Worker(MODULE, { type: "module" }));
  }

  /**
   * Lets all workers do a job at once.
   *
   * @param pool The pool that they join.
   * @param jobOf The job of each, or that of all.
   * @param taskOf The task of each, by its number from 1.
   * @returns What the jobs returned; an error of one is thrown here.
   */
  async run<J extends keyof Jobs>(
    pool: CellPool,
    jobOf: J | readonly J[],
    taskOf: (id: number) => Parameters<Jobs[J]>[0],
  ): Promise<Exclude<ReturnType<Jobs[J]>, undefined>[]> {
    type Value = Exclude<ReturnType<Jobs[J]>, undefined>;
    this.control.fill(0);
    const common = { token: pool.share(), control: this.control.buffer, of: this.all.length };
    const answers = this.all.map((worker, i) => {
      const job = typeof jobOf === "string" ? jobOf : jobOf[i];
      const task = taskOf(i + 1);
      return answerOf<Value>(worker, { ...common, id: i + 1, job, task });
    });
    const settled = await Promise.allSettled(answers);
    const errors = settled.filter((it) => it.status === "rejected").map((it) => it.reason);
    if (errors.length > 0) throw new AggregateError(errors, errors.map(String).join("\n"));
    return settled.map((it) => (it as PromiseFulfilledResult<Value>).value); // as none was rejected
  }

  /**
   * Ends them, also where a test failed. One that runs or waits for ever would go on after
   * `terminate`.
   */
  [Symbol.dispose](): void {
    this.stop();
    for (const worker of this.all) worker.terminate();
  }

  /** Ends jobs without an end, and wakes parked workers. */
  stop(): void {
    Atomics.store(this.control, CONTROL.stop, 1);
    Atomics.notify(this.control, CONTROL.stop);
  }
}

function answerOf<T>(worker: Worker, message: Message): Promise<T> {
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<{ value: T; error?: string }>) =>
      data.error === undefined ? resolve(data.value) : reject(new Error(data.error));
    worker.onerror = (event) => {
      event.preventDefault();
      reject(new Error(event.message));
    };
    worker.postMessage(message);
  });
}

/** How workers churn. */
interface ChurnOptions {
  readonly handles: HandleKind;
  readonly maxChunks: number;
  /** Operations of each worker. */
  readonly operations: number;
  readonly seed: number;
}

/**
 * Lets all workers allocate, write, hand over and free records, each of which has the number of its
 * holder; then checks the pool.
 *
 * @returns Sums over the workers, and all live handles.
 */
export async function churn(workers: Workers, options: ChurnOptions): Promise<Churned> {
  const { handles, maxChunks, operations, seed } = options;
  const pool = SharedPool.create(Cell, { handles, maxChunks, chunksPerBlock: 64, name: "cells" });
  const slots = new SharedArrayBuffer(12 * 64);
  const holders = new SharedArrayBuffer(4 * maxChunks);
  const common = { slots, holders, operations, most: 1000, isWide: handles === "wide" };
  const results = await workers.run(pool, "churn", (id) => ({ ...common, seed: seed * 16 + id }));
  const between = new Slots(slots);
  const inSlots = Array.from({ length: between.count }, (_, slot) => between.take(slot));
  const live = [...results.flatMap((it) => it.live), ...inSlots.filter((handle) => handle !== 0)];
  const sum = (key: Exclude<keyof Churned, "live">) =>
    results.reduce((sum, it) => sum + it[key], 0);
  assertEquals([pool.size, sum("allocs") - sum("frees")], [live.length, live.length]);
  assertHeld(pool, live, new Int32Array(holders));
  return {
    ...{ operations: sum("operations"), allocs: sum("allocs"), frees: sum("frees") },
    ...{ taken: sum("taken"), full: sum("full"), visited: sum("visited"), live },
  };
}

/**
 * Asserts that the pool has just the records that the workers hold, each with its seal. Then frees
 * them.
 */
function assertHeld(pool: CellPool, live: number[], holders: Int32Array): void {
  validate(pool);
  const seen: number[] = [];
  pool.forEach(({ owner, counter, seal }, handle) => {
    seen.push(handle);
    assertEquals(seal, sealOf(owner, counter, handle), `record ${handle}`);
    assert(holders[handle % holders.length] !== 0, `record ${handle} has no holder`);
  });
  assertEquals(seen.sort((a, b) => a - b), live.sort((a, b) => a - b));
  assertEquals(holders.reduce((sum, it) => sum + (it === 0 ? 0 : 1), 0), live.length);
  for (const handle of live) pool.free(handle as AnyHandle); // as it was given out
  assertWhole(pool);
}

/** Asserts that an empty pool whose other threads have left gives out `maxChunks` records. */
export function assertWhole(pool: CellPool): void {
  validate(pool);
  assertEquals(pool.size, 0);
  while (pool.tryAlloc() !== undefined);
  assertEquals(pool.size, pool.maxChunks);
  validate(pool);
}
