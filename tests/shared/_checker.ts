/**
 * The interleaving checker: a model checker that runs the programs of two or three threads on one
 * block in every order of their steps, and checks the block after each step.
 *
 * A step is a call of `SharedSteps`, plain links included. Between any two steps any other thread
 * may go on. What a thread keeps for itself, such as the head and length of its free list, is no
 * step. A thread that may be terminated may end before any of its steps, and after the last one.
 *
 * **Suspending synchronous code.** An operation is left by an exception at the first step that it
 * may not take yet. To go on it runs again from its start: the steps that it has taken answer as
 * before and do nothing, then it takes one more.
 *
 * **Every order.** The search goes depth first from state to state, one step at a time. Two orders
 * that lead to the same state have the same future, which is searched once. So there are some 10^27
 * orders, but only thousands of states.
 *
 * **Memory order.** Here all threads see a step at once, which JavaScript promises for `Atomics`
 * only. It promises the same for plain accesses that do not race. So the checker follows the
 * happens-before order, and rejects a plain access that is not ordered with the last write, and a
 * plain write that is not ordered with the reads since. Vector clocks would say the same, but they
 * count up, so no two paths would ever lead to the same state.
 *
 * Not covered is what is no step of a block: whole slabs, the header of the pool, iteration.
 *
 * @module
 */
import { auditSharedBlock } from "../../src/inspect/validate_shared.ts";
import * as protocol from "../../src/shared/protocol.ts";

const { isPending, ORPHAN, PENDING, RETIRED } = protocol;

/** What threads do: the protocol of `src/`, or one with a fault. */
export type Protocol = typeof protocol;

/**
 * The block that threads start from, of which thread 1 is the owner, and their programs.
 *
 * A program is a text of operations. Records are known by slots, which stand for whatever brings a
 * handle to a thread. `+3` allocates into slot 3 if the thread owns the block and finds a chunk,
 * `-3` frees the record of slot 3 if there is one, `adopt` adopts a block without an owner, `adopt1`
 * that of thread 1 once it has ended, `drain` and `abandon` do so if the thread owns the block.
 */
export interface Scenario {
  readonly chunkCount: number;
  /** Stamps of the first chunks, all free. */
  readonly stamps?: readonly number[];
  /** Live stamp of the last generation, and the stamp after it. */
  readonly last?: readonly [live: number, after: number];
  /** Operations that are done before, each after the number of its thread: `1+0 2-0`. */
  readonly before?: string;
  /** With `~` in front, the thread may be terminated anywhere, and ends sooner or later. */
  readonly threads: readonly string[];
}

/** A thread: how far it is, and what it keeps for itself. */
interface Thread {
  isDead: boolean;
  /** Number of operations that it has finished. */
  done: number;
  /** The answers of the steps of its present operation. */
  answers: (number | boolean)[];
  /** The free list as it was at the start of the operation, and whether the thread owns the block. */
  own: { head: number; free: number; bump: number; isMine: boolean };
  // -- for the checks: what the operation has done so far --
  /** Serial of the record that it has freed; 0 for none. */
  ended: number;
  /** Chunks on their way to the remote list, or retired and not counted yet. */
  moving: number;
}

function newThread(isDead: boolean): Thread {
  const own = { head: 0, free: 0, bump: 0, isMine: false };
  return { isDead, done: 0, answers: [], own, ended: 0, moving: 0 };
}

/** Plain values, whose JSON is the key of the state: all that can happen next depends on it only. */
interface State {
  // -- the block, seen by all threads --
  owner: number;
  taken: number;
  remote: number;
  retired: number;
  stamps: number[];
  links: number[];
  // -- for the checks --
  /** Serial of the last record of each chunk. Records are numbered from 1 as they become live. */
  serials: number[];
  /** Chunk and live stamp of each record, by serial. */
  records: [chunk: number, stamp: number][];
  /** Serial of the record that each slot names; 0 for none. */
  slots: number[];
  /** Most chunks that terminated threads may have lost, or left uncounted as retired. */
  lost: number;
  /** By their numbers; there is no thread 0. */
  threads: Thread[];
  /**
   * Happens-before: who knows of the last write of each location, and of the last read by each of
   * the three threads. One bit for each thread and for each of {@linkcode WORDS}.
   */
  known: number[];
}

