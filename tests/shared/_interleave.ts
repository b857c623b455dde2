/**
 * The interleaving checker: runs programs of 2 and 3 virtual threads on one block in every order of
 * their steps, and holds the block against itself at each.
 *
 * A step is a call of `SharedSteps`, plain links included: between any two of them the turn may go
 * to any other thread. What a thread knows alone (its list's head, length and bump mark) is no
 * step. A thread that may be terminated may end before any of its steps, and after the last one.
 *
 * **How synchronous code is suspended.** It is not: see `VirtualBlock`. The operation is left by an
 * exception at the step that it is not to take, and run again from its start when it is to go on,
 * with the recorded answers of the steps behind it.
 *
 * **How every order is tried.** The search goes depth first from world to world, a step at a time,
 * and copies the world where there is a choice. Two orders that lead to the same world have the
 * same future, which is searched once, so no bound on preemptions is needed: schedules run to
 * billions where worlds run to thousands. How many schedules that are is counted afterwards, as
 * ways through the graph of worlds: all of them, and those with up to 3 preemptions, that is
 * switches away from a thread that could have gone on, between operations as well. Ends of threads
 * are no preemptions.
 *
 * **What about the order of memory?** Here every step is seen by all at once, which JavaScript
 * promises of `Atomics` alone. It promises the same of plain accesses where none of them races, so
 * `isOrdered` watches that none does: see `_order.ts`.
 *
 * What stands outside the steps is not tried here: whole slabs, the header of the pool, iteration.
 *
 * @module
 */
import { ORPHAN, RETIRED } from "../../src/shared/protocol.ts";
import {
  type Algorithm,
  auditWorld,
  type Operation,
  refuse,
  type Shape,
  Violation,
  World,
} from "./_shared_world.ts";
import { VirtualBlock } from "./_virtual_block.ts";

/** Preemptions of the schedules that are counted apart. */
export const PREEMPTIONS = 3;

/** Programs, and the block that they start from. */
export interface Scenario {
  readonly shape: Shape;
  /** Stamps to start from, for the chunks in front; those must be of free ones. */
  readonly stamps?: readonly number[];
  /** What is done before, in order: by which thread, from 1, and what. */
  readonly before: readonly (readonly [thread: number, operation: Operation])[];
  /** What each thread does. */
  readonly threads: readonly (readonly Operation[])[];
  /** Threads that may be terminated anywhere; such a thread ends sooner or later. */
  readonly mortal?: readonly number[];
  /**
   * Leaves out what is checked at the end of each schedule, for algorithms with lists of another
   * kind.
   */
  readonly isUnaudited?: boolean;
  /** Watches that plain accesses come in an order that the atomic ones make, which takes longer. */
  readonly isOrdered?: boolean;
}

/** What came out. */
export interface Report {
  /** Different worlds. */
  readonly worlds: number;
  /** Different orders of steps, the ends of threads among them. */
  readonly schedules: number;
  /** Those with up to {@linkcode PREEMPTIONS} preemptions. */
  readonly bounded: number;
  /** Different worlds in which no thread goes on. */
  readonly ends: number;
  /** What went wrong, in the first schedule where something did. */
  readonly failure: Failure | undefined;
}

/** Something that must not happen, and how it comes to that. */
export interface Failure {
  readonly what: string;
  /** A line a step. */
  readonly schedule: readonly string[];
}

/** A world in the graph. */
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

/**
 * Tries every order.
 *
 * @param scenario What is done.
 * @param algorithm How.
 * @returns What came out; the search ends at the first failure.
 */
export function explore(scenario: Scenario, algorithm: Algorithm): Report {
  return new Search(scenario, algorithm).run();
}

