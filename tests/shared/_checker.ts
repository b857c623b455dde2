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

/** What a thread keeps for itself: its free list, and whether it owns the block. */
interface Own extends Pick<protocol.SharedSteps, "chunkCount" | "head" | "free" | "bump"> {
  isMine: boolean;
}

interface Thread {
  isDead: boolean;
  /** Number of operations that it has finished. */
  done: number;
  /** As it was at the start of its present operation. */
  own: Own;
  /** The answers of the steps that the operation has taken. */
  answers: (number | boolean)[];
  // -- for the checks: what the operation has done so far --
  /** Serial of the record that it has freed; 0 for none. */
  ended: number;
  /** Chunks on their way to the remote list, or retired and not counted yet. */
  moving: number;
}

function newThread(chunkCount: number, isDead: boolean): Thread {
  const own = { chunkCount, head: 0, free: 0, bump: 0, isMine: false };
  return { isDead, done: 0, own, answers: [], ended: 0, moving: 0 };
}

/** Plain values, whose JSON is the key of the state: all that can happen next depends on it only. */
interface State {
  /** What all threads see, at the addresses of {@linkcode AT}. */
  memory: number[];
  /** By their numbers, from 1; 0 is nobody. */
  threads: Thread[];
  // -- for the checks --
  /** Chunk and live stamp of each record, by serial: numbered from 1 as they become live. */
  records: [chunk: number, stamp: number][];
  /** Most chunks that terminated threads may have lost, or left uncounted as retired. */
  lost: number;
  /**
   * Happens-before: 4 sets for each address of plain accesses, of who knows of the last write, and
   * of the last read by each of the three threads. One bit for each address, as threads pass on by
   * it what they know, then one for each thread.
   */
  known: number[];
}

/**
 * Addresses, of chunks and slots that of the first: there are up to 4 chunks, and 10 slots, which
 * have the serials of records. Plain accesses are up to the links, which stand for the bytes of
 * their chunks as well.
 */
const AT = { taken: 0, stamp: 1, link: 5, owner: 9, remote: 10, retired: 11, slot: 12 } as const;
/** The first bit after those of the addresses; the bits of threads come from here on. */
const END = 22;

/** Lets a thread or address know all that another one knows, by their bits. */
function tell({ known }: State, from: number, to: number): void {
  for (let i = 0; i < known.length; i++) known[i] |= (known[i] >>> from & 1) << to;
}

/** Is in the link of a live chunk, which nobody may follow. There is no such chunk. */
const DATA = 77;

/** A last generation that no scenario reaches. */
const LAST = [99, RETIRED] as const;

/** Thrown when something happens that must not. */
class Violation extends Error {}

function fail(what: string): never {
  throw new Violation(what);
}

// -- the steps of a thread --

/** What is the same in all states of a search. */
interface Search {
  readonly scenario: Scenario;
  readonly protocol: Protocol;
  /** Whether plain accesses must be in the happens-before order. */
  readonly isOrdered: boolean;
  /** One line for each step that led to the present state. */
  readonly trace: string[];
}

/** How a thread accesses memory, plainly or atomically. */
function accessesOf(state: State, me: number, isOrdered: boolean) {
  const { memory, known } = state;
  const self = END + me;

  function mustKnow(from: number, to: number): void {
    const knowsAll = known.slice(from, to).every((who) => (who >>> self & 1) === 1);
    if (isOrdered && !knowsAll) fail("this is in no order with an earlier access");
  }

  return {
    read(at: number): number {
      mustKnow(4 * at, 4 * at + 1);
      known[4 * at + me] = 1 << self;
      return memory[at];
    },
    write(at: number, value: number, isAtomic = false): void {
      mustKnow(4 * at + Number(isAtomic), 4 * at + 4); // two atomic writes do not race
      known.splice(4 * at, 4, 1 << self, -1, -1, -1);
      memory[at] = value;
    },
    /** Reads atomically, and learns what the thread knew that wrote last. */
    load(at: number): number {
      tell(state, at, self);
      return memory[at];
    },
    /** Writes atomically, and passes on by it what the thread knows. */
    store(at: number, value: number): void {
      for (let i = 0; i < known.length; i++) known[i] &= ~(1 << at);
      tell(state, self, at);
      memory[at] = value;
    },
  };
}

