/**
 * Real workers on one `SharedPool`: what the tests make them do, and the jobs that they do. This
 * module is also that of the workers.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { SharedPool, validate } from "../../mod.ts";
import type { AnyHandle, HandleKind, SharedPoolToken } from "../../mod.ts";
import { Random } from "../_random.ts";

/** A record: the worker that holds it, and a seal over that and the handle. */
export const Cell = { owner: "u32", seal: "u32" } as const;
/** A part in a pool of them. */
type CellPool = SharedPool<typeof Cell>;

type CellView = { owner: number; seal: number };

function sealOf(owner: number, handle: number): number {
  const mixed = Math.imul(owner, 0x9e3779b1) ^ handle % 2 ** 31;
  return Math.imul(mixed ^ mixed >>> 15, 0x2c1b3c6d) >>> 0;
}

/** Writes a record. */
function sign(view: CellView, handle: number, owner: number): void {
  Object.assign(view, { owner, seal: sealOf(owner, handle) });
}

/** Throws where a record is not as it was last written, or not that of an owner. */
function checkSeal(view: CellView, handle: number, by: number = view.owner): void {
  const { owner, seal } = view;
  const isIntact = owner === by && seal === sealOf(owner, handle);
  check(isIntact, `record ${handle} of ${by} has owner ${owner} and another seal`);
}

/** Allocates records with a seal. */
export function fill(pool: CellPool, count: number, owner = 99): AnyHandle[] {
  return Array.from({ length: count }, () => {
    const handle = pool.alloc() as AnyHandle;
    sign(pool.get(handle), handle, owner);
    return handle;
  });
}

function check(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(what);
}

// -- in the main thread --

/** Words of the control memory. */
const CONTROL = { arrived: 0, failed: 1 } as const;

/**
 * Web Locks: one that a worker holds is free when the worker has stopped. Deno has them, its types
 * do not.
 */
export const locks: { request(name: string, fn: () => unknown): Promise<unknown> } | undefined =
  (navigator as { locks?: never }).locks;

/** A message to a worker: its job, its part in the pool, and its number, from 1. */
interface Message {
  readonly job: string;
  readonly task: unknown;
  readonly token: SharedPoolToken;
  readonly control: SharedArrayBuffer;
  readonly id: number;
  /** Number of workers. */
  readonly of: number;
}

const NAME = "worker of a SharedPool";

/** Some workers with a control memory. */
export class Workers implements Disposable {
  readonly #all: readonly Worker[];
  readonly #control = new Int32Array(new SharedArrayBuffer(8));

  constructor(count: number) {
    const options = { type: "module", name: NAME } as const;
    this.#all = Array.from({ length: count }, () => new Worker(import.meta.url, options));
  }

  /** Lets all workers do a job at once, and returns what they return. Their errors are thrown. */
  async run<R>(pool: CellPool, job: string, task: object): Promise<R[]> {
    this.#control.fill(0);
    const common = { job, task, token: pool.share(), control: this.#control.buffer };
    const settled = await Promise.allSettled(
      this.#all.map((it, i) => {
        const message: Message = { ...common, id: i + 1, of: this.#all.length };
        return answerOf<R>(it, message);
      }),
    );
    const errors = settled.filter((it) => it.status === "rejected").map((it) => it.reason);
    if (errors.length > 0) throw new AggregateError(errors, errors.join("\n"));
    return settled.map((it) => (it as PromiseFulfilledResult<R>).value); // as none was rejected
  }

  /** Terminates them, also where a test failed: one that waits for ever would outlive that. */
  [Symbol.dispose](): void {
    Atomics.store(this.#control, CONTROL.failed, 1);
    for (const worker of this.#all) worker.terminate();
  }
}

/** Sends a message to a worker, and returns the value of its answer. */
export function answerOf<R>(worker: Worker, message: unknown): Promise<R> {
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data: { value, error } }) =>
      error === undefined ? resolve(value) : reject(new Error(error));
    worker.onerror = (event) => {
      event.preventDefault();
      reject(new Error(event.message));
    };
    worker.postMessage(message);
  });
}

