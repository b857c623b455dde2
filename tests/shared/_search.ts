/**
 * The interleaving checker: runs programs of 2 and 3 virtual threads on one block in every order of
 * their steps, and checks the block after each step.
 *
 * A step is a call of `SharedSteps`, plain links included. Between any two steps any other thread
 * may go on. What a thread keeps for itself, such as the head and length of its free list, is no
 * step. A thread that may be terminated may end before any of its steps, and after the last one.
 *
 * **Suspending synchronous code.** See `VirtualBlock`: an operation is left by an exception at the
 * first step that it may not take yet. To go on it runs again from its start, and gets the recorded
 * answers of the steps that it has taken.
 *
 * **Every order.** The search goes depth first from state to state, one step at a time, and copies
 * the state where there is a choice. Two orders that lead to the same state have the same future,
 * which is searched once. So preemptions need no bound: there are billions of schedules and more,
 * but only thousands of states. Schedules are counted afterwards, as paths through the graph of
 * states: all of them, and those with up to 3 preemptions. A preemption is a switch away from a
 * thread that could have gone on, also between operations; the end of a thread is none.
 *
 * **Memory order.** Here all threads see a step at once, which JavaScript promises for `Atomics`
 * only. It promises the same for plain accesses that do not race, so `isOrdered` checks that none
 * does: see `_order.ts`.
 *
 * Not covered is what is no step of a block: whole slabs, the header of the pool, iteration.
 *
 * @module
 */
import { ORPHAN, RETIRED } from "../../src/shared/protocol.ts";
import {
  type Algorithm,
  auditEnd,
  fail,
  type Operation,
  type Shape,
  State,
  Violation,
} from "./_state.ts";
import { VirtualBlock } from "./_virtual_block.ts";

/** Schedules with at most so many preemptions are counted separately. */
const PREEMPTIONS = 3;

/** The programs of all threads, and the block that they start from. */
export interface Scenario {
  readonly shape: Shape;
  /** Stamps to start from, for the chunks in front; those must be of free ones. */
  readonly stamps?: readonly number[];
  /**
   * Operations that are done before, in order, and the number of the thread that does each, from 1.
   */
  readonly before: readonly (readonly [thread: number, operation: Operation])[];
  /** The program of each thread. */
  readonly threads: readonly (readonly Operation[])[];
  /** Numbers of threads that may be terminated anywhere, and that end sooner or later. */
  readonly mortal?: readonly number[];
  /**
   * Leaves out what is checked at the end of each schedule, for algorithms with lists of another
   * kind.
   */
  readonly isUnaudited?: boolean;
  /** Watches that plain accesses come in an order that the atomic ones make, which takes longer. */
  readonly isOrdered?: boolean;
}

/** The result of a search. */
export interface Report {
  /** Different states. */
  readonly states: number;
  /** Different orders of steps, the ends of threads among them. */
  readonly schedules: number;
  /** Those with up to {@linkcode PREEMPTIONS} preemptions. */
  readonly bounded: number;
  /** Different states in which no thread goes on. */
  readonly ends: number;
  /** The first fault that was found. */
  readonly failure: Failure | undefined;
}

/** A fault, and the schedule that leads to it. */
interface Failure {
  readonly what: string;
  /** One line for each step. */
  readonly schedule: readonly string[];
}

/** A state in the graph. */
interface Node {
  /** Which threads could go on. */
  readonly canGo: readonly boolean[];
  /**
   * What comes when a thread, from 0, takes a step; behind those what comes when it is terminated.
   */
  readonly next: (Node | undefined)[];
  /**
   * Schedules from here on: all, and behind that by the last thread and the preemptions that are
   * left.
   */
  readonly counts: number[];
}

/** Tries every order of the steps of a scenario, up to the first fault. */
export function explore(scenario: Scenario, algorithm: Algorithm): Report {
  return new Search(scenario, algorithm).run();
}

class Search {
  readonly #scenario: Scenario;
  readonly #start: State;
  readonly #block: VirtualBlock;
  readonly #nodes = new Map<string, Node>();
  /** The choices that led to the present state. */
  readonly #path: number[] = [];
  #ends = 0;

  constructor(scenario: Scenario, algorithm: Algorithm) {
    this.#scenario = scenario;
    this.#start = startOf(scenario, algorithm);
    this.#block = new VirtualBlock(this.#start);
  }

