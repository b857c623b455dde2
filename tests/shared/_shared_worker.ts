/**
 * What a worker does in the tests of `SharedPool`: one job after the other, as told by messages.
 *
 * A job posts what came of it, or its error. Workers meet at a barrier in shared memory; where one
 * fails it lets the others go, so that no test hangs.
 *
 * @module
 */
import { type AnyHandle, SharedPool, StaleHandleError, validate, type View } from "../../mod.ts";
import { retireAtOnce } from "./_shared.ts";
import {
  Cell,
  type CellPool,
  type Churn,
  type Churned,
  CONTROL,
  type Convey,
  type Die,
  type FreeSame,
  type Job,
  locks,
  type Rush,
  sealOf,
  Slots,
  type Visit,
} from "./_shared_jobs.ts";
import { Random } from "../model/_random.ts";

type CellView = View<CellPool["struct"]>;

const scope = self as unknown as { // what a worker has, of which the types of a page know nothing
  onmessage: (event: { data: Job }) => void;
  postMessage(message: unknown): void;
  close(): void;
};

/** The part in the pool of the last job. */
let pool: CellPool;

scope.onmessage = ({ data }) => {
  const control = new Int32Array(data.control);
  try {
    pool = SharedPool.attach(Cell, data.token);
    const value = perform(data, control);
    if (value !== undefined) scope.postMessage({ value });
  } catch (error) {
    Atomics.store(control, CONTROL.failed, 1);
    for (const word of [CONTROL.turn, CONTROL.head, CONTROL.tail, CONTROL.beat]) {
      Atomics.add(control, word, 1); // so that nobody starts to wait who has not seen the failure
      Atomics.notify(control, word);
    }
    scope.postMessage({ error: (error as Error).stack });
  }
};

function perform(data: Job, control: Int32Array): unknown {
  switch (data.job) {
    case "churn":
      return churn(data, control);
    case "produce":
      return produce(data, control);
    case "consume":
      return consume(data, control);
    case "freeSame":
      return freeSame(data, control);
    case "rush":
      return rush(data, control);
    case "visit":
      return visit(data, control);
    case "die":
      return die(data, control);
  }
}

// -- meeting --

/** Waits for the other workers. */
function meet(control: Int32Array, of: number): void {
  const turn = Atomics.load(control, CONTROL.turn);
  checkNoneFailed(control);
  if (Atomics.add(control, CONTROL.arrived, 1) + 1 === of) {
    Atomics.store(control, CONTROL.arrived, 0);
    Atomics.add(control, CONTROL.turn, 1);
    Atomics.notify(control, CONTROL.turn);
  } else Atomics.wait(control, CONTROL.turn, turn);
  checkNoneFailed(control);
}

function checkNoneFailed(control: Int32Array): void {
  check(Atomics.load(control, CONTROL.failed) === 0, "another worker failed");
}

/** Spins that a worker waits for another that may not run just now. */
const PATIENCE = 2000;

/** Has the workers go on together from here, unless one of them does not run just now. */
function keepPace(control: Int32Array, id: number, of: number, step: number): void {
  Atomics.store(control, CONTROL.paces + id, step);
  for (let other = 1; other <= of; other++) {
    for (let i = 0; i < PATIENCE && Atomics.load(control, CONTROL.paces + other) < step; i++);
  }
}

function check(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(what);
}

// -- churning --

/** Who has a record between two threads. */
const NOBODY = -1;

/** One worker's records. */
class Hand {
  readonly handles: AnyHandle[] = [];
  readonly counters: number[] = [];
  readonly #id: number;
  readonly #holders: Int32Array;
  readonly #cursor: CellView;
  allocs = 0;
  frees = 0;

  constructor({ id, holders }: Churn) {
    this.#id = id;
    this.#holders = new Int32Array(holders);
    this.#cursor = pool.cursor();
  }