/**
 * The atomic words by which threads pass on what they know. Their bits come after those of the
 * threads; `end` stands for the end of a thread, and there are several stamps and slots.
 */
const WORDS = { remote: 4, owner: 5, retired: 6, end: 7, stamp: 8, slot: 12 } as const;

/** What threads access by plain accesses: the first location of up to 4. */
const LOCATIONS = { bytes: 0, stamp: 4, taken: 8 } as const;

/** Lets a thread or word know all that another one knows. */
function tell({ known }: State, from: number, to: number): void {
  for (let i = 0; i < known.length; i++) known[i] |= (known[i] >>> from & 1) << to;
}

/**
 * Stands in the place of the link of a live chunk, which nobody may follow. It is no chunk, so
 * following it is seen.
 */
const DATA = 77;

/** A last generation that no scenario reaches. */
const LAST = [99, RETIRED] as const;

/** Thrown when something happens that must not. */
class Violation extends Error {}

function fail(what: string): never {
  throw new Violation(what);
}

/** Thrown into an operation at the first step that it may not take yet. */
const PREEMPTED: unique symbol = Symbol("preempted");

/** The block on which virtual threads run a protocol. */
class VirtualBlock implements protocol.SharedSteps {
  head = 0;
  free = 0;
  bump = 0;
  isMine = false;
  readonly chunkCount: number;
  /** One line for each step that led to the state. */
  readonly trace: string[] = [];
  readonly #last: readonly [live: number, after: number];
  readonly #protocol: Protocol;
  readonly #isOrdered: boolean;
  /** The block as the protocol sees it: a call answers from the record, or is the next step. */
  readonly #stepwise: VirtualBlock;
  #state!: State; // is set before each step
  #me = 0;
  /** Slot of the record that the operation allocates. */
  #slot = 0;
  /** Steps of the operation that were answered in this run of it. */
  #position = 0;
  /** Whether the one new step of this run was taken. */
  #hasGone = false;

