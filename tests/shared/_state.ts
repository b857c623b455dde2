/**
 * The state of a block that virtual threads share, and the checks of each step: a step that gives
 * out a live chunk, writes into one, or turns a generation back is a violation.
 *
 * A state can be copied, so that a search goes on from it in several ways, and has a key, so that
 * the search sees when it has reached the same state again. All that can happen next depends only
 * on what is in the key.
 *
 * @module
 */
import {
  CHUNK_MASK,
  isPending,
  lengthOf,
  ORPHAN,
  PENDING,
  RETIRED,
  type SharedSteps,
} from "../../src/shared/protocol.ts";
import { Order } from "./_order.ts";

/**
 * The program writes this over the link of a record as soon as it is live. It is no chunk, so
 * following it is seen.
 */
const DATA = 77;

/** Thrown when something happens that must not. */
export class Violation extends Error {
  override name = "Violation";
}

/**
 * What a program does with the block. Records are known by slots, which stand for whatever brings a
 * handle to a thread.
 */
export type Operation =
  /**
   * Allocates a record, if the thread owns the block and finds a chunk; its handle is in the slot
   * from the moment it is live.
   */
  | { readonly kind: "alloc"; readonly slot: number }
  /** Frees the record in the slot, if there is one. */
  | { readonly kind: "free"; readonly slot: number }
  /** Drains the remote list, if the thread owns the block. */
  | { readonly kind: "drain" }
  /** Adopts an orphan, or the block of a thread once that has ended. */
  | { readonly kind: "adopt"; readonly from: number }
  /** Gives the block up, if the thread owns it. */
  | { readonly kind: "abandon" };

/** The protocol of `src/`, or one with a fault. */
export interface Algorithm {
  /** Returns a chunk's new stamp, or -1 when there is none to be had. */
  alloc(block: SharedSteps): number;
  freeOwn(block: SharedSteps, chunk: number, live: number, dead: number): boolean;
  freeRemote(block: SharedSteps, chunk: number, live: number, dead: number): boolean;
  drain(block: SharedSteps): boolean;
  adopt(block: SharedSteps, from: number, thread: number): boolean;
  abandon(block: SharedSteps): void;
  /** Whether every thread allocates, the owner or not. */
  readonly isOwnerless?: boolean;
}

/** The size of a block, and its last generation. */
export interface Shape {
  readonly chunkCount: number;
  /** Stamp of a live record of the last generation. */
  readonly lastStamp: number;
  /** The stamp after it: 0, or {@linkcode RETIRED}. */
  readonly stampAfterLast: number;
}

/** What threads read and write atomically, and by which they pass on what they know. */
type Word = "stamp" | "slot" | typeof OTHER_WORDS[number];
/**
 * The last one is no word: it stands for the end of a thread, which a thread that adopts must know
 * of.
 */
const OTHER_WORDS = ["remote", "owner", "retired", "end"] as const;

/**
 * What they read or write by plain accesses: the bytes of a chunk, its stamp, and the count of
 * taken chunks.
 */
type Location = "bytes" | "stamp" | "taken";

/** Buffer for a key. */
const halves = new Uint16Array(4096);

/** A thread: how far it is, and what it keeps for itself. */
export class Thread {
  /** Number of operations that it has finished. */
  done = 0;
  isDead = false;
  /** The answers of the steps of its present operation. */
  answers: number[] = [];
  // The free list as it was at the start of the operation, which does its changes again in each
  // run.
  head = 0;
  free = 0;
  bump = 0;
  isMine = false;
  // For the checks: whether the thread owns the block, and what the operation has done so far.
  isOwner = false;
  /** Serial of the record that the operation has freed; 0 for none. */
  ended = 0;
  /** Chunks on their way to the remote list or from it to the owner's. */
  moving = 0;
  /** Chunks that it has retired and not counted yet. */
  uncounted = 0;

  copy(): Thread {
    return Object.assign(new Thread(), this, { answers: this.answers.slice() });
  }
}

