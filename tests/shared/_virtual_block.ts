/**
 * The block as a virtual thread sees it: it takes one step at a time.
 *
 * @module
 */
import { lengthOf, type SharedSteps } from "../../src/shared/protocol.ts";
import { fail, type Operation, type State, type Thread } from "./_state.ts";

/** Thrown into an operation at the first step that it may not take yet, and caught by `go`. */
const PREEMPTED: unique symbol = Symbol("preempted");

/**
 * A block on which virtual threads run an algorithm. An operation that is suspended does not wait,
 * but is left by an exception. To go on it runs again from its start: the steps that it has taken
 * answer as before and do nothing, then it takes one more.
 */
export class VirtualBlock implements SharedSteps {
  head = 0;
  free = 0;
  bump = 0;
  isMine = false;
  readonly chunkCount: number;
  /** One line for each step, where it is set. */
  trace: string[] | undefined;
  #state: State;
  #number = 0;
  #thread: Thread;
  /** Steps of the operation that were answered in this run of it. */
  #position = 0;
  /** Whether the one new step of this run was taken. */
  #hasGone = false;
  /** Slot of the record that the operation allocates. */
  #slot = -1;

  constructor(state: State) {
    this.#state = state;
    this.#thread = state.threads[0];
    this.chunkCount = state.shape.chunkCount;
  }

  /**
   * Takes a thread one step further, and to the end of the operation if that was its last step.
   *
   * @param state Where; it is changed.
   * @param number Which thread, from 1.
   * @param operation What it is at.
   */
  go(state: State, number: number, operation: Operation): void {
    const thread = state.threads[number - 1];
    this.#state = state;
    this.#number = number;
    this.#thread = thread;
    this.#position = 0;
    this.#hasGone = false;
    this.#slot = operation.kind === "alloc" ? operation.slot : -1;
    ({ head: this.head, free: this.free, bump: this.bump, isMine: this.isMine } = thread);
    try {
      this.#run(operation);
    } catch (error) {
      if (error === PREEMPTED) return;
      throw error;
    }
    thread.done++;
    thread.answers = [];
    thread.ended = thread.moving = thread.uncounted = 0;
    ({ head: thread.head, free: thread.free, bump: thread.bump, isMine: thread.isMine } = this);
  }

