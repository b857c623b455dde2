/**
 * Observers of a slab: those who keep values beside its records, and are told when a record goes.
 *
 * @module
 */

/** Keeps something for the records of a slab, by their handles. */
export interface SlabObserver {
  /**
   * A record is freed.
   *
   * @param index Index of its chunk.
   */
  forget(index: number): void;
  /** The slab has gone back to an earlier state: what is not live now has to be dropped. */
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
   * The record has been moved.
   *
   * @param index Index of the chunk that it is in now.
   * @param handle The handle that it has now.
   */
  afterMove(index: number, handle: number): void;
}

/** The observers of one slab. */
export class Observers implements SlabObserver {
  #all: SlabObserver[] = [];

  /** @param observer Is told from here on. */
  add(observer: SlabObserver): void {
    this.#all = [...this.#all, observer]; // another array, as one may come while others are told
  }

  /**
   * @param observer Is told no more.
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