/** Serial of the live record in a chunk; 0 for none. */
function recordIn({ memory, records }: State, chunk: number): number {
  const isLive = (memory[AT.stamp + chunk] & 1) === 1;
  return isLive ? records.findLastIndex((it) => it[0] === chunk) : 0;
}

/** The stamp that a chunk gets when the record with a live stamp is freed. */
function deadAfter(live: number, { last = LAST }: Scenario): number {
  return live === last[0] ? last[1] : live + 1;
}

/** The steps of a thread, whose operation has a slot; each is checked as it is taken. */
function stepsOf({ scenario, isOrdered }: Search, state: State, me: number, slot: number) {
  const { memory, threads, records } = state;
  const { load, store, read, write } = accessesOf(state, me, isOrdered);
  const thread = threads[me];

  function checked(chunk: number): number {
    return chunk < scenario.chunkCount ? chunk : fail(`chunk ${chunk} is followed, and is none`);
  }

  /** A record starts or ends, or a chunk that was pending becomes free. */
  function storeStamp(chunk: number, to: number): void {
    const at = AT.stamp + checked(chunk);
    const from = memory[at];
    const ended = recordIn(state, chunk);
    const isStart = (to & 1) === 1;
    const isRight = isStart
      ? ended === 0 && from >= 0 && to === from + 1
      : (to & ~PENDING) === ((ended > 0 ? deadAfter(from, scenario) : from) & ~PENDING);
    if (!isRight) fail(`chunk ${chunk} gets ${to} after ${from}`);
    if (isStart || ended > 0) write(AT.link + chunk, DATA); // by the program, first and last
    write(at, to, true);
    store(at, to);
    if (isStart) store(AT.slot + slot, records.push([chunk, to]) - 1);
    else if (ended > 0) {
      thread.ended = ended;
      if (to === RETIRED || isPending(to)) thread.moving++;
    }
  }

  function writeLink(chunk: number, link: number): void {
    const record = recordIn(state, checked(chunk));
    if (record > 0) fail(`chunk ${chunk} is written while record ${record} lives in it`);
    write(AT.link + chunk, link);
  }

  function storeOwner(to: number): void {
    const owner = memory[AT.owner];
    const isOwned = owner > 0 && !threads[owner].isDead;
    if (isOwned && owner !== me) fail("the block has two owners");
    store(AT.owner, to);
  }

  return {
    /** Gets the serial of a handle, for instance by a message. */
    receive: () => load(AT.slot + slot),
    loadStamp: (chunk: number) => load(AT.stamp + checked(chunk)),
    ownStamp: (chunk: number) => read(AT.stamp + checked(chunk)),
    storeStamp,
    swapStamp(chunk: number, from: number, to: number): boolean {
      const isSame = load(AT.stamp + checked(chunk)) === from;
      if (isSame) storeStamp(chunk, to);
      return isSame;
    },
    loadRemote: () => load(AT.remote),
    swapRemote(from: number, to: number): boolean {
      if (load(AT.remote) !== from) return false;
      store(AT.remote, to);
      thread.moving = 0;
      return true;
    },
    storeOwner,
    swapOwner(from: number, to: number): boolean {
      if (load(AT.owner) !== from) return false;
      if (from > 0) tell(state, END + from, END + me); // by whatever reported its end
      storeOwner(to);
      return true;
    },
    storeTaken: (chunks: number) => write(AT.taken, chunks),
    addRetired(): void {
      store(AT.retired, load(AT.retired) + 1);
      thread.moving = 0;
    },
    readLink: (chunk: number) => read(AT.link + checked(chunk)),
    writeLink,
    zero: (chunk: number) => writeLink(chunk, 0),
  };
}

// -- the operations of a thread --

/** The block as the protocol sees it. */
type Block = ReturnType<typeof stepsOf> & Own;

