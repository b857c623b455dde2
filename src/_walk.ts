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
import { Slab } from "./_slab.ts";
import type { RecordView, Visit } from "./_view.ts";

/** A walk over the live records of a slab. */
export class Walk implements IterableIterator<RecordView> {
  done = false;
  readonly value: RecordView;
  private readonly slab: Slab;
  /** From chunk to chunk, in what the view counts in. */
  private readonly stride: number;
  /** Where the view stands. */
  block: Block = Slab.NOWHERE;
  chunk = -1;

  /**
   * @param slab What to walk.
   * @param view Moved from record to record.
   */
  constructor(slab: Slab, view: RecordView) {
    this.slab = slab;
    this.stride = slab.chunkBytes >> view._shift;
    this.value = view;
  }

  /** @returns This object: `done`, or `value` on the next record. */
  next(): this {
    const chunk = this.chunk + 1;
    const block = this.block;
    if (chunk < block.bump && block.live === block.bump) {
      this.chunk = chunk;
      this.value._b = block;
      this.value._o = Math.imul(chunk, this.stride);
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
    this.value._o = Math.imul(chunk, this.stride);
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
    this.walk = new Walk(slab, { _b: Slab.NOWHERE, _o: 0, _shift: 0 });
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

/** A view for each kind of record. */
class KindViews {
  private readonly kinds: readonly Kind[];
  /** By tag, made when the first record of the kind is met. */
  private readonly views: (RecordView | undefined)[] = [];

  constructor(kinds: readonly Kind[]) {
    this.kinds = kinds;
  }

  /** The view of a kind, by its tag. */
  of(tag: number): RecordView {
    return this.views[tag] ??= new this.kinds[tag].View(Slab.NOWHERE, 0);
  }
}

/** A walk over the live records of a slab of mixed kinds. */
export class KindWalk implements IterableIterator<RecordView> {
  done = false;
  value: RecordView = { _b: Slab.NOWHERE, _o: 0, _shift: 0 };
  private readonly slab: Slab;
  private readonly chunkBytes: number;
  private readonly views: KindViews;
  /** Tag of the records that count. */
  private readonly only: number;
  /** Tag of the records that `value` is a view of. */
  private tag = -1;
  /** Where it stands. */
  private block: Block = Slab.NOWHERE;
  private chunk = -1;

  /**
   * @param slab What to walk.
   * @param kinds Its kinds, by tag.
   * @param only Tag of the records that count.
   */
  constructor(slab: Slab, kinds: readonly Kind[], only: number) {
    this.slab = slab;
    this.chunkBytes = slab.geometry.chunkBytes;
    this.views = new KindViews(kinds);
    this.only = only;
  }

  /** @returns This object: `done`, or `value` on the next record that counts. */
  next(): this {
    const chunk = this.chunk + 1;
    const block = this.block;
    if (chunk < block.bump && block.live === block.bump && block.tags[chunk] === this.tag) {
      this.chunk = chunk;
      block.place(this.value, chunk * this.chunkBytes);
    } else this.seek(chunk);
    return this;
  }

  [Symbol.iterator](): this {
    return this;
  }

  private seek(from: number): void {
    const { slab: { blocks }, only } = this;
    let block = this.block;
    let chunk = block.nextLive(from);
    while (chunk >= block.bump || only !== ALL_KINDS && block.tags[chunk] !== only) {
      if (chunk < block.bump) chunk = block.nextLive(chunk + 1);
      else if (block.position + 1 < blocks.length) {
        block = blocks[block.position + 1];
        chunk = block.nextLive(0);
      } else {
        this.done = true;
        return;
      }
    }
    this.block = block;
    this.chunk = chunk;
    this.tag = block.tags[chunk];
    this.value = this.views.of(this.tag);
    block.place(this.value, chunk * this.chunkBytes);
  }
}

/**
 * Hands the records of a slab that count to a function, each through the view of its kind. It serves one iteration after
 * another, so that none of them allocates.
 */
export class KindVisit {
  private readonly slab: Slab;
  private readonly views: KindViews;
  /** What the slab moves in `retain`, the tag of the records that count there, and the predicate. */
  private readonly at: RecordView = { _b: Slab.NOWHERE, _o: 0, _shift: 0 };
  private only = ALL_KINDS;
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
    const { blocks } = this.slab;
    for (let i = 0; i < blocks.length; i++) this.visit(blocks[i], only, fn);
  }

  /**
   * As `visit` of a slab, four records a turn while every chunk below the mark is live, with the tag looked at before each:
   * the function may have put a record of another kind there. Where kinds do not change this costs a tenth.
   */
  private visit(block: Block, only: number, fn: Visit): void {
    const { codec } = this.slab;
    const { stamps, tags, firstIndex, bump, chunkBytes } = block;
    if (bump === 0) return;
    let tag = only === ALL_KINDS ? tags[0] : only;
    let view = this.views.of(tag);
    let chunk = 0;
    while (chunk + 4 <= bump) {
      if (block.live !== bump || block.bump !== bump) break;
      if (tags[chunk] !== tag) {
        if (only !== ALL_KINDS) {
          chunk++;
          continue;
        }
        view = this.views.of(tag = tags[chunk]);
      }
      block.place(view, chunk * chunkBytes);
      fn(view, codec.encode(firstIndex + chunk, stamps[chunk++]));
      if (block.live !== bump || block.bump !== bump) break;
      if (tags[chunk] !== tag) {
        if (only !== ALL_KINDS) {
          chunk++;
          continue;
        }
        view = this.views.of(tag = tags[chunk]);
      }
      block.place(view, chunk * chunkBytes);
      fn(view, codec.encode(firstIndex + chunk, stamps[chunk++]));
      if (block.live !== bump || block.bump !== bump) break;
      if (tags[chunk] !== tag) {
        if (only !== ALL_KINDS) {
          chunk++;
          continue;
        }
        view = this.views.of(tag = tags[chunk]);
      }
      block.place(view, chunk * chunkBytes);
      fn(view, codec.encode(firstIndex + chunk, stamps[chunk++]));
      if (block.live !== bump || block.bump !== bump) break;
      if (tags[chunk] !== tag) {
        if (only !== ALL_KINDS) {
          chunk++;
          continue;
        }
        view = this.views.of(tag = tags[chunk]);
      }
      block.place(view, chunk * chunkBytes);
      fn(view, codec.encode(firstIndex + chunk, stamps[chunk++]));
    }
    if (chunk < block.bump) this.visitSparse(block, only, fn, chunk);
  }

  /** As `visitSparse` of a slab. */
  private visitSparse(block: Block, only: number, fn: Visit, from: number): void {
    const { codec } = this.slab;
    const { stamps, tags, firstIndex, liveBits, chunkBytes } = block;
    let seen = from & 31; // chunks of the first word that are behind us
    for (let word = from >> 5; word << 5 < block.bump; word++) {
      let left = liveBits[word] & (-1 << seen);
      while (left !== 0) {
        const chunk = (word << 5) + 31 - Math.clz32(left & -left);
        if (only === ALL_KINDS || only === tags[chunk]) {
          const view = this.views.of(tags[chunk]);
          block.place(view, chunk * chunkBytes);
          fn(view, codec.encode(firstIndex + chunk, stamps[chunk]));
        }
        left = liveBits[word] & (-2 << chunk); // a shift counts modulo 32
      }
      seen = 0;
    }
  }

  /**
   * @param only Tag of the records that count; the others stay.
   * @param pred Called with each of them.
   * @returns How many were freed, as it was false for them.
   */
  retain(only: number, pred: (view: RecordView, handle: number) => boolean): number {
    this.only = only;
    this.pred = pred;
    return this.slab.retain(this.at, this.keep);
  }

  private readonly keep = ({ _b, _o }: RecordView, handle: number): boolean => {
    const block = _b as Block; // slabs move views over blocks
    const tag = block.tags[this.slab.chunkOf(handle)];
    if (this.only !== ALL_KINDS && this.only !== tag) return true;
    const view = this.views.of(tag);
    block.place(view, _o);
    return this.pred(view, handle);
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