class Search {
  readonly #scenario: Scenario;
  readonly #start: World;
  readonly #block: VirtualBlock;
  readonly #nodes = new Map<string, Node>();
  /** Choices that led to where the search is. */
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
      worlds: this.#nodes.size,
      schedules: root === undefined ? 0 : count(root, -1, Infinity),
      bounded: root === undefined ? 0 : count(root, -1, PREEMPTIONS),
      ends: this.#ends,
      failure,
    };
  }

  /** Searches all that can come of a world, unless that was done. */
  #visit(world: World): Node {
    const { key } = world;
    const known = this.#nodes.get(key);
    if (known !== undefined) return known;
    const { threads } = this.#scenario;
    const canGo = threads.map((operations, i) => world.canGo(i + 1, operations));
    const node: Node = { canGo, next: [], counts: [] };
    this.#nodes.set(key, node);
    const choices = choicesOf(this.#scenario, world, canGo);
    if (choices.length === 0) this.#end(world);
    for (const choice of choices) {
      this.#path.push(choice);
      const then = choice === choices.at(-1) ? world : world.copy();
      take(this.#scenario, then, this.#block, choice);
      node.next[choice] = this.#visit(then);
      this.#path.pop();
    }
    return node;
  }

  #end(world: World): void {
    this.#ends++;
    const stuck = this.#scenario.threads.findIndex((operations, i) =>
      !world.threads[i].isDead && world.threads[i].done < operations.length
    );
    if (stuck >= 0) throw new Error(`Thread ${stuck + 1} waits for what never happens`);
    if (this.#scenario.isUnaudited) return;
    auditWorld(world);
    empty(world, this.#block);
  }

  /** Goes the path once more, and writes it down. */
  #retrace(): string[] {
    const world = this.#start.copy();
    const block = new VirtualBlock(world);
    block.trace = [];
    try {
      for (const choice of this.#path) take(this.#scenario, world, block, choice);
    } catch (error) {
      if (!(error instanceof Violation)) throw error;
    }
    return block.trace;
  }
}

/** The world that the scenario starts from. */
function startOf(scenario: Scenario, algorithm: Algorithm): World {
  const { shape, before, threads, stamps = [] } = scenario;
  const slots = [...before.map(([, it]) => it), ...threads.flat()]
    .map((it) => "slot" in it ? it.slot + 1 : 0);
  const world = World.fresh(shape, algorithm, threads.length, Math.max(0, ...slots));
  stamps.forEach((stamp, chunk) => world.stamps[chunk] = stamp);
  const block = new VirtualBlock(world);
  for (const [number, operation] of before) finish(world, block, number, operation);
  for (const thread of world.threads) thread.done = 0;
  if (scenario.isOrdered) world.watchOrder();
  return world;
}

/** Runs an operation to its end. */
function finish(world: World, block: VirtualBlock, number: number, operation: Operation): void {
  const { done } = world.threads[number - 1];
  while (world.threads[number - 1].done === done) block.go(world, number, operation);
}

/** What can happen in a world: steps of threads, and their ends. */
function choicesOf(
  { threads, mortal = [] }: Scenario,
  world: World,
  canGo: readonly boolean[],
): number[] {
  const steps = threads.map((_, i) => i).filter((i) => canGo[i]);
  const ends = mortal.filter((number) => !world.threads[number - 1].isDead);
  return [...steps, ...ends.map((number) => threads.length + number - 1)];
}

function take({ threads }: Scenario, world: World, block: VirtualBlock, choice: number): void {
  if (choice < threads.length) {
    block.go(world, choice + 1, threads[choice][world.threads[choice].done]);
    return;
  }
  const number = choice - threads.length + 1;
  block.trace?.push(`thread ${number} is terminated`);
  world.terminate(number);
}

/**
 * Has one thread take everything that the block has left, the block's owner or who adopts it, and
 * counts it. This asks of the algorithm itself what the audit asks of its lists.
 */
function empty(world: World, block: VirtualBlock): void {
  const { shape: { chunkCount }, threads, stamps } = world;
  const alive = threads.findIndex((thread) => !thread.isDead) + 1;
  const number = threads.findIndex((thread) => thread.isMine) + 1 || alive;
  if (number === 0) return;
  const { owner } = world;
  if (owner !== number && (owner === ORPHAN || threads[owner - 1].isDead)) {
    finish(world, block, number, { kind: "adopt", from: owner });
  }
  if (!threads[number - 1].isMine) refuse("nobody can come to own the block");
  const inUse = stamps.filter((stamp) => (stamp & 1) === 1 || stamp === RETIRED).length;
  let given = 0;
  for (;;) {
    const before = world.chunkOf.length;
    finish(world, block, number, { kind: "alloc", slot: -1 });
    if (world.chunkOf.length === before) break;
    given++;
  }
  const lost = chunkCount - inUse - given;
  if (lost < 0 || lost > world.lostAtMost) {
    refuse(`${lost} of ${chunkCount} chunks are never given out again`);
  }
}

/**
 * Schedules from a world on, of which so many preemptions are left after a step of the last thread;
 * -1 is none.
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

/** A failure as people read it. */
export function showFailure({ what, schedule }: Failure): string {
  return [...schedule, `=> ${what}`].join("\n");
}