/** Thrown into an operation at the first step that it may not take yet. */
const PREEMPTED: unique symbol = Symbol("preempted");

/** Takes a thread one step further, and to the end of the operation if that was its last step. */
function go(search: Search, state: State, me: number, operation: string): void {
  const thread = state.threads[me];
  const { answers } = thread;
  const number = Number(operation.replace(/^\D+/, ""));
  const steps = stepsOf(search, state, me, number);
  const before = answers.length;
  let position = 0;
  const own = { ...thread.own };
  /** A call answers as before, or is the next step. */
  const block = new Proxy(own, {
    get: (_, name: keyof Block) => {
      if (name in own) return own[name as keyof Own];
      return (...args: [number, number, number]) => {
        if (position === answers.length) {
          if (position > before) throw PREEMPTED;
          search.trace.push(`thread ${me}: ${name}(${args})`);
          answers.push(steps[name as keyof typeof steps](...args) ?? 0);
        }
        return answers[position++];
      };
    },
  }) as Block;
  try {
    if (operation[0] === "-") free(search, state, me, block);
    else run(search, me, operation, number, block);
  } catch (error) {
    if (error === PREEMPTED) return;
    throw error;
  }
  Object.assign(thread, { done: thread.done + 1, own, answers: [], ended: 0, moving: 0 });
}

/** Does an operation other than a free as a shared slab does. */
function run({ protocol }: Search, me: number, operation: string, number: number, block: Block) {
  const { takeChunk, enliven, drain, adopt } = protocol;
  if (operation.startsWith("adopt")) {
    if (adopt(block, number || ORPHAN, me)) block.isMine = true;
  } else if (!block.isMine) return;
  else if (operation === "drain") drain(block);
  else if (operation === "abandon") {
    block.isMine = false;
    block.storeOwner(ORPHAN);
  } else {
    let chunk = takeChunk(block);
    if (chunk < 0 && drain(block)) chunk = takeChunk(block);
    if (chunk >= 0) enliven(block, chunk);
  }
}

function free({ protocol, scenario }: Search, state: State, me: number, block: Block): void {
  const serial = block.receive();
  if (serial === 0) return;
  const [chunk, live] = state.records[serial];
  const free = block.isMine ? protocol.freeOwn : protocol.freeRemote;
  const isFreed = free(block, chunk, live, deadAfter(live, scenario));
  const { ended } = state.threads[me];
  if (ended !== (isFreed ? serial : 0)) {
    fail(`${ended} is freed with the handle of ${serial}, and the call returns ${isFreed}`);
  }
  if (recordIn(state, chunk) === serial) fail(`record ${serial} is live, and is not freed`);
}

// -- every order --

/**
 * Tries every order of the steps of a scenario, up to the first fault. Returns how many orders there
 * are, and the steps to the fault and what it is; "" for none.
 */
export function explore(
  scenario: Scenario,
  changed: Protocol = protocol,
  isOrdered = true,
): { readonly orders: number; readonly failure: string } {
  const trace: string[] = [];
  const search: Search = { scenario, protocol: changed, isOrdered, trace };
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
    for (const choose of choices) {
      const { length } = trace;
      const then = choose === choices.at(-1) ? state : JSON.parse(key) as State;
      choose(then);
      sum += visit(then);
      trace.length = length;
    }
    if (choices.length === 0) checkEnd(search, state);
    orders.set(key, sum);
    return sum;
  }

  /** What can happen: a step of each thread, or its end. */
  function choicesOf({ threads }: State): ((state: State) => void)[] {
    return scenario.threads.flatMap((program, i) => {
      const { isDead, done } = threads[i + 1];
      const operation = programs[i][done];
      const isWaiting = /^adopt\d/.test(operation) && !threads[Number(operation.slice(5))].isDead;
      const canGo = !isDead && operation !== undefined && !isWaiting;
      const canEnd = !isDead && program.startsWith("~");
      return [
        ...canGo ? [(state: State) => go(search, state, i + 1, operation)] : [],
        ...canEnd ? [(state: State) => terminate(state, i + 1)] : [],
      ];
    });
  }

  try {
    return { orders: visit(startOf(search)), failure: "" };
  } catch (error) {
    if (!(error instanceof Violation)) throw error;
    return { orders: 0, failure: [...trace, `=> ${error.message}`].join("\n") };
  }
}

