/**
 * Walks: iterators over the live records of a slab, and over their handles.
 *
 * Each is its own result, so that nothing is allocated on the way: a fresh result for each step costs three times as much,
 * a generator ten times.
 *
 * @module
 */
import type { Block } from "./_block.ts";
import { Slab } from "./_slab.ts";
import type { RecordView } from "./_view.ts";

/** A walk over the live records of a slab. */
export class Walk implements IterableIterator<RecordView> {
  done = false;
  readonly value: RecordView;
  private readonly slab: Slab;
  private readonly chunkBytes: number;
  /** Where the view stands. */
  block: Block = Slab.NOWHERE;
  chunk = -1;

  /**
   * @param slab What to walk.
   * @param view Moved from record to record.
   */
  constructor(slab: Slab, view: RecordView) {
    this.slab = slab;
    this.chunkBytes = slab.geometry.chunkBytes;
    this.value = view;
  }

  /** @returns This object: `done`, or `value` on the next record. */
  next(): this {
    const chunk = this.chunk + 1;
    const block = this.block;
    if (chunk < block.bump && block.live === block.bump) {
      this.chunk = chunk;
      this.value._b = block;
      this.value._o = chunk * this.chunkBytes;
    } else this.seek(chunk);
    return this;
  }

  [Symbol.iterator](): this {
    return this;
  }

  private seek(from: number): void {
    const { blocks } = this.slab;
    let block = this.block;
    let chunk = block.nextLive(from);
    while (chunk >= block.bump) {
      if (block.index + 1 >= blocks.length) {
        this.done = true;
        return;
      }
      block = blocks[block.index + 1];
      chunk = block.nextLive(0);
    }
    this.block = block;
    this.chunk = chunk;
    this.value._b = block;
    this.value._o = chunk * this.chunkBytes;
  }
}

/** A walk over the handles of a slab's live records. */
export class HandleWalk implements IterableIterator<number> {
  done = false;
  value = 0;
  private readonly slab: Slab;
  private readonly walk: Walk;

  /** @param slab What to walk. */
  constructor(slab: Slab) {
    this.slab = slab;
    this.walk = new Walk(slab, { _b: Slab.NOWHERE, _o: 0 });
  }

  /** @returns This object: `done`, or `value` the next handle. */
  next(): this {
    const { done, block, chunk } = this.walk.next();
    this.done = done;
    if (!done) this.value = this.slab.handleAt(block, chunk);
    return this;
  }

  [Symbol.iterator](): this {
    return this;
  }
}
