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

/** The observers of one slab: each call goes to all of them. */
export class Observers implements SlabObserver {
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