  run(): Report {
    let failure: Failure | undefined;
    let root: Node | undefined;
    try {
      root = this.#visit(this.#start.copy());
    } catch (error) {
      if (!(error instanceof Violation)) throw error;
      failure = { what: error.message, schedule: this.#retrace() };
    }
    return {
      states: this.#nodes.size,
      schedules: root === undefined ? 0 : count(root, -1, Infinity),
      bounded: root === undefined ? 0 : count(root, -1, PREEMPTIONS),
      ends: this.#ends,
      failure,
    };
  }

  /** Searches everything that can follow a state, unless that was done. */
  #visit(state: State): Node {
    const { key } = state;
    const known = this.#nodes.get(key);
    if (known !== undefined) return known;
    const { threads } = this.#scenario;
    const canGo = threads.map((operations, i) => state.canGo(i + 1, operations));
    const node: Node = { canGo, next: [], counts: [] };
    this.#nodes.set(key, node);
    const choices = choicesOf(this.#scenario, state, canGo);
    if (choices.length === 0) this.#end(state);
    for (const choice of choices) {
      this.#path.push(choice);
      const then = choice === choices.at(-1) ? state : state.copy();
      take(this.#scenario, then, this.#block, choice);
      node.next[choice] = this.#visit(then);
      this.#path.pop();
    }
    return node;
  }

  #end(state: State): void {
    this.#ends++;
    const stuck = this.#scenario.threads.findIndex((operations, i) =>
      !state.threads[i].isDead && state.threads[i].done < operations.length
    );
    if (stuck >= 0) throw new Error(`Thread ${stuck + 1} waits for what never happens`);
    if (this.#scenario.isUnaudited) return;
    auditEnd(state);
    empty(state, this.#block);
  }

  /** Takes the path once more, and writes down its steps. */
  #retrace(): string[] {
    const state = this.#start.copy();
    const block = new VirtualBlock(state);
    block.trace = [];
    try {
      for (const choice of this.#path) take(this.#scenario, state, block, choice);
    } catch (error) {
      if (!(error instanceof Violation)) throw error;
    }
    return block.trace;
  }
}

/** Makes the state that a scenario starts from. */
function startOf(scenario: Scenario, algorithm: Algorithm): State {
  const { shape, before, threads, stamps = [] } = scenario;
  const slots = [...before.map(([, it]) => it), ...threads.flat()]
    .map((it) => "slot" in it ? it.slot + 1 : 0);
  const state = State.fresh(shape, algorithm, threads.length, Math.max(0, ...slots));
  stamps.forEach((stamp, chunk) => state.stamps[chunk] = stamp);
  const block = new VirtualBlock(state);
  for (const [number, operation] of before) finish(state, block, number, operation);
  for (const thread of state.threads) thread.done = 0;
  if (scenario.isOrdered) state.watchOrder();
  return state;
}

/** Runs an operation to its end. */
function finish(state: State, block: VirtualBlock, number: number, operation: Operation): void {
  const { done } = state.threads[number - 1];
  while (state.threads[number - 1].done === done) block.go(state, number, operation);
}

/** Lists what can happen in a state: steps of threads, and their ends. */
function choicesOf(
  { threads, mortal = [] }: Scenario,
  state: State,
  canGo: readonly boolean[],
): number[] {
  const steps = threads.map((_, i) => i).filter((i) => canGo[i]);
  const ends = mortal.filter((number) => !state.threads[number - 1].isDead);
  return [...steps, ...ends.map((number) => threads.length + number - 1)];
}

function take({ threads }: Scenario, state: State, block: VirtualBlock, choice: number): void {
  if (choice < threads.length) {
    block.go(state, choice + 1, threads[choice][state.threads[choice].done]);
    return;
  }
  const number = choice - threads.length + 1;
  block.trace?.push(`thread ${number} is terminated`);
  state.terminate(number);
}

/**
 * Lets one thread allocate all that the block has left: its owner, or a thread that adopts it. Then
 * counts whether all chunks came back. This checks by the algorithm itself what `auditEnd` checks
 * by reading its lists.
 */
function empty(state: State, block: VirtualBlock): void {
  const { shape: { chunkCount }, threads, stamps } = state;
  const alive = threads.findIndex((thread) => !thread.isDead) + 1;
  const number = threads.findIndex((thread) => thread.isMine) + 1 || alive;
  if (number === 0) return;
  const { owner } = state;
  if (owner !== number && (owner === ORPHAN || threads[owner - 1].isDead)) {
    finish(state, block, number, { kind: "adopt", from: owner });
  }
  if (!threads[number - 1].isMine) fail("no thread can own the block");
  const inUse = stamps.filter((stamp) => (stamp & 1) === 1 || stamp === RETIRED).length;
  let given = 0;
  for (;;) {
    const before = state.chunkOf.length;
    finish(state, block, number, { kind: "alloc", slot: -1 });
    if (state.chunkOf.length === before) break;
    given++;
  }
  const lost = chunkCount - inUse - given;
  if (lost < 0 || lost > state.lostAtMost) {
    fail(`${lost} of ${chunkCount} chunks are never given out again`);
  }
}

/**
 * Counts the schedules from a state on, with at most `left` preemptions after a step of thread
 * `last`; -1 is none.
 */
function count(node: Node, last: number, left: number): number {
  const threads = node.canGo.length;
  const at = left === Infinity ? 0 : 1 + (last + 1) * (PREEMPTIONS + 1) + left;
  const known = node.counts[at];
  if (known !== undefined) return known;
  let sum = 0;
  let isEnd = true;
  node.next.forEach((then, choice) => {
    if (then === undefined) return;
    isEnd = false;
    const isStep = choice < threads;
    const isPreemption = isStep && last >= 0 && choice !== last && node.canGo[last];
    if (isPreemption && left === 0) return;
    const next = left === Infinity || !isStep ? last : choice;
    sum += count(then, next, left - (isPreemption ? 1 : 0));
  });
  return node.counts[at] = isEnd ? 1 : sum;
}

/** Writes a failure as text. */
export function showFailure({ what, schedule }: Failure): string {
  return [...schedule, `=> ${what}`].join("\n");
}