/** The shared block, the threads, and which record is where. */
export class State {
  readonly shape: Shape;
  readonly algorithm: Algorithm;
  // -- seen by all threads --
  owner = 0;
  taken = 0;
  remote = 0;
  retired = 0;
  stamps: number[] = [];
  links: number[] = [];
  // -- for the checks --
  /** Serial of the last record of each chunk. Records are numbered from 1 as they become live. */
  serials: number[] = [];
  /** Chunk and live stamp of each record, by serial. */
  chunkOf: number[] = [0];
  stampOf: number[] = [0];
  /** Serial of the record that each slot names; 0 for none. */
  slots: number[] = [];
  /** How many chunks terminated threads may have lost, and may have left uncounted as retired. */
  lostAtMost = 0;
  uncountedAtMost = 0;
  threads: Thread[] = [];
  /** Happens-before, where it is checked. */
  order: Order | undefined;

  constructor(shape: Shape, algorithm: Algorithm) {
    this.shape = shape;
    this.algorithm = algorithm;
  }

  /** Makes a state of a fresh block, the first of the threads its owner. */
  static fresh(shape: Shape, algorithm: Algorithm, threads: number, slots: number): State {
    const state = new State(shape, algorithm);
    const { chunkCount } = shape;
    state.owner = 1;
    state.stamps = Array(chunkCount).fill(0);
    state.links = Array(chunkCount).fill(0);
    state.serials = Array(chunkCount).fill(0);
    state.slots = Array(slots).fill(0);
    state.threads = Array.from({ length: threads }, () => new Thread());
    if (algorithm.isOwnerless === true) { // all chunks are on one stack, whose end is 0
      state.links = state.links.map((_, chunk) => chunk);
      state.remote = chunkCount;
    } else state.threads[0].isMine = state.threads[0].isOwner = true;
    return state;
  }

  /** Makes a copy that shares nothing with it. */
  copy(): State {
    const copy = Object.assign(new State(this.shape, this.algorithm), this);
    copy.stamps = this.stamps.slice();
    copy.links = this.links.slice();
    copy.serials = this.serials.slice();
    copy.chunkOf = this.chunkOf.slice();
    copy.stampOf = this.stampOf.slice();
    copy.slots = this.slots.slice();
    copy.threads = this.threads.map((thread) => thread.copy());
    copy.order = this.order?.copy();
    return copy;
  }

  /** All that the state is, in a string: two of the same key have the same future. */
  get key(): string {
    const { shape: { chunkCount }, slots, chunkOf, stampOf } = this;
    let at = 0;
    const put = (word: number) => {
      halves[at++] = word;
      halves[at++] = word >>> 16;
    };
    put(this.remote);
    halves[at++] = this.owner + 1 << 12 | (this.taken & 15) << 8 | this.retired << 4 |
      this.lostAtMost;
    halves[at++] = this.uncountedAtMost << 8 | chunkOf.length;
    for (let chunk = 0; chunk < chunkCount; chunk++) {
      put(this.stamps[chunk]);
      halves[at++] = this.links[chunk] << 8 | this.serials[chunk];
    }
    for (let i = 0; i < slots.length; i++) halves[at++] = slots[i];
    for (let i = 1; i < chunkOf.length; i++) halves[at++] = chunkOf[i] << 8 | stampOf[i];
    for (const thread of this.threads) {
      const flags = (thread.isDead ? 1 : 0) | (thread.isMine ? 2 : 0) | (thread.isOwner ? 4 : 0);
      halves[at++] = flags << 12 | thread.done << 8 | thread.answers.length;
      halves[at++] = thread.head << 8 | thread.free << 4 | thread.bump;
      halves[at++] = thread.ended << 8 | (thread.moving & 15) << 4 | thread.uncounted;
      for (let i = 0; i < thread.answers.length; i++) put(thread.answers[i]);
    }
    const known = this.order?.known ?? [];
    for (let i = 0; i < known.length; i++) put(known[i]);
    return String.fromCharCode.apply(null, halves.subarray(0, at) as unknown as number[]); // it takes any list
  }

