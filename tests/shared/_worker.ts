/**
 * A worker of the tests of `SharedPool`: does one job after the other, and posts what each
 * returned, or its error.
 *
 * Workers meet at a barrier in the control memory. Where one fails it lets the others go, so that
 * no test hangs.
 *
 * @module
 */
import {
  type AnyHandle,
  SharedPool,
  type SharedPoolToken,
  StaleHandleError,
  validate,
  type View,
} from "../../mod.ts";
import { Random } from "../_random.ts";
import { Cell, type CellPool, CONTROL, locks, sealOf, Slots } from "./_cell.ts";
import { retireAtOnce } from "./_support.ts";

/** The jobs that a worker can do, each with its task. */
export interface Jobs {
  churn(task: ChurnTask): Churned;
  produce(task: ConveyTask): number;
  consume(task: ConveyTask): number;
  freeSame(task: FreeSameTask): number;
  rush(task: RushTask): number[];
  visit(task: VisitTask): number;
  /** Posts the number of its thread before it ends. */
  die(task: DieTask): number | undefined;
}

const JOBS: Jobs = { churn, produce, consume, freeSame, rush, visit, die };

/** What every job gets. */
interface Common {
  readonly token: SharedPoolToken;
  readonly control: SharedArrayBuffer;
  /** Number of the worker, from 1. */
  readonly id: number;
  /** Number of workers. */
  readonly of: number;
}

/** A message to a worker. */
export interface Message extends Common {
  readonly job: keyof Jobs;
  readonly task: unknown;
}

const scope = self as unknown as { // members of a worker, which the types of a page do not have
  onmessage: (event: { data: Message }) => void;
  postMessage(message: unknown): void;
  close(): void;
};

/** The part in the pool, the control memory and the numbers of the present job. */
let pool: CellPool;
let control: Int32Array;
let id: number;
let of: number;

scope.onmessage = ({ data }) => {
  control = new Int32Array(data.control);
  ({ id, of } = data);
  try {
    pool = SharedPool.attach(Cell, data.token);
    const value = (JOBS[data.job] as (task: unknown) => unknown)(data.task); // whose task it is
    if (value !== undefined) scope.postMessage({ value });
  } catch (error) {
    Atomics.store(control, CONTROL.failed, 1);
    for (const word of [CONTROL.turn, CONTROL.head, CONTROL.tail, CONTROL.beat]) {
      Atomics.add(control, word, 1); // so that no worker begins to wait that has not seen the failure
      Atomics.notify(control, word);
    }
    scope.postMessage({ error: (error as Error).stack });
  }
};

// -- meeting --

/** Waits until all workers are here. */
function meet(): void {
  const turn = Atomics.load(control, CONTROL.turn);
  checkNoneFailed();
  if (Atomics.add(control, CONTROL.arrived, 1) + 1 === of) {
    Atomics.store(control, CONTROL.arrived, 0);
    Atomics.add(control, CONTROL.turn, 1);
    Atomics.notify(control, CONTROL.turn);
  } else Atomics.wait(control, CONTROL.turn, turn);
  checkNoneFailed();
}

/** Validates a pool while all workers are at rest, and leaves it. */
function leave(part: CellPool = pool): void {
  meet();
  validate(part);
  meet();
  part.dispose();
}

function checkNoneFailed(): void {
  check(Atomics.load(control, CONTROL.failed) === 0, "another worker failed");
}

/** Spins until a worker goes on without another that does not run just now. */
const PATIENCE = 2000;

/** Lets the workers go on together from here, unless one of them does not run just now. */
function keepPace(step: number): void {
  Atomics.store(control, CONTROL.paces + id, step);
  for (let other = 1; other <= of; other++) {
    for (let i = 0; i < PATIENCE && Atomics.load(control, CONTROL.paces + other) < step; i++);
  }
}

function awaitChange(word: number, isDone: () => boolean): void {
  for (;;) {
    const value = Atomics.load(control, word);
    checkNoneFailed();
    if (isDone()) return;
    Atomics.wait(control, word, value);
  }
}

/** Stores a word, and wakes the threads that wait for it. */
function publish(word: number, value: number): void {
  Atomics.store(control, word, value);
  Atomics.notify(control, word);
}

function check(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(what);
}

// -- churning: random operations on own records and on those of others --

interface ChurnTask {
  readonly slots: SharedArrayBuffer;
  /** The worker that holds each chunk, 0 for none. */
  readonly holders: SharedArrayBuffer;
  readonly seed: number;
  /** Operations; `Infinity` goes on until it is stopped. */
  readonly operations: number;
  /** Largest number of records that it holds. */
  readonly most: number;
  /** Whether no handle comes round again, so that a stale one is never live. */
  readonly isWide: boolean;
}