/** Lets all workers allocate, write, hand over and free records, and checks what they leave. */
export async function churn(
  workers: Workers,
  options: { handles: HandleKind; maxChunks: number; operations: number; seed: number },
): Promise<Counts> {
  const { handles, maxChunks, ...task } = options;
  const pool = SharedPool.create(Cell, { handles, maxChunks, chunksPerBlock: 64, name: "cells" });
  const slots = new BigInt64Array(new SharedArrayBuffer(8 * 64));
  const results = await workers.run<Churned>(pool, "churning", { ...task, slots });
  const between = Array.from(slots, Number).filter((it) => it !== 0);
  const held = [...between, ...results.flatMap((it) => it.live)];
  validate(pool);
  const left = sealed(pool);
  assertEquals([pool.size, new Set<number>(left)], [held.length, new Set(held)]);
  for (const handle of left) pool.free(handle);
  assertWhole(pool);
  const sum: Counts = { allocs: 0, taken: 0, full: 0, visited: 0 };
  for (const { counts } of results) {
    for (const key of Object.keys(sum) as (keyof Counts)[]) sum[key] += counts[key];
  }
  return sum;
}

/** All records, whose seals are intact, but for those of threads that stopped before they wrote. */
export function sealed(pool: CellPool, unwritten = 0): AnyHandle[] {
  const handles: AnyHandle[] = [];
  pool.forEach((view, handle) => {
    if (view.seal !== 0 || unwritten-- <= 0) checkSeal(view, handle); // the seal is written last
    handles.push(handle as AnyHandle);
  });
  return handles;
}

/** Asserts that an empty pool whose other threads have left gives out every chunk. */
export function assertWhole(pool: CellPool): void {
  validate(pool);
  assertEquals(pool.size, 0);
  fill(pool, pool.maxChunks);
  validate(pool);
}

// -- in a worker --

const scope = self as unknown as { // members of a worker, which the types of a page do not have
  onmessage: (event: { data: Message }) => void;
  postMessage(message: unknown): void;
  close(): void;
  readonly name?: string;
};

/** The part in the pool, the control memory and the numbers of the present job. */
let pool: CellPool;
let control: Int32Array;
let id: number;
let of: number;

const JOBS: Record<string, (task: never) => unknown> = { churning, die };

if (scope.name === NAME) {
  scope.onmessage = ({ data }) => {
    control = new Int32Array(data.control);
    ({ id, of } = data);
    try {
      pool = SharedPool.attach(Cell, data.token);
      const value = JOBS[data.job](data.task as never); // whose task it is
      if (data.job !== "die") scope.postMessage({ value });
    } catch (error) {
      Atomics.store(control, CONTROL.failed, 1);
      scope.postMessage({ error: `${error}\n${(error as Error).stack}` });
    }
  };
}

/** Waits until all workers are here. Throws where another one failed, so that no test hangs. */
function meet(): void {
  const arrived = Atomics.add(control, CONTROL.arrived, 1);
  const goal = (Math.floor(arrived / of) + 1) * of;
  while (Atomics.load(control, CONTROL.arrived) < goal) {
    check(Atomics.load(control, CONTROL.failed) === 0, "another worker failed");
    Atomics.wait(control, CONTROL.failed, 0, 1); // lets others run
  }
}

// -- the jobs --

/**
 * How often workers allocated, freed a record that others could free as well, and found no chunk;
 * and how many own records passes have visited.
 */
export type Counts = Record<"allocs" | "taken" | "full" | "visited", number>;

/** What a worker has done, and the handles that it still holds. */
interface Churned {
  readonly counts: Counts;
  readonly live: AnyHandle[];
}

/** Operations in which the number of records grows, before as many in which it falls to none. */
const PHASE = 1 << 12;
/** Operations from one pass to the next. */
const PASS = 5_000;
/** Most records that a worker holds, and stale handles that it keeps. */
const MOST = 1000;
const STALE = 4096;