  /** The stamp that a chunk gets when the record with a live stamp is freed. */
  after(live: number): number {
    return live === this.shape.lastStamp ? this.shape.stampAfterLast : live + 1;
  }

  /** Whether a record is live. */
  isLive(serial: number): boolean {
    const chunk = this.chunkOf[serial];
    return serial > 0 && this.serials[chunk] === serial && (this.stamps[chunk] & 1) === 1;
  }

  /** Whether a thread can take another step. */
  canGo(number: number, operations: readonly Operation[]): boolean {
    const thread = this.threads[number - 1];
    if (thread.isDead || thread.done === operations.length) return false;
    const next = operations[thread.done];
    return next.kind !== "adopt" || next.from === ORPHAN || this.threads[next.from - 1].isDead;
  }

  /** Ends a thread at its present step. */
  terminate(number: number): void {
    const thread = this.threads[number - 1];
    this.order?.learn(this.#wordOf("end", 0), number - 1);
    this.lostAtMost += Math.max(0, thread.moving);
    this.uncountedAtMost += thread.uncounted;
    const end = new Thread();
    end.isDead = true;
    this.threads[number - 1] = end;
  }

  // -- happens-before --

  /** Checks it from here on; all threads know of all accesses so far. */
  watchOrder(): void {
    this.order = Order.of(this.threads.length + this.shape.chunkCount + 4 + this.slots.length);
  }

  /** A step reads a word, atomically. */
  acquire(thread: Thread, word: Word, at = 0): void {
    this.order?.learn(this.threads.indexOf(thread), this.#wordOf(word, at));
  }

  /** A step writes a word, atomically. */
  release(thread: Thread, word: Word, at = 0): void {
    this.order?.become(this.#wordOf(word, at), this.threads.indexOf(thread));
  }

  /** Those that know of accesses: the threads, and then the words. */
  #wordOf(word: Word, at: number): number {
    const { length } = this.threads;
    const { chunkCount } = this.shape;
    if (word === "stamp") return length + at;
    return length + chunkCount + (word === "slot" ? 4 + at : OTHER_WORDS.indexOf(word));
  }

  /** A step reads a location by a plain read. */
  read(thread: Thread, location: Location, chunk: number): void {
    if (
      this.order?.read(this.threads.indexOf(thread), this.#locationOf(location, chunk)) === false
    ) {
      fail(`the ${location} of chunk ${chunk} is read in no order with its last write`);
    }
  }

  /** A step writes a location, by a plain write unless it is a stamp. */
  write(thread: Thread, location: Location, chunk: number): void {
    const isAtomic = location === "stamp";
    const number = this.threads.indexOf(thread);
    if (this.order?.write(number, this.#locationOf(location, chunk), isAtomic) === false) {
      fail(`the ${location} of chunk ${chunk} is written in no order with another access`);
    }
  }

  #locationOf(location: Location, chunk: number): number {
    const { chunkCount } = this.shape;
    return location === "taken"
      ? 2 * chunkCount
      : location === "stamp"
      ? chunkCount + chunk
      : chunk;
  }

  // -- checks of steps --

  /** Writes a stamp. */
  stamp(thread: Thread, slot: number, chunk: number, to: number): void {
    const from = this.stamps[chunk];
    this.stamps[chunk] = to;
    if (((from ^ to) & 1) === 1) this.write(thread, "bytes", chunk); // the program writes to it first, and last
    this.write(thread, "stamp", chunk);
    this.release(thread, "stamp", chunk);
    if ((to & 1) === 1 && slot >= 0) this.release(thread, "slot", slot);
    if ((to & 1) === 1) {
      if ((from & 1) === 1) {
        fail(`chunk ${chunk} is given out while record ${this.serials[chunk]} lives in it`);
      }
      if (from !== to - 1) fail(`chunk ${chunk} is given out with stamp ${to} after ${from}`);
      this.serials[chunk] = this.chunkOf.length;
      if (slot >= 0) this.slots[slot] = this.chunkOf.length;
      this.chunkOf.push(chunk);
      this.stampOf.push(to);
      this.links[chunk] = DATA;
      return;
    }
    const isEnd = (from & 1) === 1;
    const expected = isEnd ? this.after(from) : from;
    if ((to & ~PENDING) !== (expected & ~PENDING)) {
      fail(`chunk ${chunk} gets stamp ${to} after ${from}`);
    }
    if (isEnd) {
      thread.ended = this.serials[chunk];
      if (to === RETIRED) thread.uncounted++;
      else if (isPending(to)) thread.moving++;
    } else if (isPending(from) && !isPending(to)) thread.moving--;
  }

  /** Writes the owner. */
  own(thread: Thread, to: number): void {
    this.owner = to;
    thread.isOwner = to !== ORPHAN;
    if (thread.isOwner && this.threads.some((other) => other !== thread && other.isOwner)) {
      fail("the block has two owners");
    }
  }

  /** Refuses to touch the bytes of a chunk that is no chunk, or that a record lives in. */
  checkWrite(thread: Thread, chunk: number): void {
    this.checkChunk(chunk);
    if ((this.stamps[chunk] & 1) === 1) {
      fail(`chunk ${chunk} is written while record ${this.serials[chunk]} lives in it`);
    }
    this.write(thread, "bytes", chunk);
  }

  checkChunk(chunk: number): void {
    if (!(chunk < this.shape.chunkCount)) fail(`chunk ${chunk} is followed, and is none`);
  }
}

/** Throws a violation. */
export function fail(what: string): never {
  throw new Violation(what);
}

/**
 * Checks a state in which no thread goes on: no chunk is lost or in two lists, and all counts are
 * right.
 */
export function auditEnd(state: State): void {
  const { chunkCount } = state.shape;
  const owner = state.threads.find((thread) => thread.isMine);
  const inRemote = follow(state, state.remote & CHUNK_MASK, lengthOf(state.remote), isPending);
  const inList = owner === undefined ? [] : follow(state, owner.head, owner.free, isFree);
  let live = 0, pending = 0, retired = 0;
  for (const stamp of state.stamps) {
    if (stamp === RETIRED) retired++;
    else if (isPending(stamp)) pending++;
    else if ((stamp & 1) === 1) live++;
  }
  const lost = pending - inRemote.length;
  if (lost < 0 || lost > state.lostAtMost) {
    fail(`${lost} chunks are lost on their way to the owner`);
  }
  const uncounted = retired - state.retired;
  if (uncounted < 0 || uncounted > state.uncountedAtMost) {
    fail(`${state.retired} chunks count as retired, and ${retired} are`);
  }
  const inUse = live + pending + retired;
  if (owner !== undefined) {
    const isUnused = (stamp: number, chunk: number) => chunk < owner.bump || stamp === 0;
    if (!state.stamps.every(isUnused)) fail("a chunk counts as never used, and is not");
    if (inList.length + chunkCount - owner.bump + inUse !== chunkCount) {
      fail("a chunk is nowhere");
    }
  }
  const isBalanced = owner !== undefined || state.owner === ORPHAN;
  if (isBalanced && state.taken !== inUse) {
    fail(`${state.taken} chunks count as taken, and ${inUse} are`);
  }
}

function isFree(stamp: number): boolean {
  return stamp >= 0 && (stamp & 1) === 0;
}

/** Follows a list; every chunk must be in the right state, and come once. */
function follow(
  state: State,
  head: number,
  length: number,
  belongs: (stamp: number) => boolean,
): number[] {
  const chunks: number[] = [];
  for (let chunk = head; chunks.length < length; chunk = state.links[chunk]) {
    state.checkChunk(chunk);
    if (chunks.includes(chunk)) fail(`a list leads to chunk ${chunk} twice`);
    if (!belongs(state.stamps[chunk])) {
      fail(`a list leads to chunk ${chunk}, whose stamp is ${state.stamps[chunk]}`);
    }
    chunks.push(chunk);
  }
  return chunks;
}