export interface Churned {
  readonly operations: number;
  readonly allocs: number;
  readonly frees: number;
  /** Frees of records that another worker had held before. */
  readonly taken: number;
  /** Allocs that found no chunk. */
  readonly full: number;
  /** Own records that passes have visited. */
  readonly visited: number;
  /** Handles that it still holds. */
  readonly live: number[];
}

/** Holder of a record on its way from one worker to another. */
const NOBODY = -1;

/** The records that this worker holds. */
class Hand {
  readonly handles: AnyHandle[] = [];
  readonly counters: number[] = [];
  readonly #holders: Int32Array;
  readonly #cursor: View<CellPool["struct"]> = pool.cursor();
  allocs = 0;
  frees = 0;

  constructor(holders: SharedArrayBuffer) {
    this.#holders = new Int32Array(holders);
  }

  /** Allocates a record; returns whether there was a chunk. */
  alloc(counter: number): boolean {
    const handle = pool.tryAlloc() as AnyHandle | undefined;
    if (handle === undefined) return false;
    this.allocs++;
    const it = pool.seek(this.#cursor, handle);
    check(it.owner === 0 && it.counter === 0 && it.seal === 0, `${handle} is not zero`);
    this.#hold(handle, 0, counter);
    return true;
  }

  /** Takes over a record of another worker's, which must have that one's seal. */
  takeOver(handle: AnyHandle, counter: number): void {
    const it = pool.seek(this.#cursor, handle);
    check(it.seal === sealOf(it.owner, it.counter, handle), `record ${handle} came with no seal`);
    this.#hold(handle, NOBODY, counter);
  }

  #hold(handle: AnyHandle, from: number, counter: number): void {
    this.#pass(handle, from, id);
    this.handles.push(handle);
    this.counters.push(0);
    this.#sign(this.handles.length - 1, counter);
  }

  #pass(handle: number, from: number, to: number): void {
    const index = handle % this.#holders.length;
    const had = Atomics.compareExchange(this.#holders, index, from, to);
    check(had === from, `chunk ${index} is held by ${had}, not ${from}, and passed to ${to}`);
  }

  #sign(at: number, counter: number): void {
    const it = pool.seek(this.#cursor, this.handles[at]);
    it.owner = id;
    it.counter = this.counters[at] = counter;
    it.seal = sealOf(id, counter, this.handles[at]);
  }

  write(at: number, counter: number): void {
    this.#verify(pool.seek(this.#cursor, this.handles[at]), at);
    this.#sign(at, counter);
  }

  /** Gives up a record, of which no other worker may have changed a byte. */
  drop(at: number, to: number): AnyHandle {
    const handle = this.handles[at];
    this.#verify(pool.seek(this.#cursor, handle), at);
    this.#pass(handle, id, to);
    this.handles[at] = this.handles[this.handles.length - 1];
    this.counters[at] = this.counters[this.counters.length - 1];
    this.handles.pop();
    this.counters.pop();
    return handle;
  }

  free(at: number): AnyHandle {
    const handle = this.drop(at, 0);
    pool.free(handle);
    this.frees++;
    return handle;
  }

  #verify({ owner, counter, seal }: View<CellPool["struct"]>, at: number): void {
    const [handle, expected] = [this.handles[at], this.counters[at]];
    const intact = owner === id && counter === expected && seal === sealOf(id, counter, handle);
    check(intact, `record ${handle} of ${id}, ${expected} has ${owner}, ${counter}, ${seal}`);
  }

  /** A pass visits each own record once, and no stale one; returns the number of own records. */
  visit(stale: ReadonlySet<number>): number {
    const left = new Map(this.handles.map((handle, at) => [handle as number, at]));
    const seen = new Set<number>();
    pool.forEach((view, handle) => {
      check(!seen.has(handle), `record ${handle} was visited twice`);
      seen.add(handle);
      check(!stale.has(handle), `record ${handle} was visited after its free`);
      const at = left.get(handle);
      if (at === undefined) return;
      this.#verify(view, at);
      left.delete(handle);
    });
    check(left.size === 0, `${left.size} records were not visited`);
    return this.handles.length;
  }
}

/** Operations in which the number of records grows, before as many in which it falls. */
const PHASE = 1 << 12;
/** Operations from one pass to the next, and from one great emptying to the next. */
const PASS = 5_000;
const EMPTYING = 60_000;
/** Stale handles that are kept. */
const STALE = 4096;