  #run(operation: Operation): void {
    const { algorithm } = this.#state;
    const mayAlloc = this.isMine || algorithm.isOwnerless === true;
    if (operation.kind === "alloc") {
      const stamp = mayAlloc ? algorithm.alloc(this) : -1;
      this.#note(operation, stamp >= 0);
    } else if (operation.kind === "free") this.#free(operation);
    else if (operation.kind === "drain") {
      if (this.isMine) this.#note(operation, algorithm.drain(this));
    } else if (operation.kind === "adopt") this.#adopt(operation);
    else if (this.isMine) {
      this.isMine = false;
      algorithm.abandon(this);
    }
  }

  #free(operation: Operation & { readonly kind: "free" }): void {
    const state = this.#state;
    const serial = this.#receive(operation.slot);
    if (serial === 0) return;
    const chunk = state.chunkOf[serial];
    const live = state.stampOf[serial];
    const dead = state.after(live);
    const { algorithm } = state;
    const isFreed = this.isMine
      ? algorithm.freeOwn(this, chunk, live, dead)
      : algorithm.freeRemote(this, chunk, live, dead);
    this.#note(operation, isFreed);
    const { ended } = this.#thread;
    if (isFreed && ended === 0) fail(`record ${serial} is freed twice`);
    if (ended !== 0 && ended !== serial) {
      fail(`record ${ended} is freed with the handle of ${serial}`);
    }
    if (!isFreed && ended !== 0) {
      fail(`record ${serial} is freed, and the call returns false`);
    }
    if (!isFreed && state.isLive(serial)) fail(`record ${serial} is live, and is not freed`);
  }

  #adopt(operation: Operation & { readonly kind: "adopt" }): void {
    const isAdopted = this.#state.algorithm.adopt(this, operation.from, this.#number);
    this.#note(operation, isAdopted);
    if (isAdopted) this.isMine = true;
  }

  #note(operation: Operation, result: boolean): void {
    this.trace?.push(`thread ${this.#number}: ${show(operation)} returns ${result}`);
  }

  /**
   * Whether a step was taken in an earlier run. Leaves the operation if this run has taken a new
   * step already.
   */
  #isOld(): boolean {
    if (this.#position < this.#thread.answers.length) return true;
    if (this.#hasGone) throw PREEMPTED;
    this.#hasGone = true;
    return false;
  }

  #old(): number {
    return this.#thread.answers[this.#position++];
  }

  #answer(answer: number, name: string, ...args: readonly number[]): number {
    this.#thread.answers.push(answer);
    this.#position++;
    this.trace?.push(`thread ${this.#number}: ${name}(${args.join(", ")}) = ${answer}`);
    return answer;
  }

  // -- the steps --

  /** Gets a handle, for instance by a message. */
  #receive(slot: number): number {
    if (this.#isOld()) return this.#old();
    this.#state.acquire(this.#thread, "slot", slot);
    return this.#answer(this.#state.slots[slot], "receive", slot);
  }

  loadStamp(chunk: number): number {
    if (this.#isOld()) return this.#old();
    this.#state.checkChunk(chunk);
    this.#state.acquire(this.#thread, "stamp", chunk);
    return this.#answer(this.#state.stamps[chunk], "loadStamp", chunk);
  }

  ownStamp(chunk: number): number {
    if (this.#isOld()) return this.#old();
    this.#state.checkChunk(chunk);
    const stamp = this.#answer(this.#state.stamps[chunk], "ownStamp", chunk);
    this.#state.read(this.#thread, "stamp", chunk);
    return stamp;
  }

  storeStamp(chunk: number, stamp: number): void {
    if (this.#isOld()) return void this.#old();
    this.#answer(0, "storeStamp", chunk, stamp);
    this.#state.checkChunk(chunk);
    this.#state.stamp(this.#thread, this.#slot, chunk, stamp);
  }

  swapStamp(chunk: number, from: number, to: number): boolean {
    if (this.#isOld()) return this.#old() === 1;
    const isSwapped = this.#state.stamps[chunk] === from;
    this.#answer(isSwapped ? 1 : 0, "swapStamp", chunk, from, to);
    this.#state.acquire(this.#thread, "stamp", chunk);
    if (isSwapped) this.#state.stamp(this.#thread, this.#slot, chunk, to);
    return isSwapped;
  }

  loadRemote(): number {
    if (this.#isOld()) return this.#old();
    this.#state.acquire(this.#thread, "remote");
    return this.#answer(this.#state.remote, "loadRemote");
  }

  swapRemote(from: number, to: number): boolean {
    if (this.#isOld()) return this.#old() === 1;
    const isSwapped = this.#state.remote === from;
    this.#answer(isSwapped ? 1 : 0, "swapRemote", from, to);
    this.#state.acquire(this.#thread, "remote");
    if (!isSwapped) return false;
    this.#state.release(this.#thread, "remote");
    this.#state.remote = to;
    this.#thread.moving = 0;
    return true;
  }

  takeRemote(): number {
    if (this.#isOld()) return this.#old();
    const remote = this.#answer(this.#state.remote, "takeRemote");
    this.#state.remote = 0;
    this.#state.acquire(this.#thread, "remote");
    this.#state.release(this.#thread, "remote");
    this.#thread.moving = lengthOf(remote);
    return remote;
  }

  storeOwner(thread: number): void {
    if (this.#isOld()) return void this.#old();
    this.#answer(0, "storeOwner", thread);
    this.#state.release(this.#thread, "owner");
    this.#state.own(this.#thread, thread);
  }

  swapOwner(from: number, to: number): boolean {
    if (this.#isOld()) return this.#old() === 1;
    const isSwapped = this.#state.owner === from;
    this.#answer(isSwapped ? 1 : 0, "swapOwner", from, to);
    this.#state.acquire(this.#thread, "owner");
    if (!isSwapped) return false;
    if (from > 0) this.#state.acquire(this.#thread, "end");
    this.#state.release(this.#thread, "owner");
    this.#state.own(this.#thread, to);
    return true;
  }

  storeTaken(chunks: number): void {
    if (this.#isOld()) return void this.#old();
    this.#answer(0, "storeTaken", chunks);
    this.#state.write(this.#thread, "taken", 0);
    this.#state.taken = chunks;
  }

  addRetired(): void {
    if (this.#isOld()) return void this.#old();
    this.#answer(0, "addRetired");
    this.#state.acquire(this.#thread, "retired");
    this.#state.release(this.#thread, "retired");
    this.#state.retired++;
    this.#thread.uncounted--;
  }

  readLink(chunk: number): number {
    if (this.#isOld()) return this.#old();
    this.#state.checkChunk(chunk);
    const link = this.#answer(this.#state.links[chunk], "readLink", chunk);
    this.#state.read(this.#thread, "bytes", chunk);
    return link;
  }

  writeLink(chunk: number, link: number): void {
    if (this.#isOld()) return void this.#old();
    this.#answer(0, "writeLink", chunk, link);
    this.#state.checkWrite(this.#thread, chunk);
    this.#state.links[chunk] = link;
  }

  zero(chunk: number): void {
    if (this.#isOld()) return void this.#old();
    this.#answer(0, "zero", chunk);
    this.#state.checkWrite(this.#thread, chunk);
    this.#state.links[chunk] = 0;
  }
}

/** Writes an operation as text. */
function show(operation: Operation): string {
  if (operation.kind === "adopt") return `adopt(${operation.from})`;
  return "slot" in operation ? `${operation.kind}(${operation.slot})` : `${operation.kind}()`;
}
