/**
 * Walks: iterators over the live records of a slab, and over their handles.
 *
 * Each is its own result, so that nothing is allocated on the way: a fresh result for each step costs three times as much,
 * a generator ten times.
 *
 * @module
 */
import type { Block } from "./_block.ts";
import type { Kind } from "./_kinds.ts";
import { Slab, type Visit } from "./_slab.ts";
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
      if (block.position + 1 >= blocks.length) {
        this.done = true;
        return;
      }
      block = blocks[block.position + 1];
      chunk = block.nextLive(0);
    }
    this.block = block;
    this.chunk = chunk;
    this.value._b = block;
    this.value._o = chunk * this.chunkBytes;
  }
}

/** The tag that stands for every kind. */
export const ALL_KINDS = -1;

/** A walk over the handles of a slab's live records. */
export class HandleWalk implements IterableIterator<number> {
  done = false;
  value = 0;
  private readonly slab: Slab;
  private readonly walk: Walk;
  /** Tag of the records that count. */
  private readonly only: number;

  /**
   * @param slab What to walk.
   * @param only Tag of the records that count.
   */
  constructor(slab: Slab, only: number = ALL_KINDS) {
    this.slab = slab;
    this.walk = new Walk(slab, { _b: Slab.NOWHERE, _o: 0 });
    this.only = only;
  }

  /** @returns This object: `done`, or `value` the next handle. */
  next(): this {
    const { walk, only } = this;
    do walk.next(); while (
      only !== ALL_KINDS && !walk.done && walk.block.tags[walk.chunk] !== only
    );
    this.done = walk.done;
    if (!walk.done) this.value = this.slab.handleAt(walk.block, walk.chunk);
    return this;
  }

  [Symbol.iterator](): this {
    return this;
  }
}

/** A view for each kind of record, and which of them count. */
class KindViews {
  private readonly kinds: readonly Kind[];
  /** By tag, made when the first record of the kind is met. */
  private readonly views: (RecordView | undefined)[] = [];
  /** Tag of the records that count. */
  only = ALL_KINDS;

  constructor(kinds: readonly Kind[]) {
    this.kinds = kinds;
  }

  /** Moves the view of its kind to a record; `undefined` for one that does not count. */
  at(block: Block, chunk: number): RecordView | undefined {
    const tag = block.tags[chunk];
    if (this.only !== ALL_KINDS && this.only !== tag) return undefined;
    const view = this.views[tag] ??= new this.kinds[tag].View(block, 0);
    view._b = block;
    view._o = chunk * block.chunkBytes;
    return view;
  }
}

/** A walk over the live records of a slab of mixed kinds. */
export class KindWalk implements IterableIterator<RecordView> {
  done = false;
  value: RecordView = { _b: Slab.NOWHERE, _o: 0 };
  private readonly walk: Walk;
  private readonly views: KindViews;

  /**
   * @param slab What to walk.
   * @param kinds Its kinds, by tag.
   * @param only Tag of the records that count.
   */
  constructor(slab: Slab, kinds: readonly Kind[], only: number) {
    this.walk = new Walk(slab, { _b: Slab.NOWHERE, _o: 0 });
    this.views = new KindViews(kinds);
    this.views.only = only;
  }

  /** @returns This object: `done`, or `value` on the next record that counts. */
  next(): this {
    const { walk, views } = this;
    let view: RecordView | undefined;
    while (view === undefined && !walk.next().done) view = views.at(walk.block, walk.chunk);
    this.done = walk.done;
    if (view !== undefined) this.value = view;
    return this;
  }

  [Symbol.iterator](): this {
    return this;
  }
}

/**
 * Stands between a slab's iteration and the function that it is for: hands on the records that count, each through the
 * view of its kind. It serves one iteration after another, so that none of them allocates.
 */
export class KindVisit {
  private readonly slab: Slab;
  private readonly views: KindViews;
  /** What the slab moves. */
  private readonly at: RecordView = { _b: Slab.NOWHERE, _o: 0 };
  private fn: Visit = () => {};
  private pred: (view: RecordView, handle: number) => boolean = () => true;

  /**
   * @param slab What to iterate over.
   * @param kinds Its kinds, by tag.
   */
  constructor(slab: Slab, kinds: readonly Kind[]) {
    this.slab = slab;
    this.views = new KindViews(kinds);
  }

  /**
   * @param only Tag of the records that count.
   * @param fn Called with each of them.
   */
  forEach(only: number, fn: Visit): void {
    this.views.only = only;
    this.fn = fn;
    this.slab.forEach(this.at, this.visit);
  }

  /**
   * @param only Tag of the records that count; the others stay.
   * @param pred Called with each of them.
   * @returns How many were freed, as it was false for them.
   */
  retain(only: number, pred: (view: RecordView, handle: number) => boolean): number {
    this.views.only = only;
    this.pred = pred;
    return this.slab.retain(this.at, this.keep);
  }

  private readonly visit: Visit = ({ _b: block }, handle) => {
    const view = this.views.at(block as Block, this.slab.chunkOf(handle)); // slabs move views over blocks
    if (view !== undefined) this.fn(view, handle);
  };

  private readonly keep = ({ _b: block }: RecordView, handle: number): boolean => {
    const view = this.views.at(block as Block, this.slab.chunkOf(handle));
    return view === undefined || this.pred(view, handle);
  };
}

/** Several walks, one after the other. */
export class Chain<T> implements IterableIterator<T> {
  done = false;
  // Nothing before the first step, when nobody looks at it.
  value: T = undefined as T;
  private readonly walks: readonly Iterator<T>[];
  private current = 0;

  /** @param walks What to walk. */
  constructor(walks: readonly Iterator<T>[]) {
    this.walks = walks;
  }

  /** @returns This object: `done`, or `value` the next one of the current walk. */
  next(): this {
    for (; this.current < this.walks.length; this.current++) {
      const { done, value } = this.walks[this.current].next();
      if (done === true) continue;
      this.value = value;
      return this;
    }
    this.done = true;
    return this;
  }

  [Symbol.iterator](): this {
    return this;
  }
}