function churn({ slots: buffer, holders, seed, operations, most, isWide }: ChurnTask): Churned {
  const random = new Random(seed);
  const slots = new Slots(buffer);
  const hand = new Hand(holders);
  const stale: AnyHandle[] = [];
  let taken = 0, full = 0, visited = 0, i = 0;
  const free = (at: number) => {
    const handle = hand.free(at);
    if (isWide) stale[hand.frees % STALE] = handle;
  };
  /** Puts a record into a slot, or takes one out of it. */
  const exchange = (at: number, isPut: boolean, isFreed: boolean) => {
    const slot = random.below(slots.count);
    if (isPut) {
      if (at < 0) return;
      const handle = hand.drop(at, NOBODY);
      if (!slots.put(slot, handle)) hand.takeOver(handle, i);
      return;
    }
    const handle = slots.take(slot) as AnyHandle; // as it was put there
    if (handle === 0) return;
    hand.takeOver(handle, i);
    if (!isFreed) return;
    free(hand.handles.length - 1);
    taken++;
  };
  meet();
  for (; i < operations && Atomics.load(control, CONTROL.stop) === 0; i++) {
    const act = random.below(16);
    const { length } = hand.handles;
    const at = length === 0 ? -1 : random.below(length);
    const isGrowing = (i & PHASE) === 0;
    if (act < (isGrowing ? 8 : 3) && length < most) full += hand.alloc(i) ? 0 : 1;
    else if (act < 11) {
      if (at >= 0) free(at);
    } else if (act < 15) exchange(at, act < 13, act === 14);
    else if (at >= 0) {
      hand.write(at, i);
      const old = stale.length > 0 ? random.pick(stale) : undefined;
      const isLive = old !== undefined && (pool.tryFree(old) || pool.has(old));
      check(!isLive, `stale handle ${old} was accepted`);
    }
    if (i % PASS === PASS - 1) {
      visited += hand.visit(new Set(stale));
      Atomics.add(control, CONTROL.beat, 1);
      Atomics.notify(control, CONTROL.beat);
    }
    if (i % EMPTYING === EMPTYING - 1) {
      while (hand.handles.length > 10) free(random.below(hand.handles.length));
    }
  }
  visited += hand.visit(new Set(stale));
  leave();
  const { allocs, frees, handles: live } = hand;
  return { operations: i, allocs, frees, taken, full, visited, live };
}

// -- one worker allocates, one frees --

interface ConveyTask {
  /** Handles on their way, a ring of fewer slots than the pool has chunks. */
  readonly ring: SharedArrayBuffer;
  readonly count: number;
}

function produce({ ring, count }: ConveyTask): number {
  const handles = new Float64Array(ring);
  meet();
  for (let i = 0; i < count; i++) {
    const handle = pool.alloc({ owner: id, counter: i }); // finds a chunk if freed ones come back
    pool.get(handle).seal = sealOf(id, i, handle);
    awaitChange(CONTROL.head, () => i - Atomics.load(control, CONTROL.head) < handles.length);
    handles[i % handles.length] = handle;
    publish(CONTROL.tail, i + 1);
  }
  const { capacity } = pool;
  leave();
  return capacity;
}

function consume({ ring, count }: ConveyTask): number {
  const handles = new Float64Array(ring);
  meet();
  for (let i = 0; i < count; i++) {
    awaitChange(CONTROL.tail, () => Atomics.load(control, CONTROL.tail) > i);
    const handle = handles[i % handles.length] as AnyHandle; // as it was put there
    publish(CONTROL.head, i + 1);
    const { owner, counter, seal } = pool.get(handle);
    const intact = counter === i && seal === sealOf(owner, i, handle);
    check(intact, `record ${handle} has ${counter}, ${seal}`);
    pool.free(handle);
    check(!pool.tryFree(handle), `record ${handle} was freed twice`);
  }
  leave();
  return count;
}

// -- all free the same records --

interface FreeSameTask {
  /** Handles, in batches that the workers begin together. In a batch they keep pace. */
  readonly handles: SharedArrayBuffer;
  readonly batch: number;
  /** Whether each worker frees only its share, and every chunk retires. */
  readonly isSplit: boolean;
  /** How often each handle was freed. */
  readonly wins: SharedArrayBuffer;
  /** The worker that allocates the records; 0 for the main thread. */
  readonly allocator: number;
}