  /** @returns Whether there was a chunk. */
  alloc(counter: number): boolean {
    const handle = pool.tryAlloc() as AnyHandle | undefined;
    if (handle === undefined) return false;
    this.allocs++;
    const cursor = pool.seek(this.#cursor, handle);
    check(cursor.owner === 0 && cursor.counter === 0 && cursor.seal === 0, `${handle} is not zero`);
    this.#hold(handle, 0, counter);
    return true;
  }

  /** Takes the chunk of a handle, which nobody may have but who is said to, and signs it. */
  #hold(handle: AnyHandle, from: number, counter: number): void {
    const index = handle % this.#holders.length;
    const had = Atomics.compareExchange(this.#holders, index, from, this.#id);
    check(had === from, `chunk ${index} is held by ${had}, not ${from}, and given to ${this.#id}`);
    this.#sign(pool.seek(this.#cursor, handle), handle, counter);
    this.handles.push(handle);
    this.counters.push(counter);
  }

  #sign(cursor: CellView, handle: number, counter: number): void {
    cursor.owner = this.#id;
    cursor.counter = counter;
    cursor.seal = sealOf(this.#id, counter, handle);
  }

  /** Lets a record go, of which nobody may have changed a byte. */
  drop(at: number, to: number): AnyHandle {
    const handle = this.handles[at];
    const cursor = pool.seek(this.#cursor, handle);
    this.verify(cursor, handle, this.counters[at]);
    const index = handle % this.#holders.length;
    const had = Atomics.compareExchange(this.#holders, index, this.#id, to);
    check(had === this.#id, `chunk ${index} is held by ${had}, and dropped by ${this.#id}`);
    this.handles[at] = this.handles[this.handles.length - 1];
    this.counters[at] = this.counters[this.counters.length - 1];
    this.handles.pop();
    this.counters.pop();
    return handle;
  }

  verify({ owner, counter, seal }: CellView, handle: number, expected: number): void {
    const intact = owner === this.#id && counter === expected &&
      seal === sealOf(owner, counter, handle);
    check(intact, `record ${handle} of ${this.#id}, ${expected} has ${owner}, ${counter}, ${seal}`);
  }

  free(at: number): AnyHandle {
    const handle = this.drop(at, 0);
    pool.free(handle);
    this.frees++;
    return handle;
  }

  /** Takes over what another worker gave away, which has to bear that one's seal. */
  adopt(handle: AnyHandle, counter: number): void {
    const it = pool.seek(this.#cursor, handle);
    check(it.seal === sealOf(it.owner, it.counter, handle), `record ${handle} came with no seal`);
    this.#hold(handle, NOBODY, counter);
  }

  write(at: number, counter: number): void {
    const handle = this.handles[at];
    const cursor = pool.seek(this.#cursor, handle);
    this.verify(cursor, handle, this.counters[at]);
    this.#sign(cursor, handle, counter);
    this.counters[at] = counter;
  }

  /** A pass over the pool sees each own record once, and none that was freed for good. */
  visit(graves: ReadonlySet<number>): number {
    const expected = new Map<number, number>();
    this.handles.forEach((handle, at) => expected.set(handle, this.counters[at]));
    const seen = new Set<number>();
    pool.forEach((view, handle) => {
      check(!seen.has(handle), `record ${handle} was visited twice`);
      seen.add(handle);
      check(!graves.has(handle), `record ${handle} was visited after its free`);
      const counter = expected.get(handle);
      if (counter === undefined) return;
      this.verify(view, handle, counter);
      expected.delete(handle);
    });
    check(expected.size === 0, `${expected.size} records were not visited`);
    return this.handles.length;
  }
}

/** Operations in which a worker's records grow more, and as many in which they grow less. */
const PHASE = 1 << 12;
/** Operations from one pass to the next, and from one great emptying to the next. */
const PASS = 5_000;
const EMPTYING = 60_000;
/** Freed handles that a pass must not see again. */
const GRAVES = 4096;

function churn(data: Churn, control: Int32Array): Churned {
  const { of, operations, most, isWide } = data;
  const random = new Random(data.seed);
  const slots = new Slots(data.slots);
  const hand = new Hand(data);
  const graves: number[] = [];
  let taken = 0, full = 0, visited = 0, i = 0;
  const bury = (handle: number) => {
    if (isWide) graves[hand.frees % GRAVES] = handle;
  };
  meet(control, of);
  for (; i < operations && Atomics.load(control, CONTROL.stop) === 0; i++) {
    const act = random.below(16);
    const { length } = hand.handles;
    const at = length === 0 ? -1 : random.below(length);
    const isGrowing = (i & PHASE) === 0;
    if (act < (isGrowing ? 8 : 3) && length < most) {
      if (!hand.alloc(i)) full++;
    } else if (act < 11) {
      if (at >= 0) bury(hand.free(at));
    } else if (act < 13) {
      if (at >= 0) {
        const handle = hand.drop(at, NOBODY);
        if (!slots.put(random.below(slots.count), handle)) hand.adopt(handle, i);
      }
    } else if (act < 15) {
      const handle = slots.take(random.below(slots.count)) as AnyHandle; // as it was given
      if (handle !== 0) {
        hand.adopt(handle, i);
        if (act === 14) {
          bury(hand.free(hand.handles.length - 1));
          taken++;
        }
      }
    } else if (at >= 0) {
      hand.write(at, i);
      if (graves.length > 0) {
        const grave = random.pick(graves) as AnyHandle; // as it was freed
        check(!pool.tryFree(grave) && !pool.has(grave), `stale handle ${grave} was accepted`);
      }
    }
    if (i % PASS === PASS - 1) {
      visited += hand.visit(new Set(graves));
      Atomics.add(control, CONTROL.beat, 1);
      Atomics.notify(control, CONTROL.beat);
    }
    if (i % EMPTYING === EMPTYING - 1) {
      while (hand.handles.length > 10) bury(hand.free(random.below(hand.handles.length)));
    }
  }
  visited += hand.visit(new Set(graves));
  meet(control, of);
  validate(pool); // all are at rest, and each sees the lists of its own blocks
  meet(control, of);
  pool.dispose();
  const { allocs, frees, handles: live } = hand;
  return { operations: i, allocs, frees, taken, full, visited, live };
}

// -- one allocates, one frees --

function produce({ ring, count, id, of }: Convey, control: Int32Array): number {
  const handles = new Float64Array(ring);
  meet(control, of);
  for (let i = 0; i < count; i++) {
    // The ring has fewer places than the pool has chunks, so there is always one, if what is freed
    // comes back.
    const handle = pool.alloc({ owner: id, counter: i });
    pool.get(handle).seal = sealOf(id, i, handle);
    awaitChange(
      control,
      CONTROL.head,
      () => i - Atomics.load(control, CONTROL.head) < handles.length,
    );
    handles[i % handles.length] = handle;
    Atomics.store(control, CONTROL.tail, i + 1);
    Atomics.notify(control, CONTROL.tail);
  }
  meet(control, of);
  validate(pool);
  const { capacity } = pool;
  meet(control, of);
  pool.dispose();
  return capacity;
}

function consume({ ring, count, of }: Convey, control: Int32Array): number {
  const handles = new Float64Array(ring);
  meet(control, of);
  for (let i = 0; i < count; i++) {
    awaitChange(control, CONTROL.tail, () => Atomics.load(control, CONTROL.tail) > i);
    const handle = handles[i % handles.length] as AnyHandle; // as it was put there
    Atomics.store(control, CONTROL.head, i + 1);
    Atomics.notify(control, CONTROL.head);
    const { owner, counter, seal } = pool.get(handle);
    check(
      counter === i && seal === sealOf(owner, i, handle),
      `record ${handle} has ${counter}, ${seal}`,
    );
    pool.free(handle);
    check(!pool.tryFree(handle), `record ${handle} was freed twice`);
  }
  meet(control, of);
  validate(pool);
  meet(control, of);
  pool.dispose();
  return count;
}

function awaitChange(control: Int32Array, word: number, isDone: () => boolean): void {
  for (;;) {
    const value = Atomics.load(control, word);
    checkNoneFailed(control);
    if (isDone()) return;
    Atomics.wait(control, word, value);
  }
}

// -- two free the same --

function freeSame(data: FreeSame, control: Int32Array): number {
  const handles = new Float64Array(data.handles);
  const wins = new Int32Array(data.wins);
  const { batch, of, id, allocator, isSplit } = data;
  if (isSplit) retireAtOnce(pool);
  let won = 0;
  for (let from = 0; from < handles.length; from += batch) {
    if (id === allocator) {
      for (let i = from; i < from + batch; i++) handles[i] = pool.alloc({ owner: id });
    }
    meet(control, of);
    for (let i = from; i < from + batch; i++) {
      if (isSplit && i % of !== id - 1) continue;
      keepPace(control, id, of, isSplit ? Math.floor(i / of) + 1 : i + 1);
      if (!freeOne(handles[i] as AnyHandle, i)) continue; // as it was given out
      won++;
      Atomics.add(wins, i, 1);
    }
  }
  meet(control, of);
  validate(pool);
  meet(control, of);
  pool.dispose();
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

function rush({ tokens, holders, count, id, of }: Rush, control: Int32Array): number[] {
  const held = new Int32Array(holders);
  const parts: CellPool[] = [];
  meet(control, of);
  tokens.forEach((token, i) => {
    keepPace(control, id, of, 2 * i + 1);
    const part: CellPool = SharedPool.attach(Cell, token);
    parts.push(part);
    check(part.size <= of * count, "it has more than it was given"); // and by now its blocks are met
    keepPace(control, id, of, 2 * i + 2);
    for (let taken = 0; taken < count; taken++) {
      const handle = part.alloc({ owner: id });
      const at = i * part.maxChunks + handle % part.maxChunks;
      const had = Atomics.compareExchange(held, at, 0, id);
      check(had === 0, `chunk ${handle} of pool ${i} is held by ${had}, and given to ${id}`);
    }
  });
  meet(control, of);
  parts.forEach(validate);
  meet(control, of);
  return parts.map((part) => part.thread);
}

// -- stripes --

function visit({ visits, id, of }: Visit, control: Int32Array): number {
  const counts = new Int32Array(visits);
  let seen = 0;
  meet(control, of);
  pool.forEach((view, handle) => {
    check(view.seal === sealOf(view.owner, view.counter, handle), `record ${handle} has no seal`);
    Atomics.add(counts, handle % counts.length, 1);
    seen++;
  }, { stripe: id - 1, of });
  pool.dispose();
  return seen;
}

// -- ending --

/** Operations between two chances to be terminated. */
const SLICE = 3000;
/** Slices until the main thread is told that the work is well under way. */
const WELL_UNDER_WAY = 3;

function die({ id, how, lock }: Die, control: Int32Array): undefined {
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
    if (++slices === WELL_UNDER_WAY) {
      scope.postMessage({ value: pool.thread });
      // For good: whoever wakes it has terminated it before, and after this it does nothing to the
      // pool.
      if (how === "park") return void Atomics.wait(control, CONTROL.stop, 0);
      if (how === "close") return scope.close();
    }
    again.port2.postMessage(0); // lets the worker be terminated, which no promise does
  };
  const again = new MessageChannel();
  again.port1.onmessage = slice;
  // Nobody else gets the lock before this worker is no more. There are locks where the main thread
  // has them.
  locks!.request(lock, () => {
    slice();
    return new Promise(() => {});
  });
}