  constructor(scenario: Scenario, protocol: Protocol, isOrdered: boolean) {
    this.chunkCount = scenario.chunkCount;
    this.#last = scenario.last ?? LAST;
    this.#protocol = protocol;
    this.#isOrdered = isOrdered;
    this.#stepwise = new Proxy(this, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== "function") return value;
        return (...args: number[]) =>
          target.#step(`${String(name)}(${args})`, () => value.apply(target, args));
      },
      set: (target, name, value) => Reflect.set(target, name, value),
    });
  }

  #step(call: string, take: () => number | boolean | void): number | boolean {
    const { answers } = this.#thread;
    if (this.#position === answers.length) {
      if (this.#hasGone) throw PREEMPTED;
      this.#hasGone = true;
      this.trace.push(`thread ${this.#me}: ${call}`);
      answers.push(take() ?? 0);
    }
    return answers[this.#position++];
  }

  /** Takes a thread one step further, and to the end of the operation if that was its last step. */
  go(state: State, me: number, operation: string): void {
    const thread = state.threads[me];
    this.#position = 0;
    this.#hasGone = false;
    this.#state = state;
    this.#me = me;
    Object.assign(this, thread.own);
    try {
      this.#run(operation);
    } catch (error) {
      if (error === PREEMPTED) return;
      throw error;
    }
    const { head, free, bump, isMine } = this;
    const own = { head, free, bump, isMine };
    Object.assign(thread, newThread(false), { done: thread.done + 1, own });
  }

  /** Does an operation as a shared slab does. */
  #run(operation: string): void {
    const { takeChunk, enliven, drain, adopt } = this.#protocol;
    const block = this.#stepwise;
    const number = Number(operation.replace(/^\D+/, ""));
    if (operation[0] === "-") this.#free(number);
    else if (operation.startsWith("adopt")) {
      if (adopt(block, number || ORPHAN, this.#me)) this.isMine = true;
    } else if (!this.isMine) return;
    else if (operation === "drain") drain(block);
    else if (operation === "abandon") {
      this.isMine = false;
      block.storeOwner(ORPHAN);
    } else {
      this.#slot = number;
      let chunk = takeChunk(block);
      if (chunk < 0 && drain(block)) chunk = takeChunk(block);
      if (chunk >= 0) enliven(block, chunk);
    }
  }

  #free(slot: number): void {
    const { records, serials, stamps } = this.#state;
    const { freeOwn, freeRemote } = this.#protocol;
    const serial = this.#stepwise.receive(slot);
    if (serial === 0) return;
    const [chunk, live] = records[serial];
    const free = this.isMine ? freeOwn : freeRemote;
    const isFreed = free(this.#stepwise, chunk, live, this.#after(live));
    const { ended } = this.#thread;
    if (ended !== (isFreed ? serial : 0)) {
      fail(`${ended} is freed with the handle of ${serial}, and the call returns ${isFreed}`);
    }
    const isLive = serials[chunk] === serial && (stamps[chunk] & 1) === 1;
    if (!isFreed && isLive) fail(`record ${serial} is live, and is not freed`);
  }

  // -- the steps --

  /** Gets the serial of a handle, for instance by a message. */
  receive(slot: number): number {
    this.#acquire(WORDS.slot + slot);
    return this.#state.slots[slot];
  }

  loadStamp(chunk: number): number {
    this.#acquire(WORDS.stamp + this.#checked(chunk));
    return this.#state.stamps[chunk];
  }

  ownStamp(chunk: number): number {
    this.#read("stamp", this.#checked(chunk));
    return this.#state.stamps[chunk];
  }

  storeStamp(chunk: number, stamp: number): void {
    this.#stamp(this.#checked(chunk), stamp);
  }

  swapStamp(chunk: number, from: number, to: number): boolean {
    if (this.loadStamp(chunk) !== from) return false;
    this.#stamp(chunk, to);
    return true;
  }

  loadRemote(): number {
    this.#acquire(WORDS.remote);
    return this.#state.remote;
  }

  swapRemote(from: number, to: number): boolean {
    if (this.loadRemote() !== from) return false;
    this.#release(WORDS.remote);
    this.#state.remote = to;
    this.#thread.moving = 0;
    return true;
  }

  storeOwner(thread: number): void {
    const state = this.#state;
    this.#release(WORDS.owner);
    const isOwned = state.owner > 0 && !state.threads[state.owner].isDead;
    if (isOwned && state.owner !== this.#me) fail("the block has two owners");
    state.owner = thread;
  }

  swapOwner(from: number, to: number): boolean {
    this.#acquire(WORDS.owner);
    if (this.#state.owner !== from) return false;
    if (from > 0) this.#acquire(WORDS.end);
    this.storeOwner(to);
    return true;
  }

  storeTaken(chunks: number): void {
    this.#write("taken", 0);
    this.#state.taken = chunks;
  }

  addRetired(): void {
    this.#acquire(WORDS.retired);
    this.#release(WORDS.retired);
    this.#state.retired++;
    this.#thread.moving = 0;
  }

  readLink(chunk: number): number {
    this.#read("bytes", this.#checked(chunk));
    return this.#state.links[chunk];
  }

  writeLink(chunk: number, link: number): void {
    const { stamps, serials, links } = this.#state;
    if ((stamps[this.#checked(chunk)] & 1) === 1) {
      fail(`chunk ${chunk} is written while record ${serials[chunk]} lives in it`);
    }
    this.#write("bytes", chunk);
    links[chunk] = link;
  }

  zero(chunk: number): void {
    this.writeLink(chunk, 0);
  }

  get #thread(): Thread {
    return this.#state.threads[this.#me];
  }

  #checked(chunk: number): number {
    return chunk < this.chunkCount ? chunk : fail(`chunk ${chunk} is followed, and is none`);
  }

  /** Changes a stamp: a record starts or ends, or a chunk that was pending becomes free. */
  #stamp(chunk: number, to: number): void {
    const { stamps, serials, records, slots, links } = this.#state;
    const thread = this.#thread;
    const from = stamps[chunk];
    const isStart = (to & 1) === 1, isEnd = (from & 1) === 1;
    const isRight = isStart
      ? !isEnd && from >= 0 && to === from + 1
      : (to & ~PENDING) === ((isEnd ? this.#after(from) : from) & ~PENDING);
    if (!isRight) fail(`chunk ${chunk} with record ${serials[chunk]} gets ${to} after ${from}`);
    stamps[chunk] = to;
    if (isStart || isEnd) this.#write("bytes", chunk); // the program writes to it first, and last
    this.#write("stamp", chunk);
    this.#release(WORDS.stamp + chunk);
    if (isStart) {
      this.#release(WORDS.slot + this.#slot);
      slots[this.#slot] = serials[chunk] = records.push([chunk, to]) - 1;
      links[chunk] = DATA;
    } else if (isEnd) {
      thread.ended = serials[chunk];
      if (to === RETIRED || isPending(to)) thread.moving++;
    }
  }

  /** The stamp that a chunk gets when the record with a live stamp is freed. */
  #after(live: number): number {
    return live === this.#last[0] ? this.#last[1] : live + 1;
  }

  // -- happens-before --

  /** Reads an atomic word, and learns what the thread knew that wrote it last. */
  #acquire(word: number): void {
    tell(this.#state, word, this.#me);
  }

  /** Writes an atomic word, and passes on by it what the thread knows. */
  #release(word: number): void {
    const { known } = this.#state;
    for (let i = 0; i < known.length; i++) known[i] &= ~(1 << word);
    tell(this.#state, this.#me, word);
  }

  #read(what: keyof typeof LOCATIONS, chunk: number): void {
    const at = 4 * (LOCATIONS[what] + chunk);
    this.#mustKnow(at, 1, `${what} ${chunk} is read in no order with its last write`);
    this.#state.known[at + this.#me] = 1 << this.#me;
  }

  #write(what: keyof typeof LOCATIONS, chunk: number): void {
    const { known } = this.#state;
    const at = 4 * (LOCATIONS[what] + chunk);
    const first = what === "stamp" ? 1 : 0; // two atomic writes do not race
    this.#mustKnow(at + first, 4 - first, `${what} ${chunk} is written in no order with an access`);
    known[at] = 1 << this.#me;
    known.fill(-1, at + 1, at + 4);
  }

  #mustKnow(from: number, count: number, otherwise: string): void {
    const accesses = this.#state.known.slice(from, from + count);
    const knowsAll = accesses.every((who) => (who >>> this.#me & 1) === 1);
    if (this.#isOrdered && !knowsAll) fail(otherwise);
  }
}

/**
 * Tries every order of the steps of a scenario, up to the first fault. Returns how many orders there
 * are, and the steps to the fault and what it is; "" for none.
 */
export function explore(
  scenario: Scenario,
  changed: Protocol = protocol,
  isOrdered = true,
): { readonly orders: number; readonly failure: string } {
  const block = new VirtualBlock(scenario, changed, isOrdered);
  const programs = scenario.threads.map((it) => it.replace("~ ", "").split(" "));
  /** The number of orders from each state on. */
  const orders = new Map<string, number>();

  /** Searches everything that can follow a state, unless that was done; returns the orders. */
  function visit(state: State): number {
    const key = JSON.stringify(state);
    const known = orders.get(key);
    if (known !== undefined) return known;
    audit(state, scenario);
    const choices = choicesOf(state);
    let sum = choices.length === 0 ? 1 : 0;
    for (const choice of choices) {
      const { length } = block.trace;
      const then = choice === choices.at(-1) ? state : JSON.parse(key) as State;
      if (choice < 0) terminate(then, -choice);
      else block.go(then, choice, programs[choice - 1][then.threads[choice].done]);
      sum += visit(then);
      block.trace.length = length;
    }
    if (choices.length === 0) checkEnd(state, block);
    orders.set(key, sum);
    return sum;
  }

  /** What can happen: a step of a thread by its number, or its end by the negative number. */
  function choicesOf({ threads }: State): number[] {
    return programs.flatMap((program, i) => {
      const { isDead, done } = threads[i + 1];
      if (isDead) return [];
      const next = program[done];
      const isWaiting = /^adopt\d/.test(next) && !threads[Number(next.slice(5))].isDead;
      const canGo = next !== undefined && !isWaiting;
      return [...canGo ? [i + 1] : [], ...scenario.threads[i][0] === "~" ? [-i - 1] : []];
    });
  }

  let sum = 0;
  let failure = "";
  try {
    sum = visit(startOf(scenario, block));
  } catch (error) {
    if (!(error instanceof Violation)) throw error;
    failure = [...block.trace, `=> ${error.message}`].join("\n");
  }
  return { orders: sum, failure };
}

function startOf(scenario: Scenario, block: VirtualBlock): State {
  const { chunkCount, before = "", threads, stamps = [] } = scenario;
  const text = [before, ...threads].join(" ");
  const slots = Math.max(...text.matchAll(/[+-](\d)/g).map(([, slot]) => Number(slot) + 1)) + 1;
  const zeros = Array<number>(chunkCount).fill(0);
  const state: State = {
    ...{ owner: 1, taken: 0, remote: 0, retired: 0, lost: 0 },
    stamps: zeros.map((_, chunk) => stamps[chunk] ?? 0),
    links: [...zeros],
    serials: [...zeros],
    records: [[0, 0]], // none
    slots: Array(slots).fill(0),
    threads: [true, ...threads.map(() => false)].map(newThread),
    known: Array(4 * (LOCATIONS.taken + 1)).fill(-1), // everybody knows everything so far
  };
  state.threads[1].own.isMine = true;
  for (const [, number, operation] of before.matchAll(/(\d)(\S+)/g)) {
    finish(state, block, Number(number), operation);
  }
  for (const thread of state.threads) thread.done = 0;
  block.trace.length = 0;
  return state;
}

function finish(state: State, block: VirtualBlock, number: number, operation: string): void {
  const { done } = state.threads[number];
  while (state.threads[number].done === done) block.go(state, number, operation);
}

/** Ends a thread at its present step. A thread that adopts its block knows of the end. */
function terminate(state: State, number: number): void {
  tell(state, number, WORDS.end);
  state.lost += state.threads[number].moving;
  state.threads[number] = newThread(true);
}

/**
 * Checks that `validate` accepts a state, as its owner sees it and as others do. For all that they
 * know, a thread in the middle of an operation has ended there.
 */
function audit({ stamps, links, remote, ...rest }: State, { last: [last] = LAST }: Scenario): void {
  const around = rest.threads.slice(1);
  const atRest = around.filter((it) => !it.isDead && it.answers.length === 0);
  const nobody = newThread(true);
  for (const { own } of [nobody, ...atRest.filter((it) => it.own.isMine)]) {
    const block = {
      ...{ ...rest, ...own, chunkCount: stamps.length },
      loadStamp: (chunk: number) => stamps[chunk],
      loadRemote: () => remote,
      readLink: (chunk: number) => links[chunk],
    };
    const problem = auditSharedBlock(block, last, around.length - atRest.length);
    if (typeof problem === "string") fail(`${own.isMine ? "owner" : "another"}: ${problem}`);
  }
}

/**
 * Checks a state in which no thread goes on: all counts are right, and no chunk is lost. For that
 * the owner, or a thread that adopts the block, allocates all that is left.
 */
function checkEnd(state: State, block: VirtualBlock): void {
  const { threads, stamps, owner, taken, retired } = state;
  const count = (is: (stamp: number) => boolean) => stamps.filter(is).length;
  const uncounted = count((stamp) => stamp === RETIRED) - retired;
  if (uncounted < 0 || uncounted > state.lost) fail(`${uncounted} retired chunks are not counted`);
  const inUse = count((stamp) => stamp < 0 || (stamp & 1) === 1);
  const isOwned = owner !== ORPHAN && !threads[owner].isDead;
  if ((isOwned || owner === ORPHAN) && taken !== inUse) {
    fail(`${taken} chunks count as taken, and ${inUse} are`);
  }
  const number = isOwned ? owner : threads.findIndex((it) => !it.isDead);
  if (number < 0) return; // all have ended
  if (!isOwned) finish(state, block, number, owner === ORPHAN ? "adopt" : `adopt${owner}`);
  if (!threads[number].own.isMine) fail("no thread can own the block");
  const taking = `+${state.slots.length - 1}`;
  for (let before = -1; before !== state.records.length;) {
    before = state.records.length;
    finish(state, block, number, taking);
  }
  const lost = count((stamp) => (stamp & 1) === 0 && stamp !== RETIRED);
  if (lost + uncounted > state.lost) fail(`${lost} chunks are never given out again`);
}