function freeSame({ handles: buffer, wins, batch, allocator, isSplit }: FreeSameTask): number {
  const handles = new Float64Array(buffer);
  const counts = new Int32Array(wins);
  if (isSplit) retireAtOnce(pool);
  let won = 0;
  for (let from = 0; from < handles.length; from += batch) {
    if (id === allocator) {
      for (let i = from; i < from + batch; i++) handles[i] = pool.alloc({ owner: id });
    }
    meet();
    for (let i = from; i < from + batch; i++) {
      if (isSplit && i % of !== id - 1) continue;
      keepPace(isSplit ? Math.floor(i / of) + 1 : i + 1);
      if (!freeOne(handles[i] as AnyHandle, i)) continue; // as it was given out
      won++;
      Atomics.add(counts, i, 1);
    }
  }
  leave();
  return won;
}

function freeOne(handle: AnyHandle, i: number): boolean {
  if (i % 4 !== 0) return pool.tryFree(handle);
  try {
    pool.free(handle);
    return true;
  } catch (error) {
    check(error instanceof StaleHandleError, `${error}`);
    return false;
  }
}

// -- all join at once --

interface RushTask {
  /** Pools that the workers join one after the other, each at the same moment. */
  readonly tokens: readonly SharedPoolToken[];
  /** The worker that holds each chunk, pool after pool. */
  readonly holders: SharedArrayBuffer;
  /** Records that each worker allocates in each pool. */
  readonly count: number;
}

function rush({ tokens, holders, count }: RushTask): number[] {
  const held = new Int32Array(holders);
  meet();
  const parts = tokens.map((token, i) => {
    keepPace(2 * i + 1);
    const part: CellPool = SharedPool.attach(Cell, token);
    check(part.size <= of * count, "it has too many records"); // this maps its blocks
    keepPace(2 * i + 2);
    for (let taken = 0; taken < count; taken++) {
      const handle = part.alloc({ owner: id });
      const at = i * part.maxChunks + handle % part.maxChunks;
      const had = Atomics.compareExchange(held, at, 0, id);
      check(had === 0, `chunk ${handle} of pool ${i} is held by ${had}, and given to ${id}`);
    }
    return part;
  });
  meet();
  parts.forEach(validate);
  meet();
  return parts.map((part) => part.thread);
}

// -- stripes --

interface VisitTask {
  /** How often each chunk was visited. */
  readonly visits: SharedArrayBuffer;
}

function visit({ visits }: VisitTask): number {
  const counts = new Int32Array(visits);
  let seen = 0;
  meet();
  pool.forEach((view, handle) => {
    check(view.seal === sealOf(view.owner, view.counter, handle), `record ${handle} has no seal`);
    Atomics.add(counts, handle % counts.length, 1);
    seen++;
  }, { stripe: id - 1, of });
  pool.dispose();
  return seen;
}

// -- ending --

export interface DieTask {
  /**
   * How the worker ends, in the middle of its work: waits for ever, closes itself, or goes on until
   * it is terminated.
   */
  readonly how: "park" | "go on" | "close";
  /** The lock that it holds all the time. */
  readonly lock: string;
}

/** Operations between two moments at which it can be terminated. */
const SLICE = 3000;
/** Slices after which it posts that the work is under way. */
const UNDER_WAY = 3;

function die({ how, lock }: DieTask): undefined {
  const random = new Random(id);
  const live: AnyHandle[] = [];
  let slices = 0;
  const slice = () => {
    for (let i = 0; i < SLICE; i++) {
      if (live.length < 500 && random.below(16) < 9) {
        const handle = pool.tryAlloc({ owner: id, counter: i }) as AnyHandle | undefined;
        if (handle === undefined) continue;
        pool.get(handle).seal = sealOf(id, i, handle);
        live.push(handle);
      } else if (live.length > 0) pool.free(live.splice(random.below(live.length), 1)[0]);
    }
    Atomics.add(control, CONTROL.beat, 1);
    if (++slices === UNDER_WAY) {
      scope.postMessage({ value: pool.thread });
      // It is terminated before it is woken, and does nothing to the pool after this.
      if (how === "park") return void Atomics.wait(control, CONTROL.stop, 0);
      if (how === "close") return scope.close();
    }
    again.port2.postMessage(0); // a task of its own, as a worker is not terminated between promises
  };
  const again = new MessageChannel();
  again.port1.onmessage = slice;
  // No other thread gets the lock before this worker has stopped. The test is skipped where there
  // are no locks.
  locks!.request(lock, () => {
    slice();
    return new Promise(() => {});
  });
}