function startOf(search: Search): State {
  const { chunkCount, before = "", threads, stamps = [] } = search.scenario;
  const state: State = {
    memory: Array(END).fill(0).with(AT.owner, 1),
    threads: [true, ...threads.map(() => false)].map((isDead) => newThread(chunkCount, isDead)),
    records: [[-1, 0]], // none
    lost: 0,
    known: Array(4 * AT.owner).fill(-1), // everybody knows everything so far
  };
  state.memory.splice(AT.stamp, stamps.length, ...stamps);
  state.threads[1].own.isMine = true;
  for (const [, number, operation] of before.matchAll(/(\d)(\S+)/g)) {
    finish(search, state, Number(number), operation);
  }
  for (const thread of state.threads) thread.done = 0;
  search.trace.length = 0;
  return state;
}

function finish(search: Search, state: State, number: number, operation: string): void {
  const { done } = state.threads[number];
  while (state.threads[number].done === done) go(search, state, number, operation);
}

/** Ends a thread at its present step. */
function terminate(state: State, number: number): void {
  state.lost += state.threads[number].moving;
  state.threads[number] = state.threads[0];
}

/**
 * Checks that `validate` accepts a state, as its owner sees it and as others do. For all that they
 * know, a thread in the middle of an operation has ended there.
 */
function audit({ memory, threads }: State, { last: [last] = LAST }: Scenario): void {
  const [nobody, ...around] = threads;
  const atRest = around.filter((it) => !it.isDead && it.answers.length === 0);
  for (const { own } of [nobody, ...atRest.filter((it) => it.own.isMine)]) {
    const block = {
      ...own,
      taken: memory[AT.taken],
      retired: memory[AT.retired],
      loadStamp: (chunk: number) => memory[AT.stamp + chunk],
      loadRemote: () => memory[AT.remote],
      readLink: (chunk: number) => memory[AT.link + chunk],
    };
    const problem = auditSharedBlock(block, last, around.length - atRest.length);
    if (typeof problem === "string") fail(`${own.isMine ? "owner" : "another"}: ${problem}`);
  }
}

/**
 * Checks a state in which no thread goes on: all counts are right, and no chunk is lost. For that
 * the owner, or a thread that adopts the block, allocates all that is left.
 */
function checkEnd(search: Search, state: State): void {
  const { memory, threads, lost: most } = state;
  const { chunkCount } = search.scenario;
  const count = (is: (stamp: number) => boolean) =>
    memory.slice(AT.stamp, AT.stamp + chunkCount).filter(is).length;
  const uncounted = count((stamp) => stamp === RETIRED) - memory[AT.retired];
  if (uncounted < 0 || uncounted > most) fail(`${uncounted} retired chunks are not counted`);
  const inUse = count((stamp) => stamp < 0 || (stamp & 1) === 1);
  const owner = memory[AT.owner];
  const isOwned = owner !== ORPHAN && !threads[owner].isDead;
  if ((isOwned || owner === ORPHAN) && memory[AT.taken] !== inUse) {
    fail(`${memory[AT.taken]} chunks count as taken, and ${inUse} are`);
  }
  const number = isOwned ? owner : threads.findIndex((it) => !it.isDead);
  if (number < 0) return; // all have ended
  if (!isOwned) finish(search, state, number, owner === ORPHAN ? "adopt" : `adopt${owner}`);
  if (!threads[number].own.isMine) fail("no thread can own the block");
  for (let before = -1; before !== state.records.length;) {
    before = state.records.length;
    finish(search, state, number, "+9"); // no scenario has so many slots
  }
  const lost = count((stamp) => (stamp & 1) === 0 && stamp !== RETIRED);
  if (lost + uncounted > most) fail(`${lost} chunks are never given out again`);
}