/** Does random operations on own records and on those of others. */
function churning({ slots, seed, operations }: {
  /**
   * By which handles go from worker to worker: each has one, or 0. Those in the first half go to
   * whoever takes them out, the records of the others may be freed by all workers at once.
   */
  readonly slots: BigInt64Array;
  readonly seed: number;
  readonly operations: number;
}): Churned {
  const random = new Random(16 * seed + id);
  const cursor = pool.cursor();
  const live: AnyHandle[] = [];
  const stale: AnyHandle[] = [];
  const counts: Counts = { allocs: 0, taken: 0, full: 0, visited: 0 };
  const half = slots.length / 2;

  function hold(handle: AnyHandle): void {
    live.push(handle);
    sign(pool.seek(cursor, handle), handle, id);
  }

  /** Gives up a record, of which no other worker may have changed a byte. */
  function drop(at: number): AnyHandle {
    const handle = live[at];
    checkSeal(pool.seek(cursor, handle), handle, id);
    live[at] = live[live.length - 1];
    live.pop();
    return handle;
  }

  function alloc(): void {
    const handle = pool.tryAlloc() as AnyHandle | undefined;
    if (handle === undefined) return void counts.full++;
    counts.allocs++;
    const { owner, seal } = pool.seek(cursor, handle);
    check(owner === 0 && seal === 0, `new record ${handle} is not zero`);
    hold(handle);
  }

  function free(at: number): void {
    const handle = drop(at);
    pool.free(handle);
    stale[random.below(STALE)] = handle; // no handle comes round in as few operations
  }

  function put(at: number): void {
    const handle = drop(at);
    const had = Atomics.compareExchange(slots, random.below(slots.length), 0n, BigInt(handle));
    if (had !== 0n) hold(handle);
  }

  function take(): void {
    const at = random.below(half);
    const handle = Number(Atomics.exchange(slots, at, 0n)) as AnyHandle; // as it was put there
    if (handle === 0) return;
    checkSeal(pool.seek(cursor, handle), handle);
    hold(handle);
  }

  function freeTogether(): void {
    const at = half + random.below(half);
    const handle = Number(Atomics.load(slots, at)) as AnyHandle; // as it was put there
    if (handle === 0 || !pool.tryFree(handle)) return;
    Atomics.store(slots, at, 0n); // as only the worker does that has freed it
    counts.taken++;
  }

  /** A pass visits each own record once, and no stale one. */
  function visitAll(): void {
    const left = new Set<number>(live);
    const others = new Set<number>(stale);
    pool.forEach((view, handle) => {
      if (left.delete(handle)) checkSeal(view, handle, id);
      else check(!others.has(handle), `record ${handle} was visited twice, or after its free`);
      others.add(handle);
    });
    check(left.size === 0, `${left.size} records were not visited`);
    counts.visited += live.length;
  }

  meet();
  for (let i = 1; i <= operations; i++) {
    const act = random.below(16);
    const at = live.length === 0 ? -1 : random.below(live.length);
    const isGrowing = (i & PHASE) === 0;
    const old = stale[random.below(STALE)];
    if (act < (isGrowing ? 8 : 3) && live.length < MOST) alloc();
    else if (act === 13) take();
    else if (act === 14) freeTogether();
    else if (act === 15) check(!old || !pool.tryFree(old) && !pool.has(old), `${old} was accepted`);
    else if (at >= 0) act < 11 ? free(at) : put(at);
    if (i % PASS === 0) visitAll();
  }
  visitAll();
  meet();
  validate(pool); // while all are at rest
  meet();
  pool.dispose();
  return { live, counts };
}

/** Allocates and frees without an end, and posts the number of its thread. */
function die({ isClosed, lock }: {
  /** Whether the worker closes itself then; else it goes on until it is terminated. */
  readonly isClosed: boolean;
  /** The lock that it holds all the time. */
  readonly lock: string;
}): void {
  const random = new Random(id);
  const live: AnyHandle[] = [];
  const slice = () => {
    for (let i = 0; i < 3000; i++) {
      if (live.length < 500 && random.below(16) < 9) live.push(...fill(pool, 1, id));
      else if (live.length > 0) pool.free(live.splice(random.below(live.length), 1)[0]);
    }
    again.port2.postMessage(0); // a task of its own, as a worker is not terminated between promises
  };
  const again = new MessageChannel();
  again.port1.onmessage = slice;
  // No other thread gets the lock before this worker has stopped. The test is skipped where there
  // are no locks.
  locks!.request(lock, () => {
    slice();
    scope.postMessage({ value: pool.thread });
    if (isClosed) scope.close();
    return new Promise(() => {});
  });
}
