/**
 * Observers of a slab: they keep values beside its records, and are called when a record is freed
 * or moved.
 *
 * @module
 */

/** Keeps values beside the records of a slab. */
export interface SlabObserver {
  /**
   * Drops the value of a record that is being freed.
   *
   * @param index Index of its chunk.
   */
  forget(index: number): void;
  /**
   * The slab was restored to an earlier state: drops the values of records that are not live now.
   */
  onRestore(): void;
  /** The slab was disposed of. */
  onDispose(): void;
  /**
   * A record is about to be moved to another chunk; {@linkcode afterMove} follows.
   *
   * @param index Index of the chunk that it is in.
   * @param handle Its handle.
   */
  beforeMove(index: number, handle: number): void;
  /**
   * The record was moved.
   *
   * @param index Index of its new chunk.
   * @param handle Its new handle.
   */
  afterMove(index: number, handle: number): void;
}

/** What {@linkcode observe} uses of a slab. */
export interface Observed {
  /** Its observers; `undefined` while there are none. */
  observers: SlabObserver | undefined;
}

/** A slab whose frees are noticed by wrapping its method `freeChunk`. */
interface FreeingChunks {
  freeChunk?: (block: Chunks, chunk: number) => void;
}

/** The properties of a block from which the index of a chunk follows. */
interface Chunks {
  readonly position: number;
  readonly chunkCount: number;
}

/**
 * Adds an observer. It is no method of the slab, so that bundles without maps do not contain it.
 *
 * @param slab The slab. A slab that only one thread uses calls the observer from the next free on;
 * a shared slab calls it only when it is disposed of.
 * @param observer The observer to add.
 */
export function observe(slab: Observed, observer: SlabObserver): void {
  const observers = observersOf(slab) ?? new Observers();
  observers.add(observer);
  if (slab.observers !== undefined) return;
  slab.observers = observers;
  noteFrees(slab as FreeingChunks, observers); // a shared slab has no such method
}

/** Wraps `freeChunk`, so that a slab without observers needs no check for them. */
function noteFrees(slab: FreeingChunks, observers: SlabObserver): void {
  const { freeChunk } = slab;
  if (freeChunk === undefined) return;
  slab.freeChunk = function (block, chunk) {
    observers.forget(block.position * block.chunkCount + chunk);
    freeChunk.call(this, block, chunk);
  };
}

/**
 * @param slab The slab.
 * @param observer The observer to remove.
 */
export function unobserve(slab: Observed, observer: SlabObserver): void {
  if (observersOf(slab)?.remove(observer) !== 0) return;
  slab.observers = undefined;
  // Not deleted, which would make V8 keep the fields of the slab in a dictionary.
  const { freeChunk } = Object.getPrototypeOf(slab) as FreeingChunks;
  if (freeChunk !== undefined) (slab as FreeingChunks).freeChunk = freeChunk;
}

/** Returns the observers of a slab, which only {@linkcode observe} sets. */
function observersOf(slab: Observed): Observers | undefined {
  return slab.observers as Observers | undefined;
}

/** The observers of one slab: each call goes to all of them. */
class Observers implements SlabObserver {
  #all: SlabObserver[] = [];

  /** @param observer The observer to add. */
  add(observer: SlabObserver): void {
    this.#all = [...this.#all, observer]; // a copy, as one may be added while others are called
  }

  /**
   * @param observer The observer to remove.
   * @returns How many are left.
   */
  remove(observer: SlabObserver): number {
    this.#all = this.#all.filter((it) => it !== observer);
    return this.#all.length;
  }

  forget(index: number): void {
    for (let i = 0; i < this.#all.length; i++) this.#all[i].forget(index);
  }

  onRestore(): void {
    for (let i = 0; i < this.#all.length; i++) this.#all[i].onRestore();
  }

  onDispose(): void {
    for (let i = 0; i < this.#all.length; i++) this.#all[i].onDispose();
  }

  beforeMove(index: number, handle: number): void {
    for (let i = 0; i < this.#all.length; i++) this.#all[i].beforeMove(index, handle);
  }

  afterMove(index: number, handle: number): void {
    for (let i = 0; i < this.#all.length; i++) this.#all[i].afterMove(index, handle);
  }
}
